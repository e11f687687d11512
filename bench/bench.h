/* Measuring: the median of several rounds, in nanoseconds an operation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BENCH_BENCH_H
#define BATON_BENCH_BENCH_H

#include "base/clock.h"

#include <baton/baton.h>

#include <stdio.h>
#include <stdlib.h>

enum { BENCH_ROUNDS = 7 };

static inline int bench_compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Runs `round` (which does `operations` of them) a few times; the median time of one operation. */
static inline double bench_ns(void (*round)(void *data, long operations), void *data, long operations) {
    double times[BENCH_ROUNDS];
    round(data, operations / 10 + 1);
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        int64_t begin = clock_monotonic_ns();
        round(data, operations);
        times[i] = (double)(clock_monotonic_ns() - begin) / (double)operations;
    }
    qsort(times, BENCH_ROUNDS, sizeof *times, bench_compare);
    return times[BENCH_ROUNDS / 2];
}

typedef struct bench_job {
    baton_engine *engine;
    baton_workflow *workflow;
    baton_execution_options options;
} bench_job;

/* A round: executes the job's workflow so often. */
static inline void bench_execute(void *data, long executions) {
    bench_job *j = data;
    for (long i = 0; i < executions; i++) {
        baton_result *result;
        if (baton_engine_execute(j->engine, j->workflow, NULL, &j->options, &result, NULL) != 0 ||
            !baton_result_success(result))
            abort();
        baton_result_free(result);
    }
}

static inline void bench_print(const char *what, double value, const char *unit) {
    printf("%-58s %12.*f %s\n", what, value < 10 ? 2 : 1, value, unit);
    fflush(stdout);
}

#endif
