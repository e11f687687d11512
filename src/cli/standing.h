/* Where an execution stands, as its row in a store tells: the steps that its cursor is at. See
 * machine/snapshot.c for the text that this reads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_STANDING_H
#define BATON_CLI_STANDING_H

#include "machine/execution.h"
#include "store/store.h"

/* A frame that has none inside. */
typedef struct stand {
    char *reference;
    frame_phase phase;
    uint32_t attempt, retries;
    int64_t started_ns;
    int64_t wake_ns;   /* of a timer or retry; 0: none */
    baton_value error; /* what is retried; invalid when none, or when it is large */
} stand;

enum { STANDS_MOST = 64 }; /* of a wide fork not all are told */

typedef struct standing {
    stand stands[STANDS_MOST];
    size_t count;    /* of them */
    size_t total;    /* of all there are */
    bool given_back; /* by a worker that stopped: it is ready to go on */
} standing;

/* What cannot be read is left out: this is for people to look at. */
void standing_read(standing *s, store_bytes cursor);
void standing_done(standing *s);
/* When the execution wakes, a step goes on; else a timeout ends something. */
bool standing_wakes(const standing *s, int64_t wake_ns);

#endif
