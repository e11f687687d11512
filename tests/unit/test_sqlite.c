/* The SQLite store: the suite of all stores, and what is its own: files that are not in order, plans, the
 * log.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"
#include "store_suite.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[128], file[160];

static void make_folder(void) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.80s/baton-sqlite-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/sub/folder/baton.db", folder);
}

static void remove_folder(void) {
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

static const char *suite_url(void) { return file; }
static int suite_begin(void **state) {
    (void)state;
    make_folder();
    return 0;
}
static int suite_end(void **state) {
    (void)state;
    remove_folder();
    return 0;
}
static void suite_backup_path(char path[256]) { snprintf(path, 256, "%s/copy.db", folder); }

/* Somebody else's hand in the file. */
static void by_hand(const char *sql, int64_t number) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    char *text = sqlite3_mprintf(sql, (long long)number);
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s", message);
    sqlite3_free(text);
    sqlite3_close(db);
}
static void suite_kill(int64_t owner) {
    by_hand("UPDATE owners SET started_at = 1 WHERE number = %lld", owner);
}
static void suite_hide(int64_t owner) {
    by_hand("UPDATE owners SET pid_namespace = 'pid:[1]' WHERE number = %lld", owner);
}

/* ---- Files ---- */

typedef struct content {
    char *bytes;
    size_t size;
} content;

static content content_of(const char *path) {
    content c = {0};
    FILE *f = fopen(path, "rb");
    if (!f) return c;
    c.bytes = calloc(1, 1 << 20);
    c.size = fread(c.bytes, 1, 1 << 20, f);
    fclose(f);
    return c;
}

