/* Moving one run: waiting and deliveries, suspending and resuming in every place, cancelling, rollback,
 * nested workflows, steps of files that call functions, and the fairness between runs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine_kit.h"

/* ---- Deliveries ---- */

static void deliver(baton_engine *engine, const char *id, const char *reference, const char *text) {
    baton_error *err = NULL;
    baton_engine_deliver(engine, id, reference, json(text), &err);
    expect_code(err, BATON_ERROR_NONE);
}

static baton_workflow *waiting_workflow(void) {
    return workflow_of({.name = "a", .execute = step_wait}, {.name = "b", .execute = step_say});
}

static void test_a_step_waits(void **state) {
    (void)state;
    static const struct {
        const char *reference, *strategy;
    } rows[] = {{"a", "basic"}, {"/do/0/a", "basic"}, {"a", "simple"}, {"/do/0/a", "simple"}};
    for (size_t i = 0; i < 4; i++) {
        baton_engine *engine = engine_with(.execution_timeout_ms = -1);
        baton_workflow *w = workflow_of({.name = "a", .execute = step_wait});
        baton_result *result = execute_once(
            engine, w, NULL, &(baton_execution_options){.id = "one", .strategy = rows[i].strategy});
        assert_string_equal(baton_result_status(result), "waiting");
        assert_false(baton_result_success(result));
        assert_string_equal(status_in(engine, "one"), "waiting");
        assert_null(engine_find(engine, "one")->x); /* it has left memory */
        baton_metrics metrics = baton_engine_metrics(engine);
        assert_int_equal(metrics.active_executions, 0);
        assert_int_equal(metrics.waiting_executions, 1);
        baton_result_free(result);

        result = NULL;
        engine_find(engine, "one")->done = keep_result;
        engine_find(engine, "one")->done_data = &result;
        deliver(engine, "one", rows[i].reference, "{\"paid\":true}");
        assert_non_null(result);
        assert_true(baton_result_success(result));
        expect_json(baton_result_output(result), "{\"paid\":true}");
        expect_journal("a");
        assert_int_equal(baton_engine_metrics(engine).waiting_executions, 0);
        baton_result_free(result);
        baton_engine_free(engine);
    }
}

/* Under `simple` several steps are one call: the one that waits may stand anywhere among them. */
static void test_a_step_waits_among_others(void **state) {
    (void)state;
    for (int simple = 0; simple < 2; simple++)
        for (int at = 0; at < 3; at++) {
            baton_engine *engine = engine_with(.execution_timeout_ms = -1);
            baton_step steps[3];
            for (int k = 0; k < 3; k++)
                steps[k] = (baton_step){.name = (const char *[]){"a", "b", "c"}[k],
                                        .execute = k == at ? step_wait : step_say};
            baton_result *result = execute_once(
                engine, kit_build("test", steps, 3, false), NULL,
                &(baton_execution_options){.id = "one", .strategy = simple ? "simple" : "basic"});
            static const char *const before[] = {"a", "a b", "a b c"}, *const after[] = {"b c", "c", ""};
            expect_journal(before[at]);
            deliver(engine, "one", steps[at].name, "1");
            run_all(engine);
            expect_journal(after[at]);
            assert_string_equal(status_in(engine, "one"), "not_found");
            assert_int_equal(baton_engine_metrics(engine).completed, 1);
            assert_int_equal(baton_result_size(result), 3); /* the same result, by now complete */
            baton_result_free(result);
            baton_engine_free(engine);
        }
}

static int expect_delivered(baton_step_call *call, baton_error **err) {
    (void)err;
    expect_json(baton_step_call_input(call), baton_step_call_data(call));
    return 0;
}

static void test_early_deliveries(void **state) {
    (void)state;
    for (int simple = 0; simple < 2; simple++) {
        baton_engine *engine = engine_with(.execution_timeout_ms = -1);
        baton_workflow *w = workflow_of({.name = "a", .execute = step_wait},
                                        {.name = "b", .execute = expect_delivered, .data = "\"first\""},
                                        {.name = "c", .execute = step_wait},
                                        {.name = "d", .execute = expect_delivered, .data = "[3]"});
        baton_result *result = NULL;
        const baton_execution_options options = {.id = "one", .strategy = simple ? "simple" : "basic"};
        baton_engine_submit(engine, w, NULL, &options, keep_result, &result, NULL, NULL);
        deliver(engine, "one", "/do/2/c", "[3]");
        deliver(engine, "one", "a", "\"first\"");
        deliver(engine, "one", "a", "\"second, which nobody takes\"");
        run_all(engine);
        assert_non_null(result);
        assert_true(baton_result_success(result));
        expect_journal("a c");
        baton_result_free(result);
        baton_workflow_free(w);
        baton_engine_free(engine);
    }
}

