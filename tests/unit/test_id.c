/* Execution ids and the entropy they come from. Seed: generateExecutionId.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_generate_execution_id_has_time_and_nine_digits(void **state) {
    (void)state;
    char text[ID_TEXT];
    assert_int_equal(id_format(text, 1700000000123, 0), 28);
    assert_string_equal(text, "exec_1700000000123_000000000");
    id_format(text, 0, 35 + 36 * 10);
    assert_string_equal(text, "exec_0_za0000000");
    id_format(text, -5, 0);
    assert_string_equal(text, "exec_0_000000000");
    assert_int_equal(id_format(text, INT64_MAX, UINT64_MAX), 34);
    assert_int_equal(strlen(text), 34);
    assert_memory_equal(text, "exec_9223372036854775807_", 25);
    assert_int_equal(strspn(text + 25, "0123456789abcdefghijklmnopqrstuvwxyz"), 9);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_entropy_does_not_repeat(void **state) {
    (void)state;
    enum { WORDS = 1000 };
    entropy e = {.left = 0};
    uint64_t words[WORDS];
    for (int i = 0; i < WORDS; i++) words[i] = entropy_next(&e);
    qsort(words, WORDS, sizeof words[0], compare);
    for (int i = 1; i < WORDS; i++) assert_true(words[i - 1] != words[i]);
    /* A word that was given is not kept. */
    assert_true(e.words[e.left] == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generate_execution_id_has_time_and_nine_digits),
        cmocka_unit_test(test_entropy_does_not_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
