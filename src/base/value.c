/* Values: handles to libjq's data, which counts references and copies on write. All bits zero is libjq's
 * invalid value without a message, so a zeroed struct holds valid handles.
 *
 * libjq's functions release what they are given and abort on a wrong kind; here each argument is borrowed
 * unless baton.h says it is taken, and a wrong kind gives "nothing". A value belongs to one thread at a
 * time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"

#include "base/limits.h"
#include "base/value_jv.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

/* value_is_plain reads what jv keeps in its first byte: the kind in the low bits and, since libjq 1.7,
 * flags above them, set for numbers that are heap objects. */
_Static_assert(offsetof(jv, kind_flags) == 0 && JV_KIND_INVALID == 0 && JV_KIND_NUMBER == 4,
               "value_is_plain knows jv");

static inline jv ref(baton_value value) { return jv_copy(value_to_jv(value)); }

baton_value baton_value_invalid(void) { return VALUE_INVALID; }
baton_value baton_value_null(void) { return value_from_jv(jv_null()); }
baton_value baton_value_boolean(bool value) { return value_from_jv(jv_bool(value)); }
baton_value baton_value_number(double value) { return value_from_jv(jv_number(value)); }
baton_value baton_value_string(const char *text) { return baton_value_string_sized(text, strlen(text)); }
baton_value baton_value_array(void) { return value_from_jv(jv_array()); }
baton_value baton_value_object(void) { return value_from_jv(jv_object()); }

baton_value baton_value_string_sized(const char *text, size_t size) {
    if (size > LIMIT_JSON_BYTES) return VALUE_INVALID;
    return value_from_jv(jv_string_sized(size ? text : "", (int)size));
}

baton_value baton_value_ref(baton_value value) {
    return value_is_plain(value) ? value : value_from_jv(jv_copy(value_to_jv(value)));
}

void baton_value_unref(baton_value value) {
    if (!value_is_plain(value)) jv_free(value_to_jv(value));
}

baton_kind baton_value_kind(baton_value value) {
    static const baton_kind kinds[] = {
        [JV_KIND_INVALID] = BATON_KIND_INVALID, [JV_KIND_NULL] = BATON_KIND_NULL,
        [JV_KIND_FALSE] = BATON_KIND_BOOLEAN,   [JV_KIND_TRUE] = BATON_KIND_BOOLEAN,
        [JV_KIND_NUMBER] = BATON_KIND_NUMBER,   [JV_KIND_STRING] = BATON_KIND_STRING,
        [JV_KIND_ARRAY] = BATON_KIND_ARRAY,     [JV_KIND_OBJECT] = BATON_KIND_OBJECT,
    };
    return kinds[value_to_jv(value).kind_flags & 7];
}

bool baton_value_is_valid(baton_value value) { return value_is_valid(value); }

bool baton_value_is_true(baton_value value) {
    int kind = value_to_jv(value).kind_flags & 7;
    return kind >= JV_KIND_TRUE;
}

double baton_value_as_number(baton_value value) {
    return baton_value_kind(value) == BATON_KIND_NUMBER ? jv_number_value(value_to_jv(value)) : 0;
}

const char *baton_value_as_text(baton_value value) {
    return baton_value_kind(value) == BATON_KIND_STRING ? jv_string_value(value_to_jv(value)) : NULL;
}

size_t baton_value_size(baton_value value) {
    switch (baton_value_kind(value)) {
    case BATON_KIND_STRING: return (size_t)jv_string_length_bytes(ref(value));
    case BATON_KIND_ARRAY: return (size_t)jv_array_length(ref(value));
    case BATON_KIND_OBJECT: return (size_t)jv_object_length(ref(value));
    default: return 0;
    }
}

bool baton_value_equal(baton_value a, baton_value b) { return jv_equal(ref(a), ref(b)); }

baton_value baton_value_at(baton_value array, size_t index) {
    if (baton_value_kind(array) != BATON_KIND_ARRAY || index > INT_MAX) return VALUE_INVALID;
    return value_from_jv(jv_array_get(ref(array), (int)index));
}

baton_value baton_value_get(baton_value object, const char *key) {
    if (baton_value_kind(object) != BATON_KIND_OBJECT) return VALUE_INVALID;
    return value_from_jv(jv_object_get(ref(object), jv_string(key)));
}

bool baton_value_has(baton_value object, const char *key) {
    return baton_value_kind(object) == BATON_KIND_OBJECT && jv_object_has(ref(object), jv_string(key));
}

baton_value baton_value_append(baton_value array, baton_value element) {
    if (baton_value_kind(array) == BATON_KIND_ARRAY && baton_value_is_valid(element))
        return value_from_jv(jv_array_append(value_to_jv(array), value_to_jv(element)));
    baton_value_unref(array);
    baton_value_unref(element);
    return VALUE_INVALID;
}

baton_value baton_value_set(baton_value object, const char *key, baton_value member) {
    if (baton_value_kind(object) == BATON_KIND_OBJECT && baton_value_is_valid(member))
        return value_from_jv(jv_object_set(value_to_jv(object), jv_string(key), value_to_jv(member)));
    baton_value_unref(object);
    baton_value_unref(member);
    return VALUE_INVALID;
}

baton_value baton_value_remove(baton_value object, const char *key) {
    if (baton_value_kind(object) == BATON_KIND_OBJECT)
        return value_from_jv(jv_object_delete(value_to_jv(object), jv_string(key)));
    baton_value_unref(object);
    return VALUE_INVALID;
}

bool baton_value_next(baton_value object, int *cursor, const char **key, baton_value *member) {
    if (baton_value_kind(object) != BATON_KIND_OBJECT) return false;
    jv j = value_to_jv(object);
    /* libjq's positions begin with -1 before the first member. */
    int at = jv_object_iter_next(j, *cursor - 1);
    if (!jv_object_iter_valid(j, at)) return false;
    jv name = jv_object_iter_key(j, at);
    *key = jv_string_value(name);
    jv_free(name); /* the object holds it too */
    if (member) *member = value_from_jv(jv_object_iter_value(j, at));
    *cursor = at + 1;
    return true;
}

baton_value value_set_text(baton_value object, const char *key, const char *text) {
    return baton_value_set(object, key, text ? baton_value_string(text) : baton_value_null());
}

baton_value value_set_number(baton_value object, const char *key, double number) {
    return baton_value_set(object, key, baton_value_number(number));
}

const char *value_get_text(baton_value object, const char *key) {
    baton_value member = baton_value_get(object, key);
    const char *text = baton_value_as_text(member);
    baton_value_unref(member); /* the object holds it too */
    return text;
}

char *baton_value_to_json(baton_value value) {
    buffer b = {0};
    value_write(&b, value);
    return buffer_take(&b);
}
