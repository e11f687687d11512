/* A compiled workflow: what the definition reader and the builder make, and the machine walks.
 *
 * Immutable once made. All of it lives in the workflow's arena, but for values and expression programs,
 * which workflow_unref releases.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_WORKFLOW_H
#define BATON_DEFINITION_WORKFLOW_H

#include "base/arena.h"
#include "base/error.h"
#include "definition/json_schema.h"
#include "expression/expression.h"
#include "expression/template.h"

#include <baton/baton.h>
#include <stdatomic.h>

typedef enum step_kind {
    STEP_DO,
    STEP_SET,
    STEP_SWITCH,
    STEP_FOR,
    STEP_FORK,
    STEP_RAISE,
    STEP_TRY,
    STEP_WAIT,
    STEP_RUN,      /* shell, script */
    STEP_HTTP,     /* call: http */
    STEP_CALL,     /* call: a function of `use.functions` */
    STEP_FUNCTION, /* a step in C: of the builder, or call: a function of the registry */
    STEP_UNSUPPORTED,
    STEP_KINDS
} step_kind;

typedef struct step step;

/* Where to go after a step (DSL, "Flow Directive"). */
typedef struct flow {
    enum { FLOW_CONTINUE, FLOW_EXIT, FLOW_END, FLOW_STEP } kind;
    uint32_t target; /* FLOW_STEP: index in the same sequence */
} flow;

typedef struct sequence {
    step **steps;
    uint32_t count;
} sequence;

/* DSL, "Duration": a constant, or an expression that yields an ISO 8601 string or a duration object. */
typedef struct duration {
    int64_t ms;
    const template *expression; /* NULL: ms counts */
} duration;

typedef struct switch_case {
    const char *name;
    const expression *when; /* NULL: the default */
    flow then;
} switch_case;

typedef struct step_switch {
    switch_case *cases;
    uint32_t count;
} step_switch;

typedef struct step_for {
    const char *each, *at; /* variable names without "$" */
    const template *in;
    const expression *while_; /* may be NULL */
    sequence body;
} step_for;

typedef struct step_fork {
    sequence branches;
    bool compete;
} step_fork;

/* DSL, "Error": what `raise` raises. title, detail and instance may be NULL. */
typedef struct error_definition {
    const template *type, *status, *title, *detail, *instance;
} error_definition;

typedef enum backoff { BACKOFF_CONSTANT, BACKOFF_LINEAR, BACKOFF_EXPONENTIAL } backoff;

/* DSL, "Retry". */
typedef struct retry_policy {
    const expression *when, *except_when; /* may be NULL */
    const duration *delay;                /* NULL: none */
    backoff backoff;
    int64_t max_attempts;                    /* limit.attempt.count: retries; -1: no limit */
    const duration *attempt_duration;        /* limit.attempt.duration; may be NULL */
    const duration *total_duration;          /* limit.duration; may be NULL */
    const duration *jitter_from, *jitter_to; /* both or none */
} retry_policy;

typedef struct step_try {
    sequence body;
    const template *errors_with; /* an object of the properties to match; NULL: every error */
    const char *as;              /* default "error" */
    const expression *when, *except_when;
    const retry_policy *retry; /* may be NULL */
    sequence handler;          /* catch.do */
    bool has_handler, has_then;
    flow then; /* catch.then */
} step_try;

typedef enum run_return { RETURN_STDOUT, RETURN_STDERR, RETURN_CODE, RETURN_ALL, RETURN_NONE } run_return;

typedef struct step_run {
    const char *interpreter;     /* NULL: /bin/sh -c; else "node" or "python3" */
    const template *command;     /* shell.command, or script.code as a literal */
    const template *arguments;   /* an array; may be NULL */
    const template *environment; /* an object; may be NULL */
    const template *input;       /* stdin; may be NULL */
    bool await;
    run_return result;
} step_run;

typedef enum auth_kind { AUTH_NONE, AUTH_BASIC, AUTH_BEARER, AUTH_DIGEST } auth_kind;

typedef struct authentication {
    auth_kind kind;
    const template *username, *password; /* basic, digest */
    const template *token;               /* bearer */
} authentication;

