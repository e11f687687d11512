/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/inbox.h"

#include "base/error.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

inbox *inbox_new(void) {
    inbox *in = calloc(1, sizeof *in);
    if (!in) return NULL;
    pthread_mutex_init(&in->lock, NULL);
    pthread_cond_init(&in->answered, NULL);
    in->references = 1;
    return in;
}

inbox *inbox_ref(inbox *in) {
    atomic_fetch_add(&in->references, 1);
    return in;
}

void inbox_unref(inbox *in) {
    if (!in || atomic_fetch_sub(&in->references, 1) != 1) return;
    for (message *m = in->first; m;) {
        message *next = m->next;
        message_free(m);
        m = next;
    }
    pthread_mutex_destroy(&in->lock);
    pthread_cond_destroy(&in->answered);
    free(in);
}

message *message_new(message_kind kind, const char *id, const char *text, size_t size) {
    size_t id_size = strlen(id) + 1;
    message *m = calloc(1, sizeof *m + id_size);
    if (!m) return NULL;
    m->kind = kind;
    memcpy(m->id, id, id_size);
    if (text) {
        m->text = malloc(size + 1);
        if (!m->text) {
            free(m);
            return NULL;
        }
        memcpy(m->text, text, size);
        m->text[size] = '\0';
        m->size = size;
    }
    return m;
}

void message_free(message *m) {
    if (!m) return;
    free(m->text);
    free(m);
}

/* Under the lock. */
static void append(inbox *in, message *m) {
    m->next = NULL;
    if (in->last)
        in->last->next = m;
    else
        in->first = m;
    in->last = m;
    atomic_fetch_add(&in->waiting, 1);
    if (in->can_wake) uv_async_send(&in->async);
}

bool inbox_post(inbox *in, message *m) {
    pthread_mutex_lock(&in->lock);
    bool open = !in->closed;
    if (open) append(in, m);
    pthread_mutex_unlock(&in->lock);
    if (!open) message_free(m);
    return open;
}

void inbox_wake(inbox *in) {
    pthread_mutex_lock(&in->lock);
    if (in->can_wake) uv_async_send(&in->async);
    pthread_mutex_unlock(&in->lock);
}

message *inbox_take(inbox *in) {
    pthread_mutex_lock(&in->lock);
    message *all = in->first;
    in->first = in->last = NULL;
    atomic_store(&in->waiting, 0);
    pthread_mutex_unlock(&in->lock);
    return all;
}

bool inbox_holds_cancel(inbox *in, const char *id) {
    if (!atomic_load(&in->waiting)) return false;
    pthread_mutex_lock(&in->lock);
    bool found = false;
    for (message *m = in->first; m && !found; m = m->next)
        found = m->kind == MESSAGE_CANCEL && (!*m->id || strcmp(m->id, id) == 0);
    pthread_mutex_unlock(&in->lock);
    return found;
}

void inbox_answer(inbox *in, message *m, int result, baton_error *error) {
    pthread_mutex_lock(&in->lock);
    m->result = result;
    m->error = error;
    m->answered = true;
    pthread_cond_broadcast(&in->answered);
    pthread_mutex_unlock(&in->lock);
}

/* ---- The gate ---- */

void gate_init(inbox_gate *gate) { gate->home = pthread_self(); }

static bool is_inside(inbox_gate *gate) { return pthread_equal(gate->thread, pthread_self()); }

static bool take(inbox_gate *gate, int as) {
    int expected = GATE_FREE;
    if (!atomic_compare_exchange_strong(&gate->state, &expected, as)) return false;
    gate->thread = pthread_self();
    return true;
}

static void give_back(inbox_gate *gate) {
    gate->thread = (pthread_t)0; /* first: afterwards it is another's to set */
    atomic_store(&gate->state, GATE_FREE);
}

bool gate_enter(inbox_gate *gate) {
    if (is_inside(gate)) return false;
    while (!take(gate, GATE_LOOP)) sched_yield();
    gate->home = pthread_self();
    return true;
}

/* Calls that came too late for the loop are answered "not now": their senders then find the gate free. */
void gate_leave(inbox_gate *gate, inbox *in) {
    give_back(gate);
    if (!atomic_load(&in->waiting)) return;
    pthread_mutex_lock(&in->lock);
    pthread_cond_broadcast(&in->answered);
    pthread_mutex_unlock(&in->lock);
}

bool gate_is_foreign(inbox_gate *gate) { return !pthread_equal(gate->home, pthread_self()); }

/* Under the lock: takes a message that nobody has begun to answer out of the list. */
static bool take_back(inbox *in, message *m) {
    message *before = NULL;
    for (message *at = in->first; at; before = at, at = at->next) {
        if (at != m) continue;
        if (before)
            before->next = m->next;
        else
            in->first = m->next;
        if (in->last == m) in->last = before;
        atomic_fetch_sub(&in->waiting, 1);
        return true;
    }
    return false;
}

/* True when the loop thread answered; false when it left before. */
static bool ask(inbox_gate *gate, inbox *in, message *m) {
    pthread_mutex_lock(&in->lock);
    append(in, m);
    bool taken_back = false;
    while (!m->answered && !taken_back) {
        if (atomic_load(&gate->state) != GATE_LOOP) taken_back = take_back(in, m);
        if (!taken_back && !m->answered) pthread_cond_wait(&in->answered, &in->lock);
    }
    pthread_mutex_unlock(&in->lock);
    return !taken_back;
}

int gate_run(inbox_gate *gate, inbox *in, baton_engine *engine,
             int (*call)(baton_engine *engine, void *data, baton_error **err), void *data,
             baton_error **err) {
    if (is_inside(gate)) return call(engine, data, err);
    for (;;) {
        if (take(gate, GATE_BRIEF)) {
            int result = call(engine, data, err);
            give_back(gate);
            return result;
        }
        if (atomic_load(&gate->state) != GATE_LOOP) {
            sched_yield();
            continue;
        }
        message *m = message_new(MESSAGE_CALL, "", NULL, 0);
        if (!m) return error_memory(err);
        m->call = call;
        m->data = data;
        bool answered = ask(gate, in, m);
        int result = m->result;
        baton_error *error = m->error;
        message_free(m);
        if (!answered) continue;
        if (err)
            *err = error;
        else
            baton_error_free(error);
        return result;
    }
}
