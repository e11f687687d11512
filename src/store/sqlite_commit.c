/* The SQLite store: commits. Where the speed of everything durable is decided.
 *
 * A change costs one INSERT or UPDATE of its execution's row and one INSERT for each record. SQLite writes
 * a row anew as a whole, and evaluates each index whose columns an UPDATE names; so an UPDATE names only
 * what has changed, and there is one statement for each combination of groups (see group_sql). What the row
 * holds at present is remembered in the memo that store_row.data is used as.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <string.h>

/* ---- The memo: no pointer, but bits ---- */

enum {
    MEMO_KNOWN = 1,
    MEMO_WAKE = 2,     /* wake_at is set */
    MEMO_STARTED = 4,  /* started_at is set */
    MEMO_RELEASED = 8, /* nobody owns it; its epoch still protects it */
    MEMO_STATUS = 16,  /* times the status */
};

static uintptr_t memo_of(const store_row *row) { return (uintptr_t)row->data; }
static void *memo(execution_status status, int64_t wake_ns, int64_t started_ns, bool released) {
    uintptr_t bits = MEMO_KNOWN | (wake_ns != INT64_MAX ? MEMO_WAKE : 0) | (started_ns ? MEMO_STARTED : 0) |
                     (released ? MEMO_RELEASED : 0) | (uintptr_t)status * MEMO_STATUS;
    return (void *)bits;
}
void *sqlite_memo(const store_execution *x) { return memo(x->status, x->wake_ns, x->started_ns, !x->mine); }

/* ---- One commit ---- */

enum { BATCH_RECORDS = 16, RECORD_COLUMNS = 13 };

/* A record that is not written yet. */
typedef struct batch_record {
    const store_record *record;
    int64_t seq, key, previous;
} batch_record;

typedef struct batch {
    sqlite_store *s;
    connection *c;
    baton_error **err;
    int64_t seq;    /* of the last record in the journal */
    int64_t now_us; /* 0: not read yet */
    bool numbered;
    int64_t created; /* the key of the first execution that this commit creates; 0: none yet */
    bool depends;    /* an execution was given dependencies */
    bool unsettled;  /* or one began or ended, or may have to wait */
    batch_record records[BATCH_RECORDS];
    unsigned record_count;
} batch;

static sqlite3_stmt *prepare(batch *b, const char *sql) { return sqlite_prepare(b->s, b->c, sql, b->err); }
static int run(batch *b, sqlite3_stmt *st) { return sqlite_run(b->s, b->c, st, b->err); }
static int64_t now(batch *b) {
    if (!b->now_us) b->now_us = sqlite_now();
    return b->now_us;
}

static bool has_ended(const store_change *change) {
    return change->moved && change->status >= EXECUTION_COMPLETED;
}
static bool has_begun(const store_change *change) {
    return change->moved && change->started_ns && change->status != EXECUTION_PENDING;
}
static bool is_released(const store_change *change) { return change->release || has_ended(change); }

/* It may have been given dependencies, or was owned while they stood. */
static bool may_wait(const store_change *change) {
    return change->creation || (change->release && change->status == EXECUTION_PENDING);
}

/* Records of one commit follow one another; others may have written since the last one. */
static int find_seq(batch *b) {
    if (b->numbered) return 0;
    b->numbered = true;
    return sqlite_integer(b->s, b->c, "SELECT max(seq) FROM journal", &b->seq, b->err);
}

/* Binds a record to the columns that begin at parameter `at`. */
static void bind_record(sqlite3_stmt *st, int at, const batch_record *r) {
    const store_record *record = r->record;
    sqlite3_bind_int64(st, at, r->seq);
    sqlite3_bind_int64(st, at + 1, r->key);
    sqlite_bind_integer(st, at + 2, r->previous);
    sqlite3_bind_int64(st, at + 3, record->number);
    sqlite_bind_integer(st, at + 4, record->key);
    sqlite3_bind_int64(st, at + 5, record->time_ns / 1000);
    sqlite_bind_text(st, at + 6, record_kind_name(record->kind));
    sqlite_bind_text(st, at + 7, record->reference);
    sqlite_bind_integer(st, at + 8, record->attempt);
    sqlite_bind_integer(st, at + 9, record->count);
    sqlite_bind_integer(st, at + 10, record->duration_ns);
    sqlite_bind_value(st, at + 11, record->data);
    sqlite_bind_value(st, at + 12, record->more);
}

#define RECORD       "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define FOUR_RECORDS RECORD ", " RECORD ", " RECORD ", " RECORD
#define INSERT                                                                                             \
    "INSERT OR FAIL INTO journal (seq, execution, previous, number, key, time, kind, reference, attempt, " \
    "count,"                                                                                               \
    " duration, data, more) VALUES "

