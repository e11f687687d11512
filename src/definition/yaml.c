/* The YAML reader: libfyaml's events become a tree of nodes.
 *
 * Events, not libfyaml's documents, because only so can limits be enforced while reading. What is checked
 * before libfyaml sees a byte: the size, UTF-8, control characters, and brackets that stand open: it keeps
 * every token of a line in memory until it knows whether the line begins a key, some 400 bytes for each
 * bracket.
 *
 * Aliases share the anchor's node. Each node knows what it unfolds to, so that bombs are refused by
 * counting and a tree that is walked needs no guard. An alias to a node that is still being read would be a
 * circle.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/text.h"
#include "definition/node.h"
#include "definition/scalar.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#define CORE_TAG "tag:yaml.org,2002:"

typedef struct anchor {
    const char *name;
    node *node;
    bool complete;
} anchor;

/* A collection that is being read. */
typedef struct level {
    node *node;
    node **items;
    node_member *members;
    size_t capacity;
    node_member key; /* value is NULL; key is NULL when the next scalar is a key */
    anchor *anchor;  /* its own; may be NULL */
} level;

typedef struct reader {
    document *document;
    struct fy_parser *parser;
    struct fy_diag *diag;
    level levels[LIMIT_FILE_DEPTH];
    size_t depth;
    anchor *anchors;
    size_t anchor_count;
    size_t node_count;
    baton_error **err;
} reader;

__attribute__((format(printf, 5, 6))) static int fail(reader *r, baton_error_code code, int line,
                                                      int column, const char *format, ...) {
    if (!r->err) return -1;
    va_list args;
    va_start(args, format);
    buffer message = {0};
    buffer_vprintf(&message, format, args);
    va_end(args);
    baton_error_set(r->err, code, "%s", buffer_text(&message));
    buffer_done(&message);
    error_set_place(*r->err, (place){r->document->file, line, column});
    return -1;
}

static int fail_at(reader *r, const struct fy_mark *mark, const char *message) {
    return fail(r, BATON_ERROR_INVALID, mark ? mark->line + 1 : 0, mark ? mark->column + 1 : 0, "%s",
                message);
}

/* ---- Before the reader ---- */

static place place_of_offset(const document *d, size_t offset) {
    place p = {d->file, 1, 1};
    for (size_t i = 0; i < offset && i < d->size; i++) {
        if (d->text[i] == '\n') {
            p.line++;
            p.column = 1;
        } else if (((unsigned char)d->text[i] & 0xc0) != 0x80) {
            p.column++;
        }
    }
    return p;
}

static int fail_offset(reader *r, baton_error_code code, size_t offset, const char *message) {
    place p = place_of_offset(r->document, offset);
    return fail(r, code, p.line, p.column, "%s", message);
}

/* The first byte that is not UTF-8: by halves, as every prefix that ends between characters is UTF-8. */
static size_t invalid_offset(const char *text, size_t size) {
    size_t low = 0, high = size;
    while (low < high) {
        size_t middle = low + (high - low) / 2, end = middle + 1;
        while (end < size && ((unsigned char)text[end] & 0xc0) == 0x80) end++;
        if (text_is_utf8(text, end))
            low = end;
        else
            high = middle;
    }
    return low;
}

static int check_bytes(reader *r) {
    const document *d = r->document;
    if (d->size > LIMIT_FILE_BYTES)
        return fail(r, BATON_ERROR_LIMIT, 0, 0, "the file is larger than %u bytes", LIMIT_FILE_BYTES);
    if (!text_is_utf8(d->text, d->size))
        return fail_offset(r, BATON_ERROR_INVALID, invalid_offset(d->text, d->size),
                           "the file is not UTF-8 text");
    size_t open = 0;
    for (size_t i = 0; i < d->size; i++) {
        unsigned char c = (unsigned char)d->text[i];
        if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return fail_offset(r, BATON_ERROR_INVALID, i, "the file holds a control character");
        if (c == '[' || c == '{') {
            if (++open > LIMIT_FILE_BRACKETS)
                return fail_offset(r, BATON_ERROR_LIMIT, i, "too many brackets are open");
        } else if ((c == ']' || c == '}') && open > 0) {
            open--;
        }
    }
    return 0;
}

