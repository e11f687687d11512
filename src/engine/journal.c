/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/journal.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "engine/engine.h"
#include "machine/context.h"
#include "machine/fault.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 64 << 10,
    INLINE_BYTES = 1024, /* larger values stand in the store's data, once */
    MANY_CHANGES = 256,
    LOG_DELAY_MS = 100,    /* what processes write waits so long for something that has to be committed */
    LOG_BYTES = 256 << 10, /* or until there is so much of it */
    FLUSH_MS = 1,          /* while there is more to do all the time, a batch gathers so long */
};

typedef struct vector {
    void *items;
    size_t count, capacity;
} vector;

struct change {
    change *next;
    run *run;
    store_creation creation;
    bool creates, moved, progress, recovery;
    vector records; /* store_record */
    vector data;    /* store_datum */
    vector logs;    /* store_log */
    vector actions; /* action: what waits for the acknowledgement */
    vector told;    /* record: for the observer, after it */
};

typedef struct chunk {
    struct chunk *next;
    size_t used, size;
    char bytes[];
} chunk;

typedef struct batch {
    struct batch *next;
    change *first, **last;
    size_t count, log_bytes;
    store_change *list;
    size_t list_capacity;
    chunk *chunks; /* the first one is written to */
    message *answers;
    int64_t begun_ns; /* when the first change came; monotonic */
    bool urgent;      /* not only logs */
    int result;
    baton_error *error;
} batch;

struct journal {
    baton_engine *engine;
    store *store;
    batch *open, *spare;
    change *spare_changes;
    size_t spare_count;
    buffer text;
    size_t uncollected; /* batches handed over and not collected */
    size_t unanswered;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    batch *flying;                      /* this and the rest under the lock */
    batch *committed, **committed_last; /* in their order */
    atomic_bool has_committed;
    bool stopping, failed;
};

/* ---- Memory ---- */

/* Room for one more item; NULL without memory. */
static void *vector_add(vector *v, size_t size) {
    if (v->count == v->capacity) {
        size_t capacity = v->capacity ? v->capacity * 2 : 4;
        void *items = realloc(v->items, capacity * size);
        if (!items) return NULL;
        v->items = items;
        v->capacity = capacity;
    }
    return (char *)v->items + size * v->count++;
}

/* Room that lives as long as the batch, aligned for pointers; NULL without memory. */
static char *batch_alloc(batch *b, size_t size) {
    chunk *c = b->chunks;
    size = (size + 7) & ~(size_t)7;
    if (!c || c->size - c->used < size) {
        size_t room = size > CHUNK_BYTES / 4 ? size : CHUNK_BYTES;
        chunk *fresh = malloc(sizeof *fresh + room);
        if (!fresh) return NULL;
        fresh->size = room;
        fresh->used = 0;
        /* A large one is full at once: the one in use stays the first. */
        chunk **at = c && room != CHUNK_BYTES ? &c->next : &b->chunks;
        fresh->next = *at;
        *at = c = fresh;
    }
    char *bytes = c->bytes + c->used;
    c->used += size;
    return bytes;
}

static store_bytes keep_bytes(journal *j, const char *bytes, size_t size) {
    char *copy = batch_alloc(j->open, size);
    if (!copy) {
        engine_out_of_memory(j->engine);
        return (store_bytes){0};
    }
    memcpy(copy, bytes, size);
    return (store_bytes){copy, size};
}

static const char *keep_text(journal *j, const char *text) {
    return text ? keep_bytes(j, text, strlen(text) + 1).bytes : NULL;
}

/* One chunk of the usual size is kept for the next time. */
static void batch_reset(batch *b) {
    chunk *keep = NULL;
    while (b->chunks) {
        chunk *c = b->chunks;
        b->chunks = c->next;
        if (!keep && c->size == CHUNK_BYTES)
            keep = c;
        else
            free(c);
    }
    if (keep) {
        keep->used = 0;
        keep->next = NULL;
        b->chunks = keep;
    }
    baton_error_free(b->error);
    b->error = NULL;
    b->first = NULL;
    b->last = &b->first;
    b->count = b->log_bytes = 0;
    b->urgent = false;
    b->answers = NULL;
    b->result = 0;
}

static void batch_free(batch *b) {
    if (!b) return;
    batch_reset(b);
    free(b->chunks);
    free(b->list);
    free(b);
}

