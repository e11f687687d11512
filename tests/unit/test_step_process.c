/* Steps in C that end by a process.
 *
 * A crash is a child process that is killed while the step's process runs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/step_process.h"
#include "engine_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[] = "/tmp/baton-step-process-XXXXXX";

/* Keys are looked for in all processes of the machine: another test's must not be the same. */
static char own_id[64];

static void expect_own_key(const char *key) {
    size_t size = strlen(own_id);
    assert_memory_equal(key, own_id, size);
    assert_int_equal(key[size], '/');
}

/* "<folder>/<name>"; the last four of them are valid. */
static const char *in_folder(const char *name) {
    static char texts[4][128];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof texts[0], "%s/%s", folder, name);
    return text;
}

static bool exists(const char *name) { return access(in_folder(name), F_OK) == 0; }

/* The number in a file, once it is there. */
static pid_t wait_for_pid(const char *name) {
    int pid = 0;
    for (int tries = 0; tries < 2000 && !pid; tries++) {
        FILE *file = fopen(in_folder(name), "r");
        if (file && fscanf(file, "%d", &pid) != 1) pid = 0;
        if (file) fclose(file);
        if (!pid) usleep(5000);
    }
    assert_true(pid > 1);
    return pid;
}

static bool lives(pid_t pid) {
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[2] != 'Z' && name_end[2] != 'X';
}

static bool gone_soon(pid_t pid) {
    for (int tries = 0; tries < 1000 && lives(pid); tries++) usleep(5000);
    return !lives(pid);
}

static int group_setup(void **state) {
    (void)state;
    snprintf(own_id, sizeof own_id, "step-process-%d", (int)getpid());
    return mkdtemp(folder) ? 0 : -1;
}

