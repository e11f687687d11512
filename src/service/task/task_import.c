/* Importing documents. A task's identity is its project and path: what the document itself says
 * (source_path), else where its file stands. Everything of one import is worked out first, with its
 * dependencies, and written in one commit.
 *
 * A document that was moved, unchanged, takes its task along when the file is gone from where it was. A
 * document whose content a task already has is not even read. Columns that a person edited stay edited.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/map.h"
#include "service/dependency/dependencies.h"
#include "service/document/document.h"
#include "service/task/task_files.h"
#include "service/task/task_service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Raised when documents are read in another way than before: all of them are then read again. */
enum { READER_VERSION = 1 };

/* A task that is there, or comes to be. */
typedef struct item {
    map_node node;
    struct item *next; /* all of them, in the order of their positions */
    struct item *twin; /* the next one with the same digest */
    map_node by_digest;
    baton_value task;
    struct outcome *from; /* the document of this import that it is from; NULL: none yet */
    bool changed;         /* it is to be written */
    char digest[20];
    char key[]; /* project, newline, path */
} item;

/* One whose tasks are loaded. */
typedef struct known_project {
    struct known_project *next;
    char name[];
} known_project;

/* What became of one document. */
typedef struct outcome {
    const task_file *file;
    const char *result;
    item *item; /* NULL: none */
    baton_value problems, changes;
    int dependencies_line;
} outcome;

typedef struct import {
    baton_task_service *service;
    const baton_import_options *options;
    map items, digests;
    item *first, **last;
    known_project *projects; /* whose tasks are loaded */
    bool all_loaded;
    outcome *outcomes; /* one a file */
    entropy entropy;
} import;

/* ---- Tasks that are there ---- */

static const char *project_of(const item *i) { return value_get_text(i->task, "project_id"); }

/* Takes the task. NULL without memory. */
static item *add_item(import *m, const char *project, const char *path, baton_value task) {
    size_t size = strlen(project) + strlen(path) + 2;
    item *i = calloc(1, sizeof *i + size);
    if (!i || !map_reserve(&m->items)) {
        free(i);
        value_unref(task);
        return NULL;
    }
    snprintf(i->key, size, "%s\n%s", project, path);
    i->task = task;
    map_insert(&m->items, &i->node, i->key, map_hash(&m->items, i->key));
    *m->last = i;
    m->last = &i->next;
    return i;
}

static item *find_item(const import *m, const char *project, const char *path, buffer *key) {
    buffer_clear(key);
    buffer_printf(key, "%s\n%s", project, path);
    map_node *node = map_find(&m->items, buffer_text(key), map_hash(&m->items, buffer_text(key)));
    return (item *)node;
}

static item *of_digest_node(map_node *node) {
    return node ? (item *)((char *)node - offsetof(item, by_digest)) : NULL;
}

static bool remember_digest(import *m, item *i) {
    snprintf(i->digest, sizeof i->digest, "%s", value_get_text(i->task, "digest"));
    uint64_t hash = map_hash(&m->digests, i->digest);
    item *other = of_digest_node(map_find(&m->digests, i->digest, hash));
    if (other) {
        i->twin = other->twin;
        other->twin = i;
        return true;
    }
    if (!map_reserve(&m->digests)) return false;
    map_insert(&m->digests, &i->by_digest, i->digest, hash);
    return true;
}

static bool is_loaded(const import *m, const char *project) {
    for (const known_project *p = m->projects; p; p = p->next)
        if (strcmp(p->name, project) == 0) return true;
    return false;
}

static bool add_project(import *m, const char *name) {
    known_project *p = malloc(sizeof *p + strlen(name) + 1);
    if (!p) return false;
    strcpy(p->name, name);
    p->next = m->projects;
    m->projects = p;
    return true;
}

