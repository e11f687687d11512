/* task.verify: one of the commands that decide whether the task is done, run by Baton itself. Each is a
 * step of its own, so that after a crash the ones that passed are not run again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/step_process.h"
#include "service/orchestrator/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct verification {
    baton_orchestrator *o;
    baton_value work, command;
    size_t count;
    int64_t started_ns;
} verification;

static void release(void *data) {
    verification *v = data;
    value_unref(v->work);
    value_unref(v->command);
    free(v);
}

/* The command of this step, those of whoever runs Baton first; given; invalid when there is none. */
static baton_value choose_command(baton_value work, size_t *count, bool *strange) {
    baton_value all = work_commands(work), own = baton_value_get(work, "verify");
    size_t at = (size_t)work_number(work, "verifying");
    *count = baton_value_size(all);
    *strange = at >= baton_value_size(own);
    baton_value command = baton_value_at(all, at);
    value_unref(own);
    value_unref(all);
    return command;
}

static baton_value pass(const verification *v, baton_value work) {
    int next = work_number(work, "verifying") + 1;
    work = value_set_number(work, "verifying", next);
    return work_next(work, (size_t)next < v->count ? "verify" : "commit");
}

static baton_value fail(const verification *v, baton_value work, const char *how, const char *out,
                        const char *error) {
    buffer reason = {0}, tail = {0};
    buffer_printf(&reason, "'%.200s' %s", baton_value_as_text(v->command), how);
    buffer_puts(&tail, work_tail(out));
    if (*error) buffer_printf(&tail, "%s%s", tail.size ? "\n" : "", work_tail(error));
    work = work_fail_attempt(work, buffer_text(&reason), buffer_text(&tail));
    buffer_done(&reason);
    buffer_done(&tail);
    return work;
}

static int finish(void *data, baton_value outcome, baton_value *output, baton_error **err) {
    verification *v = data;
    baton_value work = value_ref(v->work), fault = baton_value_get(outcome, "fault"),
                code = baton_value_get(outcome, "code");
    const char *ended = value_get_text(outcome, "ended");
    char *out = work_output(outcome, "stdout"), *error = work_output(outcome, "stderr"), how[256];
    bool passed = false;
    if (value_is_valid(fault))
        snprintf(how, sizeof how, "could not be run: %.200s", value_get_text(fault, "detail"));
    else if (ended)
        snprintf(how, sizeof how, "was ended: %s", ended);
    else if (baton_value_as_number(code) != 0)
        snprintf(how, sizeof how, "ended with code %.0f", baton_value_as_number(code));
    else
        passed = true;
    baton_value entry = value_set_text(baton_value_object(), "kind", "verify");
    entry = value_set_number(entry, "attempt", work_number(work, "attempt"));
    entry = baton_value_set(entry, "command", value_ref(v->command));
    entry = baton_value_set(entry, "passed", baton_value_boolean(passed));
    if (!passed) entry = value_set_text(entry, "reason", how);
    if (value_is_valid(code)) entry = baton_value_set(entry, "code", value_ref(code));
    entry =
        value_set_number(entry, "duration_ms", (double)((clock_monotonic_ns() - v->started_ns) / 1000000));
    if (out && *out) entry = value_set_text(entry, "stdout", work_tail(out));
    if (error && *error) entry = value_set_text(entry, "stderr", work_tail(error));
    work = work_log(work, entry);
    work = passed ? pass(v, work) : fail(v, work, how, out ? out : "", error ? error : "");
    free(out);
    free(error);
    value_unref(code);
    value_unref(fault);
    int result = work_save(v->o, work, NULL, err);
    if (result == 0)
        *output = work;
    else
        value_unref(work);
    return result;
}

static baton_value spec_of(const verification *v) {
    baton_value argv = baton_value_append(baton_value_array(), baton_value_string("/bin/sh"));
    argv = baton_value_append(argv, baton_value_string("-c"));
    argv = baton_value_append(argv, value_ref(v->command));
    return value_set_text(baton_value_set(baton_value_object(), "argv", argv), "return", "all");
}

/* The gate asks for the trust; a workflow without one has none. */
static int refuse_strange(baton_value work, baton_error **err) {
    baton_value trusted = baton_value_get(work, "trusted");
    bool is_trusted = baton_value_is_true(trusted);
    value_unref(trusted);
    if (is_trusted) return 0;
    return baton_error_set(
        err, BATON_ERROR_NOT_ALLOWED,
        "nobody approved the commands that the task's document brings: its workflow must "
        "call task.begin before task.verify, or it is run with --trust");
}

int work_verify(baton_step_call *call, baton_error **err) {
    bool strange;
    baton_value work = work_input(call, true, err);
    if (!value_is_valid(work)) return -1;
    verification *v = calloc(1, sizeof *v);
    if (!v) {
        value_unref(work);
        return error_memory(err);
    }
    *v = (verification){.o = baton_step_call_data(call), .work = work, .started_ns = clock_monotonic_ns()};
    v->command = choose_command(v->work, &v->count, &strange);
    if (!value_is_valid(v->command)) { /* there is nothing to verify by */
        baton_step_call_output(call, work_next(value_ref(v->work), "commit"));
        release(v);
        return 0;
    }
    if (strange && refuse_strange(v->work, err) != 0) {
        release(v);
        return -1;
    }
    baton_value spec = spec_of(v);
    const step_process process = {
        .request = {.spec = spec,
                    .directory = value_get_text(v->work, "directory"),
                    .timeout_ms = (int64_t)work_setting_number(v->work, "timeout_seconds") * 1000,
                    .output_tail = 4 * WORK_TAIL_BYTES},
        .finish = finish,
        .release = release,
        .data = v};
    int result = step_call_process(call, &process, err);
    value_unref(spec);
    return result;
}
