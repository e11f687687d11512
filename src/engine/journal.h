/* What a durable store is given: the records of runs, and where they stand, committed in groups by a thread
 * of its own. While one group is being committed, the next gathers; what follows from a run's records is
 * done when its group is there for good.
 *
 *   run_turn ──note──► open batch ──flush──► flying ──commit──► committed ──collect──► run_committed
 *   (loop thread)                  │        (commit thread)                │        (loop thread)
 *                                  └ the cursor is written here: one a batch, however many records
 *
 * A batch holds bytes only, which it owns; between flush and collect it is the commit thread's. While there
 * is one execution alone, the loop thread commits itself: there is nothing else that it could do meanwhile.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_JOURNAL_H
#define BATON_ENGINE_JOURNAL_H

#include "engine/inbox.h"
#include "engine/kept.h"
#include "machine/machine.h"
#include "machine/snapshot.h"
#include "store/store.h"

typedef struct journal journal;
typedef struct change change;
struct run;

/* A run as a durable store sees it. */
typedef struct run_journal {
    store_row row;
    change *open;            /* its part of the open batch; NULL: none */
    unsigned pending;        /* its changes that were not collected yet, the open one included */
    bool releasing;          /* the last of them ends this engine's ownership */
    bool refused;            /* the last of them ends it without its having begun */
    bool crashed;            /* its owner died: that it goes on is committed before it does, and counted */
    bool announced;          /* the same: that it was noted */
    bool goes_on;            /* taken up to go on, though it was to pause */
    bool forgiven;           /* its take-ups without progress do not count any more */
    const char *reason;      /* why the engine suspends it; static */
    baton_value last_output; /* of the record before: what the next step is given, as a rule */
    kept_values kept;
} run_journal;

/* Starts nothing yet: the thread begins with the first batch. NULL without memory. */
journal *journal_new(baton_engine *engine);
/* Waits for the batch that is being committed; the open one is dropped. */
void journal_free(journal *j);

/* The run will be created by the open batch. */
void journal_create(struct run *r, const store_creation *creation);
/* The records of a turn, and those of its actions that must wait for them: they are taken out of `out`. */
void journal_note(struct run *r, output *out);
/* The same of one record that leads to no action. */
void journal_note_record(struct run *r, const record *rec);
/* It goes on after a crash. */
void journal_announce(struct run *r);
/* Where the run stands has changed without a record. */
void journal_touch(struct run *r);
/* The run ends without having begun. error may be NULL (cancelled). */
void journal_refuse(struct run *r, execution_status status, const baton_error *error);
void journal_log(struct run *r, const store_log *log);
/* The answer to another thread's call waits for the open batch. */
void journal_answer(journal *j, message *m);

/* Hands the open batch over when the thread is free and there is reason to. */
void journal_flush(journal *j);
/* The same, where many wait already. */
void journal_flush_some(journal *j);
/* What was committed is acknowledged: run_committed for each change. False when there was nothing. */
bool journal_collect(journal *j);
/* Everything noted so far is committed when it returns (and collected later). -1 when that failed. */
int journal_sync(journal *j, baton_error **err);
/* True while something is noted or being committed that is not collected. */
bool journal_is_busy(const journal *j);
/* A batch is being committed; one was committed and is not collected. */
bool journal_is_flying(journal *j);
bool journal_has_committed(const journal *j);
/* Blocks until the batch that is being committed is done. */
void journal_wait(journal *j);
/* All answers that wait for a commit are given when it returns. */
void journal_answer_all(journal *j);
/* When the open batch must be flushed though only logs stand in it; INT64_MAX: no such moment. */
int64_t journal_flush_at_ns(const journal *j);
void run_journal_free(run_journal *rj);
/* The run leaves memory: its values are read again when it comes back. */
void run_journal_let_go(run_journal *rj);

/* The values of a run, as cursors and records hold them. `data` is the run. */
extern const snapshot_values journal_values;
/* What a cursor has beside the execution's snapshot. */
int journal_restore(struct run *r, baton_value cursor, baton_error **err);
/* kept_read for a run that was taken up: what is read is not kept once more. */
baton_value journal_take_over(struct run *r, store_text text, baton_error **err);

#endif
