/* fork: branches at the same time (DSL, "Fork").
 *
 * Each branch sees the context as it was at the fork and its own exports. At the join the keys that each
 * branch changed are applied in the order of declaration. Competing, the first branch that completes wins
 * and the others are cancelled; a branch that faults loses, and when all fault the last fault goes outward.
 *
 * In the frame: data is an array with each branch's output ([branch] = [output, context]), or null until
 * it has one. In a child: branch is which it is, context its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/step.h"

static void enter_fork(machine *m, frame *f) {
    const step_fork *fork = &f->step->u.fork;
    f->data = baton_value_array();
    for (uint32_t i = 0; i < fork->branches.count; i++)
        f->data = baton_value_append(f->data, baton_value_null());
    for (uint32_t i = 0; i < fork->branches.count; i++) {
        baton_value context = value_ref(*frame_context(m->x, f));
        frame *child = machine_enter_step(m, f, fork->branches.steps[i], value_ref(f->input));
        if (!child) {
            value_unref(context);
            return;
        }
        child->branch = i;
        child->has_context = true;
        child->context = context;
    }
}

/* Applies to *context what `branch` changed of it since the fork. */
static void merge_context(baton_value *context, baton_value base, baton_value branch) {
    if (baton_value_equal(base, branch)) return;
    if (baton_value_kind(base) != BATON_KIND_OBJECT || baton_value_kind(branch) != BATON_KIND_OBJECT ||
        baton_value_kind(*context) != BATON_KIND_OBJECT) {
        value_assign(context, value_ref(branch));
        return;
    }
    int cursor = 0;
    const char *key;
    baton_value member;
    while (baton_value_next(branch, &cursor, &key, &member)) {
        baton_value before = baton_value_get(base, key);
        if (!value_is_valid(before) || !baton_value_equal(before, member))
            *context = baton_value_set(*context, key, value_ref(member));
        value_unref(before);
        value_unref(member);
    }
    cursor = 0;
    while (baton_value_next(base, &cursor, &key, NULL))
        if (!baton_value_has(branch, key)) *context = baton_value_remove(*context, key);
}

static void join(machine *m, frame *f) {
    baton_value *context = frame_context(m->x, f);
    baton_value base = value_ref(*context), outputs = baton_value_array();
    for (size_t i = 0; i < baton_value_size(f->data); i++) {
        baton_value pair = baton_value_at(f->data, i), changed = baton_value_at(pair, 1);
        merge_context(context, base, changed);
        outputs = baton_value_append(outputs, baton_value_at(pair, 0));
        value_unref(changed);
        value_unref(pair);
    }
    value_unref(base);
    machine_complete(m, f, outputs);
}

static baton_value replace_at(baton_value array, uint32_t index, baton_value element) {
    baton_value copy = baton_value_array();
    for (size_t i = 0; i < baton_value_size(array); i++)
        copy = baton_value_append(copy, i == index ? value_ref(element) : baton_value_at(array, i));
    value_unref(array);
    value_unref(element);
    return copy;
}

static void child_completed(machine *m, frame *f, frame *child, baton_value output) {
    if (f->step->u.fork.compete) {
        baton_value *context = frame_context(m->x, f), base = value_ref(*context);
        merge_context(context, base, child->context);
        value_unref(base);
        machine_cancel_inside(m, f);
        machine_complete(m, f, output);
        return;
    }
    baton_value pair = baton_value_append(baton_value_array(), output);
    pair = baton_value_append(pair, value_ref(child->context));
    f->data = replace_at(f->data, child->branch, pair);
    if (!f->children) join(m, f);
}

static bool child_faulted(machine *m, frame *f, frame *child, baton_value fault) {
    (void)m;
    (void)child;
    if (!f->step->u.fork.compete || !f->children) return false;
    value_unref(fault);
    return true;
}

const step_behavior step_fork_behavior = {
    .enter = enter_fork, .child_completed = child_completed, .child_faulted = child_faulted};
