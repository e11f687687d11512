/* How executions end: output, rollback after a failure, a timeout, a cancellation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

#define FAIL "{\"fail\":\"boom\",\"no_retry\":true}"

static int ignore(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

/* Steps a, b (without rollback), c and d, of which c stands in a workflow of its own. */
static world *undoable(const char *script) {
    baton_builder *inner = baton_builder_new("inner", NULL), *outer = baton_builder_new("outer", NULL);
    baton_builder_step(inner, &(baton_step){.name = "c", .execute = ignore, .rollback = ignore});
    baton_workflow *nested = baton_builder_build(inner, NULL);
    baton_builder_step(outer, &(baton_step){.name = "a", .execute = ignore, .rollback = ignore});
    baton_builder_step(outer, &(baton_step){.name = "b", .execute = ignore});
    baton_builder_nested(outer, "n", nested);
    baton_builder_step(outer, &(baton_step){.name = "d", .execute = ignore, .rollback = ignore});
    baton_builder_rollback(outer, true);
    baton_workflow *workflow = baton_builder_build(outer, NULL);
    assert_non_null(workflow);
    baton_builder_free(inner);
    baton_builder_free(outer);
    baton_workflow_free(nested);
    return world_of(workflow, script, "null");
}

static void the_workflows_output(void **state) {
    (void)state;
    completes("do: [{a: {set: {x: 1}, export: {as: '${ {e: 2} }'}}}]\noutput: {as: '${ {o: .x, c: "
              "$context.e, id: $workflow.id} }'}",
              NULL, "{\"o\":1,\"c\":2,\"id\":\"exec\"}");
    completes("do: [{a: {set: {x: 1}}}]\noutput: {schema: {document: {type: object}}}", NULL, "{\"x\":1}");
    faults("do: [{a: {set: {x: 1}}}]\noutput: {as: 'error(1)'}", NULL,
           "expression 400 / Expression failed: workflow: ");
    faults("do: [{a: {set: {x: 1}}}]\noutput: {schema: {document: {type: array}}}", NULL,
           "validation 400 / Validation failed: output: ");
    faults("do: [{a: {set: {x: 1}}}]\noutput: {as: .x, schema: {document: {type: object}}}", NULL,
           "validation 400 / ");
}

static void success_rolls_nothing_back(void **state) {
    (void)state;
    world *w = undoable(NULL);
    world_start(w);
    world_go(w);
    world_completes(w, "\"d\"");
    assert_int_equal(world_count(w, "rollback"), 0);
    world_free(w);
}

static void a_failure_rolls_back_in_reverse(void **state) {
    (void)state;
    world *w = undoable("{\"d\":[" FAIL "]}");
    world_start(w);
    world_go(w);
    world_faults(w, "runtime 500 /do/3/d boom");
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = \"a\"\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_completed /do/1/b key=4 = \"b\"\n"
                        "6 step_started /do/2/n key=6\n"
                        "7 step_started /do/2/n/do/0/c key=7\n"
                        "8 step_completed /do/2/n/do/0/c key=7 = \"c\"\n"
                        "9 step_completed /do/2/n key=6 = \"c\"\n"
                        "10 step_started /do/3/d key=10\n"
                        "11 step_faulted /do/3/d key=10 ! runtime 500 /do/3/d boom\n"
                        "12 rollback_started /do/2/n/do/0/c key=12\n"
                        "13 rollback_completed /do/2/n/do/0/c key=12\n"
                        "14 rollback_started /do/0/a key=14\n"
                        "15 rollback_completed /do/0/a key=14\n"
                        "16 faulted ! runtime 500 /do/3/d boom\n");
    world_performed_is(w, "call /do/0/a key=2\n"
                          "call /do/1/b key=4\n"
                          "call /do/2/n/do/0/c key=7\n"
                          "call /do/3/d key=10\n"
                          "rollback /do/2/n/do/0/c key=12\n"
                          "rollback /do/0/a key=14\n");
    world_free(w);
    w = undoable("{\"a\":[" FAIL "]}"); /* nothing has succeeded */
    world_start(w);
    world_go(w);
    world_faults(w, "runtime 500 /do/0/a boom");
    assert_int_equal(world_count(w, "rollback"), 0);
    world_free(w);
}

