/* fork: branches at the same time, their contexts, and who wins when they compete.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "machine_world.h"

static void outputs_in_the_order_of_declaration(void **state) {
    (void)state;
    world *w = world_run(
        "do: [{f: {fork: {branches: [{a: {call: work}}, {b: {set: {b: 1}}}, {c: {call: other}}]}}}]",
        "{\"a\":[{\"ok\":\"A\",\"after\":20}],\"c\":[{\"ok\":\"C\",\"after\":10}]}", NULL);
    world_completes(w, "[\"A\",{\"b\":1},\"C\"]");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/f key=2\n"
                        "3 step_started /do/0/f/fork/branches/0/a key=3\n"
                        "4 step_started /do/0/f/fork/branches/1/b key=4\n"
                        "5 step_completed /do/0/f/fork/branches/1/b key=4 = {\"b\":1}\n"
                        "6 step_started /do/0/f/fork/branches/2/c key=6\n"
                        "@10\n"
                        "7 step_completed /do/0/f/fork/branches/2/c key=6 = \"C\"\n"
                        "@20\n"
                        "8 step_completed /do/0/f/fork/branches/0/a key=3 = \"A\"\n"
                        "9 step_completed /do/0/f key=2 = [\"A\",{\"b\":1},\"C\"]\n"
                        "10 completed = [\"A\",{\"b\":1},\"C\"]\n");
    world_free(w);
}

static void exit_and_continue_end_a_branch(void **state) {
    (void)state;
    completes(
        "do: [{f: {fork: {branches: [{a: {set: {a: 1}, then: exit}}, {b: {set: {b: 1}, then: continue}},"
        " {c: {if: .no, call: work}}]}}}]",
        "{\"no\":false}", "[{\"a\":1},{\"b\":1},{\"no\":false}]");
}

static void a_fault_cancels_the_others_and_goes_outward(void **state) {
    (void)state;
    world *w = world_run("do: [{f: {fork: {branches: [{a: {wait: PT1M}}, {b: {call: work}},"
                         " {c: {do: [{d: {call: other}}]}}]}}}]",
                         "{\"b\":[{\"fail\":\"boom\",\"after\":5}],\"d\":[{\"hang\":true}]}", NULL);
    world_faults(w, "runtime 500 /do/0/f/fork/branches/1/b boom");
    world_journal_is(
        w, "1 started = {}\n"
           "2 step_started /do/0/f key=2\n"
           "3 step_started /do/0/f/fork/branches/0/a key=3\n"
           "4 step_started /do/0/f/fork/branches/1/b key=4\n"
           "5 step_started /do/0/f/fork/branches/2/c key=5\n"
           "6 step_started /do/0/f/fork/branches/2/c/do/0/d key=6\n"
           "@5\n"
           "7 step_faulted /do/0/f/fork/branches/1/b key=4 ! runtime 500 /do/0/f/fork/branches/1/b boom\n"
           "8 step_cancelled /do/0/f/fork/branches/0/a key=3\n"
           "9 step_cancelled /do/0/f/fork/branches/2/c/do/0/d key=6\n"
           "10 step_cancelled /do/0/f/fork/branches/2/c key=5\n"
           "11 step_faulted /do/0/f key=2 ! runtime 500 /do/0/f/fork/branches/1/b boom\n"
           "12 faulted ! runtime 500 /do/0/f/fork/branches/1/b boom\n");
    world_performed_is(w, "call /do/0/f/fork/branches/1/b key=4\n"
                          "call /do/0/f/fork/branches/2/c/do/0/d key=6\n"
                          "abort /do/0/f/fork/branches/2/c/do/0/d\n");
    world_free(w);
}

static void end_in_a_branch_ends_the_workflow(void **state) {
    (void)state;
    world *w = world_run("do: [{f: {fork: {branches: [{a: {wait: PT1M}}, {b: {do: [{c: {call: work, then: "
                         "end}}, {d: {call: work}}]}},"
                         " {e: {call: other}}]}}}, {g: {call: work}}]",
                         "{\"e\":[{\"hang\":true}]}", NULL);
    world_completes(w, "\"c\"");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/f key=2\n"
                        "3 step_started /do/0/f/fork/branches/0/a key=3\n"
                        "4 step_started /do/0/f/fork/branches/1/b key=4\n"
                        "5 step_started /do/0/f/fork/branches/2/e key=5\n"
                        "6 step_started /do/0/f/fork/branches/1/b/do/0/c key=6\n"
                        "7 step_completed /do/0/f/fork/branches/1/b/do/0/c key=6 = \"c\"\n"
                        "8 step_completed /do/0/f/fork/branches/1/b key=4 = \"c\"\n"
                        "9 step_cancelled /do/0/f/fork/branches/0/a key=3\n"
                        "10 step_cancelled /do/0/f/fork/branches/2/e key=5\n"
                        "11 step_completed /do/0/f key=2 = \"c\"\n"
                        "12 completed = \"c\"\n");
    world_performed_is(w, "call /do/0/f/fork/branches/2/e key=5\n"
                          "call /do/0/f/fork/branches/1/b/do/0/c key=6\n"
                          "abort /do/0/f/fork/branches/2/e\n");
    assert_int_equal(w->x.effects, 0);
    world_free(w);
}

static void contexts_join_by_changed_keys(void **state) {
    (void)state;
    /* Each branch sees the context as it was at the fork, and its own exports. */
    completes("do: [{f: {fork: {branches: ["
              "{a: {call: work, export: {as: '${ $context + {a: 1, both: \"a\"} }'}}},"
              "{b: {do: [{c: {call: work, export: {as: '${ $context + {b: 1, both: \"b\"} }'}}},"
              " {d: {set: '${ $context }'}}]}},"
              "{e: {call: work, export: {as: '${ $context | del(.gone) }'}}},"
              "{g: {call: work, export: {as: '${ $context }'}}}"
              "]}}}, {h: {set: '${ {last: $context, b: .[1]} }'}}]",
              "{\"keep\":0,\"gone\":1}",
              "{\"last\":{\"keep\":0,\"a\":1,\"b\":1,\"both\":\"b\"},\"b\":{\"keep\":0,\"gone\":1,\"b\":1,"
              "\"both\":\"b\"}}");
    /* What a branch gave back its old value was not changed by it. */
    completes(
        "do: [{f: {fork: {branches: ["
        "{a: {call: work, export: {as: '${ $context + {k: 2} }'}}},"
        "{b: {do: [{c: {call: work, export: {as: '${ $context + {k: 3} }'}}},"
        " {d: {call: work, export: {as: '${ $context + {k: 1} }'}}}]}}]}}}, {h: {set: '${ $context }'}}]",
        "{\"k\":1}", "{\"k\":2}");
    /* Whatever is no object is replaced whole. */
    completes(
        "do: [{f: {fork: {branches: ["
        "{a: {call: work, export: {as: '${ 5 }'}}}, {b: {call: work, export: {as: '${ {b: 1} }'}}}]}}},"
        " {h: {set: '${ $context }'}}]",
        "{\"k\":1}", "{\"b\":1}");
}

