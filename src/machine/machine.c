/* The machine's core: how steps begin, end, fault and are cancelled, whatever their type. What is peculiar
 * to a type stands in its own file, step_*.c; what an event means stands in event.c.
 *
 * Invariant: a frame is in exactly one phase, and the functions here leave no frame INSIDE without children
 * (it is READY, waits for something, or is gone).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine/core.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "machine/fault.h"
#include "machine/keys.h"
#include "machine/strategy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const step_behavior *const behaviors[STEP_KINDS] = {
    [STEP_DO] = &step_do_behavior,         [STEP_SET] = &step_set_behavior,
    [STEP_SWITCH] = &step_switch_behavior, [STEP_FOR] = &step_for_behavior,
    [STEP_FORK] = &step_fork_behavior,     [STEP_RAISE] = &step_raise_behavior,
    [STEP_TRY] = &step_try_behavior,       [STEP_WAIT] = &step_wait_behavior,
    [STEP_RUN] = &step_run_behavior,       [STEP_HTTP] = &step_http_behavior,
    [STEP_CALL] = &step_call_behavior,     [STEP_FUNCTION] = &step_function_behavior,
};

const step_behavior *behavior_of(const step *s) { return behaviors[s->kind]; }

static bool has_effect(const step *s) {
    return s->kind == STEP_RUN || s->kind == STEP_HTTP || s->kind == STEP_FUNCTION;
}

/* ---- Records and actions ---- */

/* What is new is zero. */
__attribute__((cold)) static void *grow(void *items, uint32_t *capacity, size_t size) {
    uint32_t more = *capacity ? *capacity * 2 : 16;
    char *bigger = realloc(items, more * size);
    if (!bigger) return NULL;
    memset(bigger + *capacity * size, 0, (more - *capacity) * size);
    *capacity = more;
    return bigger;
}

static record *record_add(machine *m) {
    output *out = m->out;
    if (out->record_count == out->record_capacity) {
        void *records = grow(out->records, &out->record_capacity, sizeof *out->records);
        if (!records) {
            out->out_of_memory = true;
            return NULL;
        }
        out->records = records;
    }
    return &out->records[out->record_count++];
}

record *machine_record(machine *m, record_kind kind, const frame *f, baton_value data) {
    record *r = record_add(m);
    if (!r) {
        value_unref(data);
        return NULL;
    }
    int64_t now_ns = m->event->now_ns;
    r->kind = kind;
    r->number = ++m->x->last_number;
    r->key = f ? f->key : 0;
    r->attempt = f ? f->attempt : 0;
    r->count = 0;
    r->step = f ? f->step : NULL;
    r->time_ns = now_ns;
    r->duration_ns = now_ns - (f ? f->started_ns : m->x->started_ns);
    r->data = data;
    return r;
}

/* The other values of a step's record, for those who keep them; else they stay zero without being touched.
 * Out of the way of steps that nobody keeps. */
__attribute__((noinline)) static void add_values(machine *m, frame *f, record *r, baton_value output) {
    const step *s = f->step;
    m->out->has_values = true;
    if (r->kind == RECORD_STEP_STARTED)
        r->raw_input = value_ref(f->raw_input);
    else if (s->input_from)
        r->input = value_ref(f->input);
    if (!value_is_valid(output)) return;
    if (s->output_as && !value_same(f->raw_output, output)) r->raw_output = value_ref(f->raw_output);
    if (s->export_as) r->context = value_ref(*frame_context(m->x, f));
}

static void record_start(machine *m, frame *f) {
    record *r = machine_record(m, RECORD_STEP_STARTED, f, VALUE_INVALID);
    if (m->x->keeps_data && r) add_values(m, f, r, VALUE_INVALID);
}

static void record_fault(machine *m, frame *f, baton_value fault) {
    record *r = machine_record(m, RECORD_STEP_FAULTED, f, value_ref(fault));
    if (m->x->keeps_data && r) add_values(m, f, r, VALUE_INVALID);
}

