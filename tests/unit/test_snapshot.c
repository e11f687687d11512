/* Snapshots: there and back, and what does not fit is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "machine_world.h"

static char *text_of(const baton_execution *x) {
    baton_value snapshot = snapshot_take(x);
    char *text = baton_value_to_json(snapshot);
    baton_value_unref(snapshot);
    return text;
}

/* Taken, restored and taken again: the same text. */
static void same_again(world *w) {
    char *before = text_of(&w->x);
    world_restore(w);
    char *after = text_of(&w->x);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void there_and_back(void **state) {
    (void)state;
    world *w = world_new(
        "timeout: {after: PT1H}\n"
        "do: [{f: {timeout: {after: PT10M}, fork: {branches: [{a: {call: work, with: {x: 1}}},"
        " {t: {try: [{b: {call: other}}, {x: {call: other}}], catch: {as: e, retry: {delay: PT5S, limit: "
        "{attempt: {count: 1, duration: PT1M}}},"
        " do: [{h: {call: work}}, {i: {wait: PT1S}}]}}},"
        " {l: {for: {each: n, in: '${ [1,2] }'}, do: [{w: {call: work, export: {as: '${ {n: $n} }'}}}]}},"
        " {d: {call: work}}]}}}]",
        "{\"a\":[{\"hang\":true}],\"x\":[{\"fail\":\"no\"}],\"h\":[{\"ok\":1,\"after\":10}],\"w\":[{\"ok\":"
        "2,\"after\":7}],\"d\":[{\"waits\":true}]}",
        "{\"n\":0.1,\"text\":\"\\u0000\\\"\"}");
    same_again(w); /* pending */
    world_start(w);
    same_again(w);
    unsigned steps = 0;
    while (world_step(w, WORLD_START_NS + INT64_C(20000000000))) {
        same_again(w);
        steps++;
    }
    assert_true(steps > 8);
    world_tell(w, EVENT_SUSPEND);
    same_again(w);
    world_free(w);
}

static void values_come_back_as_they_were(void **state) {
    (void)state;
    static const char *const values[] = {"${ 1e17 * 3 }",
                                         "${ pow(2; 70) }",
                                         "${ 0.1 + 0.2 }",
                                         "${ -0.0 }",
                                         "${ 1e300 * 10 }",
                                         "${ 5e-324 }",
                                         "${ \"\\u0000\\ud83d\\ude00\" }",
                                         "${ [{}, [], null, false] }"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        buffer yaml = {0};
        buffer_puts(&yaml, "do: [{a: {set: '");
        buffer_puts(&yaml, values[i]);
        buffer_puts(&yaml, "'}}, {w: {wait: PT1S}}]");
        world *w = world_new(yaml.data, NULL, NULL);
        world_start(w);
        baton_value before = value_ref(w->x.root->raw_input);
        world_restore(w);
        if (!baton_value_equal(before, w->x.root->raw_input)) fail_msg("%s", values[i]);
        value_unref(before);
        world_free(w);
        buffer_done(&yaml);
    }
}

/* Expressions may nest a value deeper than any text that is read from outside. */
static void deep_values(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {set: '${ reduce range(1000) as $i (0; [.]) }'}}, {w: {wait: PT1S}}, "
                         "{b: {set: '${ [recurse] | length }'}}]",
                         NULL, NULL);
    w->through_snapshots = true;
    world_start(w);
    world_go(w);
    world_completes(w, "1001");
    world_free(w);
}

static void refused(const char *change_key, const char *change, const char *frame_key,
                    const char *frame_change, baton_error_code code) {
    world *w = world_new("do: [{t: {try: [{a: {call: work}}], catch: {retry: {delay: PT5S}}}}]",
                         "{\"a\":[{\"hang\":true}]}", NULL);
    world_start(w);
    baton_value snapshot = snapshot_take(&w->x);
    if (change_key) snapshot = baton_value_set(snapshot, change_key, json(change));
    if (frame_key) {
        baton_value root = baton_value_get(snapshot, "root");
        snapshot = baton_value_set(snapshot, "root", baton_value_set(root, frame_key, json(frame_change)));
    }
    w->setup.input = VALUE_INVALID;
    baton_execution fresh;
    execution_init(&fresh, &w->setup);
    baton_error *err = NULL;
    int rc = snapshot_restore(&fresh, snapshot, &err);
    if (code == BATON_ERROR_NONE) {
        assert_int_equal(rc, 0);
    } else {
        assert_int_equal(rc, -1);
        assert_int_equal(baton_error_get_code(err), code);
    }
    baton_error_free(err);
    execution_done(&fresh);
    baton_value_unref(snapshot);
    world_free(w);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    refused(NULL, NULL, NULL, NULL, BATON_ERROR_NONE);
    refused("version", "2", NULL, NULL, BATON_ERROR_UNSUPPORTED);
    refused("version", "0", NULL, NULL, BATON_ERROR_INVALID);
    refused("version", "-1", NULL, NULL, BATON_ERROR_INVALID);
    refused("status", "7", NULL, NULL, BATON_ERROR_INVALID);
    refused("outcome", "7", NULL, NULL, BATON_ERROR_INVALID);
    refused("undo", "[0,2]", NULL, NULL, BATON_ERROR_INVALID);
    refused("undo", "[0,1]", NULL, NULL, BATON_ERROR_NONE);
    refused(NULL, NULL, "step", "\"/do/7/x\"", BATON_ERROR_INVALID);
    refused(NULL, NULL, "step", "5", BATON_ERROR_INVALID);
    refused(NULL, NULL, "children", "[{}]", BATON_ERROR_INVALID);
    refused(NULL, NULL, "phase", "77", BATON_ERROR_NONE);
    refused(NULL, NULL, "keys", "[{\"step\":1,\"used\":9,\"numbers\":[3]}]", BATON_ERROR_NONE);
}

static void nothing_but_an_object(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {set: {a: 1}}}]", NULL, NULL);
    baton_error *err = NULL;
    assert_int_equal(snapshot_restore(&w->x, baton_value_null(), &err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_INVALID);
    baton_error_free(err);
    world_free(w);
}

static void more_frames_than_the_limit(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {set: {a: 1}}}]", NULL, NULL);
    baton_value frame = json("{\"step\":\"/do/0/a\",\"phase\":2}"), children = baton_value_array();
    for (int i = 0; i < LIMIT_FRAMES; i++) children = baton_value_append(children, value_ref(frame));
    baton_value snapshot = json("{\"version\":1,\"status\":1}");
    snapshot = baton_value_set(snapshot, "root", baton_value_set(frame, "children", children));
    baton_error *err = NULL;
    assert_int_equal(snapshot_restore(&w->x, snapshot, &err), -1);
    baton_error_free(err);
    value_unref(snapshot);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),        cmocka_unit_test(values_come_back_as_they_were),
        cmocka_unit_test(deep_values),           cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(nothing_but_an_object), cmocka_unit_test(more_frames_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
