/* A durable engine: executions outlive it, whatever becomes of its process.
 *
 * A crash is a child process that leaves by _exit in the middle of a step.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/worker.h"
#include "engine_kit.h"

#include <sqlite3.h>
#include <sys/wait.h>

static const char *path;

static int setup(void **state) {
    path = kit_store_path();
    return kit_setup(state);
}

static int teardown(void **state) {
    (void)state;
    kit_forget_store(path);
    return 0;
}

/* ---- Crashes ---- */

static bool dies; /* in the child */

/* Says its name, and dies where it was told to. */
static int step_die(baton_step_call *call, baton_error **err) {
    if (dies) _exit(9);
    char text[64];
    snprintf(text, sizeof text, "%s#%d", baton_step_call_name(call), baton_step_call_attempt(call));
    note(text);
    (void)err;
    return 0;
}

static int step_key(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_key(call));
    return 0;
}

/* Executes in a process that dies. */
static void crash(baton_workflow *workflow, baton_context *context,
                  const baton_execution_options *options) {
    pid_t pid = fork();
    if (pid == 0) {
        dies = true;
        baton_engine *engine = kit_durable_engine(path);
        baton_result *result = NULL;
        baton_engine_execute(engine, workflow, context, options, &result, NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 9);
}

static size_t recover(baton_engine *engine, baton_workflow *workflow, const char *id) {
    baton_error *err = NULL;
    size_t count = 0;
    assert_int_equal(baton_engine_provide(engine, workflow, NULL), 0);
    baton_engine_recover(engine, id, &count, &err);
    expect_code(err, BATON_ERROR_NONE);
    return count;
}

/* ---- The store, from outside ---- */

/* The first column of the first row as text; "" when there is none. */
static const char *ask(const char *sql) {
    static char answer[4096];
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(db));
    const char *text = sqlite3_step(st) == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    snprintf(answer, sizeof answer, "%s", text ? text : "");
    sqlite3_finalize(st);
    sqlite3_close(db);
    return answer;
}

static void expect_status(const char *id, const char *expected) {
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT status || iif(owner IS NULL, '', ' owned') FROM executions WHERE id = '%s'", id);
    assert_string_equal(ask(sql), expected);
}

static const char kinds[] = "SELECT group_concat(number || ' ' || kind || ifnull(' ' || reference, '') ||"
                            " iif(attempt > 1, ' #' || attempt, ''), '; ')"
                            " FROM (SELECT * FROM journal ORDER BY seq)";

/* ---- Tests ---- */

static baton_workflow *three_steps(void) {
    return workflow_of({.name = "a", .execute = step_say, .data = "1"},
                       {.name = "b", .execute = step_say, .data = "2"},
                       {.name = "c", .execute = step_say, .data = "3"});
}

static void test_an_execution_is_kept(void **state) {
    (void)state;
    baton_engine *engine = kit_durable_engine(path);
    baton_result *result =
        execute_once(engine, three_steps(), NULL, &(baton_execution_options){.id = "one"});
    expect_journal("a b c");
    expect_json(baton_result_output(result), "3");
    baton_result_free(result);
    baton_engine_free(engine);
    expect_status("one", "completed");
    assert_string_equal(ask(kinds), "1 started; 2 step_started /do/0/a; 3 step_completed /do/0/a;"
                                    " 4 step_started /do/1/b; 5 step_completed /do/1/b;"
                                    " 6 step_started /do/2/c; 7 step_completed /do/2/c; 8 completed");
    assert_string_equal(ask("SELECT output FROM executions"), "3");
    assert_string_equal(ask("SELECT count(*) FROM owners"), "0");
}

