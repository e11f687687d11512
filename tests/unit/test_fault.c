/* Faults: standard types in all their spellings, matching, and as library errors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

#include <stdio.h>

static void new_faults(void **state) {
    (void)state;
    baton_value fault = fault_new("timeout", 408, "Too late", "by an hour");
    assert_json(fault, "{\"type\":\"" FAULT_TYPES
                       "timeout\",\"status\":408,\"title\":\"Too late\",\"detail\":\"by an hour\"}");
    value_unref(fault);
    fault = fault_new("runtime", 500, "Bad", NULL);
    assert_false(baton_value_has(fault, "detail"));
    value_unref(fault);
}

static void standard_names(void **state) {
    (void)state;
    static const char *const names[] = {"configuration", "validation", "expression",    "authentication",
                                        "authorization", "timeout",    "communication", "runtime"};
    static const char *const prefixes[] = {"https://open-workflow-specification.org/spec/1.0.0/errors/",
                                           "https://serverlessworkflow.io/spec/1.0.3/errors/",
                                           "http://serverlessworkflow.io/spec/2/errors/",
                                           "https://open-workflow-specification.org/dsl/errors/types/",
                                           "https://serverlessworkflow.io/dsl/errors/types/"};
    char type[128];
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 5; j++) {
            snprintf(type, sizeof type, "%s%s", prefixes[j], names[i]);
            assert_string_equal(fault_standard_name(type), names[i]);
        }
    static const char *const others[] = {"runtime",
                                         "https://example.com/spec/1.0.0/errors/runtime",
                                         "https://serverlessworkflow.io/spec/errors/runtime",
                                         "https://serverlessworkflow.io/spec//errors/runtime",
                                         "https://serverlessworkflow.io/spec/1.0.0/runtime",
                                         "https://serverlessworkflow.io/spec",
                                         "https://serverlessworkflow.io/spec/1.0.0/errors/",
                                         "https://serverlessworkflow.io/spec/1.0.0/errors/runtime2",
                                         "https://serverlessworkflow.io/errors/runtime",
                                         "ftp://serverlessworkflow.io/spec/1.0.0/errors/runtime",
                                         ""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_null(fault_standard_name(others[i]));
    assert_null(fault_standard_name(NULL));
}

static bool matches(const char *fault, const char *with) {
    baton_value a = json(fault), b = json(with);
    bool result = fault_matches(a, b);
    value_unref(a);
    value_unref(b);
    return result;
}

static void matching(void **state) {
    (void)state;
    assert_true(matches("{\"type\":\"about:x\",\"status\":4}", "{}"));
    assert_true(matches("{\"type\":\"about:x\",\"status\":4}", "{\"type\":\"about:x\"}"));
    assert_true(matches("{\"type\":\"https://serverlessworkflow.io/spec/1.0.0/errors/runtime\"}",
                        "{\"type\":\"https://open-workflow-specification.org/dsl/errors/types/runtime\"}"));
    assert_true(matches("{\"type\":\"a\",\"status\":4,\"title\":\"t\"}", "{\"status\":4,\"title\":\"t\"}"));
    assert_false(matches("{\"type\":\"a\",\"status\":4}", "{\"status\":4,\"title\":\"t\"}"));
    assert_false(matches("{\"type\":\"a\",\"status\":4}", "{\"status\":\"4\"}"));
    assert_false(matches("{\"type\":\"about:x\"}", "{\"type\":\"about:y\"}"));
    assert_false(matches("{\"type\":\"https://serverlessworkflow.io/spec/1.0.0/errors/runtime\"}",
                         "{\"type\":\"runtime\"}"));
    assert_false(matches("{\"status\":4}", "{\"type\":\"about:y\"}"));
    assert_false(matches("{\"type\":\"a\"}", "{\"type\":5}"));
}

static void error_is(const char *fault, baton_error_code code, const char *message) {
    baton_value value = json(fault);
    baton_error *error = fault_error(value);
    assert_int_equal(baton_error_get_code(error), code);
    assert_string_equal(baton_error_message(error), message);
    baton_error_free(error);
    value_unref(value);
}

static void as_errors(void **state) {
    (void)state;
    error_is("{\"type\":\"" FAULT_TYPES
             "timeout\",\"title\":\"Late\",\"detail\":\"much\",\"instance\":\"/do/0/a\"}",
             BATON_ERROR_TIMEOUT, "/do/0/a: Late: much");
    error_is("{\"type\":\"" FAULT_TYPES "expression\",\"title\":\"Bad\",\"instance\":\"/do/0/a\"}",
             BATON_ERROR_EXPRESSION, "/do/0/a: Bad");
    error_is("{\"type\":\"" FAULT_TYPES "validation\",\"detail\":\"no\"}", BATON_ERROR_INVALID,
             "validation: no");
    error_is("{\"type\":\"" FAULT_TYPES "authorization\"}", BATON_ERROR_NOT_ALLOWED, "authorization");
    error_is("{\"type\":\"about:x\"}", BATON_ERROR_STEP, "about:x");
    error_is("{}", BATON_ERROR_STEP, "error");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_faults),
        cmocka_unit_test(standard_names),
        cmocka_unit_test(matching),
        cmocka_unit_test(as_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
