/* A fast hash of texts for tables in memory. Seeded, so that whoever chooses the ids cannot choose the
 * collisions too; never stored.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_HASH_H
#define BATON_BASE_HASH_H

#include "base/clock.h"

#include <stdint.h>
#include <string.h>

static inline uint64_t hash_fold(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_word(const char *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* Sixteen bytes a multiplication; the last words overlap those before, so no byte is read alone. */
static inline uint64_t hash_bytes(const char *p, size_t size, uint64_t seed) {
    const uint64_t odd = 0x9e3779b97f4a7c15u, other = 0xd6e8feb86659fd93u;
    uint64_t h = seed ^ size * odd, a = 0, b = 0;
    if (size >= 8) {
        size_t at = 0;
        for (; at + 16 < size; at += 16) h = hash_fold(hash_word(p + at) ^ odd, hash_word(p + at + 8) ^ h);
        if (at + 8 < size) a = hash_word(p + at);
        b = hash_word(p + size - 8);
    } else {
        memcpy(&a, p, size);
    }
    return hash_fold(hash_fold(a ^ odd, b ^ h), other);
}

static inline uint64_t hash_text(const char *text, uint64_t seed) {
    return hash_bytes(text, strlen(text), seed);
}

/* A seed for the table at this address. */
static inline uint64_t hash_seed(const void *table) {
    return hash_fold((uint64_t)clock_monotonic_ns() | 1, (uint64_t)(uintptr_t)table | 1);
}

/* FNV-1a: slower, but the same on every machine and in every version, for what is stored. Goes on from
 * `hash`, which is HASH_STABLE at first. */
#define HASH_STABLE 0xcbf29ce484222325u
static inline uint64_t hash_stable(uint64_t hash, const char *p, size_t size) {
    for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)p[i]) * 0x100000001b3u;
    return hash;
}

#endif
