/* What each event does: start, late answers, suspending and resuming in every phase, recovery.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "machine_world.h"

static void before_the_start_only_few_events_count(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: work}}]", NULL, NULL);
    static const event_kind ignored[] = {EVENT_CONTINUE, EVENT_TIMER,   EVENT_SUSPEND,
                                         EVENT_RESUME,   EVENT_RECOVER, EVENT_SUCCEEDED};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        event ev = {.kind = ignored[i]};
        if (ev.kind == EVENT_SUCCEEDED) ev.value = json("[1]");
        world_send(w, ev);
        assert_int_equal(w->x.status, EXECUTION_PENDING);
        assert_int_equal(w->out.record_count, 0);
    }
    w->now_ns += 1000;
    world_tell(w, EVENT_CANCEL);
    assert_int_equal(w->x.status, EXECUTION_CANCELLED);
    assert_int_equal(w->out.record_count, 1);
    assert_true(w->out.records[0].duration_ns == 0);
    world_free(w);
}

static void the_workflows_input(void **state) {
    (void)state;
    completes(
        "input: {from: .deep}\ndo: [{a: {set: '${ {in: ., context: $context, raw: $workflow.input} }'}}]",
        "{\"deep\":{\"x\":1}}", "{\"in\":{\"x\":1},\"context\":{\"x\":1},\"raw\":{\"deep\":{\"x\":1}}}");
    completes("input: {schema: {document: {type: object}}}\ndo: [{a: {set: {a: 1}}}]", "{}", "{\"a\":1}");
    faults("input: {schema: {document: {type: object, required: [x]}}}\ndo: [{a: {set: {a: 1}}}]", "{}",
           "validation 400 / Validation failed: input: ");
    faults("input: {from: 'error(1)'}\ndo: [{a: {set: {a: 1}}}]", "{}",
           "expression 400 / Expression failed: workflow: ");
}

static void the_workflows_timeout(void **state) {
    (void)state;
    world *w = world_run("timeout: {after: PT3S}\ndo: [{a: {do: [{b: {call: work}}, {c: {wait: PT1M}}]}}]",
                         "{\"b\":[{\"ok\":1,\"after\":1000}]}", NULL);
    world_faults(w, "timeout 408 / Workflow timed out");
    assert_true(w->x.timed_out);
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 step_started /do/0/a/do/0/b key=3\n"
                        "@1000\n"
                        "4 step_completed /do/0/a/do/0/b key=3 = 1\n"
                        "5 step_started /do/0/a/do/1/c key=5\n"
                        "@3000\n"
                        "6 step_cancelled /do/0/a/do/1/c key=5\n"
                        "7 step_cancelled /do/0/a key=2\n"
                        "8 faulted ! timeout 408 / Workflow timed out\n");
    world_performed_is(w, "call /do/0/a/do/0/b key=3 deadline=3000\n");
    world_free(w);
    faults("timeout: {after: '${ .limit }'}\ndo: [{a: {wait: PT1M}}]", "{\"limit\":\"PT1S\"}",
           "timeout 408 / ");
    faults("timeout: {after: '${ .limit }'}\ndo: [{a: {wait: PT1M}}]", "{\"limit\":\"soon\"}",
           "expression 400 / Expression failed: timeout: ");
    faults("timeout: {after: '${ error(1) }'}\ndo: [{a: {wait: PT1M}}]", "{}",
           "expression 400 / Expression failed");
    /* The caller's limit goes before the file's; below zero there is none. */
    static const struct {
        int64_t timeout_ms;
        execution_status status;
        bool none;
    } cases[] = {{500, EXECUTION_FAULTED, false},
                 {-1, EXECUTION_COMPLETED, true},
                 {INT64_MAX, EXECUTION_COMPLETED, false}};
    for (size_t i = 0; i < 3; i++) {
        w = world_new("timeout: {after: PT3S}\ndo: [{a: {wait: PT1M}}]", NULL, NULL);
        w->x.timeout_ms = cases[i].timeout_ms;
        world_start(w);
        assert_true((w->x.deadline_ns == 0) == cases[i].none);
        world_go(w);
        assert_int_equal(w->x.status, cases[i].status);
        world_free(w);
    }
}

