/* What `baton run` shows on stderr while a workflow runs: on a terminal a live line for each running step
 * under the finished ones, elsewhere a plain line for each finished step.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_PROGRESS_H
#define BATON_CLI_PROGRESS_H

#include "machine/execution.h"
#include "machine/record.h"

struct progress;

/* live: redraw in place (stderr is a terminal). NULL without memory. */
struct progress *progress_new(const baton_workflow *workflow, bool live);
/* Clears what is live and frees. */
void progress_free(struct progress *p);
/* On the loop thread. */
void progress_record(struct progress *p, const baton_execution *x, const record *r);

#endif
