/* A try with retry remembers, for each step inside it, the keys of its occurrences in order. Tries nest:
 * an occurrence that is new to the inner one may be known to the outer one, which began again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine/keys.h"

#include <stdlib.h>

static frame *retrying_try(frame *f) {
    for (f = f->parent; f; f = f->parent)
        if (f->step->kind == STEP_TRY && f->step->u.try_.retry && !f->in_handler) return f;
    return NULL;
}

static struct key_list *list_of(key_memory *keys, uint32_t ordinal) {
    for (uint32_t i = 0; i < keys->count; i++)
        if (keys->lists[i].ordinal == ordinal) return &keys->lists[i];
    if (keys->count == keys->capacity) {
        uint32_t capacity = keys->capacity ? keys->capacity * 2 : 4;
        void *lists = realloc(keys->lists, capacity * sizeof *keys->lists);
        if (!lists) return NULL;
        keys->lists = lists;
        keys->capacity = capacity;
    }
    keys->lists[keys->count] = (struct key_list){.ordinal = ordinal};
    return &keys->lists[keys->count++];
}

static uint32_t resolve(frame *try_frame, uint32_t ordinal, uint32_t number) {
    if (!try_frame) return number;
    struct key_list *list = list_of(&try_frame->keys, ordinal);
    if (!list) return 0;
    if (list->used < list->count) return list->numbers[list->used++];
    uint32_t key = resolve(retrying_try(try_frame), ordinal, number);
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 4;
        void *numbers = realloc(list->numbers, capacity * sizeof *list->numbers);
        if (!numbers) return 0;
        list->numbers = numbers;
        list->capacity = capacity;
    }
    list->numbers[list->count++] = key;
    list->used = list->count;
    return key;
}

uint32_t keys_resolve(frame *f, uint32_t number) {
    return resolve(retrying_try(f), f->step->ordinal, number);
}

void keys_rewind(frame *f) {
    for (uint32_t i = 0; i < f->keys.count; i++) f->keys.lists[i].used = 0;
}
