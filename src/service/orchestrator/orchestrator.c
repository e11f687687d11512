/* The orchestrator: from a task to an execution of its workflow, and from how that ended back to the task.
 *
 * A task is taken by one write, which makes it running and names the execution; whoever was slower is told
 * so. Only then is the execution submitted. A process that dies between the two, or at any later moment,
 * leaves a task that says which execution is its own; whoever runs it next looks how that one stands, and
 * goes on there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/orchestrator/orchestrator.h"

#include "base/error.h"
#include "base/limits.h"
#include "engine/engine.h"
#include "service/git/git.h"
#include "service/orchestrator/work.h"
#include "service/orchestrator/workflows.h"
#include "service/task/settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Making one ---- */

static bool copy_text(const char **text) {
    if (!*text) return true;
    *text = strdup(*text);
    return *text;
}

/* The texts that are used later. */
static const char **kept_texts(baton_orchestrator_options *o, size_t index) {
    const char **const all[] = {&o->automation_level, &o->workflows, &o->base, &o->push};
    return index < sizeof all / sizeof all[0] ? all[index] : NULL;
}

static int set_agent(baton_orchestrator *o, const baton_orchestrator_options *from, baton_error **err) {
    static const char *const prompts[] = {"stdin", "argument", "file"};
    static const char *const results[] = {"text", "json-lines"};
    agent_settings *a = &o->agent;
    if (from->config && agent_settings_load(a, from->config, err) != 0) return -1;
    if (from->agent && !agent_settings_command(a, from->agent)) return error_memory(err);
    if (from->agent_idle_ms) a->idle_timeout_ms = from->agent_idle_ms;
    for (int i = 0; from->agent_prompt; i++) {
        if (i == 3)
            return baton_error_set(err, BATON_ERROR_USAGE,
                                   "the agent's prompt is given by stdin, argument or file, not '%.40s'",
                                   from->agent_prompt);
        a->prompt = (agent_prompt)i;
        if (strcmp(prompts[i], from->agent_prompt) == 0) break;
    }
    for (int i = 0; from->agent_result; i++) {
        if (i == 2)
            return baton_error_set(err, BATON_ERROR_USAGE,
                                   "the agent's result is text or json-lines, not '%.40s'",
                                   from->agent_result);
        a->result = (agent_result)i;
        if (strcmp(results[i], from->agent_result) == 0) break;
    }
    if (agent_settings_check(a, err) != 0) return -1;
    o->verify = value_is_valid(a->verify) ? value_ref(a->verify) : baton_value_array();
    for (size_t i = 0; i < from->verify_count; i++)
        o->verify = baton_value_append(o->verify, baton_value_string(from->verify[i]));
    return 0;
}

/* Beside the store, unless somebody said otherwise. */
static char *default_worktrees(const baton_task_service *s) {
    const char *path = s->store->path;
    const char *slash = path ? strrchr(path, '/') : NULL;
    buffer b = {0};
    buffer_append(&b, path, slash ? (size_t)(slash - path) : 0);
    buffer_puts(&b, "/worktrees");
    return buffer_take(&b);
}

/* Need not exist yet. Given; NULL without memory. */
static char *absolute(const char *path) {
    char here[PATH_MAX];
    buffer b = {0};
    if (*path != '/' && getcwd(here, sizeof here)) buffer_printf(&b, "%s/", here);
    buffer_puts(&b, path);
    return buffer_take(&b);
}

static int fill(baton_orchestrator *o, baton_task_service *service,
                const baton_orchestrator_options *options, baton_error **err) {
    o->service = service;
    o->options = *options;
    bool copied = true;
    const char **text;
    for (size_t i = 0; (text = kept_texts(&o->options, i)); i++) {
        if (!copied) *text = NULL;
        copied = copied && copy_text(text);
    }
    if (!copied) return error_memory(err);
    if (options->automation_level) {
        baton_value level = baton_value_string(options->automation_level);
        int valid = settings_check("automation_level", level, err);
        value_unref(level);
        if (valid != 0) return -1;
    }
    o->directory = realpath(options->directory ? options->directory : ".", NULL);
    if (!o->directory)
        return baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no folder '%s'",
                               options->directory ? options->directory : ".");
    git_repository r = {0};
    if (git_find(&r, o->directory, NULL) == 0) {
        o->repository = strdup(r.common);
        o->project = strdup(r.name);
    }
    git_done(&r);
    o->worktrees = options->worktrees ? absolute(options->worktrees) : default_worktrees(service);
    if (!o->worktrees) return error_memory(err);
    return set_agent(o, options, err);
}

