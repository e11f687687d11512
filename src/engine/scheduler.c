/* The scheduler: what an execution's priority, estimate and dependencies are, until it is removed.
 *
 * A record is one block: the fields, the array of its dependencies, then all its texts. Blocks of the usual
 * size are kept for the next execution, since every execution passes through here. The averages come from
 * running sums. The estimates of a workflow come from its history, a moving average; the histories form a
 * list from the least to the latest learned, and the least is forgotten when there are too many.
 *
 * Belongs to one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEP_MS = 30000,
    USUAL_BYTES = 128, /* a record whose id is a usual one, with a dependency or two */
    KEPT_RECORDS = 1024,
    LEARNING = 4 /* an average moves by one part in so many towards what was learned */
};

typedef struct record {
    map_node node;       /* the key is the id */
    struct record *link; /* to the next in the list of kept records, or in a walk */
    uint64_t walk;       /* the last walk that came by */
    size_t size;         /* of the block */
    int64_t scheduled_at_ms, estimated_ms;
    void *data;
    int priority;
    unsigned dependency_count;
    const char *dependencies[]; /* then the texts */
} record;

typedef struct history {
    map_node node; /* the key is the workflow's name */
    struct history *newer, *older;
    double average_ms;
    char name[];
} history;

struct baton_scheduler {
    map records;
    record *kept;
    unsigned kept_count;
    uint64_t walk;
    int64_t priority_sum, estimate_sum;
    map histories;
    history *newest, *oldest;
};

baton_scheduler *baton_scheduler_new(void) {
    baton_scheduler *scheduler = calloc(1, sizeof *scheduler);
    if (!scheduler) return NULL;
    map_init(&scheduler->records);
    map_init(&scheduler->histories);
    return scheduler;
}

void baton_scheduler_free(baton_scheduler *scheduler) {
    if (!scheduler) return;
    for (map_node *node; (node = map_pop(&scheduler->records));) free(node);
    for (map_node *node; (node = map_pop(&scheduler->histories));) free(node);
    for (record *r; (r = scheduler->kept);) {
        scheduler->kept = r->link;
        free(r);
    }
    map_done(&scheduler->records);
    map_done(&scheduler->histories);
    free(scheduler);
}

/* ---- Histories ---- */

static void unlink_history(baton_scheduler *scheduler, history *h) {
    *(h->newer ? &h->newer->older : &scheduler->newest) = h->older;
    *(h->older ? &h->older->newer : &scheduler->oldest) = h->newer;
}

static void link_newest(baton_scheduler *scheduler, history *h) {
    h->newer = NULL;
    h->older = scheduler->newest;
    *(h->older ? &h->older->newer : &scheduler->oldest) = h;
    scheduler->newest = h;
}

static history *find_history(const baton_scheduler *scheduler, const char *workflow) {
    history *newest = scheduler->newest; /* the likeliest, and cheapest to try */
    if (!newest || strcmp(newest->name, workflow) == 0) return newest;
    return (history *)map_find(&scheduler->histories, workflow, map_hash(&scheduler->histories, workflow));
}

static history *new_history(baton_scheduler *scheduler, const char *workflow) {
    size_t size = strlen(workflow) + 1;
    if (size > LIMIT_NAME_BYTES + 1) return NULL;
    history *h = map_reserve(&scheduler->histories) ? malloc(sizeof *h + size) : NULL;
    if (!h) return NULL;
    memcpy(h->name, workflow, size);
    if (scheduler->histories.count == LIMIT_HISTORIES) {
        history *oldest = scheduler->oldest;
        unlink_history(scheduler, oldest);
        map_remove(&scheduler->histories, &oldest->node);
        free(oldest);
    }
    map_insert(&scheduler->histories, &h->node, h->name, map_hash(&scheduler->histories, workflow));
    return h;
}

void baton_scheduler_learn(baton_scheduler *scheduler, const char *workflow, int64_t duration_ms) {
    double duration = duration_ms < 0                   ? 0
                      : duration_ms < LIMIT_ESTIMATE_MS ? (double)duration_ms
                                                        : (double)LIMIT_ESTIMATE_MS;
    history *h = find_history(scheduler, workflow);
    if (h) {
        h->average_ms += (duration - h->average_ms) / LEARNING;
        if (h == scheduler->newest) return;
        unlink_history(scheduler, h);
    } else {
        h = new_history(scheduler, workflow);
        if (!h) return; /* without memory an estimate stays what it was */
        h->average_ms = duration;
    }
    link_newest(scheduler, h);
}

static int64_t estimate(const baton_scheduler *scheduler, const baton_schedule_request *request) {
    if (request->workflow && scheduler->histories.count > 0) {
        const history *h = find_history(scheduler, request->workflow);
        if (h) return llround(h->average_ms);
    }
    uint64_t steps = request->step_count ? request->step_count : 1;
    return steps < LIMIT_ESTIMATE_MS / STEP_MS ? (int64_t)steps * STEP_MS : LIMIT_ESTIMATE_MS;
}

/* ---- Records ---- */

static record *find_record(const baton_scheduler *scheduler, const char *id) {
    return (record *)map_find(&scheduler->records, id, map_hash(&scheduler->records, id));
}

static int priority_of(const baton_schedule_request *request) {
    int priority = 1;
    if (request->priority && strcmp(request->priority, "low") == 0) priority = 0;
    if (request->priority && strcmp(request->priority, "high") == 0) priority += 5;
    if (request->critical) priority += 10;
    return priority;
}

