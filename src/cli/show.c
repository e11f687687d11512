/* baton show: one execution, its steps as a chart of time, and what went in and came out of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/text.h"
#include "base/value.h"
#include "cli/chart.h"
#include "cli/standing.h"
#include "cli/storage.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_LAST, OPTION_DATA, OPTION_STORE, OPTION_JSON, OPTION_COLOR };

static const cli_option options[] = {
    [OPTION_LAST] = STORAGE_OPTION_LAST,
    [OPTION_DATA] = {"data", NULL, "shows what went in and came out of each step", 'd'},
    [OPTION_STORE] = STORAGE_OPTION_STORE,
    [OPTION_JSON] = {"json", NULL, "prints one JSON object, with the whole journal", 0},
    [OPTION_COLOR] = STORAGE_OPTION_COLOR,
    {NULL, NULL, NULL, 0}};

enum {
    DATA_LINE = 60,    /* a shorter value takes one line */
    DATA_BYTES = 2000, /* of one value that is shown */
};

/* The members of a record's `more`, in the order in which they come about. */
static const char *const more_keys[] = {"rawInput", "input", "rawOutput", "context"};
enum { MORE_RAW_INPUT, MORE_INPUT, MORE_RAW_OUTPUT, MORE_CONTEXT, MORE_KEYS };

/* The member, as it is or by the number that stands for it. */
static store_text more_text(baton_value more, const char *key, buffer *text) {
    char by_number[32];
    snprintf(by_number, sizeof by_number, "%s@", key);
    baton_value number = baton_value_get(more, by_number), member = baton_value_get(more, key);
    store_text found = {.number = (int64_t)baton_value_as_number(number)};
    buffer_clear(text);
    if (value_is_valid(member)) {
        value_write(text, member);
        found = (store_text){.bytes = buffer_text(text), .size = text->size};
    }
    value_unref(member);
    value_unref(number);
    return found;
}

/* ---- JSON ---- */

typedef struct printing {
    storage *st;
    buffer text, member;
    size_t count;
} printing;

static int put_more(printing *p, store_text more, baton_error **err) {
    if (!more.bytes && !more.number) return 0;
    baton_value o = storage_value(p->st, more);
    int result = 0;
    for (int i = 0; i < MORE_KEYS && result == 0; i++) {
        store_text text = more_text(o, more_keys[i], &p->member);
        if (!text.bytes && !text.number) continue;
        buffer_printf(&p->text, ",\"%s\":", more_keys[i]);
        result = storage_put_text(p->st, &p->text, text, err);
    }
    value_unref(o);
    return result;
}

static int print_record(void *data, const store_record *r, int64_t seq, baton_error **err) {
    printing *p = data;
    buffer *b = &p->text;
    buffer_printf(b, "%s\n  {\"seq\":%lld,\"number\":%u,\"key\":%u,\"time\":", p->count++ ? "," : "",
                  (long long)seq, r->number, r->key);
    storage_put_time(b, r->time_ns);
    buffer_printf(b, ",\"kind\":\"%s\",\"reference\":", record_kind_name(r->kind));
    value_write_text(b, r->reference);
    buffer_printf(b, ",\"attempt\":%u,\"count\":%u,\"duration\":%lld,\"data\":", r->attempt, r->count,
                  (long long)r->duration_ns);
    if (storage_put_text(p->st, b, r->data, err) != 0 || put_more(p, r->more, err) != 0) return -1;
    buffer_putc(b, '}');
    return storage_flush(b, err);
}

static int put_column(printing *p, const char *key, store_text text, baton_error **err) {
    buffer_printf(&p->text, ",\n\"%s\":", key);
    return storage_put_text(p->st, &p->text, text, err);
}

static int print_json(storage *st, baton_error **err) {
    printing p = {.st = st};
    const store_execution *x = &st->x;
    buffer_putc(&p.text, '{');
    storage_put_columns(&p.text, x);
    int result = -1;
    if (put_column(&p, "input", x->input, err) == 0 && put_column(&p, "output", x->output, err) == 0 &&
        put_column(&p, "error", x->error, err) == 0) {
        buffer_puts(&p.text, ",\n\"journal\":[");
        result = st->store->type->journal(st->store, x->id, 0, print_record, &p, err);
    }
    buffer_puts(&p.text, "]}\n");
    if (result == 0) result = storage_flush(&p.text, err);
    buffer_done(&p.text);
    buffer_done(&p.member);
    return result;
}

/* ---- The head ---- */

static void print_label(const char *label) { printf("%s%-9s%s ", cli_colour("2"), label, cli_colour("0")); }

static void print_clean(const char *label, const char *text) {
    buffer b = {0};
    cli_put_clean(&b, text);
    print_label(label);
    puts(buffer_text(&b));
    buffer_done(&b);
}

