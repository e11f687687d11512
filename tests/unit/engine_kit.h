/* What the tests of the engine share: workflows of a few steps, a logger that remembers, a store that fails
 * when it is told to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_TESTS_ENGINE_KIT_H
#define BATON_TESTS_ENGINE_KIT_H

#include "base/buffer.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/value.h"
#include "engine/engine.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIT __attribute__((unused)) static

/* ---- Errors and values ---- */

KIT void expect_code(baton_error *err, baton_error_code code) {
    if (baton_error_get_code(err) != code)
        fail_msg("%s instead of %s: %s", baton_error_code_name(baton_error_get_code(err)),
                 baton_error_code_name(code), err ? baton_error_message(err) : "");
    baton_error_free(err);
}

/* Takes the value. */
KIT void expect_json(baton_value value, const char *expected) {
    char *json = baton_value_to_json(value);
    baton_value_unref(value);
    assert_string_equal(json ? json : "nothing", expected);
    free(json);
}

KIT baton_value json(const char *text) {
    baton_error *err = NULL;
    baton_value value = baton_value_parse(text, strlen(text), &err);
    expect_code(err, BATON_ERROR_NONE);
    return value;
}

/* The whole cause chain as one line. */
KIT void expect_error_text(const baton_error *error, const char *expected) {
    char *text = baton_error_text(error);
    assert_string_equal(text, expected);
    free(text);
}

/* ---- What steps do ---- */

/* What the steps of a test did, in order: "a b c". Reset by kit_setup. */
static buffer kit_journal;

KIT void note(const char *text) {
    if (kit_journal.size) buffer_putc(&kit_journal, ' ');
    buffer_puts(&kit_journal, text);
}

KIT void expect_journal(const char *expected) {
    assert_string_equal(buffer_text(&kit_journal), expected);
    buffer_done(&kit_journal);
}

KIT int kit_setup(void **state) {
    (void)state;
    buffer_done(&kit_journal);
    return 0;
}

/* Notes its name. Its output is its data, a JSON text, or null. */
KIT int step_say(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    const char *text = baton_step_call_data(call);
    if (text) baton_step_call_output(call, json(text));
    return 0;
}

/* Notes its name and fails with its data as the message. */
KIT int step_fail(baton_step_call *call, baton_error **err) {
    note(baton_step_call_name(call));
    const char *text = baton_step_call_data(call);
    return baton_error_set(err, BATON_ERROR_STEP, "%s", text ? text : "boom");
}

KIT int step_undo(baton_step_call *call, baton_error **err) {
    (void)err;
    char text[64];
    snprintf(text, sizeof text, "-%s", baton_step_call_name(call));
    note(text);
    return 0;
}

KIT int step_wait(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    baton_step_call_wait(call);
    return 0;
}

/* Defers; its data is where the completion goes. */
KIT int step_defer(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    *(baton_completion **)baton_step_call_data(call) = baton_step_call_defer(call);
    return 0;
}

KIT int step_sleep(baton_step_call *call, baton_error **err) {
    (void)err;
    note(baton_step_call_name(call));
    usleep(30000);
    return 0;
}

/* ---- Workflows ---- */

KIT baton_workflow *kit_build(const char *name, const baton_step *steps, size_t count, bool rollback) {
    baton_builder *builder = baton_builder_new(name, NULL);
    for (size_t i = 0; i < count; i++) baton_builder_step(builder, &steps[i]);
    baton_builder_rollback(builder, rollback);
    baton_error *err = NULL;
    baton_workflow *workflow = baton_builder_build(builder, &err);
    expect_code(err, BATON_ERROR_NONE);
    baton_builder_free(builder);
    return workflow;
}

#define STEPS(...) \
    (const baton_step[]){__VA_ARGS__}, sizeof((baton_step[]){__VA_ARGS__}) / sizeof(baton_step)
#define workflow_of(...)            kit_build("test", STEPS(__VA_ARGS__), false)
#define workflow_with_rollback(...) kit_build("test", STEPS(__VA_ARGS__), true)

KIT baton_workflow *workflow_from(const char *text, baton_registry *registry) {
    baton_error *err = NULL;
    baton_workflow *workflow = baton_workflow_parse(text, strlen(text), "test.yaml", registry, &err);
    if (!workflow) fail_msg("%s", baton_error_message(err));
    return workflow;
}

/* ---- Engines ---- */

