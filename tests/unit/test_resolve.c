/* References into targets, and the short names of titles.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
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

#define NOBODY    SIZE_MAX
#define NONE      DEPENDENCY_NONE
#define AMBIGUOUS DEPENDENCY_AMBIGUOUS
#define COUNT(a)  (sizeof(a) / sizeof *(a))

static dependency_index *index_of(const dependency_target *targets, size_t count) {
    baton_error *err = NULL;
    dependency_index *index = dependency_index_new(targets, count, &err);
    assert_non_null(index);
    assert_null(err);
    return index;
}

static void names_for(const dependency_index *index, const char *reference, size_t self, long expected) {
    long found = dependency_resolve(index, reference, self);
    if (found != expected) fail_msg("'%s' is %ld, not %ld", reference, found, expected);
}

static void names(const dependency_index *index, const char *reference, long expected) {
    names_for(index, reference, NOBODY, expected);
}

/* ---- A set of documents as they are written ---- */

enum { A2, B2, A1, B1, FOUNDATION, A3, A31, A32, B3, B31, PERFORMANCE, MAIN1, DOCUMENTS };
#define ROADMAP "docs/09_roadmap/features/unified-workflow-"

static const dependency_target documents[DOCUMENTS] = {
    [A2] = {"5b6a1f00-0000-7000-8000-000000000001",
            "Unified Workflow Automation 2A: Automation Level System", "Automation Level System",
            ROADMAP "automation-2a-automation-levels.md"},
    [B2] = {"5b6a1f00-0000-7000-8000-000000000002",
            "Unified Workflow Automation 2B: Enhanced Git Integration", "Enhanced Git Integration",
            ROADMAP "automation-2b-git-integration.md"},
    [A1] = {"a0000001-0000-7000-8000-000000000003",
            "Unified Workflow Foundation 1A: Core Interfaces & Context",
            "Core Interfaces & Context Management", ROADMAP "foundation-1a-core-interfaces.md"},
    [B1] = {"a0000001-0000-7000-8000-000000000004",
            "Unified Workflow Foundation 1B: Builder Pattern & Common Steps",
            "Builder Pattern & Common Workflow Steps", ROADMAP "foundation-1b-builder-pattern.md"},
    [FOUNDATION] = {"a0000005-0000-7000-8000-000000000005",
                    "Unified Workflow Foundation Architecture Implementation",
                    "Unified Workflow Foundation Architecture", ROADMAP "foundation-implementation.md"},
    [A3] = {"a0000006-0000-7000-8000-000000000006",
            "Unified Workflow Performance 3A: Sequential Workflow Optimization",
            "Sequential Workflow Optimization", ROADMAP "performance-3a-sequential-execution.md"},
    [A31] = {"a0000007-0000-7000-8000-000000000007",
             "Unified Workflow Performance 3A.1: Core Execution Engine Foundation",
             "Core Execution Engine Foundation", ROADMAP "performance-3a1-core-execution-engine.md"},
    [A32] = {"a0000008-0000-7000-8000-000000000008",
             "Unified Workflow Performance 3A.2: Optimization & Resource Management",
             "Optimization & Resource Management", ROADMAP "performance-3a2-optimization.md"},
    [B3] = {"a0000009-0000-7000-8000-000000000009",
            "Unified Workflow Performance 3B: Unified Handler System", "Unified Handler System",
            ROADMAP "performance-3b-unified-handlers.md"},
    [B31] = {"a000000a-0000-7000-8000-00000000000a",
             "Unified Workflow Performance 3B.1: Core Handler Infrastructure",
             "Core Handler Infrastructure", ROADMAP "performance-3b1-core-handler-infrastructure.md"},
    [PERFORMANCE] = {"a000000b-0000-7000-8000-00000000000b",
                     "Unified Workflow Performance & Integration Implementation",
                     "Unified Workflow Performance & Integration", ROADMAP "performance-implementation.md"},
    [MAIN1] = {"a000000c-0000-7000-8000-00000000000c",
               "Unified Workflow Performance Main.1: Database & Infrastructure",
               "Database & Infrastructure", ROADMAP "performance-main1-database-infrastructure.md"},
};

