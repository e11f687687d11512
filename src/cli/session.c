/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include "base/error.h"
#include "base/value.h"
#include "cli/report.h"
#include "cli/storage.h"
#include "engine/process.h"
#include "machine/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- Options ---- */

bool session_set(session_settings *set, int option, const char *value) {
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
    static const char *const formats[] = {"json", "text", NULL};
    static const char *const syncs[] = {"full", "normal", NULL};
    int choice = 0;
    switch (option) {
    case SESSION_STORE: set->store = value; break;
    case SESSION_SYNC: set->sync_normal = (choice = cli_one_of("sync", value, syncs)) == 1; break;
    case SESSION_EVENTS: set->events = value; break;
    case SESSION_LOG_LEVEL:
        choice = cli_one_of("log-level", value, levels);
        set->log = true;
        set->log_level = (baton_log_level)choice;
        break;
    case SESSION_LOG_FORMAT:
        set->log_text = (choice = cli_one_of("log-format", value, formats)) == 1;
        break;
    case SESSION_QUIET: set->quiet = true; break;
    case SESSION_VERBOSE: set->verbose = true; break;
    case SESSION_COLOR:
        if (!cli_parse_colour(value, &set->colour))
            return cli_fail(EXIT_USAGE, "--color is auto, always or never") == 0;
        break;
    case SESSION_JSON: set->json = true; break;
    default: return false;
    }
    return choice >= 0;
}

/* ---- While it runs ---- */

static void remember_error(session *s, baton_error *err) {
    if (s->events_error)
        baton_error_free(err);
    else
        s->events_error = err;
}

static void write_events(session *s, const lifecycle_source *source, const record *r,
                         event_position after) {
    baton_error *err = NULL;
    if (event_file_write(s->events, source, r, after, &err) != 0) remember_error(s, err);
}

static void observe_output(void *data, const baton_execution *x, const step *at, int stream,
                           const char *bytes, size_t size) {
    (void)x;
    session *s = data;
    if (s->progress) progress_output(s->progress, &(progress_source){at, stream}, bytes, size);
}

static void observe(void *data, const baton_execution *x, const record *r) {
    session *s = data;
    if (s->progress) progress_record(s->progress, x, r);
    if (s->events) write_events(s, &(lifecycle_source){x->workflow, x->id}, r, (event_position){0});
}

/* The events that are missing in the file of an execution which another process has begun. */
typedef struct catch_up {
    session *s;
    lifecycle_source source;
    const store_row *row;
    event_position last;
} catch_up;

static int catch_up_record(void *data, const store_record *stored, int64_t seq, baton_error **err) {
    (void)seq;
    catch_up *c = data;
    record r;
    if (engine_read_record(c->s->engine, c->source.workflow, c->row, stored, &r, err) != 0) return -1;
    write_events(c->s, &c->source, &r, c->last);
    record_release(&r);
    return 0;
}

static void observe_take_up(void *data, const baton_workflow *workflow, const char *id,
                            const store_row *row) {
    session *s = data;
    if (!s->events) return;
    baton_error *err = NULL;
    catch_up c = {.s = s, .source = {workflow, id}, .row = row};
    store *store = s->engine->store;
    if (event_file_position(s->events, id, &c.last, &err) == 0 &&
        store->type->journal(store, id, c.last.number ? c.last.number - 1 : 0, catch_up_record, &c, &err) ==
            0)
        return;
    remember_error(s, err);
    event_file_close(s->events, NULL); /* later events must not stand behind a gap */
    s->events = NULL;
}

/* A cancelled execution has so long to end its processes; an expression that does not end is not waited
 * for. */
enum { CANCEL_PATIENCE_S = 3 + LIMIT_PROCESS_KILL_MS / 1000 };

/* A worker gives back what it has, and after a second signal leaves it to be taken up as after a crash. */
static void stop_working(session *s, int signal_number) {
    if (signal_number == SIGTERM) s->terminated = 1;
    static const char first[] =
        "baton: giving back what runs when its steps have ended; again leaves it interrupted\n";
    if (!s->interrupts && write(STDERR_FILENO, first, sizeof first - 1) < 0) return; /* nobody hears it */
    if (s->interrupts++) _exit(s->terminated ? EXIT_TERMINATED : EXIT_INTERRUPTED);
    engine_stop(s->engine, "", STOP_SUSPEND);
}

/* The first Ctrl-C suspends, the second cancels (or stops at once); a third ends at once. SIGTERM leaves a
 * durable execution interrupted, as a machine that shuts down does, and cancels one that nothing keeps. */
