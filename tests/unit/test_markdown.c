/* Markdown files as outlines.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/document/markdown.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>

static markdown outline;

/* From a buffer of its very size, so that reading beyond it is seen. */
static void read_text(const char *text) {
    size_t size = strlen(text);
    char *copy = malloc(size ? size : 1);
    memcpy(copy, text, size);
    markdown_done(&outline);
    assert_int_equal(markdown_read(&outline, copy, size), 0);
    free(copy);
}

static const markdown_section *section(const char *title) {
    for (const markdown_section *s = outline.sections; s; s = s->next)
        if (strcmp(s->title, title) == 0) return s;
    fail_msg("no section '%s'", title);
    return NULL;
}

static const markdown_entry *entry(const markdown_section *s, int index) {
    const markdown_entry *e = s->entries;
    while (e && index-- > 0) e = e->next;
    assert_non_null(e);
    return e;
}

static void expect_field(const markdown_entry *e, int line, const char *key, const char *value,
                         bool marked) {
    assert_non_null(e->key);
    assert_string_equal(e->key, key);
    assert_string_equal(e->value, value);
    assert_int_equal(e->line, line);
    assert_int_equal(e->marked, marked);
}

static int finish(void **state) {
    (void)state;
    markdown_done(&outline);
    return 0;
}

static void expect_heading(const char *text, const char *number, const char *title, markdown_state state) {
    markdown_heading h = markdown_heading_read(text);
    if (h.title_size != strlen(title) || memcmp(h.title, title, h.title_size) != 0)
        fail_msg("'%s': '%.*s'", text, (int)h.title_size, h.title);
    assert_int_equal(h.number_size, strlen(number));
    if (h.number) assert_memory_equal(h.number, number, h.number_size);
    if (h.state != state) fail_msg("'%s': state %d", text, h.state);
}

static void test_headings(void **state) {
    (void)state;
    expect_heading("Project Overview", "", "Project Overview", MARKDOWN_UNSAID);
    expect_heading("1. Project Overview", "1", "Project Overview", MARKDOWN_UNSAID);
    expect_heading("1) Project Overview:", "1", "Project Overview", MARKDOWN_UNSAID);
    expect_heading("3.2 Set-up", "3.2", "Set-up", MARKDOWN_UNSAID);
    expect_heading("3.2. Set-up", "3.2", "Set-up", MARKDOWN_UNSAID);
    expect_heading("1\ufe0f\u20e3 First", "1", "First", MARKDOWN_UNSAID);
    expect_heading("\U0001f680 2. Go \U0001f389", "2", "Go", MARKDOWN_UNSAID);
    expect_heading("2. \U0001f680 Go", "2", "Go", MARKDOWN_UNSAID);
    expect_heading("3 ways out", "", "3 ways out", MARKDOWN_UNSAID);
    expect_heading("2024 plans", "", "2024 plans", MARKDOWN_UNSAID);
    expect_heading("3A.1: Engine", "", "3A.1: Engine", MARKDOWN_UNSAID);
    expect_heading("\u00dcbersicht", "", "\u00dcbersicht", MARKDOWN_UNSAID);
    expect_heading("1. Overview \u2705 COMPLETED", "1", "Overview", MARKDOWN_DONE);
    expect_heading("Overview \u2705", "", "Overview", MARKDOWN_DONE);
    expect_heading("Overview \u2705 Completed on 2024-05-01", "", "Overview", MARKDOWN_DONE);
    expect_heading("Overview \U0001f6a7 IN PROGRESS", "", "Overview", MARKDOWN_STARTED);
    expect_heading("Overview \u23f3", "", "Overview", MARKDOWN_OPEN);
    expect_heading("Overview - COMPLETED", "", "Overview", MARKDOWN_DONE);
    expect_heading("Overview \u2013 IN PROGRESS", "", "Overview", MARKDOWN_STARTED);
    expect_heading("Overview (done)", "", "Overview", MARKDOWN_DONE);
    expect_heading("Overview [PLANNED]:", "", "Overview", MARKDOWN_OPEN);
    expect_heading("Phase 1: Set-up (8 hours) \u2705", "", "Phase 1: Set-up (8 hours)", MARKDOWN_DONE);
    expect_heading("Files to Create (9):", "", "Files to Create (9)", MARKDOWN_UNSAID);
    expect_heading("How to get it done", "", "How to get it done", MARKDOWN_UNSAID);
    expect_heading("Turn \u274c into a link", "", "Turn \u274c into a link", MARKDOWN_UNSAID);
    expect_heading("DONE", "", "DONE", MARKDOWN_UNSAID);
    expect_heading("", "", "", MARKDOWN_UNSAID);
    expect_heading("\u2705", "", "", MARKDOWN_UNSAID);
    expect_heading("12.", "12", "", MARKDOWN_UNSAID);
}

