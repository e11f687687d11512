/* cmark-gfm's tree becomes an outline. Only its CommonMark core is used.
 *
 * The parser's memory comes from an arena, so that freeing its tree is nothing to do. It does not know
 * failed allocations: ours then leave it by longjmp, which is safe because everything it holds is in that
 * arena and it has no other state.
 *
 * A file is read in parts: usually one; where a fence is not closed, the part ends and the next begins at
 * the heading behind it. Front matter is read before the first part, and tables of two columns, which the
 * core takes for paragraphs, row by row.
 *
 * Any thread; the allocations of a parse under way are found through a variable of its thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/document/markdown.h"

#include "base/buffer.h"

#include <cmark-gfm.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

enum {
    DEPTH_MOST = 64,   /* lists and quotes within one another whose text is read */
    REPAIRS_MOST = 64, /* fences that are closed by us; each parses the rest again */
    KEY_BYTES = 80,
    PLAIN_KEY_BYTES = 48, /* of a key without marks, which may be the begin of a sentence */
    PLAIN_KEY_WORDS = 5,
    BOLD_HEADING_BYTES = 80,
    BOLD_HEADING_LEVEL = 7,
    LANGUAGE_BYTES = 24
};

typedef struct reader {
    markdown *m;
    arena tree; /* the parser's */
    jmp_buf no_memory;
    const char *text;
    size_t size;
    size_t start;       /* of the part that is read */
    int base_line;      /* lines before it */
    const char *cursor; /* the begin of a line of the file, for walks that go forward only */
    int cursor_line;
    markdown_section *section, *last;
    markdown_problem **last_problem;
    int repairs;
    int cut_line; /* the part ends before this line, and the next begins; 0: it goes on */
    bool deep;    /* told already */
    buffer run, whole;
} reader;

static _Thread_local reader *parsing;

/* ---- Memory ---- */

static void *must(void *p) {
    if (!p) longjmp(parsing->no_memory, 1);
    return p;
}

/* The parser's blocks know their size, for growing. */
typedef struct block {
    _Alignas(max_align_t) size_t size;
} block;

static void *tree_calloc(size_t count, size_t size) {
    if (size && count > SIZE_MAX / 4 / size) longjmp(parsing->no_memory, 1);
    block *b = must(arena_alloc(&parsing->tree, sizeof *b + count * size));
    b->size = count * size;
    return b + 1;
}

static void *tree_realloc(void *p, size_t size) {
    if (p && ((block *)p)[-1].size >= size) return p;
    void *grown = tree_calloc(1, size);
    if (p) memcpy(grown, p, ((block *)p)[-1].size);
    return grown;
}

static void tree_free(void *p) { (void)p; }

static cmark_mem tree_memory = {tree_calloc, tree_realloc, tree_free};

static void *keep(reader *r, size_t size) { return must(arena_alloc(&r->m->memory, size)); }
static char *keep_text(reader *r, const char *text, size_t size) {
    return must(arena_text_sized(&r->m->memory, text, size));
}

/* ---- Small questions ---- */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }
static bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static const char *skip_blanks(const char *p) {
    while (is_blank(*p)) p++;
    return p;
}

/* The begin of a line of the file. */
static const char *find_line(reader *r, int line) {
    const char *end = r->text + r->size;
    if (line < r->cursor_line) {
        r->cursor = r->text;
        r->cursor_line = 1;
    }
    for (; r->cursor_line < line && r->cursor < end; r->cursor_line++)
        r->cursor = markdown_next_line(r->cursor, end);
    return r->cursor;
}

static int line_of(const reader *r, cmark_node *node) {
    return r->base_line + cmark_node_get_start_line(node);
}

static void tell(reader *r, int line, const char *reason) {
    markdown_problem *p = keep(r, sizeof *p);
    *p = (markdown_problem){.line = line, .reason = reason};
    *r->last_problem = p;
    r->last_problem = &p->next;
}

/* ---- Inlines as text ---- */

static void render_all(buffer *b, cmark_node *node, bool plain, int depth);

