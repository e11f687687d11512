/* Processes that outlived the Baton which started them. Before a step is run again after a crash, nothing
 * with its key may be left running. The guardian (guardian.h) ends the process groups that Baton knew; here
 * is found what escaped it, by BATON_IDEMPOTENCY_KEY in its environment.
 *
 * What cannot be found: a process that cleared or replaced its environment, or descends from one that did;
 * one of another user or that hides its environment (setuid programs, PR_SET_DUMPABLE); one whose first
 * thread has ended; one in another pid namespace.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_LEFTOVER_H
#define BATON_ENGINE_LEFTOVER_H

#include <baton/baton.h>
#include <sys/types.h>

/* Returns 0 once no process but this one has one of the keys ("<execution id>/<number>"; borrowed) in its
 * environment: at once when there is none. Else it leaves the guardian its time, sends KILL to what is
 * still there then, and waits for its end. -1 (BATON_ERROR_SYSTEM), naming the process, when one does not
 * die within LEFTOVER_PATIENCE_MS, or when /proc cannot be read. */
enum { LEFTOVER_PATIENCE_MS = 5000 };
int leftover_end(const char *const *keys, size_t count, baton_error **err);
/* Sends a signal to every process that has the key, but for the members of the group `but`: what left a
 * step's group and is to end with it. */
void leftover_signal(const char *key, pid_t but, int number);

#endif
