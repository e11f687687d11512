/* See curl.h. Loaded under a pthread_once; afterwards the table never changes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static curl_api api;
static char problem[256];

static void load(void) {
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    const char *why = library ? NULL : dlerror();
    void *symbol;
#define LOAD(name)                                 \
    if (!why) {                                    \
        symbol = dlsym(library, "curl_" #name);    \
        memcpy(&api.name, &symbol, sizeof symbol); \
        if (!symbol) why = dlerror();              \
    }
    CURL_FUNCTIONS(LOAD)
#undef LOAD
    if (!why && api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) why = "curl_global_init failed";
    if (why) snprintf(problem, sizeof problem, "HTTP calls need libcurl: %s", why);
}

const curl_api *curl_load(baton_error **err) {
    pthread_once(&once, load);
    if (!*problem) return &api;
    baton_error_set(err, BATON_ERROR_SYSTEM, "%s", problem);
    return NULL;
}