static void render_link(buffer *b, cmark_node *node, bool plain, int depth) {
    const char *url = cmark_node_get_url(node);
    cmark_node *first = cmark_node_first_child(node);
    const char *text = first && !cmark_node_next(first) ? cmark_node_get_literal(first) : NULL;
    bool bare = plain || (text && strcmp(text, url) == 0);
    if (!bare) buffer_puts(b, cmark_node_get_type(node) == CMARK_NODE_IMAGE ? "![" : "[");
    render_all(b, first, plain, depth + 1);
    if (!bare) buffer_printf(b, "](%s)", url);
}

/* Appends a node's text; plain: without the marks of code and links. */
static void render(buffer *b, cmark_node *node, bool plain, int depth) {
    const char *literal;
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_TEXT: buffer_puts(b, cmark_node_get_literal(node)); break;
    case CMARK_NODE_SOFTBREAK:
    case CMARK_NODE_LINEBREAK: buffer_putc(b, ' '); break;
    case CMARK_NODE_CODE:
        literal = cmark_node_get_literal(node);
        if (plain)
            buffer_puts(b, literal);
        else
            buffer_printf(b, "`%s`", literal);
        break;
    case CMARK_NODE_HTML_INLINE: /* comments and line breaks are no text; <Type> may be */
        literal = cmark_node_get_literal(node);
        if (strncmp(literal, "<br", 3) == 0)
            buffer_putc(b, ' ');
        else if (strncmp(literal, "<!--", 4) != 0)
            buffer_puts(b, literal);
        break;
    case CMARK_NODE_LINK:
    case CMARK_NODE_IMAGE: render_link(b, node, plain, depth); break;
    default: render_all(b, cmark_node_first_child(node), plain, depth + 1); break;
    }
}

static void render_all(buffer *b, cmark_node *node, bool plain, int depth) {
    for (; node && depth < DEPTH_MOST; node = cmark_node_next(node)) render(b, node, plain, depth);
}

static bool is_emphasis(cmark_node *node) {
    cmark_node_type type = cmark_node_get_type(node);
    return type == CMARK_NODE_STRONG || type == CMARK_NODE_EMPH;
}

static bool is_break(cmark_node *node) {
    cmark_node_type type = cmark_node_get_type(node);
    return type == CMARK_NODE_SOFTBREAK || type == CMARK_NODE_LINEBREAK;
}

/* ---- Lines of a paragraph, and the fields in them ---- */

/* One line of a paragraph, rendered into r->run. */
typedef struct line_read {
    markdown_state state;
    size_t text;      /* where it begins, behind a box */
    size_t mark_from; /* what its first emphasis or code covers; from == to: none */
    size_t mark_to;
    bool code; /* ... and it is code */
    bool has_key, marked;
    size_t key_size; /* the key begins at mark_from */
    size_t value;
} line_read;

static markdown_state state_of_box(const char *text) {
    if (text[0] != '[' || !text[1] || text[2] != ']' || !(text[3] == '\0' || is_blank(text[3])))
        return MARKDOWN_UNSAID;
    switch (text[1]) {
    case ' ': return MARKDOWN_OPEN;
    case 'x':
    case 'X': return MARKDOWN_DONE;
    case '~':
    case '-': return MARKDOWN_STARTED;
    default: return MARKDOWN_UNSAID;
    }
}

/* True when nothing but symbols, blanks and a box stand before the first emphasis. */
static bool is_lead(const char *text, bool boxed) {
    const char *p = skip_blanks(text);
    if (boxed && state_of_box(p) != MARKDOWN_UNSAID) p = skip_blanks(p + 3);
    for (size_t size; (size = markdown_symbol(p, p + strlen(p))) > 0;) p = skip_blanks(p + size);
    return *p == '\0';
}

/* Renders up to the line's end, which it returns: a break or NULL. */
static cmark_node *render_line(reader *r, cmark_node *node, bool boxed, line_read *l) {
    *l = (line_read){0};
    buffer_clear(&r->run);
    bool lead = true;
    for (; node && !is_break(node); node = cmark_node_next(node)) {
        size_t from = r->run.size;
        bool code = cmark_node_get_type(node) == CMARK_NODE_CODE;
        bool candidate = lead && (code || is_emphasis(node)) && is_lead(buffer_text(&r->run), boxed);
        render(&r->run, node, false, 0);
        if (candidate) {
            l->mark_from = from;
            l->mark_to = r->run.size;
            l->code = code;
        }
        lead = lead && cmark_node_get_type(node) == CMARK_NODE_TEXT;
    }
    if (buffer_failed(&r->run)) must(NULL);
    const char *text = buffer_text(&r->run), *p = skip_blanks(text);
    l->state = boxed ? state_of_box(p) : MARKDOWN_UNSAID;
    if (l->state != MARKDOWN_UNSAID) p = skip_blanks(p + 3);
    l->text = (size_t)(p - text);
    return node;
}

