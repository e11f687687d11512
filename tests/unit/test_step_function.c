/* Steps in C: retries of `basic`, runs of steps of `simple`, deliveries, and functions that files call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

#define FAIL "{\"fail\":\"boom\"}"

static int ignore(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

/* A workflow in C of the steps a, b, c... */
static baton_workflow *built(unsigned count, int64_t timeout_ms) {
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    baton_builder *builder = baton_builder_new("built", NULL);
    for (unsigned i = 0; i < count; i++)
        baton_builder_step(builder,
                           &(baton_step){.name = names[i], .execute = ignore, .timeout_ms = timeout_ms});
    baton_workflow *workflow = baton_builder_build(builder, NULL);
    assert_non_null(workflow);
    baton_builder_free(builder);
    return workflow;
}

static world *run_built(unsigned count, const char *script) {
    world *w = world_of(built(count, 0), script, "null");
    world_start(w);
    world_go(w);
    return w;
}

static world *run_simple(unsigned count, bool stop_on_failure, const char *script) {
    world *w = world_of(built(count, 0), script, "null");
    world_strategy(w, &strategy_simple, (baton_strategy_options){.stop_on_failure = stop_on_failure});
    world_start(w);
    world_go(w);
    return w;
}

static void basic_journals_every_step(void **state) {
    (void)state;
    world *w = run_built(2, NULL);
    world_completes(w, "\"b\"");
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = \"a\"\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_completed /do/1/b key=4 = \"b\"\n"
                        "6 completed = \"b\"\n");
    world_performed_is(w, "call /do/0/a key=2\n"
                          "call /do/1/b key=4\n");
    world_free(w);
}

static void basic_tries_again(void **state) {
    (void)state;
    world *w = run_built(2, "{\"a\":[" FAIL "," FAIL ",{\"ok\":1}]}");
    world_completes(w, "\"b\"");
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_retried /do/0/a key=2 ! runtime 500 /do/0/a boom\n"
                        "@100\n"
                        "4 step_started /do/0/a key=2 attempt=2\n"
                        "5 step_retried /do/0/a key=2 attempt=2 ! runtime 500 /do/0/a boom\n"
                        "@300\n"
                        "6 step_started /do/0/a key=2 attempt=3\n"
                        "7 step_completed /do/0/a key=2 attempt=3 = 1\n"
                        "8 step_started /do/1/b key=8\n"
                        "9 step_completed /do/1/b key=8 = \"b\"\n"
                        "10 completed = \"b\"\n");
    world_performed_is(w, "call /do/0/a key=2\n"
                          "call /do/0/a key=2 attempt=2\n"
                          "call /do/0/a key=2 attempt=3\n"
                          "call /do/1/b key=8\n");
    world_free(w);
    w = run_built(2, "{\"a\":[" FAIL "]}");
    world_faults(w, "runtime 500 /do/0/a boom");
    assert_int_equal(world_count(w, "step_retried"), 2);
    world_free(w);
    w = run_built(2, "{\"a\":[{\"fail\":\"boom\",\"no_retry\":true}]}");
    world_faults(w, "runtime 500 /do/0/a boom");
    assert_int_equal(world_count(w, "step_retried"), 0);
    world_free(w);
}

static void the_timeout_of_a_step_is_not_tried_again(void **state) {
    (void)state;
    world *w = world_of(built(2, 150), "{\"a\":[" FAIL ",{\"hang\":true}]}", "null");
    world_start(w);
    world_go(w);
    world_faults(w, "timeout 408 /do/0/a Step timed out");
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_retried /do/0/a key=2 ! runtime 500 /do/0/a boom\n"
                        "@100\n"
                        "4 step_started /do/0/a key=2 attempt=2\n"
                        "@150\n"
                        "5 step_faulted /do/0/a key=2 attempt=2 ! timeout 408 /do/0/a Step timed out\n"
                        "6 faulted ! timeout 408 /do/0/a Step timed out\n");
    world_free(w);
}

static void files_leave_retries_to_catch(void **state) {
    (void)state;
    world *w = world_run("do: [{a: {call: work}}]", "{\"a\":[" FAIL ",{\"ok\":1}]}", NULL);
    world_faults(w, "runtime 500 /do/0/a boom");
    world_free(w);
}

