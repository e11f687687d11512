/* The strategies `basic` and `simple`, and how any strategy is asked (seed: BasicSequentialStrategy,
 * SimpleSequentialStrategy).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_STRATEGY_H
#define BATON_MACHINE_STRATEGY_H

#include "machine/execution.h"

extern const baton_strategy strategy_basic, strategy_simple;

/* What follows the step that f stands at. */
baton_strategy_decision strategy_decide(const baton_execution *x, const frame *f, bool success);

#endif
