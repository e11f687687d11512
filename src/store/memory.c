/* The memory store: keeps nothing. An execution is its engine's alone, which keeps also the snapshots of
 * those that wait; what has ended is gone, and there is nobody else who could ask for it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "store/store.h"

#include <stdlib.h>

static store *open_memory(const char *where, const store_options *options, baton_error **err) {
    (void)where, (void)options;
    store *s = calloc(1, sizeof *s);
    if (s)
        s->type = &store_memory;
    else
        error_memory(err);
    return s;
}

static void close_memory(store *s) { free(s); }

const store_type store_memory = {.name = "memory", .open = open_memory, .close = close_memory};
