/* The manual page and the shell completion, made from the command table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/manual.h"

#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* Text for roff: no line is taken for a request, no dash for a hyphen. */
static void put_roff(const char *text) {
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", stdout);
        line_start = *text == '\n';
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
}

static void put_option(const cli_option *o) {
    printf(".TP\n.B ");
    if (o->letter) printf("\\-%c\\fR, \\fB", o->letter);
    fputs("\\-\\-", stdout);
    put_roff(o->name);
    if (o->argument) {
        fputs("\\fR \\fI", stdout);
        put_roff(o->argument);
    }
    fputs("\\fR\n", stdout);
    put_roff(o->help);
    putchar('\n');
}

static void put_command(const command *c) {
    printf(".SS \"baton %s %s\"\n", c->name, c->arguments ? c->arguments : "");
    put_roff(c->description);
    putchar('\n');
    for (const cli_option *o = c->options; o->name; o++) put_option(o);
    if (c->examples) {
        fputs(".PP\n.nf\n", stdout);
        put_roff(c->examples);
        fputs("\n.fi\n", stdout);
    }
    for (int i = 0; c->parts && c->parts[i]; i++) put_command(c->parts[i]);
}

void manual_print_page(void) {
    static const struct {
        int code;
        const char *meaning;
    } codes[] = {{EXIT_DONE, "done"},
                 {EXIT_FAULTED, "the workflow faulted, or was cancelled by a command"},
                 {EXIT_USAGE, "the command line makes no sense"},
                 {EXIT_NOT_FOUND, "not found"},
                 {EXIT_NOT_ALLOWED, "not allowed"},
                 {EXIT_SUSPENDED, "suspended (after the first Ctrl-C too), or waiting for someone"},
                 {EXIT_TIMED_OUT, "ended by its own timeout"},
                 {EXIT_REFUSED, "queue full, or a conflict"},
                 {EXIT_INVALID, "an invalid definition or input"},
                 {EXIT_STORE, "the store failed"},
                 {EXIT_INTERRUPTED, "the second Ctrl-C"},
                 {EXIT_TERMINATED, "ended by SIGTERM"}};
    printf(
        ".TH BATON 1 \"\" \"baton %s\"\n.SH NAME\nbaton \\- run workflow files and never lose the place\n",
        baton_version());
    puts(
        ".SH SYNOPSIS\n.B baton\n.I COMMAND\n[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n"
        "Baton runs workflow files written in the Open Workflow DSL 1.0.3, in YAML or JSON.\n.SH COMMANDS");
    for (int i = 0; commands[i]; i++) put_command(commands[i]);
    puts(".SH EXIT STATUS");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        printf(".TP\n.B %d\n", codes[i].code);
        put_roff(codes[i].meaning);
        putchar('\n');
    }
    puts(".SH ENVIRONMENT\n.TP\n.B BATON_STORE\nthe store, where \\-\\-store names none\n.TP\n"
         ".B BATON_RETENTION\nhow long a worker keeps what has ended\n.TP\n"
         ".B BATON_WORKFLOWS\na folder of workflows for tasks, before those that came with Baton\n.TP\n"
         ".B NO_COLOR\nno colours, unless \\-\\-color says otherwise");
    puts(".SH FILES\n.TP\n.I $XDG_STATE_HOME/baton/baton.db\nthe store, where nothing else names one; "
         "without XDG_STATE_HOME\n.I ~/.local/state/baton/baton.db");
}

/* What may follow a command: its parts, or its options. */
static void put_words(const command *c) {
    for (int i = 0; c->parts && c->parts[i]; i++)
        printf("%s%s", i ? " " : "", strchr(c->parts[i]->name, ' ') + 1);
    for (const cli_option *o = c->options; o->name; o++)
        printf("%s--%s", o == c->options && !c->parts ? "" : " ", o->name);
}

static void put_case(const command *c) {
    printf("        '%s'*) words=\"", c->name);
    put_words(c);
    puts("\" ;;");
}

void manual_print_completion(void) {
    puts("# bash completion for baton\n_baton() {\n    local word=${COMP_WORDS[COMP_CWORD]} words= names=\n"
         "    if [ $COMP_CWORD -eq 1 ]; then\n        names=1");
    fputs("        words=\"", stdout);
    for (int i = 0; commands[i]; i++) printf("%s%s", i ? " " : "", commands[i]->name);
    puts("\"\n    else\n        case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in");
    for (int i = 0; commands[i]; i++) {
        for (int k = 0; commands[i]->parts && commands[i]->parts[k]; k++) put_case(commands[i]->parts[k]);
        if (!commands[i]->parts) put_case(commands[i]);
    }
    for (int i = 0; commands[i]; i++) {
        if (!commands[i]->parts) continue;
        printf("        '%s '*) names=1 words=\"", commands[i]->name);
        put_words(commands[i]);
        puts("\" ;;");
    }
    puts(
        "        esac\n    fi\n    case $word in\n    -*) COMPREPLY=($(compgen -W \"$words\" -- "
        "\"$word\")) ;;\n"
        "    *) [ \"$names\" ] && COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) "
        "|| COMPREPLY=($(compgen -f -- \"$word\")) ;;\n    esac\n}\ncomplete -o filenames -F _baton baton");
}