#define F1A "Foundation 1A (Core Interfaces & Context)"
#define F1B F1A ", Foundation 1B (Builder Pattern & Common Steps)"
#define U2A F1B ", Automation 2A (Automation Level System)"
#define U2B U2A ", Automation 2B (Enhanced Git Integration)"

/* What each says that it depends on; what is meant, and what stays with nobody. */
static const struct {
    const char *prose;
    long edges[6]; /* ended by NONE */
    const char *external;
} said[DOCUMENTS] = {
    [A2] = {F1B, {A1, B1, NONE}, ""},
    [B2] = {U2A, {A1, B1, A2, NONE}, ""},
    [A1] = {"None (foundation layer)", {NONE}, ""},
    [B1] = {F1A, {A1, NONE}, ""},
    [FOUNDATION] = {"None (foundation component)", {NONE}, ""},
    [A3] = {U2B, {A1, B1, A2, B2, NONE}, ""},
    [A31] = {F1B, {A1, B1, NONE}, ""},
    [A32] = {F1B ", Performance 3A.1 (Core Execution Engine Foundation)", {A1, B1, A31, NONE}, ""},
    [B3] = {U2B ", Performance 3A (Sequential Workflow Optimization)", {A1, B1, A2, B2, A3, NONE}, ""},
    [B31] = {F1B, {A1, B1, NONE}, ""},
    [PERFORMANCE] = {"Unified Workflow Foundation Architecture (Subtask 1), "
                     "Unified Workflow Automation Enhancement (Subtask 2)",
                     {FOUNDATION, NONE},
                     "Unified Workflow Automation Enhancement (Subtask 2)\n"},
    [MAIN1] = {F1B
               ", Performance 3A.1-3A.4 (Sequential Execution), Performance 3B.1-3B.4 (Unified Handlers)",
               {A1, B1, A31, A32, B31, NONE},
               "Performance 3A.3 (Sequential Execution)\nPerformance 3A.4 (Sequential Execution)\n"
               "Performance 3B.2 (Unified Handlers)\nPerformance 3B.3 (Unified Handlers)\n"
               "Performance 3B.4 (Unified Handlers)\n"},
};

static void edges_of_documents(void **state) {
    (void)state;
    dependency_index *index = index_of(documents, DOCUMENTS);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        baton_value references = dependency_split(said[i].prose, NULL);
        buffer external = {0};
        size_t found = 0;
        for (size_t k = 0; k < baton_value_size(references); k++) {
            baton_value one = baton_value_at(references, k);
            long to = dependency_resolve(index, baton_value_as_text(one), i);
            if (to == NONE)
                buffer_printf(&external, "%s\n", baton_value_as_text(one));
            else
                assert_int_equal(to, said[i].edges[found++]);
            value_unref(one);
        }
        assert_int_equal(said[i].edges[found], NONE);
        assert_string_equal(buffer_text(&external), said[i].external);
        buffer_done(&external);
        value_unref(references);
    }
    dependency_index_free(index);
}

static void ids(void **state) {
    (void)state;
    dependency_index *index = index_of(documents, DOCUMENTS);
    names(index, "a0000006-0000-7000-8000-000000000006", A3);
    names(index, "A0000006-0000-7000-8000-000000000006", A3);
    names(index, "`a0000006`", A3);
    names(index, "#a0000006", A3);
    names(index, "task a0000006-0", A3);
    names(index, "a000000", NONE);
    names(index, "5b6a1f00", AMBIGUOUS);
    names_for(index, "5b6a1f00", A2, B2);
    names_for(index, "a0000006", A3, NONE);
    names(index, "a0000006 0000", NONE);
    names(index, "ffffffff-0000", NONE);
    dependency_index_free(index);
}

