/* Arenas: zeroed, aligned, stable memory that goes all at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

/* Let an allocation that is too large fail, as it does without the sanitizer. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

static void test_memory_is_zeroed_aligned_and_apart(void **state) {
    (void)state;
    arena a = {0};
    unsigned char *blocks[2000];
    size_t sizes[2000];
    for (int i = 0; i < 2000; i++) {
        sizes[i] = (size_t)(i * 7 % 300);
        if (i % 500 == 499) sizes[i] = 10000; /* larger than a block */
        blocks[i] = arena_alloc(&a, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < sizes[i]; j++) assert_int_equal(blocks[i][j], 0);
        memset(blocks[i], i & 0xff, sizes[i]);
    }
    for (int i = 0; i < 2000; i++)
        for (size_t j = 0; j < sizes[i]; j++) assert_int_equal(blocks[i][j], i & 0xff);
    arena_done(&a);
    assert_null(a.blocks);
    arena_done(&a);
}

static void test_texts_are_copied(void **state) {
    (void)state;
    arena a = {0};
    char text[] = "a text";
    char *copy = arena_text(&a, text), *part = arena_text_sized(&a, text + 2, 3);
    char *none = arena_text_sized(&a, NULL, 0), *made = arena_printf(&a, "%s/%d", text, 42);
    text[0] = 'X';
    assert_string_equal(copy, "a text");
    assert_string_equal(part, "tex");
    assert_string_equal(none, "");
    assert_string_equal(made, "a text/42");
    arena_done(&a);
}

static void test_too_much_is_refused(void **state) {
    (void)state;
    arena a = {0};
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX / 4));
    assert_null(arena_text_sized(&a, "x", SIZE_MAX / 4));
    assert_null(arena_printf(&a, "%lc", (wint_t)0x20ac)); /* that the C locale does not have */
    assert_non_null(arena_alloc(&a, 1));
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(test_texts_are_copied),
        cmocka_unit_test(test_too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
