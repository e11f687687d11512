/* Results: every field, their JSON, errors, and the context's view of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine_kit.h"

static baton_step_result step_at(const baton_result *result, size_t index) {
    baton_step_result step;
    assert_true(baton_result_step(result, index, &step));
    return step;
}

static void expect_step(baton_step_result step, const char *name, const char *status, const char *error) {
    assert_string_equal(step.name, name);
    assert_string_equal(step.status, status);
    assert_int_equal(step.success, strcmp(status, "completed") == 0);
    if (error)
        assert_string_equal(step.error, error);
    else
        assert_null(step.error);
}

static void test_all_fields_of_a_success(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    int64_t before_ms = clock_wall_ms() - 1;
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say, .data = "{\"x\":1}"},
                                    {.name = "b", .execute = step_sleep});
    baton_result *result = execute_once(engine, w, NULL, &(baton_execution_options){.id = "one"});
    baton_engine_free(engine); /* the result outlives it */
    assert_true(baton_result_success(result));
    assert_string_equal(baton_result_execution_id(result), "one");
    assert_string_equal(baton_result_status(result), "completed");
    assert_string_equal(baton_result_strategy(result), "basic_sequential");
    assert_in_range(baton_result_started_at(result), before_ms, clock_wall_ms() + 1);
    assert_in_range(baton_result_duration_ms(result), 29, 60000);
    assert_int_equal(baton_result_duration_ms(result), baton_result_duration_ns(result) / 1000000);
    assert_int_equal(baton_result_step_count(result), 2);
    assert_int_equal(baton_result_size(result), 2);
    expect_json(baton_result_output(result), "null");
    assert_null(baton_result_error(result));
    assert_false(baton_value_is_valid(baton_result_problem(result)));
    baton_step_result step = step_at(result, 0);
    expect_step(step, "a", "completed", NULL);
    assert_string_equal(step.reference, "/do/0/a");
    assert_int_equal(step.count, 1);
    assert_int_equal(step.attempts, 1);
    expect_json(baton_result_step_value(result, 0), "{\"x\":1}");
    assert_true(step_at(result, 1).duration_ns >= 29000000);
    assert_false(baton_result_step(result, 2, &step));
    assert_false(baton_value_is_valid(baton_result_step_value(result, 2)));
    baton_result_free(result);
    baton_result_free(NULL);
    buffer_done(&kit_journal);
}

static void test_all_fields_of_a_failure(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = 1, .retry_delay_ms = 1);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say, .data = "1"},
                                    {.name = "b", .execute = step_fail, .data = "no luck"},
                                    {.name = "c", .execute = step_say});
    baton_result *result = execute_once(engine, w, NULL, NULL);
    assert_false(baton_result_success(result));
    assert_string_equal(baton_result_status(result), "faulted");
    assert_int_equal(baton_result_step_count(result), 3);
    assert_int_equal(baton_result_size(result), 2);
    expect_step(step_at(result, 0), "a", "completed", NULL);
    expect_step(step_at(result, 1), "b", "faulted", "no luck");
    assert_int_equal(step_at(result, 1).attempts, 2);
    assert_false(baton_value_is_valid(baton_result_step_value(result, 1)));
    assert_false(baton_value_is_valid(baton_result_output(result)));
    const baton_error *error = baton_result_error(result);
    assert_int_equal(baton_error_get_code(error), BATON_ERROR_EXECUTION);
    assert_string_equal(baton_error_message(error), "Workflow execution failed");
    assert_int_equal(baton_error_get_code(baton_error_cause(error)), BATON_ERROR_STEP);
    assert_ptr_equal(baton_result_error(result), error);
    baton_value problem = baton_result_problem(result);
    assert_string_equal(value_get_text(problem, "detail"), "no luck");
    assert_string_equal(value_get_text(problem, "instance"), "/do/1/b");
    assert_string_equal(value_get_text(problem, "title"), "Step failed");
    assert_non_null(strstr(value_get_text(problem, "type"), "/errors/runtime"));
    baton_value_unref(problem);
    baton_result_free(result);
    baton_engine_free(engine);
    buffer_done(&kit_journal);
}

/* The JSON but for what the clock says. */
static void expect_result_json(const baton_result *result, const char *expected) {
    char *text = baton_result_to_json(result);
    baton_value o = json(text);
    free(text);
    o = baton_value_set(o, "duration", baton_value_number(0));
    baton_value results = baton_value_get(o, "results"), timeless = baton_value_array();
    for (size_t i = 0; i < baton_value_size(results); i++)
        timeless = baton_value_append(
            timeless, baton_value_set(baton_value_at(results, i), "duration", baton_value_number(0)));
    baton_value_unref(results);
    baton_value wanted = json(expected);
    o = baton_value_set(o, "results", timeless);
    if (!baton_value_equal(o, wanted)) {
        char *is = baton_value_to_json(o);
        fail_msg("%s\ninstead of\n%s", is, expected);
    }
    baton_value_unref(o);
    baton_value_unref(wanted);
}

