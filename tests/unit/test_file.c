/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/baton-file-XXXXXX";

static void write_bytes(size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++) putc('a' + (int)(i % 26), file);
    assert_int_equal(fclose(file), 0);
}

static void test_it_is_read_whole_and_appended(void **state) {
    (void)state;
    buffer text = {0};
    buffer_puts(&text, "before ");
    write_bytes(4);
    assert_int_equal(file_read(path, 100, &text, NULL), 0);
    assert_string_equal(buffer_text(&text), "before abcd");
    buffer_done(&text);
}

static void test_one_that_is_too_long_is_told_by_its_size(void **state) {
    (void)state;
    enum { MOST = 40000 };
    const size_t sizes[] = {MOST, MOST + 1, 100 * MOST};
    for (size_t i = 0; i < 3; i++) {
        buffer text = {0};
        write_bytes(sizes[i]);
        assert_int_equal(file_read(path, MOST, &text, NULL), 0);
        assert_int_equal(text.size > MOST, i > 0);
        assert_true(text.size < 2 * MOST);
        buffer_done(&text);
    }
}

static void test_what_cannot_be_read_is_told(void **state) {
    (void)state;
    buffer text = {0};
    baton_error *err = NULL;
    assert_int_equal(file_read("/tmp/baton-no-such-file", 100, &text, &err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_NOT_FOUND);
    assert_string_equal(baton_error_message(err),
                        "cannot open '/tmp/baton-no-such-file': No such file or directory");
    baton_error_free(err);
    assert_int_equal(file_read("/tmp", 100, &text, &err), -1);
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_SYSTEM);
    assert_string_equal(baton_error_message(err), "cannot read '/tmp': Is a directory");
    baton_error_free(err);
    assert_int_equal(text.size, 0);
    buffer_done(&text);
}

static int make_path(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_read_whole_and_appended),
        cmocka_unit_test(test_one_that_is_too_long_is_told_by_its_size),
        cmocka_unit_test(test_what_cannot_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
