/* baton task edit, baton task retry: what a person says of a task.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/text.h"
#include "base/value.h"
#include "cli/session.h"
#include "cli/storage.h"
#include "service/orchestrator/workflows.h"
#include "service/task/settings.h"
#include "service/task/task_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A task in its store, which is there. */
typedef struct editing {
    storage st;
    baton_task_service service;
    char *id;
} editing;

/* 0, or an exit code after a message. */
static int open_task(editing *e, const cli_arguments *args) {
    const char *name = args->command->name;
    if (args->rest_count != 1)
        return cli_fail(EXIT_USAGE, "%s needs one task; see 'baton help %s'", name, name);
    int code = storage_open(&e->st);
    if (code != EXIT_DONE) return code;
    baton_error *err = NULL;
    e->service.store = e->st.store;
    e->id = task_service_resolve(&e->service, args->rest[0], &err);
    if (e->id) return EXIT_DONE;
    storage_close(&e->st);
    return cli_fail_error(err);
}

static int close_task(editing *e, int code) {
    free(e->id);
    storage_close(&e->st);
    return code;
}

static baton_value read_task(editing *e, baton_error **err) {
    return task_service_by_id(&e->service, e->id, false, err);
}

/* The task as `task show` has it, but for its document. */
static int print_task(editing *e) {
    baton_error *err = NULL;
    baton_value task = baton_task_service_get(&e->service, e->id, &err);
    if (!value_is_valid(task)) return cli_fail_error(err);
    task = baton_value_remove(baton_value_remove(task, "source_content"), "description");
    int code = session_print(task);
    value_unref(task);
    return code;
}

/* ---- Edit: options ---- */

enum {
    OPTION_PRIORITY,
    OPTION_TYPE,
    OPTION_CATEGORY,
    OPTION_TITLE,
    OPTION_HOURS,
    OPTION_LEVEL,
    OPTION_MAX_ATTEMPTS,
    OPTION_TIMEOUT,
    OPTION_BRANCH,
    OPTION_VERIFY,
    OPTION_SETTINGS, /* each of these sets the setting of `keys`; the rest is something else */
    OPTION_SET = OPTION_SETTINGS,
    OPTION_UNSET,
    OPTION_SATISFIED,
    OPTION_UNSATISFIED,
    OPTION_STORE,
    OPTION_QUIET,
    OPTION_JSON
};

static const cli_option edit_options[] = {
    [OPTION_PRIORITY] = {"priority", "PRIORITY", "critical, high, medium or low", 0},
    [OPTION_TYPE] = {"type", "TYPE", "by which workflow it is carried out: feature, bugfix, ...", 0},
    [OPTION_CATEGORY] = {"category", "NAME", "what it is about", 0},
    [OPTION_TITLE] = {"title", "TEXT", "what it is called", 0},
    [OPTION_HOURS] = {"hours", "N", "how long it is estimated to take", 0},
    [OPTION_LEVEL] = {"level", "LEVEL", "manual, assisted, semi_auto or full_auto", 0},
    [OPTION_MAX_ATTEMPTS] = {"max-attempts", "N", "how often the agent may try", 0},
    [OPTION_TIMEOUT] = {"timeout", "DURATION", "how long one run of the agent may take: 90s, 30m, 2h", 0},
    [OPTION_BRANCH] = {"branch", "NAME", "the branch that it is carried out on", 0},
    [OPTION_VERIFY] = {"verify", "LINE", "a command that decides whether it is done; may be given again",
                       0},
    [OPTION_SET] = {"set", "KEY=VALUE", "any setting; VALUE is JSON or else a text", 0},
    [OPTION_UNSET] = {"unset", "KEY", "what the document says counts again", 0},
    [OPTION_SATISFIED] = {"satisfied", "TEXT",
                          "a dependency that is met: its words or some of them, or 'all' that are no task",
                          0},
    [OPTION_UNSATISFIED] = {"unsatisfied", "TEXT", "takes that back, of one or of 'all'", 0},
    [OPTION_STORE] = {"store", "URL", "where tasks are kept: a file, or sqlite:FILE", 0},
    [OPTION_QUIET] = {"quiet", NULL, "prints mistakes only", 'q'},
    [OPTION_JSON] = {"json", NULL, "prints the task as one JSON object, without its document", 0},
    {NULL, NULL, NULL, 0}};

