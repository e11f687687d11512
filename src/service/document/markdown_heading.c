/* The texts of headings: number, title, and the status that people put behind it.
 *
 * Pure functions; any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/document/markdown.h"

#include <stdint.h>
#include <string.h>

/* Not isdigit and the like, which follow the program's locale. */
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static char lower(char c) { return is_upper(c) ? (char)(c - 'A' + 'a') : c; }
static bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* ---- Symbols ---- */

/* One code point; its size, at least 1. */
static size_t decode(const char *text, const char *end, uint32_t *code) {
    unsigned char first = (unsigned char)*text;
    size_t size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    *code = size == 1 ? first : first & (0x7fu >> size);
    if (size > (size_t)(end - text)) return 1;
    for (size_t i = 1; i < size; i++) *code = *code << 6 | ((unsigned char)text[i] & 0x3f);
    return size;
}

static bool is_symbol(uint32_t code) {
    return (code >= 0x2190 && code <= 0x2bff) || (code >= 0x1f000 && code <= 0x1faff);
}

/* Joiners, variation selectors, skin tones' and keycaps' marks: they only follow others. */
static bool is_modifier(uint32_t code) {
    return code == 0x200d || code == 0x20e3 || (code >= 0xfe00 && code <= 0xfe0f);
}

size_t markdown_symbol(const char *text, const char *end) {
    size_t size = 0;
    for (const char *p = text; p < end;) {
        uint32_t code;
        size_t one = decode(p, end, &code);
        if (!is_symbol(code) && !(size && is_modifier(code))) break;
        p += one;
        size += one;
    }
    return size;
}

/* ---- The status behind a title ---- */

typedef struct status {
    const char *name;
    markdown_state state;
} status;

static const status symbols[] = {
    {"\u2705", MARKDOWN_DONE},        {"\u2714", MARKDOWN_DONE},        {"\u2611", MARKDOWN_DONE},
    {"\u2713", MARKDOWN_DONE},        {"\U0001f6a7", MARKDOWN_STARTED}, {"\U0001f504", MARKDOWN_STARTED},
    {"\U0001f7e1", MARKDOWN_STARTED}, {"\u23f3", MARKDOWN_OPEN},        {"\u274c", MARKDOWN_OPEN},
};

static const status words[] = {
    {"in progress", MARKDOWN_STARTED}, {"not started", MARKDOWN_OPEN}, {"completed", MARKDOWN_DONE},
    {"complete", MARKDOWN_DONE},       {"done", MARKDOWN_DONE},        {"implemented", MARKDOWN_DONE},
    {"finished", MARKDOWN_DONE},       {"resolved", MARKDOWN_DONE},    {"started", MARKDOWN_STARTED},
    {"wip", MARKDOWN_STARTED},         {"pending", MARKDOWN_OPEN},     {"planned", MARKDOWN_OPEN},
    {"todo", MARKDOWN_OPEN},
};

static markdown_state state_of_symbol(const char *text, const char *end) {
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        size_t size = strlen(symbols[i].name);
        if ((size_t)(end - text) >= size && memcmp(text, symbols[i].name, size) == 0)
            return symbols[i].state;
    }
    return MARKDOWN_UNSAID;
}

/* The status word that text begins with, in capitals only where `shouted`; *used is its size. */
static markdown_state state_of_words(const char *text, const char *end, bool shouted, size_t *used) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i].name), same = 0;
        if ((size_t)(end - text) < size) continue;
        while (same < size && lower(text[same]) == words[i].name[same] &&
               !(shouted && is_letter(text[same]) && !is_upper(text[same])))
            same++;
        bool whole = text + size == end || !is_letter(text[size]);
        if (same < size || !whole) continue;
        *used = size;
        return words[i].state;
    }
    return MARKDOWN_UNSAID;
}

static const char *trim_blanks(const char *start, const char *end) {
    while (end > start && is_blank(end[-1])) end--;
    return end;
}

static const char *trim_end(const char *start, const char *end) {
    while (end > start && (is_blank(end[-1]) || end[-1] == ':')) end--;
    return end;
}

/* Where a title ends whose status begins at a symbol: "Set-up ✅", "Set-up ✅ Completed on Monday". A symbol
 * with other words behind it is part of the title. */
