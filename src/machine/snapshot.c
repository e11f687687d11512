/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/snapshot.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "machine/fault.h"

#include <stdlib.h>
#include <string.h>

enum { SNAPSHOT_VERSION = 1 };

/* ---- Writing ---- */

static baton_value put(baton_value object, const char *key, double number) {
    return number == 0 ? object : value_set_number(object, key, number);
}

/* A moment in nanoseconds does not fit a double: two numbers, milliseconds and the rest. */
static baton_value put_moment(baton_value object, const char *key, int64_t ns) {
    if (!ns) return object;
    baton_value pair = baton_value_append(baton_value_array(), baton_value_number((double)(ns / 1000000)));
    pair = baton_value_append(pair, baton_value_number((double)(ns % 1000000)));
    return baton_value_set(object, key, pair);
}

static baton_value put_value(baton_value object, const char *key, baton_value value) {
    return value_is_valid(value) ? baton_value_set(object, key, value_ref(value)) : object;
}

static baton_value numbers(const uint32_t *list, uint32_t count) {
    baton_value array = baton_value_array();
    for (uint32_t i = 0; i < count; i++) array = baton_value_append(array, baton_value_number(list[i]));
    return array;
}

static baton_value write_keys(const key_memory *keys) {
    baton_value lists = baton_value_array();
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct key_list *list = &keys->lists[i];
        baton_value one = value_set_number(baton_value_object(), "step", list->ordinal);
        one = value_set_number(one, "used", list->used);
        lists =
            baton_value_append(lists, baton_value_set(one, "numbers", numbers(list->numbers, list->count)));
    }
    return lists;
}

static baton_value write_frame(const frame *f) {
    baton_value o = value_set_text(baton_value_object(), "step", f->step->reference);
    o = put(o, "phase", f->phase);
    o = put(o, "alone", !f->sequence);
    o = put(o, "inHandler", f->in_handler);
    o = put(o, "noRetry", f->no_retry);
    o = put(o, "caught", f->caught);
    o = put(o, "number", f->number);
    o = put(o, "key", f->key);
    o = put(o, "attempt", f->attempt);
    o = put(o, "index", f->index);
    o = put(o, "branch", f->branch);
    o = put(o, "retries", f->retries);
    o = put(o, "ticket", (double)f->ticket);
    o = put_moment(o, "startedAt", f->started_ns);
    o = put_moment(o, "deadline", f->deadline_ns);
    o = put_moment(o, "attemptDeadline", f->attempt_deadline_ns);
    o = put_moment(o, "wake", f->wake_ns);
    o = put_value(o, "rawInput", f->raw_input);
    o = put_value(o, "input", f->input);
    o = put_value(o, "rawOutput", f->raw_output);
    o = put_value(o, "data", f->data);
    o = put_value(o, "error", f->error);
    o = put_value(o, "contextBefore", f->context_before);
    if (f->has_context) o = put_value(o, "context", f->context);
    if (f->keys.count) o = baton_value_set(o, "keys", write_keys(&f->keys));
    baton_value children = baton_value_array();
    for (const frame *child = f->children; child; child = child->next)
        children = baton_value_append(children, write_frame(child));
    return baton_value_set(o, "children", children);
}

baton_value snapshot_take(const baton_execution *x) {
    baton_value o = value_set_number(baton_value_object(), "version", SNAPSHOT_VERSION);
    o = put(o, "status", x->status);
    o = put(o, "suspending", x->suspending);
    o = put(o, "rollingBack", x->rolling_back);
    o = put(o, "timedOut", x->timed_out);
    o = put(o, "outcome", x->outcome);
    o = put(o, "lastNumber", x->last_number);
    o = put(o, "lastTicket", (double)x->last_ticket);
    o = put_moment(o, "startedAt", x->started_ns);
    o = put_moment(o, "deadline", x->deadline_ns);
    o = put_value(o, "input", x->input);
    o = put_value(o, "context", x->context);
    o = put_value(o, "fault", x->fault);
    if (x->undo_count) o = baton_value_set(o, "undo", numbers(x->undo, x->undo_count));
    return x->root ? baton_value_set(o, "root", write_frame(x->root)) : o;
}

/* ---- Reading ---- */

static double number_of(baton_value object, const char *key) {
    baton_value value = baton_value_get(object, key);
    double number = baton_value_as_number(value);
    value_unref(value);
    return number >= 0 && number <= LIMIT_EXACT_INTEGER ? number : 0;
}

static int64_t moment_of(baton_value object, const char *key) {
    baton_value pair = baton_value_get(object, key);
    baton_value ms = baton_value_at(pair, 0), rest = baton_value_at(pair, 1);
    int64_t ns = (int64_t)baton_value_as_number(ms) * 1000000 + (int64_t)baton_value_as_number(rest);
    value_unref(ms);
    value_unref(rest);
    value_unref(pair);
    return ns;
}

/* An array of numbers into a list of its own, NULL when it is empty; false without memory. */
static bool read_numbers(baton_value object, const char *key, uint32_t **list, uint32_t *count) {
    baton_value array = baton_value_get(object, key);
    size_t size = baton_value_size(array);
    *list = size ? calloc(size, sizeof **list) : NULL;
    for (size_t i = 0; *list && i < size; i++) {
        baton_value element = baton_value_at(array, i);
        (*list)[i] = (uint32_t)baton_value_as_number(element);
        value_unref(element);
    }
    value_unref(array);
    *count = *list ? (uint32_t)size : 0;
    return *count == size;
}

