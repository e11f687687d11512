/* Single values: the fields of the overview and of the technical requirements, which are prose, and those
 * of the seed's section 11, which have kinds. What is of another kind than it must be counts as not said.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"
#include "base/text.h"
#include "service/document/document_parts.h"
#include "service/document/document_words.h"
#include "service/task/settings.h"

#include <string.h>

/* True when a field says nothing, which is told. */
static bool says_nothing(document_reader *r, const markdown_entry *e, const char *value) {
    const char *why = !*value                        ? "is empty"
                      : words_are_placeholder(value) ? "is still a placeholder"
                      : words_are_choice(value)      ? "is still a choice"
                                                     : NULL;
    if (why)
        document_tell(r, DOCUMENT_WARNING, e->line, "'%s' %s%s%s", e->key, why, *value ? ": " : "",
                      document_shown(r, value));
    return why;
}

const char *document_prose(document_reader *r, const markdown_entry *e) {
    if (words_are_choice(e->value)) {
        says_nothing(r, e, e->value);
        return NULL;
    }
    const char *value = document_text(r, words_unquoted(&r->outline.memory, e->value));
    return says_nothing(r, e, value) ? NULL : value;
}

static void tell_twice(document_reader *r, const markdown_entry *e) {
    document_tell(r, DOCUMENT_WARNING, e->line, "'%s' is said a second time: the first counts", e->key);
}

/* ---- Overview ---- */

typedef struct overview_key {
    const char *key;
    document_said said;
} overview_key;

static const overview_key overview_keys[] = {
    {"feature_component_name", SAID_FEATURE},
    {"feature_name", SAID_FEATURE},
    {"component_name", SAID_FEATURE},
    {"analysis_name", SAID_FEATURE},
    {"task_name", SAID_FEATURE},
    {"feature", SAID_FEATURE},
    {"name", SAID_FEATURE},
    {"priority", SAID_PRIORITY},
    {"estimated_time", SAID_TIME},
    {"estimated_hours", SAID_TIME},
    {"estimated_analysis_time", SAID_TIME},
    {"total_estimated_time", SAID_TIME},
    {"related_issues", SAID_ISSUES},
    {"type", SAID_TYPE},
    {"category", SAID_CATEGORY},
    {"status", SAID_STATUS},
    {"document_status", SAID_STATUS},
    {"priorität", SAID_PRIORITY},
    {"geschätzte_zeit", SAID_TIME},
    {"geschätzter_aufwand", SAID_TIME},
    {"aufwand", SAID_TIME},
    {"typ", SAID_TYPE},
    {"kategorie", SAID_CATEGORY},
};

static document_value *find_overview_key(document_reader *r, const char *key) {
    for (size_t i = 0; i < sizeof overview_keys / sizeof *overview_keys; i++)
        if (strcmp(overview_keys[i].key, key) == 0) return &r->said[overview_keys[i].said];
    return document_is_dependencies(key) ? &r->said[SAID_DEPENDENCIES] : NULL;
}

/* "Keine (Fundament)" is "None": those who resolve dependencies know that. */
static const char *read_none(document_reader *r, const char *text) {
    const char *word, *bare = document_text(r, words_without_remark(&r->outline.memory, text));
    size_t size;
    bool none = words_have(bare, "keine kein nichts", &word, &size) && word == bare &&
                (!bare[size] || strcmp(bare + size, ".") == 0);
    return none ? "None" : text;
}

static baton_value read_overview_field(document_reader *r, markdown_entry *e, bool known_only,
                                       baton_value others) {
    char key[DOCUMENT_KEY_BYTES];
    words_key(e->key, key, sizeof key);
    document_value *said = find_overview_key(r, key);
    if (!said && known_only) return others;
    e->used = true;
    if (said ? said->text != NULL : baton_value_has(others, key)) {
        tell_twice(r, e);
        return others;
    }
    const char *text = document_prose(r, e);
    if (text && said == &r->said[SAID_DEPENDENCIES]) text = read_none(r, text);
    if (said)
        *said = (document_value){e->line, text};
    else if (text)
        others = value_set_text(others, key, text);
    return others;
}

baton_value document_read_overview(document_reader *r) {
    baton_value others = baton_value_object();
    for (markdown_section *s = r->outline.sections; s; s = s->next) {
        markdown_entry *e = s->entries;
        if (s->role == ROLE_DEPENDENCIES && e && e->key == s->title)
            others = read_overview_field(r, e, true, others);
        for (; e && (s->role == ROLE_OVERVIEW || s->role == ROLE_TOP); e = e->next)
            if (e->key) others = read_overview_field(r, e, s->role == ROLE_TOP, others);
    }
    return others;
}

