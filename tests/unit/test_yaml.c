/* Reading YAML and JSON into nodes: kinds, places, limits, and everything that is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/value.h"
#include "definition/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static document read_text(const char *text) {
    document d;
    baton_error *error = NULL;
    if (document_read(&d, text, strlen(text), "t.yaml", &error) != 0)
        fail_msg("%.200s: %s", text, baton_error_message(error));
    assert_null(error);
    return d;
}

static void expect_json(const char *text, const char *json) {
    document d = read_text(text);
    baton_value value = node_value(d.root);
    char *written = baton_value_to_json(value);
    assert_string_equal(written, json);
    free(written);
    baton_value_unref(value);
    document_done(&d);
}

static void expect_error_sized(const char *text, size_t size, const char *wanted) {
    document d;
    baton_error *error = NULL;
    int rc = document_read(&d, text, size, "t.yaml", &error);
    if (rc == 0) error = problems_give(&d.faults); /* a single node's, told with all others */
    assert_non_null(error);
    document_done(&d);
    assert_null(d.root);
    char *told = baton_error_text(error);
    assert_string_equal(told, wanted);
    free(told);
    baton_error_free(error);
    assert_int_equal(document_read(&d, text, size, NULL, NULL), rc); /* the error is optional */
    document_done(&d);
}

static void expect_error(const char *text, const char *wanted) {
    expect_error_sized(text, strlen(text), wanted);
}

static void scalars_follow_the_core_schema(void **state) {
    (void)state;
    expect_json("[null, ~, Null, NULL, '', \"~\"]", "[null,null,null,null,\"\",\"~\"]");
    expect_json("[true, True, FALSE, false, yes, on, 'true']",
                "[true,true,false,false,\"yes\",\"on\",\"true\"]");
    expect_json("[1, -12, +3, 007, 0, -0o17, 0o17, 0x1F, 0xg, 0o8, 0x]",
                "[1,-12,3,7,0,\"-0o17\",15,31,\"0xg\",\"0o8\",\"0x\"]");
    expect_json("[1.5, .5, 5., -.5e2, 1e3, 1E-1, 1.0.0, 1e, ., '+', 12a, 1e3.5]",
                "[1.5,0.5,5,-50,1000,0.1,\"1.0.0\",\"1e\",\".\",\"+\",\"12a\",\"1e3.5\"]");
    expect_json("[9007199254740992, 18014398509481984, -9007199254740991]",
                "[9007199254740992,18014398509481984,-9007199254740991]");
    expect_json("a: 2024-01-01\nb: 1_000\nc: 0b1\n",
                "{\"a\":\"2024-01-01\",\"b\":\"1_000\",\"c\":\"0b1\"}");
}

static void numbers_that_json_has_not_are_refused(void **state) {
    (void)state;
    expect_error("a: .inf", "t.yaml:1:4: .inf is no number of JSON; quote it if it is meant as text");
    expect_error("a: -.INF", "t.yaml:1:4: -.INF is no number of JSON; quote it if it is meant as text");
    expect_error("a: .NaN", "t.yaml:1:4: .NaN is no number of JSON; quote it if it is meant as text");
    expect_error(
        "a:\n  - 9007199254740993",
        "t.yaml:2:5: the integer 9007199254740993 cannot be held exactly; quote it to keep its digits as "
        "text");
    expect_error("0xFFFFFFFFFFFFFFFFFFFF",
                 "t.yaml:1:1: the integer 0xFFFFFFFFFFFFFFFFFFFF cannot be held exactly; "
                 "quote it to keep its digits as text");
    expect_error("0x20000000000001",
                 "t.yaml:1:1: the integer 0x20000000000001 cannot be held exactly; quote it to "
                 "keep its digits as text");
    expect_error("1e999", "t.yaml:1:1: the number 1e999 is too large");
    char digits[2100];
    memset(digits, '1', sizeof digits);
    digits[0] = '0';
    digits[1] = '.';
    digits[sizeof digits - 1] = '\0';
    expect_error(digits, "t.yaml:1:1: the number has too many digits");
}

