/* The scheduler. The tests named "ExecutionScheduler.x" hold what the seed's method x promises; the others
 * hold what Baton adds: low priority, cycles, estimates that learn.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static baton_scheduler *make(void) {
    baton_scheduler *scheduler = baton_scheduler_new();
    assert_non_null(scheduler);
    return scheduler;
}

static baton_scheduled schedule(baton_scheduler *scheduler, baton_schedule_request request) {
    baton_scheduled scheduled;
    assert_int_equal(baton_scheduler_schedule(scheduler, &request, &scheduled, NULL), 0);
    return scheduled;
}

/* Schedules id with one dependency, or none when it is NULL; the code of the error. */
static baton_error_code schedule_after(baton_scheduler *scheduler, const char *id, const char *dependency) {
    baton_schedule_request request = {
        .id = id, .dependencies = &dependency, .dependency_count = dependency != NULL};
    baton_error *err = NULL;
    int outcome = baton_scheduler_schedule(scheduler, &request, NULL, &err);
    baton_error_code code = baton_error_get_code(err);
    assert_int_equal(outcome, code == BATON_ERROR_NONE ? 0 : -1);
    baton_error_free(err);
    return code;
}

static void test_schedule_gives_all_fields(void **state) {
    (void)state;
    baton_scheduler *scheduler = make();
    char id[] = "exec_1", first[] = "exec_0", *dependencies[] = {first, "exec_x"};
    baton_scheduled scheduled = schedule(scheduler, (baton_schedule_request){
                                                        .id = id,
                                                        .step_count = 3,
                                                        .dependencies = (const char *const *)dependencies,
                                                        .dependency_count = 2,
                                                        .now_ms = 1234,
                                                    });
    id[0] = first[0] = 'X'; /* the request's texts were copied */
    assert_string_equal(scheduled.id, "exec_1");
    assert_int_equal(scheduled.scheduled_at_ms, 1234);
    assert_int_equal(scheduled.priority, 1);
    assert_int_equal(scheduled.estimated_duration_ms, 90000);
    assert_int_equal(scheduled.dependency_count, 2);
    assert_string_equal(scheduled.dependencies[0], "exec_0");
    assert_string_equal(scheduled.dependencies[1], "exec_x");
    baton_scheduler_free(scheduler);
    baton_scheduler_free(NULL);
}

static void test_schedule_refuses_an_id_twice(void **state) {
    (void)state;
    baton_scheduler *scheduler = make();
    assert_int_equal(schedule_after(scheduler, "a", NULL), BATON_ERROR_NONE);
    assert_int_equal(schedule_after(scheduler, "a", NULL), BATON_ERROR_CONFLICT);
    baton_scheduler_remove(scheduler, "a");
    assert_int_equal(schedule_after(scheduler, "a", NULL), BATON_ERROR_NONE);
    baton_scheduler_free(scheduler);
}

static void test_calculate_priority(void **state) {
    (void)state;
    static const struct {
        const char *priority;
        bool critical;
        int expected;
    } rows[] = {
        {NULL, false, 1}, {"normal", false, 1}, {"high", false, 6}, {"low", false, 0}, {"urgent", false, 1},
        {NULL, true, 11}, {"normal", true, 11}, {"high", true, 16}, {"low", true, 10},
    };
    baton_scheduler *scheduler = make();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        baton_scheduled scheduled =
            schedule(scheduler, (baton_schedule_request){
                                    .id = "a", .priority = rows[i].priority, .critical = rows[i].critical});
        assert_int_equal(scheduled.priority, rows[i].expected);
        baton_scheduler_remove(scheduler, "a");
    }
    baton_scheduler_free(scheduler);
}

static int64_t estimate(baton_scheduler *scheduler, const char *workflow, size_t step_count) {
    baton_scheduled scheduled = schedule(
        scheduler,
        (baton_schedule_request){.id = "estimated", .workflow = workflow, .step_count = step_count});
    baton_scheduler_remove(scheduler, "estimated");
    return scheduled.estimated_duration_ms;
}

