/* The seed's "Database Task Creation Instructions": the INSERT statement that a document carries is read
 * here, and those that an export consists of are written.
 *
 * The reader knows SQL's tokens and of its grammar one statement; everything else it steps over. It always
 * stands on one token, of which `kind`, `from` and `text` tell. The first failure makes that token broken
 * and sets the error; from there on no token fits, so that nobody needs to ask twice.
 *
 * The writer uses what SQLite and PostgreSQL, and the programs sqlite3 and psql before them, understand in
 * the same way.
 *
 * Pure functions; any thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/document/mapping.h"

#include "base/error.h"
#include "base/number.h"
#include "base/value.h"
#include "store/store.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_COLUMNS = 64 }; /* the seed has 13 */

/* ---- Tokens ---- */

typedef enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_NAME, /* a word in quotes, which is no keyword */
    TOKEN_TEXT,
    TOKEN_NUMBER,
    TOKEN_MARK, /* any other character */
    TOKEN_BROKEN
} token_kind;

typedef struct reader {
    const char *start, *end;
    const char *from, *at; /* the token begins, and ends before `at` */
    token_kind kind;
    buffer text; /* what it says, without its quotes */
    baton_error **err;
} reader;

static int line_of(const reader *r, const char *at) {
    int line = 1;
    for (const char *p = r->start; p < at && (p = memchr(p, '\n', (size_t)(at - p))); p++) line++;
    return line;
}

__attribute__((format(printf, 3, 4))) static void fail(reader *r, const char *at, const char *format, ...) {
    if (r->kind == TOKEN_BROKEN) return;
    r->kind = TOKEN_BROKEN;
    if (!r->err) return;
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    baton_error_set(r->err, BATON_ERROR_INVALID, "%s", message);
    error_set_place(*r->err, (place){.line = line_of(r, at)});
}

/* Not isalpha and the like, which follow the program's locale. */
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }
static bool begins_word(char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || (unsigned char)c >= 0x80;
}
static bool continues_word(char c) { return begins_word(c) || is_digit(c) || c == '$'; }

/* How many bytes from p on are the text's. */
static size_t rest(const reader *r, const char *p) { return (size_t)(r->end - p); }
static bool begins(const reader *r, const char *p, const char *with) {
    size_t size = strlen(with);
    return rest(r, p) >= size && memcmp(p, with, size) == 0;
}

/* Steps over blanks and comments. */
static void skip_blanks(reader *r) {
    const char *p = r->at;
    for (;;) {
        while (p < r->end && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) p++;
        const char *open = p;
        if (begins(r, p, "--")) {
            p = memchr(p, '\n', rest(r, p));
            if (!p) p = r->end;
        } else if (begins(r, p, "/*")) {
            p = memmem(p + 2, rest(r, p + 2), "*/", 2);
            if (!p) {
                fail(r, open, "a comment without its closing '*/'");
                return;
            }
            p += 2;
        } else {
            r->at = p;
            return;
        }
    }
}

/* What a backslash means before c in E'...'; 0 when it is not one of the usual. */
static char escape(char c) {
    static const char names[] = "nrtbf\\'\"", meanings[] = "\n\r\t\b\f\\'\"";
    const char *name = memchr(names, c, sizeof names - 1);
    return name ? meanings[name - names] : '\0';
}

/* Reads up to the quote that r->at stands on again; twice, it stands for itself. */
static void read_quoted(reader *r, token_kind kind, bool escapes) {
    const char *p = r->at, quote = *p++;
    r->kind = kind;
    for (;;) {
        const char *from = p;
        while (p < r->end && *p != quote && !(escapes && *p == '\\')) p++;
        buffer_append(&r->text, from, (size_t)(p - from));
        if (p == r->end) {
            fail(r, r->from, "a %s without its closing %c", kind == TOKEN_TEXT ? "text" : "name", quote);
            return;
        }
        if (*p == quote && !(rest(r, p) > 1 && p[1] == quote)) break;
        char meaning = *p == quote ? quote : rest(r, p) > 1 ? escape(p[1]) : '\0';
        if (!meaning) {
            fail(r, p, "an escape of E'...' that is not one of \\n \\r \\t \\b \\f \\\\ \\' \\\"");
            return;
        }
        buffer_putc(&r->text, meaning);
        p += 2;
    }
    r->at = p + 1;
}

