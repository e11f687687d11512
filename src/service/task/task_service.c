/* Tasks as values: reading, writing, finding, ordering. See task_service.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/task/task_service.h"

#include "base/clock.h"
#include "base/error.h"
#include "service/dependency/dependencies.h"
#include "service/document/mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 20 }; /* of a change, while others are faster */

baton_task_service *task_service_open(const char *url, const store_options *options, baton_error **err) {
    baton_task_service *s = calloc(1, sizeof *s);
    if (!s) {
        error_memory(err);
        return NULL;
    }
    s->store = store_open(url, options, err);
    if (s->store && s->store->type->write_tasks) return s;
    if (s->store)
        baton_error_set(err, BATON_ERROR_USAGE, "tasks need a store that keeps them: a file, not memory:");
    baton_task_service_close(s);
    return NULL;
}

baton_task_service *baton_task_service_open(const char *url, baton_error **err) {
    return task_service_open(url, NULL, err);
}

void baton_task_service_close(baton_task_service *s) {
    if (!s) return;
    if (s->store) s->store->type->close(s->store);
    free(s);
}

/* ---- Values ---- */

baton_value task_member(baton_value object, const char *key, const char *inner) {
    baton_value outer = baton_value_get(object, key), member = baton_value_get(outer, inner);
    value_unref(outer);
    return member;
}

baton_value task_set_member(baton_value object, const char *key, const char *inner, baton_value member) {
    baton_value outer = baton_value_get(object, key);
    if (baton_value_kind(outer) != BATON_KIND_OBJECT) value_assign(&outer, baton_value_object());
    return baton_value_set(object, key, baton_value_set(outer, inner, member));
}

bool task_is(baton_value task, const char *status) {
    const char *is = value_get_text(task, "status");
    return is && strcmp(is, status) == 0;
}

bool task_is_under_way(baton_value task) { return task_is(task, "running") || task_is(task, "waiting"); }

baton_value task_now(void) {
    char text[CLOCK_TEXT];
    return baton_value_string(clock_format(clock_wall_ms(), text));
}

baton_value task_setting(baton_value task, const char *key) {
    static const char *const said_in[] = {"execution_context", "task_fields"};
    baton_value state = baton_value_get(task, "state"), v = task_member(state, "edited", key);
    value_unref(state);
    baton_value metadata = baton_value_get(task, "metadata");
    for (int i = 0; i < 2 && !value_is_valid(v); i++) v = task_member(metadata, said_in[i], key);
    value_unref(metadata);
    return v;
}

/* ---- Between the store and values ---- */

static baton_value set_moment(baton_value task, const char *key, int64_t ns) {
    char text[CLOCK_TEXT];
    return value_set_text(task, key, ns ? clock_format(ns / 1000000, text) : NULL);
}

static baton_value set_json(baton_value task, const char *key, const char *json, baton_error **err) {
    if (!json) return task;
    baton_value v = value_parse_stored(json, strlen(json), err);
    if (value_is_valid(v)) return baton_value_set(task, key, v);
    value_unref(task);
    return VALUE_INVALID;
}

static baton_value dependencies_of(const store_task *t) {
    baton_value all = baton_value_array();
    for (size_t i = 0; i < t->dependency_count; i++) {
        const store_task_dependency *d = &t->dependencies[i];
        baton_value one = value_set_text(baton_value_object(), "text", d->text);
        one = value_set_text(one, "depends_on", d->depends_on);
        all = baton_value_append(all, baton_value_set(one, "satisfied", baton_value_boolean(d->satisfied)));
    }
    return all;
}

