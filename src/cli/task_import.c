/* baton task import and lint: reading task documents, into the store or only to see what is wrong with
 * them.
 *
 * What only looks is read against the tasks of the store, if there is one, and makes none.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/storage.h"
#include "cli/table.h"
#include "cli/task_look.h"
#include "service/dependency/dependencies.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ALIAS_BYTES = 128, ALIAS_COLUMNS = 40 };

enum {
    OPTION_DRY_RUN = TASK_LOOK_OPTIONS,
    OPTION_FORCE,
    OPTION_VERBOSE,
    OPTION_QUIET,
};

static const cli_option import_options[] = {
    [TASK_STORE] = TASK_OPTION_STORE,
    [TASK_PROJECT] = {"project", "NAME", "the project they belong to; their git repository's name", 'p'},
    [TASK_JSON] = {"json", NULL, "prints what became of each document as a JSON array", 0},
    [OPTION_DRY_RUN] = {"dry-run", NULL, "shows what would be stored, and stores nothing", 'n'},
    [OPTION_FORCE] = {"force", NULL, "reads documents that did not change again, too", 'f'},
    [OPTION_VERBOSE] = {"verbose", NULL, "prints notes, too: what was derived, what was passed over", 'v'},
    [OPTION_QUIET] = {"quiet", NULL, "prints problems only", 'q'},
    {NULL, NULL, NULL, 0}};

static const cli_option lint_options[] = {
    [TASK_STORE] = TASK_OPTION_STORE,
    [TASK_PROJECT] = {"project", "NAME", "the project they belong to; their git repository's name", 'p'},
    [TASK_JSON] = {"json", NULL, "prints the problems as a JSON array", 0},
    {NULL, NULL, NULL, 0}};

typedef struct importing {
    task_look look;
    baton_import_options options;
    bool verbose, quiet;
} importing;

/* ---- Problems ---- */

typedef enum severity { NOTE, WARNING, ERROR, SEVERITIES } severity;
static const char *const severity_names[] = {"note", "warning", "error"};

static severity severity_of(baton_value problem) {
    const char *name = value_get_text(problem, "severity");
    severity s = NOTE;
    while (s + 1 < SEVERITIES && strcmp(severity_names[s], name) != 0) s++;
    return s;
}

static int line_of(baton_value problem) {
    baton_value line = baton_value_get(problem, "line");
    int number = (int)baton_value_as_number(line);
    value_unref(line);
    return number;
}

/* "file:line: severity: reason" */
static void print_problem(FILE *to, const char *file, baton_value problem) {
    buffer b = {0};
    cli_put_clean(&b, file);
    if (line_of(problem) > 0) buffer_printf(&b, ":%d", line_of(problem));
    buffer_printf(&b, ": %s: ", severity_names[severity_of(problem)]);
    cli_put_clean(&b, value_get_text(problem, "reason"));
    fprintf(to, "%s\n", buffer_text(&b));
    buffer_done(&b);
}

typedef void (*problem_each)(void *data, const char *file, baton_value problem);

static void each_problem(baton_value report, problem_each each, void *data) {
    for (size_t i = 0; i < baton_value_size(report); i++) {
        baton_value entry = baton_value_at(report, i), all = baton_value_get(entry, "problems");
        for (size_t k = 0; k < baton_value_size(all); k++) {
            baton_value one = baton_value_at(all, k);
            each(data, value_get_text(entry, "file"), one);
            value_unref(one);
        }
        value_unref(all);
        value_unref(entry);
    }
}

static void warn(void *data, const char *file, baton_value problem) {
    const importing *m = data;
    if (m->verbose || severity_of(problem) > NOTE) print_problem(stderr, file, problem);
}

/* Also of a dry run that finds a circle, where no document is refused by itself. */
static void find_error(void *data, const char *file, baton_value problem) {
    (void)file;
    *(bool *)data |= severity_of(problem) == ERROR;
}

/* ---- What became of documents ---- */

static const char *const results[] = {"new", "updated", "unchanged", "running", "refused", "no task"};
enum { UNCHANGED = 2, REFUSED = 4, NO_TASK, RESULTS };

static size_t result_of(baton_value entry) {
    const char *name = value_get_text(entry, "result");
    size_t k = 0;
    while (k + 1 < RESULTS && strcmp(results[k], name) != 0) k++;
    return k;
}

