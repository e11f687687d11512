/* JSON text to values and back. The reader is strict (RFC 8259) and recurses no deeper than
 * LIMIT_VALUE_DEPTH, or LIMIT_VALUE_WRITE_DEPTH for what Baton wrote itself. The writer keeps its own
 * stack, since expressions can build values deeper than any text that was read, and sorts keys, so that
 * equal values are equal texts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"
#include "base/number.h"
#include "base/text.h"
#include "base/value_jv.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading ---- */

typedef struct reader {
    const char *start, *at, *end;
    const char *file;
    buffer scratch; /* a string with escapes, as it is unescaped */
    int depth, depth_limit;
    baton_error **err;
} reader;

static jv read_value(reader *r);

/* Counts lines, and columns in code points. */
static place find_place(const reader *r, const char *at) {
    place where = {.file = r->file, .line = 1, .column = 1};
    for (const char *p = r->start; p < at; p++) {
        if (*p == '\n') {
            where.line++;
            where.column = 1;
        } else if (((unsigned char)*p & 0xc0) != 0x80) {
            where.column++;
        }
    }
    return where;
}

__attribute__((format(printf, 4, 5))) static jv fail(reader *r, const char *at, baton_error_code code,
                                                     const char *format, ...) {
    if (r->err) {
        char message[256];
        va_list args;
        va_start(args, format);
        vsnprintf(message, sizeof message, format, args);
        va_end(args);
        baton_error_set(r->err, code, "%s", message);
        error_set_place(*r->err, find_place(r, at));
    }
    return jv_invalid();
}

/* Says what was expected where the reader stands. */
static jv expected(reader *r, const char *what) {
    return fail(r, r->at, BATON_ERROR_INVALID, "expected %s%s", what,
                r->at == r->end ? ", but the text ends" : "");
}