static void late_events_are_ignored(void **state) {
    (void)state;
    world *w = world_new("do: [{f: {fork: {compete: true, branches: [{a: {call: work}}, {b: {call: "
                         "work}}]}}}, {c: {call: work}}]",
                         "{\"a\":[{\"hang\":true}],\"c\":[{\"hang\":true}]}", NULL);
    world_start(w);
    uint64_t lost = w->out.actions[0].ticket;
    frame *gone = w->out.actions[0].frame;
    world_go(w); /* b has won, c is under way */
    unsigned written = (unsigned)w->journal.size;
    static const event_kind kinds[] = {EVENT_SUCCEEDED, EVENT_FAILED, EVENT_WAITING, EVENT_STEPS};
    for (size_t i = 0; i < 4; i++) {
        const event late[] = {
            {.ticket = lost}, {.ticket = lost, .frame = gone}, {.ticket = 99}, {.ticket = 0}};
        for (size_t j = 0; j < 4; j++) {
            event ev = late[j];
            ev.kind = kinds[i];
            ev.count = 1;
            if (ev.kind != EVENT_WAITING) ev.value = json("[1]");
            world_send(w, ev);
        }
    }
    assert_int_equal(w->journal.size, written);
    assert_int_equal(w->x.effects, 1);
    world_send(w, (event){.kind = EVENT_SUCCEEDED, .ticket = w->x.last_ticket, .value = json("5")});
    world_completes(w, "5");
    world_send(
        w,
        (event){.kind = EVENT_SUCCEEDED, .ticket = w->x.last_ticket, .value = json("[6]")}); /* has ended */
    world_send(w, (event){.kind = EVENT_CANCEL});
    assert_int_equal(w->out.record_count, 0);
    world_completes(w, "5");
    world_free(w);
}

#define EVERY_PHASE                                                                                     \
    "do: [{f: {fork: {branches: [{e: {do: [{e1: {call: work}}, {e2: {call: work}}]}}, {t: {do: [{t1: "  \
    "{wait: PT5S}}, {t2: {set: t}}]}},"                                                                 \
    " {r: {try: [{r1: {call: other}}], catch: {retry: {delay: PT5S}}}}, {d: {do: [{d1: {call: work}}, " \
    "{d2: {set: d}}]}}]}}}]"
#define EVERY_SCRIPT                                                                              \
    "{\"e1\":[{\"ok\":\"e\",\"after\":2000}],\"r1\":[{\"fail\":\"no\"},{\"ok\":\"r\"}],\"d1\":[{" \
    "\"waits\":true}]}"

static void suspended_in_every_phase(void **state) {
    (void)state;
    world *w = world_new(EVERY_PHASE, EVERY_SCRIPT, NULL);
    world_start(w);
    world_go_until(w, 1000); /* e1 under way, t1 sleeps, r waits for its retry, d1 for a delivery */
    world_tell(w, EVENT_SUSPEND);
    assert_int_equal(w->x.status, EXECUTION_RUNNING); /* e1 may end */
    world_go_until(w, 60000);
    assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
    world_tell(w, EVENT_SUSPEND);
    assert_int_equal(w->out.record_count, 0);
    world_restore(w);
    world_tell(w, EVENT_RECOVER);
    assert_int_equal(w->out.record_count, 0);
    world_tell(w, EVENT_RESUME);
    world_deliver(w, "d1", "1");
    world_go(w);
    world_completes(w, "[\"e2\",\"t\",\"r\",\"d\"]");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/f key=2\n"
                        "3 step_started /do/0/f/fork/branches/0/e key=3\n"
                        "4 step_started /do/0/f/fork/branches/1/t key=4\n"
                        "5 step_started /do/0/f/fork/branches/2/r key=5\n"
                        "6 step_started /do/0/f/fork/branches/3/d key=6\n"
                        "7 step_started /do/0/f/fork/branches/0/e/do/0/e1 key=7\n"
                        "8 step_started /do/0/f/fork/branches/1/t/do/0/t1 key=8\n"
                        "9 step_started /do/0/f/fork/branches/2/r/try/0/r1 key=9\n"
                        "10 step_started /do/0/f/fork/branches/3/d/do/0/d1 key=10\n"
                        "11 step_faulted /do/0/f/fork/branches/2/r/try/0/r1 key=9 ! runtime 500 "
                        "/do/0/f/fork/branches/2/r/try/0/r1 no\n"
                        "@2000\n"
                        "12 step_completed /do/0/f/fork/branches/0/e/do/0/e1 key=7 = \"e\"\n"
                        "13 suspended\n"
                        "@60000\n"
                        "14 resumed\n"
                        "15 step_completed /do/0/f/fork/branches/1/t/do/0/t1 key=8 = {}\n"
                        "16 step_retried /do/0/f/fork/branches/2/r key=5 attempt=2 ! runtime 500 "
                        "/do/0/f/fork/branches/2/r/try/0/r1 no\n"
                        "17 step_started /do/0/f/fork/branches/0/e/do/1/e2 key=17\n"
                        "18 step_started /do/0/f/fork/branches/1/t/do/1/t2 key=18\n"
                        "19 step_completed /do/0/f/fork/branches/1/t/do/1/t2 key=18 = \"t\"\n"
                        "20 step_completed /do/0/f/fork/branches/1/t key=4 = \"t\"\n"
                        "21 step_started /do/0/f/fork/branches/2/r/try/0/r1 key=9\n"
                        "22 step_completed /do/0/f/fork/branches/3/d/do/0/d1 key=10 = 1\n"
                        "23 step_started /do/0/f/fork/branches/3/d/do/1/d2 key=23\n"
                        "24 step_completed /do/0/f/fork/branches/3/d/do/1/d2 key=23 = \"d\"\n"
                        "25 step_completed /do/0/f/fork/branches/3/d key=6 = \"d\"\n"
                        "26 step_completed /do/0/f/fork/branches/0/e/do/1/e2 key=17 = \"e2\"\n"
                        "27 step_completed /do/0/f/fork/branches/0/e key=3 = \"e2\"\n"
                        "28 step_completed /do/0/f/fork/branches/2/r/try/0/r1 key=9 = \"r\"\n"
                        "29 step_completed /do/0/f/fork/branches/2/r key=5 attempt=2 = \"r\"\n"
                        "30 step_completed /do/0/f key=2 = [\"e2\",\"t\",\"r\",\"d\"]\n"
                        "31 completed = [\"e2\",\"t\",\"r\",\"d\"]\n");
    world_free(w);
}