static void count_results(baton_value report, size_t counts[RESULTS]) {
    for (size_t i = 0; i < baton_value_size(report); i++) {
        baton_value entry = baton_value_at(report, i);
        counts[result_of(entry)]++;
        value_unref(entry);
    }
}

static void put_texts(buffer *b, baton_value texts) {
    for (size_t i = 0; i < baton_value_size(texts); i++) {
        baton_value one = baton_value_at(texts, i);
        buffer_puts(b, i ? ", " : "");
        buffer_puts(b, baton_value_as_text(one));
        value_unref(one);
    }
}

static void show_row(table *t, baton_value entry) {
    static const char *const colours[RESULTS] = {"32", "36", "2", "33", "31", "2"};
    const char *title = value_get_text(entry, "title");
    baton_value changes = baton_value_get(entry, "changes");
    char alias[ALIAS_BYTES] = "";
    buffer b = {0};
    if (title) dependency_alias(title, alias, sizeof alias);
    table_put(t, colours[result_of(entry)], "%s", value_get_text(entry, "result"));
    task_put_short(&b, alias, ALIAS_COLUMNS);
    table_put(t, NULL, "%s", buffer_text(&b));
    buffer_clear(&b);
    if (baton_value_size(changes)) {
        buffer_puts(&b, "(");
        put_texts(&b, changes);
        buffer_puts(&b, ") ");
    }
    buffer_puts(&b, title ? title : value_get_text(entry, "file"));
    table_put(t, NULL, "%s", buffer_text(&b));
    buffer_done(&b);
    value_unref(changes);
}

/* What it did not change is not worth a line. */
static void show_results(baton_value report) {
    table t = {.titles = {"RESULT", "TASK", "TITLE"}, .width = terminal_width(STDOUT_FILENO)};
    for (size_t i = 0; i < baton_value_size(report); i++) {
        baton_value entry = baton_value_at(report, i);
        size_t k = result_of(entry);
        if (k != UNCHANGED && k != NO_TASK) show_row(&t, entry);
        value_unref(entry);
    }
    table_end(&t);
}

static void put_passed_over(buffer *b, size_t count) {
    if (!count) return;
    buffer_puts(b, "; ");
    task_put_count(b, count, "file");
    buffer_puts(b, " passed over");
}

static void show_summary(const importing *m, baton_value report) {
    size_t counts[RESULTS] = {0}, documents;
    count_results(report, counts);
    documents = baton_value_size(report) - counts[NO_TASK];
    buffer b = {0};
    task_put_count(&b, documents, "document");
    const char *before = ": ";
    for (size_t k = 0; k < NO_TASK; k++) {
        if (!counts[k]) continue;
        buffer_printf(&b, "%s%zu %s", before, counts[k], results[k]);
        before = ", ";
    }
    put_passed_over(&b, counts[NO_TASK]);
    if (counts[NO_TASK] && !m->verbose) buffer_puts(&b, ": --verbose tells why");
    if (m->options.dry_run && documents) buffer_puts(&b, "; nothing was stored");
    puts(buffer_text(&b));
    buffer_done(&b);
}

/* ---- What would be stored ---- */

static void put_column(buffer *b, const char *name, const char *text) {
    buffer_printf(b, "%s: ", name);
    cli_put_clean(b, text ? text : "-");
    buffer_puts(b, "  ");
}

static void put_dependencies(buffer *b, baton_value task) {
    baton_value all = baton_value_get(task, "dependencies");
    for (size_t i = 0; i < baton_value_size(all); i++) {
        baton_value one = baton_value_at(all, i);
        buffer_puts(b, i ? ", " : "\n  needs: ");
        cli_put_clean(b, value_get_text(one, "text"));
        if (!value_get_text(one, "depends_on")) buffer_puts(b, " (external)");
        value_unref(one);
    }
    value_unref(all);
}

static size_t size_of(baton_value object, const char *key) {
    baton_value v = baton_value_get(object, key);
    size_t size = baton_value_size(v);
    value_unref(v);
    return size;
}

