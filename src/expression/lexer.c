/* The lexer, and what needs nothing else: the end of an expression inside a text. A pure function of the
 * text; any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "expression/lexer.h"

#include "expression/expression.h"

#include <string.h>

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

void lexer_init(lexer *l, const char *text, size_t size) {
    l->text = text;
    l->size = size;
    l->at = 0;
    l->problem = NULL;
    l->depth = 0;
}

/* The byte at an offset from here; NUL behind the end, which no rule takes for anything. */
static char peek(const lexer *l, size_t offset) {
    return offset < l->size - l->at ? l->text[l->at + offset] : '\0';
}

static void skip_blanks(lexer *l) {
    while (l->at < l->size) {
        if (l->text[l->at] == '#') {
            const char *newline = memchr(l->text + l->at, '\n', l->size - l->at);
            l->at = newline ? (size_t)(newline - l->text) : l->size;
        } else if (is_space(l->text[l->at])) {
            l->at++;
        } else {
            return;
        }
    }
}

/* The length of a name that begins `offset` bytes ahead; 0 when none does. */
static size_t name_size(const lexer *l, size_t offset) {
    size_t end = offset;
    if (!is_letter(peek(l, end))) return 0;
    for (;;) {
        while (is_letter(peek(l, end)) || is_digit(peek(l, end))) end++;
        if (peek(l, end) != ':' || peek(l, end + 1) != ':' || !is_letter(peek(l, end + 2)))
            return end - offset;
        end += 2;
    }
}

static token finish(lexer *l, token_kind kind, size_t size) {
    token t = {.kind = kind, .start = l->at, .size = size};
    l->at += size;
    return t;
}

static token finish_named(lexer *l, token_kind kind, size_t prefix, size_t size) {
    token t = finish(l, kind, prefix + size);
    t.name = l->text + t.start + prefix;
    t.name_size = size;
    return t;
}

static token fail(lexer *l, size_t at, const char *problem) {
    l->problem = problem;
    return (token){.kind = TOKEN_PROBLEM, .start = at};
}

static bool push(lexer *l, char bracket) {
    if (l->depth == LIMIT_EXPRESSION_DEPTH) return false;
    l->open[l->depth++] = bracket;
    return true;
}

static token too_deep(lexer *l) { return fail(l, l->at, "the expression nests too deep"); }

/* Reads on in a string whose next byte is `offset` bytes ahead. */
static token read_string(lexer *l, size_t offset, bool begins) {
    for (size_t i = offset; l->at + i < l->size; i++) {
        char c = l->text[l->at + i];
        if (c == '"') return finish(l, begins ? TOKEN_STRING : TOKEN_STRING_END, i + 1);
        if (c != '\\') continue;
        if (peek(l, ++i) != '(') continue;
        if (!push(l, 'i')) return too_deep(l);
        return finish(l, begins ? TOKEN_STRING_BEGIN : TOKEN_STRING_MIDDLE, i + 1);
    }
    return fail(l, l->at, "the string is not closed");
}

static token read_close(lexer *l, char c) {
    char open = l->depth ? l->open[l->depth - 1] : '\0';
    if (c == ')' && open == 'i') {
        l->depth--;
        return read_string(l, 1, false);
    }
    if ((c == ')' && open != '(') || (c == ']' && open != '[') || (c == '}' && open != '{'))
        return fail(l, l->at, "the bracket closes none that is open");
    l->depth--;
    return finish(l, TOKEN_CLOSE, 1);
}

static token read_number(lexer *l) {
    size_t n = 0;
    while (is_digit(peek(l, n))) n++;
    if (peek(l, n) == '.') n++;
    while (is_digit(peek(l, n))) n++;
    if (peek(l, n) == 'e' || peek(l, n) == 'E') {
        size_t exponent = n + 1;
        if (peek(l, exponent) == '+' || peek(l, exponent) == '-') exponent++;
        if (is_digit(peek(l, exponent)))
            for (n = exponent; is_digit(peek(l, n));) n++;
    }
    return finish(l, TOKEN_NUMBER, n);
}

