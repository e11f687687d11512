/* Steps in C: how they are called, and what they may ask and answer during the call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "engine/engine.h"
#include "engine/step_process.h"
#include "machine/fault.h"

#include <stdlib.h>
#include <string.h>

/* Of a run of steps that are not journaled, whose time is looked at: the clock costs more than a step. */
enum { STEPS_A_LOOK = 16 };

struct baton_step_call {
    run *run;
    const step *step;
    baton_value input;  /* borrowed, but in a run of steps: there it is the last output, and owned */
    baton_value output; /* invalid until it is set */
    uint32_t key, attempt;
    uint64_t ticket;
    int64_t deadline_ns; /* of the monotonic clock, which any thread may read; 0: none */
    bool no_retry, waits;
    baton_completion *completion; /* when deferred */
    step_process *process;        /* when it ends by one */
    char key_text[LIMIT_ID_BYTES + 16];
};

struct baton_completion {
    atomic_uint references; /* the program's, and the engine's */
    atomic_bool ended;
    inbox *inbox;
    uint64_t ticket;
    char id[];
};

/* ---- What a step may ask ---- */

const char *baton_step_call_name(const baton_step_call *call) { return call->step->name; }

const char *baton_step_call_reference(const baton_step_call *call) { return call->step->reference; }

const baton_execution *baton_step_call_execution(const baton_step_call *call) { return call->run->x; }

baton_context *baton_step_call_context(baton_step_call *call) {
    run *r = call->run;
    if (!r->context && (r->context = baton_context_new())) result_show_in(r->result, r->context);
    return r->context;
}

baton_value baton_step_call_input(const baton_step_call *call) { return value_ref(call->input); }

baton_value baton_step_call_arguments(const baton_step_call *call) {
    baton_value arguments = call->step->u.function.arguments;
    return value_is_valid(arguments) ? value_ref(arguments) : baton_value_null();
}

void *baton_step_call_data(const baton_step_call *call) { return call->step->u.function.type->data; }

int baton_step_call_attempt(const baton_step_call *call) { return (int)call->attempt; }

const char *baton_step_call_key(baton_step_call *call) {
    snprintf(call->key_text, sizeof call->key_text, "%s/%u", call->run->id, call->key);
    return call->key_text;
}

bool baton_step_call_cancelled(const baton_step_call *call) {
    const run *r = call->run;
    if (r->to_cancel || inbox_holds_cancel(r->engine->inbox, r->id)) return true;
    return call->deadline_ns && clock_monotonic_ns() >= call->deadline_ns;
}

void baton_step_call_output(baton_step_call *call, baton_value output) {
    value_assign(&call->output, output);
}

void baton_step_call_no_retry(baton_step_call *call) { call->no_retry = true; }

void baton_step_call_wait(baton_step_call *call) { call->waits = true; }

/* ---- Completions ---- */

baton_completion *baton_step_call_defer(baton_step_call *call) {
    if (call->completion) {
        atomic_fetch_add(&call->completion->references, 1);
        return call->completion;
    }
    const run *r = call->run;
    size_t size = strlen(r->id) + 1;
    baton_completion *c = malloc(sizeof *c + size);
    if (!c) return NULL;
    atomic_init(&c->references, 2);
    atomic_init(&c->ended, false);
    c->inbox = inbox_ref(r->engine->inbox);
    c->ticket = call->ticket;
    memcpy(c->id, r->id, size);
    call->completion = c;
    return c;
}

void baton_completion_free(baton_completion *c) {
    if (!c || atomic_fetch_sub(&c->references, 1) != 1) return;
    inbox_unref(c->inbox);
    free(c);
}

/* The step has ended otherwise: later completions are refused. */
void completion_abandon(baton_completion *c) {
    if (!c) return;
    atomic_store(&c->ended, true);
    baton_completion_free(c);
}

static int complete(baton_completion *c, bool failed, const char *text, size_t size, baton_error **err) {
    if (atomic_exchange(&c->ended, true))
        return baton_error_set(err, BATON_ERROR_CONFLICT, "the step has ended already");
    message *m = message_new(MESSAGE_COMPLETION, c->id, text, size);
    if (!m) {
        atomic_store(&c->ended, false);
        return error_memory(err);
    }
    m->ticket = c->ticket;
    m->failed = failed;
    if (inbox_post(c->inbox, m)) return 0;
    return baton_error_set(err, BATON_ERROR_CONFLICT, "the engine is gone");
}

int baton_completion_succeed(baton_completion *c, const char *json, size_t size, baton_error **err) {
    return complete(c, false, json ? json : "null", json ? size : 4, err);
}

int baton_completion_fail(baton_completion *c, const char *message, baton_error **err) {
    return complete(c, true, message, strlen(message), err);
}

/* ---- Processes ---- */

void step_process_free(step_process *p) {
    if (!p) return;
    if (p->release) p->release(p->data);
    value_unref(p->request.spec);
    free((char *)p->request.directory);
    free(p);
}