/* ---- Nodes ---- */

static bool wants_key(const reader *r) {
    return r->depth > 0 && r->levels[r->depth - 1].node->kind == NODE_OBJECT &&
           !r->levels[r->depth - 1].key.key;
}

static node *add_node(reader *r, const struct fy_mark *mark) {
    node *n = arena_alloc(&r->document->arena, sizeof *n);
    if (!n) {
        error_memory(r->err);
        return NULL;
    }
    if (!wants_key(r) && ++r->node_count > LIMIT_FILE_NODES) {
        fail(r, BATON_ERROR_LIMIT, mark ? mark->line + 1 : 0, mark ? mark->column + 1 : 0,
             "the file has more than %d nodes", LIMIT_FILE_NODES);
        return NULL;
    }
    n->next = r->document->all;
    r->document->all = n;
    n->height = n->weight = 1;
    if (mark) {
        n->line = mark->line + 1;
        n->column = mark->column + 1;
        n->start = mark->input_pos;
    }
    return n;
}

/* Of an empty block at the end of the file libfyaml says that it is one byte long. */
static const char *copy_token(reader *r, struct fy_token *token, size_t *size) {
    const char *text = fy_token_get_text(token, size);
    const struct fy_mark *start = fy_token_start_mark(token), *end = fy_token_end_mark(token);
    if (start && end && start->input_pos == end->input_pos) *size = 0;
    const char *copy = text ? arena_text_sized(&r->document->arena, text, *size) : NULL;
    if (!copy) error_memory(r->err);
    return copy;
}

/* Quoted texts are resolved here. libfyaml's own way (0.7.12, fy_token_get_text) leaks memory on a few
 * doubled single quotes in a row, and loses or makes up bytes at the end of some texts of several lines. */
static const char *copy_quoted(reader *r, const node *n, size_t *size) {
    buffer text = {0};
    scalar_unquote(r->document, n->style, n->start, &text);
    *size = text.size;
    const char *copy =
        buffer_failed(&text) ? NULL : arena_text_sized(&r->document->arena, buffer_text(&text), text.size);
    buffer_done(&text);
    if (!copy) error_memory(r->err);
    return copy;
}

static int add_anchor(reader *r, struct fy_token *token, node *n, bool complete) {
    if (!token) return 0;
    if (r->anchor_count == LIMIT_FILE_ANCHORS)
        return fail(r, BATON_ERROR_LIMIT, n->line, n->column, "the file has more than %d anchors",
                    LIMIT_FILE_ANCHORS);
    size_t size;
    const char *name = copy_token(r, token, &size);
    if (!name) return -1;
    r->anchors[r->anchor_count++] = (anchor){name, n, complete};
    return 0;
}

static bool grow(void **array, size_t *capacity, size_t count, size_t size) {
    if (count < *capacity) return true;
    size_t wanted = *capacity ? *capacity * 2 : 8;
    void *grown = realloc(*array, wanted * size);
    if (!grown) return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

/* Puts a node where it belongs: into the innermost collection, or at the root. */
static int place_node(reader *r, node *n) {
    document *d = r->document;
    if (r->depth == 0) {
        d->root = n;
        return 0;
    }
    level *l = &r->levels[r->depth - 1];
    node *parent = l->node;
    bool is_array = parent->kind == NODE_ARRAY;
    if (is_array ? !grow((void **)&l->items, &l->capacity, parent->count, sizeof *l->items)
                 : !grow((void **)&l->members, &l->capacity, parent->count, sizeof *l->members))
        return error_memory(r->err);
    if (is_array) {
        l->items[parent->count++] = n;
        return 0;
    }
    l->key.value = n;
    l->members[parent->count++] = l->key;
    l->key = (node_member){0};
    return 0;
}

static int compare_members(const void *a, const void *b) {
    const node_member *x = *(const node_member *const *)a, *y = *(const node_member *const *)b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x > y) - (x < y);
}