static void what_with_gives(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: work, with: {x: '${ .in }', k: c}, output: {as: '${ {in: "
                         "$input.in, out: .} }'}}}]",
                         "{\"a\":[{\"hang\":true}]}", "{\"in\":5}");
    world_start(w);
    assert_json(w->out.actions[0].frame->data, "{\"x\":5,\"k\":\"c\"}");
    assert_json(w->out.actions[0].frame->input, "{\"in\":5}");
    world_restore(w);
    world_tell(w, EVENT_RECOVER); /* the same once more after a crash */
    assert_json(w->out.actions[0].frame->data, "{\"x\":5,\"k\":\"c\"}");
    world_send(w, (event){.kind = EVENT_SUCCEEDED, .ticket = w->out.actions[0].ticket, .value = json("9")});
    world_completes(w, "{\"in\":5,\"out\":9}");
    world_journal_is(w, "1 started = {\"in\":5}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_started /do/0/a key=2 attempt=2 = {\"interrupted\":true}\n"
                        "4 step_completed /do/0/a key=2 attempt=2 = {\"in\":5,\"out\":9}\n"
                        "5 completed = {\"in\":5,\"out\":9}\n");
    world_free(w);
    faults("do: [{a: {call: work, with: {x: '${ error(1) }'}}}]", NULL, "expression 400 /do/0/a");
}

static void deliveries(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: work}}, {b: {call: other}}]", "{\"a\":[{\"waits\":true}]}", NULL);
    world_start(w);
    world_deliver(w, "a", "\"early\""); /* nobody waits yet */
    world_go(w);
    assert_int_equal(w->x.status, EXECUTION_WAITING);
    assert_true(execution_wake_ns(&w->x) == INT64_MAX);
    world_deliver(w, "b", "\"elsewhere\"");
    assert_int_equal(w->x.status, EXECUTION_WAITING);
    world_restore(w);
    world_tell(w, EVENT_RECOVER); /* changes nothing */
    assert_int_equal(w->out.record_count, 0);
    world_deliver(w, "/do/0/a", "{\"v\":1}");
    world_go(w);
    world_completes(w, "\"b\"");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = {\"v\":1}\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_completed /do/1/b key=4 = \"b\"\n"
                        "6 completed = \"b\"\n");
    world_free(w);
}

static void a_delivery_that_does_not_come(void **state) {
    (void)state;
    world *w =
        world_run("do: [{a: {call: work, timeout: {after: PT1M}}}]", "{\"a\":[{\"waits\":true}]}", NULL);
    world_faults(w, "timeout 408 /do/0/a");
    world_free(w);
    w = world_run("do: [{a: {call: work}}]", "{\"a\":[{\"waits\":true}]}", NULL);
    world_tell(w, EVENT_CANCEL);
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_cancelled /do/0/a key=2\n"
                        "4 cancelled\n");
    world_free(w);
}

/* What is delivered to a suspended execution may end it. */
static void a_delivery_while_suspended(void **state) {
    (void)state;
    world *w = world_run("do: [{a: {call: work}}]", "{\"a\":[{\"waits\":true}]}", NULL);
    world_tell(w, EVENT_SUSPEND);
    world_deliver(w, "a", "1");
    world_completes(w, "1");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 suspended\n"
                        "4 step_completed /do/0/a key=2 = 1\n"
                        "5 completed = 1\n");
    world_free(w);
    w = world_run("do: [{a: {call: work}}, {b: {call: work}}]", "{\"a\":[{\"waits\":true}]}", NULL);
    world_tell(w, EVENT_SUSPEND);
    world_deliver(w, "a", "1");
    assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
    world_tell(w, EVENT_RESUME);
    world_go(w);
    world_completes(w, "\"b\"");
    world_free(w);
}

static void simple_runs_steps_in_a_row(void **state) {
    (void)state;
    world *w = run_simple(3, true, NULL);
    world_completes(w, "\"c\"");
    world_journal_is(w, "1 started = null\n"
                        "5 steps_completed /do/0/a key=2 count=3\n"
                        "6 completed = \"c\"\n");
    world_performed_is(w, "call /do/0/a key=2 count=3\n");
    world_free(w);
    w = run_simple(1, true, NULL);
    world_completes(w, "\"a\"");
    world_performed_is(w, "call /do/0/a key=2\n");
    world_free(w);
}

static void a_run_that_fails(void **state) {
    (void)state;
    world *w = run_simple(4, true, "{\"c\":[" FAIL "]}");
    world_faults(w, "runtime 500 /do/2/c boom");
    world_journal_is(w, "1 started = null\n"
                        "6 steps_completed /do/0/a key=2 count=2\n"
                        "7 step_faulted /do/2/c key=4 ! runtime 500 /do/2/c boom\n"
                        "8 faulted ! runtime 500 /do/2/c boom\n");
    world_free(w);
    w = run_simple(4, true, "{\"a\":[" FAIL "]}");
    world_faults(w, "runtime 500 /do/0/a boom");
    world_free(w);
    w = run_simple(4, false, "{\"b\":[" FAIL "],\"d\":[{\"fail\":\"later\"}]}"); /* past the failures */
    world_faults(w, "runtime 500 /do/1/b boom");
    world_journal_is(w, "1 started = null\n"
                        "6 steps_completed /do/0/a key=2 count=1\n"
                        "7 step_faulted /do/1/b key=3 ! runtime 500 /do/1/b boom\n"
                        "10 steps_completed /do/2/c key=8 count=1\n"
                        "11 step_faulted /do/3/d key=9 ! runtime 500 /do/3/d later\n"
                        "12 faulted ! runtime 500 /do/1/b boom\n");
    world_performed_is(w, "call /do/0/a key=2 count=4\n"
                          "call /do/2/c key=8 count=2\n");
    world_free(w);
}

