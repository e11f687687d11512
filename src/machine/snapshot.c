/* An execution as text. This is written once for every step that is committed, so it goes straight into the
 * buffer; what is zero is left out.
 *
 *   {"version": 2, "status": 1, ..., "input": 0, "context": 0,
 *    "root": {"step": "/do/0/a", "phase": 3, ..., "rawInput": 0, "children": [...]},
 *    "v0": {...}, "v1@": 17}
 *
 * Frames name their values by number; the values follow at the end, "v0" whole and "v1" as number 17 of
 * whoever keeps the large ones. A moment is [milliseconds, nanoseconds], since a double does not hold it.
 * Version 1 has each value where its number is now, and lists the numbers of `keys` singly.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine/snapshot.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "machine/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOT_VERSION = 2 };

/* ---- Writing ---- */

/* The values so far, borrowed from the execution, and where each stands: by handle, since equal handles are
 * the same data. Most executions have no more than a few. */
enum { FEW_VALUES = 32 };

typedef struct writer {
    buffer *b;
    baton_value *values;
    uint32_t *slots; /* an open hash table, twice as large as `values`: index + 1 */
    uint32_t count, capacity;
    bool places; /* more than one frame is ready */
    baton_value few[FEW_VALUES];
    uint32_t few_slots[2 * FEW_VALUES];
} writer;

static uint32_t *slot_of(const writer *w, baton_value value) {
    uint64_t hash = (value.tail ^ value.head * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    for (uint32_t at = (uint32_t)(hash >> 32);; at++) {
        uint32_t *slot = &w->slots[at & (2 * w->capacity - 1)];
        if (!*slot) return slot;
        if (value_same(w->values[*slot - 1], value)) return slot;
    }
}

static bool grow(writer *w) {
    uint32_t capacity = w->capacity * 2;
    baton_value *values = malloc(capacity * sizeof *values);
    uint32_t *slots = calloc(2 * (size_t)capacity, sizeof *slots);
    if (!values || !slots) {
        free(values);
        free(slots);
        w->b->failed = true;
        return false;
    }
    memcpy(values, w->values, w->count * sizeof *values);
    if (w->values != w->few) {
        free(w->values);
        free(w->slots);
    }
    w->values = values;
    w->slots = slots;
    w->capacity = capacity;
    for (uint32_t i = 0; i < w->count; i++) *slot_of(w, values[i]) = i + 1;
    return true;
}

/* The number of a value. */
static uint32_t number_value(writer *w, baton_value value) {
    uint32_t *slot = slot_of(w, value);
    if (*slot) return *slot - 1;
    if (w->count == w->capacity) {
        if (!grow(w)) return 0;
        slot = slot_of(w, value);
    }
    w->values[w->count] = value;
    *slot = ++w->count;
    return w->count - 1;
}

static char *write_digits(char *at, uint64_t number) {
    int size = 1;
    for (uint64_t rest = number; rest >= 10; rest /= 10) size++;
    for (char *to = at + size; to > at; number /= 10) *--to = (char)('0' + number % 10);
    return at + size;
}

enum { KEY_MOST = 32, NUMBER_MOST = 20 };

/* `key` comes with its comma, quotes and colon. */
static inline void put_always(writer *w, const char *key, size_t size, uint64_t number) {
    char text[KEY_MOST + NUMBER_MOST];
    memcpy(text, key, size);
    buffer_append(w->b, text, (size_t)(write_digits(text + size, number) - text));
}

static inline void put(writer *w, const char *key, size_t size, uint64_t number) {
    if (number) put_always(w, key, size, number);
}

static void put_moment(writer *w, const char *key, size_t size, int64_t ns) {
    if (!ns) return;
    char text[KEY_MOST + 2 * NUMBER_MOST + 3], *at = text + size;
    memcpy(text, key, size);
    *at++ = '[';
    at = write_digits(at, (uint64_t)ns / 1000000);
    *at++ = ',';
    at = write_digits(at, (uint64_t)ns % 1000000);
    *at++ = ']';
    buffer_append(w->b, text, (size_t)(at - text));
}

static void put_value(writer *w, const char *key, size_t size, baton_value value) {
    if (value_is_valid(value)) put_always(w, key, size, number_value(w, value));
}

#define PUT(put_, key_, what_) put_(w, ",\"" key_ "\":", sizeof(",\"" key_ "\":") - 1, what_)

static void put_element(writer *w, bool first, uint64_t number) {
    put_always(w, first ? "[" : ",", 1, number);
}

static void write_undo(writer *w, const baton_execution *x) {
    buffer_puts(w->b, ",\"undo\":");
    for (uint32_t i = 0; i < x->undo_count; i++) put_element(w, i == 0, x->undo[i]);
    buffer_putc(w->b, ']');
}

/* [[step, path, run, offset, first, stride, count, first, ...], ...] */
static void write_keys(writer *w, const key_memory *keys) {
    buffer_puts(w->b, ",\"keys\":");
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct key_list *list = &keys->lists[i];
        buffer_putc(w->b, i ? ',' : '[');
        put_element(w, true, list->ordinal);
        put_element(w, false, list->path);
        put_element(w, false, list->run);
        put_element(w, false, list->offset);
        for (uint32_t j = 0; j < list->count; j++) {
            put_element(w, false, list->runs[j].first);
            put_element(w, false, list->runs[j].stride);
            put_element(w, false, list->runs[j].count);
        }
        buffer_putc(w->b, ']');
    }
    buffer_putc(w->b, ']');
}

