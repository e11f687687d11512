/* A markdown file as an outline: sections in the order of the file, each with its entries. What an entry
 * means is for document.c to know.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_MARKDOWN_H
#define BATON_SERVICE_MARKDOWN_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum markdown_state {
    MARKDOWN_UNSAID,
    MARKDOWN_OPEN,   /* [ ] */
    MARKDOWN_DONE,   /* [x] [X] */
    MARKDOWN_STARTED /* [~] [-] */
} markdown_state;

typedef enum markdown_kind { MARKDOWN_PARAGRAPH, MARKDOWN_ITEM, MARKDOWN_CODE } markdown_kind;

/* A paragraph, the first paragraph of a list item, or a code block. One that holds fields, "**Key**: value"
 * on lines of their own, is an entry for each. */
typedef struct markdown_entry {
    struct markdown_entry *next;
    markdown_kind kind;
    int line;             /* where its text begins */
    int depth;            /* of an item: lists around the one that it is in; one more for what is in it */
    markdown_state state; /* of the box before an item's text */
    const char *text;     /* on one line, `code` and [links](url) as written, other marks left out */
    const char *key;      /* of a field; NULL: it is none */
    const char *value;    /* of a field: the part of text behind the key; may be "" */
    bool marked;          /* the key stands in bold or italics, so it is surely meant as one */
    const char *language; /* of code, in lower case; "" when it says none */
    bool used;            /* the reader's own */
} markdown_entry;

typedef struct markdown_section {
    struct markdown_section *next, *parent;
    int level; /* 1 to 6: a heading; 0: what stands before the first one; more: a bold line that stands for
                  a heading, or an item that does nothing but name the list within it */
    int line;
    const char *title;    /* see markdown_heading_read; "" at level 0 */
    const char *number;   /* "3.1"; "" when it has none */
    markdown_state state; /* of the title's suffix */
    markdown_entry *entries, *last;
    int role; /* the reader's own, 0 at first */
} markdown_section;

typedef struct markdown_problem {
    struct markdown_problem *next;
    int line;
    const char *reason;
} markdown_problem;

typedef struct markdown {
    markdown_section *sections;
    markdown_problem *problems; /* fences that are not closed, lists too deep */
    arena memory;               /* of all of it */
} markdown;

/* Reads UTF-8 without NUL bytes. m is zeroed before; markdown_done frees it in either case. -1 without
 * memory.
 *
 * A fence that is never closed would swallow the rest of the file, and one whose closing fence was
 * forgotten what lies before the next block: both are told, and end at the first heading behind them. */
int markdown_read(markdown *m, const char *text, size_t size);
void markdown_done(markdown *m);

/* Why a text must not be given to markdown_read, with its line; NULL: it may. There are texts on which the
 * parser takes time in squares of their size. */
const char *markdown_refuses(const char *text, size_t size, int *line);

/* What a heading's text consists of: "2. 🚀 Set-up (9): ✅ COMPLETED" is the title "Set-up (9)" with the
 * number "2", done. */
typedef struct markdown_heading {
    const char *number; /* NULL: none */
    size_t number_size;
    const char *title;
    size_t title_size;
    markdown_state state;
} markdown_heading;
markdown_heading markdown_heading_read(const char *text);

/* The size of the symbol (emoji, arrow, tick, dingbat) that a text begins with, with all that modifies it;
 * 0: none. */
size_t markdown_symbol(const char *text, const char *end);

/* ---- Single lines ---- */

/* The begin of the line behind the one that p is in; a carriage return alone ends one too, as it does for
 * the parser. */
const char *markdown_next_line(const char *p, const char *end);
/* Where the line at p ends without blanks; next: the begin of the next. */
const char *markdown_line_end(const char *p, const char *next);
/* True of digits, letters, and the bytes of those letters that Western European languages have besides. It
 * looks at the byte before p, too. */
bool markdown_is_word(const char *p);

/* The columns of "| --- | :-: |", the row below a table's head; 0: it is none. */
int markdown_columns(const char *row);
/* The bar behind a row's first cell; its end when there is none. */
const char *markdown_cell_end(const char *cell, const char *end);
/* True when a head with this second cell names the columns ("Field", "Value"), and is no field itself. */
bool markdown_names_columns(const char *second);

/* How many lines there are between the two "---" of front matter, which a file begins with; 0: none. */
int markdown_front_lines(const char *text, const char *end);
/* The size of the key that a line of it begins with, "key: value" or "key:"; 0: there is none. */
size_t markdown_front_key(const char *p, const char *end);
/* "- text", at any indentation. */
bool markdown_is_front_item(const char *p, const char *end);

#endif
