/* A durable engine on a disk that fails or is slow, and without memory: each operation of each kind fails
 * in turn. After it the engine has stopped with a clear error, nothing that it told is undone, and a new
 * engine goes on. Where there are too many, some are left out, others each time; BATON_STRIDE=1 leaves out
 * none, and BATON_SEED repeats a run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "durable_scene.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static unsigned long seed, stride;

static const disk_fault faults[] = {
    {.name = "write: I/O error", .operation = DISK_WRITE, .code = SQLITE_IOERR_WRITE},
    {.name = "write: disk full", .operation = DISK_WRITE, .code = SQLITE_FULL},
    {.name = "short write", .operation = DISK_WRITE, .code = SQLITE_FULL, .torn = true},
    {.name = "torn write", .operation = DISK_WRITE, .code = SQLITE_IOERR_WRITE, .torn = true},
    {.name = "sync", .operation = DISK_SYNC, .code = SQLITE_IOERR_FSYNC},
    {.name = "open", .operation = DISK_OPEN, .code = SQLITE_CANTOPEN},
    {.name = "read", .operation = DISK_READ, .code = SQLITE_IOERR_READ},
    {.name = "truncate", .operation = DISK_TRUNCATE, .code = SQLITE_IOERR_TRUNCATE},
    {.name = "delete", .operation = DISK_DELETE, .code = SQLITE_IOERR_DELETE},
    {.name = "shared memory", .operation = DISK_SHM_MAP, .code = SQLITE_IOERR_SHMMAP},
};
enum { FAULTS = sizeof faults / sizeof *faults };

/* ---- What a failure looks like ---- */

/* One line that names the store and what happened. */
static void expect_clear(baton_error *err) {
    static const char *const what[] = {"I/O error",          "disk is full",  "cannot be opened",
                                       "Input/output error", "No space left", "unable to open"};
    char *text = baton_error_text(err);
    bool clear = false;
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) clear |= text && strstr(text, what[i]);
    if (baton_error_get_code(err) != BATON_ERROR_STORE || !clear || !strstr(text, scene_path) ||
        strchr(text, '\n'))
        fail_msg("%s: %s", baton_error_code_name(baton_error_get_code(err)), text ? text : "");
    free(text);
    baton_error_free(err);
}

/* Whatever is asked of it, a broken engine says why it does nothing. */
static void expect_stopped(baton_engine *engine) {
    baton_error *err = NULL;
    size_t count = told.count;
    assert_int_equal(baton_engine_run(engine, &err), -1);
    expect_clear(err);
    err = NULL;
    assert_int_equal(baton_engine_submit(engine, order, NULL, NULL, NULL, NULL, NULL, &err), -1);
    expect_clear(err);
    err = NULL;
    assert_int_equal(baton_engine_recover(engine, NULL, NULL, &err), -1);
    expect_clear(err);
    assert_int_equal(told.count, count);
}

/* ---- One fault after the other ---- */

typedef struct act {
    void (*prepare)(void);
    int (*run)(baton_error **err);
    void (*check)(int result); /* on a disk in order */
    unsigned long stride;
} act;

static void fail_in_turn(const act *a, disk_fault fault) {
    unsigned long step = stride ? stride : a->stride;
    for (unsigned long n = seed % step;; n += step) {
        baton_error *err = NULL;
        a->prepare();
        disk_fail(fault, (long)n);
        int result = a->run(&err);
        bool struck = disk_heal();
        if (result != 0) expect_clear(err);
        if (result != 0 && !struck) fail_msg("%s: nothing failed", fault.name);
        a->check(result);
        if (!struck) break;
    }
}

/* All kinds; each once, and for good from some moment on. */
static void fail_each(act a, int files) {
    for (int i = 0; i < FAULTS * 2; i++) {
        disk_fault fault = faults[i / 2];
        fault.stays = i % 2;
        fault.files = files;
        fail_in_turn(&a, fault);
    }
}

/* ---- The whole scene, from a new store on ---- */

static void prepare_nothing(void) {
    told.count = 0;
    new_store();
}

