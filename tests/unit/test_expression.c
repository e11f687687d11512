/* Expressions that libjq evaluates: the joint program, its arguments, its errors, and what is kept from
 * libjq.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"
#include "expression/expression.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NOW_MS = 1500 };

static const char *const variables[] = {"item", "food"};
static const expression_scope scope = {
    .arguments = 1u << EXPRESSION_CONTEXT | 1u << EXPRESSION_INPUT | 1u << EXPRESSION_SECRETS,
    .variables = variables,
    .variable_count = 2,
};

/* Each argument answers with its own name; $food with nothing. */
static baton_value look_up(void *data, expression_argument argument, const char *name) {
    static const char *const names[] = {"context", "input", "output", "secrets"};
    (*(unsigned *)data)++;
    if (argument != EXPRESSION_VARIABLE) {
        assert_null(name);
        return baton_value_string(names[argument]);
    }
    return strcmp(name, "food") == 0 ? baton_value_invalid() : baton_value_string(name);
}

static unsigned lookups;
static const expression_environment environment = {.lookup = look_up, .data = &lookups, .now_ms = NOW_MS};

static expression *add(expression_program *program, const char *text) {
    baton_error *err = NULL;
    expression *e = expression_add(program, text, strlen(text), &scope, &err);
    if (!e) fail_msg("%s: %s", text, baton_error_message(err));
    return e;
}

/* The result as JSON, or the error's message. Given. */
static char *evaluate(const expression *e, const char *input) {
    baton_error *err = NULL;
    baton_value value = input ? baton_value_parse(input, strlen(input), &err) : baton_value_null();
    assert_true(baton_value_is_valid(value));
    baton_value result = expression_evaluate(e, value, &environment, &err);
    char *text;
    if (baton_value_is_valid(result)) {
        assert_null(err);
        text = baton_value_to_json(result);
    } else {
        assert_int_equal(baton_error_get_code(err), BATON_ERROR_EXPRESSION);
        assert_int_equal(baton_error_line(err), 0);
        text = strdup(baton_error_message(err));
    }
    baton_error_free(err);
    baton_value_unref(result);
    baton_value_unref(value);
    return text;
}

static void assert_result(const expression *e, const char *input, const char *expected) {
    char *text = evaluate(e, input);
    if (strcmp(text, expected) != 0)
        fail_msg("%s on %s gives %s, not %s", expression_text(e), input, text, expected);
    free(text);
}

typedef struct sample {
    const char *text, *input, *expected;
} sample;

static void print_fault(void *data, const expression *e, const baton_error *error) {
    (void)data;
    print_error("%s: %s\n", expression_text(e), baton_error_message(error));
}

/* All in one program. */
static void check_all(const sample *samples, size_t count) {
    expression_program *program = expression_program_new();
    expression **list = calloc(count, sizeof *list);
    for (size_t i = 0; i < count; i++) list[i] = add(program, samples[i].text);
    assert_int_equal(expression_program_compile(program, print_fault, NULL), 0);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < count; i++) assert_result(list[i], samples[i].input, samples[i].expected);
    free(list);
    expression_program_free(program);
}
#define CHECK_ALL(samples) check_all(samples, sizeof(samples) / sizeof *(samples))

