/* Processes that were left running: real ones, found by their environment.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/leftover.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"

#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "BATON_IDEMPOTENCY_KEY="

enum { FOREIGN_USER = 65534 };

static const char *program; /* this one */

/* Runs a line of shell in an environment of its own and waits until it has written "ready". */
static pid_t start_with(const char *line, char *const environment[]) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execve("/bin/sh", (char *[]){"sh", "-c", (char *)line, NULL}, environment);
        _exit(127);
    }
    close(ends[1]);
    char text[6] = "";
    assert_int_equal(read(ends[0], text, 6), 6);
    assert_memory_equal(text, "ready\n", 6);
    close(ends[0]);
    return pid;
}

static pid_t start(const char *line, const char *entry) {
    return start_with(line, (char *[]){"PATH=/usr/bin:/bin", (char *)entry, "LAST=1", NULL});
}

static const char sleeper[] = "echo ready; exec sleep 100";
static const char stubborn[] = "trap '' TERM; echo ready; while :; do sleep 0.02; done";

/* Ends all of them; gives how long it took. */
static int64_t end_keys(const char *const *keys, size_t count) {
    baton_error *err = NULL;
    int64_t begin = clock_monotonic_ns();
    int result = leftover_end(keys, count, &err);
    if (err) fail_msg("%s", baton_error_message(err));
    assert_int_equal(result, 0);
    return (clock_monotonic_ns() - begin) / 1000000;
}

static int64_t end_key(const char *key) { return end_keys(&key, 1); }

static void expect_killed(pid_t pid) {
    int status;
    pid_t ended = 0;
    for (int tries = 0; tries < 1000 && !ended; tries++) { /* its memory is gone a little before it is */
        ended = waitpid(pid, &status, WNOHANG);
        if (!ended) usleep(2000);
    }
    if (!ended) kill(pid, SIGKILL);
    assert_int_equal(ended, pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void expect_alive(pid_t pid) {
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    kill(pid, SIGKILL);
    expect_killed(pid);
}

/* What a child process found out: 0, or the line that failed. */
static void expect_good_child(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* In a child: leaves with a code that expect_good_child shows. */
#define REQUIRE(condition)                                                            \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1);                                                                 \
        }                                                                             \
    } while (0)

static void test_nothing(void **state) {
    (void)state;
    assert_int_equal(leftover_end(NULL, 0, NULL), 0);
    assert_true(end_key("leftover-none/1") < LIMIT_GUARDIAN_KILL_MS);
}

static void test_stubborn(void **state) {
    (void)state;
    pid_t pid = start(stubborn, KEY "leftover-a/7");
    kill(pid, SIGTERM);
    int64_t took = end_key("leftover-a/7");
    assert_true(took >= LIMIT_GUARDIAN_KILL_MS); /* the guardian's time */
    assert_true(took < LEFTOVER_PATIENCE_MS);
    expect_killed(pid);
    assert_true(end_key("leftover-a/7") < LIMIT_GUARDIAN_KILL_MS); /* with what it had started */
}

/* In sessions and groups of their own, stopped, and under several keys at once. */
static void test_escaped(void **state) {
    (void)state;
    pid_t pids[] = {start("echo ready; exec setsid -w sleep 100", KEY "leftover-b/1"),
                    start(sleeper, KEY "leftover-b/2"),
                    start("setsid sh -c \"echo ready; sleep 100 & wait\" & wait", KEY "leftover-b/3")};
    kill(pids[1], SIGSTOP);
    static const char *const keys[] = {"leftover-b/0", "leftover-b/1", "leftover-b/2", "leftover-b/3"};
    end_keys(keys, 4);
    for (size_t i = 0; i < 3; i++) expect_killed(pids[i]);
    assert_true(end_keys(keys, 4) < LIMIT_GUARDIAN_KILL_MS);
}

/* What ends by itself in the guardian's time is not killed, and not waited for any longer. */
static void test_ends_by_itself(void **state) {
    (void)state;
    pid_t pid = start("echo ready; sleep 0.05; exit 5", KEY "leftover-c/1");
    assert_true(end_key("leftover-c/1") < LIMIT_GUARDIAN_KILL_MS);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 5);
}

