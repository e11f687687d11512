/* try: what is caught, retried and handled.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

#define BOOM(catch) "do: [{t: {try: [{x: {call: work}}], catch: {" catch "}}}, {z: {set: '${ {z: .} }'}}]"
#define FAILS(n)    "{\"x\":[" n "{\"ok\":\"good\"}]}"
#define FAIL        "{\"fail\":\"boom\"},"

static void run_is(const char *yaml, const char *script, const char *input, const char *output) {
    world *w = world_run(yaml, script, input);
    world_completes(w, output);
    world_free(w);
}

static void run_faults(const char *yaml, const char *script, const char *expected) {
    world *w = world_run(yaml, script, NULL);
    world_faults(w, expected);
    world_free(w);
}

static void without_an_error(void **state) {
    (void)state;
    run_is(BOOM("do: [{h: {set: {h: 1}}}]"), NULL, NULL, "{\"z\":\"x\"}");
    run_is(BOOM("then: end"), NULL, NULL, "{\"z\":\"x\"}");
}

static void caught_with_nothing_to_do_the_input_is_the_output(void **state) {
    (void)state;
    run_is(BOOM(""), FAILS(FAIL), "{\"in\":1}", "{\"z\":{\"in\":1}}");
}

static void the_handler(void **state) {
    (void)state;
    world *w =
        world_run(BOOM("do: [{h: {set: '${ {title: $error.title, at: $error.instance, in: .in} }'}}]"),
                  FAILS(FAIL), "{\"in\":1}");
    world_completes(w, "{\"z\":{\"title\":\"boom\",\"at\":\"/do/0/t/try/0/x\",\"in\":1}}");
    world_journal_is(
        w, "1 started = {\"in\":1}\n"
           "2 step_started /do/0/t key=2\n"
           "3 step_started /do/0/t/try/0/x key=3\n"
           "4 step_faulted /do/0/t/try/0/x key=3 ! runtime 500 /do/0/t/try/0/x boom\n"
           "5 step_started /do/0/t/catch/do/0/h key=5\n"
           "6 step_completed /do/0/t/catch/do/0/h key=5 = "
           "{\"at\":\"/do/0/t/try/0/x\",\"in\":1,\"title\":\"boom\"}\n"
           "7 step_completed /do/0/t key=2 = {\"at\":\"/do/0/t/try/0/x\",\"in\":1,\"title\":\"boom\"}\n"
           "8 step_started /do/1/z key=8\n"
           "9 step_completed /do/1/z key=8 = "
           "{\"z\":{\"at\":\"/do/0/t/try/0/x\",\"in\":1,\"title\":\"boom\"}}\n"
           "10 completed = {\"z\":{\"at\":\"/do/0/t/try/0/x\",\"in\":1,\"title\":\"boom\"}}\n");
    world_free(w);
    run_is(BOOM("as: e, do: [{h: {set: '${ $e.status }'}}]"), FAILS(FAIL), NULL, "{\"z\":500}");
    /* What the handler raises is not caught by its own try. */
    run_faults(BOOM("do: [{h: {raise: {error: {type: about:h, status: 1}}}}]"), FAILS(FAIL),
               "about:h 1 /do/0/t/catch/do/0/h");
    run_faults(BOOM("retry: {delay: PT1S, limit: {attempt: {count: 1}}}, do: [{h: {raise: {error: {type: "
                    "about:h, status: 1}}}}]"),
               FAILS(FAIL FAIL), "about:h 1 /do/0/t/catch/do/0/h");
}

