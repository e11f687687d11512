/* Moving one run: event → machine → commit → actions → the next events.
 *
 * The order is the promise: records are committed before anything that follows from them is done or told.
 * With a store that keeps nothing, a turn's records count as committed at once. With a durable one they are
 * noted in the journal, with the actions that must wait; the machine may be sent further events meanwhile,
 * and run_committed goes on when they are there for good.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/bug.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "engine/engine.h"
#include "machine/context.h"
#include "machine/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* A waiting execution leaves memory when it will wait longer than this. */
enum { STAY_MS = 1000 };

/* ---- The woken list ---- */

void run_wake(run *r) {
    baton_engine *engine = r->engine;
    if (r->in_woken) return;
    r->in_woken = true;
    r->woken_next = NULL;
    if (engine->woken)
        engine->woken_last->woken_next = r;
    else
        engine->woken = r;
    engine->woken_last = r;
}

void run_unwake(run *r) {
    baton_engine *engine = r->engine;
    if (!r->in_woken) return;
    run **at = &engine->woken, *before = NULL;
    for (; *at != r; at = &(*at)->woken_next) before = *at;
    *at = r->woken_next;
    if (engine->woken_last == r) engine->woken_last = before;
    r->in_woken = false;
}

/* ---- Coming and going ---- */

/* 0: none. */
static int64_t timeout_of(const run *r) {
    if (r->timeout_ms) return r->timeout_ms < 0 ? -1 : r->timeout_ms;
    return r->workflow->built ? r->engine->options.execution_timeout_ms : 0;
}

/* `basic`, and what decides as it does, always stops. */
static bool stops_on_failure(const run *r) {
    return !r->continue_on_failure || (r->strategy->journal_steps && !r->strategy->decide);
}

static void make_execution(run *r) {
    const baton_engine_options *o = &r->engine->options;
    execution_init(
        r->x, &(execution_setup){
                  .id = r->id,
                  .workflow = r->workflow,
                  .strategy = r->strategy,
                  .strategy_options = {.retry_attempts = r->strategy->journal_steps || r->strategy->decide
                                                             ? o->retry_attempts
                                                             : 0,
                                       .retry_delay_ms = o->retry_delay_ms,
                                       .stop_on_failure = stops_on_failure(r)},
                  .input = value_ref(r->input),
                  .timeout_ms = timeout_of(r),
                  .last_number = r->first_number,
                  .keeps_data = r->journal != NULL,
                  .owner = r,
              });
}

static baton_value list_dependencies(const run *r) {
    baton_value list = baton_value_array();
    baton_scheduled scheduled;
    if (baton_scheduler_get(r->engine->scheduler, r->id, &scheduled))
        for (size_t i = 0; i < scheduled.dependency_count; i++)
            list = baton_value_append(list, baton_value_string(scheduled.dependencies[i]));
    return list;
}

/* Makes what a run needs from its start on; false when memory ended. */
static bool prepare(run *r) {
    if (!r->result) {
        r->result = result_new(r->workflow, r->id, r->strategy);
        if (!r->result) return false;
        r->result->priority = r->priority;
        r->result->scheduled_at_ms = r->scheduled_at_ms;
        r->result->estimated_ms = r->estimated_ms;
        if (r->has_dependencies) r->result->dependencies = list_dependencies(r);
        if (r->context) result_show_in(r->result, r->context);
    }
    if (!r->x) {
        r->x = r->engine->spare ? r->engine->spare : malloc(sizeof *r->x);
        if (!r->x) return false;
        r->engine->spare = NULL;
        make_execution(r);
    }
    return true;
}

static void leave_place(run *r) {
    baton_engine *engine = r->engine;
    if (r->place == RUN_ACTIVE) engine->active--;
    if (r->place == RUN_PARKED || r->place == RUN_BLOCKED) engine->waiting--;
    if (r->place == RUN_PARKED && r->sleeps) engine->sleeping--;
}