static void test_results(void **state) {
    (void)state;
    static const sample samples[] = {
        {".a + 1", "{\"a\":1}", "2"},
        {".[] | . + 1", "[1,2]", "[2,3]"},
        {"empty", "1", "null"},
        {".[]", "[[1]]", "[1]"},
        {"., .", "1", "[1,1]"},
        {"null, null", "1", "[null,null]"},
        {"1, error(\"x\"), 2", "1", "x"},
        {"1, 2, error(\"x\")", "1", "x"},
        {"error({a: 1})", "1", "{\"a\":1}"},
        {"error(null)", "1", "null"},
        {"null | error", "1", "null"},
        {"error", "\"why\"", "why"},
        {"[.[] | try error(.) catch .]", "[1,\"a\"]", "[1,\"a\"]"},
        {".a?", "1", "null"},
        {"1 + {}", "1", "number (1) and object ({}) cannot be added"},
        {"def f(x): x * 2; f(.a)", "{\"a\":4}", "8"},
        {". as [$a, {b: $c}] | $a + $c", "[1,{\"b\":2}]", "3"},
        {". as {$a, b: [$c]} | [$a, $c]", "{\"a\":1,\"b\":[2]}", "[1,2]"},
        {".[] as [$a] ?// $a | $a", "[[3]]", "3"},
        {"reduce .[] as $x (0; . + $x)", "[1,2,3]", "6"},
        {"label $out | 1, break $out, 2", "1", "1"},
        {"{env: 1, \"input\": 2, halt: .env}", "{\"env\":3}", "{\"env\":1,\"halt\":3,\"input\":2}"},
        {"{env, debug}", "{\"env\":3}", "{\"debug\":null,\"env\":3}"},
        {"\"env \\(.env) $ENV\"", "{\"env\":3}", "\"env 3 $ENV\""},
        {".a # comment | error", "{\"a\":1}", "1"},
        {"1 + 1 # comment", "1", "2"},
        {"@base64 \"\\(.)\"", "\"a\"", "\"YQ==\""},
        {"def _f: 3; _f", "1", "3"},
        {"$__loc__ | has(\"line\")", "1", "true"},
        {".a[(.n):]", "{\"a\":[1,2],\"n\":1}", "[2]"},
        {".a[.n + 1]", "{\"a\":[1,2],\"n\":0}", "2"},
    };
    CHECK_ALL(samples);
    for (size_t i = 0; i < 5; i++) check_all(samples + i, 1);
}

static void test_arguments(void **state) {
    (void)state;
    static const sample samples[] = {
        {"$context + \".\" + $input", "1", "\"context.input\""},
        {"[$item, $food, $secrets, $context, $input]", "1",
         "[\"item\",null,\"secrets\",\"context\",\"input\"]"},
        {"{$item}", "1", "{\"item\":\"item\"}"},
        {". as $item | $item", "1", "1"},
        {"[.[] as $item | $item] + [$item]", "[1]", "[1,\"item\"]"},
        {". as $own | $own", "1", "1"},
        {"def f($own): $own + 1; f(1)", "1", "2"},
        {"reduce .[] as $n (0; . + $n)", "[1,2]", "3"},
        {". as [$p] ?// {p: $p} | $p", "[4]", "4"},
        {"\"\\($ item)\"", "1", "\"item\""},
        {"$item | .", "1", "\"item\""},
    };
    CHECK_ALL(samples);

    /* Only what is named is asked for. */
    expression_program *program = expression_program_new();
    expression *e = add(program, "$item + $item");
    add(program, "$context + $input");
    lookups = 0;
    assert_result(e, "1", "\"itemitem\"");
    assert_int_equal(lookups, 1);
    expression_program_free(program);
}

