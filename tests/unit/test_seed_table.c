/* One test for each row of the design's table "the seed -> Baton", named after it: that what the seed
 * names exists, with the seed's defaults and numbers. The tests of the modules go deeper.
 *
 * Left out, as it is not built yet: WorkflowOrchestrationService, TaskService and the `tasks` table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine_kit.h"

static void workflow_and_metadata(void **state) {
    (void)state;
    baton_builder *builder = baton_builder_new("deploy", NULL);
    baton_builder_namespace(builder, "ops");
    baton_builder_version(builder, "2.0.0");
    baton_builder_metadata(builder, "owner", baton_value_string("me"));
    baton_builder_step(builder, &(baton_step){.name = "a", .execute = step_say});
    baton_builder_step(builder, &(baton_step){.name = "b", .execute = step_say});
    baton_workflow *w = baton_builder_build(builder, NULL);
    baton_builder_free(builder);
    assert_string_equal(baton_workflow_name(w), "deploy");
    assert_string_equal(baton_workflow_namespace(w), "ops");
    assert_string_equal(baton_workflow_version(w), "2.0.0");
    assert_int_equal(baton_workflow_step_count(w), 2);
    assert_string_equal(baton_workflow_step_name(w, 1), "b");
    assert_null(baton_workflow_step_name(w, 2));
    baton_value metadata = baton_workflow_metadata(w);
    assert_string_equal(value_get_text(metadata, "name"), "deploy");
    assert_string_equal(value_get_text(metadata, "owner"), "me");
    expect_json(baton_value_get(metadata, "steps"), "[\"a\",\"b\"]");
    baton_value_unref(metadata);
    baton_workflow_free(w);
}

static int validate_to(baton_value arguments, void *data, baton_error **err) {
    (void)data;
    if (baton_value_has(arguments, "to")) return 0;
    return baton_error_set(err, BATON_ERROR_INVALID, "needs 'to'");
}

static void step_operations(void **state) {
    (void)state;
    baton_builder *builder = baton_builder_new("test", NULL);
    baton_builder_step(builder, &(baton_step){.name = "a", .execute = step_say, .validate = validate_to});
    baton_error *err = NULL;
    assert_null(baton_builder_build(builder, &err));
    expect_code(err, BATON_ERROR_INVALID);
    baton_builder_free(builder);

    baton_value arguments = json("{\"to\":\"x\"}");
    baton_engine *engine = engine_with(.retry_attempts = -1);
    baton_result *result = execute_once(engine,
                                        workflow_with_rollback({.name = "a",
                                                                .execute = step_say,
                                                                .rollback = step_undo,
                                                                .validate = validate_to,
                                                                .arguments = arguments},
                                                               {.name = "b", .execute = step_fail}),
                                        NULL, NULL);
    baton_value_unref(arguments);
    expect_journal("a b -a");
    baton_result_free(result);
    baton_engine_free(engine);
}

static void context_operations(void **state) {
    (void)state;
    baton_context *context = baton_context_new();
    assert_false(baton_context_has(context, "k"));
    assert_false(baton_value_is_valid(baton_context_get(context, "k")));
    baton_context_set(context, "k", json("[1]"));
    assert_true(baton_context_has(context, "k"));
    expect_json(baton_context_get(context, "k"), "[1]");
    char *text = baton_context_to_json(context);
    assert_string_equal(text, "{\"k\":[1]}");
    baton_context *copy = baton_context_from_json(text, strlen(text), NULL);
    free(text);
    assert_true(baton_context_remove(context, "k"));
    assert_false(baton_context_remove(context, "k"));
    expect_json(baton_context_get(copy, "k"), "[1]");
    baton_error *err = NULL;
    assert_null(baton_context_from_json("[]", 2, &err));
    expect_code(err, BATON_ERROR_INVALID);
    baton_context_free(copy);
    baton_context_free(context);
}

static int no_rule_holds(const baton_workflow *workflow, void *data, baton_error **err) {
    (void)data;
    return baton_error_set(err, BATON_ERROR_INVALID, "no %s today", baton_workflow_name(workflow));
}

static void builder_registry_validator(void **state) {
    (void)state;
    baton_registry *registry = baton_registry_new();
    const baton_step_type type = {.name = "say", .execute = step_say};
    assert_int_equal(baton_registry_add(registry, &type, NULL), 0);
    assert_int_equal(baton_registry_size(registry), 1);
    assert_non_null(baton_registry_find(registry, "say"));
    assert_null(baton_registry_find(registry, "sing"));
    baton_builder *builder = baton_builder_new("test", registry);
    baton_builder_step(builder, &(baton_step){.name = "a", .type = "say"});
    baton_workflow *w = baton_builder_build(builder, NULL);
    assert_int_equal(baton_workflow_validate(w, NULL), 0);
    baton_workflow_free(w);
    /* Every problem is told. */
    baton_builder_step(builder, &(baton_step){.name = "b", .type = "sing"});
    baton_builder_step(builder, &(baton_step){.name = "a", .type = "say"});
    baton_error *err = NULL;
    assert_null(baton_builder_build(builder, &err));
    assert_non_null(baton_error_next(err));
    baton_error_free(err);
    baton_builder_free(builder);
    builder = baton_builder_new("test", registry);
    baton_builder_step(builder, &(baton_step){.name = "a", .type = "say"});
    baton_builder_rule(builder, no_rule_holds, NULL);
    err = NULL;
    assert_null(baton_builder_build(builder, &err));
    expect_code(err, BATON_ERROR_INVALID);
    baton_builder_free(builder);
    baton_registry_free(registry);
}

