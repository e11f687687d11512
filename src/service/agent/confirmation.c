/* Finds the keywords in a message and judges each by the words around it: those of its clause before it, a
 * few behind it, and of its sentence what makes all of it doubtful. The words' meanings are tables, the
 * rules look at a bounded number of them, so that a message costs its length.
 *
 * Not grammar, but a guess with a safe side: what is doubtful does not confirm.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/confirmation.h"

#include "service/agent/confirmation_words.h"

#include <stdlib.h>
#include <string.h>

enum {
    NEAR = 10,   /* words: a negation so far before a keyword still means it */
    COUNTED = 6, /* words from a count to the keyword: "3 of the 9 planned files are done" */
    FAR = 40,    /* tokens of its sentence that are looked at on each side */
    KEYWORD_TOKENS = 64
};

/* ---- looking around ---- */

/* A keyword in the message: tokens [first, last]. */
typedef struct occurrence {
    uint32_t first, last;
    uint32_t words;
} occurrence;

static bool ends_clause(const prose_token *t) { return t->kind >= PROSE_CLAUSE || t->meaning & SPLIT; }

/* Whether the clause ends before token `at`. */
static bool is_end(const prose *p, uint32_t at) {
    return at >= p->token_count || ends_clause(&p->tokens[at]);
}

/* Behind the phrase that begins at `at`. */
static uint32_t behind(const prose *p, uint32_t at) {
    do at++;
    while (at < p->token_count && p->tokens[at].meaning & CONTINUED);
    return at;
}

/* Whether one of the last `words` words of the clause before token `at` has one of the meanings. */
static bool clause_before(const prose *p, uint32_t at, uint32_t meaning, int words) {
    while (at-- > 0 && words > 0 && !ends_clause(&p->tokens[at])) {
        if (p->tokens[at].meaning & meaning) return true;
        words -= p->tokens[at].kind == PROSE_WORD;
    }
    return false;
}

static bool clause_after(const prose *p, uint32_t at, uint32_t meaning, int words) {
    while (!is_end(p, ++at) && words > 0) {
        if (p->tokens[at].meaning & meaning) return true;
        words -= p->tokens[at].kind == PROSE_WORD;
    }
    return false;
}

static bool sentence_before(const prose *p, uint32_t at, uint32_t meaning) {
    for (int i = 0; i < FAR && at-- > 0 && p->tokens[at].kind < PROSE_STOP; i++)
        if (p->tokens[at].meaning & meaning) return true;
    return false;
}

/* The token that ends the sentence of token `at`; token_count: none, or it is far. */
static uint32_t sentence_end(const prose *p, uint32_t at) {
    for (int i = 0; i < FAR && ++at < p->token_count; i++)
        if (p->tokens[at].kind >= PROSE_STOP) return at;
    return p->token_count;
}

/* The word or phrase directly before; NULL when the clause begins here. */
static const prose_token *word_before(const prose *p, uint32_t at) {
    while (at-- > 0 && !ends_clause(&p->tokens[at]))
        if (p->tokens[at].kind == PROSE_WORD && !(p->tokens[at].meaning & CONTINUED)) return &p->tokens[at];
    return NULL;
}

/* ---- counts ---- */

/* Reads digits with a point or comma; NULL when there are none, else behind them. */
static const char *read_number(const char *c, const char *end, double *number) {
    double value = 0, unit = 0;
    const char *begin = c;
    for (; c < end && (*c == '.' || *c == ',' || (*c >= '0' && *c <= '9')); c++) {
        if (*c == '.' || *c == ',') {
            unit = 1;
            continue;
        }
        value = value * 10 + (*c - '0');
        unit *= 10;
    }
    *number = unit > 0 ? value / unit : value;
    return c == begin ? NULL : c;
}

/* "~80" is about eighty. */
static const char *skip_about(const char *c) { return *c == '~' ? c + 1 : c; }