static void test_too_many_early_deliveries(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = waiting_workflow();
    submit_as(engine, w, "one", NULL, NULL);
    for (int i = 0; i < LIMIT_EARLY_DELIVERIES; i++) deliver(engine, "one", "b", "1");
    baton_error *err = NULL;
    assert_int_equal(baton_engine_deliver(engine, "one", "b", json("[1]"), &err), -1);
    expect_code(err, BATON_ERROR_LIMIT);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* To a step that does not wait (any more, or yet), while another one does. */
static void test_delivery_to_another_step(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.execution_timeout_ms = -1);
    baton_workflow *w = waiting_workflow();
    submit_as(engine, w, "one", note_done, NULL);
    run_all(engine);
    deliver(engine, "one", "b", "\"kept\"");
    assert_string_equal(status_in(engine, "one"), "waiting");
    assert_int_equal(baton_engine_metrics(engine).waiting_executions, 1);
    deliver(engine, "one", "a", "1");
    run_all(engine);
    expect_journal("a b one=completed");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_waiting_step_times_out(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_wait, .timeout_ms = 20});
    baton_result *result = execute_once(engine, w, NULL, NULL);
    expect_error_text(baton_result_error(result), "Workflow execution failed: /do/0/a: Step timed out");
    baton_result_free(result);
    w = workflow_of({.name = "a", .execute = step_wait});
    result = execute_once(engine, w, NULL, &(baton_execution_options){.timeout_ms = 20});
    expect_error_text(baton_result_error(result), "Workflow execution failed: /: Workflow timed out");
    baton_result_free(result);
    /* Long enough that it leaves memory meanwhile. */
    w = workflow_of({.name = "a", .execute = step_wait});
    result = execute_once(engine, w, NULL, &(baton_execution_options){.timeout_ms = 1100});
    expect_error_text(baton_result_error(result), "Workflow execution failed: /: Workflow timed out");
    baton_result_free(result);
    expect_journal("a a a");
    baton_engine_free(engine);
}

typedef struct sender {
    baton_engine *engine;
    const char *id, *reference, *value;
} sender;

static int send_value(baton_step_call *call, baton_error **err) {
    const sender *s = baton_step_call_data(call);
    note(baton_step_call_name(call));
    return baton_engine_deliver(s->engine, s->id, s->reference, json(s->value), err);
}

static void test_delivered_from_a_step_of_another_execution(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.execution_timeout_ms = -1);
    baton_workflow *w = waiting_workflow();
    submit_as(engine, w, "one", note_done, NULL);
    run_all(engine);
    sender s = {engine, "one", "a", "1"};
    baton_result_free(execute_once(engine,
                                   workflow_of({.name = "send", .execute = send_value, .data = &s},
                                               {.name = "rest", .execute = step_say}),
                                   NULL, NULL));
    run_all(engine);
    expect_journal("a send rest b one=completed"); /* after the call, not inside of it */
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static int send_to_self(baton_step_call *call, baton_error **err) {
    send_value(call, err);
    baton_step_call_wait(call);
    return 0;
}

static void test_delivered_from_its_own_call(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.execution_timeout_ms = -1);
    sender s = {engine, "one", "a", "[7]"};
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = send_to_self, .data = &s}), NULL,
                     &(baton_execution_options){.id = "one"});
    assert_true(baton_result_success(result));
    expect_json(baton_result_output(result), "[7]");
    expect_journal("a");
    baton_result_free(result);
    baton_engine_free(engine);
}

/* ---- Runs of steps under `simple` ---- */

static int say_input(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_value input = baton_step_call_input(call);
    char *text = baton_value_to_json(input);
    note(text);
    free(text);
    baton_value_unref(input);
    return 0;
}

static int give_two(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_step_call_output(call, baton_value_number(2));
    return 0;
}

static int refuse_it(baton_step_call *call, baton_error **err) {
    (void)call;
    return baton_error_set(err, BATON_ERROR_STEP, "no");
}

/* The step after a failed one gets what the failed one was given. */
static void test_data_past_a_failure(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    const baton_execution_options options = {.strategy = "simple", .continue_on_failure = true};
    baton_result_free(
        execute_once(engine,
                     workflow_of({.name = "a", .execute = step_say}, {.name = "b", .execute = give_two},
                                 {.name = "c", .execute = refuse_it}, {.name = "d", .execute = say_input}),
                     NULL, &options));
    expect_journal("a 2");
    baton_engine_free(engine);
}

static int suspend_itself(baton_step_call *call, baton_error **err) {
    baton_engine *engine = *(baton_engine **)baton_step_call_data(call);
    return baton_engine_suspend(engine, baton_execution_id(baton_step_call_execution(call)), err);
}

