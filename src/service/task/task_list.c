/* Looking at tasks: in which order they can be carried out, what stands in their way, which one a word
 * means.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/task/task_service.h"

#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "service/dependency/dependencies.h"
#include "service/document/mapping.h"

#include <stdlib.h>
#include <string.h>

/* ---- The graph ---- */

/* What a dependency may mean in a project. */
typedef struct names {
    struct names *next;
    dependency_index *index; /* NULL without memory */
    char project[];
} names;

/* Tasks by their ids. */
typedef struct by_id {
    map map;
    names *names; /* of those projects where somebody asked */
    struct entry {
        map_node node;
        size_t index;
    } * entries;
} by_id;

static void by_id_done(by_id *b) {
    while (b->names) {
        names *n = b->names;
        b->names = n->next;
        dependency_index_free(n->index);
        free(n);
    }
    map_done(&b->map);
    free(b->entries);
}

static bool by_id_init(by_id *b, baton_value tasks) {
    size_t count = baton_value_size(tasks);
    map_init(&b->map);
    b->names = NULL;
    b->entries = calloc(count + 1, sizeof *b->entries);
    for (size_t i = 0; i < count; i++) {
        if (!b->entries || !map_reserve(&b->map)) {
            by_id_done(b);
            return false;
        }
        baton_value task = baton_value_at(tasks, i);
        const char *id = value_get_text(task, "id"); /* the array keeps it */
        b->entries[i].index = i;
        map_insert(&b->map, &b->entries[i].node, id, map_hash(&b->map, id));
        value_unref(task);
    }
    return true;
}

/* -1: it is none of them. */
static long by_id_find(const by_id *b, const char *id) {
    const map_node *node = id ? map_find(&b->map, id, map_hash(&b->map, id)) : NULL;
    return node ? (long)((const struct entry *)node)->index : -1;
}

typedef struct edges {
    dependency_edge *list;
    size_t count;
} edges;

static bool edges_init(edges *e, baton_value tasks, const by_id *known) {
    e->list = calloc(tasks_count_dependencies(tasks) + 1, sizeof *e->list);
    for (size_t i = 0; e->list && i < baton_value_size(tasks); i++) {
        baton_value task = baton_value_at(tasks, i), all = baton_value_get(task, "dependencies");
        for (size_t k = 0; k < baton_value_size(all); k++) {
            baton_value one = baton_value_at(all, k);
            long to = by_id_find(known, value_get_text(one, "depends_on"));
            if (to >= 0) e->list[e->count++] = (dependency_edge){i, (size_t)to};
            value_unref(one);
        }
        value_unref(all);
        value_unref(task);
    }
    return e->list;
}

static void name_circle(baton_value tasks, const size_t *circle, size_t length, baton_error **err) {
    enum { SHOWN = 10 };
    buffer names = {0};
    for (size_t i = 0; i <= length && i <= SHOWN; i++) {
        baton_value task = baton_value_at(tasks, circle[i % length]);
        char alias[96];
        dependency_alias(value_get_text(task, "title"), alias, sizeof alias);
        buffer_printf(&names, "%s'%s'", i ? " needs " : "", alias);
        value_unref(task);
    }
    if (length > SHOWN) buffer_puts(&names, " and so on");
    baton_error_set(err, BATON_ERROR_CYCLE, "tasks depend on each other in a circle: %s",
                    buffer_text(&names));
    buffer_done(&names);
}

int tasks_refuse_circle(baton_value tasks, baton_value *ids, baton_error **err) {
    by_id known;
    edges e = {0};
    size_t length = SIZE_MAX, *circle = NULL;
    if (!by_id_init(&known, tasks)) return error_memory(err);
    if (edges_init(&e, tasks, &known))
        circle = dependency_circle(e.list, e.count, baton_value_size(tasks), &length);
    if (circle) name_circle(tasks, circle, length, err);
    for (size_t i = 0; circle && ids && i < length; i++) {
        baton_value task = baton_value_at(tasks, circle[i]);
        *ids = baton_value_append(*ids, baton_value_get(task, "id"));
        value_unref(task);
    }
    if (!circle && length) error_memory(err);
    bool ok = !circle && !length;
    free(circle);
    free(e.list);
    by_id_done(&known);
    return ok ? 0 : -1;
}

