/* The SQLite store: a thread that moves what was committed from the log (WAL) to the file, so that no
 * commit waits for it.
 *
 * SQLite begins its log anew only when a commit finds all of it moved. Under constant commits the thread is
 * always a little behind, so the log would grow for ever: when it is large, and the thread has done what it
 * could, the committing thread moves the rest itself, between two commits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

enum {
    PAGES_WANTED = 1000, /* added to the log, before the thread is called */
    PAGES_LARGE = 16384, /* before the committing thread moves the rest */
    PAGES_MAX = 49152,   /* before it waits for the other thread to do its part: that disk is slow */
};

/* Moves what nobody reads at present, without keeping anybody waiting. What it cannot do now is done at the
 * next time, and a disk that fails will tell the next commit. */
static void move_pages(sqlite3 *db) {
    sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static void *work(void *data) {
    sqlite_store *s = data;
    checkpointer *k = &s->checkpointer;
    pthread_mutex_lock(&k->lock);
    while (!k->stopping) {
        if (!k->wanted) {
            pthread_cond_wait(&k->changed, &k->lock);
            continue;
        }
        pthread_mutex_unlock(&k->lock);
        if (k->connection.db || sqlite_connect(s, &k->connection, NULL) == 0) move_pages(k->connection.db);
        pthread_mutex_lock(&k->lock);
        k->wanted = false;
        pthread_cond_signal(&k->changed);
    }
    pthread_mutex_unlock(&k->lock);
    sqlite_disconnect(&k->connection);
    return NULL;
}

/* Of the writer, after a commit: remembers the size of the log. */
static int committed(void *data, sqlite3 *db, const char *name, int pages) {
    (void)db;
    (void)name;
    ((sqlite_store *)data)->wal_pages = pages;
    return SQLITE_OK;
}

void sqlite_checkpoint_init(sqlite_store *s) {
    checkpointer *k = &s->checkpointer;
    k->store = s;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->changed, NULL);
    sqlite3_wal_hook(s->writer.db, committed, s);
}

/* Whether the committing thread is to move pages itself. With the lock of the checkpointer held. */
static bool must_help(checkpointer *k, int pages) {
    if (!k->started) k->started = pthread_create(&k->thread, NULL, work, k->store) == 0;
    if (!k->started) return true;
    if (pages < PAGES_LARGE) {
        k->helped_at = 0;
        if (pages < k->called_at) k->called_at = 0; /* the log began anew */
        if (pages < k->called_at + PAGES_WANTED) return false;
        k->called_at = pages;
        k->wanted = true;
        pthread_cond_signal(&k->changed);
        return false;
    }
    while (k->wanted && pages > PAGES_MAX) pthread_cond_wait(&k->changed, &k->lock);
    /* Where somebody reads what is old, even this does not empty the log: not after each commit, then. */
    if (k->wanted || pages < k->helped_at + PAGES_WANTED) return false;
    k->helped_at = pages;
    return true;
}

void sqlite_checkpoint_consider(sqlite_store *s) {
    checkpointer *k = &s->checkpointer;
    int pages = s->wal_pages;
    s->wal_pages = 0;
    if (pages < PAGES_WANTED) return;
    pthread_mutex_lock(&k->lock);
    bool help = must_help(k, pages);
    pthread_mutex_unlock(&k->lock);
    if (help) move_pages(s->writer.db);
}

void sqlite_checkpoint_stop(sqlite_store *s) {
    checkpointer *k = &s->checkpointer;
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_cond_signal(&k->changed);
    pthread_mutex_unlock(&k->lock);
    if (k->started) pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
}