/* What a token says as a number, of a range its end; -1: it says none. */
static double number_of(const prose *p, uint32_t at) {
    static const char *const names[][2] = {
        {"zero", "null"},  {"one", "eine"},  {"two", "zwei"},  {"three", "drei"},
        {"four", "vier"},  {"five", "fünf"}, {"six", "sechs"}, {"seven", "sieben"},
        {"eight", "acht"}, {"nine", "neun"}, {"ten", "zehn"},
    };
    if (at >= p->token_count || p->tokens[at].kind != PROSE_WORD) return -1;
    const prose_token *t = &p->tokens[at];
    const char *end = p->text + t->end;
    double number;
    const char *c = read_number(skip_about(p->text + t->begin), end, &number);
    if (c && c < end && *c == '-') c = read_number(c + 1, end, &number);
    if (c && end - c > 3 && !memcmp(c, "–", 3)) c = read_number(c + 3, end, &number);
    if (c == end) return number;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t j = 0; j < 2; j++)
            if (prose_token_is(p, t, names[i][j], strlen(names[i][j]))) return (double)i;
    return -1;
}

typedef enum count { COUNT_NONE, COUNT_PART, COUNT_WHOLE } count;

/* Reads a count that begins with token `at`: "3/9", "3 of the 9", "40 %". */
static count count_at(const prose *p, uint32_t at) {
    double some = number_of(p, at), most;
    const prose_token *t = &p->tokens[at];
    if (some < 0) {
        const char *end = p->text + t->end,
                   *slash = read_number(skip_about(p->text + t->begin), end, &some);
        if (!slash || *slash != '/' || read_number(slash + 1, end, &most) != end) return COUNT_NONE;
        return some < most ? COUNT_PART : COUNT_WHOLE;
    }
    if (at + 1 >= p->token_count) return COUNT_NONE;
    if (p->tokens[at + 1].meaning & PERCENT) return some < 100 ? COUNT_PART : COUNT_WHOLE;
    if (!(p->tokens[at + 1].meaning & OF)) return COUNT_NONE;
    at = behind(p, at + 1);
    if (number_of(p, at) < 0) at++; /* "the" */
    most = number_of(p, at);
    return most < 0 ? COUNT_NONE : some < most ? COUNT_PART : COUNT_WHOLE;
}

static count count_before(const prose *p, uint32_t at) {
    for (int i = 0; i < COUNTED + 2 && at-- > 0 && !ends_clause(&p->tokens[at]); i++) {
        count c = p->tokens[at].kind == PROSE_WORD ? count_at(p, at) : COUNT_NONE;
        if (c) return c;
    }
    return COUNT_NONE;
}

/* ---- denials ---- */

static bool is_negated(const prose *p, uint32_t first) {
    const prose_token *before = word_before(p, first);
    uint32_t meaning = NEGATION | GRADE | QUANTITY;
    if (before && before->meaning & ADJACENT) return true;
    if (before && prose_token_is(p, before, "be", 2)) meaning &= ~(uint32_t)QUANTITY;
    if (clause_before(p, first, meaning, NEAR)) return true;
    for (uint32_t i = 0, at = first; i < FAR && at-- > 0 && p->tokens[at].kind < PROSE_STOP; i++)
        if (p->tokens[at].meaning & NEGATION && behind(p, at) < first &&
            p->tokens[behind(p, at)].kind == PROSE_CLAUSE)
            return true; /* "is not, however, done" */
    return false;
}

