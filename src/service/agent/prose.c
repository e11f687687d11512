/* Takes prose apart in one pass over its lines. A line is cleared of its marks, then read word by word; a
 * fence, an open quote and the sentence under way are all the state that outlives a line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/prose.h"

#include "base/hash.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    SIZE_MOST = 1 << 30,
    WRAPPED_BYTES = 50, /* a line at least so long may have been wrapped */
    UNREADABLE = 0xfffd
};

typedef struct reader {
    prose *p;
    const char *original; /* p->text before it went to lower case */
    bool failed;
    bool broken; /* the next line begins a paragraph */

    size_t last_end; /* of the line before; and its length */
    size_t last_size;

    size_t fence; /* the length of the fence that is open; 0: none */
    char fence_mark;
    uint32_t fence_first; /* its first line */

    uint32_t quote;      /* the quote mark that is open; 0: none */
    uint32_t quote_from; /* the token it stands before */
    size_t code;         /* the length of the run of backticks or ~ that is open; 0: none */
    char code_mark;
    uint32_t code_from;
} reader;

/* ---- characters ---- */

size_t prose_character(const char *text, size_t size, uint32_t *code) {
    unsigned char first = (unsigned char)*text;
    *code = first;
    if (first < 0x80) return 1;
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length > size || text_utf8_prefix(text, length) != length) {
        *code = UNREADABLE;
        return 1;
    }
    uint32_t c = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) c = c << 6 | ((unsigned char)text[i] & 0x3f);
    *code = c;
    return length;
}

static bool is_blank(uint32_t c) { return c == ' ' || c == '\t'; }
static bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }

/* Letters, digits and what belongs to them, of any script: all that is not known to be something else. */
static bool is_word(uint32_t c) {
    if (c < 0x80) return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    static const uint32_t others[][2] = {
        {0x80, 0xa9},     {0xab, 0xb4},     {0xb6, 0xb9},     {0xbb, 0xbf},     {0xd7, 0xd7},
        {0xf7, 0xf7},     {0x1680, 0x1680}, {0x2000, 0x206f}, {0x20a0, 0x20cf}, {0x2190, 0x2bff},
        {0x2e00, 0x2e7f}, {0x3000, 0x3004}, {0x3008, 0x3020}, {0x3030, 0x3030}, {0xe000, 0xf8ff},
        {0xfe00, 0xfe6f}, {0xfeff, 0xff0f}, {0xff1a, 0xff20}, {0xfff0, 0xffff}, {0x1f000, 0x1fbff},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others && c >= others[i][0]; i++)
        if (c <= others[i][1]) return false;
    return c < 0xe0000;
}

/* Lower case where both cases are two bytes long: Latin, Greek, Cyrillic. */
static uint32_t lower(uint32_t c) {
    if (c >= 0xc0 && c <= 0xde) return c == 0xd7 ? c : c + 0x20;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) return c + (c & 1);
    if (c >= 0x100 && c <= 0x177) return c == 0x130 || c == 0x131 || c == 0x138 ? c : c | 1;
    if (c >= 0x391 && c <= 0x3a9) return c + 0x20;
    if (c >= 0x400 && c <= 0x40f) return c + 0x50;
    if (c >= 0x410 && c <= 0x42f) return c + 0x20;
    return c;
}

/* Terminals' colours (ESC [ ... letter) become blanks, carriage returns line ends. */
static void lower_text(char *text, size_t size) {
    for (size_t at = 0; at < size;) {
        if (text[at] == '\x1b' && text[at + 1] == '[') {
            text[at++] = ' ';
            text[at++] = ' ';
            while (text[at] >= ' ' && text[at] < '@') text[at++] = ' ';
            if (text[at] >= '@' && text[at] <= '~') text[at++] = ' ';
            continue;
        }
        uint32_t c;
        size_t length = prose_character(text + at, size - at, &c);
        if (c == '\r') text[at] = text[at + 1] == '\n' ? ' ' : '\n';
        if (c >= 'A' && c <= 'Z') text[at] = (char)(c + 0x20);
        if (length == 2) {
            c = lower(c);
            text[at] = (char)(0xc0 | c >> 6);
            text[at + 1] = (char)(0x80 | (c & 0x3f));
        }
        at += length;
    }
}

