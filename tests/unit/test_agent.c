/* An agent's argv, and what its output came to: plain text and JSON lines, as the common agents write them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/agent.h"

#include "base/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static baton_value json(const char *text) { return baton_value_parse(text, strlen(text), NULL); }

/* ---- argv ---- */

static void expect_argv(const agent_settings *a, const char *session, const char *wanted) {
    baton_value argv = agent_argv(a, session, "Do it.", "/tmp/p.md");
    char *written = baton_value_to_json(argv);
    assert_string_equal(written, wanted);
    free(written);
    baton_value_unref(argv);
}

static void argv_has_the_prompt_where_it_is_wanted(void **state) {
    (void)state;
    agent_settings a = {.command = json("[\"agent\",\"-p\"]")};
    expect_argv(&a, NULL, "[\"agent\",\"-p\"]");
    a.prompt = AGENT_PROMPT_ARGUMENT;
    expect_argv(&a, NULL, "[\"agent\",\"-p\",\"Do it.\"]");
    a.prompt = AGENT_PROMPT_FILE;
    expect_argv(&a, NULL, "[\"agent\",\"-p\",\"/tmp/p.md\"]");
    agent_settings_done(&a);
}

static void argv_resumes_a_session(void **state) {
    (void)state;
    agent_settings a = {.command = json("[\"agent\"]"), .prompt = AGENT_PROMPT_ARGUMENT};
    assert_false(agent_can_resume(&a));
    expect_argv(&a, "s-1", "[\"agent\",\"Do it.\"]"); /* it cannot */
    a.resume = json("[\"--resume\",\"{session}\",\"id={session},{session}.\",\"{sess}\"]");
    assert_true(agent_can_resume(&a));
    expect_argv(&a, NULL, "[\"agent\",\"Do it.\"]");
    expect_argv(&a, "s-1", "[\"agent\",\"--resume\",\"s-1\",\"id=s-1,s-1.\",\"{sess}\",\"Do it.\"]");
    expect_argv(&a, "{session}",
                "[\"agent\",\"--resume\",\"{session}\",\"id={session},{session}.\",\"{sess}\","
                "\"Do it.\"]");
    agent_settings_done(&a);
}

/* A line is closed with "$@" only when there is something for it. */
static void expect_script(agent_settings *a, const char *line, const char *session, const char *script) {
    assert_true(agent_settings_command(a, line));
    baton_value argv = agent_argv(a, session, "p", "f"), told = baton_value_at(argv, 2);
    assert_string_equal(baton_value_as_text(told), script);
    baton_value_unref(told);
    baton_value_unref(argv);
}

static void lines_get_arguments_where_there_are_any(void **state) {
    (void)state;
    agent_settings a = {0};
    expect_script(&a, "claude -p", NULL, "claude -p");
    expect_script(&a, "( cat; )", "s", "( cat; )");
    a.resume = json("[\"-r\",\"{session}\"]");
    expect_script(&a, "claude -p", NULL, "claude -p");
    expect_script(&a, "claude -p", "s", "claude -p \"$@\"");
    expect_script(&a, "if true; then claude \"$@\"; fi", "s", "if true; then claude \"$@\"; fi");
    expect_argv(&a, "s",
                "[\"/bin/sh\",\"-c\",\"if true; then claude \\\"$@\\\"; fi\",\"sh\",\"-r\",\"s\"]");
    a.prompt = AGENT_PROMPT_FILE;
    assert_true(agent_settings_command(&a, "claude"));
    expect_argv(&a, NULL, "[\"/bin/sh\",\"-c\",\"claude \\\"$@\\\"\",\"sh\",\"/tmp/p.md\"]");
    agent_settings_done(&a);
    /* A list is what it is. */
    a = (agent_settings){.command = json("[\"/bin/sh\",\"-c\",\"x\",\"sh\"]"), .prompt = AGENT_PROMPT_FILE};
    expect_argv(&a, NULL, "[\"/bin/sh\",\"-c\",\"x\",\"sh\",\"/tmp/p.md\"]");
    agent_settings_done(&a);
}

