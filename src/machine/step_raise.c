/* raise: faults with an error of the workflow's own (DSL, "Raise").
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/fault.h"
#include "machine/step.h"

static void enter_raise(machine *m, frame *f) {
    const error_definition *e = &f->step->u.raise;
    const struct {
        const char *key;
        const template *value;
    } members[] = {{"type", e->type},
                   {"status", e->status},
                   {"title", e->title},
                   {"detail", e->detail},
                   {"instance", e->instance}};
    baton_value fault = baton_value_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!members[i].value) continue;
        baton_value member = machine_expand(m, f, members[i].value, f->input);
        if (!value_is_valid(member)) {
            value_unref(fault);
            return;
        }
        fault = baton_value_set(fault, members[i].key, member);
    }
    machine_fault(m, f, fault);
}

const step_behavior step_raise_behavior = {.enter = enter_raise};