static void a_run_that_is_interrupted(void **state) {
    (void)state;
    world *w = run_simple(3, true, "{\"b\":[{\"waits\":true}]}"); /* by a step that waits */
    assert_int_equal(w->x.status, EXECUTION_WAITING);
    world_deliver(w, "b", "5");
    world_go(w);
    world_completes(w, "\"c\"");
    world_journal_is(w, "1 started = null\n"
                        "5 steps_completed /do/0/a key=2 count=1\n"
                        "6 step_completed /do/1/b key=3 = 5\n"
                        "8 step_completed /do/2/c key=7 = \"c\"\n"
                        "9 completed = \"c\"\n");
    world_free(w);
    w = run_simple(3, true, "{\"b\":[{\"hang\":true}]}"); /* by one that ends later */
    assert_int_equal(w->x.status, EXECUTION_RUNNING);
    assert_int_equal(w->x.effects, 1);
    world_send(w, (event){.kind = EVENT_SUCCEEDED, .ticket = w->x.root->ticket, .value = json("6")});
    world_go(w);
    world_completes(w, "\"c\"");
    world_free(w);
    w = world_of(built(3, 0), NULL, "null"); /* by the engine, which has something else to do */
    world_strategy(w, &strategy_simple, (baton_strategy_options){.stop_on_failure = true});
    world_start(w);
    world_send(w, (event){.kind = EVENT_STEPS, .ticket = 1, .count = 1, .value = json("7")});
    world_send(w,
               (event){.kind = EVENT_STEPS, .ticket = 1, .count = 1, .value = json("8")}); /* a late one */
    assert_int_equal(w->out.record_count, 0);
    world_forget(w, 1);
    world_go(w);
    world_completes(w, "\"c\"");
    world_journal_is(w, "1 started = null\n"
                        "5 steps_completed /do/0/a key=2 count=1\n"
                        "8 steps_completed /do/1/b key=6 count=2\n"
                        "9 completed = \"c\"\n");
    world_performed_is(w, "call /do/0/a key=2 count=3\n"
                          "call /do/1/b key=6 count=2\n");
    world_free(w);
}

/* Steps with properties, or with arguments made of the data, are not run in a row. */
static void simple_in_files(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: work}}, {b: {call: other}}, {c: {call: work, with: {x: '${ . "
                         "}'}}}, {d: {call: work}},"
                         " {e: {call: work, output: {as: '${ [.] }'}}}, {f: {set: '${ . }'}}]",
                         NULL, NULL);
    world_strategy(w, &strategy_simple, (baton_strategy_options){.stop_on_failure = true});
    world_start(w);
    world_go(w);
    world_completes(w, "[\"e\"]");
    world_performed_is(w, "call /do/0/a key=2 count=2\n"
                          "call /do/2/c key=5\n"
                          "call /do/3/d key=7\n"
                          "call /do/4/e key=9\n");
    world_free(w);
}

/* Two effects at once have two keys, though nothing is journaled. */
static void keys_under_simple(void **state) {
    (void)state;
    world *w =
        world_new("do: [{f: {fork: {branches: [{a: {call: work}}, {b: {run: {shell: {command: x}}}}]}}}]",
                  NULL, NULL);
    world_strategy(w, &strategy_simple, (baton_strategy_options){.stop_on_failure = true});
    world_start(w);
    assert_int_equal(w->out.action_count, 2);
    assert_int_not_equal(w->out.actions[0].key, w->out.actions[1].key);
    world_go(w);
    world_completes(w, "[\"a\",\"b\"]");
    world_free(w);
    w = world_of(built(3, 0), NULL, "null");
    world_strategy(w, &strategy_simple, (baton_strategy_options){.stop_on_failure = true});
    world_start(w);
    assert_int_equal(w->x.last_number, w->out.actions[0].key + 2); /* a key for each step of the run */
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_journals_every_step),
        cmocka_unit_test(basic_tries_again),
        cmocka_unit_test(the_timeout_of_a_step_is_not_tried_again),
        cmocka_unit_test(files_leave_retries_to_catch),
        cmocka_unit_test(what_with_gives),
        cmocka_unit_test(deliveries),
        cmocka_unit_test(a_delivery_that_does_not_come),
        cmocka_unit_test(a_delivery_while_suspended),
        cmocka_unit_test(simple_runs_steps_in_a_row),
        cmocka_unit_test(a_run_that_fails),
        cmocka_unit_test(a_run_that_is_interrupted),
        cmocka_unit_test(simple_in_files),
        cmocka_unit_test(keys_under_simple),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