/* Sorted pointers, not all pairs: a file may hold an object of a hundred thousand keys. */
static int check_keys(reader *r, const node *n) {
    const node_member **sorted = malloc((n->count + 1) * sizeof(node_member *));
    if (!sorted) return error_memory(r->err);
    for (size_t i = 0; i < n->count; i++) sorted[i] = &n->members[i];
    qsort(sorted, n->count, sizeof *sorted, compare_members);
    const node_member *twice = NULL;
    for (size_t i = 1; i < n->count; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 && (!twice || sorted[i] < twice))
            twice = sorted[i];
    free(sorted);
    if (twice)
        problems_add(&r->document->faults, BATON_ERROR_INVALID,
                     (place){r->document->file, twice->line, twice->column},
                     "the key '%s' stands here twice", twice->key);
    return 0;
}

/* What the children unfold to is the collection's own measure. */
static int measure(reader *r, node *n) {
    size_t weight = 1, bytes = 0;
    for (size_t i = 0; i < n->count; i++) {
        const node *child = n->kind == NODE_ARRAY ? n->items[i] : n->members[i].value;
        weight += child->weight;
        bytes += child->bytes + (n->kind == NODE_OBJECT ? strlen(n->members[i].key) : 0);
        if (child->height >= n->height) n->height = child->height + 1;
    }
    if (weight > LIMIT_FILE_NODES)
        return fail(r, BATON_ERROR_LIMIT, n->line, n->column, "aliases unfold to more than %d nodes",
                    LIMIT_FILE_NODES);
    if (bytes > LIMIT_FILE_TEXT)
        return fail(r, BATON_ERROR_LIMIT, n->line, n->column, "aliases unfold to more than %u bytes",
                    LIMIT_FILE_TEXT);
    n->weight = (uint32_t)weight;
    n->bytes = bytes;
    return 0;
}

/* ---- Events ---- */

static const struct fy_mark *start_of(struct fy_token *token) {
    return token ? fy_token_start_mark(token) : NULL;
}

static node_style style_of(struct fy_token *token) {
    switch (fy_token_scalar_style(token)) {
    case FYSS_SINGLE_QUOTED: return NODE_SINGLE_QUOTED;
    case FYSS_DOUBLE_QUOTED: return NODE_DOUBLE_QUOTED;
    case FYSS_LITERAL: return NODE_LITERAL;
    case FYSS_FOLDED: return NODE_FOLDED;
    default: return NODE_PLAIN;
    }
}

/* An empty plain scalar has no place of its own: it stands where its key does. */
static void borrow_place(const reader *r, node *n) {
    if (n->line || r->depth == 0) return;
    const level *l = &r->levels[r->depth - 1];
    n->line = l->key.line ? l->key.line : l->node->line;
    n->column = l->key.line ? l->key.column : l->node->column;
}

static int read_key(reader *r, const node *n) {
    level *l = &r->levels[r->depth - 1];
    if (n->style == NODE_PLAIN && n->size == 0)
        return fail(r, BATON_ERROR_INVALID, n->line ? n->line : l->node->line,
                    n->line ? n->column : l->node->column, "a key is missing");
    if (n->style == NODE_PLAIN && strcmp(n->text, "<<") == 0)
        return fail(r, BATON_ERROR_INVALID, n->line, n->column, "merge keys are not supported");
    l->key = (node_member){.key = n->text, .line = n->line, .column = n->column};
    return 0;
}

/* Of folded lines that begin with a tab libfyaml sometimes gives bytes that were never set. */
static bool has_tab_line(const reader *r, struct fy_token *token) {
    const struct fy_mark *start = fy_token_start_mark(token), *end = fy_token_end_mark(token);
    const document *d = r->document;
    size_t at = start ? start->input_pos : 0, limit = end ? end->input_pos : 0;
    while (at < limit && at < d->size) {
        while (at < d->size && d->text[at] == ' ') at++;
        if (at < d->size && d->text[at] == '\t') return true;
        while (at < d->size && d->text[at] != '\n') at++;
        at++;
    }
    return false;
}

