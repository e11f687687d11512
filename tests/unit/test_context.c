/* The context of steps in C (seed: WorkflowContext) and its view of what the engine recorded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine/context.h"
#include "machine_world.h"

static void get_set_has_remove(void **state) {
    (void)state;
    baton_context *context = baton_context_new();
    assert_false(baton_context_has(context, "a"));
    assert_false(value_is_valid(baton_context_get(context, "a")));
    assert_false(baton_context_remove(context, "a"));
    baton_context_set(context, "a", json("[1]"));
    baton_context_set(context, "a", json("[2]"));
    baton_context_set(context, "n", baton_value_null());
    assert_true(baton_context_has(context, "a"));
    assert_true(baton_context_has(context, "n"));
    baton_value value = baton_context_get(context, "a");
    assert_json(value, "[2]");
    baton_value_unref(value);
    assert_true(baton_context_remove(context, "a"));
    assert_false(baton_context_remove(context, "a"));
    assert_false(baton_context_has(context, "a"));
    baton_context_free(context);
    baton_context_free(NULL);
}

static void json_both_ways(void **state) {
    (void)state;
    static const char text[] = "{\"a\":{\"b\":[1,2]},\"c\":null}";
    baton_context *context = baton_context_from_json(text, sizeof text - 1, NULL);
    char *written = baton_context_to_json(context);
    assert_string_equal(written, text);
    free(written);
    baton_context_free(context);
    context = baton_context_new();
    written = baton_context_to_json(context);
    assert_string_equal(written, "{}");
    free(written);
    baton_context_free(context);
    static const char *const bad[] = {"[1]", "5", "{", ""};
    for (size_t i = 0; i < 4; i++) {
        baton_error *err = NULL;
        assert_null(baton_context_from_json(bad[i], strlen(bad[i]), &err));
        assert_int_equal(baton_error_get_code(err), BATON_ERROR_INVALID);
        baton_error_free(err);
        assert_null(baton_context_from_json(bad[i], strlen(bad[i]), NULL));
    }
}

static baton_value view_get(void *data, const char *key) {
    (void)data;
    return strcmp(key, "executionId") == 0 ? baton_value_string("exec_1") : VALUE_INVALID;
}

static baton_value view_names(void *data, baton_value keys) {
    (void)data;
    return baton_value_append(keys, baton_value_string("executionId"));
}

static void view_release(void *data) { ++*(int *)data; }

static void the_view(void **state) {
    (void)state;
    int released = 0;
    const context_view view = {view_get, view_names, view_release, &released};
    baton_context *context = baton_context_new();
    context_set_view(context, &view);
    assert_true(baton_context_has(context, "executionId"));
    assert_false(baton_context_has(context, "other"));
    assert_false(baton_context_remove(context, "executionId")); /* a view is not a key of its own */
    baton_context_set(context, "own", baton_value_number(1));
    char *text = baton_context_to_json(context);
    assert_string_equal(text, "{\"executionId\":\"exec_1\",\"own\":1}");
    free(text);
    /* Setting such a key hides the view, removing it shows the view again. */
    baton_context_set(context, "executionId", baton_value_string("mine"));
    text = baton_context_to_json(context);
    assert_string_equal(text, "{\"executionId\":\"mine\",\"own\":1}");
    free(text);
    assert_true(baton_context_remove(context, "executionId"));
    baton_value value = baton_context_get(context, "executionId");
    assert_string_equal(baton_value_as_text(value), "exec_1");
    baton_value_unref(value);
    context_set_view(context, &view);
    assert_int_equal(released, 1);
    /* Whoever holds it last ends the view. */
    context_ref(context);
    baton_context_free(context);
    assert_int_equal(released, 1);
    context_unref(context);
    assert_int_equal(released, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_set_has_remove),
        cmocka_unit_test(json_both_ways),
        cmocka_unit_test(the_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
