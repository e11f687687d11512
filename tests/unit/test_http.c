/* HTTP calls as effects, against a small server on 127.0.0.1 that runs in a thread of the test. The path
 * says what it plays. Each test also shows that no descriptor stays behind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "engine/http.h"
#include "engine/http_message.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- The server ---- */

static int server_port;
static atomic_int connections, stopping;

struct exchange {
    int socket;
    char method[32], path[1024];
    buffer head, body;
};

static void send_all(int socket, const void *bytes, size_t size) {
    for (ssize_t sent; size > 0; bytes = (const char *)bytes + sent, size -= (size_t)sent)
        if ((sent = send(socket, bytes, size, MSG_NOSIGNAL)) <= 0) return;
}

static void answer(struct exchange *x, const char *status, const char *headers, const void *body,
                   size_t size) {
    buffer b = {0};
    buffer_printf(&b, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, headers, size);
    if (strcmp(x->method, "HEAD") != 0) buffer_append(&b, body, size);
    send_all(x->socket, b.data, b.size);
    buffer_done(&b);
}

static void answer_text(struct exchange *x, const char *status, const char *headers, const char *text) {
    answer(x, status, headers, text, strlen(text));
}

/* The request as the server saw it: {method, path, headers with small names, body}. */
static void answer_echo(struct exchange *x) {
    baton_value headers = http_headers_value(&x->head), small = baton_value_object(), value;
    int cursor = 0;
    const char *name;
    while (baton_value_next(headers, &cursor, &name, &value)) {
        char lower[128];
        size_t i = 0;
        for (; name[i] && i < sizeof lower - 1; i++) lower[i] = (char)tolower((unsigned char)name[i]);
        lower[i] = '\0';
        small = baton_value_set(small, lower, value);
    }
    baton_value_unref(headers);
    baton_value echo = value_set_text(baton_value_object(), "method", x->method);
    echo = value_set_text(echo, "path", x->path);
    echo = baton_value_set(echo, "headers", small);
    echo = baton_value_set(echo, "body", baton_value_string_sized(buffer_text(&x->body), x->body.size));
    char *json = baton_value_to_json(echo);
    answer_text(x, "200 OK", "Content-Type: application/json; charset=utf-8\r\n", json);
    free(json);
    baton_value_unref(echo);
}

/* "/redirect/STATUS/HOST/path": to /path at HOST ("same" for a relative one). */
static void answer_redirect(struct exchange *x) {
    char host[128], path[512], headers[1024];
    int status;
    if (sscanf(x->path, "/redirect/%d/%127[^/]%511s", &status, host, path) != 3) return;
    if (strcmp(host, "same") == 0)
        snprintf(headers, sizeof headers, "Location: %s\r\n", path);
    else
        snprintf(headers, sizeof headers, "Location: http://%s:%d%s\r\n", host, server_port, path);
    char line[64];
    snprintf(line, sizeof line, "%d Moved", status);
    answer_text(x, line, headers, "gone elsewhere");
}