/* The tasks of a project, or (NULL) of all that are not loaded yet. */
static int load(import *m, const char *project, baton_error **err) {
    baton_value tasks = task_service_read(
        m->service, &(store_task_filter){.project_id = project, .dependencies = true}, err);
    if (!value_is_valid(tasks)) return -1;
    const known_project *known = m->projects;
    bool ok = !project || add_project(m, project);
    for (size_t k = 0; k < baton_value_size(tasks) && ok; k++) {
        baton_value task = baton_value_at(tasks, k);
        const char *path = value_get_text(task, "source_path"), *name = value_get_text(task, "project_id");
        bool there = false;
        for (const known_project *p = known; p && !there; p = p->next) there = strcmp(p->name, name) == 0;
        if (there) {
            value_unref(task);
            continue;
        }
        item *i = add_item(m, name, path ? path : value_get_text(task, "id"), task);
        ok = i && remember_digest(m, i) && (is_loaded(m, name) || add_project(m, name));
    }
    value_unref(tasks);
    return ok ? 0 : error_memory(err);
}

static int load_project(import *m, const char *project, baton_error **err) {
    if (is_loaded(m, project)) return 0;
    if (!m->all_loaded) return load(m, project, err);
    return add_project(m, project) ? 0 : error_memory(err);
}

static int load_all(import *m, baton_error **err) {
    if (m->all_loaded) return 0;
    m->all_loaded = true;
    return load(m, NULL, err);
}

/* ---- The report ---- */

static baton_value problem(int line, const char *severity, const char *reason) {
    baton_value p = value_set_number(baton_value_object(), "line", line);
    p = value_set_text(p, "severity", severity);
    return value_set_text(p, "reason", reason);
}

static baton_value problems_of(const task_document *d) {
    static const char *const names[] = {"note", "warning", "error"};
    baton_value all = baton_value_array();
    for (size_t i = 0; i < d->problem_count; i++) {
        const document_problem *p = &d->problems[i];
        all = baton_value_append(all, problem(p->line, names[p->severity], p->reason));
    }
    return all;
}

static bool has_errors(const task_document *d) {
    for (size_t i = 0; i < d->problem_count; i++)
        if (d->problems[i].severity == DOCUMENT_ERROR) return true;
    return false;
}

static void add_problem(outcome *o, int line, const char *severity, const char *reason) {
    o->problems = baton_value_append(o->problems, problem(line, severity, reason));
}

static void refuse(outcome *o, const char *reason) {
    o->result = "refused";
    add_problem(o, 0, "error", reason);
}

/* ---- From a document to a task ---- */

static baton_value new_id(import *m) {
    uint64_t a = entropy_next(&m->entropy), b = entropy_next(&m->entropy);
    char text[40];
    snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
             (unsigned long long)(b & 0xffffffffffff));
    return baton_value_string(text);
}

/* Without a member of its state. Takes the task. */
static baton_value task_without(baton_value task, const char *key) {
    baton_value state = baton_value_get(task, "state");
    return value_is_valid(state) ? baton_value_set(task, "state", baton_value_remove(state, key)) : task;
}

/* The members of metadata that listing tasks needs, so that it need not read the whole. */
static baton_value with_state(baton_value task, const task_document *d, const task_file *f) {
    static const char *const kept[] = {"feature", "boxes"};
    for (int i = 0; i < 2; i++) {
        baton_value v = baton_value_get(d->metadata, kept[i]);
        if (value_is_valid(v))
            task = task_set_member(task, "state", kept[i], v);
        else
            task = task_without(task, kept[i]);
    }
    task = task_set_member(task, "state", "file", baton_value_string(f->relative));
    if (f->common) task = task_set_member(task, "state", "repository", baton_value_string(f->common));
    return task_set_member(task, "state", "own_path", baton_value_boolean(d->source_path));
}

/* What the document says, but for what a person said since. Takes the task. */
static baton_value set_column(baton_value task, const char *key, baton_value v) {
    baton_value state = baton_value_get(task, "state"), edited = task_member(state, "edited", key);
    value_unref(state);
    if (!value_is_valid(edited)) return baton_value_set(task, key, v);
    value_unref(v);
    return baton_value_set(task, key, edited);
}

static baton_value text_or_null(const char *text) {
    return text ? baton_value_string(text) : baton_value_null();
}

/* Takes the task. */
static baton_value fill(baton_value task, const task_document *d, baton_value content, const char *digest) {
    task = set_column(task, "title", text_or_null(d->title));
    task = set_column(task, "type", text_or_null(d->type));
    task = set_column(task, "category", text_or_null(d->category));
    task = set_column(task, "priority", text_or_null(d->priority));
    task = set_column(task, "estimated_hours",
                      d->estimated_hours < 0 ? baton_value_null() : baton_value_number(d->estimated_hours));
    task = baton_value_set(task, "description", value_ref(content));
    task = baton_value_set(task, "source_content", value_ref(content));
    task = baton_value_set(task, "metadata", value_ref(d->metadata));
    task = baton_value_set(task, "imported_at", task_now());
    return value_set_text(task, "digest", digest);
}

