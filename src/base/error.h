/* What the layers below the public header need of errors: places and lists.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_ERROR_H
#define BATON_BASE_ERROR_H

#include <baton/baton.h>

typedef struct place {
    const char *file; /* borrowed; copied into the error; may be NULL */
    int line, column; /* from 1; 0 when unknown */
} place;

/* Sets where the error is; an error that already has a line keeps it. */
void error_set_place(baton_error *error, place where);
/* Adds `next` (taken) behind the last of the list `*list`; *list may be NULL before. */
void error_append(baton_error **list, baton_error *next);
size_t error_count(const baton_error *list);
/* Frees *err and makes it NULL: for errors that are handled. */
void error_clear(baton_error **err);
/* Hands an error (taken; may be NULL) to a caller who may not want it. Returns -1. */
int error_give(baton_error **err, baton_error *error);
/* Sets BATON_ERROR_MEMORY; returns -1. */
int error_memory(baton_error **err);

#endif
