/* baton stats: the figures of a store. The names of the JSON are the seed's: getSystemMetrics, and
 * getStatistics of the queue and the scheduler.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/number.h"
#include "cli/storage.h"
#include "cli/table.h"

#include <stdio.h>
#include <unistd.h>

enum { OPTION_STORE, OPTION_JSON };

static const cli_option options[] = {[OPTION_STORE] = STORAGE_OPTION_STORE,
                                     [OPTION_JSON] = {"json", NULL, "prints one JSON object", 0},
                                     {NULL, NULL, NULL, 0}};

/* What has not ended is scheduled. */
static uint64_t scheduled(const store_statistics *f) {
    return f->pending + f->running + f->interrupted + f->waiting + f->suspended;
}

static void put_count(buffer *b, const char *key, uint64_t count) {
    buffer_printf(b, "\"%s\": %llu", key, (unsigned long long)count);
}

static int print_json(const store_statistics *f, baton_error **err) {
    buffer b = {0};
    const struct {
        const char *key;
        uint64_t count;
    } system[] = {{"activeExecutions", f->running},  {"queueLength", f->pending},
                  {"waitingExecutions", f->waiting}, {"suspended", f->suspended},
                  {"interrupted", f->interrupted},   {"completed", f->completed},
                  {"faulted", f->faulted},           {"cancelled", f->cancelled}};
    buffer_puts(&b, "{\n  \"system\": {");
    for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
        buffer_puts(&b, i ? ", " : "");
        put_count(&b, system[i].key, system[i].count);
    }
    buffer_puts(&b, "},\n  \"queue\": {");
    put_count(&b, "length", f->pending);
    buffer_puts(&b, ", ");
    put_count(&b, "due", f->due);
    buffer_puts(&b, ", \"oldest\": ");
    storage_put_time(&b, f->oldest_ns);
    buffer_puts(&b, ", \"newest\": ");
    storage_put_time(&b, f->newest_ns);
    buffer_puts(&b, "},\n  \"scheduler\": {");
    put_count(&b, "scheduledExecutions", scheduled(f));
    buffer_puts(&b, ", \"averagePriority\": ");
    number_write(&b, f->average_priority);
    buffer_puts(&b, ", \"averageDuration\": ");
    number_write(&b, f->average_duration_ms);
    buffer_puts(&b, "},\n  \"store\": {");
    put_count(&b, "bytes", f->bytes);
    buffer_puts(&b, ", ");
    put_count(&b, "free_bytes", f->free_bytes);
    buffer_puts(&b, ", ");
    put_count(&b, "records", f->records);
    buffer_puts(&b, ", ");
    put_count(&b, "workflows", f->workflows);
    buffer_puts(&b, ", ");
    put_count(&b, "owners", f->owners);
    buffer_puts(&b, "}\n}\n");
    int result = storage_flush(&b, err);
    buffer_done(&b);
    return result;
}

static void print_status(const char *status, uint64_t count) {
    printf("  %s%-12s%s %llu\n", count ? cli_colour(storage_status_colour(status)) : "", status,
           count ? cli_colour("0") : "", (unsigned long long)count);
}

static void print_page(const store_statistics *f) {
    char text[STORAGE_MOMENT], size[32];
    int64_t now_ns = storage_now_ns();
    puts("Executions");
    print_status("running", f->running);
    print_status("pending", f->pending);
    print_status("waiting", f->waiting);
    print_status("suspended", f->suspended);
    print_status("interrupted", f->interrupted);
    print_status("completed", f->completed);
    print_status("faulted", f->faulted);
    print_status("cancelled", f->cancelled);
    puts("\nQueue");
    printf("  %-12s %llu\n", "ready", (unsigned long long)f->due);
    if (f->pending) {
        printf("  %-12s %s\n", "oldest", storage_moment(f->oldest_ns, now_ns, text));
        printf("  %-12s %s\n", "newest", storage_moment(f->newest_ns, now_ns, text));
        printf("  %-12s %.1f on average\n", "priority", f->average_priority);
    }
    if (f->completed)
        printf("  %-12s %s on average (of the last 1,000 completed)\n", "duration",
               cli_duration((int64_t)(f->average_duration_ms * 1e6), text));
    puts("\nStore");
    printf("  %-12s %s", "size", storage_size(f->bytes, size));
    if (f->free_bytes) printf(", of which %s free", storage_size(f->free_bytes, size));
    printf("\n  %-12s %llu\n", "records", (unsigned long long)f->records);
    printf("  %-12s %llu\n", "workflows", (unsigned long long)f->workflows);
    printf("  %-12s %llu\n", "processes", (unsigned long long)f->owners);
}

static int run_stats(cli_arguments *args) {
    storage st = {0};
    bool json = false;
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        if (option == OPTION_STORE)
            st.given = value;
        else
            json = true;
    }
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count) return cli_fail(EXIT_USAGE, "stats takes no '%s'", args->rest[0]);
    cli_set_colour(COLOUR_AUTO, STDOUT_FILENO);
    int code = storage_open(&st);
    if (code != EXIT_DONE) return code;
    store_statistics figures;
    baton_error *err = NULL;
    int result = st.store->type->statistics(st.store, storage_now_ns(), &figures, &err);
    if (result == 0 && json)
        result = print_json(&figures, &err);
    else if (result == 0)
        print_page(&figures);
    storage_close(&st);
    return result == 0 ? EXIT_DONE : cli_fail_error(err);
}

const command command_stats = {
    .name = "stats",
    .arguments = "",
    .summary = "tell how many executions there are, and how large the store is",
    .description =
        "Tells how many executions there are of each status, what is queued, how long executions take\n"
        "and how large the store is. `records` is about right where executions were pruned.",
    .examples = "  baton stats --json | jq .system.queueLength",
    .options = options,
    .run = run_stats};
