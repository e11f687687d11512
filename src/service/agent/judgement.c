/* SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/judgement.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *verdict_name(verdict v) {
    static const char *const names[] = {"confirmed", "inferred", "ask", "failed", "limited", "unrunnable"};
    return names[v];
}

static verdict because(verdict v, char reason[JUDGEMENT_REASON], const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static verdict because(verdict v, char reason[JUDGEMENT_REASON], const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(reason, JUDGEMENT_REASON, format, args);
    va_end(args);
    reason[text_utf8_prefix(reason, strlen(reason))] = '\0'; /* it may have been cut within a character */
    return v;
}

static const char *end_of(const char *ended) {
    if (strcmp(ended, "timeout") == 0) return "the agent ran out of time";
    if (strcmp(ended, "idle") == 0) return "the agent wrote nothing for too long";
    return "the agent wrote too much";
}

/* ---- Agents that cannot be run ---- */

typedef struct line {
    const char *text;
    size_t size;
} line;

/* The last line that is not blank, without blanks around it; empty: there is none. */
static line last_line(const char *text) {
    static const char blanks[] = " \t\r\n";
    size_t size = text ? strlen(text) : 0;
    while (size > 0 && strchr(blanks, text[size - 1])) size--;
    size_t from = size;
    while (from > 0 && text[from - 1] != '\n') from--;
    while (from < size && strchr(blanks, text[from])) from++;
    return (line){size > 0 ? text + from : "", size - from};
}

static int first_line_size(const char *text) {
    size_t size = strcspn(text, "\r\n");
    return (int)(size < JUDGEMENT_REASON ? size : JUDGEMENT_REASON);
}

static bool tells_unrunnable(line told) {
    static const char *const ends[] = {"not found", "Permission denied", "No such file or directory"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t size = strlen(ends[i]);
        if (told.size >= size && strncasecmp(told.text + told.size - size, ends[i], size) == 0) return true;
    }
    return false;
}

static bool is_unrunnable(const evidence *e) {
    return (e->code == 127 || e->code == 126) && !e->has_message && tells_unrunnable(last_line(e->error));
}

/* ---- What was done ---- */

/* "3 files changed, 2 of 9 declared files are as they should be". */
static void describe(const evidence *e, const judgement_rules *rules, char text[120]) {
    int used = 0;
    if (rules->expects_message) {
        snprintf(text, 120, "it gave %s answer", e->has_message ? "an" : "no");
        return;
    }
    if (e->still_sent_back) {
        snprintf(text, 120, "nothing has changed since it was sent back");
        return;
    }
    if (e->changed >= 0)
        used = snprintf(text, 120, e->changed == 1 ? "%ld file changed" : "%ld files changed", e->changed);
    if (e->declared)
        snprintf(text + used, 120 - (size_t)used, "%s%zu of %zu declared files are as they should be",
                 used ? ", " : "", e->present, e->declared);
    else if (!used)
        snprintf(text, 120, "nobody can tell what changed");
}

/* Something was done, or was there before. */
static bool did_something(const evidence *e, const judgement_rules *rules) {
    if (rules->expects_message) return e->has_message;
    if (e->still_sent_back) return false;
    if (e->changed > 0) return true;
    if (e->declared) return e->present == e->declared;
    return e->changed < 0;
}

/* What was done looks like the whole. */
static bool did_all(const evidence *e, const judgement_rules *rules) {
    if (rules->expects_message) return e->has_message;
    if (e->still_sent_back) return false;
    if (e->declared) return e->present == e->declared;
    return e->changed > 0;
}

static verdict judge_silence(const evidence *e, const judgement_rules *rules,
                             char reason[JUDGEMENT_REASON]) {
    char facts[120];
    describe(e, rules, facts);
    if (rules->confirmation_required && rules->asked < rules->most_asked)
        return because(VERDICT_ASK, reason, "the agent did not say that it is done");
    if (rules->fallback_detection && did_all(e, rules))
        return because(VERDICT_INFERRED, reason, "the agent did not say that it is done, but %s", facts);
    if (!rules->fallback_detection && !rules->confirmation_required && did_something(e, rules))
        return because(VERDICT_INFERRED, reason, "nobody asks the agent to say that it is done; %s", facts);
    return because(VERDICT_FAILED, reason, "the agent did not say that it is done; %s", facts);
}

/* What counts whatever it said of the task; false: nothing does. */
static bool judge_end(const evidence *e, verdict *v, char reason[JUDGEMENT_REASON]) {
    if (e->fault) {
        *v = because(VERDICT_UNRUNNABLE, reason, "the agent could not be run: %s", e->fault);
    } else if (e->rate_limited) {
        *v = because(VERDICT_LIMITED, reason, "the agent met a rate limit");
    } else if (e->ended) {
        *v = because(VERDICT_FAILED, reason, "%s", end_of(e->ended));
    } else if (is_unrunnable(e)) {
        line told = last_line(e->error);
        *v = because(VERDICT_UNRUNNABLE, reason, "the agent could not be run: %.*s",
                     (int)(told.size < JUDGEMENT_REASON ? told.size : JUDGEMENT_REASON), told.text);
    } else if (e->says_error) {
        *v = because(VERDICT_FAILED, reason, "the agent says that it failed%s%.*s",
                     *e->says_error ? ": " : "", first_line_size(e->says_error), e->says_error);
    } else if (e->code != 0) {
        *v = because(VERDICT_FAILED, reason, "the agent ended with code %d", e->code);
    } else {
        return false;
    }
    return true;
}

verdict judge(const evidence *e, const judgement_rules *rules, char reason[JUDGEMENT_REASON]) {
    char facts[120];
    describe(e, rules, facts);
    verdict v;
    if (judge_end(e, &v, reason)) return v;
    if (e->said.verdict == CONFIRMATION_NONE) return judge_silence(e, rules, reason);
    if (e->said.verdict == CONFIRMATION_DENIED)
        return because(rules->asked < rules->most_asked ? VERDICT_ASK : VERDICT_FAILED, reason,
                       "the agent says that it is not done: \"%s\"", e->said.sentence);
    if (did_something(e, rules))
        return because(VERDICT_CONFIRMED, reason, "the agent says \"%s\"; %s", e->said.keyword, facts);
    return because(VERDICT_FAILED, reason, "the agent says \"%s\", but %s", e->said.keyword, facts);
}
