/* baton task run, approve, cancel: carrying tasks out.
 *
 * Tasks are carried out one after the other on one engine, in the order of their dependencies. Ctrl-C lets
 * the step that runs end and stops there; 'baton task run' goes on. What waits for a person does not hold
 * up the others.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "cli/session.h"
#include "cli/storage.h"
#include "service/orchestrator/orchestrator.h"
#include "service/orchestrator/workflows.h"
#include "service/task/task_service.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPTION_PROJECT = SESSION_OPTIONS,
    OPTION_AGENT,
    OPTION_PROMPT,
    OPTION_RESULT,
    OPTION_IDLE,
    OPTION_CONFIG,
    OPTION_VERIFY,
    OPTION_TRUST,
    OPTION_LEVEL,
    OPTION_WORKFLOWS,
    OPTION_BASE,
    OPTION_WORKTREES,
    OPTION_ALLOW_DIRTY,
    OPTION_REUSE,
    OPTION_MERGE,
    OPTION_PUSH,
    OPTION_OWN, /* from here on each command has its own */
    OPTION_ALL = OPTION_OWN,
    OPTION_NOTE = OPTION_OWN,
    OPTION_LATER
};

#define RUN_OPTIONS                                                                                        \
    SESSION_OPTION_TABLE,                                                                                  \
        [OPTION_PROJECT] = {"project", "NAME", "only tasks of this project", 0},                           \
        [OPTION_AGENT] = {"agent", "COMMAND", "the command that carries tasks out, a line for /bin/sh",    \
                          'a'},                                                                            \
        [OPTION_PROMPT] = {"prompt", "HOW", "how it is told: stdin (the default), argument or file", 0},   \
        [OPTION_RESULT] = {"result", "HOW", "how its answer is read: text (the default) or json-lines",    \
                           0},                                                                             \
        [OPTION_IDLE] = {"idle-timeout", "DURATION", "ends an agent that writes nothing for so long", 0},  \
        [OPTION_CONFIG] = {"config", "FILE", "says all of this and more; see docs/tasks.md", 'c'},         \
        [OPTION_VERIFY] = {"verify", "COMMAND", "decides whether a task is done; may be given again", 0},  \
        [OPTION_TRUST] = {"trust", NULL, "runs commands that documents bring without asking", 0},          \
        [OPTION_LEVEL] = {"level", "LEVEL", "manual, assisted, semi_auto or full_auto, for all tasks", 0}, \
        [OPTION_WORKFLOWS] = {"workflows", "FOLDER", "workflow files that are looked for first", 0},       \
        [OPTION_BASE] = {"base", "BRANCH", "what branches begin at; what is checked out, unless said", 0}, \
        [OPTION_WORKTREES] = {"worktrees", "FOLDER", "where worktrees are made; beside the store", 0},     \
        [OPTION_ALLOW_DIRTY] = {"allow-dirty", NULL, "begins also when the base has uncommitted changes",  \
                                0},                                                                        \
        [OPTION_REUSE] = {"reuse-branch", NULL, "works on a task's branch also when it was there before",  \
                          0},                                                                              \
        [OPTION_MERGE] = {"merge", NULL, "merges the branches of dependencies where they went apart", 0},  \
        [OPTION_PUSH] = {"push", "REMOTE", "pushes each finished branch there", 0}

static const cli_option run_options[] = {
    RUN_OPTIONS,
    [OPTION_ALL] = {"all", NULL, "every task that can be carried out", 0},
    {NULL, NULL, NULL, 0}};

typedef struct task_running {
    session_settings set;
    session session;
    baton_orchestrator_options options;
    const char *verify[64];
    const char *project, *note;
    bool all, later;
    baton_task_service *service;
    baton_orchestrator *orchestrator;
    baton_registry *registry;
    baton_value done; /* tasks as they are afterwards, for --json */
    size_t completed, waiting, failed, stopped, refused;
    int refused_code; /* of the last of all tasks that could not begin */
} task_running;

/* ---- Options ---- */

static bool set_idle(task_running *r, const char *value) {
    if (cli_parse_duration(value, &r->options.agent_idle_ms)) return true;
    return cli_fail(EXIT_USAGE, "'%s' is no duration; write 90s or 10m", value) == 0;
}

static bool add_verify(task_running *r, const char *value) {
    if (r->options.verify_count == sizeof r->verify / sizeof *r->verify)
        return cli_fail(EXIT_USAGE, "more than 64 times --verify") == 0;
    r->verify[r->options.verify_count++] = value;
    return true;
}

