/* What each event does to an execution.
 *
 * Order within a turn: the event itself, then every frame that is ready (at most LIMIT_TURN_STEPS), then
 * the status. An event that names an effect which has ended otherwise is dropped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/value.h"
#include "machine/core.h"
#include "machine/fault.h"

static baton_value timeout_fault(const char *title) { return fault_new("timeout", 408, title, NULL); }

static void start(machine *m) {
    baton_execution *x = m->x;
    const baton_workflow *workflow = x->workflow;
    x->started_ns = m->event->now_ns;
    execution_set_status(x, EXECUTION_RUNNING);
    machine_record(m, RECORD_STARTED, NULL, value_ref(x->input));
    baton_value input, fault = VALUE_INVALID;
    baton_error *err = NULL;
    if (workflow->input_schema && json_schema_check(workflow->input_schema, x->input, &err) != 0) {
        execution_conclude(m, EXECUTION_FAULTED, workflow_fault("validation", "input", &err));
        return;
    }
    input = workflow->input_from ? evaluate_workflow(m, workflow->input_from, x->input, &fault)
                                 : value_ref(x->input);
    if (!value_is_valid(input)) {
        execution_conclude(m, EXECUTION_FAULTED, fault);
        return;
    }
    fault = workflow->input_from ? machine_unfit(m, input, "input") : VALUE_INVALID;
    if (value_is_valid(fault)) {
        value_unref(input);
        execution_conclude(m, EXECUTION_FAULTED, value_set_text(fault, "instance", "/"));
        return;
    }
    int64_t timeout_ms = x->timeout_ms;
    if (!timeout_ms && workflow->timeout) {
        if (!evaluate_workflow_duration(m, workflow->timeout, input, &timeout_ms, &fault)) {
            value_unref(input);
            execution_conclude(m, EXECUTION_FAULTED, fault);
            return;
        }
    }
    if (timeout_ms > LIMIT_DURATION_MS) timeout_ms = LIMIT_DURATION_MS;
    if (timeout_ms > 0) x->deadline_ns = x->started_ns + timeout_ms * 1000000;
    x->context = value_ref(input);
    if (!workflow->body.count) {
        execution_conclude(m, EXECUTION_COMPLETED, input);
        return;
    }
    frame *root = frame_new(x, NULL);
    if (!root) {
        m->out->out_of_memory = true;
        value_unref(input);
        return;
    }
    root->sequence = &workflow->body;
    root->step = workflow->body.steps[0];
    root->raw_input = input;
    frame_make_ready(x, root);
}

/* A rerun: what stands before a step was taken over from another execution. */
static void start_at(machine *m) {
    const event *ev = m->event;
    frame *root = m->x->root;
    if (!ev->step) return;
    if (!root) { /* it has ended already */
        value_unref(ev->value);
        value_unref(ev->input);
        return;
    }
    root->step = ev->step;
    value_assign(&root->raw_input, ev->value);
    if (value_is_valid(ev->input)) value_assign(&m->x->context, ev->input);
    m->x->last_number = ev->count;
}

static bool passed(int64_t moment_ns, int64_t now_ns) { return moment_ns && moment_ns <= now_ns; }

/* Deals with one moment that has come, outermost first; false when there is none. */
static bool fire_one(machine *m) {
    baton_execution *x = m->x;
    int64_t now_ns = m->event->now_ns;
    for (frame *f = x->root; f; f = frame_next(x->root, f)) {
        if (passed(f->deadline_ns, now_ns)) {
            f->deadline_ns = 0;
            f->no_retry = true;
            machine_fault(m, f, timeout_fault("Step timed out"));
            return true;
        }
        if (passed(f->attempt_deadline_ns, now_ns)) {
            machine_cancel_inside(m, f);
            baton_value fault =
                value_set_text(timeout_fault("Attempt timed out"), "instance", f->step->reference);
            if (!behavior_of(f->step)->child_faulted(m, f, NULL, fault)) machine_fault(m, f, fault);
            return true;
        }
        if (passed(f->wake_ns, now_ns) && !x->suspending) {
            f->wake_ns = 0;
            f->phase = FRAME_INSIDE;
            behavior_of(f->step)->woken(m, f);
            return true;
        }
    }
    return false;
}

static void fire(machine *m) {
    baton_execution *x = m->x;
    if (x->rolling_back || x->status == EXECUTION_SUSPENDED) return;
    if (passed(x->deadline_ns, m->event->now_ns)) {
        x->timed_out = true;
        baton_value fault = value_set_text(timeout_fault("Workflow timed out"), "instance", "/");
        execution_conclude(m, EXECUTION_FAULTED, fault);
        return;
    }
    while (!execution_ended(x) && !x->rolling_back && fire_one(m)) continue;
}

