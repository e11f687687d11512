/* What changed, by the real git; the user's index stays as it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "git_kit.h"

/* The changes as JSON, "head" left out; the index was not touched. */
static char *changes(const char *directory, const char *since) {
    char *before, *after;
    baton_error *err = NULL;
    shell(&before, "cksum repo/.git/index; stat -c %%y repo/.git/index; git --no-optional-locks -C repo "
                   "status --porcelain");
    baton_value value = git_changes(directory, since, &err);
    if (err) fail_msg("%s", baton_error_message(err));
    shell(&after, "cksum repo/.git/index; stat -c %%y repo/.git/index; git --no-optional-locks -C repo "
                  "status --porcelain");
    assert_string_equal(before, after);
    free(before);
    free(after);
    value = baton_value_remove(value, "head");
    char *json = baton_value_to_json(value);
    baton_value_unref(value);
    return json;
}

static void expect(const char *since, const char *json) {
    char *got = changes(repo, since);
    baton_value expected = baton_value_parse(json, strlen(json), NULL),
                value = baton_value_parse(got, strlen(got), NULL);
    if (!baton_value_is_valid(expected) || !baton_value_equal(expected, value))
        fail_msg("%s\nbut:\n%s", json, got);
    baton_value_unref(expected);
    baton_value_unref(value);
    free(got);
}

#define NOTHING "{\"files\":0,\"insertions\":0,\"deletions\":0,\"paths\":[],\"commits\":0}"

static void nothing(void **state) {
    (void)state;
    expect("HEAD", NOTHING);
    shell(NULL, "cd repo; touch a.txt; mkdir empty; echo ignored >.git/info/exclude; touch ignored");
    expect("trunk", NOTHING);
    baton_value value = git_changes(in_folder("repo/sub"), "HEAD", NULL);
    char *head;
    shell(&head, "git -C repo rev-parse HEAD");
    assert_string_equal(value_get_text(value, "head"), head);
    baton_value_unref(value);
    free(head);
}

static void all_kinds(void **state) {
    (void)state;
    shell(NULL,
          "cd repo; git tag base; printf '1\\n2\\n3\\n4\\n' >moved; git add moved; git commit -qm one; "
          "echo z >z; git add z; git commit -qm two; git mv moved other; rm sub/b.txt; printf "
          "'x\\n2\\n3\\n' >a.txt; "
          "printf 'u\\nu' >untracked; printf '\\0\\1\\n\\n' >binary; chmod +x z; ln -s z link");
    expect("base",
           "{\"files\":7,\"insertions\":9,\"deletions\":2,\"commits\":2,\"paths\":["
           "{\"path\":\"a.txt\",\"state\":\"modified\"},{\"path\":\"binary\",\"state\":\"added\"},"
           "{\"path\":\"link\",\"state\":\"added\"},{\"path\":\"other\",\"state\":\"added\"},"
           "{\"path\":\"sub/b.txt\",\"state\":\"deleted\"},{\"path\":\"untracked\",\"state\":\"added\"},"
           "{\"path\":\"z\",\"state\":\"added\"}]}");
    /* Against what is committed: a rename is two files. */
    expect("HEAD",
           "{\"files\":8,\"insertions\":8,\"deletions\":6,\"commits\":0,\"paths\":["
           "{\"path\":\"a.txt\",\"state\":\"modified\"},{\"path\":\"binary\",\"state\":\"added\"},"
           "{\"path\":\"link\",\"state\":\"added\"},{\"path\":\"moved\",\"state\":\"deleted\"},"
           "{\"path\":\"other\",\"state\":\"added\"},{\"path\":\"sub/b.txt\",\"state\":\"deleted\"},"
           "{\"path\":\"untracked\",\"state\":\"added\"},{\"path\":\"z\",\"state\":\"modified\"}]}");
}

