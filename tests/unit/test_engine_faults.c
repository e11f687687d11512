/* The engine without memory: every allocation of Baton's own fails once, in turn. Each failure must be
 * told, or not matter; nothing may leak, and nothing may be done twice.
 *
 * Allocations are counted where the linker was told to --wrap malloc, calloc and realloc; else there is
 * nothing to test.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine_kit.h"

#include "failing_allocation.h"

static void expect_no_memory(baton_error *err) {
    baton_error_code code = baton_error_get_code(err);
    if (code != BATON_ERROR_MEMORY && code != BATON_ERROR_STORE)
        fail_msg("%s: %s", baton_error_code_name(code), err ? baton_error_message(err) : "no error");
    baton_error_free(err);
}

/* Steps that allocate nothing of their own. */
static int quiet(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_step_call_output(call, baton_value_number(1));
    return 0;
}

static int look(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_context *context = baton_step_call_context(call);
    if (context) baton_value_unref(baton_context_get(context, "executionId"));
    return 0;
}

static int defer_now(baton_step_call *call, baton_error **err) {
    baton_completion *c = baton_step_call_defer(call);
    if (!c) return baton_error_set(err, BATON_ERROR_MEMORY, "no completion");
    int done = baton_completion_succeed(c, "[1]", 3, NULL);
    if (done != 0) done = baton_completion_succeed(c, "[1]", 3, err); /* it may be tried again */
    baton_completion_free(c);
    return done;
}

static int wait_now(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_step_call_wait(call);
    return 0;
}

