/* What a task needs of git: a branch in a worktree of its own, what changed there, and a commit. By the git
 * program (2.36 or later), with LC_ALL=C and no prompts, and without the environment's GIT_* variables that
 * say where a repository is or how it is configured; those about the person and the machine stay
 * (GIT_AUTHOR_*, GIT_COMMITTER_*, GIT_SSH*, GIT_CONFIG_GLOBAL and the like). Calls wait for it, ten minutes
 * at most (BATON_ERROR_TIMEOUT). Any thread.
 *
 * Never pushes or merges unless asked by the function of that name; never deletes a branch; never removes a
 * worktree in which anything, also an ignored file, would be lost. Other repositories within a worktree,
 * submodules and worktrees too, are not looked into; a submodule's commit is content of the one around it.
 *
 * All functions may be called again after a crash in their midst: they find what was done and go on. What
 * git itself leaves when it is killed, its .lock files, is told and not removed (BATON_ERROR_CONFLICT).
 *
 * Errors are one line of what git said, and what to do where that is known. Also: BATON_ERROR_NOT_ALLOWED
 * for a repository of another user (safe.directory), BATON_ERROR_USAGE for names that begin with a dash.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_GIT_H
#define BATON_SERVICE_GIT_H

#include <baton/baton.h>

typedef struct git_repository {
    char *root;   /* of the worktree that `directory` is in */
    char *common; /* the common git folder */
    char *name;   /* of the main worktree's folder */
    char *branch; /* checked out; NULL: detached */
    char *head;   /* its commit; NULL: none yet */
} git_repository;

/* Finds the repository that a directory is in. BATON_ERROR_NOT_FOUND when there is none (or no git),
 * BATON_ERROR_UNSUPPORTED when it is bare. */
int git_find(git_repository *r, const char *directory, baton_error **err);
void git_done(git_repository *r);
/* 1 when tracked files have changes that are not committed, 0 when not, -1 after an error. *paths (may be
 * NULL; given unless -1) names the first of them: "a.c, b.c and 3 more". */
int git_is_dirty(const char *directory, char **paths, baton_error **err);
/* Whether a branch may be called so: git's own rules, and neither "HEAD" nor "@". */
bool git_branch_name_is_valid(const char *name);
/* Makes branch `name` at commit-ish `base` if it is not there, and a worktree of it at `path` (absolute) if
 * none is there. An existing branch is used as it stands, an existing worktree of that branch too, also at
 * another path; one whose folder is gone is made again. Gives where it is in *where (given).
 * BATON_ERROR_CONFLICT when the branch is checked out in the repository's main worktree or the path is
 * taken by something else; BATON_ERROR_NOT_FOUND without a commit to begin at. */
int git_worktree(const git_repository *r, const char *name, const char *base, const char *path,
                 char **where, baton_error **err);
/* The commit of a branch or other name; given; NULL with BATON_ERROR_NOT_FOUND. */
char *git_commit_of(const char *directory, const char *name, baton_error **err);
/* 1 when commit a is an ancestor of b (or the same), 0 when not, -1 after an error. */
int git_is_ancestor(const char *directory, const char *a, const char *b, baton_error **err);
/* Merges branches, one after the other, into the one that is checked out. A conflict is undone and told
 * (BATON_ERROR_CONFLICT); the branches before it stay merged. Nothing is begun when tracked files are dirty
 * or another merge is not concluded (BATON_ERROR_CONFLICT). */
int git_merge(const char *directory, const char *const *branches, size_t count, baton_error **err);

/* Everything that differs from commit `since` in the worktree, committed or not, untracked files too. An
 * object {"files": n, "insertions": n, "deletions": n, "paths": [{"path", "state": "added" | "modified" |
 * "deleted"}], "commits": n, "head": commit or null}; paths at most GIT_PATHS_MOST, sorted by their bytes,
 * and U+FFFD for those that are not UTF-8. Given; invalid after an error. Untracked files count their lines
 * as insertions, a rename is a deleted and an added file, a binary file has no lines. `since` NULL:
 * everything, for a repository that had no commit. The user's index is left as it is. */
enum { GIT_PATHS_MOST = 500 };
baton_value git_changes(const char *directory, const char *since, baton_error **err);
/* One text that changes with every change of the worktree's content (the name of its tree, untracked files
 * in it, ignored ones not): to see whether an agent did anything. Committing that content does not change
 * it. Given; NULL after an error. */
char *git_fingerprint(const char *directory, baton_error **err);
/* Commits everything in the worktree, hooks included. *commit (given, may be NULL) is the new HEAD; when
 * there was nothing to commit it is the old one, and 0 is returned all the same. Without an identity in
 * git's configuration it is "Baton <baton@localhost>". A hook that refuses is BATON_ERROR_STEP with the end
 * of what it said; files with unresolved conflicts are BATON_ERROR_CONFLICT. */
int git_commit(const char *directory, const char *message, char **commit, baton_error **err);
/* Never forced: BATON_ERROR_CONFLICT when the remote's branch has other commits. */
int git_push(const char *directory, const char *remote, const char *branch, baton_error **err);
/* Removes a worktree if nothing is lost with it (and its user did not lock it); *removed says whether, true
 * also when nothing is at `path`. BATON_ERROR_USAGE when that is the main worktree or none. */
int git_worktree_remove(const char *path, bool *removed, baton_error **err);

#endif
