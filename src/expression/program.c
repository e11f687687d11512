/* The joint program. All expressions of a part are one text: a tree of questions leads to the one that is
 * wanted. What changes from one evaluation to the next, which way to go and the arguments, is asked for
 * with libjq's `_input`, which calls back here; so the program's own input is the expression's, and an
 * expression that is alone and has no arguments costs nothing but itself.
 *
 *   if _input then _input as $context | (
 *   TEXT
 *   ) else (
 *   TEXT
 *   ) end
 *
 * Each text has lines of its own, so that libjq's line numbers say whose fault an error is. libjq's
 * compiler has state that all threads share: one lock is held around it, and around what an evaluation does
 * with regular expressions and times. Otherwise a part belongs to its program's thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "expression/program.h"

#include "base/error.h"
#include "expression/guards.h"

#include <errno.h>
#include <jq.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* libjq compiles a function to 65535 words at most, and a byte of text to 8 of them. So long texts become
 * functions of their own, and the others together stay below. */
enum { PART_EXPRESSIONS = 512, PART_BYTES = 6000, INLINE_BYTES = 256 };

struct expression_part {
    expression_part *next;
    jq_state *jq;
    /* During an evaluation: */
    const expression *e;
    const expression_environment *environment;
    unsigned turned;
    size_t given; /* of `now` and the arguments */
};

static pthread_mutex_t libjq = PTHREAD_MUTEX_INITIALIZER;

/* ---- Text -------------------------------------------------------------------------------------------- */

typedef struct writer {
    buffer text;
    int line;
} writer;

static bool is_inline(const expression *e) { return e->size <= INLINE_BYTES; }

static void write_text(writer *w, expression *e) {
    buffer_puts(&w->text, "(\n");
    e->line = ++w->line;
    size_t from = 0;
    for (size_t i = 0; i < e->insert_count; i++) {
        buffer_append(&w->text, e->text + from, e->inserts[i].at - from);
        buffer_puts(&w->text, e->inserts[i].text);
        from = e->inserts[i].at;
    }
    buffer_append(&w->text, e->text + from, e->size - from);
    w->line += position_of(e->text, e->size).line;
    buffer_puts(&w->text, "\n)");
}

static void write_expression(writer *w, expression *e) {
    if (!is_inline(e)) buffer_puts(&w->text, "def __e: ");
    if (e->uses_now) buffer_puts(&w->text, "_input as $__now | ");
    for (size_t i = 0; i < e->argument_count; i++)
        buffer_printf(&w->text, "_input as $%s | ", e->arguments[i].name);
    guards_append(&w->text, e->guards);
    if (e->uses_now) buffer_puts(&w->text, "def now: $__now; ");
    write_text(w, e);
    if (!is_inline(e)) buffer_puts(&w->text, "; __e");
}

static void write_tree(writer *w, expression **list, size_t count, unsigned turns, unsigned directions) {
    if (count == 1) {
        list[0]->turns = turns;
        list[0]->directions = directions;
        write_expression(w, list[0]);
        return;
    }
    buffer_puts(&w->text, "if _input then ");
    write_tree(w, list, count / 2, turns + 1, directions | 1u << turns);
    buffer_puts(&w->text, " else ");
    write_tree(w, list + count / 2, count - count / 2, turns + 1, directions);
    buffer_puts(&w->text, " end");
}

/* ---- Compiling --------------------------------------------------------------------------------------- */

extern char **environ;

/* libjq 1.6 takes ~/.jq into each program that it compiles and has no switch against it. Where there is
 * one, HOME points elsewhere meanwhile: one pointer in the environment is exchanged, so that other threads
 * read the one text or the other. Gives the place to be restored, or NULL. */
static char **hide_home(char **hidden) {
    static char nowhere[] = "HOME=/nonexistent";
    for (char **slot = environ; slot && *slot; slot++) {
        if (strncmp(*slot, "HOME=", 5) != 0) continue;
        buffer path = {0};
        struct stat status;
        buffer_printf(&path, "%s/.jq", *slot + 5);
        bool absent = stat(buffer_text(&path), &status) != 0 && errno == ENOENT;
        buffer_done(&path);
        if (absent) return NULL;
        *hidden = *slot;
        *slot = nowhere;
        return slot;
    }
    return NULL;
}