static void then_of_catch(void **state) {
    (void)state;
    run_is(BOOM("then: end"), FAILS(FAIL), "{\"in\":1}", "{\"in\":1}");
    run_is(BOOM("then: exit"), FAILS(FAIL), "{\"in\":1}", "{\"in\":1}");
    run_is(BOOM("then: continue"), FAILS(FAIL), "{\"in\":1}", "{\"z\":{\"in\":1}}");
    run_is(BOOM("do: [{h: {set: {h: 1}}}], then: end"), FAILS(FAIL), NULL, "{\"h\":1}");
    run_is(
        "do: [{t: {try: [{x: {call: work}}], catch: {then: b}, then: end}}, {a: {set: a}}, {b: {set: b}}]",
        FAILS(FAIL), NULL, "\"b\"");
    /* A try that went well follows its own `then`. */
    run_is(
        "do: [{t: {try: [{x: {call: work}}], catch: {then: b}, then: end}}, {a: {set: a}}, {b: {set: b}}]",
        NULL, NULL, "\"x\"");
    run_is("do: [{t: {try: [{x: {call: work, then: end}}], catch: {}}}, {a: {set: a}}]", NULL, NULL,
           "\"x\"");
    run_is("do: [{t: {try: [{x: {call: work, then: exit}}, {y: {set: y}}], catch: {}}}, {a: {set: '${ [.] "
           "}'}}]",
           NULL, NULL, "[\"x\"]");
}

