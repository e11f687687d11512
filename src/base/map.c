/* Chained buckets, one a node on average; their number doubles when that many nodes are in, and a large
 * table that runs empty gives them back. Belongs to one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/hash.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64, KEPT_CAPACITY = 1024 };

void map_init(map *m) { *m = (map){.seed = hash_seed(m)}; }

void map_done(map *m) { free(m->buckets); }

uint64_t map_hash(const map *m, const char *key) { return hash_text(key, m->seed); }

static map_node **bucket(const map *m, uint64_t hash) { return &m->buckets[hash & (m->capacity - 1)]; }

map_node *map_find(const map *m, const char *key, uint64_t hash) {
    if (m->count == 0) return NULL;
    map_node *node = *bucket(m, hash);
    while (node && (node->hash != hash || strcmp(node->key, key) != 0)) node = node->next;
    return node;
}

bool map_reserve(map *m) {
    if (m->count < m->capacity) return true;
    map old = *m;
    size_t capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
    map_node **buckets = calloc(capacity, sizeof *buckets);
    if (!buckets) return false;
    m->buckets = buckets;
    m->capacity = capacity;
    for (size_t i = 0; i < old.capacity; i++) {
        for (map_node *node = old.buckets[i], *next; node; node = next) {
            map_node **head = bucket(m, node->hash);
            next = node->next;
            node->next = *head;
            *head = node;
        }
    }
    free(old.buckets);
    return true;
}

void map_insert(map *m, map_node *node, const char *key, uint64_t hash) {
    map_node **head = bucket(m, hash);
    *node = (map_node){.next = *head, .hash = hash, .key = key};
    *head = node;
    m->count++;
}

void map_remove(map *m, map_node *node) {
    map_node **link = bucket(m, node->hash);
    while (*link != node) link = &(*link)->next;
    *link = node->next;
    if (--m->count == 0 && m->capacity > KEPT_CAPACITY) {
        free(m->buckets);
        m->buckets = NULL;
        m->capacity = 0;
    }
}

map_node *map_pop(map *m) {
    for (size_t i = 0; i < m->capacity && m->count > 0; i++) {
        map_node *node = m->buckets[i];
        if (!node) continue;
        m->buckets[i] = node->next;
        m->count--;
        return node;
    }
    return NULL;
}
