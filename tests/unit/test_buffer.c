/* Buffers: appending, giving away, and the failure that is remembered.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

/* Let an allocation that is too large fail, as it does without the sanitizer. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

static void test_appends_are_joined_and_ended(void **state) {
    (void)state;
    buffer b = {0};
    assert_string_equal(buffer_text(&b), "");
    buffer_puts(&b, "one ");
    buffer_putc(&b, '2');
    buffer_append(&b, " 3?", 2);
    buffer_append(&b, NULL, 0);
    buffer_printf(&b, " %d-%s", 4, "five");
    assert_string_equal(buffer_text(&b), "one 2 3 4-five");
    assert_int_equal(b.size, strlen("one 2 3 4-five"));
    assert_false(buffer_failed(&b));
    buffer_clear(&b);
    assert_string_equal(buffer_text(&b), "");
    assert_int_equal(b.size, 0);
    buffer_done(&b);
    assert_null(b.data);
    buffer_clear(&b);
    buffer_done(&b);
}

static void test_it_grows(void **state) {
    (void)state;
    buffer b = {0};
    for (int i = 0; i < 10000; i++) buffer_printf(&b, "%04d", i);
    assert_int_equal(b.size, 40000);
    assert_memory_equal(b.data + 4 * 1234, "1234", 4);
    assert_int_equal(b.data[b.size], '\0');
    buffer_done(&b);
}

static void test_take_gives_the_bytes_away(void **state) {
    (void)state;
    buffer b = {0};
    buffer_puts(&b, "mine");
    char *text = buffer_take(&b);
    assert_string_equal(text, "mine");
    free(text);
    assert_null(b.data);
    text = buffer_take(&b); /* an empty one is a text too */
    assert_string_equal(text, "");
    free(text);
}

static void test_a_failure_sticks_until_cleared(void **state) {
    (void)state;
    buffer b = {0};
    buffer_puts(&b, "kept");
    buffer_append(&b, "x", SIZE_MAX - 10);
    assert_true(buffer_failed(&b));
    buffer_puts(&b, "ignored");
    buffer_putc(&b, 'x');
    buffer_printf(&b, "%d", 1);
    assert_string_equal(buffer_text(&b), "kept");
    assert_null(buffer_take(&b));
    assert_null(b.data);
    assert_false(buffer_failed(&b));

    buffer_append(&b, "x", SIZE_MAX / 4); /* more than malloc gives */
    assert_true(buffer_failed(&b));
    buffer_clear(&b);
    buffer_puts(&b, "again");
    assert_string_equal(buffer_text(&b), "again");
    buffer_printf(&b, "%lc", (wint_t)0x20ac); /* that the C locale does not have */
    assert_true(buffer_failed(&b));
    buffer_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_are_joined_and_ended),
        cmocka_unit_test(test_it_grows),
        cmocka_unit_test(test_take_gives_the_bytes_away),
        cmocka_unit_test(test_a_failure_sticks_until_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
