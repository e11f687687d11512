/* The SQLite store: what keeps it in good order: pruning, and copies.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- Prune ----
 * In pieces, each a short transaction of its own, so that nobody is held up for long: first executions, one
 * status after the other, then the pages that became free. */

enum {
    PIECE_ROWS = 1000, /* deleted or looked at in one piece, unless one execution has more */
    PIECE_PAGES = 250, /* given back in one piece */
};

static int delete_by(sqlite_store *s, const char *sql, int64_t key, baton_error **err) {
    sqlite3_stmt *st = sqlite_prepare(s, &s->writer, sql, err);
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, key);
    return sqlite_run(s, &s->writer, st, err);
}

/* Along the chain; adds how many there were to *rows. */
static int delete_journal(sqlite_store *s, int64_t seq, int64_t *rows, baton_error **err) {
    sqlite3_stmt *st =
        sqlite_prepare(s, &s->writer, "DELETE FROM journal WHERE seq = ?1 RETURNING previous", err);
    if (!st) return -1;
    while (seq) {
        sqlite3_bind_int64(st, 1, seq);
        int row = sqlite_row(s, &s->writer, st, err);
        if (row < 0) return -1;
        seq = row ? sqlite3_column_int64(st, 0) : 0;
        if (row && sqlite_run(s, &s->writer, st, err) != 0) return -1;
        ++*rows;
    }
    return 0;
}

/* An execution that is looked at. */
typedef struct old {
    int64_t key, last, ended_at, created_at, workflow;
    bool needed; /* an execution that has not begun depends on it */
} old;

static int delete_execution(sqlite_store *s, const old *x, int64_t *rows, baton_error **err) {
    if (delete_journal(s, x->last, rows, err) != 0) return -1;
    static const char *const of_execution[] = {"DELETE FROM data WHERE execution = ?1",
                                               "DELETE FROM logs WHERE execution = ?1",
                                               "DELETE FROM executions WHERE key = ?1"};
    for (size_t i = 0; i < sizeof of_execution / sizeof *of_execution; i++) {
        if (delete_by(s, of_execution[i], x->key, err) != 0) return -1;
        *rows += sqlite3_changes(s->writer.db);
    }
    return delete_by(s,
                     "DELETE FROM workflows WHERE id = ?1 AND NOT EXISTS"
                     " (SELECT 1 FROM executions WHERE workflow = ?1)",
                     x->workflow, err);
}

/* Executions of the status that pruning stands at; *rows counts what was done, up to a piece. What was
 * created after the moment has not ended before it, so there the walk is at its end: what has ended since
 * is not looked at. (Keys are given in the order of creation, as far as clocks tell the truth.) */
static int prune_executions(sqlite_store *s, int64_t ended_before, int64_t *rows, size_t *deleted,
                            baton_error **err) {
    sqlite3_stmt *st =
        sqlite_prepare(s, &s->writer,
                       "SELECT key, last, ended_at, created_at, workflow,"
                       " EXISTS (SELECT 1 FROM dependencies WHERE depends_on = executions.id)"
                       " FROM executions WHERE owner IS NULL AND status = ?1 AND key > ?2 ORDER BY key",
                       err);
    if (!st) return -1;
    sqlite_bind_text(st, 1, execution_status_name((execution_status)s->pruning.at));
    sqlite3_bind_int64(st, 2, s->pruning.key);
    int row = 1, result = 0;
    for (; *rows < PIECE_ROWS && result == 0; ++*rows) {
        row = sqlite_row(s, &s->writer, st, err);
        if (row <= 0) break;
        const old x = {.key = sqlite3_column_int64(st, 0),
                       .last = sqlite3_column_int64(st, 1),
                       .ended_at = sqlite3_column_int64(st, 2),
                       .created_at = sqlite3_column_int64(st, 3),
                       .workflow = sqlite3_column_int64(st, 4),
                       .needed = sqlite3_column_int(st, 5)};
        row = x.created_at < ended_before;
        if (!row) break;
        s->pruning.key = x.key;
        if (x.ended_at >= ended_before || x.needed) continue;
        result = delete_execution(s, &x, rows, err);
        ++*deleted;
    }
    sqlite3_reset(st);
    if (row < 0 || result != 0) return -1;
    if (row == 0) s->pruning = (pruning){.at = s->pruning.at + 1, .freed = s->pruning.freed};
    return 0;
}

