"""Branches, worktrees, and what is the user's own.

SPDX-License-Identifier: Apache-2.0
"""
import os

from agents import check_committed, check_given_up, make_it, play
from lab import DONE, FAULTED, REFUSED, USAGE, equal, expect, log_of, read, scenario, verdicts, write


def check_not_begun(lab, said, title="Make it"):
    """It could not begin, which is no failure of the task: it waits until it can."""
    task = lab.task(title)
    equal(task["status"], "pending", "status (%s)" % task["reason"])
    equal(lab.calls(title), 0, "the number of times that the agent was started")
    expect(said in (task["reason"] or ""), "the reason: %s" % task["reason"])


@scenario("three dependent documents")
def three(lab):
    lab.document("Alpha", dependencies="Gamma")
    lab.document("Beta")
    lab.document("Gamma", dependencies="Beta")
    lab.commit()
    lab.import_documents()
    lab.run(plays='work "$BATON_TASK_TITLE.txt"; say Done.')
    tasks = [lab.task(title) for title in ("Beta", "Gamma", "Alpha")]
    equal([t["status"] for t in tasks], ["completed"] * 3, "statuses")
    equal(lab.branches(), ["feature/alpha", "feature/beta", "feature/gamma", "main"], "branches")
    for before, after in zip(tasks, tasks[1:]):
        expect(before["ended_at"] <= after["started_at"], "'%s' was begun too early" % after["title"])
        equal(after["work"]["base_commit"], before["work"]["commit"], "where '%s' begins" % after["title"])
    equal(lab.subjects("feature/beta"), ["Beta"], "commits of the first branch")
    equal(lab.subjects("feature/gamma"), ["Beta", "Gamma"], "commits of the second branch")
    equal(lab.subjects("feature/alpha"), ["Beta", "Gamma", "Alpha"], "commits of the third branch")
    equal(lab.git("log", "-1", "--format=%an %ae", "feature/alpha"), "Tester tester@localhost", "who made it")
    expect(tasks[2]["id"] in lab.git("log", "-1", "--format=%b", "feature/alpha"), "the commit does not name its task")
    equal(lab.worktrees(), 0, "worktrees")


# ---- Branches ----

@scenario("a branch name that git refuses")
def refused_name(lab):
    task = play(lab, "work; say Done.", git_branch_name="bad..name")
    equal(lab.branches(), ["main", task["work"]["branch"]], "branches")
    for name in ("bad..name", "--orphan", "a b", "x.lock", "HEAD"):
        lab.call("edit", "Make it", "--set", "git_branch_name=" + name, code=USAGE)
    lab.call("lint", "docs/make-it.md", code=1)


@scenario("a document that names an option for its branch")
def option_name(lab):
    task = play(lab, "work; say Done.", git_branch_name="--upload-pack=touch ran")
    equal(lab.branches(), ["main", task["work"]["branch"]], "branches")


@scenario("no branch name")
def no_name(lab):
    task = play(lab, "work; say Done.", git_branch_name=None)
    equal(task["work"]["branch"], "task/make-it", "the branch")
    equal(lab.subjects("task/make-it"), ["Make it"], "commits of the branch")


@scenario("a branch that is there already")
def existing_branch(lab):
    make_it(lab)
    lab.git("branch", "feature/make-it")
    lab.git("worktree", "add", "-q", "../elsewhere", "feature/make-it")
    write(lab.folder + "/elsewhere/earlier.txt", "earlier\n")
    lab.git("add", "-A", at=lab.folder + "/elsewhere")
    lab.git("commit", "-q", "-m", "earlier", at=lab.folder + "/elsewhere")
    lab.git("worktree", "remove", "../elsewhere")
    lab.run(code=REFUSED)
    equal((lab.task()["status"], lab.calls()), ("pending", 0), "status, and calls")
    equal(lab.subjects("feature/make-it"), ["earlier"], "commits of the branch")
    lab.run("--all", "--reuse-branch")
    equal(lab.task()["status"], "completed", "status")
    equal(lab.subjects("feature/make-it"), ["earlier", "Make it"], "commits of the branch")


@scenario("two documents that name one branch")
def shared_branch(lab):
    lab.document("One", git_branch_name="feature/shared")
    lab.document("Two", git_branch_name="feature/shared", max_attempts=1)
    lab.commit()
    lab.import_documents()
    lab.run("One")
    lab.run("Two", plays="say Done.", code=REFUSED)
    lab.run("Two", "--reuse-branch", plays="say Done.", code=FAULTED)
    task = lab.task("Two")
    expect("0 files changed" in task["reason"], "the other's work is taken for its own: %s" % task["reason"])
    lab.call("retry", "Two")
    lab.run("Two", plays="x\nwork two.txt; say Done.")
    equal(lab.task("Two")["work"]["changes"]["files"], 1, "files that the second one changed")
    equal(lab.subjects("feature/shared"), ["One", "Two"], "commits of the branch")