/* Half of what a record costs is to run a statement, so many go into one. */
static int flush_records(batch *b) {
    bool full = b->record_count == BATCH_RECORDS;
    sqlite3_stmt *st =
        prepare(b, full ? INSERT FOUR_RECORDS ", " FOUR_RECORDS ", " FOUR_RECORDS ", " FOUR_RECORDS
                        : INSERT RECORD);
    if (!st) return -1;
    for (unsigned i = 0; i < b->record_count; i++) {
        bind_record(st, full ? 1 + (int)i * RECORD_COLUMNS : 1, &b->records[i]);
        if ((!full || i + 1 == b->record_count) && run(b, st) != 0) return -1;
    }
    b->record_count = 0;
    return 0;
}

static int add_record(batch *b, store_row *row, const store_record *r) {
    b->records[b->record_count++] = (batch_record){r, ++b->seq, row->key, row->last};
    row->last = b->seq;
    return b->record_count == BATCH_RECORDS ? flush_records(b) : 0;
}

static int insert_datum(batch *b, int64_t key, const store_datum *d) {
    sqlite3_stmt *st = prepare(b, "INSERT INTO data (number, execution, text) VALUES (?1, ?2, ?3)");
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, d->number);
    sqlite3_bind_int64(st, 2, key);
    sqlite_bind_bytes(st, 3, d->text);
    return run(b, st);
}

static int insert_log(batch *b, int64_t key, const store_log *log) {
    sqlite3_stmt *st =
        prepare(b, "INSERT INTO logs (execution, reference, key, attempt, stream, time, bytes)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, key);
    sqlite_bind_text(st, 2, log->reference);
    sqlite_bind_integer(st, 3, log->key);
    sqlite_bind_integer(st, 4, log->attempt);
    sqlite3_bind_int(st, 5, log->stream);
    sqlite3_bind_int64(st, 6, log->time_ns / 1000);
    sqlite3_bind_blob64(st, 7, log->bytes.size ? log->bytes.bytes : "", log->bytes.size, SQLITE_STATIC);
    return run(b, st);
}

/* What stands beside the execution's row. */
static int insert_rest(batch *b, const store_change *change) {
    store_row *row = change->row;
    for (size_t i = 0; i < change->record_count; i++)
        if (add_record(b, row, &change->records[i]) != 0) return -1;
    for (size_t i = 0; i < change->datum_count; i++)
        if (insert_datum(b, row->key, &change->data[i]) != 0) return -1;
    for (size_t i = 0; i < change->log_count; i++)
        if (insert_log(b, row->key, &change->logs[i]) != 0) return -1;
    return 0;
}

/* ---- Workflows ---- */

static int find_workflow(batch *b, const store_workflow *w, int64_t *id) {
    sqlite3_stmt *st =
        prepare(b, "SELECT id FROM workflows WHERE digest = ?1 AND built = ?2 AND namespace = ?3"
                   " AND name = ?4 AND version = ?5 AND text = ?6");
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, (int64_t)w->digest);
    sqlite3_bind_int(st, 2, w->built);
    sqlite_bind_text(st, 3, w->namespace);
    sqlite_bind_text(st, 4, w->name);
    sqlite_bind_text(st, 5, w->version);
    sqlite_bind_bytes(st, 6, w->text);
    int row = sqlite_row(b->s, b->c, st, b->err);
    if (row > 0) *id = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return row;
}

static int insert_workflow(batch *b, const store_workflow *w, int64_t *id) {
    sqlite3_stmt *st =
        prepare(b, "INSERT INTO workflows (namespace, name, version, digest, file, built, text,"
                   " created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    if (!st) return -1;
    sqlite_bind_text(st, 1, w->namespace);
    sqlite_bind_text(st, 2, w->name);
    sqlite_bind_text(st, 3, w->version);
    sqlite3_bind_int64(st, 4, (int64_t)w->digest);
    sqlite_bind_text(st, 5, w->file);
    sqlite3_bind_int(st, 6, w->built);
    sqlite_bind_bytes(st, 7, w->text);
    sqlite3_bind_int64(st, 8, now(b));
    if (run(b, st) != 0) return -1;
    *id = sqlite3_last_insert_rowid(b->c->db);
    return 0;
}

/* Somebody may have pruned it since, and its number may be another's now: looked at once a transaction. */
static int still_there(batch *b, known_workflow *known) {
    sqlite3_stmt *st = prepare(b, "SELECT 1 FROM workflows WHERE id = ?1 AND digest = ?2");
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, known->id);
    sqlite3_bind_int64(st, 2, (int64_t)known->digest);
    int row = sqlite_row(b->s, b->c, st, b->err);
    sqlite3_reset(st);
    return row;
}

