/* See git.h: what a repository is, its commits and branches. Worktrees are in git_worktree.c, what changed
 * in git_changes.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/git/git.h"

#include "base/error.h"
#include "service/git/git_run.h"
#include "service/git/git_stage.h"

#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_BYTES = 64 << 10, /* of a commit; the kernel takes 128 KiB in one argument */
    HOOK_BYTES = 1000         /* the end of what a hook said, in an error */
};

static int refuse_option(const char *what, const char *name, baton_error **err) {
    if (*name)
        return baton_error_set(err, BATON_ERROR_USAGE, "%s '%s' must not begin with '-'", what, name);
    return baton_error_set(err, BATON_ERROR_USAGE, "%s must not be empty", what);
}

/* ---- The repository ---- */

/* The folder of the main worktree, or the bare repository's without ".git": a name that stays when a remote
 * comes or goes. */
static int find_name(git_repository *r, baton_error **err) {
    const char *path = r->common;
    size_t end = strlen(path);
    while (end && path[end - 1] == '/') end--;
    if (end > 5 && memcmp(path + end - 5, "/.git", 5) == 0) end -= 5;
    if (end > 4 && memcmp(path + end - 4, ".git", 4) == 0 && path[end - 5] != '/') end -= 4;
    size_t begin = end;
    while (begin && path[begin - 1] != '/') begin--;
    buffer b = {0};
    git_append_text(&b, path + begin, end - begin);
    r->name = buffer_take(&b);
    return r->name ? 0 : error_memory(err);
}

static int find_branch(git_repository *r, baton_error **err) {
    static const char heads[] = "refs/heads/";
    command_result result;
    const char *const *arguments = GIT("symbolic-ref", "--quiet", "HEAD");
    int failed = git_run(r->root, NULL, arguments, &result, err);
    if (!failed && result.code > 1) failed = git_refuse(arguments, &result, err);
    const char *name = buffer_text(&result.output);
    if (!failed && result.code == 0 && strncmp(name, heads, sizeof heads - 1) == 0) {
        name += sizeof heads - 1;
        r->branch = strndup(name, strcspn(name, "\n"));
        if (!r->branch) failed = error_memory(err);
    }
    command_release(&result);
    return failed;
}

static int find_head(git_repository *r, baton_error **err) {
    baton_error *why = NULL;
    r->head = git_commit_of(r->root, "HEAD", &why);
    if (r->head || baton_error_get_code(why) == BATON_ERROR_NOT_FOUND) {
        error_clear(&why);
        return 0;
    }
    return error_give(err, why);
}

static int find(git_repository *r, const char *directory, baton_error **err) {
    r->root = git_root(directory, err);
    if (!r->root) return -1;
    r->common =
        git_text(r->root, NULL, GIT("rev-parse", "--path-format=absolute", "--git-common-dir"), err);
    if (!r->common) return -1;
    if (find_branch(r, err) != 0 || find_head(r, err) != 0) return -1;
    return find_name(r, err);
}

int git_find(git_repository *r, const char *directory, baton_error **err) {
    baton_error *why = NULL;
    git_repository found = {0};
    if (find(&found, directory, &why) == 0) {
        *r = found;
        return 0;
    }
    git_done(&found);
    baton_error_wrap(&why, baton_error_get_code(why), "cannot use the git repository of '%s'", directory);
    return error_give(err, why);
}

void git_done(git_repository *r) {
    free(r->root);
    free(r->common);
    free(r->name);
    free(r->branch);
    free(r->head);
    *r = (git_repository){0};
}

int git_is_dirty(const char *directory, char **paths, baton_error **err) {
    buffer list = {0};
    const char *const *arguments = GIT("status", "--porcelain=v1", "-z", "--untracked-files=no",
                                       "--no-renames", "--ignore-submodules=all");
    if (git_call(directory, NULL, arguments, &list, err) != 0) return -1;
    int result = list.size > 0;
    if (paths && !(*paths = git_few(&list, 3))) result = error_memory(err); /* "XY path" */
    buffer_done(&list);
    return result;
}

/* ---- Names and commits ---- */

/* The rules of git-check-ref-format(1) for refs/heads/NAME, without a process: names are checked by the
 * thousand. */
bool git_branch_name_is_valid(const char *name) {
    size_t size = strlen(name);
    if (git_is_option(name) || strcmp(name, "@") == 0 || strcmp(name, "HEAD") == 0) return false;
    if (strstr(name, "..") || strstr(name, "@{") || name[size - 1] == '.') return false;
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p <= ' ' || strchr("~^:?*[\\\177", *p)) return false;
    for (const char *part = name;; part++) {
        size_t length = strcspn(part, "/");
        if (length == 0 || *part == '.') return false;
        if (length >= 5 && memcmp(part + length - 5, ".lock", 5) == 0) return false;
        part += length;
        if (!*part) return true;
    }
}

