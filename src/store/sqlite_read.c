/* The SQLite store: executions, their values and workflows, journals and logs, as they are asked for.
 *
 * All of it belongs to the loop thread. What a walk gives stands in the row that its statement is at; what
 * find and read_workflow give is copied, so that no statement stays open and keeps the log from beginning
 * anew.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <stdlib.h>
#include <string.h>

/* ---- Executions ---- */

#define EXECUTION                                                                                    \
    "SELECT e.key, e.last, e.epoch, e.id, e.workflow, w.namespace, w.name, w.version, e.status, "    \
    "e.strategy,"                                                                                    \
    " e.priority, e.created_at, e.started_at, e.ended_at, e.wake_at, e.number, e.owner, e.taken_up," \
    " e.request, e.reason, e.input, e.output, e.error, e.settings, e.cursor, e.attended"             \
    " FROM executions AS e CROSS JOIN workflows AS w ON w.id = e.workflow WHERE "

static bool read_status(const char *name, execution_status *status) {
    for (int i = EXECUTION_PENDING; name && i <= EXECUTION_CANCELLED; i++)
        if (strcmp(name, execution_status_name((execution_status)i)) == 0) {
            *status = (execution_status)i;
            return true;
        }
    return false;
}

static int64_t read_time(sqlite3_stmt *st, int at) { return sqlite3_column_int64(st, at) * 1000; }

static int read_execution(sqlite_store *s, sqlite3_stmt *st, store_execution *x, baton_error **err) {
    *x = (store_execution){
        .row = {.key = sqlite3_column_int64(st, 0),
                .last = sqlite3_column_int64(st, 1),
                .epoch = sqlite3_column_int64(st, 2)},
        .id = sqlite_text(st, 3),
        .workflow = sqlite3_column_int64(st, 4),
        .namespace = sqlite_text(st, 5),
        .name = sqlite_text(st, 6),
        .version = sqlite_text(st, 7),
        .strategy = sqlite_text(st, 9),
        .priority = sqlite3_column_int(st, 10),
        .created_ns = read_time(st, 11),
        .started_ns = read_time(st, 12),
        .ended_ns = read_time(st, 13),
        .wake_ns = sqlite3_column_type(st, 14) == SQLITE_NULL ? INT64_MAX : read_time(st, 14),
        .number = (uint32_t)sqlite3_column_int64(st, 15),
        .owner = sqlite3_column_int64(st, 16),
        .taken_up = (unsigned)sqlite3_column_int64(st, 17),
        .request = sqlite_text(st, 18),
        .reason = sqlite_text(st, 19),
        .input = sqlite_value(st, 20),
        .output = sqlite_value(st, 21),
        .error = sqlite_value(st, 22),
        .settings = sqlite_bytes(st, 23),
        .cursor = sqlite_bytes(st, 24),
        .attended = sqlite3_column_int(st, 25),
    };
    if (!read_status(sqlite_text(st, 8), &x->status))
        return sqlite_damaged(s, "an execution without a status", err);
    x->mine = x->owner == s->owner;
    verdict v;
    if (sqlite_judge(s, x->owner, &v, err) != 0) return -1;
    x->owner_hidden = v.state == OWNER_HIDDEN;
    x->owner_pid = v.pid;
    memcpy(x->owner_kind, v.kind, sizeof x->owner_kind);
    bool to_go_on =
        x->status == EXECUTION_RUNNING || (x->status <= EXECUTION_WAITING && (x->owner || x->attended));
    x->interrupted = v.state == OWNER_DEAD && to_go_on;
    x->row.data = sqlite_memo(x);
    return 0;
}

int sqlite_give(sqlite_store *s, int64_t key, const char *request, store_execution_each each, void *data,
                baton_error **err) {
    connection *c = sqlite_reader(s, err);
    sqlite3_stmt *st = c ? sqlite_prepare(s, c, EXECUTION "e.key = ?1", err) : NULL;
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, key);
    int row = sqlite_row(s, c, st, err);
    if (row <= 0) return row;
    store_execution x;
    int result = read_execution(s, st, &x, err);
    if (request) x.request = request;
    if (result == 0) result = each(data, &x, err);
    sqlite3_reset(st);
    return result;
}

/* Copies texts into one block that takes the place of the last one, and turns the pointers to it. */
typedef struct piece {
    const char **text;
    size_t size;
} piece;

static int keep(sqlite_store *s, piece *pieces, size_t count, baton_error **err) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (!pieces[i].size && *pieces[i].text) pieces[i].size = strlen(*pieces[i].text);
        size += pieces[i].size + 1;
    }
    char *block = malloc(size);
    if (!block) return error_memory(err);
    free(s->found);
    s->found = block;
    for (size_t i = 0; i < count; i++) {
        if (!*pieces[i].text) continue;
        memcpy(block, *pieces[i].text, pieces[i].size);
        block[pieces[i].size] = '\0';
        *pieces[i].text = block;
        block += pieces[i].size + 1;
    }
    return 0;
}

