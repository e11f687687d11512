/* Occurrences form a tree by their references: what begins inside an open one is its child. Rounds of a
 * loop that are neither among its first nor its last are folded as soon as that is known, so that a chart
 * takes little more memory than its lines.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/chart.h"

#include "base/arena.h"
#include "base/map.h"
#include "cli/cli.h"
#include "cli/storage.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_ROUNDS = 3, /* of a loop that are shown */
    LAST_ROUNDS = 2,
    FOLD_LEAST = 4, /* fewer are not worth a fold */
    NOTES_AN_OCCURRENCE = 3,
    NAME_WIDTH_LEAST = 8,
    TIME_WIDTH = 12,
    BAR_LEAST = 10,
};

typedef enum look {
    LOOK_OPEN,
    LOOK_COMPLETED,
    LOOK_FAULTED,
    LOOK_CANCELLED,
    LOOK_SKIPPED,
    LOOK_SUSPENDED, /* the execution was, from here to there */
    LOOK_FOLD,      /* `count` occurrences, of which `faulted` */
} look;

/* A step, and its occurrences within the latest occurrence of what is around it: the rounds of a loop. */
typedef struct reference {
    map_node node;   /* its key is the reference */
    uint32_t within; /* the number of that occurrence */
    uint32_t count, shown;
    uint32_t oldest, latest; /* of those behind the first rounds that are not folded, + 1; 0: none */
} reference;

typedef struct occurrence {
    int64_t start_ns, end_ns, last_attempt_ns; /* end_ns 0: open */
    const char *reference;                     /* NULL: of the execution itself */
    char *notes[NOTES_AN_OCCURRENCE];
    uint32_t parent, first, last, previous, next; /* index + 1 */
    uint32_t next_round;                          /* the same */
    uint32_t key, attempts, number, end_number, count, faulted;
    uint32_t note_count;
    look look;
    bool rollback;
} occurrence;

struct chart {
    occurrence *all;
    size_t count, capacity;
    uint32_t unused; /* places in `all`, linked by next; + 1 */
    uint32_t *open;  /* those that have not ended, in the order they began */
    size_t open_count, open_capacity;
    uint32_t first, last; /* of those at the top, + 1 */
    map references;
    arena arena;
    int64_t begin_ns;
};

/* ---- Growing ---- */

static bool reserve(void **list, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity) return true;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = realloc(*list, wanted * size);
    if (!grown) return false;
    *list = grown;
    *capacity = wanted;
    return true;
}

chart *chart_new(void) {
    chart *c = calloc(1, sizeof *c);
    if (c) map_init(&c->references);
    return c;
}

static void free_notes(occurrence *o) {
    for (int i = 0; i < NOTES_AN_OCCURRENCE; i++) {
        free(o->notes[i]);
        o->notes[i] = NULL;
    }
    o->note_count = 0;
}

void chart_free(chart *c) {
    if (!c) return;
    for (size_t i = 0; i < c->count; i++) free_notes(&c->all[i]);
    map_done(&c->references);
    arena_done(&c->arena);
    free(c->all);
    free(c->open);
    free(c);
}

/* ---- Building ---- */

static reference *intern(chart *c, const char *text) {
    uint64_t hash = map_hash(&c->references, text);
    reference *r = (reference *)map_find(&c->references, text, hash);
    if (r || !map_reserve(&c->references)) return r;
    const char *copy = arena_text(&c->arena, text);
    r = arena_alloc(&c->arena, sizeof *r);
    if (!copy || !r) return NULL;
    map_insert(&c->references, &r->node, copy, hash);
    return r;
}

/* The open occurrence that a step with this reference begins in, + 1; 0: none. A function's steps have
 * references of their own: they belong to whatever was begun last. */
static uint32_t parent_of(const chart *c, const char *reference) {
    for (size_t i = c->open_count; i > 0; i--) {
        const occurrence *o = &c->all[c->open[i - 1]];
        size_t size = o->reference ? strlen(o->reference) : 0;
        if (size && !o->rollback && strncmp(o->reference, reference, size) == 0 && reference[size] == '/')
            return c->open[i - 1] + 1;
    }
    bool function = strncmp(reference, "/do/", 4) != 0;
    return function && c->open_count ? c->open[c->open_count - 1] + 1 : 0;
}