/* What is done comes first, so that only what is left to do competes; then what is urgent, and among equals
 * what was imported first. */
static long rank_of(baton_value task) {
    static const char *const names[] = {"critical", "high", "medium", "low"};
    const char *priority = value_get_text(task, "priority");
    size_t level = 0;
    while (level < 4 && (!priority || strcmp(priority, names[level]) != 0)) level++;
    if (level == 4) level = 2; /* nobody said: as medium */
    level = strcmp(value_get_text(task, "status"), "completed") == 0 ? 0 : level + 1;
    baton_value position = baton_value_get(task, "position");
    long rank = (long)level * 100000000 + (long)baton_value_as_number(position);
    value_unref(position);
    return rank;
}

/* Given; without a circle among them. Invalid without memory. */
static baton_value in_order(baton_value tasks) {
    size_t count = baton_value_size(tasks);
    by_id known;
    edges e = {0};
    long *ranks = calloc(count + 1, sizeof *ranks);
    size_t *order = calloc(count + 1, sizeof *order);
    baton_value sorted = VALUE_INVALID;
    if (ranks && order && by_id_init(&known, tasks)) {
        for (size_t i = 0; i < count; i++) {
            baton_value task = baton_value_at(tasks, i);
            ranks[i] = rank_of(task);
            value_unref(task);
        }
        if (edges_init(&e, tasks, &known) && dependency_order(e.list, e.count, ranks, count, order)) {
            sorted = baton_value_array();
            for (size_t i = 0; i < count; i++)
                sorted = baton_value_append(sorted, baton_value_at(tasks, order[i]));
        }
        by_id_done(&known);
    }
    free(e.list);
    free(ranks);
    free(order);
    return sorted;
}

/* ---- What stands in the way ---- */

/* Takes the object. */
static baton_value set_alias(baton_value object, const char *title) {
    char alias[128];
    if (title) dependency_alias(title, alias, sizeof alias);
    return value_set_text(object, "alias", title ? alias : NULL);
}

/* Its texts are the task's. */
static dependency_target target_of(baton_value task) {
    return (dependency_target){.id = value_get_text(task, "id"),
                               .title = value_get_text(task, "title"),
                               .source_path = value_get_text(task, "source_path")};
}

static dependency_index *index_of(baton_value all, const char *project) {
    size_t count = 0;
    dependency_target *targets = calloc(baton_value_size(all) + 1, sizeof *targets);
    for (size_t i = 0; targets && i < baton_value_size(all); i++) {
        baton_value task = baton_value_at(all, i), state = baton_value_get(task, "state");
        if (strcmp(value_get_text(task, "project_id"), project) == 0) { /* the array keeps the texts */
            targets[count] = target_of(task);
            targets[count++].feature = value_get_text(state, "feature");
        }
        value_unref(state);
        value_unref(task);
    }
    dependency_index *index = targets ? dependency_index_new(targets, count, NULL) : NULL;
    free(targets);
    return index;
}

/* "ambiguous" where several tasks of the project could be meant, else "external". */
static const char *unresolved(by_id *known, baton_value all, const char *project, const char *text) {
    names *n = known->names;
    while (n && strcmp(n->project, project) != 0) n = n->next;
    if (!n && (n = calloc(1, sizeof *n + strlen(project) + 1))) {
        strcpy(n->project, project);
        n->index = index_of(all, project);
        n->next = known->names;
        known->names = n;
    }
    bool several = n && n->index && dependency_resolve(n->index, text, SIZE_MAX) == DEPENDENCY_AMBIGUOUS;
    return several ? "ambiguous" : "external";
}