static int run_scene(baton_error **err) {
    baton_engine *engine = scene_engine(scene_path, false, err);
    int result = engine ? play(engine, err) : -1;
    bool writes = disk.fault.operation == DISK_WRITE || disk.fault.operation == DISK_SYNC;
    if (engine && result != 0 && writes) assert_non_null(engine->broken);
    if (engine && engine->broken) expect_stopped(engine);
    baton_engine_free(engine);
    return result;
}

static void check_scene(int result) {
    (void)result;
    go_on(scene_path);
}

static void test_each_operation_fails(void **state) {
    (void)state;
    fail_each((act){prepare_nothing, run_scene, check_scene, 23}, FILE_ANY);
}

/* Of those that count most, all. */
static void test_each_sync_fails(void **state) {
    (void)state;
    fail_in_turn(&(act){prepare_nothing, run_scene, check_scene, 1}, faults[4]);
}

/* ---- What a killed process left ---- */

static fact left_facts[FACTS_MAX];
static size_t left_count;
static char left_path[sizeof scene_path + 8];

static void copy_file(const char *suffix) {
    char command[4 * sizeof left_path];
    snprintf(command, sizeof command, "%s%s", left_path, suffix);
    FILE *from = fopen(command, "rb");
    if (!from) return;
    snprintf(command, sizeof command, "%s%s", scene_path, suffix);
    FILE *to = fopen(command, "wb");
    assert_non_null(to);
    char bytes[4096];
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, from)) > 0;)
        assert_int_equal(fwrite(bytes, 1, size, to), size);
    fclose(from);
    fclose(to);
}

/* A process plays until its disk fails for good, and dies there: its log and its claims stay behind. */
static void leave_something(void) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    prepare_nothing();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        baton_error *err = NULL;
        baton_engine *engine = scene_engine(scene_path, false, &err);
        disk_fail(
            (disk_fault){
                .operation = DISK_SYNC, .code = SQLITE_IOERR_FSYNC, .files = FILE_LOG, .stays = true},
            12);
        if (!engine || play(engine, &err) == 0) _exit(1);
        ssize_t size = (ssize_t)(told.count * sizeof *told.list);
        _exit(write(ends[1], told.list, (size_t)size) == size ? 0 : 1);
    }
    close(ends[1]);
    size_t size = 0;
    for (ssize_t got; (got = read(ends[0], (char *)left_facts + size, sizeof left_facts - size)) > 0;)
        size += (size_t)got;
    close(ends[0]);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    left_count = size / sizeof *left_facts;
    assert_true(left_count > 10);
    snprintf(left_path, sizeof left_path, "%s", scene_path);
    *scene_path = '\0';
}

static void prepare_left(void) {
    new_store();
    told.count = left_count;
    memcpy(told.list, left_facts, sizeof left_facts);
    copy_file("");
    copy_file("-wal");
}

static int run_left(baton_error **err) {
    size_t count = 0;
    baton_engine *engine = scene_engine(scene_path, false, err);
    int result = engine ? baton_engine_recover(engine, NULL, &count, err) : -1;
    if (result == 0) result = baton_engine_run(engine, err);
    if (engine && engine->broken) expect_stopped(engine);
    baton_engine_free(engine);
    return result;
}

static void test_what_a_killed_process_left(void **state) {
    (void)state;
    leave_something();
    fail_each((act){prepare_left, run_left, check_scene, 7}, FILE_ANY);
    kit_forget_store(left_path);
}

/* ---- Pruning and copies ---- */

static void prepare_ended(void) {
    prepare_nothing();
    go_on(scene_path);
    told.count = 0;
}

static store *open_scene(baton_error **err) { return store_open(scene_path, NULL, err); }

static int prune_all(store *s, baton_error **err) {
    size_t pruned;
    int result = 0;
    for (bool more = true; more && result == 0;) result = s->type->prune(s, INT64_MAX, &pruned, &more, err);
    return result;
}

static int run_prune(baton_error **err) {
    store *s = open_scene(err);
    if (!s) return -1;
    int result = prune_all(s, err);
    if (result != 0 && disk.fault.operation == DISK_WRITE) {
        baton_error *again = NULL;
        assert_int_equal(prune_all(s, &again), -1);
        expect_clear(again);
    }
    s->type->close(s);
    return result;
}

