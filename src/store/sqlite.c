/* The SQLite store: one file, its schema, and the connections to it.
 *
 * A file that is there is looked at before SQLite is let near it: it may be anything that somebody named by
 * mistake, and not a byte of it must change. To make that look reliable a new store is made in one
 * transaction and only then switched to its log (WAL), so that the file itself always says what it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include "base/id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    APPLICATION_ID = 0x4241544e, /* "BATN" */
    HEADER_BYTES = 100,
    BUSY_SLEEP_MAX_MS = 20,
    CACHE_KIB = 8192, /* of the writer: the pages that all commits touch */
    LOG_BYTES_KEPT = 64 << 20,
};

/* Texts that take a store from one version to the next; a store's user_version says how many it has. */
static const char *const migrations[] = {
    "CREATE TABLE workflows (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL,"
    " version TEXT NOT NULL, digest INTEGER NOT NULL, file TEXT, built INTEGER NOT NULL, text TEXT NOT "
    "NULL,"
    " created_at INTEGER NOT NULL);"
    "CREATE INDEX workflows_digest ON workflows (digest);"

    /* Its columns stand in the order in which they are looked at. What has no type holds a JSON text, or an
     * integer: the number of one in data. */
    "CREATE TABLE executions (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, workflow INTEGER NOT NULL,"
    " status TEXT NOT NULL, strategy TEXT NOT NULL, priority INTEGER NOT NULL, created_at INTEGER NOT NULL,"
    " started_at INTEGER, ended_at INTEGER, wake_at INTEGER, owner INTEGER, attended INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, taken_up INTEGER NOT NULL, last INTEGER, number INTEGER NOT NULL, request "
    "TEXT, reason TEXT,"
    " settings TEXT, input, output, error, cursor TEXT);"
    "CREATE INDEX executions_workflow ON executions (workflow);"
    /* What is owned changes its status often, and is little: only the rest is worth an index of statuses.
     */
    "CREATE INDEX executions_status ON executions (status) WHERE owner IS NULL;"
    "CREATE INDEX executions_owner ON executions (owner, request) WHERE owner IS NOT NULL;"
    /* What a person began waits for a person. */
    "CREATE INDEX executions_ready ON executions (priority DESC, key, wake_at)"
    " WHERE owner IS NULL AND NOT attended AND status = 'pending' AND wake_at IS NOT NULL;"
    "CREATE INDEX executions_due ON executions (status, wake_at)"
    " WHERE owner IS NULL AND NOT attended AND wake_at IS NOT NULL;"
    "CREATE INDEX executions_left ON executions (key)"
    " WHERE owner IS NULL AND attended AND status IN ('pending', 'waiting');"

    /* Of executions that have not begun. */
    "CREATE TABLE dependencies (execution INTEGER NOT NULL, depends_on TEXT NOT NULL,"
    " ended INTEGER NOT NULL, PRIMARY KEY (execution, depends_on)) WITHOUT ROWID;"
    "CREATE INDEX dependencies_depends_on ON dependencies (depends_on);"

    "CREATE TABLE data (execution INTEGER NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL);"
    "CREATE UNIQUE INDEX data_number ON data (execution, number);"

    /* No index: each record knows the one before it, and its execution knows the last. */
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY, execution INTEGER NOT NULL, previous INTEGER,"
    " number INTEGER NOT NULL, key INTEGER, time INTEGER NOT NULL, kind TEXT NOT NULL, reference TEXT,"
    " attempt INTEGER, count INTEGER, duration INTEGER, data, more);"

    "CREATE TABLE logs (seq INTEGER PRIMARY KEY, execution INTEGER NOT NULL, reference TEXT NOT NULL,"
    " key INTEGER, attempt INTEGER, stream INTEGER NOT NULL, time INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX logs_execution ON logs (execution);"

    "CREATE TABLE owners (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, pid INTEGER NOT NULL,"
    " pid_namespace TEXT NOT NULL, boot_id TEXT NOT NULL, started_at INTEGER NOT NULL,"
    " since INTEGER NOT NULL);",

    /* Tasks have the columns, and their order, that the seed gives them. A task's description is its whole
     * document, as its source_content is. Computed, it is stored and written once, and the two cannot come
     * to differ. Whoever selects it sees no difference; only it cannot be set, and SQLite's table_info,
     * other than its table_xinfo, leaves it out. */
    "CREATE TABLE tasks (id TEXT PRIMARY KEY NOT NULL, project_id TEXT NOT NULL, title TEXT NOT NULL,"
    " description TEXT GENERATED ALWAYS AS (source_content) VIRTUAL, type TEXT, category TEXT,"
    " priority TEXT, status TEXT NOT NULL, source_type TEXT, source_path TEXT, source_content TEXT,"
    " metadata TEXT, estimated_hours NUMERIC, UNIQUE (project_id, source_path));"
    "CREATE INDEX tasks_source_path ON tasks (source_path);"
    "CREATE INDEX tasks_status ON tasks (status, project_id);"
    /* Apart from tasks, since it changes often and is little. */
    "CREATE TABLE task_states (task TEXT NOT NULL UNIQUE, position INTEGER PRIMARY KEY,"
    " version INTEGER NOT NULL, digest INTEGER NOT NULL, imported_at INTEGER, updated_at INTEGER,"
    " execution TEXT, state TEXT);"
    "CREATE TABLE task_dependencies (task TEXT NOT NULL, position INTEGER NOT NULL, text TEXT NOT NULL,"
    " depends_on TEXT, satisfied INTEGER NOT NULL, PRIMARY KEY (task, position)) WITHOUT ROWID;",
};
enum { VERSION = sizeof migrations / sizeof migrations[0] };

