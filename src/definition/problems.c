/* A file may be wrong in a million places; only the first LIMIT_FILE_PROBLEMS by place are kept. When twice
 * as many have gathered, the later half is dropped and counted.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/problems.h"

#include "base/buffer.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    const problem *x = a, *y = b;
    int lines = baton_error_line(x->error) - baton_error_line(y->error);
    if (lines) return lines;
    int columns = baton_error_column(x->error) - baton_error_column(y->error);
    if (columns) return columns;
    return (x->serial > y->serial) - (x->serial < y->serial);
}

static bool is_same(const baton_error *a, const baton_error *b) {
    return baton_error_line(a) == baton_error_line(b) && baton_error_column(a) == baton_error_column(b) &&
           strcmp(baton_error_message(a), baton_error_message(b)) == 0;
}

/* What stands once in the file and is used twice (an alias, an entry of `use`) is told once. */
static void sort(problems *p) {
    qsort(p->items, p->count, sizeof *p->items, compare);
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (kept > 0 && is_same(p->items[kept - 1].error, p->items[i].error))
            baton_error_free(p->items[i].error);
        else
            p->items[kept++] = p->items[i];
    }
    p->count = kept;
}

static void cut(problems *p) {
    sort(p);
    while (p->count > LIMIT_FILE_PROBLEMS) {
        baton_error_free(p->items[--p->count].error);
        p->dropped++;
    }
}

void problems_take(problems *p, baton_error *error, place where) {
    if (baton_error_get_code(error) == BATON_ERROR_MEMORY) p->no_memory = true;
    error_set_place(error, where);
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? p->capacity * 2 : 8;
        problem *items = realloc(p->items, capacity * sizeof *items);
        if (!items) {
            p->no_memory = true;
            baton_error_free(error);
            return;
        }
        p->items = items;
        p->capacity = capacity;
    }
    p->items[p->count++] = (problem){p->added++, error};
    if (p->count >= 2 * LIMIT_FILE_PROBLEMS) cut(p);
}

void problems_add(problems *p, baton_error_code code, place where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buffer message = {0};
    buffer_vprintf(&message, format, args);
    va_end(args);
    if (buffer_failed(&message))
        p->no_memory = true;
    else
        problems_take(p, baton_error_new(code, "%s", buffer_text(&message)), where);
    buffer_done(&message);
}

void problems_done(problems *p) {
    for (size_t i = 0; i < p->count; i++) baton_error_free(p->items[i].error);
    free(p->items);
    *p = (problems){0};
}

baton_error *problems_give(problems *p) {
    baton_error *list = NULL;
    if (p->no_memory) {
        error_memory(&list);
    } else if (p->count > 0) {
        cut(p);
        for (size_t i = 0; i < p->count; i++) error_append(&list, p->items[i].error);
        p->count = 0;
        if (p->dropped > 0) {
            baton_error *more = baton_error_new(baton_error_get_code(list), "and %zu more", p->dropped);
            error_set_place(more, (place){.file = baton_error_file(list)});
            error_append(&list, more);
        }
    }
    problems_done(p);
    return list;
}
