/* The engine: what it is made of, and what can be asked of it (seed: SequentialExecutionEngine).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "base/bug.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "machine/context.h"
#include "machine/strategy.h"

#include <stdlib.h>
#include <string.h>

/* ---- Making and freeing ---- */

static void fill_in_defaults(baton_engine_options *o) {
    if (!o->max_queue_size) o->max_queue_size = 50;
    if (!o->execution_timeout_ms) o->execution_timeout_ms = 300000;
    if (!o->retry_attempts) o->retry_attempts = 2;
    if (o->retry_attempts < 0) o->retry_attempts = 0;
    if (!o->retry_delay_ms) o->retry_delay_ms = 100;
    if (o->retry_delay_ms < 0) o->retry_delay_ms = 0;
    if (!o->max_concurrent) o->max_concurrent = 64;
    if (!o->aging_ms) o->aging_ms = 10000;
}

static int set_up(baton_engine *engine, const char *kind, baton_error **err) {
    const baton_engine_options *o = &engine->options;
    engine->queue =
        baton_queue_new(&(baton_queue_options){.max_size = o->max_queue_size, .aging_ms = o->aging_ms});
    engine->scheduler = baton_scheduler_new();
    engine->inbox = inbox_new();
    if (!engine->queue || !engine->scheduler || !engine->inbox) return error_memory(err);
    engine->store =
        store_open(o->store, &(store_options){.sync_normal = o->sync_normal, .kind = kind}, err);
    if (!engine->store) return -1;
    if (engine->store->type->durable && !(engine->journal = journal_new(engine))) return error_memory(err);
    if (baton_engine_register_strategy(engine, "basic", &strategy_basic, err) != 0) return -1;
    return baton_engine_register_strategy(engine, "simple", &strategy_simple, err);
}

baton_engine *baton_engine_new(const baton_engine_options *options, baton_error **err) {
    return engine_new(options, options && options->attended ? "run" : "program", err);
}

baton_engine *engine_new(const baton_engine_options *options, const char *kind, baton_error **err) {
    baton_engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        error_memory(err);
        return NULL;
    }
    if (options) engine->options = *options;
    fill_in_defaults(&engine->options);
    gate_init(&engine->gate);
    if (engine->options.registry) registry_ref(engine->options.registry);
    engine->clock_offset_ns = clock_wall_ns() - clock_monotonic_ns();
    engine_read_clock(engine);
    engine->jitter = entropy_next(&engine->entropy);
    int made = engine->options.max_queue_size > LIMIT_QUEUE_SIZE
                   ? baton_error_set(err, BATON_ERROR_LIMIT, "max_queue_size is above %d", LIMIT_QUEUE_SIZE)
                   : set_up(engine, kind, err);
    if (made == 0) return engine;
    baton_engine_free(engine);
    return NULL;
}

void baton_engine_free(baton_engine *engine) {
    if (!engine) return;
    journal_free(engine->journal);
    for (run *r; (r = engine->runs);) {
        engine->runs = r->next;
        run_free(r);
    }
    if (engine->inbox) {
        pthread_mutex_lock(&engine->inbox->lock);
        engine->inbox->closed = true;
        pthread_mutex_unlock(&engine->inbox->lock);
    }
    engine_loop_done(engine);
    inbox_unref(engine->inbox);
    while (engine->strategies) {
        strategy_entry *entry = engine->strategies;
        engine->strategies = entry->next;
        free(entry);
    }
    if (engine->store) engine->store->type->close(engine->store);
    engine_forget_workflows(engine);
    buffer_done(&engine->looked_at);
    baton_queue_free(engine->queue);
    baton_scheduler_free(engine->scheduler);
    baton_registry_free(engine->options.registry);
    baton_error_free(engine->broken);
    free(engine->spare);
    heap_done(&engine->timers);
    output_done(&engine->out);
    free(engine);
}

static strategy_entry *find_strategy(const baton_engine *engine, const char *key) {
    strategy_entry *entry = engine->strategies;
    while (entry && strcmp(entry->key, key) != 0) entry = entry->next;
    return entry;
}