/* The next character that is not blank; -1 at the end. */
static int peek(reader *r) {
    const char *p = r->at;
    while (p < r->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    r->at = p;
    return p < r->end ? (unsigned char)*p : -1;
}

static int hex_digits(const char *p, const char *end) {
    int value = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

static void append_code_point(buffer *b, unsigned c) {
    char text[4];
    size_t n = 0;
    if (c < 0x80) {
        text[n++] = (char)c;
    } else if (c < 0x800) {
        text[n++] = (char)(0xc0 | c >> 6);
        text[n++] = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        text[n++] = (char)(0xe0 | c >> 12);
        text[n++] = (char)(0x80 | (c >> 6 & 63));
        text[n++] = (char)(0x80 | (c & 63));
    } else {
        text[n++] = (char)(0xf0 | c >> 18);
        text[n++] = (char)(0x80 | (c >> 12 & 63));
        text[n++] = (char)(0x80 | (c >> 6 & 63));
        text[n++] = (char)(0x80 | (c & 63));
    }
    buffer_append(b, text, n);
}

/* Unescapes what stands after "\u" at p; the end of it, or NULL after a failure. */
static const char *read_unicode_escape(reader *r, const char *p) {
    const char *from = p - 2;
    int c = hex_digits(p, r->end);
    if (c < 0) {
        fail(r, from, BATON_ERROR_INVALID, "expected four hexadecimal digits after \\u");
        return NULL;
    }
    p += 4;
    if (c >= 0xd800 && c < 0xe000) {
        int low = r->end - p >= 2 && p[0] == '\\' && p[1] == 'u' ? hex_digits(p + 2, r->end) : -1;
        if (c >= 0xdc00 || low < 0xdc00 || low >= 0xe000) {
            fail(r, from, BATON_ERROR_INVALID, "%.6s is half of a surrogate pair", from);
            return NULL;
        }
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    append_code_point(&r->scratch, (unsigned)c);
    return p;
}

/* Unescapes what the backslash at p begins; the end of it, or NULL after a failure. */
static const char *read_escape(reader *r, const char *p) {
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (r->end - p >= 2) {
        if (p[1] == 'u') return read_unicode_escape(r, p + 2);
        const char *name = memchr(names, p[1], sizeof names - 1);
        if (name) {
            buffer_putc(&r->scratch, meanings[name - names]);
            return p + 2;
        }
    }
    fail(r, p, BATON_ERROR_INVALID, "an escape that JSON does not have");
    return NULL;
}

/* Characters that end a run of a string which can be copied as it is. */
static inline bool ends_run(char c) { return (unsigned char)c < ' ' || c == '"' || c == '\\'; }

static jv read_string(reader *r) {
    const char *open = r->at, *from = open + 1, *p = from;
    buffer_clear(&r->scratch);
    for (;;) {
        while (p < r->end && !ends_run(*p)) p++;
        if (p == r->end) return fail(r, open, BATON_ERROR_INVALID, "a string without its closing '\"'");
        if (*p == '"') break;
        if (*p != '\\')
            return fail(r, p, BATON_ERROR_INVALID, "a control character in a string; write it as \\u%04x",
                        (unsigned)*p);
        buffer_append(&r->scratch, from, (size_t)(p - from));
        p = read_escape(r, p);
        if (!p) return jv_invalid();
        from = p;
    }
    size_t raw = (size_t)(p - open - 1), valid = text_utf8_prefix(open + 1, raw);
    if (valid < raw) return fail(r, open + 1 + valid, BATON_ERROR_INVALID, "bytes that are not UTF-8");
    r->at = p + 1;
    if (r->scratch.size == 0 && !r->scratch.failed) return jv_string_sized(from, (int)(p - from));
    buffer_append(&r->scratch, from, (size_t)(p - from));
    if (buffer_failed(&r->scratch)) return fail(r, open, BATON_ERROR_MEMORY, "out of memory");
    return jv_string_sized(r->scratch.data, (int)r->scratch.size);
}

static jv read_number(reader *r) {
    size_t used;
    double number;
    int shown;
    switch (number_read(r->at, (size_t)(r->end - r->at), &used, &number)) {
    case NUMBER_READ: r->at += used; return jv_number(number);
    case NUMBER_NONE: return fail(r, r->at + used, BATON_ERROR_INVALID, "a malformed number");
    case NUMBER_LONG:
        return fail(r, r->at, BATON_ERROR_LIMIT, "a number of more than %d characters", LIMIT_NUMBER_BYTES);
    case NUMBER_INEXACT:
        shown = used < 64 ? (int)used : 64;
        return fail(r, r->at, BATON_ERROR_INVALID, "%.*s cannot be held exactly by a double", shown, r->at);
    default:
        shown = used < 64 ? (int)used : 64;
        return fail(r, r->at, BATON_ERROR_INVALID, "%.*s is larger than any double", shown, r->at);
    }
}

static jv read_word(reader *r, const char *word, jv meaning) {
    size_t size = strlen(word);
    if ((size_t)(r->end - r->at) < size || memcmp(r->at, word, size) != 0) return expected(r, "a value");
    r->at += size;
    return meaning;
}

static jv read_array(reader *r) {
    jv array = jv_array();
    r->at++;
    if (peek(r) == ']') {
        r->at++;
        return array;
    }
    for (;;) {
        jv element = read_value(r);
        if (!jv_is_valid(element)) break;
        array = jv_array_append(array, element);
        int c = peek(r);
        if (c == ',') {
            r->at++;
        } else if (c == ']') {
            r->at++;
            return array;
        } else {
            expected(r, "',' or ']' in an array");
            break;
        }
    }
    jv_free(array);
    return jv_invalid();
}

/* Reads `"key": value` into the object, which it takes; invalid after a failure. */
static jv read_member(reader *r, jv object) {
    const char *at = r->at;
    jv key = read_string(r), member = jv_invalid();
    if (jv_is_valid(key)) {
        if (jv_object_has(jv_copy(object), jv_copy(key))) {
            fail(r, at, BATON_ERROR_INVALID, "key \"%.100s\" is there twice", jv_string_value(key));
        } else if (peek(r) != ':') {
            expected(r, "':' after a key");
        } else {
            r->at++;
            member = read_value(r);
        }
    }
    if (jv_is_valid(member)) return jv_object_set(object, key, member);
    jv_free(key);
    jv_free(object);
    return jv_invalid();
}

static jv read_object(reader *r) {
    jv object = jv_object();
    r->at++;
    if (peek(r) == '}') {
        r->at++;
        return object;
    }
    for (;;) {
        if (peek(r) != '"') {
            expected(r, "a key in '\"'");
            break;
        }
        object = read_member(r, object);
        if (!jv_is_valid(object)) return object;
        int c = peek(r);
        if (c == ',') {
            r->at++;
        } else if (c == '}') {
            r->at++;
            return object;
        } else {
            expected(r, "',' or '}' in an object");
            break;
        }
    }
    jv_free(object);
    return jv_invalid();
}

static jv read_value(reader *r) {
    int c = peek(r);
    if (c == '"') return read_string(r);
    if (c == '-' || (c >= '0' && c <= '9')) return read_number(r);
    if (c == '{' || c == '[') {
        if (r->depth == r->depth_limit)
            return fail(r, r->at, BATON_ERROR_LIMIT, "nested deeper than %d levels", r->depth_limit);
        r->depth++;
        jv container = c == '{' ? read_object(r) : read_array(r);
        r->depth--;
        return container;
    }
    if (c == 't') return read_word(r, "true", jv_true());
    if (c == 'f') return read_word(r, "false", jv_false());
    if (c == 'n') return read_word(r, "null", jv_null());
    return expected(r, "a value");
}

static baton_value read_text(reader r, size_t size) {
    const char *json = r.start;
    if (size > LIMIT_JSON_BYTES) {
        fail(&r, json, BATON_ERROR_LIMIT, "a JSON text of more than %u bytes", LIMIT_JSON_BYTES);
        return VALUE_INVALID;
    }
    if (size >= 3 && memcmp(json, "\xef\xbb\xbf", 3) == 0) r.start = r.at = json + 3;
    jv value = read_value(&r);
    if (jv_is_valid(value) && peek(&r) != -1) {
        expected(&r, "nothing more after the value");
        jv_free(value);
        value = jv_invalid();
    }
    buffer_done(&r.scratch);
    return value_from_jv(value);
}

baton_value value_parse(const char *json, size_t size, const char *file, baton_error **err) {
    return read_text((reader){.start = json,
                              .at = json,
                              .end = json + size,
                              .file = file,
                              .depth_limit = LIMIT_VALUE_DEPTH,
                              .err = err},
                     size);
}

baton_value value_parse_stored(const char *json, size_t size, baton_error **err) {
    return read_text((reader){.start = json,
                              .at = json,
                              .end = json + size,
                              .depth_limit = LIMIT_VALUE_WRITE_DEPTH,
                              .err = err},
                     size);
}

baton_value baton_value_parse(const char *json, size_t size, baton_error **err) {
    return value_parse(json, size, NULL, err);
}

/* ---- Writing ---- */

typedef struct member {
    const char *key;
    size_t key_size;
    int at; /* libjq's position in the object */
} member;

/* A container that is being written, and how far. */
typedef struct level {
    jv container;
    int next, count;
    size_t members; /* where those of an object begin in the writer's list */
} level;

typedef struct writer {
    buffer *out;
    bool pretty;
    bool too_deep; /* that is why `out` failed */
    size_t depth_limit, size_limit;
    level *levels; /* the stack */
    size_t depth, level_capacity;
    member *members; /* of all open objects, each one's sorted */
    size_t member_count, member_capacity;
    const void *few_levels, *few_members; /* what both begin with, on the C stack */
} writer;

enum { FEW_LEVELS = 8, FEW_MEMBERS = 16 };

static void write_escaped(buffer *b, const char *text, size_t size) {
    const char *from = text, *end = text + size;
    for (const char *p = text; p < end; p++) {
        if (!ends_run(*p)) continue;
        buffer_append(b, from, (size_t)(p - from));
        from = p + 1;
        switch (*p) {
        case '"': buffer_append(b, "\\\"", 2); break;
        case '\\': buffer_append(b, "\\\\", 2); break;
        case '\b': buffer_append(b, "\\b", 2); break;
        case '\f': buffer_append(b, "\\f", 2); break;
        case '\n': buffer_append(b, "\\n", 2); break;
        case '\r': buffer_append(b, "\\r", 2); break;
        case '\t': buffer_append(b, "\\t", 2); break;
        default: buffer_printf(b, "\\u%04x", (unsigned)*p);
        }
    }
    buffer_append(b, from, (size_t)(end - from));
}

static void write_string(buffer *b, const char *text, size_t size) {
    buffer_putc(b, '"');
    write_escaped(b, text, size);
    buffer_putc(b, '"');
}

void value_write_text(buffer *b, const char *text) {
    if (!text) {
        buffer_append(b, "null", 4);
        return;
    }
    size_t rest = strlen(text);
    buffer_putc(b, '"');
    for (;;) {
        size_t valid = text_utf8_prefix(text, rest);
        write_escaped(b, text, valid);
        if (valid == rest) break;
        buffer_append(b, "\xef\xbf\xbd", 3); /* U+FFFD for each byte that is no UTF-8 */
        text += valid + 1;
        rest -= valid + 1;
    }
    buffer_putc(b, '"');
}

/* The list, moved when it had to grow for `need` items; NULL, with the output failed, without memory. */
static void *make_room(writer *w, void *list, const void *few, size_t *capacity, size_t need, size_t item) {
    if (need <= *capacity) return list;
    size_t room = *capacity * 2;
    void *grown = realloc(list == few ? NULL : list, room * item);
    if (!grown) {
        w->out->failed = true;
        return NULL;
    }
    if (list == few) memcpy(grown, few, *capacity * item);
    *capacity = room;
    return grown;
}

static int compare_members(const void *a, const void *b) {
    const member *x = a, *y = b;
    size_t common = x->key_size < y->key_size ? x->key_size : y->key_size;
    int order = memcmp(x->key, y->key, common);
    if (order != 0) return order;
    return x->key_size < y->key_size ? -1 : x->key_size > y->key_size;
}

/* Most objects are small; qsort's calls cost more than moving their few members. */
static void sort_members(member *members, int count) {
    if (count > 16) {
        qsort(members, (size_t)count, sizeof *members, compare_members);
        return;
    }
    for (int i = 1; i < count; i++) {
        member m = members[i];
        int at = i;
        for (; at > 0 && compare_members(&members[at - 1], &m) > 0; at--) members[at] = members[at - 1];
        members[at] = m;
    }
}

static bool list_members(writer *w, level *l) {
    l->members = w->member_count;
    jv_object_keys_foreach(l->container, key) {
        member *members = make_room(w, w->members, w->few_members, &w->member_capacity, w->member_count + 1,
                                    sizeof *members);
        if (!members) {
            jv_free(key);
            return false;
        }
        w->members = members;
        w->members[w->member_count++] = (member){
            .key = jv_string_value(key), .key_size = (size_t)jv_string_length_bytes(key), .at = jv_i__};
    }
    l->count = (int)(w->member_count - l->members);
    if (l->count > 1) sort_members(w->members + l->members, l->count);
    return true;
}

static void new_line(writer *w) {
    if (!w->pretty) return;
    buffer_putc(w->out, '\n');
    for (size_t i = 0; i < w->depth; i++) buffer_append(w->out, "  ", 2);
}

/* Begins a container, which it takes. */
static void open_level(writer *w, jv container) {
    bool object = jv_get_kind(container) == JV_KIND_OBJECT;
    level l = {.container = container}, *levels = NULL;
    w->too_deep = w->depth == w->depth_limit;
    if (!w->too_deep)
        levels = make_room(w, w->levels, w->few_levels, &w->level_capacity, w->depth + 1, sizeof l);
    if (levels) w->levels = levels;
    if (!levels || (object && !list_members(w, &l))) {
        w->out->failed = true;
        jv_free(container);
        return;
    }
    if (!object) l.count = jv_array_length(jv_copy(container));
    buffer_putc(w->out, object ? '{' : '[');
    w->levels[w->depth++] = l;
}

/* Writes a scalar, or opens a container. Takes the value. */
static void write_value(writer *w, jv value) {
    switch (jv_get_kind(value)) {
    case JV_KIND_TRUE: buffer_append(w->out, "true", 4); break;
    case JV_KIND_FALSE: buffer_append(w->out, "false", 5); break;
    case JV_KIND_NUMBER: number_write(w->out, jv_number_value(value)); break;
    case JV_KIND_STRING:
        write_string(w->out, jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value)));
        break;
    case JV_KIND_ARRAY:
    case JV_KIND_OBJECT: open_level(w, value); return;
    default: buffer_append(w->out, "null", 4); break;
    }
    jv_free(value);
}

/* Writes the next element or member of the innermost container, or its end. */
static void write_next(writer *w) {
    level *l = &w->levels[w->depth - 1];
    bool object = jv_get_kind(l->container) == JV_KIND_OBJECT;
    if (l->next == l->count) {
        int count = l->count;
        if (object) w->member_count = l->members;
        jv_free(l->container);
        w->depth--;
        if (count > 0) new_line(w);
        buffer_putc(w->out, object ? '}' : ']');
        return;
    }
    if (l->next > 0) buffer_putc(w->out, ',');
    new_line(w);
    int at = l->next++;
    if (object) {
        const member *m = &w->members[l->members + (size_t)at];
        write_string(w->out, m->key, m->key_size);
        buffer_append(w->out, ": ", w->pretty ? 2 : 1);
        write_value(w, jv_object_iter_value(l->container, m->at));
    } else {
        write_value(w, jv_array_get(jv_copy(l->container), at));
    }
}

/* Stops behind the size limit. */
static void write_all(writer *w, baton_value value) {
    level levels[FEW_LEVELS];
    member members[FEW_MEMBERS];
    w->few_levels = w->levels = levels;
    w->level_capacity = FEW_LEVELS;
    w->few_members = w->members = members;
    w->member_capacity = FEW_MEMBERS;
    write_value(w, jv_copy(value_to_jv(value)));
    while (w->depth > 0 && !buffer_failed(w->out) && w->out->size <= w->size_limit) write_next(w);
    while (w->depth > 0) jv_free(w->levels[--w->depth].container);
    if (w->levels != levels) free(w->levels);
    if (w->members != members) free(w->members);
}

void value_write(buffer *b, baton_value value) {
    writer w = {.out = b, .depth_limit = LIMIT_VALUE_WRITE_DEPTH, .size_limit = SIZE_MAX};
    write_all(&w, value);
}

void value_write_pretty(buffer *b, baton_value value) {
    writer w = {.out = b, .pretty = true, .depth_limit = LIMIT_VALUE_WRITE_DEPTH, .size_limit = SIZE_MAX};
    write_all(&w, value);
}

/* ---- Measuring ---- */

/* No text of one scalar is longer, with what stands between it and the next; a string's bytes come on top,
 * each as \u0000 at most. */
enum { SCALAR_MOST = 32, CHARACTER_MOST = 6 };

/* Takes from *room what the text may have at most, value taken: a bound that needs no look into strings and
 * numbers. VALUE_TOO_LARGE says that it was not enough. */
static value_fit bound(jv value, size_t *room, int depth) {
    value_fit fit = VALUE_FITS;
    size_t most = SCALAR_MOST;
    jv_kind kind = jv_get_kind(value);
    if (kind == JV_KIND_STRING) most += CHARACTER_MOST * (size_t)jv_string_length_bytes(jv_copy(value));
    if (most > *room)
        fit = VALUE_TOO_LARGE;
    else if ((kind == JV_KIND_ARRAY || kind == JV_KIND_OBJECT) && depth == LIMIT_OUTPUT_DEPTH)
        fit = VALUE_TOO_DEEP;
    if (fit == VALUE_FITS) *room -= most;
    if (kind == JV_KIND_ARRAY) {
        int count = jv_array_length(jv_copy(value));
        for (int i = 0; fit == VALUE_FITS && i < count; i++)
            fit = bound(jv_array_get(jv_copy(value), i), room, depth + 1);
    } else if (kind == JV_KIND_OBJECT) {
        for (int at = jv_object_iter(value); fit == VALUE_FITS && jv_object_iter_valid(value, at);
             at = jv_object_iter_next(value, at)) {
            fit = bound(jv_object_iter_key(value, at), room, depth + 1);
            if (fit == VALUE_FITS) fit = bound(jv_object_iter_value(value, at), room, depth + 1);
        }
    }
    jv_free(value);
    return fit;
}

value_fit value_fits(baton_value value, size_t bytes) {
    if (value_is_plain(value)) return VALUE_FITS;
    size_t room = bytes;
    value_fit fit = bound(jv_copy(value_to_jv(value)), &room, 0);
    if (fit != VALUE_TOO_LARGE) return fit;
    /* It may yet fit: only its text tells. */
    if (baton_value_size(value) > bytes) return VALUE_TOO_LARGE;
    buffer text = {0};
    writer w = {.out = &text, .depth_limit = LIMIT_OUTPUT_DEPTH, .size_limit = bytes};
    write_all(&w, value);
    if (w.too_deep)
        fit = VALUE_TOO_DEEP;
    else if (!buffer_failed(&text) && text.size <= bytes)
        fit = VALUE_FITS;
    buffer_done(&text);
    return fit;
}