static int group_teardown(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* What a step's process left of the test before. */
static int setup(void **state) {
    char command[128];
    snprintf(command, sizeof command, "rm -f '%s'/*", folder);
    return system(command) == 0 ? kit_setup(state) : -1;
}

static void note_end(void *data, const baton_result *result) {
    (void)data;
    note(baton_result_status(result));
}

/* ---- The step ---- */

/* What a step is told to do, by its data. */
typedef struct play {
    const char *command; /* for /bin/sh; "$F" is the folder */
    const char *program; /* instead */
    process_request limits;
    const char *failure; /* finish fails with it */
    bool keeps_silent;   /* finish sets no output */
    bool fails;          /* the call, after it asked for the process */
    bool twice;          /* asks once more */
    bool defers, waits;  /* too */
    bool no_retry;
    baton_engine *cancels; /* finish does, its own execution */
    int finished, released;
    char outcome[512]; /* that finish was given */
    char key[64];
} play;

static int on_finish(void *data, baton_value outcome, baton_value *output, baton_error **err) {
    play *p = data;
    p->finished++;
    assert_int_equal(p->released, 0);
    char *json = baton_value_to_json(outcome);
    snprintf(p->outcome, sizeof p->outcome, "%s", json);
    free(json);
    if (p->cancels) assert_int_equal(baton_engine_cancel(p->cancels, own_id, NULL), 0);
    if (!p->keeps_silent) *output = baton_value_ref(outcome);
    return p->failure ? baton_error_set(err, BATON_ERROR_STEP, "%s", p->failure) : 0;
}

static void on_release(void *data) {
    play *p = data;
    p->released++;
}

static baton_value spec_of(const play *p) {
    baton_value argv = baton_value_array();
    if (p->program) {
        argv = baton_value_append(argv, baton_value_string(p->program));
    } else {
        argv = baton_value_append(argv, baton_value_string("/bin/sh"));
        argv = baton_value_append(argv, baton_value_string("-c"));
        argv = baton_value_append(argv, baton_value_string(p->command));
    }
    baton_value environment = value_set_text(baton_value_object(), "F", folder);
    return baton_value_set(baton_value_set(baton_value_object(), "argv", argv), "environment", environment);
}

static int step_process_of(baton_step_call *call, baton_error **err) {
    play *p = baton_step_call_data(call);
    note(baton_step_call_name(call));
    p->released = 0;
    snprintf(p->key, sizeof p->key, "%s", baton_step_call_key(call));
    char directory[64];
    step_process ask = {.request = p->limits, .finish = on_finish, .release = on_release, .data = p};
    if (p->limits.directory) { /* it need not outlive the call */
        snprintf(directory, sizeof directory, "%s", p->limits.directory);
        ask.request.directory = directory;
    }
    ask.request.spec = spec_of(p);
    int result = step_call_process(call, &ask, err);
    if (result == 0 && p->twice) {
        static play other;
        ask.data = &other;
        result = step_call_process(call, &ask, err);
        assert_int_equal(other.released, 1);
        other.released = 0;
    }
    baton_value_unref(ask.request.spec);
    memset(directory, 'x', sizeof directory);
    if (p->defers) baton_completion_free(baton_step_call_defer(call));
    if (p->waits) baton_step_call_wait(call);
    if (p->no_retry) baton_step_call_no_retry(call);
    baton_step_call_output(call, json("[\"does not count\"]"));
    if (p->fails) return baton_error_set(err, BATON_ERROR_STEP, "no");
    return result;
}

static baton_workflow *workflow_playing(play *p) {
    return workflow_of({.name = "a", .execute = step_process_of, .data = p});
}

static baton_result *execute_play(play *p, const char *strategy) {
    baton_engine *engine = engine_with(.retry_delay_ms = -1);
    baton_result *result = execute_once(engine, workflow_playing(p), NULL,
                                        &(baton_execution_options){.id = own_id, .strategy = strategy});
    baton_engine_free(engine);
    return result;
}

static void expect_failure(baton_result *result, const char *text) {
    assert_string_equal(baton_result_status(result), "faulted");
    expect_error_text(baton_result_error(result), text);
    baton_result_free(result);
}

/* ---- Its end ---- */

static void test_its_process_ends_the_step(void **state) {
    (void)state;
    const char *const strategies[] = {"basic", "simple"};
    for (int i = 0; i < 2; i++) {
        play p = {.command = "echo \"$BATON_IDEMPOTENCY_KEY\"; echo oops >&2; exit 3"};
        baton_result *result = execute_play(&p, strategies[i]);
        assert_true(baton_result_success(result));
        expect_own_key(p.key);
        char expected[128];
        snprintf(expected, sizeof expected, "{\"code\":3,\"stderr\":\"oops\",\"stdout\":\"%s\"}", p.key);
        expect_json(baton_result_output(result), expected);
        assert_string_equal(p.outcome, expected);
        assert_int_equal(p.finished, 1);
        assert_int_equal(p.released, 1);
        expect_journal("a");
        baton_result_free(result);
    }
    play silent = {.command = "exit 0", .keeps_silent = true};
    baton_result *result = execute_play(&silent, NULL);
    expect_json(baton_result_output(result), "null");
    baton_result_free(result);
}

/* Among others, also where they are run in one go. */
static void test_several_steps(void **state) {
    (void)state;
    const char *const strategies[] = {"basic", "simple"};
    for (int i = 0; i < 2; i++) {
        play p[2] = {{.command = "echo x"}, {.command = "exit 1"}};
        baton_engine *engine = engine_with(0);
        baton_workflow *w = workflow_of(
            {.name = "a", .execute = step_say}, {.name = "b", .execute = step_process_of, .data = &p[0]},
            {.name = "c", .execute = step_process_of, .data = &p[1]}, {.name = "d", .execute = step_say});
        baton_result *result = execute_once(
            engine, w, NULL, &(baton_execution_options){.id = own_id, .strategy = strategies[i]});
        assert_true(baton_result_success(result));
        assert_int_equal(baton_result_size(result), 4);
        expect_journal("a b c d");
        expect_json(baton_result_output(result), "null");
        assert_string_equal(p[0].outcome, "{\"code\":0,\"stderr\":\"\",\"stdout\":\"x\"}");
        assert_string_equal(p[1].outcome, "{\"code\":1,\"stderr\":\"\",\"stdout\":\"\"}");
        assert_string_not_equal(p[0].key, p[1].key);
        baton_result_free(result);
        baton_engine_free(engine);
    }
}

static void test_limits_and_directory(void **state) {
    (void)state;
    play slow = {.command = "echo begun; exec sleep 100", .limits = {.timeout_ms = 100, .output_tail = 3}};
    baton_result_free(execute_play(&slow, NULL));
    assert_string_equal(slow.outcome,
                        "{\"code\":143,\"ended\":\"timeout\",\"stderr\":\"\",\"stdout\":\"un\"}");
    play idle = {.command = "exec sleep 100", .limits = {.idle_ms = 50}};
    baton_result_free(execute_play(&idle, NULL));
    assert_non_null(strstr(idle.outcome, "\"ended\":\"idle\""));
    play there = {.command = "[ \"$(pwd -P)\" = \"$(cd \"$F\" && pwd -P)\" ]",
                  .limits = {.directory = folder}};
    baton_result_free(execute_play(&there, NULL));
    assert_non_null(strstr(there.outcome, "\"code\":0"));
}

static void test_what_cannot_be_started(void **state) {
    (void)state;
    play missing = {.program = "/no/such/program"};
    baton_result_free(execute_play(&missing, NULL));
    assert_memory_equal(missing.outcome, "{\"fault\":{", 10);
    assert_non_null(strstr(missing.outcome, "cannot run '/no/such/program'"));
    assert_int_equal(missing.finished, 1);
    assert_int_equal(missing.released, 1);
    play astray = {.command = "true", .limits = {.directory = "/no/such/folder"}};
    baton_result_free(execute_play(&astray, NULL));
    assert_non_null(strstr(astray.outcome, "cannot enter directory '/no/such/folder'"));
}

/* ---- Failures ---- */

static void test_finish_fails(void **state) {
    (void)state;
    play p = {.command = "echo >> \"$F/runs\"", .failure = "not good enough"};
    expect_failure(execute_play(&p, NULL),
                   "Workflow execution failed: /do/0/a: Step failed: not good enough");
    expect_journal("a a a"); /* and is tried again, as any step */
    assert_int_equal(p.finished, 3);
    assert_int_equal(p.released, 1);
    p = (play){.command = "true", .failure = "not good enough", .no_retry = true};
    expect_failure(execute_play(&p, NULL),
                   "Workflow execution failed: /do/0/a: Step failed: not good enough");
    expect_journal("a");
}

static void test_the_call_fails(void **state) {
    (void)state;
    const struct {
        play p;
        const char *why;
    } cases[] = {
        {{.fails = true}, "no"},
        {{.twice = true}, "a step ends by one process"},
        {{.defers = true}, "a step that ends by a process cannot be deferred or wait for a delivery too"},
        {{.waits = true}, "a step that ends by a process cannot be deferred or wait for a delivery too"},
    };
    const char *const strategies[] = {"basic", "simple"};
    for (int i = 0; i < 8; i++) {
        play p = cases[i / 2].p;
        char text[256];
        p.command = "echo > \"$F/ran\"";
        p.no_retry = true;
        snprintf(text, sizeof text, "Workflow execution failed: /do/0/a: Step failed: %s",
                 cases[i / 2].why);
        expect_failure(execute_play(&p, strategies[i % 2]), text);
        assert_int_equal(p.finished, 0);
        assert_int_equal(p.released, 1);
        buffer_done(&kit_journal);
    }
    assert_false(exists("ran"));
}

static void test_a_pure_step(void **state) {
    (void)state;
    play p = {.command = "echo > \"$F/ran\"", .no_retry = true};
    baton_engine *engine = engine_with(0);
    expect_failure(
        execute_once(engine,
                     workflow_of({.name = "a", .execute = step_process_of, .pure = true, .data = &p}), NULL,
                     NULL),
        "Workflow execution failed: /do/0/a: Step failed: a pure step has no process");
    assert_int_equal(p.released, 1);
    assert_false(exists("ran"));
    baton_engine_free(engine);
}

/* The same in a run of steps. */
static void test_the_call_fails_among_others(void **state) {
    (void)state;
    play p = {.command = "echo > \"$F/ran\"", .defers = true};
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say},
                                    {.name = "b", .execute = step_process_of, .data = &p});
    baton_result *result = execute_once(engine, w, NULL, &(baton_execution_options){.strategy = "simple"});
    assert_false(baton_result_success(result));
    assert_int_equal(p.released, 1);
    assert_false(exists("ran"));
    baton_result_free(result);
    baton_engine_free(engine);
}