static void answer_digest(struct exchange *x) {
    if (strcasestr(buffer_text(&x->head), "Authorization: Digest username=\"ann\""))
        answer_echo(x);
    else
        answer_text(x, "401 Unauthorized",
                    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n", "who?");
}

static void answer_endless(struct exchange *x) {
    static const char chunk[] = "2000\r\n";
    char bytes[0x2000] = {0};
    const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    send_all(x->socket, head, sizeof head - 1);
    for (int i = 0; i < 4000; i++) {
        send_all(x->socket, chunk, sizeof chunk - 1);
        send_all(x->socket, bytes, sizeof bytes);
        send_all(x->socket, "\r\n", 2);
    }
}

static void answer_large_head(struct exchange *x) {
    buffer b = {0};
    for (int i = 0; i < 40; i++) {
        buffer_printf(&b, "X-%d: ", i);
        for (int k = 0; k < 700; k++) buffer_puts(&b, "0123456789");
        buffer_puts(&b, "\r\n");
    }
    answer_text(x, "200 OK", buffer_text(&b), "");
    buffer_done(&b);
}

/* False when the connection is to be closed. */
static bool play(struct exchange *x) {
    static const unsigned char gzip[] = {0x1f, 0x8b, 0x8,  0x0,  0x0,  0x0,  0x0,  0x0,  0x2,  0x3,  0xab,
                                         0x56, 0x4a, 0x54, 0xb2, 0x8a, 0x36, 0xd4, 0x31, 0x8a, 0xad, 0x5,
                                         0x0,  0x84, 0xdb, 0xd6, 0x17, 0xb,  0x0,  0x0,  0x0};
    static const char *const json = "Content-Type: application/json\r\n";
    int status;
    if (strncmp(x->path, "/echo", 5) == 0)
        answer_echo(x);
    else if (sscanf(x->path, "/status/%d", &status) == 1) {
        char line[32];
        snprintf(line, sizeof line, "%d Whatever", status);
        answer_text(x, line, "Content-Type: text/plain\r\n", status == 204 ? "" : "the \xc3\xa4 body");
    } else if (strncmp(x->path, "/redirect/", 10) == 0)
        answer_redirect(x);
    else if (strcmp(x->path, "/loop") == 0)
        answer_text(x, "302 Found", "Location: /loop\r\n", "");
    else if (strcmp(x->path, "/file") == 0)
        answer_text(x, "302 Found", "Location: file:///etc/passwd\r\n", "");
    else if (strcmp(x->path, "/lost") == 0)
        answer_text(x, "302 Found", "", "no location");
    else if (strcmp(x->path, "/digest") == 0)
        answer_digest(x);
    else if (strcmp(x->path, "/endless") == 0)
        answer_endless(x);
    else if (strcmp(x->path, "/large-head") == 0)
        answer_large_head(x);
    else if (strcmp(x->path, "/bad-json") == 0)
        answer_text(x, "200 OK", json, "{\"a\":\n 1,}");
    else if (strcmp(x->path, "/problem") == 0)
        answer_text(x, "200 OK", "Content-Type: application/problem+json\r\n", "[1]");
    else if (strcmp(x->path, "/text") == 0)
        answer_text(x, "200 OK", "Content-Type: text/plain\r\nX-Two: a\r\nx-two:  b \r\n", "plain");
    else if (strcmp(x->path, "/latin") == 0)
        answer_text(x, "200 OK", "Content-Type: text/plain\r\n", "\xe4");
    else if (strcmp(x->path, "/xml") == 0)
        answer_text(x, "200 OK", "Content-Type: application/xml\r\n", "<a/>");
    else if (strcmp(x->path, "/bad-xml") == 0)
        answer_text(x, "200 OK", "Content-Type: image/svg+xml\r\n", "\xff");
    else if (strcmp(x->path, "/bytes") == 0)
        answer(x, "200 OK", "Content-Type: application/octet-stream\r\n", "\0\1\2", 3);
    else if (strcmp(x->path, "/untyped") == 0)
        answer_text(x, "200 OK", "", "abc");
    else if (strcmp(x->path, "/empty") == 0)
        answer_text(x, "200 OK", json, "");
    else if (strcmp(x->path, "/secret-bytes") == 0)
        answer(x, "500 Oops", "", "\0\1", 2);
    else if (strcmp(x->path, "/long-error") == 0) {
        buffer b = {0};
        for (int i = 0; i < 600; i++) buffer_puts(&b, "\xc3\xa4");
        answer_text(x, "500 Oops", "", buffer_text(&b) + 0);
        buffer_done(&b);
    } else if (strcmp(x->path, "/gzip") == 0) {
        answer(x, "200 OK", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", gzip,
               sizeof gzip);
    } else if (strcmp(x->path, "/slow") == 0) {
        for (int i = 0; i < 100 && !stopping; i++) usleep(20000);
        return false;
    } else if (strcmp(x->path, "/reset") == 0) {
        struct linger linger = {.l_onoff = 1};
        setsockopt(x->socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        return false;
    } else if (strcmp(x->path, "/short") == 0) {
        const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfew";
        send_all(x->socket, head, sizeof head - 1);
        return false;
    } else
        answer_text(x, "404 Not Found", "", "");
    return true;
}

/* Reads one request; false at the end of the connection. */
static bool read_request(struct exchange *x) {
    char bytes[4096];
    const char *end;
    buffer_clear(&x->head);
    buffer_clear(&x->body);
    while (!(end = strstr(buffer_text(&x->head), "\r\n\r\n"))) {
        ssize_t size = recv(x->socket, bytes, sizeof bytes, 0);
        if (size <= 0) return false;
        buffer_append(&x->head, bytes, (size_t)size);
        if (!isalpha((unsigned char)x->head.data[0])) return false; /* TLS */
    }
    size_t head = (size_t)(end - x->head.data) + 2, length = 0;
    buffer_append(&x->body, x->head.data + head + 2, x->head.size - head - 2);
    x->head.size = head;
    x->head.data[head] = '\0';
    const char *header = strcasestr(x->head.data, "\r\nContent-Length:");
    if (header) length = strtoul(header + 17, NULL, 10);
    while (x->body.size < length) {
        ssize_t size = recv(x->socket, bytes, sizeof bytes, 0);
        if (size <= 0) return false;
        buffer_append(&x->body, bytes, (size_t)size);
    }
    return sscanf(x->head.data, "%31s %1023s", x->method, x->path) == 2;
}

static void *serve_connection(void *data) {
    struct exchange x = {.socket = (int)(intptr_t)data};
    while (read_request(&x) && play(&x)) {}
    close(x.socket);
    buffer_done(&x.head);
    buffer_done(&x.body);
    return NULL;
}

static void *serve(void *data) {
    int listener = (int)(intptr_t)data;
    for (;;) {
        int socket = accept(listener, NULL, NULL);
        if (socket < 0) break;
        connections++;
        pthread_t thread;
        pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)socket);
        pthread_detach(thread);
    }
    close(listener);
    return NULL;
}