static void test_json(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = -1);
    const baton_execution_options basic = {.id = "one"}, simple = {.id = "two", .strategy = "simple"};
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = step_say, .data = "[1]"}), NULL, &basic);
    expect_result_json(
        result, "{\"success\":true,\"executionId\":\"one\",\"status\":\"completed\","
                "\"strategy\":\"basic_sequential\",\"duration\":0,\"stepCount\":1,\"results\":["
                "{\"success\":true,\"stepName\":\"a\",\"result\":[1],\"duration\":0,\"attempts\":1}],"
                "\"output\":[1]}");
    baton_result_free(result);
    result = execute_once(engine,
                          workflow_of({.name = "a", .execute = step_say, .data = "[1]"},
                                      {.name = "b", .execute = step_fail, .data = "no"},
                                      {.name = "c", .execute = step_say}),
                          NULL, &simple);
    expect_result_json(
        result, "{\"success\":false,\"executionId\":\"two\",\"status\":\"faulted\","
                "\"strategy\":\"simple_sequential\",\"duration\":0,\"stepCount\":3,\"results\":["
                "{\"success\":true,\"stepName\":\"a\",\"duration\":0,\"attempts\":1},"
                "{\"success\":false,\"stepName\":\"b\",\"error\":\"no\",\"duration\":0,\"attempts\":1}],"
                "\"error\":\"Workflow execution failed: /do/1/b: Step failed: no\"}");
    baton_result_free(result);
    baton_engine_free(engine);
    buffer_done(&kit_journal);
}

/* Steps of a file: skipped ones have not run, those in a loop are counted. */
static void test_steps_of_a_file(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_from(
        "document: {dsl: 1.0.3, namespace: t, name: w, version: 0.1.0}\n"
        "do:\n"
        "  - skipped: {if: '${ false }', set: {x: 1}}\n"
        "  - again: {set: '${ {n: ((.n // 0) + 1)} }', then: check}\n"
        "  - never: {set: {x: 1}}\n"
        "  - check: {switch: [{more: {when: '${ .n < 3 }', then: again}}, {enough: {then: raises}}]}\n"
        "  - raises: {raise: {error: {type: 'https://example.org/e', status: 400, title: Odd}}}\n",
        NULL);
    baton_result *result = execute_once(engine, w, NULL, NULL);
    assert_int_equal(baton_result_step_count(result), 5);
    assert_int_equal(baton_result_size(result), 3);
    assert_int_equal(step_at(result, 0).count, 3);
    assert_string_equal(step_at(result, 0).name, "again");
    assert_string_equal(step_at(result, 1).name, "check");
    expect_step(step_at(result, 2), "raises", "faulted", "Odd");            /* no detail: its title */
    assert_false(baton_value_is_valid(baton_result_step_value(result, 0))); /* files keep none */
    expect_error_text(baton_result_error(result), "Workflow execution failed: /do/4/raises: Odd");
    baton_result_free(result);
    baton_engine_free(engine);
}

static void test_names_of_step_states(void **state) {
    (void)state;
    static const char *const names[] = {"pending", "running",   "completed",
                                        "faulted", "cancelled", "skipped"};
    for (int i = STEP_NOT_RUN; i <= STEP_SKIPPED; i++)
        assert_string_equal(step_status_name((step_status)i), names[i]);
}

/* A fault without words of its own. */
static void test_fault_without_words(void **state) {
    (void)state;
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    baton_result *result = result_new(w, "one", &(baton_strategy){.name = "bare"});
    record r = {.kind = RECORD_STEP_FAULTED, .attempt = 1, .step = w->body.steps[0]};
    r.data = baton_value_object();
    result_apply(result, &r);
    baton_value_unref(r.data);
    expect_step(step_at(result, 0), "a", "faulted", "failed");
    baton_result_free(result);
    baton_workflow_free(w);
}

/* ---- The context's view ---- */