static void a_failing_rollback_does_not_stop_the_others(void **state) {
    (void)state;
    world *w = undoable("{\"d\":[" FAIL "],\"undo c\":[{\"fail\":\"cannot\"}]}");
    world_start(w);
    world_go(w);
    world_faults(w, "runtime 500 /do/3/d boom");
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = \"a\"\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_completed /do/1/b key=4 = \"b\"\n"
                        "6 step_started /do/2/n key=6\n"
                        "7 step_started /do/2/n/do/0/c key=7\n"
                        "8 step_completed /do/2/n/do/0/c key=7 = \"c\"\n"
                        "9 step_completed /do/2/n key=6 = \"c\"\n"
                        "10 step_started /do/3/d key=10\n"
                        "11 step_faulted /do/3/d key=10 ! runtime 500 /do/3/d boom\n"
                        "12 rollback_started /do/2/n/do/0/c key=12\n"
                        "13 rollback_faulted /do/2/n/do/0/c key=12 ! runtime 500 /do/2/n/do/0/c cannot\n"
                        "14 rollback_started /do/0/a key=14\n"
                        "15 rollback_completed /do/0/a key=14\n"
                        "16 faulted ! runtime 500 /do/3/d boom\n");
    world_free(w);
}

static void a_timeout_rolls_back(void **state) {
    (void)state;
    world *w = undoable("{\"d\":[{\"hang\":true}],\"undo c\":[{\"ok\":1,\"after\":60000}]}");
    w->x.timeout_ms = 1000;
    world_start(w);
    world_go(w);
    world_faults(w, "timeout 408 / Workflow timed out");
    assert_true(w->x.timed_out);
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = \"a\"\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_completed /do/1/b key=4 = \"b\"\n"
                        "6 step_started /do/2/n key=6\n"
                        "7 step_started /do/2/n/do/0/c key=7\n"
                        "8 step_completed /do/2/n/do/0/c key=7 = \"c\"\n"
                        "9 step_completed /do/2/n key=6 = \"c\"\n"
                        "10 step_started /do/3/d key=10\n"
                        "@1000\n"
                        "11 step_cancelled /do/3/d key=10\n"
                        "12 rollback_started /do/2/n/do/0/c key=12\n"
                        "@61000\n"
                        "13 rollback_completed /do/2/n/do/0/c key=12\n"
                        "14 rollback_started /do/0/a key=14\n"
                        "15 rollback_completed /do/0/a key=14\n"
                        "16 faulted ! timeout 408 / Workflow timed out\n");
    world_free(w);
}

static void a_cancellation_rolls_back_and_nothing_interrupts_it(void **state) {
    (void)state;
    world *w = undoable("{\"d\":[{\"hang\":true}],\"undo c\":[{\"ok\":1,\"after\":1000}]}");
    world_start(w);
    world_go(w);
    world_tell(w, EVENT_CANCEL);
    assert_int_equal(w->x.status, EXECUTION_RUNNING);
    assert_true(execution_wake_ns(&w->x) == INT64_MAX);
    static const event_kind others[] = {EVENT_CANCEL, EVENT_SUSPEND, EVENT_RESUME, EVENT_TIMER,
                                        EVENT_CONTINUE};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        world_tell(w, others[i]);
        assert_int_equal(w->out.record_count, 0);
    }
    world_tell(w, EVENT_SUSPEND);
    world_go(w);
    assert_int_equal(w->x.status, EXECUTION_CANCELLED);
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = \"a\"\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_completed /do/1/b key=4 = \"b\"\n"
                        "6 step_started /do/2/n key=6\n"
                        "7 step_started /do/2/n/do/0/c key=7\n"
                        "8 step_completed /do/2/n/do/0/c key=7 = \"c\"\n"
                        "9 step_completed /do/2/n key=6 = \"c\"\n"
                        "10 step_started /do/3/d key=10\n"
                        "11 step_cancelled /do/3/d key=10\n"
                        "12 rollback_started /do/2/n/do/0/c key=12\n"
                        "@1000\n"
                        "13 rollback_completed /do/2/n/do/0/c key=12\n"
                        "14 rollback_started /do/0/a key=14\n"
                        "15 rollback_completed /do/0/a key=14\n"
                        "16 cancelled\n");
    world_free(w);
    w = undoable("{\"d\":[{\"hang\":true}]}"); /* when suspended */
    world_start(w);
    world_tell(w, EVENT_SUSPEND);
    world_go(w);
    assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
    world_tell(w, EVENT_CANCEL);
    world_go(w);
    assert_int_equal(w->x.status, EXECUTION_CANCELLED);
    world_free(w);
}

