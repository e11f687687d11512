/* The engine as a whole: its options, what can be asked of it, steering, and what a store that fails does
 * to it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine_kit.h"

/* ---- Options ---- */

static void test_defaults(void **state) {
    (void)state;
    baton_engine *engine = baton_engine_new(NULL, NULL);
    assert_non_null(engine);
    assert_int_equal(engine->options.max_queue_size, 50);
    assert_int_equal(engine->options.execution_timeout_ms, 300000);
    assert_int_equal(engine->options.retry_attempts, 2);
    assert_int_equal(engine->options.retry_delay_ms, 100);
    assert_int_equal(engine->options.max_concurrent, 64);
    baton_metrics metrics = baton_engine_metrics(engine);
    assert_int_equal(metrics.max_queue_size, 50);
    assert_int_equal(metrics.active_executions + metrics.queue_length + metrics.waiting_executions, 0);
    assert_int_equal(baton_queue_get_statistics(baton_engine_queue(engine)).max_size, 50);
    assert_int_equal(baton_scheduler_get_statistics(baton_engine_scheduler(engine)).scheduled_executions,
                     0);
    baton_engine_free(engine);
    baton_engine_free(NULL);
}

static void test_options_that_make_no_engine(void **state) {
    (void)state;
    baton_error *err = NULL;
    assert_null(baton_engine_new(&(baton_engine_options){.max_queue_size = LIMIT_QUEUE_SIZE + 1}, &err));
    expect_code(err, BATON_ERROR_LIMIT);
    err = NULL;
    assert_null(baton_engine_new(&(baton_engine_options){.store = "papyrus:"}, &err));
    expect_code(err, BATON_ERROR_STORE);
}

static void test_negative_options(void **state) {
    (void)state;
    baton_engine *engine =
        engine_with(.execution_timeout_ms = -1, .retry_attempts = -1, .retry_delay_ms = -1);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_fail});
    baton_result *result = execute_once(engine, w, NULL, NULL);
    assert_false(baton_result_success(result));
    expect_journal("a"); /* not tried again */
    baton_result_free(result);
    baton_engine_free(engine);

    engine = engine_with(.retry_attempts = 100, .retry_delay_ms = -1);
    w = workflow_of({.name = "a", .execute = step_fail});
    result = execute_once(engine, w, NULL, NULL);
    assert_int_equal(count_in(buffer_text(&kit_journal), "a"), 101);
    baton_result_free(result);
    baton_engine_free(engine);
}

/* Times far beyond every clock are no timeouts, and no arithmetic of them goes wrong. */
static void test_enormous_times(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.execution_timeout_ms = INT64_MAX);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    baton_result *result = execute_once(engine, w, NULL, NULL);
    assert_true(baton_result_success(result));
    baton_result_free(result);
    w = workflow_of({.name = "a", .execute = step_say});
    result = execute_once(engine, w, NULL, &(baton_execution_options){.timeout_ms = INT64_MAX});
    assert_true(baton_result_success(result));
    baton_result_free(result);
    baton_engine_free(engine);
}

/* ---- Strategies ---- */

static void expect_strategy(baton_engine *engine, const char *key, const char *name) {
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    baton_result *result = execute_once(engine, w, NULL, &(baton_execution_options){.strategy = key});
    assert_string_equal(baton_result_strategy(result), name);
    baton_result_free(result);
}

static void test_strategy_by_name(void **state) {
    (void)state;
    buffer log = {0};
    baton_engine *engine = engine_with(.log = kit_log, .log_data = &log, .log_level = BATON_LOG_WARN);
    expect_strategy(engine, NULL, "basic_sequential");
    expect_strategy(engine, "basic", "basic_sequential");
    expect_strategy(engine, "simple", "simple_sequential");
    assert_string_equal(buffer_text(&log), "");
    expect_strategy(engine, "parallel", "basic_sequential");
    assert_string_equal(buffer_text(&log), "warn unknown strategy, basic is taken strategy=parallel\n");
    baton_engine_free(engine);
    buffer_done(&log);
}

static baton_strategy_decision past_failures(const baton_step_outcome *outcome,
                                             const baton_strategy_options *options, void *data) {
    (void)options;
    note(data);
    if (outcome->success) return (baton_strategy_decision){BATON_STRATEGY_NEXT, 0};
    if (outcome->attempt == 1) return (baton_strategy_decision){BATON_STRATEGY_RETRY, 1};
    return (baton_strategy_decision){BATON_STRATEGY_NEXT, 0};
}

