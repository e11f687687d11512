/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/kept.h"

#include "base/value.h"

#include <stdio.h>
#include <stdlib.h>

kept_value *kept_find(kept_values *kept, baton_value value) {
    for (size_t i = 0; i < kept->count; i++)
        if (kept_is_same(kept->list[i].value, value)) return &kept->list[i];
    return NULL;
}

kept_value *kept_by_number(kept_values *kept, int64_t number) {
    for (size_t i = 0; i < kept->count; i++)
        if (kept->list[i].number == number) return &kept->list[i];
    return NULL;
}

bool kept_add(kept_values *kept, baton_value value, int64_t number) {
    if (kept->count == kept->capacity) {
        size_t capacity = kept->capacity ? kept->capacity * 2 : 4;
        kept_value *list = realloc(kept->list, capacity * sizeof *list);
        if (!list) return false;
        kept->list = list;
        kept->capacity = capacity;
    }
    kept->list[kept->count++] = (kept_value){value_ref(value), number, true};
    return true;
}

void kept_begin(kept_values *kept) {
    for (size_t i = 0; i < kept->count; i++) kept->list[i].used = false;
}

void kept_sweep(kept_values *kept) {
    for (size_t i = kept->count; i-- > 0;) {
        if (kept->list[i].used) continue;
        value_unref(kept->list[i].value);
        kept->list[i] = kept->list[--kept->count];
    }
}

void kept_clear(kept_values *kept) {
    for (size_t i = 0; i < kept->count; i++) value_unref(kept->list[i].value);
    free(kept->list);
    *kept = (kept_values){.last_number = kept->last_number};
}

baton_value kept_read(store *s, const store_row *row, store_text text, baton_error **err) {
    if (!text.number) return text.bytes ? value_parse_stored(text.bytes, text.size, err) : VALUE_INVALID;
    buffer kept = {0};
    baton_value value = VALUE_INVALID;
    if (s->type->read(s, row, text.number, &kept, err) == 0)
        value = value_parse_stored(buffer_text(&kept), kept.size, err);
    buffer_done(&kept);
    return value;
}

int kept_read_member(store *s, const store_row *row, baton_value object, const char *key,
                     baton_value *value, baton_error **err) {
    char reference[32];
    snprintf(reference, sizeof reference, "%s@", key);
    *value = baton_value_get(object, key);
    baton_value number = baton_value_get(object, reference);
    if (!value_is_valid(number)) return 0;
    *value = kept_read(s, row, (store_text){.number = (int64_t)baton_value_as_number(number)}, err);
    return value_is_valid(*value) ? 0 : -1;
}
