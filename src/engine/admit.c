/* Admission: from the caller's hands into the queue, and the end of a run.
 *
 * A batch is admitted whole or not at all. An execution with dependencies waits outside the queue until
 * those have completed; one of them failed or unknown, it ends without having begun.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/value.h"
#include "engine/engine.h"
#include "machine/context.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- Making a run ---- */

static int check_id(const char *id, baton_error **err) {
    size_t size = strlen(id);
    bool good = size > 0 && size <= LIMIT_ID_BYTES;
    for (size_t i = 0; good && i < size; i++) good = isalnum((unsigned char)id[i]) || strchr("-_.:", id[i]);
    if (good) return 0;
    return baton_error_set(err, BATON_ERROR_USAGE,
                           "an execution id is 1 to %d letters, digits, '-', '_', '.' or ':'",
                           LIMIT_ID_BYTES);
}

static int check_workflow(const baton_workflow *workflow, const baton_strategy *strategy,
                          baton_error **err) {
    if (workflow->unsupported) return baton_workflow_executable(workflow, err);
    if (!strategy->journal_steps && workflow->has_wait)
        return baton_error_set(err, BATON_ERROR_UNSUPPORTED,
                               "a workflow with 'wait' cannot run under strategy %s, which cannot go on "
                               "after a crash",
                               strategy->name);
    return 0;
}

/* What makes two submissions of one id the same. */
static int digest_content(const baton_submission *s, const baton_strategy *strategy, uint64_t *digest,
                          baton_error **err) {
    const baton_execution_options *o = s->options;
    buffer b = {0};
    buffer_printf(&b, "%016llx %s ", (unsigned long long)s->workflow->digest, strategy->name);
    if (o && value_is_valid(o->input)) value_write(&b, o->input);
    if (o)
        buffer_printf(&b, " %s %d %lld %d", o->priority ? o->priority : "", o->critical,
                      (long long)o->timeout_ms, o->continue_on_failure);
    for (size_t i = 0; o && i < o->dependency_count; i++) buffer_printf(&b, " %s", o->dependencies[i]);
    *digest = hash_stable(HASH_STABLE, buffer_text(&b), b.size);
    int result = buffer_failed(&b) ? error_memory(err) : 0;
    buffer_done(&b);
    return result;
}

static baton_value default_input(const baton_workflow *workflow) {
    return workflow->built ? baton_value_null() : baton_value_object();
}

static run *run_new(baton_engine *engine, const baton_submission *s, const baton_strategy *strategy,
                    baton_error **err) {
    static const baton_execution_options none = {0};
    const baton_execution_options *o = s->options ? s->options : &none;
    char made[ID_TEXT];
    const char *id = o->id;
    size_t id_size;
    if (!id) {
        id_size = 1 + engine_make_id(engine, made);
        id = made;
    } else {
        id_size = strlen(id) + 1;
    }
    run *r = malloc(sizeof *r + id_size);
    if (!r) {
        error_memory(err);
        return NULL;
    }
    memset(r, 0, sizeof *r);
    memcpy(r->id, id, id_size);
    r->engine = engine;
    r->workflow = workflow_ref(s->workflow);
    if (s->context) r->context = context_ref(s->context);
    r->strategy = strategy;
    r->input = value_is_valid(o->input) ? value_ref(o->input) : default_input(s->workflow);
    r->timeout_ms = o->timeout_ms;
    r->continue_on_failure = o->continue_on_failure;
    r->done = s->done;
    r->done_data = s->done_data;
    if (o->id && digest_content(s, r->strategy, &r->content, err) != 0) {
        run_free(r);
        return NULL;
    }
    if (!engine->journal || run_keep(r)) return r;
    run_free(r);
    error_memory(err);
    return NULL;
}

int run_set_context(run *r, baton_value entries, baton_error **err) {
    if (!r->context && !(r->context = baton_context_new())) return error_memory(err);
    int position = 0;
    const char *key;
    baton_value member;
    while (baton_value_next(entries, &position, &key, &member)) baton_context_set(r->context, key, member);
    return 0;
}

bool run_keep(run *r) {
    r->journal = calloc(1, sizeof *r->journal);
    if (r->engine->directory) r->directory = strdup(r->engine->directory);
    return r->journal && (r->directory || !r->engine->directory);
}

