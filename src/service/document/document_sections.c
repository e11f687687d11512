/* Which section is which. Titles are compared without numbers, symbols, case and punctuation, at any level.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/document/document_parts.h"
#include "service/document/document_words.h"

#include <string.h>

enum { MARKS_LEVEL = 7 }; /* from here on sections are bold lines and items, no headings */

typedef struct known_title {
    const char *key;
    document_role role;
    bool whole; /* it must not go on */
} known_title;

static const known_title titles[] = {
    {"project_overview", ROLE_OVERVIEW, false},
    {"task_overview", ROLE_OVERVIEW, false},
    {"feature_overview", ROLE_OVERVIEW, false},
    {"analysis_overview", ROLE_OVERVIEW, false},
    {"overview", ROLE_OVERVIEW, true},
    {"projektübersicht", ROLE_OVERVIEW, false},
    {"übersicht", ROLE_OVERVIEW, true},
    {"dependencies", ROLE_DEPENDENCIES, true},
    {"task_dependencies", ROLE_DEPENDENCIES, true},
    {"dependencies_prerequisites", ROLE_DEPENDENCIES, true},
    {"prerequisites_dependencies", ROLE_DEPENDENCIES, true},
    {"depends_on", ROLE_DEPENDENCIES, true},
    {"blocked_by", ROLE_DEPENDENCIES, true},
    {"requires", ROLE_DEPENDENCIES, true},
    {"prerequisites", ROLE_DEPENDENCIES, true},
    {"abhängigkeiten", ROLE_DEPENDENCIES, true},
    {"abhängig_von", ROLE_DEPENDENCIES, true},
    {"technical_requirements", ROLE_REQUIREMENTS, false},
    {"technische_anforderungen", ROLE_REQUIREMENTS, false},
    {"files_to_create", ROLE_CREATE, false},
    {"files_to_add", ROLE_CREATE, false},
    {"new_files", ROLE_CREATE, false},
    {"dateien_zu_erstellen", ROLE_CREATE, false},
    {"zu_erstellende_dateien", ROLE_CREATE, false},
    {"files_to_modify", ROLE_MODIFY, false},
    {"files_to_change", ROLE_MODIFY, false},
    {"files_to_update", ROLE_MODIFY, false},
    {"modified_files", ROLE_MODIFY, false},
    {"dateien_zu_ändern", ROLE_MODIFY, false},
    {"zu_ändernde_dateien", ROLE_MODIFY, false},
    {"files_to_delete", ROLE_DELETE, false},
    {"files_to_remove", ROLE_DELETE, false},
    {"deleted_files", ROLE_DELETE, false},
    {"dateien_zu_löschen", ROLE_DELETE, false},
    {"zu_löschende_dateien", ROLE_DELETE, false},
    {"implementation_phases", ROLE_PHASES, false},
    {"phases", ROLE_PHASES, true},
    {"phasen", ROLE_PHASES, true},
    {"success_criteria", ROLE_CRITERIA, false},
    {"erfolgskriterien", ROLE_CRITERIA, false},
    {"success_indicators", ROLE_INDICATORS, false},
    {"ai_auto_implementation_instructions", ROLE_FIELDS, false},
    {"task_database_fields", ROLE_FIELDS, false},
    {"ai_execution_context", ROLE_CONTEXT, false},
    {"database_task_creation_instructions", ROLE_MAPPING, false},
};

bool document_is_phase_title(const char *title) {
    char key[16];
    words_key(title, key, sizeof key);
    return strncmp(key, "phase_", 6) == 0 && key[6] >= '0' && key[6] <= '9';
}

static document_role role_of_title(const char *title) {
    char key[DOCUMENT_KEY_BYTES];
    words_key(title, key, sizeof key);
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        size_t size = strlen(titles[i].key);
        if (strncmp(key, titles[i].key, size) == 0 &&
            (!key[size] || (key[size] == '_' && !titles[i].whole)))
            return titles[i].role;
    }
    return document_is_phase_title(title) ? ROLE_PHASE : ROLE_NONE;
}