@scenario("a task that is tried again when the base has gone on")
def base_gone_on(lab):
    play(lab, "fail it broke", status="failed", max_attempts=1)
    write(lab.repository + "/later.txt", "later\n")
    lab.commit("later")
    lab.call("retry", "Make it")
    lab.run(plays="x\nsay Done.", code=FAULTED)
    expect("0 files changed" in lab.task()["reason"], "the base's work is taken for its own: %s" % lab.task()["reason"])
    lab.call("retry", "Make it")
    lab.run(plays="x\nx\nwork; git add -A; git commit -qm mine; fail it broke", code=FAULTED)
    lab.call("retry", "Make it")
    lab.run(plays="say It was done before: done.")  # by itself, and so it counts
    equal(lab.task()["work"]["changes"]["files"], 1, "files that it changed")


@scenario("a branch that is checked out")
def checked_out(lab):
    make_it(lab)
    lab.git("checkout", "-q", "-b", "feature/make-it")
    lab.settle()
    lab.run("Make it", code=REFUSED)
    check_not_begun(lab, "was not made for this task")
    lab.run("Make it", "--reuse-branch", code=REFUSED)
    check_not_begun(lab, "checked out in the main worktree")


@scenario("--base")
def base(lab):
    make_it(lab)
    lab.git("branch", "release")
    write(lab.repository + "/later.txt", "later\n")
    lab.commit("later")
    lab.run("Make it", "--base", "release")
    equal(lab.subjects("feature/make-it", "release"), ["Make it"], "commits of the branch")
    expect("later.txt" not in lab.git("ls-tree", "--name-only", "feature/make-it"), "it did not begin at the base")


# ---- The user's own ----

@scenario("a dirty base is refused")
def dirty(lab):
    make_it(lab)
    write(lab.repository + "/code.txt", "two\n")
    lab.settle()
    lab.run("Make it", code=REFUSED)
    check_not_begun(lab, "code.txt")
    equal(lab.branches(), ["main"], "branches")
    lab.git("checkout", "-q", "code.txt")
    lab.settle()
    lab.run()
    check_committed(lab, lab.task())


@scenario("a dirty base, with --allow-dirty")
def allow_dirty(lab):
    make_it(lab)
    write(lab.repository + "/code.txt", "two\n")
    write(lab.repository + "/staged.txt", "staged\n")
    lab.git("add", "staged.txt")
    write(lab.repository + "/staged.txt", "staged, and changed\n")
    write(lab.repository + "/untracked.txt", "untracked\n")
    lab.settle()
    lab.run("Make it", "--allow-dirty")
    check_committed(lab, lab.task())
    equal(lab.git("diff", "--name-only", "main", "feature/make-it"), "made.txt", "what the branch changes")


@scenario("untracked files do not make a base dirty")
def untracked(lab):
    make_it(lab)
    write(lab.repository + "/untracked.txt", "untracked\n")
    lab.settle()
    lab.run()
    check_committed(lab, lab.task())
    equal(lab.git("diff", "--name-only", "main", "feature/make-it"), "made.txt", "what the branch changes")


@scenario("git_branch_required false, in a repository")
def no_branch(lab):
    make_it(lab, git_branch_required=False, max_attempts=2)
    write(lab.repository + "/code.txt", "two\n")
    lab.settle()
    lab.run(plays="say Done.\nwork; say Done.")
    task = lab.task()
    equal((task["status"], verdicts(task)), ("completed", ["failed", "confirmed"]), "how it ended")
    equal(task["work"]["branch"], None, "the branch")
    made = os.path.join(lab.repository, "made.txt")
    equal(read(made), "Make it\n", "the file")
    os.remove(made)  # all else is as it was, and nothing was committed
    equal(lab.branches(), ["main"], "branches")


@scenario("git_branch_required false, without a repository", git=False)
def no_repository(lab):
    lab.document("Make it", git_branch_required=False, max_attempts=2)
    lab.import_documents()
    lab.run(plays="fail first\nwork; say Done.")
    task = lab.task()
    equal((task["status"], verdicts(task)), ("completed", ["failed", "confirmed"]), "how it ended")
    expect(os.path.exists(os.path.join(lab.repository, "made.txt")), "it was carried out somewhere else")


