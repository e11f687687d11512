/* Steps in C: what a step may ask and answer during its call, steps that end later, and timeouts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine_kit.h"

/* ---- Asking ---- */

static int ask_all(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    assert_string_equal(baton_step_call_reference(call), "/do/1/second");
    expect_json(baton_step_call_input(call), "{\"n\":1}");
    expect_json(baton_step_call_arguments(call), "{\"to\":\"you\"}");
    assert_string_equal(baton_step_call_data(call), "data");
    assert_int_equal(baton_step_call_attempt(call), 1);
    assert_string_equal(baton_execution_id(baton_step_call_execution(call)), "one");
    assert_false(baton_step_call_cancelled(call));
    assert_memory_equal(baton_step_call_key(call), "one/", 4);
    baton_context *context = baton_step_call_context(call);
    expect_json(baton_context_get(context, "executionId"), "\"one\"");
    baton_context_set(context, "mine", baton_value_number(1));
    baton_step_call_output(call, baton_value_string("first"));
    baton_step_call_output(call, baton_value_string("last")); /* the last one counts */
    return 0;
}

static int ask_nothing(baton_step_call *call, baton_error **err) {
    (void)err;
    expect_json(baton_step_call_arguments(call), "null");
    expect_json(baton_step_call_input(call), "\"last\"");
    expect_json(baton_context_get(baton_step_call_context(call), "mine"), "1");
    return 0;
}

static void test_what_a_step_may_ask(void **state) {
    (void)state;
    const char *const strategies[] = {"basic", "simple"};
    for (int i = 0; i < 2; i++) {
        baton_engine *engine = engine_with(0);
        baton_value arguments = json("{\"to\":\"you\"}");
        baton_workflow *w =
            workflow_of({.name = "first", .execute = step_say, .data = "{\"n\":1}"},
                        {.name = "second", .execute = ask_all, .data = "data", .arguments = arguments},
                        {.name = "third", .execute = ask_nothing});
        baton_value_unref(arguments);
        baton_result *result = execute_once(
            engine, w, NULL, &(baton_execution_options){.id = "one", .strategy = strategies[i]});
        assert_true(baton_result_success(result));
        expect_json(baton_result_output(result), "null");
        expect_journal("first second");
        baton_result_free(result);
        baton_engine_free(engine);
    }
}

static int expect_input(baton_step_call *call, baton_error **err) {
    (void)err;
    expect_json(baton_step_call_input(call), baton_step_call_data(call));
    return 0;
}

static void test_input_of_the_execution(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_value input = json("[1]");
    baton_result_free(execute_once(
        engine, workflow_of({.name = "a", .execute = expect_input, .data = "null"}), NULL, NULL));
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = expect_input, .data = "[1]"}), NULL,
                     &(baton_execution_options){.input = input});
    assert_true(baton_result_success(result));
    baton_result_free(result);
    baton_value_unref(input);
    baton_engine_free(engine);
}

/* ---- Retries ---- */

static int note_key(baton_step_call *call, baton_error **err) {
    char text[200];
    snprintf(text, sizeof text, "%d:%s", baton_step_call_attempt(call), baton_step_call_key(call));
    note(text);
    return baton_step_call_attempt(call) < 3 ? baton_error_set(err, BATON_ERROR_STEP, "not yet") : 0;
}

static void test_retries_with_backoff_and_one_key(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_delay_ms = 20);
    int64_t begin_ns = clock_monotonic_ns();
    baton_result *result = execute_once(engine, workflow_of({.name = "a", .execute = note_key}), NULL,
                                        &(baton_execution_options){.id = "x"});
    int64_t passed_ms = (clock_monotonic_ns() - begin_ns) / 1000000;
    assert_true(baton_result_success(result));
    assert_in_range(passed_ms, 58, 5000); /* 20 ms, then 40 */
    const char *text = buffer_text(&kit_journal);
    unsigned key;
    char expected[64];
    assert_int_equal(sscanf(text, "1:x/%u ", &key), 1);
    snprintf(expected, sizeof expected, "1:x/%u 2:x/%u 3:x/%u", key, key, key);
    expect_journal(expected);
    baton_step_result step;
    assert_true(baton_result_step(result, 0, &step));
    assert_int_equal(step.attempts, 3);
    assert_int_equal(step.count, 1);
    assert_true(step.duration_ns >= 58000000);
    baton_result_free(result);
    baton_engine_free(engine);
}

