/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/result.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/value.h"
#include "machine/context.h"
#include "machine/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

baton_result *result_new(baton_workflow *workflow, const char *id, const baton_strategy *strategy) {
    size_t steps_size = workflow->step_count * sizeof(step_entry), id_size = strlen(id) + 1;
    size_t name_size = strlen(strategy->name) + 1;
    baton_result *result = malloc(sizeof *result + steps_size + id_size + name_size);
    if (!result) return NULL;
    memset(result, 0, sizeof *result + steps_size);
    result->references = 1;
    result->workflow = workflow_ref(workflow);
    result->keeps_values = workflow->built && strategy->keep_results;
    result->id = (char *)result->steps + steps_size;
    memcpy(result->id, id, id_size);
    result->strategy = memcpy(result->id + id_size, strategy->name, name_size);
    return result;
}

baton_result *result_ref(baton_result *result) {
    result->references++;
    return result;
}

void baton_result_free(baton_result *result) {
    if (!result || --result->references) return;
    for (uint32_t i = 0; i < result->workflow->step_count; i++) value_unref(result->steps[i].value);
    value_unref(result->dependencies);
    value_unref(result->output);
    value_unref(result->fault);
    baton_error_free(result->error);
    workflow_unref(result->workflow);
    free(result);
}

static void end_occurrence(baton_result *result, const record *r, step_status status) {
    step_entry *e = &result->steps[r->step->ordinal];
    e->status = status;
    e->count++;
    e->attempts += r->attempt;
    e->duration_ns += r->duration_ns;
    bool keeps = status == STEP_FAULTED || result->keeps_values;
    value_assign(&e->value, keeps ? value_ref(r->data) : VALUE_INVALID);
}

void result_apply(baton_result *result, const record *r) {
    switch (r->kind) {
    case RECORD_STEP_STARTED: result->steps[r->step->ordinal].status = STEP_RUNNING; break;
    case RECORD_STEP_COMPLETED: end_occurrence(result, r, STEP_COMPLETED); break;
    case RECORD_STEP_FAULTED: end_occurrence(result, r, STEP_FAULTED); break;
    case RECORD_STEP_CANCELLED: end_occurrence(result, r, STEP_CANCELLED); break;
    case RECORD_STEP_SKIPPED: result->steps[r->step->ordinal].status = STEP_SKIPPED; break;
    case RECORD_STEPS_COMPLETED: {
        step_entry *e = &result->steps[r->step->ordinal];
        for (uint32_t i = 0; i < r->count; i++, e++) {
            e->status = STEP_COMPLETED;
            e->count++;
            e->attempts++;
        }
        break;
    }
    default: break;
    }
}

void result_conclude(baton_result *result, const baton_execution *x, int64_t now_ns) {
    result->status = x->status;
    result->timed_out = x->timed_out;
    result->started_ns = x->started_ns;
    if (x->started_ns) result->duration_ns = (execution_ended(x) ? x->ended_ns : now_ns) - x->started_ns;
    value_assign(&result->output, value_ref(x->output));
    value_assign(&result->fault, value_ref(x->fault));
}

void result_refuse(baton_result *result, execution_status status, baton_error *error) {
    result->status = status;
    baton_error_free(result->error);
    result->error = error;
}

/* ---- Reading ---- */

bool baton_result_success(const baton_result *result) { return result->status == EXECUTION_COMPLETED; }

const char *baton_result_execution_id(const baton_result *result) { return result->id; }

const char *baton_result_status(const baton_result *result) {
    return execution_status_name(result->status);
}

const char *baton_result_strategy(const baton_result *result) { return result->strategy; }

int64_t baton_result_started_at(const baton_result *result) { return result->started_ns / 1000000; }

int64_t baton_result_duration_ms(const baton_result *result) { return result->duration_ns / 1000000; }

int64_t baton_result_duration_ns(const baton_result *result) { return result->duration_ns; }