/* The same id is the same execution, also for another engine. */
static void test_the_same_id(void **state) {
    (void)state;
    const baton_execution_options o = {.id = "one"};
    for (int i = 0; i < 2; i++) {
        baton_engine *engine = kit_durable_engine(path);
        baton_result *result = execute_once(engine, three_steps(), NULL, &o);
        expect_journal(i ? "" : "a b c");
        assert_true(baton_result_success(result));
        expect_json(baton_result_output(result), "3");
        assert_int_equal(baton_result_size(result), 3);
        baton_step_result step;
        assert_true(baton_result_step(result, 1, &step));
        assert_string_equal(step.name, "b");
        assert_string_equal(step.status, "completed");
        baton_result_free(result);
        baton_engine_free(engine);
    }
    baton_engine *engine = kit_durable_engine(path);
    baton_workflow *other = workflow_of({.name = "other", .execute = step_say});
    baton_result *result = NULL;
    baton_error *err = NULL;
    assert_int_equal(baton_engine_execute(engine, other, NULL, &o, &result, &err), -1);
    expect_code(err, BATON_ERROR_CONFLICT);
    baton_workflow_free(other);
    baton_engine_free(engine);
}

static void test_a_crash_in_a_step(void **state) {
    (void)state;
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say, .data = "1"},
                                    {.name = "b", .execute = step_die}, {.name = "k", .execute = step_key});
    crash(w, NULL, &(baton_execution_options){.id = "one"});
    expect_status("one", "running owned");
    baton_engine *engine = kit_durable_engine(path);
    store_execution x;
    assert_int_equal(engine->store->type->find(engine->store, "one", &x, NULL), 0);
    assert_true(x.interrupted);
    assert_string_equal(status_in(engine, "one"), "interrupted");
    assert_int_equal(recover(engine, w, NULL), 1);
    run_all(engine);
    const baton_status s = baton_engine_status(engine, "one");
    assert_string_equal(s.status, "completed");
    assert_string_equal(s.execution_id, "one");
    assert_string_equal(s.workflow_name, "test");
    assert_string_equal(s.strategy, "basic_sequential");
    assert_true(s.start_time_ms > 0);
    assert_string_equal(status_in(engine, "two"), "not_found");
    expect_journal("b#2 one/7"); /* a is not run again; the crash took a number */
    expect_status("one", "completed");
    assert_string_equal(ask("SELECT data FROM journal WHERE attempt = 2 AND kind = 'step_started'"),
                        "{\"interrupted\":true}");
    assert_string_equal(ask("SELECT group_concat(key) FROM journal WHERE reference = '/do/1/b'"), "4,4,4");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* By its id it is waited for, and its result tells all of its steps. */
static void test_executing_what_was_interrupted(void **state) {
    (void)state;
    baton_workflow *w =
        workflow_of({.name = "a", .execute = step_say, .data = "1"}, {.name = "b", .execute = step_die});
    const baton_execution_options o = {.id = "one", .input = baton_value_string("in")};
    crash(w, NULL, &o);
    baton_engine *engine = kit_durable_engine(path);
    assert_int_equal(baton_engine_provide(engine, w, NULL), 0);
    baton_result *result = execute_once(engine, w, NULL, &o);
    expect_journal("b#2");
    assert_int_equal(baton_result_size(result), 2);
    expect_json(baton_result_step_value(result, 0), "1");
    baton_step_result step;
    assert_true(baton_result_step(result, 1, &step));
    assert_int_equal(step.attempts, 2);
    baton_result_free(result);
    baton_engine_free(engine);
    baton_value_unref(o.input);
}

/* What the program's context held, and what earlier steps gave, is there again. */
static int step_set(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_context_set(baton_step_call_context(call), "seen", baton_value_number(7));
    baton_step_call_output(call, baton_value_string("first"));
    return 0;
}

static int step_look(baton_step_call *call, baton_error **err) {
    if (dies) return step_die(call, err);
    baton_context *context = baton_step_call_context(call);
    expect_json(baton_context_get(context, "seen"), "7");
    expect_json(baton_context_get(context, "given"), "[1]");
    baton_value before = baton_context_get(context, "step_0_result");
    assert_string_equal(value_get_text(before, "result"), "first");
    baton_value_unref(before);
    note("looked");
    return 0;
}

