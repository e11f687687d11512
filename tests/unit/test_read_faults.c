/* Reading a workflow file without memory: every allocation of Baton's own fails once, in turn. Each must
 * come back as BATON_ERROR_MEMORY, or not matter, and nothing may leak.
 *
 * Allocations are counted where the linker was told to --wrap malloc, calloc and realloc; else there is
 * nothing to test.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/read.h"
#include "definition/workflow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_allocation.h"

/* Expects what is read without faults to be a workflow, or to be none. */
static void fail_each(const char *text, bool valid) {
    if (!__real_malloc) skip();
    for (long n = 0;; n++) {
        baton_error *error = NULL;
        faulted = false;
        until_fault = n;
        baton_workflow *w = workflow_read(text, strlen(text),
                                          &(read_options){.name = "t", .lazy_expressions = true}, &error);
        until_fault = -1;
        baton_error_code code = error ? baton_error_get_code(error) : BATON_ERROR_NONE;
        assert_true(!w == !!error);
        baton_workflow_free(w);
        if (!faulted) {
            assert_true(!w == !valid);
            assert_true(n > 0);
            baton_error_free(error);
            return;
        }
        if (valid ? !w && code != BATON_ERROR_MEMORY : !error)
            fail_msg("allocation %ld: %s", n, error ? baton_error_message(error) : "no error");
        baton_error_free(error);
    }
}

static void a_good_file(void **state) {
    (void)state;
    fail_each("document: {dsl: '1.0.3', namespace: n, name: w, version: '1.0.0', metadata: {x: &a [1, "
              "\"\\u00e9\"]}}\n"
              "input: {schema: {document: {type: object}}, from: {a: *a, b: '${ .x }'}}\n"
              "schedule: {cron: x}\n"
              "timeout: t\n"
              "use:\n"
              "  timeouts: {t: {after: PT1S}}\n"
              "  retries: {r: {delay: PT1S, limit: {attempt: {count: 2}}}}\n"
              "  functions: {f: {call: g}, g: {set: x}}\n"
              "do:\n"
              "  - a: {set: {k: ['${ .v }', 'x ${ .w } y']}, then: b}\n"
              "  - b: {for: {in: .x}, while: $item, do: [{c: {set: '${ $index }'}}]}\n"
              "  - d: {try: [{e: {call: f, with: {p: '${ .q }'}}}], catch: {errors: {with: {status: '${ .s "
              "}'}}, "
              "retry: r}}\n"
              "  - g: {switch: [{h: {when: .a, then: end}}]}\n"
              "  - i: {run: {shell: {command: 'ls ${ .d }', arguments: [a]}}}\n"
              "  - j: {call: x@y}\n"
              "  - k: {set: x, input: {schema: {format: avro, document: x}}}\n",
              true);
}

static void a_bad_file(void **state) {
    (void)state;
    fail_each("document: {dsl: 1, namespace: 'n n', name: w, version: '1.0.0'}\n"
              "use: {functions: {f: {call: g}, g: {call: f}}, errors: {}}\n"
              "do:\n"
              "  - a: {sett: x, then: b}\n"
              "  - a: {set: '${ $x }', then: c, timeout: {after: x}}\n"
              "  - b: {set: x, run: {}}\n"
              "  - d: {run: {script: {language: x}}}\n"
              "  - e: {raise: {error: f}}\n"
              "  - f: {call: nothing}\n",
              false);
    fail_each("a: 'x", false);
    fail_each("a: *x", false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file),
        cmocka_unit_test(a_bad_file),
    };
    return cmocka_run_group_tests_name("read_faults", tests, NULL, NULL);
}
