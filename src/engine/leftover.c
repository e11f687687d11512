/* See leftover.h. A look walks /proc once. That is no snapshot: a process that is being replaced by its
 * child, or is executing a program (its environment is empty for a moment), is not seen. What does so came
 * from a process with the key, which was seen and is gone now; so whoever has seen anything looks once more
 * when nothing is left.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/leftover.h"

#include "base/clock.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PAUSE_MS = 20,
    CHUNK_BYTES = 16 << 10,     /* more than any entry with a key has */
    ENVIRONMENT_BYTES = 8 << 20 /* more than execve takes; what a process put behind is not looked at */
};

static const char variable[] = "BATON_IDEMPOTENCY_KEY=";

struct search {
    const char *const *keys;
    size_t count;
    DIR *folder;     /* /proc */
    pid_t but;       /* members of this group are left alone; 0: none */
    pid_t found;     /* what a look found last; 0: nothing */
    const char *key; /* that it has */
};

static const char *key_of(const struct search *s, const char *entry) {
    if (strncmp(entry, variable, sizeof variable - 1) != 0) return NULL;
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(entry + sizeof variable - 1, s->keys[i]) == 0) return s->keys[i];
    return NULL;
}

/* The first of the keys in an environment; NULL when there is none, or with errno. */
static const char *read_key(const struct search *s, int environment) {
    char bytes[CHUNK_BYTES];
    size_t held = 0, total = 0;
    bool skipping = false; /* the begin of this entry was longer than any key */
    while (total < ENVIRONMENT_BYTES) {
        ssize_t size = read(environment, bytes + held, sizeof bytes - held);
        if (size <= 0) return NULL;
        total += (size_t)size;
        char *entry = bytes, *end = bytes + held + size, *nul;
        while ((nul = memchr(entry, '\0', (size_t)(end - entry)))) {
            const char *key = skipping ? NULL : key_of(s, entry);
            if (key) return key;
            skipping = false;
            entry = nul + 1;
        }
        held = (size_t)(end - entry);
        if (held == sizeof bytes) {
            skipping = true;
            held = 0;
        }
        memmove(bytes, entry, held);
    }
    return NULL;
}

/* The key that a process has; NULL when it has none, or with errno when nobody can tell. */
static const char *find_key(const struct search *s, const char *pid) {
    char path[sizeof(struct dirent)];
    snprintf(path, sizeof path, "%s/environ", pid);
    int environment = openat(dirfd(s->folder), path, O_RDONLY | O_CLOEXEC);
    if (environment < 0) return NULL;
    errno = 0;
    const char *key = read_key(s, environment);
    int code = errno;
    close(environment);
    errno = code;
    return key;
}

/* Of a process that is gone, or is none of ours. */
static bool is_harmless(int code) {
    return !code || code == ENOENT || code == ESRCH || code == EACCES || code == EPERM || code == EIO;
}

/* Its number may be another's by now: so it is held first and looked at again. 0, or -1 with errno. */
static int signal_process(const struct search *s, const char *pid, int number) {
    int pidfd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
    if (pidfd < 0) return errno == ESRCH ? 0 : -1;
    if (find_key(s, pid)) syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
    close(pidfd);
    return 0;
}

/* Sets s->found, and sends a signal to all that are found, unless it is 0. 0, or -1 with errno. */
static int look(struct search *s, int number) {
    s->found = 0;
    rewinddir(s->folder);
    for (struct dirent *entry; errno = 0, entry = readdir(s->folder);) {
        const char *pid = entry->d_name;
        if (*pid < '1' || *pid > '9' || atoi(pid) == getpid()) continue;
        errno = 0;
        const char *key = find_key(s, pid);
        if (!key && !is_harmless(errno)) return -1;
        if (!key || (s->but && getpgid(atoi(pid)) == s->but)) continue;
        s->found = atoi(pid);
        s->key = key;
        if (number && signal_process(s, pid, number) != 0) return -1;
    }
    return errno ? -1 : 0;
}

static int end_all(struct search *s, baton_error **err) {
    const int64_t begin_ns = clock_monotonic_ns();
    bool seen = false; /* anything, before the last look */
    for (;;) {
        int64_t passed_ms = (clock_monotonic_ns() - begin_ns) / 1000000;
        if (look(s, passed_ms >= LIMIT_GUARDIAN_KILL_MS ? SIGKILL : 0) != 0)
            return baton_error_set(err, BATON_ERROR_SYSTEM,
                                   "cannot look for processes that were left running: %s", strerror(errno));
        if (!s->found && !seen) return 0;
        seen = s->found;
        if (s->found && passed_ms >= LEFTOVER_PATIENCE_MS)
            return baton_error_set(
                err, BATON_ERROR_SYSTEM,
                "process %d was left running by step %s and does not end; the step cannot "
                "run again before",
                (int)s->found, s->key);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000}, NULL);
    }
}

int leftover_end(const char *const *keys, size_t count, baton_error **err) {
    if (count == 0) return 0;
    struct search s = {.keys = keys, .count = count, .folder = opendir("/proc")};
    if (!s.folder)
        return baton_error_set(err, BATON_ERROR_SYSTEM, "cannot read /proc: %s", strerror(errno));
    int result = end_all(&s, err);
    closedir(s.folder);
    return result;
}

void leftover_signal(const char *key, pid_t but, int number) {
    struct search s = {.keys = &key, .count = 1, .but = but, .folder = opendir("/proc")};
    if (!s.folder) return;
    look(&s, number);
    closedir(s.folder);
}
