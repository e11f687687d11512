/* do: steps in sequence, and where `then` leads at each depth.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

static void in_sequence(void **state) {
    (void)state;
    world *w = world_run("do:\n"
                         "- a: {call: work}\n"
                         "- b: {do: [{c: {call: other}}, {d: {set: {d: 1}}}]}\n",
                         "{\"c\":[{\"ok\":7}]}", NULL);
    world_completes(w, "{\"d\":1}");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = \"a\"\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_started /do/1/b/do/0/c key=5\n"
                        "6 step_completed /do/1/b/do/0/c key=5 = 7\n"
                        "7 step_started /do/1/b/do/1/d key=7\n"
                        "8 step_completed /do/1/b/do/1/d key=7 = {\"d\":1}\n"
                        "9 step_completed /do/1/b key=4 = {\"d\":1}\n"
                        "10 completed = {\"d\":1}\n");
    world_free(w);
}

static void then_continues_exits_ends_or_jumps(void **state) {
    (void)state;
    completes("do: [{a: {set: {a: 1}, then: continue}}, {b: {set: {b: 1}}}]", NULL, "{\"b\":1}");
    completes("do: [{a: {set: {a: 1}, then: end}}, {b: {set: {b: 1}}}]", NULL, "{\"a\":1}");
    completes("do: [{a: {set: {a: 1}, then: exit}}, {b: {set: {b: 1}}}]", NULL, "{\"a\":1}");
    completes("do: [{a: {set: {a: 1}, then: c}}, {b: {set: {b: 1}}}, {c: {set: {c: '${ . }'}}}]", NULL,
              "{\"c\":{\"a\":1}}");
}

static void then_inside(void **state) {
    (void)state;
    /* exit leaves the inner sequence alone. */
    completes(
        "do: [{a: {do: [{x: {set: {x: 1}, then: exit}}, {y: {set: {y: 1}}}]}}, {b: {set: {b: '${ . }'}}}]",
        NULL, "{\"b\":{\"x\":1}}");
    completes(
        "do: [{a: {do: [{x: {set: {x: 1}, then: z}}, {y: {set: {y: 1}}}, {z: {set: {z: '${ . }'}}}]}},"
        " {b: {set: {b: '${ . }'}}}]",
        NULL, "{\"b\":{\"z\":{\"x\":1}}}");
    /* end leaves everything, and what stands around it has completed. */
    world *w = world_run(
        "do:\n"
        "- a: {do: [{b: {do: [{c: {set: {c: 1}, then: end}}, {d: {call: work}}]}}, {e: {call: work}}]}\n"
        "- f: {call: work}\n",
        NULL, NULL);
    world_completes(w, "{\"c\":1}");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_started /do/0/a/do/0/b key=3\n"
                        "4 step_started /do/0/a/do/0/b/do/0/c key=4\n"
                        "5 step_completed /do/0/a/do/0/b/do/0/c key=4 = {\"c\":1}\n"
                        "6 step_completed /do/0/a/do/0/b key=3 = {\"c\":1}\n"
                        "7 step_completed /do/0/a key=2 = {\"c\":1}\n"
                        "8 completed = {\"c\":1}\n");
    world_free(w);
}

static void backwards_is_a_new_occurrence(void **state) {
    (void)state;
    world *w = world_run("do:\n"
                         "- a: {call: work}\n"
                         "- b: {switch: [{again: {when: .n < 2, then: a}}, {default: {then: end}}]}\n",
                         "{\"a\":[{\"ok\":{\"n\":1}},{\"ok\":{\"n\":2}}]}", NULL);
    world_completes(w, "{\"n\":2}");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = {\"n\":1}\n"
                        "4 step_started /do/1/b key=4\n"
                        "5 step_completed /do/1/b key=4 = {\"n\":1}\n"
                        "6 step_started /do/0/a key=6\n"
                        "7 step_completed /do/0/a key=6 = {\"n\":2}\n"
                        "8 step_started /do/1/b key=8\n"
                        "9 step_completed /do/1/b key=8 = {\"n\":2}\n"
                        "10 completed = {\"n\":2}\n");
    world_free(w);
}

static void then_of_the_outer_step_counts_after_the_inner_ones(void **state) {
    (void)state;
    completes(
        "do: [{a: {do: [{x: {set: {x: 1}}}], then: c}}, {b: {set: {b: 1}}}, {c: {set: {c: '${ . }'}}}]",
        NULL, "{\"c\":{\"x\":1}}");
    completes("do: [{a: {do: [{x: {set: {x: 1}}}], then: end}}, {b: {set: {b: 1}}}]", NULL, "{\"x\":1}");
}

static void faults_go_outward(void **state) {
    (void)state;
    world *w = world_run("do: [{a: {do: [{b: {do: [{c: {call: work}}]}}]}}, {d: {call: work}}]",
                         "{\"c\":[{\"fail\":\"boom\"}]}", NULL);
    world_faults(w, "runtime 500 /do/0/a/do/0/b/do/0/c boom");
    world_journal_is(w,
                     "1 started = {}\n"
                     "2 step_started /do/0/a key=2\n"
                     "3 step_started /do/0/a/do/0/b key=3\n"
                     "4 step_started /do/0/a/do/0/b/do/0/c key=4\n"
                     "5 step_faulted /do/0/a/do/0/b/do/0/c key=4 ! runtime 500 /do/0/a/do/0/b/do/0/c boom\n"
                     "6 step_faulted /do/0/a/do/0/b key=3 ! runtime 500 /do/0/a/do/0/b/do/0/c boom\n"
                     "7 step_faulted /do/0/a key=2 ! runtime 500 /do/0/a/do/0/b/do/0/c boom\n"
                     "8 faulted ! runtime 500 /do/0/a/do/0/b/do/0/c boom\n");
    world_free(w);
}

/* The builder makes empty ones, files cannot. */
static void empty(void **state) {
    (void)state;
    baton_builder *inner = baton_builder_new("inner", NULL), *outer = baton_builder_new("outer", NULL);
    baton_workflow *nothing = baton_builder_build(inner, NULL);
    baton_builder_nested(outer, "n", nothing);
    world *w = world_of(baton_builder_build(outer, NULL), NULL, "5");
    world_start(w);
    world_completes(w, "5");
    world_journal_is(w, "1 started = 5\n"
                        "2 step_started /do/0/n key=2\n"
                        "3 step_completed /do/0/n key=2 = 5\n"
                        "4 completed = 5\n");
    world_free(w);
    w = world_of(nothing, NULL, "6");
    world_start(w);
    world_completes(w, "6");
    world_free(w);
    baton_builder_free(inner);
    baton_builder_free(outer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_sequence),
        cmocka_unit_test(then_continues_exits_ends_or_jumps),
        cmocka_unit_test(then_inside),
        cmocka_unit_test(backwards_is_a_new_occurrence),
        cmocka_unit_test(then_of_the_outer_step_counts_after_the_inner_ones),
        cmocka_unit_test(faults_go_outward),
        cmocka_unit_test(empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
