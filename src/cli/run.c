/* baton run: a workflow file, to its end.
 *
 * Threads: the main one is the engine's loop thread; one waits for signals, so that a second Ctrl-C always
 * works; on a terminal one redraws the progress.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "engine/engine.h"
#include "engine/lifecycle.h"
#include "machine/fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPTION_INPUT,
    OPTION_SET,
    OPTION_STORE,
    OPTION_STRATEGY,
    OPTION_TIMEOUT,
    OPTION_PRIORITY,
    OPTION_CRITICAL,
    OPTION_ID,
    OPTION_JSON,
    OPTION_EVENTS,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_COLOR,
    OPTION_LOG_LEVEL,
    OPTION_LOG_FORMAT
};

static const cli_option options[] = {
    [OPTION_INPUT] = {"input", "JSON|@FILE|-", "the workflow's input; - reads stdin", 'i'},
    [OPTION_SET] = {"set", "KEY=VALUE", "sets one member of the input; VALUE is JSON or else a text", 0},
    [OPTION_STORE] = {"store", "URL", "where executions are kept", 0},
    [OPTION_STRATEGY] = {"strategy", "NAME", "basic (the default) or simple", 0},
    [OPTION_TIMEOUT] = {"timeout", "DURATION", "ends the execution after so long: 90s, 5m, 2h, PT1H", 0},
    [OPTION_PRIORITY] = {"priority", "LEVEL", "high, normal or low", 0},
    [OPTION_CRITICAL] = {"critical", NULL, "before everything that is not critical", 0},
    [OPTION_ID] = {"id", "ID", "the execution's id", 0},
    [OPTION_JSON] = {"json", NULL, "prints one JSON object about the run instead of its output", 0},
    [OPTION_EVENTS] = {"events", "FILE", "appends lifecycle events (CloudEvents), one a line", 0},
    [OPTION_QUIET] = {"quiet", NULL, "shows no progress", 'q'},
    [OPTION_VERBOSE] = {"verbose", NULL, "shows what processes write, as it comes", 'v'},
    [OPTION_COLOR] = {"color", "WHEN", "auto, always or never", 0},
    [OPTION_LOG_LEVEL] = {"log-level", "LEVEL", "logs to stderr: debug, info, warn or error", 0},
    [OPTION_LOG_FORMAT] = {"log-format", "FORMAT", "json (one object a line) or text", 0},
    {NULL, NULL, NULL, 0}};

typedef struct settings {
    const char *events;
    const char *input;
    const char *set[64];
    int set_count;
    bool json, quiet, verbose;
    colour_mode colour;
    bool store, log, log_text;
    baton_log_level log_level;
    baton_execution_options execution;
} settings;

/* ---- Options ---- */

/* "90s", "5m", "2h", "3d", "250ms", or as the DSL has it. */
static bool parse_duration(const char *text, int64_t *ms) {
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end;
    double number = strtod(text, &end);
    for (size_t i = 0; end != text && i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].unit) == 0 && number > 0 && number * units[i].ms < 4e12) {
            *ms = (int64_t)(number * units[i].ms);
            return *ms > 0;
        }
    baton_value value = baton_value_string(text);
    bool good = duration_read(value, ms, NULL) == 0 && *ms > 0;
    baton_value_unref(value);
    return good;
}

static int one_of(const char *option, const char *value, const char *const *names) {
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0) return i;
    fprintf(stderr, "baton: --%s cannot be '%s'; it is one of", option, value);
    for (int i = 0; names[i]; i++) fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    fputc('\n', stderr);
    return -1;
}