static void record_end(machine *m, frame *f, baton_value output) {
    record *r = machine_record(m, RECORD_STEP_COMPLETED, f, value_ref(output));
    if (m->x->keeps_data && r) add_values(m, f, r, output);
}

baton_value interrupted_note(void) {
    return baton_value_set(baton_value_object(), "interrupted", baton_value_boolean(true));
}

action *action_add(machine *m, action_kind kind) {
    output *out = m->out;
    if (out->action_count == out->action_capacity) {
        void *actions = grow(out->actions, &out->action_capacity, sizeof *out->actions);
        if (!actions) {
            out->out_of_memory = true;
            return NULL;
        }
        out->actions = actions;
    }
    action *a = &out->actions[out->action_count++];
    *a = (action){.kind = kind};
    return a;
}

void output_clear(output *out) {
    for (uint32_t i = 0; i < out->record_count; i++) {
        record *r = &out->records[i];
        value_unref(r->data);
        if (!out->has_values) continue;
        value_assign(&r->raw_input, VALUE_INVALID);
        value_assign(&r->input, VALUE_INVALID);
        value_assign(&r->raw_output, VALUE_INVALID);
        value_assign(&r->context, VALUE_INVALID);
    }
    for (uint32_t i = 0; i < out->action_count; i++) value_unref(out->actions[i].request);
    out->record_count = out->action_count = 0;
    out->has_values = false;
    out->out_of_memory = false;
}

void output_done(output *out) {
    output_clear(out);
    free(out->records);
    free(out->actions);
    *out = (output){0};
}