static void test_the_context_survives(void **state) {
    (void)state;
    baton_workflow *w =
        workflow_of({.name = "a", .execute = step_set}, {.name = "b", .execute = step_look});
    baton_context *context = baton_context_new();
    baton_context_set(context, "given", json("[1]"));
    crash(w, context, &(baton_execution_options){.id = "one"});
    baton_context_free(context);
    baton_engine *engine = kit_durable_engine(path);
    assert_int_equal(recover(engine, w, "one"), 1);
    run_all(engine);
    expect_journal("looked");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* An engine that is freed leaves its executions to others. */
static void test_what_a_freed_engine_leaves(void **state) {
    (void)state;
    baton_workflow *w =
        workflow_of({.name = "a", .execute = step_wait}, {.name = "b", .execute = step_say, .data = "2"});
    baton_engine *engine = engine_with(.store = path, .execution_timeout_ms = -1);
    submit_as(engine, w, "one", NULL, NULL);
    run_all(engine);
    assert_string_equal(status_in(engine, "one"), "waiting");
    assert_int_equal(baton_engine_deliver(engine, "one", "b", json("[0]"), NULL), 0); /* early */
    baton_engine_free(engine);
    expect_status("one", "waiting");
    expect_journal("a");
    engine = engine_with(.store = path, .execution_timeout_ms = -1);
    assert_int_equal(recover(engine, w, "one"), 1);
    run_all(engine);
    assert_string_equal(status_in(engine, "one"), "waiting");
    assert_int_equal(baton_engine_deliver(engine, "one", "a", json("[1]"), NULL), 0);
    run_all(engine);
    expect_journal("b");
    expect_status("one", "completed");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_early_deliveries_survive(void **state) {
    (void)state;
    baton_workflow *w =
        workflow_of({.name = "a", .execute = step_wait}, {.name = "b", .execute = step_wait});
    baton_engine *engine = engine_with(.store = path, .execution_timeout_ms = -1);
    submit_as(engine, w, "one", NULL, NULL);
    run_all(engine);
    assert_int_equal(baton_engine_deliver(engine, "one", "b", json("[2]"), NULL), 0);
    baton_engine_free(engine);
    engine = engine_with(.store = path, .execution_timeout_ms = -1);
    assert_int_equal(recover(engine, w, "one"), 1);
    assert_int_equal(baton_engine_deliver(engine, "one", "a", json("[1]"), NULL), 0);
    run_all(engine);
    expect_journal("a b");
    expect_status("one", "completed");
    assert_string_equal(ask("SELECT output FROM executions"), "[2]");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_a_missing_workflow_is_named(void **state) {
    (void)state;
    baton_workflow *w = workflow_of({.name = "b", .execute = step_die});
    crash(w, NULL, &(baton_execution_options){.id = "one"});
    baton_engine *engine = kit_durable_engine(path);
    size_t count = 7;
    assert_int_equal(baton_engine_recover(engine, NULL, &count, NULL), 0);
    assert_int_equal(count, 0); /* not its own to take up */
    expect_status("one", "running owned");
    baton_engine_free(engine);
    baton_workflow_free(w);
}

/* A step that kills its process each time is not begun for ever. */
static void test_a_poison_step(void **state) {
    (void)state;
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say}, {.name = "b", .execute = step_die});
    const baton_execution_options o = {.id = "one"};
    crash(w, NULL, &o);
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            dies = true;
            baton_engine *engine = kit_durable_engine(path);
            recover(engine, w, NULL);
            baton_engine_run(engine, NULL);
            _exit(0);
        }
        int status;
        waitpid(pid, &status, 0);
        assert_int_equal(WEXITSTATUS(status), 9);
    }
    baton_engine *engine = kit_durable_engine(path);
    recover(engine, w, NULL);
    run_all(engine);
    expect_journal("");
    assert_string_equal(ask("SELECT status || ': ' || reason FROM executions"),
                        "suspended: taken up three times without progress");
    baton_engine_free(engine);
    engine = kit_durable_engine(path); /* somebody says so */
    assert_int_equal(recover(engine, w, "one"), 1);
    run_all(engine);
    expect_journal("b#5");
    expect_status("one", "completed");
    assert_string_equal(ask("SELECT ifnull(reason, '') FROM executions"), "");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

/* Somebody else took it up: the next commit tells, and nothing of it is written or done any more. */
static int step_stolen(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    ask("UPDATE executions SET epoch = epoch + 1 WHERE id = 'one' RETURNING epoch");
    return 0;
}