static void test_registered_strategy(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    char *name = strdup("past_failures");
    const baton_strategy strategy = {
        .name = name, .decide = past_failures, .data = "?", .keep_results = true, .journal_steps = true};
    assert_int_equal(baton_engine_register_strategy(engine, "mine", &strategy, NULL), 0);
    memset(name, 'x', strlen(name));
    free(name);
    baton_workflow *w =
        workflow_of({.name = "a", .execute = step_fail}, {.name = "b", .execute = step_say});
    baton_result *result = execute_once(engine, w, NULL, &(baton_execution_options){.strategy = "mine"});
    expect_journal("a ? a ? b ?");
    baton_engine_free(engine);
    assert_string_equal(baton_result_strategy(result), "past_failures"); /* outlives the engine */
    assert_false(baton_result_success(result));
    assert_int_equal(baton_result_size(result), 2);
    baton_result_free(result);
}

static baton_strategy_decision stop_at_once(const baton_step_outcome *outcome,
                                            const baton_strategy_options *options, void *data) {
    (void)outcome, (void)options, (void)data;
    return (baton_strategy_decision){BATON_STRATEGY_STOP, 0};
}

static baton_strategy_decision retry_always(const baton_step_outcome *outcome,
                                            const baton_strategy_options *options, void *data) {
    (void)options, (void)data;
    if (outcome->attempt > 2 || outcome->success) return (baton_strategy_decision){BATON_STRATEGY_STOP, 0};
    return (baton_strategy_decision){BATON_STRATEGY_RETRY, -5};
}

static void test_strategy_that_stops(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    const baton_strategy strategy = {.name = "stopping", .decide = stop_at_once};
    baton_engine_register_strategy(engine, "stop", &strategy, NULL);
    baton_workflow *w =
        workflow_of({.name = "a", .execute = step_say, .data = "1"}, {.name = "b", .execute = step_say});
    baton_result *result = execute_once(engine, w, NULL, &(baton_execution_options){.strategy = "stop"});
    expect_journal("a"); /* a success may end the sequence as well */
    assert_true(baton_result_success(result));
    expect_json(baton_result_output(result), "1");
    baton_result_free(result);

    const baton_strategy again = {.name = "again", .decide = retry_always};
    baton_engine_register_strategy(engine, "again", &again, NULL);
    w = workflow_of({.name = "a", .execute = step_fail});
    result = execute_once(engine, w, NULL, &(baton_execution_options){.strategy = "again"});
    expect_journal("a a a");
    baton_result_free(result);
    baton_engine_free(engine);
}

static void replace_basic(void *data, const baton_result *result) {
    (void)result;
    const baton_strategy strategy = {.name = "replaced", .keep_results = true, .journal_steps = true};
    baton_engine_register_strategy(data, "basic", &strategy, NULL);
}