static void test_suspended_in_a_run(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = suspend_itself, .data = &engine},
                                    {.name = "b", .execute = step_say}, {.name = "c", .execute = step_say});
    baton_result *result =
        execute_once(engine, w, NULL, &(baton_execution_options){.id = "one", .strategy = "simple"});
    assert_string_equal(baton_result_status(result), "suspended");
    baton_result_free(result);
    assert_int_equal(baton_engine_resume(engine, "one", NULL), 0);
    run_all(engine);
    expect_journal("b c");
    baton_engine_free(engine);
}

static int wait_in_rollback(baton_step_call *call, baton_error **err) {
    (void)err;
    note("undo");
    baton_step_call_wait(call);
    return 0;
}

/* Nobody could wake it: it fails, and the execution ends all the same. */
static void test_a_rollback_cannot_wait(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = -1);
    baton_builder *builder = baton_builder_new("w", NULL);
    baton_builder_rollback(builder, true);
    baton_builder_step(builder,
                       &(baton_step){.name = "a", .execute = step_say, .rollback = wait_in_rollback});
    baton_builder_step(builder, &(baton_step){.name = "b", .execute = refuse_it});
    baton_workflow *w = baton_builder_build(builder, NULL);
    baton_builder_free(builder);
    baton_result *result = execute_once(engine, w, NULL, NULL);
    assert_string_equal(baton_result_status(result), "faulted");
    expect_journal("a undo");
    baton_result_free(result);
    baton_engine_free(engine);
}

#define HEAD "document: {dsl: 1.0.3, namespace: t, name: w, version: 0.1.0}\n"

static baton_registry *registry_of(const baton_step_type *types, size_t count) {
    baton_registry *registry = baton_registry_new();
    for (size_t i = 0; i < count; i++) assert_int_equal(baton_registry_add(registry, &types[i], NULL), 0);
    return registry;
}

/* One branch waits for what the call of another branch of the same execution delivers. */
static void test_delivered_between_branches(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    sender s = {engine, "one", "waiter", "\"hello\""};
    const baton_step_type types[] = {{.name = "wait", .execute = step_wait},
                                     {.name = "send", .execute = send_value, .data = &s}};
    baton_registry *registry = registry_of(types, 2);
    baton_workflow *w = workflow_from(HEAD "do: [{f: {fork: {branches: [{waiter: {call: wait}}, "
                                           "{other: {call: wait}}, {sender: {call: send}}]}}}]\n",
                                      registry);
    submit_as(engine, w, "one", note_done, NULL);
    run_all(engine);
    assert_string_equal(status_in(engine, "one"), "waiting");
    deliver(engine, "one", "other", "\"there\"");
    run_all(engine);
    expect_journal("waiter other sender one=completed");
    baton_workflow_free(w);
    baton_registry_free(registry);
    baton_engine_free(engine);
}

/* ---- Suspending and resuming ---- */

static void suspend(baton_engine *engine, const char *id) {
    baton_error *err = NULL;
    baton_engine_suspend(engine, id, &err);
    expect_code(err, BATON_ERROR_NONE);
}

static void resume(baton_engine *engine, const char *id) {
    baton_error *err = NULL;
    baton_engine_resume(engine, id, &err);
    expect_code(err, BATON_ERROR_NONE);
}

static void cancel(baton_engine *engine, const char *id) {
    baton_error *err = NULL;
    baton_engine_cancel(engine, id, &err);
    expect_code(err, BATON_ERROR_NONE);
}

