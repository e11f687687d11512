/* call: a function of the workflow's `use.functions` (DSL, "Call"): its step runs as a child, on `with`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/step.h"

static void enter_call(machine *m, frame *f) {
    const step_call *call = &f->step->u.call;
    baton_value input = call->with ? machine_expand(m, f, call->with, f->input) : value_ref(f->input);
    if (!value_is_valid(input)) return;
    if (call->with && !machine_fits(m, f, input, "argument"))
        value_unref(input);
    else
        machine_enter_step(m, f, call->function, input);
}

static void child_completed(machine *m, frame *f, frame *child, baton_value output) {
    (void)child;
    machine_complete(m, f, output);
}

const step_behavior step_call_behavior = {.enter = enter_call, .child_completed = child_completed};
