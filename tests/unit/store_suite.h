/* What every durable store must do, whatever it keeps its data in. Whoever includes this says how an empty
 * store is made and how owners come to look dead, and runs `store_suite`.
 *
 * Moments are whole microseconds, since stores keep no more.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_TESTS_STORE_SUITE_H
#define BATON_TESTS_STORE_SUITE_H

#include "base/buffer.h"
#include "base/error.h"
#include "store/store.h"

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

/* Given by the includer. The store that suite_url names is empty when a test begins. */
static const char *suite_url(void);
static int suite_begin(void **state);
static int suite_end(void **state);
static void suite_kill(int64_t owner); /* from now on it looks as if that process had died */
static void suite_hide(int64_t owner); /* ... or lived where it cannot be seen */
static void suite_backup_path(char path[256]);

#define T0       INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */
#define SECOND   INT64_C(1000000000)
#define NO_TIMER INT64_MAX
#define CURSOR   TEXT("{\"at\":0}") /* without one, what began can only be taken up by its id */
#define TEXT(json) \
    { .bytes = (json), .size = sizeof(json) - 1 }

/* ---- Tools ---- */

static store *open_as(const char *kind) {
    baton_error *err = NULL;
    store *s = store_open(suite_url(), &(store_options){.kind = kind}, &err);
    if (!s) fail_msg("%s", baton_error_message(err));
    return s;
}
static store *open_store(void) { return open_as("worker"); }
static void close_store(store *s) { s->type->close(s); }

static void succeeds(int result, baton_error *err) {
    if (result != 0) fail_msg("%s", baton_error_message(err));
    assert_null(err);
}

/* The operation failed with this code, and its message holds this text. */
static void fails_with(int result, baton_error **err, baton_error_code code, const char *text) {
    assert_int_equal(result, -1);
    assert_non_null(*err);
    if (baton_error_get_code(*err) != code || !strstr(baton_error_message(*err), text))
        fail_msg("%s (not '%s'): %s", baton_error_code_name(baton_error_get_code(*err)), text,
                 baton_error_message(*err));
    error_clear(err);
}

/* A change that is lost says so, and its row too. */
static void commit(store *s, const store_change *changes, size_t count) {
    baton_error *err = NULL;
    store_change *copies = calloc(count + 1, sizeof *copies);
    if (count) memcpy(copies, changes, count * sizeof *copies);
    succeeds(s->type->commit(s, copies, count, &err), err);
    for (size_t i = 0; i < count; i++) {
        assert_true(!copies[i].lost || copies[i].row->lost);
        if (i + 1 == count) assert_int_equal(copies[i].lost, copies[i].row->lost);
    }
    free(copies);
}

static const store_workflow suite_workflow = {.namespace = "test",
                                              .name = "order",
                                              .version = "1.0.0",
                                              .file = "order.yaml",
                                              .digest = UINT64_C(0xfedcba9876543210),
                                              .text = TEXT("do: []")};

static store_creation creation(const char *id) {
    return (store_creation){.id = id,
                            .workflow = suite_workflow,
                            .strategy = "basic",
                            .priority = 1,
                            .created_ns = T0,
                            .settings = TEXT("{}")};
}

/* Creates an execution that nothing is special about. */
static store_row make(store *s, const char *id, execution_status status) {
    store_row row = {0};
    const store_creation c = creation(id);
    const store_change change = {.row = &row,
                                 .creation = &c,
                                 .moved = true,
                                 .status = status,
                                 .started_ns = status == EXECUTION_PENDING ? 0 : T0,
                                 .ended_ns = status >= EXECUTION_COMPLETED ? T0 + SECOND : 0,
                                 .wake_ns = NO_TIMER,
                                 .cursor = CURSOR};
    commit(s, &change, 1);
    assert_false(row.lost);
    assert_true(row.key > 0);
    return row;
}

/* Creates one that waits for whoever takes it up: pending when wake_ns is NO_TIMER, else waiting. */
static void make_unowned(store *s, const char *id, int priority, int64_t wake_ns) {
    store_row row = {0};
    store_creation c = creation(id);
    c.priority = priority;
    c.unowned = true;
    const store_change change = {.row = &row,
                                 .creation = &c,
                                 .moved = true,
                                 .status = wake_ns == NO_TIMER ? EXECUTION_PENDING : EXECUTION_WAITING,
                                 .wake_ns = wake_ns == NO_TIMER ? T0 : wake_ns,
                                 .cursor = CURSOR};
    commit(s, &change, 1);
    assert_false(row.lost);
}

static void move(store *s, store_row *row, execution_status status, bool release) {
    const store_change change = {.row = row,
                                 .moved = true,
                                 .status = status,
                                 .started_ns = T0,
                                 .ended_ns = status >= EXECUTION_COMPLETED ? T0 + SECOND : 0,
                                 .wake_ns = NO_TIMER,
                                 .release = release};
    commit(s, &change, 1);
}

static store_execution found(store *s, const char *id) {
    baton_error *err = NULL;
    store_execution x = {0};
    succeeds(s->type->find(s, id, &x, &err), err);
    assert_string_equal(x.id, id);
    return x;
}

static void text_is(store_text text, const char *expected) {
    assert_int_equal(text.number, 0);
    if (!expected) {
        assert_null(text.bytes);
        return;
    }
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.bytes, expected, text.size);
}
static void bytes_are(store_bytes bytes, const char *expected) {
    text_is((store_text){.bytes = bytes.bytes, .size = bytes.size}, expected);
}

/* Writes down the ids of a walk, in order: "a b c". */
static int note_id(void *data, const store_execution *x, baton_error **err) {
    (void)err;
    buffer *b = data;
    buffer_printf(b, "%s%s", b->size ? " " : "", x->id);
    return 0;
}

static void lists(store *s, store_filter filter, const char *expected) {
    buffer ids = {0};
    baton_error *err = NULL;
    succeeds(s->type->list(s, &filter, note_id, &ids, &err), err);
    assert_string_equal(buffer_text(&ids), expected);
    buffer_done(&ids);
}

static int note_taken(void *data, const store_execution *x, baton_error **err) {
    assert_true(x->mine);
    assert_false(x->interrupted);
    assert_false(x->row.lost);
    assert_true(x->row.epoch > 0);
    return note_id(data, x, err);
}

static void takes(store *s, store_claim claim, const char *expected) {
    buffer ids = {0};
    baton_error *err = NULL;
    succeeds(s->type->take_up(s, &claim, note_taken, &ids, &err), err);
    assert_string_equal(buffer_text(&ids), expected);
    buffer_done(&ids);
}

static bool recovered; /* whether the last one that take_one took had a dead owner */

static int keep_row(void *data, const store_execution *x, baton_error **err) {
    (void)err;
    *(store_row *)data = x->row;
    recovered = x->recovered;
    return 0;
}

static store_row take_one(store *s, const char *id) {
    store_row row = {0};
    baton_error *err = NULL;
    succeeds(s->type->take_up(s, &(store_claim){.id = id}, keep_row, &row, &err), err);
    assert_true(row.key > 0);
    return row;
}

static void take_fails(store *s, store_claim claim, baton_error_code code, const char *text) {
    baton_error *err = NULL;
    int result = s->type->take_up(s, &claim, note_id, NULL, &err);
    fails_with(result, &err, code, text);
}

static void due_at(store *s, int64_t expected) {
    int64_t wake_ns = 0;
    baton_error *err = NULL;
    succeeds(s->type->next_due(s, &wake_ns, &err), err);
    assert_int_equal(wake_ns, expected);
}

static store_statistics statistics(store *s) {
    store_statistics figures = {0};
    baton_error *err = NULL;
    succeeds(s->type->statistics(s, T0 + SECOND, &figures, &err), err);
    return figures;
}

static void writes_tasks(store *s, const store_task *tasks, size_t count) {
    baton_error *err = NULL;
    succeeds(s->type->write_tasks(s, tasks, count, &err), err);
}

/* ---- Executions ---- */

static void what_was_created_is_found(void **state) {
    (void)state;
    store *s = open_store();
    store_row row = {0};
    store_creation c = creation("exec_1");
    c.priority = -5;
    c.strategy = "simple";
    c.input = (store_text)TEXT("{\"ordered\":[1,2]}");
    c.settings = (store_bytes)TEXT("{\"timeout_ms\":5}");
    const store_change change = {.row = &row,
                                 .creation = &c,
                                 .moved = true,
                                 .status = EXECUTION_RUNNING,
                                 .number = 7,
                                 .started_ns = T0 + 1000,
                                 .wake_ns = T0 + 1999,
                                 .cursor = TEXT("{\"at\":1}")};
    commit(s, &change, 1);
    assert_int_equal(row.epoch, 1);
    assert_int_equal(row.last, 0);

    store_execution x = found(s, "exec_1");
    assert_int_equal(x.row.key, row.key);
    assert_int_equal(x.row.epoch, 1);
    assert_string_equal(x.namespace, "test");
    assert_string_equal(x.name, "order");
    assert_string_equal(x.version, "1.0.0");
    assert_string_equal(x.strategy, "simple");
    assert_int_equal(x.status, EXECUTION_RUNNING);
    assert_int_equal(x.priority, -5);
    assert_int_equal(x.number, 7);
    assert_true(x.created_ns == T0);
    assert_true(x.started_ns == T0 + 1000);
    assert_true(x.ended_ns == 0);
    assert_true(x.wake_ns == T0 + 2000); /* never too early */
    assert_true(x.mine && x.owner && !x.interrupted && !x.owner_hidden);
    assert_int_equal(x.taken_up, 0);
    assert_null(x.request);
    assert_null(x.reason);
    text_is(x.input, "{\"ordered\":[1,2]}");
    text_is(x.output, NULL);
    text_is(x.error, NULL);
    bytes_are(x.settings, "{\"timeout_ms\":5}");
    bytes_are(x.cursor, "{\"at\":1}");

    baton_error *err = NULL;
    int result = s->type->find(s, "exec_2", &x, &err);
    fails_with(result, &err, BATON_ERROR_NOT_FOUND, "exec_2");
    assert_int_equal(s->type->find(s, "exec_2", &x, NULL), -1);
    close_store(s);
}

static void changes_are_kept(void **state) {
    (void)state;
    store *s = open_store();
    store_row row = make(s, "x", EXECUTION_PENDING);
    assert_true(found(s, "x").started_ns == 0);
    store_change change = {.row = &row,
                           .moved = true,
                           .status = EXECUTION_WAITING,
                           .number = 2,
                           .started_ns = T0 + SECOND,
                           .wake_ns = T0 + 5 * SECOND,
                           .cursor = TEXT("{\"at\":2}")};
    commit(s, &change, 1);
    store_execution x = found(s, "x");
    assert_int_equal(x.status, EXECUTION_WAITING);
    assert_int_equal(x.number, 2);
    assert_true(x.started_ns == T0 + SECOND && x.wake_ns == T0 + 5 * SECOND);
    bytes_are(x.cursor, "{\"at\":2}");

    /* A timer that is gone; a cursor that is not named stays. */
    change = (store_change){.row = &row,
                            .moved = true,
                            .status = EXECUTION_RUNNING,
                            .started_ns = T0 + SECOND,
                            .wake_ns = NO_TIMER};
    commit(s, &change, 1);
    x = found(s, "x");
    assert_true(x.started_ns == T0 + SECOND && x.wake_ns == NO_TIMER);
    bytes_are(x.cursor, "{\"at\":2}");
    /* Running as before, but now with a timer; and without it again. */
    change.wake_ns = T0 + 7 * SECOND;
    commit(s, &change, 1);
    assert_true(found(s, "x").wake_ns == T0 + 7 * SECOND);
    change.wake_ns = NO_TIMER;
    commit(s, &change, 1);
    assert_true(found(s, "x").wake_ns == NO_TIMER);

    change = (store_change){.row = &row,
                            .moved = true,
                            .status = EXECUTION_SUSPENDED,
                            .wake_ns = NO_TIMER,
                            .reason = "taken up three times without progress",
                            .release = true};
    commit(s, &change, 1);
    x = found(s, "x");
    assert_string_equal(x.reason, "taken up three times without progress");
    assert_true(!x.mine && !x.owner && !x.interrupted);

    row = take_one(s, "x");
    change = (store_change){.row = &row,
                            .moved = true,
                            .status = EXECUTION_FAULTED,
                            .number = 9,
                            .ended_ns = T0 + 9 * SECOND,
                            .wake_ns = NO_TIMER,
                            .output = TEXT("null"),
                            .error = TEXT("{\"status\":500}")};
    commit(s, &change, 1);
    assert_false(row.lost);
    x = found(s, "x");
    assert_int_equal(x.status, EXECUTION_FAULTED);
    assert_true(x.ended_ns == T0 + 9 * SECOND);
    assert_null(x.reason);
    assert_true(!x.owner && !x.interrupted); /* what has ended has no owner */
    text_is(x.output, "null");
    text_is(x.error, "{\"status\":500}");
    bytes_are(x.cursor, NULL);
    close_store(s);

    s = open_store();
    assert_int_equal(found(s, "x").status, EXECUTION_FAULTED);
    close_store(s);
}

