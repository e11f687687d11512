/* Templates. What is literal is folded while compiling, so that evaluating copies a handle. Belongs to the
 * thread of its program.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "expression/template.h"

#include "base/error.h"
#include "base/value.h"
#include "expression/lexer.h"

#include <string.h>

static template *make(arena *a, template_kind kind) {
    template *t = arena_alloc(a, sizeof *t);
    if (t) *t = (template){.kind = kind, .value = VALUE_INVALID};
    return t;
}

template *template_literal(arena *a, baton_value value) {
    template *t = make(a, TEMPLATE_LITERAL);
    if (t)
        t->value = value;
    else
        baton_value_unref(value);
    return t;
}

template *template_expression(arena *a, expression *e) {
    template *t = make(a, TEMPLATE_EXPRESSION);
    if (t) t->expression = e;
    return t;
}

/* A template of items; NULL without memory. */
static template *make_list(arena *a, template_kind kind, template *const *items, size_t count) {
    template *t = make(a, kind);
    template **copy = t ? arena_alloc(a, (count + 1) * sizeof(template *)) : NULL;
    if (!copy) return NULL;
    if (count) memcpy(copy, items, count * sizeof(template *));
    t->items = copy;
    t->count = count;
    return t;
}

static bool are_literals(template *const *items, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (items[i]->kind != TEMPLATE_LITERAL) return false;
    return true;
}

/* Makes a literal of an array or object of literals: the items' values move into it. */
static template *fold(template *t) {
    baton_value value = t->kind == TEMPLATE_ARRAY ? baton_value_array() : baton_value_object();
    for (size_t i = 0; i < t->count; i++) {
        value = t->kind == TEMPLATE_ARRAY ? baton_value_append(value, t->items[i]->value)
                                          : baton_value_set(value, t->keys[i], t->items[i]->value);
        t->items[i]->value = VALUE_INVALID;
    }
    *t = (template){.kind = TEMPLATE_LITERAL, .value = value};
    return t;
}

template *template_array(arena *a, template *const *items, size_t count) {
    template *t = make_list(a, TEMPLATE_ARRAY, items, count);
    return t && are_literals(items, count) ? fold(t) : t;
}

template *template_object(arena *a, const char *const *keys, template *const *items, size_t count) {
    template *t = make_list(a, TEMPLATE_OBJECT, items, count);
    const char **copy = t ? arena_alloc(a, (count + 1) * sizeof *copy) : NULL;
    if (!copy) return NULL;
    for (size_t i = 0; i < count; i++)
        if (!(copy[i] = arena_text(a, keys[i]))) return NULL;
    t->keys = copy;
    return are_literals(items, count) ? fold(t) : t;
}

/* ---- Texts ------------------------------------------------------------------------------------------- */

typedef struct reader {
    arena *memory;
    expression_program *program;
    const char *text;
    size_t size;
    const expression_scope *scope;
    baton_error **err;
    buffer plain; /* what stands before the next expression */
    buffer items; /* of template * */
} reader;

/* Moves an error's place from the expression into the text around it. */
static void shift_error(const reader *r, size_t start) {
    if (!r->err || baton_error_line(*r->err) == 0) return;
    baton_error *inner = *r->err;
    text_position p = position_of(r->text, start);
    int line = baton_error_line(inner), column = baton_error_column(inner);
    *r->err = baton_error_new(baton_error_get_code(inner), "%s", baton_error_message(inner));
    error_set_place(*r->err, (place){NULL, p.line + line - 1, line == 1 ? p.column + column - 1 : column});
    baton_error_free(inner);
}

static int fail(const reader *r, size_t at, const char *message) {
    text_position p = position_of(r->text, at);
    baton_error_set(r->err, BATON_ERROR_INVALID, "%s", message);
    if (r->err) error_set_place(*r->err, (place){NULL, p.line, p.column});
    return -1;
}

/* The expression behind the "${" at text[at]; *after is the index behind its "}". */
static expression *read_expression(reader *r, size_t at, size_t *after) {
    long end = expression_find_end(r->text, r->size, at + 2);
    if (end < 0) {
        fail(r, at, "this ${ has no } (for the text itself write $${)");
        return NULL;
    }
    size_t start = at + 2;
    *after = (size_t)end + 1;
    expression *e = expression_add(r->program, r->text + start, (size_t)end - start, r->scope, r->err);
    if (!e) shift_error(r, start);
    return e;
}

static int add_item(reader *r, template *item) {
    if (!item) return error_memory(r->err);
    buffer_append(&r->items, &item, sizeof item);
    if (!buffer_failed(&r->items)) return 0;
    template_done(item);
    return error_memory(r->err);
}

static int end_plain(reader *r) {
    if (r->plain.size == 0) return 0;
    int outcome =
        add_item(r, template_literal(r->memory, baton_value_string_sized(r->plain.data, r->plain.size)));
    buffer_clear(&r->plain);
    return outcome;
}

