/* Plain scalars are matched against the core schema's patterns (YAML 1.2.2, 10.3.2); quoted ones and blocks
 * are strings; an explicit tag of the core schema must agree. Infinities, NaN and integers that a double
 * skips are refused here, where their place is known: JSON has none of them. Pure; any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/scalar.h"

#include "base/limits.h"
#include "base/number.h"

#include <stdio.h>
#include <string.h>

#define CORE_TAG "tag:yaml.org,2002:"

static bool is_one_of(const char *text, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0) return true;
    return false;
}
#define IS_ONE_OF(text, ...)                            \
    is_one_of(text, (const char *const[]){__VA_ARGS__}, \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static size_t digits(const char *text) { return strspn(text, "0123456789"); }

/* The parts of [-+]? ( digits [. digits] | . digits ) ([eE] [-+]? digits)?, the schema's int and float. */
typedef struct decimal {
    bool negative, integer;
    const char *whole, *fraction, *exponent;
    size_t whole_size, fraction_size;
} decimal;

static bool decimal_match(const char *text, decimal *d) {
    *d = (decimal){.negative = *text == '-', .integer = true};
    if (*text == '-' || *text == '+') text++;
    d->whole = text;
    d->whole_size = digits(text);
    text += d->whole_size;
    if (*text == '.') {
        d->integer = false;
        d->fraction = ++text;
        d->fraction_size = digits(text);
        text += d->fraction_size;
    }
    if (d->whole_size + d->fraction_size == 0) return false;
    if (*text == 'e' || *text == 'E') {
        d->integer = false;
        d->exponent = text++;
        if (*text == '-' || *text == '+') text++;
        size_t size = digits(text);
        if (size == 0) return false;
        text += size;
    }
    return *text == '\0';
}

static const char *too_exact(const char *text, char message[SCALAR_MESSAGE]) {
    snprintf(message, SCALAR_MESSAGE,
             "the integer %.60s cannot be held exactly; quote it to keep its digits as text", text);
    return message;
}

/* Written again as JSON has it, so that one reader decides what a double holds. */
static const char *decimal_read(const char *text, const decimal *d, double *number,
                                char message[SCALAR_MESSAGE]) {
    const char *whole = d->whole_size ? d->whole : "0";
    size_t whole_size = d->whole_size ? d->whole_size : 1;
    while (whole_size > 1 && *whole == '0') whole++, whole_size--;
    char json[LIMIT_NUMBER_BYTES + 1];
    int size = snprintf(json, sizeof json, "%s%.*s%s%.*s%s", d->negative ? "-" : "", (int)whole_size, whole,
                        d->fraction_size ? "." : "", (int)d->fraction_size,
                        d->fraction_size ? d->fraction : "", d->exponent ? d->exponent : "");
    size_t used;
    number_outcome outcome = size < 0 || (size_t)size >= sizeof json
                                 ? NUMBER_LONG
                                 : number_read(json, (size_t)size, &used, number);
    switch (outcome) {
    case NUMBER_READ: return NULL;
    case NUMBER_INEXACT: return too_exact(text, message);
    case NUMBER_OVERFLOW:
        snprintf(message, SCALAR_MESSAGE, "the number %.60s is too large", text);
        return message;
    default: snprintf(message, SCALAR_MESSAGE, "the number has too many digits"); return message;
    }
}

/* 0o17 and 0x1f. False when the text is neither. */
static bool is_radix(const char *text, unsigned *base) {
    if (text[0] != '0' || (text[1] != 'o' && text[1] != 'x') || text[2] == '\0') return false;
    *base = text[1] == 'o' ? 8 : 16;
    const char *allowed = *base == 8 ? "01234567" : "0123456789abcdefABCDEF";
    return text[2 + strspn(text + 2, allowed)] == '\0';
}

static const char *radix_read(const char *text, unsigned base, double *number,
                              char message[SCALAR_MESSAGE]) {
    uint64_t value = 0;
    for (const char *p = text + 2; *p; p++) {
        unsigned digit = (unsigned)(*p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10);
        if (value > (UINT64_MAX >> 11) / base) return too_exact(text, message);
        value = value * base + digit;
    }
    if (value > (uint64_t)LIMIT_EXACT_INTEGER) return too_exact(text, message);
    *number = (double)value;
    return NULL;
}

static const char *resolve_plain(node *n, char message[SCALAR_MESSAGE]) {
    const char *text = n->text;
    decimal d;
    unsigned base;
    if (IS_ONE_OF(text, "", "~", "null", "Null", "NULL")) {
        n->kind = NODE_NULL;
    } else if (IS_ONE_OF(text, "true", "True", "TRUE", "false", "False", "FALSE")) {
        n->kind = NODE_BOOLEAN;
        n->boolean = *text == 't' || *text == 'T';
    } else if (decimal_match(text, &d)) {
        n->kind = NODE_NUMBER;
        return decimal_read(text, &d, &n->number, message);
    } else if (is_radix(text, &base)) {
        n->kind = NODE_NUMBER;
        return radix_read(text, base, &n->number, message);
    } else if (IS_ONE_OF(text + (*text == '-' || *text == '+'), ".inf", ".Inf", ".INF") ||
               IS_ONE_OF(text, ".nan", ".NaN", ".NAN")) {
        snprintf(message, SCALAR_MESSAGE, "%s is no number of JSON; quote it if it is meant as text", text);
        return message;
    } else {
        n->kind = NODE_STRING;
    }
    return NULL;
}

