/* baton rerun: a new execution of what an execution ran.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"
#include "cli/storage.h"
#include "cli/submission.h"

#include <limits.h>
#include <unistd.h>

enum { OPTION_FROM = SESSION_OPTIONS, OPTION_SUBMISSION };

static const cli_option options[] = {
    SESSION_OPTION_TABLE,
    [OPTION_FROM] = {"from", "STEP", "takes over what was recorded before this step, and begins with it",
                     0},
    SUBMISSION_OPTION_TABLE(OPTION_SUBMISSION),
    {NULL, NULL, NULL, 0}};

static int rerun(session *s, const char *word, const char *from, submission *what) {
    baton_error *err = NULL;
    char old[LIMIT_ID_BYTES + 1], directory[PATH_MAX];
    baton_workflow *workflow = NULL;
    if (storage_resolve(s->engine->store, word, old, &err) != 0 ||
        engine_workflow_of(s->engine, old, &workflow, &err) != 0 || submission_read_input(what, &err) != 0)
        return cli_fail_error(err);
    s->engine->directory = getcwd(directory, sizeof directory);
    session_choose_id(s, &what->execution);
    session_show(s, workflow);
    session_watch_signals(s);
    baton_result *result = NULL;
    int done = engine_rerun(s->engine, old, from, &what->execution, &result, &err);
    session_quiet(s);
    int code = session_end(s, done, result, err);
    baton_result_free(result);
    return code;
}

static int run_rerun(cli_arguments *args) {
    session_settings set = {0};
    submission what = {0};
    const char *value, *from = NULL;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        if (option == OPTION_FROM)
            from = value;
        else if (option < OPTION_FROM ? !session_set(&set, option, value)
                                      : !submission_set(&what, option - OPTION_SUBMISSION, value))
            return EXIT_USAGE;
    }
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count != 1)
        return cli_fail(EXIT_USAGE, "rerun needs one execution id; see 'baton help rerun'");
    session s = {0};
    int code = session_open(&s, &set);
    if (code != EXIT_DONE) return code;
    code = rerun(&s, args->rest[0], from, &what);
    submission_done(&what);
    return session_close(&s, code);
}

const command command_rerun = {.name = "rerun",
                               .arguments = "ID",
                               .summary = "run again what an execution ran, as a new execution",
                               .description =
                                   "Runs the workflow of an execution again, as it was then, with the same "
                                   "input or another. With --from\n"
                                   "the new execution takes over the results that were recorded before "
                                   "that step of the workflow's own\n"
                                   "'do', and begins with it; --input is then what the step is given.",
                               .examples = "  baton rerun last\n"
                                           "  baton rerun exec_1764000000000_k3v9x2m1q --from charge",
                               .options = options,
                               .run = run_rerun};
