/* Random workflows, from a printed seed: saved, written, read and restored after every event they go the
 * same way as undisturbed; recovered at a random moment they keep every effect's key and do nothing again
 * that has ended; suspended, resumed and cancelled at random moments they end. BATON_SEED and BATON_ROUNDS
 * repeat a failure or look longer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

#include <stdio.h>
#include <time.h>

enum { DEPTH = 3, SEQUENCE = 3 };

static uint64_t seed, random_state;

static unsigned pick(unsigned below) {
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t z = random_state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ z >> 31) % below);
}

/* ---- Workflows ---- */

typedef struct maker {
    buffer yaml, script;
    unsigned steps;
} maker;

static void make_sequence(maker *m, int depth);

static void make_script(maker *m, unsigned n) {
    buffer_printf(&m->script, "%s\"s%u\":[", m->script.size > 1 ? "," : "", n);
    unsigned outcomes = 1 + pick(3);
    for (unsigned i = 0; i < outcomes; i++) {
        if (i) buffer_putc(&m->script, ',');
        unsigned after = pick(3) ? 0 : 1 + pick(3000);
        if (pick(4) == 0)
            buffer_printf(&m->script, "{\"fail\":\"f%u\",\"after\":%u}", n, after);
        else
            buffer_printf(&m->script, "{\"ok\":{\"v\":%u},\"after\":%u}", n, after);
    }
    buffer_putc(&m->script, ']');
}

static void make_properties(maker *m) {
    if (pick(8) == 0) buffer_printf(&m->yaml, ", if: '%s'", pick(2) ? "true" : ".v == 3");
    if (pick(8) == 0) buffer_puts(&m->yaml, ", input: {from: '${ {v: (.v // 0), from: 1} }'}");
    if (pick(8) == 0) buffer_puts(&m->yaml, ", output: {as: '${ {v: .v?, as: 1} }'}");
    if (pick(4) == 0)
        buffer_printf(&m->yaml, ", export: {as: '${ $context + {k%u: $task.name} }'}", pick(4));
    if (pick(8) == 0) buffer_printf(&m->yaml, ", timeout: {after: {milliseconds: %u}}", 1 + pick(4000));
    static const char *const flows[] = {"continue", "exit", "end"};
    if (pick(10) == 0) buffer_printf(&m->yaml, ", then: %s", flows[pick(3)]);
}

static void make_catch(maker *m, int depth) {
    static const char *const backoffs[] = {"constant", "linear", "exponential"};
    buffer_puts(&m->yaml, ", catch: {as: e");
    if (pick(4) == 0) buffer_puts(&m->yaml, ", errors: {with: {status: 500}}");
    if (pick(6) == 0) buffer_puts(&m->yaml, ", when: '.status < 500'");
    if (pick(3)) {
        buffer_printf(&m->yaml,
                      ", retry: {delay: {milliseconds: %u}, backoff: {%s: {}}, limit: {attempt: {count: %u",
                      1 + pick(500), backoffs[pick(3)], 1 + pick(3));
        if (pick(3) == 0) buffer_printf(&m->yaml, ", duration: {milliseconds: %u}", 1 + pick(2000));
        buffer_puts(&m->yaml, "}}");
        if (pick(3) == 0)
            buffer_puts(&m->yaml, ", jitter: {from: {milliseconds: 1}, to: {milliseconds: 50}}");
        buffer_puts(&m->yaml, "}");
    }
    if (pick(2)) {
        buffer_puts(&m->yaml, ", do: ");
        make_sequence(m, depth - 1);
    }
    buffer_puts(&m->yaml, "}");
}

static void make_step(maker *m, int depth) {
    unsigned n = m->steps++;
    buffer_printf(&m->yaml, "{s%u: {", n);
    switch (pick(depth > 0 ? 11 : 7)) {
    case 0:
    case 1:
        buffer_puts(&m->yaml, "call: work");
        make_script(m, n);
        break;
    case 2:
        buffer_puts(&m->yaml, "run: {shell: {command: 'x ${ .v? }'}}");
        make_script(m, n);
        break;
    case 3:
        buffer_printf(&m->yaml, "set: {v: %u, before: '${ .v? }', context: '${ $context | keys }'}", n % 5);
        break;
    case 4: buffer_printf(&m->yaml, "wait: {milliseconds: %u}", pick(2000)); break;
    case 5:
        if (pick(3))
            buffer_puts(&m->yaml, "set: '${ {v: (.v? // 0)} }'");
        else
            buffer_printf(&m->yaml, "raise: {error: {type: 'about:r%u', status: %u}}", n,
                          pick(2) ? 400 : 500);
        break;
    case 6:
        buffer_puts(&m->yaml, "switch: [{c: {when: '.v? == 3', then: exit}}, {d: {then: continue}}]");
        break;
    case 7:
        buffer_puts(&m->yaml, "do: ");
        make_sequence(m, depth - 1);
        break;
    case 8:
        buffer_printf(&m->yaml, "for: {each: i%u, in: '${ [range(%u)] }'}", n, pick(4));
        if (pick(3) == 0) buffer_printf(&m->yaml, ", while: '$i%u < 2'", n);
        buffer_puts(&m->yaml, ", do: ");
        make_sequence(m, depth - 1);
        break;
    case 9:
        buffer_printf(&m->yaml, "fork: {compete: %s, branches: [", pick(3) ? "false" : "true");
        for (unsigned i = 0, count = 1 + pick(3); i < count; i++) {
            if (i) buffer_puts(&m->yaml, ", ");
            make_step(m, depth - 1);
        }
        buffer_puts(&m->yaml, "]}");
        break;
    case 10:
        buffer_puts(&m->yaml, "try: ");
        make_sequence(m, depth - 1);
        make_catch(m, depth);
        break;
    }
    make_properties(m);
    buffer_puts(&m->yaml, "}}");
}

