/* What /proc tells of processes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/owner.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads the begin of a small file as text; false when there is none. */
static bool read_text(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t got = read(fd, text, size - 1);
    close(fd);
    if (got < 0) return false;
    text[got] = '\0';
    return true;
}

/* When a process started. 0: /proc does not tell, and *ended says whether it told that only what its parent
 * has not fetched yet is left. */
static int64_t start_of(int64_t pid, bool *ended) {
    char path[64], text[1024];
    *ended = false;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (!read_text(path, text, sizeof text)) return 0;
    /* The name stands in brackets and may hold anything, brackets too. */
    const char *at = strrchr(text, ')');
    char state = 0;
    unsigned long long started_at = 0;
    if (!at ||
        sscanf(at + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &started_at) != 2)
        return 0;
    *ended = state == 'Z' || state == 'X';
    return *ended ? 0 : (int64_t)started_at;
}

int owner_self(owner_identity *self, baton_error **err) {
    owner_identity me = {.pid = getpid()};
    bool ended;
    me.started_at = start_of(me.pid, &ended);
    ssize_t size = readlink("/proc/self/ns/pid", me.pid_namespace, sizeof me.pid_namespace - 1);
    bool booted = read_text("/proc/sys/kernel/random/boot_id", me.boot_id, sizeof me.boot_id);
    if (!me.started_at || size <= 0 || !booted)
        return baton_error_set(err, BATON_ERROR_SYSTEM,
                               "this process cannot be told from others: /proc cannot be read");
    me.boot_id[strcspn(me.boot_id, "\n")] = '\0';
    *self = me;
    return 0;
}

owner_state owner_judge(const owner_identity *self, const owner_identity *other) {
    if (strcmp(self->boot_id, other->boot_id) != 0) return OWNER_DEAD;
    if (strcmp(self->pid_namespace, other->pid_namespace) != 0) return OWNER_HIDDEN;
    bool ended;
    int64_t started_at = start_of(other->pid, &ended);
    if (started_at) return started_at == other->started_at ? OWNER_ALIVE : OWNER_DEAD;
    if (ended) return OWNER_DEAD;
    /* /proc may be told to hide the processes of other users, and reading it fails when this process can
     * open no more files. Then only a number that no process has tells something for certain. */
    return kill((pid_t)other->pid, 0) != 0 && errno == ESRCH ? OWNER_DEAD : OWNER_HIDDEN;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t *here;
static size_t here_count;

static size_t find(int64_t number) {
    size_t i = 0;
    while (i < here_count && here[i] != number) i++;
    return i;
}

int owner_enter(int64_t number, baton_error **err) {
    pthread_mutex_lock(&lock);
    int64_t *grown = realloc(here, (here_count + 1) * sizeof *here);
    if (grown) {
        here = grown;
        here[here_count++] = number;
    }
    pthread_mutex_unlock(&lock);
    return grown ? 0 : error_memory(err);
}

void owner_leave(int64_t number) {
    pthread_mutex_lock(&lock);
    size_t at = find(number);
    if (at < here_count) here[at] = here[--here_count];
    if (!here_count) {
        free(here);
        here = NULL;
    }
    pthread_mutex_unlock(&lock);
}

bool owner_is_here(int64_t number) {
    pthread_mutex_lock(&lock);
    bool found = find(number) < here_count;
    pthread_mutex_unlock(&lock);
    return found;
}