baton_orchestrator *baton_orchestrator_new(baton_task_service *service,
                                           const baton_orchestrator_options *options, baton_error **err) {
    const baton_orchestrator_options none = {0};
    baton_orchestrator *o = calloc(1, sizeof *o);
    if (!o) {
        error_memory(err);
        return NULL;
    }
    o->refused = baton_value_object();
    if (fill(o, service, options ? options : &none, err) == 0) return o;
    baton_orchestrator_free(o);
    return NULL;
}

void baton_orchestrator_free(baton_orchestrator *o) {
    if (!o) return;
    const char **text;
    for (size_t i = 0; (text = kept_texts(&o->options, i)); i++) free((char *)*text);
    agent_settings_done(&o->agent);
    value_unref(o->verify);
    value_unref(o->refused);
    baton_registry_free(o->registry);
    free(o->directory);
    free(o->repository);
    free(o->project);
    free(o->worktrees);
    free(o->session);
    free(o);
}

int orchestrator_add_functions(baton_registry *registry, baton_orchestrator *o, baton_error **err) {
    static const struct {
        const char *name;
        baton_step_function execute;
    } functions[] = {{"task.prepare", work_prepare}, {"task.begin", work_begin},
                     {"task.work", work_agent},      {"task.verify", work_verify},
                     {"task.commit", work_commit},   {"task.accept", work_accept},
                     {"task.finish", work_finish}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const baton_step_type type = {
            .name = functions[i].name, .execute = functions[i].execute, .data = o};
        if (baton_registry_add(registry, &type, err) != 0) return -1;
    }
    return 0;
}

int baton_orchestrator_register(baton_orchestrator *o, baton_registry *registry, baton_error **err) {
    if (orchestrator_add_functions(registry, o, err) != 0) return -1;
    o->registry = registry_ref(registry);
    return 0;
}

void orchestrator_told_by(baton_orchestrator *o, orchestrator_told told, void *data) {
    o->told = told;
    o->told_data = data;
}

void orchestrator_watched_by(baton_orchestrator *o, orchestrator_watch watch, void *data) {
    o->watch = watch;
    o->watch_data = data;
}

/* ---- From a task to an execution ---- */

/* Adds the texts of an array to another. Takes `to`. */
static baton_value append_all(baton_value to, baton_value from) {
    for (size_t i = 0; i < baton_value_size(from); i++)
        to = baton_value_append(to, baton_value_at(from, i));
    return to;
}

/* What the workflow begins with: see work.h. Given. */
static baton_value input_of(const baton_orchestrator *o, baton_value task) {
    baton_value work = value_set_text(baton_value_object(), "task", value_get_text(task, "id"));
    work = value_set_text(work, "title", value_get_text(task, "title"));
    work = value_set_text(work, "path", value_get_text(task, "source_path"));
    baton_value settings = settings_of(task), state = baton_value_get(task, "state");
    if (o->options.automation_level)
        settings = value_set_text(settings, "automation_level", o->options.automation_level);
    /* Commands that a person set are that person's; those of the document are a stranger's. */
    baton_value edited = task_member(state, "edited", "verify"),
                declared = baton_value_get(settings, "verify");
    baton_value own = append_all(value_ref(o->verify), value_is_valid(edited) ? declared : VALUE_INVALID);
    work = baton_value_set(work, "verify", own);
    work = baton_value_set(work, "document_verify",
                           value_is_valid(edited) || !value_is_valid(declared) ? baton_value_array()
                                                                               : value_ref(declared));
    work = baton_value_set(work, "trusted", baton_value_boolean(o->options.trust));
    work = baton_value_set(work, "settings", baton_value_remove(settings, "verify"));
    if (o->session && !work_setting_flag(work, "new_chat_required"))
        work = value_set_text(work, "session", o->session);
    baton_value note = task_member(task, "state", "retry_note");
    if (baton_value_as_text(note)) work = baton_value_set(work, "failure", value_ref(note));
    work = baton_value_set(work, "sent_back", baton_value_boolean(baton_value_as_text(note)));
    value_unref(note);
    value_unref(declared);
    value_unref(edited);
    value_unref(state);
    return work;
}