static void a_rollback_goes_on_after_a_crash(void **state) {
    (void)state;
    world *w = undoable("{\"d\":[{\"hang\":true}],\"undo c\":[{\"hang\":true},{\"ok\":1}]}");
    w->x.timeout_ms = 1000;
    world_start(w);
    world_go(w);
    assert_true(w->x.rolling_back);
    world_restore(w);
    assert_true(w->x.timed_out);
    world_forget(w, w->x.root->ticket);
    world_tell(w, EVENT_RECOVER);
    world_go(w);
    world_faults(w, "timeout 408 / ");
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = \"a\"\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_completed /do/1/b key=4 = \"b\"\n"
                        "6 step_started /do/2/n key=6\n"
                        "7 step_started /do/2/n/do/0/c key=7\n"
                        "8 step_completed /do/2/n/do/0/c key=7 = \"c\"\n"
                        "9 step_completed /do/2/n key=6 = \"c\"\n"
                        "10 step_started /do/3/d key=10\n"
                        "@1000\n"
                        "11 step_cancelled /do/3/d key=10\n"
                        "12 rollback_started /do/2/n/do/0/c key=12\n"
                        "13 rollback_started /do/2/n/do/0/c key=12 attempt=2 = {\"interrupted\":true}\n"
                        "14 rollback_completed /do/2/n/do/0/c key=12 attempt=2\n"
                        "15 rollback_started /do/0/a key=15\n"
                        "16 rollback_completed /do/0/a key=15\n"
                        "17 faulted ! timeout 408 / Workflow timed out\n");
    world_performed_is(w, "call /do/0/a key=2 deadline=1000\n"
                          "call /do/1/b key=4 deadline=1000\n"
                          "call /do/2/n/do/0/c key=7 deadline=1000\n"
                          "call /do/3/d key=10 deadline=1000\n"
                          "abort /do/3/d\n"
                          "rollback /do/2/n/do/0/c key=12\n"
                          "rollback /do/2/n/do/0/c key=12 attempt=2\n"
                          "rollback /do/0/a key=15\n");
    world_free(w);
}

/* A rollback may wait for a delivery as a step may. */
static void a_rollback_that_waits(void **state) {
    (void)state;
    world *w = undoable("{\"d\":[" FAIL "],\"undo c\":[{\"waits\":true}]}");
    world_start(w);
    world_go(w);
    world_deliver(w, "a", "[1]"); /* which does not wait */
    assert_int_equal(w->x.status, EXECUTION_RUNNING);
    world_restore(w);
    world_tell(w, EVENT_RECOVER);
    assert_int_equal(w->out.record_count, 0);
    world_deliver(w, "c", "[1]");
    world_go(w);
    world_faults(w, "runtime 500 /do/3/d boom");
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = \"a\"\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_completed /do/1/b key=4 = \"b\"\n"
                        "6 step_started /do/2/n key=6\n"
                        "7 step_started /do/2/n/do/0/c key=7\n"
                        "8 step_completed /do/2/n/do/0/c key=7 = \"c\"\n"
                        "9 step_completed /do/2/n key=6 = \"c\"\n"
                        "10 step_started /do/3/d key=10\n"
                        "11 step_faulted /do/3/d key=10 ! runtime 500 /do/3/d boom\n"
                        "12 rollback_started /do/2/n/do/0/c key=12\n"
                        "13 rollback_completed /do/2/n/do/0/c key=12\n"
                        "14 rollback_started /do/0/a key=14\n"
                        "15 rollback_completed /do/0/a key=14\n"
                        "16 faulted ! runtime 500 /do/3/d boom\n");
    world_free(w);
}

