/* Task documents: columns, metadata, and what is told of all that cannot be read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/value.h"
#include "service/document/document.h"
#include "service/document/document_words.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "failing_allocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static task_document document;

static void read_bytes(const char *text, size_t size) {
    char *copy = malloc(size ? size : 1);
    memcpy(copy, text, size);
    task_document_done(&document);
    assert_int_equal(task_document_read(&document, copy, size, NULL), 0);
    free(copy);
}

static void read_text(const char *text) { read_bytes(text, strlen(text)); }

static int finish(void **state) {
    (void)state;
    task_document_done(&document);
    return 0;
}

static void expect_text(const char *text, const char *expected) {
    if (!expected && !text) return;
    if (!expected || !text || strcmp(text, expected) != 0)
        fail_msg("'%s' is not '%s'", text ? text : "(null)", expected ? expected : "(null)");
}

/* A member of metadata as JSON; NULL: it is not there. */
static void expect_member(const char *key, const char *json) {
    baton_value v = baton_value_get(document.metadata, key);
    buffer b = {0};
    if (value_is_valid(v)) value_write(&b, v);
    value_unref(v);
    if (!json && b.size) fail_msg("%s: %s", key, b.data);
    if (json && strcmp(buffer_text(&b), json) != 0)
        fail_msg("%s: %s\nis not %s", key, buffer_text(&b), json);
    buffer_done(&b);
}

static void expect_problem(document_severity severity, int line, const char *part) {
    for (size_t i = 0; i < document.problem_count; i++) {
        const document_problem *p = &document.problems[i];
        if (p->line == line && strstr(p->reason, part)) {
            if (p->severity != severity) fail_msg("'%s' has severity %d", p->reason, p->severity);
            return;
        }
    }
    for (size_t i = 0; i < document.problem_count; i++)
        print_error("line %d: %s\n", document.problems[i].line, document.problems[i].reason);
    fail_msg("line %d: no problem '%s'", line, part);
}

static void expect_no_problem(const char *part) {
    for (size_t i = 0; i < document.problem_count; i++)
        if (strstr(document.problems[i].reason, part))
            fail_msg("line %d: %s", document.problems[i].line, document.problems[i].reason);
}

/* ---- Words ---- */

static void expect_hours(const char *text, double expected) {
    double hours = -1;
    bool read = words_hours(text, &hours);
    if (read != (expected >= 0) || (read && hours != expected)) fail_msg("'%s': %d %g", text, read, hours);
}

static void test_hours(void **state) {
    (void)state;
    expect_hours("20 hours", 20);
    expect_hours("80 hours (2 weeks)", 80);
    expect_hours("4 weeks (160 hours)", 160);
    expect_hours("4 weeks (150 hours total)", 150);
    expect_hours("2 weeks", 80);
    expect_hours("3 days", 24);
    expect_hours("1.5 hours", 1.5);
    expect_hours("90 minutes", 1.5);
    expect_hours("2h", 2);
    expect_hours("1 day, 4 hours", 12);
    expect_hours("1 week and 2 days", 56);
    expect_hours("~ 8 hrs.", 8);
    expect_hours("about 8 hours total", 8);
    expect_hours("8 hours - without tests", 8);
    expect_hours("8 hours \u2705", 8);
    expect_hours("2 Tage", 16);
    expect_hours("20 hours (8 hours done)", 20);
    expect_hours("2 weeks (60-80 hours)", 80);
    static const char *const others[] = {"2-3 hours",
                                         "2 - 3 hours",
                                         "2 to 3 hours",
                                         "2\u20133 hours",
                                         "2 hours - 3 hours",
                                         "20+ hours",
                                         "1,500 hours",
                                         "20",
                                         "",
                                         "TBD",
                                         "half a day",
                                         "3 months",
                                         "1 hour a phase",
                                         "-2 hours",
                                         "2 weeks, 60 hours",
                                         "1 hour 1 hour",
                                         "2 hours in 3 days",
                                         "99999999 hours",
                                         "1e3 hours",
                                         "h"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) expect_hours(others[i], -1);
}

static void expect_bare(const char *text, const char *expected) {
    arena a = {0};
    expect_text(words_without_remark(&a, text), expected);
    arena_done(&a);
}

static void test_remarks(void **state) {
    (void)state;
    expect_bare("3 (default)", "3");
    expect_bare("  High  ", "High");
    expect_bare("High (builds on it)", "High");
    expect_bare("High - it is late", "High");
    expect_bare("High \u2014 it is late", "High");
    expect_bare("\U0001f534 High \U0001f525", "High");
    expect_bare("'ui' - set from above", "ui");
    expect_bare("`a b`", "a b");
    expect_bare("\"it's\"", "it's");
    expect_bare("'don't'", "don't");
    expect_bare("semi-auto", "semi-auto");
    expect_bare("true # so far", "true");
    expect_bare("'open", "'open");
    expect_bare("", "");
    arena a = {0};
    expect_text(words_unquoted(&a, " 'a (b)' "), "a (b)");
    expect_text(words_unquoted(&a, "'a' and 'b'"), "'a' and 'b'");
    expect_text(words_unquoted(&a, "'"), "'");
    arena_done(&a);
}

static void test_questions(void **state) {
    (void)state;
    assert_true(words_are_placeholder("[Name]"));
    assert_true(words_are_placeholder(" <name> "));
    assert_true(words_are_placeholder("{a/b}"));
    assert_false(words_are_placeholder("[a] and [b]"));
    assert_false(words_are_placeholder("[a](b)"));
    assert_false(words_are_placeholder("]a]"));
    assert_false(words_are_placeholder("[]"));
    assert_true(words_are_choice("true | false"));
    assert_true(words_are_choice("'a' | 'b_c' | 'd' (one of them)"));
    assert_false(words_are_choice("a"));
    assert_false(words_are_choice("run this | that and more"));
    assert_false(words_are_choice("a |"));
    assert_true(words_are_none("None (uses what is there)"));
    assert_true(words_are_none("N/A"));
    assert_true(words_are_none("-"));
    assert_true(words_are_none("No changes"));
    assert_true(words_are_none("Keine"));
    assert_false(words_are_none("No-code editor"));
    assert_false(words_are_none("Nonexistent"));
    assert_false(words_are_none(""));
    char key[16];
    words_key("Feature/Component Name", key, sizeof key);
    assert_string_equal(key, "feature_compon");
    words_key(" \U0001f4c1 a--B: ", key, sizeof key);
    assert_string_equal(key, "a_b");
    words_key("1234567890123\u00fc", key, sizeof key); /* not half a letter */
    assert_string_equal(key, "1234567890123");
}

