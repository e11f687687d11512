/* Allocations that fail when a test wants it: where the linker was told to --wrap malloc, calloc and
 * realloc, Baton's own come through here. Elsewhere __real_malloc is NULL, and there is nothing to test.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FAILING_ALLOCATION_H
#define FAILING_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size) __attribute__((weak));
void *__real_calloc(size_t count, size_t size) __attribute__((weak));
void *__real_realloc(void *block, size_t size) __attribute__((weak));
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static _Thread_local long until_fault = -1; /* allocations that still succeed; below 0: all */
static bool faulted;

static bool fails(void) {
    if (until_fault < 0 || until_fault-- > 0) return false;
    return faulted = true;
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *block, size_t size) { return fails() ? NULL : __real_realloc(block, size); }

#endif
