/* How an execution ends, and the rollback before that.
 *
 * A workflow that asks for it rolls back, after a failure, a timeout or a cancellation, the steps that
 * succeeded and declare a rollback, the last first. Each is journaled like a step; one that fails does not
 * stop the others; nothing interrupts them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/core.h"
#include "machine/fault.h"

static void finish(machine *m, execution_status end) {
    baton_execution *x = m->x;
    static const record_kind kinds[] = {[EXECUTION_COMPLETED] = RECORD_COMPLETED,
                                        [EXECUTION_FAULTED] = RECORD_FAULTED,
                                        [EXECUTION_CANCELLED] = RECORD_CANCELLED};
    x->rolling_back = false;
    x->ended_ns = m->event->now_ns;
    execution_set_status(x, end);
    machine_record(m, kinds[end], NULL, value_ref(end == EXECUTION_COMPLETED ? x->output : x->fault));
}

static void rollback_begin(machine *m, frame *f) {
    f->started_ns = m->event->now_ns;
    f->number = f->key = m->x->last_number + 1;
    f->attempt = 1;
    machine_record(m, RECORD_ROLLBACK_STARTED, f, VALUE_INVALID);
    machine_start_effect(m, f, ACTION_ROLLBACK, VALUE_INVALID);
}

static void rollback_next(machine *m) {
    baton_execution *x = m->x;
    frame_free(x, x->root);
    if (!x->undo_count) {
        finish(m, x->outcome);
        return;
    }
    frame *f = frame_new(x, NULL);
    if (!f) {
        m->out->out_of_memory = true;
        return;
    }
    f->step = x->workflow->steps[x->undo[--x->undo_count]];
    rollback_begin(m, f);
}

void rollback_ended(machine *m, baton_value fault) {
    frame *f = m->x->root;
    if (value_is_valid(fault)) {
        fault = value_set_text(fault, "instance", f->step->reference);
        machine_record(m, RECORD_ROLLBACK_FAULTED, f, fault);
    } else {
        machine_record(m, RECORD_ROLLBACK_COMPLETED, f, VALUE_INVALID);
    }
    rollback_next(m);
}

void rollback_begin_again(machine *m) {
    frame *f = m->x->root;
    f->attempt++;
    machine_record(m, RECORD_ROLLBACK_STARTED, f, interrupted_note());
    machine_start_effect(m, f, ACTION_ROLLBACK, VALUE_INVALID);
}

/* The workflow's output.as and output.schema, and the limits. Takes raw; invalid with *fault after an
 * error. */
static baton_value transform_output(machine *m, baton_value raw, baton_value *fault) {
    const baton_workflow *workflow = m->x->workflow;
    if (workflow->output_as) {
        baton_value output = evaluate_workflow(m, workflow->output_as, raw, fault);
        value_unref(raw);
        raw = output;
    }
    baton_error *err = NULL;
    if (value_is_valid(raw) && workflow->output_schema &&
        json_schema_check(workflow->output_schema, raw, &err) != 0) {
        *fault = workflow_fault("validation", "output", &err);
        value_assign(&raw, VALUE_INVALID);
    }
    baton_value unfit = machine_unfit(m, raw, "output");
    if (value_is_valid(unfit)) {
        *fault = value_set_text(unfit, "instance", "/");
        value_assign(&raw, VALUE_INVALID);
    }
    return raw;
}

void execution_conclude(machine *m, execution_status end, baton_value value) {
    baton_execution *x = m->x;
    if (end == EXECUTION_COMPLETED && value_is_valid(x->fault)) {
        value_unref(value); /* the strategy went on past a failure */
        end = EXECUTION_FAULTED;
    } else if (end == EXECUTION_COMPLETED) {
        baton_value fault = VALUE_INVALID;
        x->output = transform_output(m, value, &fault);
        if (!value_is_valid(x->output)) {
            end = EXECUTION_FAULTED;
            value_assign(&x->fault, fault);
        }
    } else if (end == EXECUTION_FAULTED) {
        value_assign(&x->fault, value);
    }
    if (x->root) {
        frame *f = x->root;
        bool begun = f->phase != FRAME_READY && f->phase != FRAME_HELD &&
                     (f->children || f->ticket || f->wake_ns || f->phase == FRAME_DELIVERY);
        begun = begun || f->interrupted;
        machine_cancel_inside(m, f);
        if (begun) machine_record(m, RECORD_STEP_CANCELLED, f, VALUE_INVALID);
    }
    if (end != EXECUTION_COMPLETED && x->workflow->rollback && x->undo_count && x->root) {
        x->rolling_back = true;
        x->deadline_ns = 0;
        x->outcome = end;
        rollback_next(m);
        return;
    }
    if (x->root) frame_free(x, x->root);
    finish(m, end);
}