/* ---- Into the store ---- */

/* What is to be known again of an execution that another process takes up: see adopt.c. */
static void write_settings(buffer *b, const run *r, const baton_execution_options *o) {
    buffer_printf(b, "{\"content\":\"%016llx\"", (unsigned long long)r->content);
    if (r->timeout_ms) buffer_printf(b, ",\"timeoutMs\":%lld", (long long)r->timeout_ms);
    if (r->continue_on_failure) buffer_puts(b, ",\"continueOnFailure\":true");
    if (r->directory) {
        buffer_puts(b, ",\"directory\":");
        value_write_text(b, r->directory);
    }
    if (r->rerun) rerun_write_origin(r->rerun, b);
    baton_value entries = r->context ? context_entries(r->context) : VALUE_INVALID;
    if (value_is_valid(entries)) {
        buffer_puts(b, ",\"context\":");
        value_write(b, entries);
    }
    for (size_t i = 0; o && i < o->dependency_count; i++) {
        buffer_puts(b, i ? "," : ",\"dependencies\":[");
        value_write_text(b, o->dependencies[i]);
    }
    buffer_puts(b, o && o->dependency_count ? "]}" : "}");
}

/* The execution becomes one of the store's with the next commit. */
static void create(run *r, const baton_submission *s) {
    const baton_workflow *w = r->workflow;
    buffer settings = {0};
    write_settings(&settings, r, s->options);
    const store_creation creation = {
        .id = r->id,
        .workflow = {.namespace = w->namespace,
                     .name = w->name,
                     .version = w->version,
                     .file = w->file,
                     .digest = w->digest,
                     .built = w->built,
                     .text = {w->text, w->text_size}},
        .strategy = engine_strategy_key(r->engine, r->strategy),
        .priority = r->priority,
        .created_ns = r->engine->now_ns,
        .unowned = r->engine->only_submits,
        .settings = {buffer_text(&settings), settings.size},
        .dependencies = s->options ? s->options->dependencies : NULL,
        .dependency_count = s->options ? s->options->dependency_count : 0,
    };
    if (buffer_failed(&settings))
        engine_out_of_memory(r->engine);
    else
        journal_create(r, &creation);
    buffer_done(&settings);
}

void run_free(run *r) {
    while (r->effects) {
        uint64_t ticket = r->effects->ticket;
        effect_abort(r, ticket);
    }
    while (r->dependents) {
        dependent *d = r->dependents;
        r->dependents = d->next;
        free(d);
    }
    for (uint32_t i = 0; i < r->call_count; i++) value_unref(r->calls[i].request);
    free(r->calls);
    heap_remove(&r->engine->timers, &r->timer);
    run_drop_execution(r);
    run_journal_free(r->journal);
    buffer_done(&r->parked);
    value_unref(r->deliveries);
    rerun_free(r->rerun);
    free(r->directory);
    baton_result_free(r->result);
    context_unref(r->context);
    value_unref(r->input);
    baton_error_free(r->refusal);
    workflow_unref(r->workflow);
    free(r);
}

/* ---- Dependencies ---- */

static int add_dependent(run *on, run *waiter, baton_error **err) {
    dependent *d = malloc(sizeof *d);
    if (!d) return error_memory(err);
    *d = (dependent){on->dependents, waiter};
    on->dependents = d;
    waiter->unmet++;
    return 0;
}

static void refuse_for(run *r, const char *id, const char *why) {
    if (!r->refusal)
        r->refusal = baton_error_new(BATON_ERROR_DEPENDENCY, "it depends on '%s', which %s", id, why);
}

/* 1: the store has it, 0: it has not, -1: nobody can tell. */
static int find_stored(baton_engine *engine, const char *id, store_execution *x, baton_error **err) {
    if (!engine->journal) return 0;
    baton_error *why = NULL;
    if (engine->store->type->find(engine->store, id, x, &why) == 0) return 1;
    bool unknown = baton_error_get_code(why) == BATON_ERROR_NOT_FOUND;
    error_give(unknown ? NULL : err, why);
    return unknown ? 0 : -1;
}