static void tags_of_the_core_schema_are_honoured(void **state) {
    (void)state;
    expect_json("[!!str 12, ! 12, !!int '12', !!float 1, !!null '', !!bool true, !!str]",
                "[\"12\",\"12\",12,1,null,true,\"\"]");
    expect_json("!!map {a: !!seq [1], b: ! [2]}", "{\"a\":[1],\"b\":[2]}");
    expect_error("a: !!int 1.5", "t.yaml:1:10: the text does not fit its tag !!int");
    expect_error("a: !!bool 1", "t.yaml:1:11: the text does not fit its tag !!bool");
    expect_error("a: !!int .inf",
                 "t.yaml:1:10: .inf is no number of JSON; quote it if it is meant as text");
    expect_error("a: !!binary aGk=", "t.yaml:1:13: the tag tag:yaml.org,2002:binary is not supported");
    expect_error("a: !own 1", "t.yaml:1:9: the tag !own is not supported");
    expect_error("a: !!set {b}", "t.yaml:1:10: the tag tag:yaml.org,2002:set is not supported here");
    expect_error("a: !!map [b]", "t.yaml:1:10: the tag tag:yaml.org,2002:map is not supported here");
}

static void json_is_read(void **state) {
    (void)state;
    expect_json("{\"a\": [1, 2.5, {\"b\": null}], \"c\": \"\\u00e9\\ud83d\\ude00\\/\\n\"}\n",
                "{\"a\":[1,2.5,{\"b\":null}],\"c\":\"é😀/\\n\"}");
    expect_json("{\n\t\"a\":\t1\n}", "{\"a\":1}");
    expect_json("\xef\xbb\xbf{\"a\":1}", "{\"a\":1}");
}

static void single_quotes_are_resolved(void **state) {
    (void)state;
    expect_json("''", "\"\"");
    expect_json("[' a  b ', 'it''s', '''', '''''x''''''''''''''''y''']",
                "[\" a  b \",\"it's\",\"'\",\"''x''''''''y'\"]");
    expect_json("a: '  first \t\n second\n\n\n  third \n '", "{\"a\":\"  first second\\n\\nthird \"}");
    expect_json("a: '\r\n x\r\n\r\n '''\r\n", "{\"a\":\" x\\n'\"}");
    expect_json("'a''b' : 'c'", "{\"a'b\":\"c\"}");
}

static void double_quotes_are_resolved(void **state) {
    (void)state;
    expect_json("\"\"", "\"\"");
    expect_json("[\" a  b \", \"it's\", \"\\\"\\\\\\/\\\"\", \"\\ x\\  \"]",
                "[\" a  b \",\"it's\",\"\\\"\\\\/\\\"\",\" x  \"]");
    expect_json("\"\\a\\b\\t\\n\\v\\f\\r\\e\\N\\_\\L\\P\"",
                "\"\\u0007\\b\\t\\n\\u000b\\f\\r\\u001b\xc2\x85\xc2\xa0\xe2\x80\xa8\xe2\x80\xa9\"");
    expect_json("\"\\x41\\u00e9\\u20AC\\U0001F600\\ud83d\\ude00\"", "\"Aé€😀😀\"");
    expect_json("a: \"  first  \n second\n\n\n  third \\\n  \\ fourth\\\n\n  fifth\"",
                "{\"a\":\"  first second\\n\\nthird  fourth\\nfifth\"}");
    expect_error("\"\\ud83d\"", "t.yaml:1:2: double-quoted scalar has invalid UTF8 escape");
}

static void blocks_are_resolved(void **state) {
    (void)state;
    expect_json("a: |\n  one\n    two\n\nb: >-\n  one\n  two\n\n  three\n",
                "{\"a\":\"one\\n  two\\n\",\"b\":\"one two\\nthree\"}");
    expect_json("a: |", "{\"a\":\"\"}");
    expect_json("a: |+\n", "{\"a\":\"\"}");
    expect_json("a: >\n", "{\"a\":\"\"}");
    expect_json("a: >+\n\n", "{\"a\":\"\\n\"}");
    expect_json("a: |\n  \tone\n", "{\"a\":\"\\tone\\n\"}");
    expect_error("a: >\n  one\n\n  \ttwo\n", "t.yaml:2:1: a line of a folded text begins with a tab");
}

