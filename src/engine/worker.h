/* A worker: takes up what is ready in the store, or due, or left behind by workers that died, runs it, and
 * gives back what waits long.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_WORKER_H
#define BATON_ENGINE_WORKER_H

#include <baton/baton.h>

typedef struct worker_options {
    bool until_idle;      /* returns when nothing is ready and nothing runs; what waits for later is left */
    int64_t retention_ms; /* what ended longer ago is deleted from time to time; 0: nothing is */
} worker_options;

/* On the loop thread. Returns after engine_stop, too: then what was under way has been given back. */
int engine_work(baton_engine *engine, const worker_options *options, baton_error **err);

#endif
