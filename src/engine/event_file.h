/* The file that --events names: one lifecycle event a line (lifecycle.h), each event of an execution
 * exactly once and in order, also across a crash. What a crash left out is written when the execution is
 * resumed: ask where the file stands (event_file_position), then write each record of the journal from that
 * number on, that number included.
 *
 * Invariants of a regular file: it ends with a whole line (one that a crash tore is cut off), and the
 * events of an execution have no gap in it: after the first failure nothing more is written. Several
 * processes may append to one file: each holds a lock while it writes. Lines that are no events may stand
 * in it.
 *
 * What is no regular file (a FIFO, a terminal) and /dev/stdout and /dev/stderr, wherever they lead, are
 * written to and never read: they have no events of before.
 *
 * On the loop's thread. Nothing is flushed to the disk: after a power cut the events of executions that
 * ended before may be missing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_EVENT_FILE_H
#define BATON_ENGINE_EVENT_FILE_H

#include "engine/lifecycle.h"

typedef struct event_file event_file;

/* An event of an execution, by what its id says: <execution>/<number>/<k>. Zero: before the first. */
typedef struct event_position {
    uint32_t number, k;
} event_position;

/* Opens a file for appending, or creates it. Waits for a FIFO's reader. Given; NULL after an error. */
event_file *event_file_open(const char *path, baton_error **err);
/* The last event that the file has of an execution; zero when it has none. Reads the file backwards up to
 * there, so do not ask for executions that are new. After a failure nothing more is written. */
int event_file_position(event_file *f, const char *id, event_position *last, baton_error **err);
/* Appends those events of a record that come after a position, all of them or none. The first failure is
 * told, once, and is the last: whatever is written later is dropped, with 0. */
int event_file_write(event_file *f, const lifecycle_source *source, const record *r, event_position after,
                     baton_error **err);
/* NULL is nothing to do. -1 when the system tells only now that something was not written. The file is
 * closed in any case. */
int event_file_close(event_file *f, baton_error **err);

#endif