static void test_an_execution_is_lost(void **state) {
    (void)state;
    baton_workflow *w =
        workflow_of({.name = "a", .execute = step_stolen}, {.name = "b", .execute = step_say});
    baton_workflow *other = three_steps();
    buffer log = {0};
    baton_engine *engine =
        engine_with(.store = path, .log = kit_log, .log_data = &log, .log_level = BATON_LOG_WARN);
    submit_as(engine, w, "one", note_done, NULL);
    run_all(engine);
    submit_as(engine, other, "two", note_done, NULL);
    run_all(engine);
    expect_journal("a a b c two=completed");
    assert_string_equal(buffer_text(&log),
                        "warn execution was taken over by another process executionId=one\n");
    assert_string_equal(ask("SELECT max(number) FROM journal WHERE execution = 1"), "2");
    buffer_done(&log);
    baton_workflow_free(w);
    baton_workflow_free(other);
    baton_engine_free(engine);
}

/* A value is kept once, however many places it stands in and however long it stays. */
static void test_large_values_are_kept_once(void **state) {
    (void)state;
    static char big[5001];
    memset(big, 'x', 5000);
    baton_workflow *w =
        workflow_from("document: {dsl: '1.0.3', namespace: t, name: t, version: '1.0.0'}\n"
                      "do:\n"
                      "  - a: {run: {shell: {command: 'echo'}}, output: {as: '${ $input }'}}\n"
                      "  - b: {wait: {milliseconds: 1}}\n"
                      "  - c: {run: {shell: {command: 'echo'}}, output: {as: '${ $input }'}}\n",
                      NULL);
    baton_engine *engine = kit_durable_engine(path);
    baton_execution_options o = {
        .id = "one", .input = baton_value_set(baton_value_object(), "big", baton_value_string(big))};
    baton_result *result = execute_once(engine, w, NULL, &o);
    baton_value output = baton_result_output(result);
    assert_true(baton_value_equal(output, o.input));
    baton_value_unref(output);
    baton_result_free(result);
    assert_string_equal(ask("SELECT count(*) || ' ' || max(length(text)) FROM data"), "1 5010");
    baton_value_unref(o.input);
    baton_engine_free(engine);
    engine = kit_durable_engine(path);
    store_execution x;
    assert_int_equal(engine->store->type->find(engine->store, "one", &x, NULL), 0);
    baton_value kept = kept_read(engine->store, &x.row, x.output, NULL);
    assert_int_equal(baton_value_size(kept), 1);
    baton_value_unref(kept);
    baton_engine_free(engine);
}

/* `simple` keeps no place: after a crash it begins again, and only when it is named. */
static void test_simple_begins_again(void **state) {
    (void)state;
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say}, {.name = "b", .execute = step_die});
    crash(w, NULL, &(baton_execution_options){.id = "one", .strategy = "simple"});
    baton_engine *engine = kit_durable_engine(path);
    assert_int_equal(recover(engine, w, NULL), 0);
    assert_int_equal(recover(engine, w, "one"), 1);
    run_all(engine);
    expect_journal("a b#1");
    expect_status("one", "completed");
    assert_string_equal(ask("SELECT group_concat(number || ' ' || kind, '; ') FROM journal"),
                        "1 started; 4 started; 8 completed");
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void test_dependencies_on_other_engines(void **state) {
    (void)state;
    baton_engine *first = kit_durable_engine(path), *second = kit_durable_engine(path);
    baton_workflow *w = three_steps(), *waiting = workflow_of({.name = "w", .execute = step_wait});
    submit_as(first, waiting, "first", NULL, NULL);
    run_all(first);
    static const char *const on[] = {"first"};
    const baton_execution_options o = {.id = "second", .dependencies = on, .dependency_count = 1};
    assert_int_equal(baton_engine_submit(second, w, NULL, &o, note_done, NULL, NULL, NULL), 0);
    engine_pump(second);
    expect_journal("w");
    assert_string_equal(status_in(second, "second"), "pending");
    assert_int_equal(baton_engine_deliver(first, "first", "w", json("1"), NULL), 0);
    run_all(first);
    run_all(second);
    expect_journal("a b c second=completed");
    static const char *const unknown[] = {"nobody"};
    const baton_execution_options bad = {.id = "third", .dependencies = unknown, .dependency_count = 1};
    assert_int_equal(baton_engine_submit(second, w, NULL, &bad, note_done, NULL, NULL, NULL), 0);
    run_all(second);
    expect_journal("third=faulted");
    expect_status("third", "faulted");
    assert_non_null(strstr(ask("SELECT error FROM executions WHERE id = 'third'"), "nobody"));
    baton_workflow_free(w);
    baton_workflow_free(waiting);
    baton_engine_free(first);
    baton_engine_free(second);
}