/* "**Key**: value" and "**Key:** value"; with code for a key, only the first. */
static bool find_marked_key(const char *text, line_read *l) {
    if (l->mark_to == l->mark_from || l->mark_to - l->mark_from > KEY_BYTES) return false;
    const char *from = text + l->mark_from, *to = text + l->mark_to, *behind = skip_blanks(to);
    size_t value = l->mark_to;
    if (*behind == ':')
        value = (size_t)(behind + 1 - text);
    else if (to[-1] == ':' && !l->code)
        to--;
    else
        return false;
    l->key_size = (size_t)(to - from);
    l->value = value;
    l->marked = !l->code;
    return l->key_size > 0;
}

/* "Key: value", where the key is a few words; also behind two stars that were never closed. */
static bool find_plain_key(const char *text, line_read *l) {
    const char *start = text + l->text;
    bool stars = strncmp(start, "**", 2) == 0;
    if (stars) start += 2;
    const char *p = start;
    int words = 1;
    if (l->mark_to > l->mark_from || !(is_letter(*p) || (unsigned char)*p == 0xc3)) return false;
    for (p++; *p && *p != ':'; p++) {
        if (*p == ' ') words++;
        if (!markdown_is_word(p) && !strchr(" _-/&()", *p)) return false;
    }
    if (*p != ':' || (p[1] && !is_blank(p[1])) || words > PLAIN_KEY_WORDS || p - start > PLAIN_KEY_BYTES)
        return false;
    l->mark_from = (size_t)(start - text);
    l->key_size = (size_t)(p - start);
    l->value = (size_t)(p + 1 - text);
    l->marked = stars;
    return true;
}

/* Finds a line's field. Behind a box only marks tell one from the text of a step. */
static void find_key(const char *text, line_read *l) {
    l->has_key = find_marked_key(text, l) || (l->state == MARKDOWN_UNSAID && find_plain_key(text, l));
}

/* The first line of an entry; those that belong to it are in r->whole. */
typedef struct entry_start {
    line_read first;
    const char *key;
    int line;
    size_t last; /* where the last line begins in r->whole */
} entry_start;

static markdown_entry *add_entry(reader *r, markdown_kind kind, int line, int depth) {
    markdown_entry *e = keep(r, sizeof *e);
    *e = (markdown_entry){.kind = kind, .line = line, .depth = depth, .text = "", .language = ""};
    markdown_section *s = r->section;
    if (s->last)
        s->last->next = e;
    else
        s->entries = e;
    s->last = e;
    return e;
}

static char *trimmed(reader *r, const char *text, size_t size) {
    while (size > 0 && is_blank(*text)) text++, size--;
    while (size > 0 && is_blank(text[size - 1])) size--;
    return keep_text(r, text, size);
}

static void finish_entry(reader *r, const entry_start *s, markdown_kind kind, int depth) {
    if (buffer_failed(&r->whole)) must(NULL);
    markdown_entry *e = add_entry(r, kind, s->line, depth);
    size_t from = s->first.text;
    e->state = s->first.state;
    e->text = trimmed(r, buffer_text(&r->whole) + from, r->whole.size - from);
    if (!s->first.has_key) return;
    e->key = s->key;
    e->marked = s->first.marked;
    size_t length = strlen(e->text), value = s->first.value - from;
    e->value = skip_blanks(e->text + (value < length ? value : length));
}

/* Whether a line begins an entry of its own: the first does, and fields do. Where fields are marked, a line
 * with a colon goes on with the field before it. */
static bool begins_entry(const entry_start *before, const line_read *l) {
    if (!before->line) return true;
    if (!l->has_key) return false;
    return l->marked || (before->first.has_key && !before->first.marked);
}

/* ---- Tables ---- */

/* A row of two cells is a field, as if it were "key: value"; unmarked, for most tables hold something else.
 * More bars stand in the value. */
