/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/task_look.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/storage.h"
#include "cli/table.h"
#include "service/task/task_service.h"

#include <stdio.h>
#include <string.h>

enum {
    BLOCKERS_TOLD = 3,
    BLOCKER_COLUMNS = 48,
    VALUES_COMPARED = 256 /* of one column, when something is suggested */
};

/* ---- Which tasks ---- */

/* One that a closed list has; false after a message. */
static bool choose(const char **slot, const char *what, const char *value, const char *const *names,
                   size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], value) == 0) {
            *slot = names[i];
            return true;
        }
    const char *near = text_nearest(value, names, count);
    if (near)
        return cli_fail(EXIT_USAGE, "there is no %s '%s' (did you mean '%s'?)", what, value, near) == 0;
    fprintf(stderr, "baton: there is no %s '%s'; it is one of", what, value);
    for (size_t i = 0; i < count; i++) fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    fputc('\n', stderr);
    return false;
}

static bool set_status(task_look *l, const char *value) {
    static const char *const names[] = {"pending",   "blocked", "running",  "waiting",
                                        "completed", "failed",  "cancelled"};
    if (!choose(&l->filter.status, "status", value, names, sizeof names / sizeof *names)) return false;
    l->blocked = strcmp(value, "blocked") == 0;
    if (l->blocked) l->filter.status = "pending";
    return true;
}

bool task_look_set(task_look *l, int option, const char *value) {
    static const char *const priorities[] = {"critical", "high", "medium", "low"};
    baton_task_filter *f = &l->filter;
    switch (option) {
    case TASK_STORE: l->store = value; return true;
    case TASK_PROJECT: f->project = value; return true;
    case TASK_JSON: return l->json = true;
    case TASK_STATUS: return set_status(l, value);
    case TASK_TYPE: f->type = value; return true;
    case TASK_CATEGORY: f->category = value; return true;
    default: return choose(&f->priority, "priority", value, priorities, 4);
    }
}

int task_look_open(task_look *l) {
    char path[STORAGE_URL_BYTES];
    baton_error *err = NULL;
    l->service = task_service_open(storage_url(l->store, path), &(store_options){.look = true}, &err);
    if (l->service || baton_error_get_code(err) != BATON_ERROR_NOT_FOUND)
        return l->service ? EXIT_DONE : cli_fail_error(err);
    baton_error_free(err);
    return EXIT_DONE;
}

void task_look_close(task_look *l) {
    baton_task_service_close(l->service);
    l->service = NULL;
}

baton_value task_look_list(task_look *l, baton_error **err) {
    baton_value tasks = baton_task_service_list(l->service, &l->filter, err);
    if (!l->blocked || !value_is_valid(tasks)) return tasks;
    baton_value blocked = baton_value_array();
    for (size_t i = 0; i < baton_value_size(tasks); i++) {
        baton_value task = baton_value_at(tasks, i);
        if (strcmp(task_status(task), "blocked") == 0)
            blocked = baton_value_append(blocked, task);
        else
            value_unref(task);
    }
    value_unref(tasks);
    return blocked;
}

/* True, and told, when no task has this value in a column. */
static bool tell_unknown(baton_value tasks, const char *column, const char *noun, const char *value) {
    const char *names[VALUES_COMPARED];
    size_t count = 0;
    for (size_t i = 0; value && i < baton_value_size(tasks); i++) {
        baton_value task = baton_value_at(tasks, i); /* the array keeps its texts */
        const char *text = value_get_text(task, column);
        value_unref(task);
        if (text && strcmp(text, value) == 0) return false;
        bool known = !text;
        for (size_t k = 0; k < count && !known; k++) known = strcmp(names[k], text) == 0;
        if (!known && count < VALUES_COMPARED) names[count++] = text;
    }
    if (!value) return false;
    const char *near = text_nearest(value, names, count);
    fprintf(stderr, "no task has the %s '%s'%s%s%s\n", noun, value, near ? " (did you mean '" : "",
            near ? near : "", near ? "'?)" : "");
    return true;
}