static void activate(run *r) {
    if (r->place == RUN_ACTIVE) return;
    leave_place(r);
    heap_remove(&r->engine->timers, &r->timer);
    r->place = RUN_ACTIVE;
    r->engine->active++;
}

static void deactivate(run *r, run_place place) {
    leave_place(r);
    if (place == RUN_PARKED) {
        /* The engine's own timeout for workflows in C does not count: it is there for all of them. */
        bool limited = r->x->deadline_ns && (r->timeout_ms || !r->workflow->built);
        r->sleeps = limited || execution_sleeps(r->x);
        r->engine->waiting++;
        r->engine->sleeping += r->sleeps;
    }
    r->place = place;
}

/* Until it is resumed it wants nothing: no timer, no turn. */
static void hold(run *r) {
    deactivate(r, RUN_HELD);
    heap_remove(&r->engine->timers, &r->timer);
    run_unwake(r);
    r->to_continue = false;
}

/* Ends a run whose execution has not begun, or cannot go on. error: taken. */
static void refuse(run *r, execution_status status, baton_error *error) {
    if (!prepare(r)) {
        engine_out_of_memory(r->engine);
        baton_error_free(error);
        return;
    }
    result_refuse(r->result, status, error);
    deactivate(r, RUN_HELD);
    if (!r->journal) {
        run_end(r);
        return;
    }
    run_drop_execution(r);
    journal_refuse(r, status, error);
}

static void ended(run *r) {
    result_conclude(r->result, r->x, r->engine->now_ns);
    deactivate(r, RUN_HELD);
    run_end(r);
}

void run_drop_execution(run *r) {
    if (!r->x) return;
    execution_done(r->x);
    if (r->engine->spare)
        free(r->x);
    else
        r->engine->spare = r->x;
    r->x = NULL;
}

bool run_comes_back_soon(const run *r, int64_t wake_ns) {
    return wake_ns - r->engine->now_ns < INT64_C(1000000) * STAY_MS;
}

/* Out of memory, unless it will be back soon. A durable store has its snapshot already. */
static void unload(run *r, int64_t wake_ns) {
    if (run_comes_back_soon(r, wake_ns)) return;
    if (r->journal && !r->x->journals) return;                    /* there is no cursor of it */
    if (!r->journal && !snapshot_write(&r->parked, r->x, NULL)) { /* too deep or too large: it stays */
        buffer_done(&r->parked);
        return;
    }
    result_conclude(r->result, r->x, r->engine->now_ns);
    run_drop_execution(r);
    if (r->journal) run_journal_let_go(r->journal);
}

/* {"execution", "context"?, "deliveries"?}: see journal.c. */
static int restore_cursor(run *r, baton_value cursor, baton_error **err) {
    snapshot_values values = journal_values;
    values.data = r;
    baton_value execution = baton_value_get(cursor, "execution");
    int result = snapshot_restore_from(r->x, execution, &values, err);
    value_unref(execution);
    if (result != 0 || !r->to_recover) return result; /* the rest never left */
    return journal_restore(r, cursor, err);
}

int run_load(run *r) {
    if (r->x) return 0;
    baton_engine *engine = r->engine;
    baton_error *err = NULL;
    buffer text = r->parked;
    r->parked = (buffer){0};
    int result = r->journal ? engine->store->type->load(engine->store, &r->journal->row, &text, &err) : 0;
    if (result == 0) {
        baton_value snapshot = value_parse_stored(buffer_text(&text), text.size, &err);
        result = !value_is_valid(snapshot) ? -1
                 : !prepare(r)             ? error_memory(&err)
                 : r->journal              ? restore_cursor(r, snapshot, &err)
                                           : snapshot_restore_from(r->x, snapshot, NULL, &err);
        value_unref(snapshot);
    }
    buffer_done(&text);
    if (result != 0) engine_break(engine, err);
    return result;
}

