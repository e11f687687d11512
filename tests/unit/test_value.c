/* Values: kinds, references, containers, and that a wrong kind gives nothing instead of an abort.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_json(baton_value value, const char *expected) {
    char *json = baton_value_to_json(value);
    assert_string_equal(json, expected);
    free(json);
    baton_value_unref(value);
}

static void test_a_zeroed_handle_is_the_invalid_value(void **state) {
    (void)state;
    baton_value zero = {0, 0};
    assert_int_equal(baton_value_kind(zero), BATON_KIND_INVALID);
    baton_value invalid = baton_value_invalid();
    assert_memory_equal(&zero, &invalid, sizeof zero);
    assert_false(baton_value_is_valid(zero));
    assert_false(baton_value_is_true(zero));
    assert_false(baton_value_is_valid(baton_value_ref(zero)));
    baton_value_unref(zero);
    assert_int_equal(baton_value_size(zero), 0);
    check_json(zero, "null");
}

static void test_kinds_and_truth(void **state) {
    (void)state;
    struct {
        baton_value value;
        baton_kind kind;
        bool truth;
        const char *json;
    } rows[] = {
        {baton_value_null(), BATON_KIND_NULL, false, "null"},
        {baton_value_boolean(false), BATON_KIND_BOOLEAN, false, "false"},
        {baton_value_boolean(true), BATON_KIND_BOOLEAN, true, "true"},
        {baton_value_number(0), BATON_KIND_NUMBER, true, "0"},
        {baton_value_string(""), BATON_KIND_STRING, true, "\"\""},
        {baton_value_array(), BATON_KIND_ARRAY, true, "[]"},
        {baton_value_object(), BATON_KIND_OBJECT, true, "{}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        baton_value value = rows[i].value;
        assert_int_equal(baton_value_kind(value), rows[i].kind);
        assert_true(baton_value_is_valid(value));
        assert_int_equal(baton_value_is_true(value), rows[i].truth);
        for (size_t j = 0; j < sizeof rows / sizeof rows[0]; j++)
            assert_int_equal(baton_value_equal(value, rows[j].value), i == j);
        baton_value again = baton_value_ref(value);
        assert_true(baton_value_equal(value, again));
        baton_value_unref(again);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_json(rows[i].value, rows[i].json);
}

static void test_scalars_answer_only_for_their_kind(void **state) {
    (void)state;
    baton_value number = baton_value_number(2.5), text = baton_value_string("2.5");
    assert_true(baton_value_as_number(number) == 2.5);
    assert_true(baton_value_as_number(text) == 0);
    assert_null(baton_value_as_text(number));
    assert_string_equal(baton_value_as_text(text), "2.5");
    assert_int_equal(baton_value_size(text), 3);
    assert_int_equal(baton_value_size(number), 0);
    baton_value_unref(text);
}

static void test_strings_are_sized_and_made_utf8(void **state) {
    (void)state;
    check_json(baton_value_string_sized("abcdef", 3), "\"abc\"");
    check_json(baton_value_string_sized(NULL, 0), "\"\"");
    check_json(baton_value_string_sized("a\0b", 3), "\"a\\u0000b\"");
    check_json(baton_value_string("a\xff"), "\"a\xef\xbf\xbd\"");
    assert_false(baton_value_is_valid(baton_value_string_sized("a", ((size_t)1 << 30) + 1)));
}

static void test_arrays(void **state) {
    (void)state;
    baton_value array = baton_value_append(baton_value_array(), baton_value_number(1));
    baton_value copy = baton_value_ref(array);
    array = baton_value_append(array, baton_value_string("b"));
    assert_int_equal(baton_value_size(array), 2);
    assert_int_equal(baton_value_size(copy), 1); /* copied on write */
    baton_value at = baton_value_at(array, 1);
    assert_string_equal(baton_value_as_text(at), "b");
    baton_value_unref(at);
    assert_false(baton_value_is_valid(baton_value_at(array, 2)));
    assert_false(baton_value_is_valid(baton_value_at(array, SIZE_MAX)));
    assert_false(baton_value_is_valid(baton_value_at(baton_value_null(), 0)));
    check_json(array, "[1,\"b\"]");
    check_json(copy, "[1]");
}

