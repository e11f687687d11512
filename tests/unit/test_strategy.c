/* Strategies: what basic and simple decide, and what a program's own one may.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "machine_world.h"

static int ignore(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static world *built(const char *script, const baton_strategy *strategy, baton_strategy_options options) {
    baton_builder *inner = baton_builder_new("inner", NULL), *outer = baton_builder_new("outer", NULL);
    baton_builder_step(inner, &(baton_step){.name = "b", .execute = ignore});
    baton_builder_step(inner, &(baton_step){.name = "c", .execute = ignore});
    baton_workflow *nested = baton_builder_build(inner, NULL);
    baton_builder_step(outer, &(baton_step){.name = "a", .execute = ignore});
    baton_builder_nested(outer, "n", nested);
    baton_builder_step(outer, &(baton_step){.name = "d", .execute = ignore});
    world *w = world_of(baton_builder_build(outer, NULL), script, "null");
    baton_builder_free(inner);
    baton_builder_free(outer);
    baton_workflow_free(nested);
    world_strategy(w, strategy, options);
    world_start(w);
    world_go(w);
    return w;
}

static void retries_wait_twice_as_long_each_time(void **state) {
    (void)state;
    world *w =
        built("{\"b\":[{\"fail\":\"x\"},{\"fail\":\"x\"},{\"fail\":\"x\"},{\"ok\":1}]}", &strategy_basic,
              (baton_strategy_options){.retry_attempts = 3, .retry_delay_ms = 50, .stop_on_failure = true});
    world_completes(w, "\"d\"");
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = \"a\"\n"
                        "4 step_started /do/1/n key=4\n"
                        "5 step_started /do/1/n/do/0/b key=5\n"
                        "6 step_retried /do/1/n/do/0/b key=5 ! runtime 500 /do/1/n/do/0/b x\n"
                        "@50\n"
                        "7 step_started /do/1/n/do/0/b key=5 attempt=2\n"
                        "8 step_retried /do/1/n/do/0/b key=5 attempt=2 ! runtime 500 /do/1/n/do/0/b x\n"
                        "@150\n"
                        "9 step_started /do/1/n/do/0/b key=5 attempt=3\n"
                        "10 step_retried /do/1/n/do/0/b key=5 attempt=3 ! runtime 500 /do/1/n/do/0/b x\n"
                        "@350\n"
                        "11 step_started /do/1/n/do/0/b key=5 attempt=4\n"
                        "12 step_completed /do/1/n/do/0/b key=5 attempt=4 = 1\n"
                        "13 step_started /do/1/n/do/1/c key=13\n"
                        "14 step_completed /do/1/n/do/1/c key=13 = \"c\"\n"
                        "15 step_completed /do/1/n key=4 = \"c\"\n"
                        "16 step_started /do/2/d key=16\n"
                        "17 step_completed /do/2/d key=16 = \"d\"\n"
                        "18 completed = \"d\"\n");
    world_free(w);
}

static int64_t waited_ms(int64_t delay_ms, int retries) {
    world *w = built("{\"a\":[{\"fail\":\"x\"}]}", &strategy_basic,
                     (baton_strategy_options){
                         .retry_attempts = retries, .retry_delay_ms = delay_ms, .stop_on_failure = true});
    assert_int_equal(world_count(w, "step_retried"), retries);
    int64_t ms = (w->now_ns - WORLD_START_NS) / 1000000;
    world_free(w);
    return ms;
}

static void no_wait_is_longer_than_an_hour_or_below_nothing(void **state) {
    (void)state;
    assert_int_equal(waited_ms(1000000, 3), 1000000 + 2000000 + 3600000);
    assert_int_equal(waited_ms(INT64_MAX, 1), 3600000);
    assert_int_equal(waited_ms(-1, 70), 0);
    assert_int_equal(waited_ms(0, 70), 0);
}

static void going_on_past_failures(void **state) {
    (void)state;
    world *w = built("{\"b\":[{\"fail\":\"first\"}],\"d\":[{\"fail\":\"second\"}]}", &strategy_basic,
                     (baton_strategy_options){.stop_on_failure = false});
    world_faults(w, "runtime 500 /do/1/n/do/0/b first");
    world_journal_is(w, "1 started = null\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_completed /do/0/a key=2 = \"a\"\n"
                        "4 step_started /do/1/n key=4\n"
                        "5 step_started /do/1/n/do/0/b key=5\n"
                        "6 step_faulted /do/1/n/do/0/b key=5 ! runtime 500 /do/1/n/do/0/b first\n"
                        "7 step_started /do/1/n/do/1/c key=7\n"
                        "8 step_completed /do/1/n/do/1/c key=7 = \"c\"\n"
                        "9 step_completed /do/1/n key=4 = \"c\"\n"
                        "10 step_started /do/2/d key=10\n"
                        "11 step_faulted /do/2/d key=10 ! runtime 500 /do/2/d second\n"
                        "12 faulted ! runtime 500 /do/1/n/do/0/b first\n");
    world_free(w);
    w = world_new("do: [{a: {call: work}}, {b: {do: [{c: {call: work}}, {d: {set: d}}]}}, {e: {set: e}}]",
                  "{\"a\":[{\"fail\":\"first\"}],\"c\":[{\"fail\":\"second\"}]}", NULL);
    world_strategy(w, &strategy_basic, (baton_strategy_options){.stop_on_failure = false});
    world_start(w);
    world_go(w);
    world_faults(w, "runtime 500 /do/0/a first");
    world_journal_is(
        w, "1 started = {}\n"
           "2 step_started /do/0/a key=2\n"
           "3 step_faulted /do/0/a key=2 ! runtime 500 /do/0/a first\n"
           "4 step_started /do/1/b key=4\n"
           "5 step_started /do/1/b/do/0/c key=5\n"
           "6 step_faulted /do/1/b/do/0/c key=5 ! runtime 500 /do/1/b/do/0/c second\n"
           "7 step_faulted /do/1/b key=4 ! runtime 500 /do/1/b/do/0/c second\n"
           "8 step_started /do/2/e key=8\n"
           "9 step_completed /do/2/e key=8 = \"e\"\n"
           "10 faulted ! runtime 500 /do/0/a first\n"); /* in a file only steps at the top are judged */
    world_free(w);
}

