/* The machine's core: what every step has around it (if, input, output, export, timeout, schemas), and how
 * turns are bounded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "machine/step.h"
#include "machine_world.h"

static void a_skipped_step_hands_its_raw_input_on(void **state) {
    (void)state;
    world *w = world_run("do: [{a: {if: .yes, input: {from: .other}, call: work, output: {as: .x}, export: "
                         "{as: .}, then: end}},"
                         " {b: {set: '${ {b: .} }'}}]",
                         NULL, "{\"yes\":false}");
    world_completes(w, "{\"b\":{\"yes\":false}}");
    world_journal_is(w, "1 started = {\"yes\":false}\n"
                        "2 step_skipped /do/0/a key=2\n"
                        "3 step_started /do/1/b key=3\n"
                        "4 step_completed /do/1/b key=3 = {\"b\":{\"yes\":false}}\n"
                        "5 completed = {\"b\":{\"yes\":false}}\n");
    world_free(w);
    completes("do: [{a: {if: '${ .yes }', set: {a: 1}, then: end}}, {b: {set: b}}]", "{\"yes\":true}",
              "{\"a\":1}");
    faults("do: [{a: {if: '.yes | error', set: {a: 1}}}]", "{\"yes\":1}",
           "expression 400 /do/0/a Expression failed");
}

static void input_output_and_export(void **state) {
    (void)state;
    completes(
        "do: [{a: {input: {from: .in}, set: '${ {got: ., whole: $input} }', output: {as: .got},"
        " export: {as: '${ {exported: ., input: $input, output: $output, before: $context} }'}}},"
        " {b: {set: '${ {now: ., context: $context} }'}}]",
        "{\"in\":{\"x\":1}}",
        "{\"now\":{\"x\":1},\"context\":{\"exported\":{\"x\":1},\"input\":{\"x\":1},\"output\":{\"x\":1},"
        "\"before\":{\"in\":{\"x\":1}}}}");
    /* An export replaces the context. */
    completes("do: [{a: {set: {a: 1}, export: {as: {a: '${ .a }'}}}}, {b: {set: '${ $context }'}}]",
              "{\"in\":1}", "{\"a\":1}");
}

static void properties_that_fault(void **state) {
    (void)state;
    faults("do: [{a: {input: {from: 'error(1)'}, set: {a: 1}}}]", NULL, "expression 400 /do/0/a");
    faults("do: [{a: {set: {a: 1}, output: {as: 'error(1)'}}}]", NULL, "expression 400 /do/0/a");
    faults("do: [{a: {set: {a: 1}, export: {as: 'error(1)'}}}]", NULL, "expression 400 /do/0/a");
    faults("do: [{a: {set: {a: 1}, timeout: {after: '${ error(1) }'}}}]", NULL, "expression 400 /do/0/a");
    faults("do: [{a: {set: {a: 1}, timeout: {after: '${ \"soon\" }'}}}]", NULL, "expression 400 /do/0/a");
    /* Inside other steps such a fault is caught like any other; what was to be exported is not. */
    completes("do: [{t: {try: [{a: {set: {a: 1}, output: {as: 'error(1)'}, export: {as: '${ 5 }'}}}], "
              "catch: {do: [{h: {set: '${ $context }'}}]}}}]",
              "{\"in\":1}", "{\"in\":1}");
    faults("do: [{f: {for: {in: '${ [1] }'}, do: [{a: {set: {a: 1}}}], output: {as: 'error(1)'}}}]", NULL,
           "expression 400 /do/0/f");
    faults(
        "do: [{f: {fork: {branches: [{a: {set: {a: 1}, export: {as: 'error(1)'}}}, {b: {wait: PT1H}}]}}}]",
        NULL, "expression 400 /do/0/f/fork/branches/0/a");
    faults("do: [{t: {try: [{a: {call: work}}], catch: {}, output: {as: 'error(1)'}}}]", NULL,
           "expression 400 /do/0/t");
}

#define SCHEMA(type) "schema: {document: {type: " type "}}"

static void schemas(void **state) {
    (void)state;
    completes(
        "do: [{a: {input: {" SCHEMA("object") ", from: .n}, set: '${ . }', output: {" SCHEMA(
            "number") "},"
                      " export: {as: '${ [.] }', " SCHEMA("array") "}}}, {b: {set: '${ $context }'}}]",
        "{\"n\":1}", "[1]");
    /* The input is checked before it is transformed, the output and the export afterwards. */
    faults("do: [{a: {input: {" SCHEMA("string") ", from: .s}, set: {a: 1}}}]", "{\"s\":\"x\"}",
           "validation 400 /do/0/a Validation failed: input: ");
    faults("do: [{a: {set: {a: 1}, output: {" SCHEMA("string") "}}}]", NULL,
           "validation 400 /do/0/a Validation failed: output: ");
    faults("do: [{a: {set: {a: 1}, export: {as: '${ 1 }', " SCHEMA("string") "}}}]", NULL,
           "validation 400 /do/0/a Validation failed: export: ");
}

