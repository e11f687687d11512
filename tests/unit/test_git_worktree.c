/* Worktrees, by the real git: what is made, found again, refused and kept.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "git_kit.h"

static git_repository r;

static int begin(void **state) {
    if (scene_begin(state) != 0) return -1;
    OK(git_find(&r, repo, &err));
    return 0;
}

static int end(void **state) {
    git_done(&r);
    return scene_end(state);
}

/* Makes or finds it, and it is at `at`, on its branch. */
static void get(const char *name, const char *base, const char *path, const char *at) {
    char *where = NULL;
    OK(git_worktree(&r, name, base, path, &where, &err));
    assert_string_equal(where, at);
    git_repository made;
    OK(git_find(&made, where, &err));
    assert_string_equal(made.root, at);
    assert_string_equal(made.branch, name);
    git_done(&made);
    free(where);
}

static void refuse(const char *name, const char *base, const char *path, baton_error_code code,
                   const char *part) {
    baton_error *err = NULL;
    char *where = NULL;
    assert_int_equal(git_worktree(&r, name, base, path, &where, NULL), -1);
    assert_int_equal(git_worktree(&r, name, base, path, &where, &err), -1);
    assert_null(where);
    expect_error(&err, code, part);
}

static void a_worktree(void **state) {
    (void)state;
    char *path = in_folder("trees/of x/'t'");
    get("task/1", "HEAD", path, path);
    expect_shell("1\n2\n3\nb", "cd \"trees/of x/'t'\"; cat a.txt sub/b.txt; git status --porcelain");
    /* Again: it is there. What was done in it stays. */
    shell(NULL, "cd \"trees/of x/'t'\"; echo work >work; echo 4 >>a.txt; git commit -qam work");
    get("task/1", "HEAD", path, path);
    get("task/1", "HEAD", in_folder("elsewhere"), path);
    expect_shell("work", "cat \"trees/of x/'t'/work\"; ls elsewhere 2>/dev/null || :");
    /* The base is a commit, of whatever name, and is not touched. */
    shell(NULL, "cd repo; git tag v1; echo >>a.txt; git commit -qam second");
    get("two", "v1", in_folder("two/"), in_folder("two"));
    get("three", "trunk", in_folder("three"), in_folder("three"));
    expect_shell("first\nsecond\ntrunk",
                 "git -C two log -1 --format=%s; git -C three log -1 --format=%s; "
                 "git -C repo symbolic-ref --short HEAD; git -C repo status --porcelain; "
                 "git -C repo config branch.three.merge || :");
}

static void an_existing_branch(void **state) {
    (void)state;
    shell(NULL, "cd repo; git checkout -qb mine; echo mine >mine; git add mine; git commit -qm mine; "
                "git checkout -q trunk; git tag mine");
    get("mine", "trunk", in_folder("w"), in_folder("w"));
    expect_shell("mine", "cat w/mine");
    get("other", "trunk", in_folder("o"), in_folder("o")); /* in an empty folder, too */
}

static void places(void **state) {
    (void)state;
    shell(NULL, "mkdir empty real; ln -s real link");
    get("a", "HEAD", in_folder("empty"), in_folder("empty"));
    get("b", "HEAD", in_folder("link/w"), in_folder("real/w"));
    get("b", "HEAD", in_folder("link/w"), in_folder("real/w"));
    shell(NULL, "rm -rf real/w");
    get("b", "HEAD", in_folder("link/w"), in_folder("real/w"));
    get("c", "HEAD", in_folder("new\nline\377 \"q\""), in_folder("new\nline\377 \"q\""));
    get("c", "HEAD", in_folder("x"), in_folder("new\nline\377 \"q\""));
    get("d", "HEAD", in_folder("repo/.trees/d"), in_folder("repo/.trees/d"));
}

static void from_another_worktree(void **state) {
    (void)state;
    get("a", "HEAD", in_folder("a"), in_folder("a"));
    git_done(&r);
    OK(git_find(&r, in_folder("a"), &err));
    get("b", "HEAD", in_folder("b"), in_folder("b"));
    refuse("trunk", "HEAD", in_folder("t"), BATON_ERROR_CONFLICT, "checked out in the main worktree '");
}