static void suspending_can_be_taken_back(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: work}}, {b: {call: work}}]",
                         "{\"a\":[{\"ok\":1,\"after\":1000}]}", NULL);
    world_start(w);
    world_tell(w, EVENT_SUSPEND);
    world_tell(w, EVENT_RESUME);
    world_go(w);
    world_completes(w, "\"b\"");
    assert_int_equal(world_count(w, "suspended"), 0);
    world_free(w);
}

static void the_last_step_ends_though_suspending(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: work}}]", "{\"a\":[{\"ok\":1,\"after\":1000}]}", NULL);
    world_start(w);
    world_tell(w, EVENT_SUSPEND);
    world_go(w);
    world_completes(w, "1");
    world_free(w);
    /* Times run out for what is under way; a suspended execution has none. */
    w = world_new(
        "do: [{t: {try: [{a: {call: work, timeout: {after: PT1S}}}], catch: {do: [{h: {set: h}}]}}}]",
        "{\"a\":[{\"hang\":true}]}", NULL);
    world_start(w);
    world_tell(w, EVENT_SUSPEND);
    world_go(w);
    assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
    world_tell(w, EVENT_RESUME);
    world_go(w);
    world_completes(w, "\"h\"");
    world_journal_is(w,
                     "1 started = {}\n"
                     "2 step_started /do/0/t key=2\n"
                     "3 step_started /do/0/t/try/0/a key=3\n"
                     "@1000\n"
                     "4 step_faulted /do/0/t/try/0/a key=3 ! timeout 408 /do/0/t/try/0/a Step timed out\n"
                     "5 suspended\n"
                     "6 resumed\n"
                     "7 step_started /do/0/t/catch/do/0/h key=7\n"
                     "8 step_completed /do/0/t/catch/do/0/h key=7 = \"h\"\n"
                     "9 step_completed /do/0/t key=2 = \"h\"\n"
                     "10 completed = \"h\"\n");
    world_free(w);
}