/* What runs goes on with the strategy that it began with. */
static void test_strategy_replaced(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    baton_result *first = NULL;
    submit_as(engine, w, "first", replace_basic, engine);
    submit_as(engine, w, "second", keep_result, &first);
    run_all(engine);
    assert_string_equal(baton_result_strategy(first), "basic_sequential");
    baton_result_free(first);
    expect_strategy(engine, "basic", "replaced");
    expect_strategy(engine, NULL, "replaced");
    expect_strategy(engine, "unknown", "replaced");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_strategies_refused(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    static const struct { const char *key, *name; } rows[] = {{NULL, "n"}, {"", "n"}, {"k", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        baton_error *err = NULL;
        const baton_strategy strategy = {.name = rows[i].name};
        assert_int_equal(baton_engine_register_strategy(engine, rows[i].key, &strategy, &err), -1);
        expect_code(err, BATON_ERROR_USAGE);
    }
    baton_engine_free(engine);
}

/* ---- Status and metrics ---- */

typedef struct asked {
    baton_engine *engine;
    int64_t before_ms;
} asked;

static int ask(baton_step_call *call, baton_error **err) {
    (void)err;
    asked *a = baton_step_call_data(call);
    const baton_execution *x = baton_step_call_execution(call);
    baton_status status = baton_engine_status(a->engine, "one");
    assert_string_equal(status.status, "active");
    assert_string_equal(status.execution_id, "one");
    assert_string_equal(status.workflow_name, "test");
    assert_string_equal(status.strategy, "basic_sequential");
    assert_true(status.start_time_ms >= a->before_ms);
    assert_in_range(status.duration_ms, 0, 60000);
    assert_string_equal(status_in(a->engine, "two"), "pending");
    baton_metrics metrics = baton_engine_metrics(a->engine);
    assert_int_equal(metrics.active_executions, 1);
    assert_int_equal(metrics.queue_length, 1);
    assert_string_equal(baton_execution_id(x), "one");
    assert_string_equal(baton_workflow_name(baton_execution_workflow(x)), "test");
    assert_string_equal(baton_execution_strategy(x), "basic_sequential");
    assert_int_equal(baton_execution_started_at(x), status.start_time_ms);
    assert_int_equal(baton_execution_priority(x), 1);
    assert_ptr_equal(baton_execution_context(x), baton_step_call_context(call));
    return 0;
}

static void test_status_and_metrics(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.max_concurrent = 1);
    asked a = {engine, clock_wall_ms() - 1};
    baton_workflow *w = workflow_of({.name = "ask", .execute = ask, .data = &a});
    baton_workflow *other = workflow_of({.name = "a", .execute = step_fail});
    baton_context *context = baton_context_new();
    baton_engine_submit(engine, w, context, &(baton_execution_options){.id = "one"}, NULL, NULL, NULL,
                        NULL);
    submit_as(engine, other, "two", NULL, NULL);
    assert_string_equal(status_in(engine, "one"), "pending");
    assert_int_equal(baton_engine_status(engine, "one").start_time_ms, 0);
    assert_int_equal(baton_engine_status(engine, "one").duration_ms, 0);
    assert_string_equal(status_in(engine, "three"), "not_found");
    assert_null(baton_engine_status(engine, "three").execution_id);
    run_all(engine);
    assert_string_equal(status_in(engine, "one"), "not_found");
    baton_metrics metrics = baton_engine_metrics(engine);
    assert_int_equal(metrics.completed, 1);
    assert_int_equal(metrics.faulted, 1);
    assert_int_equal(metrics.cancelled, 0);
    assert_int_equal(metrics.active_executions, 0);
    baton_context_free(context);
    baton_workflow_free(w);
    baton_workflow_free(other);
    baton_engine_free(engine);
}

/* ---- Execute ---- */

static int execute_inside(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_engine *engine = baton_step_call_data(call);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    baton_result *result = NULL;
    baton_error *refused = NULL;
    assert_int_equal(baton_engine_execute(engine, w, NULL, NULL, &result, &refused), -1);
    assert_null(result);
    expect_code(refused, BATON_ERROR_USAGE);
    refused = NULL;
    assert_int_equal(baton_engine_run(engine, &refused), -1);
    expect_code(refused, BATON_ERROR_USAGE);
    baton_workflow_free(w);
    return 0;
}

static void test_execute_inside_a_step_is_refused(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = execute_inside, .data = engine});
    baton_result *result = execute_once(engine, w, NULL, NULL);
    assert_true(baton_result_success(result));
    baton_result_free(result);
    baton_engine_free(engine);
}

static void test_execute_runs_what_else_is_ready(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "first", .execute = step_say});
    submit_as(engine, w, "one", note_done, NULL);
    baton_workflow_free(w);
    baton_result *result =
        execute_once(engine, workflow_of({.name = "second", .execute = step_say}), NULL, NULL);
    expect_journal("first one=completed second");
    baton_result_free(result);
    baton_engine_free(engine);
}

/* The same id with the same content is the execution that exists: its result is everybody's. */
static void test_execute_joins_one_that_exists(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    submit_as(engine, w, "one", note_done, NULL);
    baton_result *result = execute_once(engine, w, NULL, &(baton_execution_options){.id = "one"});
    assert_true(baton_result_success(result));
    expect_journal("a one=completed");
    baton_result_free(result);
    baton_engine_free(engine);
}