/* How an execution stands that is not in this engine: 1 when r has to wait for it. */
static int tie_to_stored(run *r, const char *id, baton_error **err) {
    store_execution x;
    int found = find_stored(r->engine, id, &x, err);
    if (found < 0) return -1;
    if (!found)
        refuse_for(r, id, "is unknown");
    else if (x.status < EXECUTION_COMPLETED)
        return 1;
    else if (x.status != EXECUTION_COMPLETED)
        refuse_for(r, id, execution_status_name(x.status));
    return 0;
}

int run_tie(run *r, const char *const *ids, size_t count, baton_error **err) {
    for (size_t i = 0; i < count; i++) {
        run *on = engine_find(r->engine, ids[i]);
        if (on && on != r) {
            if (add_dependent(on, r, err) != 0) return -1;
        } else {
            int waits = tie_to_stored(r, ids[i], err);
            if (waits < 0) return -1;
            r->unmet += (uint32_t)waits;
            r->ties_outside |= waits;
        }
    }
    return 0;
}

static void untie(run *r) {
    baton_scheduled scheduled;
    if (!r->has_dependencies || !baton_scheduler_get(r->engine->scheduler, r->id, &scheduled)) return;
    for (size_t i = 0; i < scheduled.dependency_count; i++) {
        run *on = engine_find(r->engine, scheduled.dependencies[i]);
        for (dependent **at = on ? &on->dependents : NULL; at && *at;) {
            dependent *d = *at;
            if (d->waiter != r) {
                at = &d->next;
                continue;
            }
            *at = d->next;
            free(d);
        }
    }
}

void engine_look_at_dependencies(baton_engine *engine) {
    for (run *r = engine->runs; r; r = r->next) {
        baton_scheduled scheduled;
        if (r->place != RUN_BLOCKED || !r->ties_outside ||
            !baton_scheduler_get(engine->scheduler, r->id, &scheduled))
            continue;
        untie(r);
        r->unmet = 0;
        r->ties_outside = false;
        baton_error *err = NULL;
        if (run_tie(r, scheduled.dependencies, scheduled.dependency_count, &err) != 0)
            engine_break(engine, err);
        engine->outside -= !r->ties_outside;
        if (!r->unmet || r->refusal) run_wake(r);
    }
}

/* r is over, or has left the engine: those who wait for it go on, end as well, or look into the store. */
static void release_dependents(run *r, bool left) {
    while (r->dependents) {
        dependent *d = r->dependents;
        run *waiter = d->waiter;
        r->dependents = d->next;
        free(d);
        if (left) {
            r->engine->outside += !waiter->ties_outside;
            waiter->ties_outside = true;
            continue;
        }
        waiter->unmet--;
        if (r->result->status != EXECUTION_COMPLETED)
            refuse_for(waiter, r->id, baton_result_status(r->result));
        if (waiter->place == RUN_BLOCKED && (waiter->refusal || !waiter->unmet)) run_wake(waiter);
    }
}

/* ---- Admitting ---- */

int run_register(run *r, const baton_schedule_request *request, baton_error **err) {
    baton_engine *engine = r->engine;
    baton_scheduled scheduled;
    if (baton_scheduler_schedule(engine->scheduler, request, &scheduled, err) != 0) return -1;
    r->priority = scheduled.priority;
    r->scheduled_at_ms = scheduled.scheduled_at_ms;
    r->estimated_ms = scheduled.estimated_duration_ms;
    r->has_dependencies = scheduled.dependency_count > 0;
    r->next = engine->runs;
    r->at = &engine->runs;
    if (r->next) r->next->at = &r->next;
    engine->runs = r;
    engine->run_count++;
    LOG(engine, BATON_LOG_DEBUG, "scheduled", {"executionId", r->id, 0},
        {"priority", NULL, scheduled.priority},
        {"estimatedDuration", NULL, (double)scheduled.estimated_duration_ms},
        {"dependencies", NULL, (double)scheduled.dependency_count});
    return 0;
}