static int listener;
static pthread_t server;

static int listen_somewhere(int *port) {
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(s, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(s, 100), 0);
    getsockname(s, (struct sockaddr *)&address, &size);
    *port = ntohs(address.sin_port);
    return s;
}

static int start_server(void **state) {
    (void)state;
    listener = listen_somewhere(&server_port);
    return pthread_create(&server, NULL, serve, (void *)(intptr_t)listener);
}

static int stop_server(void **state) {
    (void)state;
    shutdown(listener, SHUT_RDWR);
    return pthread_join(server, NULL);
}

/* ---- The client ---- */

struct fixture {
    uv_loop_t loop;
    struct http_client *client;
    int descriptors; /* open before the loop was */
};

struct result {
    effect_outcome outcome;
    int done;
    struct http_call *cancel; /* what done cancels; may be NULL */
};

static int count_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->descriptors = count_descriptors();
    stopping = 0;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->client = http_client_new(&f->loop, NULL);
    assert_non_null(f->client);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    stopping = 1;
    http_client_free(f->client);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    /* The server notices a little later that its connections are closed. */
    for (int tries = 0; tries < 1000 && count_descriptors() > f->descriptors; tries++) usleep(2000);
    assert_int_equal(count_descriptors(), f->descriptors);
    free(f);
    return 0;
}

static void on_done(void *data, effect_outcome outcome) {
    struct result *r = data;
    r->outcome = outcome;
    r->done++;
    if (r->cancel) http_call_cancel(r->cancel);
}

/* {"method", "uri"} for a path of the server, and the members of `more` (JSON; may be NULL). */
static baton_value make_spec(const char *method, const char *path, const char *more) {
    char uri[512];
    if (strchr(path, ':'))
        snprintf(uri, sizeof uri, "%s", path);
    else
        snprintf(uri, sizeof uri, "http://127.0.0.1:%d%s", server_port, path);
    baton_error *error = NULL;
    baton_value spec = more ? baton_value_parse(more, strlen(more), &error) : baton_value_object();
    if (error) fail_msg("%s in %s", baton_error_message(error), more);
    spec = value_set_text(spec, "method", method);
    return value_set_text(spec, "uri", uri);
}

static struct http_call *start(struct fixture *f, baton_value spec, int64_t timeout_ms, struct result *r) {
    *r = (struct result){0};
    http_request request = {.spec = spec, .key = "exec_1_abc/7", .timeout_ms = timeout_ms};
    baton_error *error = NULL;
    struct http_call *call = http_call_start(f->client, &request, on_done, r, &error);
    assert_non_null(call);
    assert_null(error);
    assert_int_equal(r->done, 0);
    baton_value_unref(spec);
    return call;
}

static void release(struct result *r) {
    assert_int_equal(r->done, 1);
    assert_int_not_equal(baton_value_is_valid(r->outcome.output), baton_value_is_valid(r->outcome.fault));
    baton_value_unref(r->outcome.output);
    baton_value_unref(r->outcome.fault);
}

static void run(struct fixture *f, const char *method, const char *path, const char *more,
                struct result *r) {
    start(f, make_spec(method, path, more), 0, r);
    while (!r->done) uv_run(&f->loop, UV_RUN_ONCE);
}

/* Runs a call and compares its output, or its fault, with JSON. */
static void gives(struct fixture *f, const char *method, const char *path, const char *more,
                  const char *json) {
    struct result r;
    run(f, method, path, more, &r);
    char *got =
        baton_value_to_json(baton_value_is_valid(r.outcome.output) ? r.outcome.output : r.outcome.fault);
    assert_string_equal(got, json);
    free(got);
    release(&r);
}

static void check_fault(struct result *r, const char *type, int status, const char *title,
                        const char *detail) {
    assert_false(baton_value_is_valid(r->outcome.output));
    char expected[128];
    snprintf(expected, sizeof expected, "https://open-workflow-specification.org/spec/1.0.0/errors/%s",
             type);
    assert_string_equal(value_get_text(r->outcome.fault, "type"), expected);
    baton_value number = baton_value_get(r->outcome.fault, "status");
    assert_int_equal((int)baton_value_as_number(number), status);
    assert_string_equal(value_get_text(r->outcome.fault, "title"), title);
    if (!strstr(value_get_text(r->outcome.fault, "detail"), detail))
        fail_msg("'%s' is not in '%s'", detail, value_get_text(r->outcome.fault, "detail"));
    release(r);
}