static void paths(void **state) {
    (void)state;
    static const dependency_target targets[] = {
        {.source_path = "docs/plans/login.md"},
        {.source_path = "docs/old/login.md"},
        {.source_path = "docs/plans/sign_up.markdown", .title = "Registration"},
        {.source_path = "README"},
        {.source_path = "../..", .title = "Nowhere"},
    };
    dependency_index *index = index_of(targets, COUNT(targets));
    names(index, "docs/plans/login.md", 0);
    names(index, "./docs/plans/Login.md", 0);
    names(index, "../plans/login.md", 0);
    names(index, "/home/me/project/docs/plans/login.md", 0);
    names(index, "https://example.org/tree/main/docs/old/login.md", 1);
    names(index, "docs\\old\\login.md", 1);
    names(index, "plans/login", 0);
    names(index, "login.md", AMBIGUOUS);
    names_for(index, "login.md", 0, 1);
    names(index, "login", AMBIGUOUS);
    names(index, "sign_up", 2);
    names(index, "sign-up.md", 2);
    names(index, "`docs/plans/sign_up.md` (the form)", 2);
    names(index, "see docs/plans/sign_up.md#form", 2);
    names(index, "docs/plans/sign_up.md - the form", 2);
    names(index, "[Whatever](docs/plans/sign_up.md#form)", 2);
    names(index, "[Whatever](<docs/plans/sign_up.md> \"Sign up\") (the form)", 2);
    names(index, "After [Whatever](sign_up.md?plain=1)", 2);
    names(index, "[Registration](https://example.org/issues/12)", 2);
    names(index, "[Registration](lost.md)", 2);
    names(index, "readme", 3);
    names(index, "any/readme", NONE);
    names(index, "https://example.org/readme", NONE);
    names(index, "nowhere", 4);
    names(index, "..", NONE);
    names(index, "lost.md", NONE);
    dependency_index_free(index);
}

static void titles_and_aliases(void **state) {
    (void)state;
    dependency_index *index = index_of(documents, DOCUMENTS);
    names(index, "unified workflow foundation 1a — core interfaces and context", A1);
    names(index, "Foundation 1A: Core Interfaces & Context", A1);
    names(index, "Foundation 1A - Core Interfaces", A1);
    names(index, "Workflow Performance 3A", A3);
    names(index, "Performance 3A", A3);
    names(index, "performance 3a.1", A31);
    names(index, "3A.1", A31);
    names(index, "Performance 3A.5", NONE);
    names(index, "Performance 3", NONE);
    names(index, "formance 3A", NONE);
    names(index, "Old Performance 3A", NONE);
    names(index, "Performance Main.1", MAIN1);
    names(index, "Builder Pattern & Common Steps", B1);
    names(index, "Builder Pattern and Common Workflow Steps", B1);
    names(index, "Database & Infrastructure", MAIN1);
    names(index, "Unified Workflow Performance & Integration", PERFORMANCE);
    names(index, "**Foundation 1A** (core)", A1);
    names(index, "Requires Foundation 1A", A1);
    names(index, "after Foundation 1A", A1);
    names(index, "Depends on: the Foundation 1A tasks", A1);
    names(index, "completion of Foundation 1A (core)", A1);
    names(index, "Foundation 1A must be completed first", A1);
    names(index, "Task 1A", A1);
    names(index, "#1A", A1);
    names_for(index, "Foundation 1A", A1, NONE);
    names_for(index, "Performance 3A", A31, A3);
    dependency_index_free(index);
}

