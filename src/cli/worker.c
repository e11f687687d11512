/* baton worker: runs what the store has ready or due.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/worker.h"
#include "cli/session.h"
#include "cli/storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPTION_QUIET = SESSION_SILENT_OPTIONS, OPTION_UNTIL_IDLE, OPTION_CONCURRENCY, OPTION_RETENTION };

static const cli_option options[] = {
    SESSION_OPTION_TABLE_SILENT,
    [OPTION_QUIET] = {"quiet", NULL, "says nothing of itself", 'q'},
    [OPTION_UNTIL_IDLE] = {"until-idle", NULL, "returns when nothing is ready and nothing runs", 0},
    [OPTION_CONCURRENCY] = {"concurrency", "N", "executions under way at once; 64 if not given", 0},
    [OPTION_RETENTION] = {"retention", "DURATION",
                          "deletes what ended longer ago; also $BATON_RETENTION; never, if not given", 0},
    {NULL, NULL, NULL, 0}};

static bool set_retention(const char *text, int64_t *ms) {
    if (cli_parse_duration(text, ms)) return true;
    return cli_fail(EXIT_USAGE, "'%s' is no duration; write 12h, 30d or P30D", text) == 0;
}

static int run_worker(cli_arguments *args) {
    session_settings set = {.unattended = true, .quiet = true};
    worker_options work = {0};
    const char *value, *retention = getenv("BATON_RETENTION");
    if (retention && *retention && !set_retention(retention, &work.retention_ms)) return EXIT_USAGE;
    int option;
    bool quiet = false;
    while ((option = cli_option_next(args, &value)) >= 0) {
        if (option == OPTION_QUIET) {
            quiet = true;
        } else if (option == OPTION_UNTIL_IDLE) {
            work.until_idle = true;
        } else if (option == OPTION_CONCURRENCY) {
            char *end;
            set.concurrency = strtoul(value, &end, 10);
            if (*end || !set.concurrency || set.concurrency > 100000)
                return cli_fail(EXIT_USAGE, "--concurrency is a number from 1 to 100000, not '%s'", value);
        } else if (option == OPTION_RETENTION) {
            if (!set_retention(value, &work.retention_ms)) return EXIT_USAGE;
        } else if (!session_set(&set, option, value)) {
            return EXIT_USAGE;
        }
    }
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count) return cli_fail(EXIT_USAGE, "worker takes no arguments; see 'baton help worker'");
    session s = {0};
    int code = session_open(&s, &set);
    if (code != EXIT_DONE) return code;
    session_watch_signals(&s);
    if (!quiet)
        fprintf(stderr, "baton: worker %d is ready; Ctrl-C gives back what it has\n", (int)getpid());
    baton_error *err = NULL;
    if (engine_work(s.engine, &work, &err) != 0) code = cli_fail_error(err);
    if (s.terminated) code = EXIT_TERMINATED;
    return session_close(&s, code);
}

const command command_worker = {
    .name = "worker",
    .arguments = NULL,
    .summary = "run what the store has ready or due",
    .description =
        "Takes up executions that were submitted, whose wait is over, or that a worker left behind by\n"
        "dying, and runs them, many at once. Several workers share one store. What waits long is given "
        "back\n"
        "and takes no memory.\n\n"
        "Ctrl-C takes nothing more up, lets running steps end and gives the executions back.",
    .examples = "  baton worker\n"
                "  baton submit order.yaml && baton worker --until-idle",
    .options = options,
    .run = run_worker};
