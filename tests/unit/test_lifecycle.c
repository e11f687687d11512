/* Lifecycle events: which records make which, and what they say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/lifecycle.h"

#include "engine_kit.h"

#define HEAD "document: {dsl: 1.0.3, namespace: shop, name: order, version: 1.2.3}\n"

static void write_event(void *data, const baton_execution *x, const record *r) {
    lifecycle_write(data, &(lifecycle_source){x->workflow, x->id}, r);
}

/* Runs a workflow and gives its events, one array of objects. */
static baton_value events_of(baton_engine *engine, baton_workflow *w, const char *id) {
    buffer b = {0};
    engine_observe(engine, write_event, NULL, &b);
    submit_as(engine, w, id, NULL, NULL);
    run_all(engine);
    engine_observe(engine, NULL, NULL, NULL);
    baton_value events = baton_value_array();
    for (const char *line = buffer_text(&b), *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        assert_non_null(end);
        events = baton_value_append(events, baton_value_parse(line, (size_t)(end - line), NULL));
    }
    buffer_done(&b);
    return events;
}

/* "workflow.started task.created:/do/0/a ..." */
static void expect_events(baton_value events, const char *expected) {
    buffer b = {0};
    for (size_t i = 0; i < baton_value_size(events); i++) {
        baton_value e = baton_value_at(events, i), data = baton_value_get(e, "data");
        const char *type = value_get_text(e, "type"), *task = value_get_text(data, "task");
        assert_memory_equal(type, "io.serverlessworkflow.", 22);
        size_t size = strlen(type);
        assert_string_equal(type + size - 3, ".v1");
        buffer_printf(&b, "%s%.*s%s%s", i ? " " : "", (int)(size - 25), type + 22, task ? ":" : "",
                      task ? task : "");
        baton_value_unref(data);
        baton_value_unref(e);
    }
    assert_string_equal(buffer_text(&b), expected);
    buffer_done(&b);
}

static void test_events_of_a_success(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_from(
        HEAD
        "do: [{a: {set: {x: 1}}}, {b: {if: '${ false }', set: {x: 2}}}, {c: {wait: {milliseconds: 1}}}]\n",
        NULL);
    baton_value events = events_of(engine, w, "one");
    expect_events(events,
                  "workflow.started task.created:/do/0/a task.started:/do/0/a task.completed:/do/0/a "
                  "task.created:/do/2/c task.started:/do/2/c task.completed:/do/2/c workflow.completed");
    baton_value e = baton_value_at(events, 0), data = baton_value_get(e, "data");
    assert_string_equal(value_get_text(e, "specversion"), "1.0");
    assert_string_equal(value_get_text(e, "id"), "one/1/1");
    assert_string_equal(value_get_text(e, "source"), "/shop/order/1.2.3");
    assert_string_equal(value_get_text(e, "subject"), "one");
    assert_string_equal(value_get_text(e, "datacontenttype"), "application/json");
    assert_string_equal(value_get_text(data, "name"), "order-one.shop");
    assert_string_equal(value_get_text(data, "startedAt"), value_get_text(e, "time"));
    expect_json(baton_value_get(data, "definition"),
                "{\"name\":\"order\",\"namespace\":\"shop\",\"version\":\"1.2.3\"}");
    baton_value_unref(data);
    baton_value_unref(e);
    e = baton_value_at(events, 2); /* the second event of one record */
    data = baton_value_get(e, "data");
    assert_non_null(strstr(value_get_text(e, "id"), "/2"));
    assert_string_equal(value_get_text(data, "workflow"), "order-one.shop");
    assert_true(baton_value_has(data, "startedAt"));
    assert_false(baton_value_has(data, "definition"));
    baton_value_unref(data);
    baton_value_unref(e);
    e = baton_value_at(events, 7);
    data = baton_value_get(e, "data");
    expect_json(baton_value_get(data, "output"), "{\"x\":1}");
    assert_true(baton_value_has(data, "completedAt"));
    baton_value_unref(data);
    baton_value_unref(e);
    /* No id comes twice. */
    for (size_t i = 0; i < baton_value_size(events); i++)
        for (size_t k = 0; k < i; k++) {
            baton_value a = baton_value_at(events, i), b = baton_value_at(events, k);
            assert_string_not_equal(value_get_text(a, "id"), value_get_text(b, "id"));
            baton_value_unref(a);
            baton_value_unref(b);
        }
    baton_value_unref(events);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_events_of_a_failure(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_from(
        HEAD "do: [{a: {try: [{b: {raise: {error: {type: 'https://x.org/e', status: 400}}}}], "
             "catch: {retry: {delay: {milliseconds: 1}, limit: {attempt: {count: 1}}}}}}]\n",
        NULL);
    baton_value events = events_of(engine, w, "one");
    expect_events(events,
                  "workflow.started task.created:/do/0/a task.started:/do/0/a "
                  "task.created:/do/0/a/try/0/b task.started:/do/0/a/try/0/b task.faulted:/do/0/a/try/0/b "
                  "task.retried:/do/0/a task.created:/do/0/a/try/0/b task.started:/do/0/a/try/0/b "
                  "task.faulted:/do/0/a/try/0/b task.faulted:/do/0/a workflow.faulted");
    baton_value e = baton_value_at(events, 11), data = baton_value_get(e, "data"),
                error = baton_value_get(data, "error");
    assert_string_equal(value_get_text(error, "type"), "https://x.org/e");
    assert_true(baton_value_has(data, "faultedAt"));
    baton_value_unref(error);
    baton_value_unref(data);
    baton_value_unref(e);
    baton_value_unref(events);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* Attempts of a step in C and rollbacks: a retry is told once, a rollback is no event of the DSL. */
static void test_events_of_steps_in_c(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = 1, .retry_delay_ms = 1);
    baton_workflow *w = workflow_with_rollback({.name = "a", .execute = step_say, .rollback = step_undo},
                                               {.name = "b", .execute = step_fail});
    baton_value events = events_of(engine, w, "one");
    expect_events(events,
                  "workflow.started task.created:/do/0/a task.started:/do/0/a task.completed:/do/0/a "
                  "task.created:/do/1/b task.started:/do/1/b task.retried:/do/1/b task.faulted:/do/1/b "
                  "workflow.faulted");
    baton_value_unref(events);
    baton_workflow_free(w);
    baton_engine_free(engine);
    buffer_done(&kit_journal);
}

static void test_events_of_steering(void **state) {
    (void)state;
    buffer b = {0};
    baton_engine *engine = engine_with(.execution_timeout_ms = -1);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_wait});
    engine_observe(engine, write_event, NULL, &b);
    submit_as(engine, w, "one", NULL, NULL);
    run_all(engine);
    baton_engine_suspend(engine, "one", NULL);
    baton_engine_resume(engine, "one", NULL);
    baton_engine_cancel(engine, "one", NULL);
    static const char *const types[] = {"workflow.started",   "task.created",     "task.started",
                                        "workflow.suspended", "workflow.resumed", "task.cancelled",
                                        "workflow.cancelled"};
    const char *at = buffer_text(&b);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        at = strstr(at, types[i]);
        assert_non_null(at);
    }
    assert_int_equal(count_in(buffer_text(&b), "\n"), 7);
    buffer_done(&b);
    baton_workflow_free(w);
    baton_engine_free(engine);
    buffer_done(&kit_journal);
}

