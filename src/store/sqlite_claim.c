/* The SQLite store: taking executions up, and what is asked of those that are taken.
 *
 * Candidates are looked for by the reader, which holds nobody up; only when there are some does a write
 * transaction begin, and in it each is taken by one compare-and-swap of owner and epoch. What somebody
 * else took in between is left to them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <stdlib.h>
#include <string.h>

typedef struct candidate {
    int64_t key, epoch, owner;
    bool recovered; /* its owner did not give it back as it should: a death, or a failure */
    bool taken;
} candidate;

typedef struct candidates {
    candidate *list;
    size_t count, capacity, limit;
} candidates;

static bool is_full(const candidates *found) { return found->limit && found->count >= found->limit; }

static int add(candidates *found, candidate one, baton_error **err) {
    if (found->count == found->capacity) {
        size_t capacity = found->capacity ? 2 * found->capacity : 64;
        candidate *grown = realloc(found->list, capacity * sizeof *grown);
        if (!grown) return error_memory(err);
        found->list = grown;
        found->capacity = capacity;
    }
    found->list[found->count++] = one;
    return 0;
}

/* Whether whoever claims can run the workflow of a row, under its strategy. */
static bool suits(const store_claim *claim, sqlite3_stmt *row) {
    bool good = !sqlite3_column_int(row, 3);
    uint64_t digest = (uint64_t)sqlite3_column_int64(row, 4);
    for (size_t i = 0; !good && claim->built && i < claim->digest_count; i++)
        good = claim->digests[i] == digest;
    const char *strategy = sqlite_text(row, 5);
    bool known = !claim->strategies;
    for (size_t i = 0; !known && i < claim->strategy_count; i++)
        known = strategy && strcmp(claim->strategies[i], strategy) == 0;
    int64_t workflow = sqlite3_column_int64(row, 6);
    for (size_t i = 0; known && i < claim->unfit_count; i++) known = claim->unfit[i] != workflow;
    return good && known;
}

/* Adds the rows of a statement (see CANDIDATE) that suit. */
static int add_rows(sqlite_store *s, const store_claim *claim, sqlite3_stmt *st, bool recovered,
                    candidates *found, baton_error **err) {
    int row = 0;
    while (!is_full(found) && (row = sqlite_row(s, &s->reader, st, err)) > 0) {
        if (!suits(claim, st)) continue;
        candidate one = {.key = sqlite3_column_int64(st, 0),
                         .epoch = sqlite3_column_int64(st, 1),
                         .owner = sqlite3_column_int64(st, 2),
                         .recovered = recovered};
        if (add(found, one, err) != 0) {
            row = -1;
            break;
        }
    }
    sqlite3_reset(st);
    return row < 0 ? -1 : 0;
}

/* Which index serves is said, not guessed: SQLite knows no figures of this store. */
#define CANDIDATE(index)                                                                                   \
    "SELECT e.key, e.epoch, e.owner, w.built, w.digest, e.strategy, w.id FROM executions AS e INDEXED BY " \
    "executions_" index " CROSS JOIN workflows AS w ON w.id = e.workflow WHERE "

/* What owners gave back though it was under way: they closed, or failed. */
static int find_left(sqlite_store *s, const store_claim *claim, candidates *found, baton_error **err) {
    sqlite3_stmt *st = sqlite_prepare(
        s, &s->reader,
        CANDIDATE("status") "e.status = 'running' AND e.owner IS NULL AND e.cursor IS NOT NULL"
                            " AND (?1 OR NOT e.attended) ORDER BY e.key",
        err);
    if (!st) return -1;
    sqlite3_bind_int(st, 1, claim->attended_too);
    if (add_rows(s, claim, st, true, found, err) != 0) return -1;
    if (!claim->attended_too) return 0;
    st = sqlite_prepare(s, &s->reader,
                        CANDIDATE("left") "e.owner IS NULL AND e.attended AND e.status IN ('pending',"
                                          " 'waiting') AND (e.status = 'pending' OR e.cursor IS NOT NULL)"
                                          " ORDER BY e.key",
                        err);
    return st ? add_rows(s, claim, st, false, found, err) : -1;
}

static int find_interrupted(sqlite_store *s, const store_claim *claim, candidates *found,
                            baton_error **err) {
    if (find_left(s, claim, found, err) != 0) return -1;
    sqlite3_stmt *st = sqlite_prepare(
        s, &s->reader,
        CANDIDATE("owner") "e.owner = ?1 AND (e.status = 'pending' OR (e.status IN"
                           " ('running', 'waiting') AND e.cursor IS NOT NULL)) AND (?2 OR NOT e.attended)"
                           " ORDER BY e.request, e.key",
        err);
    if (!st) return -1;
    sqlite3_bind_int(st, 2, claim->attended_too);
    for (int64_t owner = 0; !is_full(found);) {
        verdict v;
        if (sqlite_next_owner(s, &owner, err) != 0) return -1;
        if (!owner) return 0;
        if (sqlite_judge(s, owner, &v, err) != 0) return -1;
        if (v.state == OWNER_ALIVE || (v.state == OWNER_HIDDEN && !claim->take_over)) continue;
        sqlite3_bind_int64(st, 1, owner);
        if (add_rows(s, claim, st, true, found, err) != 0) return -1;
    }
    return 0;
}