static void cancelled_in_every_phase(void **state) {
    (void)state;
    world *w = world_new(EVERY_PHASE, EVERY_SCRIPT, NULL);
    world_start(w);
    world_go_until(w, 1000);
    world_tell(w, EVENT_CANCEL);
    assert_int_equal(w->x.status, EXECUTION_CANCELLED);
    assert_int_equal(w->x.effects, 0);
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/f key=2\n"
                        "3 step_started /do/0/f/fork/branches/0/e key=3\n"
                        "4 step_started /do/0/f/fork/branches/1/t key=4\n"
                        "5 step_started /do/0/f/fork/branches/2/r key=5\n"
                        "6 step_started /do/0/f/fork/branches/3/d key=6\n"
                        "7 step_started /do/0/f/fork/branches/0/e/do/0/e1 key=7\n"
                        "8 step_started /do/0/f/fork/branches/1/t/do/0/t1 key=8\n"
                        "9 step_started /do/0/f/fork/branches/2/r/try/0/r1 key=9\n"
                        "10 step_started /do/0/f/fork/branches/3/d/do/0/d1 key=10\n"
                        "11 step_faulted /do/0/f/fork/branches/2/r/try/0/r1 key=9 ! runtime 500 "
                        "/do/0/f/fork/branches/2/r/try/0/r1 no\n"
                        "@1000\n"
                        "12 step_cancelled /do/0/f/fork/branches/0/e/do/0/e1 key=7\n"
                        "13 step_cancelled /do/0/f/fork/branches/0/e key=3\n"
                        "14 step_cancelled /do/0/f/fork/branches/1/t/do/0/t1 key=8\n"
                        "15 step_cancelled /do/0/f/fork/branches/1/t key=4\n"
                        "16 step_cancelled /do/0/f/fork/branches/2/r key=5\n"
                        "17 step_cancelled /do/0/f/fork/branches/3/d/do/0/d1 key=10\n"
                        "18 step_cancelled /do/0/f/fork/branches/3/d key=6\n"
                        "19 step_cancelled /do/0/f key=2\n"
                        "20 cancelled\n");
    world_performed_is(w, "call /do/0/f/fork/branches/0/e/do/0/e1 key=7\n"
                          "call /do/0/f/fork/branches/2/r/try/0/r1 key=9\n"
                          "call /do/0/f/fork/branches/3/d/do/0/d1 key=10\n"
                          "abort /do/0/f/fork/branches/0/e/do/0/e1\n");
    world_free(w);
    w = world_new(EVERY_PHASE, EVERY_SCRIPT, NULL); /* and when suspended */
    world_start(w);
    world_tell(w, EVENT_SUSPEND);
    world_go(w);
    assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
    world_tell(w, EVENT_CANCEL);
    assert_int_equal(w->x.status, EXECUTION_CANCELLED);
    world_free(w);
}

static void recovery_begins_effects_again(void **state) {
    (void)state;
    world *w =
        world_new("do: [{f: {fork: {branches: [{a: {call: work}}, {b: {run: {shell: {command: x}}}},"
                  " {c: {call: http, with: {method: get, endpoint: 'http://x/'}}}, {d: {wait: PT5S}}]}}}]",
                  "{\"a\":[{\"hang\":true}]}", NULL);
    world_start(w);
    uint64_t before = w->x.last_ticket;
    world_restore(w);
    buffer_clear(&w->performed);
    world_tell(w, EVENT_RECOVER);
    world_performed_is(
        w, "call /do/0/f/fork/branches/0/a key=3 attempt=2\n"
           "process /do/0/f/fork/branches/1/b key=4 attempt=2 "
           "{\"argv\":[\"/bin/sh\",\"-c\",\"x\",\"sh\"],\"await\":true,\"return\":\"stdout\"}\n"
           "http /do/0/f/fork/branches/2/c key=5 attempt=2 "
           "{\"method\":\"get\",\"output\":\"content\",\"redirect\":false,\"uri\":\"http://x/\"}\n");
    assert_int_equal(w->x.effects, 3);
    world_send(
        w,
        (event){.kind = EVENT_SUCCEEDED, .ticket = before, .value = json("[1]")}); /* of the dead process */
    assert_int_equal(w->out.record_count, 0);
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/f key=2\n"
                        "3 step_started /do/0/f/fork/branches/0/a key=3\n"
                        "4 step_started /do/0/f/fork/branches/1/b key=4\n"
                        "5 step_started /do/0/f/fork/branches/2/c key=5\n"
                        "6 step_started /do/0/f/fork/branches/3/d key=6\n"
                        "7 step_started /do/0/f/fork/branches/0/a key=3 attempt=2\n"
                        "8 step_started /do/0/f/fork/branches/1/b key=4 attempt=2\n"
                        "9 step_started /do/0/f/fork/branches/2/c key=5 attempt=2\n");
    world_free(w);
}

