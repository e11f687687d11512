/* Where an execution stands, as JSON text, and back. The format is versioned: what any version of Baton
 * wrote, every later one reads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_SNAPSHOT_H
#define BATON_MACHINE_SNAPSHOT_H

#include "base/buffer.h"
#include "machine/execution.h"

/* How an execution's values are written and read: each whole, or by a number under which somebody keeps
 * it. */
typedef struct snapshot_values {
    /* Appends the value as a member of an object, a comma before it: ,"key":<text> or ,"key@":<number>, of
     * 2^53 at most. */
    void (*write)(void *data, buffer *b, const char *key, baton_value value);
    /* The value kept under a number; given; invalid with *err. */
    baton_value (*read)(void *data, int64_t number, baton_error **err);
    void *data;
} snapshot_values;

/* Appends everything but what execution_setup says (id, workflow, strategy) as one JSON object. Values that
 * stand in several places are written once. values may be NULL: then all are written whole. False without
 * memory, or when a value is too deep to be written; then the text is of no use. */
bool snapshot_write(buffer *b, const baton_execution *x, const snapshot_values *values);
/* Fills an execution fresh from execution_init; its effects count as lost (see EVENT_RECOVER). values may
 * be NULL when all were written whole. -1 when the snapshot does not fit the workflow or is of a later
 * version (BATON_ERROR_INVALID, _UNSUPPORTED), or a value cannot be read; then the execution may only be
 * freed. */
int snapshot_restore_from(baton_execution *x, baton_value snapshot, const snapshot_values *values,
                          baton_error **err);

/* The same by way of a value; invalid where snapshot_write says false. */
baton_value snapshot_take(const baton_execution *x);
int snapshot_restore(baton_execution *x, baton_value snapshot, baton_error **err);

#endif
