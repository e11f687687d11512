/* What is run, and what its output came to.
 *
 * JSON lines are looked at from the last one backwards, until there is a message and a session: errors
 * count that are told with the message or after it. Without a configured path a line's message is found
 * where the common agents have it (append_usual_message). What was told to an agent is no message of it:
 * such lines repeat the prompt. All is linear in the output; AGENT_LINES small ones take some tenths of a
 * second.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/agent.h"

#include "base/error.h"
#include "base/value.h"
#include "service/agent/rate_limit.h"
#include "service/agent/terminal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    SESSION_BYTES = 1024,    /* what is longer names no session */
    LIMIT_ERROR_LINES = 40,  /* where a rate limit is looked for: at the end of stderr ... */
    LIMIT_MESSAGE_LINES = 10 /* ... and of the message, which may speak of the task's own rate limits */
};

/* ---- What is run ---- */

bool agent_can_resume(const agent_settings *a) { return baton_value_size(a->resume) > 0; }

/* Appends the text with the session in place of "{session}". */
static baton_value append_resume(baton_value argv, const char *text, const char *session) {
    static const char name[] = "{session}";
    buffer b = {0};
    for (const char *found; (found = strstr(text, name)); text = found + sizeof name - 1) {
        buffer_append(&b, text, (size_t)(found - text));
        buffer_puts(&b, session);
    }
    buffer_puts(&b, text);
    baton_value argument = buffer_failed(&b) ? VALUE_INVALID : baton_value_string(buffer_text(&b));
    buffer_done(&b);
    return baton_value_append(argv, argument);
}

/* The line of the shell, ["/bin/sh", "-c", LINE, "sh"], with what is added to it named in it. Given. */
static baton_value line_with_arguments(const agent_settings *a) {
    baton_value argv = baton_value_array();
    for (size_t i = 0; i < baton_value_size(a->command); i++) {
        baton_value word = baton_value_at(a->command, i);
        const char *text = baton_value_as_text(word);
        if (i == AGENT_SHELL_LINE && !strstr(text, "$@")) {
            buffer script = {0};
            buffer_printf(&script, "%s \"$@\"", text);
            bool failed = buffer_failed(&script);
            value_assign(&word, failed ? VALUE_INVALID : baton_value_string(buffer_text(&script)));
            buffer_done(&script);
        }
        argv = baton_value_append(argv, word);
    }
    return argv;
}

baton_value agent_argv(const agent_settings *a, const char *session, const char *prompt,
                       const char *prompt_file) {
    bool adds = a->prompt != AGENT_PROMPT_STDIN || (session && agent_can_resume(a));
    baton_value argv = adds && a->is_line ? line_with_arguments(a) : baton_value_ref(a->command);
    for (size_t i = 0; session && i < baton_value_size(a->resume); i++) {
        baton_value argument = baton_value_at(a->resume, i);
        argv = append_resume(argv, baton_value_as_text(argument), session);
        baton_value_unref(argument);
    }
    if (a->prompt == AGENT_PROMPT_STDIN) return argv;
    return baton_value_append(argv,
                              baton_value_string(a->prompt == AGENT_PROMPT_FILE ? prompt_file : prompt));
}

/* ---- Texts ---- */

/* Appends a text as it is, another value as JSON; false when there is nothing to be seen. */
static bool append_value(buffer *b, baton_value value) {
    const char *text = baton_value_as_text(value);
    if (!text) {
        bool something = baton_value_is_valid(value) && baton_value_kind(value) != BATON_KIND_NULL;
        if (something) value_write(b, value);
        return something;
    }
    size_t size = baton_value_size(value), at = 0;
    while (at < size && (unsigned char)text[at] <= ' ') at++;
    if (at < size) buffer_append(b, text, size);
    return at < size;
}

static bool append_member(buffer *b, baton_value object, const char *key) {
    baton_value value = baton_value_get(object, key);
    bool found = append_value(b, value);
    baton_value_unref(value);
    return found;
}

