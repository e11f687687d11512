/* The steps of an execution on one axis of time, for a terminal: made from its journal.
 *
 *   ✓ fetch            1.2 s │████                    │
 *   ✗ pay         ×3   4.0 s │    ░░░░░░░░░░███       │
 *
 * A line is one occurrence of a step; what happened inside it stands below, indented. Of a loop with many
 * rounds the first and the last are shown.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_CHART_H
#define BATON_CLI_CHART_H

#include "store/store.h"

typedef struct chart chart;

typedef struct chart_options {
    int width; /* of the terminal */
    int64_t end_ns;
    bool utf8;
    const char *open_status; /* of steps that have not ended: "running", "interrupted", ... */
} chart_options;

/* One end of an occurrence that is shown, in the order of the journal. */
typedef struct chart_end {
    uint32_t number; /* of its record */
    uint32_t occurrence;
    bool is_end;
} chart_end;

/* NULL without memory. */
chart *chart_new(void);
void chart_free(chart *c);
/* The next record of the journal. `note` is what its data says, for people (may be NULL); `interrupted`
 * marks an attempt that follows on the death of a process. -1 without memory. */
int chart_add(chart *c, const store_record *r, const char *note, bool interrupted);
/* Prints it on stdout. */
void chart_print(chart *c, const chart_options *options);

/* What chart_print showed, for whoever has more to say of it: its ends (given, to be freed; NULL without
 * memory), and the occurrences in the order of the lines. */
chart_end *chart_ends(const chart *c, size_t *count);
typedef void (*chart_each)(void *data, uint32_t occurrence, const char *reference);
void chart_walk(const chart *c, chart_each each, void *data);

#endif
