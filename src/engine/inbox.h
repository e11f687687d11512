/* How other threads reach the loop thread: messages in a list under a lock, and a gate that says whether a
 * loop thread is there at all.
 *
 * The inbox outlives the engine as long as completions refer to it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_INBOX_H
#define BATON_ENGINE_INBOX_H

#include <baton/baton.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

typedef enum message_kind {
    MESSAGE_CANCEL,
    MESSAGE_SUSPEND,
    MESSAGE_COMPLETION,
    MESSAGE_CALL
} message_kind;

typedef struct message {
    struct message *next;
    message_kind kind;
    uint64_t ticket; /* MESSAGE_COMPLETION */
    bool failed;
    char *text; /* MESSAGE_COMPLETION: JSON, or the error's message; freed with the message */
    size_t size;
    /* MESSAGE_CALL: something that the sender waits for; it owns the message. */
    int (*call)(baton_engine *engine, void *data, baton_error **err);
    void *data;
    int result;
    baton_error *error;
    bool answered;
    char id[];
} message;

typedef struct inbox {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    message *first, *last;
    atomic_uint references;
    atomic_uint waiting; /* messages in the list: looked at without the lock */
    bool closed;         /* the engine is gone */
    bool can_wake;       /* `async` is there */
    uv_async_t async;
} inbox;

inbox *inbox_new(void);
inbox *inbox_ref(inbox *in);
void inbox_unref(inbox *in);
/* NULL without memory. text may be NULL. */
message *message_new(message_kind kind, const char *id, const char *text, size_t size);
void message_free(message *m);
/* Takes the message; false (and the message freed) when the engine is gone. */
bool inbox_post(inbox *in, message *m);
/* Wakes the loop, without a message. Any thread. */
void inbox_wake(inbox *in);
/* Takes all messages out. */
message *inbox_take(inbox *in);
/* True when a cancellation of this execution is among the messages. Any thread. */
bool inbox_holds_cancel(inbox *in, const char *id);

/* What a MESSAGE_CALL's function returns when inbox_answer will be called later. */
enum { CALL_ANSWERED_LATER = 1 };

/* Who uses the engine. */
enum { GATE_FREE, GATE_LOOP, GATE_BRIEF };
typedef struct inbox_gate {
    atomic_int state;         /* nobody, a loop thread, another thread for a moment */
    _Atomic pthread_t thread; /* who is inside; zero when nobody is */
    _Atomic pthread_t home;   /* the last loop thread, at first the one that made the engine: the values of
                               * the engine are its own */
} inbox_gate;

void gate_init(inbox_gate *gate);
/* Becomes the loop thread; false when this very thread is inside already. Waits for brief use to end. */
bool gate_enter(inbox_gate *gate);
void gate_leave(inbox_gate *gate, inbox *in);
/* Runs call(engine, data) where the engine may be used: here, when nobody else uses it or this is the loop
 * thread; else on the loop thread, and waits for it. */
int gate_run(inbox_gate *gate, inbox *in, baton_engine *engine,
             int (*call)(baton_engine *engine, void *data, baton_error **err), void *data,
             baton_error **err);
/* True when this is not the engine's home thread: what it hands over must be copied. */
bool gate_is_foreign(inbox_gate *gate);
/* Answers a MESSAGE_CALL. */
void inbox_answer(inbox *in, message *m, int result, baton_error *error);

#endif