/* "done: no", "complete? not yet", "done (3/9)", "complete: 40 %". */
static bool is_refused_behind(const prose *p, uint32_t last) {
    uint32_t at = last + 1;
    bool question = false, asked = false, apart = false;
    for (; at < p->token_count && at < last + 4; at++) {
        const prose_token *t = &p->tokens[at];
        question |= t->kind == PROSE_QUESTION;
        bool is_sign = t->kind == PROSE_OPEN || t->kind >= PROSE_CLAUSE;
        if (!is_sign || (t->kind >= PROSE_STOP && !question)) break;
        asked |= question || t->kind == PROSE_COLON || p->text[t->begin] == '|';
        apart = true;
    }
    if (at >= p->token_count) return false;
    const prose_token *t = &p->tokens[at];
    if (t->kind == PROSE_CROSS) return true;
    if (t->kind != PROSE_WORD) return false;
    uint32_t next = behind(p, at);
    bool whole = is_end(p, next);
    if (apart && whole && t->meaning & (REFUSAL | GRADE | NEGATION)) return true;
    if (apart && !whole && t->meaning & NEGATION && p->tokens[next].meaning & HEDGE) return true;
    if (asked && t->meaning & NEGATION) return true;
    bool percentage = !whole && p->tokens[next].meaning & PERCENT;
    if (percentage && !is_end(p, next + 1)) return false; /* "done: 95 % coverage" */
    bool comma = apart && !asked && p->tokens[at - 1].kind == PROSE_CLAUSE;
    return !(comma && !percentage) && count_at(p, at) == COUNT_PART;
}

/* Whether a clause behind the keyword ends in such a word: "Phase 1 is done, phase 2 is not." */
static bool is_taken_back(const prose *p, uint32_t last, uint32_t meaning) {
    uint32_t end = sentence_end(p, last);
    for (uint32_t at = last + 1; at < end && at < last + FAR; at++) {
        if (!(p->tokens[at].meaning & meaning)) continue;
        uint32_t next = behind(p, at);
        if (next < p->token_count && p->tokens[next].meaning & HEDGE) next++;
        if (is_end(p, next)) return true;
    }
    return false;
}

static bool has_exception(const prose *p, const occurrence *o) {
    if (sentence_before(p, o->first, EXCEPTION)) return true;
    uint32_t end = sentence_end(p, o->last);
    for (uint32_t at = o->last + 1; at < end && at < o->last + FAR; at++)
        if (p->tokens[at].meaning & EXCEPTION) return true;
    return false;
}

static bool is_denied(const prose *p, const occurrence *o) {
    return p->lines[p->tokens[o->first].line].open || is_negated(p, o->first) ||
           is_refused_behind(p, o->last) || is_taken_back(p, o->last, NEGATION | GRADE) ||
           clause_after(p, o->last, LATE, NEAR) || has_exception(p, o) ||
           count_before(p, o->first) == COUNT_PART;
}

/* ---- what neither denies nor confirms ---- */

/* "done" and "complete" also stand before a noun, or are a verb. */
static bool is_attribute(const prose *p, const occurrence *o) {
    static const char *const attributes[] = {"complete", "completed", "done", "finished", "ready"};
    const prose_token *t = &p->tokens[o->last];
    bool is_one = false;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        is_one |= prose_token_is(p, t, attributes[i], strlen(attributes[i]));
    uint32_t next = o->last + 1;
    if (!is_one || next >= p->token_count || p->tokens[next].kind != PROSE_WORD) return false;
    t = &p->tokens[next];
    const char *end = p->text + t->end;
    bool is_adverb = t->end - t->begin > 4 && (!memcmp(end - 3, "ing", 3) || !memcmp(end - 2, "ly", 2));
    uint32_t goes_on = FOLLOWER | SPLIT | IF | WHEN | SEQUENCE | EXCEPTION | NEGATION | GRADE | FUTURE |
                       COPULA | HARMLESS | OF;
    return !is_adverb && !(t->meaning & goes_on) && count_at(p, next) == COUNT_NONE;
}

/* "Done is better than perfect", "Fertig sind: ..." */
static bool is_subject(const prose *p, const occurrence *o) {
    return !word_before(p, o->first) && clause_after(p, o->last, COPULA, 1);
}

/* "Phase 1 is done", "Tests: 14 done": of the whole they tell nothing. */
static bool is_part(const prose *p, const occurrence *o) {
    if (count_before(p, o->first) == COUNT_WHOLE || clause_before(p, o->first, ALL, NEAR)) return false;
    uint32_t at = o->first;
    if (at > 0 && number_of(p, at - 1) >= 0) return true;
    for (int i = 0; i < FAR && at-- > 0 && p->tokens[at].kind < PROSE_STOP; i++) {
        const prose_token *next = &p->tokens[at + 1];
        if (!(p->tokens[at].meaning & PART) || next->kind != PROSE_WORD) continue;
        if (p->text[next->begin] >= '0' && p->text[next->begin] <= '9') return true;
    }
    return false;
}

