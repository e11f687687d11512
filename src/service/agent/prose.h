/* What somebody wrote, taken apart: lines without their marks, sentences, words. Knows as much of markdown
 * as it takes to tell what is said from what is shown: fences, code spans, quotes, lists, boxes, headings.
 * What the words mean is not decided here.
 *
 * Pure, and linear in the text. Any bytes may come; what is no UTF-8 separates words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_PROSE_H
#define BATON_SERVICE_PROSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In this order: from PROSE_CLAUSE on they end a clause, from PROSE_STOP on a sentence. */
typedef enum prose_kind {
    PROSE_WORD,
    PROSE_OPEN,     /* an opening bracket */
    PROSE_CROSS,    /* a sign that says no, or not yet */
    PROSE_WRAP,     /* the end of a line that its sentence outlives */
    PROSE_CLAUSE,   /* a comma, a dash, an arrow, a picture */
    PROSE_COLON,    /* : or = */
    PROSE_STOP,     /* . or ! */
    PROSE_QUESTION, /* ? */
    PROSE_BREAK,    /* the end of a line */
    PROSE_PARAGRAPH /* the end of a paragraph, a list's entry, a line of code */
} prose_kind;

typedef struct prose_token {
    uint32_t begin, end; /* in the text */
    uint32_t line, sentence;
    uint32_t meaning; /* for whoever reads it; 0 */
    uint8_t kind;
    bool quoted; /* between quote marks, in a code span or struck out */
} prose_token;

/* Sums are of letters and digits alone, in lower case: the same for a text whose marks, blanks and line
 * ends differ. */
typedef struct prose_line {
    uint64_t sum;
    uint32_t words;
    bool fenced;  /* a line of a code block, unless all that the block holds is this line */
    bool heading; /* # */
    bool open;    /* its box is not ticked: [ ] or [~] */
} prose_line;

typedef struct prose_sentence {
    uint64_t sum;
    uint32_t words; /* over all its lines */
} prose_sentence;

typedef struct prose {
    char *text; /* the text in lower case, byte for byte where it was */
    prose_token *tokens;
    prose_line *lines; /* those that have a letter or digit */
    prose_sentence *sentences;
    uint32_t token_count, line_count, sentence_count;
    uint32_t token_capacity, line_capacity, sentence_capacity;
} prose;

/* -1 without memory, and for a text of a gigabyte. p is zeroed before; prose_done frees it in either case.
 */
int prose_read(prose *p, const char *text);
void prose_done(prose *p);

/* Whether a token's text is this one, in lower case. */
bool prose_token_is(const prose *p, const prose_token *t, const char *text, size_t size);
/* How many bytes the character at the begin of text has, and which it is; U+FFFD, one byte, where none can
 * be read. size is not 0. */
size_t prose_character(const char *text, size_t size, uint32_t *code);

#endif