/* ---- Columns ---- */

#define TITLE    "# The Title\n"
#define OVERVIEW TITLE "## 1. Project Overview\n"

static void test_a_whole_document(void **state) {
    (void)state;
    read_text(
        "# Ledger 2A: Postings\n"
        "\n"
        "## 1. Project Overview\n"
        "- **Feature/Component Name**: Postings\n"
        "- **Priority**: High\n"
        "- **Estimated Time**: 80 hours (2 weeks)\n"
        "- **Dependencies**: Ledger 1A (Accounts), None\n"
        "- **Related Issues**: #12\n"
        "- **Owner**: Ann\n"
        "\n"
        "## 2. Technical Requirements\n"
        "- **Tech Stack**: C\n"
        "- **Backend Changes**: A table of postings\n"
        "\n"
        "## 3. Implementation Files\n"
        "#### Files to Create:\n"
        "- [ ] `src/a.c` - the code\n"
        "#### Files to Modify:\n"
        "- [x] `src/b.c`\n"
        "\n"
        "## 4. Implementation Phases\n"
        "#### Phase 1: Set-up (8 hours)\n"
        "- [x] one\n"
        "- [ ] two\n"
        "\n"
        "## 9. Success Criteria\n"
        "#### Technical:\n"
        "- [~] it works\n"
        "\n"
        "## 11. AI Auto-Implementation Instructions\n"
        "#### Task Database Fields:\n"
        "- **source_type**: 'markdown_doc'\n"
        "- **source_path**: './docs/postings.md'\n"
        "- **max_attempts**: 3\n"
        "#### AI Execution Context:\n"
        "```json\n"
        "{\"timeout_seconds\": 60, \"mine\": null}\n"
        "```\n"
        "#### Success Indicators:\n"
        "- [ ] tests pass\n"
        "\n"
        "## 12. References\n"
        "- **Guide**: a book\n"
        "\n"
        "## Database Task Creation Instructions\n"
        "As follows:\n"
        "```sql\n"
        "INSERT INTO tasks (id, project_id, title, type, category, priority, status, assignee, metadata)\n"
        "VALUES (uuid(), 'books', 'Ledger 2A: All Postings', 'feature', 'Backend', 'high', 'pending',\n"
        "  'bob', '[JSON]');\n"
        "```\n");
    assert_int_equal(document.problem_count, 0);
    expect_text(document.title, "Ledger 2A: All Postings");
    expect_text(document.priority, "high");
    expect_text(document.type, "feature");
    expect_text(document.category, "backend");
    expect_text(document.project_id, "books");
    expect_text(document.source_path, "docs/postings.md");
    assert_true(document.estimated_hours == 80);
    assert_int_equal(document.dependencies_line, 7);
    expect_member("feature", "\"Postings\"");
    expect_member("estimated_time", "\"80 hours (2 weeks)\"");
    expect_member("dependencies_text", "\"Ledger 1A (Accounts), None\"");
    expect_member("related_issues", "\"#12\"");
    expect_member("overview", "{\"owner\":\"Ann\"}");
    expect_member("technical_requirements",
                  "{\"backend_changes\":\"A table of postings\",\"tech_stack\":\"C\"}");
    expect_member("files",
                  "{\"create\":[{\"description\":\"the code\",\"path\":\"src/a.c\",\"state\":\"open\"}],"
                  "\"modify\":[{\"path\":\"src/b.c\",\"state\":\"done\"}]}");
    expect_member("phases", "[{\"hours\":8,\"steps\":[{\"state\":\"done\",\"text\":\"one\"},"
                            "{\"state\":\"open\",\"text\":\"two\"}],\"title\":\"Phase 1: Set-up\"}]");
    expect_member("success_criteria",
                  "[{\"group\":\"Technical\",\"state\":\"started\",\"text\":\"it works\"}]");
    expect_member("success_indicators", "[{\"state\":\"open\",\"text\":\"tests pass\"}]");
    expect_member("task_fields", "{\"max_attempts\":3,\"source_path\":\"./docs/postings.md\","
                                 "\"source_type\":\"markdown_doc\"}");
    expect_member("execution_context", "{\"mine\":null,\"timeout_seconds\":60}");
    expect_member("boxes", "{\"done\":1,\"total\":2}");
    expect_member(
        "sections",
        "[{\"fields\":{\"Guide\":\"a book\"},\"line\":42,\"number\":\"12\",\"title\":\"References\"}]");
    expect_member("mapping", "{\"assignee\":\"bob\"}");
}

static void test_where_the_title_comes_from(void **state) {
    (void)state;
    read_text("intro\n## Before\n# \U0001f680 1. The `Title` \u2705 COMPLETED\n# Another\n");
    expect_text(document.title, "The Title");
    read_text("# 1. Project Overview\n- **Feature Name**: 'Postings'\n# 2. Technical Requirements\n");
    expect_text(document.title, "Postings");
    read_text("# [Title]\n## Overview\n- **Name**: Postings\n");
    expect_text(document.title, "Postings");
    read_text("## Project Overview\n- **Priority**: low\n");
    expect_text(document.title, NULL);
    expect_problem(DOCUMENT_ERROR, 0, "no title");
}

static void expect_priority(const char *line, const char *priority, const char *problem) {
    char text[256];
    snprintf(text, sizeof text, OVERVIEW "%s\n", line);
    read_text(text);
    expect_text(document.priority, priority);
    if (problem)
        expect_problem(DOCUMENT_WARNING, 3, problem);
    else
        expect_no_problem("riority");
}