static void engine_defaults(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    assert_int_equal(baton_engine_metrics(engine).max_queue_size, 50);
    assert_int_equal(engine->options.execution_timeout_ms, 300000);
    /* retry_attempts 2: three attempts in all. */
    engine->options.retry_delay_ms = 1;
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = step_fail}), NULL, NULL);
    expect_journal("a a a");
    baton_result_free(result);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    for (int i = 0; i < 50; i++)
        assert_int_equal(baton_engine_submit(engine, w, NULL, NULL, NULL, NULL, NULL, NULL), 0);
    baton_error *err = NULL;
    assert_int_equal(baton_engine_submit(engine, w, NULL, NULL, NULL, NULL, NULL, &err), -1);
    expect_code(err, BATON_ERROR_QUEUE_FULL);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void execute_and_submit(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_context *context = baton_context_new();
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = step_say, .data = "1"}), context, NULL);
    assert_true(baton_result_success(result));
    baton_result_free(result);
    baton_context_free(context);
    char id[LIMIT_ID_BYTES + 1];
    baton_workflow *w = workflow_of({.name = "b", .execute = step_say});
    assert_int_equal(baton_engine_submit(engine, w, NULL, NULL, NULL, NULL, id, NULL), 0);
    assert_string_equal(status_in(engine, id), "pending");
    run_all(engine);
    expect_journal("a b");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void strategy_selection(void **state) {
    (void)state;
    buffer log = {0};
    baton_engine *engine = engine_with(.log = kit_log, .log_data = &log, .log_level = BATON_LOG_WARN);
    const baton_strategy mine = {.name = "my_strategy", .keep_results = true, .journal_steps = true};
    assert_int_equal(baton_engine_register_strategy(engine, "mine", &mine, NULL), 0);
    static const struct {
        const char *key, *name;
    } rows[] = {{NULL, "basic_sequential"},
                {"basic", "basic_sequential"},
                {"mine", "my_strategy"},
                {"simple", "simple_sequential"},
                {"other", "basic_sequential"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(buffer_text(&log), "");
        baton_result *result = execute_once(engine, workflow_of({.name = "a", .execute = step_say}), NULL,
                                            &(baton_execution_options){.strategy = rows[i].key});
        assert_string_equal(baton_result_strategy(result), rows[i].name);
        baton_result_free(result);
    }
    assert_int_equal(count_in(buffer_text(&log), "warn"), 1);
    baton_engine_free(engine);
    buffer_done(&log);
}

static int see_keys(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_context *context = baton_step_call_context(call);
    assert_true(baton_context_has(context, "executionId"));
    expect_json(baton_context_get(context, "executionStrategy"), "\"basic_sequential\"");
    baton_value scheduled = baton_context_get(context, "scheduledExecution");
    static const char *const fields[] = {"id", "scheduledAt", "priority", "estimatedDuration",
                                         "dependencies"};
    for (size_t i = 0; i < 5; i++) assert_true(baton_value_has(scheduled, fields[i]));
    assert_int_equal(baton_value_size(scheduled), 5);
    baton_value_unref(scheduled);
    note("seen");
    return 0;
}

static void keys_before_the_first_step(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_result_free(execute_once(engine, workflow_of({.name = "a", .execute = see_keys}), NULL, NULL));
    expect_journal("seen");
    baton_engine_free(engine);
}

static void execution_id(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = step_say}), NULL, NULL);
    const char *id = baton_result_execution_id(result);
    long long ms;
    int end = 0;
    assert_int_equal(sscanf(id, "exec_%lld_%*9[0-9a-z]%n", &ms, &end), 1);
    assert_int_equal(end, strlen(id));
    assert_int_equal(strlen(strrchr(id, '_')), 10);
    assert_in_range(clock_wall_ms() + 1 - ms, 0, 60000);
    baton_result_free(result);
    baton_engine_free(engine);
}

