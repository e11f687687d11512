/* Durations: ISO 8601 texts and objects.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "definition/workflow.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>

enum { DAY = 86400000 };

static int64_t read_json(const char *json) {
    baton_error *err = NULL;
    baton_value value = baton_value_parse(json, strlen(json), NULL);
    int64_t ms = -1;
    if (duration_read(value, &ms, &err)) fail_msg("%s: %s", json, baton_error_message(err));
    assert_null(err);
    baton_value_unref(value);
    return ms;
}

/* Refused with this code, with and without an error to be told; nothing is written. */
static void refuse(const char *json, baton_error_code code, const char *part) {
    baton_error *err = NULL;
    baton_value value = baton_value_parse(json, strlen(json), NULL);
    int64_t ms = 42;
    if (duration_read(value, &ms, &err) == 0) fail_msg("%s was accepted", json);
    assert_int_equal(duration_read(value, &ms, NULL), -1);
    assert_int_equal(ms, 42);
    assert_int_equal(baton_error_get_code(err), code);
    if (!strstr(baton_error_message(err), part))
        fail_msg("%s: '%s' lacks '%s'", json, baton_error_message(err), part);
    baton_error_free(err);
    baton_value_unref(value);
}

static void texts(void **state) {
    (void)state;
    assert_int_equal(read_json("\"PT30S\""), 30000);
    assert_int_equal(read_json("\"PT0S\""), 0);
    assert_int_equal(read_json("\"PT1H30M\""), 5400000);
    assert_int_equal(read_json("\"P1D\""), DAY);
    assert_int_equal(read_json("\"P2W\""), 14LL * DAY);
    assert_int_equal(read_json("\"P1M\""), 30LL * DAY);
    assert_int_equal(read_json("\"P1Y\""), 365LL * DAY);
    assert_int_equal(read_json("\"P1Y2M3W4DT5H6M7.008S\""),
                     (365LL + 60 + 21 + 4) * DAY + 5 * 3600000 + 6 * 60000 + 7008);
    assert_int_equal(read_json("\"P100Y\""), 36500LL * DAY);
}

static void fractions(void **state) {
    (void)state;
    assert_int_equal(read_json("\"PT0.1S\""), 100);
    assert_int_equal(read_json("\"PT0.001S\""), 1);
    assert_int_equal(read_json("\"PT0.0004S\""), 0);
    assert_int_equal(read_json("\"PT0.0005S\""), 1);
    assert_int_equal(read_json("\"PT1.5H\""), 5400000);
    assert_int_equal(read_json("\"P0.5D\""), DAY / 2);
    assert_int_equal(read_json("\"P1.5Y\""), 365LL * DAY * 3 / 2);
    assert_int_equal(read_json("\"PT0.33333333333333333333333333333333333333333333333333333S\""), 333);
}

static void bad_texts(void **state) {
    (void)state;
    static const char *const texts[] = {
        "\"\"",       "\"P\"",           "\"PT\"",    "\"P1DT\"",    "\"1S\"",
        "\"PT1\"",    "\"P1S\"",         "\"PT1D\"",  "\"PT1S2M\"",  "\"PT1H1H\"",
        "\"P1D1Y\"",  "\"PT.5S\"",       "\"PT1.S\"", "\"PT-1S\"",   "\"-PT1S\"",
        "\"+PT1S\"",  "\" PT1S\"",       "\"PT1S \"", "\"pt1s\"",    "\"PT1,5S\"",
        "\"P1DT1D\"", "\"PT1S\\u0000\"", "\"P2T1H\"", "\"PT1HT1M\"", "\"half an hour\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuse(texts[i], BATON_ERROR_INVALID, "a duration looks like \"PT1H30M\"");
}

static void objects(void **state) {
    (void)state;
    assert_int_equal(read_json("{\"days\":1}"), DAY);
    assert_int_equal(read_json("{\"hours\":2}"), 7200000);
    assert_int_equal(read_json("{\"minutes\":3}"), 180000);
    assert_int_equal(read_json("{\"seconds\":4}"), 4000);
    assert_int_equal(read_json("{\"milliseconds\":5}"), 5);
    assert_int_equal(read_json("{\"milliseconds\":0}"), 0);
    assert_int_equal(read_json("{\"days\":1,\"hours\":1,\"minutes\":1,\"seconds\":1.0,\"milliseconds\":1}"),
                     DAY + 3600000 + 60000 + 1000 + 1);
}

static void bad_objects(void **state) {
    (void)state;
    refuse("{}", BATON_ERROR_INVALID, "an empty duration");
    refuse("{\"minute\":1}", BATON_ERROR_INVALID, "did you mean 'minutes'?");
    refuse("{\"fortnights\":1}", BATON_ERROR_INVALID,
           "unknown property 'fortnights' of a duration: a duration");
    refuse("{\"seconds\":1,\"weeks\":1}", BATON_ERROR_INVALID, "'weeks'");
    refuse("{\"seconds\":-1}", BATON_ERROR_INVALID, "'seconds' of a duration must be a whole number");
    refuse("{\"seconds\":1.5}", BATON_ERROR_INVALID, "whole number");
    refuse("{\"seconds\":\"1\"}", BATON_ERROR_INVALID, "whole number");
    refuse("{\"seconds\":null}", BATON_ERROR_INVALID, "whole number");
}

static void other_kinds(void **state) {
    (void)state;
    static const char *const texts[] = {"5", "null", "true", "[\"PT1S\"]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuse(texts[i], BATON_ERROR_INVALID, "must be a string or an object");
}

static void too_long(void **state) {
    (void)state;
    refuse("\"P100YT0.001S\"", BATON_ERROR_LIMIT, "more than 100 years");
    refuse("\"P101Y\"", BATON_ERROR_LIMIT, "more than 100 years");
    refuse("{\"milliseconds\":3153600000001}", BATON_ERROR_LIMIT, "more than 100 years");
    refuse("{\"days\":1e300,\"hours\":1e300}", BATON_ERROR_LIMIT, "more than 100 years");
    char digits[512] = "\"PT";
    memset(digits + 3, '9', 400);
    strcpy(digits + 403, "S\"");
    refuse(digits, BATON_ERROR_LIMIT, "more than 100 years");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),    cmocka_unit_test(fractions),   cmocka_unit_test(bad_texts),
        cmocka_unit_test(objects),  cmocka_unit_test(bad_objects), cmocka_unit_test(other_kinds),
        cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