static void filters(void **state) {
    (void)state;
    static const char *const fitting[] = {
        BOOM("errors: {with: {type: 'https://open-workflow-specification.org/spec/1.0.0/errors/runtime'}}"),
        BOOM("errors: {with: {type: 'https://open-workflow-specification.org/dsl/errors/types/runtime'}}"),
        BOOM("errors: {with: {type: 'https://serverlessworkflow.io/spec/1.0.3/errors/runtime'}}"),
        BOOM("errors: {with: {type: 'https://serverlessworkflow.io/dsl/errors/types/runtime', status: "
             "500}}"),
        BOOM("errors: {with: {status: 500, title: boom}}"),
        BOOM("errors: {with: {instance: /do/0/t/try/0/x}}"),
        BOOM("errors: {with: {status: '${ .code }'}}"),
        BOOM("when: .status == 500"),
        BOOM("when: '${ $error.title == \"boom\" }'"),
        BOOM("as: e, when: '$e.status >= 500', exceptWhen: .status == 501"),
        BOOM("errors: {with: {status: 500}}, when: 'true', exceptWhen: 'false'"),
    };
    for (size_t i = 0; i < sizeof fitting / sizeof *fitting; i++)
        run_is(fitting[i], FAILS(FAIL), "{\"code\":500}", "{\"z\":{\"code\":500}}");
    static const char *const others[] = {
        BOOM("errors: {with: {type: 'https://serverlessworkflow.io/spec/1.0.3/errors/timeout'}}"),
        BOOM("errors: {with: {type: 'https://example.com/runtime'}}"),
        BOOM("errors: {with: {status: 404}}"),
        BOOM("errors: {with: {detail: none}}"),
        BOOM("errors: {with: {status: 500, title: other}}"),
        BOOM("when: .status == 404"),
        BOOM("exceptWhen: .status == 500"),
        BOOM("when: 'true', exceptWhen: 'true', retry: {delay: PT1S}, do: [{h: {set: {h: 1}}}]"),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        run_faults(others[i], FAILS(FAIL), "runtime 500 /do/0/t/try/0/x boom");
}

static void questions_that_fault_themselves(void **state) {
    (void)state;
    static const char *const all[] = {
        BOOM("when: '.title | error'"),
        BOOM("exceptWhen: '.title | error'"),
        BOOM("errors: {with: {status: '${ error(1) }'}}"),
        BOOM("retry: {when: '.title | error', delay: PT1S}, do: [{h: {set: {h: 1}}}]"),
        BOOM("retry: {exceptWhen: '.title | error', delay: PT1S}, do: [{h: {set: {h: 1}}}]"),
        BOOM("retry: {delay: '${ error(1) }'}, do: [{h: {set: {h: 1}}}]"),
        BOOM("retry: {delay: '${ \"soon\" }'}, do: [{h: {set: {h: 1}}}]"),
        BOOM("retry: {delay: PT1S, jitter: {from: '${ error(1) }', to: PT1S}}"),
        BOOM("retry: {delay: PT1S, jitter: {from: PT0S, to: '${ error(1) }'}}"),
        BOOM("retry: {delay: PT1S, limit: {duration: '${ error(1) }'}}"),
        BOOM("retry: {delay: PT1S, limit: {attempt: {duration: '${ error(1) }'}}}"),
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        run_faults(all[i], FAILS(FAIL), "expression 400 /do/0/t Expression failed");
    /* An outer try catches such a fault. */
    run_is("do: [{o: {try: [{t: {try: [{x: {call: work}}], catch: {when: '.title | error'}}}], catch: {do: "
           "[{h: {set: '${ $error.instance }'}}]}}}]",
           FAILS(FAIL), NULL, "\"/do/0/o/try/0/t\"");
}

static void a_constant_retry(void **state) {
    (void)state;
    world *w = world_run(BOOM("retry: {delay: {seconds: 2}, limit: {attempt: {count: 3}}}"),
                         FAILS(FAIL FAIL), "{\"in\":1}");
    world_completes(w, "{\"z\":\"good\"}");
    world_journal_is(w, "1 started = {\"in\":1}\n"
                        "2 step_started /do/0/t key=2\n"
                        "3 step_started /do/0/t/try/0/x key=3\n"
                        "4 step_faulted /do/0/t/try/0/x key=3 ! runtime 500 /do/0/t/try/0/x boom\n"
                        "@2000\n"
                        "5 step_retried /do/0/t key=2 attempt=2 ! runtime 500 /do/0/t/try/0/x boom\n"
                        "6 step_started /do/0/t/try/0/x key=3\n"
                        "7 step_faulted /do/0/t/try/0/x key=3 ! runtime 500 /do/0/t/try/0/x boom\n"
                        "@4000\n"
                        "8 step_retried /do/0/t key=2 attempt=3 ! runtime 500 /do/0/t/try/0/x boom\n"
                        "9 step_started /do/0/t/try/0/x key=3\n"
                        "10 step_completed /do/0/t/try/0/x key=3 = \"good\"\n"
                        "11 step_completed /do/0/t key=2 attempt=3 = \"good\"\n"
                        "12 step_started /do/1/z key=12\n"
                        "13 step_completed /do/1/z key=12 = {\"z\":\"good\"}\n"
                        "14 completed = {\"z\":\"good\"}\n");
    world_performed_is(w, "call /do/0/t/try/0/x key=3\n"
                          "call /do/0/t/try/0/x key=3\n"
                          "call /do/0/t/try/0/x key=3\n");
    world_free(w);
}

/* Milliseconds since the start at which attempts began, of a step that always fails. */
static void waits_are(const char *retry, const char *expected) {
    buffer yaml = {0}, moments = {0};
    buffer_printf(&yaml, "do: [{t: {try: [{x: {call: work}}], catch: {retry: %s}}}]", retry);
    world *w = world_run(yaml.data, "{\"x\":[{\"fail\":\"boom\"}]}", NULL);
    for (const char *at = buffer_text(&w->journal); (at = strchr(at, '@')); at++)
        buffer_printf(&moments, "%lld ", atoll(at + 1));
    assert_string_equal(buffer_text(&moments), expected);
    world_faults(w, "runtime 500 /do/0/t/try/0/x boom");
    world_free(w);
    buffer_done(&yaml);
    buffer_done(&moments);
}

static void backoffs_and_limits(void **state) {
    (void)state;
    waits_are("{delay: PT1S, limit: {attempt: {count: 3}}}", "1000 2000 3000 ");
    waits_are("{delay: PT1S, backoff: {constant: {}}, limit: {attempt: {count: 2}}}", "1000 2000 ");
    waits_are("{delay: PT1S, backoff: {linear: {}}, limit: {attempt: {count: 3}}}", "1000 3000 6000 ");
    waits_are("{delay: PT1S, backoff: {exponential: {}}, limit: {attempt: {count: 4}}}",
              "1000 3000 7000 15000 ");
    waits_are("{delay: PT1S, limit: {attempt: {count: 0}}}", "");
    waits_are("{delay: PT1S, limit: {duration: PT3S}}", "1000 2000 3000 ");
    waits_are("{delay: PT1S, limit: {duration: PT2.5S, attempt: {count: 9}}}", "1000 2000 ");
    waits_are("{delay: PT1S, when: .status == 404}", "");
    waits_are("{delay: PT1S, exceptWhen: .status == 500}", "");
    /* No wait is longer than a hundred years, however often it was doubled. */
    waits_are("{delay: P30000D, backoff: {exponential: {}}, limit: {attempt: {count: 2}}}",
              "2592000000000 5745600000000 ");
}

static void retries_of_use(void **state) {
    (void)state;
    world *w = world_run("use: {retries: {thrice: {delay: PT1S, limit: {attempt: {count: 3}}}}}\n"
                         "do: [{t: {try: [{x: {call: work}}], catch: {retry: thrice}}}]",
                         FAILS(FAIL), NULL);
    world_completes(w, "\"good\"");
    assert_int_equal(world_count(w, "step_retried"), 1);
    world_free(w);
}

static void jitter_is_added(void **state) {
    (void)state;
    world *w = world_run(
        "do: [{t: {try: [{x: {call: work}}], catch: {retry: {delay: PT1S, jitter: {from: PT1S, to: PT2S},"
        " limit: {attempt: {count: 20}}}}}}]",
        "{\"x\":[{\"fail\":\"boom\"}]}", NULL);
    int before = 0, least = 1000000, most = 0;
    for (const char *at = buffer_text(&w->journal); (at = strchr(at, '@')); at++) {
        int wait = atoi(at + 1) - before;
        before = atoi(at + 1);
        if (wait < least) least = wait;
        if (wait > most) most = wait;
    }
    assert_in_range(least, 2000, 2300);
    assert_in_range(most, 2700, 3000);
    world_free(w);
    waits_are("{delay: PT1S, jitter: {from: PT1S, to: PT1S}, limit: {attempt: {count: 1}}}", "2000 ");
}

static void exhausted(void **state) {
    (void)state;
    static const char script[] = FAILS(FAIL FAIL FAIL);
    run_faults(BOOM("retry: {delay: PT1S, limit: {attempt: {count: 2}}}"), script,
               "runtime 500 /do/0/t/try/0/x boom");
    run_is(BOOM("retry: {delay: PT1S, limit: {attempt: {count: 2}}}, then: end"), script, "{\"in\":1}",
           "{\"in\":1}");
    run_is(
        BOOM("retry: {delay: PT1S, limit: {attempt: {count: 2}}}, do: [{h: {set: '${ $error.title }'}}]"),
        script, NULL, "{\"z\":\"boom\"}");
    run_is(BOOM("retry: {delay: PT1S, limit: {attempt: {count: 3}}}"), script, NULL, "{\"z\":\"good\"}");
}

static void an_attempt_may_last_so_long(void **state) {
    (void)state;
    world *w = world_run(BOOM("retry: {delay: PT1S, limit: {attempt: {count: 2, duration: PT5S}}}, do: "
                              "[{h: {set: '${ $error.title }'}}]"),
                         "{\"x\":[{\"fail\":\"boom\",\"after\":60000},{\"hang\":true}]}", NULL);
    world_completes(w, "{\"z\":\"Attempt timed out\"}");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/t key=2\n"
                        "3 step_started /do/0/t/try/0/x key=3\n"
                        "@60000\n"
                        "4 step_faulted /do/0/t/try/0/x key=3 ! runtime 500 /do/0/t/try/0/x boom\n"
                        "@61000\n"
                        "5 step_retried /do/0/t key=2 attempt=2 ! runtime 500 /do/0/t/try/0/x boom\n"
                        "6 step_started /do/0/t/try/0/x key=3\n"
                        "@66000\n"
                        "7 step_cancelled /do/0/t/try/0/x key=3\n"
                        "@67000\n"
                        "8 step_retried /do/0/t key=2 attempt=3 ! timeout 408 /do/0/t Attempt timed out\n"
                        "9 step_started /do/0/t/try/0/x key=3\n"
                        "@72000\n"
                        "10 step_cancelled /do/0/t/try/0/x key=3\n"
                        "11 step_started /do/0/t/catch/do/0/h key=11\n"
                        "12 step_completed /do/0/t/catch/do/0/h key=11 = \"Attempt timed out\"\n"
                        "13 step_completed /do/0/t key=2 attempt=3 = \"Attempt timed out\"\n"
                        "14 step_started /do/1/z key=14\n"
                        "15 step_completed /do/1/z key=14 = {\"z\":\"Attempt timed out\"}\n"
                        "16 completed = {\"z\":\"Attempt timed out\"}\n");
    world_performed_is(w, "call /do/0/t/try/0/x key=3\n"
                          "call /do/0/t/try/0/x key=3 deadline=66000\n"
                          "abort /do/0/t/try/0/x\n"
                          "call /do/0/t/try/0/x key=3 deadline=72000\n"
                          "abort /do/0/t/try/0/x\n");
    world_free(w);
    /* Not caught, it goes outward as the try's own. */
    run_faults(
        BOOM("when: .status == 500, retry: {delay: PT1S, limit: {attempt: {count: 2, duration: PT5S}}}"),
        "{\"x\":[{\"fail\":\"boom\"},{\"hang\":true}]}", "timeout 408 /do/0/t Attempt timed out");
    /* The limit counts for attempts, neither for the wait before them nor for the handler. */
    run_is(BOOM("retry: {delay: PT9S, limit: {attempt: {count: 2, duration: PT5S}}}, do: [{h: {wait: "
                "PT9S}}, {i: {set: done}}]"),
           "{\"x\":[{\"fail\":\"boom\"}]}", NULL, "{\"z\":\"done\"}");
}

static void each_attempt_begins_with_the_same_input_and_context(void **state) {
    (void)state;
    run_is("do: [{t: {input: {from: .v}, try: [{a: {call: other, export: {as: '${ $context + {tries: "
           "(($context.tries // 0) + 1)} }'}}},"
           " {x: {call: work}}, {s: {set: '${ {v: ., c: $context} }'}}],"
           " catch: {retry: {delay: PT1S, limit: {attempt: {count: 3}}}}}}]",
           "{\"a\":[{\"empty\":true}],\"x\":[{\"fail\":\"boom\"},{\"fail\":\"boom\"},{\"empty\":true}]}",
           "{\"v\":7}", "{\"v\":7,\"c\":{\"v\":7,\"tries\":1}}");
    /* The handler sees what the last attempt exported. */
    run_is("do: [{t: {try: [{a: {call: other, export: {as: '${ {a: 1} }'}}}, {x: {call: work}}],"
           " catch: {do: [{h: {set: '${ $context }'}}]}}}]",
           FAILS(FAIL), NULL, "{\"a\":1}");
}

static void the_variable_lives_in_the_handler_alone(void **state) {
    (void)state;
    run_is(BOOM("as: e, do: [{h: {do: [{i: {try: [{y: {raise: {error: {type: about:y, status: 2}}}}],"
                " catch: {as: f, do: [{j: {set: '${ [$e.status, $f.status] }'}}]}}}]}}]"),
           FAILS(FAIL), NULL, "{\"z\":[500,2]}");
}

static void keys_survive_retries(void **state) {
    (void)state;
    /* Rounds of a loop have keys of their own, in each attempt the same ones. */
    world *w = world_run(
        "do: [{t: {try: [{f: {for: {in: '${ [1,2] }'}, do: [{a: {call: work}}]}}, {x: {call: other}}],"
        " catch: {retry: {delay: PT1S}}}}]",
        FAILS(FAIL), NULL);
    world_completes(w, "\"good\"");
    world_performed_is(w, "call /do/0/t/try/0/f/do/0/a key=4\n"
                          "call /do/0/t/try/0/f/do/0/a key=6\n"
                          "call /do/0/t/try/1/x key=9\n"
                          "call /do/0/t/try/0/f/do/0/a key=4\n"
                          "call /do/0/t/try/0/f/do/0/a key=6\n"
                          "call /do/0/t/try/1/x key=9\n");
    world_free(w);
}

static void nested_tries(void **state) {
    (void)state;
    world *w = world_run("do: [{o: {try: [{i: {try: [{a: {call: work}}, {x: {call: other}}],"
                         " catch: {retry: {delay: PT1S, limit: {attempt: {count: 1}}}}}}],"
                         " catch: {retry: {delay: PT10S, limit: {attempt: {count: 1}}}}}}]",
                         FAILS(FAIL FAIL FAIL), NULL);
    world_completes(w, "\"good\"");
    world_performed_is(w, "call /do/0/o/try/0/i/try/0/a key=4\n"
                          "call /do/0/o/try/0/i/try/1/x key=6\n"
                          "call /do/0/o/try/0/i/try/0/a key=4\n"
                          "call /do/0/o/try/0/i/try/1/x key=6\n"
                          "call /do/0/o/try/0/i/try/0/a key=4\n"
                          "call /do/0/o/try/0/i/try/1/x key=6\n"
                          "call /do/0/o/try/0/i/try/0/a key=4\n"
                          "call /do/0/o/try/0/i/try/1/x key=6\n");
    assert_int_equal(world_count(w, "step_retried"), 3);
    world_free(w);
}

static void a_retry_that_waits_can_be_left(void **state) {
    (void)state;
    static const char yaml[] = BOOM("retry: {delay: PT10S}");
    world *w = world_new(yaml, FAILS(FAIL), NULL); /* suspended and resumed */
    world_start(w);
    world_go_until(w, 1000);
    assert_int_equal(w->x.status, EXECUTION_WAITING);
    world_tell(w, EVENT_SUSPEND);
    assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
    assert_true(execution_wake_ns(&w->x) == INT64_MAX);
    world_go_until(w, 60000);
    world_tell(w, EVENT_TIMER);
    assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
    world_tell(w, EVENT_RESUME);
    world_go(w);
    world_completes(w, "{\"z\":\"good\"}");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/t key=2\n"
                        "3 step_started /do/0/t/try/0/x key=3\n"
                        "4 step_faulted /do/0/t/try/0/x key=3 ! runtime 500 /do/0/t/try/0/x boom\n"
                        "@1000\n"
                        "5 suspended\n"
                        "@60000\n"
                        "6 resumed\n"
                        "7 step_retried /do/0/t key=2 attempt=2 ! runtime 500 /do/0/t/try/0/x boom\n"
                        "8 step_started /do/0/t/try/0/x key=3\n"
                        "9 step_completed /do/0/t/try/0/x key=3 = \"good\"\n"
                        "10 step_completed /do/0/t key=2 attempt=2 = \"good\"\n"
                        "11 step_started /do/1/z key=11\n"
                        "12 step_completed /do/1/z key=11 = {\"z\":\"good\"}\n"
                        "13 completed = {\"z\":\"good\"}\n");
    world_free(w);
    w = world_new(yaml, FAILS(FAIL), NULL); /* cancelled */
    world_start(w);
    world_go_until(w, 1000);
    world_tell(w, EVENT_CANCEL);
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/t key=2\n"
                        "3 step_started /do/0/t/try/0/x key=3\n"
                        "4 step_faulted /do/0/t/try/0/x key=3 ! runtime 500 /do/0/t/try/0/x boom\n"
                        "@1000\n"
                        "5 step_cancelled /do/0/t key=2\n"
                        "6 cancelled\n");
    world_free(w);
    /* The step's own timeout comes while it waits. */
    run_faults(
        "do: [{t: {timeout: {after: PT3S}, try: [{x: {call: work}}], catch: {retry: {delay: PT10S}}}}]",
        FAILS(FAIL), "timeout 408 /do/0/t Step timed out");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_error),
        cmocka_unit_test(caught_with_nothing_to_do_the_input_is_the_output),
        cmocka_unit_test(the_handler),
        cmocka_unit_test(then_of_catch),
        cmocka_unit_test(filters),
        cmocka_unit_test(questions_that_fault_themselves),
        cmocka_unit_test(a_constant_retry),
        cmocka_unit_test(backoffs_and_limits),
        cmocka_unit_test(retries_of_use),
        cmocka_unit_test(jitter_is_added),
        cmocka_unit_test(exhausted),
        cmocka_unit_test(an_attempt_may_last_so_long),
        cmocka_unit_test(each_attempt_begins_with_the_same_input_and_context),
        cmocka_unit_test(the_variable_lives_in_the_handler_alone),
        cmocka_unit_test(keys_survive_retries),
        cmocka_unit_test(nested_tries),
        cmocka_unit_test(a_retry_that_waits_can_be_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