bool document_is_own_title(const char *title) {
    document_role role = role_of_title(title);
    return (role == ROLE_NONE || role == ROLE_PHASE) && !words_are_placeholder(title);
}

bool document_is_dependencies(const char *key) { return role_of_title(key) == ROLE_DEPENDENCIES; }

static bool holds_fields(document_role role) {
    return role == ROLE_OVERVIEW || role == ROLE_REQUIREMENTS || role == ROLE_FIELDS ||
           role == ROLE_CONTEXT;
}

/* The only heading of the first level holds the whole file, whatever its title. */
static bool has_top(const document_reader *r) {
    int count = 0;
    for (const markdown_section *s = r->outline.sections; s; s = s->next) count += s->level == 1;
    return count == 1;
}

/* What a section without a known title is by the one that it stands in. */
static document_role inherited(const markdown_section *s, bool top) {
    const markdown_section *parent = s->parent;
    if (!parent) return ROLE_NONE;
    if (parent->level <= top && s->level < MARKS_LEVEL) return ROLE_NONE;
    return parent->role == ROLE_PHASES ? ROLE_PHASE : (document_role)parent->role;
}

/* A section of this name is about other things within the requirements, the phases and so on; one whose
 * title is but a bold line counts only where fields may stand. */
static bool may_say_dependencies(const markdown_section *s, const markdown_section *title, bool top) {
    document_role outer = inherited(s, top);
    if (outer == ROLE_OVERVIEW || outer == ROLE_DEPENDENCIES) return true;
    if (outer != ROLE_NONE) return false;
    return s->level < MARKS_LEVEL || s->parent == title || (s->parent && s->parent->level == 0);
}

/* ---- Lists that stand for a value ---- */

static bool is_list_value(const markdown_section *s) {
    for (const markdown_entry *e = s->entries; e; e = e->next)
        if (e->key || e->kind == MARKDOWN_CODE || e->state != MARKDOWN_UNSAID) return false;
    return s->entries;
}

/* As the JSON of an array, or as prose. */
static const char *list_as_text(document_reader *r, const markdown_section *s, bool json) {
    buffer b = {0};
    if (json) buffer_putc(&b, '[');
    for (const markdown_entry *e = s->entries; e; e = e->next) {
        if (e != s->entries) buffer_puts(&b, e->kind == MARKDOWN_ITEM || json ? ", " : " ");
        if (json)
            value_write_text(&b, document_text(r, words_unquoted(&r->outline.memory, e->text)));
        else
            buffer_puts(&b, e->text);
    }
    if (json) buffer_putc(&b, ']');
    const char *text =
        buffer_failed(&b) ? NULL : arena_text_sized(&r->outline.memory, buffer_text(&b), b.size);
    buffer_done(&b);
    return document_text(r, text);
}

/* A field for all that a section holds; NULL without memory, which is noted. */
static markdown_entry *new_field(document_reader *r, const markdown_section *s, const char *value) {
    markdown_entry *field = arena_alloc(&r->outline.memory, sizeof *field);
    if (field)
        *field = (markdown_entry){.kind = MARKDOWN_ITEM,
                                  .line = s->line,
                                  .key = s->title,
                                  .text = value,
                                  .value = value,
                                  .language = "",
                                  .marked = true};
    r->no_memory |= !field;
    return field;
}

/* "Goals:" with a list below it is a field like any other. */
static void gather_list(document_reader *r, markdown_section *s) {
    if (!is_list_value(s)) return;
    bool json = s->role == ROLE_FIELDS || s->role == ROLE_CONTEXT;
    markdown_entry *field = new_field(r, s, list_as_text(r, s, json));
    if (field) s->entries = s->last = field;
}

/* ---- Dependencies ---- */