static bool set_option(task_running *r, int option, const char *value) {
    baton_orchestrator_options *o = &r->options;
    switch (option) {
    case OPTION_PROJECT: r->project = value; break;
    case OPTION_AGENT: o->agent = value; break;
    case OPTION_PROMPT: o->agent_prompt = value; break;
    case OPTION_RESULT: o->agent_result = value; break;
    case OPTION_IDLE: return set_idle(r, value);
    case OPTION_CONFIG: o->config = value; break;
    case OPTION_VERIFY: return add_verify(r, value);
    case OPTION_TRUST: o->trust = true; break;
    case OPTION_LEVEL: o->automation_level = value; break;
    case OPTION_WORKFLOWS: o->workflows = value; break;
    case OPTION_BASE: o->base = value; break;
    case OPTION_WORKTREES: o->worktrees = value; break;
    case OPTION_ALLOW_DIRTY: o->allow_dirty = true; break;
    case OPTION_REUSE: o->reuse_branch = true; break;
    case OPTION_MERGE: o->merge = true; break;
    case OPTION_PUSH: o->push = value; break;
    default: return session_set(&r->set, option, value);
    }
    return true;
}

static void set_of_run(task_running *r, int option, const char *value) {
    (void)option, (void)value;
    r->all = true;
}

static void set_of_approve(task_running *r, int option, const char *value) {
    if (option == OPTION_NOTE)
        r->note = value;
    else
        r->later = true;
}

/* `own` sets the command's own options. */
static bool read_options(task_running *r, cli_arguments *args,
                         void (*own)(task_running *r, int option, const char *value)) {
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        if (option >= OPTION_OWN)
            own(r, option, value);
        else if (!set_option(r, option, value))
            return false;
    }
    return option == -1;
}

/* ---- Opening ---- */

static void begin_task(void *data, baton_value task, const char *execution,
                       const baton_workflow *workflow) {
    task_running *r = data;
    session *s = &r->session;
    session_quiet(s);
    snprintf(s->id, sizeof s->id, "%s", execution);
    if (!r->set.quiet) {
        buffer title = {0};
        cli_put_clean(&title, value_get_text(task, "title"));
        fprintf(stderr, "%s%s%s\n", cli_colour("1"), buffer_text(&title), cli_colour("0"));
        buffer_done(&title);
    }
    session_show(s, workflow);
    session_watch_signals(s);
}

/* A step that ended well may bring bad news. */
static void tell_entry(void *data, baton_value entry) {
    const task_running *r = data;
    const char *kind = value_get_text(entry, "kind"), *reason = value_get_text(entry, "reason");
    const char *command = value_get_text(entry, "command"), *refused = value_get_text(entry, "refused");
    buffer b = {0};
    if (!r->session.progress || r->set.quiet) return;
    if (strcmp(kind, "work") == 0 && reason)
        buffer_printf(&b, "  %s", reason);
    else if (strcmp(kind, "verify") == 0 && reason)
        buffer_printf(&b, "  '%s' %s", command ? command : "", reason);
    else if (strcmp(kind, "commit") == 0 && refused)
        buffer_printf(&b, "  the commit was refused: %s", refused);
    buffer clean = {0};
    cli_put_clean(&clean, buffer_text(&b));
    if (b.size) progress_say(r->session.progress, buffer_text(&clean));
    buffer_done(&clean);
    buffer_done(&b);
}

/* 0, or an exit code after a message. */
static int open_all(task_running *r) {
    char url[STORAGE_URL_BYTES], config[PATH_MAX];
    baton_error *err = NULL;
    r->done = baton_value_array();
    r->options.verify = r->verify;
    user_configuration("tasks.yaml", config);
    if (!r->options.config && access(config, F_OK) == 0) r->options.config = config;
    r->service = baton_task_service_open(storage_url(r->set.store, url), &err);
    if (r->service) r->orchestrator = baton_orchestrator_new(r->service, &r->options, &err);
    if (!r->orchestrator) return cli_fail_error(err);
    r->registry = baton_registry_new();
    if (!r->registry || baton_orchestrator_register(r->orchestrator, r->registry, &err) != 0)
        return cli_fail_error(err);
    orchestrator_watched_by(r->orchestrator, begin_task, r);
    orchestrator_told_by(r->orchestrator, tell_entry, r);
    r->set.registry = r->registry;
    r->set.stays = true;
    return session_open(&r->session, &r->set);
}

static int close_all(task_running *r, int code) {
    if (r->session.engine) code = session_close(&r->session, code);
    baton_orchestrator_free(r->orchestrator);
    baton_registry_free(r->registry);
    baton_task_service_close(r->service);
    value_unref(r->done);
    return code;
}

