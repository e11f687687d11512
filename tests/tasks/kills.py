"""Kills Baton at each stage of a task, lets it go on, and looks whether anything was lost or done twice.

Its moments are: each event of the workflow, by the events file; calls of git, which a script in its place
counts; and random ones. (Two scenarios of control.py kill it from within the agent and a verification.)

SPDX-License-Identifier: Apache-2.0
"""
import json, os, random, shutil, time

from lab import DONE, KILLED, SUSPENDED, Lab, Wrong, equal, expect, log_of, scenario, until, verdicts, write

VERIFY = ("--verify", "test -f made.txt", "--verify", "test -s made.txt")
PATIENCE = 50  # runs until a task must have ended
FOLDERS = []   # of templates, to be removed in the end

# In place of git: kills Baton at its call number KILL_AT. KILL_HOW: "before" it, "after" it, or "meanwhile", so
# that git goes on when Baton is started again.
GIT = """#!/bin/sh
n=$(cat "$AGENT_LEDGER/calls" 2>/dev/null || echo 0)
n=$((n + 1))
echo $n >"$AGENT_LEDGER/calls"
if [ "$n" = "$KILL_AT" ]; then
    case $KILL_HOW in
    before) kill -KILL $PPID; exit 1 ;;
    after) "%(git)s" "$@"; kill -KILL $PPID; exit 1 ;;
    meanwhile) kill -KILL $PPID; sleep 0.1 ;;
    esac
fi
exec "%(git)s" "$@"
"""


class Template:
    """A lab with the task 'Make it', which others are copies of; and what an undisturbed run does there."""

    def __init__(self, baton, build):
        """build makes the lab, and gives further arguments of the run."""
        with Lab(baton) as lab:
            write(lab.folder + "/bin/git", GIT % {"git": shutil.which("git")})
            os.chmod(lab.folder + "/bin/git", 0o755)
            self.arguments = build(lab)
            self.lab = lab.copy()
            FOLDERS.append(self.lab.folder)
            lab.run(*self.run_arguments(lab), path=lab.folder + "/bin")
            self.statuses, self.subjects = lab.statuses(), sorted(lab.subjects("feature/make-it"))
            self.check_ended(lab)
            with open(lab.events, encoding="utf-8") as file:
                self.events = [json.loads(line) for line in file]
            with open(lab.ledger_path("calls"), encoding="utf-8") as file:
                self.git_calls = int(file.read())

    def run_arguments(self, lab):
        return "--all", "--events", lab.events, *VERIFY, *self.arguments

    def start(self, lab, **how):
        return lab.start(*lab.run_arguments(*self.run_arguments(lab)), **how)

    def go_on(self, lab):
        code, _, err = lab.finish(self.start(lab))
        equal(code, DONE, "how the next run ended (%s)" % err)
        self.check_ended(lab)

    def check_ended(self, lab):
        """As after an undisturbed run."""
        equal(lab.statuses(), self.statuses, "statuses")
        equal(sorted(lab.subjects("feature/make-it")), self.subjects, "commits of the branch")
        check_once(lab, lab.task())
        if "--push" in self.arguments:
            equal(lab.git("rev-parse", "feature/make-it", at=lab.folder + "/bare.git"), lab.task()["work"]["commit"],
                  "the branch that was pushed")


def one_task(lab):
    lab.document("Make it")
    lab.commit()
    lab.import_documents()
    return ()


def merged_task(lab):
    """It depends on two whose branches went apart, and is pushed."""
    for title, before in (("Left", "None"), ("Right", "None"), ("Make it", "Left, Right")):
        lab.document(title, dependencies=before)
    lab.commit()
    lab.import_documents()
    lab.git("init", "-q", "--bare", "--template=", lab.folder + "/bare.git")
    lab.git("remote", "add", "origin", lab.folder + "/bare.git")
    lab.run("Left", "Right", plays='work "$BATON_TASK_TITLE.txt"; say Done.')
    return "--merge", "--push", "origin"


def check_once(lab, task):
    """Everything of a task was done, nothing twice, and no attempt was counted for Baton's own end."""
    equal(task["status"], "completed", "status (%s)" % task["reason"])
    equal(task["work"]["attempt"], 1, "attempt")
    equal(task["work"]["commit"], lab.git("rev-parse", "feature/make-it"), "the commit that is told")
    equal(lab.git("log", "-1", "--format=%s", "feature/make-it"), "Make it", "the last commit")
    equal(lab.worktrees(), 0, "worktrees")
    equal(verdicts(task), ["confirmed"], "verdicts")
    equal([e["passed"] for e in log_of(task, "verify")], [True, True], "verifications")
    for kind in ("prepare", "commit"):
        equal(len(log_of(task, kind)), 1, "the number of entries '%s'" % kind)
    expect(len(log_of(task, "finish")) <= 1, "it was finished twice")
    equal(task["executions"], [task["execution"]], "executions")
    equal(task["gate"], None, "the gate")
    attempts = [lab.about(n)["attempt"] for n in range(1, lab.calls() + 1)
                if os.path.exists(lab.ledger_path("Make it", "%d.about" % n))]
    equal(set(attempts), {"1"}, "attempts that the agent was told")
    expect(lab.calls() <= 2, "the agent was started %d times" % lab.calls())