static void test_sections_nest_by_level(void **state) {
    (void)state;
    read_text("before\n# Top\n### Deep\n## 2. Flat `code` **bold**\ntext\n");
    const markdown_section *s = outline.sections;
    assert_int_equal(s->level, 0);
    assert_string_equal(s->title, "");
    assert_string_equal(entry(s, 0)->text, "before");
    assert_ptr_equal(section("Deep")->parent, section("Top"));
    assert_int_equal(section("Deep")->level, 3);
    s = section("Flat code bold");
    assert_ptr_equal(s->parent, section("Top"));
    assert_string_equal(s->number, "2");
    assert_int_equal(s->line, 4);
    assert_null(s->next);
}

static void test_fields(void **state) {
    (void)state;
    read_text("# T\n"
              "- **A Key**: one\n"
              "- **B:** two\n"
              "* __C__: three\n"
              "- D d: four\n"
              "- \U0001f3af **E**: five\n"
              "- `f_f`: six\n"
              "- **G**:seven **bold** `x_y` [l](u)\n"
              "- **h: 'eight''\n"
              "- *I*:\n");
    const markdown_section *s = section("T");
    expect_field(entry(s, 0), 2, "A Key", "one", true);
    expect_field(entry(s, 1), 3, "B", "two", true);
    expect_field(entry(s, 2), 4, "C", "three", true);
    expect_field(entry(s, 3), 5, "D d", "four", false);
    expect_field(entry(s, 4), 6, "E", "five", true);
    expect_field(entry(s, 5), 7, "f_f", "six", false);
    expect_field(entry(s, 6), 8, "G", "seven bold `x_y` [l](u)", true);
    expect_field(entry(s, 7), 9, "h", "'eight''", true);
    expect_field(entry(s, 8), 10, "I", "", true);
    assert_string_equal(entry(s, 0)->text, "A Key: one");
}

static void test_what_is_no_field(void **state) {
    (void)state;
    read_text("# T\n"
              "- see http://a.b/c\n"
              "- a time of 10:30\n"
              "- `a`, `b`: both\n"
              "- this is a rather long sentence: with a colon\n"
              "- [ ] Test file: `a.c`\n"
              "- **Bold** words\n"
              "- **Phase 1: Set-up** goes first\n");
    for (const markdown_entry *e = section("T")->entries; e; e = e->next)
        if (e->key) fail_msg("line %d: key '%s'", e->line, e->key);
    assert_string_equal(entry(section("T"), 0)->text, "see http://a.b/c");
}

static void test_fields_in_paragraphs(void **state) {
    (void)state;
    read_text("# T\n"
              "**A:** one\n"
              "goes on\n"
              "Note: still\n"
              "**B**: two  \n"
              "**C**: three\n"
              "\n"
              "X: 1\n"
              "Y: 2\n"
              "\n"
              "Free text first\n"
              "Z: 3\n"
              "\n"
              "- **L**: wrapped,\n"
              "  over lines\n");
    const markdown_section *s = section("T");
    expect_field(entry(s, 0), 2, "A", "one goes on Note: still", true);
    expect_field(entry(s, 1), 5, "B", "two", true);
    expect_field(entry(s, 2), 6, "C", "three", true);
    expect_field(entry(s, 3), 8, "X", "1", false);
    expect_field(entry(s, 4), 9, "Y", "2", false);
    assert_null(entry(s, 5)->key);
    assert_string_equal(entry(s, 5)->text, "Free text first Z: 3");
    expect_field(entry(s, 6), 14, "L", "wrapped, over lines", true);
    assert_int_equal(entry(s, 6)->kind, MARKDOWN_ITEM);
    assert_int_equal(entry(s, 5)->kind, MARKDOWN_PARAGRAPH);
}

