/* The loop: what is ready, then what comes. The libuv loop is made when it is first needed, so that an
 * engine of steps in C costs nothing for it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "engine/engine.h"
#include "engine/http.h"
#include "engine/process.h"
#include "machine/fault.h"

#include <stdlib.h>
#include <string.h>

/* The longest sleep: after it the wall clock is looked at again, which may have been set. */
enum { SLEEP_MOST_MS = 30000 };

/* How often it is looked at whether others ask something of what this engine owns. */
enum { HEED_MS = 200 };

/* How far the two clocks part before it counts as set. */
enum { CLOCK_SET_NS = 10000000 };

static void on_async(uv_async_t *handle) { (void)handle; }

/* Timers run before the loop polls: stopped, it then polls without waiting. */
static void on_timer(uv_timer_t *handle) { uv_stop(handle->loop); }

bool engine_loop_init(baton_engine *engine, baton_error **err) {
    if (engine->has_loop) return true;
    int failed = uv_loop_init(&engine->loop);
    if (failed) {
        baton_error_set(err, BATON_ERROR_SYSTEM, "no event loop: %s", uv_strerror(failed));
        return false;
    }
    uv_timer_init(&engine->loop, &engine->timer);
    failed = uv_async_init(&engine->loop, &engine->inbox->async, on_async);
    if (failed) {
        uv_close((uv_handle_t *)&engine->timer, NULL);
        uv_run(&engine->loop, UV_RUN_DEFAULT);
        uv_loop_close(&engine->loop);
        baton_error_set(err, BATON_ERROR_SYSTEM, "no event loop: %s", uv_strerror(failed));
        return false;
    }
    pthread_mutex_lock(&engine->inbox->lock);
    engine->inbox->can_wake = true;
    pthread_mutex_unlock(&engine->inbox->lock);
    engine->has_loop = true;
    return true;
}

void engine_loop_done(baton_engine *engine) {
    if (!engine->has_loop) return;
    process_runner_free(engine->processes);
    http_client_free(engine->http);
    pthread_mutex_lock(&engine->inbox->lock);
    engine->inbox->can_wake = false;
    pthread_mutex_unlock(&engine->inbox->lock);
    uv_close((uv_handle_t *)&engine->inbox->async, NULL);
    uv_close((uv_handle_t *)&engine->timer, NULL);
    uv_run(&engine->loop, UV_RUN_DEFAULT);
    uv_loop_close(&engine->loop);
    engine->has_loop = false;
}

/* ---- Messages ---- */

static void completed(run *r, message *m) {
    effect *e = effect_find(r, m->ticket);
    if (!e) return;
    event ev = {.kind = EVENT_SUCCEEDED,
                .now_ns = engine_read_clock(r->engine),
                .entropy = engine_jitter(r->engine),
                .ticket = m->ticket};
    baton_error *err = NULL;
    if (!m->failed) ev.value = value_parse(m->text, m->size, NULL, &err);
    if (m->failed || err) {
        char *text = err ? baton_error_text(err) : NULL;
        ev.kind = EVENT_FAILED;
        ev.value = fault_new("runtime", 500, "Step failed", text ? text : m->text);
        free(text);
        error_clear(&err);
    }
    ev.no_retry = e->no_retry;
    completion_abandon(e->u.completion);
    effect_free(e);
    run_turn(r, ev);
}

/* Runs may end, and be freed, while others are stopped: so each is marked first. */
static void stop_all(baton_engine *engine, message_kind kind) {
    if (engine->releases) engine->stopping = true;
    for (run *r = engine->runs; r; r = r->next) r->to_stop = true;
    for (run *r = engine->runs; r;) {
        run *next = r->next;
        size_t count = engine->run_count;
        if (r->to_stop) {
            r->to_stop = false;
            if (kind == MESSAGE_CANCEL)
                run_cancel(r);
            else
                run_suspend(r);
            if (engine->run_count != count) next = engine->runs; /* any of them may be gone */
        }
        r = next;
    }
}

static void receive(baton_engine *engine, message *m) {
    if (m->kind == MESSAGE_CALL) {
        baton_error *err = NULL;
        int result = m->call(engine, m->data, &err);
        if (result == CALL_ANSWERED_LATER)
            journal_answer(engine->journal, m);
        else
            inbox_answer(engine->inbox, m, result, err);
        return; /* its sender frees it */
    }
    run *r = engine_find(engine, m->id);
    if (!*m->id)
        stop_all(engine, m->kind);
    else if (r && m->kind == MESSAGE_CANCEL)
        run_cancel(r);
    else if (r && m->kind == MESSAGE_SUSPEND)
        run_suspend(r);
    else if (r && m->kind == MESSAGE_COMPLETION)
        completed(r, m);
    message_free(m);
}

static bool receive_all(baton_engine *engine) {
    if (!atomic_load(&engine->inbox->waiting)) return false;
    message *m = inbox_take(engine->inbox);
    while (m) {
        message *next = m->next;
        receive(engine, m);
        m = next;
    }
    return true;
}

/* ---- Work ---- */

static bool has_slot(const baton_engine *engine) { return engine->active < engine->options.max_concurrent; }