static void timeouts_at_each_depth(void **state) {
    (void)state;
    world *w = world_run("do: [{a: {timeout: {after: PT10S}, do: [{b: {timeout: {after: PT2S}, do: [{c: "
                         "{call: work}}]}}]}}]",
                         "{\"c\":[{\"hang\":true}]}", NULL);
    world_faults(w, "timeout 408 /do/0/a/do/0/b Step timed out");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_started /do/0/a/do/0/b key=3\n"
                        "4 step_started /do/0/a/do/0/b/do/0/c key=4\n"
                        "@2000\n"
                        "5 step_cancelled /do/0/a/do/0/b/do/0/c key=4\n"
                        "6 step_faulted /do/0/a/do/0/b key=3 ! timeout 408 /do/0/a/do/0/b Step timed out\n"
                        "7 step_faulted /do/0/a key=2 ! timeout 408 /do/0/a/do/0/b Step timed out\n"
                        "8 faulted ! timeout 408 /do/0/a/do/0/b Step timed out\n");
    world_performed_is(w, "call /do/0/a/do/0/b/do/0/c key=4 deadline=2000\n"
                          "abort /do/0/a/do/0/b/do/0/c\n");
    world_free(w);
    w = world_run(
        "do: [{t: {try: [{a: {timeout: {after: PT1S}, do: [{b: {timeout: {after: PT2S}, wait: PT5S}}]}}],"
        " catch: {errors: {with: {status: 408}}, do: [{h: {set: '${ $error.instance }'}}]}}}]",
        NULL, NULL);
    world_completes(w, "\"/do/0/t/try/0/a\"");
    world_free(w);
    /* What ends in time is not disturbed later. */
    completes("do: [{a: {timeout: {after: PT2S}, wait: PT1S}}, {b: {wait: PT10S}}]", NULL, "{}");
    completes("use: {timeouts: {brief: {after: PT1S}}}\n"
              "do: [{t: {try: [{a: {timeout: brief, wait: PT5S}}], catch: {do: [{h: {set: '${ $error.title "
              "}'}}]}}}]",
              NULL, "\"Step timed out\"");
}

static void a_turn_is_bounded(void **state) {
    (void)state;
    buffer yaml = {0};
    buffer_puts(&yaml, "do:\n");
    for (int i = 0; i < 3 * LIMIT_TURN_STEPS / 2; i++)
        buffer_printf(&yaml, "- s%d: {set: {n: %d}}\n", i, i);
    world *w = world_run(yaml.data, NULL, NULL);
    world_completes(w, "{\"n\":767}");
    world_performed_is(w, "continue\n");
    assert_int_equal(w->largest_output, 2 * LIMIT_TURN_STEPS + 1);
    world_free(w);
    /* What comes between is done, and does not lose what was ready. */
    w = world_new(yaml.data, NULL, NULL);
    world_start(w);
    world_tell(w, EVENT_SUSPEND);
    assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
    world_tell(w, EVENT_CONTINUE);
    assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
    world_tell(w, EVENT_RESUME);
    world_go(w);
    world_completes(w, "{\"n\":767}");
    world_free(w);
    buffer_done(&yaml);
}

/* A loop that never ends can be cancelled between its turns. */
static void an_endless_loop_can_be_left(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {set: {n: 1}}}, {b: {set: {n: 2}, then: a}}]", NULL, NULL);
    world_start(w);
    for (int i = 0; i < 10; i++) world_tell(w, EVENT_CONTINUE);
    assert_int_equal(w->x.status, EXECUTION_RUNNING);
    world_tell(w, EVENT_CANCEL);
    assert_int_equal(w->x.status, EXECUTION_CANCELLED);
    world_free(w);
}

static void random_numbers_of_one_event_differ(void **state) {
    (void)state;
    machine m = {.entropy = 1};
    uint64_t a = machine_random(&m), b = machine_random(&m);
    assert_true(a != b);
    m.entropy = 1;
    assert_true(machine_random(&m) == a);
}

