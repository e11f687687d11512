/* Expressions, templates, durations and schemas of a file.
 *
 * Each expression is remembered with its node, so that what libjq says about it later gets the file's line
 * and column, wherever in a text it stood.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "definition/check.h"
#include "definition/compile.h"

#include <stdlib.h>
#include <string.h>

#define SHELL_HINT " (write $${ for the shell's own ${)"

/* ---- Places of errors ---- */

/* The byte that a line and column of `text` name, both from 1; of expressions, columns count bytes. */
static size_t offset_of(const char *text, size_t size, int line, int column) {
    size_t at = 0;
    for (; line > 1 && at < size; at++)
        if (text[at] == '\n') line--;
    for (; column > 1 && at < size && text[at] != '\n'; column--) at++;
    return at;
}

/* Tells an error about the text that begins at `offset` of the node's. */
static void add_inside(compiler *c, const expression_record *where, const baton_error *error) {
    const node *n = where->node;
    size_t inside = offset_of(n->text + where->offset, n->size - where->offset, baton_error_line(error),
                              baton_error_column(error));
    problems_add(c->found, BATON_ERROR_INVALID, node_place_inside(c->document, n, where->offset + inside),
                 "%s%s", baton_error_message(error), where->shell ? SHELL_HINT : "");
}

static void fail_inside(compiler *c, const expression_record *where, baton_error *error) {
    if (baton_error_get_code(error) == BATON_ERROR_MEMORY)
        c->no_memory = true;
    else
        add_inside(c, where, error);
    baton_error_free(error);
}

static void remember(compiler *c, expression_record record) {
    if (compile_grow(c, (void **)&c->records, &c->record_capacity, c->record_count, sizeof record))
        c->records[c->record_count++] = record;
}

/* ---- Expressions ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* The part of a text that is the expression: what is within "${" and "}" when they are all of it. */
static void strip(const char *text, size_t *start, size_t *size) {
    size_t from = 0, to = *size;
    while (from < to && is_blank(text[from])) from++;
    while (to > from && is_blank(text[to - 1])) to--;
    *start = from;
    if (to - from >= 3 && text[from] == '$' && text[from + 1] == '{' &&
        expression_find_end(text, to, from + 2) == (long)to - 1) {
        *start = from + 2;
        to--;
    }
    *size = to - *start;
}

static expression *add_expression(compiler *c, const node *n, const expression_scope *scope) {
    if (c->foreign_language) return NULL;
    expression_record record = {.node = n};
    size_t size = n->size;
    strip(n->text, &record.offset, &size);
    baton_error *error = NULL;
    expression *e = expression_add(c->workflow->program, n->text + record.offset, size, scope, &error);
    if (!e) {
        fail_inside(c, &record, error);
        return NULL;
    }
    record.expression = e;
    remember(c, record);
    return e;
}

const expression *compile_condition(compiler *c, const node *n, const expression_scope *scope) {
    return node_text(n) ? add_expression(c, n, scope) : NULL;
}

/* ---- Templates ---- */

static bool holds_expression(const node *n) {
    if (n->kind == NODE_STRING) return strstr(n->text, "${") != NULL;
    for (size_t i = 0; i < n->count; i++)
        if (holds_expression(n->kind == NODE_ARRAY ? n->items[i] : n->members[i].value)) return true;
    return false;
}

/* Which expression of the template stands where in the text: they come in the same order. */
static void remember_text(compiler *c, const node *n, const template *t, bool shell) {
    size_t part = 0;
    for (size_t at = 0; at + 1 < n->size; at++) {
        if (strncmp(n->text + at, "$${", 3) == 0) {
            at += 2;
            continue;
        }
        if (n->text[at] != '$' || n->text[at + 1] != '{') continue;
        const expression *e = NULL;
        if (t->kind == TEMPLATE_EXPRESSION) e = t->expression;
        while (t->kind == TEMPLATE_TEXT && !e && part < t->count) e = t->items[part++]->expression;
        if (!e) return;
        const char *found = strstr(n->text + at + 2, expression_text(e));
        size_t offset = found ? (size_t)(found - n->text) : at + 2;
        remember(c, (expression_record){.expression = e, .node = n, .offset = offset, .shell = shell});
        long end = expression_find_end(n->text, n->size, at + 2);
        if (end < 0) return;
        at = (size_t)end;
    }
}

static template *compile_text(compiler *c, node *n, const expression_scope *scope, bool shell) {
    baton_error *error = NULL;
    template *t = template_text(&c->workflow->arena, c->workflow->program, n->text, n->size, scope, &error);
    if (t)
        remember_text(c, n, t, shell);
    else
        fail_inside(c, &(expression_record){.node = n, .shell = shell}, error);
    return t;
}

static template *literal(compiler *c, node *n) {
    baton_value value = node_value(n);
    template *t = baton_value_is_valid(value) ? template_literal(&c->workflow->arena, value) : NULL;
    if (!t) c->no_memory = true;
    return t;
}