static void *wait_for_signals(void *data) {
    session *s = data;
    const struct timespec patience = {.tv_sec = CANCEL_PATIENCE_S};
    for (bool cancelling = false;;) {
        int signal_number = sigtimedwait(&s->signals, NULL, cancelling ? &patience : NULL);
        if (signal_number == SIGUSR2) return NULL;
        if (signal_number < 0 && errno == EINTR) continue;
        if (cancelling) _exit(s->terminated ? EXIT_TERMINATED : EXIT_INTERRUPTED);
        if (signal_number < 0) continue;
        if (s->set->unattended) {
            stop_working(s, signal_number);
            continue;
        }
        if (signal_number == SIGINT && s->interrupts++ == 0) {
            if (s->progress)
                progress_say(s->progress,
                             s->set->stays
                                 ? "baton: waiting for the running step to end; Ctrl-C again stops at once"
                                 : "baton: waiting for running steps to end; Ctrl-C again cancels");
            engine_stop(s->engine, s->id, STOP_SUSPEND);
            continue;
        }
        if (signal_number == SIGTERM) s->terminated = 1;
        if ((signal_number == SIGTERM || s->set->stays) && s->engine->journal)
            engine_abandon(s->engine);
        else
            engine_stop(s->engine, s->id, STOP_CANCEL);
        cancelling = true;
    }
}

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static void log_json(void *data, baton_log_level level, const char *message, const baton_log_field *fields,
                     size_t count) {
    (void)data;
    buffer b = {0};
    buffer_printf(&b, "{\"level\":\"%s\",\"message\":", level_names[level]);
    value_write_text(&b, message);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(&b, ",\"%s\":", fields[i].key);
        if (fields[i].text)
            value_write_text(&b, fields[i].text);
        else
            value_write(&b, baton_value_number(fields[i].number));
    }
    buffer_puts(&b, "}\n");
    fputs(buffer_text(&b), stderr);
    buffer_done(&b);
}

static void log_text(void *data, baton_log_level level, const char *message, const baton_log_field *fields,
                     size_t count) {
    (void)data;
    fprintf(stderr, "%s: %s", level_names[level], message);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].text)
            fprintf(stderr, " %s=%s", fields[i].key, fields[i].text);
        else
            fprintf(stderr, " %s=%g", fields[i].key, fields[i].number);
    }
    fputc('\n', stderr);
}

/* ---- Afterwards ---- */

exit_code session_print(baton_value value) {
    buffer b = {0};
    if (isatty(STDOUT_FILENO))
        value_write_pretty(&b, value);
    else
        value_write(&b, value);
    buffer_putc(&b, '\n');
    bool written = !buffer_failed(&b);
    if (written) fwrite(b.data, 1, b.size, stdout);
    fflush(stdout); /* before the store is closed, which takes its time */
    buffer_done(&b);
    return written ? EXIT_DONE
                   : cli_fail(EXIT_FAULTED, "the output is too large or too deep to be written as JSON");
}

/* "order.yaml:12:7: Communication error: ..." */
static void print_fault(const baton_result *result) {
    baton_value problem = baton_result_problem(result);
    const char *instance = value_get_text(problem, "instance");
    const step *s = instance ? workflow_find_step(result->workflow, instance) : NULL;
    baton_error *err = NULL;
    if (baton_value_is_valid(problem)) {
        const char *title = value_get_text(problem, "title"), *detail = value_get_text(problem, "detail");
        const char *type = value_get_text(problem, "type");
        baton_error_set(&err, BATON_ERROR_EXECUTION, "%s%s%s%s%s%s", s ? "step '" : "", s ? s->name : "",
                        s ? "': " : "",
                        title  ? title
                        : type ? type
                               : "faulted",
                        detail ? ": " : "", detail ? detail : "");
        if (s) error_set_place(err, s->where);
    }
    const baton_error *shown = err ? err : baton_result_error(result);
    char *text = shown ? baton_error_text(shown) : NULL;
    if (text) fprintf(stderr, "%s%s\n", baton_error_line(shown) ? "" : "baton: ", text);
    free(text);
    baton_error_free(err);
    baton_value_unref(problem);
}

/* The input does not fit the workflow's schema: no step was begun. */
static bool is_input_fault(const baton_result *result) {
    baton_value problem = baton_result_problem(result);
    const char *instance = value_get_text(problem, "instance");
    const char *name = fault_standard_name(value_get_text(problem, "type"));
    bool is = instance && strcmp(instance, "/") == 0 && name && strcmp(name, "validation") == 0 &&
              baton_result_size(result) == 0;
    baton_value_unref(problem);
    return is;
}

