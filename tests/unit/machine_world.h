/* A simulated world around the machine: it sends the start, answers every action from a script, moves a
 * virtual clock to the next moment that matters, and writes down what the machine records.
 *
 * The journal has a line for each record, "3 step_started /do/0/a key=3", with `attempt=` from the second
 * on, the record's other values if they are asked for (` raw_input {}`) and ` = ` before its data, ` ! `
 * before an error ("runtime 500 /do/0/a title: detail");
 * "@250" stands before the records of a later moment, in milliseconds since the start. The actions are
 * written down in a text of their own.
 *
 * A script is a JSON object, {"step name": [outcome, ...]}. Each call of a step takes the next outcome of
 * its name; the last one counts for all later calls. Outcomes:
 *   {"ok": value}            succeeds (a step that has no outcomes succeeds with its own name)
 *   {"empty": true}          succeeds without a value
 *   {"fail": "title"}        fails with a runtime error; an object is the error itself
 *   {"hang": true}           does not answer
 *   {"waits": true}          waits for a delivery
 * and beside them "no_retry": true, and "after": milliseconds until the answer comes.
 *
 * Everything repeats: the clock, the entropy and the order of answers depend on the script alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_TESTS_MACHINE_WORLD_H
#define BATON_TESTS_MACHINE_WORLD_H

#include "base/buffer.h"
#include "base/value.h"
#include "machine/fault.h"
#include "machine/machine.h"
#include "machine/snapshot.h"
#include "machine/strategy.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>

enum { WORLD_ACTIONS = 4096, WORLD_EVENTS = 100000 };
#define WORLD_START_NS INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */

typedef struct world_action {
    action_kind kind;
    uint64_t ticket;
    uint32_t count;
    const step *step;
    frame *frame; /* while no other event has come in between */
    unsigned event;
    int64_t due_ns; /* INT64_MAX: never */
    bool decided;
    baton_value outcome;
} world_action;

typedef struct world {
    baton_workflow *workflow;
    baton_execution x;
    output out;
    execution_setup setup;
    int64_t now_ns, written_ns;
    baton_value script;
    baton_value calls; /* {step name: calls so far} */
    world_action actions[WORLD_ACTIONS];
    unsigned action_count, events;
    bool through_snapshots;  /* after each event: saved, written, read, restored */
    bool tells_values;       /* the journal has the records' other values */
    bool keeps_values;       /* and values of more than 10 bytes kept elsewhere */
    baton_value kept;        /* those */
    unsigned largest_output; /* records of one event */
    uint64_t entropy;
    buffer journal, performed;
} world;

