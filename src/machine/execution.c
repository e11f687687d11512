/* An execution's memory: frames, their order, the moments they wait for. No decisions here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine/execution.h"

#include "base/bug.h"
#include "base/limits.h"
#include "base/value.h"
#include "machine/record.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void execution_init(baton_execution *x, const execution_setup *setup) {
    memset(x, 0, offsetof(baton_execution, first_frame));
    x->first_frame.next = NULL;
    x->free_frames = &x->first_frame;
    x->id = setup->id;
    x->workflow = setup->workflow;
    x->strategy = setup->strategy;
    x->strategy_options = setup->strategy_options;
    x->journals = setup->strategy->journal_steps;
    x->keeps_data = setup->keeps_data;
    x->last_number = setup->last_number;
    x->input = setup->input;
    x->owner = setup->owner;
    x->timeout_ms = setup->timeout_ms;
}

void execution_done(baton_execution *x) {
    if (x->root) frame_free(x, x->root);
    while (x->free_frames) {
        frame *f = x->free_frames;
        x->free_frames = f->next;
        if (f != &x->first_frame) free(f);
    }
    free(x->undo);
    value_unref(x->input);
    value_unref(x->context);
    value_unref(x->output);
    value_unref(x->fault);
}

void execution_set_status(baton_execution *x, execution_status status) {
    static const unsigned allowed[] = {
        [EXECUTION_PENDING] = 1 << EXECUTION_RUNNING | 1 << EXECUTION_FAULTED | 1 << EXECUTION_CANCELLED,
        [EXECUTION_RUNNING] = 1 << EXECUTION_WAITING | 1 << EXECUTION_SUSPENDED | 1 << EXECUTION_COMPLETED |
                              1 << EXECUTION_FAULTED | 1 << EXECUTION_CANCELLED,
        [EXECUTION_WAITING] = 1 << EXECUTION_RUNNING | 1 << EXECUTION_SUSPENDED | 1 << EXECUTION_COMPLETED |
                              1 << EXECUTION_FAULTED | 1 << EXECUTION_CANCELLED,
        [EXECUTION_SUSPENDED] = 1 << EXECUTION_RUNNING | 1 << EXECUTION_COMPLETED | 1 << EXECUTION_FAULTED |
                                1 << EXECUTION_CANCELLED, /* a delivery can end what is suspended */
        [EXECUTION_COMPLETED] = 0,
        [EXECUTION_FAULTED] = 0,
        [EXECUTION_CANCELLED] = 0,
    };
    if (x->status == status) return;
    if (!(allowed[x->status] & 1u << status))
        BATON_BUG("execution %s: %s does not become %s", x->id, execution_status_name(x->status),
                  execution_status_name(status));
    x->status = status;
}

const char *execution_status_name(execution_status status) {
    static const char *const names[] = {"pending",   "running", "waiting",  "suspended",
                                        "completed", "faulted", "cancelled"};
    return names[status];
}

const char *record_kind_name(record_kind kind) {
    static const char *const names[] = {
        [RECORD_STARTED] = "started",
        [RECORD_COMPLETED] = "completed",
        [RECORD_FAULTED] = "faulted",
        [RECORD_CANCELLED] = "cancelled",
        [RECORD_SUSPENDED] = "suspended",
        [RECORD_RESUMED] = "resumed",
        [RECORD_STEP_STARTED] = "step_started",
        [RECORD_STEP_SKIPPED] = "step_skipped",
        [RECORD_STEP_COMPLETED] = "step_completed",
        [RECORD_STEP_FAULTED] = "step_faulted",
        [RECORD_STEP_CANCELLED] = "step_cancelled",
        [RECORD_STEP_RETRIED] = "step_retried",
        [RECORD_STEPS_COMPLETED] = "steps_completed",
        [RECORD_ROLLBACK_STARTED] = "rollback_started",
        [RECORD_ROLLBACK_COMPLETED] = "rollback_completed",
        [RECORD_ROLLBACK_FAULTED] = "rollback_faulted",
    };
    return names[kind];
}

static void earliest(int64_t *wake_ns, int64_t moment_ns) {
    if (moment_ns && moment_ns < *wake_ns) *wake_ns = moment_ns;
}