/* After a crash a step begins again, and only then is its beginning told as a retry: after a failed attempt
 * that was done before. The record is what a journal gives back. */
static void test_event_of_an_interrupted_step(void **state) {
    (void)state;
    baton_workflow *w = workflow_from(HEAD "do: [{a: {set: {x: 1}}}]\n", NULL);
    const lifecycle_source source = {w, "one"};
    record r = {.kind = RECORD_STEP_STARTED,
                .number = 7,
                .key = 2,
                .attempt = 2,
                .step = workflow_find_step(w, "/do/0/a"),
                .time_ns = 1800000000123000000,
                .data = json("{\"interrupted\":true}")};
    buffer b = {0};
    lifecycle_write(&b, &source, &r);
    assert_string_equal(buffer_text(&b),
                        "{\"specversion\":\"1.0\",\"id\":\"one/7/1\",\"source\":\"/shop/order/1.2.3\","
                        "\"type\":\"io.serverlessworkflow.task.retried.v1\",\"subject\":\"one\","
                        "\"time\":\"2027-01-15T08:00:00.123Z\",\"datacontenttype\":\"application/json\","
                        "\"data\":{\"workflow\":\"order-one.shop\",\"task\":\"/do/0/a\","
                        "\"retriedAt\":\"2027-01-15T08:00:00.123Z\"}}\n");
    static const char *const others[] = {"null", "{\"interrupted\":false}", "{}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        buffer_clear(&b);
        value_assign(&r.data, json(others[i]));
        lifecycle_write(&b, &source, &r);
        assert_string_equal(buffer_text(&b), "");
    }
    value_assign(&r.data, VALUE_INVALID);
    lifecycle_write(&b, &source, &r);
    assert_string_equal(buffer_text(&b), "");
    /* The first beginning is told as ever, whatever its data. */
    r.attempt = 1;
    value_assign(&r.data, json("{\"interrupted\":true}"));
    lifecycle_write(&b, &source, &r);
    assert_non_null(strstr(buffer_text(&b), "\"one/7/1\",\"source\":\"/shop/order/1.2.3\",\"type\":"
                                            "\"io.serverlessworkflow.task.created.v1\""));
    assert_non_null(strstr(buffer_text(&b), "\"one/7/2\""));
    baton_value_unref(r.data);
    buffer_done(&b);
    baton_workflow_free(w);
}

/* What no event is made of. */
static void test_records_without_events(void **state) {
    (void)state;
    baton_workflow *w = workflow_from(HEAD "do: [{a: {set: {x: 1}}}]\n", NULL);
    static const record_kind kinds[] = {RECORD_STEP_SKIPPED, RECORD_STEPS_COMPLETED,
                                        RECORD_ROLLBACK_STARTED, RECORD_ROLLBACK_COMPLETED,
                                        RECORD_ROLLBACK_FAULTED};
    buffer b = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const record r = {.kind = kinds[i], .number = 3, .step = workflow_find_step(w, "/do/0/a")};
        lifecycle_write(&b, &(lifecycle_source){w, "one"}, &r);
    }
    assert_int_equal(b.size, 0);
    baton_workflow_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_of_a_success),          cmocka_unit_test(test_events_of_a_failure),
        cmocka_unit_test(test_events_of_steps_in_c),         cmocka_unit_test(test_events_of_steering),
        cmocka_unit_test(test_event_of_an_interrupted_step), cmocka_unit_test(test_records_without_events),
    };
    return cmocka_run_group_tests_name("lifecycle", tests, NULL, NULL);
}
