/* The memory store: sequence numbers, snapshots of what waits, early deliveries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "machine_world.h"
#include "store/store.h"

static int open_store(void **state) {
    *state = store_open("memory:", NULL);
    return *state ? 0 : -1;
}

static int close_store(void **state) {
    store *s = *state;
    s->type->close(s);
    return 0;
}

static void commit(store *s, store_row *row, uint32_t records, const char *snapshot) {
    record list[4] = {{0}};
    baton_value value = snapshot ? json(snapshot) : VALUE_INVALID;
    const store_change change = {.row = row, .records = list, .record_count = records, .snapshot = value};
    assert_int_equal(s->type->commit(s, &change, 1, NULL), 0);
    value_unref(value);
}

static void loads(store *s, store_row *row, const char *expected) {
    baton_value snapshot = VALUE_INVALID;
    baton_error *err = NULL;
    if (s->type->load(s, row, &snapshot, &err) != 0) fail_msg("%s", baton_error_message(err));
    assert_json(snapshot, expected);
    value_unref(snapshot);
}

static void load_fails(store *s, store_row *row) {
    baton_value snapshot = VALUE_INVALID;
    baton_error *err = NULL;
    assert_int_equal(s->type->load(s, row, &snapshot, &err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_NOT_FOUND);
    assert_false(value_is_valid(snapshot));
    baton_error_free(err);
}

static void records_are_counted(void **state) {
    store *s = *state;
    store_row a = {0}, b = {0};
    commit(s, &a, 3, NULL);
    commit(s, &b, 2, NULL);
    assert_int_equal(s->last_seq, 5);
    assert_null(a.data); /* and not kept */
    const store_change both[] = {{.row = &a, .record_count = 1}, {.row = &b, .record_count = 1}};
    assert_int_equal(s->type->commit(s, both, 2, NULL), 0);
    assert_int_equal(s->last_seq, 7);
}

static void snapshots(void **state) {
    store *s = *state;
    store_row a = {0}, b = {0};
    load_fails(s, &a);
    commit(s, &a, 1, "{\"at\":1}");
    commit(s, &b, 1, "{\"at\":\"b\"}");
    commit(s, &a, 1, "{\"at\":2}"); /* the last one counts */
    loads(s, &a, "{\"at\":2}");
    load_fails(s, &a); /* it is not kept any longer */
    commit(s, &a, 0, "{\"at\":3}");
    loads(s, &a, "{\"at\":3}");
    s->type->forget(s, &a);
    s->type->forget(s, &a);
    load_fails(s, &a);
    loads(s, &b, "{\"at\":\"b\"}");
    s->type->forget(s, &b);
}

/* What nests deeper than any text from outside comes back too. */
static void deep_snapshots(void **state) {
    store *s = *state;
    store_row a = {0};
    baton_value deep = baton_value_array(), back = VALUE_INVALID;
    for (int i = 0; i < 4 * LIMIT_VALUE_DEPTH; i++) deep = baton_value_append(baton_value_array(), deep);
    const store_change change = {.row = &a, .snapshot = deep};
    assert_int_equal(s->type->commit(s, &change, 1, NULL), 0);
    assert_int_equal(s->type->load(s, &a, &back, NULL), 0);
    assert_true(baton_value_equal(deep, back));
    value_unref(deep);
    value_unref(back);
    s->type->forget(s, &a);
}

static void takes(store *s, store_row *row, const char *reference, const char *expected) {
    baton_value value = s->type->take_delivery(s, row, reference);
    if (expected)
        assert_json(value, expected);
    else
        assert_false(value_is_valid(value));
    value_unref(value);
}

static void deliveries_come_out_oldest_first(void **state) {
    store *s = *state;
    store_row a = {0};
    takes(s, &a, "/do/0/x", NULL);
    assert_int_equal(s->type->keep_delivery(s, &a, "/do/0/x", json("[1]"), NULL), 0);
    assert_int_equal(s->type->keep_delivery(s, &a, "/do/1/y", json("[2]"), NULL), 0);
    assert_int_equal(s->type->keep_delivery(s, &a, "/do/0/x", json("[3]"), NULL), 0);
    takes(s, &a, "/do/2/z", NULL);
    takes(s, &a, "/do/0/x", "[1]");
    takes(s, &a, "/do/1/y", "[2]");
    takes(s, &a, "/do/1/y", NULL);
    takes(s, &a, "/do/0/x", "[3]");
    takes(s, &a, "/do/0/x", NULL);
    load_fails(s, &a);
    assert_int_equal(s->type->keep_delivery(s, &a, "/do/0/x", json("[4]"), NULL), 0);
    s->type->forget(s, &a); /* with what nobody took */
    takes(s, &a, "/do/0/x", NULL);
}

static void only_so_many_deliveries(void **state) {
    store *s = *state;
    store_row a = {0};
    for (int i = 0; i < LIMIT_EARLY_DELIVERIES; i++)
        assert_int_equal(s->type->keep_delivery(s, &a, "/do/0/x", baton_value_number(i), NULL), 0);
    baton_error *err = NULL;
    assert_int_equal(s->type->keep_delivery(s, &a, "/do/1/y", json("[1]"), &err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_LIMIT);
    baton_error_free(err);
    takes(s, &a, "/do/0/x", "0");
    assert_int_equal(s->type->keep_delivery(s, &a, "/do/1/y", json("[1]"), NULL), 0);
    s->type->forget(s, &a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_are_counted, open_store, close_store),
        cmocka_unit_test_setup_teardown(snapshots, open_store, close_store),
        cmocka_unit_test_setup_teardown(deep_snapshots, open_store, close_store),
        cmocka_unit_test_setup_teardown(deliveries_come_out_oldest_first, open_store, close_store),
        cmocka_unit_test_setup_teardown(only_so_many_deliveries, open_store, close_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