/* The end of a text: at most so many lines and bytes, whole characters, without blanks at its end. */
static void append_tail(buffer *b, const char *text, size_t size, size_t lines) {
    while (size > 0 && isspace((unsigned char)text[size - 1])) size--;
    size_t from = size;
    for (; from > 0 && size - from < AGENT_MESSAGE_BYTES; from--)
        if (text[from - 1] == '\n' && --lines == 0) break;
    while (from > 0 && from < size && ((unsigned char)text[from] & 0xc0) == 0x80) from++;
    while (from < size && text[from] == '\n') from++;
    buffer_append(b, text + from, size - from);
}

static void append_plain_tail(buffer *b, const char *text, size_t size, size_t lines) {
    buffer plain = {0};
    terminal_plain(&plain, text, size);
    append_tail(b, buffer_text(&plain), plain.size, lines);
    if (buffer_failed(&plain)) b->failed = true;
    buffer_done(&plain);
}

/* ---- JSON lines: where the common agents have it ---- */

static bool is_text(baton_value object, const char *key, const char *wanted) {
    const char *text = value_get_text(object, key);
    return text && strcmp(text, wanted) == 0;
}

/* A content: a text, or an array of {type: text, text} among others. */
static bool append_content(buffer *b, baton_value content) {
    if (baton_value_kind(content) == BATON_KIND_STRING) return append_value(b, content);
    bool found = false;
    for (size_t i = 0; i < baton_value_size(content); i++) {
        baton_value part = baton_value_at(content, i);
        if (is_text(part, "type", "text")) {
            if (found) buffer_putc(b, '\n');
            if (append_member(b, part, "text")) found = true;
        }
        baton_value_unref(part);
    }
    return found;
}

/* {"message": {"role": "assistant", "content": ...}} */
static bool append_inner_message(buffer *b, baton_value line) {
    baton_value message = baton_value_get(line, "message"), content = baton_value_get(message, "content");
    bool found = append_content(b, content);
    baton_value_unref(content);
    baton_value_unref(message);
    return found;
}

/* {"item": {"type": "agent_message", "text": ...}} */
static bool append_item(buffer *b, baton_value line) {
    baton_value item = baton_value_get(line, "item");
    bool found = is_text(item, "type", "agent_message") && append_member(b, item, "text");
    baton_value_unref(item);
    return found;
}

/* Whether the agent itself speaks in a line, as far as it says who does. */
static bool is_own(baton_value line) {
    static const char *const others[] = {"user",        "system",   "tool",     "tool_call",
                                         "tool_result", "thinking", "reasoning"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_text(line, "type", others[i]) || is_text(line, "role", others[i])) return false;
    return true;
}

static bool append_usual_message(buffer *b, baton_value line) {
    static const char *const keys[] = {"message", "text", "content", "response"};
    if (!is_own(line)) return false;
    if (append_member(b, line, "result")) return true;
    if (is_text(line, "type", "assistant") && append_inner_message(b, line)) return true;
    if (append_item(b, line)) return true;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (value_get_text(line, keys[i]) && append_member(b, line, keys[i])) return true;
    return false;
}

