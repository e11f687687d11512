/* An execution as data: where one run of a workflow stands.
 *
 * It is a tree of frames. A frame is a cursor in one sequence of steps, with the state of the step it
 * stands at; the frames of the sequences inside that step are its children (one, or one a branch under a
 * fork). The root walks the workflow's own `do`.
 *
 * Frame phases, and who changes them:
 *
 *   HELD ──► READY ──begin──► INSIDE ──children end──► (completed: READY at the next step, or gone)
 *    ▲         │                │
 *    └suspend──┘                ├─► EFFECT    an action is under way        ──succeeded, failed
 *                               ├─► TIMER     `wait`, until wake_ns         ──timer
 *                               ├─► RETRY     try or C step, until wake_ns  ──timer
 *                               └─► DELIVERY  a C step waits for a value    ──delivered
 *
 * A frame whose effect died with its process, in an execution that is not to go on yet, is HELD and
 * `interrupted`: resumed, it begins its effect again.
 *
 * READY frames stand in the execution's ready list; nobody else does. Everything here belongs to the loop
 * thread; only machine/ writes it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_EXECUTION_H
#define BATON_MACHINE_EXECUTION_H

#include "definition/workflow.h"

typedef enum execution_status {
    EXECUTION_PENDING,
    EXECUTION_RUNNING,
    EXECUTION_WAITING,
    EXECUTION_SUSPENDED,
    EXECUTION_COMPLETED,
    EXECUTION_FAULTED,
    EXECUTION_CANCELLED
} execution_status;

typedef enum frame_phase {
    FRAME_HELD,
    FRAME_READY,
    FRAME_INSIDE,
    FRAME_EFFECT,
    FRAME_TIMER,
    FRAME_RETRY,
    FRAME_DELIVERY
} frame_phase;

/* The idempotency keys that a `try` remembers, so that its retries use them again: for each step inside
 * (on each path through the branches of forks), the numbers of its occurrences in order. A loop gives
 * them at equal distances, so that runs of them take no more room however often it went round. */
typedef struct key_run {
    uint32_t first, stride, count;
} key_run;
typedef struct key_memory {
    struct key_list {
        uint32_t ordinal, path;
        uint32_t run, offset; /* the next one to be used again */
        uint32_t count, capacity;
        key_run *runs;
    } * lists;
    uint32_t count, capacity;
} key_memory;

typedef struct frame {
    const step *step;
    const sequence *sequence;               /* NULL: one step alone (a branch, a function) */
    struct frame *parent, *children, *next; /* next: sibling, or in the free list */
    struct frame *ready_next;
    frame_phase phase;
    bool in_handler;        /* try: the child walks catch.do */
    bool has_context;       /* a branch of a fork: `context` is its own */
    bool no_retry;          /* the step said so */
    bool caught;            /* try: `error` is set and visible to catch.do */
    bool interrupted;       /* HELD: it was in the middle of an effect, which begins again */
    uint32_t place;         /* READY: rises along the ready list */
    uint32_t number;        /* of the record that began this occurrence in this attempt of the try */
    uint32_t key;           /* of the record that first began it */
    uint32_t attempt;       /* of an effect, from 1 */
    uint32_t interruptions; /* attempts that died with their process */
    uint32_t index;         /* for: the round */
    uint32_t branch;        /* which branch of its parent, a fork, this frame is */
    uint32_t retries;       /* try: retries so far */
    uint64_t ticket;        /* EFFECT: what its end will name; 0 otherwise */
    int64_t started_ns;
    int64_t deadline_ns;         /* of the step's timeout; 0: none */
    int64_t attempt_deadline_ns; /* try: of one retry; 0: none */
    int64_t wake_ns;             /* TIMER, RETRY */
    baton_value raw_input, input, raw_output;
    baton_value data;    /* for: the collection; fork: the outputs so far; function: what `with` gave */
    baton_value error;   /* try: the error that was caught */
    baton_value context; /* branch: its own context, if has_context */
    baton_value context_before; /* try: the context it began with */
    baton_value authorization;  /* call: http; never stored */
    key_memory keys;            /* try with retry */
} frame;

