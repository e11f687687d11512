/* Processes as effects and the guardian: real processes on a real loop. Each test also shows that no
 * descriptor and no child stays behind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/limits.h"
#include "engine/guardian.h"
#include "engine/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    uv_loop_t loop;
    struct process_runner *runner;
    int descriptors; /* open before the loop was */
};

struct result {
    effect_outcome outcome;
    int done;
    buffer written[2];
    struct fixture *fixture;
};

/* Keys are looked for in all processes of the machine: another test's must not be the same. */
static char key[64], other_key[64];

static int count_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->descriptors = count_descriptors();
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->runner = process_runner_new(&f->loop, NULL);
    assert_non_null(f->runner);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    process_runner_free(f->runner);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(count_descriptors(), f->descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    free(f);
    return 0;
}

static baton_value parse(const char *json) {
    baton_error *error = NULL;
    baton_value value = baton_value_parse(json, strlen(json), &error);
    if (error) fail_msg("%s in %s", baton_error_message(error), json);
    return value;
}

static void on_done(void *data, effect_outcome outcome) {
    struct result *r = data;
    r->outcome = outcome;
    r->done++;
}

static void on_output(void *data, int stream, const char *bytes, size_t size) {
    struct result *r = data;
    buffer_append(&r->written[stream - 1], bytes, size);
}

/* With the limits of a request, whose spec is taken. */
static struct process *start_limited(struct fixture *f, process_request request, process_output output,
                                     struct result *r) {
    *r = (struct result){.fixture = f};
    if (!request.key) request.key = key;
    baton_error *error = NULL;
    struct process *p = process_start(f->runner, &request, on_done, output, r, &error);
    assert_non_null(p);
    assert_null(error);
    assert_int_equal(r->done, 0);
    baton_value_unref(request.spec);
    return p;
}

static struct process *start(struct fixture *f, baton_value spec, process_output output, struct result *r) {
    return start_limited(f, (process_request){.spec = spec}, output, r);
}

static void release(struct result *r) {
    assert_int_equal(r->done, 1);
    assert_false(baton_value_is_valid(r->outcome.output) && baton_value_is_valid(r->outcome.fault));
    baton_value_unref(r->outcome.output);
    baton_value_unref(r->outcome.fault);
    buffer_done(&r->written[0]);
    buffer_done(&r->written[1]);
}

static void run(struct fixture *f, baton_value spec, process_output output, struct result *r) {
    start(f, spec, output, r);
    while (!r->done) uv_run(&f->loop, UV_RUN_ONCE);
}

static void on_tick(uv_timer_t *timer) { (void)timer; }
static void on_closed(uv_handle_t *handle) { *(bool *)handle->data = true; }

/* Turns the loop, which needs something of its own to do: cancelled processes do not keep it going. */
static void turn_for(struct fixture *f, int64_t ms) {
    uv_timer_t tick;
    bool closed = false;
    uv_timer_init(&f->loop, &tick);
    tick.data = &closed;
    uv_timer_start(&tick, on_tick, 2, 2);
    for (int64_t end = clock_monotonic_ns() + ms * 1000000; clock_monotonic_ns() < end;)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, on_closed);
    while (!closed) uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Runs the spec and compares its output with JSON. */
static void gives_value(struct fixture *f, baton_value spec, const char *json) {
    struct result r;
    run(f, spec, NULL, &r);
    char *got =
        baton_value_to_json(baton_value_is_valid(r.outcome.output) ? r.outcome.output : r.outcome.fault);
    assert_string_equal(got, json);
    free(got);
    release(&r);
}

static void gives_output(struct fixture *f, const char *spec, const char *json) {
    gives_value(f, parse(spec), json);
}

static void gives_fault(struct fixture *f, baton_value spec, const char *type, int status,
                        const char *detail) {
    struct result r;
    run(f, spec, NULL, &r);
    assert_false(baton_value_is_valid(r.outcome.output));
    char expected[128];
    snprintf(expected, sizeof expected, "https://open-workflow-specification.org/spec/1.0.0/errors/%s",
             type);
    assert_string_equal(value_get_text(r.outcome.fault, "type"), expected);
    baton_value number = baton_value_get(r.outcome.fault, "status");
    assert_int_equal((int)baton_value_as_number(number), status);
    assert_non_null(value_get_text(r.outcome.fault, "title"));
    assert_string_equal(value_get_text(r.outcome.fault, "detail"), detail);
    assert_false(baton_value_has(r.outcome.fault, "instance"));
    release(&r);
}

static baton_value shell(const char *command) {
    baton_value argv = baton_value_append(baton_value_array(), baton_value_string("/bin/sh"));
    argv = baton_value_append(argv, baton_value_string("-c"));
    argv = baton_value_append(argv, baton_value_string(command));
    return baton_value_set(baton_value_object(), "argv", argv);
}

static baton_value shell_returning(const char *command, const char *what) {
    return value_set_text(shell(command), "return", what);
}

/* True when the process is not there, or nothing but its exit code is. */
static bool is_gone(pid_t pid) {
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file) return true;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *end = strrchr(text, ')');
    return !end || end[2] == 'Z' || end[2] == 'X';
}

static bool gone_within(struct fixture *f, pid_t pid, int64_t ms) {
    for (int64_t end = clock_monotonic_ns() + ms * 1000000; clock_monotonic_ns() < end; usleep(2000)) {
        if (f) turn_for(f, 5);
        if (is_gone(pid)) return true;
    }
    return false;
}

/* Turns the loop until the process has written a line of `count` numbers. */
static void read_pids(struct fixture *f, struct result *r, int count, pid_t *pids) {
    while (!strchr(buffer_text(&r->written[0]), '\n')) uv_run(&f->loop, UV_RUN_ONCE);
    char *text = r->written[0].data;
    for (int i = 0; i < count; i++) pids[i] = (pid_t)strtol(text, &text, 10);
}

static void forget_output(struct result *r) {
    buffer_done(&r->written[0]);
    buffer_done(&r->written[1]);
}

/* ---- What a process gives ---- */

static void test_returns(void **state) {
    struct fixture *f = *state;
    gives_value(f, shell("echo hello; echo oops >&2"), "\"hello\"");
    gives_value(f, shell_returning("echo hello; echo oops >&2", "stderr"), "\"oops\"");
    gives_value(f, shell_returning("exit 3", "code"), "3");
    gives_value(f, shell_returning("echo hello", "none"), "null");
    gives_value(f, shell_returning("echo a; echo b >&2; exit 4", "all"),
                "{\"code\":4,\"stderr\":\"b\",\"stdout\":\"a\"}");
    gives_value(f, shell("true"), "\"\"");
}

