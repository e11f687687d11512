/* The agent's configuration: what each key becomes, problems with their places, and files.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/agent.h"

#include "base/limits.h"
#include "base/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void parse(agent_settings *a, const char *text) {
    baton_error *error = NULL;
    if (agent_settings_parse(a, text, strlen(text), "b.yaml", &error) != 0) {
        char *told = baton_error_text(error);
        fail_msg("%s: %s", text, told);
    }
    assert_null(error);
}

/* Refused with exactly these lines; the settings stay as they are. */
static void refuse_sized(const char *text, size_t size, const char *wanted) {
    agent_settings a = {0};
    assert_true(agent_settings_command(&a, "before"));
    agent_settings before = a;
    baton_error *error = NULL;
    assert_int_equal(agent_settings_parse(&a, text, size, "b.yaml", NULL), -1);
    assert_int_equal(agent_settings_parse(&a, text, size, "b.yaml", &error), -1);
    assert_memory_equal(&a, &before, sizeof a);
    buffer told = {0};
    for (const baton_error *e = error; e; e = baton_error_next(e)) {
        char *line = baton_error_text(e);
        buffer_printf(&told, "%s%s", e == error ? "" : "\n", line);
        free(line);
    }
    assert_string_equal(buffer_text(&told), wanted);
    buffer_done(&told);
    baton_error_free(error);
    agent_settings_done(&a);
}

static void refuse(const char *text, const char *wanted) { refuse_sized(text, strlen(text), wanted); }

static void expect_json(baton_value value, const char *wanted) {
    char *written = baton_value_is_valid(value) ? baton_value_to_json(value) : NULL;
    if (wanted)
        assert_string_equal(written ? written : "(invalid)", wanted);
    else
        assert_null(written);
    free(written);
}

static void assert_empty(const agent_settings *a) {
    static const agent_settings none;
    assert_memory_equal(a, &none, sizeof none);
}

static void a_whole_file(void **state) {
    (void)state;
    agent_settings a = {0};
    parse(&a, "agent:\n"
              "  command: [claude, -p, --max-turns, 30]\n"
              "  prompt: file\n"
              "  result: json-lines\n"
              "  message: .result\n"
              "  session: .message.content[0].id\n"
              "  resume: [--resume, \"{session}\"]\n"
              "  environment: {CI: true, PORT: 8080, EMPTY: '', NAME: a b}\n"
              "  idle_timeout: 10m\n"
              "  rate_limit:\n"
              "    patterns: [rate limit, 429]\n"
              "    delay: 90s\n"
              "    most: 5\n"
              "verify:\n"
              "  - make test\n"
              "  - make lint\n"
              "workflows: /srv/flows\n");
    expect_json(a.command, "[\"claude\",\"-p\",\"--max-turns\",\"30\"]");
    assert_int_equal(a.prompt, AGENT_PROMPT_FILE);
    assert_int_equal(a.result, AGENT_RESULT_JSON_LINES);
    assert_string_equal(a.message, ".result");
    assert_string_equal(a.session, ".message.content[0].id");
    expect_json(a.resume, "[\"--resume\",\"{session}\"]");
    expect_json(a.environment, "{\"CI\":\"true\",\"EMPTY\":\"\",\"NAME\":\"a b\",\"PORT\":\"8080\"}");
    assert_int_equal(a.idle_timeout_ms, 600000);
    expect_json(a.rate_limit_patterns, "[\"rate limit\",\"429\"]");
    assert_int_equal(a.rate_limit_delay_ms, 90000);
    assert_int_equal(a.rate_limit_most, 5);
    expect_json(a.verify, "[\"make test\",\"make lint\"]");
    assert_string_equal(a.workflows, "/srv/flows");
    agent_settings_done(&a);
    assert_empty(&a);
    agent_settings_done(&a);
}

static void files_that_say_nothing(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "\n \t\r\n",
        "# later\n  # more",
        "---\n",
        "{}",
        "null",
        "agent:\nverify: ~\nworkflows:\n",
        "agent: {}",
        "agent:\n  command:\n  rate_limit:\n  environment: null\n  prompt:\n",
        "agent: {rate_limit: {delay: , most: ~}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        agent_settings a = {0};
        parse(&a, texts[i]);
        assert_empty(&a);
        assert_true(agent_settings_command(&a, "x"));
        baton_value command = a.command;
        parse(&a, texts[i]);
        assert_true(value_same(a.command, command));
        agent_settings_done(&a);
    }
}