@scenario("git_branch_required true, without a repository", git=False)
def repository_missing(lab):
    lab.document("Make it")
    lab.import_documents()
    lab.run("Make it", code=REFUSED)
    check_not_begun(lab, "git_branch_required")


@scenario("a repository without a commit")
def no_commit(lab):
    lab.document("Make it")
    lab.import_documents()
    lab.run("Make it", code=REFUSED)
    check_not_begun(lab, "no commit")


@scenario("no branch is checked out")
def detached(lab):
    make_it(lab)
    lab.git("checkout", "-q", "--detach")
    lab.settle()
    lab.run()
    check_committed(lab, lab.task())


@scenario("started from a folder within the repository")
def from_within(lab):
    make_it(lab)
    lab.run(at=os.path.join(lab.repository, "docs"))
    check_committed(lab, lab.task())


# ---- Dependencies that went apart ----

def diamond(lab, conflict=False):
    lab.document("Root")
    lab.document("Left", dependencies="Root")
    lab.document("Right", dependencies="Root")
    lab.document("Top", dependencies="Left, Right")
    lab.commit()
    lab.import_documents()
    name = "same.txt" if conflict else "$BATON_TASK_TITLE.txt"
    return 'work "%s"; say Done.' % name


@scenario("branches that went apart, without --merge")
def apart(lab):
    plays = diamond(lab)
    lab.run(plays=plays, code=REFUSED)
    equal(lab.statuses(), {**dict.fromkeys(("Root", "Left", "Right"), "completed"), "Top": "pending"}, "statuses")
    check_not_begun(lab, "went apart", "Top")
    expect("feature/top" not in lab.branches(), "a branch was made")


@scenario("branches that went apart, with --merge")
def merge(lab):
    lab.run("--all", "--merge", plays=diamond(lab))
    equal(lab.statuses(), dict.fromkeys(("Root", "Left", "Right", "Top"), "completed"), "statuses")
    subjects = lab.subjects("feature/top")
    expect({"Root", "Left", "Right", "Top"} <= set(subjects), "commits of the branch: %s" % subjects)
    equal(subjects[-1], "Top", "the last commit")
    equal(lab.task("Top")["work"]["changes"]["files"], 1, "files that the last one changed")
    equal(lab.subjects("feature/left"), ["Root", "Left"], "commits of another branch")


@scenario("branches that went apart and do not fit, with --merge")
def merge_conflict(lab):
    plays = diamond(lab, conflict=True)
    lab.run("--all", "--merge", plays=plays, code=REFUSED)
    check_not_begun(lab, "", "Top")
    # A person merges them.
    lab.git("checkout", "-q", "feature/left")
    lab.git("merge", "-q", "-X", "ours", "--no-edit", "feature/right")
    lab.git("checkout", "-q", "main")
    lab.settle()
    lab.run("--all", plays=plays.replace("same.txt", "top.txt"))
    equal(lab.task("Top")["status"], "completed", "status, once a person merged them")


@scenario("a dependency that is in the base already")
def merged_before(lab):
    lab.document("Alpha")
    lab.document("Beta", dependencies="Alpha")
    lab.commit()
    lab.import_documents()
    plays = 'work "$BATON_TASK_TITLE.txt"; say Done.'
    lab.run("Alpha", plays=plays)
    lab.git("merge", "-q", "--no-ff", "--no-edit", "feature/alpha")
    lab.git("branch", "-q", "-D", "feature/alpha")
    lab.settle()
    lab.run("Beta", plays=plays)
    equal(lab.subjects("feature/beta"), ["Beta"], "commits of the branch")


# ---- Push ----

@scenario("--push")
def push(lab):
    make_it(lab)
    bare = lab.folder + "/bare.git"
    lab.git("init", "-q", "--bare", "--template=", bare)
    lab.git("remote", "add", "origin", bare)
    lab.git("push", "-q", "origin", "main")
    before = lab.git("rev-parse", "main", at=bare)
    lab.run("--all", "--push", "origin")
    task = lab.task()
    equal(log_of(task, "finish")[0]["pushed_to"], "origin", "where it was pushed to")
    equal(lab.git("rev-parse", "feature/make-it", at=bare), task["work"]["commit"], "the branch there")
    equal(lab.git("rev-parse", "main", at=bare), before, "the base there")
    check_committed(lab, task)


@scenario("nothing is pushed that nobody asked for")
def no_push(lab):
    make_it(lab)
    bare = lab.folder + "/bare.git"
    lab.git("init", "-q", "--bare", "--template=", bare)
    lab.git("remote", "add", "origin", bare)
    lab.run()
    equal(lab.git("for-each-ref", at=bare), "", "branches there")