static void test_suspended_in_the_queue(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.max_queue_size = 2);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    submit_as(engine, w, "one", note_done, NULL);
    submit_as(engine, w, "two", note_done, NULL);
    suspend(engine, "one");
    suspend(engine, "one"); /* again: nothing */
    assert_string_equal(status_in(engine, "one"), "suspended");
    assert_int_equal(baton_engine_metrics(engine).queue_length, 1);
    run_all(engine);
    expect_journal("a two=completed");
    resume(engine, "one");
    assert_string_equal(status_in(engine, "one"), "pending");
    run_all(engine);
    expect_journal("a one=completed");

    /* Once admitted, never refused: the queue is full when it comes back. */
    submit_as(engine, w, "one", note_done, NULL);
    suspend(engine, "one");
    submit_as(engine, w, "two", note_done, NULL);
    submit_as(engine, w, "three", note_done, NULL);
    resume(engine, "one");
    run_all(engine);
    assert_int_equal(count_in(buffer_text(&kit_journal), "=completed"), 3);
    buffer_done(&kit_journal);

    submit_as(engine, w, "one", note_done, NULL);
    suspend(engine, "one");
    cancel(engine, "one");
    expect_journal("one=cancelled");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_suspended_while_it_depends(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    const char *const on[] = {"one"};
    const baton_execution_options after = {.id = "two", .dependencies = on, .dependency_count = 1};
    submit_as(engine, w, "one", note_done, NULL);
    baton_engine_submit(engine, w, NULL, &after, note_done, NULL, NULL, NULL);
    suspend(engine, "two");
    assert_string_equal(status_in(engine, "two"), "suspended");
    assert_int_equal(baton_engine_metrics(engine).waiting_executions, 0);
    resume(engine, "two"); /* back to waiting */
    assert_string_equal(status_in(engine, "two"), "pending");
    assert_int_equal(baton_engine_metrics(engine).waiting_executions, 1);
    suspend(engine, "two");
    run_all(engine);
    expect_journal("a one=completed");
    resume(engine, "two"); /* what it depended on has completed meanwhile */
    run_all(engine);
    expect_journal("a two=completed");

    submit_as(engine, w, "one", note_done, NULL);
    baton_engine_submit(engine, w, NULL, &after, note_done, NULL, NULL, NULL);
    suspend(engine, "two");
    cancel(engine, "one");
    run_all(engine);
    expect_journal("one=cancelled");
    assert_string_equal(status_in(engine, "two"), "suspended");
    resume(engine, "two");
    run_all(engine);
    expect_journal("two=faulted");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_suspended_while_a_step_is_under_way(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_completion *c = NULL;
    baton_workflow *w =
        workflow_of({.name = "a", .execute = step_defer, .data = &c}, {.name = "b", .execute = step_say});
    submit_as(engine, w, "one", note_done, NULL);
    engine_pump(engine);
    suspend(engine, "one");
    assert_string_equal(status_in(engine, "one"), "active"); /* what is under way may end */
    baton_completion_succeed(c, "1", 1, NULL);
    baton_completion_free(c);
    run_all(engine);
    assert_string_equal(status_in(engine, "one"), "suspended");
    expect_journal("a");
    resume(engine, "one");
    run_all(engine);
    expect_journal("b one=completed");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* A suspended execution has no time: nothing is waited for, whatever its timeout. */
static void test_suspended_while_it_waits(void **state) {
    (void)state;
    buffer log = {0};
    baton_engine *engine = engine_with(.log = kit_log, .log_data = &log, .log_level = BATON_LOG_INFO);
    baton_workflow *w = waiting_workflow();
    const char *const ids[] = {"one", "two"};
    for (int i = 0; i < 2; i++) {
        submit_as(engine, w, ids[i], note_done, NULL);
        engine_pump(engine);
        suspend(engine, ids[i]);
        assert_string_equal(status_in(engine, ids[i]), "suspended");
        run_all(engine); /* and not until the timeout of 300 s */
    }
    resume(engine, "one");
    assert_string_equal(status_in(engine, "one"), "waiting");
    deliver(engine, "one", "a", "1");
    run_all(engine);
    expect_journal("a a b one=completed");
    /* What is delivered meanwhile is not lost. */
    deliver(engine, "two", "a", "1");
    assert_string_equal(status_in(engine, "two"), "suspended");
    resume(engine, "two");
    run_all(engine);
    expect_journal("b two=completed");
    assert_int_equal(count_in(buffer_text(&log), "execution suspended executionId=one"), 1);
    baton_workflow_free(w);
    baton_engine_free(engine);
    buffer_done(&log);
}

static void test_delivery_ends_a_suspended_execution(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_wait});
    submit_as(engine, w, "one", note_done, NULL);
    engine_pump(engine);
    suspend(engine, "one");
    deliver(engine, "one", "a", "1");
    expect_journal("a one=completed");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* The wait of a file: suspended during it, the rest of its time is not waited. */
static void test_suspended_during_a_timer(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w =
        workflow_from(HEAD "do: [{a: {wait: {milliseconds: 30}}}, {b: {set: {x: 1}}}]\n", NULL);
    submit_as(engine, w, "one", note_done, NULL);
    engine_pump(engine);
    assert_string_equal(status_in(engine, "one"), "waiting");
    suspend(engine, "one");
    run_all(engine);
    assert_string_equal(status_in(engine, "one"), "suspended");
    usleep(40000);
    run_all(engine);
    assert_string_equal(status_in(engine, "one"), "suspended");
    resume(engine, "one");
    run_all(engine);
    expect_journal("one=completed");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static int suspend_own(baton_step_call *call, baton_error **err) {
    note(baton_step_call_name(call));
    return baton_engine_suspend(baton_step_call_data(call), "one", err);
}

/* From inside a call: nothing new begins, in no branch. */
static void test_suspended_by_its_own_step(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    const baton_step_type types[] = {{.name = "pause", .execute = suspend_own, .data = engine},
                                     {.name = "say", .execute = step_say}};
    baton_registry *registry = registry_of(types, 2);
    baton_workflow *w = workflow_from(
        HEAD "do: [{f: {fork: {branches: [{left: {do: [{l1: {call: pause}}, {l2: {call: say}}]}}, "
             "{right: {do: [{r1: {set: {x: 1}}}, {r2: {call: say}}]}}]}}}, {last: {call: say}}]\n",
        registry);
    submit_as(engine, w, "one", note_done, NULL);
    run_all(engine);
    assert_string_equal(status_in(engine, "one"), "suspended");
    const char *text = buffer_text(&kit_journal);
    assert_null(strstr(text, "l2"));
    assert_null(strstr(text, "last"));
    resume(engine, "one");
    run_all(engine);
    text = buffer_text(&kit_journal);
    assert_int_equal(count_in(text, "l1"), 1);
    assert_int_equal(count_in(text, "l2"), 1);
    assert_int_equal(count_in(text, "r2"), 1);
    assert_int_equal(count_in(text, "last one=completed"), 1);
    buffer_done(&kit_journal);
    baton_workflow_free(w);
    baton_registry_free(registry);
    baton_engine_free(engine);
}

/* ---- Cancelling ---- */

static void test_cancelled_in_every_place(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_completion *c = NULL;
    baton_workflow *says = workflow_of({.name = "a", .execute = step_say});
    baton_workflow *waits = waiting_workflow();
    baton_workflow *defers = workflow_of({.name = "d", .execute = step_defer, .data = &c});
    submit_as(engine, waits, "parked", note_done, NULL);
    submit_as(engine, waits, "held", note_done, NULL);
    submit_as(engine, defers, "active", note_done, NULL);
    engine_pump(engine);
    suspend(engine, "held");
    submit_as(engine, says, "queued", note_done, NULL);
    expect_journal("a a d");
    cancel(engine, "parked");
    cancel(engine, "held");
    cancel(engine, "active");
    cancel(engine, "queued");
    expect_journal("parked=cancelled held=cancelled active=cancelled queued=cancelled");
    baton_metrics metrics = baton_engine_metrics(engine);
    assert_int_equal(metrics.cancelled, 4);
    assert_int_equal(metrics.active_executions + metrics.queue_length + metrics.waiting_executions, 0);
    run_all(engine); /* nothing is left to wait for */
    assert_int_equal(baton_completion_succeed(c, NULL, 0, NULL), -1);
    baton_completion_free(c);
    baton_workflow_free(says);
    baton_workflow_free(waits);
    baton_workflow_free(defers);
    baton_engine_free(engine);
}

static int cancel_other(baton_step_call *call, baton_error **err) {
    note(baton_step_call_name(call));
    return baton_engine_cancel(baton_step_call_data(call), "other", err);
}

static void test_a_step_cancels_another_execution(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *other = workflow_with_rollback(
        {.name = "a", .execute = step_say, .rollback = step_undo}, {.name = "b", .execute = step_wait});
    submit_as(engine, other, "other", note_done, NULL);
    engine_pump(engine);
    baton_result *result =
        execute_once(engine,
                     workflow_of({.name = "cancel", .execute = cancel_other, .data = engine},
                                 {.name = "rest", .execute = step_say}),
                     NULL, NULL);
    assert_true(baton_result_success(result));
    expect_journal("a b cancel -a other=cancelled rest");
    baton_result_free(result);
    baton_workflow_free(other);
    baton_engine_free(engine);
}

/* ---- Rollback ---- */

static int undo_fails(baton_step_call *call, baton_error **err) {
    step_undo(call, err);
    return baton_error_set(err, BATON_ERROR_STEP, "cannot be undone");
}

static void test_rollback_after_a_failure(void **state) {
    (void)state;
    for (int simple = 0; simple < 2; simple++) {
        baton_engine *engine = engine_with(.retry_attempts = -1);
        baton_workflow *w = workflow_with_rollback(
            {.name = "a", .execute = step_say, .rollback = step_undo}, {.name = "b", .execute = step_say},
            {.name = "c", .execute = step_say, .rollback = undo_fails},
            {.name = "d", .execute = step_say, .rollback = step_undo},
            {.name = "e", .execute = step_fail, .rollback = step_undo},
            {.name = "f", .execute = step_say, .rollback = step_undo});
        baton_result *result = execute_once(
            engine, w, NULL, &(baton_execution_options){.strategy = simple ? "simple" : "basic"});
        expect_journal("a b c d e -d -c -a");
        expect_error_text(baton_result_error(result),
                          "Workflow execution failed: /do/4/e: Step failed: boom");
        baton_result_free(result);
        baton_engine_free(engine);
    }
}

static void test_rollback_not_asked_for(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = -1);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say, .rollback = step_undo},
                                    {.name = "b", .execute = step_fail});
    baton_result_free(execute_once(engine, w, NULL, NULL));
    expect_journal("a b");
    baton_engine_free(engine);
}