/* What the branches of a fork brought so far, one by one: as a whole it would be written anew, with the
 * context of each branch, whenever one ends. [branch, output, context, branch, ...] */
static void write_branches(writer *w, baton_value data) {
    buffer_puts(w->b, ",\"branches\":");
    bool first = true;
    for (size_t i = 0; i < baton_value_size(data); i++) {
        baton_value pair = baton_value_at(data, i);
        if (baton_value_kind(pair) == BATON_KIND_ARRAY) {
            baton_value output = baton_value_at(pair, 0), context = baton_value_at(pair, 1);
            put_element(w, first, i);
            put_element(w, false, number_value(w, output));
            put_element(w, false, number_value(w, context));
            value_unref(output); /* the data holds them too */
            value_unref(context);
            first = false;
        }
        value_unref(pair);
    }
    buffer_puts(w->b, first ? "[]" : "]");
}

static void write_frame(writer *w, const frame *f) {
    buffer_append(w->b, "{\"step\":", 8);
    value_write_text(w->b, f->step->reference);
    PUT(put, "phase", f->phase);
    PUT(put, "alone", !f->sequence);
    PUT(put, "inHandler", f->in_handler);
    PUT(put, "noRetry", f->no_retry);
    PUT(put, "caught", f->caught);
    PUT(put, "interrupted", f->interrupted);
    if (w->places && f->phase == FRAME_READY) PUT(put, "place", f->place);
    PUT(put, "number", f->number);
    PUT(put, "key", f->key);
    PUT(put, "attempt", f->attempt);
    PUT(put, "interruptions", f->interruptions);
    PUT(put, "index", f->index);
    PUT(put, "branch", f->branch);
    PUT(put, "retries", f->retries);
    PUT(put, "ticket", f->ticket);
    PUT(put_moment, "startedAt", f->started_ns);
    PUT(put_moment, "deadline", f->deadline_ns);
    PUT(put_moment, "attemptDeadline", f->attempt_deadline_ns);
    PUT(put_moment, "wake", f->wake_ns);
    PUT(put_value, "rawInput", f->raw_input);
    PUT(put_value, "input", f->input);
    PUT(put_value, "rawOutput", f->raw_output);
    if (f->step->kind != STEP_FORK)
        PUT(put_value, "data", f->data);
    else if (value_is_valid(f->data))
        write_branches(w, f->data);
    PUT(put_value, "error", f->error);
    PUT(put_value, "contextBefore", f->context_before);
    if (f->has_context) PUT(put_value, "context", f->context);
    if (f->keys.count) write_keys(w, &f->keys);
    if (f->children) {
        buffer_puts(w->b, ",\"children\":");
        for (const frame *child = f->children; child; child = child->next) {
            buffer_putc(w->b, child == f->children ? '[' : ',');
            write_frame(w, child);
        }
        buffer_putc(w->b, ']');
    }
    buffer_putc(w->b, '}');
}

static void write_whole(buffer *b, const char *key, baton_value value) {
    buffer_append(b, ",\"", 2);
    buffer_puts(b, key);
    buffer_append(b, "\":", 2);
    value_write(b, value);
}

static void write_values(const writer *w, const snapshot_values *values) {
    for (uint32_t i = 0; i < w->count && !buffer_failed(w->b); i++) {
        char key[NUMBER_MOST + 2] = "v";
        *write_digits(key + 1, i) = '\0';
        if (values)
            values->write(values->data, w->b, key, w->values[i]);
        else
            write_whole(w->b, key, w->values[i]);
    }
}