static void put_work(buffer *b, baton_value metadata) {
    baton_value files = baton_value_get(metadata, "files"), phases = baton_value_get(metadata, "phases");
    size_t steps = 0;
    for (size_t i = 0; i < baton_value_size(phases); i++) {
        baton_value phase = baton_value_at(phases, i);
        steps += size_of(phase, "steps");
        value_unref(phase);
    }
    buffer_puts(b, "\n  work: ");
    task_put_count(b, baton_value_size(phases), "phase");
    buffer_puts(b, " with ");
    task_put_count(b, steps, "step");
    buffer_printf(b, "; files: %zu to create, %zu to modify, %zu to delete", size_of(files, "create"),
                  size_of(files, "modify"), size_of(files, "delete"));
    value_unref(files);
    value_unref(phases);
}

static void show_task(baton_value task, const char *result) {
    baton_value metadata = baton_value_get(task, "metadata");
    buffer b = {0};
    buffer_printf(&b, "%s: %s", result, cli_colour("1"));
    cli_put_clean(&b, value_get_text(task, "title"));
    buffer_printf(&b, "%s\n  ", cli_colour("0"));
    put_column(&b, "type", value_get_text(task, "type"));
    put_column(&b, "category", value_get_text(task, "category"));
    put_column(&b, "priority", value_get_text(task, "priority"));
    buffer_puts(&b, "hours: ");
    if (task_hours(task) >= 0)
        task_put_hours(&b, task_hours(task));
    else
        buffer_putc(&b, '-');
    buffer_puts(&b, "\n  ");
    put_column(&b, "project", value_get_text(task, "project_id"));
    buffer_puts(&b, "path: ");
    cli_put_clean(&b, value_get_text(task, "source_path"));
    put_dependencies(&b, task);
    if (value_is_valid(metadata)) put_work(&b, metadata);
    puts(buffer_text(&b));
    buffer_done(&b);
    value_unref(metadata);
}

static void show_tasks(baton_value report) {
    for (size_t i = 0; i < baton_value_size(report); i++) {
        baton_value entry = baton_value_at(report, i), task = baton_value_get(entry, "task");
        if (value_is_valid(task) && result_of(entry) != UNCHANGED)
            show_task(task, value_get_text(entry, "result"));
        value_unref(task);
        value_unref(entry);
    }
}

/* ---- Reading ---- */

/* Opens the store as it is needed. An exit code, after a message when it is not 0. */
static int open_store(importing *m) {
    char path[STORAGE_URL_BYTES];
    baton_error *err = NULL;
    if (m->options.dry_run) return task_look_open(&m->look);
    m->look.service = baton_task_service_open(storage_url(m->look.store, path), &err);
    return m->look.service ? EXIT_DONE : cli_fail_error(err);
}

static baton_value import_paths(importing *m, const cli_arguments *args, baton_error **err) {
    m->options.project = m->look.filter.project;
    return baton_task_service_import(m->look.service, args->rest, (size_t)args->rest_count, &m->options,
                                     err);
}

/* ---- Import ---- */

static int show_import(importing *m, baton_value report) {
    size_t counts[RESULTS] = {0};
    count_results(report, counts);
    if (m->look.json)
        task_print_array(report);
    else
        each_problem(report, warn, m);
    if (!m->look.json && !m->quiet) {
        if (m->options.dry_run)
            show_tasks(report);
        else
            show_results(report);
        show_summary(m, report);
    }
    bool errors = counts[REFUSED];
    each_problem(report, find_error, &errors);
    return errors ? EXIT_INVALID : EXIT_DONE;
}

static void set_import_option(importing *m, int option, const char *value) {
    switch (option) {
    case OPTION_DRY_RUN: m->options.dry_run = true; break;
    case OPTION_FORCE: m->options.force = true; break;
    case OPTION_VERBOSE: m->verbose = true; break;
    case OPTION_QUIET: m->quiet = true; break;
    default: task_look_set(&m->look, option, value);
    }
}

static int run_import(cli_arguments *args) {
    importing m = {0};
    baton_error *err = NULL;
    const char *value;
    int option;
    cli_set_colour(COLOUR_AUTO, STDOUT_FILENO);
    while ((option = cli_option_next(args, &value)) >= 0) set_import_option(&m, option, value);
    if (option < -1) return EXIT_USAGE;
    if (!args->rest_count)
        return cli_fail(EXIT_USAGE,
                        "task import needs a document or a folder; see 'baton help task import'");
    int code = open_store(&m);
    if (code != EXIT_DONE) return code;
    baton_value report = import_paths(&m, args, &err);
    code = value_is_valid(report) ? show_import(&m, report) : cli_fail_error(err);
    value_unref(report);
    task_look_close(&m.look);
    return code;
}

