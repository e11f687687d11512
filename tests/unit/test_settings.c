/* The settings of a task: what each may be, and which of those who said something counts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "service/task/settings.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static baton_value parse(const char *json) {
    baton_value v = baton_value_parse(json, strlen(json), NULL);
    if (!value_is_valid(v)) fail_msg("%s is no JSON", json);
    return v;
}

/* ---- What each may be ---- */

static void accepts(const char *key, const char *json) {
    baton_error *err = NULL;
    baton_value v = parse(json);
    if (settings_check(key, v, &err) != 0) fail_msg("%s: %s: %s", key, json, baton_error_message(err));
    assert_null(err);
    value_unref(v);
}

static void refuses_value(const char *key, baton_value v, baton_error_code code, const char *message) {
    baton_error *err = NULL;
    if (settings_check(key, v, &err) == 0) fail_msg("%s was accepted", key);
    assert_int_equal(settings_check(key, v, NULL), -1);
    assert_int_equal(baton_error_get_code(err), code);
    assert_string_equal(baton_error_message(err), message);
    baton_error_free(err);
    value_unref(v);
}

static void refuses(const char *key, const char *json, const char *message) {
    refuses_value(key, parse(json), BATON_ERROR_INVALID, message);
}

static void kinds(void **state) {
    (void)state;
    static const char *const keys[] = {
        "automation_level",
        "confirmation_required",
        "max_attempts",
        "git_branch_required",
        "git_branch_name",
        "new_chat_required",
        "confirmation_keywords",
        "fallback_detection",
        "max_confirmation_attempts",
        "timeout_seconds",
        "verify",
        "title",
        "type",
        "category",
        "priority",
        "estimated_hours",
    };
    for (size_t i = 0; i < COUNT(keys); i++) accepts(keys[i], "null"); /* what the document says */
    accepts("automation_level", "\"full_auto\"");
    accepts("confirmation_required", "false");
    accepts("max_attempts", "1");
    accepts("max_attempts", "100");
    accepts("git_branch_name", "\"feature/x\"");
    accepts("confirmation_keywords", "[\"fertig\", \"größer\"]");
    accepts("max_confirmation_attempts", "0");
    accepts("timeout_seconds", "604800");
    accepts("verify", "\"make test\"");
    accepts("verify", "[\"make\", \"make test\"]");
    accepts("title", "\"Größer: 1A\"");
    accepts("type", "\"my-own_type2\"");
    accepts("priority", "\"critical\"");
    accepts("estimated_hours", "0.5");
}

static void wrong_kinds(void **state) {
    (void)state;
    refuses("automation_level", "\"auto\"",
            "automation_level must be one of manual, assisted, semi_auto, full_auto");
    refuses("automation_level", "3",
            "automation_level must be one of manual, assisted, semi_auto, full_auto");
    refuses("priority", "\"High\"", "priority must be one of critical, high, medium, low");
    refuses("confirmation_required", "\"true\"", "confirmation_required must be true or false");
    refuses("max_attempts", "0", "max_attempts must be a whole number from 1 to 100");
    refuses("max_attempts", "101", "max_attempts must be a whole number from 1 to 100");
    refuses("max_attempts", "1.5", "max_attempts must be a whole number from 1 to 100");
    refuses("max_attempts", "\"3\"", "max_attempts must be a whole number from 1 to 100");
    refuses("estimated_hours", "-1", "estimated_hours must be a number from 0 to 1000000");
    refuses("git_branch_name", "\"a b\"", "git_branch_name must be a name that git takes for a branch");
    refuses("git_branch_name", "\"--force\"", "git_branch_name must be a name that git takes for a branch");
    refuses("git_branch_name", "\"\"", "git_branch_name must be a name that git takes for a branch");
    refuses("type", "\"../x\"", "type must be a word of letters, digits, '-' and '_', at most 64 long");
    refuses("type", "\"\"", "type must be a word of letters, digits, '-' and '_', at most 64 long");
    refuses("title", "\"\"", "title must be a text of one line, at most 1000 bytes");
    refuses("title", "\"a\\nb\"", "title must be a text of one line, at most 1000 bytes");
    refuses("title", "\"a\\u001bb\"", "title must be a text of one line, at most 1000 bytes");
    refuses("title", "\"a\\u0000b\"", "title must be a text of one line, at most 1000 bytes");
    refuses("verify", "[]", "verify must be a text, or an array of texts");
    refuses("verify", "\"\"", "verify must be a text, or an array of texts");
    refuses("verify", "[\"\"]", "verify must be a text, or an array of texts");
    refuses("verify", "[\"a\\u0000b\"]", "verify must be a text, or an array of texts");
    refuses("verify", "[1]", "verify must be a text, or an array of texts");
    refuses("verify", "{}", "verify must be a text, or an array of texts");
}