static void keys_are_unique_texts(void **state) {
    (void)state;
    expect_json("200: ok\ntrue: x\n'<<': y\n", "{\"200\":\"ok\",\"<<\":\"y\",\"true\":\"x\"}");
    expect_error("a: 1\nb: 2\n\"a\": 3\nb: 4\n", "t.yaml:3:1: the key 'a' stands here twice");
    expect_error("? [a]\n: b\n", "t.yaml:1:3: a key must be a text");
    expect_error("x:\n  ?\n  : b\n", "t.yaml:2:3: a key is missing");
    expect_error("a: &q {x: 1}\n<<: *q\n", "t.yaml:2:1: merge keys are not supported");
    expect_error("a: &q x\n*q : y\n", "t.yaml:2:1: an alias cannot be a key");
}

static void aliases_share_nodes(void **state) {
    (void)state;
    expect_json("a: &x {b: [1]}\nc: *x\nd: &x 2\ne: *x\nf: &n\ng: *n\n",
                "{\"a\":{\"b\":[1]},\"c\":{\"b\":[1]},\"d\":2,\"e\":2,\"f\":null,\"g\":null}");
    expect_error("a: *nothing\n", "t.yaml:1:4: no anchor with this name stands before the alias");
    expect_error("a: &x [1, *x]\n", "t.yaml:1:11: an alias cannot stand inside of what it names");
}

static void bombs_are_refused_by_counting(void **state) {
    (void)state;
    buffer text = {0};
    buffer_puts(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++)
        buffer_printf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
                      i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    expect_error(buffer_text(&text), "t.yaml:6:9: aliases unfold to more than 200000 nodes");
    buffer_clear(&text);
    buffer_puts(&text, "a: &a ");
    for (int i = 0; i < 100000; i++) buffer_putc(&text, 'x');
    buffer_puts(&text, "\nb: [*a");
    for (int i = 0; i < 100; i++) buffer_puts(&text, ",*a");
    buffer_puts(&text, "]\n");
    expect_error(buffer_text(&text), "t.yaml:2:4: aliases unfold to more than 8388608 bytes");
    buffer_clear(&text);
    buffer_puts(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 70; i++) buffer_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    expect_error(buffer_text(&text), "t.yaml:63:12: the alias makes the file too deeply nested");
    buffer_clear(&text);
    for (int i = 0; i <= LIMIT_FILE_ANCHORS; i++) buffer_printf(&text, "k%d: &a%d x\n", i, i);
    expect_error(buffer_text(&text), "t.yaml:1001:15: the file has more than 1000 anchors");
    buffer_done(&text);
}

static void nesting_is_limited(void **state) {
    (void)state;
    static char many[1000000];
    memset(many, '[', sizeof many);
    expect_error_sized(many, sizeof many, "t.yaml:1:513: too many brackets are open");
    for (size_t i = 0; i + 1 < sizeof many; i += 2) memcpy(many + i, "- ", 2);
    expect_error_sized(many, sizeof many, "t.yaml:1:129: the file is nested more than 64 deep");
    for (size_t i = 0; i + 4 < sizeof many; i += 5) memcpy(many + i, "[\"]\",", 5);
    expect_error_sized(many, sizeof many, "t.yaml:1:321: the file is nested more than 64 deep");
    buffer text = {0};
    for (int i = 0; i < LIMIT_FILE_DEPTH; i++) buffer_putc(&text, '[');
    for (int i = 0; i < LIMIT_FILE_DEPTH; i++) buffer_putc(&text, ']');
    document d = read_text(buffer_text(&text));
    assert_int_equal(d.root->height, LIMIT_FILE_DEPTH);
    document_done(&d);
    buffer_done(&text);
}

