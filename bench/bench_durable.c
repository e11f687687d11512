/* What durability costs: workflows of three steps in C that count as outside effects, so that each is
 * committed before the next begins, beside SQLite in a plain loop with the same settings and beside the
 * disk's own flush. usage: bench_durable DIRECTORY [PART...]
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "bench.h"
#include "store/store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *directory;
static double flush_us; /* p50 of one fdatasync of this disk */

/* ---- Times ---- */

typedef struct samples {
    double *us;
    size_t count, capacity;
} samples;

static void sample(samples *s, int64_t begin_ns) {
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 1024;
        s->us = realloc(s->us, s->capacity * sizeof *s->us);
        if (!s->us) abort();
    }
    s->us[s->count++] = (double)(clock_monotonic_ns() - begin_ns) / 1000;
}

static double percentile(samples *s, double at) {
    qsort(s->us, s->count, sizeof *s->us, bench_compare);
    return s->count ? s->us[(size_t)(at * (double)(s->count - 1))] : 0;
}

/* ---- The floor ---- */

static const char *path_of(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/baton-bench-%d-%s", directory, (int)getpid(), name);
    return path;
}

static void forget(const char *path) {
    static const char *const parts[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[4200];
        snprintf(name, sizeof name, "%s%s", path, parts[i]);
        unlink(name);
    }
}

static void measure_flush(void) {
    const char *path = path_of("flush");
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    static char page[8192];
    if (fd < 0) abort();
    samples s = {0};
    for (int i = 0; i < 2000; i++) {
        int64_t begin_ns = clock_monotonic_ns();
        if (pwrite(fd, page, sizeof page, i * (off_t)sizeof page) < 0 || fdatasync(fd) != 0) abort();
        sample(&s, begin_ns);
    }
    close(fd);
    unlink(path);
    flush_us = percentile(&s, 0.5);
    bench_print("fdatasync of 8 KB, p50", flush_us, "us");
    free(s.us);
}

static void must(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        puts(sqlite3_errmsg(db));
        exit(1);
    }
}

/* Rows of 100 bytes, `batch` a commit; gives commits a second. */
static double measure_sqlite(int batch) {
    const char *path = path_of("sqlite");
    sqlite3 *db;
    sqlite3_stmt *insert;
    if (sqlite3_open(path, &db) != SQLITE_OK) abort();
    must(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
             "CREATE TABLE log (seq INTEGER PRIMARY KEY, execution INTEGER, time INTEGER, data TEXT)");
    sqlite3_prepare_v2(db, "INSERT INTO log (execution, time, data) VALUES (?, ?, ?)", -1, &insert, NULL);
    char data[101];
    memset(data, 'x', 100);
    data[100] = '\0';
    long commits = 0;
    int64_t begin_ns = clock_monotonic_ns(), end_ns = begin_ns + 2000000000;
    for (; clock_monotonic_ns() < end_ns; commits++) {
        must(db, "BEGIN IMMEDIATE");
        for (int i = 0; i < batch; i++) {
            sqlite3_bind_int64(insert, 1, i);
            sqlite3_bind_int64(insert, 2, begin_ns);
            sqlite3_bind_text(insert, 3, data, 100, SQLITE_STATIC);
            if (sqlite3_step(insert) != SQLITE_DONE) abort();
            sqlite3_reset(insert);
        }
        must(db, "COMMIT");
    }
    double seconds = (double)(clock_monotonic_ns() - begin_ns) / 1e9;
    sqlite3_finalize(insert);
    sqlite3_close(db);
    forget(path);
    return (double)commits / seconds;
}

/* ---- Baton ---- */

static int work(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_step_call_output(call, baton_value_number(1));
    return 0;
}

static baton_workflow *workflow_of(int steps) {
    baton_builder *b = baton_builder_new("bench", NULL);
    for (int i = 0; i < steps; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        baton_builder_step(b, &(baton_step){.name = name, .execute = work});
    }
    baton_workflow *workflow = baton_builder_build(b, NULL);
    baton_builder_free(b);
    return workflow;
}

static baton_engine *engine_of(const char *path, size_t concurrent) {
    baton_error *err = NULL;
    baton_engine *engine = baton_engine_new(
        &(baton_engine_options){.store = path, .max_queue_size = 1000000, .max_concurrent = concurrent},
        &err);
    if (engine) return engine;
    puts(baton_error_message(err));
    exit(1);
}

static void measure_latency(void) {
    const char *path = path_of("latency.db");
    baton_engine *engine = engine_of(path, 64);
    bench_job job = {.engine = engine, .workflow = workflow_of(3)};
    samples s = {0};
    for (int i = 0; i < 2000; i++) {
        int64_t begin_ns = clock_monotonic_ns();
        bench_execute(&job, 1);
        if (i >= 100) sample(&s, begin_ns);
    }
    double p50 = percentile(&s, 0.5);
    bench_print("one workflow of three steps, p50", p50, "us");
    bench_print("  the same, p99", percentile(&s, 0.99), "us");
    bench_print("  p50 in four flushes (aim 1.3)", p50 / (4 * flush_us), "x");
    free(s.us);
    baton_workflow_free(job.workflow);
    baton_engine_free(engine);
    forget(path);
}