static void test_priority(void **state) {
    (void)state;
    expect_priority("- **Priority**: Critical", "critical", NULL);
    expect_priority("- **Priority:** High (builds on it)", "high", NULL);
    expect_priority("* __Priority__: \U0001f7e1 Medium", "medium", NULL);
    expect_priority("- Priority: `low`", "low", NULL);
    expect_priority("**Priority:** LOW - for now", "low", NULL);
    expect_priority("- **Priority**: Urgent", NULL, "'Urgent' is none of low, medium, high, critical");
    expect_priority("- **Priority**: Very High", NULL, "none of");
    expect_priority("- **Priority**: [High/Low]", NULL, "'Priority' is still a placeholder: [High/Low]");
    expect_priority("- **Priority**: high | low", NULL, "'Priority' is still a choice");
    expect_priority("- **Priority**:", NULL, "'Priority' is empty");
    expect_priority("- **Priority**: [High/Low]\n- **Priority**: low", "low", "still a placeholder");
    read_text(OVERVIEW "- **Owner**: Ann\n");
    expect_problem(DOCUMENT_WARNING, 0, "no priority is said");
    expect_problem(DOCUMENT_WARNING, 0, "no estimated time is said");
    expect_problem(DOCUMENT_WARNING, 0, "no type is said");
    expect_problem(DOCUMENT_WARNING, 0, "no category is said");
}

static void test_sections_of_the_first_level(void **state) {
    (void)state;
    read_text(TITLE "# 1. Project Overview\n## Basics\n- **Priority**: high\n"
                    "# 9. Success Criteria\n## Technical\n- [ ] x\n");
    expect_text(document.title, "The Title");
    expect_text(document.priority, "high");
    expect_member("success_criteria", "[{\"group\":\"Technical\",\"state\":\"open\",\"text\":\"x\"}]");
    /* The only one is the file's, even if it is called like a section. */
    read_text("# Project Overview\n- **Name**: a\n## Testing\n- **Priority**: high\n");
    expect_text(document.title, "a");
    expect_text(document.priority, NULL);
}

static void test_a_field_said_twice(void **state) {
    (void)state;
    read_text(OVERVIEW "- **Priority**: low\n- **Priority**: high\n- **Owner**: a\n- **Owner**: b\n"
                       "## 2. Technical Requirements\n- **Tech Stack**: C\n- **Tech stack**: D\n"
                       "## Other\n- **A**: 1\n- **A**: 2\n"
                       "## Task Database Fields\n- **max_attempts**: 2\n- **max_attempts**: 4\n");
    expect_text(document.priority, "low");
    expect_problem(DOCUMENT_WARNING, 4, "'Priority' is said a second time: the first counts");
    expect_problem(DOCUMENT_WARNING, 6, "'Owner' is said a second time");
    expect_problem(DOCUMENT_WARNING, 9, "'Tech stack' is said a second time");
    expect_problem(DOCUMENT_WARNING, 12, "'A' is said a second time");
    expect_problem(DOCUMENT_WARNING, 15, "'max_attempts' is said a second time");
    expect_member("overview", "{\"owner\":\"a\"}");
    expect_member("technical_requirements", "{\"tech_stack\":\"C\"}");
    expect_member("task_fields", "{\"max_attempts\":2}");
}

#define INSERT(columns, values) "```sql\nINSERT INTO tasks (" columns ")\nVALUES (" values ");\n```\n"

static void test_the_mapping_and_the_overview_differ(void **state) {
    (void)state;
    read_text(OVERVIEW
              "- **Priority**: low\n- **Estimated Time**: 8 hours\n"
              "## Task Database Fields\n- **source_path**: 'a.md'\n" INSERT(
                  "priority, estimated_hours, source_path, type", "'High', 9, 'b.md', 'two words'"));
    expect_text(document.priority, "low");
    expect_text(document.source_path, "a.md");
    assert_true(document.estimated_hours == 8);
    expect_problem(DOCUMENT_WARNING, 3, "priority is 'low' here and 'high' in the SQL mapping");
    expect_problem(DOCUMENT_WARNING, 4, "8 hours here and 9 in the SQL mapping");
    expect_problem(DOCUMENT_WARNING, 6, "source_path is 'a.md' here and 'b.md'");
    expect_problem(DOCUMENT_WARNING, 8, "type 'two words' is not one word");
    /* What the overview does not say, or not readably, comes from the mapping. */
    read_text(OVERVIEW "- **Priority**: urgent\n- **Estimated Time**: 2-3 hours\n" INSERT(
        "priority, estimated_hours, source_path", "'High', 9, 'docs/b.md'"));
    expect_text(document.priority, "high");
    assert_true(document.estimated_hours == 9);
    expect_text(document.source_path, "docs/b.md");
    expect_problem(DOCUMENT_WARNING, 4, "the estimated time is no single time: '2-3 hours'");
    expect_member("estimated_time", "\"2-3 hours\"");
    read_text(TITLE INSERT("priority, estimated_hours", "'soon', 'many'"));
    expect_problem(DOCUMENT_WARNING, 3, "priority 'soon' is none of");
    expect_problem(DOCUMENT_WARNING, 3, "estimated_hours is no number of hours");
    assert_true(document.estimated_hours < 0);
}

static void test_where_the_mapping_is(void **state) {
    (void)state;
    read_text(TITLE "```js\nrun(`INSERT INTO tasks (type) VALUES ('a')`)\n```\n"
                    "## Other\n```sql\nINSERT INTO tasks (type) VALUES ('b');\n```\n"
                    "## Database Task Creation Instructions\n"
                    "```\ninsert into tasks (type) values ('c');\n```\n");
    expect_text(document.type, "c");
    read_text(TITLE "```js\nrun(`INSERT INTO tasks (type) VALUES ('a')`)\n```\n"
                    "    INSERT INTO tasks (type) VALUES ('b');\n");
    expect_text(document.type, "b");
    read_text(TITLE "```sql\n-- INSERT INTO tasks\nSELECT 1;\n```\n");
    expect_no_problem("SQL");
    read_text(TITLE "```sql\n\nINSERT INTO tasks (a, type)\nVALUES (1,\n 'open);\n```\n");
    expect_problem(DOCUMENT_WARNING, 6, "the SQL mapping cannot be read");
    expect_member("mapping", NULL);
}