static void odd_names(void **state) {
    (void)state;
    shell(
        NULL,
        "cd repo; for n in 'a b' \"q'\\\"\" ':x' '-n' \"$(printf 'l\\nn\\ttab')\" \"$(printf 'bad\\377')\" "
        "\"$(printf '\\303\\244')\"; do echo x >\"./$n\"; done");
    expect("HEAD",
           "{\"files\":7,\"insertions\":7,\"deletions\":0,\"commits\":0,\"paths\":["
           "{\"path\":\"-n\",\"state\":\"added\"},{\"path\":\":x\",\"state\":\"added\"},"
           "{\"path\":\"a b\",\"state\":\"added\"},{\"path\":\"bad\xef\xbf\xbd\",\"state\":\"added\"},"
           "{\"path\":\"l\\nn\\ttab\",\"state\":\"added\"},{\"path\":\"q'\\\"\",\"state\":\"added\"},"
           "{\"path\":\"\xc3\xa4\",\"state\":\"added\"}]}");
}

static void many_files(void **state) {
    (void)state;
    shell(NULL, "cd repo; mkdir many; i=0; while [ $i -lt 700 ]; do echo x >many/$i; i=$((i+1)); done");
    baton_value value = git_changes(repo, "HEAD", NULL), paths = baton_value_get(value, "paths"),
                files = baton_value_get(value, "files"), insertions = baton_value_get(value, "insertions");
    assert_int_equal(baton_value_as_number(files), 700);
    assert_int_equal(baton_value_as_number(insertions), 700);
    assert_int_equal(baton_value_size(paths), GIT_PATHS_MOST);
    baton_value_unref(paths);
    baton_value_unref(value);
}

/* Other repositories, submodules and worktrees within, and configuration that changes how git shows things.
 */
static void other_repositories(void **state) {
    (void)state;
    shell(NULL,
          "make m; cd m; echo m >m; git add m; git commit -qm m; cd ../repo; "
          "git -c protocol.file.allow=always submodule add -q ../m m; git commit -qm module; "
          "echo x >>m/m; echo y >m/y; make inner; git worktree add -q -b w w; "
          "git config diff.renames copies; git config diff.noprefix true; git config diff.relative true; "
          "git config diff.orderFile /dev/null; git config core.quotePath true; git config "
          "diff.ignoreSubmodules none");
    expect("HEAD", NOTHING);
    /* A submodule at another commit is a change of this repository. */
    shell(NULL, "cd repo/m; git -c user.name=x -c user.email=x@y commit -qam more");
    expect("HEAD", "{\"files\":1,\"insertions\":1,\"deletions\":1,\"commits\":0,"
                   "\"paths\":[{\"path\":\"m\",\"state\":\"modified\"}]}");
}

/* With what is only intended, to be resolved, or locked by one that was killed. */
static void odd_indexes(void **state) {
    (void)state;
    shell(NULL, "cd repo; echo n >n; git add -N n; touch .git/index.lock");
    expect("HEAD", "{\"files\":1,\"insertions\":1,\"deletions\":0,\"commits\":0,"
                   "\"paths\":[{\"path\":\"n\",\"state\":\"added\"}]}");
    shell(
        NULL,
        "cd repo; rm .git/index.lock n; git reset -q --hard; git checkout -qb other; echo o >a.txt; "
        "git commit -qam o; git checkout -q trunk; echo t >a.txt; git commit -qam t; git merge other || :");
    expect("HEAD", "{\"files\":1,\"insertions\":4,\"deletions\":0,\"commits\":0,"
                   "\"paths\":[{\"path\":\"a.txt\",\"state\":\"modified\"}]}");
}

