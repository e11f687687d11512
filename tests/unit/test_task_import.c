/* Importing documents: which document is which task, what a later import changes and what it leaves.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "git_kit.h"

#include "service/task/task_service.h"

#include <sys/stat.h>

static baton_task_service *service;
static const char *import_project; /* as --project says */

static int begin(void **state) {
    char path[64];
    import_project = NULL;
    if (scene_begin(state) != 0) return -1;
    snprintf(path, sizeof path, "%s/tasks.db", folder);
    service = baton_task_service_open(path, NULL);
    return service && chdir(repo) == 0 ? 0 : -1;
}

static int end(void **state) {
    baton_task_service_close(service);
    return chdir("/") == 0 ? scene_end(state) : -1;
}

static void document(const char *path, const char *title, const char *needs, const char *more) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "# %s\n\n- **Priority**: High\n- **Type**: feature\n- **Category**: backend\n"
            "- **Estimated Time**: 2 hours\n- **Dependencies**: %s\n%s",
            title, needs, more);
    assert_int_equal(fclose(file), 0);
}

static baton_value import_with(const char *path, baton_import_options options) {
    baton_error *err = NULL;
    options.project = import_project;
    baton_value report = baton_task_service_import(service, &path, 1, &options, &err);
    if (!value_is_valid(report)) fail_msg("%s: %s", path, baton_error_message(err));
    return report;
}

/* "a.md new, b.md unchanged" */
static void expect_import(const char *path, const char *expected) {
    baton_value report = import_with(path, (baton_import_options){0});
    buffer b = {0};
    for (size_t i = 0; i < baton_value_size(report); i++) {
        baton_value one = baton_value_at(report, i), changes = baton_value_get(one, "changes");
        const char *file = value_get_text(one, "file"), *name = strrchr(file, '/');
        buffer_printf(&b, "%s%s %s", i ? ", " : "", name ? name + 1 : file, value_get_text(one, "result"));
        for (size_t k = 0; k < baton_value_size(changes); k++) {
            baton_value change = baton_value_at(changes, k);
            buffer_printf(&b, " %s", baton_value_as_text(change));
            value_unref(change);
        }
        value_unref(changes);
        value_unref(one);
    }
    assert_string_equal(buffer_text(&b), expected);
    buffer_done(&b);
    value_unref(report);
}

static void expect_member(const char *word, const char *key, const char *json) {
    baton_error *err = NULL;
    baton_value task = baton_task_service_get(service, word, &err);
    if (!value_is_valid(task)) fail_msg("%s: %s", word, baton_error_message(err));
    baton_value v = baton_value_get(task, key);
    char *text = baton_value_to_json(v);
    assert_string_equal(text, json);
    free(text);
    value_unref(v);
    value_unref(task);
}

static size_t count_tasks(void) {
    baton_value tasks = baton_task_service_list(service, NULL, NULL);
    assert_true(value_is_valid(tasks));
    size_t count = baton_value_size(tasks);
    value_unref(tasks);
    return count;
}

/* ---- Identity ---- */

static void again_changes_nothing(void **state) {
    (void)state;
    shell(NULL, "mkdir repo/docs");
    document("docs/a.md", "Shop 1A: One", "None", "");
    document("docs/b.md", "Shop 1B: Two", "Shop 1A", "");
    expect_import("docs", "a.md new, b.md new");
    expect_import("docs", "a.md unchanged, b.md unchanged");
    expect_import("docs/../docs/a.md", "a.md unchanged");
    expect_member("1A", "source_path", "\"docs/a.md\"");
    expect_member("1A", "version", "1");
    shell(NULL, "cd repo/docs && ln -s a.md link.md");
    expect_import("docs", "a.md unchanged, b.md unchanged"); /* a link is the file that it leads to */
    assert_int_equal(count_tasks(), 2);
}

static void the_own_path_counts(void **state) {
    (void)state;
    static const char mapping[] = "\n#### Task Database Fields:\n- **source_path**: plans/one.md\n";
    shell(NULL, "mkdir repo/x repo/y");
    document("x/a.md", "Shop 1A: One", "None", mapping);
    document("y/b.md", "Shop 1A: One", "None", mapping);
    expect_import("x/a.md", "a.md new");
    expect_member("1A", "source_path", "\"plans/one.md\"");
    expect_import("y/b.md", "b.md unchanged"); /* the same document in two places */
    document("y/b.md", "Shop 1A: Won", "None", mapping);
    expect_import("y/b.md", "b.md updated title");
    assert_int_equal(count_tasks(), 1);
    expect_import(".", "a.md updated title, b.md refused"); /* two that differ want to be one task */
}

static void a_moved_document_takes_its_task_along(void **state) {
    (void)state;
    document("a.md", "Shop 1A: One", "None", "");
    document("b.md", "Shop 1B: Two", "Shop 1A", "");
    expect_import(".", "a.md new, b.md new");
    shell(NULL, "cd repo && mkdir done && mv a.md done/");
    expect_import(".", "b.md unchanged, a.md updated source_path");
    expect_member("1A", "source_path", "\"done/a.md\"");
    expect_import(".", "b.md unchanged, a.md unchanged");
    assert_int_equal(count_tasks(), 2);
    shell(NULL, "cd repo && cp done/a.md copy.md"); /* the other is still there */
    expect_import("copy.md", "copy.md new");
    assert_int_equal(count_tasks(), 3);
}

