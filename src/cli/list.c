/* baton list: the executions of a store, the newest first.
 *
 * Reads as many rows as it shows, and one more to know whether there are others.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/text.h"
#include "base/value.h"
#include "cli/standing.h"
#include "cli/storage.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    OPTION_STATUS,
    OPTION_WORKFLOW,
    OPTION_SINCE,
    OPTION_UNTIL,
    OPTION_LIMIT,
    OPTION_BEFORE,
    OPTION_ALL,
    OPTION_STORE,
    OPTION_JSON,
    OPTION_COLOR
};

static const cli_option options[] = {
    [OPTION_STATUS] = {"status", "STATUS", "only those that are pending, running, interrupted, ...", 's'},
    [OPTION_WORKFLOW] = {"workflow", "NAME", "only those of this workflow", 'w'},
    [OPTION_SINCE] = {"since", "WHEN", "created since then: 2h ago, or a time", 0},
    [OPTION_UNTIL] = {"until", "WHEN", "created before then", 0},
    [OPTION_LIMIT] = {"limit", "N", "so many (20)", 'n'},
    [OPTION_BEFORE] = {"before", "ID", "those that were created before this one: the next page", 0},
    [OPTION_ALL] = {"all", NULL, "all of them", 'a'},
    [OPTION_STORE] = STORAGE_OPTION_STORE,
    [OPTION_JSON] = {"json", NULL, "prints a JSON array", 0},
    [OPTION_COLOR] = STORAGE_OPTION_COLOR,
    {NULL, NULL, NULL, 0}};

typedef struct listing {
    storage st;
    store_filter filter;
    const char *before;
    bool json, more;
    size_t limit; /* 0: none */
    size_t count;
    int64_t now_ns;
    table table;
    buffer text;
    char last[LIMIT_ID_BYTES + 1];
} listing;

/* ---- Options ---- */

static bool set_status(listing *l, const char *value) {
    static const char *const names[] = {"pending",   "running",   "interrupted", "waiting",
                                        "suspended", "completed", "faulted",     "cancelled"};
    enum { COUNT = sizeof names / sizeof *names };
    for (int i = 0; i < COUNT; i++)
        if (strcmp(names[i], value) == 0) {
            l->filter.status = value;
            return true;
        }
    const char *near = text_nearest(value, names, COUNT);
    if (near) return cli_fail(EXIT_USAGE, "there is no status '%s' (did you mean '%s'?)", value, near) == 0;
    fprintf(stderr, "baton: there is no status '%s'; it is one of", value);
    for (int i = 0; i < COUNT; i++) fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    fputc('\n', stderr);
    return false;
}

/* "Z" or "+01:00", to the end. */
static bool read_zone(const char *text, int64_t *offset_s) {
    int hours, minutes, size = 0;
    char sign;
    if (strcmp(text, "Z") == 0) return true;
    if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &size) != 3 || text[size] ||
        (sign != '+' && sign != '-'))
        return false;
    *offset_s = (sign == '-' ? -60 : 60) * (hours * 60 + minutes);
    return true;
}

/* "2h" means two hours ago. A time without a zone is of this place. */
static bool set_moment(int64_t now_ns, const char *value, int64_t *ns) {
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M",
                                          "%Y-%m-%d"};
    int64_t ms;
    if (cli_parse_duration(value, &ms)) {
        *ns = ms * 1000000 < now_ns ? now_ns - ms * 1000000 : 1;
        return true;
    }
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(value, formats[i], &tm);
        if (end && *end == '.') end += 1 + strspn(end + 1, "0123456789");
        int64_t offset_s = 0;
        bool zoned = end && read_zone(end, &offset_s);
        if (!end || (*end && !zoned)) continue;
        *ns = (int64_t)(zoned ? timegm(&tm) - offset_s : mktime(&tm)) * 1000000000;
        return *ns > 0;
    }
    return cli_fail(EXIT_USAGE,
                    "'%s' is no time; write 2h (ago), 2026-01-31, '2026-01-31 14:02' or "
                    "2026-01-31T14:02:00Z",
                    value) == 0;
}