/* ---- Errors ---- */

/* What a result code of SQLite means for whoever uses the store, and what to do. */
static const char *explanation_of(int code) {
    switch (code & 0xff) {
    case SQLITE_FULL: return "store '%s': the disk is full";
    case SQLITE_IOERR: return "store '%s': I/O error (%s)";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "store '%s' is damaged (%s): restore a backup, or save what is left with sqlite3's .recover";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "store '%s' is read-only: give this user the right to write the file and its folder";
    case SQLITE_CANTOPEN:
        return "store '%s' cannot be opened (%s): this user must be able to write it and its folder";
    default: return "store '%s': %s";
    }
}

static void explain(sqlite_store *s, int code, const char *reason, char message[FAILURE_BYTES]) {
    snprintf(message, FAILURE_BYTES, explanation_of(code), s->path, reason);
}

static int fail(sqlite_store *s, int code, const char *reason, baton_error **err) {
    char message[FAILURE_BYTES];
    explain(s, code, reason, message);
    return baton_error_set(err, BATON_ERROR_STORE, "%s", message);
}

int sqlite_damaged(sqlite_store *s, const char *what, baton_error **err) {
    return fail(s, SQLITE_CORRUPT, what, err);
}

int sqlite_error(sqlite_store *s, connection *c, baton_error **err) {
    int code = c->db ? sqlite3_extended_errcode(c->db) : SQLITE_NOMEM;
    bool memory = code == SQLITE_NOMEM;
    int system = memory ? 0 : sqlite3_system_errno(c->db);
    bool of_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    const char *reason = memory                ? "out of memory"
                         : system && of_system ? strerror(system)
                                               : sqlite3_errmsg(c->db);
    if (c == &s->writer) explain(s, code, reason, s->failure);
    return memory ? error_memory(err) : fail(s, code, reason, err);
}

/* ---- Statements ---- */

sqlite3_stmt *sqlite_prepare(sqlite_store *s, connection *c, const char *sql, baton_error **err) {
    size_t at = ((uintptr_t)sql * 0x9e3779b97f4a7c15u) >> 57;
    while (c->kept[at].sql && c->kept[at].sql != sql) at = (at + 1) % KEPT_STATEMENTS;
    if (c->kept[at].sql) return c->kept[at].statement;
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
        sqlite_error(s, c, err);
        return NULL;
    }
    c->kept[at].sql = sql;
    return c->kept[at].statement = statement;
}

int sqlite_row(sqlite_store *s, connection *c, sqlite3_stmt *statement, baton_error **err) {
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) return 1;
    if (code != SQLITE_DONE) sqlite_error(s, c, err);
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? 0 : -1;
}

int sqlite_run(sqlite_store *s, connection *c, sqlite3_stmt *statement, baton_error **err) {
    int row = sqlite_row(s, c, statement, err);
    if (row > 0) sqlite3_reset(statement);
    return row < 0 ? -1 : 0;
}

