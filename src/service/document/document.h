/* A task document: a markdown file that describes a piece of work, read with cmark-gfm. What it says
 * becomes the columns of the table `tasks` and, all the rest, one JSON object, `metadata`. Nothing is
 * guessed: what cannot be read is a problem with its line, and the column stays empty.
 *
 * Seed, sections 1 to 11 and "Database Task Creation Instructions".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_DOCUMENT_H
#define BATON_SERVICE_DOCUMENT_H

#include "base/arena.h"

#include <baton/baton.h>

typedef enum document_severity {
    DOCUMENT_NOTE,    /* worth knowing; nothing is missing */
    DOCUMENT_WARNING, /* something was said that cannot be read, and counts as not said */
    DOCUMENT_ERROR    /* it cannot become a task */
} document_severity;

typedef struct document_problem {
    document_severity severity;
    int line; /* from 1; 0: of the whole file */
    const char *reason;
} document_problem;

/* Its texts live as long as it. NULL: not said. */
typedef struct task_document {
    const char *title, *type, *category, *priority;
    const char *project_id;  /* of the document's own mapping */
    const char *source_path; /* its own word for where it stands */
    double estimated_hours;  /* negative: not said */
    baton_value metadata;    /* an object, see docs/tasks.md */
    int dependencies_line;   /* where it says what it depends on; 0: nowhere */
    document_problem *problems;
    size_t problem_count;
    arena memory;
} task_document;

/* Reads a document. 0 also when it has problems, with as much as could be read; -1 without memory. d is
 * zeroed before; task_document_done frees it in either case. */
int task_document_read(task_document *d, const char *text, size_t size, baton_error **err);
void task_document_done(task_document *d);

#endif
