/* JSON text: what is read, what is refused and where, how numbers and strings are written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"
#include "base/number.h"
#include "base/value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads `json` and writes it again. */
static void check_round(const char *json, const char *expected) {
    baton_error *err = NULL;
    baton_value value = baton_value_parse(json, strlen(json), &err);
    if (err) fail_msg("%s: %s", json, baton_error_message(err));
    char *text = baton_value_to_json(value);
    assert_string_equal(text, expected);
    free(text);
    baton_value_unref(value);
}

static void check_refused_sized(const char *json, size_t size, const char *expected) {
    baton_error *err = NULL;
    baton_value value = value_parse(json, size, "f", &err);
    assert_false(baton_value_is_valid(value));
    assert_non_null(err);
    char *text = baton_error_text(err);
    assert_string_equal(text, expected);
    free(text);
    baton_error_free(err);
    assert_false(baton_value_is_valid(baton_value_parse(json, size, NULL)));
}

static void check_refused(const char *json, const char *expected) {
    /* In a block of its very size, so that the sanitizer sees a read beyond the end. */
    size_t size = strlen(json);
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, json, size);
    check_refused_sized(copy, size, expected);
    free(copy);
}

static void test_values_are_read_and_written_with_sorted_keys(void **state) {
    (void)state;
    check_round(" { \"b\" : [ 1 , true , false , null , {} , [ ] ] ,\r\n\t\"a\" : \"x\" } ",
                "{\"a\":\"x\",\"b\":[1,true,false,null,{},[]]}");
    check_round("{\"ab\":1,\"a\":2,\"\":3,\"b\":4}", "{\"\":3,\"a\":2,\"ab\":1,\"b\":4}");
    check_round("\xef\xbb\xbf[]", "[]");
    check_round("\"x\"", "\"x\"");
    check_round(
        "{\"k0\":0,\"k1\":0,\"k2\":0,\"k3\":0,\"k4\":0,\"k5\":0,\"k6\":0,\"k7\":0,\"k8\":0,\"k9\":0,"
        "\"j0\":0,\"j1\":0,\"j2\":0,\"j3\":0,\"j4\":0,\"j5\":0,\"j6\":0,\"j7\":0}",
        "{\"j0\":0,\"j1\":0,\"j2\":0,\"j3\":0,\"j4\":0,\"j5\":0,\"j6\":0,\"j7\":0,\"k0\":0,\"k1\":0,"
        "\"k2\":0,\"k3\":0,\"k4\":0,\"k5\":0,\"k6\":0,\"k7\":0,\"k8\":0,\"k9\":0}");
}

static void test_strings(void **state) {
    (void)state;
    check_round("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    check_round("\"\\u0000\\u001F\\u00e9\\u20AC\\ud83d\\ude00\"", "\"\\u0000\\u001fé€😀\"");
    check_round("\"é€😀 plain\\u0041 plain\"", "\"é€😀 plainA plain\"");
    check_round("{\"a\\u0000b\":1,\"a\\u0000a\":2}", "{\"a\\u0000a\":2,\"a\\u0000b\":1}");
}

