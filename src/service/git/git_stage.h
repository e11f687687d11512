/* Everything in a worktree as git would commit it, in the worktree's index or in another one. One function
 * decides what that is, so that what is compared is what is committed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_GIT_STAGE_H
#define BATON_SERVICE_GIT_STAGE_H

#include <baton/baton.h>

enum { GIT_NESTED_MOST = 100 }; /* repositories within a worktree */

/* Stages all that differs, untracked files too, but for ignored ones and for other repositories within this
 * one: git would record those as submodules that nobody can fetch. `root` is the worktree's top folder;
 * `index` is a file in place of its index, or NULL. */
int git_stage(const char *root, const char *index, baton_error **err);

/* An index of its own, which holds all that git_stage stages. git writes what is new into the repository's
 * objects, where the commit will find it, else git gc removes it one day. */
typedef struct git_snapshot {
    char *folder, *index;
} git_snapshot;

/* Call git_snapshot_done in every case. */
int git_snapshot_take(git_snapshot *s, const char *root, baton_error **err);
void git_snapshot_done(git_snapshot *s);

#endif