static int register_new(run *r, const baton_submission *s, baton_error **err) {
    static const baton_execution_options none = {0};
    const baton_execution_options *o = s->options ? s->options : &none;
    return run_register(r,
                        &(baton_schedule_request){
                            .id = r->id,
                            .workflow = r->workflow->name,
                            .step_count = r->workflow->body.count,
                            .priority = o->priority,
                            .critical = o->critical,
                            .dependencies = o->dependencies,
                            .dependency_count = o->dependency_count,
                            .now_ms = r->engine->now_ns / 1000000,
                            .data = r,
                        },
                        err);
}

static void unregister_run(run *r) {
    r->engine->run_count--;
    r->engine->outside -= r->ties_outside;
    baton_scheduler_remove(r->engine->scheduler, r->id);
    *r->at = r->next;
    if (r->next) r->next->at = r->at;
}

int run_enqueue(run *r, baton_error **err) {
    baton_engine *engine = r->engine;
    const baton_queue_entry entry = {
        .id = r->id, .priority = r->priority, .data = r, .queued_at_ms = engine->now_ns / 1000000};
    if (!baton_queue_enqueue(engine->queue, &entry, err)) return -1;
    r->place = RUN_QUEUED;
    LOG(engine, BATON_LOG_DEBUG, "queued", {"executionId", r->id, 0}, {"priority", NULL, r->priority},
        {"queueLength", NULL, (double)baton_queue_length(engine->queue)});
    return 0;
}

bool run_enqueue_blocked(run *r) {
    r->engine->waiting--;
    if (run_enqueue(r, NULL) == 0) return true;
    r->engine->waiting++;
    return false;
}

/* Places a registered run: into the queue, or outside of it while it depends on others. */
static int place_run(run *r, const baton_submission *s, baton_error **err) {
    const baton_execution_options *o = s->options;
    if (o && run_tie(r, o->dependencies, o->dependency_count, err) != 0) {
        r->ties_outside = false; /* not counted yet */
        return -1;
    }
    r->engine->outside += r->ties_outside;
    if (!r->unmet && !r->refusal) return run_enqueue(r, err);
    r->place = RUN_BLOCKED;
    r->engine->waiting++;
    LOG(r->engine, BATON_LOG_DEBUG, "waits for dependencies", {"executionId", r->id, 0},
        {"unmet", NULL, r->unmet});
    if (r->refusal) run_wake(r);
    return 0;
}

static void withdraw(run *r) {
    baton_engine *engine = r->engine;
    if (r->at) {
        if (r->place == RUN_QUEUED) baton_queue_remove(engine->queue, r->id, NULL);
        if (r->place == RUN_BLOCKED) engine->waiting--;
        run_unwake(r);
        untie(r);
        unregister_run(r);
    }
    run_free(r);
}

/* The same, where it is not this engine's, or not any more. One that nobody runs goes on here. */
static int judge_stored(baton_engine *engine, const baton_submission *s, uint64_t content,
                        baton_error **err) {
    const char *id = s->options->id;
    store_execution x;
    int found = find_stored(engine, id, &x, err);
    if (found <= 0) return found;
    bool over = x.status >= EXECUTION_COMPLETED || x.status == EXECUTION_SUSPENDED;
    bool runs = x.owner && !x.interrupted;
    if (engine_same_content(engine, id, content, err) != 0) return -1;
    if (s->workflow->built && baton_engine_provide(engine, s->workflow, err) != 0) return -1;
    if (over || runs || engine->only_submits) return 1;
    return engine_take_up(engine, &(store_claim){.id = id}, TAKE_TO_RUN, NULL, err) == 0 ? 1 : -1;
}

/* What stands in the way of a submission before anything was made. 1: the same execution exists. */
static int judge(baton_engine *engine, const baton_submission *s, const baton_strategy *strategy,
                 baton_error **err) {
    const baton_execution_options *o = s->options;
    if (check_workflow(s->workflow, strategy, err) != 0) return -1;
    if (!o || !o->id) return 0;
    if (check_id(o->id, err) != 0) return -1;
    const run *r = engine_find(engine, o->id);
    uint64_t content;
    if (digest_content(s, strategy, &content, err) != 0) return -1;
    if (!r) return judge_stored(engine, s, content, err);
    if (r->content == content) return 1;
    return baton_error_set(err, BATON_ERROR_CONFLICT, "execution '%s' exists with other content", o->id);
}

