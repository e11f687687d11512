/* What changed in a worktree: see git.h and git_stage.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "service/git/git.h"
#include "service/git/git_run.h"
#include "service/git/git_stage.h"

#include <stdlib.h>
#include <string.h>

typedef struct tally {
    double files, insertions, deletions, commits;
    baton_value paths;
} tally;

static const char *state_of(char letter) {
    return letter == 'A' ? "added" : letter == 'D' ? "deleted" : "modified";
}

static void add_path(tally *t, const char *path, char letter) {
    t->files++;
    if (baton_value_size(t->paths) >= GIT_PATHS_MOST) return;
    baton_value one = value_set_text(baton_value_object(), "path", path);
    t->paths = baton_value_append(t->paths, value_set_text(one, "state", state_of(letter)));
}

/* Reads --raw --numstat -z: first ":100644 100644 1234 5678 M", PATH of each file, then "12\t3\tPATH" of
 * each, with dashes for a binary file. git sorts both by the bytes of the path. */
static void read_diff(tally *t, const buffer *diff) {
    size_t at = 0;
    for (const char *text; (text = git_next(diff, &at));) {
        if (*text == ':') {
            const char *path = git_next(diff, &at);
            if (path) add_path(t, path, text[strlen(text) - 1]);
        } else {
            char *end;
            t->insertions += (double)strtoll(text, &end, 10);
            const char *tab = strchr(text, '\t');
            if (tab) t->deletions += (double)strtoll(tab + 1, &end, 10);
        }
    }
}

static int compare(tally *t, const char *root, const char *tree, baton_error **err) {
    git_snapshot snapshot;
    buffer diff = {0};
    const char *const *arguments =
        GIT("diff-index", "--cached", "--raw", "--abbrev=4", "--numstat", "-z", "--no-renames",
            "--no-relative", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", tree);
    int failed = git_snapshot_take(&snapshot, root, err);
    if (!failed) failed = git_call(root, snapshot.index, arguments, &diff, err);
    git_snapshot_done(&snapshot);
    if (!failed) read_diff(t, &diff);
    buffer_done(&diff);
    return failed;
}

static int count_commits(tally *t, const char *root, const char *since, const char *head,
                         baton_error **err) {
    if (!head) return 0;
    buffer range = {0};
    buffer_printf(&range, "%s%s%s", since ? since : "", since ? ".." : "", head);
    char *count = buffer_failed(&range)
                      ? (error_memory(err), NULL)
                      : git_text(root, NULL, GIT("rev-list", "--count", buffer_text(&range)), err);
    buffer_done(&range);
    if (!count) return -1;
    t->commits = (double)strtoll(count, NULL, 10);
    free(count);
    return 0;
}

baton_value git_changes(const char *directory, const char *since, baton_error **err) {
    git_repository r;
    if (git_find(&r, directory, err) != 0) return VALUE_INVALID;
    tally t = {.paths = baton_value_array()};
    /* Without a commit to compare with, all is new: the empty tree's name is that of nothing. */
    char *commit = since ? git_commit_of(r.root, since, err)
                         : git_text(r.root, NULL, GIT("hash-object", "-t", "tree", "/dev/null"), err);
    int failed = !commit || compare(&t, r.root, commit, err) != 0 ||
                 count_commits(&t, r.root, since ? commit : NULL, r.head, err) != 0;
    baton_value changes = VALUE_INVALID;
    if (!failed) {
        changes = value_set_number(baton_value_object(), "files", t.files);
        changes = value_set_number(changes, "insertions", t.insertions);
        changes = value_set_number(changes, "deletions", t.deletions);
        changes = baton_value_set(changes, "paths", baton_value_ref(t.paths));
        changes = value_set_number(changes, "commits", t.commits);
        changes = value_set_text(changes, "head", r.head);
    }
    baton_value_unref(t.paths);
    free(commit);
    git_done(&r);
    return changes;
}

char *git_fingerprint(const char *directory, baton_error **err) {
    char *root = git_root(directory, err), *tree = NULL;
    if (!root) return NULL;
    git_snapshot snapshot;
    if (git_snapshot_take(&snapshot, root, err) == 0)
        tree = git_text(root, snapshot.index, GIT("write-tree"), err);
    git_snapshot_done(&snapshot);
    free(root);
    return tree;
}
