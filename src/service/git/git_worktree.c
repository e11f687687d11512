/* Worktrees: see git.h. A registration is what git knows of a worktree, in the repository's folder
 * worktrees/NAME; the folder itself may be gone, or not yet complete:
 *
 *   complete      the folder is there
 *   lost          the folder is gone: the registration is taken away, it holds no work
 *   initializing  `git worktree add` is at work, or was killed: git marks it as locked for that time. A git
 * that outlived Baton is waited for. Only when the folder has not changed for as long as any git may run is
 * it taken for dead; then what it left is taken away, for nobody was told of it yet.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "service/git/git.h"
#include "service/git/git_run.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,      /* between two looks at a worktree that is being made */
    LOOKS_WAITING = 50, /* after so many it is told */
    LOOKS_MOST = 60,    /* what was taken away is there again and again */
    ABANDONED_MS = COMMAND_DEADLINE_MS
};

/* ---- Paths ---- */

static bool exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

/* True when something is there that `git worktree add` must not write into. */
static bool is_taken(const char *path) {
    DIR *folder = opendir(path);
    if (!folder) return exists(path);
    bool taken = false;
    for (struct dirent *e; !taken && (e = readdir(folder));)
        taken = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(folder);
    return taken;
}

/* As git writes paths, without symbolic links; the last part need not exist. Given; NULL without memory. */
static char *real_path(const char *path) {
    char *real = realpath(path, NULL);
    if (real || errno == ENOMEM) return real;
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') size--;
    size_t begin = size;
    while (begin && path[begin - 1] != '/') begin--;
    char *folder = strndup(path, begin), *parent = folder ? realpath(folder, NULL) : NULL;
    buffer b = {0};
    buffer_puts(&b, parent ? parent : folder ? folder : "");
    if (!b.size || b.data[b.size - 1] != '/') buffer_putc(&b, '/');
    buffer_append(&b, path + begin, size - begin);
    free(parent);
    free(folder);
    return buffer_take(&b);
}

/* ---- Registrations ---- */

/* Borrowed from the list. */
typedef struct registration {
    const char *path, *branch; /* branch NULL: detached, or no branch yet */
    bool main, initializing;
} registration;

/* Each is a run of "key value" texts that an empty text ends; the first is the main worktree. */
static bool next_registration(const buffer *list, size_t *at, registration *g) {
    *g = (registration){.main = *at == 0};
    for (const char *text; (text = git_next(list, at)) && *text;) {
        if (strncmp(text, "worktree ", 9) == 0) g->path = text + 9;
        if (strncmp(text, "branch refs/heads/", 18) == 0) g->branch = text + 18;
        if (strcmp(text, "locked initializing") == 0) g->initializing = true;
    }
    return g->path;
}

/* Finds, in this order, the worktree of a branch, or the one at a path. */
static bool find_registration(const buffer *list, const char *branch, const char *path, registration *g) {
    registration at_path = {0};
    size_t at = 0;
    while (next_registration(list, &at, g)) {
        if (g->branch && strcmp(g->branch, branch) == 0) return true;
        if (strcmp(g->path, path) == 0) at_path = *g;
    }
    *g = at_path;
    return g->path;
}

/* ---- Making one ---- */

typedef struct request {
    const git_repository *repository;
    const char *branch, *base;
    char *path; /* real */
} request;

static bool is_abandoned(const char *path) {
    struct stat status;
    return stat(path, &status) != 0 || clock_wall_ms() - (int64_t)status.st_mtime * 1000 > ABANDONED_MS;
}

static int settle_initializing(const request *q, const registration *g, bool wait, baton_error **err) {
    if (is_abandoned(g->path)) {
        rmdir(g->path); /* git does not remove a folder in which it has not yet put anything */
        const char *const *arguments = GIT("worktree", "remove", "-f", "-f", "--", g->path);
        return git_call(q->repository->root, NULL, arguments, NULL, err);
    }
    if (wait) return 0;
    return baton_error_set(err, BATON_ERROR_CONFLICT,
                           "git is still making the worktree '%s', or was killed; if none runs: git "
                           "worktree remove -f -f '%s'",
                           g->path, g->path);
}