/* Takes the ids (invalid: none), of which the last ones are kept. */
static baton_value add_execution(baton_value ids, const char *id) {
    enum { EXECUTIONS_KEPT = 100 };
    baton_value kept = baton_value_array();
    size_t count = baton_value_size(ids);
    for (size_t i = count < EXECUTIONS_KEPT ? 0 : count - EXECUTIONS_KEPT + 1; i < count; i++)
        kept = baton_value_append(kept, baton_value_at(ids, i));
    value_unref(ids);
    return baton_value_append(kept, baton_value_string(id));
}

/* The data is the id of the execution that it will have. */
static baton_value take(void *data, baton_value task, baton_error **err) {
    static const char *const ended[] = {"work", "gate", "reason", "ended_at"};
    static const char *const kept[] = {"base_commit", "branch"}; /* of its work, for this try */
    if (!task_is(task, "pending")) {
        baton_error_set(err, BATON_ERROR_CONFLICT, "'%s' was begun by somebody else meanwhile",
                        value_get_text(task, "title"));
        value_unref(task);
        return VALUE_INVALID;
    }
    task = value_set_text(task, "status", "running");
    task = value_set_text(task, "execution", data);
    baton_value state = baton_value_get(task, "state"), executions = baton_value_get(state, "executions");
    state = baton_value_set(state, "executions", add_execution(executions, data));
    state = baton_value_set(state, "started_at", task_now());
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        baton_value v = task_member(state, "work", kept[i]);
        if (baton_value_as_text(v)) state = baton_value_set(state, kept[i], value_ref(v));
        value_unref(v);
    }
    for (size_t i = 0; i < sizeof ended / sizeof ended[0]; i++) state = baton_value_remove(state, ended[i]);
    return baton_value_set(task, "state", state);
}

static baton_workflow *workflow_of(const baton_orchestrator *o, baton_value task, baton_error **err) {
    const char *type = value_get_text(task, "type");
    const char *const folders[] = {o->options.workflows, o->agent.workflows};
    if (type) return workflow_of_type(type, folders, 2, o->registry, err);
    baton_error_set(err, BATON_ERROR_INVALID,
                    "'%s' has no type, so there is no workflow for it: 'baton task edit %.8s --type TYPE'",
                    value_get_text(task, "title"), value_get_text(task, "id"));
    return NULL;
}

static int refuse_blocked(baton_orchestrator *o, baton_value task, baton_error **err) {
    baton_value all = task_service_read(
        o->service,
        &(store_task_filter){.project_id = value_get_text(task, "project_id"), .dependencies = true}, err);
    if (!value_is_valid(all)) return -1;
    baton_value blockers = task_blockers(task, all);
    buffer names = {0};
    for (size_t i = 0; i < baton_value_size(blockers); i++) {
        baton_value one = baton_value_at(blockers, i);
        buffer_printf(&names, "%s%s (%s)", i ? ", " : "", value_get_text(one, "text"),
                      value_get_text(one, "status"));
        value_unref(one);
    }
    int result = 0;
    if (!value_is_valid(blockers))
        result = error_memory(err);
    else if (names.size)
        result = baton_error_set(err, BATON_ERROR_DEPENDENCY, "'%s' waits for %s",
                                 value_get_text(task, "title"), buffer_text(&names));
    buffer_done(&names);
    value_unref(blockers);
    value_unref(all);
    return result;
}

/* Before anything is written: without one a task would fail that only needs another command line. */
static int refuse_without_agent(const baton_orchestrator *o, baton_error **err) {
    if (value_is_valid(o->agent.command)) return 0;
    return baton_error_set(err, BATON_ERROR_USAGE,
                           "there is no agent to carry tasks out: say --agent COMMAND, or configure one");
}

/* Tells who watches. */
static void watch(const baton_orchestrator *o, baton_value task, const char *execution,
                  const baton_workflow *workflow) {
    if (o->watch) o->watch(o->watch_data, task, execution, workflow);
}