/* Creation and end, several changes of one row, several rows. */
static void one_commit_holds_many_changes(void **state) {
    (void)state;
    store *s = open_store();
    store_row a = {0}, b = {0};
    const store_creation ca = creation("a"), cb = creation("b");
    const store_record first = {.kind = RECORD_STARTED, .number = 1, .time_ns = T0};
    const store_record last = {.kind = RECORD_COMPLETED, .number = 2, .time_ns = T0 + SECOND};
    const store_change changes[] = {
        {.row = &a, .creation = &ca, .records = &first, .record_count = 1},
        {.row = &b, .creation = &cb, .moved = true, .status = EXECUTION_RUNNING, .wake_ns = NO_TIMER},
        {.row = &a,
         .moved = true,
         .records = &last,
         .record_count = 1,
         .number = 2,
         .status = EXECUTION_COMPLETED,
         .started_ns = T0,
         .ended_ns = T0 + SECOND,
         .wake_ns = NO_TIMER,
         .output = TEXT("3")},
    };
    commit(s, changes, 3);
    assert_true(a.last > 0);
    assert_true(a.key != b.key);
    store_execution x = found(s, "a");
    assert_int_equal(x.status, EXECUTION_COMPLETED);
    assert_int_equal(x.row.last, a.last);
    text_is(x.output, "3");
    assert_int_equal(found(s, "b").status, EXECUTION_RUNNING);
    commit(s, NULL, 0);
    close_store(s);
}

static void an_id_that_is_taken_loses(void **state) {
    (void)state;
    store *s = open_store();
    store_row first = make(s, "same", EXECUTION_RUNNING);
    store_row second = {0}, third = {0};
    const store_creation again = creation("same"), other = creation("other");
    const store_record r = {.kind = RECORD_STARTED, .number = 1, .time_ns = T0};
    const store_change changes[] = {
        {.row = &second, .creation = &again, .records = &r, .record_count = 1},
        {.row = &third, .creation = &other, .records = &r, .record_count = 1},
    };
    commit(s, changes, 2);
    assert_true(second.lost);
    assert_int_equal(second.key, 0);
    assert_false(third.lost);
    assert_int_equal(found(s, "same").row.key, first.key);
    assert_int_equal(found(s, "same").row.last, 0);
    close_store(s);
}

static void values_are_kept_under_their_numbers(void **state) {
    (void)state;
    store *s = open_store();
    store *t = open_store();
    const int64_t number = 2, small = 1;
    char *large = malloc(3 << 20);
    memset(large, 'x', 3 << 20);
    large[0] = large[(3 << 20) - 1] = '"';
    const store_datum data[] = {{.number = number, .text = {large, 3 << 20}},
                                {.number = small, .text = TEXT("17")}};
    store_row row = {0};
    store_creation c = creation("x");
    c.input.number = number;
    const store_record r = {.kind = RECORD_STEP_COMPLETED,
                            .number = 1,
                            .time_ns = T0,
                            .data = {.number = small},
                            .more = {.number = number}};
    store_row other = make(s, "y", EXECUTION_RUNNING);
    const store_datum of_other = {.number = number, .text = TEXT("\"another's\"")};
    const store_change change_of_other = {.row = &other, .data = &of_other, .datum_count = 1};
    commit(s, &change_of_other, 1);
    const store_change change = {.row = &row,
                                 .creation = &c,
                                 .records = &r,
                                 .record_count = 1,
                                 .data = data,
                                 .datum_count = 2,
                                 .moved = true,
                                 .status = EXECUTION_COMPLETED,
                                 .ended_ns = T0,
                                 .wake_ns = NO_TIMER,
                                 .output = {.number = small},
                                 .error = {.number = number}};
    commit(s, &change, 1);
    store_execution x = found(t, "x");
    assert_int_equal(x.input.number, number);
    assert_null(x.input.bytes);
    assert_int_equal(x.output.number, small);
    assert_int_equal(x.error.number, number);
    buffer text = {0};
    baton_error *err = NULL;
    buffer_puts(&text, ">");
    succeeds(t->type->read(t, &x.row, small, &text, &err), err);
    assert_string_equal(buffer_text(&text), ">17");
    buffer_clear(&text);
    succeeds(t->type->read(t, &x.row, number, &text, &err), err);
    assert_int_equal(text.size, 3 << 20);
    assert_memory_equal(text.data, large, text.size);
    int result = t->type->read(t, &x.row, 12345, &text, &err);
    fails_with(result, &err, BATON_ERROR_NOT_FOUND, "12345");
    buffer_clear(&text);
    succeeds(t->type->read(t, &other, number, &text, &err), err);
    assert_string_equal(buffer_text(&text), "\"another's\"");
    buffer_done(&text);
    free(large);
    close_store(t);
    close_store(s);
}

static void cursors_are_loaded(void **state) {
    (void)state;
    store *s = open_store();
    store_row row = {0};
    const store_creation c = creation("x");
    const store_change first = {.row = &row, .creation = &c};
    commit(s, &first, 1);
    buffer cursor = {0};
    baton_error *err = NULL;
    int result = s->type->load(s, &row, &cursor, &err);
    fails_with(result, &err, BATON_ERROR_NOT_FOUND, "");
    const store_change change = {.row = &row,
                                 .moved = true,
                                 .status = EXECUTION_WAITING,
                                 .wake_ns = NO_TIMER,
                                 .cursor = TEXT("{\"at\":2}")};
    commit(s, &change, 1);
    buffer_puts(&cursor, ">");
    succeeds(s->type->load(s, &row, &cursor, &err), err);
    assert_string_equal(buffer_text(&cursor), ">{\"at\":2}");
    result = s->type->load(s, &(store_row){.key = 99}, &cursor, &err);
    fails_with(result, &err, BATON_ERROR_NOT_FOUND, "");
    buffer_done(&cursor);
    close_store(s);
}

static void workflows_are_stored_once(void **state) {
    (void)state;
    store *s = open_store();
    static const char other[] = "do: [{}]";
    store_row rows[5] = {{0}};
    store_creation c[5] = {creation("a"), creation("b"), creation("c"), creation("d"), creation("e")};
    c[2].workflow.text = (store_bytes){other, sizeof other - 1}; /* the same digest by chance */
    c[3].workflow.digest = 17;
    c[3].workflow.built = true;
    c[3].workflow.file = NULL;
    char *copy = strdup("do: []"); /* the same text elsewhere */
    c[4].workflow.text.bytes = copy;
    store_change changes[5] = {{0}};
    for (int i = 0; i < 5; i++) changes[i] = (store_change){.row = &rows[i], .creation = &c[i]};
    commit(s, changes, 5);
    free(copy);
    int64_t a = found(s, "a").workflow;
    assert_int_equal(found(s, "b").workflow, a);
    assert_int_equal(found(s, "e").workflow, a);
    assert_true(found(s, "c").workflow != a);
    assert_true(found(s, "d").workflow != a);
    assert_int_equal(statistics(s).workflows, 3);

    store_workflow w;
    baton_error *err = NULL;
    succeeds(s->type->read_workflow(s, a, &w, &err), err);
    assert_string_equal(w.namespace, "test");
    assert_string_equal(w.name, "order");
    assert_string_equal(w.version, "1.0.0");
    assert_string_equal(w.file, "order.yaml");
    assert_true(w.digest == suite_workflow.digest && !w.built);
    bytes_are(w.text, "do: []");
    succeeds(s->type->read_workflow(s, found(s, "d").workflow, &w, &err), err);
    assert_true(w.digest == 17 && w.built && !w.file);
    int result = s->type->read_workflow(s, 99, &w, &err);
    fails_with(result, &err, BATON_ERROR_NOT_FOUND, "99");
    close_store(s);
}

/* ---- Journals and logs ---- */

typedef struct journal_notes {
    buffer text;
    int64_t seq;
    int stop_at; /* records until the walk is told to end; 0: never */
    int answer;
} journal_notes;

static int note_record(void *data, const store_record *r, int64_t seq, baton_error **err) {
    journal_notes *notes = data;
    assert_true(seq > notes->seq);
    notes->seq = seq;
    buffer_printf(&notes->text, "%u:%s", r->number, record_kind_name(r->kind));
    if (r->reference) buffer_printf(&notes->text, "(%s)", r->reference);
    if (r->data.bytes) buffer_printf(&notes->text, "=%.*s", (int)r->data.size, r->data.bytes);
    buffer_puts(&notes->text, " ");
    if (!notes->stop_at || --notes->stop_at) return 0;
    if (notes->answer < 0) baton_error_set(err, BATON_ERROR_STEP, "enough");
    return notes->answer;
}

static void journal_is(store *s, const char *id, uint32_t after, const char *expected) {
    journal_notes notes = {0};
    baton_error *err = NULL;
    succeeds(s->type->journal(s, id, after, note_record, &notes, &err), err);
    assert_string_equal(buffer_text(&notes.text), expected);
    buffer_done(&notes.text);
}

static void write_records(store *s, store_row *a, store_row *b, uint32_t number) {
    const store_record of_a[] = {
        {.kind = RECORD_STEP_STARTED, .number = number, .reference = "/do/0/a", .time_ns = T0},
        {.kind = RECORD_STEP_COMPLETED,
         .number = number + 1,
         .reference = "/do/0/a",
         .time_ns = T0,
         .data = TEXT("1")},
    };
    const store_record of_b = {.kind = RECORD_STEP_SKIPPED, .number = number / 2 + 1, .time_ns = T0};
    const store_change changes[] = {
        {.row = a,
         .records = of_a,
         .record_count = 2,
         .moved = true,
         .status = EXECUTION_RUNNING,
         .number = number + 1,
         .wake_ns = NO_TIMER},
        {.row = b,
         .records = &of_b,
         .record_count = 1,
         .moved = true,
         .status = EXECUTION_RUNNING,
         .number = number / 2 + 1,
         .wake_ns = NO_TIMER},
    };
    commit(s, changes, 2);
}

static void journals_are_told_in_order(void **state) {
    (void)state;
    store *s = open_store();
    store_row a = make(s, "a", EXECUTION_RUNNING), b = make(s, "b", EXECUTION_RUNNING);
    journal_is(s, "a", 0, "");
    for (uint32_t number = 1; number < 7; number += 2) write_records(s, &a, &b, number);
    journal_is(s, "a", 0,
               "1:step_started(/do/0/a) 2:step_completed(/do/0/a)=1 3:step_started(/do/0/a) "
               "4:step_completed(/do/0/a)=1 5:step_started(/do/0/a) 6:step_completed(/do/0/a)=1 ");
    journal_is(s, "a", 4, "5:step_started(/do/0/a) 6:step_completed(/do/0/a)=1 ");
    journal_is(s, "a", 6, "");
    journal_is(s, "b", 0, "1:step_skipped 2:step_skipped 3:step_skipped ");

    baton_error *err = NULL;
    journal_notes notes = {.stop_at = 2, .answer = 1};
    succeeds(s->type->journal(s, "a", 0, note_record, &notes, &err), err);
    assert_string_equal(buffer_text(&notes.text), "1:step_started(/do/0/a) 2:step_completed(/do/0/a)=1 ");
    buffer_done(&notes.text);
    notes = (journal_notes){.stop_at = 1, .answer = -1};
    int result = s->type->journal(s, "a", 0, note_record, &notes, &err);
    fails_with(result, &err, BATON_ERROR_STEP, "enough");
    buffer_done(&notes.text);
    result = s->type->journal(s, "c", 0, note_record, &notes, &err);
    fails_with(result, &err, BATON_ERROR_NOT_FOUND, "'c'");
    close_store(s);
}

static int check_record(void *data, const store_record *r, int64_t seq, baton_error **err) {
    (void)err, (void)seq;
    int *count = data;
    if (++*count == 1) {
        assert_int_equal(r->kind, RECORD_STEP_RETRIED);
        assert_int_equal(r->key, 3);
        assert_int_equal(r->attempt, 2);
        assert_int_equal(r->count, 5);
        assert_true(r->time_ns == T0 + 123000);
        assert_true(r->duration_ns == 1234567);
        text_is(r->data, "{}");
        text_is(r->more, "[2]");
    } else {
        assert_true(!r->key && !r->attempt && !r->count && !r->duration_ns && !r->reference);
        text_is(r->data, NULL);
        text_is(r->more, NULL);
    }
    return 0;
}

