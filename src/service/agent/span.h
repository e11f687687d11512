/* A span of time as people write it: "10m", "2m30s", "1.5 hours", "1 hour and 5 minutes".
 *
 * ISO 8601 is definition/duration.c. Pure; any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_SPAN_H
#define BATON_SERVICE_SPAN_H

#include <stdbool.h>

/* Reads numbers with units, the larger units first, from the begin of *text and moves it behind them. False
 * when none stands there: then nothing is touched. A number that no double holds is infinite. */
bool span_read(const char **text, double *ms);
/* Digits, and a fraction with digits; likewise. */
bool span_read_number(const char **text, double *number);

#endif
