/* The loop: what comes from other threads, what is due at once, and a system that gives no event loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine_kit.h"

#include <dlfcn.h>

/* ---- libuv, with something in the way ---- */

static int refuse_loop, refuse_async;
static void (*before_async)(void);

int uv_loop_init(uv_loop_t *loop) {
    if (refuse_loop) return UV_EMFILE;
    return ((int (*)(uv_loop_t *))dlsym(RTLD_NEXT, "uv_loop_init"))(loop);
}

int uv_async_init(uv_loop_t *loop, uv_async_t *async, uv_async_cb call) {
    if (before_async) before_async();
    if (refuse_async && async != &loop->wq_async) return UV_EMFILE; /* that one is the loop's own */
    return ((int (*)(uv_loop_t *, uv_async_t *, uv_async_cb))dlsym(RTLD_NEXT, "uv_async_init"))(loop, async,
                                                                                                call);
}

static void expect_no_loop(void) {
    buffer log = {0};
    baton_engine *engine = engine_with(.log = kit_log, .log_data = &log, .log_level = BATON_LOG_ERROR);
    baton_completion *c = NULL;
    baton_workflow *w = workflow_of({.name = "a", .execute = step_defer, .data = &c});
    baton_result *result = NULL;
    baton_error *err = NULL;
    assert_int_equal(baton_engine_execute(engine, w, NULL, NULL, &result, &err), -1);
    expect_code(err, BATON_ERROR_STORE);
    assert_non_null(strstr(buffer_text(&log), "too many open files"));
    baton_completion_free(c);
    baton_workflow_free(w);
    baton_engine_free(engine);
    buffer_done(&log);
}

static void test_no_event_loop(void **state) {
    (void)state;
    refuse_loop = 1;
    expect_no_loop();
    refuse_loop = 0;
    refuse_async = 1;
    expect_no_loop();
    refuse_async = 0;
}

static baton_completion *early;

static void complete_early(void) {
    if (early) assert_int_equal(baton_completion_succeed(early, "1", 1, NULL), 0);
    baton_completion_free(early);
    early = NULL;
}

/* A completion that comes after the last look at the messages, but before anybody can be woken. */
static void test_completed_before_the_first_wait(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    before_async = complete_early;
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = step_defer, .data = &early}), NULL, NULL);
    before_async = NULL;
    assert_true(baton_result_success(result));
    assert_true(baton_result_duration_ms(result) < 10000);
    baton_result_free(result);
    baton_engine_free(engine);
}

/* A retry that waits no time at all: its timer is due before the loop sleeps. */
static void test_timer_due_at_once(void **state) {
    (void)state;
    baton_engine *engine = engine_with(.retry_attempts = 20, .retry_delay_ms = -1);
    baton_result *result =
        execute_once(engine, workflow_of({.name = "a", .execute = step_fail}), NULL, NULL);
    baton_step_result step;
    assert_true(baton_result_step(result, 0, &step));
    assert_int_equal(step.attempts, 21);
    assert_true(baton_result_duration_ms(result) < 10000);
    baton_result_free(result);
    baton_engine_free(engine);
}

static void *complete_soon(void *data) {
    usleep(200);
    baton_completion_succeed(data, NULL, 0, NULL);
    baton_completion_free(data);
    return NULL;
}

static int defer_shortly(baton_step_call *call, baton_error **err) {
    (void)err;
    pthread_create(baton_step_call_data(call), NULL, complete_soon, baton_step_call_defer(call));
    return 0;
}

/* As long as nobody sets the clock, time does not go backwards over a wait. */
static void test_time_goes_forward(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        baton_result *result = execute_once(
            engine, workflow_of({.name = "a", .execute = defer_shortly, .data = &thread}), NULL, NULL);
        pthread_join(thread, NULL);
        baton_step_result step;
        assert_true(baton_result_step(result, 0, &step));
        assert_true(step.duration_ns >= 190000);
        assert_true(baton_result_duration_ns(result) >= step.duration_ns);
        baton_result_free(result);
    }
    baton_engine_free(engine);
}

static void test_nothing_to_do(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    run_all(engine);
    run_all(engine);
    assert_false(engine_wait(engine, INT64_MAX));
    baton_engine_free(engine);
}

/* ---- Other threads ---- */

enum { THREADS = 4, EACH = 300 };

typedef struct crowd {
    baton_engine *engine;
    baton_workflow *workflow;
    baton_completion *keeper; /* keeps the loop alive until all have come */
    atomic_int left, done, refused;
} crowd;

static void count_one(void *data, const baton_result *result) {
    crowd *c = data;
    if (baton_result_success(result)) atomic_fetch_add(&c->done, 1);
}

static void *submit_many(void *data) {
    crowd *c = data;
    for (int i = 0; i < EACH; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "{\"n\":[%d]}", i);
        baton_value input = baton_value_parse(text, (size_t)size, NULL);
        baton_context *context = baton_context_new();
        baton_context_set(context, "n", baton_value_ref(input));
        const baton_execution_options options = {.input = input};
        char id[LIMIT_ID_BYTES + 1];
        baton_error *err = NULL;
        while (baton_engine_submit(c->engine, c->workflow, context, &options, count_one, c, id, &err) !=
               0) {
            if (baton_error_get_code(err) != BATON_ERROR_QUEUE_FULL) abort();
            atomic_fetch_add(&c->refused, 1);
            baton_error_free(err);
            err = NULL;
            sched_yield();
        }
        baton_value_unref(input); /* while the execution has its own */
        baton_context_free(context);
        if (i % 7 == 0) baton_engine_suspend(c->engine, "nobody", NULL);
    }
    if (atomic_fetch_sub(&c->left, 1) == 1) baton_completion_succeed(c->keeper, NULL, 0, NULL);
    return NULL;
}

