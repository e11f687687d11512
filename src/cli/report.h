/* The object that `baton run --json` prints.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_REPORT_H
#define BATON_CLI_REPORT_H

#include "engine/result.h"

/* {id, workflow, status, strategy, output or error, started_at, duration_ms, steps}. Given. */
baton_value report_of(const baton_result *result);

#endif
