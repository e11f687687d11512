/* Prose of dependencies into references.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "base/limits.h"
#include "base/value.h"
#include "service/dependency/dependencies.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "failing_allocation.h"

/* `expected` is a line a reference. */
static void splits(const char *prose, const char *expected) {
    baton_error *err = NULL;
    baton_value all = dependency_split(prose, &err);
    if (!value_is_valid(all)) fail_msg("'%s': %s", prose, baton_error_message(err));
    assert_null(err);
    buffer got = {0};
    for (size_t i = 0; i < baton_value_size(all); i++) {
        baton_value one = baton_value_at(all, i);
        buffer_printf(&got, "%s%s", i ? "\n" : "", baton_value_as_text(one));
        value_unref(one);
    }
    if (strcmp(buffer_text(&got), expected) != 0)
        fail_msg("'%s' is split into\n%s\n- not into\n%s", prose, buffer_text(&got), expected);
    buffer_done(&got);
    value_unref(all);
}

static void refuses(const char *prose, baton_error_code code, const char *part) {
    baton_error *err = NULL;
    if (value_is_valid(dependency_split(prose, &err))) fail_msg("'%.80s' was accepted", prose);
    assert_false(value_is_valid(dependency_split(prose, NULL)));
    assert_int_equal(baton_error_get_code(err), code);
    if (!strstr(baton_error_message(err), part))
        fail_msg("'%.80s': '%s' lacks '%s'", prose, baton_error_message(err), part);
    baton_error_free(err);
}

static void lists(void **state) {
    (void)state;
    splits("Foundation 1A (Core Interfaces & Context), Foundation 1B (Builder Pattern & Common Steps)",
           "Foundation 1A (Core Interfaces & Context)\nFoundation 1B (Builder Pattern & Common Steps)");
    splits("Unified Workflow Foundation Architecture (Subtask 1), Automation (Subtask 2)",
           "Unified Workflow Foundation Architecture (Subtask 1)\nAutomation (Subtask 2)");
    splits("  A service ;B service\n\n C service,, ", "A service\nB service\nC service");
    splits("Auth, Auth, Login, Auth", "Auth\nLogin");
    splits("Foundation 1A.", "Foundation 1A");
    splits("- [x] Foundation 1A\n* Foundation 1B\n1. Login\n2) Logout\n• Core\n+ More",
           "Foundation 1A\nFoundation 1B\nLogin\nLogout\nCore\nMore");
    splits("[Foundation 1A, Foundation 1B]", "Foundation 1A\nFoundation 1B");
    splits("#12, 0190a6e2-1111-7000-8000-0123456789ab", "#12\n0190a6e2-1111-7000-8000-0123456789ab");
    splits("Task 12", "Task 12");
}

static void enclosed(void **state) {
    (void)state;
    splits("Login (a, b; c (d, e)), Logout [x, y]", "Login (a, b; c (d, e))\nLogout [x, y]");
    splits("[Foundation 1A, core](docs/x.md), `docs/y, z.md`",
           "[Foundation 1A, core](docs/x.md)\ndocs/y, z.md");
    splits("\"Login, logout\", 'In, out', “Up, down”, The user's guide, today's",
           "Login, logout\nIn, out\n“Up, down”\nThe user's guide\ntoday's");
    splits("`docs/x.md` (first), **Foundation 1A**", "`docs/x.md` (first)\nFoundation 1A");
    splits("Login (a\n b), Logout", "Login (a\n b)\nLogout");
    /* What never closes encloses nothing. */
    splits("Login (a, b", "Login (a\nb");
    splits("Login), (Logout", "Login)\n(Logout");
    splits("A \"b, c", "A \"b\nc");
}

static void joints(void **state) {
    (void)state;
    splits("1A, 1B and 1C", "1A\n1B\n1C");
    splits("1A, 1B, and 1C", "1A\n1B\n1C");
    splits("Task 3 and Task 4 & Phase 5 + Step 6", "Task 3\nTask 4\nPhase 5\nStep 6");
    splits("Foundation 1A (Core) and Automation 2A (Levels)",
           "Foundation 1A (Core)\nAutomation 2A (Levels)");
    splits("Auth (back) AND Billing (front)", "Auth (back)\nBilling (front)");
    splits("[A](a.md) and [B](b.md)", "[A](a.md)\n[B](b.md)");
    splits("docs/a.md and docs/b.md", "docs/a.md\ndocs/b.md");
    splits("`a` & `b`", "a\nb");
    splits("Builder Pattern & Common Steps", "Builder Pattern & Common Steps");
    splits("Search and Replace, Foundation 1A", "Search and Replace\nFoundation 1A");
    splits("Search and Replace and Foundation 1A", "Search and Replace and Foundation 1A");
    splits("Task 3 and cleanup", "Task 3 and cleanup");
    splits("Task 3 & Task 4 Integration", "Task 3 & Task 4 Integration");
    splits("Android 1A and Brandand 1B", "Android 1A\nBrandand 1B");
    splits("R&D 1A", "R&D 1A");
}