static baton_value value_of(const store_task *t, const store_task_filter *filter, baton_error **err) {
    baton_value v = value_set_text(baton_value_object(), "id", t->id);
    v = value_set_text(v, "project_id", t->project_id);
    v = value_set_text(v, "title", t->title);
    if (filter->content) v = value_set_text(v, "description", t->description);
    v = value_set_text(v, "type", t->type);
    v = value_set_text(v, "category", t->category);
    v = value_set_text(v, "priority", t->priority);
    v = value_set_text(v, "status", t->status);
    v = value_set_text(v, "source_type", t->source_type);
    v = value_set_text(v, "source_path", t->source_path);
    if (filter->content) v = value_set_text(v, "source_content", t->source_content);
    if (filter->metadata) v = set_json(v, "metadata", t->metadata, err);
    if (!value_is_valid(v)) return v;
    v = t->estimated_hours < 0 ? value_set_text(v, "estimated_hours", NULL)
                               : value_set_number(v, "estimated_hours", t->estimated_hours);
    v = value_set_number(v, "position", (double)t->position);
    v = value_set_number(v, "version", (double)t->version);
    char digest[20];
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)t->digest);
    v = value_set_text(v, "digest", digest);
    v = set_moment(v, "imported_at", t->imported_ns);
    v = set_moment(v, "updated_at", t->updated_ns);
    v = value_set_text(v, "execution", t->execution);
    v = set_json(v, "state", t->state ? t->state : "{}", err);
    if (value_is_valid(v) && filter->dependencies)
        v = baton_value_set(v, "dependencies", dependencies_of(t));
    return v;
}

typedef struct reading {
    const store_task_filter *filter;
    baton_value tasks;
} reading;

static int read_one(void *data, const store_task *t, baton_error **err) {
    reading *r = data;
    baton_value v = value_of(t, r->filter, err);
    if (!value_is_valid(v)) return -1;
    r->tasks = baton_value_append(r->tasks, v);
    return 0;
}

baton_value task_service_read(baton_task_service *s, const store_task_filter *filter, baton_error **err) {
    reading r = {.filter = filter, .tasks = baton_value_array()};
    if (!s || s->store->type->read_tasks(s->store, filter, read_one, &r, err) == 0) return r.tasks;
    value_unref(r.tasks);
    return VALUE_INVALID;
}

baton_value task_service_by_id(baton_task_service *s, const char *id, bool content, baton_error **err) {
    if (!id) { /* the store would give any */
        baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no task without an id");
        return VALUE_INVALID;
    }
    const store_task_filter filter = {.id = id, .content = content, .metadata = true, .dependencies = true};
    baton_value tasks = task_service_read(s, &filter, err);
    if (!value_is_valid(tasks)) return tasks;
    baton_value task = baton_value_at(tasks, 0);
    value_unref(tasks);
    if (!value_is_valid(task)) baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no task '%.60s'", id);
    return task;
}

/* What a write needs beside the values, which must live until it is done. */
typedef struct writing {
    store_task *tasks;
    store_task_dependency *dependencies;
    size_t dependency_count;
    char **texts; /* of JSON */
    size_t text_count;
} writing;

static const char *write_json(writing *w, baton_value task, const char *key, bool *failed) {
    baton_value v = baton_value_get(task, key);
    if (!value_is_valid(v)) return NULL;
    char *text = baton_value_to_json(v);
    value_unref(v);
    *failed |= !text;
    return w->texts[w->text_count++] = text;
}

static int64_t moment_of(baton_value task, const char *key) {
    const char *text = value_get_text(task, key);
    struct tm t = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &t) : NULL;
    if (!rest) return 0;
    int64_t ms = *rest == '.' ? atoi(rest + 1) : 0;
    return ((int64_t)timegm(&t) * 1000 + ms) * 1000000;
}

static void write_dependencies(writing *w, baton_value task, store_task *t) {
    baton_value all = baton_value_get(task, "dependencies");
    if (!value_is_valid(all)) return;
    t->dependencies = w->dependencies + w->dependency_count;
    t->dependency_count = baton_value_size(all);
    for (size_t i = 0; i < t->dependency_count; i++) {
        baton_value one = baton_value_at(all, i), satisfied = baton_value_get(one, "satisfied");
        w->dependencies[w->dependency_count++] =
            (store_task_dependency){.text = value_get_text(one, "text"),
                                    .depends_on = value_get_text(one, "depends_on"),
                                    .satisfied = baton_value_is_true(satisfied)};
        value_unref(satisfied);
        value_unref(one); /* the array keeps it */
    }
    value_unref(all);
}