static void faults(struct fixture *f, const char *method, const char *path, const char *more,
                   const char *type, int status, const char *title, const char *detail) {
    struct result r;
    run(f, method, path, more, &r);
    check_fault(&r, type, status, title, detail);
}

static void refuses(struct fixture *f, const char *method, const char *path, const char *more,
                    const char *detail) {
    faults(f, method, path, more, "configuration", 400, "HTTP request not sent", detail);
}

/* Member `name` of the echo's member `part` (NULL: of the echo itself) is `text` (NULL: not there). */
static void check_echo(const struct result *r, const char *part, const char *name, const char *text) {
    if (!baton_value_is_valid(r->outcome.output))
        fail_msg("%s", value_get_text(r->outcome.fault, "detail"));
    baton_value object =
        part ? baton_value_get(r->outcome.output, part) : baton_value_ref(r->outcome.output);
    const char *got = value_get_text(object, name);
    if (text) {
        assert_non_null(got);
        assert_string_equal(got, text);
    } else {
        assert_null(got);
    }
    baton_value_unref(object);
}

/* ---- Requests ---- */

static void test_request(void **state) {
    struct fixture *f = *state;
    struct result r;
    run(f, "get", "/echo", NULL, &r);
    check_echo(&r, NULL, "method", "GET");
    check_echo(&r, NULL, "body", "");
    check_echo(&r, "headers", "user-agent", "baton/" BATON_VERSION);
    check_echo(&r, "headers", "accept", "application/json, */*");
    check_echo(&r, "headers", "idempotency-key", "exec_1_abc/7");
    check_echo(&r, "headers", "content-type", NULL);
    check_echo(&r, "headers", "authorization", NULL);
    release(&r);
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        run(f, methods[i], "/echo", NULL, &r);
        check_echo(&r, NULL, "method", methods[i]);
        check_echo(&r, "headers", "content-type", NULL);
        check_echo(&r, NULL, "body", "");
        release(&r);
    }
    gives(f, "HEAD", "/echo", NULL, "null");
}

static void test_headers(void **state) {
    struct fixture *f = *state;
    struct result r;
    run(f, "GET", "/echo",
        "{\"headers\":{\"X-A\":\"a "
        "b\",\"X-N\":42,\"X-E\":\"\",\"accept\":\"text/html\",\"idempotency-key\":\"mine\","
        "\"User-agent\":\"me\"}}",
        &r);
    check_echo(&r, "headers", "x-a", "a b");
    check_echo(&r, "headers", "x-n", "42");
    check_echo(&r, "headers", "x-e", "");
    check_echo(&r, "headers", "accept", "text/html");
    check_echo(&r, "headers", "idempotency-key", "mine");
    check_echo(&r, "headers", "user-agent", "me");
    release(&r);
    refuses(f, "GET", "/echo", "{\"headers\":{\"X-A\":\"a\\r\\nX-B: b\"}}", "contains a line end");
    refuses(f, "GET", "/echo", "{\"headers\":{\"X-A\":\"a\\u0000b\"}}", "contains a line end or U+0000");
    refuses(f, "GET", "/echo", "{\"headers\":{\"X\\nA\":\"a\"}}", "name is not one of HTTP's");
    refuses(f, "GET", "/echo", "{\"headers\":{\"\":\"a\"}}", "name is not one of HTTP's");
    refuses(f, "GET", "/echo", "{\"headers\":{\"X-A\":[]}}", "'X-A' is not a text");
    refuses(f, "GET", "/echo", "{\"headers\":\"X-A: a\"}", "not an object");
}

