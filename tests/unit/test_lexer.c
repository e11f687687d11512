/* The lexer of expressions, the end of an expression in a text, and the survey.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "expression/expression.h"
#include "expression/guards.h"
#include "expression/lexer.h"
#include "expression/survey.h"

#include <stdlib.h>
#include <string.h>

/* The tokens as "kind:text" in a row, one letter a kind. */
static void assert_tokens(const char *text, const char *expected) {
    static const char letters[] = "!?nfvFNsbmeoc+";
    lexer l;
    buffer b = {0};
    lexer_init(&l, text, strlen(text));
    for (;;) {
        token t = lexer_next(&l);
        if (t.kind == TOKEN_END) break;
        if (b.size) buffer_putc(&b, ' ');
        if (t.kind == TOKEN_PROBLEM) {
            buffer_printf(&b, "?%zu %s", t.start, l.problem);
            break;
        }
        buffer_printf(&b, "%c:%.*s", letters[t.kind], (int)t.size, text + t.start);
    }
    assert_string_equal(buffer_text(&b), expected);
    buffer_done(&b);
}

static void test_tokens(void **state) {
    (void)state;
    assert_tokens("", "");
    assert_tokens(" \t\r\n# nothing", "");
    assert_tokens(".", "+:.");
    assert_tokens(".a.b", "f:.a f:.b");
    assert_tokens("..", "+:..");
    assert_tokens(".5 1. 1.5e+3 2e 3E-1", "N:.5 N:1. N:1.5e+3 N:2 n:e N:3E-1");
    assert_tokens("1..2", "N:1. N:.2");
    assert_tokens("$x+$ y+$", "v:$x +:+ v:$ y +:+ +:$");
    assert_tokens("$ # comment\nz", "v:$ # comment\nz");
    assert_tokens("a::b1 a:: b .a::b", "n:a::b1 n:a +:: +:: n:b f:.a +:: +:: n:b");
    assert_tokens("@base64 \"x\" @", "F:@base64 s:\"x\" +:@");
    assert_tokens("a//=b?//c//d|=e", "n:a +://= n:b +:?// n:c +:// n:d +:|= n:e");
    assert_tokens("<=>=!===", "+:<= +:>= +:!= +:==");
    assert_tokens("[{(1)}]", "o:[ o:{ o:( N:1 c:) c:} c:]");
    assert_tokens("1 # )\n+2", "N:1 +:+ N:2");
    assert_tokens("\"a\\\"b\\\\\"", "s:\"a\\\"b\\\\\"");
    assert_tokens("\"a\\(1)b\\((2))c\"", "b:\"a\\( N:1 m:)b\\( o:( N:2 c:) e:)c\"");
    assert_tokens("\"\\(\"\\(1)\")\"", "b:\"\\( b:\"\\( N:1 e:)\" e:)\"");
}

static void test_problems(void **state) {
    (void)state;
    assert_tokens("1) , (2", "N:1 ?1 the bracket closes none that is open");
    assert_tokens("(]", "o:( ?1 the bracket closes none that is open");
    assert_tokens("[}", "o:[ ?1 the bracket closes none that is open");
    assert_tokens("{)", "o:{ ?1 the bracket closes none that is open");
    assert_tokens("(1", "o:( N:1 ?2 a bracket is not closed");
    assert_tokens("(1 # )", "o:( N:1 ?6 a bracket is not closed");
    assert_tokens("\"abc", "?0 the string is not closed");
    assert_tokens("\"abc\\", "?0 the string is not closed");
    assert_tokens("\"\\(1", "b:\"\\( N:1 ?4 a bracket is not closed");
    assert_tokens("\"\\(1) x", "b:\"\\( N:1 ?4 the string is not closed");

    char deep[LIMIT_EXPRESSION_DEPTH + 1];
    lexer l;
    memset(deep, '(', sizeof deep);
    lexer_init(&l, deep, sizeof deep);
    for (int i = 0; i < LIMIT_EXPRESSION_DEPTH; i++) assert_int_equal(lexer_next(&l).kind, TOKEN_OPEN);
    assert_int_equal(lexer_next(&l).kind, TOKEN_PROBLEM);
    memcpy(deep + sizeof deep - 3, "\"\\(", 3);
    deep[sizeof deep - 4] = '(';
    lexer_init(&l, deep, sizeof deep);
    token t;
    do t = lexer_next(&l);
    while (t.kind == TOKEN_OPEN);
    assert_int_equal(t.kind, TOKEN_STRING_BEGIN);
}

static void test_positions(void **state) {
    (void)state;
    text_position p = position_of("a\nbc\n", 0);
    assert_int_equal(p.line, 1);
    assert_int_equal(p.column, 1);
    p = position_of("a\nbc\n", 3);
    assert_int_equal(p.line, 2);
    assert_int_equal(p.column, 2);
    p = position_of("a\nbc\n", 5);
    assert_int_equal(p.line, 3);
    assert_int_equal(p.column, 1);
}

static long find(const char *text) { return expression_find_end(text, strlen(text), 0); }