typedef enum http_output { HTTP_CONTENT, HTTP_RAW, HTTP_RESPONSE } http_output;

typedef struct step_http {
    const template *method;
    const template *uri;     /* text; {name} is replaced afterwards from the step's input */
    bool uri_is_template;    /* false when the URI is an expression: no {name} in it */
    const template *headers; /* an object, or an expression that yields one; may be NULL */
    const template *query;   /* the same */
    const template *body;    /* may be NULL */
    authentication authentication;
    http_output output;
    bool redirect;
} step_http;

typedef struct step_call {
    const step *function; /* the function's own step, shared by all who call it */
    const template *with; /* may be NULL: the step's input is handed on */
} step_call;

typedef struct step_function {
    const baton_step_type *type; /* lives as long as the workflow */
    const template *with;        /* in a file; may be NULL */
    baton_value arguments;       /* of the builder; null when none */
} step_function;

struct step {
    const char *name;
    const char *reference;    /* JSON pointer from the document's root: /do/0/name */
    const step *parent;       /* the step whose sequence this stands in; NULL at the top */
    const sequence *siblings; /* the sequence it stands in */
    uint32_t index;           /* its index there */
    uint32_t ordinal;         /* its index among all steps of the workflow, in order of declaration */
    step_kind kind;
    bool plain;              /* none of the properties below is set */
    bool interrupted_faults; /* metadata.baton.interrupted is fault */
    place where;
    /* DSL, "Task". Each may be NULL. */
    const expression *if_;
    const json_schema *input_schema, *output_schema, *export_schema;
    const template *input_from, *output_as, *export_as;
    const duration *timeout;
    flow then;
    baton_value definition; /* as data, for $task.definition */
    union {
        sequence do_;
        const template *set;
        step_switch switch_;
        step_for for_;
        step_fork fork;
        error_definition raise;
        step_try try_;
        duration wait;
        step_run run;
        step_http http;
        step_call call;
        step_function function;
    } u;
};

struct baton_workflow {
    atomic_uint references;
    arena arena;
    expression_program *program;
    const char *namespace, *name, *version;
    const char *file; /* what it was read from; NULL for one built in C */
    const char *text; /* what was read, whole; of one built in C its outline, as JSON */
    size_t text_size;
    bool built; /* by the builder: the seed's options apply */
    bool rollback;
    uint64_t digest;        /* of its content, for idempotent submission */
    baton_value definition; /* as data, for $workflow.definition */
    baton_value metadata;
    /* Each may be NULL. */
    const json_schema *input_schema, *output_schema;
    const template *input_from, *output_as;
    const duration *timeout;
    sequence body;
    step **steps; /* all of them, by ordinal; functions of `use` behind the others */
    uint32_t step_count;
    bool has_wait; /* a wait (or listen) somewhere: refused under `simple` */
    bool has_rollbacks;
    baton_error *unsupported; /* a list, one for each type or property not executed; or NULL */
    baton_registry *registry; /* may be NULL */
    struct workflow_rule *rules;
    size_t rule_count;
};

struct workflow_rule {
    baton_rule_function check;
    void *data;
};

baton_workflow *workflow_ref(const baton_workflow *workflow);
/* The last hold releases what hangs in the steps of `steps`, where NULLs may be, so that a half-made
 * workflow can be dropped too. A template or schema hangs at one place only: what several steps use is made
 * for each. */
void workflow_unref(baton_workflow *workflow);
/* The step with this reference, or (when no reference fits) the only one with this name; NULL if none. */
const step *workflow_find_step(const baton_workflow *workflow, const char *reference);
/* Reads a duration: an ISO 8601 string ("PT30S") or an object (hours, minutes, ...). -1 when it is none,
 * with a message that says what one looks like. */
int duration_read(baton_value value, int64_t *ms, baton_error **err);

/* The registry's own reference count, for workflows and engines that keep it. registry may be NULL. */
baton_registry *registry_ref(baton_registry *registry);
/* The registered name nearest to `name`, to be suggested, or NULL. registry may be NULL. */
const char *registry_nearest(const baton_registry *registry, const char *name);

#endif
