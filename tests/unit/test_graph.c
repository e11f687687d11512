/* Circles among dependencies, and their order: by hand, and of random graphs against slow oracles.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/dependency/graph.h"

// clang-format off
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "failing_allocation.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint64_t seed, random_state;

static unsigned pick(unsigned below) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

/* The circle as a text, "0 1 2"; "" when there is none. */
static const char *circle_of(const dependency_edge *edges, size_t edge_count, size_t count) {
    static char text[256];
    size_t length = 42, size = 0;
    size_t *circle = dependency_circle(edges, edge_count, count, &length);
    assert_true(!circle == (length == 0));
    *text = '\0';
    for (size_t i = 0; i < length; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%zu", i ? " " : "", circle[i]);
    free(circle);
    return text;
}
#define CIRCLE(count, ...) \
    circle_of((dependency_edge[]){__VA_ARGS__}, COUNT(((dependency_edge[]){__VA_ARGS__})), count)

static void circles(void **state) {
    (void)state;
    assert_string_equal(circle_of(NULL, 0, 0), "");
    assert_string_equal(circle_of(NULL, 0, 3), "");
    assert_string_equal(CIRCLE(3, {0, 1}, {1, 2}, {0, 2}), "");
    assert_string_equal(CIRCLE(4, {0, 1}, {0, 2}, {1, 3}, {2, 3}, {2, 3}), "");
    assert_string_equal(CIRCLE(2, {1, 1}), "1");
    assert_string_equal(CIRCLE(2, {1, 0}, {0, 1}), "0 1");
    /* Told from its lowest node on, without what leads into it. */
    assert_string_equal(CIRCLE(6, {0, 5}, {5, 3}, {3, 4}, {4, 2}, {2, 5}), "2 5 3 4");
    assert_string_equal(CIRCLE(5, {0, 1}, {1, 2}, {3, 4}, {4, 3}), "3 4");
}

static void orders(void **state) {
    (void)state;
    size_t order[5];
    assert_true(dependency_order(NULL, 0, NULL, 0, order));
    assert_true(dependency_order(NULL, 0, NULL, 3, order));
    assert_memory_equal(order, ((size_t[]){0, 1, 2}), 3 * sizeof *order);
    assert_true(dependency_order(NULL, 0, (long[]){2, -1, 2}, 3, order));
    assert_memory_equal(order, ((size_t[]){1, 0, 2}), 3 * sizeof *order);
    /* 0 waits for 3 and 4, twice; what it waits for comes by rank; 1 goes before all but them. */
    const dependency_edge edges[] = {{0, 3}, {0, 4}, {0, 3}, {1, 4}};
    assert_true(dependency_order(edges, COUNT(edges), (long[]){0, 1, 9, 8, 7}, 5, order));
    assert_memory_equal(order, ((size_t[]){4, 1, 3, 0, 2}), sizeof order);
    const dependency_edge circle[] = {{0, 1}, {1, 0}, {2, 0}};
    assert_false(dependency_order(circle, COUNT(circle), NULL, 3, order));
    const dependency_edge self[] = {{0, 0}};
    assert_false(dependency_order(self, COUNT(self), NULL, 1, order));
}

enum { MOST = 24 };

/* What the order must be, found by looking through all nodes for each place; false with a circle. */
static bool order_slowly(const dependency_edge *edges, size_t edge_count, const long *ranks, size_t count,
                         size_t *order) {
    bool done[MOST] = {false};
    for (size_t n = 0; n < count; n++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++) {
            bool ready = !done[i];
            for (size_t k = 0; k < edge_count; k++)
                if (edges[k].from == i && !done[edges[k].to]) ready = false;
            if (ready && (best == count || ranks[i] < ranks[best])) best = i;
        }
        if (best == count) return false;
        done[best] = true;
        order[n] = best;
    }
    return true;
}

static bool has_edge(const dependency_edge *edges, size_t edge_count, size_t from, size_t to) {
    for (size_t i = 0; i < edge_count; i++)
        if (edges[i].from == from && edges[i].to == to) return true;
    return false;
}

