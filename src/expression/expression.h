/* Runtime expressions: text and arguments in, value or error out (DSL, "Runtime Expressions").
 *
 * A program holds all expressions of one workflow. Literals and plain paths are evaluated natively; all
 * others are compiled together into one libjq program at first need, because compiling costs the same
 * dozen milliseconds for one expression as for a hundred. This header shows nothing of libjq, so that
 * another evaluator fits behind it.
 *
 * A program, its expressions and the values they give belong to one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_EXPRESSION_EXPRESSION_H
#define BATON_EXPRESSION_EXPRESSION_H

#include <baton/baton.h>

typedef struct expression expression;
typedef struct expression_program expression_program;

/* The arguments that the DSL names, and the variables that a workflow declares (for, catch). */
typedef enum expression_argument {
    EXPRESSION_CONTEXT,
    EXPRESSION_INPUT,
    EXPRESSION_OUTPUT,
    EXPRESSION_SECRETS,
    EXPRESSION_AUTHORIZATION,
    EXPRESSION_TASK,
    EXPRESSION_WORKFLOW,
    EXPRESSION_RUNTIME,
    EXPRESSION_VARIABLE /* by name */
} expression_argument;

/* What an expression at some place may name. Standard arguments as a set of bits (1 << EXPRESSION_CONTEXT
 * and so on); variables by name, without "$". Borrowed for the call. */
typedef struct expression_scope {
    unsigned arguments;
    const char *const *variables;
    size_t variable_count;
} expression_scope;

/* Answers for an argument during an evaluation; gives the value (invalid counts as null). `name` is set for
 * EXPRESSION_VARIABLE and borrowed. */
typedef baton_value (*expression_lookup)(void *data, expression_argument argument, const char *name);

typedef struct expression_environment {
    expression_lookup lookup;
    void *data;
    int64_t now_ms; /* what `now` answers */
} expression_environment;

expression_program *expression_program_new(void);
void expression_program_free(expression_program *program);

/* Adds one expression: jq without "${" and "}". Checks what can be checked without libjq: brackets,
 * strings, functions that are refused, arguments that are not available in the scope (with the nearest
 * name). The expression lives as long as the program. NULL after an error, whose line and column count from
 * the text's first character (1, 1). */
expression *expression_add(expression_program *program, const char *text, size_t size,
                           const expression_scope *scope, baton_error **err);
/* The text as it was added. */
const char *expression_text(const expression *e);
/* True when libjq is not needed for it. */
bool expression_is_native(const expression *e);

/* Called for each expression that libjq does not compile; the error (borrowed) has line and column within
 * the expression's text. */
typedef void (*expression_report)(void *data, const expression *e, const baton_error *error);
/* Compiles now instead of at first need. 0, or -1 when at least one expression does not compile; then each
 * such was reported. */
int expression_program_compile(expression_program *program, expression_report report, void *data);

/* Evaluates on `input` (borrowed). Given: one result yields it, several an array of them, none null.
 * Invalid after an error (BATON_ERROR_EXPRESSION, its message without a place). */
baton_value expression_evaluate(const expression *e, baton_value input,
                                const expression_environment *environment, baton_error **err);

/* Finds the end of the expression that begins at text[start], just behind "${": the index of its closing
 * "}", or -1 when there is none. Knows strings, their interpolations, brackets and comments. */
long expression_find_end(const char *text, size_t size, size_t start);

#endif
