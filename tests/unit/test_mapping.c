/* The mapping of tasks to SQL: what is read from a document's statement, and what SQLite reads of what is
 * written. PostgreSQL is asked by tests/tasks/load.py.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "service/document/mapping.h"
#include "store/store.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "failing_allocation.h"

/* ---- Reading ---- */

/* Reads a copy of exactly this size, so that reading behind it is noticed. */
static baton_value read_sized(const char *sql, size_t size, baton_error **err) {
    char *copy = malloc(size ? size : 1);
    memcpy(copy, sql, size);
    baton_value row = mapping_read(copy, size, err);
    free(copy);
    return row;
}

static void expect(const char *sql, const char *json) {
    baton_error *err = NULL;
    baton_value row = read_sized(sql, strlen(sql), &err);
    if (err) fail_msg("%s: %s", sql, baton_error_message(err));
    char *got = baton_value_is_valid(row) ? baton_value_to_json(row) : strdup("none");
    if (strcmp(got, json) != 0) fail_msg("%s\ngives %s\nnot   %s", sql, got, json);
    free(got);
    baton_value_unref(row);
}

/* The value of one column. */
static void gives(const char *expression, const char *json) {
    buffer sql = {0}, row = {0};
    buffer_printf(&sql, "INSERT INTO tasks (a, b) VALUES (%s, 7);", expression);
    if (*json)
        buffer_printf(&row, "{\"a\":%s,\"b\":7}", json);
    else
        buffer_puts(&row, "{\"b\":7}");
    expect(buffer_text(&sql), buffer_text(&row));
    buffer_done(&sql);
    buffer_done(&row);
}

static void refuse(const char *sql, int line, const char *part) {
    baton_error *err = NULL;
    baton_value row = read_sized(sql, strlen(sql), &err);
    if (baton_value_is_valid(row) || !err) fail_msg("%s\nwas not refused", sql);
    assert_false(baton_value_is_valid(mapping_read(sql, strlen(sql), NULL)));
    assert_int_equal(baton_error_get_code(err), BATON_ERROR_INVALID);
    if (!strstr(baton_error_message(err), part))
        fail_msg("%s\nis refused as '%s', which lacks '%s'", sql, baton_error_message(err), part);
    if (baton_error_line(err) != line)
        fail_msg("%s\nis refused in line %d, not %d", sql, baton_error_line(err), line);
    baton_error_free(err);
}

static void the_seed(void **state) {
    (void)state;
    expect("INSERT INTO tasks (\n"
           "  id, project_id, title, description, type, category, priority, status,\n"
           "  source_type, source_path, source_content, metadata, estimated_hours\n"
           ") VALUES (\n"
           "  uuid(), -- Generated\n"
           "  'pidea-backend', -- From context\n"
           "  'Performance 3A.1: Core', -- From section 1\n"
           "  '[Full markdown content]', -- Complete description\n"
           "  'feature', -- Derived from Technical Requirements\n"
           "  'backend', -- Derived from context\n"
           "  'high', -- From section 1\n"
           "  'pending', -- Initial status\n"
           "  'markdown_doc', -- Source type\n"
           "  'docs/a.md', -- Source path\n"
           "  '[Full markdown content]', -- For reference\n"
           "  '[JSON with all metadata]', -- All technical details\n"
           "  20 -- From section 1 (total hours)\n"
           ");\n",
           "{\"category\":\"backend\",\"estimated_hours\":20,\"priority\":\"high\",\"project_id\":"
           "\"pidea-backend\",\"source_path\":\"docs/a.md\",\"source_type\":\"markdown_doc\","
           "\"status\":\"pending\",\"title\":\"Performance 3A.1: Core\",\"type\":\"feature\"}");
}

static void statements(void **state) {
    (void)state;
    expect("insert into TASKS(A,\"B c\",`d`)values(1,'x',NULL)", "{\"a\":1,\"b c\":\"x\",\"d\":null}");
    expect("INSERT INTO public.tasks (a) VALUES (1);", "{\"a\":1}");
    expect("INSERT INTO \"db\" . \"public\".\"Tasks\" (a) VALUES (1);", "{\"a\":1}");
    expect("INSERT OR REPLACE INTO tasks (a) VALUES (1);", "{\"a\":1}");
    expect("/* INSERT INTO tasks (a) VALUES (0); */ INSERT -- it\n INTO/**/tasks (a /* ' */) VALUES (1 -- "
           "'\n);",
           "{\"a\":1}");
    expect("CREATE TABLE tasks (a TEXT DEFAULT ';');\r\nSELECT 'INSERT INTO tasks (a) VALUES (0)';\r\n"
           "INSERT INTO other (a) VALUES (0); INSERT INTO tasks.other (a) VALUES (0);\r\n"
           "INSERT INTO tasks (a) VALUES (1);\r\nINSERT INTO tasks (a) VALUES (2); don't look here",
           "{\"a\":1}");
    expect("INSERT INTO tasks (a) VALUES (1), (2, 'cut off", "{\"a\":1}");
    expect("WITH x AS (SELECT 1) INSERT INTO tasks (a) VALUES (1) ON CONFLICT DO NOTHING", "{\"a\":1}");
}