/* Each with state of its own in the frame that is the branch. */
static void loops_and_forks_may_be_branches(void **state) {
    (void)state;
    completes("do: [{f: {fork: {branches: [{l: {for: {each: x, in: '${ [1,2,3] }'}, do: [{a: {set: '${ $x "
              "}'}}]}},"
              " {m: {for: {each: y, in: '${ [] }'}, do: [{b: {set: '${ $y }'}}]}},"
              " {n: {for: {each: z, in: '${ [4] }'}, do: [{c: {fork: {branches: [{d: {set: '${ $z "
              "}'}}]}}}]}}]}}}]",
              "{\"in\":1}", "[3,{\"in\":1},[4]]");
}

static void forks_nest(void **state) {
    (void)state;
    completes("do: [{f: {fork: {branches: [{g: {fork: {branches: ["
              "{a: {call: work, export: {as: '${ $context + {a: 1} }'}}},"
              "{b: {call: work, export: {as: '${ $context + {b: 1} }'}}}]}}},"
              "{c: {call: work, export: {as: '${ $context + {c: 1} }'}}}]}}}, {h: {set: '${ {c: $context, "
              "o: .} }'}}]",
              "{}", "{\"c\":{\"a\":1,\"b\":1,\"c\":1},\"o\":[[\"a\",\"b\"],\"c\"]}");
}

