/* set: replaces the data.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

static void replaces(void **state) {
    (void)state;
    completes("do: [{a: {set: {x: 1}}}, {b: {set: {y: 2}}}]", "{\"z\":0}", "{\"y\":2}");
    completes("do: [{a: {set: {x: '${ .in + 1 }', t: 'in is ${ .in }', c: '$${ .in }'}}}]", "{\"in\":1}",
              "{\"x\":2,\"t\":\"in is 1\",\"c\":\"${ .in }\"}");
    completes("do: [{a: {set: '${ [.in, $input.in] }'}}]", "{\"in\":3}", "[3,3]");
}

static void several_results_are_an_array_and_none_is_null(void **state) {
    (void)state;
    completes("do: [{a: {set: {s: '${ .in[] }', n: '${ empty }', o: '${ .in[0] }'}}}]", "{\"in\":[1,2]}",
              "{\"s\":[1,2],\"n\":null,\"o\":1}");
}

static void expressions_in_the_data_are_data(void **state) {
    (void)state;
    completes("do: [{a: {set: {x: '${ .in }'}}}, {b: {set: {y: '${ .x }'}}}]", "{\"in\":\"${ 1 + 1 }\"}",
              "{\"y\":\"${ 1 + 1 }\"}");
}

static void faults_of_expressions(void **state) {
    (void)state;
    faults("do: [{a: {set: {x: '${ error(\"no\") }'}}}]", NULL, "expression 400 /do/0/a Expression failed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces),
        cmocka_unit_test(several_results_are_an_array_and_none_is_null),
        cmocka_unit_test(expressions_in_the_data_are_data),
        cmocka_unit_test(faults_of_expressions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
