/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(buffer *b, size_t more) {
    if (b->failed) return false;
    if (more >= SIZE_MAX / 2 - b->size) return !(b->failed = true);
    size_t need = b->size + more + 1;
    if (need <= b->capacity) return true;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < need) capacity *= 2;
    char *data = realloc(b->data, capacity);
    if (!data) return !(b->failed = true);
    b->data = data;
    b->capacity = capacity;
    return true;
}

void buffer_done(buffer *b) {
    free(b->data);
    *b = (buffer){0};
}

void buffer_clear(buffer *b) {
    b->size = 0;
    b->failed = false;
    if (b->data) b->data[0] = '\0';
}

void buffer_append(buffer *b, const void *bytes, size_t size) {
    if (!reserve(b, size)) return;
    if (size) memcpy(b->data + b->size, bytes, size);
    b->size += size;
    b->data[b->size] = '\0';
}

void buffer_puts(buffer *b, const char *text) { buffer_append(b, text, strlen(text)); }

void buffer_putc(buffer *b, char c) { buffer_append(b, &c, 1); }

void buffer_vprintf(buffer *b, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    if (size < 0)
        b->failed = true;
    else if (reserve(b, (size_t)size)) {
        vsnprintf(b->data + b->size, (size_t)size + 1, format, again);
        b->size += (size_t)size;
    }
    va_end(again);
}

void buffer_printf(buffer *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buffer_vprintf(b, format, args);
    va_end(args);
}

const char *buffer_text(const buffer *b) { return b->data ? b->data : ""; }

char *buffer_take(buffer *b) {
    reserve(b, 0);
    if (b->failed) {
        buffer_done(b);
        return NULL;
    }
    char *data = b->data;
    data[b->size] = '\0';
    *b = (buffer){0};
    return data;
}