/* Given; invalid when nothing of this dependency is in the way. */
static baton_value blocker_of(const char *project, baton_value dependency, baton_value all, by_id *known) {
    baton_value satisfied = baton_value_get(dependency, "satisfied");
    bool met = baton_value_is_true(satisfied);
    value_unref(satisfied);
    if (met) return VALUE_INVALID;
    long to = by_id_find(known, value_get_text(dependency, "depends_on"));
    baton_value on = to < 0 ? VALUE_INVALID : baton_value_at(all, (size_t)to);
    const char *status = to < 0 ? unresolved(known, all, project, value_get_text(dependency, "text"))
                                : value_get_text(on, "status");
    baton_value blocker = VALUE_INVALID;
    if (strcmp(status, "completed") != 0) {
        blocker = value_set_text(baton_value_object(), "text", value_get_text(dependency, "text"));
        blocker = value_set_text(blocker, "depends_on", to < 0 ? NULL : value_get_text(on, "id"));
        blocker = set_alias(blocker, to < 0 ? NULL : value_get_text(on, "title"));
        blocker = value_set_text(blocker, "status", status);
    }
    value_unref(on);
    return blocker;
}

static baton_value blockers(baton_value task, baton_value all, by_id *known) {
    const char *project = value_get_text(task, "project_id");
    baton_value found = baton_value_array(), dependencies = baton_value_get(task, "dependencies");
    for (size_t i = 0; i < baton_value_size(dependencies); i++) {
        baton_value one = baton_value_at(dependencies, i), blocker = blocker_of(project, one, all, known);
        if (value_is_valid(blocker)) found = baton_value_append(found, blocker);
        value_unref(one);
    }
    value_unref(dependencies);
    return found;
}

/* ---- What is shown ---- */

static baton_value copy_member(baton_value to, baton_value from, const char *key) {
    baton_value v = baton_value_get(from, key);
    return baton_value_set(to, key, value_is_valid(v) ? v : baton_value_null());
}

/* A task as callers see it: without what is this layer's own. Takes it. */
static baton_value shown(baton_value task, baton_value all, by_id *known, bool whole) {
    static const char *const told[] = {"reason", "repository", "started_at", "ended_at", "gate"};
    static const char *const told_whole[] = {"notes", "executions", "edited", "approvals", "work"};
    baton_value state = baton_value_get(task, "state"), waits = blockers(task, all, known);
    task = set_alias(task, value_get_text(task, "title"));
    const char *status = value_get_text(task, "status");
    bool ready = strcmp(status, "pending") == 0 && baton_value_size(waits) == 0;
    task = baton_value_set(task, "ready", baton_value_boolean(ready));
    task = baton_value_set(task, "blocked_by", waits);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) task = copy_member(task, state, told[i]);
    for (size_t i = 0; whole && i < sizeof told_whole / sizeof told_whole[0]; i++)
        task = copy_member(task, state, told_whole[i]);
    baton_value boxes = baton_value_get(state, "boxes");
    if (value_is_valid(boxes)) task = baton_value_set(task, "boxes", boxes);
    value_unref(state);
    return baton_value_remove(task, "state");
}

static bool has(baton_value task, const char *key, const char *wanted) {
    const char *text = wanted ? value_get_text(task, key) : NULL;
    return !wanted || (text && strcmp(text, wanted) == 0);
}

static bool passes(baton_value task, const baton_task_filter *f) {
    baton_value ready = baton_value_get(task, "ready");
    bool is_ready = baton_value_is_true(ready);
    value_unref(ready);
    return has(task, "status", f->status) && has(task, "type", f->type) &&
           has(task, "category", f->category) && has(task, "priority", f->priority) &&
           (!f->ready || is_ready);
}

static baton_value read_all(baton_task_service *s, const char *project, baton_error **err) {
    return task_service_read(s, &(store_task_filter){.project_id = project, .dependencies = true}, err);
}

baton_value task_service_in_order(baton_task_service *s, const char *project, baton_error **err) {
    baton_value tasks = read_all(s, project, err);
    if (!value_is_valid(tasks)) return tasks;
    baton_value sorted = VALUE_INVALID;
    if (tasks_refuse_circle(tasks, NULL, err) == 0 && !value_is_valid(sorted = in_order(tasks)))
        error_memory(err);
    value_unref(tasks);
    return sorted;
}

baton_value task_blockers(baton_value task, baton_value all) {
    by_id known;
    if (!by_id_init(&known, all)) return VALUE_INVALID;
    baton_value found = blockers(task, all, &known);
    by_id_done(&known);
    return found;
}

