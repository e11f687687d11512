/* See http.h. libcurl says which sockets it waits for (on_socket) and until when (on_timeout_set); the
 * loop tells it what happened, and check_done hands out what ended by that. done is called only there and
 * from a refused call's timer, never from inside libcurl, so it may start and cancel calls.
 *
 * Redirects are followed here, not by libcurl: each is a request of its own, which gets no credentials
 * when its origin is another.
 *
 * The memory of a call, a socket and the client is freed when the loop has closed their handles.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/http.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "engine/curl.h"
#include "engine/http_message.h"
#include "engine/sigpipe.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct http_client {
    uv_loop_t *loop;
    const curl_api *curl; /* these two from the first call on */
    CURLM *multi;
    uv_timer_t timer;
    struct http_call *calls;
    struct http_socket *sockets;
};

struct http_socket {
    uv_poll_t poll;
    struct http_client *client;
    struct http_socket *next, **link;
    curl_socket_t descriptor;
};

struct http_call {
    struct http_client *client;
    struct http_call *next, **link;
    effect_done done;
    void *data;
    http_plan plan;
    int64_t timeout_ms, deadline_ms;
    int redirects;
    uv_timer_t refused; /* gives done the fault of a call that was not started */
    baton_value fault;
    CURL *easy;
    struct curl_slist *headers;
    buffer lines, body; /* of the response */
    const char *large;  /* what of the response is larger than limit; NULL: nothing */
    unsigned limit;
    char problem[CURL_ERROR_SIZE];
};

/* ---- Calls ---- */

static void free_call(uv_handle_t *handle) {
    struct http_call *call = handle->data;
    http_plan_done(&call->plan);
    baton_value_unref(call->fault);
    buffer_done(&call->lines);
    buffer_done(&call->body);
    free(call);
}

/* Takes the running request, if any, away from libcurl. */
static void drop_easy(struct http_call *call) {
    struct http_client *c = call->client;
    if (call->easy) {
        sigpipe_hold hold;
        sigpipe_block(&hold);
        c->curl->multi_remove_handle(c->multi, call->easy);
        c->curl->easy_cleanup(call->easy);
        sigpipe_restore(&hold);
    }
    if (call->headers) c->curl->slist_free_all(call->headers);
    call->easy = NULL;
    call->headers = NULL;
}

static void dispose(struct http_call *call) {
    if (call->next) call->next->link = call->link;
    *call->link = call->next;
    drop_easy(call);
    uv_close((uv_handle_t *)&call->refused, free_call);
}

/* One of the two is valid; takes them. */
static void finish(struct http_call *call, baton_value output, baton_value fault) {
    effect_done done = call->done;
    void *data = call->data;
    dispose(call);
    done(data, (effect_outcome){.output = output, .fault = fault});
}

static void on_refused(uv_timer_t *timer) {
    struct http_call *call = timer->data;
    baton_value fault = call->fault;
    call->fault = VALUE_INVALID;
    finish(call, VALUE_INVALID, fault);
}

/* ---- One request ---- */

static size_t on_body(char *bytes, size_t unit, size_t count, void *data) {
    struct http_call *call = data;
    size_t size = unit * count;
    if (call->body.size + size > LIMIT_HTTP_RESPONSE) {
        call->large = "the response";
        call->limit = LIMIT_HTTP_RESPONSE;
        return 0;
    }
    buffer_append(&call->body, bytes, size);
    return buffer_failed(&call->body) ? 0 : size;
}

static size_t on_header(char *bytes, size_t unit, size_t count, void *data) {
    struct http_call *call = data;
    size_t size = unit * count;
    if (size > 5 && memcmp(bytes, "HTTP/", 5) == 0)
        buffer_clear(&call->lines); /* the last message counts */
    if (call->lines.size + size > LIMIT_HTTP_HEADERS) {
        call->large = "the response's header";
        call->limit = LIMIT_HTTP_HEADERS;
        return 0;
    }
    buffer_append(&call->lines, bytes, size);
    return buffer_failed(&call->lines) ? 0 : size;
}

/* Appends to the call's header list; false without memory. */
static bool add_header(struct http_call *call, const char *name, const char *text) {
    buffer line = {0};
    /* libcurl's spellings: "name;" sends an empty header, "name:" keeps it from sending its own. */
    if (!text)
        buffer_printf(&line, "%s:", name);
    else if (*text)
        buffer_printf(&line, "%s: %s", name, text);
    else
        buffer_printf(&line, "%s;", name);
    struct curl_slist *list =
        buffer_failed(&line) ? NULL : call->client->curl->slist_append(call->headers, buffer_text(&line));
    buffer_done(&line);
    if (list) call->headers = list;
    return list;
}