static void test_time(void **state) {
    (void)state;
    static const sample samples[] = {
        {"now", "1", "1.5"},
        {"[now, $item, now]", "1", "[1.5,\"item\",1.5]"},
        {"def now: 7; now", "1", "7"},
        {"1425599621 | todate", "1", "\"2015-03-05T23:53:41Z\""},
        {"fromdate", "\"2015-03-05T23:51:47Z\"", "1425599507"},
        {"todateiso8601 | fromdateiso8601", "1436140307", "1436140307"},
        {"gmtime | mktime", "1436140307", "1436140307"},
        {"localtime | mktime", "1436140307", "1436140307"},
        {"gmtime", "1436140307.5", "[2015,6,5,23,51,47.5,0,185]"},
        {"mktime", "[2015,14,0,0,0,-1,0,0]", "1456703999"},
        {"mktime", "[1600,1,29,0,0,0]", "-11670998400"},
        {"mktime", "[1969,11,31,23,59,59.9,0,0]", "-1"},
        {"mktime", "1", "mktime requires array of 6 numbers"},
        {"mktime", "[1]", "mktime requires array of 6 numbers"},
        {"mktime", "[\"a\",1,1,1,1,1]", "mktime requires parsed datetime inputs"},
        {"mktime", "[1e300,1,1,1,1,1]", "mktime requires parsed datetime inputs"},
        {"strftime(\"%H:%M %Z %s %%Z %z\")", "1436140307", "\"23:51 UTC 1436140307 %Z +0000\""},
        {"strflocaltime(\"%H:%M %Z %s\")", "1436140307", "\"23:51 UTC 1436140307\""},
        {"strftime(\"%-s\")", "1", "strftime/1: %s and %Z take no flags"},
        {"strftime(\"%A, %B %d, %Y\")", "[2015,2,5,23,51,47,4,63]", "\"Thursday, March 05, 2015\""},
        {"strftime(1)", "1", "strftime/1 requires a string format"},
        {"strflocaltime(null)", "1", "strflocaltime/1 requires a string format"},
        {"strftime(\"%Y\")", "\"a\"", "strftime/1 requires parsed datetime inputs"},
        {"strptime(\"%Y-%m-%dT%H:%M:%SZ\") | mktime", "\"2015-03-05T23:51:47Z\"", "1425599507"},
        {"strptime(\"%s\")", "\"5\"", "strptime/1: %s is not supported"},
        {"try todate catch \"no\"", "1e19", "\"no\""},
        {"try (nan | todate) catch \"no\"", "1", "\"no\""},
        {"try (nan | strftime(\"%Y\")) catch \"no\"", "1", "\"no\""},
        {"try (infinite | strflocaltime(\"%Y\")) catch \"no\"", "1", "\"no\""},
    };
    const char *zone = getenv("TZ");
    setenv("TZ", "America/New_York", 1);
    tzset();
    CHECK_ALL(samples);
    if (zone)
        setenv("TZ", zone, 1);
    else
        unsetenv("TZ");
    tzset();
}