static void projects_are_apart(void **state) {
    (void)state;
    document("a.md", "Shop 1A: One", "None", "");
    import_project = "one";
    expect_import("a.md", "a.md new");
    import_project = "two";
    expect_import("a.md", "a.md new");
    expect_import("a.md", "a.md unchanged");
    assert_int_equal(count_tasks(), 2);
}

/* ---- What a later import changes ---- */

static void approvals_end_with_the_document(void **state) {
    (void)state;
    document("a.md", "Shop 1A: One", "None", "");
    expect_import("a.md", "a.md new");
    assert_int_equal(baton_task_service_approve(service, "1A", "read", NULL), 0);
    document("a.md", "Shop 1A: One", "None", "\nmore\n");
    expect_import("a.md", "a.md updated text");
    expect_member("1A", "approvals", "null");
}

static void edits_stay(void **state) {
    (void)state;
    document("a.md", "Shop 1A: One", "None",
             "\n## 3. Implementation Files\n#### Files to Create:\n- [x] `x.c`\n");
    expect_import("a.md", "a.md new");
    baton_value changes = value_set_text(baton_value_object(), "priority", "low");
    assert_int_equal(baton_task_service_edit(service, "1A", changes, NULL), 0);
    value_unref(changes);
    document("a.md", "Shop 1A: Other", "Elsewhere", "");
    expect_import("a.md", "a.md updated title dependencies");
    expect_member("1A", "priority", "\"low\"");
    expect_member("1A", "boxes", "null"); /* it has none any more */
}

static baton_value run_meanwhile(void *data, baton_value task, baton_error **err) {
    (void)data, (void)err;
    return value_set_text(task, "status", "running");
}

static void what_runs_is_left_alone(void **state) {
    (void)state;
    document("a.md", "Shop 1A: One", "None", "");
    expect_import("a.md", "a.md new");
    char *id = task_service_resolve(service, "1A", NULL);
    assert_non_null(id);
    assert_int_equal(task_service_change(service, id, run_meanwhile, NULL, NULL, NULL), 0);
    free(id);
    document("a.md", "Shop 1A: Other", "None", "");
    expect_import("a.md", "a.md running");
    expect_member("1A", "title", "\"Shop 1A: One\"");
}

static void expect_problem(const char *path, baton_import_options options, const char *expected) {
    baton_value report = import_with(path, options);
    buffer b = {0};
    for (size_t i = 0; i < baton_value_size(report); i++) {
        baton_value one = baton_value_at(report, i), problems = baton_value_get(one, "problems");
        for (size_t k = 0; k < baton_value_size(problems); k++) {
            baton_value p = baton_value_at(problems, k);
            buffer_printf(&b, "%s: %s\n", value_get_text(p, "severity"), value_get_text(p, "reason"));
            value_unref(p);
        }
        value_unref(problems);
        value_unref(one);
    }
    if (!strstr(buffer_text(&b), expected)) fail_msg("'%s' is not in '%s'", expected, buffer_text(&b));
    buffer_done(&b);
    value_unref(report);
}

static void what_runs_says_what_to_do(void **state) {
    (void)state;
    static const baton_import_options store = {0}, look = {.dry_run = true, .force = true};
    document("a.md", "Shop 1A: One", "None", "");
    expect_import("a.md", "a.md new");
    char *id = task_service_resolve(service, "1A", NULL);
    assert_non_null(id);
    assert_int_equal(task_service_change(service, id, run_meanwhile, NULL, NULL, NULL), 0);
    free(id);
    expect_problem("a.md", look, "note: its task is being carried out: import it again");
    document("a.md", "Shop 1A: Other", "None", "");
    expect_problem("a.md", store, "warning: its task is being carried out: import it again");
    shell(NULL, "cd repo && mv a.md b.md");
    document("b.md", "Shop 1A: One", "None", "");
    expect_import("b.md", "b.md updated source_path"); /* that changes nothing of its work */
    expect_member("1A", "status", "\"running\"");
}

static void nothing_depends_on_itself(void **state) {
    (void)state;
    document("a.md", "Shop 1A: One", "Shop 1A, Shop 9Z", "");
    expect_problem("a.md", (baton_import_options){0}, "warning: it depends on 'Shop 1A', which is itself");
    expect_member("1A", "dependencies", "[{\"depends_on\":null,\"satisfied\":false,\"text\":\"Shop 9Z\"}]");
}

