/* Who owns executions: a process, by what tells it from all others on this machine, and whether it lives.
 *
 * A process is known by its id, the namespace that the id counts in, when it started and the boot that all
 * this belongs to. So an id that was used again, or a machine that was started again, deceives nobody, and
 * no clock is needed. Any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_STORE_OWNER_H
#define BATON_STORE_OWNER_H

#include <baton/baton.h>

typedef struct owner_identity {
    int64_t pid;
    char pid_namespace[40]; /* "pid:[4026531836]" */
    char boot_id[40];
    int64_t started_at; /* clock ticks since the boot */
} owner_identity;

typedef enum owner_state {
    OWNER_ALIVE,
    OWNER_DEAD,
    OWNER_HIDDEN, /* nobody can tell: it may live where this process cannot see it */
} owner_state;

/* This process. */
int owner_self(owner_identity *self, baton_error **err);
owner_state owner_judge(const owner_identity *self, const owner_identity *other);

/* The numbers under which this process owns executions at this moment, one a store handle. A handle that
 * could not say good-bye to a failing disk has an owner that is dead though its process lives. */
int owner_enter(int64_t number, baton_error **err);
void owner_leave(int64_t number);
bool owner_is_here(int64_t number);

#endif
