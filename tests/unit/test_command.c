/* Commands: real programs, their ends and limits. Each test also shows that no descriptor and no child
 * stays behind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "service/git/command.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHELL(script) ((const char *const[]){"sh", "-c", script, NULL})

static int descriptors;

/* Those of this process, and 3 for the folder. */
static int count_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

static int setup(void **state) {
    (void)state;
    descriptors = count_descriptors();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    assert_int_equal(count_descriptors(), descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    return 0;
}

/* Ends well, with this code and these outputs. */
static void expect(const command_request *request, int code, const char *output, const char *messages) {
    baton_error *err = NULL;
    command_result result;
    if (command_execute(request, &result, &err) != 0) fail_msg("%s", baton_error_message(err));
    assert_null(err);
    assert_string_equal(buffer_text(&result.output), output);
    assert_string_equal(buffer_text(&result.messages), messages);
    assert_int_equal(result.code, code);
    command_release(&result);
}

/* Is refused, with and without an error to be told. */
static void refuse(const command_request *request, baton_error_code code, const char *part) {
    baton_error *err = NULL;
    command_result result;
    assert_int_equal(command_execute(request, &result, NULL), -1);
    command_release(&result);
    assert_int_equal(command_execute(request, &result, &err), -1);
    command_release(&result);
    if (!strstr(baton_error_message(err), part))
        fail_msg("'%s' lacks '%s'", baton_error_message(err), part);
    assert_int_equal(baton_error_get_code(err), code);
    baton_error_free(err);
}

static void outputs_and_codes(void **state) {
    (void)state;
    expect(&(command_request){.arguments = SHELL("echo out; echo error >&2; exit 3")}, 3, "out\n",
           "error\n");
    expect(&(command_request){.arguments = SHELL(":")}, 0, "", "");
    expect(&(command_request){.arguments = SHELL("kill -9 $$")}, 137, "", "");
    expect(
        &(command_request){.arguments = (const char *const[]){"printf", "%s|", "a b", "", "'\"\n$x", NULL}},
        0, "a b||'\"\n$x|", ""); /* no shell reads the arguments */
}

static void bytes_of_any_kind(void **state) {
    (void)state;
    baton_error *err = NULL;
    command_result result;
    command_request request = {.arguments = SHELL("printf 'a\\0b\\377'")};
    assert_int_equal(command_execute(&request, &result, &err), 0);
    assert_int_equal(result.output.size, 4);
    assert_memory_equal(result.output.data, "a\0b\377", 5);
    command_release(&result);
    command_release(&result); /* does no harm */
}

static void where_it_runs(void **state) {
    (void)state;
    expect(&(command_request){.arguments = SHELL("pwd"), .directory = "/usr"}, 0, "/usr\n", "");
    expect(&(command_request){.arguments = (const char *const[]){"bin/printf", "x", NULL},
                              .directory = "/usr"},
           0, "x", "");
    setenv("COMMAND_TEST", "inherited", 1);
    expect(&(command_request){.arguments = SHELL("echo $COMMAND_TEST")}, 0, "inherited\n", "");
    expect(&(command_request){.arguments = SHELL("echo $COMMAND_TEST"),
                              .environment = (const char *const[]){"COMMAND_TEST=given", NULL}},
           0, "given\n", "");
    unsetenv("COMMAND_TEST");
}

/* stdin is empty, no other descriptor is there, signals are as a program expects them, and there is no
 * terminal to ask on: it leads a session. */
static void a_clean_start(void **state) {
    (void)state;
    int leaked = dup(1);
    sigset_t blocked, old;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &old);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    expect(&(command_request){.arguments = SHELL("cat; ls /proc/self/fd | grep -c '^[0-2]$';"
                                                 "ls /proc/self/fd | wc -l")},
           0, "3\n4\n", ""); /* ls reads its own folder through one more */
    expect(&(command_request){.arguments = SHELL("kill -PIPE $$; echo ignored")}, 128 + SIGPIPE, "", "");
    expect(&(command_request){.arguments = SHELL("kill -USR1 $$; echo blocked")}, 128 + SIGUSR1, "", "");
    expect(&(command_request){.arguments = SHELL("set -- $(cat /proc/$$/stat); [ $1 = $5 ] && [ $1 = $6 ]; "
                                                 "echo $?; (: </dev/tty) 2>/dev/null || echo none")},
           0, "0\nnone\n", "");
    signal(SIGPIPE, handler);
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(leaked);
}

