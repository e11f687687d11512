/* Sequences as ECMA-48 builds them. One that is cut off ends with its line, so that it never swallows what
 * follows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/terminal.h"

enum { BELL = 7, ESCAPE = 27, DELETE = 127 };

static size_t skip_range(const char *text, size_t at, size_t size, char from, char to) {
    while (at < size && text[at] >= from && text[at] <= to) at++;
    return at;
}

/* The end of a sequence that carries a text (a title, a link): a bell, or ESC and a backslash. */
static size_t skip_string(const char *text, size_t at, size_t size) {
    for (; at < size && text[at] != '\n'; at++) {
        if (text[at] == BELL) return at + 1;
        if (text[at] == ESCAPE) return at + 1 < size && text[at + 1] == '\\' ? at + 2 : at;
    }
    return at;
}

/* The end of the sequence whose ESC stands at `at`. */
static size_t skip_escape(const char *text, size_t at, size_t size) {
    if (++at == size) return at;
    switch (text[at]) {
    case '[':
        at = skip_range(text, at + 1, size, ' ', '?');
        return at < size && text[at] >= '@' && text[at] <= '~' ? at + 1 : at;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_': return skip_string(text, at + 1, size);
    default:
        at = skip_range(text, at, size, ' ', '/');
        return at < size && text[at] >= '0' && text[at] <= '~' ? at + 1 : at;
    }
}

static bool is_shown(char c) {
    unsigned char byte = (unsigned char)c;
    return c == '\t' || (byte >= ' ' && byte != DELETE);
}

void terminal_plain(buffer *b, const char *text, size_t size) {
    size_t line = b->size; /* where the line begins in b */
    bool returned = false; /* what comes next on the line is written over it */
    for (size_t at = 0; at < size;) {
        size_t from = at;
        while (at < size && is_shown(text[at])) at++;
        if (at > from) {
            if (returned) b->size = line;
            returned = false;
            buffer_append(b, text + from, at - from);
            continue;
        }
        if (text[at] == '\n') {
            buffer_putc(b, '\n');
            line = b->size;
        }
        if (text[at] == '\n' || text[at] == '\r') returned = text[at] == '\r';
        at = text[at] == ESCAPE ? skip_escape(text, at, size) : at + 1;
    }
}