enum { CHUNK = 1000 };

typedef struct load {
    baton_engine *engine;
    baton_workflow *workflow;
    long left, under_way, done;
} load;

static void ended(void *data, const baton_result *result);

/* Keeps enough submitted; not all at once, for memory's sake. */
static void submit_some(load *l) {
    if (l->left < CHUNK || l->under_way > CHUNK) return;
    baton_submission list[CHUNK] = {0};
    for (int i = 0; i < CHUNK; i++)
        list[i] = (baton_submission){.workflow = l->workflow, .done = ended, .done_data = l};
    l->left -= CHUNK;
    l->under_way += CHUNK;
    if (baton_engine_submit_batch(l->engine, list, CHUNK, NULL) != 0) abort();
}

static void ended(void *data, const baton_result *result) {
    load *l = data;
    l->under_way--;
    l->done += baton_result_success(result);
    submit_some(l);
}

static void measure_throughput(size_t concurrent, long executions) {
    const char *path = path_of("throughput.db");
    double best = 0;
    for (int round = 0; round < 3; round++) {
        load l = {.engine = engine_of(path, concurrent), .workflow = workflow_of(3), .left = executions};
        int64_t begin_ns = clock_monotonic_ns();
        submit_some(&l);
        submit_some(&l);
        if (baton_engine_run(l.engine, NULL) != 0 || l.done != executions) abort();
        double seconds = (double)(clock_monotonic_ns() - begin_ns) / 1e9;
        if ((double)executions / seconds > best) best = (double)executions / seconds;
        baton_workflow_free(l.workflow);
        baton_engine_free(l.engine);
        forget(path);
    }
    char what[80];
    snprintf(what, sizeof what, "workflows of three steps a second, %zu at once", concurrent);
    bench_print(what, best, "1/s");
}

/* A loop in one execution; the cost of a step after so many. */
static double step_us(int steps, size_t data_bytes) {
    const char *path = path_of("history.db");
    baton_engine *engine = engine_of(path, 64);
    baton_registry *registry = baton_registry_new();
    baton_registry_add(registry, &(baton_step_type){.name = "work", .execute = work}, NULL);
    buffer text = {0};
    buffer_printf(&text,
                  "document: {dsl: '1.0.3', namespace: bench, name: history, version: '1.0.0'}\n"
                  "do:\n  - loop:\n      for: { in: '${ [range(%d)] }' }\n"
                  "      do: [ { s: { call: work, output: { as: '${ $input }' } } } ]\n",
                  steps);
    baton_error *err = NULL;
    baton_workflow *workflow =
        baton_workflow_parse(buffer_text(&text), text.size, "h.yaml", registry, &err);
    if (!workflow) {
        puts(baton_error_message(err));
        exit(1);
    }
    char *bytes = malloc(data_bytes + 1);
    if (!bytes) abort();
    memset(bytes, 'x', data_bytes);
    bytes[data_bytes] = '\0';
    baton_execution_options o = {
        .input = baton_value_set(baton_value_object(), "data", baton_value_string_sized(bytes, data_bytes)),
        .timeout_ms = -1};
    bench_job job = {.engine = engine, .workflow = workflow, .options = o};
    int64_t begin_ns = clock_monotonic_ns();
    bench_execute(&job, 1);
    double us = (double)(clock_monotonic_ns() - begin_ns) / 1000 / steps;
    baton_value_unref(o.input);
    free(bytes);
    buffer_done(&text);
    baton_workflow_free(workflow);
    baton_registry_free(registry);
    baton_engine_free(engine);
    forget(path);
    return us;
}

static void measure_history(void) {
    bench_print("a step after 10 of history (with start and end)", step_us(10, 10), "us");
    bench_print("  after 1,000", step_us(1000, 10), "us");
    bench_print("  after 100,000", step_us(100000, 10), "us");
    bench_print("  after 1,000 with 1 KB of data that does not change", step_us(1000, 1000), "us");
    bench_print("  after 1,000 with 1 MB of data that does not change", step_us(1000, 1000000), "us");
}

static bool is_wanted(int argc, char **argv, const char *part) {
    if (argc < 3) return true;
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], part) == 0) return true;
    return false;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    directory = argv[1];
    store_tune_process();
    measure_flush();
    if (is_wanted(argc, argv, "sqlite")) {
        bench_print("SQLite, a row a commit", measure_sqlite(1), "commits/s");
        bench_print("SQLite, 100 rows a commit", measure_sqlite(100), "commits/s");
    }
    if (is_wanted(argc, argv, "latency")) measure_latency();
    if (is_wanted(argc, argv, "throughput")) {
        measure_throughput(64, 30000);
        measure_throughput(1000, 60000);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    bench_print("memory of this process so far, at most (aim: 16)", (double)usage.ru_maxrss / 1024, "MB");
    if (is_wanted(argc, argv, "history")) measure_history();
    return 0;
}