static void later_files_count_where_they_say_something(void **state) {
    (void)state;
    agent_settings a = {0};
    parse(&a,
          "agent: {command: [a], prompt: file, result: json-lines, message: .m, session: .s, resume: [r],\n"
          "  environment: {A: b}, idle_timeout: 1s, rate_limit: {patterns: [p], delay: 1s, most: 3}}\n"
          "verify: [v]\nworkflows: /w\n");
    parse(&a, "agent: {command: [b], message: .n}\nverify: w\n");
    expect_json(a.command, "[\"b\"]");
    assert_string_equal(a.message, ".n");
    assert_string_equal(a.session, ".s");
    assert_int_equal(a.prompt, AGENT_PROMPT_FILE);
    expect_json(a.resume, "[\"r\"]");
    expect_json(a.environment, "{\"A\":\"b\"}");
    expect_json(a.verify, "[\"w\"]");
    assert_string_equal(a.workflows, "/w");
    parse(
        &a,
        "agent: {resume: [], environment: {}, idle_timeout: 0s, rate_limit: {patterns: []}}\nverify: []\n");
    expect_json(a.resume, NULL);
    expect_json(a.environment, NULL);
    expect_json(a.verify, NULL);
    expect_json(a.rate_limit_patterns, "[]"); /* no text is a rate limit */
    assert_int_equal(a.idle_timeout_ms, 0);
    assert_int_equal(a.rate_limit_delay_ms, 1000);
    assert_int_equal(a.rate_limit_most, 3);
    assert_false(agent_can_resume(&a));
    agent_settings_done(&a);
}

static int64_t idle(const char *text) {
    char file[200];
    snprintf(file, sizeof file, "agent: {idle_timeout: %s}", text);
    agent_settings a = {.idle_timeout_ms = -1};
    parse(&a, file);
    int64_t ms = a.idle_timeout_ms;
    agent_settings_done(&a);
    return ms;
}

static void spans(void **state) {
    (void)state;
    assert_int_equal(idle("10m"), 600000);
    assert_int_equal(idle("90s"), 90000);
    assert_int_equal(idle("1h"), 3600000);
    assert_int_equal(idle("250ms"), 250);
    assert_int_equal(idle("1h30m"), 5400000);
    assert_int_equal(idle("1.5 hours"), 5400000);
    assert_int_equal(idle("PT1M30S"), 90000);
    assert_int_equal(idle("{minutes: 2, seconds: 1}"), 121000);
    static const char *const bad[] = {"10 parsecs", "10m later", "-5s", "''",          "'10'",
                                      "101 years",  "40000d",    "PT",  "{minute: 2}", "10m10m"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char file[200];
        snprintf(file, sizeof file, "agent:\n  idle_timeout: %s\n", bad[i]);
        refuse(file,
               "b.yaml:2:17: 'idle_timeout' must be a duration of at most 100 years, such as 90s, 10m, "
               "1h30m or PT10M");
    }
    refuse("agent: {idle_timeout: 10}",
           "b.yaml:1:23: 'idle_timeout' must be a duration such as 10m, not a number");
    refuse("agent: {rate_limit: {delay: 0s}}", "b.yaml:1:29: 'delay' must be more than 0");
}

static void unknown_keys(void **state) {
    (void)state;
    refuse("agnet: {}", "b.yaml:1:1: unknown property 'agnet' (did you mean 'agent'?)");
    refuse("agent:\n  comand: [x]\n", "b.yaml:2:3: unknown property 'comand' (did you mean 'command'?)");
    refuse("agent: {rate_limit: {\n  pattern: x}}",
           "b.yaml:2:3: unknown property 'pattern' (did you mean 'patterns'?)");
    refuse("banana: 1", "b.yaml:1:1: unknown property 'banana'");
}

