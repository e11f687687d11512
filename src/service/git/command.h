/* Runs a program to its end and keeps what it wrote: for short helpers such as git. Steps of workflows are
 * not run so, but by engine/process.h, which is durable and does not wait.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_COMMAND_H
#define BATON_SERVICE_COMMAND_H

#include "base/buffer.h"

#include <baton/baton.h>

enum {
    COMMAND_DEADLINE_MS = 10 * 60 * 1000,
    COMMAND_KILL_MS = 2000,           /* from TERM to KILL */
    COMMAND_OUTPUT_BYTES = 64 << 20,  /* what it may write to stdout */
    COMMAND_MESSAGES_BYTES = 64 << 10 /* the end of stderr that is kept */
};

/* All is borrowed. The lists end with NULL. */
typedef struct command_request {
    const char *const *arguments;   /* the first is the program, looked for in PATH if it has no slash */
    const char *name;               /* what errors call it; NULL: the program */
    const char *directory;          /* where it runs; NULL: where this process is */
    const char *const *environment; /* the whole of it, "NAME=value"; NULL: this process's own */
    int64_t deadline_ms;            /* 0: COMMAND_DEADLINE_MS */
    size_t output_bytes;            /* 0: COMMAND_OUTPUT_BYTES */
} command_request;

typedef struct command_result {
    int code;        /* its exit code; 128 + n after signal n */
    buffer output;   /* all of stdout */
    buffer messages; /* the end of stderr */
} command_result;

/* Waits for the program; its stdin is empty, and it has no terminal and no descriptors of this process. It
 * ends when it exits: what it left running may hold its outputs open. Any code is a result; an error is a
 * program or directory that is not there (BATON_ERROR_NOT_FOUND), a deadline that passes
 * (BATON_ERROR_TIMEOUT) and an output that is too long (BATON_ERROR_LIMIT): then its process group is
 * ended, first with TERM so that it can put away its temporary files. *result is set in every case;
 * command_release releases it. Any thread. */
int command_execute(const command_request *request, command_result *result, baton_error **err);
void command_release(command_result *result);

#endif
