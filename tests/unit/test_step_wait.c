/* wait: until a moment.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

static void waits(void **state) {
    (void)state;
    world *w =
        world_new("do: [{a: {wait: PT2S}}, {b: {wait: {milliseconds: 500}}}, {c: {wait: '${ .d }'}}]", NULL,
                  "{\"d\":\"PT0S\"}");
    world_start(w);
    assert_int_equal(w->x.status, EXECUTION_WAITING);
    assert_true(execution_wake_ns(&w->x) == WORLD_START_NS + 2 * INT64_C(1000000000));
    world_tell(w, EVENT_TIMER); /* too early */
    assert_int_equal(w->out.record_count, 0);
    world_go(w);
    world_completes(w, "{\"d\":\"PT0S\"}");
    world_journal_is(w, "1 started = {\"d\":\"PT0S\"}\n"
                        "2 step_started /do/0/a key=2\n"
                        "@2000\n"
                        "3 step_completed /do/0/a key=2 = {\"d\":\"PT0S\"}\n"
                        "4 step_started /do/1/b key=4\n"
                        "@2500\n"
                        "5 step_completed /do/1/b key=4 = {\"d\":\"PT0S\"}\n"
                        "6 step_started /do/2/c key=6\n"
                        "7 step_completed /do/2/c key=6 = {\"d\":\"PT0S\"}\n"
                        "8 completed = {\"d\":\"PT0S\"}\n");
    world_free(w);
}

static void its_moment_comes_though_nobody_was_there(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {wait: PT2S}}]", NULL, NULL);
    world_start(w);
    world_restore(w);
    w->now_ns += INT64_C(3600000000000);
    world_tell(w, EVENT_RECOVER);
    world_completes(w, "{}");
    world_free(w);
}

static void a_wait_that_cannot_be_read(void **state) {
    (void)state;
    faults("do: [{a: {wait: '${ .d }'}}]", "{\"d\":\"soon\"}", "expression 400 /do/0/a Expression failed");
    faults("do: [{a: {wait: '${ .d | error }'}}]", "{\"d\":\"soon\"}",
           "expression 400 /do/0/a Expression failed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits),
        cmocka_unit_test(its_moment_comes_though_nobody_was_there),
        cmocka_unit_test(a_wait_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