int baton_engine_register_strategy(baton_engine *engine, const char *key, const baton_strategy *strategy,
                                   baton_error **err) {
    if (!key || !*key || !strategy->name)
        return baton_error_set(err, BATON_ERROR_USAGE, "a strategy needs a key and a name");
    size_t key_size = strlen(key) + 1, name_size = strlen(strategy->name) + 1;
    strategy_entry *entry = malloc(sizeof *entry + key_size + name_size);
    if (!entry) return error_memory(err);
    entry->strategy = *strategy;
    entry->strategy.name = memcpy(entry->key + key_size, strategy->name, name_size);
    memcpy(entry->key, key, key_size);
    /* At the end, for the list begins with `basic`, which is what an unknown name means; or before the one
     * of that key, which lives on for the executions that have it. */
    strategy_entry **at = &engine->strategies;
    while (*at && strcmp((*at)->key, key) != 0) at = &(*at)->next;
    entry->next = *at;
    *at = entry;
    return 0;
}

unsigned engine_make_id(baton_engine *engine, char text[ID_TEXT]) {
    int64_t now_ms = engine->now_ns / 1000000;
    uint64_t random = entropy_next(&engine->entropy);
    if (now_ms == engine->last_id_ms)
        return id_format_like(text, engine->last_id, engine->last_id_length, random);
    engine->last_id_ms = now_ms;
    engine->last_id_length = id_format(engine->last_id, now_ms, random);
    memcpy(text, engine->last_id, ID_TEXT);
    return engine->last_id_length;
}

/* Seed: determineExecutionStrategy. */
const baton_strategy *engine_strategy(baton_engine *engine, const char *key) {
    strategy_entry *entry = key ? find_strategy(engine, key) : NULL;
    if (key && !entry)
        LOG(engine, BATON_LOG_WARN, "unknown strategy, basic is taken", {"strategy", key, 0});
    return entry ? &entry->strategy : &engine->strategies->strategy;
}

const baton_strategy *engine_known_strategy(const baton_engine *engine, const char *key) {
    const strategy_entry *entry = find_strategy(engine, key);
    return entry ? &entry->strategy : NULL;
}

const char **engine_strategy_keys(const baton_engine *engine, size_t *count) {
    size_t n = 0;
    for (const strategy_entry *e = engine->strategies; e; e = e->next) n++;
    const char **keys = malloc((n + 1) * sizeof *keys);
    *count = 0;
    for (const strategy_entry *e = engine->strategies; keys && e; e = e->next) keys[(*count)++] = e->key;
    return keys;
}

const char *engine_strategy_key(const baton_engine *engine, const baton_strategy *strategy) {
    const strategy_entry *entry = engine->strategies;
    while (&entry->strategy != strategy) entry = entry->next;
    return entry->key;
}

void engine_observe(baton_engine *engine, engine_observer observer, engine_output output, void *data) {
    engine->observer = observer;
    engine->output = output;
    engine->observer_data = data;
}

void engine_log(baton_engine *engine, baton_log_level level, const char *message,
                const baton_log_field *fields, size_t count) {
    engine->options.log(engine->options.log_data, level, message, fields, count);
}

int64_t engine_read_clock(baton_engine *engine) {
    return engine->now_ns = clock_monotonic_ns() + engine->clock_offset_ns;
}

void engine_break(baton_engine *engine, baton_error *error) {
    if (engine->broken) {
        baton_error_free(error);
        return;
    }
    engine->broken = error;
    char *text = baton_error_text(error);
    LOG(engine, BATON_LOG_ERROR, "the store failed; no more work is taken", {"error", text ? text : "", 0});
    free(text);
}

int engine_is_broken(const baton_engine *engine, baton_error **err) {
    if (!engine->broken) return 0;
    return baton_error_set(err, BATON_ERROR_STORE, "the store failed: %s",
                           baton_error_message(engine->broken));
}

void engine_out_of_memory(baton_engine *engine) {
    engine_break(engine, baton_error_new(BATON_ERROR_MEMORY, "out of memory"));
}

/* ---- Asking ---- */

run *engine_find(const baton_engine *engine, const char *id) {
    baton_scheduled scheduled;
    return baton_scheduler_get(engine->scheduler, id, &scheduled) ? scheduled.data : NULL;
}

static const char *status_of(const run *r) {
    switch (r->place) {
    case RUN_NEW:
    case RUN_BLOCKED:
    case RUN_QUEUED: return "pending";
    case RUN_HELD: return "suspended";
    case RUN_PARKED: return "waiting";
    case RUN_ACTIVE: break;
    }
    return "active";
}

