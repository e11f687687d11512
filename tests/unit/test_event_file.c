/* The file of lifecycle events: each event once and in order, whatever happens to the writer and the file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/event_file.h"

#include "engine_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define HEAD "document: {dsl: 1.0.3, namespace: shop, name: order, version: 1.2.3}\n"

enum { FOREIGN_USER = 65534, CHUNK = 16 << 10 };

/* ---- Help ---- */

struct fixture {
    baton_workflow *workflow;
    char folder[32], path[64];
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->workflow = workflow_from(HEAD "do: [{a: {set: {x: 1}}}]\n", NULL);
    snprintf(f->folder, sizeof f->folder, "/tmp/baton-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/events", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    unlink(f->path);
    assert_int_equal(rmdir(f->folder), 0);
    baton_workflow_free(f->workflow);
    free(f);
    return 0;
}

static void expect_none(baton_error *err) {
    if (err) fail_msg("%s", baton_error_message(err));
}

/* Takes the error. */
static void expect_message(baton_error *err, baton_error_code code, const char *format, const char *path) {
    char message[256];
    snprintf(message, sizeof message, format, path);
    assert_non_null(err);
    assert_string_equal(baton_error_message(err), message);
    expect_code(err, code);
}

static event_file *open_file(const char *path) {
    baton_error *err = NULL;
    event_file *file = event_file_open(path, &err);
    expect_none(err);
    assert_non_null(file);
    return file;
}

static void close_file(event_file *file) {
    baton_error *err = NULL;
    assert_int_equal(event_file_close(file, &err), 0);
    expect_none(err);
}

/* The journal of an execution: 1 begins it, 2 begins its step, 3 completes that, 4 completes it. */
static record record_of(const struct fixture *f, uint32_t number) {
    static const record_kind kinds[] = {RECORD_STARTED, RECORD_STEP_STARTED, RECORD_STEP_COMPLETED,
                                        RECORD_COMPLETED};
    bool of_step = number == 2 || number == 3;
    return (record){.kind = kinds[number - 1],
                    .number = number,
                    .key = of_step ? 2 : 0,
                    .attempt = of_step,
                    .step = of_step ? workflow_find_step(f->workflow, "/do/0/a") : NULL,
                    .time_ns = 1800000000000000000};
}

/* What lifecycle_write makes of records `first` to `last`. Given. */
static char *text_of(const struct fixture *f, const char *id, uint32_t first, uint32_t last) {
    buffer b = {0};
    for (uint32_t number = first; number <= last; number++) {
        const record r = record_of(f, number);
        lifecycle_write(&b, &(lifecycle_source){f->workflow, id}, &r);
    }
    return buffer_take(&b);
}

static int write_one(const struct fixture *f, event_file *file, const char *id, uint32_t number,
                     event_position after, baton_error **err) {
    const record r = record_of(f, number);
    return event_file_write(file, &(lifecycle_source){f->workflow, id}, &r, after, err);
}

static void write_records(const struct fixture *f, event_file *file, const char *id, uint32_t first,
                          uint32_t last) {
    baton_error *err = NULL;
    for (uint32_t number = first; number <= last; number++)
        assert_int_equal(write_one(f, file, id, number, (event_position){0}, &err), 0);
    expect_none(err);
}

static void expect_position(event_file *file, const char *id, uint32_t number, uint32_t k) {
    event_position last = {77, 77};
    baton_error *err = NULL;
    assert_int_equal(event_file_position(file, id, &last, &err), 0);
    expect_none(err);
    assert_int_equal(last.number, number);
    assert_int_equal(last.k, k);
}

/* As the engine does on resume: what is missing of the journal's records up to `last`. */
static void catch_up(const struct fixture *f, event_file *file, const char *id, uint32_t last) {
    baton_error *err = NULL;
    event_position after;
    assert_int_equal(event_file_position(file, id, &after, &err), 0);
    for (uint32_t number = after.number ? after.number : 1; number <= last; number++)
        assert_int_equal(write_one(f, file, id, number, after, &err), 0);
    expect_none(err);
}

static void put_file(const char *path, const char *text, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static buffer get_file(const char *path) {
    buffer b = {0};
    char bytes[4096];
    size_t size;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while ((size = fread(bytes, 1, sizeof bytes, file))) buffer_append(&b, bytes, size);
    fclose(file);
    return b;
}

static void expect_file_sized(const char *path, const char *text, size_t size) {
    buffer b = get_file(path);
    assert_int_equal(b.size, size);
    if (size) assert_memory_equal(b.data, text, size);
    buffer_done(&b);
}

static void expect_file(const char *path, const char *text) { expect_file_sized(path, text, strlen(text)); }

/* What a child process found out. */
static void expect_good_child(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define REQUIRE(condition)                                                            \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1);                                                                 \
        }                                                                             \
    } while (0)