static void add_row(reader *r, const char *row, int line, int depth, bool head) {
    const char *end = row + strlen(row), *key = skip_blanks(row);
    while (end > key && is_blank(end[-1])) end--;
    if (end > key && end[-1] == '|') end--;
    if (key < end && *key == '|') key++;
    const char *bar = markdown_cell_end(key, end), *value = bar < end ? bar + 1 : end;
    const char *first = trimmed(r, key, (size_t)(bar - key));
    const char *second = trimmed(r, value, (size_t)(end - value));
    if (head && markdown_names_columns(second)) return;
    size_t size = strlen(first);
    if (size && first[size - 1] == ':') first = keep_text(r, first, --size);
    markdown_entry *e = add_entry(r, MARKDOWN_PARAGRAPH, line, depth);
    e->text = must(arena_printf(&r->m->memory, "%s: %s", first, second));
    if (!size || size > KEY_BYTES) return;
    e->key = first;
    e->value = e->text + size + 2;
}

static char *keep_key(reader *r, const line_read *l) {
    const char *key = buffer_text(&r->run) + l->mark_from;
    size_t size = l->key_size;
    if (l->code && size > 2) key++, size -= 2;
    return trimmed(r, key, size);
}

/* Adds the line in r->run to the entry that it belongs to. */
static void take_line(reader *r, entry_start *s, line_read *l, int line, markdown_kind kind, int depth) {
    find_key(buffer_text(&r->run), l);
    if (begins_entry(s, l)) {
        if (s->line) finish_entry(r, s, kind, depth);
        *s = (entry_start){.first = *l, .line = line};
        if (l->has_key) s->key = keep_key(r, l);
        buffer_clear(&r->whole);
    } else {
        buffer_putc(&r->whole, ' ');
    }
    s->last = r->whole.size;
    buffer_puts(&r->whole, buffer_text(&r->run));
}

/* True when the line in r->run makes the one before it the head of a table of two columns. The entry then
 * ends before that. */
static bool begins_table(reader *r, entry_start *s, int line, int depth) {
    if (!s->line || markdown_columns(buffer_text(&r->run)) != 2 || buffer_failed(&r->whole)) return false;
    const char *head = buffer_text(&r->whole) + s->last;
    if (!strchr(head, '|')) return false;
    head = keep_text(r, head, strlen(head));
    const char *before = s->last ? keep_text(r, buffer_text(&r->whole), s->last - 1) : NULL;
    buffer_clear(&r->whole);
    if (before) {
        buffer_puts(&r->whole, before);
        finish_entry(r, s, MARKDOWN_PARAGRAPH, depth);
    }
    *s = (entry_start){0};
    add_row(r, head, line - 1, depth, true);
    return true;
}

static void read_paragraph(reader *r, cmark_node *paragraph, markdown_kind kind, int depth) {
    entry_start start = {0};
    bool table = false;
    int line = line_of(r, paragraph);
    for (cmark_node *node = cmark_node_first_child(paragraph); node; line++) {
        line_read l;
        cmark_node *end = render_line(r, node, kind == MARKDOWN_ITEM && !start.line, &l);
        if (table)
            add_row(r, buffer_text(&r->run), line, depth, false);
        else if (kind == MARKDOWN_PARAGRAPH && begins_table(r, &start, line, depth))
            table = true;
        else
            take_line(r, &start, &l, line, kind, depth);
        node = end ? cmark_node_next(end) : NULL;
    }
    if (start.line) finish_entry(r, &start, kind, depth);
}

/* ---- Sections ---- */

static void add_section(reader *r, int level, int line, const char *text) {
    markdown_section *s = keep(r, sizeof *s), *parent = r->section;
    markdown_heading h = markdown_heading_read(text);
    *s = (markdown_section){.level = level, .line = line, .state = h.state};
    s->title = keep_text(r, h.title, h.title_size);
    s->number = h.number ? keep_text(r, h.number, h.number_size) : "";
    while (parent && parent->level >= level) parent = parent->parent;
    s->parent = parent;
    if (r->last)
        r->last->next = s;
    else
        r->m->sections = s;
    r->last = r->section = s;
}

/* The text of a line that is bold from its begin to its end, but for brackets and symbols behind it; it is
 * in r->run. `named`: also of one that is only a key. NULL when it is another. */
