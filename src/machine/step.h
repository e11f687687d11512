/* What the step types see of the machine. One file a type, step_*.c, each exporting a step_behavior.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_STEP_H
#define BATON_MACHINE_STEP_H

#include "machine/machine.h"

typedef struct machine {
    baton_execution *x;
    const event *event;
    output *out;
    uint64_t entropy;
    uint32_t steps; /* begun in this turn */
} machine;

/* Each may be NULL where the type has no use for it. In all of them the frame stands at a step of the
 * type, is INSIDE, and f->input is its transformed input. Values called `taken` are the callee's. */
typedef struct step_behavior {
    /* Begins the step: ends it (machine_complete, machine_fault), makes children, or starts an effect. */
    void (*enter)(machine *m, frame *f);
    /* A child has walked to its end; the child is gone. output: taken. */
    void (*child_completed)(machine *m, frame *f, frame *child, baton_value output);
    /* A child faulted; it is still there. True when this step dealt with it (then the fault was taken),
     * false when the fault goes outward through this step. NULL: always outward. */
    bool (*child_faulted)(machine *m, frame *f, frame *child, baton_value fault);
    /* The time wake_ns has come (TIMER, RETRY). */
    void (*woken)(machine *m, frame *f);
} step_behavior;

extern const step_behavior step_do_behavior, step_set_behavior, step_switch_behavior, step_for_behavior,
    step_fork_behavior, step_raise_behavior, step_try_behavior, step_wait_behavior, step_run_behavior,
    step_http_behavior, step_call_behavior, step_function_behavior;

/* The step ended with this raw output (taken): output.as, export.as, then on to `flow`. */
void machine_complete(machine *m, frame *f, baton_value raw_output);
void machine_complete_to(machine *m, frame *f, baton_value raw_output, flow then);
/* The step faulted (taken; gets f's reference as instance when it has none). */
void machine_fault(machine *m, frame *f, baton_value fault);
/* Wraps an error of a library call into a fault of the standard type `type`, and faults with it. Frees
 * *err. */
void machine_fault_error(machine *m, frame *f, const char *type, int status, baton_error **err);
/* Makes a child that begins with the first step of a sequence, or with one step alone, on `input` (taken).
 * NULL when that failed; then the frame has faulted. */
frame *machine_enter_sequence(machine *m, frame *f, const sequence *steps, baton_value input);
frame *machine_enter_step(machine *m, frame *f, const step *alone, baton_value input);
/* Cancels everything under f (its own effect too): records and ACTION_ABORTs; the children are freed. */
void machine_cancel_inside(machine *m, frame *f);
/* Starts an effect for f: ticket, phase, action. request: taken. */
void machine_start_effect(machine *m, frame *f, action_kind kind, baton_value request);
/* Sends the frame to sleep until a moment. */
void machine_sleep(machine *m, frame *f, frame_phase phase, int64_t wake_ns);
/* data: taken. NULL without memory, which `out` remembers. */
record *machine_record(machine *m, record_kind kind, const frame *f, baton_value data);
uint64_t machine_random(machine *m);
/* True when a value (borrowed) that the step has made may be kept; else the step has faulted. Where nothing
 * is kept, all may. */
bool machine_fits(machine *m, frame *f, baton_value value, const char *what);

/* Evaluation on a frame: `input` borrowed; given; invalid after an error, which has become the fault of
 * the frame (so the caller just returns). */
baton_value machine_evaluate(machine *m, frame *f, const expression *e, baton_value input);
baton_value machine_expand(machine *m, frame *f, const template *t, baton_value input);
/* The same, as a condition: -1 after an error. */
int machine_condition(machine *m, frame *f, const expression *e, baton_value input);
bool machine_duration(machine *m, frame *f, const duration *d, baton_value input, int64_t *ms);

#endif