/* Gathers libjq's messages, each ended by a NUL. */
static void gather(void *data, jv message) {
    buffer *messages = data;
    if (jv_get_kind(message) == JV_KIND_STRING) {
        buffer_puts(messages, jv_string_value(message));
        buffer_putc(messages, '\0');
    }
    jv_free(message);
}

static jq_state *compile(const char *text, buffer *messages) {
    char *hidden = NULL;
    pthread_mutex_lock(&libjq);
    jq_state *jq = jq_init();
    if (jq) {
        jq_set_error_cb(jq, gather, messages);
        char **home = hide_home(&hidden);
        bool compiled = jq_compile(jq, text);
        if (home) *home = hidden;
        jq_set_error_cb(jq, NULL, NULL);
        if (!compiled) jq_teardown(&jq);
    }
    pthread_mutex_unlock(&libjq);
    return jq;
}

/* The jv that `_input` yields: directions first, then `now`, then the arguments. */
static jv answer(jq_state *jq, void *data) {
    (void)jq;
    expression_part *part = data;
    const expression *e = part->e;
    if (part->turned < e->turns) return jv_bool(e->directions >> part->turned++ & 1);
    size_t i = part->given++;
    if (e->uses_now && i == 0) return jv_number((double)part->environment->now_ms / 1000);
    return argument_value(&e->arguments[i - e->uses_now], part->environment);
}

static void adopt(expression_program *program, jq_state *jq, expression **list, size_t count) {
    expression_part *part = calloc(1, sizeof *part);
    if (!part) {
        jq_teardown(&jq);
        for (size_t i = 0; i < count; i++) error_memory(&list[i]->fault);
        return;
    }
    jq_set_input_cb(jq, answer, part);
    part->jq = jq;
    part->next = program->parts;
    program->parts = part;
    for (size_t i = 0; i < count; i++) list[i]->part = part;
}

/* ---- Whose fault ------------------------------------------------------------------------------------- */

typedef struct complaint {
    char *message; /* "jq: error: MESSAGE at <top-level>, line LINE:\nTHE LINE", then blanks up to the
                      column */
    int line;
    size_t tail; /* bytes of the line and the blanks */
} complaint;

/* Takes a message of libjq to pieces; false when it names no line. */
static bool read_complaint(char *text, complaint *c) {
    static const char head[] = "jq: error: ", middle[] = " at <top-level>, line ";
    char *place = NULL, *end = NULL;
    if (strncmp(text, head, strlen(head)) != 0) return false;
    c->message = text + strlen(head);
    for (char *at = c->message; (at = strstr(at, middle)); at++) {
        long line = strtol(at + strlen(middle), &end, 10);
        if (end[0] != ':' || end[1] != '\n') continue;
        place = at;
        c->line = (int)line;
        c->tail = strlen(end + 2);
    }
    if (place) *place = '\0';
    return place != NULL;
}

/* Where in the expression's own text the byte text[at] of its written form comes from. */
static size_t own_place(const expression *e, size_t at) {
    size_t added = 0;
    for (size_t i = 0; i < e->insert_count; i++) {
        size_t begins = e->inserts[i].at + added, size = strlen(e->inserts[i].text);
        if (at < begins) break;
        if (at < begins + size) return e->inserts[i].at;
        added += size;
    }
    return at - added < e->size ? at - added : e->size;
}

static const char *line_start(const char *text, int line) {
    for (; line > 1; line--) text = strchr(text, '\n') + 1;
    return text;
}

/* Finds whose text holds the line, or has it as the line of its closing bracket. */
static expression *find_owner(expression **list, size_t count, int line) {
    for (size_t i = count; i > 0; i--)
        if (list[i - 1]->line <= line)
            return line <= list[i - 1]->line + position_of(list[i - 1]->text, list[i - 1]->size).line
                       ? list[i - 1]
                       : NULL;
    return NULL;
}

static void blame(expression **list, size_t count, const char *text, const complaint *c) {
    expression *e = find_owner(list, count, c->line);
    if (!e || e->fault) return;
    const char *begin = line_start(text, e->line), *line = line_start(text, c->line);
    size_t length = strcspn(line, "\n"), blanks = c->tail > length ? c->tail - length : 0;
    e->fault = compile_fault(e, c->message, own_place(e, (size_t)(line - begin) + blanks));
}