static const char *bold_line(reader *r, cmark_node *paragraph, bool named) {
    line_read l;
    cmark_node *first = cmark_node_first_child(paragraph);
    if (!first || render_line(r, first, true, &l) || l.state != MARKDOWN_UNSAID) return NULL;
    const char *text = buffer_text(&r->run), *end = text + r->run.size;
    while (end > text && (is_blank(end[-1]) || end[-1] == ':')) end--;
    if (end == text || end - text > BOLD_HEADING_BYTES || strchr(".!?,", end[-1])) return NULL;
    bool bold = l.mark_to > l.mark_from && !l.code;
    bool has_key = find_marked_key(text, &l) || (named && find_plain_key(text, &l));
    if (!bold && !(named && has_key)) return NULL;
    const char *behind = skip_blanks(text + (has_key ? l.value : l.mark_to));
    for (size_t size; (size = markdown_symbol(behind, end)) > 0;) behind = skip_blanks(behind + size);
    bool brackets = bold && *behind == '(' && end[-1] == ')';
    return behind >= end || brackets ? text + l.text : NULL;
}

/* "**Key**: value" with a line of dashes below it is a heading by the letter, never in spirit. */
static bool is_paragraph(cmark_node *heading) {
    cmark_node *first = cmark_node_first_child(heading);
    if (!first) return false;
    for (cmark_node *n = first; n; n = cmark_node_next(n))
        if (is_break(n)) return true;
    cmark_node *then = cmark_node_next(first);
    const char *text = then ? cmark_node_get_literal(then) : NULL;
    if (!is_emphasis(first) || !text) return false;
    cmark_node *inner = cmark_node_first_child(first);
    const char *key = inner ? cmark_node_get_literal(inner) : NULL;
    bool colon = *skip_blanks(text) == ':' || (key && *key && key[strlen(key) - 1] == ':');
    return colon && (skip_blanks(text)[0] != ':' || skip_blanks(text)[1] || cmark_node_next(then));
}

static void read_heading(reader *r, cmark_node *node) {
    if (is_paragraph(node)) {
        read_paragraph(r, node, MARKDOWN_PARAGRAPH, 0);
        return;
    }
    buffer_clear(&r->run);
    render_all(&r->run, cmark_node_first_child(node), true, 0);
    if (buffer_failed(&r->run)) must(NULL);
    add_section(r, cmark_node_get_heading_level(node), line_of(r, node), buffer_text(&r->run));
}

/* ---- Code and fences ---- */

/* In these a line may begin with # and be no heading; only two of them make one here. */
static bool has_hash_comments(const char *language) {
    static const char *const others[] = {"json",       "jsonc", "javascript", "js",   "jsx",
                                         "typescript", "ts",    "tsx",        "java", "sql",
                                         "css",        "html",  "jsonl",      "go",   "diff"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(language, others[i]) == 0) return false;
    return true;
}

static bool looks_like_heading(const char *line, const char *end, int least) {
    int hashes = 0;
    for (; line < end && *line == '#'; line++) hashes++;
    return hashes >= least && hashes <= 6 && line < end && *line == ' ';
}

static bool opens_block(const char *line, const char *end, char mark, int length) {
    int blanks = 0, marks = 0;
    for (; line < end && *line == ' '; line++) blanks++;
    for (; line < end && *line == mark; line++) marks++;
    return blanks <= 3 && marks >= length && line < end && is_letter(*line);
}

typedef struct fence {
    int length, offset;
    char mark;
} fence;

/* Whether the line that a block ends at is its closing fence. */
static bool is_closed(reader *r, cmark_node *node, const fence *f) {
    int line = cmark_node_get_end_line(node), marks = 0;
    if (line <= cmark_node_get_start_line(node)) return false;
    const char *p = find_line(r, r->base_line + line), *end = r->text + r->size;
    while (p < end && (is_blank(*p) || *p == '>')) p++;
    for (; p < end && *p == f->mark; p++) marks++;
    while (p < end && is_blank(*p)) p++;
    return marks >= f->length && (p == end || *p == '\n' || *p == '\r');
}

/* Where in a block's text the heading stands before which its fence should have been closed; NULL: nowhere.
 * In a block that is closed, only one that another block's begin follows: what closes it was meant for
 * that one. */