static int give_back_pages(sqlite_store *s, bool *more, baton_error **err) {
    int64_t pages;
    if (sqlite_integer(s, &s->writer, "PRAGMA freelist_count", &pages, err) != 0) return -1;
    *more = pages > PIECE_PAGES;
    if (!pages) return 0;
    sqlite3_stmt *st = sqlite_prepare(s, &s->writer, "PRAGMA incremental_vacuum(250)", err);
    int row = st ? 1 : -1;
    while (row > 0) row = sqlite_row(s, &s->writer, st, err);
    return row;
}

static int prune_piece(sqlite_store *s, int64_t ended_before, size_t *deleted, bool *more,
                       baton_error **err) {
    pruning *p = &s->pruning;
    if (p->at < EXECUTION_COMPLETED) p->at = EXECUTION_COMPLETED;
    int64_t rows = 0;
    while (p->at <= EXECUTION_CANCELLED && rows < PIECE_ROWS)
        if (prune_executions(s, ended_before, &rows, deleted, err) != 0) return -1;
    p->freed |= *deleted > 0;
    *more = p->at <= EXECUTION_CANCELLED || (p->freed && rows);
    if (!*more && p->freed && give_back_pages(s, more, err) != 0) return -1;
    if (!*more) *p = (pruning){0};
    return 0;
}

int sqlite_prune(store *base, int64_t ended_before_ns, size_t *pruned, bool *more, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    size_t deleted = 0;
    bool rest = false;
    if (sqlite_begin(s, false, err) != 0) return -1;
    int result = prune_piece(s, ended_before_ns / 1000, &deleted, &rest, err);
    if (sqlite_end(s, result, err) != 0) return -1;
    *pruned = deleted;
    *more = rest;
    return 0;
}

/* ---- Backup ---- */

static int backup_failed(sqlite_store *s, const char *path, sqlite3 *db, baton_error **err) {
    int system = sqlite3_system_errno(db);
    return baton_error_set(err, BATON_ERROR_STORE, "a copy of store '%s' cannot be written to '%s': %s",
                           s->path, path, system ? strerror(system) : sqlite3_errmsg(db));
}

/* All pages in one step: the copy is of one moment, and commits of others neither wait nor disturb it. */
static int copy(sqlite_store *s, connection *to, const char *path, baton_error **err) {
    connection *c = sqlite_reader(s, err);
    if (!c) return -1;
    if (sqlite3_open_v2(path, &to->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return backup_failed(s, path, to->db, err);
    sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", c->db, "main");
    if (!backup) return backup_failed(s, path, to->db, err);
    sqlite3_backup_step(backup, -1);
    if (sqlite3_backup_finish(backup) != SQLITE_OK) return backup_failed(s, path, to->db, err);
    /* Whoever owns something owns it in the store, not in the copy. */
    if (sqlite_exec(s, to, "BEGIN", NULL) != 0 || sqlite_disown(s, to, 1, INT64_MAX, NULL) != 0 ||
        sqlite_exec(s, to, "DELETE FROM owners", NULL) != 0 || sqlite_exec(s, to, "COMMIT", NULL) != 0)
        return backup_failed(s, path, to->db, err);
    return 0;
}

int sqlite_backup(store *base, const char *path, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return baton_error_set(err, errno == EEXIST ? BATON_ERROR_CONFLICT : BATON_ERROR_STORE,
                               "a copy of store '%s' cannot be written to '%s': %s", s->path, path,
                               strerror(errno));
    close(fd);
    connection to = {0};
    int result = copy(s, &to, path, err);
    sqlite_disconnect(&to);
    if (result != 0) unlink(path);
    return result;
}
