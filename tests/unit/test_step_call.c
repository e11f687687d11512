/* call: functions of `use`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

static void runs_the_function_on_with(void **state) {
    (void)state;
    world *w = world_run("use: {functions: {double: {set: '${ [.n * 2] }'}}}\n"
                         "do: [{a: {call: double, with: {n: '${ .in + 1 }'}, output: {as: '${ {out: .[0], "
                         "in: $input.in} }'}}}]",
                         NULL, "{\"in\":4}");
    world_completes(w, "{\"out\":10,\"in\":4}");
    world_journal_is(w, "1 started = {\"in\":4}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_started /use/functions/double key=3\n"
                        "4 step_completed /use/functions/double key=3 = [10]\n"
                        "5 step_completed /do/0/a key=2 = {\"in\":4,\"out\":10}\n"
                        "6 completed = {\"in\":4,\"out\":10}\n");
    world_free(w);
}

static void without_with_on_the_steps_input(void **state) {
    (void)state;
    completes("use: {functions: {double: {set: '${ .n * 2 }'}}}\ndo: [{a: {call: double}}]", "{\"n\":4}",
              "8");
}

static void functions_call_functions(void **state) {
    (void)state;
    completes("use: {functions: {inc: {set: '${ .n + 1 }'}, twice: {do: [{x: {call: inc}}, {y: {call: inc, "
              "with: {n: '${ . }'}}}]}}}\n"
              "do: [{a: {call: twice}}]",
              "{\"n\":4}", "6");
}

static void if_then_and_end_of_a_function(void **state) {
    (void)state;
    completes("use: {functions: {f: {if: .yes, set: {f: 1}}}}\ndo: [{a: {call: f}}]", "{\"yes\":false}",
              "{\"yes\":false}");
    completes(
        "use: {functions: {f: {set: {f: 1}, then: exit}}}\ndo: [{a: {call: f}}, {b: {set: '${ [.] }'}}]",
        NULL, "[{\"f\":1}]");
    completes(
        "use: {functions: {f: {set: {f: 1}, then: end}}}\ndo: [{a: {call: f}}, {b: {set: '${ [.] }'}}]",
        NULL, "{\"f\":1}");
}

static void faults_name_the_function_and_go_outward(void **state) {
    (void)state;
    world *w = world_run("use: {functions: {f: {call: work}}}\ndo: [{a: {call: f}}]",
                         "{\"f\":[{\"fail\":\"boom\"}]}", NULL);
    world_faults(w, "runtime 500 /use/functions/f boom");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_started /use/functions/f key=3\n"
                        "4 step_faulted /use/functions/f key=3 ! runtime 500 /use/functions/f boom\n"
                        "5 step_faulted /do/0/a key=2 ! runtime 500 /use/functions/f boom\n"
                        "6 faulted ! runtime 500 /use/functions/f boom\n");
    world_free(w);
    faults("use: {functions: {f: {set: {f: 1}}}}\ndo: [{a: {call: f, with: {x: '${ error(1) }'}}}]", NULL,
           "expression 400 /do/0/a");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_the_function_on_with),
        cmocka_unit_test(without_with_on_the_steps_input),
        cmocka_unit_test(functions_call_functions),
        cmocka_unit_test(if_then_and_end_of_a_function),
        cmocka_unit_test(faults_name_the_function_and_go_outward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
