/* SPDX-License-Identifier: Apache-2.0 */
#include "service/work.h"

#include <stdlib.h>
#include <string.h>

int work_number(baton_value work, const char *key) {
    baton_value v = baton_value_get(work, key);
    int n = (int)baton_value_as_number(v);
    value_unref(v);
    return n;
}

int work_setting_number(baton_value work, const char *key) {
    baton_value v = task_member(work, "settings", key);
    int n = (int)baton_value_as_number(v);
    value_unref(v);
    return n;
}

bool work_setting_flag(baton_value work, const char *key) {
    baton_value v = task_member(work, "settings", key);
    bool flag = baton_value_is_true(v);
    value_unref(v);
    return flag;
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
    baton_value log = baton_value_get(work, "log");
    if (!value_is_valid(log)) log = baton_value_array();
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
    baton_value level = task_member(work, "settings", "automation_level");
    bool manual = strcmp(baton_value_as_text(level), "manual") == 0;
    value_unref(level);
    return work_next(work, manual ? "begin" : "work");
}

typedef struct saving {
    baton_value work;
    const char *status;
} saving;

static baton_value save_work(void *data, baton_value task, baton_error **err) {
    (void)err;
    const saving *s = data;
    task = task_set_member(task, "state", "work", value_ref(s->work));
    return s->status ? value_set_text(task, "status", s->status) : task;
}

int work_save(baton_orchestrator *o, baton_value work, const char *status, baton_error **err) {
    saving s = {work, status};
    return task_service_change(o->service, value_get_text(work, "task"), save_work, &s, NULL, err);
}