static int keep_execution(sqlite_store *s, store_execution *x, baton_error **err) {
    piece pieces[] = {
        {&x->id, 0},
        {&x->namespace, 0},
        {&x->name, 0},
        {&x->version, 0},
        {&x->strategy, 0},
        {&x->request, 0},
        {&x->reason, 0},
        {&x->input.bytes, x->input.size},
        {&x->output.bytes, x->output.size},
        {&x->error.bytes, x->error.size},
        {&x->settings.bytes, x->settings.size},
        {&x->cursor.bytes, x->cursor.size},
    };
    return keep(s, pieces, sizeof pieces / sizeof pieces[0], err);
}

int sqlite_find(store *base, const char *id, store_execution *x, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    sqlite_judge_anew(s);
    connection *c = sqlite_reader(s, err);
    sqlite3_stmt *st = c ? sqlite_prepare(s, c, EXECUTION "e.id = ?1", err) : NULL;
    if (!st) return -1;
    sqlite_bind_text(st, 1, id);
    int row = sqlite_row(s, c, st, err);
    if (row < 0) return -1;
    if (row == 0) return baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no execution '%s'", id);
    store_execution found;
    int result = read_execution(s, st, &found, err);
    if (result == 0) result = keep_execution(s, &found, err);
    sqlite3_reset(st);
    if (result == 0) *x = found;
    return result;
}

/* ---- Values and workflows ---- */

int sqlite_read(store *base, const store_row *row, int64_t number, buffer *text, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    connection *c = sqlite_reader(s, err);
    sqlite3_stmt *st =
        c ? sqlite_prepare(s, c, "SELECT text FROM data WHERE execution = ?1 AND number = ?2", err) : NULL;
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, row->key);
    sqlite3_bind_int64(st, 2, number);
    int there = sqlite_row(s, c, st, err);
    if (there < 0) return -1;
    if (there == 0)
        return baton_error_set(err, BATON_ERROR_NOT_FOUND, "store '%s' keeps no value with number %lld",
                               s->path, (long long)number);
    store_bytes found = sqlite_bytes(st, 0);
    buffer_append(text, found.bytes, found.size);
    sqlite3_reset(st);
    return buffer_failed(text) ? error_memory(err) : 0;
}

int sqlite_load(store *base, const store_row *row, buffer *cursor, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    connection *c = sqlite_reader(s, err);
    sqlite3_stmt *st = c ? sqlite_prepare(s, c, "SELECT cursor FROM executions WHERE key = ?1", err) : NULL;
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, row->key);
    int there = sqlite_row(s, c, st, err);
    if (there < 0) return -1;
    store_bytes found = there ? sqlite_bytes(st, 0) : (store_bytes){0};
    if (found.bytes) buffer_append(cursor, found.bytes, found.size);
    bool none = !found.bytes;
    sqlite3_reset(st);
    if (none)
        return baton_error_set(err, BATON_ERROR_NOT_FOUND, "store '%s' keeps no cursor for it", s->path);
    return buffer_failed(cursor) ? error_memory(err) : 0;
}

int sqlite_read_workflow(store *base, int64_t number, store_workflow *w, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    connection *c = sqlite_reader(s, err);
    sqlite3_stmt *st = c ? sqlite_prepare(s, c,
                                          "SELECT namespace, name, version, file, digest, built, text"
                                          " FROM workflows WHERE id = ?1",
                                          err)
                         : NULL;
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, number);
    int row = sqlite_row(s, c, st, err);
    if (row < 0) return -1;
    if (row == 0)
        return baton_error_set(err, BATON_ERROR_NOT_FOUND, "store '%s' has no workflow with number %lld",
                               s->path, (long long)number);
    store_workflow found = {.namespace = sqlite_text(st, 0),
                            .name = sqlite_text(st, 1),
                            .version = sqlite_text(st, 2),
                            .file = sqlite_text(st, 3),
                            .digest = (uint64_t)sqlite3_column_int64(st, 4),
                            .built = sqlite3_column_int(st, 5),
                            .text = sqlite_bytes(st, 6)};
    piece pieces[] = {{&found.namespace, 0},
                      {&found.name, 0},
                      {&found.version, 0},
                      {&found.file, 0},
                      {&found.text.bytes, found.text.size}};
    int result = keep(s, pieces, sizeof pieces / sizeof pieces[0], err);
    sqlite3_reset(st);
    if (result == 0) *w = found;
    return result;
}

/* ---- Journals ----
 * A record knows the one before it alone: back along the chain first, then forward along what was noted. */

