/* What an agent is told. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_PROMPT_H
#define BATON_SERVICE_PROMPT_H

#include "base/buffer.h"

#include <baton/baton.h>

typedef enum prompt_kind {
    PROMPT_FIRST,   /* the task, whole */
    PROMPT_CONFIRM, /* it ended without a word that the task is done, or with one that it is not */
    PROMPT_AGAIN    /* the attempt failed: why, with the end of what failed */
} prompt_kind;

typedef struct prompt_request {
    prompt_kind kind;
    bool in_session; /* it goes on with a session: what follows PROMPT_FIRST does not repeat the document */
    const char *title, *content; /* of the document */
    const char *guidance;        /* of the workflow, for this type of task; may be NULL */
    bool message_only;           /* the final message is the work: no file needs to change */
    const char *directory;       /* where it works */
    const char *branch;          /* NULL: none */
    baton_value keywords;        /* array of texts */
    baton_value files;     /* metadata.files: {create, modify, delete: [{path, description}]}; or invalid */
    baton_value verify;    /* commands that will decide; or invalid */
    const char *failure;   /* of PROMPT_AGAIN and _CONFIRM; may be NULL */
    int attempt, attempts; /* 1 of 3 */
} prompt_request;

/* Appends the prompt: markdown, its instructions last, which say to end with a line of its own that has one
 * of the keywords, only when all is done, and else what is missing. */
void prompt_write(buffer *b, const prompt_request *r);

#endif
