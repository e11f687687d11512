/* Expressions that need no libjq program: literals and plain paths. Values are looked up by libjq's own
 * functions, so results and errors are those of the program that the text would be.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "expression/program.h"

#include "base/error.h"

#include <string.h>

static bool is_sign(const lexer *l, const token *t, const char *sign) {
    return t->kind == TOKEN_OPERATOR && token_is(l, t, TOKEN_OPERATOR, sign);
}

/* A number or string token; invalid when libjq would not take it either. */
static jv parse(const lexer *l, const token *t) { return jv_parse_sized(l->text + t->start, (int)t->size); }

/* Reads a literal that begins with *t, and the token behind it into *t. Invalid when none stands here. */
static jv read_literal(lexer *l, token *t, bool numbers_only) {
    bool negative = is_sign(l, t, "-");
    if (negative) *t = lexer_next(l);
    jv value = jv_invalid();
    if (t->kind == TOKEN_NUMBER) {
        value = parse(l, t);
        if (negative && jv_is_valid(value)) value = jv_number(-jv_number_value(value));
    } else if (!negative && t->kind == TOKEN_STRING) {
        value = parse(l, t);
    } else if (!negative && !numbers_only && t->kind == TOKEN_NAME) {
        if (token_is(l, t, TOKEN_NAME, "null")) value = jv_null();
        if (token_is(l, t, TOKEN_NAME, "true")) value = jv_true();
        if (token_is(l, t, TOKEN_NAME, "false")) value = jv_false();
    } else if (!negative && !numbers_only && t->kind == TOKEN_OPEN) {
        char open = l->text[t->start];
        *t = lexer_next(l);
        if (t->kind != TOKEN_CLOSE || open == '(') return value;
        value = open == '[' ? jv_array() : jv_object();
    }
    if (jv_is_valid(value)) *t = lexer_next(l);
    return value;
}

static native *recognise_literal(arena *memory, const expression *e) {
    lexer l;
    lexer_init(&l, e->text, e->size);
    token t = lexer_next(&l);
    jv value = read_literal(&l, &t, false);
    native *n = jv_is_valid(value) && t.kind == TOKEN_END ? arena_alloc(memory, sizeof *n) : NULL;
    if (!n) {
        jv_free(value);
        return NULL;
    }
    n->literal = value;
    return n;
}

/* Reads one step of a path that begins with *t, and the token behind it into *t. */
static jv read_key(lexer *l, token *t) {
    if (t->kind == TOKEN_FIELD) {
        jv key = jv_string_sized(t->name, (int)t->name_size);
        *t = lexer_next(l);
        return key;
    }
    if (is_sign(l, t, ".")) {
        *t = lexer_next(l);
        return t->kind == TOKEN_STRING ? read_literal(l, t, true) : jv_invalid();
    }
    if (!token_is(l, t, TOKEN_OPEN, "[")) return jv_invalid();
    *t = lexer_next(l);
    jv key = read_literal(l, t, true);
    if (t->kind == TOKEN_CLOSE && jv_is_valid(key)) {
        *t = lexer_next(l);
        return key;
    }
    jv_free(key);
    return jv_invalid();
}

enum { KEYS = 64 }; /* longer paths are libjq's */

static native *keep(arena *memory, const native *n) {
    native *kept = arena_alloc(memory, sizeof *kept);
    jv *keys = kept ? arena_alloc(memory, (n->count + 1) * sizeof *keys) : NULL;
    if (!keys) return NULL;
    *kept = *n;
    kept->keys = memcpy(keys, n->keys, n->count * sizeof *keys);
    return kept;
}

static native *recognise_path(arena *memory, const expression *e) {
    lexer l;
    lexer_init(&l, e->text, e->size);
    token t = lexer_next(&l);
    bool variable = t.kind == TOKEN_VARIABLE;
    if (variable ? e->argument_count != 1 : t.kind != TOKEN_FIELD && !is_sign(&l, &t, ".")) return NULL;
    jv keys[KEYS];
    native n = {.literal = jv_invalid(), .from_argument = variable, .keys = keys};
    /* A lone "." is the input itself; before a string it begins a step. */
    lexer ahead = l;
    token next = t.kind == TOKEN_FIELD ? t : lexer_next(&ahead);
    if (t.kind != TOKEN_FIELD && !(is_sign(&l, &t, ".") && next.kind == TOKEN_STRING)) {
        l = ahead;
        t = next;
    }
    while (t.kind != TOKEN_END && n.count < KEYS) {
        jv key = read_key(&l, &t);
        if (!jv_is_valid(key)) {
            jv_free(key);
            break;
        }
        keys[n.count++] = key;
    }
    native *kept = t.kind == TOKEN_END ? keep(memory, &n) : NULL;
    if (!kept) native_done(&n);
    return kept;
}

native *native_recognise(arena *memory, const expression *e) {
    native *n = recognise_literal(memory, e);
    return n ? n : recognise_path(memory, e);
}

void native_done(native *n) {
    if (!n) return;
    jv_free(n->literal);
    for (size_t i = 0; i < n->count; i++) jv_free(n->keys[i]);
}

baton_value native_evaluate(const expression *e, baton_value input,
                            const expression_environment *environment, baton_error **err) {
    const native *n = e->native;
    if (jv_is_valid(n->literal)) return value_from_jv(jv_copy(n->literal));
    jv value =
        n->from_argument ? argument_value(&e->arguments[0], environment) : jv_copy(value_to_jv(input));
    for (size_t i = 0; i < n->count; i++) {
        value = jv_get(value, jv_copy(n->keys[i]));
        if (!jv_is_valid(value)) return evaluation_failed(value, err);
    }
    return value_from_jv(value);
}
