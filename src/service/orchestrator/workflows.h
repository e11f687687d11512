/* Which workflow carries out a type of task: the file TYPE.yaml in the first of several folders that has
 * it; for words that mean another type ("docs", "refactor"), that type's file, unless they have their own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_WORKFLOWS_H
#define BATON_SERVICE_WORKFLOWS_H

#include <baton/baton.h>
#include <limits.h>

/* Where the user's own configuration has NAME: $XDG_CONFIG_HOME/baton/NAME, else ~/.config/baton/NAME; ""
 * when neither folder is known. */
void user_configuration(const char *name, char path[PATH_MAX]);

/* The workflow of a type. Looked for in `folders` (each may be NULL), then in baton/workflows of the user's
 * configuration ($XDG_CONFIG_HOME, ~/.config), then in $BATON_WORKFLOWS, then in what came with Baton:
 * share/baton/workflows beside the program's own folder, or where it was installed. Given; NULL after an
 * error: BATON_ERROR_NOT_FOUND names the folders. */
baton_workflow *workflow_of_type(const char *type, const char *const *folders, size_t count,
                                 baton_registry *registry, baton_error **err);

#endif