static void print_moment(const char *label, int64_t ns, int64_t now_ns) {
    char text[STORAGE_MOMENT], ago[STORAGE_MOMENT];
    print_label(label);
    printf("%s", storage_local(ns, text));
    if (ns > now_ns - 86400 * INT64_C(1000000000)) printf(" (%s)", storage_moment(ns, now_ns, ago));
    putchar('\n');
}

static void print_error(storage *st) {
    baton_value error = storage_value(st, st->x.error);
    if (value_is_valid(error)) {
        buffer b = {0};
        storage_put_fault(st, &b, error);
        print_label("error");
        printf("%s%s%s\n", cli_colour("31"), buffer_text(&b), cli_colour("0"));
        buffer_done(&b);
    }
    value_unref(error);
}

/* What a rerun began from. */
static void print_origin(const store_execution *x) {
    baton_value settings = value_parse_stored(x->settings.bytes, x->settings.size, NULL);
    const char *of = value_get_text(settings, "rerunOf"), *from = value_get_text(settings, "from");
    if (of) {
        print_label("rerun of");
        printf("%s", of);
        if (from) printf(", which gave what stands before %s", from);
        putchar('\n');
    }
    baton_value_unref(settings);
}

static void print_head(storage *st, int64_t now_ns) {
    const store_execution *x = &st->x;
    const char *status = storage_status(x);
    char took[32];
    printf("%s%s%s\n", cli_colour("1"), x->id, cli_colour("0"));
    print_label("workflow");
    printf("%s/%s %s\n", x->namespace, x->name, x->version);
    print_label("status");
    printf("%s%s%s", cli_colour(storage_status_colour(status)), status, cli_colour("0"));
    if (x->request) printf(", %s was asked for", x->request);
    putchar('\n');
    print_moment(x->started_ns ? "started" : "created", x->started_ns ? x->started_ns : x->created_ns,
                 now_ns);
    if (x->ended_ns) print_moment("ended", x->ended_ns, now_ns);
    if (x->started_ns && x->ended_ns) print_clean("took", cli_duration(x->ended_ns - x->started_ns, took));
    if (x->status == EXECUTION_WAITING && x->wake_ns != INT64_MAX) {
        standing s;
        standing_read(&s, x->cursor);
        if (!s.given_back)
            print_moment(standing_wakes(&s, x->wake_ns) ? "wakes" : "times out", x->wake_ns, now_ns);
        standing_done(&s);
    }
    if (x->owner_pid && !x->ended_ns) {
        print_label("process");
        printf("%lld (baton %s)%s\n", (long long)x->owner_pid, x->owner_kind,
               x->interrupted ? ", dead" : "");
    }
    print_origin(x);
    if (strcmp(x->strategy, "basic") != 0) print_clean("strategy", x->strategy);
    if (x->reason) print_clean("reason", x->reason);
    print_error(st);
}

/* ---- The chart ---- */

typedef struct charting {
    storage *st;
    chart *chart;
    int64_t last_ns;
} charting;

static bool is_interruption(const store_record *r) {
    static const char text[] = "{\"interrupted\":true}";
    return (r->kind == RECORD_STEP_STARTED || r->kind == RECORD_ROLLBACK_STARTED) && r->data.bytes &&
           r->data.size == sizeof text - 1 && memcmp(r->data.bytes, text, sizeof text - 1) == 0;
}

/* An error is told where it arose, not at each step that it went out through. */
static void put_reason(charting *c, buffer *b, const store_record *r) {
    baton_value error = storage_value(c->st, r->data);
    const char *instance = value_get_text(error, "instance"), *title = value_get_text(error, "title"),
               *detail = value_get_text(error, "detail");
    bool here =
        r->kind == RECORD_STEP_RETRIED || !instance || !r->reference || strcmp(instance, r->reference) == 0;
    if (here && title) cli_put_clean(b, title);
    if (here && detail) {
        buffer_puts(b, title ? ": " : "");
        cli_put_clean(b, detail);
    }
    value_unref(error);
}

static int chart_record(void *data, const store_record *r, int64_t seq, baton_error **err) {
    (void)seq;
    charting *c = data;
    buffer reason = {0};
    c->last_ns = r->time_ns;
    if (r->kind == RECORD_STEP_FAULTED || r->kind == RECORD_STEP_RETRIED ||
        r->kind == RECORD_ROLLBACK_FAULTED)
        put_reason(c, &reason, r);
    int result = chart_add(c->chart, r, reason.size ? buffer_text(&reason) : NULL, is_interruption(r));
    buffer_done(&reason);
    return result == 0 ? 0 : error_memory(err);
}

/* ---- Data ---- */

typedef struct values {
    store_text raw_input, input, raw_output, output, context;
    bool faulted;
} values;

