/* baton help: made from the command table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/manual.h"

#include <stdio.h>
#include <string.h>

static void print_options(const cli_option *options) {
    if (!options[0].name) return;
    puts("\nOptions:");
    for (const cli_option *o = options; o->name; o++) {
        char left[64];
        if (o->letter)
            snprintf(left, sizeof left, "-%c, --%s", o->letter, o->name);
        else
            snprintf(left, sizeof left, "    --%s", o->name);
        size_t n = strlen(left);
        if (o->argument) snprintf(left + n, sizeof left - n, " %s", o->argument);
        printf("  %-28s %s\n", left, o->help);
    }
}

static void print_commands(const command *const *list) {
    for (int i = 0; list[i]; i++) printf("  %-13s %s\n", list[i]->name, list[i]->summary);
}

static void print_all(void) {
    puts("Baton runs sequences of steps and never loses its place.\n\n"
         "Usage: baton COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:");
    print_commands(commands);
    puts("\nExit codes: 0 done, 1 faulted or cancelled, 2 usage, 3 not found, 4 not allowed, 5 suspended "
         "or\n"
         "waiting, 6 timed out, 7 queue full or conflict, 8 invalid definition or input, 9 store failure,\n"
         "130 second Ctrl-C, 143 SIGTERM.");
    puts("\n'baton help COMMAND' explains one of them; 'baton --version' tells the version.");
}

void cli_print_help(const command *c) {
    if (!c) {
        print_all();
        return;
    }
    printf("Usage: baton %s %s%s\n\n%s\n", c->name, c->options[0].name ? "[OPTIONS] " : "",
           c->arguments ? c->arguments : "", c->description);
    if (c->parts) {
        puts("\nCommands:");
        print_commands(c->parts);
    }
    print_options(c->options);
    if (c->examples) printf("\nExamples:\n%s\n", c->examples);
}

enum { OPTION_MAN, OPTION_COMPLETION };

static const cli_option options[] = {
    [OPTION_MAN] = {"man", NULL, "prints the manual page, for man(1)", 0},
    [OPTION_COMPLETION] = {"completion", NULL, "prints the completion for bash", 0},
    {NULL, NULL, NULL, 0}};

static int run_help(cli_arguments *args) {
    const char *value;
    int option = cli_option_next(args, &value);
    if (option < -1) return EXIT_USAGE;
    if (option >= 0) {
        (option == OPTION_MAN ? manual_print_page : manual_print_completion)();
        return EXIT_DONE;
    }
    if (!args->rest_count) {
        cli_print_help(NULL);
        return EXIT_DONE;
    }
    const command *c = cli_find_command(args->rest[0], args->rest_count > 1 ? args->rest[1] : NULL, NULL);
    if (!c) return EXIT_USAGE;
    cli_print_help(c);
    return EXIT_DONE;
}

const command command_help = {.name = "help",
                              .arguments = "[COMMAND]",
                              .summary = "explain baton, or one of its commands",
                              .description = "Explains baton, or one of its commands.",
                              .options = options,
                              .run = run_help};
