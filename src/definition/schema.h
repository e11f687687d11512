/* The DSL's shape as data: what may stand where in a workflow file (the standard's JSON Schema, as tables).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_SCHEMA_H
#define BATON_DEFINITION_SCHEMA_H

#include "definition/node.h"
#include "definition/workflow.h"

/* What a string must look like. A string that holds an expression ("${") need not. */
typedef enum dsl_text {
    DSL_ANY_TEXT,
    DSL_SEMVER, /* 1.0.3 */
    DSL_NAME,   /* letters, digits and dashes */
    DSL_URI,
    DSL_EXPRESSION /* wholly "${ ... }" */
} dsl_text;

typedef enum dsl_form {
    DSL_PLAIN,
    DSL_STEP,     /* a task: its properties follow from its keyword */
    DSL_DURATION, /* checked as a whole, where durations are compiled */
} dsl_form;

typedef struct dsl_type dsl_type;

typedef enum dsl_flag {
    DSL_REQUIRED = 1,
    DSL_CHOICE = 2 /* exactly one of the properties with this flag must be there */
} dsl_flag;

typedef struct dsl_property {
    const char *name; /* NULL ends a list */
    const dsl_type *type;
    unsigned flags;
    const char *unsupported; /* what it is called when this version does not execute it; NULL: it does */
} dsl_property;

struct dsl_type {
    dsl_form form;
    unsigned kinds;     /* of node_kind; 0: any node, unchecked */
    bool integer;       /* a number must be whole and not negative */
    bool or_expression; /* a string "${ ... }" may stand for it */
    bool not_empty;     /* at least one item or member, or character */
    bool single;        /* exactly one member */
    dsl_text text;
    const char *const *words;       /* the texts admitted, ended by NULL; NULL: all */
    const dsl_property *properties; /* NULL: none by name */
    const char *instead;            /* when this property is there, none is required */
    const dsl_type *members;        /* of the properties not named; NULL: see others */
    enum { DSL_UNKNOWN, DSL_FREE, DSL_NOT_EXECUTED } others; /* the properties not named */
    const dsl_type *items;                                   /* NULL: any */
};

typedef struct dsl_step {
    const char *keyword;
    step_kind kind;
    const dsl_property *properties; /* its own, the keyword's first */
    const char *unsupported;
} dsl_step;

extern const dsl_type dsl_workflow;
extern const dsl_property dsl_step_base[];
extern const dsl_step dsl_steps[];
extern const size_t dsl_step_count;

/* Protocols of `call`, and the type of `with` under each. */
extern const dsl_property dsl_calls[];

/* By the first keyword that the step has; NULL when it has none. */
const dsl_step *dsl_step_find(const node *n);
const dsl_property *dsl_property_find(const dsl_property *list, const char *key);

#endif