static void test_rollback_after_a_timeout(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_with_rollback({.name = "a", .execute = step_say, .rollback = step_undo},
                                               {.name = "b", .execute = step_sleep, .rollback = step_undo});
    baton_result *result = execute_once(engine, w, NULL, &(baton_execution_options){.timeout_ms = 10});
    expect_error_text(baton_result_error(result), "Workflow execution failed: /: Workflow timed out");
    expect_journal("a b -a");
    baton_result_free(result);
    w = workflow_with_rollback({.name = "a", .execute = step_say, .rollback = step_undo},
                               {.name = "b", .execute = step_wait, .timeout_ms = 10});
    result = execute_once(engine, w, NULL, NULL);
    expect_error_text(baton_result_error(result), "Workflow execution failed: /do/1/b: Step timed out");
    expect_journal("a b -a");
    baton_result_free(result);
    baton_engine_free(engine);
}

static void test_rollback_that_ends_later(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_completion *c = NULL;
    /* Cancelled where it waits, held and active: each time the rollback is waited for. */
    for (int place = 0; place < 3; place++) {
        baton_step steps[] = {{.name = "first", .execute = step_say, .rollback = step_undo},
                              {.name = "a", .execute = step_defer, .rollback = step_defer, .data = &c},
                              {.name = "b", .execute = step_wait}};
        baton_workflow *w = kit_build("test", steps, 3, true);
        submit_as(engine, w, "one", note_done, NULL);
        engine_pump(engine);
        baton_completion_succeed(c, NULL, 0, NULL);
        baton_completion_free(c);
        c = NULL;
        engine_pump(engine);
        expect_journal("first a b");
        if (place == 1) suspend(engine, "one");
        cancel(engine, "one");
        expect_journal("a");
        assert_string_equal(status_in(engine, "one"), "active");
        assert_int_equal(baton_engine_metrics(engine).active_executions, 1);
        cancel(engine, "one"); /* nothing interrupts a rollback */
        assert_non_null(c);
        assert_int_equal(place == 2 ? baton_completion_fail(c, "no", NULL)
                                    : baton_completion_succeed(c, NULL, 0, NULL),
                         0);
        run_all(engine);
        expect_journal("-first one=cancelled");
        baton_completion_free(c);
        baton_workflow_free(w);
    }
    baton_engine_free(engine);
}

