/* What an execution came to: built from its records while it runs, then handed to whoever asked for it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_RESULT_H
#define BATON_ENGINE_RESULT_H

#include "machine/execution.h"
#include "machine/record.h"

typedef enum step_status {
    STEP_NOT_RUN,
    STEP_RUNNING,
    STEP_COMPLETED,
    STEP_FAULTED,
    STEP_CANCELLED,
    STEP_SKIPPED
} step_status;

/* One step of the definition, all its occurrences together. */
typedef struct step_entry {
    baton_value value; /* the last output, where outputs are kept; the last error after a fault */
    int64_t duration_ns;
    uint32_t count, attempts;
    step_status status;
} step_entry;

struct baton_result {
    unsigned references;
    baton_workflow *workflow;
    const char *strategy;
    bool keeps_values;
    execution_status status;
    bool timed_out; /* by the execution's own timeout */
    int64_t started_ns, duration_ns;
    int priority; /* the schedule, for the context's view */
    int64_t scheduled_at_ms, estimated_ms;
    baton_value dependencies;
    baton_value output, fault;
    baton_error *error; /* made when first asked for, or by whoever ended the execution without a fault */
    char *id;
    step_entry steps[]; /* workflow->step_count of them, by ordinal; behind them the texts */
};

/* NULL without memory. */
baton_result *result_new(baton_workflow *workflow, const char *id, const baton_strategy *strategy);
baton_result *result_ref(baton_result *result);
void result_apply(baton_result *result, const record *r);
/* Takes over how the execution stands or ended. */
void result_conclude(baton_result *result, const baton_execution *x, int64_t now_ns);
/* Ends a result whose execution never began. error: taken. */
void result_refuse(baton_result *result, execution_status status, baton_error *error);
/* Makes `context` answer for executionId, step_0_result and so on from the result; entries of its own for
 * the keys that every execution has are dropped. */
void result_show_in(baton_result *result, baton_context *context);
const char *step_status_name(step_status status);

#endif
