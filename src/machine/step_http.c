/* call: http (DSL, "HTTP Call", "URI Template", "Authentication").
 *
 * The action's request is {method, uri, headers?, query?, body?, authentication?, output, redirect}: see
 * engine/http.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "base/value.h"
#include "machine/fault.h"
#include "machine/step.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append_encoded(buffer *b, baton_value value) {
    buffer plain = {0};
    const char *text = baton_value_as_text(value);
    if (text)
        buffer_puts(&plain, text);
    else if (value_is_valid(value) && baton_value_kind(value) != BATON_KIND_NULL)
        value_write(&plain, value);
    for (size_t i = 0; i < plain.size; i++) {
        unsigned char c = (unsigned char)plain.data[i];
        if (isalnum(c) || strchr("-._~", c))
            buffer_putc(b, (char)c);
        else
            buffer_printf(b, "%%%02X", c);
    }
    buffer_done(&plain);
}

/* Replaces each {name} by the input's property, percent-encoded; nothing when there is none. Takes uri. */
static baton_value expand_uri(baton_value uri, baton_value input) {
    buffer b = {0};
    for (const char *at = baton_value_as_text(uri); at && *at;) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (!end) {
            buffer_putc(&b, *at++);
            continue;
        }
        char *name = strndup(at + 1, (size_t)(end - at - 1));
        baton_value value = name ? baton_value_get(input, name) : VALUE_INVALID;
        append_encoded(&b, value);
        value_unref(value);
        free(name);
        at = end + 1;
    }
    value_unref(uri);
    uri = buffer_failed(&b) ? VALUE_INVALID : baton_value_string_sized(buffer_text(&b), b.size);
    buffer_done(&b);
    return uri;
}

/* Adds a member to *request; false when the step has faulted. */
static bool add(machine *m, frame *f, baton_value *request, const char *key, const template *t) {
    if (!t) return true;
    baton_value value = machine_expand(m, f, t, f->input);
    if (!value_is_valid(value)) return false;
    *request = baton_value_set(*request, key, value);
    return true;
}

/* $authorization: {scheme, parameter}. */
static baton_value describe_authorization(baton_value credentials) {
    const char *scheme = value_get_text(credentials, "scheme");
    baton_value about = baton_value_object();
    if (strcmp(scheme, "bearer") == 0) {
        about = value_set_text(about, "scheme", "Bearer");
        return value_set_text(about, "parameter", value_get_text(credentials, "token"));
    }
    if (strcmp(scheme, "digest") == 0) return value_set_text(about, "scheme", "Digest");
    buffer plain = {0}, encoded = {0};
    buffer_printf(&plain, "%s:%s", value_get_text(credentials, "username"),
                  value_get_text(credentials, "password"));
    text_base64(&encoded, buffer_text(&plain), plain.size);
    about = value_set_text(about, "scheme", "Basic");
    about = value_set_text(about, "parameter", buffer_text(&encoded));
    buffer_done(&plain);
    buffer_done(&encoded);
    return about;
}

/* What is no text is told here, before anybody would send a part of it. */
static bool add_credential(machine *m, frame *f, baton_value *credentials, const char *key,
                           const template *t) {
    if (!add(m, f, credentials, key, t)) return false;
    if (!t || value_get_text(*credentials, key)) return true;
    char detail[64];
    snprintf(detail, sizeof detail, "the %s must be a string", key);
    machine_fault(m, f, fault_new("expression", 400, "Expression failed", detail));
    return false;
}

static bool add_authentication(machine *m, frame *f, baton_value *request) {
    static const char *const schemes[] = {"", "basic", "bearer", "digest"};
    const authentication *auth = &f->step->u.http.authentication;
    if (auth->kind == AUTH_NONE) return true;
    baton_value credentials = value_set_text(baton_value_object(), "scheme", schemes[auth->kind]);
    if (!add_credential(m, f, &credentials, "username", auth->username) ||
        !add_credential(m, f, &credentials, "password", auth->password) ||
        !add_credential(m, f, &credentials, "token", auth->token)) {
        value_unref(credentials);
        return false;
    }
    value_assign(&f->authorization, describe_authorization(credentials));
    *request = baton_value_set(*request, "authentication", credentials);
    return true;
}

static bool add_uri(machine *m, frame *f, baton_value *request) {
    const step_http *http = &f->step->u.http;
    baton_value uri = machine_expand(m, f, http->uri, f->input);
    if (!value_is_valid(uri)) return false;
    if (baton_value_kind(uri) != BATON_KIND_STRING) {
        value_unref(uri);
        machine_fault(m, f,
                      fault_new("expression", 400, "Expression failed", "the endpoint must be a string"));
        return false;
    }
    if (http->uri_is_template) uri = expand_uri(uri, f->input);
    *request = baton_value_set(*request, "uri", uri);
    return true;
}

static void enter_http(machine *m, frame *f) {
    static const char *const outputs[] = {"content", "raw", "response"};
    const step_http *http = &f->step->u.http;
    baton_value request = baton_value_object();
    /* The credentials first: what follows may use $authorization. */
    if (!add_authentication(m, f, &request) || !add(m, f, &request, "method", http->method) ||
        !add_uri(m, f, &request) || !add(m, f, &request, "headers", http->headers) ||
        !add(m, f, &request, "query", http->query) || !add(m, f, &request, "body", http->body)) {
        value_unref(request);
        return;
    }
    request = value_set_text(request, "output", outputs[http->output]);
    request = baton_value_set(request, "redirect", baton_value_boolean(http->redirect));
    machine_start_effect(m, f, ACTION_HTTP, request);
}

const step_behavior step_http_behavior = {.enter = enter_http};
