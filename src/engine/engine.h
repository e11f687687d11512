/* The engine's own structures.
 *
 * A run is one execution in the engine's care. Where it is, and who moves it on:
 *
 *   BLOCKED ──dependencies completed──► QUEUED ──a slot is free──► ACTIVE ◄──woken── PARKED
 *      (waits for other runs)          (in the queue)             │   ▲  │             ▲
 *                                          ▲                      │   └──┴──waits──────┘
 *                                          └─resume─ HELD ◄suspend┘  (timers, deliveries: no slot)
 *
 * Only ACTIVE runs take a slot of max_concurrent. A woken run waits for its slot in the woken list, which
 * has no bound: what was admitted once is never refused. A PARKED run's execution may be outside memory
 * (x is NULL): the store has its snapshot.
 *
 * Everything but the inbox belongs to the loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_ENGINE_H
#define BATON_ENGINE_ENGINE_H

#include "base/heap.h"
#include "base/id.h"
#include "engine/inbox.h"
#include "engine/result.h"
#include "machine/machine.h"
#include "store/store.h"

#include <uv.h>

typedef enum run_place { RUN_NEW, RUN_BLOCKED, RUN_QUEUED, RUN_ACTIVE, RUN_PARKED, RUN_HELD } run_place;

typedef struct run run;

/* An effect under way for a run: a process, an HTTP call, or a step in C that ends later. */
typedef struct effect {
    struct effect *next, **at;
    run *run;
    uint64_t ticket;
    bool no_retry; /* EFFECT_COMPLETION: the step said so */
    enum { EFFECT_PROCESS, EFFECT_HTTP, EFFECT_COMPLETION } kind;
    union {
        struct process *process;
        struct http_call *http;
        baton_completion *completion;
    } u;
} effect;

typedef struct dependent {
    struct dependent *next;
    run *waiter;
} dependent;

struct run {
    run *next, **at; /* in the list of all runs; the scheduler finds one by its id */
    baton_engine *engine;
    baton_workflow *workflow;
    baton_context *context; /* may be NULL */
    const baton_strategy *strategy;
    baton_execution *x;   /* NULL before its start and while it is outside memory */
    baton_result *result; /* NULL before its start */
    baton_done_function done;
    void *done_data;
    baton_value input;
    int64_t timeout_ms; /* as in baton_execution_options */
    uint64_t content;   /* digest of what was submitted */
    run_place place;
    bool continue_on_failure, has_dependencies, in_woken, in_call;
    bool sleeps;                  /* PARKED: see execution_sleeps */
    bool to_continue, to_deliver; /* what is to be done when it is woken, or its call is over */
    atomic_bool to_cancel;        /* the same; a step may ask from any thread */
    int64_t started_ns;           /* 0 before its start */
    int priority;
    int64_t scheduled_at_ms, estimated_ms;
    uint32_t unmet;        /* dependencies that have not completed */
    baton_error *refusal;  /* why it must not begin: a dependency failed or is unknown */
    dependent *dependents; /* runs that wait for this one */
    store_row row;
    effect *effects;
    heap_node timer;
    run *woken_next;
    action *calls; /* steps in C that are to be called */
    uint32_t call_count, call_capacity;
    char id[];
};

typedef struct strategy_entry {
    struct strategy_entry *next;
    baton_strategy strategy;
    char key[]; /* and behind it the strategy's name */
} strategy_entry;

/* Told of each record after its commit, in order. Borrowed. */
typedef void (*engine_observer)(void *data, const baton_execution *x, const record *r);
/* Told of what processes write, as it comes. */
typedef void (*engine_output)(void *data, const baton_execution *x, const step *s, int stream,
                              const char *bytes, size_t size);

struct baton_engine {
    baton_engine_options options; /* with the defaults filled in */
    run *runs;
    baton_queue *queue;
    baton_scheduler *scheduler;
    strategy_entry *strategies;
    store *store;
    baton_error *broken; /* the store failed: no more work is taken */
    entropy entropy;
    char last_id[ID_TEXT]; /* made in the millisecond last_id_ms */
    unsigned last_id_length;
    int64_t last_id_ms;
    uint64_t jitter; /* starts from the entropy */
    size_t active, waiting;
    unsigned calling; /* steps in C that are being called, one inside the other */
    size_t sleeping;  /* those of the waiting that time alone will move on */
    uint64_t completed, faulted, cancelled;
    run *woken, *woken_last;
    baton_execution *spare; /* the memory of one that ended, for the next */
    heap timers;
    output out;
    int64_t clock_offset_ns; /* wall clock minus monotonic clock */
    int64_t now_ns;          /* see engine_read_clock */
    struct inbox *inbox;
    inbox_gate gate;