/* ---- Ended with its step ---- */

/* Writes its number and stays. */
static const char stays[] = "echo $$ > \"$F/new\"; mv \"$F/new\" \"$F/pid\"; exec sleep 100";

static void expect_ended(const play *p) {
    assert_int_equal(p->finished, 0);
    assert_int_equal(p->released, 1);
}

static void test_cancel(void **state) {
    (void)state;
    play p = {.command = stays};
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_playing(&p);
    submit_as(engine, w, own_id, note_end, NULL);
    engine_pump(engine);
    pid_t pid = wait_for_pid("pid");
    assert_int_equal(p.released, 0);
    assert_int_equal(baton_engine_cancel(engine, own_id, NULL), 0);
    expect_journal("a cancelled");
    expect_ended(&p);
    assert_true(gone_soon(pid));
    baton_workflow_free(w);
    baton_engine_free(engine);
    assert_int_equal(p.released, 1);
}

static void test_engine_freed(void **state) {
    (void)state;
    play p = {.command = stays};
    baton_engine *engine = engine_with(0);
    baton_workflow *w = workflow_playing(&p);
    submit_as(engine, w, own_id, NULL, NULL);
    engine_pump(engine);
    pid_t pid = wait_for_pid("pid");
    baton_engine_free(engine);
    expect_ended(&p);
    assert_true(gone_soon(pid));
    baton_workflow_free(w);
}

