/* Expressions that need no libjq program: which they are, and that they answer as libjq does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/value.h"
#include "expression/expression.h"

#include <stdlib.h>
#include <string.h>

enum { RANDOM_PATHS = 400, RANDOM_VALUES = 60 };

static const expression_scope scope = {.arguments = 1u << EXPRESSION_CONTEXT};

static baton_value look_up(void *data, expression_argument argument, const char *name) {
    (void)argument;
    (void)name;
    return baton_value_ref(*(baton_value *)data);
}

static expression *add(expression_program *program, const char *text) {
    baton_error *err = NULL;
    expression *e = expression_add(program, text, strlen(text), &scope, &err);
    if (!e) fail_msg("%s: %s", text, baton_error_message(err));
    return e;
}

static bool is_native(const char *text) {
    expression_program *program = expression_program_new();
    bool native = expression_is_native(add(program, text));
    expression_program_free(program);
    return native;
}

static void test_recognised(void **state) {
    (void)state;
    static const char *const native[] = {
        "null",
        "true",
        " false ",
        "0",
        "-1",
        "- 2.5e3",
        "\"\"",
        "\"a\\n\\u00e9\"",
        "[]",
        "{ }",
        ".",
        " . ",
        ".a",
        ".a.b\n.c",
        ".[\"a\"]",
        ".\"a\"",
        ".a.\"b\"",
        ".a[0]",
        ".[-1]",
        ".[1.5]",
        "$context",
        "$context.x.y[0]",
        "$context[\"a\"]",
        ".a # comment",
    };
    static const char *const others[] = {
        ".a?",    "..",          "1 + 1",        "(1)",     "[1]",     "{a: 1}",          "\"\\(1)\"",
        ".[]",    ".a[]",        ".[.a]",        ".a | .b", ".[1:2]",  "$__loc__",        "--1",
        "-\"a\"", "-null",       "null.a",       ".a.[0]",  ".[null]", ".[\"a\", \"b\"]", "not",
        "-.a",    "\"\\ud800\"", ".\"\\ud800\"", "1..2",    "\"a\".b",
    };
    for (size_t i = 0; i < sizeof native / sizeof *native; i++)
        if (!is_native(native[i])) fail_msg("%s is not native", native[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_native(others[i])) fail_msg("%s is native", others[i]);

    char path[300] = "";
    for (int i = 0; i < 64; i++) strcat(path, ".a");
    assert_true(is_native(path));
    strcat(path, ".a");
    assert_false(is_native(path));
}

/* xorshift: the same on each run. */
static unsigned next_random(void) {
    static unsigned x = 2463534242u;
    x ^= x << 13;
    x ^= x >> 17;
    return x ^= x << 5;
}

static void write_random_value(buffer *b, int depth) {
    static const char *const plain[] = {"null", "true", "false", "0", "-1.5", "\"\"", "\"abc\""};
    unsigned kind = next_random() % (depth > 3 ? 7 : 11);
    if (kind < 7) {
        buffer_puts(b, plain[kind]);
        return;
    }
    bool object = kind < 9;
    buffer_putc(b, object ? '{' : '[');
    for (unsigned i = 0, n = next_random() % 4; i < n; i++) {
        if (i) buffer_putc(b, ',');
        if (object) buffer_printf(b, "\"%c\":", 'a' + (int)i);
        write_random_value(b, depth + 1);
    }
    buffer_putc(b, object ? '}' : ']');
}

static void write_random_path(buffer *b) {
    static const char *const first[] = {".a", ".b", ".", ".", "$context", "$context.a", ".\"c\""};
    static const char *const more[] = {".a",  ".b",   "[\"c\"]", ".\"a\"", "[0]",
                                       "[1]", "[-1]", "[2.7]",   "[-4]"};
    const char *begin = first[next_random() % 7];
    buffer_puts(b, begin);
    for (unsigned i = 0, n = next_random() % 4; i < n; i++) {
        const char *step = more[next_random() % 9];
        bool dot = b->data[b->size - 1] == '.';
        if (dot && *step == '.') step++;
        if (dot && *step != '[' && *step != '"') b->size--, step--;
        b->data[b->size] = '\0';
        buffer_puts(b, step);
    }
}