/* What is not gone is whole; the next time all of it goes. */
static void check_prune(int result) {
    static history h;
    baton_error *err = NULL;
    store *s = open_scene(&err);
    expect_code(err, BATON_ERROR_NONE);
    check_integrity(s);
    for (int i = 0; i < PARTS; i++) {
        read_history(s, parts[i].id, &h);
        if (result == 0) assert_false(h.found);
    }
    prune_all(s, &err);
    expect_code(err, BATON_ERROR_NONE);
    for (int i = 0; i < PARTS; i++) {
        read_history(s, parts[i].id, &h);
        assert_false(h.found);
    }
    check_integrity(s);
    s->type->close(s);
}

static void test_prune_fails(void **state) {
    (void)state;
    fail_each((act){prepare_ended, run_prune, check_prune, 13}, FILE_ANY);
}

static char copy_path[sizeof scene_path + 8];

static int run_backup(baton_error **err) {
    store *s = open_scene(err);
    if (!s) return -1;
    snprintf(copy_path, sizeof copy_path, "%s.copy", scene_path);
    int result = s->type->backup(s, copy_path, err);
    s->type->close(s);
    return result;
}

static void check_whole(const char *path) {
    static history h;
    baton_error *err = NULL;
    store *s = store_open(path, NULL, &err);
    expect_code(err, BATON_ERROR_NONE);
    check_integrity(s);
    for (int i = 0; i < PARTS; i++) {
        read_history(s, parts[i].id, &h);
        assert_true(h.found);
    }
    s->type->close(s);
}

/* A copy is whole or not there, and what it is of is as it was. */
static void check_backup(int result) {
    check_whole(scene_path);
    if (result == 0) check_whole(copy_path);
    if (result != 0 && access(copy_path, F_OK) == 0) fail_msg("half a copy stays");
    kit_forget_store(copy_path);
}

static void test_backup_fails(void **state) {
    (void)state;
    fail_each((act){prepare_ended, run_backup, check_backup, 11}, FILE_ANY);
}

/* ---- Tasks ---- */

static char task_document[30000];
static bool tasks_acknowledged;

static store_task faulty_task(const char *id, int64_t version) {
    static const store_task_dependency needs[] = {{.text = "one", .depends_on = "one"}, {.text = "else"}};
    return (store_task){.id = id,
                        .project_id = "p",
                        .title = version ? "changed" : "new",
                        .status = "pending",
                        .source_path = id,
                        .source_content = task_document,
                        .metadata = "{}",
                        .version = version,
                        .dependencies = needs,
                        .dependency_count = 2};
}

/* "one:changed:2 ": how a task is and what it depends on. */
static int note_task(void *data, const store_task *t, baton_error **err) {
    (void)err;
    bool whole = !t->source_content || strcmp(t->source_content, task_document) == 0;
    buffer_printf(data, "%s:%s:%d%s ", t->id, t->title, (int)t->dependency_count, whole ? "" : "?");
    return 0;
}

static void prepare_tasks(void) {
    prepare_nothing();
    memset(task_document, 'd', sizeof task_document - 1);
    baton_error *err = NULL;
    store *s = open_scene(&err);
    const store_task tasks[] = {faulty_task("one", 0), faulty_task("two", 0)};
    if (s) s->type->write_tasks(s, tasks, 2, &err);
    expect_code(err, BATON_ERROR_NONE);
    s->type->close(s);
}

/* A write that is refused first, since that is undone by another way. */
static int run_tasks(baton_error **err) {
    tasks_acknowledged = false;
    store *s = open_scene(err);
    if (!s) return -1;
    const store_task stale[] = {faulty_task("three", 0), faulty_task("one", 7)};
    const store_task tasks[] = {faulty_task("one", 1), faulty_task("three", 0), faulty_task("two", 1)};
    int result = s->type->write_tasks(s, stale, 2, err);
    assert_int_equal(result, -1);
    if (err && baton_error_get_code(*err) == BATON_ERROR_CONFLICT) {
        error_clear(err);
        result = s->type->write_tasks(s, tasks, 3, err);
    }
    tasks_acknowledged = result == 0;
    if (result != 0 && err && baton_error_get_code(*err) == BATON_ERROR_STORE) {
        baton_error *again = NULL;
        assert_int_equal(s->type->write_tasks(s, tasks, 3, &again), -1);
        expect_code(again, BATON_ERROR_STORE);
    }
    buffer notes = {0};
    const store_task_filter f = {.status = "pending", .content = true, .dependencies = true};
    if (result == 0) result = s->type->read_tasks(s, &f, note_task, &notes, err);
    buffer_done(&notes);
    s->type->close(s);
    return result;
}