static int workflow_id(batch *b, const store_workflow *w, int64_t *id) {
    known_workflow *known = &b->s->workflows[w->digest % KNOWN_WORKFLOWS];
    bool same = known->id && known->digest == w->digest && known->bytes == w->text.bytes &&
                known->size == w->text.size;
    if (same && known->checked != b->s->transaction) {
        int there = still_there(b, known);
        if (there < 0) return -1;
        same = there;
    }
    if (!same) {
        int row = find_workflow(b, w, &known->id);
        if (row < 0 || (row == 0 && insert_workflow(b, w, &known->id) != 0)) return -1;
        known->digest = w->digest;
        known->bytes = w->text.bytes;
        known->size = w->text.size;
    }
    known->checked = b->s->transaction;
    *id = known->id;
    return 0;
}

/* ---- The row of an execution ---- */

/* Of a pending one without an owner: when it may begin. Until its dependencies are settled, that is. */
static void bind_wake(batch *b, sqlite3_stmt *st, int at, const store_change *change, bool unowned) {
    if (change->wake_ns == INT64_MAX && unowned && change->status == EXECUTION_PENDING)
        sqlite3_bind_int64(st, at, now(b));
    else
        sqlite_bind_wake(st, at, change->wake_ns);
}

/* An id that is taken leaves the new row lost, without a key. */
static int insert_execution(batch *b, const store_change *change) {
    const store_creation *x = change->creation;
    store_row *row = change->row;
    int64_t workflow;
    if (workflow_id(b, &x->workflow, &workflow) != 0) return -1;
    sqlite3_stmt *st = prepare(
        b, "INSERT INTO executions (id, workflow, status, strategy, priority, created_at, started_at,"
           " ended_at, wake_at, owner, attended, epoch, taken_up, last, number, reason, settings, input,"
           " output, error, cursor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0,"
           " ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) ON CONFLICT (id) DO NOTHING");
    if (!st) return -1;
    /* Without the fields of a move it begins as what a creation says. */
    store_change first = *change;
    if (!change->moved) first = (store_change){.status = EXECUTION_PENDING, .wake_ns = INT64_MAX};
    bool unowned = x->unowned || is_released(change);
    sqlite_bind_text(st, 1, x->id);
    sqlite3_bind_int64(st, 2, workflow);
    sqlite_bind_text(st, 3, execution_status_name(first.status));
    sqlite_bind_text(st, 4, x->strategy);
    sqlite3_bind_int(st, 5, x->priority);
    sqlite3_bind_int64(st, 6, x->created_ns / 1000);
    sqlite_bind_time(st, 7, first.started_ns);
    sqlite_bind_time(st, 8, first.ended_ns);
    bind_wake(b, st, 9, &first, unowned);
    sqlite_bind_integer(st, 10, unowned ? 0 : b->s->owner);
    sqlite3_bind_int(st, 11, !x->unowned && b->s->attended);
    sqlite3_bind_int(st, 12, !x->unowned);
    sqlite_bind_integer(st, 13, change->record_count ? b->seq + (int64_t)change->record_count : 0);
    sqlite3_bind_int64(st, 14, first.number);
    sqlite_bind_text(st, 15, first.reason);
    sqlite_bind_bytes(st, 16, x->settings);
    sqlite_bind_value(st, 17, x->input);
    sqlite_bind_value(st, 18, first.output);
    sqlite_bind_value(st, 19, first.error);
    sqlite_bind_bytes(st, 20, first.cursor);
    if (run(b, st) != 0) return -1;
    row->lost = sqlite3_changes(b->c->db) == 0;
    if (row->lost) return 0;
    row->key = sqlite3_last_insert_rowid(b->c->db);
    if (!b->created) b->created = row->key;
    row->last = 0;
    row->epoch = !x->unowned;
    row->data = memo(first.status, first.wake_ns, first.started_ns, unowned);
    return 0;
}

/* The groups of columns that an UPDATE may name. */
enum {
    STATE = 1,    /* status, wake_at, reason */
    START = 2,    /* started_at */
    END = 4,      /* ended_at, output, error */
    PROGRESS = 8, /* taken_up */
    RELEASE = 16, /* owner, request */
    OWNED = 32,   /* only as the owner; else only if nobody owns it */
    RECOVERY = 64 /* taken_up */
};