/* Its other half would stay behind. */
static void a_split_index(void **state) {
    (void)state;
    shell(NULL, "cd repo; git config core.splitIndex true; git update-index --split-index; "
                "i=0; while [ $i -lt 50 ]; do echo x >n$i; i=$((i+1)); done; ls .git >../before");
    char *before = git_fingerprint(repo, NULL), *after;
    expect_shell("", "ls repo/.git | diff before -");
    shell(&after, "cd repo; git add -A; git write-tree");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void without_commits(void **state) {
    (void)state;
    shell(NULL, "make none; echo x >none/x");
    baton_value value = git_changes(in_folder("none"), NULL, NULL);
    char *json = baton_value_to_json(value);
    assert_non_null(strstr(json, "\"path\":\"x\""));
    assert_non_null(strstr(json, "\"head\":null"));
    free(json);
    baton_value_unref(value);
    expect(NULL, "{\"files\":2,\"insertions\":4,\"deletions\":0,\"commits\":1,\"paths\":["
                 "{\"path\":\"a.txt\",\"state\":\"added\"},{\"path\":\"sub/b.txt\",\"state\":\"added\"}]}");
}

static void what_is_refused(void **state) {
    (void)state;
    baton_error *err = NULL;
    assert_false(baton_value_is_valid(git_changes(repo, "missing", &err)));
    expect_error(&err, BATON_ERROR_NOT_FOUND, "there is no commit 'missing'");
    assert_false(baton_value_is_valid(git_changes(repo, "--output=x", &err)));
    expect_error(&err, BATON_ERROR_USAGE, "must not begin with '-'");
    assert_false(baton_value_is_valid(git_changes(folder, "HEAD", &err)));
    expect_error(&err, BATON_ERROR_NOT_FOUND, "not a git repository");
    assert_null(git_fingerprint(folder, NULL));
    setenv("TMPDIR", in_folder("missing"), 1);
    assert_null(git_fingerprint(repo, &err));
    setenv("TMPDIR", in_folder("tmp"), 1);
    expect_error(&err, BATON_ERROR_SYSTEM, "cannot make the folder '");
    /* git cannot stage what it cannot filter. */
    shell(NULL, "cd repo; echo 'x filter=no' >.gitattributes; git config filter.no.clean false; "
                "git config filter.no.required true; echo >x");
    assert_null(git_fingerprint(repo, &err));
    expect_error(&err, BATON_ERROR_SYSTEM,
                 "git add: x: clean filter 'no' failed: external filter 'false' failed");
}

/* ---- Fingerprints ---- */

static char *last;

static void expect_change(bool changed, const char *script) {
    shell(NULL, "%s", script);
    baton_error *err = NULL;
    char *now = git_fingerprint(repo, &err);
    if (!now) fail_msg("%s", baton_error_message(err));
    if ((strcmp(now, last) != 0) != changed) fail_msg("%s: %s, %s", script, last, now);
    free(last);
    last = now;
}

static void fingerprints(void **state) {
    (void)state;
    last = git_fingerprint(repo, NULL);
    expect_change(false, "");
    expect_change(
        false,
        "touch repo/a.txt; mkdir repo/empty; echo ignored >repo/.git/info/exclude; touch repo/ignored");
    expect_change(true, "echo x >repo/new");
    expect_change(true, "echo y >repo/new");
    expect_change(true, "mv repo/new repo/newer");
    expect_change(true, "chmod +x repo/a.txt");
    expect_change(true, "rm repo/sub/b.txt");
    expect_change(false, "cd repo; git add -A");
    expect_change(false, "cd repo; git commit -qm x");
    expect_change(false, "make repo/inner");
    expect_change(true, "cd repo; git checkout -q HEAD~1");
    expect_change(true, "cd repo; ln -sf elsewhere a.txt");
    free(last);
}

/* Content that changes in the very moment when the index is written, and not its size: only the index's
 * time tells git to look again. */
static void changes_in_the_same_moment(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        char *before, *after;
        shell(NULL,
              "cd repo; printf 'aaa%d' >a.txt; git add a.txt; touch -d '2024-01-01 00:00:00' a.txt; "
              "git update-index --refresh >/dev/null; touch -d '2024-01-01 00:00:00' .git/index",
              i);
        before = git_fingerprint(repo, NULL);
        shell(NULL, "cd repo; printf 'bbb%d' >a.txt; touch -d '2024-01-01 00:00:00' a.txt", i);
        after = git_fingerprint(repo, NULL);
        assert_string_not_equal(before, after);
        free(before);
        free(after);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)
    const struct CMUnitTest tests[] = {
        TEST(nothing),
        TEST(all_kinds),
        TEST(odd_names),
        TEST(many_files),
        TEST(other_repositories),
        TEST(odd_indexes),
        TEST(a_split_index),
        TEST(without_commits),
        TEST(what_is_refused),
        TEST(fingerprints),
        TEST(changes_in_the_same_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
