/* Everything that a document says and no column holds. What no part of it has taken stands under `sections`
 * in the end, so that nothing but code is lost: that is in the source.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/document/document_parts.h"
#include "service/document/document_words.h"

#include <string.h>

static baton_value set_unless_empty(baton_value object, const char *key, baton_value member) {
    if (baton_value_size(member)) return baton_value_set(object, key, member);
    value_unref(member);
    return object;
}

static const char *state_name(markdown_state state) {
    static const char *const names[] = {NULL, "open", "done", "started"};
    return names[state];
}

static baton_value set_state(baton_value object, markdown_state state) {
    return state == MARKDOWN_UNSAID ? object : value_set_text(object, "state", state_name(state));
}

/* ---- Items ---- */

/* What stands within an item and has no box of its own is a detail of it. Moves *e to the last one. */
static baton_value take_details(markdown_entry **e) {
    baton_value details = baton_value_array();
    int depth = (*e)->depth;
    for (markdown_entry *next = (*e)->next; next; next = next->next) {
        if (next->kind == MARKDOWN_CODE && next->depth > depth) continue;
        if (next->depth <= depth || next->used || next->state != MARKDOWN_UNSAID) break;
        next->used = true;
        details = baton_value_append(details, baton_value_string(next->text));
        *e = next;
    }
    return details;
}

/* {text, state, details} of an item; without a box its state is `unsaid`, unless it stands within another
 * one. Moves *e to the last entry that it has. */
static baton_value take_step(markdown_entry **e, markdown_state unsaid) {
    markdown_entry *item = *e;
    item->used = true;
    baton_value step = value_set_text(baton_value_object(), "text", item->text);
    bool open = item->state == MARKDOWN_UNSAID && item->depth == 0;
    step = set_state(step, open ? unsaid : item->state);
    return set_unless_empty(step, "details", take_details(e));
}

/* ---- Files ---- */

static bool is_outside(const char *path) {
    bool drive = path[0] && path[1] == ':' && (path[2] == '/' || path[2] == '\\');
    if (*path == '/' || *path == '~' || *path == '\\' || drive) return true;
    for (const char *p = path; *p;) {
        size_t size = strcspn(p, "/\\");
        if (size == 2 && p[0] == '.' && p[1] == '.') return true;
        p += size + (p[size] != '\0');
    }
    return false;
}

/* The path that an item names, its first code or else its first word; *rest is the text behind it. NULL
 * when it names none. */
static const char *find_path(document_reader *r, const char *text, const char **rest) {
    const char *open = strchr(text, '`'), *close = open ? strchr(open + 1, '`') : NULL;
    if (close && close > open + 1) {
        *rest = close + 1;
        return document_text(r, arena_text_sized(&r->outline.memory, open + 1, (size_t)(close - open - 1)));
    }
    size_t size = strcspn(text, " \t");
    *rest = text + size;
    while (size > 0 && strchr(",:;", text[size - 1])) size--;
    const char *word = document_text(r, arena_text_sized(&r->outline.memory, text, size));
    return strpbrk(word, "./") || !**rest ? word : NULL;
}

static const char *skip_separator(const char *rest) {
    static const char *const separators[] = {"-", "\u2013", "\u2014", ":"};
    while (*rest == ' ') rest++;
    for (size_t i = 0; i < sizeof separators / sizeof *separators; i++) {
        size_t size = strlen(separators[i]);
        if (strncmp(rest, separators[i], size) == 0) {
            rest += size;
            break;
        }
    }
    while (*rest == ' ') rest++;
    return rest;
}

static baton_value take_file(document_reader *r, markdown_entry **e, baton_value files) {
    markdown_entry *item = *e;
    const char *rest, *path = find_path(r, item->text, &rest);
    if (!path || !*path || words_are_placeholder(path)) {
        document_tell(r, DOCUMENT_WARNING, item->line,
                      path ? "the file is still a placeholder: %s" : "no file is named by '%s'",
                      document_shown(r, item->text));
        return files;
    }
    item->used = true;
    baton_value file = value_set_text(baton_value_object(), "path", path);
    rest = skip_separator(rest);
    if (*rest && !words_are_placeholder(rest)) file = value_set_text(file, "description", rest);
    file = set_state(file, item->state == MARKDOWN_UNSAID ? MARKDOWN_OPEN : item->state);
    if (is_outside(path)) {
        document_tell(r, DOCUMENT_WARNING, item->line, "the file is outside of the repository: %s",
                      document_shown(r, path));
        file = baton_value_set(file, "outside", baton_value_boolean(true));
    }
    return baton_value_append(files, set_unless_empty(file, "details", take_details(e)));
}

static baton_value read_files_of(document_reader *r, document_role role) {
    baton_value files = baton_value_array();
    for (markdown_section *s = r->outline.sections; s; s = s->next) {
        for (markdown_entry *e = s->role == (int)role ? s->entries : NULL; e; e = e->next) {
            if (e->kind == MARKDOWN_CODE) continue;
            if (e->depth == 0 && words_are_none(e->text))
                e->used = true;
            else if (e->kind == MARKDOWN_ITEM)
                files = take_file(r, &e, files);
        }
    }
    return files;
}

