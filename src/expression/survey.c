/* The survey: one walk over the tokens with a stack of frames, one a bracket. It understands as much of
 * jq's grammar as it takes to tell a variable's use from its binding, a function from a key, and an index
 * from an array; what is wrong otherwise is left for libjq to say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "expression/survey.h"

#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "expression/guards.h"

#include <stdlib.h>
#include <string.h>

/* How much a computed index could hide. */
typedef enum rank {
    RANK_LITERAL,
    RANK_PATH, /* of fields and variables */
    RANK_OTHER
} rank;

typedef struct frame {
    char bracket;
    bool pattern;    /* of "as": variables in it are bound */
    bool parameters; /* of "def f(...)" */
    bool index;      /* of ".a[...]", or a computed key of a pattern */
    bool slice;      /* an index with a colon */
    bool at_key;     /* in an object, where a key may stand */
    bool computed;   /* there was a token since `start` */
    rank rank;       /* of the tokens since `start` */
    size_t start;    /* of an index or a slice's bound */
} frame;

typedef struct walk {
    survey *s;
    lexer l;
    token previous; /* of kind TOKEN_END before the first */
    size_t depth;
    frame frames[LIMIT_EXPRESSION_DEPTH + 1]; /* frames[0] stands for no bracket */
    bool pattern_next;                        /* behind "as" and "?//" */
    bool header;                              /* between "def" and its colon */
    bool wary;                                /* the text could make NaN on purpose */
    bool assigns, indexes;
    unsigned if_indexed;            /* guards that are needed where an index is computed */
    bool factor_next, divisor_next; /* behind "*" and "%" */
    unsigned operators;
    baton_error **err;
} walk;

static bool same(const token *t, const char *name) {
    return t->name_size == strlen(name) && memcmp(t->name, name, t->name_size) == 0;
}

static bool starts(const token *t, const char *prefix) {
    return t->name_size >= strlen(prefix) && memcmp(t->name, prefix, strlen(prefix)) == 0;
}

bool survey_has(const buffer *tokens, const char *name, size_t size) {
    for (size_t i = 0; i < tokens->size; i += sizeof(token)) {
        token t;
        memcpy(&t, tokens->data + i, sizeof t);
        if (t.name_size == size && memcmp(t.name, name, size) == 0) return true;
    }
    return false;
}

static void add(buffer *tokens, const token *t) {
    if (!survey_has(tokens, t->name, t->name_size)) buffer_append(tokens, t, sizeof *t);
}

int survey_fail(const char *text, size_t at, baton_error **err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buffer message = {0};
    buffer_vprintf(&message, format, args);
    va_end(args);
    baton_error_set(err, BATON_ERROR_INVALID, "%s", buffer_text(&message));
    buffer_done(&message);
    text_position p = position_of(text, at);
    if (err) error_set_place(*err, (place){NULL, p.line, p.column});
    return -1;
}

static bool is_keyword(const token *t) {
    static const char *const keywords[] = {"def", "if",     "then",    "elif", "else",  "and",   "or",
                                           "as",  "reduce", "foreach", "try",  "catch", "label", "break"};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (same(t, keywords[i])) return true;
    return false;
}

/* Whether a "[" behind this token indexes what the token ends. */
static bool ends_term(const walk *w, const token *t) {
    switch (t->kind) {
    case TOKEN_NAME: return !is_keyword(t);
    case TOKEN_FIELD:
    case TOKEN_VARIABLE:
    case TOKEN_FORMAT:
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_STRING_END:
    case TOKEN_CLOSE: return true;
    case TOKEN_OPERATOR:
        return token_is(&w->l, t, TOKEN_OPERATOR, ".") || token_is(&w->l, t, TOKEN_OPERATOR, "..") ||
               token_is(&w->l, t, TOKEN_OPERATOR, "?");
    default: return false;
    }
}