/* ---- Strategies and failures ---- */

static void test_continue_on_failure_belongs_to_simple(void **state) {
    (void)state;
    static const struct {
        const char *strategy;
        bool goes_on;
        const char *journal;
    } rows[] = {{"simple", true, "a b c d"},
                {"simple", false, "a b"},
                {"basic", true, "a b"},
                {NULL, false, "a b"}};
    for (size_t i = 0; i < 4; i++) {
        baton_engine *engine = engine_with(.retry_attempts = -1);
        baton_workflow *w = workflow_of(
            {.name = "a", .execute = step_say}, {.name = "b", .execute = step_fail, .data = "first"},
            {.name = "c", .execute = step_fail, .data = "second"}, {.name = "d", .execute = step_say});
        baton_result *result =
            execute_once(engine, w, NULL,
                         &(baton_execution_options){.strategy = rows[i].strategy,
                                                    .continue_on_failure = rows[i].goes_on});
        assert_false(baton_result_success(result));
        expect_error_text(baton_result_error(result),
                          "Workflow execution failed: /do/1/b: Step failed: first");
        expect_journal(rows[i].journal);
        baton_result_free(result);
        baton_engine_free(engine);
    }
}

/* ---- Nested workflows ---- */

static void test_nested_workflows(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = -1);
    baton_workflow *inner = workflow_of({.name = "x", .execute = step_say, .rollback = step_undo},
                                        {.name = "y", .execute = step_say, .data = "5"});
    baton_builder *builder = baton_builder_new("outer", NULL);
    baton_builder_step(builder, &(baton_step){.name = "a", .execute = step_say, .rollback = step_undo});
    baton_builder_nested(builder, "in", inner);
    baton_builder_step(builder, &(baton_step){.name = "b", .execute = step_say});
    baton_builder_step(builder, &(baton_step){.name = "c", .execute = step_fail});
    baton_builder_rollback(builder, true);
    baton_workflow *w = baton_builder_build(builder, NULL);
    baton_builder_free(builder);
    baton_workflow_free(inner);
    baton_result *result = execute_once(engine, w, NULL, NULL);
    expect_journal("a x y b c -x -a");
    assert_int_equal(baton_result_step_count(result), 4);
    assert_int_equal(baton_result_size(result), 4);
    baton_step_result step;
    assert_true(baton_result_step(result, 1, &step));
    assert_string_equal(step.name, "in");
    assert_string_equal(step.status, "completed");
    expect_json(baton_result_step_value(result, 1), "5");
    baton_result_free(result);
    baton_engine_free(engine);
}

/* ---- Files ---- */

static int add_one(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    baton_value input = baton_step_call_input(call), n = baton_value_get(input, "n");
    baton_step_call_output(call, baton_value_number(baton_value_as_number(n) + 1));
    baton_value_unref(n);
    baton_value_unref(input);
    return 0;
}

