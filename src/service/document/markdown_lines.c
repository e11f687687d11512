/* Lines that are looked at without the parser: rows of tables, front matter, and what the parser must not
 * be given.
 *
 * Pure functions; any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/document/markdown.h"

#include <string.h>
#include <strings.h>

enum {
    NESTING_MOST = 256,  /* lists and quotes within one another */
    OPENERS_MOST = 4000, /* of images, and of HTML declarations: each may look through all that follows */
    FRONT_LINES_MOST = 200,
    KEY_BYTES = 80
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static const char *skip_blanks(const char *p) {
    while (is_blank(*p)) p++;
    return p;
}

bool markdown_is_word(const char *p) {
    return is_letter(*p) || is_digit(*p) || (unsigned char)*p == 0xc3 || (unsigned char)p[-1] == 0xc3;
}

const char *markdown_next_line(const char *p, const char *end) {
    const char *newline = memchr(p, '\n', (size_t)(end - p)), *stop = newline ? newline : end;
    const char *carriage = memchr(p, '\r', (size_t)(stop - p));
    if (carriage && carriage + 1 != newline) return carriage + 1;
    return newline ? newline + 1 : end;
}

/* ---- Tables ---- */

int markdown_columns(const char *row) {
    int columns = 0;
    const char *p = skip_blanks(row);
    if (*p == '|') p++;
    for (;;) {
        int dashes = 0;
        p = skip_blanks(p);
        if (*p == ':') p++;
        for (; *p == '-'; p++) dashes++;
        if (*p == ':') p++;
        p = skip_blanks(p);
        if (!dashes) return *p ? 0 : columns;
        columns++;
        if (*p == '|')
            p++;
        else
            return *p || columns == 1 ? 0 : columns;
    }
}

const char *markdown_cell_end(const char *cell, const char *end) {
    bool code = false;
    for (; cell < end && (*cell != '|' || code); cell++) code ^= *cell == '`';
    return cell;
}

bool markdown_names_columns(const char *second) {
    static const char *const names[] = {
        "",        "value",   "values",      "detail", "details", "description",
        "content", "setting", "information", "info",   "wert",    "beschreibung"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(second, names[i]) == 0) return true;
    return false;
}

/* ---- Front matter ---- */

size_t markdown_front_key(const char *p, const char *end) {
    size_t size = 0, most = (size_t)(end - p) < KEY_BYTES ? (size_t)(end - p) : KEY_BYTES;
    if (!most || !(is_letter(*p) || (unsigned char)*p == 0xc3)) return 0;
    for (size = 1; size < most && (markdown_is_word(p + size) || strchr(" _-", p[size]));) size++;
    return size < most && p[size] == ':' && (p + size + 1 == end || is_blank(p[size + 1])) ? size : 0;
}

const char *markdown_line_end(const char *p, const char *next) {
    while (next > p && (next[-1] == '\n' || next[-1] == '\r' || is_blank(next[-1]))) next--;
    return next;
}

static bool is_fence_of_front(const char *p, const char *end) {
    return end - p == 3 && memcmp(p, "---", 3) == 0;
}

int markdown_front_lines(const char *p, const char *end) {
    bool keys = false;
    const char *next = markdown_next_line(p, end);
    if (!is_fence_of_front(p, markdown_line_end(p, next))) return 0;
    for (int lines = 0; lines <= FRONT_LINES_MOST && next < end; lines++) {
        p = next;
        next = markdown_next_line(p, end);
        const char *stop = markdown_line_end(p, next);
        if (is_fence_of_front(p, stop)) return keys ? lines : 0;
        bool key = markdown_front_key(p, stop) > 0;
        /* "#" above all keys is the title below a mere line of dashes. */
        if (!key && p < stop && !strchr(keys ? " \t#-" : " \t", *p)) return 0;
        keys |= key;
    }
    return 0;
}

bool markdown_is_front_item(const char *p, const char *end) {
    while (p < end && is_blank(*p)) p++;
    return p < end && *p == '-' && (p + 1 == end || is_blank(p[1])) && !is_fence_of_front(p, end);
}

/* ---- Refusals ---- */

/* How many containers a line may open or go on with: its markers, and its indentation by twos. */
static int nesting_of(const char *p, const char *end) {
    int markers = 0, blanks = 0;
    while (p < end) {
        const char *mark = p;
        while (mark < end && is_digit(*mark)) mark++;
        bool ordered = mark > p && mark < end && (*mark == '.' || *mark == ')');
        bool bullet = mark == p && (*p == '-' || *p == '+' || *p == '*');
        bool spaced = mark + 1 < end && is_blank(mark[1]);
        if (is_blank(*p)) {
            blanks += *p++ == '\t' ? 4 : 1;
        } else if (*p == '>') {
            markers++;
            p++;
        } else if (spaced && (ordered || bullet)) {
            markers++;
            p = mark + 2;
        } else {
            break;
        }
    }
    bool empty = p == end || *p == '\n' || *p == '\r';
    return empty && !markers ? 0 : markers + blanks / 2;
}

/* How often `first` stands before one of `others`. */
static int count_pairs(const char *p, const char *end, char first, const char *others) {
    int count = 0;
    while (p < end && (p = memchr(p, first, (size_t)(end - p))) && ++p < end)
        count += *p && strchr(others, *p);
    return count;
}

const char *markdown_refuses(const char *text, size_t size, int *line) {
    const char *end = text + size;
    *line = 0;
    if (count_pairs(text, end, '!', "[") > OPENERS_MOST) return "too many images";
    if (count_pairs(text, end, '<', "!?") > OPENERS_MOST) return "too many HTML comments or declarations";
    for (const char *p = text; p < end; p = markdown_next_line(p, end)) {
        ++*line;
        if (nesting_of(p, end) > NESTING_MOST) return "lists, quotes or indentation are nested too deeply";
    }
    return NULL;
}
