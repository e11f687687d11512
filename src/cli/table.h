/* Columns for people: cells in rows, each column as wide as its widest cell; and texts that must fit a
 * width. Rows are printed in groups, so that a table of any length takes little memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_CLI_TABLE_H
#define BATON_CLI_TABLE_H

#include "base/buffer.h"

enum { TABLE_COLUMNS = 8 };

typedef struct table {
    const char *titles[TABLE_COLUMNS]; /* set before the first cell; NULL behind the last */
    int width;                         /* of the terminal, which the last column shall fit; 0: none */
    size_t widths[TABLE_COLUMNS];
    buffer cells; /* of the group: each a colour's sequence, a NUL, its text, a NUL */
    size_t cell_count;
    bool began;
} table;

/* The next cell. colour is a code of cli_colour, or NULL. Each row has a cell for each title. */
void table_put(table *t, const char *colour, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Prints what is left on stdout, and frees. */
void table_end(table *t);

/* Columns that a text takes on a terminal. */
size_t text_width(const char *text);
/* Appends as much of a text as fits into `room` columns, cleaned of what would control the terminal; gives
 * the columns it took. */
size_t text_put_fitting(buffer *b, const char *text, size_t room);
/* Columns of the terminal at this descriptor; 0 when it is none. */
int terminal_width(int fd);

#endif