static const char *find_cut(const char *text, const char *language, const fence *f, bool closed,
                            int *line) {
    const char *end = text + strlen(text), *cut = NULL;
    int at = 0, least = has_hash_comments(language) ? 2 : 1;
    if (closed && (strcmp(language, "markdown") == 0 || strcmp(language, "md") == 0)) return NULL;
    for (const char *p = text; p < end; p = markdown_next_line(p, end), at++) {
        if (!cut && looks_like_heading(p, end, least)) {
            cut = p;
            *line = at;
        }
        if (cut && (!closed || opens_block(p, end, f->mark, f->length))) return cut;
    }
    return NULL;
}

static const char *read_language(reader *r, const char *info) {
    size_t size = 0;
    while (info[size] && !strchr(" \t{,:", info[size]) && size < LANGUAGE_BYTES) size++;
    char *language = keep_text(r, info, size);
    for (size_t i = 0; i < size; i++) language[i] = lower(language[i]);
    return language;
}

static void read_code(reader *r, cmark_node *node, int depth) {
    fence f = {0};
    bool fenced = cmark_node_get_fenced(node, &f.length, &f.offset, &f.mark);
    const char *text = cmark_node_get_literal(node);
    const char *language = read_language(r, fenced ? cmark_node_get_fence_info(node) : "");
    size_t size = strlen(text);
    int line = line_of(r, node), lines = 0;
    if (fenced) {
        bool closed = is_closed(r, node, &f);
        const char *cut = r->repairs < REPAIRS_MOST ? find_cut(text, language, &f, closed, &lines) : NULL;
        if (cut) {
            tell(r, line, "this fence is not closed; it is taken to end before the next heading");
            size = (size_t)(cut - text);
            r->cut_line = line + 1 + lines;
        } else if (!closed) {
            tell(r, line, "this fence is not closed");
        }
    }
    markdown_entry *e = add_entry(r, MARKDOWN_CODE, line + fenced, depth);
    e->language = language;
    e->text = keep_text(r, text, size);
}

/* ---- Blocks ---- */

static void read_blocks(reader *r, cmark_node *node, int depth, int nesting);

/* An item is an entry; one that only names the list within it is a section, and what is behind it belongs
 * to the section before. */
static void read_item(reader *r, cmark_node *item, int depth, int nesting) {
    cmark_node *first = cmark_node_first_child(item);
    markdown_section *outer = r->section;
    if (first && cmark_node_get_type(first) == CMARK_NODE_PARAGRAPH) {
        cmark_node *then = cmark_node_next(first);
        bool has_list = then && cmark_node_get_type(then) == CMARK_NODE_LIST;
        const char *name = has_list ? bold_line(r, first, true) : NULL;
        if (name)
            add_section(r, BOLD_HEADING_LEVEL + 1 + depth, line_of(r, first), name);
        else
            read_paragraph(r, first, MARKDOWN_ITEM, depth);
        first = then;
    }
    read_blocks(r, first, depth + 1, nesting + 1);
    if (!r->cut_line) r->section = outer;
}

static void read_block(reader *r, cmark_node *node, int depth, int nesting) {
    const char *name;
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_HEADING: read_heading(r, node); break;
    case CMARK_NODE_PARAGRAPH:
        name = depth == 0 ? bold_line(r, node, false) : NULL;
        if (name)
            add_section(r, BOLD_HEADING_LEVEL, line_of(r, node), name);
        else
            read_paragraph(r, node, MARKDOWN_PARAGRAPH, depth);
        break;
    case CMARK_NODE_CODE_BLOCK: read_code(r, node, depth); break;
    case CMARK_NODE_ITEM: read_item(r, node, depth, nesting); break;
    case CMARK_NODE_LIST:
    case CMARK_NODE_BLOCK_QUOTE: read_blocks(r, cmark_node_first_child(node), depth, nesting + 1); break;
    default: break;
    }
}

/* A block and those behind it. */
static void read_blocks(reader *r, cmark_node *node, int depth, int nesting) {
    if (node && nesting > DEPTH_MOST) {
        if (!r->deep)
            tell(r, line_of(r, node), "nested too deeply: what stands from here on inward is left out");
        r->deep = true;
        return;
    }
    for (; node && !r->cut_line; node = cmark_node_next(node)) read_block(r, node, depth, nesting);
}

/* ---- Front matter ---- */