int engine_admit(baton_engine *engine, const admission *a, baton_error **err) {
    if (engine_is_broken(engine, err) != 0) return -1;
    run *few[4], **runs = few;
    if (a->count > sizeof few / sizeof *few && !(runs = malloc(a->count * sizeof *runs)))
        return error_memory(err);
    int result = 0;
    size_t made = 0;
    for (; result >= 0 && made < a->count; made++) {
        const baton_submission *s = &a->submissions[made];
        const baton_strategy *strategy = engine_strategy(engine, s->options ? s->options->strategy : NULL);
        runs[made] = NULL;
        result = judge(engine, s, strategy, err);
        if (result == 0 &&
            (!(runs[made] = run_new(engine, s, strategy, err)) || register_new(runs[made], s, err) != 0))
            result = -1;
    }
    for (size_t i = 0; result >= 0 && i < made; i++)
        if (runs[i] && place_run(runs[i], &a->submissions[i], err) != 0) result = -1;
    if (result >= 0 && a->rerun && runs[0]) {
        runs[0]->rerun = *a->rerun;
        *a->rerun = NULL;
    }
    for (size_t i = 0; result >= 0 && engine->journal && i < made; i++)
        if (runs[i]) create(runs[i], &a->submissions[i]);
    if (result >= 0 && a->id) strcpy(a->id, runs[0] ? runs[0]->id : a->submissions[0].options->id);
    if (result < 0)
        while (made > 0)
            if (runs[--made]) withdraw(runs[made]);
    if (runs != few) free(runs);
    return result < 0 ? -1 : 0;
}

/* ---- From outside ---- */

/* Committed: but another engine may have been faster with the same id, and other content. */
static int confirm(baton_engine *engine, const admission *a, baton_error **err) {
    for (size_t i = 0; i < a->count; i++) {
        const baton_submission *s = &a->submissions[i];
        const run *r = s->options && s->options->id ? engine_find(engine, s->options->id) : NULL;
        if (!s->options || !s->options->id || (r && !r->journal->row.lost)) continue;
        uint64_t content;
        const baton_strategy *strategy = engine_strategy(engine, s->options->strategy);
        if (digest_content(s, strategy, &content, err) != 0 ||
            engine_same_content(engine, s->options->id, content, err) != 0)
            return -1;
    }
    return 0;
}

static int sync_admission(baton_engine *engine, const admission *a, baton_error **err) {
    if (journal_sync(engine->journal, err) != 0 || confirm(engine, a, err) != 0) return -1;
    /* While nothing runs, what was committed was created, no more: it need not be kept for the loop. */
    if (!engine->active && !engine->calling) journal_collect(engine->journal);
    return 0;
}

static int admit_here(baton_engine *engine, void *data, baton_error **err) {
    engine_read_clock(engine);
    if (engine_admit(engine, data, err) != 0) return -1;
    return engine->journal ? sync_admission(engine, data, err) : 0;
}

/* Values belong to one thread: what crosses to the loop thread goes as JSON. */
typedef struct crossing {
    admission a;
    baton_submission *submissions;
    baton_execution_options *options;
} crossing;

static int copy_across(const baton_submission *from, baton_submission *s, baton_execution_options *o,
                       baton_error **err) {
    *s = *from;
    s->context = NULL;
    if (from->options) *o = *from->options;
    o->input = VALUE_INVALID;
    s->options = o;
    if (from->options && value_is_valid(from->options->input)) {
        char *json = baton_value_to_json(from->options->input);
        if (!json) return error_memory(err);
        o->input = baton_value_parse(json, strlen(json), err);
        free(json);
        if (!value_is_valid(o->input)) return -1;
    }
    if (!from->context) return 0;
    char *json = baton_context_to_json(from->context);
    if (!json) return error_memory(err);
    s->context = baton_context_from_json(json, strlen(json), err);
    free(json);
    return s->context ? 0 : -1;
}

/* Where the copies were handed over they belong to the loop thread, and are let go there. */
static void drop_copies(crossing *c) {
    for (size_t i = 0; i < c->a.count; i++) {
        context_unref(c->submissions[i].context);
        value_unref(c->options[i].input);
        c->submissions[i].context = NULL;
        c->options[i].input = VALUE_INVALID;
    }
}