static bool set_option(settings *s, int option, const char *value) {
    static const char *const priorities[] = {"high", "normal", "low", NULL};
    static const char *const strategies[] = {"basic", "simple", NULL};
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
    static const char *const formats[] = {"json", "text", NULL};
    switch (option) {
    case OPTION_INPUT: s->input = value; return true;
    case OPTION_SET:
        if (s->set_count == 64) return cli_fail(EXIT_USAGE, "too many --set") == 0;
        s->set[s->set_count++] = value;
        return true;
    case OPTION_STORE: s->store = strncmp(value, "memory:", 7) != 0; return true;
    case OPTION_STRATEGY: s->execution.strategy = value; return one_of("strategy", value, strategies) >= 0;
    case OPTION_TIMEOUT:
        if (parse_duration(value, &s->execution.timeout_ms)) return true;
        return cli_fail(EXIT_USAGE, "'%s' is no duration; write 90s, 5m, 2h or PT1H30M", value) == 0;
    case OPTION_PRIORITY: s->execution.priority = value; return one_of("priority", value, priorities) >= 0;
    case OPTION_CRITICAL: return s->execution.critical = true;
    case OPTION_ID: s->execution.id = value; return true;
    case OPTION_JSON: return s->json = true;
    case OPTION_EVENTS: s->events = value; return true;
    case OPTION_QUIET: return s->quiet = true;
    case OPTION_VERBOSE: return s->verbose = true;
    case OPTION_COLOR:
        if (cli_parse_colour(value, &s->colour)) return true;
        return cli_fail(EXIT_USAGE, "--color is auto, always or never") == 0;
    case OPTION_LOG_LEVEL: {
        int level = one_of("log-level", value, levels);
        s->log = true;
        s->log_level = (baton_log_level)level;
        return level >= 0;
    }
    case OPTION_LOG_FORMAT: {
        int format = one_of("log-format", value, formats);
        s->log_text = format == 1;
        return format >= 0;
    }
    default: return false;
    }
}

/* ---- Input ---- */

/* Sets a.b.c of the object; takes it. */
static baton_value set_path(baton_value object, const char *path, baton_value member) {
    const char *dot = strchr(path, '.');
    if (!dot) return baton_value_set(object, path, member);
    char *key = strndup(path, (size_t)(dot - path));
    if (!key) {
        baton_value_unref(member);
        return object;
    }
    baton_value inner = baton_value_get(object, key);
    if (baton_value_kind(inner) != BATON_KIND_OBJECT) value_assign(&inner, baton_value_object());
    object = baton_value_set(object, key, set_path(inner, dot + 1, member));
    free(key);
    return object;
}

static int read_input(const settings *s, baton_value *input, baton_error **err) {
    *input = VALUE_INVALID;
    if (s->input) {
        const char *path = s->input[0] == '@' ? s->input + 1 : strcmp(s->input, "-") == 0 ? "-" : NULL;
        size_t size = strlen(s->input);
        char *text = path ? cli_read_file(path, LIMIT_INPUT_BYTES, &size, err) : strdup(s->input);
        if (!text) return -1;
        *input = value_parse(text, size, !path ? "--input" : strcmp(path, "-") == 0 ? "stdin" : path, err);
        free(text);
        if (!baton_value_is_valid(*input)) {
            bool is_file = !path && access(s->input, F_OK) == 0;
            if (is_file) error_clear(err);
            if (is_file)
                return baton_error_set(err, BATON_ERROR_USAGE,
                                       "--input is JSON; for the file write --input @%s", s->input);
            return -1;
        }
    }
    for (int i = 0; i < s->set_count; i++) {
        const char *equals = strchr(s->set[i], '=');
        if (!equals || equals == s->set[i])
            return baton_error_set(err, BATON_ERROR_USAGE, "--set needs KEY=VALUE, not '%s'", s->set[i]);
        if (!baton_value_is_valid(*input)) *input = baton_value_object();
        if (baton_value_kind(*input) != BATON_KIND_OBJECT)
            return baton_error_set(err, BATON_ERROR_USAGE, "--set needs an input that is an object");
        char *key = strndup(s->set[i], (size_t)(equals - s->set[i]));
        if (!key) return error_memory(err);
        baton_value value = baton_value_parse(equals + 1, strlen(equals + 1), NULL);
        if (!baton_value_is_valid(value)) value = baton_value_string(equals + 1);
        *input = set_path(*input, key, value);
        free(key);
    }
    return 0;
}