static void test_tables(void **state) {
    (void)state;
    read_text("words\n| **A** | `b` |\n| --- | :-: |\n| C: | d | e |\n| f |\n\n| A | B | C |\n|-|-|-|\n| 1 "
              "| 2 | 3 |\n");
    const markdown_section *s = outline.sections;
    assert_string_equal(entry(s, 0)->text, "words");
    expect_field(entry(s, 1), 2, "A", "`b`", false);
    expect_field(entry(s, 2), 4, "C", "d | e", false);
    expect_field(entry(s, 3), 5, "f", "", false);
    assert_null(entry(s, 4)->key);
    assert_null(entry(s, 4)->next);
    read_text("a | b\n--- | --- | ---\nc | d\n");
    assert_null(outline.sections->entries->next);
}

static void test_front_matter(void **state) {
    (void)state;
    read_text("---\na b: c\nlist: [x, 'y, z']\nother:\n- 1 # one\n# remark\nlast:\n---\n# T\nword\n");
    const markdown_section *s = outline.sections;
    expect_field(entry(s, 0), 2, "a b", "c", true);
    expect_field(entry(s, 1), 7, "last", "", true);
    assert_string_equal(entry(section("list"), 0)->text, "x");
    assert_string_equal(entry(section("list"), 1)->text, "'y, z'");
    assert_string_equal(entry(section("other"), 0)->text, "1");
    assert_int_equal(entry(section("other"), 0)->line, 5);
    assert_int_equal(section("T")->line, 9);
    assert_int_equal(entry(section("T"), 0)->line, 10);
    read_text("---\nwords that go on\n---\n");
    assert_null(outline.sections->entries);
    assert_string_equal(outline.sections->next->title, "words that go on");
}

static void test_a_field_above_dashes_is_no_heading(void **state) {
    (void)state;
    read_text("# T\n**A**: one\n---\n**B:** two\n---\nY: 1\nZ: 2\n---\n## **C:**\nTitle\n---\n");
    expect_field(entry(section("T"), 0), 2, "A", "one", true);
    expect_field(entry(section("T"), 1), 4, "B", "two", true);
    expect_field(entry(section("T"), 3), 7, "Z", "2", false);
    assert_int_equal(section("C")->level, 2);
    assert_int_equal(section("Title")->level, 2);
}

static void test_boxes(void **state) {
    (void)state;
    read_text("# T\n- [ ] a\n- [x] b\n- [X] c\n- [~] d\n- [-] e\n- [?] f\n- [x]g\n- [ ]\n- [x] **K**: "
              "v\n[x] no item\n");
    static const markdown_state states[] = {MARKDOWN_OPEN,    MARKDOWN_DONE,    MARKDOWN_DONE,
                                            MARKDOWN_STARTED, MARKDOWN_STARTED, MARKDOWN_UNSAID,
                                            MARKDOWN_UNSAID,  MARKDOWN_OPEN,    MARKDOWN_DONE};
    const markdown_section *s = section("T");
    for (int i = 0; i < 9; i++) assert_int_equal(entry(s, i)->state, states[i]);
    assert_string_equal(entry(s, 0)->text, "a");
    assert_string_equal(entry(s, 5)->text, "[?] f");
    assert_string_equal(entry(s, 7)->text, "");
    expect_field(entry(s, 8), 10, "K", "v [x] no item", true);
}

static void test_lists_within_lists(void **state) {
    (void)state;
    read_text("# T\n"
              "- [ ] a\n"
              "  more of a\n"
              "\n"
              "  a paragraph\n"
              "  - b\n"
              "\t- [x] c\n"
              "1. d\n"
              "> - e\n");
    const markdown_section *s = section("T");
    assert_string_equal(entry(s, 0)->text, "a more of a");
    assert_int_equal(entry(s, 0)->depth, 0);
    assert_int_equal(entry(s, 1)->kind, MARKDOWN_PARAGRAPH);
    assert_int_equal(entry(s, 1)->depth, 1);
    assert_string_equal(entry(s, 2)->text, "b");
    assert_int_equal(entry(s, 2)->depth, 1);
    assert_string_equal(entry(s, 3)->text, "c");
    assert_int_equal(entry(s, 3)->depth, 2);
    assert_int_equal(entry(s, 3)->state, MARKDOWN_DONE);
    assert_string_equal(entry(s, 4)->text, "d");
    assert_int_equal(entry(s, 4)->depth, 0);
    assert_string_equal(entry(s, 5)->text, "e");
}