static int walk_back(sqlite_store *s, int64_t key, int64_t last, uint32_t after, integers *found,
                     baton_error **err) {
    connection *c = &s->reader;
    sqlite3_stmt *st =
        sqlite_prepare(s, c, "SELECT previous, number FROM journal WHERE seq = ?1 AND execution = ?2", err);
    if (!st) return -1;
    for (int64_t seq = last; seq;) {
        sqlite3_bind_int64(st, 1, seq);
        sqlite3_bind_int64(st, 2, key);
        int row = sqlite_row(s, c, st, err);
        if (row < 0) return -1;
        int64_t previous = row ? sqlite3_column_int64(st, 0) : seq;
        int64_t number = row ? sqlite3_column_int64(st, 1) : 0;
        sqlite3_reset(st);
        if (previous >= seq) return sqlite_damaged(s, "a journal with a gap", err);
        if (number <= after) return 0;
        if (sqlite_note(found, seq, err) != 0) return -1;
        seq = previous;
    }
    return 0;
}

static bool read_kind(const char *name, record_kind *kind) {
    for (int i = RECORD_STARTED; name && i <= RECORD_ROLLBACK_FAULTED; i++)
        if (strcmp(name, record_kind_name((record_kind)i)) == 0) {
            *kind = (record_kind)i;
            return true;
        }
    return false;
}

static int give_record(sqlite_store *s, int64_t seq, store_record_each each, void *data,
                       baton_error **err) {
    connection *c = &s->reader;
    sqlite3_stmt *st =
        sqlite_prepare(s, c,
                       "SELECT kind, number, key, attempt, count, reference, time, duration, data,"
                       " more FROM journal WHERE seq = ?1",
                       err);
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, seq);
    int row = sqlite_row(s, c, st, err);
    if (row <= 0) return row;
    store_record r = {.number = (uint32_t)sqlite3_column_int64(st, 1),
                      .key = (uint32_t)sqlite3_column_int64(st, 2),
                      .attempt = (uint32_t)sqlite3_column_int64(st, 3),
                      .count = (uint32_t)sqlite3_column_int64(st, 4),
                      .reference = sqlite_text(st, 5),
                      .time_ns = read_time(st, 6),
                      .duration_ns = sqlite3_column_int64(st, 7),
                      .data = sqlite_value(st, 8),
                      .more = sqlite_value(st, 9)};
    int result = read_kind(sqlite_text(st, 0), &r.kind)
                     ? each(data, &r, seq, err)
                     : sqlite_damaged(s, "a record of no known kind", err);
    sqlite3_reset(st);
    return result;
}

/* Key and last record of an execution. The statement stays at its row, until it is reset: so all of a walk
 * sees one moment of the store. */
static sqlite3_stmt *hold(sqlite_store *s, const char *id, baton_error **err) {
    connection *c = sqlite_reader(s, err);
    sqlite3_stmt *st =
        c ? sqlite_prepare(s, c, "SELECT key, last FROM executions WHERE id = ?1", err) : NULL;
    if (!st) return NULL;
    sqlite_bind_text(st, 1, id);
    int row = sqlite_row(s, c, st, err);
    if (row == 0) baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no execution '%s'", id);
    return row > 0 ? st : NULL;
}

int sqlite_journal(store *base, const char *id, uint32_t after, store_record_each each, void *data,
                   baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    sqlite3_stmt *st = hold(s, id, err);
    if (!st) return -1;
    integers found = {0};
    int result = walk_back(s, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), after, &found, err);
    for (size_t i = found.count; i-- > 0 && result == 0;)
        result = give_record(s, found.list[i], each, data, err);
    sqlite3_reset(st);
    free(found.list);
    return result < 0 ? -1 : 0;
}

int sqlite_logs(store *base, const char *id, int64_t after, store_log_each each, void *data,
                baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    sqlite3_stmt *held = hold(s, id, err);
    if (!held) return -1;
    int64_t key = sqlite3_column_int64(held, 0);
    sqlite3_reset(held);
    sqlite3_stmt *st = sqlite_prepare(s, &s->reader,
                                      "SELECT seq, reference, key, attempt, stream, time, bytes FROM logs"
                                      " WHERE execution = ?1 AND seq > ?2 ORDER BY seq",
                                      err);
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, key);
    sqlite3_bind_int64(st, 2, after);
    int result;
    while ((result = sqlite_row(s, &s->reader, st, err)) > 0) {
        store_log log = {.reference = sqlite_text(st, 1),
                         .key = (uint32_t)sqlite3_column_int64(st, 2),
                         .attempt = (uint32_t)sqlite3_column_int64(st, 3),
                         .stream = sqlite3_column_int(st, 4),
                         .time_ns = read_time(st, 5)};
        log.bytes.bytes = sqlite3_column_blob(st, 6);
        log.bytes.size = (size_t)sqlite3_column_bytes(st, 6);
        result = each(data, &log, sqlite3_column_int64(st, 0), err);
        if (result != 0) break;
    }
    sqlite3_reset(st);
    return result < 0 ? -1 : 0;
}
