/* Durations (DSL, "Duration"): ISO 8601 texts and objects, as milliseconds. A year counts as 365 days
 * and a month as 30, because a workflow's wait does not begin on any particular calendar day.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/text.h"
#include "definition/workflow.h"

#include <math.h>
#include <string.h>

#define SECOND_MS 1000.0
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

#define LOOKS_LIKE "a duration looks like \"PT1H30M\", \"P2DT0.5S\" or {\"minutes\": 5}"

typedef struct unit {
    const char *name;
    double ms;
} unit;

/* In the order in which a text must name them. */
static const unit date_units[] = {
    {"Y", 365 * DAY_MS}, {"M", 30 * DAY_MS}, {"W", 7 * DAY_MS}, {"D", DAY_MS}};
static const unit time_units[] = {{"H", HOUR_MS}, {"M", MINUTE_MS}, {"S", SECOND_MS}};
static const unit members[] = {{"days", DAY_MS},
                               {"hours", HOUR_MS},
                               {"minutes", MINUTE_MS},
                               {"seconds", SECOND_MS},
                               {"milliseconds", 1}};

enum { DATE_UNITS = 4, TIME_UNITS = 3, MEMBERS = 5 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Reads digits with an optional fraction and moves *text behind them; -1 when there are none. Not strtod,
 * which would follow the program's locale. */
static double read_number(const char **text) {
    const char *p = *text;
    if (!is_digit(*p)) return -1;
    double number = 0;
    for (; is_digit(*p); p++) number = number * 10 + (*p - '0');
    if (*p == '.') {
        if (!is_digit(*++p)) return -1;
        double numerator = 0, denominator = 1;
        for (; is_digit(*p); p++) {
            if (denominator >= 1e15) continue; /* far below a millisecond of any unit */
            numerator = numerator * 10 + (*p - '0');
            denominator *= 10;
        }
        number += numerator / denominator;
    }
    *text = p;
    return number;
}

/* Reads numbers with their units, each unit at most once and in order; -1 when something else comes before
 * `end` or the text's end. */
static int read_units(const char **text, char end, const unit *units, size_t count, double *ms) {
    size_t next = 0;
    while (**text && **text != end) {
        double number = read_number(text);
        if (number < 0) return -1;
        while (next < count && units[next].name[0] != **text) next++;
        if (next == count) return -1;
        *ms += number * units[next++].ms;
        ++*text;
    }
    return 0;
}

static int read_text(const char *text, double *ms) {
    if (*text++ != 'P' || !*text) return -1;
    if (read_units(&text, 'T', date_units, DATE_UNITS, ms)) return -1;
    if (*text != 'T') return 0;
    return *++text ? read_units(&text, '\0', time_units, TIME_UNITS, ms) : -1;
}

static int unknown_member(const char *key, baton_error **err) {
    const char *names[MEMBERS];
    for (size_t i = 0; i < MEMBERS; i++) names[i] = members[i].name;
    const char *nearest = text_nearest(key, names, MEMBERS);
    if (nearest)
        return baton_error_set(err, BATON_ERROR_INVALID,
                               "unknown property '%s' of a duration (did you mean '%s'?)", key, nearest);
    return baton_error_set(err, BATON_ERROR_INVALID, "unknown property '%s' of a duration: " LOOKS_LIKE,
                           key);
}

static int read_member(const char *key, baton_value member, double *ms, baton_error **err) {
    size_t i = 0;
    while (i < MEMBERS && strcmp(members[i].name, key) != 0) i++;
    if (i == MEMBERS) return unknown_member(key, err);
    double number = baton_value_as_number(member);
    if (baton_value_kind(member) != BATON_KIND_NUMBER || !(number >= 0) || number != floor(number))
        return baton_error_set(err, BATON_ERROR_INVALID,
                               "'%s' of a duration must be a whole number, 0 or more", key);
    *ms += number * members[i].ms;
    return 0;
}

static int read_object(baton_value value, double *ms, baton_error **err) {
    if (baton_value_size(value) == 0)
        return baton_error_set(err, BATON_ERROR_INVALID, "an empty duration: " LOOKS_LIKE);
    int cursor = 0;
    const char *key;
    baton_value member;
    while (baton_value_next(value, &cursor, &key, &member)) {
        int failed = read_member(key, member, ms, err);
        baton_value_unref(member);
        if (failed) return -1;
    }
    return 0;
}

int duration_read(baton_value value, int64_t *ms, baton_error **err) {
    double sum = 0;
    const char *text = baton_value_as_text(value);
    if (text) {
        if (strlen(text) != baton_value_size(value) || read_text(text, &sum))
            return baton_error_set(err, BATON_ERROR_INVALID, "not a duration: " LOOKS_LIKE);
    } else if (baton_value_kind(value) == BATON_KIND_OBJECT) {
        if (read_object(value, &sum, err)) return -1;
    } else {
        return baton_error_set(err, BATON_ERROR_INVALID,
                               "a duration must be a string or an object: " LOOKS_LIKE);
    }
    if (!(sum <= (double)LIMIT_DURATION_MS))
        return baton_error_set(err, BATON_ERROR_LIMIT, "a duration of more than 100 years: " LOOKS_LIKE);
    *ms = llround(sum);
    return 0;
}
