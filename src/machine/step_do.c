/* do: steps in sequence (DSL, "Do").
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/step.h"

static void enter_do(machine *m, frame *f) {
    if (f->step->u.do_.count)
        machine_enter_sequence(m, f, &f->step->u.do_, value_ref(f->input));
    else
        machine_complete(m, f, value_ref(f->input));
}

static void child_completed(machine *m, frame *f, frame *child, baton_value output) {
    (void)child;
    machine_complete(m, f, output);
}

const step_behavior step_do_behavior = {.enter = enter_do, .child_completed = child_completed};