static void test_timeouts(void **state) {
    (void)state;
    play p = {.command = stays};
    baton_engine *engine = engine_with(0);
    baton_workflow *w =
        workflow_of({.name = "a", .execute = step_process_of, .data = &p, .timeout_ms = 200});
    expect_failure(execute_once(engine, w, NULL, NULL),
                   "Workflow execution failed: /do/0/a: Step timed out");
    expect_ended(&p);
    assert_true(gone_soon(wait_for_pid("pid")));
    expect_failure(execute_once(engine, workflow_playing(&p), NULL,
                                &(baton_execution_options){.timeout_ms = 200, .strategy = "simple"}),
                   "Workflow execution failed: /: Workflow timed out");
    expect_ended(&p);
    baton_engine_free(engine);
}

static int cancel_own(baton_step_call *call, baton_error **err) {
    assert_int_equal(step_process_of(call, err), 0);
    play *p = baton_step_call_data(call);
    assert_int_equal(baton_engine_cancel(p->cancels, own_id, NULL), 0);
    return 0;
}

static void test_cancel_from_inside(void **state) {
    (void)state;
    /* From the call: nothing is started. */
    baton_engine *engine = engine_with(0);
    play p = {.command = "echo > \"$F/ran\"", .cancels = engine};
    const char *const strategies[] = {"basic", "simple"};
    for (int i = 0; i < 2; i++) {
        baton_workflow *w = workflow_of({.name = "a", .execute = cancel_own, .data = &p});
        baton_result *result = execute_once(
            engine, w, NULL, &(baton_execution_options){.id = own_id, .strategy = strategies[i]});
        assert_string_equal(baton_result_status(result), "cancelled");
        baton_result_free(result);
        expect_ended(&p);
        assert_false(exists("ran"));
    }
    /* From finish: what it gives does not count. */
    for (int i = 0; i < 2; i++) {
        p = (play){.command = "true", .cancels = engine, .failure = i ? "does not count" : NULL};
        baton_result *result =
            execute_once(engine, workflow_playing(&p), NULL, &(baton_execution_options){.id = own_id});
        assert_string_equal(baton_result_status(result), "cancelled");
        baton_result_free(result);
        assert_int_equal(p.finished, 1);
        assert_int_equal(p.released, 1);
    }
    baton_engine_free(engine);
}

/* ---- Workflow files ---- */

#define HEAD "document: {dsl: 1.0.3, namespace: t, name: w, version: 0.1.0}\n"

static baton_workflow *file_with(const char *steps, const baton_step_type *types, size_t count) {
    baton_registry *registry = baton_registry_new();
    for (size_t i = 0; i < count; i++) assert_int_equal(baton_registry_add(registry, &types[i], NULL), 0);
    buffer text = {0};
    buffer_printf(&text, HEAD "%s", steps);
    baton_workflow *w = workflow_from(buffer_text(&text), registry);
    buffer_done(&text);
    baton_registry_free(registry);
    return w;
}

/* Notes its input, and hands it on. */
static int step_input(baton_step_call *call, baton_error **err) {
    (void)err;
    baton_value input = baton_step_call_input(call);
    char *text = baton_value_to_json(input);
    note(text);
    free(text);
    baton_step_call_output(call, input);
    return 0;
}