static int see_status(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_engine *engine = *(baton_engine **)baton_step_call_data(call);
    baton_status status = baton_engine_status(engine, "one");
    assert_string_equal(status.status, "active");
    assert_string_equal(status.execution_id, "one");
    assert_string_equal(status.workflow_name, "test");
    assert_string_equal(status.strategy, "basic_sequential");
    assert_in_range(clock_wall_ms() + 1 - status.start_time_ms, 0, 60000);
    assert_in_range(status.duration_ms, 0, 60000);
    assert_int_equal(baton_engine_metrics(engine).active_executions, 1);
    note("seen");
    return 0;
}

static void status_and_metrics(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    assert_string_equal(status_in(engine, "one"), "not_found");
    baton_result_free(execute_once(engine,
                                   workflow_of({.name = "a", .execute = see_status, .data = &engine}), NULL,
                                   &(baton_execution_options){.id = "one"}));
    expect_journal("seen");
    assert_string_equal(status_in(engine, "one"), "not_found");
    baton_metrics metrics = baton_engine_metrics(engine);
    assert_int_equal(metrics.active_executions, 0);
    assert_int_equal(metrics.max_queue_size, 50);
    assert_int_equal(metrics.queue_length, 0);
    baton_engine_free(engine);
}

static void queue(void **state) {
    (void)state;
    baton_queue *q = baton_queue_new(NULL);
    assert_int_equal(baton_queue_get_statistics(q).max_size, 100);
    assert_true(baton_queue_is_empty(q));
    static char ids[101][8];
    for (int i = 0; i < 101; i++) {
        snprintf(ids[i], sizeof ids[i], "e%d", i);
        const baton_queue_entry entry = {.id = ids[i], .queued_at_ms = 1000 + i};
        assert_int_equal(baton_queue_enqueue(q, &entry, NULL), i < 100);
    }
    baton_queue_statistics statistics = baton_queue_get_statistics(q);
    assert_int_equal(statistics.length, 100);
    assert_int_equal(statistics.oldest_ms, 1000);
    assert_int_equal(statistics.newest_ms, 1099);
    baton_queue_entry first;
    assert_true(baton_queue_dequeue(q, 2000, &first));
    assert_string_equal(first.id, "e0");
    assert_int_equal(baton_queue_length(q), 99);
    baton_queue_clear(q);
    assert_true(baton_queue_is_empty(q));
    assert_false(baton_queue_dequeue(q, 2000, &first));
    baton_queue_free(q);
}

