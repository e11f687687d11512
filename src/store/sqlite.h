/* What the parts of the SQLite store share.
 *
 * A handle has up to three connections to its file. `writer` belongs to whoever holds the lock: the thread
 * that commits, and the loop thread when it takes up, asks or prunes. `reader` is the loop thread's. The
 * third is the checkpointer's (sqlite_checkpoint.c). None is ever used by two threads at once.
 *
 * A write transaction that failed leaves the handle failed: from then on each write tells the same error,
 * since nobody can say what else the disk forgot. Reading goes on as far as it goes.
 *
 * Moments are stored as microseconds since 1970, kinds and statuses as their names: the file explains
 * itself to whoever opens it with the sqlite3 shell.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_STORE_SQLITE_H
#define BATON_STORE_SQLITE_H

#include "base/error.h"
#include "store/owner.h"
#include "store/store.h"

#include <pthread.h>
#include <sqlite3.h>

enum {
    KEPT_STATEMENTS = 128, /* slots, a power of two */
    KEPT_UPDATES = 128,    /* see sqlite_commit.c */
    FAILURE_BYTES = 1024,
    KNOWN_WORKFLOWS = 64, /* slots, a power of two */
};

typedef struct connection {
    sqlite3 *db; /* NULL: not open yet */
    /* Prepared once, found by the address of their text. */
    struct kept_statement {
        const char *sql;
        sqlite3_stmt *statement;
    } kept[KEPT_STATEMENTS];
} connection;

/* A workflow whose number is known. */
typedef struct known_workflow {
    uint64_t digest;
    const char *bytes; /* where its text stood in memory */
    size_t size;
    int64_t id;
    uint64_t checked; /* the transaction that last saw its row */
} known_workflow;

/* What became of an owner, as this operation sees it. */
typedef struct verdict {
    int64_t number, pid;
    owner_state state;
    char kind[16];
} verdict;

/* Where pruning stands between two pieces (sqlite_keep.c). */
typedef struct pruning {
    int at;      /* the status whose executions are looked through */
    int64_t key; /* of the last one that was looked at */
    bool freed;  /* pages are free that were not before */
} pruning;

/* The thread that moves what was committed from the log to the file. */
typedef struct checkpointer {
    struct sqlite_store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool started, stopping;
    bool wanted;   /* it has work, until that is done */
    int called_at; /* pages in the log when the thread was last called */
    int helped_at; /* pages in the log when the committing thread last moved some */
    connection connection;
} checkpointer;

typedef struct sqlite_store {
    store base;
    char *path; /* absolute */
    bool sync_normal;
    char kind[16];
    bool attended; /* a person runs what it owns */
    owner_identity self;
    int64_t owner;
    bool entered; /* among this process's owners */

    pthread_mutex_t lock; /* guards all until the next empty line */
    connection writer;
    char failure[FAILURE_BYTES]; /* why the last write failed */
    bool failed;
    bool introduced; /* its row stands in owners */
    uint64_t transaction;
    int wal_pages;
    sqlite3_stmt *updates[KEPT_UPDATES];
    known_workflow workflows[KNOWN_WORKFLOWS];

    connection reader;
    int64_t data_version;
    char *found; /* what find and read_workflow gave last */
    verdict *verdicts;
    size_t verdict_count, verdict_capacity;

    pruning pruning;

    checkpointer checkpointer;
} sqlite_store;

/* Connections and statements (sqlite.c). `sql` is a constant. A statement is ready to be bound; NULL after
 * an error. Every step is followed by sqlite_done before the statement is used again. */
int sqlite_connect(sqlite_store *s, connection *c, baton_error **err);
void sqlite_disconnect(connection *c);
sqlite3_stmt *sqlite_prepare(sqlite_store *s, connection *c, const char *sql, baton_error **err);
connection *sqlite_reader(sqlite_store *s, baton_error **err);
/* Steps a statement that gives no rows, and resets it. */
int sqlite_run(sqlite_store *s, connection *c, sqlite3_stmt *statement, baton_error **err);
/* 1: a row; 0: no more, the statement is reset; -1: failed. */
int sqlite_row(sqlite_store *s, connection *c, sqlite3_stmt *statement, baton_error **err);
/* Runs constant SQL without parameters or rows. */
int sqlite_exec(sqlite_store *s, connection *c, const char *sql, baton_error **err);
/* The first column of the first row, an integer; 0 when NULL or no row. */
int sqlite_integer(sqlite_store *s, connection *c, const char *sql, int64_t *value, baton_error **err);
/* Says what SQLite last told of this connection. Returns -1. */
int sqlite_error(sqlite_store *s, connection *c, baton_error **err);
/* Says that rows make no sense, though SQLite sees nothing wrong. Returns -1. */
int sqlite_damaged(sqlite_store *s, const char *what, baton_error **err);

/* A write transaction; holds the lock from begin to end. `owning` writes this handle's row of owners, if
 * that was not done yet. A begin that failed needs no end. End commits when result is 0, and else rolls
 * back; it returns what became of the transaction. */
