/* The store contract, in the domain's words. Each store exports a store_type; the engine knows nothing else
 * of it.
 *
 * Rules that every store keeps:
 *  - What `commit` acknowledged is there for good, as far as the store keeps anything at all. One commit is
 *    all or nothing.
 *  - A commit that failed, or whose outcome is unknown, is told by -1, and so is every write after it; the
 *    engine then stops taking work. A store that others are using is waited for: that is no failure.
 *  - An execution is written by its owner alone, or by who gave it back, as long as nobody owns it: to end
 *    it, or to give it back in another state. Taking it up raises its epoch. A change that names an older
 *    epoch, or goes on with what was given back, is not written: it is lost, while the rest of its commit
 *    stands.
 *  - What a person began (owner kind "run") waits for a person: only who asks for attended ones takes it up
 *    again, also when its owner gave it back.
 *  - What a store keeps is JSON text. Values that are large stand in its data, once, under a number.
 *
 * Threads: `commit` may be called by one thread while another calls the rest. Only bytes pass between them:
 * no baton_value comes here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_STORE_STORE_H
#define BATON_STORE_STORE_H

#include "base/buffer.h"
#include "machine/execution.h"
#include "machine/record.h"

typedef struct store store;

/* ---- What is committed ---- */

typedef struct store_bytes {
    const char *bytes; /* NULL: none */
    size_t size;
} store_bytes;

/* A JSON text, or the number under which the store's data keeps it. Neither: none. */
typedef struct store_text {
    const char *bytes;
    size_t size;
    int64_t number; /* not 0: bytes is NULL */
} store_text;

/* A large value of the execution whose change brings it, kept under a number that the engine gave: unique
 * within the execution. */
typedef struct store_datum {
    int64_t number;
    store_bytes text;
} store_datum;

typedef struct store_record {
    record_kind kind;
    uint32_t number, key, attempt, count;
    const char *reference; /* of the step; NULL for records of the execution */
    int64_t time_ns;
    int64_t duration_ns;
    store_text data; /* as record.data */
    store_text more; /* an object with the step's other values: see engine/journal.c */
} store_record;

/* What a process wrote. */
typedef struct store_log {
    const char *reference; /* of its step */
    uint32_t key, attempt;
    int stream; /* 1 stdout, 2 stderr */
    int64_t time_ns;
    store_bytes bytes;
} store_log;

/* A workflow; stored once by its digest and text. */
typedef struct store_workflow {
    const char *namespace, *name, *version;
    const char *file; /* what it was read from; may be NULL */
    uint64_t digest;
    bool built;       /* in C: text is its outline, and only the program that has it can run it */
    store_bytes text; /* the file, whole */
} store_workflow;

typedef struct store_creation {
    const char *id;
    store_workflow workflow;
    const char *strategy; /* the key it was asked for by */
    int priority;
    int64_t created_ns;
    bool unowned; /* whoever takes it up runs it */
    store_text input;
    store_bytes settings;            /* an object that the engine alone reads */
    const char *const *dependencies; /* ids of existing executions, or of others of the same commit; what
                                        nobody owns is not due before they have ended */
    size_t dependency_count;
} store_creation;

/* What the store knows an execution by. Zeroed at first; filled by the commit that creates the execution,
 * or by whoever took it up. From the hand-over of a commit to its acknowledgement it is the store's. */
typedef struct store_row {
    int64_t key;
    int64_t last; /* the seq of its last record; 0: none */
    int64_t epoch;
    bool lost;  /* a change of it was: nothing of it is written any more (key 0: its id is taken) */
    void *data; /* the store's own; nothing to be freed */
} store_row;

/* One execution's part of a commit. All that it points to lives until the acknowledgement. */
typedef struct store_change {
    store_row *row;
    const store_creation *creation; /* not NULL in an execution's first change */
    const store_record *records;
    size_t record_count;
    const store_datum *data;
    size_t datum_count;
    const store_log *logs;
    size_t log_count;
    bool moved; /* the fields below count; else the change brings logs and data alone */
    execution_status status;
    uint32_t number;    /* of its last record */
    int64_t started_ns; /* 0: not yet */
    int64_t ended_ns;   /* 0: not yet */
    int64_t wake_ns;    /* INT64_MAX: no timer. Of a pending one without an owner: when it may begin */
    store_bytes
        cursor; /* where it stands (see engine/journal.c); none: as it was, and dropped at its end */
    store_text output, error;
    const char *reason; /* why it was suspended by the engine; may be NULL */
    bool progress;      /* a step ended: it is not stuck */
    bool recovery;      /* it goes on after its owner died: it may be stuck */
    bool release;       /* it has no owner any more; what has ended has none anyway */
    bool lost; /* set by the commit: nothing of this change was written, though the commit stands */
} store_change;

/* ---- What is asked ---- */

/* An execution as the store knows it. What it points to lives as long as the callback that is given it, or
 * (find) until the store is asked the next time. */
