/* The two clocks. Only the engine and the program read them; the machine is given the time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_CLOCK_H
#define BATON_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Nanoseconds since an arbitrary moment; never goes backwards. */
static inline int64_t clock_monotonic_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Nanoseconds since 1970-01-01 UTC. */
static inline int64_t clock_wall_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Milliseconds since 1970-01-01 UTC. */
static inline int64_t clock_wall_ms(void) { return clock_wall_ns() / 1000000; }

/* Writes an RFC 3339 time, "2026-01-31T12:00:00.123Z", into text (of at least CLOCK_TEXT bytes). */
enum { CLOCK_TEXT = 32 };
const char *clock_format(int64_t wall_ms, char text[CLOCK_TEXT]);

#endif