static bool is_named(const crossing *c) {
    for (size_t i = 0; i < c->a.count; i++)
        if (c->options[i].id) return true;
    return false;
}

static int admit_copies(baton_engine *engine, void *data, baton_error **err) {
    crossing *c = data;
    engine_read_clock(engine);
    int result = engine_admit(engine, &c->a, err);
    bool later = result == 0 && engine->journal && atomic_load(&engine->gate.state) == GATE_LOOP;
    if (result == 0 && engine->journal && !later) result = sync_admission(engine, &c->a, err);
    if (!later || !is_named(c)) drop_copies(c); /* else see confirm_copies */
    return later ? CALL_ANSWERED_LATER : result;
}

/* The second half of a submission that was answered with its commit. */
static int confirm_copies(baton_engine *engine, void *data, baton_error **err) {
    crossing *c = data;
    int result = confirm(engine, &c->a, err);
    drop_copies(c);
    return result;
}

static int admit_foreign(baton_engine *engine, const admission *a, baton_error **err) {
    crossing c = {.a = *a,
                  .submissions = calloc(a->count + 1, sizeof *c.submissions),
                  .options = calloc(a->count + 1, sizeof *c.options)};
    c.a.submissions = c.submissions;
    if (!c.submissions || !c.options) c.a.count = 0;
    int result = c.submissions && c.options ? 0 : error_memory(err);
    for (size_t i = 0; result == 0 && i < a->count; i++)
        result = copy_across(&a->submissions[i], &c.submissions[i], &c.options[i], err);
    if (result == 0) result = gate_run(&engine->gate, engine->inbox, engine, admit_copies, &c, err);
    if (result == 0 && engine->journal && is_named(&c))
        result = gate_run(&engine->gate, engine->inbox, engine, confirm_copies, &c, err);
    drop_copies(&c);
    free(c.submissions);
    free(c.options);
    return result;
}

static int admit(baton_engine *engine, const admission *a, baton_error **err) {
    if (gate_is_foreign(&engine->gate)) return admit_foreign(engine, a, err);
    return gate_run(&engine->gate, engine->inbox, engine, admit_here, (void *)a, err);
}

int baton_engine_submit(baton_engine *engine, baton_workflow *workflow, baton_context *context,
                        const baton_execution_options *options, baton_done_function done, void *done_data,
                        char *id, baton_error **err) {
    const baton_submission one = {workflow, context, options, done, done_data};
    return admit(engine, &(admission){.submissions = &one, .count = 1, .id = id}, err);
}

int baton_engine_submit_batch(baton_engine *engine, const baton_submission *submissions, size_t count,
                              baton_error **err) {
    return admit(engine, &(admission){.submissions = submissions, .count = count}, err);
}

/* ---- The end ---- */

static void log_end(const run *r) {
    const baton_result *result = r->result;
    double duration = (double)baton_result_duration_ms(result);
    if (baton_result_success(result)) {
        LOG(r->engine, BATON_LOG_INFO, "execution completed", {"executionId", r->id, 0},
            {"duration", NULL, duration});
        return;
    }
    if (!r->engine->options.log) return;
    const baton_error *error = baton_result_error(result);
    char *text = error ? baton_error_text(error) : NULL;
    LOG(r->engine, BATON_LOG_ERROR, "execution failed", {"executionId", r->id, 0},
        {"error", text ? text : "", 0}, {"duration", NULL, duration});
    free(text);
}

void run_leave(run *r) {
    run_unwake(r);
    untie(r);
    unregister_run(r);
    release_dependents(r, true);
    run_free(r);
}

void run_end(run *r) {
    baton_engine *engine = r->engine;
    execution_status status = r->result->status;
    *(status == EXECUTION_COMPLETED ? &engine->completed
      : status == EXECUTION_FAULTED ? &engine->faulted
                                    : &engine->cancelled) += 1;
    if (status == EXECUTION_COMPLETED)
        baton_scheduler_learn(engine->scheduler, r->workflow->name, baton_result_duration_ms(r->result));
    log_end(r);
    run_unwake(r);
    untie(r);
    unregister_run(r);
    release_dependents(r, false);
    if (r->done) r->done(r->done_data, r->result);
    run_free(r);
}