/* ---- what is kept ---- */

static void *room(reader *r, void *items, uint32_t count, uint32_t *capacity, size_t size) {
    if (count < *capacity) return items;
    uint32_t more = *capacity ? *capacity * 2 : 16;
    void *grown = realloc(items, more * size);
    if (!grown) {
        r->failed = true;
        return items;
    }
    *capacity = more;
    return grown;
}

static prose_line *last_line(const reader *r) { return &r->p->lines[r->p->line_count - 1]; }

static void add_line(reader *r) {
    prose *p = r->p;
    p->lines = room(r, p->lines, p->line_count, &p->line_capacity, sizeof *p->lines);
    if (r->failed) return;
    p->lines[p->line_count++] = (prose_line){.sum = HASH_STABLE, .fenced = r->fence > 0};
}

static void add_sentence(reader *r) {
    prose *p = r->p;
    p->sentences = room(r, p->sentences, p->sentence_count, &p->sentence_capacity, sizeof *p->sentences);
    if (r->failed) return;
    p->sentences[p->sentence_count++] = (prose_sentence){.sum = HASH_STABLE};
}

static void add_token(reader *r, prose_kind kind, size_t begin, size_t end) {
    prose *p = r->p;
    p->tokens = room(r, p->tokens, p->token_count, &p->token_capacity, sizeof *p->tokens);
    if (r->failed) return;
    p->tokens[p->token_count++] = (prose_token){.begin = (uint32_t)begin,
                                                .end = (uint32_t)end,
                                                .line = p->line_count - 1,
                                                .sentence = p->sentence_count - 1,
                                                .kind = (uint8_t)kind};
}

static void add_to_sums(reader *r, size_t begin, size_t end) {
    prose_line *line = last_line(r);
    prose_sentence *sentence = &r->p->sentences[r->p->sentence_count - 1];
    const char *text = r->p->text;
    for (size_t at = begin, length; at < end; at += length) {
        uint32_t c;
        length = prose_character(text + at, end - at, &c);
        if (c == '_' || !is_word(c)) continue;
        line->sum = hash_stable(line->sum, text + at, length);
        sentence->sum = hash_stable(sentence->sum, text + at, length);
    }
}

/* `counted_from` is where the line's own words begin: what stands before it is a number of a listing. */
static void add_word(reader *r, size_t begin, size_t end, size_t counted_from) {
    const char *text = r->p->text;
    while (end - begin > 1 && text[begin] == '_') begin++;
    while (end - begin > 1 && text[end - 1] == '_') end--;
    add_token(r, PROSE_WORD, begin, end);
    if (r->failed) return;
    last_line(r)->words++;
    r->p->sentences[r->p->sentence_count - 1].words++;
    if (begin >= counted_from) add_to_sums(r, begin, end);
}

/* ---- quotes and code spans ---- */

static bool is_quote(uint32_t c) {
    return c == '"' || c == '\'' || c == 0xab || c == 0xbb || c == 0x2018 || c == 0x2019 || c == 0x201a ||
           (c >= 0x201c && c <= 0x201e);
}

static bool closes(uint32_t open, uint32_t c) {
    switch (open) {
    case 0xab: return c == 0xbb;
    case 0xbb: return c == 0xab;
    case 0x2018: return c == 0x2019;
    case 0x201a: return c == 0x2018 || c == 0x2019;
    case 0x201c: return c == 0x201d;
    case 0x201e: return c == 0x201c || c == 0x201d;
    default: return c == open;
    }
}

static void mark_quoted(reader *r, uint32_t from) {
    for (uint32_t i = from; i < r->p->token_count; i++) r->p->tokens[i].quoted = true;
}

/* A single quote mark opens only where no word goes on: elsewhere it is an apostrophe. */
static void read_quote(reader *r, uint32_t c, bool after_word, bool before_word) {
    if (r->quote && closes(r->quote, c)) {
        if (c == '\'' && before_word) return;
        mark_quoted(r, r->quote_from);
        r->quote = 0;
    } else if (!r->quote && c != 0x2019 && (c != '\'' || (!after_word && before_word))) {
        r->quote = c;
        r->quote_from = r->p->token_count;
    }
}