baton_value baton_task_service_list(baton_task_service *s, const baton_task_filter *filter,
                                    baton_error **err) {
    const baton_task_filter none = {0}, *f = filter ? filter : &none;
    baton_value tasks = task_service_in_order(s, f->project, err), list = baton_value_array();
    by_id known;
    if (!value_is_valid(tasks)) return tasks;
    if (!by_id_init(&known, tasks)) {
        value_unref(tasks);
        error_memory(err);
        return VALUE_INVALID;
    }
    for (size_t i = 0; i < baton_value_size(tasks); i++) {
        baton_value task = shown(baton_value_at(tasks, i), tasks, &known, false);
        if (passes(task, f))
            list = baton_value_append(list, task);
        else
            value_unref(task);
    }
    by_id_done(&known);
    value_unref(tasks);
    return list;
}

baton_value baton_task_service_next(baton_task_service *s, const char *project, baton_error **err) {
    baton_value ready =
        baton_task_service_list(s, &(baton_task_filter){.project = project, .ready = true}, err);
    if (!value_is_valid(ready)) return ready;
    baton_value first = baton_value_at(ready, 0);
    value_unref(ready);
    return value_is_valid(first) ? first : baton_value_null();
}

/* ---- Which one a word means ---- */

/* Which of these few a word means. */
static long which_of(const dependency_target *few, size_t count, const char *word) {
    dependency_index *index = dependency_index_new(few, count, NULL);
    long found = index ? dependency_resolve(index, word, SIZE_MAX) : DEPENDENCY_NONE;
    dependency_index_free(index);
    return found;
}

static void put_candidate(buffer *b, baton_value tasks, size_t at) {
    enum { TITLE_BYTES = 80 };
    baton_value task = baton_value_at(tasks, at);
    const char *title = value_get_text(task, "title");
    size_t whole = strlen(title), size = text_utf8_prefix(title, whole < TITLE_BYTES ? whole : TITLE_BYTES);
    buffer_printf(b, "%.8s '%.*s%s' of project %s", value_get_text(task, "id"), (int)size, title,
                  size < whole ? "..." : "", value_get_text(task, "project_id"));
    value_unref(task);
}

/* Names those that a word fits equally well: as well as the best of all. */
static void tell_several(baton_value tasks, const dependency_target *targets, size_t count,
                         const char *word, baton_error **err) {
    enum { NAMED = 5 };
    buffer names = {0};
    size_t best = SIZE_MAX, named = 0;
    for (size_t i = 0; i < count; i++) {
        if (which_of(&targets[i], 1, word) < 0) continue;
        const dependency_target pair[] = {targets[best == SIZE_MAX ? i : best], targets[i]};
        if (best == SIZE_MAX || which_of(pair, 2, word) == 1) best = i;
    }
    for (size_t i = 0; i < count && best != SIZE_MAX; i++) {
        const dependency_target pair[] = {targets[best], targets[i]};
        if (i != best && which_of(pair, 2, word) != DEPENDENCY_AMBIGUOUS) continue;
        if (++named > NAMED) continue;
        if (named > 1) buffer_puts(&names, ", ");
        put_candidate(&names, tasks, i);
    }
    if (named > NAMED) buffer_printf(&names, " and %zu more", named - NAMED);
    baton_error_set(err, BATON_ERROR_USAGE, "'%.80s' fits several tasks: %s", word, buffer_text(&names));
    buffer_done(&names);
}

static long which(baton_value tasks, const char *word, baton_error **err) {
    size_t count = baton_value_size(tasks);
    dependency_target *targets = calloc(count + 1, sizeof *targets);
    if (!targets) return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        baton_value task = baton_value_at(tasks, i); /* the array keeps its texts */
        targets[i] = target_of(task);
        value_unref(task);
    }
    dependency_index *index = dependency_index_new(targets, count, err);
    long found = index ? dependency_resolve(index, word, SIZE_MAX) : -1;
    if (index && found == DEPENDENCY_AMBIGUOUS)
        tell_several(tasks, targets, count, word, err);
    else if (index && found < 0)
        baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no task '%.80s'", word);
    dependency_index_free(index);
    free(targets);
    return found;
}