/* Functions that call functions, two hundred deep: through snapshots, and out again with a fault. */
static void deep_nesting(void **state) {
    (void)state;
    buffer yaml = {0};
    buffer_puts(&yaml, "use: {functions: {");
    for (int i = 0; i < 200; i++) buffer_printf(&yaml, "f%d: {call: f%d}, ", i, i + 1);
    buffer_puts(&yaml,
                "f200: {do: [{w: {wait: PT5S}}, {x: {call: work}}]}}}\n"
                "do: [{a: {try: [{c: {call: f0}}], catch: {do: [{h: {set: '${ $error.title }'}}]}}}]");
    world *w = world_new(yaml.data, "{\"x\":[{\"fail\":\"deep\"}]}", NULL);
    w->through_snapshots = true;
    world_start(w);
    assert_true(w->x.frame_count > 200);
    world_go(w);
    world_completes(w, "\"deep\"");
    world_free(w);
    buffer_done(&yaml);
}

static world *keeping(const char *yaml, const char *script, const char *input) {
    world *w = world_new(yaml, script, input);
    w->x.keeps_data = w->setup.keeps_data = w->tells_values = true;
    world_start(w);
    world_go(w);
    return w;
}

static void records_tell_a_steps_other_values(void **state) {
    (void)state;
    static const char yaml[] = "do: [{a: {input: {from: .in}, set: {x: '${ . }'}, output: {as: .x}, "
                               "export: {as: '${ {seen: .} }'}}},"
                               " {b: {set: {y: 1}, output: {as: .}}},"
                               " {o: {input: {from: '${ {o: 1} }'}, do: [{f: {input: {from: '${ 7 }'}, "
                               "call: work, then: end}}]}}]";
    world *w = keeping(yaml, NULL, "{\"in\":5}");
    world_journal_is(
        w, "1 started = {\"in\":5}\n"
           "2 step_started /do/0/a key=2 raw_input {\"in\":5}\n"
           "3 step_completed /do/0/a key=2 input 5 raw_output {\"x\":5} context {\"seen\":5} = 5\n"
           "4 step_started /do/1/b key=4 raw_input 5\n"
           "5 step_completed /do/1/b key=4 = {\"y\":1}\n" /* output.as left it as it was */
           "6 step_started /do/2/o key=6 raw_input {\"y\":1}\n"
           "7 step_started /do/2/o/do/0/f key=7 raw_input {\"o\":1}\n"
           "8 step_completed /do/2/o/do/0/f key=7 input 7 = \"f\"\n"
           "9 step_completed /do/2/o key=6 input {\"o\":1} = \"f\"\n"
           "10 completed = \"f\"\n");
    world_free(w);
    w = keeping("do: [{t: {try: [{a: {input: {from: '${ 1 }'}, call: work}}], catch: {retry: {delay: PT1S, "
                "limit: {attempt: {count: 1}}}}}}]",
                "{\"a\":[{\"fail\":\"no\"},{\"ok\":2}]}", NULL);
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/t key=2 raw_input {}\n"
                        "3 step_started /do/0/t/try/0/a key=3 raw_input {}\n"
                        "4 step_faulted /do/0/t/try/0/a key=3 input 1 ! runtime 500 /do/0/t/try/0/a no\n"
                        "@1000\n"
                        "5 step_retried /do/0/t key=2 attempt=2 ! runtime 500 /do/0/t/try/0/a no\n"
                        "6 step_started /do/0/t/try/0/a key=3 raw_input {}\n"
                        "7 step_completed /do/0/t/try/0/a key=3 input 1 = 2\n"
                        "8 step_completed /do/0/t key=2 attempt=2 = 2\n"
                        "9 completed = 2\n");
    world_free(w);
    w = world_new(yaml, NULL, "{\"in\":5}"); /* nobody keeps them */
    w->tells_values = true;
    world_start(w);
    world_go(w);
    assert_int_equal(world_count(w, "raw_"), 0);
    world_free(w);
}

/* A little more than 64 MiB, and a bit less. */
#define LARGE "'${ [range(9)] | map(\"x\" * 8000000) }'"
#define SMALL "'${ [range(8)] | map(\"x\" * 8000000) }'"
#define DEEP  "'${ reduce range(9985) as $i (0; [.]) }'"

