/* What the program costs: its start, shell steps beside a shell's own loop, and durable ones beside the
 * plain process and the disk's flush; a worker beside a million executions that wait.
 *
 * usage: bench_programs BATON NOTHING DIRECTORY     (NOTHING: a program that does nothing; stores are made
 * in DIRECTORY)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <fcntl.h>
#include <spawn.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void run(char *const argv[]) {
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int status;
    if (posix_spawn(&pid, argv[0], &quiet, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid ||
        status != 0)
        abort();
    posix_spawn_file_actions_destroy(&quiet);
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) abort();
}

/* Runs a program once; gives its time in ms, and the most memory it had in MB. */
static double run_timed(char *const argv[], double *megabytes) {
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int status;
    struct rusage usage;
    int64_t begin_ns = clock_monotonic_ns();
    if (posix_spawn(&pid, argv[0], &quiet, NULL, argv, environ) != 0 ||
        wait4(pid, &status, 0, &usage) != pid || status != 0)
        abort();
    posix_spawn_file_actions_destroy(&quiet);
    *megabytes = (double)usage.ru_maxrss / 1024;
    return (double)(clock_monotonic_ns() - begin_ns) / 1e6;
}

static void forget(const char *path) {
    static const char *const parts[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[4200];
        snprintf(name, sizeof name, "%s%s", path, parts[i]);
        unlink(name);
    }
}

static double flush_ms(const char *directory) {
    char path[4200];
    snprintf(path, sizeof path, "%s/baton-bench-flush", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    static char page[4096];
    double times[501];
    for (int i = 0; i < 501; i++) {
        int64_t begin_ns = clock_monotonic_ns();
        if (pwrite(fd, page, sizeof page, (i % 64) * (off_t)sizeof page) < 0 || fdatasync(fd) != 0) abort();
        times[i] = (double)(clock_monotonic_ns() - begin_ns) / 1e6;
    }
    close(fd);
    unlink(path);
    qsort(times, 501, sizeof *times, bench_compare);
    return times[250];
}

static void exec_sql(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK) return;
    puts(sqlite3_errmsg(db));
    exit(1);
}

/* A million executions that wait thirty days: one, and copies of its row. */
static void measure_waiting(const char *baton, const char *directory, const char *folder) {
    char store[4200], file[64], sql[2048];
    snprintf(store, sizeof store, "%s/baton-bench-waiting.db", directory);
    snprintf(file, sizeof file, "%s/wait.yaml", folder);
    write_file(file, "document: {dsl: '1.0.3', namespace: bench, name: sleeper, version: '1.0.0'}\n"
                     "do: [{rest: {wait: P30D}}, {done: {set: {done: true}}}]\n");
    forget(store);
    char *submit[] = {(char *)baton, "submit", "--store", store, file, NULL};
    char *worker[] = {(char *)baton, "worker", "--until-idle", "--store", store, NULL};
    char *list[] = {(char *)baton, "list", "--store", store, NULL};
    char *waiting[] = {(char *)baton, "list", "--status", "waiting", "--store", store, NULL};
    run(submit);
    double megabytes, idle = run_timed(worker, &megabytes);
    bench_print("a worker on a small store, start to end", idle, "ms");
    bench_print("  its memory (aim: 8)", megabytes, "MB");
    sqlite3 *db;
    if (sqlite3_open(store, &db) != SQLITE_OK) abort();
    snprintf(
        sql, sizeof sql,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999999)"
        "INSERT INTO executions (id, workflow, status, strategy, priority, created_at, started_at, wake_at,"
        " attended, epoch, taken_up, last, number, settings, input, cursor)"
        " SELECT 'exec_' || (1795523097584 + i) || '_' || printf('%%09x', i), workflow, status, strategy,"
        " priority, created_at + i, started_at, wake_at + i, attended, epoch, taken_up, last, number, "
        "settings,"
        " input, cursor"
        " FROM executions, n WHERE key = 1");
    exec_sql(db, sql);
    sqlite3_close(db);
    double ms = run_timed(worker, &megabytes);
    bench_print("a worker on 1,000,000 that wait, start to end (aim: 2,000)", ms, "ms");
    bench_print("  its memory (aim: 50)", megabytes, "MB");
    bench_print("baton list of that store (aim: 50)", run_timed(list, &megabytes), "ms");
    bench_print("  of those that wait", run_timed(waiting, &megabytes), "ms");
    forget(store);
    unlink(file);
}