/* The same dependency as it was before, or a new one. */
static baton_value dependency(baton_value before, const char *text) {
    for (size_t i = 0; i < baton_value_size(before); i++) {
        baton_value one = baton_value_at(before, i);
        if (strcmp(value_get_text(one, "text"), text) == 0) return one;
        value_unref(one);
    }
    baton_value one = value_set_text(baton_value_object(), "text", text);
    one = value_set_text(one, "depends_on", NULL);
    return baton_value_set(one, "satisfied", baton_value_boolean(false));
}

/* Takes the task. */
static baton_value set_dependencies(baton_value task, const task_document *d, outcome *o) {
    const char *prose = value_get_text(d->metadata, "dependencies_text");
    baton_error *err = NULL;
    baton_value texts = prose ? dependency_split(prose, &err) : baton_value_array();
    if (err) { /* all of it stands in the way, until somebody says otherwise */
        add_problem(o, d->dependencies_line, "warning", baton_error_message(err));
        baton_error_free(err);
        texts = baton_value_append(baton_value_array(), baton_value_string(prose));
    }
    baton_value before = baton_value_get(task, "dependencies"), all = baton_value_array();
    for (size_t i = 0; i < baton_value_size(texts); i++) {
        baton_value text = baton_value_at(texts, i);
        all = baton_value_append(all, dependency(before, baton_value_as_text(text)));
        value_unref(text);
    }
    value_unref(texts);
    value_unref(before);
    return baton_value_set(task, "dependencies", all);
}

/* Which columns differ, as texts; given. */
static baton_value changes_between(baton_value old, baton_value new) {
    static const char *const columns[] = {"title",           "type",        "category", "priority",
                                          "estimated_hours", "dependencies"};
    baton_value all = baton_value_array();
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        baton_value a = baton_value_get(old, columns[i]), b = baton_value_get(new, columns[i]);
        if (!baton_value_equal(a, b)) all = baton_value_append(all, baton_value_string(columns[i]));
        value_unref(a);
        value_unref(b);
    }
    if (!baton_value_size(all)) all = baton_value_append(all, baton_value_string("text"));
    return all;
}

/* Takes the task. */
static baton_value add_note(baton_value task, const char *text) {
    enum { NOTES_KEPT = 20 };
    baton_value note = baton_value_set(baton_value_object(), "at", task_now());
    note = value_set_text(note, "text", text);
    baton_value state = baton_value_get(task, "state"), old = baton_value_get(state, "notes");
    value_unref(state);
    baton_value notes = baton_value_array();
    size_t count = baton_value_size(old);
    for (size_t i = count < NOTES_KEPT ? 0 : count - NOTES_KEPT + 1; i < count; i++)
        notes = baton_value_append(notes, baton_value_at(old, i));
    value_unref(old);
    return task_set_member(task, "state", "notes", baton_value_append(notes, note));
}

/* Takes the task. */
static baton_value note_changes(baton_value task, baton_value changes) {
    buffer text = {0};
    buffer_puts(&text, "the document changed: ");
    for (size_t i = 0; i < baton_value_size(changes); i++) {
        baton_value one = baton_value_at(changes, i);
        buffer_printf(&text, "%s%s", i ? ", " : "", baton_value_as_text(one));
        value_unref(one);
    }
    task = add_note(task, buffer_text(&text));
    buffer_done(&text);
    return task;
}

/* ---- One document ---- */

typedef struct reading {
    outcome *outcome;
    char *text;
    size_t size;
    char digest[20];
    task_document document;
} reading;

