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
#include "engine/effect.h"
#include "engine/inbox.h"
#include "engine/journal.h"
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
    bool no_retry; /* of a step in C: it said so */
    enum { EFFECT_PROCESS, EFFECT_HTTP, EFFECT_COMPLETION } kind;
    union {
        struct process *process;
        struct http_call *http;
        baton_completion *completion;
    } u;
    struct step_process *ends; /* a step in C by this process; NULL: a `run:` step */
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
    bool to_recover;              /* the same: it was taken up from the store */
    bool to_stop;                 /* the same: with all others */
    bool lost;                    /* somebody else has taken it up */
    bool ties_outside;            /* some of its dependencies are not in this engine */
    event_kind recover_as;        /* what it is sent when it was taken up */
    uint32_t first_number;        /* of its first record, less one: it begins again */
    atomic_bool to_cancel;        /* the same; a step may ask from any thread */
    int64_t started_ns;           /* 0 before its start */
    int priority;
    int64_t scheduled_at_ms, estimated_ms;
    uint32_t unmet;         /* dependencies that have not completed */
    baton_error *refusal;   /* why it must not begin: a dependency failed or is unknown */
    dependent *dependents;  /* runs that wait for this one */
    run_journal *journal;   /* in a durable store; NULL otherwise */
    buffer parked;          /* the snapshot, while it is outside memory and the store keeps none */
    baton_value deliveries; /* that nobody waits for yet: {reference: [values]}; invalid: none */
    size_t delivery_count;
    struct rerun *rerun; /* what it takes over from another execution; NULL: nothing */
    char *directory;     /* where its processes run; NULL: in this process's own */
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
/* Told of each execution that was taken up from the store, before it goes on. */
typedef void (*engine_taken_up)(void *data, const baton_workflow *workflow, const char *id,
                                const store_row *row);
/* Told of what processes write, as it comes. */
typedef void (*engine_output)(void *data, const baton_execution *x, const step *s, int stream,
                              const char *bytes, size_t size);

struct baton_engine {
    baton_engine_options options; /* with the defaults filled in */
    run *runs;
    size_t run_count;
    baton_queue *queue;
    baton_scheduler *scheduler;
    strategy_entry *strategies;
    store *store;
    journal *journal;      /* NULL: the store keeps nothing */
    bool releases;         /* a worker: what waits long is anybody's */
    bool only_submits;     /* what is submitted is for others to run */
    bool replays;          /* results tell also of what was done before an execution was taken up */
    const char *directory; /* where processes of what is submitted run; NULL: wherever this process is */
    atomic_bool abandoned;
    bool store_changed;           /* since a worker last looked */
    bool stopping;                /* a worker: nothing more is taken up, and what suspends is given back */
    size_t outside;               /* runs that wait for executions outside of this engine */
    int64_t asked_at_ns;          /* when it was last looked at what others ask for */
    buffer looked_at;             /* the texts of the last baton_engine_status */
    struct known_workflow *known; /* workflows of the store, and those in C that it may take up */
    baton_error *broken;          /* the store failed: no more work is taken */
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
    engine_taken_up taken_up;
    void *observer_data;
};

/* For the program: sees every record. At most one. */
void engine_observe(baton_engine *engine, engine_observer observer, engine_output output, void *data);

/* Reads the clock: nanoseconds since 1970. Everything that happens until the next reading happens at
 * engine->now_ns; it is read when time may have passed: at each call from outside, after each step in C,
 * after each wait. */
int64_t engine_read_clock(baton_engine *engine);
/* The same moment by the clock that nobody sets. */
static inline int64_t engine_monotonic_ns(const baton_engine *engine) {
    return engine->now_ns - engine->clock_offset_ns;
}
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
    char *id;             /* of the first; may be NULL */
    struct rerun **rerun; /* what the first takes over; taken when it is made; may be NULL */
} admission;
int engine_admit(baton_engine *engine, const admission *a, baton_error **err);
run *engine_find(const baton_engine *engine, const char *id);
const baton_strategy *engine_strategy(baton_engine *engine, const char *key); /* unknown: basic */
/* NULL when there is none of that key. */
const baton_strategy *engine_known_strategy(const baton_engine *engine, const char *key);
/* The keys of all; the array is given, the texts are the engine's. NULL without memory. */
const char **engine_strategy_keys(const baton_engine *engine, size_t *count);
const char *engine_strategy_key(const baton_engine *engine, const baton_strategy *strategy);
void run_free(run *r);
/* Makes what a run needs in a durable store; false without memory. */
bool run_keep(run *r);
/* Into the scheduler and the list of all; what it did is undone when the run ends or leaves. */
int run_register(run *r, const baton_schedule_request *request, baton_error **err);
/* Ties a run to those it depends on: `unmet` and `refusal` say how these stand. */
int run_tie(run *r, const char *const *ids, size_t count, baton_error **err);
/* Those that wait for executions of other engines: whether these have ended. */
void engine_look_at_dependencies(baton_engine *engine);
/* Into the queue; a full one refuses only what is new. */
int run_enqueue(run *r, baton_error **err);
/* Out of the engine, without an end. */
void run_leave(run *r);
/* Sets all entries of an object in the run's context. */
int run_set_context(run *r, baton_value entries, baton_error **err);
/* The same of one that was blocked; false, and it stays so, when the queue is full. */
bool run_enqueue_blocked(run *r);
/* The run has ended: its result is told, those who depend on it are moved, all of it is freed. */
void run_end(run *r);

