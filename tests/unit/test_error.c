/* Errors: codes, places, causes, lists, text, and the one that stands in without memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

static void check_text(const baton_error *error, const char *expected) {
    char *text = baton_error_text(error);
    assert_string_equal(text, expected);
    free(text);
}

static void test_a_new_error_has_code_and_message(void **state) {
    (void)state;
    baton_error *error = baton_error_new(BATON_ERROR_LIMIT, "%d %s", 7, "levels");
    assert_int_equal(baton_error_get_code(error), BATON_ERROR_LIMIT);
    assert_string_equal(baton_error_message(error), "7 levels");
    assert_null(baton_error_file(error));
    assert_int_equal(baton_error_line(error), 0);
    assert_int_equal(baton_error_column(error), 0);
    assert_null(baton_error_cause(error));
    assert_null(baton_error_next(error));
    check_text(error, "7 levels");
    baton_error_free(error);
    baton_error_free(NULL);
    assert_int_equal(baton_error_get_code(NULL), BATON_ERROR_NONE);
}

static void test_set_and_wrap_accept_null(void **state) {
    (void)state;
    assert_int_equal(baton_error_set(NULL, BATON_ERROR_USAGE, "x"), -1);
    assert_int_equal(baton_error_wrap(NULL, BATON_ERROR_USAGE, "x"), -1);
    assert_int_equal(error_memory(NULL), -1);
}

static void test_wrap_keeps_the_cause(void **state) {
    (void)state;
    baton_error *err = NULL;
    assert_int_equal(baton_error_set(&err, BATON_ERROR_STEP, "step 'a' failed"), -1);
    const baton_error *first = err;
    assert_int_equal(baton_error_wrap(&err, BATON_ERROR_EXECUTION, "Workflow %s failed", "w"), -1);
    assert_ptr_equal(baton_error_cause(err), first);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_EXECUTION);
    check_text(err, "Workflow w failed: step 'a' failed");
    error_clear(&err);
    assert_null(err);
    baton_error_wrap(&err, BATON_ERROR_STORE, "alone");
    assert_null(baton_error_cause(err));
    error_clear(&err);
}

static void test_text_says_what_is_known_of_the_place(void **state) {
    (void)state;
    baton_error *err = baton_error_new(BATON_ERROR_INVALID, "unknown step");
    error_set_place(err, (place){.file = "order.yaml"});
    check_text(err, "order.yaml: unknown step");
    error_set_place(err, (place){.file = "other.yaml", .line = 12});
    assert_string_equal(baton_error_file(err), "order.yaml");
    check_text(err, "order.yaml:12: unknown step");
    error_set_place(err, (place){.line = 1, .column = 1});
    assert_int_equal(baton_error_line(err), 12);
    error_clear(&err);

    err = baton_error_new(BATON_ERROR_INVALID, "unknown step");
    error_set_place(err, (place){.line = 3, .column = 7});
    assert_int_equal(baton_error_column(err), 7);
    check_text(err, "3:7: unknown step");
    baton_error_wrap(&err, BATON_ERROR_EXECUTION, "outer");
    check_text(err, "3:7: outer: unknown step");
    error_set_place(err, (place){.file = "a.yaml", .line = 9, .column = 2});
    check_text(err, "a.yaml:9:2: outer: unknown step");
    error_clear(&err);
}

static void test_text_is_one_line(void **state) {
    (void)state;
    baton_error *err = baton_error_new(BATON_ERROR_STEP, "a\nb\t\x1b[31mc\x7f é");
    check_text(err, "a b  [31mc  é");
    baton_error_free(err);
}

static void test_append_makes_a_list(void **state) {
    (void)state;
    baton_error *list = NULL;
    assert_int_equal(error_count(list), 0);
    error_append(&list, baton_error_new(BATON_ERROR_INVALID, "one"));
    error_append(&list, baton_error_new(BATON_ERROR_INVALID, "two"));
    error_append(&list, baton_error_new(BATON_ERROR_INVALID, "three"));
    assert_int_equal(error_count(list), 3);
    assert_string_equal(baton_error_message(list), "one");
    assert_string_equal(baton_error_message(baton_error_next(baton_error_next(list))), "three");
    baton_error_free(list);
}

static void test_the_memory_error_is_never_changed_or_freed(void **state) {
    (void)state;
    baton_error *err = NULL;
    assert_int_equal(error_memory(&err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_MEMORY);
    check_text(err, "out of memory");
    error_set_place(err, (place){.file = "a", .line = 1, .column = 1});
    assert_int_equal(baton_error_line(err), 0);
    error_append(&err, baton_error_new(BATON_ERROR_STEP, "lost"));
    assert_int_equal(error_count(err), 1);
    baton_error_free(err);
    baton_error_free(err);

    baton_error *list = baton_error_new(BATON_ERROR_INVALID, "one");
    error_append(&list, err);
    error_append(&list, baton_error_new(BATON_ERROR_INVALID, "lost"));
    assert_int_equal(error_count(list), 2);
    baton_error_free(list);

    baton_error_wrap(&err, BATON_ERROR_EXECUTION, "outer");
    check_text(err, "outer: out of memory");
    baton_error_free(err);
}

static void test_a_message_that_cannot_be_formatted_is_the_memory_error(void **state) {
    (void)state;
    /* A wide character that the C locale does not have makes printf fail, as a lack of memory would. */
    baton_error *err = baton_error_new(BATON_ERROR_STEP, "cause");
    baton_error_wrap(&err, BATON_ERROR_EXECUTION, "%lc", (wint_t)0x20ac);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_MEMORY);
    assert_null(baton_error_cause(err));
    baton_error_free(err);
}

