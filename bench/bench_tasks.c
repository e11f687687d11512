/* What importing task documents costs, beside its floor: the same files read and parsed by cmark-gfm alone,
 * and their text written by one transaction of SQLite. usage: bench_tasks DIRECTORY [DOCUMENTS]
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "bench.h"

#include <cmark-gfm.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_BYTES = 23000 }; /* as task documents are */

typedef struct bench {
    char folder[4000], store[4100], floor[4100];
    long documents;
    char **texts;
} bench;

static void must(bool ok, const char *what) {
    if (ok) return;
    perror(what);
    exit(1);
}

static double since_ms(int64_t begin_ns) { return (double)(clock_monotonic_ns() - begin_ns) / 1e6; }

static void write_document(buffer *b, long i) {
    buffer_clear(b);
    buffer_printf(
        b,
        "# Shop %ldA: Part %ld\n\n## 1. Project Overview\n- **Priority**: High\n- **Estimated Time**: "
        "%ld hours (a guess)\n- **Dependencies**: ",
        i, i, 1 + i % 40);
    if (i % 10)
        buffer_printf(b, "Shop %ldA (Part %ld), Shop %ldA\n", i - 1, i - 1, i - i % 10);
    else
        buffer_puts(b, "None\n");
    buffer_puts(b,
                "\n## 2. Technical Requirements\n- **Tech Stack**: C\n- **Backend Changes**: a module\n\n"
                "## 3. Implementation Files\n#### Files to Create:\n");
    for (int k = 0; k < 15; k++)
        buffer_printf(b, "- [ ] `src/shop/part_%ld_%d.c` - one of its files\n", i, k);
    for (int k = 0; k < 4; k++) {
        buffer_printf(b, "\n#### Phase %d: Something (%d hours)\n", k + 1, 4 + k);
        for (int m = 0; m < 5; m++) buffer_printf(b, "- [ ] Do step %d of it, with `care`\n", m);
    }
    for (int k = 4; b->size < TEXT_BYTES - 900; k++) {
        buffer_printf(b, "\n## %d. Design\n\n#### Part\n```c\n", k);
        for (int m = 0; m < 40; m++)
            buffer_printf(b, "static int part_%d(int *x) { return x[%d] + %d; }\n", m, k, m);
        buffer_puts(b, "```\n");
    }
    buffer_printf(
        b,
        "\n## AI Auto-Implementation Instructions\n#### Task Database Fields:\n- **source_path**: "
        "'docs/part-%ld.md'\n- **max_attempts**: 3\n\n#### AI Execution Context:\n```json\n"
        "{\"git_branch_name\": \"feature/part-%ld\", \"timeout_seconds\": 1800}\n```\n",
        i, i);
}

static void make_documents(bench *x) {
    buffer b = {0};
    must(mkdir(x->folder, 0700) == 0, x->folder);
    x->texts = calloc((size_t)x->documents, sizeof *x->texts);
    must(x->texts, "memory");
    for (long i = 0; i < x->documents; i++) {
        char path[4200];
        write_document(&b, i);
        snprintf(path, sizeof path, "%s/part-%05ld.md", x->folder, i);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        must(fd >= 0 && write(fd, b.data, b.size) == (ssize_t)b.size && close(fd) == 0, path);
    }
    buffer_done(&b);
}

static void read_and_parse(bench *x) {
    for (long i = 0; i < x->documents; i++) {
        char path[4200];
        struct stat st;
        snprintf(path, sizeof path, "%s/part-%05ld.md", x->folder, i);
        int fd = open(path, O_RDONLY);
        must(fd >= 0 && fstat(fd, &st) == 0, path);
        x->texts[i] = malloc((size_t)st.st_size + 1);
        must(x->texts[i] && read(fd, x->texts[i], (size_t)st.st_size) == st.st_size && close(fd) == 0,
             path);
        x->texts[i][st.st_size] = '\0';
        cmark_node_free(cmark_parse_document(x->texts[i], (size_t)st.st_size, CMARK_OPT_DEFAULT));
    }
}

static void write_texts(bench *x) {
    sqlite3 *db;
    sqlite3_stmt *st;
    must(sqlite3_open(x->floor, &db) == SQLITE_OK, "sqlite");
    sqlite3_exec(db,
                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN;"
                 "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)",
                 NULL, NULL, NULL);
    must(sqlite3_prepare_v2(db, "INSERT INTO t (text) VALUES (?)", -1, &st, NULL) == SQLITE_OK, "sqlite");
    for (long i = 0; i < x->documents; i++) {
        sqlite3_bind_text(st, 1, x->texts[i], -1, SQLITE_STATIC);
        must(sqlite3_step(st) == SQLITE_DONE, "sqlite");
        sqlite3_reset(st);
    }
    sqlite3_finalize(st);
    must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "sqlite");
    sqlite3_close(db);
}

static double import_ms(bench *x) {
    const char *path = x->folder;
    int64_t begin_ns = clock_monotonic_ns();
    baton_task_service *s = baton_task_service_open(x->store, NULL);
    baton_value report = s ? baton_task_service_import(s, &path, 1, NULL, NULL) : baton_value_invalid();
    must((long)baton_value_size(report) == x->documents, "import");
    baton_value_unref(report);
    baton_task_service_close(s);
    return since_ms(begin_ns);
}

static double list_ms(bench *x) {
    int64_t begin_ns = clock_monotonic_ns();
    baton_task_service *s = baton_task_service_open(x->store, NULL);
    baton_value tasks = baton_task_service_list(s, NULL, NULL);
    must((long)baton_value_size(tasks) == x->documents, "list");
    baton_value_unref(tasks);
    baton_task_service_close(s);
    return since_ms(begin_ns);
}

static void clean(bench *x) {
    static const char *const parts[] = {"", "-wal", "-shm"};
    char path[4200];
    for (long i = 0; i < x->documents; i++) {
        snprintf(path, sizeof path, "%s/part-%05ld.md", x->folder, i);
        unlink(path);
        free(x->texts[i]);
    }
    rmdir(x->folder);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", x->store, parts[i]);
        unlink(path);
        snprintf(path, sizeof path, "%s%s", x->floor, parts[i]);
        unlink(path);
    }
    free(x->texts);
}

int main(int argc, char **argv) {
    bench x = {.documents = argc > 2 ? atol(argv[2]) : 2000};
    snprintf(x.folder, sizeof x.folder, "%s/baton-bench-tasks-%d", argc > 1 ? argv[1] : ".", (int)getpid());
    snprintf(x.store, sizeof x.store, "%s.db", x.folder);
    snprintf(x.floor, sizeof x.floor, "%s-floor.db", x.folder);
    make_documents(&x);
    int64_t begin_ns = clock_monotonic_ns();
    read_and_parse(&x);
    write_texts(&x);
    double floor_ms = since_ms(begin_ns), first_ms = import_ms(&x);
    char what[80];
    snprintf(what, sizeof what, "%ld task documents, cmark-gfm and SQLite alone", x.documents);
    bench_print(what, floor_ms, "ms");
    bench_print("importing them", first_ms, "ms");
    bench_print("the same, as a ratio", first_ms / floor_ms, "x");
    bench_print("importing them again", import_ms(&x), "ms");
    bench_print("listing them", list_ms(&x), "ms");
    clean(&x);
    return 0;
}