int step_call_process(baton_step_call *call, const step_process *p, baton_error **err) {
    step_process *copy = calloc(1, sizeof *copy);
    if (!copy) {
        if (p->release) p->release(p->data);
        return error_memory(err);
    }
    *copy = *p;
    copy->request.key = NULL;
    copy->request.spec = value_set_text(value_ref(p->request.spec), "return", "all");
    copy->request.spec = baton_value_set(copy->request.spec, "await", baton_value_boolean(true));
    copy->request.directory = p->request.directory ? strdup(p->request.directory) : NULL;
    int result = 0;
    if (p->request.directory && !copy->request.directory)
        result = error_memory(err);
    else if (call->process)
        result = baton_error_set(err, BATON_ERROR_USAGE, "a step ends by one process");
    else if (call->step->u.function.type->pure) /* its start need not be durable yet */
        result = baton_error_set(err, BATON_ERROR_USAGE, "a pure step has no process");
    if (result == 0)
        call->process = copy;
    else
        step_process_free(copy);
    return result;
}

/* ---- Calling ---- */

static baton_value step_fault(baton_error *err) {
    bool alone = err && !baton_error_cause(err) && !baton_error_file(err);
    char *text = err && !alone ? baton_error_text(err) : NULL;
    const char *detail = alone ? baton_error_message(err) : text ? text : "the step gave no reason";
    baton_value fault = fault_new("runtime", 500, "Step failed", detail);
    free(text);
    baton_error_free(err);
    return fault;
}

/* Remembers an effect for a step that ends later; false without memory. */
static bool defer(run *r, baton_step_call *call) {
    effect *e = effect_new(r, call->ticket);
    if (!e) {
        completion_abandon(call->completion);
        return false;
    }
    e->kind = EFFECT_COMPLETION;
    e->no_retry = call->no_retry;
    e->u.completion = call->completion;
    return true;
}

/* A step that waits has its delivery already, when it came before. */
static void take_early(run *r, baton_step_call *call) {
    baton_value early = run_take_delivery(r, call->step);
    if (!value_is_valid(early)) return;
    value_assign(&call->output, early);
    call->waits = false;
}

static bool is_open(const baton_step_call *call) {
    return call->completion || call->process || call->waits;
}

/* A step ends in one way. */
static int check_end(const baton_step_call *call, baton_error **err) {
    if (!call->process || (!call->completion && !call->waits)) return 0;
    return baton_error_set(err, BATON_ERROR_USAGE,
                           "a step that ends by a process cannot be deferred or wait for a delivery too");
}

static void start_process(run *r, baton_step_call *call) {
    const action a = {
        .kind = ACTION_PROCESS, .ticket = call->ticket, .key = call->key, .attempt = call->attempt};
    effect_start_for_call(r, &a, call->process, call->no_retry);
}

/* The call did not end the step. False, or true with *ev when there is something to tell all the same. */
static bool postpone(run *r, baton_step_call *call, event *ev) {
    value_unref(call->output);
    if (call->process) {
        start_process(r, call);
        return false;
    }
    if (call->completion) {
        if (!defer(r, call)) engine_out_of_memory(r->engine);
        return false;
    }
    *ev = (event){.kind = EVENT_WAITING, .now_ns = r->engine->now_ns, .ticket = call->ticket};
    return true;
}

/* The call's own outcome does not count. err: taken. */
static void drop(baton_step_call *call, baton_error *err) {
    if (call->completion) completion_abandon(call->completion);
    step_process_free(call->process);
    value_unref(call->output);
    if (err) baton_error_free(err);
}

/* True after a cancel that came during a call. */
static bool is_cancelled(run *r) {
    if (r->to_cancel && r->x->rolling_back) r->to_cancel = false; /* nothing interrupts a rollback */
    return r->to_cancel;
}

static bool tell_cancel(run *r, event *ev) {
    r->to_cancel = false;
    *ev = (event){.kind = EVENT_CANCEL, .now_ns = r->engine->now_ns};
    return true;
}