static void put_content(const char *path, const void *bytes, size_t size, long at) {
    FILE *f = fopen(path, at ? "r+b" : "wb");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static bool exists(const char *suffix) {
    char path[200];
    snprintf(path, sizeof path, "%s%s", file, suffix);
    return access(path, F_OK) == 0;
}

/* Opening fails with an error that names the path, and leaves the file as it was. */
static void refuses(const char *path, const store_options *options, baton_error_code code,
                    const char *text) {
    content before = content_of(path);
    baton_error *err = NULL;
    store *s = store_open(path, options, &err);
    assert_null(s);
    assert_non_null(strstr(baton_error_message(err), path));
    fails_with(-1, &err, code, text);
    assert_null(store_open(path, options, NULL));
    content after = content_of(path);
    assert_int_equal(after.size, before.size);
    if (before.size) assert_memory_equal(after.bytes, before.bytes, before.size);
    free(before.bytes);
    free(after.bytes);
}

static void use_plain_file(void) { snprintf(file, sizeof file, "%s/baton.db", folder); }

static void a_new_store_is_one_file(void **state) {
    (void)state;
    store *s = open_store();
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    char path[200];
    snprintf(path, sizeof path, "%s/sub/folder", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    /* A look at it, and even opening it, writes nothing. */
    content before = content_of(file);
    assert_memory_equal(before.bytes, "SQLite format 3", 16);
    assert_memory_equal(before.bytes + 18, "\2\2", 2); /* WAL */
    assert_memory_equal(before.bytes + 60, "\0\0\0\2", 4);
    assert_memory_equal(before.bytes + 68, "BATN", 4);
    make(s, "x", EXECUTION_RUNNING);
    assert_true(exists("-wal"));
    snprintf(path, sizeof path, "%s-wal", file);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close_store(s);
    assert_false(exists("-wal"));
    assert_false(exists("-shm"));
    assert_false(exists("-journal"));
    free(before.bytes);

    before = content_of(file);
    s = store_open(file, &(store_options){.look = true}, NULL);
    assert_int_equal(found(s, "x").status, EXECUTION_RUNNING);
    close_store(s);
    close_store(open_store());
    content after = content_of(file);
    assert_int_equal(after.size, before.size);
    assert_memory_equal(after.bytes, before.bytes, before.size);
    free(before.bytes);
    free(after.bytes);

    sqlite3 *db;
    sqlite3_stmt *st2;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    sqlite3_prepare_v2(db, "PRAGMA auto_vacuum", -1, &st2, NULL);
    assert_int_equal(sqlite3_step(st2), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st2, 0), 2);
    sqlite3_finalize(st2);
    sqlite3_close(db);
}

static void urls_name_files(void **state) {
    (void)state;
    char url[256], back[1024];
    use_plain_file();
    snprintf(url, sizeof url, "sqlite:%s", file);
    store *s = store_open(url, &(store_options){.sync_normal = true}, NULL);
    assert_non_null(s);
    assert_ptr_equal(s->type, &store_sqlite);
    make(s, "x", EXECUTION_RUNNING);
    close_store(s);
    /* A relative path means the folder of this moment; and SQLite's own special names are plain ones. */
    assert_non_null(getcwd(back, sizeof back));
    assert_int_equal(chdir(folder), 0);
    s = store_open("baton.db", NULL, NULL);
    store *memory = store_open("sqlite::memory:", NULL, NULL);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(found(s, "x").status, EXECUTION_RUNNING);
    make(memory, "y", EXECUTION_RUNNING);
    close_store(memory);
    close_store(s);
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(access(":memory:", F_OK), 0);
    assert_int_equal(chdir(back), 0);

    baton_error *err = NULL;
    assert_null(store_open("sqlite:", NULL, &err));
    fails_with(-1, &err, BATON_ERROR_STORE, "sqlite:");
    assert_null(store_open("", NULL, &err));
    fails_with(-1, &err, BATON_ERROR_STORE, "unknown store ''");
    assert_null(store_open("mysql://host/x", NULL, &err));
    fails_with(-1, &err, BATON_ERROR_STORE, "mysql");
    static const char *const postgres[] = {"postgres://host/x", "postgresql://host/x"};
    for (size_t i = 0; i < 2; i++) {
        assert_null(store_open(postgres[i], NULL, &err));
        fails_with(-1, &err, BATON_ERROR_STORE, "PostgreSQL");
    }
}

static void who_looks_creates_nothing(void **state) {
    (void)state;
    const store_options look = {.look = true};
    refuses(file, &look, BATON_ERROR_NOT_FOUND, "no store");
    char path[200];
    snprintf(path, sizeof path, "%s/sub", folder);
    assert_int_equal(access(path, F_OK), -1);
    use_plain_file();
    put_content(file, "", 0, 0);
    refuses(file, &look, BATON_ERROR_NOT_FOUND, "no store");
    snprintf(path, sizeof path, "%s/baton.db/below", folder);
    refuses(path, &look, BATON_ERROR_NOT_FOUND, "no store");
    /* An empty file may become a store. */
    close_store(open_store());
    store *s = store_open(file, &look, NULL);
    assert_non_null(s);
    make(s, "x", EXECUTION_RUNNING); /* what is there may be written */
    close_store(s);
}

static void other_files_are_left_alone(void **state) {
    (void)state;
    const store_options *const ways[] = {NULL, &(store_options){.look = true}};
    use_plain_file();
    for (size_t i = 0; i < 2; i++) {
        put_content(file, "hello", 5, 0);
        refuses(file, ways[i], BATON_ERROR_STORE, "not a SQLite database");
        char text[5000];
        memset(text, 'x', sizeof text);
        put_content(file, text, sizeof text, 0);
        refuses(file, ways[i], BATON_ERROR_STORE, "not a SQLite database");
        refuses(folder, ways[i], BATON_ERROR_STORE, "is not a file");
        unlink(file);
        by_hand("CREATE TABLE t (x)", 0);
        refuses(file, ways[i], BATON_ERROR_STORE, "not a Baton store");
        by_hand("PRAGMA application_id = 17", 0);
        refuses(file, ways[i], BATON_ERROR_STORE, "not a Baton store");
        unlink(file);
        close_store(open_store());
        by_hand("PRAGMA journal_mode = DELETE", 0);
        by_hand("PRAGMA user_version = 99", 0);
        refuses(file, ways[i], BATON_ERROR_STORE, "newer version");
        unlink(file);
        /* Newer, but for now it stands in the log alone. */
        store *s = open_store();
        by_hand("PRAGMA user_version = 99", 0);
        refuses(file, ways[i], BATON_ERROR_STORE, "newer version");
        close_store(s);
        unlink(file);
    }
    put_content(file, "hello", 5, 0);
    char below[200];
    snprintf(below, sizeof below, "%s/x", file);
    baton_error *err = NULL;
    assert_null(store_open(below, NULL, &err));
    fails_with(-1, &err, BATON_ERROR_STORE, "Not a directory");
}

/* A process of its own for what would spoil this one. Returns what it returns. */
static int in_child(int (*work)(void)) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) _exit(work());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool says(baton_error *err, const char *text) {
    bool ok = err && baton_error_get_code(err) == BATON_ERROR_STORE &&
              strstr(baton_error_message(err), text) && strstr(baton_error_message(err), file);
    if (!ok) fprintf(stderr, "not '%s': %s\n", text, err ? baton_error_message(err) : "no error");
    baton_error_free(err);
    return ok;
}

static int open_without_rights(void) {
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0) return 2;
    baton_error *err = NULL;
    store *s = store_open(file, NULL, &err);
    return !s && says(err, "read-only") ? 0 : 1;
}

static int look_without_rights(void) {
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0) return 2;
    store *s = store_open(file, &(store_options){.look = true}, NULL);
    store_execution x;
    baton_error *err = NULL;
    if (!s || s->type->find(s, "x", &x, &err) != 0) return 3;
    return s->type->ask(s, "x", "cancel", &err) != 0 && says(err, "read-only") ? 0 : 1;
}

