/* A workflow file as a tree of nodes: JSON's kinds, and where each node and key stands in the file.
 *
 * Anchors and aliases share nodes, so the tree may be a graph without circles; what it unfolds to is
 * bounded by LIMIT_FILE_NODES, LIMIT_FILE_TEXT and LIMIT_FILE_DEPTH. A document belongs to one thread at a
 * time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_NODE_H
#define BATON_DEFINITION_NODE_H

#include "base/arena.h"
#include "base/error.h"
#include "definition/problems.h"

#include <baton/baton.h>

/* One bit each, so that sets of kinds can be written. */
typedef enum node_kind {
    NODE_NULL = 1,
    NODE_BOOLEAN = 2,
    NODE_NUMBER = 4,
    NODE_STRING = 8,
    NODE_ARRAY = 16,
    NODE_OBJECT = 32
} node_kind;

typedef enum node_style {
    NODE_PLAIN,
    NODE_SINGLE_QUOTED,
    NODE_DOUBLE_QUOTED,
    NODE_LITERAL,
    NODE_FOLDED
} node_style;

typedef struct node node;

typedef struct node_member {
    const char *key;
    int line, column;
    node *value;
} node_member;

struct node {
    node_kind kind;
    node_style style;
    int line, column; /* from 1; of a quoted scalar's quote */
    size_t start;     /* where a scalar's text begins in the file, in bytes */
    const char *text; /* scalars: as written, quotes and escapes resolved */
    size_t size;
    double number;
    bool boolean;
    bool faulty;          /* its problem was told: of any kind that is wanted */
    uint32_t count;       /* items or members */
    uint32_t height;      /* levels of nodes below, itself included */
    uint32_t weight;      /* nodes when aliases are followed, itself included */
    size_t bytes;         /* of text when aliases are followed */
    node **items;         /* NODE_ARRAY */
    node_member *members; /* NODE_OBJECT */
    baton_value value;    /* made at first need; see node_value */
    node *next;           /* all nodes of the document */
};

typedef struct document {
    const char *file;
    const char *text;
    size_t size;
    arena arena;
    node *root;
    node *all;
    problems faults; /* of single nodes */
} document;

/* Reads YAML 1.2 (and so JSON) with the core schema's scalars. text and file are borrowed and must outlive
 * the document. -1 after an error that ends the reading, with its place: a syntax error, a limit. What is
 * wrong with a single node is gathered in d->faults, and reading goes on: a key twice, a tag that is not of
 * the core schema, a number that JSON has not or a double does not hold. */
int document_read(document *d, const char *text, size_t size, const char *file, baton_error **err);
void document_done(document *d);

/* The value under a key; NULL when n is NULL, no object, or has no such key. */
node *node_get(const node *n, const char *key);
const node_member *node_member_of(const node *n, const char *key);
/* The text of a string; NULL when n is NULL or no string. */
const char *node_text(const node *n);
/* "a string", "an object": for messages. */
const char *node_kind_name(node_kind kind);
/* The node as data; given; invalid without memory. */
baton_value node_value(node *n);
/* Where the byte `offset` of a scalar's text stands in the file. */
place node_place_inside(const document *d, const node *n, size_t offset);

#endif