/* The frame whose effect the event speaks of; NULL when that effect is no more. */
static frame *effect_of(const machine *m) {
    const event *ev = m->event;
    frame *f = ev->frame ? ev->frame : frame_by_ticket(m->x->root, ev->ticket);
    return f && ev->ticket && f->ticket == ev->ticket ? f : NULL;
}

static void end_effect(machine *m, frame *f) {
    f->ticket = 0;
    f->phase = FRAME_INSIDE;
    m->x->effects--;
}

/* A step that nothing could interrupt has ended after its time, or after that of something around it. */
static bool is_late(const machine *m, const frame *f) {
    int64_t now_ns = m->event->now_ns;
    if (m->x->rolling_back) return false;
    bool late = passed(m->x->deadline_ns, now_ns);
    for (; f && !late; f = f->parent)
        late = passed(f->deadline_ns, now_ns) || passed(f->attempt_deadline_ns, now_ns);
    return late;
}

static void effect_ended(machine *m, bool succeeded) {
    const event *ev = m->event;
    frame *f = effect_of(m);
    if (f && is_late(m, f)) {
        value_unref(ev->value);
        fire(m);
        return;
    }
    if (!f) {
        value_unref(ev->value);
        return;
    }
    end_effect(m, f);
    if (m->x->rolling_back) {
        if (succeeded) value_unref(ev->value);
        rollback_ended(m, succeeded ? VALUE_INVALID : ev->value);
    } else if (succeeded) {
        machine_complete(m, f, value_is_valid(ev->value) ? ev->value : value_ref(f->input));
    } else {
        f->no_retry = ev->no_retry;
        machine_fault(m, f, ev->value);
    }
}

static void run_ended(machine *m) {
    const event *ev = m->event;
    frame *f = effect_of(m);
    if (!f) {
        value_unref(ev->value);
        value_unref(ev->input);
        return;
    }
    end_effect(m, f);
    baton_value given = ev->pending ? value_ref(ev->value) : ev->input;
    if (value_is_valid(given)) {
        value_assign(&f->raw_input, value_ref(given));
        value_assign(&f->input, given);
    }
    if (ev->count) {
        frame_complete_run(m, f, ev->count);
        /* At the step that ended the run: the last that succeeded, or the one after it. */
        uint32_t further = ev->count - !(ev->failed || ev->pending);
        f->step = f->sequence->steps[f->step->index + further];
        f->number = f->key += further;
        f->started_ns = ev->now_ns;
    }
    if (ev->pending) {
        value_unref(ev->value);
        f->phase = ev->waits ? FRAME_DELIVERY : FRAME_EFFECT;
        if (!ev->waits) {
            f->ticket = ev->ticket;
            m->x->effects++;
        }
        if (is_late(m, f)) fire(m);
        return;
    }
    if (is_late(m, f)) {
        value_unref(ev->value);
        fire(m);
        return;
    }
    if (!ev->failed) {
        frame_advance(m, f, ev->value, (flow){FLOW_CONTINUE, 0});
        return;
    }
    f->no_retry = ev->no_retry;
    machine_fault(m, f, ev->value);
}

static void delivered(machine *m) {
    for (frame *f = m->x->root; f; f = frame_next(m->x->root, f)) {
        if (f->phase != FRAME_DELIVERY || f->step != m->event->step) continue;
        if (!m->x->rolling_back) {
            machine_complete(m, f, m->event->value);
            return;
        }
        rollback_ended(m, VALUE_INVALID);
        break;
    }
    value_unref(m->event->value);
}

/* ---- Executions whose process died ---- */

/* What was under way is held, to be begun again when the execution goes on. */
static void hold_lost(baton_execution *x) {
    for (frame *f = x->root; f; f = frame_next(x->root, f)) {
        if (!frame_is_lost(x, f)) continue;
        f->phase = FRAME_HELD;
        f->interrupted = true;
        f->ticket = 0;
        x->effects--;
    }
}

static frame *next_interrupted(baton_execution *x) {
    frame *f = x->root;
    while (f && !f->interrupted) f = frame_next(x->root, f);
    return f;
}

