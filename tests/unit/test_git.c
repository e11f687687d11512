/* Repositories, names, commits, merges and pushes, by the real git.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "git_kit.h"

#include "service/git/command.h"

/* ---- Repositories ---- */

static void a_repository(void **state) {
    (void)state;
    git_repository r;
    OK(git_find(&r, repo, &err));
    assert_string_equal(r.root, repo);
    assert_string_equal(r.common, in_folder("repo/.git"));
    assert_string_equal(r.name, "repo");
    assert_string_equal(r.branch, "trunk");
    assert_int_equal(strlen(r.head), 40);
    git_done(&r);
    git_done(&r);
    OK(git_find(&r, in_folder("repo/sub"), &err));
    assert_string_equal(r.root, repo);
    git_done(&r);
}

static void names_of_repositories(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"plain", "plain"}, {"some.thing", "some.thing"}, {"a b", "a b"}, {"thing.git", "thing"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        git_repository r;
        shell(NULL, "make '%s'; git -C '%s' remote add origin https://example.org/other.git", names[i][0],
              names[i][0]);
        OK(git_find(&r, in_folder(names[i][0]), &err));
        assert_string_equal(r.name, names[i][1]);
        git_done(&r);
    }
}

static void odd_states_of_repositories(void **state) {
    (void)state;
    git_repository r;
    shell(NULL, "make none; git -C repo checkout -q --detach; git -C repo tag trunk");
    OK(git_find(&r, in_folder("none"), &err));
    assert_null(r.head);
    assert_string_equal(r.branch, "trunk");
    git_done(&r);
    OK(git_find(&r, repo, &err));
    assert_null(r.branch);
    assert_non_null(r.head);
    git_done(&r);
    shell(NULL,
          "git -C repo checkout -q refs/heads/trunk; git -C repo checkout -q trunk --"); /* also a tag */
    OK(git_find(&r, repo, &err));
    git_done(&r);
    /* A worktree has its own root and the name of the repository; names may hold anything. */
    setenv("NAME", "../w '\n\"x", 1);
    shell(NULL, "git -C repo worktree add -q -b other \"$NAME\"");
    unsetenv("NAME");
    OK(git_find(&r, in_folder("w '\n\"x"), &err));
    assert_string_equal(r.root, in_folder("w '\n\"x"));
    assert_string_equal(r.name, "repo");
    assert_string_equal(r.branch, "other");
    git_done(&r);
    shell(NULL, "make \"$(printf 'n\\377')\"");
    OK(git_find(&r, in_folder("n\377"), &err));
    assert_string_equal(r.name, "n\xef\xbf\xbd");
    git_done(&r);
}

static void no_repository(void **state) {
    (void)state;
    git_repository r = {.root = "untouched"};
    baton_error *err = NULL;
    shell(NULL, "mkdir plain; git init -q --bare bare.git");
    assert_int_equal(git_find(&r, in_folder("plain"), NULL), -1);
    assert_int_equal(git_find(&r, in_folder("plain"), &err), -1);
    expect_error(&err, BATON_ERROR_NOT_FOUND, "/plain': git rev-parse: not a git repository");
    assert_int_equal(git_find(&r, in_folder("missing"), &err), -1);
    expect_error(&err, BATON_ERROR_NOT_FOUND, "there is no folder '");
    assert_int_equal(git_find(&r, in_folder("bare.git"), &err), -1);
    expect_error(&err, BATON_ERROR_UNSUPPORTED, "a bare repository has no files to work on");
    assert_int_equal(git_find(&r, in_folder("repo/.git"), &err), -1);
    expect_error(&err, BATON_ERROR_UNSUPPORTED, "must be run in a work tree");
    assert_string_equal(r.root, "untouched");
}

static void no_git(void **state) {
    (void)state;
    char path[4096];
    git_repository r;
    baton_error *err = NULL;
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    setenv("PATH", "", 1);
    int found = git_find(&r, repo, &err), dirty = git_is_dirty(repo, NULL, NULL);
    setenv("PATH", path, 1);
    assert_int_equal(found, -1);
    assert_int_equal(dirty, -1);
    expect_error(&err, BATON_ERROR_NOT_FOUND, "there is no program 'git' in PATH; install it");
}