static void without_a_command_there_is_no_argv(void **state) {
    (void)state;
    agent_settings a = {.prompt = AGENT_PROMPT_ARGUMENT};
    baton_value argv = agent_argv(&a, "s", "p", "f");
    assert_false(baton_value_is_valid(argv));
    a.resume = json("[\"x\"]");
    argv = agent_argv(&a, "s", "p", "f");
    assert_false(baton_value_is_valid(argv));
    agent_settings_done(&a);
}

/* ---- Output ---- */

static const agent_settings text_settings = {.result = AGENT_RESULT_TEXT};
static const agent_settings json_settings = {.result = AGENT_RESULT_JSON_LINES};

#define NOW_MS INT64_C(1763999000000)

static agent_output read_output(const agent_settings *a, int code, const char *out, const char *error) {
    agent_output o;
    memset(&o, 0xaa, sizeof o);
    assert_int_equal(agent_read_output(a, code, out, error, NOW_MS, &o), 0);
    assert_non_null(o.message);
    return o;
}

static void expect(const agent_settings *a, const char *out, const char *message, const char *session) {
    agent_output o = read_output(a, 0, out, "");
    assert_string_equal(o.message, message);
    if (session)
        assert_string_equal(o.session, session);
    else
        assert_null(o.session);
    assert_false(o.rate_limited);
    assert_int_equal(o.retry_after_ms, 0);
    agent_output_done(&o);
    assert_null(o.message);
    agent_output_done(&o);
}

static void text_is_the_message(void **state) {
    (void)state;
    expect(&text_settings, "", "", NULL);
    expect(&text_settings, " \n\n", "", NULL);
    expect(&text_settings, "\n\nI fixed it.\n\nDONE\n\n", "I fixed it.\n\nDONE", NULL);
    expect(&text_settings, "\033[32mbuilding\033[0m 10%\rbuilding 100%\r\n\033]0;x\007DONE\n",
           "building 100%\nDONE", NULL);
    expect(&text_settings, "{\"result\":\"x\",\"session_id\":\"s\"}\n",
           "{\"result\":\"x\",\"session_id\":\"s\"}", NULL);
}

static void of_a_long_text_the_end_is_the_message(void **state) {
    (void)state;
    buffer out = {0};
    for (int i = 1; i <= 1000; i++) buffer_printf(&out, "line %d\n", i);
    agent_output o = read_output(&text_settings, 0, buffer_text(&out), "");
    assert_memory_equal(o.message, "line 961\n", 9);
    assert_string_equal(o.message + strlen(o.message) - 9, "line 1000");
    agent_output_done(&o);
    buffer_clear(&out);
    for (int i = 0; i < 100000; i++) buffer_puts(&out, "\xc3\xbc"); /* cut between characters */
    buffer_putc(&out, 'x');
    o = read_output(&text_settings, 0, buffer_text(&out), "");
    assert_int_equal(strlen(o.message), AGENT_MESSAGE_BYTES - 1);
    assert_memory_equal(o.message, "\xc3\xbc", 2);
    agent_output_done(&o);
    buffer_done(&out);
}

static void claude_stream(void **state) {
    (void)state;
    static const char start[] =
        "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"c0ffee-1\",\"tools\":[\"Bash\"]}\n"
        "{\"type\":\"assistant\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
        "\"text\":"
        "\"I look at it.\"},{\"type\":\"tool_use\",\"name\":\"Bash\",\"input\":{}},{\"type\":\"text\","
        "\"text\":\"Then more.\"}]},\"session_id\":\"c0ffee-1\"}\n"
        "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
        "\"content\":"
        "\"rate limit\",\"is_error\":true},{\"type\":\"text\",\"text\":\"say done\"}]}}\n";
    expect(&json_settings, start, "I look at it.\nThen more.", "c0ffee-1");
    buffer out = {0};
    buffer_printf(&out, "%s%s", start,
                  "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"All is "
                  "done.\\nDONE\",\"session_id\":\"c0ffee-2\",\"total_cost_usd\":0.1}\n");
    expect(&json_settings, buffer_text(&out), "All is done.\nDONE", "c0ffee-2");
    buffer_done(&out);
    expect(
        &json_settings, /* --output-format json; the result says nothing of its own */
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"OK\",\"session_id\":"
        "\"s\"}",
        "OK", "s");
    expect(&json_settings,
           "{\"type\":\"assistant\",\"message\":{\"content\":\"a text\"}}\n"
           "{\"type\":\"result\",\"subtype\":\"error_max_turns\",\"is_error\":true,\"session_id\":\"s\"}\n",
           "a text", "s");
    expect(&json_settings, "{\"type\":\"text\",\"text\":\"words\"}\n{\"type\":\"result\",\"result\":\" \"}",
           "words", NULL);
}