/* All of them or none. */
static void check_tasks(int result) {
    baton_error *err = NULL;
    store *s = open_scene(&err);
    expect_code(err, BATON_ERROR_NONE);
    check_integrity(s);
    buffer notes = {0};
    const store_task_filter f = {.content = true, .dependencies = true};
    s->type->read_tasks(s, &f, note_task, &notes, &err);
    expect_code(err, BATON_ERROR_NONE);
    if (result == 0) assert_true(tasks_acknowledged);
    if (tasks_acknowledged || strcmp(buffer_text(&notes), "one:new:2 two:new:2 ") != 0)
        assert_string_equal(buffer_text(&notes), "one:changed:2 two:changed:2 three:new:2 ");
    buffer_done(&notes);
    s->type->close(s);
}

static void test_writes_of_tasks_fail(void **state) {
    (void)state;
    fail_each((act){prepare_tasks, run_tasks, check_tasks, 3}, FILE_ANY);
}

/* ---- The thread that moves the log to the file ---- */

enum { LARGE = 5 << 20, LARGE_COMMITS = 3 };
static size_t large_acknowledged;

static int commit_large(store *s, baton_error **err) {
    static char text[LARGE];
    memset(text, '7', sizeof text);
    store_row row = {0};
    const store_creation creation = {
        .id = "large",
        .workflow = {.namespace = "t", .name = "w", .version = "1", .text = {"{}", 2}},
        .strategy = "basic",
        .settings = {"{}", 2}};
    int result = s->type->commit(s, &(store_change){.row = &row, .creation = &creation}, 1, err);
    for (int i = 1; result == 0 && i <= LARGE_COMMITS; i++) {
        const store_datum datum = {.number = i, .text = {text, sizeof text}};
        result = s->type->commit(s, &(store_change){.row = &row, .data = &datum, .datum_count = 1}, 1, err);
        if (result == 0) large_acknowledged = (size_t)i;
    }
    return result;
}

static int run_large(baton_error **err) {
    large_acknowledged = 0;
    store *s = open_scene(err);
    if (!s) return -1;
    int result = commit_large(s, err);
    s->type->close(s);
    return result;
}

static void check_large(int result) {
    baton_error *err = NULL;
    store *s = open_scene(&err);
    expect_code(err, BATON_ERROR_NONE);
    check_integrity(s);
    if (result == 0) assert_int_equal(large_acknowledged, LARGE_COMMITS);
    store_execution x;
    for (size_t i = 1; i <= large_acknowledged; i++) {
        buffer text = {0};
        assert_int_equal(s->type->find(s, "large", &x, NULL), 0);
        assert_int_equal(s->type->read(s, &x.row, (int64_t)i, &text, NULL), 0);
        assert_int_equal(text.size, LARGE);
        buffer_done(&text);
    }
    s->type->close(s);
}

/* The log is still there when its content cannot be moved: nothing is lost, and nobody is told. */
static void test_moving_the_log_fails(void **state) {
    (void)state;
    const act a = {prepare_nothing, run_large, check_large, 1};
    const disk_fault moving[] = {
        {.name = "write: I/O error",
         .operation = DISK_WRITE,
         .code = SQLITE_IOERR_WRITE,
         .files = FILE_STORE},
        {.name = "write: disk full",
         .operation = DISK_WRITE,
         .code = SQLITE_FULL,
         .files = FILE_STORE,
         .stays = true},
        {.name = "sync", .operation = DISK_SYNC, .code = SQLITE_IOERR_FSYNC, .files = FILE_STORE},
        {.name = "sync, for good",
         .operation = DISK_SYNC,
         .code = SQLITE_IOERR_FSYNC,
         .files = FILE_STORE,
         .stays = true},
    };
    /* Later than the store is made, which is some 30 writes. */
    for (size_t i = 0; i < sizeof moving / sizeof *moving; i++)
        for (long n = 50 + (long)(seed % 50), k = 0; k < 3; n = n * 3 + 1, k++) {
            baton_error *err = NULL;
            a.prepare();
            disk_fail(moving[i], moving[i].operation == DISK_SYNC ? k + 3 : n);
            int result = a.run(&err);
            disk_heal();
            expect_code(err, BATON_ERROR_NONE);
            a.check(result);
        }
}