static int open_unreadable(void) {
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0) return 2;
    baton_error *err = NULL;
    store *s = store_open(file, NULL, &err);
    return !s && says(err, "Permission denied") ? 0 : 1;
}

static void what_is_read_only_is_said(void **state) {
    (void)state;
    use_plain_file();
    store *s = open_store();
    make(s, "x", EXECUTION_RUNNING);
    close_store(s);
    chmod(file, 0444);
    chmod(folder, 0555);
    assert_int_equal(in_child(open_without_rights), 0);
    /* A store in WAL mode cannot even be read there; a copy is a plain file. */
    by_hand("PRAGMA journal_mode = DELETE", 0);
    assert_int_equal(in_child(look_without_rights), 0);
    chmod(file, 0600);
    assert_int_equal(in_child(open_unreadable), 0);
    chmod(folder, 0700);
    assert_int_equal(in_child(open_unreadable), 0);
    unlink(file);
    chmod(folder, 0555);
    assert_int_equal(in_child(open_unreadable), 0);
    snprintf(file, sizeof file, "%s/sub/x.db", folder);
    assert_int_equal(in_child(open_unreadable), 0);
}

static void write_until_it_fails(store *s, baton_error **err) {
    char text[50000];
    memset(text, '1', sizeof text);
    store_row row = make(s, "x", EXECUTION_RUNNING);
    for (int i = 0; i < 1000; i++) {
        const store_datum d = {.number = i + 1, .text = {text, sizeof text}};
        store_change change = {.row = &row, .data = &d, .datum_count = 1};
        if (s->type->commit(s, &change, 1, err) != 0) return;
    }
}

/* After a failure each write tells it again; reading goes on, and a new handle begins anew. */
static int fail_for_good(store *s, const char *text) {
    baton_error *err = NULL;
    write_until_it_fails(s, &err);
    if (!says(err, text)) return 1;
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &all);
    store_row row = {0};
    const store_creation c = creation("y");
    store_change change = {.row = &row, .creation = &c};
    size_t pruned;
    bool more;
    if (s->type->commit(s, &change, 1, &err) == 0 || !says(err, text)) return 2;
    if (s->type->ask(s, "x", "cancel", &err) == 0 || !says(err, text)) return 3;
    if (s->type->prune(s, INT64_MAX, &pruned, &more, &err) == 0 || !says(err, text)) return 4;
    if (s->type->take_up(s, &(store_claim){.ready = true}, note_id, NULL, &err) != 0) return 5; /* none */
    if (found(s, "x").status != EXECUTION_RUNNING) return 6;
    s->type->close(s);
    s = store_open(file, NULL, &err);
    if (!s || s->type->commit(s, &change, 1, &err) != 0) return 7;
    takes(s, (store_claim){.interrupted = true}, "x");
    s->type->close(s);
    return 0;
}

static int write_beyond_limit(void) {
    signal(SIGXFSZ, SIG_IGN);
    store *s = open_store();
    struct rlimit limit = {3 << 20, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    return fail_for_good(s, "I/O error");
}

static void io_errors_are_final(void **state) {
    (void)state;
    assert_int_equal(in_child(write_beyond_limit), 0);
}

static void a_full_disk_is_said(void **state) {
    (void)state;
    if (mount("none", folder, "tmpfs", 0, "size=4m") != 0) skip();
    use_plain_file();
    baton_error *err = NULL;
    store *s = open_store();
    write_until_it_fails(s, &err);
    bool said = says(err, "the disk is full");
    char path[200];
    snprintf(path, sizeof path, "%s/copy.db", folder);
    int copied = s->type->backup(s, path, &err);
    bool left = access(path, F_OK) == 0;
    close_store(s);
    umount(folder);
    assert_true(said);
    fails_with(copied, &err, BATON_ERROR_STORE, path);
    assert_false(left); /* nothing half-made stays */
}

static int note_nothing(void *data, const store_execution *x, baton_error **err) {
    (void)data, (void)x, (void)err;
    return 0;
}

static void damage_is_said(void **state) {
    (void)state;
    use_plain_file();
    store *s = open_store();
    char id[16];
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "%d", i);
        make_old(s, id, EXECUTION_COMPLETED, 1);
    }
    close_store(s);
    struct stat st;
    stat(file, &st);
    char noise[4096];
    memset(noise, 0x5a, sizeof noise);
    for (long at = 4096; at < st.st_size; at += 4096) put_content(file, noise, sizeof noise, at);
    baton_error *err = NULL;
    s = store_open(file, NULL, &err);
    if (s) { /* the first page is whole */
        int result = s->type->list(s, &(store_filter){0}, note_nothing, NULL, &err);
        fails_with(result, &err, BATON_ERROR_STORE, "is damaged");
        close_store(s);
    } else {
        fails_with(-1, &err, BATON_ERROR_STORE, "is damaged");
    }
    put_content(file, noise, 50, 30);
    refuses(file, NULL, BATON_ERROR_STORE, file);
}

