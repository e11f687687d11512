/* Prose into references: cut where one ends, ranges spread out, what says "none" left away.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/dependency/dependencies.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "service/dependency/words.h"

#include <strings.h>

typedef struct splitting {
    baton_value references; /* an array */
    baton_value seen;       /* an object with each of them as a key */
    slice head, code;       /* of the last reference on this line that had words before its code */
    baton_error **err;
} splitting;

/* Bytes of the "and" at p that has blanks around it; 0: none. */
static size_t joint_at(const char *p, slice text) {
    static const char *const joints[] = {"and", "&", "+"};
    if (p > text.start && !is_blank(p[-1])) return 0;
    for (size_t i = 0; i < sizeof joints / sizeof *joints; i++) {
        size_t size = strlen(joints[i]);
        if ((size_t)(text.end - p) > size && is_blank(p[size]) &&
            slice_equals((slice){p, p + size}, joints[i]))
            return size;
    }
    return 0;
}

/* The first comma, semicolon, line end or joint outside brackets; the end when there is none. */
static const char *find_cut(slice text) {
    const char *p = text.start;
    while (p < text.end && !strchr(",;\n", *p) && !(p > text.start && joint_at(p, text))) {
        const char *closed = slice_enclosed_end(p, text);
        p = closed ? closed : p + 1;
    }
    return p;
}

/* Whether a text ends as references do and sentences do not. */
static bool ends_like_reference(slice text) {
    static const char *const ends_with[] = {")", "]", "`", "\"", "*", "”", "»", ".md"};
    text = slice_trim(text);
    for (size_t i = 0; i < sizeof ends_with / sizeof *ends_with; i++)
        if (slice_ends(text, ends_with[i])) return true;
    slice words[SLICE_WORDS];
    slice_last_words(text, words);
    return words[0].end == text.end && slice_is_code(words[0]);
}

/* Takes what comes before the next cut. A joint between anything else than references is no cut. */
static slice next_piece(slice *text, bool *line_ends) {
    const char *part = text->start, *cut;
    size_t joint;
    for (;; part = cut + joint) {
        cut = find_cut((slice){part, text->end});
        joint = cut < text->end ? joint_at(cut, *text) : 0;
        if (!joint) break;
        slice left = {part, cut}, right = {cut + joint, text->end};
        right.end = find_cut(right);
        if (ends_like_reference(left) && ends_like_reference(right)) break;
    }
    slice piece = {text->start, cut};
    *line_ends = cut < text->end && *cut == '\n';
    text->start = cut < text->end ? cut + (joint ? joint : 1) : cut;
    return piece;
}

/* Without what stands before a reference in a list: "- ", "1. ", "[x] ", and the "and" of ", and". */
static slice skip_marks(slice s) {
    for (;;) {
        s = slice_trim(s);
        size_t size = 0;
        if (slice_begins(s, "- ") || slice_begins(s, "* "))
            size = 1;
        else if (slice_begins(s, "• "))
            size = strlen("•");
        else if (slice_size(s) > 3 && *s.start == '[' && strchr(" xX~", s.start[1]) && s.start[2] == ']' &&
                 is_blank(s.start[3]))
            size = 3;
        else
            size = joint_at(s.start, s);
        const char *p = s.start;
        while (p < s.end && is_digit(*p)) p++;
        if (p > s.start && s.end - p > 1 && (*p == '.' || *p == ')') && is_blank(p[1]))
            size = (size_t)(p + 1 - s.start);
        if (size == 0) return s;
        s.start += size;
    }
}

/* What stands before its remark in brackets; all of it when it begins with a bracket. */
static slice before_remark(slice s) {
    for (const char *p = s.start + 1; p < s.end; p++)
        if ((*p == '(' || *p == '[') && slice_enclosed_end(p, s)) return slice_trim((slice){s.start, p});
    return s;
}