static uint32_t *first_of(chart *c, uint32_t parent) {
    return parent ? &c->all[parent - 1].first : &c->first;
}
static uint32_t *last_of(chart *c, uint32_t parent) { return parent ? &c->all[parent - 1].last : &c->last; }

static void append(chart *c, uint32_t at) {
    occurrence *o = &c->all[at - 1];
    uint32_t *last = last_of(c, o->parent);
    o->previous = *last;
    if (*last)
        c->all[*last - 1].next = at;
    else
        *first_of(c, o->parent) = at;
    *last = at;
}

static void release(chart *c, uint32_t at) {
    free_notes(&c->all[at - 1]);
    c->all[at - 1].next = c->unused;
    c->unused = at;
}

static void release_inside(chart *c, uint32_t at) {
    for (uint32_t child = c->all[at - 1].first, next; child; child = next) {
        next = c->all[child - 1].next;
        release_inside(c, child);
        release(c, child);
    }
    c->all[at - 1].first = c->all[at - 1].last = 0;
}

/* It becomes part of the fold before it, or else a fold itself. */
static void fold(chart *c, uint32_t at) {
    occurrence *o = &c->all[at - 1], *before = o->previous ? &c->all[o->previous - 1] : NULL;
    bool faulted = o->look == LOOK_FAULTED;
    release_inside(c, at);
    if (!before || before->look != LOOK_FOLD) {
        free_notes(o);
        o->look = LOOK_FOLD;
        o->count = 1;
        o->faulted = faulted;
        return;
    }
    before->count++;
    before->faulted += faulted;
    before->next = o->next;
    if (o->next)
        c->all[o->next - 1].previous = o->previous;
    else
        *last_of(c, o->parent) = o->previous;
    release(c, at);
}

/* Another round: the ones that are not among the last any more are folded. */
static void add_round(chart *c, reference *r, uint32_t at) {
    const occurrence *o = &c->all[at - 1];
    uint32_t within = o->parent ? c->all[o->parent - 1].number : 0;
    if (within != r->within || !r->count) {
        r->within = within;
        r->count = r->shown = r->oldest = r->latest = 0;
    }
    if (r->count++ < FIRST_ROUNDS) return;
    r->shown++;
    if (r->latest)
        c->all[r->latest - 1].next_round = at;
    else
        r->oldest = at;
    r->latest = at;
    bool folds = r->count > FIRST_ROUNDS + r->shown;
    while (r->shown > LAST_ROUNDS + (folds ? 0 : FOLD_LEAST) && c->all[r->oldest - 1].end_ns) {
        uint32_t oldest = r->oldest;
        r->oldest = c->all[oldest - 1].next_round;
        r->shown--;
        folds = true;
        fold(c, oldest);
    }
}

/* Place for one more, + 1; 0 without memory. */
static uint32_t find_place(chart *c) {
    uint32_t at = c->unused;
    if (at) {
        c->unused = c->all[at - 1].next;
        return at;
    }
    if (c->count == UINT32_MAX || !reserve((void **)&c->all, c->count, &c->capacity, sizeof *c->all))
        return 0;
    return (uint32_t)++c->count;
}

static occurrence *begin(chart *c, const store_record *r, bool rollback) {
    reference *named = r->reference ? intern(c, r->reference) : NULL;
    if ((r->reference && !named) ||
        !reserve((void **)&c->open, c->open_count, &c->open_capacity, sizeof *c->open))
        return NULL;
    uint32_t at = find_place(c);
    if (!at) return NULL;
    c->all[at - 1] = (occurrence){.start_ns = r->time_ns,
                                  .last_attempt_ns = r->time_ns,
                                  .reference = named ? named->node.key : NULL,
                                  .parent = named && !rollback ? parent_of(c, r->reference) : 0,
                                  .key = r->key,
                                  .attempts = 1,
                                  .number = r->number,
                                  .rollback = rollback};
    append(c, at);
    c->open[c->open_count++] = at - 1;
    if (named && !rollback) add_round(c, named, at);
    return &c->all[at - 1];
}