static void codex_events(void **state) {
    (void)state;
    expect(
        &json_settings,
        "{\"type\":\"thread.started\",\"thread_id\":\"t-77\"}\n{\"type\":\"turn.started\"}\n"
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"First.\"}}\n"
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"Finished: done\"}}\n"
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"reasoning\",\"text\":\"hm\"}}\n"
        "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":1}}\n",
        "Finished: done", "t-77");
}

static void plain_members(void **state) {
    (void)state;
    expect(&json_settings, "{\"message\":\"a\"}\n{\"text\":\"b\"}\n", "b", NULL);
    expect(&json_settings, "{\"content\":\"c\",\"sessionId\":\"s\"}", "c", "s");
    expect(&json_settings, "{\"response\":\"r\",\"sessionID\":\"s\"}", "r", "s");
    expect(&json_settings, "{\"result\":{\"b\":1,\"a\":[true]}}", "{\"a\":[true],\"b\":1}", NULL);
    expect(&json_settings, "{\"message\":{\"no\":\"text\"}}\n{\"x\":1}\n[1]\n", "", NULL);
    /* What was told to it is not what it says. */
    expect(&json_settings,
           "{\"role\":\"assistant\",\"content\":\"mine\"}\n{\"role\":\"user\",\"content\":\"say done\"}\n"
           "{\"type\":\"user\",\"text\":\"say done\"}\n{\"role\":\"tool\",\"content\":\"done\"}\n",
           "mine", NULL);
    expect(&json_settings, "{\"message\":\"\\u001b[1mbold\\u001b[0m\\u0000!\\r\\n\"}", "bold!", NULL);
}

static void other_lines_are_passed_over(void **state) {
    (void)state;
    expect(&json_settings,
           "ent\":[{\"type\":\"text\",\"text\":\"cut\"}]}}\n"
           "{\"type\":\"text\",\"text\":\"cut as well\"}]}\n"
           "warning: {\n\n  {\"message\":\"this\"}  \r\n{\"message\":\"unfinished\n{\"message\":}\n]\n{",
           "this", NULL);
    expect(&json_settings, "no JSON at all\n", "", NULL);
    expect(&json_settings, "", "", NULL);
    expect(&json_settings, "\n\n\n", "", NULL);
}

static void one_value_may_take_several_lines(void **state) {
    (void)state;
    expect(&json_settings, "{\n  \"session_id\": \"s\",\n  \"response\": \"Well\",\n  \"stats\": {}\n}\n",
           "Well", "s");
}

static void configured_paths(void **state) {
    (void)state;
    agent_settings a = {.result = AGENT_RESULT_JSON_LINES, .message = ".out[0].text", .session = ".run.id"};
    expect(&a,
           "{\"out\":[{\"text\":\"first\"}],\"run\":{\"id\":7}}\n"
           "{\"out\":[{\"text\":\"last\"}],\"message\":\"other\",\"session_id\":\"other\"}\n"
           "{\"out\":\"no array\",\"run\":5}\n{\"out\":[]}\n[1]\n",
           "last", "7");
    expect(&a, "{\"out\":[{\"text\":[1,\"x\"]}]}\n", "[1,\"x\"]", NULL);
    expect(&a, "{\"result\":\"x\",\"session_id\":\"s\"}\n", "", NULL);
    a.message = ".[-1].result";
    a.session = NULL;
    expect(&a, "[{\"type\":\"system\"},{\"result\":\"R\"}]\n", "R", NULL);
    a.message = "nonsense"; /* set by hand: as if none were given */
    expect(&a, "{\"result\":\"x\"}\n", "x", NULL);
}

