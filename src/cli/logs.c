/* baton logs: what the processes of an execution wrote, as they wrote it.
 *
 * The bytes pass as they are, but for a terminal: what would control it is cleaned away there. A prefix
 * begins each line where several steps wrote; a line is ended before another step's bytes follow.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "base/value.h"
#include "cli/storage.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    OPTION_LAST,
    OPTION_FOLLOW,
    OPTION_STEP,
    OPTION_STREAM,
    OPTION_PREFIX,
    OPTION_TIMESTAMPS,
    OPTION_STORE,
    OPTION_JSON,
    OPTION_COLOR
};

static const cli_option options[] = {
    [OPTION_LAST] = STORAGE_OPTION_LAST,
    [OPTION_FOLLOW] = {"follow", NULL, "goes on as more is written, until the execution ends", 'f'},
    [OPTION_STEP] = {"step", "NAME", "only of this step, by its name or its reference", 's'},
    [OPTION_STREAM] = {"stream", "NAME", "only stdout, or only stderr", 0},
    [OPTION_PREFIX] = {"prefix", NULL, "begins each line with its step's name, as on a terminal", 'p'},
    [OPTION_TIMESTAMPS] = {"timestamps", NULL, "begins each line with its time", 't'},
    [OPTION_STORE] = STORAGE_OPTION_STORE,
    [OPTION_JSON] = {"json", NULL, "prints one JSON object a line", 0},
    [OPTION_COLOR] = STORAGE_OPTION_COLOR,
    {NULL, NULL, NULL, 0}};

enum { POLL_MS = 100, POLLS_A_LOOK = 10, OTHERS_TOLD = 10 }; /* that a process died shows in no store */

typedef struct reading {
    storage st;
    const char *step;
    int stream; /* 0: both */
    bool follow, prefix, timestamps, json, clean;
    int64_t after;
    buffer text;
    bool in_line;                       /* the last line has no end yet */
    char source[LIMIT_NAME_BYTES + 64]; /* whose line it is */
    char first[LIMIT_NAME_BYTES + 64];  /* the reference that was seen first */
    bool several, printed;
    buffer others; /* names of the steps that wrote */
    size_t other_count;
} reading;

static bool is_wanted(const reading *r, const store_log *log) {
    if (r->stream && log->stream != r->stream) return false;
    if (!r->step || strcmp(log->reference, r->step) == 0) return true;
    buffer name = {0};
    storage_put_step_name(&name, log->reference);
    bool same = strcmp(buffer_text(&name), r->step) == 0;
    buffer_done(&name);
    return same;
}

/* ---- For programs ---- */

static void put_json(buffer *b, const store_log *log, int64_t seq) {
    buffer_printf(b, "{\"seq\":%lld,\"reference\":", (long long)seq);
    value_write_text(b, log->reference);
    buffer_printf(b, ",\"key\":%u,\"attempt\":%u,\"stream\":\"%s\",\"time\":", log->key, log->attempt,
                  log->stream == 2 ? "stderr" : "stdout");
    storage_put_time(b, log->time_ns);
    if (text_is_utf8(log->bytes.bytes, log->bytes.size)) {
        baton_value text = baton_value_string_sized(log->bytes.bytes, log->bytes.size);
        buffer_puts(b, ",\"bytes\":");
        value_write(b, text);
        value_unref(text);
    } else {
        buffer_puts(b, ",\"base64\":\"");
        text_base64(b, log->bytes.bytes, log->bytes.size);
        buffer_putc(b, '"');
    }
    buffer_puts(b, "}\n");
}

/* ---- For people ---- */

static void begin_line(reading *r, const store_log *log) {
    buffer *b = &r->text;
    char time[CLOCK_TEXT];
    if (r->timestamps || r->prefix) buffer_puts(b, cli_colour(log->stream == 2 ? "33" : "2"));
    if (r->timestamps) buffer_printf(b, "%s ", clock_format(log->time_ns / 1000000, time));
    if (r->prefix) {
        storage_put_step_name(b, log->reference);
        buffer_puts(b, " | ");
    }
    if (r->timestamps || r->prefix) buffer_puts(b, cli_colour("0"));
    r->in_line = true;
}