static void park(run *r) {
    baton_engine *engine = r->engine;
    int64_t wake_ns = execution_wake_ns(r->x);
    deactivate(r, RUN_PARKED);
    if (wake_ns != INT64_MAX && !heap_set(&engine->timers, &r->timer, wake_ns)) {
        engine_out_of_memory(engine);
        return;
    }
    LOG(engine, BATON_LOG_DEBUG, "waits", {"executionId", r->id, 0});
    unload(r, wake_ns);
}

/* It has ended or was given back, and that is being committed. */
static bool is_leaving(const run *r) {
    return r->journal && (r->journal->releasing || r->journal->refused);
}

static void set_timer(run *r) {
    int64_t wake_ns = execution_wake_ns(r->x);
    if (wake_ns == INT64_MAX)
        heap_remove(&r->engine->timers, &r->timer);
    else if (!heap_set(&r->engine->timers, &r->timer, wake_ns))
        engine_out_of_memory(r->engine);
}

/* What becomes of a run when its turn is over, and committed. */
static void settle(run *r) {
    if (r->journal && r->journal->pending) {
        if (!is_leaving(r)) set_timer(r); /* commits without end must not keep it from its time */
        return;
    }
    switch (r->x->status) {
    case EXECUTION_COMPLETED:
    case EXECUTION_FAULTED:
    case EXECUTION_CANCELLED: ended(r); return;
    case EXECUTION_SUSPENDED:
        hold(r);
        LOG(r->engine, BATON_LOG_INFO, "execution suspended", {"executionId", r->id, 0});
        return;
    case EXECUTION_WAITING: park(r); return;
    default: break;
    }
    set_timer(r);
}

/* ---- Turns ---- */

void run_tell(run *r, const record *records, size_t count) {
    baton_engine *engine = r->engine;
    if (!engine->observer) return;
    for (size_t i = 0; i < count; i++) engine->observer(engine->observer_data, r->x, &records[i]);
}

/* What the machine returned; false when there was no memory for it. */
static bool record_turn(run *r, output *out) {
    if (out->out_of_memory) {
        engine_out_of_memory(r->engine);
        return false;
    }
    for (uint32_t i = 0; i < out->record_count; i++) result_apply(r->result, &out->records[i]);
    if (r->journal)
        journal_note(r, out);
    else
        run_tell(r, out->records, out->record_count);
    return !r->engine->broken;
}

static bool calls_push(run *r, action *a) {
    if (r->call_count == r->call_capacity) {
        uint32_t capacity = r->call_capacity ? r->call_capacity * 2 : 4;
        void *calls = realloc(r->calls, capacity * sizeof *r->calls);
        if (!calls) return false;
        r->calls = calls;
        r->call_capacity = capacity;
    }
    r->calls[r->call_count++] = *a;
    a->request = VALUE_INVALID;
    return true;
}

/* The call that was noted last is the next. */
static void calls_last_first(run *r) {
    const action last = r->calls[r->call_count - 1];
    memmove(r->calls + 1, r->calls, (r->call_count - 1) * sizeof last);
    r->calls[0] = last;
}

/* Takes the next call out that is still wanted. */
static bool calls_pop(run *r, action *a) {
    while (r->call_count) {
        *a = r->calls[0];
        memmove(r->calls, r->calls + 1, --r->call_count * sizeof *r->calls);
        a->frame = frame_by_ticket(r->x->root, a->ticket);
        if (a->frame) return true;
    }
    return false;
}

/* Performs actions; steps in C are only noted. */
static void perform(run *r, action *actions, size_t count) {
    for (size_t i = 0; i < count; i++) {
        action *a = &actions[i];
        switch (a->kind) {
        case ACTION_ABORT: effect_abort(r, a->ticket); break;
        case ACTION_PROCESS:
        case ACTION_HTTP:
            /* What is not wanted any more, while its records were being committed, is not begun. */
            if (!r->journal || frame_by_ticket(r->x->root, a->ticket)) effect_start(r, a);
            break;
        case ACTION_CONTINUE: r->to_continue = true; break;
        case ACTION_CALL:
        case ACTION_ROLLBACK:
            if (!calls_push(r, a)) engine_out_of_memory(r->engine);
            break;
        }
    }
}