static batch *batch_new(void) {
    batch *b = calloc(1, sizeof *b);
    if (b) b->last = &b->first;
    return b;
}

static void change_reset(change *c) {
    for (size_t i = 0; i < c->actions.count; i++) value_unref(((action *)c->actions.items)[i].request);
    for (size_t i = 0; i < c->told.count; i++) value_unref(((record *)c->told.items)[i].data);
    c->records.count = c->data.count = c->logs.count = c->actions.count = c->told.count = 0;
    c->creates = c->moved = c->progress = c->recovery = false;
    c->run = NULL;
}

static void change_free(change *c) {
    change_reset(c);
    free(c->records.items);
    free(c->data.items);
    free(c->logs.items);
    free(c->actions.items);
    free(c->told.items);
    free(c);
}

/* The run's part of the open batch; NULL without memory, which breaks the engine. */
static change *change_of(run *r) {
    run_journal *rj = r->journal;
    if (rj->open) return rj->open;
    journal *j = r->engine->journal;
    change *c = j->spare_changes;
    if (c) {
        j->spare_changes = c->next;
        j->spare_count--;
    } else if (!(c = calloc(1, sizeof *c))) {
        engine_out_of_memory(r->engine);
        return NULL;
    }
    c->next = NULL;
    c->run = r;
    if (!j->open->count) j->open->begun_ns = engine_monotonic_ns(r->engine);
    *j->open->last = c;
    j->open->last = &c->next;
    j->open->count++;
    rj->open = c;
    rj->pending++;
    return c;
}

void run_journal_let_go(run_journal *rj) {
    kept_clear(&rj->kept);
    value_assign(&rj->last_output, VALUE_INVALID);
}

void run_journal_free(run_journal *rj) {
    if (!rj) return;
    run_journal_let_go(rj);
    free(rj);
}

/* ---- Values ---- */

static int64_t keep_value(run *r, baton_value value, const char *text, size_t size) {
    run_journal *rj = r->journal;
    change *c = change_of(r);
    store_datum *datum = c ? vector_add(&c->data, sizeof *datum) : NULL;
    if (!datum || !kept_add(&rj->kept, value, rj->kept.last_number + 1)) {
        engine_out_of_memory(r->engine);
        return 0;
    }
    *datum = (store_datum){++rj->kept.last_number, keep_bytes(r->engine->journal, text, size)};
    return datum->number;
}

/* Writes the value's text to the end of b, or nothing and gives the number it is kept under. */
static int64_t write_or_keep(run *r, buffer *b, baton_value value) {
    kept_value *kept = value_is_plain(value) ? NULL : kept_find(&r->journal->kept, value);
    if (kept) {
        kept->used = true;
        return kept->number;
    }
    size_t start = b->size;
    value_write(b, value);
    if (buffer_failed(b) || b->size - start <= INLINE_BYTES) return 0;
    int64_t number = keep_value(r, value, b->data + start, b->size - start);
    b->size = start;
    b->data[start] = '\0';
    return number;
}

static void write_number(buffer *b, int64_t number) {
    char digits[24];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    buffer_append(b, digits + at, sizeof digits - at);
}

static void write_member(void *data, buffer *b, const char *key, baton_value value) {
    size_t start = b->size;
    buffer_puts(b, ",\"");
    buffer_puts(b, key);
    buffer_append(b, "\":", 2);
    int64_t number = write_or_keep(data, b, value);
    if (!number) return;
    b->size = start;
    buffer_puts(b, ",\"");
    buffer_puts(b, key);
    buffer_append(b, "@\":", 3);
    write_number(b, number);
}

/* For a run that comes back into memory: what it reads is kept already. */
static baton_value read_kept(void *data, int64_t number, baton_error **err) {
    run *r = data;
    run_journal *rj = r->journal;
    const kept_value *kept = kept_by_number(&rj->kept, number);
    if (kept) return value_ref(kept->value);
    baton_value value = kept_read(r->engine->store, &rj->row, (store_text){.number = number}, err);
    if (value_is_valid(value) && !kept_add(&rj->kept, value, number)) {
        value_unref(value);
        error_memory(err);
        return VALUE_INVALID;
    }
    return value;
}

const snapshot_values journal_values = {.write = write_member, .read = read_kept};

baton_value journal_take_over(run *r, store_text text, baton_error **err) {
    run_journal *rj = r->journal;
    if (!text.number) return kept_read(r->engine->store, &rj->row, text, err);
    if (rj->kept.last_number < text.number) rj->kept.last_number = text.number;
    return read_kept(r, text.number, err);
}