static void wrong_kinds(void **state) {
    (void)state;
    refuse("- agent", "b.yaml:1:1: the configuration must be an object, not a list");
    refuse("agent", "b.yaml:1:1: the configuration must be an object, not a string");
    refuse("agent: claude -p", "b.yaml:1:8: 'agent' must be an object, not a string");
    refuse("agent: {command: 5}",
           "b.yaml:1:18: 'command' must be a list of texts or a line for the shell, not a number");
    refuse("agent: {command: {a: b}}",
           "b.yaml:1:18: 'command' must be a list of texts or a line for the shell, not an object");
    refuse("agent: {command: [a, [b], null]}",
           "b.yaml:1:22: each item of 'command' must be a text, not a list\n"
           "b.yaml:1:27: each item of 'command' must be a text, not null");
    refuse("agent: {prompt: true}", "b.yaml:1:17: 'prompt' must be stdin, argument or file, not a boolean");
    refuse("agent: {prompt: pipe}", "b.yaml:1:17: 'prompt' must be stdin, argument or file, not 'pipe'");
    refuse("agent: {result: jsonl, message: .x}",
           "b.yaml:1:17: 'result' must be text or json-lines, not 'jsonl'");
    refuse("agent: {result: 5, message: .x}",
           "b.yaml:1:17: 'result' must be text or json-lines, not a number");
    refuse("agent: {environment: [A=b]}",
           "b.yaml:1:22: 'environment' must be an object of texts, not a list");
    refuse("agent: {environment: {A: , B: [1]}}",
           "b.yaml:1:23: each item of 'environment' must be a text, not null\n"
           "b.yaml:1:31: each item of 'environment' must be a text, not a list");
    refuse("agent: {environment: {A=B: c, '': d}}",
           "b.yaml:1:23: 'A=B' cannot be the name of an environment variable\n"
           "b.yaml:1:31: '' cannot be the name of an environment variable");
    refuse("agent: {rate_limit: 5}", "b.yaml:1:21: 'rate_limit' must be an object, not a number");
    refuse("agent: {rate_limit: {patterns: [' ']}}", "b.yaml:1:33: 'patterns' must not be blank");
    static const char *const counts[] = {"0", "1001", "2.5", "-1"};
    for (size_t i = 0; i < 4; i++) {
        char file[100];
        snprintf(file, sizeof file, "agent: {rate_limit: {most: %s}}", counts[i]);
        refuse(file, "b.yaml:1:28: 'most' must be a whole number from 1 to 1000");
    }
    refuse("verify: {a: b}", "b.yaml:1:9: 'verify' must be a list of commands, not an object");
    refuse("verify: ['']", "b.yaml:1:10: 'verify' must not be blank");
    refuse("workflows: [a]", "b.yaml:1:12: 'workflows' must be a folder's path, not a list");
    refuse("workflows: ' '", "b.yaml:1:12: 'workflows' must be a folder's path");
}

static void commands_that_cannot_be_run(void **state) {
    (void)state;
    refuse("agent: {command: []}", "b.yaml:1:18: 'command' must not be empty");
    refuse("agent: {command: ''}", "b.yaml:1:18: 'command' must not be empty");
    refuse("agent: {command: ['', a]}", "b.yaml:1:19: 'command' must begin with a program's name");
    refuse("agent: {command: \"a\\0b\"}", "b.yaml:1:18: the text holds a character that is not allowed");
}

static void refuse_closed(const char *text, const char *place, const char *end) {
    char told[300];
    snprintf(told, sizeof told,
             "b.yaml:%s: arguments (the prompt, or those of 'resume') cannot be added after '%s': write "
             "\"$@\" where in the agent's line they belong",
             place, end);
    refuse(text, told);
}

static void lines_that_cannot_take_arguments(void **state) {
    (void)state;
    refuse_closed("agent:\n  prompt: file\n  command: |\n    cd x\n    a &\n", "5:7", "&");
    refuse_closed("agent: {command: 'a; ', resume: -r}", "1:20", ";");
    refuse_closed("agent: {command: while a; do b; done, prompt: argument}", "1:33", "done");
    agent_settings a = {0};
    parse(&a, "agent: {command: while a; do b; done}"); /* by stdin it may be anything */
    baton_error *error = NULL;
    assert_int_equal(agent_settings_parse(&a, "agent: {prompt: file}", 21, NULL, &error), -1);
    assert_int_equal(baton_error_get_code(error), BATON_ERROR_INVALID);
    assert_int_equal(baton_error_column(error), 17);
    baton_error_free(error);
    parse(&a, "agent: {prompt: file, command: [done]}"); /* no line */
    agent_settings_done(&a);
}

static void check_line(const char *line, const char *end) {
    agent_settings a = {0};
    baton_error *error = NULL;
    char told[60];
    assert_true(agent_settings_command(&a, line));
    assert_int_equal(agent_settings_check(&a, NULL), 0); /* nothing is added */
    a.prompt = AGENT_PROMPT_ARGUMENT;
    if (agent_settings_check(&a, &error) != (end ? -1 : 0)) fail_msg("%s", line);
    if (end) {
        assert_int_equal(baton_error_get_code(error), BATON_ERROR_INVALID);
        snprintf(told, sizeof told, " cannot be added after '%s': write \"$@\" ", end);
        assert_non_null(strstr(baton_error_message(error), told));
    }
    baton_error_free(error);
    a.prompt = AGENT_PROMPT_STDIN;
    a.resume = baton_value_append(baton_value_array(), baton_value_string("-r"));
    assert_int_equal(agent_settings_check(&a, NULL), end ? -1 : 0);
    agent_settings_done(&a);
}