/* Each of these ends or stops libjq 1.6. */
static void test_guards(void **state) {
    (void)state;
    static const sample samples[] = {
        {"(-9223372036854775808.0) % -1", "1", "0"},
        {"nan % -1", "1", "0"},
        {". %= -1", "5", "0"},
        {"[.[] % -2]", "[7,-7]", "[1,-1]"},
        {". % \"a\"", "5", "number (5) and string (\"a\") cannot be divided (remainder)"},
        {". % 0", "5",
         "number (5) and number (0) cannot be divided (remainder) because the divisor is zero"},
        {".[1e9] = 1", "[]", "Array index out of range"},
        {".[.[0]] = 1", "[2147483647]", "Array index out of range"},
        {".[.[0]] |= 1", "[1e9]", "Array index out of range"},
        {".[.[0]] += 1", "[2]", "[2,null,1]"},
        {".[.a] //= 1", "{\"a\":\"b\"}", "{\"a\":\"b\",\"b\":1}"},
        {"(.[] | select(. > $item | not)) |= empty", "[1,2]", "[2]"},
        {"setpath([\"a\"], [\"b\"]; 1, 2)", "null", "[{\"a\":1},{\"b\":1},{\"a\":2},{\"b\":2}]"},
        {"setpath(1; 2)", "null", "Path must be specified as an array"},
        {"null | setpath([1e9]; 1)", "1", "Array index out of range"},
        {"[1] | setpath([{start: nan, end: 1}]; [1])", "1", "Array index out of range"},
        {"fromstream([[1e9], 1], [[1e9]])", "1", "Array index out of range"},
        {"[fromstream(tostream)]", "[1,[2]]", "[[1,[2]]]"},
        {"[1 | truncate_stream([[0], 1], [[1, 0], 2], [[1, 0]], [[1]])]", "1", "[[[0],2],[[0]]]"},
        {"nan | truncate_stream([[1], 2])", "1", "Cannot slice at NaN"},
        {"del(.[nan])", "[1]", "Cannot delete at NaN"},
        {"delpaths([[nan]])", "[1]", "Cannot delete at NaN"},
        {"del(.[.[0]])", "[1,2]", "[1]"},
        {"delpaths([[0], [1]])", "[1,2,3]", "[3]"},
        {".[nan:]", "[1]", "Cannot slice at NaN"},
        {".[:nan]", "\"abc\"", "Cannot slice at NaN"},
        {".[{start: nan, end: 1}]", "[1]", "Cannot slice at NaN"},
        {".[nan]", "[1]", "null"},
        {".[.a * .b - .a * .b:]", "{\"a\":1e300,\"b\":1e300}", "Cannot slice at NaN"},
        {". as {({start: nan, end: 1} | .): $x} | $x", "[1]", "Cannot slice at NaN"},
        {"getpath([{start: nan, end: 1}])", "[1]", "Cannot index with NaN"},
        {"{start: nan} as $x | nth($x)", "[1]", "Cannot slice at NaN"},
        {"{start: nan} as $x | JOIN(.; $x)", "[1]", "Cannot slice at NaN"},
        {"{start: nan} as $x | indices($x)", "[1]", "Cannot slice at NaN"},
        {"[indices(\"\"), index(\"\"), rindex(\"\")]", "\"abc\"", "[[],null,null]"},
        {"[indices(\"b\"), index(\"b\"), rindex(\"b\")]", "\"abcb\"", "[[1,3],1,3]"},
        {"indices([1, 2])", "[0,1,2,1,2]", "[1,3]"},
        {"gsub(\"\"; \"-\")", "\"abc\"", "\"-a-b-c\""},
        {"gsub(\"^\"; \"> \")", "\"abc\"", "\"> abc\""},
        {"gsub(\"(?<x>[a-z])(?<y>[0-9])?\"; \"\\(.y)\\(.x)\")", "\"a1b\"", "\"1anullb\""},
        {"gsub(\"A\"; \"x\"; \"i\")", "\"banana\"", "\"bxnxnx\""},
        {"sub(\"a\"; \"x\")", "\"banana\"", "\"bxnana\""},
        {"sub(\"a\"; \"x\"; \"g\")", "\"banana\"", "\"bxnxnx\""},
        {"[sub(\"a\"; \"x\", \"y\")]", "\"a\"", "[\"x\",\"y\"]"},
        {"gsub(\"\"; \"-\")", "\"\xc3\xa9\xe2\x82\xac\"", "\"\xc3\xa9\xe2\x82\xac\""},
        {"gsub(\"[a-z]*\"; \"-\")",
         "\"\xc3\xa9"
         "ab\xe2\x82\xac"
         "c\"",
         "\"\xc3\xa9-\xe2\x82\xac-\""},
        {"[match(\"x*\"; \"g\").offset]", "\"\xc3\xa9xx\xe2\x82\xacx\"", "[1,4]"},
        {"[match(\"$\"; \"g\").offset]", "\"ab\"", "[2]"},
        {"[match([\"A\", \"gi\"]).offset]", "\"banana\"", "[1,3,5]"},
        {"match(\"(?<v>n)\").captures[0].name", "\"banana\"", "\"v\""},
        {"match([\"n\"]).offset", "\"banana\"", "2"},
        {"match([])", "\"banana\"", "array not a string or array"},
        {"match(1)", "\"banana\"", "number not a string or array"},
        {"match(\"(\")", "\"banana\"", "Regex failure: end pattern with unmatched parenthesis"},
        {"match(\"a\")", "1", "number (1) cannot be matched, as it is not a string"},
        {"capture(\"(?<v>n)\")", "\"banana\"", "{\"v\":\"n\"}"},
        {"capture(\"(?<v>N)\"; \"i\")", "\"banana\"", "{\"v\":\"n\"}"},
        {"[scan(\"an?\")]", "\"banana\"", "[\"an\",\"an\",\"a\"]"},
        {"[scan(\"(a)(n)?\")]", "\"ana\"", "[[\"a\",\"n\"],[\"a\",null]]"},
        {"[splits(\", *\")]", "\"a, b,c\"", "[\"a\",\"b\",\"c\"]"},
        {"[splits(\"B\"; \"i\")]", "\"abc\"", "[\"a\",\"c\"]"},
        {"split(\", *\"; null)", "\"a, \xc3\xa9\"", "[\"a\",\"\xc3\xa9\"]"},
        {"split(\"\")", "\"a\xc3\xa9\"", "[\"a\",\"\xc3\xa9\"]"},
        {"test(\"\"; \"g\")", "\"\xc3\xa9\"", "true"},
        {". * 1e9", "\"x\"", "Repeat string result too long"},
        {".[0] * .[1]", "[1e9,\"x\"]", "Repeat string result too long"},
        {". * 1e9", "\"\"", "Repeat string result too long"},
        {".[0] * .[1] * .[2]", "[3,4,\"x\"]", "\"xxxxxxxxxxxx\""},
        {"[.[] * 100]", "[1,-2]", "[100,-200]"},
        {".[0] * .[1]", "[{\"a\":{\"b\":1}},{\"a\":{\"c\":2}}]", "{\"a\":{\"b\":1,\"c\":2}}"},
        {"[(1, 2) * (10, 20)]", "1", "[10,20,20,40]"},
        {".[0] * .[1]", "[[],2]", "array ([]) and number (2) cannot be multiplied"},
        {"[.[] | [.] | implode]", "[97,1e9,-1,55296]",
         "[\"a\",\"\xef\xbf\xbd\",\"\xef\xbf\xbd\",\"\xef\xbf\xbd\"]"},
        {"implode", "1", "implode input must be an array"},
    };
    CHECK_ALL(samples);
}