static void test_a_file_calls_functions(void **state) {
    (void)state;
    const baton_step_type types[] = {{.name = "addOne", .execute = add_one},
                                     {.name = "fail", .execute = step_fail, .data = "no luck"}};
    baton_registry *registry = registry_of(types, 2);
    baton_engine *engine = engine_with(.registry = registry);
    baton_workflow *w = workflow_from(HEAD "do:\n"
                                           "  - first: {call: addOne, with: {n: '${ .start }'}}\n"
                                           "  - second: {call: addOne, with: {n: '${ . }'}}\n"
                                           "  - risky:\n"
                                           "      try: [{fails: {call: fail}}]\n"
                                           "      catch: {as: e, do: [{keep: {set: '${ $e.detail }'}}]}\n",
                                      registry);
    baton_value input = json("{\"start\":40}");
    baton_result *result = execute_once(engine, w, NULL, &(baton_execution_options){.input = input});
    baton_value_unref(input);
    assert_true(baton_result_success(result));
    expect_json(baton_result_output(result), "\"no luck\"");
    expect_journal("first second fails"); /* files are not tried again unless they say so */
    assert_int_equal(baton_result_size(result), 3);
    baton_result_free(result);
    baton_registry_free(registry);
    baton_engine_free(engine);
}

static void test_timers_in_their_order(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.max_concurrent = 1); /* waiting takes no slot */
    static const int times_ms[] = {90, 30, 60, 0};
    for (size_t i = 0; i < 4; i++) {
        char text[256], id[16];
        snprintf(text, sizeof text, HEAD "do: [{a: {wait: {milliseconds: %d}}}]\n", times_ms[i]);
        snprintf(id, sizeof id, "%dms", times_ms[i]);
        baton_workflow *w = workflow_from(text, NULL);
        submit_as(engine, w, id, note_done, NULL);
        baton_workflow_free(w);
    }
    run_all(engine);
    expect_journal("0ms=completed 30ms=completed 60ms=completed 90ms=completed");
    baton_engine_free(engine);
}

/* A wait that is long enough for the execution to leave memory. */
static void test_timer_of_an_execution_outside_memory(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w =
        workflow_from(HEAD "do: [{a: {set: {n: 1}, export: {as: '${ . }'}}}, "
                           "{b: {wait: {milliseconds: 1100}}}, {c: {set: '${ $context.n }'}}]\n",
                      NULL);
    baton_result *result = NULL;
    submit_as(engine, w, "one", keep_result, &result);
    engine_pump(engine);
    assert_null(engine_find(engine, "one")->x);
    assert_string_equal(status_in(engine, "one"), "waiting");
    run_all(engine);
    expect_json(baton_result_output(result), "1");
    baton_result_free(result);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* One that never ends by itself keeps neither its own timeout nor anything of the others from happening. */
static void test_an_endless_loop_lets_others_live(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *endless = workflow_from(
        HEAD
        "timeout: {after: {milliseconds: 200}}\ndo: [{a: {set: {x: 1}}}, {b: {set: {x: 2}, then: a}}]\n",
        NULL);
    baton_workflow *waits = workflow_from(HEAD "do: [{a: {wait: {milliseconds: 20}}}]\n", NULL);
    baton_workflow *runs = workflow_from(HEAD "do: [{a: {run: {shell: {command: 'true'}}}}]\n", NULL);
    submit_as(engine, endless, "endless", note_done, NULL);
    submit_as(engine, waits, "waits", note_done, NULL);
    submit_as(engine, runs, "runs", note_done, NULL);
    run_all(engine);
    const char *text = buffer_text(&kit_journal), *end = strstr(text, "endless=faulted");
    assert_non_null(end);
    assert_non_null(strstr(text, "waits=completed"));
    assert_true(strstr(text, "waits=completed") < end);
    assert_non_null(strstr(text, "runs=completed"));
    assert_true(strstr(text, "runs=completed") < end);
    baton_workflow_free(endless);
    baton_workflow_free(waits);
    baton_workflow_free(runs);
    baton_engine_free(engine);
}

/* Calls of several branches that were put off for a message begin all, though the first ends later. */
static baton_completion *branch_completions[4];
static int branch_count;

static int defer_branch(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    branch_completions[branch_count++] = baton_step_call_defer(call);
    return 0;
}

static void *cancel_nobody(void *data) {
    baton_engine_cancel(data, "nobody", NULL);
    return NULL;
}

static int interrupt(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_nobody, baton_step_call_data(call));
    pthread_join(thread, NULL);
    return 0;
}