/* One that is in the store alone; the texts are kept until the next time. */
static baton_status look_in_store(baton_engine *engine, const char *id) {
    store_execution x;
    if (!engine->journal || engine->broken || engine->store->type->find(engine->store, id, &x, NULL) != 0)
        return (baton_status){.status = "not_found"};
    buffer *b = &engine->looked_at;
    const char *texts[] = {x.id, x.name, x.strategy};
    size_t at[3];
    buffer_clear(b);
    for (int i = 0; i < 3; i++) {
        at[i] = b->size;
        buffer_append(b, texts[i], strlen(texts[i]) + 1);
    }
    if (buffer_failed(b)) return (baton_status){.status = "not_found"};
    const baton_strategy *strategy = engine_known_strategy(engine, b->data + at[2]);
    int64_t until_ns = x.ended_ns ? x.ended_ns : engine_read_clock(engine);
    return (baton_status){
        .status = x.interrupted                   ? "interrupted"
                  : x.status == EXECUTION_RUNNING ? "active"
                                                  : execution_status_name(x.status),
        .execution_id = b->data + at[0],
        .workflow_name = b->data + at[1],
        .strategy = strategy ? strategy->name : b->data + at[2],
        .start_time_ms = x.started_ns / 1000000,
        .duration_ms = x.started_ns ? (until_ns - x.started_ns) / 1000000 : 0,
    };
}

static baton_status look(baton_engine *engine, const char *id) {
    const run *r = engine_find(engine, id);
    if (!r) return look_in_store(engine, id);
    int64_t now_ns = engine_read_clock(engine), started_ns = r->started_ns;
    return (baton_status){
        .status = status_of(r),
        .execution_id = r->id,
        .workflow_name = r->workflow->name,
        .strategy = r->strategy->name,
        .start_time_ms = started_ns / 1000000,
        .duration_ms = started_ns ? (now_ns - started_ns) / 1000000 : 0,
    };
}

baton_status baton_engine_status(baton_engine *engine, const char *id) {
    bool entered = gate_enter(&engine->gate);
    baton_status status = look(engine, id);
    if (entered) gate_leave(&engine->gate, engine->inbox);
    return status;
}

baton_metrics baton_engine_metrics(const baton_engine *engine) {
    inbox_gate *gate = (inbox_gate *)&engine->gate;
    bool entered = gate_enter(gate);
    const baton_metrics metrics = {
        .active_executions = engine->active,
        .max_queue_size = engine->options.max_queue_size,
        .queue_length = baton_queue_length(engine->queue),
        .waiting_executions = engine->waiting,
        .completed = engine->completed,
        .faulted = engine->faulted,
        .cancelled = engine->cancelled,
    };
    if (entered) gate_leave(gate, engine->inbox);
    return metrics;
}

const baton_queue *baton_engine_queue(const baton_engine *engine) { return engine->queue; }

const baton_scheduler *baton_engine_scheduler(const baton_engine *engine) { return engine->scheduler; }

/* ---- The execution, seen from a step ---- */

static const run *run_of(const baton_execution *execution) { return execution->owner; }

const char *baton_execution_id(const baton_execution *execution) { return execution->id; }

const baton_workflow *baton_execution_workflow(const baton_execution *execution) {
    return execution->workflow;
}

baton_context *baton_execution_context(const baton_execution *execution) {
    return run_of(execution)->context;
}

const char *baton_execution_strategy(const baton_execution *execution) { return execution->strategy->name; }

int64_t baton_execution_started_at(const baton_execution *execution) {
    return execution->started_ns / 1000000;
}

int baton_execution_priority(const baton_execution *execution) { return run_of(execution)->priority; }

/* ---- Running ---- */

void engine_leave(baton_engine *engine) {
    if (engine->journal) journal_answer_all(engine->journal);
    gate_leave(&engine->gate, engine->inbox);
}

int baton_engine_run(baton_engine *engine, baton_error **err) {
    if (!gate_enter(&engine->gate))
        return baton_error_set(err, BATON_ERROR_USAGE, "the engine is running already, on this thread");
    engine_read_clock(engine);
    do engine_pump(engine);
    while (!engine->broken && !engine->abandoned && engine_wait(engine, INT64_MAX));
    int result = engine_is_broken(engine, err);
    engine_leave(engine);
    return result;
}

/* What baton_engine_execute waits for, and whom it tells in its turn. */
typedef struct waiter {
    baton_result *result;
    baton_done_function done;
    void *done_data;
} waiter;

