/* for: the same steps for each item of an array (DSL, "For"). `while` is asked before each round; each
 * round's output is the next round's input. `then: exit` in the body ends the round.
 *
 * In the frame: data is the array, index the round, and raw_output the last round's output.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/fault.h"
#include "machine/step.h"

static void next_round(machine *m, frame *f) {
    const step_for *loop = &f->step->u.for_;
    baton_value so_far = value_is_valid(f->raw_output) ? f->raw_output : f->input;
    bool more = f->index < baton_value_size(f->data);
    if (more && loop->while_) {
        int wanted = machine_condition(m, f, loop->while_, so_far);
        if (wanted < 0) return;
        more = wanted;
    }
    if (more)
        machine_enter_sequence(m, f, &loop->body, value_ref(so_far));
    else
        machine_complete(m, f, value_ref(so_far));
}

static void enter_for(machine *m, frame *f) {
    baton_value items = machine_expand(m, f, f->step->u.for_.in, f->input);
    if (!value_is_valid(items)) return;
    if (baton_value_kind(items) != BATON_KIND_ARRAY) {
        value_unref(items);
        machine_fault(m, f, fault_new("expression", 400, "Expression failed", "for.in must give an array"));
        return;
    }
    f->data = items;
    f->index = 0;
    if (!machine_fits(m, f, items, "collection")) return;
    next_round(m, f);
}

static void child_completed(machine *m, frame *f, frame *child, baton_value output) {
    (void)child;
    value_assign(&f->raw_output, output);
    f->index++;
    next_round(m, f);
}

const step_behavior step_for_behavior = {.enter = enter_for, .child_completed = child_completed};
