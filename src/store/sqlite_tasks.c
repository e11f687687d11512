/* The SQLite store: the tasks of the task service.
 *
 * A task is one row of `tasks`, one of `task_states` and any number of `task_dependencies`, written
 * together. Its version stands in its state and is looked at first: of two who write the same version one
 * is refused.
 *
 * Documents are large and stand between the other columns of `tasks`. So a write leaves that row alone when
 * only the state changed, and a read computes the large columns only for who asks for them. Both rely on
 * SQLite: an expression that is not reached is not computed, and a column of which nothing is computed is
 * not read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include "base/arena.h"

#include <stdlib.h>

/* ---- Write ---- */

enum { REFUSED = 1 }; /* a conflict, told in *err; nothing has failed */

/* Steps a statement that gives no rows; REFUSED, with nothing told yet, when something that must be unique
 * is there already. */
static int run_unique(sqlite_store *s, sqlite3_stmt *st, baton_error **err) {
    int code = sqlite3_step(st), result = 0;
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
        result = REFUSED;
    else if (code != SQLITE_DONE)
        result = sqlite_error(s, &s->writer, err);
    sqlite3_reset(st);
    return result;
}

static int write_state(sqlite_store *s, const store_task *t, baton_error **err) {
    sqlite3_stmt *st =
        t->version
            ? sqlite_prepare(s, &s->writer,
                             "UPDATE task_states SET version = ?2 + 1, digest = ?3, imported_at = ?4,"
                             " updated_at = ?5, execution = ?6, state = ?7"
                             " WHERE task = ?1 AND version = ?2",
                             err)
            : sqlite_prepare(s, &s->writer,
                             "INSERT INTO task_states (task, version, digest, imported_at, updated_at,"
                             " execution, state) VALUES (?1, ?2 + 1, ?3, ?4, ?5, ?6, ?7)",
                             err);
    if (!st) return -1;
    sqlite_bind_text(st, 1, t->id);
    sqlite3_bind_int64(st, 2, t->version);
    sqlite3_bind_int64(st, 3, (int64_t)t->digest);
    sqlite_bind_time(st, 4, t->imported_ns);
    sqlite_bind_time(st, 5, t->updated_ns);
    sqlite_bind_text(st, 6, t->execution);
    sqlite_bind_text(st, 7, t->state);
    int result = run_unique(s, st, err);
    if (result == REFUSED)
        baton_error_set(err, BATON_ERROR_CONFLICT, "there is a task %s already ('%s' was to become it)",
                        t->id, t->source_path ? t->source_path : t->title);
    if (result != 0 || sqlite3_changes(s->writer.db)) return result;
    baton_error_set(err, BATON_ERROR_CONFLICT, "task %s was changed by somebody else meanwhile", t->id);
    return REFUSED;
}

