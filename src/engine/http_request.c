/* Requests as values; see http_message.h. All that could break out of its place in a message (a line end
 * in a header, a blank in a method) is refused here, before libcurl sees it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/http_message.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define FORM_TYPE "application/x-www-form-urlencoded"

__attribute__((format(printf, 2, 3))) static int refuse(baton_value *fault, const char *format, ...) {
    buffer b = {0};
    va_list args;
    va_start(args, format);
    buffer_vprintf(&b, format, args);
    va_end(args);
    *fault = effect_fault("configuration", 400, "HTTP request not sent", "%s", buffer_text(&b));
    buffer_done(&b);
    return -1;
}

/* ---- Method and URI ---- */

static bool is_token(const char *text) {
    if (!*text) return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("!#$%&'*+-.^_`|~", *text)) return false;
    return true;
}

static int read_method(http_plan *plan, baton_value spec, baton_value *fault) {
    const char *method = value_get_text(spec, "method");
    if (!method || !is_token(method) || strlen(method) >= sizeof plan->method)
        return refuse(fault, "the method is not one of HTTP's");
    for (size_t i = 0; method[i]; i++) plan->method[i] = (char)toupper((unsigned char)method[i]);
    if (strcmp(plan->method, "CONNECT") == 0) return refuse(fault, "the method CONNECT is not supported");
    return 0;
}

static void write_percent(buffer *b, unsigned char c) { buffer_printf(b, "%%%02X", c); }

static void write_encoded(buffer *b, const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (isalnum((unsigned char)text[i]) || (text[i] && strchr("-._~", text[i])))
            buffer_putc(b, text[i]);
        else
            write_percent(b, (unsigned char)text[i]);
    }
}

/* "name=value&": for each element of an array. False when a value is none that can be written. */
static bool write_parameter(buffer *b, const char *name, baton_value value) {
    if (baton_value_kind(value) == BATON_KIND_ARRAY) {
        bool written = true;
        for (size_t i = 0; i < baton_value_size(value) && written; i++) {
            baton_value element = baton_value_at(value, i);
            written = baton_value_kind(element) != BATON_KIND_ARRAY && write_parameter(b, name, element);
            baton_value_unref(element);
        }
        return written;
    }
    buffer text = {0};
    bool written = effect_write_scalar(&text, value);
    if (written) {
        write_encoded(b, name, strlen(name));
        buffer_putc(b, '=');
        write_encoded(b, buffer_text(&text), text.size);
        buffer_putc(b, '&');
    }
    buffer_done(&text);
    return written;
}

/* An object as a form: "a=1&b=2". */
static int write_form(buffer *b, baton_value object, const char *what, baton_value *fault) {
    int cursor = 0, result = 0;
    const char *name;
    baton_value value;
    while (result == 0 && baton_value_next(object, &cursor, &name, &value)) {
        if (!write_parameter(b, name, value))
            result = refuse(fault, "%s '%s' is not a text, a number, a boolean or an array of these", what,
                            name);
        baton_value_unref(value);
    }
    if (b->size && b->data[b->size - 1] == '&') b->data[--b->size] = '\0';
    return result;
}

static int read_uri(http_plan *plan, baton_value spec, baton_value *fault) {
    baton_value value = baton_value_get(spec, "uri");
    const char *uri = baton_value_as_text(value);
    size_t size = uri ? baton_value_size(value) : 0, scheme = 0;
    if (size && strncasecmp(uri, "http://", 7) == 0) scheme = 7;
    if (size && strncasecmp(uri, "https://", 8) == 0) scheme = 8;
    int result = scheme ? 0 : refuse(fault, "the URI does not begin with http:// or https://");
    size_t i = 0;
    for (bool path = false; i < size && result == 0 && uri[i] != '#'; i++) {
        unsigned char c = (unsigned char)uri[i];
        if (i >= scheme && strchr("/?", c) && c) path = true;
        if (path && (c <= ' ' || c >= 0x7f))
            write_percent(&plan->uri, c);
        else if (c <= ' ' || c == 0x7f)
            result = refuse(fault, "the URI's host contains a blank");
        else
            buffer_putc(&plan->uri, uri[i]);
    }
    baton_value_unref(value);
    if (result != 0) return result;
    baton_value query = baton_value_get(spec, "query");
    buffer form = {0};
    if (baton_value_kind(query) == BATON_KIND_OBJECT)
        result = write_form(&form, query, "the query parameter", fault);
    else if (baton_value_is_true(query))
        result = refuse(fault, "the query is not an object");
    if (form.size) {
        bool more = strchr(buffer_text(&plan->uri), '?');
        buffer_printf(&plan->uri, "%c%s", more ? '&' : '?', buffer_text(&form));
    }
    baton_value_unref(query);
    buffer_done(&form);
    return result;
}

/* ---- Headers and credentials ---- */

