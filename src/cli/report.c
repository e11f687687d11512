/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include "base/clock.h"
#include "base/value.h"

#include <stdlib.h>

static baton_value describe_step(const step *s, const step_entry *e) {
    baton_value o = value_set_text(baton_value_object(), "name", s->name);
    o = value_set_text(o, "reference", s->reference);
    o = value_set_text(o, "status", step_status_name(e->status));
    o = value_set_number(o, "count", e->count);
    o = value_set_number(o, "attempts", e->attempts);
    o = value_set_number(o, "duration_ms", (double)(e->duration_ns / 1000000));
    return e->status == STEP_FAULTED ? baton_value_set(o, "error", baton_value_ref(e->value)) : o;
}

static baton_value describe_error(const baton_result *result) {
    baton_value problem = baton_result_problem(result);
    if (baton_value_is_valid(problem)) return problem;
    const baton_error *error = baton_result_error(result);
    char *text = error ? baton_error_text(error) : NULL;
    baton_value o = value_set_text(baton_value_object(), "title", text ? text : "cancelled");
    free(text);
    return o;
}

baton_value report_of(const baton_result *result) {
    const baton_workflow *w = result->workflow;
    char time[CLOCK_TEXT];
    baton_value name = value_set_text(baton_value_object(), "namespace", w->namespace);
    name = value_set_text(name, "name", w->name);
    name = value_set_text(name, "version", w->version);
    baton_value steps = baton_value_array();
    for (uint32_t i = 0; i < w->step_count; i++)
        if (result->steps[i].status != STEP_NOT_RUN)
            steps = baton_value_append(steps, describe_step(w->steps[i], &result->steps[i]));
    baton_value o = value_set_text(baton_value_object(), "id", result->id);
    o = baton_value_set(o, "workflow", name);
    o = value_set_text(o, "status", baton_result_status(result));
    o = value_set_text(o, "strategy", result->strategy);
    if (result->status == EXECUTION_COMPLETED)
        o = baton_value_set(o, "output", baton_value_ref(result->output));
    else if (result->status == EXECUTION_FAULTED || result->status == EXECUTION_CANCELLED)
        o = baton_value_set(o, "error", describe_error(result));
    o = value_set_text(o, "started_at", clock_format(baton_result_started_at(result), time));
    o = value_set_number(o, "duration_ms", (double)baton_result_duration_ms(result));
    return baton_value_set(o, "steps", steps);
}