static void sizes_are_limited(void **state) {
    (void)state;
    size_t size = 10u << 20;
    char *big = malloc(size);
    assert_non_null(big);
    memset(big, '[', size);
    expect_error_sized(big, size, "t.yaml: the file is larger than 1048576 bytes");
    buffer text = {0};
    buffer_putc(&text, '[');
    for (int i = 0; i < LIMIT_FILE_NODES; i++) buffer_puts(&text, "1,\n");
    buffer_putc(&text, ']');
    expect_error(buffer_text(&text), "t.yaml:200000:1: the file has more than 200000 nodes");
    buffer_clear(&text);
    for (int i = 0; i < 100000; i++) buffer_printf(&text, "k%d: 1\n", i);
    document d = read_text(buffer_text(&text)); /* many keys of one object take no quadratic time */
    assert_int_equal(d.root->count, 100000);
    document_done(&d);
    buffer_done(&text);
    free(big);
}

static void binary_files_are_refused(void **state) {
    (void)state;
    expect_error_sized("a: \0b", 5, "t.yaml:1:4: the file holds a control character");
    expect_error("a: b\nü: \x01\n", "t.yaml:2:4: the file holds a control character");
    expect_error("a: \x7f\n", "t.yaml:1:4: the file holds a control character");
    expect_error("a: b\nc: \xff\xfe\n", "t.yaml:2:4: the file is not UTF-8 text");
    expect_error("\xc3", "t.yaml:1:1: the file is not UTF-8 text");
    expect_error("\x7f"
                 "ELF\x02\x01\x01",
                 "t.yaml:1:1: the file holds a control character");
    expect_error("a: \"\\0\"", "t.yaml:1:4: the text holds a character that is not allowed");
}

static void syntax_errors_are_one_line_with_their_place(void **state) {
    (void)state;
    expect_error("", "t.yaml:1:1: the file is empty");
    expect_error("# nothing\n", "t.yaml:1:1: the file is empty");
    expect_error("a: b\n---\nb: c\n", "t.yaml:2:1: a workflow file holds one document only");
    expect_error("a: b: c\n", "t.yaml:1:5: invalid nested block mapping on the same line");
    expect_error("a: @x\n", "t.yaml:1:4: plain scalar cannot start with '@'");
    expect_error("a: \"\\q\"\n", "t.yaml:1:5: invalid escape 'q' in double-quoted string");
    expect_error("{\"a\": [1, 2, ",
                 "t.yaml:1:14: the file ends too early: did not find expected node content");
    expect_error("{\"a\":\n \"b",
                 "t.yaml:2:4: the file ends too early: the quote at line 2, column 3 is not closed");
}

static void nodes_know_their_places(void **state) {
    (void)state;
    document d = read_text("# first\n"
                           "plain: one\n"
                           "'quoted': 'two'\n"
                           "list:\n"
                           "  - {ü: \"three\", empty: }\n"
                           "nothing:\n");
    const node *n = node_get(d.root, "plain");
    assert_int_equal(n->line, 2);
    assert_int_equal(n->column, 8);
    assert_int_equal(n->style, NODE_PLAIN);
    const node_member *quoted = node_member_of(d.root, "quoted");
    assert_int_equal(quoted->line, 3);
    assert_int_equal(quoted->column, 1);
    assert_int_equal(quoted->value->column, 11);
    assert_int_equal(quoted->value->style, NODE_SINGLE_QUOTED);
    n = node_get(d.root, "list")->items[0];
    assert_int_equal(n->line, 5);
    assert_int_equal(n->column, 5);
    assert_int_equal(node_get(n, "ü")->column, 9);
    assert_int_equal(node_get(n, "empty")->column, 18); /* its key's: it has no place of its own */
    assert_int_equal(node_get(d.root, "nothing")->line, 6);
    assert_null(node_get(n, "none"));
    assert_null(node_get(NULL, "none"));
    assert_null(node_get(node_get(d.root, "plain"), "none"));
    assert_null(node_text(node_get(d.root, "list")));
    assert_null(node_text(NULL));
    assert_string_equal(node_text(node_get(d.root, "plain")), "one");
    document_done(&d);
}

