/* What `baton run` shows on stderr while a workflow runs: on a terminal a live line for each running step
 * under the finished ones, elsewhere a plain line for each finished step.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_PROGRESS_H
#define BATON_CLI_PROGRESS_H

#include "machine/execution.h"
#include "machine/record.h"

struct progress;

typedef struct progress_options {
    bool live;   /* redraw in place: stderr is a terminal */
    bool steps;  /* show steps */
    bool output; /* show what processes write */
} progress_options;

/* Which process wrote, and where to: 1 stdout, 2 stderr. */
typedef struct progress_source {
    const step *step;
    int stream;
} progress_source;

/* NULL without memory. */
struct progress *progress_new(const baton_workflow *workflow, const progress_options *options);
/* Clears what is live and frees. */
void progress_free(struct progress *p);
/* A line of the program's own, above what is live. Any thread. */
void progress_say(struct progress *p, const char *line);
/* These on the loop thread. */
void progress_output(struct progress *p, const progress_source *source, const char *bytes, size_t size);
void progress_record(struct progress *p, const baton_execution *x, const record *r);

#endif
