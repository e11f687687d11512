/* Pure functions; any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/document/document_words.h"

#include "base/text.h"
#include "service/document/markdown.h"

#include <math.h>
#include <string.h>

#define HOURS_MOST 1e6

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }
static bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
static bool continues_word(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; }

static const char *skip_blanks(const char *p) {
    while (is_blank(*p)) p++;
    return p;
}

/* The text's end without blanks and, where asked, symbols. */
static const char *find_end(const char *text, bool symbols) {
    const char *end = text + strlen(text);
    for (;;) {
        while (end > text && is_blank(end[-1])) end--;
        const char *p = end;
        while (symbols && p > text && !is_blank(p[-1])) p--;
        if (!symbols || p == end || p + markdown_symbol(p, end) != end) return end;
        end = p;
    }
}

/* The size of the dash that text begins with; 0: none. */
static size_t dash_size(const char *text) {
    if (*text == '-') return 1;
    bool dash = strncmp(text, "\u2013", 3) == 0 || strncmp(text, "\u2014", 3) == 0;
    return dash ? 3 : 0;
}

void words_key(const char *text, char *key, size_t size) {
    const char *end = text + strlen(text);
    size_t used = 0;
    bool gap = false;
    while (text < end && used + 2 < size) {
        bool high = (unsigned char)*text >= 0x80;
        size_t symbol = high ? markdown_symbol(text, end) : 0;
        if (symbol || !(high || is_letter(*text) || is_digit(*text))) {
            text += symbol ? symbol : 1;
            gap = used > 0;
            continue;
        }
        if (gap) key[used++] = '_';
        gap = false;
        bool umlaut = used && (unsigned char)key[used - 1] == 0xc3 && (unsigned char)*text <= 0x9e;
        key[used++] = umlaut ? (char)(*text++ + 0x20) : lower(*text++);
    }
    key[text_utf8_prefix(key, used)] = '\0';
}

/* ---- Quotes and remarks ---- */

static bool is_quote(char c) { return c == '\'' || c == '"' || c == '`'; }

char *words_unquoted(arena *a, const char *text) {
    const char *from = skip_blanks(text), *to = find_end(from, false);
    bool quoted = to - from >= 2 && is_quote(*from) && to[-1] == *from &&
                  memchr(from + 1, *from, (size_t)(to - from - 2)) == NULL;
    return arena_text_sized(a, from + quoted, (size_t)(to - from) - 2 * quoted);
}

/* Where the quoted part that text begins with ends: at the first quote that no word goes on behind. */
static const char *find_closing(const char *text) {
    for (const char *p = text + 1; *p; p++)
        if (*p == *text && !continues_word(p[1]) && !is_quote(p[1])) return p;
    return NULL;
}

/* Where a remark begins, that is "(...)", "- ...", "# ..." or "// ..." behind a blank. */
static const char *find_remark(const char *text) {
    for (const char *p = text; *p; p++) {
        if (!is_blank(*p)) continue;
        const char *next = skip_blanks(p);
        size_t dash = dash_size(next);
        if (*next == '(' || *next == '#' || strncmp(next, "//", 2) == 0 || (dash && is_blank(next[dash])))
            return p;
    }
    return text + strlen(text);
}

char *words_without_remark(arena *a, const char *text) {
    const char *from = skip_blanks(text);
    for (size_t size; (size = markdown_symbol(from, from + strlen(from))) > 0;)
        from = skip_blanks(from + size);
    const char *closing = is_quote(*from) ? find_closing(from) : NULL;
    if (closing) return arena_text_sized(a, from + 1, (size_t)(closing - from - 1));
    char *rest = arena_text_sized(a, from, (size_t)(find_remark(from) - from));
    if (rest) rest[find_end(rest, true) - rest] = '\0';
    return rest;
}

/* ---- What says nothing ---- */

bool words_are_placeholder(const char *text) {
    static const char pairs[] = "[]<>{}";
    const char *from = skip_blanks(text), *to = find_end(from, false);
    const char *pair = to - from > 2 ? strchr(pairs, *from) : NULL;
    if (!pair || !*pair || (pair - pairs) % 2) return false;
    return memchr(from, pair[1], (size_t)(to - from)) == to - 1;
}

/* A piece between bars: one word or two, quotes and a remark aside. */
static bool is_alternative(const char *from, const char *to) {
    int words = 0;
    for (const char *p = from; p < to;) {
        if (is_blank(*p) || is_quote(*p)) {
            p++;
            continue;
        }
        if (words > 0 && *p == '(') break;
        while (p < to && (continues_word(*p) || *p == '.' || *p == '/')) p++;
        if (p < to && !is_blank(*p) && !is_quote(*p)) return false;
        words++;
    }
    return words == 1 || words == 2;
}

bool words_are_choice(const char *text) {
    const char *bar = strchr(text, '|');
    if (!bar) return false;
    for (; bar; text = bar + 1, bar = strchr(text, '|'))
        if (!is_alternative(text, bar)) return false;
    return is_alternative(text, text + strlen(text));
}

