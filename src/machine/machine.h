/* The machine: a pure function. Given an execution and an event it moves the execution through every step
 * that needs nothing from outside, and returns records (what happened) and actions (what to do now). It
 * reads no clock, opens no file, sends nothing: time and entropy come in with the event.
 *
 * Whoever calls it commits the records, and only then performs the actions; what they bring back are the
 * next events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_MACHINE_H
#define BATON_MACHINE_MACHINE_H

#include "machine/execution.h"
#include "machine/record.h"

typedef enum event_kind {
    EVENT_START,    /* or, with `step` (at the top): there, given `value`, $context being `input` (if valid)
                     * and    the records up to `count` taken over */
    EVENT_CONTINUE, /* after ACTION_CONTINUE */
    EVENT_SUCCEEDED, /* an effect ended; value: its output (invalid: the step's input is its output) */
    EVENT_FAILED,    /* an effect ended; value: the error without instance */
    EVENT_WAITING,   /* a C step waits for a delivery */
    EVENT_STEPS,     /* a run of steps ended: `count` succeeded; value: the last one's output */
    EVENT_DELIVERED, /* value, for the frame that waits in `step` */
    EVENT_TIMER,     /* some time of the execution has come */
    EVENT_CANCEL,
    EVENT_SUSPEND, /* of a loaded one: what died with its process is held until it goes on */
    EVENT_RESUME,  /* as EVENT_RECOVER, too */
    EVENT_RECOVER  /* the execution was loaded: effects that died with their process begin again, as further
                    * attempts, unless it was to be suspended */
} event_kind;

typedef struct event {
    event_kind kind;
    int64_t now_ns;    /* since 1970 UTC */
    uint64_t entropy;  /* for jitter */
    uint64_t ticket;   /* EVENT_SUCCEEDED, _FAILED, _WAITING, _STEPS: which effect */
    frame *frame;      /* the same, when the caller knows it; else NULL */
    const step *step;  /* EVENT_DELIVERED, EVENT_START */
    uint32_t count;    /* EVENT_STEPS, EVENT_START */
    bool no_retry;     /* EVENT_FAILED */
    bool failed;       /* EVENT_STEPS: the step after `count` failed, `value` is its error */
    bool pending;      /* EVENT_STEPS: the step after `count` ends later, `value` is its input ... */
    bool waits;        /* ... by a delivery, not by an event for the same ticket */
    baton_value value; /* taken */
    baton_value input; /* EVENT_STEPS, failed: what the step after `count` was given; taken */
} event;

typedef enum action_kind {
    ACTION_CALL,     /* a step in C: `count` plain ones in a row from `step` on */
    ACTION_ROLLBACK, /* a step's rollback */
    ACTION_PROCESS,  /* request: see step_run.c */
    ACTION_HTTP,     /* request: see step_http.c */
    ACTION_ABORT,    /* the effect `ticket` is not wanted any more */
    ACTION_CONTINUE  /* enough for one turn: commit, then send EVENT_CONTINUE */
} action_kind;

typedef struct action {
    action_kind kind;
    uint32_t key, attempt, count;
    uint64_t ticket;
    frame *frame; /* valid until the next event */
    const step *step;
    int64_t deadline_ns; /* of the innermost timeout around it; 0: none */
    baton_value request; /* owned by the output */
} action;

/* What one event led to. Reused from event to event; zeroed at first. */
typedef struct output {
    record *records;
    uint32_t record_count, record_capacity;
    action *actions;
    uint32_t action_count, action_capacity;
    bool has_values;    /* some record has more than its data */
    bool out_of_memory; /* then the execution must be given up: its state is not to be relied on */
} output;

void output_clear(output *out);
void output_done(output *out);

/* Moves the execution; appends to `out`, which the caller has cleared. Events for effects that have ended
 * otherwise (late ones) are ignored. */
void machine_handle(baton_execution *x, const event *ev, output *out);

#endif