/* Those that have begun go first. */
static int find_ready(sqlite_store *s, const store_claim *claim, candidates *found, baton_error **err) {
    static const char *const queries[] = {
        CANDIDATE("due") "e.owner IS NULL AND NOT e.attended AND e.status = 'waiting'"
                         " AND e.wake_at <= ?1 ORDER BY e.wake_at, e.key",
        CANDIDATE("ready") "e.owner IS NULL AND NOT e.attended AND e.status = 'pending'"
                           " AND e.wake_at IS NOT NULL AND e.wake_at <= ?1 ORDER BY e.priority DESC, e.key",
    };
    for (size_t i = 0; i < 2 && !is_full(found); i++) {
        sqlite3_stmt *st = sqlite_prepare(s, &s->reader, queries[i], err);
        if (!st) return -1;
        sqlite3_bind_int64(st, 1, claim->now_ns / 1000);
        if (add_rows(s, claim, st, false, found, err) != 0) return -1;
    }
    return 0;
}

static int find_one(sqlite_store *s, const store_claim *claim, candidates *found, baton_error **err) {
    store_execution x;
    if (sqlite_find(&s->base, claim->id, &x, err) != 0) return -1;
    if (x.status >= EXECUTION_COMPLETED)
        return baton_error_set(err, BATON_ERROR_CONFLICT, "execution '%s' has ended", claim->id);
    verdict v;
    if (sqlite_judge(s, x.owner, &v, err) != 0) return -1;
    if (v.state == OWNER_ALIVE)
        return baton_error_set(err, BATON_ERROR_CONFLICT, "execution '%s' is run by process %lld",
                               claim->id, (long long)(v.number == s->owner ? s->self.pid : v.pid));
    if (v.state == OWNER_HIDDEN && !claim->take_over)
        return baton_error_set(
            err, BATON_ERROR_NOT_ALLOWED,
            "execution '%s' belongs to process %lld, which cannot be seen from here (another "
            "container?): if it is gone, take the execution over with --take-over",
            claim->id, (long long)v.pid);
    candidate one = {.key = x.row.key, .epoch = x.row.epoch, .owner = x.owner};
    one.recovered = x.status == EXECUTION_RUNNING || (x.owner && x.status != EXECUTION_SUSPENDED);
    return add(found, one, err);
}

static int take(sqlite_store *s, candidates *found, baton_error **err) {
    sqlite3_stmt *st = sqlite_prepare(
        s, &s->writer,
        "UPDATE executions SET owner = ?1, attended = ?2, epoch = epoch + 1,"
        /* To suspend was asked of the owner before; to cancel still counts. */
        " request = iif(request = 'cancel', request, NULL) WHERE key = ?3 AND epoch = ?4 AND owner IS ?5"
        " AND status IN ('pending', 'running', 'waiting', 'suspended')",
        err);
    if (!st) return -1;
    for (size_t i = 0; i < found->count; i++) {
        candidate *one = &found->list[i];
        sqlite3_bind_int64(st, 1, s->owner);
        sqlite3_bind_int(st, 2, s->attended);
        sqlite3_bind_int64(st, 3, one->key);
        sqlite3_bind_int64(st, 4, one->epoch);
        sqlite_bind_integer(st, 5, one->owner);
        if (sqlite_run(s, &s->writer, st, err) != 0) return -1;
        one->taken = sqlite3_changes(s->writer.db) > 0;
    }
    return 0;
}

static int find_candidates(sqlite_store *s, const store_claim *claim, candidates *found,
                           baton_error **err) {
    sqlite_judge_anew(s);
    found->count = 0;
    if (!sqlite_reader(s, err)) return -1;
    if (claim->id) return find_one(s, claim, found, err);
    if (claim->interrupted && find_interrupted(s, claim, found, err) != 0) return -1;
    return claim->ready ? find_ready(s, claim, found, err) : 0;
}

static int take_up(sqlite_store *s, const store_claim *claim, candidates *found, baton_error **err) {
    for (;;) {
        if (find_candidates(s, claim, found, err) != 0) return -1;
        if (!found->count) return 0;
        if (sqlite_begin(s, true, err) != 0) return -1;
        int result = take(s, found, err);
        if (result == 0 && (claim->interrupted || claim->id)) result = sqlite_forget_dead(s, err);
        if (sqlite_end(s, result, err) != 0) return -1;
        /* Who asked for one and lost the race is told by whom. */
        if (!claim->id || found->list[0].taken) return 0;
    }
}

/* Gives one that was taken, and says whether its owner was dead. */
typedef struct giving {
    store_execution_each each;
    void *data;
    bool recovered;
} giving;

static int give(void *data, const store_execution *x, baton_error **err) {
    const giving *g = data;
    store_execution taken = *x;
    taken.recovered = g->recovered;
    return g->each(g->data, &taken, err);
}