/* ---- Whole files ---- */

static void test_append(void **state) {
    struct fixture *f = *state;
    event_file *file = open_file(f->path);
    expect_file(f->path, "");
    expect_position(file, "one", 0, 0);
    write_records(f, file, "one", 1, 3);
    expect_position(file, "one", 3, 1);
    expect_position(file, "on", 0, 0);
    expect_position(file, "one1", 0, 0);
    close_file(file);
    file = open_file(f->path);
    expect_position(file, "one", 3, 1);
    write_records(f, file, "on", 1, 2);
    expect_position(file, "one", 3, 1);
    expect_position(file, "on", 2, 2);
    write_records(f, file, "one", 4, 4);
    expect_position(file, "one", 4, 1);
    close_file(file);
    char *a = text_of(f, "one", 1, 3), *b = text_of(f, "on", 1, 2), *c = text_of(f, "one", 4, 4);
    buffer all = {0};
    buffer_printf(&all, "%s%s%s", a, b, c);
    expect_file(f->path, buffer_text(&all));
    buffer_done(&all);
    free(a);
    free(b);
    free(c);
    event_file_close(NULL, NULL);
}

static void test_after(void **state) {
    struct fixture *f = *state;
    static const struct {
        event_position after;
        int from; /* which of the record's two lines is the first that is written */
    } cases[] = {{{0, 0}, 0}, {{1, 1}, 0}, {{1, 9}, 0}, {{2, 0}, 0}, {{2, 1}, 1},
                 {{2, 2}, 2}, {{2, 3}, 2}, {{3, 0}, 2}, {{9, 1}, 2}};
    char *text = text_of(f, "one", 2, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        event_file *file = open_file(f->path);
        assert_int_equal(write_one(f, file, "one", 2, cases[i].after, NULL), 0);
        close_file(file);
        const char *rest = text;
        for (int k = 0; k < cases[i].from; k++) rest = strchr(rest, '\n') + 1;
        expect_file(f->path, rest);
        unlink(f->path);
    }
    free(text);
}

static void test_records_without_events(void **state) {
    struct fixture *f = *state;
    event_file *file = open_file(f->path);
    record r = record_of(f, 3);
    r.kind = RECORD_STEP_SKIPPED;
    assert_int_equal(
        event_file_write(file, &(lifecycle_source){f->workflow, "one"}, &r, (event_position){0}, NULL), 0);
    close_file(file);
    expect_file(f->path, "");
}

