/* raise: errors of the workflow's own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

static void a_whole_error(void **state) {
    (void)state;
    world *w = world_run("do: [{a: {raise: {error: {type: 'https://example.com/errors/x', status: 418,"
                         " title: 'no ${ .what }', detail: '${ .what }', instance: /elsewhere}}}}]",
                         NULL, "{\"what\":\"tea\"}");
    assert_json(w->x.fault,
                "{\"type\":\"https://example.com/errors/x\",\"status\":418,\"title\":\"no tea\","
                "\"detail\":\"tea\",\"instance\":\"/elsewhere\"}");
    world_journal_is(
        w, "1 started = {\"what\":\"tea\"}\n"
           "2 step_started /do/0/a key=2\n"
           "3 step_faulted /do/0/a key=2 ! https://example.com/errors/x 418 /elsewhere no tea: tea\n"
           "4 faulted ! https://example.com/errors/x 418 /elsewhere no tea: tea\n");
    world_free(w);
}

static void the_step_is_the_instance(void **state) {
    (void)state;
    world *w =
        world_run("do: [{a: {do: [{b: {raise: {error: {type: about:blank, status: 400}}}}]}}]", NULL, NULL);
    assert_json(w->x.fault, "{\"type\":\"about:blank\",\"status\":400,\"instance\":\"/do/0/a/do/0/b\"}");
    world_free(w);
}

static void errors_of_use(void **state) {
    (void)state;
    faults("use: {errors: {gone: {type: about:gone, status: 410, title: Gone}}}\n"
           "do: [{a: {raise: {error: gone}}}]",
           NULL, "about:gone 410 /do/0/a Gone");
}

static void members_are_expressions(void **state) {
    (void)state;
    faults("do: [{a: {raise: {error: {type: about:x, status: '${ .code + 1 }', title: x}}}}]",
           "{\"code\":400}", "about:x 401 /do/0/a x");
    faults("do: [{a: {raise: {error: {type: about:x, status: 400, title: '${ error(\"no\") }'}}}}]", NULL,
           "expression 400 /do/0/a Expression failed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_error),
        cmocka_unit_test(the_step_is_the_instance),
        cmocka_unit_test(errors_of_use),
        cmocka_unit_test(members_are_expressions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