/* ---- Refusals ---------------------------------------------------------------------------------------- */

static void assert_refused(const char *text, int line, int column, const char *message) {
    expression_program *program = expression_program_new();
    baton_error *err = NULL;
    assert_null(expression_add(program, text, strlen(text), &scope, &err));
    if (strcmp(baton_error_message(err), message) != 0 || baton_error_line(err) != line ||
        baton_error_column(err) != column)
        fail_msg("%s: %d:%d: %s", text, baton_error_line(err), baton_error_column(err),
                 baton_error_message(err));
    baton_error_free(err);
    assert_null(expression_add(program, text, strlen(text), &scope, NULL));
    expression_program_free(program);
}

static void test_refused(void **state) {
    (void)state;
    static const char *const names[] = {"env",
                                        "input",
                                        "inputs",
                                        "debug",
                                        "stderr",
                                        "halt",
                                        "halt_error",
                                        "import",
                                        "include",
                                        "modulemeta",
                                        "input_filename",
                                        "get_search_list",
                                        "input_line_number"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[64], message[96];
        snprintf(text, sizeof text, "1 | %s", names[i]);
        snprintf(message, sizeof message, "'%s' is not allowed in expressions", names[i]);
        assert_refused(text, 1, 5, message);
    }
    assert_refused("{a: env}", 1, 5, "'env' is not allowed in expressions");
    assert_refused("{(env): 1}", 1, 3, "'env' is not allowed in expressions");
    assert_refused("\"\\(env)\"", 1, 4, "'env' is not allowed in expressions");
    assert_refused("$ENV", 1, 1, "$ENV is not allowed in expressions");
    assert_refused("1 |\n$ ENV.HOME", 2, 1, "$ENV is not allowed in expressions");
    assert_refused("$__prog_args", 1, 1, "names that begin with $__ are reserved");
    assert_refused(". as $__x | 1", 1, 6, "names that begin with $__ are reserved");
    assert_refused("def __f: 1; 1", 1, 5, "names that begin with __ are reserved");
    assert_refused("_input", 1, 1, "unknown function '_input'");
    assert_refused("", 1, 1, "the expression is empty");
    assert_refused(" # nothing", 1, 1, "the expression is empty");
    assert_refused("1) , (2", 1, 2, "the bracket closes none that is open");
    assert_refused("(1", 1, 3, "a bracket is not closed");
    assert_refused("\n \"a", 2, 2, "the string is not closed");
    assert_refused("\xff", 1, 1, "the expression is not valid UTF-8");
    assert_refused("9007199254740993", 1, 1,
                   "the integer 9007199254740993 cannot be held exactly (write it as a string)");
    assert_refused(". + 00000000000000000000000000000000000000009007199254740993", 1, 5,
                   "the integer 9007199254740993 cannot be held exactly (write it as a string)");
    assert_refused("$output", 1, 1, "$output is not available here");
    assert_refused("1 + $task.name", 1, 5, "$task is not available here");
    assert_refused("$foo", 1, 1, "unknown variable $foo (did you mean $food?)");
    assert_refused("$contxt", 1, 1, "unknown variable $contxt (did you mean $context?)");
    assert_refused("$unheardof", 1, 1,
                   "unknown variable $unheardof (available: $item, $food, $context, $input, $secrets)");
    assert_refused("1 as $x | $y9", 1, 11,
                   "unknown variable $y9 (available: $item, $food, $context, $input, "
                   "$secrets)");

    expression_program *program = expression_program_new();
    expression_scope nothing = {0};
    baton_error *err = NULL;
    assert_null(expression_add(program, "$x", 2, &nothing, &err));
    assert_string_equal(baton_error_message(err), "unknown variable $x");
    error_clear(&err);
    assert_null(expression_add(program, "1\0002", 3, &nothing, &err));
    assert_string_equal(baton_error_message(err), "a NUL byte stands in the expression");
    assert_int_equal(baton_error_column(err), 2);
    error_clear(&err);
    char *large = malloc(LIMIT_EXPRESSION_BYTES + 2);
    memset(large, ' ', LIMIT_EXPRESSION_BYTES + 1);
    large[0] = '1';
    assert_non_null(expression_add(program, large, LIMIT_EXPRESSION_BYTES, &nothing, &err));
    assert_null(expression_add(program, large, LIMIT_EXPRESSION_BYTES + 1, &nothing, &err));
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_LIMIT);
    error_clear(&err);
    memset(large, '-', LIMIT_EXPRESSION_OPERATORS + 1);
    assert_null(expression_add(program, large, LIMIT_EXPRESSION_BYTES, &nothing, &err));
    assert_string_equal(baton_error_message(err), "the expression has more than 1000 operators");
    error_clear(&err);
    memset(large, '(', LIMIT_EXPRESSION_BYTES);
    assert_null(expression_add(program, large, LIMIT_EXPRESSION_BYTES, &nothing, &err));
    assert_string_equal(baton_error_message(err), "the expression nests too deep");
    assert_int_equal(baton_error_column(err), LIMIT_EXPRESSION_DEPTH + 1);
    error_clear(&err);
    free(large);
    expression_program_free(program);
    expression_program_free(NULL);
}

