/* task.prepare: where a task is carried out. With a branch: in a worktree of its own, so that the branch
 * that is checked out, and what is not committed there, stay untouched. The branch begins where the
 * branches of what the task depends on have come to, if these are not yet in the base.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/hash.h"
#include "service/dependency/dependencies.h"
#include "service/git/git.h"
#include "service/orchestrator/work.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The branch's name ---- */

static void put_slug(buffer *b, const char *text) {
    enum { MOST = 60 };
    size_t begin = b->size;
    for (; *text && b->size - begin < MOST; text++) {
        if (isalnum((unsigned char)*text))
            buffer_putc(b, (char)tolower((unsigned char)*text));
        else if (b->size > begin && b->data[b->size - 1] != '-')
            buffer_putc(b, '-');
    }
    while (b->size > begin && b->data[b->size - 1] == '-') b->data[--b->size] = '\0';
}

/* The commit of a branch, not of a tag of that name; given; NULL when there is none. */
static char *commit_of_branch(const git_repository *r, const char *branch) {
    buffer ref = {0};
    buffer_printf(&ref, "refs/heads/%s", branch);
    char *commit = buffer_failed(&ref) ? NULL : git_commit_of(r->root, buffer_text(&ref), NULL);
    buffer_done(&ref);
    return commit;
}

/* The branch that a task has, or had before it was tried again; given; invalid when there is none. */
static baton_value branch_of_task(baton_value task) {
    baton_value state = baton_value_get(task, "state"), branch = task_member(state, "work", "branch");
    if (!baton_value_as_text(branch)) value_assign(&branch, baton_value_get(state, "branch"));
    value_unref(state);
    return branch;
}

/* Another task that has this branch; given; null when there is none, invalid after an error. */
static baton_value owner_of(baton_orchestrator *o, const char *id, const char *branch, baton_error **err) {
    baton_value tasks = task_service_read(o->service, &(store_task_filter){0}, err);
    if (!value_is_valid(tasks)) return tasks;
    baton_value owner = baton_value_null();
    for (size_t i = 0; i < baton_value_size(tasks); i++) {
        baton_value task = baton_value_at(tasks, i), its = branch_of_task(task);
        const char *text = baton_value_as_text(its);
        if (text && strcmp(text, branch) == 0 && strcmp(value_get_text(task, "id"), id) != 0)
            value_assign(&owner, value_ref(task));
        value_unref(its);
        value_unref(task);
    }
    value_unref(tasks);
    return owner;
}

/* A branch that is there already, and that no other task is at work on. Two tasks of one title would else
 * come to share what is made of it: the name of the later one gets its id. A name that was said is meant.
 */
static int refuse_shared(baton_value owner, const char *branch, baton_error **err) {
    if (!task_is_under_way(owner)) return 0;
    return baton_error_set(err, BATON_ERROR_CONFLICT, "its branch '%s' is that of '%s', which is %s",
                           branch, value_get_text(owner, "title"), value_get_text(owner, "status"));
}

static int make_unshared(baton_orchestrator *o, baton_value work, const git_repository *r, bool said,
                         buffer *branch, baton_error **err) {
    const char *id = value_get_text(work, "task");
    char *there = commit_of_branch(r, buffer_text(branch));
    if (!there) return 0;
    free(there);
    baton_value owner = owner_of(o, id, buffer_text(branch), err);
    int result = value_is_valid(owner) ? 0 : -1;
    if (result == 0 && said)
        result = refuse_shared(owner, buffer_text(branch), err);
    else if (result == 0 && baton_value_kind(owner) == BATON_KIND_OBJECT)
        buffer_printf(branch, "-%.8s", id);
    value_unref(owner);
    return result;
}

/* The branch is to be made for this task, or was. The name is written down before the branch is made, so
 * that after a crash between the two it is known for the task's own. */
typedef struct claim {
    const char *branch;
    bool there, reuse;
} claim;

static baton_value claim_branch(void *data, baton_value task, baton_error **err) {
    const claim *c = data;
    baton_value claimed = task_member(task, "state", "claimed"), its = branch_of_task(task);
    const char *a = baton_value_as_text(claimed), *b = baton_value_as_text(its);
    bool own = (a && strcmp(a, c->branch) == 0) || (b && strcmp(b, c->branch) == 0);
    value_unref(its);
    value_unref(claimed);
    if (!c->there || own || c->reuse)
        return task_set_member(task, "state", "claimed", baton_value_string(c->branch));
    baton_error_set(
        err, BATON_ERROR_CONFLICT,
        "branch '%s' is there already and was not made for this task: 'baton task edit %.8s --branch "
        "NAME' names another, --reuse-branch works on it",
        c->branch, value_get_text(task, "id"));
    value_unref(task);
    return VALUE_INVALID;
}

