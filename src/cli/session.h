/* An engine in the hands of a person: what run, resume, rerun and worker have in common. Its store, the
 * signals that steer it, what it shows while it runs, the events it writes, and what is told at the end.
 *
 * Threads: the main one is the engine's loop thread; one waits for signals, so that a second Ctrl-C always
 * works; on a terminal one redraws the progress.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_SESSION_H
#define BATON_CLI_SESSION_H

#include "base/limits.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "engine/engine.h"
#include "engine/event_file.h"

#include <pthread.h>
#include <signal.h>

/* The options that these commands share; their indexes come first in each command's table. */
enum {
    SESSION_STORE,
    SESSION_SYNC,
    SESSION_EVENTS,
    SESSION_LOG_LEVEL,
    SESSION_LOG_FORMAT,
    SESSION_SILENT_OPTIONS, /* the rest is for those that show something */
    SESSION_QUIET = SESSION_SILENT_OPTIONS,
    SESSION_VERBOSE,
    SESSION_COLOR,
    SESSION_JSON,
    SESSION_OPTIONS
};
#define SESSION_OPTION_TABLE_SILENT                                                                      \
    [SESSION_STORE] = {"store", "URL", "where executions are kept: memory:, or a file", 0},              \
    [SESSION_SYNC] = {"sync", "WHEN", "full (the default), or normal: a power cut may take moments", 0}, \
    [SESSION_EVENTS] = {"events", "FILE", "appends lifecycle events (CloudEvents), one a line", 0},      \
    [SESSION_LOG_LEVEL] = {"log-level", "LEVEL", "logs to stderr: debug, info, warn or error", 0},       \
    [SESSION_LOG_FORMAT] = {"log-format", "FORMAT", "json (one object a line) or text", 0}
#define SESSION_OPTION_TABLE                                                                           \
    SESSION_OPTION_TABLE_SILENT, [SESSION_QUIET] = {"quiet", NULL, "shows no progress", 'q'},          \
                                 [SESSION_VERBOSE] = {"verbose", NULL,                                 \
                                                      "shows what processes write, as it comes", 'v'}, \
                                 [SESSION_COLOR] = {"color", "WHEN", "auto, always or never", 0},      \
                                 [SESSION_JSON] = {                                                    \
                                     "json", NULL,                                                     \
                                     "prints one JSON object about the run instead of its output", 0}

typedef struct session_settings {
    const char *store; /* NULL: the default one */
    const char *events;
    bool sync_normal, json, quiet, verbose, log, log_text;
    bool unattended; /* a worker: what it leaves behind by dying, other workers may take up */
    bool
        stays; /* the second Ctrl-C leaves what runs interrupted, to be gone on with, and cancels nothing */
    bool take_over;
    size_t concurrency;       /* 0: the engine's default */
    baton_registry *registry; /* functions for `call:`; NULL: none */
    colour_mode colour;
    baton_log_level log_level;
} session_settings;

typedef struct session {
    const session_settings *set;
    baton_engine *engine;
    struct progress *progress;
    event_file *events;
    baton_error *events_error;   /* the first one */
    char id[LIMIT_ID_BYTES + 1]; /* of the execution that signals steer; "": all of them */
    volatile sig_atomic_t interrupts, terminated;
    sigset_t signals;
    pthread_t signal_thread;
    bool watches_signals;
} session;

/* Takes one of the shared options; false after a message. */
bool session_set(session_settings *set, int option, const char *value);
/* 0, or an exit code after a message. */
int session_open(session *s, const session_settings *set);
/* The id that the options name, or a new one, which they name then: signals steer it. */
void session_choose_id(session *s, baton_execution_options *options);
/* Says on stderr when an execution with this id exists already: that one is what will be run or told. */
void session_tell_of_another(const session *s);
/* Shows the steps of this workflow as they run. */
void session_show(session *s, const baton_workflow *workflow);
/* Signals steer the execution `s->id` from now on. */
void session_watch_signals(session *s);
/* Ends showing and watching; the engine stays. */
void session_quiet(session *s);
/* Tells what an execution came to: output on stdout, the rest on stderr. Gives the exit code. */
int session_tell(session *s, const baton_result *result);
/* The same of an execution that may have failed to run (done is not 0): err (taken) says why. */
int session_end(session *s, int done, const baton_result *result, baton_error *err);
/* Gives the code, or that of a failure that shows only now. */
int session_close(session *s, int code);
/* Prints JSON on stdout: indented on a terminal. */
exit_code session_print(baton_value value);

#endif
