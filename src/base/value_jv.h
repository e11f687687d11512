/* The passage between baton_value and libjq's jv, for value.c, json.c and src/expression/ alone. A
 * baton_value is a jv copied bit by bit: passing it over hands on the reference, it makes none.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_VALUE_JV_H
#define BATON_BASE_VALUE_JV_H

#include "base/value.h"

#include <jv.h>
#include <string.h>

_Static_assert(sizeof(jv) == sizeof(baton_value), "a baton_value holds a jv");
_Static_assert(_Alignof(jv) <= _Alignof(baton_value), "a baton_value holds a jv");

static inline jv value_to_jv(baton_value value) {
    jv j;
    memcpy(&j, &value, sizeof j);
    return j;
}

static inline baton_value value_from_jv(jv j) {
    baton_value value;
    memcpy(&value, &j, sizeof value);
    return value;
}

#endif
