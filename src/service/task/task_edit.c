/* What a person says of a task: settings, dependencies that are met, approvals, another try.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "service/document/document.h"
#include "service/task/settings.h"
#include "service/task/task_service.h"

#include <stdlib.h>
#include <string.h>

static baton_value refuse(baton_value task, baton_error **err, const char *why) {
    baton_error_set(err, BATON_ERROR_CONFLICT, "'%s' is %s%s", value_get_text(task, "title"),
                    value_get_text(task, "status"), why);
    value_unref(task);
    return VALUE_INVALID;
}

static int change(baton_task_service *s, const char *word, task_change how, void *data, baton_error **err) {
    char *id = task_service_resolve(s, word, err);
    if (!id) return -1;
    int result = task_service_change(s, id, how, data, NULL, err);
    free(id);
    return result;
}

/* ---- Edit ---- */

typedef struct edit {
    baton_task_service *service;
    baton_value changes;
} edit;

static baton_value text_or_null(const char *text) {
    return text ? baton_value_string(text) : baton_value_null();
}

static baton_value column_of(const task_document *d, const char *key) {
    if (strcmp(key, "title") == 0) return text_or_null(d->title);
    if (strcmp(key, "type") == 0) return text_or_null(d->type);
    if (strcmp(key, "category") == 0) return text_or_null(d->category);
    if (strcmp(key, "priority") == 0) return text_or_null(d->priority);
    return d->estimated_hours < 0 ? baton_value_null() : baton_value_number(d->estimated_hours);
}

/* What the task's document says of a column; given; invalid after an error. */
static baton_value said_in_document(baton_task_service *s, baton_value task, const char *key,
                                    baton_error **err) {
    baton_value whole = task_service_by_id(s, value_get_text(task, "id"), true, err);
    if (!value_is_valid(whole)) return whole;
    baton_value content = baton_value_get(whole, "source_content"), said = VALUE_INVALID;
    const char *text = baton_value_as_text(content);
    task_document d = {0};
    if (task_document_read(&d, text ? text : "", baton_value_size(content), err) == 0)
        said = column_of(&d, key);
    task_document_done(&d);
    value_unref(content);
    value_unref(whole);
    return said;
}

/* Gives the column back to the document. Takes the task. */
static baton_value reset_column(const edit *e, baton_value task, const char *key, baton_error **err) {
    baton_value state = baton_value_get(task, "state"), edited = task_member(state, "edited", key);
    bool own = value_is_valid(edited);
    value_unref(edited);
    value_unref(state);
    if (!own) return task;
    baton_value said = said_in_document(e->service, task, key, err);
    if (value_is_valid(said)) return baton_value_set(task, key, said);
    value_unref(task);
    return VALUE_INVALID;
}

/* Takes the task; the value is borrowed. */
static baton_value set_one(const edit *e, baton_value task, const char *key, baton_value v,
                           baton_error **err) {
    bool back = baton_value_kind(v) == BATON_KIND_NULL;
    if (settings_is_column(key))
        task = back ? reset_column(e, task, key, err) : baton_value_set(task, key, value_ref(v));
    if (!value_is_valid(task)) return task;
    baton_value state = baton_value_get(task, "state"), edited = baton_value_get(state, "edited");
    if (baton_value_kind(edited) != BATON_KIND_OBJECT) value_assign(&edited, baton_value_object());
    edited = back ? baton_value_remove(edited, key) : baton_value_set(edited, key, value_ref(v));
    return baton_value_set(task, "state", baton_value_set(state, "edited", edited));
}

static baton_value edit_task(void *data, baton_value task, baton_error **err) {
    const edit *e = data;
    if (task_is_under_way(task))
        return refuse(task, err, ": edit it when it has ended, or 'baton task cancel' it first");
    int cursor = 0;
    const char *key;
    baton_value v;
    while (value_is_valid(task) && baton_value_next(e->changes, &cursor, &key, &v)) {
        task = set_one(e, task, key, v, err);
        value_unref(v);
    }
    return task;
}

int baton_task_service_edit(baton_task_service *s, const char *word, baton_value changes,
                            baton_error **err) {
    int cursor = 0, result = 0;
    const char *key;
    baton_value v;
    if (baton_value_kind(changes) != BATON_KIND_OBJECT)
        return baton_error_set(err, BATON_ERROR_USAGE, "the changes of a task are an object");
    while (result == 0 && baton_value_next(changes, &cursor, &key, &v)) {
        result = settings_check(key, v, err);
        value_unref(v);
    }
    return result == 0 ? change(s, word, edit_task, &(edit){s, changes}, err) : -1;
}

/* ---- Dependencies that are met ---- */

typedef struct satisfaction {
    const char *text; /* NULL: all that it could be said of */
    bool satisfied;
    bool whole; /* text is the whole of a dependency's own */
} satisfaction;

/* Of all of them, those that other tasks meet are left to these. */
static bool is_among_all(const satisfaction *s, baton_value dependency) {
    if (s->satisfied) return !value_get_text(dependency, "depends_on");
    baton_value met = baton_value_get(dependency, "satisfied");
    bool is = baton_value_is_true(met);
    value_unref(met);
    return is;
}

