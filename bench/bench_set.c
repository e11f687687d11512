/* What a `set` step of a workflow file costs: a literal, a plain path, a jq expression beside libjq alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "bench.h"

#include <baton/baton.h>
#include <jq.h>
#include <string.h>

enum { STEPS = 1000 };

/* STEPS of them in a row, or one in a loop of STEPS rounds. */
static baton_workflow *workflow_of(const char *set, bool loop) {
    buffer b = {0};
    buffer_puts(&b, "document: {dsl: '1.0.3', namespace: bench, name: set, version: '1.0.0'}\ndo:\n");
    if (loop) {
        buffer_puts(&b, "  - loop:\n      for: { in: [ {}");
        for (int i = 1; i < STEPS; i++) buffer_puts(&b, ", {}");
        buffer_printf(&b, " ] }\n      do: [ { s: { set: { a: %s, b: { c: 5 } } } } ]\n", set);
    }
    for (int i = 0; !loop && i < STEPS; i++)
        buffer_printf(&b, "  - s%d: { set: { a: %s, b: { c: 5 } } }\n", i, set);
    baton_error *err = NULL;
    baton_workflow *workflow = baton_workflow_parse(buffer_text(&b), b.size, "bench.yaml", NULL, &err);
    if (!workflow) {
        puts(baton_error_message(err));
        exit(1);
    }
    buffer_done(&b);
    return workflow;
}

static double measure(const char *set, bool loop, long executions, const char *what) {
    static const char text[] = "{\"a\":3,\"b\":{\"c\":5}}";
    bench_job j = {.engine = baton_engine_new(NULL, NULL),
                   .workflow = workflow_of(set, loop),
                   .options = {.input = baton_value_parse(text, sizeof text - 1, NULL)}};
    double ns = bench_ns(bench_execute, &j, executions) / STEPS;
    bench_print(what, ns, "ns");
    baton_value_unref(j.options.input);
    baton_workflow_free(j.workflow);
    baton_engine_free(j.engine);
    return ns;
}

static void evaluate(void *data, long operations) {
    jq_state *jq = data;
    for (long i = 0; i < operations; i++) {
        jq_start(jq, jv_parse("{\"a\":3,\"b\":{\"c\":5}}"), 0);
        jv_free(jq_next(jq));
    }
}

static void parse(void *data, long operations) {
    (void)data;
    for (long i = 0; i < operations; i++) jv_free(jv_parse("{\"a\":3,\"b\":{\"c\":5}}"));
}

static double measure_libjq(const char *program) {
    jq_state *jq = jq_init();
    if (!jq || !jq_compile(jq, program)) abort();
    double ns = bench_ns(evaluate, jq, 200000) - bench_ns(parse, NULL, 200000);
    jq_teardown(&jq);
    return ns;
}

int main(void) {
    measure("hello", false, 300, "a set step, a literal (aim: 1,000)");
    measure("'${ .b.c }'", false, 300, "a set step, a plain path (aim: 1,000)");
    double alone = measure_libjq("{ a: ([.a, .b.c] | add), b: { c: 5 } }");
    bench_print("libjq alone, the same expression and object", alone, "ns");
    double ns =
        measure("'${ [.a, .b.c] | add }'", true, 100, "a set step in a loop, the same as a jq expression");
    bench_print("  beside libjq alone (aim: 1.5)", ns / alone, "times");
    ns = measure("'${ [.a, .b.c] | add }'", false, 100, "the same, one of 1,000 expressions");
    bench_print("  beside libjq alone", ns / alone, "times");
    return 0;
}
