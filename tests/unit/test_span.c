/* Spans of time as people write them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/span.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, double wanted, const char *rest) {
    double ms = -1;
    if (!span_read(&text, &ms)) fail_msg("%s was refused", text);
    if (fabs(ms - wanted) > 1e-6) fail_msg("%s: %f instead of %f", text, ms, wanted);
    assert_string_equal(text, rest);
}

static void refuse(const char *text) {
    const char *at = text;
    double ms = 42;
    if (span_read(&at, &ms)) fail_msg("%s was read as %f", text, ms);
    assert_ptr_equal(at, text);
    assert_true(ms == 42);
}

static void one_unit(void **state) {
    (void)state;
    expect("250ms", 250, "");
    expect("90s", 90000, "");
    expect("10m", 600000, "");
    expect("1h", 3600000, "");
    expect("2d", 172800000, "");
    expect("0s", 0, "");
    expect("30 seconds.", 30000, ".");
    expect("1 Minute", 60000, "");
    expect("1.5 hours", 5400000, "");
    expect("1.898s.", 1898, ".");
    expect("5 MIN later", 300000, " later");
}

static void several_units(void **state) {
    (void)state;
    expect("2m30s", 150000, "");
    expect("1h 2m 3s", 3723000, "");
    expect("1 hour and 5 minutes", 3900000, "");
    expect("1 hour, 5 minutes, 1ms!", 3900001, "!");
    expect("5m and more", 300000, " and more");
    expect("5m10", 300000, "10");
    expect("10m 1h", 600000, " 1h"); /* the larger one does not follow */
    expect("10m10m", 600000, "10m");
}

static void nothing(void **state) {
    (void)state;
    static const char *const texts[] = {"",     "s",   "10",  "10 ", "ten minutes", "-5s",   "5 tests",
                                        "5 sx", ".5s", " 5s", "1.s", "1..5s",       "PT10S", "5 \n s"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) refuse(texts[i]);
}

static void numbers(void **state) {
    (void)state;
    const char *text = "12.25x";
    double number = 0;
    assert_true(span_read_number(&text, &number));
    assert_true(number == 12.25);
    assert_string_equal(text, "x");
    assert_false(span_read_number(&text, &number));
    text = "7.";
    assert_true(span_read_number(&text, &number));
    assert_true(number == 7);
    assert_string_equal(text, ".");
    char digits[500];
    memset(digits, '9', sizeof digits);
    digits[sizeof digits - 1] = '\0';
    text = digits;
    assert_true(span_read_number(&text, &number));
    assert_true(isinf(number));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_unit),
        cmocka_unit_test(several_units),
        cmocka_unit_test(nothing),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