/* A git that believes the folder to be another's, as the real one would. */
static void a_repository_of_another_user(void **state) {
    (void)state;
    char path[4096];
    git_repository r;
    baton_error *err = NULL;
    shell(
        NULL,
        "mkdir bin; real=$(command -v git); printf '#!/bin/sh\\nexport GIT_TEST_ASSUME_DIFFERENT_OWNER=1\\n"
        "exec %%s \"$@\"\\n' \"$real\" >bin/git; chmod +x bin/git");
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    char *own;
    assert_true(asprintf(&own, "%s:%s", in_folder("bin"), path) > 0);
    setenv("PATH", own, 1);
    int found = git_find(&r, repo, &err);
    setenv("PATH", path, 1);
    free(own);
    assert_int_equal(found, -1);
    expect_error(&err, BATON_ERROR_NOT_ALLOWED, "dubious ownership in repository at");
}

/* As in a hook of another repository, where git's variables say where that is; a pager, colours and aliases
 * of the user do no harm either. */
static void the_environment(void **state) {
    (void)state;
    shell(NULL, "make other; git config --global color.ui always; git config --global core.pager false; "
                "git config --global status.branch true; git config --global diff.noprefix true; "
                "git config --global diff.external false; git config --global core.quotePath true");
    setenv("GIT_DIR", in_folder("other/.git"), 1);
    setenv("GIT_INDEX_FILE", in_folder("other/.git/index"), 1);
    setenv("GIT_WORK_TREE", in_folder("other"), 1);
    setenv("GIT_TRACE", "1", 1);
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    setenv("GIT_AUTHOR_NAME", "An Author", 1);
    git_repository r;
    char *commit = NULL;
    OK(git_find(&r, repo, &err));
    OK(git_is_dirty(repo, NULL, &err));
    FILE *f = fopen(in_folder("repo/new"), "w");
    fclose(f);
    OK(git_commit(repo, "new", &commit, &err));
    unsetenv("GIT_DIR"), unsetenv("GIT_INDEX_FILE"), unsetenv("GIT_WORK_TREE"), unsetenv("GIT_TRACE");
    unsetenv("LC_ALL"), unsetenv("GIT_AUTHOR_NAME");
    assert_string_equal(r.root, repo);
    expect_shell("An Author <t@example.org> Tester",
                 "git -C repo log -1 --no-color --format='%an <%ae> %cn'");
    free(commit);
    git_done(&r);
}

/* ---- Dirt, names, commits ---- */

static void dirt(void **state) {
    (void)state;
    char *paths = NULL;
    OK(git_is_dirty(repo, NULL, &err));
    shell(NULL, "cd repo; echo new >untracked; touch a.txt; stat -c %%y .git/index >../before");
    OK(git_is_dirty(repo, &paths, &err));
    expect_shell("", "stat -c %y repo/.git/index | diff before -"); /* not even refreshed */
    assert_string_equal(paths, "");
    free(paths);
    shell(NULL, "cd repo; chmod +x a.txt");
    assert_int_equal(git_is_dirty(in_folder("repo/sub"), &paths, NULL), 1);
    assert_string_equal(paths, "a.txt");
    free(paths);
    shell(NULL, "cd repo; git mv sub/b.txt \"$(printf 'c\\n\\377 \"d')\"; for i in 1 2 3 4 5; do echo >$i; "
                "git add $i; done");
    assert_int_equal(git_is_dirty(repo, &paths, NULL), 1);
    assert_string_equal(paths, "1, 2, 3, 4, 5 and 3 more");
    free(paths);
    shell(NULL, "cd repo; git rm -qf 1 2 3 4 5");
    assert_int_equal(git_is_dirty(repo, &paths, NULL), 1);
    assert_string_equal(paths, "a.txt, c\n\xef\xbf\xbd \"d, sub/b.txt");
    free(paths);
    assert_int_equal(git_is_dirty(in_folder("tmp"), &paths, NULL), -1);
}