int sqlite_begin(sqlite_store *s, bool owning, baton_error **err);
int sqlite_end(sqlite_store *s, int result, baton_error **err);
/* Ends it otherwise: it is rolled back because of what it found, and nothing has failed. */
void sqlite_take_back(sqlite_store *s);

/* Keys or seqs that were found. Freed with free(list). */
typedef struct integers {
    int64_t *list;
    size_t count, capacity;
} integers;
int sqlite_note(integers *found, int64_t value, baton_error **err);

/* Binding and reading columns. */
static inline int64_t sqlite_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
static inline void sqlite_bind_integer(sqlite3_stmt *st, int at, int64_t value) {
    if (value)
        sqlite3_bind_int64(st, at, value);
    else
        sqlite3_bind_null(st, at);
}
static inline void sqlite_bind_time(sqlite3_stmt *st, int at, int64_t ns) {
    sqlite_bind_integer(st, at, ns / 1000);
}
/* Rounded up: nothing wakes too early. */
static inline void sqlite_bind_wake(sqlite3_stmt *st, int at, int64_t ns) {
    if (ns == INT64_MAX)
        sqlite3_bind_null(st, at);
    else
        sqlite3_bind_int64(st, at, ns / 1000 + (ns % 1000 > 0));
}
static inline void sqlite_bind_text(sqlite3_stmt *st, int at, const char *text) {
    sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}
static inline void sqlite_bind_bytes(sqlite3_stmt *st, int at, store_bytes b) {
    sqlite3_bind_text64(st, at, b.bytes, b.size, SQLITE_STATIC, SQLITE_UTF8);
}
static inline void sqlite_bind_value(sqlite3_stmt *st, int at, store_text t) {
    if (t.number)
        sqlite3_bind_int64(st, at, t.number);
    else
        sqlite3_bind_text64(st, at, t.bytes, t.size, SQLITE_STATIC, SQLITE_UTF8);
}
const char *sqlite_text(sqlite3_stmt *st, int at);
store_bytes sqlite_bytes(sqlite3_stmt *st, int at);
store_text sqlite_value(sqlite3_stmt *st, int at);

/* What the store remembers of an execution between two commits, in row->data (sqlite_commit.c). */
void *sqlite_memo(const store_execution *x);

/* Owners (sqlite_owner.c). Verdicts hold until the next sqlite_judge_anew. */
void sqlite_judge_anew(sqlite_store *s);
int sqlite_judge(sqlite_store *s, int64_t number, verdict *v, baton_error **err);
/* The owners of executions, one after the other: the next number above *number, 0 when there is none. */
int sqlite_next_owner(sqlite_store *s, int64_t *number, baton_error **err);
int sqlite_introduce(sqlite_store *s, baton_error **err);
/* The executions of these owners are without one afterwards, ready where they may begin. In a transaction.
 */
int sqlite_disown(sqlite_store *s, connection *c, int64_t first, int64_t last, baton_error **err);
/* Forgets owners that are dead and own nothing. In a transaction. */
int sqlite_forget_dead(sqlite_store *s, baton_error **err);

/* Reading executions (sqlite_read.c): runs a walk's callback for one; 0 also when it is not there. */
int sqlite_give(sqlite_store *s, int64_t key, const char *request, store_execution_each each, void *data,
                baton_error **err);

/* Checkpoints (sqlite_checkpoint.c). */
void sqlite_checkpoint_init(sqlite_store *s);
/* After each commit, with the lock held. */
void sqlite_checkpoint_consider(sqlite_store *s);
void sqlite_checkpoint_stop(sqlite_store *s);

/* The operations of the contract. */
int sqlite_commit(store *s, store_change *changes, size_t count, baton_error **err);
int sqlite_find(store *s, const char *id, store_execution *x, baton_error **err);
int sqlite_load(store *s, const store_row *row, buffer *cursor, baton_error **err);
int sqlite_read(store *s, const store_row *row, int64_t number, buffer *text, baton_error **err);
int sqlite_read_workflow(store *s, int64_t number, store_workflow *w, baton_error **err);
int sqlite_take_up(store *s, const store_claim *claim, store_execution_each each, void *data,
                   baton_error **err);
int sqlite_next_due(store *s, int64_t *wake_ns, baton_error **err);
bool sqlite_has_changed(store *s);
int sqlite_ask(store *s, const char *id, const char *request, baton_error **err);
int sqlite_asked(store *s, store_execution_each each, void *data, baton_error **err);
int sqlite_list(store *s, const store_filter *filter, store_execution_each each, void *data,
                baton_error **err);
int sqlite_journal(store *s, const char *id, uint32_t after, store_record_each each, void *data,
                   baton_error **err);
int sqlite_logs(store *s, const char *id, int64_t after, store_log_each each, void *data,
                baton_error **err);
int sqlite_statistics(store *s, int64_t now_ns, store_statistics *statistics, baton_error **err);
int sqlite_prune(store *s, int64_t ended_before_ns, size_t *pruned, bool *more, baton_error **err);
int sqlite_backup(store *s, const char *path, baton_error **err);
int sqlite_write_tasks(store *s, const store_task *tasks, size_t count, baton_error **err);
int sqlite_read_tasks(store *s, const store_task_filter *filter, store_task_each each, void *data,
                      baton_error **err);

#endif