static void rows_that_make_no_sense_are_damage(void **state) {
    (void)state;
    store *s = open_store();
    store_row a = make(s, "a", EXECUTION_RUNNING), b = make(s, "b", EXECUTION_RUNNING);
    write_records(s, &a, &b, 1);
    write_records(s, &a, &b, 3);
    journal_notes notes = {0};
    baton_error *err = NULL;
    by_hand("UPDATE journal SET kind = 'guess' WHERE execution = 1 AND number = 4", 0);
    int result = s->type->journal(s, "a", 3, note_record, &notes, &err);
    fails_with(result, &err, BATON_ERROR_STORE, "is damaged (a record");
    by_hand("DELETE FROM journal WHERE execution = 1 AND number = 2", 0);
    result = s->type->journal(s, "a", 0, note_record, &notes, &err);
    fails_with(result, &err, BATON_ERROR_STORE, "is damaged (a journal");
    by_hand("UPDATE journal SET previous = seq WHERE execution = 2", 0);
    result = s->type->journal(s, "b", 0, note_record, &notes, &err);
    fails_with(result, &err, BATON_ERROR_STORE, "is damaged (a journal");
    by_hand("UPDATE executions SET status = 'asleep' WHERE id = 'b'", 0);
    store_execution x;
    result = s->type->find(s, "b", &x, &err);
    fails_with(result, &err, BATON_ERROR_STORE, "is damaged (an execution");
    /* A table that is not as it should be. */
    by_hand("ALTER TABLE logs RENAME COLUMN stream TO river", 0);
    result = s->type->logs(s, "a", 0, note_log, &notes, &err);
    fails_with(result, &err, BATON_ERROR_STORE, "no such column");
    buffer_done(&notes.text);
    close_store(s);
}

/* ---- Processes ---- */

static int create_and_write(void) {
    store *s = store_open(file, NULL, NULL);
    if (!s) return 1;
    writer w = {.s = s, .number = (int)getpid()};
    write_many(&w);
    s->type->close(s);
    return w.failed;
}

static void processes_take_turns(void **state) {
    (void)state;
    enum { PROCESSES = 6 };
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) _exit(create_and_write());
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    store *s = open_store();
    assert_int_equal(statistics(s).completed, PROCESSES * WRITTEN);
    assert_int_equal(statistics(s).owners, 0);
    for (int i = 0; i < PROCESSES; i++) all_is_there(s, (int)pids[i]);
    close_store(s);
}

static void the_dead_leave_everything(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        store *mine = open_as("run");
        make(mine, "x", EXECUTION_RUNNING);
        make(mine, "y", EXECUTION_WAITING);
        if (write(ends[1], "!", 1) == 1) pause();
        _exit(1);
    }
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    store *s = open_store();
    assert_false(found(s, "x").interrupted);
    char text[64];
    snprintf(text, sizeof text, "is run by process %d", (int)pid);
    take_fails(s, (store_claim){.id = "x"}, BATON_ERROR_CONFLICT, text);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(found(s, "x").interrupted && found(s, "y").interrupted);
    takes(s, (store_claim){.interrupted = true, .attended_too = true}, "x y");
    /* The next look at what is interrupted finds its row without use. */
    assert_int_equal(statistics(s).owners, 1);
    close_store(s);
    close(ends[0]);
    close(ends[1]);
}

/* A handle whose disk failed cannot give its executions back, and yet they are not lost while its process
 * lives on. */
static void a_lost_handle_is_dead(void **state) {
    (void)state;
    store *s = open_store(), *t = open_store();
    make(s, "x", EXECUTION_RUNNING);
    assert_false(found(t, "x").interrupted);
    owner_leave(found(t, "x").owner);
    assert_true(found(t, "x").interrupted);
    takes(t, (store_claim){.interrupted = true}, "x");
    close_store(s);
    close_store(t);
}

/* The failed write is told again also when it was no statement of its own that failed. */
static void a_failure_is_never_blank(void **state) {
    (void)state;
    store *s = open_store(), *t = open_store();
    store_row x = make(t, "x", EXECUTION_RUNNING), row = {0};
    move(t, &x, EXECUTION_RUNNING, true);
    by_hand("ALTER TABLE owners RENAME COLUMN boot_id TO boot", 0);
    baton_error *err = NULL;
    /* Taking up judges, with the reader, an owner that owns nothing any more. */
    int result = s->type->take_up(s, &(store_claim){.interrupted = true}, note_nothing, NULL, &err);
    fails_with(result, &err, BATON_ERROR_STORE, "no such column");
    const store_creation c = creation("y");
    store_change change = {.row = &row, .creation = &c};
    result = s->type->commit(s, &change, 1, &err);
    assert_non_null(strstr(baton_error_message(err), file));
    fails_with(result, &err, BATON_ERROR_STORE, "no such column");
    close_store(t);
    close_store(s);
}