static int write_columns(sqlite_store *s, const store_task *t, baton_error **err) {
    sqlite3_stmt *st =
        t->version
            ? sqlite_prepare(s, &s->writer,
                             "UPDATE tasks SET project_id = ?2, title = ?3, type = ?4, category = ?5,"
                             " priority = ?6, status = ?7, source_type = ?8, source_path = ?9,"
                             " source_content = ifnull(?10, source_content),"
                             " metadata = ifnull(?11, metadata), estimated_hours = ?12 WHERE id = ?1 AND ("
                             "(project_id, title, type, category, priority, status, source_type,"
                             " source_path, estimated_hours) IS NOT (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?12)"
                             " OR ?10 IS NOT NULL AND source_content IS NOT ?10"
                             " OR ?11 IS NOT NULL AND metadata IS NOT ?11)",
                             err)
            : sqlite_prepare(s, &s->writer,
                             "INSERT INTO tasks (id, project_id, title, type, category, priority, status,"
                             " source_type, source_path, source_content, metadata, estimated_hours)"
                             " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                             err);
    if (!st) return -1;
    const char *const texts[] = {t->id,          t->project_id,     t->title,   t->type,
                                 t->category,    t->priority,       t->status,  t->source_type,
                                 t->source_path, t->source_content, t->metadata};
    int count = sizeof texts / sizeof *texts;
    for (int i = 0; i < count; i++) sqlite_bind_text(st, i + 1, texts[i]);
    if (t->estimated_hours >= 0)
        sqlite3_bind_double(st, count + 1, t->estimated_hours);
    else
        sqlite3_bind_null(st, count + 1);
    int result = run_unique(s, st, err);
    if (result == REFUSED)
        baton_error_set(err, BATON_ERROR_CONFLICT, "'%s' is another task of project '%s' already (not %s)",
                        t->source_path, t->project_id, t->id);
    return result;
}

static int write_dependencies(sqlite_store *s, const store_task *t, baton_error **err) {
    sqlite3_stmt *st = sqlite_prepare(s, &s->writer, "DELETE FROM task_dependencies WHERE task = ?1", err);
    if (!st) return -1;
    sqlite_bind_text(st, 1, t->id);
    if (sqlite_run(s, &s->writer, st, err) != 0) return -1;
    st = sqlite_prepare(s, &s->writer,
                        "INSERT INTO task_dependencies (task, position, text, depends_on, satisfied)"
                        " VALUES (?1, ?2, ?3, ?4, ?5)",
                        err);
    if (!st) return -1;
    sqlite_bind_text(st, 1, t->id);
    for (size_t i = 0; i < t->dependency_count; i++) {
        const store_task_dependency *d = &t->dependencies[i];
        sqlite3_bind_int64(st, 2, (int64_t)i + 1);
        sqlite_bind_text(st, 3, d->text);
        sqlite_bind_text(st, 4, d->depends_on);
        sqlite3_bind_int(st, 5, d->satisfied);
        if (sqlite_run(s, &s->writer, st, err) != 0) return -1;
    }
    return 0;
}

static int write_task(sqlite_store *s, const store_task *t, baton_error **err) {
    int result = write_state(s, t, err);
    if (result == 0) result = write_columns(s, t, err);
    if (result == 0 && t->dependencies) result = write_dependencies(s, t, err);
    return result;
}

/* Seen here, it is an error of the caller; seen by SQLite, it were a failure of the store. */
static int check(const store_task *t, baton_error **err) {
    bool whole = t->id && t->project_id && t->title && t->status;
    for (size_t i = 0; t->dependencies && i < t->dependency_count; i++)
        whole &= t->dependencies[i].text != NULL;
    if (whole) return 0;
    return baton_error_set(
        err, BATON_ERROR_USAGE,
        "a task needs an id, a project, a title and a status, and a text for each dependency");
}

int sqlite_write_tasks(store *base, const store_task *tasks, size_t count, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    for (size_t i = 0; i < count; i++)
        if (check(&tasks[i], err) != 0) return -1;
    if (!count) return 0;
    if (sqlite_begin(s, false, err) != 0) return -1;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) result = write_task(s, &tasks[i], err);
    if (result != REFUSED) return sqlite_end(s, result, err);
    sqlite_take_back(s);
    return -1;
}

/* ---- Read ---- */

#define TASKS                                                                                              \
    "SELECT position, version, digest, imported_at, updated_at, execution, state, id, project_id, title, " \
    "type, category, priority, status, source_type, source_path, iif(?5, source_content, NULL),"           \
    " iif(?6, metadata, NULL), estimated_hours FROM task_states CROSS JOIN tasks ON id = task"

/* Which ones is asked first, so that no more than their positions is put in order. `lookup` is done in an
 * index, the rest of the filter row by row. */
#define TASKS_BY(lookup)                                                                               \
    TASKS                                                                                              \
    " WHERE position IN (SELECT position FROM tasks CROSS JOIN task_states ON task = id WHERE " lookup \
    " AND (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR project_id = ?2)"                                 \
    " AND (?3 IS NULL OR source_path = ?3) AND (?4 IS NULL OR status = ?4)) ORDER BY position"

static const char *walk_of(const store_task_filter *f) {
    if (f->id) return TASKS_BY("id = ?1");
    if (f->source_path) return TASKS_BY("source_path = ?3");
    if (f->status) return TASKS_BY("status = ?4");
    if (f->project_id) return TASKS_BY("project_id = ?2");
    return TASKS " ORDER BY position";
}

