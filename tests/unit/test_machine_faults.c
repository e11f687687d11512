/* The machine without memory: every allocation of Baton's own fails once, in turn. The
 * event then says out_of_memory, or the execution faults, or nothing was lost; there is no crash and no
 * leak.
 *
 * Allocations are counted where the linker was told to --wrap them; else there is nothing to test. Each
 * event is handled in a restored copy of the execution, so that all of them begin alike.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine/context.h"
#include "machine_world.h"

#include "failing_allocation.h"

static baton_value copy_of(baton_value value) { return value_ref(value); }

/* Handles the event again and again, each time with another allocation failing. Returns how many there
 * were. */
static long fail_each(const world *w, const event *ev) {
    baton_value snapshot = snapshot_take(&w->x);
    for (long n = 0;; n++) {
        execution_setup setup = w->setup;
        setup.input = VALUE_INVALID;
        baton_execution x;
        execution_init(&x, &setup);
        x.deadline_ns = w->x.deadline_ns;
        if (ev->kind != EVENT_RECOVER && ev->kind != EVENT_SUSPEND) x.lost_ticket = 0; /* they live */
        assert_int_equal(snapshot_restore(&x, snapshot, NULL), 0);
        if (w->x.status == EXECUTION_PENDING) value_assign(&x.input, copy_of(w->x.input));
        output out = {0};
        event copy = *ev;
        copy.frame = NULL;
        copy.value = copy_of(ev->value);
        copy.now_ns = w->now_ns;
        faulted = false;
        until_fault = n;
        machine_handle(&x, &copy, &out);
        until_fault = -1;
        bool failed = faulted;
        output_done(&out);
        execution_done(&x);
        if (failed) continue;
        baton_value_unref(snapshot);
        return n;
    }
}

/* Each event of a whole run. */
static void each_event(world *w) {
    if (!__real_malloc) skip();
    long allocations = 0;
    event ev = {.kind = EVENT_START};
    unsigned guard = 0;
    while (!execution_ended(&w->x) && guard++ < 200) {
        allocations += fail_each(w, &ev);
        world_send(w, ev);
        ev = (event){.kind = EVENT_TIMER};
        if (w->action_count) {
            world_action a = w->actions[0];
            memmove(&w->actions[0], &w->actions[1], --w->action_count * sizeof a);
            world_decide(w, &a);
            ev = (event){.kind = a.kind == ACTION_CONTINUE ? EVENT_CONTINUE : EVENT_SUCCEEDED,
                         .ticket = a.ticket};
            if (a.count > 1)
                ev = world_run_of_steps(w, &a);
            else if (baton_value_has(a.outcome, "fail")) {
                ev.kind = EVENT_FAILED;
                ev.value = world_fault(a.outcome);
            } else if (a.kind != ACTION_CONTINUE) {
                ev.value = baton_value_get(a.outcome, "ok");
            }
            baton_value_unref(a.outcome);
        } else {
            int64_t wake_ns = execution_wake_ns(&w->x);
            if (wake_ns != INT64_MAX && wake_ns > w->now_ns) w->now_ns = wake_ns;
        }
    }
    baton_value_unref(ev.value);
    assert_true(execution_ended(&w->x));
    assert_true(allocations > 0);
    world_free(w);
}