static void put_bytes(reading *r, const char *bytes, size_t size) {
    for (size_t i = 0; r->clean && i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        buffer_putc(&r->text, (c < ' ' && c != '\n' && c != '\t') || c == 127 ? ' ' : (char)c);
    }
    if (!r->clean) buffer_append(&r->text, bytes, size);
}

static void put_lines(reading *r, const store_log *log) {
    char source[sizeof r->source];
    snprintf(source, sizeof source, "%d %u %.*s", log->stream, log->key, LIMIT_NAME_BYTES, log->reference);
    bool marked = r->prefix || r->timestamps;
    if (marked && r->in_line && strcmp(source, r->source) != 0) {
        buffer_putc(&r->text, '\n');
        r->in_line = false;
    }
    memcpy(r->source, source, sizeof source);
    if (!marked) {
        put_bytes(r, log->bytes.bytes, log->bytes.size);
        if (log->bytes.size) r->in_line = r->clean && log->bytes.bytes[log->bytes.size - 1] != '\n';
        return;
    }
    const char *at = log->bytes.bytes, *end = at + log->bytes.size;
    while (at < end) {
        if (!r->in_line) begin_line(r, log);
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *next = newline ? newline + 1 : end;
        put_bytes(r, at, (size_t)(next - at));
        if (newline) r->in_line = false;
        at = next;
    }
}

static int print(void *data, const store_log *log, int64_t seq, baton_error **err) {
    reading *r = data;
    r->after = seq;
    if (!log->reference || !is_wanted(r, log)) return 0;
    r->printed = true;
    if (r->json)
        put_json(&r->text, log, seq);
    else
        put_lines(r, log);
    return storage_flush(&r->text, err);
}

/* ---- The command ---- */

static int look_for_second(void *data, const store_log *log, int64_t seq, baton_error **err) {
    (void)seq, (void)err;
    reading *r = data;
    if (!log->reference || !is_wanted(r, log)) return 0;
    if (!*r->first) snprintf(r->first, sizeof r->first, "%s", log->reference);
    r->several = strncmp(r->first, log->reference, sizeof r->first - 1) != 0;
    return r->several;
}

/* On a terminal lines say whose they are where it is not plain. Who follows does not know yet. */
static int choose_prefix(reading *r, baton_error **err) {
    if (r->prefix || r->json || !isatty(STDOUT_FILENO)) return 0;
    if (r->follow) {
        r->prefix = !r->step;
        return 0;
    }
    if (r->st.store->type->logs(r->st.store, r->st.x.id, 0, look_for_second, r, err) != 0) return -1;
    r->prefix = r->several;
    return 0;
}

/* First how it stands, then what was written: so nothing of one that has ended is missed. */
static int read_more(reading *r, bool *over, baton_error **err) {
    if (storage_refresh(&r->st, err) != 0) return -1;
    const store_execution *x = &r->st.x;
    *over = x->status >= EXECUTION_COMPLETED || x->interrupted;
    if (r->st.store->type->logs(r->st.store, x->id, r->after, print, r, err) != 0) return -1;
    fflush(stdout);
    return 0;
}

static int follow(reading *r, baton_error **err) {
    bool over = false;
    r->st.store->type->has_changed(r->st.store);
    for (int polls = 0; !over;) {
        if (read_more(r, &over, err) != 0) return -1;
        while (!over) {
            nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000}, NULL);
            if (++polls % POLLS_A_LOOK == 0 || r->st.store->type->has_changed(r->st.store)) break;
        }
    }
    if (r->st.x.interrupted) {
        buffer hint = {0};
        storage_put_command(&r->st, &hint, "resume", r->st.x.id);
        fprintf(stderr, "baton: its process has died; '%s' goes on\n", buffer_text(&hint));
        buffer_done(&hint);
    }
    return 0;
}