static int never_again(baton_step_call *call, baton_error **err) {
    note(baton_step_call_name(call));
    baton_step_call_no_retry(call);
    return baton_error_set(err, BATON_ERROR_STEP, "broken for good");
}

static int fail_without_reason(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return -1;
}

static int succeed_with_error(baton_step_call *call, baton_error **err) {
    note(baton_step_call_name(call));
    baton_error_set(err, BATON_ERROR_STEP, "not meant");
    return 0;
}

static int fail_with_cause(baton_step_call *call, baton_error **err) {
    (void)call;
    baton_error_set(err, BATON_ERROR_SYSTEM, "no\nroute");
    return baton_error_wrap(err, BATON_ERROR_STEP, "not sent");
}

static void test_failures(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_delay_ms = 1);
    /* A message is kept as it is; a chain becomes one line. */
    static const struct {
        baton_step step;
        const char *error;
    } rows[] = {{{.name = "a", .execute = step_fail, .data = "two\nlines"}, "two\nlines"},
                {{.name = "a", .execute = fail_with_cause}, "not sent: no route"}};
    for (size_t i = 0; i < 2; i++) {
        baton_result *told = execute_once(engine, kit_build("test", &rows[i].step, 1, false), NULL, NULL);
        baton_step_result step;
        assert_true(baton_result_step(told, 0, &step));
        assert_string_equal(step.error, rows[i].error);
        baton_result_free(told);
    }
    buffer_done(&kit_journal);
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = never_again}), NULL, NULL);
    expect_journal("a");
    expect_error_text(baton_result_error(result),
                      "Workflow execution failed: /do/0/a: Step failed: broken for good");
    baton_result_free(result);
    result = execute_once(engine, workflow_of({.name = "a", .execute = fail_without_reason}), NULL, NULL);
    expect_error_text(baton_result_error(result),
                      "Workflow execution failed: /do/0/a: Step failed: the step gave no reason");
    baton_result_free(result);
    const char *const strategies[] = {"basic", "simple"};
    for (int i = 0; i < 2; i++) {
        result = execute_once(engine,
                              workflow_of({.name = "a", .execute = succeed_with_error},
                                          {.name = "b", .execute = succeed_with_error}),
                              NULL, &(baton_execution_options){.strategy = strategies[i]});
        assert_true(baton_result_success(result));
        expect_journal("a b");
        baton_result_free(result);
    }
    baton_engine_free(engine);
}

/* ---- Steps that end later ---- */

typedef struct helper {
    baton_completion *completion;
    const char *json, *failure;
    unsigned delay_us;
    pthread_t thread;
} helper;

static void *complete_later(void *data) {
    helper *h = data;
    usleep(h->delay_us);
    int done = h->failure
                   ? baton_completion_fail(h->completion, h->failure, NULL)
                   : baton_completion_succeed(h->completion, h->json, h->json ? strlen(h->json) : 0, NULL);
    if (done != 0) abort();
    baton_completion_free(h->completion);
    return NULL;
}

static int defer_to_thread(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    helper *h = baton_step_call_data(call);
    if (baton_step_call_attempt(call) > 1) pthread_join(h->thread, NULL);
    h->completion = baton_step_call_defer(call);
    pthread_create(&h->thread, NULL, complete_later, h);
    return 0;
}

