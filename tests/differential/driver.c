/* Baton's side of the differential test: reads one case a line from stdin and writes one outcome a line to
 * stdout. It uses <baton/baton.h> alone. See README.md.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <baton/baton.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 }; /* steps of a workflow, dependencies */

static void die(const char *what, baton_error *err) {
    char *text = err ? baton_error_text(err) : NULL;
    fprintf(stderr, "driver: %s: %s\n", what, text ? text : "failed");
    exit(2);
}

/* ---- Reading cases: what is got so must be given back ---- */

static char *text_of(baton_value object, const char *key) {
    baton_value value = baton_value_get(object, key);
    const char *text = baton_value_as_text(value);
    char *copy = text ? strdup(text) : NULL;
    baton_value_unref(value);
    return copy;
}

static double number_of(baton_value object, const char *key) {
    baton_value value = baton_value_get(object, key);
    double number = baton_value_as_number(value);
    baton_value_unref(value);
    return number;
}

static bool is_true(baton_value object, const char *key) {
    baton_value value = baton_value_get(object, key);
    bool is = baton_value_is_true(value);
    baton_value_unref(value);
    return is;
}

static size_t texts_of(baton_value object, const char *key, char **texts) {
    baton_value list = baton_value_get(object, key);
    size_t count = baton_value_size(list);
    if (count > MOST) die("too many in a list", NULL);
    for (size_t i = 0; i < count; i++) {
        baton_value element = baton_value_at(list, i);
        texts[i] = strdup(baton_value_as_text(element));
        baton_value_unref(element);
    }
    baton_value_unref(list);
    return count;
}

static void free_texts(char **texts, size_t count) {
    for (size_t i = 0; i < count; i++) free(texts[i]);
}

/* ---- Writing outcomes ---- */

static baton_value put(baton_value object, const char *key, baton_value value) {
    return baton_value_set(object, key, baton_value_is_valid(value) ? value : baton_value_null());
}

static baton_value put_text(baton_value object, const char *key, const char *text) {
    return put(object, key, text ? baton_value_string(text) : baton_value_null());
}

static baton_value put_number(baton_value object, const char *key, double number) {
    return put(object, key, baton_value_number(number));
}

static baton_value list_of(const char *const *texts, size_t count) {
    baton_value list = baton_value_array();
    for (size_t i = 0; i < count; i++) list = baton_value_append(list, baton_value_string(texts[i]));
    return list;
}

static baton_value metrics_of(const baton_engine *engine) {
    baton_metrics metrics = baton_engine_metrics(engine);
    baton_value o = put_number(baton_value_object(), "activeExecutions", (double)metrics.active_executions);
    o = put_number(o, "maxQueueSize", (double)metrics.max_queue_size);
    return put_number(o, "queueLength", (double)metrics.queue_length);
}

/* ---- Workflows ---- */

typedef struct planned_step {
    baton_engine *engine;
    baton_value spec;
    baton_value *scheduled; /* what the scheduler says of the execution; set by its first step */
} planned_step;

static baton_value describe(const baton_scheduled *scheduled);

static void act(baton_context *context, baton_value action) {
    char *key = text_of(action, "set");
    if (key) {
        baton_context_set(context, key, baton_value_get(action, "value"));
    } else {
        key = text_of(action, "remove");
        baton_context_remove(context, key);
    }
    free(key);
}

static baton_value follow(baton_value at, baton_value path) {
    for (size_t i = 0; i < baton_value_size(path); i++) {
        baton_value key = baton_value_at(path, i);
        baton_value next = baton_value_get(at, baton_value_as_text(key));
        baton_value_unref(key);
        baton_value_unref(at);
        at = next;
    }
    return at;
}

static baton_value look(const planned_step *p, baton_step_call *call) {
    const char *id = baton_execution_id(baton_step_call_execution(call));
    baton_status status = baton_engine_status(p->engine, id);
    baton_value o = put_text(baton_value_object(), "status", status.status);
    o = put(o, "same", baton_value_boolean(strcmp(status.execution_id, id) == 0));
    o = put_text(o, "workflowName", status.workflow_name);
    o = put_text(o, "strategy", status.strategy);
    return put(o, "metrics", metrics_of(p->engine));
}