static void test_syntax_errors_say_where(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"", "f:1:1: expected a value, but the text ends"},
        {"\n\n ", "f:3:2: expected a value, but the text ends"},
        {"tru", "f:1:1: expected a value"},
        {"nulL", "f:1:1: expected a value"},
        {"falsy", "f:1:1: expected a value"},
        {"x", "f:1:1: expected a value"},
        {"1 2", "f:1:3: expected nothing more after the value"},
        {"[1", "f:1:3: expected ',' or ']' in an array, but the text ends"},
        {"[1,\n2 3]", "f:2:3: expected ',' or ']' in an array"},
        {"[1,]", "f:1:4: expected a value"},
        {"{", "f:1:2: expected a key in '\"', but the text ends"},
        {"{a:1}", "f:1:2: expected a key in '\"'"},
        {"{\"a\" 1}", "f:1:6: expected ':' after a key"},
        {"{\"a\":}", "f:1:6: expected a value"},
        {"{\"a\":1", "f:1:7: expected ',' or '}' in an object, but the text ends"},
        {"{\"a\":1 \"b\":2}", "f:1:8: expected ',' or '}' in an object"},
        {"{\"a\":1,}", "f:1:8: expected a key in '\"'"},
        {"{\"é\":1,\"é\":2}", "f:1:8: key \"é\" is there twice"},
        {"[\"é€😀\" x", "f:1:8: expected ',' or ']' in an array"},
        {"\"abc", "f:1:1: a string without its closing '\"'"},
        {"{\"a", "f:1:2: a string without its closing '\"'"},
        {"\"a\nb\"", "f:1:3: a control character in a string; write it as \\u000a"},
        {"\"\\x\"", "f:1:2: an escape that JSON does not have"},
        {"\"\\", "f:1:2: an escape that JSON does not have"},
        {"\"\\u12", "f:1:2: expected four hexadecimal digits after \\u"},
        {"\"\\u12G4\"", "f:1:2: expected four hexadecimal digits after \\u"},
        {"\"\\ud800\"", "f:1:2: \\ud800 is half of a surrogate pair"},
        {"\"\\ud800\\u0041\"", "f:1:2: \\ud800 is half of a surrogate pair"},
        {"\"\\ud800\\ue000\"", "f:1:2: \\ud800 is half of a surrogate pair"},
        {"\"\\ud800\\n....\"", "f:1:2: \\ud800 is half of a surrogate pair"},
        {"\"\\udc00\\ud800\"", "f:1:2: \\udc00 is half of a surrogate pair"},
        {"\"ab\xff\"", "f:1:4: bytes that are not UTF-8"},
        {"\"\\n\xc0\x80\"", "f:1:4: bytes that are not UTF-8"},
        {"\xef\xbb\xbf]", "f:1:1: expected a value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_refused(rows[i][0], rows[i][1]);
    check_refused_sized("[1\0]", 4, "f:1:3: expected ',' or ']' in an array");
}

static void test_numbers_are_read(void **state) {
    (void)state;
    check_round("[0,-0,1,-1,10,1e0,1E+2,1e-2,0.5,-2.5e-3]", "[0,-0,1,-1,10,1,100,0.01,0.5,-0.0025]");
    check_round("[9007199254740992,-9007199254740992,9007199254740994]",
                "[9007199254740992,-9007199254740992,9007199254740994]");
    check_round("[100000000000000000000,18446744073709551616]", "[1e20,1.8446744073709552e19]");
    check_round("[0.1,0.30000000000000004,1e-7,123456.789,1e17,5e-324,2.2250738585072014e-308]",
                "[0.1,0.30000000000000004,1e-7,123456.789,1e17,5e-324,2.2250738585072014e-308]");
    check_round("[0.00001,0.000001,99999999999999999.5,12345678901234.5,1.7976931348623157e308]",
                "[0.00001,1e-6,1e17,12345678901234.5,1.7976931348623157e308]");
    check_round("[0e999,1e-999,0.000000000000000000000000000001,123456789012345678901234567890e-20]",
                "[0,0,1e-30,1234567890.1234567]");
    check_round("1e-99999999999999999999", "0");
}

static void test_numbers_are_refused(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"-", "f:1:2: a malformed number"},
        {"-x", "f:1:2: a malformed number"},
        {"01", "f:1:2: a malformed number"},
        {"-00", "f:1:3: a malformed number"},
        {"1.", "f:1:3: a malformed number"},
        {"[1.e5]", "f:1:4: a malformed number"},
        {"1e", "f:1:3: a malformed number"},
        {"1.5e+]", "f:1:5: a malformed number"},
        {"[1, 9007199254740993]", "f:1:5: 9007199254740993 cannot be held exactly by a double"},
        {"-9007199254740993", "f:1:1: -9007199254740993 cannot be held exactly by a double"},
        {"100000000000000000001", "f:1:1: 100000000000000000001 cannot be held exactly by a double"},
        {"1e309", "f:1:1: 1e309 is larger than any double"},
        {"-1e999999999999", "f:1:1: -1e999999999999 is larger than any double"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_refused(rows[i][0], rows[i][1]);

    char digits[LIMIT_NUMBER_BYTES + 1];
    memset(digits, '9', sizeof digits);
    check_refused_sized(digits, sizeof digits, "f:1:1: a number of more than 1024 characters");
    check_refused_sized(digits, sizeof digits - 1,
                        "f:1:1: 9999999999999999999999999999999999999999999999999999999999999999"
                        " is larger than any double");
    check_refused_sized(digits, 300,
                        "f:1:1: 9999999999999999999999999999999999999999999999999999999999999999"
                        " cannot be held exactly by a double");
    char zeros[4 * LIMIT_NUMBER_BYTES];
    memset(zeros, '0', sizeof zeros);
    zeros[1] = '.';
    check_refused_sized(zeros, sizeof zeros, "f:1:1: a number of more than 1024 characters");
}