/* Lines that are no events, or nearly, are passed over. */
static void test_foreign_lines(void **state) {
    struct fixture *f = *state;
    static const char *const lines[] = {"",
                                        "hello",
                                        "{\"id\":\"one/9/1\"}",
                                        " " LIFECYCLE_HEAD "one/9/1\"}",
                                        LIFECYCLE_HEAD,
                                        LIFECYCLE_HEAD "one",
                                        LIFECYCLE_HEAD "one/",
                                        LIFECYCLE_HEAD "one/9\"}",
                                        LIFECYCLE_HEAD "one/9/\"}",
                                        LIFECYCLE_HEAD "one/9/1",
                                        LIFECYCLE_HEAD "one/9/1/2\"}",
                                        LIFECYCLE_HEAD "one/x/1\"}",
                                        LIFECYCLE_HEAD "one/-9/1\"}",
                                        LIFECYCLE_HEAD "one/ 9/1\"}",
                                        LIFECYCLE_HEAD "one/4294967296/1\"}",
                                        LIFECYCLE_HEAD "one/99999999999999999999999/1\"}",
                                        LIFECYCLE_HEAD "one/9/y\"}",
                                        LIFECYCLE_HEAD "One/9/1\"}"};
    char *text = text_of(f, "one", 1, 1);
    buffer all = {0};
    buffer_puts(&all, text);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) buffer_printf(&all, "%s\n", lines[i]);
    buffer_append(&all, "\0\0nul\0\n", 7);
    put_file(f->path, all.data, all.size);
    event_file *file = open_file(f->path);
    expect_position(file, "one", 1, 1);
    expect_position(file, "two", 0, 0);
    close_file(file);
    expect_file_sized(f->path, all.data, all.size);
    buffer_done(&all);
    free(text);
    put_file(f->path, LIFECYCLE_HEAD "one/4294967295/4294967295\"}\n", strlen(LIFECYCLE_HEAD) + 28);
    file = open_file(f->path);
    expect_position(file, "one", UINT32_MAX, UINT32_MAX);
    close_file(file);
}

/* The line that is looked for begins at each place around the borders of what is read at once. */
static void test_borders(void **state) {
    struct fixture *f = *state;
    char id[LIMIT_ID_BYTES + 1];
    memset(id, 'i', LIMIT_ID_BYTES);
    id[LIMIT_ID_BYTES] = '\0';
    char *text = text_of(f, id, 2, 2), *rest = malloc(3 * CHUNK);
    size_t line = strlen(text);
    memset(rest, 'x', 3 * CHUNK);
    for (size_t size = CHUNK - line - 20; size <= CHUNK + 20; size++)
        for (size_t chunks = 0; chunks < 2; chunks++) {
            size_t behind = size + chunks * CHUNK;
            FILE *out = fopen(f->path, "wb");
            fprintf(out, "before\n%s", text);
            fwrite(rest, 1, behind - 1, out);
            fputc('\n', out);
            fclose(out);
            event_file *file = open_file(f->path);
            expect_position(file, id, 2, 2);
            expect_position(file, "one", 0, 0);
            close_file(file);
        }
    /* The event is the first line of the file, and what follows are short lines. */
    for (size_t i = 0; i < 3 * CHUNK; i += 50) rest[i] = '\n';
    FILE *out = fopen(f->path, "wb");
    fprintf(out, "%.*s", (int)(strchr(text, '\n') + 1 - text), text);
    fwrite(rest, 1, 3 * CHUNK, out);
    fputc('\n', out);
    fclose(out);
    event_file *file = open_file(f->path);
    expect_position(file, id, 2, 1);
    close_file(file);
    free(rest);
    free(text);
}

/* ---- Torn lines ---- */

/* The file was cut after each byte of its last record's events: it is mended when it is opened, and what is
 * missing is written. */
static void test_torn(void **state) {
    struct fixture *f = *state;
    char *before = text_of(f, "one", 1, 1), *all = text_of(f, "one", 1, 2),
         *whole = text_of(f, "one", 1, 4);
    size_t start = strlen(before), second = (size_t)(strchr(all + start, '\n') + 1 - all),
           size = strlen(all);
    for (size_t cut = start; cut <= size; cut++) {
        put_file(f->path, all, cut);
        event_file *file = open_file(f->path);
        size_t left = cut == size ? size : cut >= second ? second : start;
        expect_file_sized(f->path, all, left);
        if (cut >= second)
            expect_position(file, "one", 2, cut == size ? 2 : 1);
        else
            expect_position(file, "one", 1, 1);
        catch_up(f, file, "one", 4);
        close_file(file);
        expect_file(f->path, whole);
    }
    free(before);
    free(all);
    free(whole);
}