/* Reads $$text$$ or $word$text$word$; else the "$" is a mark. */
static void read_dollar(reader *r) {
    const char *p = r->at + 1;
    while (p < r->end && *p != '$' && continues_word(*p)) p++;
    if (p == r->end || *p != '$' || is_digit(r->at[1])) {
        r->kind = TOKEN_MARK;
        r->at++;
        return;
    }
    size_t size = (size_t)(++p - r->at);
    const char *close = memmem(p, rest(r, p), r->at, size);
    if (!close) {
        fail(r, r->from, "a text without its closing %.*s", size < 64 ? (int)size : 64, r->at);
        return;
    }
    r->kind = TOKEN_TEXT;
    buffer_append(&r->text, p, (size_t)(close - p));
    r->at = close + size;
}

/* Reads a number, and writes those forms that SQL has beyond JSON (.5, 20., 007) as JSON has them. */
static void read_number(reader *r) {
    const char *p = r->at;
    r->kind = TOKEN_NUMBER;
    while (*p == '0' && rest(r, p) > 1 && is_digit(p[1])) p++;
    if (*p == '.') buffer_putc(&r->text, '0');
    for (; p < r->end; p++) {
        bool sign = (*p == '-' || *p == '+') && lower(p[-1]) == 'e';
        if (!sign && *p != '.' && !continues_word(*p)) break;
        buffer_putc(&r->text, *p);
        if (*p == '.' && !(rest(r, p) > 1 && is_digit(p[1]))) buffer_putc(&r->text, '0');
    }
    r->at = p;
}

static void next(reader *r) {
    if (r->kind == TOKEN_BROKEN) return;
    buffer_clear(&r->text);
    skip_blanks(r);
    if (r->kind == TOKEN_BROKEN) return;
    r->from = r->at;
    char c = r->at < r->end ? *r->at : '\0', then = rest(r, r->at) > 1 ? r->at[1] : '\0';
    if (r->at == r->end) {
        r->kind = TOKEN_END;
    } else if (c == '\'') {
        read_quoted(r, TOKEN_TEXT, false);
    } else if (lower(c) == 'e' && then == '\'') {
        r->at++;
        read_quoted(r, TOKEN_TEXT, true);
    } else if (c == '"' || c == '`') {
        read_quoted(r, TOKEN_NAME, false);
    } else if (c == '$') {
        read_dollar(r);
    } else if (is_digit(c) || (c == '.' && is_digit(then))) {
        read_number(r);
    } else if (begins_word(c)) {
        r->kind = TOKEN_WORD;
        while (r->at < r->end && continues_word(*r->at)) r->at++;
        buffer_append(&r->text, r->from, (size_t)(r->at - r->from));
    } else {
        r->kind = TOKEN_MARK;
        r->at++;
    }
    if (buffer_failed(&r->text) && r->kind != TOKEN_BROKEN) {
        r->kind = TOKEN_BROKEN;
        error_memory(r->err);
    }
}

/* Whether the token says the word, which is in lower case. */
static bool says(const reader *r, const char *word) {
    size_t size = strlen(word), i = 0;
    if (r->text.size != size) return false;
    while (i < size && lower(r->text.data[i]) == word[i]) i++;
    return i == size;
}

static bool is_keyword(const reader *r, const char *word) { return r->kind == TOKEN_WORD && says(r, word); }
static bool is_name(const reader *r) { return r->kind == TOKEN_WORD || r->kind == TOKEN_NAME; }
static bool is_mark(const reader *r, char c) { return r->kind == TOKEN_MARK && *r->from == c; }

static bool take_mark(reader *r, char c) {
    if (!is_mark(r, c)) return false;
    next(r);
    return true;
}

/* No value goes on behind this token. */
static bool is_over(const reader *r) {
    return r->kind == TOKEN_END || r->kind == TOKEN_BROKEN || is_mark(r, ';');
}

static void expected(reader *r, const char *what) {
    fail(r, r->from, "expected %s%s", what, is_over(r) ? ", but the statement is cut off" : "");
}

/* ---- The statement ---- */

/* Whether tasks is the last part of the table's name, which is stepped over. */
static bool take_tasks(reader *r) {
    bool found;
    do {
        found = is_name(r) && says(r, "tasks");
        if (is_name(r)) next(r);
    } while (take_mark(r, '.'));
    return found;
}