/* ---- Faults ------------------------------------------------------------------------------------------ */

typedef struct faulty {
    const char *text;
    int line, column;
    const char *message;
} faulty;

static const faulty faults[] = {
    {"foo", 1, 1, "unknown function 'foo/0'"},
    {".a |\n bar(1)", 2, 2, "unknown function 'bar/1'"},
    {"1 +", 1, 4, "syntax error: the expression ends too early"},
    {"1 + # comment", 1, 14, "syntax error: the expression ends too early"},
    {"{a b}", 1, 4, "syntax error: unexpected b"},
    {".a.[0]", 1, 4, "syntax error: unexpected ["},
    {"(1\n~ 2)", 2, 1, "syntax error: unexpected ~"},
    {".[.a + :2]", 1, 8, "syntax error: unexpected :"},
    {".[.a + .b] | foo(.[length:])", 1, 14, "unknown function 'foo/1'"},
    {"if . then 1", 1, 12, "syntax error: the expression ends too early"},
    {"break $out", 1, 1, "there is no label $out to break out of"},
    {"(1 as $x | 1) + $x", 1, 17, "unknown variable $x"},
    {"\"a\\qb\" | .", 1, 3, "Invalid escape"},
    {"\"\\ud800\"", 1, 2, "Invalid \\uXXXX\\uXXXX surrogate pair escape"},
    {"{(1): 2}", 1, 2, "Cannot use number (1) as object key"},
    {"\"0123456789012345678901234567890123456789\xc3\xa9\" foo "
     "\"0123456789012345678901234567890123456789\"",
     1, 46, "syntax error: unexpected foo"},
    {". 1 \"2\"", 1, 3, "syntax error: unexpected 1"},
    {"1 \"012345678901234567890123456789012345678\xc3\xa9\"", 1, 3,
     "syntax error: unexpected \"012345678901234567890123456789012345678..."},
};
enum { FAULTS = sizeof faults / sizeof *faults };