static template *compile_node(compiler *c, node *n, const expression_scope *scope);

static template *compile_collection(compiler *c, node *n, const expression_scope *scope) {
    template **items = calloc(n->count, sizeof *items);
    const char **keys = calloc(n->count, sizeof *keys);
    bool complete = items && keys;
    if (!complete) c->no_memory = true;
    for (size_t i = 0; items && keys && i < n->count; i++) {
        items[i] = compile_node(c, n->kind == NODE_ARRAY ? n->items[i] : n->members[i].value, scope);
        if (n->kind == NODE_OBJECT) keys[i] = compile_copy(c, n->members[i].key);
        if (!items[i] || (n->kind == NODE_OBJECT && !keys[i])) complete = false;
    }
    template *t = NULL;
    if (complete) {
        t = n->kind == NODE_ARRAY ? template_array(&c->workflow->arena, items, n->count)
                                  : template_object(&c->workflow->arena, keys, items, n->count);
        if (!t) c->no_memory = true;
    }
    for (size_t i = 0; !t && items && i < n->count; i++) template_done(items[i]);
    free(items);
    free(keys);
    return t;
}

static template *compile_node(compiler *c, node *n, const expression_scope *scope) {
    if (c->foreign_language || !holds_expression(n)) return literal(c, n);
    if (n->kind == NODE_STRING) return compile_text(c, n, scope, false);
    return compile_collection(c, n, scope);
}

const template *compile_template(compiler *c, node *n, const expression_scope *scope) {
    return n ? compile_node(c, n, scope) : NULL;
}

const template *compile_literal(compiler *c, node *n) { return n ? literal(c, n) : NULL; }

const template *compile_shell_command(compiler *c, node *n, const expression_scope *scope) {
    if (!node_text(n)) return NULL;
    return c->foreign_language ? literal(c, n) : compile_text(c, n, scope, true);
}

const template *compile_transformation(compiler *c, node *n, const expression_scope *scope) {
    if (!node_text(n)) return compile_template(c, n, scope);
    expression *e = add_expression(c, n, scope);
    if (!e) return NULL;
    template *t = template_expression(&c->workflow->arena, e);
    if (!t) c->no_memory = true;
    return t;
}

/* ---- Durations and schemas ---- */

const duration *compile_duration(compiler *c, node *n, const expression_scope *scope) {
    if (!n || (n->kind != NODE_STRING && n->kind != NODE_OBJECT)) return NULL;
    duration *d = compile_alloc(c, sizeof *d);
    if (!d) return NULL;
    if (n->kind == NODE_STRING && holds_expression(n)) {
        d->expression = compile_template(c, n, scope);
        return d;
    }
    /* What is wrong with a constant was told by the checker. */
    baton_value value = node_value(n);
    if (duration_read(value, &d->ms, NULL) != 0) d->ms = 0;
    baton_value_unref(value);
    return d;
}

const duration *compile_timeout(compiler *c, node *n, const expression_scope *scope) {
    if (node_text(n)) n = compile_use(c, "timeouts", n);
    return compile_duration(c, node_get(n, "after"), scope);
}

const json_schema *compile_schema(compiler *c, const node *owner) {
    const node *schema = node_get(owner, "schema");
    const node *format = node_get(schema, "format");
    node *content = node_get(schema, "document");
    const char *name = node_text(format);
    if (name && strcmp(name, "json") != 0 && strncmp(name, "json:", 5) != 0) {
        buffer what = {0};
        buffer_printf(&what, "schema.format: %s", name);
        check_add_unsupported(c->unsupported, compile_place(c, format), buffer_text(&what));
        buffer_done(&what);
        return NULL;
    }
    if (!content) return NULL;
    baton_value value = node_value(content);
    baton_error *error = NULL;
    json_schema *s = json_schema_new(value, &error);
    baton_value_unref(value);
    if (!s) {
        bool unsupported = baton_error_get_code(error) == BATON_ERROR_UNSUPPORTED;
        problems_take(unsupported ? c->unsupported : c->found, error, compile_place(c, content));
    }
    return s;
}

/* ---- libjq's word ---- */

static int compare_records(const void *a, const void *b) {
    const expression_record *x = a, *y = b;
    return (x->expression > y->expression) - (x->expression < y->expression);
}

static void report(void *data, const expression *e, const baton_error *error) {
    compiler *c = data;
    const expression_record *r = bsearch(&(expression_record){.expression = e}, c->records, c->record_count,
                                         sizeof *c->records, compare_records);
    if (baton_error_get_code(error) == BATON_ERROR_MEMORY)
        c->no_memory = true;
    else if (r)
        add_inside(c, r, error);
}

void compile_expressions(compiler *c) {
    if (c->record_count == 0) return;
    qsort(c->records, c->record_count, sizeof *c->records, compare_records);
    size_t before = c->found->added;
    if (expression_program_compile(c->workflow->program, report, c) != 0 && c->found->added == before)
        c->no_memory = true; /* the only failure that is nobody's fault */
}