static void begin_again(machine *m, frame *f) {
    f->phase = FRAME_INSIDE;
    f->interrupted = false;
    if (m->x->rolling_back) {
        rollback_begin_again(m);
    } else if (f->step->interrupted_faults) {
        machine_fault(m, f,
                      fault_new("runtime", 500, "Step was interrupted", "the process that ran it died"));
    } else {
        f->attempt++;
        f->interruptions++;
        if (m->x->journals) machine_record(m, RECORD_STEP_STARTED, f, interrupted_note());
        behavior_of(f->step)->enter(m, f);
    }
}

/* Begins again what was interrupted, but for that whose time has run out meanwhile. Each may change the
 * tree, so the search begins anew after it. */
static void go_on(machine *m) {
    baton_execution *x = m->x;
    fire(m);
    for (frame *f; (f = next_interrupted(x)) && !m->out->out_of_memory;) begin_again(m, f);
}

static void recover(machine *m) {
    hold_lost(m->x);
    if (!m->x->suspending) go_on(m);
}

/* ---- Steering ---- */

static void suspend(machine *m) {
    m->x->suspending = true;
    hold_lost(m->x);
}

static void resume(machine *m) {
    baton_execution *x = m->x;
    x->suspending = false;
    if (x->status == EXECUTION_SUSPENDED) {
        execution_set_status(x, EXECUTION_RUNNING);
        machine_record(m, RECORD_RESUMED, NULL, VALUE_INVALID);
    }
    hold_lost(x);
    for (frame *f = x->root; f; f = frame_next(x->root, f))
        if (f->phase == FRAME_HELD && !f->interrupted) frame_make_ready(x, f);
    go_on(m);
}

/* A rollback is not cancelled, and goes on when it was suspended. */
static void cancel(machine *m) {
    baton_execution *x = m->x;
    if (x->status == EXECUTION_PENDING) x->started_ns = m->event->now_ns;
    if (x->rolling_back)
        resume(m);
    else
        execution_conclude(m, EXECUTION_CANCELLED, VALUE_INVALID);
}

static void run_ready(machine *m) {
    baton_execution *x = m->x;
    while (x->ready && m->steps < LIMIT_TURN_STEPS && !m->out->out_of_memory) {
        frame *f = x->ready;
        x->ready = f->ready_next;
        if (!x->ready) x->ready_last = NULL;
        if (x->suspending)
            f->phase = FRAME_HELD;
        else
            frame_begin(m, f);
    }
    if (x->ready) action_add(m, ACTION_CONTINUE);
}

static void settle(machine *m) {
    baton_execution *x = m->x;
    if (execution_ended(x)) return;
    bool held = !x->rolling_back || (x->root && x->root->interrupted);
    if (x->suspending && !x->effects && !x->ready && held) {
        if (x->status == EXECUTION_SUSPENDED) return;
        execution_set_status(x, EXECUTION_SUSPENDED);
        machine_record(m, RECORD_SUSPENDED, NULL, VALUE_INVALID);
        return;
    }
    if (x->effects || x->ready || x->rolling_back)
        execution_set_status(x, EXECUTION_RUNNING);
    else if (x->status == EXECUTION_RUNNING && execution_is_idle(x))
        execution_set_status(x, EXECUTION_WAITING);
}

void machine_handle(baton_execution *x, const event *ev, output *out) {
    machine m = {.x = x, .event = ev, .out = out, .entropy = ev->entropy};
    if (execution_ended(x) || (x->status == EXECUTION_PENDING && ev->kind != EVENT_START &&
                               ev->kind != EVENT_CANCEL && ev->kind != EVENT_RECOVER)) {
        value_unref(ev->value);
        value_unref(ev->input);
        return;
    }
    switch (ev->kind) {
    case EVENT_START:
        start(&m);
        start_at(&m);
        break;
    case EVENT_CONTINUE: fire(&m); break; /* time has passed */
    case EVENT_SUCCEEDED: effect_ended(&m, true); break;
    case EVENT_FAILED: effect_ended(&m, false); break;
    case EVENT_STEPS: run_ended(&m); break;
    case EVENT_WAITING: {
        frame *f = effect_of(&m);
        if (!f) break;
        end_effect(&m, f);
        f->phase = FRAME_DELIVERY;
        if (is_late(&m, f)) fire(&m);
        break;
    }
    case EVENT_DELIVERED: delivered(&m); break;
    case EVENT_TIMER: fire(&m); break;
    case EVENT_CANCEL: cancel(&m); break;
    case EVENT_SUSPEND: suspend(&m); break;
    case EVENT_RESUME: resume(&m); break;
    case EVENT_RECOVER: recover(&m); break;
    }
    run_ready(&m);
    settle(&m);
}
