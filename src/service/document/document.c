/* A task document becomes columns and metadata. The outline of the file (markdown.h) is read section by
 * section; entries that a part has taken are marked, and what is left over is kept as it is.
 *
 * Where a column may come from several places, the order is fixed here, and places that differ are told.
 *
 * Any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "service/document/document_parts.h"
#include "service/document/document_words.h"
#include "service/document/mapping.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 60 };

/* ---- Problems ---- */

static bool grow_problems(document_reader *r) {
    size_t capacity = r->problem_capacity ? 2 * r->problem_capacity : 8;
    document_problem *grown = arena_alloc(&r->d->memory, capacity * sizeof *grown);
    if (!grown) return false;
    if (r->d->problem_count) memcpy(grown, r->d->problems, r->d->problem_count * sizeof *grown);
    r->d->problems = grown;
    r->problem_capacity = capacity;
    return true;
}

static void add_problem(document_reader *r, document_problem problem) {
    if (!problem.reason || (r->d->problem_count == r->problem_capacity && !grow_problems(r)))
        r->no_memory = true;
    else
        r->d->problems[r->d->problem_count++] = problem;
}

void document_tell(document_reader *r, document_severity severity, int line, const char *format, ...) {
    if (r->d->problem_count >= DOCUMENT_PROBLEMS_MOST && severity != DOCUMENT_ERROR) {
        r->problems_dropped++;
        return;
    }
    buffer text = {0};
    va_list args;
    va_start(args, format);
    buffer_vprintf(&text, format, args);
    va_end(args);
    const char *reason =
        buffer_failed(&text) ? NULL : arena_text_sized(&r->d->memory, buffer_text(&text), text.size);
    buffer_done(&text);
    add_problem(r, (document_problem){severity, line, reason});
}

void document_tell_error(document_reader *r, int line, const char *what, baton_error *error) {
    int within = baton_error_line(error);
    if (baton_error_get_code(error) == BATON_ERROR_MEMORY)
        r->no_memory = true;
    else
        document_tell(r, DOCUMENT_WARNING, line + (within > 0 ? within - 1 : 0), "%s: %s", what,
                      baton_error_message(error));
    baton_error_free(error);
}

static int compare_lines(const void *a, const void *b) {
    const document_problem *x = a, *y = b;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    return x->severity != y->severity ? (x->severity > y->severity ? -1 : 1) : strcmp(x->reason, y->reason);
}

static void finish_problems(document_reader *r) {
    if (r->d->problem_count > 1)
        qsort(r->d->problems, r->d->problem_count, sizeof *r->d->problems, compare_lines);
    if (!r->problems_dropped) return;
    const char *more = arena_printf(&r->d->memory, "and %zu more problems", r->problems_dropped);
    add_problem(r, (document_problem){DOCUMENT_WARNING, 0, more});
}

/* ---- Texts ---- */

const char *document_text(document_reader *r, const char *text) {
    if (text) return text;
    r->no_memory = true;
    return "";
}

const char *document_shown(document_reader *r, const char *text) {
    size_t size = strlen(text);
    if (size <= SHOWN_BYTES) return text;
    size = SHOWN_BYTES;
    while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) size--;
    return document_text(r, arena_printf(&r->outline.memory, "%.*s...", (int)size, text));
}

/* A column's text, which outlives the outline. NULL stays NULL. */
static const char *keep(document_reader *r, const char *text) {
    return text ? document_text(r, arena_text(&r->d->memory, text)) : NULL;
}

