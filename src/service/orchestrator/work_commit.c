/* task.commit: what the agent left uncommitted becomes a commit on the task's branch; a branch is all that
 * a task leaves behind. task.finish: the end of a task, good or bad.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "service/git/git.h"
#include "service/orchestrator/work.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *message_of(baton_value work) {
    buffer b = {0};
    buffer_printf(&b, "%s\n\nBaton-Task: %s\n", value_get_text(work, "title"),
                  value_get_text(work, "task"));
    return buffer_take(&b);
}

/* An agent that checked out something else has left the task's branch behind. */
static int refuse_other_branch(baton_value work, baton_error **err) {
    const char *branch = value_get_text(work, "branch");
    git_repository r;
    if (git_find(&r, value_get_text(work, "directory"), err) != 0) return -1;
    int result = 0;
    if (!r.branch || strcmp(r.branch, branch) != 0)
        result = baton_error_set(err, BATON_ERROR_STEP,
                                 "%s is checked out, not the task's branch %s: check that out and bring "
                                 "the work there",
                                 r.branch ? r.branch : "no branch", branch);
    git_done(&r);
    return result;
}

/* Takes the work. */
static baton_value commit(baton_value work, baton_error **err) {
    const char *directory = value_get_text(work, "directory");
    char *message = message_of(work), *made = NULL;
    baton_error *refused = NULL;
    int result = message ? refuse_other_branch(work, &refused) : error_memory(&refused);
    if (result == 0) result = git_commit(directory, message, &made, &refused);
    free(message);
    if (result == 0) {
        baton_value changes = git_changes(directory, value_get_text(work, "base_commit"), NULL);
        baton_value entry = value_set_text(baton_value_object(), "kind", "commit");
        entry = value_set_text(entry, "commit", made);
        work = work_log(work, entry);
        work = value_set_text(work, "commit", made);
        if (value_is_valid(changes)) work = baton_value_set(work, "changes", changes);
        work = work_next(work, "accept");
    } else if (baton_error_get_code(refused) == BATON_ERROR_STEP) { /* a hook: the agent may mend it */
        baton_value entry = value_set_text(baton_value_object(), "kind", "commit");
        work = work_log(work, value_set_text(entry, "refused", work_tail(baton_error_message(refused))));
        work = work_fail_attempt(work, "the commit was refused", baton_error_message(refused));
    } else {
        value_assign(&work, VALUE_INVALID);
        error_give(err, refused);
        refused = NULL;
    }
    baton_error_free(refused);
    free(made);
    return work;
}

int work_commit(baton_step_call *call, baton_error **err) {
    baton_value work = work_input(call, true, err);
    if (!value_is_valid(work)) return -1;
    work = value_get_text(work, "branch") ? commit(work, err) : work_next(work, "accept");
    if (!value_is_valid(work)) return -1;
    if (work_save(baton_step_call_data(call), work, NULL, err) == 0) {
        baton_step_call_output(call, work);
        return 0;
    }
    value_unref(work);
    return -1;
}

/* From the main worktree, where the paths of remotes count from. */
static int push(const char *directory, const char *remote, const char *branch, baton_error **err) {
    git_repository r = {0};
    if (git_find(&r, directory, err) != 0) return -1;
    size_t size = strlen(r.common);
    bool inside = size > strlen("/.git") && strcmp(r.common + size - strlen("/.git"), "/.git") == 0;
    if (inside) r.common[size - strlen("/.git")] = '\0';
    int result = git_push(inside ? r.common : directory, remote, branch, err);
    git_done(&r);
    return result;
}

/* The branch is pushed if somebody asked for it, and the worktree removed. A push that fails is told; what
 * was done is done all the same. Takes the work. */
static baton_value leave(const baton_orchestrator *o, baton_value work) {
    const char *directory = value_get_text(work, "directory"), *branch = value_get_text(work, "branch");
    const char *remote = o->options.push;
    if (!branch || access(directory, F_OK) != 0) return work; /* it is left already: a crash came between */
    baton_value entry = value_set_text(baton_value_object(), "kind", "finish");
    baton_error *refused = NULL;
    if (remote && push(directory, remote, branch, &refused) == 0) {
        entry = value_set_text(entry, "pushed_to", remote);
    } else if (remote) {
        buffer why = {0};
        buffer_printf(&why, "to '%s': %s", remote, baton_error_message(refused));
        entry = value_set_text(entry, "not_pushed", buffer_text(&why));
        work = value_set_text(work, "not_pushed", buffer_text(&why));
        buffer_done(&why);
    }
    baton_error_free(refused);
    bool removed = false;
    git_worktree_remove(directory, &removed, NULL); /* what cannot be removed stays */
    entry = baton_value_set(entry, "worktree_removed", baton_value_boolean(removed));
    return work_log(work, entry);
}

/* What the workflow gives: enough for whoever reads its output. */
static baton_value summary_of(baton_value work) {
    static const char *const told[] = {"task", "title", "branch", "commit", "changes", "attempt"};
    baton_value summary = baton_value_object();
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        baton_value v = baton_value_get(work, told[i]);
        summary = baton_value_set(summary, told[i], value_is_valid(v) ? v : baton_value_null());
    }
    return summary;
}

/* Whatever a workflow of somebody's own does: without its checks a task is not done. */
static bool is_verified(baton_value work) {
    baton_value commands = work_commands(work);
    bool all = (size_t)work_number(work, "verifying") >= baton_value_size(commands);
    value_unref(commands);
    return all;
}

int work_finish(baton_step_call *call, baton_error **err) {
    baton_orchestrator *o = baton_step_call_data(call);
    baton_value work = work_input(call, true, err);
    if (!value_is_valid(work)) return -1;
    const char *failed = value_get_text(work, "failed");
    if (failed) {
        int attempt = work_number(work, "attempt");
        baton_value unrunnable = baton_value_get(work, "unrunnable");
        if (baton_value_is_true(unrunnable))
            baton_error_set(err, BATON_ERROR_STEP, "%s", failed);
        else
            baton_error_set(err, BATON_ERROR_STEP, "given up after %d attempt%s: %s", attempt,
                            attempt == 1 ? "" : "s", failed);
        value_unref(unrunnable);
        value_unref(work);
        return -1;
    }
    if (!is_verified(work)) {
        value_unref(work);
        return baton_error_set(err, BATON_ERROR_STEP, "its workflow did not run the commands that decide");
    }
    work = leave(o, work);
    int result = work_save(o, work, NULL, err);
    if (result == 0) baton_step_call_output(call, summary_of(work));
    value_unref(work);
    return result;
}
