/* Snapshots: there and back, and what does not fit is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "machine_world.h"

static char *text_of(const baton_execution *x) {
    buffer b = {0};
    assert_true(snapshot_write(&b, x, NULL));
    return buffer_take(&b);
}

/* Written, restored and written again: the same text. */
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
    refused("version", "3", NULL, NULL, BATON_ERROR_UNSUPPORTED);
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
    refused(NULL, NULL, "keys", "[[1,0,9,9,3,0,1]]", BATON_ERROR_NONE);
    refused(NULL, NULL, "keys", "[[1,0,0,9,3,0,1],[2],7]", BATON_ERROR_NONE);
    refused(NULL, NULL, "rawInput", "0", BATON_ERROR_NONE);
    refused(NULL, NULL, "rawInput", "1", BATON_ERROR_INVALID);
    refused(NULL, NULL, "wake", "[1e300,-1]", BATON_ERROR_NONE);
    refused(NULL, NULL, "wake", "[9007199254740991,0]", BATON_ERROR_NONE);
    refused("v1@", "7", NULL, NULL, BATON_ERROR_INVALID); /* and nobody keeps it */
}

static void branches_that_are_not_there(void **state) {
    (void)state;
    static const char *const branches[] = {"[0,0,0,2,0,0]", "[1,0,0,0,0,0]", "[0,0,9]"};
    for (size_t i = 0; i < 3; i++) {
        world *w =
            world_new("do: [{f: {fork: {branches: [{a: {call: work}}, {b: {call: work}}]}}}]", NULL, NULL);
        buffer text = {0};
        buffer_printf(&text,
                      "{\"version\":2,\"status\":1,\"root\":{\"step\":\"/do/0/f\",\"phase\":2,"
                      "\"branches\":%s},\"v0\":1}",
                      branches[i]);
        baton_value snapshot = json(text.data);
        baton_error *err = NULL;
        assert_int_equal(snapshot_restore(&w->x, snapshot, &err), -1);
        assert_int_equal(baton_error_get_code(err), BATON_ERROR_INVALID);
        baton_error_free(err);
        baton_value_unref(snapshot);
        buffer_done(&text);
        world_free(w);
    }
}

/* What it looks like: an execution that is stored today is read by every later version. */
static void version_2(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: work, timeout: {after: PT5S}}}]", "{\"a\":[{\"hang\":true}]}",
                         "{\"order\":17}");
    w->now_ns += 250;
    world_start(w);
    char *text = text_of(&w->x);
    static const char expected[] =
        "{\"version\":2,\"status\":1,\"lastNumber\":2,\"lastTicket\":1,"
        "\"startedAt\":[1767225600000,250],\"input\":0,\"context\":0,"
        "\"root\":{\"step\":\"/do/0/a\",\"phase\":3,\"number\":2,\"key\":2,\"attempt\":1,"
        "\"ticket\":1,\"startedAt\":[1767225600000,250],\"deadline\":[1767225605000,250],"
        "\"rawInput\":0,\"input\":0},\"v0\":{\"order\":17}}";
    assert_string_equal(text, expected);
    free(text);
    same_again(w);
    world_send(w, (event){.kind = EVENT_SUCCEEDED, .ticket = 1, .value = json("5")});
    world_completes(w, "5");
    world_free(w);
}

