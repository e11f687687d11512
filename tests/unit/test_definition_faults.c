/* Definitions without memory: every allocation of Baton's own fails once, in turn. What is under test must
 * then fail with BATON_ERROR_MEMORY or do without, and leak nothing.
 *
 * Allocations are counted where the linker was told to --wrap them; else there is nothing to test.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "definition/workflow.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>

#include "failing_allocation.h"

/* Runs `act` with its first allocation failing, its second, and so on until it has no more of them. */
static void fail_each(int (*act)(baton_error **err)) {
    if (!__real_malloc) skip();
    for (long n = 0;; n++) {
        baton_error *err = NULL;
        faulted = false;
        until_fault = n;
        int rc = act(&err);
        until_fault = -1;
        if (!faulted) {
            assert_int_equal(rc, 0);
            assert_true(n > 0);
            return;
        }
        if (rc) {
            const baton_error *root = err;
            while (baton_error_cause(root)) root = baton_error_cause(root);
            if (baton_error_get_code(root) != BATON_ERROR_MEMORY)
                fail_msg("allocation %ld: %s", n, baton_error_message(root));
            baton_error_free(err);
        } else
            assert_null(err);
    }
}

static int execute(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static int keep(const baton_workflow *workflow, void *data, baton_error **err) {
    (void)workflow, (void)data, (void)err;
    return 0;
}

static int out_of_memory(baton_error **err) { return error_memory(err); }

static int fill_registry(baton_error **err) {
    baton_registry *registry = baton_registry_new();
    if (!registry) return out_of_memory(err);
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                        "j", "k", "l", "m", "n", "o", "p", "q"};
    int rc = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && rc == 0; i++)
        rc = baton_registry_add(registry, &(baton_step_type){.name = names[i], .execute = execute}, err);
    registry_nearest(registry, "abc");
    baton_registry_free(registry);
    return rc;
}

/* A workflow with arguments, a timeout and a rule, nested in another. */
static int build(baton_error **err) {
    baton_workflow *inner = NULL, *outer = NULL;
    baton_value arguments = value_set_text(baton_value_object(), "to", "you");
    baton_builder *builder = baton_builder_new("inner", NULL);
    if (!builder)
        out_of_memory(err);
    else {
        baton_builder_namespace(builder, "space");
        baton_builder_version(builder, "1.0.0");
        baton_builder_metadata(builder, "owner", baton_value_string("me"));
        baton_builder_rule(builder, keep, NULL);
        baton_builder_step(builder, &(baton_step){.name = "a", .execute = execute, .arguments = arguments});
        baton_builder_step(builder, &(baton_step){.name = "b", .execute = execute, .timeout_ms = 5});
        inner = baton_builder_build(builder, err);
        baton_builder_free(builder);
    }
    builder = inner ? baton_builder_new("outer", NULL) : NULL;
    if (inner && !builder) out_of_memory(err);
    if (builder) {
        baton_builder_nested(builder, "inner", inner);
        outer = baton_builder_build(builder, err);
    }
    baton_builder_free(builder);
    baton_workflow_free(inner);
    baton_workflow_free(outer);
    baton_value_unref(arguments);
    return outer ? 0 : -1;
}

static baton_value document;

static int compile(baton_error **err) {
    json_schema *schema = json_schema_new(document, err);
    if (!schema) return -1;
    json_schema_free(schema);
    return 0;
}

static void registries(void **state) {
    (void)state;
    fail_each(fill_registry);
}

static void workflows(void **state) {
    (void)state;
    fail_each(build);
}

static void schemas(void **state) {
    (void)state;
    static const char json[] =
        "{\"$id\":\"x\",\"$anchor\":\"top\",\"type\":[\"object\",\"null\"],\"required\":[\"a\"],"
        "\"dependentRequired\":{\"a\":[\"b\"]},\"dependentSchemas\":{\"a\":true},"
        "\"properties\":{\"a\":{\"pattern\":\"^a\"},\"b\":{\"$ref\":\"#/x-c/"
        "0\"},\"c\":{\"$ref\":\"#top\"}},"
        "\"patternProperties\":{\"^b\":{\"enum\":[1]}},\"allOf\":[{\"const\":1},{\"items\":{}}],\"x-c\":[{}"
        "]}";
    document = baton_value_parse(json, sizeof json - 1, NULL);
    assert_true(baton_value_is_valid(document));
    fail_each(compile);
    baton_value_unref(document);
}

/* Here the message is what finds no memory. */
static void messages(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    static const char json[] = "{\"properties\":{\"a\":{\"enum\":[1,2],\"type\":[\"number\",\"string\"]}},"
                               "\"items\":{\"const\":1},\"uniqueItems\":true}";
    static const char *const values[] = {"{\"a\":3}", "{\"a\":null}", "[1,2]", "[1,1]",
                                         "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"};
    baton_value schema_document = baton_value_parse(json, sizeof json - 1, NULL);
    json_schema *schema = json_schema_new(schema_document, NULL);
    assert_non_null(schema);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        baton_value value = baton_value_parse(values[i], strlen(values[i]), NULL);
        do {
            static long n;
            baton_error *err = NULL;
            faulted = false;
            until_fault = n++;
            assert_int_equal(json_schema_check(schema, value, &err), -1);
            until_fault = -1;
            if (!faulted) n = 0;
            assert_non_null(err);
            baton_error_free(err);
        } while (faulted);
        baton_value_unref(value);
    }
    baton_value_unref(schema_document);
    json_schema_free(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registries),
        cmocka_unit_test(workflows),
        cmocka_unit_test(schemas),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