static int read_scalar(reader *r, struct fy_event *event) {
    struct fy_token *token = event->scalar.value;
    node *n = add_node(r, start_of(token));
    if (!n) return -1;
    n->style = style_of(token);
    if (n->style == NODE_FOLDED && has_tab_line(r, token))
        return fail(r, BATON_ERROR_INVALID, n->line, n->column,
                    "a line of a folded text begins with a tab");
    bool quoted = n->style == NODE_SINGLE_QUOTED || n->style == NODE_DOUBLE_QUOTED;
    if (quoted) n->column--;
    n->text = quoted ? copy_quoted(r, n, &n->size) : copy_token(r, token, &n->size);
    if (!n->text) return -1;
    n->bytes = n->size;
    if (strlen(n->text) != n->size || !text_is_utf8(n->text, n->size))
        return fail(r, BATON_ERROR_INVALID, n->line, n->column,
                    "the text holds a character that is not allowed");
    bool is_key = wants_key(r);
    if (!is_key) borrow_place(r, n);
    char tag[128] = "", message[SCALAR_MESSAGE];
    if (event->scalar.tag) {
        size_t size = 0;
        const char *text = fy_token_get_text(event->scalar.tag, &size);
        snprintf(tag, sizeof tag, "%.*s", (int)(size < sizeof tag ? size : sizeof tag - 1),
                 text ? text : "");
    }
    const char *problem = NULL;
    if (!is_key || *tag) problem = scalar_resolve(n, *tag ? tag : NULL, message);
    if (problem) {
        n->faulty = true;
        n->kind = NODE_NULL;
        problems_add(&r->document->faults, BATON_ERROR_INVALID,
                     (place){r->document->file, n->line, n->column}, "%s", problem);
    }
    if (add_anchor(r, event->scalar.anchor, n, true) != 0) return -1;
    if (is_key) {
        n->kind = NODE_STRING;
        return read_key(r, n);
    }
    return place_node(r, n);
}

static int read_alias(reader *r, struct fy_event *event) {
    const struct fy_mark *name_mark = start_of(event->alias.anchor);
    struct fy_mark star = {0};
    if (name_mark) star = *name_mark;
    if (star.column > 0) star.column--;
    const struct fy_mark *mark = &star;
    if (wants_key(r)) return fail_at(r, mark, "an alias cannot be a key");
    size_t size = 0;
    const char *name = fy_token_get_text(event->alias.anchor, &size);
    for (size_t i = r->anchor_count; i-- > 0;) {
        const anchor *a = &r->anchors[i];
        if (!name || strlen(a->name) != size || memcmp(a->name, name, size) != 0) continue;
        if (!a->complete) return fail_at(r, mark, "an alias cannot stand inside of what it names");
        if (r->depth + a->node->height > LIMIT_FILE_DEPTH)
            return fail_at(r, mark, "the alias makes the file too deeply nested");
        return place_node(r, a->node);
    }
    return fail_at(r, mark, "no anchor with this name stands before the alias");
}

static int begin_collection(reader *r, node_kind kind, struct fy_token *anchor_token, struct fy_token *tag,
                            const struct fy_mark *mark) {
    if (wants_key(r)) return fail_at(r, mark, "a key must be a text");
    if (tag) {
        size_t size = 0;
        const char *text = fy_token_get_text(tag, &size);
        const char *own = kind == NODE_ARRAY ? CORE_TAG "seq" : CORE_TAG "map";
        bool fits =
            text && ((size == 1 && *text == '!') || (size == strlen(own) && memcmp(text, own, size) == 0));
        if (!fits)
            return fail(r, BATON_ERROR_INVALID, mark ? mark->line + 1 : 0, mark ? mark->column + 1 : 0,
                        "the tag %.*s is not supported here", (int)(size < 100 ? size : 100),
                        text ? text : "");
    }
    if (r->depth == LIMIT_FILE_DEPTH)
        return fail(r, BATON_ERROR_LIMIT, mark ? mark->line + 1 : 0, mark ? mark->column + 1 : 0,
                    "the file is nested more than %d deep", LIMIT_FILE_DEPTH);
    node *n = add_node(r, mark);
    if (!n) return -1;
    n->kind = kind;
    borrow_place(r, n);
    if (add_anchor(r, anchor_token, n, false) != 0) return -1;
    r->levels[r->depth++] =
        (level){.node = n, .anchor = anchor_token ? &r->anchors[r->anchor_count - 1] : NULL};
    return 0;
}