static sqlite3_stmt *update_statement(batch *b, unsigned groups) {
    sqlite3_stmt **st = &b->s->updates[groups];
    if (*st) return *st;
    buffer sql = {0};
    buffer_puts(&sql, "UPDATE executions SET last = ?3, number = ?4");
    buffer_puts(&sql, groups & END ? ", cursor = NULL" : ", cursor = coalesce(?5, cursor)");
    if (groups & STATE) buffer_puts(&sql, ", status = ?6, wake_at = ?7, reason = ?8");
    if (groups & START) buffer_puts(&sql, ", started_at = ?9");
    if (groups & END) buffer_puts(&sql, ", ended_at = ?10, output = ?11, error = ?12");
    if (groups & PROGRESS)
        buffer_puts(&sql, ", taken_up = 0");
    else if (groups & RECOVERY)
        buffer_puts(&sql, ", taken_up = taken_up + 1");
    if (groups & RELEASE) buffer_puts(&sql, ", owner = NULL, request = NULL");
    buffer_puts(&sql, " WHERE key = ?1 AND epoch = ?2 AND owner ");
    buffer_puts(&sql, groups & OWNED ? "= ?13" : "IS NULL");
    if (buffer_failed(&sql)) {
        error_memory(b->err);
    } else if (sqlite3_prepare_v3(b->c->db, sql.data, -1, SQLITE_PREPARE_PERSISTENT, st, NULL) !=
               SQLITE_OK) {
        sqlite_error(b->s, b->c, b->err);
    }
    buffer_done(&sql);
    return *st;
}

static unsigned groups_of(const store_change *change) {
    uintptr_t before = memo_of(change->row);
    bool known = before & MEMO_KNOWN, ended = has_ended(change);
    bool same = known && before / MEMO_STATUS == (uintptr_t)change->status && !(before & MEMO_WAKE) &&
                change->wake_ns == INT64_MAX && !change->reason && change->status == EXECUTION_RUNNING;
    unsigned groups = same ? 0 : STATE;
    if (change->started_ns && !(before & MEMO_STARTED)) groups |= START;
    if (ended) groups |= END;
    if (change->progress) groups |= PROGRESS;
    if (change->recovery) groups |= RECOVERY;
    if (is_released(change)) groups |= RELEASE;
    if (!(before & MEMO_RELEASED)) groups |= OWNED;
    return groups;
}

/* An execution that was given back is not gone on with, though nobody may have taken it up yet: it would be
 * under way without an owner. It may be ended, or given back in another state; and what this very commit
 * creates without an owner (its epoch is 0) nobody else has seen. */
static bool is_foreign(const batch *b, const store_change *change) {
    const store_row *row = change->row;
    bool fresh = !row->epoch && b->created && row->key >= b->created;
    return memo_of(row) & MEMO_RELEASED && !is_released(change) && !fresh;
}

static int update_execution(batch *b, const store_change *change) {
    store_row *row = change->row;
    row->lost = is_foreign(b, change);
    if (row->lost) return 0;
    unsigned groups = groups_of(change);
    sqlite3_stmt *st = update_statement(b, groups);
    if (!st) return -1;
    bool released = groups & RELEASE || !(groups & OWNED);
    sqlite3_bind_int64(st, 1, row->key);
    sqlite3_bind_int64(st, 2, row->epoch);
    sqlite_bind_integer(st, 3, change->record_count ? b->seq + (int64_t)change->record_count : row->last);
    sqlite3_bind_int64(st, 4, change->number);
    sqlite_bind_bytes(st, 5, change->cursor);
    if (groups & STATE) {
        sqlite_bind_text(st, 6, execution_status_name(change->status));
        bind_wake(b, st, 7, change, released);
        sqlite_bind_text(st, 8, change->reason);
    }
    if (groups & START) sqlite_bind_time(st, 9, change->started_ns);
    if (groups & END) {
        sqlite_bind_time(st, 10, change->ended_ns);
        sqlite_bind_value(st, 11, change->output);
        sqlite_bind_value(st, 12, change->error);
    }
    if (groups & OWNED) sqlite3_bind_int64(st, 13, b->s->owner);
    if (run(b, st) != 0) return -1;
    row->lost = sqlite3_changes(b->c->db) == 0;
    b->unsettled |= groups & STATE && has_begun(change);
    row->data = memo(change->status, change->wake_ns, change->started_ns || (memo_of(row) & MEMO_STARTED),
                     released);
    return 0;
}