/* Written by version 1: in a fork, one branch calls, one is in the second try of a loop, one has ended. */
static void version_1(void **state) {
    (void)state;
    static const char text[] =
        "{\"context\":{\"order\":17},\"input\":{\"order\":17},\"lastNumber\":21,\"lastTicket\":8,\"root\":{"
        "\"attempt\":1,\"children\":[{\"alone\":1,\"attempt\":1,\"children\":[],\"context\":{\"order\":17},"
        "\"input\":{\"order\":17},\"key\":3,\"number\":3,\"phase\":3,\"rawInput\":{\"order\":17},"
        "\"startedAt\":["
        "1767225600000,0],\"step\":\"/do/0/f/fork/branches/0/a\",\"ticket\":1},{\"alone\":1,\"attempt\":2,"
        "\"branch\":1,\"children\":[{\"attempt\":1,\"children\":[{\"attempt\":1,\"children\":[],\"input\":"
        "4,\"key\":"
        "10,\"number\":21,\"phase\":3,\"rawInput\":4,\"startedAt\":[1767225601000,0],\"step\":\"/do/0/f/"
        "fork/"
        "branches/1/t/try/0/l/do/0/"
        "r\",\"ticket\":8}],\"data\":[1,2,3],\"index\":1,\"input\":{\"order\":17},"
        "\"key\":18,\"number\":18,\"phase\":2,\"rawInput\":{\"order\":17},\"rawOutput\":4,\"startedAt\":["
        "1767225601000,0],\"step\":\"/do/0/f/fork/branches/1/t/try/0/l\"}],\"context\":{\"order\":17},"
        "\"contextBefore\":{\"order\":17},\"error\":{\"instance\":\"/do/0/f/fork/branches/1/t/try/1/x\","
        "\"status\":500,\"title\":\"no\",\"type\":\"https://open-workflow-specification.org/spec/1.0.0/"
        "errors/"
        "runtime\"},\"input\":{\"order\":17},\"key\":4,\"keys\":[{\"numbers\":[7,10,12],\"step\":4,"
        "\"used\":2},{"
        "\"numbers\":[15],\"step\":5,\"used\":0}],\"number\":4,\"phase\":2,\"rawInput\":{\"order\":17},"
        "\"retries\":1,\"startedAt\":[1767225600000,0],\"step\":\"/do/0/f/fork/branches/1/"
        "t\"}],\"data\":[null,"
        "null,[\"b\",{\"k\":1}]],\"input\":{\"order\":17},\"key\":2,\"number\":2,\"phase\":2,\"rawInput\":{"
        "\"order\":17},\"startedAt\":[1767225600000,0],\"step\":\"/do/0/"
        "f\"},\"startedAt\":[1767225600000,0],"
        "\"status\":1,\"version\":1}";
    world *w = world_new(
        "do: [{f: {fork: {branches: [{a: {call: work}}, {t: {try: [{l: {for: {each: n, in: '${ [1,2,3] "
        "}'}, "
        "do: [{r: {call: work}}]}}, {x: {call: other}}], catch: {retry: {delay: PT1S, limit: {attempt: "
        "{count: 2}}}}}}, {b: {call: work, export: {as: '${ {k: 1} }'}}}]}}}, "
        "{z: {set: '${ {all: ., c: $context} }'}}]",
        NULL, NULL);
    baton_value snapshot = json(text);
    baton_error *err = NULL;
    if (snapshot_restore(&w->x, snapshot, &err) != 0) fail_msg("%s", baton_error_message(err));
    baton_value_unref(snapshot);
    same_again(w);
    world_tell(w, EVENT_RECOVER);
    world_go(w);
    world_completes(w, "{\"all\":[\"a\",\"x\",\"b\"],\"c\":{\"k\":1}}");
    world_performed_is(w, "call /do/0/f/fork/branches/0/a key=3 attempt=2\n"
                          "call /do/0/f/fork/branches/1/t/try/0/l/do/0/r key=10 attempt=2\n"
                          "call /do/0/f/fork/branches/1/t/try/0/l/do/0/r key=12\n"
                          "call /do/0/f/fork/branches/1/t/try/1/x key=15\n");
    world_free(w);
}

static unsigned times_in(const char *text, const char *part) {
    unsigned count = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) count++;
    return count;
}