int journal_restore(run *r, baton_value cursor, baton_error **err) {
    const store_row *row = &r->journal->row;
    baton_value entries = VALUE_INVALID, number = baton_value_get(cursor, "data");
    r->journal->kept.last_number = (int64_t)baton_value_as_number(number);
    if (baton_value_has(cursor, "givenBack")) r->journal->goes_on = true;
    if (kept_read_member(r->engine->store, row, cursor, "context", &entries, err) != 0 ||
        kept_read_member(r->engine->store, row, cursor, "deliveries", &r->deliveries, err) != 0) {
        value_unref(entries);
        return -1;
    }
    int position = 0;
    const char *key;
    baton_value member;
    while (baton_value_next(r->deliveries, &position, &key, &member)) {
        r->delivery_count += baton_value_size(member);
        value_unref(member);
    }
    int result = value_is_valid(entries) ? run_set_context(r, entries, err) : 0;
    value_unref(entries);
    return result;
}

static store_text text_of(run *r, baton_value value) {
    journal *j = r->engine->journal;
    if (!value_is_valid(value)) return (store_text){0};
    buffer_clear(&j->text);
    int64_t number = write_or_keep(r, &j->text, value);
    if (number) return (store_text){.number = number};
    if (buffer_failed(&j->text)) {
        engine_out_of_memory(r->engine);
        return (store_text){0};
    }
    store_bytes kept = keep_bytes(j, j->text.data, j->text.size);
    return (store_text){kept.bytes, kept.size, 0};
}

/* ---- Noting ---- */

/* The step's other values: {"rawInput", "input", "rawOutput", "context"}, those that are there. Without
 * rawInput a step was given the last output before it. */
static store_text more_of(run *r, const record *rec) {
    journal *j = r->engine->journal;
    bool given = value_is_valid(rec->raw_input) && !kept_is_same(rec->raw_input, r->journal->last_output);
    if (!given && !value_is_valid(rec->input) && !value_is_valid(rec->raw_output) &&
        !value_is_valid(rec->context))
        return (store_text){0};
    buffer *b = &j->text;
    buffer_clear(b);
    if (given) write_member(r, b, "rawInput", rec->raw_input);
    if (value_is_valid(rec->input)) write_member(r, b, "input", rec->input);
    if (value_is_valid(rec->raw_output)) write_member(r, b, "rawOutput", rec->raw_output);
    if (value_is_valid(rec->context)) write_member(r, b, "context", rec->context);
    buffer_putc(b, '}');
    if (buffer_failed(b)) {
        engine_out_of_memory(r->engine);
        return (store_text){0};
    }
    b->data[0] = '{';
    store_bytes kept = keep_bytes(j, b->data, b->size);
    return (store_text){kept.bytes, kept.size, 0};
}

static bool is_progress(record_kind kind) {
    return kind == RECORD_STEP_COMPLETED || kind == RECORD_STEP_FAULTED || kind == RECORD_STEP_SKIPPED ||
           kind == RECORD_STEP_RETRIED || kind == RECORD_STEP_CANCELLED || kind == RECORD_STEPS_COMPLETED ||
           kind == RECORD_ROLLBACK_COMPLETED || kind == RECORD_ROLLBACK_FAULTED || kind == RECORD_RESUMED;
}

static bool tell_later(run *r, change *c, const record *rec) {
    if (!r->engine->observer) return true;
    record *told = vector_add(&c->told, sizeof *told);
    if (!told) return false;
    *told = *rec;
    told->data = value_ref(rec->data);
    told->raw_input = told->input = told->raw_output = told->context = VALUE_INVALID;
    return true;
}

static bool note_record(run *r, change *c, const record *rec) {
    if (!r->x->journals && rec->step) return tell_later(r, c, rec);
    store_record *stored = vector_add(&c->records, sizeof *stored);
    if (!stored) return false;
    *stored = (store_record){.kind = rec->kind,
                             .number = rec->number,
                             .key = rec->key,
                             .attempt = rec->attempt,
                             .count = rec->count,
                             .reference = rec->step ? rec->step->reference : NULL,
                             .time_ns = rec->time_ns,
                             .duration_ns = rec->duration_ns};
    store_text data = text_of(r, rec->data), more = more_of(r, rec);
    stored = (store_record *)c->records.items + c->records.count - 1;
    stored->data = data;
    stored->more = more;
    if (is_progress(rec->kind)) c->progress = true;
    if (rec->kind == RECORD_STARTED || rec->kind == RECORD_STEP_COMPLETED)
        value_assign(&r->journal->last_output, value_ref(rec->data));
    return tell_later(r, c, rec);
}

