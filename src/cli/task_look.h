/* What the commands that look at tasks share: which store and which tasks, why there are none, and how one
 * is shown.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_TASK_LOOK_H
#define BATON_CLI_TASK_LOOK_H

#include "base/value.h"
#include "cli/cli.h"

/* Options that several commands have, first in their tables: those of all, and those with filters. */
enum {
    TASK_STORE,
    TASK_PROJECT,
    TASK_JSON,
    TASK_LOOK_OPTIONS,
    TASK_STATUS = TASK_LOOK_OPTIONS,
    TASK_TYPE,
    TASK_CATEGORY,
    TASK_PRIORITY,
    TASK_FILTER_OPTIONS
};
#define TASK_OPTION_STORE \
    { "store", "URL", "where tasks are kept: a file, or sqlite:FILE", 0 }
#define TASK_OPTION_PROJECT \
    { "project", "NAME", "only tasks of this project", 'p' }
#define TASK_FILTERS                                                                        \
    [TASK_STORE] = TASK_OPTION_STORE, [TASK_PROJECT] = TASK_OPTION_PROJECT,                 \
    [TASK_STATUS] = {"status", "STATUS", "only those pending, blocked, running, ...", 's'}, \
    [TASK_TYPE] = {"type", "TYPE", "only those of this type: feature, bugfix, ...", 't'},   \
    [TASK_CATEGORY] = {"category", "NAME", "only those of this category", 0},               \
    [TASK_PRIORITY] = {"priority", "PRIORITY", "only those critical, high, medium or low", 0}

typedef struct task_look {
    const char *store; /* --store, or NULL */
    baton_task_filter filter;
    bool blocked; /* of the pending ones only those that something is in the way of */
    bool json;
    baton_task_service *service; /* NULL: there is no store, and so no tasks */
} task_look;

/* Sets one of the options above; false after a message. */
bool task_look_set(task_look *l, int option, const char *value);
/* Opens the store if it is there; nothing is created. An exit code, after a message when it is not 0. */
int task_look_open(task_look *l);
void task_look_close(task_look *l);
/* The tasks that fit, in the order in which they can be carried out; given; invalid after an error. */
baton_value task_look_list(task_look *l, baton_error **err);
/* Says on stderr why there are none. */
void task_look_explain(task_look *l);

/* Its status; "blocked" when it is pending and something is in its way. Lives as long as the task. */
const char *task_status(baton_value task);
/* For cli_colour; NULL: none. */
const char *task_status_colour(const char *status);
/* Its alias, and what its title says beyond that; "" when that is nothing. Live as long as the task. */
const char *task_alias(baton_value task);
const char *task_subtitle(baton_value task);
/* Its hours; negative when nobody said. */
double task_hours(baton_value task);
/* "Foundation 1A, 3A.2 (external), Automation 2A (failed) and 4 more". Appends. */
void task_put_blockers(buffer *b, baton_value task);
/* A text for one line, at most so many columns; "..." at its end tells that there is more. Appends. */
void task_put_short(buffer *b, const char *text, size_t columns);
/* "1 task", "2 tasks". Appends. */
void task_put_count(buffer *b, size_t count, const char *noun);
/* "2.5", "40". Appends. */
void task_put_hours(buffer *b, double hours);
/* An array, one element a line. */
void task_print_array(baton_value array);

#endif