static void nothing_there(void **state) {
    (void)state;
    expect("", "none");
    expect("-- INSERT INTO tasks (a) VALUES (1);", "none");
    expect("SELECT * FROM tasks; UPDATE tasks SET a = $1 WHERE b = 'INSERT INTO tasks';", "none");
    expect("CREATE FUNCTION f() AS $body$ don't; INSERT INTO tasks (a) VALUES (1) $body$;", "none");
    expect("INSERT INTO subtasks (a) VALUES (1)", "none");
    expect("INSERT INTO tasks_old (a) VALUES (1)", "none");
    expect("INSERT INTO 'tasks' (a) VALUES (1)", "none");
    expect("INSERT INTO", "none");
    expect("insert", "none");
}

static void values(void **state) {
    (void)state;
    gives("'it''s'''", "\"it's'\"");
    gives("''", "\"\"");
    gives("'a\\n\"b\" -- /* $$ é😀'", "\"a\\\\n\\\"b\\\" -- /* $$ é😀\"");
    gives("'two\nlines'", "\"two\\nlines\"");
    gives("E'it\\'s\\ta ''tab''\\\\ \\\"\\n'", "\"it's\\ta 'tab'\\\\ \\\"\\n\"");
    gives("e''", "\"\"");
    gives("$$it's$$", "\"it's\"");
    gives("$x1$a $$ b$x1$", "\"a $$ b\"");
    gives("20", "20");
    gives("- 2.5", "-2.5");
    gives("+1e3", "1000");
    gives(".5", "0.5");
    gives("20.", "20");
    gives("2.e-1", "0.2");
    gives("007", "7");
    gives("0", "0");
    gives("Null", "null");
    gives("TRUE", "true");
    gives("false", "false");
}

static void left_out(void **state) {
    (void)state;
    const char *const expressions[] = {
        "uuid()",
        "gen_random_uuid()",
        "NOW()",
        "DEFAULT",
        "?",
        "$1",
        ":name",
        "@name",
        "\"null\"",
        "f('a', g(1, 'b'), ARRAY['c', 'd'])",
        "CAST('a' AS jsonb)",
        "'{}'::jsonb",
        "'a' || 'b'",
        "1 + 2",
        "-'5'",
        "- -5",
        "X'00'",
        "(SELECT max(a), 1 FROM tasks)",
        "ARRAY['a', 'b']",
        "('a')",
        "1]",
        "$",
    };
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) gives(expressions[i], "");
}

static void placeholders(void **state) {
    (void)state;
    gives("'[Full markdown content]'", "");
    gives("'[all [of] it]'", "");
    gives("'<title>'", "");
    gives("'<>'", "");
    gives("'{title}'", "");
    gives("'{{ title }}'", "");
    gives("E'[it\\'s]'", "");
    /* Not wholly within one pair. */
    gives("'[UI] fix [x]'", "\"[UI] fix [x]\"");
    gives("'<b>bold</b>'", "\"<b>bold</b>\"");
    gives("'[open'", "\"[open\"");
    gives("'[open}'", "\"[open}\"");
    gives("'open]'", "\"open]\"");
    gives("'['", "\"[\"");
    gives("'[]]'", "\"[]]\"");
    /* JSON. */
    gives("'{\"a\": [1]}'", "\"{\\\"a\\\": [1]}\"");
    gives("'[]'", "\"[]\"");
}

