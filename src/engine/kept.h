/* Values that the store keeps for a run: large ones have a number in its data, small ones stand whole in
 * the texts that name them.
 *
 * A value is known by its handle: as long as it is held here, the same handle is the same text, and is not
 * written again. What no cursor names any more is let go. On the loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_KEPT_H
#define BATON_ENGINE_KEPT_H

#include "store/store.h"

typedef struct kept_value {
    baton_value value;
    int64_t number;
    bool used; /* since kept_begin */
} kept_value;

/* Of one run. Zeroed at first. */
typedef struct kept_values {
    kept_value *list;
    size_t count, capacity;
    int64_t last_number; /* that was given to any of them */
} kept_values;

/* NULL when this handle is not kept. */
kept_value *kept_find(kept_values *kept, baton_value value);
kept_value *kept_by_number(kept_values *kept, int64_t number);
/* Holds a value under its number; false without memory. */
bool kept_add(kept_values *kept, baton_value value, int64_t number);
/* Around the writing of a cursor: what was not `used` between the two is let go. */
void kept_begin(kept_values *kept);
void kept_sweep(kept_values *kept);
/* Lets all go; the numbers go on. */
void kept_clear(kept_values *kept);

/* A value that the store keeps; given; invalid with *err, or when there is none. */
baton_value kept_read(store *s, const store_row *row, store_text text, baton_error **err);
/* The member `key`, or the value kept under the number that `key@` says; *value is invalid when neither is
 * there. */
int kept_read_member(store *s, const store_row *row, baton_value object, const char *key,
                     baton_value *value, baton_error **err);

static inline bool kept_is_same(baton_value a, baton_value b) {
    return a.head == b.head && a.tail == b.tail;
}

#endif