static void an_interrupted_step_may_fault(void **state) {
    (void)state;
    static const char yaml[] = "do: [{f: {fork: {branches: [{a: {call: work}},"
                               " {t: {try: [{b: {call: other, metadata: {baton: {interrupted: fault}}}}], "
                               "catch: {do: [{h: {set: '${ $error.detail }'}}]}}},"
                               " {c: {call: work}}]}}}]";
    world *w = world_new(
        yaml,
        "{\"a\":[{\"hang\":true},{\"ok\":1}],\"b\":[{\"hang\":true}],\"c\":[{\"hang\":true},{\"ok\":3}]}",
        NULL);
    world_start(w);
    world_go(w);
    world_restore(w);
    while (w->action_count) world_forget(w, w->actions[0].ticket);
    buffer_clear(&w->performed);
    world_tell(w, EVENT_RECOVER);
    world_performed_is(w, "call /do/0/f/fork/branches/0/a key=3 attempt=2\n"
                          "call /do/0/f/fork/branches/2/c key=5 attempt=2\n"); /* each effect once */
    world_go(w);
    world_completes(w, "[1,\"the process that ran it died\",3]");
    world_journal_is(
        w, "1 started = {}\n"
           "2 step_started /do/0/f key=2\n"
           "3 step_started /do/0/f/fork/branches/0/a key=3\n"
           "4 step_started /do/0/f/fork/branches/1/t key=4\n"
           "5 step_started /do/0/f/fork/branches/2/c key=5\n"
           "6 step_started /do/0/f/fork/branches/1/t/try/0/b key=6\n"
           "7 step_started /do/0/f/fork/branches/0/a key=3 attempt=2\n"
           "8 step_faulted /do/0/f/fork/branches/1/t/try/0/b key=6 ! runtime 500 "
           "/do/0/f/fork/branches/1/t/try/0/b Step was interrupted: the process that ran it died\n"
           "9 step_started /do/0/f/fork/branches/2/c key=5 attempt=2\n"
           "10 step_started /do/0/f/fork/branches/1/t/catch/do/0/h key=10\n"
           "11 step_completed /do/0/f/fork/branches/1/t/catch/do/0/h key=10 = \"the process that ran it "
           "died\"\n"
           "12 step_completed /do/0/f/fork/branches/1/t key=4 = \"the process that ran it died\"\n"
           "13 step_completed /do/0/f/fork/branches/0/a key=3 attempt=2 = 1\n"
           "14 step_completed /do/0/f/fork/branches/2/c key=5 attempt=2 = 3\n"
           "15 step_completed /do/0/f key=2 = [1,\"the process that ran it died\",3]\n"
           "16 completed = [1,\"the process that ran it died\",3]\n");
    world_free(w);
    w = world_new("do: [{b: {call: other, metadata: {baton: {interrupted: fault}}}}]",
                  "{\"b\":[{\"hang\":true}]}", NULL);
    world_start(w);
    world_restore(w);
    world_tell(w, EVENT_RECOVER);
    world_faults(w, "runtime 500 /do/0/b Step was interrupted: the process that ran it died");
    world_free(w);
}

/* What ran out of time while nobody was there is not begun again. */
static void times_that_passed_before_recovery(void **state) {
    (void)state;
    world *w = world_new(
        "do: [{t: {try: [{a: {call: work, timeout: {after: PT5S}}}], catch: {do: [{h: {call: other}}]}}}]",
        "{\"a\":[{\"hang\":true}]}", NULL);
    world_start(w);
    world_restore(w);
    buffer_clear(&w->performed);
    w->now_ns += INT64_C(10000000000);
    world_tell(w, EVENT_RECOVER);
    world_performed_is(w, "abort /do/0/t/try/0/a\n"
                          "call /do/0/t/catch/do/0/h key=5\n");
    world_go(w);
    world_completes(w, "\"h\"");
    world_free(w);
    w = world_new("timeout: {after: PT5S}\ndo: [{a: {call: work}}]", "{\"a\":[{\"hang\":true}]}", NULL);
    world_start(w);
    world_restore(w);
    w->now_ns += INT64_C(10000000000);
    world_tell(w, EVENT_RECOVER);
    world_faults(w, "timeout 408 / Workflow timed out");
    world_free(w);
}