/* ---- Slow and small disks ---- */

static void test_a_slow_disk_is_waited_for(void **state) {
    (void)state;
    const struct {
        disk_operation operation;
        int delay_us;
    } delays[] = {{DISK_SYNC, 20000},
                  {DISK_WRITE, 2000},
                  {DISK_READ, 5000},
                  {DISK_OPEN, 50000},
                  {DISK_SHM_MAP, 50000}};
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        baton_error *err = NULL;
        prepare_nothing();
        disk.delay_us[delays[i].operation] = delays[i].delay_us;
        int result = run_scene(&err);
        disk.delay_us[delays[i].operation] = 0;
        expect_code(err, BATON_ERROR_NONE);
        assert_int_equal(result, 0);
        go_on(scene_path);
        static const char *const done[] = {"one", "waits", "early", "far", "after"};
        for (size_t k = 0; k < sizeof done / sizeof *done; k++) assert_true(was_told(FACT_ENDED, done[k]));
    }
}

/* As a quota ends them. */
static void test_files_that_must_not_grow(void **state) {
    (void)state;
    struct rlimit all;
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &all);
    for (rlim_t size = seed % 20000, failed = 1; failed; size += 20000) {
        baton_error *err = NULL;
        prepare_nothing();
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){size, all.rlim_max});
        failed = run_scene(&err) != 0;
        setrlimit(RLIMIT_FSIZE, &all);
        if (failed) expect_clear(err);
        go_on(scene_path);
    }
    signal(SIGXFSZ, before);
}

static char small[sizeof folder + 16];

static void fill(const char *path, off_t size) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, size), 0);
    close(fd);
}

static void test_a_full_disk(void **state) {
    (void)state;
    enum { KIB = 1024, SIZE = 1024 * KIB };
    char filler[sizeof small + 8];
    snprintf(small, sizeof small, "%s/small", folder);
    assert_int_equal(mkdir(small, 0700), 0);
    if (mount("none", small, "tmpfs", 0, "size=1m") != 0) skip();
    snprintf(filler, sizeof filler, "%s/filler", small);
    bool failed = true;
    for (off_t left = 8 * KIB; failed; left += 40 * KIB) {
        baton_error *err = NULL;
        told.count = 0;
        snprintf(scene_path, sizeof scene_path, "%s/x.db", small);
        fill(filler, SIZE - left);
        failed = run_scene(&err) != 0;
        unlink(filler);
        if (failed) expect_clear(err);
        go_on(scene_path);
        kit_forget_store(scene_path);
    }
}

static int leave_small_disk(void **state) {
    umount2(small, MNT_DETACH);
    return scene_end(state);
}

/* ---- Memory ---- */

static void expect_no_memory(baton_error *err) {
    baton_error_code code = baton_error_get_code(err);
    if (code != BATON_ERROR_MEMORY &&
        (code != BATON_ERROR_STORE || !strstr(baton_error_message(err), "out of memory")))
        fail_msg("%s: %s", baton_error_code_name(code), err ? baton_error_message(err) : "no error");
    baton_error_free(err);
}

static long commit_until_fault;

static int commit_without_memory(store *s, store_change *changes, size_t count, baton_error **err) {
    long left = until_fault;
    until_fault = commit_until_fault;
    int result = store_sqlite.commit(s, changes, count, err);
    commit_until_fault = until_fault;
    until_fault = left;
    return result;
}

