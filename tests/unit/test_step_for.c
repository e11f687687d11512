/* for: rounds, their variables, their data, and how they end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "machine_world.h"

static void each_rounds_output_is_the_next_ones_input(void **state) {
    (void)state;
    completes(
        "do: [{f: {for: {in: .list}, do: [{a: {set: {list: [], sum: '${ (.sum // 0) + $item }'}}}]}}]",
        "{\"list\":[1,2,3]}", "{\"list\":[],\"sum\":6}");
    completes("do: [{f: {for: {each: e, at: i, in: '${ .list }'}, do: [{a: {set: '${ . + [{e: $e, i: $i}] "
              "}'}}], input: {from: .}}}]",
              "{\"list\":[]}", "{\"list\":[]}");
    completes("do: [{z: {set: '${ [] }'}}, {f: {for: {each: e, at: i, in: '${ [\"x\",\"y\"] }'},"
              " do: [{a: {set: '${ . + [[$e, $i]] }'}}]}}]",
              NULL, "[[\"x\",0],[\"y\",1]]");
}

static void nothing_to_do_hands_the_input_on(void **state) {
    (void)state;
    completes("do: [{f: {for: {in: '${ [] }'}, do: [{a: {set: {a: 1}}}]}}]", "{\"in\":1}", "{\"in\":1}");
    completes("do: [{f: {for: {in: '${ [1] }'}, while: 'false', do: [{a: {set: {a: 1}}}]}}]", "{\"in\":1}",
              "{\"in\":1}");
}

static void what_is_no_array(void **state) {
    (void)state;
    faults("do: [{f: {for: {in: .n}, do: [{a: {set: {a: 1}}}]}}]", "{\"n\":{\"a\":1}}",
           "expression 400 /do/0/f Expression failed: for.in must give an array");
    faults("do: [{f: {for: {in: .n}, do: [{a: {set: {a: 1}}}]}}]", "{}", "expression 400 /do/0/f");
    faults("do: [{f: {for: {in: '.n | error'}, do: [{a: {set: {a: 1}}}]}}]", "{\"n\":1}",
           "expression 400 /do/0/f");
}

static void while_is_asked_before_each_round(void **state) {
    (void)state;
    completes("do: [{f: {for: {each: n, in: '${ [1,2,3,4] }'}, while: '$n < 3 and (.sum // 0) < 100',"
              " do: [{a: {set: {sum: '${ (.sum // 0) + $n }'}}}]}}]",
              NULL, "{\"sum\":3}");
    completes("do: [{f: {for: {each: n, in: '${ [1,2,3,4] }'}, while: '(.sum // 0) < 3',"
              " do: [{a: {set: {sum: '${ (.sum // 0) + $n }'}}}]}}]",
              NULL, "{\"sum\":3}");
    faults("do: [{f: {for: {in: '${ [1] }'}, while: '.n | error', do: [{a: {set: {a: 1}}}]}}]", "{\"n\":1}",
           "expression 400 /do/0/f");
}

static void exit_ends_the_round_and_end_the_workflow(void **state) {
    (void)state;
    completes("do: [{z: {set: '${ [] }'}}, {f: {for: {each: n, in: '${ [1,2,3] }'}, do: ["
              "{a: {set: '${ . + [$n] }'}},"
              " {s: {switch: [{odd: {when: $n % 2 == 1, then: exit}}, {even: {then: continue}}]}},"
              " {b: {set: '${ . + [\"even\"] }'}}]}}, {c: {set: '${ . + [\"done\"] }'}}]",
              NULL, "[1,2,\"even\",3,\"done\"]");
    completes("do: [{f: {for: {each: n, in: '${ [1,2,3] }'}, do: ["
              "{a: {set: '${ $n }'}}, {s: {switch: [{two: {when: $n == 2, then: end}}, {z: {then: "
              "continue}}]}}]}},"
              " {c: {set: done}}]",
              NULL, "2");
}

static void a_fault_ends_the_loop(void **state) {
    (void)state;
    world *w = world_run("do: [{f: {for: {in: '${ [1,2,3] }'}, do: [{a: {call: work}}]}}]",
                         "{\"a\":[{\"ok\":1},{\"fail\":\"second\"}]}", NULL);
    world_faults(w, "runtime 500 /do/0/f/do/0/a second");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/f key=2\n"
                        "3 step_started /do/0/f/do/0/a key=3\n"
                        "4 step_completed /do/0/f/do/0/a key=3 = 1\n"
                        "5 step_started /do/0/f/do/0/a key=5\n"
                        "6 step_faulted /do/0/f/do/0/a key=5 ! runtime 500 /do/0/f/do/0/a second\n"
                        "7 step_faulted /do/0/f key=2 ! runtime 500 /do/0/f/do/0/a second\n"
                        "8 faulted ! runtime 500 /do/0/f/do/0/a second\n");
    world_free(w);
}

static void loops_nest(void **state) {
    (void)state;
    completes("do: [{z: {set: '${ [] }'}}, {f: {for: {each: x, at: i, in: '${ [1,2] }'}, do: [{g: {for: "
              "{each: y, at: j, in: '${ [$x * 10, $x * 100] }'},"
              " do: [{a: {set: '${ . + [[$x, $y, $i, $j]] }'}}]}}]}}]",
              NULL, "[[1,10,0,0],[1,100,0,1],[2,20,1,0],[2,200,1,1]]");
}

/* $input stays the loop's own input; the last round's output is `.` */
static void output_as_sees_the_loops_input(void **state) {
    (void)state;
    completes("do: [{f: {for: {each: n, in: .list}, do: [{a: {set: '${ $n }'}}], output: {as: '${ "
              "[$input.list, .] }'}}}]",
              "{\"list\":[1,2]}", "[[1,2],2]");
}

/* A hundred thousand rounds: no event leads to more records than a turn may hold. */
static void many_rounds_in_bounded_turns(void **state) {
    (void)state;
    world *w = world_new(
        "do: [{f: {for: {each: n, in: '${ [range(100000)] }'}, do: [{a: {set: {n: 1}}}]}}]", NULL, NULL);
    unsigned records = 0;
    event ev = {.kind = EVENT_START, .now_ns = w->now_ns};
    do {
        output_clear(&w->out);
        machine_handle(&w->x, &ev, &w->out);
        records += w->out.record_count;
        assert_true(w->out.record_count <= 2 * LIMIT_TURN_STEPS + 2);
        assert_true(w->x.frame_count <= 3);
        assert_false(w->out.out_of_memory);
        ev.kind = EVENT_CONTINUE;
    } while (w->out.action_count == 1 && w->out.actions[0].kind == ACTION_CONTINUE);
    world_completes(w, "{\"n\":1}");
    assert_int_equal(records, 200000 + 4);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rounds_output_is_the_next_ones_input),
        cmocka_unit_test(nothing_to_do_hands_the_input_on),
        cmocka_unit_test(what_is_no_array),
        cmocka_unit_test(while_is_asked_before_each_round),
        cmocka_unit_test(exit_ends_the_round_and_end_the_workflow),
        cmocka_unit_test(a_fault_ends_the_loop),
        cmocka_unit_test(loops_nest),
        cmocka_unit_test(output_as_sees_the_loops_input),
        cmocka_unit_test(many_rounds_in_bounded_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