static void refused(void **state) {
    (void)state;
    refuse("INSERT INTO tasks (a, b, c)\nVALUES\n  (1, 2);", 3, "2 values for 3 columns");
    refuse("INSERT INTO tasks (a, b)\nVALUES (1, f(2, 3), 4);", 2, "3 values for 2 columns");
    refuse("INSERT INTO tasks VALUES (1);", 1, "expected the columns in brackets");
    refuse("INSERT INTO tasks;", 1, "expected the columns in brackets, but the statement is cut off");
    refuse("INSERT INTO tasks DEFAULT VALUES;", 1, "expected the columns");
    refuse("INSERT INTO tasks () VALUES ();", 1, "expected a column");
    refuse("INSERT INTO tasks (a,\n) VALUES (1);", 2, "expected a column");
    refuse("INSERT INTO tasks (a, 1) VALUES (1, 2);", 1, "expected a column");
    refuse("INSERT INTO tasks (a b) VALUES (1, 2);", 1, "expected ',' or ')' after a column");
    refuse("INSERT INTO tasks (a, A) VALUES (1, 2);", 1, "column 'a' is there twice");
    refuse("INSERT INTO tasks (a) SELECT 1;", 1, "expected VALUES");
    refuse("INSERT INTO tasks (a) \"values\" (1);", 1, "expected VALUES");
    refuse("INSERT INTO tasks (a) VALUES 1;", 1, "expected the values in brackets");
    refuse("INSERT INTO tasks (a) VALUES ();", 1, "expected a value");
    refuse("INSERT INTO tasks (a, b) VALUES (1,\n,2);", 2, "expected a value");
    refuse("INSERT INTO tasks (a, b) VALUES (1, 0x10);", 1, "a number that cannot be read");
    refuse("INSERT INTO tasks (a, b) VALUES (1, 20h);", 1, "a number that cannot be read");
    refuse("INSERT INTO tasks (a) VALUES (E'\n\\q');", 2, "an escape");
    refuse("INSERT INTO tasks (a) VALUES (E'\\", 1, "an escape");
}

static void too_many_columns(void **state) {
    (void)state;
    buffer sql = {0};
    buffer_puts(&sql, "INSERT INTO tasks (c");
    for (int i = 0; i < 64; i++) buffer_printf(&sql, ", c%d", i);
    buffer_puts(&sql, ") VALUES (1)");
    refuse(buffer_text(&sql), 1, "more than 64 columns");
    buffer_done(&sql);
}

static void cut_off(void **state) {
    (void)state;
    refuse("INSERT INTO tasks (a,\nb", 2,
           "expected ',' or ')' after a column, but the statement is cut off");
    refuse("INSERT INTO tasks (a)", 1, "expected VALUES, but the statement is cut off");
    refuse("INSERT INTO tasks (a) VALUES", 1, "expected the values in brackets, but");
    refuse("INSERT INTO tasks (a) VALUES (1;\nSELECT 1);", 1,
           "after a value, but the statement is cut off");
    refuse("INSERT INTO tasks (a) VALUES (f(1;", 1, "but the statement is cut off");
    refuse("INSERT INTO tasks (a) VALUES (f((1)", 1, "but the statement is cut off");
    refuse("INSERT INTO tasks (a) VALUES (-", 1, "but the statement is cut off");
    refuse("INSERT INTO tasks (a) VALUES (\n1,", 2, "expected a value, but the statement is cut off");
    refuse("INSERT INTO tasks (a)\nVALUES (\n'it''s\n", 3, "a text without its closing '");
    refuse("INSERT INTO tasks (a) VALUES (E'x\\'", 1, "a text without its closing '");
    refuse("INSERT INTO tasks (\"a) VALUES (1)", 1, "a name without its closing \"");
    refuse("INSERT INTO tasks (a) VALUES ($x$ $y$", 1, "a text without its closing $x$");
    refuse("SELECT 1;\n/* INSERT INTO tasks (a) VALUES (1)", 2, "a comment without its closing '*/'");
    refuse("SELECT 'don't';\nINSERT INTO tasks (a) VALUES (1)", 1, "a text without its closing '");
}

/* Every beginning of a statement, and every one with a byte changed, is read or refused. */
static void damaged(void **state) {
    (void)state;
    static const char sql[] =
        "/* c */ INSERT INTO public.\"tasks\" (a, `b`) -- x\n"
        "VALUES (E'\\n''', $q$ ' $q$), (-.5e+1, f([1], '{}')), ('[x]', '{\"a\":\"\\n\"}');";
    static const char bytes[] = "'\"\\$(),;-/*.e0[\n\0\xff";
    size_t size = sizeof sql - 1;
    char changed[sizeof sql];
    for (size_t i = 0; i < size; i++) {
        baton_error *err = NULL;
        baton_value row = read_sized(sql, i, &err);
        assert_false(baton_value_is_valid(row) && err);
        error_clear(&err);
        baton_value_unref(row);
        for (size_t j = 0; j < sizeof bytes - 1; j++) {
            memcpy(changed, sql, size);
            changed[i] = bytes[j];
            row = read_sized(changed, size, &err);
            assert_false(baton_value_is_valid(row) && err);
            error_clear(&err);
            baton_value_unref(row);
        }
    }
}