static void conflicts(void **state) {
    (void)state;
    refuse("trunk", "HEAD", in_folder("w"), BATON_ERROR_CONFLICT,
           "branch 'trunk' is checked out in the main");
    refuse("x", "HEAD", repo, BATON_ERROR_CONFLICT, "is not on branch 'x' but on trunk");
    shell(NULL, "mkdir full; echo x >full/x; echo x >file; ln -s nowhere dangling");
    refuse("x", "HEAD", in_folder("full"), BATON_ERROR_CONFLICT,
           "full' is in the way of the worktree of branch 'x'");
    refuse("x", "HEAD", in_folder("file"), BATON_ERROR_CONFLICT, "is in the way");
    refuse("x", "HEAD", in_folder("dangling"), BATON_ERROR_CONFLICT, "is in the way");
    expect_shell("", "git -C repo branch --list x"); /* nothing was half done */
    get("a", "HEAD", in_folder("a"), in_folder("a"));
    refuse("b", "HEAD", in_folder("a"), BATON_ERROR_CONFLICT, "is not on branch 'b' but on a");
    shell(NULL, "git -C a checkout -q --detach");
    refuse("a", "HEAD", in_folder("a"), BATON_ERROR_CONFLICT, "is not on branch 'a' but detached");
    refuse("trunk/x", "HEAD", in_folder("w"), BATON_ERROR_CONFLICT, "rename one");
    shell(NULL, "rm a/.git; git -C repo branch -q c");
    refuse("a", "HEAD", in_folder("a"), BATON_ERROR_CONFLICT, "detached");
    get("d", "HEAD", in_folder("d"), in_folder("d"));
    shell(NULL, "rm d/.git");
    refuse("d", "HEAD", in_folder("d"), BATON_ERROR_CONFLICT,
           "has lost its file .git; git worktree repair");
    shell(NULL, "git -C repo worktree repair >/dev/null");
    get("d", "HEAD", in_folder("d"), in_folder("d"));
}

static void bad_arguments(void **state) {
    (void)state;
    refuse("-x", "HEAD", in_folder("w"), BATON_ERROR_USAGE, "'-x' is not a name for a branch");
    refuse("../x", "HEAD", in_folder("w"), BATON_ERROR_USAGE, "'../x' is not a name");
    refuse("x", "--force", in_folder("w"), BATON_ERROR_USAGE, "'--force' is not a commit");
    refuse("x", "", in_folder("w"), BATON_ERROR_USAGE, "'' is not a commit");
    refuse("x", "HEAD", "w", BATON_ERROR_USAGE, "'w' must be absolute");
    refuse("x", "HEAD", "", BATON_ERROR_USAGE, "must be absolute");
    refuse("x", "missing", in_folder("w"), BATON_ERROR_NOT_FOUND, "there is no commit 'missing'");
    assert_int_equal(access(in_folder("w"), F_OK), -1);
}

static void without_commits(void **state) {
    (void)state;
    shell(NULL, "make none");
    git_done(&r);
    OK(git_find(&r, in_folder("none"), &err));
    refuse("x", "HEAD", in_folder("w"), BATON_ERROR_NOT_FOUND,
           "has no commit yet that a branch could begin at");
    refuse("trunk", "HEAD", in_folder("w"), BATON_ERROR_CONFLICT, "is checked out in the main worktree");
}

/* Somebody deleted the folder: git still knows of it. */
static void lost_folders(void **state) {
    (void)state;
    get("a", "HEAD", in_folder("a"), in_folder("a"));
    get("keep", "HEAD", in_folder("keep"), in_folder("keep"));
    shell(NULL, "cd a; echo x >x; git add x; git commit -qm kept; cd ..; rm -rf a; mv keep unplugged");
    get("a", "HEAD", in_folder("a"), in_folder("a"));
    expect_shell("x", "cat a/x");
    shell(NULL, "rm -rf a");
    get("a", "HEAD", in_folder("b"), in_folder("b"));
    /* Another branch's, at the wanted path. */
    shell(NULL, "rm -rf b");
    get("c", "HEAD", in_folder("b"), in_folder("b"));
    /* Those of others, whose folder may come back, are left alone. */
    shell(NULL, "mv unplugged keep; git -C keep status >/dev/null");
    shell(NULL, "git -C repo worktree lock b; rm -rf b");
    refuse("c", "HEAD", in_folder("b"), BATON_ERROR_SYSTEM, "cannot remove a locked working tree");
}

/* As `git worktree add` leaves it when it is killed. */
static void unfinished(const char *age) {
    shell(
        NULL,
        "git -C repo worktree add -q -b t \"$SCENE/t\"; printf initializing >repo/.git/worktrees/t/locked; "
        "rm -f t/a.txt repo/.git/worktrees/t/index; touch -d '%s' t",
        age);
}

static void killed_in_the_midst(void **state) {
    (void)state;
    unfinished("1 hour ago");
    get("t", "HEAD", in_folder("t"), in_folder("t"));
    expect_shell("1\n2\n3", "cat t/a.txt; git -C t status --porcelain");
    /* Before it had a branch. */
    shell(NULL, "cd repo; git worktree remove ../t");
    shell(
        NULL,
        "cd repo; git worktree add -q ../t t; printf initializing >.git/worktrees/t/locked; "
        "echo 0000000000000000000000000000000000000000 >.git/worktrees/t/HEAD; touch -d '1 hour ago' ../t");
    get("t", "HEAD", in_folder("t"), in_folder("t"));
    /* Before its folder had anything, and before there was one. */
    shell(NULL,
          "printf initializing >repo/.git/worktrees/t/locked; rm -rf t; mkdir t; touch -d '1 hour ago' t");
    get("t", "HEAD", in_folder("t"), in_folder("t"));
    shell(NULL, "printf initializing >repo/.git/worktrees/t/locked; rm -rf t");
    get("t", "HEAD", in_folder("t"), in_folder("t"));
    expect_shell("1\n2\n3", "cat t/a.txt; git -C t status --porcelain");
}