/* Steps behind `INSERT INTO tasks`; false when there is none. */
static bool find_statement(reader *r) {
    next(r);
    while (r->kind != TOKEN_END && r->kind != TOKEN_BROKEN) {
        bool insert = is_keyword(r, "insert");
        next(r);
        if (!insert) continue;
        while (r->kind == TOKEN_WORD && !is_keyword(r, "into")) next(r); /* OR REPLACE */
        if (!is_keyword(r, "into")) continue;
        next(r);
        if (take_tasks(r)) return r->kind != TOKEN_BROKEN;
    }
    return false;
}

static bool has_text(baton_value array, const char *text) {
    bool found = false;
    for (size_t i = 0, n = baton_value_size(array); i < n && !found; i++) {
        baton_value element = baton_value_at(array, i);
        found = strcmp(baton_value_as_text(element), text) == 0;
        baton_value_unref(element);
    }
    return found;
}

/* The columns' names; incomplete after a failure. */
static baton_value read_columns(reader *r) {
    baton_value columns = baton_value_array();
    if (!take_mark(r, '(')) {
        expected(r, "the columns in brackets");
        return columns;
    }
    do {
        if (!is_name(r)) {
            expected(r, "a column");
            return columns;
        }
        for (size_t i = 0; i < r->text.size; i++) r->text.data[i] = lower(r->text.data[i]);
        if (has_text(columns, buffer_text(&r->text)))
            fail(r, r->from, "column '%.100s' is there twice", buffer_text(&r->text));
        else if (baton_value_size(columns) == MAX_COLUMNS)
            fail(r, r->from, "more than %d columns", MAX_COLUMNS);
        else
            columns = baton_value_append(columns, baton_value_string(buffer_text(&r->text)));
        next(r);
    } while (take_mark(r, ','));
    if (!take_mark(r, ')')) expected(r, "',' or ')' after a column");
    return columns;
}

/* Whether the text is JSON. Without memory to tell, the token is broken. */
static bool is_json(reader *r) {
    baton_error *err = NULL;
    baton_value value = baton_value_parse(buffer_text(&r->text), r->text.size, &err);
    bool json = baton_value_is_valid(value);
    if (baton_error_get_code(err) == BATON_ERROR_MEMORY) {
        r->kind = TOKEN_BROKEN;
        error_memory(r->err);
    }
    error_clear(&err);
    baton_value_unref(value);
    return json;
}

/* A text wholly within one pair of brackets stands for something else, unless it is JSON. */
static bool is_placeholder(reader *r) {
    static const char opening[] = "[<{", closing[] = "]>}";
    const char *text = buffer_text(&r->text), *kind = memchr(opening, text[0], sizeof opening - 1);
    if (!kind) return false;
    char open = *kind, close = closing[kind - opening];
    size_t depth = 0, i = 0;
    for (; i < r->text.size; i++) {
        if (text[i] == open) depth++;
        if (text[i] == close && --depth == 0) break;
    }
    return i + 1 == r->text.size && !is_json(r);
}

/* NaN when it cannot be read. */
static double number_of(const reader *r) {
    size_t used;
    double number;
    number_outcome outcome = number_read(buffer_text(&r->text), r->text.size, &used, &number);
    return outcome == NUMBER_READ && used == r->text.size ? number : NAN;
}

/* What the token is as a literal; invalid when it is none, or a placeholder. */
static baton_value literal(reader *r) {
    switch (r->kind) {
    case TOKEN_TEXT:
        if (is_placeholder(r)) return VALUE_INVALID;
        return baton_value_string_sized(buffer_text(&r->text), r->text.size);
    case TOKEN_NUMBER: return baton_value_number(number_of(r));
    case TOKEN_WORD:
        if (says(r, "null")) return baton_value_null();
        if (says(r, "true") || says(r, "false")) return baton_value_boolean(says(r, "true"));
        return VALUE_INVALID;
    default: return VALUE_INVALID;
    }
}

static bool ends_value(const reader *r) { return is_over(r) || is_mark(r, ',') || is_mark(r, ')'); }

/* Reads an expression, up to the "," or ")" behind it. Invalid when it is more than a literal. */
static baton_value read_value(reader *r) {
    const char *from = r->from;
    if (ends_value(r)) {
        expected(r, "a value");
        return VALUE_INVALID;
    }
    bool minus = take_mark(r, '-'), sign = minus || take_mark(r, '+');
    baton_value value = VALUE_INVALID;
    if (!sign || r->kind == TOKEN_NUMBER) {
        value = literal(r);
        if (baton_value_is_valid(value)) next(r);
    }
    if (ends_value(r)) {
        if (baton_value_kind(value) != BATON_KIND_NUMBER) return value;
        double number = baton_value_as_number(value);
        if (isnan(number)) fail(r, from, "a number that cannot be read");
        return baton_value_number(minus ? -number : number);
    }
    baton_value_unref(value);
    for (size_t depth = 0; depth ? !is_over(r) : !ends_value(r); next(r)) {
        if (is_mark(r, '(') || is_mark(r, '[')) depth++;
        if (depth && (is_mark(r, ')') || is_mark(r, ']'))) depth--;
    }
    return VALUE_INVALID;
}