static bool leads_to(baton_scheduler *scheduler, const char *from, const char *id) {
    if (strcmp(from, id) == 0) return true;
    record *todo = find_record(scheduler, from);
    if (!todo || todo->walk == scheduler->walk) return false;
    todo->walk = scheduler->walk;
    todo->link = NULL;
    while (todo) {
        const record *r = todo;
        todo = r->link;
        for (unsigned i = 0; i < r->dependency_count; i++) {
            if (strcmp(r->dependencies[i], id) == 0) return true;
            record *next = find_record(scheduler, r->dependencies[i]);
            if (!next || next->walk == scheduler->walk) continue;
            next->walk = scheduler->walk;
            next->link = todo;
            todo = next;
        }
    }
    return false;
}

static int check(baton_scheduler *scheduler, const baton_schedule_request *request, baton_error **err) {
    if (request->dependency_count > LIMIT_DEPENDENCIES)
        return baton_error_set(err, BATON_ERROR_LIMIT, "execution '%s' has more than %d dependencies",
                               request->id, LIMIT_DEPENDENCIES);
    scheduler->walk++;
    for (size_t i = 0; i < request->dependency_count; i++) {
        if (leads_to(scheduler, request->dependencies[i], request->id))
            return baton_error_set(err, BATON_ERROR_CYCLE, "execution '%s' depends on itself through '%s'",
                                   request->id, request->dependencies[i]);
    }
    return 0;
}

static record *new_record(baton_scheduler *scheduler, const baton_schedule_request *request,
                          size_t id_size) {
    size_t size = sizeof(record) + request->dependency_count * sizeof(char *) + id_size;
    for (size_t i = 0; i < request->dependency_count; i++) size += strlen(request->dependencies[i]) + 1;
    if (size > USUAL_BYTES) {
        record *r = malloc(size);
        if (r) r->size = size;
        return r;
    }
    record *r = scheduler->kept;
    if (r) {
        scheduler->kept = r->link;
        scheduler->kept_count--;
        return r;
    }
    r = malloc(USUAL_BYTES);
    if (r) r->size = USUAL_BYTES;
    return r;
}

static void copy_out(const record *r, baton_scheduled *scheduled) {
    *scheduled = (baton_scheduled){.id = r->node.key,
                                   .scheduled_at_ms = r->scheduled_at_ms,
                                   .priority = r->priority,
                                   .estimated_duration_ms = r->estimated_ms,
                                   .dependencies = r->dependency_count ? r->dependencies : NULL,
                                   .dependency_count = r->dependency_count,
                                   .data = r->data};
}

int baton_scheduler_schedule(baton_scheduler *scheduler, const baton_schedule_request *request,
                             baton_scheduled *scheduled, baton_error **err) {
    uint64_t hash = map_hash(&scheduler->records, request->id);
    if (map_find(&scheduler->records, request->id, hash))
        return baton_error_set(err, BATON_ERROR_CONFLICT, "execution '%s' is scheduled already",
                               request->id);
    if (request->dependency_count > 0 && check(scheduler, request, err) < 0) return -1;
    size_t id_size = strlen(request->id) + 1;
    record *r = map_reserve(&scheduler->records) ? new_record(scheduler, request, id_size) : NULL;
    if (!r) return error_memory(err);

    r->walk = 0;
    r->scheduled_at_ms = request->now_ms;
    r->estimated_ms = estimate(scheduler, request);
    r->priority = priority_of(request);
    r->data = request->data;
    r->dependency_count = (unsigned)request->dependency_count;
    char *text = (char *)(r->dependencies + r->dependency_count);
    memcpy(text, request->id, id_size);
    map_insert(&scheduler->records, &r->node, text, hash);
    text += id_size;
    for (size_t i = 0; i < request->dependency_count; i++) {
        size_t size = strlen(request->dependencies[i]) + 1;
        memcpy(text, request->dependencies[i], size);
        r->dependencies[i] = text;
        text += size;
    }
    scheduler->priority_sum += r->priority;
    scheduler->estimate_sum += r->estimated_ms;
    if (scheduled) copy_out(r, scheduled);
    return 0;
}

bool baton_scheduler_get(const baton_scheduler *scheduler, const char *id, baton_scheduled *scheduled) {
    const record *r = find_record(scheduler, id);
    if (r && scheduled) copy_out(r, scheduled);
    return r != NULL;
}

bool baton_scheduler_remove(baton_scheduler *scheduler, const char *id) {
    record *r = find_record(scheduler, id);
    if (!r) return false;
    map_remove(&scheduler->records, &r->node);
    scheduler->priority_sum -= r->priority;
    scheduler->estimate_sum -= r->estimated_ms;
    if (r->size == USUAL_BYTES && scheduler->kept_count < KEPT_RECORDS) {
        r->link = scheduler->kept;
        scheduler->kept = r;
        scheduler->kept_count++;
    } else {
        free(r);
    }
    return true;
}

baton_scheduler_statistics baton_scheduler_get_statistics(const baton_scheduler *scheduler) {
    size_t count = scheduler->records.count;
    double divisor = count ? (double)count : 1;
    return (baton_scheduler_statistics){.scheduled_executions = count,
                                        .average_priority = (double)scheduler->priority_sum / divisor,
                                        .average_duration = (double)scheduler->estimate_sum / divisor};
}