static inline int world_dummy(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

/* Functions that files may call: work and other, and undoable, which has a rollback. */
static inline baton_registry *world_registry(void) {
    baton_registry *registry = baton_registry_new();
    static const baton_step_type types[] = {
        {.name = "work", .execute = world_dummy},
        {.name = "other", .execute = world_dummy},
        {.name = "undoable", .execute = world_dummy, .rollback = world_dummy}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        assert_int_equal(baton_registry_add(registry, &types[i], NULL), 0);
    return registry;
}

static inline baton_value json(const char *text) {
    baton_error *err = NULL;
    baton_value value = baton_value_parse(text, strlen(text), &err);
    if (!value_is_valid(value)) fail_msg("%s: %s", baton_error_message(err), text);
    return value;
}

/* The text without its document, which is put before it. */
static inline baton_workflow *world_workflow(const char *yaml) {
    buffer text = {0};
    buffer_puts(&text, "document: {dsl: '1.0.3', namespace: test, name: test, version: '0.1.0'}\n");
    buffer_puts(&text, yaml);
    baton_registry *registry = world_registry();
    baton_error *err = NULL;
    baton_workflow *workflow = baton_workflow_parse(text.data, text.size, "test.yaml", registry, &err);
    if (!workflow) {
        char *why = baton_error_text(err);
        fail_msg("%s\n%s", why, yaml);
    }
    baton_registry_free(registry);
    buffer_done(&text);
    return workflow;
}

/* workflow: taken. */
static inline world *world_of(baton_workflow *workflow, const char *script, const char *input) {
    world *w = calloc(1, sizeof *w);
    w->workflow = workflow;
    w->now_ns = w->written_ns = WORLD_START_NS;
    w->entropy = 42;
    w->script = json(script ? script : "{}");
    w->calls = baton_value_object();
    w->kept = baton_value_array();
    w->setup = (execution_setup){
        .id = "exec",
        .workflow = workflow,
        .strategy = &strategy_basic,
        .strategy_options = {.retry_attempts = 2, .retry_delay_ms = 100, .stop_on_failure = true},
        .input = json(input ? input : "{}")};
    execution_init(&w->x, &w->setup);
    return w;
}

static inline world *world_new(const char *yaml, const char *script, const char *input) {
    return world_of(world_workflow(yaml), script, input);
}

/* Before the start: other settings than world_of's. */
static inline void world_strategy(world *w, const baton_strategy *strategy,
                                  baton_strategy_options options) {
    w->setup.strategy = w->x.strategy = strategy;
    w->setup.strategy_options = w->x.strategy_options = options;
    w->x.journals = strategy->journal_steps;
}

static inline void world_free(world *w) {
    for (unsigned i = 0; i < w->action_count; i++) baton_value_unref(w->actions[i].outcome);
    execution_done(&w->x);
    output_done(&w->out);
    baton_workflow_free(w->workflow);
    baton_value_unref(w->script);
    baton_value_unref(w->calls);
    baton_value_unref(w->kept);
    buffer_done(&w->journal);
    buffer_done(&w->performed);
    free(w);
}

/* ---- Writing down ---- */

static inline void write_fault(buffer *b, baton_value fault) {
    const char *type = value_get_text(fault, "type"), *name = fault_standard_name(type);
    const char *instance = value_get_text(fault, "instance"), *title = value_get_text(fault, "title");
    const char *detail = value_get_text(fault, "detail");
    baton_value status = baton_value_get(fault, "status");
    buffer_printf(b, "%s %g %s %s", name ? name : type, baton_value_as_number(status), instance,
                  title ? title : "-");
    if (detail) buffer_printf(b, ": %s", detail);
    baton_value_unref(status);
}

static inline void write_other(buffer *b, const char *name, baton_value value) {
    if (!value_is_valid(value)) return;
    buffer_printf(b, " %s ", name);
    value_write(b, value);
}

static inline void world_write(world *w, const record *r) {
    buffer *b = &w->journal;
    if (r->time_ns != w->written_ns)
        buffer_printf(b, "@%lld\n", (long long)((r->time_ns - WORLD_START_NS) / 1000000));
    w->written_ns = r->time_ns;
    buffer_printf(b, "%u %s", r->number, record_kind_name(r->kind));
    if (r->step) buffer_printf(b, " %s key=%u", r->step->reference, r->key);
    if (r->attempt > 1) buffer_printf(b, " attempt=%u", r->attempt);
    if (r->count) buffer_printf(b, " count=%u", r->count);
    if (w->tells_values) {
        write_other(b, "raw_input", r->raw_input);
        write_other(b, "input", r->input);
        write_other(b, "raw_output", r->raw_output);
        write_other(b, "context", r->context);
    }
    bool fault = r->kind == RECORD_FAULTED || r->kind == RECORD_STEP_FAULTED ||
                 r->kind == RECORD_STEP_RETRIED || r->kind == RECORD_ROLLBACK_FAULTED;
    if (value_is_valid(r->data)) {
        buffer_puts(b, fault ? " ! " : " = ");
        if (fault)
            write_fault(b, r->data);
        else
            value_write(b, r->data);
    }
    buffer_putc(b, '\n');
}

static inline void world_note(world *w, const action *a) {
    static const char *const names[] = {"call", "rollback", "process", "http", "abort", "continue"};
    buffer *b = &w->performed;
    buffer_puts(b, names[a->kind]);
    if (a->step) buffer_printf(b, " %s", a->step->reference);
    if (a->key) buffer_printf(b, " key=%u", a->key);
    if (a->attempt > 1) buffer_printf(b, " attempt=%u", a->attempt);
    if (a->count > 1) buffer_printf(b, " count=%u", a->count);
    if (a->deadline_ns)
        buffer_printf(b, " deadline=%lld", (long long)((a->deadline_ns - WORLD_START_NS) / 1000000));
    if (value_is_valid(a->request)) {
        buffer_putc(b, ' ');
        value_write(b, a->request);
    }
    buffer_putc(b, '\n');
}

static inline void world_journal_is(world *w, const char *expected) {
    assert_string_equal(buffer_text(&w->journal), expected);
}

static inline void world_performed_is(world *w, const char *expected) {
    assert_string_equal(buffer_text(&w->performed), expected);
}

/* ---- Events ---- */

static inline void world_keep(void *data, buffer *b, const char *key, baton_value value) {
    world *w = data;
    buffer text = {0};
    value_write(&text, value);
    if (text.size > 10) {
        buffer_printf(b, ",\"%s@\":%zu", key, baton_value_size(w->kept));
        w->kept = baton_value_append(w->kept, baton_value_string_sized(text.data, text.size));
    } else {
        buffer_printf(b, ",\"%s\":%s", key, text.data);
    }
    buffer_done(&text);
}

static inline baton_value world_kept(void *data, int64_t number, baton_error **err) {
    world *w = data;
    baton_value text = baton_value_at(w->kept, (size_t)number);
    baton_value value = value_parse_stored(baton_value_as_text(text), baton_value_size(text), err);
    baton_value_unref(text);
    return value;
}

static inline void world_restore(world *w) {
    const snapshot_values values = {world_keep, world_kept, w};
    buffer text = {0};
    assert_true(snapshot_write(&text, &w->x, w->keeps_values ? &values : NULL));
    w->events++; /* frames that were noted are gone */
    baton_error *err = NULL;
    baton_value snapshot = value_parse_stored(text.data, text.size, &err);
    if (!value_is_valid(snapshot)) fail_msg("%s: %s", baton_error_message(err), text.data);
    execution_done(&w->x);
    w->setup.input = VALUE_INVALID;
    execution_init(&w->x, &w->setup);
    if (snapshot_restore_from(&w->x, snapshot, &values, &err) != 0)
        fail_msg("%s: %s", baton_error_message(err), text.data);
    baton_value_unref(snapshot);
    buffer_done(&text);
}

static inline void world_forget(world *w, uint64_t ticket) {
    for (unsigned i = 0; i < w->action_count; i++) {
        if (w->actions[i].ticket != ticket) continue;
        baton_value_unref(w->actions[i].outcome);
        memmove(&w->actions[i], &w->actions[i + 1], (--w->action_count - i) * sizeof *w->actions);
        return;
    }
}

/* The process died: what was under way in it will not answer. */
static inline void world_lose(world *w) {
    for (unsigned i = 0; i < w->action_count;) {
        if (w->actions[i].kind == ACTION_CONTINUE)
            i++;
        else
            world_forget(w, w->actions[i].ticket);
    }
}

static inline void world_take(world *w, const action *a) {
    world_note(w, a);
    if (a->kind == ACTION_ABORT) {
        world_forget(w, a->ticket);
        return;
    }
    assert_true(w->action_count < WORLD_ACTIONS);
    w->actions[w->action_count++] = (world_action){.kind = a->kind,
                                                   .ticket = a->ticket,
                                                   .count = a->count,
                                                   .step = a->step,
                                                   .frame = a->frame,
                                                   .event = w->events,
                                                   .due_ns = w->now_ns};
}

static inline void world_send(world *w, event ev) {
    ev.now_ns = w->now_ns;
    ev.entropy = w->entropy++;
    w->events++;
    output_clear(&w->out);
    machine_handle(&w->x, &ev, &w->out);
    if (w->out.record_count > w->largest_output) w->largest_output = w->out.record_count;
    for (uint32_t i = 0; i < w->out.record_count; i++) world_write(w, &w->out.records[i]);
    for (uint32_t i = 0; i < w->out.action_count; i++) world_take(w, &w->out.actions[i]);
    if (!w->through_snapshots || execution_ended(&w->x)) return;
    world_restore(w);
    w->x.lost_ticket = 0; /* nothing died: the answers will come */
}

static inline void world_tell(world *w, event_kind kind) { world_send(w, (event){.kind = kind}); }

static inline void world_start(world *w) { world_tell(w, EVENT_START); }

/* By name. */
static inline void world_deliver(world *w, const char *name, const char *value) {
    const step *s = workflow_find_step(w->workflow, name);
    assert_non_null(s);
    world_send(w, (event){.kind = EVENT_DELIVERED, .step = s, .value = json(value)});
}

/* ---- Answering ---- */

/* The next outcome of that name; given. */
static inline baton_value world_outcome(world *w, const char *name) {
    baton_value count = baton_value_get(w->calls, name);
    size_t call = (size_t)baton_value_as_number(count);
    w->calls = value_set_number(w->calls, name, (double)call + 1);
    baton_value_unref(count);
    baton_value list = baton_value_get(w->script, name);
    size_t size = baton_value_size(list);
    baton_value outcome = size ? baton_value_at(list, call < size ? call : size - 1)
                               : value_set_text(baton_value_object(), "ok", name);
    baton_value_unref(list);
    return outcome;
}

static inline baton_value world_fault(baton_value outcome) {
    baton_value fault = baton_value_get(outcome, "fail");
    if (baton_value_kind(fault) != BATON_KIND_STRING) return fault;
    baton_value made = fault_new("runtime", 500, baton_value_as_text(fault), NULL);
    baton_value_unref(fault);
    return made;
}

/* Decides when an action is answered, as soon as it is seen. */
static inline void world_decide(world *w, world_action *a) {
    a->decided = true;
    if (a->kind == ACTION_CONTINUE || a->count > 1) return;
    const char *prefix = a->kind == ACTION_ROLLBACK ? "undo " : "";
    buffer name = {0};
    buffer_printf(&name, "%s%s", prefix, a->step->name);
    a->outcome = world_outcome(w, name.data);
    buffer_done(&name);
    baton_value after = baton_value_get(a->outcome, "after");
    a->due_ns = w->now_ns + (int64_t)baton_value_as_number(after) * 1000000;
    if (baton_value_has(a->outcome, "hang")) a->due_ns = INT64_MAX;
    baton_value_unref(after);
}

/* A run of steps, under a strategy that journals none. */
static inline event world_run_of_steps(world *w, const world_action *a) {
    event ev = {.kind = EVENT_STEPS, .ticket = a->ticket};
    const sequence *steps = a->step->siblings;
    for (; ev.count < a->count; ev.count++) {
        baton_value outcome = world_outcome(w, steps->steps[a->step->index + ev.count]->name);
        ev.failed = baton_value_has(outcome, "fail");
        ev.waits = baton_value_has(outcome, "waits");
        ev.pending = ev.waits || baton_value_has(outcome, "hang");
        ev.no_retry = baton_value_has(outcome, "no_retry");
        if (ev.failed)
            value_assign(&ev.value, world_fault(outcome));
        else if (!ev.pending)
            value_assign(&ev.value, baton_value_get(outcome, "ok"));
        baton_value_unref(outcome);
        if (ev.failed || ev.pending) break;
    }
    if (ev.pending && !value_is_valid(ev.value)) ev.value = baton_value_null();
    return ev;
}

static inline void world_answer(world *w, unsigned index) {
    world_action a = w->actions[index];
    memmove(&w->actions[index], &w->actions[index + 1], (--w->action_count - index) * sizeof a);
    if (a.kind == ACTION_CONTINUE) {
        world_tell(w, EVENT_CONTINUE);
        return;
    }
    event ev = {.kind = EVENT_SUCCEEDED, .ticket = a.ticket};
    if (a.count > 1)
        ev = world_run_of_steps(w, &a);
    else if (baton_value_has(a.outcome, "waits"))
        ev.kind = EVENT_WAITING;
    else if (baton_value_has(a.outcome, "fail")) {
        ev.kind = EVENT_FAILED;
        ev.value = world_fault(a.outcome);
        ev.no_retry = baton_value_has(a.outcome, "no_retry");
    } else if (!baton_value_has(a.outcome, "empty")) {
        ev.value = baton_value_get(a.outcome, "ok");
    }
    if (a.event == w->events && !w->through_snapshots) ev.frame = a.frame;
    baton_value_unref(a.outcome);
    world_send(w, ev);
}

/* One thing: an answer that is due, else a timer after moving the clock. False when nothing is left to
 * happen by itself before `until_ns`. */
static inline bool world_step(world *w, int64_t until_ns) {
    if (execution_ended(&w->x) || w->out.out_of_memory) return false;
    assert_true(w->events < WORLD_EVENTS);
    unsigned next = 0;
    for (unsigned i = 0; i < w->action_count; i++) {
        if (!w->actions[i].decided) world_decide(w, &w->actions[i]);
        if (w->actions[i].due_ns < w->actions[next].due_ns) next = i;
    }
    int64_t due_ns = w->action_count ? w->actions[next].due_ns : INT64_MAX;
    int64_t wake_ns = execution_wake_ns(&w->x);
    int64_t moment_ns = due_ns <= wake_ns ? due_ns : wake_ns;
    if (moment_ns == INT64_MAX || moment_ns > until_ns) return false;
    if (moment_ns > w->now_ns) w->now_ns = moment_ns;
    if (due_ns <= wake_ns)
        world_answer(w, next);
    else
        world_tell(w, EVENT_TIMER);
    return true;
}

/* Until nothing more happens by itself. */
static inline void world_go(world *w) {
    while (world_step(w, INT64_MAX)) continue;
}

/* Until `ms` after the start; the clock stands there afterwards. */
static inline void world_go_until(world *w, int64_t ms) {
    int64_t until_ns = WORLD_START_NS + ms * 1000000;
    while (world_step(w, until_ns)) continue;
    if (w->now_ns < until_ns) w->now_ns = until_ns;
}

static inline world *world_run(const char *yaml, const char *script, const char *input) {
    world *w = world_new(yaml, script, input);
    world_start(w);
    world_go(w);
    return w;
}

/* ---- Judging ---- */

static inline void assert_json(baton_value value, const char *expected) {
    baton_value wanted = json(expected);
    char *text = baton_value_to_json(value);
    if (!baton_value_equal(value, wanted)) fail_msg("%s is not %s", text, expected);
    free(text);
    baton_value_unref(wanted);
}

static inline void world_completes(world *w, const char *output) {
    if (w->x.status != EXECUTION_COMPLETED)
        fail_msg("%s:\n%s", execution_status_name(w->x.status), buffer_text(&w->journal));
    assert_json(w->x.output, output);
}

/* "runtime 500 /do/0/a title: detail", as much of it as `expected` says. */
static inline void world_faults(world *w, const char *expected) {
    if (w->x.status != EXECUTION_FAULTED)
        fail_msg("%s:\n%s", execution_status_name(w->x.status), buffer_text(&w->journal));
    buffer b = {0};
    write_fault(&b, w->x.fault);
    if (strncmp(b.data, expected, strlen(expected)) != 0) fail_msg("'%s' is not '%s'", b.data, expected);
    buffer_done(&b);
}

static inline void completes(const char *yaml, const char *input, const char *output) {
    world *w = world_run(yaml, NULL, input);
    world_completes(w, output);
    world_free(w);
}

static inline void faults(const char *yaml, const char *input, const char *expected) {
    world *w = world_run(yaml, NULL, input);
    world_faults(w, expected);
    world_free(w);
}

/* Number of lines of the journal that hold `part`. */
static inline unsigned world_count(const world *w, const char *part) {
    unsigned count = 0;
    for (const char *at = buffer_text(&w->journal); (at = strstr(at, part)); at += strlen(part)) count++;
    return count;
}

#endif