/* A step that cannot be begun again: the expression of its request fails now. */
static void recovery_can_fault(void **state) {
    (void)state;
    world *w = world_new("do: [{f: {fork: {branches: [{a: {run: {shell: {command: '${ if now < 1767225601 "
                         "then \"x\" else error(1) end }'}}}},"
                         " {b: {call: work}}]}}}]",
                         "{\"a\":[{\"hang\":true}],\"b\":[{\"hang\":true}]}", NULL);
    world_start(w);
    world_restore(w);
    w->now_ns += INT64_C(10000000000);
    world_tell(w, EVENT_RECOVER);
    world_faults(w, "expression 400 /do/0/f/fork/branches/0/a");
    assert_int_equal(w->x.effects, 0);
    world_free(w);
}

/* A step in C that nothing could interrupt: what it answers after its time does not count. */
static void answers_after_the_time(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *fault;
    } cases[] = {
        {"do: [{a: {call: work, timeout: {after: PT1S}}}]", "timeout 408 /do/0/a Step timed out"},
        {"do: [{o: {timeout: {after: PT1S}, do: [{a: {call: work}}]}}]",
         "timeout 408 /do/0/o Step timed out"},
        {"timeout: {after: PT1S}\ndo: [{a: {call: work}}]", "timeout 408 / Workflow timed out"},
    };
    static const event_kind answers[] = {EVENT_SUCCEEDED, EVENT_FAILED};
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 2; j++) {
            world *w = world_new(cases[i].yaml, "{\"a\":[{\"hang\":true}]}", NULL);
            world_start(w);
            w->now_ns += INT64_C(1000000000);
            world_send(w, (event){.kind = answers[j],
                                  .ticket = w->x.last_ticket,
                                  .value = json("{\"title\":\"x\"}")});
            world_faults(w, cases[i].fault);
            world_free(w);
        }
    world *w = world_new("do: [{t: {try: [{a: {call: work}}], catch: {retry: {delay: PT1S, limit: "
                         "{attempt: {count: 1, duration: PT1S}}}}}}]",
                         "{\"a\":[{\"fail\":\"no\"},{\"hang\":true}]}", NULL);
    world_start(w);
    world_go_until(w, 1500);
    w->now_ns += INT64_C(1000000000);
    world_send(w, (event){.kind = EVENT_SUCCEEDED, .ticket = w->x.last_ticket, .value = json("[1]")});
    world_faults(w, "timeout 408 /do/0/t Attempt timed out");
    world_free(w);
}

static void runs_of_steps_after_the_time(void **state) {
    (void)state;
    for (int pending = 0; pending < 3; pending++) {
        world *w = world_new(
            "timeout: {after: PT1S}\ndo: [{a: {call: work}}, {b: {call: work}}, {c: {call: work}}]", NULL,
            NULL);
        world_strategy(w, &strategy_simple, (baton_strategy_options){.stop_on_failure = true});
        world_start(w);
        w->now_ns += INT64_C(1000000000);
        world_send(w, (event){.kind = EVENT_STEPS,
                              .ticket = 1,
                              .count = 2,
                              .pending = pending > 0,
                              .waits = pending > 1,
                              .value = json("[1]")});
        world_faults(w, "timeout 408 / Workflow timed out");
        assert_int_equal(w->x.effects, 0);
        world_free(w);
    }
}

static void a_call_without_value_gives_its_input(void **state) {
    (void)state;
    world *w = world_run("do: [{a: {input: {from: .in}, call: work}}]", "{\"a\":[{\"empty\":true}]}",
                         "{\"in\":[1]}");
    world_completes(w, "[1]");
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_start_only_few_events_count),
        cmocka_unit_test(the_workflows_input),
        cmocka_unit_test(the_workflows_timeout),
        cmocka_unit_test(late_events_are_ignored),
        cmocka_unit_test(suspended_in_every_phase),
        cmocka_unit_test(suspending_can_be_taken_back),
        cmocka_unit_test(the_last_step_ends_though_suspending),
        cmocka_unit_test(cancelled_in_every_phase),
        cmocka_unit_test(recovery_begins_effects_again),
        cmocka_unit_test(an_interrupted_step_may_fault),
        cmocka_unit_test(times_that_passed_before_recovery),
        cmocka_unit_test(recovery_can_fault),
        cmocka_unit_test(answers_after_the_time),
        cmocka_unit_test(runs_of_steps_after_the_time),
        cmocka_unit_test(a_call_without_value_gives_its_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