void document_read_requirements(document_reader *r) {
    char key[DOCUMENT_KEY_BYTES];
    r->requirements = baton_value_object();
    for (markdown_section *s = r->outline.sections; s; s = s->next) {
        for (markdown_entry *e = s->role == ROLE_REQUIREMENTS ? s->entries : NULL; e; e = e->next) {
            if (!e->key) continue;
            words_key(e->key, key, sizeof key);
            e->used = true;
            if (baton_value_has(r->requirements, key)) {
                tell_twice(r, e);
                continue;
            }
            const char *text = document_prose(r, e);
            if (text) r->requirements = value_set_text(r->requirements, key, text);
        }
    }
}

/* ---- The status ---- */

/* "Completed", "✅ Done (in May)", "done on 1 May". */
static bool is_completed(document_reader *r, const char *text) {
    static const char words[] =
        "completed complete done finished implemented closed abgeschlossen erledigt fertig";
    const char *word, *bare = document_text(r, words_without_remark(&r->outline.memory, text));
    size_t size;
    if (!words_have(bare, words, &word, &size) || word != bare) return false;
    const char *rest = bare + size;
    return !*rest || strncmp(rest, " on ", 4) == 0 || strncmp(rest, " am ", 4) == 0;
}

document_value document_status(document_reader *r, bool *completed) {
    static const char *const states[] = {NULL, "open", "completed", "started"};
    document_value status = r->said[SAID_STATUS];
    *completed = status.text && is_completed(r, status.text);
    bool title = true;
    for (markdown_section *s = r->outline.sections; s && !*completed; s = s->next) {
        bool own = (s->level == 1 && title) || (s->role == ROLE_OVERVIEW && s->level > 0 && s->level <= 6);
        if (s->level == 1) title = false;
        if (!own || s->state == MARKDOWN_UNSAID) continue;
        *completed = s->state == MARKDOWN_DONE;
        if (!status.text || *completed) status = (document_value){s->line, states[s->state]};
    }
    return status;
}

/* ---- Fields with kinds ---- */

/* How a field is read. What a setting may be beyond that, settings.h says. */
typedef enum field_kind { FIELD_PLAIN, FIELD_TEXT, FIELD_TEXTS } field_kind;

typedef struct field_rule {
    const char *key;
    field_kind kind;
} field_rule;

static const field_rule rules[] = {
    {"automation_level", FIELD_PLAIN},
    {"confirmation_required", FIELD_PLAIN},
    {"max_attempts", FIELD_PLAIN},
    {"git_branch_required", FIELD_PLAIN},
    {"git_branch_name", FIELD_TEXT},
    {"new_chat_required", FIELD_PLAIN},
    {"requires_new_chat", FIELD_PLAIN},
    {"confirmation_keywords", FIELD_TEXTS},
    {"fallback_detection", FIELD_PLAIN},
    {"max_confirmation_attempts", FIELD_PLAIN},
    {"timeout_seconds", FIELD_PLAIN},
    {"verify", FIELD_TEXTS},
    {"source_path", FIELD_TEXT},
    {"source_type", FIELD_TEXT},
    {"type", FIELD_TEXT},
    {"category", FIELD_TEXT},
};

static const field_rule *find_rule(const char *key) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].key, key) == 0) return &rules[i];
    return NULL;
}

/* What was perhaps meant by a key that is no field's; NULL: nothing, or it is known otherwise. A field's
 * first words alone are near, too: "git_branch". */
static const char *near_field(const char *key) {
    enum { RULES = sizeof rules / sizeof *rules, LEAST = 7 };
    static const char *const columns[] = {"priority", "title", "status", "estimated_hours", "project_id"};
    const char *names[RULES];
    size_t size = strlen(key);
    if (find_rule(key) || text_nearest(key, columns, sizeof columns / sizeof *columns)) return NULL;
    for (size_t i = 0; i < RULES; i++) {
        names[i] = rules[i].key;
        if (size >= LEAST && strncmp(names[i], key, size) == 0 && names[i][size] == '_') return names[i];
    }
    return text_nearest(key, names, RULES);
}