/* ---- Workers ---- */

static const char file[] = "document: {dsl: '1.0.3', namespace: t, name: t, version: '1.0.0'}\n"
                           "do:\n"
                           "  - a: {set: {n: 1}}\n"
                           "  - b: {wait: {seconds: 3600}}\n"
                           "  - c: {set: {n: 2}}\n";

static void submit_only(const char *id, const char *text) {
    baton_engine *engine = kit_durable_engine(path);
    engine->only_submits = true;
    baton_workflow *w = workflow_from(text, NULL);
    submit_as(engine, w, id, NULL, NULL);
    baton_workflow_free(w);
    baton_engine_free(engine);
}

static void work(void) {
    baton_engine *engine = kit_durable_engine(path);
    baton_error *err = NULL;
    int done = engine_work(engine, &(worker_options){.until_idle = true}, &err);
    expect_code(err, BATON_ERROR_NONE);
    assert_int_equal(done, 0);
    assert_null(engine->runs); /* what waits takes no memory */
    baton_engine_free(engine);
}

static void test_a_worker(void **state) {
    (void)state;
    submit_only("one", file);
    expect_status("one", "pending");
    work();
    expect_status("one", "waiting");
    ask("UPDATE executions SET wake_at = 1 RETURNING 1"); /* an hour later, for who owns the next one */
    work();
    expect_status("one", "waiting"); /* its own clock says when: it was given back */
}

/* What depends on one that failed ends without having begun. */
static void test_a_worker_and_dependencies(void **state) {
    (void)state;
    static const char good[] = "document: {dsl: '1.0.3', namespace: t, name: g, version: '1.0.0'}\n"
                               "do: [{a: {set: {n: 1}}}]\n";
    static const char bad[] = "document: {dsl: '1.0.3', namespace: t, name: b, version: '1.0.0'}\n"
                              "do: [{a: {raise: {error: {type: x, status: 400}}}}]\n";
    baton_engine *engine = kit_durable_engine(path);
    engine->only_submits = true;
    baton_workflow *g = workflow_from(good, NULL), *b = workflow_from(bad, NULL);
    static const char *const on_good[] = {"good"}, *const on_bad[] = {"good", "bad"};
    const baton_execution_options first = {.id = "good"}, second = {.id = "bad"},
                                  third = {.id = "after-good",
                                           .dependencies = on_good,
                                           .dependency_count = 1},
                                  fourth = {
                                      .id = "after-bad", .dependencies = on_bad, .dependency_count = 2};
    const baton_submission all[] = {{g, NULL, &third, NULL, NULL},
                                    {g, NULL, &fourth, NULL, NULL},
                                    {g, NULL, &first, NULL, NULL},
                                    {b, NULL, &second, NULL, NULL}};
    baton_error *err = NULL;
    baton_engine_submit_batch(engine, all, 4, &err);
    expect_code(err, BATON_ERROR_NONE);
    baton_workflow_free(g);
    baton_workflow_free(b);
    baton_engine_free(engine);
    expect_status("after-good", "pending");
    work();
    expect_status("good", "completed");
    expect_status("bad", "faulted");
    expect_status("after-good", "completed");
    expect_status("after-bad", "faulted");
    assert_non_null(strstr(ask("SELECT error FROM executions WHERE id = 'after-bad'"), "bad"));
}