static void test_execute_that_cannot_begin(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    baton_result *result = NULL;
    baton_error *err = NULL;
    assert_int_equal(
        baton_engine_execute(engine, w, NULL, &(baton_execution_options){.id = "not an id"}, &result, &err),
        -1);
    expect_code(err, BATON_ERROR_USAGE);
    assert_null(result);

    /* It waits for one that is suspended. */
    err = NULL;
    submit_as(engine, w, "one", NULL, NULL);
    assert_int_equal(baton_engine_suspend(engine, "one", NULL), 0);
    const char *const on[] = {"one"};
    const baton_execution_options options = {.id = "two", .dependencies = on, .dependency_count = 1};
    assert_int_equal(baton_engine_execute(engine, w, NULL, &options, &result, &err), -1);
    expect_code(err, BATON_ERROR_SUSPENDED);
    assert_string_equal(status_in(engine, "two"), "pending");
    assert_int_equal(baton_engine_resume(engine, "one", NULL), 0);
    run_all(engine);
    expect_journal("a a");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static int suspend_self(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    return baton_engine_suspend(baton_step_call_data(call),
                                baton_execution_id(baton_step_call_execution(call)), NULL);
}

static void test_execute_that_is_suspended(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = suspend_self, .data = engine},
                                    {.name = "b", .execute = step_say});
    baton_result *result = execute_once(engine, w, NULL, &(baton_execution_options){.id = "one"});
    assert_string_equal(baton_result_status(result), "suspended");
    assert_false(baton_result_success(result));
    assert_null(baton_result_error(result));
    assert_int_equal(baton_result_size(result), 1);
    assert_string_equal(status_in(engine, "one"), "suspended");
    expect_journal("a");
    assert_int_equal(baton_engine_metrics(engine).active_executions, 0);
    assert_int_equal(baton_engine_resume(engine, "one", NULL), 0);
    run_all(engine);
    expect_journal("b");
    baton_result_free(result);
    baton_engine_free(engine);
}

/* ---- Steering what is not there ---- */

