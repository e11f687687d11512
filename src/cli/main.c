/* The program: finds the command and runs it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "cli/cli.h"
#include "store/store.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In the order of the help. */
const command *const commands[] = {
    &command_run,
    &command_resume,
    &command_rerun,
    &command_submit,
    &command_worker,
    &command_suspend,
    &command_cancel,
    &command_list,
    &command_show,
    &command_logs,
    &command_why,
    &command_stats,
    &command_prune,
    &command_backup,
    &command_validate,
    &command_graph,
    &command_task,
    &command_help,
    NULL,
};

/* The one whose name ends with this word; NULL when there is none. */
static const command *find(const command *const *among, const char *word, const char **names,
                           size_t *count) {
    for (*count = 0; among[*count]; ++*count) {
        const char *blank = strchr(among[*count]->name, ' ');
        names[*count] = blank ? blank + 1 : among[*count]->name;
        if (strcmp(names[*count], word) == 0) return among[*count];
    }
    return NULL;
}

static void tell_unknown(const char *before, const char *word, const char *const *names, size_t count) {
    const char *blank = *before ? " " : "", *near = text_nearest(word, names, count);
    if (near)
        cli_fail(EXIT_USAGE, "unknown command '%s%s%s' (did you mean '%s%s%s'?)", before, blank, word,
                 before, blank, near);
    else
        cli_fail(EXIT_USAGE, "unknown command '%s%s%s'; see 'baton help%s%s'", before, blank, word, blank,
                 before);
}

const command *cli_find_command(const char *first, const char *second, int *taken) {
    const char *names[64];
    size_t count;
    const command *c = find(commands, first, names, &count);
    if (!c) tell_unknown("", first, names, count);
    if (taken) *taken = 1;
    if (!c || !c->parts || !second || *second == '-') return c;
    if (taken) *taken = 2;
    const command *part = find(c->parts, second, names, &count);
    if (!part) tell_unknown(first, second, names, count);
    return part;
}

/* Whoever closed stdin, stdout or stderr must not get a socket or a pipe in its place. */
static void hold_standard_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv) {
    hold_standard_descriptors();
    setlocale(LC_CTYPE, "");
    store_tune_process();
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error like a full disk */
    if (argc < 2) {
        cli_print_help(NULL);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0 || strcmp(name, "version") == 0) {
        printf("baton %s\n", baton_version());
        return EXIT_DONE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    int taken;
    const command *c = cli_find_command(name, argc > 2 ? argv[2] : NULL, &taken);
    if (!c) return EXIT_USAGE;
    for (int i = 1 + taken; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            cli_print_help(c);
            return EXIT_DONE;
        }
    cli_arguments args = {.command = c, .argv = argv, .next = 1 + taken};
    int code = c->run(&args);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_DONE)
        return cli_fail(EXIT_FAULTED, "cannot write to stdout");
    return code;
}
