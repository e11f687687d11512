/* HTTP calls as effects: libcurl's multi interface on the loop. libcurl is loaded at the first call
 * (curl.h). Connections are kept between the calls of one client.
 *
 * All of this runs on the loop's thread. Handles on the loop are closed asynchronously: after
 * http_client_free the loop must turn until they are (uv_run), before uv_loop_close.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_HTTP_H
#define BATON_ENGINE_HTTP_H

#include "engine/effect.h"

#include <stdint.h>
#include <uv.h>

struct http_client;
struct http_call;

typedef struct http_request {
    /* Borrowed: {"method", "uri", "headers"?: {name: text or number}, "query"?: {name: scalar or array of
     * scalars}, "body"?: any, "authentication"?: {"scheme": "basic" | "bearer" | "digest", "username",
     * "password", "token"}, "output"?: "content" (the default) | "raw" | "response", "redirect"?: bool
     * (false)}.
     *
     * A body is sent as JSON (application/json unless a content-type header says otherwise), except: a
     * text under a content type that is not JSON is sent as it is, an object under
     * application/x-www-form-urlencoded as a form; null is no body. */
    baton_value spec;
    const char *key;    /* borrowed; the Idempotency-Key, unless a header sets it; NULL: none */
    int64_t timeout_ms; /* for the whole call with its redirects; 0: LIMIT_HTTP_TOTAL_MS */
} http_request;

/* Given; NULL after an error. The loop is borrowed and must outlive the client. */
struct http_client *http_client_new(uv_loop_t *loop, baton_error **err);
/* Cancels what runs and closes all connections. */
void http_client_free(struct http_client *client);

/* Starts a call. The handle is valid until done is called or http_call_cancel. NULL with an error only
 * without memory; whatever else stands in the way (a scheme that is not http, no libcurl) is a fault,
 * given to done.
 *
 * "content" is the body: a value when the response is JSON, a text when it is text, else base-64; null
 * when empty. "raw" is base-64. "response" is {request: {method, uri, headers}, statusCode, headers,
 * content}. A status outside 200-299 (with "redirect" 200-399) is a fault of that status. Redirects are
 * followed only with "redirect", and to another origin without credentials. */
struct http_call *http_call_start(struct http_client *client, const http_request *request, effect_done done,
                                  void *data, baton_error **err);
/* Ends a call; done is not called any more. */
void http_call_cancel(struct http_call *call);

#endif