/* Runs the execution that the task names, which need not be in the store yet, by this workflow (taken). */
static int execute(baton_orchestrator *o, baton_engine *engine, baton_workflow *workflow, baton_value task,
                   baton_result **result, baton_error **err) {
    const char *id = value_get_text(task, "execution");
    baton_value input = input_of(o, task);
    watch(o, task, id, workflow);
    const baton_execution_options options = {.id = id, .input = input, .timeout_ms = -1};
    int done = baton_engine_execute(engine, workflow, NULL, &options, result, err);
    value_unref(input);
    baton_workflow_free(workflow);
    return done;
}

/* ---- From an execution back to the task ---- */

typedef struct settlement {
    const char *execution;
    execution_status status;
    const char *reason; /* NULL: none */
} settlement;

/* A task that never came to its begin (its place could not be o) is as it was. One that was settled
 * already, and perhaps let begin again, is left alone. */
static baton_value settle(void *data, baton_value task, baton_error **err) {
    (void)err;
    const settlement *s = data;
    const char *execution = value_get_text(task, "execution");
    if (!task_is_under_way(task) || !execution || strcmp(execution, s->execution) != 0) return task;
    baton_value state = baton_value_get(task, "state");
    baton_value unrunnable = task_member(state, "work", "unrunnable");
    bool begun = baton_value_has(state, "work") && !baton_value_is_true(unrunnable);
    value_unref(unrunnable);
    value_unref(state);
    const char *status = s->status == EXECUTION_COMPLETED   ? "completed"
                         : s->status == EXECUTION_CANCELLED ? "cancelled"
                         : begun                            ? "failed"
                                                            : "pending";
    task = value_set_text(task, "status", status);
    task = task_set_member(task, "state", "reason",
                           s->reason ? baton_value_string(s->reason) : baton_value_null());
    task = task_set_member(task, "state", "gate", baton_value_null());
    return task_set_member(task, "state", "ended_at", task_now());
}

static bool has_ended(execution_status status) { return status >= EXECUTION_COMPLETED; }

/* Writes down how it ended, if it did. *task is renewed. */
static int conclude(baton_orchestrator *o, const baton_result *result, baton_value *task,
                    baton_error **err) {
    baton_value problem = baton_result_problem(result);
    settlement s = {.execution = result->id, .status = result->status};
    if (result->status == EXECUTION_FAULTED) {
        s.reason = value_get_text(problem, "detail");
        if (!s.reason) s.reason = value_get_text(problem, "title");
    }
    int done = 0;
    char *id = strdup(value_get_text(*task, "id"));
    if (!id) {
        done = error_memory(err);
    } else if (has_ended(result->status)) {
        value_assign(task, VALUE_INVALID);
        done = task_service_change(o->service, id, settle, &s, task, err);
    } else {
        value_assign(task, task_service_by_id(o->service, id, false, err));
        done = value_is_valid(*task) ? 0 : -1;
    }
    if (done == 0 && s.reason && task_is(*task, "pending")) /* it could not begin */
        done = baton_error_set(err, BATON_ERROR_CONFLICT, "'%s' cannot begin: %s",
                               value_get_text(*task, "title"), s.reason);
    free(id);
    value_unref(problem);
    return done;
}

/* The next task may go on with this one's session. */
static void remember_session(baton_orchestrator *o, baton_value task) {
    baton_value state = baton_value_get(task, "state"), session = task_member(state, "work", "session");
    if (baton_value_as_text(session)) {
        free(o->session);
        o->session = strdup(baton_value_as_text(session));
    }
    value_unref(session);
    value_unref(state);
}

/* ---- Going on ---- */

/* What a person's approval makes of the work; given; invalid when nobody has approved what it waits for. */
static baton_value approved_work(baton_value task) {
    baton_value state = baton_value_get(task, "state"), gate = baton_value_get(state, "gate");
    const char *name = value_get_text(gate, "name"), *key = value_get_text(gate, "key");
    baton_value approval = name ? task_member(state, "approvals", name) : VALUE_INVALID;
    const char *of = value_get_text(approval, "key");
    baton_value work = VALUE_INVALID;
    if (of && key && strcmp(of, key) == 0)
        work = work_take_approval(baton_value_get(state, "work"), name, approval);
    value_unref(approval);
    value_unref(gate);
    value_unref(state);
    return work;
}

