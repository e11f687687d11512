/* What the layers below the public header need of values. Only value.c, json.c and src/expression/ see
 * libjq's own type.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_VALUE_H
#define BATON_BASE_VALUE_H

#include "base/buffer.h"

#include <baton/baton.h>

#define VALUE_INVALID ((baton_value){0, 0})

/* Appends compact JSON. */
void value_write(buffer *b, baton_value value);
/* Appends JSON for people: indented by two blanks. */
void value_write_pretty(buffer *b, baton_value value);
/* Appends text as a JSON string, quotes included; NULL as null. */
void value_write_text(buffer *b, const char *text);

/* Reads JSON as baton_value_parse does, and says in errors that it stands in `file` (may be NULL). */
baton_value value_parse(const char *json, size_t size, const char *file, baton_error **err);
/* Reads what Baton wrote: nested as deep as the writer goes. */
baton_value value_parse_stored(const char *json, size_t size, baton_error **err);

/* Whether a value can be kept: its text has at most `bytes`, and it nests no deeper than
 * LIMIT_OUTPUT_DEPTH. Looks no further than it must. */
typedef enum value_fit { VALUE_FITS, VALUE_TOO_LARGE, VALUE_TOO_DEEP } value_fit;
value_fit value_fits(baton_value value, size_t bytes);

/* For building objects in one expression: sets key to a text, or to null when text is NULL. */
baton_value value_set_text(baton_value object, const char *key, const char *text);
baton_value value_set_number(baton_value object, const char *key, double number);
/* The member's text when it is a string, else NULL; lives as long as the object (which keeps it alive). */
const char *value_get_text(baton_value object, const char *key);

/* True when a handle holds nothing on the heap (nothing, null, a boolean, a plain number), so that copying
 * and releasing it is nothing to do. A value's first byte tells: see value.c. */
static inline bool value_is_plain(baton_value value) {
    unsigned char kind = *(const unsigned char *)&value;
    return kind <= 4 && (kind != 0 || value.tail == 0);
}

/* baton_value_ref and _unref without a call for plain values: for the paths that every step takes. */
static inline baton_value value_ref(baton_value value) {
    return value_is_plain(value) ? value : baton_value_ref(value);
}
static inline void value_unref(baton_value value) {
    if (!value_is_plain(value)) baton_value_unref(value);
}
static inline bool value_is_valid(baton_value value) { return *(const unsigned char *)&value & 7; }

/* The same handle, and so the same data as long as both are held. */
static inline bool value_same(baton_value a, baton_value b) { return a.head == b.head && a.tail == b.tail; }

/* *slot = value, releasing what was there. Takes value. */
static inline void value_assign(baton_value *slot, baton_value value) {
    value_unref(*slot);
    *slot = value;
}

#endif
