/* A heap of moments: the earliest first. The node stands inside the thing that waits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_HEAP_H
#define BATON_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct heap_node {
    int64_t key;
    size_t at; /* its place from 1; 0: in no heap */
} heap_node;

typedef struct heap {
    heap_node **nodes;
    size_t count, capacity;
} heap;

void heap_done(heap *h); /* the nodes stay their owners' */
static inline heap_node *heap_first(const heap *h) { return h->count ? h->nodes[0] : NULL; }
/* Puts the node in under a key, or moves it there. False without memory. */
bool heap_set(heap *h, heap_node *node, int64_t key);
void heap_remove(heap *h, heap_node *node); /* nothing when it is in no heap */

#endif