/* Given; NULL after an error. */
static char *branch_of(baton_orchestrator *o, baton_value work, const git_repository *r,
                       baton_error **err) {
    baton_value said = task_member(work, "settings", "git_branch_name");
    bool is_said = baton_value_as_text(said);
    buffer b = {0};
    if (is_said) {
        buffer_puts(&b, baton_value_as_text(said));
    } else {
        buffer_puts(&b, "task/");
        put_slug(&b, value_get_text(work, "title"));
        if (b.size == strlen("task/")) buffer_printf(&b, "%.8s", value_get_text(work, "task"));
    }
    value_unref(said);
    int result = make_unshared(o, work, r, is_said, &b, err);
    char *branch = buffer_take(&b);
    if (result == 0 && !branch) error_memory(err);
    if (result == 0) return branch;
    free(branch);
    return NULL;
}

/* ---- Where the branch begins ---- */

/* {"branch", "commit"} of a task, if it is completed and has a branch whose work is not in the commit
 * `base`. Given; invalid when not, or after an error (then *err). */
static baton_value outside_of(baton_orchestrator *o, const char *id, const git_repository *r,
                              const char *base, baton_error **err) {
    baton_value task = task_service_by_id(o->service, id, false, err);
    if (!value_is_valid(task)) return task;
    baton_value state = baton_value_get(task, "state"), branch = task_member(state, "work", "branch");
    char *commit = NULL;
    baton_value found = VALUE_INVALID;
    bool completed = task_is(task, "completed");
    if (completed && baton_value_as_text(branch)) commit = commit_of_branch(r, baton_value_as_text(branch));
    if (commit && git_is_ancestor(r->root, commit, base, err) == 0) {
        found = baton_value_set(baton_value_object(), "branch", value_ref(branch));
        found = value_set_text(found, "commit", commit);
    }
    free(commit);
    value_unref(branch);
    value_unref(state);
    value_unref(task);
    return found;
}

/* The branches of what the task depends on, as far as the base does not have them. Given. */
static baton_value branches_outside(baton_orchestrator *o, baton_value work, const git_repository *r,
                                    const char *base, baton_error **err) {
    baton_value all = baton_value_array();
    baton_value task = task_service_by_id(o->service, value_get_text(work, "task"), false, err);
    baton_value dependencies = baton_value_get(task, "dependencies");
    baton_error *why = NULL;
    for (size_t i = 0; i < baton_value_size(dependencies) && !why; i++) {
        baton_value one = baton_value_at(dependencies, i);
        const char *id = value_get_text(one, "depends_on");
        baton_value found = id ? outside_of(o, id, r, base, &why) : VALUE_INVALID;
        if (value_is_valid(found)) all = baton_value_append(all, found);
        value_unref(one);
    }
    value_unref(dependencies);
    if (value_is_valid(task) && !why) {
        value_unref(task);
        return all;
    }
    error_give(err, why);
    value_unref(task);
    value_unref(all);
    return VALUE_INVALID;
}

/* The index of the branch that has all the others in it; -1: there is none, -2 after an error. */
static long last_of(baton_value branches, const char *root, baton_error **err) {
    size_t count = baton_value_size(branches);
    for (size_t i = 0; i < count; i++) {
        baton_value a = baton_value_at(branches, i);
        size_t inside = 0;
        int is = 1;
        while (inside < count && is == 1) {
            baton_value b = baton_value_at(branches, inside);
            is = git_is_ancestor(root, value_get_text(b, "commit"), value_get_text(a, "commit"), err);
            value_unref(b);
            inside += is == 1;
        }
        value_unref(a);
        if (is < 0) return -2;
        if (inside == count) return (long)i;
    }
    return -1;
}

static int refuse_apart(baton_value branches, baton_error **err) {
    buffer names = {0};
    for (size_t i = 0; i < baton_value_size(branches); i++) {
        baton_value one = baton_value_at(branches, i);
        buffer_printf(&names, "%s%s", i ? ", " : "", value_get_text(one, "branch"));
        value_unref(one);
    }
    baton_error_set(err, BATON_ERROR_CONFLICT,
                    "the branches of what it depends on went apart (%s): merge them into the base, or run "
                    "with --merge",
                    buffer_text(&names));
    buffer_done(&names);
    return -1;
}