static void test_text(void **state) {
    struct fixture *f = *state;
    gives_value(f, shell("printf 'a\\n\\nb\\n\\n\\n'"), "\"a\\n\\nb\"");
    gives_value(f, shell("printf 'x\\377y'"), "\"x\xef\xbf\xbdy\"");
    gives_value(f, shell("printf 'x\\0y'"), "\"x\\u0000y\"");
}

static void test_exit_codes(void **state) {
    struct fixture *f = *state;
    gives_fault(f, shell("exit 3"), "runtime", 500, "exit code 3");
    gives_fault(f, shell("echo no; echo first >&2; echo second >&2; exit 7"), "runtime", 500,
                "exit code 7: first\nsecond");
    gives_fault(f, shell_returning("echo bad >&2; false", "none"), "runtime", 500, "exit code 1: bad");
    gives_fault(f, shell_returning("echo bad >&2; false", "stderr"), "runtime", 500, "exit code 1: bad");
    gives_fault(f, shell("kill -9 $$"), "runtime", 500, "exit code 137");
    gives_value(f, shell_returning("kill -TERM $$", "code"), "143");
}

static void test_end_of_stderr(void **state) {
    struct fixture *f = *state;
    struct result r;
    run(f, shell("i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done >&2; exit 1"), NULL, &r);
    const char *detail = value_get_text(r.outcome.fault, "detail");
    assert_true(strncmp(detail, "exit code 1: line 29", 20) == 0);
    assert_non_null(strstr(detail, "\nline 29999"));
    assert_in_range(strlen(detail), 900, LIMIT_PROCESS_STDERR_BYTES + 13);
    release(&r);
    /* One long line is cut between characters. */
    run(f,
        shell("i=0; while [ $i -lt 601 ]; do printf '\\303\\244'; i=$((i+1)); done >&2; printf x >&2; exit "
              "1"),
        NULL, &r);
    detail = value_get_text(r.outcome.fault, "detail");
    assert_true(strncmp(detail, "exit code 1: \xc3\xa4", 15) == 0);
    assert_int_equal(strlen(detail), 13 + 999);
    release(&r);
}

static void test_large_output(void **state) {
    struct fixture *f = *state;
    struct result r;
    run(f,
        shell_returning(
            "head -c 3000000 /dev/zero | tr '\\0' a; head -c 2000000 /dev/zero | tr '\\0' b >&2", "all"),
        NULL, &r);
    baton_value out = baton_value_get(r.outcome.output, "stdout"),
                err = baton_value_get(r.outcome.output, "stderr");
    assert_int_equal(baton_value_size(out), 3000000);
    assert_int_equal(baton_value_size(err), 2000000);
    assert_int_equal(baton_value_as_text(out)[2999999], 'a');
    baton_value_unref(out);
    baton_value_unref(err);
    release(&r);
}

static void test_limit(void **state) {
    struct fixture *f = *state;
    gives_fault(f, shell("exec cat /dev/zero"), "runtime", 500, "more than 16777216 bytes on stdout");
    gives_fault(f, shell("cat /dev/zero >&2; sleep 100"), "runtime", 500,
                "more than 16777216 bytes on stderr");
}

static void test_live_output(void **state) {
    struct fixture *f = *state;
    struct result r;
    run(f, shell_returning("echo one; echo two >&2; printf three", "none"), on_output, &r);
    assert_string_equal(buffer_text(&r.written[0]), "one\nthree");
    assert_string_equal(buffer_text(&r.written[1]), "two\n");
    assert_int_equal(baton_value_kind(r.outcome.output), BATON_KIND_NULL);
    release(&r);
}

/* ---- What it gets ---- */

static void test_input(void **state) {
    struct fixture *f = *state;
    gives_output(f, "{\"argv\":[\"cat\"],\"stdin\":\"to\\nbe\"}", "\"to\\nbe\"");
    gives_output(f, "{\"argv\":[\"cat\"],\"stdin\":\"\"}", "\"\"");
    gives_output(f, "{\"argv\":[\"cat\"]}", "\"\"");
    gives_output(f, "{\"argv\":[\"cat\"],\"stdin\":null}", "\"\"");
    gives_output(f, "{\"argv\":[\"cat\",\"/dev/stdin\"],\"stdin\":\"again\"}", "\"again\"");
    gives_fault(f, parse("{\"argv\":[\"cat\"],\"stdin\":{}}"), "configuration", 400,
                "'stdin' is not a text");
}

static void test_large_input(void **state) {
    struct fixture *f = *state;
    buffer text = {0};
    for (int i = 0; i < 100000; i++) buffer_puts(&text, "0123456789\n");
    struct result r;
    run(f, value_set_text(shell("wc -c"), "stdin", buffer_text(&text)), NULL, &r);
    assert_int_equal(atoi(baton_value_as_text(r.outcome.output)), 1100000);
    release(&r);
    /* Unread input is no fault, and SIGPIPE stays what it was. */
    gives_value(f, value_set_text(shell("exec 0<&-; sleep 0.05; echo done"), "stdin", buffer_text(&text)),
                "\"done\"");
    gives_value(f, value_set_text(shell("head -c 3"), "stdin", buffer_text(&text)), "\"012\"");
    struct sigaction action;
    sigset_t pending;
    sigaction(SIGPIPE, NULL, &action);
    assert_ptr_equal(action.sa_handler, SIG_DFL);
    sigpending(&pending);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    buffer_done(&text);
}

static void test_environment(void **state) {
    struct fixture *f = *state;
    setenv("BATON_TEST_A", "outer", 1);
    setenv("BATON_TEST_B", "kept", 1);
    char expected[128];
    snprintf(expected, sizeof expected, "\"inner kept 1.5 true %s\"", key);
    gives_output(
        f,
        "{\"argv\":[\"/bin/sh\",\"-c\",\"echo $BATON_TEST_A $BATON_TEST_B $N $T $BATON_IDEMPOTENCY_KEY\"],"
        "\"environment\":{\"BATON_TEST_A\":\"inner\",\"N\":1.5,\"T\":true,"
        "\"BATON_IDEMPOTENCY_KEY\":\"forged\"}}",
        expected);
    gives_output(f,
                 "{\"argv\":[\"/bin/sh\",\"-c\",\"env | grep -c ^BATON_TEST_A=\"],"
                 "\"environment\":{\"BATON_TEST_A\":\"\"}}",
                 "\"1\"");
    unsetenv("BATON_TEST_A");
    unsetenv("BATON_TEST_B");
    gives_fault(f, parse("{\"argv\":[\"true\"],\"environment\":{\"A=B\":\"\"}}"), "configuration", 400,
                "the name of an environment variable is empty or contains '='");
    gives_fault(f, parse("{\"argv\":[\"true\"],\"environment\":{\"\":\"x\"}}"), "configuration", 400,
                "the name of an environment variable is empty or contains '='");
    gives_fault(f, parse("{\"argv\":[\"true\"],\"environment\":{\"A\":{}}}"), "configuration", 400,
                "a process's arguments and environment must be texts, numbers or booleans");
    gives_fault(f, parse("{\"argv\":[\"true\",\"a\\u0000b\"]}"), "configuration", 400,
                "a process's arguments and environment cannot contain the character U+0000");
    gives_fault(f, parse("{\"argv\":[]}"), "configuration", 400, "there is no program to run");
    gives_fault(f, parse("{\"argv\":[\"true\"],\"return\":\"everything\"}"), "configuration", 400,
                "'return' is not one of stdout, stderr, code, all and none");
    gives_output(f, "{\"argv\":[\"echo\",1,false]}", "\"1 false\"");
}