/* Texts live as long as the row that the statement is at. */
static store_task read_columns(sqlite3_stmt *st) {
    store_task t = {
        .position = sqlite3_column_int64(st, 0),
        .version = sqlite3_column_int64(st, 1),
        .digest = (uint64_t)sqlite3_column_int64(st, 2),
        .imported_ns = sqlite3_column_int64(st, 3) * 1000,
        .updated_ns = sqlite3_column_int64(st, 4) * 1000,
        .execution = sqlite_text(st, 5),
        .state = sqlite_text(st, 6),
        .id = sqlite_text(st, 7),
        .project_id = sqlite_text(st, 8),
        .title = sqlite_text(st, 9),
        .type = sqlite_text(st, 10),
        .category = sqlite_text(st, 11),
        .priority = sqlite_text(st, 12),
        .status = sqlite_text(st, 13),
        .source_type = sqlite_text(st, 14),
        .source_path = sqlite_text(st, 15),
        .source_content = sqlite_text(st, 16),
        .metadata = sqlite_text(st, 17),
        .estimated_hours = sqlite3_column_type(st, 18) == SQLITE_NULL ? -1 : sqlite3_column_double(st, 18),
    };
    t.description = t.source_content;
    return t;
}

/* The dependencies of the task that a walk is at. */
typedef struct needs {
    store_task_dependency *list;
    size_t count, capacity;
    arena texts;
} needs;

static int note_need(sqlite3_stmt *st, needs *n, baton_error **err) {
    if (n->count == n->capacity) {
        size_t capacity = n->capacity ? 2 * n->capacity : 16;
        store_task_dependency *grown = realloc(n->list, capacity * sizeof *grown);
        if (!grown) return error_memory(err);
        n->list = grown;
        n->capacity = capacity;
    }
    store_task_dependency *d = &n->list[n->count++];
    const char *text = sqlite_text(st, 0), *depends_on = sqlite_text(st, 1);
    *d = (store_task_dependency){.text = text ? arena_text(&n->texts, text) : NULL,
                                 .depends_on = depends_on ? arena_text(&n->texts, depends_on) : NULL,
                                 .satisfied = sqlite3_column_int(st, 2)};
    return d->text && (d->depends_on || !depends_on) ? 0 : error_memory(err);
}

static int read_needs(sqlite_store *s, const char *task, needs *n, baton_error **err) {
    connection *c = &s->reader;
    n->count = 0;
    arena_done(&n->texts);
    sqlite3_stmt *st = sqlite_prepare(s, c,
                                      "SELECT text, depends_on, satisfied FROM task_dependencies"
                                      " WHERE task = ?1 ORDER BY position",
                                      err);
    if (!st) return -1;
    sqlite_bind_text(st, 1, task);
    int row, result = 0;
    while (result == 0 && (row = sqlite_row(s, c, st, err)) != 0)
        result = row < 0 ? -1 : note_need(st, n, err);
    sqlite3_reset(st);
    return result;
}

/* The statement stays at its row meanwhile, so that a task and its dependencies are of one moment. */
static int give(sqlite_store *s, sqlite3_stmt *st, const store_task_filter *f, needs *n,
                store_task_each each, void *data, baton_error **err) {
    store_task t = read_columns(st);
    if (f->dependencies) {
        if (read_needs(s, t.id, n, err) != 0) return -1;
        t.dependencies = n->list;
        t.dependency_count = n->count;
    }
    return each(data, &t, err);
}

int sqlite_read_tasks(store *base, const store_task_filter *filter, store_task_each each, void *data,
                      baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    connection *c = sqlite_reader(s, err);
    sqlite3_stmt *st = c ? sqlite_prepare(s, c, walk_of(filter), err) : NULL;
    if (!st) return -1;
    sqlite_bind_text(st, 1, filter->id);
    sqlite_bind_text(st, 2, filter->project_id);
    sqlite_bind_text(st, 3, filter->source_path);
    sqlite_bind_text(st, 4, filter->status);
    sqlite3_bind_int(st, 5, filter->content);
    sqlite3_bind_int(st, 6, filter->metadata);
    needs n = {0};
    int row, result = 0;
    while (result == 0 && (row = sqlite_row(s, c, st, err)) != 0)
        result = row < 0 ? -1 : give(s, st, filter, &n, each, data, err);
    sqlite3_reset(st);
    arena_done(&n.texts);
    free(n.list);
    return result < 0 ? -1 : 0;
}