/* One event through the machine; false when the engine broke, or the execution is not its own any more. */
static bool advance(run *r, const event *ev) {
    output *out = &r->engine->out;
    /* What is not durable must not lead on, nor what this engine has given back. */
    if (r->engine->broken || r->lost || is_leaving(r)) {
        value_unref(ev->value);
        return false;
    }
    output_clear(out);
    machine_handle(r->x, ev, out);
    bool nothing = ev->kind == EVENT_TIMER && !out->record_count && !out->action_count;
    /* Not worth a commit; but a worker gives back what it was taken up for. */
    return (nothing && !r->engine->releases) || record_turn(r, out);
}

/* Calls steps in C until one of them has something to tell: true with *ev. */
static bool call_next(run *r, action *a, event *ev, unsigned *calls) {
    baton_engine *engine = r->engine;
    /* Others want their turn, or have something to say. */
    if (++*calls > LIMIT_TURN_STEPS ||
        atomic_load_explicit(&engine->inbox->waiting, memory_order_relaxed)) {
        if (calls_push(r, a))
            calls_last_first(r);
        else
            engine_out_of_memory(engine);
        return false;
    }
    while (!run_call(r, a, ev))
        if (engine->broken || !calls_pop(r, a)) return false;
    return true;
}

static void finish_turn(run *r) {
    if (r->engine->broken || r->lost) return;
    if (!execution_ended(r->x) && (r->to_continue || r->call_count)) run_wake(r);
    settle(r);
}

void run_turn(run *r, event ev) {
    baton_engine *engine = r->engine;
    output *out = &engine->out;
    unsigned calls = 0;
    do {
        if (!ev.entropy) ev.entropy = engine_jitter(engine);
        if (!advance(r, &ev)) return;
        action a;
        if (out->action_count == 1 && !r->call_count &&
            (out->actions[0].kind == ACTION_CALL || out->actions[0].kind == ACTION_ROLLBACK)) {
            a = out->actions[0]; /* the usual case, without the list */
        } else {
            perform(r, out->actions, out->action_count);
            if (engine->broken) return;
            if (r->to_continue || !calls_pop(r, &a)) break;
        }
        if (!call_next(r, &a, &ev, &calls)) break;
    } while (true);
    finish_turn(r);
}

static event event_now(run *r, event_kind kind) {
    return (event){.kind = kind, .now_ns = r->engine->now_ns, .entropy = engine_jitter(r->engine)};
}

/* It belongs to somebody else now: nothing more is done or told here. */
static void lose(run *r) {
    r->lost = true;
    if (r->journal->pending) return;
    LOG(r->engine, BATON_LOG_WARN, "execution was taken over by another process",
        {"executionId", r->id, 0});
    if (r->place == RUN_QUEUED) baton_queue_remove(r->engine->queue, r->id, NULL);
    deactivate(r, RUN_HELD);
    run_leave(r);
}

void run_committed(run *r, const committed *c) {
    if (r->lost || r->journal->row.lost) {
        lose(r);
        return;
    }
    if (r->journal->refused) {
        if (!r->journal->pending) run_end(r);
        return;
    }
    if (!r->x) { /* it has not begun */
        if (r->journal->releasing && !r->journal->pending) run_leave(r);
        return;
    }
    run_tell(r, c->told, c->told_count);
    if (r->journal->releasing && !r->journal->pending && !execution_ended(r->x)) {
        deactivate(r, RUN_HELD);
        run_leave(r);
        return;
    }
    if (c->recovery && r->to_recover) { /* that it goes on is counted now */
        if (run_recover(r)) run_turn(r, event_now(r, r->recover_as));
        return;
    }
    perform(r, c->actions, c->action_count);
    if (r->engine->broken) return;
    action a;
    event ev;
    unsigned calls = 0;
    if (!r->to_continue && calls_pop(r, &a) && call_next(r, &a, &ev, &calls))
        run_turn(r, ev);
    else
        finish_turn(r);
}