/* A heading, or a short word before a colon, under which something follows. */
static bool is_label(const prose *p, const occurrence *o) {
    uint32_t line = p->tokens[o->first].line, next = o->last + 1;
    if (line + 1 >= p->line_count) return false;
    if (p->lines[line].heading && p->lines[line].words == o->words) return true;
    return p->lines[line].words <= o->words + 1 && next + 1 < p->token_count &&
           p->tokens[next].kind == PROSE_COLON && p->tokens[next + 1].kind >= PROSE_BREAK;
}

static bool is_doubtful(const prose *p, const occurrence *o) {
    const prose_token *before = word_before(p, o->first);
    if (before && before->meaning & (MENTION | OF)) return count_before(p, o->first) != COUNT_WHOLE;
    return sentence_before(p, o->first, WHEN) ||
           clause_before(p, o->first, SEQUENCE | MODAL | FUTURE, NEAR) ||
           clause_after(p, o->last, IF | WHEN | SEQUENCE, NEAR) || clause_after(p, o->last, FUTURE, 3) ||
           is_taken_back(p, o->last, MODAL) || is_attribute(p, o) || is_subject(p, o) || is_part(p, o) ||
           is_label(p, o);
}

/* ---- the whole ---- */

typedef struct finder {
    const char *message;
    prose said;
    uint64_t *echoes; /* the sums of the prompt's lines and sentences, in order */
    size_t echo_count;
    confirmation_finding found;
    uint32_t found_at;
} finder;