static void test_deferred_steps(void **state) {
    (void)state;
    const char *const strategies[] = {"basic", "simple"};
    for (int i = 0; i < 2; i++) {
        baton_engine *engine = engine_with(0);
        helper one = {.json = "{\"n\":1}", .delay_us = 5000}, two = {.json = NULL};
        baton_workflow *w = workflow_of({.name = "a", .execute = defer_to_thread, .data = &one},
                                        {.name = "b", .execute = expect_input, .data = "{\"n\":1}"},
                                        {.name = "c", .execute = defer_to_thread, .data = &two});
        baton_result *result =
            execute_once(engine, w, NULL, &(baton_execution_options){.strategy = strategies[i]});
        pthread_join(one.thread, NULL);
        pthread_join(two.thread, NULL);
        assert_true(baton_result_success(result));
        expect_json(baton_result_output(result), "null");
        assert_int_equal(baton_result_size(result), 3);
        expect_journal("a c");
        baton_result_free(result);
        baton_engine_free(engine);
    }
}

/* A completion may come at any moment between the call and the first wait. */
static void test_deferred_step_that_ends_at_once(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        baton_engine *engine = engine_with(0);
        helper h = {.json = "1", .delay_us = (unsigned)i % 40 * 5};
        baton_result *result = execute_once(
            engine, workflow_of({.name = "a", .execute = defer_to_thread, .data = &h}), NULL, NULL);
        pthread_join(h.thread, NULL);
        assert_true(baton_result_success(result));
        baton_result_free(result);
        baton_engine_free(engine);
    }
    buffer_done(&kit_journal);
}

static int complete_inside(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    baton_completion *first = baton_step_call_defer(call), *second = baton_step_call_defer(call);
    baton_step_call_output(call, baton_value_string("not this"));
    assert_int_equal(baton_completion_succeed(first, "\"now\"", 5, NULL), 0);
    baton_error *late = NULL;
    assert_int_equal(baton_completion_fail(second, "too late", &late), -1);
    expect_code(late, BATON_ERROR_CONFLICT);
    assert_int_equal(baton_completion_succeed(second, NULL, 0, NULL), -1);
    baton_completion_free(first);
    baton_completion_free(second);
    return 0;
}

static void test_completed_during_the_call(void **state) {
    (void)state;
    const char *const strategies[] = {"basic", "simple"};
    for (int i = 0; i < 2; i++) {
        baton_engine *engine = engine_with(0);
        baton_workflow *w = workflow_of({.name = "a", .execute = complete_inside},
                                        {.name = "b", .execute = expect_input, .data = "\"now\""},
                                        {.name = "c", .execute = complete_inside});
        baton_result *result =
            execute_once(engine, w, NULL, &(baton_execution_options){.strategy = strategies[i]});
        assert_true(baton_result_success(result));
        expect_json(baton_result_output(result), "\"now\"");
        expect_journal("a c");
        baton_result_free(result);
        baton_engine_free(engine);
    }
}

static int defer_and_fail(baton_step_call *call, baton_error **err) {
    step_defer(call, err);
    baton_step_call_output(call, json("[1]"));
    return baton_error_set(err, BATON_ERROR_STEP, "after all not");
}

static void test_deferred_and_failed(void **state) {
    (void)state;
    const char *const strategies[] = {"basic", "simple"};
    for (int i = 0; i < 2; i++) {
        baton_engine *engine = engine_with(.retry_attempts = -1);
        baton_completion *c = NULL;
        baton_workflow *w = workflow_of({.name = "a", .execute = defer_and_fail, .data = &c},
                                        {.name = "b", .execute = step_say});
        baton_result *result =
            execute_once(engine, w, NULL, &(baton_execution_options){.strategy = strategies[i]});
        expect_error_text(baton_result_error(result),
                          "Workflow execution failed: /do/0/a: Step failed: after all not");
        expect_journal("a");
        baton_error *err = NULL;
        assert_int_equal(baton_completion_succeed(c, NULL, 0, &err), -1);
        expect_code(err, BATON_ERROR_CONFLICT);
        baton_completion_free(c);
        baton_result_free(result);
        baton_engine_free(engine);
    }
}