static void ends_of_lines(void **state) {
    (void)state;
    static const struct {
        const char *line, *end;
    } closed[] = {
        {"while read -r x; do echo; done\n", "done"},
        {"for i in 1 2\ndo x\ndone", "done"},
        {"if a; then b; fi ", "fi"},
        {"if a\nthen b\n  fi", "fi"},
        {"case x in x) a;; esac", "esac"},
        {"{ a; b; }", "}"},
        {"{ a;}", "}"},
        {"( a )", ")"},
        {"cd x && (a $(b))", ")"},
        {"a &", "&"},
        {"a;", ";"},
        {"a |", "|"},
        {"a \\", "\\"},
        {"done", "done"},
    };
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) check_line(closed[i].line, closed[i].end);
    static const char *const open[] = {
        "claude -p", "a | b",           "echo done",  "a abandone",     "a -x; b fi",
        "a ${B}",    "a --dir=${B:-c}", "a $(cat x)", "a \"$(b (c))\"", "a $((1 + 2))",
        "a <(b)",    "{ a \"$@\"; }",   "a \"$@\" &", "(a; b \"$@\")",  "x; done-or-not"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) check_line(open[i], NULL);
    agent_settings none = {.prompt = AGENT_PROMPT_FILE};
    assert_int_equal(agent_settings_check(&none, NULL), 0);
}

static void paths(void **state) {
    (void)state;
    refuse("agent:\n  result: json-lines\n  message: result\n  session: .a | .b\n",
           "b.yaml:3:12: 'message': not a plain path like .result or .message.content[0].text\n"
           "b.yaml:4:12: 'session': not a plain path like .result or .message.content[0].text");
    refuse("agent: {result: json-lines, message: '.a[$x]'}", "b.yaml:1:42: 'message': unknown variable $x");
    refuse("agent: {message: .a}", "b.yaml:1:18: 'message' counts only with 'result: json-lines'");
    refuse("agent: {session: .a, result: text}",
           "b.yaml:1:18: 'session' counts only with 'result: json-lines'");
    refuse("agent: {result: json-lines, message: [a]}",
           "b.yaml:1:38: 'message' must be a path like .result, not a list");
}

static void all_problems_are_told_in_their_order(void **state) {
    (void)state;
    refuse("verify: 5\n"
           "agent:\n"
           "  prompt: x\n"
           "  command: []\n"
           "  prompt: y\n"
           "  colour: red\n"
           "workflows: 1.0\n",
           "b.yaml:1:9: 'verify' must be a list of commands, not a number\n"
           "b.yaml:3:11: 'prompt' must be stdin, argument or file, not 'x'\n"
           "b.yaml:4:12: 'command' must not be empty\n"
           "b.yaml:5:3: the key 'prompt' stands here twice\n"
           "b.yaml:5:11: 'prompt' must be stdin, argument or file, not 'y'\n"
           "b.yaml:6:3: unknown property 'colour'\n"
           "b.yaml:7:12: 'workflows' must be a folder's path, not a number");
    refuse("agent: [", "b.yaml:1:9: the file ends too early: flow sequence without a closing bracket");
    refuse_sized("verify: \xff", 9, "b.yaml:1:9: the file is not UTF-8 text");
}

static void lists_end_somewhere(void **state) {
    (void)state;
    buffer text = {0};
    buffer_puts(&text, "verify: [x");
    for (int i = 0; i < 1000; i++) buffer_puts(&text, ",x");
    buffer_puts(&text, "]");
    refuse(buffer_text(&text), "b.yaml:1:9: 'verify' has more than 1000 items");
    buffer_done(&text);
}

/* ---- Lines for the shell ---- */

static void expect_line(const char *line, const char *script) {
    agent_settings a = {0};
    assert_true(agent_settings_command(&a, line));
    baton_value wanted = baton_value_array();
    const char *words[] = {"/bin/sh", "-c", script, "sh"};
    for (int i = 0; i < 4; i++) wanted = baton_value_append(wanted, baton_value_string(words[i]));
    assert_true(baton_value_equal(a.command, wanted));
    baton_value_unref(wanted);
    agent_settings_done(&a);
}