static baton_value read_files(document_reader *r) {
    baton_value files = baton_value_object();
    files = set_unless_empty(files, "create", read_files_of(r, ROLE_CREATE));
    files = set_unless_empty(files, "modify", read_files_of(r, ROLE_MODIFY));
    return set_unless_empty(files, "delete", read_files_of(r, ROLE_DELETE));
}

/* ---- Phases ---- */

/* {title, hours}: "Phase 1: Set-up (8 hours)". */
static baton_value begin_phase(document_reader *r, int line, const char *title, markdown_state state) {
    baton_value phase = baton_value_object();
    size_t size = strlen(title);
    const char *open = size && title[size - 1] == ')' ? strrchr(title, '(') : NULL;
    double hours;
    if (open && open > title && open[1] >= '0' && open[1] <= '9') {
        const char *text = document_text(
            r, arena_text_sized(&r->outline.memory, open + 1, (size_t)(title + size - open - 2)));
        if (words_hours(text, &hours)) {
            phase = value_set_number(phase, "hours", hours);
            size = (size_t)(open - title);
            while (size > 0 && title[size - 1] == ' ') size--;
        } else {
            const char *unit;
            size_t found;
            if (words_have(text, "h hours hour days day weeks week minutes", &unit, &found))
                document_tell(r, DOCUMENT_WARNING, line, "no single time: '%s'", document_shown(r, text));
        }
    }
    phase = baton_value_set(phase, "title", baton_value_string_sized(title, size));
    return set_state(phase, state);
}

/* Sections go one after the other; each title of a phase ends the phase before. */
typedef struct phases {
    baton_value all, phase, steps; /* invalid: no phase has begun */
    bool must;                     /* it counts also without steps */
} phases;

static void end_phase(phases *p) {
    if (value_is_valid(p->phase) && (p->must || baton_value_size(p->steps)))
        p->all = baton_value_append(p->all, baton_value_set(p->phase, "steps", p->steps));
    else {
        value_unref(p->phase);
        value_unref(p->steps);
    }
    p->phase = p->steps = VALUE_INVALID;
}

static void start_phase(phases *p, baton_value phase, bool must) {
    end_phase(p);
    p->phase = phase;
    p->steps = baton_value_array();
    p->must = must;
}

static void read_steps(document_reader *r, const markdown_section *s, phases *p) {
    for (markdown_entry *e = s->entries; e; e = e->next) {
        bool names_phase =
            e->depth == 0 && e->next && e->next->depth > 0 && document_is_phase_title(e->text);
        if (e->kind != MARKDOWN_ITEM ||
            (e->key && e->marked && e->state == MARKDOWN_UNSAID && !names_phase))
            continue;
        if (s->role == ROLE_PHASES && names_phase) {
            start_phase(p, begin_phase(r, e->line, e->text, e->state), true);
            e->used = true;
            continue;
        }
        if (!value_is_valid(p->phase)) start_phase(p, begin_phase(r, s->line, s->title, s->state), false);
        p->steps = baton_value_append(p->steps, take_step(&e, MARKDOWN_OPEN));
    }
}

static bool begins_phase(const markdown_section *s) {
    if (s->role != ROLE_PHASE) return false;
    bool inner = s->parent && s->parent->role == ROLE_PHASE;
    return !inner || document_is_phase_title(s->title);
}

static baton_value read_phases(document_reader *r) {
    phases p = {.all = baton_value_array()};
    for (markdown_section *s = r->outline.sections; s; s = s->next) {
        if (s->role != ROLE_PHASE && s->role != ROLE_PHASES) continue;
        bool inside = s->parent && s->parent->role == ROLE_PHASES;
        if (begins_phase(s)) start_phase(&p, begin_phase(r, s->line, s->title, s->state), inside);
        if (s->role == ROLE_PHASES) end_phase(&p);
        read_steps(r, s, &p);
    }
    end_phase(&p);
    return p.all;
}

/* ---- Criteria and indicators ---- */

static baton_value read_ticks(document_reader *r, document_role role) {
    baton_value all = baton_value_array();
    for (markdown_section *s = r->outline.sections; s; s = s->next) {
        bool group = s->parent && s->parent->role == s->role;
        for (markdown_entry *e = s->role == (int)role ? s->entries : NULL; e; e = e->next) {
            if (e->kind != MARKDOWN_ITEM) continue;
            baton_value tick = take_step(&e, MARKDOWN_OPEN);
            if (group) tick = value_set_text(tick, "group", s->title);
            all = baton_value_append(all, tick);
        }
    }
    return all;
}

/* ---- Progress ---- */

static void count_boxes(baton_value items, int *done, int *total) {
    for (size_t i = 0; i < baton_value_size(items); i++) {
        baton_value item = baton_value_at(items, i);
        const char *state = value_get_text(item, "state");
        *total += state != NULL;
        *done += state && strcmp(state, "done") == 0;
        value_unref(item);
    }
}