static void test_deferred_failures_and_retries(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = 1, .retry_delay_ms = 1);
    helper h = {.failure = "remote trouble"};
    baton_result *result = execute_once(
        engine, workflow_of({.name = "a", .execute = defer_to_thread, .data = &h}), NULL, NULL);
    pthread_join(h.thread, NULL);
    expect_journal("a a");
    expect_error_text(baton_result_error(result),
                      "Workflow execution failed: /do/0/a: Step failed: remote trouble");
    baton_result_free(result);
    h = (helper){.json = "{\"a\":"};
    result = execute_once(engine, workflow_of({.name = "a", .execute = defer_to_thread, .data = &h}), NULL,
                          NULL);
    pthread_join(h.thread, NULL);
    assert_false(baton_result_success(result));
    baton_step_result step;
    assert_true(baton_result_step(result, 0, &step));
    assert_non_null(strstr(step.error, "1:6")); /* where the text that is no JSON ends */
    assert_int_equal(step.attempts, 2);
    baton_result_free(result);
    baton_engine_free(engine);
    buffer_done(&kit_journal);
}

static int defer_for_good(baton_step_call *call, baton_error **err) {
    baton_step_call_no_retry(call);
    return defer_to_thread(call, err);
}

static void test_deferred_step_that_must_not_be_tried_again(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_delay_ms = 1);
    helper h = {.failure = "broken for good"};
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = defer_for_good, .data = &h}), NULL, NULL);
    pthread_join(h.thread, NULL);
    expect_journal("a");
    assert_false(baton_result_success(result));
    baton_result_free(result);
    baton_engine_free(engine);
}

static void test_completion_after_the_engine_is_gone(void **state) {
    (void)state;
    for (int simple = 0; simple < 2; simple++) {
        baton_engine *engine = engine_with(0);
        baton_completion *c = NULL, *posted = NULL;
        baton_workflow *w = workflow_of({.name = "a", .execute = step_defer, .data = &c},
                                        {.name = "b", .execute = step_say});
        baton_workflow *other = workflow_of({.name = "a", .execute = step_defer, .data = &posted});
        const baton_execution_options options = {.strategy = simple ? "simple" : "basic"};
        baton_engine_submit(engine, w, NULL, &options, note_done, NULL, NULL, NULL);
        baton_engine_submit(engine, other, NULL, &options, note_done, NULL, NULL, NULL);
        engine_pump(engine);
        assert_non_null(c);
        assert_int_equal(baton_completion_succeed(posted, "[1,2,3]", 7, NULL),
                         0); /* nobody will look at it */
        baton_engine_free(engine);
        baton_error *err = NULL;
        assert_int_equal(baton_completion_succeed(c, "1", 1, &err), -1);
        expect_code(err, BATON_ERROR_CONFLICT);
        assert_int_equal(baton_completion_fail(c, "x", NULL), -1);
        baton_completion_free(c);
        baton_completion_free(posted);
        baton_completion_free(NULL);
        expect_journal("a a");
        baton_workflow_free(w);
        baton_workflow_free(other);
    }
}

