/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include "cli/cli.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum { ROWS_AT_ONCE = 200, LAST_LEAST = 24 };

/* ---- Texts ---- */

size_t text_put_fitting(buffer *b, const char *text, size_t room) {
    mbstate_t state = {0};
    size_t taken = 0;
    for (size_t left = strlen(text); left > 0;) {
        wchar_t c;
        size_t n = mbrtowc(&c, text, left, &state);
        bool known = n != 0 && n <= left;
        if (!known) { /* not a character of this locale */
            n = 1;
            memset(&state, 0, sizeof state);
        }
        int width = known ? wcwidth(c) : 1;
        size_t takes = width < 0 ? 1 : (size_t)width;
        if (taken + takes > room) break;
        if (width < 0)
            buffer_putc(b, ' ');
        else if (known)
            buffer_append(b, text, n);
        else
            buffer_putc(b, '?');
        taken += takes;
        text += n;
        left -= n;
    }
    return taken;
}

size_t text_width(const char *text) {
    buffer b = {0};
    size_t width = text_put_fitting(&b, text, SIZE_MAX);
    buffer_done(&b);
    return width;
}

int terminal_width(int fd) {
    struct winsize size;
    if (!isatty(fd)) return 0;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* ---- Tables ---- */

static size_t column_count(const table *t) {
    size_t n = 0;
    while (n < TABLE_COLUMNS && t->titles[n]) n++;
    return n;
}

static void print_cell(const table *t, buffer *line, size_t column, const char *colour, const char *text,
                       size_t *at) {
    bool last = column + 1 == column_count(t);
    size_t room = SIZE_MAX;
    if (last && t->width) {
        room = *at < (size_t)t->width ? (size_t)t->width - *at : 0;
        if (room < LAST_LEAST) room += (size_t)t->width; /* better on two lines than not at all */
    }
    buffer_puts(line, colour);
    size_t taken = text_put_fitting(line, text, room);
    if (*colour) buffer_puts(line, cli_colour("0"));
    if (last) return;
    buffer_printf(line, "%*s", (int)(t->widths[column] - taken + 2), "");
    *at += t->widths[column] + 2;
}

static void end_line(buffer *line) {
    while (line->size && line->data[line->size - 1] == ' ') line->data[--line->size] = '\0';
    puts(buffer_text(line));
    buffer_clear(line);
}

static void print_group(table *t) {
    size_t columns = column_count(t), at = 0;
    buffer line = {0};
    for (size_t i = 0; !t->began && i < columns; i++) {
        size_t width = text_width(t->titles[i]);
        if (width > t->widths[i]) t->widths[i] = width;
    }
    for (size_t i = 0; !t->began && i < columns; i++)
        print_cell(t, &line, i, cli_colour("2"), t->titles[i], &at);
    if (!t->began) end_line(&line);
    t->began = true;
    const char *cell = t->cells.data;
    for (size_t i = 0; i < t->cell_count && !buffer_failed(&t->cells); i++) {
        const char *colour = cell, *text = colour + strlen(colour) + 1;
        if (i % columns == 0) at = 0;
        print_cell(t, &line, i % columns, colour, text, &at);
        if (i % columns == columns - 1) end_line(&line);
        cell = text + strlen(text) + 1;
    }
    buffer_done(&line);
    buffer_clear(&t->cells);
    t->cell_count = 0;
}

void table_put(table *t, const char *colour, const char *format, ...) {
    size_t columns = column_count(t), column = t->cell_count % columns;
    if (t->cell_count == columns * ROWS_AT_ONCE) print_group(t);
    const char *sequence = colour ? cli_colour(colour) : "";
    buffer_append(&t->cells, sequence, strlen(sequence) + 1);
    size_t start = t->cells.size;
    va_list args;
    va_start(args, format);
    buffer_vprintf(&t->cells, format, args);
    va_end(args);
    buffer_append(&t->cells, "", 1);
    t->cell_count++;
    if (buffer_failed(&t->cells)) return;
    size_t width = text_width(t->cells.data + start);
    if (width > t->widths[column]) t->widths[column] = width;
}

void table_end(table *t) {
    if (t->cell_count) print_group(t);
    buffer_done(&t->cells);
}
