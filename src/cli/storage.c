/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/storage.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "base/value.h"
#include "definition/workflow.h"
#include "engine/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- Which store ---- */

const char *storage_url(const char *given, char path[STORAGE_URL_BYTES]) {
    if (given) return given;
    const char *named = getenv("BATON_STORE"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (named && *named) return named;
    if (state && *state == '/')
        snprintf(path, STORAGE_URL_BYTES, "%s/baton/baton.db", state);
    else
        snprintf(path, STORAGE_URL_BYTES, "%s/.local/state/baton/baton.db", home ? home : "");
    return path;
}

int storage_open(storage *st) {
    char path[STORAGE_URL_BYTES];
    baton_error *err = NULL;
    st->store = store_open(storage_url(st->given, path), &(store_options){.look = true}, &err);
    if (!st->store) return cli_fail_error(err);
    if (st->store->type->durable) return EXIT_DONE;
    storage_close(st);
    return cli_fail(EXIT_USAGE, "the store memory: keeps nothing that could be looked at");
}

void storage_close(storage *st) {
    if (st->store) st->store->type->close(st->store);
    st->store = NULL;
    arena_done(&st->arena);
}

/* ---- Which execution ---- */

enum { RESOLVE_AMONG = 1000, RESOLVE_TOLD = 3, RESOLVE_LEAST = 3 };

typedef struct resolution {
    const char *word;
    size_t size;
    arena arena;
    const char *ids[RESOLVE_AMONG];
    size_t count, fit_count;
    const char *fits[RESOLVE_TOLD];
} resolution;

static int compare(void *data, const store_execution *x, baton_error **err) {
    resolution *r = data;
    size_t size = strlen(x->id);
    const char *id = arena_text(&r->arena, x->id);
    if (!id) return error_memory(err);
    r->ids[r->count++] = id;
    bool fits = size >= r->size &&
                (strncmp(id, r->word, r->size) == 0 || strcmp(id + size - r->size, r->word) == 0);
    if (fits && r->fit_count++ < RESOLVE_TOLD) r->fits[r->fit_count - 1] = id;
    return 0;
}

static int tell_unresolved(const resolution *r, baton_error **err) {
    if (r->fit_count)
        return baton_error_set(
            err, BATON_ERROR_USAGE, "'%s' fits %zu executions: %s, %s%s%s%s; write more of it", r->word,
            r->fit_count, r->fits[0], r->fits[1], r->fit_count > 2 ? ", " : "",
            r->fit_count > 2 ? r->fits[2] : "", r->fit_count > RESOLVE_TOLD ? ", ..." : "");
    const char *near = text_nearest(r->word, r->ids, r->count);
    return baton_error_set(err, BATON_ERROR_NOT_FOUND, "there is no execution '%s'%s%s%s", r->word,
                           near ? " (did you mean '" : "; 'baton list' shows them", near ? near : "",
                           near ? "'?)" : "");
}

static int copy_id(void *data, const store_execution *x, baton_error **err) {
    (void)err;
    snprintf(data, LIMIT_ID_BYTES + 1, "%s", x->id);
    return 1;
}

static int resolve_last(store *s, char *id, baton_error **err) {
    *id = '\0';
    if (s->type->list(s, &(store_filter){.limit = 1}, copy_id, id, err) != 0) return -1;
    return *id ? 0 : baton_error_set(err, BATON_ERROR_NOT_FOUND, "nothing has been run yet");
}

int storage_resolve(store *s, const char *word, char id[LIMIT_ID_BYTES + 1], baton_error **err) {
    store_execution x;
    baton_error *missing = NULL;
    if (!s->type->durable)
        return baton_error_set(err, BATON_ERROR_NOT_FOUND,
                               "there is no execution '%s': this store keeps none", word);
    if (s->type->find(s, word, &x, &missing) == 0) {
        snprintf(id, LIMIT_ID_BYTES + 1, "%s", x.id);
        return 0;
    }
    if (baton_error_get_code(missing) != BATON_ERROR_NOT_FOUND) {
        if (err)
            *err = missing;
        else
            baton_error_free(missing);
        return -1;
    }
    baton_error_free(missing);
    if (strcmp(word, "last") == 0) return resolve_last(s, id, err);
    resolution *r = calloc(1, sizeof *r);
    if (!r) return error_memory(err);
    r->word = word;
    r->size = strlen(word);
    int result = s->type->list(s, &(store_filter){.limit = RESOLVE_AMONG}, compare, r, err);
    if (r->size < RESOLVE_LEAST) r->fit_count = 0; /* too little to say which */
    if (result == 0 && r->fit_count != 1) result = tell_unresolved(r, err);
    if (result == 0) snprintf(id, LIMIT_ID_BYTES + 1, "%s", r->fits[0]);
    arena_done(&r->arena);
    free(r);
    return result;
}

static const char *keep(storage *st, const char *text, bool *failed) {
    const char *kept = text ? arena_text(&st->arena, text) : NULL;
    *failed |= text && !kept;
    return kept;
}

static const char *keep_sized(storage *st, const char *bytes, size_t size, bool *failed) {
    const char *kept = bytes ? arena_text_sized(&st->arena, bytes, size) : NULL;
    *failed |= bytes && !kept;
    return kept;
}

/* Asking the store for anything else may end what `find` gave. */
static int find(storage *st, const char *id, baton_error **err) {
    store_execution x;
    if (st->store->type->find(st->store, id, &x, err) != 0) return -1;
    arena_done(&st->arena);
    bool failed = false;
    x.id = keep(st, x.id, &failed);
    x.namespace = keep(st, x.namespace, &failed);
    x.name = keep(st, x.name, &failed);
    x.version = keep(st, x.version, &failed);
    x.strategy = keep(st, x.strategy, &failed);
    x.request = keep(st, x.request, &failed);
    x.reason = keep(st, x.reason, &failed);
    x.input.bytes = keep_sized(st, x.input.bytes, x.input.size, &failed);
    x.output.bytes = keep_sized(st, x.output.bytes, x.output.size, &failed);
    x.error.bytes = keep_sized(st, x.error.bytes, x.error.size, &failed);
    x.settings.bytes = keep_sized(st, x.settings.bytes, x.settings.size, &failed);
    x.cursor.bytes = keep_sized(st, x.cursor.bytes, x.cursor.size, &failed);
    st->x = x;
    return failed ? error_memory(err) : 0;
}

int storage_refresh(storage *st, baton_error **err) {
    char id[LIMIT_ID_BYTES + 1];
    snprintf(id, sizeof id, "%s", st->x.id);
    return find(st, id, err);
}

int storage_open_execution(storage *st, const cli_arguments *args, bool last) {
    const char *name = args->command->name;
    if (args->rest_count + last != 1)
        return cli_fail(EXIT_USAGE, "%s needs one execution id, or -1 for the newest; see 'baton help %s'",
                        name, name);
    int code = storage_open(st);
    if (code != EXIT_DONE) return code;
    baton_error *err = NULL;
    char id[LIMIT_ID_BYTES + 1];
    if ((last ? resolve_last(st->store, id, &err) : storage_resolve(st->store, args->rest[0], id, &err)) ==
            0 &&
        find(st, id, &err) == 0)
        return EXIT_DONE;
    storage_close(st);
    return cli_fail_error(err);
}

/* ---- Looks ---- */

const char *storage_status(const store_execution *x) {
    /* One that a dead process held without having begun it has lost nothing. */
    return x->interrupted && x->started_ns ? "interrupted" : execution_status_name(x->status);
}

const char *storage_status_colour(const char *status) {
    static const struct {
        const char *status, *colour;
    } colours[] = {{"running", "36"},   {"completed", "32"}, {"faulted", "31"}, {"interrupted", "31"},
                   {"suspended", "33"}, {"cancelled", "33"}, {"waiting", "36"}};
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
        if (strcmp(colours[i].status, status) == 0) return colours[i].colour;
    return "2";
}

void storage_put_step_name(buffer *b, const char *reference) {
    const char *at = reference ? strrchr(reference, '/') : NULL;
    for (at = at ? at + 1 : reference; at && *at; at++) {
        bool escaped = at[0] == '~' && (at[1] == '0' || at[1] == '1');
        char c = !escaped ? *at : at[1] == '0' ? '~' : '/';
        at += escaped;
        buffer_putc(b, (unsigned char)c < ' ' || c == 127 ? ' ' : c);
    }
}

int64_t storage_now_ns(void) { return clock_wall_ms() * 1000000; }

static const char *local(int64_t ns, const char *format, char text[STORAGE_MOMENT]) {
    time_t when = (time_t)(ns / 1000000000);
    struct tm tm;
    if (!localtime_r(&when, &tm) || !strftime(text, STORAGE_MOMENT, format, &tm))
        snprintf(text, STORAGE_MOMENT, "?");
    return text;
}

const char *storage_local(int64_t ns, char text[STORAGE_MOMENT]) {
    return local(ns, "%Y-%m-%d %H:%M:%S", text);
}

const char *storage_moment(int64_t ns, int64_t now_ns, char text[STORAGE_MOMENT]) {
    int64_t s = (now_ns - ns) / 1000000000;
    char span[32];
    if (ns > now_ns)
        snprintf(text, STORAGE_MOMENT, "in %s", cli_duration(ns - now_ns, span));
    else if (s < 1)
        snprintf(text, STORAGE_MOMENT, "just now");
    else if (s < 60)
        snprintf(text, STORAGE_MOMENT, "%lld s ago", (long long)s);
    else if (s < 3600)
        snprintf(text, STORAGE_MOMENT, "%lld min ago", (long long)s / 60);
    else if (s < 86400)
        snprintf(text, STORAGE_MOMENT, "%lld h ago", (long long)s / 3600);
    else
        return local(ns, "%Y-%m-%d %H:%M", text);
    return text;
}

const char *storage_size(uint64_t bytes, char text[32]) {
    static const char *const units[] = {"KB", "MB", "GB", "TB"};
    double size = (double)bytes / 1024;
    size_t unit = 0;
    for (; size >= 1000 && unit < 3; unit++) size /= 1024;
    if (bytes < 1000)
        snprintf(text, 32, "%llu bytes", (unsigned long long)bytes);
    else
        snprintf(text, 32, "%.1f %s", size, units[unit]);
    return text;
}

void storage_put_command(const storage *st, buffer *b, const char *command, const char *id) {
    buffer_printf(b, "baton %s%s%s", command, id ? " " : "", id ? id : "");
    if (!st->given) return;
    bool plain =
        st->given[strspn(st->given,
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-")] == '\0';
    buffer_printf(b, " --store %s", plain ? "" : "'");
    cli_put_clean(b, st->given);
    if (!plain) buffer_putc(b, '\'');
}

/* ---- What the execution's own texts tell ---- */

baton_value storage_value(storage *st, store_text text) {
    return kept_read(st->store, &st->x.row, text, NULL);
}

baton_workflow *storage_workflow(storage *st, bool *built) {
    store_workflow w;
    if (built) *built = false;
    if (st->store->type->read_workflow(st->store, st->x.workflow, &w, NULL) != 0) return NULL;
    if (built) *built = w.built;
    return w.built ? NULL : baton_workflow_parse(w.text.bytes, w.text.size, w.file, NULL, NULL);
}

void storage_put_fault(storage *st, buffer *b, baton_value error) {
    const char *instance = value_get_text(error, "instance"), *title = value_get_text(error, "title"),
               *detail = value_get_text(error, "detail"), *type = value_get_text(error, "type");
    baton_workflow *w = instance ? storage_workflow(st, NULL) : NULL;
    const step *s = w ? workflow_find_step(w, instance) : NULL;
    if (s && s->where.file && s->where.line) {
        cli_put_clean(b, s->where.file);
        buffer_printf(b, ":%d:%d: ", s->where.line, s->where.column);
    }
    if (s) {
        buffer_puts(b, "step '");
        cli_put_clean(b, s->name);
        buffer_puts(b, "': ");
    }
    cli_put_clean(b, title ? title : type ? type : "faulted");
    if (detail) buffer_puts(b, ": ");
    cli_put_clean(b, detail ? detail : "");
    baton_workflow_free(w);
}

/* ---- JSON ---- */

int storage_put_text(storage *st, buffer *b, store_text text, baton_error **err) {
    if (text.number) return st->store->type->read(st->store, &st->x.row, text.number, b, err);
    if (text.bytes)
        buffer_append(b, text.bytes, text.size);
    else
        buffer_puts(b, "null");
    return 0;
}

void storage_put_time(buffer *b, int64_t ns) {
    char text[CLOCK_TEXT];
    if (ns && ns != INT64_MAX)
        buffer_printf(b, "\"%s\"", clock_format(ns / 1000000, text));
    else
        buffer_puts(b, "null");
}

static void put_member(buffer *b, const char *key, const char *text) {
    buffer_printf(b, ",\"%s\":", key);
    value_write_text(b, text);
}

static void put_moment(buffer *b, const char *key, int64_t ns) {
    buffer_printf(b, ",\"%s\":", key);
    storage_put_time(b, ns);
}

void storage_put_columns(buffer *b, const store_execution *x) {
    buffer_puts(b, "\"id\":");
    value_write_text(b, x->id);
    put_member(b, "namespace", x->namespace);
    put_member(b, "name", x->name);
    put_member(b, "version", x->version);
    put_member(b, "status", storage_status(x));
    put_member(b, "strategy", x->strategy);
    buffer_printf(b, ",\"priority\":%d", x->priority);
    put_moment(b, "created_at", x->created_ns);
    put_moment(b, "started_at", x->started_ns);
    put_moment(b, "ended_at", x->ended_ns);
    put_moment(b, "wake_at", x->wake_ns);
    buffer_puts(b, ",\"owner\":");
    if (x->owner)
        buffer_printf(b, "%lld", (long long)x->owner);
    else
        buffer_puts(b, "null");
    buffer_printf(b, ",\"number\":%u", x->number);
    put_member(b, "request", x->request);
    put_member(b, "reason", x->reason);
}

int storage_flush(buffer *b, baton_error **err) {
    if (buffer_failed(b)) return error_memory(err);
    if (b->size && fwrite(b->data, 1, b->size, stdout) != b->size)
        return baton_error_set(err, BATON_ERROR_SYSTEM, "cannot write to stdout");
    buffer_clear(b);
    return 0;
}
