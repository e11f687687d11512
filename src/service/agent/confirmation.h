/* Whether an agent's final message says that the task is done.
 *
 * A keyword counts as a whole word (or words), in any case; not inside an echo of the prompt, not where it
 * is only spoken of ("say 'done' when ..."), and not in a question or a code block. "not done", "partially
 * complete", "3 of 9 complete" deny; "will be done", "Phase 1 is done" and "the complete list" say nothing.
 * One denial outweighs every confirmation: to ask again is cheap.
 *
 * Pure. Seed, section 11: confirmation_keywords.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_CONFIRMATION_H
#define BATON_SERVICE_CONFIRMATION_H

#include <baton/baton.h>

typedef enum confirmation { CONFIRMATION_NONE, CONFIRMATION_GIVEN, CONFIRMATION_DENIED } confirmation;

enum {
    CONFIRMATION_SENTENCE = 240,
    CONFIRMATION_KEYWORDS = 64 /* those behind them are not looked for */
};
typedef struct confirmation_finding {
    confirmation verdict;
    char keyword[64];
    char sentence[CONFIRMATION_SENTENCE]; /* where it stands, cut to fit between characters */
} confirmation_finding;

/* keywords is an array of texts; one without a letter or digit, or as long as a page, is never found.
 * message and prompt are UTF-8; prompt may be "". The finding is of the first denial, else of the last
 * confirmation. Without memory nothing is found. */
confirmation_finding confirmation_find(const char *message, const char *prompt, baton_value keywords);

#endif