static int undo_now(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static int fail_now(baton_step_call *call, baton_error **err) {
    (void)call;
    return baton_error_set(err, BATON_ERROR_STEP, "boom");
}

/* One thing to do with an engine: 0 when it succeeded, else *err is why. */
typedef int (*scene)(baton_workflow *w, baton_error **err);

static int in_engine(baton_workflow *w, const baton_execution_options *options, baton_error **err) {
    baton_engine *engine = baton_engine_new(&(baton_engine_options){.retry_delay_ms = -1}, err);
    if (!engine) return -1;
    baton_result *result = NULL;
    int done = baton_engine_execute(engine, w, NULL, options, &result, err);
    if (done == 0) {
        free(baton_result_to_json(result));
        baton_result_error(result);
        baton_result_free(result);
    }
    baton_engine_free(engine);
    return done;
}

static int execute_basic(baton_workflow *w, baton_error **err) { return in_engine(w, NULL, err); }

static int execute_simple(baton_workflow *w, baton_error **err) {
    return in_engine(w, &(baton_execution_options){.strategy = "simple", .id = "one"}, err);
}

static int register_strategies(baton_workflow *w, baton_error **err) {
    (void)w;
    baton_engine *engine = baton_engine_new(NULL, err);
    if (!engine) return -1;
    const baton_strategy strategy = {.name = "mine"};
    int done = baton_engine_register_strategy(engine, "mine", &strategy, err);
    if (done == 0) done = baton_engine_register_strategy(engine, "basic", &strategy, err);
    baton_engine_free(engine);
    return done;
}

static int submit_batch(baton_workflow *w, baton_error **err) {
    baton_engine *engine = baton_engine_new(NULL, err);
    if (!engine) return -1;
    baton_context *context = baton_context_new();
    const char *const on[] = {"0"};
    baton_execution_options options[6];
    baton_submission submissions[6];
    static const char *const ids[] = {"0", "1", "2", "3", "4", "5"};
    for (int i = 0; i < 6; i++) {
        options[i] = (baton_execution_options){.id = ids[i], .dependencies = on, .dependency_count = i > 0};
        submissions[i] = (baton_submission){.workflow = w, .context = context, .options = &options[i]};
    }
    int done = baton_engine_submit_batch(engine, submissions, 6, err);
    baton_metrics metrics = baton_engine_metrics(engine);
    if (done != 0) /* all or nothing */
        assert_int_equal(metrics.queue_length + metrics.waiting_executions, 0);
    else
        done = baton_engine_run(engine, err);
    if (done == 0) assert_int_equal(baton_engine_metrics(engine).completed, 6);
    baton_engine_free(engine);
    baton_context_free(context);
    return done;
}

static int deliver_early_and_late(baton_workflow *w, baton_error **err) {
    baton_engine *engine = baton_engine_new(&(baton_engine_options){.execution_timeout_ms = -1}, err);
    if (!engine) return -1;
    const baton_execution_options options = {.id = "one"};
    int done = baton_engine_submit(engine, w, NULL, &options, NULL, NULL, NULL, err);
    if (done == 0) done = baton_engine_deliver(engine, "one", "b", baton_value_number(2), err);
    if (done == 0) done = baton_engine_run(engine, err);
    if (done == 0) done = baton_engine_suspend(engine, "one", err);
    if (done == 0) done = baton_engine_resume(engine, "one", err);
    if (done == 0) done = baton_engine_deliver(engine, "one", "a", baton_value_number(1), err);
    if (done == 0) done = baton_engine_run(engine, err);
    if (done == 0) assert_int_equal(baton_engine_metrics(engine).completed, 1);
    baton_engine_free(engine);
    return done;
}

typedef struct foreign {
    baton_engine *engine;
    baton_workflow *workflow;
    baton_error *err;
    long until_fault;
    int done;
} foreign;

static void *submit_elsewhere(void *data) {
    foreign *f = data;
    baton_value input = baton_value_parse("[1]", 3, NULL);
    baton_context *context = baton_context_new();
    baton_context_set(context, "x", baton_value_ref(input));
    const baton_execution_options options = {.input = input};
    until_fault = f->until_fault;
    f->done = baton_engine_submit(f->engine, f->workflow, context, &options, NULL, NULL, NULL, &f->err);
    if (f->done == 0) f->done = baton_engine_cancel(f->engine, "nobody", &f->err);
    until_fault = -1;
    baton_context_free(context);
    baton_value_unref(input);
    return NULL;
}

static int submit_from_elsewhere(baton_workflow *w, baton_error **err) {
    foreign f = {.workflow = w, .until_fault = until_fault};
    until_fault = -1;
    f.engine = baton_engine_new(NULL, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, submit_elsewhere, &f);
    pthread_join(thread, NULL);
    if (f.done == 0) run_all(f.engine);
    baton_engine_free(f.engine);
    *err = f.err;
    return f.done;
}

static void fail_each(scene play, baton_workflow *w) {
    if (!__real_malloc) skip();
    for (long n = 0;; n++) {
        baton_error *err = NULL;
        faulted = false;
        until_fault = n;
        int done = play(w, &err);
        until_fault = -1;
        if (done != 0)
            expect_no_memory(err);
        else
            assert_null(err);
        if (faulted) continue;
        assert_int_equal(done, 0);
        assert_true(n > 0);
        break;
    }
    baton_workflow_free(w);
}

static void test_executions(void **state) {
    (void)state;
    const scene scenes[] = {execute_basic, execute_simple};
    for (int i = 0; i < 2; i++) {
        fail_each(scenes[i],
                  workflow_of({.name = "a", .execute = quiet}, {.name = "b", .execute = look},
                              {.name = "c", .execute = defer_now}, {.name = "d", .execute = quiet}));
        fail_each(scenes[i], workflow_with_rollback({.name = "a", .execute = quiet, .rollback = undo_now},
                                                    {.name = "b", .execute = quiet, .rollback = undo_now},
                                                    {.name = "c", .execute = fail_now}));
    }
}

static void test_branches(void **state) {
    (void)state;
    baton_registry *registry = baton_registry_new();
    const baton_step_type type = {.name = "quiet", .execute = quiet};
    baton_registry_add(registry, &type, NULL);
    fail_each(execute_basic,
              workflow_from(
                  "document: {dsl: 1.0.3, namespace: t, name: w, version: 0.1.0}\n"
                  "do: [{f: {fork: {branches: [{a: {call: quiet}}, {b: {call: quiet}}, {c: {call: quiet}}, "
                  "{d: {call: quiet}}, {e: {call: quiet}}, {w: {wait: {milliseconds: 1}}}]}}}]\n",
                  registry));
    baton_registry_free(registry);
}

static void test_processes(void **state) {
    (void)state;
    fail_each(execute_basic, workflow_from("document: {dsl: 1.0.3, namespace: t, name: w, version: 0.1.0}\n"
                                           "do: [{a: {run: {shell: {command: 'echo hello'}}}}]\n",
                                           NULL));
}

static void test_strategies(void **state) {
    (void)state;
    fail_each(register_strategies, workflow_of({.name = "a", .execute = quiet}));
}

static void test_batches(void **state) {
    (void)state;
    fail_each(submit_batch, workflow_of({.name = "a", .execute = quiet}));
}

static void test_deliveries(void **state) {
    (void)state;
    fail_each(deliver_early_and_late,
              workflow_of({.name = "a", .execute = wait_now}, {.name = "b", .execute = wait_now}));
}

static void test_another_thread(void **state) {
    (void)state;
    fail_each(submit_from_elsewhere, workflow_of({.name = "a", .execute = quiet}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_executions),     cmocka_unit_test(test_branches),
        cmocka_unit_test(test_processes),      cmocka_unit_test(test_strategies),
        cmocka_unit_test(test_batches),        cmocka_unit_test(test_deliveries),
        cmocka_unit_test(test_another_thread),
    };
    return cmocka_run_group_tests_name("engine_faults", tests, NULL, NULL);
}