static void test_source_paths(void **state) {
    (void)state;
    static const char *const bad[] = {"/etc/x.md", "../x.md", "a/../../x.md",
                                      "~/x.md",    "C:/x.md", "a\\b.md"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256];
        snprintf(text, sizeof text, TITLE "## Task Database Fields\n- **source_path**: '%s'\n", bad[i]);
        read_text(text);
        expect_text(document.source_path, NULL);
        expect_problem(DOCUMENT_WARNING, 3, "is no path within the repository");
    }
    read_text(TITLE "## Task Database Fields\n- **source_path**: 'docs/[category]/[name].md'\n");
    expect_text(document.source_path, NULL);
    expect_problem(DOCUMENT_WARNING, 3, "'source_path' must be a text without placeholders");
    read_text(TITLE
              "## Task Database Fields\n- **source_path**: docs/a..b.md\n- **source_type**: 'jira'\n");
    expect_text(document.source_path, "docs/a..b.md");
    expect_problem(DOCUMENT_NOTE, 4, "source_type is 'jira', and will be 'markdown_doc'");
}

static void expect_derived(const char *title, const char *requirements, const char *type,
                           const char *category) {
    char text[512];
    snprintf(text, sizeof text, "# %s\n## 2. Technical Requirements\n%s\n", title, requirements);
    read_text(text);
    expect_text(document.type, type);
    expect_text(document.category, category);
    if (type) expect_problem(DOCUMENT_NOTE, 0, "is derived from");
    if (!type) expect_problem(DOCUMENT_WARNING, 0, "no type is said");
    if (!category) expect_problem(DOCUMENT_WARNING, 0, "no category is said");
}

static void test_type_and_category_are_derived(void **state) {
    (void)state;
    expect_derived("A", "- **Backend Changes**: x\n- **Database Changes**: y\n- **Frontend Changes**: None",
                   "feature", "backend");
    expect_derived("A", "- **Frontend Changes**: x\n- **Backend Changes**: N/A", "feature", "frontend");
    expect_derived("A", "- **Frontend Changes**: x\n- **Backend Changes**: y", "feature", "fullstack");
    expect_derived("A", "- **Database Changes**: x", "feature", "database");
    expect_derived("A", "- **API Changes**: x\n- **Database Changes**: -", "feature", "api");
    expect_derived("A", "- **API Changes**: None\n- **Backend Changes**: None (yet)", NULL, NULL);
    expect_derived("A", "- **Tech Stack**: tests", NULL, NULL);
    expect_derived("Fix the ledger", "- **API Changes**: x", "bugfix", "api");
    expect_derived("Refactored ledger", "", "refactoring", NULL);
    expect_derived("Prefix and suffixes", "- **API Changes**: x", "feature", "api");
    expect_derived("Ledger performance", "- **API Changes**: x", "optimization", "api");
    expect_derived("Ledger", "- **API Changes**: better performance", "feature", "api");
    expect_derived("Ledger", "- **API Changes**: an audit of it", "analysis", "api");
    expect_problem(DOCUMENT_NOTE, 0, "type 'analysis' is derived from 'audit' in API Changes");
}

static void test_type_and_category_are_said(void **state) {
    (void)state;
    read_text(OVERVIEW
              "- **Type**: Chore (small)\n- **Category**: [category]\n"
              "## AI Auto-Implementation Instructions\n- **category**: 'game-engine' - from above\n");
    expect_text(document.type, "chore");
    expect_text(document.category, "game-engine");
    read_text(OVERVIEW "- **Type**: new feature\n");
    expect_text(document.type, NULL);
    expect_problem(DOCUMENT_WARNING, 3, "type 'new feature' is not one word");
    read_text(OVERVIEW "- **Type**: chore\n" INSERT("type, category", "'a b', 'API-v2'"));
    expect_text(document.type, "chore");
    expect_text(document.category, "api-v2");
}

/* ---- Metadata ---- */

static void test_a_document_without_an_overview(void **state) {
    (void)state;
    read_text(TITLE "**Priority:** High\n**Estimated Time:** 4 hours\n**Depends On:** A 1\n\nwords\n"
                    "## Technical Requirements\n- **API Changes**: x\n## More\n- **Priority**: low\n");
    expect_text(document.priority, "high");
    assert_true(document.estimated_hours == 4);
    expect_member("dependencies_text", "\"A 1\"");
    expect_member("sections", "[{\"line\":1,\"text\":\"words\",\"title\":\"The Title\"},"
                              "{\"fields\":{\"Priority\":\"low\"},\"line\":9,\"title\":\"More\"}]");
}

static void test_fields_right_below_the_title(void **state) {
    (void)state;
    read_text("---\npriority: low\nowner: Ann\n---\n" TITLE "**Dependencies:**\n- A 1\n- A 2\n");
    expect_text(document.priority, "low");
    expect_member("dependencies_text", "\"A 1\\nA 2\"");
    expect_member("overview", "{\"owner\":\"Ann\"}");
}

static void test_lists_as_values(void **state) {
    (void)state;
    read_text(OVERVIEW "- **Dependencies**:\n  - A 1 (x)\n  - A 2\n- **Goals**: g\n"
                       "### Scope\nall of\n\nit\n"
                       "## Task Database Fields\n- **verify**:\n  - `make test`\n  - 'make \"lint\"'\n"
                       "- **weight**: 2.5\n- **flag**: true\n- **other**: [1, 2]\n- **text**: 3 pieces\n"
                       "- **quoted**: '7'\n");
    expect_member("dependencies_text", "\"A 1 (x)\\nA 2\"");
    assert_int_equal(document.dependencies_line, 3);
    expect_member("overview", "{\"goals\":\"g\",\"scope\":\"all of it\"}");
    expect_member("task_fields", "{\"flag\":true,\"other\":[1,2],\"quoted\":\"7\",\"text\":\"3 pieces\","
                                 "\"verify\":[\"make test\",\"make \\\"lint\\\"\"],\"weight\":2.5}");
}

/* What a document depends on, as a JSON text, and the line that says it. */
static void expect_dependencies(const char *text, const char *json, int line) {
    read_text(text);
    expect_member("dependencies_text", json);
    if (document.dependencies_line != line)
        fail_msg("line %d is not %d: %s", document.dependencies_line, line, text);
}

