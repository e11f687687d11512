/* Admission: ids, the full queue, priorities, dependencies, batches, and the end of a run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine_kit.h"

static baton_error_code submit(baton_engine *engine, baton_workflow *workflow,
                               const baton_execution_options *options) {
    baton_error *err = NULL;
    int done = baton_engine_submit(engine, workflow, NULL, options, note_done, NULL, NULL, &err);
    baton_error_code code = baton_error_get_code(err);
    assert_int_equal(done, code == BATON_ERROR_NONE ? 0 : -1);
    baton_error_free(err);
    return code;
}
#define SUBMIT(engine, workflow, ...) submit(engine, workflow, &(baton_execution_options){__VA_ARGS__})
#define AFTER(...)                                      \
    .dependencies = (const char *const[]){__VA_ARGS__}, \
    .dependency_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

/* ---- Ids ---- */

static void test_ids_as_the_seed_makes_them(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    char first[LIMIT_ID_BYTES + 1], second[LIMIT_ID_BYTES + 1];
    long long before_ms = clock_wall_ms() - 1, ms;
    baton_engine_submit(engine, w, NULL, NULL, NULL, NULL, first, NULL);
    baton_engine_submit(engine, w, NULL, NULL, NULL, NULL, second, NULL);
    char digits[16];
    int end = 0;
    assert_int_equal(sscanf(first, "exec_%lld_%9[0-9a-z]%n", &ms, digits, &end), 2);
    assert_int_equal(end, strlen(first));
    assert_int_equal(strlen(digits), 9);
    assert_in_range(ms, before_ms, clock_wall_ms() + 1);
    assert_string_not_equal(first, second);
    assert_string_equal(status_in(engine, first), "pending");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_the_callers_id(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    baton_workflow *other = workflow_of({.name = "b", .execute = step_say});
    baton_value input = json("{\"x\":1}"), other_input = json("{\"x\":2}");
    char id[LIMIT_ID_BYTES + 1] = "";
    const baton_execution_options options = {.id = "Order-1_a.b:c", .input = input, .priority = "high"};
    assert_int_equal(baton_engine_submit(engine, w, NULL, &options, note_done, NULL, id, NULL), 0);
    assert_string_equal(id, "Order-1_a.b:c");
    /* The same again is the same execution. */
    strcpy(id, "");
    assert_int_equal(baton_engine_submit(engine, w, NULL, &options, note_done, NULL, id, NULL), 0);
    assert_string_equal(id, "Order-1_a.b:c");
    assert_int_equal(baton_engine_metrics(engine).queue_length, 1);

    strcpy(id, "as it was");
    baton_error *err = NULL;
    assert_int_equal(baton_engine_submit(engine, other, NULL, &options, NULL, NULL, id, &err), -1);
    expect_code(err, BATON_ERROR_CONFLICT);
    assert_string_equal(id, "as it was");
#define OTHER(...) \
    assert_int_equal(SUBMIT(engine, w, .id = "Order-1_a.b:c", __VA_ARGS__), BATON_ERROR_CONFLICT)
    OTHER(.input = other_input, .priority = "high");
    OTHER(.priority = "high");
    OTHER(.input = input);
    OTHER(.input = input, .priority = "high", .critical = true);
    OTHER(.input = input, .priority = "high", .timeout_ms = 1);
    OTHER(.input = input, .priority = "high", .strategy = "simple");
    OTHER(.input = input, .priority = "high", .continue_on_failure = true);
    OTHER(.input = input, .priority = "high", AFTER("x"));
    baton_value_unref(other_input);
    baton_value_unref(input);
    run_all(engine);
    expect_journal("a Order-1_a.b:c=completed");
    baton_workflow_free(w);
    baton_workflow_free(other);
    baton_engine_free(engine);
}

static void test_ids_that_are_refused(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    char long_id[LIMIT_ID_BYTES + 2];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    const char *const bad[] = {"", "a b", "a/b", "\xc3\xa4", "a\n", long_id};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(SUBMIT(engine, w, .id = bad[i]), BATON_ERROR_USAGE);
    long_id[LIMIT_ID_BYTES] = '\0';
    assert_int_equal(SUBMIT(engine, w, .id = long_id), BATON_ERROR_NONE);
    assert_int_equal(baton_engine_metrics(engine).queue_length, 1);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* ---- What cannot run ---- */

static void test_workflows_that_are_refused(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *waits = workflow_from("document: {dsl: 1.0.3, namespace: t, name: w, version: 0.1.0}\n"
                                          "do: [{a: {wait: {seconds: 1}}}]\n",
                                          NULL);
    assert_int_equal(SUBMIT(engine, waits, .strategy = "simple"), BATON_ERROR_UNSUPPORTED);
    baton_workflow *listens =
        workflow_from("document: {dsl: 1.0.3, namespace: t, name: w, version: 0.1.0}\n"
                      "do: [{a: {emit: {event: {with: {type: t, source: http://x}}}}}]\n",
                      NULL);
    assert_int_equal(SUBMIT(engine, listens, 0), BATON_ERROR_UNSUPPORTED);
    assert_int_equal(baton_engine_metrics(engine).queue_length, 0);
    assert_int_equal(baton_scheduler_get_statistics(baton_engine_scheduler(engine)).scheduled_executions,
                     0);
    baton_workflow_free(waits);
    baton_workflow_free(listens);
    baton_engine_free(engine);
}

/* ---- The queue ---- */

static void test_queue_full(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.max_queue_size = 2);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    assert_int_equal(SUBMIT(engine, w, .id = "1"), BATON_ERROR_NONE);
    assert_int_equal(SUBMIT(engine, w, .id = "2"), BATON_ERROR_NONE);
    char id[LIMIT_ID_BYTES + 1] = "as it was";
    baton_error *err = NULL;
    assert_int_equal(baton_engine_submit(engine, w, NULL, NULL, NULL, NULL, id, &err), -1);
    expect_code(err, BATON_ERROR_QUEUE_FULL);
    assert_string_equal(id, "as it was");
    baton_result *result = NULL;
    err = NULL;
    assert_int_equal(baton_engine_execute(engine, w, NULL, NULL, &result, &err), -1);
    expect_code(err, BATON_ERROR_QUEUE_FULL);
    assert_null(result);
    /* Nothing of the refused ones is left, and nothing was lost. */
    assert_int_equal(baton_scheduler_get_statistics(baton_engine_scheduler(engine)).scheduled_executions,
                     2);
    run_all(engine);
    expect_journal("a 1=completed a 2=completed");
    assert_int_equal(SUBMIT(engine, w, .id = "3"), BATON_ERROR_NONE);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_priorities(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.max_concurrent = 1);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    SUBMIT(engine, w, .id = "low", .priority = "low");
    SUBMIT(engine, w, .id = "normal1");
    SUBMIT(engine, w, .id = "high", .priority = "high");
    SUBMIT(engine, w, .id = "critical", .critical = true);
    SUBMIT(engine, w, .id = "normal2", .priority = "normal");
    SUBMIT(engine, w, .id = "both", .critical = true, .priority = "high");
    run_all(engine);
    expect_journal("a both=completed a critical=completed a high=completed a normal1=completed "
                   "a normal2=completed a low=completed");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

typedef struct feeder {
    baton_engine *engine;
    baton_workflow *workflow;
    int left;
} feeder;

static void feed(void *data, const baton_result *result) {
    (void)result;
    feeder *f = data;
    note("high");
    if (f->left-- <= 0) return;
    usleep(2000);
    baton_engine_submit(f->engine, f->workflow, NULL, &(baton_execution_options){.priority = "high"}, feed,
                        f, NULL, NULL);
}

/* However much of higher priority keeps coming, what waits long enough has its turn. */
static void test_waiting_ages(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.max_concurrent = 1, .aging_ms = 2);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    baton_workflow *quiet = workflow_of({.name = "q", .execute = step_say});
    feeder f = {engine, quiet, 40};
    SUBMIT(engine, w, .id = "low", .priority = "low");
    baton_engine_submit(engine, quiet, NULL, &(baton_execution_options){.priority = "high"}, feed, &f, NULL,
                        NULL);
    run_all(engine);
    const char *low = strstr(buffer_text(&kit_journal), "low=completed");
    assert_non_null(low);
    assert_true(count_in(low, "high") > 5); /* well before the last of the others */
    baton_workflow_free(w);
    baton_workflow_free(quiet);
    baton_engine_free(engine);
}

static int most_active;

static int look_how_many(baton_step_call *call, baton_error **err) {
    (void)err;
    int active = (int)baton_engine_metrics(baton_step_call_data(call)).active_executions;
    if (active > most_active) most_active = active;
    return 0;
}

static void test_max_concurrent(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.max_concurrent = 3);
    baton_completion *completions[6] = {0};
    baton_workflow *w[6];
    for (int i = 0; i < 6; i++) {
        w[i] = workflow_of({.name = "look", .execute = look_how_many, .data = engine},
                           {.name = "a", .execute = step_defer, .data = &completions[i]});
        submit(engine, w[i], NULL);
    }
    most_active = 0;
    engine_pump(engine);
    assert_int_equal(most_active, 3);
    assert_int_equal(baton_engine_metrics(engine).active_executions, 3);
    assert_int_equal(baton_engine_metrics(engine).queue_length, 3);
    assert_non_null(completions[2]);
    assert_null(completions[3]);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(baton_completion_succeed(completions[i], NULL, 0, NULL), 0);
        baton_completion_free(completions[i]);
        engine_pump(engine);
    }
    assert_int_equal(most_active, 3);
    assert_int_equal(baton_engine_metrics(engine).completed, 6);
    for (int i = 0; i < 6; i++) baton_workflow_free(w[i]);
    baton_engine_free(engine);
}