/* A run of plain steps, under a strategy that journals none of them. */
static bool call_several(run *r, const action *a, baton_step_call *call, event *ev) {
    step *const *steps = a->frame->sequence->steps + a->step->index;
    baton_error *err = NULL;
    bool failed = false, postponed = false;
    uint32_t done = 0;
    call->input = value_ref(a->frame->input);
    while (done < a->count) {
        call->step = steps[done];
        call->key = a->key + done;
        failed = call->step->u.function.type->execute(call, &err) != 0 || check_end(call, &err) != 0;
        if (!failed && err) error_clear(&err);
        if (!failed && call->waits) take_early(r, call);
        postponed = !failed && is_open(call);
        if (failed || postponed) break;
        value_unref(call->input);
        call->input = value_is_valid(call->output) ? call->output : baton_value_null();
        call->output = VALUE_INVALID;
        done++;
        if (done % STEPS_A_LOOK == 0 && call->deadline_ns && clock_monotonic_ns() >= call->deadline_ns)
            break;
        if (r->to_cancel || r->x->suspending ||
            atomic_load_explicit(&r->engine->inbox->waiting, memory_order_relaxed))
            break;
    }
    *ev = (event){.kind = EVENT_STEPS,
                  .now_ns = engine_read_clock(r->engine),
                  .ticket = call->ticket,
                  .frame = a->frame,
                  .count = done,
                  .failed = failed,
                  .pending = postponed,
                  .no_retry = call->no_retry,
                  .value = call->input};
    if (is_cancelled(r)) {
        if (!failed && !postponed) ev->count--; /* the step that was called then */
        ev->failed = ev->pending = false;
        drop(call, err);
        if (ev->count) return true; /* those before it first; the next call is the cancel */
        value_unref(ev->value);
        return tell_cancel(r, ev);
    }
    if (postponed) {
        value_unref(call->output);
        ev->waits = call->waits;
        if (call->process)
            start_process(r, call);
        else if (call->completion && !defer(r, call))
            engine_out_of_memory(r->engine);
    } else if (failed) {
        ev->input = ev->value;
        drop(call, NULL);
        ev->value = step_fault(err);
    }
    return true;
}

bool run_call(run *r, const action *a, event *ev) {
    if (is_cancelled(r)) return tell_cancel(r, ev);
    baton_step_call call;
    call.run = r;
    call.step = a->step;
    call.input = value_is_valid(a->frame->data) ? a->frame->data : a->frame->input;
    call.output = VALUE_INVALID;
    call.key = a->key;
    call.attempt = a->attempt;
    call.ticket = a->ticket;
    call.deadline_ns = a->deadline_ns ? a->deadline_ns - r->engine->clock_offset_ns : 0;
    call.no_retry = call.waits = false;
    call.completion = NULL;
    call.process = NULL;
    r->in_call = true;
    r->engine->calling++;
    if (a->kind == ACTION_CALL && a->count > 1) {
        bool told = call_several(r, a, &call, ev);
        r->engine->calling--;
        r->in_call = false;
        return told;
    }
    const baton_step_type *type = a->step->u.function.type;
    baton_error *err = NULL;
    int failed = (a->kind == ACTION_ROLLBACK ? type->rollback : type->execute)(&call, &err);
    int64_t now_ns = engine_read_clock(r->engine);
    r->engine->calling--;
    r->in_call = false;
    if (is_cancelled(r)) {
        drop(&call, err);
        return tell_cancel(r, ev);
    }
    if (!failed) failed = check_end(&call, &err);
    if (!failed && call.waits && a->kind == ACTION_ROLLBACK) /* nothing could wake or cancel it */
        failed = baton_error_set(&err, BATON_ERROR_USAGE, "a rollback cannot wait for a delivery");
    if (!failed && call.waits) take_early(r, &call);
    if (!failed && is_open(&call)) {
        if (err) baton_error_free(err);
        return postpone(r, &call, ev);
    }
    *ev = (event){.kind = failed ? EVENT_FAILED : EVENT_SUCCEEDED,
                  .now_ns = now_ns,
                  .ticket = a->ticket,
                  .frame = a->frame,
                  .no_retry = call.no_retry};
    if (failed) {
        drop(&call, NULL);
        ev->value = step_fault(err);
    } else {
        if (err) baton_error_free(err);
        ev->value = value_is_valid(call.output) ? call.output : baton_value_null();
    }
    return true;
}

bool run_finish_call(run *r, const effect *e, effect_outcome outcome, event *ev) {
    baton_engine *engine = r->engine;
    baton_value what = outcome.output, output = VALUE_INVALID;
    if (value_is_valid(outcome.fault)) what = baton_value_set(baton_value_object(), "fault", outcome.fault);
    /* Its abort is being committed, or nothing can be any more. */
    if (engine->broken || r->lost || !frame_by_ticket(r->x->root, e->ticket)) {
        value_unref(what);
        return false;
    }
    baton_error *err = NULL;
    r->in_call = true;
    engine->calling++;
    bool failed = e->ends->finish(e->ends->data, what, &output, &err) != 0;
    engine->calling--;
    r->in_call = false;
    value_unref(what);
    ev->now_ns = engine_read_clock(engine);
    if (is_cancelled(r)) {
        value_unref(output);
        baton_error_free(err);
        return tell_cancel(r, ev);
    }
    ev->kind = failed ? EVENT_FAILED : EVENT_SUCCEEDED;
    ev->no_retry = e->no_retry;
    if (failed) {
        value_unref(output);
        ev->value = step_fault(err);
    } else {
        baton_error_free(err);
        ev->value = value_is_valid(output) ? output : baton_value_null();
    }
    return true;
}
