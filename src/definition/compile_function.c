/* The functions of `use`. They may call one another, but not in a circle: a call has no end of its own, so
 * a circle would never end either.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "definition/compile.h"

#include <stdlib.h>
#include <string.h>

static int compare_functions(const void *a, const void *b) {
    return strcmp(((const function *)a)->name, ((const function *)b)->name);
}

function *compile_function_find(const compiler *c, const char *name) {
    if (c->function_count == 0) return NULL;
    return bsearch(&(function){.name = name}, c->functions, c->function_count, sizeof *c->functions,
                   compare_functions);
}

void compile_declare_functions(compiler *c) {
    const node *all = node_get(c->use, "functions");
    if (!all || all->kind != NODE_OBJECT) return;
    c->functions = calloc(all->count + 1, sizeof *c->functions);
    if (!c->functions) {
        c->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < all->count; i++) {
        step *s = compile_alloc(c, sizeof *s);
        if (!s) return;
        c->functions[c->function_count++] = (function){.name = all->members[i].key, .step = s};
    }
    qsort(c->functions, c->function_count, sizeof *c->functions, compare_functions);
}

/* A function's step is the only one of its sequence, and sees no variable of its callers. */
static bool compile_one(compiler *c, const node_member *m) {
    static const sequence_names nothing_beside = {0};
    static const expression_scope no_variables = {0};
    const function *f = compile_function_find(c, m->key);
    buffer reference = {0};
    buffer_puts(&reference, "/use/functions");
    text_pointer_segment(&reference, m->key);
    sequence *alone = compile_alloc(c, sizeof *alone);
    step **steps = compile_alloc(c, sizeof *steps);
    bool added = f && alone && steps && !buffer_failed(&reference) &&
                 compile_add_step(c, f->step, m, NULL, buffer_text(&reference));
    buffer_done(&reference);
    if (!added) return false;
    steps[0] = f->step;
    *alone = (sequence){steps, 1};
    f->step->siblings = alone;
    c->function = (uint32_t)(f - c->functions);
    compile_step(c, f->step, m->value, &(step_context){&no_variables, &nothing_beside});
    c->function = NO_FUNCTION;
    return true;
}

void compile_remember_call(compiler *c, const function *to, const node *where) {
    if (c->function == NO_FUNCTION) return;
    if (!compile_grow(c, (void **)&c->calls, &c->call_capacity, c->call_count, sizeof *c->calls)) return;
    c->calls[c->call_count++] = (function_call){c->function, (uint32_t)(to - c->functions), where};
    c->functions[c->function].calls++;
}

/* ---- Circles ---- */

static int compare_to(const void *a, const void *b) {
    const function_call *x = a, *y = b;
    return (x->to > y->to) - (x->to < y->to);
}

static int compare_from(const void *a, const void *b) {
    const function_call *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* The first of the sorted calls that is not before `key`. */
static size_t first_call(const compiler *c, const function_call *key,
                         int (*compare)(const void *, const void *)) {
    size_t low = 0, high = c->call_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&c->calls[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Takes away, again and again, functions that call none of the others: what is left leads into circles.
 * False without memory. */
static bool reduce(compiler *c) {
    uint32_t *ready = calloc(c->function_count + 1, sizeof *ready);
    if (!ready) return false;
    qsort(c->calls, c->call_count, sizeof *c->calls, compare_to);
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->function_count; i++)
        if (c->functions[i].calls == 0) ready[count++] = i;
    for (uint32_t next = 0; next < count; next++) {
        size_t i = first_call(c, &(function_call){.to = ready[next]}, compare_to);
        for (; i < c->call_count && c->calls[i].to == ready[next]; i++)
            if (--c->functions[c->calls[i].from].calls == 0) ready[count++] = c->calls[i].from;
    }
    free(ready);
    return true;
}

/* A call from this function to another that is left. */
static const function_call *next_call(const compiler *c, uint32_t from) {
    size_t i = first_call(c, &(function_call){.from = from}, compare_from);
    while (c->functions[c->calls[i].to].calls == 0) i++;
    return &c->calls[i];
}

static void add_circle(compiler *c, uint32_t start) {
    enum { SHOWN = 8 };
    buffer names = {0};
    buffer_puts(&names, c->functions[start].name);
    const function_call *call = next_call(c, start);
    const node *where = call->where;
    for (int shown = 1; call->to != start; call = next_call(c, call->to), shown++)
        if (shown <= SHOWN)
            buffer_printf(&names, ", %s", shown < SHOWN ? c->functions[call->to].name : "...");
    buffer_printf(&names, ", %s", c->functions[start].name);
    if (buffer_failed(&names))
        c->no_memory = true;
    else
        compile_problem(c, where, "functions call each other in a circle: %s", buffer_text(&names));
    buffer_done(&names);
}

/* One circle is told; the next one shows when it is broken. */
static void check_circles(compiler *c) {
    if (c->call_count == 0) return;
    if (!reduce(c)) {
        c->no_memory = true;
        return;
    }
    qsort(c->calls, c->call_count, sizeof *c->calls, compare_from);
    uint32_t at = 0;
    while (at < c->function_count && c->functions[at].calls == 0) at++;
    if (at == c->function_count) return;
    for (; !c->functions[at].visited; at = next_call(c, at)->to) c->functions[at].visited = true;
    add_circle(c, at);
}

void compile_functions(compiler *c) {
    const node *all = node_get(c->use, "functions");
    for (uint32_t i = 0; c->functions && i < all->count && !c->too_many; i++)
        if (!compile_one(c, &all->members[i])) return;
    check_circles(c);
}