static int check_epoch(batch *b, store_row *row) {
    sqlite3_stmt *st = prepare(b, "SELECT 1 FROM executions WHERE key = ?1 AND epoch = ?2");
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, row->key);
    sqlite3_bind_int64(st, 2, row->epoch);
    int there = sqlite_row(b->s, b->c, st, b->err);
    sqlite3_reset(st);
    row->lost = there == 0;
    return there < 0 ? -1 : 0;
}

static int write_change(batch *b, store_change *change) {
    int result = 0;
    change->lost = change->row->lost;
    if (change->lost) return 0;
    if (change->record_count && find_seq(b) != 0) return -1;
    if (change->creation)
        result = insert_execution(b, change);
    else
        result = change->moved ? update_execution(b, change) : check_epoch(b, change->row);
    change->lost = change->row->lost;
    if (result != 0 || change->lost) return result;
    b->depends |= change->creation && change->creation->dependency_count;
    b->unsettled |= b->depends || has_ended(change) || (change->release && may_wait(change));
    return insert_rest(b, change);
}

/* ---- Dependencies ----
 * The table holds those of executions that have not begun, also those that have ended: they are looked at
 * when their dependents begin, and not pruned before. Settled when all changes are written: what an
 * execution depends on may stand behind it in the same commit. */

static int with_key(batch *b, const char *sql, int64_t key) {
    sqlite3_stmt *st = prepare(b, sql);
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, key);
    if (sqlite3_bind_parameter_count(st) > 1) sqlite3_bind_int64(st, 2, now(b));
    return run(b, st);
}

static int add_dependencies(batch *b, const store_creation *x, int64_t key) {
    sqlite3_stmt *st = prepare(b, "INSERT INTO dependencies SELECT ?1, id,"
                                  " status IN ('completed', 'faulted', 'cancelled')"
                                  " FROM executions WHERE id = ?2 ON CONFLICT DO NOTHING");
    if (!st) return -1;
    for (size_t i = 0; i < x->dependency_count; i++) {
        sqlite3_bind_int64(st, 1, key);
        sqlite_bind_text(st, 2, x->dependencies[i]);
        if (run(b, st) != 0) return -1;
    }
    return 0;
}

static int drop_dependencies(batch *b, int64_t key) {
    return with_key(b, "DELETE FROM dependencies WHERE execution = ?1", key);
}

/* Those that were waiting for this one alone may begin. */
static int end_dependencies(batch *b, int64_t key) {
    if (drop_dependencies(b, key) != 0) return -1;
    if (with_key(b,
                 "UPDATE dependencies SET ended = 1 WHERE depends_on ="
                 " (SELECT id FROM executions WHERE key = ?1)",
                 key) != 0)
        return -1;
    if (sqlite3_changes(b->c->db) == 0) return 0;
    return with_key(b,
                    "UPDATE executions SET wake_at = ?2 WHERE owner IS NULL AND status = 'pending' AND key"
                    " IN (SELECT execution FROM dependencies AS d WHERE depends_on ="
                    " (SELECT id FROM executions WHERE key = ?1) AND NOT EXISTS (SELECT 1 FROM"
                    " dependencies WHERE execution = d.execution AND NOT ended))",
                    key);
}

static int settle_dependencies(batch *b, const store_change *changes, size_t count) {
    for (size_t i = 0; i < count && b->depends; i++) {
        const store_change *change = &changes[i];
        if (!change->creation || change->lost) continue;
        if (add_dependencies(b, change->creation, change->row->key) != 0) return -1;
    }
    int64_t any;
    if (sqlite_integer(b->s, b->c, "SELECT EXISTS (SELECT 1 FROM dependencies)", &any, b->err) != 0)
        return -1;
    int result = 0;
    for (size_t i = 0; i < count && any && result == 0; i++) {
        const store_change *change = &changes[i];
        if (change->lost) continue;
        if (has_ended(change))
            result = end_dependencies(b, change->row->key);
        else if (has_begun(change))
            result = drop_dependencies(b, change->row->key);
        else if (may_wait(change))
            result = with_key(b,
                              "UPDATE executions SET wake_at = NULL WHERE key = ?1 AND owner IS NULL"
                              " AND status = 'pending'"
                              " AND EXISTS (SELECT 1 FROM dependencies WHERE execution = ?1 AND NOT"
                              " ended)",
                              change->row->key);
    }
    return result;
}

int sqlite_commit(store *base, store_change *changes, size_t count, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    batch b = {.s = s, .c = &s->writer, .err = err};
    if (sqlite_begin(s, true, err) != 0) return -1;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) result = write_change(&b, &changes[i]);
    if (result == 0) result = flush_records(&b);
    if (result == 0 && b.unsettled) result = settle_dependencies(&b, changes, count);
    return sqlite_end(s, result, err);
}
