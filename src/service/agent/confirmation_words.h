/* What words around a keyword mean: the tables of confirmation.c, English and German.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_CONFIRMATION_WORDS_H
#define BATON_SERVICE_CONFIRMATION_WORDS_H

#include "service/agent/prose.h"

/* Bits of a token's meaning. */
enum {
    NEGATION = 1 << 0,  /* denies what follows in its clause */
    QUANTITY = 1 << 1,  /* so does this, but in "no work needs to be done" */
    GRADE = 1 << 2,     /* so does this: done in part, or soon */
    ADJACENT = 1 << 3,  /* so does this, directly before the keyword */
    LATE = 1 << 4,      /* denies what goes before, too */
    REFUSAL = 1 << 5,   /* denies as an answer: "done: no" */
    HEDGE = 1 << 6,     /* stands behind a "not" that ends a clause: "not quite" */
    EXCEPTION = 1 << 7, /* denies its sentence */
    IF = 1 << 8,        /* its sentence says nothing */
    WHEN = 1 << 9,      /* its sentence confirms nothing */
    SEQUENCE = 1 << 10, /* its clause confirms nothing */
    MODAL = 1 << 11,    /* neither does its, where the keyword follows */
    FUTURE = 1 << 12,   /* nor in either order */
    MENTION = 1 << 13,  /* the word directly behind is spoken of, or a verb or noun */
    SPLIT = 1 << 14,    /* begins a clause */
    COPULA = 1 << 15,   /* is, remains */
    PART = 1 << 16,     /* with a number: a part of the task */
    ALL = 1 << 17,
    OF = 1 << 18, /* 3 of 9 */
    PERCENT = 1 << 19,
    FOLLOWER = 1 << 20, /* may stand behind "complete" that is no attribute */
    HARMLESS = 1 << 21, /* negates something else */
    CONTINUED = 1 << 22 /* belongs to the word before it */
};

/* Gives each word its meanings: those of the longest phrase that begins with it. */
void confirmation_give_meanings(prose *p);

#endif