/* In agreement with git itself, which takes "@" for HEAD in other places. */
static void names_of_branches(void **state) {
    (void)state;
    static const char *const names[] = {
        "a",        "feature/x-1", "a.b",   "a@b",  "@a",           "ünïcode",  "a-",    "a/-b",
        "x.lock.y", "a{b",         "{",     "a'b",  "a;b",          "$(a)",     "",      "-",
        "-a",       "--all",       "HEAD",  "a..b", "..",           ".a",       "a/.b",  "a.",
        "a./b",     "a/",          "/a",    "a//b", "a.lock",       "a.lock/b", ".lock", "a b",
        "a\tb",     "a\nb",        "a\177", "a~1",  "a^",           "a:b",      "a?",    "a*",
        "a[b",      "a\\b",        "@{-1}", "a@{b", "refs/heads/a", "../../x",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv("NAME", names[i], 1);
        char *said;
        shell(&said, "git check-ref-format --branch \"$NAME\" >/dev/null 2>&1 && echo yes || echo no");
        if (git_branch_name_is_valid(names[i]) != (strcmp(said, "yes") == 0))
            fail_msg("git says %s to '%s'", said, names[i]);
        free(said);
    }
    unsetenv("NAME");
    assert_false(git_branch_name_is_valid("@"));
    assert_true(git_branch_name_is_valid("a"));
    assert_false(git_branch_name_is_valid("a.lock"));
}

static void names_of_commits(void **state) {
    (void)state;
    static const char *const bad[] = {"missing", "trunk:a.txt",      "trunk~5",
                                      "a b",     "0123456789abcdef", "$(id)"};
    char *head, *commit;
    baton_error *err = NULL;
    shell(&head, "git -C repo rev-parse HEAD; cd repo; git tag -am tagged mark; make ../none");
    static const char *const good[] = {"HEAD", "trunk", "refs/heads/trunk", "mark", "@"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        commit = git_commit_of(repo, good[i], NULL);
        assert_string_equal(commit, head);
        free(commit);
    }
    free(head);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(git_commit_of(repo, bad[i], NULL));
        assert_null(git_commit_of(repo, bad[i], &err));
        expect_error(&err, BATON_ERROR_NOT_FOUND, "there is no commit '");
    }
    assert_null(git_commit_of(repo, "--all", &err));
    expect_error(&err, BATON_ERROR_USAGE, "'--all' must not begin with '-'");
    assert_null(git_commit_of(repo, "", &err));
    expect_error(&err, BATON_ERROR_USAGE, "must not be empty");
    assert_null(git_commit_of(in_folder("none"), "HEAD", &err));
    expect_error(&err, BATON_ERROR_NOT_FOUND, "there is no commit 'HEAD'");
    assert_null(git_commit_of(folder, "HEAD", &err));
    expect_error(&err, BATON_ERROR_NOT_FOUND, "not a git repository");
}

static void ancestors(void **state) {
    (void)state;
    baton_error *err = NULL;
    shell(NULL, "cd repo; git branch old; echo >>a.txt; git commit -qam second");
    assert_int_equal(git_is_ancestor(repo, "old", "trunk", NULL), 1);
    assert_int_equal(git_is_ancestor(repo, "trunk", "trunk", NULL), 1);
    assert_int_equal(git_is_ancestor(repo, "trunk", "old", NULL), 0);
    assert_int_equal(git_is_ancestor(repo, "trunk", "none", &err), -1);
    expect_error(&err, BATON_ERROR_SYSTEM, "git merge-base: Not a valid object name none");
    assert_int_equal(git_is_ancestor(repo, "trunk", "-x", &err), -1);
    expect_error(&err, BATON_ERROR_USAGE, "'-x'");
}

/* ---- Commits ---- */

