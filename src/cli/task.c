/* baton task: the commands for tasks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static const command *const parts[] = {
    &command_task_import,
    &command_task_lint,
    &command_task_list,
    &command_task_show,
    &command_task_next,
    &command_task_run,
    &command_task_approve,
    &command_task_retry,
    &command_task_cancel,
    &command_task_edit,
    &command_task_graph,
    &command_task_export,
    NULL,
};

static const cli_option options[] = {{NULL, NULL, NULL, 0}};

static int run_task(cli_arguments *args) {
    cli_print_help(args->command);
    return EXIT_USAGE;
}

const command command_task = {.name = "task",
                              .arguments = "COMMAND",
                              .summary = "carry out tasks that markdown documents describe",
                              .description = "A task is a piece of work that a markdown document "
                                             "describes. Baton keeps tasks in its store, knows "
                                             "which\n"
                                             "of them depend on which, and has them carried out one after "
                                             "the other, each on a branch of its own, "
                                             "by a\n"
                                             "command line agent or script; its own checks decide whether "
                                             "one is done. 'baton help task COMMAND'\n"
                                             "explains each command.",
                              .examples = "  baton task import docs/tasks\n"
                                          "  baton task list --tree\n"
                                          "  baton task run --all --agent 'claude -p' --verify 'make test'",
                              .options = options,
                              .run = run_task,
                              .parts = parts};