typedef struct store_execution {
    store_row row;
    const char *id;
    int64_t workflow; /* its number; see read_workflow */
    const char *namespace, *name, *version;
    execution_status status;
    const char *strategy;
    int priority;
    int64_t created_ns, started_ns, ended_ns, wake_ns; /* 0 (wake_ns: INT64_MAX): none */
    uint32_t number;
    int64_t owner;                /* its number; 0: nobody */
    bool attended;                /* who owns it, or did last, was opened as "run" */
    bool interrupted;             /* it was under way, and its owner is dead or gone; what workers gave
                                     back while it waited is not */
    bool owner_hidden;            /* nobody here can tell whether its owner lives */
    bool mine;                    /* this store handle is the owner */
    int64_t owner_pid;            /* its process; 0: unknown */
    char owner_kind[16];          /* "run", "worker"; "": unknown */
    bool recovered;               /* given by take_up: its owner was dead or gone */
    unsigned taken_up;            /* how often it went on after a crash since its last progress */
    const char *request, *reason; /* NULL: none */
    store_text input, output, error;
    store_bytes settings, cursor;
} store_execution;

/* 0 to go on; 1 to end the walk, which then succeeds; -1 with *err to end it with that error. */
typedef int (*store_execution_each)(void *data, const store_execution *x, baton_error **err);
typedef int (*store_record_each)(void *data, const store_record *r, int64_t seq, baton_error **err);
typedef int (*store_log_each)(void *data, const store_log *log, int64_t seq, baton_error **err);

/* Which executions to take up. */
typedef struct store_claim {
    const char *id;    /* this one, whoever began it and whatever it was built in; else: */
    bool interrupted;  /* those that are, and whose steps were journaled if they began ... */
    bool attended_too; /* ... also attended ones */
    bool ready;        /* those without an owner, not attended, pending or waiting, and due by now_ns */
    int64_t now_ns;
    size_t limit;            /* 0: no limit */
    bool take_over;          /* also from owners that are hidden */
    bool built;              /* also workflows built in C ... */
    const uint64_t *digests; /* ... that have one of these digests */
    size_t digest_count;
    const char *const *strategies; /* under one of these only; NULL: under any */
    size_t strategy_count;
    const int64_t *unfit; /* not of these workflows, by their numbers */
    size_t unfit_count;
} store_claim;

typedef struct store_filter {
    const char *status;         /* "interrupted", or the status of what is not; NULL: all */
    const char *workflow;       /* a name; NULL: all */
    int64_t since_ns, until_ns; /* of creation, from and before; 0: no bound. Where the clock was set back
                                   by more than an hour, `since` may miss some */
    const char *before;         /* the id of the last one of the page before; NULL: the newest first */
    size_t limit;               /* 0: no limit */
} store_filter;

typedef struct store_statistics {
    uint64_t pending, running, interrupted, waiting, suspended, completed, faulted, cancelled;
    uint64_t due;                        /* what a worker would take up at once */
    int64_t oldest_ns, newest_ns;        /* created; of the pending; 0: none */
    double average_priority;             /* of the pending */
    double average_duration_ms;          /* of the last 1000 that completed */
    uint64_t records, workflows, owners; /* records: no fewer than there are */
    uint64_t bytes, free_bytes;          /* of the file */
} store_statistics;

/* A work item of the task service, as the table `tasks` has it (seed, "Database Task Creation
 * Instructions"), and Baton's own state of it. NULL: none. */
typedef struct store_task {
    const char *id, *project_id, *title, *description, *type, *category, *priority, *status;
    const char *source_type, *source_path, *source_content;
    const char *metadata;   /* JSON, an object */
    double estimated_hours; /* negative: none */
    int64_t position;       /* in the order of import, from 1; 0 in a new task: given by the store */
    int64_t version;        /* raised by each write; a write that names another one is a conflict. 0: new */
    uint64_t digest;        /* of source_content */
    int64_t imported_ns, updated_ns;
    const char *execution; /* the id of the one that carries it out, or did last */
    const char *state;     /* JSON, an object that the service alone reads */
    const struct store_task_dependency *dependencies; /* written: NULL leaves them as they are */
    size_t dependency_count;
} store_task;

typedef struct store_task_dependency {
    const char *text;       /* as the document names it */
    const char *depends_on; /* a task's id; NULL: external */
    bool satisfied;         /* somebody said so */
} store_task_dependency;

typedef struct store_task_filter {
    const char *id;          /* this one; NULL: all */
    const char *project_id;  /* NULL: all */
    const char *source_path; /* NULL: all */
    const char *status;      /* NULL: all */
    bool content;            /* description and source_content are read too */
    bool metadata;
    bool dependencies;
} store_task_filter;

/* Borrowed by the callback, which must not read tasks itself. 0 to go on, 1 to end the walk, -1 with *err.
 */
typedef int (*store_task_each)(void *data, const store_task *task, baton_error **err);