/* What a pure step does leads nowhere: it need not wait for the commit of its start. */
static bool may_go_first(const action *a) {
    return a->kind == ACTION_CALL && a->step->u.function.type->pure;
}

/* A strategy that journals no steps: only its begin and end are worth a commit. */
static bool is_worth_noting(const run *r, const output *out) {
    bool worth = r->x->journals;
    for (uint32_t i = 0; !worth && i < out->record_count; i++) worth = !out->records[i].step;
    return worth;
}

void journal_note(run *r, output *out) {
    if (!is_worth_noting(r, out)) {
        run_tell(r, out->records, out->record_count);
        return;
    }
    change *c = change_of(r);
    bool good = c;
    if (c) c->moved = r->engine->journal->open->urgent = true;
    for (uint32_t i = 0; good && i < out->record_count; i++) {
        good = note_record(r, c, &out->records[i]);
        if (r->rerun && out->records[i].kind == RECORD_STARTED) rerun_take_over(r);
    }
    uint32_t left = 0;
    for (uint32_t i = 0; good && i < out->action_count; i++) {
        action *a = &out->actions[i];
        if (may_go_first(a)) {
            out->actions[left++] = *a;
            continue;
        }
        action *later = vector_add(&c->actions, sizeof *later);
        if (!(good = later)) break;
        *later = *a;
        later->frame = NULL;
        a->request = VALUE_INVALID;
    }
    if (good)
        out->action_count = left;
    else
        engine_out_of_memory(r->engine);
}

void journal_note_record(run *r, const record *rec) {
    change *c = change_of(r);
    if (!c || !note_record(r, c, rec)) engine_out_of_memory(r->engine);
}

void journal_announce(run *r) {
    change *c = change_of(r);
    if (c) c->recovery = c->moved = r->engine->journal->open->urgent = true;
    r->journal->announced = true;
}

void journal_touch(run *r) {
    change *c = change_of(r);
    if (c) c->moved = r->engine->journal->open->urgent = true;
}

void journal_create(run *r, const store_creation *from) {
    journal *j = r->engine->journal;
    change *c = change_of(r);
    if (!c) return;
    j->open->urgent = c->creates = c->moved = true;
    c->creation = *from;
    c->creation.input = text_of(r, r->input);
    c->creation.settings = keep_bytes(j, from->settings.bytes, from->settings.size);
    const char **ids = (const char **)batch_alloc(j->open, from->dependency_count * sizeof *ids);
    if (!ids) {
        engine_out_of_memory(r->engine);
        return;
    }
    for (size_t i = 0; i < from->dependency_count; i++) ids[i] = keep_text(j, from->dependencies[i]);
    c->creation.dependencies = ids;
}

void journal_refuse(run *r, execution_status status, const baton_error *error) {
    change *c = change_of(r);
    store_record *rec = c ? vector_add(&c->records, sizeof *rec) : NULL;
    if (!rec) {
        engine_out_of_memory(r->engine);
        return;
    }
    /* The error begins with what is the fault's title. */
    const baton_error *cause = error ? baton_error_cause(error) : NULL;
    char *text = error ? baton_error_text(cause ? cause : error) : NULL;
    baton_value fault =
        error ? fault_new("runtime", 500, "Workflow execution failed", text) : VALUE_INVALID;
    free(text);
    *rec = (store_record){.kind = status == EXECUTION_CANCELLED ? RECORD_CANCELLED : RECORD_FAULTED,
                          .number = r->first_number + 1,
                          .time_ns = r->engine->now_ns};
    store_text data = text_of(r, fault);
    ((store_record *)c->records.items)[c->records.count - 1].data = data;
    value_unref(fault);
    c->moved = r->engine->journal->open->urgent = true;
    r->journal->refused = true;
}

void journal_log(run *r, const store_log *log) {
    journal *j = r->engine->journal;
    change *c = change_of(r);
    store_log *noted = c ? vector_add(&c->logs, sizeof *noted) : NULL;
    if (!noted) {
        engine_out_of_memory(r->engine);
        return;
    }
    *noted = *log;
    noted->bytes = keep_bytes(j, log->bytes.bytes, log->bytes.size);
    j->open->log_bytes += log->bytes.size;
}

