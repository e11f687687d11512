/* task.begin and task.accept: the two places where a person may have to let a task go on. Whether one has
 * to is decided by the task's automation level, by the workflow's rules, and by commands that came with the
 * document.
 *
 *   level       begin                  accept
 *   manual      before each attempt    always
 *   assisted    once                   always
 *   semi_auto   -                      always
 *   full_auto   -                      -
 *
 * A gate that is closed writes down what it waits for, and waits for a delivery: what the orchestrator
 * makes of the person's approval. Nothing is lost when the process ends meanwhile.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/git/git.h"
#include "service/orchestrator/work.h"

#include <stdlib.h>
#include <string.h>

typedef struct gate {
    const char *name, *next;
    const char *key;  /* of this visit */
    const char *step; /* the reference that is delivered to */
    const char *why;
    baton_value work;
    baton_value approval; /* somebody gave it before; invalid: nobody did */
} gate;

static bool asks_for_trust(baton_value work) {
    baton_value commands = baton_value_get(work, "document_verify"),
                trusted = baton_value_get(work, "trusted");
    bool asks = baton_value_size(commands) > 0 && !baton_value_is_true(trusted);
    value_unref(commands);
    value_unref(trusted);
    return asks;
}

static const char *why_begin_waits(baton_value work) {
    if (asks_for_trust(work)) return "its document brings commands that would be run";
    if (work_level_is(work, "manual"))
        return "its automation level is manual: a person starts each attempt";
    bool first = work_number(work, "attempt") == 1 && work_number(work, "asked") == 0;
    if (!first) return NULL;
    if (work_rule_is(work, "begin", "always")) return "its workflow lets a person start it";
    return work_level_is(work, "assisted") ? "its automation level is assisted: a person starts it" : NULL;
}

static const char *why_accept_waits(baton_value work) {
    if (work_rule_is(work, "accept", "always")) return "its workflow lets a person accept the result";
    return work_level_is(work, "full_auto") ? NULL : "a person accepts the result";
}

/* What was approved before anybody waited for it: the document as it was then, once. Or for this visit,
 * which a crash repeats. Takes the task. */
static baton_value use_approval(gate *g, baton_value task) {
    value_assign(&g->approval, VALUE_INVALID);
    baton_value state = baton_value_get(task, "state"), approval = task_member(state, "approvals", g->name);
    const char *digest = value_get_text(approval, "digest"), *key = value_get_text(approval, "key");
    bool in_advance = !key && digest && strcmp(g->name, "begin") == 0 &&
                      strcmp(digest, value_get_text(task, "digest")) == 0;
    if (in_advance || (key && strcmp(key, g->key) == 0)) g->approval = value_ref(approval);
    if (in_advance) /* from now on it is for this visit */
        task = task_set_member(task, "state", "approvals",
                               baton_value_set(baton_value_object(), g->name,
                                               value_set_text(value_ref(approval), "key", g->key)));
    value_unref(approval);
    value_unref(state);
    return task;
}

static baton_value come_to_gate(void *data, baton_value task, baton_error **err) {
    gate *g = data;
    if (work_check_current(g->work, task, err) != 0) {
        value_unref(task);
        return VALUE_INVALID;
    }
    task = use_approval(g, task);
    task = task_set_member(task, "state", "work", value_ref(g->work));
    if (value_is_valid(g->approval)) {
        task = task_set_member(task, "state", "gate", baton_value_null());
        return value_set_text(task, "status", "running");
    }
    baton_value waits = value_set_text(baton_value_object(), "name", g->name);
    waits = value_set_text(waits, "key", g->key);
    waits = value_set_text(waits, "step", g->step);
    waits = value_set_text(waits, "why", g->why);
    waits = baton_value_set(waits, "since", task_now());
    if (asks_for_trust(g->work) && strcmp(g->name, "begin") == 0)
        waits = baton_value_set(waits, "commands", baton_value_get(g->work, "document_verify"));
    task = task_set_member(task, "state", "gate", waits);
    return value_set_text(task, "status", "waiting");
}

/* A person's wish is one more attempt, also where there were as many as there may be. Takes the work. */
static baton_value send_back(baton_value work, const char *note) {
    char *as_it_is = git_fingerprint(value_get_text(work, "directory"), NULL);
    work = value_set_text(work, "change_from", as_it_is);
    free(as_it_is);
    int attempt = work_number(work, "attempt") + 1;
    if (attempt > work_setting_number(work, "max_attempts"))
        work = task_set_member(work, "settings", "max_attempts", baton_value_number(attempt));
    return work_fail_attempt(work, note ? note : "the result was not accepted", NULL);
}

baton_value work_take_approval(baton_value work, const char *gate, baton_value approval) {
    const char *note = value_get_text(approval, "note");
    baton_value again = baton_value_get(approval, "again");
    bool is_begin = strcmp(gate, "begin") == 0, back = !is_begin && baton_value_is_true(again);
    value_unref(again);
    baton_value entry = value_set_text(baton_value_object(), "kind", "approval");
    entry = value_set_text(entry, "gate", gate);
    if (back) entry = baton_value_set(entry, "again", baton_value_boolean(true));
    if (note) entry = value_set_text(entry, "note", note);
    work = work_log(work, entry);
    if (back) return send_back(work, note);
    if (is_begin) work = baton_value_set(work, "trusted", baton_value_boolean(true));
    return work_next(work, is_begin ? "work" : "finish");
}

static int stop_at(gate *g, baton_step_call *call, baton_error **err) {
    baton_orchestrator *o = baton_step_call_data(call);
    g->work = work_input(call, true, err);
    if (!value_is_valid(g->work)) return -1;
    g->why = strcmp(g->name, "begin") == 0 ? why_begin_waits(g->work) : why_accept_waits(g->work);
    g->key = baton_step_call_key(call);
    g->step = baton_step_call_reference(call);
    const char *id = value_get_text(g->work, "task");
    int result = 0;
    if (g->why && task_service_change(o->service, id, come_to_gate, g, NULL, err) != 0) {
        value_unref(g->work);
        result = -1;
    } else if (!g->why) {
        baton_step_call_output(call, work_next(g->work, g->next));
    } else if (value_is_valid(g->approval)) {
        baton_step_call_output(call, work_take_approval(g->work, g->name, g->approval));
    } else {
        value_unref(g->work);
        baton_step_call_wait(call);
    }
    value_unref(g->approval);
    return result;
}

int work_begin(baton_step_call *call, baton_error **err) {
    return stop_at(&(gate){.name = "begin", .next = "work"}, call, err);
}

int work_accept(baton_step_call *call, baton_error **err) {
    return stop_at(&(gate){.name = "accept", .next = "finish"}, call, err);
}
