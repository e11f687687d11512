/* What the functions of a task's workflow share: the evidence, attempts, approvals, and which task may be
 * written to. The functions themselves run in test_orchestrator.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "service/orchestrator/work.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static baton_value parse(const char *json) {
    baton_value v = baton_value_parse(json, strlen(json), NULL);
    if (!value_is_valid(v)) fail_msg("%s is no JSON", json);
    return v;
}

static void expect(baton_value work, const char *key, const char *json) {
    baton_value v = baton_value_get(work, key), wanted = parse(json);
    char *text = baton_value_to_json(v);
    if (!baton_value_equal(v, wanted)) fail_msg("%s is %s, not %s", key, text, json);
    free(text);
    value_unref(wanted);
    value_unref(v);
}

/* The last entry of the log, without its moment. */
static void expect_logged(baton_value work, const char *json) {
    baton_value log = baton_value_get(work, "log");
    assert_true(baton_value_size(log) > 0);
    baton_value entry = baton_value_at(log, baton_value_size(log) - 1);
    assert_non_null(value_get_text(entry, "at"));
    baton_value holder = baton_value_set(baton_value_object(), "entry", baton_value_remove(entry, "at"));
    expect(holder, "entry", json);
    value_unref(holder);
    value_unref(log);
}

static baton_value work_of(const char *level, int attempt, int most) {
    baton_value work = parse("{\"task\":\"t\",\"asked\":2,\"verifying\":1,\"settings\":{}}");
    work = task_set_member(work, "settings", "automation_level", baton_value_string(level));
    work = task_set_member(work, "settings", "max_attempts", baton_value_number(most));
    return value_set_number(work, "attempt", attempt);
}

/* ---- Numbers ---- */

static void numbers(void **state) {
    (void)state;
    baton_value work = parse("{\"a\":3,\"b\":-1,\"c\":1e300,\"d\":\"4\",\"e\":2.9,\"settings\":7}");
    assert_int_equal(work_number(work, "a"), 3);
    assert_int_equal(work_number(work, "b"), 0);
    assert_int_equal(work_number(work, "c"), INT_MAX);
    assert_int_equal(work_number(work, "d"), 0);
    assert_int_equal(work_number(work, "e"), 2);
    assert_int_equal(work_number(work, "none"), 0);
    assert_int_equal(work_setting_number(work, "a"), 0);
    assert_false(work_setting_flag(work, "a"));
    assert_false(work_level_is(work, "manual"));
    assert_false(work_rule_is(work, "begin", "always"));
    value_unref(work);
}

/* ---- The log ---- */

static void the_log_is_bounded(void **state) {
    (void)state;
    baton_value work = baton_value_object();
    for (int i = 0; i < WORK_LOG_MOST + 50; i++)
        work = work_log(work, value_set_number(baton_value_object(), "n", i));
    baton_value log = baton_value_get(work, "log"), first = baton_value_at(log, 0),
                second = baton_value_at(log, 1);
    assert_int_equal(baton_value_size(log), WORK_LOG_MOST);
    expect(first, "n", "0"); /* where it was prepared */
    expect(second, "n", "51");
    expect_logged(work, "{\"n\":349}");
    value_unref(second);
    value_unref(first);
    value_unref(log);
    value_unref(work);
}

static void texts_are_cut_at_a_character(void **state) {
    (void)state;
    char text[WORK_TAIL_BYTES + 8];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text + 5, "\xe2\x82\xac", 3);
    assert_int_equal(strlen(work_tail(text)), WORK_TAIL_BYTES - 1 + 0);
    assert_string_equal(work_tail("short"), "short");
    baton_value outcome =
        baton_value_set(baton_value_object(), "stdout", baton_value_string_sized("a\0b", 3));
    char *out = work_output(outcome, "stdout"), *none = work_output(outcome, "stderr");
    assert_string_equal(out, "a b");
    assert_string_equal(none, "");
    free(out);
    free(none);
    value_unref(outcome);
}

/* ---- Attempts ---- */

