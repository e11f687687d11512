/* Fuzz target of expressions and templates (libFuzzer). An input is one byte of flags, a text, a NUL and a
 * JSON value. Compiling takes libjq 15 ms, so it is tried for few inputs; only expressions that surely end
 * and stay small are evaluated.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "expression/lexer.h"
#include "expression/template.h"

#include <sanitizer/lsan_interface.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { EVALUATED_BYTES = 64, COMPILED_EACH = 24 };

static const char *const variables[] = {"item", "error"};

static baton_value look_up(void *data, expression_argument argument, const char *name) {
    (void)argument;
    return name ? baton_value_string(name) : baton_value_ref(*(baton_value *)data);
}

/* Functions that give finitely much in a short time. */
static bool is_tame(const token *t) {
    static const char *const tame[] = {
        "abs",
        "add",
        "all",
        "and",
        "any",
        "as",
        "ascii_downcase",
        "capture",
        "catch",
        "ceil",
        "contains",
        "del",
        "delpaths",
        "elif",
        "else",
        "empty",
        "end",
        "endswith",
        "error",
        "explode",
        "first",
        "flatten",
        "floor",
        "foreach",
        "fromdate",
        "fromjson",
        "getpath",
        "gmtime",
        "group_by",
        "gsub",
        "has",
        "if",
        "implode",
        "index",
        "indices",
        "infinite",
        "isnan",
        "join",
        "keys",
        "ltrimstr",
        "tonumber",
        "last",
        "length",
        "map",
        "match",
        "max",
        "min",
        "mktime",
        "nan",
        "not",
        "now",
        "nth",
        "null",
        "or",
        "path",
        "paths",
        "reduce",
        "reverse",
        "rindex",
        "scan",
        "select",
        "setpath",
        "sort",
        "split",
        "splits",
        "sqrt",
        "startswith",
        "strftime",
        "strptime",
        "sub",
        "test",
        "then",
        "to_entries",
        "todate",
        "tojson",
        "tostream",
        "tostring",
        "transpose",
        "true",
        "try",
        "type",
        "unique",
        "utf8bytelength",
        "with_entries",
        "false",
        "from_entries",
        "fromstream",
    };
    for (size_t i = 0; i < sizeof tame / sizeof *tame; i++)
        if (strlen(tame[i]) == t->name_size && memcmp(tame[i], t->name, t->name_size) == 0) return true;
    return false;
}

static bool may_evaluate(const char *text, size_t size) {
    if (size > EVALUATED_BYTES) return false;
    lexer l;
    lexer_init(&l, text, size);
    for (;;) {
        token t = lexer_next(&l);
        if (t.kind == TOKEN_END) return true;
        if (t.kind == TOKEN_PROBLEM || (t.kind == TOKEN_NAME && !is_tame(&t))) return false;
    }
}

static bool is_compiled(const uint8_t *data, size_t size) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 16777619u;
    return hash % COMPILED_EACH == 0;
}

static void check_error(baton_error *err, const char *text, size_t size) {
    if (!err) abort();
    int lines = position_of(text, size).line;
    if (baton_error_line(err) > lines || strchr(baton_error_message(err), '\n')) abort();
    baton_error_free(err);
}

static void report(void *data, const expression *e, const baton_error *error) {
    (void)data;
    const char *text = expression_text(e);
    text_position end = position_of(text, strlen(text));
    if (baton_error_line(error) < 1 || baton_error_line(error) > end.line || baton_error_column(error) < 1)
        abort();
}

static void evaluate(const expression *e, const expression_environment *environment) {
    baton_error *err = NULL;
    baton_value result = expression_evaluate(e, *(baton_value *)environment->data, environment, &err);
    if (!baton_value_is_valid(result)) {
        if (baton_error_get_code(err) != BATON_ERROR_EXPRESSION) abort();
        baton_error_free(err);
    }
    baton_value_unref(result);
}

static void try_expression(expression_program *program, const char *text, size_t size, bool compile,
                           const expression_scope *scope, const expression_environment *environment) {
    baton_error *err = NULL;
    expression *e = expression_add(program, text, size, scope, &err);
    if (!e) {
        check_error(err, text, size);
        return;
    }
    bool native = expression_is_native(e);
    if (!native && !compile) return;
    /* libjq 1.6 loses memory when a text does not compile, and in a few functions. */
    if (!native) __lsan_disable();
    if (native || (expression_program_compile(program, report, NULL) == 0 && may_evaluate(text, size)))
        evaluate(e, environment);
    if (!native) __lsan_enable();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    bool compile = is_compiled(data, size);
    expression_scope scope = {.arguments = data[0], .variables = variables, .variable_count = data[0] % 3};
    const char *text = (const char *)data + 1;
    const char *nul = memchr(text, '\0', size - 1);
    size_t text_size = nul ? (size_t)(nul - text) : size - 1;
    const char *json = nul ? nul + 1 : "null";
    baton_value value = baton_value_parse(json, nul ? size - 2 - text_size : 4, NULL);
    expression_environment environment = {.lookup = look_up, .data = &value, .now_ms = 1};

    expression_program *program = expression_program_new();
    arena memory = {0};
    if (!program) return 0;
    long end = expression_find_end(text, text_size, 0);
    if (end >= 0 && text[end] != '}') abort();
    if (end >= 0) try_expression(program, text, (size_t)end, false, &scope, &environment);
    try_expression(program, text, text_size, compile, &scope, &environment);

    baton_error *err = NULL;
    template *t = template_text(&memory, program, text, text_size, &scope, &err);
    if (!t) check_error(err, text, text_size);
    if (t && t->kind == TEMPLATE_LITERAL)
        baton_value_unref(template_evaluate(t, value, &environment, NULL));
    template_done(t);
    arena_done(&memory);
    expression_program_free(program);
    baton_value_unref(value);
    return 0;
}