static void test_program(void **state) {
    struct fixture *f = *state;
    char folder[] = "/tmp/baton-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/greet", folder);
    FILE *file = fopen(path, "w");
    fputs("#!/bin/sh\necho hi from here\n", file);
    fclose(file);
    baton_value spec = parse("{\"argv\":[\"greet\"]}");
    baton_value environment = value_set_text(baton_value_object(), "PATH", folder);
    spec = baton_value_set(spec, "environment", environment);
    gives_fault(f, baton_value_ref(spec), "runtime", 500, "cannot run 'greet': No such file or directory");
    chmod(path, 0755);
    gives_value(f, baton_value_ref(spec), "\"hi from here\"");
    char *old = getcwd(NULL, 0);
    assert_int_equal(chdir(folder), 0);
    spec = baton_value_set(spec, "environment", parse("{\"PATH\":\"/nowhere::/bin\"}"));
    gives_value(f, spec, "\"hi from here\"");
    assert_int_equal(chdir(old), 0);
    free(old);
    chmod(path, 0644);
    baton_value argv = baton_value_append(baton_value_array(), baton_value_string(path));
    char detail[128];
    snprintf(detail, sizeof detail, "cannot run '%s': Permission denied", path);
    gives_fault(f, baton_value_set(baton_value_object(), "argv", argv), "runtime", 500, detail);
    unlink(path);
    rmdir(folder);
    gives_fault(f, parse("{\"argv\":[\"no-such-program\"]}"), "runtime", 500,
                "cannot run 'no-such-program': No such file or directory");
    gives_fault(f, parse("{\"argv\":[\"/no/such\"],\"await\":false}"), "runtime", 500,
                "cannot run '/no/such': No such file or directory");
    gives_fault(f, parse("{\"argv\":[\"\"]}"), "runtime", 500, "cannot run '': No such file or directory");
    char *path_before = strdup(getenv("PATH"));
    unsetenv("PATH");
    gives_output(f, "{\"argv\":[\"echo\",\"found\"]}", "\"found\"");
    setenv("PATH", path_before, 1);
    free(path_before);
}

/* Ends as a step does that is run in `directory`. Takes the spec. */
static void run_in(struct fixture *f, const char *directory, baton_value spec, struct result *r) {
    *r = (struct result){.fixture = f};
    process_request request = {.spec = spec, .directory = directory};
    assert_non_null(process_start(f->runner, &request, on_done, NULL, r, NULL));
    baton_value_unref(spec);
    while (!r->done) uv_run(&f->loop, UV_RUN_ONCE);
}

static void gives_output_in(struct fixture *f, const char *directory, const char *spec,
                            const char *expected) {
    struct result r;
    run_in(f, directory, parse(spec), &r);
    assert_false(baton_value_is_valid(r.outcome.fault));
    assert_string_equal(baton_value_as_text(r.outcome.output), expected);
    release(&r);
}

static void gives_detail_in(struct fixture *f, const char *directory, const char *spec,
                            const char *expected) {
    struct result r;
    run_in(f, directory, parse(spec), &r);
    assert_string_equal(value_get_text(r.outcome.fault, "title"), "process not started");
    assert_string_equal(value_get_text(r.outcome.fault, "detail"), expected);
    release(&r);
}

static void write_program(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    fprintf(file, "#!/bin/sh\n%s\n", text);
    fclose(file);
    chmod(path, 0755);
}