static void *hold_the_file(void *data) {
    (void)data;
    by_hand(
        "BEGIN IMMEDIATE; UPDATE executions SET priority = 7; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"
        " SELECT i + 1 FROM n LIMIT 1000000) SELECT max(i) FROM n; COMMIT",
        0);
    return NULL;
}

static void a_busy_file_is_waited_for(void **state) {
    (void)state;
    store *s = open_store();
    make(s, "x", EXECUTION_RUNNING);
    pthread_t thread;
    pthread_create(&thread, NULL, hold_the_file, NULL);
    for (int i = 0; i < 300 && found(s, "x").priority != 7; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        make(s, id, EXECUTION_COMPLETED);
    }
    pthread_join(thread, NULL);
    assert_int_equal(found(s, "x").priority, 7);
    close_store(s);
}

/* ---- Plans ---- */

enum { STATEMENTS_MAX = 200 };
typedef struct statements {
    char *sql[STATEMENTS_MAX];
    size_t count;
} statements;

static int note_statement(unsigned kind, void *data, void *statement, void *more) {
    (void)kind, (void)more;
    statements *all = data;
    const char *sql = sqlite3_sql(statement);
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->sql[i], sql) == 0) return 0;
    assert_true(all->count < STATEMENTS_MAX);
    all->sql[all->count++] = strdup(sql);
    return 0;
}

/* Of tables that grow nothing is scanned, and nothing is sorted. */
static bool is_bad(const char *sql, const char *step) {
    static const char *const tables[] = {"executions", " e", "journal", "data", "logs", "task"};
    if (strstr(step, "TEMP B-TREE")) return true;
    if (strncmp(step, "SCAN", 4) != 0) return false;
    /* These indices hold what may be taken up, and nothing else. */
    if (strstr(step, "INDEX executions_ready") || strstr(step, "INDEX executions_left")) return false;
    /* The newest of all, from the end of the table, until there are enough. */
    if (strncmp(sql, "SELECT key FROM executions WHERE true", 37) == 0 && !strstr(sql, "owner") &&
        !strstr(sql, "status") && !strstr(sql, "workflow"))
        return false;
    /* All tasks are asked for, in their order. */
    if (strcmp(step, "SCAN task_states") == 0 && !strstr(sql, "WHERE")) return false;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (strstr(step, tables[i])) return true;
    return false;
}

static void check_plans(statements *all) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    for (size_t i = 0; i < all->count; i++) {
        char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", all->sql[i]);
        sqlite3_stmt *st = NULL;
        sqlite3_prepare_v2(db, sql, -1, &st, NULL);
        while (st && sqlite3_step(st) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(st, 3);
            if (is_bad(all->sql[i], step)) fail_msg("%s: %s", all->sql[i], step);
        }
        sqlite3_finalize(st);
        sqlite3_free(sql);
        free(all->sql[i]);
    }
    sqlite3_close(db);
}

static void ask_for_tasks(store *s) {
    baton_error *err = NULL;
    store_task t = task("a", "a.md");
    t.dependencies = &(store_task_dependency){.text = "b"};
    t.dependency_count = 1;
    writes_tasks(s, &t, 1);
    t.version = 1;
    writes_tasks(s, &t, 1);
    buffer notes = {0};
    for (int more = 0; more < 16; more++) {
        const store_task_filter f = {.id = more & 1 ? "a" : NULL,
                                     .project_id = more & 2 ? "pidea" : NULL,
                                     .source_path = more & 4 ? "a.md" : NULL,
                                     .status = more & 8 ? "pending" : NULL,
                                     .dependencies = true};
        buffer_clear(&notes);
        succeeds(s->type->read_tasks(s, &f, note_task, &notes, &err), err);
        assert_string_equal(buffer_text(&notes), "a:2");
    }
    buffer_done(&notes);
}