static const char *const keys[OPTION_SETTINGS] = {
    [OPTION_PRIORITY] = "priority",         [OPTION_TYPE] = "type",
    [OPTION_CATEGORY] = "category",         [OPTION_TITLE] = "title",
    [OPTION_HOURS] = "estimated_hours",     [OPTION_LEVEL] = "automation_level",
    [OPTION_MAX_ATTEMPTS] = "max_attempts", [OPTION_TIMEOUT] = "timeout_seconds",
    [OPTION_BRANCH] = "git_branch_name",    [OPTION_VERIFY] = "verify",
};

/* A word about dependencies. */
typedef struct claim {
    const char *text; /* NULL: all */
    bool satisfied;
} claim;

typedef struct edit {
    editing task;
    baton_value changes; /* an object of settings */
    claim claims[64];
    size_t claim_count;
    bool json, quiet;
    bool changed; /* the settings are */
} edit;

/* A setting may be called as its option is. */
static const char *key_of(const char *word) {
    for (int i = 0; i < OPTION_SETTINGS; i++)
        if (strcmp(edit_options[i].name, word) == 0) return keys[i];
    return word;
}

/* Takes the value; false after a message. */
static bool set_setting(edit *e, const char *key, baton_value value) {
    baton_error *err = NULL;
    bool fits = settings_check(key, value, &err) == 0;
    if (fits)
        e->changes = baton_value_set(e->changes, key, value);
    else
        value_unref(value);
    return fits || cli_fail_error(err) == 0;
}

/* What is written as JSON, where that fits, else a text. Given. */
static baton_value value_of(const char *key, const char *text) {
    baton_value value = baton_value_parse(text, strlen(text), NULL);
    if (value_is_valid(value) && settings_check(key, value, NULL) == 0) return value;
    value_unref(value);
    return baton_value_string(text);
}

static bool set_timeout(edit *e, const char *text) {
    int64_t ms;
    if (!cli_parse_duration(text, &ms))
        return cli_fail(EXIT_USAGE, "'%s' is no duration; write 90s, 30m or 2h", text) == 0;
    return set_setting(e, "timeout_seconds", baton_value_number((double)((ms + 999) / 1000)));
}

static bool add_verify(edit *e, const char *line) {
    baton_value all = baton_value_get(e->changes, "verify");
    if (baton_value_kind(all) != BATON_KIND_ARRAY) value_assign(&all, baton_value_array());
    return set_setting(e, "verify", baton_value_append(all, baton_value_string(line)));
}

static bool set_any(edit *e, const char *text) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return cli_fail(EXIT_USAGE, "--set needs KEY=VALUE, not '%s'", text) == 0;
    char *word = strndup(text, (size_t)(equals - text));
    if (!word) return cli_fail(EXIT_FAULTED, "out of memory") == 0;
    const char *key = key_of(word);
    bool done = set_setting(e, key, value_of(key, equals + 1));
    free(word);
    return done;
}

static bool add_claim(edit *e, const char *text, bool satisfied) {
    if (!*text)
        return cli_fail(EXIT_USAGE, "--%ssatisfied needs a dependency, or 'all'", satisfied ? "" : "un") ==
               0;
    if (e->claim_count == sizeof e->claims / sizeof *e->claims)
        return cli_fail(EXIT_USAGE, "more than 64 times --satisfied") == 0;
    e->claims[e->claim_count++] = (claim){strcmp(text, "all") == 0 ? NULL : text, satisfied};
    return true;
}

/* False after a message. */
static bool set_option(edit *e, int option, const char *value) {
    switch (option) {
    case OPTION_HOURS:
    case OPTION_MAX_ATTEMPTS: return set_setting(e, keys[option], value_of(keys[option], value));
    case OPTION_TIMEOUT: return set_timeout(e, value);
    case OPTION_VERIFY: return add_verify(e, value);
    case OPTION_SET: return set_any(e, value);
    case OPTION_UNSET: return set_setting(e, key_of(value), baton_value_null());
    case OPTION_SATISFIED: return add_claim(e, value, true);
    case OPTION_UNSATISFIED: return add_claim(e, value, false);
    case OPTION_STORE: e->task.st.given = value; return true;
    case OPTION_QUIET: return e->quiet = true;
    case OPTION_JSON: return e->json = true;
    default: return set_setting(e, keys[option], baton_value_string(value));
    }
}

/* ---- Edit: what is changed ---- */

/* What counts for a task now: a column, or a setting with its default. Given. */
static baton_value standing_of(baton_value task, const char *key) {
    if (settings_is_column(key)) return baton_value_get(task, key);
    baton_value all = settings_of(task), value = baton_value_get(all, key);
    value_unref(all);
    return value;
}