static occurrence *find_open(const chart *c, const store_record *r, bool rollback) {
    for (size_t i = c->open_count; i > 0; i--) {
        occurrence *o = &c->all[c->open[i - 1]];
        bool same = o->reference && r->reference ? strcmp(o->reference, r->reference) == 0
                                                 : !o->reference && !r->reference;
        if (same && o->key == r->key && o->rollback == rollback) return o;
    }
    return NULL;
}

static bool add_note(occurrence *o, const char *text) {
    uint32_t at = o->note_count++;
    return at >= NOTES_AN_OCCURRENCE || (o->notes[at] = strdup(text));
}

static bool note_attempt(occurrence *o, const store_record *r, const char *why) {
    char text[400];
    o->last_attempt_ns = r->time_ns;
    if (r->attempt > o->attempts) o->attempts = r->attempt;
    snprintf(text, sizeof text, "again: %s", why);
    return add_note(o, text);
}

/* NULL without memory. */
static occurrence *end(chart *c, const store_record *r, look as, bool rollback) {
    occurrence *o = find_open(c, r, rollback);
    if (!o) {
        /* Begun without a record: it was skipped, or its strategy journals ends alone. */
        if (!(o = begin(c, r, rollback))) return NULL;
        if (as != LOOK_SKIPPED) o->start_ns = o->last_attempt_ns = r->time_ns - r->duration_ns;
    }
    o->end_ns = r->time_ns;
    o->end_number = r->number;
    o->look = as;
    o->count = r->count;
    uint32_t index = (uint32_t)(o - c->all);
    size_t at = c->open_count - 1;
    while (c->open[at] != index) at--;
    memmove(&c->open[at], &c->open[at + 1], (c->open_count - at - 1) * sizeof *c->open);
    c->open_count--;
    return o;
}

static bool end_with_note(chart *c, const store_record *r, const char *note, bool rollback) {
    occurrence *o = end(c, r, LOOK_FAULTED, rollback);
    return o && (!note || add_note(o, note));
}

static bool start(chart *c, const store_record *r, bool interrupted, bool rollback) {
    occurrence *o = find_open(c, r, rollback);
    if (!o) return begin(c, r, rollback);
    if (interrupted) return note_attempt(o, r, "its process died");
    o->last_attempt_ns = r->time_ns;
    if (r->attempt > o->attempts) o->attempts = r->attempt;
    return true;
}

static bool retry(chart *c, const store_record *r, const char *why) {
    occurrence *o = find_open(c, r, false);
    return !o || note_attempt(o, r, why ? why : "it failed");
}

/* What the end of the execution ended with it. */
static void end_all(chart *c, int64_t now_ns, look as) {
    for (size_t i = 0; i < c->open_count; i++) {
        occurrence *o = &c->all[c->open[i]];
        o->end_ns = now_ns;
        if (o->look == LOOK_OPEN) o->look = as;
    }
    c->open_count = 0;
}

int chart_add(chart *c, const store_record *r, const char *note, bool interrupted) {
    bool good = true;
    occurrence *o;
    if (!c->begin_ns) c->begin_ns = r->time_ns;
    switch (r->kind) {
    case RECORD_STARTED: break;
    case RECORD_COMPLETED: end_all(c, r->time_ns, LOOK_COMPLETED); break;
    case RECORD_FAULTED: end_all(c, r->time_ns, LOOK_FAULTED); break;
    case RECORD_CANCELLED: end_all(c, r->time_ns, LOOK_CANCELLED); break;
    case RECORD_SUSPENDED:
        if ((good = (o = begin(c, r, false)))) o->look = LOOK_SUSPENDED;
        break;
    case RECORD_RESUMED: good = end(c, r, LOOK_SUSPENDED, false); break;
    case RECORD_STEP_STARTED: good = start(c, r, interrupted, false); break;
    case RECORD_STEP_SKIPPED: good = end(c, r, LOOK_SKIPPED, false); break;
    case RECORD_STEPS_COMPLETED:
    case RECORD_STEP_COMPLETED: good = end(c, r, LOOK_COMPLETED, false); break;
    case RECORD_STEP_FAULTED: good = end_with_note(c, r, note, false); break;
    case RECORD_STEP_CANCELLED: good = end(c, r, LOOK_CANCELLED, false); break;
    case RECORD_STEP_RETRIED: good = retry(c, r, note); break;
    case RECORD_ROLLBACK_STARTED: good = start(c, r, interrupted, true); break;
    case RECORD_ROLLBACK_COMPLETED: good = end(c, r, LOOK_COMPLETED, true); break;
    case RECORD_ROLLBACK_FAULTED: good = end_with_note(c, r, note, true); break;
    }
    return good ? 0 : -1;
}

