/* What every compiled workflow has, whoever made it: its life, its parts by name, its validation.
 *
 * The count of references is atomic; whoever drops the last one frees the values, so that must happen on
 * the thread that owns them. workflow_unref also takes a workflow that is half made: steps that are in
 * `steps` are released, whichever of their fields are set.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/workflow.h"

#include <stdlib.h>
#include <string.h>

baton_workflow *workflow_ref(const baton_workflow *workflow) {
    baton_workflow *shared = (baton_workflow *)workflow; /* only its count of references changes */
    if (shared) atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
    return shared;
}

static void release(const template *t) { template_done((template *)t); }

static void release_duration(const duration *d) {
    if (d) release(d->expression);
}

static void release_schema(const json_schema *schema) { json_schema_free((json_schema *)schema); }

static void release_try(const step_try *t) {
    release(t->errors_with);
    if (!t->retry) return;
    release_duration(t->retry->delay);
    release_duration(t->retry->attempt_duration);
    release_duration(t->retry->total_duration);
    release_duration(t->retry->jitter_from);
    release_duration(t->retry->jitter_to);
}

static void release_raise(const error_definition *raise) {
    release(raise->type);
    release(raise->status);
    release(raise->title);
    release(raise->detail);
    release(raise->instance);
}

static void release_run(const step_run *run) {
    release(run->command);
    release(run->arguments);
    release(run->environment);
    release(run->input);
}

static void release_http(const step_http *http) {
    release(http->method);
    release(http->uri);
    release(http->headers);
    release(http->query);
    release(http->body);
    release(http->authentication.username);
    release(http->authentication.password);
    release(http->authentication.token);
}

static void release_kind(const step *s) {
    switch (s->kind) {
    case STEP_SET: release(s->u.set); break;
    case STEP_FOR: release(s->u.for_.in); break;
    case STEP_RAISE: release_raise(&s->u.raise); break;
    case STEP_TRY: release_try(&s->u.try_); break;
    case STEP_WAIT: release_duration(&s->u.wait); break;
    case STEP_RUN: release_run(&s->u.run); break;
    case STEP_HTTP: release_http(&s->u.http); break;
    case STEP_CALL: release(s->u.call.with); break;
    case STEP_FUNCTION:
        release(s->u.function.with);
        baton_value_unref(s->u.function.arguments);
        break;
    /* These hold steps and expressions only: the former are in `steps`, the latter in the program. */
    case STEP_DO:
    case STEP_SWITCH:
    case STEP_FORK:
    case STEP_UNSUPPORTED:
    case STEP_KINDS: break;
    }
}

static void release_step(const step *s) {
    release_kind(s);
    release_schema(s->input_schema);
    release_schema(s->output_schema);
    release_schema(s->export_schema);
    release(s->input_from);
    release(s->output_as);
    release(s->export_as);
    release_duration(s->timeout);
    baton_value_unref(s->definition);
}

void workflow_unref(baton_workflow *workflow) {
    if (!workflow || atomic_fetch_sub_explicit(&workflow->references, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < workflow->step_count; i++)
        if (workflow->steps[i]) release_step(workflow->steps[i]);
    release_schema(workflow->input_schema);
    release_schema(workflow->output_schema);
    release(workflow->input_from);
    release(workflow->output_as);
    release_duration(workflow->timeout);
    baton_value_unref(workflow->definition);
    baton_value_unref(workflow->metadata);
    expression_program_free(workflow->program);
    baton_registry_free(workflow->registry);
    baton_error_free(workflow->unsupported);
    arena_done(&workflow->arena);
    free(workflow);
}

void baton_workflow_free(baton_workflow *workflow) { workflow_unref(workflow); }

const char *baton_workflow_namespace(const baton_workflow *workflow) { return workflow->namespace; }

const char *baton_workflow_name(const baton_workflow *workflow) { return workflow->name; }

const char *baton_workflow_version(const baton_workflow *workflow) { return workflow->version; }

size_t baton_workflow_step_count(const baton_workflow *workflow) { return workflow->body.count; }

const char *baton_workflow_step_name(const baton_workflow *workflow, size_t index) {
    return index < workflow->body.count ? workflow->body.steps[index]->name : NULL;
}

baton_value baton_workflow_metadata(const baton_workflow *workflow) {
    return baton_value_ref(workflow->metadata);
}

const step *workflow_find_step(const baton_workflow *workflow, const char *reference) {
    const step *named = NULL;
    size_t count = 0;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const step *s = workflow->steps[i];
        if (strcmp(s->reference, reference) == 0) return s;
        if (strcmp(s->name, reference) == 0) {
            named = s;
            count++;
        }
    }
    return count == 1 ? named : NULL;
}

/* Adds each problem of a list (taken) that the check of a step gave; the check may have given none. */
static void add_step_problems(const step *s, baton_error *found, baton_error **problems) {
    if (!found) found = baton_error_new(BATON_ERROR_INVALID, "its arguments are not valid");
    for (const baton_error *one = found; one; one = baton_error_next(one)) {
        char *text = baton_error_text(one);
        baton_error *problem = baton_error_new(baton_error_get_code(one), "step '%s': %s", s->name,
                                               text ? text : baton_error_message(one));
        free(text);
        error_set_place(problem, s->where);
        error_append(problems, problem);
    }
    baton_error_free(found);
}

/* In a file, arguments that hold expressions are not known before the step begins. */
static void check_arguments(const step *s, baton_error **problems) {
    const step_function *function = &s->u.function;
    if (!function->type->validate) return;
    baton_value arguments = function->arguments;
    if (function->with) {
        if (function->with->kind != TEMPLATE_LITERAL) return;
        arguments = function->with->value;
    }
    if (!baton_value_is_valid(arguments)) arguments = baton_value_null();
    baton_error *found = NULL;
    if (function->type->validate(arguments, function->type->data, &found))
        add_step_problems(s, found, problems);
    else
        baton_error_free(found);
}

static void check_rule(const baton_workflow *workflow, const struct workflow_rule *rule,
                       baton_error **problems) {
    baton_error *found = NULL;
    if (rule->check(workflow, rule->data, &found) == 0) {
        baton_error_free(found);
        return;
    }
    if (!found)
        found =
            baton_error_new(BATON_ERROR_INVALID, "workflow '%s' breaks one of its rules", workflow->name);
    error_append(problems, found);
}

int baton_workflow_validate(const baton_workflow *workflow, baton_error **err) {
    baton_error *problems = NULL;
    for (uint32_t i = 0; i < workflow->step_count; i++)
        if (workflow->steps[i]->kind == STEP_FUNCTION) check_arguments(workflow->steps[i], &problems);
    for (size_t i = 0; i < workflow->rule_count; i++) check_rule(workflow, &workflow->rules[i], &problems);
    if (!problems) return 0;
    if (err)
        *err = problems;
    else
        baton_error_free(problems);
    return -1;
}