static bool is_meant(const satisfaction *s, baton_value dependency) {
    const char *text = value_get_text(dependency, "text");
    if (!s->text) return is_among_all(s, dependency);
    return s->whole ? strcmp(text, s->text) == 0 : *s->text && strcasestr(text, s->text);
}

static size_t count_meant(const satisfaction *s, baton_value all) {
    size_t count = 0;
    for (size_t i = 0; i < baton_value_size(all); i++) {
        baton_value one = baton_value_at(all, i);
        count += is_meant(s, one);
        value_unref(one);
    }
    return count;
}

/* Takes the task. */
static baton_value refuse_text(const satisfaction *s, baton_value task, size_t count, baton_error **err) {
    const char *title = value_get_text(task, "title");
    if (count)
        baton_error_set(err, BATON_ERROR_USAGE,
                        "'%s' has several dependencies that '%.80s' fits: write more of it", title,
                        s->text);
    else if (s->text)
        baton_error_set(err, BATON_ERROR_NOT_FOUND, "'%s' has no dependency '%.80s'", title, s->text);
    else
        baton_error_set(err, BATON_ERROR_NOT_FOUND, "'%s' has no dependency that %s", title,
                        s->satisfied ? "is no task here" : "was said to be met");
    value_unref(task);
    return VALUE_INVALID;
}

static baton_value satisfy(void *data, baton_value task, baton_error **err) {
    satisfaction *s = data;
    baton_value old = baton_value_get(task, "dependencies"), all = baton_value_array();
    s->whole = true;
    size_t count = s->text ? count_meant(s, old) : 0;
    s->whole = count > 0;
    if (!count) count = count_meant(s, old);
    for (size_t i = 0; i < baton_value_size(old); i++) {
        baton_value one = baton_value_at(old, i);
        if (is_meant(s, one)) one = baton_value_set(one, "satisfied", baton_value_boolean(s->satisfied));
        all = baton_value_append(all, one);
    }
    value_unref(old);
    task = baton_value_set(task, "dependencies", all);
    return count == 1 || (count && !s->text) ? task : refuse_text(s, task, count, err);
}

int baton_task_service_satisfy(baton_task_service *s, const char *word, const char *text, bool satisfied,
                               baton_error **err) {
    return change(s, word, satisfy, &(satisfaction){.text = text, .satisfied = satisfied}, err);
}

/* ---- Approvals ---- */

typedef struct approval {
    const char *note;
    bool again; /* the result is not accepted */
} approval;

/* For the gate that it waits at, or the first that it will come to. Takes the task. */
static baton_value add_approval(baton_value task, const approval *a) {
    bool waits = task_is(task, "waiting");
    baton_value state = baton_value_get(task, "state"),
                gate = waits ? baton_value_get(state, "gate") : VALUE_INVALID;
    const char *name = value_get_text(gate, "name"), *key = value_get_text(gate, "key");
    baton_value given = baton_value_set(baton_value_object(), "at", task_now());
    if (a->note) given = value_set_text(given, "note", a->note);
    if (a->again) given = baton_value_set(given, "again", baton_value_boolean(true));
    given = name ? value_set_text(given, "key", key)
                 : value_set_text(given, "digest", value_get_text(task, "digest"));
    state = task_set_member(state, "approvals", name ? name : "begin", given);
    value_unref(gate);
    return baton_value_set(task, "state", state);
}

static baton_value approve(void *data, baton_value task, baton_error **err) {
    if (task_is(task, "pending") || task_is(task, "waiting")) return add_approval(task, data);
    return refuse(task, err, ": nothing waits for an approval");
}

int baton_task_service_approve(baton_task_service *s, const char *word, const char *note,
                               baton_error **err) {
    return change(s, word, approve, &(approval){.note = note}, err);
}

/* ---- Another try ---- */

static baton_value retry(void *data, baton_value task, baton_error **err) {
    const approval *a = data;
    baton_value state = baton_value_get(task, "state"), gate = baton_value_get(state, "gate");
    const char *name = value_get_text(gate, "name");
    bool at_end = task_is(task, "waiting") && name && strcmp(name, "accept") == 0;
    value_unref(gate);
    if (at_end) {
        value_unref(state);
        return add_approval(task, a);
    }
    if (!task_is(task, "failed") && !task_is(task, "cancelled") && !task_is(task, "completed")) {
        value_unref(state);
        return refuse(task, err, ": only what has ended can be tried again");
    }
    state = baton_value_remove(state, "approvals");
    state = baton_value_remove(state, "retry_note");
    if (a->note) state = value_set_text(state, "retry_note", a->note);
    return value_set_text(baton_value_set(task, "state", state), "status", "pending");
}

int baton_task_service_retry(baton_task_service *s, const char *word, const char *note, baton_error **err) {
    return change(s, word, retry, &(approval){.note = note, .again = true}, err);
}