/* Its key is the data: one that it came to meanwhile stays. */
static baton_value leave_gate(void *data, baton_value task, baton_error **err) {
    (void)err;
    const char *left = value_get_text(*(baton_value *)data, "key");
    baton_value gate = task_member(task, "state", "gate");
    const char *key = value_get_text(gate, "key");
    bool same = left ? key && strcmp(left, key) == 0 : !key;
    value_unref(gate);
    if (!same || !task_is(task, "waiting")) return task;
    task = task_set_member(task, "state", "gate", baton_value_null());
    return value_set_text(task, "status", "running");
}

/* The execution waits at a gate, in this engine already (`mine`) or in none, and a person let it go on.
 * Takes the work. */
static int deliver(baton_orchestrator *o, baton_engine *engine, bool mine, baton_value task,
                   baton_value work, baton_result **result, baton_error **err) {
    const char *id = value_get_text(task, "execution");
    baton_value gate = task_member(task, "state", "gate");
    const char *reference = value_get_text(gate, "step");
    int done = mine ? 0 : baton_engine_recover(engine, id, NULL, err);
    if (done == 0) {
        baton_workflow *workflow = NULL;
        if (engine_workflow_of(engine, id, &workflow, NULL) == 0) watch(o, task, id, workflow);
        done = baton_engine_deliver(engine, id, reference, value_ref(work), err);
    }
    if (done == 0)
        done = task_service_change(o->service, value_get_text(task, "id"), leave_gate, &gate, NULL, err);
    if (done == 0) done = baton_engine_run(engine, err);
    if (done == 0) done = engine_stored_result(engine, id, result, err);
    value_unref(gate);
    value_unref(work);
    return done;
}

static int resume(baton_orchestrator *o, baton_engine *engine, const char *id, baton_value task,
                  baton_result **result, baton_error **err) {
    baton_workflow *workflow = NULL;
    if (engine_workflow_of(engine, id, &workflow, err) != 0) return -1;
    /* It was at a gate, and was killed when it had just left it. */
    baton_value gate = task_member(task, "state", "gate");
    int done = !task_is(task, "waiting") ? 0
                                         : task_service_change(o->service, value_get_text(task, "id"),
                                                               leave_gate, &gate, NULL, err);
    value_unref(gate);
    if (done != 0) return -1;
    watch(o, task, id, workflow);
    return engine_finish(engine, &(store_claim){.id = id}, TAKE_TO_RUN, result, err);
}

/* Goes on with a task that was begun. *result stays NULL when it still waits for somebody. */
static int go_on(baton_orchestrator *o, baton_engine *engine, baton_value task, baton_result **result,
                 baton_error **err) {
    const char *id = value_get_text(task, "execution");
    store *store = engine->store;
    store_execution x;
    baton_error *why = NULL;
    if (store->type->find(store, id, &x, &why) != 0) {
        bool none = baton_error_get_code(why) == BATON_ERROR_NOT_FOUND;
        error_give(!none ? err : NULL, why);
        baton_workflow *workflow = none ? workflow_of(o, task, err) : NULL;
        return workflow ? execute(o, engine, workflow, task, result, err) : -1;
    }
    if (has_ended(x.status)) return engine_stored_result(engine, id, result, err);
    if (x.owner && !x.interrupted && !x.mine)
        return baton_error_set(err, BATON_ERROR_CONFLICT, "'%s' is being carried out by process %lld",
                               value_get_text(task, "title"), (long long)x.owner_pid);
    bool at_gate = task_is(task, "waiting") && x.status == EXECUTION_WAITING;
    baton_value work = at_gate ? approved_work(task) : VALUE_INVALID;
    bool approved = value_is_valid(work);
    if (!approved && (at_gate || x.mine)) return 0;
    bool accepted = approved && strcmp(value_get_text(work, "next"), "finish") == 0;
    if (!accepted && refuse_without_agent(o, err) != 0) {
        value_unref(work);
        return -1;
    }
    return approved ? deliver(o, engine, x.mine, task, work, result, err)
                    : resume(o, engine, id, task, result, err);
}

