/* The memory store: commits by a plain call, and keeps nothing of what has ended. It holds the snapshots of
 * executions that wait outside the engine's memory, and deliveries that came early.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

typedef struct row {
    char *snapshot;         /* JSON text; NULL while the execution is in the engine's memory */
    baton_value deliveries; /* {reference: [values]} */
    size_t delivery_count;
} row;

static store *open_memory(const char *where, baton_error **err) {
    (void)where;
    store *s = calloc(1, sizeof *s);
    if (s)
        s->type = &store_memory;
    else
        error_memory(err);
    return s;
}

static void close_memory(store *s) { free(s); }

static row *row_of(store_row *handle, baton_error **err) {
    if (!handle->data && !(handle->data = calloc(1, sizeof(row)))) error_memory(err);
    return handle->data;
}

static int commit(store *s, const store_change *changes, size_t count, baton_error **err) {
    for (size_t i = 0; i < count; i++) {
        const store_change *change = &changes[i];
        s->last_seq += change->record_count;
        if (!baton_value_is_valid(change->snapshot)) continue;
        row *r = row_of(change->row, err);
        if (!r) return -1;
        char *text = baton_value_to_json(change->snapshot);
        if (!text)
            return baton_error_set(err, BATON_ERROR_LIMIT,
                                   "the execution's data is too large or too deep to be kept");
        free(r->snapshot);
        r->snapshot = text;
    }
    return 0;
}

static int load(store *s, store_row *handle, baton_value *snapshot, baton_error **err) {
    (void)s;
    row *r = handle->data;
    if (!r || !r->snapshot) return baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no snapshot");
    baton_value value = value_parse_stored(r->snapshot, strlen(r->snapshot), err);
    if (!baton_value_is_valid(value)) return -1;
    free(r->snapshot);
    r->snapshot = NULL;
    *snapshot = value;
    return 0;
}

static int keep_delivery(store *s, store_row *handle, const char *reference, baton_value value,
                         baton_error **err) {
    (void)s;
    row *r = row_of(handle, err);
    if (!r || r->delivery_count >= LIMIT_EARLY_DELIVERIES) {
        baton_value_unref(value);
        return r ? baton_error_set(err, BATON_ERROR_LIMIT, "%d deliveries wait already",
                                   LIMIT_EARLY_DELIVERIES)
                 : -1;
    }
    if (!baton_value_is_valid(r->deliveries)) r->deliveries = baton_value_object();
    baton_value list = baton_value_get(r->deliveries, reference);
    if (!baton_value_is_valid(list)) list = baton_value_array();
    r->deliveries = baton_value_set(r->deliveries, reference, baton_value_append(list, value));
    r->delivery_count++;
    return 0;
}

static baton_value take_delivery(store *s, store_row *handle, const char *reference) {
    (void)s;
    row *r = handle->data;
    if (!r || !r->delivery_count) return VALUE_INVALID;
    baton_value list = baton_value_get(r->deliveries, reference);
    baton_value first = baton_value_at(list, 0);
    if (baton_value_is_valid(first)) {
        baton_value rest = baton_value_array();
        for (size_t i = 1; i < baton_value_size(list); i++)
            rest = baton_value_append(rest, baton_value_at(list, i));
        r->deliveries = baton_value_set(r->deliveries, reference, rest);
        r->delivery_count--;
    }
    baton_value_unref(list);
    return first;
}

static void forget(store *s, store_row *handle) {
    (void)s;
    row *r = handle->data;
    if (!r) return;
    free(r->snapshot);
    baton_value_unref(r->deliveries);
    free(r);
    handle->data = NULL;
}

const store_type store_memory = {.name = "memory",
                                 .open = open_memory,
                                 .close = close_memory,
                                 .commit = commit,
                                 .load = load,
                                 .keep_delivery = keep_delivery,
                                 .take_delivery = take_delivery,
                                 .forget = forget};