static void scheduler(void **state) {
    (void)state;
    baton_scheduler *s = baton_scheduler_new();
    static const struct {
        const char *priority;
        bool critical;
        int expected;
    } rows[] = {{NULL, false, 1},  {"normal", false, 1}, {"high", false, 6},
                {"low", false, 0}, {NULL, true, 11},     {"high", true, 16}};
    const char *const on[] = {"x", "y"};
    for (size_t i = 0; i < 6; i++) {
        char id[] = {(char)('a' + i), '\0'};
        baton_scheduled scheduled;
        const baton_schedule_request request = {.id = id,
                                                .step_count = i,
                                                .priority = rows[i].priority,
                                                .critical = rows[i].critical,
                                                .dependencies = on,
                                                .dependency_count = 2,
                                                .now_ms = 5};
        assert_int_equal(baton_scheduler_schedule(s, &request, &scheduled, NULL), 0);
        assert_int_equal(scheduled.priority, rows[i].expected);
        assert_int_equal(scheduled.estimated_duration_ms, 30000 * (i ? i : 1));
        assert_int_equal(scheduled.dependency_count, 2);
        assert_string_equal(scheduled.dependencies[1], "y");
        assert_int_equal(scheduled.scheduled_at_ms, 5);
    }
    baton_scheduler_statistics statistics = baton_scheduler_get_statistics(s);
    assert_int_equal(statistics.scheduled_executions, 6);
    assert_true(statistics.average_priority == 35.0 / 6);
    assert_true(statistics.average_duration == 30000.0 * 16 / 6);
    assert_true(baton_scheduler_get(s, "a", NULL));
    assert_true(baton_scheduler_remove(s, "a"));
    assert_false(baton_scheduler_remove(s, "a"));
    assert_false(baton_scheduler_get(s, "a", NULL));
    baton_scheduler_free(s);
}

static int see_execution(baton_step_call *call, baton_error **err) {
    (void)err;
    const baton_execution *x = baton_step_call_execution(call);
    assert_string_equal(baton_execution_id(x), "one");
    assert_string_equal(baton_workflow_name(baton_execution_workflow(x)), "test");
    assert_ptr_equal(baton_execution_context(x), baton_step_call_context(call));
    assert_string_equal(baton_execution_strategy(x), "basic_sequential");
    assert_in_range(clock_wall_ms() + 1 - baton_execution_started_at(x), 0, 60000);
    assert_int_equal(baton_execution_priority(x), 6);
    note("seen");
    return 0;
}

static void execution(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_context *context = baton_context_new();
    baton_result_free(execute_once(engine, workflow_of({.name = "a", .execute = see_execution}), context,
                                   &(baton_execution_options){.id = "one", .priority = "high"}));
    expect_journal("seen");
    baton_context_free(context);
    baton_engine_free(engine);
}

static void result(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = -1);
    baton_result *r = execute_once(engine,
                                   workflow_of({.name = "a", .execute = step_say, .data = "7"},
                                               {.name = "b", .execute = step_fail, .data = "no"},
                                               {.name = "c", .execute = step_say}),
                                   NULL, NULL);
    assert_false(baton_result_success(r));
    assert_string_equal(baton_result_strategy(r), "basic_sequential");
    assert_in_range(baton_result_duration_ms(r), 0, 60000);
    assert_int_equal(baton_result_step_count(r), 3);
    assert_int_equal(baton_result_size(r), 2);
    assert_non_null(baton_result_error(r));
    char *text = baton_result_to_json(r);
    baton_value all = json(text);
    static const char *const fields[] = {"success", "strategy",  "duration",
                                         "results", "stepCount", "error"};
    for (size_t i = 0; i < 6; i++) assert_true(baton_value_has(all, fields[i]));
    baton_value results = baton_value_get(all, "results"), first = baton_value_at(results, 0);
    static const char *const step_fields[] = {"success", "stepName", "result", "duration"};
    for (size_t i = 0; i < 4; i++) assert_true(baton_value_has(first, step_fields[i]));
    baton_value_unref(first);
    baton_value_unref(results);
    baton_value_unref(all);
    free(text);
    baton_result_free(r);
    baton_engine_free(engine);
    buffer_done(&kit_journal);
}