static int begin(baton_orchestrator *o, baton_engine *engine, baton_value *task, baton_result **result,
                 baton_error **err) {
    char execution[ID_TEXT];
    /* Whatever speaks against it does so before anything is written. */
    if (refuse_blocked(o, *task, err) != 0) return -1;
    baton_workflow *workflow = workflow_of(o, *task, err);
    if (!workflow || refuse_without_agent(o, err) != 0) {
        baton_workflow_free(workflow);
        return -1;
    }
    engine_make_id(engine, execution);
    baton_value taken = VALUE_INVALID;
    if (task_service_change(o->service, value_get_text(*task, "id"), take, execution, &taken, err) != 0) {
        baton_workflow_free(workflow);
        return -1;
    }
    value_assign(task, taken);
    return execute(o, engine, workflow, *task, result, err);
}

/* It was imported in another repository, which is still there, than the one where this would carry it out.
 */
static bool is_elsewhere(const baton_orchestrator *o, baton_value task) {
    baton_value state = baton_value_get(task, "state");
    const char *its = value_get_text(value_is_valid(state) ? state : task, "repository");
    bool other = its && o->repository && strcmp(its, o->repository) != 0 &&
                 (!o->project || strcmp(o->project, value_get_text(task, "project_id")) != 0) &&
                 access(its, F_OK) == 0;
    value_unref(state);
    return other;
}

static int refuse_elsewhere(const baton_orchestrator *o, baton_value task, baton_error **err) {
    if (!is_elsewhere(o, task)) return 0;
    baton_value its = task_member(task, "state", "repository");
    baton_error_set(
        err, BATON_ERROR_CONFLICT,
        "'%s' is of project '%s' and was imported in %s: carry it out there, or import its document here",
        value_get_text(task, "title"), value_get_text(task, "project_id"), baton_value_as_text(its));
    value_unref(its);
    return -1;
}

/* What waits for others is not offered before these are done, and then no more refused. */
static void note_refusal(baton_orchestrator *o, const char *id, const baton_error *why) {
    if (!why)
        o->refused = baton_value_remove(o->refused, id);
    else if (baton_error_get_code(why) != BATON_ERROR_DEPENDENCY)
        o->refused = baton_value_set(o->refused, id, baton_value_boolean(true));
}

int baton_orchestrator_run(baton_orchestrator *o, baton_engine *engine, const char *word,
                           baton_value *given, baton_error **err) {
    char *id = task_service_resolve(o->service, word, err);
    baton_value task = id ? task_service_by_id(o->service, id, false, err) : VALUE_INVALID;
    if (!value_is_valid(task)) {
        free(id);
        return -1;
    }
    baton_result *result = NULL;
    baton_error *why = NULL;
    int done;
    if (refuse_elsewhere(o, task, &why) != 0)
        done = -1;
    else if (task_is(task, "pending"))
        done = begin(o, engine, &task, &result, &why);
    else if (task_is_under_way(task))
        done = go_on(o, engine, task, &result, &why);
    else
        done = baton_error_set(&why, BATON_ERROR_CONFLICT,
                               "'%s' is %s; 'baton task retry' lets it begin again",
                               value_get_text(task, "title"), value_get_text(task, "status"));
    if (done == 0 && result) done = conclude(o, result, &task, &why);
    note_refusal(o, id, why);
    if (done == 0) remember_session(o, task);
    error_give(err, why);
    free(id);
    baton_result_free(result);
    if (done == 0 && given)
        *given = task;
    else
        value_unref(task);
    return done;
}

/* ---- Which one is next ---- */

/* A process that lives has it, which is not this one. */
static bool is_held(const store_execution *x) {
    return x->owner && !x->interrupted && x->owner_pid != getpid();
}

bool orchestrator_is_held(baton_orchestrator *o, baton_value task) {
    const char *id = value_get_text(task, "execution");
    store *store = o->service->store;
    store_execution x;
    return id && task_is_under_way(task) && store->type->find(store, id, &x, NULL) == 0 && is_held(&x);
}