/* Names with a dot, with and without `with`, and what stands around them. */
static void test_in_a_file(void **state) {
    (void)state;
    play p = {.command = "echo done"};
    const baton_step_type types[] = {{.name = "task.work", .execute = step_process_of, .data = &p},
                                     {.name = "task.see", .execute = step_input}};
    baton_workflow *w = file_with("do:\n"
                                  "- a: {call: task.see}\n"
                                  "- b: {call: task.work, output: {as: '${ $input + . }'}, then: d}\n"
                                  "- c: {set: {never: true}}\n"
                                  "- d: {call: task.see, with: {was: '${ .a }'}}\n"
                                  "- e: {call: task.work, if: .was == 1, output: {as: .stdout}}\n",
                                  types, 2);
    const char *const strategies[] = {"basic", "simple"};
    baton_value input = json("{\"a\":1,\"code\":7}");
    for (int i = 0; i < 2; i++) {
        baton_engine *engine = engine_with(0);
        baton_result *result =
            execute_once(engine, workflow_ref(w), NULL,
                         &(baton_execution_options){.input = input, .strategy = strategies[i]});
        assert_true(baton_result_success(result));
        expect_json(baton_result_output(result), "\"done\"");
        expect_journal("{\"a\":1,\"code\":7} b {\"was\":1} e");
        baton_result_free(result);
        baton_engine_free(engine);
    }
    baton_value_unref(input);
    baton_workflow_free(w);
}

/* One that loses, and one that its own time ends, which is tried again meanwhile with the same key. */
static void test_branches_and_retries(void **state) {
    (void)state;
    play slow = {.command = stays}, fast = {.command = "echo won"};
    const baton_step_type types[] = {{.name = "slow", .execute = step_process_of, .data = &slow},
                                     {.name = "fast", .execute = step_process_of, .data = &fast}};
    baton_workflow *w = file_with(
        "do: [{f: {fork: {compete: true, branches: [{a: {call: slow}}, {b: {call: fast}}]}}}]\n", types, 2);
    baton_engine *engine = engine_with(0);
    baton_result *result = execute_once(engine, w, NULL, NULL);
    assert_true(baton_result_success(result));
    expect_ended(&slow);
    assert_int_equal(fast.finished, 1);
    assert_int_equal(fast.released, 1);
    baton_result_free(result);
    play twice = {.command =
                      "[ -e \"$F/once\" ] || { echo > \"$F/once\"; sleep 100; }; sleep 0.2; echo again"};
    const baton_step_type type = {.name = "twice", .execute = step_process_of, .data = &twice};
    w = file_with("do: [{t: {try: [{a: {timeout: {after: {milliseconds: 400}}, call: twice}}], "
                  "catch: {errors: {with: {status: 408}}, retry: {limit: {attempt: {count: 2}}}}}}]\n",
                  &type, 1);
    result = execute_once(engine, w, NULL, NULL);
    assert_true(baton_result_success(result));
    expect_json(baton_result_output(result), "{\"code\":0,\"stderr\":\"\",\"stdout\":\"again\"}");
    assert_int_equal(twice.finished, 1);
    baton_result_free(result);
    baton_engine_free(engine);
}

static void test_a_delivery_in_a_file(void **state) {
    (void)state;
    const baton_step_type types[] = {{.name = "task.approve", .execute = step_wait},
                                     {.name = "task.see", .execute = step_input}};
    const char *path = kit_store_path();
    baton_engine *engine = kit_durable_engine(path);
    baton_workflow *w = file_with("do:\n"
                                  "- ask: {call: task.approve, output: {as: '${ {was: $input, is: .} }'}}\n"
                                  "- see: {call: task.see}\n",
                                  types, 2);
    baton_value input = json("{\"a\":1}");
    baton_error *err = NULL;
    baton_engine_submit(engine, w, NULL, &(baton_execution_options){.id = own_id, .input = input}, note_end,
                        NULL, NULL, &err);
    expect_code(err, BATON_ERROR_NONE);
    run_all(engine);
    assert_string_equal(status_in(engine, own_id), "waiting");
    baton_engine_deliver(engine, own_id, "ask", json("\"yes\""), &err);
    expect_code(err, BATON_ERROR_NONE);
    run_all(engine);
    expect_journal("ask {\"is\":\"yes\",\"was\":{\"a\":1}} completed");
    baton_value_unref(input);
    baton_workflow_free(w);
    baton_engine_free(engine);
    kit_forget_store(path);
}

