/* Clocks and times as text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_times_are_written_as_rfc_3339(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1769860800123, "2026-01-31T12:00:00.123Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {253402300800000, "253402300800000ms"},
        {INT64_MAX, "9223372036854775807ms"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[CLOCK_TEXT];
        assert_ptr_equal(clock_format(rows[i].ms, text), text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_the_monotonic_clock_does_not_go_back(void **state) {
    (void)state;
    int64_t last = clock_monotonic_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic_ns();
        assert_true(now >= last);
        last = now;
    }
}

static void test_the_wall_clock_counts_milliseconds_since_1970(void **state) {
    (void)state;
    int64_t before = (int64_t)time(NULL) * 1000, now = clock_wall_ms(), after = clock_wall_ms();
    assert_true(now >= before - 1000 && now <= before + 60000);
    assert_true(after >= now);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_written_as_rfc_3339),
        cmocka_unit_test(test_the_monotonic_clock_does_not_go_back),
        cmocka_unit_test(test_the_wall_clock_counts_milliseconds_since_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
