/* SPDX-License-Identifier: Apache-2.0 */
#include "service/orchestrator/work.h"

#include "base/error.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Takes v. */
static int number_of(baton_value v) {
    double n = baton_value_as_number(v);
    value_unref(v);
    return n > 0 ? n < INT_MAX ? (int)n : INT_MAX : 0;
}

int work_number(baton_value work, const char *key) { return number_of(baton_value_get(work, key)); }

int work_setting_number(baton_value work, const char *key) {
    return number_of(task_member(work, "settings", key));
}

bool work_setting_flag(baton_value work, const char *key) {
    baton_value v = task_member(work, "settings", key);
    bool flag = baton_value_is_true(v);
    value_unref(v);
    return flag;
}

bool work_level_is(baton_value work, const char *level) {
    baton_value v = task_member(work, "settings", "automation_level");
    const char *is = baton_value_as_text(v);
    bool same = is && strcmp(is, level) == 0;
    value_unref(v);
    return same;
}

bool work_rule_is(baton_value work, const char *rule, const char *text) {
    baton_value v = task_member(work, "rules", rule);
    const char *is = baton_value_as_text(v);
    bool same = is && strcmp(is, text) == 0;
    value_unref(v);
    return same;
}

char *work_output(baton_value outcome, const char *key) {
    baton_value v = baton_value_get(outcome, key);
    const char *text = baton_value_as_text(v);
    size_t size = text ? baton_value_size(v) : 0;
    char *copy = malloc(size + 1);
    for (size_t i = 0; copy && i < size; i++) copy[i] = text[i] ? text[i] : ' ';
    if (copy) copy[size] = '\0';
    value_unref(v);
    return copy;
}

const char *work_tail(const char *text) {
    size_t size = strlen(text);
    if (size <= WORK_TAIL_BYTES) return text;
    const char *tail = text + size - WORK_TAIL_BYTES;
    while (((unsigned char)*tail & 0xc0) == 0x80) tail++;
    return tail;
}

baton_value work_log(baton_value work, baton_value entry) {
    baton_value old = baton_value_get(work, "log"), log = baton_value_array();
    size_t count = baton_value_size(old);
    if (count < WORK_LOG_MOST) {
        if (value_is_valid(old)) value_assign(&log, value_ref(old));
    } else {
        log = baton_value_append(log, baton_value_at(old, 0));
        for (size_t i = count - WORK_LOG_MOST + 2; i < count; i++)
            log = baton_value_append(log, baton_value_at(old, i));
    }
    value_unref(old);
    log = baton_value_append(log, baton_value_set(entry, "at", task_now()));
    return baton_value_set(work, "log", log);
}

baton_value work_next(baton_value work, const char *next) { return value_set_text(work, "next", next); }

baton_value work_fail_attempt(baton_value work, const char *reason, const char *tail) {
    int attempt = work_number(work, "attempt");
    buffer text = {0};
    buffer_puts(&text, reason);
    if (tail && *tail) buffer_printf(&text, "\n%s", work_tail(tail));
    work = value_set_text(work, "failure", buffer_text(&text));
    buffer_done(&text);
    if (attempt >= work_setting_number(work, "max_attempts")) {
        work = value_set_text(work, "failed", reason);
        return work_next(work, "finish");
    }
    work = value_set_number(work, "attempt", attempt + 1);
    work = value_set_number(work, "asked", 0);
    work = value_set_number(work, "verifying", 0);
    return work_next(work, work_level_is(work, "manual") ? "begin" : "work");
}

/* ---- The input ---- */

/* What of the work is not there, or no text where one must be; NULL: it is whole. */
static const char *missing_in(baton_value work, bool prepared) {
    static const char *const texts[] = {"task", "title", "execution", "directory"};
    for (size_t i = 0; i < (prepared ? 4 : 2); i++) {
        const char *text = value_get_text(work, texts[i]);
        if (!text || !*text) return texts[i];
    }
    baton_value settings = baton_value_get(work, "settings"), log = baton_value_get(work, "log");
    bool has_level = value_get_text(settings, "automation_level");
    bool has_log = !value_is_valid(log) || baton_value_kind(log) == BATON_KIND_ARRAY;
    value_unref(log);
    value_unref(settings);
    return !has_level ? "settings" : !has_log ? "log" : NULL;
}

baton_value work_input(baton_step_call *call, bool prepared, baton_error **err) {
    const char *name = baton_step_call_name(call);
    if (!baton_step_call_data(call)) {
        baton_error_set(err, BATON_ERROR_USAGE, "there is no orchestrator to run '%s'", name);
        return VALUE_INVALID;
    }
    baton_value work = baton_step_call_input(call);
    const char *missing = missing_in(work, prepared);
    if (!missing) return work;
    baton_error_set(err, BATON_ERROR_INVALID, "the data of '%s' is not the work of a task (no '%s'): %s",
                    name, missing,
                    prepared ? "its workflow must call task.prepare first, and hand on what that gave"
                             : "task.prepare needs the input that 'baton task run' gives to a workflow");
    value_unref(work);
    return VALUE_INVALID;
}

/* ---- The copy in the task ---- */

int work_check_current(baton_value work, baton_value task, baton_error **err) {
    const char *title = value_get_text(task, "title");
    const char *by = value_get_text(task, "execution"), *own = value_get_text(work, "execution");
    if (!task_is_under_way(task))
        return baton_error_set(err, BATON_ERROR_CONFLICT, "'%s' is %s by now", title,
                               value_get_text(task, "status"));
    if (by && own && strcmp(by, own) == 0) return 0;
    return baton_error_set(err, BATON_ERROR_CONFLICT, "'%s' is carried out by another execution", title);
}

baton_value work_commands(baton_value work) {
    baton_value all = baton_value_get(work, "verify"), more = baton_value_get(work, "document_verify");
    if (!value_is_valid(all)) all = baton_value_array();
    for (size_t i = 0; i < baton_value_size(more); i++)
        all = baton_value_append(all, baton_value_at(more, i));
    value_unref(more);
    return all;
}

typedef struct saving {
    baton_value work;
    const char *status;
} saving;

static baton_value save_work(void *data, baton_value task, baton_error **err) {
    const saving *s = data;
    if (work_check_current(s->work, task, err) != 0) {
        value_unref(task);
        return VALUE_INVALID;
    }
    task = task_set_member(task, "state", "work", value_ref(s->work));
    return s->status ? value_set_text(task, "status", s->status) : task;
}

/* Whoever carries the task out hears of what is new in its log. */
static void tell(const baton_orchestrator *o, baton_value work) {
    baton_value log = baton_value_get(work, "log");
    size_t count = baton_value_size(log);
    baton_value last = count ? baton_value_at(log, count - 1) : VALUE_INVALID;
    if (value_is_valid(last)) o->told(o->told_data, last);
    value_unref(last);
    value_unref(log);
}

int work_save(baton_orchestrator *o, baton_value work, const char *status, baton_error **err) {
    saving s = {work, status};
    if (task_service_change(o->service, value_get_text(work, "task"), save_work, &s, NULL, err) != 0)
        return -1;
    if (o->told) tell(o, work);
    return 0;
}