/* ---- Dependencies ---- */

static void test_dependencies_are_waited_for(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    SUBMIT(engine, w, .id = "base", .priority = "low");
    SUBMIT(engine, w, .id = "left", AFTER("base"));
    SUBMIT(engine, w, .id = "top", .critical = true, AFTER("left", "right", "left"));
    SUBMIT(engine, w, .id = "early", .priority = "high");
    /* Unknown when "top" was submitted. */
    assert_int_equal(baton_engine_metrics(engine).waiting_executions, 2);
    assert_string_equal(status_in(engine, "left"), "pending");
    run_all(engine);
    expect_journal("top=faulted a early=completed a base=completed a left=completed");
    assert_int_equal(baton_engine_metrics(engine).waiting_executions, 0);

    SUBMIT(engine, w, .id = "base");
    SUBMIT(engine, w, .id = "left", AFTER("base"));
    SUBMIT(engine, w, .id = "right", AFTER("base"));
    SUBMIT(engine, w, .id = "top", .critical = true, AFTER("left", "right", "left"));
    run_all(engine);
    const char *text = buffer_text(&kit_journal);
    assert_true(strstr(text, "base=") < strstr(text, "left="));
    assert_true(strstr(text, "left=completed") < strstr(text, "top=completed"));
    assert_true(strstr(text, "right=completed") < strstr(text, "top=completed"));
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void expect_refusal(baton_result *result, const char *text) {
    assert_false(baton_result_success(result));
    assert_string_equal(baton_result_status(result), "faulted");
    expect_error_text(baton_result_error(result), text);
    assert_int_equal(baton_error_get_code(baton_result_error(result)), BATON_ERROR_EXECUTION);
    assert_int_equal(baton_error_get_code(baton_error_cause(baton_result_error(result))),
                     BATON_ERROR_DEPENDENCY);
    assert_int_equal(baton_result_size(result), 0);
    assert_int_equal(baton_result_duration_ms(result), 0);
    baton_result_free(result);
}

static void test_dependencies_that_fail(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = -1);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    baton_workflow *fails = workflow_of({.name = "f", .execute = step_fail});
    baton_result *first = NULL, *second = NULL;
    SUBMIT(engine, fails, .id = "one");
    baton_engine_submit(engine, w, NULL, &(baton_execution_options){.id = "two", AFTER("one")}, keep_result,
                        &first, NULL, NULL);
    baton_engine_submit(engine, w, NULL, &(baton_execution_options){.id = "three", AFTER("two", "one")},
                        keep_result, &second, NULL, NULL);
    run_all(engine);
    expect_journal("f one=faulted");
    expect_refusal(first, "Workflow execution failed: it depends on 'one', which faulted");
    expect_refusal(second, "Workflow execution failed: it depends on 'one', which faulted");

    first = execute_once(engine, workflow_of({.name = "a", .execute = step_say}), NULL,
                         &(baton_execution_options){AFTER("nobody", "else")});
    expect_refusal(first, "Workflow execution failed: it depends on 'nobody', which is unknown");
    expect_journal("");

    first = NULL;
    SUBMIT(engine, w, .id = "one");
    baton_engine_submit(engine, w, NULL, &(baton_execution_options){.id = "two", AFTER("one")}, keep_result,
                        &first, NULL, NULL);
    assert_int_equal(baton_engine_cancel(engine, "one", NULL), 0);
    run_all(engine);
    expect_journal("one=cancelled");
    expect_refusal(first, "Workflow execution failed: it depends on 'one', which cancelled");
    baton_workflow_free(w);
    baton_workflow_free(fails);
    baton_engine_free(engine);
}