static void test_directory(void **state) {
    struct fixture *f = *state;
    char folder[] = "/tmp/baton-test-XXXXXX", path[64], detail[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/bin", folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/greet", folder);
    write_program(path, "echo here");
    snprintf(path, sizeof path, "%s/bin/greet", folder);
    write_program(path, "echo in bin");
    char *before = getcwd(NULL, 0);
    gives_output_in(f, folder, "{\"argv\":[\"/bin/pwd\"]}", folder);
    gives_output_in(f, NULL, "{\"argv\":[\"/bin/pwd\"]}", before);
    /* Relative paths start there: argv[0], and the folders of PATH. */
    gives_output_in(f, folder, "{\"argv\":[\"./greet\"]}", "here");
    gives_output_in(f, folder, "{\"argv\":[\"bin/greet\"]}", "in bin");
    gives_output_in(f, folder, "{\"argv\":[\"greet\"],\"environment\":{\"PATH\":\"bin:/bin\"}}", "in bin");
    gives_output_in(f, folder, "{\"argv\":[\"greet\"],\"environment\":{\"PATH\":\"/bin:\"}}", "here");
    gives_output_in(f, folder, "{\"argv\":[\"echo\",\"found\"],\"environment\":{\"PATH\":\"bin:/bin\"}}",
                    "found");
    /* The directory itself may be relative, to this process's own. */
    assert_int_equal(chdir("/tmp"), 0);
    gives_output_in(f, folder + 5, "{\"argv\":[\"greet\"],\"environment\":{\"PATH\":\"bin\"}}", "in bin");
    gives_output_in(f, folder + 5, "{\"argv\":[\"./greet\"]}", "here");
    assert_int_equal(chdir(before), 0);
    /* A program that is elsewhere, or in this process's own directory only. */
    gives_detail_in(f, "/", "{\"argv\":[\"greet\"],\"environment\":{\"PATH\":\"bin:.\"}}",
                    "cannot run 'greet': No such file or directory");
    assert_int_equal(chdir(folder), 0);
    gives_detail_in(f, "/", "{\"argv\":[\"./greet\"]}", "cannot run './greet': No such file or directory");
    assert_int_equal(chdir(before), 0);
    free(before);
    /* What cannot be entered, whether or not the program is there. */
    snprintf(path, sizeof path, "%s/missing", folder);
    snprintf(detail, sizeof detail, "cannot enter directory '%s': No such file or directory", path);
    gives_detail_in(f, path, "{\"argv\":[\"true\"]}", detail);
    gives_detail_in(f, path, "{\"argv\":[\"true\"],\"await\":false}", detail);
    gives_detail_in(f, path, "{\"argv\":[\"greet\"],\"environment\":{\"PATH\":\"bin\"}}", detail);
    snprintf(path, sizeof path, "%s/greet", folder);
    snprintf(detail, sizeof detail, "cannot enter directory '%s': Not a directory", path);
    gives_detail_in(f, path, "{\"argv\":[\"true\"]}", detail);
    gives_detail_in(f, "", "{\"argv\":[\"true\"]}", "cannot enter directory '': No such file or directory");
    unlink(path);
    snprintf(path, sizeof path, "%s/bin/greet", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/bin", folder);
    rmdir(path);
    rmdir(folder);
}

/* The program's signal mask, ignored signals and descriptors are its own affair. */
static void test_inheritance(void **state) {
    struct fixture *f = *state;
    int open_descriptor = dup(2); /* without CLOEXEC */
    sigset_t block, old, now;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    signal(SIGUSR2, SIG_IGN);
    /* Signals 1 to 31: those from 32 on are the C library's own, or stay as they were inherited. */
    gives_value(
        f, shell("sed -n 's/^Sig\\(Blk\\|Ign\\):\\t.\\{8\\}[08]/\\1/p' /proc/self/status | tr -d '\\n'"),
        "\"Blk0000000Ign0000000\"");
    gives_value(f, shell("ls /proc/self/fd | wc -l"), "\"4\""); /* ls itself opens the folder */
    gives_value(f, shell("test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo leads"), "\"leads\"");
    pthread_sigmask(SIG_SETMASK, &old, &now);
    assert_int_equal(sigismember(&now, SIGUSR1), 1);
    assert_int_equal(sigismember(&now, SIGUSR2), 0);
    signal(SIGUSR2, SIG_DFL);
    close(open_descriptor);
}

/* With stdin, stdout and stderr closed, the pipes would stand where the child puts them. */
static void test_low_descriptors(void **state) {
    struct fixture *f = *state;
    int saved = fcntl(0, F_DUPFD_CLOEXEC, 10);
    close(0);
    struct process_runner *runner = f->runner;
    f->runner = process_runner_new(&f->loop, NULL);
    struct result r;
    run(f, value_set_text(shell("cat; echo err >&2"), "stdin", "in"), on_output, &r);
    assert_string_equal(buffer_text(&r.written[0]), "in");
    assert_string_equal(buffer_text(&r.written[1]), "err\n");
    release(&r);
    process_runner_free(f->runner);
    f->runner = runner;
    if (saved >= 0) {
        dup2(saved, 0);
        close(saved);
    }
}

static void test_no_descriptors(void **state) {
    struct fixture *f = *state;
    gives_value(f, shell("true"), "\"\""); /* so that the guardian runs */
    struct rlimit old, few;
    getrlimit(RLIMIT_NOFILE, &old);
    struct result r;
    int used = 0;
    for (int left = 0; left < 7; left++) {
        int probe = dup(0); /* the lowest that is free */
        close(probe);
        few = (struct rlimit){(rlim_t)(probe + left), old.rlim_max};
        setrlimit(RLIMIT_NOFILE, &few);
        run(f, value_set_text(shell("cat"), "stdin", "x"), NULL, &r);
        setrlimit(RLIMIT_NOFILE, &old);
        assert_true(baton_value_is_valid(r.outcome.fault));
        assert_string_equal(value_get_text(r.outcome.fault, "detail"),
                            "cannot run '/bin/sh': Too many open files");
        release(&r);
        used++;
    }
    assert_int_equal(used, 7);
    gives_value(f, shell("echo again"), "\"again\"");
    /* Nor without the guardian's own, nor without /dev/null. */
    struct process_runner *runner = f->runner;
    int probe = dup(0);
    close(probe);
    few = (struct rlimit){(rlim_t)probe, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    baton_error *error = NULL;
    assert_null(process_runner_new(&f->loop, &error));
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(baton_error_get_code(error), BATON_ERROR_SYSTEM);
    assert_string_equal(baton_error_message(error), "cannot open /dev/null: Too many open files");
    baton_error_free(error);
    f->runner = process_runner_new(&f->loop, NULL);
    probe = dup(0);
    close(probe);
    for (int left = 0; left < 2; left++) {
        few = (struct rlimit){(rlim_t)(probe + left), old.rlim_max};
        setrlimit(RLIMIT_NOFILE, &few);
        run(f, shell_returning("exit 0", "code"), NULL, &r);
        setrlimit(RLIMIT_NOFILE, &old);
        assert_string_equal(value_get_text(r.outcome.fault, "detail"),
                            "cannot run '/bin/sh': Too many open files");
        release(&r);
    }
    gives_value(f, shell_returning("exit 9", "code"), "9");
    process_runner_free(f->runner);
    f->runner = runner;
}

/* A host program that ignores SIGCHLD has its children's exit codes thrown away. */
static void test_ignored_children(void **state) {
    struct fixture *f = *state;
    signal(SIGCHLD, SIG_IGN);
    struct result r;
    run(f, shell("echo x"), NULL, &r);

    assert_non_null(strstr(value_get_text(r.outcome.fault, "detail"), "SIGCHLD"));
    release(&r);
    signal(SIGCHLD, SIG_DFL);
}

/* ---- How it ends ---- */

static void test_grandchild_holds_pipe(void **state) {
    struct fixture *f = *state;
    struct result r;
    int64_t begin = clock_monotonic_ns();
    run(f, shell("sleep 100 & echo $!"), NULL, &r);
    assert_true(clock_monotonic_ns() - begin < 5000000000);
    pid_t pid = atoi(baton_value_as_text(r.outcome.output));
    assert_false(is_gone(pid));
    kill(pid, SIGKILL);
    release(&r);
}

static void test_cancel(void **state) {
    struct fixture *f = *state;
    struct result r;
    pid_t pids[2];
    struct process *p = start(f, shell("sleep 100 & echo $$ $!; wait"), on_output, &r);
    read_pids(f, &r, 2, pids);
    process_cancel(p);
    assert_true(gone_within(f, pids[0], 2000));
    assert_true(gone_within(f, pids[1], 2000));
    assert_int_equal(r.done, 0);
    forget_output(&r);
}

static void test_cancel_stubborn(void **state) {
    struct fixture *f = *state;
    struct result r;
    pid_t pids[2];
    process_runner_set_kill_ms(f->runner, 150);
    struct process *p = start(
        f, shell("trap '' TERM; (while :; do sleep 0.02; done) & echo $$ $!; while :; do sleep 0.02; done"),
        on_output, &r);
    read_pids(f, &r, 2, pids);
    process_cancel(p);
    turn_for(f, 60);
    assert_false(is_gone(pids[0]));
    assert_true(gone_within(f, pids[0], 2000));
    assert_true(gone_within(f, pids[1], 2000));
    turn_for(f, 20);
    assert_int_equal(waitpid(pids[0], NULL, WNOHANG), -1); /* it was reaped */
    assert_int_equal(r.done, 0);
    forget_output(&r);
}

/* The leader goes at TERM, one of its group does not. It may still write: nobody hears it. */
static void test_cancel_stubborn_grandchild(void **state) {
    struct fixture *f = *state;
    struct result r;
    pid_t pids[2];
    process_runner_set_kill_ms(f->runner, 150);
    struct process *p =
        start(f, shell("(trap '' TERM; sh -c 'echo $PPID'; while :; do echo x; sleep 0.02; done) & wait"),
              on_output, &r);
    read_pids(f, &r, 1, pids);
    size_t heard = r.written[0].size;
    process_cancel(p);
    turn_for(f, 60);
    assert_int_equal(r.written[0].size, heard);
    assert_true(gone_within(f, pids[0], 2000));
    turn_for(f, 20);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* only the guardian is left */
    forget_output(&r);
}

static void test_cancel_refused(void **state) {
    struct fixture *f = *state;
    struct result r, d;
    process_cancel(start(f, parse("{\"argv\":[\"/no/such\"]}"), NULL, &r));
    process_cancel(start(f, baton_value_set(shell("true"), "await", baton_value_boolean(false)), NULL, &d));
    turn_for(f, 50);
    assert_int_equal(r.done, 0);
    assert_int_equal(d.done, 0);
}

static void test_detached(void **state) {
    struct fixture *f = *state;
    char path[] = "/tmp/baton-test-XXXXXX", command[128];
    close(mkstemp(path));
    snprintf(command, sizeof command, "cat > %s; echo $$ >> %s; sleep 100", path, path);
    struct result r;
    baton_value spec = value_set_text(shell(command), "stdin", "given\n");
    run(f, baton_value_set(spec, "await", baton_value_boolean(false)), on_output, &r);
    assert_false(baton_value_is_valid(r.outcome.output));
    assert_false(baton_value_is_valid(r.outcome.fault));
    release(&r);
    int pid = 0;
    for (int tries = 0; tries < 500 && !pid; tries++) {
        turn_for(f, 5);
        FILE *file = fopen(path, "r");
        if (fscanf(file, "given %d", &pid) != 1) pid = 0;
        fclose(file);
    }
    unlink(path);
    assert_true(pid > 1);
    /* It outlives the runner, and one that ends is reaped. */
    process_runner_free(f->runner);
    f->runner = process_runner_new(&f->loop, NULL);
    turn_for(f, 20);
    assert_false(is_gone(pid));
    kill(-pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    run(f, baton_value_set(shell("exit 0"), "await", baton_value_boolean(false)), NULL, &r);
    release(&r);
    turn_for(f, 100);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_free_ends_all(void **state) {
    struct fixture *f = *state;
    struct result r[4];
    pid_t pids[4][2];
    start(f, shell("sleep 100 & echo $$ $!; wait"), on_output, &r[0]);
    start(f, shell("trap '' TERM; sleep 100 & echo $$ $!; while :; do sleep 0.02; done"), on_output, &r[1]);
    struct process *cancelled =
        start(f, shell("(trap '' TERM; sleep 100) & echo $$ $!; wait"), on_output, &r[2]);
    for (int i = 0; i < 3; i++) read_pids(f, &r[i], 2, pids[i]);
    start(f, parse("{\"argv\":[\"/no/such\"]}"), NULL, &r[3]);
    turn_for(f, 30); /* the trap is set */
    r[3].done = 0;
    baton_value_unref(r[3].outcome.fault);
    start(f, parse("{\"argv\":[\"/no/such\"]}"), NULL, &r[3]);
    process_cancel(cancelled);
    int64_t begin = clock_monotonic_ns();
    process_runner_free(f->runner);
    assert_true(clock_monotonic_ns() - begin < 1500000000);
    for (int i = 0; i < 3; i++) {
        assert_true(gone_within(NULL, pids[i][0], 500));
        assert_true(gone_within(NULL, pids[i][1], 500));
        assert_int_equal(r[i].done, 0);
        forget_output(&r[i]);
    }
    assert_int_equal(r[3].done, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* the guardian is gone too */
    f->runner = process_runner_new(&f->loop, NULL);
}

/* ---- Limits ---- */

static void run_limited(struct fixture *f, process_request request, process_output output,
                        struct result *r) {
    start_limited(f, request, output, r);
    while (!r->done) uv_run(&f->loop, UV_RUN_ONCE);
}

static void expect_outcome(struct result *r, const char *json) {
    char *got =
        baton_value_to_json(baton_value_is_valid(r->outcome.output) ? r->outcome.output : r->outcome.fault);
    assert_string_equal(got, json);
    free(got);
    release(r);
}

static int64_t passed_ms(int64_t begin_ns) { return (clock_monotonic_ns() - begin_ns) / 1000000; }

static void test_timeout(void **state) {
    struct fixture *f = *state;
    struct result r;
    int64_t begin = clock_monotonic_ns();
    process_request request = {.spec = shell_returning("echo begun; sleep 100", "all"), .timeout_ms = 300};
    run_limited(f, request, NULL, &r);
    expect_outcome(&r, "{\"code\":143,\"ended\":\"timeout\",\"stderr\":\"\",\"stdout\":\"begun\"}");
    assert_in_range(passed_ms(begin), 300, 4900);
    /* It may say something on its way out, and has an exit code of its own. */
    request.spec =
        shell_returning("trap 'sleep 0.05; echo bye >&2; exit 3' TERM; echo x; sleep 100 & wait", "all");
    run_limited(f, request, on_output, &r);
    assert_string_equal(buffer_text(&r.written[1]), "bye\n");
    expect_outcome(&r, "{\"code\":3,\"ended\":\"timeout\",\"stderr\":\"bye\",\"stdout\":\"x\"}");
    /* Who asks for less than all gets a fault, whatever its code. */
    static const char *const whats[] = {"stdout", "stderr", "code", "none"};
    for (int i = 0; i < 4; i++) {
        request.spec = shell_returning("trap 'exit 0' TERM; sleep 100 & wait", whats[i]);
        run_limited(f, request, NULL, &r);
        assert_string_equal(value_get_text(r.outcome.fault, "detail"), "past its limit: timeout");
        release(&r);
    }
    /* In time. */
    request = (process_request){
        .spec = shell_returning("exit 4", "all"), .timeout_ms = INT64_MAX, .idle_ms = INT64_MAX};
    run_limited(f, request, NULL, &r);
    expect_outcome(&r, "{\"code\":4,\"stderr\":\"\",\"stdout\":\"\"}");
    request = (process_request){.spec = parse("{\"argv\":[\"/no/such\"]}"), .timeout_ms = 1, .idle_ms = 1};
    run_limited(f, request, NULL, &r);
    assert_true(baton_value_is_valid(r.outcome.fault));
    release(&r);
}

static void test_timeout_of_a_stubborn_one(void **state) {
    struct fixture *f = *state;
    struct result r;
    process_runner_set_kill_ms(f->runner, 150);
    int64_t begin = clock_monotonic_ns();
    process_request request = {.spec = shell_returning("trap '' TERM; while :; do sleep 0.02; done", "all"),
                               .timeout_ms = 300};
    run_limited(f, request, NULL, &r);
    expect_outcome(&r, "{\"code\":137,\"ended\":\"timeout\",\"stderr\":\"\",\"stdout\":\"\"}");
    assert_in_range(passed_ms(begin), 450, 4900);
}

/* The leader goes at once. What it leaves has the delay, and is dead when the outcome is there: one of the
 * group that does not heed TERM, and one that left the group. */
static void test_timeout_leaves_nothing(void **state) {
    struct fixture *f = *state;
    struct result r;
    pid_t pids[3];
    process_runner_set_kill_ms(f->runner, 200);
    process_request request = {
        .spec = shell_returning("(trap '' TERM; while :; do sleep 0.02; done) & a=$!;"
                                "setsid sh -c 'trap \"\" TERM; while :; do sleep 0.02; done' & b=$!;"
                                "sleep 0.05; echo $$ $a $b; wait",
                                "all"),
        .timeout_ms = 300};
    start_limited(f, request, on_output, &r);
    read_pids(f, &r, 3, pids);
    assert_int_not_equal(getpgid(pids[2]), pids[0]);
    while (!r.done) uv_run(&f->loop, UV_RUN_ONCE);
    for (int i = 0; i < 3; i++) assert_true(is_gone(pids[i]));
    assert_string_equal(value_get_text(r.outcome.output, "ended"), "timeout");
    release(&r);
}

/* With a long delay, it is over as soon as the group is gone, and not before: the last of it speaks. */
static void test_timeout_waits_for_the_group(void **state) {
    struct fixture *f = *state;
    struct result r;
    int64_t begin = clock_monotonic_ns();
    process_request request = {
        .spec = shell_returning(
            "sh -c 'trap \"sleep 0.2; echo saved; exit\" TERM; sleep 100 & wait' & wait", "all"),
        .timeout_ms = 300};
    run_limited(f, request, NULL, &r);
    expect_outcome(&r, "{\"code\":143,\"ended\":\"timeout\",\"stderr\":\"\",\"stdout\":\"saved\"}");
    assert_in_range(passed_ms(begin), 500, 4900);
}

static void test_idle(void **state) {
    struct fixture *f = *state;
    struct result r;
    int64_t begin = clock_monotonic_ns();
    process_request request = {
        .spec = shell_returning("for i in 1 2 3; do sleep 0.1; echo $i; sleep 0.1; echo $i >&2; done; "
                                "exec sleep 100",
                                "all"),
        .idle_ms = 400};
    run_limited(f, request, NULL, &r);
    expect_outcome(&r,
                   "{\"code\":143,\"ended\":\"idle\",\"stderr\":\"1\\n2\\n3\",\"stdout\":\"1\\n2\\n3\"}");
    assert_in_range(passed_ms(begin), 1000, 5000);
    /* It is listened to even where nobody wants its output. */
    request.spec = shell_returning("for i in 1 2 3 4 5 6; do sleep 0.1; echo; done", "code");
    run_limited(f, request, NULL, &r);
    expect_outcome(&r, "0");
    request.spec = shell_returning("sleep 100", "none");
    run_limited(f, request, NULL, &r);
    assert_string_equal(value_get_text(r.outcome.fault, "detail"), "past its limit: idle");
    release(&r);
}

/* What the loop does not see in time, because it stands still, happened in time all the same. */
static void test_limits_and_a_loop_that_stood_still(void **state) {
    struct fixture *f = *state;
    struct result r;
    process_request request = {.spec = shell_returning("exit 5", "all"), .timeout_ms = 50, .idle_ms = 50};
    start_limited(f, request, NULL, &r);
    usleep(300000);
    while (!r.done) uv_run(&f->loop, UV_RUN_ONCE);
    expect_outcome(&r, "{\"code\":5,\"stderr\":\"\",\"stdout\":\"\"}");
    request = (process_request){.spec = shell_returning("echo x; sleep 0.7", "all"), .idle_ms = 500};
    start_limited(f, request, NULL, &r);
    usleep(550000);
    while (!r.done) uv_run(&f->loop, UV_RUN_ONCE);
    expect_outcome(&r, "{\"code\":0,\"stderr\":\"\",\"stdout\":\"x\"}");
}

static void test_tail(void **state) {
    struct fixture *f = *state;
    struct result r;
    process_request request = {
        .spec = shell_returning("printf 'abc\\303\\244de\\n'; printf 1234567 >&2", "all"),
        .output_tail = 4};
    run_limited(f, request, NULL, &r); /* the last four begin within a character */
    expect_outcome(&r, "{\"code\":0,\"stderr\":\"4567\",\"stdout\":\"de\"}");
    request.spec = shell_returning("printf 'abc\\303\\244de\\n'; printf 1234567 >&2", "all");
    request.output_tail = 7;
    run_limited(f, request, on_output, &r); /* logs have all */
    assert_string_equal(buffer_text(&r.written[0]), "abc\303\244de\n");
    expect_outcome(&r, "{\"code\":0,\"stderr\":\"1234567\",\"stdout\":\"bc\303\244de\"}");
    request.spec = shell_returning("i=0; while [ $i -lt 60000 ]; do echo $i; i=$((i+1)); done", "all");
    run_limited(f, request, NULL, &r);
    expect_outcome(&r, "{\"code\":0,\"stderr\":\"\",\"stdout\":\"\\n59999\"}");
    /* A text that was not cut is as it is, though it begins amid a character. */
    request = (process_request){.spec = shell_returning("printf '\\244x'", "all"), .output_tail = SIZE_MAX};
    run_limited(f, request, NULL, &r);
    expect_outcome(&r, "{\"code\":0,\"stderr\":\"\",\"stdout\":\"\357\277\275x\"}");
}

static void count_output(void *data, int stream, const char *bytes, size_t size) {
    (void)bytes;
    struct result *r = data;
    r->written[stream - 1].size += size;
}

/* One that heeds TERM, and one that goes on writing until KILL: no more of it is told. */
static void test_endless_output(void **state) {
    struct fixture *f = *state;
    process_runner_set_kill_ms(f->runner, 200);
    static const struct {
        const char *command;
        int stream, code;
    } cases[] = {{"exec cat /dev/zero", 0, 143}, {"trap '' TERM; exec cat /dev/zero >&2", 1, 137}};
    for (int i = 0; i < 2; i++) {
        struct result r;
        process_request request = {.spec = shell_returning(cases[i].command, "all"), .output_tail = 3};
        run_limited(f, request, count_output, &r);
        assert_int_equal(r.written[cases[i].stream].size, LIMIT_PROCESS_OUTPUT);
        assert_int_equal(r.written[1 - cases[i].stream].size, 0);
        char expected[128];
        snprintf(expected, sizeof expected,
                 "{\"code\":%d,\"ended\":\"output\",\"stderr\":\"%s\",\"stdout\":\"%s\"}", cases[i].code,
                 i ? "\\u0000\\u0000\\u0000" : "", i ? "" : "\\u0000\\u0000\\u0000");
        expect_outcome(&r, expected);
    }
    /* Without a tail it is the fault it always was, also when it is being ended for another reason. */
    process_runner_set_kill_ms(f->runner, 20000);
    struct result r;
    process_request request = {
        .spec = shell_returning("trap 'trap \"\" TERM; exec cat /dev/zero' TERM; sleep 100 & wait", "all"),
        .timeout_ms = 400};
    run_limited(f, request, NULL, &r);
    assert_string_equal(value_get_text(r.outcome.fault, "detail"), "more than 16777216 bytes on stdout");
    release(&r);
}

/* It exits of itself, and the end of what it wrote is too much: what it left running goes with it. */
static void test_output_limit_at_the_exit(void **state) {
    struct fixture *f = *state;
    struct result r;
    process_request request = {
        .spec = shell_returning("head -c 16777216 /dev/zero; sleep 0.1; sleep 100 & echo $! >&2; echo x",
                                "all"),
        .output_tail = 8};
    start_limited(f, request, NULL, &r);
    usleep(20000);
    for (int i = 0; i < 2000 && !r.done; i++) uv_run(&f->loop, UV_RUN_ONCE);
    while (!r.done) uv_run(&f->loop, UV_RUN_ONCE);
    assert_string_equal(value_get_text(r.outcome.output, "ended"), "output");
    assert_true(is_gone(atoi(value_get_text(r.outcome.output, "stderr"))));
    release(&r);
}

static void test_cancel_while_ending(void **state) {
    struct fixture *f = *state;
    struct result r[2];
    pid_t pids[2][2];
    process_runner_set_kill_ms(f->runner, 400);
    /* One whose leader does not heed TERM, one whose leader is gone. */
    static const char *const commands[] = {
        "trap '' TERM; (while :; do sleep 0.02; done) & echo $$ $!; while :; do sleep 0.02; done",
        "(trap '' TERM; while :; do sleep 0.02; done) & sleep 0.03; echo $$ $!; wait"};
    struct process *p[2];
    for (int i = 0; i < 2; i++) {
        process_request request = {
            .spec = shell_returning(commands[i], "all"), .key = i ? other_key : NULL, .timeout_ms = 150};
        p[i] = start_limited(f, request, on_output, &r[i]);
        read_pids(f, &r[i], 2, pids[i]);
    }
    turn_for(f, 250);
    assert_true(is_gone(pids[1][0]));
    for (int i = 0; i < 2; i++) {
        process_cancel(p[i]);
        assert_false(is_gone(pids[i][1]));
    }
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) assert_true(gone_within(f, pids[i][k], 2000));
    turn_for(f, 50);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* only the guardian is left */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(r[i].done, 0);
        forget_output(&r[i]);
    }
}

static void test_free_while_ending(void **state) {
    struct fixture *f = *state;
    struct result r;
    pid_t pids[2];
    process_request request = {
        .spec = shell_returning(
            "(trap '' TERM; while :; do sleep 0.02; done) & sleep 0.03; echo $$ $!; wait", "all"),
        .timeout_ms = 100};
    start_limited(f, request, on_output, &r);
    read_pids(f, &r, 2, pids);
    turn_for(f, 200);
    assert_false(is_gone(pids[1]));
    process_runner_free(f->runner);
    assert_true(gone_within(NULL, pids[1], 500));
    assert_int_equal(r.done, 0);
    forget_output(&r);
    f->runner = process_runner_new(&f->loop, NULL);
}

/* The next attempt of a step has the key of the one that was cancelled: only the latter is killed. */
static void test_the_next_attempt(void **state) {
    struct fixture *f = *state;
    struct result r[2];
    pid_t pids[2];
    process_runner_set_kill_ms(f->runner, 150);
    struct process *p = start(f,
                              shell("setsid sh -c 'trap \"\" TERM; while :; do sleep 0.02; done' & "
                                    "sleep 0.03; echo $$ $!; wait"),
                              on_output, &r[0]);
    read_pids(f, &r[0], 2, pids);
    process_cancel(p);
    turn_for(f, 20);
    assert_false(is_gone(pids[1]));
    start(f, shell("sleep 0.4; echo lives"), NULL, &r[1]);
    assert_true(gone_within(NULL, pids[1], 1000));
    while (!r[1].done) uv_run(&f->loop, UV_RUN_ONCE);
    expect_outcome(&r[1], "\"lives\"");
    assert_int_equal(r[0].done, 0);
    forget_output(&r[0]);
}

/* One that may not be killed stands for one that the system holds. */
static void test_undying(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    char path[] = "/tmp/baton-test-XXXXXX", command[256];
    close(mkstemp(path));
    pid_t asker = fork();
    if (asker == 0) {
        struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct caps[2];
        struct fixture f = {0};
        struct result r;
        syscall(SYS_capget, &head, caps);
        caps[0].effective &= ~(1u << CAP_KILL);
        syscall(SYS_capset, &head, caps);
        uv_loop_init(&f.loop);
        f.runner = process_runner_new(&f.loop, NULL);
        process_runner_set_kill_ms(f.runner, 100);
        snprintf(command, sizeof command,
                 "setpriv --reuid 65534 --clear-groups sleep 100 & echo $! > %s; wait", path);
        run_limited(&f, (process_request){.spec = shell_returning(command, "all"), .timeout_ms = 300}, NULL,
                    &r);
        const char *detail = value_get_text(r.outcome.fault, "detail");
        _exit(detail && strstr(detail, ", or one of its group, does not end") ? 0 : 1);
    }
    int status, pid = 0;
    assert_int_equal(waitpid(asker, &status, 0), asker);
    FILE *file = fopen(path, "r");
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    unlink(path);
    assert_false(is_gone(pid));
    kill(pid, SIGKILL);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(WIFEXITED(status));
}

/* ---- Many ---- */

static void start_next(void *data, effect_outcome outcome) {
    struct result *r = data;
    baton_value_unref(outcome.output);
    assert_false(baton_value_is_valid(outcome.fault));
    if (++r->done == 20) return;
    baton_value spec = shell("true");
    process_request request = {.spec = spec};
    assert_non_null(process_start(r->fixture->runner, &request, start_next, NULL, r, NULL));
    baton_value_unref(spec);
}

static void test_many(void **state) {
    struct fixture *f = *state;
    enum { COUNT = 60 };
    struct result *r = calloc(COUNT, sizeof *r), chain = {.fixture = f};
    for (int i = 0; i < COUNT; i++) {
        char command[64];
        snprintf(command, sizeof command, "echo %d", i);
        start(f, shell(command), NULL, &r[i]);
    }
    start_next(&chain, (effect_outcome){VALUE_INVALID, VALUE_INVALID});
    uv_run(&f->loop, UV_RUN_DEFAULT); /* which also ends: the guardian does not hold the loop */
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(atoi(baton_value_as_text(r[i].outcome.output)), i);
        release(&r[i]);
    }
    assert_int_equal(chain.done, 20);
    free(r);
}

/* ---- The guardian ---- */

static void test_guardian_table(void **state) {
    struct fixture *f = *state;
    struct guardian *g = guardian_new(&f->loop, NULL);
    assert_int_equal(guardian_pid(g), 0);
    atomic_int *first = guardian_slot(g);
    pid_t pid = guardian_pid(g);
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    for (int tries = 0; tries < 500 && strcmp(name, "baton-guardian\n") != 0; tries++) {
        usleep(2000);
        FILE *file = fopen(path, "r");
        assert_non_null(fgets(name, sizeof name, file));
        fclose(file);
    }
    assert_string_equal(name, "baton-guardian\n");
    assert_int_equal(getsid(pid), pid);
    atomic_store(first, 1); /* a number that the guardian never signals */
    for (int i = 1; i < LIMIT_PROCESSES; i++) {
        atomic_int *slot = guardian_slot(g);
        assert_non_null(slot);
        assert_int_equal(atomic_load(slot), 0);
        atomic_store(slot, 1);
    }
    errno = 0;
    assert_null(guardian_slot(g));
    assert_int_equal(errno, EAGAIN);
    atomic_store(first, 0);
    assert_ptr_equal(guardian_slot(g), first);
    /* It is started again at once, since there is something to guard. */
    kill(pid, SIGKILL);
    for (int tries = 0; tries < 500 && (guardian_pid(g) == pid || !guardian_pid(g)); tries++)
        turn_for(f, 2);
    assert_int_not_equal(guardian_pid(g), pid);
    assert_int_not_equal(guardian_pid(g), 0);
    pid = guardian_pid(g);
    guardian_free(g);
    assert_true(is_gone(pid));
    guardian_free(NULL);
    process_runner_free(NULL);
}

/* The child of this process that has the guardian's name, once it has. */
static pid_t find_guardian(void) {
    char path[64], name[32];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    for (;; usleep(1000)) {
        FILE *children = fopen(path, "r");
        int pid, found = 0;
        while (!found && fscanf(children, "%d", &pid) == 1) {
            char other[64];
            snprintf(other, sizeof other, "/proc/%d/comm", pid);
            FILE *comm = fopen(other, "r");
            if (comm && fgets(name, sizeof name, comm) && strcmp(name, "baton-guardian\n") == 0)
                found = pid;
            if (comm) fclose(comm);
        }
        fclose(children);
        if (found) return found;
    }
}

/* A program with a runner: its process writes the ids of its group to `path`, and it stays. */
static void run_doomed_program(const char *path, bool kill_guardian) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct process_runner *runner = process_runner_new(&loop, NULL);
    char command[512];
    snprintf(command, sizeof command,
             "sleep 100 & a=$!; (trap '' TERM; while :; do sleep 0.05; done) & echo $$ $a $! > %s.new; "
             "mv %s.new %s; wait",
             path, path, path);
    struct result r;
    process_request request = {.spec = shell(command)};
    process_start(runner, &request, on_done, NULL, &r, NULL);
    if (kill_guardian) kill(find_guardian(), SIGKILL);
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(1);
}

static void check_guardian(bool kill_guardian) {
    char path[] = "/tmp/baton-test-XXXXXX";
    close(mkstemp(path));
    unlink(path);
    pid_t program = fork();
    if (program == 0) run_doomed_program(path, kill_guardian);
    FILE *file = NULL;
    for (int tries = 0; tries < 1000 && !file; tries++) {
        usleep(5000);
        file = fopen(path, "r");
    }
    assert_non_null(file);
    int pids[3];
    assert_int_equal(fscanf(file, "%d %d %d", &pids[0], &pids[1], &pids[2]), 3);
    fclose(file);
    unlink(path);
    usleep(100000); /* time for a second guardian */
    for (int i = 0; i < 3; i++) assert_false(is_gone(pids[i]));
    int64_t begin = clock_monotonic_ns();
    kill(program, SIGKILL);
    assert_int_equal(waitpid(program, NULL, 0), program);
    for (int i = 0; i < 3; i++) assert_true(gone_within(NULL, pids[i], 2000));
    assert_true(clock_monotonic_ns() - begin < 2000000000);
}

static void test_guardian(void **state) {
    (void)state;
    check_guardian(false);
}

static void test_guardian_restarted(void **state) {
    (void)state;
    check_guardian(true);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_returns),
        TEST(test_text),
        TEST(test_exit_codes),
        TEST(test_end_of_stderr),
        TEST(test_large_output),
        TEST(test_limit),
        TEST(test_live_output),
        TEST(test_input),
        TEST(test_large_input),
        TEST(test_environment),
        TEST(test_program),
        TEST(test_directory),
        TEST(test_inheritance),
        TEST(test_low_descriptors),
        TEST(test_no_descriptors),
        TEST(test_ignored_children),
        TEST(test_grandchild_holds_pipe),
        TEST(test_cancel),
        TEST(test_cancel_stubborn),
        TEST(test_cancel_stubborn_grandchild),
        TEST(test_cancel_refused),
        TEST(test_detached),
        TEST(test_free_ends_all),
        TEST(test_timeout),
        TEST(test_timeout_of_a_stubborn_one),
        TEST(test_timeout_leaves_nothing),
        TEST(test_timeout_waits_for_the_group),
        TEST(test_idle),
        TEST(test_limits_and_a_loop_that_stood_still),
        TEST(test_tail),
        TEST(test_endless_output),
        TEST(test_output_limit_at_the_exit),
        TEST(test_cancel_while_ending),
        TEST(test_free_while_ending),
        TEST(test_the_next_attempt),
        TEST(test_undying),
        TEST(test_many),
        TEST(test_guardian_table),
        TEST(test_guardian),
        TEST(test_guardian_restarted),
    };
    snprintf(key, sizeof key, "exec_%d_abc/7", (int)getpid());
    snprintf(other_key, sizeof other_key, "exec_%d_abc/8", (int)getpid());
    uv_loop_t loop; /* the first of a program opens descriptors that stay */
    uv_loop_init(&loop);
    uv_loop_close(&loop);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
