/* What the program's own task commands need of the orchestrator beyond <baton/baton.h>.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_ORCHESTRATOR_H
#define BATON_SERVICE_ORCHESTRATOR_H

#include <baton/baton.h>

/* Told before a task's execution begins or goes on: its id, and the workflow that it runs. Borrowed. */
typedef void (*orchestrator_watch)(void *data, baton_value task, const char *execution,
                                   const baton_workflow *workflow);
void orchestrator_watched_by(baton_orchestrator *o, orchestrator_watch watch, void *data);
/* True when another process, which lives, has the task's execution: that one goes on with it. */
bool orchestrator_is_held(baton_orchestrator *o, baton_value task);

/* Told of each new entry in the log of a task's work. Borrowed. */
typedef void (*orchestrator_told)(void *data, baton_value entry);
void orchestrator_told_by(baton_orchestrator *o, orchestrator_told told, void *data);

/* The functions that workflows of tasks call. Without an orchestrator (NULL) they are there to be known,
 * not to be run. */
int orchestrator_add_functions(baton_registry *registry, baton_orchestrator *o, baton_error **err);

#endif