static void put_value(buffer *b, baton_value value) {
    buffer text = {0};
    if (baton_value_as_text(value))
        buffer_puts(&text, baton_value_as_text(value));
    else if (value_is_valid(value) && baton_value_kind(value) != BATON_KIND_NULL)
        value_write(&text, value);
    else
        buffer_puts(&text, "none");
    cli_put_clean(b, buffer_text(&text));
    buffer_done(&text);
}

/* "priority: high, was medium" for each that was to be changed. */
static void tell_settings(const edit *e, baton_value before, baton_value after) {
    int cursor = 0;
    const char *key;
    while (baton_value_next(e->changes, &cursor, &key, NULL)) {
        baton_value old = standing_of(before, key), new = standing_of(after, key);
        buffer b = {0};
        put_value(&b, new);
        if (baton_value_equal(old, new)) {
            buffer_puts(&b, ", as before");
        } else {
            buffer_puts(&b, ", was ");
            put_value(&b, old);
        }
        printf("%s: %s\n", key, buffer_text(&b));
        buffer_done(&b);
        value_unref(new);
        value_unref(old);
    }
}

/* Each dependency that is said to be met now and was not before, or the other way round. */
static void tell_dependencies(baton_value before, baton_value after) {
    baton_value olds = baton_value_get(before, "dependencies"),
                all = baton_value_get(after, "dependencies");
    for (size_t i = 0; i < baton_value_size(all); i++) {
        baton_value old = baton_value_at(olds, i), one = baton_value_at(all, i),
                    was = baton_value_get(old, "satisfied"), is = baton_value_get(one, "satisfied");
        buffer b = {0};
        cli_put_clean(&b, value_get_text(one, "text"));
        if (baton_value_is_true(was) != baton_value_is_true(is))
            printf("'%s' %s\n", buffer_text(&b),
                   baton_value_is_true(is) ? "counts as met" : "does not count as met any more");
        buffer_done(&b);
        value_unref(is);
        value_unref(was);
        value_unref(one);
        value_unref(old);
    }
    value_unref(all);
    value_unref(olds);
}

/* Also of other words for these, and of somebody's own workflows. */
static bool has_workflow(const char *type) {
    baton_error *err = NULL;
    baton_workflow *workflow = workflow_of_type(type, NULL, 0, NULL, &err);
    bool has = workflow || baton_error_get_code(err) != BATON_ERROR_NOT_FOUND;
    baton_workflow_free(workflow);
    baton_error_free(err);
    return has;
}