static void sessions_that_cannot_be_arguments(void **state) {
    (void)state;
    expect(&json_settings, "{\"session_id\":\"good\"}\n{\"session_id\":\"--version\"}\n", "", "good");
    expect(&json_settings, "{\"session_id\":\"good\"}\n{\"session_id\":\"a\\nb\"}\n", "", "good");
    expect(&json_settings, "{\"session_id\":\"good\"}\n{\"session_id\":\"a\\u0000b\"}\n", "", "good");
    expect(&json_settings, "{\"session_id\":\"\"}\n{\"session_id\":null}\n{\"session_id\":5}\n", "", NULL);
    buffer out = {0};
    buffer_puts(&out, "{\"session_id\":\"");
    for (int i = 0; i < 2000; i++) buffer_putc(&out, 'x');
    buffer_puts(&out, "\"}");
    expect(&json_settings, buffer_text(&out), "", NULL);
    buffer_done(&out);
}

/* ---- Rate limits ---- */

static void expect_limit(const agent_settings *a, int code, const char *out, const char *error,
                         bool limited, int64_t wait_ms) {
    agent_output o = read_output(a, code, out, error);
    if (o.rate_limited != limited) fail_msg("'%s', '%s': %d", out, error, o.rate_limited);
    assert_int_equal(o.retry_after_ms, wait_ms);
    agent_output_done(&o);
}

static void a_failed_text_agent_may_be_limited(void **state) {
    (void)state;
    expect_limit(&text_settings, 1, "", "Error: 429 Too Many Requests. Retry-After: 7\n", true, 7000);
    expect_limit(&text_settings, 1, "Rate limit exceeded, try again in 2m30s\n", "", true, 150000);
    expect_limit(&text_settings, -15, "", "rate_limit_error", true, 0);
    expect_limit(&text_settings, 1, "", "\033[31mRate\033[0m limit\033[0m exceeded", true, 0);
    expect_limit(&text_settings, 1, "Claude AI usage limit reached|1764000000\n", "", true, 1001000);
    expect_limit(&text_settings, 1, "segmentation fault", "core dumped", false, 0);
}

static void who_only_speaks_of_limits_is_not_limited(void **state) {
    (void)state;
    expect_limit(&text_settings, 0, "The rate limit works: 429 Too Many Requests\nDONE\n", "rate limit",
                 false, 0);
    expect_limit(&json_settings, 0,
                 "{\"result\":\"rate limit reached, done\",\"is_error\":false,\"error\":null}",
                 "rate limit", false, 0);
    expect_limit(&json_settings, 0, "{\"result\":\"rate limit reached, done\",\"error\":\"\"}", "", false,
                 0);
    /* Far from the end it is what was worked on. */
    expect_limit(&text_settings, 1, "Task: a rate limit\n1\n2\n3\n4\n5\n6\n7\n8\n9\nboom\n", "", false, 0);
}

static void a_json_line_may_say_that_it_is_limited(void **state) {
    (void)state;
    expect_limit(
        &json_settings, 0,
        "{\"type\":\"result\",\"is_error\":true,\"result\":\"API Error: 429 rate_limit_error, retry "
        "after 30 seconds\",\"session_id\":\"s\"}",
        "", true, 30000);
    expect_limit(&json_settings, 0, "{\"type\":\"error\",\"message\":\"Overloaded_error\"}", "", true, 0);
    expect_limit(&json_settings, 0, "{\"error\":{\"code\":429,\"message\":\"slow\"}}", "", true, 0);
    expect_limit(
        &json_settings, 1,
        "{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n"
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"I begin.\"}}\n"
        "{\"type\":\"turn.failed\",\"error\":{\"message\":\"exceeded retry limit, last status: 429 Too "
        "Many Requests\"}}\n",
        "", true, 0);
    expect_limit(&json_settings, 0, "{\"type\":\"error\",\"message\":\"disk full\"}", "rate limit", false,
                 0);
    /* What it got over is over. */
    expect_limit(&json_settings, 0,
                 "{\"type\":\"error\",\"error\":\"rate limit, reconnecting\"}\n{\"result\":\"done\"}\n", "",
                 false, 0);
    /* Of several the last one tells the wait. */
    expect_limit(&json_settings, 1,
                 "{\"type\":\"error\",\"error\":\"rate limit, retry in 1s\"}\n"
                 "{\"type\":\"error\",\"error\":\"rate limit, retry in 9s\"}\n",
                 "", true, 9000);
    agent_settings a = {.result = AGENT_RESULT_JSON_LINES, .message = ".final.words"};
    expect_limit(&a, 0, "{\"is_error\":true,\"final\":{\"words\":\"usage limit\"}}", "", true, 0);
}