static void steps_of_every_type(void **state) {
    (void)state;
    world *w = world_new(
        "timeout: {after: PT1H}\n"
        "use: {functions: {f: {do: [{f1: {set: '${ {n: (.n + 1)} }'}}]}}}\n"
        "do: [{a: {call: work, with: {x: 'a${ .n }'}, timeout: {after: PT1M}}},"
        " {b: {for: {in: '${ [1,2] }'}, while: 'true', do: [{b1: {set: '${ {n: $item} }'}}]}},"
        " {c: {fork: {branches: [{c1: {call: other, export: {as: '${ $context + {c: 1} }'}}}, {c2: {wait: "
        "PT1S}}, {c3: {do: [{c4: {set: {n: 1}}}]}}]}}},"
        " {d: {try: [{d1: {for: {in: '${ [range(6)] }'}, do: [{d0: {call: work}}]}}, {d2: {call: other}}, "
        "{d3: {call: other}}, {d4: {call: other}}, {d5: {call: other}},"
        " {d6: {raise: {error: {type: about:x, status: 500, title: 't${ 1 }'}}}}],"
        " catch: {as: e, errors: {with: {status: 500}}, when: 'true', retry: {delay: PT1S, jitter: {from: "
        "PT0S, to: PT1S}, limit: {attempt: {count: 1, duration: PT1H}, duration: PT1H}},"
        " do: [{h: {set: '${ {n: 1, e: $e.title} }'}}]}}},"
        " {e: {run: {shell: {command: 'x ${ .n }', arguments: [a, '${ {b: 1} }'], environment: {A: 1}, "
        "stdin: '${ . }'}}}},"
        " {k: {run: {script: {language: js, code: 'export default 1'}}}},"
        " {g: {input: {from: '${ {n: 5, id: \"i d\"} }', schema: {document: {type: object}}}, call: http, "
        "with: {method: get, endpoint: {uri: 'http://x/{id}?{n}',"
        " authentication: {basic: {username: u, password: p}}}, headers: {A: '${ .n }'}}, output: {as: '${ "
        "{n: 1} }', schema: {document: {type: object}}},"
        " export: {as: '${ {g: 1} }', schema: {document: {type: object}}}}},"
        " {i: {if: .no, set: {n: 9}}}, {j: {call: f}}, {s: {switch: [{x: {when: .n == 2, then: end}}, {y: "
        "{then: exit}}]}}]\n"
        "output: {as: '${ [.n, $context] }', schema: {document: {type: array}}}",
        NULL, "{\"n\":1}");
    w->x.keeps_data = w->setup.keeps_data = true;
    each_event(w);
}

static void faults_of_every_kind(void **state) {
    (void)state;
    static const char *const all[] = {
        "do: [{a: {do: [{b: {call: work}}]}}]",
        "do: [{a: {input: {schema: {document: {type: array}}}, set: {a: 1}}}, {w: {wait: PT1S}}]",
        "input: {schema: {document: {type: array}}}\ndo: [{a: {set: {a: 1}}}]",
        "input: {from: 'error(1)'}\ndo: [{a: {set: {a: 1}}}]",
        "do: [{a: {set: {x: '${ error(1) }'}}}]",
        "do: [{a: {set: {x: 1}, export: {as: 'error(1)'}}}]",
        "do: [{a: {wait: '${ \"soon\" }'}}]",
        "timeout: {after: '${ \"soon\" }'}\ndo: [{a: {wait: PT1S}}]",
        "do: [{a: {timeout: {after: PT1S}, fork: {branches: [{b: {wait: PT2S}}, {c: {wait: PT3S}}]}}}]",
        "timeout: {after: PT1S}\ndo: [{a: {wait: PT2S}}]",
        "do: [{a: {set: {x: 1}}}]\noutput: {schema: {document: {type: array}}}",
        "do: [{a: {run: {shell: {command: '${ 1 }'}}}}]",
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        world *w = world_new(all[i], "{\"b\":[{\"fail\":\"boom\"}]}", NULL);
        if (!__real_malloc) skip();
        event ev = {.kind = EVENT_START};
        fail_each(w, &ev);
        world_send(w, ev);
        if (w->action_count) {
            ev = (event){.kind = EVENT_FAILED,
                         .ticket = w->actions[0].ticket,
                         .value = json("{\"title\":\"boom\"}")};
            fail_each(w, &ev);
            world_send(w, ev);
        } else if (!execution_ended(&w->x)) {
            w->now_ns += INT64_C(60000000000);
            ev = (event){.kind = EVENT_TIMER};
            fail_each(w, &ev);
        }
        world_free(w);
    }
}

static int ignore(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static baton_workflow *built(bool rollback) {
    baton_builder *builder = baton_builder_new("built", NULL);
    static const char *const names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++)
        baton_builder_step(builder, &(baton_step){.name = names[i], .execute = ignore, .rollback = ignore});
    baton_builder_rollback(builder, rollback);
    baton_workflow *workflow = baton_builder_build(builder, NULL);
    baton_builder_free(builder);
    return workflow;
}