void journal_answer(journal *j, message *m) {
    m->next = j->open->answers;
    j->open->answers = m;
    j->open->urgent = true;
    j->unanswered++;
}

/* ---- Handing over ---- */

/* Into the room that was left for it: its last digit is the last of the room. */
static void put_number(buffer *b, size_t end, int64_t number) {
    if (buffer_failed(b)) return;
    do b->data[--end] = (char)('0' + number % 10);
    while (number /= 10);
}

/* Where the run stands: {"data": the number of the last value kept, "execution": its snapshot, "context":
 * of a workflow in C, "deliveries": kept}. One that has not begun has deliveries at most. */
static store_bytes write_cursor(run *r) {
    journal *j = r->engine->journal;
    run_journal *rj = r->journal;
    kept_begin(&rj->kept);
    snapshot_values values = journal_values;
    values.data = r;
    buffer *b = &j->text;
    buffer_clear(b);
    buffer_puts(b, "{\"data\":");
    buffer_puts(b, "                "); /* the number is known when all values are written */
    size_t number_end = b->size;
    if (r->x) buffer_puts(b, ",\"execution\":");
    bool good = !r->x || snapshot_write(b, r->x, &values);
    baton_value entries = r->x && r->context ? context_entries(r->context) : VALUE_INVALID;
    if (value_is_valid(entries)) write_member(r, b, "context", entries);
    if (value_is_valid(r->deliveries)) write_member(r, b, "deliveries", r->deliveries);
    if (r->engine->stopping)
        buffer_puts(b, ",\"givenBack\":true"); /* its pause is the worker's, not its own */
    buffer_putc(b, '}');
    put_number(b, number_end, rj->kept.last_number);
    if (r->x) kept_sweep(&rj->kept);
    if (!good || buffer_failed(b)) {
        engine_out_of_memory(r->engine);
        return (store_bytes){0};
    }
    return keep_bytes(j, b->data, b->size);
}

/* In a worker, what waits long or for somebody else is anybody's. */
static bool is_released(const run *r) {
    const baton_execution *x = r->x;
    if (!r->engine->releases || !x || r->call_count || r->in_call || r->to_continue) return false;
    if (x->status == EXECUTION_SUSPENDED) return true;
    return x->status == EXECUTION_WAITING && !run_comes_back_soon(r, execution_wake_ns(x));
}

static void seal_unbegun(run *r, store_change *s) {
    s->status = r->journal->refused    ? r->result->status
                : r->place == RUN_HELD ? EXECUTION_SUSPENDED
                                       : EXECUTION_PENDING;
    s->wake_ns = INT64_MAX;
    s->number = r->first_number;
    s->started_ns = r->started_ns;
    s->release = r->journal->releasing;
    if (s->release && r->engine->stopping) { /* the same */
        s->status = EXECUTION_PENDING;
        s->wake_ns = r->engine->now_ns;
    }
    if (!r->journal->refused) {
        if (value_is_valid(r->deliveries)) s->cursor = write_cursor(r);
        return;
    }
    s->number = s->records[s->record_count - 1].number;
    s->ended_ns = r->engine->now_ns;
    s->release = true;
    if (s->status == EXECUTION_FAULTED) s->error = s->records[s->record_count - 1].data;
}

static void seal_begun(run *r, store_change *s) {
    baton_execution *x = r->x;
    bool over = execution_ended(x);
    s->status = x->status;
    s->number = x->last_number;
    s->started_ns = x->started_ns;
    s->ended_ns = over ? x->ended_ns : 0;
    s->wake_ns = execution_wake_ns(x);
    if (over && x->status == EXECUTION_COMPLETED) s->output = text_of(r, x->output);
    if (over && x->status == EXECUTION_FAULTED) s->error = text_of(r, x->fault);
    s->release = r->journal->releasing = over || is_released(r);
    if (r->engine->stopping && x->status == EXECUTION_SUSPENDED) { /* for other workers to go on with */
        s->status = EXECUTION_WAITING;
        s->wake_ns = r->engine->now_ns;
    }
    if (!over && x->journals) s->cursor = write_cursor(r);
}

