/* References into targets. An index holds a table of keys for each way in which a task can be named; a way
 * is tried only after those before it found nothing. The order of the ways is told in dependencies.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/dependency/dependencies.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "service/dependency/words.h"

#include <stdlib.h>

enum {
    REFERENCE_BYTES = 1024,
    ALIAS_WORDS = 8,   /* before a code */
    PATH_FOLDERS = 32, /* of a path, from its end */
    PROSE_WORDS = 12,  /* around a name */
};

/* ---- The index ---- */

/* The ways of naming a task that are looked up by key. */
typedef enum way {
    BY_TITLE, /* or feature name */
    BY_ALIAS, /* the words up to a title's code, and all their ends: "performance 3a.1", "3a.1" */
    BY_REST,  /* what stands behind the alias */
    BY_PATH,  /* the path and all its ends, without ".md": "docs/plans/x", "plans/x", "x" */
    WAYS
} way;

/* That a key names a target. The first of a key stands in the map, the others behind it. */
typedef struct holder {
    map_node node; /* first, so that a map's node is its holder */
    size_t target;
    struct holder *next, *last; /* `last` of the first only */
} holder;

typedef struct known_id {
    const char *id; /* in lower case */
    size_t target;
} known_id;

struct dependency_index {
    map ways[WAYS];
    known_id *ids; /* sorted */
    size_t id_count;
    arena memory;
};

static int compare_ids(const void *a, const void *b) {
    return strcmp(((const known_id *)a)->id, ((const known_id *)b)->id);
}

static bool add_key(dependency_index *index, way by, const char *key, size_t target) {
    if (!*key) return true;
    map *m = &index->ways[by];
    uint64_t hash = map_hash(m, key);
    holder *first = (holder *)map_find(m, key, hash);
    if (first && first->last->target == target) return true; /* its title and feature name are the same */
    holder *h = arena_alloc(&index->memory, sizeof *h);
    if (!h) return false;
    h->target = target;
    if (first) {
        first->last = first->last->next = h;
        return true;
    }
    const char *copy = arena_text(&index->memory, key);
    if (!copy || !map_reserve(m)) return false;
    h->last = h;
    map_insert(m, &h->node, copy, hash);
    return true;
}

/* Adds a key and its ends behind each `between`, the longest `most` of the short ones. */
static bool add_ends(dependency_index *index, way by, const char *key, char between, size_t most,
                     size_t target) {
    const char *p = key + strlen(key);
    for (size_t n = 0; n < most && p > key; n++) {
        do p--;
        while (p > key && p[-1] != between);
        if (!add_key(index, by, p, target)) return false;
    }
    return add_key(index, by, key, target);
}

static bool add_title(dependency_index *index, const char *title, size_t target) {
    char key[SLICE_KEY_BYTES];
    slice_alias a;
    if (!title) return true;
    slice text = slice_of(title);
    slice_key(text, key);
    if (!add_key(index, BY_TITLE, key, target)) return false;
    if (!slice_find_alias(text, &a)) return true;
    slice_key(a.name, key);
    if (!add_ends(index, BY_ALIAS, key, ' ', ALIAS_WORDS + 1, target)) return false;
    slice_key(a.rest, key);
    return add_key(index, BY_REST, key, target);
}

/* Writes a path's key: those of its folders and of its name. False when there is none. */
static bool make_path_key(slice path, char key[SLICE_KEY_BYTES]) {
    size_t size = 0;
    for (const char *p = path.start; p < path.end; p++) {
        slice part = {p, p};
        while (p < path.end && *p != '/' && *p != '\\') p++;
        part.end = p;
        char name[SLICE_KEY_BYTES];
        if (!slice_key(part, name)) return false;
        if (!*name) continue; /* "..", "." */
        if (size + 1 + strlen(name) >= SLICE_KEY_BYTES) return false;
        if (size) key[size++] = '/';
        memcpy(key + size, name, strlen(name));
        size += strlen(name);
    }
    key[size] = '\0';
    return size > 0;
}

/* Takes ".md" off; false when it has none. */
static bool drop_suffix(slice *path) {
    size_t size = slice_ends(*path, ".md") ? 3 : slice_ends(*path, ".markdown") ? 9 : 0;
    path->end -= size;
    return size > 0;
}

static bool add_path(dependency_index *index, const char *path, size_t target) {
    char key[SLICE_KEY_BYTES];
    slice text = slice_of(path ? path : "");
    drop_suffix(&text);
    return !make_path_key(text, key) || add_ends(index, BY_PATH, key, '/', PATH_FOLDERS, target);
}

