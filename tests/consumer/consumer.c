/* A program that knows Baton only as it is installed: <baton/baton.h> and pkg-config. It builds a workflow
 * of three steps, runs it with each strategy, reads every field of the results and checks them. It is valid
 * C99 and valid C++11.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <baton/baton.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) check((condition) ? 1 : 0, #condition, __LINE__)

static void check(int holds, const char *what, int line) {
    if (holds) return;
    fprintf(stderr, "consumer.c:%d: %s does not hold\n", line, what);
    exit(1);
}

static int equal(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

/* Takes the value. */
static int is_number(baton_value value, double number) {
    int same = baton_value_kind(value) == BATON_KIND_NUMBER && baton_value_as_number(value) == number;
    baton_value_unref(value);
    return same;
}

static int begin(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_context_set(baton_step_call_context(call), "begun", baton_value_boolean(true));
    baton_step_call_output(call, baton_value_number(20));
    return 0;
}

static int twice(baton_step_call *call, baton_error **err) {
    baton_value input = baton_step_call_input(call);
    (void)err;
    baton_step_call_output(call, baton_value_number(2 * baton_value_as_number(input)));
    baton_value_unref(input);
    return 0;
}

/* Adds what its data says; fails without it. */
static int add(baton_step_call *call, baton_error **err) {
    const double *more = (const double *)baton_step_call_data(call);
    baton_value input = baton_step_call_input(call);
    double sum = baton_value_as_number(input) + (more ? *more : 0);
    baton_value_unref(input);
    if (!more) return baton_error_set(err, BATON_ERROR_STEP, "nothing to add");
    baton_step_call_output(call, baton_value_number(sum));
    return 0;
}

static void add_step(baton_builder *builder, const char *name, baton_step_function execute, void *data) {
    baton_step step;
    memset(&step, 0, sizeof step);
    step.name = name;
    step.execute = execute;
    step.data = data;
    baton_builder_step(builder, &step);
}

static baton_workflow *build(double *more) {
    baton_error *err = NULL;
    baton_builder *builder = baton_builder_new("sum", NULL);
    baton_workflow *workflow;
    add_step(builder, "begin", begin, NULL);
    add_step(builder, "twice", twice, NULL);
    add_step(builder, "add", add, more);
    workflow = baton_builder_build(builder, &err);
    CHECK(workflow && !err);
    baton_builder_free(builder);
    return workflow;
}

static baton_result *execute(baton_engine *engine, baton_workflow *workflow, baton_context *context,
                             const char *strategy) {
    baton_execution_options options;
    baton_result *result = NULL;
    baton_error *err = NULL;
    memset(&options, 0, sizeof options);
    options.id = "consumer-1";
    options.strategy = strategy;
    CHECK(baton_engine_execute(engine, workflow, context, &options, &result, &err) == 0);
    CHECK(result && !err);
    return result;
}

/* What both outcomes have in common. */
static void check_whole(const baton_result *result, const char *strategy) {
    CHECK(equal(baton_result_execution_id(result), "consumer-1"));
    CHECK(equal(baton_result_strategy(result), strategy));
    CHECK(baton_result_started_at(result) > INT64_C(1500000000000));
    CHECK(baton_result_duration_ns(result) >= 0);
    CHECK(baton_result_duration_ms(result) == baton_result_duration_ns(result) / 1000000);
    CHECK(baton_result_step_count(result) == 3);
    CHECK(baton_result_size(result) == 3);
}

static void check_step(const baton_result *result, size_t index, const char *name, const char *reference,
                       const char *error) {
    baton_step_result step;
    CHECK(baton_result_step(result, index, &step));
    CHECK(equal(step.name, name));
    CHECK(equal(step.reference, reference));
    CHECK(equal(step.status, error ? "faulted" : "completed"));
    CHECK(step.success == !error);
    CHECK(error ? equal(step.error, error) : step.error == NULL);
    CHECK(step.duration_ns >= 0);
    CHECK(step.count == 1);
    CHECK(step.attempts == 1);
}

static void check_success(const baton_result *result, bool keeps_values) {
    static const double values[] = {20, 40, 42};
    baton_step_result none;
    char *json;
    size_t i;
    CHECK(baton_result_success(result));
    CHECK(equal(baton_result_status(result), "completed"));
    check_step(result, 0, "begin", "/do/0/begin", NULL);
    check_step(result, 1, "twice", "/do/1/twice", NULL);
    check_step(result, 2, "add", "/do/2/add", NULL);
    CHECK(!baton_result_step(result, 3, &none));
    for (i = 0; i < 3; i++) {
        baton_value value = baton_result_step_value(result, i);
        CHECK(baton_value_is_valid(value) == keeps_values);
        CHECK(!keeps_values || baton_value_as_number(value) == values[i]);
        baton_value_unref(value);
    }
    CHECK(is_number(baton_result_output(result), 42));
    CHECK(baton_result_error(result) == NULL);
    CHECK(!baton_value_is_valid(baton_result_problem(result)));
    json = baton_result_to_json(result);
    CHECK(json && strstr(json, "\"success\":true") && strstr(json, "\"stepCount\":3"));
    free(json);
}

static void check_failure(const baton_result *result) {
    const baton_error *error = baton_result_error(result);
    baton_value problem = baton_result_problem(result), instance = baton_value_get(problem, "instance");
    char *json = baton_result_to_json(result), *text = baton_error_text(error);
    CHECK(!baton_result_success(result));
    CHECK(equal(baton_result_status(result), "faulted"));
    check_step(result, 1, "twice", "/do/1/twice", NULL);
    check_step(result, 2, "add", "/do/2/add", "nothing to add");
    CHECK(!baton_value_is_valid(baton_result_step_value(result, 2)));
    CHECK(!baton_value_is_valid(baton_result_output(result)));
    CHECK(baton_error_get_code(error) == BATON_ERROR_EXECUTION);
    CHECK(equal(baton_error_message(error), "Workflow execution failed"));
    CHECK(baton_error_get_code(baton_error_cause(error)) == BATON_ERROR_STEP);
    CHECK(text && strstr(text, "nothing to add"));
    CHECK(equal(baton_value_as_text(instance), "/do/2/add"));
    CHECK(json && strstr(json, "\"success\":false") && strstr(json, "nothing to add"));
    baton_value_unref(instance);
    baton_value_unref(problem);
    free(json);
    free(text);
}

int main(void) {
    static const char *const strategies[][2] = {{"basic", "basic_sequential"},
                                                {"simple", "simple_sequential"}};
    double more = 2;
    baton_workflow *sum = build(&more), *fails = build(NULL);
    baton_engine_options options;
    baton_engine *engine;
    baton_error *err = NULL;
    size_t i;
    CHECK(equal(baton_version(), BATON_VERSION));
    memset(&options, 0, sizeof options);
    options.retry_attempts = -1;
    engine = baton_engine_new(&options, &err);
    CHECK(engine && !err);
    for (i = 0; i < 2; i++) {
        baton_context *context = baton_context_new();
        baton_result *result = execute(engine, sum, context, strategies[i][0]);
        check_whole(result, strategies[i][1]);
        check_success(result, i == 0);
        CHECK(baton_context_has(context, "begun"));
        CHECK(baton_context_has(context, "step_2_result") == (i == 0));
        baton_result_free(result);
        baton_context_free(context);
        result = execute(engine, fails, NULL, strategies[i][0]);
        check_whole(result, strategies[i][1]);
        check_failure(result);
        baton_result_free(result);
    }
    baton_engine_free(engine);
    baton_workflow_free(sum);
    baton_workflow_free(fails);
    puts("consumer: all fields read");
    return 0;
}