static void seal(change *c, store_change *s) {
    run *r = c->run;
    *s = (store_change){.row = &r->journal->row,
                        .moved = c->moved,
                        .progress = c->progress || r->journal->forgiven,
                        .recovery = c->recovery,
                        .reason = r->journal->reason,
                        .records = c->records.items,
                        .record_count = c->records.count};
    if (c->creates) s->creation = &c->creation;
    if (c->moved && r->x)
        seal_begun(r, s);
    else if (c->moved)
        seal_unbegun(r, s);
    s->data = c->data.items;
    s->datum_count = c->data.count;
    s->logs = c->logs.items;
    s->log_count = c->logs.count;
    r->journal->open = NULL;
    r->journal->forgiven = false;
}

static bool seal_all(batch *b) {
    if (b->list_capacity < b->count) {
        free(b->list);
        b->list_capacity = 0;
        if (!(b->list = malloc(2 * b->count * sizeof *b->list))) return false;
        b->list_capacity = 2 * b->count;
    }
    size_t i = 0;
    for (change *c = b->first; c; c = c->next) seal(c, &b->list[i++]);
    return true;
}

static void commit_batch(journal *j, batch *b) {
    b->result = j->store->type->commit(j->store, b->list, b->count, &b->error);
    pthread_mutex_lock(&j->lock);
    if (b->result != 0) j->failed = true;
    j->flying = NULL;
    b->next = NULL;
    *j->committed_last = b;
    j->committed_last = &b->next;
    atomic_store(&j->has_committed, true);
    pthread_cond_broadcast(&j->done);
    pthread_mutex_unlock(&j->lock);
}

