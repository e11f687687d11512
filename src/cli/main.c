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
    &command_run,    &command_resume, &command_rerun,    &command_submit, &command_worker, &command_suspend,
    &command_cancel, &command_list,   &command_show,     &command_logs,   &command_why,    &command_stats,
    &command_prune,  &command_backup, &command_validate, &command_graph,  &command_help,   NULL,
};

static const command *find(const char *name) {
    for (int i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

static int unknown_command(const char *name) {
    const char *names[64];
    size_t n = 0;
    for (; commands[n]; n++) names[n] = commands[n]->name;
    const char *near = text_nearest(name, names, n);
    if (near) return cli_fail(EXIT_USAGE, "unknown command '%s' (did you mean '%s'?)", name, near);
    return cli_fail(EXIT_USAGE, "unknown command '%s'; see 'baton help'", name);
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
    const command *c = find(name);
    if (!c) return unknown_command(name);
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            cli_print_help(c);
            return EXIT_DONE;
        }
    cli_arguments args = {.command = c, .argv = argv, .next = 2};
    int code = c->run(&args);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_DONE)
        return cli_fail(EXIT_FAULTED, "cannot write to stdout");
    return code;
}