static void tell_near_field(document_reader *r, int line, const char *name, const char *key) {
    const char *near = near_field(key);
    if (near)
        document_tell(r, DOCUMENT_WARNING, line, "there is no setting '%s': did you mean '%s'?",
                      document_shown(r, name), near);
}

static bool are_texts(baton_value v) {
    size_t count = baton_value_kind(v) == BATON_KIND_ARRAY ? baton_value_size(v) : 0;
    bool all = count > 0;
    for (size_t i = 0; i < count && all; i++) {
        baton_value one = baton_value_at(v, i);
        const char *text = baton_value_as_text(one);
        all = text && *text && strlen(text) == baton_value_size(one);
        value_unref(one);
    }
    return all;
}

/* What a field must be, when this value is not. */
static const char *wrong_kind(document_reader *r, const field_rule *rule, baton_value v) {
    const char *text = baton_value_as_text(v);
    char expected[SETTINGS_EXPECTED];
    if (rule->kind == FIELD_TEXT && (!text || !*text || strlen(text) != baton_value_size(v)))
        return "a text";
    if (rule->kind == FIELD_TEXT && strpbrk(text, "[]<>")) return "a text without placeholders";
    if (rule->kind == FIELD_TEXTS && !are_texts(v)) return "a list of texts";
    if (settings_is_column(rule->key) || settings_fits(rule->key, v, expected)) return NULL;
    return document_text(r, arena_text(&r->outline.memory, expected));
}

/* The value if it is what the field must be; else invalid, and that was told. Takes v. One text where there
 * may be several is a list of one. */
static baton_value checked(document_reader *r, const char *key, int line, baton_value v) {
    const field_rule *rule = find_rule(key);
    if (!rule) return v;
    const char *text = baton_value_as_text(v);
    if (text && *text && strcmp(key, "verify") == 0) v = baton_value_append(baton_value_array(), v);
    const char *expected = wrong_kind(r, rule, v);
    if (!expected) return v;
    buffer json = {0};
    value_write(&json, v);
    document_tell(r, DOCUMENT_WARNING, line, "'%s' must be %s, and is %s", key, expected,
                  document_shown(r, document_text(r, arena_text(&r->outline.memory, buffer_text(&json)))));
    r->no_memory |= buffer_failed(&json);
    buffer_done(&json);
    value_unref(v);
    return VALUE_INVALID;
}

static baton_value read_boolean(const char *word) {
    if (strcasecmp(word, "true") == 0) return baton_value_boolean(true);
    if (strcasecmp(word, "false") == 0) return baton_value_boolean(false);
    return VALUE_INVALID;
}

/* A text's own kind: a number, true, false, an array or object in JSON; invalid: it is a text. */
static baton_value read_kind(document_reader *r, const char *text) {
    size_t size = strlen(text), used;
    double number;
    if (*text == '[' || *text == '{') {
        baton_error *err = NULL;
        baton_value v = baton_value_parse(text, size, &err);
        r->no_memory |= baton_error_get_code(err) == BATON_ERROR_MEMORY;
        baton_error_free(err);
        return v;
    }
    if (number_read(text, size, &used, &number) == NUMBER_READ && used == size)
        return baton_value_number(number);
    return read_boolean(text);
}

/* The value of a field; invalid when it says nothing, which was told. */
static baton_value read_field(document_reader *r, const markdown_entry *e, const char *key) {
    arena *memory = &r->outline.memory;
    const field_rule *rule = find_rule(key);
    if (words_are_choice(e->value)) {
        says_nothing(r, e, e->value);
        return VALUE_INVALID;
    }
    const char *whole = document_text(r, words_unquoted(memory, e->value));
    const char *word = rule ? document_text(r, words_without_remark(memory, e->value)) : whole;
    bool quoted = *e->value == '\'' || *e->value == '"';
    bool text = rule && rule->kind == FIELD_TEXT;
    baton_value v = quoted || text ? VALUE_INVALID : read_kind(r, whole);
    if (!value_is_valid(v) && !quoted && !text) v = read_kind(r, word);
    if (value_is_valid(v)) return checked(r, key, e->line, v);
    if (says_nothing(r, e, whole) || (word != whole && says_nothing(r, e, word))) return VALUE_INVALID;
    return checked(r, key, e->line, baton_value_string(rule && rule->kind != FIELD_TEXTS ? word : whole));
}