static void commits(void **state) {
    (void)state;
    char *commit = NULL, *again = NULL;
    shell(NULL,
          "cd repo; echo 4 >>a.txt; rm sub/b.txt; chmod +x a.txt; printf 'ignored\\n' >.gitignore; touch "
          "ignored; "
          "echo x >\"$(printf 'n\\n\\377 x')\"; mkdir -p deep/er; echo y >deep/er/y; ln -s a.txt link; "
          "printf '\\0\\1' >binary");
    OK(git_commit(in_folder("repo/sub/.."), "A subject\n\n# not a comment\n\n- 'quoted'  \n", &commit,
                  &err));
    expect_shell("", "git -C repo status --porcelain");
    expect_shell(
        "A \"n\\n\\377 x\" A .gitignore A binary A deep/er/y A link D sub/b.txt M a.txt",
        "git -C repo show --format= --name-status | LC_ALL=C sort | tr '\\t\\n' '  ' | sed 's/ $//'");
    expect_shell("A subject\n\n# not a comment\n\n- 'quoted'", "git -C repo log -1 --format=%B");
    expect_shell("100755", "git -C repo ls-tree HEAD a.txt | cut -d' ' -f1");
    /* Once more: there is nothing to do. */
    OK(git_commit(repo, "again", &again, &err));
    assert_string_equal(commit, again);
    OK(git_commit(repo, "again", NULL, &err));
    free(commit);
    free(again);
}

static void the_first_commit(void **state) {
    (void)state;
    char *commit = NULL;
    baton_error *err = NULL;
    shell(NULL, "make none; echo x >none/x");
    OK(git_commit(in_folder("none"), "first", &commit, &err));
    assert_int_equal(strlen(commit), 40);
    free(commit);
    shell(NULL, "make empty");
    assert_int_equal(git_commit(in_folder("empty"), "nothing", &commit, &err), -1);
    expect_error(&err, BATON_ERROR_NOT_FOUND, "there is no commit 'HEAD'");
    OK(git_commit(in_folder("empty"), "nothing", NULL, &err));
}

static void messages(void **state) {
    (void)state;
    baton_error *err = NULL;
    char *text = malloc(70000);
    memset(text, 'a', 69999);
    text[69999] = '\0';
    shell(NULL, "echo >>repo/a.txt");
    assert_int_equal(git_commit(repo, text, NULL, &err), -1);
    expect_error(&err, BATON_ERROR_LIMIT, "at most 65536 bytes");
    free(text);
    assert_int_equal(git_commit(repo, " \n", NULL, &err), -1);
    expect_error(&err, BATON_ERROR_USAGE, "needs a message");
    OK(git_commit(repo, "--amend", NULL, &err));
    expect_shell("--amend 2", "echo $(git -C repo log -1 --format=%s; git -C repo rev-list --count HEAD)");
}

static void identities(void **state) {
    (void)state;
    shell(NULL, "cd repo; git config --unset user.name; git config --unset user.email; echo >>a.txt");
    OK(git_commit(repo, "x", NULL, &err));
    expect_shell("Baton <baton@localhost> Baton <baton@localhost>",
                 "git -C repo log -1 --format='%an <%ae> %cn <%ce>'");
    setenv("GIT_AUTHOR_NAME", "A", 1);
    setenv("GIT_AUTHOR_EMAIL", "a@example.org", 1);
    shell(NULL, "echo >>repo/a.txt");
    OK(git_commit(repo, "x", NULL, &err));
    unsetenv("GIT_AUTHOR_NAME");
    unsetenv("GIT_AUTHOR_EMAIL");
    expect_shell("A <a@example.org> Baton <baton@localhost>",
                 "git -C repo log -1 --format='%an <%ae> %cn <%ce>'");
    shell(
        NULL,
        "git config --global user.name U; git config --global user.email u@example.org; echo >>repo/a.txt");
    OK(git_commit(repo, "x", NULL, &err));
    expect_shell("U <u@example.org>", "git -C repo log -1 --format='%cn <%ce>'");
}

static void hook(const char *name, const char *script) {
    shell(NULL,
          "mkdir -p repo/.git/hooks; printf '#!/bin/sh\\n%s\\n' >repo/.git/hooks/%s; chmod +x "
          "repo/.git/hooks/%s",
          script, name, name);
}

