/* See command.h. One loop watches the two pipes and a pidfd: the pidfd, and not the pipes' ends, tells that
 * the program is done, because a daemon that it started may keep the pipes for ever.
 *
 * The program leads a session of its own. So nothing it starts can ask on the terminal (git's helpers open
 * /dev/tty), and its group can be ended as one; the group's number stays its own until it is reaped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/git/command.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    READ_BYTES = 16 << 10,
    LAST_READS = 64, /* a pipe's largest size, 1 MiB: what it held when the program ended */
    OUTPUT = 0,
    MESSAGES = 1,
    EXIT = 2
};

typedef struct run {
    const command_request *request;
    command_result *result;
    size_t most;
    int64_t deadline_ms;
    pid_t pid;
    struct pollfd watched[3]; /* the pipe of each stream, -1 behind its end, and the pidfd */
} run;

static const char *name_of(const command_request *r) { return r->name ? r->name : r->arguments[0]; }

static int refuse(const run *r, const char *what, int code, baton_error **err) {
    if (code == ENOMEM) return error_memory(err);
    return baton_error_set(err, BATON_ERROR_SYSTEM, "cannot run %s: %s: %s", name_of(r->request), what,
                           strerror(code));
}

/* ---- The start ---- */

/* Above 2, so that the child's dup2() of one end does not close the other. */
static int lift(int descriptor) {
    if (descriptor > 2 || descriptor < 0) return descriptor;
    int lifted = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    close(descriptor);
    return lifted;
}

/* ends[i] becomes the end for the child. 0 or an errno. */
static int open_pipes(run *r, int ends[2]) {
    for (int i = OUTPUT; i <= MESSAGES; i++) {
        int both[2];
        if (pipe2(both, O_CLOEXEC) != 0) return errno;
        r->watched[i].fd = both[0];
        fcntl(both[0], F_SETFL, O_NONBLOCK);
        ends[i] = lift(both[1]);
        if (ends[i] < 0) return errno;
    }
    return 0;
}

static int prepare_files(posix_spawn_file_actions_t *files, const char *directory, const int ends[2]) {
    int code = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    if (!code) code = posix_spawn_file_actions_adddup2(files, ends[OUTPUT], 1);
    if (!code) code = posix_spawn_file_actions_adddup2(files, ends[MESSAGES], 2);
    if (!code) code = posix_spawn_file_actions_addclosefrom_np(files, 3);
    if (!code && directory) code = posix_spawn_file_actions_addchdir_np(files, directory);
    return code;
}

static int prepare_attributes(posix_spawnattr_t *attributes) {
    sigset_t signals;
    sigemptyset(&signals);
    int code = posix_spawnattr_setsigmask(attributes, &signals);
    sigfillset(&signals);
    if (!code) code = posix_spawnattr_setsigdefault(attributes, &signals);
    const int flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    return code ? code : posix_spawnattr_setflags(attributes, (short)flags);
}

/* 0 or an errno. */
static int spawn(run *r, const int ends[2]) {
    const command_request *request = r->request;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&files);
    if (code) return code;
    code = posix_spawnattr_init(&attributes);
    if (!code) {
        code = prepare_files(&files, request->directory, ends);
        if (!code) code = prepare_attributes(&attributes);
        char *const *environment = request->environment ? (char *const *)request->environment : environ;
        if (!code)
            code = posix_spawnp(&r->pid, request->arguments[0], &files, &attributes,
                                (char *const *)request->arguments, environment);
        if (code) r->pid = 0;
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return code;
}

/* The system does not tell whether the directory or the program was at fault. And it says EACCES of a
 * program that is nowhere when PATH names a folder that this user may not enter. */
static int tell_not_started(const run *r, int code, baton_error **err) {
    const char *program = r->request->arguments[0], *directory = r->request->directory;
    struct stat status;
    if (directory && (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode)))
        return baton_error_set(err, BATON_ERROR_NOT_FOUND, "cannot run %s: there is no folder '%s'",
                               name_of(r->request), directory);
    if (directory && access(directory, X_OK) != 0) return refuse(r, directory, errno, err);
    if (code == ENOENT || (code == EACCES && !strchr(program, '/')))
        return baton_error_set(err, BATON_ERROR_NOT_FOUND,
                               "cannot run %s: there is no program '%s' in PATH; install it",
                               name_of(r->request), program);
    return refuse(r, program, code, err);
}

/* ---- The end ---- */

static bool exits_within(run *r, int64_t ms) {
    int64_t end_ms = clock_monotonic_ns() / 1000000 + ms;
    for (;;) {
        int64_t left_ms = end_ms - clock_monotonic_ns() / 1000000;
        int count = poll(&r->watched[EXIT], 1, left_ms > 0 ? (int)left_ms : 0);
        if (count > 0) return true;
        if (left_ms <= 0 || (count < 0 && errno != EINTR)) return false;
    }
}

/* Ends the whole group, also what ignores TERM after the program itself is gone. */
static void end_group(run *r) {
    kill(-r->pid, SIGTERM);
    if (r->watched[EXIT].fd >= 0) exits_within(r, COMMAND_KILL_MS);
    kill(-r->pid, SIGKILL);
    /* What the system holds even now will die when it is let go; it is not waited for. */
    if (r->watched[EXIT].fd >= 0 && !exits_within(r, COMMAND_KILL_MS)) return;
    while (waitpid(r->pid, NULL, 0) == -1 && errno == EINTR) {}
}

