/* From the store into the engine: executions that nobody owns, that their owner left by dying, or that
 * somebody asks something of.
 *
 * Taking up is the store's compare-and-swap; whoever wins it makes a run here. What has not begun goes to
 * the queue, what has goes on where its cursor says, as soon as it has a slot.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "engine/engine.h"
#include "engine/leftover.h"
#include "machine/fault.h"
#include "machine/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* An execution that went on so often after a crash, without a step that ended, is suspended. */
enum { TAKE_UPS_WITHOUT_PROGRESS = 3 };

/* ---- Workflows ---- */

typedef struct known_workflow {
    struct known_workflow *next;
    int64_t number;           /* in the store; 0: not seen there yet */
    baton_workflow *workflow; /* NULL: this engine cannot run it */
} known_workflow;

static int know(baton_engine *engine, int64_t number, baton_workflow *workflow, baton_error **err) {
    known_workflow *k = malloc(sizeof *k);
    if (!k) return error_memory(err);
    *k = (known_workflow){engine->known, number, workflow};
    engine->known = k;
    return 0;
}

int baton_engine_provide(baton_engine *engine, baton_workflow *workflow, baton_error **err) {
    for (const known_workflow *k = engine->known; k; k = k->next)
        if (k->workflow == workflow) return 0;
    if (know(engine, 0, workflow, err) != 0) return -1;
    workflow_ref(workflow);
    return 0;
}

void engine_forget_workflows(baton_engine *engine) {
    while (engine->known) {
        known_workflow *k = engine->known;
        engine->known = k->next;
        workflow_unref(k->workflow);
        free(k);
    }
}

/* The workflow with that number in the store: borrowed; NULL when this engine cannot run it. */
static baton_workflow *workflow_of(baton_engine *engine, int64_t number, baton_error **err) {
    for (known_workflow *k = engine->known; k; k = k->next)
        if (k->number == number && k->workflow) return k->workflow;
    store_workflow stored;
    if (engine->store->type->read_workflow(engine->store, number, &stored, err) != 0) return NULL;
    for (known_workflow *k = engine->known; k && stored.built; k = k->next)
        if (k->workflow && k->workflow->built && k->workflow->digest == stored.digest) return k->workflow;
    if (stored.built) {
        baton_error_set(err, BATON_ERROR_NOT_FOUND,
                        "workflow '%s' %s is built in C, and this program does not have it", stored.name,
                        stored.version);
        return NULL;
    }
    baton_workflow *w = baton_workflow_parse(stored.text.bytes, stored.text.size, stored.file,
                                             engine->options.registry, err);
    if (!w) return NULL;
    if (baton_workflow_executable(w, err) == 0 && know(engine, number, w, err) == 0) return w;
    baton_workflow_free(w);
    return NULL;
}

int engine_workflow_of(baton_engine *engine, const char *id, baton_workflow **workflow, baton_error **err) {
    store_execution x;
    if (engine->store->type->find(engine->store, id, &x, err) != 0) return -1;
    *workflow = workflow_of(engine, x.workflow, err);
    return *workflow ? 0 : -1;
}

/* ---- One execution ---- */

static uint64_t content_of(const store_execution *x) {
    baton_value settings = value_parse_stored(x->settings.bytes, x->settings.size, NULL);
    const char *text = value_get_text(settings, "content");
    uint64_t content = text ? strtoull(text, NULL, 16) : 0;
    value_unref(settings);
    return content;
}

int engine_same_content(baton_engine *engine, const char *id, uint64_t content, baton_error **err) {
    store_execution x;
    if (engine->store->type->find(engine->store, id, &x, err) != 0) return -1;
    if (content_of(&x) == content) return 0;
    return baton_error_set(err, BATON_ERROR_CONFLICT, "execution '%s' exists with other content", id);
}

/* Takes over what was written by write_settings of admit.c. */
static int read_settings(run *r, baton_value settings, baton_error **err) {
    const char *content = value_get_text(settings, "content"),
               *directory = value_get_text(settings, "directory");
    r->content = content ? strtoull(content, NULL, 16) : 0;
    baton_value number = baton_value_get(settings, "timeoutMs"), entries;
    r->timeout_ms = (int64_t)baton_value_as_number(number);
    r->continue_on_failure = baton_value_has(settings, "continueOnFailure");
    free(r->directory);
    r->directory = directory ? strdup(directory) : NULL;
    int result = directory && !r->directory ? error_memory(err) : 0;
    entries = baton_value_get(settings, "context");
    if (result == 0 && value_is_valid(entries) && !r->context) result = run_set_context(r, entries, err);
    value_unref(entries);
    return result;
}

