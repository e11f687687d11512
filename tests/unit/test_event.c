/* What each event does: start, late answers, suspending and resuming in every phase, recovery.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "machine_world.h"

#define INTERRUPTED " = {\"interrupted\":true}\n"

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
                        "7 step_started /do/0/f/fork/branches/0/a key=3 attempt=2" INTERRUPTED
                        "8 step_started /do/0/f/fork/branches/1/b key=4 attempt=2" INTERRUPTED
                        "9 step_started /do/0/f/fork/branches/2/c key=5 attempt=2" INTERRUPTED);
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
           "7 step_started /do/0/f/fork/branches/0/a key=3 attempt=2" INTERRUPTED
           "8 step_faulted /do/0/f/fork/branches/1/t/try/0/b key=6 ! runtime 500 "
           "/do/0/f/fork/branches/1/t/try/0/b Step was interrupted: the process that ran it died\n"
           "9 step_started /do/0/f/fork/branches/2/c key=5 attempt=2" INTERRUPTED
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
    world_performed_is(w, "call /do/0/t/catch/do/0/h key=5\n");
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

static void what_comes_due_at_recovery(void **state) {
    (void)state;
    /* A wait, a retry that was waited for, and a delivery that still is. */
    world *w = world_new(EVERY_PHASE, EVERY_SCRIPT, NULL);
    world_start(w);
    world_go_until(w, 1000);
    world_restore(w);
    world_lose(w);
    w->now_ns = WORLD_START_NS + INT64_C(60000000000);
    buffer_clear(&w->journal);
    world_tell(w, EVENT_RECOVER);
    world_journal_is(w, "@60000\n"
                        "12 step_completed /do/0/f/fork/branches/1/t/do/0/t1 key=8 = {}\n"
                        "13 step_retried /do/0/f/fork/branches/2/r key=5 attempt=2 ! runtime 500 "
                        "/do/0/f/fork/branches/2/r/try/0/r1 no\n"
                        "14 step_started /do/0/f/fork/branches/0/e/do/0/e1 key=7 attempt=2" INTERRUPTED
                        "15 step_started /do/0/f/fork/branches/1/t/do/1/t2 key=15\n"
                        "16 step_completed /do/0/f/fork/branches/1/t/do/1/t2 key=15 = \"t\"\n"
                        "17 step_completed /do/0/f/fork/branches/1/t key=4 = \"t\"\n"
                        "18 step_started /do/0/f/fork/branches/2/r/try/0/r1 key=9\n");
    world_deliver(w, "d1", "1");
    world_go(w);
    world_completes(w, "[\"e2\",\"t\",\"r\",\"d\"]");
    world_free(w);
    /* What a turn left over. */
    w = world_new("do: [{l: {for: {in: '${ [range(600)] }'}, do: [{s: {set: '${ 1 }'}}]}}]", NULL, NULL);
    world_start(w);
    assert_int_equal(w->action_count, 1);
    world_restore(w);
    world_forget(w, 0);
    world_tell(w, EVENT_RECOVER);
    world_completes(w, "1");
    world_free(w);
}

/* A crash is no failure of the step: retry_attempts counts without it. */
static void a_crash_is_not_an_attempt_of_the_strategy(void **state) {
    (void)state;
    baton_builder *builder = baton_builder_new("b", NULL);
    baton_builder_step(builder, &(baton_step){.name = "a", .execute = world_dummy});
    world *w = world_of(baton_builder_build(builder, NULL),
                        "{\"a\":[{\"hang\":true},{\"hang\":true},{\"fail\":\"no\"}]}", NULL);
    baton_builder_free(builder);
    world_start(w);
    for (int i = 0; i < 2; i++) {
        world_go(w);
        world_restore(w);
        world_lose(w);
        world_tell(w, EVENT_RECOVER);
    }
    world_restore(w); /* the count too is kept */
    w->x.lost_ticket = 0;
    world_go(w);
    world_faults(w, "runtime 500 /do/0/a no");
    world_performed_is(w, "call /do/0/a key=2\n"
                          "call /do/0/a key=2 attempt=2\n"
                          "call /do/0/a key=2 attempt=3\n" /* the first that failed */
                          "call /do/0/a key=2 attempt=4\n" /* and retry_attempts: 2 */
                          "call /do/0/a key=2 attempt=5\n");
    world_free(w);
}

#define INTERRUPTED_FORK                                                                                  \
    "do: [{f: {fork: {branches: [{a: {call: work, timeout: {after: PT1H}}}, {t: {try: [{b: {call: other," \
    " metadata: {baton: {interrupted: fault}}}}], catch: {do: [{h: {set: h}}]}}}, {w: {wait: PT1M}}]}}}]"
#define INTERRUPTED_SCRIPT "{\"a\":[{\"hang\":true},{\"ok\":1}],\"b\":[{\"hang\":true}]}"

static world *interrupted_world(void) {
    world *w = world_new(INTERRUPTED_FORK, INTERRUPTED_SCRIPT, NULL);
    world_start(w);
    world_go_until(w, 1000);
    world_restore(w);
    world_lose(w);
    buffer_clear(&w->journal);
    buffer_clear(&w->performed);
    return w;
}