bool words_are_none(const char *text) {
    static const char *const nones[] = {"none", "n/a",   "na",     "no", "not",    "nothing",
                                        "kein", "keine", "nichts", "-",  "\u2013", "\u2014"};
    const char *from = skip_blanks(text);
    size_t size = 0;
    while (from[size] && !is_blank(from[size]) && !strchr("(,.;:", from[size])) size++;
    for (size_t i = 0; i < sizeof nones / sizeof *nones; i++) {
        size_t same = 0;
        while (same < size && lower(from[same]) == nones[i][same]) same++;
        if (same == size && !nones[i][same]) return true;
    }
    return false;
}

bool words_are_word(const char *text) {
    if (!*text) return false;
    for (; *text; text++)
        if (!continues_word(*text)) return false;
    return true;
}

/* ---- Times ---- */

typedef struct unit {
    const char *names;
    double hours;
} unit;

static const unit units[] = {
    {" h hr hrs hour hours std stunde stunden ", 1},
    {" min mins minute minutes minuten ", 1.0 / 60},
    {" d day days tag tage ", 8},
    {" w wk wks week weeks woche wochen ", 40},
};

static const unit *find_unit(const char *word, size_t size) {
    char name[16] = " ";
    if (size == 0 || size > sizeof name - 3) return NULL;
    for (size_t i = 0; i < size; i++) name[1 + i] = lower(word[i]);
    name[1 + size] = ' ';
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strstr(units[i].names, name)) return &units[i];
    return NULL;
}

/* Digits, a fraction with digits, and a unit. Not strtod, which would follow the program's locale. */
static const unit *read_quantity(const char **text, double *hours) {
    const char *p = skip_blanks(*text);
    double number = 0, scale = 1;
    if (!is_digit(*p)) return NULL;
    for (; is_digit(*p) && number <= HOURS_MOST; p++) number = number * 10 + (*p - '0');
    bool comma = *p == ',' && !(is_digit(p[1]) && is_digit(p[2]) && is_digit(p[3])); /* 1,5; not 1,500 */
    if ((*p == '.' || comma) && is_digit(p[1]))
        for (p++; is_digit(*p); p++)
            if (scale < 1e9) number = number * 10 + (*p - '0'), scale *= 10;
    p = skip_blanks(p);
    size_t size = 0;
    while (is_letter(p[size])) size++;
    const unit *u = find_unit(p, size);
    if (!u) return NULL;
    p += size;
    *text = *p == '.' ? p + 1 : p;
    *hours += number / scale * u->hours;
    return u;
}

static bool skip_word(const char **text, const char *word) {
    const char *p = skip_blanks(*text);
    size_t size = strlen(word);
    for (size_t i = 0; i < size; i++)
        if (lower(p[i]) != word[i]) return false;
    if (is_letter(word[size - 1]) && continues_word(p[size])) return false;
    *text = p + size;
    return true;
}

static void skip_about(const char **text) {
    static const char *const words[] = {"~", "approximately", "approx.", "approx", "about", "ca.", "circa"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (skip_word(text, words[i])) return;
}

/* Quantities in a row, "2 days, 4 hours", each less than one of the unit before; else the sum is NaN.
 * *exact when there are hours among them. */
static bool read_quantities(const char **text, double *sum, bool *exact) {
    double before = INFINITY;
    for (const char *p = *text;;) {
        double hours = 0;
        const unit *u = read_quantity(&p, &hours);
        if (!u) return before < INFINITY;
        *sum += hours < before ? hours : NAN;
        *exact |= u->hours <= 1;
        before = u->hours;
        *text = p;
        if (!skip_word(&p, ",")) skip_word(&p, "and");
    }
}

bool words_hours(const char *text, double *hours) {
    double sum = 0, other = 0;
    bool exact = false, other_exact = false;
    skip_about(&text);
    if (!read_quantities(&text, &sum, &exact)) return false;
    if (skip_word(&text, "in") && !skip_word(&text, "total")) return false;
    skip_word(&text, "total");
    text = skip_blanks(text);
    text += markdown_symbol(text, text + strlen(text));
    text = skip_blanks(text);
    size_t dash = dash_size(text);
    if (dash && (!is_blank(text[dash]) || is_digit(*skip_blanks(text + dash)))) return false;
    if (*text && !dash && !strchr("(,;.", *text)) return false;
    const char *remark = text + 1;
    if (*text == '(' && !exact && read_quantities(&remark, &other, &other_exact) && other_exact) {
        skip_word(&remark, "total");
        if (*skip_blanks(remark) == ')') sum = other;
    }
    if (!(sum <= HOURS_MOST)) return false;
    *hours = sum;
    return true;
}

/* ---- Words in a text ---- */

static bool matches(const char *word, size_t size, const char *pattern, size_t pattern_size) {
    bool open = pattern[pattern_size - 1] == '*';
    if (open) pattern_size--;
    if (open ? size < pattern_size : size != pattern_size) return false;
    for (size_t i = 0; i < pattern_size; i++)
        if (lower(word[i]) != pattern[i]) return false;
    return true;
}

bool words_have(const char *text, const char *words, const char **found, size_t *size) {
    for (const char *p = text; *p;) {
        size_t length = 0;
        while (is_letter(p[length]) || is_digit(p[length])) length++;
        if (!length) {
            p++;
            continue;
        }
        for (const char *w = words; *w;) {
            size_t one = strcspn(w, " ");
            if (matches(p, length, w, one)) {
                *found = p;
                *size = length;
                return true;
            }
            w += one;
            while (*w == ' ') w++;
        }
        p += length;
    }
    return false;
}
