/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/lifecycle.h"

#include "base/clock.h"
#include "base/value.h"

#include <stdio.h>

typedef struct lifecycle_event {
    const char *subject; /* "workflow" or "task"; NULL: no event */
    const char *phase;   /* "completed" */
    const char *moment;  /* the data's member that says when */
    const char *member;  /* what the record's data is called; NULL: it is left out */
} lifecycle_event;

enum { EVENTS_A_RECORD = 2 };

static const lifecycle_event events[][EVENTS_A_RECORD] = {
    [RECORD_STARTED] = {{"workflow", "started", "startedAt", NULL}},
    [RECORD_COMPLETED] = {{"workflow", "completed", "completedAt", "output"}},
    [RECORD_FAULTED] = {{"workflow", "faulted", "faultedAt", "error"}},
    [RECORD_CANCELLED] = {{"workflow", "cancelled", "cancelledAt", NULL}},
    [RECORD_SUSPENDED] = {{"workflow", "suspended", "suspendedAt", NULL}},
    [RECORD_RESUMED] = {{"workflow", "resumed", "resumedAt", NULL}},
    [RECORD_STEP_STARTED] = {{"task", "created", "createdAt", NULL},
                             {"task", "started", "startedAt", NULL}},
    [RECORD_STEP_COMPLETED] = {{"task", "completed", "completedAt", "output"}},
    [RECORD_STEP_FAULTED] = {{"task", "faulted", "faultedAt", "error"}},
    [RECORD_STEP_CANCELLED] = {{"task", "cancelled", "cancelledAt", NULL}},
    [RECORD_STEP_RETRIED] = {{"task", "retried", "retriedAt", NULL}},
    [RECORD_ROLLBACK_FAULTED] = {{NULL, NULL, NULL, NULL}},
};

static const lifecycle_event none[EVENTS_A_RECORD];

/* A step that begins once more: after a failed attempt that was told already, by RECORD_STEP_RETRIED; after
 * a crash nobody has told it yet. */
static const lifecycle_event *events_of(const record *r) {
    if (r->kind != RECORD_STEP_STARTED || r->attempt <= 1) return events[r->kind];
    baton_value interrupted = baton_value_get(r->data, "interrupted");
    bool told = !baton_value_is_true(interrupted);
    baton_value_unref(interrupted);
    return told ? none : events[RECORD_STEP_RETRIED];
}

static void write_data(buffer *b, const lifecycle_event *e, const lifecycle_source *source, const record *r,
                       const char *time) {
    const baton_workflow *w = source->workflow;
    buffer name = {0};
    buffer_printf(&name, "%s-%s.%s", w->name, source->id, w->namespace);
    buffer_printf(b, ",\"data\":{\"%s\":", r->step ? "workflow" : "name");
    value_write_text(b, buffer_text(&name));
    buffer_done(&name);
    if (r->step) {
        buffer_puts(b, ",\"task\":");
        value_write_text(b, r->step->reference);
    }
    if (r->kind == RECORD_STARTED) {
        buffer_puts(b, ",\"definition\":{\"name\":");
        value_write_text(b, w->name);
        buffer_puts(b, ",\"namespace\":");
        value_write_text(b, w->namespace);
        buffer_puts(b, ",\"version\":");
        value_write_text(b, w->version);
        buffer_putc(b, '}');
    }
    buffer_printf(b, ",\"%s\":\"%s\"", e->moment, time);
    if (e->member && baton_value_is_valid(r->data)) {
        buffer_printf(b, ",\"%s\":", e->member);
        value_write(b, r->data);
    }
    buffer_putc(b, '}');
}

void lifecycle_write(buffer *b, const lifecycle_source *source, const record *r) {
    const baton_workflow *w = source->workflow;
    const lifecycle_event *told = events_of(r);
    char time[CLOCK_TEXT];
    clock_format(r->time_ns / 1000000, time);
    for (int k = 0; k < EVENTS_A_RECORD && told[k].subject; k++) {
        const lifecycle_event *e = &told[k];
        buffer_printf(b, LIFECYCLE_HEAD "%s/%u/%d\",\"source\":\"/%s/%s/%s\"", source->id, r->number, k + 1,
                      w->namespace, w->name, w->version);
        buffer_printf(b, ",\"type\":\"io.serverlessworkflow.%s.%s.v1\"", e->subject, e->phase);
        buffer_printf(b, ",\"subject\":\"%s\",\"time\":\"%s\"", source->id, time);
        buffer_puts(b, ",\"datacontenttype\":\"application/json\"");
        write_data(b, e, source, r, time);
        buffer_puts(b, "}\n");
    }
}