static void what_several_tasks_could_be_is_told(void **state) {
    (void)state;
    baton_error *err = NULL;
    shell(NULL, "mkdir repo/x");
    document("a.md", "Shop 1A: One", "None", "");
    document("b.md", "Shop 1A: Two", "None", "");
    document("c.md", "Shop 2: All", "Shop 1A", "");
    expect_problem(".", (baton_import_options){0}, "warning: it depends on 'Shop 1A', which several tasks");
    expect_member("Shop 2", "blocked_by",
                  "[{\"alias\":null,\"depends_on\":null,\"status\":\"ambiguous\",\"text\":\"Shop 1A\"}]");
    assert_null(task_service_resolve(service, "1A", &err));
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_USAGE);
    const char *message = baton_error_message(err), *one = strstr(message, "'Shop 1A: One' of project "),
               *two = strstr(message, "'Shop 1A: Two' of project ");
    assert_true(one && two && one < two && !strstr(message, "All"));
    baton_error_free(err);
}

static void five_of_many_are_named(void **state) {
    (void)state;
    baton_error *err = NULL;
    for (int i = 0; i < 7; i++) {
        char path[16], title[160];
        snprintf(path, sizeof path, "%d.md", i);
        snprintf(title, sizeof title, "Shop 1A: %d %s", i,
                 "a title of more than eighty bytes, as long as it can be, "
                 "and longer still, for all that");
        document(path, title, "None", "");
    }
    value_unref(import_with(".", (baton_import_options){0}));
    assert_null(task_service_resolve(service, "Shop 1A", &err));
    const char *message = baton_error_message(err);
    assert_non_null(strstr(message, "...' of project "));
    assert_non_null(strstr(message, " and 2 more"));
    baton_error_free(err);
}

/* ---- What is refused ---- */

static void a_circle_is_an_error(void **state) {
    (void)state;
    static const char *const path = ".";
    baton_error *err = NULL;
    document("a.md", "Shop 1A: One", "Shop 1B", "");
    document("b.md", "Shop 1B: Two", "Shop 1A", "");
    baton_value report = baton_task_service_import(service, &path, 1, NULL, &err);
    assert_false(value_is_valid(report));
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_CYCLE);
    assert_non_null(strstr(baton_error_message(err), "Shop 1A"));
    baton_error_free(err);
    assert_int_equal(count_tasks(), 0);
    document("c.md", "Shop 2: Three", "Nowhere", ""); /* what only looks tells all */
    expect_problem(".", (baton_import_options){.dry_run = true},
                   "error: tasks depend on each other in a circle: 'Shop 1A' needs 'Shop 1B'");
    expect_problem(".", (baton_import_options){.dry_run = true}, "warning: it depends on 'Nowhere'");
}

static void odd_files(void **state) {
    (void)state;
    static const char *const gone = "gone.md";
    baton_error *err = NULL;
    shell(NULL, "cd repo && mkdir docs && printf '# Notes\\n' > docs/notes.md && : > docs/empty.md && "
                "printf 'x\\377\\000y\\n' > docs/bytes.md && head -c 1100000 /dev/zero > docs/large.md && "
                "ln -s nowhere docs/lost.md");
    expect_import("docs", "bytes.md no task, empty.md no task, large.md refused, notes.md no task");
    expect_problem("docs", (baton_import_options){0}, "UTF-8");
    expect_problem("docs", (baton_import_options){0}, "note: the file is empty");
    expect_problem("docs", (baton_import_options){0}, "note: it has none of the fields, phases and files");
    expect_import("docs/notes.md", "notes.md refused");
    assert_false(value_is_valid(baton_task_service_import(service, &gone, 1, NULL, &err)));
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_NOT_FOUND);
    baton_error_free(err);
    assert_int_equal(count_tasks(), 0);
}

static void a_dry_run_stores_nothing(void **state) {
    (void)state;
    document("a.md", "Shop 1A: One", "None", "");
    value_unref(import_with("a.md", (baton_import_options){.dry_run = true}));
    assert_int_equal(count_tasks(), 0);
    const char *const path = "a.md";
    baton_value report =
        baton_task_service_import(NULL, &path, 1, &(baton_import_options){.dry_run = true}, NULL);
    assert_int_equal(baton_value_size(report), 1);
    value_unref(report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(again_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(the_own_path_counts, begin, end),
        cmocka_unit_test_setup_teardown(a_moved_document_takes_its_task_along, begin, end),
        cmocka_unit_test_setup_teardown(projects_are_apart, begin, end),
        cmocka_unit_test_setup_teardown(approvals_end_with_the_document, begin, end),
        cmocka_unit_test_setup_teardown(edits_stay, begin, end),
        cmocka_unit_test_setup_teardown(what_runs_is_left_alone, begin, end),
        cmocka_unit_test_setup_teardown(what_runs_says_what_to_do, begin, end),
        cmocka_unit_test_setup_teardown(nothing_depends_on_itself, begin, end),
        cmocka_unit_test_setup_teardown(what_several_tasks_could_be_is_told, begin, end),
        cmocka_unit_test_setup_teardown(five_of_many_are_named, begin, end),
        cmocka_unit_test_setup_teardown(a_circle_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(odd_files, begin, end),
        cmocka_unit_test_setup_teardown(a_dry_run_stores_nothing, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
