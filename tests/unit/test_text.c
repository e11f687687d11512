/* Suggestions, JSON pointer segments, UTF-8, base-64.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const types[] = {"set", "switch", "call", "listen", "fork", "waiting"};

static const char *nearest(const char *word) {
    return text_nearest(word, types, sizeof types / sizeof types[0]);
}

static void test_nearest_finds_what_was_meant(void **state) {
    (void)state;
    assert_string_equal(nearest("sett"), "set");
    assert_string_equal(nearest("st"), "set");
    assert_string_equal(nearest("SET"), "set");
    assert_string_equal(nearest("ste"), "set"); /* neighbours swapped count once */
    assert_string_equal(nearest("fokr"), "fork");
    assert_string_equal(nearest("lisen"), "listen");
    assert_string_equal(nearest("swich"), "switch");
    assert_string_equal(nearest("watings"), "waiting");
}

static void test_nearest_does_not_guess(void **state) {
    (void)state;
    assert_null(nearest("banana"));
    assert_null(nearest("x"));
    assert_null(nearest(""));
    assert_null(text_nearest("set", NULL, 0));
    const char *one[] = {"a"};
    assert_null(text_nearest("b", one, 1)); /* every letter would change */
    assert_string_equal(text_nearest("A", one, 1), "a");
}

static void test_nearest_passes_over_what_is_too_long(void **state) {
    (void)state;
    char word[100];
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_null(nearest(word));
    const char *candidates[] = {word, "aaab"};
    assert_string_equal(text_nearest("aaaa", candidates, 2), "aaab");
    word[64] = '\0';
    assert_string_equal(text_nearest(word, candidates, 2), word);
}

static void test_pointer_segments_are_escaped(void **state) {
    (void)state;
    buffer b = {0};
    text_pointer_segment(&b, "do");
    text_pointer_segment(&b, "a/b~c");
    text_pointer_segment(&b, "");
    text_pointer_segment(&b, "~/");
    assert_string_equal(buffer_text(&b), "/do/a~1b~0c//~0~1");
    buffer_done(&b);
}

static void test_utf8(void **state) {
    (void)state;
    static const char *const valid[] = {"",          "plain and long enough", "é",
                                        "ࠀ€퟿", "\xf0\x90\x80\x80",      "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++)
        assert_true(text_is_utf8(valid[i], strlen(valid[i])));
    static const char *const invalid[] = {"\x80",
                                          "\xc1\xbf",
                                          "\xc3",
                                          "\xc3x",
                                          "\xe0\x9f\x80",
                                          "\xed\xa0\x80",
                                          "\xe2\x82",
                                          "\xe2\x82x",
                                          "\xf0\x8f\x80\x80",
                                          "\xf4\x90\x80\x80",
                                          "\xf5\x80\x80\x80",
                                          "\xff"};
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        char text[32] = "eight by";
        strcat(text, invalid[i]);
        assert_false(text_is_utf8(text, strlen(text)));
        assert_int_equal(text_utf8_prefix(text, strlen(text)), 8);
    }
    assert_int_equal(text_utf8_prefix("abcdefghé\xff", 11), 10);
}

static void test_base64(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xff\xfe\xfd", "//79"},
                                          {"\xfb", "+w=="}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buffer b = {0};
        text_base64(&b, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(buffer_text(&b), rows[i][1]);
        buffer_done(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest_finds_what_was_meant),
        cmocka_unit_test(test_nearest_does_not_guess),
        cmocka_unit_test(test_nearest_passes_over_what_is_too_long),
        cmocka_unit_test(test_pointer_segments_are_escaped),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