int64_t execution_wake_ns(const baton_execution *x) {
    int64_t wake_ns = INT64_MAX;
    if (execution_ended(x) || x->status == EXECUTION_SUSPENDED || x->rolling_back) return wake_ns;
    earliest(&wake_ns, x->deadline_ns);
    for (frame *f = x->root; f; f = frame_next(x->root, f)) {
        earliest(&wake_ns, f->deadline_ns);
        earliest(&wake_ns, f->attempt_deadline_ns);
        if (!x->suspending) earliest(&wake_ns, f->wake_ns);
    }
    return wake_ns;
}

bool execution_sleeps(const baton_execution *x) {
    for (frame *f = x->root; f; f = frame_next(x->root, f))
        if (f->wake_ns || f->deadline_ns || f->attempt_deadline_ns) return true;
    return false;
}

bool execution_is_idle(const baton_execution *x) {
    if (x->effects || x->ready || !x->root) return false;
    for (frame *f = x->root; f; f = frame_next(x->root, f))
        if (f->phase == FRAME_HELD) return false;
    return true;
}

frame *frame_new(baton_execution *x, frame *parent) {
    if (x->frame_count >= LIMIT_FRAMES) return NULL;
    frame *f = x->free_frames;
    if (f)
        x->free_frames = f->next;
    else if (!(f = malloc(sizeof *f)))
        return NULL;
    memset(f, 0, sizeof *f);
    x->frame_count++;
    f->parent = parent;
    if (parent) {
        frame **last = &parent->children;
        while (*last) last = &(*last)->next;
        *last = f;
    } else {
        x->root = f;
    }
    return f;
}

void frame_clear_step(frame *f) {
    value_unref(f->raw_input);
    value_unref(f->input);
    f->no_retry = false;
    f->ticket = 0;
    f->wake_ns = 0;
    if (f->step && f->step->plain && f->step->kind == STEP_FUNCTION && !f->step->u.function.with) {
        /* Has touched nothing else. */
        f->raw_input = f->input = VALUE_INVALID;
        return;
    }
    value_unref(f->raw_output);
    value_unref(f->data);
    value_unref(f->error);
    value_unref(f->authorization);
    value_unref(f->context_before);
    f->raw_input = f->input = f->raw_output = f->data = f->error = f->authorization = f->context_before =
        VALUE_INVALID;
    for (uint32_t i = 0; i < f->keys.count; i++) free(f->keys.lists[i].runs);
    free(f->keys.lists);
    f->keys = (key_memory){0};
    f->in_handler = f->caught = false;
    f->retries = 0;
    f->deadline_ns = f->attempt_deadline_ns = 0;
}

static void ready_remove(baton_execution *x, frame *f) {
    frame **at = &x->ready, *before = NULL;
    while (*at != f) {
        before = *at;
        at = &before->ready_next;
    }
    *at = f->ready_next;
    if (x->ready_last == f) x->ready_last = before;
}

void frame_free(baton_execution *x, frame *f) {
    while (f->children) frame_free(x, f->children);
    if (f->phase == FRAME_READY) ready_remove(x, f);
    frame **at = f->parent ? &f->parent->children : &x->root;
    while (*at && *at != f) at = &(*at)->next;
    if (*at) *at = f->next;
    frame_clear_step(f);
    value_unref(f->context);
    f->next = x->free_frames;
    x->free_frames = f;
    x->frame_count--;
}

frame *frame_next(const frame *root, frame *f) {
    if (f->children) return f->children;
    while (f != root) {
        if (f->next) return f->next;
        f = f->parent;
    }
    return NULL;
}

frame *frame_by_ticket(frame *root, uint64_t ticket) {
    for (frame *f = root; f; f = frame_next(root, f))
        if (f->ticket == ticket) return f;
    return NULL;
}

void frame_make_ready(baton_execution *x, frame *f) {
    f->phase = FRAME_READY;
    f->ready_next = NULL;
    f->place = 0;
    if (x->ready) {
        f->place = x->ready_last->place + 1;
        x->ready_last->ready_next = f;
    } else {
        x->ready = f;
    }
    x->ready_last = f;
}

baton_value *frame_context(baton_execution *x, frame *f) {
    for (; f; f = f->parent)
        if (f->has_context) return &f->context;
    return &x->context;
}