/* ---- Which lines ---- */

/* The lines, one after the other: an occurrence, or a fold. */
typedef struct walk {
    const chart *c;
    uint32_t at; /* + 1; 0: at the end */
    unsigned depth;
} walk;

static void walk_on(walk *w, bool inside) {
    const occurrence *o = &w->c->all[w->at - 1];
    if (inside && o->first) {
        w->at = o->first;
        w->depth++;
        return;
    }
    while (!o->next && o->parent) {
        o = &w->c->all[o->parent - 1];
        w->depth--;
    }
    w->at = o->next;
}

/* Passes folds that stand side by side. */
static void walk_fold(walk *w, size_t *count, size_t *faulted) {
    const occurrence *all = w->c->all;
    *count = *faulted = 0;
    for (uint32_t at = w->at; at && all[at - 1].look == LOOK_FOLD; at = all[at - 1].next) {
        w->at = at;
        *count += all[at - 1].count;
        *faulted += all[at - 1].faulted;
    }
    walk_on(w, false);
}

void chart_walk(const chart *c, chart_each each, void *data) {
    for (walk w = {c, c->first, 0}; w.at;) {
        const occurrence *o = &c->all[w.at - 1];
        if (o->look != LOOK_FOLD) {
            if (o->reference) each(data, w.at - 1, o->reference);
            walk_on(&w, true);
            continue;
        }
        size_t count, faulted;
        walk_fold(&w, &count, &faulted);
    }
}

static int by_number(const void *a, const void *b) {
    uint32_t x = ((const chart_end *)a)->number, y = ((const chart_end *)b)->number;
    return (x > y) - (x < y);
}

typedef struct gathering {
    const chart *c;
    chart_end *ends;
    size_t count;
} gathering;

static void gather(void *data, uint32_t occurrence_index, const char *reference) {
    (void)reference;
    gathering *g = data;
    const occurrence *o = &g->c->all[occurrence_index];
    g->ends[g->count++] = (chart_end){o->number, occurrence_index, false};
    if (o->end_number && o->end_number != o->number)
        g->ends[g->count++] = (chart_end){o->end_number, occurrence_index, true};
}

static void count_one(void *data, uint32_t occurrence_index, const char *reference) {
    (void)occurrence_index, (void)reference;
    ++*(size_t *)data;
}

chart_end *chart_ends(const chart *c, size_t *count) {
    size_t most = 0;
    chart_walk(c, count_one, &most);
    gathering g = {c, malloc((2 * most + 1) * sizeof *g.ends), 0};
    if (!g.ends) return NULL;
    chart_walk(c, gather, &g);
    qsort(g.ends, g.count, sizeof *g.ends, by_number);
    *count = g.count;
    return g.ends;
}

/* ---- Printing ---- */

typedef struct sign {
    const char *utf8, *ascii, *colour;
} sign;

static const sign *sign_of(const occurrence *o, const chart_options *options) {
    static const sign signs[] = {
        [LOOK_OPEN] = {"▶", ">", "36"},    [LOOK_COMPLETED] = {"✓", "+", "32"},
        [LOOK_FAULTED] = {"✗", "x", "31"}, [LOOK_CANCELLED] = {"■", "#", "33"},
        [LOOK_SKIPPED] = {"–", "-", "2"},  [LOOK_SUSPENDED] = {"‖", "=", "33"},
    };
    static const sign interrupted = {"!", "!", "31"}, undone = {"↶", "<", "33"};
    if (o->look == LOOK_OPEN && strcmp(options->open_status, "interrupted") == 0) return &interrupted;
    if (o->rollback && o->look == LOOK_COMPLETED) return &undone;
    return &signs[o->look];
}