struct baton_execution {
    const char *id; /* lives as long as the execution */
    baton_workflow *workflow;
    const baton_strategy *strategy;
    baton_strategy_options strategy_options;
    void *owner; /* the engine's, for the accessors of the public header */

    execution_status status;
    bool journals;   /* the strategy journals each step */
    bool keeps_data; /* records tell a step's other values too, and no value is larger than a store keeps */
    bool suspending;
    bool timed_out; /* by its own timeout, not a step's */
    bool rolling_back;
    uint32_t last_number;
    uint32_t frame_count;
    uint32_t effects; /* actions under way */
    uint64_t last_ticket;
    uint64_t lost_ticket; /* effects up to this one were begun before the execution was loaded */
    int64_t started_ns, ended_ns;
    int64_t timeout_ms;  /* 0: none */
    int64_t deadline_ns; /* 0: none */
    baton_value input;   /* raw */
    baton_value context; /* $context */
    baton_value output;
    baton_value fault;        /* why it faulted, or will when the rollback is done */
    execution_status outcome; /* what it ends as after the rollback */

    frame *root;
    frame *ready, *ready_last;
    frame *free_frames;
    uint32_t *undo; /* ordinals of the steps to roll back, in the order they succeeded */
    uint32_t undo_count, undo_capacity;

    frame first_frame; /* so that a plain sequence allocates none */
};

typedef struct execution_setup {
    const char *id;           /* borrowed: must outlive the execution */
    baton_workflow *workflow; /* borrowed: must outlive the execution */
    const baton_strategy *strategy;
    baton_strategy_options strategy_options;
    baton_value input;    /* taken */
    int64_t timeout_ms;   /* 0: none */
    uint32_t last_number; /* of the journal so far: what begins once more is numbered on from there */
    bool keeps_data;
    void *owner;
} execution_setup;

/* Makes a pending execution in *x. */
void execution_init(baton_execution *x, const execution_setup *setup);
void execution_done(baton_execution *x);

/* The one function that changes an execution's status.
 *
 *   PENDING ─► RUNNING ◄─► WAITING
 *                │  ▲        │
 *                ▼  │        ▼
 *             SUSPENDED ◄────┘        RUNNING, WAITING, SUSPENDED, PENDING ─► COMPLETED, FAULTED, CANCELLED
 */
void execution_set_status(baton_execution *x, execution_status status);
const char *execution_status_name(execution_status status);
static inline bool execution_ended(const baton_execution *x) { return x->status >= EXECUTION_COMPLETED; }

/* The earliest moment at which a timer of this execution fires; INT64_MAX when there is none. */
int64_t execution_wake_ns(const baton_execution *x);
/* True when time alone will move it on: a wait, a retry, a step's timeout; not its own, which ends it. */
bool execution_sleeps(const baton_execution *x);
/* True when it waits for timers or deliveries alone. */
bool execution_is_idle(const baton_execution *x);

/* Frames. frame_new appends a child (or makes the root); NULL without memory or beyond LIMIT_FRAMES. */
frame *frame_new(baton_execution *x, frame *parent);
/* Frees a frame with its children. */
void frame_free(baton_execution *x, frame *f);
void frame_clear_step(frame *f); /* releases what belongs to the step the cursor stands at */
frame *frame_by_ticket(frame *root, uint64_t ticket);
/* Walks the tree: the frame after f in pre-order within root, or NULL. */
frame *frame_next(const frame *root, frame *f);
void frame_make_ready(baton_execution *x, frame *f);
/* True for an effect that died with the process which had loaded the execution before. */
static inline bool frame_is_lost(const baton_execution *x, const frame *f) {
    return f->phase == FRAME_EFFECT && f->ticket <= x->lost_ticket;
}
/* $context as this frame sees it, and where it is kept. */
baton_value *frame_context(baton_execution *x, frame *f);

#endif
