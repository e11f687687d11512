/* A compiled JSON Schema: what json_schema.c makes and json_schema_check.c walks.
 *
 * Each place of the document that is a schema is one node, so that recursive schemas are cycles of nodes.
 * No cycle is made of edges alone that stay at the same value: a check always goes on inwards or ends.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_JSON_SCHEMA_NODE_H
#define BATON_DEFINITION_JSON_SCHEMA_NODE_H

#include "base/arena.h"
#include "definition/json_schema.h"
#include "definition/pattern.h"

typedef struct schema_node schema_node;

/* Keywords with a number; each has a value that never refuses, which stands for its absence. */
typedef enum schema_bound {
    BOUND_MINIMUM,
    BOUND_MAXIMUM,
    BOUND_EXCLUSIVE_MINIMUM,
    BOUND_EXCLUSIVE_MAXIMUM,
    BOUND_MULTIPLE_OF,
    BOUND_MIN_LENGTH,
    BOUND_MAX_LENGTH,
    BOUND_MIN_ITEMS,
    BOUND_MAX_ITEMS,
    BOUND_MIN_CONTAINS,
    BOUND_MAX_CONTAINS,
    BOUND_MIN_PROPERTIES,
    BOUND_MAX_PROPERTIES,
    BOUNDS
} schema_bound;

/* Bits of `types` above those of the kinds (1 << BATON_KIND_STRING and so on). */
enum { SCHEMA_INTEGER = 1 << 8 };

typedef struct schema_list {
    const schema_node **nodes;
    uint32_t count;
} schema_list;

typedef struct schema_pattern {
    pattern *regex;
    const char *text;
    const schema_node *node; /* NULL for `pattern` */
} schema_pattern;

/* What a schema says of the member with one name. */
typedef struct schema_member {
    const char *name;
    const schema_node *node;      /* properties; may be NULL */
    const schema_node *dependent; /* dependentSchemas; may be NULL */
    const char **needs;           /* dependentRequired */
    uint32_t need_count;
    bool required;
} schema_member;

struct schema_node {
    schema_node *next;   /* in the schema's list of all */
    const char *pointer; /* where it stands in the document */
    bool refuses;        /* the schema `false` */
    bool unique;
    bool has_members; /* some keyword of objects is set */
    unsigned types;   /* 0: any */
    double bounds[BOUNDS];
    baton_value values;   /* enum, an array; invalid when absent */
    baton_value constant; /* invalid when absent */
    schema_pattern pattern;
    schema_member *members; /* by name */
    uint32_t member_count, required_count;
    schema_pattern *patterns; /* patternProperties */
    uint32_t pattern_count;
    const schema_node *additional, *names;
    schema_list prefix;
    const schema_node *items, *contains;
    schema_list all_of, any_of, one_of;
    const schema_node *not_, *if_, *then, *else_;
    const schema_node *reference;
    int height; /* nodes that may follow one another from here at the same value; 0: not measured yet */
};

struct json_schema {
    arena arena;
    schema_node *nodes;
    const schema_node *root;
};

#endif