/* A zombie runs no more. */
static void test_zombie(void **state) {
    (void)state;
    pid_t pid = start("echo ready", KEY "leftover-z/1");
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(end_key("leftover-z/1") < LIMIT_GUARDIAN_KILL_MS);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Only a whole entry counts. */
static void test_other_keys(void **state) {
    (void)state;
    static const char *const entries[] = {
        KEY "leftover-d/12",         KEY "leftover-d/",   KEY "xleftover-d/1",
        "X" KEY "leftover-d/1",      KEY "leftover-d/1 ", "BATON_IDEMPOTENCY_KEYS=leftover-d/1",
        "OTHER= " KEY "leftover-d/1"};
    enum { COUNT = sizeof entries / sizeof *entries };
    pid_t pids[COUNT];
    for (size_t i = 0; i < COUNT; i++) pids[i] = start(sleeper, entries[i]);
    assert_true(end_key("leftover-d/1") < LIMIT_GUARDIAN_KILL_MS);
    for (size_t i = 0; i < COUNT; i++) expect_alive(pids[i]);
}

/* Runs sleep in exactly this environment (a shell would put it in another order). */
static pid_t start_sleep(char *const environment[]) {
    pid_t pid = fork();
    if (pid == 0) {
        execve("/bin/sleep", (char *[]){"sleep", "100", NULL}, environment);
        _exit(127);
    }
    char path[64], begin[16] = "";
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    while (strncmp(begin, environment[0], sizeof begin - 1) != 0) {
        usleep(1000);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        begin[fread(begin, 1, sizeof begin - 1, file)] = '\0';
        fclose(file);
    }
    return pid;
}

/* The key stands behind entries of so many bytes that it falls on each side of the borders of what is read
 * at once, and behind ones that are longer than that. An entry that only ends like one with the key is
 * none. */
static void test_large_environment(void **state) {
    (void)state;
    enum { LONG = 100000, AROUND = 16 << 10, LONG_ONES = 12 };
    char *entry = malloc(LONG + 1), *small = malloc(AROUND + 100);
    char *long_ones[LONG_ONES + 2] = {[LONG_ONES] = KEY "leftover-e/1"};
    for (size_t i = 0; i < LONG_ONES; i++) long_ones[i] = entry;
    memset(entry, 'x', LONG);
    entry[LONG] = '\0';
    pid_t pids[70], others[70];
    size_t count = 0, other_count = 0;
    pids[count++] = start_sleep(long_ones);
    for (int size = AROUND - 40; size < AROUND + 8; size++) {
        memset(small, 'x', (size_t)size);
        small[size] = '\0';
        pids[count++] = start_sleep((char *[]){small, KEY "leftover-e/1", "LAST=1", NULL});
    }
    for (int size = AROUND - 2; size <= AROUND + 2; size++) {
        memset(small, 'x', (size_t)size);
        strcpy(small + size, KEY "leftover-e/1");
        others[other_count++] = start_sleep((char *[]){small, "LAST=1", NULL});
    }
    others[other_count++] = start_sleep((char *[]){entry, KEY "leftover-e/11", entry, NULL});
    end_key("leftover-e/1");
    for (size_t i = 0; i < count; i++) expect_killed(pids[i]);
    for (size_t i = 0; i < other_count; i++) expect_alive(others[i]);
    free(entry);
    free(small);
}

/* What leftover.h says cannot be found. */
static void test_cleared_environment(void **state) {
    (void)state;
    pid_t pid = start("echo ready; exec env -i sleep 100", KEY "leftover-f/1");
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    for (int tries = 0; tries < 1000 && strcmp(name, "sleep\n") != 0; tries++) {
        FILE *file = fopen(path, "r");
        assert_non_null(fgets(name, sizeof name, file));
        fclose(file);
        usleep(2000);
    }
    assert_true(end_key("leftover-f/1") < LIMIT_GUARDIAN_KILL_MS);
    expect_alive(pid);
}

/* A Baton that is itself a step of another has that one's key. */
static void test_spares_itself(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        execle(program, "test_leftover", "itself", (char *)NULL,
               (char *[]){KEY "leftover-g/1", "ASAN_OPTIONS=detect_leaks=0", NULL});
        _exit(127);
    }
    expect_good_child(pid);
}

