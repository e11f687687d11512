/* Idempotency keys: one for all attempts of an occurrence, over retries, loops, jumps and nested tries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine/keys.h"
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

/* Both branches call one function; in the second attempt they come to it in the other order. */
static void branches_do_not_swap_keys(void **state) {
    (void)state;
    world *w = world_new(
        "use: {functions: {pay: {call: work}}}\n"
        "do: [{t: {try: [{f: {fork: {branches: [{b0: {do: [{p0: {call: other}}, {c0: {call: pay}}]}},"
        " {b1: {do: [{p1: {call: other}}, {c1: {call: pay}}]}}]}}}, {x: {call: other}}], " RETRY "}}]",
        "{\"p0\":[{\"ok\":1},{\"ok\":1,\"after\":5}],\"p1\":[{\"ok\":1,\"after\":5},{\"ok\":1}],\"x\":"
        "[" FAIL "{\"ok\":1}]}",
        NULL);
    w->through_snapshots = true;
    world_start(w);
    world_go(w);
    assert_int_equal(w->x.status, EXECUTION_COMPLETED);
    world_performed_is(w, "call /do/0/t/try/0/f/fork/branches/0/b0/do/0/p0 key=6\n"
                          "call /do/0/t/try/0/f/fork/branches/1/b1/do/0/p1 key=7\n"
                          "call /use/functions/pay key=10\n"
                          "call /use/functions/pay key=16\n"
                          "call /do/0/t/try/1/x key=21\n"
                          "call /do/0/t/try/0/f/fork/branches/0/b0/do/0/p0 key=6\n"
                          "call /do/0/t/try/0/f/fork/branches/1/b1/do/0/p1 key=7\n"
                          "call /use/functions/pay key=16\n"
                          "call /use/functions/pay key=10\n"
                          "call /do/0/t/try/1/x key=21\n");
    world_free(w);
}

/* A loop's keys take no more room for many rounds than for few. */
static void a_long_history_is_short(void **state) {
    (void)state;
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        buffer yaml = {0}, text = {0};
        buffer_printf(
            &yaml,
            "do: [{t: {try: [{f: {for: {in: '${ [range(%d)] | [] + . }'}, do: [{a: {call: work}}, "
            "{b: {call: other}}]}}, {x: {call: other}}], " RETRY "}}]",
            i ? 1000 : 100);
        world *w = world_new(yaml.data, "{\"x\":[{\"hang\":true}]}", NULL);
        world_start(w);
        world_go(w);
        assert_true(snapshot_write(&text, &w->x, NULL));
        sizes[i] = text.size;
        world_free(w);
        buffer_done(&yaml);
        buffer_done(&text);
    }
    assert_in_range(sizes[1], sizes[0], sizes[0] + 20);
}

static void keys_without_a_pattern(void **state) {
    (void)state;
    static const uint32_t numbers[] = {5, 9, 2, 2, 2, 7, 4000000000u, 1, 100, 103, 106};
    enum { COUNT = sizeof numbers / sizeof *numbers };
    key_memory keys = {0};
    struct key_list *list = keys_list(&keys, 3, 0);
    assert_ptr_not_equal(list, NULL);
    for (size_t i = 0; i < COUNT; i++) assert_true(keys_append(list, numbers[i]));
    size_t at = 0;
    for (uint32_t i = 0; i < list->count; i++)
        for (uint32_t j = 0; j < list->runs[i].count; j++)
            assert_int_equal(list->runs[i].first + list->runs[i].stride * j, numbers[at++]);
    assert_int_equal(at, COUNT);
    assert_true(list->count < COUNT);
    assert_ptr_equal(keys_list(&keys, 3, 0), list);
    free(list->runs);
    free(keys.lists);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_retry_each_occurrence_has_its_own),
        cmocka_unit_test(a_retry_finds_them_again),
        cmocka_unit_test(rounds_of_an_outer_loop_are_new),
        cmocka_unit_test(nested_tries),
        cmocka_unit_test(many_steps),
        cmocka_unit_test(they_survive_snapshots),
        cmocka_unit_test(branches_do_not_swap_keys),
        cmocka_unit_test(a_long_history_is_short),
        cmocka_unit_test(keys_without_a_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
