/* A try with retry remembers, for each step inside it, the keys of its occurrences in order. Tries nest:
 * an occurrence that is new to the inner one may be known to the outer one, which began again.
 *
 * Branches of a fork go on in any order, and may call one function: each has lists of its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine/keys.h"

#include "base/limits.h"

#include <stdlib.h>

static frame *retrying_try(frame *f) {
    for (f = f->parent; f; f = f->parent)
        if (f->step->kind == STEP_TRY && f->step->u.try_.retry && !f->in_handler) return f;
    return NULL;
}

/* Which branches lead from the try to f, as one number; 0 outside of any. Different as far as three forks
 * within one another, and practically beyond. */
static uint32_t path_within(const frame *try_frame, const frame *f) {
    uint32_t path = 0;
    for (; f != try_frame; f = f->parent)
        if (f->parent->step->kind == STEP_FORK) path = path * (LIMIT_BRANCHES + 1) + f->branch + 1;
    return path;
}

struct key_list *keys_list(key_memory *keys, uint32_t ordinal, uint32_t path) {
    for (uint32_t i = 0; i < keys->count; i++)
        if (keys->lists[i].ordinal == ordinal && keys->lists[i].path == path) return &keys->lists[i];
    if (keys->count == keys->capacity) {
        uint32_t capacity = keys->capacity ? keys->capacity * 2 : 4;
        void *lists = realloc(keys->lists, capacity * sizeof *keys->lists);
        if (!lists) return NULL;
        keys->lists = lists;
        keys->capacity = capacity;
    }
    keys->lists[keys->count] = (struct key_list){.ordinal = ordinal, .path = path};
    return &keys->lists[keys->count++];
}

bool keys_append(struct key_list *list, uint32_t key) {
    key_run *last = list->count ? &list->runs[list->count - 1] : NULL;
    if (last && last->count == 1) last->stride = key - last->first;
    if (last && key == last->first + last->stride * last->count) {
        last->count++;
        return true;
    }
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 2;
        void *runs = realloc(list->runs, capacity * sizeof *list->runs);
        if (!runs) return false;
        list->runs = runs;
        list->capacity = capacity;
    }
    list->runs[list->count++] = (key_run){.first = key, .count = 1};
    return true;
}

/* The next key of an earlier attempt; 0 when all are used. */
static uint32_t next_key(struct key_list *list) {
    while (list->run < list->count && list->offset == list->runs[list->run].count) {
        list->run++;
        list->offset = 0;
    }
    if (list->run == list->count) return 0;
    const key_run *run = &list->runs[list->run];
    return run->first + run->stride * list->offset++;
}

static uint32_t resolve(frame *try_frame, const frame *f, uint32_t number) {
    if (!try_frame) return number;
    struct key_list *list = keys_list(&try_frame->keys, f->step->ordinal, path_within(try_frame, f));
    if (!list) return 0;
    uint32_t key = next_key(list);
    if (key) return key;
    key = resolve(retrying_try(try_frame), f, number);
    if (!keys_append(list, key)) return 0;
    /* It is used already: nothing follows. */
    list->run = list->count;
    list->offset = 0;
    return key;
}

uint32_t keys_resolve(frame *f, uint32_t number) { return resolve(retrying_try(f), f, number); }

void keys_rewind(frame *f) {
    for (uint32_t i = 0; i < f->keys.count; i++) f->keys.lists[i].run = f->keys.lists[i].offset = 0;
}