static void records_keep_all_they_say(void **state) {
    (void)state;
    store *s = open_store();
    store_row row = make(s, "a", EXECUTION_RUNNING);
    const store_record records[] = {{.kind = RECORD_STEP_RETRIED,
                                     .number = 1,
                                     .key = 3,
                                     .attempt = 2,
                                     .count = 5,
                                     .reference = "/do/0/a",
                                     .time_ns = T0 + 123000,
                                     .duration_ns = 1234567,
                                     .data = TEXT("{}"),
                                     .more = TEXT("[2]")},
                                    {.kind = RECORD_SUSPENDED, .number = 2, .time_ns = T0}};
    const store_change change = {.row = &row,
                                 .records = records,
                                 .record_count = 2,
                                 .moved = true,
                                 .status = EXECUTION_RUNNING,
                                 .wake_ns = NO_TIMER};
    commit(s, &change, 1);
    int count = 0;
    baton_error *err = NULL;
    succeeds(s->type->journal(s, "a", 0, check_record, &count, &err), err);
    assert_int_equal(count, 2);
    close_store(s);
}

/* More records than are written together, of each kind, over many executions. */
static void large_commits(void **state) {
    (void)state;
    enum { ROWS = 100, RECORDS = 37 };
    store *s = open_store();
    store_row rows[ROWS] = {{0}};
    store_record records[RECORDS];
    store_creation creations[ROWS];
    store_change changes[ROWS];
    char ids[ROWS][16];
    for (uint32_t i = 0; i < RECORDS; i++)
        records[i] = (store_record){
            .kind = (record_kind)(i % (RECORD_ROLLBACK_FAULTED + 1)), .number = i + 1, .time_ns = T0};
    for (int i = 0; i < ROWS; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        creations[i] = creation(ids[i]);
        changes[i] = (store_change){.row = &rows[i],
                                    .creation = &creations[i],
                                    .records = records,
                                    .record_count = (size_t)(i % RECORDS)};
    }
    commit(s, changes, ROWS);
    assert_int_equal(statistics(s).records, 2 * RECORDS * (RECORDS - 1) / 2 + 26 * 25 / 2);
    for (int i = 0; i < ROWS; i++) {
        buffer expected = {0};
        for (int n = 0; n < i % RECORDS; n++)
            buffer_printf(&expected, "%d:%s ", n + 1, record_kind_name(records[n].kind));
        journal_is(s, ids[i], 0, buffer_text(&expected));
        buffer_done(&expected);
    }
    close_store(s);
}

static int note_log(void *data, const store_log *log, int64_t seq, baton_error **err) {
    journal_notes *notes = data;
    assert_true(seq > notes->seq);
    assert_true(log->time_ns == T0);
    notes->seq = seq;
    buffer_printf(&notes->text, "%s#%u.%u/%d:%.*s ", log->reference, log->key, log->attempt, log->stream,
                  (int)log->bytes.size, log->bytes.size ? log->bytes.bytes : "");
    if (!notes->stop_at || --notes->stop_at) return 0;
    if (notes->answer < 0) baton_error_set(err, BATON_ERROR_STEP, "enough");
    return notes->answer;
}

static void logs_are_told_in_order(void **state) {
    (void)state;
    store *s = open_store();
    store_row a = make(s, "a", EXECUTION_RUNNING), b = make(s, "b", EXECUTION_RUNNING);
    const store_log logs[] = {
        {.reference = "/do/0/a",
         .key = 1,
         .attempt = 1,
         .stream = 1,
         .time_ns = T0,
         .bytes = TEXT("out\n")},
        {.reference = "/do/0/a", .key = 1, .attempt = 2, .stream = 2, .time_ns = T0, .bytes = TEXT("err")},
        {.reference = "/do/1/b", .stream = 1, .time_ns = T0},
    };
    const store_change changes[] = {{.row = &a, .logs = logs, .log_count = 2},
                                    {.row = &b, .logs = logs, .log_count = 1},
                                    {.row = &a, .logs = logs + 2, .log_count = 1}};
    commit(s, changes, 3);
    assert_int_equal(found(s, "a").status, EXECUTION_RUNNING); /* logs alone move nothing */

    journal_notes notes = {0};
    baton_error *err = NULL;
    succeeds(s->type->logs(s, "a", 0, note_log, &notes, &err), err);
    assert_string_equal(buffer_text(&notes.text), "/do/0/a#1.1/1:out\n /do/0/a#1.2/2:err /do/1/b#0.0/1: ");
    buffer_done(&notes.text);
    /* What came since. */
    int64_t last = notes.seq;
    commit(s, changes, 1);
    notes = (journal_notes){.stop_at = 1, .answer = 1};
    succeeds(s->type->logs(s, "a", last, note_log, &notes, &err), err);
    assert_string_equal(buffer_text(&notes.text), "/do/0/a#1.1/1:out\n ");
    buffer_done(&notes.text);
    notes = (journal_notes){.stop_at = 1, .answer = -1};
    int result = s->type->logs(s, "a", 0, note_log, &notes, &err);
    fails_with(result, &err, BATON_ERROR_STEP, "enough");
    buffer_done(&notes.text);
    result = s->type->logs(s, "c", 0, note_log, &notes, &err);
    fails_with(result, &err, BATON_ERROR_NOT_FOUND, "'c'");
    close_store(s);
}

/* ---- Owners, epochs, taking up ---- */

static void a_dead_owner_loses_what_is_taken_from_it(void **state) {
    (void)state;
    store *old = open_store(), *s = open_store();
    store_row a = make(old, "a", EXECUTION_RUNNING), b = make(old, "b", EXECUTION_RUNNING);
    assert_false(found(s, "a").interrupted);
    assert_false(found(s, "a").mine);
    suite_kill(found(s, "a").owner);
    store_execution x = found(s, "a");
    assert_true(x.interrupted && x.owner && !x.mine && x.taken_up == 0);

    store_row taken = take_one(s, "a");
    assert_int_equal(taken.epoch, 2);
    x = found(s, "a");
    assert_true(x.mine && !x.interrupted && recovered);
    assert_int_equal(x.taken_up, 0); /* until it goes on */

    /* The old one lives after all. What it writes of `a` is nothing; `b` is still its own. */
    const int64_t number = 1;
    const store_record r = {.kind = RECORD_STEP_COMPLETED, .number = 1, .time_ns = T0};
    const store_datum d = {.number = number, .text = TEXT("1")};
    const store_log log = {.reference = "/do/0/a", .stream = 1, .time_ns = T0, .bytes = TEXT("x")};
    const store_change of_a = {.row = &a,
                               .records = &r,
                               .record_count = 1,
                               .data = &d,
                               .datum_count = 1,
                               .logs = &log,
                               .log_count = 1,
                               .moved = true,
                               .status = EXECUTION_COMPLETED,
                               .ended_ns = T0,
                               .wake_ns = NO_TIMER};
    const store_change of_b = {.row = &b,
                               .records = &r,
                               .record_count = 1,
                               .moved = true,
                               .status = EXECUTION_COMPLETED,
                               .ended_ns = T0,
                               .wake_ns = NO_TIMER};
    const store_change both[] = {of_a, of_b, of_a};
    commit(old, both, 3);
    assert_true(a.lost);
    assert_false(b.lost);
    assert_int_equal(found(s, "a").status, EXECUTION_RUNNING);
    assert_int_equal(found(s, "b").status, EXECUTION_COMPLETED);
    journal_is(s, "a", 0, "");
    journal_is(s, "b", 0, "1:step_completed ");
    buffer text = {0};
    baton_error *err = NULL;
    int result = s->type->read(s, &taken, number, &text, &err);
    fails_with(result, &err, BATON_ERROR_NOT_FOUND, "");

    const store_change logs_alone = {
        .row = &(store_row){.key = a.key, .epoch = 1}, .logs = &log, .log_count = 1};
    commit(old, &logs_alone, 1);
    assert_true(logs_alone.row->lost);
    move(s, &taken, EXECUTION_COMPLETED, true);
    assert_false(taken.lost);
    close_store(old);
    close_store(s);
}

/* Each change says for itself whether it was lost; the row remembers. */
static void lost_changes_are_told_one_by_one(void **state) {
    (void)state;
    store *old = open_store(), *s = open_store();
    store_row a = make(old, "a", EXECUTION_RUNNING), b = make(old, "b", EXECUTION_RUNNING), c = {0};
    const store_creation again = creation("b");
    suite_kill(found(s, "a").owner);
    take_one(s, "a");
    store_change changes[] = {
        {.row = &a, .moved = true, .status = EXECUTION_RUNNING, .wake_ns = NO_TIMER},
        {.row = &b,
         .moved = true,
         .status = EXECUTION_WAITING,
         .wake_ns = T0,
         .release = true,
         .lost = true},
        {.row = &b, .moved = true, .status = EXECUTION_RUNNING, .wake_ns = NO_TIMER},
        {.row = &c, .creation = &again},
        {.row = &b, .moved = true, .status = EXECUTION_COMPLETED, .ended_ns = T0, .wake_ns = NO_TIMER}};
    static const bool lost[] = {true, false, true, true, true};
    baton_error *err = NULL;
    for (int round = 0; round < 2; round++) {
        succeeds(old->type->commit(old, changes, 5, &err), err);
        for (int i = 0; i < 5; i++) assert_int_equal(changes[i].lost, lost[i] || round);
    }
    assert_int_equal(found(s, "b").status, EXECUTION_WAITING);
    close_store(old);
    close_store(s);
}

/* It would be under way and nobody's. To end it is another matter, or to give it back as something else,
 * until somebody takes it up. */
static void what_was_given_back_is_not_gone_on_with(void **state) {
    (void)state;
    store *s = open_store(), *other = open_store();
    static const char *const ids[] = {"gone-on", "ended", "again", "taken"};
    store_row rows[4];
    for (int i = 0; i < 4; i++) {
        rows[i] = make(s, ids[i], EXECUTION_RUNNING);
        move(s, &rows[i], EXECUTION_WAITING, true);
    }
    const store_record r = {.kind = RECORD_STEP_STARTED, .number = 1, .time_ns = T0};
    const store_change go_on = {.row = &rows[0],
                                .records = &r,
                                .record_count = 1,
                                .moved = true,
                                .status = EXECUTION_RUNNING,
                                .wake_ns = NO_TIMER};
    commit(s, &go_on, 1);
    assert_true(rows[0].lost);
    store_execution x = found(s, "gone-on");
    assert_true(x.status == EXECUTION_WAITING && !x.interrupted);
    journal_is(s, "gone-on", 0, "");
    move(s, &rows[1], EXECUTION_CANCELLED, false);
    assert_int_equal(found(s, "ended").status, EXECUTION_CANCELLED);
    move(s, &rows[2], EXECUTION_SUSPENDED, true);
    assert_int_equal(found(s, "again").status, EXECUTION_SUSPENDED);
    assert_true(!rows[1].lost && !rows[2].lost);
    take_one(other, "taken");
    move(s, &rows[3], EXECUTION_CANCELLED, false);
    assert_true(rows[3].lost);
    assert_int_equal(found(s, "taken").status, EXECUTION_WAITING);
    /* Nor is what another handle has, though the epoch be known. */
    store_row known = found(s, "taken").row;
    move(s, &known, EXECUTION_CANCELLED, true);
    assert_true(known.lost);
    assert_true(found(other, "taken").mine);

    /* What one commit creates without an owner is nobody's yet, and may move on in it; not afterwards. */
    store_row created = {0};
    store_creation c = creation("created");
    c.unowned = true;
    const store_change fresh[] = {
        {.row = &created, .creation = &c},
        {.row = &created, .moved = true, .status = EXECUTION_PENDING, .wake_ns = T0 + SECOND}};
    commit(s, fresh, 2);
    assert_false(created.lost);
    due_at(s, T0 + SECOND);
    store_row next = {0};
    const store_creation n = creation("next");
    const store_change late[] = {
        {.row = &next, .creation = &n},
        {.row = &created, .moved = true, .status = EXECUTION_PENDING, .wake_ns = T0 + 2 * SECOND}};
    commit(s, late, 2);
    assert_true(created.lost && !next.lost);
    due_at(s, T0 + SECOND);
    close_store(other);
    close_store(s);
}