static void test_objects(void **state) {
    (void)state;
    baton_value object = baton_value_set(baton_value_object(), "b", baton_value_number(1));
    baton_value copy = baton_value_ref(object);
    object = baton_value_set(object, "a", baton_value_boolean(true));
    object = baton_value_set(object, "b", baton_value_number(2));
    assert_int_equal(baton_value_size(object), 2);
    assert_true(baton_value_has(object, "a"));
    assert_false(baton_value_has(object, "c"));
    assert_false(baton_value_has(baton_value_null(), "c"));
    assert_true(baton_value_as_number(baton_value_get(object, "b")) == 2);
    assert_false(baton_value_is_valid(baton_value_get(object, "c")));
    assert_false(baton_value_is_valid(baton_value_get(baton_value_null(), "c")));
    object = baton_value_remove(object, "b");
    object = baton_value_remove(object, "not there");
    check_json(object, "{\"a\":true}");
    check_json(copy, "{\"b\":1}");
}

static void test_a_wrong_kind_gives_nothing(void **state) {
    (void)state;
    baton_value text = baton_value_string("text");
    assert_false(baton_value_is_valid(baton_value_append(baton_value_ref(text), baton_value_array())));
    assert_false(baton_value_is_valid(baton_value_append(baton_value_array(), VALUE_INVALID)));
    assert_false(baton_value_is_valid(baton_value_set(baton_value_ref(text), "a", baton_value_array())));
    assert_false(baton_value_is_valid(baton_value_set(baton_value_object(), "a", VALUE_INVALID)));
    assert_false(baton_value_is_valid(baton_value_remove(baton_value_ref(text), "a")));
    int cursor = 0;
    const char *key;
    assert_false(baton_value_next(text, &cursor, &key, NULL));
    baton_value_unref(text);
}

static void test_next_walks_every_member_once(void **state) {
    (void)state;
    enum { MEMBERS = 100 };
    baton_value object = baton_value_object();
    for (int i = 0; i < MEMBERS; i++) {
        char key[8] = {'k', (char)('0' + i / 10), (char)('0' + i % 10), '\0'};
        object = value_set_number(object, key, i);
    }
    object = baton_value_remove(object, "k50");
    bool seen[MEMBERS] = {false};
    int cursor = 0, count = 0;
    const char *key;
    baton_value member;
    while (baton_value_next(object, &cursor, &key, &member)) {
        int i = (key[1] - '0') * 10 + key[2] - '0';
        assert_false(seen[i]);
        seen[i] = true;
        assert_true(baton_value_as_number(member) == i);
        count++;
    }
    assert_int_equal(count, MEMBERS - 1);
    assert_false(seen[50]);
    assert_false(baton_value_next(object, &cursor, &key, &member));
    cursor = 0;
    assert_true(baton_value_next(object, &cursor, &key, NULL));
    baton_value_unref(object);
}

static void test_equality_is_of_content(void **state) {
    (void)state;
    const char *texts[] = {"[1,{\"a\":[]}]", "[1,{\"a\":[0]}]", "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1.0}"};
    baton_value values[4];
    for (int i = 0; i < 4; i++) values[i] = baton_value_parse(texts[i], strlen(texts[i]), NULL);
    assert_true(baton_value_equal(values[0], values[0]));
    assert_false(baton_value_equal(values[0], values[1]));
    assert_true(baton_value_equal(values[2], values[3]));
    for (int i = 0; i < 4; i++) baton_value_unref(values[i]);
}

static void test_shorthands(void **state) {
    (void)state;
    baton_value object = value_set_text(baton_value_object(), "name", "x");
    object = value_set_text(object, "none", NULL);
    object = value_set_number(object, "n", 3);
    assert_string_equal(value_get_text(object, "name"), "x");
    assert_null(value_get_text(object, "none"));
    assert_null(value_get_text(object, "n"));
    assert_null(value_get_text(object, "absent"));
    baton_value slot = baton_value_string("old");
    value_assign(&slot, object);
    check_json(slot, "{\"n\":3,\"name\":\"x\",\"none\":null}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_zeroed_handle_is_the_invalid_value),
        cmocka_unit_test(test_kinds_and_truth),
        cmocka_unit_test(test_scalars_answer_only_for_their_kind),
        cmocka_unit_test(test_strings_are_sized_and_made_utf8),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_a_wrong_kind_gives_nothing),
        cmocka_unit_test(test_next_walks_every_member_once),
        cmocka_unit_test(test_equality_is_of_content),
        cmocka_unit_test(test_shorthands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