int sqlite_exec(sqlite_store *s, connection *c, const char *sql, baton_error **err) {
    sqlite3_stmt *statement = sqlite_prepare(s, c, sql, err);
    return statement ? sqlite_run(s, c, statement, err) : -1;
}

int sqlite_integer(sqlite_store *s, connection *c, const char *sql, int64_t *value, baton_error **err) {
    sqlite3_stmt *statement = sqlite_prepare(s, c, sql, err);
    if (!statement) return -1;
    int row = sqlite_row(s, c, statement, err);
    if (row < 0) return -1;
    *value = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return 0;
}

int sqlite_note(integers *found, int64_t value, baton_error **err) {
    if (found->count == found->capacity) {
        size_t capacity = found->capacity ? 2 * found->capacity : 64;
        int64_t *grown = realloc(found->list, capacity * sizeof *grown);
        if (!grown) return error_memory(err);
        found->list = grown;
        found->capacity = capacity;
    }
    found->list[found->count++] = value;
    return 0;
}

const char *sqlite_text(sqlite3_stmt *st, int at) { return (const char *)sqlite3_column_text(st, at); }

store_bytes sqlite_bytes(sqlite3_stmt *st, int at) {
    const char *bytes = sqlite_text(st, at);
    return (store_bytes){bytes, bytes ? (size_t)sqlite3_column_bytes(st, at) : 0};
}

store_text sqlite_value(sqlite3_stmt *st, int at) {
    if (sqlite3_column_type(st, at) == SQLITE_INTEGER)
        return (store_text){.number = sqlite3_column_int64(st, at)};
    store_bytes b = sqlite_bytes(st, at);
    return (store_text){.bytes = b.bytes, .size = b.size};
}

/* ---- Connections ---- */

/* Somebody else writes: waited for, however long. The lock of a process that dies is released. */
static int wait_for_others(void *data, int count) {
    (void)data;
    sqlite3_sleep(count < BUSY_SLEEP_MAX_MS ? count + 1 : BUSY_SLEEP_MAX_MS);
    return 1;
}

static int set_pragma(sqlite_store *s, connection *c, const char *name, int64_t value, baton_error **err) {
    char sql[96];
    snprintf(sql, sizeof sql, "PRAGMA %s=%lld", name, (long long)value);
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sqlite_error(s, c, err);
}

int sqlite_connect(sqlite_store *s, connection *c, baton_error **err) {
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(s->path, &c->db, flags, NULL) != SQLITE_OK) return sqlite_error(s, c, err);
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_handler(c->db, wait_for_others, NULL);
    sqlite3_wal_autocheckpoint(c->db, 0);
    return set_pragma(s, c, "synchronous", s->sync_normal ? 1 : 2, err);
}

void sqlite_disconnect(connection *c) {
    for (size_t i = 0; i < KEPT_STATEMENTS; i++) sqlite3_finalize(c->kept[i].statement);
    sqlite3_close(c->db);
    *c = (connection){0};
}

connection *sqlite_reader(sqlite_store *s, baton_error **err) {
    if (!s->reader.db && sqlite_connect(s, &s->reader, err) != 0) {
        sqlite_disconnect(&s->reader);
        return NULL;
    }
    return &s->reader;
}

/* ---- Write transactions ---- */

int sqlite_begin(sqlite_store *s, bool owning, baton_error **err) {
    pthread_mutex_lock(&s->lock);
    int result = -1;
    if (s->failed)
        baton_error_set(err, BATON_ERROR_STORE, "%s", s->failure);
    else if (sqlite_exec(s, &s->writer, "BEGIN IMMEDIATE", err) != 0)
        s->failed = true;
    else
        result = 0;
    if (result != 0) {
        pthread_mutex_unlock(&s->lock);
        return -1;
    }
    s->transaction++;
    if (owning && !s->introduced && sqlite_introduce(s, err) != 0) return sqlite_end(s, -1, err);
    return 0;
}

/* What did not fail by the writer's hand has been told to *err alone. */
static void keep_failure(sqlite_store *s, baton_error *const *err) {
    s->failed = true;
    if (s->failure[0]) return;
    const baton_error *why = err ? *err : NULL;
    if (why && baton_error_get_code(why) == BATON_ERROR_STORE)
        snprintf(s->failure, sizeof s->failure, "%s", baton_error_message(why));
    else
        explain(s, SQLITE_ERROR, why ? baton_error_message(why) : "a write failed", s->failure);
}

