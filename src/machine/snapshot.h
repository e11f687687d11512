/* Where an execution stands, as data, and back. The format is versioned: what any version of Baton wrote,
 * every later one reads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_SNAPSHOT_H
#define BATON_MACHINE_SNAPSHOT_H

#include "machine/execution.h"

/* Everything but what execution_setup says (id, workflow, strategy) as one JSON object. Given. */
baton_value snapshot_take(const baton_execution *x);
/* Fills an execution fresh from execution_init. -1 when the snapshot does not fit the workflow or is of a
 * later version (BATON_ERROR_INVALID, _UNSUPPORTED); then the execution may only be freed. */
int snapshot_restore(baton_execution *x, baton_value snapshot, baton_error **err);

#endif
