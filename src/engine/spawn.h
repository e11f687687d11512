/* The start of a process: its arguments, environment and program from a request, and the vfork.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_SPAWN_H
#define BATON_ENGINE_SPAWN_H

#include "base/arena.h"
#include "engine/effect.h"

#include <stdatomic.h>
#include <sys/types.h>

/* What the child does. Zeroed before spawn_prepare but for the directory; the memory is the arena's. */
typedef struct spawn_plan {
    const char *directory; /* borrowed: it is entered first, so relative paths start there; NULL: stay */
    arena memory;
    char **arguments;
    char **environment; /* the program's own, the request's, and the key */
    const char *path;   /* "" when PATH has no such program: to start it is ENOENT */
} spawn_plan;

/* Fills the plan. -1: *fault says why not, or is invalid when there was no memory. Call spawn_done in
 * either case. */
int spawn_prepare(spawn_plan *plan, baton_value spec, const char *key, baton_value *fault);
void spawn_done(spawn_plan *plan);
typedef struct spawn_result {
    pid_t pid;
    int error;   /* not 0: an errno, nothing runs, and the slot holds 0 */
    bool astray; /* the error is of entering the directory */
} spawn_result;

/* Starts the program in a process group of its own, with default signals, `descriptors` (each above 2)
 * for stdin, stdout and stderr, and no others. The process stores its group in *slot (which may be NULL)
 * before the program runs. */
spawn_result spawn_start(const spawn_plan *plan, const int descriptors[3], atomic_int *slot);

#endif