static void test_estimate_duration_is_30_seconds_a_step(void **state) {
    (void)state;
    baton_scheduler *scheduler = make();
    assert_int_equal(estimate(scheduler, NULL, 0), 30000);
    assert_int_equal(estimate(scheduler, "w", 1), 30000);
    assert_int_equal(estimate(scheduler, "w", 7), 210000);
    assert_int_equal(estimate(scheduler, NULL, SIZE_MAX), LIMIT_ESTIMATE_MS);
    baton_scheduler_free(scheduler);
}

static void test_estimates_learn(void **state) {
    (void)state;
    baton_scheduler *scheduler = make();
    baton_scheduler_learn(scheduler, "w", 1000);
    assert_int_equal(estimate(scheduler, "w", 3), 1000);
    assert_int_equal(estimate(scheduler, "other", 3), 90000);
    assert_int_equal(estimate(scheduler, NULL, 3), 90000);
    baton_scheduler_learn(scheduler, "w", 2000);
    assert_int_equal(estimate(scheduler, "w", 3), 1250);
    for (int i = 0; i < 50; i++) baton_scheduler_learn(scheduler, "w", 2000);
    assert_int_equal(estimate(scheduler, "w", 3), 2000);
    baton_scheduler_learn(scheduler, "negative", -5);
    assert_int_equal(estimate(scheduler, "negative", 3), 0);
    baton_scheduler_learn(scheduler, "forever", INT64_MAX);
    assert_int_equal(estimate(scheduler, "forever", 3), LIMIT_ESTIMATE_MS);
    char name[LIMIT_NAME_BYTES + 2] = "";
    memset(name, 'n', LIMIT_NAME_BYTES + 1);
    baton_scheduler_learn(scheduler, name, 5);
    assert_int_equal(estimate(scheduler, name, 1), 30000); /* no name is that long */
    baton_scheduler_learn(scheduler, name + 1, 5);
    assert_int_equal(estimate(scheduler, name + 1, 1), 5);
    baton_scheduler_free(scheduler);
}

static void test_the_least_recently_learned_is_forgotten(void **state) {
    (void)state;
    baton_scheduler *scheduler = make();
    char name[16];
    for (int i = 0; i < LIMIT_HISTORIES; i++) {
        snprintf(name, sizeof name, "w%d", i);
        baton_scheduler_learn(scheduler, name, i);
    }
    baton_scheduler_learn(scheduler, "w0", 0);
    baton_scheduler_learn(scheduler, "w5", 5);
    baton_scheduler_learn(scheduler, "one more", 7);
    assert_int_equal(estimate(scheduler, "w0", 1), 0);
    assert_int_equal(estimate(scheduler, "w1", 1), 30000);
    assert_int_equal(estimate(scheduler, "w2", 1), 2);
    assert_int_equal(estimate(scheduler, "one more", 1), 7);
    for (int i = 0; i < LIMIT_HISTORIES - 1; i++) {
        snprintf(name, sizeof name, "v%d", i);
        baton_scheduler_learn(scheduler, name, 1);
    }
    assert_int_equal(estimate(scheduler, "w5", 1), 30000);
    assert_int_equal(estimate(scheduler, "one more", 1), 7);
    assert_int_equal(estimate(scheduler, "v0", 1), 1);
    baton_scheduler_free(scheduler);
}

