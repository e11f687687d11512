/* The queue of executions that are ready to run: one FIFO a priority, and an index of ids.
 *
 * Entries lie in one pool and are linked by 32-bit numbers. A level is a priority that has entries; an
 * empty one is forgotten. Aging adds waiting time to a priority, and of one FIFO the head has waited
 * longest, so the next entry is always the head of some level: to choose is to look at the levels, 64 at
 * most. The index is an open-addressed table with twice as many slots as the pool has room; a slot holds
 * the id's hash too, so that probing and deleting touch neither entries nor ids.
 *
 * Invariants: used entries and index slots correspond one to one; levels[0 .. level_count) have different
 * priorities and are not empty; a refused enqueue changes nothing.
 *
 * Belongs to one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"

#include <stdlib.h>

enum {
    DEFAULT_SIZE = 100,
    DEFAULT_AGING_MS = 10000,
    FIRST_CAPACITY = 64,
    KEPT_CAPACITY = 1024, /* a larger pool is released when it runs empty */
};

#define NONE UINT32_MAX
/* So far do scores stay clear of overflow: 1000 priorities of the longest aging, and the longest wait. */
#define AGING_MAX_MS ((int64_t)1 << 42)
#define WAIT_MAX_MS  ((uint64_t)1 << 52)

typedef struct entry {
    const char *id;
    void *data;
    int64_t queued_at_ms;
    uint32_t next, previous; /* in its FIFO; `next` of a free entry is the next free one */
    uint32_t hash;
    int32_t priority;
} entry;

typedef struct level {
    int64_t head_queued_at_ms; /* here too, so that choosing a level stays within this array */
    int32_t priority;
    uint32_t head, tail;
} level;

typedef struct slot {
    uint32_t hash;
    uint32_t entry; /* plus one; 0: empty */
} slot;

struct baton_queue {
    entry *entries;
    slot *slots;
    uint32_t capacity, used; /* entries from `used` on were never used */
    uint32_t free;           /* the list of those that were */
    uint32_t mask;           /* of slots */
    size_t length, max_size;
    int64_t aging_ms; /* 0: none */
    uint64_t seed;
    unsigned level_count;
    level levels[LIMIT_QUEUE_PRIORITIES];
};

baton_queue *baton_queue_new(const baton_queue_options *options) {
    baton_queue *queue = calloc(1, sizeof *queue);
    if (!queue) return NULL;
    size_t max_size = options && options->max_size ? options->max_size : DEFAULT_SIZE;
    int64_t aging_ms = options && options->aging_ms ? options->aging_ms : DEFAULT_AGING_MS;
    queue->max_size = max_size < LIMIT_QUEUE_SIZE ? max_size : LIMIT_QUEUE_SIZE;
    queue->aging_ms = aging_ms < 0 ? 0 : aging_ms < AGING_MAX_MS ? aging_ms : AGING_MAX_MS;
    queue->free = NONE;
    queue->seed = hash_seed(queue);
    return queue;
}

static void release_pool(baton_queue *queue) {
    free(queue->entries);
    free(queue->slots);
    queue->entries = NULL;
    queue->slots = NULL;
    queue->capacity = queue->used = 0;
    queue->free = NONE;
}

void baton_queue_free(baton_queue *queue) {
    if (!queue) return;
    release_pool(queue);
    free(queue);
}

static uint32_t hash_id(const baton_queue *queue, const char *id) {
    return (uint32_t)hash_text(id, queue->seed);
}

/* The slot that holds the id, or the empty one where it would go. */
static slot *find_slot(const baton_queue *queue, uint32_t hash, const char *id) {
    uint32_t at = hash & queue->mask;
    for (;; at = (at + 1) & queue->mask) {
        slot *s = &queue->slots[at];
        if (!s->entry || (s->hash == hash && strcmp(queue->entries[s->entry - 1].id, id) == 0)) return s;
    }
}