static void test_uri(void **state) {
    struct fixture *f = *state;
    struct result r;
    run(f, "GET", "/echo",
        "{\"query\":{\"a\":\"x y&z=\xc3\xa4\",\"b\":[1,true,\"~\"],\"c d\":0.5,\"e\":[]}}", &r);
    check_echo(&r, NULL, "path", "/echo?a=x%20y%26z%3D%C3%A4&b=1&b=true&b=~&c%20d=0.5");
    release(&r);
    run(f, "GET", "/echo?x=1#part", "{\"query\":{\"y\":\"2\"}}", &r);
    check_echo(&r, NULL, "path", "/echo?x=1&y=2");
    release(&r);
    run(f, "GET", "/echo/a b/\xc3\xa4?q=\n", "{\"query\":{}}", &r);
    check_echo(&r, NULL, "path", "/echo/a%20b/%C3%A4?q=%0A");
    release(&r);
    char uri[64];
    snprintf(uri, sizeof uri, "HTTP://127.0.0.1:%d", server_port);
    faults(f, "GET", uri, "{\"query\":{\"y\":\"2\"}}", "communication", 404, "Not Found", "");
    refuses(f, "GET", "/echo", "{\"query\":{\"a\":{}}}", "the query parameter 'a' is not a text");
    refuses(f, "GET", "/echo", "{\"query\":{\"a\":[[1]]}}", "the query parameter 'a' is not a text");
    refuses(f, "GET", "/echo", "{\"query\":{\"a\":null}}", "the query parameter 'a' is not a text");
    refuses(f, "GET", "/echo", "{\"query\":\"a=b\"}", "not an object");
    refuses(f, "GET", "ftp://127.0.0.1/", NULL, "http:// or https://");
    refuses(f, "GET", "file:///etc/passwd", NULL, "http:// or https://");
    refuses(f, "GET", "http://127.0.0.1 :80/", NULL, "blank");
    refuses(f, "GET /x", "/echo", NULL, "method");
    refuses(f, "", "/echo", NULL, "method");
    refuses(f, "A-METHOD-THAT-IS-MUCH-TOO-LONG-FOR-IT", "/echo", NULL, "method");
    refuses(f, "CONNECT", "/echo", NULL, "CONNECT");
    refuses(f, "GET", "/echo", "{\"output\":\"all\"}", "content, raw and response");
    faults(f, "GET", "http://[::1/", NULL, "communication", 500, "HTTP call failed", "GET http://[::1/: ");
}

static void test_body(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *spec, *type, *body;
    } cases[] = {
        {"{\"body\":{\"a\":[1]}}", "application/json", "{\"a\":[1]}"},
        {"{\"body\":[]}", "application/json", "[]"},
        {"{\"body\":false}", "application/json", "false"},
        {"{\"body\":\"text\"}", "application/json", "\"text\""},
        {"{\"body\":null}", NULL, ""},
        {"{\"body\":\"text\",\"headers\":{\"content-type\":\"text/plain\"}}", "text/plain", "text"},
        {"{\"body\":\"text\",\"headers\":{\"Content-Type\":\"application/json\"}}", "application/json",
         "\"text\""},
        {"{\"body\":{\"a\":1},\"headers\":{\"Content-Type\":\"application/x+json\"}}", "application/x+json",
         "{\"a\":1}"},
        {"{\"body\":{\"a\":\"1 "
         "2\",\"b\":true},\"headers\":{\"Content-Type\":\"application/x-www-form-urlencoded\"}}",
         "application/x-www-form-urlencoded", "a=1%202&b=true"},
        {"{\"headers\":{\"Content-Type\":\"text/x\"}}", "text/x", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct result r;
        run(f, i % 2 ? "POST" : "PUT", "/echo", cases[i].spec, &r);
        check_echo(&r, NULL, "method", i % 2 ? "POST" : "PUT");
        check_echo(&r, "headers", "content-type", cases[i].type);
        check_echo(&r, NULL, "body", cases[i].body);
        release(&r);
    }
    refuses(f, "HEAD", "/echo", "{\"body\":1}", "no body");
    refuses(f, "POST", "/echo",
            "{\"body\":{\"a\":{}},\"headers\":{\"Content-Type\":\"application/x-www-form-urlencoded\"}}",
            "the body's field 'a'");
    /* A large one, without waiting for "100 Continue". */
    baton_value spec = make_spec("POST", "/echo", "{\"headers\":{\"Content-Type\":\"text/plain\"}}");
    buffer text = {0};
    for (int i = 0; i < 200000; i++) buffer_puts(&text, "0123456789");
    struct result r;
    start(f, value_set_text(spec, "body", buffer_text(&text)), 0, &r);
    while (!r.done) uv_run(&f->loop, UV_RUN_ONCE);
    check_echo(&r, "headers", "expect", NULL);
    check_echo(&r, NULL, "body", buffer_text(&text));
    release(&r);
    buffer_done(&text);
}