bool snapshot_write(buffer *b, const baton_execution *x, const snapshot_values *values) {
    writer all, *w = &all;
    w->b = b;
    w->count = 0;
    w->capacity = FEW_VALUES;
    w->values = w->few;
    w->slots = memset(w->few_slots, 0, sizeof w->few_slots);
    w->places = x->ready != x->ready_last;
    put_always(w, "{\"version\":", 11, SNAPSHOT_VERSION);
    PUT(put, "status", x->status);
    PUT(put, "suspending", x->suspending);
    PUT(put, "rollingBack", x->rolling_back);
    PUT(put, "timedOut", x->timed_out);
    PUT(put, "outcome", x->outcome);
    PUT(put, "lastNumber", x->last_number);
    PUT(put, "lastTicket", x->last_ticket);
    PUT(put_moment, "startedAt", x->started_ns);
    PUT(put_moment, "deadline", x->deadline_ns);
    PUT(put_value, "input", x->input);
    PUT(put_value, "context", x->context);
    PUT(put_value, "fault", x->fault);
    if (x->undo_count) write_undo(w, x);
    if (x->root) {
        buffer_append(b, ",\"root\":", 8);
        write_frame(w, x->root);
    }
    write_values(w, values);
    buffer_putc(b, '}');
    if (w->values != w->few) {
        free(w->values);
        free(w->slots);
    }
    return !buffer_failed(b);
}

baton_value snapshot_take(const baton_execution *x) {
    buffer b = {0};
    baton_value snapshot = VALUE_INVALID;
    if (snapshot_write(&b, x, NULL)) snapshot = value_parse_stored(b.data, b.size, NULL);
    buffer_done(&b);
    return snapshot;
}

/* ---- Reading ---- */

typedef struct reader {
    baton_execution *x;
    unsigned version;
    baton_value *values; /* by number; version 1 has none */
    uint32_t count;
    frame **ready;
    uint32_t ready_count;
    bool damaged; /* something named a value that is not there */
    baton_error **err;
} reader;

/* Takes the value. What is no number is 0. */
static uint64_t natural(baton_value value) {
    double number = baton_value_as_number(value);
    value_unref(value);
    return number >= 0 && number <= LIMIT_EXACT_INTEGER ? (uint64_t)number : 0;
}

static uint64_t number_of(baton_value object, const char *key) {
    return natural(baton_value_get(object, key));
}

static uint32_t number_at(baton_value array, size_t index) {
    return (uint32_t)natural(baton_value_at(array, index));
}

static int64_t moment_of(baton_value object, const char *key) {
    baton_value pair = baton_value_get(object, key);
    uint64_t ms = natural(baton_value_at(pair, 0)), rest = natural(baton_value_at(pair, 1));
    value_unref(pair);
    return ms < INT64_MAX / 1000000 && rest < 1000000 ? (int64_t)(ms * 1000000 + rest) : 0;
}

static baton_value value_by_number(reader *r, uint64_t number) {
    if (number < r->count) return value_ref(r->values[number]);
    r->damaged = true;
    return VALUE_INVALID;
}

/* Given; invalid when there is none. */
static baton_value value_of(reader *r, baton_value object, const char *key) {
    baton_value member = baton_value_get(object, key);
    if (r->version == 1 || !value_is_valid(member)) return member;
    return value_by_number(r, natural(member));
}

static int damaged(const reader *r) {
    return baton_error_set(r->err, BATON_ERROR_INVALID, "the snapshot of %s does not fit its workflow",
                           r->x->id);
}

/* Reads what stands at the end of the text, "v0", "v1@" and so on. */
static int read_values(reader *r, baton_value o, const snapshot_values *values) {
    uint32_t most = (uint32_t)baton_value_size(o);
    if (!(r->values = calloc(most + 1, sizeof *r->values))) return error_memory(r->err);
    while (r->count < most) {
        char key[NUMBER_MOST + 3];
        int size = snprintf(key, sizeof key, "v%u", r->count);
        baton_value value = baton_value_get(o, key);
        if (!value_is_valid(value)) {
            memcpy(key + size, "@", 2);
            baton_value number = baton_value_get(o, key);
            if (!value_is_valid(number)) break;
            if (!values) return value_unref(number), damaged(r);
            value = values->read(values->data, (int64_t)natural(number), r->err);
            if (!value_is_valid(value)) return -1;
        }
        r->values[r->count++] = value;
    }
    return 0;
}

