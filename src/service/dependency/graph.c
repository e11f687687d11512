/* Edges are sorted by one of their ends first, so that a node's neighbours lie side by side: all that
 * follows is then one walk over nodes and edges.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/dependency/graph.h"

#include "base/bug.h"
#include "base/heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The neighbours of node n are to[first[n]] up to to[first[n + 1]]. */
typedef struct neighbours {
    size_t *first, *to;
} neighbours;

static void neighbours_done(neighbours *n) {
    free(n->first);
    free(n->to);
}

/* Whom each node depends on, or who depends on it (`reverse`). False without memory. */
static bool neighbours_init(neighbours *n, const dependency_edge *edges, size_t edge_count, size_t count,
                            bool reverse) {
    /* One more than the sentinel: while edges are filled in, first[i + 1] is where node i's next one goes.
     */
    n->first = calloc(count + 2, sizeof *n->first);
    n->to = calloc(edge_count + 1, sizeof *n->to);
    if (!n->first || !n->to) {
        neighbours_done(n);
        return false;
    }
    for (size_t i = 0; i < edge_count; i++) {
        BATON_ASSERT(edges[i].from < count && edges[i].to < count);
        n->first[(reverse ? edges[i].to : edges[i].from) + 2]++;
    }
    for (size_t i = 2; i < count + 2; i++) n->first[i] += n->first[i - 1];
    for (size_t i = 0; i < edge_count; i++) {
        size_t node = reverse ? edges[i].to : edges[i].from;
        n->to[n->first[node + 1]++] = reverse ? edges[i].from : edges[i].to;
    }
    return true;
}

/* ---- Circles ---- */

/* A walk into the depth. `next` is where a node's neighbours were left off; a node is on the path, or done
 * with: no circle goes through it. */
typedef struct walk {
    size_t *next, *path, length;
    unsigned char *state;
} walk;

enum { UNSEEN, ON_PATH, DONE };

static void enter(walk *w, const neighbours *n, size_t node) {
    w->state[node] = ON_PATH;
    w->next[node] = n->first[node];
    w->path[w->length++] = node;
}

/* Walks from `start`. When it comes back to a node of its path, true: the circle is the path from *begin.
 */
static bool walk_closes(walk *w, const neighbours *n, size_t start, size_t *begin) {
    enter(w, n, start);
    while (w->length > 0) {
        size_t node = w->path[w->length - 1];
        if (w->next[node] == n->first[node + 1]) {
            w->state[node] = DONE;
            w->length--;
            continue;
        }
        size_t to = n->to[w->next[node]++];
        if (w->state[to] == UNSEEN)
            enter(w, n, to);
        else if (w->state[to] == ON_PATH) {
            for (*begin = w->length - 1; w->path[*begin] != to;) --*begin;
            return true;
        }
    }
    return false;
}

/* A copy of the circle that starts with its lowest node, so that the same circle is told in the same way.
 */
static size_t *copy_circle(const size_t *nodes, size_t length) {
    size_t *circle = calloc(length, sizeof *circle), lowest = 0;
    if (!circle) return NULL;
    for (size_t i = 1; i < length; i++)
        if (nodes[i] < nodes[lowest]) lowest = i;
    memcpy(circle, nodes + lowest, (length - lowest) * sizeof *circle);
    memcpy(circle + length - lowest, nodes, lowest * sizeof *circle);
    return circle;
}

size_t *dependency_circle(const dependency_edge *edges, size_t edge_count, size_t count, size_t *length) {
    neighbours n;
    *length = SIZE_MAX;
    if (!neighbours_init(&n, edges, edge_count, count, false)) return NULL;
    size_t *circle = NULL;
    walk w = {.next = calloc(count + 1, sizeof *w.next),
              .path = calloc(count + 1, sizeof *w.path),
              .state = calloc(count + 1, sizeof *w.state)};
    if (w.next && w.path && w.state) {
        size_t start = 0, begin = 0;
        while (start < count && (w.state[start] != UNSEEN || !walk_closes(&w, &n, start, &begin))) start++;
        size_t found = start < count ? w.length - begin : 0;
        circle = found ? copy_circle(w.path + begin, found) : NULL;
        if (circle || !found) *length = found;
    }
    free(w.next);
    free(w.path);
    free(w.state);
    neighbours_done(&n);
    return circle;
}

/* ---- Order ---- */

typedef struct ranked {
    long rank;
    size_t node;
} ranked;

static int compare_ranked(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* A node that is not yet in the order. */
typedef struct waiting {
    heap_node heap; /* first, so that a heap's node is its waiting; in the heap when missing is 0 */
    size_t missing; /* edges to nodes that are not in the order */
    int64_t turn;   /* its place by rank and number: no two are equal, so the heap leaves nothing open */
} waiting;

static waiting *waiting_new(const dependency_edge *edges, size_t edge_count, const long *ranks,
                            size_t count) {
    waiting *all = calloc(count + 1, sizeof *all);
    ranked *sorted = calloc(count + 1, sizeof *sorted);
    if (all && sorted) {
        for (size_t i = 0; i < count; i++) sorted[i] = (ranked){ranks ? ranks[i] : 0, i};
        qsort(sorted, count, sizeof *sorted, compare_ranked);
        for (size_t i = 0; i < count; i++) all[sorted[i].node].turn = (int64_t)i;
        for (size_t i = 0; i < edge_count; i++) all[edges[i].from].missing++;
    } else {
        free(all);
        all = NULL;
    }
    free(sorted);
    return all;
}

bool dependency_order(const dependency_edge *edges, size_t edge_count, const long *ranks, size_t count,
                      size_t *order) {
    neighbours n;
    heap ready = {0};
    if (!neighbours_init(&n, edges, edge_count, count, true)) return false;
    waiting *all = waiting_new(edges, edge_count, ranks, count);
    bool ok = all;
    for (size_t i = 0; ok && i < count; i++)
        if (all[i].missing == 0) ok = heap_set(&ready, &all[i].heap, all[i].turn);
    size_t length = 0;
    for (heap_node *first; ok && (first = heap_first(&ready));) {
        heap_remove(&ready, first);
        size_t node = (size_t)((waiting *)first - all);
        order[length++] = node;
        for (size_t i = n.first[node]; ok && i < n.first[node + 1]; i++) {
            waiting *next = &all[n.to[i]];
            if (--next->missing == 0) ok = heap_set(&ready, &next->heap, next->turn);
        }
    }
    heap_done(&ready);
    free(all);
    neighbours_done(&n);
    return ok && length == count;
}
