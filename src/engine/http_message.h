/* HTTP messages as values: what a request asks for, and what a response gives. No network here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_HTTP_MESSAGE_H
#define BATON_ENGINE_HTTP_MESSAGE_H

#include "engine/effect.h"

enum { HTTP_METHOD_BYTES = 32 };

typedef enum http_output { HTTP_CONTENT, HTTP_RAW, HTTP_RESPONSE } http_output;
typedef enum http_scheme { HTTP_NO_SCHEME, HTTP_BASIC, HTTP_DIGEST } http_scheme;

/* What to send. Zeroed before http_plan_read. */
typedef struct http_plan {
    char method[HTTP_METHOD_BYTES];
    buffer uri;          /* with the query */
    baton_value headers; /* {name: text} */
    buffer body;
    bool has_body;
    http_scheme scheme;         /* bearer is a header */
    baton_value authentication; /* keeps user name and password */
    http_output output;
    bool redirect;
} http_plan;

/* Reads a spec (http.h). -1: *fault says what is wrong with it, or is invalid when there was no memory.
 * Call http_plan_done in either case. */
int http_plan_read(http_plan *plan, baton_value spec, const char *key, baton_value *fault);
void http_plan_done(http_plan *plan);
/* Makes it the plan of the request that follows a redirect: the method that the status asks for, and
 * no credentials when the origin is another. Borrows location. -1 without memory. */
int http_plan_redirect(http_plan *plan, int status, const char *location);
/* Appends "GET http://host/path": for faults, without user, password, query and fragment. */
void http_plan_describe(const http_plan *plan, buffer *b);
/* {method, uri, headers}, without credentials. Given. */
baton_value http_plan_value(const http_plan *plan);

/* application/json and whatever ends in +json. content_type may be NULL. */
bool http_type_is_json(const char *content_type);
/* "Not Found"; static text. */
const char *http_reason(int status);
/* The header lines of a response as {name: text}; lines of one name are joined by ", ". Given. */
baton_value http_headers_value(const buffer *lines);
/* A body as a value: JSON parsed, text as text, else base-64; null when empty. Given; invalid with an
 * error when it says that it is JSON and is not. content_type may be NULL. */
baton_value http_content_value(const buffer *body, const char *content_type, baton_error **err);
/* Base-64 of the bytes as a text. Given. */
baton_value http_base64_value(const buffer *body);

#endif
