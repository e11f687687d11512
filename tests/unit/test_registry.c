/* Step types by name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"
#include "definition/workflow.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int execute(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static int rollback(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static int validate(baton_value arguments, void *data, baton_error **err) {
    (void)arguments, (void)data, (void)err;
    return 0;
}

static void add(baton_registry *registry, const char *name) {
    baton_error *err = NULL;
    baton_step_type type = {.name = name, .execute = execute};
    if (baton_registry_add(registry, &type, &err)) fail_msg("%s: %s", name, baton_error_message(err));
}

static void refuse(baton_registry *registry, const baton_step_type *type, baton_error_code code,
                   const char *part) {
    baton_error *err = NULL;
    size_t size = baton_registry_size(registry);
    assert_int_equal(baton_registry_add(registry, type, &err), -1);
    assert_int_equal(baton_registry_add(registry, type, NULL), -1);
    assert_int_equal(baton_error_get_code(err), code);
    if (!strstr(baton_error_message(err), part))
        fail_msg("'%s' lacks '%s'", baton_error_message(err), part);
    assert_int_equal(baton_registry_size(registry), size);
    baton_error_free(err);
}

static void empty(void **state) {
    (void)state;
    baton_registry *registry = baton_registry_new();
    assert_int_equal(baton_registry_size(registry), 0);
    assert_null(baton_registry_find(registry, "greet"));
    assert_null(registry_nearest(registry, "greet"));
    assert_null(registry_nearest(NULL, "greet"));
    baton_registry_free(registry);
    baton_registry_free(NULL);
    assert_null(registry_ref(NULL));
}

/* The registry keeps nothing of the caller's. */
static void copies(void **state) {
    (void)state;
    baton_registry *registry = baton_registry_new();
    char name[] = "greet";
    int data;
    baton_step_type type = {name, execute, rollback, validate, true, &data};
    assert_int_equal(baton_registry_add(registry, &type, NULL), 0);
    memset(name, 'x', 5);
    memset(&type, 0, sizeof type);
    const baton_step_type *found = baton_registry_find(registry, "greet");
    assert_non_null(found);
    assert_string_equal(found->name, "greet");
    assert_ptr_equal(found->execute, execute);
    assert_ptr_equal(found->rollback, rollback);
    assert_ptr_equal(found->validate, validate);
    assert_ptr_equal(found->data, &data);
    assert_true(found->pure);
    assert_null(baton_registry_find(registry, "xxxxx"));
    baton_registry_free(registry);
}

static void many(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    static const baton_step_type *found[COUNT];
    baton_registry *registry = baton_registry_new();
    char name[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "type-%d", i * 7919 % COUNT);
        add(registry, name);
        found[i] = baton_registry_find(registry, name);
    }
    assert_int_equal(baton_registry_size(registry), COUNT);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "type-%d", i * 7919 % COUNT);
        assert_string_equal(found[i]->name, name); /* still valid */
        assert_ptr_equal(baton_registry_find(registry, name), found[i]);
    }
    assert_null(baton_registry_find(registry, "type-1000"));
    assert_null(baton_registry_find(registry, ""));
    baton_registry_free(registry);
}

static void refusals(void **state) {
    (void)state;
    baton_registry *registry = baton_registry_new();
    char longest[LIMIT_NAME_BYTES + 2] = {0};
    memset(longest, 'a', LIMIT_NAME_BYTES);
    add(registry, longest);
    add(registry, "A.b_c-9");
    add(registry, "HTTP");
    longest[LIMIT_NAME_BYTES] = 'a';
    refuse(registry, &(baton_step_type){.name = longest, .execute = execute}, BATON_ERROR_USAGE,
           "at most 256 bytes");
    refuse(registry, &(baton_step_type){.execute = execute}, BATON_ERROR_USAGE, "needs a name");
    refuse(registry, &(baton_step_type){.name = "", .execute = execute}, BATON_ERROR_USAGE, "needs a name");
    refuse(registry, &(baton_step_type){.name = "greet"}, BATON_ERROR_USAGE, "'greet' needs an execute");
    refuse(registry, &(baton_step_type){.name = "A.b_c-9", .execute = execute}, BATON_ERROR_CONFLICT,
           "'A.b_c-9' is registered already");
    static const char *const bad[] = {"a b", "a/b", "a:b", "\xc3\xa4", "a@b", "[", "`", "{"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(registry, &(baton_step_type){.name = bad[i], .execute = execute}, BATON_ERROR_USAGE,
               "letters, digits, '_', '-' and '.' only");
    static const char *const keywords[] = {"http", "grpc", "openapi", "asyncapi", "a2a", "mcp"};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        refuse(registry, &(baton_step_type){.name = keywords[i], .execute = execute}, BATON_ERROR_USAGE,
               "a meaning of its own");
    assert_int_equal(baton_registry_size(registry), 3);
    baton_registry_free(registry);
}

static void nearest(void **state) {
    (void)state;
    baton_registry *registry = baton_registry_new();
    add(registry, "analyse");
    add(registry, "deploy");
    assert_string_equal(registry_nearest(registry, "deplyo"), "deploy");
    assert_null(registry_nearest(registry, "something-else"));
    baton_registry_free(registry);
}

static void *hold_and_drop(void *registry) {
    for (int i = 0; i < 10000; i++) baton_registry_free(registry_ref(registry));
    baton_registry_free(registry);
    return NULL;
}

static void shared(void **state) {
    (void)state;
    baton_registry *registry = baton_registry_new();
    add(registry, "greet");
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, hold_and_drop, registry_ref(registry));
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_non_null(baton_registry_find(registry, "greet"));
    baton_registry_free(registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),    cmocka_unit_test(copies),  cmocka_unit_test(many),
        cmocka_unit_test(refusals), cmocka_unit_test(nearest), cmocka_unit_test(shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
