/* What must be known of an expression before libjq sees it: that its brackets are closed, that it calls
 * nothing that is refused, which variables it leaves to its surroundings and which guards it needs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_EXPRESSION_SURVEY_H
#define BATON_EXPRESSION_SURVEY_H

#include "base/buffer.h"
#include "expression/lexer.h"

#include <baton/baton.h>

/* Text that guards an index, to be put in before text[at]. Has no newline. */
typedef struct insert {
    size_t at;
    const char *text;
} insert;

typedef struct survey {
    unsigned guards;
    bool uses_now;
    bool serial;      /* calls what is not safe in two threads at once */
    buffer inserts;   /* of insert, by ascending `at` */
    buffer variables; /* of token: variables that are used; each name once */
    buffer bound;     /* of token: variables that the expression binds somewhere */
    buffer functions; /* of token: functions that begin with "_" and must be its own */
    buffer defined;   /* of token: functions and parameters that it defines */
} survey;

/* 0, or -1 with an error that has its place in the text. `s` is to be released with survey_done in both
 * cases. */
int survey_expression(survey *s, const char *text, size_t size, baton_error **err);
void survey_done(survey *s);

/* Whether a list of tokens has one of this name. */
bool survey_has(const buffer *tokens, const char *name, size_t size);
/* Sets an error at text[at]; returns -1. */
int survey_fail(const char *text, size_t at, baton_error **err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
