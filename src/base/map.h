/* A hash table of things that have a text as their key. The node stands inside the thing, so the table
 * allocates nothing but its buckets, and a find costs one hash and, as a rule, one comparison.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_MAP_H
#define BATON_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct map_node {
    struct map_node *next; /* in its bucket */
    uint64_t hash;
    const char *key; /* borrowed; must live, unchanged, as long as the node is in the map */
} map_node;

typedef struct map {
    map_node **buckets;
    size_t capacity; /* buckets, a power of two */
    size_t count;
    uint64_t seed;
} map;

void map_init(map *m);
/* Frees the buckets. The nodes stay their owners'. */
void map_done(map *m);
uint64_t map_hash(const map *m, const char *key);
/* NULL when there is none. `hash` is map_hash of the key in this map. */
map_node *map_find(const map *m, const char *key, uint64_t hash);
/* Makes room for one more node; false, and nothing changed, without memory. */
bool map_reserve(map *m);
/* Puts a node in, after map_reserve, whose key is in no other node. */
void map_insert(map *m, map_node *node, const char *key, uint64_t hash);
void map_remove(map *m, map_node *node);
/* Takes any node out; NULL when the map is empty. For freeing what a map holds. */
map_node *map_pop(map *m);

#endif