/* A run of backticks, or of ~, which strikes out. */
static void read_code_mark(reader *r, char mark, size_t length) {
    if (!r->code) {
        r->code = length;
        r->code_mark = mark;
        r->code_from = r->p->token_count;
    } else if (r->code == length && r->code_mark == mark) {
        mark_quoted(r, r->code_from);
        r->code = 0;
    }
}

/* ---- words and signs ---- */

/* What joins the characters on both its sides into one word. */
static bool joins(uint32_t c, uint32_t before, const char *after) {
    switch (c) {
    case '-':
    case '.':
    case '/':
    case '\\':
    case '@':
    case '&':
    case '+':
    case '#':
    case '\'':
    case 0xb4:
    case 0x2010:
    case 0x2011:
    case 0x2018:
    case 0x2019:
    case 0x2032:
    case 0xff07: return true;
    case ',':
    case 0x2013: return is_digit(before) && is_digit((unsigned char)*after);
    case '`': return before == 'n' && *after == 't';
    default: return false;
    }
}

static bool word_at(const char *text, size_t at, size_t end) {
    uint32_t c;
    if (at >= end) return false;
    prose_character(text + at, end - at, &c);
    return is_word(c);
}

/* A word also begins with what belongs to a path, an option or a name: "--done", "/tmp/done", "@done". */
static size_t word_prefix(const char *text, size_t at, size_t begin, size_t end) {
    if (at > begin && !is_blank((unsigned char)text[at - 1])) return 0;
    size_t length = 0;
    while (at + length < end && strchr("-./\\@#$~!", text[at + length])) length++;
    if (length == 0 || !word_at(text, at + length, end)) return 0;
    bool only_dots = length > 1 && text[at] == '.' && text[at + length - 1] == '.';
    bool struck_out = length > 1 && text[at] == '~' && text[at + 1] == '~';
    bool rule = length > 2 && text[at] == '-';
    return only_dots || struck_out || rule ? 0 : length;
}

/* The length of the word at `at`; 0 when none begins there. */
static size_t word_length(const char *text, size_t at, size_t begin, size_t end) {
    size_t i = at + word_prefix(text, at, begin, end);
    uint32_t before = 0;
    if (!word_at(text, i, end)) return 0;
    while (i < end) {
        uint32_t c;
        size_t length = prose_character(text + i, end - i, &c);
        if (!is_word(c) && !(joins(c, before, text + i + length) && word_at(text, i + length, end))) break;
        before = c;
        i += length;
    }
    return i - at;
}

static bool is_cross(uint32_t c) {
    static const uint32_t crosses[] = {0x2610, 0x2715, 0x2716,  0x2717,  0x2718,  0x274c,
                                       0x274e, 0x26d4, 0x23f3,  0x23f8,  0x2b1c,  0x25a1,
                                       0x25fb, 0x231b, 0x1f6ab, 0x1f6a7, 0x1f6d1, 0x1f534};
    for (size_t i = 0; i < sizeof crosses / sizeof *crosses; i++)
        if (c == crosses[i]) return true;
    return false;
}

/* What a sign means; PROSE_WORD: nothing. */
static prose_kind sign(uint32_t c) {
    switch (c) {
    case '.':
    case '!':
    case 0x3002:
    case 0xff01: return PROSE_STOP;
    case '?':
    case 0xff1f: return PROSE_QUESTION;
    case ':':
    case '=':
    case 0xff1a: return PROSE_COLON;
    case '(': return PROSE_OPEN;
    case ',':
    case ';':
    case '|':
    case '<':
    case '>':
    case '-':
    case '&':
    case '+':
    case 0xb7:
    case 0x2022:
    case 0x2026:
    case 0x3001:
    case 0xff0c: return PROSE_CLAUSE;
    default: break;
    }
    if (is_cross(c)) return PROSE_CROSS;
    bool picture = (c >= 0x2012 && c <= 0x2015) || (c >= 0x2190 && c <= 0x21ff) ||
                   (c >= 0x2300 && c <= 0x2bff) || (c >= 0x1f000 && c <= 0x1fbff);
    return picture ? PROSE_CLAUSE : PROSE_WORD;
}