/* Where the branch begins, given in *start, and what is to be merged into it, in *merge: an array of
 * branches. */
static int choose_start(baton_orchestrator *o, baton_value work, const git_repository *r, const char *base,
                        char **start, baton_value *merge, baton_error **err) {
    baton_value branches = branches_outside(o, work, r, base, err);
    if (!value_is_valid(branches)) return -1;
    long last = baton_value_size(branches) ? last_of(branches, r->root, err) : -1;
    int result = last == -2 ? -1 : 0;
    *merge = baton_value_array();
    if (last >= 0) {
        baton_value one = baton_value_at(branches, (size_t)last);
        *start = strdup(value_get_text(one, "commit"));
        value_unref(one);
    } else if (result == 0 && baton_value_size(branches) && !o->options.merge) {
        result = refuse_apart(branches, err);
    } else if (result == 0) {
        *start = strdup(base);
        for (size_t i = 0; i < baton_value_size(branches); i++) {
            baton_value one = baton_value_at(branches, i);
            *merge = baton_value_append(*merge, baton_value_get(one, "branch"));
            value_unref(one);
        }
    }
    value_unref(branches);
    if (result == 0 && !*start) result = error_memory(err);
    return result;
}

/* ---- The worktree ---- */

static int merge_all(const char *directory, baton_value branches, baton_error **err) {
    int result = 0;
    for (size_t i = 0; i < baton_value_size(branches) && result == 0; i++) {
        baton_value one = baton_value_at(branches, i);
        const char *name = baton_value_as_text(one);
        result = git_merge(directory, &name, 1, err);
        value_unref(one);
    }
    return result;
}

static int refuse_dirty(const git_repository *r, baton_error **err) {
    char *paths = NULL;
    int dirty = git_is_dirty(r->root, &paths, err);
    if (dirty > 0)
        baton_error_set(
            err, BATON_ERROR_CONFLICT,
            "%s has changes that are not committed (%s), which the branch would not have: commit "
            "or stash them, or run with --allow-dirty",
            r->root, paths ? paths : "");
    free(paths);
    return dirty ? -1 : 0;
}

/* "STATE/worktrees/shop-1f3a5c7d/feature/x". Given. */
static char *worktree_path(const baton_orchestrator *o, const git_repository *r, const char *branch) {
    buffer b = {0};
    unsigned hash = (unsigned)hash_stable(HASH_STABLE, r->common, strlen(r->common));
    buffer_printf(&b, "%s/%s-%08x/%s", o->worktrees, r->name, hash, branch);
    return buffer_take(&b);
}

/* What the task's changes are counted from. On a branch that was there already, what others did before is
 * no work of this task; what it did itself, before it was tried again, is. Given; NULL after an error. */
static char *choose_base_commit(const baton_orchestrator *o, baton_value work, const char *where,
                                baton_error **err) {
    char *head = git_commit_of(where, "HEAD", err);
    baton_value task =
        head ? task_service_by_id(o->service, value_get_text(work, "task"), false, err) : VALUE_INVALID;
    baton_value earlier = task_member(task, "state", "base_commit");
    const char *text = baton_value_as_text(earlier);
    if (text && git_is_ancestor(where, text, head, NULL) == 1) {
        free(head);
        head = strdup(text);
        if (!head) error_memory(err);
    } else if (!value_is_valid(task)) {
        free(head);
        head = NULL;
    }
    value_unref(earlier);
    value_unref(task);
    return head;
}