/* The file's only line, and lines longer than what is read at once. */
static void test_torn_alone(void **state) {
    struct fixture *f = *state;
    char *first = text_of(f, "one", 1, 1), *long_line = malloc(3 * CHUNK);
    size_t size = strlen(first);
    for (size_t cut = 1; cut < size; cut++) {
        put_file(f->path, first, cut);
        event_file *file = open_file(f->path);
        expect_file(f->path, "");
        expect_position(file, "one", 0, 0);
        close_file(file);
    }
    memset(long_line, 'x', 3 * CHUNK);
    memcpy(long_line, first, size);
    memcpy(long_line + size, first, size - 1); /* one whole line and a long one */
    for (int i = 0; i < 40; i++) {
        put_file(f->path, long_line, 2 * CHUNK + size - 20 + (size_t)i);
        event_file *file = open_file(f->path);
        expect_file(f->path, first);
        close_file(file);
    }
    free(long_line);
    free(first);
}

/* A text of somebody else is not cut, but ended. */
static void test_torn_foreign(void **state) {
    struct fixture *f = *state;
    static const char *const texts[] = {"hello", "{\"specversion\":\"1.1", "one\ntwo", " ", "{}"};
    char *event = text_of(f, "one", 1, 1);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put_file(f->path, texts[i], strlen(texts[i]));
        event_file *file = open_file(f->path);
        write_records(f, file, "one", 1, 1);
        expect_position(file, "one", 1, 1);
        close_file(file);
        buffer b = {0};
        buffer_printf(&b, "%s\n%s", texts[i], event);
        expect_file(f->path, buffer_text(&b));
        buffer_done(&b);
    }
    free(event);
}

/* Another process died while it wrote, and this one has the file open: its next event begins a line. */
static void test_torn_by_another(void **state) {
    struct fixture *f = *state;
    char *one = text_of(f, "one", 1, 2), *two = text_of(f, "two", 1, 1);
    event_file *file = open_file(f->path);
    write_records(f, file, "one", 1, 1);
    FILE *other = fopen(f->path, "ab");
    fprintf(other, "%.60s", two);
    fclose(other);
    write_records(f, file, "one", 2, 2);
    expect_file(f->path, one);
    other = fopen(f->path, "ab");
    fprintf(other, "%.61s", two);
    fclose(other);
    expect_position(file, "one", 2, 2);
    expect_file(f->path, one);
    close_file(file);
    free(one);
    free(two);
}

/* ---- Several writers, and writers that die ---- */

/* Record 3 with an output of so many bytes, as number `number`. */
static int write_large(const struct fixture *f, event_file *file, const char *id, uint32_t number,
                       size_t size) {
    record r = record_of(f, 3);
    char *text = malloc(size + 1);
    memset(text, 'a' + (int)(number % 26), size);
    text[size] = '\0';
    r.number = number;
    r.data = baton_value_string(text);
    int result =
        event_file_write(file, &(lifecycle_source){f->workflow, id}, &r, (event_position){0}, NULL);
    baton_value_unref(r.data);
    free(text);
    return result;
}

/* Each line is a whole event, and those of each execution are numbered 1 to `last`. */
static void expect_sequences(const char *path, const char *const *ids, size_t count, uint32_t last) {
    buffer b = get_file(path);
    uint32_t next[8] = {0};
    for (char *line = b.data, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        assert_non_null(end);
        baton_value e = baton_value_parse(line, (size_t)(end - line), NULL);
        assert_true(baton_value_is_valid(e));
        const char *id = value_get_text(e, "id");
        size_t which = 0;
        while (which < count && strncmp(id, ids[which], strlen(ids[which])) != 0) which++;
        assert_true(which < count);
        char expected[64];
        snprintf(expected, sizeof expected, "%s/%u/1", ids[which], ++next[which]);
        assert_string_equal(id, expected);
        baton_value_unref(e);
    }
    for (size_t i = 0; i < count; i++) assert_int_equal(next[i], last);
    buffer_done(&b);
}