/* "?!" is a question, "..." a pause. */
static void read_sign(reader *r, prose_kind kind, size_t begin, size_t end) {
    prose *p = r->p;
    prose_token *last = p->token_count ? &p->tokens[p->token_count - 1] : NULL;
    if (kind == PROSE_WORD) return;
    if (last && last->end == begin && (last->kind == PROSE_STOP || last->kind == PROSE_QUESTION) &&
        (kind == PROSE_STOP || kind == PROSE_QUESTION)) {
        if (kind == PROSE_QUESTION) last->kind = PROSE_QUESTION;
        last->end = (uint32_t)end;
        return;
    }
    if (kind == PROSE_STOP && p->text[begin] == '.' && p->text[end] == '.') kind = PROSE_CLAUSE;
    add_token(r, kind, begin, end);
    if (kind == PROSE_STOP || kind == PROSE_QUESTION) add_sentence(r);
}

static void read_words(reader *r, size_t begin, size_t end, size_t counted_from) {
    const char *text = r->p->text;
    bool after_word = false;
    for (size_t at = begin; at < end && !r->failed;) {
        size_t length = word_length(text, at, begin, end);
        if (length) {
            add_word(r, at, at + length, counted_from);
            after_word = true;
            at += length;
            continue;
        }
        uint32_t c;
        length = prose_character(text + at, end - at, &c);
        if (c == '`' || c == '~') {
            while (at + length < end && text[at + length] == text[at]) length++;
            read_code_mark(r, text[at], length);
        } else if (c == '%' || c == '/') {
            add_token(r, PROSE_WORD, at, at + 1);
        } else if (is_quote(c)) {
            read_quote(r, c, after_word, word_at(text, at + length, end));
        } else if (c == '.') {
            while (at + length < end && text[at + length] == '.') length++;
            read_sign(r, length > 1 ? PROSE_CLAUSE : PROSE_STOP, at, at + length);
        } else {
            read_sign(r, sign(c), at, at + length);
        }
        after_word = false;
        at += length;
    }
}

/* ---- lines ---- */

/* Skips quote marks, the marks of lists, headings and tables, and boxes. True when one of them begins an
 * entry of its own. */
static bool skip_marks(const char *text, size_t *at, size_t end, bool *heading, bool *open) {
    bool entry = false;
    for (size_t i = *at;;) {
        while (i < end && is_blank((unsigned char)text[i])) i++;
        *at = i;
        size_t left = end - i, run = 0;
        if (left == 0) return entry;
        if (left >= 3 && text[i] == '[' && text[i + 2] == ']' && strchr(" x~-", text[i + 1])) {
            *open |= text[i + 1] != 'x';
            entry = true;
            i += 3;
            continue;
        }
        if (text[i] == '>' || text[i] == '|') {
            entry |= text[i++] == '|';
            continue;
        }
        bool bar = left >= 3 && !memcmp(text + i, "│", 3), bullet = left >= 3 && !memcmp(text + i, "•", 3);
        if (bar || bullet) {
            entry |= bullet;
            i += 3;
            continue;
        }
        if (text[i] == '#') {
            while (run < left && run < 7 && text[i + run] == '#') run++;
        } else if (strchr("-*+", text[i])) {
            run = 1;
        } else {
            while (run < left && run < 9 && is_digit((unsigned char)text[i + run])) run++;
            run = run > 0 && run < left && (text[i + run] == '.' || text[i + run] == ')') ? run + 1 : 0;
        }
        if (run == 0 || (text[i] == '#' && run > 6) ||
            (run < left && !is_blank((unsigned char)text[i + run])))
            return entry;
        if (text[i] == '#') *heading = true;
        entry = true;
        i += run;
    }
}

/* The length of a line number as listings have it: digits, then a tab, two blanks, a bar or an arrow. */
static size_t line_number(const char *text, size_t at, size_t end) {
    size_t i = at;
    while (i < end && i - at < 7 && is_digit((unsigned char)text[i])) i++;
    if (i == at || i - at == 7) return 0;
    size_t left = end - i;
    if (left == 0) return i - at;
    if (text[i] == '\t' || text[i] == '|') return i + 1 - at;
    if (left >= 2 && (text[i] == ' ' || text[i] == ':') && text[i + 1] == ' ') return i + 2 - at;
    if (left >= 3 && (!memcmp(text + i, "→", 3) || !memcmp(text + i, "│", 3))) return i + 3 - at;
    return 0;
}

