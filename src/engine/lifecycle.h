/* Lifecycle events (DSL, "Lifecycle Events"): CloudEvents made from records.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_LIFECYCLE_H
#define BATON_ENGINE_LIFECYCLE_H

#include "base/buffer.h"
#include "machine/execution.h"
#include "machine/record.h"

/* Appends the events of one record, one JSON object a line; most records make one, some none, the start of
 * a step two. Their ids are <execution>/<number>/<k>. */
void lifecycle_write(buffer *b, const baton_execution *x, const record *r);

#endif
