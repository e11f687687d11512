/* The guardian: one small process that outlives Baton by a moment, to end the process groups which Baton
 * would otherwise leave behind. It and Baton share a table of groups, and a pipe whose write end only
 * Baton has; at the pipe's end the guardian sends TERM to all groups in the table, shortly after KILL, and
 * exits.
 *
 * No group is ever unknown to it: a new process enters itself into the table, by a plain store, before it
 * runs its program, and until then it holds a copy of the pipe's write end (which closes on exec). So the
 * pipe cannot end while a group is missing. Table instead of messages: a start costs no system call for
 * the guardian, which sleeps until the end.
 *
 * On the loop's thread. If the guardian dies, it is started again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_GUARDIAN_H
#define BATON_ENGINE_GUARDIAN_H

#include <baton/baton.h>
#include <stdatomic.h>
#include <uv.h>

struct guardian;

/* Given; NULL without memory. The process itself is started by the first guardian_slot. */
struct guardian *guardian_new(uv_loop_t *loop, baton_error **err);
/* Ends the process. The memory follows when the loop has closed the guardian's handle. */
void guardian_free(struct guardian *guardian);
/* A free place of the table (it holds 0), for a new process to store its group in; 0 stored again frees
 * it. Starts the guardian when it is not running. NULL, with errno, when it cannot be started or all of
 * LIMIT_PROCESSES places are taken (EAGAIN). */
atomic_int *guardian_slot(struct guardian *guardian);
/* The guardian's process id, 0 while it is not running. */
pid_t guardian_pid(const struct guardian *guardian);

#endif