static void test_numbers_keep_every_bit(void **state) {
    (void)state;
    uint64_t seed = 42;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        double number;
        /* All bit patterns, and numbers of everyday size. */
        if (i % 2)
            memcpy(&number, &seed, sizeof number);
        else
            number = (double)(int64_t)seed / 1e12;
        if (!isfinite(number)) continue;
        buffer b = {0};
        number_write(&b, number);
        size_t used;
        double again;
        assert_int_equal(number_read(b.data, b.size, &used, &again), NUMBER_READ);
        assert_int_equal(used, b.size);
        assert_memory_equal(&number, &again, sizeof number);
        assert_true(strtod(b.data, NULL) == number);
        buffer_done(&b);
    }
}

static void test_numbers_that_json_lacks_are_written_as_jq_does(void **state) {
    (void)state;
    baton_value array = baton_value_append(baton_value_array(), baton_value_number(NAN));
    array = baton_value_append(array, baton_value_number(INFINITY));
    array = baton_value_append(array, baton_value_number(-INFINITY));
    char *json = baton_value_to_json(array);
    assert_string_equal(json, "[null,1.7976931348623157e308,-1.7976931348623157e308]");
    free(json);
    baton_value_unref(array);
}

static void test_nesting_is_limited(void **state) {
    (void)state;
    char text[2 * LIMIT_VALUE_DEPTH + 2];
    memset(text, '[', LIMIT_VALUE_DEPTH + 1);
    memset(text + LIMIT_VALUE_DEPTH + 1, ']', LIMIT_VALUE_DEPTH + 1);
    baton_error *err = NULL;
    baton_value value = baton_value_parse(text, sizeof text, &err);
    assert_false(baton_value_is_valid(value));
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_LIMIT);
    assert_string_equal(baton_error_message(err), "nested deeper than 256 levels");
    assert_int_equal(baton_error_column(err), 257);
    error_clear(&err);
    value = baton_value_parse(text + 1, sizeof text - 2, &err);
    assert_true(baton_value_is_valid(value));
    baton_value_unref(value);

    check_refused_sized(text, (size_t)LIMIT_JSON_BYTES + 1,
                        "f:1:1: a JSON text of more than 1073741824 bytes");
}

static void test_writing_is_limited_in_depth_only(void **state) {
    (void)state;
    baton_value value = baton_value_array();
    for (int i = 1; i < LIMIT_VALUE_WRITE_DEPTH; i++)
        value = i % 2 ? baton_value_append(baton_value_array(), value)
                      : baton_value_set(baton_value_object(), "k", value);
    buffer b = {0};
    value_write(&b, value);
    assert_false(buffer_failed(&b));
    buffer_done(&b);
    value = baton_value_append(baton_value_array(), value);
    value_write(&b, value);
    assert_true(buffer_failed(&b));
    buffer_done(&b);
    assert_null(baton_value_to_json(value));
    baton_value_unref(value);
}

static void fits(const char *text, size_t bytes, value_fit expected) {
    baton_value value = baton_value_parse(text, strlen(text), NULL);
    assert_true(baton_value_is_valid(value));
    if (value_fits(value, bytes) != expected) fail_msg("%s in %zu", text, bytes);
    baton_value_unref(value);
}

