/* What expressions see: $context, $input, $output, $task, $workflow, $runtime, variables, now.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

static void task(void **state) {
    (void)state;
    completes("do: [{a: {input: {from: .in}, set: '${ $task | {name, reference, input, started: "
              ".startedAt} }'}}]",
              "{\"in\":5}",
              "{\"name\":\"a\",\"reference\":\"/do/0/"
              "a\",\"input\":{\"in\":5},\"started\":{\"iso8601\":\"2026-01-01T00:00:00.000Z\","
              "\"epoch\":{\"seconds\":1767225600,\"milliseconds\":1767225600000}}}");
    completes("do: [{a: {set: {x: 1}, output: {as: '${ [$task.output, $task.definition.set] }'}}}]", NULL,
              "[{\"x\":1},{\"x\":1}]");
    completes("do: [{a: {set: '${ $task | has(\"output\") }'}}]", NULL, "false");
}

static void workflow_and_runtime(void **state) {
    (void)state;
    completes(
        "do: [{w: {wait: PT1.5S}}, {a: {set: '${ $workflow | {id, input, name: .definition.document.name, "
        "at: .startedAt.iso8601} }'}}]",
        "{\"in\":5}",
        "{\"id\":\"exec\",\"input\":{\"in\":5},\"name\":\"test\",\"at\":\"2026-01-01T00:00:00.000Z\"}");
    completes("do: [{a: {set: '${ $runtime.name }'}}]", NULL, "\"baton\"");
    completes("do: [{a: {set: '${ $runtime.metadata }'}}]", NULL, "{}");
    completes("do: [{a: {set: '${ $runtime.version }'}}]", NULL, "\"" BATON_VERSION "\"");
}

static void now_is_the_events_time(void **state) {
    (void)state;
    completes("do: [{w: {wait: PT1.5S}}, {a: {set: '${ now }'}}]", NULL, "1767225601.5");
    completes("do: [{w: {wait: PT1.5S}}, {a: {set: '${ $task.startedAt.epoch }'}}]", NULL,
              "{\"seconds\":1767225601,\"milliseconds\":1767225601500}");
}

static void input_and_output_where_they_are(void **state) {
    (void)state;
    completes("do: [{a: {if: '$context.in == 5', set: '${ $input }'}}]", "{\"in\":5}", "{\"in\":5}");
    completes("do: [{a: {set: {x: 1}, export: {as: '${ $output }'}}}, {b: {set: '${ $context }'}}]", NULL,
              "{\"x\":1}");
}

static void variables_of_the_nearest_loop(void **state) {
    (void)state;
    completes("do: [{f: {for: {each: x, in: '${ [1,2] }'}, do: [{g: {for: {each: x, in: '${ [$x + 10] }'}, "
              "do: [{a: {set: '${ $x }'}}]}}]}}]",
              NULL, "12");
    completes("do: [{f: {for: {each: x, in: '${ [1] }'}, do: [{g: {do: [{a: {set: '${ {x: $x, at: $index} "
              "}'}}]}}]}}]",
              NULL, "{\"x\":1,\"at\":0}");
}

static void in_the_workflows_own_expressions(void **state) {
    (void)state;
    completes("input: {from: '${ {id: $workflow.id, in: .} }'}\ndo: [{a: {set: '${ . }'}}]\noutput: {as: "
              "'${ [., $context] }'}",
              "{}", "[{\"id\":\"exec\",\"in\":{}},{\"id\":\"exec\",\"in\":{}}]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(task),
        cmocka_unit_test(workflow_and_runtime),
        cmocka_unit_test(now_is_the_events_time),
        cmocka_unit_test(input_and_output_where_they_are),
        cmocka_unit_test(variables_of_the_nearest_loop),
        cmocka_unit_test(in_the_workflows_own_expressions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
