/* set: replaces the data (DSL, "Set").
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/step.h"

static void enter_set(machine *m, frame *f) {
    baton_value output = machine_expand(m, f, f->step->u.set, f->input);
    if (value_is_valid(output)) machine_complete(m, f, output);
}

const step_behavior step_set_behavior = {.enter = enter_set};