static void what_is_too_large_to_be_kept(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *fault;
    } cases[] = {
        {"do: [{a: {set: " LARGE "}}]",
         "runtime 500 /do/0/a Value too large: the output has more than 67108864 bytes as JSON"},
        {"do: [{a: {set: " DEEP "}}]",
         "runtime 500 /do/0/a Value too large: the output nests deeper than 9984 levels"},
        {"do: [{a: {set: {a: 1}, output: {as: " DEEP "}}}]",
         "runtime 500 /do/0/a Value too large: the output nests"},
        {"do: [{a: {set: {a: 1}, export: {as: " DEEP "}}}]",
         "runtime 500 /do/0/a Value too large: the context nests"},
        {"do: [{a: {input: {from: " DEEP "}, set: {a: 1}}}]",
         "runtime 500 /do/0/a Value too large: the input nests"},
        {"do: [{a: {call: work, with: {x: " DEEP "}}}]",
         "runtime 500 /do/0/a Value too large: the argument nests"},
        {"use: {functions: {f: {set: {a: 1}}}}\ndo: [{a: {call: f, with: {x: " DEEP "}}}]",
         "runtime 500 /do/0/a Value too large: the argument nests"},
        {"do: [{a: {for: {in: '${ [reduce range(9985) as $i (0; [.])] }'}, do: [{b: {set: {a: 1}}}]}}]",
         "runtime 500 /do/0/a Value too large: the collection nests"},
        {"do: [{a: {raise: {error: {type: 'about:x', status: 400, detail: " DEEP "}}}}]",
         "runtime 500 /do/0/a Value too large: the error nests"},
        {"input: {from: " DEEP "}\ndo: [{a: {set: {a: 1}}}]",
         "runtime 500 / Value too large: the input nests"},
        {"do: [{a: {set: {a: 1}}}]\noutput: {as: " DEEP "}",
         "runtime 500 / Value too large: the output nests"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world *w = keeping(cases[i].yaml, NULL, NULL);
        world_faults(w, cases[i].fault);
        world_free(w);
    }
    /* It is caught like any other, and what fits is as it was. */
    world *w = keeping("do: [{t: {try: [{a: {call: work}}, {b: {set: " DEEP "}}], catch: {do: [{c: {set: "
                       "'${ $error.title }'}}]}}}]",
                       NULL, NULL);
    world_completes(w, "\"Value too large\"");
    world_free(w);
    w = keeping("do: [{a: {set: " SMALL "}}, {b: {set: '${ . }'}}, {c: {set: '${ length }'}}]", NULL, NULL);
    world_completes(w, "8");
    world_free(w);
    w = world_run("do: [{a: {set: " DEEP "}}, {b: {set: '${ [recurse] | length }'}}]", NULL, NULL);
    world_completes(w, "9986"); /* nobody keeps it */
    world_free(w);
}

/* What a step in C gave is not asked for again: it would be the same. */
static void a_large_output_is_not_retried(void **state) {
    (void)state;
    baton_builder *builder = baton_builder_new("b", NULL);
    baton_builder_step(builder, &(baton_step){.name = "a", .execute = world_dummy});
    world *w = world_of(baton_builder_build(builder, NULL), "{\"a\":[{\"hang\":true}]}", NULL);
    baton_builder_free(builder);
    w->x.keeps_data = true;
    world_start(w);
    baton_value deep = baton_value_array();
    for (int i = 1; i <= LIMIT_OUTPUT_DEPTH; i++) deep = baton_value_append(baton_value_array(), deep);
    world_send(w, (event){.kind = EVENT_SUCCEEDED, .ticket = 1, .value = value_ref(deep)});
    world_faults(w, "runtime 500 /do/0/a Value too large");
    world_free(w);
    /* Nor is an error that says too much. */
    w = world_new("do: [{a: {call: work}}]", "{\"a\":[{\"hang\":true}]}", NULL);
    w->x.keeps_data = true;
    world_start(w);
    world_send(w, (event){.kind = EVENT_FAILED,
                          .ticket = 1,
                          .value = baton_value_set(fault_new("runtime", 500, "x", NULL), "more", deep)});
    world_faults(w, "runtime 500 /do/0/a Value too large: the error nests deeper");
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_skipped_step_hands_its_raw_input_on),
        cmocka_unit_test(input_output_and_export),
        cmocka_unit_test(properties_that_fault),
        cmocka_unit_test(schemas),
        cmocka_unit_test(timeouts_at_each_depth),
        cmocka_unit_test(a_turn_is_bounded),
        cmocka_unit_test(an_endless_loop_can_be_left),
        cmocka_unit_test(random_numbers_of_one_event_differ),
        cmocka_unit_test(deep_nesting),
        cmocka_unit_test(records_tell_a_steps_other_values),
        cmocka_unit_test(what_is_too_large_to_be_kept),
        cmocka_unit_test(a_large_output_is_not_retried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