char *git_commit_of(const char *directory, const char *name, baton_error **err) {
    if (git_is_option(name)) {
        refuse_option("the name of a commit", name, err);
        return NULL;
    }
    buffer commit = {0};
    buffer_printf(&commit, "%s^{commit}", name);
    const char *const *arguments = GIT("rev-parse", "--verify", "--quiet", buffer_text(&commit));
    command_result result = {0};
    int failed =
        buffer_failed(&commit) ? error_memory(err) : git_run(directory, NULL, arguments, &result, err);
    char *text = NULL;
    /* With --quiet git says nothing of a name that it does not know; what it does say is other trouble. */
    if (!failed && result.code != 0 && result.messages.size == 0)
        baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no commit '%s'", name);
    else if (!failed && result.code != 0)
        git_refuse(arguments, &result, err);
    else if (!failed &&
             !(text = strndup(buffer_text(&result.output), strcspn(buffer_text(&result.output), "\n"))))
        error_memory(err);
    command_release(&result);
    buffer_done(&commit);
    return text;
}

int git_is_ancestor(const char *directory, const char *a, const char *b, baton_error **err) {
    if (git_is_option(a) || git_is_option(b))
        return refuse_option("the name of a commit", git_is_option(a) ? a : b, err);
    return git_ask(directory, GIT("merge-base", "--is-ancestor", a, b), err);
}

/* ---- Commits ---- */

/* Settings for -c that give an identity to who has none. Guesses from the host's name do not count. */
typedef struct identity {
    const char *name, *email;
} identity;

static int find_identity(identity *id, const char *directory, baton_error **err) {
    static const char *const idents[] = {"GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"};
    *id = (identity){"user.useConfigOnly=true", "user.useConfigOnly=true"};
    for (size_t i = 0; i < 2; i++) {
        command_result result;
        int failed =
            git_run(directory, NULL, GIT("-c", "user.useConfigOnly=true", "var", idents[i]), &result, err);
        if (!failed && result.code != 0) *id = (identity){"user.name=Baton", "user.email=baton@localhost"};
        command_release(&result);
        if (failed) return -1;
    }
    return 0;
}

/* A commit or merge that failed. git exits with 1, saying nothing itself, when a hook refuses. */
static int tell_commit(const char *const *arguments, const command_result *result, baton_error **err) {
    if (result->code != 1) return git_refuse(arguments, result, err);
    const buffer *said = &result->messages;
    size_t end = said->size, begin;
    while (end && strchr(" \t\r\n", said->data[end - 1])) end--;
    begin = end > HOOK_BYTES ? end - HOOK_BYTES : 0;
    while (begin && begin < end && (said->data[begin] & 0xc0) == 0x80) begin++; /* not within a character */
    buffer b = {0};
    git_append_text(&b, buffer_text(said) + begin, end - begin);
    if (buffer_failed(&b))
        error_memory(err);
    else
        baton_error_set(err, BATON_ERROR_STEP, "a hook of the repository refused the commit: %s",
                        b.size ? b.data : "it did not say why");
    buffer_done(&b);
    return -1;
}

/* The paths with conflicts that were not resolved; NULL in *paths when there are none. */
static int find_conflicts(const char *directory, char **paths, baton_error **err) {
    buffer list = {0};
    const char *const *arguments =
        GIT("diff", "--name-only", "--diff-filter=U", "--no-relative", "--ignore-submodules=all", "-z");
    if (git_call(directory, NULL, arguments, &list, err) != 0) return -1;
    *paths = list.size ? git_few(&list, 0) : NULL;
    int failed = list.size && !*paths ? error_memory(err) : 0;
    buffer_done(&list);
    return failed;
}

/* 1 when a merge was begun and not committed, 0, or -1. */
static int is_merging(const char *directory, baton_error **err) {
    return git_ask(directory, GIT("rev-parse", "--verify", "--quiet", "MERGE_HEAD"), err);
}

/* 1 when there is something staged or a merge to conclude, 0, or -1. */
static int has_staged(const char *root, baton_error **err) {
    int same = git_ask(
        root, GIT("diff", "--cached", "--quiet", "--no-ext-diff", "--ignore-submodules=dirty"), err);
    return same > 0 ? is_merging(root, err) : same == 0 ? 1 : -1;
}

static int commit_staged(const char *root, const char *message, baton_error **err) {
    identity id;
    if (find_identity(&id, root, err) != 0) return -1;
    command_result result;
    const char *const *arguments =
        GIT("-c", id.name, "-c", id.email, "commit", "--quiet", "--cleanup=whitespace", "-m", message);
    int failed = git_run(root, NULL, arguments, &result, err);
    if (!failed && result.code != 0) failed = tell_commit(arguments, &result, err);
    command_release(&result);
    return failed;
}