/* ---- Telling ---- */

static void put_line(const char *colour, const char *word, const char *title, const char *rest) {
    buffer b = {0};
    cli_put_clean(&b, title);
    if (rest) {
        buffer_puts(&b, ": ");
        cli_put_clean(&b, rest);
    }
    printf("%s%s%s %s\n", cli_colour(colour), word, cli_colour("0"), buffer_text(&b));
    fflush(stdout);
    buffer_done(&b);
}

/* "on branch feature/x, commit 1a2b3c4d". Given. */
static char *what_came_of(baton_value state) {
    baton_value branch = task_member(state, "work", "branch"),
                commit = task_member(state, "work", "commit"),
                lost = task_member(state, "work", "not_pushed");
    buffer b = {0};
    if (baton_value_as_text(branch)) buffer_printf(&b, "branch %s", baton_value_as_text(branch));
    if (baton_value_as_text(commit)) buffer_printf(&b, ", commit %.10s", baton_value_as_text(commit));
    if (baton_value_as_text(lost)) buffer_printf(&b, ", not pushed %s", baton_value_as_text(lost));
    value_unref(lost);
    value_unref(branch);
    value_unref(commit);
    return buffer_take(&b);
}

static void tell(task_running *r, baton_value task) {
    const char *status = value_get_text(task, "status"), *title = value_get_text(task, "title");
    baton_value state = baton_value_get(task, "state"), gate = baton_value_get(state, "gate");
    if (strcmp(status, "completed") == 0) {
        char *came = what_came_of(state);
        baton_value lost = task_member(state, "work", "not_pushed");
        r->completed++;
        if (baton_value_as_text(lost)) r->failed++; /* not all that was asked for was done */
        value_unref(lost);
        if (!r->set.json) put_line("32", "done", title, came && *came ? came : NULL);
        free(came);
    } else if (strcmp(status, "waiting") == 0) {
        r->waiting++;
        if (!r->set.json) {
            put_line("33", "waits", title, value_get_text(gate, "why"));
            const char *id = value_get_text(task, "id"), *store = r->set.store;
            printf("  'baton task approve %.8s%s%s' lets it go on; 'baton task show %.8s%s%s' tells what "
                   "was done\n",
                   id, store ? " --store " : "", store ? store : "", id, store ? " --store " : "",
                   store ? store : "");
        }
    } else if (strcmp(status, "running") == 0) {
        r->stopped++;
        if (!r->set.json) put_line("33", "stopped", title, "'baton task run' goes on with it");
    } else {
        r->failed++;
        if (!r->set.json) put_line("31", status, title, value_get_text(state, "reason"));
    }
    if (r->set.json) {
        baton_value shown = baton_task_service_get(r->service, value_get_text(task, "id"), NULL);
        shown = baton_value_remove(baton_value_remove(shown, "source_content"), "description");
        r->done = baton_value_append(r->done, shown);
    }
    value_unref(gate);
    value_unref(state);
}

/* ---- Running ---- */

/* Of all tasks, those that somebody else began meanwhile are left to them. */
static bool is_left_to_others(const task_running *r, const char *id, const baton_error *err) {
    if (!r->all || baton_error_get_code(err) != BATON_ERROR_CONFLICT) return false;
    baton_value task = task_service_by_id(r->service, id, false, NULL);
    const char *status = value_get_text(task, "status");
    bool left = status && strcmp(status, "pending") != 0;
    value_unref(task);
    return left;
}

/* It was told to stop at once; else 0. */
static exit_code interrupted_code(const task_running *r) {
    if (r->session.terminated) return EXIT_TERMINATED;
    return r->session.interrupts > 1 ? EXIT_INTERRUPTED : EXIT_DONE;
}

/* 0, or an exit code after a message. */
static int run_one(task_running *r, const char *word) {
    baton_error *err = NULL;
    baton_value task = VALUE_INVALID;
    int done = baton_orchestrator_run(r->orchestrator, r->session.engine, word, &task, &err);
    session_quiet(&r->session);
    if (done != 0 && interrupted_code(r) && baton_error_get_code(err) == BATON_ERROR_SUSPENDED) {
        baton_error_free(err);
        return cli_fail(interrupted_code(r), "interrupted; 'baton task run' goes on");
    }
    if (done != 0 && is_left_to_others(r, word, err)) {
        baton_error_free(err);
        return EXIT_DONE;
    }
    if (done != 0) return cli_fail_error(err);
    tell(r, task);
    value_unref(task);
    return EXIT_DONE;
}