static bool grow(baton_queue *queue) {
    uint32_t capacity = queue->capacity ? queue->capacity * 2 : FIRST_CAPACITY, mask = capacity * 2 - 1;
    slot *slots = calloc((size_t)mask + 1, sizeof *slots);
    if (!slots) return false;
    entry *entries = realloc(queue->entries, capacity * sizeof *entries);
    if (!entries) {
        free(slots);
        return false;
    }
    /* Growing happens when the pool is full: every entry is used. */
    for (uint32_t i = 0; i < queue->capacity; i++) {
        uint32_t at = entries[i].hash & mask;
        while (slots[at].entry) at = (at + 1) & mask;
        slots[at] = (slot){.hash = entries[i].hash, .entry = i + 1};
    }
    free(queue->slots);
    queue->slots = slots;
    queue->mask = mask;
    queue->entries = entries;
    queue->capacity = capacity;
    return true;
}

/* The level of a priority, or NULL. */
static level *find_level(baton_queue *queue, int priority) {
    for (unsigned i = 0; i < queue->level_count; i++)
        if (queue->levels[i].priority == priority) return &queue->levels[i];
    return NULL;
}

static bool refuse_limits(const baton_queue_entry *e, baton_error **err) {
    if (e->priority < -LIMIT_QUEUE_PRIORITY || e->priority > LIMIT_QUEUE_PRIORITY)
        baton_error_set(err, BATON_ERROR_USAGE, "priority %d is not between -%d and %d", e->priority,
                        LIMIT_QUEUE_PRIORITY, LIMIT_QUEUE_PRIORITY);
    else
        baton_error_set(err, BATON_ERROR_LIMIT, "more than %d different priorities are queued",
                        LIMIT_QUEUE_PRIORITIES);
    return false;
}

bool baton_queue_enqueue(baton_queue *queue, const baton_queue_entry *e, baton_error **err) {
    if (queue->length >= queue->max_size) {
        baton_error_set(err, BATON_ERROR_QUEUE_FULL, "the queue is full: %zu executions", queue->length);
        return false;
    }
    level *l = find_level(queue, e->priority);
    if (!l && (queue->level_count == LIMIT_QUEUE_PRIORITIES || e->priority < -LIMIT_QUEUE_PRIORITY ||
               e->priority > LIMIT_QUEUE_PRIORITY))
        return refuse_limits(e, err);
    if (queue->length == queue->capacity && !grow(queue)) {
        error_memory(err);
        return false;
    }

    uint32_t hash = hash_id(queue, e->id), at = queue->free;
    slot *s = find_slot(queue, hash, e->id);
    if (s->entry) {
        baton_error_set(err, BATON_ERROR_CONFLICT, "execution '%s' is queued already", e->id);
        return false;
    }
    if (at == NONE)
        at = queue->used++;
    else
        queue->free = queue->entries[at].next;
    *s = (slot){.hash = hash, .entry = at + 1};
    queue->entries[at] = (entry){.id = e->id,
                                 .data = e->data,
                                 .queued_at_ms = e->queued_at_ms,
                                 .next = NONE,
                                 .previous = l ? l->tail : NONE,
                                 .hash = hash,
                                 .priority = e->priority};
    if (l) {
        queue->entries[l->tail].next = at;
        l->tail = at;
    } else {
        queue->levels[queue->level_count++] =
            (level){.head_queued_at_ms = e->queued_at_ms, .priority = e->priority, .head = at, .tail = at};
    }
    queue->length++;
    return true;
}

static void copy_out(const entry *from, baton_queue_entry *to) {
    *to = (baton_queue_entry){
        .id = from->id, .priority = from->priority, .data = from->data, .queued_at_ms = from->queued_at_ms};
}

/* Empties a slot and moves those that were pushed past it back, so that no probe stops short. */
static void clear_slot(baton_queue *queue, uint32_t hole) {
    slot *slots = queue->slots;
    uint32_t mask = queue->mask;
    for (uint32_t at = (hole + 1) & mask; slots[at].entry; at = (at + 1) & mask) {
        uint32_t pushed = (at - slots[at].hash) & mask;
        if (pushed < ((at - hole) & mask)) continue;
        slots[hole] = slots[at];
        hole = at;
    }
    slots[hole].entry = 0;
}