static void remarks(void **state) {
    (void)state;
    dependency_index *index = index_of(documents, DOCUMENTS);
    names(index, "Perf 3A (Sequential Workflow Optimization)", A3);
    names(index, "The handlers (Unified Handler System)", B3);
    names(index, "The handlers (Performance 3B)", B3);
    names(index, "The handlers: Performance 3B", B3);
    names(index, "(Foundation 1A)", A1);
    names(index, "[[Foundation 1A]]", A1);
    /* A code is not overruled; one in a remark is a part of something else. */
    names(index, "Performance 3A.3 (Core Execution Engine Foundation)", NONE);
    names(index, "The handlers (3B)", NONE);
    names_for(index, "The handlers (Unified Handler System)", B3, NONE);
    dependency_index_free(index);

    static const dependency_target targets[] = {
        {.title = "Shop 1A: Basket"},
        {.title = "Blog 1A: Basket of posts"},
        {.title = "Old shop 1A: Till"},
        {.title = "Phase 2: Rollout"},
        {.title = "Login"},
        {.title = "Backend", .feature = "Search"},
        {.title = "Backend", .feature = "Index"},
    };
    index = index_of(targets, COUNT(targets));
    names(index, "1A", AMBIGUOUS);
    names(index, "1A (Basket of posts)", 1);
    names(index, "1A (Till)", 2);
    names(index, "Shop 1A", AMBIGUOUS);
    names(index, "Shop 1A - Basket", 0);
    names_for(index, "Shop 1A", 0, 2);
    names_for(index, "1A", 0, AMBIGUOUS);
    names(index, "Payment (Phase 2)", NONE);
    names(index, "Login - Phase 2", 4);
    names(index, "Phases 2", 3);
    names(index, "Backend", AMBIGUOUS);
    names(index, "Backend (Index)", 6);
    names(index, "Payment (Backend)", AMBIGUOUS);
    names(index, "Payment 1A (Backend)", NONE);
    names_for(index, "Backend", 5, 6);
    dependency_index_free(index);
}

static void odd_targets(void **state) {
    (void)state;
    static char lengthy[2000];
    memset(lengthy, 'x', sizeof lengthy - 1);
    static const dependency_target targets[] = {
        {0},
        {"", "", "", ""},
        {.title = "...", .feature = "—", .source_path = "/"},
        {.title = lengthy, .feature = "Long", .source_path = lengthy},
        {.title = "Größe ÄNDERN ✅ 2A: Über"},
        {.title = "After Effects"},
        {.title = "Step 1 (of 2)", .feature = "[Epic] Search 4C: Index"},
        {.title = "Phase 1-2: both"},
    };
    dependency_index *index = index_of(targets, COUNT(targets));
    assert_int_equal(dependency_resolve(index, NULL, NOBODY), NONE);
    names(index, "", NONE);
    names(index, "...", NONE);
    names(index, "()", NONE);
    names(index, "(", NONE);
    names(index, "](", NONE);
    names(index, "[](", NONE);
    names(index, "[]()", NONE);
    names(index, lengthy, NONE);
    names(index, "long", 3);
    names(index, "größe ändern 2a", 4);
    names(index, "über", 4);
    names(index, "After Effects", 5);
    names(index, "Effects", NONE);
    names(index, "after After Effects", 5);
    names(index, "Step 1 (of 2)", 6);
    names(index, "Step 1", 6);
    names(index, "Search 4C", 6);
    names(index, "Phase 2", NONE);
    names(index, "2", NONE);
    dependency_index_free(index);
    index = index_of(NULL, 0);
    names(index, "Foundation 1A", NONE);
    names(index, "a0000006-0000", NONE);
    dependency_index_free(index);
    dependency_index_free(NULL);
}

static void short_names(void **state) {
    (void)state;
    static const char *const expected[][2] = {
        {"Unified Workflow Performance 3A.1: Core Engine", "Performance 3A.1"},
        {"Unified Workflow Performance Main.1: Database", "Performance Main.1"},
        {"Task 12: Login", "Task 12"},
        {"Task #12 - Login", "Task #12"},
        {"1A — Core", "1A"},
        {"12. Login", "12"},
        {"[Epic] Search 4C: Index", "Search 4C"},
        {"PROJ-12: Login", "PROJ-12"},
        {"Foundation 1A", "Foundation 1A"},
        {"Unified Workflow Foundation Architecture", "Unified Workflow Foundation Architecture"},
        {" Login (Phase 2) ", "Login (Phase 2)"},
        {"Release of 2024-01-15: notes", "Release of 2024-01-15: notes"},
        {"Python 3 everywhere", "Python 3 everywhere"},
        {"", ""},
    };
    char text[64];
    for (size_t i = 0; i < COUNT(expected); i++) {
        dependency_alias(expected[i][0], text, sizeof text);
        assert_string_equal(text, expected[i][1]);
    }
    dependency_alias(NULL, text, sizeof text);
    assert_string_equal(text, "");
    dependency_alias("Größe", text, 4); /* not within a character */
    assert_string_equal(text, "Gr");
    dependency_alias("Größe", text, 5);
    assert_string_equal(text, "Grö");
    dependency_alias("Login", text, 6);
    assert_string_equal(text, "Login");
    dependency_alias("Login", text, 1);
    assert_string_equal(text, "");
    text[0] = 'x';
    dependency_alias("Login", text, 0);
    assert_int_equal(text[0], 'x');
}