/* ---- Agents that say that they failed ---- */

static void expect_error(const agent_settings *a, const char *out, const char *said) {
    agent_output o = read_output(a, 0, out, "");
    assert_int_equal(o.is_error, said != NULL);
    if (said)
        assert_string_equal(o.error, said);
    else
        assert_null(o.error);
    agent_output_done(&o);
}

static void a_json_line_may_say_that_it_failed(void **state) {
    (void)state;
    expect_error(&json_settings,
                 "{\"message\":\"I begin\"}\n{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":"
                 "true,\"result\":\"API Error:\\u001b[0m 500\",\"session_id\":\"s\"}",
                 "API Error: 500");
    expect_error(&json_settings, "{\"subtype\":\"error_x\",\"result\":\"words\"}", "words");
    /* After the last message. */
    static const char turns[] = "{\"type\":\"assistant\",\"message\":{\"content\":\"I look.\"}}\n"
                                "{\"type\":\"result\",\"subtype\":\"error_max_turns\",\"is_error\":true}\n";
    expect_error(&json_settings, turns, "error_max_turns");
    expect(&json_settings, turns, "I look.", NULL);
    expect_error(&json_settings, "{\"subtype\":\"error\",\"error\":{\"code\":5}}", "{\"code\":5}");
    expect_error(&json_settings, "{\"is_error\":true}\n{\"x\":1}", "");
    agent_settings a = {.result = AGENT_RESULT_JSON_LINES, .message = ".words"};
    expect_error(&a, "{\"is_error\":true,\"words\":\"w\",\"result\":\"r\"}", "w");
    expect_error(&a, "{\"is_error\":true,\"result\":\"r\"}", "r");
    /* No failure of the run. */
    expect_error(&json_settings, "{\"is_error\":false,\"subtype\":\"success\",\"result\":\"r\"}", NULL);
    expect_error(&json_settings, "{\"is_error\":\"no\",\"subtype\":\"no error\",\"result\":\"r\"}", NULL);
    expect_error(&json_settings, "{\"is_error\":true,\"result\":\"x\"}\n{\"result\":\"done\"}\n", NULL);
    expect_error(&json_settings, "{\"text\":\"t\"}\n{\"type\":\"tool_result\",\"is_error\":true}\n", NULL);
    expect_error(&text_settings, "{\"is_error\":true,\"result\":\"x\"}", NULL);
    expect_limit(&json_settings, 0, "{\"subtype\":\"error\",\"result\":\"rate limit\"}", "", true, 0);
}

static void own_patterns_count_instead(void **state) {
    (void)state;
    agent_settings a = {.rate_limit_patterns = json("[\"slow down\"]")};
    expect_limit(&a, 1, "", "please SLOW DOWN", true, 0);
    expect_limit(&a, 1, "", "rate limit", false, 0);
    agent_settings_done(&a);
}

/* ---- Anything ---- */

