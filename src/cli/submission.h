/* What an execution begins with, as options say it: input, strategy, priority, timeout.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_SUBMISSION_H
#define BATON_CLI_SUBMISSION_H

#include "cli/cli.h"

enum {
    SUBMISSION_INPUT,
    SUBMISSION_SET,
    SUBMISSION_STRATEGY,
    SUBMISSION_TIMEOUT,
    SUBMISSION_PRIORITY,
    SUBMISSION_CRITICAL,
    SUBMISSION_ID,
    SUBMISSION_OPTIONS
};
/* Entries of a command's table, from index `base` on. */
#define SUBMISSION_OPTION_TABLE(base)                                                                    \
    [base + SUBMISSION_INPUT] = {"input", "JSON|@FILE|-", "the workflow's input; - reads stdin", 'i'},   \
            [base + SUBMISSION_SET] = {"set", "KEY=VALUE",                                               \
                                       "sets one member of the input; VALUE is JSON or else a text", 0}, \
            [base + SUBMISSION_STRATEGY] = {"strategy", "NAME", "basic (the default) or simple", 0},     \
            [base + SUBMISSION_TIMEOUT] = {"timeout", "DURATION",                                        \
                                           "ends the execution after so long: 90s, 5m, 2h, PT1H", 0},    \
            [base + SUBMISSION_PRIORITY] = {"priority", "LEVEL", "high, normal or low", 0},              \
            [base +                                                                                      \
                SUBMISSION_CRITICAL] = {"critical", NULL, "before everything that is not critical", 0},  \
            [base + SUBMISSION_ID] = {"id", "ID", "the execution's id", 0}

typedef struct submission {
    const char *input;
    const char *set[64];
    int set_count;
    baton_execution_options execution; /* its input is the submission's own */
} submission;

/* Takes one of these options (its index without the base); false after a message. */
bool submission_set(submission *s, int option, const char *value);
/* Reads execution.input. */
int submission_read_input(submission *s, baton_error **err);
void submission_done(submission *s);

#endif
