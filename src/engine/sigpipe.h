/* Writing to what may be closed at its other end, in a library: SIGPIPE is blocked for the writing thread
 * alone, and one that came meanwhile is taken away. The program's own dispositions stay as they are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_SIGPIPE_H
#define BATON_ENGINE_SIGPIPE_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

typedef struct sigpipe_hold {
    sigset_t old;
    bool was_pending;
} sigpipe_hold;

static inline void sigpipe_block(sigpipe_hold *hold) {
    sigset_t pipe, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    hold->was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe, &hold->old);
}

/* Keeps errno. */
static inline void sigpipe_restore(const sigpipe_hold *hold) {
    int code = errno;
    sigset_t pipe, pending;
    sigpending(&pending);
    if (!hold->was_pending && sigismember(&pending, SIGPIPE) == 1) {
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        sigtimedwait(&pipe, NULL, &(struct timespec){0});
    }
    pthread_sigmask(SIG_SETMASK, &hold->old, NULL);
    errno = code;
}

#endif