/* False after a reason was told. */
static bool read_text(reading *r) {
    int fd = open(r->outcome->file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    char reason[64];
    const char *why = NULL;
    snprintf(reason, sizeof reason, "the file is larger than %u bytes", LIMIT_DOCUMENT_BYTES);
    if (fd < 0 || fstat(fd, &st) != 0)
        why = strerror(errno);
    else if (st.st_size > LIMIT_DOCUMENT_BYTES)
        why = reason;
    else if (!(r->text = malloc((size_t)st.st_size + 1)))
        why = "out of memory";
    ssize_t got = 0;
    while (!why && r->size < (size_t)st.st_size &&
           (got = read(fd, r->text + r->size, (size_t)st.st_size - r->size)) > 0)
        r->size += (size_t)got;
    if (!why && got < 0) why = strerror(errno);
    if (fd >= 0) close(fd);
    if (why) {
        refuse(r->outcome, why);
        return false;
    }
    r->text[r->size] = '\0';
    uint64_t digest = hash_stable(HASH_STABLE + READER_VERSION, r->text, r->size);
    snprintf(r->digest, sizeof r->digest, "%016llx", (unsigned long long)digest);
    return true;
}

/* The task of that project (NULL: of any) that has this very document already; NULL when none has. */
static item *find_same(const import *m, const reading *r, const char *project) {
    if (m->options->force || m->options->dry_run) return NULL;
    item *i = of_digest_node(map_find(&m->digests, r->digest, map_hash(&m->digests, r->digest)));
    for (; i; i = i->twin) {
        if (project && strcmp(project_of(i), project) != 0) continue;
        if (strcmp(value_get_text(i->task, "digest"), r->digest) != 0)
            continue; /* another gave it a new one */
        baton_value state = baton_value_get(i->task, "state"), own = baton_value_get(state, "own_path");
        const char *path = value_get_text(i->task, "source_path");
        bool same = baton_value_is_true(own) || (path && strcmp(path, r->outcome->file->relative) == 0);
        value_unref(own);
        value_unref(state);
        if (same) return i;
    }
    return NULL;
}

/* Any other markdown file. */
static bool is_no_task(const task_document *d) {
    static const char *const said[] = {"task_fields", "execution_context", "files",
                                       "phases",      "estimated_time",    "dependencies_text"};
    if (d->priority || d->type || d->estimated_hours >= 0) return false;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        if (baton_value_has(d->metadata, said[i])) return false;
    return true;
}

/* Why a file that was found in a folder is none. */
static void pass_over(outcome *o, const task_document *d) {
    size_t i = 0;
    while (i < d->problem_count && d->problems[i].severity != DOCUMENT_ERROR) i++;
    o->result = "no task";
    bool error = i < d->problem_count;
    add_problem(o, error ? d->problems[i].line : 0, "note",
                error ? d->problems[i].reason
                      : "it has none of the fields, phases and files of a task, and is passed over");
}

/* In earnest, what was wanted is not done. */
static void leave_alone(const import *m, outcome *o, const item *i) {
    bool waits = task_is(i->task, "waiting");
    char reason[200];
    o->result = "running";
    snprintf(reason, sizeof reason,
             "its task %s: import it again when that has ended, or 'baton task cancel %.8s' it first",
             waits ? "waits for a person" : "is being carried out", value_get_text(i->task, "id"));
    add_problem(o, 0, m->options->dry_run ? "note" : "warning", reason);
}

static item *new_item(import *m, const char *project, const char *path) {
    baton_value task = baton_value_set(baton_value_object(), "id", new_id(m));
    task = value_set_text(task, "project_id", project);
    task = value_set_text(task, "status", "pending");
    task = value_set_text(task, "source_type", "markdown_doc");
    task = value_set_text(task, "source_path", path);
    return add_item(m, project, path, task);
}

/* Puts what the document says into the task. */
static void renew(item *i, reading *r) {
    outcome *o = r->outcome;
    baton_value old = value_ref(i->task), content = baton_value_string_sized(r->text, r->size);
    i->task = fill(i->task, &r->document, content, r->digest);
    value_unref(content);
    i->task = with_state(i->task, &r->document, o->file);
    i->task = task_without(i->task, "approvals"); /* of another document */
    i->task = set_dependencies(i->task, &r->document, o);
    i->changed = true;
    if (strcmp(o->result, "updated") == 0) {
        value_assign(&o->changes, changes_between(old, i->task));
        i->task = note_changes(i->task, o->changes);
    }
    value_unref(old);
}

/* Whether the file that a task is from is gone from the folder that this document's path begins at. */
static bool is_gone(const task_file *f, const char *path) {
    char whole[PATH_MAX];
    size_t root = strlen(f->real) - strlen(f->relative);
    if (!path || (*path != '/' && !root)) return false;
    if (*path == '/') root = 0;
    return snprintf(whole, sizeof whole, "%.*s%s", (int)root, f->real, path) < (int)sizeof whole &&
           access(whole, F_OK) != 0 && errno == ENOENT;
}

/* The task whose document, unchanged, was moved to where this one is; NULL: none, or several could be. */
static item *find_moved(const import *m, const reading *r, const char *project) {
    item *i = of_digest_node(map_find(&m->digests, r->digest, map_hash(&m->digests, r->digest)));
    item *found = NULL;
    for (; i; i = i->twin) {
        if (i->from || strcmp(project_of(i), project) != 0) continue;
        baton_value own = task_member(i->task, "state", "own_path");
        bool gone =
            !baton_value_is_true(own) && is_gone(r->outcome->file, value_get_text(i->task, "source_path"));
        value_unref(own);
        if (gone && found) return NULL;
        if (gone) found = i;
    }
    return found;
}

static void move(item *i, outcome *o) {
    buffer note = {0};
    i->from = o;
    i->changed = true;
    buffer_printf(&note, "the document was moved, from %s", value_get_text(i->task, "source_path"));
    i->task = add_note(i->task, buffer_text(&note));
    buffer_done(&note);
    i->task = value_set_text(i->task, "source_path", o->file->relative);
    i->task = task_set_member(i->task, "state", "file", baton_value_string(o->file->relative));
    value_assign(&o->changes, baton_value_append(baton_value_array(), baton_value_string("source_path")));
    o->item = i;
    o->result = "updated";
}

/* Finds the document's task, or makes it. */
static int place_document(import *m, reading *r, const char *project, baton_error **err) {
    outcome *o = r->outcome;
    const char *own = r->document.source_path, *path = own ? own : o->file->relative;
    buffer key = {0};
    item *i = find_item(m, project, path, &key);
    buffer_done(&key);
    bool same = i && strcmp(value_get_text(i->task, "digest"), r->digest) == 0;
    item *moved = i || own ? NULL : find_moved(m, r, project);
    if (moved) {
        move(moved, o);
        return 0;
    }
    if (i && i->from && same) { /* a copy */
        o->result = "unchanged";
        o->item = i;
        return 0;
    }
    if (i && i->from) {
        char reason[1024];
        snprintf(reason, sizeof reason, "this is task '%s', as which '%s' was read already", path,
                 i->from->file->path);
        refuse(o, reason);
        return 0;
    }
    o->result = "new";
    if (i && same && !m->options->force)
        o->result = "unchanged";
    else if (i && task_is_under_way(i->task))
        leave_alone(m, o, i);
    else if (i)
        o->result = "updated";
    else if (!(i = new_item(m, project, path)))
        return error_memory(err);
    o->item = i;
    i->from = o;
    o->dependencies_line = r->document.dependencies_line;
    if (strcmp(o->result, "new") == 0 || strcmp(o->result, "updated") == 0) renew(i, r);
    return 0;
}

/* The name that counts before the document was read; NULL: its own word does. */
static const char *project_before(const import *m, const task_file *f) {
    return m->options->project ? m->options->project : f->repository;
}

static int read_document(import *m, reading *r, baton_error **err) {
    outcome *o = r->outcome;
    const char *project = project_before(m, o->file);
    if ((project ? load_project(m, project, err) : load_all(m, err)) != 0) return -1;
    item *same = find_same(m, r, project);
    if (same) {
        o->result = "unchanged";
        o->item = same;
        if (!same->from) same->from = o;
        return 0;
    }
    if (task_document_read(&r->document, r->text, r->size, err) != 0) return -1;
    const task_document *d = &r->document;
    if (is_no_task(d) && !o->file->named) {
        pass_over(o, d);
        return 0;
    }
    value_assign(&o->problems, problems_of(d));
    if (has_errors(d)) {
        o->result = "refused";
        return 0;
    }
    if (is_no_task(d)) {
        refuse(o, "this is no task document: it has none of the fields, phases and files of one");
        return 0;
    }
    if (!project) project = d->project_id ? d->project_id : o->file->folder;
    if (load_project(m, project, err) != 0) return -1;
    return place_document(m, r, project, err);
}

static int import_file(import *m, outcome *o, baton_error **err) {
    reading r = {.outcome = o};
    o->problems = baton_value_array();
    o->changes = baton_value_array();
    int result = read_text(&r) ? read_document(m, &r, err) : 0;
    task_document_done(&r.document);
    free(r.text);
    return result;
}

/* ---- Dependencies between tasks ---- */

/* The tasks of one project. */
typedef struct targets {
    dependency_target *list;
    item **items;
    size_t count;
} targets;

static void add_target(targets *t, item *i) {
    baton_value state = baton_value_get(i->task, "state"); /* the task keeps it */
    t->items[t->count] = i;
    t->list[t->count++] = (dependency_target){.id = value_get_text(i->task, "id"),
                                              .title = value_get_text(i->task, "title"),
                                              .feature = value_get_text(state, "feature"),
                                              .source_path = value_get_text(i->task, "source_path")};
    value_unref(state);
}

static void tell_dependency(item *i, const char *text, const char *why) {
    char reason[512];
    if (!i->from) return;
    snprintf(reason, sizeof reason, "it depends on '%.200s', which %s", text, why);
    add_problem(i->from, i->from->dependencies_line, "warning", reason);
}

/* Renews to which tasks a task's dependencies lead. */
static void link_item(const dependency_index *index, const targets *t, size_t self) {
    static const char
        several[] = "several tasks could be: it blocks until 'baton task edit --satisfied' says otherwise",
        none[] = "is no task here: it blocks until there is one, or until 'baton task edit --satisfied' "
                 "says otherwise";
    item *i = t->items[self];
    baton_value old = baton_value_get(i->task, "dependencies"), all = baton_value_array();
    for (size_t k = 0; k < baton_value_size(old); k++) {
        baton_value one = baton_value_at(old, k), met = baton_value_get(one, "satisfied");
        const char *text = value_get_text(one, "text");
        long to = dependency_resolve(index, text, self);
        bool itself = to == DEPENDENCY_NONE && dependency_resolve(index, text, SIZE_MAX) == (long)self;
        if (itself)
            tell_dependency(i, text, "is itself: that does not count");
        else if (to < 0 && !baton_value_is_true(met))
            tell_dependency(i, text, to == DEPENDENCY_AMBIGUOUS ? several : none);
        value_unref(met);
        if (!itself)
            all =
                baton_value_append(all, value_set_text(one, "depends_on", to < 0 ? NULL : t->list[to].id));
        else
            value_unref(one);
    }
    if (baton_value_equal(all, old)) {
        value_unref(all);
    } else {
        i->task = baton_value_set(i->task, "dependencies", all);
        i->changed = true;
    }
    value_unref(old);
}

static int link_project(import *m, const char *project, baton_error **err) {
    targets t = {.list = calloc(m->items.count + 1, sizeof *t.list),
                 .items = calloc(m->items.count + 1, sizeof *t.items)};
    dependency_index *index = NULL;
    if (t.list && t.items) {
        for (item *i = m->first; i; i = i->next)
            if (strcmp(project_of(i), project) == 0) add_target(&t, i);
        index = dependency_index_new(t.list, t.count, err);
        for (size_t k = 0; index && k < t.count; k++) link_item(index, &t, k);
    } else {
        error_memory(err);
    }
    dependency_index_free(index);
    free(t.list);
    free(t.items);
    return index ? 0 : -1;
}

/* ---- All of it ---- */

/* The document to which a circle is told: the first of those in it. NULL: it was there before. */
static outcome *document_of(const import *m, baton_value circle) {
    for (item *i = m->first; i; i = i->next)
        for (size_t k = 0; i->from && k < baton_value_size(circle); k++) {
            baton_value id = baton_value_at(circle, k);
            bool in_it = strcmp(baton_value_as_text(id), value_get_text(i->task, "id")) == 0;
            value_unref(id);
            if (in_it) return i->from;
        }
    return NULL;
}

/* A circle stands in the way of all of it; what only looks tells the rest, too. */
static int check_circle(import *m, baton_value tasks, baton_error **err) {
    baton_value circle = baton_value_array();
    baton_error *why = NULL;
    int result = tasks_refuse_circle(tasks, &circle, &why);
    outcome *at = result != 0 && m->options->dry_run ? document_of(m, circle) : NULL;
    if (at) {
        add_problem(at, 0, "error", baton_error_message(why));
        result = 0;
    }
    value_unref(circle);
    error_give(result != 0 ? err : NULL, why);
    return result;
}

static int write_changed(import *m, baton_error **err) {
    baton_value all = baton_value_array(), changed = baton_value_array();
    for (item *i = m->first; i; i = i->next) {
        all = baton_value_append(all, value_ref(i->task));
        if (i->changed) changed = baton_value_append(changed, value_ref(i->task));
    }
    int result = check_circle(m, all, err);
    value_unref(all);
    if (result == 0 && !m->options->dry_run && baton_value_size(changed))
        result = task_service_write(m->service, changed, err);
    value_unref(changed);
    return result;
}

static baton_value report_of(const import *m, size_t count) {
    baton_value report = baton_value_array();
    for (size_t k = 0; k < count; k++) {
        const outcome *o = &m->outcomes[k];
        const item *i = o->item;
        baton_value entry = value_set_text(baton_value_object(), "file", o->file->path);
        entry = value_set_text(entry, "result", o->result);
        entry = value_set_text(entry, "id", i ? value_get_text(i->task, "id") : NULL);
        entry = value_set_text(entry, "title", i ? value_get_text(i->task, "title") : NULL);
        entry = baton_value_set(entry, "changes", value_ref(o->changes));
        entry = baton_value_set(entry, "problems", value_ref(o->problems));
        if (i && m->options->dry_run)
            entry = baton_value_set(entry, "task", baton_value_remove(value_ref(i->task), "state"));
        report = baton_value_append(report, entry);
    }
    return report;
}

static void import_done(import *m, size_t count) {
    for (size_t k = 0; m->outcomes && k < count; k++) {
        value_unref(m->outcomes[k].problems);
        value_unref(m->outcomes[k].changes);
    }
    free(m->outcomes);
    while (m->first) {
        item *i = m->first;
        m->first = i->next;
        value_unref(i->task);
        free(i);
    }
    while (m->projects) {
        known_project *p = m->projects;
        m->projects = p->next;
        free(p);
    }
    map_done(&m->items);
    map_done(&m->digests);
}

static int import_all(import *m, const task_files *files, baton_error **err) {
    m->outcomes = calloc(files->count + 1, sizeof *m->outcomes);
    if (!m->outcomes) return error_memory(err);
    for (size_t k = 0; k < files->count; k++) {
        m->outcomes[k].file = &files->list[k];
        if (import_file(m, &m->outcomes[k], err) != 0) return -1;
    }
    for (const known_project *p = m->projects; p; p = p->next)
        if (link_project(m, p->name, err) != 0) return -1;
    return write_changed(m, err);
}

/* One try; invalid after an error. */
static baton_value import_once(baton_task_service *s, const task_files *files,
                               const baton_import_options *options, baton_error **err) {
    struct import m = {.service = s, .options = options, .last = &m.first};
    map_init(&m.items);
    map_init(&m.digests);
    baton_value report = import_all(&m, files, err) == 0 ? report_of(&m, files->count) : VALUE_INVALID;
    import_done(&m, files->count);
    return report;
}

/* Somebody else, who carries tasks out or imports too, may write one of these tasks between its read and
 * its write; then all is read again. */
baton_value baton_task_service_import(baton_task_service *s, const char *const *paths, size_t count,
                                      const baton_import_options *options, baton_error **err) {
    enum { TRIES = 5 };
    static const baton_import_options none = {0};
    task_files files = {0};
    baton_value report = VALUE_INVALID;
    if (task_files_find(&files, paths, count, err) == 0) {
        for (int tries = 1; !value_is_valid(report); tries++) {
            baton_error *why = NULL;
            report = import_once(s, &files, options ? options : &none, &why);
            if (!value_is_valid(report) && baton_error_get_code(why) == BATON_ERROR_CONFLICT &&
                tries < TRIES) {
                baton_error_free(why);
                continue;
            }
            error_give(err, why);
            break;
        }
    }
    task_files_done(&files);
    return report;
}