static const char *keep_lower(document_reader *r, const char *text) {
    char *copy = arena_text(&r->d->memory, text);
    for (char *p = copy; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
    return document_text(r, copy);
}

static const char *in_mapping(const document_reader *r, const char *column) {
    const char *text = value_get_text(r->mapping, column);
    return text && *text ? text : NULL;
}

/* ---- The mapping ---- */

static bool is_sql(const char *language) {
    static const char *const languages[] = {"",         "sql",        "sqlite", "mysql",
                                            "postgres", "postgresql", "pgsql"};
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
        if (strcmp(language, languages[i]) == 0) return true;
    return false;
}

/* Code in another language may hold such a statement too: it counts only where the mapping belongs. */
static void read_mapping_of(document_reader *r, bool in_its_section) {
    for (markdown_section *s = r->outline.sections; s; s = s->next) {
        if ((s->role == ROLE_MAPPING) != in_its_section) continue;
        for (markdown_entry *e = s->entries; e; e = e->next) {
            if (e->kind != MARKDOWN_CODE || value_is_valid(r->mapping)) continue;
            if (!strcasestr(e->text, "insert into tasks") || !(in_its_section || is_sql(e->language)))
                continue;
            baton_error *err = NULL;
            r->mapping = mapping_read(e->text, strlen(e->text), &err);
            r->mapping_line = e->line;
            if (err) document_tell_error(r, e->line, "the SQL mapping cannot be read", err);
        }
    }
}

/* ---- Columns ---- */

static void read_title(document_reader *r) {
    const char *title = in_mapping(r, "title");
    for (markdown_section *s = r->outline.sections; s && !title; s = s->next)
        if (s->level == 1 && *s->title && document_is_own_title(s->title)) title = s->title;
    if (!title) title = r->said[SAID_FEATURE].text;
    r->d->title = keep(r, title);
    if (!title)
        document_tell(r, DOCUMENT_ERROR, 0,
                      "no title: no heading of the first level, no feature, no mapping");
}

/* The priority that a word in lower case names, in English or German; NULL: none. */
static const char *find_priority(const char *word) {
    static const char *const priorities[][2] = {
        {"low", "niedrig"}, {"medium", "mittel"}, {"high", "hoch"}, {"critical", "kritisch"}};
    for (size_t i = 0; i < sizeof priorities / sizeof *priorities; i++)
        if (strcmp(word, priorities[i][0]) == 0 || strcmp(word, priorities[i][1]) == 0)
            return priorities[i][0];
    return NULL;
}

/* A known priority, or NULL after telling. */
static const char *read_priority_word(document_reader *r, int line, const char *text) {
    if (!text) return NULL;
    const char *word = document_text(r, words_without_remark(&r->outline.memory, text));
    const char *priority = find_priority(keep_lower(r, word));
    if (priority) return priority;
    document_tell(r, DOCUMENT_WARNING, line, "priority '%s' is none of low, medium, high, critical",
                  document_shown(r, text));
    return NULL;
}

static void tell_difference(document_reader *r, const char *column, int line, const char *said,
                            const char *mapped) {
    document_tell(r, DOCUMENT_WARNING, line,
                  "%s is '%s' here and '%s' in the SQL mapping: the first counts", column,
                  document_shown(r, said), document_shown(r, mapped));
}

static void tell_missing(document_reader *r, const char *what) {
    document_tell(r, DOCUMENT_WARNING, 0, "no %s is said", what);
}

static void read_priority(document_reader *r) {
    document_value said = r->said[SAID_PRIORITY];
    const char *mapped_text = in_mapping(r, "priority");
    const char *own = read_priority_word(r, said.line, said.text);
    const char *mapped = read_priority_word(r, r->mapping_line, mapped_text);
    if (own && mapped && strcmp(own, mapped) != 0) tell_difference(r, "priority", said.line, own, mapped);
    r->d->priority = own ? own : mapped;
    if (!r->d->priority && !said.line && !mapped_text) tell_missing(r, "priority");
}

/* In lower case; NULL, after telling, when it is not one word. */
static const char *one_word(document_reader *r, const char *column, int line, const char *text) {
    if (!text) return NULL;
    const char *word = document_text(r, words_without_remark(&r->outline.memory, text));
    if (words_are_word(word)) return keep_lower(r, word);
    document_tell(r, DOCUMENT_WARNING, line, "%s '%s' is not one word", column, document_shown(r, text));
    return NULL;
}

/* The type or category: the mapping's, else a field's. */
static const char *read_word(document_reader *r, const char *column, document_said said) {
    const char *mapped = one_word(r, column, r->mapping_line, in_mapping(r, column));
    return mapped ? mapped : one_word(r, column, r->said[said].line, r->said[said].text);
}

/* The hours of the mapping; negative: not said. */
static double mapped_hours(document_reader *r) {
    baton_value v = baton_value_get(r->mapping, "estimated_hours");
    double hours = -1;
    if (baton_value_kind(v) == BATON_KIND_NUMBER) hours = baton_value_as_number(v);
    bool wrong =
        value_is_valid(v) && baton_value_kind(v) != BATON_KIND_NULL && !(hours >= 0 && hours <= 1e6);
    if (wrong) document_tell(r, DOCUMENT_WARNING, r->mapping_line, "estimated_hours is no number of hours");
    value_unref(v);
    return wrong ? -1 : hours;
}

static void read_hours(document_reader *r) {
    document_value said = r->said[SAID_TIME];
    double own = -1, mapped = mapped_hours(r);
    if (said.text && !words_hours(said.text, &own)) {
        own = -1;
        document_tell(r, DOCUMENT_WARNING, said.line, "the estimated time is no single time: '%s'",
                      document_shown(r, said.text));
    }
    if (own >= 0 && mapped >= 0 && own != mapped)
        document_tell(r, DOCUMENT_WARNING, said.line,
                      "the estimated time is %g hours here and %g in the SQL mapping: the first counts",
                      own, mapped);
    r->d->estimated_hours = own >= 0 ? own : mapped;
    if (r->d->estimated_hours < 0 && !said.line) tell_missing(r, "estimated time");
}

/* A path from the repository's root. */
static bool is_repository_path(const char *path) {
    if (*path == '/' || *path == '~' || strchr(path, '\\') || strchr(path, ':')) return false;
    for (const char *p = path; *p;) {
        size_t size = strcspn(p, "/");
        if (size == 2 && p[0] == '.' && p[1] == '.') return false;
        p += size + (p[size] == '/');
    }
    return *path;
}

static const char *read_path(document_reader *r, int line, const char *path) {
    if (!path) return NULL;
    while (path[0] == '.' && path[1] == '/') path += 2;
    if (is_repository_path(path)) return keep(r, path);
    document_tell(r, DOCUMENT_WARNING, line, "source_path '%s' is no path within the repository",
                  document_shown(r, path));
    return NULL;
}

static void read_source_path(document_reader *r) {
    document_value said = r->said[SAID_SOURCE_PATH];
    const char *own = read_path(r, said.line, said.text);
    const char *mapped = read_path(r, r->mapping_line, in_mapping(r, "source_path"));
    if (own && mapped && strcmp(own, mapped) != 0)
        tell_difference(r, "source_path", said.line, own, mapped);
    r->d->source_path = own ? own : mapped;
}

static void read_columns(document_reader *r) {
    task_document *d = r->d;
    read_title(r);
    read_priority(r);
    read_hours(r);
    read_source_path(r);
    d->project_id = keep(r, in_mapping(r, "project_id"));
    d->type = read_word(r, "type", SAID_TYPE);
    d->category = read_word(r, "category", SAID_CATEGORY);
    document_derive(r);
    if (!d->type) tell_missing(r, "type");
    if (!d->category) tell_missing(r, "category");
    if (r->said[SAID_DEPENDENCIES].text) d->dependencies_line = r->said[SAID_DEPENDENCIES].line;
}

/* ---- The file ---- */

static int line_at(const char *text, size_t at) {
    int line = 1;
    for (size_t i = 0; i < at; i++)
        if (text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n')) line++;
    return line;
}

/* False when the file is no text at all, which was told. */
static bool is_readable(document_reader *r, const char *text, size_t size) {
    if (size > LIMIT_DOCUMENT_BYTES) {
        document_tell(r, DOCUMENT_ERROR, 0, "more than %u bytes", LIMIT_DOCUMENT_BYTES);
        return false;
    }
    const char *nul = memchr(text, '\0', size);
    size_t valid = text_utf8_prefix(text, nul ? (size_t)(nul - text) : size);
    if (nul || valid < size) {
        int line = line_at(text, valid);
        if (nul && valid == (size_t)(nul - text))
            document_tell(r, DOCUMENT_ERROR, line, "a NUL byte: this is no text");
        else
            document_tell(r, DOCUMENT_ERROR, line,
                          "byte 0x%02x in line %d is not UTF-8: save the file as UTF-8",
                          (unsigned char)text[valid], line);
        return false;
    }
    int line;
    const char *why = markdown_refuses(text, size, &line);
    if (why) document_tell(r, DOCUMENT_ERROR, line, "%s", why);
    return !why;
}

static bool is_blank(const char *text, size_t size) {
    if (size >= 3 && memcmp(text, "\ufeff", 3) == 0) text += 3, size -= 3;
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\n", text[i])) return false;
    return true;
}

static void read_outline(document_reader *r) {
    task_document *d = r->d;
    for (markdown_problem *p = r->outline.problems; p; p = p->next)
        document_tell(r, DOCUMENT_WARNING, p->line, "%s", p->reason);
    document_assign_roles(r);
    read_mapping_of(r, true);
    if (!value_is_valid(r->mapping)) read_mapping_of(r, false);
    value_assign(&d->metadata, document_read_metadata(r));
    read_columns(r);
}

int task_document_read(task_document *d, const char *text, size_t size, baton_error **err) {
    document_reader r = {.d = d};
    d->estimated_hours = -1;
    d->metadata = baton_value_object();
    if (is_blank(text, size))
        document_tell(&r, DOCUMENT_ERROR, 0, "the file is empty");
    else if (is_readable(&r, text, size)) {
        if (markdown_read(&r.outline, text, size) != 0)
            r.no_memory = true;
        else
            read_outline(&r);
    }
    finish_problems(&r);
    markdown_done(&r.outline);
    value_unref(r.mapping);
    value_unref(r.requirements);
    return r.no_memory ? error_memory(err) : 0;
}

void task_document_done(task_document *d) {
    value_unref(d->metadata);
    arena_done(&d->memory);
    *d = (task_document){0};
}
