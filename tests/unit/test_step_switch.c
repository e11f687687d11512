/* switch: the first case that fits says where to go.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

#define STEPS(cases, then)                                                \
    "do: [{s: {switch: [" cases "]" then                                  \
    "}}, {a: {set: {at: a}, then: end}}, {b: {set: {at: b}, then: end}}," \
    " {c: {set: {at: c}, then: end}}]"

static void the_first_that_fits(void **state) {
    (void)state;
    static const char steps[] =
        STEPS("{x: {when: .n == 1, then: b}}, {y: {when: '${ .n >= 1 }', then: c}}, {z: {then: end}}", "");
    completes(steps, "{\"n\":1}", "{\"at\":\"b\"}");
    completes(steps, "{\"n\":2}", "{\"at\":\"c\"}");
    completes(steps, "{\"n\":0}", "{\"n\":0}");
}

static void the_default_counts_last_wherever_it_stands(void **state) {
    (void)state;
    static const char steps[] = STEPS("{z: {then: b}}, {x: {when: .n == 1, then: c}}", "");
    completes(steps, "{\"n\":1}", "{\"at\":\"c\"}");
    completes(steps, "{\"n\":0}", "{\"at\":\"b\"}");
}

static void no_case(void **state) {
    (void)state;
    completes(STEPS("{x: {when: .n == 1, then: c}}", ""), "{\"n\":0}", "{\"at\":\"a\"}");
    completes(STEPS("{x: {when: .n == 1, then: c}}", ", then: b"), "{\"n\":0}", "{\"at\":\"b\"}");
}

static void passes_its_input_on(void **state) {
    (void)state;
    completes("do: [{s: {input: {from: .v}, switch: [{z: {then: continue}}]}}]", "{\"v\":5}", "5");
    completes("do: [{s: {switch: [{z: {then: exit}}], output: {as: '${ [.v] }'}}}, {a: {set: {a: 1}}}]",
              "{\"v\":5}", "[5]");
}

static void a_condition_that_fails(void **state) {
    (void)state;
    faults(STEPS("{x: {when: '.n | error', then: c}}, {z: {then: b}}", ""), "{\"n\":\"no\"}",
           "expression 400 /do/0/s Expression failed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_fits),
        cmocka_unit_test(the_default_counts_last_wherever_it_stands),
        cmocka_unit_test(no_case),
        cmocka_unit_test(passes_its_input_on),
        cmocka_unit_test(a_condition_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
