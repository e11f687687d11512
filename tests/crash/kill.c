/* Kills the program it is preloaded into, at a chosen call of the C library: so the crash tests reach each
 * point at which something becomes durable, begins or ends, without a hook in Baton.
 *
 *   CRASH_AT=point:moment:n    at the n-th call of that point; moment is before, half (of what is written)
 *                              or after
 *   CRASH_COUNT=FILE           writes how often each point was passed, when the program exits
 *
 * Points: log, database (writes to the store's files), sync, cut, unlink, pipe (made just before a process
 * starts), exec (in the process that is being started), started, end (of a process), send (HTTP), event and
 * ledger (writes to files that are called so). Processes that the program starts are left alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum point {
    NONE,
    LOG,
    DATABASE,
    SYNC,
    CUT,
    UNLINK,
    PIPE,
    EXEC,
    STARTED,
    END,
    SEND,
    EVENT,
    LEDGER,
    POINTS
};
static const char *const names[] = {"",     "log",     "database", "sync", "cut",   "unlink", "pipe",
                                    "exec", "started", "end",      "send", "event", "ledger"};
enum moment { BEFORE, HALF, AFTER };
static const char *const moments[] = {"before", "half", "after"};

static struct {
    enum point point;
    enum moment moment;
    long number;
} plan;
static atomic_long passed[POINTS];
static pid_t self;
static const char *count_path;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fdatasync)(int), (*real_fsync)(int), (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *), (*real_pipe2)(int[2], int);
static pid_t (*real_waitpid)(pid_t, int *, int);
static ssize_t (*real_send)(int, const void *, size_t, int);
static long (*real_syscall)(long, ...);

static void find(void *function, const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

__attribute__((constructor)) static void begin(void) {
    find(&real_pwrite, "pwrite64");
    find(&real_write, "write");
    find(&real_fdatasync, "fdatasync");
    find(&real_fsync, "fsync");
    find(&real_ftruncate, "ftruncate64");
    find(&real_unlink, "unlink");
    find(&real_pipe2, "pipe2");
    find(&real_waitpid, "waitpid");
    find(&real_send, "send");
    find(&real_syscall, "syscall");
    self = getpid();
    count_path = getenv("CRASH_COUNT");
    const char *at = getenv("CRASH_AT");
    char point[16], moment[16];
    if (at && sscanf(at, "%15[a-z]:%15[a-z]:%ld", point, moment, &plan.number) == 3) {
        for (enum point i = LOG; i < POINTS; i++)
            if (strcmp(point, names[i]) == 0) plan.point = i;
        for (enum moment i = BEFORE; i <= AFTER; i++)
            if (strcmp(moment, moments[i]) == 0) plan.moment = i;
    }
    unsetenv("LD_PRELOAD");
    unsetenv("CRASH_AT");
}

__attribute__((destructor)) static void end(void) {
    FILE *f = count_path && getpid() == self ? fopen(count_path, "w") : NULL;
    if (!f) return;
    for (enum point i = LOG; i < POINTS; i++)
        if (passed[i]) fprintf(f, "%s %ld\n", names[i], passed[i]);
    fclose(f);
}

/* One more call of a point begins; true when the program is to die at this one. */
static bool is_planned(enum point p) {
    return p != NONE && atomic_fetch_add(&passed[p], 1) + 1 == plan.number && p == plan.point;
}

static void die(bool planned, enum moment moment) {
    if (planned && plan.moment == moment) kill(self, SIGKILL);
}

static bool ends_with(const char *text, size_t size, const char *end) {
    size_t length = strlen(end);
    return size >= length && memcmp(text + size - length, end, length) == 0;
}

static enum point point_of(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path);
    if (size <= 0) return NONE;
    if (ends_with(path, (size_t)size, "/events")) return EVENT;
    if (ends_with(path, (size_t)size, "/ledger")) return LEDGER;
    if (ends_with(path, (size_t)size, "-wal")) return LOG;
    return ends_with(path, (size_t)size, ".db") || ends_with(path, (size_t)size, "-journal") ? DATABASE
                                                                                             : NONE;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t at) {
    bool planned = is_planned(point_of(fd));
    die(planned, BEFORE);
    if (planned && plan.moment == HALF && real_pwrite(fd, bytes, size / 2, at) >= 0) die(true, HALF);
    ssize_t result = real_pwrite(fd, bytes, size, at);
    die(planned, AFTER);
    return result;
}

ssize_t write(int fd, const void *bytes, size_t size) {
    bool planned = is_planned(point_of(fd));
    die(planned, BEFORE);
    if (planned && plan.moment == HALF && real_write(fd, bytes, size / 2) >= 0) die(true, HALF);
    ssize_t result = real_write(fd, bytes, size);
    die(planned, AFTER);
    return result;
}

#define AT(point, type, call)         \
    bool planned = is_planned(point); \
    die(planned, BEFORE);             \
    type result = call;               \
    die(planned, AFTER);              \
    return result

int fdatasync(int fd) { AT(SYNC, int, real_fdatasync(fd)); }
int fsync(int fd) { AT(SYNC, int, real_fsync(fd)); }
int ftruncate64(int fd, off_t size) { AT(CUT, int, real_ftruncate(fd, size)); }
int ftruncate(int fd, off_t size) { AT(CUT, int, real_ftruncate(fd, size)); }
int unlink(const char *path) { AT(UNLINK, int, real_unlink(path)); }
int pipe2(int ends[2], int flags) { AT(PIPE, int, real_pipe2(ends, flags)); }
pid_t waitpid(pid_t pid, int *status, int options) { AT(END, pid_t, real_waitpid(pid, status, options)); }
ssize_t send(int fd, const void *bytes, size_t size, int flags) {
    AT(SEND, ssize_t, real_send(fd, bytes, size, flags));
}

/* Also called in the child of a vfork, which shares this memory. */
long syscall(long number, ...) {
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(args, long);
    va_end(args);
    AT(number == SYS_execve       ? EXEC
       : number == SYS_pidfd_open ? STARTED
                                  : NONE,
       long, real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}
