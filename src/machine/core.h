/* What the files of the machine share among themselves, and step types do not need.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_CORE_H
#define BATON_MACHINE_CORE_H

#include "machine/step.h"

const step_behavior *behavior_of(const step *s);
action *action_add(machine *m, action_kind kind); /* NULL without memory, which `out` remembers */

/* Begins the step the cursor stands at (READY -> INSIDE). */
void frame_begin(machine *m, frame *f);
/* The step has ended with `output` (taken): where the cursor goes next. The frame may be gone after it. */
void frame_advance(machine *m, frame *f, baton_value output, flow then);
void frame_complete_run(machine *m, frame *f, uint32_t count);
/* Takes a frame out of its parent's children; it must be freed afterwards. */
void frame_detach(frame *f);

/* `end`: COMPLETED, FAULTED or CANCELLED; value (taken): raw output or fault. Rolls back first where the
 * workflow asks for it. */
void execution_conclude(machine *m, execution_status end, baton_value value);
/* The rollback under way has ended; fault (taken) is valid when it failed. */
void rollback_ended(machine *m, baton_value fault);
/* The running rollback died with its process: begins it again. */
void rollback_begin_again(machine *m);

/* Why a value may not be kept, as a fault without instance; invalid when it may. */
baton_value machine_unfit(const machine *m, baton_value value, const char *what);
/* {"interrupted": true}: the data of the record of an attempt that follows one which died. */
baton_value interrupted_note(void);

/* As machine_expand, where $output is `output`, which is also the input. */
baton_value machine_expand_output(machine *m, frame *f, const template *t, baton_value output);
/* For the workflow's own expressions: no frame; an error goes to *fault (given). */
baton_value evaluate_workflow(machine *m, const template *t, baton_value input, baton_value *fault);
bool evaluate_workflow_duration(machine *m, const duration *d, baton_value input, int64_t *ms,
                                baton_value *fault);
/* An error about the whole workflow as a fault with instance "/"; frees *err. */
baton_value workflow_fault(const char *type, const char *what, baton_error **err);

#endif