static void test_what_dependencies_are_called(void **state) {
    (void)state;
    static const char *const keys[] = {"Dependencies",  "depends on",     "BLOCKED BY",   "Requires",
                                       "Prerequisites", "Abhängigkeiten", "ABHÄNGIG VON", "Abhängig von"};
    char text[256];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        snprintf(text, sizeof text, OVERVIEW "- **%s**: A 1\n", keys[i]);
        expect_dependencies(text, "\"A 1\"", 3);
        snprintf(text, sizeof text, TITLE "%s: A 1\n\n## Overview\n- **Priority**: low\n", keys[i]);
        expect_dependencies(text, "\"A 1\"", 2);
        snprintf(text, sizeof text, OVERVIEW "- **Priority**: low\n## 2. %s\n- A 1\n1. A 2\n", keys[i]);
        expect_dependencies(text, "\"A 1\\nA 2\"", 4);
    }
    expect_dependencies(OVERVIEW "- **Abhängigkeiten**: Keine (Fundament)\n", "\"None\"", 3);
    expect_dependencies(OVERVIEW "- **Dependencies**: Keiner mag\n", "\"Keiner mag\"", 3);
    expect_dependencies(OVERVIEW "- **Depending**: A\n## Dependencies of others\n- B\n", NULL, 0);
}

static void test_sections_of_dependencies(void **state) {
    (void)state;
    expect_dependencies(TITLE "## Dependencies\nAs follows:\n- [x] **A 1**: the base\n  - why\n- [ ] A 2\n"
                              "- **Blocks**: Z\n- [Name of a task]\n```\ncode\n```\n",
                        "\"A 1: the base\\nA 2\"", 2);
    expect_problem(DOCUMENT_WARNING, 8, "the dependency is still a placeholder: [Name of a task]");
    expect_member("sections", "[{\"fields\":{\"Blocks\":\"Z\"},\"items\":[{\"text\":\"why\"},"
                              "{\"text\":\"[Name of a task]\"}],\"line\":2,\"text\":\"As follows:\","
                              "\"title\":\"Dependencies\"}]");
    expect_dependencies(TITLE "### Prerequisites\nA 1 and\nA 2\n", "\"A 1 and A 2\"", 2);
    expect_dependencies(TITLE "## Dependencies\nNone.\n", "\"None.\"", 2);
    expect_dependencies(TITLE
                        "## Dependencies\n### Inner\n- A 1\n### Outer\n- A 2\n- **Depends on**: A 3\n",
                        "\"A 1\\nA 2\\nA 3\"", 2);
    expect_dependencies(OVERVIEW "- **Dependencies**:\n  - [x] A 1\n- **Priority**: low\n", "\"A 1\"", 3);
    expect_text(document.priority, "low");
    expect_dependencies(TITLE "## Dependencies\n| Depends on | Value |\n|---|---|\n| A 1 | done |\n",
                        "\"A 1: done\"", 2);
    /* Of other things, or of nobody. */
    expect_dependencies(TITLE "## Technical Requirements\n### Dependencies\n- express\n", NULL, 0);
    expect_member("technical_requirements", "{\"dependencies\":\"express\"}");
    expect_dependencies(TITLE "## Notes\n**Dependencies:**\n- A\n", NULL, 0);
    expect_dependencies(TITLE "## Dependencies\n", NULL, 0);
}

static void test_dependencies_said_twice(void **state) {
    (void)state;
    expect_dependencies(OVERVIEW "- **Dependencies**: A 1\n## Prerequisites\n- A 2\n", "\"A 1\"", 3);
    expect_problem(DOCUMENT_WARNING, 4, "'Prerequisites' is said a second time: the first counts");
    expect_dependencies(OVERVIEW "- **Depends on**: A 1\n- **Blocked by**: A 2\n", "\"A 1\"", 3);
    expect_problem(DOCUMENT_WARNING, 4, "'Blocked by' is said a second time");
    expect_dependencies(OVERVIEW "- **Dependencies**: [A task]\n## Dependencies\n- A 2\n", "\"A 2\"", 4);
}

static void test_front_matter(void **state) {
    (void)state;
    expect_dependencies("---\ndependencies: [Five, \"Six, too\"]\npriority: 'high'\n---\n" OVERVIEW
                        "- **Estimated Time**: 2 hours\n",
                        "\"Five\\n\\\"Six, too\\\"\"", 2);
    expect_text(document.title, "The Title");
    expect_text(document.priority, "high");
    expect_no_problem("placeholder");
    expect_dependencies(
        "\ufeff---\r\ntype: docs\r\ndepends_on:\r\n  - Five # why\r\n  - 'Six'\r\nowner: Ann\r\n"
        "---\r\n# T\r\n## Files to Create\r\n- what is it\r\n",
        "\"Five\\nSix\"", 3);
    expect_text(document.type, "docs");
    expect_member("overview", "{\"owner\":\"Ann\"}");
    expect_problem(DOCUMENT_WARNING, 10, "no file is named");
    expect_dependencies("---\n# T\npriority: low\n---\n", NULL, 0);
    expect_text(document.title, "T");
    expect_dependencies("---\ndependencies: [Five]\n# T\n", NULL, 0);
    expect_dependencies("---\ndependencies: []\n---\n# T\n", NULL, 0);
}

static void test_fields_in_tables(void **state) {
    (void)state;
    expect_dependencies(OVERVIEW "| Field | Value |\n|:---|---:|\n| **Priority** | High |\n"
                                 "| Estimated Time: | 4 hours |\n| Depends on | [A 1](a.md), `b|c` |\n"
                                 "| Owner | |\n| | x |\n",
                        "\"[A 1](a.md), `b|c`\"", 7);
    expect_text(document.priority, "high");
    assert_true(document.estimated_hours == 4);
    expect_problem(DOCUMENT_WARNING, 8, "'Owner' is empty");
    read_text(TITLE
              "About it:\n**Priority** | Low\n--- | ---\nType | docs\n\n## Overview\n- **Scope**: s\n");
    expect_text(document.priority, "low");
    expect_text(document.type, "docs");
    read_text(OVERVIEW "| A | B | C |\n|---|---|---|\n| Priority | low | x |\n\n## Risks\n"
                       "| R | M |\n|---|---|\n| a | b |\n| a | c |\n");
    expect_text(document.priority, NULL);
    expect_no_problem("a second time");
}