/* A step that ended otherwise is not ended again by a completion that is on its way. */
static void test_completion_crosses_a_cancel(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_completion *c = NULL;
    baton_workflow *w = workflow_of({.name = "a", .execute = step_defer, .data = &c});
    submit_as(engine, w, "one", note_done, NULL);
    engine_pump(engine);
    assert_int_equal(baton_completion_succeed(c, "1", 1, NULL), 0);
    assert_int_equal(baton_engine_cancel(engine, "one", NULL), 0);
    run_all(engine);
    expect_journal("a one=cancelled");
    baton_completion_free(c);

    /* Nor does it end a step of a later execution with the same id. */
    submit_as(engine, w, "one", note_done, NULL);
    engine_pump(engine);
    baton_completion *old = c;
    assert_int_equal(baton_completion_succeed(old, "\"stale\"", 7, NULL), 0);
    assert_int_equal(baton_engine_cancel(engine, "one", NULL), 0);
    submit_as(engine, w, "one", note_done, NULL);
    engine_pump(engine);
    engine_pump(engine);
    assert_string_equal(status_in(engine, "one"), "active");
    assert_int_equal(baton_completion_succeed(c, "1", 1, NULL), 0);
    run_all(engine);
    expect_journal("a one=cancelled a one=completed");
    baton_completion_free(old);
    baton_completion_free(c);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* ---- Timeouts ---- */

static int sleep_until_cancelled(baton_step_call *call, baton_error **err) {
    note(baton_step_call_name(call));
    for (int i = 0; i < 1000; i++) {
        if (baton_step_call_cancelled(call)) return baton_error_set(err, BATON_ERROR_CANCELLED, "gave up");
        usleep(1000);
    }
    return 0;
}

static void expect_timeout(baton_result *result, const char *text, size_t steps) {
    assert_false(baton_result_success(result));
    assert_string_equal(baton_result_status(result), "faulted");
    expect_error_text(baton_result_error(result), text);
    assert_int_equal(baton_error_get_code(baton_error_cause(baton_result_error(result))),
                     BATON_ERROR_TIMEOUT);
    assert_int_equal(baton_result_size(result), steps);
    baton_result_free(result);
}

static const char step_timeout[] = "Workflow execution failed: /do/0/a: Step timed out";
static const char execution_timeout[] = "Workflow execution failed: /: Workflow timed out";

static void test_timeout_of_a_deferred_step(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_completion *c = NULL;
    baton_workflow *w = workflow_of({.name = "a", .execute = step_defer, .data = &c, .timeout_ms = 20},
                                    {.name = "b", .execute = step_say});
    expect_timeout(execute_once(engine, w, NULL, NULL), step_timeout, 1);
    expect_journal("a"); /* a timeout is not tried again */
    baton_error *err = NULL;
    assert_int_equal(baton_completion_succeed(c, "1", 1, &err), -1);
    expect_code(err, BATON_ERROR_CONFLICT);
    baton_completion_free(c);

    w = workflow_of({.name = "a", .execute = step_defer, .data = &c}, {.name = "b", .execute = step_say});
    expect_timeout(execute_once(engine, w, NULL, &(baton_execution_options){.timeout_ms = 20}),
                   execution_timeout, 1);
    baton_completion_free(c);
    w = workflow_of({.name = "a", .execute = step_defer, .data = &c}, {.name = "b", .execute = step_say});
    expect_timeout(
        execute_once(engine, w, NULL, &(baton_execution_options){.timeout_ms = 20, .strategy = "simple"}),
        execution_timeout, 1);
    baton_completion_free(c);
    expect_journal("a a");
    baton_engine_free(engine);
}

/* Nothing can interrupt a step that does not end later: its time is looked at when it returns. */
static void test_timeout_of_a_step_that_blocks(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_sleep, .timeout_ms = 5},
                                    {.name = "b", .execute = step_say});
    expect_timeout(execute_once(engine, w, NULL, NULL), step_timeout, 1);
    expect_journal("a");
    w = workflow_of({.name = "a", .execute = sleep_until_cancelled, .timeout_ms = 5},
                    {.name = "b", .execute = step_say});
    expect_timeout(execute_once(engine, w, NULL, NULL), step_timeout, 1);
    expect_journal("a");
    w = workflow_of({.name = "a", .execute = sleep_until_cancelled}, {.name = "b", .execute = step_say});
    expect_timeout(execute_once(engine, w, NULL, &(baton_execution_options){.timeout_ms = 5}),
                   execution_timeout, 1);
    expect_journal("a");
    baton_engine_free(engine);
    engine = engine_with(.execution_timeout_ms = 5);
    w = workflow_of({.name = "a", .execute = step_sleep}, {.name = "b", .execute = step_say});
    expect_timeout(execute_once(engine, w, NULL, NULL), execution_timeout, 1);
    expect_journal("a");
    baton_engine_free(engine);
}

