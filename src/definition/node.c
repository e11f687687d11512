/* Nodes: looking into them, turning them to data, and finding the place of a byte of their text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/node.h"

#include "definition/scalar.h"

#include <string.h>

void document_done(document *d) {
    for (node *n = d->all; n; n = n->next) baton_value_unref(n->value);
    d->all = d->root = NULL;
    problems_done(&d->faults);
    arena_done(&d->arena);
}

const node_member *node_member_of(const node *n, const char *key) {
    if (!n || n->kind != NODE_OBJECT) return NULL;
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->members[i].key, key) == 0) return &n->members[i];
    return NULL;
}

node *node_get(const node *n, const char *key) {
    const node_member *member = node_member_of(n, key);
    return member ? member->value : NULL;
}

const char *node_text(const node *n) { return n && n->kind == NODE_STRING ? n->text : NULL; }

const char *node_kind_name(node_kind kind) {
    switch (kind) {
    case NODE_NULL: return "null";
    case NODE_BOOLEAN: return "a boolean";
    case NODE_NUMBER: return "a number";
    case NODE_STRING: return "a string";
    case NODE_ARRAY: return "a list";
    case NODE_OBJECT: return "an object";
    }
    return "nothing";
}

static baton_value make_value(node *n) {
    switch (n->kind) {
    case NODE_NULL: return baton_value_null();
    case NODE_BOOLEAN: return baton_value_boolean(n->boolean);
    case NODE_NUMBER: return baton_value_number(n->number);
    case NODE_STRING: return baton_value_string_sized(n->text, n->size);
    case NODE_ARRAY: {
        baton_value array = baton_value_array();
        for (size_t i = 0; i < n->count; i++) array = baton_value_append(array, node_value(n->items[i]));
        return array;
    }
    case NODE_OBJECT: {
        baton_value object = baton_value_object();
        for (size_t i = 0; i < n->count; i++)
            object = baton_value_set(object, n->members[i].key, node_value(n->members[i].value));
        return object;
    }
    }
    return baton_value_invalid();
}

/* Kept with the node: a step's definition is also part of its parents' and of the workflow's. */
baton_value node_value(node *n) {
    if (!baton_value_is_valid(n->value)) n->value = make_value(n);
    return baton_value_ref(n->value);
}

/* ---- Places ----
 * Source and text are walked side by side. They differ in escapes, in line breaks that YAML folds, and in
 * the indentation of the lines that follow. */

static size_t escape_size(const char *source, size_t left) {
    if (left < 2) return left;
    size_t wanted = source[1] == 'x' ? 4 : source[1] == 'u' ? 6 : source[1] == 'U' ? 10 : 2;
    /* Two escapes of UTF-16 make one character. */
    if (wanted == 6 && left >= 12 && (source[2] | 0x20) == 'd' && strchr("89abAB", source[3]) &&
        source[6] == '\\' && source[7] == 'u')
        wanted = 12;
    return wanted < left ? wanted : left;
}

static size_t character_size(const char *text, size_t left) {
    size_t size = 1;
    while (size < left && ((unsigned char)text[size] & 0xc0) == 0x80) size++;
    return size;
}

typedef struct walk {
    const document *document;
    const node *node;
    size_t source, text; /* how far both were walked */
    size_t indent;       /* of a block scalar's lines */
} walk;

/* A run of line breaks in the source, for which the text has one blank or fewer line breaks. */
static void walk_breaks(walk *w) {
    const document *d = w->document;
    const node *n = w->node;
    size_t breaks = 0;
    for (;;) {
        size_t end = scalar_skip_blanks(d, w->source, SIZE_MAX), size = scalar_break_size(d, end);
        if (size == 0 || (n->style == NODE_LITERAL && breaks == 1)) break;
        w->source = end + size;
        breaks++;
    }
    bool is_block = n->style == NODE_LITERAL || n->style == NODE_FOLDED;
    w->source = scalar_skip_blanks(d, w->source, is_block ? w->indent : SIZE_MAX);
    if (w->text < n->size && n->text[w->text] == ' ')
        w->text++;
    else
        while (breaks-- > 0 && w->text < n->size && n->text[w->text] == '\n') w->text++;
}

static bool at_line_end(const walk *w) {
    bool strips = w->node->style != NODE_LITERAL && w->node->style != NODE_FOLDED;
    return scalar_break_size(w->document,
                             scalar_skip_blanks(w->document, w->source, strips ? SIZE_MAX : 0)) > 0;
}

/* Moves at least one byte on in the source. */
static void walk_character(walk *w) {
    const document *d = w->document;
    const node *n = w->node;
    bool is_escape = n->style == NODE_DOUBLE_QUOTED && d->text[w->source] == '\\';
    size_t escaped_break = is_escape ? scalar_break_size(d, w->source + 1) : 0;
    if (escaped_break) {
        w->source = scalar_skip_blanks(d, w->source + 1 + escaped_break, SIZE_MAX);
        return;
    }
    if (!is_escape && at_line_end(w)) {
        walk_breaks(w);
        return;
    }
    size_t left = d->size - w->source;
    size_t size = is_escape ? escape_size(d->text + w->source, left)
                  : n->style == NODE_SINGLE_QUOTED && d->text[w->source] == '\''
                      ? 2
                      : character_size(d->text + w->source, left);
    w->source += size;
    w->text += character_size(n->text + w->text, n->size - w->text);
}

static size_t count_indent(const document *d, size_t start) {
    size_t at = start;
    while (at < d->size) {
        size_t blanks = 0;
        while (at + blanks < d->size && d->text[at + blanks] == ' ') blanks++;
        if (at + blanks >= d->size || d->text[at + blanks] != '\n') return blanks;
        at += blanks + 1;
    }
    return 0;
}

place node_place_inside(const document *d, const node *n, size_t offset) {
    walk w = {.document = d, .node = n, .source = n->start};
    if (n->style == NODE_LITERAL || n->style == NODE_FOLDED) {
        w.indent = count_indent(d, n->start);
        w.source += w.indent;
    }
    while (w.text < offset && w.text < n->size && w.source < d->size) walk_character(&w);
    place p = {d->file, n->line, n->column};
    if (n->style == NODE_SINGLE_QUOTED || n->style == NODE_DOUBLE_QUOTED) p.column++;
    for (size_t i = n->start; i < w.source && i < d->size; i++) {
        if (d->text[i] == '\n') {
            p.line++;
            p.column = 1;
        } else if (((unsigned char)d->text[i] & 0xc0) != 0x80) {
            p.column++;
        }
    }
    return p;
}
