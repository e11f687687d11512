/* baton submit: leaves an execution in the store for a worker.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "cli/session.h"
#include "cli/storage.h"
#include "cli/submission.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPTION_STORE = SESSION_STORE, OPTION_SYNC, OPTION_AFTER, OPTION_JSON, OPTION_SUBMISSION };

static const cli_option options[] = {
    [OPTION_STORE] = {"store", "URL", "where executions are kept", 0},
    [OPTION_SYNC] = {"sync", "WHEN", "full (the default), or normal: a power cut may take moments", 0},
    [OPTION_AFTER] = {"after", "ID", "begins when that execution has completed; may be given again", 0},
    [OPTION_JSON] = {"json", NULL, "prints {id} instead of the id alone", 0},
    SUBMISSION_OPTION_TABLE(OPTION_SUBMISSION),
    {NULL, NULL, NULL, 0}};

/* after: what the dependencies were named by; ids take their place. */
static int submit(const session_settings *set, submission *what, const char **after,
                  baton_workflow *workflow) {
    session s = {0};
    int code = session_open(&s, set);
    if (code != EXIT_DONE) return code;
    if (!s.engine->journal)
        return session_close(&s, cli_fail(EXIT_USAGE, "submit needs a store that a worker can open"));
    char directory[PATH_MAX];
    s.engine->directory = getcwd(directory, sizeof directory);
    s.engine->only_submits = true;
    baton_error *err = NULL;
    char(*ids)[LIMIT_ID_BYTES + 1] = calloc(what->execution.dependency_count + 1, sizeof *ids);
    for (size_t i = 0; ids && i < what->execution.dependency_count; i++) {
        if (storage_resolve(s.engine->store, after[i], ids[i], &err) != 0) {
            free(ids);
            return session_close(&s, cli_fail_error(err));
        }
        after[i] = ids[i];
    }
    int done = ids ? baton_engine_submit(s.engine, workflow, NULL, &what->execution, NULL, NULL, s.id, &err)
                   : error_memory(&err);
    free(ids);
    if (done != 0) return session_close(&s, cli_fail_error(err));
    if (set->json) {
        baton_value o = value_set_text(baton_value_object(), "id", s.id);
        session_print(o);
        baton_value_unref(o);
    } else {
        puts(s.id);
    }
    return session_close(&s, EXIT_DONE);
}

static int run_submit(cli_arguments *args) {
    session_settings set = {.quiet = true};
    submission what = {0};
    const char *value, *after[LIMIT_DEPENDENCIES];
    int option;
    what.execution.dependencies = after;
    while ((option = cli_option_next(args, &value)) >= 0) {
        bool good = true;
        if (option == OPTION_JSON)
            set.json = true;
        else if (option == OPTION_AFTER && what.execution.dependency_count == LIMIT_DEPENDENCIES)
            good = cli_fail(EXIT_USAGE, "too many --after") == 0;
        else if (option == OPTION_AFTER)
            after[what.execution.dependency_count++] = value;
        else if (option < OPTION_SUBMISSION)
            good = session_set(&set, option, value);
        else
            good = submission_set(&what, option - OPTION_SUBMISSION, value);
        if (!good) return EXIT_USAGE;
    }
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count != 1)
        return cli_fail(EXIT_USAGE, "submit needs one workflow file; see 'baton help submit'");
    baton_error *err = NULL;
    baton_workflow *workflow = cli_load_workflow(args->rest[0], &err);
    if (!workflow) return cli_fail_error(err);
    int code = submission_read_input(&what, &err) == 0 ? submit(&set, &what, after, workflow)
                                                       : cli_fail_error(err);
    submission_done(&what);
    baton_workflow_free(workflow);
    return code;
}

const command command_submit = {
    .name = "submit",
    .arguments = "FILE",
    .summary = "leave an execution in the store for a worker, and print its id",
    .description =
        "Checks a workflow file and leaves an execution of it in the store, where 'baton worker' takes it\n"
        "up. Returns when that is durable. The same --id with the same content is submitted once.",
    .examples = "  baton submit order.yaml --input '{\"id\": 7}'\n"
                "  baton submit report.yaml --after \"$(baton submit order.yaml)\"",
    .options = options,
    .run = run_submit};