static int reap(run *r, baton_error **err) {
    int status;
    pid_t pid;
    do pid = waitpid(r->pid, &status, 0);
    while (pid == -1 && errno == EINTR);
    if (pid == -1) return refuse(r, "its exit code is lost", errno, err); /* SIGCHLD is ignored */
    r->result->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}

/* ---- Between ---- */

/* Keeps the last COMMAND_MESSAGES_BYTES, moving them only once for every so many. */
static void trim_messages(buffer *b, size_t limit) {
    if (b->size <= limit) return;
    memmove(b->data, b->data + b->size - COMMAND_MESSAGES_BYTES, COMMAND_MESSAGES_BYTES);
    b->size = COMMAND_MESSAGES_BYTES;
    b->data[b->size] = '\0';
}

/* Reads at most `reads` times what is there. -1: the program wrote too much, or there is no memory. */
static int read_stream(run *r, int stream, int reads, baton_error **err) {
    char bytes[READ_BYTES];
    struct pollfd *watched = &r->watched[stream];
    buffer *b = stream == OUTPUT ? &r->result->output : &r->result->messages;
    for (; reads > 0 && watched->fd >= 0; reads--) {
        ssize_t size = read(watched->fd, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) return 0;
        if (size <= 0) {
            close(watched->fd);
            watched->fd = -1;
            return 0;
        }
        buffer_append(b, bytes, (size_t)size);
        if (buffer_failed(b)) return error_memory(err);
        if (stream == MESSAGES)
            trim_messages(b, 2 * COMMAND_MESSAGES_BYTES);
        else if (b->size > r->most)
            return baton_error_set(err, BATON_ERROR_LIMIT, "%s wrote more than %zu bytes and was ended",
                                   name_of(r->request), r->most);
    }
    return 0;
}

static int tell_timeout(const run *r, baton_error **err) {
    const char *text = buffer_text(&r->result->messages);
    size_t end = r->result->messages.size;
    while (end && strchr(" \r\n\t", text[end - 1])) end--;
    size_t begin = end;
    while (begin && text[begin - 1] != '\n') begin--;
    return baton_error_set(err, BATON_ERROR_TIMEOUT, "%s took longer than %g seconds and was ended%s%.*s",
                           name_of(r->request), (double)r->deadline_ms / 1000,
                           end > begin ? "; the last it said: " : "", (int)(end - begin), text + begin);
}

/* Until the program exits. What it did in time counts, also when this thread comes late to see it. */
static int watch(run *r, baton_error **err) {
    int64_t end_ms = clock_monotonic_ns() / 1000000 + r->deadline_ms;
    for (;;) {
        int64_t left_ms = end_ms - clock_monotonic_ns() / 1000000;
        int wait_ms = left_ms < 0 ? 0 : left_ms < COMMAND_DEADLINE_MS ? (int)left_ms : COMMAND_DEADLINE_MS;
        if (poll(r->watched, 3, wait_ms) < 0) {
            if (errno != EINTR) return refuse(r, "poll", errno, err);
            continue;
        }
        bool exited = r->watched[EXIT].revents;
        for (int i = OUTPUT; i <= MESSAGES; i++)
            if ((exited || r->watched[i].revents) && read_stream(r, i, exited ? LAST_READS : 1, err) != 0)
                return -1;
        if (exited) return 0;
        if (left_ms <= 0) return tell_timeout(r, err);
    }
}

static int start_and_watch(run *r, baton_error **err) {
    int ends[2] = {-1, -1};
    int code = open_pipes(r, ends);
    int result = code ? refuse(r, "pipes", code, err) : 0;
    if (result == 0 && (code = spawn(r, ends)) != 0) result = tell_not_started(r, code, err);
    for (int i = OUTPUT; i <= MESSAGES; i++)
        if (ends[i] >= 0) close(ends[i]);
    if (result != 0) return -1;
    r->watched[EXIT].fd = (int)syscall(SYS_pidfd_open, r->pid, 0);
    result = r->watched[EXIT].fd < 0 ? refuse(r, "pidfd", errno, err) : watch(r, err);
    if (result == 0) return reap(r, err);
    end_group(r);
    return -1;
}

int command_execute(const command_request *request, command_result *result, baton_error **err) {
    *result = (command_result){0};
    run r = {.request = request,
             .result = result,
             .most = request->output_bytes ? request->output_bytes : COMMAND_OUTPUT_BYTES,
             .deadline_ms = request->deadline_ms ? request->deadline_ms : COMMAND_DEADLINE_MS};
    for (int i = 0; i < 3; i++) r.watched[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    int failed = start_and_watch(&r, err);
    for (int i = 0; i < 3; i++)
        if (r.watched[i].fd >= 0) close(r.watched[i].fd);
    trim_messages(&result->messages, COMMAND_MESSAGES_BYTES);
    return failed;
}

void command_release(command_result *result) {
    buffer_done(&result->output);
    buffer_done(&result->messages);
    result->code = 0;
}