# ---- Moments ----

def kill_at_event(lab, template, number):
    """As soon as so many events are written."""
    kill_after_events(lab, number, template.start(lab))
    template.go_on(lab)


def kill_after_events(lab, number, process):
    until(lambda: count_lines(lab.events) >= number or process.poll() is not None, "event %d" % number, 0.0005)
    process.kill()
    expect(lab.finish(process)[0] in (KILLED, DONE), "it ended by itself")


def count_lines(path):
    try:
        with open(path, "rb") as file:
            return file.read().count(b"\n")
    except FileNotFoundError:
        return 0


def kill_at_git(lab, template, number, how):
    lab.env.update(KILL_AT=str(number), KILL_HOW=how)
    equal(lab.finish(template.start(lab, path=lab.folder + "/bin"))[0], KILLED, "how it ended")
    template.go_on(lab)


def kill_approval(lab, number):
    """So many events after a person accepted the result."""
    lab.document("Make it", automation_level="semi_auto")
    lab.commit()
    lab.import_documents()
    more = ("--events", lab.events, *VERIFY)
    lab.run("--all", *more, code=SUSPENDED)
    before = count_lines(lab.events)
    kill_after_events(lab, before + number, lab.start("approve", "Make it", *lab.run_arguments(*more)[1:]))
    lab.run("--all", *more)
    check_once(lab, lab.task())
    equal(lab.calls(), 1, "the number of times that the agent was started")


def kill_at_random(lab, rng, count):
    """Again and again, while three tasks are carried out."""
    titles = ["One", "Two", "Three"]
    for title, before in zip(titles, ["None"] + titles):
        lab.document(title, dependencies=before, max_attempts=1)
    lab.commit()
    lab.import_documents()
    plays = 'work "$BATON_TASK_TITLE.txt"; say Done.'
    kills = 0
    for _ in range(PATIENCE):
        process = lab.start(*lab.run_arguments("--all"), plays=plays)
        if kills < count:
            time.sleep(rng.uniform(0, rng.choice((0.1, 0.5, 1.0))))
            process.kill()
        code, _, err = lab.finish(process)
        kills += code == KILLED
        if code == DONE:
            break
        equal(code, KILLED, "how it ended (%s)" % err)
    equal(lab.statuses(), dict.fromkeys(titles, "completed"), "statuses")
    for number, title in enumerate(titles, 1):
        task = lab.task(title)
        equal(lab.subjects("feature/" + title.lower()), titles[:number], "commits of the branch of " + title)
        equal((task["work"]["attempt"], verdicts(task)), (1, ["confirmed"]), "attempt and verdicts of " + title)
        equal(task["executions"], [task["execution"]], "executions of " + title)
    equal(lab.worktrees(), 0, "worktrees")


# ---- Scenarios ----

def in_copy(template, function, *arguments):
    def perform(_):
        with template.lab.copy() as lab:
            lab.settle()
            function(lab, template, *arguments)
    return perform


def name_of(event):
    kind = event["type"].split(".", 2)[2].replace(".v1", "").replace(".", " ")
    return (kind + " " + event["data"].get("task", "").rsplit("/", 1)[-1]).strip()


def add_scenarios(baton, seed, count, every):
    """They need undisturbed runs, which tell the moments."""
    try:
        templates = {"": Template(baton, one_task), ", of merge and push": Template(baton, merged_task)}
    except Wrong as wrong:
        scenario("an undisturbed run", git=False)(lambda _, wrong=wrong: fail(wrong))
        return
    one = templates[""]
    for number, event in enumerate(one.events, 1):
        if "created" not in event["type"]:
            scenario("killed after event %d, %s" % (number, name_of(event)), git=False)(
                in_copy(one, kill_at_event, number))
    for number in range(1, 9):
        scenario("killed %d events after an approval" % number)(lambda lab, number=number: kill_approval(lab, number))
    for title, template in templates.items():
        for how in ("before", "after", "meanwhile"):
            numbers = range(1, template.git_calls + 1)
            rng = random.Random("%s %s%s" % (seed, how, title))
            for number in numbers if every else sorted(rng.sample(numbers, 3)):
                scenario("killed %s call %d of git%s" % (how, number, title), git=False)(
                    in_copy(template, kill_at_git, number, how))
    for number in range(0, count, 5):
        rng = random.Random("%s %d" % (seed, number))
        scenario("killed at random moments, %d" % (number // 5 + 1))(
            lambda lab, rng=rng, kills=min(5, count - number): kill_at_random(lab, rng, kills))


def fail(wrong):
    raise wrong
