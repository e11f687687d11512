/* Small questions about texts. Pure functions; any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

enum { NEAREST_BYTES = 64 }; /* longer words are not mistyped names */

static size_t min(size_t a, size_t b) { return a < b ? a : b; }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

/* How many insertions, deletions, replacements and swaps of neighbours make one word the other. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size) {
    size_t rows[3][NEAREST_BYTES + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_size; j++) last[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);
            row[j] = min(min(last[j], row[j - 1]) + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]))
                row[j] = min(row[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[b_size];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count) {
    size_t size = strlen(word);
    if (size > NEAREST_BYTES) return NULL;
    const char *nearest = NULL;
    size_t limit = size / 3 > 1 ? size / 3 : 1;
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(candidates[i]);
        if (other > NEAREST_BYTES) continue;
        size_t d = distance(word, size, candidates[i], other);
        if (d > limit || d >= size) continue;
        nearest = candidates[i];
        if (d == 0) break;
        limit = d - 1;
    }
    return nearest;
}

void text_pointer_segment(buffer *b, const char *name) {
    buffer_putc(b, '/');
    while (*name) {
        size_t plain = strcspn(name, "~/");
        buffer_append(b, name, plain);
        name += plain;
        if (*name) buffer_puts(b, *name++ == '~' ? "~0" : "~1");
    }
}

static bool is_tail(unsigned char c) { return (c & 0xc0) == 0x80; }

/* The length of the sequence that begins with a byte above 0x7f; 0 when it is cut short, longer than need
 * be, a surrogate, or beyond U+10FFFF. */
static size_t sequence(const unsigned char *p, size_t size) {
    if (p[0] < 0xc2 || p[0] > 0xf4) return 0;
    size_t length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (size < length) return 0;
    for (size_t i = 1; i < length; i++)
        if (!is_tail(p[i])) return 0;
    if (p[0] == 0xe0 && p[1] < 0xa0) return 0;
    if (p[0] == 0xed && p[1] > 0x9f) return 0;
    if (p[0] == 0xf0 && p[1] < 0x90) return 0;
    if (p[0] == 0xf4 && p[1] > 0x8f) return 0;
    return length;
}

size_t text_utf8_prefix(const char *text, size_t size) {
    const unsigned char *p = (const unsigned char *)text;
    size_t at = 0;
    while (at < size) {
        uint64_t word;
        if (size - at >= sizeof word) {
            memcpy(&word, p + at, sizeof word);
            if (!(word & 0x8080808080808080u)) {
                at += sizeof word;
                continue;
            }
        }
        size_t length = p[at] < 0x80 ? 1 : sequence(p + at, size - at);
        if (length == 0) break;
        at += length;
    }
    return at;
}

bool text_is_utf8(const char *text, size_t size) { return text_utf8_prefix(text, size) == size; }

void text_base64(buffer *b, const void *bytes, size_t size) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = bytes;
    for (; size >= 3; p += 3, size -= 3) {
        unsigned bits = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
        char four[4] = {digit[bits >> 18], digit[bits >> 12 & 63], digit[bits >> 6 & 63], digit[bits & 63]};
        buffer_append(b, four, sizeof four);
    }
    if (size == 0) return;
    unsigned bits = (unsigned)p[0] << 16 | (size == 2 ? (unsigned)p[1] << 8 : 0);
    char four[4] = {digit[bits >> 18], digit[bits >> 12 & 63], size == 2 ? digit[bits >> 6 & 63] : '=',
                    '='};
    buffer_append(b, four, sizeof four);
}