/* Gives each expression that a message blames its fault and drops it from the list; gives the new count. */
static size_t drop_faulty(expression **list, size_t count, const char *text, buffer *messages) {
    complaint c = {0};
    for (size_t at = 0; at < messages->size;) {
        char *message = messages->data + at;
        at += strlen(message) + 1;
        if (read_complaint(message, &c)) blame(list, count, text, &c);
    }
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        if (!list[i]->fault) list[left++] = list[i];
    return left;
}

static void compile_range(expression_program *program, expression **list, size_t count) {
    while (count) {
        writer w = {.line = 1};
        buffer messages = {0};
        write_tree(&w, list, count, 0, 0);
        jq_state *jq = buffer_failed(&w.text) ? NULL : compile(w.text.data, &messages);
        size_t left = count;
        if (jq)
            adopt(program, jq, list, count);
        else if (!buffer_failed(&w.text) && !buffer_failed(&messages))
            left = drop_faulty(list, count, w.text.data, &messages);
        bool silent = !jq && left == count;
        if (silent && count == 1)
            list[0]->fault = messages.size ? compile_fault(list[0], "function compiled to", 0)
                                           : baton_error_new(BATON_ERROR_MEMORY, "out of memory");
        buffer_done(&w.text);
        buffer_done(&messages);
        if (jq || (silent && count == 1)) return;
        if (silent) {
            /* Too large, or a fault without a place: smaller parts will tell. */
            compile_range(program, list, count / 2);
            list += count / 2;
            left = count - count / 2;
        }
        count = left;
    }
}

void program_compile(expression_program *program) {
    expression *list[PART_EXPRESSIONS];
    while (program->compiled < program->count) {
        size_t count = 0, bytes = 0;
        while (program->compiled < program->count && count < PART_EXPRESSIONS && bytes < PART_BYTES) {
            expression *e = program->list[program->compiled++];
            if (e->native) continue;
            if (is_inline(e)) bytes += e->size;
            list[count++] = e;
        }
        compile_range(program, list, count);
    }
}

void program_free_parts(expression_program *program) {
    while (program->parts) {
        expression_part *part = program->parts;
        program->parts = part->next;
        pthread_mutex_lock(&libjq);
        jq_teardown(&part->jq);
        pthread_mutex_unlock(&libjq);
        free(part);
    }
}

/* ---- Evaluating -------------------------------------------------------------------------------------- */

jv argument_value(const bound_argument *a, const expression_environment *environment) {
    const char *name = a->argument == EXPRESSION_VARIABLE ? a->name : NULL;
    jv value = value_to_jv(environment->lookup(environment->data, a->argument, name));
    if (jv_is_valid(value)) return value;
    jv_free(value);
    return jv_null();
}

baton_value evaluation_failed(jv invalid, baton_error **err) {
    jv message = jv_invalid_get_msg(invalid);
    if (jv_get_kind(message) != JV_KIND_STRING) message = jv_dump_string(message, 0);
    baton_error_set(err, BATON_ERROR_EXPRESSION, "%s", jv_string_value(message));
    jv_free(message);
    return VALUE_INVALID;
}

/* All results: none is null, one is itself, several are an array. Invalid after an error. */
static jv collect(jq_state *jq) {
    jv first = jq_next(jq);
    if (!jv_is_valid(first)) {
        if (jv_invalid_has_msg(jv_copy(first))) return first;
        jv_free(first);
        return jv_null();
    }
    jv next = jq_next(jq);
    if (jv_is_valid(next)) first = jv_array_append(jv_array(), first);
    for (; jv_is_valid(next); next = jq_next(jq)) first = jv_array_append(first, next);
    bool failed = jv_invalid_has_msg(jv_copy(next));
    jv_free(failed ? first : next);
    return failed ? next : first;
}

baton_value part_evaluate(const expression *e, baton_value input, const expression_environment *environment,
                          baton_error **err) {
    expression_part *part = e->part;
    part->e = e;
    part->environment = environment;
    part->turned = 0;
    part->given = 0;
    if (e->serial) pthread_mutex_lock(&libjq);
    jq_start(part->jq, jv_copy(value_to_jv(input)), 0);
    jv result = collect(part->jq);
    if (e->serial) pthread_mutex_unlock(&libjq);
    return jv_is_valid(result) ? value_from_jv(result) : evaluation_failed(result, err);
}