static void rollbacks_and_runs(void **state) {
    (void)state;
    world *w = world_of(built(true), "{\"c\":[{\"fail\":\"boom\"}]}", "null");
    w->x.strategy_options.retry_attempts = 0;
    w->setup.strategy_options.retry_attempts = 0;
    each_event(w);
    w = world_of(built(true), "{\"c\":[{\"fail\":\"boom\"}]}", "null");
    world_strategy(w, &strategy_simple, (baton_strategy_options){.stop_on_failure = true});
    each_event(w);
}

static void other_events(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    world *w = world_new("do: [{f: {fork: {branches: [{a: {call: work}}, {b: {call: work, metadata: "
                         "{baton: {interrupted: fault}}}}, {c: {wait: PT1H}}]}}}]",
                         "{\"a\":[{\"hang\":true}],\"b\":[{\"hang\":true}]}", NULL);
    world_start(w);
    world_go_until(w, 1000);
    static const event_kind kinds[] = {EVENT_CANCEL, EVENT_SUSPEND, EVENT_RESUME, EVENT_RECOVER};
    for (size_t i = 0; i < 4; i++) fail_each(w, &(event){.kind = kinds[i]});
    world_free(w);
}

static void restoring(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    world *w =
        world_new("do: [{t: {try: [{a: {call: work}}, {b: {call: work}}], catch: {retry: {delay: PT1S}}}}]",
                  "{\"b\":[{\"hang\":true}]}", NULL);
    world_start(w);
    world_go(w);
    baton_value snapshot = baton_value_set(snapshot_take(&w->x), "undo", json("[1]"));
    execution_setup setup = w->setup;
    setup.input = VALUE_INVALID;
    for (long n = 0;; n++) {
        baton_execution x;
        execution_init(&x, &setup);
        baton_error *err = NULL;
        faulted = false;
        until_fault = n;
        int rc = snapshot_restore(&x, snapshot, &err);
        until_fault = -1;
        execution_done(&x);
        assert_int_equal(rc, faulted ? -1 : 0);
        if (faulted) assert_int_equal(baton_error_get_code(err), BATON_ERROR_MEMORY);
        baton_error_free(err);
        if (faulted) continue;
        assert_true(n >= 4);
        break;
    }
    baton_value_unref(snapshot);
    world_free(w);
}

/* More values than have room from the start, with all that a frame can hold. */
static void writing(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    buffer yaml = {0}, script = {0}, text = {0};
    buffer_puts(&yaml, "do: [{f: {fork: {branches: [{h: {call: other}}");
    buffer_puts(&script, "{\"h\":[{\"hang\":true}]");
    for (int i = 0; i < 70; i++) {
        buffer_printf(&yaml, ", {b%d: {call: work}}", i);
        buffer_printf(&script, ",\"b%d\":[{\"ok\":[%d]}]", i, i);
    }
    buffer_puts(&yaml, "]}}}]");
    buffer_putc(&script, '}');
    world *w = world_new(yaml.data, script.data, NULL);
    world_start(w);
    world_go(w);
    long n = 0;
    for (bool written = false; !written; n++) {
        faulted = false;
        until_fault = n;
        written = snapshot_write(&text, &w->x, NULL);
        until_fault = -1;
        assert_true(written != faulted);
        buffer_done(&text);
    }
    assert_true(n > 4);
    world_free(w);
    buffer_done(&yaml);
    buffer_done(&script);
}

static int use_context(baton_error **err) {
    baton_context *context = baton_context_from_json("{\"a\":1}", 7, err);
    if (!context) return -1;
    char *text = baton_context_to_json(context);
    baton_context_free(context);
    if (!text) return baton_error_set(err, BATON_ERROR_MEMORY, "out of memory");
    free(text);
    return 0;
}

static void contexts(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    for (long n = 0;; n++) {
        baton_error *err = NULL;
        faulted = false;
        until_fault = n;
        int rc = use_context(&err);
        until_fault = -1;
        if (!faulted) {
            assert_int_equal(rc, 0);
            assert_true(n > 1);
            break;
        }
        assert_int_equal(rc, -1);
        assert_int_equal(baton_error_get_code(err), BATON_ERROR_MEMORY);
        baton_error_free(err);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_of_every_type),
        cmocka_unit_test(faults_of_every_kind),
        cmocka_unit_test(rollbacks_and_runs),
        cmocka_unit_test(other_events),
        cmocka_unit_test(restoring),
        cmocka_unit_test(writing),
        cmocka_unit_test(contexts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
