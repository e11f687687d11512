/* Prose taken apart: lines, sentences, words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "service/agent/prose.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static prose read_text(const char *text) {
    prose p = {0};
    assert_int_equal(prose_read(&p, text), 0);
    assert_int_equal(strlen(p.text), strlen(text));
    return p;
}

/* Words as they are, other tokens as a sign each; what is quoted in < >. */
static void expect(const char *text, const char *tokens) {
    static const char *const signs[] = {NULL, "(", "x", "~", ",", ":", ".", "?", "/", "//"};
    prose p = read_text(text);
    buffer b = {0};
    for (uint32_t i = 0; i < p.token_count; i++) {
        const prose_token *t = &p.tokens[i];
        if (i) buffer_putc(&b, ' ');
        if (t->kind != PROSE_WORD) {
            buffer_puts(&b, signs[t->kind]);
            continue;
        }
        buffer_printf(&b, t->quoted ? "<%.*s>" : "%.*s", (int)(t->end - t->begin), p.text + t->begin);
    }
    assert_string_equal(buffer_text(&b), tokens);
    buffer_done(&b);
    prose_done(&p);
}

static void words(void **state) {
    (void)state;
    expect("", "");
    expect("Ein Wort, ZWEI Wörter; ÄÖÜ", "ein wort , zwei wörter , äöü");
    expect("ŻÓŁĆ ŠŽ ΑΒΓΩ ЁЖЯ İ", "żółć šž αβγω ёжя İ");
    expect("3/9 1,000 1, 2 99.9% 3–9 a–b", "3/9 1,000 1 , 2 99.9 % 3–9 a , b");
    expect("isn't isn’t isn`t it's", "isn't isn’t isn`t it's");
    expect("--a -b /c/d ./e @f ~/g $h !i 'j.k' l:m", "--a -b /c/d ./e @f ~/g $h !i <j.k> l : m");
    expect("_a_ __b__ _c d_ e_f _", "a b c d e_f _");
    expect("a-b non‑x a - b a -- b a—b", "a-b non‑x a , b a , , b a , b");
    expect("ok✅ ❌ no → (x) … ... z", "ok , x no , ( x , , z");
    expect("a\xff"
           "b \xe2\x80",
           "a b");
    expect("e\xcc\x81 日本 \xe2\x80\x8b", "e\xcc\x81 日本");
    expect("\x1b[1;31mRed\x1b[0m \x1b[", "red");
}

static void sentences(void **state) {
    (void)state;
    expect("A. B! C? D?! E... F", "a . b . c ? d ? e , f");
    expect("a\nb\n\nc\r\nd", "a / b // c / d");
    expect("a line that is long enough to have been wrapped at its end\nb",
           "a line that is long enough to have been wrapped at its end ~ b");
    expect("a line that is long enough to have been wrapped at its end\nB",
           "a line that is long enough to have been wrapped at its end / b");
    expect("- a\n* b\n+ c\n1. d\n2) e\n# f\n> g\n| h | i |\n• j\n---\nk",
           "a // b // c // d // e // f / g // h , i , // j // k");
    expect("   3  a\n  14\tb\n5→c", "3 a / 14 b / 5 , c");
    prose p = read_text("A b.\nC\nd. E");
    assert_int_equal(p.line_count, 3);
    assert_int_equal(p.lines[2].words, 2);
    assert_int_equal(p.sentence_count, 3);
    assert_int_equal(p.sentences[1].words, 2);
    prose_done(&p);
}

static void quotes(void **state) {
    (void)state;
    expect("a \"b c\" d", "a <b> <c> d");
    expect("„a“ “b” ‚c‘ ‘d’ «e» »f« 'g' h", "<a> <b> <c> <d> <e> <f> <g> h");
    expect("`a` ``b ` c`` ~~d~~ e", "<a> <b> <c> <d> e");
    expect("5\" wide", "5 wide");
    expect("a \"b\n\nc\" d", "a b // c d");
    expect("the dogs' and 'tis", "the dogs and tis");
    expect("`a ``b`` c", "a b c");
}

static void marks(void **state) {
    (void)state;
    prose p = read_text("## A\n- [ ] b\n- [x] c\n- [~] d\n- e\n> - [ ] f\n  7  - [ ] g\n####### h");
    assert_int_equal(p.line_count, 8);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(p.lines[i].heading, i == 0);
        assert_int_equal(p.lines[i].open, i == 1 || i == 3 || i == 5 || i == 6);
    }
    prose_done(&p);
}

static void fences(void **state) {
    (void)state;
    static const struct {
        const char *text, *fenced; /* one sign a line */
    } cases[] = {
        {"a\n```\nb\nc\n```\nd", "-ff-"},
        {"a\n```\nb\n```\nd", "---"},
        {"```sh\nb\n~~~\nc\n```\nd", "ff-"},
        {"````\na\n```\nb\n````\nc", "ff-"},
        {"````\na\n```b\nc\n`````  \nd", "fff-"},
        {"> ```\n> a\n> b\n> ```\n> c", "ff-"},
        {"  1  ```\n  2  a\n  3  b\n  4  ```\n  5  c", "ff-"},
        {"```a```\nb", "--"},
        {"``\na\nb\n``", "--"},
        {"```\na\nb", "--"}, /* nothing closes it */
        {"```\n```\na", "-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        prose p = read_text(cases[i].text);
        char fenced[16] = "";
        assert_true(p.line_count < sizeof fenced);
        for (uint32_t line = 0; line < p.line_count; line++)
            fenced[line] = p.lines[line].fenced ? 'f' : '-';
        if (strcmp(fenced, cases[i].fenced) != 0) fail_msg("%zu: %s", i, fenced);
        prose_done(&p);
    }
}

/* Marks, blanks and signs do not count, words do. */
static void sums(void **state) {
    (void)state;
    static const char *const same[] = {"- [x] All is **done**, it's so.", "> all   IS done its so",
                                       "all isdo ne its\tso!", "   7  All “is” done, it’s so",
                                       "| all | is | `done` | its so |"};
    prose a = read_text("All is done, it's so"), c = read_text("All is done, it's too");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        prose b = read_text(same[i]);
        if (b.lines[0].sum != a.lines[0].sum) fail_msg("'%s' is another line", same[i]);
        if (b.sentences[0].sum != a.lines[0].sum) fail_msg("'%s' is another sentence", same[i]);
        prose_done(&b);
    }
    assert_int_not_equal(a.lines[0].sum, c.lines[0].sum);
    prose_done(&a);
    prose_done(&c);
    a = read_text("x y.\nAll is\ndone, it's so. z");
    c = read_text("All is done, it's so");
    assert_int_equal(a.sentences[1].sum, c.lines[0].sum);
    prose_done(&a);
    prose_done(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words), cmocka_unit_test(sentences), cmocka_unit_test(quotes),
        cmocka_unit_test(marks), cmocka_unit_test(fences),    cmocka_unit_test(sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