/* A run may name other folders with workflows; so this is no mistake. */
static void warn_of_type(const edit *e) {
    static const char *const types[] = {"analysis",      "bugfix",   "deployment",
                                        "documentation", "feature",  "optimization",
                                        "refactoring",   "security", "testing"};
    const size_t count = sizeof types / sizeof *types;
    const char *type = value_get_text(e->changes, "type");
    bool known = !type;
    for (size_t i = 0; i < count && !known; i++) known = strcmp(types[i], type) == 0;
    if (known || has_workflow(type)) return;
    const char *near = text_nearest(type, types, count);
    fprintf(stderr, "warning: there is no workflow for the type '%s'%s%s%s\n", type,
            near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/* Settings first: they are refused while the task is carried out. */
static int apply(edit *e, baton_error **err) {
    int result = 0;
    if (baton_value_size(e->changes))
        result = baton_task_service_edit(&e->task.service, e->task.id, e->changes, err);
    e->changed = result == 0;
    for (size_t i = 0; i < e->claim_count && result == 0; i++)
        result = baton_task_service_satisfy(&e->task.service, e->task.id, e->claims[i].text,
                                            e->claims[i].satisfied, err);
    return result;
}

/* Tells what was changed, also when the rest was a mistake. */
static int edit_task(edit *e) {
    baton_error *err = NULL;
    baton_value before = read_task(&e->task, &err), after = VALUE_INVALID;
    int result = value_is_valid(before) ? apply(e, &err) : -1;
    if (value_is_valid(before) && !e->json && !e->quiet) after = read_task(&e->task, NULL);
    if (value_is_valid(after)) {
        if (e->changed) tell_settings(e, before, after);
        tell_dependencies(before, after);
    }
    value_unref(after);
    value_unref(before);
    if (e->changed) warn_of_type(e);
    if (result != 0) return cli_fail_error(err);
    return e->json ? print_task(&e->task) : EXIT_DONE;
}

static int run_edit(cli_arguments *args) {
    edit *e = calloc(1, sizeof *e);
    if (!e) return cli_fail(EXIT_FAULTED, "out of memory");
    e->changes = baton_value_object();
    const char *value;
    int option, code = EXIT_USAGE;
    while ((option = cli_option_next(args, &value)) >= 0)
        if (!set_option(e, option, value)) break;
    if (option == -1 && args->rest_count == 1 && !baton_value_size(e->changes) && !e->claim_count)
        cli_fail(EXIT_USAGE, "task edit needs something to change; see 'baton help task edit'");
    else if (option == -1 && (code = open_task(&e->task, args)) == EXIT_DONE)
        code = close_task(&e->task, edit_task(e));
    value_unref(e->changes);
    free(e);
    return code;
}

const command command_task_edit = {
    .name = "task edit",
    .arguments = "TASK",
    .summary = "change a task, or say that something it depends on is met",
    .description =
        "Changes what a task's document says of it, for good: a later import does not take that back. "
        "--set\n"
        "and --unset take the names of these options, and all other settings of the document's execution\n"
        "context: confirmation_required, confirmation_keywords, max_confirmation_attempts,\n"
        "fallback_detection, git_branch_required, new_chat_required. Commands of --verify are yours: they\n"
        "take the place of the document's, and run without approval. A task that is being carried out can\n"
        "not be changed, but for what it depends on.",
    .examples = "  baton task edit 3A.1 --priority critical --level full_auto\n"
                "  baton task edit 3A.1 --verify 'make test' --set git_branch_required=false\n"
                "  baton task edit 3A.1 --satisfied 'Foundation 1A'\n"
                "  baton task edit 3A.1 --satisfied all",
    .options = edit_options,
    .run = run_edit};

/* ---- Retry ---- */

enum { RETRY_NOTE, RETRY_STORE, RETRY_QUIET, RETRY_JSON };

static const cli_option retry_options[] = {
    [RETRY_NOTE] = {"note", "TEXT", "tells the agent why, or what is to be done otherwise", 0},
    [RETRY_STORE] = {"store", "URL", "where tasks are kept: a file, or sqlite:FILE", 0},
    [RETRY_QUIET] = {"quiet", NULL, "prints mistakes only", 'q'},
    [RETRY_JSON] = {"json", NULL, "prints the task as one JSON object, without its document", 0},
    {NULL, NULL, NULL, 0}};

static void tell_retry(editing *e) {
    baton_value task = read_task(e, NULL);
    const char *title = value_get_text(task, "title"), *status = value_get_text(task, "status");
    bool waits = status && strcmp(status, "waiting") == 0;
    buffer b = {0};
    char id[9];
    snprintf(id, sizeof id, "%s", e->id);
    buffer_putc(&b, '\'');
    cli_put_clean(&b, title ? title : "");
    buffer_puts(&b, waits ? "' goes back to the agent; '" : "' is pending again; '");
    storage_put_command(&e->st, &b, "task run", id);
    buffer_puts(&b, waits ? "' goes on with it" : "' carries it out");
    puts(buffer_text(&b));
    buffer_done(&b);
    value_unref(task);
}

static int run_retry(cli_arguments *args) {
    editing e = {0};
    const char *note = NULL, *value;
    bool json = false, quiet = false;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        switch (option) {
        case RETRY_QUIET: quiet = true; break;
        case RETRY_NOTE: note = value; break;
        case RETRY_STORE: e.st.given = value; break;
        default: json = true;
        }
    }
    if (option < -1) return EXIT_USAGE;
    int code = open_task(&e, args);
    if (code != EXIT_DONE) return code;
    baton_error *err = NULL;
    if (baton_task_service_retry(&e.service, e.id, note, &err) != 0)
        code = cli_fail_error(err);
    else if (json)
        code = print_task(&e);
    else if (!quiet)
        tell_retry(&e);
    return close_task(&e, code);
}

const command command_task_retry = {.name = "task retry",
                                    .arguments = "TASK",
                                    .summary = "let a task begin again, or send its result back",
                                    .description = "Lets a task that has failed, was cancelled or is "
                                                   "completed begin again, on its branch as that was\n"
                                                   "left; or sends a result back that waits to be "
                                                   "accepted, for another attempt. The agent is told the\n"
                                                   "note. 'baton task run' carries it out then.",
                                    .examples =
                                        "  baton task retry 3A.1 --note 'the migration must be reversible'",
                                    .options = retry_options,
                                    .run = run_retry};