static bool set_headers(struct http_call *call) {
    int cursor = 0;
    const char *name;
    bool set = add_header(call, "Expect", NULL), typed = false;
    while (set && baton_value_next(call->plan.headers, &cursor, &name, NULL)) {
        set = add_header(call, name, value_get_text(call->plan.headers, name));
        if (strcasecmp(name, "Content-Type") == 0) typed = true;
    }
    return set && (typed || add_header(call, "Content-Type", NULL));
}

/* Sets an option of the call at hand, unless one before it failed. */
#define SET(option, value) \
    if (code == CURLE_OK) code = curl->easy_setopt(call->easy, CURLOPT_##option, value)

static CURLcode set_method(struct http_call *call) {
    const curl_api *curl = call->client->curl;
    const http_plan *plan = &call->plan;
    CURLcode code = CURLE_OK;
    if (plan->has_body || strcmp(plan->method, "POST") == 0) {
        SET(POSTFIELDSIZE_LARGE, (curl_off_t)plan->body.size);
        SET(POSTFIELDS, buffer_text(&plan->body));
    } else if (strcmp(plan->method, "HEAD") == 0) {
        SET(NOBODY, 1L);
        return code;
    }
    SET(CUSTOMREQUEST, plan->method);
    return code;
}

static CURLcode set_credentials(struct http_call *call) {
    const curl_api *curl = call->client->curl;
    const http_plan *plan = &call->plan;
    CURLcode code = CURLE_OK;
    if (plan->scheme == HTTP_NO_SCHEME) return code;
    SET(HTTPAUTH, (long)(plan->scheme == HTTP_BASIC ? CURLAUTH_BASIC : CURLAUTH_DIGEST));
    SET(USERNAME, value_get_text(plan->authentication, "username"));
    SET(PASSWORD, value_get_text(plan->authentication, "password"));
    return code;
}

/* Starts the request that the plan holds. */
static CURLcode send_request(struct http_call *call) {
    struct http_client *c = call->client;
    const curl_api *curl = c->curl;
    int64_t left_ms = call->deadline_ms - clock_monotonic_ns() / 1000000;
    call->easy = curl->easy_init();
    if (!call->easy || !set_headers(call)) return CURLE_OUT_OF_MEMORY;
    CURLcode code = set_method(call);
    if (code == CURLE_OK) code = set_credentials(call);
    SET(URL, buffer_text(&call->plan.uri));
    SET(PROTOCOLS_STR, "http,https");
    SET(PRIVATE, (void *)call);
    SET(NOSIGNAL, 1L);
    SET(ERRORBUFFER, call->problem);
    SET(HTTPHEADER, call->headers);
    SET(ACCEPT_ENCODING, "");
    SET(CONNECTTIMEOUT_MS, (long)LIMIT_HTTP_CONNECT_MS);
    SET(TIMEOUT_MS, left_ms > 1 ? (long)left_ms : 1L);
    SET(QUICK_EXIT, 1L); /* not to wait for a resolver that is at work: its thread cleans up alone */
    SET(WRITEFUNCTION, on_body);
    SET(WRITEDATA, (void *)call);
    SET(HEADERFUNCTION, on_header);
    SET(HEADERDATA, (void *)call);
    if (code != CURLE_OK) return code;
    sigpipe_hold hold;
    sigpipe_block(&hold);
    CURLMcode added = curl->multi_add_handle(c->multi, call->easy);
    sigpipe_restore(&hold);
    return added == CURLM_OK ? CURLE_OK : CURLE_FAILED_INIT;
}

/* ---- Outcomes ---- */

__attribute__((format(printf, 5, 6))) static void finish_fault(struct http_call *call, const char *name,
                                                               int status, const char *title,
                                                               const char *format, ...) {
    buffer detail = {0};
    http_plan_describe(&call->plan, &detail);
    buffer_puts(&detail, ": ");
    va_list args;
    va_start(args, format);
    buffer_vprintf(&detail, format, args);
    va_end(args);
    baton_value fault = effect_fault(name, status, title, "%s", buffer_text(&detail));
    buffer_done(&detail);
    finish(call, VALUE_INVALID, fault);
}

static void finish_failed(struct http_call *call, CURLcode result) {
    if (call->large) {
        finish_fault(call, "communication", 500, "HTTP response too large", "%s is larger than %u bytes",
                     call->large, call->limit);
    } else if (result == CURLE_OPERATION_TIMEDOUT) {
        finish_fault(call, "timeout", 408, http_reason(408), "no complete response within %lld ms",
                     (long long)call->timeout_ms);
    } else {
        const char *why = *call->problem ? call->problem : call->client->curl->easy_strerror(result);
        finish_fault(call, "communication", 500, "HTTP call failed", "%s", why);
    }
}

static void finish_response(struct http_call *call, int status, const char *content_type) {
    const http_plan *plan = &call->plan;
    if (status < 200 || status >= (plan->redirect ? 400 : 300)) {
        const char *text = buffer_text(&call->body);
        size_t size = call->body.size;
        if (size > LIMIT_HTTP_EXCERPT_BYTES) size = effect_cut_utf8(text, LIMIT_HTTP_EXCERPT_BYTES);
        if (!text_is_utf8(text, size) || memchr(text, '\0', size)) size = 0;
        finish_fault(call, "communication", status, http_reason(status), "status %d%s%.*s", status,
                     size ? ": " : "", (int)size, text);
        return;
    }
    if (plan->output == HTTP_RAW) {
        finish(call, http_base64_value(&call->body), VALUE_INVALID);
        return;
    }
    baton_error *error = NULL;
    baton_value content = http_content_value(&call->body, content_type, &error);
    if (!baton_value_is_valid(content)) {
        finish_fault(call, "communication", 500, "invalid JSON in HTTP response", "line %d, column %d: %s",
                     baton_error_line(error), baton_error_column(error), baton_error_message(error));
        baton_error_free(error);
        return;
    }
    if (plan->output == HTTP_RESPONSE) {
        baton_value response = baton_value_set(baton_value_object(), "request", http_plan_value(plan));
        response = value_set_number(response, "statusCode", status);
        response = baton_value_set(response, "headers", http_headers_value(&call->lines));
        content = baton_value_set(response, "content", content);
    }
    finish(call, content, VALUE_INVALID);
}

/* Sends the request that a redirect asks for, in place of the one that ended. */
static void follow(struct http_call *call, int status, const char *location) {
    if (++call->redirects > LIMIT_HTTP_REDIRECTS) {
        finish_fault(call, "communication", status, http_reason(status), "more than %d redirects",
                     LIMIT_HTTP_REDIRECTS);
        return;
    }
    int result = http_plan_redirect(&call->plan, status, location); /* before location goes with the easy */
    drop_easy(call);
    buffer_clear(&call->lines);
    buffer_clear(&call->body);
    CURLcode code = result == 0 ? send_request(call) : CURLE_OUT_OF_MEMORY;
    if (code != CURLE_OK) finish_failed(call, code);
}

static void end_request(struct http_call *call, CURLcode result) {
    const curl_api *curl = call->client->curl;
    long status = 0;
    const char *location = NULL, *content_type = NULL;
    curl->easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl->easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &location);
    curl->easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &content_type);
    bool moved = (status >= 301 && status <= 303) || status == 307 || status == 308;
    if (result != CURLE_OK)
        finish_failed(call, result);
    else if (call->plan.redirect && moved && location)
        follow(call, (int)status, location);
    else
        finish_response(call, (int)status, content_type);
}

