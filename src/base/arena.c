/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 4096 - 64 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t bytes[];
};

void arena_done(arena *a) {
    while (a->blocks) {
        struct arena_block *block = a->blocks;
        a->blocks = block->next;
        free(block);
    }
}

void *arena_alloc(arena *a, size_t size) {
    const size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX / 2) return NULL;
    size = (size + align - 1) & ~(align - 1);
    struct arena_block *block = a->blocks;
    if (!block || block->size - block->used < size) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = calloc(1, sizeof *block + room);
        if (!block) return NULL;
        block->size = room;
        block->next = a->blocks;
        a->blocks = block;
    }
    void *p = (char *)block->bytes + block->used;
    block->used += size;
    return p;
}

char *arena_text_sized(arena *a, const char *text, size_t size) {
    char *copy = arena_alloc(a, size + 1);
    if (copy && size) memcpy(copy, text, size);
    return copy;
}

char *arena_text(arena *a, const char *text) { return arena_text_sized(a, text, strlen(text)); }

char *arena_printf(arena *a, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = size < 0 ? NULL : arena_alloc(a, (size_t)size + 1);
    if (!text) return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)size + 1, format, args);
    va_end(args);
    return text;
}
