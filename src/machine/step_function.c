/* A step in C: of a workflow built in C, or `call:` of a function that the program registered.
 *
 * Under a strategy that journals no steps, plain ones in a row become one action, so that the engine runs
 * them in a loop of its own: the keys of the others follow the first one's.
 *
 * In the frame: data is what `with` gave; without it the call is given the step's input.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/step.h"

static bool is_simple(const step *s) { return s->kind == STEP_FUNCTION && s->plain && !s->u.function.with; }

/* How many steps from this one on may be run as one action. */
static uint32_t run_length(const machine *m, const frame *f) {
    const sequence *steps = f->sequence;
    if (m->x->journals || m->x->strategy->decide || !steps) return 1;
    uint32_t end = f->step->index;
    while (end < steps->count && is_simple(steps->steps[end])) end++;
    return end > f->step->index ? end - f->step->index : 1;
}

static void enter_function(machine *m, frame *f) {
    const template *with = f->step->u.function.with;
    baton_value input = with ? machine_expand(m, f, with, f->input) : VALUE_INVALID;
    if (with && !value_is_valid(input)) return;
    value_assign(&f->data, input);
    if (with && !machine_fits(m, f, input, "argument")) return;
    uint32_t count = run_length(m, f);
    machine_start_effect(m, f, ACTION_CALL, VALUE_INVALID);
    if (count == 1 || !m->out->action_count) return;
    m->out->actions[m->out->action_count - 1].count = count;
    m->x->last_number += count - 1;
}

/* The time of the next attempt has come. */
static void woken(machine *m, frame *f) {
    f->attempt++;
    if (m->x->journals) machine_record(m, RECORD_STEP_STARTED, f, VALUE_INVALID);
    enter_function(m, f);
}

const step_behavior step_function_behavior = {.enter = enter_function, .woken = woken};