static int commit_all(const char *root, const char *message, baton_error **err) {
    char *conflicts;
    if (find_conflicts(root, &conflicts, err) != 0) return -1;
    if (conflicts) {
        baton_error_set(err, BATON_ERROR_CONFLICT,
                        "'%s' has merge conflicts in %s; resolve them and git add the files", root,
                        conflicts);
        free(conflicts);
        return -1;
    }
    if (git_stage(root, NULL, err) != 0) return -1;
    int staged = has_staged(root, err);
    return staged > 0 ? commit_staged(root, message, err) : staged;
}

int git_commit(const char *directory, const char *message, char **commit, baton_error **err) {
    if (!message[strspn(message, " \t\r\n")])
        return baton_error_set(err, BATON_ERROR_USAGE, "a commit needs a message");
    if (strlen(message) > MESSAGE_BYTES)
        return baton_error_set(err, BATON_ERROR_LIMIT, "a commit's message has at most %d bytes",
                               MESSAGE_BYTES);
    char *root = git_root(directory, err);
    if (!root) return -1;
    int failed = commit_all(root, message, err);
    if (!failed && commit && !(*commit = git_commit_of(root, "HEAD", err))) failed = -1;
    free(root);
    return failed;
}

/* ---- Merges and pushes ---- */

/* Undoes a merge that failed, and tells of it. */
static int abandon_merge(const char *directory, const char *branch, const char *const *arguments,
                         const command_result *result, baton_error **err) {
    int merging = is_merging(directory, err);
    if (merging < 0) return -1;
    if (!merging) return git_refuse(arguments, result, err);
    char *conflicts;
    if (find_conflicts(directory, &conflicts, err) != 0) return -1;
    if (git_call(directory, NULL, GIT("merge", "--abort"), NULL, err) != 0) {
        baton_error_wrap(err, BATON_ERROR_CONFLICT, "the merge of '%s' failed and could not be undone",
                         branch);
    } else if (conflicts) {
        baton_error_set(err, BATON_ERROR_CONFLICT, "merging '%s' conflicts in %s; the merge was undone",
                        branch, conflicts);
    } else {
        tell_commit(arguments, result, err);
    }
    free(conflicts);
    return -1;
}

static int merge(const char *directory, const char *branch, baton_error **err) {
    identity id;
    char *commit = git_commit_of(directory, branch, err);
    if (!commit) return -1;
    free(commit);
    if (find_identity(&id, directory, err) != 0) return -1;
    command_result result;
    const char *const *arguments = GIT("-c", id.name, "-c", id.email, "merge", "--quiet", "--no-edit",
                                       "--commit", "--no-squash", "--no-autostash", branch);
    int failed = git_run(directory, NULL, arguments, &result, err);
    if (failed && is_merging(directory, NULL) > 0) /* it took too long */
        git_call(directory, NULL, GIT("merge", "--abort"), NULL, NULL);
    else if (!failed && result.code != 0)
        failed = abandon_merge(directory, branch, arguments, &result, err);
    command_release(&result);
    return failed;
}

int git_merge(const char *directory, const char *const *branches, size_t count, baton_error **err) {
    char *paths = NULL;
    int state = is_merging(directory, err);
    if (state > 0)
        return baton_error_set(err, BATON_ERROR_CONFLICT,
                               "a merge was begun in '%s': conclude it, or git merge --abort", directory);
    if (state == 0) state = git_is_dirty(directory, &paths, err);
    if (state > 0)
        baton_error_set(err, BATON_ERROR_CONFLICT, "'%s' has changes that are not committed: %s", directory,
                        paths);
    free(paths);
    int failed = state ? -1 : 0;
    for (size_t i = 0; i < count && !failed; i++) failed = merge(directory, branches[i], err);
    return failed;
}

int git_push(const char *directory, const char *remote, const char *branch, baton_error **err) {
    if (git_is_option(remote)) return refuse_option("the name of a remote", remote, err);
    if (!git_branch_name_is_valid(branch))
        return baton_error_set(err, BATON_ERROR_USAGE, "'%s' is not a branch's name", branch);
    buffer ref = {0}, spec = {0};
    buffer_printf(&ref, "refs/heads/%s", branch);
    buffer_printf(&spec, "refs/heads/%s:refs/heads/%s", branch, branch);
    char *commit = NULL;
    int failed = buffer_failed(&ref) || buffer_failed(&spec) ? error_memory(err) : 0;
    if (!failed && !(commit = git_commit_of(directory, buffer_text(&ref), err))) failed = -1;
    if (!failed)
        failed = git_call(directory, NULL, GIT("push", "--quiet", remote, buffer_text(&spec)), NULL, err);
    free(commit);
    buffer_done(&ref);
    buffer_done(&spec);
    return failed;
}