size_t baton_result_step_count(const baton_result *result) { return result->workflow->body.count; }

static bool has_run(const step_entry *e) { return e->status != STEP_NOT_RUN && e->status != STEP_SKIPPED; }

/* The top-level step that is the index-th of those that ran; NULL beyond the last. */
static const step *step_at(const baton_result *result, size_t index) {
    const sequence *body = &result->workflow->body;
    for (uint32_t i = 0; i < body->count; i++)
        if (has_run(&result->steps[body->steps[i]->ordinal]) && index-- == 0) return body->steps[i];
    return NULL;
}

size_t baton_result_size(const baton_result *result) {
    const sequence *body = &result->workflow->body;
    size_t size = 0;
    for (uint32_t i = 0; i < body->count; i++) size += has_run(&result->steps[body->steps[i]->ordinal]);
    return size;
}

const char *step_status_name(step_status status) {
    static const char *const names[] = {"pending", "running",   "completed",
                                        "faulted", "cancelled", "skipped"};
    return names[status];
}

static const char *entry_error(const step_entry *e) {
    if (e->status == STEP_CANCELLED) return "cancelled";
    if (e->status != STEP_FAULTED) return NULL;
    const char *detail = value_get_text(e->value, "detail");
    if (!detail) detail = value_get_text(e->value, "title");
    return detail ? detail : "failed";
}

static void describe(const step *s, const step_entry *e, baton_step_result *out) {
    *out = (baton_step_result){
        .name = s->name,
        .reference = s->reference,
        .status = step_status_name(e->status),
        .success = e->status == STEP_COMPLETED,
        .error = entry_error(e),
        .duration_ns = e->duration_ns,
        .count = e->count,
        .attempts = e->attempts,
    };
}

bool baton_result_step(const baton_result *result, size_t index, baton_step_result *out) {
    const step *s = step_at(result, index);
    if (s) describe(s, &result->steps[s->ordinal], out);
    return s != NULL;
}

static baton_value entry_value(const step_entry *e) {
    return e->status == STEP_COMPLETED ? value_ref(e->value) : VALUE_INVALID;
}

baton_value baton_result_step_value(const baton_result *result, size_t index) {
    const step *s = step_at(result, index);
    return s ? entry_value(&result->steps[s->ordinal]) : VALUE_INVALID;
}

baton_value baton_result_output(const baton_result *result) {
    return result->status == EXECUTION_COMPLETED ? value_ref(result->output) : VALUE_INVALID;
}

baton_value baton_result_problem(const baton_result *result) { return value_ref(result->fault); }

const baton_error *baton_result_error(const baton_result *result) {
    if (result->error || (result->status != EXECUTION_FAULTED && result->status != EXECUTION_CANCELLED))
        return result->error;
    baton_error *err = value_is_valid(result->fault) ? fault_error(result->fault)
                                                     : baton_error_new(BATON_ERROR_CANCELLED, "cancelled");
    baton_error_wrap(&err, BATON_ERROR_EXECUTION, "Workflow execution failed");
    ((baton_result *)result)->error = err; /* a cache */
    return err;
}

/* The seed's StepResult: {success, stepName, result or error, duration}, and attempts. */
static baton_value step_to_value(const step *s, const step_entry *e) {
    bool success = e->status == STEP_COMPLETED;
    baton_value o = baton_value_set(baton_value_object(), "success", baton_value_boolean(success));
    o = value_set_text(o, "stepName", s->name);
    if (!success)
        o = value_set_text(o, "error", entry_error(e));
    else if (value_is_valid(e->value))
        o = baton_value_set(o, "result", value_ref(e->value));
    o = value_set_number(o, "duration", (double)(e->duration_ns / 1000000));
    return value_set_number(o, "attempts", e->attempts);
}