static void both_strategies(void **state) {
    (void)state;
    static const char *const keys[] = {"basic", "simple"}, *const names[] = {"basic_sequential",
                                                                             "simple_sequential"};
    for (int i = 0; i < 2; i++) {
        baton_engine *engine = engine_with(0);
        baton_result *r = execute_once(engine,
                                       workflow_of({.name = "a", .execute = step_say, .data = "1"},
                                                   {.name = "b", .execute = step_say, .data = "2"}),
                                       NULL, &(baton_execution_options){.strategy = keys[i]});
        assert_true(baton_result_success(r));
        assert_string_equal(baton_result_strategy(r), names[i]);
        expect_json(baton_result_output(r), "2");
        expect_journal("a b");
        baton_result_free(r);
        baton_engine_free(engine);
    }
}

static void step_results_in_the_context(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = -1);
    baton_context *context = baton_context_new();
    baton_result *r =
        execute_once(engine,
                     workflow_of({.name = "a", .execute = step_say, .data = "[1]"},
                                 {.name = "b", .execute = step_fail}, {.name = "c", .execute = step_say}),
                     context, NULL);
    expect_journal("a b"); /* stopped early */
    baton_value first = baton_context_get(context, "step_0_result");
    expect_json(baton_value_get(first, "result"), "[1]");
    expect_json(baton_value_get(first, "stepName"), "\"a\"");
    baton_value_unref(first);
    assert_false(baton_context_has(context, "step_1_result"));
    assert_false(baton_context_has(context, "step_2_result"));
    baton_result_free(r);
    baton_context_free(context);
    baton_engine_free(engine);
}

static void errors_with_their_cause(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = -1);
    baton_result *r =
        execute_once(engine, workflow_of({.name = "a", .execute = step_fail, .data = "no"}), NULL, NULL);
    const baton_error *error = baton_result_error(r);
    assert_int_equal(baton_error_get_code(error), BATON_ERROR_EXECUTION);
    assert_string_equal(baton_error_message(error), "Workflow execution failed");
    const baton_error *cause = baton_error_cause(error);
    assert_int_equal(baton_error_get_code(cause), BATON_ERROR_STEP);
    assert_non_null(strstr(baton_error_message(cause), "/do/0/a")); /* the place */
    assert_non_null(strstr(baton_error_message(cause), "no"));
    assert_null(baton_error_cause(cause));
    baton_result_free(r);
    baton_engine_free(engine);
    buffer_done(&kit_journal);
}

static void one_header(void **state) {
    (void)state;
    assert_string_equal(baton_version(), BATON_VERSION);
}

#define ROW(text, test) \
    { .name = "seed: " text, .test_func = test, .setup_func = kit_setup }

int main(void) {
    const struct CMUnitTest tests[] = {
        ROW("IWorkflow, ComposedWorkflow (_steps, getMetadata)", workflow_and_metadata),
        ROW("IWorkflowStep (execute, validate, rollback, getMetadata)", step_operations),
        ROW("WorkflowContext (get, set, has, remove, JSON both ways)", context_operations),
        ROW("WorkflowBuilder, StepRegistry, WorkflowValidator", builder_registry_validator),
        ROW("SequentialExecutionEngine (maxQueueSize 50, executionTimeout 300000 ms, retryAttempts 2)",
            engine_defaults),
        ROW("executeWorkflow(workflow, context, options)", execute_and_submit),
        ROW("executionStrategies, determineExecutionStrategy", strategy_selection),
        ROW("executionId, executionStrategy, scheduledExecution (all its fields) set in the context",
            keys_before_the_first_step),
        ROW("exec_<ms>_<9 base-36 digits>", execution_id),
        ROW("getExecutionStatus (all its fields), getSystemMetrics", status_and_metrics),
        ROW("ExecutionQueue (bounded, enqueue false when full, dequeue, clear, statistics)", queue),
        ROW("ExecutionScheduler (priority 1, +10 critical, +5 high; 30 s a step; dependencies; statistics)",
            scheduler),
        ROW("ExecutionContext", execution),
        ROW("ExecutionResult (success, strategy, duration, results, stepCount, error)", result),
        ROW("BasicSequentialStrategy, SimpleSequentialStrategy", both_strategies),
        ROW("step_<i>_result in the context, early stop on a failed step", step_results_in_the_context),
        ROW("ExecutionException and its kinds, with cause", errors_with_their_cause),
        ROW("index.js", one_header),
    };
    return cmocka_run_group_tests_name("seed_table", tests, NULL, NULL);
}
