/* The files that an import is given: what paths name, found and read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_TASK_FILES_H
#define BATON_SERVICE_TASK_FILES_H

#include "base/arena.h"

#include <baton/baton.h>

typedef struct task_file {
    const char *path;       /* as it is told to people */
    const char *real;       /* without links */
    const char *relative;   /* from the repository's root, else from the folder that was named */
    const char *repository; /* its name, else that of the one where this process is; NULL: none */
    const char *common;     /* the common git folder of the repository that it is in; NULL: none */
    const char *folder;     /* the name of the folder that was named, or that the file is in */
    bool named;             /* by itself, not found in a folder */
} task_file;

typedef struct task_files {
    task_file *list;
    size_t count, capacity;
    arena memory;
} task_files;

/* Finds files: those named, and in folders all *.md, at any depth, sorted; not in hidden folders and
 * node_modules. Zeroed before; task_files_done in either case. A file that is named twice is there once. */
int task_files_find(task_files *files, const char *const *paths, size_t count, baton_error **err);
void task_files_done(task_files *files);

#endif