const command command_task_import = {
    .name = "task import",
    .arguments = "PATH...",
    .summary = "read task documents, and folders of them, into the store",
    .description =
        "Reads markdown documents, and all *.md in folders, and keeps each as a task. A document that was\n"
        "read before updates its task when it changed, but not while that is being carried out; what a\n"
        "person edited stays edited. Documents that cannot become a task are refused, with file, line and\n"
        "reason, and the exit code is 8; the others are kept nevertheless. In folders, files with nothing\n"
        "of a task are passed over. Tasks that depend on each other in a circle are all refused. A "
        "document\n"
        "that was moved, unchanged, stays the task that it was.",
    .examples = "  baton task import docs/tasks\n"
                "  baton task import plan.md --dry-run",
    .options = import_options,
    .run = run_import};

/* ---- Lint ---- */

typedef struct linting {
    baton_value list; /* of the problems; invalid: they are printed */
    size_t counts[SEVERITIES];
} linting;

static void lint_problem(void *data, const char *file, baton_value problem) {
    linting *l = data;
    l->counts[severity_of(problem)]++;
    if (!value_is_valid(l->list)) {
        print_problem(stdout, file, problem);
        return;
    }
    baton_value o = value_set_text(baton_value_object(), "file", file);
    o = value_set_number(o, "line", line_of(problem));
    o = value_set_text(o, "severity", severity_names[severity_of(problem)]);
    l->list = baton_value_append(l->list, value_set_text(o, "reason", value_get_text(problem, "reason")));
}

static void show_counts(const linting *l, baton_value report) {
    size_t results_counted[RESULTS] = {0};
    count_results(report, results_counted);
    buffer b = {0};
    task_put_count(&b, baton_value_size(report) - results_counted[NO_TASK], "document");
    const char *before = ": ";
    for (int s = SEVERITIES - 1; s >= 0; s--) {
        if (!l->counts[s]) continue;
        buffer_puts(&b, before);
        task_put_count(&b, l->counts[s], severity_names[s]);
        before = ", ";
    }
    if (*before == ':') buffer_puts(&b, ": nothing to complain of");
    put_passed_over(&b, results_counted[NO_TASK]);
    fflush(stdout);
    fprintf(stderr, "%s\n", buffer_text(&b));
    buffer_done(&b);
}

static int lint(importing *m, const cli_arguments *args) {
    linting l = {.list = m->look.json ? baton_value_array() : VALUE_INVALID};
    baton_error *err = NULL;
    baton_value report = import_paths(m, args, &err);
    if (!value_is_valid(report)) {
        value_unref(l.list);
        return cli_fail_error(err);
    }
    each_problem(report, lint_problem, &l);
    if (m->look.json)
        task_print_array(l.list);
    else
        show_counts(&l, report);
    value_unref(l.list);
    value_unref(report);
    return l.counts[ERROR] ? EXIT_INVALID : l.counts[WARNING] ? EXIT_FAULTED : EXIT_DONE;
}

static int run_lint(cli_arguments *args) {
    importing m = {.options = {.dry_run = true, .force = true}};
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) task_look_set(&m.look, option, value);
    if (option < -1) return EXIT_USAGE;
    if (!args->rest_count)
        return cli_fail(EXIT_USAGE, "task lint needs a document or a folder; see 'baton help task lint'");
    int code = open_store(&m);
    if (code == EXIT_DONE) code = lint(&m, args);
    task_look_close(&m.look);
    return code;
}

const command command_task_lint = {
    .name = "task lint",
    .arguments = "PATH...",
    .summary = "say what is wrong with task documents",
    .description =
        "Reads documents as 'baton task import' does, stores nothing, and prints every problem as\n"
        "file:line: severity: reason. A note says what was derived, a warning what could not be read and\n"
        "counts as not said, an error that the document cannot become a task; a note also says why a file\n"
        "in a folder is passed over. Ends with 0 when there are at most notes, with 1 when there are "
        "warnings and with 8 when there are errors.",
    .examples = "  baton task lint docs/tasks",
    .options = lint_options,
    .run = run_lint};
