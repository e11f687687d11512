/* Definitions that stand before an expression because something in libjq 1.6 would abort, hang or look at
 * the machine it runs on. An expression is given only those that it can reach; most need none.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_EXPRESSION_GUARDS_H
#define BATON_EXPRESSION_GUARDS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* In the order in which they must stand: a guard may use those before it, and none may see a later one. */
typedef enum guard {
    GUARD_NAN = 1 << 0,      /* a bound or an index that is not a number: an assertion in libjq */
    GUARD_SETPATH = 1 << 1,  /* a huge index to assign to: libjq aborts without memory */
    GUARD_DELPATHS = 1 << 2, /* NaN as an index to delete: never ends */
    GUARD_ASSIGN = 1 << 3,   /* = |= += and so on use the two above */
    GUARD_GETPATH = 1 << 4,
    GUARD_NTH = 1 << 5,
    GUARD_INDICES = 1 << 6, /* of the empty string: never ends */
    GUARD_STREAM = 1 << 7,
    GUARD_IMPLODE = 1 << 8,   /* codepoints that do not exist */
    GUARD_REGEX = 1 << 9,     /* empty matches: a crash beyond ASCII, and replacing never ends */
    GUARD_TIME = 1 << 10,     /* times out of range: an assertion; and the time zone of the machine */
    GUARD_MULTIPLY = 1 << 11, /* "text" * n without bounds */
    GUARD_MODULO = 1 << 12,   /* the least integer % -1: a signal */
    GUARD_ERROR = 1 << 13,    /* error(null) would be no error at all */
    GUARD_END = 1 << 14
} guard;

/* When a function needs its guards. */
typedef enum guard_when {
    GUARD_ALWAYS,
    GUARD_IF_NAN,  /* where the expression may make NaN on purpose */
    GUARD_IF_INDEX /* there too, and where an index is computed */
} guard_when;

typedef struct guarded_function {
    const char *name;
    unsigned guards;
    guard_when when;
    bool computes_index; /* as .[f] does: what is assigned through it needs care */
} guarded_function;

/* NULL when the function is harmless. */
const guarded_function *guard_find(const char *name, size_t size);
/* True for functions that reach outside, end the process or answer about libjq itself. */
bool guard_refuses(const char *name, size_t size);
/* Appends the definitions of a set of guards on one line. */
void guards_append(buffer *b, unsigned guards);

#endif