/* It was begun, nobody else has it, and it can go on. */
static bool can_go_on(const baton_orchestrator *o, baton_value task) {
    const char *id = value_get_text(task, "execution");
    store *store = o->service->store;
    store_execution x;
    if (!id || !task_is_under_way(task)) return false;
    if (store->type->find(store, id, &x, NULL) != 0) return true;
    if (has_ended(x.status)) return true;
    if (is_held(&x)) return false;
    bool here = x.owner && !x.interrupted; /* in an engine of this process, which left it at a gate */
    if (!here && (!task_is(task, "waiting") || x.status != EXECUTION_WAITING)) return true;
    baton_value work = approved_work(task);
    value_unref(work);
    return value_is_valid(work);
}

/* The id of the first of these tasks (taken) that fits (NULL: any); given; NULL when there is none. */
static char *first_of(const baton_orchestrator *o, baton_value tasks,
                      bool (*fits)(const baton_orchestrator *o, baton_value task), baton_error **err) {
    char *id = NULL;
    bool found = false;
    for (size_t i = 0; i < baton_value_size(tasks) && !found; i++) {
        baton_value task = baton_value_at(tasks, i);
        const char *text = value_get_text(task, "id");
        found = !baton_value_has(o->refused, text) && !is_elsewhere(o, task) && (!fits || fits(o, task));
        if (found && !(id = strdup(text))) error_memory(err);
        value_unref(task);
    }
    value_unref(tasks);
    return id;
}

char *baton_orchestrator_next(baton_orchestrator *o, const char *project, baton_error **err) {
    baton_value tasks = task_service_in_order(o->service, project, err);
    if (!value_is_valid(tasks)) return NULL;
    char *id = first_of(o, tasks, can_go_on, err);
    if (id) return id;
    tasks =
        baton_task_service_list(o->service, &(baton_task_filter){.project = project, .ready = true}, err);
    return first_of(o, tasks, NULL, err);
}

/* ---- Cancelling ---- */

/* The data is the task as it was looked at. */
static baton_value cancel(void *data, baton_value task, baton_error **err) {
    const baton_value *seen = data;
    const char *before = value_get_text(*seen, "status");
    bool begun_meanwhile = !task_is_under_way(*seen) && task_is_under_way(task);
    if (begun_meanwhile || task_is(task, "completed")) {
        baton_error_set(err, BATON_ERROR_CONFLICT, "'%s' was %s and is %s by now",
                        value_get_text(task, "title"), before, value_get_text(task, "status"));
        value_unref(task);
        return VALUE_INVALID;
    }
    task = value_set_text(task, "status", "cancelled");
    task = task_set_member(task, "state", "gate", baton_value_null());
    return task_set_member(task, "state", "ended_at", task_now());
}

/* It waits in this engine. */
static int cancel_here(baton_engine *engine, const char *execution, baton_error **err) {
    return baton_engine_cancel(engine, execution, err) == 0 ? baton_engine_run(engine, err) : -1;
}

int baton_orchestrator_cancel(baton_orchestrator *o, baton_engine *engine, const char *word,
                              baton_error **err) {
    char *id = task_service_resolve(o->service, word, err);
    baton_value task = id ? task_service_by_id(o->service, id, false, err) : VALUE_INVALID;
    if (!value_is_valid(task)) {
        free(id);
        return -1;
    }
    int done = 0;
    bool begun = task_is_under_way(task);
    const char *execution = value_get_text(task, "execution");
    store *store = engine->store;
    store_execution x;
    bool settles = false; /* whoever carries it out will */
    if (task_is(task, "completed") || task_is(task, "cancelled")) {
        done = baton_error_set(err, BATON_ERROR_CONFLICT, "'%s' is %s", value_get_text(task, "title"),
                               value_get_text(task, "status"));
    } else if (begun && execution && store->type->find(store, execution, &x, NULL) == 0 &&
               !has_ended(x.status)) {
        settles = x.owner && !x.interrupted && !x.mine;
        baton_result *result = NULL;
        if (x.mine)
            done = cancel_here(engine, execution, err);
        else if (settles)
            done = store->type->ask(store, execution, "cancel", err);
        else
            done = engine_finish(engine, &(store_claim){.id = execution}, TAKE_TO_CANCEL, &result, err);
        baton_result_free(result);
    }
    if (done == 0 && !settles) done = task_service_change(o->service, id, cancel, &task, NULL, err);
    value_unref(task);
    free(id);
    return done;
}