/* An index, or a bound of a slice, ends before text[at]. */
static void end_bound(walk *w, frame *f, size_t at) {
    const char *guard = f->slice ? ")|__bound" : ")|__index";
    bool guarded = f->computed && f->rank != RANK_LITERAL && (f->slice || w->wary || f->rank == RANK_OTHER);
    if (f->computed && f->rank != RANK_LITERAL) w->indexes = true;
    if (guarded) {
        w->s->guards |= GUARD_NAN;
        buffer_append(&w->s->inserts, &(insert){f->start, "("}, sizeof(insert));
        buffer_append(&w->s->inserts, &(insert){at, guard}, sizeof(insert));
    }
    f->computed = false;
    f->rank = RANK_LITERAL;
}

static void open_frame(walk *w, const token *t) {
    const frame *outer = &w->frames[w->depth];
    char bracket = t->kind == TOKEN_OPEN ? w->l.text[t->start] : 'i';
    frame f = {.bracket = bracket, .start = t->start + 1};
    f.parameters = w->header && bracket == '(';
    f.pattern = w->pattern_next || (outer->pattern && bracket != '(' && bracket != 'i');
    f.index = (bracket == '[' && !f.pattern && ends_term(w, &w->previous)) ||
              (bracket == '(' && outer->pattern && outer->bracket == '{');
    f.at_key = bracket == '{';
    w->frames[++w->depth] = f;
}

static void close_frame(walk *w, const token *t) {
    frame *f = &w->frames[w->depth--];
    if (f->index) end_bound(w, f, t->start);
}

static int read_variable(walk *w, const token *t) {
    const frame *f = &w->frames[w->depth];
    if (same(t, "__loc__")) return 0;
    if (same(t, "ENV"))
        return survey_fail(w->l.text, t->start, w->err, "$ENV is not allowed in expressions");
    if (starts(t, "__"))
        return survey_fail(w->l.text, t->start, w->err, "names that begin with $__ are reserved");
    if (w->previous.kind == TOKEN_NAME && (same(&w->previous, "label") || same(&w->previous, "break")))
        return 0;
    add(w->pattern_next || f->pattern || f->parameters ? &w->s->bound : &w->s->variables, t);
    return 0;
}

static void use_guarded(walk *w, const token *t) {
    if (same(t, "now")) w->s->uses_now = true;
    if (same(t, "test")) w->s->serial = true;
    const guarded_function *g = guard_find(t->name, t->name_size);
    if (!g) return;
    if (g->computes_index) w->indexes = true;
    if (g->when == GUARD_IF_INDEX) w->if_indexed |= g->guards;
    if (g->when == GUARD_ALWAYS || w->wary) w->s->guards |= g->guards;
}

static int read_name(walk *w, const token *t) {
    frame *f = &w->frames[w->depth];
    bool is_key =
        f->at_key && (w->previous.kind == TOKEN_OPEN || token_is(&w->l, &w->previous, TOKEN_OPERATOR, ","));
    if (is_key) return 0;
    if (guard_refuses(t->name, t->name_size))
        return survey_fail(w->l.text, t->start, w->err, "'%.*s' is not allowed in expressions",
                           (int)t->name_size, t->name);
    if (starts(t, "__"))
        return survey_fail(w->l.text, t->start, w->err, "names that begin with __ are reserved");
    bool defines = w->previous.kind == TOKEN_NAME && same(&w->previous, "def");
    if (defines || f->parameters) {
        add(&w->s->defined, t);
    } else if (same(t, "def")) {
        w->header = true;
    } else if (!is_keyword(t)) {
        if (starts(t, "_")) add(&w->s->functions, t);
        use_guarded(w, t);
    }
    return 0;
}