static int make_worktree(baton_orchestrator *o, baton_value *work, const git_repository *r,
                         const char *branch, baton_error **err) {
    const char *base = o->options.base ? o->options.base : "HEAD";
    if (!git_branch_name_is_valid(branch))
        return baton_error_set(err, BATON_ERROR_INVALID, "'%.100s' is no name for a branch", branch);
    char *there = commit_of_branch(r, branch), *commit = git_commit_of(r->root, base, err);
    char *start = NULL, *path = worktree_path(o, r, branch), *where = NULL;
    baton_value merge = VALUE_INVALID;
    int result = commit ? 0 : -1;
    if (result == 0 && !there && !o->options.allow_dirty) result = refuse_dirty(r, err);
    claim c = {branch, there, o->options.reuse_branch};
    if (result == 0)
        result =
            task_service_change(o->service, value_get_text(*work, "task"), claim_branch, &c, NULL, err);
    if (result == 0) result = choose_start(o, *work, r, commit, &start, &merge, err);
    if (result == 0 && !path) result = error_memory(err);
    if (result == 0) result = git_worktree(r, branch, start, path, &where, err);
    if (result == 0) result = merge_all(where, merge, err);
    char *begun = result == 0 ? choose_base_commit(o, *work, where, err) : NULL;
    if (result == 0 && !begun) result = -1;
    if (result == 0) {
        *work = value_set_text(*work, "directory", where);
        *work = value_set_text(*work, "branch", branch);
        *work = value_set_text(*work, "base", o->options.base ? o->options.base : r->branch);
        *work = value_set_text(*work, "base_commit", begun);
    }
    value_unref(merge);
    free(begun);
    free(there);
    free(commit);
    free(start);
    free(path);
    free(where);
    return result;
}

static int choose_place(baton_orchestrator *o, baton_value *work, baton_error **err) {
    git_repository r = {0};
    baton_error *none = NULL;
    bool wanted = work_setting_flag(*work, "git_branch_required");
    int result = 0;
    if (git_find(&r, o->directory, &none) == 0) {
        char *branch = wanted ? branch_of(o, *work, &r, err) : NULL;
        if (wanted && !branch)
            result = -1;
        else if (wanted)
            result = make_worktree(o, work, &r, branch, err);
        else
            *work = value_set_text(value_set_text(*work, "directory", o->directory), "base_commit", r.head);
        free(branch);
    } else if (wanted) {
        result = baton_error_set(err, BATON_ERROR_CONFLICT,
                                 "it needs a branch of its own, but %s; 'baton task edit %.8s --set "
                                 "git_branch_required=false' lets it do without",
                                 baton_error_message(none), value_get_text(*work, "task"));
    } else {
        *work = value_set_text(*work, "directory", o->directory);
    }
    baton_error_free(none);
    git_done(&r);
    return result;
}

/* What the workflow says of tasks of its type: document.metadata.rules. Given. */
static baton_value rules_of(const baton_step_call *call) {
    const baton_workflow *workflow = baton_execution_workflow(baton_step_call_execution(call));
    baton_value metadata = baton_workflow_metadata(workflow), rules = baton_value_get(metadata, "rules");
    value_unref(metadata);
    return value_is_valid(rules) ? rules : baton_value_object();
}

int work_prepare(baton_step_call *call, baton_error **err) {
    static const char *const counts[] = {"asked", "waits", "verifying"};
    static const char *const unknown[] = {"branch",  "base",   "base_commit", "fingerprint", "session",
                                          "failure", "failed", "commit",      "changes"};
    baton_orchestrator *o = baton_step_call_data(call);
    baton_value work = work_input(call, false, err);
    if (!value_is_valid(work)) return -1;
    work = value_set_text(work, "execution", baton_execution_id(baton_step_call_execution(call)));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        work = value_set_number(work, counts[i], 0);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        if (!baton_value_has(work, unknown[i])) work = value_set_text(work, unknown[i], NULL);
    work = baton_value_set(work, "rules", rules_of(call));
    work = value_set_number(work, "attempt", 1);
    work = work_next(work, "begin");
    int result = choose_place(o, &work, err);
    if (result == 0) {
        char *fingerprint = git_fingerprint(value_get_text(work, "directory"), NULL);
        work = value_set_text(work, "fingerprint", fingerprint);
        baton_value sent_back = baton_value_get(work, "sent_back");
        work = value_set_text(work, "change_from", baton_value_is_true(sent_back) ? fingerprint : NULL);
        value_unref(sent_back);
        free(fingerprint);
        baton_value entry = value_set_text(baton_value_object(), "kind", "prepare");
        entry = value_set_text(entry, "directory", value_get_text(work, "directory"));
        entry = value_set_text(entry, "branch", value_get_text(work, "branch"));
        entry = value_set_text(entry, "base_commit", value_get_text(work, "base_commit"));
        work = work_log(work, entry);
        result = work_save(o, work, "running", err);
    }
    if (result == 0)
        baton_step_call_output(call, work);
    else
        value_unref(work);
    return result;
}