static void test_steering_unknown_executions(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    int (*const operations[])(baton_engine *, const char *, baton_error **) = {
        baton_engine_cancel, baton_engine_suspend, baton_engine_resume};
    for (size_t i = 0; i < 3; i++) {
        baton_error *err = NULL;
        assert_int_equal(operations[i](engine, "nobody", &err), -1);
        expect_code(err, BATON_ERROR_NOT_FOUND);
        assert_int_equal(operations[i](engine, "nobody", NULL), -1);
    }
    baton_error *err = NULL;
    assert_int_equal(baton_engine_deliver(engine, "nobody", "a", baton_value_string("lost"), &err), -1);
    expect_code(err, BATON_ERROR_NOT_FOUND);
    err = NULL;
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    submit_as(engine, w, "one", NULL, NULL);
    assert_int_equal(baton_engine_deliver(engine, "one", "b", baton_value_string("lost"), &err), -1);
    expect_code(err, BATON_ERROR_NOT_FOUND);
    err = NULL;
    assert_int_equal(baton_engine_resume(engine, "one", &err), -1);
    expect_code(err, BATON_ERROR_NOT_ALLOWED);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* ---- A store that fails ---- */

static void test_store_fails_at_each_commit(void **state) {
    (void)state;
    for (int n = 0;; n++) {
        const char *path = kit_store_path();
        buffer log = {0};
        baton_engine *engine =
            engine_with(.store = path, .log = kit_log, .log_data = &log, .log_level = BATON_LOG_ERROR);
        baton_workflow *w =
            workflow_of({.name = "a", .execute = step_say}, {.name = "b", .execute = step_say},
                        {.name = "c", .execute = step_say});
        fail_store(engine, n, -1);
        baton_result *result = NULL;
        baton_error *err = NULL;
        int done = baton_engine_execute(engine, w, NULL, NULL, &result, &err);
        static const char *const journals[] = {"", "a", "a b", "a b c"};
        if (done == 0) {
            assert_int_equal(n, 4);
            baton_result_free(result);
            baton_workflow_free(w);
            baton_engine_free(engine);
            buffer_done(&log);
            buffer_done(&kit_journal);
            kit_forget_store(path);
            return;
        }
        expect_code(err, BATON_ERROR_STORE);
        assert_null(result);
        expect_journal(journals[n]); /* nothing ran after the commit that failed */
        assert_string_equal(buffer_text(&log),
                            "error the store failed; no more work is taken error=the disk is full\n");
        err = NULL;
        assert_int_equal(baton_engine_execute(engine, w, NULL, NULL, &result, &err), -1);
        expect_code(err, BATON_ERROR_STORE);
        err = NULL;
        assert_int_equal(baton_engine_submit(engine, w, NULL, NULL, NULL, NULL, NULL, &err), -1);
        expect_code(err, BATON_ERROR_STORE);
        err = NULL;
        assert_int_equal(baton_engine_run(engine, &err), -1);
        expect_code(err, BATON_ERROR_STORE);
        expect_journal("");
        baton_workflow_free(w);
        baton_engine_free(engine);
        buffer_done(&log);
        kit_forget_store(path);
    }
}

/* Steering an engine whose store failed moves nothing either. */
static void test_steering_after_the_store_failed(void **state) {
    (void)state;
    const char *path = kit_store_path();
    baton_engine *engine = engine_with(.store = path, .execution_timeout_ms = -1);
    baton_workflow *waiting = workflow_with_rollback(
        {.name = "a", .execute = step_say, .rollback = step_undo}, {.name = "b", .execute = step_wait});
    baton_workflow *w = workflow_of({.name = "c", .execute = step_say});
    submit_as(engine, waiting, "waiting", NULL, NULL);
    submit_as(engine, waiting, "held", NULL, NULL);
    run_all(engine);
    assert_int_equal(baton_engine_suspend(engine, "held", NULL), 0);
    expect_journal("a a b b");
    submit_as(engine, w, "one", NULL, NULL);
    fail_store(engine, 0, -1);
    baton_error *err = NULL;
    assert_int_equal(baton_engine_run(engine, &err), -1);
    expect_code(err, BATON_ERROR_STORE);
    err = NULL;
    assert_int_equal(baton_engine_deliver(engine, "waiting", "b", baton_value_string("lost"), &err), -1);
    expect_code(err, BATON_ERROR_STORE);
    err = NULL;
    assert_int_equal(baton_engine_cancel(engine, "waiting", &err), -1);
    expect_code(err, BATON_ERROR_STORE);
    err = NULL;
    assert_int_equal(baton_engine_suspend(engine, "waiting", &err), -1);
    expect_code(err, BATON_ERROR_STORE);
    err = NULL;
    assert_int_equal(baton_engine_resume(engine, "held", &err), -1);
    expect_code(err, BATON_ERROR_STORE);
    expect_journal("");
    baton_workflow_free(w);
    baton_workflow_free(waiting);
    baton_engine_free(engine);
    kit_forget_store(path);
}

/* ---- Many ---- */

static void count_done(void *data, const baton_result *result) {
    *(size_t *)data += baton_result_success(result);
}

static void test_ten_thousand_executions(void **state) {
    (void)state;
    enum { MANY = 10000 };
    baton_engine *engine = engine_with(.max_queue_size = MANY);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say, .data = "{\"n\":1}"});
    size_t done = 0;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(baton_engine_submit(engine, w, NULL, NULL, count_done, &done, NULL, NULL), 0);
    assert_int_equal(baton_engine_metrics(engine).queue_length, MANY);
    run_all(engine);
    assert_int_equal(done, MANY);
    assert_int_equal(baton_engine_metrics(engine).completed, MANY);
    assert_int_equal(baton_scheduler_get_statistics(baton_engine_scheduler(engine)).scheduled_executions,
                     0);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

#define TEST(name) cmocka_unit_test_setup(name, kit_setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_options_that_make_no_engine),
        TEST(test_negative_options),
        TEST(test_enormous_times),
        TEST(test_strategy_by_name),
        TEST(test_registered_strategy),
        TEST(test_strategy_that_stops),
        TEST(test_strategy_replaced),
        TEST(test_strategies_refused),
        TEST(test_status_and_metrics),
        TEST(test_execute_inside_a_step_is_refused),
        TEST(test_execute_runs_what_else_is_ready),
        TEST(test_execute_joins_one_that_exists),
        TEST(test_execute_that_cannot_begin),
        TEST(test_execute_that_is_suspended),
        TEST(test_steering_unknown_executions),
        TEST(test_store_fails_at_each_commit),
        TEST(test_steering_after_the_store_failed),
        TEST(test_ten_thousand_executions),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
