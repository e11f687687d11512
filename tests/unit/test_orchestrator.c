/* Carrying tasks out, as a program does that embeds Baton: a repository, an agent that is a line of shell,
 * and what becomes of both.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "git_kit.h"

#include "service/task/task_service.h"

typedef struct scene {
    char store[64];
    baton_task_service *service;
    baton_orchestrator *orchestrator;
    baton_registry *registry;
    baton_engine *engine;
} scene;

static const char worker[] = "cat >/dev/null; echo work >> $BATON_TASK_ID.txt; echo Done.";

static void document(const char *name, const char *title, const char *needs, const char *more) {
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fprintf(file,
            "# %s\n\n- **Priority**: High\n- **Type**: feature\n- **Category**: backend\n"
            "- **Estimated Time**: 2 hours\n- **Dependencies**: %s\n\n#### Task Database Fields:\n%s\n",
            title, needs, more);
    assert_int_equal(fclose(file), 0);
}

/* As share/baton/workflows has it. */
static const char usual[] = "  - prepare: {call: task.prepare}\n"
                            "  - begin: {call: task.begin}\n"
                            "  - work: {call: task.work, then: decide}\n"
                            "  - pause: {wait: \"${ .pause }\", then: work}\n"
                            "  - verify: {call: task.verify, then: decide}\n"
                            "  - commit: {call: task.commit}\n"
                            "  - decide:\n"
                            "      switch:\n"
                            "        - again: {when: .next == \"work\", then: work}\n"
                            "        - asked: {when: .next == \"begin\", then: begin}\n"
                            "        - limited: {when: .next == \"pause\", then: pause}\n"
                            "        - checked: {when: .next == \"verify\", then: verify}\n"
                            "        - kept: {when: .next == \"commit\", then: commit}\n"
                            "        - given_up: {when: .next == \"finish\", then: finish}\n"
                            "        - done: {then: accept}\n"
                            "  - accept: {call: task.accept}\n"
                            "  - accepted:\n"
                            "      switch:\n"
                            "        - again: {when: .next == \"work\", then: work}\n"
                            "        - asked: {when: .next == \"begin\", then: begin}\n"
                            "        - done: {then: finish}\n"
                            "  - finish: {call: task.finish}\n";

/* The workflow file for features. */
static void workflow(const char *steps) {
    FILE *file = fopen(in_folder("flows/feature.yaml"), "w");
    assert_non_null(file);
    fprintf(file, "document: {dsl: '1.0.3', namespace: x, name: f, version: '0.1.0'}\ndo:\n%s", steps);
    assert_int_equal(fclose(file), 0);
}

static void close_scene(scene *s) {
    baton_engine_free(s->engine);
    baton_orchestrator_free(s->orchestrator);
    baton_registry_free(s->registry);
    baton_task_service_close(s->service);
}

/* As a process begins. */
static void open_scene(scene *s, baton_orchestrator_options options) {
    baton_error *err = NULL;
    snprintf(s->store, sizeof s->store, "%s/state/tasks.db", folder);
    s->service = baton_task_service_open(s->store, &err);
    if (!s->service) fail_msg("%s", baton_error_message(err));
    if (!options.directory) options.directory = repo;
    options.workflows = in_folder("flows");
    s->orchestrator = baton_orchestrator_new(s->service, &options, &err);
    if (!s->orchestrator) fail_msg("%s", baton_error_message(err));
    s->registry = baton_registry_new();
    assert_int_equal(baton_orchestrator_register(s->orchestrator, s->registry, &err), 0);
    s->engine = baton_engine_new(&(baton_engine_options){.store = s->store, .registry = s->registry}, &err);
    if (!s->engine) fail_msg("%s", baton_error_message(err));
}

static void reopen(scene *s, baton_orchestrator_options options) {
    close_scene(s);
    open_scene(s, options);
}

static int begin(void **state) {
    if (scene_begin(state) != 0) return -1;
    shell(NULL, "mkdir state docs flows");
    workflow(usual);
    return (*state = calloc(1, sizeof(scene))) ? 0 : -1;
}

static int end(void **state) {
    close_scene(*state);
    free(*state);
    return scene_end(NULL);
}

static void import_all(const scene *s) {
    const char *const path = in_folder("docs");
    baton_error *err = NULL;
    baton_value report =
        baton_task_service_import(s->service, &path, 1, &(baton_import_options){.project = "play"}, &err);
    if (!value_is_valid(report)) fail_msg("%s", baton_error_message(err));
    value_unref(report);
}

static void start(scene *s, const char *agent) {
    open_scene(s, (baton_orchestrator_options){.agent = agent, .automation_level = "full_auto"});
    import_all(s);
}