static void test_negative_timeout_is_none(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.execution_timeout_ms = 1);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_sleep});
    baton_result *result = execute_once(engine, w, NULL, &(baton_execution_options){.timeout_ms = -1});
    assert_true(baton_result_success(result));
    baton_result_free(result);
    baton_engine_free(engine);
}

/* ---- Cancelling ---- */

static int cancel_self(baton_step_call *call, baton_error **err) {
    note(baton_step_call_name(call));
    assert_int_equal(baton_engine_cancel(*(baton_engine **)baton_step_call_data(call),
                                         baton_execution_id(baton_step_call_execution(call)), err),
                     0);
    assert_true(baton_step_call_cancelled(call));
    baton_step_call_output(call, json("[\"does not count\"]"));
    return 0;
}

static int cancel_self_and_fail(baton_step_call *call, baton_error **err) {
    cancel_self(call, err);
    return baton_error_set(err, BATON_ERROR_STEP, "does not count");
}

static int cancel_self_and_wait(baton_step_call *call, baton_error **err) {
    cancel_self(call, err);
    baton_step_call_wait(call);
    return 0;
}

static baton_completion *cancelled_completion;

static int cancel_self_and_defer(baton_step_call *call, baton_error **err) {
    cancel_self(call, err);
    cancelled_completion = baton_step_call_defer(call);
    return 0;
}

static void test_a_step_cancels_its_own_execution(void **state) {
    (void)state;
    static const baton_step_function ways[] = {cancel_self, cancel_self_and_fail, cancel_self_and_wait,
                                               cancel_self_and_defer};
    for (size_t i = 0; i < 4; i++)
        for (int simple = 0; simple < 2; simple++)
            for (int at = 0; at < 3; at++) {
                baton_engine *engine = engine_with(.execution_timeout_ms = -1);
                baton_step steps[3];
                for (int k = 0; k < 3; k++)
                    steps[k] = (baton_step){.name = (const char *[]){"a", "b", "c"}[k],
                                            .execute = k == at ? ways[i] : step_say,
                                            .rollback = step_undo,
                                            .data = k == at ? &engine : NULL};
                baton_workflow *w = kit_build("test", steps, 3, true);
                baton_result *result = execute_once(
                    engine, w, NULL, &(baton_execution_options){.strategy = simple ? "simple" : "basic"});
                assert_string_equal(baton_result_status(result), "cancelled");
                static const char *const journals[] = {"a", "a b -a", "a b c -b -a"};
                expect_journal(journals[at]);
                assert_int_equal(baton_result_size(result), at + 1);
                baton_step_result step;
                assert_true(baton_result_step(result, (size_t)at, &step));
                assert_string_equal(step.status, "cancelled");
                assert_string_equal(step.error, "cancelled");
                expect_error_text(baton_result_error(result), "Workflow execution failed: cancelled");
                if (ways[i] == cancel_self_and_defer) {
                    assert_int_equal(baton_completion_succeed(cancelled_completion, NULL, 0, NULL), -1);
                    baton_completion_free(cancelled_completion);
                }
                baton_result_free(result);
                baton_engine_free(engine);
            }
}

typedef struct canceller {
    baton_engine *engine;
    pthread_t thread;
} canceller;

static void *cancel_one(void *data) {
    usleep(5000);
    int done = baton_engine_cancel(((canceller *)data)->engine, "one", NULL);
    if (done != 0) abort();
    /* One that does not exist is no error from here. */
    done = baton_engine_cancel(((canceller *)data)->engine, "nobody", NULL);
    if (done != 0) abort();
    return NULL;
}

static int wait_for_cancel(baton_step_call *call, baton_error **err) {
    canceller *c = baton_step_call_data(call);
    pthread_create(&c->thread, NULL, cancel_one, c);
    int outcome = sleep_until_cancelled(call, err);
    assert_int_equal(outcome, -1);
    return outcome;
}

