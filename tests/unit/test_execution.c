/* An execution's memory: frames, their order, status, wake time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "machine/record.h"
#include "machine_world.h"

static world *idle(void) { return world_new("do: [{a: {set: {a: 1}}}]", NULL, NULL); }

static void names(void **state) {
    (void)state;
    static const char *const statuses[] = {"pending",   "running", "waiting",  "suspended",
                                           "completed", "faulted", "cancelled"};
    for (int i = EXECUTION_PENDING; i <= EXECUTION_CANCELLED; i++)
        assert_string_equal(execution_status_name((execution_status)i), statuses[i]);
    assert_string_equal(record_kind_name(RECORD_STARTED), "started");
    assert_string_equal(record_kind_name(RECORD_ROLLBACK_FAULTED), "rollback_faulted");
}

static void status_may_stay(void **state) {
    (void)state;
    world *w = idle();
    execution_set_status(&w->x, EXECUTION_PENDING);
    execution_set_status(&w->x, EXECUTION_RUNNING);
    execution_set_status(&w->x, EXECUTION_RUNNING);
    assert_int_equal(w->x.status, EXECUTION_RUNNING);
    world_free(w);
}

static void frames(void **state) {
    (void)state;
    world *w = idle();
    baton_execution *x = &w->x;
    frame *root = frame_new(x, NULL), *a = frame_new(x, root), *b = frame_new(x, root),
          *c = frame_new(x, a);
    const step *s = w->workflow->steps[0];
    root->step = a->step = b->step = c->step = s;
    assert_ptr_equal(x->root, root);
    assert_ptr_equal(frame_next(root, root), a);
    assert_ptr_equal(frame_next(root, a), c);
    assert_ptr_equal(frame_next(root, c), b);
    assert_null(frame_next(root, b));
    b->ticket = 7;
    assert_ptr_equal(frame_by_ticket(root, 7), b);
    assert_null(frame_by_ticket(root, 8));
    /* Out of the ready list wherever they stand in it. */
    frame_make_ready(x, a);
    frame_make_ready(x, b);
    frame_make_ready(x, c);
    frame_free(x, b);
    assert_ptr_equal(x->ready, a);
    assert_ptr_equal(a->ready_next, c);
    assert_ptr_equal(x->ready_last, c);
    frame_free(x, c);
    assert_ptr_equal(x->ready_last, a);
    assert_int_equal(x->frame_count, 2);
    frame *again = frame_new(x, root);
    assert_true(again == b || again == c); /* used again */
    assert_int_equal(again->ticket, 0);
    frame_free(x, root);
    assert_null(x->root);
    assert_null(x->ready);
    assert_int_equal(x->frame_count, 0);
    world_free(w);
}

static void no_more_frames_than_the_limit(void **state) {
    (void)state;
    world *w = idle();
    frame *root = frame_new(&w->x, NULL), *f = root;
    root->step = w->workflow->steps[0];
    for (int i = 1; i < LIMIT_FRAMES; i++) {
        f = frame_new(&w->x, root->children ? root->children : root);
        assert_non_null(f);
        f->step = root->step;
        if (i % 2) f->phase = FRAME_INSIDE;
    }
    assert_null(frame_new(&w->x, root));
    world_free(w);
}

static void the_context_of_the_nearest_branch(void **state) {
    (void)state;
    world *w = idle();
    frame *root = frame_new(&w->x, NULL), *branch = frame_new(&w->x, root),
          *inside = frame_new(&w->x, branch);
    root->step = branch->step = inside->step = w->workflow->steps[0];
    branch->has_context = true;
    assert_ptr_equal(frame_context(&w->x, root), &w->x.context);
    assert_ptr_equal(frame_context(&w->x, inside), &branch->context);
    assert_ptr_equal(frame_context(&w->x, NULL), &w->x.context);
    world_free(w);
}

static void the_earliest_moment(void **state) {
    (void)state;
    world *w = idle();
    baton_execution *x = &w->x;
    assert_true(execution_wake_ns(x) == INT64_MAX);
    assert_false(execution_is_idle(x));
    frame *root = frame_new(x, NULL);
    root->step = w->workflow->steps[0];
    x->status = EXECUTION_RUNNING;
    root->phase = FRAME_HELD;
    assert_false(execution_is_idle(x));
    root->phase = FRAME_TIMER;
    assert_true(execution_is_idle(x));
    x->effects = 1;
    assert_false(execution_is_idle(x));
    x->effects = 0;
    root->wake_ns = 50;
    assert_true(execution_wake_ns(x) == 50);
    root->deadline_ns = 40;
    assert_true(execution_wake_ns(x) == 40);
    root->attempt_deadline_ns = 30;
    assert_true(execution_wake_ns(x) == 30);
    x->deadline_ns = 20;
    assert_true(execution_wake_ns(x) == 20);
    root->deadline_ns = root->attempt_deadline_ns = x->deadline_ns = 0;
    x->suspending = true;
    assert_true(execution_wake_ns(x) == INT64_MAX);
    x->suspending = false;
    x->status = EXECUTION_SUSPENDED;
    assert_true(execution_wake_ns(x) == INT64_MAX);
    x->status = EXECUTION_RUNNING;
    x->rolling_back = true;
    assert_true(execution_wake_ns(x) == INT64_MAX);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(status_may_stay),
        cmocka_unit_test(frames),
        cmocka_unit_test(no_more_frames_than_the_limit),
        cmocka_unit_test(the_context_of_the_nearest_branch),
        cmocka_unit_test(the_earliest_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