static bool add_id(dependency_index *index, const char *id, size_t target) {
    if (!id || !*id) return true;
    char *copy = arena_text(&index->memory, id);
    if (!copy) return false;
    for (char *p = copy; *p; p++) *p = to_lower(*p);
    index->ids[index->id_count++] = (known_id){copy, target};
    return true;
}

dependency_index *dependency_index_new(const dependency_target *targets, size_t count, baton_error **err) {
    dependency_index *index = calloc(1, sizeof *index);
    if (index) {
        for (size_t i = 0; i < WAYS; i++) map_init(&index->ways[i]);
        index->ids = calloc(count + 1, sizeof *index->ids);
    }
    bool ok = index && index->ids;
    for (size_t i = 0; ok && i < count; i++)
        ok = add_id(index, targets[i].id, i) && add_path(index, targets[i].source_path, i) &&
             add_title(index, targets[i].title, i) && add_title(index, targets[i].feature, i);
    if (ok) {
        qsort(index->ids, index->id_count, sizeof *index->ids, compare_ids);
        return index;
    }
    dependency_index_free(index);
    error_memory(err);
    return NULL;
}

void dependency_index_free(dependency_index *index) {
    if (!index) return;
    for (size_t i = 0; i < WAYS; i++) map_done(&index->ways[i]);
    free(index->ids);
    arena_done(&index->memory);
    free(index);
}

/* ---- References into targets ---- */

/* Found, and it is the one who asks: nobody else is looked for in its place. */
enum { ONLY_SELF = -3 };

typedef struct search {
    const dependency_index *index;
    size_t self;
    long hint; /* whom the remark names: taken where several fit; negative: nobody */
} search;

static const holder *find_holders(const search *s, way by, const char *key) {
    const map *m = &s->index->ways[by];
    return (const holder *)map_find(m, key, map_hash(m, key));
}

/* What is found when `target` fits, too. */
static long and_also(const search *s, long found, size_t target) {
    if (target == s->self) return found == DEPENDENCY_NONE ? ONLY_SELF : found;
    return found >= 0 || found == DEPENDENCY_AMBIGUOUS ? DEPENDENCY_AMBIGUOUS : (long)target;
}

static long find_key(const search *s, way by, const char *key) {
    long found = DEPENDENCY_NONE;
    for (const holder *h = find_holders(s, by, key); h; h = h->next) {
        if (s->hint >= 0 && h->target == (size_t)s->hint) return s->hint;
        found = and_also(s, found, h->target);
        if (found == DEPENDENCY_AMBIGUOUS && s->hint < 0) break;
    }
    return found;
}

static long find_text(const search *s, way by, slice text) {
    char key[SLICE_KEY_BYTES];
    slice_key(text, key);
    return find_key(s, by, key);
}

static long find_title(const search *s, slice text) { return find_text(s, BY_TITLE, text); }
static long find_rest(const search *s, slice text) { return find_text(s, BY_REST, text); }
static long find_file_name(const search *s, slice text) { return find_text(s, BY_PATH, text); }

/* "Phases 1" of a range "Phases 1-3" is "Phase 1". */
static long find_by_alias(const search *s, slice text) {
    slice_alias a;
    char key[SLICE_KEY_BYTES];
    if (!slice_find_alias(text, &a) || !slice_key(a.name, key)) return DEPENDENCY_NONE;
    long found = find_key(s, BY_ALIAS, key);
    char *blank = strrchr(key, ' ');
    if (found != DEPENDENCY_NONE || !blank || blank == key || blank[-1] != 's') return found;
    memmove(blank - 1, blank, strlen(blank) + 1);
    return find_key(s, BY_ALIAS, key);
}

/* By an alias in a remark. "(2)" and "(Phase 2)" tell which part of the named thing is meant, not a task.
 */
static long find_by_telling_alias(const search *s, slice text) {
    static const char *const parts[] = {"",        "day",      "level",   "milestone", "month", "part",
                                        "phase",   "priority", "section", "sprint",    "stage", "step",
                                        "subtask", "task",     "tier",    "version",   "week"};
    slice_alias a;
    if (!slice_find_alias(text, &a) || SLICE_IS_ONE_OF(a.word, parts)) return DEPENDENCY_NONE;
    return find_by_alias(s, text);
}