static int read_undo(reader *r, baton_value o) {
    baton_execution *x = r->x;
    baton_value undo = baton_value_get(o, "undo");
    size_t size = baton_value_size(undo);
    if (size && !(x->undo = calloc(size, sizeof *x->undo))) {
        value_unref(undo);
        return error_memory(r->err);
    }
    x->undo_count = x->undo_capacity = (uint32_t)size;
    bool fits = true;
    for (size_t i = 0; i < size; i++) {
        x->undo[i] = number_at(undo, i);
        fits = fits && x->undo[i] < x->workflow->step_count;
    }
    value_unref(undo);
    return fits ? 0 : damaged(r);
}

/* Version 1: {step, used, numbers}. */
static bool read_listed_keys(key_memory *keys, baton_value one) {
    struct key_list *list = keys_list(keys, (uint32_t)number_of(one, "step"), 0);
    uint64_t used = number_of(one, "used");
    baton_value numbers = baton_value_get(one, "numbers");
    size_t size = baton_value_size(numbers);
    bool good = list;
    for (size_t i = 0; good && i < size; i++) {
        good = keys_append(list, number_at(numbers, i));
        if (i + 1 != used) continue;
        list->run = list->count - 1;
        list->offset = list->runs[list->run].count;
    }
    value_unref(numbers);
    return good;
}

static bool read_key_runs(key_memory *keys, baton_value one) {
    struct key_list *list = keys_list(keys, number_at(one, 0), number_at(one, 1));
    if (!list) return false;
    size_t size = baton_value_size(one);
    uint32_t count = size > 4 ? (uint32_t)(size - 4) / 3 : 0;
    if (!(list->runs = calloc(count + 1, sizeof *list->runs))) return false;
    list->count = list->capacity = count;
    for (uint32_t i = 0; i < count; i++)
        list->runs[i] = (key_run){number_at(one, 4 + 3 * (size_t)i), number_at(one, 5 + 3 * (size_t)i),
                                  number_at(one, 6 + 3 * (size_t)i)};
    list->run = number_at(one, 2);
    list->offset = number_at(one, 3);
    if (list->run > count) list->run = count;
    if (list->run == count || list->offset > list->runs[list->run].count) list->offset = 0;
    return true;
}

static bool read_keys(const reader *r, key_memory *keys, baton_value o) {
    baton_value lists = baton_value_get(o, "keys");
    bool good = true;
    for (size_t i = 0; good && i < baton_value_size(lists); i++) {
        baton_value one = baton_value_at(lists, i);
        good = r->version == 1 ? read_listed_keys(keys, one) : read_key_runs(keys, one);
        value_unref(one);
    }
    value_unref(lists);
    return good;
}

static baton_value read_branches(reader *r, const step *s, baton_value o) {
    baton_value list = baton_value_get(o, "branches"), data = baton_value_array();
    size_t size = baton_value_size(list), at = 0;
    if (!value_is_valid(list)) {
        value_unref(data);
        return VALUE_INVALID;
    }
    for (uint32_t i = 0; i < s->u.fork.branches.count; i++) {
        baton_value pair = baton_value_null();
        if (at + 2 < size && number_at(list, at) == i) {
            pair = baton_value_append(baton_value_array(), value_by_number(r, number_at(list, at + 1)));
            pair = baton_value_append(pair, value_by_number(r, number_at(list, at + 2)));
            at += 3;
        }
        data = baton_value_append(data, pair);
    }
    if (at < size) r->damaged = true;
    value_unref(list);
    return data;
}

static bool read_ready(reader *r, frame *f) {
    frame **ready = realloc(r->ready, (r->ready_count + 1) * sizeof *ready);
    if (!ready) return false;
    r->ready = ready;
    r->ready[r->ready_count++] = f;
    return true;
}

static void read_state(reader *r, frame *f, baton_value o) {
    uint64_t phase = number_of(o, "phase");
    f->phase = phase <= FRAME_DELIVERY ? (frame_phase)phase : FRAME_HELD;
    f->in_handler = number_of(o, "inHandler") != 0;
    f->no_retry = number_of(o, "noRetry") != 0;
    f->caught = number_of(o, "caught") != 0;
    f->interrupted = number_of(o, "interrupted") != 0;
    f->place = (uint32_t)number_of(o, "place");
    f->number = (uint32_t)number_of(o, "number");
    f->key = (uint32_t)number_of(o, "key");
    f->attempt = (uint32_t)number_of(o, "attempt");
    f->interruptions = (uint32_t)number_of(o, "interruptions");
    f->index = (uint32_t)number_of(o, "index");
    f->branch = (uint32_t)number_of(o, "branch");
    f->retries = (uint32_t)number_of(o, "retries");
    f->ticket = number_of(o, "ticket");
    f->started_ns = moment_of(o, "startedAt");
    f->deadline_ns = moment_of(o, "deadline");
    f->attempt_deadline_ns = moment_of(o, "attemptDeadline");
    f->wake_ns = moment_of(o, "wake");
    f->raw_input = value_of(r, o, "rawInput");
    f->input = value_of(r, o, "input");
    f->raw_output = value_of(r, o, "rawOutput");
    f->data = f->step->kind == STEP_FORK && r->version > 1 ? read_branches(r, f->step, o)
                                                           : value_of(r, o, "data");
    f->error = value_of(r, o, "error");
    f->context_before = value_of(r, o, "contextBefore");
    f->context = value_of(r, o, "context");
    f->has_context = value_is_valid(f->context);
    if (f->phase == FRAME_EFFECT) r->x->effects++;
}

