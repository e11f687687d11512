/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/worker.h"

#include "base/error.h"
#include "engine/engine.h"

/* How often it looks for owners that died, and for what is to be deleted. */
enum { RECOVER_MS = 2000, PRUNE_MS = 60000, PAUSE_MS = 50 };

typedef struct worker {
    baton_engine *engine;
    const worker_options *options;
    bool more;                    /* there may be more than was taken */
    bool pruning;                 /* there is more to be deleted */
    bool looked;                  /* since it last had something to do */
    int64_t due_ns;               /* when the next one is due that nobody owns */
    int64_t recover_ns, prune_ns; /* when to look again; monotonic */
    int64_t taken_ns;             /* when it last took something up; monotonic */
} worker;

/* For how many more there is room: what it does not run itself is for other workers. A little room waits a
 * moment to become more, for taking up costs a commit. */
static size_t room_of(const worker *w) {
    const baton_engine *engine = w->engine;
    size_t most = engine->options.max_concurrent, held = engine->run_count;
    if (held >= most) return 0;
    bool little =
        held > most / 2 && engine_monotonic_ns(engine) < w->taken_ns + PAUSE_MS * INT64_C(1000000);
    return little ? 0 : most - held;
}

static int take(worker *w, store_claim claim, baton_error **err) {
    baton_engine *engine = w->engine;
    claim.limit = room_of(w);
    size_t taken = 0;
    if (!claim.limit) {
        w->more = true;
        return 0;
    }
    if (engine_take_up(engine, &claim, TAKE_TO_RUN, &taken, err) != 0) return -1;
    if (taken) w->taken_ns = engine_monotonic_ns(engine);
    if (taken == claim.limit) w->more = true;
    return 0;
}

/* Takes up what there is now. */
static int look(worker *w, baton_error **err) {
    baton_engine *engine = w->engine;
    int64_t now_ns = engine_read_clock(engine), monotonic_ns = engine_monotonic_ns(engine);
    bool changed = engine->store_changed;
    engine->store_changed = false;
    bool recover = monotonic_ns >= w->recover_ns;
    if (recover) w->recover_ns = monotonic_ns + RECOVER_MS * INT64_C(1000000);
    if (!recover && !changed && !w->more && now_ns < w->due_ns) return 0;
    w->more = false;
    if (take(w, (store_claim){.ready = true, .interrupted = recover}, err) != 0) return -1;
    if (engine->store->type->next_due(engine->store, &w->due_ns, err) != 0) return -1;
    /* What is due and was not taken is for others, who have its workflow. */
    if (w->due_ns <= now_ns) w->due_ns = INT64_MAX;
    return 0;
}

static int prune(worker *w, baton_error **err) {
    baton_engine *engine = w->engine;
    if (!w->options->retention_ms || engine_monotonic_ns(engine) < w->prune_ns) return 0;
    size_t pruned;
    int64_t before_ns = engine->now_ns - w->options->retention_ms * INT64_C(1000000);
    if (engine->store->type->prune(engine->store, before_ns, &pruned, &w->pruning, err) != 0) return -1;
    w->prune_ns = engine_monotonic_ns(engine) + (w->pruning ? PAUSE_MS : PRUNE_MS) * INT64_C(1000000);
    return 0;
}

static bool is_idle(const worker *w) {
    const baton_engine *engine = w->engine;
    return !engine->runs && !journal_is_busy(engine->journal) && (!w->pruning || engine->stopping);
}

static int64_t next_look_ns(const worker *w) {
    const baton_engine *engine = w->engine;
    int64_t recover_ns = w->recover_ns + engine->clock_offset_ns;
    if (engine->run_count >= engine->options.max_concurrent) return INT64_MAX;
    if (!room_of(w)) return w->taken_ns + engine->clock_offset_ns + PAUSE_MS * INT64_C(1000000);
    int64_t next_ns = recover_ns < w->due_ns ? recover_ns : w->due_ns;
    int64_t prune_ns = w->pruning ? w->prune_ns + engine->clock_offset_ns : INT64_MAX;
    return w->more ? 0 : next_ns < prune_ns ? next_ns : prune_ns;
}

static int work(worker *w, baton_error **err) {
    baton_engine *engine = w->engine;
    for (;;) {
        if (!engine->stopping && (look(w, err) != 0 || prune(w, err) != 0)) return -1;
        engine_pump(engine);
        if (engine_is_broken(engine, err) != 0) return -1;
        bool idle = is_idle(w);
        if (idle && (engine->stopping || (w->options->until_idle && w->looked))) return 0;
        if (idle && w->options->until_idle) w->more = true; /* what ended may have made others ready */
        w->looked = idle;
        engine_wait(engine, engine->stopping ? INT64_MAX : next_look_ns(w));
    }
}

int engine_work(baton_engine *engine, const worker_options *options, baton_error **err) {
    if (!engine->journal)
        return baton_error_set(err, BATON_ERROR_USAGE, "a worker needs a store that others can fill");
    if (!gate_enter(&engine->gate))
        return baton_error_set(err, BATON_ERROR_USAGE, "the engine is running already, on this thread");
    engine->releases = true;
    worker w = {.engine = engine, .options = options};
    int result = work(&w, err);
    engine->releases = false;
    engine_leave(engine);
    return result;
}
