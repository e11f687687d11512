/* Whether one run of the agent did the task: the decision, from what is known. Pure.
 *
 *   cannot be run at all ─────────────────────► UNRUNNABLE no attempt would go better
 *   rate limited ─────────────────────────────► LIMITED    wait, and run it again
 *   timed out, killed, code ≠ 0, an error ────► FAILED     another attempt
 *   says it is done: something was done ──────► CONFIRMED
 *                    nothing was done ────────► FAILED
 *   says it is not done ─── may be asked ─────► ASK        tell it to go on, and to say when it is done
 *                       └── asked enough ─────► FAILED
 *   says neither ────────── may be asked ─────► ASK
 *                       └── else: changes and declared files are there ─► INFERRED, or FAILED
 *
 * A shell that finds no program, or may not run it, says so with code 127 or 126 and at the end of stderr.
 * An agent may end like that, too, when a program of its own is not there: one with a message was run.
 *
 * Seed, section 11: confirmation_required, max_confirmation_attempts, fallback_detection.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_JUDGEMENT_H
#define BATON_SERVICE_JUDGEMENT_H

#include "service/agent/confirmation.h"

typedef enum verdict {
    VERDICT_CONFIRMED,
    VERDICT_INFERRED,
    VERDICT_ASK,
    VERDICT_FAILED,
    VERDICT_LIMITED,
    VERDICT_UNRUNNABLE
} verdict;

typedef struct evidence {
    const char *fault; /* why it could not be run; NULL: it ran */
    int code;
    const char *ended; /* why it was ended: "timeout", "idle", "output"; NULL: it ended by itself */
    const char *error; /* the end of stderr, or all of it; NULL: none */
    bool rate_limited;
    const char *says_error; /* how it says that it failed, "" without a word of it; NULL: it does not */
    confirmation_finding said;
    bool has_message;
    bool still_sent_back;     /* a person sent it back, and nothing has changed since */
    long changed;             /* files that differ from the begin; -1: nobody can tell */
    size_t declared, present; /* files that the document names, and those of them that are as it wants */
} evidence;

typedef struct judgement_rules {
    bool confirmation_required, fallback_detection;
    bool expects_message; /* the message is the work: nothing needs to change */
    int asked, most_asked;
} judgement_rules;

enum { JUDGEMENT_REASON = 400 };
/* reason: one sentence that says why. */
verdict judge(const evidence *e, const judgement_rules *rules, char reason[JUDGEMENT_REASON]);
/* "confirmed"; static text. */
const char *verdict_name(verdict v);

#endif