/* ---- Writing ---- */

static const char *const columns[] = {"id",          "project_id",  "title",          "description",
                                      "type",        "category",    "priority",       "status",
                                      "source_type", "source_path", "source_content", "metadata"};
enum { TEXTS = sizeof columns / sizeof columns[0] };

static store_task task_of(const char *const texts[TEXTS], double hours) {
    return (store_task){.id = texts[0],
                        .project_id = texts[1],
                        .title = texts[2],
                        .description = texts[3],
                        .type = texts[4],
                        .category = texts[5],
                        .priority = texts[6],
                        .status = texts[7],
                        .source_type = texts[8],
                        .source_path = texts[9],
                        .source_content = texts[10],
                        .metadata = texts[11],
                        .estimated_hours = hours};
}

static void same_text(const char *column, const char *wanted, const char *got) {
    if (!wanted != !got || (wanted && strcmp(wanted, got) != 0))
        fail_msg("%s is '%s', not '%s'", column, got ? got : "NULL", wanted ? wanted : "NULL");
}

/* Writes a task and sees what SQLite has of it afterwards, and what mapping_read has where it may. */
static void round_trip(const char *const texts[TEXTS], double hours, bool readable) {
    store_task task = task_of(texts, hours);
    buffer sql = {0};
    mapping_write_table(&sql);
    mapping_write_table(&sql);
    mapping_write_task(&sql, &task);
    assert_false(buffer_failed(&sql));

    sqlite3 *db;
    sqlite3_stmt *query;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    if (sqlite3_exec(db, sql.data, NULL, NULL, NULL)) fail_msg("%s\n%s", sqlite3_errmsg(db), sql.data);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT * FROM tasks", -1, &query, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(query), SQLITE_ROW);
    assert_int_equal(sqlite3_column_count(query), TEXTS + 1);
    for (int i = 0; i < TEXTS; i++) {
        assert_string_equal(sqlite3_column_name(query, i), columns[i]);
        same_text(columns[i], texts[i], (const char *)sqlite3_column_text(query, i));
    }
    assert_string_equal(sqlite3_column_name(query, TEXTS), "estimated_hours");
    if (hours >= 0)
        assert_true(sqlite3_column_double(query, TEXTS) == hours);
    else
        assert_int_equal(sqlite3_column_type(query, TEXTS), SQLITE_NULL);
    assert_int_equal(sqlite3_step(query), SQLITE_DONE);
    sqlite3_finalize(query);
    sqlite3_close(db);

    baton_error *err = NULL;
    baton_value row = mapping_read(sql.data, sql.size, &err);
    assert_null(err);
    for (int i = 0; i < TEXTS && readable; i++)
        same_text(columns[i], texts[i], value_get_text(row, columns[i]));
    baton_value read_hours = baton_value_get(row, "estimated_hours");
    assert_int_equal(baton_value_kind(read_hours), hours >= 0 ? BATON_KIND_NUMBER : BATON_KIND_NULL);
    if (hours >= 0) assert_true(baton_value_as_number(read_hours) == hours);
    baton_value_unref(row);
    buffer_done(&sql);
}

static void written_as_the_seed(void **state) {
    (void)state;
    const char *const texts[TEXTS] = {"0198c0de-0000-7000-8000-000000000001",
                                      "p",
                                      "It's",
                                      "[x]",
                                      NULL,
                                      "backend",
                                      "high",
                                      "pending",
                                      "markdown_doc",
                                      "a\\b.md",
                                      "line\n.quit\n",
                                      "{\"a\":\"b\"}"};
    store_task task = task_of(texts, 20);
    buffer sql = {0};
    mapping_write_task(&sql, &task);
    assert_string_equal(buffer_text(&sql),
                        "INSERT INTO tasks (\n"
                        "  id, project_id, title, description, type, category, priority, status,\n"
                        "  source_type, source_path, source_content, metadata, estimated_hours\n"
                        ") VALUES (\n"
                        "  '0198c0de-0000-7000-8000-000000000001',\n"
                        "  'p',\n"
                        "  'It''s',\n"
                        "  '[x]',\n"
                        "  NULL,\n"
                        "  'backend',\n"
                        "  'high',\n"
                        "  'pending',\n"
                        "  'markdown_doc',\n"
                        "  'a\\b.md',\n"
                        "  'line\n.quit\n',\n"
                        "  '{\"a\":\"b\"}',\n"
                        "  20\n"
                        ");\n");
    buffer_done(&sql);
}