static void ask_all(store *s) {
    static const char *const names[] = {NULL, "pending", "running", "waiting", "completed", "interrupted"};
    baton_error *err = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (int more = 0; more < 8; more++) {
            const store_filter f = {.status = names[i],
                                    .workflow = more & 1 ? "order" : NULL,
                                    .since_ns = more & 2 ? T0 : 0,
                                    .before = more & 4 ? "x" : NULL,
                                    .limit = 10};
            succeeds(s->type->list(s, &f, note_nothing, NULL, &err), err);
        }
    statistics(s);
    int64_t wake_ns;
    succeeds(s->type->next_due(s, &wake_ns, &err), err);
    s->type->has_changed(s);
    store_claim claim = {
        .interrupted = true, .attended_too = true, .ready = true, .now_ns = T0 + SECOND, .limit = 10};
    succeeds(s->type->take_up(s, &claim, note_nothing, NULL, &err), err);
    succeeds(s->type->ask(s, "mine", "cancel", &err), err);
    succeeds(s->type->asked(s, note_nothing, NULL, &err), err);
    journal_notes notes = {0};
    succeeds(s->type->journal(s, "x", 0, note_record, &notes, &err), err);
    notes.seq = 0;
    succeeds(s->type->logs(s, "x", 0, note_log, &notes, &err), err);
    buffer_done(&notes.text);
    prunes(s, T0 + 100 * SECOND, 2);
}

static void no_question_reads_everything(void **state) {
    (void)state;
    statements all = {0};
    store *s = open_store(), *dead = open_store();
    sqlite_store *inside = (sqlite_store *)s;
    assert_non_null(sqlite_reader(inside, NULL));
    sqlite3_trace_v2(inside->reader.db, SQLITE_TRACE_PROFILE, note_statement, &all);
    sqlite3_trace_v2(inside->writer.db, SQLITE_TRACE_PROFILE, note_statement, &all);
    make_old(s, "x", EXECUTION_COMPLETED, 60);
    make_old(s, "old", EXECUTION_COMPLETED, 1);
    store_row mine = make(s, "mine", EXECUTION_RUNNING);
    store_row one = make(s, "one", EXECUTION_RUNNING);
    make(dead, "dead", EXECUTION_RUNNING);
    suite_kill(found(s, "dead").owner);
    make_unowned(s, "ready", 1, NO_TIMER);
    make_unowned(s, "due", 1, T0);
    depends(s, "waits", true, (const char *const[]){"mine", "one"}, 2);
    ask_all(s);
    ask_for_tasks(s);
    move(s, &mine, EXECUTION_COMPLETED, true);
    move(s, &one, EXECUTION_PENDING, true);
    close_store(dead);
    close_store(s);
    assert_true(all.count > 60);
    check_plans(&all);
}

static int count_steps(void *data) {
    ++*(int *)data;
    return 0;
}

/* Without matches a list from a moment on looks at few of the rows that are older. */
static void old_rows_are_not_walked(void **state) {
    (void)state;
    enum { ROWS = 50000, STEPS = 100 };
    store *s = open_store();
    make(s, "first", EXECUTION_COMPLETED);
    by_hand(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000)"
        " INSERT INTO executions (id, workflow, status, strategy, priority, created_at, attended, epoch,"
        " taken_up, number, settings) SELECT 'n' || i, 1, 'completed', 'basic', 1, created_at + i *"
        " 1000000, 0, 0, 0, 0, '{}' FROM n, executions WHERE id = 'first'",
        0);
    int steps = 0;
    found(s, "first");
    sqlite3 *reader = ((sqlite_store *)s)->reader.db;
    sqlite3_progress_handler(reader, STEPS, count_steps, &steps);
    lists(s, (store_filter){.since_ns = T0 + ROWS * SECOND, .limit = 10}, "n50000");
    lists(s, (store_filter){.since_ns = T0 + 2 * ROWS * SECOND, .limit = 10}, "");
    lists(s, (store_filter){.since_ns = T0 + ROWS * SECOND, .status = "completed"}, "n50000");
    lists(s, (store_filter){.since_ns = T0 + ROWS * SECOND, .workflow = "order"}, "n50000");
    assert_true(steps * STEPS < 20 * 3600); /* an hour's rows, of one a second, for each */
    sqlite3_progress_handler(reader, 0, NULL, NULL);
    /* Clocks may be set back a little. */
    by_hand("UPDATE executions SET created_at = created_at - 3000000000 WHERE id = 'n49999'", 0);
    lists(s, (store_filter){.since_ns = T0 + (ROWS - 1) * SECOND}, "n50000");
    by_hand("UPDATE executions SET created_at = created_at + 3000000000 WHERE id = 'n40000'", 0);
    lists(s, (store_filter){.since_ns = T0 + 43000 * SECOND, .until_ns = T0 + 43001 * SECOND},
          "n43000 n40000");
    close_store(s);
}

/* ---- Tasks ---- */

/* The first column of all rows, joined. */
static void finds(const char *sql, const char *expected) {
    sqlite3 *db;
    sqlite3_stmt *st;
    buffer texts = {0};
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(db));
    while (sqlite3_step(st) == SQLITE_ROW)
        buffer_printf(&texts, "%s%s", texts.size ? " " : "", sqlite_text(st, 0));
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
    sqlite3_close(db);
    assert_string_equal(buffer_text(&texts), expected);
    buffer_done(&texts);
}