static void test_authentication(void **state) {
    struct fixture *f = *state;
    struct result r;
    run(f, "GET", "/echo",
        "{\"authentication\":{\"scheme\":\"basic\",\"username\":\"ann\",\"password\":\"s:cret\"}}", &r);
    check_echo(&r, "headers", "authorization", "Basic YW5uOnM6Y3JldA==");
    release(&r);
    run(f, "GET", "/echo",
        "{\"headers\":{\"authorization\":\"other\"},\"authentication\":{\"scheme\":\"Bearer\",\"token\":"
        "\"tok\"}}",
        &r);
    check_echo(&r, "headers", "authorization", "Bearer tok");
    release(&r);
    run(f, "POST", "/digest",
        "{\"body\":[1],\"authentication\":{\"scheme\":\"digest\",\"username\":\"ann\",\"password\":"
        "\"secret\"}}",
        &r);
    check_echo(&r, NULL, "method", "POST");
    check_echo(&r, NULL, "body", "[1]");
    release(&r);
    faults(f, "GET", "/digest",
           "{\"authentication\":{\"scheme\":\"digest\",\"username\":\"bob\",\"password\":\"secret\"}}",
           "communication", 401, "Unauthorized", "/digest: status 401: who?");
    refuses(f, "GET", "/echo", "{\"authentication\":{\"scheme\":\"magic\"}}",
            "none of basic, bearer and digest");
    refuses(f, "GET", "/echo", "{\"authentication\":{}}", "none of basic, bearer and digest");
    refuses(f, "GET", "/echo", "{\"authentication\":{\"scheme\":\"basic\",\"username\":\"a\"}}",
            "needs a username");
    refuses(f, "GET", "/echo", "{\"authentication\":{\"scheme\":\"bearer\"}}", "needs a token");
    refuses(f, "GET", "/echo", "{\"authentication\":{\"scheme\":\"bearer\",\"token\":\"a\\r\\nX: y\"}}",
            "needs a token");
}

/* ---- Responses ---- */

static void test_content(void **state) {
    struct fixture *f = *state;
    gives(f, "GET", "/problem", NULL, "[1]");
    gives(f, "GET", "/text", NULL, "\"plain\"");
    gives(f, "GET", "/latin", NULL, "\"\xef\xbf\xbd\"");
    gives(f, "GET", "/xml", NULL, "\"<a/>\"");
    gives(f, "GET", "/bad-xml", NULL, "\"/w==\"");
    gives(f, "GET", "/bytes", NULL, "\"AAEC\"");
    gives(f, "GET", "/untyped", NULL, "\"YWJj\"");
    gives(f, "GET", "/empty", NULL, "null");
    gives(f, "GET", "/status/204", NULL, "null");
    gives(f, "GET", "/gzip", NULL, "{\"a\":[1,2]}");
    gives(f, "GET", "/text", "{\"output\":\"raw\"}", "\"cGxhaW4=\"");
    gives(f, "GET", "/empty", "{\"output\":\"raw\"}", "\"\"");
    faults(f, "GET", "/bad-json", NULL, "communication", 500, "invalid JSON in HTTP response",
           "/bad-json: line 2, column ");
}

static void test_response(void **state) {
    struct fixture *f = *state;
    struct result r;
    run(f, "GET", "/text",
        "{\"output\":\"response\",\"query\":{},\"headers\":{\"X-A\":1,\"Authorization\":\"hidden\","
        "\"Cookie\":\"hidden\"}}",
        &r);
    baton_value status = baton_value_get(r.outcome.output, "statusCode");
    assert_int_equal((int)baton_value_as_number(status), 200);
    check_echo(&r, NULL, "content", "plain");
    check_echo(&r, "headers", "Content-Type", "text/plain");
    check_echo(&r, "headers", "X-Two", "a, b");
    check_echo(&r, "request", "method", "GET");
    baton_value request = baton_value_get(r.outcome.output, "request"),
                headers = baton_value_get(request, "headers");
    assert_string_equal(value_get_text(headers, "X-A"), "1");
    assert_string_equal(value_get_text(headers, "Idempotency-Key"), "exec_1_abc/7");
    assert_null(value_get_text(headers, "Authorization"));
    assert_null(value_get_text(headers, "Cookie"));
    baton_value_unref(headers);
    baton_value_unref(request);
    release(&r);
    char uri[128], shown[128];
    snprintf(uri, sizeof uri, "http://us%%40er:pass@127.0.0.1:%d/status/201?a=1", server_port);
    snprintf(shown, sizeof shown, "http://127.0.0.1:%d/status/201?a=1", server_port);
    run(f, "GET", uri, "{\"output\":\"response\"}", &r);
    check_echo(&r, "request", "uri", shown);
    release(&r);
}

