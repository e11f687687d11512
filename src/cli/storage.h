/* What the commands that look into a store share: which store, which execution, and how moments, statuses
 * and rows are shown.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_STORAGE_H
#define BATON_CLI_STORAGE_H

#include "base/arena.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "store/store.h"

/* Entries for the tables of options. */
#define STORAGE_OPTION_STORE \
    { "store", "URL", "where executions are kept: a file, or sqlite:FILE", 0 }
#define STORAGE_OPTION_LAST \
    { "last", NULL, "the newest execution, instead of an id", '1' }
#define STORAGE_OPTION_COLOR \
    { "color", "WHEN", "auto, always or never", 0 }

/* The store that was asked for, else $BATON_STORE, else the user's own: baton/baton.db in $XDG_STATE_HOME
 * or
 * ~/.local/state. */
enum { STORAGE_URL_BYTES = 4096 };
const char *storage_url(const char *given, char path[STORAGE_URL_BYTES]);
/* The execution that a word names: its id, a beginning or end of the id that no other of the newest ones
 * has, or "last". BATON_ERROR_NOT_FOUND (with what was perhaps meant), _USAGE when several fit. */
int storage_resolve(store *s, const char *word, char id[LIMIT_ID_BYTES + 1], baton_error **err);

/* A store that is looked into, and one execution of it. Zeroed at first. */
typedef struct storage {
    store *store;
    const char *given; /* --store, or NULL; set by the command before it opens */
    store_execution x; /* its texts live as long as this */
    arena arena;
} storage;

/* Opens the store, which must be there. 0, or an exit code after a message. */
int storage_open(storage *st);
/* The same, and finds the one execution that the arguments name (`last`: the newest). */
int storage_open_execution(storage *st, const cli_arguments *args, bool last);
/* Reads the execution again. */
int storage_refresh(storage *st, baton_error **err);
void storage_close(storage *st);

/* A status, or "interrupted"; and the colour it is shown in. */
const char *storage_status(const store_execution *x);
const char *storage_status_colour(const char *status);
/* The last segment of a reference, which is the step's name. Appends. */
void storage_put_step_name(buffer *b, const char *reference);
/* "3 min ago", "in 2 h 5 min", and what is longer ago than a day as "2026-01-31 14:02". */
enum { STORAGE_MOMENT = 40 };
const char *storage_moment(int64_t ns, int64_t now_ns, char text[STORAGE_MOMENT]);
/* "2026-01-31 14:02:07", of this place. */
const char *storage_local(int64_t ns, char text[STORAGE_MOMENT]);
int64_t storage_now_ns(void);
/* "512 bytes", "1.2 MB". */
const char *storage_size(uint64_t bytes, char text[32]);
/* "baton COMMAND ID", with the store where it was said. id may be NULL. Appends. */
void storage_put_command(const storage *st, buffer *b, const char *command, const char *id);
/* An error as a sentence for people, with the step and its place in the workflow's file as it was stored:
 * "order.yaml:12:7: step 'pay': Communication error: status 500". Appends. */
void storage_put_fault(storage *st, buffer *b, baton_value error);
/* A value that the store keeps; given; invalid when there is none, or it cannot be read. */
baton_value storage_value(storage *st, store_text text);
/* The execution's workflow, from the text it is pinned to; given. NULL when it is built in C (then *built
 * is true) or cannot be read. built may be NULL. */
baton_workflow *storage_workflow(storage *st, bool *built);

/* JSON: a text as it is stored, null when there is none; a moment, null for none; and an execution's
 * columns as members without braces. Each appends. */
int storage_put_text(storage *st, buffer *b, store_text text, baton_error **err);
void storage_put_time(buffer *b, int64_t ns);
void storage_put_columns(buffer *b, const store_execution *x);
/* Writes a finished text to stdout and empties it. */
int storage_flush(buffer *b, baton_error **err);

#endif