typedef struct store_options {
    bool look; /* nothing is created: a store that is not there is BATON_ERROR_NOT_FOUND */
    bool sync_normal;
    const char *kind; /* of the owner: "run" when a person looks after what it runs; NULL: "worker" */
} store_options;

typedef struct store_type {
    const char *name;
    bool durable; /* keeps what has ended; the engine then writes journals and snapshots for it */
    store *(*open)(const char *where, const store_options *options, baton_error **err);
    /* Executions that it still owns are without an owner afterwards. */
    void (*close)(store *s);
    /* Writes changes in their order. Sets the rows, and in each change whether it was lost: whoever may not
     * look at the rows, since the next commit has them already, reads that. */
    int (*commit)(store *s, store_change *changes, size_t count, baton_error **err);

    /* The cursor that was committed last, appended. */
    int (*load)(store *s, const store_row *row, buffer *cursor, baton_error **err);
    /* The execution with this id, or BATON_ERROR_NOT_FOUND. */
    int (*find)(store *s, const char *id, store_execution *x, baton_error **err);
    /* The text that an execution keeps under a number, appended. */
    int (*read)(store *s, const store_row *row, int64_t number, buffer *text, baton_error **err);
    /* A workflow by its number; what it points to lives until the store is asked the next time. */
    int (*read_workflow)(store *s, int64_t number, store_workflow *w, baton_error **err);

    /* Takes executions up in one transaction: each one becomes this handle's own, its epoch
     * raised, and is given to `each` afterwards (which must not end the walk). With an id:
     * BATON_ERROR_NOT_FOUND when there is none, _CONFLICT when it has ended or a live owner has it,
     * _NOT_ALLOWED when its owner is hidden. */
    int (*take_up)(store *s, const store_claim *claim, store_execution_each each, void *data,
                   baton_error **err);
    /* When the first one of those is due that `ready` means, whether or not a claim can run its workflow: a
     * moment that has passed says that others must take it up. INT64_MAX: none. */
    int (*next_due)(store *s, int64_t *wake_ns, baton_error **err);
    /* False as long as nobody, this handle included, has written since it was last asked. Cheap. */
    bool (*has_changed)(store *s);
    /* Asks the owner of an execution for something ("cancel", "suspend"); the last request counts. Whoever
     * takes it up later is told of "cancel" alone. _NOT_FOUND, or _CONFLICT when it has ended. */
    int (*ask)(store *s, const char *id, const char *request, baton_error **err);
    /* What was asked of executions that this handle owns; each is told once. */
    int (*asked)(store *s, store_execution_each each, void *data, baton_error **err);

    /* The newest first, one query each: what changes meanwhile may be seen before or after. */
    int (*list)(store *s, const store_filter *filter, store_execution_each each, void *data,
                baton_error **err);
    /* An execution's records with a number above `after`, in order. */
    int (*journal)(store *s, const char *id, uint32_t after, store_record_each each, void *data,
                   baton_error **err);
    /* What its processes wrote with a seq above `after`, in order. */
    int (*logs)(store *s, const char *id, int64_t after, store_log_each each, void *data,
                baton_error **err);
    int (*statistics)(store *s, int64_t now_ns, store_statistics *statistics, baton_error **err);
    /* Deletes executions that ended before that moment, with all that belongs to them, and gives the room
     * back; not those that one depends on which has not begun. Does one piece of that, some hundred
     * executions, and says how many went, and whether there is more to do: then it goes on there. */
    int (*prune)(store *s, int64_t ended_before_ns, size_t *pruned, bool *more, baton_error **err);
    /* A copy of the whole store in a new file, while others work on it. In the copy nobody owns anything.
     */
    int (*backup)(store *s, const char *path, baton_error **err);

    /* Writes tasks, all or none, in their order; one that is there with the version that it was read with.
     * Each needs an id, a project, a title and a status. A description is not written: it is the
     * source_content for whoever reads. What is NULL in a task that is there stays as it was for
     * source_content and metadata (read without them), and becomes none for the other columns. Sets no
     * position or version in the array. BATON_ERROR_CONFLICT, and nothing was written (which is no failure
     * of the store), when one has another version by now, or another task has its project and path. */
    int (*write_tasks)(store *s, const store_task *tasks, size_t count, baton_error **err);
    /* By position. */
    int (*read_tasks)(store *s, const store_task_filter *filter, store_task_each each, void *data,
                      baton_error **err);
} store_type;

struct store {
    const store_type *type;
    const char *path; /* of its file, absolute; NULL: none */
};

extern const store_type store_memory, store_sqlite;

/* For a program of its own, before it opens a store: settings of SQLite that count for the whole process,
 * and make it faster. */
void store_tune_process(void);
/* Opens the store that a URL names: NULL or "memory:", "sqlite:PATH" or a path. options may be NULL. */
store *store_open(const char *url, const store_options *options, baton_error **err);

#endif
