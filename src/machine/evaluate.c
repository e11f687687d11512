/* Expressions and templates evaluated on a frame: what `.`, $input, $context, $task and the others are
 * there (DSL, "Runtime Expression Arguments").
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "base/value.h"
#include "machine/core.h"
#include "machine/fault.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The frame is NULL for the workflow's own expressions. */
typedef struct scene {
    machine *m;
    frame *f;
    baton_value output; /* borrowed; $output where it is available */
} scene;

static baton_value describe_time(int64_t time_ns) {
    int64_t ms = time_ns / 1000000;
    char text[CLOCK_TEXT];
    baton_value epoch = value_set_number(baton_value_object(), "seconds", floor((double)ms / 1000));
    epoch = value_set_number(epoch, "milliseconds", (double)ms);
    baton_value time = value_set_text(baton_value_object(), "iso8601", clock_format(ms, text));
    return baton_value_set(time, "epoch", epoch);
}

static baton_value describe_task(const frame *f) {
    baton_value task = value_set_text(baton_value_object(), "name", f->step->name);
    task = value_set_text(task, "reference", f->step->reference);
    task = baton_value_set(task, "definition", value_ref(f->step->definition));
    task = baton_value_set(task, "input", value_ref(f->raw_input));
    if (value_is_valid(f->raw_output)) task = baton_value_set(task, "output", value_ref(f->raw_output));
    return baton_value_set(task, "startedAt", describe_time(f->started_ns));
}

static baton_value describe_workflow(const baton_execution *x) {
    baton_value workflow = value_set_text(baton_value_object(), "id", x->id);
    workflow = baton_value_set(workflow, "definition", value_ref(x->workflow->definition));
    workflow = baton_value_set(workflow, "input", value_ref(x->input));
    return baton_value_set(workflow, "startedAt", describe_time(x->started_ns));
}

static baton_value describe_runtime(void) {
    baton_value runtime = value_set_text(baton_value_object(), "name", "baton");
    runtime = value_set_text(runtime, "version", BATON_VERSION);
    return baton_value_set(runtime, "metadata", baton_value_object());
}

/* A variable of an enclosing for or catch. The frame's own step counts too: `while` and `catch.when` see
 * the variables that it declares. */
static baton_value look_up_variable(frame *f, const char *name) {
    for (; f; f = f->parent) {
        const step *s = f->step;
        if (s->kind == STEP_FOR && value_is_valid(f->data)) {
            if (strcmp(s->u.for_.each, name) == 0) return baton_value_at(f->data, f->index);
            if (strcmp(s->u.for_.at, name) == 0) return baton_value_number(f->index);
        } else if (s->kind == STEP_TRY && f->caught && strcmp(s->u.try_.as, name) == 0) {
            return value_ref(f->error);
        }
    }
    return VALUE_INVALID;
}

static baton_value look_up(void *data, expression_argument argument, const char *name) {
    scene *at = data;
    frame *f = at->f;
    baton_execution *x = at->m->x;
    switch (argument) {
    case EXPRESSION_CONTEXT: return value_ref(*frame_context(x, f));
    case EXPRESSION_INPUT: return f ? value_ref(f->input) : VALUE_INVALID;
    case EXPRESSION_OUTPUT: return value_ref(at->output);
    case EXPRESSION_TASK: return f ? describe_task(f) : VALUE_INVALID;
    case EXPRESSION_WORKFLOW: return describe_workflow(x);
    case EXPRESSION_RUNTIME: return describe_runtime();
    case EXPRESSION_AUTHORIZATION: return f ? value_ref(f->authorization) : VALUE_INVALID;
    case EXPRESSION_SECRETS: return VALUE_INVALID;
    case EXPRESSION_VARIABLE: return look_up_variable(f, name);
    }
    return VALUE_INVALID;
}

#define ENVIRONMENT(scene_, machine_) \
    (&(expression_environment){       \
        .lookup = look_up, .data = (scene_), .now_ms = (machine_)->event->now_ns / 1000000})

static baton_value expand(machine *m, frame *f, const template *t, baton_value input, baton_value output) {
    baton_error *err = NULL;
    scene at = {m, f, output};
    baton_value value = template_evaluate(t, input, ENVIRONMENT(&at, m), &err);
    if (!value_is_valid(value)) machine_fault_error(m, f, "expression", 400, &err);
    return value;
}

baton_value machine_expand(machine *m, frame *f, const template *t, baton_value input) {
    return expand(m, f, t, input, VALUE_INVALID);
}

baton_value machine_expand_output(machine *m, frame *f, const template *t, baton_value output) {
    return expand(m, f, t, output, output);
}

baton_value machine_evaluate(machine *m, frame *f, const expression *e, baton_value input) {
    baton_error *err = NULL;
    scene at = {m, f, VALUE_INVALID};
    baton_value value = expression_evaluate(e, input, ENVIRONMENT(&at, m), &err);
    if (!value_is_valid(value)) machine_fault_error(m, f, "expression", 400, &err);
    return value;
}

int machine_condition(machine *m, frame *f, const expression *e, baton_value input) {
    baton_value value = machine_evaluate(m, f, e, input);
    if (!value_is_valid(value)) return -1;
    bool is_true = baton_value_is_true(value);
    value_unref(value);
    return is_true;
}

bool machine_duration(machine *m, frame *f, const duration *d, baton_value input, int64_t *ms) {
    if (!d->expression) {
        *ms = d->ms;
        return true;
    }
    baton_value value = machine_expand(m, f, d->expression, input);
    if (!value_is_valid(value)) return false;
    baton_error *err = NULL;
    int read = duration_read(value, ms, &err);
    value_unref(value);
    if (read != 0) machine_fault_error(m, f, "expression", 400, &err);
    return read == 0;
}

baton_value workflow_fault(const char *type, const char *what, baton_error **err) {
    baton_error_wrap(err, baton_error_get_code(*err), "%s", what);
    char *detail = baton_error_text(*err);
    baton_value fault = fault_new(
        type, 400, strcmp(type, "validation") == 0 ? "Validation failed" : "Expression failed", detail);
    free(detail);
    error_clear(err);
    return value_set_text(fault, "instance", "/");
}

baton_value evaluate_workflow(machine *m, const template *t, baton_value input, baton_value *fault) {
    baton_error *err = NULL;
    scene at = {m, NULL, VALUE_INVALID};
    baton_value value = template_evaluate(t, input, ENVIRONMENT(&at, m), &err);
    if (!value_is_valid(value)) *fault = workflow_fault("expression", "workflow", &err);
    return value;
}

bool evaluate_workflow_duration(machine *m, const duration *d, baton_value input, int64_t *ms,
                                baton_value *fault) {
    if (!d->expression) {
        *ms = d->ms;
        return true;
    }
    baton_value value = evaluate_workflow(m, d->expression, input, fault);
    if (!value_is_valid(value)) return false;
    baton_error *err = NULL;
    int read = duration_read(value, ms, &err);
    value_unref(value);
    if (read != 0) *fault = workflow_fault("expression", "timeout", &err);
    return read == 0;
}
