/* SPDX-License-Identifier: Apache-2.0 */
#include "service/task/settings.h"

#include "base/text.h"
#include "base/value.h"
#include "service/git/git.h"
#include "service/task/task_service.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum setting_kind {
    SETTING_BOOLEAN,
    SETTING_WHOLE,  /* a whole number from least to most */
    SETTING_NUMBER, /* from least to most */
    SETTING_TEXT,   /* one line */
    SETTING_WORD,   /* letters, digits, dashes and underscores */
    SETTING_TEXTS,  /* an array of texts, not empty; or one text */
    SETTING_CHOICE,
    SETTING_BRANCH
} setting_kind;

typedef struct setting {
    const char *key;
    setting_kind kind;
    double least, most;
    const char *fallback; /* JSON; NULL: none */
    const char *const *choices;
    const char *other_key; /* the seed names it twice */
    bool column;
} setting;

static const char *const levels[] = {"manual", "assisted", "semi_auto", "full_auto", NULL};
static const char *const priorities[] = {"critical", "high", "medium", "low", NULL};

static const setting settings[] = {
    {.key = "automation_level", .kind = SETTING_CHOICE, .fallback = "\"semi_auto\"", .choices = levels},
    {.key = "confirmation_required", .kind = SETTING_BOOLEAN, .fallback = "true"},
    {.key = "max_attempts", .kind = SETTING_WHOLE, .least = 1, .most = 100, .fallback = "3"},
    {.key = "git_branch_required", .kind = SETTING_BOOLEAN, .fallback = "true"},
    {.key = "git_branch_name", .kind = SETTING_BRANCH},
    {.key = "new_chat_required",
     .kind = SETTING_BOOLEAN,
     .fallback = "true",
     .other_key = "requires_new_chat"},
    {.key = "confirmation_keywords",
     .kind = SETTING_TEXTS,
     .fallback = "[\"fertig\",\"done\",\"complete\"]"},
    {.key = "fallback_detection", .kind = SETTING_BOOLEAN, .fallback = "true"},
    {.key = "max_confirmation_attempts", .kind = SETTING_WHOLE, .most = 100, .fallback = "3"},
    {.key = "timeout_seconds", .kind = SETTING_WHOLE, .least = 1, .most = 604800, .fallback = "1800"},
    {.key = "verify", .kind = SETTING_TEXTS},
    {.key = "title", .kind = SETTING_TEXT, .column = true},
    {.key = "type", .kind = SETTING_WORD, .column = true},
    {.key = "category", .kind = SETTING_WORD, .column = true},
    {.key = "priority", .kind = SETTING_CHOICE, .choices = priorities, .column = true},
    {.key = "estimated_hours", .kind = SETTING_NUMBER, .most = 1000000, .column = true},
};
enum {
    SETTINGS = sizeof settings / sizeof settings[0],
    WORD_BYTES = 64,
    TEXT_BYTES = 1000,
    VALUE_BYTES = 64 << 10 /* of any, as JSON */
};

static const setting *find(const char *key) {
    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp(settings[i].key, key) == 0) return &settings[i];
    return NULL;
}

/* Its text, when there is something in it and no NUL; else NULL. */
static const char *text_of(baton_value v) {
    const char *text = baton_value_as_text(v);
    return text && *text && strlen(text) == baton_value_size(v) ? text : NULL;
}

static bool is_line(baton_value v) {
    const char *text = text_of(v);
    if (!text || strlen(text) > TEXT_BYTES) return false;
    for (; *text; text++)
        if (iscntrl((unsigned char)*text)) return false;
    return true;
}

static bool is_word(baton_value v) {
    const char *text = text_of(v);
    if (!text || strlen(text) > WORD_BYTES) return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '-' && *text != '_') return false;
    return true;
}

static bool are_texts(baton_value v) {
    size_t count = baton_value_kind(v) == BATON_KIND_ARRAY ? baton_value_size(v) : 0;
    bool all = count > 0;
    for (size_t i = 0; i < count && all; i++) {
        baton_value item = baton_value_at(v, i);
        all = text_of(item);
        value_unref(item);
    }
    return all;
}

static bool is_chosen(const setting *s, baton_value v) {
    const char *text = baton_value_as_text(v);
    for (size_t i = 0; text && s->choices[i]; i++)
        if (strcmp(s->choices[i], text) == 0) return true;
    return false;
}

