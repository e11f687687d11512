/* The graph that dependencies make: whether it has a circle, and in which order its nodes may be taken.
 *
 * Nodes are numbers below `count`. Edges may come in any order and more than once. Pure; any thread. Both
 * take O((n + e) log n) at most, and no more stack for a long chain than for a short one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_GRAPH_H
#define BATON_SERVICE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

typedef struct dependency_edge {
    size_t from, to; /* `from` depends on `to` */
} dependency_edge;

/* A circle among edges over `count` nodes: its nodes, each depending on the next and the last on the first,
 * the lowest of them first, as a given array (free()) of *length; NULL when there is none (*length 0) or
 * without memory (*length SIZE_MAX). */
size_t *dependency_circle(const dependency_edge *edges, size_t edge_count, size_t count, size_t *length);
/* All nodes, each behind those it depends on, and among those that could come next the one with the lowest
 * rank first, of equal ranks the lowest node. ranks may be NULL: all are equal. order has room for count;
 * false with a circle or without memory. */
bool dependency_order(const dependency_edge *edges, size_t edge_count, const long *ranks, size_t count,
                      size_t *order);

#endif
