/* libcurl, loaded when the first call needs it: linked, it and what it brings would cost every start of
 * the program some milliseconds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_CURL_H
#define BATON_ENGINE_CURL_H

#include <baton/baton.h>
#include <curl/curl.h>

/* The functions in use, without their prefix. */
#define CURL_FUNCTIONS(X)  \
    X(global_init)         \
    X(easy_init)           \
    X(easy_cleanup)        \
    X(easy_setopt)         \
    X(easy_getinfo)        \
    X(easy_strerror)       \
    X(slist_append)        \
    X(slist_free_all)      \
    X(multi_init)          \
    X(multi_cleanup)       \
    X(multi_setopt)        \
    X(multi_add_handle)    \
    X(multi_remove_handle) \
    X(multi_socket_action) \
    X(multi_info_read)     \
    X(multi_assign)

#define CURL_MEMBER(name) __typeof__(curl_##name) *name;
typedef struct curl_api {
    CURL_FUNCTIONS(CURL_MEMBER)
} curl_api;
#undef CURL_MEMBER

/* The functions, from libcurl loaded and made ready once for the whole program; any thread. NULL with an
 * error (BATON_ERROR_SYSTEM), the same at each call, when there is no libcurl. */
const curl_api *curl_load(baton_error **err);

#endif