static bool set_limit(listing *l, const char *value) {
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    l->limit = n;
    if (*value >= '0' && *value <= '9' && !*end && n > 0 && n < 1000000000) return true;
    return cli_fail(EXIT_USAGE, "--limit is a number from 1, not '%s'", value) == 0;
}

static bool set_option(listing *l, int option, const char *value) {
    colour_mode colour;
    switch (option) {
    case OPTION_STATUS: return set_status(l, value);
    case OPTION_WORKFLOW: l->filter.workflow = value; return true;
    case OPTION_SINCE: return set_moment(l->now_ns, value, &l->filter.since_ns);
    case OPTION_UNTIL: return set_moment(l->now_ns, value, &l->filter.until_ns);
    case OPTION_LIMIT: return set_limit(l, value);
    case OPTION_BEFORE: l->before = value; return true;
    case OPTION_ALL: l->limit = 0; return true;
    case OPTION_STORE: l->st.given = value; return true;
    case OPTION_JSON: return l->json = true;
    default:
        if (!cli_parse_colour(value, &colour))
            return cli_fail(EXIT_USAGE, "--color is auto, always or never") == 0;
        cli_set_colour(colour, STDOUT_FILENO);
        return true;
    }
}

/* ---- Rows ---- */

/* What one wants to know next: the step, the moment it waits for, why it failed. */
static void put_at(buffer *b, const store_execution *x, int64_t now_ns) {
    standing s;
    char when[STORAGE_MOMENT];
    standing_read(&s, x->cursor);
    if (x->status == EXECUTION_FAULTED && x->error.bytes) {
        baton_value error = value_parse_stored(x->error.bytes, x->error.size, NULL);
        const char *title = value_get_text(error, "title"), *detail = value_get_text(error, "detail");
        cli_put_clean(b, title ? title : "");
        if (title && detail) buffer_puts(b, ": ");
        cli_put_clean(b, detail ? detail : "");
        value_unref(error);
    }
    if (x->status == EXECUTION_PENDING && !x->interrupted)
        buffer_puts(b, x->owner                  ? "queued"
                       : x->wake_ns == INT64_MAX ? "waits for what it depends on"
                       : x->wake_ns > now_ns     ? "waits for its time"
                                                 : "waits for a worker");
    if (s.count) storage_put_step_name(b, s.stands[0].reference);
    if (s.total > 1) buffer_printf(b, " and %zu more", s.total - 1);
    if (s.given_back && !x->owner)
        buffer_puts(b, ", ready");
    else if (x->status == EXECUTION_WAITING && x->wake_ns != INT64_MAX)
        buffer_printf(b, ", %s %s", standing_wakes(&s, x->wake_ns) ? "wakes" : "times out",
                      x->wake_ns > now_ns ? storage_moment(x->wake_ns, now_ns, when) : "now");
    if (x->status == EXECUTION_SUSPENDED && x->reason) {
        buffer_puts(b, b->size ? ": " : "");
        cli_put_clean(b, x->reason);
    }
    if (x->request) buffer_printf(b, "%s%s was asked for", b->size ? ", " : "", x->request);
    standing_done(&s);
}

static void show_row(listing *l, const store_execution *x) {
    table *t = &l->table;
    char when[STORAGE_MOMENT], took[32];
    const char *status = storage_status(x);
    int64_t began_ns = x->started_ns ? x->started_ns : x->created_ns;
    bool lasts = x->started_ns && (x->ended_ns || (x->status == EXECUTION_RUNNING && !x->interrupted));
    table_put(t, NULL, "%s", x->id);
    table_put(t, NULL, "%s", x->name);
    table_put(t, storage_status_colour(status), "%s", status);
    table_put(t, NULL, "%s", storage_moment(began_ns, l->now_ns, when));
    table_put(t, NULL, "%s",
              lasts ? cli_duration((x->ended_ns ? x->ended_ns : l->now_ns) - x->started_ns, took) : "");
    buffer_clear(&l->text);
    put_at(&l->text, x, l->now_ns);
    table_put(t, NULL, "%s", buffer_text(&l->text));
}