static void make_sequence(maker *m, int depth) {
    buffer_putc(&m->yaml, '[');
    for (unsigned i = 0, count = 1 + pick(SEQUENCE); i < count; i++) {
        if (i) buffer_puts(&m->yaml, ", ");
        make_step(m, depth);
    }
    buffer_putc(&m->yaml, ']');
}

static void make_workflow(maker *m, unsigned round) {
    random_state = seed + round;
    buffer_puts(&m->yaml, "do: ");
    buffer_putc(&m->script, '{');
    make_sequence(m, DEPTH);
    if (pick(6) == 0) buffer_printf(&m->yaml, "\ntimeout: {after: {milliseconds: %u}}", 1 + pick(5000));
    buffer_putc(&m->script, '}');
}

static void end_maker(maker *m) {
    buffer_done(&m->yaml);
    buffer_done(&m->script);
}

static unsigned rounds(void) {
    const char *text = getenv("BATON_ROUNDS");
    return text ? (unsigned)atoi(text) : 200;
}

/* Compiling its expressions is what a workflow costs: each is made once. */
static baton_workflow **workflows;

static int begin(void **state) {
    (void)state;
    workflows = calloc(rounds(), sizeof(baton_workflow *));
    return workflows ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    for (unsigned round = 0; round < rounds(); round++) baton_workflow_free(workflows[round]);
    free(workflows);
    return 0;
}

static world *world_for(const maker *m, unsigned round) {
    if (!workflows[round]) workflows[round] = world_workflow(m->yaml.data);
    return world_of(workflow_ref(workflows[round]), m->script.data, "{\"v\":1}");
}

/* ---- The same way through snapshots ---- */

static void all_the_way(world *w) {
    world_start(w);
    world_go(w);
    if (!execution_ended(&w->x))
        fail_msg("stuck as %s:\n%s", execution_status_name(w->x.status), buffer_text(&w->journal));
    assert_int_equal(w->x.effects, 0);
    assert_int_equal(w->x.frame_count, 0);
    assert_int_equal(w->action_count, 0);
}

static void snapshots_change_nothing(void **state) {
    (void)state;
    unsigned completed = 0;
    for (unsigned round = 0; round < rounds(); round++) {
        maker m = {0};
        make_workflow(&m, round);
        world *plain = world_for(&m, round);
        all_the_way(plain);
        world *disturbed = world_for(&m, round);
        disturbed->through_snapshots = true;
        disturbed->keeps_values = round % 2;
        disturbed->setup.keeps_data = disturbed->x.keeps_data = round % 3 == 0;
        all_the_way(disturbed);
        const char *a = buffer_text(&plain->journal), *b = buffer_text(&disturbed->journal);
        if (strcmp(a, b) != 0)
            fail_msg("seed %llu round %u\n%s\n%s\n--- differs from\n%s", (unsigned long long)seed, round,
                     m.yaml.data, b, a);
        assert_string_equal(buffer_text(&plain->performed), buffer_text(&disturbed->performed));
        completed += plain->x.status == EXECUTION_COMPLETED;
        world_free(plain);
        world_free(disturbed);
        end_maker(&m);
    }
    assert_true(completed > rounds() / 4); /* not only faults were compared */
}

/* ---- Recovery ---- */

/* What the journal says of each occurrence, by its key. */
typedef struct occurrence {
    char reference[256];
    bool begun, ended;
} occurrence;

static void check_journal(const char *journal, const char *about) {
    enum { MOST = 8192 };
    static occurrence occurrences[MOST];
    memset(occurrences, 0, sizeof occurrences);
    char line[1024];
    for (const char *at = journal; *at; at = strchr(at, '\n') + 1) {
        unsigned number, key;
        char kind[32], reference[256];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        if (sscanf(line, "%u %31s %255s key=%u", &number, kind, reference, &key) != 4 || key >= MOST)
            continue;
        occurrence *o = &occurrences[key];
        if (o->begun && strcmp(o->reference, reference) != 0)
            fail_msg("key %u has two steps\n%s", key, about);
        snprintf(o->reference, sizeof o->reference, "%s", reference);
        bool retry = strstr(about, "retry") != NULL; /* then an enclosing try may begin it again */
        if (strcmp(kind, "step_started") == 0) {
            if (o->ended && !retry) fail_msg("%s began again\n%s\n%s", line, about, journal);
            o->begun = true;
        } else if (strncmp(kind, "step_", 5) == 0 && strcmp(kind, "step_retried") != 0) {
            o->ended = true;
        }
    }
}