static void hooks(void **state) {
    (void)state;
    baton_error *err = NULL;
    char *commit = NULL;
    hook("pre-commit", "echo one; echo; echo \"line 3: \\303\\244 is \\377 wrong\" >&2; exit 7");
    OK(git_commit(repo, "nothing to commit runs no hook", NULL, &err));
    shell(NULL, "echo >>repo/a.txt");
    assert_int_equal(git_commit(repo, "x", &commit, &err), -1);
    assert_null(commit);
    expect_error(
        &err, BATON_ERROR_STEP,
        "a hook of the repository refused the commit: one  line 3: \xc3\xa4 is \xef\xbf\xbd wrong");
    hook("pre-commit",
         "i=0; while [ $i -lt 500 ]; do echo \"line $i \\303\\244\"; i=$((i+1)); done; exit 1");
    assert_int_equal(git_commit(repo, "x", NULL, &err), -1);
    assert_in_range(strlen(baton_error_message(err)), 1000, 1100);
    expect_error(&err, BATON_ERROR_STEP, "line 499 \xc3\xa4");
    hook("pre-commit", "exit 1");
    assert_int_equal(git_commit(repo, "x", NULL, &err), -1);
    expect_error(&err, BATON_ERROR_STEP, "it did not say why");
    /* One that changes things is heeded. */
    hook("pre-commit", "echo formatted >a.txt; git add a.txt");
    OK(git_commit(repo, "x", NULL, &err));
    expect_shell("formatted", "git -C repo show HEAD:a.txt; git -C repo status --porcelain");
    hook("commit-msg", "echo no ticket; exit 1");
    shell(NULL, "echo >>repo/sub/b.txt");
    assert_int_equal(git_commit(repo, "x", NULL, &err), -1);
    expect_error(&err, BATON_ERROR_STEP, "no ticket");
}

/* What ends a git that takes too long: it is asked first, and so leaves no lock behind. */
static void a_hook_that_hangs(void **state) {
    (void)state;
    baton_error *err = NULL;
    command_result result;
    hook("pre-commit", "echo waiting for Godot >&2; sleep 60");
    shell(NULL, "echo >>repo/a.txt");
    const char *const arguments[] = {"git", "commit", "-qam", "x", NULL};
    command_request request = {.arguments = arguments, .directory = repo, .deadline_ms = 1000};
    assert_int_equal(command_execute(&request, &result, &err), -1);
    command_release(&result);
    expect_error(&err, BATON_ERROR_TIMEOUT, "the last it said: waiting for Godot");
    shell(NULL, "rm repo/.git/hooks/pre-commit");
    OK(git_commit(repo, "x", NULL, &err));
}

static void signing_that_fails(void **state) {
    (void)state;
    baton_error *err = NULL;
    shell(NULL, "cd repo; echo >>a.txt; git config commit.gpgsign true; git config gpg.program ../nogpg; "
                "printf '#!/bin/sh\\necho no key >&2; exit 2\\n' >../nogpg; chmod +x ../nogpg");
    assert_int_equal(git_commit(repo, "x", NULL, &err), -1);
    expect_error(&err, BATON_ERROR_SYSTEM,
                 "git commit: failed to write commit object: gpg failed to sign the data; "
                 "if commits are signed (commit.gpgsign)");
}

static void locks(void **state) {
    (void)state;
    baton_error *err = NULL;
    shell(NULL, "cd repo; echo >>a.txt; touch .git/index.lock");
    assert_int_equal(git_commit(repo, "x", NULL, &err), -1);
    expect_error(&err, BATON_ERROR_CONFLICT, "if none runs, remove ");
    assert_int_equal(git_commit(repo, "x", NULL, &err), -1);
    expect_error(&err, BATON_ERROR_CONFLICT, in_folder("repo/.git/index.lock"));
    assert_int_equal(access(in_folder("repo/.git/index.lock"), F_OK), 0);
    assert_int_equal(git_is_dirty(repo, NULL, NULL), 1); /* to look takes no lock */
    shell(NULL, "rm repo/.git/index.lock");
    OK(git_commit(repo, "x", NULL, &err));
}