void run_start(run *r) {
    if (!prepare(r)) {
        engine_out_of_memory(r->engine);
        return;
    }
    activate(r);
    LOG(r->engine, BATON_LOG_INFO, "execution started", {"executionId", r->id, 0},
        {"workflow", r->workflow->name, 0}, {"strategy", r->strategy->name, 0});
    event ev = event_now(r, EVENT_START);
    if (r->rerun) rerun_start(r, &ev);
    r->started_ns = r->result->started_ns = ev.now_ns;
    run_turn(r, ev);
}

/* ---- Deliveries that come before they are waited for ---- */

static int keep_delivery(run *r, const step *s, baton_value value, baton_error **err) {
    if (r->delivery_count >= LIMIT_EARLY_DELIVERIES) {
        value_unref(value);
        return baton_error_set(err, BATON_ERROR_LIMIT, "%d deliveries wait already",
                               LIMIT_EARLY_DELIVERIES);
    }
    if (!value_is_valid(r->deliveries)) r->deliveries = baton_value_object();
    baton_value list = baton_value_get(r->deliveries, s->reference);
    if (!value_is_valid(list)) list = baton_value_array();
    r->deliveries = baton_value_set(r->deliveries, s->reference, baton_value_append(list, value));
    r->delivery_count++;
    if (r->journal) journal_touch(r);
    return 0;
}

baton_value run_take_delivery(run *r, const step *s) {
    if (!r->delivery_count) return VALUE_INVALID;
    baton_value list = baton_value_get(r->deliveries, s->reference);
    baton_value first = baton_value_at(list, 0);
    if (value_is_valid(first)) {
        baton_value rest = baton_value_array();
        for (size_t i = 1; i < baton_value_size(list); i++)
            rest = baton_value_append(rest, baton_value_at(list, i));
        r->deliveries = baton_value_set(r->deliveries, s->reference, rest);
        r->delivery_count--;
    }
    value_unref(list);
    return first;
}

/* A delivery that came while a step in C of the same run was called was kept; true when somebody waited for
 * it. */
static bool deliver_kept(run *r) {
    if (!r->to_deliver) return false;
    for (frame *f = r->x->root; f; f = frame_next(r->x->root, f)) {
        if (f->phase != FRAME_DELIVERY) continue;
        event ev = event_now(r, EVENT_DELIVERED);
        ev.step = f->step;
        ev.value = run_take_delivery(r, f->step);
        if (!value_is_valid(ev.value)) continue;
        run_wake(r); /* there may be more */
        run_turn(r, ev);
        return true;
    }
    r->to_deliver = false;
    return false;
}

void run_go_on(run *r) {
    if (r->place == RUN_BLOCKED) {
        if (r->refusal) {
            baton_error *error = r->refusal;
            r->refusal = NULL;
            baton_error_wrap(&error, BATON_ERROR_EXECUTION, "Workflow execution failed");
            refuse(r, EXECUTION_FAULTED, error);
        } else {
            /* Among the others by its priority; past a full queue, which it has been through. */
            if (!run_enqueue_blocked(r)) run_start(r);
        }
        return;
    }
    if (run_load(r) != 0) return;
    activate(r);
    action a;
    event ev;
    if (r->to_recover && r->journal->crashed && !r->journal->announced) {
        journal_announce(r);
    } else if (r->to_recover) {
        if (run_recover(r)) run_turn(r, event_now(r, r->recover_as));
    } else if (r->to_continue) {
        r->to_continue = false;
        engine_read_clock(r->engine);
        run_turn(r, event_now(r, EVENT_CONTINUE));
    } else if (calls_pop(r, &a)) {
        if (run_call(r, &a, &ev)) {
            run_turn(r, ev);
        } else if (!r->engine->broken) {
            if (r->call_count) run_wake(r);
            settle(r);
        }
    } else if (!deliver_kept(r)) {
        run_turn(r, event_now(r, EVENT_TIMER));
    }
}

