/* See guardian.h. What runs in the guardian itself, guard() and below, may be forked from a program with
 * many threads: it calls only what is async-signal-safe and allocates nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/guardian.h"

#include "base/error.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TABLE_BYTES = LIMIT_PROCESSES * sizeof(atomic_int), PAUSE_MS = 20 };

/* Of one guardian process; lives on until the loop has closed its handle. */
struct watch {
    uv_poll_t poll;
    struct guardian *guardian;
    int pidfd;
};

struct guardian {
    uv_loop_t *loop;
    atomic_int *groups; /* shared with the process */
    size_t next;        /* where the search for a free place begins */
    pid_t pid;          /* 0: not running; then there is no pipe and no watch */
    int pipe;           /* the write end */
    struct watch *watch;
};

/* ---- In the guardian ---- */

/* Sends the signal to all groups; true when any of them exists. */
static bool signal_groups(atomic_int *groups, int number) {
    bool any = false;
    for (size_t i = 0; i < LIMIT_PROCESSES; i++) {
        int group = atomic_load_explicit(&groups[i], memory_order_acquire);
        if (group > 1 && kill(-group, number) == 0) any = true;
    }
    return any;
}

/* All signals are blocked here: the guardian ends when Baton does, and not before. */
__attribute__((noreturn)) static void guard(atomic_int *groups, int read_end, int write_end) {
    close(write_end); /* also where close_range is missing, or the pipe would never end */
    setsid();
    prctl(PR_SET_NAME, "baton-guardian");
    dup2(read_end, 0);
    syscall(SYS_close_range, 1u, ~0u, 0u);
    if (chdir("/") != 0) { /* then it keeps a directory busy, no more */
    }
    char byte;
    while (read(0, &byte, 1) == -1 && errno == EINTR) {}
    bool any = signal_groups(groups, SIGTERM);
    for (int ms = 0; any && ms < LIMIT_GUARDIAN_KILL_MS; ms += PAUSE_MS) {
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000}, NULL);
        any = signal_groups(groups, 0);
    }
    if (any) signal_groups(groups, SIGKILL);
    _exit(0);
}

/* ---- In Baton ---- */

/* Frees what belongs to a process that ended or was killed. */
static void forget(struct guardian *g) {
    close(g->pipe);
    waitpid(g->pid, NULL, 0);
    g->pid = 0;
}

static void on_closed(uv_handle_t *handle) { free(handle->data); }

static void watch_free(struct watch *watch) {
    uv_close((uv_handle_t *)&watch->poll, on_closed);
    close(watch->pidfd);
}

static int start(struct guardian *g);

static void on_death(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    struct watch *watch = poll->data;
    struct guardian *g = watch->guardian;
    watch_free(watch);
    g->watch = NULL;
    forget(g);
    for (size_t i = 0; i < LIMIT_PROCESSES; i++) {
        if (!atomic_load_explicit(&g->groups[i], memory_order_relaxed)) continue;
        start(g); /* if that fails, the next guardian_slot tries again */
        return;
    }
}

static struct watch *watch_new(struct guardian *g) {
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) return NULL;
    *watch = (struct watch){.guardian = g, .pidfd = (int)syscall(SYS_pidfd_open, g->pid, 0)};
    watch->poll.data = watch;
    int code = watch->pidfd < 0 ? -errno : uv_poll_init(g->loop, &watch->poll, watch->pidfd);
    if (code == 0) {
        uv_unref((uv_handle_t *)&watch->poll);
        code = uv_poll_start(&watch->poll, UV_READABLE, on_death);
        if (code == 0) return watch;
        watch_free(watch);
    } else {
        if (watch->pidfd >= 0) close(watch->pidfd);
        free(watch);
    }
    errno = -code;
    return NULL;
}

static int start(struct guardian *g) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = _Fork();
    if (pid == 0) guard(g->groups, ends[0], ends[1]);
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        errno = code;
        return -1;
    }
    g->pid = pid;
    g->pipe = ends[1];
    g->watch = watch_new(g);
    if (g->watch) return 0;
    code = errno;
    kill(pid, SIGKILL);
    forget(g);
    errno = code;
    return -1;
}

struct guardian *guardian_new(uv_loop_t *loop, baton_error **err) {
    struct guardian *g = calloc(1, sizeof *g);
    void *table = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!g || table == MAP_FAILED) {
        if (table != MAP_FAILED) munmap(table, TABLE_BYTES);
        free(g);
        error_memory(err);
        return NULL;
    }
    g->loop = loop;
    g->groups = table;
    return g;
}

void guardian_free(struct guardian *g) {
    if (!g) return;
    if (g->pid) {
        watch_free(g->watch);
        kill(g->pid, SIGKILL);
        forget(g);
    }
    munmap(g->groups, TABLE_BYTES);
    free(g);
}

atomic_int *guardian_slot(struct guardian *g) {
    if (!g->pid && start(g) != 0) return NULL;
    for (size_t tried = 0; tried < LIMIT_PROCESSES; tried++) {
        atomic_int *slot = &g->groups[g->next];
        g->next = (g->next + 1) % LIMIT_PROCESSES;
        if (!atomic_load_explicit(slot, memory_order_relaxed)) return slot;
    }
    errno = EAGAIN;
    return NULL;
}

pid_t guardian_pid(const struct guardian *g) { return g->pid; }