static void put_name(buffer *b, const occurrence *o) {
    if (o->rollback) buffer_puts(b, "rollback of ");
    if (o->reference)
        storage_put_step_name(b, o->reference);
    else if (o->look == LOOK_SUSPENDED)
        buffer_puts(b, "suspended");
    if (o->count) buffer_printf(b, " (%u steps)", o->count);
}

typedef struct layout {
    const chart_options *options;
    size_t name, again, bar; /* widths; bar 0: there is no room */
    int64_t begin_ns, end_ns;
} layout;

static size_t digits(uint32_t n) {
    size_t count = 1;
    while (n >= 10) {
        n /= 10;
        count++;
    }
    return count;
}

static layout lay_out(const chart *c, const chart_options *options) {
    layout l = {
        .options = options, .name = NAME_WIDTH_LEAST, .begin_ns = c->begin_ns, .end_ns = options->end_ns};
    buffer name = {0};
    for (walk w = {c, c->first, 0}; w.at;) {
        const occurrence *o = &c->all[w.at - 1];
        size_t count, faulted;
        if (o->look == LOOK_FOLD) {
            walk_fold(&w, &count, &faulted);
            continue;
        }
        buffer_clear(&name);
        put_name(&name, o);
        size_t width = 2 * w.depth + text_width(buffer_text(&name));
        if (width > l.name) l.name = width;
        if (o->attempts > 1 && digits(o->attempts) + 2 > l.again) l.again = digits(o->attempts) + 2;
        walk_on(&w, true);
    }
    buffer_done(&name);
    size_t width = (size_t)options->width, most = width * 2 / 5;
    if (l.name > most && most > NAME_WIDTH_LEAST) l.name = most;
    size_t taken = 2 + l.name + l.again + 1 + TIME_WIDTH + 3;
    l.bar = width > taken + BAR_LEAST ? width - taken : 0;
    if (l.end_ns <= l.begin_ns) l.end_ns = l.begin_ns + 1;
    return l;
}

static size_t cell_of(const layout *l, int64_t ns) {
    if (ns <= l->begin_ns) return 0;
    if (ns >= l->end_ns) return l->bar;
    return (size_t)((double)(ns - l->begin_ns) / (double)(l->end_ns - l->begin_ns) * (double)l->bar);
}

/* What was tried before the last attempt is lighter. A moment too short for a cell is still seen. */
static void put_bar(buffer *b, const layout *l, const occurrence *o, const char *colour) {
    bool utf8 = l->options->utf8;
    int64_t end_ns = o->end_ns ? o->end_ns : l->end_ns;
    size_t from = cell_of(l, o->start_ns), last = cell_of(l, o->last_attempt_ns), to = cell_of(l, end_ns);
    bool moment = to <= from;
    if (from == l->bar) from--;
    if (last < from) last = from;
    if (moment) to = from + 1;
    if (last >= to) last = to - 1;
    buffer_printf(b, " %s%*s%s", utf8 ? "│" : "|", (int)from, "", cli_colour(colour));
    for (size_t i = from; i < last; i++) buffer_puts(b, utf8 ? "░" : "-");
    for (size_t i = last; i < to; i++) buffer_puts(b, moment ? (utf8 ? "▏" : ".") : utf8 ? "█" : "=");
    buffer_printf(b, "%s%*s%s", cli_colour("0"), (int)(l->bar - to), "", utf8 ? "│" : "|");
}

