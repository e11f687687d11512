/* What the parts of the compiler share: checked nodes become the structures of workflow.h.
 *
 * Compiling goes on beside problems, so that all are found at once. What was of the wrong kind was told by
 * the checker: here it counts as absent.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_COMPILE_H
#define BATON_DEFINITION_COMPILE_H

#include "definition/node.h"
#include "definition/problems.h"
#include "definition/workflow.h"

/* Which expression stands where, for the errors that come when all are compiled together. */
typedef struct expression_record {
    const expression *expression;
    const node *node;
    size_t offset; /* in the node's text */
    bool shell;    /* of shell.command: "${" may be meant for the shell */
} expression_record;

/* The names of one sequence, sorted, for `then`. */
typedef struct sequence_name {
    const char *name;
    uint32_t index;
} sequence_name;

typedef struct sequence_names {
    sequence_name *items;
    uint32_t count;
    bool branches; /* of a fork: nothing follows in them */
} sequence_names;

/* A function of `use`: its step stands before its content is compiled, so that it can be called anywhere.
 */
typedef struct function {
    const char *name;
    step *step;
    uint32_t calls; /* how many calls it makes of functions that may call in a circle */
    bool visited;
} function;

typedef struct function_call {
    uint32_t from, to;
    const node *where;
} function_call;

enum { NO_FUNCTION = UINT32_MAX };

typedef struct compiler {
    const document *document;
    baton_workflow *workflow;
    problems *found;
    problems *unsupported;
    bool no_memory;
    bool too_many;         /* steps */
    bool foreign_language; /* expressions are not jq: they are left alone */
    unsigned secrets;      /* the bit of $secrets, when the workflow declares some */
    node *use;
    step **steps;
    size_t step_count, step_capacity;
    function *functions; /* by name */
    uint32_t function_count;
    uint32_t function; /* the one that is being compiled, or NO_FUNCTION */
    function_call *calls;
    size_t call_count, call_capacity;
    expression_record *records;
    size_t record_count, record_capacity;
} compiler;

/* Where a step stands while it is compiled. */
typedef struct step_context {
    const expression_scope *scope; /* its variables; arguments do not count */
    const sequence_names *siblings;
} step_context;

#define ARGUMENT(name)       (1u << EXPRESSION_##name)
#define WORKFLOW_ARGUMENTS   (ARGUMENT(WORKFLOW) | ARGUMENT(RUNTIME))
#define RAW_STEP_ARGUMENTS   (WORKFLOW_ARGUMENTS | ARGUMENT(CONTEXT) | ARGUMENT(TASK))
#define DEFINITION_ARGUMENTS (RAW_STEP_ARGUMENTS | ARGUMENT(INPUT))

/* ---- compile.c ---- */

/* Fills the workflow of c from c->document. Problems are in c->found. */
void compile_workflow(compiler *c);
void compile_done(compiler *c);
void compile_sequence(compiler *c, const node *list, step *parent, const char *reference, sequence *out,
                      const expression_scope *scope, bool branches);
/* Memory of the workflow's; NULL without, which is remembered. */
void *compile_alloc(compiler *c, size_t size);
const char *compile_copy(compiler *c, const char *text);
place compile_place(const compiler *c, const node *n);
__attribute__((format(printf, 3, 4))) void compile_problem(compiler *c, const node *n, const char *format,
                                                           ...);
/* Makes room for one more element. */
bool compile_grow(compiler *c, void **array, size_t *capacity, size_t count, size_t size);
/* Adds a step to all steps; false without room. s is zeroed memory of the workflow's. */
bool compile_add_step(compiler *c, step *s, const node_member *m, step *parent, const char *reference);
/* Follows a `then`. */
flow compile_flow(compiler *c, const node *n, const sequence_names *siblings);
/* The entry of use.SECTION that a string names; NULL after a problem. */
node *compile_use(compiler *c, const char *section, const node *name);
/* The scope with one more variable. */
expression_scope compile_scope_with(compiler *c, const expression_scope *scope, const char *name);

/* ---- compile_function.c: the functions of `use` ---- */

/* Makes their steps, still empty, so that they can be called from anywhere. */
void compile_declare_functions(compiler *c);
/* Fills them, and refuses circles. */
void compile_functions(compiler *c);
/* NULL when there is none of this name. */
function *compile_function_find(const compiler *c, const char *name);
void compile_remember_call(compiler *c, const function *to, const node *where);

/* ---- compile_step.c ---- */

/* Fills a step from its node. */
void compile_step(compiler *c, step *s, const node *n, const step_context *context);

/* ---- compile_value.c: expressions, templates, durations, schemas ---- */

/* All of these give NULL for a node that is NULL or not of the right kind, and after a problem. */
const expression *compile_condition(compiler *c, const node *n, const expression_scope *scope);
const template *compile_template(compiler *c, node *n, const expression_scope *scope);
const template *compile_shell_command(compiler *c, node *n, const expression_scope *scope);
/* A string is an expression, with or without "${ }"; all else is a template. */
const template *compile_transformation(compiler *c, node *n, const expression_scope *scope);
const template *compile_literal(compiler *c, node *n);
const duration *compile_duration(compiler *c, node *n, const expression_scope *scope);
/* The duration of a `timeout`, in place or by name. */
const duration *compile_timeout(compiler *c, node *n, const expression_scope *scope);
/* The `schema` of an input, output or export. */
const json_schema *compile_schema(compiler *c, const node *owner);
/* Has libjq compile what was added; problems get their places. */
void compile_expressions(compiler *c);

#endif