static void test_an_error_is_given_to_who_wants_it(void **state) {
    (void)state;
    baton_error *err = NULL, *made = baton_error_new(BATON_ERROR_USAGE, "wrong");
    assert_int_equal(error_give(&err, made), -1);
    assert_ptr_equal(err, made);
    assert_int_equal(error_give(&err, NULL), -1); /* nothing: what is there stays */
    assert_ptr_equal(err, made);
    baton_error_free(err);
    assert_int_equal(error_give(NULL, baton_error_new(BATON_ERROR_USAGE, "wrong")), -1); /* freed */
}

static void test_every_code_has_a_name(void **state) {
    (void)state;
    assert_string_equal(baton_error_code_name(BATON_ERROR_NONE), "none");
    assert_string_equal(baton_error_code_name(BATON_ERROR_QUEUE_FULL), "queue_full");
    assert_string_equal(baton_error_code_name(BATON_ERROR_MEMORY), "memory");
    for (int code = 0; code <= BATON_ERROR_MEMORY; code++) {
        assert_string_not_equal(baton_error_code_name((baton_error_code)code), "unknown");
        for (int other = 0; other < code; other++)
            assert_string_not_equal(baton_error_code_name((baton_error_code)code),
                                    baton_error_code_name((baton_error_code)other));
    }
    assert_string_equal(baton_error_code_name((baton_error_code)99), "unknown");
}

static void test_version(void **state) {
    (void)state;
    assert_string_equal(baton_version(), BATON_VERSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_error_has_code_and_message),
        cmocka_unit_test(test_set_and_wrap_accept_null),
        cmocka_unit_test(test_wrap_keeps_the_cause),
        cmocka_unit_test(test_text_says_what_is_known_of_the_place),
        cmocka_unit_test(test_text_is_one_line),
        cmocka_unit_test(test_append_makes_a_list),
        cmocka_unit_test(test_the_memory_error_is_never_changed_or_freed),
        cmocka_unit_test(test_a_message_that_cannot_be_formatted_is_the_memory_error),
        cmocka_unit_test(test_an_error_is_given_to_who_wants_it),
        cmocka_unit_test(test_every_code_has_a_name),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