/* What an entry names; NULL: nothing. */
static const char *dependency_of(document_reader *r, const markdown_entry *e) {
    static const char *const others[] = {"blocks", "blocking", "blockiert"}; /* these depend on the task */
    char key[DOCUMENT_KEY_BYTES] = "";
    if (e->key) words_key(e->key, key, sizeof key);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(key, others[i]) == 0) return NULL;
    const char *text = document_is_dependencies(key) ? e->value : e->text;
    if (!words_are_placeholder(text)) return *text ? text : NULL;
    document_tell(r, DOCUMENT_WARNING, e->line, "the dependency is still a placeholder: %s",
                  document_shown(r, text));
    return NULL;
}

/* Adds the outermost items of a section, one a line; its paragraphs when it has no items. */
static void put_dependencies(document_reader *r, buffer *b, markdown_section *s) {
    const markdown_entry *first = s->entries;
    while (first && first->kind != MARKDOWN_ITEM) first = first->next;
    for (markdown_entry *e = s->entries; e; e = e->next) {
        bool named = e->key && document_is_dependencies(e->key);
        if (e->kind == MARKDOWN_CODE ||
            (first && !named && (e->kind != MARKDOWN_ITEM || e->depth > first->depth)))
            continue;
        const char *text = dependency_of(r, e);
        if (!text) continue;
        e->used = true;
        if (b->size) buffer_putc(b, '\n');
        buffer_puts(b, text);
    }
}

/* A section, with those in it, becomes a field before its first entry. */
static void gather_dependencies(document_reader *r, markdown_section *s) {
    buffer b = {0};
    put_dependencies(r, &b, s);
    for (markdown_section *in = s->next; in && in->parent && in->parent->role == ROLE_DEPENDENCIES;
         in = in->next)
        put_dependencies(r, &b, in);
    if (b.size || buffer_failed(&b)) {
        const char *value =
            buffer_failed(&b) ? NULL : arena_text_sized(&r->outline.memory, buffer_text(&b), b.size);
        markdown_entry *field = new_field(r, s, document_text(r, value));
        if (field) {
            field->next = s->entries;
            s->entries = field;
        }
    }
    buffer_done(&b);
}

/* ---- Roles ---- */

/* A file without an overview may have its fields right below the title, or above it; with one, those that
 * are known count there too. */
static void assign_top(document_reader *r, const markdown_section *title, document_role role) {
    for (markdown_section *s = r->outline.sections; s; s = s->next) {
        bool below = s->level >= MARKS_LEVEL && s->parent && (int)role == s->parent->role;
        if (s->role != ROLE_NONE || !(s->level == 0 || s == title || (below && role == ROLE_OVERVIEW)))
            continue;
        s->role = role;
        if (below) gather_list(r, s);
    }
}

void document_assign_roles(document_reader *r) {
    bool has_overview = false, has_requirements = false, top = has_top(r);
    const markdown_section *title = r->outline.sections;
    while (title && title->level != 1) title = title->next;
    for (markdown_section *s = r->outline.sections; s; s = s->next) {
        document_role role = role_of_title(s->title);
        bool known = role != ROLE_NONE;
        /* The first of these counts; another one is about something else. */
        if ((role == ROLE_OVERVIEW && has_overview) || (role == ROLE_REQUIREMENTS && has_requirements))
            role = ROLE_NONE;
        else if (role == ROLE_DEPENDENCIES && !may_say_dependencies(s, title, top))
            known = false;
        if (!known) role = inherited(s, top);
        has_overview |= role == ROLE_OVERVIEW;
        has_requirements |= role == ROLE_REQUIREMENTS;
        s->role = role;
        if (!known && holds_fields(role)) gather_list(r, s);
    }
    assign_top(r, title, has_overview ? ROLE_TOP : ROLE_OVERVIEW);
    for (markdown_section *s = r->outline.sections; s; s = s->next)
        if (s->role == ROLE_DEPENDENCIES && !(s->parent && s->parent->role == ROLE_DEPENDENCIES))
            gather_dependencies(r, s);
}