static void unlink_entry(baton_queue *queue, level *l, const entry *e) {
    if (e->previous == NONE)
        l->head = e->next;
    else
        queue->entries[e->previous].next = e->next;
    if (e->next == NONE)
        l->tail = e->previous;
    else
        queue->entries[e->next].previous = e->previous;
    if (l->head == NONE)
        *l = queue->levels[--queue->level_count];
    else if (e->previous == NONE)
        l->head_queued_at_ms = queue->entries[l->head].queued_at_ms;
}

static void take(baton_queue *queue, level *l, uint32_t at) {
    entry *e = &queue->entries[at];
    uint32_t where = e->hash & queue->mask;
    while (queue->slots[where].entry != at + 1) where = (where + 1) & queue->mask;
    clear_slot(queue, where);
    unlink_entry(queue, l, e);
    e->next = queue->free;
    queue->free = at;
    if (--queue->length == 0 && queue->capacity > KEPT_CAPACITY) release_pool(queue);
}

/* What a level's head counts for: a priority for each aging_ms that it waited. */
static int64_t score(const baton_queue *queue, const level *l, int64_t now_ms) {
    if (queue->aging_ms == 0) return l->priority;
    uint64_t waited = now_ms > l->head_queued_at_ms ? (uint64_t)now_ms - (uint64_t)l->head_queued_at_ms : 0;
    return l->priority * queue->aging_ms + (int64_t)(waited < WAIT_MAX_MS ? waited : WAIT_MAX_MS);
}

bool baton_queue_dequeue(baton_queue *queue, int64_t now_ms, baton_queue_entry *e) {
    if (queue->length == 0) return false;
    level *best = &queue->levels[0];
    int64_t best_score = score(queue, best, now_ms);
    for (level *l = best + 1; l < queue->levels + queue->level_count; l++) {
        int64_t s = score(queue, l, now_ms);
        if (s > best_score || (s == best_score && l->priority > best->priority)) {
            best = l;
            best_score = s;
        }
    }
    copy_out(&queue->entries[best->head], e);
    take(queue, best, best->head);
    return true;
}

/* The number of the entry with this id, or NONE. */
static uint32_t find(const baton_queue *queue, const char *id) {
    if (queue->length == 0) return NONE;
    return find_slot(queue, hash_id(queue, id), id)->entry - 1; /* 0 - 1 is NONE */
}

bool baton_queue_remove(baton_queue *queue, const char *id, baton_queue_entry *e) {
    uint32_t at = find(queue, id);
    if (at == NONE) return false;
    if (e) copy_out(&queue->entries[at], e);
    take(queue, find_level(queue, queue->entries[at].priority), at);
    return true;
}

bool baton_queue_find(const baton_queue *queue, const char *id, baton_queue_entry *e) {
    uint32_t at = find(queue, id);
    if (at == NONE) return false;
    if (e) copy_out(&queue->entries[at], e);
    return true;
}

size_t baton_queue_length(const baton_queue *queue) { return queue->length; }

bool baton_queue_is_empty(const baton_queue *queue) { return queue->length == 0; }

void baton_queue_clear(baton_queue *queue) {
    release_pool(queue);
    queue->length = 0;
    queue->level_count = 0;
}

/* Times of one FIFO rise as long as the clock does, so the ends of the FIFOs tell. */
baton_queue_statistics baton_queue_get_statistics(const baton_queue *queue) {
    baton_queue_statistics statistics = {.length = queue->length, .max_size = queue->max_size};
    for (unsigned i = 0; i < queue->level_count; i++) {
        int64_t oldest = queue->levels[i].head_queued_at_ms;
        int64_t newest = queue->entries[queue->levels[i].tail].queued_at_ms;
        if (i == 0 || oldest < statistics.oldest_ms) statistics.oldest_ms = oldest;
        if (i == 0 || newest > statistics.newest_ms) statistics.newest_ms = newest;
    }
    return statistics;
}