/* ---- While it runs ---- */

typedef struct session {
    struct progress *progress;
    FILE *events;
    const char *events_path;
    int events_error;
    buffer line;
    baton_engine *engine;
    char id[LIMIT_ID_BYTES + 1];
    volatile sig_atomic_t interrupts, terminated;
    sigset_t signals;
} session;

static void observe_output(void *data, const baton_execution *x, const step *at, int stream,
                           const char *bytes, size_t size) {
    (void)x;
    session *s = data;
    progress_output(s->progress, &(progress_source){at, stream}, bytes, size);
}

static void observe(void *data, const baton_execution *x, const record *r) {
    session *s = data;
    if (s->progress) progress_record(s->progress, x, r);
    if (!s->events) return;
    buffer_clear(&s->line);
    lifecycle_write(&s->line, x, r);
    if (buffer_failed(&s->line)) { /* never half an event */
        if (!s->events_error) s->events_error = EMSGSIZE;
        return;
    }
    if (s->line.size && fwrite(s->line.data, 1, s->line.size, s->events) != s->line.size &&
        !s->events_error)
        s->events_error = errno;
    if (fflush(s->events) != 0 && !s->events_error) s->events_error = errno;
}

/* A cancelled execution has so long to end its processes; an expression that does not end is not waited
 * for. */
enum { CANCEL_PATIENCE_S = 3 + LIMIT_PROCESS_KILL_MS / 1000 };

