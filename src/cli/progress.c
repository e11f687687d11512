/* Live lines are redrawn ten times a second by a thread of their own; a lock keeps it and the loop thread
 * apart. A live line never takes more than one line of the terminal, or erasing would miscount.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/value.h"
#include "cli/cli.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum {
    LIVE_LINES = 8,    /* running steps shown at once */
    LINES_A_STEP = 20, /* finished occurrences of one step that are shown */
    REDRAW_MS = 100,
    OUTPUT_LINE = 4096 /* a longer line of a process is broken */
};

typedef struct live_step {
    const step *step;
    uint32_t key;
    int64_t since_ns;
} live_step;

struct progress {
    const baton_workflow *workflow;
    progress_options options;
    bool stopping, utf8;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    live_step *running;
    size_t running_count, running_capacity;
    int drawn;
    unsigned tick;
    uint32_t *shown;        /* finished lines of each step, by ordinal */
    uint32_t top_done;      /* top-level steps that ended */
    buffer output;          /* a line of a process that has not ended yet */
    progress_source source; /* of that line */
};

/* ---- Drawing; under the lock ---- */

static int depth_of(const step *s) {
    int depth = 0;
    while ((s = s->parent)) depth++;
    return depth;
}

static void erase(struct progress *p) {
    if (p->drawn) fputs("\r\033[2K", stderr); /* the terminal may have put a ^C there */
    for (; p->drawn; p->drawn--) fputs("\033[1A\033[2K", stderr);
}