static void lines_are_for_the_shell(void **state) {
    (void)state;
    expect_line("claude -p", "claude -p");
    expect_line("claude -p \n\n", "claude -p");
    expect_line("cd x &&\nclaude -p\n", "cd x &&\nclaude -p");
    expect_line("if true; then claude \"$@\"; fi", "if true; then claude \"$@\"; fi");
    expect_line("claude &", "claude &");
    expect_line("claude ; ", "claude ;");
    expect_line("claude |", "claude |");
    agent_settings a = {0};
    parse(&a, "agent:\n  command: claude -p | tee log\n");
    expect_json(a.command, "[\"/bin/sh\",\"-c\",\"claude -p | tee log\",\"sh\"]");
    assert_true(agent_settings_command(&a, " \n")); /* no agent */
    expect_json(a.command, NULL);
    assert_false(a.is_line);
    parse(&a, "agent: {command: x}");
    assert_true(a.is_line);
    parse(&a, "agent: {command: [x]}");
    assert_false(a.is_line);
    agent_settings_done(&a);
}

static void the_shell_sees_added_arguments(void **state) {
    (void)state;
    agent_settings a = {.prompt = AGENT_PROMPT_ARGUMENT};
    assert_true(agent_settings_command(&a, "test 'a b; $(false)\n*' ="));
    baton_value argv = agent_argv(&a, NULL, "a b; $(false)\n*", "");
    char *words[8] = {0};
    baton_value items[8];
    size_t count = baton_value_size(argv);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        items[i] = baton_value_at(argv, i);
        words[i] = (char *)baton_value_as_text(items[i]);
    }
    pid_t child = fork();
    if (child == 0) {
        execv(words[0], words);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (size_t i = 0; i < count; i++) baton_value_unref(items[i]);
    baton_value_unref(argv);
    agent_settings_done(&a);
}

/* ---- Files ---- */

static void expect_workflows(const char *file, const char *text, const char *wanted) {
    agent_settings a = {0};
    baton_error *error = NULL;
    int rc = agent_settings_parse(&a, text, strlen(text), file, &error);
    if (wanted) {
        assert_int_equal(rc, 0);
        assert_string_equal(a.workflows, wanted);
    } else {
        assert_int_equal(rc, -1);
        assert_string_equal(baton_error_message(error),
                            "'workflows' names the home folder, but HOME is not set");
    }
    baton_error_free(error);
    agent_settings_done(&a);
}

static void workflows_are_resolved(void **state) {
    (void)state;
    char *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    setenv("HOME", "/home/x", 1);
    expect_workflows("b.yaml", "workflows: ~/flows", "/home/x/flows");
    expect_workflows("b.yaml", "workflows: '~'", "/home/x");
    expect_workflows("a/b.yaml", "workflows: ~other", "a/~other");
    expect_workflows("a/b.yaml", "workflows: flows", "a/flows");
    expect_workflows("/b.yaml", "workflows: flows", "/flows");
    expect_workflows("a/b.yaml", "workflows: /flows", "/flows");
    expect_workflows("b.yaml", "workflows: flows", "flows");
    expect_workflows(NULL, "workflows: flows", "flows");
    unsetenv("HOME");
    expect_workflows("b.yaml", "workflows: ~/flows", NULL);
    if (home) setenv("HOME", home, 1);
    free(home);
}

static void write_file(const char *path, const char *text, size_t times) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    while (times--) fputs(text, file);
    fclose(file);
}

static void refuse_file(const char *path, baton_error_code code) {
    agent_settings a = {0};
    baton_error *error = NULL;
    assert_int_equal(agent_settings_load(&a, path, &error), -1);
    assert_int_equal(baton_error_get_code(error), code);
    assert_int_equal(agent_settings_load(&a, path, NULL), -1);
    assert_empty(&a);
    baton_error_free(error);
}

