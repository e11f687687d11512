/* How fast the queue is and what an entry costs: enqueue and dequeue in turn with a steady number of
 * entries in it, as an engine under load does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/id.h"

#include <baton/baton.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAIRS = 5000000, ROUNDS = 5 };

static size_t heap_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void die(const char *what) {
    fprintf(stderr, "bench_queue: %s failed\n", what);
    exit(1);
}

static void enqueue(baton_queue *queue, char *id, uint64_t n) {
    static const int priorities[] = {1, 1, 1, 6, 1, 0, 1, 11};
    baton_queue_entry entry = {
        .id = id, .priority = priorities[n & 7], .data = id, .queued_at_ms = (int64_t)(n / 10000)};
    if (!baton_queue_enqueue(queue, &entry, NULL)) die("enqueue");
}

/* One run; pairs a second. *bytes is what the queue holds with `length` entries, without their ids. */
static double run(size_t length, double *bytes) {
    char(*ids)[ID_TEXT] = malloc((length + 1) * sizeof *ids);
    if (!ids) die("malloc");
    size_t before = heap_bytes();
    baton_queue *queue = baton_queue_new(&(baton_queue_options){.max_size = length + 1});
    if (!queue) die("baton_queue_new");
    entropy random = {.left = 0};
    uint64_t n = 0;
    for (size_t i = 0; i <= length; i++) id_format(ids[i], 1700000000000, entropy_next(&random));
    for (size_t i = 0; i < length; i++) enqueue(queue, ids[i], n++);
    *bytes = (double)(heap_bytes() - before) / (double)length;

    /* The id that came out goes in next. */
    char *spare = ids[length];
    int64_t begin = clock_monotonic_ns();
    for (int i = 0; i < PAIRS; i++) {
        baton_queue_entry entry;
        enqueue(queue, spare, n++);
        if (!baton_queue_dequeue(queue, (int64_t)(n / 10000), &entry)) die("dequeue");
        spare = entry.data;
    }
    double seconds = (double)(clock_monotonic_ns() - begin) / 1e9;
    baton_queue_free(queue);
    free(ids);
    return PAIRS / seconds;
}

int main(void) {
    static const size_t lengths[] = {100, 100000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        double best = 0, bytes = 0;
        for (int round = 0; round < ROUNDS; round++) {
            double speed = run(lengths[i], &bytes);
            if (speed > best) best = speed;
        }
        printf("queue pairs/s at %zu: %.1f million, %.1f bytes an entry\n", lengths[i], best / 1e6, bytes);
    }
}
