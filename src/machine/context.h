/* The context of an execution of steps in C, and its view of what the engine recorded (seed:
 * WorkflowContext, and the keys that executeWithStrategy and the strategies set).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_CONTEXT_H
#define BATON_MACHINE_CONTEXT_H

#include <baton/baton.h>

/* Answers for the keys that are a view. `get` gives a value, or an invalid one; `names` appends the keys to
 * an array that it takes and gives; `release` ends the view's hold on what it shows. */
typedef struct context_view {
    baton_value (*get)(void *data, const char *key);
    baton_value (*names)(void *data, baton_value keys);
    void (*release)(void *data);
    void *data;
} context_view;

baton_context *context_ref(baton_context *context);
void context_unref(baton_context *context);
/* What was set, without the view: an object; borrowed; invalid while there is nothing. */
baton_value context_entries(const baton_context *context);
/* Replaces the view (releasing the one before); NULL for none. */
void context_set_view(baton_context *context, const context_view *view);

#endif
