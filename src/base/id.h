/* Entropy and execution ids.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_ID_H
#define BATON_BASE_ID_H

#include <stdint.h>

/* A source of the system's entropy that asks the system for many words at a time. One a thread. */
typedef struct entropy {
    uint64_t words[256];
    unsigned left;
} entropy;

uint64_t entropy_next(entropy *e);

/* Writes "exec_<ms>_<9 base-36 digits>" (the seed's generateExecutionId) and returns its length. */
enum { ID_TEXT = 40 };
unsigned id_format(char text[ID_TEXT], int64_t wall_ms, uint64_t random);
/* The same with the beginning of `last`, an id made in the same millisecond. */
unsigned id_format_like(char text[ID_TEXT], const char *last, unsigned last_length, uint64_t random);

#endif
