/* SPDX-License-Identifier: Apache-2.0 */
#include "service/dependency/words.h"

#include <strings.h>

enum {
    ENCLOSED_BYTES = 1000,
    CODE_DIGITS = 5, /* in a row: with the letters, less than the first group of a UUID has */
    CODE_LETTERS = 2,
};

/* ---- Characters and words ---- */

bool slice_equals(slice s, const char *word) {
    return slice_size(s) == strlen(word) && strncasecmp(s.start, word, slice_size(s)) == 0;
}

bool slice_is_one_of(slice s, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (slice_equals(s, words[i])) return true;
    return false;
}

bool slice_begins(slice s, const char *with) {
    return slice_size(s) >= strlen(with) && memcmp(s.start, with, strlen(with)) == 0;
}

bool slice_ends(slice s, const char *with) {
    size_t size = strlen(with);
    return slice_size(s) >= size && strncasecmp(s.end - size, with, size) == 0;
}

slice slice_trim(slice s) {
    while (!slice_is_empty(s) && is_blank(*s.start)) s.start++;
    while (!slice_is_empty(s) && is_blank(s.end[-1])) s.end--;
    return s;
}

/* Bytes of the letter or digit at p; 0: something else. Outside ASCII everything is a letter but the blocks
 * of punctuation, symbols and emoji that titles use: U+0080-00BF, 2000-2BFF, 3000-303F, FE00-FE3F, FEFF and
 * 1F000-1FFFF. */
static size_t letter_at(const char *p, const char *end) {
    if (p >= end) return 0;
    if (is_digit(*p) || is_latin(*p)) return 1;
    unsigned char c = (unsigned char)p[0], next = end - p > 1 ? (unsigned char)p[1] : 0;
    if (c < 0xc3 || next < 0x80) return 0;
    if ((c == 0xe2 && next < 0xb0) || (c == 0xe3 && next == 0x80)) return 0;
    if ((c == 0xef && (next == 0xb8 || next == 0xbb)) || (c == 0xf0 && next == 0x9f)) return 0;
    size_t size = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return size <= (size_t)(end - p) ? size : (size_t)(end - p);
}

slice slice_next_word(slice *text) {
    const char *p = text->start;
    while (p < text->end && !letter_at(p, text->end)) p++;
    slice word = {p, p};
    for (;;) {
        size_t size = letter_at(p, text->end);
        if (!size && p > word.start && p < text->end && *p == '.' && letter_at(p + 1, text->end)) size = 1;
        if (!size) break;
        p += size;
    }
    word.end = text->start = p;
    return word;
}

void slice_last_words(slice text, slice words[SLICE_WORDS]) {
    for (size_t i = 0; i < SLICE_WORDS; i++) words[i] = (slice){text.end, text.end};
    for (slice word; word = slice_next_word(&text), !slice_is_empty(word);) {
        memmove(words + 1, words, (SLICE_WORDS - 1) * sizeof *words);
        words[0] = word;
    }
}

/* Appends a word in lower case, also of Latin-1's letters; false where it does not fit. */
static bool put_word(char key[SLICE_KEY_BYTES], size_t *size, slice word) {
    if (*size && *size < SLICE_KEY_BYTES) key[(*size)++] = ' ';
    if (*size + slice_size(word) >= SLICE_KEY_BYTES) return false;
    for (const char *p = word.start; p < word.end; p++) {
        unsigned char c = (unsigned char)to_lower(*p);
        if (p > word.start && (unsigned char)p[-1] == 0xc3 && c >= 0x80 && c <= 0x9e && c != 0x97) c += 32;
        key[(*size)++] = (char)c;
    }
    return true;
}

bool slice_key(slice text, char key[SLICE_KEY_BYTES]) {
    size_t size = 0;
    const char *behind = text.start;
    bool fits = true;
    for (slice word; fits && (word = slice_next_word(&text), !slice_is_empty(word)); behind = word.end) {
        if (memchr(behind, '&', (size_t)(word.start - behind)))
            fits = put_word(key, &size, slice_of("and"));
        fits = fits && put_word(key, &size, word);
    }
    key[fits ? size : 0] = '\0';
    return fits;
}

/* ---- Codes ---- */

/* One part of a code, up to a point or the end: at most two runs, of digits or of a few letters. Only the
 * first may be a word, as in "Main.1", so that "3a.md" is none. */
static bool read_part(const char **at, const char *end, bool first, bool *has_digit) {
    const char *p = *at;
    unsigned runs = 0, digit_runs = 0;
    for (; p < end && *p != '.'; runs++) {
        const char *run = p;
        bool digits = is_digit(*p);
        while (p < end && (digits ? is_digit(*p) : is_latin(*p))) p++;
        size_t size = (size_t)(p - run);
        bool word = first && runs == 0 && !digits && p < end && *p == '.';
        if (size == 0 || (size > (digits ? CODE_DIGITS : CODE_LETTERS) && !word)) return false;
        digit_runs += digits;
    }
    *at = p;
    *has_digit |= digit_runs > 0;
    return runs <= 2 && (digit_runs > 0 || first);
}