static int perform(baton_step_call *call, baton_error **err) {
    const planned_step *p = baton_step_call_data(call);
    baton_context *context = baton_step_call_context(call);
    baton_scheduled scheduled;
    if (!baton_value_is_valid(*p->scheduled) &&
        baton_scheduler_get(baton_engine_scheduler(p->engine),
                            baton_execution_id(baton_step_call_execution(call)), &scheduled))
        *p->scheduled = describe(&scheduled);
    baton_value actions = baton_value_get(p->spec, "actions");
    for (size_t i = 0; i < baton_value_size(actions); i++) {
        baton_value action = baton_value_at(actions, i);
        act(context, action);
        baton_value_unref(action);
    }
    baton_value_unref(actions);
    char *failure = text_of(p->spec, "fail"), *has = text_of(p->spec, "has"),
         *from = text_of(p->spec, "from");
    int outcome = 0;
    if (failure) {
        outcome = baton_error_set(err, BATON_ERROR_STEP, "%s", failure);
    } else if (has) {
        baton_step_call_output(call, baton_value_boolean(baton_context_has(context, has)));
    } else if (from) {
        baton_value path = baton_value_get(p->spec, "path");
        baton_step_call_output(call, follow(baton_context_get(context, from), path));
        baton_value_unref(path);
    } else if (baton_value_has(p->spec, "status")) {
        baton_step_call_output(call, look(p, call));
    } else {
        baton_step_call_output(call, baton_value_get(p->spec, "value"));
    }
    free(failure);
    free(has);
    free(from);
    return outcome;
}