static void test_status(void **state) {
    struct fixture *f = *state;
    char detail[128];
    snprintf(detail, sizeof detail, "GET http://127.0.0.1:%d/status/404: status 404: the \xc3\xa4 body",
             server_port);
    faults(f, "GET", "/status/404?secret=1", "{\"query\":{\"token\":\"hidden\"}}", "communication", 404,
           "Not Found", detail);
    snprintf(detail, sizeof detail, "http://me:hidden@127.0.0.1:%d/status/503", server_port);
    struct result r;
    run(f, "POST", detail, "{\"body\":\"x\"}", &r);
    assert_null(strstr(value_get_text(r.outcome.fault, "detail"), "hidden"));
    check_fault(&r, "communication", 503, "Service Unavailable", "POST http://127.0.0.1:");
    faults(f, "GET", "/status/599", NULL, "communication", 599, "Unexpected Status", "status 599");
    gives(f, "GET", "/status/299", NULL, "\"the \xc3\xa4 body\"");
    faults(f, "GET", "/status/302", NULL, "communication", 302, "Found", "status 302");
    gives(f, "GET", "/status/304", "{\"redirect\":true}", "null");
    gives(f, "GET", "/lost", "{\"redirect\":true,\"output\":\"raw\"}", "\"bm8gbG9jYXRpb24=\"");
    faults(f, "GET", "/status/400", "{\"redirect\":true}", "communication", 400, "Bad Request",
           "status 400");
    run(f, "GET", "/secret-bytes", NULL, &r);
    assert_null(strstr(value_get_text(r.outcome.fault, "detail"), "status 500:"));
    check_fault(&r, "communication", 500, "Internal Server Error", "status 500");
    run(f, "GET", "/long-error", NULL, &r);
    const char *text = value_get_text(r.outcome.fault, "detail");
    assert_int_equal(strlen(strstr(text, "status 500: ")), 12 + LIMIT_HTTP_EXCERPT_BYTES);
    check_fault(&r, "communication", 500, "Internal Server Error", "\xc3\xa4");
}

static void test_redirects(void **state) {
    struct fixture *f = *state;
    static const char *const secrets =
        "{\"redirect\":true,\"body\":{\"a\":1},\"headers\":{\"Authorization\":\"own\","
        "\"Cookie\":\"c=1\",\"X-A\":\"kept\"}}";
    static const struct {
        int status;
        const char *method, *then, *body;
    } cases[] = {
        {301, "POST", "GET", ""},         {302, "POST", "GET", ""},
        {303, "PUT", "GET", ""},          {307, "POST", "POST", "{\"a\":1}"},
        {308, "PUT", "PUT", "{\"a\":1}"}, {302, "PUT", "PUT", "{\"a\":1}"},
    };
    struct result r;
    char path[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(path, sizeof path, "/redirect/%d/same/echo", cases[i].status);
        run(f, cases[i].method, path, secrets, &r);
        check_echo(&r, NULL, "method", cases[i].then);
        check_echo(&r, NULL, "body", cases[i].body);
        check_echo(&r, "headers", "content-type", *cases[i].body ? "application/json" : NULL);
        check_echo(&r, "headers", "authorization", "own");
        check_echo(&r, "headers", "cookie", "c=1");
        release(&r);
        snprintf(path, sizeof path, "/redirect/%d/localhost/echo", cases[i].status);
        run(f, cases[i].method, path, secrets, &r);
        check_echo(&r, NULL, "method", cases[i].then);
        check_echo(&r, "headers", "authorization", NULL);
        check_echo(&r, "headers", "cookie", NULL);
        check_echo(&r, "headers", "x-a", "kept");
        check_echo(&r, "headers", "idempotency-key", "exec_1_abc/7");
        release(&r);
    }
    static const char *const basic = "{\"redirect\":true,\"authentication\":{\"scheme\":\"basic\","
                                     "\"username\":\"ann\",\"password\":\"secret\"}}";
    run(f, "GET", "/redirect/302/same/echo", basic, &r);
    check_echo(&r, "headers", "authorization", "Basic YW5uOnNlY3JldA==");
    release(&r);
    run(f, "GET", "/redirect/302/localhost/echo", basic, &r);
    check_echo(&r, "headers", "authorization", NULL);
    release(&r);
    /* What was dropped does not come back with the first host. */
    run(f, "GET", "/redirect/302/localhost/redirect/302/127.0.0.1/echo", basic, &r);
    check_echo(&r, NULL, "path", "/echo");
    check_echo(&r, "headers", "authorization", NULL);
    release(&r);
    gives(f, "HEAD", "/redirect/303/same/echo", "{\"redirect\":true}", "null");
    snprintf(path, sizeof path, "http://127.0.0.1:%d/status/201", server_port);
    run(f, "POST", "/redirect/303/same/status/201",
        "{\"redirect\":true,\"body\":1,\"output\":\"response\"}", &r);
    check_echo(&r, "request", "uri", path);
    check_echo(&r, "request", "method", "GET");
    release(&r);
    faults(f, "GET", "/loop", "{\"redirect\":true}", "communication", 302, "Found",
           "/loop: more than 10 redirects");
    faults(f, "GET", "/file", "{\"redirect\":true}", "communication", 500, "HTTP call failed",
           "GET file:///etc/passwd: ");
    faults(f, "GET", "/redirect/302/same/echo", NULL, "communication", 302, "Found",
           "status 302: gone elsewhere");
}

