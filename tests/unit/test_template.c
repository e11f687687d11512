/* Templates: which strings are expressions, contain them or neither, and what they evaluate to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "expression/template.h"

#include <stdlib.h>
#include <string.h>

static const char *const variables[] = {"item"};
static const expression_scope scope = {.variables = variables, .variable_count = 1};

static baton_value look_up(void *data, expression_argument argument, const char *name) {
    (void)data;
    assert_int_equal(argument, EXPRESSION_VARIABLE);
    return baton_value_string(name);
}

static const expression_environment environment = {.lookup = look_up};

typedef struct fixture {
    arena memory;
    expression_program *program;
} fixture;

static int set_up(void **state) {
    static fixture f;
    f = (fixture){.program = expression_program_new()};
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    expression_program_free(f->program);
    arena_done(&f->memory);
    return 0;
}

static template *text(fixture *f, const char *source) {
    baton_error *err = NULL;
    template *t = template_text(&f->memory, f->program, source, strlen(source), &scope, &err);
    if (!t) fail_msg("%s: %s", source, baton_error_message(err));
    return t;
}

static void assert_value(const template *t, const char *input, const char *expected) {
    baton_error *err = NULL;
    baton_value in = baton_value_parse(input, strlen(input), NULL);
    baton_value value = template_evaluate(t, in, &environment, &err);
    if (!baton_value_is_valid(value)) fail_msg("%s", baton_error_message(err));
    char *json = baton_value_to_json(value);
    assert_string_equal(json, expected);
    free(json);
    baton_value_unref(value);
    baton_value_unref(in);
}

static void test_texts(void **state) {
    static const struct {
        const char *source;
        template_kind kind;
        const char *expected;
    } samples[] = {
        {"", TEMPLATE_LITERAL, "\"\""},
        {"plain { } $ text", TEMPLATE_LITERAL, "\"plain { } $ text\""},
        {"$", TEMPLATE_LITERAL, "\"$\""},
        {"$${ .a }", TEMPLATE_LITERAL, "\"${ .a }\""},
        {"$$${", TEMPLATE_LITERAL, "\"$${\""},
        {"${ .a }", TEMPLATE_EXPRESSION, "1"},
        {" \n${ .a } \t\r", TEMPLATE_EXPRESSION, "1"},
        {"${.o}", TEMPLATE_EXPRESSION, "{\"b\":[true]}"},
        {"${ {a: {b: .a}} }", TEMPLATE_EXPRESSION, "{\"a\":{\"b\":1}}"},
        {"${ \"}\" }", TEMPLATE_EXPRESSION, "\"}\""},
        {"${ $item }", TEMPLATE_EXPRESSION, "\"item\""},
        {"a ${ .a }", TEMPLATE_TEXT, "\"a 1\""},
        {"${ .a } b", TEMPLATE_TEXT, "\"1 b\""},
        {"${ .a }${ .s }", TEMPLATE_TEXT, "\"1text\""},
        {"${ .a } and ${ .o } and ${ .none }.", TEMPLATE_TEXT, "\"1 and {\\\"b\\\":[true]} and null.\""},
        {"$${ ${ .s } }", TEMPLATE_TEXT, "\"${ text }\""},
        {"hello ${ .s + \"!\" }", TEMPLATE_TEXT, "\"hello text!\""},
        {"x${ \"\\u0000\" }y", TEMPLATE_TEXT, "\"x\\u0000y\""},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        template *t = text(f, samples[i].source);
        assert_int_equal(t->kind, samples[i].kind);
        assert_value(t, "{\"a\":1,\"s\":\"text\",\"o\":{\"b\":[true]}}", samples[i].expected);
        template_done(t);
    }
}

static void assert_refused(fixture *f, const char *source, int line, int column, const char *message) {
    baton_error *err = NULL;
    assert_null(template_text(&f->memory, f->program, source, strlen(source), &scope, &err));
    assert_string_equal(baton_error_message(err), message);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_INVALID);
    assert_int_equal(baton_error_line(err), line);
    assert_int_equal(baton_error_column(err), column);
    baton_error_free(err);
    assert_null(template_text(&f->memory, f->program, source, strlen(source), &scope, NULL));
}

static void test_refused(void **state) {
    fixture *f = *state;
    assert_refused(f, "a ${ .b", 1, 3, "this ${ has no } (for the text itself write $${)");
    assert_refused(f, "${", 1, 1, "this ${ has no } (for the text itself write $${)");
    assert_refused(f, "${ .a } ${", 1, 9, "this ${ has no } (for the text itself write $${)");
    assert_refused(f, "${}", 1, 3, "the expression is empty");
    assert_refused(f, "a\nb ${ 1 + env }", 2, 10, "'env' is not allowed in expressions");
    assert_refused(f, "b ${ 1 +\n env }", 2, 2, "'env' is not allowed in expressions");
    assert_refused(f, "${ .a } x ${ $itm }", 1, 14, "unknown variable $itm (did you mean $item?)");
    assert_refused(f, "x ${ (1 }", 1, 9, "a bracket is not closed");
}

static void test_large_expression_is_refused_with_its_limit(void **state) {
    fixture *f = *state;
    static char source[LIMIT_EXPRESSION_BYTES + 100];
    memset(source, ' ', sizeof source);
    memcpy(source, "${", 2);
    source[sizeof source - 1] = '}';
    baton_error *err = NULL;
    assert_null(template_text(&f->memory, f->program, source, sizeof source, &scope, &err));
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_LIMIT);
    baton_error_free(err);
}

static void test_folding(void **state) {
    fixture *f = *state;
    arena *a = &f->memory;
    const char *keys[] = {"x", "y"};

    template *items[] = {text(f, "one"), template_literal(a, baton_value_number(2))};
    template *array = template_array(a, items, 2);
    assert_int_equal(array->kind, TEMPLATE_LITERAL);
    template *nested[] = {array, template_array(a, NULL, 0)};
    template *object = template_object(a, keys, nested, 2);
    assert_int_equal(object->kind, TEMPLATE_LITERAL);
    assert_value(object, "1", "{\"x\":[\"one\",2],\"y\":[]}");
    template_done(items[0]);
    template_done(object);

    template *empty = template_object(a, NULL, NULL, 0);
    assert_int_equal(empty->kind, TEMPLATE_LITERAL);
    assert_value(empty, "1", "{}");
    template_done(empty);
}

static void test_lists(void **state) {
    fixture *f = *state;
    arena *a = &f->memory;
    const char *keys[] = {"x", "y"};
    template *first[] = {text(f, "one"), text(f, "${ .a }")};
    template *array = template_array(a, first, 2);
    assert_int_equal(array->kind, TEMPLATE_ARRAY);
    template *second[] = {array, text(f, "<${ .a + 1 }>")};
    template *object = template_object(a, keys, second, 2);
    assert_int_equal(object->kind, TEMPLATE_OBJECT);
    assert_value(object, "{\"a\":1}", "{\"x\":[\"one\",1],\"y\":\"<2>\"}");
    template_done(object);
    template_done(NULL);
}

static void assert_fails(const template *t, baton_error_code code) {
    baton_error *err = NULL;
    baton_value in = baton_value_number(1);
    assert_false(baton_value_is_valid(template_evaluate(t, in, &environment, &err)));
    assert_int_equal(baton_error_get_code(err), code);
    baton_error_free(err);
}

static void test_failures(void **state) {
    fixture *f = *state;
    arena *a = &f->memory;
    const char *keys[] = {"x", "y"};
    template *items[] = {text(f, "long enough to be on the heap"), text(f, "${ .a }")};
    assert_fails(items[1], BATON_ERROR_EXPRESSION);
    template *mixed = text(f, "${ . }, ${ .a }");
    assert_fails(mixed, BATON_ERROR_EXPRESSION);
    template_done(mixed);
    template *array = template_array(a, items, 2);
    assert_fails(array, BATON_ERROR_EXPRESSION);
    template *pair[] = {text(f, "${ . }"), array};
    template *object = template_object(a, keys, pair, 2);
    assert_fails(object, BATON_ERROR_EXPRESSION);
    template_done(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large_expression_is_refused_with_its_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