static void test_several_writers(void **state) {
    struct fixture *f = *state;
    enum { WRITERS = 3, EVENTS = 150 };
    static const char *const ids[WRITERS] = {"one", "two", "three"};
    pid_t pids[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        if ((pids[i] = fork())) continue;
        event_file *file = event_file_open(f->path, NULL);
        REQUIRE(file);
        for (uint32_t number = 1; number <= EVENTS; number++) {
            REQUIRE(write_large(f, file, ids[i], number, (number * 977) % 30000) == 0);
            if (number % 10) continue;
            event_position last;
            REQUIRE(event_file_position(file, ids[i], &last, NULL) == 0);
            REQUIRE(last.number == number && last.k == 1);
        }
        REQUIRE(event_file_close(file, NULL) == 0);
        _exit(0);
    }
    for (size_t i = 0; i < WRITERS; i++) expect_good_child(pids[i]);
    expect_sequences(f->path, ids, WRITERS, EVENTS);
}

/* Two executions whose processes are killed again and again and go on where the file stands. */
static void test_killed_writers(void **state) {
    struct fixture *f = *state;
    enum { WRITERS = 2, EVENTS = 40, BYTES = 1 << 20, KILLS = 20 };
    static const char *const ids[WRITERS] = {"one", "two"};
    pid_t pids[WRITERS] = {0};
    unsigned random = 12345, kills = 0;
    for (size_t done = 0; done < WRITERS;) {
        for (size_t i = 0; i < WRITERS; i++) {
            if (pids[i] || (pids[i] = fork())) continue;
            event_file *file = event_file_open(f->path, NULL);
            event_position last;
            REQUIRE(file && event_file_position(file, ids[i], &last, NULL) == 0);
            for (uint32_t number = last.number + 1; number <= EVENTS; number++)
                REQUIRE(write_large(f, file, ids[i], number, BYTES) == 0);
            _exit(0);
        }
        random = random * 1103515245 + 12345;
        usleep(1000 + (random >> 16) % (kills < KILLS ? 15000 : 60000));
        for (size_t i = 0; i < WRITERS; i++) {
            int status;
            if (pids[i] <= 0) continue;
            if (waitpid(pids[i], &status, WNOHANG) == 0) {
                if (kills >= KILLS && (random >> (20 + i)) % 2) continue;
                kill(pids[i], SIGKILL);
                waitpid(pids[i], &status, 0);
            }
            bool ended = WIFEXITED(status);
            if (ended) assert_int_equal(WEXITSTATUS(status), 0);
            pids[i] = ended ? -1 : 0;
            kills += !ended;
            done += ended;
        }
    }
    assert_true(kills >= KILLS);
    expect_sequences(f->path, ids, WRITERS, EVENTS);
}

/* ---- What is no regular file ---- */

static void test_fifo(void **state) {
    struct fixture *f = *state;
    assert_int_equal(mkfifo(f->path, 0600), 0);
    int reader = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    event_file *file = open_file(f->path);
    write_records(f, file, "one", 1, 2);
    expect_position(file, "one", 0, 0);
    char *text = text_of(f, "one", 1, 2), got[2000];
    assert_int_equal(read(reader, got, sizeof got), strlen(text));
    assert_memory_equal(got, text, strlen(text));
    free(text);
    /* Nobody reads any more: told once, and SIGPIPE does no harm. */
    close(reader);
    baton_error *err = NULL;
    assert_int_equal(write_one(f, file, "one", 3, (event_position){0}, &err), -1);
    expect_message(err, BATON_ERROR_SYSTEM, "cannot write '%s': Broken pipe", f->path);
    err = NULL;
    assert_int_equal(write_one(f, file, "one", 4, (event_position){0}, &err), 0);
    close_file(file);
    expect_none(err);
}