static void test_branches_begin_together(void **state) {
    (void)state;
    branch_count = 0;
    baton_engine *engine = engine_with(0);
    const baton_step_type types[] = {{.name = "defer", .execute = defer_branch},
                                     {.name = "interrupt", .execute = interrupt, .data = engine}};
    baton_registry *registry = registry_of(types, 2);
    baton_workflow *w =
        workflow_from(HEAD "do: [{f: {fork: {branches: [{a: {call: interrupt}}, {b: {call: defer}}, "
                           "{c: {call: defer}}, {d: {call: defer}}]}}}]\n",
                      registry);
    submit_as(engine, w, "one", note_done, NULL);
    baton_error *err = NULL;
    assert_true(gate_enter(&engine->gate)); /* so that the other thread's message is one */
    engine_pump(engine);
    gate_leave(&engine->gate, engine->inbox);
    expect_code(err, BATON_ERROR_NONE);
    expect_journal("a b c d");
    for (int i = 0; i < branch_count; i++) {
        baton_completion_succeed(branch_completions[i], "1", 1, NULL);
        baton_completion_free(branch_completions[i]);
    }
    run_all(engine);
    expect_journal("one=completed");
    baton_workflow_free(w);
    baton_registry_free(registry);
    baton_engine_free(engine);
}

/* ---- The store ---- */

static void test_store_fails_where_a_run_comes_back(void **state) {
    (void)state;
    for (int how = 0; how < 3; how++) {
        const char *path = kit_store_path();
        baton_engine *engine = engine_with(.store = path, .execution_timeout_ms = -1);
        baton_workflow *w = waiting_workflow();
        submit_as(engine, w, "one", note_done, NULL);
        run_all(engine);
        fail_store(engine, -1, 0);
        baton_error *err = NULL;
        int done = how == 0   ? baton_engine_deliver(engine, "one", "a", json("[1]"), &err)
                   : how == 1 ? baton_engine_cancel(engine, "one", &err)
                              : baton_engine_suspend(engine, "one", &err);
        assert_int_equal(done, -1);
        expect_code(err, BATON_ERROR_STORE);
        expect_journal("a");
        baton_workflow_free(w);
        baton_engine_free(engine);
        kit_forget_store(path);
    }
}

/* What comes back after the store failed is let go: no step runs any more. */
static void test_nothing_runs_after_the_store_failed(void **state) {
    (void)state;
    const char *path = kit_store_path();
    baton_engine *engine = engine_with(.store = path);
    baton_completion *c[3] = {0};
    baton_workflow *w[3];
    for (int i = 0; i < 3; i++) {
        w[i] = workflow_of({.name = "d", .execute = step_defer, .data = &c[i]},
                           {.name = "next", .execute = step_say});
        submit_as(engine, w[i], NULL, note_done, NULL);
    }
    while (!c[0] || !c[1] || !c[2]) {
        engine_pump(engine);
        engine_wait(engine, INT64_MAX);
    }
    expect_journal("d d d");
    for (int i = 0; i < 3; i++) assert_int_equal(baton_completion_succeed(c[i], "[1]", 3, NULL), 0);
    fail_store(engine, 0, -1);
    baton_error *err = NULL;
    assert_int_equal(baton_engine_run(engine, &err), -1);
    expect_code(err, BATON_ERROR_STORE);
    expect_journal("");
    for (int i = 0; i < 3; i++) {
        baton_completion_free(c[i]);
        baton_workflow_free(w[i]);
    }
    baton_engine_free(engine);
    kit_forget_store(path);
}

#define TEST(name) cmocka_unit_test_setup(name, kit_setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_step_waits),
        TEST(test_a_step_waits_among_others),
        TEST(test_data_past_a_failure),
        TEST(test_suspended_in_a_run),
        TEST(test_a_rollback_cannot_wait),
        TEST(test_early_deliveries),
        TEST(test_too_many_early_deliveries),
        TEST(test_delivery_to_another_step),
        TEST(test_waiting_step_times_out),
        TEST(test_delivered_from_a_step_of_another_execution),
        TEST(test_delivered_from_its_own_call),
        TEST(test_delivered_between_branches),
        TEST(test_suspended_in_the_queue),
        TEST(test_suspended_while_it_depends),
        TEST(test_suspended_while_a_step_is_under_way),
        TEST(test_suspended_while_it_waits),
        TEST(test_delivery_ends_a_suspended_execution),
        TEST(test_suspended_during_a_timer),
        TEST(test_suspended_by_its_own_step),
        TEST(test_cancelled_in_every_place),
        TEST(test_a_step_cancels_another_execution),
        TEST(test_rollback_after_a_failure),
        TEST(test_rollback_not_asked_for),
        TEST(test_rollback_after_a_timeout),
        TEST(test_rollback_that_ends_later),
        TEST(test_continue_on_failure_belongs_to_simple),
        TEST(test_nested_workflows),
        TEST(test_a_file_calls_functions),
        TEST(test_timers_in_their_order),
        TEST(test_timer_of_an_execution_outside_memory),
        TEST(test_an_endless_loop_lets_others_live),
        TEST(test_branches_begin_together),
        TEST(test_store_fails_where_a_run_comes_back),
        TEST(test_nothing_runs_after_the_store_failed),
    };
    return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
