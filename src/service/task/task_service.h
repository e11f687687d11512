/* The task service: tasks as the store keeps them, and what may be done to them.
 *
 * A task is a value: an object with the columns of the table `tasks` (seed) and Baton's own beside them:
 *
 *   id, project_id, title, description, type, category, priority, status, source_type, source_path,
 *   source_content, metadata, estimated_hours
 *   position, version, digest, imported_at, updated_at, execution, state
 *   dependencies: [{text, depends_on, satisfied}]
 *
 * `state` is this layer's own; its members, and who writes them:
 *
 *   - edited: columns and settings that a person set; a document does not take them back (by edit)
 *   - notes: [{at, text}], what became of the document since it was imported (by import)
 *   - file, own_path, repository, feature, boxes: of the document, what listing tasks needs (by import)
 *   - approvals: {gate: {at, note?, again?, key or digest}}; a key is that of the visit of the gate
 *     that it is for, a digest that of the document whose begin was approved in advance (by approve, retry)
 *   - gate: {name, key, step, why, since, commands?} while it waits for a person (by the gate's step)
 *   - work: what was done so far, see work.h (by the steps)
 *   - base_commit, branch: those of the work before, when it is tried again (by the orchestrator)
 *   - claimed: the branch that is made for it, or was (by task.prepare)
 *   - executions: ids of those that carried it out, the oldest first (by the orchestrator)
 *   - reason, started_at, ended_at: why it failed; when it was carried out (by the orchestrator)
 *   - retry_note: what the agent is told when it is tried again (by retry)
 *
 * Every change is a read, a change of the value, and a write that names the version which was read: when
 * somebody else was faster, it is done again with what they wrote.
 *
 * A task's status:
 *
 *   pending ──run──► running ◄──approved── waiting      (for a person)
 *      ▲                │  └──────gate──────► ▲
 *      └────retry──── failed, cancelled, completed
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_TASK_SERVICE_H
#define BATON_SERVICE_TASK_SERVICE_H

#include "base/value.h"
#include "store/store.h"

struct baton_task_service {
    store *store;
};

/* Opens a store that tasks can be kept in, as store_open does. Given; NULL after an error. */
baton_task_service *task_service_open(const char *url, const store_options *options, baton_error **err);
/* The tasks that a filter lets through, as an array; given; invalid after an error. Without a service there
 * are none. */
baton_value task_service_read(baton_task_service *s, const store_task_filter *filter, baton_error **err);
/* One task by its id; given; BATON_ERROR_NOT_FOUND. */
baton_value task_service_by_id(baton_task_service *s, const char *id, bool content, baton_error **err);
/* Writes tasks that were read, or new ones (version 0). What is not in a value stays as it was; the array
 * `dependencies` is written where it is there. BATON_ERROR_CONFLICT when somebody else wrote meanwhile. */
int task_service_write(baton_task_service *s, baton_value tasks, baton_error **err);

/* Changes a task (taken, and given back): the whole new value; or invalid with *err. */
typedef baton_value (*task_change)(void *data, baton_value task, baton_error **err);
/* Reads, changes and writes one task; the new one is given to *task when that is not NULL. */
int task_service_change(baton_task_service *s, const char *id, task_change change, void *data,
                        baton_value *task, baton_error **err);

/* A task's status is this one; it is running or waiting. */
bool task_is(baton_value task, const char *status);
bool task_is_under_way(baton_value task);
/* Of all of these tasks. */
size_t tasks_count_dependencies(baton_value tasks);
/* A member of an object within an object ("state", "gate"); given; invalid when it is not there. */
baton_value task_member(baton_value object, const char *key, const char *inner);
/* Sets it, making the object that it is in. Takes task and member. */
baton_value task_set_member(baton_value object, const char *key, const char *inner, baton_value member);
/* RFC 3339, now. */
baton_value task_now(void);
/* The setting that counts for a task: edited by a person, else the document's (its execution context, else
 * its database fields), else invalid. Given. */
baton_value task_setting(baton_value task, const char *key);
/* What a task waits for as of now, {text, depends_on, alias, status} each, status "external" for what is no
 * task and "ambiguous" for what several could be; given. `all` are the tasks of its project. Invalid
 * without memory. */
baton_value task_blockers(baton_value task, baton_value all);
/* -1 (BATON_ERROR_CYCLE, naming it) when these tasks depend on each other in a circle. The ids of those in
 * it are appended to the array *circle, unless circle is NULL. */
int tasks_refuse_circle(baton_value tasks, baton_value *circle, baton_error **err);
/* A project's tasks (NULL: all) in the order in which they can be carried out; given. */
baton_value task_service_in_order(baton_task_service *s, const char *project, baton_error **err);
/* The id of the task that a word means: see baton_task_service_get. Given, to be freed with free(). */
char *task_service_resolve(baton_task_service *s, const char *word, baton_error **err);

#endif