static token read_operator(lexer *l) {
    static const char *const signs[] = {
        "?//", "//=", "!=", "==", "//", "|=", "+=", "-=", "*=", "/=", "%=", "<=", ">=", ".."};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t size = strlen(signs[i]);
        if (size <= l->size - l->at && memcmp(l->text + l->at, signs[i], size) == 0)
            return finish(l, TOKEN_OPERATOR, size);
    }
    return finish(l, TOKEN_OPERATOR, 1);
}

token lexer_next(lexer *l) {
    skip_blanks(l);
    if (l->at == l->size)
        return l->depth ? fail(l, l->at, "a bracket is not closed") : finish(l, TOKEN_END, 0);
    char c = l->text[l->at];
    size_t size;
    switch (c) {
    case '"': return read_string(l, 1, true);
    case '(':
    case '[':
    case '{': return push(l, c) ? finish(l, TOKEN_OPEN, 1) : too_deep(l);
    case ')':
    case ']':
    case '}': return read_close(l, c);
    case '$': {
        lexer ahead = {.text = l->text, .size = l->size, .at = l->at + 1};
        skip_blanks(&ahead);
        size_t blanks = ahead.at - l->at;
        size = name_size(l, blanks);
        return size ? finish_named(l, TOKEN_VARIABLE, blanks, size) : finish(l, TOKEN_OPERATOR, 1);
    }
    case '@':
        for (size = 0; is_letter(peek(l, size + 1)) || is_digit(peek(l, size + 1));) size++;
        return size ? finish_named(l, TOKEN_FORMAT, 1, size) : finish(l, TOKEN_OPERATOR, 1);
    case '.':
        if (is_digit(peek(l, 1))) return read_number(l);
        /* A field's name has no "::". */
        for (size = 0; is_letter(peek(l, size + 1)) || (size && is_digit(peek(l, size + 1)));) size++;
        return size ? finish_named(l, TOKEN_FIELD, 1, size) : read_operator(l);
    default:
        if (is_digit(c)) return read_number(l);
        size = name_size(l, 0);
        return size ? finish_named(l, TOKEN_NAME, 0, size) : read_operator(l);
    }
}

bool token_is(const lexer *l, const token *t, token_kind kind, const char *text) {
    return t->kind == kind && t->size == strlen(text) && memcmp(l->text + t->start, text, t->size) == 0;
}

text_position position_of(const char *text, size_t at) {
    text_position p = {1, 1};
    for (size_t i = 0; i < at; i++) {
        p.column++;
        if (text[i] == '\n') p = (text_position){p.line + 1, 1};
    }
    return p;
}

/* Drops what is open above the innermost `bracket`; false when none is open. Never looks outside of the
 * innermost interpolation: its string hides what surrounds it. */
static bool drop_to(lexer *l, char bracket) {
    for (size_t i = l->depth; i > 0; i--) {
        if (l->open[i - 1] == bracket) {
            l->depth = i - 1;
            return true;
        }
        if (l->open[i - 1] == 'i') return false;
    }
    return false;
}

static bool in_interpolation(const lexer *l) { return memchr(l->open, 'i', l->depth) != NULL; }

/* Brackets that do not match do not stop the search: what is wrong inside is said when the expression is
 * added. */
long expression_find_end(const char *text, size_t size, size_t start) {
    lexer l;
    lexer_init(&l, text, size);
    l.at = start;
    for (;;) {
        skip_blanks(&l);
        char c = peek(&l, 0);
        if (l.at >= size) return -1;
        if (c == '}') {
            if (!drop_to(&l, '{') && !in_interpolation(&l)) return (long)l.at;
            l.at++;
        } else if (c == ']') {
            drop_to(&l, '[');
            l.at++;
        } else if (c == ')' && !drop_to(&l, '(')) {
            if (!in_interpolation(&l)) {
                l.at++;
                continue;
            }
            drop_to(&l, 'i');
            if (read_string(&l, 1, false).kind == TOKEN_PROBLEM) return -1;
        } else if (c == ')') {
            l.at++;
        } else if (lexer_next(&l).kind == TOKEN_PROBLEM) {
            return -1;
        }
    }
}