static void the_first_wins(void **state) {
    (void)state;
    world *w =
        world_run("do: [{f: {fork: {compete: true, branches: ["
                  "{a: {call: work, export: {as: '${ {won: \"a\"} }'}}},"
                  "{b: {call: work, export: {as: '${ $context + {won: \"b\"} }'}}},"
                  "{c: {wait: PT1H}}]}}}, {g: {set: '${ {o: ., c: $context} }'}}]",
                  "{\"a\":[{\"ok\":\"A\",\"after\":20}],\"b\":[{\"ok\":\"B\",\"after\":10}]}", "{\"k\":1}");
    world_completes(w, "{\"o\":\"B\",\"c\":{\"k\":1,\"won\":\"b\"}}");
    world_journal_is(w, "1 started = {\"k\":1}\n"
                        "2 step_started /do/0/f key=2\n"
                        "3 step_started /do/0/f/fork/branches/0/a key=3\n"
                        "4 step_started /do/0/f/fork/branches/1/b key=4\n"
                        "5 step_started /do/0/f/fork/branches/2/c key=5\n"
                        "@10\n"
                        "6 step_completed /do/0/f/fork/branches/1/b key=4 = \"B\"\n"
                        "7 step_cancelled /do/0/f/fork/branches/0/a key=3\n"
                        "8 step_cancelled /do/0/f/fork/branches/2/c key=5\n"
                        "9 step_completed /do/0/f key=2 = \"B\"\n"
                        "10 step_started /do/1/g key=10\n"
                        "11 step_completed /do/1/g key=10 = {\"c\":{\"k\":1,\"won\":\"b\"},\"o\":\"B\"}\n"
                        "12 completed = {\"c\":{\"k\":1,\"won\":\"b\"},\"o\":\"B\"}\n");
    world_performed_is(w, "call /do/0/f/fork/branches/0/a key=3\n"
                          "call /do/0/f/fork/branches/1/b key=4\n"
                          "abort /do/0/f/fork/branches/0/a\n");
    world_free(w);
}

static void who_faults_loses(void **state) {
    (void)state;
    world *w =
        world_run("do: [{f: {fork: {compete: true, branches: [{a: {call: work}}, {b: {call: work}}]}}}]",
                  "{\"a\":[{\"fail\":\"first\"}],\"b\":[{\"ok\":\"B\",\"after\":10}]}", NULL);
    world_completes(w, "\"B\"");
    world_free(w);
    w = world_run("do: [{f: {fork: {compete: true, branches: [{a: {call: work}}, {b: {call: work}}]}}}]",
                  "{\"a\":[{\"fail\":\"late\",\"after\":20}],\"b\":[{\"fail\":\"early\",\"after\":10}]}",
                  NULL);
    world_faults(w, "runtime 500 /do/0/f/fork/branches/0/a late");
    world_free(w);
    /* At once, without leaving the turn. */
    completes("do: [{f: {fork: {compete: true, branches: [{a: {raise: {error: {type: about:x, status: "
              "1}}}}, {b: {set: {b: 1}}}, {c: {set: {c: 1}}}]}}}]",
              NULL, "{\"b\":1}");
}