/* Into the scheduler, with what it depends on. */
static int register_stored(run *r, baton_value settings, baton_error **err) {
    const char *ids[LIMIT_DEPENDENCIES];
    baton_value list = baton_value_get(settings, "dependencies");
    size_t count = baton_value_size(list);
    if (count > LIMIT_DEPENDENCIES) count = LIMIT_DEPENDENCIES;
    for (size_t i = 0; i < count; i++) {
        baton_value id = baton_value_at(list, i);
        ids[i] = baton_value_as_text(id); /* lives on in the list */
        value_unref(id);
    }
    const baton_schedule_request request = {.id = r->id,
                                            .workflow = r->workflow->name,
                                            .step_count = r->workflow->body.count,
                                            .dependencies = ids,
                                            .dependency_count = count,
                                            .now_ms = r->engine->now_ns / 1000000,
                                            .data = r};
    int result = run_register(r, &request, err);
    value_unref(list);
    return result;
}

static run *run_of_stored(baton_engine *engine, const store_execution *x, baton_workflow *workflow) {
    size_t size = strlen(x->id) + 1;
    run *r = calloc(1, sizeof *r + size);
    if (!r) return NULL;
    memcpy(r->id, x->id, size);
    r->engine = engine;
    r->workflow = workflow_ref(workflow);
    r->first_number = x->number;
    r->started_ns = x->started_ns;
    if (!run_keep(r)) {
        run_free(r);
        return NULL;
    }
    r->journal->row = x->row;
    return r;
}

/* Of one that has not begun: how those stand that it depends on. */
static int tie_again(run *r, baton_error **err) {
    baton_scheduled scheduled;
    if (!r->has_dependencies || !baton_scheduler_get(r->engine->scheduler, r->id, &scheduled)) return 0;
    if (run_tie(r, scheduled.dependencies, scheduled.dependency_count, err) != 0) return -1;
    r->engine->outside += r->ties_outside;
    return 0;
}

static const char *const no_progress = "taken up three times without progress";

/* What the first event of a run will be that has begun already. */
static event_kind first_event(const store_execution *x, take_purpose purpose) {
    if (purpose == TAKE_TO_CANCEL) return EVENT_CANCEL;
    bool stuck = x->taken_up >= TAKE_UPS_WITHOUT_PROGRESS && x->status != EXECUTION_SUSPENDED;
    if (purpose == TAKE_TO_SUSPEND || stuck) return EVENT_SUSPEND;
    return EVENT_RECOVER;
}

/* It has not begun yet, or nothing of what it did was kept. */
static bool is_to_begin(const run *r, const store_execution *x) {
    return !x->started_ns || !r->strategy->journal_steps;
}

/* What came for it before its begin. */
static int read_deliveries(run *r, const store_execution *x, baton_error **err) {
    if (!is_to_begin(r, x) || !x->cursor.bytes) return 0;
    baton_value cursor = value_parse_stored(x->cursor.bytes, x->cursor.size, err);
    int result = value_is_valid(cursor) ? journal_restore(r, cursor, err) : -1;
    value_unref(cursor);
    return result;
}

/* Puts it where it goes on. */
static void place_adopted(run *r, const store_execution *x, take_purpose purpose, bool named) {
    r->recover_as = first_event(x, purpose);
    if (r->recover_as == EVENT_SUSPEND && purpose == TAKE_TO_RUN) r->journal->reason = no_progress;
    r->journal->forgiven = x->status == EXECUTION_SUSPENDED;
    r->journal->crashed = x->recovered;
    r->journal->goes_on = purpose == TAKE_TO_RUN && named;
    r->place = RUN_BLOCKED;
    r->engine->waiting++;
    if (is_to_begin(r, x)) {
        r->started_ns = 0;
        if (r->recover_as == EVENT_CANCEL)
            run_cancel(r);
        else if (r->recover_as == EVENT_SUSPEND)
            run_suspend(r);
        else if (r->refusal || (!r->unmet && !run_enqueue_blocked(r)))
            run_wake(r);
        return;
    }
    r->place = RUN_PARKED;
    r->to_recover = true;
    run_wake(r);
}