/* Fields that are columns, where the overview does not say them. */
static void remember(document_reader *r, const char *key, int line, const char *text) {
    static const overview_key columns[] = {{"type", SAID_TYPE},
                                           {"category", SAID_CATEGORY},
                                           {"priority", SAID_PRIORITY},
                                           {"source_path", SAID_SOURCE_PATH}};
    for (size_t i = 0; text && i < sizeof columns / sizeof *columns; i++) {
        document_value *said = &r->said[columns[i].said];
        if (strcmp(columns[i].key, key) == 0 && !said->text)
            *said = (document_value){line, document_text(r, arena_text(&r->outline.memory, text))};
    }
}

static baton_value add_field(document_reader *r, markdown_entry *e, baton_value fields) {
    char key[DOCUMENT_KEY_BYTES];
    words_key(e->key, key, sizeof key);
    e->used = true;
    if (baton_value_has(fields, key)) {
        tell_twice(r, e);
        return fields;
    }
    tell_near_field(r, e->line, e->key, key);
    baton_value v = read_field(r, e, key);
    if (!value_is_valid(v)) return fields;
    const char *text = baton_value_as_text(v);
    remember(r, key, e->line, text);
    if (strcmp(key, "source_type") == 0 && strcmp(text, "markdown_doc") != 0)
        document_tell(r, DOCUMENT_NOTE, e->line, "source_type is '%s', and will be 'markdown_doc'",
                      document_shown(r, text));
    return baton_value_set(fields, key, v);
}

static baton_value read_fields_of(document_reader *r, document_role role, baton_value fields) {
    for (markdown_section *s = r->outline.sections; s; s = s->next)
        for (markdown_entry *e = s->role == (int)role ? s->entries : NULL; e; e = e->next)
            if (e->key) fields = add_field(r, e, fields);
    return fields;
}

baton_value document_read_task_fields(document_reader *r) {
    return read_fields_of(r, ROLE_FIELDS, baton_value_object());
}

/* ---- The execution context ---- */

/* The line of a member of JSON text. */
static int line_of_member(const markdown_entry *code, const char *key) {
    int line = code->line;
    size_t size = strlen(key);
    for (const char *p = code->text; *p; p++) {
        if (*p == '\n') line++;
        if (*p == '"' && strncmp(p + 1, key, size) == 0 && p[1 + size] == '"') return line;
    }
    return code->line;
}

/* Takes v. */
static baton_value check_context(document_reader *r, const markdown_entry *code, baton_value v) {
    const char *name;
    for (int cursor = 0; baton_value_next(v, &cursor, &name, NULL);)
        tell_near_field(r, line_of_member(code, name), name, name);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const char *key = rules[i].key;
        baton_value member = baton_value_get(v, key);
        if (!value_is_valid(member)) continue;
        member = checked(r, key, line_of_member(code, key), member);
        v = value_is_valid(member) ? baton_value_set(v, key, member) : baton_value_remove(v, key);
    }
    return v;
}

static baton_value parse_context(document_reader *r, markdown_entry *code) {
    baton_error *err = NULL;
    baton_value v = value_parse(code->text, strlen(code->text), NULL, &err);
    if (baton_value_kind(v) == BATON_KIND_OBJECT) return check_context(r, code, v);
    if (err)
        document_tell_error(r, code->line, "the execution context is no JSON", err);
    else
        document_tell(r, DOCUMENT_WARNING, code->line, "the execution context is no JSON object");
    value_unref(v);
    return VALUE_INVALID;
}

static bool may_be_context(const markdown_section *s, const markdown_entry *e) {
    bool json = strcmp(e->language, "json") == 0 || strcmp(e->language, "jsonc") == 0;
    return e->kind == MARKDOWN_CODE && (json || (s->role == ROLE_CONTEXT && !*e->language)) &&
           (s->role == ROLE_CONTEXT || s->role == ROLE_FIELDS);
}

baton_value document_read_context(document_reader *r) {
    baton_value context = VALUE_INVALID;
    for (markdown_section *s = r->outline.sections; s; s = s->next) {
        for (markdown_entry *e = s->entries; e; e = e->next) {
            if (!may_be_context(s, e)) continue;
            if (value_is_valid(context)) {
                document_tell(r, DOCUMENT_WARNING, e->line, "a second execution context: the first counts");
                continue;
            }
            context = parse_context(r, e);
        }
    }
    return read_fields_of(r, ROLE_CONTEXT, value_is_valid(context) ? context : baton_value_object());
}