/* A worktree that is complete, if it is the one that is wanted. */
static int use_registration(const request *q, const registration *g, char **where, baton_error **err) {
    bool of_branch = g->branch && strcmp(g->branch, q->branch) == 0;
    if (!of_branch)
        return baton_error_set(err, BATON_ERROR_CONFLICT,
                               "the worktree '%s' is not on branch '%s' but %s%s", g->path, q->branch,
                               g->branch ? "on " : "detached", g->branch ? g->branch : "");
    if (g->main)
        return baton_error_set(
            err, BATON_ERROR_CONFLICT,
            "branch '%s' is checked out in the main worktree '%s'; switch that to another branch",
            q->branch, g->path);
    char *link;
    if (asprintf(&link, "%s/.git", g->path) < 0) return error_memory(err);
    bool linked = exists(link);
    free(link);
    if (!linked)
        return baton_error_set(
            err, BATON_ERROR_CONFLICT,
            "the worktree '%s' has lost its file .git; git worktree repair makes it again", g->path);
    *where = strdup(g->path);
    return *where ? 0 : error_memory(err);
}

/* One look at the registrations. *again: something was taken away or is waited for. */
static int look(const request *q, bool wait, bool *again, char **where, baton_error **err) {
    buffer list = {0};
    registration g;
    *again = false;
    if (git_call(q->repository->root, NULL, GIT("worktree", "list", "--porcelain", "-z"), &list, err) != 0)
        return -1;
    int failed = 0;
    if (find_registration(&list, q->branch, q->path, &g)) {
        bool lost = !g.main && !exists(g.path);
        *again = g.initializing || lost;
        if (g.initializing)
            failed = settle_initializing(q, &g, wait, err);
        else if (lost)
            failed =
                git_call(q->repository->root, NULL, GIT("worktree", "remove", "--", g.path), NULL, err);
        else
            failed = use_registration(q, &g, where, err);
    }
    buffer_done(&list);
    return failed;
}