static void an_attempt_that_failed(void **state) {
    (void)state;
    baton_value work = work_fail_attempt(work_of("full_auto", 1, 2), "why", "the end");
    expect(work, "next", "\"work\"");
    expect(work, "attempt", "2");
    expect(work, "asked", "0");
    expect(work, "verifying", "0");
    expect(work, "failure", "\"why\\nthe end\"");
    work = work_fail_attempt(work, "again", NULL);
    expect(work, "next", "\"finish\"");
    expect(work, "failed", "\"again\"");
    value_unref(work);
    work = work_fail_attempt(work_of("manual", 1, 2), "why", "");
    expect(work, "next", "\"begin\"");
    expect(work, "failure", "\"why\"");
    value_unref(work);
    work = work_fail_attempt(parse("{}"), "why", NULL); /* not even settings */
    expect(work, "next", "\"finish\"");
    value_unref(work);
}

/* ---- Approvals ---- */

static baton_value take(baton_value work, const char *gate, const char *approval) {
    baton_value given = parse(approval);
    work = work_take_approval(work, gate, given);
    value_unref(given);
    return work;
}

static void approvals_are_logged(void **state) {
    (void)state;
    baton_value work = take(work_of("manual", 1, 3), "begin", "{\"note\":\"go\"}");
    expect(work, "next", "\"work\"");
    expect(work, "trusted", "true");
    expect_logged(work, "{\"kind\":\"approval\",\"gate\":\"begin\",\"note\":\"go\"}");
    work = take(work, "accept", "{}");
    expect(work, "next", "\"finish\"");
    expect_logged(work, "{\"kind\":\"approval\",\"gate\":\"accept\"}");
    value_unref(work);
}

static void a_result_is_sent_back(void **state) {
    (void)state;
    baton_value work = take(work_of("full_auto", 1, 3), "accept", "{\"again\":true,\"note\":\"too slow\"}");
    expect(work, "next", "\"work\"");
    expect(work, "attempt", "2");
    expect(work, "failure", "\"too slow\"");
    expect_logged(work, "{\"kind\":\"approval\",\"gate\":\"accept\",\"again\":true,\"note\":\"too slow\"}");
    assert_false(baton_value_has(work, "trusted"));
    value_unref(work);
    /* A person may want one more than there may be. */
    work = take(work_of("full_auto", 3, 3), "accept", "{\"again\":true}");
    expect(work, "next", "\"work\"");
    expect(work, "attempt", "4");
    expect(work, "failure", "\"the result was not accepted\"");
    assert_int_equal(work_setting_number(work, "max_attempts"), 4);
    value_unref(work);
}

/* ---- Which task may be written to ---- */

static void check_current(const char *task, int result, const char *message) {
    baton_error *err = NULL;
    baton_value t = parse(task), work = parse("{\"execution\":\"e1\"}");
    assert_int_equal(work_check_current(work, t, &err), result);
    if (message) assert_string_equal(baton_error_message(err), message);
    if (message) assert_int_equal(baton_error_get_code(err), BATON_ERROR_CONFLICT);
    baton_error_free(err);
    value_unref(work);
    value_unref(t);
}

static void what_comes_late_is_refused(void **state) {
    (void)state;
    check_current("{\"title\":\"T\",\"status\":\"running\",\"execution\":\"e1\"}", 0, NULL);
    check_current("{\"title\":\"T\",\"status\":\"waiting\",\"execution\":\"e1\"}", 0, NULL);
    check_current("{\"title\":\"T\",\"status\":\"cancelled\",\"execution\":\"e1\"}", -1,
                  "'T' is cancelled by now");
    check_current("{\"title\":\"T\",\"status\":\"running\",\"execution\":\"e2\"}", -1,
                  "'T' is carried out by another execution");
    check_current("{\"title\":\"T\",\"status\":\"running\",\"execution\":null}", -1,
                  "'T' is carried out by another execution");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(the_log_is_bounded),
        cmocka_unit_test(texts_are_cut_at_a_character),
        cmocka_unit_test(an_attempt_that_failed),
        cmocka_unit_test(approvals_are_logged),
        cmocka_unit_test(a_result_is_sent_back),
        cmocka_unit_test(what_comes_late_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
