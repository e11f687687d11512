/* try: catches errors, tries again, handles (DSL, "Try", "Retry").
 *
 * An error that matches is retried first, each time with the input and context that the try began with;
 * when retries are exhausted or none are declared, catch.do runs, then catch.then is followed. Exhausted
 * with neither, the error goes on outward. Without retry, do and then it is caught and the try's input is
 * its output.
 *
 * In the frame: error is what was caught, context_before the context it began with, retries how often it
 * began again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/fault.h"
#include "machine/keys.h"
#include "machine/step.h"

static void begin_attempt(machine *m, frame *f) {
    machine_enter_sequence(m, f, &f->step->u.try_.body, value_ref(f->input));
}

static void enter_try(machine *m, frame *f) {
    f->context_before = value_ref(*frame_context(m->x, f));
    begin_attempt(m, f);
}

static void child_completed(machine *m, frame *f, frame *child, baton_value output) {
    (void)child;
    const step_try *t = &f->step->u.try_;
    machine_complete_to(m, f, output, f->in_handler && t->has_then ? t->then : f->step->then);
}

/* when and exceptWhen of catch or retry, on the error. -1 after an error of their own. */
static int permits(machine *m, frame *f, const expression *when, const expression *except_when) {
    int wanted = when ? machine_condition(m, f, when, f->error) : 1;
    if (wanted <= 0) return wanted;
    int unwanted = except_when ? machine_condition(m, f, except_when, f->error) : 0;
    return unwanted < 0 ? -1 : !unwanted;
}

/* Whether catch wants f->error; -1 when the question itself faulted (which has been dealt with). */
static int catches(machine *m, frame *f) {
    const step_try *t = &f->step->u.try_;
    if (t->errors_with) {
        baton_value with = machine_expand(m, f, t->errors_with, f->input);
        if (!value_is_valid(with)) return -1;
        bool matches = fault_matches(f->error, with);
        value_unref(with);
        if (!matches) return 0;
    }
    return permits(m, f, t->when, t->except_when);
}

static bool optional_duration(machine *m, frame *f, const duration *d, int64_t *ms) {
    *ms = 0;
    return !d || machine_duration(m, f, d, f->input, ms);
}

/* The wait before the n-th retry, jitter included; false when its computation faulted. */
static bool retry_delay(machine *m, frame *f, uint32_t n, int64_t *ms) {
    const retry_policy *retry = f->step->u.try_.retry;
    int64_t delay_ms, from_ms, to_ms;
    if (!optional_duration(m, f, retry->delay, &delay_ms) ||
        !optional_duration(m, f, retry->jitter_from, &from_ms) ||
        !optional_duration(m, f, retry->jitter_to, &to_ms))
        return false;
    const int64_t most_ms = INT64_C(100) * 365 * 86400000;
    int64_t factor = retry->backoff == BACKOFF_LINEAR        ? n
                     : retry->backoff == BACKOFF_EXPONENTIAL ? INT64_C(1) << (n - 1 < 40 ? n - 1 : 40)
                                                             : 1;
    *ms = delay_ms > most_ms / factor ? most_ms : delay_ms * factor;
    if (to_ms > from_ms) from_ms += (int64_t)(machine_random(m) % (uint64_t)(to_ms - from_ms + 1));
    *ms += from_ms;
    return true;
}

/* 1: a retry was arranged; 0: there is none (any more); -1: the question faulted. */
static int try_again(machine *m, frame *f) {
    const retry_policy *retry = f->step->u.try_.retry;
    if (!retry) return 0;
    int wanted = permits(m, f, retry->when, retry->except_when);
    if (wanted <= 0) return wanted;
    if (retry->max_attempts >= 0 && f->retries >= retry->max_attempts) return 0;
    int64_t delay_ms, total_ms;
    if (!retry_delay(m, f, f->retries + 1, &delay_ms) ||
        !optional_duration(m, f, retry->total_duration, &total_ms))
        return -1;
    int64_t wake_ns = m->event->now_ns + delay_ms * 1000000;
    if (retry->total_duration && wake_ns - f->started_ns > total_ms * 1000000) return 0;
    f->retries++;
    machine_sleep(m, f, FRAME_RETRY, wake_ns);
    return 1;
}

/* The fault becomes f->error, so that `.` and the variable named by catch.as show it. */
static bool child_faulted(machine *m, frame *f, frame *child, baton_value fault) {
    (void)child;
    const step_try *t = &f->step->u.try_;
    if (f->in_handler) return false;
    f->attempt_deadline_ns = 0;
    value_assign(&f->error, value_ref(fault));
    f->caught = true;
    int caught = catches(m, f);
    if (caught == 0) {
        f->caught = false;
        return false;
    }
    value_unref(fault);
    int again = caught < 0 ? -1 : try_again(m, f);
    if (again != 0) return true;
    if (t->has_handler) {
        f->in_handler = true;
        machine_enter_sequence(m, f, &t->handler, value_ref(f->input));
        return true;
    }
    if (t->retry && !t->has_then) {
        machine_fault(m, f, value_ref(f->error));
        return true;
    }
    machine_complete_to(m, f, value_ref(f->input), t->has_then ? t->then : f->step->then);
    return true;
}

static void woken(machine *m, frame *f) {
    const retry_policy *retry = f->step->u.try_.retry;
    int64_t attempt_ms;
    if (!optional_duration(m, f, retry->attempt_duration, &attempt_ms)) return;
    if (retry->attempt_duration) f->attempt_deadline_ns = m->event->now_ns + attempt_ms * 1000000;
    f->attempt = f->retries + 1;
    if (m->x->journals) machine_record(m, RECORD_STEP_RETRIED, f, value_ref(f->error));
    f->caught = false;
    value_assign(frame_context(m->x, f), value_ref(f->context_before));
    keys_rewind(f);
    begin_attempt(m, f);
}

const step_behavior step_try_behavior = {
    .enter = enter_try, .child_completed = child_completed, .child_faulted = child_faulted, .woken = woken};