static void too_long(void **state) {
    (void)state;
    char text[1100];
    memset(text, 'x', sizeof text);
    text[1000] = '\0';
    baton_value fits = baton_value_string(text);
    assert_int_equal(settings_check("title", fits, NULL), 0);
    value_unref(fits);
    text[1000] = 'x';
    text[1001] = '\0';
    refuses_value("title", baton_value_string(text), BATON_ERROR_INVALID,
                  "title must be a text of one line, at most 1000 bytes");
    text[65] = '\0';
    refuses_value("type", baton_value_string(text), BATON_ERROR_INVALID,
                  "type must be a word of letters, digits, '-' and '_', at most 64 long");
    baton_value all = baton_value_array();
    for (int i = 0; i < 1000; i++) all = baton_value_append(all, baton_value_string(text));
    refuses_value("verify", all, BATON_ERROR_LIMIT, "verify is longer than 65536 bytes");
}

static void unknown(void **state) {
    (void)state;
    refuses("priorty", "\"high\"", "a task has no setting 'priorty' (did you mean 'priority'?)");
    refuses("status", "null", "a task has no setting 'status'");
    refuses("requires_new_chat", "true",
            "a task has no setting 'requires_new_chat' (did you mean 'new_chat_required'?)");
}

static void columns(void **state) {
    (void)state;
    assert_true(settings_is_column("title"));
    assert_true(settings_is_column("estimated_hours"));
    assert_false(settings_is_column("max_attempts"));
    assert_false(settings_is_column("status"));
}

/* ---- What counts ---- */

static void comes_to(const char *task_json, const char *key, const char *wanted_json) {
    baton_value task = parse(task_json), all = settings_of(task), found = baton_value_get(all, key);
    if (wanted_json) {
        baton_value wanted = parse(wanted_json);
        char *text = baton_value_to_json(found);
        if (!baton_value_equal(found, wanted)) fail_msg("%s of %s is %s", key, task_json, text);
        free(text);
        value_unref(wanted);
    } else {
        assert_false(value_is_valid(found));
    }
    value_unref(found);
    value_unref(all);
    value_unref(task);
}

static void defaults(void **state) {
    (void)state;
    baton_value task = baton_value_object(), all = settings_of(task),
                wanted = parse("{\"automation_level\":\"semi_auto\",\"confirmation_required\":true,"
                               "\"max_attempts\":3,\"git_branch_required\":true,\"new_chat_required\":true,"
                               "\"confirmation_keywords\":[\"fertig\",\"done\",\"complete\"],"
                               "\"fallback_detection\":true,\"max_confirmation_attempts\":3,"
                               "\"timeout_seconds\":1800}");
    assert_true(baton_value_equal(all, wanted));
    value_unref(wanted);
    value_unref(all);
    value_unref(task);
}

static void who_counts(void **state) {
    (void)state;
    comes_to("{\"metadata\":{\"task_fields\":{\"max_attempts\":4}}}", "max_attempts", "4");
    comes_to(
        "{\"metadata\":{\"task_fields\":{\"max_attempts\":4},\"execution_context\":{\"max_attempts\":5}}}",
        "max_attempts", "5");
    comes_to("{\"metadata\":{\"execution_context\":{\"max_attempts\":5}},"
             "\"state\":{\"edited\":{\"max_attempts\":6}}}",
             "max_attempts", "6");
    /* The other name that the seed has for it. */
    comes_to("{\"metadata\":{\"execution_context\":{\"requires_new_chat\":false}}}", "new_chat_required",
             "false");
    comes_to(
        "{\"metadata\":{\"execution_context\":{\"requires_new_chat\":false,\"new_chat_required\":true}}}",
        "new_chat_required", "true");
}

/* A column is none of the settings, and what cannot be meant counts as not said. */
static void what_does_not_count(void **state) {
    (void)state;
    comes_to("{\"priority\":\"high\",\"state\":{\"edited\":{\"priority\":\"low\"}}}", "priority", NULL);
    comes_to("{\"metadata\":{\"execution_context\":{\"max_attempts\":\"three\"}}}", "max_attempts", "3");
    comes_to("{\"metadata\":{\"execution_context\":{\"max_attempts\":1000000}}}", "max_attempts", "3");
    comes_to("{\"metadata\":{\"execution_context\":{\"automation_level\":\"on\"}}}", "automation_level",
             "\"semi_auto\"");
    comes_to("{\"metadata\":{\"execution_context\":{\"git_branch_name\":\"-x\"}}}", "git_branch_name",
             NULL);
    comes_to("{\"metadata\":[],\"state\":7}", "max_attempts", "3");
}

static void texts(void **state) {
    (void)state;
    comes_to("{\"metadata\":{\"execution_context\":{\"verify\":\"make test\"}}}", "verify",
             "[\"make test\"]");
    comes_to("{\"state\":{\"edited\":{\"confirmation_keywords\":\"fini\"}}}", "confirmation_keywords",
             "[\"fini\"]");
    comes_to("{\"metadata\":{\"execution_context\":{\"verify\":[]}}}", "verify", NULL);
    comes_to("{\"metadata\":{\"execution_context\":{\"git_branch_name\":\"feature/x\"}}}",
             "git_branch_name", "\"feature/x\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),      cmocka_unit_test(wrong_kinds), cmocka_unit_test(too_long),
        cmocka_unit_test(unknown),    cmocka_unit_test(columns),     cmocka_unit_test(defaults),
        cmocka_unit_test(who_counts), cmocka_unit_test(texts),       cmocka_unit_test(what_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