/* Runs one task and expects its status. */
static void run(scene *s, const char *word, const char *status) {
    baton_error *err = NULL;
    baton_value task = VALUE_INVALID;
    if (baton_orchestrator_run(s->orchestrator, s->engine, word, &task, &err) != 0)
        fail_msg("%s: %s", word, baton_error_message(err));
    assert_string_equal(value_get_text(task, "status"), status);
    value_unref(task);
}

static void refuse(scene *s, const char *word, baton_error_code code, const char *part) {
    baton_error *err = NULL;
    assert_int_equal(baton_orchestrator_run(s->orchestrator, s->engine, word, NULL, &err), -1);
    if (!strstr(baton_error_message(err), part)) fail_msg("%s", baton_error_message(err));
    assert_int_equal(baton_error_get_code(err), code);
    baton_error_free(err);
}

static baton_value get(const scene *s, const char *word) {
    baton_error *err = NULL;
    baton_value task = baton_task_service_get(s->service, word, &err);
    if (!value_is_valid(task)) fail_msg("%s: %s", word, baton_error_message(err));
    return task;
}

static void expect_text(const scene *s, const char *word, const char *key, const char *text) {
    baton_value task = get(s, word);
    const char *is = value_get_text(task, key);
    if (!is || strcmp(is, text) != 0) fail_msg("%s is %s, not %s", key, is ? is : "none", text);
    value_unref(task);
}

/* "prepare work:confirmed approval:accept:again:no" */
static void expect_log(const scene *s, const char *word, const char *expected) {
    baton_value task = get(s, word), log = task_member(task, "work", "log");
    buffer b = {0};
    for (size_t i = 0; i < baton_value_size(log); i++) {
        static const char *const told[] = {"verdict", "gate", "note"};
        baton_value entry = baton_value_at(log, i);
        buffer_printf(&b, "%s%s", i ? " " : "", value_get_text(entry, "kind"));
        for (int k = 0; k < 3; k++)
            if (value_get_text(entry, told[k])) buffer_printf(&b, ":%s", value_get_text(entry, told[k]));
        if (baton_value_has(entry, "again")) buffer_puts(&b, ":again");
        value_unref(entry);
    }
    assert_string_equal(buffer_text(&b), expected);
    buffer_done(&b);
    value_unref(log);
    value_unref(task);
}

/* ---- Carrying out ---- */

static void all_in_order(void **state) {
    scene *s = *state;
    document("docs/a.md", "Shop 1B: Two", "Shop 1A", "");
    document("docs/b.md", "Shop 1A: One", "None", "");
    start(s, worker);
    refuse(s, "1B", BATON_ERROR_DEPENDENCY, "'Shop 1B: Two' waits for Shop 1A (pending)");
    char *id;
    int count = 0;
    while (count < 5 && (id = baton_orchestrator_next(s->orchestrator, NULL, NULL))) {
        run(s, id, "completed");
        free(id);
        count++;
    }
    assert_int_equal(count, 2);
    expect_log(s, "1A", "prepare work:confirmed commit finish");
    expect_shell("Shop 1B: Two\nShop 1A: One", "git -C repo log --format=%s -2 task/shop-1b-two");
    expect_shell("", "git -C repo status --short"); /* what is checked out was left alone */
    expect_shell("1", "git -C repo worktree list | wc -l");
    refuse(s, "1A", BATON_ERROR_CONFLICT, "'baton task retry' lets it begin again");
}

static void without_agent_nothing_is_written(void **state) {
    scene *s = *state;
    document("docs/a.md", "Shop 1A: One", "None", "");
    start(s, NULL);
    refuse(s, "1A", BATON_ERROR_USAGE, "there is no agent");
    expect_text(s, "1A", "status", "pending");
    reopen(s, (baton_orchestrator_options){.agent = "true", .directory = folder});
    refuse(s, "1A", BATON_ERROR_CONFLICT, "it needs a branch of its own");
    expect_text(s, "1A", "status", "pending"); /* it never began */
}

/* ---- Gates ---- */

static void a_result_is_sent_back_and_accepted(void **state) {
    scene *s = *state;
    const baton_orchestrator_options options = {.agent = worker};
    document("docs/a.md", "Shop 1A: One", "None", "");
    open_scene(s, options);
    import_all(s);
    run(s, "1A", "waiting");
    run(s, "1A", "waiting"); /* nobody said anything */
    assert_int_equal(baton_task_service_retry(s->service, "1A", "no", NULL), 0);
    reopen(s, options);
    run(s, "1A", "waiting");
    expect_log(s, "1A", "prepare work:confirmed commit approval:accept:no:again work:confirmed commit");
    assert_int_equal(baton_task_service_approve(s->service, "1A", "yes", NULL), 0);
    reopen(s, (baton_orchestrator_options){0}); /* to accept takes no agent */
    run(s, "1A", "completed");
    expect_log(s, "1A",
               "prepare work:confirmed commit approval:accept:no:again work:confirmed commit "
               "approval:accept:yes finish");
}