static void an_interrupted_execution_is_cancelled(void **state) {
    (void)state;
    static const bool suspended[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        world *w = interrupted_world();
        if (suspended[i]) {
            world_tell(w, EVENT_SUSPEND);
            world_restore(w);
            buffer_clear(&w->journal);
        }
        world_tell(w, EVENT_CANCEL);
        assert_int_equal(w->x.status, EXECUTION_CANCELLED);
        assert_int_equal(w->x.effects, 0);
        assert_int_equal(world_count(w, "step_cancelled"), 5);
        assert_int_equal(world_count(w, "/do/0/f/fork/branches/0/a key=3\n"), 1);
        assert_int_equal(world_count(w, "/try/0/b key=6\n"), 1);
        assert_int_equal(world_count(w, " cancelled\n"), 1);
        world_performed_is(w, ""); /* nobody to abort */
        world_free(w);
    }
    world *w = world_new("do: [{a: {call: work}}]", "{\"a\":[{\"hang\":true}]}", NULL);
    world_start(w);
    world_restore(w);
    world_tell(w, EVENT_SUSPEND);
    world_tell(w, EVENT_CANCEL);
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "3 suspended\n"
                        "4 step_cancelled /do/0/a key=2\n"
                        "5 cancelled\n");
    world_free(w);
}

static void an_interrupted_execution_is_suspended(void **state) {
    (void)state;
    world *w = interrupted_world();
    world_tell(w, EVENT_SUSPEND);
    assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
    assert_int_equal(w->x.effects, 0);
    world_restore(w);
    world_tell(w, EVENT_RECOVER); /* begins nothing */
    world_go(w);
    world_performed_is(w, "");
    world_tell(w, EVENT_RESUME);
    world_go(w);
    world_completes(w, "[1,\"h\",{}]");
    world_journal_is(
        w, "@1000\n"
           "7 suspended\n"
           "8 resumed\n"
           "9 step_started /do/0/f/fork/branches/0/a key=3 attempt=2" INTERRUPTED
           "10 step_faulted /do/0/f/fork/branches/1/t/try/0/b key=6 ! runtime 500 "
           "/do/0/f/fork/branches/1/t/try/0/b Step was interrupted: the process that ran it died\n"
           "11 step_started /do/0/f/fork/branches/1/t/catch/do/0/h key=11\n"
           "12 step_completed /do/0/f/fork/branches/1/t/catch/do/0/h key=11 = \"h\"\n"
           "13 step_completed /do/0/f/fork/branches/1/t key=4 = \"h\"\n"
           "14 step_completed /do/0/f/fork/branches/0/a key=3 attempt=2 = 1\n"
           "@60000\n"
           "15 step_completed /do/0/f/fork/branches/2/w key=5 = {}\n"
           "16 step_completed /do/0/f key=2 = [1,\"h\",{}]\n"
           "17 completed = [1,\"h\",{}]\n");
    world_free(w);
    /* Resumed too late for the step's timeout. */
    w = interrupted_world();
    world_tell(w, EVENT_SUSPEND);
    w->now_ns += INT64_C(7200000000000);
    world_tell(w, EVENT_RESUME);
    world_faults(w, "timeout 408 /do/0/f/fork/branches/0/a Step timed out");
    world_performed_is(w, "");
    world_free(w);
}

/* It was asked for before the process died, and counts after it. */
static void suspending_survives_a_crash(void **state) {
    (void)state;
    static const event_kind first[] = {EVENT_RECOVER, EVENT_RESUME};
    for (size_t i = 0; i < 2; i++) {
        world *w = world_new("do: [{a: {call: work}}]", "{\"a\":[{\"hang\":true},{\"ok\":1}]}", NULL);
        world_start(w);
        world_go(w);
        world_tell(w, EVENT_SUSPEND);
        world_restore(w);
        world_lose(w);
        world_tell(w, first[i]);
        if (first[i] == EVENT_RECOVER) {
            assert_int_equal(w->x.status, EXECUTION_SUSPENDED);
            world_tell(w, EVENT_RESUME);
        }
        assert_int_equal(w->x.effects, 1);
        world_go(w);
        world_completes(w, "1");
        world_free(w);
    }
}

/* Where nothing was lost, recovery changes nothing: what runs, runs. */
static void recovery_of_what_did_not_die(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: work}}]", "{\"a\":[{\"ok\":1,\"after\":5}]}", NULL);
    world_start(w);
    world_tell(w, EVENT_RECOVER);
    assert_int_equal(w->out.record_count, 0);
    world_go(w);
    world_completes(w, "1");
    world_free(w);
}

/* After a crash of what journals no steps: from the start, numbered on. */
static void begun_once_more(void **state) {
    (void)state;
    world *w = world_new("do: [{a: {call: work}}, {b: {run: {shell: {command: x}}}}]", NULL, NULL);
    execution_done(&w->x);
    w->setup.input = json("{}");
    w->setup.last_number = 41;
    execution_init(&w->x, &w->setup);
    world_strategy(w, &strategy_simple, (baton_strategy_options){.stop_on_failure = true});
    world_start(w);
    world_go(w);
    world_completes(w, "\"b\"");
    assert_int_equal(world_count(w, "42 started = {}\n"), 1);
    assert_non_null(strstr(buffer_text(&w->performed), "call /do/0/a key=43\n"));
    assert_null(strstr(buffer_text(&w->performed), "key=2\n"));
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
        cmocka_unit_test(what_comes_due_at_recovery),
        cmocka_unit_test(a_crash_is_not_an_attempt_of_the_strategy),
        cmocka_unit_test(an_interrupted_execution_is_cancelled),
        cmocka_unit_test(an_interrupted_execution_is_suspended),
        cmocka_unit_test(suspending_survives_a_crash),
        cmocka_unit_test(recovery_of_what_did_not_die),
        cmocka_unit_test(begun_once_more),
        cmocka_unit_test(recovery_can_fault),
        cmocka_unit_test(answers_after_the_time),
        cmocka_unit_test(runs_of_steps_after_the_time),
        cmocka_unit_test(a_call_without_value_gives_its_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