static void test_german(void **state) {
    (void)state;
    read_text(TITLE
              "## 1. Projektübersicht\nPriorität: Kritisch\n- **Geschätzter Aufwand**: 1,5 Tage\n"
              "- **Typ**: bugfix\n- **Kategorie**: backend\n## 2. Technische Anforderungen\n"
              "- **Datenbank**: keine\n### Dateien zu erstellen\n- `a.c`\n### Dateien zu ändern\n- `b.c`\n"
              "### Zu löschende Dateien\n- `c.c`\n## Phasen\n### Phase 1: Los (2 Std.)\n- eins\n"
              "## Erfolgskriterien\n- gut\n");
    expect_text(document.priority, "critical");
    assert_true(document.estimated_hours == 12);
    expect_text(document.type, "bugfix");
    expect_text(document.category, "backend");
    expect_member("technical_requirements", "{\"datenbank\":\"keine\"}");
    expect_member("files", "{\"create\":[{\"path\":\"a.c\",\"state\":\"open\"}],"
                           "\"delete\":[{\"path\":\"c.c\",\"state\":\"open\"}],"
                           "\"modify\":[{\"path\":\"b.c\",\"state\":\"open\"}]}");
    expect_member("phases", "[{\"hours\":2,\"steps\":[{\"state\":\"open\",\"text\":\"eins\"}],"
                            "\"title\":\"Phase 1: Los\"}]");
    expect_member("success_criteria", "[{\"state\":\"open\",\"text\":\"gut\"}]");
    static const char *const words[][2] = {{"Hoch", "high"}, {"mittel", "medium"}, {"NIEDRIG", "low"}};
    for (size_t i = 0; i < 3; i++) {
        char text[128];
        snprintf(text, sizeof text, OVERVIEW "- **PRIORITÄT**: %s\n", words[i][0]);
        read_text(text);
        expect_text(document.priority, words[i][1]);
    }
}

static void expect_status(const char *text, const char *json, int line) {
    read_text(text);
    expect_member("document_status", json);
    if (line)
        expect_problem(DOCUMENT_WARNING, line, "it is completed; it is imported as pending");
    else
        expect_no_problem("completed");
}

static void test_status(void **state) {
    (void)state;
    expect_status("# T \u2705 COMPLETED\n", "\"completed\"", 1);
    expect_text(document.title, "T");
    expect_status(TITLE "## 1. Project Overview \u2705\n", "\"completed\"", 2);
    expect_status(OVERVIEW "- **Status**: \u2705 Done (in May)\n", "\"\u2705 Done (in May)\"", 3);
    expect_status(TITLE "Status: Completed\n\n## Overview\n- **Scope**: s\n", "\"Completed\"", 2);
    expect_status("---\nstatus: erledigt am 1. Mai\n---\n" TITLE, "\"erledigt am 1. Mai\"", 2);
    expect_status("# T (in progress)\n", "\"started\"", 0);
    expect_status(OVERVIEW "- **Status**: Not done\n", "\"Not done\"", 0);
    expect_status(OVERVIEW "- **Status**: Done except tests\n", "\"Done except tests\"", 0);
    expect_status(TITLE "## Phases\n### Phase 1: a \u2705\n- [x] b\n", NULL, 0);
}

static void expect_task_field(const char *line, const char *json, const char *problem) {
    char text[256];
    snprintf(text, sizeof text, TITLE "## Task Database Fields\n- %s\n", line);
    read_text(text);
    expect_member("task_fields", json);
    if (problem) expect_problem(DOCUMENT_WARNING, 3, problem);
}

static void test_task_fields_have_kinds(void **state) {
    (void)state;
    expect_task_field("**max_attempts**: 3 (default)", "{\"max_attempts\":3}", NULL);
    expect_task_field("max_attempts: 3", "{\"max_attempts\":3}", NULL);
    expect_task_field("**max_attempts**: 0", NULL, "must be a whole number from 1 to 100, and is 0");
    expect_task_field("**max_attempts**: 1.5", NULL, "must be a whole number from 1 to 100");
    expect_task_field("**max_attempts**: '3'", NULL, "and is \"3\"");
    expect_task_field("**automation_level**: `full_auto`", "{\"automation_level\":\"full_auto\"}", NULL);
    expect_task_field("**automation_level**: 'adaptive'", NULL,
                      "must be one of manual, assisted, semi_auto, full_auto, and is \"adaptive\"");
    expect_task_field("**automation_level**: 'a' | 'b'", NULL, "is still a choice");
    expect_task_field("**confirmation_required**: True (always)", "{\"confirmation_required\":true}", NULL);
    expect_task_field("**confirmation_required**: true | false", NULL, "is still a choice");
    expect_task_field("**fallback_detection**: 1", NULL, "must be true or false, and is 1");
    expect_task_field("**timeout_seconds**: 604801", NULL, "from 1 to 604800");
    expect_task_field("**max_confirmation_attempts**: 0", "{\"max_confirmation_attempts\":0}", NULL);
    expect_task_field("**confirmation_keywords**: [\"a\", \"b\"]",
                      "{\"confirmation_keywords\":[\"a\",\"b\"]}", NULL);
    expect_task_field("**confirmation_keywords**: []", NULL, "must be a list of texts, and is []");
    expect_task_field("**confirmation_keywords**: [1]", NULL, "must be a list of texts");
    expect_task_field("**confirmation_keywords**: a, b", NULL, "must be a list of texts");
    expect_task_field("**verify**: make test", "{\"verify\":[\"make test\"]}", NULL);
    expect_task_field("**git_branch_name**: feature/[name]", NULL, "must be a text without placeholders");
    expect_task_field("**git_branch_name**: --force", NULL, "must be a name that git takes for a branch");
    expect_task_field("**git_branch_name**: a..b", NULL, "must be a name that git takes for a branch");
    expect_task_field("**max_attemps**: 2", "{\"max_attemps\":2}",
                      "there is no setting 'max_attemps': did you mean 'max_attempts'?");
    expect_task_field("**git_branch**: a", "{\"git_branch\":\"a\"}", "did you mean 'git_branch_");
    expect_task_field("**Timeout**: 60", "{\"timeout\":60}", "did you mean 'timeout_seconds'?");
    static const char *const silent[] = {"status", "title",        "max",     "git",
                                         "source", "retry_budget", "priority"};
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++) {
        char line[64];
        snprintf(line, sizeof line, "**%s**: 2", silent[i]);
        char json[64];
        snprintf(json, sizeof json, "{\"%s\":2}", silent[i]);
        expect_task_field(line, json, NULL);
        expect_no_problem("there is no setting");
    }
    expect_task_field("**unknown**: [what]", NULL, "'unknown' is still a placeholder: [what]");
    expect_task_field("**unknown**:", NULL, "'unknown' is empty");
}

