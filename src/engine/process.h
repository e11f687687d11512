/* Processes as effects. Each starts by vfork in a group of its own, is watched by a pidfd on the loop, and
 * is known to the guardian (guardian.h) before it runs its program. A process ends when it exits, not when
 * its pipes close: what it left in them is read, then they are closed; grandchildren may live on.
 *
 * All of this runs on the loop's thread. Handles on the loop are closed asynchronously: after
 * process_runner_free the loop must turn until they are (uv_run), before uv_loop_close.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_PROCESS_H
#define BATON_ENGINE_PROCESS_H

#include "engine/effect.h"

#include <uv.h>

struct process_runner;
struct process;

/* What a process writes, as it comes, up to LIMIT_PROCESS_OUTPUT of each; stream 1 is stdout, 2 stderr. The
 * bytes are borrowed. It must not cancel a process. */
typedef void (*process_output)(void *data, int stream, const char *bytes, size_t size);

typedef struct process_request {
    /* Borrowed: {"argv": [texts], "stdin"?: text, "environment"?: {name: text}, "await"?: bool (true),
     * "return"?: "stdout" (the default) | "stderr" | "code" | "all" | "none"}. Texts may be numbers or
     * booleans, but for stdin. argv[0] without a slash is looked for in PATH: the environment's, if that
     * sets one. */
    baton_value spec;
    const char *key; /* borrowed; BATON_IDEMPOTENCY_KEY in the environment; NULL: none */
    /* Borrowed: where it runs, and where relative paths of argv[0] and PATH start; NULL: this process's
     * own. */
    const char *directory;

    /* Limits, for a process that is waited for; 0: none. One past a limit is ended: TERM, and KILL when its
     * group is gone or the delay is over. Then nothing of its group or with its key is left, and its
     * outcome, with "return" "all", says why: {"code", "stdout", "stderr", "ended": "timeout" | "idle" |
     * "output"}. The code is what it exited with. Any other "return" is a fault then. */
    int64_t timeout_ms; /* of its whole life */
    int64_t idle_ms;    /* without a byte on stdout or stderr */
    /* Only so many of the last bytes of stdout, and of stderr, are kept, cut where a character begins; and
     * LIMIT_PROCESS_OUTPUT is a limit like the others. 0: all are kept. */
    size_t output_tail;
} process_request;

/* Given; NULL after an error. The loop is borrowed and must outlive the runner. */
struct process_runner *process_runner_new(uv_loop_t *loop, baton_error **err);
/* Ends what runs, detached processes excepted: TERM, and KILL for what is left a second later at the
 * latest. done is not called for any of it. Ends the guardian. */
void process_runner_free(struct process_runner *runner);
/* From TERM to KILL, in place of LIMIT_PROCESS_KILL_MS. */
void process_runner_set_kill_ms(struct process_runner *runner, uint64_t kill_ms);

/* Starts a process. The handle is valid until done is called or process_cancel. NULL with an error only
 * without memory; whatever else stands in the way (a program or directory that does not exist) is a fault,
 * given to done. A cancelled process that still has the same key is killed first: a step's next attempt
 * must not meet the one before it, nor the signals for it.
 *
 * Outputs lose their final newlines, as in the shell's $( ), and bytes that are not UTF-8 become U+FFFD.
 * "code" gives the exit code (128 + n after signal n), "all" {code, stdout, stderr}, "none" null; but for
 * "code" and "all" a code other than 0 is a fault. A process that writes more than LIMIT_PROCESS_OUTPUT to
 * one of its streams is killed with its group, which is a fault (but see output_tail). With "await" false
 * the process is started detached: nothing is captured, the guardian does not know it, and done is called
 * as soon as it runs, with neither output nor fault. */
struct process *process_start(struct process_runner *runner, const process_request *request,
                              effect_done done, process_output output, void *data, baton_error **err);
/* TERM to the group, and KILL after the delay. Its done and output are not called any more. */
void process_cancel(struct process *process);

#endif