static void ranges(void **state) {
    (void)state;
    splits("Performance 3A.1-3A.4 (Sequential Execution)",
           "Performance 3A.1 (Sequential Execution)\nPerformance 3A.2 (Sequential Execution)\n"
           "Performance 3A.3 (Sequential Execution)\nPerformance 3A.4 (Sequential Execution)");
    splits("Foundation 1A-1C", "Foundation 1A\nFoundation 1B\nFoundation 1C");
    splits("3A.1–3A.2, 4A.1 — 4A.2", "3A.1\n3A.2\n4A.1\n4A.2");
    splits("3A.1 to 3A.2; Foundation 1a through 1C",
           "3A.1\n3A.2\nFoundation 1a\nFoundation 1b\nFoundation 1c");
    splits("1A..1B, 2A...2B, 3A…3B", "1A\n1B\n2A\n2B\n3A\n3B");
    splits("Tasks 1 to 3", "Tasks 1\nTasks 2\nTasks 3");
    splits("Task 08-10, #1-#2", "Task 08\nTask 09\nTask 10\n#1\n#2");
    splits("T1-T2 and M9-M10", "T1\nT2\nM9\nM10");
    splits("1A-1A", "1A");
    splits("**Foundation 1A-1B** (core)", "**Foundation 1A** (core)\n**Foundation 1B** (core)");
    splits("Main.1-Main.2", "Main.1\nMain.2");
}

/* Names, versions, dates and ids with dashes and "to" in them. */
static void no_ranges(void **state) {
    (void)state;
    static const char *const names[] = {
        "Foo-Bar service",
        "24-7 support",
        "Release of 2024-01-15",
        "Upgrade Vue 2 to 3",
        "Move from S3 to S4",
        "API v1 to v2",
        "12345678-1234-7000-8000-0123456789ab",
        "a1b2c3d4-e5f6",
        "Foundation 1A-Performance 3B",
        "[Foundation 1A-1C](docs/overview.md)",
        "1-on-1",
        "docs/3a.md",
        "Plans/1-3",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) splits(names[i], names[i]);
}

static void bad_ranges(void **state) {
    (void)state;
    refuses("Performance 3A.1-3B.4", BATON_ERROR_INVALID, "'3A.1-3B.4' cannot be read");
    refuses("Foundation 1A, 3A.1-4 (x)", BATON_ERROR_INVALID, "'3A.1-4' cannot be read");
    refuses("1A-2", BATON_ERROR_INVALID, "last part only");
    refuses("1A-1AB", BATON_ERROR_INVALID, "last part only");
    refuses("1-1A", BATON_ERROR_INVALID, "last part only");
    refuses("3A.4 to 3A.1", BATON_ERROR_INVALID, "'3A.4 to 3A.1' runs backwards");
    refuses("1C–1A", BATON_ERROR_INVALID, "runs backwards");
    refuses("Task 1-101", BATON_ERROR_LIMIT, "'1-101' spans more than 100");
    baton_value most = dependency_split("Task 1-100", NULL);
    assert_int_equal(baton_value_size(most), DEPENDENCY_RANGE_MOST);
    value_unref(most);
}

/* A code alone means what the code before it means. */
static void carried_words(void **state) {
    (void)state;
    splits("Foundation 1A, 1B and 1C", "Foundation 1A\nFoundation 1B\nFoundation 1C");
    splits("Foundation 1A (Core), 1B (Builder)", "Foundation 1A (Core)\nFoundation 1B (Builder)");
    splits("Tasks 12, 13, 14-15, #16, 17", "Tasks 12\nTasks 13\nTasks 14\nTasks 15\n#16\n17");
    splits("Foundation 1A-1B, 2A", "Foundation 1A\nFoundation 1B\nFoundation 2A");
    splits("Foundation 1A, 3A.1, 1B", "Foundation 1A\n3A.1\n1B");
    splits("Foundation 1A\n1B", "Foundation 1A\n1B");
    splits("Foundation 1A, Login, 1B", "Foundation 1A\nLogin\n1B");
    splits("Foundation 1A, None, 1B", "Foundation 1A\n1B");
    splits("Foundation 1A, [1B](b.md), 1C", "Foundation 1A\n[1B](b.md)\n1C");
    splits("docs/3a.md, 4b.md", "docs/3a.md\n4b.md");
}

