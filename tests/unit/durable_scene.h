/* One scene of a durable engine: what it told while it played, and whether its store has all of that when
 * it is opened again and goes on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_TESTS_DURABLE_SCENE_H
#define BATON_TESTS_DURABLE_SCENE_H

#include "engine_kit.h"
#include "failing_allocation.h"
#include "faulty_vfs.h"
#include "store/sqlite.h"

#include <sys/stat.h>

/* ---- Places ---- */

static char folder[64], scene_path[96];

/* In memory where that is possible: it is the order of writes that counts, not the disk. */
KIT int scene_begin(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/baton-faults-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

KIT int scene_end(void **state) {
    (void)state;
    char command[96];
    disk_heal();
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* A store that was not there before. */
KIT void new_store(void) {
    static unsigned count;
    if (*scene_path) kit_forget_store(scene_path);
    snprintf(scene_path, sizeof scene_path, "%s/%u.db", folder, count++);
}

/* ---- What was told ---- */

typedef enum fact_kind {
    FACT_SUBMITTED,
    FACT_DELIVERED,
    FACT_BEGUN,    /* an effect; text: its step, number: its key */
    FACT_RECORDED, /* the observer was told; text: the record's kind */
    FACT_ENDED,    /* text: how */
} fact_kind;

typedef struct fact {
    fact_kind kind;
    char id[8], text[24];
    uint32_t number, attempt;
    size_t when; /* in the disk's time */
} fact;

enum { FACTS_MAX = 1024 };
static struct {
    pthread_mutex_t lock;
    fact list[FACTS_MAX];
    size_t count;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

KIT void tell_fact(fact_kind kind, const char *id, const char *text, uint32_t number, uint32_t attempt) {
    pthread_mutex_lock(&told.lock);
    assert_true(told.count < FACTS_MAX);
    fact *f = &told.list[told.count++];
    *f = (fact){.kind = kind, .number = number, .attempt = attempt, .when = disk_time()};
    snprintf(f->id, sizeof f->id, "%s", id);
    snprintf(f->text, sizeof f->text, "%s", text);
    pthread_mutex_unlock(&told.lock);
}

KIT void tell_record(void *data, const baton_execution *x, const record *r) {
    (void)data;
    tell_fact(FACT_RECORDED, x->id, record_kind_name(r->kind), r->number, r->attempt);
}

KIT void tell_end(void *data, const baton_result *result) {
    (void)data;
    tell_fact(FACT_ENDED, baton_result_execution_id(result), baton_result_status(result), 0, 0);
}

KIT bool was_told(fact_kind kind, const char *id) {
    for (size_t i = 0; i < told.count; i++)
        if (told.list[i].kind == kind && strcmp(told.list[i].id, id) == 0) return true;
    return false;
}

/* ---- The scene ---- */

static baton_workflow *order, *parked;
static char blob[1500]; /* too large to stand in a row */

/* Its number goes to the end of what came in: in 5, out 51, 512, 5123. */
KIT int step_work(baton_step_call *call, baton_error **err) {
    (void)err;
    const char *id = baton_execution_id(baton_step_call_execution(call));
    tell_fact(FACT_BEGUN, id, baton_step_call_reference(call),
              (uint32_t)atoi(strchr(baton_step_call_key(call), '/') + 1),
              (uint32_t)baton_step_call_attempt(call));
    long left = until_fault;
    until_fault = -1; /* the step has memory */
    baton_value input = baton_step_call_input(call), number = baton_value_get(input, "n");
    double n = baton_value_as_number(number) * 10 + *(const char *)baton_step_call_data(call) - '0';
    baton_step_call_output(call, baton_value_set(input, "n", baton_value_number(n)));
    until_fault = left;
    return 0;
}

KIT void make_workflows(void) {
    order = workflow_of({.name = "a", .execute = step_work, .data = "1"},
                        {.name = "b", .execute = step_work, .data = "2"},
                        {.name = "c", .execute = step_work, .data = "3"});
    parked = kit_build(
        "parked",
        STEPS({.name = "p", .execute = step_wait}, {.name = "q", .execute = step_work, .data = "4"}),
        false);
    memset(blob, 'x', sizeof blob - 1);
}

KIT void free_workflows(void) {
    baton_workflow_free(order);
    baton_workflow_free(parked);
}

typedef struct part {
    const char *id;
    baton_workflow **workflow;
    const char *on; /* depends on it */
    double n;
    const char *end;
    double output;
} part;

enum { ONE, GONE, WAITS, EARLY, FAR, AFTER, SLEEPS, PARTS };
static const part parts[PARTS] = {
    [ONE] = {"one", &order, NULL, 5, "completed", 5123},
    [GONE] = {"gone", &order, NULL, 6, "cancelled", 0},
    [WAITS] = {"waits", &parked, NULL, 7, "completed", 74},
    [EARLY] = {"early", &parked, NULL, 8, "completed", 84},
    [FAR] = {"far", &order, NULL, 8, "completed", 8123},
    [AFTER] = {"after", &order, "one", 9, "completed", 9123},
    [SLEEPS] = {"sleeps", &parked, NULL, 0, "cancelled", 0},
};

static baton_value input_of(const part *p) {
    long left = until_fault;
    until_fault = -1;
    baton_value input = baton_value_set(baton_value_object(), "n", baton_value_number(p->n));
    input = baton_value_set(input, "blob", baton_value_string(blob));
    until_fault = left;
    return input;
}

KIT int submit_part(baton_engine *engine, const part *p, baton_error **err) {
    baton_value input = input_of(p);
    const baton_execution_options options = {
        .id = p->id, .input = input, .dependencies = &p->on, .dependency_count = p->on != NULL};
    int result = baton_engine_submit(engine, *p->workflow, NULL, &options, tell_end, NULL, NULL, err);
    if (result == 0) tell_fact(FACT_SUBMITTED, p->id, "", 0, 0);
    baton_value_unref(input);
    return result;
}

KIT int deliver_to(baton_engine *engine, const part *p, baton_error **err) {
    if (baton_engine_deliver(engine, p->id, "p", input_of(p), err) != 0) return -1;
    tell_fact(FACT_DELIVERED, p->id, "", 0, 0);
    return 0;
}

typedef struct far {
    baton_engine *engine;
    baton_error *err;
    int result;
} far;

KIT void *submit_far(void *data) {
    far *f = data;
    f->result = submit_part(f->engine, &parts[FAR], &f->err);
    return NULL;
}

/* Runs while another thread submits. */
KIT int run_with_far(baton_engine *engine, baton_error **err) {
    far f = {.engine = engine};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, submit_far, &f), 0);
    int result = baton_engine_run(engine, err);
    pthread_join(thread, NULL);
    if (result != 0) { /* the first error is told; both are of one cause */
        baton_error_free(f.err);
        return -1;
    }
    *err = f.err;
    return f.result;
}

KIT baton_engine *scene_engine(const char *path, bool sync_normal, baton_error **err) {
    const baton_engine_options options = {
        .store = path, .sync_normal = sync_normal, .retry_delay_ms = -1, .execution_timeout_ms = -1};
    baton_engine *engine = baton_engine_new(&options, err);
    if (!engine) return NULL;
    engine_observe(engine, tell_record, NULL, NULL);
    if (baton_engine_provide(engine, order, err) == 0 && baton_engine_provide(engine, parked, err) == 0)
        return engine;
    baton_engine_free(engine);
    return NULL;
}

/* As the store's thread does it when its log is large; the next commit then begins the log anew. That it
 * fails matters to nobody. */
static void checkpoint(baton_engine *engine) {
    connection *c = sqlite_reader((sqlite_store *)engine->store, NULL);
    if (c) sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* All of it, once, with a new store. 0, or -1 with the first error. */
KIT int play(baton_engine *engine, baton_error **err) {
    const struct {
        enum { SUBMIT, CANCEL, DELIVER, RUN, RUN_WITH_FAR, CHECKPOINT } what;
        int part;
    } acts[] = {{SUBMIT, ONE},    {SUBMIT, GONE},    {CANCEL, GONE},   {SUBMIT, WAITS}, {SUBMIT, EARLY},
                {DELIVER, EARLY}, {RUN_WITH_FAR, 0}, {CHECKPOINT, 0},  {SUBMIT, AFTER}, {RUN, 0},
                {DELIVER, WAITS}, {RUN, 0},          {SUBMIT, SLEEPS}, {RUN, 0},        {CANCEL, SLEEPS}};
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof acts / sizeof *acts; i++) {
        const part *p = &parts[acts[i].part];
        switch (acts[i].what) {
        case SUBMIT: result = submit_part(engine, p, err); break;
        case CANCEL: result = baton_engine_cancel(engine, p->id, err); break;
        case DELIVER: result = deliver_to(engine, p, err); break;
        case RUN: result = baton_engine_run(engine, err); break;
        case CHECKPOINT: checkpoint(engine); break;
        case RUN_WITH_FAR: result = run_with_far(engine, err); break;
        }
    }
    return result;
}

/* ---- What the store has ---- */

typedef struct entry {
    record_kind kind;
    uint32_t number, key, attempt;
    char reference[24];
} entry;

enum { ENTRIES_MAX = 64 };
typedef struct history {
    bool found;
    execution_status status;
    double output;
    entry list[ENTRIES_MAX];
    uint32_t count;
} history;

static int note_entry(void *data, const store_record *r, int64_t seq, baton_error **err) {
    (void)seq, (void)err;
    history *h = data;
    assert_true(h->count < ENTRIES_MAX);
    entry *e = &h->list[h->count++];
    *e = (entry){.kind = r->kind, .number = r->number, .key = r->key, .attempt = r->attempt};
    snprintf(e->reference, sizeof e->reference, "%s", r->reference ? r->reference : "");
    assert_int_equal(e->number, h->count); /* without a gap */
    return 0;
}

/* An execution with its whole journal. */
static void read_history(store *s, const char *id, history *h) {
    store_execution x;
    baton_error *err = NULL;
    h->count = 0;
    h->output = 0;
    h->found = s->type->find(s, id, &x, &err) == 0;
    if (!h->found) {
        expect_code(err, BATON_ERROR_NOT_FOUND);
        return;
    }
    h->status = x.status;
    uint32_t last = x.number;
    baton_value output = kept_read(s, &x.row, x.output, &err);
    expect_code(err, BATON_ERROR_NONE);
    baton_value n = baton_value_get(output, "n");
    h->output = baton_value_as_number(n);
    baton_value_unref(output);
    s->type->journal(s, id, 0, note_entry, h, &err);
    expect_code(err, BATON_ERROR_NONE);
    assert_int_equal(h->count, last);
}

static bool has_start(const history *h, const fact *f) {
    for (uint32_t i = 0; i < h->count; i++) {
        const entry *e = &h->list[i];
        if (e->kind == RECORD_STEP_STARTED && e->key == f->number && e->attempt == f->attempt &&
            strcmp(e->reference, f->text) == 0)
            return true;
    }
    return false;
}

/* All that was told of this execution is there. */
static void check_told(const history *h, const char *id) {
    for (size_t i = 0; i < told.count; i++) {
        const fact *f = &told.list[i];
        if (strcmp(f->id, id) != 0) continue;
        if (!h->found) fail_msg("%s: told (%d %s %u), and not there", id, f->kind, f->text, f->number);
        if (f->kind == FACT_BEGUN && !has_start(h, f))
            fail_msg("%s: %s attempt %u was begun, and nobody knows", id, f->text, f->attempt);
        if (f->kind == FACT_RECORDED &&
            (f->number > h->count || strcmp(record_kind_name(h->list[f->number - 1].kind), f->text) != 0))
            fail_msg("%s: record %u (%s) was told, and is lost", id, f->number, f->text);
        if (f->kind == FACT_ENDED) assert_string_equal(execution_status_name(h->status), f->text);
    }
}

/* Each attempt was begun once, and none after its step's end was recorded. */
static void check_steps(const history *h, const char *id) {
    for (size_t i = 0; i < told.count; i++)
        for (size_t k = 0; k < i; k++) {
            const fact *f = &told.list[i], *g = &told.list[k];
            if (f->kind == FACT_BEGUN && g->kind == FACT_BEGUN && strcmp(f->id, g->id) == 0 &&
                strcmp(f->text, g->text) == 0 && f->attempt == g->attempt)
                fail_msg("%s: %s attempt %u was begun twice", f->id, f->text, f->attempt);
        }
    for (uint32_t i = 0; i < h->count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (h->list[k].kind == RECORD_STEP_COMPLETED &&
                strcmp(h->list[i].reference, h->list[k].reference) == 0)
                fail_msg("%s: %s has ended, and goes on", id, h->list[i].reference);
}

static void check_integrity(store *s) {
    baton_error *err = NULL;
    connection *c = sqlite_reader((sqlite_store *)s, &err);
    sqlite3_stmt *st = c ? sqlite_prepare((sqlite_store *)s, c, "PRAGMA integrity_check", &err) : NULL;
    expect_code(err, BATON_ERROR_NONE);
    assert_int_equal(sqlite_row((sqlite_store *)s, c, st, &err), 1);
    assert_string_equal(sqlite_text(st, 0), "ok");
    sqlite3_reset(st);
}

/* ---- Going on ---- */

static void tolerate(baton_error *err, baton_error_code other) {
    if (baton_error_get_code(err) == other)
        baton_error_free(err);
    else
        expect_code(err, BATON_ERROR_NONE);
}

static void take_up_again(baton_engine *engine) {
    size_t count;
    baton_error *err = NULL;
    baton_engine_recover(engine, NULL, &count, &err);
    expect_code(err, BATON_ERROR_NONE);
    for (int i = 0; i < PARTS; i++) {
        err = NULL;
        if (baton_engine_recover(engine, parts[i].id, &count, &err) == 0) continue;
        if (baton_error_get_code(err) == BATON_ERROR_NOT_FOUND)
            assert_false(was_told(FACT_SUBMITTED, parts[i].id));
        tolerate(err, baton_error_get_code(err) == BATON_ERROR_NOT_FOUND ? BATON_ERROR_NOT_FOUND
                                                                         : BATON_ERROR_CONFLICT);
    }
}

static void cancel_again(baton_engine *engine, int part) {
    baton_error *err = NULL;
    baton_engine_cancel(engine, parts[part].id, &err);
    tolerate(err, BATON_ERROR_NOT_FOUND);
}

static void deliver_again(baton_engine *engine, const part *p) {
    if (strcmp(status_in(engine, p->id), "waiting") != 0) return;
    if (was_told(FACT_DELIVERED, p->id)) fail_msg("%s: a delivery is lost", p->id);
    baton_error *err = NULL;
    deliver_to(engine, p, &err);
    expect_code(err, BATON_ERROR_NONE);
}

/* What is missing of the scene, by a new engine on a disk in order: all that was told is there, and all of
 * it ends as it should. */
KIT void go_on(const char *path) {
    static history h;
    baton_error *err = NULL;
    baton_engine *engine = scene_engine(path, false, &err);
    expect_code(err, BATON_ERROR_NONE);
    check_integrity(engine->store);
    for (int i = 0; i < PARTS; i++) {
        read_history(engine->store, parts[i].id, &h);
        check_told(&h, parts[i].id);
    }
    take_up_again(engine);
    for (int i = 0; i < PARTS; i++) {
        submit_part(engine, &parts[i], &err);
        expect_code(err, BATON_ERROR_NONE);
        if (i == GONE) cancel_again(engine, GONE);
    }
    run_all(engine);
    cancel_again(engine, SLEEPS);
    deliver_again(engine, &parts[WAITS]);
    deliver_again(engine, &parts[EARLY]);
    run_all(engine);
    for (int i = 0; i < PARTS; i++) {
        read_history(engine->store, parts[i].id, &h);
        check_told(&h, parts[i].id);
        check_steps(&h, parts[i].id);
        if (strcmp(execution_status_name(h.status), parts[i].end) != 0)
            fail_msg("%s is %s", parts[i].id, execution_status_name(h.status));
        assert_int_equal((int)h.output, (int)parts[i].output);
    }
    check_integrity(engine->store);
    baton_engine_free(engine);
}

#endif