static int show(void *data, const store_execution *x, baton_error **err) {
    listing *l = data;
    if (l->limit && l->count == l->limit) {
        l->more = true;
        return 1;
    }
    l->count++;
    snprintf(l->last, sizeof l->last, "%s", x->id);
    if (!l->json) {
        show_row(l, x);
        return 0;
    }
    buffer_puts(&l->text, l->count > 1 ? ",\n  {" : "[\n  {");
    storage_put_columns(&l->text, x);
    buffer_putc(&l->text, '}');
    return storage_flush(&l->text, err);
}

/* ---- The command ---- */

static int list(listing *l, baton_error **err) {
    char before[LIMIT_ID_BYTES + 1];
    if (l->before) {
        if (storage_resolve(l->st.store, l->before, before, err) != 0) return -1;
        l->filter.before = before;
    }
    l->filter.limit = l->limit ? l->limit + 1 : 0;
    return l->st.store->type->list(l->st.store, &l->filter, show, l, err);
}

static void say_what_else(const listing *l) {
    if (l->more)
        fprintf(stderr, "there are more: --before %s shows the next %zu, --all shows all\n", l->last,
                l->limit);
    else if (!l->count && !l->before &&
             (l->filter.status || l->filter.workflow || l->filter.since_ns || l->filter.until_ns))
        fputs("no execution is like that\n", stderr);
    else if (!l->count)
        fputs(l->before ? "there are no more\n" : "nothing has been run yet\n", stderr);
}

static int run(listing *l) {
    char path[STORAGE_URL_BYTES];
    baton_error *err = NULL;
    const char *url = storage_url(l->st.given, path);
    l->st.store = store_open(url, &(store_options){.look = true}, &err);
    if (!l->st.store && baton_error_get_code(err) == BATON_ERROR_NOT_FOUND) {
        baton_error_free(err);
        if (l->json) puts("[]");
        fprintf(stderr, "nothing has been run yet (%s is not there)\n", url);
        return EXIT_DONE;
    }
    if (!l->st.store) return cli_fail_error(err);
    if (!l->st.store->type->durable)
        return cli_fail(EXIT_USAGE, "the store memory: keeps nothing that could be looked at");
    int result = list(l, &err);
    table_end(&l->table);
    if (result != 0) return cli_fail_error(err);
    if (l->json) puts(l->count ? "\n]" : "[]");
    say_what_else(l);
    return EXIT_DONE;
}

static int run_list(cli_arguments *args) {
    listing l = {.limit = 20, .now_ns = storage_now_ns()};
    l.table = (table){.titles = {"ID", "WORKFLOW", "STATUS", "STARTED", "DURATION", "AT"},
                      .width = terminal_width(STDOUT_FILENO)};
    cli_set_colour(COLOUR_AUTO, STDOUT_FILENO);
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0)
        if (!set_option(&l, option, value)) return EXIT_USAGE;
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count)
        return cli_fail(EXIT_USAGE, "list takes no '%s'; 'baton show ID' shows one execution",
                        args->rest[0]);
    int code = run(&l);
    buffer_done(&l.text);
    storage_close(&l.st);
    return code;
}

const command command_list = {
    .name = "list",
    .arguments = "",
    .summary = "list executions, the newest first",
    .description =
        "Lists executions, the newest first, with their status, and what they are at: the step, the "
        "moment\n"
        "they wait for, or why they failed. A status is pending, running, interrupted (its process died),\n"
        "waiting, suspended, completed, faulted or cancelled.",
    .examples = "  baton list --status faulted --since 1d\n"
                "  baton list --workflow order --all --json | jq '.[].id'",
    .options = options,
    .run = run_list};