/* Every one of many targets is found by each of its names, and all of the same name are told apart from
 * one. */
static void many(void **state) {
    (void)state;
    enum { MANY = 500 };
    static char titles[MANY][64], paths_of[MANY][64], ids_of[MANY][40];
    static dependency_target targets[MANY];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(titles[i], sizeof *titles, "Big Plan %zu.%zu: Piece number %zux", i / 20, i % 20, i);
        snprintf(paths_of[i], sizeof *paths_of, "docs/part-%zu/piece-%zu.md", i / 20, i % 20);
        snprintf(ids_of[i], sizeof *ids_of, "%08zx-0000-7000-8000-000000000000",
                 i * 2654435761u % 0xffffffff);
        targets[i] = (dependency_target){ids_of[i], titles[i], "The same", paths_of[i]};
    }
    dependency_index *index = index_of(targets, MANY);
    for (size_t i = 0; i < MANY; i++) {
        char text[64];
        names(index, titles[i], (long)i);
        names(index, paths_of[i], (long)i);
        names(index, ids_of[i], (long)i);
        snprintf(text, sizeof text, "Plan %zu.%zu (%s)", i / 20, i % 20, "The same");
        names(index, text, (long)i);
        snprintf(text, sizeof text, "needs %.8s", ids_of[i]);
        names(index, text, (long)i);
        snprintf(text, sizeof text, "piece-%zu.md", i % 20);
        names(index, text, AMBIGUOUS);
    }
    names(index, "The same", AMBIGUOUS);
    dependency_index_free(index);
}

/* Any text at all, from a printed seed, names somebody or nobody. */
static void anything(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "Foundation", "1A",      "3A.1", "3B",   "(",    ")",     "[",
        "]",          "](",      "#",    ":",    " - ",  "after", "is",
        "done",       "`",       "\"",   "'",    "<",    ">",     ".md",
        "/",          "\\",      "é",    "\xff", "\xe2", "—",     "Core Handler Infrastructure",
        "s",          "a0000006"};
    const char *given = getenv("BATON_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("BATON_SEED=%llu\n", (unsigned long long)seed);
    dependency_index *index = index_of(documents, DOCUMENTS);
    unsigned hits = 0;
    for (unsigned round = 0; round < 20000; round++) {
        buffer b = {0};
        for (unsigned n = 0; n < 1 + round % 12; n++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            buffer_puts(&b, pieces[(seed >> 33) % COUNT(pieces)]);
            if (seed >> 63) buffer_putc(&b, ' ');
        }
        size_t self = seed >> 40 & 15;
        char *text = buffer_take(&b); /* nothing lies behind it: reading on is seen */
        assert_non_null(text);
        long found = dependency_resolve(index, text, self);
        assert_in_range(found + 2, 0, DOCUMENTS + 1);
        assert_true(found != (long)self);
        hits += found >= 0;
        dependency_alias(text, (char[16]){0}, 16);
        free(text);
    }
    assert_true(hits > 100);
    dependency_index_free(index);
}

static void without_memory(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    for (long n = 0;; n++) {
        baton_error *err = NULL;
        faulted = false;
        until_fault = n;
        dependency_index *index = dependency_index_new(documents, DOCUMENTS, &err);
        until_fault = -1;
        assert_true(faulted == !index);
        dependency_index_free(index);
        if (index) break;
        assert_int_equal(baton_error_get_code(err), BATON_ERROR_MEMORY);
        baton_error_free(err);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_of_documents), cmocka_unit_test(ids),     cmocka_unit_test(paths),
        cmocka_unit_test(titles_and_aliases), cmocka_unit_test(remarks), cmocka_unit_test(odd_targets),
        cmocka_unit_test(short_names),        cmocka_unit_test(many),    cmocka_unit_test(anything),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
