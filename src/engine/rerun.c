/* A rerun: a new execution of a workflow that takes over what another one recorded before a step.
 *
 * The records of before that step become the new execution's own, with their numbers and values; its first
 * record stands before them, the step's start after them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

struct rerun {
    char *of;                       /* the other execution */
    const step *from;               /* NULL: from the begin, and nothing is taken over */
    baton_value raw_input, context; /* $context before the step; invalid: none was exported */
    record *taken;
    size_t count, capacity;
};

void rerun_free(struct rerun *rerun) {
    if (!rerun) return;
    value_unref(rerun->raw_input);
    value_unref(rerun->context);
    for (size_t i = 0; i < rerun->count; i++) record_release(&rerun->taken[i]);
    free(rerun->taken);
    free(rerun->of);
    free(rerun);
}

/* ---- Reading what was recorded ---- */

typedef struct reading {
    baton_engine *engine;
    const baton_workflow *workflow;
    store_row row;
    struct rerun *rerun;
    baton_value last_output;
    bool found;
} reading;

static int read_record(void *data, const store_record *stored, int64_t seq, baton_error **err) {
    (void)seq;
    reading *in = data;
    struct rerun *rerun = in->rerun;
    record r;
    if (engine_read_record(in->engine, in->workflow, &in->row, stored, &r, err) != 0) return -1;
    if (r.kind == RECORD_STEP_STARTED && r.step == rerun->from) {
        in->found = true;
        rerun->raw_input = value_ref(value_is_valid(r.raw_input) ? r.raw_input : in->last_output);
        record_release(&r);
        return 1;
    }
    if (r.kind == RECORD_STARTED || r.kind == RECORD_STEP_COMPLETED)
        value_assign(&in->last_output, value_ref(r.data));
    /* What a branch of a fork exports is its own until the fork ends. */
    if (r.step && !r.step->parent && value_is_valid(r.context))
        value_assign(&rerun->context, value_ref(r.context));
    if (!r.step) {
        record_release(&r);
        return 0;
    }
    if (rerun->count == rerun->capacity) {
        size_t capacity = rerun->capacity ? 2 * rerun->capacity : 64;
        record *taken = realloc(rerun->taken, capacity * sizeof *taken);
        if (!taken) {
            record_release(&r);
            return error_memory(err);
        }
        rerun->taken = taken;
        rerun->capacity = capacity;
    }
    rerun->taken[rerun->count++] = r;
    return 0;
}

/* Only a step at the top has a state before it that stands alone. */
static const step *step_of(const baton_workflow *workflow, const char *name, baton_error **err) {
    const step *s = workflow_find_step(workflow, name);
    if (s && !s->parent && s->siblings == &workflow->body) return s;
    baton_error_set(
        err, BATON_ERROR_USAGE,
        s ? "'%s' stands inside another step; a rerun begins at a step of the workflow's own 'do'"
          : "the workflow has no step '%s'",
        name);
    return NULL;
}

static int read_all(reading *in, const char *id, const char *from, baton_error **err) {
    struct rerun *rerun = in->rerun;
    if (!(rerun->from = step_of(in->workflow, from, err))) return -1;
    int result = in->engine->store->type->journal(in->engine->store, id, 0, read_record, in, err);
    value_unref(in->last_output);
    if (result != 0) return -1;
    if (in->found) return 0;
    return baton_error_set(err, BATON_ERROR_NOT_FOUND, "execution %s never came to step '%s'", id,
                           rerun->from->name);
}

/* ---- Running it ---- */

void rerun_start(run *r, event *ev) {
    const struct rerun *rerun = r->rerun;
    if (!rerun->from) return;
    ev->step = rerun->from;
    ev->value = value_ref(rerun->raw_input);
    ev->input = value_ref(rerun->context);
    ev->count = rerun->count ? rerun->taken[rerun->count - 1].number : 1;
}

void rerun_write_origin(const struct rerun *rerun, buffer *b) {
    buffer_puts(b, ",\"rerunOf\":");
    value_write_text(b, rerun->of);
    if (!rerun->from) return;
    buffer_puts(b, ",\"from\":");
    value_write_text(b, rerun->from->reference);
}

void rerun_take_over(run *r) {
    struct rerun *rerun = r->rerun;
    for (size_t i = 0; i < rerun->count; i++) {
        result_apply(r->result, &rerun->taken[i]);
        journal_note_record(r, &rerun->taken[i]);
    }
    r->rerun = NULL;
    rerun_free(rerun);
}

int engine_rerun(baton_engine *engine, const char *id, const char *from,
                 const baton_execution_options *options, baton_result **result, baton_error **err) {
    store_execution x;
    store *s = engine->store;
    if (!engine->journal)
        return baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no execution '%s'", id);
    baton_workflow *workflow;
    if (engine_workflow_of(engine, id, &workflow, err) != 0 || s->type->find(s, id, &x, err) != 0)
        return -1;
    baton_execution_options o = *options;
    baton_value recorded = kept_read(s, &x.row, x.input, err);
    if (!value_is_valid(recorded)) return -1;
    if (from || !value_is_valid(o.input)) o.input = recorded;
    struct rerun *rerun = calloc(1, sizeof *rerun);
    reading in = {.engine = engine, .workflow = workflow, .row = x.row, .rerun = rerun};
    int done = !rerun || !(rerun->of = strdup(id)) ? error_memory(err) : 0;
    if (done == 0 && from) done = read_all(&in, id, from, err);
    if (done == 0 && from && value_is_valid(options->input))
        value_assign(&rerun->raw_input, value_ref(options->input));
    if (done == 0)
        done = engine_execute_rerun(engine, workflow, &o, rerun, result, err);
    else
        rerun_free(rerun);
    value_unref(recorded);
    return done;
}