static void nothing(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        " \n",
        "None",
        "none (foundation)",
        "None (foundation layer)",
        "None.",
        "None - foundation layer",
        "NONE: foundation",
        "*None*",
        "(none)",
        "N/A",
        "n/a (first task)",
        "-",
        "—",
        "✅",
        "No dependencies",
        "No external dependencies",
        "No dependencies on other tasks",
        "Not applicable",
        "Nothing",
        "- None",
        "None, none; N/A",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) splits(texts[i], "");
    splits("Foundation 1A, None (foundation layer)", "Foundation 1A");
    /* What says something more stays, to be looked at. */
    splits("None except Login", "None except Login");
    splits("No tasks view", "No tasks view");
    splits("Nonempty queue", "Nonempty queue");
    splits("TBD", "TBD");
}

static void limits(void **state) {
    (void)state;
    buffer b = {0};
    for (unsigned i = 0; i < 10; i++) buffer_printf(&b, "Phase %u.1-%u.100\n", i, i);
    baton_value all = dependency_split(buffer_text(&b), NULL);
    assert_int_equal(baton_value_size(all), LIMIT_DEPENDENCIES);
    value_unref(all);
    buffer_puts(&b, "Phase 1.7, Phase 11");
    refuses(buffer_text(&b), BATON_ERROR_LIMIT, "more than 1000 dependencies");
    buffer_done(&b);

    char *text = malloc(DEPENDENCY_PROSE_BYTES + 2);
    assert_non_null(text);
    memset(text, 'x', DEPENDENCY_PROSE_BYTES + 1);
    text[DEPENDENCY_PROSE_BYTES + 1] = '\0';
    refuses(text, BATON_ERROR_LIMIT, "more than 16384 bytes");
    text[DEPENDENCY_PROSE_BYTES] = '\0';
    splits(text, text);
    /* Nothing makes it slow, deep or read where it must not. */
    static const char *const pieces[] = {"(",   "[",  "'a ",  "\"", "a and ", "1A-",
                                         ",1A", "](", "\xe2", "`",  "\xc3(",  "- "};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t size = 0;
        while (size + strlen(pieces[i]) < 4096) size = (size_t)(stpcpy(text + size, pieces[i]) - text);
        baton_error *err = NULL;
        value_unref(dependency_split(text, &err));
        baton_error_free(err);
    }
    free(text);
}

/* Any text at all, from a printed seed, gives references or an error. */
static void anything(void **state) {
    (void)state;
    static const char *const pieces[] = {"Foundation", "1A",   "3A.1", "12",   "(",  ")",   "[", "]",
                                         "](",         ",",    ";",    "\n",   " ",  "-",   "–", "to",
                                         "and",        "&",    "None", "`",    "\"", "'",   "#", ".",
                                         ":",          "x.md", "é",    "\xff", "v2", "from"};
    const char *given = getenv("BATON_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("BATON_SEED=%llu\n", (unsigned long long)seed);
    for (unsigned round = 0; round < 5000; round++) {
        buffer b = {0};
        for (unsigned n = 0; n < 20; n++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            buffer_puts(&b, pieces[(seed >> 33) % (sizeof pieces / sizeof *pieces)]);
            if (seed >> 63) buffer_putc(&b, ' ');
        }
        baton_error *err = NULL;
        baton_value all = dependency_split(buffer_text(&b), &err);
        assert_true(value_is_valid(all) == !err);
        baton_error_free(err);
        for (size_t i = 0; i < baton_value_size(all); i++) {
            baton_value one = baton_value_at(all, i);
            const char *text = baton_value_as_text(one);
            if (!*text || strchr(" \n", text[0]) || strchr(" \n", text[strlen(text) - 1]))
                fail_msg("'%s' gives '%s'", buffer_text(&b), text);
            value_unref(one);
        }
        value_unref(all);
        buffer_done(&b);
    }
}

static void without_memory(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    for (long n = 0;; n++) {
        baton_error *err = NULL;
        faulted = false;
        until_fault = n;
        baton_value all = dependency_split("Foundation 1A (core), 1B-1D and Login", &err);
        until_fault = -1;
        assert_true(faulted != value_is_valid(all));
        value_unref(all);
        if (!faulted) break;
        assert_int_equal(baton_error_get_code(err), BATON_ERROR_MEMORY);
        baton_error_free(err);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),         cmocka_unit_test(enclosed),       cmocka_unit_test(joints),
        cmocka_unit_test(ranges),        cmocka_unit_test(no_ranges),      cmocka_unit_test(bad_ranges),
        cmocka_unit_test(carried_words), cmocka_unit_test(nothing),        cmocka_unit_test(limits),
        cmocka_unit_test(anything),      cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