static void test_what_fits(void **state) {
    (void)state;
    static const char *const texts[] = {"\"\\u0000é\"", "[]",
                                        "{\"a\":[1,-2.5e-300,\"x\"],\"b\":{\"c\":null}}",
                                        "[[[[[[[[[[[1]]]]]]]]]]]", "[true,false,\"\\n\"]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t size = strlen(texts[i]);
        fits(texts[i], size, VALUE_FITS);
        fits(texts[i], 1000000, VALUE_FITS);
        fits(texts[i], size - 1, VALUE_TOO_LARGE);
        fits(texts[i], 1, VALUE_TOO_LARGE);
        fits(texts[i], 0, VALUE_TOO_LARGE);
    }
    fits("null", 0, VALUE_FITS); /* nothing to look at */
    baton_value value = baton_value_array();
    for (int i = 1; i < LIMIT_OUTPUT_DEPTH; i++)
        value = i % 2 ? baton_value_append(baton_value_array(), value)
                      : baton_value_set(baton_value_object(), "k", value);
    assert_int_equal(value_fits(value, 1000000), VALUE_FITS);
    assert_int_equal(value_fits(value, 60000), VALUE_FITS);
    value = baton_value_append(baton_value_array(), value);
    assert_int_equal(value_fits(value, 1000000), VALUE_TOO_DEEP);
    assert_int_equal(value_fits(value, 60000), VALUE_TOO_DEEP); /* also where only its text tells */
    baton_value_unref(value);
    /* As text it would be 2^50 bytes. */
    value = baton_value_string("x");
    for (int i = 0; i < 50; i++) {
        baton_value pair = baton_value_append(baton_value_array(), baton_value_ref(value));
        value = baton_value_append(pair, value);
    }
    assert_int_equal(value_fits(value, 1000000), VALUE_TOO_LARGE);
    baton_value_unref(value);
}

static void test_pretty(void **state) {
    (void)state;
    const char *json = "{\"b\":[1,[],{}],\"a\":{\"x\":null}}";
    baton_value value = baton_value_parse(json, strlen(json), NULL);
    buffer b = {0};
    value_write_pretty(&b, value);
    assert_string_equal(buffer_text(&b), "{\n  \"a\": {\n    \"x\": null\n  },\n  \"b\": [\n    1,\n"
                                         "    [],\n    {}\n  ]\n}");
    buffer_done(&b);
    baton_value_unref(value);
}

static void test_text_is_written_as_a_string(void **state) {
    (void)state;
    buffer b = {0};
    value_write_text(&b, NULL);
    value_write_text(&b, "");
    value_write_text(&b, "a\"\x01\xff\xfe€\xe2\x82");
    assert_string_equal(buffer_text(&b),
                        "null\"\"\"a\\\"\\u0001\xef\xbf\xbd\xef\xbf\xbd€\xef\xbf\xbd\xef\xbf\xbd\"");
    buffer_done(&b);
}

static void test_random_texts_do_no_harm(void **state) {
    (void)state;
    static const char letters[] = "[]{},:\"\\u0d8e1-+.E tfn\xc3\xa9\n";
    uint64_t seed = 7;
    for (int i = 0; i < 100000; i++) {
        char text[24];
        size_t size = 0;
        for (; size < sizeof text; size++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[size] = letters[(seed >> 33) % (sizeof letters - 1)];
            if ((seed >> 60) == 0) break;
        }
        baton_error *err = NULL;
        baton_value value = baton_value_parse(text, size, &err);
        assert_int_equal(baton_value_is_valid(value), err == NULL);
        baton_error_free(err);
        baton_value_unref(value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_read_and_written_with_sorted_keys),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_syntax_errors_say_where),
        cmocka_unit_test(test_numbers_are_read),
        cmocka_unit_test(test_numbers_are_refused),
        cmocka_unit_test(test_numbers_keep_every_bit),
        cmocka_unit_test(test_numbers_that_json_lacks_are_written_as_jq_does),
        cmocka_unit_test(test_nesting_is_limited),
        cmocka_unit_test(test_writing_is_limited_in_depth_only),
        cmocka_unit_test(test_what_fits),
        cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_text_is_written_as_a_string),
        cmocka_unit_test(test_random_texts_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