static int look_at_context(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_context *context = baton_step_call_context(call);
    expect_json(baton_context_get(context, "executionId"), "\"one\"");
    expect_json(baton_context_get(context, "executionStrategy"), "\"basic_sequential\"");
    baton_value scheduled = baton_context_get(context, "scheduledExecution");
    assert_string_equal(value_get_text(scheduled, "id"), "one");
    assert_int_equal(strlen(value_get_text(scheduled, "scheduledAt")), strlen("2026-01-31T12:00:00.123Z"));
    expect_json(baton_value_get(scheduled, "priority"), "16");
    expect_json(baton_value_get(scheduled, "estimatedDuration"), "60000");
    expect_json(baton_value_get(scheduled, "dependencies"), "[\"base\"]");
    assert_int_equal(baton_value_size(scheduled), 5);
    baton_value_unref(scheduled);
    baton_value first = baton_context_get(context, "step_0_result");
    assert_true(baton_value_is_valid(first));
    expect_json(baton_value_get(first, "success"), "true");
    expect_json(baton_value_get(first, "stepName"), "\"a\"");
    expect_json(baton_value_get(first, "result"), "[1]");
    baton_value_unref(first);
    assert_false(baton_context_has(context, "step_1_result")); /* it runs */
    static const char *const none[] = {"step_2_result",  "step_-1_result",
                                       "step__result",   "step_0_resul",
                                       "step_0_results", "step_99999999999999999999_result",
                                       "executionID"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(baton_context_has(context, none[i]));
    return 0;
}

static void test_keys_of_the_context(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *base = workflow_of({.name = "x", .execute = step_say});
    submit_as(engine, base, "base", NULL, NULL);
    baton_workflow_free(base);
    baton_context *context = baton_context_new();
    baton_context_set(context, "mine", baton_value_string("kept"));
    const char *const on[] = {"base"};
    baton_builder *builder = baton_builder_new("looks", NULL);
    baton_builder_step(builder, &(baton_step){.name = "a", .execute = step_say, .data = "[1]"});
    baton_builder_step(builder, &(baton_step){.name = "b", .execute = look_at_context});
    baton_workflow *w = baton_builder_build(builder, NULL);
    baton_builder_free(builder);
    baton_result *result = execute_once(
        engine, w, context,
        &(baton_execution_options){
            .id = "one", .priority = "high", .critical = true, .dependencies = on, .dependency_count = 1});
    assert_true(baton_result_success(result));
    baton_result_free(result);
    baton_engine_free(engine);

    /* Afterwards the same keys are there, also in the JSON. */
    assert_true(baton_context_has(context, "step_1_result"));
    char *text = baton_context_to_json(context);
    baton_value all = json(text);
    assert_int_equal(baton_value_size(all), 6);
    static const char *const keys[] = {
        "mine", "executionId", "executionStrategy", "scheduledExecution", "step_0_result", "step_1_result"};
    for (size_t i = 0; i < 6; i++) assert_true(baton_value_has(all, keys[i]));
    baton_value_unref(all);
    baton_context *copy = baton_context_from_json(text, strlen(text), NULL);
    free(text);
    expect_json(baton_context_get(copy, "executionId"), "\"one\"");
    /* The next execution that uses the copy shows its own. */
    engine = engine_with(0);
    baton_result_free(execute_once(engine, workflow_of({.name = "x", .execute = step_say}), copy,
                                   &(baton_execution_options){.id = "later"}));
    expect_json(baton_context_get(copy, "executionId"), "\"later\"");
    expect_json(baton_context_get(copy, "mine"), "\"kept\"");
    baton_engine_free(engine);
    baton_context_free(copy);

    /* Setting such a key hides the view, removing it shows it again. */
    baton_context_set(context, "executionId", baton_value_string("hidden"));
    baton_context_set(context, "step_0_result", baton_value_null());
    expect_json(baton_context_get(context, "executionId"), "\"hidden\"");
    expect_json(baton_context_get(context, "step_0_result"), "null");
    text = baton_context_to_json(context);
    assert_non_null(strstr(text, "\"executionId\":\"hidden\""));
    free(text);
    assert_true(baton_context_remove(context, "executionId"));
    assert_false(baton_context_remove(context, "executionId"));
    expect_json(baton_context_get(context, "executionId"), "\"one\"");
    baton_context_free(context);
    buffer_done(&kit_journal);
}

/* `simple` keeps no values, so there is nothing to see but what begins an execution. */
static void test_context_under_simple(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_context *context = baton_context_new();
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = step_say, .data = "1"}), context,
                     &(baton_execution_options){.strategy = "simple"});
    assert_false(baton_value_is_valid(baton_result_step_value(result, 0)));
    expect_json(baton_context_get(context, "executionStrategy"), "\"simple_sequential\"");
    assert_false(baton_context_has(context, "step_0_result"));
    char *text = baton_context_to_json(context);
    assert_non_null(strstr(text, "\"dependencies\":[]"));
    free(text);
    baton_result_free(result);

    /* The next execution that uses the context is what it shows. */
    result = execute_once(engine, workflow_of({.name = "b", .execute = step_say, .data = "2"}), context,
                          &(baton_execution_options){.id = "next"});
    expect_json(baton_context_get(context, "executionId"), "\"next\"");
    assert_true(baton_context_has(context, "step_0_result"));
    baton_result_free(result);
    baton_context_free(context);
    baton_engine_free(engine);
    buffer_done(&kit_journal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields_of_a_success),
        cmocka_unit_test(test_all_fields_of_a_failure),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_steps_of_a_file),
        cmocka_unit_test(test_names_of_step_states),
        cmocka_unit_test(test_fault_without_words),
        cmocka_unit_test(test_keys_of_the_context),
        cmocka_unit_test(test_context_under_simple),
    };
    return cmocka_run_group_tests_name("result", tests, NULL, NULL);
}