static int play_without_memory(long here, long there, baton_error **err) {
    static store_type type;
    type = store_sqlite;
    type.commit = commit_without_memory;
    prepare_nothing();
    faulted = false;
    commit_until_fault = there;
    until_fault = here;
    baton_engine *engine = scene_engine(scene_path, false, err);
    if (engine) engine->store->type = &type;
    int result = engine ? play(engine, err) : -1;
    until_fault = -1;
    baton_engine_free(engine);
    return result;
}

/* On the loop thread, then on the one that commits. */
static void test_allocations_fail(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    for (int there = 0; there < 2; there++) {
        unsigned long step = stride ? stride : there ? 1 : 7;
        for (long n = (long)(seed % step);; n += (long)step) {
            baton_error *err = NULL;
            int result = play_without_memory(there ? -1 : n, there ? n : -1, &err);
            if (result != 0) expect_no_memory(err);
            go_on(scene_path);
            if (!faulted) break;
        }
    }
}

static sqlite3_mem_methods real_memory;
static atomic_long sqlite_until_fault = -1;
static atomic_bool sqlite_faulted;

static bool sqlite_strikes(void) {
    if (sqlite_until_fault < 0 || sqlite_until_fault-- > 0) return false;
    sqlite_faulted = true;
    return true;
}
static void *failing_malloc(int size) { return sqlite_strikes() ? NULL : real_memory.xMalloc(size); }
static void *failing_realloc(void *block, int size) {
    return sqlite_strikes() ? NULL : real_memory.xRealloc(block, size);
}

static void test_allocations_of_sqlite_fail(void **state) {
    (void)state;
    unsigned long step = stride ? stride : 61;
    for (long n = (long)(seed % step);; n += (long)step) {
        baton_error *err = NULL;
        prepare_nothing();
        sqlite_faulted = false;
        sqlite_until_fault = n;
        baton_engine *engine = scene_engine(scene_path, false, &err);
        int result = engine ? play(engine, &err) : -1;
        baton_engine_free(engine);
        sqlite_until_fault = -1;
        if (result != 0) expect_no_memory(err);
        go_on(scene_path);
        if (!sqlite_faulted) break;
    }
}

static void test_tasks_without_memory(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    for (long n = 0;; n++) {
        baton_error *err = NULL;
        prepare_tasks();
        faulted = false;
        until_fault = n;
        int result = run_tasks(&err);
        until_fault = -1;
        if (result != 0) expect_no_memory(err);
        check_tasks(result);
        if (!faulted) break;
    }
}

static void test_tasks_without_memory_of_sqlite(void **state) {
    (void)state;
    unsigned long step = stride ? stride : 7;
    for (long n = (long)(seed % step);; n += (long)step) {
        baton_error *err = NULL;
        prepare_tasks();
        sqlite_faulted = false;
        sqlite_until_fault = n;
        int result = run_tasks(&err);
        sqlite_until_fault = -1;
        if (result != 0) expect_no_memory(err);
        check_tasks(result);
        if (!sqlite_faulted) break;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_each_sync_fails),
        TEST(test_each_operation_fails),
        TEST(test_what_a_killed_process_left),
        TEST(test_prune_fails),
        TEST(test_backup_fails),
        TEST(test_writes_of_tasks_fail),
        TEST(test_moving_the_log_fails),
        TEST(test_a_slow_disk_is_waited_for),
        TEST(test_files_that_must_not_grow),
        cmocka_unit_test_setup_teardown(test_a_full_disk, scene_begin, leave_small_disk),
        TEST(test_allocations_fail),
        TEST(test_allocations_of_sqlite_fail),
        TEST(test_tasks_without_memory),
        TEST(test_tasks_without_memory_of_sqlite),
    };
    const char *text = getenv("BATON_SEED"), *every = getenv("BATON_STRIDE");
    seed = text ? strtoul(text, NULL, 10) : (unsigned long)time(NULL);
    stride = every ? strtoul(every, NULL, 10) : 0;
    printf("BATON_SEED=%lu\n", seed);
    fflush(stdout);
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    sqlite3_mem_methods memory = real_memory;
    memory.xMalloc = failing_malloc;
    memory.xRealloc = failing_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
    faulty_install();
    make_workflows();
    int failed = cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
    free_workflows();
    return failed;
}