int sqlite_end(sqlite_store *s, int result, baton_error **err) {
    if (result == 0) result = sqlite_exec(s, &s->writer, "COMMIT", err);
    if (result == 0) {
        sqlite_checkpoint_consider(s);
    } else {
        keep_failure(s, err);
        if (!sqlite3_get_autocommit(s->writer.db)) sqlite3_exec(s->writer.db, "ROLLBACK", NULL, NULL, NULL);
    }
    pthread_mutex_unlock(&s->lock);
    return result;
}

void sqlite_take_back(sqlite_store *s) {
    if (sqlite_exec(s, &s->writer, "ROLLBACK", NULL) == 0)
        pthread_mutex_unlock(&s->lock);
    else
        sqlite_end(s, -1, NULL);
}

/* ---- Opening ---- */

static char *absolute(const char *path) {
    char *real = realpath(path, NULL); /* the log stands beside the file, not beside a link to it */
    if (real) return real;
    buffer b = {0};
    char folder[4096];
    if (path[0] != '/' && getcwd(folder, sizeof folder)) buffer_printf(&b, "%s/", folder);
    buffer_puts(&b, path);
    return buffer_take(&b);
}

static int make_folders(const char *path, baton_error **err) {
    char *folder = strdup(path);
    if (!folder) return error_memory(err);
    int result = 0;
    for (char *slash = strchr(folder + 1, '/'); slash && result == 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
            int reason = errno;
            if (access(folder, X_OK) != 0)
                result =
                    baton_error_set(err, BATON_ERROR_STORE, "store '%s': folder '%s' cannot be made: %s",
                                    path, folder, strerror(reason));
        }
        *slash = '/';
    }
    free(folder);
    return result;
}

/* Sees to it that there is a file. */
static int find_file(sqlite_store *s, bool look, baton_error **err) {
    struct stat st;
    if (stat(s->path, &st) == 0)
        return S_ISREG(st.st_mode)
                   ? 0
                   : baton_error_set(err, BATON_ERROR_STORE, "store '%s' is not a file", s->path);
    if (look && (errno == ENOENT || errno == ENOTDIR))
        return baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no store at '%s'", s->path);
    if (!look && errno == ENOENT) {
        if (make_folders(s->path, err) != 0) return -1;
        /* Nobody else shall read what workflows are given. SQLite makes its other files the same way. */
        int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0) return close(fd);
        if (errno == EEXIST) return 0;
    }
    return baton_error_set(err, BATON_ERROR_STORE, "store '%s' cannot be opened: %s", s->path,
                           strerror(errno));
}

/* Reads the begin of the file, by SQLite's own hand: closing a file drops all locks that this process has
 * on it, also those of other handles, and SQLite knows how to wait with that. */
static int read_header(sqlite_store *s, unsigned char header[HEADER_BYTES], sqlite3_int64 *size,
                       baton_error **err) {
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    char *name = (char *)sqlite3_create_filename(s->path, "", "", 0, NULL);
    int code = SQLITE_NOMEM;
    if (file && name) {
        code = vfs->xOpen(vfs, name, file, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, NULL);
        if (code == SQLITE_OK) code = file->pMethods->xFileSize(file, size);
        if (code == SQLITE_OK) code = file->pMethods->xRead(file, header, HEADER_BYTES, 0);
        if (code == SQLITE_IOERR_SHORT_READ) code = SQLITE_OK;
        if (file->pMethods) file->pMethods->xClose(file);
    }
    sqlite3_free_filename(name);
    free(file);
    if (code == SQLITE_OK) return 0;
    if (code == SQLITE_NOMEM) return error_memory(err);
    return fail(s, code, errno ? strerror(errno) : sqlite3_errstr(code), err);
}