static void remember(void *data, const baton_result *result) {
    waiter *w = data;
    w->result = result_ref((baton_result *)result);
    if (w->done) w->done(w->done_data, result);
}

/* The id names an execution that exists: its result is waited for. */
static void join(baton_engine *engine, const char *id, waiter *w) {
    run *r = engine_find(engine, id);
    if (!r || r->done == remember) return;
    w->done = r->done;
    w->done_data = r->done_data;
    r->done = remember;
    r->done_data = w;
}

/* Nothing will happen to it any more as long as the engine is left alone: suspended, or waiting for
 * somebody. Tells how it stands. */
static void give_up_waiting(baton_engine *engine, const char *id, waiter *w) {
    run *r = engine_find(engine, id);
    if (!r) return;
    r->done = w->done;
    r->done_data = w->done_data;
    if (!r->result) return;
    if (r->x) result_conclude(r->result, r->x, engine->now_ns);
    w->result = result_ref(r->result);
}

static bool is_held(const baton_engine *engine, const char *id) {
    const run *r = engine_find(engine, id);
    return !r || (r->place == RUN_HELD && !(r->journal && r->journal->pending));
}

/* Until the execution has ended, or only somebody else can move it on. */
static int await_end(baton_engine *engine, const char *id, waiter *w, baton_result **result,
                     baton_error **err) {
    const run *r = engine_find(engine, id);
    uint64_t content = r ? r->content : 0;
    engine_pump_until(engine, &w->result);
    while (!w->result && !engine->broken && !engine->abandoned && !is_held(engine, id) &&
           engine_wait(engine, INT64_MAX))
        engine_pump_until(engine, &w->result);
    if (engine->abandoned && !w->result)
        return baton_error_set(err, BATON_ERROR_SUSPENDED, "execution %s was interrupted", id);
    if (!w->result && !engine->broken) give_up_waiting(engine, id, w);
    if (!w->result && engine->journal && !engine->broken && !engine_find(engine, id)) {
        /* It is another engine's, which was faster; whether it is the same is the question. */
        if (content && engine_same_content(engine, id, content, err) != 0) return -1;
        int done = engine_stored_result(engine, id, result, err);
        if (done != 0 || (*result)->status != EXECUTION_RUNNING) return done;
        baton_result_free(*result);
        *result = NULL;
        return baton_error_set(err, BATON_ERROR_CONFLICT, "execution '%s' is run by another process", id);
    }
    if (engine->broken && !w->result) return engine_is_broken(engine, err);
    if (!w->result) return baton_error_set(err, BATON_ERROR_SUSPENDED, "execution %s has not begun", id);
    *result = w->result;
    return 0;
}

static int execute(baton_engine *engine, const baton_submission *what, struct rerun *rerun,
                   baton_result **result, baton_error **err) {
    if (!gate_enter(&engine->gate)) {
        rerun_free(rerun);
        return baton_error_set(err, BATON_ERROR_USAGE,
                               "baton_engine_execute was called from inside an execution; submit instead");
    }
    engine_read_clock(engine);
    waiter w = {0};
    char id[LIMIT_ID_BYTES + 1];
    baton_submission one = *what;
    one.done = remember;
    one.done_data = &w;
    int done = engine_admit(
        engine, &(admission){.submissions = &one, .count = 1, .id = id, .rerun = rerun ? &rerun : NULL},
        err);
    rerun_free(rerun);
    if (done == 0) {
        if (one.options && one.options->id) join(engine, id, &w);
        done = await_end(engine, id, &w, result, err);
    }
    engine_leave(engine);
    return done;
}

int baton_engine_execute(baton_engine *engine, baton_workflow *workflow, baton_context *context,
                         const baton_execution_options *options, baton_result **result, baton_error **err) {
    return execute(engine, &(baton_submission){workflow, context, options, NULL, NULL}, NULL, result, err);
}

int engine_execute_rerun(baton_engine *engine, baton_workflow *workflow,
                         const baton_execution_options *options, struct rerun *rerun, baton_result **result,
                         baton_error **err) {
    return execute(engine, &(baton_submission){workflow, NULL, options, NULL, NULL}, rerun, result, err);
}

int engine_finish(baton_engine *engine, const store_claim *claim, take_purpose purpose,
                  baton_result **result, baton_error **err) {
    gate_enter(&engine->gate);
    engine_read_clock(engine);
    waiter w = {0};
    int done = engine_take_up(engine, claim, purpose, NULL, err);
    if (done == 0) {
        join(engine, claim->id, &w);
        done = await_end(engine, claim->id, &w, result, err);
    }
    engine_leave(engine);
    return done;
}