/* /dev/stdout is the stream that the program has, wherever it leads. */
static void expect_stream(struct fixture *f, const char *path, int number) {
    int saved = fcntl(number, F_DUPFD_CLOEXEC, 10);
    int out = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fflush(NULL);
    dup2(out, number);
    bool good = dprintf(number, "before ") == 7;
    event_file *file = event_file_open(path, NULL);
    event_position last = {77, 77};
    good &= file && write_one(f, file, "one", 1, (event_position){0}, NULL) == 0;
    good &= file && event_file_position(file, "one", &last, NULL) == 0 && last.number == 0 && last.k == 0;
    good &= event_file_close(file, NULL) == 0;
    good &= dprintf(number, "after") == 5;
    dup2(saved, number);
    close(saved);
    close(out);
    assert_true(good);
    buffer b = {0};
    char *text = text_of(f, "one", 1, 1);
    buffer_printf(&b, "before %safter", text);
    expect_file(f->path, buffer_text(&b));
    buffer_done(&b);
    free(text);
}

static void test_streams(void **state) {
    expect_stream(*state, "/dev/stdout", 1);
    expect_stream(*state, "/dev/stderr", 2);
}

static void test_terminal(void **state) {
    struct fixture *f = *state;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    event_file *file = open_file(ptsname(terminal));
    write_records(f, file, "one", 1, 1);
    expect_position(file, "one", 0, 0);
    char got[1000] = "";
    assert_true(read(terminal, got, sizeof got - 1) > 0);
    assert_non_null(strstr(got, "\"one/1/1\""));
    close_file(file);
    close(terminal);
}

/* ---- Failures ---- */

static void test_full_device(void **state) {
    struct fixture *f = *state;
    event_file *file = open_file("/dev/full");
    baton_error *err = NULL;
    assert_int_equal(write_one(f, file, "one", 1, (event_position){0}, &err), -1);
    expect_message(err, BATON_ERROR_SYSTEM, "cannot write '%s': No space left on device", "/dev/full");
    err = NULL;
    assert_int_equal(write_one(f, file, "one", 2, (event_position){0}, &err), 0);
    close_file(file);
    expect_none(err);
    file = open_file("/dev/full");
    assert_int_equal(write_one(f, file, "one", 1, (event_position){0}, NULL), -1);
    close_file(file);
}

/* The file may not grow beyond each place within the events of a record: none of them is left in it, and
 * nothing is written behind the gap. */
static void test_full_file(void **state) {
    struct fixture *f = *state;
    char *before = text_of(f, "one", 1, 1), *all = text_of(f, "one", 1, 2),
         *whole = text_of(f, "one", 1, 4);
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t room = strlen(before); room < strlen(all); room += 13) {
        event_file *file = open_file(f->path);
        write_records(f, file, "one", 1, 1);
        baton_error *err = NULL;
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){room, old.rlim_max});
        int result = write_one(f, file, "one", 2, (event_position){0}, &err);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(result, -1);
        expect_message(err, BATON_ERROR_SYSTEM, "cannot write '%s': File too large", f->path);
        expect_file(f->path, before);
        write_records(f, file, "one", 3, 3);
        expect_position(file, "one", 1, 1);
        close_file(file);
        expect_file(f->path, before);
        file = open_file(f->path);
        catch_up(f, file, "one", 4);
        close_file(file);
        expect_file(f->path, whole);
        unlink(f->path);
    }
    signal(SIGXFSZ, SIG_DFL);
    free(before);
    free(all);
    free(whole);
}

static void expect_refused(const char *path, const char *format) {
    baton_error *err = NULL;
    assert_null(event_file_open(path, &err));
    expect_message(err, BATON_ERROR_SYSTEM, format, path);
    assert_null(event_file_open(path, NULL));
}

