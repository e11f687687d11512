/* Effects under way: which process, call or completion belongs to which step of which run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/effect.h"

#include "base/error.h"
#include "base/value.h"
#include "engine/engine.h"
#include "engine/http.h"
#include "engine/step_process.h"
#include "machine/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

effect *effect_new(run *r, uint64_t ticket) {
    effect *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->run = r;
    e->ticket = ticket;
    e->next = r->effects;
    e->at = &r->effects;
    if (e->next) e->next->at = &e->next;
    r->effects = e;
    return e;
}

void effect_free(effect *e) {
    *e->at = e->next;
    if (e->next) e->next->at = e->at;
    step_process_free(e->ends);
    free(e);
}

effect *effect_find(run *r, uint64_t ticket) {
    effect *e = r->effects;
    while (e && e->ticket != ticket) e = e->next;
    return e;
}

void effect_abort(run *r, uint64_t ticket) {
    effect *e = effect_find(r, ticket);
    if (!e) return; /* a step in C that was not called yet */
    switch (e->kind) {
    case EFFECT_PROCESS: process_cancel(e->u.process); break;
    case EFFECT_HTTP: http_call_cancel(e->u.http); break;
    case EFFECT_COMPLETION: completion_abandon(e->u.completion); break;
    }
    effect_free(e);
}

static void ended(void *data, effect_outcome outcome) {
    effect *e = data;
    run *r = e->run;
    bool failed = value_is_valid(outcome.fault);
    event ev = {.kind = failed ? EVENT_FAILED : EVENT_SUCCEEDED,
                .now_ns = engine_read_clock(r->engine),
                .entropy = engine_jitter(r->engine),
                .ticket = e->ticket,
                .value = failed ? outcome.fault : outcome.output};
    uv_stop(&r->engine->loop); /* whatever called us, the engine has something to do now */
    bool tells = !e->ends || run_finish_call(r, e, outcome, &ev);
    effect_free(e);
    if (tells) run_turn(r, ev);
}

static void wrote(void *data, int stream, const char *bytes, size_t size) {
    effect *e = data;
    run *r = e->run;
    frame *f = frame_by_ticket(r->x->root, e->ticket);
    if (!f) return;
    if (r->engine->output) r->engine->output(r->engine->observer_data, r->x, f->step, stream, bytes, size);
    if (!r->journal) return;
    journal_log(r, &(store_log){.reference = f->step->reference,
                                .key = f->key,
                                .attempt = f->attempt,
                                .stream = stream,
                                .time_ns = r->engine->now_ns,
                                .bytes = {bytes, size}});
}

/* True when it runs. */
static bool start_process(effect *e, process_request request, baton_error **err) {
    run *r = e->run;
    baton_engine *engine = r->engine;
    if (!engine_loop_init(engine, err)) return false;
    if (!engine->processes && !(engine->processes = process_runner_new(&engine->loop, err))) return false;
    if (!request.directory) request.directory = r->directory;
    e->kind = EFFECT_PROCESS;
    e->u.process = process_start(engine->processes, &request, ended,
                                 engine->output || r->journal ? wrote : NULL, e, err);
    return e->u.process;
}

static bool start_http(effect *e, const action *a, const char *key, baton_error **err) {
    baton_engine *engine = e->run->engine;
    if (!engine_loop_init(engine, err)) return false;
    if (!engine->http && !(engine->http = http_client_new(&engine->loop, err))) return false;
    int64_t left_ms = a->deadline_ns ? (a->deadline_ns - engine->now_ns) / 1000000 : 0;
    const http_request request = {
        .spec = a->request, .key = key, .timeout_ms = a->deadline_ns ? left_ms + 1000 : 0};
    e->kind = EFFECT_HTTP;
    e->u.http = http_call_start(engine->http, &request, ended, e, err);
    return e->u.http;
}

/* What could not be started ends as a step does that fails later: with a message, since the turn is still
 * under way. False without memory. */
static bool fail_soon(effect *e, const baton_error *err) {
    run *r = e->run;
    char *text = baton_error_text(err);
    message *m = text ? message_new(MESSAGE_COMPLETION, r->id, text, strlen(text)) : NULL;
    free(text);
    if (!m) return false;
    e->kind = EFFECT_COMPLETION;
    e->u.completion = NULL;
    m->ticket = e->ticket;
    m->failed = true;
    return inbox_post(r->engine->inbox, m);
}

/* True when what the action asks for is under way. */
static bool try_start(effect *e, const action *a, baton_error **err) {
    char key[256];
    snprintf(key, sizeof key, "%s/%u", e->run->id, a->key);
    if (a->kind == ACTION_HTTP) return start_http(e, a, key, err);
    process_request request = e->ends ? e->ends->request : (process_request){.spec = a->request};
    request.key = key;
    return start_process(e, request, err);
}

/* e is NULL without memory. */
static void start(run *r, effect *e, const action *a) {
    baton_error *err = NULL;
    if (!e)
        error_memory(&err);
    else if (try_start(e, a, &err))
        return;
    if (e && fail_soon(e, err)) {
        baton_error_free(err);
        return;
    }
    if (e) effect_free(e);
    engine_break(r->engine, err);
}

void effect_start(run *r, const action *a) { start(r, effect_new(r, a->ticket), a); }

void effect_start_for_call(run *r, const action *a, step_process *p, bool no_retry) {
    effect *e = effect_new(r, a->ticket);
    if (e) {
        e->ends = p;
        e->no_retry = no_retry;
    } else {
        step_process_free(p);
    }
    start(r, e, a);
}
