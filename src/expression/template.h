/* Templates: data of a definition in which strings may be expressions ("${ .a }"), contain them
 * ("hello ${ .name }") or escape them ("$${" writes "${").
 *
 * Templates live in the arena they were made in; their literals must be released with template_done.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_EXPRESSION_TEMPLATE_H
#define BATON_EXPRESSION_TEMPLATE_H

#include "base/arena.h"
#include "expression/expression.h"

typedef enum template_kind {
    TEMPLATE_LITERAL,    /* `value` */
    TEMPLATE_EXPRESSION, /* `expression` */
    TEMPLATE_TEXT,       /* the items' texts in a row; values that are no strings as JSON */
    TEMPLATE_ARRAY,      /* items */
    TEMPLATE_OBJECT      /* keys and items */
} template_kind;

typedef struct template {
    template_kind kind;
    baton_value value;
    expression *expression;
    struct template **items;
    const char **keys;
    size_t count;
}
template;

/* All of these return NULL without memory. The literal's value is taken. */
template *template_literal(arena *a, baton_value value);
template *template_expression(arena *a, expression *e);
/* items and keys are copied; the items themselves stay. Where all items are literals, the result is one. */
template *template_array(arena *a, template *const *items, size_t count);
template *template_object(arena *a, const char *const *keys, template *const *items, size_t count);
/* Compiles one string. NULL after an error, with line and column within the text. */
template *template_text(arena *a, expression_program *program, const char *text, size_t size,
                        const expression_scope *scope, baton_error **err);

/* Given; invalid after an error. */
baton_value template_evaluate(const template *t, baton_value input,
                              const expression_environment *environment, baton_error **err);
/* Releases the values inside. t may be NULL. */
void template_done(template *t);

#endif