static bool read_keys(key_memory *keys, baton_value object) {
    baton_value lists = baton_value_get(object, "keys");
    size_t size = baton_value_size(lists);
    bool good = !size || (keys->lists = calloc(size, sizeof *keys->lists));
    for (size_t i = 0; good && i < size; i++) {
        baton_value one = baton_value_at(lists, i);
        struct key_list *list = &keys->lists[i];
        keys->count = keys->capacity = (uint32_t)i + 1;
        list->ordinal = (uint32_t)number_of(one, "step");
        list->used = (uint32_t)number_of(one, "used");
        good = read_numbers(one, "numbers", &list->numbers, &list->count);
        list->capacity = list->count;
        if (list->used > list->count) list->used = list->count;
        value_unref(one);
    }
    value_unref(lists);
    return good;
}

static int damaged(const baton_execution *x, baton_error **err) {
    return baton_error_set(err, BATON_ERROR_INVALID, "the snapshot of %s does not fit its workflow", x->id);
}

static void read_state(baton_execution *x, frame *f, baton_value o) {
    unsigned phase = (unsigned)number_of(o, "phase");
    f->phase = phase <= FRAME_DELIVERY ? (frame_phase)phase : FRAME_HELD;
    f->in_handler = number_of(o, "inHandler") != 0;
    f->no_retry = number_of(o, "noRetry") != 0;
    f->caught = number_of(o, "caught") != 0;
    f->number = (uint32_t)number_of(o, "number");
    f->key = (uint32_t)number_of(o, "key");
    f->attempt = (uint32_t)number_of(o, "attempt");
    f->index = (uint32_t)number_of(o, "index");
    f->branch = (uint32_t)number_of(o, "branch");
    f->retries = (uint32_t)number_of(o, "retries");
    f->ticket = (uint64_t)number_of(o, "ticket");
    f->started_ns = moment_of(o, "startedAt");
    f->deadline_ns = moment_of(o, "deadline");
    f->attempt_deadline_ns = moment_of(o, "attemptDeadline");
    f->wake_ns = moment_of(o, "wake");
    f->raw_input = baton_value_get(o, "rawInput");
    f->input = baton_value_get(o, "input");
    f->raw_output = baton_value_get(o, "rawOutput");
    f->data = baton_value_get(o, "data");
    f->error = baton_value_get(o, "error");
    f->context_before = baton_value_get(o, "contextBefore");
    f->context = baton_value_get(o, "context");
    f->has_context = value_is_valid(f->context);
    if (f->phase == FRAME_EFFECT) x->effects++;
}

static int read_frame(baton_execution *x, frame *parent, baton_value o, baton_error **err) {
    const char *reference = value_get_text(o, "step");
    const step *s = reference ? workflow_find_step(x->workflow, reference) : NULL;
    if (!s) return damaged(x, err);
    frame *f = frame_new(x, parent);
    if (!f) return error_memory(err);
    f->step = s;
    f->sequence = number_of(o, "alone") ? NULL : s->siblings;
    read_state(x, f, o);
    if (!read_keys(&f->keys, o)) return error_memory(err);
    if (f->phase == FRAME_READY) frame_make_ready(x, f);
    baton_value children = baton_value_get(o, "children");
    int result = 0;
    for (size_t i = 0; result == 0 && i < baton_value_size(children); i++) {
        baton_value child = baton_value_at(children, i);
        result = read_frame(x, f, child, err);
        value_unref(child);
    }
    value_unref(children);
    return result;
}

int snapshot_restore(baton_execution *x, baton_value o, baton_error **err) {
    int version = (int)number_of(o, "version");
    if (version > SNAPSHOT_VERSION)
        return baton_error_set(err, BATON_ERROR_UNSUPPORTED,
                               "the snapshot of %s was written by a later version of Baton", x->id);
    unsigned status = (unsigned)number_of(o, "status"), outcome = (unsigned)number_of(o, "outcome");
    if (version < 1 || status > EXECUTION_CANCELLED || outcome > EXECUTION_CANCELLED)
        return damaged(x, err);
    x->status = (execution_status)status;
    x->suspending = number_of(o, "suspending") != 0;
    x->rolling_back = number_of(o, "rollingBack") != 0;
    x->timed_out = number_of(o, "timedOut") != 0;
    x->outcome = (execution_status)outcome;
    x->last_number = (uint32_t)number_of(o, "lastNumber");
    x->last_ticket = (uint64_t)number_of(o, "lastTicket");
    x->started_ns = moment_of(o, "startedAt");
    x->deadline_ns = moment_of(o, "deadline");
    value_assign(&x->input, baton_value_get(o, "input"));
    x->context = baton_value_get(o, "context");
    x->fault = baton_value_get(o, "fault");
    if (!read_numbers(o, "undo", &x->undo, &x->undo_count)) return error_memory(err);
    x->undo_capacity = x->undo_count;
    for (uint32_t i = 0; i < x->undo_count; i++)
        if (x->undo[i] >= x->workflow->step_count) return damaged(x, err);
    baton_value root = baton_value_get(o, "root");
    int result = value_is_valid(root) ? read_frame(x, NULL, root, err) : 0;
    value_unref(root);
    return result;
}