/* The input is also the context, of each branch too, and what each was given. */
static void a_value_is_written_once(void **state) {
    (void)state;
    buffer yaml = {0}, script = {0};
    buffer_puts(&yaml, "do: [{f: {fork: {branches: [");
    for (int i = 0; i < 100; i++) {
        buffer_printf(&yaml, "%s{b%d: {call: work}}", i ? ", " : "", i);
        buffer_printf(&script, "%c\"b%d\":[{\"%s\":\"out %d\"}]", i ? ',' : '{', i, i == 50 ? "hang" : "ok",
                      i);
    }
    buffer_puts(&yaml, "]}}}]");
    buffer_putc(&script, '}');
    world *w = world_new(yaml.data, script.data, "{\"large\":\"value\"}");
    world_start(w);
    world_go(w);
    same_again(w);
    char *text = text_of(&w->x);
    assert_int_equal(times_in(text, "large"), 1);
    assert_int_equal(times_in(text, "out "), 99);
    free(text);
    w->keeps_values = true;
    world_restore(w);
    assert_int_equal(baton_value_size(w->kept), 1);
    world_send(w, (event){.kind = EVENT_SUCCEEDED, .ticket = 51, .value = json("\"end\"")});
    assert_int_equal(w->x.status, EXECUTION_COMPLETED);
    baton_value last = baton_value_at(w->x.output, 99), middle = baton_value_at(w->x.output, 50);
    assert_json(last, "\"out 99\"");
    assert_json(middle, "\"end\"");
    baton_value_unref(last);
    baton_value_unref(middle);
    world_free(w);
    buffer_done(&yaml);
    buffer_done(&script);
}

static baton_value unreadable(void *data, int64_t number, baton_error **err) {
    (void)data;
    baton_error_set(err, BATON_ERROR_STORE, "value %d is gone", (int)number);
    return VALUE_INVALID;
}

static void a_value_that_cannot_be_read(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: work}}]", NULL, NULL);
    const snapshot_values values = {.read = unreadable};
    baton_value snapshot = json("{\"version\":2,\"status\":1,\"v0\":1,\"v1@\":9007199254740991}");
    baton_error *err = NULL;
    assert_int_equal(snapshot_restore_from(&w->x, snapshot, &values, &err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_STORE);
    baton_error_free(err);
    baton_value_unref(snapshot);
    world_free(w);
}

static void a_value_that_cannot_be_written(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {set: '${ reduce range(10001) as $i (0; [.]) }'}}, {w: {wait: PT1S}}]",
                         NULL, NULL);
    world_start(w);
    buffer b = {0};
    assert_false(snapshot_write(&b, &w->x, NULL));
    buffer_done(&b);
    assert_false(value_is_valid(snapshot_take(&w->x)));
    world_free(w);
}

/* More than a turn's steps are ready, in an order of their own. */
static void the_order_of_what_is_ready(void **state) {
    (void)state;
    buffer yaml = {0};
    buffer_puts(&yaml, "do: [{f: {fork: {branches: [");
    for (int i = 0; i < 4; i++)
        buffer_printf(&yaml,
                      "%s{b%d: {do: [{w%d: {call: work}}, {l%d: {for: {in: '${ [range(600)] }'}, "
                      "do: [{s%d: {set: '${ 1 }'}}]}}]}}",
                      i ? ", " : "", i, i, i, i);
    buffer_puts(&yaml, "]}}}]");
    static const char script[] = "{\"w0\":[{\"hang\":true}],\"w1\":[{\"hang\":true}],\"w2\":[{\"hang\":"
                                 "true}],\"w3\":[{\"hang\":true}]}";
    world *plain = world_new(yaml.data, script, NULL), *disturbed = world_new(yaml.data, script, NULL);
    disturbed->through_snapshots = true;
    world *const both[] = {plain, disturbed};
    for (int i = 0; i < 2; i++) {
        world_start(both[i]);
        for (uint64_t ticket = 4; ticket > 0; ticket--)
            world_send(both[i],
                       (event){.kind = EVENT_SUCCEEDED, .ticket = ticket, .value = baton_value_number(1)});
        assert_non_null(both[i]->x.ready->ready_next);
        world_go(both[i]);
        world_completes(both[i], "[1,1,1,1]");
    }
    assert_string_equal(buffer_text(&plain->journal), buffer_text(&disturbed->journal));
    world_free(plain);
    world_free(disturbed);
    buffer_done(&yaml);
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
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(values_come_back_as_they_were),
        cmocka_unit_test(deep_values),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(nothing_but_an_object),
        cmocka_unit_test(more_frames_than_the_limit),
        cmocka_unit_test(branches_that_are_not_there),
        cmocka_unit_test(version_2),
        cmocka_unit_test(version_1),
        cmocka_unit_test(a_value_is_written_once),
        cmocka_unit_test(a_value_that_cannot_be_read),
        cmocka_unit_test(a_value_that_cannot_be_written),
        cmocka_unit_test(the_order_of_what_is_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