/* ---- Rolling back ---- */

static int step_pass(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static int step_boom(baton_step_call *call, baton_error **err) {
    (void)call;
    return baton_error_set(err, BATON_ERROR_STEP, "boom");
}

static void test_rollback(void **state) {
    (void)state;
    play p = {.command = "echo undone > \"$F/undone\""};
    baton_engine *engine = engine_with(.retry_delay_ms = -1);
    baton_workflow *w =
        workflow_with_rollback({.name = "a", .execute = step_pass, .rollback = step_process_of, .data = &p},
                               {.name = "b", .execute = step_boom});
    baton_result *result = execute_once(engine, w, NULL, NULL);
    assert_string_equal(baton_result_status(result), "faulted");
    assert_int_equal(p.finished, 1);
    assert_int_equal(p.released, 1);
    assert_true(exists("undone"));
    baton_result_free(result);
    baton_engine_free(engine);
}

/* ---- What it writes ---- */

static void collect(void *data, const baton_execution *x, const step *s, int stream, const char *bytes,
                    size_t size) {
    assert_string_equal(baton_execution_id(x), own_id);
    buffer_printf(data, "%s/%d:%.*s", s->name, stream, (int)size, bytes);
}

static void see_nothing(void *data, const baton_execution *x, const record *r) {
    (void)data, (void)x, (void)r;
}

/* The first column of the first row as text; "" when there is none. */
static const char *ask(const char *path, const char *sql) {
    static char answer[1024];
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

static void test_output(void **state) {
    (void)state;
    const char *path = kit_store_path();
    baton_engine *engine = kit_durable_engine(path);
    buffer seen = {0};
    engine_observe(engine, see_nothing, collect, &seen);
    play p = {.command = "echo out; sleep 0.05; echo err >&2", .limits = {.output_tail = 1}};
    baton_result_free(
        execute_once(engine, workflow_playing(&p), NULL, &(baton_execution_options){.id = own_id}));
    assert_string_equal(buffer_text(&seen), "a/1:out\na/2:err\n");
    baton_engine_free(engine);
    assert_string_equal(ask(path,
                            "SELECT group_concat(reference || ' ' || attempt || ' ' || stream || ' ' || "
                            "CAST(bytes AS TEXT), '|') FROM (SELECT * FROM logs ORDER BY seq)"),
                        "/do/0/a 1 1 out\n|/do/0/a 1 2 err\n");
    assert_string_equal(ask(path,
                            "SELECT count(*) FROM logs l JOIN journal j ON j.number = l.key WHERE j.kind = "
                            "'step_started' AND j.reference = l.reference"),
                        "2");
    buffer_done(&seen);
    kit_forget_store(path);
}

/* Once the store has failed nothing is done any more, the step's end least of all. */
static void test_store_fails(void **state) {
    (void)state;
    const char *path = kit_store_path();
    baton_engine *engine = kit_durable_engine(path);
    play p = {.command = "echo > \"$F/ran\"; exec sleep 0.3"};
    baton_workflow *w = workflow_playing(&p);
    submit_as(engine, w, own_id, NULL, NULL);
    engine_pump(engine);
    for (int i = 0; i < 1000 && !exists("ran"); i++)
        engine_wait(engine, engine->now_ns + 5000000), engine_pump(engine);
    assert_true(exists("ran"));
    baton_error *err = NULL;
    engine_break(engine, (baton_error_set(&err, BATON_ERROR_STORE, "the disk is gone"), err));
    for (int i = 0; i < 100; i++) {
        uv_run(&engine->loop, UV_RUN_NOWAIT);
        usleep(5000);
    }
    assert_int_equal(p.finished, 0);
    baton_engine_free(engine);
    expect_ended(&p);
    baton_workflow_free(w);
    kit_forget_store(path);
}

/* It is cancelled, but that is not durable yet, when its process ends. */
static void test_ends_while_it_is_cancelled(void **state) {
    (void)state;
    const char *path = kit_store_path();
    baton_engine *engine = kit_durable_engine(path);
    play p = {.command = "echo > \"$F/ran\""};
    baton_workflow *w = workflow_playing(&p);
    submit_as(engine, w, own_id, note_end, NULL);
    while (p.key[0] == '\0' || !engine->has_loop || !engine->processes) engine_pump(engine);
    while (!exists("ran")) usleep(2000);
    usleep(50000);
    engine_read_clock(engine);
    run_cancel(engine_find(engine, own_id));
    assert_int_equal(p.released, 0);
    uv_run(&engine->loop, UV_RUN_NOWAIT);
    assert_int_equal(p.released, 1);
    run_all(engine);
    expect_journal("a cancelled");
    expect_ended(&p);
    baton_workflow_free(w);
    baton_engine_free(engine);
    kit_forget_store(path);
}

/* ---- Crashes ---- */

/* Called again, nothing of the first call is left. */
static bool again;
static int step_after_crash(baton_step_call *call, baton_error **err) {
    if (again) {
        assert_int_equal(baton_step_call_attempt(call), 2);
        assert_false(lives(wait_for_pid("pid")));
        assert_false(lives(wait_for_pid("escaped")));
    }
    return step_process_of(call, err);
}

/* One of its processes leaves the group, and with it the guardian's care. */
static void test_crash(void **state) {
    (void)state;
    const char *path = kit_store_path();
    play p = {.command = "setsid sh -c 'trap \"\" TERM; echo $$ > \"$F/x\"; mv \"$F/x\" \"$F/escaped\"; "
                         "while :; do sleep 0.05; done' & "
                         "while [ ! -e \"$F/escaped\" ]; do sleep 0.01; done; "
                         "echo $$ > \"$F/new\"; mv \"$F/new\" \"$F/pid\"; exec sleep 100"};
    const baton_execution_options options = {.id = own_id};
    baton_workflow *w = workflow_of({.name = "a", .execute = step_say, .data = "1"},
                                    {.name = "b", .execute = step_after_crash, .data = &p});
    pid_t program = fork();
    if (program == 0) {
        baton_result *result = NULL;
        baton_engine_execute(kit_durable_engine(path), w, NULL, &options, &result, NULL);
        _exit(1);
    }
    pid_t pid = wait_for_pid("pid"), escaped = wait_for_pid("escaped");
    assert_true(lives(pid));
    kill(program, SIGKILL);
    int status;
    assert_int_equal(waitpid(program, &status, 0), program);
    assert_true(WIFSIGNALED(status));
    assert_true(lives(escaped));

    p.command = "echo again";
    again = true;
    baton_engine *engine = kit_durable_engine(path);
    assert_int_equal(baton_engine_provide(engine, w, NULL), 0);
    baton_error *err = NULL;
    size_t count;
    baton_engine_recover(engine, NULL, &count, &err);
    expect_code(err, BATON_ERROR_NONE);
    assert_int_equal(count, 1);
    run_all(engine);
    again = false;
    expect_journal("b"); /* the first step is not done again */
    assert_int_equal(p.finished, 1);
    assert_int_equal(p.released, 1);
    assert_string_equal(p.outcome, "{\"code\":0,\"stderr\":\"\",\"stdout\":\"again\"}");
    assert_string_equal(status_in(engine, own_id), "completed");
    expect_own_key(p.key);
    baton_engine_free(engine);
    assert_string_equal(ask(path, "SELECT count(DISTINCT key) FROM journal WHERE reference = '/do/1/b'"),
                        "1");
    baton_workflow_free(w);
    kit_forget_store(path);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_its_process_ends_the_step),
        TEST(test_several_steps),
        TEST(test_limits_and_directory),
        TEST(test_what_cannot_be_started),
        TEST(test_finish_fails),
        TEST(test_the_call_fails),
        TEST(test_a_pure_step),
        TEST(test_the_call_fails_among_others),
        TEST(test_cancel),
        TEST(test_engine_freed),
        TEST(test_timeouts),
        TEST(test_cancel_from_inside),
        TEST(test_in_a_file),
        TEST(test_branches_and_retries),
        TEST(test_a_delivery_in_a_file),
        TEST(test_rollback),
        TEST(test_output),
        TEST(test_store_fails),
        TEST(test_ends_while_it_is_cancelled),
        TEST(test_crash),
    };
    return cmocka_run_group_tests_name("step_process", tests, group_setup, group_teardown);
}
