/* A growing run of bytes, always ended by a NUL. A failed allocation is remembered: appends after it do
 * nothing and buffer_failed() tells, so that a writer checks once, at its end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_BUFFER_H
#define BATON_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct buffer {
    char *data; /* NULL while nothing was appended */
    size_t size;
    size_t capacity;
    bool failed;
} buffer;

/* Frees the bytes and makes the buffer empty again. */
void buffer_done(buffer *b);
void buffer_clear(buffer *b);
void buffer_append(buffer *b, const void *bytes, size_t size);
void buffer_puts(buffer *b, const char *text);
void buffer_putc(buffer *b, char c);
void buffer_printf(buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_vprintf(buffer *b, const char *format, va_list args);
static inline bool buffer_failed(const buffer *b) { return b->failed; }
/* The text so far, "" when empty; valid until the next append. */
const char *buffer_text(const buffer *b);
/* Gives the bytes away (to be freed by the caller) and empties the buffer; NULL after a failure. */
char *buffer_take(buffer *b);

#endif