static void files_are_loaded(void **state) {
    (void)state;
    char folder[] = "/tmp/baton-agent-XXXXXX", path[64], wanted[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/b.yaml", folder);
    snprintf(wanted, sizeof wanted, "%s/flows", folder);
    write_file(path, "agent: {command: [a]}\nworkflows: flows\n", 1);
    agent_settings a = {0};
    assert_int_equal(agent_settings_load(&a, path, NULL), 0);
    expect_json(a.command, "[\"a\"]");
    assert_string_equal(a.workflows, wanted);
    agent_settings_done(&a);
    write_file(path, "agent: {command: []}\n", 1);
    refuse_file(path, BATON_ERROR_INVALID);
    write_file(path, "# 16 bytes here\n", LIMIT_FILE_BYTES / 16 + 1);
    refuse_file(path, BATON_ERROR_LIMIT);
    unlink(path);
    refuse_file(path, BATON_ERROR_NOT_FOUND);
    refuse_file(folder, BATON_ERROR_SYSTEM);
    rmdir(folder);
}

static void expect_program(const char *file, const char *command, const char *wanted) {
    agent_settings a = {0};
    baton_error *error = NULL;
    char text[300];
    snprintf(text, sizeof text, "agent:\n  command: %s\n", command);
    assert_int_equal(agent_settings_parse(&a, text, strlen(text), file, &error), 0);
    baton_value word = baton_value_at(a.command, a.is_line ? AGENT_SHELL_LINE : 0);
    assert_string_equal(baton_value_as_text(word), wanted);
    baton_value_unref(word);
    agent_settings_done(&a);
}

/* As it is seen from a folder F with "it's", where "a b" and "../c" and a folder "d" are. */
static void programs_are_where_the_user_stands(void **state) {
    (void)state;
    char top[] = "/tmp/baton-agent-XXXXXX", folder[64], before[4096], file[80], wanted[200];
    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(top));
    snprintf(folder, sizeof folder, "%s/it's", top);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("d", 0700), 0);
    write_file("a b", "", 1);
    write_file("../c", "", 1);
    static const char *const same[] = {"a b",     "../missing x", "./d x",    "./$X",    "sh ./c",
                                       "~/x",     "X=../c y",     "cd ..; x", "./a\\ b", "/bin/true x",
                                       "../c* x", "'../c'x",      "'../c",    "''",      "(../c)"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) expect_line(same[i], same[i]);
    snprintf(wanted, sizeof wanted, "'%s/it'\\''s/../c' 'an arg' | ./x", top);
    expect_line("  ../c 'an arg' | ./x", wanted);
    expect_line("'../c' 'an arg' | ./x", wanted);
    snprintf(wanted, sizeof wanted, "'%s/it'\\''s/a b'; x", top);
    expect_line("\"./a b\"; x", wanted);
    expect_line(".//./'a b'", ".//./'a b'");
    /* In a file: from its folder, wherever the user stands. */
    snprintf(file, sizeof file, "%s/b.yaml", folder);
    assert_int_equal(chdir("/"), 0);
    snprintf(wanted, sizeof wanted, "'%s/it'\\''s/../c' x", top);
    expect_program(file, "../c x", wanted);
    expect_program(file, "./missing", "./missing");
    snprintf(wanted, sizeof wanted, "%s/missing", folder);
    expect_program(file, "[./missing, ./x]", wanted);
    expect_program(file, "[missing]", "missing");
    expect_program(file, "[/bin/x]", "/bin/x");
    assert_int_equal(chdir(top), 0);
    expect_program("it's/b.yaml", "[./missing, ./x]", wanted);
    snprintf(wanted, sizeof wanted, "%s/x/y", top);
    expect_program("b.yaml", "[x/y]", wanted);
    expect_program(NULL, "[x/y]", wanted);
    char *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    setenv("HOME", "/home/x", 1);
    expect_program("it's/b.yaml", "[~/y]", "/home/x/y");
    if (home)
        setenv("HOME", home, 1);
    else
        unsetenv("HOME");
    free(home);
    assert_int_equal(chdir(folder), 0);
    unlink("a b");
    unlink("../c");
    rmdir("d");
    assert_int_equal(chdir(before), 0);
    rmdir(folder);
    assert_int_equal(rmdir(top), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file),
        cmocka_unit_test(files_that_say_nothing),
        cmocka_unit_test(later_files_count_where_they_say_something),
        cmocka_unit_test(spans),
        cmocka_unit_test(unknown_keys),
        cmocka_unit_test(wrong_kinds),
        cmocka_unit_test(commands_that_cannot_be_run),
        cmocka_unit_test(paths),
        cmocka_unit_test(all_problems_are_told_in_their_order),
        cmocka_unit_test(lists_end_somewhere),
        cmocka_unit_test(lines_that_cannot_take_arguments),
        cmocka_unit_test(ends_of_lines),
        cmocka_unit_test(lines_are_for_the_shell),
        cmocka_unit_test(the_shell_sees_added_arguments),
        cmocka_unit_test(workflows_are_resolved),
        cmocka_unit_test(files_are_loaded),
        cmocka_unit_test(programs_are_where_the_user_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