/* By an id, or the begin of one that has what a UUID's first group has. */
static long find_id(const search *s, slice text) {
    enum { LEAST = 8, MOST = 128 };
    char id[MOST + 1];
    size_t size = 0;
    if (!slice_is_empty(text) && *text.start == '#') text.start++;
    for (const char *p = text.start; p < text.end && !is_blank(*p); p++) {
        if (size == MOST) return DEPENDENCY_NONE;
        id[size++] = to_lower(*p);
    }
    if (size == 0 || size < slice_size(text)) return DEPENDENCY_NONE;
    id[size] = '\0';
    size_t low = 0, high = s->index->id_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(s->index->ids[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const known_id *k = s->index->ids + low, *end = s->index->ids + s->index->id_count;
    bool whole = k < end && strcmp(k->id, id) == 0;
    long found = DEPENDENCY_NONE;
    if (!whole && size < LEAST) return found;
    for (; k < end && (whole ? strcmp(k->id, id) : strncmp(k->id, id, size)) == 0; k++)
        found = and_also(s, found, k->target);
    return found;
}

/* By what looks like a path: it has a slash or ends in ".md". Of one with ".md" the first folders may be
 * others than those that are known: documents move, and they tell their paths from different places. */
static long find_path(const search *s, slice text) {
    if (slice_size(text) > 1 && *text.start == '<' && text.end[-1] == '>') text.start++, text.end--;
    for (const char *p = text.start; p < text.end; p++) {
        slice file = {text.start, p};
        if (strchr("#?", *p) && drop_suffix(&file)) text.end = p; /* what follows is a place in the file */
    }
    bool is_file = drop_suffix(&text), has_folder = false, is_url = false;
    for (const char *p = text.start; p < text.end; p++) {
        has_folder |= *p == '/' || *p == '\\';
        is_url |= slice_begins((slice){p, text.end}, "://");
    }
    char key[SLICE_KEY_BYTES];
    if ((!is_file && (!has_folder || is_url)) || !make_path_key(text, key)) return DEPENDENCY_NONE;
    long found = find_key(s, BY_PATH, key);
    for (const char *p = key; is_file && found == DEPENDENCY_NONE && (p = strchr(p, '/')) != NULL;)
        found = find_key(s, BY_PATH, ++p);
    return found;
}

typedef long find_function(const search *s, slice text);
#define COUNT(functions) (sizeof(functions) / sizeof *(functions))

static long find_first(const search *s, slice text, find_function *const *functions, size_t count) {
    long found = DEPENDENCY_NONE;
    for (size_t i = 0; i < count && found == DEPENDENCY_NONE; i++) found = functions[i](s, text);
    return found;
}

/* By a name, with what may stand behind it after a colon or dash. */
static long find_name(const search *s, slice text) {
    static find_function *const whole[] = {find_id, find_path, find_title, find_rest, find_file_name};
    static find_function *const first[] = {find_id,       find_path, find_title,
                                           find_by_alias, find_rest, find_file_name};
    text = slice_unwrap(text);
    slice rest = text, segment = slice_unwrap(slice_next_segment(&rest));
    long found = DEPENDENCY_NONE;
    if (slice_size(segment) < slice_size(text)) found = find_first(s, text, whole, COUNT(whole));
    return found == DEPENDENCY_NONE ? find_first(s, segment, first, COUNT(first)) : found;
}

static long find_remark(const search *s, slice remark) {
    static find_function *const functions[] = {find_title, find_by_telling_alias, find_rest};
    long found = find_first(s, remark, functions, COUNT(functions));
    return found == ONLY_SELF ? DEPENDENCY_NONE : found;
}

/* Takes off one of the words that say that something is a dependency, "after ... is complete", from the end
 * and then from the begin; false when there is none. */
static bool skip_prose(slice *text) {
    static const char *const before[] = {
        "after", "all",  "also",       "and",      "block",    "blocked", "both",      "builds",
        "but",   "by",   "completion", "depend",   "depends",  "first",   "following", "follows",
        "for",   "from", "issue",      "issues",   "need",     "needs",   "of",        "on",
        "once",  "only", "require",    "required", "requires", "see",     "task",      "tasks",
        "the",   "then", "ticket",     "tickets",  "until",    "upon",    "waits",     "with"};
    static const char *const behind[] = {"are",  "be",       "been",  "complete", "completed", "completion",
                                         "done", "finished", "first", "has",      "is",        "must",
                                         "task", "tasks",    "to",    "ready"};
    slice words[SLICE_WORDS], rest = *text;
    slice_last_words(*text, words);
    if (slice_is_empty(words[1])) return false;
    if (SLICE_IS_ONE_OF(words[0], behind)) {
        text->end = words[1].end;
        return true;
    }
    if (!SLICE_IS_ONE_OF(slice_next_word(&rest), before)) return false;
    if (!is_blank(*rest.start) && *rest.start != ':') return false; /* "After-Effects" */
    text->start = rest.start + 1;
    return true;
}

/* The parts of a reference. */
typedef struct reference {
    char text[REFERENCE_BYTES + 1]; /* all of it, of a link its label only */
    char name[REFERENCE_BYTES + 1]; /* without brackets */
    slice link, remark;             /* empty: none */
} reference;

/* Takes "[label](path)" apart. */
static void read_link(reference *r, slice text) {
    const char *middle = strstr(text.start, "]("), *open = middle, *close = middle ? middle + 2 : NULL;
    while (open && open > text.start && *open != '[') open--;
    while (close && close < text.end && *close != ')') close++;
    char *to = r->text;
    if (open && *open == '[' && close < text.end) {
        r->link = slice_trim((slice){middle + 2, close});
        for (const char *p = r->link.start; p < r->link.end; p++) /* without its title */
            if (*p == '"' && is_blank(p[-1])) r->link.end = p;
        r->link = slice_trim(r->link);
        to = mempcpy(to, text.start, (size_t)(open - text.start));
        to = mempcpy(to, open + 1, (size_t)(middle - open - 1));
        text.start = close + 1;
    }
    to = mempcpy(to, text.start, slice_size(text));
    *to = '\0';
}

static void read_reference(reference *r, const char *text, size_t size) {
    *r = (reference){.text = ""};
    read_link(r, (slice){text, text + size});
    slice all = slice_of(r->text);
    char *to = r->name;
    for (const char *p = all.start; p < all.end;) {
        const char *closed = *p == '(' || *p == '[' ? slice_enclosed_end(p, all) : NULL;
        if (closed && slice_is_empty(r->remark)) r->remark = (slice){p + 1, closed - 1};
        if (closed)
            p = closed;
        else
            *to++ = *p++;
    }
    *to = '\0';
    slice rest = slice_of(r->name);
    slice_next_segment(&rest);
    if (slice_is_empty(r->remark)) r->remark = rest;
}

/* Whom the remark names, unless the name has a code that is another's. */
static long settle_by_remark(const search *s, slice name) {
    slice_alias a;
    char key[SLICE_KEY_BYTES];
    if (!slice_find_alias(name, &a)) return s->hint;
    slice_key(a.code, key);
    for (const holder *h = find_holders(s, BY_ALIAS, key); h && s->hint >= 0; h = h->next)
        if (h->target == (size_t)s->hint) return s->hint;
    return DEPENDENCY_NONE;
}

long dependency_resolve(const dependency_index *index, const char *text, size_t self) {
    reference r;
    search s = {index, self, DEPENDENCY_NONE};
    size_t size = text ? strnlen(text, REFERENCE_BYTES + 1) : 0;
    if (size == 0 || size > REFERENCE_BYTES) return DEPENDENCY_NONE;
    read_reference(&r, text, size);
    long found = slice_is_empty(r.link) ? DEPENDENCY_NONE : find_path(&s, r.link);
    if (found == DEPENDENCY_NONE) found = find_title(&s, slice_of(r.text));
    if (found == DEPENDENCY_NONE) {
        slice name = slice_of(r.name);
        s.hint = find_remark(&s, r.remark);
        found = find_name(&s, name);
        for (unsigned n = 0; n < PROSE_WORDS && found == DEPENDENCY_NONE && skip_prose(&name); n++)
            found = find_name(&s, name);
        if (found == DEPENDENCY_NONE) found = settle_by_remark(&s, name);
    }
    return found == ONLY_SELF ? DEPENDENCY_NONE : found;
}

void dependency_alias(const char *title, char *alias_text, size_t size) {
    if (size == 0) return;
    slice text = slice_trim(slice_of(title ? title : ""));
    slice_alias a;
    if (slice_find_alias(text, &a))
        text = (slice){slice_is_empty(a.word) ? a.code.start : a.word.start, a.code.end};
    size_t fits = slice_size(text) < size ? slice_size(text) : text_utf8_prefix(text.start, size - 1);
    memcpy(alias_text, text.start, fits);
    alias_text[fits] = '\0';
}
