/* Faults in words for people: what libjq's compiler says, rewritten.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "expression/program.h"

#include "base/error.h"

#include <string.h>

enum { SHOWN_BYTES = 40 }; /* of a text that a message quotes */

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The token that covers text[at], or the first behind it. */
static token token_at(const expression *e, size_t at) {
    lexer l;
    lexer_init(&l, e->text, e->size);
    token t;
    do t = lexer_next(&l);
    while (t.kind != TOKEN_END && t.kind != TOKEN_PROBLEM && t.start + t.size <= at);
    return t;
}

static baton_error *syntax_fault(const expression *e, size_t at) {
    token t = token_at(e, at);
    if (t.size == 0)
        return baton_error_new(BATON_ERROR_INVALID, "syntax error: the expression ends too early");
    size_t shown = 0;
    while (shown < t.size && shown < SHOWN_BYTES && e->text[t.start + shown] != '\n') shown++;
    while (shown < t.size && (e->text[t.start + shown] & 0xC0) == 0x80) shown--;
    return baton_error_new(BATON_ERROR_INVALID, "syntax error: unexpected %.*s%s", (int)shown,
                           e->text + t.start, shown < t.size ? "..." : "");
}

static baton_error *undefined_fault(const char *name, size_t size) {
    static const char label[] = "$*label-";
    if (starts_with(name, label))
        return baton_error_new(BATON_ERROR_INVALID, "there is no label $%.*s to break out of",
                               (int)(size - strlen(label)), name + strlen(label));
    if (*name == '$') return baton_error_new(BATON_ERROR_INVALID, "unknown variable %.*s", (int)size, name);
    return baton_error_new(BATON_ERROR_INVALID, "unknown function '%.*s'", (int)size, name);
}

/* libjq adds where inside the literal it stopped; the place says that better. */
static baton_error *other_fault(const char *message) {
    size_t size = strcspn(message, "\n");
    const char *cuts[] = {strstr(message, " at line "), strstr(message, " at EOF at "),
                          strstr(message, " (while ")};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
        if (cuts[i] && (size_t)(cuts[i] - message) < size) size = (size_t)(cuts[i] - message);
    return baton_error_new(BATON_ERROR_INVALID, "%.*s", (int)size, message);
}

baton_error *compile_fault(const expression *e, const char *message, size_t at) {
    const char *undefined = strstr(message, " is not defined");
    baton_error *fault;
    if (starts_with(message, "syntax error"))
        fault = syntax_fault(e, at);
    else if (starts_with(message, "memory exhausted") || starts_with(message, "function compiled to"))
        fault = baton_error_new(BATON_ERROR_LIMIT, "the expression is too large to be compiled");
    else if (undefined)
        fault = undefined_fault(message, (size_t)(undefined - message));
    else
        fault = other_fault(message);
    text_position p = position_of(e->text, at);
    error_set_place(fault, (place){NULL, p.line, p.column});
    return fault;
}