static int nothing(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static baton_workflow *finish(baton_builder *builder) {
    baton_error *err = NULL;
    baton_workflow *workflow = baton_builder_build(builder, &err);
    if (!workflow) die("build", err);
    baton_builder_free(builder);
    return workflow;
}

static baton_workflow *build(baton_value given, planned_step *plan, size_t *count, baton_engine *engine,
                             baton_value *scheduled) {
    char *name = text_of(given, "name");
    baton_builder *builder = baton_builder_new(name, NULL);
    free(name);
    baton_value steps = baton_value_get(given, "steps");
    *count = baton_value_size(steps);
    if (*count > MOST) die("too many steps", NULL);
    for (size_t i = 0; i < *count; i++) {
        plan[i] = (planned_step){engine, baton_value_at(steps, i), scheduled};
        char *step_name = text_of(plan[i].spec, "name");
        baton_builder_step(builder, &(baton_step){.name = step_name, .execute = perform, .data = &plan[i]});
        free(step_name);
    }
    baton_value_unref(steps);
    return finish(builder);
}

/* What the execution depends on must be there: Baton waits for it. */
static void submit_dependencies(baton_engine *engine, char **ids, size_t count) {
    if (!count) return;
    baton_builder *builder = baton_builder_new("dependency", NULL);
    baton_builder_step(builder, &(baton_step){.name = "nothing", .execute = nothing});
    baton_workflow *workflow = finish(builder);
    for (size_t i = 0; i < count; i++) {
        baton_error *err = NULL;
        const baton_execution_options options = {.id = ids[i]};
        if (baton_engine_submit(engine, workflow, NULL, &options, NULL, NULL, NULL, &err) != 0)
            die("submit", err);
    }
    baton_workflow_free(workflow);
}

static baton_value results_of(const baton_result *result) {
    baton_value results = baton_value_array();
    for (size_t i = 0; i < baton_result_size(result); i++) {
        baton_step_result step;
        baton_result_step(result, i, &step);
        baton_value o = put(baton_value_object(), "success", baton_value_boolean(step.success));
        o = put_text(o, "stepName", step.name);
        baton_value value = baton_result_step_value(result, i);
        if (!step.success)
            o = put_text(o, "error", step.error);
        else if (baton_value_is_valid(value))
            o = put(o, "result", baton_value_ref(value));
        baton_value_unref(value);
        results = baton_value_append(results, o);
    }
    return results;
}

static baton_context *context_of(baton_value given) {
    baton_value entries = baton_value_get(given, "context");
    char *json = baton_value_to_json(entries);
    baton_context *context = baton_context_from_json(json, strlen(json), NULL);
    free(json);
    baton_value_unref(entries);
    return context;
}

/* scheduled: taken. */
static baton_value outcome_of(baton_engine *engine, const baton_result *result, baton_context *context,
                              baton_value scheduled) {
    baton_value o = put(baton_value_object(), "success", baton_value_boolean(baton_result_success(result)));
    o = put_text(o, "strategy", baton_result_strategy(result));
    o = put_number(o, "stepCount", (double)baton_result_step_count(result));
    o = put(o, "results", results_of(result));
    bool by_step = baton_value_is_valid(scheduled); /* a workflow without steps cannot have hidden it */
    if (!by_step) scheduled = baton_context_get(context, "scheduledExecution");
    o = put(o, "priority", baton_value_get(scheduled, "priority"));
    o = put(o, "estimate", baton_value_get(scheduled, by_step ? "estimate" : "estimatedDuration"));
    o = put(o, "dependencies", baton_value_get(scheduled, "dependencies"));
    baton_value_unref(scheduled);
    o = put_text(o, "id", baton_result_execution_id(result));
    char *json = baton_context_to_json(context);
    o = put(o, "context", baton_value_parse(json, strlen(json), NULL));
    free(json);
    baton_status after = baton_engine_status(engine, baton_result_execution_id(result));
    o = put(o, "after", put_text(baton_value_object(), "status", after.status));
    return put(o, "metrics", metrics_of(engine));
}

static baton_value run_workflow(baton_value given) {
    baton_error *err = NULL;
    baton_engine *engine = baton_engine_new(&(baton_engine_options){.retry_attempts = -1}, &err);
    if (!engine) die("engine", err);
    planned_step plan[MOST];
    size_t step_count;
    baton_value scheduled = baton_value_invalid();
    baton_workflow *workflow = build(given, plan, &step_count, engine, &scheduled);
    baton_context *context = context_of(given);
    baton_value chosen = baton_value_get(given, "options");
    char *strategy = text_of(chosen, "strategy"), *priority = text_of(chosen, "priority"), *ids[MOST];
    size_t id_count = texts_of(chosen, "dependencies", ids);
    const baton_execution_options options = {.strategy = strategy,
                                             .priority = priority,
                                             .critical = is_true(chosen, "critical"),
                                             .dependencies = (const char *const *)ids,
                                             .dependency_count = id_count};
    submit_dependencies(engine, ids, id_count);
    baton_result *result;
    if (baton_engine_execute(engine, workflow, context, &options, &result, &err) != 0) die("execute", err);
    baton_value outcome = outcome_of(engine, result, context, scheduled);
    baton_result_free(result);
    baton_context_free(context);
    baton_workflow_free(workflow);
    baton_engine_free(engine);
    for (size_t i = 0; i < step_count; i++) baton_value_unref(plan[i].spec);
    free_texts(ids, id_count);
    free(strategy);
    free(priority);
    baton_value_unref(chosen);
    return outcome;
}

/* ---- Queues ---- */

static baton_value queue_statistics(const baton_queue *queue) {
    baton_queue_statistics statistics = baton_queue_get_statistics(queue);
    bool empty = statistics.length == 0;
    baton_value o = put_number(baton_value_object(), "length", (double)statistics.length);
    o = put_number(o, "maxSize", (double)statistics.max_size);
    o = put(o, "oldest", empty ? baton_value_null() : baton_value_number((double)statistics.oldest_ms));
    return put(o, "newest", empty ? baton_value_null() : baton_value_number((double)statistics.newest_ms));
}

static baton_value queue_operation(baton_queue *queue, baton_value operation, char **id) {
    int64_t now_ms = (int64_t)number_of(operation, "now");
    *id = text_of(operation, "enqueue");
    if (*id) {
        const baton_queue_entry entry = {.id = *id, .priority = 1, .queued_at_ms = now_ms};
        return baton_value_boolean(baton_queue_enqueue(queue, &entry, NULL));
    }
    char *what = text_of(operation, "what");
    baton_value outcome = baton_value_null();
    if (strcmp(what, "dequeue") == 0) {
        baton_queue_entry entry;
        if (baton_queue_dequeue(queue, now_ms, &entry)) {
            outcome = put_text(baton_value_object(), "id", entry.id);
            outcome = put_number(outcome, "queuedAt", (double)entry.queued_at_ms);
        }
    } else if (strcmp(what, "clear") == 0) {
        baton_queue_clear(queue);
    } else if (strcmp(what, "length") == 0) {
        outcome =
            baton_value_append(baton_value_array(), baton_value_number((double)baton_queue_length(queue)));
        outcome = baton_value_append(outcome, baton_value_boolean(baton_queue_is_empty(queue)));
    } else {
        outcome = queue_statistics(queue);
    }
    free(what);
    return outcome;
}

static baton_value run_queue(baton_value given) {
    baton_queue *queue =
        baton_queue_new(&(baton_queue_options){.max_size = (size_t)number_of(given, "maxSize")});
    baton_value operations = baton_value_get(given, "operations"), outcomes = baton_value_array();
    size_t count = baton_value_size(operations);
    char **ids = calloc(count + 1, sizeof *ids); /* the queue borrows them */
    for (size_t i = 0; i < count; i++) {
        baton_value operation = baton_value_at(operations, i);
        outcomes = baton_value_append(outcomes, queue_operation(queue, operation, &ids[i]));
        baton_value_unref(operation);
    }
    baton_queue_free(queue);
    free_texts(ids, count);
    free(ids);
    baton_value_unref(operations);
    return outcomes;
}

/* ---- Schedulers ---- */

static baton_value describe(const baton_scheduled *scheduled) {
    baton_value o = put_text(baton_value_object(), "id", scheduled->id);
    o = put_number(o, "scheduledAt", (double)scheduled->scheduled_at_ms);
    o = put_number(o, "priority", scheduled->priority);
    o = put_number(o, "estimate", (double)scheduled->estimated_duration_ms);
    return put(o, "dependencies", list_of(scheduled->dependencies, scheduled->dependency_count));
}

static baton_value schedule(baton_scheduler *scheduler, baton_value given, int64_t now_ms) {
    baton_value options = baton_value_get(given, "options");
    char *id = text_of(given, "id"), *priority = text_of(options, "priority"), *dependencies[MOST];
    size_t count = texts_of(options, "dependencies", dependencies);
    baton_scheduled scheduled;
    baton_error *err = NULL;
    const baton_schedule_request request = {.id = id,
                                            .workflow = id,
                                            .step_count = (size_t)number_of(given, "steps"),
                                            .priority = priority,
                                            .critical = is_true(options, "critical"),
                                            .dependencies = (const char *const *)dependencies,
                                            .dependency_count = count,
                                            .now_ms = now_ms};
    if (baton_scheduler_schedule(scheduler, &request, &scheduled, &err) != 0) die("schedule", err);
    free_texts(dependencies, count);
    free(priority);
    free(id);
    baton_value_unref(options);
    return describe(&scheduled);
}

static baton_value scheduler_operation(baton_scheduler *scheduler, baton_value operation) {
    baton_value given = baton_value_get(operation, "schedule"), outcome = baton_value_null();
    char *get = text_of(operation, "get"), *removed = text_of(operation, "remove");
    baton_scheduled scheduled;
    if (baton_value_is_valid(given)) {
        outcome = schedule(scheduler, given, (int64_t)number_of(operation, "now"));
    } else if (get) {
        if (baton_scheduler_get(scheduler, get, &scheduled)) outcome = describe(&scheduled);
    } else if (removed) {
        outcome = baton_value_boolean(baton_scheduler_remove(scheduler, removed));
    } else {
        baton_scheduler_statistics statistics = baton_scheduler_get_statistics(scheduler);
        outcome = put_number(baton_value_object(), "scheduledExecutions",
                             (double)statistics.scheduled_executions);
        outcome = put_number(outcome, "averagePriority", statistics.average_priority);
        outcome = put_number(outcome, "averageDuration", statistics.average_duration);
    }
    free(get);
    free(removed);
    baton_value_unref(given);
    return outcome;
}

static baton_value run_scheduler(baton_value given) {
    baton_scheduler *scheduler = baton_scheduler_new();
    baton_value operations = baton_value_get(given, "operations"), outcomes = baton_value_array();
    for (size_t i = 0; i < baton_value_size(operations); i++) {
        baton_value operation = baton_value_at(operations, i);
        outcomes = baton_value_append(outcomes, scheduler_operation(scheduler, operation));
        baton_value_unref(operation);
    }
    baton_value_unref(operations);
    baton_scheduler_free(scheduler);
    return outcomes;
}

int main(void) {
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t size; (size = getline(&line, &capacity, stdin)) > 0;) {
        baton_error *err = NULL;
        baton_value given = baton_value_parse(line, (size_t)size, &err);
        if (err) die("a case", err);
        char *kind = text_of(given, "kind");
        baton_value outcome = strcmp(kind, "workflow") == 0 ? run_workflow(given)
                              : strcmp(kind, "queue") == 0  ? run_queue(given)
                                                            : run_scheduler(given);
        char *json = baton_value_to_json(outcome);
        puts(json);
        free(json);
        free(kind);
        baton_value_unref(outcome);
        baton_value_unref(given);
    }
    free(line);
    return 0;
}