/* Digits that no double holds would silently become another number. */
static int read_number(walk *w, const token *t) {
    const char *digits = w->l.text + t->start;
    size_t size = t->size, used;
    if (memchr(digits, '.', size) || memchr(digits, 'e', size) || memchr(digits, 'E', size)) return 0;
    for (; size > 1 && *digits == '0'; size--) digits++;
    double number;
    if (number_read(digits, size, &used, &number) == NUMBER_READ) return 0;
    return survey_fail(w->l.text, t->start, w->err,
                       "the integer %.*s%s cannot be held exactly (write it as a string)",
                       (int)(size < 40 ? size : 40), digits, size < 40 ? "" : "...");
}

static double number_of(const walk *w, const token *t) {
    char digits[32] = "";
    if (t->size < sizeof digits) memcpy(digits, w->l.text + t->start, t->size);
    return digits[0] ? strtod(digits, NULL) : LIMIT_EXACT_INTEGER;
}

static bool is_assignment(const walk *w, const token *t) {
    const char *sign = w->l.text + t->start;
    if (sign[t->size - 1] != '=') return false;
    return t->size != 2 || (*sign != '=' && *sign != '!' && *sign != '<' && *sign != '>');
}

static int read_operator(walk *w, const token *t) {
    frame *f = &w->frames[w->depth];
    if (token_is(&w->l, t, TOKEN_OPERATOR, ":")) {
        if (w->header) {
            w->header = false;
        } else if (f->index && f->bracket == '[') {
            f->slice = true;
            end_bound(w, f, t->start);
            f->start = t->start + 1;
        }
        f->at_key = false;
        return 0;
    }
    if (token_is(&w->l, t, TOKEN_OPERATOR, ",")) {
        f->at_key = f->bracket == '{';
        return 0;
    }
    if (memchr("|;.", w->l.text[t->start], 3) && t->size == 1) return 0;
    if (is_assignment(w, t)) w->assigns = true;
    if (token_is(&w->l, t, TOKEN_OPERATOR, "*=")) w->s->guards |= GUARD_MULTIPLY;
    if (token_is(&w->l, t, TOKEN_OPERATOR, "%=")) w->s->guards |= GUARD_MODULO;
    w->factor_next = token_is(&w->l, t, TOKEN_OPERATOR, "*");
    w->divisor_next = token_is(&w->l, t, TOKEN_OPERATOR, "%");
    w->operators++;
    return 0;
}

/* Behind "*" and "%" a small number is harmless, and common. */
static void read_operand(walk *w, const token *t) {
    enum { SMALL_FACTOR = 16 }; /* no input times this comes near libjq's longest string */
    if (w->factor_next && (t->kind != TOKEN_NUMBER || number_of(w, t) > SMALL_FACTOR))
        w->s->guards |= GUARD_MULTIPLY;
    if (w->divisor_next && t->kind != TOKEN_NUMBER) w->s->guards |= GUARD_MODULO;
    w->factor_next = w->divisor_next = false;
}

/* A token of an index or a bound says how much must be feared of it. */
static void rank_token(walk *w, const token *t) {
    frame *f = &w->frames[w->depth];
    if (!f->index || t->kind == TOKEN_CLOSE) return;
    if (token_is(&w->l, t, TOKEN_OPERATOR, ":") && !w->header) return;
    f->computed = true;
    rank r = RANK_OTHER;
    if (t->kind == TOKEN_NUMBER || t->kind == TOKEN_STRING || token_is(&w->l, t, TOKEN_OPERATOR, "-"))
        r = RANK_LITERAL;
    else if (t->kind == TOKEN_FIELD || t->kind == TOKEN_VARIABLE || token_is(&w->l, t, TOKEN_OPERATOR, "."))
        r = RANK_PATH;
    if (r > f->rank) f->rank = r;
    if (t->kind == TOKEN_NUMBER && number_of(w, t) > LIMIT_ARRAY_INDEX) w->indexes = true;
}