static void a_try_may_be_a_branch(void **state) {
    (void)state;
    /* Its retries give its own context back, not the workflow's. */
    world *w = world_run(
        "do: [{f: {fork: {branches: ["
        "{a: {try: [{x: {call: work, export: {as: '${ $context + {x: (($context.x // 0) + 1)} }'}}}, {y: "
        "{call: other}}],"
        " catch: {retry: {delay: PT1S, limit: {attempt: {count: 3}}}}}},"
        "{b: {call: work, export: {as: '${ $context + {b: 1} }'}}}]}}}, {g: {set: '${ $context }'}}]",
        "{\"y\":[{\"fail\":\"no\"},{\"fail\":\"no\"},{\"ok\":1}]}", "{\"k\":1}");
    world_completes(w, "{\"k\":1,\"x\":1,\"b\":1}");
    world_journal_is(w, "1 started = {\"k\":1}\n"
                        "2 step_started /do/0/f key=2\n"
                        "3 step_started /do/0/f/fork/branches/0/a key=3\n"
                        "4 step_started /do/0/f/fork/branches/1/b key=4\n"
                        "5 step_started /do/0/f/fork/branches/0/a/try/0/x key=5\n"
                        "6 step_completed /do/0/f/fork/branches/1/b key=4 = \"b\"\n"
                        "7 step_completed /do/0/f/fork/branches/0/a/try/0/x key=5 = \"x\"\n"
                        "8 step_started /do/0/f/fork/branches/0/a/try/1/y key=8\n"
                        "9 step_faulted /do/0/f/fork/branches/0/a/try/1/y key=8 ! runtime 500 "
                        "/do/0/f/fork/branches/0/a/try/1/y no\n"
                        "@1000\n"
                        "10 step_retried /do/0/f/fork/branches/0/a key=3 attempt=2 ! runtime 500 "
                        "/do/0/f/fork/branches/0/a/try/1/y no\n"
                        "11 step_started /do/0/f/fork/branches/0/a/try/0/x key=5\n"
                        "12 step_completed /do/0/f/fork/branches/0/a/try/0/x key=5 = \"x\"\n"
                        "13 step_started /do/0/f/fork/branches/0/a/try/1/y key=8\n"
                        "14 step_faulted /do/0/f/fork/branches/0/a/try/1/y key=8 ! runtime 500 "
                        "/do/0/f/fork/branches/0/a/try/1/y no\n"
                        "@2000\n"
                        "15 step_retried /do/0/f/fork/branches/0/a key=3 attempt=3 ! runtime 500 "
                        "/do/0/f/fork/branches/0/a/try/1/y no\n"
                        "16 step_started /do/0/f/fork/branches/0/a/try/0/x key=5\n"
                        "17 step_completed /do/0/f/fork/branches/0/a/try/0/x key=5 = \"x\"\n"
                        "18 step_started /do/0/f/fork/branches/0/a/try/1/y key=8\n"
                        "19 step_completed /do/0/f/fork/branches/0/a/try/1/y key=8 = 1\n"
                        "20 step_completed /do/0/f/fork/branches/0/a key=3 attempt=3 = 1\n"
                        "21 step_completed /do/0/f key=2 = [1,\"b\"]\n"
                        "22 step_started /do/1/g key=22\n"
                        "23 step_completed /do/1/g key=22 = {\"b\":1,\"k\":1,\"x\":1}\n"
                        "24 completed = {\"b\":1,\"k\":1,\"x\":1}\n");
    world_free(w);
}

/* More frames than an execution may have: the innermost fork that asks for them faults, and can be caught.
 */
static void too_many_frames(void **state) {
    (void)state;
    buffer yaml = {0};
    buffer_puts(&yaml, "use: {functions: {wide: {fork: {branches: [");
    for (int i = 0; i < 200; i++) buffer_printf(&yaml, "%s{w%d: {wait: PT1H}}", i ? ", " : "", i);
    buffer_puts(&yaml, "]}}}}\ndo: [{t: {try: [{f: {fork: {branches: [");
    for (int i = 0; i < 60; i++) buffer_printf(&yaml, "%s{c%d: {call: wide}}", i ? ", " : "", i);
    buffer_puts(&yaml, "]}}}], catch: {as: e, do: [{h: {set: '${ $e.title }'}}]}}}]");
    world *w = world_run(yaml.data, NULL, NULL);
    world_completes(w, "\"too many steps at once\"");
    assert_true(w->x.frame_count == 0);
    world_free(w);
    buffer_done(&yaml);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_in_the_order_of_declaration),
        cmocka_unit_test(exit_and_continue_end_a_branch),
        cmocka_unit_test(a_fault_cancels_the_others_and_goes_outward),
        cmocka_unit_test(end_in_a_branch_ends_the_workflow),
        cmocka_unit_test(contexts_join_by_changed_keys),
        cmocka_unit_test(loops_and_forks_may_be_branches),
        cmocka_unit_test(forks_nest),
        cmocka_unit_test(the_first_wins),
        cmocka_unit_test(who_faults_loses),
        cmocka_unit_test(a_try_may_be_a_branch),
        cmocka_unit_test(too_many_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
