/* The SQLite store: what keeps it in good order: pruning, and copies.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- Prune ----
 * In pieces, each a short transaction of its own, with a pause after it: others get their turn. */

enum {
    PIECE_ROWS = 2000,  /* deleted in one piece, unless one execution has more */
    PIECE_PAGES = 1000, /* given back in one piece */
    PAUSE_MS = 1,
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

static int delete_execution(sqlite_store *s, int64_t key, int64_t last, int64_t *rows, baton_error **err) {
    if (delete_journal(s, last, rows, err) != 0 ||
        delete_by(s, "DELETE FROM data WHERE execution = ?1", key, err) != 0 ||
        delete_by(s, "DELETE FROM logs WHERE execution = ?1", key, err) != 0)
        return -1;
    return delete_by(s, "DELETE FROM executions WHERE key = ?1", key, err);
}

/* Where the walk through the executions of one status stands. */
typedef struct walk {
    const char *status;
    int64_t ended_before, key;
    size_t deleted;
    bool done;
} walk;

/* What was created after the moment has not ended before it, so there the walk is at its end: what has
 * ended since is not looked at. (Keys are given in the order of creation, as far as clocks tell the truth.)
 */
static int prune_piece(sqlite_store *s, walk *w, baton_error **err) {
    sqlite3_stmt *st = sqlite_prepare(s, &s->writer,
                                      "SELECT key, last, ended_at, created_at FROM executions"
                                      " WHERE owner IS NULL AND status = ?1 AND key > ?2 ORDER BY key",
                                      err);
    if (!st) return -1;
    sqlite_bind_text(st, 1, w->status);
    sqlite3_bind_int64(st, 2, w->key);
    int row = 1;
    for (int64_t rows = 0; rows < PIECE_ROWS && (row = sqlite_row(s, &s->writer, st, err)) > 0; rows++) {
        w->key = sqlite3_column_int64(st, 0);
        if (sqlite3_column_int64(st, 3) >= w->ended_before) {
            row = 0;
            break;
        }
        if (sqlite3_column_int64(st, 2) >= w->ended_before) continue;
        if (delete_execution(s, w->key, sqlite3_column_int64(st, 1), &rows, err) != 0) {
            row = -1;
            break;
        }
        w->deleted++;
    }
    sqlite3_reset(st);
    w->done = row == 0;
    return row < 0 ? -1 : 0;
}

static int prune_status(sqlite_store *s, walk *w, baton_error **err) {
    while (!w->done) {
        if (sqlite_begin(s, false, err) != 0) return -1;
        if (sqlite_end(s, prune_piece(s, w, err), err) != 0) return -1;
        sqlite3_sleep(PAUSE_MS);
    }
    return 0;
}

static int prune_workflows(sqlite_store *s, baton_error **err) {
    if (sqlite_begin(s, false, err) != 0) return -1;
    int result = sqlite_exec(s, &s->writer,
                             "DELETE FROM workflows WHERE NOT EXISTS"
                             " (SELECT 1 FROM executions WHERE workflow = workflows.id)",
                             err);
    return sqlite_end(s, result, err);
}

static int give_back(sqlite_store *s, baton_error **err) {
    for (;;) {
        int64_t pages;
        if (sqlite_begin(s, false, err) != 0) return -1;
        int result = sqlite_integer(s, &s->writer, "PRAGMA freelist_count", &pages, err);
        sqlite3_stmt *st =
            result == 0 ? sqlite_prepare(s, &s->writer, "PRAGMA incremental_vacuum(1000)", err) : NULL;
        if (!st) result = -1;
        int row = result == 0 && pages ? 1 : result;
        while (row > 0) row = sqlite_row(s, &s->writer, st, err);
        if (sqlite_end(s, row, err) != 0) return -1;
        if (pages <= PIECE_PAGES) return 0;
        sqlite3_sleep(PAUSE_MS);
    }
}

int sqlite_prune(store *base, int64_t ended_before_ns, size_t *pruned, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    size_t deleted = 0;
    for (int i = EXECUTION_COMPLETED; i <= EXECUTION_CANCELLED; i++) {
        walk w = {.status = execution_status_name((execution_status)i),
                  .ended_before = ended_before_ns / 1000};
        int result = prune_status(s, &w, err);
        deleted += w.deleted;
        if (result != 0) return -1;
    }
    if (deleted && (prune_workflows(s, err) != 0 || give_back(s, err) != 0)) return -1;
    if (pruned) *pruned = deleted;
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
    if (sqlite3_exec(to->db,
                     "BEGIN; UPDATE executions SET owner = NULL, request = NULL WHERE owner IS NOT NULL;"
                     "DELETE FROM owners; COMMIT",
                     NULL, NULL, NULL) != SQLITE_OK)
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
