/* For step types within Baton: a step in C that ends by a process.
 *
 * The process is one as `run:` has it. It starts when the call has returned, with the occurrence's key;
 * what it writes is told and logged; it ends with the step, whatever ends that (a timeout, a cancel,
 * `compete`); and after a crash nothing of it is left when the step is called again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_STEP_PROCESS_H
#define BATON_ENGINE_STEP_PROCESS_H

#include "engine/process.h"

typedef struct step_process {
    /* Its key is the engine's, "return" in its spec is "all", and it is waited for. Without a directory it
     * runs where the execution's processes do. */
    process_request request;
    /* Makes the step's end of what became of the process (borrowed): {"code", "stdout", "stderr",
     * "ended"?}, or {"fault": {type, status, title, detail}} when it could not be started or read. Sets
     * *output (taken; left alone it is null), or fails the step by -1. Called at most once, on the loop
     * thread, and not for a step that has ended otherwise. As in a step's call, what it asks of the engine
     * for its own execution comes after it. */
    int (*finish)(void *data, baton_value outcome, baton_value *output, baton_error **err);
    /* Called once, whatever happens; may be NULL. */
    void (*release)(void *data);
    void *data;
} step_process;

/* The step ends when this process does. Called during the step's function, once, which then returns 0; a
 * step that fails all the same starts nothing. Everything in `p` is borrowed but its data, which is taken
 * in every case, after an error too. */
int step_call_process(baton_step_call *call, const step_process *p, baton_error **err);

/* For effects.c and call.c. A step_process on the heap, with all that it holds; accepts NULL. */
void step_process_free(step_process *p);

#endif