/* Suspended after a crash it waits, until it is resumed or somebody wants it to end. */
static void an_interrupted_rollback_is_suspended(void **state) {
    (void)state;
    static const event_kind on[] = {EVENT_RESUME, EVENT_CANCEL};
    for (size_t i = 0; i < 2; i++) {
        world *w = undoable("{\"d\":[" FAIL "],\"undo c\":[{\"hang\":true},{\"ok\":1}]}");
        world_start(w);
        world_go(w);
        world_restore(w);
        world_lose(w);
        world_tell(w, EVENT_SUSPEND);
        assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
        world_restore(w);
        world_tell(w, EVENT_RECOVER);
        assert_int_equal(w->out.record_count, 0);
        assert_true(execution_wake_ns(&w->x) == INT64_MAX);
        buffer_clear(&w->journal);
        world_tell(w, on[i]);
        world_go(w);
        world_faults(w, "runtime 500 /do/3/d boom");
        world_journal_is(w, "14 resumed\n"
                            "15 rollback_started /do/2/n/do/0/c key=12 attempt=2 = {\"interrupted\":true}\n"
                            "16 rollback_completed /do/2/n/do/0/c key=12 attempt=2\n"
                            "17 rollback_started /do/0/a key=17\n"
                            "18 rollback_completed /do/0/a key=17\n"
                            "19 faulted ! runtime 500 /do/3/d boom\n");
        world_free(w);
    }
}

static void failures_that_were_passed_over(void **state) {
    (void)state;
    world *w = undoable("{\"a\":[" FAIL "],\"d\":[{\"hang\":true}]}");
    world_strategy(w, &strategy_basic, (baton_strategy_options){.stop_on_failure = false});
    world_start(w);
    world_go(w);
    world_restore(w); /* what failed is not forgotten */
    world_send(w, (event){.kind = EVENT_SUCCEEDED, .ticket = w->x.root->ticket, .value = json("1")});
    world_go(w);
    world_faults(w, "runtime 500 /do/0/a boom");
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_faulted /do/0/a key=2 ! runtime 500 /do/0/a boom\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_completed /do/1/b key=4 = \"b\"\n"
                        "6 step_started /do/2/n key=6\n"
                        "7 step_started /do/2/n/do/0/c key=7\n"
                        "8 step_completed /do/2/n/do/0/c key=7 = \"c\"\n"
                        "9 step_completed /do/2/n key=6 = \"c\"\n"
                        "10 step_started /do/3/d key=10\n"
                        "11 step_completed /do/3/d key=10 = 1\n"
                        "12 rollback_started /do/3/d key=12\n"
                        "13 rollback_completed /do/3/d key=12\n"
                        "14 rollback_started /do/2/n/do/0/c key=14\n"
                        "15 rollback_completed /do/2/n/do/0/c key=14\n"
                        "16 faulted ! runtime 500 /do/0/a boom\n");
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_workflows_output),
        cmocka_unit_test(success_rolls_nothing_back),
        cmocka_unit_test(a_failure_rolls_back_in_reverse),
        cmocka_unit_test(a_failing_rollback_does_not_stop_the_others),
        cmocka_unit_test(a_timeout_rolls_back),
        cmocka_unit_test(a_cancellation_rolls_back_and_nothing_interrupts_it),
        cmocka_unit_test(a_rollback_goes_on_after_a_crash),
        cmocka_unit_test(a_rollback_that_waits),
        cmocka_unit_test(an_interrupted_rollback_is_suspended),
        cmocka_unit_test(failures_that_were_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
