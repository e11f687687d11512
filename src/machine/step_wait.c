/* wait: until some time has passed (DSL, "Wait"). Its moment is kept, not its length: it comes also when
 * nobody was there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/step.h"

static void enter_wait(machine *m, frame *f) {
    int64_t ms;
    if (!machine_duration(m, f, &f->step->u.wait, f->input, &ms)) return;
    machine_sleep(m, f, FRAME_TIMER, m->event->now_ns + ms * 1000000);
}

static void woken(machine *m, frame *f) { machine_complete(m, f, value_ref(f->input)); }

const step_behavior step_wait_behavior = {.enter = enter_wait, .woken = woken};