static void compare(const expression *native, const expression *jq, baton_value input,
                    const expression_environment *environment) {
    baton_error *a = NULL, *b = NULL;
    baton_value x = expression_evaluate(native, input, environment, &a);
    baton_value y = expression_evaluate(jq, input, environment, &b);
    if (baton_value_is_valid(x)) {
        assert_true(baton_value_is_valid(y));
        assert_true(baton_value_equal(x, y));
    } else {
        assert_non_null(b);
        assert_string_equal(baton_error_message(a), baton_error_message(b));
        assert_int_equal(baton_error_get_code(a), BATON_ERROR_EXPRESSION);
        assert_int_equal(baton_error_line(a), 0);
    }
    baton_value_unref(x);
    baton_value_unref(y);
    baton_error_free(a);
    baton_error_free(b);
}

static void test_same_as_libjq(void **state) {
    (void)state;
    expression_program *program = expression_program_new();
    static expression *natives[RANDOM_PATHS], *others[RANDOM_PATHS];
    for (int i = 0; i < RANDOM_PATHS; i++) {
        buffer b = {0};
        write_random_path(&b);
        natives[i] = add(program, buffer_text(&b));
        assert_true(expression_is_native(natives[i]));
        buffer_puts(&b, "|.");
        others[i] = add(program, buffer_text(&b));
        assert_false(expression_is_native(others[i]));
        buffer_done(&b);
    }
    assert_int_equal(expression_program_compile(program, NULL, NULL), 0);
    for (int i = 0; i < RANDOM_VALUES; i++) {
        buffer b = {0};
        write_random_value(&b, 0);
        baton_value input = baton_value_parse(buffer_text(&b), b.size, NULL);
        assert_true(baton_value_is_valid(input));
        expression_environment environment = {.lookup = look_up, .data = &input};
        for (int k = 0; k < RANDOM_PATHS; k++) compare(natives[k], others[k], input, &environment);
        baton_value_unref(input);
        buffer_done(&b);
    }
    expression_program_free(program);
}

static void check(const char *text, const char *input, const char *expected) {
    expression_program *program = expression_program_new();
    expression *e = add(program, text);
    assert_true(expression_is_native(e));
    assert_string_equal(expression_text(e), text);
    baton_value value = baton_value_parse(input, strlen(input), NULL);
    expression_environment environment = {.lookup = look_up, .data = &value};
    baton_error *err = NULL;
    baton_value result = expression_evaluate(e, value, &environment, &err);
    if (baton_value_is_valid(result)) {
        char *json = baton_value_to_json(result);
        assert_string_equal(json, expected);
        free(json);
    } else { /* libjq's wording goes on differently in each version */
        assert_memory_equal(baton_error_message(err), expected, strlen(expected));
    }
    baton_error_free(err);
    baton_value_unref(result);
    baton_value_unref(value);
    expression_program_free(program);
}

static void test_values(void **state) {
    (void)state;
    check("null", "1", "null");
    check(" -2.50 ", "1", "-2.5");
    check("\"a\\\"\\u00e9\"", "1", "\"a\\\"é\"");
    check("[]", "1", "[]");
    check("{}", "1", "{}");
    check(".", "{\"a\":1}", "{\"a\":1}");
    check(".a.b[1]", "{\"a\":{\"b\":[1,2]}}", "2");
    check(".[-1]", "[1,2]", "2");
    check(".\"a b\"", "{\"a b\":3}", "3");
    check(".a", "null", "null");
    check("$context.a", "{\"a\":5}", "5");
    check(".a", "1", "Cannot index number with");
    check(".a", "[1]", "Cannot index array with");
    check(".[0]", "{}", "Cannot index object with");
    check("$context[\"x\"]", "\"s\"", "Cannot index string with");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recognised),
        cmocka_unit_test(test_same_as_libjq),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