static void test_identify_dependencies(void **state) {
    (void)state;
    baton_scheduler *scheduler = make();
    baton_scheduled scheduled = schedule(scheduler, (baton_schedule_request){.id = "alone"});
    assert_int_equal(scheduled.dependency_count, 0);
    assert_null(scheduled.dependencies);

    enum { MANY = LIMIT_DEPENDENCIES };
    static char texts[MANY + 1][16];
    const char *dependencies[MANY + 1];
    for (int i = 0; i <= MANY; i++) {
        snprintf(texts[i], sizeof texts[i], "dependency %d", i);
        dependencies[i] = texts[i];
    }
    baton_schedule_request request = {
        .id = "many", .dependencies = dependencies, .dependency_count = MANY + 1};
    baton_error *err = NULL;
    assert_int_equal(baton_scheduler_schedule(scheduler, &request, NULL, &err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_LIMIT);
    baton_error_free(err);
    assert_false(baton_scheduler_get(scheduler, "many", NULL));
    request.dependency_count = MANY;
    scheduled = schedule(scheduler, request);
    for (int i = 0; i < MANY; i++) assert_string_equal(scheduled.dependencies[i], texts[i]);
    assert_true(baton_scheduler_remove(scheduler, "many"));
    baton_scheduler_free(scheduler);
}

static void test_dependencies_do_not_lead_back(void **state) {
    (void)state;
    baton_scheduler *scheduler = make();
    assert_int_equal(schedule_after(scheduler, "self", "self"), BATON_ERROR_CYCLE);
    /* What an execution depends on may be scheduled after it. */
    assert_int_equal(schedule_after(scheduler, "a", "b"), BATON_ERROR_NONE);
    assert_int_equal(schedule_after(scheduler, "b", "c"), BATON_ERROR_NONE);
    assert_int_equal(schedule_after(scheduler, "c", "a"), BATON_ERROR_CYCLE);
    assert_false(baton_scheduler_get(scheduler, "c", NULL));
    assert_int_equal(schedule_after(scheduler, "c", "d"), BATON_ERROR_NONE);
    assert_int_equal(schedule_after(scheduler, "d", "b"), BATON_ERROR_CYCLE);
    assert_true(baton_scheduler_remove(scheduler, "b"));
    assert_int_equal(schedule_after(scheduler, "d", "a"), BATON_ERROR_NONE); /* a's way ends at b now */
    assert_int_equal(schedule_after(scheduler, "b", "c"), BATON_ERROR_CYCLE);

    const char *both[] = {"elsewhere", "x", "a"};
    baton_schedule_request request = {.id = "y", .dependencies = both, .dependency_count = 3};
    assert_int_equal(baton_scheduler_schedule(scheduler, &request, NULL, NULL), 0);
    request.id = "x"; /* x -> x */
    baton_error *err = NULL;
    assert_int_equal(baton_scheduler_schedule(scheduler, &request, NULL, &err), -1);
    assert_string_equal(baton_error_message(err), "execution 'x' depends on itself through 'x'");
    baton_error_free(err);
    baton_scheduler_free(scheduler);
}

/* Every node depends on both of the row before: 2^60 ways, each node is walked once. */
static void test_a_dense_graph_is_walked_once(void **state) {
    (void)state;
    enum { ROWS = 60 };
    baton_scheduler *scheduler = make();
    char ids[ROWS][2][8];
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < 2; j++) {
            snprintf(ids[i][j], sizeof ids[i][j], "%d.%d", i, j);
            const char *before[] = {i ? ids[i - 1][0] : "root", i ? ids[i - 1][1] : "root"};
            schedule(scheduler, (baton_schedule_request){
                                    .id = ids[i][j], .dependencies = before, .dependency_count = 2});
        }
    }
    assert_int_equal(schedule_after(scheduler, "top", ids[ROWS - 1][0]), BATON_ERROR_NONE);
    assert_int_equal(schedule_after(scheduler, "root", "top"), BATON_ERROR_CYCLE);
    baton_scheduler_free(scheduler);
}

static void test_get_scheduled_execution(void **state) {
    (void)state;
    baton_scheduler *scheduler = make();
    baton_scheduled scheduled = {.id = "untouched"};
    assert_false(baton_scheduler_get(scheduler, "a", &scheduled));
    assert_string_equal(scheduled.id, "untouched");
    schedule(scheduler, (baton_schedule_request){.id = "a", .priority = "high", .now_ms = 5});
    assert_true(baton_scheduler_get(scheduler, "a", NULL));
    assert_true(baton_scheduler_get(scheduler, "a", &scheduled));
    assert_string_equal(scheduled.id, "a");
    assert_int_equal(scheduled.priority, 6);
    assert_int_equal(scheduled.scheduled_at_ms, 5);
    assert_false(baton_scheduler_get(scheduler, "b", NULL));
    baton_scheduler_free(scheduler);
}