/* A program's own: writes down what it was asked, and answers from a list, by the step's name. */
typedef struct asked {
    buffer log;
    const char *name;             /* for this step ... */
    baton_strategy_action action; /* ... this; NEXT or STOP for the others */
    int64_t delay_ms;
} asked;

static baton_strategy_decision decide(const baton_step_outcome *outcome,
                                      const baton_strategy_options *options, void *data) {
    asked *a = data;
    buffer_printf(&a->log, "%s %zu %s %d%s\n", outcome->name, outcome->index,
                  outcome->success ? "done" : "failed", outcome->attempt,
                  outcome->no_retry ? " no retry" : "");
    if (strcmp(outcome->name, a->name) == 0 && outcome->attempt <= options->retry_attempts + 1)
        return (baton_strategy_decision){a->action, a->delay_ms};
    return (baton_strategy_decision){outcome->success ? BATON_STRATEGY_NEXT : BATON_STRATEGY_STOP, 0};
}

static world *own(asked *a, const char *script) {
    const baton_strategy strategy = {.name = "own", .decide = decide, .data = a, .journal_steps = true};
    static baton_strategy kept;
    kept = strategy;
    return built(script, &kept, (baton_strategy_options){.retry_attempts = 1});
}

static void it_is_asked_after_each_step(void **state) {
    (void)state;
    asked a = {.name = ""};
    world *w = own(&a, NULL);
    world_completes(w, "\"d\"");
    assert_string_equal(buffer_text(&a.log),
                        "a 0 done 1\nb 0 done 1\nc 1 done 1\nn 1 done 1 no retry\nd 2 done 1\n");
    buffer_done(&a.log);
    world_free(w);
}

static void stop_after_success_ends_the_sequence(void **state) {
    (void)state;
    asked a = {.name = "b", .action = BATON_STRATEGY_STOP};
    world *w = own(&a, NULL);
    world_completes(w, "\"d\"");
    assert_string_equal(buffer_text(&a.log), "a 0 done 1\nb 0 done 1\nn 1 done 1 no retry\nd 2 done 1\n");
    buffer_done(&a.log);
    world_free(w);
    a = (asked){.name = "n", .action = BATON_STRATEGY_STOP};
    w = own(&a, NULL);
    world_completes(w, "\"c\"");
    buffer_done(&a.log);
    world_free(w);
}

static void next_after_a_failure_goes_on(void **state) {
    (void)state;
    asked a = {.name = "b", .action = BATON_STRATEGY_NEXT};
    world *w = own(&a, "{\"b\":[{\"fail\":\"x\",\"no_retry\":true}]}");
    world_faults(w, "runtime 500 /do/1/n/do/0/b x");
    assert_string_equal(buffer_text(&a.log),
                        "a 0 done 1\nb 0 failed 1 no retry\nc 1 done 1\nn 1 done 1 no retry\nd 2 done 1\n");
    buffer_done(&a.log);
    world_free(w);
}

static void retry_where_it_makes_sense(void **state) {
    (void)state;
    asked a = {.name = "b", .action = BATON_STRATEGY_RETRY, .delay_ms = 700};
    world *w = own(&a, "{\"b\":[{\"fail\":\"x\"},{\"ok\":1}]}");
    world_completes(w, "\"d\""); /* after a success it means to go on */
    assert_int_equal(w->now_ns - WORLD_START_NS, 700 * 1000000);
    buffer_done(&a.log);
    world_free(w);
    a = (asked){.name = "b", .action = BATON_STRATEGY_RETRY};
    w = own(&a, "{\"b\":[{\"fail\":\"x\",\"no_retry\":true}]}"); /* not after that */
    world_faults(w, "runtime 500 /do/1/n/do/0/b x");
    buffer_done(&a.log);
    world_free(w);
    a = (asked){.name = "a", .action = BATON_STRATEGY_RETRY, .delay_ms = -5};
    w = own(&a, "{\"a\":[{\"fail\":\"x\"},{\"ok\":1}]}");
    assert_int_equal(w->now_ns, WORLD_START_NS);
    buffer_done(&a.log);
    world_free(w);
    a = (asked){.name = "a", .action = BATON_STRATEGY_RETRY, .delay_ms = INT64_MAX};
    w = own(&a, "{\"a\":[{\"fail\":\"x\"},{\"ok\":1}]}");
    assert_true(w->now_ns == WORLD_START_NS + LIMIT_DURATION_MS * 1000000);
    buffer_done(&a.log);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retries_wait_twice_as_long_each_time),
        cmocka_unit_test(no_wait_is_longer_than_an_hour_or_below_nothing),
        cmocka_unit_test(going_on_past_failures),
        cmocka_unit_test(it_is_asked_after_each_step),
        cmocka_unit_test(stop_after_success_ends_the_sequence),
        cmocka_unit_test(next_after_a_failure_goes_on),
        cmocka_unit_test(retry_where_it_makes_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