/* Of the phases' steps; of the files when there are none. */
static baton_value read_boxes(baton_value phases, baton_value files) {
    static const char *const kinds[] = {"create", "modify", "delete"};
    int done = 0, total = 0;
    for (size_t i = 0; i < baton_value_size(phases); i++) {
        baton_value phase = baton_value_at(phases, i), steps = baton_value_get(phase, "steps");
        count_boxes(steps, &done, &total);
        value_unref(steps);
        value_unref(phase);
    }
    for (size_t i = 0; total == 0 && i < sizeof kinds / sizeof *kinds; i++) {
        baton_value list = baton_value_get(files, kinds[i]);
        count_boxes(list, &done, &total);
        value_unref(list);
    }
    if (!total) return VALUE_INVALID;
    baton_value boxes = value_set_number(baton_value_object(), "done", done);
    return value_set_number(boxes, "total", total);
}

/* ---- The rest ---- */

/* Fields, items and paragraphs that nothing has taken. */
static baton_value read_rest(document_reader *r, markdown_section *s) {
    baton_value fields = baton_value_object(), items = baton_value_array();
    buffer text = {0};
    for (markdown_entry *e = s->entries; e; e = e->next) {
        if (e->used || e->kind == MARKDOWN_CODE) continue;
        if (e->key && e->marked && e->state == MARKDOWN_UNSAID && e->depth == 0) {
            if (baton_value_has(fields, e->key))
                document_tell(r, DOCUMENT_WARNING, e->line, "'%s' is said a second time: the first counts",
                              e->key);
            else
                fields = value_set_text(fields, e->key, e->value);
        } else if (e->kind == MARKDOWN_ITEM) {
            items = baton_value_append(items, take_step(&e, MARKDOWN_UNSAID));
        } else {
            if (text.size) buffer_puts(&text, "\n\n");
            buffer_puts(&text, e->text);
        }
    }
    r->no_memory |= buffer_failed(&text);
    baton_value rest = set_unless_empty(baton_value_object(), "fields", fields);
    rest = set_unless_empty(rest, "items", items);
    if (text.size) rest = value_set_text(rest, "text", buffer_text(&text));
    buffer_done(&text);
    return rest;
}

static baton_value read_sections(document_reader *r) {
    baton_value all = baton_value_array();
    for (markdown_section *s = r->outline.sections; s; s = s->next) {
        if (s->role == ROLE_MAPPING || !s->entries) continue;
        baton_value rest = read_rest(r, s);
        if (!baton_value_size(rest)) {
            value_unref(rest);
            continue;
        }
        if (*s->title) rest = value_set_text(rest, "title", s->title);
        if (*s->number) rest = value_set_text(rest, "number", s->number);
        all = baton_value_append(all, value_set_number(rest, "line", s->line));
    }
    return all;
}

/* The mapping's columns that are said nowhere else. */
static baton_value read_mapping_rest(const document_reader *r) {
    static const char *const columns[] = {"title",       "type",       "category",
                                          "priority",    "project_id", "source_path",
                                          "source_type", "status",     "estimated_hours"};
    if (!value_is_valid(r->mapping)) return baton_value_object();
    baton_value rest = value_ref(r->mapping);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        rest = baton_value_remove(rest, columns[i]);
    return rest;
}

static baton_value set_said(baton_value object, const char *key, document_value said) {
    return said.text ? value_set_text(object, key, said.text) : object;
}

baton_value document_read_metadata(document_reader *r) {
    baton_value m = baton_value_object(), overview = document_read_overview(r);
    document_read_requirements(r);
    m = set_said(m, "feature", r->said[SAID_FEATURE]);
    m = set_said(m, "estimated_time", r->said[SAID_TIME]);
    m = set_said(m, "dependencies_text", r->said[SAID_DEPENDENCIES]);
    m = set_said(m, "related_issues", r->said[SAID_ISSUES]);
    bool completed;
    document_value status = document_status(r, &completed);
    m = set_said(m, "document_status", status);
    if (completed)
        document_tell(r, DOCUMENT_WARNING, status.line,
                      "the document says that it is completed; it is imported as pending");
    m = set_unless_empty(m, "overview", overview);
    m = set_unless_empty(m, "technical_requirements", value_ref(r->requirements));
    baton_value files = read_files(r), phases = read_phases(r), boxes = read_boxes(phases, files);
    m = set_unless_empty(m, "files", files);
    m = set_unless_empty(m, "phases", phases);
    m = set_unless_empty(m, "success_criteria", read_ticks(r, ROLE_CRITERIA));
    m = set_unless_empty(m, "success_indicators", read_ticks(r, ROLE_INDICATORS));
    m = set_unless_empty(m, "task_fields", document_read_task_fields(r));
    m = set_unless_empty(m, "execution_context", document_read_context(r));
    if (value_is_valid(boxes)) m = baton_value_set(m, "boxes", boxes);
    m = set_unless_empty(m, "sections", read_sections(r));
    return set_unless_empty(m, "mapping", read_mapping_rest(r));
}