static void test_remove_scheduled_execution(void **state) {
    (void)state;
    baton_scheduler *scheduler = make();
    assert_false(baton_scheduler_remove(scheduler, "a"));
    schedule_after(scheduler, "a", NULL);
    schedule_after(scheduler, "b", NULL);
    assert_true(baton_scheduler_remove(scheduler, "a"));
    assert_false(baton_scheduler_remove(scheduler, "a"));
    assert_false(baton_scheduler_get(scheduler, "a", NULL));
    assert_true(baton_scheduler_get(scheduler, "b", NULL));
    baton_scheduler_free(scheduler);
}

static void test_statistics(void **state) {
    (void)state;
    baton_scheduler *scheduler = make();
    baton_scheduler_statistics statistics = baton_scheduler_get_statistics(scheduler);
    assert_int_equal(statistics.scheduled_executions, 0);
    assert_true(statistics.average_priority == 0);
    assert_true(statistics.average_duration == 0);

    schedule(scheduler, (baton_schedule_request){.id = "a", .step_count = 1});
    schedule(scheduler, (baton_schedule_request){.id = "b", .step_count = 4, .priority = "high"});
    statistics = baton_scheduler_get_statistics(scheduler);
    assert_int_equal(statistics.scheduled_executions, 2);
    assert_true(statistics.average_priority == 3.5);
    assert_true(statistics.average_duration == 75000);

    baton_scheduler_remove(scheduler, "a");
    statistics = baton_scheduler_get_statistics(scheduler);
    assert_int_equal(statistics.scheduled_executions, 1);
    assert_true(statistics.average_priority == 6);
    assert_true(statistics.average_duration == 120000);
    baton_scheduler_free(scheduler);
}

static void test_many_executions_come_and_go(void **state) {
    (void)state;
    enum { MANY = 5000 };
    baton_scheduler *scheduler = make();
    char long_id[LIMIT_ID_BYTES + 1];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            /* Ids of every length, so that records are of every size. */
            memset(long_id, 'x', sizeof long_id);
            snprintf(long_id + i % 100, sizeof long_id - 100, "%d", i);
            assert_int_equal(schedule_after(scheduler, long_id, i % 3 ? NULL : "elsewhere"),
                             BATON_ERROR_NONE);
        }
        assert_int_equal(baton_scheduler_get_statistics(scheduler).scheduled_executions, MANY);
        for (int i = 0; i < MANY && round < 2; i++) {
            memset(long_id, 'x', sizeof long_id);
            snprintf(long_id + i % 100, sizeof long_id - 100, "%d", i);
            assert_true(baton_scheduler_remove(scheduler, long_id));
        }
    }
    baton_scheduler_free(scheduler);
}

#define ROW(name, function) \
    { name, function, NULL, NULL, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        ROW("ExecutionScheduler.schedule gives all fields", test_schedule_gives_all_fields),
        ROW("schedule refuses an id twice", test_schedule_refuses_an_id_twice),
        ROW("ExecutionScheduler.calculatePriority", test_calculate_priority),
        ROW("ExecutionScheduler.estimateDuration", test_estimate_duration_is_30_seconds_a_step),
        ROW("estimates learn", test_estimates_learn),
        ROW("the least recently learned is forgotten", test_the_least_recently_learned_is_forgotten),
        ROW("ExecutionScheduler.identifyDependencies", test_identify_dependencies),
        ROW("dependencies do not lead back", test_dependencies_do_not_lead_back),
        ROW("a dense graph is walked once", test_a_dense_graph_is_walked_once),
        ROW("ExecutionScheduler.getScheduledExecution", test_get_scheduled_execution),
        ROW("ExecutionScheduler.removeScheduledExecution", test_remove_scheduled_execution),
        ROW("ExecutionScheduler.getStatistics with both averages", test_statistics),
        ROW("many executions come and go", test_many_executions_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