/* A program that goes on meanwhile. */
static void gates_in_one_engine(void **state) {
    scene *s = *state;
    document("docs/a.md", "Shop 1A: One", "None", "");
    document("docs/b.md", "Shop 1B: Two", "None", "");
    open_scene(s, (baton_orchestrator_options){.agent = worker});
    import_all(s);
    run(s, "1A", "waiting");
    run(s, "1B", "waiting");
    assert_null(baton_orchestrator_next(s->orchestrator, NULL, NULL));
    assert_int_equal(baton_task_service_approve(s->service, "1A", NULL, NULL), 0);
    char *id = baton_orchestrator_next(s->orchestrator, NULL, NULL);
    assert_non_null(id);
    run(s, id, "completed");
    free(id);
    expect_text(s, "1A", "status", "completed");
    assert_int_equal(baton_orchestrator_cancel(s->orchestrator, s->engine, "1B", NULL), 0);
    expect_text(s, "1B", "status", "cancelled");
}

static void approved_in_advance(void **state) {
    scene *s = *state;
    document("docs/a.md", "Shop 1A: One", "None",
             "- **verify**: ls *.txt\n- **automation_level**: full_auto");
    open_scene(s, (baton_orchestrator_options){.agent = worker});
    import_all(s);
    assert_int_equal(baton_task_service_approve(s->service, "1A", "read it", NULL), 0);
    run(s, "1A", "completed");
    expect_log(s, "1A", "prepare approval:begin:read it work:confirmed verify commit finish");
    /* It was for that once. */
    assert_int_equal(baton_task_service_retry(s->service, "1A", NULL, NULL), 0);
    run(s, "1A", "waiting");
    baton_value task = get(s, "1A"), commands = task_member(task, "gate", "commands");
    assert_int_equal(baton_value_size(commands), 1);
    value_unref(commands);
    value_unref(task);
}

/* ---- Workflows of somebody's own ---- */

static void commands_of_documents_need_trust(void **state) {
    scene *s = *state;
    char command[128];
    snprintf(command, sizeof command, "- **verify**: touch %s/ran", folder);
    document("docs/a.md", "Shop 1A: One", "None", command);
    workflow("  - p: {call: task.prepare}\n  - v: {call: task.verify}\n");
    start(s, worker);
    run(s, "1A", "failed"); /* no gate asked for it */
    expect_shell("no", "test -e ran && echo yes || echo no");
}

static void odd_data_is_refused(void **state) {
    static const char *const functions[] = {"prepare", "begin",  "work",  "verify",
                                            "commit",  "accept", "finish"};
    static const char *const data[] = {
        "{a: 1}",       "{task: x, title: t}",   "\"${ 1 }\"",
        "\"${ [.] }\"", "\"${ . + {log: 1} }\"", "\"${ . + {settings: {}} }\""};
    scene *s = *state;
    document("docs/a.md", "Shop 1A: One", "None", "");
    document("docs/b.md", "Shop 1B: Two", "None", "");
    start(s, worker);
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        for (size_t d = 0; d < sizeof data / sizeof *data; d++) {
            char steps[256];
            snprintf(steps, sizeof steps, "  - odd: {set: %s}\n  - it: {call: task.%s}\n", data[d],
                     functions[f]);
            workflow(steps);
            refuse(s, "1A", BATON_ERROR_CONFLICT, "is not the work of a task");
        }
    }
    expect_text(s, "1A", "status", "pending");
    expect_text(s, "1B", "status", "pending");
}

/* ---- Branches ---- */

static void equal_titles_have_branches_of_their_own(void **state) {
    scene *s = *state;
    document("docs/a.md", "Shop: Same", "None", "");
    document("docs/b.md", "Shop: Same", "None", "");
    start(s, worker);
    run(s, "a.md", "completed");
    run(s, "b.md", "completed");
    baton_value task = get(s, "b.md"), branch = task_member(task, "work", "branch");
    char name[64];
    snprintf(name, sizeof name, "task/shop-same-%.8s", value_get_text(task, "id"));
    assert_string_equal(baton_value_as_text(branch), name);
    value_unref(branch);
    value_unref(task);
    expect_shell("1", "git -C repo rev-list --count trunk..task/shop-same");
    /* Tried again, it goes on on its own. */
    assert_int_equal(baton_task_service_retry(s->service, "b.md", NULL, NULL), 0);
    run(s, "b.md", "completed");
    expect_shell("3", "git -C repo branch --list | wc -l");
}

