/* SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/rate_limit.h"

#include "service/agent/span.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* "Overloaded" alone is no pattern: compilers speak of overloaded functions. */
static const char *const usual[] = {
    "rate limit",
    "rate limits",
    "rate limited",
    "rate limit error",
    "rate limit exceeded",
    "rate limit reached",
    "too many requests",
    "usage limit",
    "hour limit reached",
    "daily limit reached",
    "weekly limit reached",
    "session limit reached",
    "hit your limit",
    "quota exceeded",
    "exceeded your quota",
    "exceeded your current quota",
    "resource exhausted",
    "resource has been exhausted",
    "error overloaded",
    "overloaded error",
    "529 overloaded",
    "currently overloaded",
    "temporarily overloaded",
    "server overloaded",
    "server is overloaded",
    "service is overloaded",
    "model is overloaded",
    "try again later",
};

enum { JOINT_BYTES = 4 }; /* what may stand where a phrase has a blank: `"code": "rate` */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
static bool is_word(char c) { return is_digit(c) || is_letter(c); }
static bool is_joint(char c) { return c && strchr(" \t-_:\"'", c); }

/* ---- Phrases ---- */

/* The size of the phrase at p, which stands in `text`; 0: it does not, or is part of a longer word. */
static size_t phrase_size(const char *text, const char *p, const char *phrase) {
    if (is_word(*phrase) && p > text && is_word(p[-1])) return 0;
    const char *at = p;
    char last = '\0';
    while (*phrase) {
        if (is_joint(*phrase)) {
            while (is_joint(*phrase)) phrase++;
            for (int i = 0; i < JOINT_BYTES && is_joint(*at); i++) at++;
        } else if (lower(*phrase) == lower(*at)) {
            last = *phrase++;
            at++;
        } else {
            return 0;
        }
    }
    return !last || (is_word(last) && is_word(*at)) ? 0 : (size_t)(at - p);
}

static bool has_phrase(const char *text, const char *phrase) {
    for (const char *p = text; *p; p++)
        if (phrase_size(text, p, phrase) > 0) return true;
    return false;
}

/* ---- 429 ---- */

static bool ends_with(const char *word, size_t size, const char *end) {
    size_t length = strlen(end);
    return size >= length && strncasecmp(word + size - length, end, length) == 0;
}

/* True when the word before p, on its line, says that a status follows: "HTTP/1.1 429", "statusCode: 429".
 */
static bool follows_status(const char *text, const char *p) {
    static const char *const words[] = {"status", "code", "error", "http"};
    for (int i = 0; i < 8 && p > text && strchr(" \t:=\"'([/.,_-0123456789", p[-1]); i++) p--;
    size_t size = 0;
    while (p - size > text && is_letter(p[-1 - (long)size])) size++;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ends_with(p - size, size, words[i])) return true;
    return false;
}

static bool has_status_429(const char *text) {
    for (const char *p = text; (p = strstr(p, "429")); p += 3) {
        bool whole = !(p > text && is_word(p[-1])) && !is_word(p[3]) && !(p[3] == '.' && is_digit(p[4]));
        if (whole && follows_status(text, p)) return true;
    }
    return false;
}

/* ---- How long ---- */

enum { MOMENT = -1 };

/* What stands before a span or a moment. Longer phrases come before those that they begin with. */
static const struct {
    const char *phrase;
    double bare_ms; /* what a number without a unit counts; 0: it is none; MOMENT: nor is a span */
} announcements[] = {
    {"retry after ms", 1},
    {"retry after seconds", 1000},
    {"retry after", 1000},
    {"retry delay", 1000},
    {"again after", 0},
    {"again in", 0},
    {"retry in", 0},
    {"retrying in", 0},
    {"available in", 0},
    {"reset in", 0},
    {"resets in", 0},
    {"wait until", MOMENT},
    {"wait", 0},
    {"limit reached", MOMENT},
    {"rate limit reset", MOMENT},
    {"reset at", MOMENT},
    {"resets at", MOMENT},
    {"resets", MOMENT},
    {"again at", MOMENT},
    {"available at", MOMENT},
};

/* Words before the span, in this order: "wait for at least about". */
static const char *skip_fillers(const char *p) {
    static const char *const words[] = {"for ",   "at least ", "another ",
                                        "about ", "around ",   "approximately "};
    static const char blanks[] = " \t:=\"'(~|";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        p += strspn(p, blanks);
        if (strncasecmp(p, words[i], strlen(words[i])) == 0) p += strlen(words[i]);
    }
    return p + strspn(p, blanks);
}

/* The wait until a number that can only be a moment: seconds from 2001 on, or milliseconds. */
static bool read_moment(double number, int64_t now_ms, double *ms) {
    if (number >= 1e9 && number < 1e11)
        number *= 1000;
    else if (!(number >= 1e12 && number < 1e14))
        return false;
    double wait_ms = number - (double)now_ms;
    *ms = (wait_ms > 0 ? wait_ms : 0) + 1000;
    return true;
}

static void read_wait(const char *p, double bare_ms, int64_t now_ms, double *ms) {
    p = skip_fillers(p);
    if (bare_ms != MOMENT && span_read(&p, ms)) return;
    double number;
    if (!span_read_number(&p, &number)) return;
    p += strspn(p, " \t");
    if (is_letter(*p)) return; /* "after 3 attempts" */
    if (!read_moment(number, now_ms, ms) && bare_ms > 0) *ms = number * bare_ms;
}

static int64_t find_wait(const char *text, int64_t now_ms) {
    double ms = 0;
    for (const char *p = text; *p; p++) {
        size_t size = 0;
        for (size_t i = 0; size == 0 && i < sizeof announcements / sizeof *announcements; i++) {
            size = phrase_size(text, p, announcements[i].phrase);
            if (size > 0) read_wait(p + size, announcements[i].bare_ms, now_ms, &ms);
        }
    }
    return ms < RATE_LIMIT_WAIT_MS ? llround(ms) : RATE_LIMIT_WAIT_MS;
}

/* ---- All ---- */

static bool has_any(const char *text, baton_value patterns) {
    bool found = false;
    for (size_t i = 0; !found && i < baton_value_size(patterns); i++) {
        baton_value pattern = baton_value_at(patterns, i);
        const char *phrase = baton_value_as_text(pattern);
        found = phrase && has_phrase(text, phrase);
        baton_value_unref(pattern);
    }
    return found;
}

static bool has_usual(const char *text) {
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (has_phrase(text, usual[i])) return true;
    return has_status_429(text);
}

bool rate_limit_find(const char *text, baton_value patterns, int64_t now_ms, int64_t *wait_ms) {
    bool found = baton_value_kind(patterns) == BATON_KIND_ARRAY ? has_any(text, patterns) : has_usual(text);
    *wait_ms = found ? find_wait(text, now_ms) : 0;
    return found;
}