void task_look_explain(task_look *l) {
    baton_value all = baton_task_service_list(l->service, NULL, NULL);
    const baton_task_filter *f = &l->filter;
    if (!baton_value_size(all))
        fputs("no tasks yet: 'baton task import PATH' reads them\n", stderr);
    else if (!tell_unknown(all, "project_id", "project", f->project) &&
             !tell_unknown(all, "type", "type", f->type) &&
             !tell_unknown(all, "category", "category", f->category))
        fputs("no task is like that\n", stderr);
    value_unref(all);
}

/* ---- One task ---- */

const char *task_status(baton_value task) {
    const char *status = value_get_text(task, "status");
    baton_value blockers = baton_value_get(task, "blocked_by");
    bool blocked = strcmp(status, "pending") == 0 && baton_value_size(blockers);
    value_unref(blockers);
    return blocked ? "blocked" : status;
}

const char *task_status_colour(const char *status) {
    if (strcmp(status, "pending") == 0) return NULL;
    if (strcmp(status, "failed") == 0) return "31";
    return storage_status_colour(status); /* "blocked" is dim as what is not known there */
}

const char *task_alias(baton_value task) {
    const char *alias = value_get_text(task, "alias");
    return alias ? alias : "";
}

const char *task_subtitle(baton_value task) {
    const char *title = value_get_text(task, "title"), *alias = task_alias(task);
    const char *found = *alias ? strstr(title, alias) : NULL;
    if (!found) return title;
    const char *rest = found + strlen(alias);
    return *rest == ':' ? rest + 1 + strspn(rest + 1, " ") : *rest ? title : "";
}

double task_hours(baton_value task) {
    baton_value hours = baton_value_get(task, "estimated_hours");
    double number = baton_value_kind(hours) == BATON_KIND_NUMBER ? baton_value_as_number(hours) : -1;
    value_unref(hours);
    return number;
}

static void put_blocker(buffer *b, baton_value blocker) {
    const char *alias = value_get_text(blocker, "alias"), *status = value_get_text(blocker, "status");
    task_put_short(b, alias ? alias : value_get_text(blocker, "text"), BLOCKER_COLUMNS);
    bool moves = strcmp(status, "pending") == 0 || strcmp(status, "running") == 0;
    if (!moves) buffer_printf(b, " (%s)", status);
}

void task_put_blockers(buffer *b, baton_value task) {
    baton_value all = baton_value_get(task, "blocked_by");
    size_t count = baton_value_size(all), told = count > BLOCKERS_TOLD + 1 ? BLOCKERS_TOLD : count;
    for (size_t i = 0; i < told; i++) {
        baton_value one = baton_value_at(all, i);
        if (i) buffer_puts(b, i + 1 == count ? " and " : ", ");
        put_blocker(b, one);
        value_unref(one);
    }
    if (told < count) buffer_printf(b, " and %zu more", count - told);
    value_unref(all);
}

/* ---- Words and numbers ---- */

void task_put_short(buffer *b, const char *text, size_t columns) {
    bool whole = text_width(text) <= columns;
    text_put_fitting(b, text, whole ? columns : columns - 3);
    if (!whole) buffer_puts(b, "...");
}

void task_put_count(buffer *b, size_t count, const char *noun) {
    buffer_printf(b, "%zu %s%s", count, noun, count == 1 ? "" : "s");
}

void task_put_hours(buffer *b, double hours) {
    char text[64];
    int size = snprintf(text, sizeof text, "%.1f", hours);
    if (size > 2 && strcmp(text + size - 2, ".0") == 0) text[size - 2] = '\0';
    buffer_puts(b, text);
}

void task_print_array(baton_value array) {
    size_t count = baton_value_size(array);
    buffer b = {0};
    for (size_t i = 0; i < count; i++) {
        baton_value one = baton_value_at(array, i);
        buffer_clear(&b);
        value_write(&b, one);
        printf("%s\n  %s", i ? "," : "[", buffer_text(&b));
        value_unref(one);
    }
    puts(count ? "\n]" : "[]");
    buffer_done(&b);
}
