/* Lifecycle events (DSL, "Lifecycle Events"): CloudEvents made from records.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_LIFECYCLE_H
#define BATON_ENGINE_LIFECYCLE_H

#include "base/buffer.h"
#include "machine/record.h"

/* How each event begins; its id follows. */
#define LIFECYCLE_HEAD "{\"specversion\":\"1.0\",\"id\":\""

/* The execution that the events are about. Borrowed. */
typedef struct lifecycle_source {
    const baton_workflow *workflow;
    const char *id;
} lifecycle_source;

/* Appends the events of one record, one JSON object a line; most records make one, some none, the start of
 * a step two. Their ids are <execution>/<number>/<k>, with k from 1. */
void lifecycle_write(buffer *b, const lifecycle_source *source, const record *r);

#endif
