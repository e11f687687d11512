/* The inbox and the gate, alone: messages between threads, who may use the engine, and calls that are
 * handed over.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine_kit.h"

static void test_messages(void **state) {
    (void)state;
    inbox *in = inbox_new();
    assert_null(inbox_take(in));
    assert_true(inbox_post(in, message_new(MESSAGE_COMPLETION, "one", "[1]xx", 3)));
    assert_false(inbox_holds_cancel(in, "one"));
    assert_true(inbox_post(in, message_new(MESSAGE_CANCEL, "one", NULL, 0)));
    assert_true(inbox_holds_cancel(in, "one"));
    assert_false(inbox_holds_cancel(in, "two"));
    message *m = inbox_take(in), *next = m->next;
    assert_string_equal(m->text, "[1]"); /* a copy with an end of its own */
    assert_int_equal(m->size, 3);
    assert_int_equal(next->kind, MESSAGE_CANCEL);
    assert_null(next->next);
    message_free(m);
    message_free(next);
    message_free(NULL);
    assert_false(inbox_holds_cancel(in, "one"));
    /* What nobody takes is freed with it. */
    inbox_post(in, message_new(MESSAGE_SUSPEND, "one", NULL, 0));
    inbox_unref(inbox_ref(in));
    in->closed = true;
    assert_false(inbox_post(in, message_new(MESSAGE_CANCEL, "one", "text", 4)));
    inbox_unref(in);
    inbox_unref(NULL);
}

/* ---- The gate ---- */

typedef struct world {
    inbox *in;
    inbox_gate gate;
    atomic_int calls, inside, entered;
    pthread_t ran_on;
} world;

static int act(baton_engine *engine, void *data, baton_error **err) {
    (void)engine;
    world *w = data;
    if (atomic_fetch_add(&w->inside, 1) != 0) abort(); /* one at a time */
    w->ran_on = pthread_self();
    int n = atomic_fetch_add(&w->calls, 1);
    atomic_fetch_sub(&w->inside, 1);
    return n % 2 == 0 ? 0 : baton_error_set(err, BATON_ERROR_USAGE, "odd");
}

static int act_inside(baton_engine *engine, void *data, baton_error **err) {
    world *w = data;
    /* Whoever is inside is so for all that it calls. */
    assert_false(gate_enter(&w->gate));
    return gate_run(&w->gate, w->in, engine, act, w, err);
}

static void world_init(world *w) {
    *w = (world){.in = inbox_new()};
    gate_init(&w->gate);
}

static void test_the_gate_on_one_thread(void **state) {
    (void)state;
    world w;
    world_init(&w);
    assert_false(gate_is_foreign(&w.gate));
    baton_error *err = NULL;
    assert_int_equal(gate_run(&w.gate, w.in, NULL, act_inside, &w, &err), 0);
    assert_int_equal(gate_run(&w.gate, w.in, NULL, act, &w, &err), -1);
    expect_code(err, BATON_ERROR_USAGE);
    assert_true(gate_enter(&w.gate));
    assert_false(gate_enter(&w.gate));
    assert_int_equal(gate_run(&w.gate, w.in, NULL, act, &w, NULL), 0);
    gate_leave(&w.gate, w.in);
    assert_int_equal(w.calls, 3);
    inbox_unref(w.in);
}

static void *call_once(void *data) {
    world *w = data;
    if (!gate_is_foreign(&w->gate)) abort();
    baton_error *err = NULL;
    int result = gate_run(&w->gate, w->in, NULL, act, w, &err);
    if ((result == 0) != (err == NULL)) abort();
    baton_error_free(err);
    return NULL;
}

/* Nobody is inside: the caller's own thread does it. */
static void test_a_call_when_the_gate_is_free(void **state) {
    (void)state;
    world w;
    world_init(&w);
    pthread_t thread;
    pthread_create(&thread, NULL, call_once, &w);
    pthread_t it = thread;
    pthread_join(thread, NULL);
    assert_true(pthread_equal(w.ran_on, it));
    inbox_unref(w.in);
}

static void wait_for_messages(world *w, unsigned count) {
    while (atomic_load(&w->in->waiting) < count) usleep(100);
}

/* A loop thread is inside: it does it. */
static void test_a_call_handed_over(void **state) {
    (void)state;
    world w;
    world_init(&w);
    pthread_t threads[2];
    gate_enter(&w.gate);
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, call_once, &w);
    wait_for_messages(&w, 2);
    for (message *m = inbox_take(w.in), *next; m; m = next) {
        next = m->next;
        baton_error *err = NULL;
        int result = m->call(NULL, m->data, &err);
        inbox_answer(w.in, m, result, err);
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_true(pthread_equal(w.ran_on, pthread_self()));
    assert_int_equal(w.calls, 2);
    gate_leave(&w.gate, w.in);
    inbox_unref(w.in);
}

/* The loop thread leaves without an answer: the callers take their messages back, whatever stands around
 * them, and do it themselves. */
static void test_a_call_taken_back(void **state) {
    (void)state;
    world w;
    world_init(&w);
    enum { CALLERS = 3 };
    pthread_t threads[CALLERS];
    gate_enter(&w.gate);
    inbox_post(w.in, message_new(MESSAGE_CANCEL, "before", NULL, 0));
    for (int i = 0; i < CALLERS; i++) {
        pthread_create(&threads[i], NULL, call_once, &w);
        wait_for_messages(&w, (unsigned)i + 2);
    }
    inbox_post(w.in, message_new(MESSAGE_CANCEL, "after", NULL, 0));
    gate_leave(&w.gate, w.in);
    for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(w.calls, CALLERS);
    assert_int_equal(w.in->waiting, 2);
    message *m = inbox_take(w.in);
    assert_string_equal(m->id, "before");
    assert_string_equal(m->next->id, "after");
    message_free(m->next);
    message_free(m);
    /* The last one alone leaves an empty list in order. */
    gate_enter(&w.gate);
    pthread_create(&threads[0], NULL, call_once, &w);
    wait_for_messages(&w, 1);
    gate_leave(&w.gate, w.in);
    pthread_join(threads[0], NULL);
    assert_null(w.in->first);
    assert_null(w.in->last);
    inbox_unref(w.in);
}

static void *call_often(void *data) {
    for (int i = 0; i < 2000; i++) call_once(data);
    return NULL;
}

static void test_many_callers_while_the_loop_comes_and_goes(void **state) {
    (void)state;
    world w;
    world_init(&w);
    enum { CALLERS = 3 };
    pthread_t threads[CALLERS];
    for (int i = 0; i < CALLERS; i++) pthread_create(&threads[i], NULL, call_often, &w);
    while (atomic_load(&w.calls) < CALLERS * 2000) {
        assert_true(gate_enter(&w.gate));
        for (int i = 0; i < 20; i++)
            for (message *m = inbox_take(w.in), *next; m; m = next) {
                next = m->next;
                baton_error *err = NULL;
                int result = m->call(NULL, m->data, &err);
                inbox_answer(w.in, m, result, err);
            }
        gate_leave(&w.gate, w.in);
        usleep(50);
    }
    for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(w.calls, CALLERS * 2000);
    inbox_unref(w.in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_the_gate_on_one_thread),
        cmocka_unit_test(test_a_call_when_the_gate_is_free),
        cmocka_unit_test(test_a_call_handed_over),
        cmocka_unit_test(test_a_call_taken_back),
        cmocka_unit_test(test_many_callers_while_the_loop_comes_and_goes),
    };
    return cmocka_run_group_tests_name("inbox", tests, NULL, NULL);
}