typedef struct gathering {
    storage *st;
    chart *chart;
    chart_end *ends;
    size_t end_count, next;
    values *values;  /* by place in `order` */
    uint32_t *order; /* occurrences, as the lines show them */
    const char **references;
    size_t count;
    store_text
        last_output; /* of the record before: what a step is given, unless its record says otherwise */
    buffer last, member;
    arena arena;
    bool failed;
} gathering;

static store_text keep(gathering *g, store_text text) {
    if (!text.bytes) return text;
    const char *bytes = arena_text_sized(&g->arena, text.bytes, text.size);
    g->failed |= !bytes;
    return (store_text){.bytes = bytes, .size = text.size};
}

static store_text keep_more(gathering *g, baton_value more, int key) {
    return keep(g, more_text(more, more_keys[key], &g->member));
}

static values *values_of(gathering *g, uint32_t occurrence) {
    for (size_t low = 0, high = g->count; low < high;) {
        size_t middle = (low + high) / 2;
        if (g->order[2 * middle] == occurrence) return &g->values[g->order[2 * middle + 1]];
        if (g->order[2 * middle] < occurrence)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void gather_end(gathering *g, const chart_end *end, const store_record *r) {
    values *v = values_of(g, end->occurrence);
    baton_value more = storage_value(g->st, r->more);
    if (v && r->kind == RECORD_STEP_STARTED) {
        v->raw_input = keep_more(g, more, MORE_RAW_INPUT);
        if (!v->raw_input.bytes && !v->raw_input.number) v->raw_input = keep(g, g->last_output);
    } else if (v) {
        v->input = keep_more(g, more, MORE_INPUT);
        v->raw_output = keep_more(g, more, MORE_RAW_OUTPUT);
        v->context = keep_more(g, more, MORE_CONTEXT);
        v->output = keep(g, r->data);
        v->faulted = r->kind == RECORD_STEP_FAULTED || r->kind == RECORD_ROLLBACK_FAULTED;
    }
    value_unref(more);
}

static int gather_record(void *data, const store_record *r, int64_t seq, baton_error **err) {
    (void)seq;
    gathering *g = data;
    while (g->next < g->end_count && g->ends[g->next].number < r->number) g->next++;
    if (g->next < g->end_count && g->ends[g->next].number == r->number) gather_end(g, &g->ends[g->next], r);
    if (r->kind == RECORD_STARTED || r->kind == RECORD_STEP_COMPLETED) {
        buffer_clear(&g->last);
        if (r->data.bytes) buffer_append(&g->last, r->data.bytes, r->data.size);
        g->last_output = r->data;
        if (r->data.bytes) g->last_output.bytes = buffer_text(&g->last);
        g->failed |= buffer_failed(&g->last);
    }
    return g->failed ? error_memory(err) : 0;
}

static bool same(store_text a, store_text b) {
    if (a.number || b.number) return a.number == b.number;
    return a.bytes && b.bytes && a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

static void print_value(storage *st, const char *label, store_text text) {
    baton_value value = storage_value(st, text);
    buffer b = {0};
    value_write(&b, value);
    if (b.size > DATA_LINE) {
        buffer_clear(&b);
        value_write_pretty(&b, value);
    }
    size_t whole = b.size, shown = whole;
    if (whole > DATA_BYTES) shown = text_utf8_prefix(b.data, DATA_BYTES);
    printf("    %s%-10s%s ", cli_colour("2"), label, cli_colour("0"));
    for (size_t i = 0; i < shown; i++) {
        putchar(b.data[i]);
        if (b.data[i] == '\n') printf("%15s", "");
    }
    if (shown < whole)
        printf("%s%s (%zu bytes; --json has all)%s", cli_colour("2"), cli_is_utf8() ? "…" : "...", whole,
               cli_colour("0"));
    putchar('\n');
    buffer_done(&b);
    value_unref(value);
}

static bool is_there(store_text text) { return text.bytes || text.number; }

static void print_values(storage *st, const char *reference, const values *v) {
    buffer b = {0};
    storage_put_step_name(&b, reference);
    printf("\n  %s%s%s", cli_colour("1"), buffer_text(&b), cli_colour("0"));
    buffer_clear(&b);
    cli_put_clean(&b, reference);
    printf("  %s%s%s\n", cli_colour("2"), buffer_text(&b), cli_colour("0"));
    buffer_done(&b);
    bool two = is_there(v->input) && !same(v->input, v->raw_input);
    if (is_there(v->raw_input)) print_value(st, two ? "raw input" : "input", v->raw_input);
    if (two) print_value(st, "input", v->input);
    if (is_there(v->raw_output)) print_value(st, "raw output", v->raw_output);
    if (is_there(v->output)) print_value(st, v->faulted ? "error" : "output", v->output);
    if (is_there(v->context)) print_value(st, "context", v->context);
}

static void count_line(void *data, uint32_t occurrence, const char *reference) {
    (void)occurrence, (void)reference;
    ((gathering *)data)->count++;
}

static void note_line(void *data, uint32_t occurrence, const char *reference) {
    gathering *g = data;
    g->order[2 * g->count] = occurrence;
    g->order[2 * g->count + 1] = (uint32_t)g->count;
    g->references[g->count++] = reference;
}

static int by_occurrence(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool prepare(gathering *g) {
    chart_walk(g->chart, count_line, g);
    g->ends = chart_ends(g->chart, &g->end_count);
    g->order = malloc((g->count + 1) * 2 * sizeof *g->order);
    g->references = malloc((g->count + 1) * sizeof *g->references);
    g->values = calloc(g->count + 1, sizeof *g->values);
    if (!g->ends || !g->order || !g->references || !g->values) return false;
    g->count = 0;
    chart_walk(g->chart, note_line, g);
    qsort(g->order, g->count, 2 * sizeof *g->order, by_occurrence);
    return true;
}

static int print_data(storage *st, chart *c, baton_error **err) {
    gathering g = {.st = st, .chart = c};
    int result = prepare(&g) ? 0 : error_memory(err);
    if (result == 0) result = st->store->type->journal(st->store, st->x.id, 0, gather_record, &g, err);
    for (size_t i = 0; result == 0 && i < g.count; i++) print_values(st, g.references[i], &g.values[i]);
    free(g.ends);
    free(g.order);
    free(g.references);
    free(g.values);
    buffer_done(&g.last);
    buffer_done(&g.member);
    arena_done(&g.arena);
    return result;
}

static void print_ends(storage *st) {
    if (is_there(st->x.input)) print_value(st, "input", st->x.input);
    if (is_there(st->x.output)) print_value(st, "output", st->x.output);
}

/* ---- The command ---- */

static int print_page(storage *st, bool data, baton_error **err) {
    const store_execution *x = &st->x;
    int64_t now_ns = storage_now_ns();
    charting c = {.st = st, .chart = chart_new()};
    if (!c.chart) return error_memory(err);
    print_head(st, now_ns);
    int result = st->store->type->journal(st->store, x->id, 0, chart_record, &c, err);
    if (result == 0) {
        int width = terminal_width(STDOUT_FILENO);
        /* What was interrupted did nothing after its last record, as far as anybody knows. */
        bool going = !x->ended_ns && !x->interrupted;
        putchar('\n');
        chart_print(c.chart, &(chart_options){.width = width ? width : 80,
                                              .utf8 = cli_is_utf8(),
                                              .end_ns = going ? now_ns : c.last_ns,
                                              .open_status = storage_status(x)});
    }
    if (result == 0 && data) {
        putchar('\n');
        print_ends(st);
        result = print_data(st, c.chart, err);
    }
    chart_free(c.chart);
    return result;
}

static int run_show(cli_arguments *args) {
    storage st = {0};
    bool last = false, data = false, json = false;
    colour_mode colour = COLOUR_AUTO;
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        switch (option) {
        case OPTION_LAST: last = true; break;
        case OPTION_DATA: data = true; break;
        case OPTION_STORE: st.given = value; break;
        case OPTION_JSON: json = true; break;
        default:
            if (!cli_parse_colour(value, &colour))
                return cli_fail(EXIT_USAGE, "--color is auto, always or never");
        }
    }
    if (option < -1) return EXIT_USAGE;
    cli_set_colour(colour, STDOUT_FILENO);
    int code = storage_open_execution(&st, args, last);
    if (code != EXIT_DONE) return code;
    baton_error *err = NULL;
    int result = json ? print_json(&st, &err) : print_page(&st, data, &err);
    storage_close(&st);
    return result == 0 ? EXIT_DONE : cli_fail_error(err);
}

const command command_show = {
    .name = "show",
    .arguments = "ID",
    .summary = "show one execution: its steps as a chart of time, its data",
    .description =
        "Shows one execution and its steps as a chart of time: a line for each time a step ran, what "
        "happened\n"
        "inside it indented below, with the number of attempts and why there was more than one. Of a loop "
        "with\n"
        "many rounds the first and the last are shown.\n\n"
        "ID is an id, a beginning or an end of one that no other has, or 'last'. With --json, `journal` "
        "has\n"
        "every record; a `duration` is in nanoseconds, and where a step has no rawInput it was given the\n"
        "output recorded before it.",
    .examples = "  baton show last --data\n"
                "  baton show -1 --json | jq '.journal[] | select(.kind == \"step_faulted\")'",
    .options = options,
    .run = run_show};