typedef struct reports {
    const expression *list[FAULTS];
    unsigned count;
} reports;

static void take_report(void *data, const expression *e, const baton_error *error) {
    reports *r = data;
    for (size_t i = 0; i < FAULTS; i++) {
        const faulty *f = &faults[i];
        if (r->list[i] != e) continue;
        r->count++;
        if (strcmp(baton_error_message(error), f->message) != 0 || baton_error_line(error) != f->line ||
            baton_error_column(error) != f->column)
            fail_msg("%s: %d:%d: %s", f->text, baton_error_line(error), baton_error_column(error),
                     baton_error_message(error));
        return;
    }
    fail_msg("%s: %s", expression_text(e), baton_error_message(error));
}

static void test_faults(void **state) {
    (void)state;
    /* Each alone, */
    for (size_t i = 0; i < FAULTS; i++) {
        expression_program *program = expression_program_new();
        reports r = {0};
        r.list[i] = add(program, faults[i].text);
        assert_int_equal(expression_program_compile(program, take_report, &r), -1);
        assert_int_equal(r.count, 1);
        assert_result(r.list[i], "1", faults[i].message);
        expression_program_free(program);
    }
    /* and all together, among sound ones. */
    expression_program *program = expression_program_new();
    reports r = {0};
    expression *sound[FAULTS + 1];
    for (size_t i = 0; i < FAULTS; i++) {
        sound[i] = add(program, ". +\n1");
        r.list[i] = add(program, faults[i].text);
    }
    sound[FAULTS] = add(program, ". + 2");
    assert_result(sound[FAULTS], "1", "3"); /* compiles at first need */
    assert_int_equal(expression_program_compile(program, NULL, NULL), -1);
    assert_int_equal(expression_program_compile(program, take_report, &r), -1);
    assert_int_equal(r.count, FAULTS);
    for (size_t i = 0; i < FAULTS; i++) assert_result(sound[i], "1", "2");
    expression_program_free(program);
}

static void test_too_large(void **state) {
    (void)state;
    expression_program *program = expression_program_new();
    static char text[LIMIT_EXPRESSION_BYTES];
    memset(text, 'a', sizeof text);
    text[0] = '.'; /* .|.|.| fills libjq's parser */
    for (size_t i = 1; i + 1 < sizeof text; i += 2) memcpy(text + i, "|.", 2);
    baton_error *err = NULL;
    expression *e = expression_add(program, text, sizeof text - 1, &scope, &err);
    assert_non_null(e);
    text[0] = '.'; /* .,.,., fills its bytecode, and that fault has no place */
    for (size_t i = 1; i + 1 < sizeof text; i += 2) memcpy(text + i, ",.", 2);
    expression *f = expression_add(program, text, sizeof text - 1, &scope, &err);
    assert_non_null(f);
    expression *sound = add(program, ". + 1");
    assert_int_equal(expression_program_compile(program, NULL, NULL), -1);
    assert_result(e, "1", "the expression is too large to be compiled");
    assert_result(f, "1", "the expression is too large to be compiled");
    assert_result(sound, "1", "2");
    expression_program_free(program);
}

