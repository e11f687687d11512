/* The SQLite store's owners: who they are, whether they live, and what becomes of what they owned.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <stdlib.h>
#include <string.h>

int sqlite_introduce(sqlite_store *s, baton_error **err) {
    sqlite3_stmt *st =
        sqlite_prepare(s, &s->writer, "INSERT INTO owners VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", err);
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, s->owner);
    sqlite_bind_text(st, 2, s->kind);
    sqlite3_bind_int64(st, 3, s->self.pid);
    sqlite_bind_text(st, 4, s->self.pid_namespace);
    sqlite_bind_text(st, 5, s->self.boot_id);
    sqlite3_bind_int64(st, 6, s->self.started_at);
    sqlite3_bind_int64(st, 7, sqlite_now());
    if (sqlite_run(s, &s->writer, st, err) != 0) return -1;
    s->introduced = true;
    return 0;
}

void sqlite_judge_anew(sqlite_store *s) { s->verdict_count = 0; }

static bool is_this_process(const sqlite_store *s, const owner_identity *other) {
    return other->pid == s->self.pid && other->started_at == s->self.started_at;
}

/* An owner whose row is gone owns nothing any more, whatever an execution's row says. */
static int examine(sqlite_store *s, verdict *v, baton_error **err) {
    v->state = OWNER_DEAD;
    if (v->number == s->owner) v->state = OWNER_ALIVE;
    if (!v->number) return 0;
    connection *c = sqlite_reader(s, err);
    sqlite3_stmt *st =
        c ? sqlite_prepare(
                s, c, "SELECT pid, pid_namespace, boot_id, started_at, kind FROM owners WHERE number = ?1",
                err)
          : NULL;
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, v->number);
    int row = sqlite_row(s, c, st, err);
    if (row <= 0) return row;
    owner_identity other = {.pid = sqlite3_column_int64(st, 0), .started_at = sqlite3_column_int64(st, 3)};
    sqlite3_snprintf(sizeof other.pid_namespace, other.pid_namespace, "%s", sqlite_text(st, 1));
    sqlite3_snprintf(sizeof other.boot_id, other.boot_id, "%s", sqlite_text(st, 2));
    const char *kind = sqlite_text(st, 4);
    v->pid = other.pid;
    sqlite3_snprintf(sizeof v->kind, v->kind, "%s", kind ? kind : "");
    sqlite3_reset(st);
    if (v->number == s->owner) return 0;
    v->state = owner_judge(&s->self, &other);
    if (v->state == OWNER_ALIVE && is_this_process(s, &other) && !owner_is_here(v->number))
        v->state = OWNER_DEAD;
    return 0;
}

int sqlite_judge(sqlite_store *s, int64_t number, verdict *v, baton_error **err) {
    for (size_t i = 0; i < s->verdict_count; i++)
        if (s->verdicts[i].number == number) {
            *v = s->verdicts[i];
            return 0;
        }
    *v = (verdict){.number = number};
    if (examine(s, v, err) != 0) return -1;
    if (s->verdict_count == s->verdict_capacity) {
        size_t capacity = s->verdict_capacity ? 2 * s->verdict_capacity : 16;
        verdict *grown = realloc(s->verdicts, capacity * sizeof *grown);
        if (!grown) return error_memory(err);
        s->verdicts = grown;
        s->verdict_capacity = capacity;
    }
    s->verdicts[s->verdict_count++] = *v;
    return 0;
}

int sqlite_next_owner(sqlite_store *s, int64_t *number, baton_error **err) {
    connection *c = sqlite_reader(s, err);
    sqlite3_stmt *st =
        c ? sqlite_prepare(s, c, "SELECT owner FROM executions WHERE owner > ?1 ORDER BY owner LIMIT 1",
                           err)
          : NULL;
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, *number);
    int row = sqlite_row(s, c, st, err);
    if (row < 0) return -1;
    *number = row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return 0;
}

int sqlite_disown(sqlite_store *s, connection *c, int64_t first, int64_t last, baton_error **err) {
    sqlite3_stmt *st = sqlite_prepare(
        s, c,
        "UPDATE executions SET owner = NULL, request = NULL, wake_at ="
        " CASE WHEN status <> 'pending' THEN wake_at"
        " WHEN EXISTS (SELECT 1 FROM dependencies WHERE execution = key AND NOT ended) THEN NULL"
        " ELSE coalesce(wake_at, ?3) END WHERE owner BETWEEN ?1 AND ?2",
        err);
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, first);
    sqlite3_bind_int64(st, 2, last);
    sqlite3_bind_int64(st, 3, sqlite_now());
    return sqlite_run(s, c, st, err);
}

int sqlite_forget_dead(sqlite_store *s, baton_error **err) {
    connection *c = &s->writer;
    sqlite3_stmt *owners = sqlite_prepare(
        s, c,
        "SELECT number FROM owners WHERE NOT EXISTS (SELECT 1 FROM executions WHERE owner = owners.number)",
        err);
    sqlite3_stmt *drop = owners ? sqlite_prepare(s, c, "DELETE FROM owners WHERE number = ?1", err) : NULL;
    int row = drop ? 1 : -1;
    while (row > 0 && (row = sqlite_row(s, c, owners, err)) > 0) {
        verdict v;
        sqlite3_bind_int64(drop, 1, sqlite3_column_int64(owners, 0));
        if (sqlite_judge(s, sqlite3_column_int64(owners, 0), &v, err) != 0 ||
            (v.state == OWNER_DEAD && sqlite_run(s, c, drop, err) != 0))
            row = -1;
    }
    if (owners) sqlite3_reset(owners);
    return row < 0 ? -1 : 0;
}