KIT baton_engine *engine_of(baton_engine_options options) {
    baton_error *err = NULL;
    baton_engine *engine = baton_engine_new(&options, &err);
    expect_code(err, BATON_ERROR_NONE);
    return engine;
}
#define engine_with(...) engine_of((baton_engine_options){__VA_ARGS__})

/* Runs and gives the result; takes the workflow's handle. */
KIT baton_result *execute_once(baton_engine *engine, baton_workflow *workflow, baton_context *context,
                               const baton_execution_options *options) {
    baton_result *result = NULL;
    baton_error *err = NULL;
    int done = baton_engine_execute(engine, workflow, context, options, &result, &err);
    expect_code(err, BATON_ERROR_NONE);
    assert_int_equal(done, 0);
    baton_workflow_free(workflow);
    return result;
}

KIT void submit_as(baton_engine *engine, baton_workflow *workflow, const char *id, baton_done_function done,
                   void *data) {
    baton_error *err = NULL;
    const baton_execution_options options = {.id = id};
    baton_engine_submit(engine, workflow, NULL, &options, done, data, NULL, &err);
    expect_code(err, BATON_ERROR_NONE);
}

KIT void run_all(baton_engine *engine) {
    baton_error *err = NULL;
    int done = baton_engine_run(engine, &err);
    expect_code(err, BATON_ERROR_NONE);
    assert_int_equal(done, 0);
}

KIT const char *status_in(baton_engine *engine, const char *id) {
    return baton_engine_status(engine, id).status;
}

/* A done function that keeps the result in a baton_result * of the test. */
KIT void keep_result(void *data, const baton_result *result) {
    *(baton_result **)data = result_ref((baton_result *)result);
}

/* A done function that notes "<id>=<status>". */
KIT void note_done(void *data, const baton_result *result) {
    (void)data;
    char text[LIMIT_ID_BYTES + 32];
    snprintf(text, sizeof text, "%s=%s", baton_result_execution_id(result), baton_result_status(result));
    note(text);
}

/* ---- Logs ---- */

/* Appends "level message key=value ...\n" to the buffer in data. */
KIT void kit_log(void *data, baton_log_level level, const char *message, const baton_log_field *fields,
                 size_t count) {
    buffer *b = data;
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    buffer_printf(b, "%s %s", levels[level], message);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].text)
            buffer_printf(b, " %s=%s", fields[i].key, fields[i].text);
        else
            buffer_printf(b, " %s=%g", fields[i].key, fields[i].number);
    }
    buffer_putc(b, '\n');
}

KIT size_t count_in(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) count++;
    return count;
}

/* ---- Durable engines ---- */

/* A path for a store of this test alone; the file is removed by kit_forget_store. */
KIT const char *kit_store_path(void) {
    static char path[64];
    static unsigned count;
    snprintf(path, sizeof path, "/tmp/baton-test-%d-%u.db", (int)getpid(), count++);
    return path;
}

KIT void kit_forget_store(const char *path) {
    static const char *const parts[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path, parts[i]);
        unlink(name);
    }
}

KIT baton_engine *kit_durable_engine(const char *path) {
    baton_error *err = NULL;
    baton_engine *engine = baton_engine_new(&(baton_engine_options){.store = path}, &err);
    if (!engine) fail_msg("%s", baton_error_message(err));
    return engine;
}

/* A store whose commits and loads fail when their counter reaches zero. */
static struct { int commits_left, loads_left; } kit_store;

KIT int failing_commit(store *s, store_change *changes, size_t count, baton_error **err) {
    if (kit_store.commits_left-- == 0) return baton_error_set(err, BATON_ERROR_STORE, "the disk is full");
    return store_sqlite.commit(s, changes, count, err);
}

KIT int failing_load(store *s, const store_row *row, buffer *cursor, baton_error **err) {
    if (kit_store.loads_left-- == 0) return baton_error_set(err, BATON_ERROR_STORE, "the disk is gone");
    return store_sqlite.load(s, row, cursor, err);
}

/* The n-th commit and load of a durable engine from now on fail, once each; -1: none does. */
KIT void fail_store(baton_engine *engine, int commit, int load) {
    static store_type failing;
    failing = store_sqlite;
    failing.commit = failing_commit;
    failing.load = failing_load;
    kit_store.commits_left = commit < 0 ? -1 : commit;
    kit_store.loads_left = load < 0 ? -1 : load;
    engine->store->type = &failing;
}

#endif