static void texts(void **state) {
    (void)state;
    const char *all[TEXTS] = {"id",
                              "it's ''",
                              "\\n \\' \\\\",
                              "\n.quit\n\\q\n\\.\n;\n/\ngo\n",
                              "$$ $1",
                              "-- /* */ ;",
                              "é 😀 \u2028",
                              "\"`",
                              "\t\v\f",
                              "12",
                              "",
                              "{\"a\":\"'\"}"};
    round_trip(all, 0, true);
    round_trip(all, 20, true);
    round_trip(all, 0.1, true);
    round_trip(all, 1e300, true);
    round_trip(all, -1, true);
    round_trip(all, NAN, true);
    const char *none[TEXTS] = {"id"};
    round_trip(none, -1, true);
    const char *returns[TEXTS] = {"\r",     "\r\n", "a\r\nb~1'\r\n~0", "~1 '\r\r\n", "\n\r", "~\r",
                                  "~~01\r", "~1~0", "'\r''\r",         "\r\n\r\n",   "x\r",  "{}"};
    round_trip(returns, 1, false);
}

static void long_texts(void **state) {
    (void)state;
    size_t size = 3 << 20;
    char *line = malloc(size + 1), *lines = malloc(size + 1);
    for (size_t i = 0; i < size; i++) {
        line[i] = "x'~"[i % 3];
        lines[i] = "~\r\n"[i % 3];
    }
    line[size] = lines[size] = '\0';
    const char *all[TEXTS] = {"id", line, lines};
    round_trip(all, 1, false);
    free(line);
    free(lines);
}

/* Texts of what is dangerous, from a fixed seed. */
static void random_texts(void **state) {
    (void)state;
    static const char *const pieces[] = {"'",  "''", "\\", "\n", "\r", "\r\n", "~", "~1", "~0",
                                         "$$", "--", "/*", ";",  ")",  "(",    ",", "x",  "😀"};
    unsigned random = 20261124;
    for (int n = 0; n < 200; n++) {
        buffer made[TEXTS] = {{0}};
        const char *all[TEXTS];
        bool readable = true;
        for (int i = 0; i < TEXTS; i++) {
            for (int j = 0; j < 12; j++) {
                random = random * 1103515245 + 12345;
                buffer_puts(&made[i], pieces[(random >> 16) % (sizeof pieces / sizeof pieces[0])]);
            }
            all[i] = buffer_text(&made[i]);
            readable &= !strchr(all[i], '\r');
        }
        round_trip(all, n, readable);
        for (int i = 0; i < TEXTS; i++) buffer_done(&made[i]);
    }
}

/* ---- Without memory ---- */

/* libjq's own allocations do not come through here. */
static void no_memory(void **state) {
    (void)state;
    if (!__real_malloc) skip();
    static const char sql[] =
        "INSERT INTO tasks (a, b, c) VALUES ('it''s a text of some length, more than the first "
        "allocation of a buffer', '[\"\\n\"]', '[x]')";
    for (long n = 0;; n++) {
        baton_error *err = NULL;
        faulted = false;
        until_fault = n;
        baton_value row = mapping_read(sql, sizeof sql - 1, &err);
        until_fault = -1;
        assert_true(baton_value_is_valid(row) == !faulted);
        assert_int_equal(baton_error_get_code(err), faulted ? BATON_ERROR_MEMORY : BATON_ERROR_NONE);
        if (!faulted) assert_int_equal(baton_value_size(row), 2);
        bool done = !faulted;
        baton_value_unref(row);
        baton_error_free(err);
        if (!done) continue;
        assert_true(n > 1);
        return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seed),
        cmocka_unit_test(statements),
        cmocka_unit_test(nothing_there),
        cmocka_unit_test(values),
        cmocka_unit_test(left_out),
        cmocka_unit_test(placeholders),
        cmocka_unit_test(refused),
        cmocka_unit_test(too_many_columns),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(damaged),
        cmocka_unit_test(written_as_the_seed),
        cmocka_unit_test(texts),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(random_texts),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