static void test_limits(void **state) {
    struct fixture *f = *state;
    faults(f, "GET", "/endless", NULL, "communication", 500, "HTTP response too large",
           "the response is larger than 16777216 bytes");
    faults(f, "GET", "/large-head", NULL, "communication", 500, "HTTP response too large",
           "the response's header is larger than 262144 bytes");
}

static void test_network(void **state) {
    struct fixture *f = *state;
    struct result r;
    faults(f, "GET", "/reset", NULL, "communication", 500, "HTTP call failed", "/reset: ");
    faults(f, "GET", "/short", NULL, "communication", 500, "HTTP call failed", "/short: ");
    int port;
    close(listen_somewhere(&port));
    char uri[64];
    snprintf(uri, sizeof uri, "http://127.0.0.1:%d/", port);
    faults(f, "GET", uri, NULL, "communication", 500, "HTTP call failed", uri);
    snprintf(uri, sizeof uri, "https://127.0.0.1:%d/echo", server_port); /* which does not speak TLS */
    faults(f, "GET", uri, NULL, "communication", 500, "HTTP call failed", uri);
    int64_t begin = clock_monotonic_ns();
    start(f, make_spec("GET", "/slow", NULL), 60, &r);
    while (!r.done) uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(clock_monotonic_ns() - begin < 1500000000);
    check_fault(&r, "timeout", 408, "Request Timeout", "/slow: no complete response within 60 ms");
    /* The time is for all redirects together. */
    start(f, make_spec("GET", "/redirect/302/same/slow", "{\"redirect\":true}"), 60, &r);
    while (!r.done) uv_run(&f->loop, UV_RUN_ONCE);
    check_fault(&r, "timeout", 408, "Request Timeout", "/slow: no complete response within 60 ms");
    start(f, make_spec("GET", "/text", NULL), INT64_MAX, &r);
    while (!r.done) uv_run(&f->loop, UV_RUN_ONCE);
    release(&r);
}

/* ---- Many calls ---- */

static void test_connections(void **state) {
    struct fixture *f = *state;
    int before = connections;
    for (int i = 0; i < 10; i++) gives(f, "GET", "/text", NULL, "\"plain\"");
    assert_int_equal(connections - before, 1);
    enum { COUNT = 30 };
    struct result r[COUNT];
    for (int i = 0; i < COUNT; i++) start(f, make_spec("GET", "/text", NULL), 0, &r[i]);
    uv_run(&f->loop, UV_RUN_DEFAULT); /* which ends when all are done */
    for (int i = 0; i < COUNT; i++) {
        assert_string_equal(baton_value_as_text(r[i].outcome.output), "plain");
        release(&r[i]);
    }
}

static void test_cancel(void **state) {
    struct fixture *f = *state;
    struct result slow, refused, fast;
    struct http_call *call = start(f, make_spec("GET", "/slow", NULL), 0, &slow);
    http_call_cancel(start(f, make_spec("GET", "ftp://x", NULL), 0, &refused));
    gives(f, "GET", "/text", NULL, "\"plain\"");
    start(f, make_spec("GET", "/text", NULL), 0, &fast);
    fast.cancel = call; /* from inside done */
    while (!fast.done) uv_run(&f->loop, UV_RUN_ONCE);
    release(&fast);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(slow.done, 0);
    assert_int_equal(refused.done, 0);
}

static void test_client_free(void **state) {
    struct fixture *f = *state;
    struct result running, refused;
    start(f, make_spec("GET", "/slow", NULL), 0, &running);
    gives(f, "GET", "/text", NULL, "\"plain\"");
    start(f, make_spec("GET", "ftp://x", NULL), 0, &refused);
    http_client_free(f->client);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(running.done, 0);
    assert_int_equal(refused.done, 0);
    http_client_free(NULL);
    f->client = http_client_new(&f->loop, NULL);
}

static void test_sigpipe(void **state) {
    struct fixture *f = *state;
    struct sigaction action;
    sigset_t blocked;
    gives(f, "GET", "/text", NULL, "\"plain\"");
    sigaction(SIGPIPE, NULL, &action);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_ptr_equal(action.sa_handler, SIG_DFL);
    assert_int_equal(sigismember(&blocked, SIGPIPE), 0);
}

int main(void) {
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                          "ALL_PROXY"};
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++) unsetenv(proxies[i]);
    uv_loop_t loop; /* the first of a program opens descriptors that stay */
    uv_loop_init(&loop);
    uv_loop_close(&loop);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_request),        TEST(test_headers),     TEST(test_uri),      TEST(test_body),
        TEST(test_authentication), TEST(test_content),     TEST(test_response), TEST(test_status),
        TEST(test_redirects),      TEST(test_limits),      TEST(test_network),  TEST(test_connections),
        TEST(test_cancel),         TEST(test_client_free), TEST(test_sigpipe),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