int session_tell(session *s, const baton_result *result) {
    const session_settings *set = s->set;
    exit_code printed = EXIT_DONE;
    if (set->json) {
        baton_value report = report_of(result);
        printed = session_print(report);
        baton_value_unref(report);
    }
    switch (result->status) {
    case EXECUTION_COMPLETED: return set->json ? printed : session_print(result->output);
    case EXECUTION_FAULTED:
        if (!set->json) print_fault(result);
        return result->timed_out ? EXIT_TIMED_OUT : is_input_fault(result) ? EXIT_INVALID : EXIT_FAULTED;
    case EXECUTION_CANCELLED:
        if (!set->json) cli_fail(EXIT_FAULTED, "execution %s was cancelled", result->id);
        return s->terminated ? EXIT_TERMINATED : s->interrupts ? EXIT_INTERRUPTED : EXIT_FAULTED;
    default: break;
    }
    if (!set->json && s->engine->journal)
        cli_fail(EXIT_SUSPENDED, "execution %s is %s; 'baton resume %s' goes on", result->id,
                 baton_result_status(result), result->id);
    else if (!set->json)
        cli_fail(EXIT_SUSPENDED, "execution %s is %s; it was kept in memory only and cannot be resumed",
                 result->id, baton_result_status(result));
    return EXIT_SUSPENDED;
}

int session_end(session *s, int done, const baton_result *result, baton_error *err) {
    if (done == 0) return session_tell(s, result);
    if (!s->terminated || baton_error_get_code(err) != BATON_ERROR_SUSPENDED) return cli_fail_error(err);
    baton_error_free(err);
    return cli_fail(EXIT_TERMINATED, "execution %s is interrupted; 'baton resume %s' goes on", s->id,
                    s->id);
}

/* ---- Opening and closing ---- */

int session_open(session *s, const session_settings *set) {
    s->set = set;
    baton_error *err = NULL;
    if (set->events && !(s->events = event_file_open(set->events, &err))) return cli_fail_error(err);
    cli_set_colour(set->colour, STDERR_FILENO);
    sigemptyset(&s->signals);
    sigaddset(&s->signals, SIGINT);
    sigaddset(&s->signals, SIGTERM);
    sigaddset(&s->signals, SIGUSR2);               /* ends the thread that waits for them */
    pthread_sigmask(SIG_BLOCK, &s->signals, NULL); /* before there are other threads */
    char path[STORAGE_URL_BYTES];
    const baton_engine_options options = {.log = set->log ? set->log_text ? log_text : log_json : NULL,
                                          .log_level = set->log_level,
                                          .store = storage_url(set->store, path),
                                          .sync_normal = set->sync_normal,
                                          .registry = set->registry,
                                          .max_concurrent = set->concurrency,
                                          .max_queue_size = set->concurrency};
    s->engine = engine_new(&options, set->unattended ? "worker" : "run", &err);
    if (!s->engine) {
        event_file_close(s->events, NULL);
        return cli_fail_error(err);
    }
    engine_observe(s->engine, observe, set->verbose ? observe_output : NULL, s);
    s->engine->taken_up = observe_take_up;
    return EXIT_DONE;
}

void session_choose_id(session *s, baton_execution_options *options) {
    if (options->id) { /* one that is too long is refused by the engine */
        snprintf(s->id, sizeof s->id, "%s", options->id);
        return;
    }
    engine_make_id(s->engine, s->id);
    options->id = s->id;
}

void session_tell_of_another(const session *s) {
    store_execution x;
    store *store = s->engine->store;
    if (s->set->quiet || !s->engine->journal || store->type->find(store, s->id, &x, NULL) != 0) return;
    if (x.status >= EXECUTION_COMPLETED)
        fprintf(stderr,
                "baton: execution %s has ended already (%s): nothing is run; 'baton rerun %s' would\n",
                s->id, execution_status_name(x.status), s->id);
    else if (!x.owner || x.interrupted)
        fprintf(stderr, "baton: going on with execution %s, which was %s\n", s->id, storage_status(&x));
}

void session_show(session *s, const baton_workflow *workflow) {
    const session_settings *set = s->set;
    if (set->quiet && !set->verbose) return;
    s->progress = progress_new(workflow, &(progress_options){.live = isatty(STDERR_FILENO) && !set->log,
                                                             .steps = !set->quiet,
                                                             .output = set->verbose});
}

void session_watch_signals(session *s) {
    s->watches_signals = pthread_create(&s->signal_thread, NULL, wait_for_signals, s) == 0;
    if (!s->watches_signals) pthread_sigmask(SIG_UNBLOCK, &s->signals, NULL); /* then they end it at once */
}

void session_quiet(session *s) {
    if (s->watches_signals) {
        pthread_kill(s->signal_thread, SIGUSR2);
        pthread_join(s->signal_thread, NULL);
    }
    s->watches_signals = false;
    progress_free(s->progress);
    s->progress = NULL;
}

int session_close(session *s, int code) {
    session_quiet(s);
    baton_error *err = NULL;
    if (event_file_close(s->events, &err) != 0) remember_error(s, err);
    baton_engine_free(s->engine);
    if (!s->events_error) return code;
    int failed = cli_fail_error(s->events_error);
    return code == EXIT_DONE ? failed : code;
}
