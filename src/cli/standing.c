/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/standing.h"

#include "base/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double number_of(baton_value object, const char *key) {
    baton_value member = baton_value_get(object, key);
    double number = baton_value_as_number(member);
    value_unref(member);
    return number > 0 && number < 1e15 ? number : 0;
}

/* [milliseconds, nanoseconds] */
static int64_t moment_of(baton_value object, const char *key) {
    baton_value pair = baton_value_get(object, key), ms = baton_value_at(pair, 0);
    int64_t ns = (int64_t)baton_value_as_number(ms) * 1000000;
    value_unref(ms);
    value_unref(pair);
    return ns;
}

/* Given. A value stands at the end of the snapshot, under its number. */
static baton_value value_of(baton_value snapshot, baton_value frame, const char *key) {
    baton_value number = baton_value_get(frame, key);
    if (baton_value_kind(number) != BATON_KIND_NUMBER) return number;
    char name[32];
    snprintf(name, sizeof name, "v%.0f", baton_value_as_number(number));
    return baton_value_get(snapshot, name);
}

static void add(standing *s, baton_value snapshot, baton_value frame) {
    const char *reference = value_get_text(frame, "step");
    if (!reference || s->total++ >= STANDS_MOST) return;
    stand *at = &s->stands[s->count];
    if (!(at->reference = strdup(reference))) return;
    at->phase = (frame_phase)number_of(frame, "phase");
    at->attempt = (uint32_t)number_of(frame, "attempt");
    at->retries = (uint32_t)number_of(frame, "retries");
    at->started_ns = moment_of(frame, "startedAt");
    at->wake_ns = moment_of(frame, "wake");
    at->error = value_of(snapshot, frame, "error");
    s->count++;
}

static void walk(standing *s, baton_value snapshot, baton_value frame) {
    baton_value children = baton_value_get(frame, "children");
    size_t size = baton_value_size(children);
    for (size_t i = 0; i < size; i++) {
        baton_value child = baton_value_at(children, i);
        walk(s, snapshot, child);
        value_unref(child);
    }
    value_unref(children);
    if (!size && baton_value_kind(frame) == BATON_KIND_OBJECT) add(s, snapshot, frame);
}

void standing_read(standing *s, store_bytes cursor) {
    *s = (standing){0};
    if (!cursor.bytes) return;
    baton_value whole = value_parse_stored(cursor.bytes, cursor.size, NULL);
    baton_value snapshot = baton_value_get(whole, "execution"), root = baton_value_get(snapshot, "root");
    walk(s, snapshot, root);
    s->given_back = baton_value_has(whole, "givenBack");
    value_unref(root);
    value_unref(snapshot);
    value_unref(whole);
}

bool standing_wakes(const standing *s, int64_t wake_ns) {
    for (size_t i = 0; i < s->count; i++) /* The cursor has nanoseconds, the row has not. */
        if (s->stands[i].wake_ns && llabs(s->stands[i].wake_ns - wake_ns) < 1000000) return true;
    return s->count < s->total;
}

void standing_done(standing *s) {
    for (size_t i = 0; i < s->count; i++) {
        free(s->stands[i].reference);
        value_unref(s->stands[i].error);
    }
    s->count = s->total = 0;
}