static bool says_nothing(slice s) {
    static const char *const words[] = {"",
                                        "none",
                                        "none yet",
                                        "none so far",
                                        "none known",
                                        "none required",
                                        "none needed",
                                        "none identified",
                                        "none at this time",
                                        "nothing",
                                        "n a",
                                        "na",
                                        "nil",
                                        "null",
                                        "no",
                                        "not applicable"};
    static const char *const things[] = {"dependency", "dependencies", "prerequisites"};
    char key[SLICE_KEY_BYTES];
    if (!slice_key(s, key)) return false;
    slice all = slice_of(key), rest = all, last[SLICE_WORDS];
    if (SLICE_IS_ONE_OF(all, words)) return true;
    if (!slice_equals(slice_next_word(&rest), "no")) return false;
    slice_last_words(rest, last);
    return SLICE_IS_ONE_OF(last[0], things) || SLICE_IS_ONE_OF(slice_next_word(&rest), things);
}

static bool is_nothing(slice piece) {
    if (!slice_has_word(piece)) return true;
    slice name = before_remark(piece);
    return says_nothing(piece) || (slice_has_word(name) && says_nothing(slice_next_segment(&name)));
}

/* Adds a reference (taken). */
static int add_reference(splitting *s, buffer *b) {
    int rc = 0;
    if (buffer_failed(b))
        rc = error_memory(s->err);
    else if (!baton_value_has(s->seen, buffer_text(b))) {
        if (baton_value_size(s->references) == LIMIT_DEPENDENCIES)
            rc =
                baton_error_set(s->err, BATON_ERROR_LIMIT, "more than %d dependencies", LIMIT_DEPENDENCIES);
        else {
            s->seen = baton_value_set(s->seen, buffer_text(b), baton_value_boolean(true));
            s->references = baton_value_append(s->references, baton_value_string(buffer_text(b)));
        }
    }
    buffer_done(b);
    return rc;
}

typedef struct range {
    slice first, last; /* codes */
} range;

/* Whether this is how a range is joined: "-", "..", "..." or "…", with or without marks and blanks. */
static bool joins_range(slice gap) {
    while (!slice_is_empty(gap) && strchr(" \t*`#", *gap.start)) gap.start++;
    while (!slice_is_empty(gap) && strchr(" \t*`#", gap.end[-1])) gap.end--;
    if (slice_is_empty(gap)) return false;
    return slice_dash_at(gap.start, gap.end) == slice_size(gap) || slice_equals(gap, "..") ||
           slice_equals(gap, "...") || slice_equals(gap, "…");
}

/* "to" joins versions, too ("Vue 2 to 3", "from S3 to S4", "v1 to v2"): they are names. */
static bool means_range(slice before, slice code) {
    bool has_letter = false;
    for (const char *p = code.start; p < code.end; p++) has_letter |= is_latin(*p);
    bool version = (*code.start == 'v' || *code.start == 'V') && is_digit(code.start[1]);
    return !slice_equals(before, "from") && ((has_letter && !version) || slice_ends(before, "s"));
}

/* Whether a name ends in a range. One that goes on ("24-7 support") and a chain ("2024-01-15") are none. */
static bool find_range(slice name, range *r) {
    slice w[SLICE_WORDS];
    slice_last_words(name, w);
    if (!slice_is_code(w[0])) return false;
    slice first = w[1];
    if (slice_equals(w[1], "to") || slice_equals(w[1], "through") || slice_equals(w[1], "thru")) {
        first = w[2];
        if (!slice_is_code(first) || (slice_equals(w[1], "to") && !means_range(w[3], first))) return false;
    } else if (!slice_is_code(first) || !joins_range((slice){first.end, w[0].start}))
        return false;
    if (first.start > name.start && strchr("-/.", first.start[-1])) return false;
    if (first.start - name.start >= 3 && slice_dash_at(first.start - 3, first.start)) return false;
    *r = (range){first, w[0]};
    return true;
}

static int run_number(slice run) {
    if (!is_digit(*run.start)) return to_lower(*run.start);
    int number = 0;
    for (const char *p = run.start; p < run.end; p++) number = number * 10 + (*p - '0');
    return number;
}

static int refuse_range(splitting *s, range r, baton_error_code code, const char *why) {
    return baton_error_set(s->err, code, "the range '%.*s' %s", (int)(r.last.end - r.first.start),
                           r.first.start, why);
}

static void put_words(buffer *b, slice head) {
    buffer_append(b, head.start, slice_size(head));
    if (!slice_is_empty(head)) buffer_putc(b, ' ');
}