uint64_t machine_random(machine *m) {
    /* splitmix64 over the event's entropy: a turn may need more than one number. */
    uint64_t z = m->entropy += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ---- Beginning ---- */

static int64_t deadline_around(machine *m, const frame *f) {
    int64_t deadline_ns = m->x->deadline_ns;
    for (; f; f = f->parent) {
        if (f->deadline_ns && (!deadline_ns || f->deadline_ns < deadline_ns)) deadline_ns = f->deadline_ns;
        if (f->attempt_deadline_ns && (!deadline_ns || f->attempt_deadline_ns < deadline_ns))
            deadline_ns = f->attempt_deadline_ns;
    }
    return deadline_ns;
}

void machine_start_effect(machine *m, frame *f, action_kind kind, baton_value request) {
    action *a = action_add(m, kind);
    if (!a) {
        value_unref(request);
        return;
    }
    f->phase = FRAME_EFFECT;
    f->ticket = ++m->x->last_ticket;
    m->x->effects++;
    a->ticket = f->ticket;
    a->frame = f;
    a->step = f->step;
    a->key = f->key;
    a->attempt = f->attempt;
    a->count = 1;
    a->deadline_ns = deadline_around(m, f);
    a->request = request;
}

void machine_sleep(machine *m, frame *f, frame_phase phase, int64_t wake_ns) {
    (void)m;
    f->phase = phase;
    f->wake_ns = wake_ns;
}

static bool check_schema(machine *m, frame *f, const json_schema *schema, baton_value value,
                         const char *what) {
    baton_error *err = NULL;
    if (!schema || json_schema_check(schema, value, &err) == 0) return true;
    baton_error_code code = baton_error_get_code(err);
    baton_error_wrap(&err, code, "%s", what);
    machine_fault_error(m, f, "validation", 400, &err);
    return false;
}

/* What stands before a step's own work, for steps that are not plain. False when it has ended. */
static bool prepare(machine *m, frame *f) {
    const step *s = f->step;
    if (!check_schema(m, f, s->input_schema, f->raw_input, "input")) return false;
    if (s->input_from) {
        f->input = machine_expand(m, f, s->input_from, f->raw_input);
        if (!value_is_valid(f->input) || !machine_fits(m, f, f->input, "input")) return false;
    } else {
        f->input = value_ref(f->raw_input);
    }
    if (s->timeout) {
        int64_t ms;
        if (!machine_duration(m, f, s->timeout, f->input, &ms)) return false;
        f->deadline_ns = m->event->now_ns + ms * 1000000;
    }
    return true;
}

void frame_begin(machine *m, frame *f) {
    const step *s = f->step;
    f->phase = FRAME_INSIDE;
    f->started_ns = m->event->now_ns;
    f->attempt = 1;
    f->interruptions = 0;
    m->steps++;
    f->number = f->key = m->x->last_number + 1;
    if (s->if_) {
        int wanted = machine_condition(m, f, s->if_, f->raw_input);
        if (wanted < 0) return;
        if (!wanted) {
            machine_record(m, RECORD_STEP_SKIPPED, f, VALUE_INVALID);
            frame_advance(m, f, value_ref(f->raw_input), (flow){FLOW_CONTINUE, 0});
            return;
        }
    }
    if (f->parent && has_effect(s) && !(f->key = keys_resolve(f, f->number))) m->out->out_of_memory = true;
    if (m->x->journals)
        record_start(m, f);
    else if (has_effect(s))
        m->x->last_number++; /* two effects at once need two keys */
    if (s->plain)
        f->input = value_ref(f->raw_input);
    else if (!prepare(m, f))
        return;
    behavior_of(s)->enter(m, f);
}

/* Puts the cursor on a step; the frame must be clear. */
static void point_at(machine *m, frame *f, const step *s, baton_value input) {
    f->step = s;
    f->raw_input = input;
    if (m->x->suspending)
        f->phase = FRAME_HELD;
    else
        frame_make_ready(m->x, f);
}

static frame *enter(machine *m, frame *f, const sequence *steps, const step *first, baton_value input) {
    frame *child = frame_new(m->x, f);
    if (!child) {
        value_unref(input);
        machine_fault(m, f, fault_new("runtime", 500, "too many steps at once", NULL));
        return NULL;
    }
    child->sequence = steps;
    point_at(m, child, first, input);
    return child;
}

frame *machine_enter_sequence(machine *m, frame *f, const sequence *steps, baton_value input) {
    return enter(m, f, steps, steps->steps[0], input);
}

frame *machine_enter_step(machine *m, frame *f, const step *alone, baton_value input) {
    return enter(m, f, NULL, alone, input);
}

/* ---- Going on ---- */

/* The frame has walked to the end of its sequence. */
static void end_sequence(machine *m, frame *f, baton_value output) {
    frame *parent = f->parent;
    if (!parent) {
        execution_conclude(m, EXECUTION_COMPLETED, output);
        return;
    }
    frame_detach(f);
    behavior_of(parent->step)->child_completed(m, parent, f, output);
    frame_free(m->x, f);
}

/* `then: end`: everything around the step ends with it. */
static void end_workflow(machine *m, frame *f, baton_value output) {
    for (frame *outer = f->parent; outer; outer = outer->parent) {
        f->phase = FRAME_HELD; /* has ended; must not be recorded as cancelled */
        machine_cancel_inside(m, outer);
        if (m->x->journals) {
            record *r = machine_record(m, RECORD_STEP_COMPLETED, outer, value_ref(output));
            if (m->x->keeps_data && r) add_values(m, outer, r, VALUE_INVALID);
        }
        f = outer;
    }
    execution_conclude(m, EXECUTION_COMPLETED, output);
}

void frame_advance(machine *m, frame *f, baton_value output, flow then) {
    const step *next = NULL;
    switch (then.kind) {
    case FLOW_CONTINUE:
        if (f->sequence && f->step->index + 1 < f->sequence->count)
            next = f->sequence->steps[f->step->index + 1];
        break;
    case FLOW_STEP:
        if (f->sequence) next = f->sequence->steps[then.target];
        break;
    case FLOW_EXIT: break;
    case FLOW_END: end_workflow(m, f, output); return;
    }
    if (!next) {
        end_sequence(m, f, output);
        return;
    }
    frame_clear_step(f);
    point_at(m, f, next, output);
}

/* ---- What may be kept ---- */

baton_value machine_unfit(const machine *m, baton_value value, const char *what) {
    if (!m->x->keeps_data) return VALUE_INVALID;
    value_fit fit = value_fits(value, LIMIT_OUTPUT_BYTES);
    if (fit == VALUE_FITS) return VALUE_INVALID;
    char detail[128];
    if (fit == VALUE_TOO_LARGE)
        snprintf(detail, sizeof detail, "the %s has more than %u bytes as JSON", what, LIMIT_OUTPUT_BYTES);
    else
        snprintf(detail, sizeof detail, "the %s nests deeper than %d levels", what, LIMIT_OUTPUT_DEPTH);
    return fault_new("runtime", 500, "Value too large", detail);
}

bool machine_fits(machine *m, frame *f, baton_value value, const char *what) {
    if (!m->x->keeps_data || value_same(value, f->raw_input)) return true;
    baton_value fault = machine_unfit(m, value, what);
    if (!value_is_valid(fault)) return true;
    f->no_retry = true; /* the next attempt would bring the same */
    machine_fault(m, f, fault);
    return false;
}

/* Steps that make no output hand on what has been looked at before. */
__attribute__((noinline)) static bool output_fits(machine *m, frame *f, baton_value raw_output) {
    const step *s = f->step;
    bool made = s->kind == STEP_SET || s->kind == STEP_FORK || has_effect(s);
    return !made || value_same(raw_output, f->input) || machine_fits(m, f, raw_output, "output");
}

/* output.as, output.schema, export.as, export.schema. Takes raw; invalid when the step has faulted. */
static baton_value transform_output(machine *m, frame *f, baton_value raw) {
    const step *s = f->step;
    value_assign(&f->raw_output, raw);
    baton_value output = s->output_as ? machine_expand(m, f, s->output_as, raw) : value_ref(raw);
    if (!value_is_valid(output)) return output;
    if ((!s->output_as || machine_fits(m, f, output, "output")) &&
        check_schema(m, f, s->output_schema, output, "output")) {
        if (!s->export_as) return output;
        baton_value context = machine_expand_output(m, f, s->export_as, output);
        if (value_is_valid(context)) {
            if (machine_fits(m, f, context, "context") &&
                check_schema(m, f, s->export_schema, context, "export")) {
                value_assign(frame_context(m->x, f), context);
                return output;
            }
            value_unref(context);
        }
    }
    value_unref(output);
    return VALUE_INVALID;
}

static void remember_undo(machine *m, const step *s) {
    baton_execution *x = m->x;
    if (s->kind != STEP_FUNCTION || !s->u.function.type->rollback) return;
    if (x->undo_count == x->undo_capacity) {
        void *undo = grow(x->undo, &x->undo_capacity, sizeof *x->undo);
        if (!undo) {
            m->out->out_of_memory = true;
            return;
        }
        x->undo = undo;
    }
    x->undo[x->undo_count++] = s->ordinal;
}

/* True where the strategy, not an enclosing `try`, decides what an outcome means. */
static bool strategy_judges(const machine *m, const frame *f) {
    return m->x->workflow->built || !f->parent;
}

void machine_complete_to(machine *m, frame *f, baton_value raw_output, flow then) {
    f->phase = FRAME_INSIDE;
    if (m->x->keeps_data && !output_fits(m, f, raw_output)) {
        value_unref(raw_output);
        return;
    }
    if (!f->step->plain) {
        raw_output = transform_output(m, f, raw_output);
        if (!value_is_valid(raw_output)) return;
    }
    record_end(m, f, raw_output);
    if (m->x->workflow->rollback) remember_undo(m, f->step);
    if (m->x->strategy->decide && strategy_judges(m, f) &&
        strategy_decide(m->x, f, true).action == BATON_STRATEGY_STOP)
        then = (flow){FLOW_EXIT, 0};
    frame_advance(m, f, raw_output, then);
}

void machine_complete(machine *m, frame *f, baton_value raw_output) {
    machine_complete_to(m, f, raw_output, f->step->then);
}

/* A run of plain steps in C has ended (EVENT_STEPS). */
void frame_complete_run(machine *m, frame *f, uint32_t count) {
    if (m->x->workflow->rollback)
        for (uint32_t i = 0; i < count; i++) remember_undo(m, f->sequence->steps[f->step->index + i]);
    machine_record(m, RECORD_STEPS_COMPLETED, f, VALUE_INVALID);
    if (m->out->record_count) m->out->records[m->out->record_count - 1].count = count;
}

/* ---- Faults ---- */

static baton_value with_instance(baton_value fault, const step *s) {
    return baton_value_has(fault, "instance") ? fault : value_set_text(fault, "instance", s->reference);
}

/* A failed attempt of a step in C may be tried again; true when it will be. */
static bool retries(machine *m, frame *f, baton_value fault, baton_strategy_decision decision) {
    if (decision.action != BATON_STRATEGY_RETRY) return false;
    machine_record(m, RECORD_STEP_RETRIED, f, fault);
    int64_t delay_ms = decision.delay_ms < 0 ? 0 : decision.delay_ms;
    if (delay_ms > LIMIT_DURATION_MS) delay_ms = LIMIT_DURATION_MS;
    machine_sleep(m, f, FRAME_RETRY, m->event->now_ns + delay_ms * 1000000);
    return true;
}

void machine_fault(machine *m, frame *f, baton_value fault) {
    baton_value unfit = machine_unfit(m, fault, "error");
    if (value_is_valid(unfit)) value_assign(&fault, unfit);
    fault = with_instance(fault, f->step);
    machine_cancel_inside(m, f);
    f->phase = FRAME_INSIDE;
    f->interrupted = false;
    baton_strategy_decision decision = {BATON_STRATEGY_STOP, 0};
    if (strategy_judges(m, f)) {
        decision = strategy_decide(m->x, f, false);
        if (retries(m, f, fault, decision)) return;
    }
    record_fault(m, f, fault);
    if (decision.action == BATON_STRATEGY_NEXT) {
        if (value_is_valid(m->x->fault))
            value_unref(fault);
        else
            m->x->fault = fault; /* the first one says why the execution did not succeed */
        frame_advance(m, f, value_ref(f->raw_input), (flow){FLOW_CONTINUE, 0});
        return;
    }
    frame *parent = f->parent;
    if (!parent) {
        execution_conclude(m, EXECUTION_FAULTED, fault);
        return;
    }
    frame_detach(f);
    const step_behavior *outer = behavior_of(parent->step);
    bool taken = outer->child_faulted && outer->child_faulted(m, parent, f, fault);
    frame_free(m->x, f);
    if (!taken) machine_fault(m, parent, fault);
}

void machine_fault_error(machine *m, frame *f, const char *type, int status, baton_error **err) {
    static const struct {
        const char *type, *title;
    } titles[] = {{"validation", "Validation failed"}, {"expression", "Expression failed"}};
    const char *title = "Step failed";
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (strcmp(type, titles[i].type) == 0) title = titles[i].title;
    char *detail = *err ? baton_error_text(*err) : NULL;
    baton_value fault = fault_new(type, status, title, detail);
    free(detail);
    error_clear(err);
    machine_fault(m, f, fault);
}

/* ---- Cancelling ---- */

static void abort_effect(machine *m, frame *f) {
    action *a = frame_is_lost(m->x, f) ? NULL : action_add(m, ACTION_ABORT);
    if (a) {
        a->ticket = f->ticket;
        a->step = f->step;
    }
    f->ticket = 0;
    m->x->effects--;
}

void machine_cancel_inside(machine *m, frame *f) {
    while (f->children) {
        frame *child = f->children;
        bool begun = child->interrupted || (child->phase != FRAME_READY && child->phase != FRAME_HELD);
        machine_cancel_inside(m, child);
        if (begun) machine_record(m, RECORD_STEP_CANCELLED, child, VALUE_INVALID);
        frame_free(m->x, child);
    }
    if (f->phase == FRAME_EFFECT) abort_effect(m, f);
    if (f->phase != FRAME_READY && f->phase != FRAME_HELD) f->phase = FRAME_INSIDE;
    f->wake_ns = f->attempt_deadline_ns = 0;
}

void frame_detach(frame *f) {
    frame **at = &f->parent->children;
    while (*at != f) at = &(*at)->next;
    *at = f->next;
    f->next = NULL;
}
