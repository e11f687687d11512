/* baton run: a workflow file, to its end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"
#include "cli/submission.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static const cli_option options[] = {
    SESSION_OPTION_TABLE, SUBMISSION_OPTION_TABLE(SESSION_OPTIONS), {NULL, NULL, NULL, 0}};

static int execute(const session_settings *set, submission *what, baton_workflow *workflow) {
    session s = {0};
    int code = session_open(&s, set);
    if (code != EXIT_DONE) return code;
    char directory[PATH_MAX];
    s.engine->directory = getcwd(directory, sizeof directory);
    s.engine->replays = true;
    bool named = what->execution.id;
    session_choose_id(&s, &what->execution);
    if (named) session_tell_of_another(&s);
    session_show(&s, workflow);
    session_watch_signals(&s);
    baton_result *result = NULL;
    baton_error *err = NULL;
    int done = baton_engine_execute(s.engine, workflow, NULL, &what->execution, &result, &err);
    session_quiet(&s);
    code = session_end(&s, done, result, err);
    baton_result_free(result);
    return session_close(&s, code);
}

static int run_run(cli_arguments *args) {
    session_settings set = {0};
    submission what = {0};
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0)
        if (option < SESSION_OPTIONS ? !session_set(&set, option, value)
                                     : !submission_set(&what, option - SESSION_OPTIONS, value))
            return EXIT_USAGE;
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count != 1)
        return cli_fail(EXIT_USAGE, "run needs one workflow file; see 'baton help run'");
    baton_error *err = NULL;
    baton_workflow *workflow = cli_load_workflow(args->rest[0], &err);
    if (!workflow) return cli_fail_error(err);
    int code =
        submission_read_input(&what, &err) == 0 ? execute(&set, &what, workflow) : cli_fail_error(err);
    submission_done(&what);
    baton_workflow_free(workflow);
    return code;
}

const command command_run = {
    .name = "run",
    .arguments = "FILE",
    .summary = "run a workflow file to its end",
    .description =
        "Runs a workflow file (Open Workflow DSL 1.0.3, YAML or JSON) to its end. The output goes to\n"
        "stdout as JSON, everything else to stderr.\n\n"
        "The execution is kept: killed at any instant, it goes on with 'baton resume ID'. SIGTERM leaves "
        "it\n"
        "interrupted as well. With the --id of an execution that exists and has the same content, that "
        "one\n"
        "goes on, or its result is told.\n"
        "Ctrl-C starts nothing new, lets running steps end and suspends; a second one cancels.",
    .examples = "  baton run order.yaml --input '{\"id\": 7}'\n"
                "  baton run order.yaml --set id=7 --json | jq .steps",
    .options = options,
    .run = run_run};
