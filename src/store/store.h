/* The store contract, in the domain's words. Each store is one file that exports a store_type; the engine
 * knows nothing else of it.
 *
 * Rules that every store keeps:
 *  - What `commit` acknowledged is there for good, as far as the store keeps anything at all.
 *  - Records arrive in the order of their numbers; one commit is all or nothing.
 *  - A commit that failed, or whose outcome is unknown, is told by -1; the engine then stops taking work.
 *    BATON_ERROR_LIMIT says that a snapshot cannot be written and nothing was changed; the execution then
 *    stays in memory.
 *
 * A store is used by one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_STORE_STORE_H
#define BATON_STORE_STORE_H

#include "machine/execution.h"
#include "machine/record.h"

typedef struct store store;

/* What a store knows an execution by. Zeroed at first; the store's own afterwards. */
typedef struct store_row {
    void *data;
} store_row;

/* One execution's part of a commit. */
typedef struct store_change {
    store_row *row;
    const record *records;
    uint32_t record_count;
    execution_status status;
    int64_t wake_ns;      /* INT64_MAX: no timer */
    baton_value snapshot; /* borrowed; valid when the execution leaves memory with this commit */
} store_change;

typedef struct store_type {
    const char *name;
    /* `where` is what stands behind the scheme in the store's URL. */
    store *(*open)(const char *where, baton_error **err);
    void (*close)(store *s);
    int (*commit)(store *s, const store_change *changes, size_t count, baton_error **err);
    /* The snapshot that left memory; given, and not kept any longer than the execution is in memory. */
    int (*load)(store *s, store_row *row, baton_value *snapshot, baton_error **err);
    /* Keeps a value (taken) that nobody waits for yet; at most LIMIT_EARLY_DELIVERIES an execution. */
    int (*keep_delivery)(store *s, store_row *row, const char *reference, baton_value value,
                         baton_error **err);
    /* The oldest value kept for that step; given; invalid when there is none. */
    baton_value (*take_delivery)(store *s, store_row *row, const char *reference);
    /* The execution is over: frees what the row holds in memory. */
    void (*forget)(store *s, store_row *row);
} store_type;

struct store {
    const store_type *type;
    uint64_t last_seq; /* of the journal */
};

extern const store_type store_memory;

/* Opens the store that a URL names: NULL or "memory:". */
store *store_open(const char *url, baton_error **err);

#endif