static void progress_forgives_earlier_deaths(void **state) {
    (void)state;
    store *first = open_store();
    store *s[4] = {first};
    make(first, "x", EXECUTION_RUNNING);
    store_row row;
    for (int i = 1; i < 4; i++) {
        suite_kill(found(s[i - 1], "x").owner);
        s[i] = open_store();
        row = take_one(s[i], "x");
        store_change goes_on = {
            .row = &row, .moved = true, .status = EXECUTION_RUNNING, .wake_ns = NO_TIMER, .recovery = true};
        commit(s[i], &goes_on, 1);
        assert_int_equal(found(s[i], "x").taken_up, i);
    }
    store_change change = {.row = &row, .moved = true, .status = EXECUTION_RUNNING, .wake_ns = NO_TIMER};
    commit(s[3], &change, 1);
    assert_int_equal(found(s[3], "x").taken_up, 3);
    change.progress = true;
    commit(s[3], &change, 1);
    assert_int_equal(found(s[3], "x").taken_up, 0);
    for (int i = 0; i < 4; i++) close_store(s[i]);
}

static void one_is_taken_up_by_its_id(void **state) {
    (void)state;
    store *other = open_store(), *s = open_store();
    take_fails(s, (store_claim){.id = "x"}, BATON_ERROR_NOT_FOUND, "'x'");
    make(other, "ended", EXECUTION_CANCELLED);
    take_fails(s, (store_claim){.id = "ended"}, BATON_ERROR_CONFLICT, "'ended' has ended");
    store_row row = make(other, "x", EXECUTION_RUNNING);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    take_fails(s, (store_claim){.id = "x", .take_over = true}, BATON_ERROR_CONFLICT, pid);
    take_fails(other, (store_claim){.id = "x"}, BATON_ERROR_CONFLICT, pid);

    /* What nobody owns may be taken in any state, and that is no recovery. */
    static const execution_status statuses[] = {EXECUTION_PENDING, EXECUTION_WAITING, EXECUTION_SUSPENDED};
    for (size_t i = 0; i < 3; i++) {
        move(other, &row, statuses[i], true);
        assert_false(found(s, "x").interrupted);
        row = take_one(other, "x");
        assert_int_equal(row.epoch, i + 2);
        assert_false(recovered);
        assert_int_equal(found(s, "x").status, statuses[i]);
    }
    move(other, &row, EXECUTION_RUNNING, true);
    assert_true(found(s, "x").interrupted);
    row = take_one(s, "x");
    assert_true(recovered);

    /* A suspended one of an owner that died is no interrupted one, but may be taken. */
    move(s, &row, EXECUTION_SUSPENDED, false);
    suite_kill(found(s, "x").owner);
    assert_false(found(other, "x").interrupted);
    take_one(other, "x");
    assert_false(recovered);
    close_store(s);
    close_store(other);
}

static void hidden_owners_are_left_alone(void **state) {
    (void)state;
    store *other = open_store(), *s = open_store();
    make(other, "x", EXECUTION_RUNNING);
    suite_hide(found(s, "x").owner);
    store_execution x = found(s, "x");
    assert_true(x.owner_hidden && !x.interrupted && !x.mine);
    take_fails(s, (store_claim){.id = "x"}, BATON_ERROR_NOT_ALLOWED, "--take-over");
    takes(s, (store_claim){.interrupted = true, .attended_too = true}, "");
    lists(s, (store_filter){.status = "interrupted"}, "");
    lists(s, (store_filter){.status = "running"}, "x");
    takes(s, (store_claim){.id = "x", .take_over = true}, "x");
    make(other, "y", EXECUTION_RUNNING);
    takes(s, (store_claim){.interrupted = true, .take_over = true}, "y");
    close_store(s);
    close_store(other);
}

static void what_was_interrupted_is_taken_up(void **state) {
    (void)state;
    store *dead = open_store(), *person = open_as("run"), *alive = open_store(), *s = open_store();
    make(dead, "d-pending", EXECUTION_PENDING);
    make(dead, "d-running", EXECUTION_RUNNING);
    make(dead, "d-waiting", EXECUTION_WAITING);
    make(dead, "d-suspended", EXECUTION_SUSPENDED);
    store_row simple = {0};
    const store_creation c = creation("d-simple"); /* its steps were not journaled */
    const store_change change = {
        .row = &simple, .creation = &c, .moved = true, .status = EXECUTION_RUNNING, .wake_ns = NO_TIMER};
    commit(dead, &change, 1);
    make(dead, "d-ended", EXECUTION_COMPLETED);
    make(person, "p-running", EXECUTION_RUNNING);
    make(alive, "a-running", EXECUTION_RUNNING);
    make(s, "s-running", EXECUTION_RUNNING);
    takes(s, (store_claim){.interrupted = true, .attended_too = true}, "");
    suite_kill(found(s, "d-running").owner);
    suite_kill(found(s, "p-running").owner);
    lists(s, (store_filter){.status = "interrupted"}, "p-running d-simple d-waiting d-running d-pending");
    lists(s, (store_filter){.status = "running"}, "s-running a-running");
    lists(s, (store_filter){.status = "waiting"}, "");
    lists(s, (store_filter){.status = "pending"}, "");
    lists(s, (store_filter){.status = "suspended"}, "d-suspended");
    takes(s, (store_claim){.ready = true, .now_ns = T0 + SECOND}, "");
    takes(s, (store_claim){.interrupted = true, .limit = 2}, "d-pending d-running");
    takes(s, (store_claim){.interrupted = true}, "d-waiting");
    takes(s, (store_claim){.interrupted = true}, "");
    takes(s, (store_claim){.interrupted = true, .attended_too = true}, "p-running");
    takes(s, (store_claim){.id = "d-simple"}, "d-simple");
    close_store(dead);
    close_store(person);
    close_store(alive);
    close_store(s);
}

/* What a handle still owns when it closes belongs to nobody. */
static void closing_gives_everything_back(void **state) {
    (void)state;
    store *s = open_store(), *t = open_store();
    make(s, "pending", EXECUTION_PENDING);
    make(s, "running", EXECUTION_RUNNING);
    make(s, "suspended", EXECUTION_SUSPENDED);
    make(t, "other", EXECUTION_RUNNING);
    assert_int_equal(statistics(t).owners, 2);
    close_store(s);
    assert_int_equal(statistics(t).owners, 1);
    assert_int_equal(found(t, "running").owner, 0);
    assert_true(found(t, "running").interrupted);
    assert_false(found(t, "pending").interrupted);
    assert_false(found(t, "suspended").interrupted);
    lists(t, (store_filter){.status = "interrupted"}, "running");
    lists(t, (store_filter){.status = "running"}, "other");
    takes(t, (store_claim){.interrupted = true}, "running");
    takes(t, (store_claim){.ready = true, .now_ns = INT64_MAX - 1}, "pending");
    close_store(t);
}

/* What a person began waits for a person, however its owner went. */
static void what_a_person_left_waits_for_a_person(void **state) {
    (void)state;
    const store_claim worker = {.interrupted = true, .ready = true, .now_ns = INT64_MAX - 1};
    store_claim person = worker;
    person.attended_too = true;
    store *run = open_as("run"), *s = open_store();
    static const execution_status statuses[] = {EXECUTION_PENDING, EXECUTION_RUNNING, EXECUTION_WAITING};
    static const char *const ids[] = {"pending", "running", "waiting"};
    for (int i = 0; i < 3; i++) {
        store_row row = {0};
        const store_creation c = creation(ids[i]);
        const store_change change = {.row = &row,
                                     .creation = &c,
                                     .moved = true,
                                     .status = statuses[i],
                                     .wake_ns = i == 2 ? T0 : NO_TIMER,
                                     .cursor = CURSOR};
        commit(run, &change, 1);
    }
    make(run, "suspended", EXECUTION_SUSPENDED);
    make(run, "ended", EXECUTION_COMPLETED);
    make_unowned(run, "submitted", 1, NO_TIMER);
    assert_true(found(s, "running").attended);
    assert_false(found(s, "submitted").attended);
    close_store(run);
    lists(s, (store_filter){.status = "interrupted"}, "waiting running pending");
    lists(s, (store_filter){.status = "interrupted", .limit = 1, .before = "waiting"}, "running");
    lists(s, (store_filter){.status = "waiting"}, "");
    lists(s, (store_filter){.status = "pending"}, "submitted");
    store_statistics f = statistics(s);
    assert_true(f.interrupted == 3 && f.due == 1 && f.pending == 1 && !f.waiting && !f.running);
    for (int i = 0; i < 3; i++) assert_true(found(s, ids[i]).interrupted);
    assert_true(found(s, "waiting").attended && !found(s, "waiting").owner);
    assert_false(found(s, "suspended").interrupted);
    due_at(s, T0);
    takes(s, worker, "submitted");
    due_at(s, INT64_MAX); /* nothing to wake for */
    takes(s, worker, "");

    /* Nor when it died with them. */
    run = open_as("run");
    takes(run, person, "running pending waiting");
    suite_kill(found(s, "waiting").owner);
    takes(s, worker, "");
    takes(s, (store_claim){.id = "waiting"}, "waiting"); /* by its name anybody may */
    assert_false(found(s, "waiting").attended);
    takes(s, person, "pending running");
    /* From now on they are a worker's. */
    close_store(s);
    s = open_store();
    takes(s, worker, "running waiting pending submitted");
    close_store(run);
    close_store(s);
}

static void what_is_ready_is_taken_up_in_order(void **state) {
    (void)state;
    store *s = open_store();
    make_unowned(s, "normal", 1, NO_TIMER);
    make_unowned(s, "high", 6, NO_TIMER);
    make_unowned(s, "low", 0, NO_TIMER);
    make_unowned(s, "normal-2", 1, NO_TIMER);
    make_unowned(s, "late", 1, T0 + 9 * SECOND);
    make_unowned(s, "due", 0, T0 + 3 * SECOND);
    make_unowned(s, "due-first", 0, T0 + 2 * SECOND);
    make(s, "mine", EXECUTION_PENDING);
    store_row later = {0};
    store_creation c = creation("not-yet");
    c.unowned = true;
    c.priority = 100;
    const store_change change = {.row = &later,
                                 .creation = &c,
                                 .moved = true,
                                 .status = EXECUTION_PENDING,
                                 .wake_ns = T0 + 7 * SECOND};
    commit(s, &change, 1);
    assert_int_equal(later.epoch, 0);

    takes(s, (store_claim){.interrupted = true}, "");
    takes(s, (store_claim){.ready = true, .now_ns = T0 - SECOND}, "");
    takes(s, (store_claim){.ready = true, .now_ns = T0, .limit = 1}, "high");
    takes(s, (store_claim){.ready = true, .now_ns = T0 + 3 * SECOND, .limit = 4},
          "due-first due normal normal-2");
    takes(s, (store_claim){.ready = true, .now_ns = T0 + 3 * SECOND}, "low");
    takes(s, (store_claim){.ready = true, .now_ns = T0 + 7 * SECOND}, "not-yet");
    takes(s, (store_claim){.ready = true, .now_ns = T0 + 9 * SECOND}, "late");
    assert_int_equal(found(s, "late").taken_up, 0);
    assert_int_equal(found(s, "high").row.epoch, 1);
    close_store(s);
}

/* Workflows in C run only where the program has them. */
static void what_is_built_needs_its_program(void **state) {
    (void)state;
    store *s = open_store();
    store_row rows[2] = {{0}};
    store_creation c[2] = {creation("built"), creation("file")};
    c[0].workflow.built = c[0].unowned = c[1].unowned = true;
    c[0].workflow.digest = UINT64_MAX - 5;
    const store_change changes[] = {{.row = &rows[0], .creation = &c[0]},
                                    {.row = &rows[1], .creation = &c[1]}};
    commit(s, changes, 2);
    static const uint64_t wrong[] = {1, 2}, right[] = {1, UINT64_MAX - 5};
    const store_claim claim = {.ready = true, .now_ns = INT64_MAX - 1, .limit = 1};
    takes(s, claim, "file");
    takes(s, claim, "");
    store_claim with = claim;
    with.digests = right;
    with.digest_count = 2;
    takes(s, with, "");
    with.built = true;
    with.digests = wrong;
    takes(s, with, "");
    with.digests = right;
    takes(s, with, "built");
    close_store(s);
}

