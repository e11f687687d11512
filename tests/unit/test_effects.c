/* Effects under way: processes and HTTP calls as the engine starts, ends and aborts them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine_kit.h"

#include <signal.h>

#define HEAD "document: {dsl: 1.0.3, namespace: t, name: w, version: 0.1.0}\n"

static baton_result *execute_file(const char *steps, const baton_execution_options *options) {
    buffer text = {0};
    buffer_printf(&text, HEAD "%s", steps);
    baton_engine *engine = engine_with(0);
    baton_result *result = execute_once(engine, workflow_from(buffer_text(&text), NULL), NULL, options);
    baton_engine_free(engine);
    buffer_done(&text);
    return result;
}

static void test_a_process(void **state) {
    (void)state;
    baton_result *result =
        execute_file("do: [{a: {run: {shell: {command: 'echo \"$BATON_IDEMPOTENCY_KEY\"'}}}}]\n",
                     &(baton_execution_options){.id = "one"});
    assert_true(baton_result_success(result));
    baton_value output = baton_result_output(result);
    assert_memory_equal(baton_value_as_text(output), "one/", 4);
    baton_value_unref(output);
    baton_result_free(result);
    result = execute_file("do: [{a: {run: {shell: {command: 'echo no >&2; exit 3'}}}}]\n", NULL);
    assert_false(baton_result_success(result));
    baton_value problem = baton_result_problem(result);
    assert_string_equal(value_get_text(problem, "detail"), "exit code 3: no");
    baton_value_unref(problem);
    baton_result_free(result);
    /* One that is not waited for gives nothing: the step keeps its input. */
    baton_value input = json("{\"x\":1}");
    result = execute_file("do: [{a: {run: {await: false, shell: {command: 'true'}}}}]\n",
                          &(baton_execution_options){.input = input});
    expect_json(baton_result_output(result), "{\"x\":1}");
    baton_value_unref(input);
    baton_result_free(result);
}

typedef struct written {
    buffer bytes;
    const char *step;
} written;

static void collect(void *data, const baton_execution *x, const step *s, int stream, const char *bytes,
                    size_t size) {
    written *w = data;
    assert_string_equal(baton_execution_id(x), "one");
    w->step = s->name;
    buffer_printf(&w->bytes, "%d:%.*s", stream, (int)size, bytes);
}

static void see_nothing(void *data, const baton_execution *x, const record *r) {
    (void)data, (void)x, (void)r;
}

static void test_output_as_it_comes(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    written seen = {0};
    engine_observe(engine, see_nothing, collect, &seen);
    baton_result *result = execute_once(
        engine,
        workflow_from(
            HEAD "do: [{talks: {run: {shell: {command: 'echo out; sleep 0.05; echo err >&2'}}}}]\n", NULL),
        NULL, &(baton_execution_options){.id = "one"});
    assert_true(baton_result_success(result));
    assert_string_equal(buffer_text(&seen.bytes), "1:out\n2:err\n");
    baton_result_free(result);
    baton_engine_free(engine);
    buffer_done(&seen.bytes);
}

static int64_t passed_ms(int64_t begin_ns) { return (clock_monotonic_ns() - begin_ns) / 1000000; }

static void test_effects_are_aborted(void **state) {
    (void)state;
    int64_t begin_ns = clock_monotonic_ns();
    baton_result *result = execute_file(
        "do: [{a: {timeout: {after: {milliseconds: 50}}, run: {shell: {command: 'sleep 60'}}}}]\n", NULL);
    assert_string_equal(baton_result_status(result), "faulted");
    baton_result_free(result);
    result = execute_file(
        "do: [{f: {fork: {compete: true, branches: [{slow: {run: {shell: {command: 'sleep 60'}}}}, "
        "{fast: {set: won}}]}}}]\n",
        NULL);
    expect_json(baton_result_output(result), "\"won\"");
    baton_result_free(result);

    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_from(HEAD "do: [{a: {run: {shell: {command: 'sleep 60'}}}}]\n", NULL);
    submit_as(engine, w, "one", note_done, NULL);
    submit_as(engine, w, "two", note_done, NULL);
    engine_pump(engine);
    baton_engine_cancel(engine, "one", NULL);
    expect_journal("one=cancelled");
    baton_workflow_free(w);
    baton_engine_free(engine); /* with the other one under way */
    assert_true(passed_ms(begin_ns) < 20000);
}

static void test_http_calls(void **state) {
    (void)state;
    /* Nobody listens on port 1. */
    baton_result *result = execute_file(
        "do: [{a: {call: http, with: {method: get, endpoint: 'http://127.0.0.1:1/x'}}}]\n", NULL);
    assert_false(baton_result_success(result));
    baton_value problem = baton_result_problem(result);
    assert_non_null(strstr(value_get_text(problem, "type"), "/errors/communication"));
    assert_string_equal(value_get_text(problem, "instance"), "/do/0/a");
    baton_value_unref(problem);
    baton_result_free(result);

    /* An address that answers nothing: its own timeout, and two calls at once that are cancelled. */
    int64_t begin_ns = clock_monotonic_ns();
    result = execute_file("do: [{a: {timeout: {after: {milliseconds: 50}}, call: http, "
                          "with: {method: get, endpoint: 'http://127.0.0.1:1/x'}}}]\n",
                          NULL);
    assert_false(baton_result_success(result));
    baton_result_free(result);
    assert_true(passed_ms(begin_ns) < 20000);
}

/* An HTTP call under way when its execution is cancelled, and one when its engine is freed. */
static void test_http_call_aborted(void **state) {
    (void)state;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 8), 0); /* accepts, and never answers */
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    char text[256];
    snprintf(text, sizeof text,
             HEAD "do: [{a: {call: http, with: {method: get, endpoint: 'http://127.0.0.1:%d/'}}}]\n",
             ntohs(address.sin_port));
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_from(text, NULL);
    submit_as(engine, w, "one", note_done, NULL);
    submit_as(engine, w, "two", note_done, NULL);
    submit_as(engine, w, "three", note_done, NULL);
    engine_pump(engine);
    assert_int_equal(baton_engine_metrics(engine).active_executions, 3);
    baton_engine_cancel(engine, "two", NULL);
    expect_journal("two=cancelled");
    baton_workflow_free(w);
    baton_engine_free(engine);
    close(listener);
}

/* The step's place among several of one run. */
static void test_effects_of_several_branches(void **state) {
    (void)state;
    baton_result *result =
        execute_file("do: [{f: {fork: {branches: [{a: {run: {shell: {command: 'sleep 0.05; echo a'}}}}, "
                     "{b: {run: {shell: {command: 'echo b'}}}}, {c: {run: {shell: {command: 'sleep 0.02; "
                     "echo c'}}}}]}}}]\n",
                     NULL);
    expect_json(baton_result_output(result), "[\"a\",\"b\",\"c\"]");
    baton_result_free(result);
}

#define TEST(name) cmocka_unit_test_setup(name, kit_setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_process),  TEST(test_output_as_it_comes), TEST(test_effects_are_aborted),
        TEST(test_http_calls), TEST(test_http_call_aborted),  TEST(test_effects_of_several_branches),
    };
    return cmocka_run_group_tests_name("effects", tests, NULL, NULL);
}
