/* Opening stores by URL.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"
#include "store/store.h"

static void memory_is_the_default(void **state) {
    (void)state;
    static const char *const urls[] = {NULL, "memory:"};
    for (size_t i = 0; i < 2; i++) {
        store *s = store_open(urls[i], NULL, NULL);
        assert_non_null(s);
        assert_ptr_equal(s->type, &store_memory);
        assert_string_equal(s->type->name, "memory");
        assert_false(s->type->durable);
        s->type->close(s);
    }
}

static void unknown_ones_are_refused(void **state) {
    (void)state;
    static const char *const urls[] = {"", "mysql://x", "postgres://x/y"};
    for (size_t i = 0; i < 3; i++) {
        baton_error *err = NULL;
        assert_null(store_open(urls[i], NULL, &err));
        assert_int_equal(baton_error_get_code(err), BATON_ERROR_STORE);
        assert_non_null(strstr(baton_error_message(err), urls[i]));
        baton_error_free(err);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_the_default),
        cmocka_unit_test(unknown_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