static void expect_context(const char *code, const char *json, int line, const char *problem) {
    char text[512];
    snprintf(text, sizeof text, TITLE "## 11. AI Execution Context\n%s", code);
    read_text(text);
    expect_member("execution_context", json);
    if (problem) expect_problem(DOCUMENT_WARNING, line, problem);
}

static void test_execution_context(void **state) {
    (void)state;
    expect_context("```json\n{\"a\": [1], \"requires_new_chat\": true}\n```\n",
                   "{\"a\":[1],\"requires_new_chat\":true}", 0, NULL);
    expect_context("```json\n{\"a\": 1,\n\"verfy\": []}\n```\n", "{\"a\":1,\"verfy\":[]}", 5,
                   "there is no setting 'verfy': did you mean 'verify'?");
    expect_context("```json\n{\n\"a\": 1,\n}\n```\n", NULL, 6, "the execution context is no JSON: ");
    expect_context("```json\n{\n\"requires_new_chat\": true | false\n}\n```\n", NULL, 5, "is no JSON");
    expect_context("```json\n[1]\n```\n", NULL, 4, "is no JSON object");
    expect_context("```json\n{\n\"timeout_seconds\": \"9\",\n\"verify\": \"make\"}\n```\n",
                   "{\"verify\":[\"make\"]}", 5,
                   "'timeout_seconds' must be a whole number from 1 to 604800, and is \"9\"");
    expect_context("```\n{\"a\": 1}\n```\n```json\n{}\n```\n", "{\"a\":1}", 7,
                   "a second execution context");
    expect_context("```json\n{\n\"a\": 1\n}\n\n#### Success Indicators\n- [ ] x\n", "{\"a\":1}", 3,
                   "this fence is not closed");
    expect_member("success_indicators", "[{\"state\":\"open\",\"text\":\"x\"}]");
    expect_context("- **timeout_seconds**: 60\n", "{\"timeout_seconds\":60}", 0, NULL);
    expect_context("no code\n", NULL, 0, NULL);
}

static void test_files(void **state) {
    (void)state;
    read_text(TITLE "## Files to Create (4):\n"
                    "- [ ] `a b.c` \u2013 with a dash\n"
                    "- src/c.c: a colon\n"
                    "- **Path**: `d.c` - marked\n"
                    "- [x] Makefile\n"
                    "  - more\n"
                    "  - [ ] `inner.c`\n"
                    "- [ ] `[path/to/file]` - [what]\n"
                    "- [ ] Write something\n"
                    "- [ ] `/etc/passwd`\n"
                    "- [ ] `../up.c`\n"
                    "- [ ] `x/[id].c` - [what]\n"
                    "### Files to Delete\n"
                    "- None (yet)\n");
    expect_member("files",
                  "{\"create\":[{\"description\":\"with a dash\",\"path\":\"a b.c\",\"state\":\"open\"},"
                  "{\"description\":\"a colon\",\"path\":\"src/c.c\",\"state\":\"open\"},"
                  "{\"description\":\"marked\",\"path\":\"d.c\",\"state\":\"open\"},"
                  "{\"details\":[\"more\"],\"path\":\"Makefile\",\"state\":\"done\"},"
                  "{\"path\":\"inner.c\",\"state\":\"open\"},"
                  "{\"outside\":true,\"path\":\"/etc/passwd\",\"state\":\"open\"},"
                  "{\"outside\":true,\"path\":\"../up.c\",\"state\":\"open\"},"
                  "{\"path\":\"x/[id].c\",\"state\":\"open\"}]}");
    expect_problem(DOCUMENT_WARNING, 9, "the file is still a placeholder");
    expect_problem(DOCUMENT_WARNING, 10, "no file is named by 'Write something'");
    expect_problem(DOCUMENT_WARNING, 11, "the file is outside of the repository: /etc/passwd");
    expect_problem(DOCUMENT_WARNING, 12, "outside of the repository: ../up.c");
    expect_member("boxes", "{\"done\":1,\"total\":8}");
}

static void test_phases(void **state) {
    (void)state;
    read_text(TITLE "## Implementation Phases\n"
                    "### Phase 1: A (1 week) \u2705\n- [x] one\n  - detail\n  - [-] inner\n"
                    "#### Later\n- [ ] two\n"
                    "### Phase 2: B (2-3 hours)\n- three\n"
                    "### Phase 3: C (see below)\n"
                    "## Phase 4: D\n- [ ] four\n"
                    "## Phase 5 notes\nwords\n");
    expect_member(
        "phases",
        "[{\"hours\":40,\"state\":\"done\",\"steps\":[{\"details\":[\"detail\"],\"state\":\"done\","
        "\"text\":\"one\"},{\"state\":\"started\",\"text\":\"inner\"},{\"state\":\"open\",\"text\":\"two\"}"
        "],"
        "\"title\":\"Phase 1: A\"},"
        "{\"steps\":[{\"state\":\"open\",\"text\":\"three\"}],\"title\":\"Phase 2: B (2-3 hours)\"},"
        "{\"steps\":[],\"title\":\"Phase 3: C (see below)\"},"
        "{\"steps\":[{\"state\":\"open\",\"text\":\"four\"}],\"title\":\"Phase 4: D\"}]");
    expect_problem(DOCUMENT_WARNING, 9, "no single time: '2-3 hours'");
    expect_member("boxes", "{\"done\":1,\"total\":5}");
    expect_member("sections", "[{\"line\":14,\"text\":\"words\",\"title\":\"Phase 5 notes\"}]");
}

static void test_phases_as_lists(void **state) {
    (void)state;
    read_text(TITLE "## 4) Phases\n"
                    "- [ ] **Phase 1: A** (8 hours)\n  - [x] one\n"
                    "- **Phase 2: B (4 hours)**\n  - [ ] two\n");
    expect_member(
        "phases",
        "[{\"hours\":8,\"state\":\"open\",\"steps\":[{\"state\":\"done\",\"text\":\"one\"}],"
        "\"title\":\"Phase 1: A\"},"
        "{\"hours\":4,\"steps\":[{\"state\":\"open\",\"text\":\"two\"}],\"title\":\"Phase 2: B\"}]");
    read_text(TITLE "## Implementation Phases\n- [ ] one\n- [x] two\n");
    expect_member(
        "phases",
        "[{\"steps\":[{\"state\":\"open\",\"text\":\"one\"},{\"state\":\"done\",\"text\":\"two\"}],"
        "\"title\":\"Implementation Phases\"}]");
}

