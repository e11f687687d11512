/* Memory that lives and dies together: a workflow's steps and names. Never freed piece by piece.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_ARENA_H
#define BATON_BASE_ARENA_H

#include <stddef.h>

typedef struct arena {
    struct arena_block *blocks;
} arena;

void arena_done(arena *a);
/* Zeroed memory aligned for any type; NULL when there is none. */
void *arena_alloc(arena *a, size_t size);
char *arena_text(arena *a, const char *text);
char *arena_text_sized(arena *a, const char *text, size_t size);
char *arena_printf(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