/* One text of a list, without a remark behind it and, where nobody needs them, quotes. */
static void add_front_item(reader *r, const char *p, const char *end, int line) {
    while (p < end && is_blank(*p)) p++;
    const char *remark = memmem(p, (size_t)(end - p), " # ", 3);
    end = markdown_line_end(p, remark ? remark : end);
    bool quoted = end - p >= 2 && (*p == '"' || *p == '\'') && end[-1] == *p;
    if (quoted && !memchr(p, ',', (size_t)(end - p))) p++, end--;
    if (p < end) add_entry(r, MARKDOWN_ITEM, line, 0)->text = keep_text(r, p, (size_t)(end - p));
}

/* "[One, Two]" */
static void add_front_items(reader *r, const char *p, const char *end, int line) {
    for (const char *start = ++p; p < end; p++) {
        if ((*p == '"' || *p == '\'') && p == skip_blanks(start)) {
            const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));
            if (close) p = close;
        }
        if (*p != ',' && p + 1 != end) continue;
        add_front_item(r, start, p, line);
        start = p + 1;
    }
}

/* What stands above all: "key: value" is a field, and a key with a list a section with items. */
static void read_front(reader *r) {
    const char *end = r->text + r->size, *p = r->text;
    if (r->size >= 3 && memcmp(p, "\ufeff", 3) == 0) p += 3;
    int lines = markdown_front_lines(p, end);
    if (!lines) return;
    markdown_section *top = r->section;
    for (int line = 2; line < lines + 2; line++) {
        p = markdown_next_line(p, end);
        const char *next = markdown_next_line(p, end), *stop = markdown_line_end(p, next);
        size_t key = markdown_front_key(p, stop);
        if (!key) {
            while (p < stop && is_blank(*p)) p++;
            if (markdown_is_front_item(p, stop))
                add_front_item(r, p + 1, stop, line);
            else if (p < stop && *p != '#')
                add_entry(r, MARKDOWN_PARAGRAPH, line, 0)->text = keep_text(r, p, (size_t)(stop - p));
            continue;
        }
        r->section = top;
        const char *value = p + key + 1, *name = keep_text(r, p, key);
        while (value < stop && is_blank(*value)) value++;
        bool list = value < stop && *value == '[' && stop[-1] == ']';
        if (list || (value == stop && markdown_is_front_item(
                                          next, markdown_line_end(next, markdown_next_line(next, end))))) {
            add_section(r, BOLD_HEADING_LEVEL, line, name);
            if (list) add_front_items(r, value, stop, line);
            continue;
        }
        markdown_entry *e = add_entry(r, MARKDOWN_PARAGRAPH, line, 0);
        e->key = name;
        e->marked = true;
        e->text = keep_text(r, p, (size_t)(stop - p));
        e->value = e->text + (value - p);
    }
    r->section = top;
    r->base_line = lines + 2;
    r->start = (size_t)(find_line(r, r->base_line + 1) - r->text);
}

/* ---- The file ---- */

static void read_part(reader *r) {
    cmark_parser *parser = cmark_parser_new_with_mem(CMARK_OPT_DEFAULT, &tree_memory);
    cmark_parser_feed(parser, r->text + r->start, r->size - r->start);
    read_blocks(r, cmark_node_first_child(cmark_parser_finish(parser)), 0, 0);
    arena_done(&r->tree);
}

static void read_parts(reader *r) {
    add_section(r, 0, 1, "");
    read_front(r);
    do {
        r->cut_line = 0;
        read_part(r);
        if (r->cut_line) {
            r->repairs++;
            r->start = (size_t)(find_line(r, r->cut_line) - r->text);
            r->base_line = r->cut_line - 1;
        }
    } while (r->cut_line);
}

/* Apart, so that no variable of its caller is changed between setjmp and longjmp. */
static bool read_guarded(reader *r) {
    if (setjmp(r->no_memory)) return false;
    read_parts(r);
    return true;
}

int markdown_read(markdown *m, const char *text, size_t size) {
    reader r = {.m = m, .text = text, .size = size, .cursor = text, .cursor_line = 1};
    r.last_problem = &m->problems;
    parsing = &r;
    bool done = read_guarded(&r);
    parsing = NULL;
    arena_done(&r.tree);
    buffer_done(&r.run);
    buffer_done(&r.whole);
    return done ? 0 : -1;
}

void markdown_done(markdown *m) {
    arena_done(&m->memory);
    *m = (markdown){0};
}