static void large_outputs(void **state) {
    (void)state;
    buffer out = {0};
    buffer_puts(&out, "{\"message\":\"");
    while (out.size < 4 << 20) buffer_puts(&out, "0123456789abcdef");
    buffer_puts(&out, "end\"}\n");
    while (out.size < 7 << 20) buffer_puts(&out, "{\"type\":\"error\",\"error\":\"rate limit\"}\n");
    agent_output o = read_output(&json_settings, 0, buffer_text(&out), "");
    assert_int_equal(strlen(o.message), AGENT_MESSAGE_BYTES);
    assert_string_equal(o.message + AGENT_MESSAGE_BYTES - 4, "fend");
    assert_true(o.rate_limited);
    agent_output_done(&o);
    o = read_output(&text_settings, 1, buffer_text(&out), buffer_text(&out));
    assert_true(o.rate_limited);
    agent_output_done(&o);
    buffer_clear(&out); /* too long ago */
    buffer_puts(&out, "{\"message\":\"old\"}\n");
    for (int i = 0; i < AGENT_LINES; i++) buffer_puts(&out, "{}\n");
    o = read_output(&json_settings, 0, buffer_text(&out), "");
    assert_string_equal(o.message, "");
    agent_output_done(&o);
    buffer_clear(&out);
    while (out.size < 2 << 20) buffer_puts(&out, "[{\"a\":"); /* deep, and never closed */
    o = read_output(&json_settings, 1, buffer_text(&out), "");
    assert_string_equal(o.message, "");
    agent_output_done(&o);
    buffer_done(&out);
}

static void any_bytes(void **state) {
    (void)state;
    static const char *const pieces[] = {"{",
                                         "}",
                                         "\"",
                                         "\n",
                                         "\"message\":",
                                         "\"is_error\":true",
                                         "rate limit",
                                         ",",
                                         "\\",
                                         "\"error\":",
                                         "[",
                                         "]",
                                         "\033[",
                                         "\r",
                                         "429",
                                         "retry after ",
                                         "\xff",
                                         "\xc3",
                                         "type",
                                         "text"};
    unsigned seed = 4242;
    for (int round = 0; round < 5000; round++) {
        buffer out = {0};
        for (int i = 0; i < round % 40; i++) {
            seed = seed * 1103515245 + 12345;
            buffer_puts(&out, pieces[(seed >> 16) % (sizeof pieces / sizeof *pieces)]);
        }
        agent_output o = read_output(round % 2 ? &text_settings : &json_settings, round % 3,
                                     buffer_text(&out), buffer_text(&out));
        assert_true(strlen(o.message) <= out.size);
        agent_output_done(&o);
        buffer_done(&out);
    }
}

/* ---- Paths ---- */

static void paths(void **state) {
    (void)state;
    static const char *const good[] = {".result", ".message.content[0].text", ".a.b[0]", ".[\"a b\"]",
                                       ".[-1].x"};
    static const char *const bad[] = {"",          "result", "5",      ".5",      "$x.y", ".a | .b",
                                      ".a[]",      ".a..b",  "\".a\"", ".a + .b", ".a[",  ".a[0",
                                      "$ENV.PATH", ".a,.b",  ". a b",  "${ .a }", "input"};
    expression_program *program = expression_program_new();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!agent_path(program, good[i], strlen(good[i]), NULL)) fail_msg("%s was refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        baton_error *error = NULL;
        if (agent_path(program, bad[i], strlen(bad[i]), &error)) fail_msg("%s was accepted", bad[i]);
        assert_null(agent_path(program, bad[i], strlen(bad[i]), NULL));
        assert_int_equal(baton_error_get_code(error), BATON_ERROR_INVALID);
        baton_error_free(error);
    }
    expression_program_free(program);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(argv_has_the_prompt_where_it_is_wanted),
        cmocka_unit_test(argv_resumes_a_session),
        cmocka_unit_test(lines_get_arguments_where_there_are_any),
        cmocka_unit_test(without_a_command_there_is_no_argv),
        cmocka_unit_test(text_is_the_message),
        cmocka_unit_test(of_a_long_text_the_end_is_the_message),
        cmocka_unit_test(claude_stream),
        cmocka_unit_test(codex_events),
        cmocka_unit_test(plain_members),
        cmocka_unit_test(other_lines_are_passed_over),
        cmocka_unit_test(one_value_may_take_several_lines),
        cmocka_unit_test(configured_paths),
        cmocka_unit_test(sessions_that_cannot_be_arguments),
        cmocka_unit_test(a_failed_text_agent_may_be_limited),
        cmocka_unit_test(who_only_speaks_of_limits_is_not_limited),
        cmocka_unit_test(a_json_line_may_say_that_it_is_limited),
        cmocka_unit_test(a_json_line_may_say_that_it_failed),
        cmocka_unit_test(own_patterns_count_instead),
        cmocka_unit_test(large_outputs),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
