/* baton resume: an execution that was interrupted or suspended goes on where it was.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "cli/session.h"
#include "cli/storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_ALL = SESSION_OPTIONS, OPTION_TAKE_OVER };

static const cli_option options[] = {
    SESSION_OPTION_TABLE,
    [OPTION_ALL] = {"all", NULL, "all that were interrupted, one after the other as there is room", 0},
    [OPTION_TAKE_OVER] = {"take-over", NULL, "also from an owner of whom nobody here can tell that it died",
                          0},
    {NULL, NULL, NULL, 0}};

/* The process that ended it may have died before it told the last events. */
static void tell_the_rest(session *s, const baton_workflow *workflow) {
    store_execution x;
    store *st = s->engine->store;
    if (!s->events || st->type->find(st, s->id, &x, NULL) != 0 || x.status < EXECUTION_COMPLETED) return;
    store_row row = x.row;
    s->engine->taken_up(s, workflow, s->id, &row);
}

static int resume_one(session *s, const char *name) {
    baton_error *err = NULL;
    baton_workflow *workflow = NULL;
    if (storage_resolve(s->engine->store, name, s->id, &err) != 0) return cli_fail_error(err);
    if (engine_workflow_of(s->engine, s->id, &workflow, &err) != 0) return cli_fail_error(err);
    tell_the_rest(s, workflow);
    session_show(s, workflow);
    session_watch_signals(s);
    baton_result *result = NULL;
    const store_claim claim = {.id = s->id, .take_over = s->set->take_over};
    int done = engine_finish(s->engine, &claim, TAKE_TO_RUN, &result, &err);
    session_quiet(s);
    int code = session_end(s, done, result, err);
    baton_result_free(result);
    return code;
}

/* A line for each, and the worst of their exit codes. */
static int resume_all(session *s) {
    baton_error *err = NULL;
    size_t count = 0;
    session_watch_signals(s);
    store_claim claim = {.interrupted = true, .attended_too = true, .take_over = s->set->take_over};
    engine_read_clock(s->engine);
    int done = engine_take_up(s->engine, &claim, TAKE_TO_RUN, &count, &err);
    if (done == 0) done = baton_engine_run(s->engine, &err);
    session_quiet(s);
    if (done != 0) return cli_fail_error(err);
    const baton_metrics m = baton_engine_metrics(s->engine);
    if (s->set->json) {
        baton_value o = value_set_number(baton_value_object(), "resumed", (double)count);
        o = value_set_number(o, "completed", (double)m.completed);
        o = value_set_number(o, "faulted", (double)m.faulted);
        o = value_set_number(o, "cancelled", (double)m.cancelled);
        session_print(o);
        baton_value_unref(o);
    } else if (!s->set->quiet) {
        fprintf(stderr, "baton: %zu resumed: %llu completed, %llu faulted, %llu cancelled\n", count,
                (unsigned long long)m.completed, (unsigned long long)m.faulted,
                (unsigned long long)m.cancelled);
    }
    return m.faulted || m.cancelled ? EXIT_FAULTED : EXIT_DONE;
}

static int run_resume_command(cli_arguments *args) {
    session_settings set = {0};
    bool all = false;
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        if (option == OPTION_ALL)
            all = true;
        else if (option == OPTION_TAKE_OVER)
            set.take_over = true;
        else if (!session_set(&set, option, value))
            return EXIT_USAGE;
    }
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count != !all)
        return cli_fail(EXIT_USAGE, "resume needs one execution id, or --all; see 'baton help resume'");
    session s = {0};
    int code = session_open(&s, &set);
    if (code != EXIT_DONE) return code;
    s.engine->replays = true;
    return session_close(&s, all ? resume_all(&s) : resume_one(&s, args->rest[0]));
}

const command command_resume = {
    .name = "resume",
    .arguments = "ID | --all",
    .summary = "go on with an execution that was interrupted or suspended",
    .description =
        "Goes on exactly where the execution was, whatever became of its workflow file meanwhile. Steps\n"
        "that had ended are not run again; one that was running when its process died is run again\n"
        "with the same idempotency key. Waits keep their end: one that has passed goes on at once.\n\n"
        "--all takes up everything that was interrupted; what somebody suspended stays so.",
    .examples = "  baton resume exec_1764000000000_k3v9x2m1q\n"
                "  baton resume last\n"
                "  baton resume --all",
    .options = options,
    .run = run_resume_command};