    /* The loop exists from the first effect, timer or pause on. */
    uv_loop_t loop;
    uv_timer_t timer;
    bool has_loop;
    struct process_runner *processes;
    struct http_client *http;

    engine_observer observer;
    engine_output output;
    void *observer_data;
};

/* For the program: sees every record. At most one. */
void engine_observe(baton_engine *engine, engine_observer observer, engine_output output, void *data);

/* Reads the clock: nanoseconds since 1970. Everything that happens until the next reading happens at
 * engine->now_ns; it is read when time may have passed: at each call from outside, after each step in C,
 * after each wait. */
int64_t engine_read_clock(baton_engine *engine);
/* Makes an execution id; gives its length. */
unsigned engine_make_id(baton_engine *engine, char text[ID_TEXT]);
/* For jitter, where the id's quality of randomness is not needed. */
static inline uint64_t engine_jitter(baton_engine *engine) { return engine->jitter += 0x9e3779b97f4a7c15u; }
void engine_log(baton_engine *engine, baton_log_level level, const char *message,
                const baton_log_field *fields, size_t count);
#define LOG(engine_, level_, message_, ...)                                                         \
    do {                                                                                            \
        if ((engine_)->options.log && (level_) >= (engine_)->options.log_level) {                   \
            const baton_log_field fields_[] = {__VA_ARGS__};                                        \
            engine_log((engine_), (level_), (message_), fields_, sizeof fields_ / sizeof *fields_); \
        }                                                                                           \
    } while (0)

/* admit.c: from the caller's hands into the queue. */
typedef struct admission {
    const baton_submission *submissions;
    size_t count;
    char *id; /* of the first; may be NULL */
} admission;
int engine_admit(baton_engine *engine, const admission *a, baton_error **err);
run *engine_find(const baton_engine *engine, const char *id);
const baton_strategy *engine_strategy(baton_engine *engine, const char *key); /* unknown: basic */
void run_free(run *r);
/* Into the queue; a full one refuses only what is new. */
int run_enqueue(run *r, baton_error **err);
/* The run has ended: its result is told, those who depend on it are moved, all of it is freed. */
void run_end(run *r);

/* turn.c: moving one run. */
void run_start(run *r);
/* Brings the execution back into memory; -1 when the store failed. */
int run_load(run *r);
void run_drop_execution(run *r);
void run_turn(run *r, event ev);
void run_wake(run *r);   /* into the woken list */
void run_unwake(run *r); /* out of it */
/* Takes what is next of a woken run. */
void run_go_on(run *r);
void run_cancel(run *r);
void run_suspend(run *r);
int run_resume(run *r, baton_error **err);
int run_deliver(run *r, const step *s, baton_value value, baton_error **err); /* value: taken */

/* call.c: steps in C. False when the step ends later; else *ev is its end. */
bool run_call(run *r, const action *a, event *ev);
void completion_abandon(baton_completion *completion);

/* effects.c: processes and HTTP calls. */
void effect_start(run *r, const action *a);
void effect_abort(run *r, uint64_t ticket);
void effect_free(effect *e);
effect *effect_new(run *r, uint64_t ticket);
effect *effect_find(run *r, uint64_t ticket);

/* loop.c. */
bool engine_loop_init(baton_engine *engine, baton_error **err);
void engine_loop_done(baton_engine *engine);
/* Does everything that can be done without waiting. */
void engine_pump(baton_engine *engine);
/* The same, but only until *result is there. */
void engine_pump_until(baton_engine *engine, baton_result *const *result);
/* Waits for the next thing to happen; false when nothing ever will. */
bool engine_wait(baton_engine *engine);
void engine_break(baton_engine *engine, baton_error *error); /* taken: the store failed */
void engine_out_of_memory(baton_engine *engine);             /* the same, where a turn cannot go on */
/* 0, or -1 with an error when the store has failed. */
int engine_is_broken(const baton_engine *engine, baton_error **err);

#endif
