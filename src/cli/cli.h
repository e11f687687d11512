/* What the commands share: the table they are entries of, options, messages, exit codes.
 *
 * A command is one file that exports its entry; main.c lists the entries. Help is made from the table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_CLI_H
#define BATON_CLI_CLI_H

#include "base/buffer.h"

#include <baton/baton.h>

typedef enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAULTED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 3,
    EXIT_NOT_ALLOWED = 4,
    EXIT_SUSPENDED = 5,
    EXIT_TIMED_OUT = 6,
    EXIT_REFUSED = 7, /* queue full, conflict */
    EXIT_INVALID = 8,
    EXIT_STORE = 9,
    EXIT_INTERRUPTED = 130,
    EXIT_TERMINATED = 143
} exit_code;

typedef struct cli_option {
    const char *name;     /* without "--" */
    const char *argument; /* what the help calls its argument; NULL: it has none */
    const char *help;
    char letter; /* 0: none */
} cli_option;

typedef struct cli_arguments {
    const struct command *command;
    char **argv; /* ends with NULL */
    int next;
    const char *rest[256]; /* what is no option */
    int rest_count;
    const char *inside; /* the rest of a group of letters, -qv */
} cli_arguments;

typedef struct command {
    const char *name;      /* as it is written: "run", "task list" */
    const char *arguments; /* "FILE..." */
    const char *summary;   /* one line */
    const char *description;
    const char *examples;      /* may be NULL */
    const cli_option *options; /* ends with a NULL name */
    int (*run)(cli_arguments *args);
    const struct command *const *parts; /* commands behind this one, "task list"; NULL: none, or ends so */
} command;

extern const command command_run, command_resume, command_rerun, command_submit, command_worker,
    command_suspend, command_cancel, command_list, command_show, command_logs, command_why, command_stats,
    command_prune, command_backup, command_validate, command_graph, command_task, command_help;
extern const command command_task_import, command_task_lint, command_task_list, command_task_show,
    command_task_next, command_task_run, command_task_approve, command_task_retry, command_task_cancel,
    command_task_edit, command_task_graph, command_task_export;
extern const command *const commands[]; /* ends with NULL */
/* The command that words name ("list", or "task" and "list"; second may be NULL); NULL after a message.
 * *taken (may be NULL): how many words that took. A command with parts is found by its first word alone,
 * too. */
const command *cli_find_command(const char *first, const char *second, int *taken);

/* The next option: its index in the command's table, with its argument (or NULL) in *value; -1 at the end,
 * when `rest` holds what is no option; -2 after a message about a mistake. */
int cli_option_next(cli_arguments *args, const char **value);
/* "baton: message" on stderr. Returns the exit code given. */
int cli_fail(exit_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Every error of a list, one a line, on stderr; frees it. Returns the exit code that fits it. */
int cli_fail_error(baton_error *err);
exit_code cli_exit_code(const baton_error *err);
/* The index of an option's value among names (ended by NULL); -1 after a message. */
int cli_one_of(const char *option, const char *value, const char *const *names);
/* "90s", "5m", "2h", "3d", "250ms", or as the DSL has it; above zero. */
bool cli_parse_duration(const char *text, int64_t *ms);
void cli_print_help(const command *c);
/* A whole file, or stdin for "-". Given; NULL after an error. */
char *cli_read_file(const char *path, size_t most, size_t *size, baton_error **err);

/* A workflow file, or stdin for "-". Given; NULL after an error. */
baton_workflow *cli_load_workflow(const char *path, baton_error **err);
/* The same of one that is not run: it may call the functions of tasks, which `run` does not have. */
baton_workflow *cli_look_at_workflow(const char *path, baton_error **err);
/* Text for a terminal: what would control it becomes a blank. Appends. */
void cli_put_clean(buffer *b, const char *text);

/* Colours, where they are wanted: cli_colour("31") begins, cli_colour("0") ends; "" without colours. */
typedef enum colour_mode { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER } colour_mode;
void cli_set_colour(colour_mode mode, int fd);
const char *cli_colour(const char *code);
bool cli_parse_colour(const char *text, colour_mode *mode);
bool cli_is_utf8(void);
/* "840 ms", "3.2 s", "2 min 5 s", "29 d 3 h". */
const char *cli_duration(int64_t ns, char text[32]);

#endif
