/* baton cancel, baton suspend: ask something of an execution, whoever runs it.
 *
 * One that a living process owns is asked for, and waited until that process has done it; any other is
 * taken up here, and put down again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "base/value.h"
#include "cli/session.h"
#include "cli/storage.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { OPTION_STORE, OPTION_JSON, OPTION_QUIET, OPTION_TAKE_OVER };

static const cli_option options[] = {
    [OPTION_STORE] = {"store", "URL", "where executions are kept", 0},
    [OPTION_JSON] = {"json", NULL, "prints {id, status} for each", 0},
    [OPTION_QUIET] = {"quiet", NULL, "says nothing when it is done", 'q'},
    [OPTION_TAKE_OVER] = {"take-over", NULL, "also from an owner of whom nobody here can tell that it died",
                          0},
    {NULL, NULL, NULL, 0}};

enum { PATIENCE_MS = 2000, LOOK_MS = 20, TRIES = 5 };

typedef struct steering {
    const char *request; /* "cancel" or "suspend" */
    take_purpose purpose;
    execution_status wanted;
} steering;

static bool is_over(const store_execution *x) { return x->status >= EXECUTION_COMPLETED; }

/* The owner lives: it is asked, and this waits until it has done so, or has died. 1: died. */
static int ask_owner(session *s, const steering *what, execution_status *status, baton_error **err) {
    store *st = s->engine->store;
    if (st->type->ask(st, s->id, what->request, err) != 0) return -1;
    int64_t begun_ns = clock_monotonic_ns();
    bool told = s->set->quiet || s->set->json;
    for (;;) {
        store_execution x;
        if (st->type->find(st, s->id, &x, err) != 0) return -1;
        *status = x.status;
        if (is_over(&x) || x.status == what->wanted) return 0;
        if (!x.owner || x.interrupted) return 1;
        if (!told && clock_monotonic_ns() - begun_ns > PATIENCE_MS * INT64_C(1000000)) {
            fprintf(stderr,
                    "baton: %s was asked to %s and has not done so yet: a step is running, or its process\n"
                    "is stopped ('baton why %s'). Ctrl-C ends this waiting, not what was asked for.\n",
                    s->id, what->request, s->id);
            told = true;
        }
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
    }
}

static int take_here(session *s, const steering *what, execution_status *status, baton_error **err) {
    baton_result *result = NULL;
    const store_claim claim = {.id = s->id, .take_over = s->set->take_over};
    if (engine_finish(s->engine, &claim, what->purpose, &result, err) != 0) return -1;
    *status = result->status;
    baton_result_free(result);
    return 0;
}

static int steer(session *s, const steering *what, execution_status *status, int tries, baton_error **err) {
    store_execution x;
    store *st = s->engine->store;
    if (st->type->find(st, s->id, &x, err) != 0) return -1;
    *status = x.status;
    if (is_over(&x))
        return x.status == what->wanted
                   ? 0
                   : baton_error_set(err, BATON_ERROR_CONFLICT, "execution %s has ended already (%s)",
                                     s->id, execution_status_name(x.status));
    if (x.status == what->wanted) return 0;
    bool alive = x.owner && !x.interrupted && !x.owner_hidden;
    if (alive) {
        int asked = ask_owner(s, what, status, err);
        if (asked <= 0) return asked;
    }
    baton_error *why = NULL;
    if (take_here(s, what, status, &why) == 0) return 0;
    /* Somebody else may have taken it up just now: then they are asked. */
    if (tries > 1 && baton_error_get_code(why) == BATON_ERROR_CONFLICT) {
        baton_error_free(why);
        return steer(s, what, status, tries - 1, err);
    }
    *err = why;
    return -1;
}

static int run_steering(cli_arguments *args, const steering *what) {
    session_settings set = {0};
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        if (option == OPTION_STORE)
            set.store = value;
        else if (option == OPTION_JSON)
            set.json = true;
        else if (option == OPTION_TAKE_OVER)
            set.take_over = true;
        else
            set.quiet = true;
    }
    if (option < -1) return EXIT_USAGE;
    if (!args->rest_count)
        return cli_fail(EXIT_USAGE, "%s needs an execution id; see 'baton help %s'", what->request,
                        what->request);
    session s = {0};
    int code = session_open(&s, &set);
    if (code != EXIT_DONE) return code;
    pthread_sigmask(SIG_UNBLOCK, &s.signals, NULL); /* waiting may be interrupted */
    baton_value list = baton_value_array();
    for (int i = 0; i < args->rest_count; i++) {
        baton_error *err = NULL;
        execution_status status;
        if (storage_resolve(s.engine->store, args->rest[i], s.id, &err) != 0 ||
            steer(&s, what, &status, TRIES, &err) != 0) {
            int failed = cli_fail_error(err);
            if (code == EXIT_DONE) code = failed;
            continue;
        }
        if (!set.json && !set.quiet) fprintf(stderr, "baton: %s %s\n", s.id, execution_status_name(status));
        baton_value o = value_set_text(baton_value_object(), "id", s.id);
        list = baton_value_append(list, value_set_text(o, "status", execution_status_name(status)));
        if (status != what->wanted && code == EXIT_DONE) code = EXIT_REFUSED;
    }
    if (set.json) session_print(list);
    baton_value_unref(list);
    return session_close(&s, code);
}

static int run_cancel_command(cli_arguments *args) {
    return run_steering(args, &(steering){"cancel", TAKE_TO_CANCEL, EXECUTION_CANCELLED});
}

static int run_suspend_command(cli_arguments *args) {
    return run_steering(args, &(steering){"suspend", TAKE_TO_SUSPEND, EXECUTION_SUSPENDED});
}

const command command_cancel = {
    .name = "cancel",
    .arguments = "ID...",
    .summary = "end executions, with what they are running",
    .description =
        "Ends executions wherever they run: their processes and calls are ended with them. Returns when\n"
        "that is done.",
    .examples = "  baton cancel exec_1764000000000_k3v9x2m1q",
    .options = options,
    .run = run_cancel_command};

const command command_suspend = {
    .name = "suspend",
    .arguments = "ID...",
    .summary = "let running steps end, and begin no others",
    .description =
        "Suspends executions wherever they run: steps that are running may end, nothing else begins.\n"
        "Returns when that is so; Ctrl-C ends the waiting alone. 'baton resume ID' goes on.",
    .examples = "  baton suspend exec_1764000000000_k3v9x2m1q",
    .options = options,
    .run = run_suspend_command};