static int read_frame(reader *r, frame *parent, baton_value o) {
    const char *reference = value_get_text(o, "step");
    const step *s = reference ? workflow_find_step(r->x->workflow, reference) : NULL;
    if (!s) return damaged(r);
    frame *f = frame_new(r->x, parent);
    if (!f) return error_memory(r->err);
    f->step = s;
    f->sequence = number_of(o, "alone") ? NULL : s->siblings;
    read_state(r, f, o);
    bool ready = f->phase == FRAME_READY;
    if (ready) f->phase = FRAME_HELD; /* until it stands in the list */
    if (!read_keys(r, &f->keys, o) || (ready && !read_ready(r, f))) return error_memory(r->err);
    baton_value children = baton_value_get(o, "children");
    int result = 0;
    for (size_t i = 0; result == 0 && i < baton_value_size(children); i++) {
        baton_value child = baton_value_at(children, i);
        result = read_frame(r, f, child);
        value_unref(child);
    }
    value_unref(children);
    return result;
}

static int compare_places(const void *a, const void *b) {
    const frame *const *f = a, *const *g = b;
    return ((*f)->place > (*g)->place) - ((*f)->place < (*g)->place);
}

static void make_ready(reader *r) {
    if (r->version > 1 && r->ready_count > 1) /* version 1 has no places: as they stand in the tree */
        qsort(r->ready, r->ready_count, sizeof *r->ready, compare_places);
    for (uint32_t i = 0; i < r->ready_count; i++) frame_make_ready(r->x, r->ready[i]);
}

static int read_execution(reader *r, baton_value o) {
    baton_execution *x = r->x;
    uint64_t status = number_of(o, "status"), outcome = number_of(o, "outcome");
    if (status > EXECUTION_CANCELLED || outcome > EXECUTION_CANCELLED) return damaged(r);
    x->status = (execution_status)status;
    x->suspending = number_of(o, "suspending") != 0;
    x->rolling_back = number_of(o, "rollingBack") != 0;
    x->timed_out = number_of(o, "timedOut") != 0;
    x->outcome = (execution_status)outcome;
    x->last_number = (uint32_t)number_of(o, "lastNumber");
    x->last_ticket = x->lost_ticket = number_of(o, "lastTicket");
    x->started_ns = moment_of(o, "startedAt");
    x->deadline_ns = moment_of(o, "deadline");
    value_assign(&x->input, value_of(r, o, "input"));
    x->context = value_of(r, o, "context");
    x->fault = value_of(r, o, "fault");
    if (read_undo(r, o) != 0) return -1;
    baton_value root = baton_value_get(o, "root");
    int result = value_is_valid(root) ? read_frame(r, NULL, root) : 0;
    value_unref(root);
    if (result == 0 && r->damaged) return damaged(r);
    if (result == 0) make_ready(r);
    return result;
}

int snapshot_restore_from(baton_execution *x, baton_value o, const snapshot_values *values,
                          baton_error **err) {
    reader r = {.x = x, .version = (unsigned)number_of(o, "version"), .err = err};
    if (r.version > SNAPSHOT_VERSION)
        return baton_error_set(err, BATON_ERROR_UNSUPPORTED,
                               "the snapshot of %s was written by a later version of Baton", x->id);
    if (r.version < 1) return damaged(&r);
    int result = r.version > 1 ? read_values(&r, o, values) : 0;
    if (result == 0) result = read_execution(&r, o);
    for (uint32_t i = 0; i < r.count; i++) value_unref(r.values[i]);
    free(r.values);
    free(r.ready);
    return result;
}

int snapshot_restore(baton_execution *x, baton_value snapshot, baton_error **err) {
    return snapshot_restore_from(x, snapshot, NULL, err);
}
