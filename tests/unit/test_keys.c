/* Idempotency keys: one for all attempts of an occurrence, over retries, loops, jumps and nested tries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

#define FAIL "{\"fail\":\"boom\"},"

/* The keys of the calls of one step, in order. */
static void keys_are(const char *yaml, const char *script, const char *step, const char *expected) {
    world *w = world_run(yaml, script, NULL);
    if (w->x.status != EXECUTION_COMPLETED) fail_msg("%s", buffer_text(&w->journal));
    buffer part = {0}, keys = {0};
    buffer_printf(&part, "/%s key=", step);
    for (const char *at = buffer_text(&w->performed); (at = strstr(at, part.data)); at += part.size)
        buffer_printf(&keys, "%d ", atoi(at + part.size));
    assert_string_equal(buffer_text(&keys), expected);
    buffer_done(&part);
    buffer_done(&keys);
    world_free(w);
}

#define RETRY "catch: {retry: {delay: PT1S, limit: {attempt: {count: 1}}}}"

static void without_a_retry_each_occurrence_has_its_own(void **state) {
    (void)state;
    keys_are("do: [{f: {for: {in: '${ [1,2,3] }'}, do: [{a: {call: work}}]}}]", NULL, "a", "3 5 7 ");
    keys_are("do: [{a: {call: work}}, {s: {switch: [{again: {when: .n < 2, then: a}}, {z: {then: end}}]}}]",
             "{\"a\":[{\"ok\":{\"n\":1}},{\"ok\":{\"n\":2}}]}", "a", "2 6 ");
    /* A try without retry remembers nothing. */
    keys_are("do: [{t: {try: [{a: {call: work}}], catch: {}}}]", NULL, "a", "3 ");
}

static void a_retry_finds_them_again(void **state) {
    (void)state;
    keys_are("do: [{t: {try: [{a: {call: work}}, {x: {call: other}}], " RETRY "}}]",
             "{\"x\":[" FAIL "{\"ok\":1}]}", "a", "3 3 ");
    keys_are("do: [{t: {try: [{f: {for: {in: '${ [range(6)] }'}, do: [{a: {call: work}}]}}, {x: {call: "
             "other}}], " RETRY "}}]",
             "{\"x\":[" FAIL "{\"ok\":1}]}", "a", "4 6 8 10 12 14 4 6 8 10 12 14 ");
}

static void rounds_of_an_outer_loop_are_new(void **state) {
    (void)state;
    keys_are(
        "do: [{f: {for: {in: '${ [1,2] }'}, do: [{t: {try: [{a: {call: work}}, {x: {call: other}}], " RETRY
        "}}]}}]",
        "{\"x\":[" FAIL "{\"ok\":1}," FAIL "{\"ok\":1}]}", "a", "4 4 15 15 ");
}

static void nested_tries(void **state) {
    (void)state;
    keys_are("do: [{o: {try: [{t: {try: [{a: {call: work}}, {x: {call: other}}], " RETRY "}}], " RETRY
             "}}]",
             "{\"x\":[" FAIL FAIL FAIL "{\"ok\":1}]}", "a", "4 4 4 4 ");
    /* What the inner try's handler does is remembered by the outer one. */
    keys_are("do: [{o: {try: [{t: {try: [{x: {call: other}}], catch: {retry: {delay: PT1S, limit: "
             "{attempt: {count: 0}}}, do: [{a: {call: work}}]}}},"
             " {y: {call: other}}], " RETRY "}}]",
             "{\"x\":[{\"fail\":\"boom\"}],\"y\":[" FAIL "{\"ok\":1}]}", "a", "6 6 ");
    /* A handler of its own try is outside the retries. */
    keys_are("do: [{f: {for: {in: '${ [1,2] }'}, do: [{t: {try: [{x: {call: other}}],"
             " catch: {retry: {delay: PT1S, limit: {attempt: {count: 1}}}, do: [{a: {call: work}}]}}}]}}]",
             "{\"x\":[{\"fail\":\"boom\"}]}", "a", "9 18 ");
}

static void many_steps(void **state) {
    (void)state;
    keys_are("do: [{t: {try: [{b: {call: work}}, {c: {call: work}}, {d: {call: work}}, {e: {call: work}}, "
             "{a: {call: work}},"
             " {x: {call: other}}], " RETRY "}}]",
             "{\"x\":[" FAIL "{\"ok\":1}]}", "a", "11 11 ");
}

static void they_survive_snapshots(void **state) {
    (void)state;
    world *w = world_new("do: [{t: {try: [{f: {for: {in: '${ [1,2] }'}, do: [{a: {call: work}}]}}, {x: "
                         "{call: other}}], " RETRY "}}]",
                         "{\"x\":[" FAIL "{\"ok\":1}]}", NULL);
    w->through_snapshots = true;
    world_start(w);
    world_go(w);
    world_performed_is(w, "call /do/0/t/try/0/f/do/0/a key=4\n"
                          "call /do/0/t/try/0/f/do/0/a key=6\n"
                          "call /do/0/t/try/1/x key=9\n"
                          "call /do/0/t/try/0/f/do/0/a key=4\n"
                          "call /do/0/t/try/0/f/do/0/a key=6\n"
                          "call /do/0/t/try/1/x key=9\n");
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_retry_each_occurrence_has_its_own),
        cmocka_unit_test(a_retry_finds_them_again),
        cmocka_unit_test(rounds_of_an_outer_loop_are_new),
        cmocka_unit_test(nested_tries),
        cmocka_unit_test(many_steps),
        cmocka_unit_test(they_survive_snapshots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
