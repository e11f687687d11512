/* The heap of moments: always the earliest first, whatever was put in, moved and taken out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void an_empty_heap(void **state) {
    (void)state;
    heap h = {0};
    heap_node node = {0};
    assert_null(heap_first(&h));
    heap_remove(&h, &node); /* in no heap: nothing happens */
    assert_int_equal(node.at, 0);
    heap_done(&h);
}

static void moved_and_removed(void **state) {
    (void)state;
    heap h = {0};
    heap_node a = {0}, b = {0}, c = {0};
    assert_true(heap_set(&h, &a, 10) && heap_set(&h, &b, 5) && heap_set(&h, &c, 7));
    assert_ptr_equal(heap_first(&h), &b);
    assert_true(heap_set(&h, &b, 20)); /* later */
    assert_ptr_equal(heap_first(&h), &c);
    assert_true(heap_set(&h, &a, 1)); /* sooner */
    assert_ptr_equal(heap_first(&h), &a);
    heap_remove(&h, &a);
    assert_ptr_equal(heap_first(&h), &c);
    heap_remove(&h, &b); /* the last one of the array */
    heap_remove(&h, &c);
    assert_null(heap_first(&h));
    assert_int_equal(a.at + b.at + c.at, 0);
    heap_done(&h);
}

/* Against a plain search for the smallest. */
static void random_operations(void **state) {
    (void)state;
    enum { NODES = 200, ROUNDS = 20000 };
    static heap_node nodes[NODES];
    heap h = {0};
    srand(7);
    for (int round = 0; round < ROUNDS; round++) {
        heap_node *node = &nodes[rand() % NODES];
        if (rand() % 3)
            assert_true(heap_set(&h, node, rand() % 1000));
        else
            heap_remove(&h, node);
        int64_t smallest = INT64_MAX;
        size_t count = 0;
        for (int i = 0; i < NODES; i++) {
            if (!nodes[i].at) continue;
            count++;
            assert_ptr_equal(h.nodes[nodes[i].at - 1], &nodes[i]);
            if (nodes[i].key < smallest) smallest = nodes[i].key;
        }
        assert_int_equal(h.count, count);
        if (count) assert_int_equal(heap_first(&h)->key, smallest);
    }
    heap_done(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap),
        cmocka_unit_test(moved_and_removed),
        cmocka_unit_test(random_operations),
    };
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
