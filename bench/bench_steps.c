/* What a step in C costs, and an execution.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <baton/baton.h>
#include <malloc.h>
#include <string.h>

static int nothing(baton_step_call *call, baton_error **err) {
    (void)call;
    (void)err;
    return 0;
}

static baton_workflow *workflow_of(int steps) {
    baton_builder *builder = baton_builder_new("bench", NULL);
    for (int i = 0; i < steps; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        baton_builder_step(builder, &(baton_step){.name = name, .execute = nothing});
    }
    baton_workflow *workflow = baton_builder_build(builder, NULL);
    baton_builder_free(builder);
    if (!workflow) abort();
    return workflow;
}

static void measure(const char *strategy, int steps, const char *what) {
    bench_job j = {baton_engine_new(NULL, NULL), workflow_of(steps), {.strategy = strategy}};
    double ns = bench_ns(bench_execute, &j, 2000000 / steps);
    bench_print(what, ns / steps, "ns");
    baton_workflow_free(j.workflow);
    baton_engine_free(j.engine);
}

static double bytes_in_use(void) { return (double)mallinfo2().uordblks + (double)mallinfo2().hblkhd; }

static void measure_memory(void) {
    enum { COUNT = 100000 };
    baton_engine *engine = baton_engine_new(&(baton_engine_options){.max_queue_size = COUNT}, NULL);
    baton_workflow *workflow = workflow_of(1);
    double before = bytes_in_use();
    for (int i = 0; i < COUNT; i++)
        if (baton_engine_submit(engine, workflow, NULL, NULL, NULL, NULL, NULL, NULL) != 0) abort();
    bench_print("bytes a queued execution, of 100,000", (bytes_in_use() - before) / COUNT, "bytes");
    baton_engine_run(engine, NULL);
    for (int i = 0; i < COUNT;
         i++) /* what the engine keeps to use again is in `before` of a second round */
        if (baton_engine_submit(engine, workflow, NULL, NULL, NULL, NULL, NULL, NULL) != 0) abort();
    baton_engine_run(engine, NULL);
    double once = bytes_in_use();
    bench_job j = {engine, workflow, {.strategy = "basic"}};
    bench_execute(&j, COUNT);
    bench_print("bytes kept of a finished execution, after 100,000", (bytes_in_use() - once) / COUNT,
                "bytes");
    baton_workflow_free(workflow);
    baton_engine_free(engine);
}

int main(void) {
    measure("simple", 1000, "a C step, simple, 1,000 steps (aim: 15)");
    measure("basic", 1000, "a C step, basic, 1,000 steps (aim: 60)");
    measure("basic", 10, "a C step, basic, 10 steps");
    measure("basic", 1, "an execution of one step, call to result (aim: 200)");
    measure_memory();
    return 0;
}