/* ---- libcurl on the loop ---- */

static void check_done(struct http_client *c) {
    CURLMsg *message;
    int left;
    while ((message = c->curl->multi_info_read(c->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        char *call = NULL;
        CURLcode result = message->data.result; /* the message ends with its handle */
        c->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        end_request((struct http_call *)call, result);
    }
}

static void act(struct http_client *c, curl_socket_t descriptor, int events) {
    int running;
    sigpipe_hold hold;
    sigpipe_block(&hold);
    c->curl->multi_socket_action(c->multi, descriptor, events, &running);
    sigpipe_restore(&hold);
    check_done(c);
}

static void on_timer(uv_timer_t *timer) { act(timer->data, CURL_SOCKET_TIMEOUT, 0); }

static int on_timeout_set(CURLM *multi, long timeout_ms, void *data) {
    (void)multi;
    struct http_client *c = data;
    if (timeout_ms < 0)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void on_event(uv_poll_t *poll, int status, int events) {
    struct http_socket *s = poll->data;
    int what = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE) what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) what |= CURL_CSELECT_OUT;
    act(s->client, s->descriptor, what);
}

static void free_socket(uv_handle_t *handle) { free(handle->data); }

static void close_socket(struct http_socket *s) {
    if (s->next) s->next->link = s->link;
    *s->link = s->next;
    uv_close((uv_handle_t *)&s->poll, free_socket);
}

static struct http_socket *open_socket(struct http_client *c, curl_socket_t descriptor) {
    struct http_socket *s = calloc(1, sizeof *s);
    if (!s || uv_poll_init(c->loop, &s->poll, descriptor) != 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    s->client = c;
    s->descriptor = descriptor;
    s->next = c->sockets;
    s->link = &c->sockets;
    if (s->next) s->next->link = &s->next;
    c->sockets = s;
    c->curl->multi_assign(c->multi, descriptor, s);
    return s;
}

static int on_socket(CURL *easy, curl_socket_t descriptor, int action, void *data, void *socket) {
    (void)easy;
    struct http_client *c = data;
    struct http_socket *s = socket;
    if (action == CURL_POLL_REMOVE) {
        if (s) close_socket(s);
        return 0;
    }
    if (!s && !(s = open_socket(c, descriptor))) return -1;
    int events = (action & CURL_POLL_IN ? UV_READABLE : 0) | (action & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&s->poll, events, on_event);
}

/* ---- The client ---- */

struct http_client *http_client_new(uv_loop_t *loop, baton_error **err) {
    struct http_client *c = calloc(1, sizeof *c);
    if (!c) {
        error_memory(err);
        return NULL;
    }
    c->loop = loop;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    return c;
}

static void free_client(uv_handle_t *handle) { free(handle->data); }

void http_client_free(struct http_client *c) {
    if (!c) return;
    while (c->calls) dispose(c->calls);
    if (c->multi) {
        sigpipe_hold hold;
        sigpipe_block(&hold);
        c->curl->multi_cleanup(c->multi);
        sigpipe_restore(&hold);
    }
    while (c->sockets) close_socket(c->sockets);
    uv_close((uv_handle_t *)&c->timer, free_client);
}

static int prepare_client(struct http_client *c, baton_error **err) {
    if (c->multi) return 0;
    if (!c->curl && !(c->curl = curl_load(err))) return -1;
    c->multi = c->curl->multi_init();
    if (!c->multi) return error_memory(err);
    c->curl->multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    c->curl->multi_setopt(c->multi, CURLMOPT_SOCKETDATA, (void *)c);
    c->curl->multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout_set);
    c->curl->multi_setopt(c->multi, CURLMOPT_TIMERDATA, (void *)c);
    return 0;
}

/* Afterwards the call has either a running request or a fault; neither when there was no memory. */
static void start(struct http_call *call, const http_request *request) {
    baton_error *error = NULL;
    if (http_plan_read(&call->plan, request->spec, request->key, &call->fault) != 0) return;
    if (prepare_client(call->client, &error) == 0) {
        CURLcode code = send_request(call);
        if (code == CURLE_OK) return;
        drop_easy(call);
        baton_error_set(&error, BATON_ERROR_SYSTEM, "%s", call->client->curl->easy_strerror(code));
    }
    call->fault = effect_fault("communication", 500, "HTTP call failed", "%s", baton_error_message(error));
    error_clear(&error);
}

struct http_call *http_call_start(struct http_client *client, const http_request *request, effect_done done,
                                  void *data, baton_error **err) {
    struct http_call *call = calloc(1, sizeof *call);
    if (!call) {
        error_memory(err);
        return NULL;
    }
    *call = (struct http_call){.client = client, .done = done, .data = data, .fault = VALUE_INVALID};
    call->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : LIMIT_HTTP_TOTAL_MS;
    if (call->timeout_ms > INT_MAX) call->timeout_ms = INT_MAX; /* libcurl's own limit, 24 days */
    call->deadline_ms = clock_monotonic_ns() / 1000000 + call->timeout_ms;
    call->next = client->calls;
    call->link = &client->calls;
    if (call->next) call->next->link = &call->next;
    client->calls = call;
    uv_timer_init(client->loop, &call->refused);
    call->refused.data = call;

    start(call, request);
    if (call->easy) return call;
    if (baton_value_is_valid(call->fault)) {
        uv_timer_start(&call->refused, on_refused, 0, 0);
        return call;
    }
    dispose(call);
    error_memory(err);
    return NULL;
}

void http_call_cancel(struct http_call *call) { dispose(call); }