static int columns(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* Writes as much of a text as fits into `room` columns; gives the columns it took. */
static int put_fitting(const char *text, int room) {
    mbstate_t state = {0};
    int taken = 0;
    for (size_t left = strlen(text); left > 0;) {
        wchar_t c;
        size_t n = mbrtowc(&c, text, left, &state);
        if (n == 0 || n > left) { /* not a character of this locale */
            n = 1;
            c = L'?';
            memset(&state, 0, sizeof state);
        }
        int width = wcwidth(c);
        bool printable = width >= 0;
        if (taken + (printable ? width : 1) > room) break;
        if (printable && c != L'?')
            fwrite(text, 1, n, stderr);
        else
            fputc(printable ? *text : ' ', stderr);
        taken += printable ? width : 1;
        text += n;
        left -= n;
    }
    return taken;
}

static const char *spinner(const struct progress *p) {
    static const char *const dots[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    static const char *const bars[] = {"-", "\\", "|", "/"};
    return p->utf8 ? dots[p->tick % 10] : bars[p->tick % 4];
}

static bool has_step_inside(const step *s) {
    return s->kind == STEP_DO || s->kind == STEP_FOR || s->kind == STEP_FORK || s->kind == STEP_TRY ||
           s->kind == STEP_CALL;
}

static void draw_running(struct progress *p, const live_step *l, int width) {
    char took[32];
    cli_duration(clock_monotonic_ns() - l->since_ns, took);
    int indent = 2 * depth_of(l->step), time_width = (int)strlen(took) + 1;
    if (indent + 2 + time_width + 4 > width) indent = 0;
    fprintf(stderr, "%*s%s%s%s ", indent, "", cli_colour("36"), spinner(p), cli_colour("0"));
    put_fitting(l->step->name, width - indent - 2 - time_width);
    fprintf(stderr, " %s%s%s\n", cli_colour("2"), took, cli_colour("0"));
    p->drawn++;
}

/* What really works first, what only holds others if there is room; then how far it is. */
static void draw(struct progress *p) {
    int width = columns() - 1;
    if (!p->options.live || !p->options.steps || width < 16) return;
    size_t busy = 0, shown = 0;
    for (size_t i = 0; i < p->running_count; i++) busy += !has_step_inside(p->running[i].step);
    bool all = p->running_count <= LIVE_LINES;
    for (size_t i = 0; i < p->running_count && shown < LIVE_LINES; i++) {
        if (!all && has_step_inside(p->running[i].step)) continue;
        draw_running(p, &p->running[i], width);
        shown++;
    }
    fputs(cli_colour("2"), stderr);
    if (!all && busy > shown) {
        fprintf(stderr, "and %zu more\n", busy - shown);
        p->drawn++;
    }
    if (p->workflow->body.count > 1) {
        uint32_t count = p->workflow->body.count;
        fprintf(stderr, "%u/%u\n", p->top_done < count ? p->top_done : count, count);
        p->drawn++;
    }
    fputs(cli_colour("0"), stderr);
    fflush(stderr);
}

static void *redraw(void *data) {
    struct progress *p = data;
    pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += REDRAW_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&p->stop, &p->lock, &until);
        p->tick++;
        erase(p);
        if (!p->stopping) draw(p);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- What happened; under the lock ---- */

static void begin(struct progress *p, const record *r) {
    if (p->running_count == p->running_capacity) {
        size_t capacity = p->running_capacity ? p->running_capacity * 2 : 16;
        live_step *running = realloc(p->running, capacity * sizeof *running);
        if (!running) return; /* one line less */
        p->running = running;
        p->running_capacity = capacity;
    }
    p->running[p->running_count++] =
        (live_step){.step = r->step, .key = r->key, .since_ns = clock_monotonic_ns()};
}

static void end(struct progress *p, const record *r) {
    if (!r->step->parent) p->top_done++;
    for (size_t i = p->running_count; i > 0; i--) {
        if (p->running[i - 1].step != r->step || p->running[i - 1].key != r->key) continue;
        memmove(&p->running[i - 1], &p->running[i], (p->running_count - i) * sizeof *p->running);
        p->running_count--;
        return;
    }
}

typedef struct mark {
    const char *utf8, *ascii, *colour;
} mark;

static const mark *mark_of(record_kind kind) {
    static const mark done = {"✓", "ok", "32"}, failed = {"✗", "failed", "31"},
                      skipped = {"–", "skipped", "2"}, again = {"↻", "again", "33"},
                      cancelled = {"■", "cancelled", "33"}, undone = {"↶", "rolled back", "33"};
    switch (kind) {
    case RECORD_STEP_COMPLETED: return &done;
    case RECORD_STEP_FAULTED:
    case RECORD_ROLLBACK_FAULTED: return &failed;
    case RECORD_STEP_SKIPPED: return &skipped;
    case RECORD_STEP_RETRIED: return &again;
    case RECORD_STEP_CANCELLED: return &cancelled;
    case RECORD_ROLLBACK_COMPLETED: return &undone;
    default: return NULL;
    }
}

static void put_reason(buffer *b, const record *r) {
    if (r->kind != RECORD_STEP_FAULTED && r->kind != RECORD_STEP_RETRIED &&
        r->kind != RECORD_ROLLBACK_FAULTED)
        return;
    const char *title = value_get_text(r->data, "title"), *detail = value_get_text(r->data, "detail");
    if (!title && !detail) return;
    buffer_printf(b, "  %s", cli_colour("31"));
    if (title) cli_put_clean(b, title);
    if (title && detail) buffer_puts(b, ": ");
    if (detail) cli_put_clean(b, detail);
    buffer_puts(b, cli_colour("0"));
}

static void put_line(buffer *b, struct progress *p, const record *r, const mark *m) {
    bool last = p->shown[r->step->ordinal]++ == LINES_A_STEP;
    buffer_printf(b, "%*s", 2 * depth_of(r->step), "");
    if (last) {
        buffer_printf(b, "%s%s more of '", cli_colour("2"), p->utf8 ? "…" : "...");
        cli_put_clean(b, r->step->name);
        buffer_printf(b, "'%s\n", cli_colour("0"));
        return;
    }
    buffer_printf(b, "%s%s%s ", cli_colour(m->colour), p->utf8 ? m->utf8 : m->ascii, cli_colour("0"));
    cli_put_clean(b, r->step->name);
    char took[32];
    if (r->kind != RECORD_STEP_SKIPPED)
        buffer_printf(b, " %s%s%s", cli_colour("2"), cli_duration(r->duration_ns, took), cli_colour("0"));
    put_reason(b, r);
    buffer_putc(b, '\n');
}

/* Lines above the live ones. */
static void print_above(struct progress *p, const buffer *b) {
    erase(p);
    fputs(buffer_text(b), stderr);
    draw(p);
}

static void show(struct progress *p, const record *r) {
    const mark *m = mark_of(r->kind);
    if (r->kind == RECORD_STEP_STARTED && r->attempt <= 1) begin(p, r);
    if (r->kind == RECORD_STEP_COMPLETED || r->kind == RECORD_STEP_FAULTED ||
        r->kind == RECORD_STEP_CANCELLED)
        end(p, r);
    if (r->kind == RECORD_STEP_SKIPPED && !r->step->parent) p->top_done++;
    if (m && p->shown[r->step->ordinal] <= LINES_A_STEP) {
        buffer b = {0};
        put_line(&b, p, r, m);
        print_above(p, &b);
        buffer_done(&b);
    }
}

/* ---- What processes write; under the lock ---- */

static void end_output_line(struct progress *p) {
    if (!p->output.size) return;
    buffer b = {0};
    buffer_printf(&b, "%*s%s", 2 * depth_of(p->source.step), "", cli_colour("2"));
    cli_put_clean(&b, p->source.step->name);
    buffer_printf(&b, " |%s ", cli_colour("0"));
    cli_put_clean(&b, buffer_text(&p->output));
    buffer_putc(&b, '\n');
    print_above(p, &b);
    buffer_done(&b);
    buffer_clear(&p->output);
}

void progress_output(struct progress *p, const progress_source *source, const char *bytes, size_t size) {
    pthread_mutex_lock(&p->lock);
    if (p->source.step != source->step || p->source.stream != source->stream) end_output_line(p);
    p->source = *source;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != '\n') buffer_putc(&p->output, bytes[i] ? bytes[i] : ' ');
        if (bytes[i] == '\n' || p->output.size >= OUTPUT_LINE) end_output_line(p);
    }
    pthread_mutex_unlock(&p->lock);
}

void progress_record(struct progress *p, const baton_execution *x, const record *r) {
    (void)x;
    if (!r->step) return;
    pthread_mutex_lock(&p->lock);
    if (r->step == p->source.step && r->kind != RECORD_STEP_STARTED) end_output_line(p);
    if (p->options.steps) show(p, r);
    pthread_mutex_unlock(&p->lock);
}

void progress_say(struct progress *p, const char *line) {
    pthread_mutex_lock(&p->lock);
    erase(p);
    fprintf(stderr, "%s\n", line);
    draw(p);
    pthread_mutex_unlock(&p->lock);
}

/* ---- Making and freeing ---- */

struct progress *progress_new(const baton_workflow *workflow, const progress_options *options) {
    struct progress *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->workflow = workflow;
    p->options = *options;
    p->utf8 = cli_is_utf8();
    p->shown = calloc(workflow->step_count + 1, sizeof *p->shown);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->stop, NULL);
    if (p->shown && (!p->options.live || pthread_create(&p->thread, NULL, redraw, p) == 0)) return p;
    p->options.live = false;
    progress_free(p);
    return NULL;
}

void progress_free(struct progress *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    end_output_line(p);
    p->stopping = true;
    pthread_cond_signal(&p->stop);
    pthread_mutex_unlock(&p->lock);
    if (p->options.live) pthread_join(p->thread, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->stop);
    buffer_done(&p->output);
    free(p->running);
    free(p->shown);
    free(p);
}