/* Takes away what is left of a worktree. *where (given) stays NULL when one is to be made. */
static int find_worktree(const request *q, char **where, baton_error **err) {
    for (int looks = 0; looks < LOOKS_MOST; looks++) {
        bool again;
        if (look(q, looks < LOOKS_WAITING, &again, where, err) != 0) return -1;
        if (!again) return 0;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    return baton_error_set(err, BATON_ERROR_CONFLICT, "others make worktrees of branch '%s' too",
                           q->branch);
}

static int has_branch(const request *q, baton_error **err) {
    buffer ref = {0};
    buffer_printf(&ref, "refs/heads/%s", q->branch);
    int there =
        buffer_failed(&ref)
            ? error_memory(err)
            : git_ask(q->repository->root, GIT("show-ref", "--verify", "--quiet", buffer_text(&ref)), err);
    buffer_done(&ref);
    return there;
}

static int make_branch(const request *q, baton_error **err) {
    const char *root = q->repository->root;
    int there = has_branch(q, err);
    if (there != 0) return there > 0 ? 0 : -1;
    char *commit = git_commit_of(root, q->base, err);
    if (!commit && !q->repository->head)
        return baton_error_wrap(err, BATON_ERROR_NOT_FOUND,
                                "'%s' has no commit yet that a branch could begin at; make the first one",
                                root);
    if (!commit) return -1;
    baton_error *why = NULL;
    int failed = git_call(root, NULL, GIT("branch", "--no-track", q->branch, commit), NULL, &why);
    free(commit);
    if (failed && has_branch(q, NULL) == 1) failed = 0; /* made by a git that outlived a killed Baton */
    error_give(failed ? err : NULL, why);
    return failed;
}

static int make_worktree(const request *q, char **where, baton_error **err) {
    if (is_taken(q->path))
        return baton_error_set(err, BATON_ERROR_CONFLICT,
                               "'%s' is in the way of the worktree of branch '%s'; move it away", q->path,
                               q->branch);
    if (make_branch(q, err) != 0) return -1;
    const char *const *arguments = GIT("worktree", "add", "--quiet", "--", q->path, q->branch);
    command_result result;
    int failed = git_run(q->repository->root, NULL, arguments, &result, err);
    /* A hook that fails behind it (post-checkout) leaves a worktree that is complete. */
    if (!failed && result.code != 0 && (find_worktree(q, where, NULL) != 0 || !*where))
        failed = git_refuse(arguments, &result, err);
    if (!failed && !*where && !(*where = strdup(q->path))) failed = error_memory(err);
    command_release(&result);
    return failed;
}

int git_worktree(const git_repository *r, const char *name, const char *base, const char *path,
                 char **where, baton_error **err) {
    if (!git_branch_name_is_valid(name))
        return baton_error_set(err, BATON_ERROR_USAGE, "'%s' is not a name for a branch", name);
    if (git_is_option(base))
        return baton_error_set(err, BATON_ERROR_USAGE, "'%s' is not a commit to begin at", base);
    if (*path != '/')
        return baton_error_set(err, BATON_ERROR_USAGE, "the worktree's path '%s' must be absolute", path);
    request q = {.repository = r, .branch = name, .base = base, .path = real_path(path)};
    char *found = NULL;
    int failed = q.path ? find_worktree(&q, &found, err) : error_memory(err);
    if (!failed && !found) failed = make_worktree(&q, &found, err);
    free(q.path);
    if (!failed) *where = found;
    return failed;
}

/* ---- Removing one ---- */

/* True when every commit of the worktree stays in a branch or tag. -1 after an error. */
static int is_kept(const git_repository *r, baton_error **err) {
    if (r->branch || !r->head) return 1;
    char *refs = git_text(
        r->root, NULL,
        GIT("for-each-ref", "--count=1", "--contains", r->head, "refs/heads", "refs/tags", "refs/remotes"),
        err);
    if (!refs) return -1;
    int kept = *refs != '\0';
    free(refs);
    return kept;
}

/* True when nothing is in the worktree but what its commit has. -1 after an error. */
static int is_clean(const char *root, baton_error **err) {
    buffer list = {0};
    const char *const *arguments = GIT("status", "--porcelain=v1", "-z", "--untracked-files=all",
                                       "--ignored=matching", "--ignore-submodules=none", "--no-renames");
    if (git_call(root, NULL, arguments, &list, err) != 0) return -1;
    int clean = list.size == 0;
    buffer_done(&list);
    return clean;
}

/* git itself refuses what it is not sure of: a lock, submodules, a file that came this very moment. */
static int remove_clean(const git_repository *r, bool *removed, baton_error **err) {
    const char *const *arguments = GIT("worktree", "remove", "--", r->root);
    command_result result;
    int failed = git_run(r->common, NULL, arguments, &result, err);
    const char *said = buffer_text(&result.messages);
    if (!failed && result.code == 0)
        *removed = true;
    else if (!failed && !strstr(said, "locked working tree") && !strstr(said, "containing submodules") &&
             !strstr(said, "contains modified or untracked files"))
        failed = git_refuse(arguments, &result, err);
    command_release(&result);
    return failed;
}

int git_worktree_remove(const char *path, bool *removed, baton_error **err) {
    *removed = !exists(path);
    if (*removed) return 0;
    git_repository r;
    if (git_find(&r, path, err) != 0) return -1;
    char *real = realpath(path, NULL),
         *own = git_text(r.root, NULL, GIT("rev-parse", "--absolute-git-dir"), err);
    int failed = 0;
    if (!own || !real)
        failed = own ? error_memory(err) : -1;
    else if (strcmp(real, r.root) != 0 || strcmp(own, r.common) == 0)
        failed = baton_error_set(err, BATON_ERROR_USAGE, "'%s' is not a worktree beside a main one", path);
    if (!failed) {
        int safe = is_clean(r.root, err);
        if (safe > 0) safe = is_kept(&r, err);
        failed = safe > 0 ? remove_clean(&r, removed, err) : safe;
    }
    free(own);
    free(real);
    git_done(&r);
    return failed;
}