/* The step and key of every effect that is under way. */
static void effects_of(const baton_execution *x, buffer *b) {
    for (frame *f = x->root; f; f = frame_next(x->root, f))
        if (f->phase == FRAME_EFFECT) buffer_printf(b, "%s %u\n", f->step->reference, f->key);
}

static void recovery_keeps_keys(void **state) {
    (void)state;
    unsigned compared = 0;
    for (unsigned round = 0; round < rounds(); round++) {
        maker m = {0};
        make_workflow(&m, round);
        world *w = world_for(&m, round);
        unsigned crash = 1 + pick(12);
        world_start(w);
        while (w->events < crash && world_step(w, INT64_MAX)) continue;
        if (!execution_ended(&w->x)) {
            buffer before = {0}, after = {0};
            effects_of(&w->x, &before);
            world_restore(w);
            world_lose(w);
            unsigned finished = world_count(w, "step_completed");
            world_tell(w, EVENT_RECOVER);
            effects_of(&w->x, &after);
            /* Unless a timer came due in the same turn, all are there again as they were. */
            if (world_count(w, "step_completed") == finished && strstr(buffer_text(&before), "/")) {
                assert_string_equal(buffer_text(&before), buffer_text(&after));
                compared++;
            }
            assert_int_equal(w->x.effects, w->action_count);
            buffer_done(&before);
            buffer_done(&after);
        }
        world_go(w);
        if (!execution_ended(&w->x))
            fail_msg("seed %llu round %u stuck\n%s", (unsigned long long)seed, round, m.yaml.data);
        check_journal(buffer_text(&w->journal), m.yaml.data);
        world_free(w);
        end_maker(&m);
    }
    assert_true(compared > rounds() / 50);
}

/* ---- Steering ---- */

/* What holds between any two events. */
static void check_tree(const world *w, const char *about) {
    const baton_execution *x = &w->x;
    uint32_t frames = 0, effects = 0, ready = 0, listed = 0;
    for (frame *f = x->root; f; f = frame_next(x->root, f)) {
        frames++;
        effects += f->phase == FRAME_EFFECT;
        ready += f->phase == FRAME_READY;
        if (f->phase == FRAME_INSIDE && !f->children)
            fail_msg("%s is inside of nothing\n%s", f->step->reference, about);
        if (f->phase != FRAME_INSIDE && f->children)
            fail_msg("%s has children\n%s", f->step->reference, about);
        if (f->interrupted && f->phase != FRAME_HELD)
            fail_msg("%s is not held\n%s", f->step->reference, about);
        if ((f->phase == FRAME_EFFECT) != (f->ticket != 0))
            fail_msg("%s and its ticket\n%s", f->step->reference, about);
    }
    for (frame *f = x->ready; f; f = f->ready_next) listed++;
    assert_int_equal(frames, x->frame_count);
    assert_int_equal(effects, x->effects);
    assert_int_equal(ready, listed);
    if (execution_ended(x)) assert_int_equal(frames, 0);
}

/* Suspended, resumed, woken for nothing, recovered and perhaps cancelled at random moments, it ends. */
static void any_steering_ends(void **state) {
    (void)state;
    unsigned cancelled = 0;
    for (unsigned round = 0; round < rounds(); round++) {
        maker m = {0};
        make_workflow(&m, round);
        world *w = world_for(&m, round);
        world_start(w);
        static const event_kind kinds[] = {EVENT_SUSPEND, EVENT_RESUME, EVENT_TIMER, EVENT_CONTINUE,
                                           EVENT_SUSPEND, EVENT_RESUME, EVENT_CANCEL};
        for (unsigned i = 0; i < 400 && !execution_ended(&w->x); i++) {
            if (pick(10) == 0) { /* a crash, and what the next process does first */
                static const event_kind first[] = {EVENT_RECOVER, EVENT_RECOVER, EVENT_SUSPEND,
                                                   EVENT_RESUME};
                world_restore(w);
                world_lose(w);
                world_tell(w, first[pick(4)]);
            } else if (pick(3) == 0)
                world_tell(w, kinds[pick(pick(4) ? 6 : 7)]);
            else
                world_step(w, INT64_MAX);
            check_tree(w, m.yaml.data);
        }
        world_tell(w, EVENT_RESUME);
        world_go(w);
        check_tree(w, m.yaml.data);
        if (!execution_ended(&w->x))
            fail_msg("seed %llu round %u stuck\n%s", (unsigned long long)seed, round, m.yaml.data);
        cancelled += w->x.status == EXECUTION_CANCELLED;
        world_free(w);
        end_maker(&m);
    }
    assert_true(cancelled > 0);
}

int main(void) {
    const char *text = getenv("BATON_SEED");
    seed = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
    printf("BATON_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_change_nothing),
        cmocka_unit_test(recovery_keeps_keys),
        cmocka_unit_test(any_steering_ends),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