char *baton_result_to_json(const baton_result *result) {
    const sequence *body = &result->workflow->body;
    baton_value o =
        baton_value_set(baton_value_object(), "success", baton_value_boolean(baton_result_success(result)));
    o = value_set_text(o, "executionId", result->id);
    o = value_set_text(o, "status", baton_result_status(result));
    o = value_set_text(o, "strategy", result->strategy);
    o = value_set_number(o, "duration", (double)baton_result_duration_ms(result));
    o = value_set_number(o, "stepCount", body->count);
    baton_value results = baton_value_array();
    for (uint32_t i = 0; i < body->count; i++) {
        const step_entry *e = &result->steps[body->steps[i]->ordinal];
        if (has_run(e)) results = baton_value_append(results, step_to_value(body->steps[i], e));
    }
    o = baton_value_set(o, "results", results);
    if (result->status == EXECUTION_COMPLETED) o = baton_value_set(o, "output", value_ref(result->output));
    const baton_error *error = baton_result_error(result);
    char *text = error ? baton_error_text(error) : NULL;
    if (text) o = value_set_text(o, "error", text);
    free(text);
    char *json = baton_value_to_json(o);
    value_unref(o);
    return json;
}

/* ---- The context's view ---- */

static baton_value scheduled_execution(const baton_result *result) {
    char time[CLOCK_TEXT];
    baton_value o = value_set_text(baton_value_object(), "id", result->id);
    o = value_set_text(o, "scheduledAt", clock_format(result->scheduled_at_ms, time));
    o = value_set_number(o, "priority", result->priority);
    o = value_set_number(o, "estimatedDuration", (double)result->estimated_ms);
    baton_value dependencies =
        value_is_valid(result->dependencies) ? value_ref(result->dependencies) : baton_value_array();
    return baton_value_set(o, "dependencies", dependencies);
}

/* The top-level step whose result `key` names, "step_3_result"; NULL when it names none that succeeded. */
static const step *step_of_key(const baton_result *result, const char *key) {
    if (!result->keeps_values || strncmp(key, "step_", 5) != 0) return NULL;
    char *end;
    unsigned long i = strtoul(key + 5, &end, 10);
    if (end == key + 5 || strcmp(end, "_result") != 0 || i >= result->workflow->body.count) return NULL;
    const step *s = result->workflow->body.steps[i];
    return result->steps[s->ordinal].status == STEP_COMPLETED ? s : NULL;
}

static baton_value view_get(void *data, const char *key) {
    const baton_result *result = data;
    if (strcmp(key, "executionId") == 0) return baton_value_string(result->id);
    if (strcmp(key, "executionStrategy") == 0) return baton_value_string(result->strategy);
    if (strcmp(key, "scheduledExecution") == 0) return scheduled_execution(result);
    const step *s = step_of_key(result, key);
    return s ? step_to_value(s, &result->steps[s->ordinal]) : VALUE_INVALID;
}

static const char *const engine_keys[] = {"executionId", "executionStrategy", "scheduledExecution"};
enum { ENGINE_KEYS = sizeof engine_keys / sizeof *engine_keys };

static baton_value view_names(void *data, baton_value keys) {
    const baton_result *result = data;
    for (size_t i = 0; i < ENGINE_KEYS; i++)
        keys = baton_value_append(keys, baton_value_string(engine_keys[i]));
    for (uint32_t i = 0; result->keeps_values && i < result->workflow->body.count; i++) {
        char name[32];
        snprintf(name, sizeof name, "step_%u_result", i);
        if (step_of_key(result, name)) keys = baton_value_append(keys, baton_value_string(name));
    }
    return keys;
}

static void view_release(void *data) { baton_result_free(data); }

void result_show_in(baton_result *result, baton_context *context) {
    /* What an earlier execution left there, in a context that was read from JSON, is over. */
    for (size_t i = 0; i < ENGINE_KEYS; i++) baton_context_remove(context, engine_keys[i]);
    context_set_view(context, &(context_view){.get = view_get,
                                              .names = view_names,
                                              .release = view_release,
                                              .data = result_ref(result)});
}