/* ---- Steering ---- */

typedef int (*steering)(baton_engine *engine, void *data, baton_error **err);

/* The run to be steered; NULL with an error when there is none, or nothing may move any more. */
static run *steered(baton_engine *engine, const char *id, baton_error **err) {
    engine_read_clock(engine);
    run *r = engine_find(engine, id);
    if (r && r->journal && r->journal->releasing) { /* it is leaving */
        journal_sync(engine->journal, NULL);
        if (!engine->calling) journal_collect(engine->journal);
        r = engine->calling ? NULL : engine_find(engine, id);
    }
    if (!r) {
        baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no execution '%s'", id);
    } else if (engine->broken) {
        engine_is_broken(engine, err);
        return NULL;
    }
    return r;
}

/* What was asked for while nobody runs the engine is done when the call returns, as far as it leads. */
static int done_here(baton_engine *engine, baton_error **err) {
    if (engine->journal && atomic_load(&engine->gate.state) == GATE_BRIEF)
        while (!engine->broken && journal_is_busy(engine->journal)) {
            if (journal_sync(engine->journal, err) != 0) return -1;
            journal_collect(engine->journal);
        }
    return engine_is_broken(engine, err);
}

static int cancel_here(baton_engine *engine, void *data, baton_error **err) {
    run *r = steered(engine, data, err);
    if (!r) return -1;
    run_cancel(r);
    return done_here(engine, err);
}

static int suspend_here(baton_engine *engine, void *data, baton_error **err) {
    run *r = steered(engine, data, err);
    if (!r) return -1;
    run_suspend(r);
    return done_here(engine, err);
}

static int resume_here(baton_engine *engine, void *data, baton_error **err) {
    run *r = steered(engine, data, err);
    if (!r || run_resume(r, err) != 0) return -1;
    return done_here(engine, err);
}

typedef struct delivery {
    const char *id, *reference;
    baton_value value;
} delivery;

static int deliver_here(baton_engine *engine, void *data, baton_error **err) {
    delivery *d = data;
    run *r = steered(engine, d->id, err);
    const step *s = r ? workflow_find_step(r->workflow, d->reference) : NULL;
    if (!s) {
        baton_value_unref(d->value);
        if (!r) return -1;
        return baton_error_set(err, BATON_ERROR_NOT_FOUND, "execution '%s' has no step '%s'", d->id,
                               d->reference);
    }
    if (run_deliver(r, s, d->value, err) != 0) return -1;
    if (engine->journal && journal_sync(engine->journal, err) != 0) return -1;
    return done_here(engine, err);
}

/* From another thread: a message, so that the caller never waits. */
static int steer(baton_engine *engine, const char *id, message_kind kind, steering here,
                 baton_error **err) {
    if (!gate_is_foreign(&engine->gate))
        return gate_run(&engine->gate, engine->inbox, engine, here, (void *)id, err);
    message *m = message_new(kind, id, NULL, 0);
    if (!m) return error_memory(err);
    inbox_post(engine->inbox, m);
    return 0;
}

void engine_abandon(baton_engine *engine) {
    atomic_store(&engine->abandoned, true);
    inbox_wake(engine->inbox);
}

void engine_stop(baton_engine *engine, const char *id, stop_kind kind) {
    message *m = message_new(kind == STOP_CANCEL ? MESSAGE_CANCEL : MESSAGE_SUSPEND, id, NULL, 0);
    if (m) inbox_post(engine->inbox, m);
}

int baton_engine_cancel(baton_engine *engine, const char *id, baton_error **err) {
    return steer(engine, id, MESSAGE_CANCEL, cancel_here, err);
}

int baton_engine_suspend(baton_engine *engine, const char *id, baton_error **err) {
    return steer(engine, id, MESSAGE_SUSPEND, suspend_here, err);
}

int baton_engine_resume(baton_engine *engine, const char *id, baton_error **err) {
    return gate_run(&engine->gate, engine->inbox, engine, resume_here, (void *)id, err);
}

int baton_engine_deliver(baton_engine *engine, const char *id, const char *reference, baton_value value,
                         baton_error **err) {
    delivery d = {id, reference, value};
    return gate_run(&engine->gate, engine->inbox, engine, deliver_here, &d, err);
}