/* Adds a piece once for each code of its range, behind words that it took over. */
static int add_range(splitting *s, slice piece, range r, slice head) {
    slice from = slice_last_run(r.first), to = slice_last_run(r.last);
    slice stem = {r.first.start, from.start}, other = {r.last.start, to.start};
    bool digits = is_digit(*from.start);
    if (slice_size(stem) != slice_size(other) ||
        strncasecmp(stem.start, other.start, slice_size(stem)) != 0 || digits != is_digit(*to.start) ||
        (!digits && slice_size(from) + slice_size(to) != 2))
        return refuse_range(
            s, r, BATON_ERROR_INVALID,
            "cannot be read: its ends must differ in their last part only, as in 3A.1-3A.4");
    int first = run_number(from), last = run_number(to);
    if (first > last) return refuse_range(s, r, BATON_ERROR_INVALID, "runs backwards");
    if (last - first >= DEPENDENCY_RANGE_MOST)
        return refuse_range(s, r, BATON_ERROR_LIMIT, "spans more than 100 tasks");
    int width = digits && *from.start == '0' ? (int)slice_size(from) : 0; /* "01-12" */
    int to_case = *from.start - to_lower(*from.start);
    for (int n = first; n <= last; n++) {
        buffer b = {0};
        put_words(&b, head);
        buffer_append(&b, piece.start, (size_t)(from.start - piece.start));
        if (digits)
            buffer_printf(&b, "%0*d", width, n);
        else
            buffer_putc(&b, (char)(n + to_case));
        buffer_append(&b, r.last.end, (size_t)(piece.end - r.last.end));
        if (add_reference(s, &b)) return -1;
    }
    return 0;
}

/* The words that a code alone takes over: those of the code before it, when both look alike. "#12" takes
 * none, for it is whole. */
static slice take_head(splitting *s, slice piece, slice code) {
    slice words[SLICE_WORDS], none = {0};
    slice_last_words((slice){piece.start, code.start}, words);
    if (!slice_is_empty(words[0])) {
        s->head = (slice){piece.start, words[0].end};
        s->code = code;
        return none;
    }
    if (slice_is_empty(s->head) || *piece.start == '#' || !slice_is_alike(s->code, code)) s->head = none;
    return s->head;
}

static int take_piece(splitting *s, slice piece) {
    piece = slice_unwrap(skip_marks(piece));
    slice head = {0}, name = before_remark(piece), words[SLICE_WORDS];
    range r;
    bool ranged = false;
    slice_last_words(name, words);
    slice code = words[0];
    bool is_link = !slice_is_empty(piece) && *piece.start == '['; /* one target, whatever its label says */
    if (!is_link && (ranged = find_range(name, &r))) code = r.first;
    if (!is_link && slice_is_code(code))
        head = take_head(s, piece, code);
    else
        s->head = (slice){0};
    if (is_nothing(piece)) return 0;
    if (ranged) return add_range(s, piece, r, head);
    buffer b = {0};
    put_words(&b, head);
    buffer_append(&b, piece.start, slice_size(piece));
    return add_reference(s, &b);
}

baton_value dependency_split(const char *prose, baton_error **err) {
    splitting s = {.references = baton_value_array(), .seen = baton_value_object(), .err = err};
    slice text = slice_trim(slice_of(prose));
    int rc = 0;
    if (slice_size(text) > DEPENDENCY_PROSE_BYTES)
        rc = baton_error_set(err, BATON_ERROR_LIMIT, "dependencies of more than %d bytes",
                             DEPENDENCY_PROSE_BYTES);
    else if (!slice_is_empty(text) && strchr("[(", *text.start) &&
             slice_enclosed_end(text.start, text) == text.end)
        text = (slice){text.start + 1, text.end - 1};
    while (rc == 0 && !slice_is_empty(text)) {
        bool line_ends;
        rc = take_piece(&s, next_piece(&text, &line_ends));
        if (line_ends) s.head = (slice){0};
    }
    value_unref(s.seen);
    if (rc == 0) return s.references;
    value_unref(s.references);
    return VALUE_INVALID;
}