static void tasks_have_the_columns_of_the_seed(void **state) {
    (void)state;
    store *s = open_store();
    const store_task t = task("a", "a.md");
    writes_tasks(s, &t, 1);
    finds("SELECT name FROM pragma_table_xinfo('tasks')",
          "id project_id title description type category priority status source_type source_path"
          " source_content metadata estimated_hours");
    finds("SELECT description FROM tasks", t.source_content);
    finds("SELECT estimated_hours FROM tasks", "20");
    finds("SELECT imported_at FROM task_states", "1767225600000000");
    close_store(s);
}

/* Of a list without documents SQLite reads few of their pages. */
static int pages_read(store *s, bool content) {
    sqlite3 *reader = ((sqlite_store *)s)->reader.db;
    int pages, highest;
    buffer notes = {0};
    sqlite3_db_release_memory(reader);
    sqlite3_db_status(reader, SQLITE_DBSTATUS_CACHE_MISS, &pages, &highest, true);
    const store_task_filter f = {.content = content, .metadata = content};
    assert_int_equal(s->type->read_tasks(s, &f, note_task, &notes, NULL), 0);
    sqlite3_db_status(reader, SQLITE_DBSTATUS_CACHE_MISS, &pages, &highest, true);
    buffer_done(&notes);
    return pages;
}

static off_t size_of(const char *suffix) {
    char path[200];
    struct stat st;
    snprintf(path, sizeof path, "%s%s", file, suffix);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static void documents_are_left_alone(void **state) {
    (void)state;
    enum { TASKS = 100, BYTES = 100000, PAGES = BYTES / 4096 };
    static char document[BYTES + 1], ids[TASKS][8];
    static store_task tasks[TASKS];
    memset(document, 'd', BYTES);
    store *s = open_store();
    for (int i = 0; i < TASKS; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        tasks[i] = task(ids[i], ids[i]);
        tasks[i].source_content = document;
    }
    writes_tasks(s, tasks, TASKS);
    tasks_are(s, (store_task_filter){.id = "7"}, "7:1");
    assert_true(pages_read(s, false) < TASKS * 4);
    assert_true(pages_read(s, true) > TASKS * PAGES);
    /* A new state is a page or two, whether the document came along or not. */
    off_t before = size_of("-wal");
    for (int i = 0; i < 8; i++) {
        tasks[i].version = 1;
        tasks[i].state = "{\"attempts\":1}";
        if (i % 2) tasks[i].source_content = tasks[i].metadata = NULL;
    }
    writes_tasks(s, tasks, 8);
    off_t after = size_of("-wal");
    assert_true(after > before && after - before < 3 * 4096);
    close_store(s);
}

/* A refused write is no failure, and leaves no word of one behind. */
static void a_conflict_is_no_failure(void **state) {
    (void)state;
    store *s = open_store();
    const store_task tasks[] = {task("a", "a.md"), task("b", "a.md")};
    const sqlite_store *inside = (sqlite_store *)s;
    task_write_fails(s, tasks, 2, BATON_ERROR_CONFLICT, "a.md");
    assert_false(inside->failed);
    assert_string_equal(inside->failure, "");
    assert_true(sqlite3_get_autocommit(inside->writer.db));
    /* A failure is, and is told again. */
    by_hand("ALTER TABLE task_states RENAME COLUMN digest TO digested", 0);
    task_write_fails(s, tasks, 1, BATON_ERROR_STORE, "digest");
    by_hand("ALTER TABLE task_states RENAME COLUMN digested TO digest", 0);
    task_write_fails(s, tasks, 1, BATON_ERROR_STORE, "digest");
    tasks_are(s, (store_task_filter){0}, "");
    close_store(s);
    s = open_store();
    writes_tasks(s, tasks, 1);
    by_hand("ALTER TABLE task_dependencies RENAME COLUMN satisfied TO happy", 0);
    baton_error *err = NULL;
    int result = s->type->read_tasks(s, &(store_task_filter){.dependencies = true}, note_task, NULL, &err);
    fails_with(result, &err, BATON_ERROR_STORE, "satisfied");
    by_hand("ALTER TABLE task_states RENAME COLUMN digest TO digested", 0);
    result = s->type->read_tasks(s, &(store_task_filter){0}, note_task, NULL, &err);
    fails_with(result, &err, BATON_ERROR_STORE, "digest");
    close_store(s);
}

/* ---- Older stores ---- */

/* As it was before there were tasks. */
static void make_version_1(void) {
    by_hand(
        "DROP TABLE tasks; DROP TABLE task_states; DROP TABLE task_dependencies; PRAGMA user_version = 1",
        0);
    finds("PRAGMA user_version", "1");
}

static void an_older_store_is_brought_up(void **state) {
    (void)state;
    static const store_options look = {.look = true};
    for (int looks = 0; looks < 2; looks++) {
        store *s = open_store();
        store_row x = make(s, "x", EXECUTION_RUNNING);
        make_version_1();
        store *t = looks ? store_open(file, &look, NULL) : open_store();
        assert_non_null(t);
        finds("PRAGMA user_version", "2");
        finds("PRAGMA integrity_check", "ok");
        /* Whoever has it open goes on. */
        move(s, &x, EXECUTION_COMPLETED, true);
        assert_int_equal(found(t, "x").status, EXECUTION_COMPLETED);
        const store_task tasks[] = {task("a", "a.md"), task("b", "b.md")};
        writes_tasks(t, &tasks[0], 1);
        writes_tasks(s, &tasks[1], 1);
        tasks_are(s, (store_task_filter){0}, "a:1 b:1");
        tasks_are(t, (store_task_filter){0}, "a:1 b:1");
        make(t, "y", EXECUTION_RUNNING);
        prunes(s, INT64_MAX, 1);
        close_store(t);
        close_store(s);
        unlink(file);
    }
}

static int open_and_write_task(void) {
    store *s = store_open(file, NULL, NULL);
    if (!s) return 1;
    char id[16];
    snprintf(id, sizeof id, "%d", (int)getpid());
    const store_task t = task(id, id);
    int result = s->type->write_tasks(s, &t, 1, NULL);
    s->type->close(s);
    return result == 0 ? 0 : 2;
}

/* All at once, and each as if it were the first. */
static void an_older_store_is_brought_up_once(void **state) {
    (void)state;
    enum { PROCESSES = 6 };
    pid_t pids[PROCESSES];
    close_store(open_store());
    make_version_1();
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) _exit(open_and_write_task());
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    finds("SELECT count(*) FROM tasks JOIN task_states ON id = task", "6");
    finds("PRAGMA user_version", "2");
}

