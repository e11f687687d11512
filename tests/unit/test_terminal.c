/* What was meant for a terminal, as plain text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *wanted) {
    buffer b = {0};
    terminal_plain(&b, text, strlen(text));
    if (strcmp(buffer_text(&b), wanted) != 0)
        fail_msg("%s: '%s' instead of '%s'", text, buffer_text(&b), wanted);
    buffer_done(&b);
}

static void plain_text_stays(void **state) {
    (void)state;
    expect("", "");
    expect("one\n\ttwo\n\n", "one\n\ttwo\n\n");
    expect("gr\xc3\xbc\xc3\x9f \xe2\x9c\x85 \xff\x80", "gr\xc3\xbc\xc3\x9f \xe2\x9c\x85 \xff\x80");
}

static void sequences_go(void **state) {
    (void)state;
    expect("\033[1;32mdone\033[0m", "done");
    expect("\033[?25l\033[2J\033[Hx\033[38;5;12my", "xy");
    expect("\033]0;title\007text", "text");
    expect("\033]8;;http://x/\033\\link\033]8;;\033\\.", "link.");
    expect("\033Pq#0\033\\a\033(Bb\0337c\033=d\033Me", "abcde");
    expect("a\b\001\002\177b", "ab");
}

static void cut_sequences_end_with_their_line(void **state) {
    (void)state;
    expect("a\033", "a");
    expect("a\033[", "a");
    expect("a\033[3", "a");
    expect("a\033]0;title", "a");
    expect("a\033]0;title\nb", "a\nb");
    expect("a\033[3\nb", "a\nb");
    expect("a\033\nb", "a\nb");
    expect("a\033]0;t\033[1mb", "ab");
    expect("a\033(", "a");
}

static void the_last_state_of_a_line_stays(void **state) {
    (void)state;
    expect("10%\r50%\r100%\ndone\r\n", "100%\ndone\n");
    expect("first\n10%\r50%\r", "first\n50%");
    expect("a\r\r\nb", "a\nb");
    expect("\rx", "x");
    expect("aaa\r\033[Kb", "b");
}

static void it_appends(void **state) {
    (void)state;
    buffer b = {0};
    buffer_puts(&b, "before ");
    terminal_plain(&b, "x\ry", 3);
    terminal_plain(&b, "z\0z", 3); /* a NUL is a control character */
    assert_string_equal(buffer_text(&b), "before yzz");
    buffer_done(&b);
}

/* No byte leads out of the text: for the sanitizers, with exactly sized memory. */
static void any_bytes(void **state) {
    (void)state;
    static const char alphabet[] = "\033[]PX^_?0;m\007\\\n\r\ta \177\x80\xc3\xff(B\b";
    unsigned seed = 12345;
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)round % 24;
        char *text = malloc(size + 1);
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1103515245 + 12345;
            text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        char *exact = malloc(size ? size : 1);
        memcpy(exact, text, size);
        buffer b = {0};
        terminal_plain(&b, exact, size);
        assert_true(b.size <= size);
        assert_null(memchr(buffer_text(&b), 27, b.size));
        assert_null(memchr(buffer_text(&b), '\r', b.size));
        buffer_done(&b);
        free(exact);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(sequences_go),
        cmocka_unit_test(cut_sequences_end_with_their_line),
        cmocka_unit_test(the_last_state_of_a_line_stays),
        cmocka_unit_test(it_appends),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