static void test_what_is_left_over(void **state) {
    (void)state;
    read_text("front\n" TITLE "## 7. Notes\nA paragraph\n\nand another.\n"
              "- plain: item\n- [x] ticked\n  - why\n```c\nint x;\n```\n"
              "## Risk\n**High Risk:**\n- [ ] **Data**: lost\n");
    expect_member(
        "sections",
        "[{\"line\":1,\"text\":\"front\"},"
        "{\"items\":[{\"text\":\"plain: "
        "item\"},{\"details\":[\"why\"],\"state\":\"done\",\"text\":\"ticked\"}],"
        "\"line\":3,\"number\":\"7\",\"text\":\"A paragraph\\n\\nand another.\",\"title\":\"Notes\"},"
        "{\"items\":[{\"state\":\"open\",\"text\":\"Data: lost\"}],\"line\":14,\"title\":\"High Risk\"}]");
}

/* ---- What is no document ---- */

static void test_unreadable_files(void **state) {
    (void)state;
    read_text("");
    expect_problem(DOCUMENT_ERROR, 0, "the file is empty");
    read_text("\ufeff \r\n\t\n");
    expect_problem(DOCUMENT_ERROR, 0, "the file is empty");
    read_bytes("# A\r\n\r\nb\0c", 10);
    expect_problem(DOCUMENT_ERROR, 3, "a NUL byte: this is no text");
    read_bytes("# A\n\nb\xff\0", 8);
    expect_problem(DOCUMENT_ERROR, 3, "byte 0xff in line 3 is not UTF-8: save the file as UTF-8");
    assert_int_equal(document.problem_count, 1);
    assert_int_equal(baton_value_size(document.metadata), 0);
    char *large = malloc(LIMIT_DOCUMENT_BYTES + 1);
    memset(large, 'a', LIMIT_DOCUMENT_BYTES + 1);
    read_bytes(large, LIMIT_DOCUMENT_BYTES + 1);
    expect_problem(DOCUMENT_ERROR, 0, "more than 1048576 bytes");
    for (int i = 0; i < 600; i++) large[i] = '>';
    read_bytes(large, 1000);
    expect_problem(DOCUMENT_ERROR, 1, "nested too deeply");
    free(large);
}

static void test_problems_are_limited_and_sorted(void **state) {
    (void)state;
    enum { FILES = 200 };
    buffer b = {0};
    buffer_puts(&b, TITLE "## Files to Create\n");
    for (int i = 0; i < FILES; i++) buffer_puts(&b, "- [ ] some file\n");
    read_text(buffer_text(&b));
    buffer_done(&b);
    assert_int_equal(document.problem_count, 101);
    assert_non_null(strstr(document.problems[100].reason, "more problems"));
    for (int i = 0; i < 99; i++) assert_true(document.problems[i].line <= document.problems[i + 1].line);
}

static void test_line_ends(void **state) {
    (void)state;
    read_text("\ufeff# T\r\n## 1. Project Overview\r\n- **Priority**: High\r\n- **Name**: a\r\n  b\r\n"
              "## AI Execution Context\r\n```json\r\n{\"a\":\r\n}\r\n```\r\n");
    expect_text(document.title, "T");
    expect_text(document.priority, "high");
    expect_member("feature", "\"a b\"");
    expect_problem(DOCUMENT_WARNING, 9, "no JSON");
}

static void test_each_allocation_fails(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    static const char text[] =
        "---\ntags: [a]\nstatus: done\n---\n" OVERVIEW
        "| **Kind** | x |\n|---|---|\n| a | b |\n\n- **Priority**: urgent\n- **Dependencies**:\n  - A\n- "
        "**Scope**: a | b\n"
        "## Files to Create\n- [ ] `../a.c` - x\n  - y\n## Phases\n### Phase 1: A (1-2 hours)\n- b\n"
        "## Task Database Fields\n- **verify**: make\n- **max_attempts**: no\n- **x**: [1]\n"
        "## AI Execution Context\n```json\n{\"a\\n\": 1,}\n## Notes\nwords\n" INSERT("type", "'a");
    for (long i = 0;; i++) {
        baton_error *err = NULL;
        task_document d = {0};
        faulted = false;
        until_fault = i;
        int result = task_document_read(&d, text, strlen(text), &err);
        until_fault = -1;
        task_document_done(&d);
        if (!faulted) {
            assert_int_equal(result, 0);
            break;
        }
        if (result != -1) fail_msg("allocation %ld failed unnoticed", i);
        assert_int_equal(baton_error_get_code(err), BATON_ERROR_MEMORY);
        baton_error_free(err);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hours),
        cmocka_unit_test(test_remarks),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_a_whole_document),
        cmocka_unit_test(test_where_the_title_comes_from),
        cmocka_unit_test(test_priority),
        cmocka_unit_test(test_sections_of_the_first_level),
        cmocka_unit_test(test_a_field_said_twice),
        cmocka_unit_test(test_the_mapping_and_the_overview_differ),
        cmocka_unit_test(test_where_the_mapping_is),
        cmocka_unit_test(test_source_paths),
        cmocka_unit_test(test_type_and_category_are_derived),
        cmocka_unit_test(test_type_and_category_are_said),
        cmocka_unit_test(test_a_document_without_an_overview),
        cmocka_unit_test(test_fields_right_below_the_title),
        cmocka_unit_test(test_lists_as_values),
        cmocka_unit_test(test_what_dependencies_are_called),
        cmocka_unit_test(test_sections_of_dependencies),
        cmocka_unit_test(test_dependencies_said_twice),
        cmocka_unit_test(test_front_matter),
        cmocka_unit_test(test_fields_in_tables),
        cmocka_unit_test(test_german),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_task_fields_have_kinds),
        cmocka_unit_test(test_execution_context),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_phases_as_lists),
        cmocka_unit_test(test_what_is_left_over),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_problems_are_limited_and_sorted),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