/* What a worker cannot run stays as it is for the program that can. */
static void test_a_worker_and_a_strategy_it_does_not_have(void **state) {
    (void)state;
    static const baton_strategy mine = {.name = "mine", .keep_results = true, .journal_steps = true};
    baton_engine *engine = kit_durable_engine(path);
    assert_int_equal(baton_engine_register_strategy(engine, "mine", &mine, NULL), 0);
    engine->only_submits = true;
    baton_workflow *w = workflow_from(file, NULL);
    const baton_execution_options o = {.id = "one", .strategy = "mine"};
    assert_int_equal(baton_engine_submit(engine, w, NULL, &o, NULL, NULL, NULL, NULL), 0);
    baton_engine_free(engine);
    work();
    expect_status("one", "pending");
    engine = kit_durable_engine(path);
    assert_int_equal(baton_engine_register_strategy(engine, "mine", &mine, NULL), 0);
    assert_int_equal(baton_engine_recover(engine, "one", NULL, NULL), 0);
    engine_pump(engine);
    baton_engine_free(engine);
    baton_workflow_free(w);
}

/* One that waits for another engine's execution, and is cancelled, keeps nobody waiting. */
static void test_a_cancelled_dependent(void **state) {
    (void)state;
    baton_engine *first = kit_durable_engine(path), *second = kit_durable_engine(path);
    baton_workflow *waiting = workflow_of({.name = "w", .execute = step_wait}), *w = three_steps();
    submit_as(first, waiting, "first", NULL, NULL);
    run_all(first);
    static const char *const on[] = {"first"};
    const baton_execution_options o = {.id = "second", .dependencies = on, .dependency_count = 1};
    assert_int_equal(baton_engine_submit(second, w, NULL, &o, note_done, NULL, NULL, NULL), 0);
    assert_int_equal(second->outside, 1);
    assert_int_equal(baton_engine_cancel(second, "second", NULL), 0);
    run_all(second); /* returns */
    expect_journal("w second=cancelled");
    assert_int_equal(second->outside, 0);
    expect_status("second", "cancelled");
    baton_workflow_free(waiting);
    baton_workflow_free(w);
    baton_engine_free(first);
    baton_engine_free(second);
}

/* Two engines submit the same id before either of them knows of the other. */
static void test_a_race_for_an_id(void **state) {
    (void)state;
    baton_engine *first = kit_durable_engine(path), *second = kit_durable_engine(path);
    baton_workflow *w = three_steps(), *other = workflow_of({.name = "other", .execute = step_say});
    const baton_execution_options o = {.id = "one"};
    const baton_submission mine = {.workflow = w, .options = &o};
    engine_read_clock(first);
    assert_int_equal(engine_admit(first, &(admission){.submissions = &mine, .count = 1}, NULL), 0);
    assert_int_equal(baton_engine_submit(second, other, NULL, &o, NULL, NULL, NULL, NULL), 0);
    run_all(first); /* its own was too late, and is let go */
    expect_journal("");
    assert_null(first->runs);
    run_all(second);
    expect_journal("other");
    baton_error *err = NULL;
    assert_int_equal(baton_engine_submit(first, w, NULL, &o, NULL, NULL, NULL, &err), -1);
    expect_code(err, BATON_ERROR_CONFLICT);
    baton_workflow_free(w);
    baton_workflow_free(other);
    baton_engine_free(first);
    baton_engine_free(second);
}

static void test_a_worker_needs_a_store(void **state) {
    (void)state;
    baton_engine *engine = engine_with(0);
    baton_error *err = NULL;
    assert_int_equal(engine_work(engine, &(worker_options){.until_idle = true}, &err), -1);
    expect_code(err, BATON_ERROR_USAGE);
    baton_engine_free(engine);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_an_execution_is_kept),
        TEST(test_the_same_id),
        TEST(test_a_crash_in_a_step),
        TEST(test_executing_what_was_interrupted),
        TEST(test_the_context_survives),
        TEST(test_what_a_freed_engine_leaves),
        TEST(test_early_deliveries_survive),
        TEST(test_a_missing_workflow_is_named),
        TEST(test_a_poison_step),
        TEST(test_an_execution_is_lost),
        TEST(test_large_values_are_kept_once),
        TEST(test_simple_begins_again),
        TEST(test_dependencies_on_other_engines),
        TEST(test_a_worker),
        TEST(test_a_worker_and_dependencies),
        TEST(test_a_worker_and_a_strategy_it_does_not_have),
        TEST(test_a_cancelled_dependent),
        TEST(test_a_race_for_an_id),
        TEST(test_a_worker_needs_a_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