static void test_find_end(void **state) {
    (void)state;
    assert_int_equal(find("}"), 0);
    assert_int_equal(find(" .a } }"), 4);
    assert_int_equal(find("{a: {b: 1}} }"), 12);
    assert_int_equal(find("\"}\" }"), 4);
    assert_int_equal(find("\"\\({a: \"}\"})\" }"), 14);
    assert_int_equal(find(".a # }\n}"), 7);
    assert_int_equal(find(".a # }"), -1);
    assert_int_equal(find(".a"), -1);
    assert_int_equal(find("\"}"), -1);
    assert_int_equal(find(""), -1);
    assert_int_equal(expression_find_end("${ .a } ${ .b }", 15, 10), 14);
    /* Brackets that do not match do not hide the end. */
    assert_int_equal(find("(1 }"), 3);
    assert_int_equal(find("1) }"), 3);
    assert_int_equal(find("[1) ] }"), 6);
    assert_int_equal(find("1] }"), 3);
    assert_int_equal(find("{ ( } }"), 6);
    /* Inside an interpolation only its own brackets count. */
    assert_int_equal(find("\"\\( } )\" }"), 9);
    assert_int_equal(find("\"\\( [ )\" }"), 9);
    assert_int_equal(find("\"\\( ] )\" }"), 9);
    assert_int_equal(find("\"\\((1) )\" }"), 10);
    assert_int_equal(find("\"\\(1) }"), -1);
}

static unsigned guards_of(const char *text) {
    survey s;
    baton_error *err = NULL;
    int outcome = survey_expression(&s, text, strlen(text), &err);
    if (outcome) fail_msg("%s: %s", text, baton_error_message(err));
    unsigned guards = s.guards;
    survey_done(&s);
    return guards;
}

static void test_guards(void **state) {
    (void)state;
    /* Ordinary expressions have none. */
    assert_int_equal(guards_of(".a + 1"), 0);
    assert_int_equal(guards_of(".a * 2"), 0);
    assert_int_equal(guards_of(".a % 7"), 0);
    assert_int_equal(guards_of(".a[0], .[1:3], .[-1], .a[$i], .[.b.c]"), 0);
    assert_int_equal(guards_of(".a = 1 | .b[3] |= 2 | .c += 1"), 0);
    assert_int_equal(guards_of("map(select(.a > 1)) | {a: [1, 2], b: .}"), 0);
    assert_int_equal(guards_of("{error: 1, now: 2, match: .match}"), 0);
    assert_int_equal(guards_of("[.[] | del(.a)]"), 0);
    assert_int_equal(guards_of(". as [$a, {b: $c}] | try $a catch $c"), 0);
    assert_int_equal(guards_of("if . then [1] else [2] end"), 0);

    assert_int_equal(guards_of(".[.a:]"), GUARD_NAN);
    assert_int_equal(guards_of(".[:length]"), GUARD_NAN);
    assert_int_equal(guards_of(".[.a + 1]"), GUARD_NAN);
    assert_int_equal(guards_of("nan as $x | .[$x]"), GUARD_NAN);
    assert_int_equal(guards_of(". as {(.a | .b): $x} | $x"), GUARD_NAN);
    unsigned assign = GUARD_SETPATH | GUARD_DELPATHS | GUARD_ASSIGN;
    assert_int_equal(guards_of(".[$i] = 1"), assign);
    assert_int_equal(guards_of(".[1e9] += 1"), assign);
    assert_int_equal(guards_of(".[99999999999999999999999999999999999999999.0] //= 1"), assign);
    assert_int_equal(guards_of("getpath([1]) |= 1"), assign);
    assert_int_equal(guards_of("del(.[$i])"), GUARD_DELPATHS);
    assert_int_equal(guards_of(".a * .b"), GUARD_MULTIPLY);
    assert_int_equal(guards_of(".a * 1000"), GUARD_MULTIPLY);
    assert_int_equal(guards_of(".a *= 2"), GUARD_MULTIPLY);
    assert_int_equal(guards_of(".a % .b"), GUARD_MODULO);
    assert_int_equal(guards_of(".a %= 2"), GUARD_MODULO);
    assert_int_equal(guards_of("error(\"x\")"), GUARD_ERROR);
    assert_int_equal(guards_of("gsub(\"a\"; \"b\")"), GUARD_REGEX);
    assert_int_equal(guards_of("todate"), GUARD_TIME);
    assert_null(guard_find("map", 3));
    assert_true(guard_refuses("halt", 4));
    assert_false(guard_refuses("halte", 5));
}

static void test_index_rewriting(void **state) {
    (void)state;
    survey s;
    const char *text = ".[.[.a + 1]:.b]";
    assert_int_equal(survey_expression(&s, text, strlen(text), NULL), 0);
    size_t count = s.inserts.size / sizeof(insert);
    buffer out = {0};
    size_t from = 0;
    for (size_t i = 0; i < count; i++) {
        insert in;
        memcpy(&in, s.inserts.data + i * sizeof in, sizeof in);
        buffer_append(&out, text + from, in.at - from);
        buffer_puts(&out, in.text);
        from = in.at;
    }
    buffer_puts(&out, text + from);
    assert_string_equal(buffer_text(&out), ".[(.[(.a + 1)|__index])|__bound:(.b)|__bound]");
    buffer_done(&out);
    survey_done(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),    cmocka_unit_test(test_problems),
        cmocka_unit_test(test_positions), cmocka_unit_test(test_find_end),
        cmocka_unit_test(test_guards),    cmocka_unit_test(test_index_rewriting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
