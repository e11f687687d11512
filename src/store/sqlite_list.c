/* The SQLite store: lists and figures.
 *
 * A list must cost what it shows, not what the store holds. So it gathers keys first: each filter is one or
 * several ranges of an index, in each of which keys are in order, and of no range more is read than the
 * list may show. Then the newest of them are given.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <stdlib.h>
#include <string.h>

/* Clocks may have been set back this much, and yet a list from a moment on misses nothing. */
#define CLOCK_SLACK_US (INT64_C(3600) * 1000000)

static int newest_first(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* ---- Which ---- */

typedef struct query {
    sqlite_store *s;
    const store_filter *filter;
    bool interrupted;
    int64_t before, from; /* keys */
    buffer living;        /* the numbers of owners that live, or may: "1, 2" */
    integers found;
    baton_error **err;
} query;

/* What of a list's conditions is looked up in an index; the rest is checked row by row. */
typedef enum range {
    RANGE_ALL,
    RANGE_STATUS, /* of what has no owner */
    RANGE_OWNED,  /* what engines have now: not much */
    RANGE_WORKFLOW,
    RANGE_UNOWNED, /* running, but nobody runs it */
    RANGE_LEFT,    /* begun by a person, who is gone */
    RANGE_OWNER,
    RANGE_ASKED, /* the few of an owner that were asked for something: its index has them apart */
} range;

/* An execution whose owner died is interrupted, and no longer what its row says. */
static void write_status(query *q, buffer *sql, const char *column) {
    const char *status = q->filter->status;
    if (!status || q->interrupted) return;
    buffer_printf(sql, " AND %s = ?2", column);
    if (strcmp(status, "running") == 0)
        buffer_printf(sql, " AND +owner IN (%s)", buffer_text(&q->living));
    else if (strcmp(status, "pending") == 0 || strcmp(status, "waiting") == 0)
        buffer_printf(sql, " AND (owner IS NULL AND NOT attended OR +owner IN (%s))",
                      buffer_text(&q->living));
}

static sqlite3_stmt *range_statement(query *q, range of) {
    const store_filter *f = q->filter;
    buffer sql = {0};
    buffer_puts(&sql, "SELECT key FROM executions");
    if (of == RANGE_OWNED) buffer_puts(&sql, " INDEXED BY executions_owner");
    if (of == RANGE_LEFT) buffer_puts(&sql, " INDEXED BY executions_left");
    buffer_puts(&sql, " WHERE true");
    write_status(q, &sql, of == RANGE_STATUS ? "status" : "+status");
    if (of == RANGE_STATUS) buffer_puts(&sql, " AND owner IS NULL");
    if (of == RANGE_OWNED) buffer_puts(&sql, " AND owner IS NOT NULL");
    if (of == RANGE_WORKFLOW) buffer_puts(&sql, " AND workflow = ?1");
    if (of == RANGE_UNOWNED) buffer_puts(&sql, " AND status = 'running' AND owner IS NULL");
    if (of == RANGE_LEFT)
        buffer_puts(&sql, " AND owner IS NULL AND attended AND status IN ('pending', 'waiting')");
    if (of == RANGE_OWNER || of == RANGE_ASKED)
        buffer_printf(&sql,
                      " AND owner = ?1 AND request %s AND +status IN ('pending', 'running', 'waiting')",
                      of == RANGE_OWNER ? "IS NULL" : "> ''");
    if (of != RANGE_WORKFLOW && f->workflow)
        buffer_puts(&sql, " AND +workflow IN (SELECT id FROM workflows WHERE name = ?3)");
    if (f->since_ns) buffer_puts(&sql, " AND created_at >= ?4 AND key >= ?8");
    if (f->until_ns) buffer_puts(&sql, " AND created_at < ?5");
    if (f->before) buffer_puts(&sql, " AND key < ?6");
    if (of != RANGE_ASKED && of != RANGE_OWNED) buffer_puts(&sql, " ORDER BY key DESC LIMIT ?7");
    sqlite3_stmt *st = NULL;
    if (buffer_failed(&sql))
        error_memory(q->err);
    else if (sqlite3_prepare_v2(q->s->reader.db, sql.data, -1, &st, NULL) != SQLITE_OK)
        sqlite_error(q->s, &q->s->reader, q->err);
    buffer_done(&sql);
    if (!st) return NULL;
    sqlite_bind_text(st, 2, f->status);
    sqlite_bind_text(st, 3, f->workflow);
    sqlite3_bind_int64(st, 4, f->since_ns / 1000);
    sqlite3_bind_int64(st, 5, f->until_ns / 1000);
    sqlite3_bind_int64(st, 6, q->before);
    sqlite3_bind_int64(st, 7, f->limit ? (int64_t)f->limit : -1);
    sqlite3_bind_int64(st, 8, q->from);
    return st;
}

static int gather(query *q, sqlite3_stmt *st) {
    int row;
    while ((row = sqlite_row(q->s, &q->s->reader, st, q->err)) > 0)
        if (sqlite_note(&q->found, sqlite3_column_int64(st, 0), q->err) != 0) break;
    sqlite3_reset(st);
    return row == 0 ? 0 : -1;
}

/* One range for each version of the workflow. */
static int gather_workflows(query *q, sqlite3_stmt *st) {
    connection *c = &q->s->reader;
    sqlite3_stmt *ids = sqlite_prepare(q->s, c, "SELECT id FROM workflows WHERE name = ?1", q->err);
    if (!ids) return -1;
    sqlite_bind_text(ids, 1, q->filter->workflow);
    int row;
    while ((row = sqlite_row(q->s, c, ids, q->err)) > 0) {
        sqlite3_bind_int64(st, 1, sqlite3_column_int64(ids, 0));
        if (gather(q, st) != 0) break;
    }
    sqlite3_reset(ids);
    return row == 0 ? 0 : -1;
}

/* One range for each owner that is dead. */
static int gather_owners(query *q, sqlite3_stmt *st) {
    for (int64_t owner = 0;;) {
        verdict v;
        if (sqlite_next_owner(q->s, &owner, q->err) != 0) return -1;
        if (!owner) return 0;
        if (sqlite_judge(q->s, owner, &v, q->err) != 0) return -1;
        sqlite3_bind_int64(st, 1, owner);
        if (v.state == OWNER_DEAD && gather(q, st) != 0) return -1;
    }
}

static int gather_range(query *q, range of) {
    sqlite3_stmt *st = range_statement(q, of);
    if (!st) return -1;
    int result = of == RANGE_WORKFLOW ? gather_workflows(q, st)
                 : of >= RANGE_OWNER  ? gather_owners(q, st)
                                      : gather(q, st);
    sqlite3_finalize(st);
    return result;
}

static int find_living(query *q) {
    for (int64_t owner = 0;;) {
        verdict v;
        if (sqlite_next_owner(q->s, &owner, q->err) != 0) return -1;
        if (!owner) return buffer_failed(&q->living) ? error_memory(q->err) : 0;
        if (sqlite_judge(q->s, owner, &v, q->err) != 0) return -1;
        if (v.state != OWNER_DEAD)
            buffer_printf(&q->living, "%s%lld", q->living.size ? ", " : "", (long long)owner);
    }
}

static int find_before(query *q) {
    connection *c = &q->s->reader;
    sqlite3_stmt *st = sqlite_prepare(q->s, c, "SELECT key FROM executions WHERE id = ?1", q->err);
    if (!st) return -1;
    sqlite_bind_text(st, 1, q->filter->before);
    int row = sqlite_row(q->s, c, st, q->err);
    if (row == 0)
        return baton_error_set(q->err, BATON_ERROR_NOT_FOUND, "there is no execution '%s'",
                               q->filter->before);
    if (row < 0) return -1;
    q->before = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

/* Keys grow with the moments of creation: halves them until it finds the one before which all are too old.
 */
static int find_from(query *q) {
    connection *c = &q->s->reader;
    int64_t since_us = q->filter->since_ns / 1000 - CLOCK_SLACK_US, end;
    if (sqlite_integer(q->s, c, "SELECT max(key) + 1 FROM executions", &end, q->err) != 0) return -1;
    sqlite3_stmt *st = sqlite_prepare(
        q->s, c, "SELECT key, created_at FROM executions WHERE key >= ?1 ORDER BY key LIMIT 1", q->err);
    if (!st) return -1;
    while (q->from < end) {
        int64_t middle = q->from + (end - q->from) / 2;
        sqlite3_bind_int64(st, 1, middle);
        int row = sqlite_row(q->s, c, st, q->err);
        if (row < 0) return -1;
        if (row && sqlite3_column_int64(st, 1) < since_us)
            q->from = sqlite3_column_int64(st, 0) + 1;
        else
            end = middle;
        if (row) sqlite3_reset(st);
    }
    return 0;
}

static int gather_all(query *q) {
    const store_filter *f = q->filter;
    if (f->since_ns && find_from(q) != 0) return -1;
    if (f->before && find_before(q) != 0) return -1;
    if (q->interrupted) {
        for (range of = RANGE_UNOWNED; of <= RANGE_ASKED; of++)
            if (gather_range(q, of) != 0) return -1;
        return 0;
    }
    if (f->status && find_living(q) != 0) return -1;
    if (f->workflow || !f->status) return gather_range(q, f->workflow ? RANGE_WORKFLOW : RANGE_ALL);
    return gather_range(q, RANGE_STATUS) == 0 ? gather_range(q, RANGE_OWNED) : -1;
}

int sqlite_list(store *base, const store_filter *filter, store_execution_each each, void *data,
                baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    query q = {.s = s, .filter = filter, .err = err};
    q.interrupted = filter->status && strcmp(filter->status, "interrupted") == 0;
    sqlite_judge_anew(s);
    if (!sqlite_reader(s, err)) return -1;
    int result = gather_all(&q);
    size_t count = q.found.count;
    if (count) qsort(q.found.list, count, sizeof *q.found.list, newest_first);
    if (filter->limit && count > filter->limit) count = filter->limit;
    for (size_t i = 0; i < count && result == 0; i++)
        result = sqlite_give(s, q.found.list[i], NULL, each, data, err);
    buffer_done(&q.living);
    free(q.found.list);
    return result < 0 ? -1 : 0;
}

/* ---- Figures ---- */

static int count_statuses(sqlite_store *s, store_statistics *figures, baton_error **err) {
    uint64_t *const places[] = {&figures->pending,   &figures->running,   &figures->waiting,
                                &figures->suspended, &figures->completed, &figures->faulted,
                                &figures->cancelled};
    connection *c = &s->reader;
    sqlite3_stmt *st = sqlite_prepare(
        s, c,
        "SELECT (SELECT count(*) FROM executions WHERE owner IS NULL AND status = ?1)"
        " + (SELECT count(*) FROM executions INDEXED BY executions_owner WHERE owner IS NOT NULL AND"
        " +status = ?1)",
        err);
    for (int i = EXECUTION_PENDING; st && i <= EXECUTION_CANCELLED; i++) {
        sqlite_bind_text(st, 1, execution_status_name((execution_status)i));
        if (sqlite_row(s, c, st, err) < 0) return -1;
        *places[i] = (uint64_t)sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return st ? 0 : -1;
}

static int count_interrupted(void *data, const store_execution *x, baton_error **err) {
    (void)err;
    store_statistics *figures = data;
    figures->interrupted++;
    if (x->status == EXECUTION_PENDING) figures->pending--;
    if (x->status == EXECUTION_RUNNING) figures->running--;
    if (x->status == EXECUTION_WAITING) figures->waiting--;
    return 0;
}

static int measure_pending(sqlite_store *s, store_statistics *figures, baton_error **err) {
    connection *c = &s->reader;
    sqlite3_stmt *st =
        sqlite_prepare(s, c,
                       "SELECT min(created_at), max(created_at), avg(priority) FROM"
                       " (SELECT created_at, priority FROM executions WHERE owner IS NULL AND"
                       " status = 'pending' UNION ALL SELECT created_at, priority FROM executions"
                       " INDEXED BY executions_owner WHERE owner IS NOT NULL AND +status = 'pending')",
                       err);
    if (!st || sqlite_row(s, c, st, err) < 0) return -1;
    figures->oldest_ns = sqlite3_column_int64(st, 0) * 1000;
    figures->newest_ns = sqlite3_column_int64(st, 1) * 1000;
    figures->average_priority = sqlite3_column_double(st, 2);
    sqlite3_reset(st);
    return 0;
}

static int measure_durations(sqlite_store *s, store_statistics *figures, baton_error **err) {
    connection *c = &s->reader;
    sqlite3_stmt *st = sqlite_prepare(
        s, c,
        "SELECT avg(took) / 1000 FROM (SELECT ended_at - started_at AS took"
        " FROM executions WHERE owner IS NULL AND status = 'completed' ORDER BY key DESC LIMIT 1000)",
        err);
    if (!st || sqlite_row(s, c, st, err) < 0) return -1;
    figures->average_duration_ms = sqlite3_column_double(st, 0);
    sqlite3_reset(st);
    return 0;
}

static int count_due(sqlite_store *s, int64_t now_ns, store_statistics *figures, baton_error **err) {
    connection *c = &s->reader;
    sqlite3_stmt *st = sqlite_prepare(s, c,
                                      "SELECT count(*) FROM executions INDEXED BY executions_due WHERE"
                                      " owner IS NULL AND NOT attended AND status IN ('pending', 'waiting')"
                                      " AND wake_at <= ?1",
                                      err);
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, now_ns / 1000);
    if (sqlite_row(s, c, st, err) < 0) return -1;
    figures->due = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

static int count_others(sqlite_store *s, store_statistics *figures, baton_error **err) {
    struct {
        const char *sql;
        uint64_t *place;
    } const wanted[] = {
        /* Counting a journal means reading all of it. */
        {"SELECT (SELECT max(seq) FROM journal) - (SELECT min(seq) FROM journal) + 1", &figures->records},
        {"SELECT count(*) FROM workflows", &figures->workflows},
        {"SELECT count(*) FROM owners", &figures->owners},
        {"PRAGMA page_count", &figures->bytes},
        {"PRAGMA freelist_count", &figures->free_bytes},
    };
    int64_t value, page_size;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (sqlite_integer(s, &s->reader, wanted[i].sql, &value, err) != 0) return -1;
        *wanted[i].place = (uint64_t)value;
    }
    if (sqlite_integer(s, &s->reader, "PRAGMA page_size", &page_size, err) != 0) return -1;
    figures->bytes *= (uint64_t)page_size;
    figures->free_bytes *= (uint64_t)page_size;
    return 0;
}

int sqlite_statistics(store *base, int64_t now_ns, store_statistics *statistics, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    store_statistics figures = {0};
    if (!sqlite_reader(s, err)) return -1;
    const store_filter interrupted = {.status = "interrupted"};
    if (count_statuses(s, &figures, err) != 0 ||
        sqlite_list(base, &interrupted, count_interrupted, &figures, err) != 0 ||
        measure_pending(s, &figures, err) != 0 || measure_durations(s, &figures, err) != 0 ||
        count_due(s, now_ns, &figures, err) != 0 || count_others(s, &figures, err) != 0)
        return -1;
    *statistics = figures;
    return 0;
}