static void the_next_due_one_is_known(void **state) {
    (void)state;
    store *s = open_store();
    due_at(s, INT64_MAX);
    make_unowned(s, "late", 1, T0 + 9 * SECOND);
    due_at(s, T0 + 9 * SECOND);
    make_unowned(s, "soon", 1, T0 + 5 * SECOND);
    due_at(s, T0 + 5 * SECOND);
    make_unowned(s, "ready", 1, NO_TIMER);
    due_at(s, T0);
    take_one(s, "ready");
    take_one(s, "soon");
    due_at(s, T0 + 9 * SECOND);
    store_row row = take_one(s, "late");
    due_at(s, INT64_MAX);
    /* Given back, to be woken later. */
    const store_change change = {.row = &row,
                                 .moved = true,
                                 .status = EXECUTION_WAITING,
                                 .wake_ns = T0 + 11 * SECOND,
                                 .release = true};
    commit(s, &change, 1);
    due_at(s, T0 + 11 * SECOND);
    /* What is suspended has no timer that counts. */
    row = take_one(s, "late");
    const store_change suspend = {
        .row = &row, .moved = true, .status = EXECUTION_SUSPENDED, .wake_ns = T0, .release = true};
    commit(s, &suspend, 1);
    due_at(s, INT64_MAX);
    takes(s, (store_claim){.ready = true, .now_ns = INT64_MAX - 1}, "");
    close_store(s);
}

static void changes_are_noticed(void **state) {
    (void)state;
    store *s = open_store(), *t = open_store();
    assert_true(s->type->has_changed(s));
    assert_false(s->type->has_changed(s));
    make(t, "x", EXECUTION_RUNNING);
    assert_true(s->type->has_changed(s));
    assert_false(s->type->has_changed(s));
    found(s, "x");
    assert_false(s->type->has_changed(s));
    baton_error *err = NULL;
    succeeds(s->type->ask(s, "x", "cancel", &err), err);
    t->type->has_changed(t);
    assert_false(t->type->has_changed(t));
    writes_tasks(s, &(store_task){.id = "a", .project_id = "p", .title = "A", .status = "pending"}, 1);
    assert_true(t->type->has_changed(t));
    close_store(t);
    close_store(s);
}

static int note_request(void *data, const store_execution *x, baton_error **err) {
    assert_true(x->mine);
    buffer_printf(data, "%s ", x->request);
    return note_id(data, x, err);
}

static void is_asked(store *s, const char *expected) {
    buffer text = {0};
    baton_error *err = NULL;
    succeeds(s->type->asked(s, note_request, &text, &err), err);
    assert_string_equal(buffer_text(&text), expected);
    buffer_done(&text);
}

static void owners_are_asked_once(void **state) {
    (void)state;
    store *owner = open_store(), *s = open_store();
    store_row row = make(owner, "x", EXECUTION_RUNNING);
    make(owner, "y", EXECUTION_RUNNING);
    is_asked(owner, "");
    baton_error *err = NULL;
    succeeds(s->type->ask(s, "x", "suspend", &err), err);
    succeeds(s->type->ask(s, "x", "cancel", &err), err); /* the last one counts */
    assert_string_equal(found(s, "x").request, "cancel");
    is_asked(s, "");
    is_asked(owner, "cancel  x");
    is_asked(owner, "");
    assert_null(found(s, "x").request);

    succeeds(s->type->ask(s, "y", "suspend", &err), err);
    move(owner, &row, EXECUTION_COMPLETED, true);
    is_asked(owner, "suspend  y");
    int result = s->type->ask(s, "x", "cancel", &err);
    fails_with(result, &err, BATON_ERROR_CONFLICT, "'x' has ended");
    result = s->type->ask(s, "z", "cancel", &err);
    fails_with(result, &err, BATON_ERROR_NOT_FOUND, "'z'");
    /* What is asked of an execution that ends meanwhile is void. */
    succeeds(s->type->ask(s, "y", "cancel", &err), err);
    row = (store_row){.key = found(s, "y").row.key, .epoch = 1};
    move(owner, &row, EXECUTION_COMPLETED, true);
    assert_null(found(s, "y").request);
    is_asked(owner, "");
    close_store(s);
    close_store(owner);
}

/* ---- Dependencies ---- */

static store_row depends(store *s, const char *id, bool unowned, const char *const *on, size_t count) {
    store_row row = {0};
    store_creation c = creation(id);
    c.unowned = unowned;
    c.dependencies = on;
    c.dependency_count = count;
    const store_change change = {
        .row = &row, .creation = &c, .moved = true, .status = EXECUTION_PENDING, .wake_ns = T0};
    commit(s, &change, 1);
    return row;
}

static void dependencies_are_waited_for(void **state) {
    (void)state;
    store *s = open_store();
    const store_claim ready = {.ready = true, .now_ns = INT64_MAX - 1};
    store_row a = make(s, "a", EXECUTION_RUNNING), b = make(s, "b", EXECUTION_RUNNING);
    store_row c = make(s, "c", EXECUTION_RUNNING);
    make(s, "ended", EXECUTION_FAULTED);
    depends(s, "on-none", true, (const char *const[]){"ended", "unknown"}, 2);
    takes(s, ready, "on-none");
    depends(s, "on-a", true, (const char *const[]){"a", "a", "unknown"}, 3);
    depends(s, "on-a-b", true, (const char *const[]){"a", "b", "ended"}, 3);
    depends(s, "on-c", true, (const char *const[]){"c"}, 1);
    due_at(s, INT64_MAX);
    assert_true(found(s, "on-a").wake_ns == NO_TIMER);
    move(s, &a, EXECUTION_COMPLETED, true);
    takes(s, ready, "on-a");
    move(s, &b, EXECUTION_FAULTED, true);
    takes(s, ready, "on-a-b");
    /* One that ends while it still waits for another. */
    store_row on_c = take_one(s, "on-c");
    move(s, &on_c, EXECUTION_CANCELLED, true);
    move(s, &c, EXECUTION_CANCELLED, true);
    takes(s, ready, "");
    due_at(s, INT64_MAX);
    close_store(s);
}

static void dependencies_of_one_commit(void **state) {
    (void)state;
    store *s = open_store();
    store_row rows[4] = {{0}};
    store_creation c[4] = {creation("last"), creation("middle"), creation("first"), creation("brief")};
    c[0].dependencies = (const char *const[]){"middle", "brief"};
    c[0].dependency_count = 2;
    c[1].dependencies = (const char *const[]){"first", "brief"};
    c[1].dependency_count = 2;
    for (int i = 0; i < 3; i++) c[i].unowned = true;
    store_change changes[5] = {{0}};
    for (int i = 0; i < 4; i++)
        changes[i] = (store_change){.row = &rows[i],
                                    .creation = &c[i],
                                    .moved = true,
                                    .status = EXECUTION_PENDING,
                                    .wake_ns = NO_TIMER};
    changes[4] = (store_change){
        .row = &rows[3], .moved = true, .status = EXECUTION_COMPLETED, .ended_ns = T0, .wake_ns = NO_TIMER};
    commit(s, changes, 5);
    const store_claim ready = {.ready = true, .now_ns = INT64_MAX - 1};
    static const char *const order[] = {"first", "middle", "last"};
    for (int i = 0; i < 3; i++) {
        buffer ids = {0};
        baton_error *err = NULL;
        store_row row = {0};
        succeeds(s->type->take_up(s, &ready, keep_row, &row, &err), err);
        assert_int_equal(row.key, found(s, order[i]).row.key);
        move(s, &row, EXECUTION_COMPLETED, true);
        buffer_done(&ids);
    }
    takes(s, ready, "");
    close_store(s);
}

/* Given back before its turn, it goes on waiting; so does what a handle leaves behind. */
static void dependencies_outlive_their_owner(void **state) {
    (void)state;
    store *s = open_store(), *t = open_store();
    const store_claim ready = {.ready = true, .now_ns = INT64_MAX - 1};
    store_row a = make(s, "a", EXECUTION_RUNNING);
    store_row released = depends(t, "released", false, (const char *const[]){"a"}, 1);
    depends(t, "left", false, (const char *const[]){"a"}, 1);
    depends(s, "kept", false, (const char *const[]){"a"}, 1);
    move(t, &released, EXECUTION_PENDING, true);
    takes(s, ready, "");
    close_store(t);
    takes(s, ready, "");
    move(s, &a, EXECUTION_COMPLETED, true);
    takes(s, ready, "released left");
    assert_true(found(s, "kept").mine);
    close_store(s);
    /* Its dependency has ended meanwhile. */
    s = open_store();
    takes(s, ready, "released left kept");
    close_store(s);
}

/* ---- Lists, figures, pruning, copies ---- */

static void make_listed(store *s, const char *id, const char *name, execution_status status, int second) {
    store_row row = {0};
    store_creation c = creation(id);
    c.workflow.name = name;
    c.workflow.version = second % 2 ? "1.0.0" : "2.0.0";
    c.workflow.digest = (uint64_t)(name[0] * 2 + second % 2);
    c.created_ns = T0 + second * SECOND;
    const store_change change = {.row = &row,
                                 .creation = &c,
                                 .moved = true,
                                 .status = status,
                                 .ended_ns = status >= EXECUTION_COMPLETED ? T0 + 60 * SECOND : 0,
                                 .wake_ns = NO_TIMER,
                                 .cursor = CURSOR};
    commit(s, &change, 1);
}

static void lists_are_filtered(void **state) {
    (void)state;
    store *s = open_store();
    lists(s, (store_filter){0}, "");
    make_listed(s, "e1", "order", EXECUTION_COMPLETED, 1);
    make_listed(s, "e2", "order", EXECUTION_WAITING, 2);
    make_listed(s, "e3", "ship", EXECUTION_WAITING, 3);
    make_listed(s, "e4", "order", EXECUTION_COMPLETED, 4);
    make_listed(s, "e5", "ship", EXECUTION_FAULTED, 5);
    make_listed(s, "e6", "order", EXECUTION_WAITING, 6);
    lists(s, (store_filter){0}, "e6 e5 e4 e3 e2 e1");
    lists(s, (store_filter){.limit = 2}, "e6 e5");
    lists(s, (store_filter){.limit = 2, .before = "e5"}, "e4 e3");
    lists(s, (store_filter){.limit = 9, .before = "e2"}, "e1");
    lists(s, (store_filter){.before = "e1"}, "");
    lists(s, (store_filter){.status = "waiting"}, "e6 e3 e2");
    lists(s, (store_filter){.status = "waiting", .limit = 1, .before = "e6"}, "e3");
    lists(s, (store_filter){.status = "completed"}, "e4 e1");
    lists(s, (store_filter){.status = "cancelled"}, "");
    lists(s, (store_filter){.status = "interrupted"}, "");
    lists(s, (store_filter){.workflow = "order"}, "e6 e4 e2 e1");
    lists(s, (store_filter){.workflow = "order", .limit = 3}, "e6 e4 e2");
    lists(s, (store_filter){.workflow = "order", .limit = 2, .before = "e4"}, "e2 e1");
    lists(s, (store_filter){.workflow = "order", .status = "waiting"}, "e6 e2");
    lists(s, (store_filter){.workflow = "nothing"}, "");
    lists(s, (store_filter){.since_ns = T0 + 3 * SECOND, .until_ns = T0 + 5 * SECOND}, "e4 e3");
    lists(s, (store_filter){.since_ns = T0 + 3 * SECOND, .workflow = "ship"}, "e5 e3");
    lists(s, (store_filter){.until_ns = T0 + 3 * SECOND, .status = "waiting"}, "e2");
    suite_kill(found(s, "e2").owner); /* its own executions are not interrupted in its own eyes */
    store *t = open_store();
    lists(t, (store_filter){.status = "interrupted"}, "e6 e3 e2");
    lists(t, (store_filter){.status = "interrupted", .limit = 1, .before = "e6"}, "e3");
    baton_error *err = NULL;
    succeeds(t->type->ask(t, "e3", "cancel", &err), err);
    lists(t, (store_filter){.status = "interrupted", .limit = 2}, "e6 e3");
    lists(t, (store_filter){.status = "interrupted", .workflow = "order"}, "e6 e2");
    lists(t, (store_filter){.status = "interrupted", .workflow = "order", .until_ns = T0 + 3 * SECOND},
          "e2");
    int result = t->type->list(t, &(store_filter){.before = "e9"}, note_id, NULL, &err);
    fails_with(result, &err, BATON_ERROR_NOT_FOUND, "'e9'");
    close_store(t);
    close_store(s);
}

typedef struct stopper {
    store *s;
    int after, answer, seen;
} stopper;

