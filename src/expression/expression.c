/* Programs and their expressions: adding with the checks that need no libjq, and evaluating by whichever
 * way serves.
 *
 * A program belongs to one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "expression/expression.h"

#include "base/error.h"
#include "base/text.h"
#include "expression/program.h"

#include <stdlib.h>
#include <string.h>

static const char *const standard_names[] = {
    [EXPRESSION_CONTEXT] = "context",
    [EXPRESSION_INPUT] = "input",
    [EXPRESSION_OUTPUT] = "output",
    [EXPRESSION_SECRETS] = "secrets",
    [EXPRESSION_AUTHORIZATION] = "authorization",
    [EXPRESSION_TASK] = "task",
    [EXPRESSION_WORKFLOW] = "workflow",
    [EXPRESSION_RUNTIME] = "runtime",
};
enum { STANDARD_NAMES = sizeof standard_names / sizeof *standard_names };

expression_program *expression_program_new(void) { return calloc(1, sizeof(expression_program)); }

void expression_program_free(expression_program *program) {
    if (!program) return;
    program_free_parts(program);
    for (size_t i = 0; i < program->count; i++) {
        native_done(program->list[i]->native);
        baton_error_free(program->list[i]->fault);
    }
    free(program->list);
    arena_done(&program->memory);
    free(program);
}

/* ---- Arguments --------------------------------------------------------------------------------------- */

static bool is_available(const expression_scope *scope, size_t standard) {
    return scope->arguments & 1u << standard;
}

/* Finds what the scope has by that name. */
static bool find_argument(const expression_scope *scope, const char *name, bound_argument *found) {
    for (size_t i = 0; i < scope->variable_count; i++)
        if (strcmp(scope->variables[i], name) == 0) {
            *found = (bound_argument){EXPRESSION_VARIABLE, name};
            return true;
        }
    for (size_t i = 0; i < STANDARD_NAMES; i++)
        if (is_available(scope, i) && strcmp(standard_names[i], name) == 0) {
            *found = (bound_argument){(expression_argument)i, name};
            return true;
        }
    return false;
}

/* Every name in scope; the caller frees the list. NULL without memory. */
static const char **list_names(const expression_scope *scope, size_t *count) {
    const char **names = malloc((scope->variable_count + STANDARD_NAMES) * sizeof *names);
    *count = 0;
    if (!names) return NULL;
    for (size_t i = 0; i < scope->variable_count; i++) names[(*count)++] = scope->variables[i];
    for (size_t i = 0; i < STANDARD_NAMES; i++)
        if (is_available(scope, i)) names[(*count)++] = standard_names[i];
    return names;
}

static int refuse_variable(const expression *e, const token *t, const char *name,
                           const expression_scope *scope, baton_error **err) {
    for (size_t i = 0; i < STANDARD_NAMES; i++)
        if (strcmp(standard_names[i], name) == 0)
            return survey_fail(e->text, t->start, err, "$%s is not available here", name);
    size_t count;
    const char **names = list_names(scope, &count);
    if (!names) return error_memory(err);
    const char *near = text_nearest(name, names, count);
    buffer hint = {0};
    if (near) buffer_printf(&hint, " (did you mean $%s?)", near);
    for (size_t i = 0; !near && i < count; i++)
        buffer_printf(&hint, "%s$%s", i ? ", " : " (available: ", names[i]);
    if (!near && count) buffer_putc(&hint, ')');
    free(names);
    survey_fail(e->text, t->start, err, "unknown variable $%s%s", name, buffer_text(&hint));
    buffer_done(&hint);
    return -1;
}

/* Binds what the expression names. What it binds itself, somewhere, is left to libjq. */
static int bind_arguments(expression *e, const survey *s, const expression_scope *scope,
                          baton_error **err) {
    arena *memory = &e->program->memory;
    size_t count = s->variables.size / sizeof(token);
    e->arguments = arena_alloc(memory, (count + 1) * sizeof *e->arguments);
    if (!e->arguments) return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        token t;
        memcpy(&t, s->variables.data + i * sizeof t, sizeof t);
        const char *name = arena_text_sized(memory, t.name, t.name_size);
        if (!name) return error_memory(err);
        if (find_argument(scope, name, &e->arguments[e->argument_count]))
            e->argument_count++;
        else if (!survey_has(&s->bound, t.name, t.name_size))
            return refuse_variable(e, &t, name, scope, err);
    }
    return 0;
}

/* ---- Adding ------------------------------------------------------------------------------------------ */

static bool reserve(expression_program *program) {
    if (program->count < program->capacity) return true;
    size_t capacity = program->capacity ? program->capacity * 2 : 16;
    expression **list = realloc(program->list, capacity * sizeof *list);
    if (!list) return false;
    program->list = list;
    program->capacity = capacity;
    return true;
}

static int take_survey(expression *e, const survey *s, const expression_scope *scope, baton_error **err) {
    arena *memory = &e->program->memory;
    if (bind_arguments(e, s, scope, err)) return -1;
    e->guards = s->guards;
    e->uses_now = s->uses_now && !survey_has(&s->defined, "now", 3);
    e->serial = s->serial;
    e->inserts = arena_alloc(memory, s->inserts.size + 1);
    if (!e->inserts) return error_memory(err);
    if (s->inserts.size) memcpy(e->inserts, s->inserts.data, s->inserts.size);
    e->insert_count = s->inserts.size / sizeof(insert);
    e->native = native_recognise(memory, e);
    return 0;
}

expression *expression_add(expression_program *program, const char *text, size_t size,
                           const expression_scope *scope, baton_error **err) {
    survey s;
    expression *e = NULL;
    if (survey_expression(&s, text, size, err) == 0) {
        e = reserve(program) ? arena_alloc(&program->memory, sizeof *e) : NULL;
        const char *copy = e ? arena_text_sized(&program->memory, text, size) : NULL;
        if (copy) {
            *e = (expression){.program = program, .text = copy, .size = size};
            if (take_survey(e, &s, scope, err)) e = NULL;
        } else {
            error_memory(err);
            e = NULL;
        }
    }
    survey_done(&s);
    if (e) program->list[program->count++] = e;
    return e;
}

const char *expression_text(const expression *e) { return e->text; }

bool expression_is_native(const expression *e) { return e->native != NULL; }

/* ---- Compiling and evaluating ------------------------------------------------------------------------ */

int expression_program_compile(expression_program *program, expression_report report, void *data) {
    program_compile(program);
    int outcome = 0;
    for (size_t i = 0; i < program->count; i++) {
        const expression *e = program->list[i];
        if (!e->fault) continue;
        outcome = -1;
        if (report) report(data, e, e->fault);
    }
    return outcome;
}

baton_value expression_evaluate(const expression *e, baton_value input,
                                const expression_environment *environment, baton_error **err) {
    if (!baton_value_is_valid(input)) input = baton_value_null(); /* libjq would abort */
    if (e->native) return native_evaluate(e, input, environment, err);
    if (!e->part && !e->fault) program_compile(e->program);
    if (e->part) return part_evaluate(e, input, environment, err);
    baton_error_set(err, BATON_ERROR_EXPRESSION, "%s", baton_error_message(e->fault));
    return VALUE_INVALID;
}
