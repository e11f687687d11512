/* baton validate: checks workflow files and says everything that is wrong with them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPTION_JSON, OPTION_QUIET };

static const cli_option options[] = {
    [OPTION_JSON] = {"json", NULL, "prints the problems as a JSON array", 0},
    [OPTION_QUIET] = {"quiet", NULL, "prints problems only", 'q'},
    {NULL, NULL, NULL, 0}};

static baton_value describe(const char *path, const baton_error *e, const char *severity) {
    const char *file = baton_error_file(e);
    baton_value o = value_set_text(baton_value_object(), "file", file ? file : path);
    o = value_set_number(o, "line", baton_error_line(e));
    o = value_set_number(o, "column", baton_error_column(e));
    o = value_set_text(o, "severity", severity);
    return value_set_text(o, "message", baton_error_message(e));
}

static baton_value describe_all(baton_value list, const char *path, const baton_error *e,
                                const char *severity) {
    for (; e; e = baton_error_next(e)) list = baton_value_append(list, describe(path, e, severity));
    return list;
}

/* Prints the problems (or adds them to *list), and gives the exit code for this file. */
static int validate_file(const char *path, bool quiet, baton_value *list) {
    baton_error *err = NULL;
    baton_workflow *w = cli_look_at_workflow(path, &err);
    int code = EXIT_DONE;
    if (!w) {
        code = cli_exit_code(err);
        if (list)
            *list = describe_all(*list, path, err, "error");
        else
            return cli_fail_error(err);
        baton_error_free(err);
        return code;
    }
    baton_workflow_executable(w, &err);
    if (list) *list = describe_all(*list, path, err, "warning");
    for (const baton_error *e = list || quiet ? NULL : err; e; e = baton_error_next(e)) {
        char *text = baton_error_text(e);
        fprintf(stderr, "%s\n", text ? text : "");
        free(text);
    }
    if (!list && !quiet)
        printf("%s: valid%s (%s %s, %zu steps)\n", path, err ? ", but not executable by this version" : "",
               baton_workflow_name(w), baton_workflow_version(w), baton_workflow_step_count(w));
    baton_error_free(err);
    baton_workflow_free(w);
    return code;
}

static int run_validate(cli_arguments *args) {
    bool json = false, quiet = false;
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) *(option == OPTION_JSON ? &json : &quiet) = true;
    if (option < -1) return EXIT_USAGE;
    if (!args->rest_count)
        return cli_fail(EXIT_USAGE, "validate needs at least one file; see 'baton help validate'");
    baton_value list = json ? baton_value_array() : VALUE_INVALID;
    int code = EXIT_DONE;
    for (int i = 0; i < args->rest_count; i++) {
        int one = validate_file(args->rest[i], quiet, json ? &list : NULL);
        if (one != EXIT_DONE && code == EXIT_DONE) code = one;
    }
    if (json) {
        buffer b = {0};
        value_write_pretty(&b, list);
        puts(buffer_text(&b));
        buffer_done(&b);
    }
    baton_value_unref(list);
    return code;
}

const command command_validate = {
    .name = "validate",
    .arguments = "FILE...",
    .summary = "check workflow files and report every problem",
    .description = "Checks workflow files completely: structure, names, flow, durations, references and\n"
                   "expressions. Every problem is one line, with file, line and column. What is valid but\n"
                   "not executed by this version is told too, and is no problem.",
    .examples = "  baton validate *.yaml",
    .options = options,
    .run = run_validate};