/* Nobody here can run it: it is put back as it was, for others; of its workflow no more is taken up. */
static int put_back(baton_engine *engine, const store_execution *x, baton_error *why) {
    char *text = baton_error_text(why);
    LOG(engine, BATON_LOG_WARN, "execution cannot be taken up", {"executionId", x->id, 0},
        {"error", text ? text : "", 0});
    if (know(engine, x->workflow, NULL, NULL) != 0) engine_out_of_memory(engine);
    store_row row = x->row;
    bool waits = x->status == EXECUTION_PENDING || x->status == EXECUTION_WAITING;
    store_change change = {.row = &row,
                           .moved = true,
                           .status = x->status,
                           .number = x->number,
                           .started_ns = x->started_ns,
                           .wake_ns = waits && x->wake_ns == INT64_MAX ? engine->now_ns : x->wake_ns,
                           .reason = x->reason,
                           .release = true};
    baton_error *err = NULL;
    if (engine->store->type->commit(engine->store, &change, 1, &err) != 0) engine_break(engine, err);
    free(text);
    return engine->broken ? -1 : 0;
}

typedef struct taking {
    baton_engine *engine;
    take_purpose purpose;
    size_t count;
    bool one;
} taking;

/* One that this engine has given back may be taken up before that is known here to be committed. */
static bool is_here(baton_engine *engine, const char *id) {
    const run *r = engine_find(engine, id);
    if (r && r->journal->releasing && !engine->calling && journal_sync(engine->journal, NULL) == 0) {
        journal_collect(engine->journal);
        r = engine_find(engine, id);
    }
    return r;
}

static int adopt(const taking *t, const store_execution *x, baton_error **err) {
    baton_engine *engine = t->engine;
    if (is_here(engine, x->id))
        return baton_error_set(err, BATON_ERROR_CONFLICT, "execution '%s' is under way here", x->id);
    baton_workflow *workflow = workflow_of(engine, x->workflow, err);
    if (!workflow) return -1;
    const baton_strategy *strategy = engine_known_strategy(engine, x->strategy);
    if (!strategy)
        return baton_error_set(err, BATON_ERROR_NOT_FOUND, "this program has no strategy '%s'",
                               x->strategy);
    run *r = run_of_stored(engine, x, workflow);
    if (!r) return error_memory(err);
    r->strategy = strategy;
    r->input = journal_take_over(r, x->input, err);
    baton_value settings = value_parse_stored(x->settings.bytes, x->settings.size, err);
    bool good = value_is_valid(r->input) && value_is_valid(settings) &&
                read_settings(r, settings, err) == 0 && read_deliveries(r, x, err) == 0 &&
                register_stored(r, settings, err) == 0;
    value_unref(settings);
    if (!good) {
        run_free(r);
        return -1;
    }
    r->priority = x->priority;
    r->scheduled_at_ms = x->created_ns / 1000000;
    if (!x->started_ns && tie_again(r, err) != 0) {
        run_leave(r);
        return -1;
    }
    bool cancelled = x->request && strcmp(x->request, "cancel") == 0;
    place_adopted(r, x, cancelled ? TAKE_TO_CANCEL : t->purpose, t->one);
    return 0;
}

/* The store or the memory failed: that says nothing about the execution. */
static bool is_failure(const baton_error *error) {
    baton_error_code code = baton_error_get_code(error);
    return code == BATON_ERROR_STORE || code == BATON_ERROR_MEMORY;
}

/* error: taken. Returns -1. */
static int tell_why(baton_engine *engine, baton_error *error, baton_error **err) {
    if (is_failure(error)) {
        engine_break(engine, error);
        return engine_is_broken(engine, err);
    }
    if (err)
        *err = error;
    else
        baton_error_free(error);
    return -1;
}

static int take_one(void *data, const store_execution *x, baton_error **err) {
    taking *t = data;
    baton_error *why = NULL;
    if (adopt(t, x, &why) == 0) {
        t->count++;
        return 0;
    }
    if (!is_failure(why) && put_back(t->engine, x, why) != 0) {
        baton_error_free(why);
        return engine_is_broken(t->engine, err);
    }
    if (t->one || is_failure(why)) return tell_why(t->engine, why, err);
    baton_error_free(why);
    return 0;
}

static void forget_what_suits(store_claim *claim) {
    free((void *)claim->digests);
    free((void *)claim->unfit);
    free((void *)claim->strategies);
}

