/* baton prune: deletes executions that ended long ago.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/storage.h"

#include <stdio.h>
#include <unistd.h>

enum { PAUSE_US = 1000 }; /* between two pieces: others get their turn */

enum { OPTION_OLDER_THAN, OPTION_DRY_RUN, OPTION_STORE, OPTION_JSON };

static const cli_option options[] = {
    [OPTION_OLDER_THAN] = {"older-than", "DURATION", "what ended longer ago than this: 30d, 12h, P6M", 0},
    [OPTION_DRY_RUN] = {"dry-run", NULL, "only counts", 'n'},
    [OPTION_STORE] = STORAGE_OPTION_STORE,
    [OPTION_JSON] = {"json", NULL, "prints {pruned, freed_bytes, bytes}", 0},
    {NULL, NULL, NULL, 0}};

typedef struct pruning {
    int64_t before_ns;
    size_t count;
    uint64_t bytes_before, bytes;
} pruning;

static int count_one(void *data, const store_execution *x, baton_error **err) {
    (void)err;
    pruning *p = data;
    if (x->ended_ns && x->ended_ns < p->before_ns) p->count++;
    return 0;
}

/* What ended before a moment was created before it. */
static int count(storage *st, pruning *p, baton_error **err) {
    for (int i = EXECUTION_COMPLETED; i <= EXECUTION_CANCELLED; i++) {
        const store_filter filter = {.status = execution_status_name((execution_status)i),
                                     .until_ns = p->before_ns};
        if (st->store->type->list(st->store, &filter, count_one, p, err) != 0) return -1;
    }
    return 0;
}

static int measure(storage *st, uint64_t *bytes, baton_error **err) {
    store_statistics figures;
    if (st->store->type->statistics(st->store, storage_now_ns(), &figures, err) != 0) return -1;
    *bytes = figures.bytes;
    return 0;
}

static int prune_all(storage *st, pruning *p, baton_error **err) {
    for (bool more = true; more;) {
        size_t pruned;
        if (st->store->type->prune(st->store, p->before_ns, &pruned, &more, err) != 0) return -1;
        p->count += pruned;
        if (more) usleep(PAUSE_US);
    }
    return 0;
}

static int prune(storage *st, pruning *p, bool dry, baton_error **err) {
    if (dry) return count(st, p, err);
    if (measure(st, &p->bytes_before, err) != 0 || prune_all(st, p, err) != 0) return -1;
    return measure(st, &p->bytes, err);
}

static void tell(const pruning *p, bool dry, bool json) {
    uint64_t freed = p->bytes_before > p->bytes ? p->bytes_before - p->bytes : 0;
    char text[32], rest[32];
    if (json && dry)
        printf("{\"prunable\":%zu}\n", p->count);
    else if (json)
        printf("{\"pruned\":%zu,\"freed_bytes\":%llu,\"bytes\":%llu}\n", p->count,
               (unsigned long long)freed, (unsigned long long)p->bytes);
    else if (dry)
        printf("%zu execution%s would be deleted\n", p->count, p->count == 1 ? "" : "s");
    else
        printf("%zu execution%s deleted, %s freed; the store has %s now\n", p->count,
               p->count == 1 ? "" : "s", storage_size(freed, text), storage_size(p->bytes, rest));
}

static int run_prune(cli_arguments *args) {
    storage st = {0};
    const char *older = NULL, *value;
    bool dry = false, json = false;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        switch (option) {
        case OPTION_OLDER_THAN: older = value; break;
        case OPTION_DRY_RUN: dry = true; break;
        case OPTION_STORE: st.given = value; break;
        default: json = true;
        }
    }
    int64_t age_ms;
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count) return cli_fail(EXIT_USAGE, "prune takes no '%s'", args->rest[0]);
    if (!older) return cli_fail(EXIT_USAGE, "prune needs --older-than, for example 30d");
    if (!cli_parse_duration(older, &age_ms))
        return cli_fail(EXIT_USAGE, "'%s' is no duration; write 30d, 12h or P6M", older);
    int code = storage_open(&st);
    if (code != EXIT_DONE) return code;
    pruning p = {.before_ns = storage_now_ns() - age_ms * 1000000};
    baton_error *err = NULL;
    int result = prune(&st, &p, dry, &err);
    storage_close(&st);
    if (result != 0) return cli_fail_error(err);
    tell(&p, dry, json);
    return EXIT_DONE;
}

const command command_prune = {
    .name = "prune",
    .arguments = "",
    .summary = "delete executions that ended long ago",
    .description =
        "Deletes executions that ended longer ago than you say, with their journals, data and logs, and "
        "gives\n"
        "the room back. What has not ended is never deleted, nor what one depends on that has not begun.\n"
        "Others may go on working meanwhile.",
    .examples = "  baton prune --older-than 30d --dry-run",
    .options = options,
    .run = run_prune};
