/* Numbers as JSON text, whatever the locale.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_NUMBER_H
#define BATON_BASE_NUMBER_H

#include "base/buffer.h"

#include <stddef.h>

typedef enum number_outcome {
    NUMBER_READ,
    NUMBER_NONE,     /* no JSON number stands here */
    NUMBER_INEXACT,  /* an integer that a double does not hold */
    NUMBER_OVERFLOW, /* beyond the largest double */
    NUMBER_LONG      /* more bytes than LIMIT_NUMBER_BYTES */
} number_outcome;

/* Reads the JSON number that text begins with. *used, its length, is set in every case. */
number_outcome number_read(const char *text, size_t size, size_t *used, double *number);

/* Appends the shortest text that reads back as the same number; NaN as null, an infinity as the largest
 * double. */
void number_write(buffer *b, double number);

#endif