/* A walk may be ended, and other questions asked meanwhile. */
static int stop_walk(void *data, const store_execution *x, baton_error **err) {
    stopper *stop = data;
    assert_int_equal(found(stop->s, "e1").status, EXECUTION_RUNNING);
    store_workflow w;
    succeeds(stop->s->type->read_workflow(stop->s, x->workflow, &w, err), *err);
    journal_is(stop->s, x->id, 0, "");
    assert_string_equal(x->name, "order");
    if (++stop->seen < stop->after) return 0;
    if (stop->answer < 0) baton_error_set(err, BATON_ERROR_STEP, "enough");
    return stop->answer;
}

static void walks_can_be_ended(void **state) {
    (void)state;
    store *s = open_store();
    make(s, "e1", EXECUTION_RUNNING);
    make(s, "e2", EXECUTION_RUNNING);
    make(s, "e3", EXECUTION_RUNNING);
    baton_error *err = NULL;
    stopper stop = {.s = s, .after = 2, .answer = 1};
    succeeds(s->type->list(s, &(store_filter){0}, stop_walk, &stop, &err), err);
    assert_int_equal(stop.seen, 2);
    stop = (stopper){.s = s, .after = 3, .answer = -1};
    int result = s->type->list(s, &(store_filter){0}, stop_walk, &stop, &err);
    fails_with(result, &err, BATON_ERROR_STEP, "enough");
    close_store(s);
}

static void figures_are_told(void **state) {
    (void)state;
    store *s = open_store(), *dead = open_store();
    store_statistics f = statistics(s);
    assert_true(!f.pending && !f.completed && !f.records && !f.workflows && !f.owners && !f.due);
    assert_true(f.oldest_ns == 0 && f.average_duration_ms == 0 && f.bytes > 0);
    make(s, "completed", EXECUTION_COMPLETED);
    make(s, "faulted", EXECUTION_FAULTED);
    make(s, "cancelled", EXECUTION_CANCELLED);
    make(s, "suspended", EXECUTION_SUSPENDED);
    make(s, "running", EXECUTION_RUNNING);
    make(s, "waiting", EXECUTION_WAITING);
    make(dead, "dead", EXECUTION_RUNNING);
    make(dead, "dead-2", EXECUTION_WAITING);
    suite_kill(found(s, "dead").owner);
    store_row rows[2] = {{0}};
    store_creation c[2] = {creation("pending"), creation("pending-2")};
    c[0].priority = 4;
    c[1].created_ns = T0 + 5 * SECOND;
    c[1].unowned = true;
    const store_record r = {.kind = RECORD_STARTED, .number = 1, .time_ns = T0};
    const store_change changes[] = {
        {.row = &rows[0], .creation = &c[0], .records = &r, .record_count = 1},
        {.row = &rows[1], .creation = &c[1], .moved = true, .status = EXECUTION_PENDING, .wake_ns = T0}};
    commit(s, changes, 2);
    make_unowned(s, "later", 1, T0 + 9 * SECOND);
    f = statistics(s);
    assert_int_equal(f.pending, 2);
    assert_int_equal(f.running, 1);
    assert_int_equal(f.interrupted, 2);
    assert_int_equal(f.waiting, 2);
    assert_int_equal(f.suspended, 1);
    assert_int_equal(f.completed, 1);
    assert_int_equal(f.faulted, 1);
    assert_int_equal(f.cancelled, 1);
    assert_int_equal(f.due, 1);
    assert_true(f.oldest_ns == T0 && f.newest_ns == T0 + 5 * SECOND);
    assert_true(f.average_priority == 2.5);
    assert_true(f.average_duration_ms == 1000);
    assert_int_equal(f.records, 1);
    assert_int_equal(f.workflows, 1);
    assert_int_equal(f.owners, 2);
    close_store(dead);
    close_store(s);
}

static void make_old(store *s, const char *id, execution_status status, int second) {
    store_row row = {0};
    store_creation c = creation(id);
    c.created_ns = T0 + second * SECOND;
    c.workflow.digest = (uint64_t)second;
    const int64_t number = 1;
    char text[20000];
    memset(text, '1', sizeof text);
    const store_datum d = {.number = number, .text = {text, sizeof text}};
    const store_record r[] = {
        {.kind = RECORD_STARTED, .number = 1, .time_ns = T0, .data = {.number = number}},
        {.kind = RECORD_COMPLETED, .number = 2, .time_ns = T0}};
    const store_log log = {
        .reference = "/do/0/a", .stream = 1, .time_ns = T0, .bytes = {text, sizeof text}};
    const store_change change = {.row = &row,
                                 .creation = &c,
                                 .records = r,
                                 .record_count = 2,
                                 .data = &d,
                                 .datum_count = 1,
                                 .logs = &log,
                                 .log_count = 1,
                                 .moved = true,
                                 .status = status,
                                 .number = 2,
                                 .ended_ns = status >= EXECUTION_COMPLETED ? T0 + (second + 1) * SECOND : 0,
                                 .wake_ns = NO_TIMER};
    commit(s, &change, 1);
}

/* All pieces. */
static void prunes(store *s, int64_t before_ns, size_t expected) {
    size_t all = 0, pruned = 99;
    baton_error *err = NULL;
    for (bool more = true; more; all += pruned)
        succeeds(s->type->prune(s, before_ns, &pruned, &more, &err), err);
    assert_int_equal(all, expected);
}

static void what_ended_long_ago_is_pruned(void **state) {
    (void)state;
    store *s = open_store();
    prunes(s, INT64_MAX, 0);
    char id[16];
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "old-%d", i);
        make_old(s, id, (execution_status)(EXECUTION_COMPLETED + i % 3), i);
    }
    make_old(s, "running", EXECUTION_RUNNING, 1);
    make_old(s, "at-40", EXECUTION_COMPLETED, 39);
    make_old(s, "young", EXECUTION_COMPLETED, 100);
    uint64_t bytes = statistics(s).bytes;
    prunes(s, T0 + SECOND, 0); /* not what ended at that moment */
    prunes(s, T0 + 40 * SECOND, 39);
    lists(s, (store_filter){0}, "young at-40 running old-39");
    journal_is(s, "running", 0, "1:started 2:completed ");
    journal_is(s, "young", 0, "1:started 2:completed ");
    store_statistics f = statistics(s);
    assert_int_equal(f.workflows, 3);
    assert_true(f.bytes < bytes / 4);
    assert_int_equal(f.free_bytes, 0);
    prunes(s, T0 + 40 * SECOND, 0);
    /* What belongs to a workflow that was pruned and comes again. */
    make_old(s, "again", EXECUTION_COMPLETED, 2);
    assert_string_equal(found(s, "again").name, "order");
    prunes(s, INT64_MAX, 4);
    lists(s, (store_filter){0}, "running");
    prunes(s, INT64_MAX, 0);
    close_store(s);
}

/* Others have their turn between two pieces, and what is done in one is bounded. */
static void pruning_comes_in_pieces(void **state) {
    (void)state;
    enum { OLD = 2500, CHANGES = 500 };
    store *s = open_store(), *t = open_store();
    static store_row rows[CHANGES];
    static store_creation c[CHANGES];
    static store_change changes[CHANGES];
    static char ids[CHANGES][16];
    for (int at = 0; at < OLD; at += CHANGES) {
        memset(rows, 0, sizeof rows);
        for (int i = 0; i < CHANGES; i++) {
            snprintf(ids[i], sizeof ids[i], "%d", at + i);
            c[i] = creation(ids[i]);
            changes[i] = (store_change){.row = &rows[i],
                                        .creation = &c[i],
                                        .moved = true,
                                        .status = EXECUTION_COMPLETED,
                                        .ended_ns = T0 + (i % 2 ? SECOND : 9 * SECOND),
                                        .wake_ns = NO_TIMER};
        }
        commit(s, changes, CHANGES);
    }
    size_t all = 0, pruned, largest = 0, pieces = 0;
    baton_error *err = NULL;
    for (bool more = true; more; pieces++) {
        succeeds(s->type->prune(s, T0 + 5 * SECOND, &pruned, &more, &err), err);
        all += pruned;
        if (pruned > largest) largest = pruned;
        assert_int_equal(statistics(t).completed, OLD - all);
    }
    assert_int_equal(all, OLD / 2);
    assert_in_range(largest, 50, 600);
    assert_in_range(pieces, 3, 50);
    assert_int_equal(statistics(s).free_bytes, 0);
    close_store(t);
    close_store(s);
}

/* Who has not begun still looks at what it depends on. */
static void what_is_depended_on_is_not_pruned(void **state) {
    (void)state;
    store *s = open_store();
    const store_claim ready = {.ready = true, .now_ns = INT64_MAX - 1};
    store_row a = make(s, "a", EXECUTION_RUNNING);
    make(s, "ended", EXECUTION_FAULTED);
    make(s, "free", EXECUTION_COMPLETED);
    store_row mine = depends(s, "mine", false, (const char *const[]){"a", "ended"}, 2);
    depends(s, "on-a", true, (const char *const[]){"a"}, 1);
    depends(s, "on-ended", true, (const char *const[]){"ended"}, 1);
    move(s, &a, EXECUTION_COMPLETED, true);
    prunes(s, INT64_MAX, 1);
    lists(s, (store_filter){0}, "on-ended on-a mine ended a");
    takes(s, ready, "on-a on-ended");
    prunes(s, INT64_MAX, 0); /* taken up, but not begun */
    store_row on_a = {.key = found(s, "on-a").row.key, .epoch = 1};
    move(s, &on_a, EXECUTION_RUNNING, false);
    prunes(s, INT64_MAX, 0); /* `mine` has not begun */
    move(s, &mine, EXECUTION_RUNNING, false);
    prunes(s, INT64_MAX, 1);
    lists(s, (store_filter){0}, "on-ended on-a mine ended");
    store_row on_ended = {.key = found(s, "on-ended").row.key, .epoch = 1};
    move(s, &on_ended, EXECUTION_CANCELLED, false);
    prunes(s, INT64_MAX, 2);
    lists(s, (store_filter){0}, "on-a mine");
    close_store(s);
}

static void a_copy_is_a_store(void **state) {
    (void)state;
    store *s = open_store();
    make_old(s, "ended", EXECUTION_COMPLETED, 1);
    store_row row = make(s, "running", EXECUTION_RUNNING);
    make(s, "pending", EXECUTION_PENDING);
    char path[256];
    suite_backup_path(path);
    baton_error *err = NULL;
    succeeds(s->type->backup(s, path, &err), err);
    int result = s->type->backup(s, path, &err);
    fails_with(result, &err, BATON_ERROR_CONFLICT, path);
    move(s, &row, EXECUTION_COMPLETED, true);
    result = s->type->backup(s, "/nowhere/at/all", &err);
    fails_with(result, &err, BATON_ERROR_STORE, "/nowhere/at/all");

    store *copy = store_open(path, NULL, &err);
    assert_non_null(copy);
    journal_is(copy, "ended", 0, "1:started 2:completed ");
    store_execution x = found(copy, "running");
    assert_true(x.status == EXECUTION_RUNNING && x.interrupted && !x.owner);
    assert_int_equal(statistics(copy).owners, 0);
    take_one(copy, "running");
    takes(copy, (store_claim){.ready = true, .now_ns = INT64_MAX - 1}, "pending");
    close_store(copy);
    close_store(s);
}

/* ---- Tasks ---- */

static store_task task(const char *id, const char *path) {
    return (store_task){.id = id,
                        .project_id = "pidea",
                        .title = "Core",
                        .status = "pending",
                        .source_type = "markdown_doc",
                        .source_path = path,
                        .source_content = "# Core\n",
                        .metadata = "{\"phases\":3}",
                        .estimated_hours = 20,
                        .imported_ns = T0,
                        .updated_ns = T0};
}

static void task_write_fails(store *s, const store_task *tasks, size_t count, baton_error_code code,
                             const char *text) {
    baton_error *err = NULL;
    int result = s->type->write_tasks(s, tasks, count, &err);
    fails_with(result, &err, code, text);
    assert_int_equal(s->type->write_tasks(s, tasks, count, NULL), -1);
}

/* "a:1 b:2": ids and versions. */
static int note_task(void *data, const store_task *t, baton_error **err) {
    (void)err;
    buffer *b = data;
    buffer_printf(b, "%s%s:%d", b->size ? " " : "", t->id, (int)t->version);
    return 0;
}

static void tasks_are(store *s, store_task_filter filter, const char *expected) {
    buffer notes = {0};
    baton_error *err = NULL;
    succeeds(s->type->read_tasks(s, &filter, note_task, &notes, &err), err);
    assert_string_equal(buffer_text(&notes), expected);
    buffer_done(&notes);
}