static void test_cancelled_from_another_thread(void **state) {
    (void)state;
    for (int simple = 0; simple < 2; simple++) {
        baton_engine *engine = engine_with(0);
        canceller c = {.engine = engine};
        baton_workflow *w = workflow_of({.name = "a", .execute = wait_for_cancel, .data = &c},
                                        {.name = "b", .execute = step_say});
        baton_result *result =
            execute_once(engine, w, NULL,
                         &(baton_execution_options){.id = "one", .strategy = simple ? "simple" : "basic"});
        pthread_join(c.thread, NULL);
        expect_journal("a");
        assert_false(baton_result_success(result));
        baton_result_free(result);
        run_all(engine);
        baton_engine_free(engine);
    }
}

static int start_canceller(baton_step_call *call, baton_error **err) {
    (void)err;
    canceller *c = baton_step_call_data(call);
    pthread_create(&c->thread, NULL, cancel_one, c);
    return 0;
}

static void test_cancelled_while_a_step_is_under_way(void **state) {
    (void)state;
    for (int simple = 0; simple < 2; simple++) {
        baton_engine *engine = engine_with(0);
        baton_completion *completion = NULL;
        canceller c = {.engine = engine};
        baton_workflow *w = workflow_of({.name = "start", .execute = start_canceller, .data = &c},
                                        {.name = "a", .execute = step_defer, .data = &completion},
                                        {.name = "b", .execute = step_say});
        baton_result *result =
            execute_once(engine, w, NULL,
                         &(baton_execution_options){.id = "one", .strategy = simple ? "simple" : "basic"});
        pthread_join(c.thread, NULL);
        assert_string_equal(baton_result_status(result), "cancelled");
        assert_int_equal(baton_completion_fail(completion, "late", NULL), -1);
        baton_completion_free(completion);
        expect_journal("a");
        baton_result_free(result);
        baton_engine_free(engine);
    }
}

/* ---- A run of many steps ---- */

static int count_calls(baton_step_call *call, baton_error **err) {
    (void)err;
    ++*(int *)baton_step_call_data(call);
    return 0;
}

static void test_thousands_of_steps(void **state) {
    (void)state;
    enum { MANY = 3000 };
    static baton_step steps[MANY];
    static char names[MANY][8];
    int calls = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        steps[i] = (baton_step){.name = names[i], .execute = count_calls, .data = &calls};
    }
    baton_engine *engine = engine_with(0);
    baton_workflow *w = kit_build("many", steps, MANY, false);
    for (int simple = 0; simple < 2; simple++) {
        baton_result *result = NULL;
        const baton_execution_options options = {.strategy = simple ? "simple" : "basic"};
        assert_int_equal(baton_engine_execute(engine, w, NULL, &options, &result, NULL), 0);
        assert_true(baton_result_success(result));
        assert_int_equal(baton_result_size(result), MANY);
        assert_int_equal(calls, MANY * (simple + 1));
        baton_result_free(result);
    }
    baton_workflow_free(w);
    baton_engine_free(engine);
}

#define TEST(name) cmocka_unit_test_setup(name, kit_setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_step_may_ask),
        TEST(test_input_of_the_execution),
        TEST(test_retries_with_backoff_and_one_key),
        TEST(test_failures),
        TEST(test_deferred_steps),
        TEST(test_deferred_step_that_ends_at_once),
        TEST(test_completed_during_the_call),
        TEST(test_deferred_and_failed),
        TEST(test_deferred_failures_and_retries),
        TEST(test_deferred_step_that_must_not_be_tried_again),
        TEST(test_completion_after_the_engine_is_gone),
        TEST(test_completion_crosses_a_cancel),
        TEST(test_timeout_of_a_deferred_step),
        TEST(test_timeout_of_a_step_that_blocks),
        TEST(test_negative_timeout_is_none),
        TEST(test_a_step_cancels_its_own_execution),
        TEST(test_cancelled_from_another_thread),
        TEST(test_cancelled_while_a_step_is_under_way),
        TEST(test_thousands_of_steps),
    };
    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