bool slice_is_code(slice word) {
    bool has_digit = false;
    for (const char *p = word.start; p < word.end; p++) /* over the point, too */
        if (!read_part(&p, word.end, p == word.start, &has_digit)) return false;
    return has_digit;
}

/* Takes digits or letters, as many as stand together, or one other character. Tells which: '0', 'a',
 * itself. */
static char next_run(slice *text) {
    char c = *text->start++;
    bool digits = is_digit(c), letters = is_latin(c);
    while (!slice_is_empty(*text) &&
           ((digits && is_digit(*text->start)) || (letters && is_latin(*text->start))))
        text->start++;
    return digits ? '0' : letters ? 'a' : c;
}

bool slice_is_alike(slice a, slice b) {
    while (!slice_is_empty(a) && !slice_is_empty(b))
        if (next_run(&a) != next_run(&b)) return false;
    return slice_is_empty(a) && slice_is_empty(b);
}

slice slice_last_run(slice code) {
    const char *start = code.start;
    while (!slice_is_empty(code)) {
        start = code.start;
        next_run(&code);
    }
    return (slice){start, code.end};
}

/* ---- Brackets and separators ---- */

/* An apostrophe is a quote only where no letter stands before it, and none behind the closing one. */
const char *slice_enclosed_end(const char *p, slice text) {
    static const char *const pairs[][2] = {{"(", ")"}, {"[", "]"}, {"{", "}"}, {"\"", "\""}, {"`", "`"},
                                           {"'", "'"}, {"“", "”"}, {"„", "“"}, {"«", "»"}};
    slice rest = {p, text.end};
    size_t i = 0, count = sizeof pairs / sizeof *pairs;
    while (i < count && !slice_begins(rest, pairs[i][0])) i++;
    if (i == count) return NULL;
    const char *open = pairs[i][0], *close = pairs[i][1];
    bool apostrophe = *open == '\'';
    if (apostrophe && p > text.start && letter_at(p - 1, text.end)) return NULL;
    if (slice_size(rest) > ENCLOSED_BYTES) rest.end = p + ENCLOSED_BYTES;
    unsigned depth = 1;
    for (rest.start += strlen(open); !slice_is_empty(rest); rest.start++) {
        if (slice_begins(rest, close)) {
            const char *behind = rest.start + strlen(close);
            if (!(apostrophe && letter_at(behind, text.end)) && --depth == 0) return behind;
        } else if (slice_begins(rest, open))
            depth++;
    }
    return NULL;
}

/* Bytes of the dash at p: - ‐ ‑ ‒ – — ― and the minus sign. */
size_t slice_dash_at(const char *p, const char *end) {
    if (p < end && *p == '-') return 1;
    if (end - p < 3 || (unsigned char)p[0] != 0xe2) return 0;
    unsigned char second = (unsigned char)p[1], third = (unsigned char)p[2];
    return (second == 0x80 && third >= 0x90 && third <= 0x95) || (second == 0x88 && third == 0x92) ? 3 : 0;
}

/* Bytes of what parts a title from its code at p: a colon, a bracket, a dash with blanks around it. */
static size_t separator_at(const char *p, slice text) {
    if (strchr(":|()[]", *p)) return 1;
    if (*p == '.') return !letter_at(p + 1, text.end);
    size_t size = slice_dash_at(p, text.end);
    bool apart = size && p > text.start && is_blank(p[-1]) && p + size < text.end && is_blank(p[size]);
    return apart || slice_begins((slice){p, text.end}, "—") ? size : 0;
}

slice slice_next_segment(slice *text) {
    slice segment;
    do {
        segment = (slice){text->start, text->start};
        size_t separator = 0;
        while (segment.end < text->end && !(separator = separator_at(segment.end, *text))) segment.end++;
        const char *behind = segment.end + separator, *closed = NULL;
        if (separator && slice_has_word(segment)) closed = slice_enclosed_end(segment.end, *text);
        text->start = closed ? closed : behind;
    } while (!slice_has_word(segment) && !slice_is_empty(*text));
    return slice_trim(segment);
}

bool slice_find_alias(slice text, slice_alias *a) {
    while (!slice_is_empty(text)) {
        slice segment = slice_next_segment(&text), words[SLICE_WORDS];
        slice_last_words(segment, words);
        /* A code right before it makes a range or a date, not a name. */
        if (!slice_is_code(words[0]) || slice_is_code(words[1])) continue;
        *a = (slice_alias){{segment.start, words[0].end}, words[1], words[0], text};
        return true;
    }
    return false;
}

slice slice_unwrap(slice s) {
    for (;;) {
        s = slice_trim(s);
        if (!slice_is_empty(s) && s.end[-1] == '.')
            s.end--;
        else if (slice_size(s) > 1 && strchr("*_", *s.start) && s.end[-1] == *s.start)
            s.start++, s.end--;
        else if (slice_size(s) > 1 && strchr("\"`'", *s.start) && slice_enclosed_end(s.start, s) == s.end)
            s.start++, s.end--;
        else
            return s;
    }
}
