/* The work: what is known of a task while it is carried out. It is the data of its workflow: each function
 * that the workflow calls (task.prepare, .begin, .work, .verify, .commit, .accept, .finish) gets it and
 * gives it back, changed. So it is durable as any other data is, and what comes next is for the workflow to
 * decide, by `next`. A copy stands in the task's state, for people to look at.
 *
 *   - task, title, path: the task's id, title and source_path
 *   - execution: the one that carries it out; only that one writes into the task
 *   - settings: as settings_of gives them, when it began
 *   - verify: commands that decide; document_verify: those that the document brings, which run only when
 *     `trusted`
 *   - rules: of the workflow (document.metadata.rules): guidance (a text for the agent), expects
 *     ("message": nothing needs to change), begin and accept ("always": a person lets it)
 *   - directory: where it is carried out; branch, base, base_commit: null without a branch of its own
 *   - fingerprint: of the directory's content when it began; null outside of git
 *   - attempt: from 1; asked: how often in this one the agent was asked to say that it is done; waits: how
 *     often a rate limit was waited for
 *   - verifying: the index of the next command
 *   - session: the agent's; null: none; session_own: it has been told of this task
 *   - failure: what the agent is told; null: nothing
 *   - sent_back: a person had something against what was done before
 *   - change_from: the fingerprint of what a person sent back, which must change; null: nothing was sent
 * back
 *   - next: "work", "begin", "pause", "verify", "commit", "accept", "finish"; pause: how long, "PT30S"
 *   - failed: why it was given up; null: it was not; unrunnable: because the agent could not be run at all
 *   - commit, changes: what came of it
 *   - log: [{kind, at, ...}], what happened: the evidence
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_WORK_H
#define BATON_SERVICE_WORK_H

#include "base/value.h"
#include "service/agent/agent.h"
#include "service/orchestrator/orchestrator.h"
#include "service/task/task_service.h"

struct baton_orchestrator {
    baton_task_service *service;
    baton_orchestrator_options options; /* its texts are its own */
    agent_settings agent;
    baton_value verify; /* an array of texts */
    char *directory;    /* absolute */
    char *repository;   /* the common git folder that it is in, and the project of that name; NULL: none */
    char *project;
    char *worktrees;
    orchestrator_told told; /* may be NULL */
    void *told_data;

    /* What follows is the orchestrator's alone. */
    baton_registry *registry;
    orchestrator_watch watch;
    void *watch_data;
    char *session;       /* of the task before, for one that needs no chat of its own */
    baton_value refused; /* {id: true} of tasks that could not begin or go on: `next` passes them over */
};

enum {
    WORK_TAIL_BYTES = 4000, /* of a text that is kept as evidence */
    WORK_LOG_MOST = 300     /* entries: of more the oldest are dropped, but for the first */
};

/* One a function; their type's data is the orchestrator. */
int work_prepare(baton_step_call *call, baton_error **err);
int work_begin(baton_step_call *call, baton_error **err);
int work_agent(baton_step_call *call, baton_error **err);
int work_verify(baton_step_call *call, baton_error **err);
int work_commit(baton_step_call *call, baton_error **err);
int work_accept(baton_step_call *call, baton_error **err);
int work_finish(baton_step_call *call, baton_error **err);

/* The input of a function, if it is the work of a task (and, if it must be, one that task.prepare has
 * prepared): a workflow of somebody's own may put any other data in its place. Given; invalid with
 * BATON_ERROR_INVALID. */
baton_value work_input(baton_step_call *call, bool prepared, baton_error **err);
/* BATON_ERROR_CONFLICT when the task is not carried out any more, or by another execution: then what comes
 * late must not be written into it. */
int work_check_current(baton_value work, baton_value task, baton_error **err);

/* What the functions share. Each takes the work and gives it back. */
baton_value work_log(baton_value work, baton_value entry); /* takes the entry, adds `at` */
/* The attempt failed: another one, or the end. `tail` (may be NULL) is the end of what failed wrote. */
baton_value work_fail_attempt(baton_value work, const char *reason, const char *tail);
baton_value work_next(baton_value work, const char *next);
/* Numbers and flags of the work and of its settings. */
int work_number(baton_value work, const char *key);
int work_setting_number(baton_value work, const char *key);
bool work_setting_flag(baton_value work, const char *key);
/* A rule's text is this one. */
bool work_rule_is(baton_value work, const char *rule, const char *text);
bool work_level_is(baton_value work, const char *level);
/* The commands that decide: those of whoever runs Baton, and then the document's. Given: an array. */
baton_value work_commands(baton_value work);
/* What a person's approval (borrowed) makes of the work that waits at a gate: it goes on, or is sent back.
 * Adds that to the log. */
baton_value work_take_approval(baton_value work, const char *gate, baton_value approval);
/* Keeps a copy in the task's state, and sets the task's status unless NULL. */
int work_save(baton_orchestrator *o, baton_value work, const char *status, baton_error **err);
/* What a process wrote, "stdout" or "stderr" of its outcome, with blanks in place of NULs, at which texts
 * would end. Given; NULL without memory. */
char *work_output(baton_value outcome, const char *key);
/* The last WORK_TAIL_BYTES of a text, begun at a character. */
const char *work_tail(const char *text);

#endif