static void wake_due(baton_engine *engine) {
    int64_t now_ns = engine_read_clock(engine);
    for (heap_node *node; (node = heap_first(&engine->timers)) && node->key <= now_ns;) {
        heap_remove(&engine->timers, node);
        run_wake((run *)((char *)node - offsetof(run, timer)));
    }
}

/* One that is never done must not keep the others from what they wait for. */
static void breathe(baton_engine *engine) {
    if (engine->has_loop) uv_run(&engine->loop, UV_RUN_NOWAIT);
    wake_due(engine);
}

/* A refused one only ends; a blocked one only goes to the queue, if there is room. */
static bool needs_slot(const run *r) {
    const baton_engine *engine = r->engine;
    bool queues =
        r->place == RUN_BLOCKED && baton_queue_length(engine->queue) < engine->options.max_queue_size;
    return r->place != RUN_ACTIVE && !r->refusal && !queues;
}

static bool next_woken(baton_engine *engine) {
    run *r = engine->woken;
    /* One that has its slot already goes on; the others wait for a free one. */
    while (r && needs_slot(r) && !has_slot(engine)) r = r->woken_next;
    if (!r) return false;
    run_unwake(r);
    run_go_on(r);
    if (engine->woken) breathe(engine);
    return true;
}

static bool next_queued(baton_engine *engine) {
    baton_queue_entry entry;
    if (!has_slot(engine) || !baton_queue_dequeue(engine->queue, engine->now_ns / 1000000, &entry))
        return false;
    run_start(entry.data);
    return true;
}

/* What was committed, and what others ask for. */
static bool look_at_store(baton_engine *engine) {
    journal_flush_some(engine->journal);
    if (engine_monotonic_ns(engine) - engine->asked_at_ns >= HEED_MS * INT64_C(1000000))
        engine_heed(engine);
    return journal_collect(engine->journal);
}

static bool do_one(baton_engine *engine) {
    if (engine->broken || atomic_load_explicit(&engine->abandoned, memory_order_relaxed)) return false;
    if (receive_all(engine)) return true;
    if (engine->journal && look_at_store(engine)) return true;
    bool went_on = next_woken(engine);
    if (went_on && !engine->woken) return true;
    /* One that goes on and on does not keep those in the queue from their start. */
    return (!engine->broken && next_queued(engine)) || went_on;
}

void engine_pump(baton_engine *engine) {
    while (do_one(engine)) continue;
    if (engine->journal) journal_flush(engine->journal);
}

void engine_pump_until(baton_engine *engine, baton_result *const *result) {
    while (!*result && do_one(engine)) continue;
    if (engine->journal && !*result) journal_flush(engine->journal);
}

/* The wall clock may have been set. What is less is the reading's own inexactness, and would make time go
 * back and forth. */
static void adjust_clock(baton_engine *engine) {
    int64_t offset_ns = clock_wall_ns() - clock_monotonic_ns();
    if (llabs(offset_ns - engine->clock_offset_ns) >= CLOCK_SET_NS) engine->clock_offset_ns = offset_ns;
}

static void earlier(int64_t *moment_ns, int64_t other_ns) {
    if (other_ns < *moment_ns) *moment_ns = other_ns;
}

/* When the loop has something to do at the latest. */
static int64_t next_moment_ns(baton_engine *engine, int64_t until_ns) {
    heap_node *first = heap_first(&engine->timers);
    if (first) earlier(&until_ns, first->key);
    if (!engine->journal) return until_ns;
    earlier(&until_ns, journal_flush_at_ns(engine->journal));
    earlier(&until_ns, engine->asked_at_ns + engine->clock_offset_ns + HEED_MS * INT64_C(1000000));
    return until_ns;
}

bool engine_wait(baton_engine *engine, int64_t until_ns) {
    journal *j = engine->journal;
    bool busy = j && journal_is_busy(j);
    /* Those that wait for a delivery alone are not waited for: it comes from whoever uses the engine. */
    if (until_ns == INT64_MAX && !engine->active && !engine->woken && !engine->sleeping && !busy &&
        !engine->outside)
        return false;
    if (busy && !engine->has_loop && journal_is_flying(j)) { /* there is nothing else to wait for */
        journal_wait(j);
        engine_read_clock(engine);
        return true;
    }
    baton_error *failed = NULL;
    if (!engine_loop_init(engine, &failed)) {
        engine_break(engine, failed);
        return false;
    }
    /* What came before `async` was there has woken nobody. */
    if (atomic_load(&engine->inbox->waiting) || engine->abandoned || (j && journal_has_committed(j)))
        return true;
    int64_t moment_ns = next_moment_ns(engine, until_ns);
    if (moment_ns != INT64_MAX) {
        int64_t left_ns = moment_ns - engine_read_clock(engine);
        int64_t left_ms = left_ns <= 0 ? 0 : (left_ns + 999999) / 1000000;
        uv_update_time(&engine->loop);
        uv_timer_start(&engine->timer, on_timer,
                       (uint64_t)(left_ms < SLEEP_MOST_MS ? left_ms : SLEEP_MOST_MS), 0);
    }
    uv_run(&engine->loop, UV_RUN_ONCE);
    uv_timer_stop(&engine->timer);
    adjust_clock(engine);
    wake_due(engine);
    return true;
}