static bool fits(const setting *s, baton_value v) {
    double n = baton_value_as_number(v);
    bool number = baton_value_kind(v) == BATON_KIND_NUMBER && n >= s->least && n <= s->most;
    switch (s->kind) {
    case SETTING_BOOLEAN: return baton_value_kind(v) == BATON_KIND_BOOLEAN;
    case SETTING_WHOLE: return number && n == floor(n);
    case SETTING_NUMBER: return number;
    case SETTING_TEXT: return is_line(v);
    case SETTING_WORD: return is_word(v);
    case SETTING_TEXTS: return text_of(v) || are_texts(v);
    case SETTING_CHOICE: return is_chosen(s, v);
    case SETTING_BRANCH: return is_line(v) && git_branch_name_is_valid(baton_value_as_text(v));
    }
    return false;
}

static void say_kind(const setting *s, char text[SETTINGS_EXPECTED]) {
    enum { size = SETTINGS_EXPECTED };
    switch (s->kind) {
    case SETTING_BOOLEAN: snprintf(text, size, "true or false"); return;
    case SETTING_WHOLE: snprintf(text, size, "a whole number from %.0f to %.0f", s->least, s->most); return;
    case SETTING_NUMBER: snprintf(text, size, "a number from %.0f to %.0f", s->least, s->most); return;
    case SETTING_TEXT: snprintf(text, size, "a text of one line, at most %d bytes", TEXT_BYTES); return;
    case SETTING_WORD:
        snprintf(text, size, "a word of letters, digits, '-' and '_', at most %d long", WORD_BYTES);
        return;
    case SETTING_TEXTS: snprintf(text, size, "a text, or an array of texts"); return;
    case SETTING_BRANCH: snprintf(text, size, "a name that git takes for a branch"); return;
    case SETTING_CHOICE: break;
    }
    size_t used = (size_t)snprintf(text, size, "one of");
    for (size_t i = 0; s->choices[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s %s", i ? "," : "", s->choices[i]);
}

/* The name that was perhaps meant; NULL: none. */
static const char *nearest(const char *key) {
    const char *names[SETTINGS];
    for (size_t i = 0; i < SETTINGS; i++) {
        names[i] = settings[i].key;
        if (settings[i].other_key && strcmp(settings[i].other_key, key) == 0) return names[i];
    }
    return text_nearest(key, names, SETTINGS);
}

int settings_check(const char *key, baton_value value, baton_error **err) {
    const setting *s = find(key);
    if (!s) {
        const char *near = nearest(key);
        return near ? baton_error_set(err, BATON_ERROR_INVALID,
                                      "a task has no setting '%.60s' (did you mean '%s'?)", key, near)
                    : baton_error_set(err, BATON_ERROR_INVALID, "a task has no setting '%.60s'", key);
    }
    if (baton_value_kind(value) == BATON_KIND_NULL) return 0;
    if (!fits(s, value)) {
        char kind[SETTINGS_EXPECTED];
        say_kind(s, kind);
        return baton_error_set(err, BATON_ERROR_INVALID, "%s must be %s", key, kind);
    }
    if (value_fits(value, VALUE_BYTES) == VALUE_FITS) return 0;
    return baton_error_set(err, BATON_ERROR_LIMIT, "%s is longer than %d bytes", key, VALUE_BYTES);
}

bool settings_fits(const char *key, baton_value value, char expected[SETTINGS_EXPECTED]) {
    const setting *s = find(key);
    if (!s) return true;
    bool of_kind = fits(s, value);
    if (of_kind && value_fits(value, VALUE_BYTES) == VALUE_FITS) return true;
    if (of_kind)
        snprintf(expected, SETTINGS_EXPECTED, "at most %d bytes long", VALUE_BYTES);
    else
        say_kind(s, expected);
    return false;
}

bool settings_is_column(const char *key) {
    const setting *s = find(key);
    return s && s->column;
}

/* What was said under this key, if it is of the right kind; one text alone as an array. Given. */
static baton_value said(const setting *s, baton_value task, const char *key) {
    baton_value v = task_setting(task, key);
    if (value_is_valid(v) && fits(s, v))
        return s->kind == SETTING_TEXTS && baton_value_as_text(v)
                   ? baton_value_append(baton_value_array(), v)
                   : v;
    value_unref(v);
    return VALUE_INVALID;
}

baton_value settings_of(baton_value task) {
    baton_value all = baton_value_object();
    for (size_t i = 0; i < SETTINGS; i++) {
        const setting *s = &settings[i];
        if (s->column) continue;
        baton_value v = said(s, task, s->key);
        if (!value_is_valid(v) && s->other_key) v = said(s, task, s->other_key);
        if (!value_is_valid(v) && s->fallback)
            v = baton_value_parse(s->fallback, strlen(s->fallback), NULL);
        if (value_is_valid(v)) all = baton_value_set(all, s->key, v);
    }
    return all;
}
