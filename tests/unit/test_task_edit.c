/* What a person says of a task: edits, dependencies that are met, approvals, another try; over a real
 * store, which somebody else may write to at the same time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "service/task/task_service.h"

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

/* ---- A store with three tasks ---- */

static const char base_text[] = "# Foundation 1A: Core Interfaces\n\n"
                                "- **Priority**: High\n- **Category**: backend\n- **Type**: feature\n"
                                "- **Estimated Time**: 8 hours\n- **Dependencies**: None\n";
static const char next_text[] = "# Foundation 1B: Builder\n\n"
                                "- **Priority**: Low\n- **Category**: backend\n- **Type**: feature\n"
                                "- **Estimated Time**: 3 hours\n"
                                "- **Dependencies**: Foundation 1A, Ground work, Ground rules, Budget\n";
static const char changed_text[] = "# Foundation 1A: Core Interfaces\n\n"
                                   "- **Priority**: Medium\n- **Category**: tools\n- **Type**: bugfix\n"
                                   "- **Estimated Time**: 9 hours\n- **Dependencies**: None\n";

typedef struct scene {
    char folder[64], store[96];
    baton_task_service *service;
} scene;

static void write_document(const scene *s, const char *name, const char *text) {
    char path[160];
    snprintf(path, sizeof path, "%s/docs/%s", s->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void import_all(const scene *s) {
    char path[96];
    baton_error *err = NULL;
    snprintf(path, sizeof path, "%s/docs", s->folder);
    const char *const paths[] = {path};
    baton_value report =
        baton_task_service_import(s->service, paths, 1, &(baton_import_options){.project = "play"}, &err);
    if (!value_is_valid(report)) fail_msg("%s", baton_error_message(err));
    value_unref(report);
}

static int set_up(void **state) {
    scene *s = *state = calloc(1, sizeof *s);
    char docs[96];
    if (!s) return -1;
    snprintf(s->folder, sizeof s->folder, "/tmp/baton-edit-XXXXXX");
    if (!mkdtemp(s->folder)) return -1;
    snprintf(docs, sizeof docs, "mkdir %s/docs", s->folder);
    snprintf(s->store, sizeof s->store, "%s/s.db", s->folder);
    if (system(docs) != 0) return -1;
    write_document(s, "1a.md", base_text);
    write_document(s, "1b.md", next_text);
    s->service = baton_task_service_open(s->store, NULL);
    if (!s->service) return -1;
    import_all(s);
    return 0;
}

static int tear_down(void **state) {
    scene *s = *state;
    char command[96];
    baton_task_service_close(s->service);
    snprintf(command, sizeof command, "rm -rf '%s'", s->folder);
    free(s);
    return system(command);
}

/* ---- Looking ---- */

static baton_value get(const scene *s, const char *word) {
    baton_error *err = NULL;
    baton_value task = baton_task_service_get(s->service, word, &err);
    if (!value_is_valid(task)) fail_msg("%s", baton_error_message(err));
    return task;
}

/* The member at a path of keys, as JSON; "" when there is none. Given. */
static char *look(const scene *s, const char *word, const char *path) {
    baton_value v = get(s, word);
    char *keys = strdup(path), *rest = keys;
    for (char *key; (key = strsep(&rest, "."));) {
        baton_value inner =
            *key >= '0' && *key <= '9' ? baton_value_at(v, (size_t)atoi(key)) : baton_value_get(v, key);
        value_assign(&v, inner);
    }
    free(keys);
    char *text = value_is_valid(v) ? baton_value_to_json(v) : strdup("");
    value_unref(v);
    return text;
}

static void is(const scene *s, const char *word, const char *path, const char *wanted) {
    char *found = look(s, word, path);
    if (strcmp(found, wanted) != 0) fail_msg("%s of %s is %s, not %s", path, word, found, wanted);
    free(found);
}

static void is_raw(const scene *s, const char *word, const char *key, const char *wanted) {
    char *id = task_service_resolve(s->service, word, NULL);
    baton_value task = task_service_by_id(s->service, id, false, NULL), v = task_member(task, "state", key);
    char *text = value_is_valid(v) ? baton_value_to_json(v) : strdup("");
    assert_string_equal(text, wanted);
    free(text);
    value_unref(v);
    value_unref(task);
    free(id);
}

/* Succeeded; and err was left alone. */
static void well(int result, baton_error **err) {
    if (result != 0) fail_msg("%s", baton_error_message(*err));
    assert_null(*err);
}

static void refused(int result, baton_error **err, baton_error_code code, const char *message) {
    assert_int_equal(result, -1);
    assert_int_equal(baton_error_get_code(*err), code);
    assert_string_equal(baton_error_message(*err), message);
    error_clear(err);
}

/* ---- States that running would come to ---- */

static baton_value put_state(void *data, baton_value task, baton_error **err) {
    (void)err;
    baton_value given = baton_value_parse(data, strlen(data), NULL), v;
    int cursor = 0;
    const char *key;
    while (baton_value_next(given, &cursor, &key, &v)) {
        if (strcmp(key, "status") == 0)
            task = baton_value_set(task, key, v);
        else
            task = task_set_member(task, "state", key, v);
    }
    value_unref(given);
    return task;
}

static void put(const scene *s, const char *word, const char *json) {
    baton_error *err = NULL;
    char *id = task_service_resolve(s->service, word, NULL);
    well(task_service_change(s->service, id, put_state, (char *)json, NULL, &err), &err);
    free(id);
}

#define AT_BEGIN  "{\"status\":\"waiting\",\"gate\":{\"name\":\"begin\",\"key\":\"k/1\"}}"
#define AT_ACCEPT "{\"status\":\"waiting\",\"gate\":{\"name\":\"accept\",\"key\":\"k/7\"}}"

/* ---- Edit ---- */

static int try_edit(const scene *s, const char *word, const char *json, baton_error **err) {
    baton_value changes = baton_value_parse(json, strlen(json), NULL);
    int result = baton_task_service_edit(s->service, word, changes, err);
    value_unref(changes);
    return result;
}

static void edit(const scene *s, const char *word, const char *json) {
    baton_error *err = NULL;
    well(try_edit(s, word, json, &err), &err);
}

static void cannot_edit(const scene *s, const char *word, const char *json, baton_error_code code,
                        const char *message) {
    baton_error *err = NULL;
    refused(try_edit(s, word, json, &err), &err, code, message);
    assert_int_equal(try_edit(s, word, json, NULL), -1);
}

static void edits(void **state) {
    const scene *s = *state;
    edit(s, "1A", "{\"priority\":\"critical\",\"estimated_hours\":2.5,\"max_attempts\":7}");
    is(s, "1A", "priority", "\"critical\"");
    is(s, "1A", "estimated_hours", "2.5");
    is(s, "1A", "type", "\"feature\"");
    is(s, "1A", "edited", "{\"estimated_hours\":2.5,\"max_attempts\":7,\"priority\":\"critical\"}");
    edit(s, "1A", "{\"title\":\"Ground 9Z: All of it\",\"type\":\"my-own\"}");
    is(s, "9Z", "title", "\"Ground 9Z: All of it\"");
    is(s, "9Z", "type", "\"my-own\"");
    is(s, "9Z", "max_attempts", "");
    is(s, "9Z", "edited.max_attempts", "7"); /* what was edited before stays so */
}

static void edits_outlive_imports(void **state) {
    const scene *s = *state;
    edit(s, "1A", "{\"priority\":\"critical\",\"max_attempts\":7}");
    write_document(s, "1a.md", changed_text);
    import_all(s);
    is(s, "1A", "priority", "\"critical\"");
    is(s, "1A", "category", "\"tools\"");
    is(s, "1A", "edited.max_attempts", "7");
    /* Given back, what the document says by now counts at once. */
    edit(s, "1A", "{\"priority\":null,\"max_attempts\":null}");
    is(s, "1A", "priority", "\"medium\"");
    is(s, "1A", "edited", "{}");
}

static void giving_back(void **state) {
    const scene *s = *state;
    edit(s, "1A",
         "{\"title\":\"Another\",\"type\":\"bugfix\",\"category\":\"x\",\"priority\":\"low\","
         "\"estimated_hours\":1}");
    edit(s, "Another",
         "{\"title\":null,\"type\":null,\"category\":null,\"priority\":null,\"estimated_hours\":null}");
    is(s, "1A", "title", "\"Foundation 1A: Core Interfaces\"");
    is(s, "1A", "type", "\"feature\"");
    is(s, "1A", "category", "\"backend\"");
    is(s, "1A", "priority", "\"high\"");
    is(s, "1A", "estimated_hours", "8");
    edit(s, "1A", "{\"priority\":null,\"verify\":null}"); /* of which nothing was said */
    is(s, "1A", "priority", "\"high\"");
    is(s, "1A", "edited", "{}");
}

static void wrong_edits(void **state) {
    const scene *s = *state;
    cannot_edit(s, "1A", "{\"priority\":\"low\",\"max_attempts\":0}", BATON_ERROR_INVALID,
                "max_attempts must be a whole number from 1 to 100");
    is(s, "1A", "priority", "\"high\""); /* all or none */
    cannot_edit(s, "1A", "{\"status\":\"completed\"}", BATON_ERROR_INVALID,
                "a task has no setting 'status'");
    cannot_edit(s, "1A", "[]", BATON_ERROR_USAGE, "the changes of a task are an object");
    cannot_edit(s, "7Q", "{\"priority\":\"low\"}", BATON_ERROR_NOT_FOUND, "there is no task '7Q'");
    put(s, "1A", "{\"status\":\"running\"}");
    cannot_edit(s, "1A", "{\"priority\":\"low\"}", BATON_ERROR_CONFLICT,
                "'Foundation 1A: Core Interfaces' is running: edit it when it has ended, or "
                "'baton task cancel' it first");
    put(s, "1A", AT_BEGIN);
    cannot_edit(s, "1A", "{\"priority\":\"low\"}", BATON_ERROR_CONFLICT,
                "'Foundation 1A: Core Interfaces' is waiting: edit it when it has ended, or "
                "'baton task cancel' it first");
    put(s, "1A", "{\"status\":\"failed\"}");
    edit(s, "1A", "{\"priority\":\"low\"}");
}

/* ---- Dependencies ---- */

static void satisfy(const scene *s, const char *text, bool satisfied) {
    baton_error *err = NULL;
    well(baton_task_service_satisfy(s->service, "1B", text, satisfied, &err), &err);
}

static void cannot_satisfy(const scene *s, const char *word, const char *text, bool satisfied,
                           baton_error_code code, const char *message) {
    baton_error *err = NULL;
    refused(baton_task_service_satisfy(s->service, word, text, satisfied, &err), &err, code, message);
    assert_int_equal(baton_task_service_satisfy(s->service, word, text, satisfied, NULL), -1);
}

static void met_are(const scene *s, const char *a, const char *work, const char *rules,
                    const char *budget) {
    is(s, "1B", "dependencies.0.satisfied", a);
    is(s, "1B", "dependencies.1.satisfied", work);
    is(s, "1B", "dependencies.2.satisfied", rules);
    is(s, "1B", "dependencies.3.satisfied", budget);
}

static void satisfies_one(void **state) {
    const scene *s = *state;
    is(s, "1B", "dependencies.1.text", "\"Ground work\"");
    satisfy(s, "Ground work", true);
    met_are(s, "false", "true", "false", "false");
    satisfy(s, "BUDG", true); /* a part, in any case */
    met_are(s, "false", "true", "false", "true");
    satisfy(s, "Budget", false);
    met_are(s, "false", "true", "false", "false");
    satisfy(s, "1A", true); /* also a task, for who knows better */
    met_are(s, "true", "true", "false", "false");
    is(s, "1B", "blocked_by.0.text", "\"Ground rules\"");
}

static void satisfies_all(void **state) {
    const scene *s = *state;
    satisfy(s, NULL, true);
    met_are(s, "false", "true", "true", "true"); /* the task is to be done all the same */
    is(s, "1B", "blocked_by.0.status", "\"pending\"");
    is(s, "1B", "blocked_by.1", "");
    put(s, "1A", "{\"status\":\"completed\"}");
    is(s, "1B", "ready", "true");
    satisfy(s, NULL, false);
    met_are(s, "false", "false", "false", "false");
    is(s, "1B", "ready", "false");
    cannot_satisfy(s, "1B", NULL, false, BATON_ERROR_NOT_FOUND,
                   "'Foundation 1B: Builder' has no dependency that was said to be met");
    cannot_satisfy(s, "1A", NULL, true, BATON_ERROR_NOT_FOUND,
                   "'Foundation 1A: Core Interfaces' has no dependency that is no task here");
    import_all(s);
    met_are(s, "false", "false", "false", "false");
}

static void satisfies_nothing(void **state) {
    const scene *s = *state;
    cannot_satisfy(
        s, "1B", "Ground", true, BATON_ERROR_USAGE,
        "'Foundation 1B: Builder' has several dependencies that 'Ground' fits: write more of it");
    cannot_satisfy(s, "1B", "Weather", true, BATON_ERROR_NOT_FOUND,
                   "'Foundation 1B: Builder' has no dependency 'Weather'");
    cannot_satisfy(s, "1B", "", true, BATON_ERROR_NOT_FOUND,
                   "'Foundation 1B: Builder' has no dependency ''");
    met_are(s, "false", "false", "false", "false");
}

static void satisfied_outlives_imports(void **state) {
    const scene *s = *state;
    satisfy(s, "Budget", true);
    char text[sizeof next_text + 8];
    snprintf(text, sizeof text, "%s\nMore.\n", next_text);
    write_document(s, "1b.md", text);
    import_all(s);
    met_are(s, "false", "false", "false", "true");
}

/* ---- Approvals ---- */

static void approve(const scene *s, const char *note) {
    baton_error *err = NULL;
    well(baton_task_service_approve(s->service, "1A", note, &err), &err);
}

static void approves_in_advance(void **state) {
    const scene *s = *state;
    put(s, "1A", "{\"gate\":{\"name\":\"accept\",\"key\":\"of an earlier time\"}}");
    approve(s, "looks well");
    char *digest = look(s, "1A", "digest");
    is(s, "1A", "approvals.begin.digest", digest); /* for the document as it is */
    is(s, "1A", "approvals.begin.note", "\"looks well\"");
    is(s, "1A", "approvals.begin.key", "");
    is(s, "1A", "approvals.accept", "");
    is(s, "1A", "status", "\"pending\"");
    free(digest);
}

static void approves_at_a_gate(void **state) {
    const scene *s = *state;
    put(s, "1A", AT_BEGIN);
    approve(s, NULL);
    is(s, "1A", "approvals.begin.key", "\"k/1\"");
    is(s, "1A", "approvals.begin.note", "");
    is(s, "1A", "approvals.begin.digest", "");
    is(s, "1A", "status", "\"waiting\""); /* until somebody goes on with it */
    put(s, "1A", AT_ACCEPT);
    approve(s, "well done");
    is(s, "1A", "approvals.accept.key", "\"k/7\"");
    is(s, "1A", "approvals.accept.note", "\"well done\"");
    is(s, "1A", "approvals.accept.again", "");
    is(s, "1A", "approvals.begin.key", "\"k/1\"");
}

static void nothing_to_approve(void **state) {
    const scene *s = *state;
    static const char *const all[] = {"running", "completed", "failed", "cancelled"};
    for (int i = 0; i < 4; i++) {
        char json[64], message[128];
        baton_error *err = NULL;
        snprintf(json, sizeof json, "{\"status\":\"%s\"}", all[i]);
        snprintf(message, sizeof message,
                 "'Foundation 1A: Core Interfaces' is %s: nothing waits for an approval", all[i]);
        put(s, "1A", json);
        refused(baton_task_service_approve(s->service, "1A", NULL, &err), &err, BATON_ERROR_CONFLICT,
                message);
    }
}

/* ---- Another try ---- */

static void retry(const scene *s, const char *note) {
    baton_error *err = NULL;
    well(baton_task_service_retry(s->service, "1A", note, &err), &err);
}

static void retries(void **state) {
    const scene *s = *state;
    static const char *const all[] = {"failed", "cancelled", "completed"};
    for (int i = 0; i < 3; i++) {
        char json[128];
        snprintf(json, sizeof json,
                 "{\"status\":\"%s\",\"reason\":\"why\",\"approvals\":{\"begin\":{\"digest\":\"x\"}}}",
                 all[i]);
        put(s, "1A", json);
        retry(s, i < 2 ? "be careful" : NULL);
        is(s, "1A", "status", "\"pending\"");
        is(s, "1A", "approvals", "null"); /* they were for what has ended */
        is(s, "1A", "reason", "\"why\"");
        is_raw(s, "1A", "retry_note", i < 2 ? "\"be careful\"" : "");
    }
}

static void sends_back(void **state) {
    const scene *s = *state;
    put(s, "1A", AT_ACCEPT);
    retry(s, "it lacks tests");
    is(s, "1A", "status", "\"waiting\"");
    is(s, "1A", "approvals.accept.key", "\"k/7\"");
    is(s, "1A", "approvals.accept.again", "true");
    is(s, "1A", "approvals.accept.note", "\"it lacks tests\"");
    approve(s, NULL); /* the last word counts */
    is(s, "1A", "approvals.accept.again", "");
    is(s, "1A", "approvals.accept.note", "");
}

static void nothing_to_retry(void **state) {
    const scene *s = *state;
    static const char *const all[] = {"pending", "running"};
    for (int i = 0; i < 3; i++) {
        char json[64], message[128];
        baton_error *err = NULL;
        snprintf(json, sizeof json, "{\"status\":\"%s\"}", i < 2 ? all[i] : "");
        snprintf(message, sizeof message,
                 "'Foundation 1A: Core Interfaces' is %s: only what has ended can be tried again",
                 i < 2 ? all[i] : "waiting");
        put(s, "1A", i < 2 ? json : AT_BEGIN);
        refused(baton_task_service_retry(s->service, "1A", NULL, &err), &err, BATON_ERROR_CONFLICT,
                message);
    }
}

/* ---- Two at once ---- */

typedef struct race {
    const scene *scene;
    baton_task_service *other;
    int times; /* that the other one is faster */
    int calls;
} race;

static baton_value change_slowly(void *data, baton_value task, baton_error **err) {
    (void)err;
    race *r = data;
    if (r->calls++ < r->times) {
        baton_value changes = value_set_number(baton_value_object(), "max_attempts", r->calls);
        assert_int_equal(baton_task_service_edit(r->other, "1A", changes, NULL), 0);
        value_unref(changes);
    }
    return value_set_text(task, "priority", "low");
}

static void somebody_was_faster(void **state) {
    const scene *s = *state;
    baton_error *err = NULL;
    baton_task_service *other = baton_task_service_open(s->store, &err);
    assert_non_null(other);
    char *id = task_service_resolve(s->service, "1A", NULL);
    race r = {.scene = s, .other = other, .times = 3};
    baton_value task = VALUE_INVALID;
    well(task_service_change(s->service, id, change_slowly, &r, &task, &err), &err);
    assert_int_equal(r.calls, 4);
    assert_string_equal(value_get_text(task, "priority"), "low");
    value_unref(task);
    is(s, "1A", "priority", "\"low\"");
    is(s, "1A", "edited.max_attempts", "3"); /* nothing of the other's is lost */
    r = (race){.scene = s, .other = other, .times = 1000};
    assert_int_equal(task_service_change(s->service, id, change_slowly, &r, NULL, &err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_CONFLICT);
    assert_in_range(r.calls, 10, 100); /* it does not try for ever */
    baton_error_free(err);
    free(id);
    baton_task_service_close(other);
}

/* Fewer than the tries of one change, so that each must come through. */
enum { EDITS = 15 };

static void *edit_often(void *data) {
    const scene *s = data;
    baton_task_service *own = baton_task_service_open(s->store, NULL);
    long failed = !own;
    for (int i = 1; own && i <= EDITS; i++) {
        baton_value changes = value_set_number(baton_value_object(), "max_attempts", i);
        failed += baton_task_service_edit(own, "1B", changes, NULL) != 0;
        value_unref(changes);
    }
    baton_task_service_close(own);
    return (void *)failed;
}

static void two_threads(void **state) {
    scene *s = *state;
    pthread_t thread;
    void *failed;
    char *before = look(s, "1B", "version");
    assert_int_equal(pthread_create(&thread, NULL, edit_often, s), 0);
    for (int i = 1; i <= EDITS; i++) satisfy(s, "Budget", i % 2);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    is(s, "1B", "edited.max_attempts", "15");
    is(s, "1B", "dependencies.3.satisfied", "true");
    char *after = look(s, "1B", "version");
    assert_int_equal(atoi(after), atoi(before) + 2 * EDITS); /* each was written once */
    free(after);
    free(before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(edits),
        TEST(edits_outlive_imports),
        TEST(giving_back),
        TEST(wrong_edits),
        TEST(satisfies_one),
        TEST(satisfies_all),
        TEST(satisfies_nothing),
        TEST(satisfied_outlives_imports),
        TEST(approves_in_advance),
        TEST(approves_at_a_gate),
        TEST(nothing_to_approve),
        TEST(retries),
        TEST(sends_back),
        TEST(nothing_to_retry),
        TEST(somebody_was_faster),
        TEST(two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