/* Opens or closes a fence. True when the line is one. A block of one line is no code block: some put their
 * answer into one. */
static bool read_fence(reader *r, size_t at, size_t end) {
    const char *text = r->p->text;
    size_t length = 0;
    while (at + length < end && (text[at] == '`' || text[at] == '~') && text[at + length] == text[at])
        length++;
    const char *rest = text + at + length;
    size_t rest_size = end - at - length;
    if (length < 3) return false;
    if (!r->fence) {
        if (text[at] == '`' && memchr(rest, '`', rest_size)) return false;
        r->fence = length;
        r->fence_mark = text[at];
        r->fence_first = r->p->line_count;
        return true;
    }
    while (rest_size && is_blank((unsigned char)*rest)) rest++, rest_size--;
    if (text[at] != r->fence_mark || length < r->fence || rest_size) return false;
    r->fence = 0;
    if (r->p->line_count == r->fence_first + 1) last_line(r)->fenced = false;
    return true;
}

/* How the line before and the one that begins at `at` hang together. */
static prose_kind seam(const reader *r, size_t at) {
    if (r->broken) return PROSE_PARAGRAPH;
    char last = r->last_size ? r->p->text[r->last_end - 1] : '.', first = r->original[at];
    bool wraps = r->last_size >= WRAPPED_BYTES && !strchr(".!?:;,", last) && (first < 'A' || first > 'Z');
    return wraps ? PROSE_WRAP : PROSE_BREAK;
}

static bool has_word(const char *text, size_t at, size_t end) {
    for (; at < end; at++)
        if ((unsigned char)text[at] >= 0x80 || is_word((unsigned char)text[at])) return true;
    return false;
}

static void read_line(reader *r, size_t begin, size_t end) {
    const char *text = r->p->text;
    bool heading = false, open = false;
    size_t at = begin, counted_from;
    while (end > begin && is_blank((unsigned char)text[end - 1])) end--;
    bool entry = skip_marks(text, &at, end, &heading, &open);
    counted_from = at;
    for (size_t number; (number = line_number(text, counted_from, end)) > 0;) {
        counted_from += number;
        entry |= skip_marks(text, &counted_from, end, &heading, &open);
    }
    if (read_fence(r, counted_from, end) || !has_word(text, counted_from, end)) {
        r->broken = true;
        return;
    }
    r->broken |= entry || r->fence;
    if (r->p->line_count) {
        prose_kind kind = seam(r, at);
        add_token(r, kind, at, at);
        if (kind == PROSE_PARAGRAPH) {
            r->quote = 0;
            r->code = 0;
            add_sentence(r);
        }
    }
    add_line(r);
    if (r->failed) return;
    last_line(r)->heading = heading;
    last_line(r)->open = open;
    read_words(r, at, end, counted_from);
    r->broken = r->fence > 0;
    r->last_end = end;
    r->last_size = end - begin;
}

int prose_read(prose *p, const char *text) {
    size_t size = strlen(text);
    if (size >= SIZE_MOST || !(p->text = malloc(size + 1))) return -1;
    memcpy(p->text, text, size + 1);
    lower_text(p->text, size);
    reader r = {.p = p, .original = text, .broken = true};
    add_sentence(&r);
    for (size_t at = 0; at < size && !r.failed;) {
        const char *line_end = memchr(p->text + at, '\n', size - at);
        size_t end = line_end ? (size_t)(line_end - p->text) : size;
        read_line(&r, at, end);
        at = end + 1;
    }
    if (r.failed) return -1;
    /* A fence that nothing closes is the end of one whose begin was cut off, rather than a code block. */
    for (uint32_t i = r.fence_first; r.fence && i < p->line_count; i++) p->lines[i].fenced = false;
    return 0;
}

bool prose_token_is(const prose *p, const prose_token *t, const char *text, size_t size) {
    return t->end - t->begin == size && memcmp(p->text + t->begin, text, size) == 0;
}

void prose_done(prose *p) {
    free(p->text);
    free(p->tokens);
    free(p->lines);
    free(p->sentences);
    *p = (prose){0};
}