static void test_names_of_lists_are_sections(void **state) {
    (void)state;
    read_text("## Over\n"
              "- **Needs**:\n"
              "  - one\n"
              "  - two\n"
              "- Also:\n"
              "  - three\n"
              "- **After**: x\n"
              "  - four\n"
              "\n"
              "**Phase 1: Set-up** (8 hours)\n"
              "\n"
              "- [ ] five\n"
              "\n"
              "**This is said loudly.**\n"
              "\n"
              "- [ ] **Ticked**:\n"
              "  - six\n");
    assert_string_equal(entry(section("Needs"), 1)->text, "two");
    assert_ptr_equal(section("Needs")->parent, section("Over"));
    assert_int_equal(section("Needs")->line, 2);
    assert_string_equal(entry(section("Also"), 0)->text, "three");
    expect_field(entry(section("Over"), 0), 7, "After", "x", true);
    assert_string_equal(entry(section("Over"), 1)->text, "four");
    const markdown_section *phase = section("Phase 1: Set-up (8 hours)");
    assert_string_equal(entry(phase, 0)->text, "five");
    assert_string_equal(entry(phase, 1)->text, "This is said loudly.");
    assert_string_equal(entry(phase, 2)->text, "Ticked:");
    assert_string_equal(entry(phase, 3)->text, "six");
}

static void test_inlines(void **state) {
    (void)state;
    read_text("# T\n- a <!-- no --> b<br>c <Type> &amp; \\* *d* ![i](p.png) <http://x.y>\n");
    assert_string_equal(entry(section("T"), 0)->text, "a  b c <Type> & * d ![i](p.png) http://x.y");
}

static void test_code(void **state) {
    (void)state;
    read_text("# T\n```JSON title\n{\n}\n```\n\n    indented\n\n- item\n  ~~~sql\n  x\n  ~~~\n``` \n```\n");
    const markdown_entry *e = entry(section("T"), 0);
    assert_int_equal(e->kind, MARKDOWN_CODE);
    assert_string_equal(e->language, "json");
    assert_string_equal(e->text, "{\n}\n");
    assert_int_equal(e->line, 3);
    e = entry(section("T"), 1);
    assert_string_equal(e->text, "indented\n");
    assert_string_equal(e->language, "");
    assert_int_equal(e->line, 7);
    e = entry(section("T"), 3);
    assert_string_equal(e->language, "sql");
    assert_string_equal(e->text, "x\n");
    assert_int_equal(e->depth, 1);
    assert_string_equal(entry(section("T"), 4)->text, "");
    assert_null(outline.problems);
}

static void expect_problem(int line, const char *part) {
    for (const markdown_problem *p = outline.problems; p; p = p->next)
        if (p->line == line && strstr(p->reason, part)) return;
    fail_msg("line %d: no problem '%s'", line, part);
}

static void test_a_fence_that_is_never_closed(void **state) {
    (void)state;
    read_text("# T\n```json\n{\n}\n\n#### Next\n- a\n\n## Last\n- b\n");
    expect_problem(2, "is not closed; it is taken to end before the next heading");
    assert_string_equal(entry(section("T"), 0)->text, "{\n}\n\n");
    assert_int_equal(section("Next")->line, 6);
    assert_int_equal(entry(section("Next"), 0)->line, 7);
    assert_int_equal(entry(section("Last"), 0)->line, 10);
    /* In a shell script, "# Next" is a comment. */
    read_text("# T\n```sh\n# comment\nls\n## Last\n- b\n");
    expect_problem(2, "is not closed");
    assert_string_equal(entry(section("T"), 0)->text, "# comment\nls\n");
    assert_string_equal(entry(section("Last"), 0)->text, "b");
    read_text("# T\n- a\n  ```\n  x\n## Next\n```c\nint");
    expect_problem(3, "this fence is not closed");
    expect_problem(6, "this fence is not closed");
    assert_string_equal(entry(section("Next"), 0)->text, "int\n");
    assert_null(outline.problems->next->next);
}