/* The pipes do not land in places where the child's own would close them. */
static void without_standard_descriptors(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        close(0), close(1), close(2);
        command_result result;
        command_request request = {.arguments = SHELL("echo out; echo error >&2; cat")};
        int failed = command_execute(&request, &result, NULL);
        bool same = !failed && strcmp(buffer_text(&result.output), "out\n") == 0 &&
                    strcmp(buffer_text(&result.messages), "error\n") == 0;
        command_release(&result);
        _exit(same ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static void much_output(void **state) {
    (void)state;
    baton_error *err = NULL;
    command_result result;
    command_request request = {
        .arguments =
            SHELL("head -c 3000000 /dev/zero | tr '\\0' m >&2; head -c 3000000 /dev/zero; echo end >&2")};
    assert_int_equal(command_execute(&request, &result, &err), 0);
    assert_int_equal(result.output.size, 3000000);
    /* Of stderr the end is kept. */
    assert_int_equal(result.messages.size, COMMAND_MESSAGES_BYTES);
    assert_string_equal(result.messages.data + result.messages.size - 5, "mend\n");
    command_release(&result);
}

static void too_much_output(void **state) {
    (void)state;
    refuse(&(command_request){.arguments = SHELL("exec yes"), .name = "the list", .output_bytes = 100000},
           BATON_ERROR_LIMIT, "the list wrote more than 100000 bytes");
    expect(&(command_request){.arguments = SHELL("printf 1234"), .output_bytes = 4}, 0, "1234", "");
    refuse(&(command_request){.arguments = SHELL("printf 12345"), .output_bytes = 4}, BATON_ERROR_LIMIT,
           "more than 4 bytes");
}

static void deadlines(void **state) {
    (void)state;
    refuse(&(command_request){.arguments =
                                  SHELL("echo first >&2; echo 'it  hangs ' >&2; echo >&2; exec sleep 60"),
                              .name = "git test",
                              .deadline_ms = 300},
           BATON_ERROR_TIMEOUT,
           "git test took longer than 0.3 seconds and was ended; the last it said: it  hangs");
    refuse(&(command_request){.arguments = SHELL("sleep 60"), .deadline_ms = 100}, BATON_ERROR_TIMEOUT,
           "sh took longer than 0.1 seconds and was ended");
    /* One that never stops talking is no better. */
    refuse(
        &(command_request){.arguments = SHELL("while :; do echo x; echo y >&2; done"), .deadline_ms = 200},
        BATON_ERROR_TIMEOUT, "longer than 0.2 seconds");
}

static bool lives(const char *file) {
    FILE *f = fopen(file, "r");
    int pid = 0;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    char path[64], state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (!f) return false;
    if (fscanf(f, "%*d %*s %c", &state) != 1) state = 'X';
    fclose(f);
    return state != 'Z' && state != 'X';
}

/* TERM first, so that it can put away its files; then KILL, for what does not hear, the whole group. */
static void the_end_of_a_group(void **state) {
    (void)state;
    char folder[] = "/tmp/test-command-XXXXXX", script[300], file[64], command[64];
    assert_non_null(mkdtemp(folder));
    snprintf(script, sizeof script, "trap 'echo >%s/tidy; exit' TERM; sleep 60 & wait", folder);
    refuse(&(command_request){.arguments = SHELL(script), .deadline_ms = 300}, BATON_ERROR_TIMEOUT, "0.3");
    snprintf(file, sizeof file, "%s/tidy", folder);
    assert_int_equal(access(file, F_OK), 0);

    snprintf(script, sizeof script,
             "(trap '' TERM; exec sh -c 'echo $$ >%s/deaf; while :; do sleep 1; done') & "
             "sleep 60",
             folder);
    command_result result;
    command_request request = {.arguments = SHELL(script), .deadline_ms = 500};
    assert_int_equal(command_execute(&request, &result, NULL), -1);
    command_release(&result);
    snprintf(file, sizeof file, "%s/deaf", folder);
    for (int i = 0; i < 50 && lives(file); i++) usleep(20000); /* KILL is delivered in its own time */
    assert_false(lives(file));
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void one_that_ignores_the_end(void **state) {
    (void)state;
    int64_t begin_ns = clock_monotonic_ns();
    command_result result;
    command_request request = {.arguments = SHELL("trap '' TERM; while :; do sleep 0.1; done"),
                               .deadline_ms = 100};
    assert_int_equal(command_execute(&request, &result, NULL), -1);
    command_release(&result);
    assert_in_range((clock_monotonic_ns() - begin_ns) / 1000000, COMMAND_KILL_MS, COMMAND_KILL_MS + 5000);
}

/* A daemon that holds the pipes does not hold the caller. */
static void it_ends_when_it_exits(void **state) {
    (void)state;
    int64_t begin_ns = clock_monotonic_ns();
    expect(&(command_request){.arguments = SHELL("sleep 4 & echo done")}, 0, "done\n", "");
    assert_in_range((clock_monotonic_ns() - begin_ns) / 1000000, 0, 3000);
    /* And one that closes them is waited for. */
    expect(&(command_request){.arguments = SHELL("exec >&- 2>&-; sleep 0.2; exit 5")}, 5, "", "");
}

static void what_is_not_there(void **state) {
    (void)state;
    const char *const nothing[] = {"no-such-program", NULL};
    refuse(&(command_request){.arguments = nothing}, BATON_ERROR_NOT_FOUND,
           "cannot run no-such-program: there is no program 'no-such-program' in PATH; install it");
    refuse(&(command_request){.arguments = SHELL(":"), .directory = "/no/such"}, BATON_ERROR_NOT_FOUND,
           "cannot run sh: there is no folder '/no/such'");
    refuse(&(command_request){.arguments = SHELL(":"), .directory = "/dev/null"}, BATON_ERROR_NOT_FOUND,
           "there is no folder '/dev/null'");
    const char *const folder[] = {"/usr", NULL};
    refuse(&(command_request){.arguments = folder}, BATON_ERROR_SYSTEM, "cannot run /usr: /usr: ");
    char closed[] = "/tmp/test-command-XXXXXX";
    assert_non_null(mkdtemp(closed));
    assert_int_equal(chmod(closed, 0), 0);
    if (access(closed, X_OK) != 0) { /* not for root, who may enter any folder */
        refuse(&(command_request){.arguments = SHELL(":"), .directory = closed}, BATON_ERROR_SYSTEM,
               "cannot run sh: /tmp/test-command-");
    }
    rmdir(closed);
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    setenv("PATH", "", 1);
    refuse(&(command_request){.arguments = SHELL(":"), .directory = "/usr"}, BATON_ERROR_NOT_FOUND, "'sh'");
    setenv("PATH", path, 1);
}

static void too_long_an_argument(void **state) {
    (void)state;
    char *argument = malloc(4 << 20);
    memset(argument, 'a', (4 << 20) - 1);
    argument[(4 << 20) - 1] = '\0';
    const char *const arguments[] = {"true", argument, NULL};
    refuse(&(command_request){.arguments = arguments}, BATON_ERROR_SYSTEM, "cannot run true: true: ");
    free(argument);
}

static void no_descriptors_left(void **state) {
    (void)state;
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, old.rlim_max}), 0);
    int taken[64], count = 0;
    while ((taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) count++;
    for (int left = 0; left < 4; left++) { /* of the four that the pipes need */
        refuse(&(command_request){.arguments = SHELL(":")}, BATON_ERROR_SYSTEM, "cannot run sh: pipes");
        close(taken[--count]);
    }
    expect(&(command_request){.arguments = SHELL("echo x")}, 0, "x\n", "");
    while (count > 0) close(taken[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

static void ignored_children(void **state) {
    (void)state;
    void (*handler)(int) = signal(SIGCHLD, SIG_IGN);
    refuse(&(command_request){.arguments = SHELL("sleep 0.3")}, BATON_ERROR_SYSTEM,
           "its exit code is lost");
    signal(SIGCHLD, handler);
}

static void on_alarm(int number) { (void)number; }

static void interrupted_calls(void **state) {
    (void)state;
    struct sigaction action = {.sa_handler = on_alarm}, old;
    sigaction(SIGALRM, &action, &old);
    ualarm(5000, 5000);
    expect(&(command_request){.arguments = SHELL("sleep 0.3; echo x; exit 2")}, 2, "x\n", "");
    ualarm(0, 0);
    sigaction(SIGALRM, &old, NULL);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(outputs_and_codes),
        TEST(bytes_of_any_kind),
        TEST(where_it_runs),
        TEST(a_clean_start),
        TEST(without_standard_descriptors),
        TEST(much_output),
        TEST(too_much_output),
        TEST(deadlines),
        TEST(the_end_of_a_group),
        TEST(one_that_ignores_the_end),
        TEST(it_ends_when_it_exits),
        TEST(what_is_not_there),
        TEST(too_long_an_argument),
        TEST(no_descriptors_left),
        TEST(ignored_children),
        TEST(interrupted_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