static uint32_t big_endian(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int refuse_newer(sqlite_store *s, int64_t version, baton_error **err) {
    return baton_error_set(
        err, BATON_ERROR_STORE,
        "store '%s' was made by a newer version of Baton (schema %lld; this one knows %d)", s->path,
        (long long)version, VERSION);
}

/* Refuses what is not a store of this version or an older one. */
static int check_header(sqlite_store *s, bool look, baton_error **err) {
    static const char magic[16] = "SQLite format 3";
    char journal[4096 + 16];
    snprintf(journal, sizeof journal, "%s-journal", s->path);
    /* While somebody makes the store, the file may be half-written; then there is a journal, and SQLite
     * waits for them. Who finds neither file nor journal right may have come in between. */
    for (int again = 0;; again++) {
        unsigned char header[HEADER_BYTES] = {0};
        sqlite3_int64 size = 0;
        if (read_header(s, header, &size, err) != 0) return -1;
        bool sqlite = memcmp(header, magic, sizeof magic) == 0;
        bool ours = sqlite && big_endian(header + 68) == APPLICATION_ID;
        if (ours && big_endian(header + 60) > VERSION) return refuse_newer(s, big_endian(header + 60), err);
        if (ours || (!size && !look) || access(journal, F_OK) == 0) return 0;
        if (!again) continue;
        if (!size) return baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no store at '%s'", s->path);
        return baton_error_set(err, BATON_ERROR_STORE,
                               sqlite ? "'%s' is a database, but not a Baton store"
                                      : "'%s' is not a Baton store (it is not a SQLite database)",
                               s->path);
    }
}

/* Prepared, this pragma counts for the first page that a file without one gets. Run, it would write that
 * page at once, in a transaction of its own: who is stopped after it leaves a file that is not a store. */
static int give_back_pages(sqlite_store *s, connection *c, baton_error **err) {
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(c->db, "PRAGMA auto_vacuum=2", -1, &st, NULL) != SQLITE_OK)
        return sqlite_error(s, c, err);
    sqlite3_finalize(st);
    return 0;
}

