/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "base/error.h"

#include <string.h>

store *store_open(const char *url, baton_error **err) {
    static const char memory[] = "memory:";
    if (!url || strncmp(url, memory, sizeof memory - 1) == 0) return store_memory.open("", err);
    baton_error_set(err, BATON_ERROR_STORE, "unknown store '%s': this version knows memory:", url);
    return NULL;
}