@scenario("--push to what is not there")
def push_fails(lab):
    make_it(lab)
    lab.run("--all", "--push", "nowhere", code=FAULTED)
    task = lab.task()
    equal(task["status"], "completed", "status")  # the work is done, and on its branch
    expect("nowhere" in task["work"]["not_pushed"], "why it was not pushed: " + task["work"]["not_pushed"])
    equal(lab.subjects("feature/make-it"), ["Make it"], "commits of the branch")


# ---- Nothing is lost ----

@scenario("a worktree stays when something would be lost")
def ignored_file(lab):
    write(lab.repository + "/.gitignore", "*.log\n")
    task = play(lab, "work; work precious.log; say Done.")
    equal(log_of(task, "finish")[0]["worktree_removed"], False, "removed")
    equal(read(os.path.join(task["work"]["directory"], "precious.log")), "Make it\n", "the ignored file")
    equal(lab.subjects("feature/make-it"), ["Make it"], "commits of the branch")


@scenario("an agent that commits itself")
def own_commits(lab):
    task = play(lab, "work; git add -A; git commit -qm mine; work more.txt; git add -A; git commit -qm more; say Done.")
    check_committed(lab, task, subjects=("mine", "more"))
    equal(task["work"]["changes"]["commits"], 2, "commits that are told")


@scenario("an agent that changes and deletes files")
def changes(lab):
    write(lab.repository + "/old.txt", "old\n")
    task = play(lab, "work code.txt; rm old.txt; mkdir -p 'a dir'; work 'a dir/b.txt'; ln -s code.txt link; say Done.")
    equal([(p["path"], p["state"]) for p in task["work"]["changes"]["paths"]],
          [("a dir/b.txt", "added"), ("code.txt", "modified"), ("link", "added"), ("old.txt", "deleted")], "paths")
    check_committed(lab, task)


@scenario("a hook that refuses the commit")
def hook(lab):
    make_it(lab)
    path = lab.repository + "/.git/hooks/pre-commit"
    write(path, "#!/bin/sh\ntest -f signed.txt || { echo it is not signed >&2; exit 1; }\n")
    os.chmod(path, 0o755)
    lab.run(plays="work; say Done.\nwork signed.txt; say Done.")
    task = lab.task()
    check_committed(lab, task, attempt=2)
    expect("it is not signed" in lab.told(2), "the next attempt was not told: " + lab.told(2))


@scenario("a hook that always refuses")
def hook_always(lab):
    make_it(lab, max_attempts=2)
    path = lab.repository + "/.git/hooks/pre-commit"
    write(path, "#!/bin/sh\nexit 1\n")
    os.chmod(path, 0o755)
    lab.run(plays="work; say Done.", code=FAULTED)
    check_given_up(lab, lab.task(), 2, "the commit was refused")


@scenario("a failed task goes on in its worktree")
def failed_goes_on(lab):
    task = play(lab, "work; fail it broke", status="failed", max_attempts=1)
    lab.call("retry", "Make it", "--note", "mind the wheel")
    equal(lab.task()["status"], "pending", "status")
    lab.run(plays="x\nwork more.txt; say Done.")
    again = lab.task()
    equal(again["status"], "completed", "status")
    equal(again["work"]["directory"], task["work"]["directory"], "where it is carried out")
    expect("mind the wheel" in lab.told(2), "the note was not told: " + lab.told(2))
    equal(lab.git("diff", "--name-only", "main", "feature/make-it").split(), ["made.txt", "more.txt"], "what was kept")
    equal(len(again["executions"]), 2, "executions")


@scenario("an agent that checks out another branch")
def other_branch(lab):
    make_it(lab, max_attempts=1)
    lab.run(plays="git checkout -q -b elsewhere; work; say Done.", code=FAULTED)
    task = lab.task()
    equal(task["status"], "failed", "status")
    expect("elsewhere is checked out" in task["work"]["failure"], "the failure: " + task["work"]["failure"])
    equal(lab.subjects("elsewhere"), [], "commits of the other branch")


@scenario("an agent that removes its worktree")
def removed_worktree(lab):
    make_it(lab, max_attempts=1)
    lab.run(plays='cd /; git -C "%s" worktree remove --force "$OLDPWD"; say Done.' % lab.repository, code=FAULTED)
    task = lab.task()
    equal(task["status"], "failed", "status")
    expect("there is no folder" in task["reason"], "the reason: " + task["reason"])