/* Other repositories within are no submodules; one without a commit would even fail. */
static void nested_repositories(void **state) {
    (void)state;
    shell(NULL, "cd repo; make \"in[n]er\"; make sub/born; make '*'; echo x >sub/born/x; "
                "cd \"in[n]er\"; echo x >x; git add x; git commit -qm x; cd ..; echo new >sub/new");
    OK(git_commit(repo, "x", NULL, &err));
    expect_shell("sub/new", "git -C repo show --format= --name-only");
    expect_shell("?? */\n?? in[n]er/\n?? sub/born/", "git -C repo status --porcelain");
    baton_error *err = NULL;
    shell(NULL, "cd repo; i=0; while [ $i -lt 101 ]; do mkdir -p n/$i; cp -r sub/born/.git n/$i/; "
                "i=$((i+1)); done");
    assert_int_equal(git_commit(repo, "x", NULL, &err), -1);
    expect_error(&err, BATON_ERROR_LIMIT, "more than 100 other repositories");
}

/* ---- Merges ---- */

static void make_branches(void) {
    shell(NULL, "cd repo; git checkout -qb one; echo one >one; git add one; git commit -qm one; "
                "git checkout -qb two trunk; echo two >two; git add two; git commit -qm two; "
                "git checkout -qb clash trunk; echo other >a.txt; echo clash >one; git add .; git commit "
                "-qm clash; "
                "git checkout -q trunk");
}