/* "text>depends_on+ ..." with + for what is satisfied. */
static int note_dependencies(void *data, const store_task *t, baton_error **err) {
    (void)err;
    for (size_t i = 0; i < t->dependency_count; i++)
        buffer_printf(data, "%s>%s%s ", t->dependencies[i].text,
                      t->dependencies[i].depends_on ? t->dependencies[i].depends_on : "",
                      t->dependencies[i].satisfied ? "+" : "");
    return 0;
}

static void dependencies_are(store *s, const char *id, const char *expected) {
    buffer notes = {0};
    baton_error *err = NULL;
    const store_task_filter f = {.id = id, .dependencies = true};
    succeeds(s->type->read_tasks(s, &f, note_dependencies, &notes, &err), err);
    assert_string_equal(buffer_text(&notes), expected);
    buffer_done(&notes);
}

static void same_text(const char *a, const char *b) {
    if (a && b)
        assert_string_equal(a, b);
    else
        assert_ptr_equal(a, b);
}

/* The tasks that a walk should give, one after the other. */
typedef struct expectation {
    const store_task *next;
    int64_t position, version;
} expectation;

static int compare_task(void *data, const store_task *t, baton_error **err) {
    (void)err;
    expectation *e = data;
    const store_task *x = e->next++;
    same_text(t->id, x->id);
    same_text(t->project_id, x->project_id);
    same_text(t->title, x->title);
    same_text(t->description, x->source_content);
    same_text(t->type, x->type);
    same_text(t->category, x->category);
    same_text(t->priority, x->priority);
    same_text(t->status, x->status);
    same_text(t->source_type, x->source_type);
    same_text(t->source_path, x->source_path);
    same_text(t->source_content, x->source_content);
    same_text(t->metadata, x->metadata);
    assert_true(t->estimated_hours == x->estimated_hours);
    assert_true(t->position == e->position++);
    assert_true(t->version == e->version);
    assert_true(t->digest == x->digest);
    assert_true(t->imported_ns == x->imported_ns && t->updated_ns == x->updated_ns);
    same_text(t->execution, x->execution);
    same_text(t->state, x->state);
    assert_int_equal(t->dependency_count, x->dependency_count);
    return 0;
}

static void tasks_equal(store *s, store_task_filter filter, const store_task *expected, size_t count,
                        int64_t version) {
    baton_error *err = NULL;
    expectation e = {.next = expected, .position = 1, .version = version};
    succeeds(s->type->read_tasks(s, &filter, compare_task, &e, &err), err);
    assert_int_equal(e.next - expected, count);
}

static void tasks_keep_all_they_say(void **state) {
    (void)state;
    store *s = open_store();
    char document[50001];
    memset(document, 'd', sizeof document - 1);
    document[sizeof document - 1] = '\0';
    const store_task_dependency needs[] = {
        {.text = "Foundation 1A", .depends_on = "t2"}, {.text = "ops", .satisfied = true}, {.text = "1B"}};
    store_task tasks[] = {{.id = "t1",
                           .project_id = "pidea-backend",
                           .title = "Core: 'Engine' \xf0\x9f\x9a\x80",
                           .description = document,
                           .type = "feature",
                           .category = "backend",
                           .priority = "high",
                           .status = "pending",
                           .source_type = "markdown_doc",
                           .source_path = "docs/core.md",
                           .source_content = document,
                           .metadata = "{\"a\":1}",
                           .estimated_hours = 2.25,
                           .digest = UINT64_C(0xfedcba9876543210),
                           .imported_ns = T0,
                           .updated_ns = T0 + SECOND,
                           .execution = "exec_1",
                           .state = "{\"attempts\":1}",
                           .dependencies = needs,
                           .dependency_count = 3},
                          {.id = "t2", .project_id = "", .title = "", .status = "", .estimated_hours = -1}};
    writes_tasks(s, NULL, 0);
    writes_tasks(s, tasks, 2);
    close_store(s);
    s = open_store();
    tasks_equal(s, (store_task_filter){.content = true, .metadata = true, .dependencies = true}, tasks, 2,
                1);
    dependencies_are(s, "t1", "Foundation 1A>t2 ops>+ 1B> ");
    dependencies_are(s, "t2", "");
    /* What is large or elsewhere only comes when it is asked for. */
    store_task little[] = {tasks[0], tasks[1]};
    little[0].metadata = little[0].source_content = NULL;
    little[0].dependency_count = 0;
    tasks_equal(s, (store_task_filter){0}, little, 2, 1);
    little[0].metadata = tasks[0].metadata;
    tasks_equal(s, (store_task_filter){.metadata = true}, little, 2, 1);
    close_store(s);
}

static void tasks_are_written_as_they_were_read(void **state) {
    (void)state;
    store *s = open_store();
    const store_task_dependency needs[] = {{.text = "B", .depends_on = "b"}, {.text = "C"}};
    store_task t = task("a", "a.md");
    t.type = "feature";
    t.execution = "exec_1";
    t.dependencies = needs;
    t.dependency_count = 2;
    writes_tasks(s, &t, 1);
    writes_tasks(s, &(store_task){.id = "b", .project_id = "p", .title = "B", .status = "pending"}, 1);

    /* What was not read stays, all else is as it is said now. The position stays its own. */
    store_task changed = {.id = "a",
                          .project_id = "other",
                          .title = "New",
                          .status = "running",
                          .estimated_hours = -1,
                          .version = 1,
                          .position = 7,
                          .updated_ns = T0 + SECOND};
    writes_tasks(s, &changed, 1);
    store_task expected = changed;
    expected.source_content = "# Core\n";
    expected.metadata = "{\"phases\":3}";
    expected.dependency_count = 2;
    const store_task_filter all = {.id = "a", .content = true, .metadata = true, .dependencies = true};
    tasks_equal(s, all, &expected, 1, 2);
    dependencies_are(s, "a", "B>b C> ");

    changed.version = 2;
    changed.source_content = expected.source_content = "# New\n";
    changed.metadata = expected.metadata = "{}";
    changed.dependencies = needs + 1;
    changed.dependency_count = expected.dependency_count = 1;
    writes_tasks(s, &changed, 1);
    tasks_equal(s, all, &expected, 1, 3);
    dependencies_are(s, "a", "C> ");
    /* The same again is a write, too. */
    changed.version = 3;
    changed.state = expected.state = "{\"attempts\":1}";
    changed.dependency_count = expected.dependency_count = 0;
    writes_tasks(s, &changed, 1);
    tasks_equal(s, all, &expected, 1, 4);
    dependencies_are(s, "a", "");
    /* From nothing to something, and one after the other in one call. */
    store_task twice[] = {changed, changed};
    twice[0].version = 4;
    twice[1].version = 5;
    twice[1].estimated_hours = expected.estimated_hours = 0;
    writes_tasks(s, twice, 2);
    tasks_equal(s, all, &expected, 1, 6);
    tasks_are(s, (store_task_filter){0}, "a:6 b:1");
    close_store(s);
}

static void each_column_is_changed_alone(void **state) {
    (void)state;
    store *s = open_store();
    store_task t = task("a", "a.md");
    const char **const columns[] = {&t.project_id,     &t.title,    &t.type,        &t.category,
                                    &t.priority,       &t.status,   &t.source_type, &t.source_path,
                                    &t.source_content, &t.metadata, &t.execution,   &t.state};
    const store_task_filter all = {.content = true, .metadata = true};
    writes_tasks(s, &t, 1);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        *columns[i] = "other";
        t.version++;
        writes_tasks(s, &t, 1);
        tasks_equal(s, all, &t, 1, t.version + 1);
    }
    t.estimated_hours = -1;
    t.version++;
    writes_tasks(s, &t, 1);
    tasks_equal(s, all, &t, 1, t.version + 1);
    close_store(s);
}

static void tasks_that_others_changed_are_not_written(void **state) {
    (void)state;
    store *s = open_store(), *t = open_store();
    store_task tasks[] = {task("a", "a.md"), task("b", "b.md"), task("c", "c.md")};
    writes_tasks(s, tasks, 2);
    tasks[1].version = 1;
    writes_tasks(t, &tasks[1], 1);

    /* Nothing of the call is written, and the store goes on: again, with other things, and in the end. */
    tasks[0].version = 1;
    tasks[0].title = "never";
    const store_task_dependency need = {.text = "never"};
    tasks[0].dependencies = &need;
    tasks[0].dependency_count = 1;
    const store_task mixed[] = {tasks[0], tasks[2], tasks[1]};
    task_write_fails(s, mixed, 3, BATON_ERROR_CONFLICT, "task b was changed by somebody else meanwhile");
    tasks_are(s, (store_task_filter){0}, "a:1 b:2");
    dependencies_are(s, "a", "");
    make(s, "x", EXECUTION_RUNNING);
    task_write_fails(s, &tasks[1], 1, BATON_ERROR_CONFLICT, "task b was changed");
    tasks[1].version = 2;
    writes_tasks(s, &tasks[1], 1);
    writes_tasks(t, &tasks[2], 1);
    tasks_are(s, (store_task_filter){0}, "a:1 b:3 c:1");
    /* One that never was has no version. */
    store_task unknown = task("u", "u.md");
    unknown.version = 1;
    task_write_fails(s, &unknown, 1, BATON_ERROR_CONFLICT, "task u was changed");
    tasks[2].version = 2;
    task_write_fails(s, &tasks[2], 1, BATON_ERROR_CONFLICT, "task c was changed");
    close_store(t);
    close_store(s);
}

static void a_path_is_one_task(void **state) {
    (void)state;
    store *s = open_store();
    store_task tasks[] = {task("a", "docs/a.md"), task("b", "docs/b.md")};
    writes_tasks(s, tasks, 2);
    store_task again = task("c", "docs/a.md");
    task_write_fails(s, &again, 1, BATON_ERROR_CONFLICT, "docs/a.md");
    again.project_id = "another";
    writes_tasks(s, &again, 1);
    /* By its id, too; and by moving there. */
    const store_task taken = task("b", "docs/new.md");
    task_write_fails(s, &taken, 1, BATON_ERROR_CONFLICT, "docs/new.md");
    store_task moved = task("b", "docs/a.md");
    moved.version = 1;
    task_write_fails(s, &moved, 1, BATON_ERROR_CONFLICT, "docs/a.md");
    const store_task both[] = {task("d", "docs/d.md"), task("e", "docs/d.md")};
    task_write_fails(s, both, 2, BATON_ERROR_CONFLICT, "docs/d.md");
    /* What comes from no document has no such identity. */
    const store_task free_ones[] = {task("f", NULL), task("g", NULL)};
    writes_tasks(s, free_ones, 2);
    tasks_are(s, (store_task_filter){0}, "a:1 b:1 c:1 f:1 g:1");
    close_store(s);
}

static void tasks_that_lack_something_are_refused(void **state) {
    (void)state;
    store *s = open_store();
    const store_task_dependency nothing = {0};
    store_task tasks[6];
    for (int i = 0; i < 6; i++) tasks[i] = task("a", "a.md");
    tasks[1].id = NULL;
    tasks[2].project_id = NULL;
    tasks[3].title = NULL;
    tasks[4].status = NULL;
    tasks[5].dependencies = &nothing;
    tasks[5].dependency_count = 1;
    for (int i = 1; i < 6; i++) {
        const store_task two[] = {tasks[0], tasks[i]};
        task_write_fails(s, two, 2, BATON_ERROR_USAGE, "needs");
    }
    tasks_are(s, (store_task_filter){0}, "");
    writes_tasks(s, &tasks[0], 1);
    close_store(s);
}

