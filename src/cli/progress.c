/* Live lines are redrawn ten times a second by a thread of their own; a lock keeps it and the loop thread
 * apart.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/value.h"
#include "cli/cli.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    LIVE_LINES = 8,    /* running steps shown at once */
    LINES_A_STEP = 20, /* finished occurrences of one step that are shown */
    REDRAW_MS = 100
};

typedef struct live_step {
    const step *step;
    uint32_t key;
    int64_t since_ns;
} live_step;

struct progress {
    const baton_workflow *workflow;
    bool live, stopping, utf8;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    live_step running[LIVE_LINES];
    int running_count, drawn;
    unsigned tick;
    uint32_t *shown;   /* finished lines of each step, by ordinal */
    uint32_t top_done; /* top-level steps that ended */
};

/* ---- Drawing; under the lock ---- */

static int depth_of(const step *s) {
    int depth = 0;
    while ((s = s->parent)) depth++;
    return depth;
}

static void erase(struct progress *p) {
    for (; p->drawn; p->drawn--) fputs("\033[1A\033[2K", stderr);
}

static int columns(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

static void draw(struct progress *p) {
    static const char *const dots[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    static const char *const bars[] = {"-", "\\", "|", "/"};
    const char *spin = p->utf8 ? dots[p->tick % 10] : bars[p->tick % 4];
    int64_t now_ns = clock_monotonic_ns();
    int room = columns() - 30;
    char took[32];
    for (int i = 0; i < p->running_count; i++) {
        const live_step *l = &p->running[i];
        int indent = 2 * depth_of(l->step);
        fprintf(stderr, "%*s%s%s%s %.*s %s%s%s\n", indent, "", cli_colour("36"), spin, cli_colour("0"),
                room > indent ? room - indent : 10, l->step->name, cli_colour("2"),
                cli_duration(now_ns - l->since_ns, took), cli_colour("0"));
        p->drawn++;
    }
    if (p->workflow->body.count > 1) {
        fprintf(stderr, "%s%u/%u%s\n", cli_colour("2"),
                p->top_done < p->workflow->body.count ? p->top_done : p->workflow->body.count,
                p->workflow->body.count, cli_colour("0"));
        p->drawn++;
    }
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

/* ---- What happened ---- */

static void begin(struct progress *p, const record *r) {
    if (p->running_count == LIVE_LINES) return;
    p->running[p->running_count++] =
        (live_step){.step = r->step, .key = r->key, .since_ns = clock_monotonic_ns()};
}

static void end(struct progress *p, const record *r) {
    for (int i = 0; i < p->running_count; i++) {
        if (p->running[i].step != r->step || p->running[i].key != r->key) continue;
        for (p->running_count--; i < p->running_count; i++) p->running[i] = p->running[i + 1];
    }
    if (!r->step->parent) p->top_done++;
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

static void print_reason(const record *r) {
    const char *title = value_get_text(r->data, "title"), *detail = value_get_text(r->data, "detail");
    if (!title && !detail) return;
    fprintf(stderr, "  %s%s%s%s", cli_colour("31"), title ? title : "", title && detail ? ": " : "",
            detail ? detail : "");
    fputs(cli_colour("0"), stderr);
}

static void print_line(struct progress *p, const record *r, const mark *m) {
    uint32_t shown = p->shown[r->step->ordinal]++;
    int indent = 2 * depth_of(r->step);
    if (shown > LINES_A_STEP) return;
    if (shown == LINES_A_STEP) {
        fprintf(stderr, "%*s%s… more of '%s'%s\n", indent, "", cli_colour("2"), r->step->name,
                cli_colour("0"));
        return;
    }
    char took[32] = "";
    if (r->kind != RECORD_STEP_SKIPPED) cli_duration(r->duration_ns, took);
    fprintf(stderr, "%*s%s%s%s %s %s%s%s", indent, "", cli_colour(m->colour), p->utf8 ? m->utf8 : m->ascii,
            cli_colour("0"), r->step->name, cli_colour("2"), took, cli_colour("0"));
    if (r->kind == RECORD_STEP_FAULTED || r->kind == RECORD_STEP_RETRIED ||
        r->kind == RECORD_ROLLBACK_FAULTED)
        print_reason(r);
    fputc('\n', stderr);
}

void progress_record(struct progress *p, const baton_execution *x, const record *r) {
    (void)x;
    if (!r->step) return;
    pthread_mutex_lock(&p->lock);
    const mark *m = mark_of(r->kind);
    bool line = m && p->shown[r->step->ordinal] <= LINES_A_STEP;
    if (line) erase(p);
    if (r->kind == RECORD_STEP_STARTED && r->attempt <= 1) begin(p, r);
    if (r->kind == RECORD_STEP_COMPLETED || r->kind == RECORD_STEP_FAULTED ||
        r->kind == RECORD_STEP_CANCELLED)
        end(p, r);
    if (r->kind == RECORD_STEP_SKIPPED && !r->step->parent) p->top_done++;
    if (m) print_line(p, r, m);
    if (p->live && line) draw(p); /* else it is drawn at the next tick */
    pthread_mutex_unlock(&p->lock);
}

struct progress *progress_new(const baton_workflow *workflow, bool live) {
    struct progress *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->workflow = workflow;
    p->live = live;
    p->utf8 = cli_is_utf8();
    p->shown = calloc(workflow->step_count + 1, sizeof *p->shown);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->stop, NULL);
    if (p->shown && (!live || pthread_create(&p->thread, NULL, redraw, p) == 0)) return p;
    p->live = false;
    progress_free(p);
    return NULL;
}

void progress_free(struct progress *p) {
    if (!p) return;
    if (p->live) {
        pthread_mutex_lock(&p->lock);
        p->stopping = true;
        pthread_cond_signal(&p->stop);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->stop);
    free(p->shown);
    free(p);
}