static bool append_usual_session(buffer *b, baton_value line) {
    static const char *const keys[] = {"session_id", "thread_id", "sessionId", "sessionID"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (value_get_text(line, keys[i]) && append_member(b, line, keys[i])) return true;
    return false;
}

/* ---- JSON lines ---- */

const expression *agent_path(expression_program *program, const char *text, size_t size,
                             baton_error **err) {
    const expression *e = NULL;
    if (size > 0 && text[0] == '.' && !(size > 1 && isdigit((unsigned char)text[1]))) {
        e = expression_add(program, text, size, &(expression_scope){0}, err);
        if (!e || expression_is_native(e)) return e;
    }
    baton_error_set(err, BATON_ERROR_INVALID, "not a plain path like .result or .message.content[0].text");
    return NULL;
}

typedef struct json_reader {
    const agent_settings *settings;
    expression_program *program;
    const expression *message_path, *session_path; /* NULL: the usual ones */
    buffer message, session;
    buffer errors;  /* what lines say that tell of an error */
    buffer failure; /* how the last line says it that tells that the run failed */
    bool is_error;
    bool has_message, has_session;
    bool no_memory;
} json_reader;

static bool append_at(buffer *b, const expression *path, baton_value line) {
    baton_value value = expression_evaluate(path, line, NULL, NULL);
    bool found = append_value(b, value);
    baton_value_unref(value);
    return found;
}

/* It becomes an argument: nothing that would be taken for an option, no control characters. */
static bool is_session(const buffer *session) {
    if (session->size > SESSION_BYTES || buffer_text(session)[0] == '-') return false;
    for (size_t i = 0; i < session->size; i++)
        if (iscntrl((unsigned char)session->data[i])) return false;
    return true;
}

static void read_session(json_reader *r, baton_value line) {
    buffer_clear(&r->session);
    r->has_session = (r->session_path ? append_at(&r->session, r->session_path, line)
                                      : append_usual_session(&r->session, line)) &&
                     is_session(&r->session);
}

/* True, or something that is not empty. */
static bool is_told(baton_value line, const char *key) {
    baton_value value = baton_value_get(line, key);
    bool told = baton_value_kind(value) == BATON_KIND_BOOLEAN ? baton_value_is_true(value)
                                                              : baton_value_size(value) > 0;
    baton_value_unref(value);
    return told;
}

static bool has_error_subtype(baton_value line) {
    const char *subtype = value_get_text(line, "subtype");
    return subtype && strncmp(subtype, "error", 5) == 0;
}

/* Puts what an error's line says before what later lines said. */
static void read_error(json_reader *r, baton_value line) {
    static const char *const keys[] = {"error", "message", "result"};
    bool told = is_told(line, "error") || is_told(line, "is_error") || is_text(line, "type", "error") ||
                has_error_subtype(line);
    if (!told || r->errors.size > AGENT_MESSAGE_BYTES) return;
    buffer errors = {0};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (append_member(&errors, line, keys[i])) buffer_putc(&errors, '\n');
    if (r->message_path && append_at(&errors, r->message_path, line)) buffer_putc(&errors, '\n');
    buffer_append(&errors, buffer_text(&r->errors), r->errors.size);
    if (buffer_failed(&r->errors)) errors.failed = true;
    buffer_done(&r->errors);
    r->errors = errors;
}

/* A line that says that the run failed; its subtype is told where it has no other words. */
static void read_failure(json_reader *r, baton_value line) {
    baton_value flag = baton_value_get(line, "is_error");
    bool told = (baton_value_kind(flag) == BATON_KIND_BOOLEAN && baton_value_is_true(flag)) ||
                has_error_subtype(line);
    baton_value_unref(flag);
    if (!told || r->is_error || !is_own(line)) return;
    r->is_error = true;
    if (r->has_message)
        buffer_append(&r->failure, buffer_text(&r->message), r->message.size);
    else if (!append_member(&r->failure, line, "error") && !append_member(&r->failure, line, "result"))
        append_member(&r->failure, line, "subtype");
}

static void read_value(json_reader *r, baton_value line) {
    if (!r->has_session) read_session(r, line);
    if (r->has_message) return;
    buffer_clear(&r->message);
    r->has_message = r->message_path ? append_at(&r->message, r->message_path, line)
                                     : append_usual_message(&r->message, line);
    read_error(r, line);
    read_failure(r, line);
}

static void read_line(json_reader *r, const char *line, size_t size) {
    while (size > 0 && isspace((unsigned char)*line)) line++, size--;
    if (size == 0 || (*line != '{' && *line != '[')) return;
    baton_error *error = NULL;
    baton_value value = baton_value_parse(line, size, &error);
    if (baton_value_is_valid(value)) read_value(r, value);
    if (baton_error_get_code(error) == BATON_ERROR_MEMORY) r->no_memory = true;
    baton_value_unref(value);
    baton_error_free(error);
}

static void read_lines(json_reader *r, const char *out) {
    size_t end = strlen(out), whole = end;
    for (int left = AGENT_LINES; end > 0 && left > 0; left--) {
        const char *before = memrchr(out, '\n', end);
        size_t from = before ? (size_t)(before - out) + 1 : 0;
        read_line(r, out + from, end - from);
        if (r->no_memory || (r->has_message && r->has_session)) return;
        end = from > 0 ? from - 1 : 0;
    }
    /* One value over several lines, as it is written for people. */
    if (!r->has_message && !r->has_session && r->errors.size == 0) read_line(r, out, whole);
}

/* A path that is none counts as not given: agent_settings_parse refuses such. False without memory. */
static bool set_path(json_reader *r, const char *text, const expression **path) {
    if (!text) return true;
    baton_error *error = NULL;
    *path = agent_path(r->program, text, strlen(text), &error);
    bool no_memory = baton_error_get_code(error) == BATON_ERROR_MEMORY;
    baton_error_free(error);
    return !no_memory;
}

static int read_json_lines(json_reader *r, const char *out) {
    r->program = expression_program_new();
    if (!r->program || !set_path(r, r->settings->message, &r->message_path) ||
        !set_path(r, r->settings->session, &r->session_path))
        return -1;
    read_lines(r, out);
    bool failed = buffer_failed(&r->message) || buffer_failed(&r->session) || buffer_failed(&r->errors) ||
                  buffer_failed(&r->failure);
    return failed || r->no_memory ? -1 : 0;
}

static void json_reader_done(json_reader *r) {
    expression_program_free(r->program);
    buffer_done(&r->message);
    buffer_done(&r->session);
    buffer_done(&r->errors);
    buffer_done(&r->failure);
}

/* ---- All ---- */

/* Of an agent that failed, its last words may tell of a rate limit; else only what it called an error. */
static int find_rate_limit(const agent_settings *a, int code, const char *error, const buffer *message,
                           const buffer *errors, int64_t now_ms, agent_output *o) {
    buffer told = {0};
    if (code != 0) {
        append_plain_tail(&told, error, strlen(error), LIMIT_ERROR_LINES);
        buffer_putc(&told, '\n');
        append_tail(&told, buffer_text(message), message->size, LIMIT_MESSAGE_LINES);
        buffer_putc(&told, '\n');
    }
    append_plain_tail(&told, buffer_text(errors), errors->size, SIZE_MAX);
    bool failed = buffer_failed(&told);
    if (!failed)
        o->rate_limited =
            rate_limit_find(buffer_text(&told), a->rate_limit_patterns, now_ms, &o->retry_after_ms);
    buffer_done(&told);
    return failed ? -1 : 0;
}

static int give(const json_reader *r, const buffer *message, agent_output *o) {
    buffer failure = {0};
    append_plain_tail(&failure, buffer_text(&r->failure), r->failure.size, SIZE_MAX);
    o->message = strdup(buffer_text(message));
    o->session = r->has_session ? strdup(buffer_text(&r->session)) : NULL;
    o->is_error = r->is_error;
    o->error = r->is_error ? strdup(buffer_text(&failure)) : NULL;
    bool failed = buffer_failed(message) || buffer_failed(&failure) || !o->message ||
                  (r->has_session && !o->session) || (r->is_error && !o->error);
    buffer_done(&failure);
    return failed ? -1 : 0;
}

int agent_read_output(const agent_settings *a, int code, const char *out, const char *error, int64_t now_ms,
                      agent_output *o) {
    *o = (agent_output){0};
    json_reader r = {.settings = a};
    buffer message = {0};
    int rc = 0;
    if (a->result == AGENT_RESULT_TEXT) {
        append_plain_tail(&message, out, strlen(out), AGENT_MESSAGE_LINES);
    } else {
        rc = read_json_lines(&r, out);
        append_plain_tail(&message, buffer_text(&r.message), r.message.size, SIZE_MAX);
    }
    if (rc == 0 && !buffer_failed(&message))
        rc = find_rate_limit(a, code, error, &message, &r.errors, now_ms, o);
    if (rc == 0) rc = give(&r, &message, o);
    buffer_done(&message);
    json_reader_done(&r);
    if (rc != 0) agent_output_done(o);
    return rc;
}

void agent_output_done(agent_output *o) {
    free(o->message);
    free(o->session);
    free(o->error);
    *o = (agent_output){0};
}