static void put_times(buffer *b, const layout *l, const occurrence *o) {
    char text[32] = "", again[16] = "";
    if (o->attempts > 1) snprintf(again, sizeof again, "%s%u", l->options->utf8 ? "×" : "x", o->attempts);
    buffer_printf(b, " %*s%s", (int)(l->again - text_width(again)), "", again);
    if (o->look == LOOK_SKIPPED)
        snprintf(text, sizeof text, "skipped");
    else if (!o->end_ns && strcmp(l->options->open_status, "interrupted") == 0)
        snprintf(text, sizeof text, "interrupted");
    else
        cli_duration((o->end_ns ? o->end_ns : l->end_ns) - o->start_ns, text);
    buffer_printf(b, " %*s", TIME_WIDTH - 1, text);
}

static void put_line(buffer *b, const layout *l, const occurrence *o, unsigned depth) {
    const sign *s = sign_of(o, l->options);
    buffer name = {0};
    put_name(&name, o);
    size_t indent = 2 * depth < l->name / 2 ? 2 * depth : l->name / 2;
    buffer_printf(b, "%s%s%s %*s", cli_colour(s->colour), l->options->utf8 ? s->utf8 : s->ascii,
                  cli_colour("0"), (int)indent, "");
    size_t taken = indent + text_put_fitting(b, buffer_text(&name), l->name - indent);
    buffer_done(&name);
    buffer_printf(b, "%*s", (int)(l->name - taken), "");
    put_times(b, l, o);
    if (l->bar && o->look != LOOK_SKIPPED) put_bar(b, l, o, s->colour);
    buffer_putc(b, '\n');
}

static void put_notes(buffer *b, const layout *l, const occurrence *o, unsigned depth) {
    unsigned told = 0;
    for (; told < NOTES_AN_OCCURRENCE && o->notes[told]; told++) {
        buffer_printf(b, "%*s%s", (int)(4 + 2 * depth), "", cli_colour("31"));
        size_t room = (size_t)l->options->width, left = 4 + 2 * (size_t)depth;
        text_put_fitting(b, o->notes[told], room > left + 8 ? room - left : 8);
        buffer_printf(b, "%s\n", cli_colour("0"));
    }
    if (o->note_count > told)
        buffer_printf(b, "%*s%s%s %u more%s\n", (int)(4 + 2 * depth), "", cli_colour("2"),
                      l->options->utf8 ? "…" : "...", o->note_count - told, cli_colour("0"));
}

static void put_count(buffer *b, size_t n) {
    if (n >= 1000) {
        put_count(b, n / 1000);
        buffer_printf(b, ",%03zu", n % 1000);
        return;
    }
    buffer_printf(b, "%zu", n);
}

static void put_fold(buffer *b, const layout *l, walk *w) {
    size_t count, faulted;
    unsigned depth = w->depth;
    walk_fold(w, &count, &faulted);
    buffer_printf(b, "%*s%s%s ", (int)(2 + 2 * depth), "", cli_colour("2"), l->options->utf8 ? "…" : "...");
    put_count(b, count);
    buffer_puts(b, " more");
    if (faulted) {
        buffer_puts(b, ", ");
        put_count(b, faulted);
        buffer_puts(b, " faulted");
    }
    buffer_printf(b, "%s\n", cli_colour("0"));
}

static void put_axis(buffer *b, const layout *l) {
    char text[32];
    cli_duration(l->end_ns - l->begin_ns, text);
    size_t left = 2 + l->name + l->again + 1 + TIME_WIDTH + 1;
    if (l->bar < strlen(text) + 4) return;
    buffer_printf(b, "%*s%s 0%*s%s\n", (int)left, "", cli_colour("2"), (int)l->bar - 1, text,
                  cli_colour("0"));
}

void chart_print(chart *c, const chart_options *options) {
    layout l = lay_out(c, options);
    buffer b = {0};
    for (walk w = {c, c->first, 0}; w.at;) {
        const occurrence *o = &c->all[w.at - 1];
        if (o->look == LOOK_FOLD) {
            put_fold(&b, &l, &w);
        } else {
            put_line(&b, &l, o, w.depth);
            put_notes(&b, &l, o, w.depth);
            walk_on(&w, true);
        }
        fputs(buffer_text(&b), stdout);
        buffer_clear(&b);
    }
    if (l.bar && c->count) put_axis(&b, &l);
    fputs(buffer_text(&b), stdout);
    buffer_done(&b);
}