/* ---- Steering ---- */

/* Into memory, for something else than what it was going to do next. */
static bool wake_up(run *r) {
    if (run_load(r) != 0) return false;
    if (!r->to_recover) return true;
    run_unwake(r);
    return run_recover(r);
}

void run_cancel(run *r) {
    baton_engine *engine = r->engine;
    if (is_leaving(r)) return;
    switch (r->place) {
    case RUN_QUEUED: baton_queue_remove(engine->queue, r->id, NULL); break;
    case RUN_BLOCKED: run_unwake(r); break;
    default: break;
    }
    if (r->place == RUN_QUEUED || r->place == RUN_BLOCKED || (r->place == RUN_HELD && !r->result)) {
        refuse(r, EXECUTION_CANCELLED, NULL);
        return;
    }
    if (r->in_call) { /* a step in C is running: when it returns */
        r->to_cancel = true;
        return;
    }
    if (!wake_up(r)) return;
    activate(r); /* a rollback may take its time */
    run_turn(r, event_now(r, EVENT_CANCEL));
}

void run_suspend(run *r) {
    if (is_leaving(r)) return;
    const event ev = event_now(r, EVENT_SUSPEND);
    switch (r->place) {
    case RUN_QUEUED: baton_queue_remove(r->engine->queue, r->id, NULL); /* fall through */
    case RUN_BLOCKED:
        hold(r);
        if (r->journal) {
            r->journal->releasing = r->engine->releases;
            journal_touch(r);
        }
        break;
    case RUN_ACTIVE:
    case RUN_PARKED:
        if (r->in_call)
            advance(r, &ev); /* the turn in which it is called goes on when it returns */
        else if (wake_up(r))
            run_turn(r, ev);
        break;
    default: break;
    }
}

/* One that was suspended before its start goes back to where it was; what was admitted once is not refused
 * when the queue is full meanwhile. */
static void readmit(run *r) {
    if (r->journal) journal_touch(r);
    if (!r->unmet && !r->refusal && run_enqueue(r, NULL) == 0) return;
    r->place = RUN_BLOCKED;
    r->engine->waiting++;
    if (!r->unmet || r->refusal) run_wake(r);
}

int run_resume(run *r, baton_error **err) {
    if (r->place != RUN_HELD || is_leaving(r))
        return baton_error_set(err, BATON_ERROR_NOT_ALLOWED, "execution '%s' is not suspended", r->id);
    if (!r->result) {
        readmit(r);
        return 0;
    }
    if (run_load(r) != 0) return engine_is_broken(r->engine, err);
    activate(r);
    if (r->journal) r->journal->reason = NULL;
    if (r->to_deliver) run_wake(r);
    run_turn(r, event_now(r, EVENT_RESUME));
    return 0;
}

static bool waits_at(const run *r, const step *s) {
    for (frame *f = r->x ? r->x->root : NULL; f; f = frame_next(r->x->root, f))
        if (f->phase == FRAME_DELIVERY && f->step == s) return true;
    return false;
}

int run_deliver(run *r, const step *s, baton_value value, baton_error **err) {
    baton_engine *engine = r->engine;
    if (r->place == RUN_PARKED && !wake_up(r)) {
        value_unref(value);
        return engine_is_broken(engine, err);
    }
    bool waited_for = waits_at(r, s);
    /* Inside of a step's call nothing else is moved on, or calls could pile up without end. */
    if (!waited_for || engine->calling) {
        if (keep_delivery(r, s, value, err) != 0) return -1;
        if (!waited_for && !r->in_call) return 0;
        r->to_deliver = true;
        if (r->place != RUN_HELD) run_wake(r);
        return 0;
    }
    if (r->place == RUN_PARKED) activate(r);
    event ev = event_now(r, EVENT_DELIVERED);
    ev.step = s;
    ev.value = value;
    run_turn(r, ev);
    return 0;
}