/* ---- The log ---- */

/* Under constant commits the log is moved to the file meanwhile, and begins anew. */
static void the_log_stays_bounded(void **state) {
    (void)state;
    enum { COMMITS = 500, DATA = 80 };
    store *s = store_open(file, &(store_options){.sync_normal = true}, NULL);
    char text[4000];
    memset(text, '1', sizeof text);
    store_row row = make(s, "x", EXECUTION_RUNNING);
    off_t largest = 0;
    for (int i = 0; i < COMMITS; i++) {
        store_datum data[DATA];
        for (int k = 0; k < DATA; k++)
            data[k] = (store_datum){.number = i * DATA + k + 1, .text = {text, sizeof text}};
        const store_change change = {.row = &row, .data = data, .datum_count = DATA};
        commit(s, &change, 1);
        if (size_of("-wal") > largest) largest = size_of("-wal");
    }
    assert_true(size_of("") > 100 << 20);
    assert_true(largest > 1 << 20);
    assert_true(largest < 150 << 20);
    close_store(s);
    assert_int_equal(size_of("-wal"), 0);
    s = open_store();
    assert_int_equal(found(s, "x").status, EXECUTION_RUNNING);
    close_store(s);
}

int main(void) {
    const struct CMUnitTest own[] = {
        SUITE_TEST(a_new_store_is_one_file),
        SUITE_TEST(urls_name_files),
        SUITE_TEST(who_looks_creates_nothing),
        SUITE_TEST(other_files_are_left_alone),
        SUITE_TEST(what_is_read_only_is_said),
        SUITE_TEST(io_errors_are_final),
        SUITE_TEST(a_full_disk_is_said),
        SUITE_TEST(damage_is_said),
        SUITE_TEST(rows_that_make_no_sense_are_damage),
        SUITE_TEST(processes_take_turns),
        SUITE_TEST(the_dead_leave_everything),
        SUITE_TEST(a_lost_handle_is_dead),
        SUITE_TEST(a_failure_is_never_blank),
        SUITE_TEST(a_busy_file_is_waited_for),
        SUITE_TEST(no_question_reads_everything),
        SUITE_TEST(old_rows_are_not_walked),
        SUITE_TEST(tasks_have_the_columns_of_the_seed),
        SUITE_TEST(documents_are_left_alone),
        SUITE_TEST(a_conflict_is_no_failure),
        SUITE_TEST(an_older_store_is_brought_up),
        SUITE_TEST(an_older_store_is_brought_up_once),
        SUITE_TEST(the_log_stays_bounded),
    };
    int failed = cmocka_run_group_tests_name("suite", store_suite, NULL, NULL);
    return failed + cmocka_run_group_tests_name("sqlite", own, NULL, NULL);
}
