/* switch: the first case that fits says where to go (DSL, "Switch"). The data passes through.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/step.h"

static void enter_switch(machine *m, frame *f) {
    const step_switch *cases = &f->step->u.switch_;
    const switch_case *chosen = NULL;
    for (uint32_t i = 0; i < cases->count; i++) {
        const switch_case *c = &cases->cases[i];
        if (!c->when) {
            if (!chosen) chosen = c; /* the default counts only when no other case fits */
            continue;
        }
        int fits = machine_condition(m, f, c->when, f->input);
        if (fits < 0) return;
        if (fits) {
            chosen = c;
            break;
        }
    }
    machine_complete_to(m, f, value_ref(f->input), chosen ? chosen->then : f->step->then);
}

const step_behavior step_switch_behavior = {.enter = enter_switch};