/* What this engine can run, and what it cannot. */
static int say_what_suits(baton_engine *engine, store_claim *claim, baton_error **err) {
    size_t count = 1;
    for (const known_workflow *k = engine->known; k; k = k->next) count++;
    uint64_t *digests = malloc(count * sizeof *digests);
    int64_t *unfit = malloc(count * sizeof *unfit);
    claim->built = true;
    claim->digests = digests;
    claim->unfit = unfit;
    claim->strategies = engine_strategy_keys(engine, &claim->strategy_count);
    if (!digests || !unfit || !claim->strategies) {
        forget_what_suits(claim);
        return error_memory(err);
    }
    for (const known_workflow *k = engine->known; k; k = k->next) {
        if (!k->workflow)
            unfit[claim->unfit_count++] = k->number;
        else if (k->workflow->built)
            digests[claim->digest_count++] = k->workflow->digest;
    }
    return 0;
}

int engine_take_up(baton_engine *engine, const store_claim *claim, take_purpose purpose, size_t *taken,
                   baton_error **err) {
    if (engine_is_broken(engine, err) != 0) return -1;
    store_claim whole = *claim;
    whole.now_ns = engine->now_ns;
    if (say_what_suits(engine, &whole, err) != 0) return -1;
    taking t = {.engine = engine, .purpose = purpose, .one = claim->id};
    baton_error *why = NULL;
    int result = engine->store->type->take_up(engine->store, &whole, take_one, &t, &why);
    forget_what_suits(&whole);
    if (result != 0) return tell_why(engine, why, err);
    if (taken) *taken = t.count;
    return 0;
}

typedef struct recovery {
    const char *id;
    size_t count;
} recovery;

static int recover_here(baton_engine *engine, void *data, baton_error **err) {
    recovery *what = data;
    engine_read_clock(engine);
    if (!engine->journal)
        return what->id
                   ? baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no execution '%s'", what->id)
                   : 0;
    const store_claim claim = {.id = what->id, .interrupted = true, .attended_too = true};
    return engine_take_up(engine, &claim, TAKE_TO_RUN, &what->count, err);
}

int baton_engine_recover(baton_engine *engine, const char *id, size_t *count, baton_error **err) {
    recovery what = {.id = id};
    if (gate_run(&engine->gate, engine->inbox, engine, recover_here, &what, err) != 0) return -1;
    if (count) *count = what.count;
    return 0;
}

/* ---- Going on ---- */

/* Nothing that was begun with the keys of the effects under way may be left running. */
static int end_leftovers(run *r, baton_error **err) {
    size_t count = 0;
    char(*texts)[LIMIT_ID_BYTES + 16] = NULL;
    const char **keys = NULL;
    int result = 0;
    for (frame *f = r->x->root; f; f = frame_next(r->x->root, f)) count += f->phase == FRAME_EFFECT;
    if (!count) return 0;
    texts = malloc(count * sizeof *texts);
    keys = malloc(count * sizeof *keys);
    if (!texts || !keys) result = error_memory(err);
    count = 0;
    for (frame *f = r->x->root; result == 0 && f; f = frame_next(r->x->root, f)) {
        if (f->phase != FRAME_EFFECT) continue;
        snprintf(texts[count], sizeof *texts, "%s/%u", r->id, f->key);
        keys[count] = texts[count];
        count++;
    }
    if (result == 0) result = leftover_end(keys, count, err);
    free(texts);
    free(keys);
    return result;
}

void record_release(record *r) {
    value_unref(r->data);
    value_unref(r->raw_input);
    value_unref(r->input);
    value_unref(r->raw_output);
    value_unref(r->context);
}

/* The step's other values: see more_of in journal.c. */
static int read_more(baton_engine *engine, const store_row *row, store_bytes text, record *r,
                     baton_error **err) {
    const struct {
        const char *key;
        baton_value *value;
    } members[] = {{"rawInput", &r->raw_input},
                   {"input", &r->input},
                   {"rawOutput", &r->raw_output},
                   {"context", &r->context}};
    baton_value more = value_parse_stored(text.bytes, text.size, err);
    int result = value_is_valid(more) ? 0 : -1;
    for (size_t i = 0; result == 0 && i < sizeof members / sizeof *members; i++)
        result = kept_read_member(engine->store, row, more, members[i].key, members[i].value, err);
    value_unref(more);
    return result;
}

