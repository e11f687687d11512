/* The tokens of jq, as far as Baton must understand an expression without libjq: where it ends, which
 * names it uses, which brackets hold what. A string without interpolation is one token; one with
 * interpolation is a STRING_BEGIN (up to and with "\("), the tokens inside, and for each ")" that leads
 * back into the string a STRING_MIDDLE (to the next "\(") or a STRING_END (to the closing quote).
 *
 * A lexer borrows the text. It allocates nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_EXPRESSION_LEXER_H
#define BATON_EXPRESSION_LEXER_H

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum token_kind {
    TOKEN_END,
    TOKEN_PROBLEM,  /* lexer.problem says what is wrong, token.start where */
    TOKEN_NAME,     /* a function or keyword, a::b too */
    TOKEN_FIELD,    /* .name */
    TOKEN_VARIABLE, /* $name */
    TOKEN_FORMAT,   /* @name */
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_STRING_BEGIN,
    TOKEN_STRING_MIDDLE,
    TOKEN_STRING_END,
    TOKEN_OPEN,    /* ( [ { */
    TOKEN_CLOSE,   /* ) ] } */
    TOKEN_OPERATOR /* all other signs; also those that jq does not know */
} token_kind;

typedef struct token {
    token_kind kind;
    size_t start, size; /* where in the text */
    const char *name;   /* NAME, FIELD, VARIABLE, FORMAT: without "." "$" "@"; not ended by a NUL */
    size_t name_size;
} token;

typedef struct lexer {
    const char *text;
    size_t size, at;
    const char *problem;
    size_t depth;
    char open[LIMIT_EXPRESSION_DEPTH]; /* brackets that are open; 'i' is an interpolation */
} lexer;

void lexer_init(lexer *l, const char *text, size_t size);
/* After TOKEN_END or TOKEN_PROBLEM it must not be called again. TOKEN_END comes only when every bracket is
 * closed. */
token lexer_next(lexer *l);
/* Whether the token is exactly this sign, name or keyword. */
bool token_is(const lexer *l, const token *t, token_kind kind, const char *text);

typedef struct text_position {
    int line, column; /* from 1; columns are counted in bytes */
} text_position;

text_position position_of(const char *text, size_t at);

#endif