static bool is_stopped(const task_running *r) {
    return r->session.interrupts || r->session.terminated || r->stopped;
}

/* 0 also when it concerns that task only, and the others are carried out all the same. */
static int run_or_pass_over(task_running *r, const char *word) {
    int code = run_one(r, word);
    if (code != EXIT_REFUSED && code != EXIT_NOT_FOUND && code != EXIT_INVALID) return code;
    r->refused++;
    r->refused_code = code;
    return EXIT_DONE;
}

static int run_all(task_running *r) {
    char *last = NULL;
    int code = EXIT_DONE;
    while (code == EXIT_DONE && !is_stopped(r)) {
        baton_error *err = NULL;
        char *id = baton_orchestrator_next(r->orchestrator, r->project, &err);
        if (err) code = cli_fail_error(err);
        bool again = id && last && strcmp(id, last) == 0; /* it could not be moved on */
        free(last);
        last = id;
        if (!id || again) break;
        code = run_or_pass_over(r, id);
    }
    free(last);
    return code;
}

/* What is left undone, and why. */
static void tell_rest(const task_running *r) {
    baton_value tasks = baton_task_service_list(
        r->service, &(baton_task_filter){.project = r->project, .status = "pending"}, NULL);
    size_t pending = baton_value_size(tasks);
    size_t blocked = pending > r->refused ? pending - r->refused : 0;
    value_unref(tasks);
    if (r->set.json || r->set.quiet) return;
    if (!r->completed && !r->waiting && !r->failed && !r->stopped && !r->refused)
        fputs(pending ? "nothing can be carried out now\n" : "there is nothing to carry out\n", stderr);
    if (blocked && !is_stopped(r))
        fprintf(stderr, "%zu task%s left, which wait%s for others: 'baton task list' tells for what\n",
                blocked, blocked == 1 ? " is" : "s are", blocked == 1 ? "s" : "");
}

static int code_of(const task_running *r) {
    if (interrupted_code(r)) return interrupted_code(r);
    if (r->failed) return EXIT_FAULTED;
    if (r->refused) return r->refused_code;
    return r->waiting || r->stopped ? EXIT_SUSPENDED : EXIT_DONE;
}

static int run_words(task_running *r, const cli_arguments *args) {
    int code = EXIT_DONE;
    for (int i = 0; i < args->rest_count && code == EXIT_DONE && !is_stopped(r); i++)
        code = run_or_pass_over(r, args->rest[i]);
    return code;
}

static int run_tasks(cli_arguments *args) {
    task_running r = {0};
    if (!read_options(&r, args, set_of_run)) return EXIT_USAGE;
    if (r.all == (args->rest_count > 0))
        return cli_fail(EXIT_USAGE, "task run needs tasks, or --all; see 'baton help task run'");
    cli_set_colour(r.set.colour, STDOUT_FILENO);
    int code = open_all(&r);
    if (code == EXIT_DONE) {
        code = r.all ? run_all(&r) : run_words(&r, args);
        if (r.set.json) session_print(r.done);
        if (r.all && code == EXIT_DONE) tell_rest(&r);
        if (code == EXIT_DONE) code = code_of(&r);
    }
    return close_all(&r, code);
}

const command command_task_run = {.name = "task run",
                                  .arguments = "[TASK...]",
                                  .summary = "carry out tasks, one after the other",
                                  .description = "Has an agent carry out the tasks that you name, or all "
                                                 "that can be carried out, in the order of their\n"
                                                 "dependencies: each on a branch in a worktree of its own, "
                                                 "by the workflow of its type. A task is done when\n"
                                                 "the commands of --verify pass; without any, when the "
                                                 "agent says so and something was done. Whatever ends\n"
                                                 "Baton meanwhile, the same command goes on where it was. "
                                                 "A TASK is an id, its beginning, a title, an alias\n"
                                                 "such as 'Performance 3A.1', or the document's path.",
                                  .examples =
                                      "  baton task run --all --agent 'claude -p' --verify 'make test'\n"
                                      "  baton task run '3A.1' --config agent.yaml --level full_auto",
                                  .options = run_options,
                                  .run = run_tasks};

/* ---- Approving ---- */

static const cli_option approve_options[] = {
    RUN_OPTIONS,
    [OPTION_NOTE] = {"note", "TEXT", "is kept with the approval", 0},
    [OPTION_LATER] = {"later", NULL, "only says so; 'baton task run' goes on with it", 0},
    {NULL, NULL, NULL, 0}};

