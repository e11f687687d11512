/* What expression.c, native.c and program.c share: the inside of an expression and of a program.
 *
 * An expression is native, or belongs to a part once it was compiled, or has a fault when libjq did not
 * compile it. Until then it is pending.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_EXPRESSION_PROGRAM_H
#define BATON_EXPRESSION_PROGRAM_H

#include "base/arena.h"
#include "base/value_jv.h"
#include "expression/expression.h"
#include "expression/survey.h"

/* One compiled libjq program, holding the expressions of a range. */
typedef struct expression_part expression_part;

typedef struct bound_argument {
    expression_argument argument;
    const char *name;
} bound_argument;

/* A literal, or a path: from the input, or from the only argument, down the keys. */
typedef struct native {
    jv literal; /* invalid for a path */
    bool from_argument;
    jv *keys;
    size_t count;
} native;

struct expression {
    expression_program *program;
    const char *text;
    size_t size;
    native *native; /* NULL when libjq is needed */
    bound_argument *arguments;
    size_t argument_count;
    unsigned guards;
    bool uses_now, serial;
    insert *inserts;
    size_t insert_count;
    expression_part *part;
    unsigned turns;      /* how many questions lead to it in its part */
    unsigned directions; /* their answers, the first in the lowest bit */
    int line;            /* in the text of the part that is being compiled: where its own text begins */
    baton_error *fault;
};

struct expression_program {
    arena memory;
    expression **list;
    size_t count, capacity;
    size_t compiled; /* list[0..compiled) are not pending */
    expression_part *parts;
};

/* NULL when the expression is no literal and no plain path, or without memory (then libjq serves as well).
 */
native *native_recognise(arena *memory, const expression *e);
void native_done(native *n);
baton_value native_evaluate(const expression *e, baton_value input,
                            const expression_environment *environment, baton_error **err);

/* Compiles what is pending; each expression of it then has a part or a fault. */
void program_compile(expression_program *program);
void program_free_parts(expression_program *program);
baton_value part_evaluate(const expression *e, baton_value input, const expression_environment *environment,
                          baton_error **err);

/* The argument's value; null when there is none. */
jv argument_value(const bound_argument *a, const expression_environment *environment);
/* Sets the error that an invalid jv (taken) stands for; gives the invalid value. */
baton_value evaluation_failed(jv invalid, baton_error **err);

/* What libjq says of a text that it does not compile, in words for people. `place` is where it says so:
 * text[at] of the expression, its size for the end. */
baton_error *compile_fault(const expression *e, const char *message, size_t at);

#endif