/* adopt.c: from the store into the engine. */
typedef enum take_purpose { TAKE_TO_RUN, TAKE_TO_CANCEL, TAKE_TO_SUSPEND } take_purpose;
/* Takes executions up. What cannot go on here is put back, suspended, with the reason. taken (may be NULL):
 * how many there were. */
int engine_take_up(baton_engine *engine, const store_claim *claim, take_purpose purpose, size_t *taken,
                   baton_error **err);
/* Asks one execution, or ("") all of them, to pause or to end. Any thread. */
typedef enum stop_kind { STOP_SUSPEND, STOP_CANCEL } stop_kind;
void engine_stop(baton_engine *engine, const char *id, stop_kind kind);
/* Ends the loop as a crash would: what is under way is interrupted. Any thread. */
void engine_abandon(baton_engine *engine);
/* baton_engine_new, with what the store is to call the owner: "run", "worker", "program". */
baton_engine *engine_new(const baton_engine_options *options, const char *kind, baton_error **err);
/* Takes one execution up, runs it, and gives its result as baton_engine_execute does. */
int engine_finish(baton_engine *engine, const store_claim *claim, take_purpose purpose,
                  baton_result **result, baton_error **err);
/* A stored record as one of the machine's; its values are given: see record_release. */
void record_release(record *r);
int engine_read_record(baton_engine *engine, const baton_workflow *workflow, const store_row *row,
                       const store_record *stored, record *r, baton_error **err);
/* rerun.c. A new execution of the workflow of `id`, to its end. With `from`, a step at the top, it takes
 * over what was recorded before it, and that step is given options->input if valid; without, input is the
 * execution's, if valid. */
int engine_rerun(baton_engine *engine, const char *id, const char *from,
                 const baton_execution_options *options, baton_result **result, baton_error **err);
/* engine.c: executes, with what is taken over (taken; may be NULL). */
int engine_execute_rerun(baton_engine *engine, baton_workflow *workflow,
                         const baton_execution_options *options, struct rerun *rerun, baton_result **result,
                         baton_error **err);
/* The event that starts a rerun, and the records that follow its first. */
void rerun_start(run *r, event *ev);
void rerun_take_over(run *r);
void rerun_free(struct rerun *rerun);
/* As members of the settings: "rerunOf", "from"? */
void rerun_write_origin(const struct rerun *rerun, buffer *b);
/* Carries out what others asked the owner of an execution for. */
void engine_heed(baton_engine *engine);
/* 0 when what was submitted as `id` has that digest; else BATON_ERROR_CONFLICT. */
int engine_same_content(baton_engine *engine, const char *id, uint64_t content, baton_error **err);
/* How an execution stands that is in the store alone; given. */
int engine_stored_result(baton_engine *engine, const char *id, baton_result **result, baton_error **err);
/* The workflow of an execution of the store; borrowed from the engine. */
int engine_workflow_of(baton_engine *engine, const char *id, baton_workflow **workflow, baton_error **err);
void engine_forget_workflows(baton_engine *engine);
/* Before its first turn: what was under way when its owner died. False when it cannot be begun again now.
 */
bool run_recover(run *r);

/* turn.c: moving one run. */
/* A change of the run is there for good: what waited for it. Borrowed; `actions` give their requests. */
typedef struct committed {
    action *actions;
    size_t action_count;
    const record *told;
    size_t told_count;
    bool recovery; /* it brought journal_announce */
} committed;
void run_committed(run *r, const committed *c);
/* Shows records to the observer. */
void run_tell(run *r, const record *records, size_t count);
/* It will be woken so soon that it stays in memory. */
bool run_comes_back_soon(const run *r, int64_t wake_ns);
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
/* The oldest value that was kept for that step; given; invalid when there is none. */
baton_value run_take_delivery(run *r, const step *s);

/* call.c: steps in C. False when the step ends later; else *ev is its end. */
bool run_call(run *r, const action *a, event *ev);
/* The process that a step in C ends by has ended: *ev is the step's end. False when nobody wants that any
 * more. The outcome's values: taken. */
bool run_finish_call(run *r, const effect *e, effect_outcome outcome, event *ev);
void completion_abandon(baton_completion *completion);

/* effects.c: processes and HTTP calls. */
void effect_start(run *r, const action *a);
/* The process of a step in C, which the action called. p: taken. */
void effect_start_for_call(run *r, const action *a, struct step_process *p, bool no_retry);
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
/* Waits for the next thing to happen, or for the moment; false when nothing ever will, and the moment is
 * INT64_MAX. */
bool engine_wait(baton_engine *engine, int64_t until_ns);
/* The loop thread stops using the engine: whoever waits for an answer gets it before. */
void engine_leave(baton_engine *engine);
void engine_break(baton_engine *engine, baton_error *error); /* taken: the store failed */
void engine_out_of_memory(baton_engine *engine);             /* the same, where a turn cannot go on */
/* 0, or -1 with an error when the store has failed. */
int engine_is_broken(const baton_engine *engine, baton_error **err);

#endif