static void repeat(void *data, long times) {
    while (times-- > 0) run(data);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    char folder[] = "/tmp/baton-bench.XXXXXX", sets[64], shells[64];
    if (!mkdtemp(folder)) abort();
    snprintf(sets, sizeof sets, "%s/sets.yaml", folder);
    snprintf(shells, sizeof shells, "%s/shells.yaml", folder);
    const char *head = "document: {dsl: '1.0.3', namespace: bench, name: bench, version: '1.0.0'}\n";
    char text[1024];
    snprintf(text, sizeof text,
             "%sdo:\n- a: {set: {x: 1}}\n- b: {set: {y: '${ .x }'}}\n- c: {set: {z: '${ .y }'}}\n", head);
    write_file(sets, text);
    snprintf(text, sizeof text,
             "%sinput: {from: '[range(1000)]'}\ndo:\n- loop:\n    for: {in: .}\n    do:\n"
             "    - true: {run: {shell: {command: /bin/true}, return: code}, output: {as: $input}}\n",
             head);
    write_file(shells, text);

    char *nothing[] = {argv[2], NULL};
    char store[4200];
    snprintf(store, sizeof store, "%s/baton-bench-programs.db", argv[3]);
    char *three[] = {argv[1], "run", "--store", "memory:", "--quiet", sets, NULL};
    char *kept[] = {argv[1], "run", "--store", store, "--quiet", sets, NULL};
    char *thousand[] = {argv[1], "run", "--store", "memory:", "--quiet", shells, NULL};
    char *durable[] = {argv[1], "run", "--store", store, "--quiet", shells, NULL};
    char *plain[] = {"/bin/sh", "-c", "/bin/true", "sh", NULL};
    char *shell[] = {"/bin/sh", "-c", "i=0; while [ $i -lt 1000 ]; do sh -c /bin/true; i=$((i+1)); done",
                     NULL};
    double floor_ns = bench_ns(repeat, nothing, 100), start_ns = bench_ns(repeat, three, 100);
    bench_print("a program that does nothing", floor_ns / 1e6, "ms");
    bench_print("baton run, three set steps, above that (aim: 3)", (start_ns - floor_ns) / 1e6, "ms");
    double loop_ns = bench_ns(repeat, shell, 1), steps_ns = bench_ns(repeat, thousand, 1);
    bench_print("sh -c /bin/true in a loop of sh, each of 1,000", loop_ns / 1e9, "ms");
    bench_print("run: shell of /bin/true, each of 1,000", steps_ns / 1e9, "ms");
    bench_print("  beside the loop (aim: 1.15)", steps_ns / loop_ns, "times");
    double kept_ns = bench_ns(repeat, kept, 50), flush = flush_ms(argv[3]);
    bench_print("baton run, three set steps, durable, above nothing", (kept_ns - floor_ns) / 1e6, "ms");
    double plain_ns = bench_ns(repeat, plain, 300), durable_ns = bench_ns(repeat, durable, 1) / 1000;
    bench_print("a process, sh -c /bin/true", plain_ns / 1e6, "ms");
    bench_print("fdatasync of 4 KB, p50", flush, "ms");
    bench_print("a durable run: shell of it, of 1,000", durable_ns / 1e6, "ms");
    bench_print("  above process and flush (aim: 0.1)", (durable_ns - plain_ns) / 1e6 - flush, "ms");
    forget(store);
    measure_waiting(argv[1], argv[3], folder);
    unlink(sets);
    unlink(shells);
    rmdir(folder);
    return 0;
}