static int note_other(void *data, const store_log *log, int64_t seq, baton_error **err) {
    (void)seq, (void)err;
    reading *r = data;
    buffer name = {0};
    buffer_puts(&name, "'");
    storage_put_step_name(&name, log->reference ? log->reference : "");
    buffer_puts(&name, "'");
    bool known = strstr(buffer_text(&r->others), buffer_text(&name));
    if (!known) buffer_printf(&r->others, "%s%s", r->others.size ? ", " : "", buffer_text(&name));
    buffer_done(&name);
    r->other_count += !known;
    return r->other_count == OTHERS_TOLD;
}

/* An empty answer is explained. */
static int say_nothing(reading *r, baton_error **err) {
    bool filtered = r->step || r->stream;
    if (filtered && r->st.store->type->logs(r->st.store, r->st.x.id, 0, note_other, r, err) != 0) return -1;
    if (r->other_count)
        fprintf(stderr, "nothing like that was written; these steps wrote: %s\n", buffer_text(&r->others));
    else
        fputs("no process of it has written anything\n", stderr);
    buffer_done(&r->others);
    return 0;
}

static int read_logs(reading *r, baton_error **err) {
    bool over;
    if (choose_prefix(r, err) != 0) return -1;
    if ((r->follow ? follow(r, err) : read_more(r, &over, err)) != 0) return -1;
    if (r->in_line && !r->json) putchar('\n');
    return r->printed ? 0 : say_nothing(r, err);
}

static bool set_option(reading *r, int option, const char *value) {
    static const char *const streams[] = {"stdout", "stderr", NULL};
    colour_mode colour;
    switch (option) {
    case OPTION_FOLLOW: return r->follow = true;
    case OPTION_STEP: r->step = value; return true;
    case OPTION_STREAM: r->stream = cli_one_of("stream", value, streams) + 1; return r->stream > 0;
    case OPTION_PREFIX: return r->prefix = true;
    case OPTION_TIMESTAMPS: return r->timestamps = true;
    case OPTION_STORE: r->st.given = value; return true;
    case OPTION_JSON: return r->json = true;
    default:
        if (!cli_parse_colour(value, &colour))
            return cli_fail(EXIT_USAGE, "--color is auto, always or never") == 0;
        cli_set_colour(colour, STDOUT_FILENO);
        return true;
    }
}

static int run_logs(cli_arguments *args) {
    reading r = {.clean = isatty(STDOUT_FILENO)};
    bool last = false;
    const char *value;
    int option;
    cli_set_colour(COLOUR_AUTO, STDOUT_FILENO);
    while ((option = cli_option_next(args, &value)) >= 0) {
        if (option == OPTION_LAST)
            last = true;
        else if (!set_option(&r, option, value))
            return EXIT_USAGE;
    }
    if (option < -1) return EXIT_USAGE;
    int code = storage_open_execution(&r.st, args, last);
    if (code != EXIT_DONE) return code;
    baton_error *err = NULL;
    int result = read_logs(&r, &err);
    buffer_done(&r.text);
    storage_close(&r.st);
    return result == 0 ? EXIT_DONE : cli_fail_error(err);
}

const command command_logs = {.name = "logs",
                              .arguments = "ID",
                              .summary = "print what the processes of an execution wrote",
                              .description = "Prints what the processes of an execution wrote to stdout "
                                             "and stderr, in the order in which it came,\n"
                                             "also while it runs, whoever runs it. On a terminal what "
                                             "would control it is left out, and lines of\n"
                                             "several steps begin with their step's name.\n\n"
                                             "With --json each piece is one object on a line of its own: "
                                             "`bytes` is its text, or `base64` where it\n"
                                             "is not UTF-8.",
                              .examples =
                                  "  baton logs last --follow\n"
                                  "  baton logs exec_1764000000000_k3v9x2m1q --step build --stream stderr",
                              .options = options,
                              .run = run_logs};
