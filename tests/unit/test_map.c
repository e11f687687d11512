/* The hash table by text: found, removed, popped, at any size.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { MANY = 5000 };

typedef struct thing {
    map_node node;
    char key[16];
} thing;

static map_node *find(const map *m, const char *key) { return map_find(m, key, map_hash(m, key)); }

static void put(map *m, thing *t) {
    assert_true(map_reserve(m));
    map_insert(m, &t->node, t->key, map_hash(m, t->key));
}

static void an_empty_map(void **state) {
    (void)state;
    map m;
    map_init(&m);
    assert_null(find(&m, "a"));
    assert_null(map_pop(&m));
    map_done(&m);
}

static void many_things(void **state) {
    (void)state;
    static thing things[MANY];
    map m;
    map_init(&m);
    for (int i = 0; i < MANY; i++) {
        snprintf(things[i].key, sizeof things[i].key, "key-%d", i);
        put(&m, &things[i]);
    }
    assert_int_equal(m.count, MANY);
    for (int i = 0; i < MANY; i++) assert_ptr_equal(find(&m, things[i].key), &things[i].node);
    assert_null(find(&m, "key-"));
    assert_null(find(&m, ""));
    for (int i = 0; i < MANY; i += 2) map_remove(&m, &things[i].node);
    for (int i = 0; i < MANY; i++)
        assert_ptr_equal(find(&m, things[i].key), i % 2 ? (void *)&things[i].node : NULL);
    size_t popped = 0;
    for (map_node *node; (node = map_pop(&m)); popped++) assert_null(find(&m, node->key));
    assert_int_equal(popped, MANY / 2);
    assert_int_equal(m.count, 0);
    map_done(&m);
}

/* Two tables hash one key differently, so that nobody can prepare collisions. */
static void seeds_differ(void **state) {
    (void)state;
    map a, b;
    map_init(&a);
    map_init(&b);
    assert_true(map_hash(&a, "key") != map_hash(&b, "key"));
    map_done(&a);
    map_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map),
        cmocka_unit_test(many_things),
        cmocka_unit_test(seeds_differ),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