static int migrate(sqlite_store *s, baton_error **err) {
    connection *c = &s->writer;
    int64_t version = 0;
    if (give_back_pages(s, c, err) != 0) return -1;
    if (sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_error(s, c, err);
    int result = sqlite_integer(s, c, "PRAGMA user_version", &version, err);
    for (int64_t i = version; i < VERSION && result == 0; i++)
        if (sqlite3_exec(c->db, migrations[i], NULL, NULL, NULL) != SQLITE_OK)
            result = sqlite_error(s, c, err);
    if (result == 0) result = set_pragma(s, c, "application_id", APPLICATION_ID, err);
    if (result == 0) result = set_pragma(s, c, "user_version", VERSION, err);
    if (result == 0 && sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        result = sqlite_error(s, c, err);
    if (result != 0) sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

/* Others may be opening the file at this moment; switching needs it alone for an instant. */
static int use_log(sqlite_store *s, baton_error **err) {
    connection *c = &s->writer;
    for (int count = 0;; count++) {
        sqlite3_stmt *st = sqlite_prepare(s, c, "PRAGMA journal_mode=WAL", err);
        if (!st) return -1;
        int code = sqlite3_step(st);
        bool done = code == SQLITE_ROW && strcmp(sqlite_text(st, 0), "wal") == 0;
        sqlite3_reset(st);
        if (done) return 0;
        if (code != SQLITE_ROW && code != SQLITE_DONE && (code & 0xff) != SQLITE_BUSY)
            return sqlite_error(s, c, err);
        wait_for_others(NULL, count);
    }
}

/* A number that no owner has. */
static int choose_owner(sqlite_store *s, baton_error **err) {
    entropy random = {0};
    for (int64_t taken = 1; taken;) {
        s->owner = (int64_t)(entropy_next(&random) & 0x3fffffff) + 1;
        sqlite3_stmt *st =
            sqlite_prepare(s, &s->writer, "SELECT EXISTS (SELECT 1 FROM owners WHERE number = ?1)", err);
        if (!st) return -1;
        sqlite3_bind_int64(st, 1, s->owner);
        int row = sqlite_row(s, &s->writer, st, err);
        if (row < 0) return -1;
        taken = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    if (owner_enter(s->owner, err) != 0) return -1;
    s->entered = true;
    return 0;
}

static int set_up(sqlite_store *s, bool look, baton_error **err) {
    connection *c = &s->writer;
    int64_t application_id = 0, version = 0;
    if (find_file(s, look, err) != 0 || check_header(s, look, err) != 0) return -1;
    if (sqlite_connect(s, c, err) != 0) return -1;
    if (!look && sqlite3_db_readonly(c->db, NULL) == 1) return fail(s, SQLITE_READONLY, "", err);
    if (set_pragma(s, c, "cache_size", -CACHE_KIB, err) != 0 ||
        set_pragma(s, c, "journal_size_limit", LOG_BYTES_KEPT, err) != 0 ||
        sqlite_integer(s, c, "PRAGMA application_id", &application_id, err) != 0 ||
        sqlite_integer(s, c, "PRAGMA user_version", &version, err) != 0)
        return -1;
    if (version > VERSION) {
        sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        return refuse_newer(s, version, err);
    }
    /* What a power cut meets before there is a log must not be half a store, whatever was asked for. */
    if (set_pragma(s, c, "synchronous", 2, err) != 0) return -1;
    if (version < VERSION && migrate(s, err) != 0) return -1;
    if (!look && use_log(s, err) != 0) return -1;
    if (set_pragma(s, c, "synchronous", s->sync_normal ? 1 : 2, err) != 0) return -1;
    if (choose_owner(s, err) != 0) return -1;
    sqlite_checkpoint_init(s);
    return 0;
}

static void dispose(sqlite_store *s) {
    for (size_t i = 0; i < KEPT_UPDATES; i++) sqlite3_finalize(s->updates[i]);
    sqlite_disconnect(&s->reader);
    sqlite_disconnect(&s->writer);
    if (s->entered) owner_leave(s->owner);
    pthread_mutex_destroy(&s->lock);
    free(s->verdicts);
    free(s->found);
    free(s->path);
    free(s);
}

static store *open_sqlite(const char *where, const store_options *options, baton_error **err) {
    const store_options none = {0};
    if (!options) options = &none;
    sqlite_store *s = calloc(1, sizeof *s);
    if (!s) {
        error_memory(err);
        return NULL;
    }
    s->base.type = &store_sqlite;
    s->sync_normal = options->sync_normal;
    snprintf(s->kind, sizeof s->kind, "%s", options->kind ? options->kind : "worker");
    s->attended = strcmp(s->kind, "run") == 0;
    pthread_mutex_init(&s->lock, NULL);
    s->base.path = s->path = absolute(where);
    if (!s->path) error_memory(err);
    if (s->path && owner_self(&s->self, err) == 0 && set_up(s, options->look, err) == 0) return &s->base;
    dispose(s);
    return NULL;
}

/* Also tried after a failure: to say good-bye is all that is left to do, and does no harm. */
static void say_goodbye(sqlite_store *s) {
    s->failed = false;
    /* Not worth a flush: should a power cut undo it, this process will be known to be dead. */
    if (set_pragma(s, &s->writer, "synchronous", 1, NULL) != 0) return;
    if (sqlite_begin(s, false, NULL) != 0) return;
    int result = sqlite_disown(s, &s->writer, s->owner, s->owner, NULL);
    if (result == 0) {
        sqlite3_stmt *st = sqlite_prepare(s, &s->writer, "DELETE FROM owners WHERE number = ?1", NULL);
        if (st) sqlite3_bind_int64(st, 1, s->owner);
        result = st ? sqlite_run(s, &s->writer, st, NULL) : -1;
    }
    sqlite_end(s, result, NULL);
}

static void close_sqlite(store *base) {
    sqlite_store *s = (sqlite_store *)base;
    if (s->introduced) say_goodbye(s);
    sqlite_checkpoint_stop(s);
    dispose(s);
}

const store_type store_sqlite = {
    .name = "sqlite",
    .durable = true,
    .open = open_sqlite,
    .close = close_sqlite,
    .commit = sqlite_commit,
    .load = sqlite_load,
    .find = sqlite_find,
    .read = sqlite_read,
    .read_workflow = sqlite_read_workflow,
    .take_up = sqlite_take_up,
    .next_due = sqlite_next_due,
    .has_changed = sqlite_has_changed,
    .ask = sqlite_ask,
    .asked = sqlite_asked,
    .list = sqlite_list,
    .journal = sqlite_journal,
    .logs = sqlite_logs,
    .statistics = sqlite_statistics,
    .prune = sqlite_prune,
    .backup = sqlite_backup,
    .write_tasks = sqlite_write_tasks,
    .read_tasks = sqlite_read_tasks,
};