/* ---- Ends ---- */

static void cancelled(void **state) {
    scene *s = *state;
    const baton_orchestrator_options options = {.agent = worker};
    baton_error *err = NULL;
    document("docs/a.md", "Shop 1A: One", "None", "");
    document("docs/b.md", "Shop 1B: Two", "None", "");
    open_scene(s, options);
    import_all(s);
    run(s, "1A", "waiting");
    reopen(s, options);
    assert_int_equal(baton_orchestrator_cancel(s->orchestrator, s->engine, "1A", NULL), 0);
    assert_int_equal(baton_orchestrator_cancel(s->orchestrator, s->engine, "1B", NULL), 0);
    expect_text(s, "1A", "status", "cancelled");
    expect_text(s, "1B", "status", "cancelled");
    assert_int_equal(baton_orchestrator_cancel(s->orchestrator, s->engine, "1A", &err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_CONFLICT);
    baton_error_free(err);
    assert_null(baton_orchestrator_next(s->orchestrator, NULL, NULL));
    assert_int_equal(baton_task_service_retry(s->service, "1A", NULL, NULL), 0);
    run(s, "1A", "waiting");
}

/* Killed after it was taken, before its execution was kept: it goes on with that one. */
static baton_value take_away(void *data, baton_value task, baton_error **err) {
    (void)err;
    task = value_set_text(task, "status", data);
    return value_set_text(task, "execution", "exec_lost");
}

static void taken_and_killed(void **state) {
    scene *s = *state;
    document("docs/a.md", "Shop 1A: One", "None", "");
    start(s, worker);
    char *id = task_service_resolve(s->service, "1A", NULL);
    assert_int_equal(task_service_change(s->service, id, take_away, "running", NULL, NULL), 0);
    char *next = baton_orchestrator_next(s->orchestrator, NULL, NULL);
    assert_string_equal(next, id);
    run(s, id, "completed");
    expect_text(s, "1A", "execution", "exec_lost");
    free(next);
    free(id);
}

/* Killed between the write that makes the task wait and the execution's own: a person has answered when the
 * gate comes once more. */
static baton_value answer(void *data, baton_value task, baton_error **err) {
    baton_value approval = value_set_text(baton_value_object(), "key", data);
    approval = value_set_text(approval, "note", "no");
    approval = baton_value_set(approval, "again", baton_value_boolean(true));
    task = task_set_member(task, "state", "approvals",
                           baton_value_set(baton_value_object(), "accept", approval));
    return take_away("waiting", task, err);
}

static void answered_before_the_gate_was_kept(void **state) {
    scene *s = *state;
    document("docs/a.md", "Shop 1A: One", "None", "");
    document("docs/b.md", "Shop 1B: Two", "None", "");
    open_scene(s, (baton_orchestrator_options){.agent = worker});
    import_all(s);
    run(s, "1B", "waiting");
    baton_value other = get(s, "1B"), gate = baton_value_get(other, "gate");
    char key[64];
    snprintf(key, sizeof key, "exec_lost%s", strrchr(value_get_text(gate, "key"), '/'));
    value_unref(gate);
    value_unref(other);
    char *id = task_service_resolve(s->service, "1A", NULL);
    assert_int_equal(task_service_change(s->service, id, answer, key, NULL, NULL), 0);
    free(id);
    run(s, "1A", "waiting"); /* sent back, not accepted, and done once more */
    expect_log(s, "1A", "prepare work:confirmed commit approval:accept:no:again work:confirmed commit");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_in_order, begin, end),
        cmocka_unit_test_setup_teardown(without_agent_nothing_is_written, begin, end),
        cmocka_unit_test_setup_teardown(a_result_is_sent_back_and_accepted, begin, end),
        cmocka_unit_test_setup_teardown(gates_in_one_engine, begin, end),
        cmocka_unit_test_setup_teardown(approved_in_advance, begin, end),
        cmocka_unit_test_setup_teardown(commands_of_documents_need_trust, begin, end),
        cmocka_unit_test_setup_teardown(odd_data_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(equal_titles_have_branches_of_their_own, begin, end),
        cmocka_unit_test_setup_teardown(cancelled, begin, end),
        cmocka_unit_test_setup_teardown(taken_and_killed, begin, end),
        cmocka_unit_test_setup_teardown(answered_before_the_gate_was_kept, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