static store_task row_of(writing *w, baton_value task, bool *failed) {
    baton_value hours = baton_value_get(task, "estimated_hours"),
                version = baton_value_get(task, "version");
    const char *digest = value_get_text(task, "digest");
    store_task t = {
        .id = value_get_text(task, "id"),
        .project_id = value_get_text(task, "project_id"),
        .title = value_get_text(task, "title"),
        .description = value_get_text(task, "description"),
        .type = value_get_text(task, "type"),
        .category = value_get_text(task, "category"),
        .priority = value_get_text(task, "priority"),
        .status = value_get_text(task, "status"),
        .source_type = value_get_text(task, "source_type"),
        .source_path = value_get_text(task, "source_path"),
        .source_content = value_get_text(task, "source_content"),
        .metadata = write_json(w, task, "metadata", failed),
        .estimated_hours = baton_value_kind(hours) == BATON_KIND_NUMBER ? baton_value_as_number(hours) : -1,
        .version = (int64_t)baton_value_as_number(version),
        .digest = digest ? strtoull(digest, NULL, 16) : 0,
        .imported_ns = moment_of(task, "imported_at"),
        .updated_ns = clock_wall_ns(),
        .execution = value_get_text(task, "execution"),
        .state = write_json(w, task, "state", failed),
    };
    write_dependencies(w, task, &t);
    value_unref(hours);
    value_unref(version);
    return t;
}

size_t tasks_count_dependencies(baton_value tasks) {
    size_t count = 0;
    for (size_t i = 0; i < baton_value_size(tasks); i++) {
        baton_value task = baton_value_at(tasks, i), all = baton_value_get(task, "dependencies");
        count += baton_value_size(all);
        value_unref(all);
        value_unref(task);
    }
    return count;
}

int task_service_write(baton_task_service *s, baton_value tasks, baton_error **err) {
    size_t count = baton_value_size(tasks);
    writing w = {.tasks = calloc(count + 1, sizeof *w.tasks),
                 .dependencies = calloc(tasks_count_dependencies(tasks) + 1, sizeof *w.dependencies),
                 .texts = calloc(2 * count + 1, sizeof *w.texts)};
    bool failed = !w.tasks || !w.dependencies || !w.texts;
    for (size_t i = 0; i < count && !failed; i++) {
        baton_value task = baton_value_at(tasks, i);
        w.tasks[i] = row_of(&w, task, &failed);
        value_unref(task); /* the array keeps it */
    }
    int result = failed ? error_memory(err) : s->store->type->write_tasks(s->store, w.tasks, count, err);
    for (size_t i = 0; i < w.text_count; i++) free(w.texts[i]);
    free(w.texts);
    free(w.dependencies);
    free(w.tasks);
    return result;
}

int task_service_change(baton_task_service *s, const char *id, task_change change, void *data,
                        baton_value *task, baton_error **err) {
    for (int tries = 0;; tries++) {
        baton_error *why = NULL;
        baton_value old = task_service_by_id(s, id, false, err);
        if (!value_is_valid(old)) return -1;
        baton_value changed = change(data, old, err);
        if (!value_is_valid(changed)) return -1;
        baton_value slim = baton_value_remove(baton_value_ref(changed), "metadata"); /* stays as it was */
        baton_value one = baton_value_append(baton_value_array(), slim);
        int result = task_service_write(s, one, &why);
        value_unref(one);
        if (result == 0 && task)
            *task = changed;
        else
            value_unref(changed);
        if (result == 0) return 0;
        if (baton_error_get_code(why) != BATON_ERROR_CONFLICT || tries == TRIES) {
            return error_give(err, why);
        }
        baton_error_free(why);
    }
}
