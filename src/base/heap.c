/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <stdlib.h>

void heap_done(heap *h) {
    free(h->nodes);
    *h = (heap){0};
}

static void place(heap *h, size_t i, heap_node *node) {
    h->nodes[i] = node;
    node->at = i + 1;
}

static void settle(heap *h, size_t i, heap_node *node) {
    for (; i && h->nodes[(i - 1) / 2]->key > node->key; i = (i - 1) / 2) place(h, i, h->nodes[(i - 1) / 2]);
    for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && h->nodes[child + 1]->key < h->nodes[child]->key) child++;
        if (h->nodes[child]->key >= node->key) break;
        place(h, i, h->nodes[child]);
    }
    place(h, i, node);
}

bool heap_set(heap *h, heap_node *node, int64_t key) {
    if (!node->at) {
        if (h->count == h->capacity) {
            size_t capacity = h->capacity ? h->capacity * 2 : 16;
            heap_node **nodes = realloc(h->nodes, capacity * sizeof *nodes);
            if (!nodes) return false;
            h->nodes = nodes;
            h->capacity = capacity;
        }
        place(h, h->count++, node);
    }
    node->key = key;
    settle(h, node->at - 1, node);
    return true;
}

void heap_remove(heap *h, heap_node *node) {
    if (!node->at) return;
    size_t i = node->at - 1;
    heap_node *last = h->nodes[--h->count];
    node->at = 0;
    if (last != node) settle(h, i, last);
}