static const char *cut_symbol(const char *start, const char *end, markdown_state *state) {
    for (const char *p = start; p < end; p++) {
        size_t symbol = markdown_symbol(p, end), used;
        if (!symbol) continue;
        const char *rest = p + symbol;
        markdown_state said = state_of_symbol(p, end);
        while (rest < end && (is_blank(*rest) || *rest == '*')) rest++;
        if (trim_end(rest, end) == rest) {
            *state = said;
            return p;
        }
        markdown_state word = state_of_words(rest, end, false, &used);
        if (word != MARKDOWN_UNSAID) {
            *state = word;
            return p;
        }
        p = rest - 1;
    }
    return end;
}

/* The size of the dash or colon that text ends with; 0: none. */
static size_t ends_with_dash(const char *start, const char *end) {
    static const char *const dashes[] = {"-", ":", "\u2013", "\u2014"};
    for (size_t i = 0; i < sizeof dashes / sizeof *dashes; i++) {
        size_t size = strlen(dashes[i]);
        if ((size_t)(end - start) > size && memcmp(end - size, dashes[i], size) == 0) return size;
    }
    return 0;
}

/* Where a title ends that has a status at its very end: in brackets, or in capitals behind a dash. */
static const char *cut_words(const char *start, const char *end, markdown_state *state) {
    bool bracket = end > start && (end[-1] == ')' || end[-1] == ']');
    const char *stop = bracket ? end - 1 : end;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i].name), used;
        if ((size_t)(stop - start) <= size) continue;
        const char *word = stop - size;
        markdown_state said = state_of_words(word, stop, !bracket, &used);
        if (said == MARKDOWN_UNSAID || used != size) continue;
        const char *cut = word - 1;
        if (!bracket) {
            if (!is_blank(*cut)) continue;
            cut = trim_blanks(start, cut);
            size_t dash = ends_with_dash(start, cut);
            if (!dash) continue;
            cut -= dash;
        } else if (*cut != '(' && *cut != '[') {
            continue;
        }
        *state = said;
        return cut;
    }
    return end;
}

/* ---- The number before it ---- */

/* "3.", "3)", "3.1", "3.1.", "3:" and keycaps. "3 ways" and "3A.1: Engine" have none. */
static const char *read_number(const char *p, const char *end, markdown_heading *h) {
    static const char keycap[] = "\ufe0f\u20e3", bare_keycap[] = "\u20e3";
    const char *start = p;
    bool dotted = false;
    while (p < end && (is_digit(*p) || (*p == '.' && p > start && p + 1 < end && is_digit(p[1])))) {
        dotted |= *p == '.';
        p++;
    }
    if (p == start || p - start > 16) return start;
    const char *after = p;
    if ((size_t)(end - p) >= sizeof keycap - 1 && memcmp(p, keycap, sizeof keycap - 1) == 0)
        after += sizeof keycap - 1;
    else if ((size_t)(end - p) >= sizeof bare_keycap - 1 &&
             memcmp(p, bare_keycap, sizeof bare_keycap - 1) == 0)
        after += sizeof bare_keycap - 1;
    else if (p < end && (*p == '.' || *p == ')' || *p == ':'))
        after++;
    else if (!dotted)
        return start;
    if (after < end && !is_blank(*after)) return start;
    h->number = start;
    h->number_size = (size_t)(p - start);
    return after;
}

static const char *skip_symbols(const char *p, const char *end) {
    for (;;) {
        size_t symbol = markdown_symbol(p, end);
        if (!symbol && !(p < end && is_blank(*p))) return p;
        p += symbol ? symbol : 1;
    }
}

markdown_heading markdown_heading_read(const char *text) {
    markdown_heading h = {0};
    const char *end = trim_end(text, text + strlen(text)), *p = skip_symbols(text, end);
    p = skip_symbols(read_number(p, end, &h), end);
    const char *cut = trim_end(p, cut_symbol(p, end, &h.state));
    cut = trim_end(p, cut_words(p, cut, &h.state));
    cut = trim_end(p, cut - ends_with_dash(p, cut));
    h.title = p;
    h.title_size = (size_t)(cut - p);
    return h;
}