static int compare_sums(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool is_in_prompt(const finder *f, uint64_t sum) {
    return f->echo_count && bsearch(&sum, f->echoes, f->echo_count, sizeof sum, compare_sums);
}

static int read_prompt(finder *f, const char *prompt) {
    prose p = {0};
    int result = prose_read(&p, prompt);
    size_t most = (size_t)p.line_count + p.sentence_count;
    if (result == 0 && !(f->echoes = malloc((most + 1) * sizeof *f->echoes))) result = -1;
    for (uint32_t i = 0; result == 0 && i < p.line_count; i++) f->echoes[f->echo_count++] = p.lines[i].sum;
    for (uint32_t i = 0; result == 0 && i < p.sentence_count; i++)
        f->echoes[f->echo_count++] = p.sentences[i].sum;
    if (result == 0) qsort(f->echoes, f->echo_count, sizeof *f->echoes, compare_sums);
    prose_done(&p);
    return result;
}

/* A keyword alone is said, whatever the prompt has, unless it stands in the midst of an echo: in a sentence
 * that was wrapped, or between two lines of the prompt. */
static bool is_echo(const finder *f, const occurrence *o) {
    const prose *p = &f->said;
    uint32_t at = p->tokens[o->first].line;
    const prose_line *line = &p->lines[at];
    const prose_sentence *sentence = &p->sentences[p->tokens[o->first].sentence];
    if (sentence->words > o->words && is_in_prompt(f, sentence->sum)) return true;
    if (!is_in_prompt(f, line->sum)) return false;
    if (line->words > o->words) return true;
    return at + 1 < p->line_count && is_in_prompt(f, line[1].sum) &&
           (at == 0 || is_in_prompt(f, line[-1].sum));
}

/* Whether the line before line end `at` breaks off in the midst: "... is not yet\ncomplete." */
static bool breaks_off(const prose *p, uint32_t at) {
    while (at > 0 && p->tokens[at - 1].meaning & (CONTINUED | HEDGE)) at--;
    return at > 0 && p->tokens[at - 1].meaning & (NEGATION | GRADE | FUTURE | MODAL);
}

/* Corrects what the look of a line end told: a line that breaks off goes on in the next, however short it
 * is, and a keyword alone in its line goes on with no other. */
static void settle_line_ends(prose *p) {
    for (uint32_t at = 0; at < p->token_count; at++)
        if (p->tokens[at].kind == PROSE_BREAK && breaks_off(p, at)) p->tokens[at].kind = PROSE_WRAP;
}

static void stand_alone(prose *p, const occurrence *o) {
    if (o->first > 0 && p->tokens[o->first - 1].kind == PROSE_WRAP && !breaks_off(p, o->first - 1))
        p->tokens[o->first - 1].kind = PROSE_BREAK;
}

static confirmation judge(finder *f, const occurrence *o) {
    prose *p = &f->said;
    const prose_token *first = &p->tokens[o->first];
    const prose_line *line = &p->lines[first->line];
    bool alone = line->words == o->words || p->sentences[first->sentence].words == o->words;
    if (line->fenced || (first->quoted && !alone) || is_echo(f, o)) return CONFIRMATION_NONE;
    if (line->words == o->words) stand_alone(p, o);
    uint32_t end = sentence_end(p, o->last);
    if (end < p->token_count && p->tokens[end].kind == PROSE_QUESTION)
        return is_refused_behind(p, end - 1) ? CONFIRMATION_DENIED : CONFIRMATION_NONE;
    if (sentence_before(p, o->first, IF)) return CONFIRMATION_NONE;
    if (is_denied(p, o)) return CONFIRMATION_DENIED;
    return is_doubtful(p, o) ? CONFIRMATION_NONE : CONFIRMATION_GIVEN;
}

/* "incomplete", "undone": denies where it is said of something, not where it stands before a noun. */
static confirmation judge_opposite(finder *f, const occurrence *o) {
    const prose *p = &f->said;
    const prose_token *first = &p->tokens[o->first];
    uint32_t end = sentence_end(p, o->first);
    if (p->lines[first->line].fenced || first->quoted || is_echo(f, o)) return CONFIRMATION_NONE;
    if (end < p->token_count && p->tokens[end].kind == PROSE_QUESTION) return CONFIRMATION_NONE;
    if (sentence_before(p, o->first, IF) || is_negated(p, o->first)) return CONFIRMATION_NONE;
    bool said = !word_before(p, o->first) || clause_before(p, o->first, COPULA, 3);
    return said ? CONFIRMATION_DENIED : CONFIRMATION_NONE;
}

/* Copies whole characters; control characters as blanks. */
static void copy(char *to, size_t size, const char *from, size_t from_size) {
    size_t used = 0;
    for (size_t at = 0, length; at < from_size; at += length) {
        uint32_t c;
        length = prose_character(from + at, from_size - at, &c);
        if (used + length >= size) break;
        if (c == 0xfffd && length == 1) continue;
        memcpy(to + used, from + at, length);
        if (c < ' ' || c == 0x7f) to[used] = ' ';
        used += length;
    }
    to[used] = '\0';
}

/* The sentence of a keyword; of a long one rather the end than the begin, which may lack the keyword. */
static void copy_sentence(finder *f, const occurrence *o) {
    const prose *p = &f->said;
    uint32_t first = o->first, last = o->last;
    for (int i = 0; i < FAR && first > 0 && p->tokens[first - 1].kind < PROSE_STOP; i++) first--;
    for (int i = 0; i < FAR && last + 1 < p->token_count && p->tokens[last].kind < PROSE_STOP; i++) {
        if (p->tokens[last + 1].kind >= PROSE_BREAK) break;
        last++;
    }
    size_t begin = p->tokens[first].begin, end = p->tokens[last].end;
    size_t needed = p->tokens[o->last].end + 1;
    if (needed - begin >= CONFIRMATION_SENTENCE) {
        begin = needed - CONFIRMATION_SENTENCE;
        while (((unsigned char)f->message[begin] & 0xc0) == 0x80) begin++;
    }
    copy(f->found.sentence, sizeof f->found.sentence, f->message + begin, end - begin);
}

/* The first denial counts, else the last confirmation. */
static void keep(finder *f, const occurrence *o, confirmation verdict, const char *keyword) {
    bool is_better = verdict > f->found.verdict;
    if (verdict == f->found.verdict)
        is_better = verdict == CONFIRMATION_DENIED ? o->first < f->found_at : o->first > f->found_at;
    if (verdict == CONFIRMATION_NONE || !is_better) return;
    f->found.verdict = verdict;
    f->found_at = o->first;
    copy(f->found.keyword, sizeof f->found.keyword, keyword, strlen(keyword));
    copy_sentence(f, o);
}

/* Behind "done" in "done()", "done[0]" and "done/" stands what makes it a name. */
static bool is_name(const prose *p, const prose_token *t) {
    char next = p->text[t->end];
    return next == '(' || next == '[' || next == '/' || next == '\\';
}

/* Whether the keyword's words stand at token `at`, with blanks and line ends between them. */
static bool match(const prose *p, uint32_t at, const prose *keyword, occurrence *o) {
    *o = (occurrence){.first = at, .last = at};
    for (uint32_t i = 0; i < keyword->token_count; i++) {
        const prose_token *k = &keyword->tokens[i];
        if (k->kind != PROSE_WORD) continue;
        if (o->words++) {
            do at++;
            while (at < p->token_count &&
                   (p->tokens[at].kind == PROSE_WRAP || p->tokens[at].kind == PROSE_BREAK));
        }
        if (at >= p->token_count || p->tokens[at].kind != PROSE_WORD) return false;
        if (!prose_token_is(p, &p->tokens[at], keyword->text + k->begin, k->end - k->begin)) return false;
        o->last = at;
    }
    return o->words > 0 && !is_name(p, &p->tokens[at]);
}

/* Whether token `at` is "in" or "un", and a hyphen perhaps, before the keyword's one word. */
static bool match_opposite(const prose *p, uint32_t at, const prose *keyword, occurrence *o) {
    const prose_token *t = &p->tokens[at], *k = keyword->tokens;
    const char *text = p->text + t->begin;
    if (keyword->token_count != 1 || k->kind != PROSE_WORD || t->kind != PROSE_WORD) return false;
    size_t size = t->end - t->begin, keyword_size = k->end - k->begin;
    if (size < 2 || (text[0] != 'u' && text[0] != 'i') || text[1] != 'n') return false;
    size_t prefix = 2 + (text[2] == '-');
    *o = (occurrence){.first = at, .last = at, .words = 1};
    return size == prefix + keyword_size && !memcmp(text + prefix, keyword->text + k->begin, keyword_size);
}

static int look_for(finder *f, const char *text) {
    prose keyword = {0};
    int result = prose_read(&keyword, text);
    uint32_t count = keyword.token_count <= KEYWORD_TOKENS ? f->said.token_count : 0;
    for (uint32_t at = 0; result == 0 && at < count; at++) {
        occurrence o;
        if (match(&f->said, at, &keyword, &o)) keep(f, &o, judge(f, &o), text);
        if (match_opposite(&f->said, at, &keyword, &o)) keep(f, &o, judge_opposite(f, &o), text);
    }
    prose_done(&keyword);
    return result;
}

confirmation_finding confirmation_find(const char *message, const char *prompt, baton_value keywords) {
    finder f = {.message = message};
    int result = prose_read(&f.said, message) || read_prompt(&f, prompt);
    if (result == 0) {
        confirmation_give_meanings(&f.said);
        settle_line_ends(&f.said);
    }
    size_t count = baton_value_size(keywords);
    for (size_t i = 0; result == 0 && i < count && i < CONFIRMATION_KEYWORDS; i++) {
        baton_value keyword = baton_value_at(keywords, i);
        const char *text = baton_value_as_text(keyword);
        if (text) result = look_for(&f, text);
        baton_value_unref(keyword);
    }
    prose_done(&f.said);
    free(f.echoes);
    return result == 0 ? f.found : (confirmation_finding){.verdict = CONFIRMATION_NONE};
}