/* The first Ctrl-C suspends, the second and SIGTERM cancel; a third ends at once. */
static void *wait_for_signals(void *data) {
    session *s = data;
    const struct timespec patience = {.tv_sec = CANCEL_PATIENCE_S};
    for (bool cancelling = false;;) {
        int signal_number = sigtimedwait(&s->signals, NULL, cancelling ? &patience : NULL);
        if (signal_number == SIGUSR2) return NULL;
        if (signal_number < 0 && errno == EINTR) continue;
        if (cancelling) _exit(s->terminated ? EXIT_TERMINATED : EXIT_INTERRUPTED);
        if (signal_number < 0) continue;
        if (signal_number == SIGINT && s->interrupts++ == 0) {
            if (s->progress)
                progress_say(s->progress, "baton: waiting for running steps to end; Ctrl-C again cancels");
            baton_engine_suspend(s->engine, s->id, NULL);
            continue;
        }
        if (signal_number == SIGTERM) s->terminated = 1;
        baton_engine_cancel(s->engine, s->id, NULL);
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

static exit_code print_value(baton_value value, bool pretty) {
    buffer b = {0};
    if (pretty)
        value_write_pretty(&b, value);
    else
        value_write(&b, value);
    buffer_putc(&b, '\n');
    bool written = !buffer_failed(&b);
    if (written) fwrite(b.data, 1, b.size, stdout);
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

static int finish(const settings *set, const session *s, const baton_result *result) {
    bool pretty = isatty(STDOUT_FILENO);
    exit_code printed = EXIT_DONE;
    if (set->json) {
        baton_value report = report_of(result);
        printed = print_value(report, pretty);
        baton_value_unref(report);
    }
    switch (result->status) {
    case EXECUTION_COMPLETED: return set->json ? printed : print_value(result->output, pretty);
    case EXECUTION_FAULTED:
        if (!set->json) print_fault(result);
        return result->timed_out ? EXIT_TIMED_OUT : is_input_fault(result) ? EXIT_INVALID : EXIT_FAULTED;
    case EXECUTION_CANCELLED:
        if (!set->json) cli_fail(EXIT_FAULTED, "execution %s was cancelled", result->id);
        return s->terminated ? EXIT_TERMINATED : s->interrupts ? EXIT_INTERRUPTED : EXIT_FAULTED;
    default:
        if (!set->json)
            cli_fail(EXIT_SUSPENDED, "execution %s is %s; it was kept in memory only and cannot be resumed",
                     result->id, baton_result_status(result));
        return EXIT_SUSPENDED;
    }
}

static int open_session(session *s, const settings *set, const baton_workflow *workflow) {
    if (set->events) {
        s->events_path = set->events;
        s->events = fopen(set->events, "ab");
        if (!s->events)
            return cli_fail(EXIT_FAULTED, "cannot write '%s': %s", set->events, strerror(errno));
    }
    sigemptyset(&s->signals);
    sigaddset(&s->signals, SIGINT);
    sigaddset(&s->signals, SIGTERM);
    sigaddset(&s->signals, SIGUSR2);               /* ends the thread that waits for them */
    pthread_sigmask(SIG_BLOCK, &s->signals, NULL); /* before there are other threads */
    if (!set->quiet || set->verbose)
        s->progress = progress_new(workflow, &(progress_options){.live = isatty(STDERR_FILENO) && !set->log,
                                                                 .steps = !set->quiet,
                                                                 .output = set->verbose});
    return EXIT_DONE;
}

static void close_session(session *s) {
    progress_free(s->progress);
    s->progress = NULL;
    if (s->events && fclose(s->events) != 0 && !s->events_error) s->events_error = errno;
    s->events = NULL;
    buffer_done(&s->line);
}

static void choose_id(session *s, settings *set, baton_engine *engine) {
    if (set->execution.id) { /* one that is too long is refused by the engine */
        snprintf(s->id, sizeof s->id, "%s", set->execution.id);
        return;
    }
    engine_make_id(engine, s->id);
    set->execution.id = s->id;
}

static int execute(settings *set, baton_workflow *workflow) {
    baton_error *err = NULL;
    baton_value input;
    if (read_input(set, &input, &err) != 0) {
        baton_value_unref(input);
        return cli_fail_error(err);
    }
    session s = {0};
    int code = open_session(&s, set, workflow);
    baton_engine_options eo = {.log = set->log ? set->log_text ? log_text : log_json : NULL,
                               .log_level = set->log_level};
    if (code == EXIT_DONE && !(s.engine = baton_engine_new(&eo, &err))) code = cli_fail_error(err);
    if (code != EXIT_DONE) {
        close_session(&s);
        baton_value_unref(input);
        return code;
    }
    engine_observe(s.engine, observe, set->verbose && s.progress ? observe_output : NULL, &s);
    choose_id(&s, set, s.engine);
    set->execution.input = input;
    pthread_t signals;
    bool watching = pthread_create(&signals, NULL, wait_for_signals, &s) == 0;
    baton_result *result = NULL;
    int done = baton_engine_execute(s.engine, workflow, NULL, &set->execution, &result, &err);
    if (watching) {
        pthread_kill(signals, SIGUSR2);
        pthread_join(signals, NULL);
    }
    close_session(&s);
    code = done == 0 ? finish(set, &s, result) : cli_fail_error(err);
    if (s.events_error && code == EXIT_DONE)
        code = cli_fail(EXIT_FAULTED, "cannot write '%s': %s", s.events_path, strerror(s.events_error));
    baton_result_free(result);
    baton_engine_free(s.engine);
    baton_value_unref(input);
    return code;
}

static int run_run(cli_arguments *args) {
    settings set = {0};
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0)
        if (!set_option(&set, option, value)) return EXIT_USAGE;
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count != 1)
        return cli_fail(EXIT_USAGE, "run needs one workflow file; see 'baton help run'");
    cli_set_colour(set.colour, STDERR_FILENO);
    if (set.store) fputs("baton: --store: this version keeps executions in memory only\n", stderr);
    baton_error *err = NULL;
    baton_workflow *workflow = cli_load_workflow(args->rest[0], &err);
    if (!workflow) return cli_fail_error(err);
    int code = execute(&set, workflow);
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
        "Ctrl-C starts nothing new, lets running steps end and suspends; a second one cancels.",
    .examples = "  baton run order.yaml --input '{\"id\": 7}'\n"
                "  baton run order.yaml --set id=7 --json | jq .steps",
    .options = options,
    .run = run_run};
