/* Opening stores by URL.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "base/error.h"

#include <sqlite3.h>
#include <string.h>

/* The length of "scheme:" that a URL begins with; 0: it is a path. */
static size_t scheme_length(const char *url) {
    size_t length = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
    return length && url[length] == ':' ? length + 1 : 0;
}

static bool is(const char *url, size_t length, const char *scheme) {
    return length == strlen(scheme) && strncmp(url, scheme, length) == 0;
}

store *store_open(const char *url, const store_options *options, baton_error **err) {
    const store_options none = {0};
    if (!options) options = &none;
    if (!url) return store_memory.open("", options, err);
    size_t length = scheme_length(url);
    if (is(url, length, "memory:")) return store_memory.open(url + length, options, err);
    if (url[length] && (!length || is(url, length, "sqlite:")))
        return store_sqlite.open(url + length, options, err);
    if (is(url, length, "postgres:") || is(url, length, "postgresql:"))
        baton_error_set(err, BATON_ERROR_STORE, "store '%s': this version does not know PostgreSQL", url);
    else
        baton_error_set(err, BATON_ERROR_STORE,
                        "unknown store '%s': use a path, sqlite:PATH or memory:", url);
    return NULL;
}

/* Without the figures of its memory, SQLite need not take a lock for each allocation. */
void store_tune_process(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