char *task_service_resolve(baton_task_service *s, const char *word, baton_error **err) {
    baton_value tasks = task_service_read(s, &(store_task_filter){0}, err);
    if (!value_is_valid(tasks)) return NULL;
    long at = which(tasks, word, err);
    baton_value task = at < 0 ? VALUE_INVALID : baton_value_at(tasks, (size_t)at);
    char *id = at < 0 ? NULL : strdup(value_get_text(task, "id"));
    if (at >= 0 && !id) error_memory(err);
    value_unref(task);
    value_unref(tasks);
    return id;
}

baton_value baton_task_service_get(baton_task_service *s, const char *word, baton_error **err) {
    char *id = task_service_resolve(s, word, err);
    baton_value task = id ? task_service_by_id(s, id, true, err) : VALUE_INVALID;
    free(id);
    if (!value_is_valid(task)) return task;
    baton_value all = read_all(s, value_get_text(task, "project_id"), err);
    by_id known;
    if (value_is_valid(all) && by_id_init(&known, all)) {
        task = shown(task, all, &known, true);
        by_id_done(&known);
    } else {
        if (value_is_valid(all)) error_memory(err);
        value_assign(&task, VALUE_INVALID);
    }
    value_unref(all);
    return task;
}

/* ---- Export ---- */

typedef struct export_run {
    const baton_task_filter *filter;
    buffer text;
    size_t count;
} export_run;

static bool fits(const char *text, const char *wanted) {
    return !wanted || (text && strcmp(text, wanted) == 0);
}

static bool is_exported(const export_run *x, const store_task *t) {
    const baton_task_filter *f = x->filter;
    return fits(t->status, f->status) && fits(t->type, f->type) && fits(t->category, f->category) &&
           fits(t->priority, f->priority);
}

static int export_as_sql(void *data, const store_task *t, baton_error **err) {
    (void)err;
    export_run *x = data;
    if (is_exported(x, t)) mapping_write_task(&x->text, t);
    return 0;
}

static int export_as_json(void *data, const store_task *t, baton_error **err) {
    (void)err;
    export_run *x = data;
    buffer *b = &x->text;
    const struct {
        const char *column, *text;
    } texts[] = {{"id", t->id},
                 {"project_id", t->project_id},
                 {"title", t->title},
                 {"description", t->description},
                 {"type", t->type},
                 {"category", t->category},
                 {"priority", t->priority},
                 {"status", t->status},
                 {"source_type", t->source_type},
                 {"source_path", t->source_path},
                 {"source_content", t->source_content}};
    if (!is_exported(x, t)) return 0;
    buffer_puts(b, x->count++ ? ",\n  {" : "[\n  {");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buffer_printf(b, "\"%s\":", texts[i].column);
        value_write_text(b, texts[i].text);
        buffer_putc(b, ',');
    }
    buffer_puts(b, "\"metadata\":");
    buffer_puts(b, t->metadata ? t->metadata : "null");
    buffer_puts(b, ",\"estimated_hours\":");
    value_write(b, t->estimated_hours < 0 ? baton_value_null() : baton_value_number(t->estimated_hours));
    buffer_putc(b, '}');
    return 0;
}

static int export_tasks(baton_task_service *s, export_run *x, store_task_each each, baton_error **err) {
    const store_task_filter all = {.project_id = x->filter->project, .content = true, .metadata = true};
    return s ? s->store->type->read_tasks(s->store, &all, each, x, err) : 0;
}

static char *take_text(export_run *x, int result, baton_error **err) {
    char *text = result == 0 ? buffer_take(&x->text) : NULL;
    if (result == 0 && !text) error_memory(err);
    buffer_done(&x->text);
    return text;
}

char *baton_task_service_export_sql(baton_task_service *s, const baton_task_filter *filter,
                                    baton_error **err) {
    const baton_task_filter none = {0};
    export_run x = {.filter = filter ? filter : &none};
    mapping_write_table(&x.text);
    return take_text(&x, export_tasks(s, &x, export_as_sql, err), err);
}

char *baton_task_service_export_json(baton_task_service *s, const baton_task_filter *filter,
                                     baton_error **err) {
    const baton_task_filter none = {0};
    export_run x = {.filter = filter ? filter : &none};
    int result = export_tasks(s, &x, export_as_json, err);
    buffer_puts(&x.text, x.count ? "\n]\n" : "[]\n");
    return take_text(&x, result, err);
}