static void *commit_batches(void *data) {
    journal *j = data;
    pthread_mutex_lock(&j->lock);
    for (;;) {
        while (!j->flying && !j->stopping) pthread_cond_wait(&j->work, &j->lock);
        batch *b = j->flying;
        if (!b) break;
        pthread_mutex_unlock(&j->lock);
        commit_batch(j, b);
        inbox_wake(j->engine->inbox);
        pthread_mutex_lock(&j->lock);
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

static bool has_work(const batch *b) { return b->count || b->answers; }

static bool start_thread(journal *j) {
    if (j->started) return true;
    j->started = pthread_create(&j->thread, NULL, commit_batches, j) == 0;
    if (j->started)
        pthread_setname_np(j->thread, "baton-commit");
    else
        engine_break(j->engine, baton_error_new(BATON_ERROR_SYSTEM, "no thread to commit with"));
    return j->started;
}

/* The thread must be free. What was not sealed whole, for want of memory, is not committed. */
static void hand_over(journal *j) {
    batch *b = j->open, *next = j->spare ? j->spare : batch_new();
    if (!next || !seal_all(b)) engine_out_of_memory(j->engine);
    /* With one execution nobody is held up, and the thread would cost two switches. */
    bool alone = j->engine->run_count <= 1;
    if (j->engine->broken || (!alone && !start_thread(j))) {
        if (next != j->spare) batch_free(next);
        return;
    }
    j->spare = NULL;
    j->open = next;
    j->uncollected++;
    if (alone) {
        commit_batch(j, b);
        return;
    }
    pthread_mutex_lock(&j->lock);
    j->flying = b;
    pthread_cond_signal(&j->work);
    pthread_mutex_unlock(&j->lock);
}

bool journal_is_flying(journal *j) {
    if (!j->uncollected) return false;
    pthread_mutex_lock(&j->lock);
    bool flying = j->flying;
    pthread_mutex_unlock(&j->lock);
    return flying;
}

int64_t journal_flush_at_ns(const journal *j) {
    const batch *b = j->open;
    if (!has_work(b) || b->urgent || b->log_bytes >= LOG_BYTES) return INT64_MAX;
    return b->begun_ns + j->engine->clock_offset_ns + LOG_DELAY_MS * INT64_C(1000000);
}

void journal_flush(journal *j) {
    if (!has_work(j->open) || j->engine->broken || journal_is_flying(j)) return;
    int64_t at_ns = journal_flush_at_ns(j);
    if (at_ns == INT64_MAX || at_ns <= j->engine->now_ns) hand_over(j);
}

void journal_flush_some(journal *j) {
    const batch *b = j->open;
    bool old = b->urgent && engine_monotonic_ns(j->engine) - b->begun_ns >= FLUSH_MS * INT64_C(1000000);
    if (b->count >= MANY_CHANGES || old) journal_flush(j);
}

void journal_wait(journal *j) {
    pthread_mutex_lock(&j->lock);
    while (j->flying) pthread_cond_wait(&j->done, &j->lock);
    pthread_mutex_unlock(&j->lock);
}

bool journal_has_committed(const journal *j) { return atomic_load(&((journal *)j)->has_committed); }

bool journal_is_busy(const journal *j) { return j->uncollected || has_work(j->open); }

int journal_sync(journal *j, baton_error **err) {
    journal_wait(j);
    if (has_work(j->open) && !j->engine->broken) {
        hand_over(j);
        journal_wait(j);
    }
    if (engine_is_broken(j->engine, err) != 0) return -1;
    if (!j->failed) return 0;
    journal_collect(j); /* which breaks the engine */
    return engine_is_broken(j->engine, err);
}

/* ---- Acknowledging ---- */

static void answer(journal *j, batch *b) {
    while (b->answers) {
        message *m = b->answers;
        b->answers = m->next;
        j->unanswered--;
        baton_error *err = NULL;
        if (b->result != 0) engine_is_broken(j->engine, &err);
        inbox_answer(j->engine->inbox, m, b->result, err);
    }
}

/* For the next time; a peak is not kept for ever. */
static void spare(journal *j, change *c) {
    if (j->spare_count >= 2 * MANY_CHANGES) {
        change_free(c);
        return;
    }
    change_reset(c);
    c->next = j->spare_changes;
    j->spare_changes = c;
    j->spare_count++;
}

static void collect_batch(journal *j, batch *b) {
    if (b->result != 0) {
        engine_break(j->engine, b->error);
        b->error = NULL;
    }
    answer(j, b);
    while (b->first) {
        change *c = b->first;
        b->first = c->next;
        run *r = c->run;
        r->journal->pending--;
        if (!j->engine->broken)
            run_committed(r, &(committed){.actions = c->actions.items,
                                          .action_count = c->actions.count,
                                          .told = c->told.items,
                                          .told_count = c->told.count,
                                          .recovery = c->recovery});
        spare(j, c);
    }
    batch_reset(b);
    if (j->spare)
        batch_free(b);
    else
        j->spare = b;
}

void journal_answer_all(journal *j) {
    if (!j->unanswered) return;
    if (journal_sync(j, NULL) != 0) {
        j->open->result = -1;
        answer(j, j->open);
    }
    pthread_mutex_lock(&j->lock);
    batch *first = j->committed; /* nobody adds to it: nothing is being committed */
    pthread_mutex_unlock(&j->lock);
    for (batch *b = first; b; b = b->next) answer(j, b);
}

bool journal_collect(journal *j) {
    if (!atomic_load_explicit(&j->has_committed, memory_order_acquire)) return false;
    pthread_mutex_lock(&j->lock);
    batch *b = j->committed;
    j->committed = NULL;
    j->committed_last = &j->committed;
    atomic_store(&j->has_committed, false);
    pthread_mutex_unlock(&j->lock);
    while (b) {
        batch *next = b->next;
        j->uncollected--;
        collect_batch(j, b);
        b = next;
    }
    return true;
}

/* ---- Making and freeing ---- */

journal *journal_new(baton_engine *engine) {
    journal *j = calloc(1, sizeof *j);
    if (!j || !(j->open = batch_new())) {
        free(j);
        return NULL;
    }
    j->engine = engine;
    j->store = engine->store;
    j->committed_last = &j->committed;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->work, NULL);
    pthread_cond_init(&j->done, NULL);
    return j;
}

static void drop(batch *b) {
    while (b->first) {
        change *c = b->first;
        b->first = c->next;
        change_free(c);
    }
    batch_free(b);
}

void journal_free(journal *j) {
    if (!j) return;
    if (j->started) {
        journal_wait(j);
        pthread_mutex_lock(&j->lock);
        j->stopping = true;
        pthread_cond_signal(&j->work);
        pthread_mutex_unlock(&j->lock);
        pthread_join(j->thread, NULL);
    }
    while (j->committed) {
        batch *b = j->committed;
        j->committed = b->next;
        drop(b);
    }
    drop(j->open);
    batch_free(j->spare);
    while (j->spare_changes) {
        change *c = j->spare_changes;
        j->spare_changes = c->next;
        change_free(c);
    }
    buffer_done(&j->text);
    pthread_mutex_destroy(&j->lock);
    pthread_cond_destroy(&j->work);
    pthread_cond_destroy(&j->done);
    free(j);
}