static void test_other_users(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    pid_t pid = start(sleeper, KEY "leftover-h/1");
    pid_t asker = fork();
    if (asker == 0) {
        const char *key = "leftover-h/1";
        REQUIRE(setresuid(FOREIGN_USER, FOREIGN_USER, FOREIGN_USER) == 0);
        REQUIRE(leftover_end(&key, 1, NULL) == 0);
        _exit(0);
    }
    expect_good_child(asker);
    expect_alive(pid);
}

/* One that may be seen and not be killed stands for one that the system holds. */
static void test_undying(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    pid_t pid = start("exec setpriv --reuid 65534 --clear-groups sh -c 'echo ready; sleep 100 & wait'",
                      KEY "leftover-i/1");
    pid_t asker = fork();
    if (asker == 0) {
        struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct caps[2];
        REQUIRE(syscall(SYS_capget, &head, caps) == 0);
        caps[0].effective &= ~(1u << CAP_KILL);
        REQUIRE(syscall(SYS_capset, &head, caps) == 0);
        static const char *const keys[] = {"leftover-i/0", "leftover-i/1"};
        baton_error *err = NULL;
        int64_t begin = clock_monotonic_ns();
        REQUIRE(leftover_end(keys, 2, &err) == -1);
        int64_t took_ms = (clock_monotonic_ns() - begin) / 1000000;
        REQUIRE(took_ms >= LEFTOVER_PATIENCE_MS && took_ms < 2 * LEFTOVER_PATIENCE_MS);
        REQUIRE(baton_error_get_code(err) == BATON_ERROR_SYSTEM);
        REQUIRE(strstr(baton_error_message(err), "left running by step leftover-i/1 and does not end"));
        baton_error_free(err);
        REQUIRE(leftover_end(keys, 1, NULL) == 0);
        _exit(0);
    }
    expect_good_child(asker);
    const char *key = "leftover-i/1";
    assert_int_equal(leftover_end(&key, 1, NULL), 0);
    expect_killed(pid);
}

/* Without descriptors nobody can tell whether there are any: that is never taken for "none". */
static void test_no_descriptors(void **state) {
    (void)state;
    pid_t asker = fork();
    if (asker == 0) {
        const char *key = "leftover-j/1";
        baton_error *err = NULL;
        int first_free = dup(0);
        close(first_free);
        REQUIRE(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)first_free, (rlim_t)first_free + 1}) ==
                0);
        REQUIRE(leftover_end(&key, 1, &err) == -1);
        REQUIRE(strcmp(baton_error_message(err), "cannot read /proc: Too many open files") == 0);
        error_clear(&err);
        REQUIRE(setrlimit(RLIMIT_NOFILE,
                          &(struct rlimit){(rlim_t)first_free + 1, (rlim_t)first_free + 1}) == 0);
        REQUIRE(leftover_end(&key, 1, &err) == -1);
        REQUIRE(baton_error_get_code(err) == BATON_ERROR_SYSTEM);
        REQUIRE(strcmp(baton_error_message(err),
                       "cannot look for processes that were left running: Too many open files") == 0);
        baton_error_free(err);
        _exit(0);
    }
    expect_good_child(asker);
}

int main(int argc, char **argv) {
    program = argv[0];
    if (argc > 1) {
        const char *key = "leftover-g/1";
        return leftover_end(&key, 1, NULL) == 0 ? 0 : 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_stubborn),
        cmocka_unit_test(test_escaped),
        cmocka_unit_test(test_ends_by_itself),
        cmocka_unit_test(test_zombie),
        cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_large_environment),
        cmocka_unit_test(test_cleared_environment),
        cmocka_unit_test(test_spares_itself),
        cmocka_unit_test(test_other_users),
        cmocka_unit_test(test_undying),
        cmocka_unit_test(test_no_descriptors),
    };
    return cmocka_run_group_tests_name("leftover", tests, NULL, NULL);
}