int sqlite_take_up(store *base, const store_claim *claim, store_execution_each each, void *data,
                   baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    candidates found = {.limit = claim->limit};
    int result = take_up(s, claim, &found, err);
    for (size_t i = 0; i < found.count && result == 0; i++) {
        giving g = {each, data, found.list[i].recovered};
        if (found.list[i].taken) result = sqlite_give(s, found.list[i].key, NULL, give, &g, err);
    }
    free(found.list);
    return result < 0 ? -1 : 0;
}

int sqlite_next_due(store *base, int64_t *wake_ns, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    static const char *const queries[] = {
        "SELECT min(wake_at) FROM executions INDEXED BY executions_due"
        " WHERE owner IS NULL AND NOT attended AND wake_at IS NOT NULL AND status = 'waiting'",
        "SELECT min(wake_at) FROM executions INDEXED BY executions_due"
        " WHERE owner IS NULL AND NOT attended AND wake_at IS NOT NULL AND status = 'pending'",
    };
    int64_t earliest = INT64_MAX;
    connection *c = sqlite_reader(s, err);
    for (size_t i = 0; i < 2; i++) {
        sqlite3_stmt *st = c ? sqlite_prepare(s, c, queries[i], err) : NULL;
        if (!st || sqlite_row(s, c, st, err) < 0) return -1;
        if (sqlite3_column_type(st, 0) != SQLITE_NULL) {
            int64_t wake = sqlite3_column_int64(st, 0) * 1000;
            if (wake < earliest) earliest = wake;
        }
        sqlite3_reset(st);
    }
    *wake_ns = earliest;
    return 0;
}

/* When nobody can tell, somebody looks. */
bool sqlite_has_changed(store *base) {
    sqlite_store *s = (sqlite_store *)base;
    connection *c = sqlite_reader(s, NULL);
    int64_t version;
    if (!c || sqlite_integer(s, c, "PRAGMA data_version", &version, NULL) != 0) return true;
    bool changed = version != s->data_version;
    s->data_version = version;
    return changed;
}

int sqlite_ask(store *base, const char *id, const char *request, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    if (sqlite_begin(s, false, err) != 0) return -1;
    sqlite3_stmt *st = sqlite_prepare(s, &s->writer,
                                      "UPDATE executions SET request = ?2 WHERE id = ?1"
                                      " AND status NOT IN ('completed', 'faulted', 'cancelled')",
                                      err);
    int result = -1, asked = 0;
    if (st) {
        sqlite_bind_text(st, 1, id);
        sqlite_bind_text(st, 2, request);
        result = sqlite_run(s, &s->writer, st, err);
        asked = sqlite3_changes(s->writer.db);
    }
    if (sqlite_end(s, result, err) != 0) return -1;
    if (asked) return 0;
    store_execution x;
    if (sqlite_find(base, id, &x, err) != 0) return -1;
    return baton_error_set(err, BATON_ERROR_CONFLICT, "execution '%s' has ended", id);
}

typedef struct request {
    int64_t key;
    char text[32];
} request;

static int find_requests(sqlite_store *s, request **list, size_t *count, baton_error **err) {
    connection *c = sqlite_reader(s, err);
    sqlite3_stmt *st =
        c ? sqlite_prepare(
                s, c,
                "SELECT key, request FROM executions INDEXED BY executions_owner WHERE owner = ?1"
                " AND request > ''",
                err)
          : NULL;
    if (!st) return -1;
    sqlite3_bind_int64(st, 1, s->owner);
    int row;
    while ((row = sqlite_row(s, c, st, err)) > 0) {
        request *grown = realloc(*list, (*count + 1) * sizeof **list);
        if (!grown) {
            sqlite3_reset(st);
            return error_memory(err);
        }
        *list = grown;
        request *r = &grown[(*count)++];
        r->key = sqlite3_column_int64(st, 0);
        sqlite3_snprintf(sizeof r->text, r->text, "%s", sqlite_text(st, 1));
    }
    return row;
}

/* Only what is told is forgotten: what is asked at this very moment stays for the next time. */
static int forget_requests(sqlite_store *s, const request *list, size_t count, baton_error **err) {
    sqlite3_stmt *st = sqlite_prepare(
        s, &s->writer, "UPDATE executions SET request = NULL WHERE key = ?1 AND request = ?2", err);
    for (size_t i = 0; st && i < count; i++) {
        sqlite3_bind_int64(st, 1, list[i].key);
        sqlite_bind_text(st, 2, list[i].text);
        if (sqlite_run(s, &s->writer, st, err) != 0) return -1;
    }
    return st ? 0 : -1;
}

int sqlite_asked(store *base, store_execution_each each, void *data, baton_error **err) {
    sqlite_store *s = (sqlite_store *)base;
    request *list = NULL;
    size_t count = 0;
    int result = find_requests(s, &list, &count, err);
    if (result == 0 && count) {
        result = sqlite_begin(s, false, err);
        if (result == 0) result = sqlite_end(s, forget_requests(s, list, count, err), err);
    }
    sqlite_judge_anew(s);
    for (size_t i = 0; i < count && result == 0; i++)
        result = sqlite_give(s, list[i].key, list[i].text, each, data, err);
    free(list);
    return result < 0 ? -1 : 0;
}