/* ---- Programs ---------------------------------------------------------------------------------------- */

static void test_many(void **state) {
    (void)state;
    enum { MANY = 1300 };
    static expression *list[MANY];
    expression_program *program = expression_program_new();
    for (int i = 0; i < MANY; i++) {
        char text[800];
        int size = snprintf(text, sizeof text, "%s + %d", i % 3 ? "." : "($item | length)", i);
        if (i % 7 == 0) memset(text + size, ' ', 500), text[size + 500] = '\0';
        list[i] = add(program, text);
    }
    assert_int_equal(expression_program_compile(program, print_fault, NULL), 0);
    for (int i = 0; i < MANY; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "%d", i + (i % 3 ? 1 : 4));
        assert_result(list[i], "1", expected);
    }
    /* What is added later compiles at its first need. */
    expression *late = add(program, ". + 0.5");
    assert_result(late, "1", "1.5");
    assert_result(list[5], "1", "6");
    expression_program_free(program);

    program = expression_program_new();
    assert_int_equal(expression_program_compile(program, NULL, NULL), 0);
    expression_program_free(program);
}

/* After an error the program is as before. */
static void test_after_errors(void **state) {
    (void)state;
    expression_program *program = expression_program_new();
    expression *a = add(program, ".[] | if . > 1 then error(\"large\") else . end");
    expression *b = add(program, ".[] | . * 2");
    for (int i = 0; i < 10; i++) {
        assert_result(a, "[1,2]", "large");
        assert_result(b, "[1,2]", "[2,4]");
        assert_result(a, "[1,1]", "[1,1]");
    }
    baton_value input = baton_value_number(1);
    assert_false(baton_value_is_valid(expression_evaluate(a, input, &environment, NULL)));
    /* Nothing counts as null. */
    baton_value nothing =
        expression_evaluate(add(program, "[.]"), baton_value_invalid(), &environment, NULL);
    assert_int_equal(baton_value_size(nothing), 1);
    baton_value_unref(nothing);
    expression_program_free(program);
}

static void test_home_has_no_influence(void **state) {
    (void)state;
    char folder[] = "/tmp/baton-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/.jq", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("def map(f): \"from home\"; def foo: \"from home\";", f);
    fclose(f);
    char *before = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    setenv("HOME", folder, 1);
    static const sample samples[] = {{"map(. + 1)", "[1]", "[2]"}};
    CHECK_ALL(samples);
    expression_program *program = expression_program_new();
    assert_result(add(program, "foo"), "1", "unknown function 'foo/0'");
    expression_program_free(program);
    assert_string_equal(getenv("HOME"), folder);
    unlink(path);
    rmdir(folder);
    CHECK_ALL(samples); /* a HOME that is not there */
    unsetenv("HOME");
    CHECK_ALL(samples);
    if (before) setenv("HOME", before, 1);
    free(before);
}

static void *work(void *data) {
    (void)data;
    static const sample samples[] = {
        {"[.[] | gsub(\"a\"; \"b\")] | add", "[\"aa\",\"ca\"]", "\"bbcb\""},
        {"todate", "0", "\"1970-01-01T00:00:00Z\""},
        {"[range(50)] | map(tostring) | join(\",\") | length", "1", "139"},
    };
    for (int i = 0; i < 5; i++) CHECK_ALL(samples);
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),      cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_time),         cmocka_unit_test(test_guards),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_faults),
        cmocka_unit_test(test_too_large),    cmocka_unit_test(test_many),
        cmocka_unit_test(test_after_errors), cmocka_unit_test(test_home_has_no_influence),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