static void merges(void **state) {
    (void)state;
    baton_error *err = NULL;
    make_branches();
    shell(NULL, "cd repo; git config --unset user.name; git config --unset user.email");
    OK(git_merge(repo, (const char *const[]){"one", "two"}, 2, &err));
    OK(git_merge(repo, (const char *const[]){"one", "two"}, 2, &err)); /* they are there */
    OK(git_merge(repo, NULL, 0, &err));
    expect_shell("a.txt one sub two", "echo $(ls repo)");
    expect_shell("Merge branch 'two' into trunk Baton", "git -C repo log -1 --format='%s %cn'");
    char *before, *after;
    shell(&before, "git -C repo rev-parse HEAD");
    assert_int_equal(git_merge(repo, (const char *const[]){"two", "clash"}, 2, &err), -1);
    expect_error(&err, BATON_ERROR_CONFLICT, "merging 'clash' conflicts in one; the merge was undone");
    shell(&after, "git -C repo rev-parse HEAD; git -C repo status --porcelain; ls repo/.git/MERGE_HEAD "
                  "2>/dev/null || :");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void merges_that_are_refused(void **state) {
    (void)state;
    baton_error *err = NULL;
    const char *const one[] = {"one"}, *const missing[] = {"missing"}, *const option[] = {"--abort"};
    make_branches();
    assert_int_equal(git_merge(repo, missing, 1, &err), -1);
    expect_error(&err, BATON_ERROR_NOT_FOUND, "there is no commit 'missing'");
    assert_int_equal(git_merge(repo, option, 1, &err), -1);
    expect_error(&err, BATON_ERROR_USAGE, "'--abort'");
    shell(NULL, "echo mine >repo/one");
    assert_int_equal(git_merge(repo, one, 1, &err), -1);
    expect_error(&err, BATON_ERROR_CONFLICT,
                 "untracked working tree files would be overwritten by merge: one; move");
    expect_shell("mine", "cat repo/one; rm repo/one");
    shell(NULL, "echo mine >>repo/a.txt");
    assert_int_equal(git_merge(repo, one, 1, &err), -1);
    expect_error(&err, BATON_ERROR_CONFLICT, "has changes that are not committed: a.txt");
    /* A merge that somebody is at is theirs. */
    shell(NULL, "cd repo; git checkout -q a.txt; echo x >a.txt; git commit -qam x; git merge clash || :");
    assert_int_equal(git_merge(repo, one, 1, &err), -1);
    expect_error(&err, BATON_ERROR_CONFLICT, "conclude it, or git merge --abort");
    /* Nor is a conflict committed by mistake. */
    assert_int_equal(git_commit(repo, "x", NULL, &err), -1);
    expect_error(&err, BATON_ERROR_CONFLICT, "has merge conflicts in a.txt; resolve them");
    /* Once resolved, also to what was there, the commit concludes the merge. */
    shell(NULL, "cd repo; git checkout HEAD -- a.txt; git rm -qf one; git add -A");
    OK(git_commit(repo, "concluded", NULL, &err));
    expect_shell("concluded",
                 "git -C repo log -1 --format=%s --min-parents=2; git -C repo status --porcelain");
    assert_int_equal(git_merge(folder, one, 1, &err), -1);
    expect_error(&err, BATON_ERROR_NOT_FOUND, "not a git repository");
}

static void a_merge_that_a_hook_refuses(void **state) {
    (void)state;
    baton_error *err = NULL;
    make_branches();
    shell(NULL, "cd repo; git checkout -q one");
    hook("pre-merge-commit", "echo not today; exit 1");
    assert_int_equal(git_merge(repo, (const char *const[]){"two"}, 1, &err), -1);
    expect_error(&err, BATON_ERROR_STEP, "not today");
    expect_shell("one", "git -C repo log -1 --format=%s; git -C repo status --porcelain");
}

/* ---- Pushes ---- */

static void pushes(void **state) {
    (void)state;
    baton_error *err = NULL;
    make_branches();
    shell(NULL,
          "git init -q --bare remote.git; cd repo; git remote add origin ../remote.git; git tag one trunk");
    OK(git_push(repo, "origin", "one", &err));
    OK(git_push(repo, "origin", "one", &err));
    expect_shell("one", "git -C remote.git for-each-ref --format='%(refname:short)'");
    expect_shell("one", "git -C remote.git log -1 --format=%s refs/heads/one");
    /* Others were faster. */
    shell(NULL, "cd repo; git push -qf origin two:refs/heads/one");
    assert_int_equal(git_push(repo, "origin", "one", &err), -1);
    expect_error(&err, BATON_ERROR_CONFLICT, "git push: ! [rejected]        one -> one (");
    shell(NULL, "printf '#!/bin/sh\\necho closed; exit 1\\n' >remote.git/hooks/pre-receive; "
                "chmod +x remote.git/hooks/pre-receive");
    assert_int_equal(git_push(repo, "origin", "two", &err), -1);
    expect_error(&err, BATON_ERROR_SYSTEM, "two -> two (pre-receive hook declined)");
    assert_int_equal(git_push(repo, "nowhere", "two", &err), -1);
    expect_error(&err, BATON_ERROR_SYSTEM, "git push: ");
    assert_int_equal(git_push(repo, "origin", "missing", &err), -1);
    expect_error(&err, BATON_ERROR_NOT_FOUND, "there is no commit 'refs/heads/missing'");
    assert_int_equal(git_push(repo, "--mirror", "two", &err), -1);
    expect_error(&err, BATON_ERROR_USAGE, "'--mirror'");
    assert_int_equal(git_push(repo, "origin", "--all", &err), -1);
    expect_error(&err, BATON_ERROR_USAGE, "'--all' is not a branch's name");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)
    const struct CMUnitTest tests[] = {
        TEST(a_repository),
        TEST(names_of_repositories),
        TEST(odd_states_of_repositories),
        TEST(no_repository),
        TEST(no_git),
        TEST(a_repository_of_another_user),
        TEST(the_environment),
        TEST(dirt),
        TEST(names_of_branches),
        TEST(names_of_commits),
        TEST(ancestors),
        TEST(commits),
        TEST(the_first_commit),
        TEST(messages),
        TEST(identities),
        TEST(hooks),
        TEST(a_hook_that_hangs),
        TEST(signing_that_fails),
        TEST(locks),
        TEST(nested_repositories),
        TEST(merges),
        TEST(merges_that_are_refused),
        TEST(a_merge_that_a_hook_refuses),
        TEST(pushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