static baton_value read_row(reader *r, baton_value columns) {
    const char *from = r->from;
    baton_value row = baton_value_object();
    size_t count = 0, wanted = baton_value_size(columns);
    if (!take_mark(r, '(')) {
        expected(r, "the values in brackets");
        return row;
    }
    do {
        baton_value value = read_value(r);
        if (baton_value_is_valid(value) && count < wanted) {
            baton_value column = baton_value_at(columns, count);
            row = baton_value_set(row, baton_value_as_text(column), value);
            baton_value_unref(column);
        } else {
            baton_value_unref(value);
        }
        count++;
    } while (take_mark(r, ','));
    if (!is_mark(r, ')'))
        expected(r, "',' or ')' after a value");
    else if (count != wanted)
        fail(r, from, "%zu values for %zu columns", count, wanted);
    return row;
}

baton_value mapping_read(const char *sql, size_t size, baton_error **err) {
    reader r = {.start = sql, .end = sql + size, .from = sql, .at = sql, .err = err};
    baton_value row = VALUE_INVALID;
    if (find_statement(&r)) {
        baton_value columns = read_columns(&r);
        if (is_keyword(&r, "values"))
            next(&r);
        else
            expected(&r, "VALUES");
        row = read_row(&r, columns);
        baton_value_unref(columns);
    }
    if (r.kind == TOKEN_BROKEN) value_assign(&row, VALUE_INVALID);
    buffer_done(&r.text);
    return row;
}

/* ---- Writing ---- */

void mapping_write_table(buffer *b) {
    /* Types that change no text in either database. */
    buffer_puts(b, "CREATE TABLE IF NOT EXISTS tasks (\n"
                   "  id TEXT NOT NULL PRIMARY KEY,\n"
                   "  project_id TEXT,\n"
                   "  title TEXT,\n"
                   "  description TEXT,\n"
                   "  type TEXT,\n"
                   "  category TEXT,\n"
                   "  priority TEXT,\n"
                   "  status TEXT,\n"
                   "  source_type TEXT,\n"
                   "  source_path TEXT,\n"
                   "  source_content TEXT,\n"
                   "  metadata TEXT,\n"
                   "  estimated_hours NUMERIC\n"
                   ");\n");
}

/* The program sqlite3 drops a carriage return before the end of a line, also within a text. A text that has
 * any is therefore written as JSON pointers are, with ~1 for each (and ~0 for ~), and the database turns
 * that back. JSON never comes here with one: it would be no literal any more, which PostgreSQL needs for a
 * column of type jsonb. */
static void write_text(buffer *b, const char *text) {
    if (!text) {
        buffer_puts(b, "NULL");
        return;
    }
    bool returns = strchr(text, '\r');
    buffer_puts(b, returns ? "replace(replace('" : "'");
    for (;;) {
        size_t run = strcspn(text, returns ? "'\r~" : "'");
        buffer_append(b, text, run);
        text += run;
        if (!*text) break;
        buffer_puts(b, *text == '\'' ? "''" : *text == '\r' ? "~1" : "~0");
        text++;
    }
    buffer_puts(b, returns ? "', '~1', '\r'), '~0', '~')" : "'");
}

void mapping_write_task(buffer *b, const store_task *task) {
    const char *texts[] = {task->id,          task->project_id,  task->title,          task->description,
                           task->type,        task->category,    task->priority,       task->status,
                           task->source_type, task->source_path, task->source_content, task->metadata};
    buffer_puts(b, "INSERT INTO tasks (\n"
                   "  id, project_id, title, description, type, category, priority, status,\n"
                   "  source_type, source_path, source_content, metadata, estimated_hours\n"
                   ") VALUES (\n");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buffer_puts(b, "  ");
        write_text(b, texts[i]);
        buffer_puts(b, ",\n");
    }
    buffer_puts(b, "  ");
    if (task->estimated_hours >= 0)
        number_write(b, task->estimated_hours);
    else
        buffer_puts(b, "NULL");
    buffer_puts(b, "\n);\n");
}
