/* Responses as values; see http_message.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "engine/http_message.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

const char *http_reason(int status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {423, "Locked"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status) return reasons[i].reason;
    return "Unexpected Status";
}

/* A name that is there already in another case keeps its first spelling. */
static baton_value add_header(baton_value headers, const char *name, buffer *value) {
    int cursor = 0;
    const char *known;
    baton_value before;
    while (baton_value_next(headers, &cursor, &known, &before)) {
        if (strcasecmp(known, name) != 0) {
            baton_value_unref(before);
            continue;
        }
        buffer joined = {0}, spelling = {0};
        buffer_puts(&spelling, known);
        buffer_printf(&joined, "%s, %s", baton_value_as_text(before), buffer_text(value));
        baton_value_unref(before);
        headers = value_set_text(headers, buffer_text(&spelling), buffer_text(&joined));
        buffer_done(&joined);
        buffer_done(&spelling);
        return headers;
    }
    return value_set_text(headers, name, buffer_text(value));
}

baton_value http_headers_value(const buffer *lines) {
    baton_value headers = baton_value_object();
    const char *line = buffer_text(lines), *end = line + lines->size;
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        const char *colon = memchr(line, ':', (size_t)(stop - line));
        if (colon) {
            const char *from = colon + 1, *to = stop;
            while (from < to && isspace((unsigned char)*from)) from++;
            while (to > from && isspace((unsigned char)to[-1])) to--;
            buffer name = {0}, value = {0};
            buffer_append(&name, line, (size_t)(colon - line));
            buffer_append(&value, from, (size_t)(to - from));
            headers = add_header(headers, buffer_text(&name), &value);
            buffer_done(&name);
            buffer_done(&value);
        }
        line = stop + 1;
    }
    return headers;
}

/* The type without its parameters, in small letters. */
static void read_type(const char *content_type, char type[static 128]) {
    size_t size = 0;
    while (content_type && content_type[size] && !strchr("; \t", content_type[size]) && size < 127) {
        type[size] = (char)tolower((unsigned char)content_type[size]);
        size++;
    }
    type[size] = '\0';
}

static bool ends_with(const char *text, const char *end) {
    size_t size = strlen(text), tail = strlen(end);
    return size > tail && strcmp(text + size - tail, end) == 0;
}

bool http_type_is_json(const char *content_type) {
    char type[128];
    read_type(content_type, type);
    return strcmp(type, "application/json") == 0 || strcmp(type, "text/json") == 0 ||
           ends_with(type, "+json");
}

/* Types that are text by their nature; without a charset they are UTF-8. */
static bool type_is_text(const char *type) {
    static const char *const names[] = {"application/xml",        "application/x-www-form-urlencoded",
                                        "application/javascript", "application/ecmascript",
                                        "application/yaml",       "application/x-yaml",
                                        "application/x-ndjson",   "application/toml",
                                        "application/graphql",    "application/sql"};
    if (ends_with(type, "+xml") || ends_with(type, "+yaml")) return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(type, names[i]) == 0) return true;
    return false;
}

baton_value http_content_value(const buffer *body, const char *content_type, baton_error **err) {
    const char *text = buffer_text(body);
    if (body->size == 0) return baton_value_null();
    if (http_type_is_json(content_type)) return baton_value_parse(text, body->size, err);
    char type[128];
    read_type(content_type, type);
    if (strncmp(type, "text/", 5) == 0 || (type_is_text(type) && text_is_utf8(text, body->size)))
        return baton_value_string_sized(text, body->size);
    return http_base64_value(body);
}

baton_value http_base64_value(const buffer *body) {
    buffer b = {0};
    text_base64(&b, buffer_text(body), body->size);
    baton_value value = baton_value_string_sized(buffer_text(&b), b.size);
    buffer_done(&b);
    return value;
}
