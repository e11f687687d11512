/* Errors: a code, a message, a place, the error that led here (cause) and further problems found beside it
 * (next). One allocation holds an error and its message; one static error stands for all that found no
 * memory. That one is shared by every thread, so nothing here writes to it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct baton_error {
    baton_error_code code;
    int line, column;
    const char *message;
    char *file;
    baton_error *cause;
    baton_error *next;
    char text[];
};

static baton_error out_of_memory = {.code = BATON_ERROR_MEMORY, .message = "out of memory"};

__attribute__((format(printf, 2, 0))) static baton_error *make(baton_error_code code, const char *format,
                                                               va_list args) {
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    baton_error *error = size < 0 ? NULL : malloc(sizeof *error + (size_t)size + 1);
    if (error) {
        *error = (baton_error){.code = code, .message = error->text};
        vsnprintf(error->text, (size_t)size + 1, format, again);
    }
    va_end(again);
    return error ? error : &out_of_memory;
}

baton_error *baton_error_new(baton_error_code code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    baton_error *error = make(code, format, args);
    va_end(args);
    return error;
}

int baton_error_set(baton_error **err, baton_error_code code, const char *format, ...) {
    if (!err) return -1;
    va_list args;
    va_start(args, format);
    *err = make(code, format, args);
    va_end(args);
    return -1;
}

int baton_error_wrap(baton_error **err, baton_error_code code, const char *format, ...) {
    if (!err) return -1;
    va_list args;
    va_start(args, format);
    baton_error *error = make(code, format, args);
    va_end(args);
    if (error == &out_of_memory)
        baton_error_free(*err);
    else
        error->cause = *err;
    *err = error;
    return -1;
}

void baton_error_free(baton_error *error) {
    while (error && error != &out_of_memory) {
        baton_error *next = error->next;
        baton_error_free(error->cause);
        free(error->file);
        free(error);
        error = next;
    }
}

baton_error_code baton_error_get_code(const baton_error *error) {
    return error ? error->code : BATON_ERROR_NONE;
}

const char *baton_error_code_name(baton_error_code code) {
    static const char *const names[] = {
        [BATON_ERROR_NONE] = "none",
        [BATON_ERROR_USAGE] = "usage",
        [BATON_ERROR_INVALID] = "invalid",
        [BATON_ERROR_UNSUPPORTED] = "unsupported",
        [BATON_ERROR_LIMIT] = "limit",
        [BATON_ERROR_NOT_FOUND] = "not_found",
        [BATON_ERROR_NOT_ALLOWED] = "not_allowed",
        [BATON_ERROR_CONFLICT] = "conflict",
        [BATON_ERROR_QUEUE_FULL] = "queue_full",
        [BATON_ERROR_EXECUTION] = "execution",
        [BATON_ERROR_STEP] = "step",
        [BATON_ERROR_EXPRESSION] = "expression",
        [BATON_ERROR_TIMEOUT] = "timeout",
        [BATON_ERROR_CANCELLED] = "cancelled",
        [BATON_ERROR_SUSPENDED] = "suspended",
        [BATON_ERROR_DEPENDENCY] = "dependency",
        [BATON_ERROR_CYCLE] = "cycle",
        [BATON_ERROR_STORE] = "store",
        [BATON_ERROR_SYSTEM] = "system",
        [BATON_ERROR_MEMORY] = "memory",
    };
    size_t index = (size_t)code;
    return index < sizeof names / sizeof names[0] ? names[index] : "unknown";
}

const char *baton_error_message(const baton_error *error) { return error->message; }
const char *baton_error_file(const baton_error *error) { return error->file; }
int baton_error_line(const baton_error *error) { return error->line; }
int baton_error_column(const baton_error *error) { return error->column; }
const baton_error *baton_error_cause(const baton_error *error) { return error->cause; }
const baton_error *baton_error_next(const baton_error *error) { return error->next; }

/* The place goes first, as compilers have it. An error without one borrows that of its nearest cause. */
static void write_place(buffer *b, const baton_error *error) {
    while (error && !error->file && !error->line) error = error->cause;
    if (!error) return;
    if (error->file) buffer_printf(b, "%s:", error->file);
    if (error->line) buffer_printf(b, "%d:", error->line);
    if (error->line && error->column) buffer_printf(b, "%d:", error->column);
    buffer_putc(b, ' ');
}

char *baton_error_text(const baton_error *error) {
    buffer b = {0};
    write_place(&b, error);
    buffer_puts(&b, error->message);
    for (const baton_error *cause = error->cause; cause; cause = cause->cause)
        buffer_printf(&b, ": %s", cause->message);
    /* A message may quote what a process wrote; one line must stay one line, and harmless on terminals. */
    for (size_t i = 0; i < b.size; i++)
        if ((unsigned char)b.data[i] < ' ' || b.data[i] == 0x7f) b.data[i] = ' ';
    return buffer_take(&b);
}

void error_set_place(baton_error *error, place where) {
    if (error == &out_of_memory || error->line) return;
    error->line = where.line;
    error->column = where.column;
    if (where.file && !error->file) error->file = strdup(where.file);
}

void error_append(baton_error **list, baton_error *next) {
    while (*list && *list != &out_of_memory) list = &(*list)->next;
    if (*list)
        baton_error_free(next); /* nothing fits behind the static error */
    else
        *list = next;
}

size_t error_count(const baton_error *list) {
    size_t count = 0;
    for (; list; list = list->next) count++;
    return count;
}

void error_clear(baton_error **err) {
    baton_error_free(*err);
    *err = NULL;
}

int error_give(baton_error **err, baton_error *error) {
    if (error && err)
        *err = error;
    else
        baton_error_free(error);
    return -1;
}

int error_memory(baton_error **err) {
    if (err) *err = &out_of_memory;
    return -1;
}