static void test_a_waiting_execution_is_cancelled(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    SUBMIT(engine, w, .id = "one");
    SUBMIT(engine, w, .id = "two", AFTER("one"));
    SUBMIT(engine, w, .id = "three", AFTER("one"));
    assert_int_equal(baton_engine_cancel(engine, "two", NULL), 0);
    assert_int_equal(baton_engine_metrics(engine).waiting_executions, 1);
    run_all(engine);
    expect_journal("two=cancelled a one=completed a three=completed");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* What was admitted is never refused later: dependents are not held by the queue's bound. */
static void test_dependents_take_no_place_in_the_queue(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.max_queue_size = 1, .max_concurrent = 1);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    SUBMIT(engine, w, .id = "0");
    for (char id[] = "1"; *id < '6'; ++*id)
        assert_int_equal(SUBMIT(engine, w, .id = id, AFTER("0")), BATON_ERROR_NONE);
    assert_int_equal(SUBMIT(engine, w, 0), BATON_ERROR_QUEUE_FULL);
    run_all(engine);
    assert_int_equal(baton_engine_metrics(engine).completed, 6);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* ---- Batches ---- */

static baton_error_code submit_batch(baton_engine *engine, baton_workflow *w,
                                     const baton_execution_options *options, size_t count) {
    baton_submission submissions[8];
    for (size_t i = 0; i < count; i++)
        submissions[i] = (baton_submission){.workflow = w, .options = &options[i], .done = note_done};
    baton_error *err = NULL;
    int done = baton_engine_submit_batch(engine, submissions, count, &err);
    baton_error_code code = baton_error_get_code(err);
    assert_int_equal(done, code == BATON_ERROR_NONE ? 0 : -1);
    baton_error_free(err);
    return code;
}
#define BATCH(engine, w, ...)                                               \
    submit_batch(engine, w, (const baton_execution_options[]){__VA_ARGS__}, \
                 sizeof((const baton_execution_options[]){__VA_ARGS__}) / sizeof(baton_execution_options))

static void test_batch_of_dependents(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    assert_int_equal(BATCH(engine, w, {.id = "5", AFTER("4")}, {.id = "4", AFTER("3", "2")},
                           {.id = "3", AFTER("1")}, {.id = "2", AFTER("1")}, {.id = "1"}),
                     BATON_ERROR_NONE);
    run_all(engine);
    const char *text = buffer_text(&kit_journal);
    assert_true(strstr(text, "1=") < strstr(text, "3=") && strstr(text, "3=") < strstr(text, "4=") &&
                strstr(text, "2=") < strstr(text, "4=") && strstr(text, "4=") < strstr(text, "5="));
    assert_int_equal(count_in(text, "completed"), 5);
    assert_int_equal(baton_engine_submit_batch(engine, NULL, 0, NULL), 0);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_batch_is_all_or_nothing(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.max_queue_size = 3);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    SUBMIT(engine, w, .id = "there");
    assert_int_equal(
        BATCH(engine, w, {.id = "1", AFTER("3")}, {.id = "2", AFTER("1")}, {.id = "3", AFTER("2")}),
        BATON_ERROR_CYCLE);
    assert_int_equal(BATCH(engine, w, {.id = "1", AFTER("1")}), BATON_ERROR_CYCLE);
    assert_int_equal(BATCH(engine, w, {.id = "1", AFTER("there")}, {.id = "not an id"}), BATON_ERROR_USAGE);
    assert_int_equal(BATCH(engine, w, {.id = "1"}, {.id = "1", .critical = true}), BATON_ERROR_CONFLICT);
    assert_int_equal(BATCH(engine, w, {.id = "1"}, {.id = "2", AFTER("1", "there")},
                           {.id = "3", AFTER("lost")}, {.id = "4"}, {.id = "5"}),
                     BATON_ERROR_QUEUE_FULL);
    assert_int_equal(baton_engine_metrics(engine).queue_length, 1);
    assert_int_equal(baton_engine_metrics(engine).waiting_executions, 0);
    assert_int_equal(baton_scheduler_get_statistics(baton_engine_scheduler(engine)).scheduled_executions,
                     1);
    assert_string_equal(status_in(engine, "1"), "not_found");
    run_all(engine);
    expect_journal("a there=completed");
    /* The same twice in one batch is one execution. */
    assert_int_equal(BATCH(engine, w, {.id = "1"}, {.id = "1"}), BATON_ERROR_NONE);
    run_all(engine);
    expect_journal("a 1=completed");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* ---- The end ---- */

typedef struct chain {
    baton_engine *engine;
    baton_workflow *workflow;
    int left;
} chain;

static void go_on(void *data, const baton_result *result) {
    chain *c = data;
    /* It has left the engine already: its id is free. */
    assert_string_equal(status_in(c->engine, baton_result_execution_id(result)), "not_found");
    if (c->left-- > 0)
        assert_int_equal(baton_engine_submit(c->engine, c->workflow, NULL,
                                             &(baton_execution_options){.id = "again"}, go_on, c, NULL,
                                             NULL),
                         0);
}

static void test_done_submits_more(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.max_queue_size = 1);
    chain c = {engine, workflow_of({.name = "a", .execute = step_say}), 5};
    submit_as(engine, c.workflow, "again", go_on, &c);
    run_all(engine);
    expect_journal("a a a a a a");
    /* Also when the end comes from outside of the loop. */
    c.left = 1;
    submit_as(engine, c.workflow, "again", go_on, &c);
    assert_int_equal(baton_engine_cancel(engine, "again", NULL), 0);
    run_all(engine);
    expect_journal("a");
    baton_workflow_free(c.workflow);
    baton_engine_free(engine);
}

static void test_log_events(void **state) {
    (void)state;
    buffer log = {0};
    baton_engine *engine =
        engine_with(.log = kit_log, .log_data = &log, .log_level = BATON_LOG_DEBUG, .retry_attempts = -1);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    baton_workflow *fails = workflow_of({.name = "f", .execute = step_fail});
    SUBMIT(engine, w, .id = "one", .priority = "high");
    SUBMIT(engine, fails, .id = "two", .strategy = "simple", AFTER("one"));
    run_all(engine);
    expect_journal("a one=completed f two=faulted");
    assert_string_equal(
        buffer_text(&log),
        "debug scheduled executionId=one priority=6 estimatedDuration=30000 dependencies=0\n"
        "debug queued executionId=one priority=6 queueLength=1\n"
        "debug scheduled executionId=two priority=1 estimatedDuration=30000 dependencies=1\n"
        "debug waits for dependencies executionId=two unmet=1\n"
        "info execution started executionId=one workflow=test strategy=basic_sequential\n"
        "info execution completed executionId=one duration=0\n"
        "debug queued executionId=two priority=1 queueLength=1\n"
        "info execution started executionId=two workflow=test strategy=simple_sequential\n"
        "error execution failed executionId=two error=Workflow execution failed: /do/0/f: Step failed: "
        "boom "
        "duration=0\n");
    baton_workflow_free(w);
    baton_workflow_free(fails);
    baton_engine_free(engine);
    buffer_done(&log);
}

static void test_estimates_are_learned(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w =
        workflow_of({.name = "a", .execute = step_sleep}, {.name = "b", .execute = step_say});
    baton_scheduled scheduled;
    SUBMIT(engine, w, .id = "one");
    assert_true(baton_scheduler_get(baton_engine_scheduler(engine), "one", &scheduled));
    assert_int_equal(scheduled.estimated_duration_ms, 60000);
    run_all(engine);
    assert_false(baton_scheduler_get(baton_engine_scheduler(engine), "one", NULL));
    SUBMIT(engine, w, .id = "two");
    assert_true(baton_scheduler_get(baton_engine_scheduler(engine), "two", &scheduled));
    assert_in_range(scheduled.estimated_duration_ms, 25, 5000);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

#define TEST(name) cmocka_unit_test_setup(name, kit_setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_ids_as_the_seed_makes_them),
        TEST(test_the_callers_id),
        TEST(test_ids_that_are_refused),
        TEST(test_workflows_that_are_refused),
        TEST(test_queue_full),
        TEST(test_priorities),
        TEST(test_waiting_ages),
        TEST(test_max_concurrent),
        TEST(test_dependencies_are_waited_for),
        TEST(test_dependencies_that_fail),
        TEST(test_a_waiting_execution_is_cancelled),
        TEST(test_dependents_take_no_place_in_the_queue),
        TEST(test_batch_of_dependents),
        TEST(test_batch_is_all_or_nothing),
        TEST(test_done_submits_more),
        TEST(test_log_events),
        TEST(test_estimates_are_learned),
    };
    return cmocka_run_group_tests_name("admit", tests, NULL, NULL);
}