/* The header's text, whatever its case; NULL when there is none. Lives as long as the headers. */
static const char *find_header(baton_value headers, const char *name) {
    int cursor = 0;
    const char *key;
    while (baton_value_next(headers, &cursor, &key, NULL))
        if (strcasecmp(key, name) == 0) return value_get_text(headers, key);
    return NULL;
}

static void default_header(http_plan *plan, const char *name, const char *text) {
    if (!find_header(plan->headers, name)) plan->headers = value_set_text(plan->headers, name, text);
}

static void drop_header(http_plan *plan, const char *name) {
    int cursor = 0;
    const char *key;
    while (baton_value_next(plan->headers, &cursor, &key, NULL)) {
        if (strcasecmp(key, name) != 0) continue;
        buffer spelling = {0};
        buffer_puts(&spelling, key);
        plan->headers = baton_value_remove(plan->headers, buffer_text(&spelling));
        buffer_done(&spelling);
        cursor = 0;
    }
}

static bool breaks_line(const char *text, size_t size) {
    return memchr(text, '\r', size) || memchr(text, '\n', size) || memchr(text, '\0', size);
}

static int read_headers(http_plan *plan, baton_value spec, const char *key, baton_value *fault) {
    plan->headers = baton_value_object();
    baton_value headers = baton_value_get(spec, "headers");
    int cursor = 0, result = 0;
    const char *name;
    baton_value value;
    bool object = baton_value_kind(headers) == BATON_KIND_OBJECT;
    if (!object && baton_value_is_true(headers)) result = refuse(fault, "the headers are not an object");
    while (object && result == 0 && baton_value_next(headers, &cursor, &name, &value)) {
        buffer text = {0};
        if (!is_token(name))
            result = refuse(fault, "a header's name is not one of HTTP's");
        else if (!effect_write_scalar(&text, value))
            result = refuse(fault, "the header '%s' is not a text, a number or a boolean", name);
        else if (breaks_line(buffer_text(&text), text.size))
            result = refuse(fault, "the header '%s' contains a line end or U+0000", name);
        else
            plan->headers = value_set_text(plan->headers, name, buffer_text(&text));
        buffer_done(&text);
        baton_value_unref(value);
    }
    baton_value_unref(headers);
    default_header(plan, "User-Agent", "baton/" BATON_VERSION);
    default_header(plan, "Accept", "application/json, */*");
    if (key) default_header(plan, "Idempotency-Key", key);
    return result;
}

static int read_authentication(http_plan *plan, baton_value spec, baton_value *fault) {
    plan->authentication = baton_value_get(spec, "authentication");
    if (!baton_value_is_true(plan->authentication)) return 0;
    const char *scheme = value_get_text(plan->authentication, "scheme");
    drop_header(plan, "Authorization");
    if (scheme && strcasecmp(scheme, "bearer") == 0) {
        baton_value token = baton_value_get(plan->authentication, "token");
        const char *text = baton_value_as_text(token);
        buffer b = {0};
        int result = 0;
        if (!text || !*text || breaks_line(text, baton_value_size(token)))
            result = refuse(fault, "bearer authentication needs a token, in one line");
        buffer_printf(&b, "Bearer %s", text ? text : "");
        if (result == 0) plan->headers = value_set_text(plan->headers, "Authorization", buffer_text(&b));
        buffer_done(&b);
        baton_value_unref(token);
        return result;
    }
    if (scheme && strcasecmp(scheme, "basic") == 0)
        plan->scheme = HTTP_BASIC;
    else if (scheme && strcasecmp(scheme, "digest") == 0)
        plan->scheme = HTTP_DIGEST;
    else
        return refuse(fault, "the authentication is none of basic, bearer and digest");
    if (value_get_text(plan->authentication, "username") &&
        value_get_text(plan->authentication, "password"))
        return 0;
    return refuse(fault, "%s authentication needs a username and a password", scheme);
}

/* ---- Body ---- */

static int read_body(http_plan *plan, baton_value spec, baton_value *fault) {
    baton_value body = baton_value_get(spec, "body");
    baton_kind kind = baton_value_kind(body);
    const char *type = find_header(plan->headers, "Content-Type");
    int result = 0;
    plan->has_body = kind != BATON_KIND_INVALID && kind != BATON_KIND_NULL;
    if (plan->has_body && strcmp(plan->method, "HEAD") == 0) {
        result = refuse(fault, "a HEAD request has no body");
    } else if (kind == BATON_KIND_STRING && type && !http_type_is_json(type)) {
        buffer_append(&plan->body, baton_value_as_text(body), baton_value_size(body));
    } else if (kind == BATON_KIND_OBJECT && type && strncasecmp(type, FORM_TYPE, strlen(FORM_TYPE)) == 0) {
        result = write_form(&plan->body, body, "the body's field", fault);
    } else if (plan->has_body) {
        value_write(&plan->body, body);
        default_header(plan, "Content-Type", "application/json");
    }
    baton_value_unref(body);
    return result;
}

/* ---- The plan ---- */