static int tell_approved(const task_running *r, baton_task_service *s, const char *id, const char *what) {
    baton_value task = baton_task_service_get(s, id, NULL);
    if (r->set.json) {
        task = baton_value_remove(baton_value_remove(task, "source_content"), "description");
        baton_value all = baton_value_append(baton_value_array(), value_ref(task));
        session_print(all);
        value_unref(all);
    } else if (!r->set.quiet) {
        put_line("32", "approved", value_get_text(task, "title"), what);
    }
    value_unref(task);
    return EXIT_DONE;
}

/* It was waiting, and so it goes on: here, unless a process that lives has it. */
static int go_on(task_running *r, const char *id) {
    int code = open_all(r);
    if (code != EXIT_DONE) return code;
    baton_value task = task_service_by_id(r->service, id, false, NULL);
    bool held = orchestrator_is_held(r->orchestrator, task);
    value_unref(task);
    if (held) return tell_approved(r, r->service, id, "the process that carries it out goes on with it");
    code = run_one(r, id);
    if (code == EXIT_DONE && r->set.json) session_print(r->done);
    return code == EXIT_DONE ? code_of(r) : code;
}

static int approve(task_running *r, const char *word) {
    char url[STORAGE_URL_BYTES];
    baton_error *err = NULL;
    baton_task_service *s = baton_task_service_open(storage_url(r->set.store, url), &err);
    baton_value task = s ? baton_task_service_get(s, word, &err) : VALUE_INVALID;
    const char *id = value_get_text(task, "id"), *status = value_get_text(task, "status");
    int code = EXIT_DONE;
    if (!id || baton_task_service_approve(s, id, r->note, &err) != 0)
        code = cli_fail_error(err);
    else if (strcmp(status, "waiting") == 0 && !r->later)
        code = go_on(r, id);
    else
        code = tell_approved(r, s, id, "'baton task run' carries it out");
    value_unref(task);
    baton_task_service_close(s);
    return code;
}

static int run_approve(cli_arguments *args) {
    task_running r = {0};
    if (!read_options(&r, args, set_of_approve)) return EXIT_USAGE;
    if (args->rest_count != 1) return cli_fail(EXIT_USAGE, "task approve needs one task");
    cli_set_colour(r.set.colour, STDOUT_FILENO);
    int code = approve(&r, args->rest[0]);
    return close_all(&r, code);
}

const command command_task_approve = {.name = "task approve",
                                      .arguments = "TASK",
                                      .summary = "let a task go on that waits for a person",
                                      .description =
                                          "Lets a task go on that waits for you: to be begun, with the "
                                          "commands that its document brings, or for its\n"
                                          "result to be accepted. It goes on at once, unless you say "
                                          "--later. Before a task was begun, this approves\n"
                                          "its begin and the commands of its document as it is now. 'baton "
                                          "task retry TASK --note WHY' sends a result\n"
                                          "back instead.",
                                      .examples = "  baton task approve 3A.1 --note 'read the diff'",
                                      .options = approve_options,
                                      .run = run_approve};

/* ---- Cancelling ---- */

static const cli_option cancel_options[] = {SESSION_OPTION_TABLE, {NULL, NULL, NULL, 0}};

static int run_cancelling(cli_arguments *args) {
    task_running r = {0};
    if (!read_options(&r, args, NULL)) return EXIT_USAGE;
    if (args->rest_count != 1) return cli_fail(EXIT_USAGE, "task cancel needs one task");
    cli_set_colour(r.set.colour, STDOUT_FILENO);
    int code = open_all(&r);
    baton_error *err = NULL;
    if (code == EXIT_DONE &&
        baton_orchestrator_cancel(r.orchestrator, r.session.engine, args->rest[0], &err) != 0)
        code = cli_fail_error(err);
    if (code == EXIT_DONE && !r.set.quiet) {
        baton_value task = baton_task_service_get(r.service, args->rest[0], NULL);
        bool now = strcmp(value_get_text(task, "status"), "cancelled") == 0;
        put_line("33", now ? "cancelled" : "asked to stop", value_get_text(task, "title"), NULL);
        value_unref(task);
    }
    return close_all(&r, code);
}

const command command_task_cancel = {
    .name = "task cancel",
    .arguments = "TASK",
    .summary = "end a task",
    .description =
        "Ends a task: what runs for it is ended, and it is not carried out any more. Its branch and its\n"
        "worktree stay. 'baton task retry' lets it begin again.",
    .examples = "  baton task cancel 3A.1",
    .options = cancel_options,
    .run = run_cancelling};