const char *scalar_resolve(node *n, const char *tag, char message[SCALAR_MESSAGE]) {
    n->kind = NODE_STRING;
    if (!tag) return n->style == NODE_PLAIN ? resolve_plain(n, message) : NULL;
    if (IS_ONE_OF(tag, "!", CORE_TAG "str")) return NULL;
    unsigned wanted = strcmp(tag, CORE_TAG "null") == 0    ? NODE_NULL
                      : strcmp(tag, CORE_TAG "bool") == 0  ? NODE_BOOLEAN
                      : strcmp(tag, CORE_TAG "int") == 0   ? NODE_NUMBER
                      : strcmp(tag, CORE_TAG "float") == 0 ? NODE_NUMBER
                                                           : 0;
    if (!wanted) {
        snprintf(message, SCALAR_MESSAGE, "the tag %.100s is not supported", tag);
        return message;
    }
    const char *problem = resolve_plain(n, message);
    if (problem) return problem;
    decimal d;
    bool fits = n->kind == wanted;
    if (fits && strcmp(tag, CORE_TAG "int") == 0 && decimal_match(n->text, &d)) fits = d.integer;
    if (fits) return NULL;
    snprintf(message, SCALAR_MESSAGE, "the text does not fit its tag !!%s", tag + strlen(CORE_TAG));
    return message;
}

/* ---- Quoted texts ---- */

size_t scalar_break_size(const document *d, size_t at) {
    if (at >= d->size || (d->text[at] != '\r' && d->text[at] != '\n')) return 0;
    return d->text[at] == '\r' && at + 1 < d->size && d->text[at + 1] == '\n' ? 2 : 1;
}

size_t scalar_skip_blanks(const document *d, size_t at, size_t limit) {
    while (limit-- > 0 && at < d->size && (d->text[at] == ' ' || d->text[at] == '\t')) at++;
    return at;
}

/* Moves behind all breaks and the blanks between and after them; gives the number of breaks. */
static size_t skip_breaks(const document *d, size_t *at) {
    size_t breaks = 0, size, end;
    while ((size = scalar_break_size(d, end = scalar_skip_blanks(d, *at, SIZE_MAX))) > 0) {
        *at = end + size;
        breaks++;
    }
    if (breaks > 0) *at = end;
    return breaks;
}

static void put_character(buffer *text, uint32_t c) {
    if (c < 0x80) {
        buffer_putc(text, (char)c);
        return;
    }
    int followers = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char heads[] = {0, 0xc0, 0xe0, 0xf0};
    buffer_putc(text, (char)(heads[followers] | c >> 6 * followers));
    while (followers-- > 0) buffer_putc(text, (char)(0x80 | (c >> 6 * followers & 0x3f)));
}

/* Reads `count` hexadecimal digits, as many of them as there are. */
static uint32_t read_hexadecimal(const document *d, size_t *at, int count) {
    uint32_t value = 0;
    for (; count > 0 && *at < d->size; count--, ++*at) {
        char c = d->text[*at];
        value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/* What stands behind a backslash. JSON writes characters above U+FFFF as two escapes of UTF-16. */
static void read_escape(const document *d, size_t *at, buffer *text) {
    static const char names[] = "0abtnvfre N_LP";
    static const uint32_t meanings[] = {0, 7, 8, 9, 10, 11, 12, 13, 27, ' ', 0x85, 0xa0, 0x2028, 0x2029};
    char c = d->text[(*at)++];
    const char *name = strchr(names, c);
    if (c == 'x' || c == 'u' || c == 'U') {
        uint32_t value = read_hexadecimal(d, at, c == 'x' ? 2 : c == 'u' ? 4 : 8);
        if ((value & ~0x3ffu) == 0xd800 && *at + 6 <= d->size && memcmp(d->text + *at, "\\u", 2) == 0) {
            *at += 2;
            value = 0x10000 + ((value & 0x3ff) << 10 | (read_hexadecimal(d, at, 4) & 0x3ff));
        }
        put_character(text, value);
    } else if (name && c) {
        put_character(text, meanings[name - names]);
    } else {
        buffer_putc(text, c); /* itself: " / \ */
    }
}

/* A line break is a blank, n of them are n - 1 breaks; the blanks around them do not count. An escaped
 * break is nothing, and further ones behind it count in full. */
void scalar_unquote(const document *d, node_style style, size_t start, buffer *text) {
    bool is_double = style == NODE_DOUBLE_QUOTED;
    for (size_t at = start; at < d->size;) {
        size_t breaks = skip_breaks(d, &at);
        if (breaks == 1) buffer_putc(text, ' ');
        for (size_t i = 1; i < breaks; i++) buffer_putc(text, '\n');
        if (breaks > 0) continue;
        char c = d->text[at++];
        if (is_double && c == '\\' && at < d->size) {
            size_t size = scalar_break_size(d, at);
            if (size == 0) {
                read_escape(d, &at, text);
                continue;
            }
            at += size;
            for (breaks = skip_breaks(d, &at); breaks > 0; breaks--) buffer_putc(text, '\n');
            at = scalar_skip_blanks(d, at, SIZE_MAX);
            continue;
        }
        if (c == (is_double ? '"' : '\'')) {
            if (is_double || at == d->size || d->text[at] != c) return;
            at++;
        }
        buffer_putc(text, c);
    }
}