static int read_options(http_plan *plan, baton_value spec, baton_value *fault) {
    const char *output = value_get_text(spec, "output");
    if (!output || strcmp(output, "content") == 0)
        plan->output = HTTP_CONTENT;
    else if (strcmp(output, "raw") == 0)
        plan->output = HTTP_RAW;
    else if (strcmp(output, "response") == 0)
        plan->output = HTTP_RESPONSE;
    else
        return refuse(fault, "the output is none of content, raw and response");
    baton_value redirect = baton_value_get(spec, "redirect");
    plan->redirect = baton_value_is_true(redirect);
    baton_value_unref(redirect);
    return 0;
}

int http_plan_read(http_plan *plan, baton_value spec, const char *key, baton_value *fault) {
    plan->headers = plan->authentication = VALUE_INVALID;
    if (read_method(plan, spec, fault) != 0 || read_uri(plan, spec, fault) != 0) return -1;
    if (read_headers(plan, spec, key, fault) != 0 || read_authentication(plan, spec, fault) != 0) return -1;
    if (read_body(plan, spec, fault) != 0 || read_options(plan, spec, fault) != 0) return -1;
    return buffer_failed(&plan->uri) || buffer_failed(&plan->body) ? -1 : 0;
}

void http_plan_done(http_plan *plan) {
    buffer_done(&plan->uri);
    buffer_done(&plan->body);
    baton_value_unref(plan->headers);
    baton_value_unref(plan->authentication);
}

/* ---- Redirects and descriptions ---- */

/* The parts of a URI that matter here; each borrowed from it. */
struct parts {
    const char *host; /* with its port */
    size_t scheme_size, host_size, path_size;
};

static struct parts split(const char *uri) {
    struct parts parts = {.host = uri};
    const char *separator = strstr(uri, "://");
    if (separator) parts.host = separator + 3;
    parts.scheme_size = (size_t)(parts.host - uri);
    size_t authority = strcspn(parts.host, "/?#");
    for (size_t i = 0; i < authority; i++)
        if (parts.host[i] == '@') {
            parts.host += i + 1;
            authority -= i + 1;
            i = (size_t)-1;
        }
    parts.host_size = authority;
    parts.path_size = strcspn(parts.host + authority, "?#");
    return parts;
}

/* Without the port that the scheme implies. */
static size_t host_size(const char *uri, const struct parts *parts) {
    const char *implied = strncasecmp(uri, "https:", 6) == 0 ? ":443" : ":80";
    size_t size = parts->host_size, tail = strlen(implied);
    return size > tail && memcmp(parts->host + size - tail, implied, tail) == 0 ? size - tail : size;
}

static bool same_origin(const char *a, const char *b) {
    struct parts x = split(a), y = split(b);
    size_t size = host_size(a, &x);
    return x.scheme_size == y.scheme_size && strncasecmp(a, b, x.scheme_size) == 0 &&
           size == host_size(b, &y) && strncasecmp(x.host, y.host, size) == 0;
}

int http_plan_redirect(http_plan *plan, int status, const char *location) {
    bool post = strcmp(plan->method, "POST") == 0, head = strcmp(plan->method, "HEAD") == 0;
    if ((status == 303 && !head) || ((status == 301 || status == 302) && post)) {
        strcpy(plan->method, "GET");
        plan->has_body = false;
        buffer_done(&plan->body);
        drop_header(plan, "Content-Type");
    }
    if (!same_origin(buffer_text(&plan->uri), location)) {
        drop_header(plan, "Authorization");
        drop_header(plan, "Proxy-Authorization");
        drop_header(plan, "Cookie");
        plan->scheme = HTTP_NO_SCHEME;
        value_assign(&plan->authentication, VALUE_INVALID);
    }
    buffer_clear(&plan->uri);
    buffer_puts(&plan->uri, location);
    return buffer_failed(&plan->uri) ? -1 : 0;
}

void http_plan_describe(const http_plan *plan, buffer *b) {
    const char *uri = buffer_text(&plan->uri);
    struct parts parts = split(uri);
    buffer_printf(b, "%s %.*s", plan->method, (int)parts.scheme_size, uri);
    buffer_append(b, parts.host, parts.host_size + parts.path_size);
}

baton_value http_plan_value(const http_plan *plan) {
    const char *uri = buffer_text(&plan->uri);
    struct parts parts = split(uri);
    buffer b = {0};
    buffer_append(&b, uri, parts.scheme_size);
    buffer_puts(&b, parts.host);
    baton_value headers = baton_value_object(), member;
    int cursor = 0;
    const char *name;
    while (baton_value_next(plan->headers, &cursor, &name, &member)) {
        bool secret = strcasecmp(name, "Authorization") == 0 ||
                      strcasecmp(name, "Proxy-Authorization") == 0 || strcasecmp(name, "Cookie") == 0;
        if (secret)
            baton_value_unref(member);
        else
            headers = baton_value_set(headers, name, member);
    }
    baton_value request = value_set_text(baton_value_object(), "method", plan->method);
    request = value_set_text(request, "uri", buffer_text(&b));
    buffer_done(&b);
    return baton_value_set(request, "headers", headers);
}