static int end_collection(reader *r) {
    level *l = &r->levels[--r->depth];
    node *n = l->node;
    size_t size = n->count * (n->kind == NODE_ARRAY ? sizeof *l->items : sizeof *l->members);
    void *from = n->kind == NODE_ARRAY ? (void *)l->items : (void *)l->members;
    void *copy = arena_alloc(&r->document->arena, size + 1);
    if (copy && size) memcpy(copy, from, size);
    free(from);
    if (!copy) return error_memory(r->err);
    if (n->kind == NODE_ARRAY)
        n->items = copy;
    else
        n->members = copy;
    if (l->anchor) l->anchor->complete = true;
    if (n->kind == NODE_OBJECT && check_keys(r, n) != 0) return -1;
    if (measure(r, n) != 0) return -1;
    return place_node(r, n);
}

static int read_event(reader *r, struct fy_event *event) {
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (r->document->root)
            return fail_at(r, start_of(event->document_start.document_start),
                           "a workflow file holds one document only");
        return 0;
    case FYET_MAPPING_START:
        return begin_collection(r, NODE_OBJECT, event->mapping_start.anchor, event->mapping_start.tag,
                                start_of(event->mapping_start.mapping_start));
    case FYET_SEQUENCE_START:
        return begin_collection(r, NODE_ARRAY, event->sequence_start.anchor, event->sequence_start.tag,
                                start_of(event->sequence_start.sequence_start));
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END: return end_collection(r);
    case FYET_SCALAR: return read_scalar(r, event);
    case FYET_ALIAS: return read_alias(r, event);
    default: return 0;
    }
}

/* The first thing that libfyaml complained about; what follows is mostly its consequence. */
static int fail_syntax(reader *r) {
    void *cursor = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(r->diag, &cursor);
    if (!e) return fail(r, BATON_ERROR_INVALID, 0, 0, "the file is not YAML");
    const char *message = e->msg ? e->msg : "the file is not YAML";
    place end = place_of_offset(r->document, r->document->size);
    if (strstr(message, "without closing quote"))
        return fail(r, BATON_ERROR_INVALID, end.line, end.column,
                    "the file ends too early: the quote at line %d, column %d is not closed", e->line,
                    e->column);
    bool at_end = e->line > end.line || (e->line == end.line && e->column >= end.column);
    if (at_end)
        return fail(r, BATON_ERROR_INVALID, end.line, end.column, "the file ends too early: %s", message);
    return fail(r, BATON_ERROR_INVALID, e->line, e->column, "%s", message);
}

static int read_events(reader *r) {
    struct fy_event *event;
    while ((event = fy_parser_parse(r->parser))) {
        int rc = read_event(r, event);
        fy_parser_event_free(r->parser, event);
        if (rc != 0) return -1;
    }
    if (fy_parser_get_stream_error(r->parser)) return fail_syntax(r);
    if (!r->document->root) return fail(r, BATON_ERROR_INVALID, 1, 1, "the file is empty");
    return 0;
}

static int open_parser(reader *r) {
    struct fy_diag_cfg diag_options;
    fy_diag_cfg_default(&diag_options);
    diag_options.fp = NULL;
    r->diag = fy_diag_create(&diag_options);
    if (!r->diag) return error_memory(r->err);
    fy_diag_set_collect_errors(r->diag, true);
    struct fy_parse_cfg options = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2,
        .diag = r->diag,
    };
    r->parser = fy_parser_create(&options);
    if (!r->parser || fy_parser_set_string(r->parser, r->document->text, r->document->size) != 0)
        return error_memory(r->err);
    return 0;
}

int document_read(document *d, const char *text, size_t size, const char *file, baton_error **err) {
    *d = (document){.file = file, .text = text, .size = size};
    reader *r = calloc(1, sizeof *r);
    anchor *anchors = calloc(LIMIT_FILE_ANCHORS, sizeof *anchors);
    int rc = -1;
    if (r && anchors) {
        r->document = d;
        r->anchors = anchors;
        r->err = err;
        if (check_bytes(r) == 0 && open_parser(r) == 0) rc = read_events(r);
        for (size_t i = 0; i < r->depth; i++) {
            free(r->levels[i].items);
            free(r->levels[i].members);
        }
        fy_parser_destroy(r->parser);
        fy_diag_destroy(r->diag);
    } else {
        error_memory(err);
    }
    free(anchors);
    free(r);
    if (rc != 0) document_done(d);
    return rc;
}