static int read_token(walk *w, const token *t) {
    read_operand(w, t);
    rank_token(w, t);
    switch (t->kind) {
    case TOKEN_OPEN: open_frame(w, t); return 0;
    case TOKEN_STRING_BEGIN:
        w->operators++;
        open_frame(w, t);
        return 0;
    case TOKEN_STRING_MIDDLE: w->operators++; return 0;
    case TOKEN_STRING_END:
    case TOKEN_CLOSE: close_frame(w, t); return 0;
    case TOKEN_VARIABLE: return read_variable(w, t);
    case TOKEN_NAME:
        if (same(t, "and") || same(t, "or") || same(t, "as") || same(t, "if") || same(t, "try"))
            w->operators++;
        return read_name(w, t);
    case TOKEN_NUMBER: return read_number(w, t);
    case TOKEN_OPERATOR: return read_operator(w, t);
    default: return 0;
    }
}

static int by_place(const void *a, const void *b) {
    const insert *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static int conclude(walk *w) {
    survey *s = w->s;
    if (w->previous.kind == TOKEN_END) return survey_fail(w->l.text, 0, w->err, "the expression is empty");
    if (w->assigns && w->indexes) s->guards |= GUARD_SETPATH | GUARD_DELPATHS | GUARD_ASSIGN;
    if (w->indexes) s->guards |= w->if_indexed;
    if (s->guards & (GUARD_REGEX | GUARD_TIME)) s->serial = true;
    for (size_t i = 0; i < s->functions.size; i += sizeof(token)) {
        token t;
        memcpy(&t, s->functions.data + i, sizeof t);
        if (!survey_has(&s->defined, t.name, t.name_size))
            return survey_fail(w->l.text, t.start, w->err, "unknown function '%.*s'", (int)t.name_size,
                               t.name);
    }
    if (s->inserts.size) qsort(s->inserts.data, s->inserts.size / sizeof(insert), sizeof(insert), by_place);
    if (buffer_failed(&s->inserts) || buffer_failed(&s->variables) || buffer_failed(&s->bound) ||
        buffer_failed(&s->functions) || buffer_failed(&s->defined))
        return error_memory(w->err);
    return 0;
}

static bool contains(const char *text, size_t size, const char *word) {
    return memmem(text, size, word, strlen(word)) != NULL;
}

int survey_expression(survey *s, const char *text, size_t size, baton_error **err) {
    *s = (survey){0};
    if (size > LIMIT_EXPRESSION_BYTES)
        return baton_error_set(err, BATON_ERROR_LIMIT, "an expression may have %u bytes at most",
                               LIMIT_EXPRESSION_BYTES);
    const char *nul = memchr(text, '\0', size);
    if (nul) return survey_fail(text, (size_t)(nul - text), err, "a NUL byte stands in the expression");
    if (!text_is_utf8(text, size)) return survey_fail(text, 0, err, "the expression is not valid UTF-8");
    walk w = {.s = s, .err = err};
    w.wary = contains(text, size, "nan") || contains(text, size, "infinite") ||
             contains(text, size, "tonumber") || contains(text, size, "fromjson");
    lexer_init(&w.l, text, size);
    for (;;) {
        token t = lexer_next(&w.l);
        if (t.kind == TOKEN_END) return conclude(&w);
        if (t.kind == TOKEN_PROBLEM) return survey_fail(text, t.start, err, "%s", w.l.problem);
        if (read_token(&w, &t)) return -1;
        if (w.operators > LIMIT_EXPRESSION_OPERATORS)
            return survey_fail(text, t.start, err, "the expression has more than %d operators",
                               LIMIT_EXPRESSION_OPERATORS);
        w.pattern_next = token_is(&w.l, &t, TOKEN_NAME, "as") || token_is(&w.l, &t, TOKEN_OPERATOR, "?//");
        w.previous = t;
    }
}

void survey_done(survey *s) {
    buffer_done(&s->inserts);
    buffer_done(&s->variables);
    buffer_done(&s->bound);
    buffer_done(&s->functions);
    buffer_done(&s->defined);
}
