/* The problems found in one file: gathered in any order, told in the order of their places.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_PROBLEMS_H
#define BATON_DEFINITION_PROBLEMS_H

#include "base/error.h"

typedef struct problem {
    size_t serial; /* equal places keep the order of their finding */
    baton_error *error;
} problem;

typedef struct problems {
    problem *items;
    size_t count, capacity;
    size_t added, dropped;
    bool no_memory;
} problems;

/* Takes the error. */
void problems_take(problems *p, baton_error *error, place where);
__attribute__((format(printf, 4, 5))) void problems_add(problems *p, baton_error_code code, place where,
                                                        const char *format, ...);
/* Gives all as one list, at most LIMIT_FILE_PROBLEMS of them and then "and N more", and empties p. NULL
 * when there are none; BATON_ERROR_MEMORY when memory ended on the way. */
baton_error *problems_give(problems *p);
/* Frees them. */
void problems_done(problems *p);

#endif