static void test_paths_that_cannot_be_written(void **state) {
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/missing/events", f->folder);
    expect_refused(path, "cannot write '%s': No such file or directory");
    expect_refused(f->folder, "cannot write '%s': Is a directory");
    expect_refused("", "cannot write '%s': No such file or directory");
    put_file(f->path, "{", 1);
    chmod(f->path, 0444);
    chmod(f->folder, 0755);
    pid_t pid = fork();
    if (pid == 0) {
        REQUIRE(geteuid() != 0 || setresuid(FOREIGN_USER, FOREIGN_USER, FOREIGN_USER) == 0);
        baton_error *err = NULL;
        REQUIRE(event_file_open(f->path, &err) == NULL);
        REQUIRE(strstr(baton_error_message(err), f->path) && strstr(baton_error_message(err), "denied"));
        _exit(0);
    }
    expect_good_child(pid);
    expect_file(f->path, "{");
}

/* The number of the descriptor that a path is open under. */
static int descriptor_of(const char *path) {
    char link[64], target[128];
    for (int i = 3; i < 100; i++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", i);
        ssize_t size = readlink(link, target, sizeof target - 1);
        if (size > 0 && (size_t)size == strlen(path) && memcmp(target, path, (size_t)size) == 0) return i;
    }
    fail();
    return -1;
}

/* What the system says only when the file is closed, or asked. */
static void test_late_errors(void **state) {
    struct fixture *f = *state;
    baton_error *err = NULL;
    event_file *file = open_file(f->path);
    close(descriptor_of(f->path));
    assert_int_equal(event_file_close(file, &err), -1);
    expect_message(err, BATON_ERROR_SYSTEM, "cannot write '%s': Bad file descriptor", f->path);
    err = NULL;
    file = open_file(f->path);
    close(descriptor_of(f->path));
    event_position last = {7, 7};
    assert_int_equal(event_file_position(file, "one", &last, &err), -1);
    assert_int_equal(last.number, 7);
    expect_message(err, BATON_ERROR_SYSTEM, "cannot write '%s': Bad file descriptor", f->path);
    assert_int_equal(event_file_close(file, NULL), 0);
}

static void test_event_that_cannot_be_written(void **state) {
    struct fixture *f = *state;
    event_file *file = open_file(f->path);
    write_records(f, file, "one", 1, 2);
    record r = record_of(f, 3);
    r.data = baton_value_null();
    for (int i = 0; i < LIMIT_VALUE_WRITE_DEPTH + 10; i++)
        r.data = baton_value_append(baton_value_array(), r.data);
    baton_error *err = NULL;
    const lifecycle_source source = {f->workflow, "one"};
    assert_int_equal(event_file_write(file, &source, &r, (event_position){0}, &err), -1);
    expect_message(err, BATON_ERROR_LIMIT, "cannot write '%s': an event is too large or nested too deep",
                   f->path);
    write_records(f, file, "one", 4, 4); /* dropped */
    close_file(file);
    char *text = text_of(f, "one", 1, 2);
    expect_file(f->path, text);
    free(text);
    baton_value_unref(r.data);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_append),
        TEST(test_after),
        TEST(test_records_without_events),
        TEST(test_foreign_lines),
        TEST(test_borders),
        TEST(test_torn),
        TEST(test_torn_alone),
        TEST(test_torn_foreign),
        TEST(test_torn_by_another),
        TEST(test_several_writers),
        TEST(test_killed_writers),
        TEST(test_fifo),
        TEST(test_streams),
        TEST(test_terminal),
        TEST(test_full_device),
        TEST(test_full_file),
        TEST(test_paths_that_cannot_be_written),
        TEST(test_late_errors),
        TEST(test_event_that_cannot_be_written),
    };
    return cmocka_run_group_tests_name("event_file", tests, NULL, NULL);
}