static void tasks_are_filtered(void **state) {
    (void)state;
    store *s = open_store();
    store_task tasks[] = {task("z", "1.md"), task("y", "2.md"), task("x", "1.md"), task("w", "3.md")};
    tasks[1].status = tasks[2].status = "completed";
    tasks[2].project_id = tasks[3].project_id = "other";
    writes_tasks(s, tasks, 4);
    const struct {
        store_task_filter filter;
        const char *expected;
    } cases[] = {
        {{0}, "z:1 y:1 x:1 w:1"},
        {{.id = "y"}, "y:1"},
        {{.id = "none"}, ""},
        {{.id = "y", .status = "pending"}, ""},
        {{.id = "y", .project_id = "other"}, ""},
        {{.id = "y", .source_path = "1.md"}, ""},
        {{.id = "y", .status = "completed", .project_id = "pidea", .source_path = "2.md"}, "y:1"},
        {{.project_id = "pidea"}, "z:1 y:1"},
        {{.project_id = "other"}, "x:1 w:1"},
        {{.project_id = "none"}, ""},
        {{.source_path = "1.md"}, "z:1 x:1"},
        {{.source_path = "1.md", .project_id = "other"}, "x:1"},
        {{.source_path = "1.md", .status = "pending"}, "z:1"},
        {{.status = "pending"}, "z:1 w:1"},
        {{.status = "completed"}, "y:1 x:1"},
        {{.status = "completed", .project_id = "other"}, "x:1"},
        {{.status = "none"}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        tasks_are(s, cases[i].filter, cases[i].expected);
    /* A change moves nobody in the order. */
    tasks[0].version = 1;
    tasks[0].status = "completed";
    writes_tasks(s, tasks, 1);
    tasks_are(s, (store_task_filter){.status = "completed"}, "z:2 y:1 x:1");
    close_store(s);
}

typedef struct task_stopper {
    store *s;
    int after, answer, seen;
} task_stopper;

/* A walk may be ended, and other things done meanwhile. */
static int stop_task_walk(void *data, const store_task *t, baton_error **err) {
    task_stopper *stop = data;
    assert_int_equal(found(stop->s, "x").status, EXECUTION_RUNNING);
    store_task changed = task(t->id, t->source_path);
    changed.version = t->version;
    writes_tasks(stop->s, &changed, 1);
    if (++stop->seen < stop->after) return 0;
    if (stop->answer < 0) baton_error_set(err, BATON_ERROR_STEP, "enough");
    return stop->answer;
}

static void walks_of_tasks_can_be_ended(void **state) {
    (void)state;
    store *s = open_store();
    make(s, "x", EXECUTION_RUNNING);
    const store_task tasks[] = {task("a", "a.md"), task("b", "b.md"), task("c", "c.md")};
    writes_tasks(s, tasks, 3);
    baton_error *err = NULL;
    const store_task_filter f = {.status = "pending", .content = true, .dependencies = true};
    task_stopper stop = {.s = s, .after = 2, .answer = 1};
    succeeds(s->type->read_tasks(s, &f, stop_task_walk, &stop, &err), err);
    assert_int_equal(stop.seen, 2);
    stop = (task_stopper){.s = s, .after = 3, .answer = -1};
    int result = s->type->read_tasks(s, &f, stop_task_walk, &stop, &err);
    fails_with(result, &err, BATON_ERROR_STEP, "enough");
    tasks_are(s, (store_task_filter){0}, "a:3 b:3 c:2");
    close_store(s);
}

/* Pruning leaves tasks alone, and a copy has them. */
static void tasks_outlive_executions(void **state) {
    (void)state;
    store *s = open_store();
    make_old(s, "ended", EXECUTION_COMPLETED, 1);
    const store_task_dependency need = {.text = "B"};
    store_task t = task("a", "a.md");
    t.execution = "ended";
    t.dependencies = &need;
    t.dependency_count = 1;
    writes_tasks(s, &t, 1);
    prunes(s, INT64_MAX, 1);
    lists(s, (store_filter){0}, "");
    tasks_equal(s, (store_task_filter){.content = true, .metadata = true, .dependencies = true}, &t, 1, 1);
    char path[256];
    suite_backup_path(path);
    baton_error *err = NULL;
    succeeds(s->type->backup(s, path, &err), err);
    t.version = 1;
    writes_tasks(s, &t, 1);
    store *copy = store_open(path, NULL, &err);
    assert_non_null(copy);
    tasks_equal(copy, (store_task_filter){.content = true, .metadata = true, .dependencies = true}, &t, 1,
                1);
    dependencies_are(copy, "a", "B> ");
    writes_tasks(copy, &t, 1);
    close_store(copy);
    tasks_are(s, (store_task_filter){0}, "a:2");
    close_store(s);
}

/* ---- At once ---- */

enum { WRITERS = 2, WRITTEN = 150 };

typedef struct writer {
    pthread_t thread;
    store *s;
    int number;
    bool failed;
} writer;

static void *write_many(void *data) {
    writer *w = data;
    for (int i = 0; i < WRITTEN && !w->failed; i++) {
        char id[32];
        snprintf(id, sizeof id, "w%d-%d", w->number, i);
        store_row row = {0};
        const store_creation c = creation(id);
        const store_record r[] = {{.kind = RECORD_STARTED, .number = 1, .time_ns = T0},
                                  {.kind = RECORD_COMPLETED, .number = 2, .time_ns = T0}};
        store_change first = {.row = &row,
                              .creation = &c,
                              .records = r,
                              .record_count = 1,
                              .moved = true,
                              .status = EXECUTION_RUNNING,
                              .wake_ns = NO_TIMER};
        store_change second = {.row = &row,
                               .records = r + 1,
                               .record_count = 1,
                               .moved = true,
                               .status = EXECUTION_COMPLETED,
                               .ended_ns = T0,
                               .wake_ns = NO_TIMER};
        w->failed = w->s->type->commit(w->s, &first, 1, NULL) != 0 ||
                    w->s->type->commit(w->s, &second, 1, NULL) != 0 || row.lost;
    }
    return NULL;
}

static void all_is_there(store *s, int number) {
    char id[32];
    for (int i = 0; i < WRITTEN; i++) {
        snprintf(id, sizeof id, "w%d-%d", number, i);
        assert_int_equal(found(s, id).status, EXECUTION_COMPLETED);
        journal_is(s, id, 0, "1:started 2:completed ");
    }
}

/* Handles of one store, each committing on a thread of its own, while others look on. */
static void handles_take_turns(void **state) {
    (void)state;
    writer writers[WRITERS] = {{0}};
    for (int i = 0; i < WRITERS; i++) {
        writers[i].s = open_store();
        writers[i].number = i;
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    /* This thread asks one of them meanwhile, as a loop thread does. */
    store *s = writers[0].s;
    make_unowned(s, "mine", 1, NO_TIMER);
    for (int i = 0; i < 100; i++) {
        store_row row = take_one(s, "mine");
        move(s, &row, EXECUTION_PENDING, true);
        assert_false(row.lost);
        s->type->has_changed(s);
        statistics(s);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_false(writers[i].failed);
        all_is_there(s, i);
    }
    for (int i = 0; i < WRITERS; i++) close_store(writers[i].s);
}

typedef struct racer {
    pthread_t thread;
    store *s;
    size_t taken;
    int result;
} racer;

static int count_taken(void *data, const store_execution *x, baton_error **err) {
    (void)x, (void)err;
    ((racer *)data)->taken++;
    return 0;
}

static void *race(void *data) {
    racer *r = data;
    const store_claim claim = {.ready = true, .now_ns = INT64_MAX - 1, .limit = 7};
    for (int i = 0; i < 60 && r->result == 0; i++)
        r->result = r->s->type->take_up(r->s, &claim, count_taken, r, NULL);
    return NULL;
}

static void each_is_taken_up_once(void **state) {
    (void)state;
    enum { RACERS = 3, EXECUTIONS = 200 };
    racer racers[RACERS] = {{0}};
    for (int i = 0; i < RACERS; i++) racers[i].s = open_store();
    char id[16];
    for (int i = 0; i < EXECUTIONS; i++) {
        snprintf(id, sizeof id, "%d", i);
        make_unowned(racers[0].s, id, i % 3, i % 2 ? NO_TIMER : T0);
    }
    for (int i = 0; i < RACERS; i++) pthread_create(&racers[i].thread, NULL, race, &racers[i]);
    size_t taken = 0;
    for (int i = 0; i < RACERS; i++) {
        pthread_join(racers[i].thread, NULL);
        assert_int_equal(racers[i].result, 0);
        taken += racers[i].taken;
    }
    assert_int_equal(taken, EXECUTIONS);
    for (int i = 0; i < EXECUTIONS; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_int_equal(found(racers[0].s, id).row.epoch, 1);
    }
    for (int i = 0; i < RACERS; i++) close_store(racers[i].s);
}

/* Raises a task's version again and again; whoever is refused reads it anew. */
typedef struct task_racer {
    pthread_t thread;
    store *s;
    int64_t version;
    int written;
    bool failed;
} task_racer;

static int keep_version(void *data, const store_task *t, baton_error **err) {
    (void)err;
    ((task_racer *)data)->version = t->version;
    return 0;
}

static void *race_for_task(void *data) {
    task_racer *r = data;
    for (int i = 0; i < 100 && !r->failed; i++) {
        baton_error *err = NULL;
        store_task t = task("a", "a.md");
        r->failed =
            r->s->type->read_tasks(r->s, &(store_task_filter){.id = "a"}, keep_version, r, NULL) != 0;
        t.version = r->version;
        int result = r->s->type->write_tasks(r->s, &t, 1, &err);
        r->written += result == 0;
        r->failed |= result != 0 && baton_error_get_code(err) != BATON_ERROR_CONFLICT;
        baton_error_free(err);
    }
    return NULL;
}

static void no_write_of_a_task_is_overwritten(void **state) {
    (void)state;
    enum { RACERS = 3 };
    task_racer racers[RACERS] = {{0}};
    for (int i = 0; i < RACERS; i++) racers[i].s = open_store();
    const store_task t = task("a", "a.md");
    writes_tasks(racers[0].s, &t, 1);
    for (int i = 0; i < RACERS; i++) pthread_create(&racers[i].thread, NULL, race_for_task, &racers[i]);
    int written = 0;
    for (int i = 0; i < RACERS; i++) {
        pthread_join(racers[i].thread, NULL);
        assert_false(racers[i].failed);
        written += racers[i].written;
    }
    assert_true(written >= 100);
    char expected[16];
    snprintf(expected, sizeof expected, "a:%d", written + 1);
    tasks_are(racers[0].s, (store_task_filter){0}, expected);
    for (int i = 0; i < RACERS; i++) close_store(racers[i].s);
}

#define SUITE_TEST(name) cmocka_unit_test_setup_teardown(name, suite_begin, suite_end)
static const struct CMUnitTest store_suite[] = {
    SUITE_TEST(what_was_created_is_found),
    SUITE_TEST(changes_are_kept),
    SUITE_TEST(one_commit_holds_many_changes),
    SUITE_TEST(an_id_that_is_taken_loses),
    SUITE_TEST(values_are_kept_under_their_numbers),
    SUITE_TEST(cursors_are_loaded),
    SUITE_TEST(workflows_are_stored_once),
    SUITE_TEST(journals_are_told_in_order),
    SUITE_TEST(records_keep_all_they_say),
    SUITE_TEST(large_commits),
    SUITE_TEST(logs_are_told_in_order),
    SUITE_TEST(a_dead_owner_loses_what_is_taken_from_it),
    SUITE_TEST(lost_changes_are_told_one_by_one),
    SUITE_TEST(what_was_given_back_is_not_gone_on_with),
    SUITE_TEST(progress_forgives_earlier_deaths),
    SUITE_TEST(one_is_taken_up_by_its_id),
    SUITE_TEST(hidden_owners_are_left_alone),
    SUITE_TEST(what_was_interrupted_is_taken_up),
    SUITE_TEST(closing_gives_everything_back),
    SUITE_TEST(what_a_person_left_waits_for_a_person),
    SUITE_TEST(what_is_ready_is_taken_up_in_order),
    SUITE_TEST(what_is_built_needs_its_program),
    SUITE_TEST(the_next_due_one_is_known),
    SUITE_TEST(changes_are_noticed),
    SUITE_TEST(owners_are_asked_once),
    SUITE_TEST(dependencies_are_waited_for),
    SUITE_TEST(dependencies_of_one_commit),
    SUITE_TEST(dependencies_outlive_their_owner),
    SUITE_TEST(lists_are_filtered),
    SUITE_TEST(walks_can_be_ended),
    SUITE_TEST(figures_are_told),
    SUITE_TEST(what_ended_long_ago_is_pruned),
    SUITE_TEST(pruning_comes_in_pieces),
    SUITE_TEST(what_is_depended_on_is_not_pruned),
    SUITE_TEST(a_copy_is_a_store),
    SUITE_TEST(tasks_keep_all_they_say),
    SUITE_TEST(tasks_are_written_as_they_were_read),
    SUITE_TEST(each_column_is_changed_alone),
    SUITE_TEST(tasks_that_others_changed_are_not_written),
    SUITE_TEST(a_path_is_one_task),
    SUITE_TEST(tasks_that_lack_something_are_refused),
    SUITE_TEST(tasks_are_filtered),
    SUITE_TEST(walks_of_tasks_can_be_ended),
    SUITE_TEST(tasks_outlive_executions),
    SUITE_TEST(handles_take_turns),
    SUITE_TEST(each_is_taken_up_once),
    SUITE_TEST(no_write_of_a_task_is_overwritten),
};

#endif