/* A real circle, without a node twice, that begins with its lowest. */
static void check_circle(const dependency_edge *edges, size_t edge_count, const size_t *circle,
                         size_t length) {
    bool seen[MOST] = {false};
    for (size_t i = 0; i < length; i++) {
        assert_true(has_edge(edges, edge_count, circle[i], circle[(i + 1) % length]));
        assert_false(seen[circle[i]]);
        assert_true(circle[i] >= circle[0]);
        seen[circle[i]] = true;
    }
}

static void random_graphs(void **state) {
    (void)state;
    unsigned with_circle = 0, rounds = 20000;
    for (unsigned round = 0; round < rounds; round++) {
        random_state = seed + round;
        dependency_edge edges[2 * MOST];
        long ranks[MOST];
        size_t expected[MOST], order[MOST], length = 42, count = 1 + pick(MOST),
                                            edge_count = pick(2 * MOST);
        bool downwards = pick(2); /* without circles */
        if (downwards && count == 1) edge_count = 0;
        for (size_t i = 0; i < count; i++) ranks[i] = (long)pick(5) - 2;
        for (size_t i = 0; i < edge_count; i++) {
            unsigned from = downwards ? 1 + pick((unsigned)count - 1) : pick((unsigned)count);
            edges[i] = (dependency_edge){from, pick(downwards ? from : (unsigned)count)};
        }
        bool possible = order_slowly(edges, edge_count, ranks, count, expected);
        bool ok = dependency_order(edges, edge_count, ranks, count, order);
        size_t *circle = dependency_circle(edges, edge_count, count, &length);
        if (ok != possible || (ok && memcmp(order, expected, count * sizeof *order) != 0) ||
            possible != (length == 0) || !circle != possible)
            fail_msg("BATON_SEED=%llu", (unsigned long long)(seed + round));
        if (circle) check_circle(edges, edge_count, circle, length);
        with_circle += !possible;
        free(circle);
    }
    assert_in_range(with_circle, rounds / 10, rounds * 6 / 10);
}

/* Long chains take no stack, and neither they nor many at once take long. */
static void long_chains(void **state) {
    (void)state;
    enum { LENGTH = 100000 };
    dependency_edge *edges = calloc(LENGTH, sizeof *edges);
    size_t *order = calloc(LENGTH, sizeof *order), length;
    assert_true(edges && order);
    for (size_t i = 0; i < LENGTH; i++) edges[i] = (dependency_edge){i, (i + 1) % LENGTH};
    assert_true(dependency_order(edges, LENGTH - 1, NULL, LENGTH, order));
    for (size_t i = 0; i < LENGTH; i++) assert_true(order[i] == LENGTH - 1 - i);
    assert_null(dependency_circle(edges, LENGTH - 1, LENGTH, &length));
    assert_int_equal(length, 0);
    assert_false(dependency_order(edges, LENGTH, NULL, LENGTH, order));
    size_t *circle = dependency_circle(edges, LENGTH, LENGTH, &length);
    assert_int_equal(length, LENGTH);
    for (size_t i = 0; i < LENGTH; i++) assert_true(circle[i] == i);
    free(circle);
    /* All on one. */
    for (size_t i = 0; i < LENGTH; i++) edges[i] = (dependency_edge){i, LENGTH - 1};
    assert_true(dependency_order(edges, LENGTH - 1, NULL, LENGTH, order));
    assert_int_equal(order[0], LENGTH - 1);
    assert_int_equal(order[1], 0);
    free(edges);
    free(order);
}

static void without_memory(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    const dependency_edge edges[] = {{0, 1}, {1, 2}, {2, 0}};
    for (long n = 0;; n++) {
        size_t length;
        faulted = false;
        until_fault = n;
        size_t *circle = dependency_circle(edges, 3, 3, &length);
        until_fault = -1;
        assert_true(faulted == !circle);
        assert_true(length == (faulted ? SIZE_MAX : 3));
        free(circle);
        if (!faulted) break;
    }
    for (long n = 0;; n++) {
        size_t order[3];
        faulted = false;
        until_fault = n;
        bool ok = dependency_order(edges, 2, NULL, 3, order);
        until_fault = -1;
        assert_true(faulted == !ok);
        if (ok) break;
    }
}

int main(void) {
    const char *text = getenv("BATON_SEED");
    seed = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
    printf("BATON_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circles),     cmocka_unit_test(orders),         cmocka_unit_test(random_graphs),
        cmocka_unit_test(long_chains), cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