static void test_a_fence_that_is_closed_by_another(void **state) {
    (void)state;
    const char *text = "# T\n```js\ncode\n\n## Next\n- a\n\n```json\n{}\n```\n## Last\n";
    read_text(text);
    expect_problem(2, "is not closed; it is taken");
    assert_null(outline.problems->next);
    assert_string_equal(entry(section("T"), 0)->text, "code\n\n");
    assert_string_equal(entry(section("Next"), 1)->text, "{}\n");
    assert_int_equal(entry(section("Next"), 1)->line, 9);
    assert_int_equal(section("Last")->line, 11);
    /* A heading alone is no sign, nor is anything in a sample of markdown. */
    read_text("# T\n```js\n## Next\n```\n```markdown\n## A\n```json\n{}\n```\n");
    assert_null(outline.problems);
}

static void test_many_open_fences(void **state) {
    (void)state;
    enum { FENCES = 100 };
    char *text = calloc(FENCES, 32);
    for (int i = 0; i < FENCES; i++) strcat(text, "```json\n{\n## Next\n");
    read_text(text);
    free(text);
    int problems = 0;
    for (const markdown_problem *p = outline.problems; p; p = p->next) problems++;
    assert_int_equal(problems, 65); /* after REPAIRS_MOST the rest stays in the last one */
}

static void test_line_ends(void **state) {
    (void)state;
    read_text("\ufeff# T\r\n\r\n- **A**: one\r\n```json\r\n{\r\n\r\n## N\r\n- b\r\n");
    expect_field(entry(section("T"), 0), 3, "A", "one", true);
    assert_int_equal(section("N")->line, 7);
    assert_int_equal(entry(section("N"), 0)->line, 8);
    read_text("# T\r\r- a\r```c\rint\r\r## N\r- b");
    assert_int_equal(entry(section("N"), 0)->line, 8);
    read_text("");
    assert_null(outline.sections->next);
    assert_null(outline.sections->entries);
}

static char *repeat(const char *unit, int count) {
    char *text = malloc(strlen(unit) * (size_t)count + 1), *p = text;
    for (int i = 0; i < count; i++) p = stpcpy(p, unit);
    return text;
}

static void test_depth_is_limited(void **state) {
    (void)state;
    char *text = repeat("1. ", 200);
    read_text(text);
    expect_problem(1, "nested too deeply");
    assert_null(outline.problems->next);
    free(text);
    text = repeat("*a **b ", 200);
    read_text(text);
    assert_non_null(outline.sections->entries);
    free(text);
}

static void expect_refusal(const char *unit, int count, const char *part) {
    char *text = repeat(unit, count);
    int line = -1;
    const char *why = markdown_refuses(text, strlen(text), &line);
    if (!part)
        assert_null(why);
    else if (!why || !strstr(why, part))
        fail_msg("%s: %s", unit, why);
    free(text);
}

static void test_refusals(void **state) {
    (void)state;
    int line;
    assert_null(markdown_refuses("", 0, &line));
    expect_refusal("- ", 257, "nested too deeply");
    expect_refusal(">", 257, "nested too deeply");
    expect_refusal("1. >", 150, "nested too deeply");
    expect_refusal("- ", 200, NULL);
    expect_refusal("-", 5000, NULL);
    expect_refusal(" ", 5000, NULL);
    expect_refusal("1", 5000, NULL);
    expect_refusal("![", 4001, "too many images");
    expect_refusal("<!", 4001, "too many HTML");
    expect_refusal("a<?\n", 4001, "too many HTML");
    expect_refusal("[a](b) if (a < !b)\n", 4000, NULL);
    char text[700] = "# T\n";
    memset(text + 4, ' ', 600);
    strcpy(text + 604, "x");
    assert_non_null(markdown_refuses(text, strlen(text), &line));
    assert_int_equal(line, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headings),
        cmocka_unit_test(test_sections_nest_by_level),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_what_is_no_field),
        cmocka_unit_test(test_fields_in_paragraphs),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_front_matter),
        cmocka_unit_test(test_a_field_above_dashes_is_no_heading),
        cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_lists_within_lists),
        cmocka_unit_test(test_names_of_lists_are_sections),
        cmocka_unit_test(test_inlines),
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_a_fence_that_is_never_closed),
        cmocka_unit_test(test_a_fence_that_is_closed_by_another),
        cmocka_unit_test(test_many_open_fences),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_depth_is_limited),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