int engine_read_record(baton_engine *engine, const baton_workflow *workflow, const store_row *row,
                       const store_record *stored, record *r, baton_error **err) {
    *r = (record){.kind = stored->kind,
                  .number = stored->number,
                  .key = stored->key,
                  .attempt = stored->attempt,
                  .count = stored->count,
                  .step = stored->reference ? workflow_find_step(workflow, stored->reference) : NULL,
                  .time_ns = stored->time_ns,
                  .duration_ns = stored->duration_ns};
    int result = 0;
    if (stored->data.bytes || stored->data.number) {
        r->data = kept_read(engine->store, row, stored->data, err);
        if (!value_is_valid(r->data)) result = -1;
    }
    if (result == 0 && stored->more.bytes)
        result = read_more(engine, row, (store_bytes){stored->more.bytes, stored->more.size}, r, err);
    if (result != 0) record_release(r);
    return result;
}

/* The result as it was built before, from the journal. */
static int replay(void *data, const store_record *stored, int64_t seq, baton_error **err) {
    (void)seq;
    run *r = data;
    store_record wanted = *stored;
    wanted.more = (store_text){0};
    if (!r->result->keeps_values && stored->kind != RECORD_STEP_FAULTED) wanted.data = (store_text){0};
    record rec;
    if (engine_read_record(r->engine, r->workflow, &r->journal->row, &wanted, &rec, err) != 0) return -1;
    if (rec.step) result_apply(r->result, &rec);
    record_release(&rec);
    return 0;
}

bool run_recover(run *r) {
    baton_engine *engine = r->engine;
    baton_error *err = NULL;
    r->to_recover = false;
    int result = 0;
    bool paused = r->x->status == EXECUTION_SUSPENDED || (r->x->suspending && r->journal->goes_on);
    if (r->recover_as == EVENT_RECOVER && paused) r->recover_as = EVENT_RESUME;
    result = end_leftovers(r, &err);
    if (result == 0 && (r->done || r->workflow->built || engine->replays))
        result = engine->store->type->journal(engine->store, r->id, 0, replay, r, &err);
    if (result == 0 && engine->taken_up)
        engine->taken_up(engine->observer_data, r->workflow, r->id, &r->journal->row);
    if (result == 0) return true;
    engine_break(engine, err);
    return false;
}

/* ---- What others ask for ---- */

static int heed(void *data, const store_execution *x, baton_error **err) {
    (void)err;
    baton_engine *engine = data;
    run *r = engine_find(engine, x->id);
    if (!r || !x->request) return 0;
    if (strcmp(x->request, "cancel") == 0)
        run_cancel(r);
    else if (strcmp(x->request, "suspend") == 0)
        run_suspend(r);
    else if (strcmp(x->request, "resume") == 0)
        run_resume(r, NULL);
    return 0;
}

void engine_heed(baton_engine *engine) {
    baton_error *err = NULL;
    engine->asked_at_ns = engine_monotonic_ns(engine);
    if (!engine->store->type->has_changed(engine->store)) return;
    engine->store_changed = true;
    if (engine->store->type->asked(engine->store, heed, engine, &err) != 0) {
        engine_break(engine, err);
        return;
    }
    if (engine->outside) engine_look_at_dependencies(engine);
}

/* ---- Results of what is in the store alone ---- */

int engine_stored_result(baton_engine *engine, const char *id, baton_result **result, baton_error **err) {
    store_execution x;
    if (engine->store->type->find(engine->store, id, &x, err) != 0) return -1;
    baton_workflow *workflow = workflow_of(engine, x.workflow, err);
    if (!workflow || engine->store->type->find(engine->store, id, &x, err) != 0) return -1;
    const baton_strategy *strategy = engine_known_strategy(engine, x.strategy);
    run *r = run_of_stored(engine, &x, workflow);
    if (!r) return error_memory(err);
    r->strategy = strategy ? strategy : engine_strategy(engine, NULL);
    r->result = result_new(workflow, id, r->strategy);
    int done = r->result ? 0 : error_memory(err);
    if (done == 0) {
        r->result->status = x.status;
        r->result->started_ns = x.started_ns;
        r->result->duration_ns = x.started_ns && x.ended_ns ? x.ended_ns - x.started_ns : 0;
        r->result->output = kept_read(engine->store, &x.row, x.output, err);
        r->result->fault = kept_read(engine->store, &x.row, x.error, err);
        done = engine->store->type->journal(engine->store, id, 0, replay, r, err);
    }
    if (done == 0) *result = result_ref(r->result);
    run_free(r);
    return done;
}