static int read_items(reader *r) {
    for (size_t at = 0; at < r->size;) {
        const char *here = r->text + at;
        size_t left = r->size - at;
        if (left >= 3 && memcmp(here, "$${", 3) == 0) {
            buffer_puts(&r->plain, "${");
            at += 3;
        } else if (left >= 2 && memcmp(here, "${", 2) == 0) {
            expression *e = read_expression(r, at, &at);
            if (!e || end_plain(r) || add_item(r, template_expression(r->memory, e))) return -1;
        } else {
            buffer_putc(&r->plain, *here);
            at++;
        }
    }
    return 0;
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* The index of the "${" when the text is one expression with nothing but white space around it; else -1. */
static long find_whole(const char *text, size_t size) {
    size_t start = 0;
    while (start < size && is_space(text[start])) start++;
    while (size > start && is_space(text[size - 1])) size--;
    if (size - start < 3 || memcmp(text + start, "${", 2) != 0) return -1;
    return expression_find_end(text, size, start + 2) == (long)size - 1 ? (long)start : -1;
}

static template *make_text(reader *r) {
    template *t;
    if (r->items.size == 0) {
        t = template_literal(r->memory, baton_value_string_sized(buffer_text(&r->plain), r->plain.size));
    } else {
        if (end_plain(r)) return NULL;
        t = make_list(r->memory, TEMPLATE_TEXT, (template **)(void *)r->items.data,
                      r->items.size / sizeof(template *));
    }
    if (!t) error_memory(r->err);
    return t;
}

template *template_text(arena *a, expression_program *program, const char *text, size_t size,
                        const expression_scope *scope, baton_error **err) {
    reader r = {.memory = a, .program = program, .text = text, .size = size, .scope = scope, .err = err};
    template *t = NULL;
    long whole = find_whole(text, size);
    if (whole >= 0) {
        size_t after;
        expression *e = read_expression(&r, (size_t)whole, &after);
        t = e ? template_expression(a, e) : NULL;
        if (e && !t) error_memory(err);
    } else if (read_items(&r) == 0) {
        t = make_text(&r);
    }
    if (t && (buffer_failed(&r.plain) || buffer_failed(&r.items))) {
        error_memory(err);
        t = NULL;
    }
    if (!t)
        for (size_t i = 0; i < r.items.size; i += sizeof t) {
            template *item;
            memcpy(&item, r.items.data + i, sizeof item);
            template_done(item);
        }
    buffer_done(&r.plain);
    buffer_done(&r.items);
    return t;
}

/* ---- Evaluating -------------------------------------------------------------------------------------- */

static baton_value evaluate_text(const template *t, baton_value input,
                                 const expression_environment *environment, baton_error **err) {
    buffer text = {0};
    baton_value result = VALUE_INVALID;
    for (size_t i = 0; i < t->count; i++) {
        baton_value item = template_evaluate(t->items[i], input, environment, err);
        if (!baton_value_is_valid(item)) goto done;
        if (baton_value_kind(item) == BATON_KIND_STRING)
            buffer_append(&text, baton_value_as_text(item), baton_value_size(item));
        else
            value_write(&text, item);
        baton_value_unref(item);
    }
    if (buffer_failed(&text)) {
        error_memory(err);
        goto done;
    }
    result = baton_value_string_sized(buffer_text(&text), text.size);
    if (!baton_value_is_valid(result)) baton_error_set(err, BATON_ERROR_LIMIT, "the text grows too large");
done:
    buffer_done(&text);
    return result;
}

static baton_value evaluate_list(const template *t, baton_value input,
                                 const expression_environment *environment, baton_error **err) {
    baton_value result = t->kind == TEMPLATE_ARRAY ? baton_value_array() : baton_value_object();
    for (size_t i = 0; i < t->count; i++) {
        baton_value item = template_evaluate(t->items[i], input, environment, err);
        if (!baton_value_is_valid(item)) {
            baton_value_unref(result);
            return VALUE_INVALID;
        }
        result = t->kind == TEMPLATE_ARRAY ? baton_value_append(result, item)
                                           : baton_value_set(result, t->keys[i], item);
    }
    return result;
}

baton_value template_evaluate(const template *t, baton_value input,
                              const expression_environment *environment, baton_error **err) {
    switch (t->kind) {
    case TEMPLATE_LITERAL: return baton_value_ref(t->value);
    case TEMPLATE_EXPRESSION: return expression_evaluate(t->expression, input, environment, err);
    case TEMPLATE_TEXT: return evaluate_text(t, input, environment, err);
    default: return evaluate_list(t, input, environment, err);
    }
}

void template_done(template *t) {
    if (!t) return;
    value_assign(&t->value, VALUE_INVALID);
    for (size_t i = 0; i < t->count; i++) template_done(t->items[i]);
}