/* Where the first X of the text under `a` stands. */
static void expect_place(const char *text, int line, int column) {
    document d = read_text(text);
    const node *n = node_get(d.root, "a");
    const char *x = strchr(node_text(n), 'X');
    assert_non_null(x);
    place p = node_place_inside(&d, n, (size_t)(x - n->text));
    if (p.line != line || p.column != column)
        fail_msg("%s: %d:%d, not %d:%d", text, p.line, p.column, line, column);
    document_done(&d);
}

static void places_inside_of_texts(void **state) {
    (void)state;
    expect_place("a: X", 1, 4);
    expect_place("a: foo X", 1, 8);
    expect_place("a: 'foo X'", 1, 9);
    expect_place("a: 'it''s X'", 1, 11);
    expect_place("a: \"\\u00e9 \\x41 \\U0001F600 \\\" X\"", 1, 31);
    expect_place("a: \"\\ud83d\\ude00 X\"", 1, 18);
    expect_place("a: \"ü X\"", 1, 7);
    expect_place("a: foo\n  bar X", 2, 7);
    expect_place("a: foo  \n\n\n  bar\n  X", 5, 3);
    expect_place("a: \"foo\n  bar X\"", 2, 7);
    expect_place("a: \"foo \\\n   bar X\"", 2, 8);
    expect_place("a: 'foo\n\n  bar X'", 3, 7);
    expect_place("a: |\n  foo\n    bar X\n", 3, 9);
    expect_place("a: |\n\n  foo\n\n  X\n", 5, 3);
    expect_place("a: |-\r\n  foo\r\n  X\r\n", 3, 3);
    expect_place("a: >\n  foo\n  bar X\n", 3, 7);
    expect_place("a: >\n  foo\n\n\n  bar\n  X\n", 6, 3);
    document d = read_text("a: foo");
    place p = node_place_inside(&d, node_get(d.root, "a"), 100); /* beyond the end: at the end */
    assert_int_equal(p.column, 7);
    document_done(&d);
}

static void every_truncation_is_survived(void **state) {
    (void)state;
    static const char text[] =
        "{\"a\": [1, -2.5e3, true, null, \"x\\u00e9\\\"y\"], \"b\": {\"c\": {}}, \"d\": []}";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        document d;
        baton_error *error = NULL;
        assert_int_equal(document_read(&d, text, size, "t", &error), -1);
        assert_true(baton_error_line(error) == 1 && baton_error_column(error) <= (int)size + 1);
        baton_error_free(error);
    }
}

static void kinds_have_names(void **state) {
    (void)state;
    assert_string_equal(node_kind_name(NODE_NULL), "null");
    assert_string_equal(node_kind_name(NODE_BOOLEAN), "a boolean");
    assert_string_equal(node_kind_name(NODE_NUMBER), "a number");
    assert_string_equal(node_kind_name(NODE_STRING), "a string");
    assert_string_equal(node_kind_name(NODE_ARRAY), "a list");
    assert_string_equal(node_kind_name(NODE_OBJECT), "an object");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_follow_the_core_schema),
        cmocka_unit_test(numbers_that_json_has_not_are_refused),
        cmocka_unit_test(tags_of_the_core_schema_are_honoured),
        cmocka_unit_test(json_is_read),
        cmocka_unit_test(single_quotes_are_resolved),
        cmocka_unit_test(double_quotes_are_resolved),
        cmocka_unit_test(blocks_are_resolved),
        cmocka_unit_test(keys_are_unique_texts),
        cmocka_unit_test(aliases_share_nodes),
        cmocka_unit_test(bombs_are_refused_by_counting),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(binary_files_are_refused),
        cmocka_unit_test(syntax_errors_are_one_line_with_their_place),
        cmocka_unit_test(nodes_know_their_places),
        cmocka_unit_test(places_inside_of_texts),
        cmocka_unit_test(every_truncation_is_survived),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