/* One that lives is waited for; when it takes too long, nothing of it is touched. */
static void still_at_work(void **state) {
    (void)state;
    unfinished("now");
    shell(NULL, "(sleep 0.5; git -C t reset -q --hard; rm repo/.git/worktrees/t/locked) >/dev/null 2>&1 &");
    get("t", "HEAD", in_folder("t"), in_folder("t"));
    shell(NULL, "printf initializing >repo/.git/worktrees/t/locked; echo x >t/x");
    baton_error *err = NULL;
    char *where = NULL;
    assert_int_equal(git_worktree(&r, "t", "HEAD", in_folder("t"), &where, &err), -1);
    expect_error(&err, BATON_ERROR_CONFLICT, "git is still making the worktree '");
    expect_shell("x", "cat t/x");
}

static void a_hook_at_checkout(void **state) {
    (void)state;
    shell(NULL, "printf '#!/bin/sh\\necho ran >ran; exit 1\\n' >repo/.git/hooks/post-checkout; "
                "chmod +x repo/.git/hooks/post-checkout");
    char *where = NULL;
    OK(git_worktree(&r, "x", "HEAD", in_folder("x"), &where, &err));
    free(where);
    expect_shell("ran", "cat x/ran");
}

/* ---- Removing ---- */

static bool removes(const char *path) {
    bool removed = false;
    OK(git_worktree_remove(path, &removed, &err));
    assert_int_equal(access(path, F_OK), removed ? -1 : 0);
    return removed;
}

static void keeps(const char *change, const char *undo) {
    shell(NULL, "%s", change);
    if (removes(in_folder("t"))) fail_msg("lost: %s", change);
    shell(NULL, "%s", undo);
}

static void what_is_kept(void **state) {
    (void)state;
    shell(NULL, "cd repo; echo ignored >.gitignore; git add .; git commit -qm ignore");
    get("t", "HEAD", in_folder("t"), in_folder("t"));
    keeps("echo x >t/new", "rm t/new");
    keeps("echo x >t/ignored", "rm t/ignored");
    keeps("mkdir -p t/d/ignored; echo x >t/d/ignored/x", "rm -r t/d");
    keeps("echo x >>t/a.txt", "git -C t checkout -q a.txt");
    keeps("rm t/a.txt", "git -C t checkout -q a.txt");
    keeps("cd t; echo x >s; git add s; rm s", "git -C t reset -q --hard");
    keeps("make t/inner", "rm -rf t/inner");
    keeps("git -C repo worktree lock ../t", "git -C repo worktree unlock ../t");
    /* A commit that no branch has. */
    keeps("cd t; git checkout -q --detach; git commit -q --allow-empty -m x", "git -C t branch saved");
    assert_true(removes(in_folder("t")));
    expect_shell("saved\nt\ntrunk", "git -C repo for-each-ref --format='%(refname:short)'; "
                                    "git -C repo worktree list | tail -n +2");
    assert_true(removes(in_folder("t"))); /* it is gone */
    get("t", "HEAD", in_folder("t"), in_folder("t"));
    shell(NULL, "cd t; echo x >x; git add x; git commit -qm x");
    assert_true(removes(in_folder("t")));
    expect_shell("x", "git -C repo log -1 --format=%s t"); /* the branch has it */
}

static void submodules(void **state) {
    (void)state;
    shell(NULL, "make m; cd m; echo m >m; git add m; git commit -qm m; cd ../repo; "
                "git -c protocol.file.allow=always submodule add -q ../m m; git commit -qm module");
    get("t", "HEAD", in_folder("t"), in_folder("t"));
    shell(NULL, "git -C t -c protocol.file.allow=always submodule update -q --init");
    assert_false(removes(in_folder("t")));
    shell(NULL, "echo x >>repo/m/m");
    OK(git_is_dirty(repo, NULL, &err)); /* changes in it are its own */
}

static void what_is_no_worktree(void **state) {
    (void)state;
    bool removed;
    baton_error *err = NULL;
    shell(NULL, "mkdir repo/plain plain; echo x >repo/plain/x");
    assert_int_equal(git_worktree_remove(repo, &removed, &err), -1);
    expect_error(&err, BATON_ERROR_USAGE, "is not a worktree beside a main one");
    assert_int_equal(git_worktree_remove(in_folder("repo/plain"), &removed, &err), -1);
    expect_error(&err, BATON_ERROR_USAGE, "is not a worktree beside a main one");
    assert_int_equal(git_worktree_remove(in_folder("plain"), &removed, &err), -1);
    expect_error(&err, BATON_ERROR_NOT_FOUND, "not a git repository");
    assert_false(removed);
    expect_shell("x", "cat repo/plain/x");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_worktree),
        TEST(an_existing_branch),
        TEST(places),
        TEST(from_another_worktree),
        TEST(conflicts),
        TEST(bad_arguments),
        TEST(without_commits),
        TEST(lost_folders),
        TEST(killed_in_the_midst),
        TEST(still_at_work),
        TEST(a_hook_at_checkout),
        TEST(what_is_kept),
        TEST(submodules),
        TEST(what_is_no_worktree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