static int read_all(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_value input = baton_step_call_input(call), n = baton_value_get(input, "n");
    baton_value mine = baton_context_get(baton_step_call_context(call), "n");
    baton_value same = baton_value_get(mine, "n");
    if (!baton_value_equal(n, same)) abort();
    baton_step_call_output(call, baton_value_ref(n));
    baton_value_unref(same);
    baton_value_unref(mine);
    baton_value_unref(n);
    baton_value_unref(input);
    return 0;
}

static void submit_from_threads(bool before_the_loop) {
    baton_engine *engine = engine_with(.max_queue_size = 20);
    crowd c = {
        .engine = engine, .workflow = workflow_of({.name = "a", .execute = read_all}), .left = THREADS};
    baton_workflow *keeper = workflow_of({.name = "k", .execute = step_defer, .data = &c.keeper});
    submit_as(engine, keeper, "keeper", NULL, NULL);
    engine_pump(engine);
    assert_non_null(c.keeper);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, submit_many, &c);
    if (before_the_loop) usleep(5000); /* the queue is full, and nobody runs it */
    /* The home thread asks meanwhile. */
    for (int i = 0; i < 100; i++) {
        assert_string_equal(status_in(engine, "keeper"), "active");
        assert_true(baton_engine_metrics(engine).queue_length <= 20);
    }
    run_all(engine);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    run_all(engine);
    assert_int_equal(atomic_load(&c.done), THREADS * EACH);
    baton_completion_free(c.keeper);
    baton_workflow_free(c.workflow);
    baton_workflow_free(keeper);
    baton_engine_free(engine);
}

static void test_submitted_from_threads(void **state) {
    (void)state;
    submit_from_threads(false);
    submit_from_threads(true);
    buffer_done(&kit_journal);
}

static void *submit_badly(void *data) {
    crowd *c = data;
    baton_error *err = NULL;
    const baton_execution_options options = {.id = "not an id"};
    if (baton_engine_submit(c->engine, c->workflow, NULL, &options, NULL, NULL, NULL, &err) != -1) abort();
    if (baton_error_get_code(err) != BATON_ERROR_USAGE) abort();
    baton_error_free(err);
    if (baton_engine_submit(c->engine, c->workflow, NULL, &options, NULL, NULL, NULL, NULL) != -1) abort();
    const char *const on[] = {"2"}, *const back[] = {"1"};
    const baton_execution_options circle[] = {{.id = "1", .dependencies = on, .dependency_count = 1},
                                              {.id = "2", .dependencies = back, .dependency_count = 1}};
    const baton_submission two[] = {{.workflow = c->workflow, .options = &circle[0]},
                                    {.workflow = c->workflow, .options = &circle[1]}};
    err = NULL;
    if (baton_engine_submit_batch(c->engine, two, 2, &err) != -1) abort();
    if (baton_error_get_code(err) != BATON_ERROR_CYCLE) abort();
    baton_error_free(err);
    baton_completion_succeed(c->keeper, NULL, 0, NULL);
    return NULL;
}

static void test_refused_from_a_thread(void **state) {
    (void)state;
    for (int running = 0; running < 2; running++) {
        baton_engine *engine = engine_with(0);
        crowd c = {.engine = engine, .workflow = workflow_of({.name = "a", .execute = step_say})};
        baton_workflow *keeper = workflow_of({.name = "k", .execute = step_defer, .data = &c.keeper});
        submit_as(engine, keeper, "keeper", NULL, NULL);
        engine_pump(engine);
        pthread_t thread;
        pthread_create(&thread, NULL, submit_badly, &c);
        if (!running) pthread_join(thread, NULL);
        run_all(engine);
        if (running) pthread_join(thread, NULL);
        baton_completion_free(c.keeper);
        baton_workflow_free(c.workflow);
        baton_workflow_free(keeper);
        baton_engine_free(engine);
    }
    buffer_done(&kit_journal);
}

/* Steered from another thread while nobody runs the engine: done when somebody does. */
static void *steer_from_afar(void *data) {
    baton_engine_suspend(data, "one", NULL);
    baton_engine_cancel(data, "two", NULL);
    return NULL;
}

static void test_steered_from_a_thread(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say});
    submit_as(engine, w, "one", note_done, NULL);
    submit_as(engine, w, "two", note_done, NULL);
    submit_as(engine, w, "three", note_done, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, steer_from_afar, engine);
    pthread_join(thread, NULL);
    run_all(engine);
    expect_journal("two=cancelled a three=completed");
    assert_string_equal(status_in(engine, "one"), "suspended");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

#define TEST(name) cmocka_unit_test_setup(name, kit_setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_no_event_loop),         TEST(test_completed_before_the_first_wait),
        TEST(test_timer_due_at_once),     TEST(test_time_goes_forward),
        TEST(test_nothing_to_do),         TEST(test_submitted_from_threads),
        TEST(test_refused_from_a_thread), TEST(test_steered_from_a_thread),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
