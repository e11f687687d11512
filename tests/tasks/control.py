"""Where a person lets a task go on, and several programs at once.

SPDX-License-Identifier: Apache-2.0
"""
import json, os, signal, subprocess

from agents import check_committed, make_it
from lab import (AGENT, DONE, FAULTED, INTERRUPTED, KILLED, REFUSED, SUSPENDED, USAGE, equal, expect, log_of, read, scenario, until,
                 verdicts)

PLAYS = 'work "$BATON_TASK_TITLE.txt"; say Done.'


def gate_of(task):
    return task["gate"]["name"] if task["gate"] else None


# ---- Levels ----

@scenario("level manual: a person starts each attempt and accepts the result")
def manual(lab):
    make_it(lab, automation_level="manual")
    plays = "fail it broke\nwork; say Done."
    lab.run(code=SUSPENDED, plays=plays)
    equal((gate_of(lab.task()), lab.calls()), ("begin", 0), "before the first attempt")
    lab.approve("Make it", code=SUSPENDED, plays=plays)
    equal((gate_of(lab.task()), lab.calls()), ("begin", 1), "before the second attempt")
    lab.approve("Make it", code=SUSPENDED, plays=plays)
    equal((gate_of(lab.task()), lab.calls()), ("accept", 2), "before the result is accepted")
    equal(lab.subjects("feature/make-it"), ["Make it"], "commits of the branch, for the person to see")
    lab.approve("Make it", plays=plays)
    check_committed(lab, lab.task(), attempt=2)
    equal([e["gate"] for e in log_of(lab.task(), "approval")], ["begin", "begin", "accept"], "approvals")


@scenario("level assisted: a person starts it and accepts the result")
def assisted(lab):
    make_it(lab, automation_level="assisted")
    plays = "fail it broke\nwork; say Done."
    lab.run(code=SUSPENDED, plays=plays)
    equal((gate_of(lab.task()), lab.calls()), ("begin", 0), "before the first attempt")
    lab.approve("Make it", code=SUSPENDED, plays=plays)
    equal((gate_of(lab.task()), lab.calls()), ("accept", 2), "before the result is accepted")
    lab.approve("Make it", plays=plays)
    check_committed(lab, lab.task(), attempt=2)


@scenario("level semi_auto, which is the default: a person accepts the result")
def semi_auto(lab):
    make_it(lab, automation_level=None)
    lab.run(code=SUSPENDED)
    task = lab.task()
    equal((task["status"], gate_of(task), lab.calls()), ("waiting", "accept", 1), "before the result is accepted")
    expect("accept" in lab.shown(), "the report does not say what it waits for")
    equal(lab.run("Make it", code=SUSPENDED)["Make it"]["status"], "waiting", "status after another run")
    lab.call("approve", "Make it", "--later", "--note", "looks good")
    equal(lab.task()["status"], "waiting", "status after an approval for later")
    lab.run()
    task = lab.task()
    check_committed(lab, task)
    equal(log_of(task, "approval")[0].get("note"), "looks good", "the note")
    equal(lab.calls(), 1, "the number of times that the agent was started")


@scenario("--level in place of the task's own")
def level_option(lab):
    make_it(lab, automation_level="manual")
    lab.run("Make it", "--level", "full_auto")
    check_committed(lab, lab.task())
    lab.call("run", "Make it", "--level", "halfway", code=8)


@scenario("security: a person accepts the result at any level")
def security(lab):
    make_it(lab, type="security")
    lab.run(code=SUSPENDED)
    equal(gate_of(lab.task()), "accept", "what it waits for")
    lab.approve("Make it")
    check_committed(lab, lab.task())


@scenario("deployment: a person starts and accepts it at any level")
def deployment(lab):
    make_it(lab, type="deployment")
    lab.run(code=SUSPENDED)
    equal((gate_of(lab.task()), lab.calls()), ("begin", 0), "what it waits for")
    lab.approve("Make it", code=SUSPENDED)
    equal(gate_of(lab.task()), "accept", "what it waits for")
    lab.approve("Make it")
    check_committed(lab, lab.task())


@scenario("what waits does not hold up the others")
def waits_alone(lab):
    lab.document("Alpha", automation_level="semi_auto")
    lab.document("Beta")
    lab.document("Gamma", dependencies="Alpha")
    lab.commit()
    lab.import_documents()
    lab.run(code=SUSPENDED, plays=PLAYS)
    equal(lab.statuses(), {"Alpha": "waiting", "Beta": "completed", "Gamma": "pending"}, "statuses")
    lab.call("approve", "Alpha", "--later")
    lab.run(plays=PLAYS)
    equal(lab.statuses(), dict.fromkeys(("Alpha", "Beta", "Gamma"), "completed"), "statuses")
    equal(lab.subjects("feature/gamma"), ["Alpha", "Gamma"], "commits of the last branch")


@scenario("a result that is not accepted")
def sent_back(lab):
    make_it(lab, automation_level="semi_auto", max_attempts=1)
    plays = "work; say Done.\nwork more.txt; say Done."
    lab.run(code=SUSPENDED, plays=plays)
    lab.call("retry", "Make it", "--note", "the handle is missing")
    lab.run(code=SUSPENDED, plays=plays)
    task = lab.task()
    equal((task["status"], gate_of(task), task["work"]["attempt"]), ("waiting", "accept", 2), "how it stands")
    expect("the handle is missing" in lab.told(2), "the note was not told: " + lab.told(2))
    lab.approve("Make it")
    task = lab.task()
    equal(task["status"], "completed", "status")
    equal(lab.subjects("feature/make-it"), ["Make it", "Make it"], "commits of the branch")


@scenario("a begin that is sent back is refused")
def begin_sent_back(lab):
    make_it(lab, automation_level="manual")
    lab.run(code=SUSPENDED)
    lab.call("retry", "Make it", code=REFUSED)
    lab.call("edit", "Make it", "--level", "full_auto", code=REFUSED)


@scenario("an approval without an agent")
def approved_without_agent(lab):
    make_it(lab, automation_level="assisted")
    lab.run(code=SUSPENDED)
    lab.call("approve", "Make it", code=USAGE)
    equal((lab.task()["status"], lab.calls()), ("waiting", 0), "how it stands")
    lab.run(code=SUSPENDED)
    equal(gate_of(lab.task()), "accept", "what it waits for")
    lab.call("approve", "Make it")  # from here on none is needed
    check_committed(lab, lab.task())


# ---- Stopping ----

def interrupt_once(lab, plays):
    """Starts it and presses Ctrl-C when the agent runs. Gives the process, when it has said that it will stop."""
    errors = os.path.join(lab.folder, "errors")
    with open(errors, "w", encoding="utf-8") as file:
        process = lab.start("run", "--all", "--agent", "exec '%s'" % AGENT, plays=plays, errors=file)
    lab.until_begun()
    process.send_signal(signal.SIGINT)
    until(lambda: "Ctrl-C again stops" in read(errors), "that it says what Ctrl-C does")
    return process


@scenario("Ctrl-C lets the step end, and a later run goes on")
def interrupt(lab):
    lab.document("Next")
    make_it(lab)
    process = interrupt_once(lab, "wait_for_go; work; say Done.")
    lab.go()
    equal(lab.finish(process)[0], SUSPENDED, "how it ended")
    equal(lab.statuses(), {"Make it": "running", "Next": "pending"}, "statuses")
    lab.call("run", "Make it", code=USAGE)  # there is no agent
    equal(lab.statuses(), {"Make it": "running", "Next": "pending"}, "statuses")
    lab.run("Make it")
    check_committed(lab, lab.task())
    equal(lab.calls(), 1, "the number of times that the agent was started")


@scenario("Ctrl-C twice stops at once, and a later run goes on")
def interrupt_twice(lab):
    make_it(lab)
    process = interrupt_once(lab, "hang")
    process.send_signal(signal.SIGINT)
    code = lab.finish(process)[0]
    equal((code, lab.task()["status"]), (INTERRUPTED, "running"), "how it ended")
    lab.run("Make it")
    check_committed(lab, lab.task())


@scenario("its execution can be looked at as any other")
def looked_at(lab):
    make_it(lab)
    lab.run(plays="work; say Done.")
    execution = lab.task()["execution"]
    for told, *command in (("commit", "show", execution), ("Done.", "logs", execution), (execution, "why", execution),
                           (execution, "list")):
        run = subprocess.run([lab.baton, *command, "--store", lab.store], env=lab.env, capture_output=True, text=True)
        equal(run.returncode, DONE, "%s ended" % command[0])
        expect(told in run.stdout, "%s does not tell of %s:\n%s" % (command[0], told, run.stdout))


@scenario("Ctrl-C while it waits for a rate limit to pass")
def interrupt_pause(lab):
    make_it(lab)
    process = lab.start(*lab.run_arguments("--all"), plays="limit 86000")
    lab.until_begun()
    until(lambda: log_of(lab.task(), "work"), "that it met the limit")
    process.send_signal(signal.SIGINT)
    code, _, err = lab.finish(process)
    equal((code, lab.task()["status"]), (SUSPENDED, "running"), "how it stands (%s)" % err)
    lab.call("cancel", "Make it")
    equal(lab.task()["status"], "cancelled", "status")


@scenario("killed while it waits for a rate limit to pass")
def kill_pause(lab):
    make_it(lab, max_attempts=1)
    plays = "limit 2\nwork; say Done."
    process = lab.start(*lab.run_arguments("--all"), plays=plays)
    until(lambda: log_of(lab.task(), "work"), "that it met the limit")
    process.kill()
    lab.finish(process)
    lab.run(plays=plays)
    check_committed(lab, lab.task())
    equal(verdicts(lab.task()), ["limited", "confirmed"], "verdicts")


@scenario("SIGTERM interrupts, and a later run goes on")
def terminate(lab):
    make_it(lab)
    process = lab.start(*lab.run_arguments("--all"), plays="hang\nwork; say Done.")
    lab.until_begun()
    process.terminate()
    equal(lab.finish(process)[0], 143, "how it ended")
    lab.check_nothing_runs()
    equal(lab.task()["status"], "running", "status")
    lab.run(plays="hang\nwork; say Done.")
    check_committed(lab, lab.task())


@scenario("task cancel, while another program runs it")
def cancel_running(lab):
    make_it(lab)
    process = lab.start(*lab.run_arguments("--all"), plays="work; hang\nsay Done.")
    lab.until_begun()
    lab.call("cancel", "Make it")
    code, out, err = lab.finish(process)
    task = lab.task()
    equal((code, task["status"]), (FAULTED, "cancelled"), "how it ended (%s)" % err)
    equal(lab.subjects("feature/make-it"), [], "commits of the branch")
    expect(os.path.isdir(task["work"]["directory"]), "its worktree is gone")
    lab.check_nothing_runs()
    equal(lab.run(), {}, "what another run does")
    lab.call("retry", "Make it")
    lab.run(plays="work; hang\nsay Done.")
    check_committed(lab, lab.task())


@scenario("task cancel, of one that waits, is pending, or has ended")
def cancel_others(lab):
    lab.document("Alpha", automation_level="semi_auto")
    lab.document("Beta")
    lab.commit()
    lab.import_documents()
    lab.call("cancel", "Beta")
    lab.run(code=SUSPENDED, plays=PLAYS)
    equal(lab.statuses(), {"Alpha": "waiting", "Beta": "cancelled"}, "statuses")
    lab.call("cancel", "Alpha")
    equal(lab.task("Alpha")["status"], "cancelled", "status")
    lab.call("cancel", "Alpha", code=REFUSED)
    lab.call("approve", "Alpha", code=REFUSED)
    equal(lab.subjects("feature/alpha"), ["Alpha"], "commits of the branch, which stays")
    lab.call("retry", "Alpha")
    lab.run(code=SUSPENDED, plays=PLAYS)
    lab.approve("Alpha")
    equal(lab.task("Alpha")["status"], "completed", "status")


# ---- Several at once ----

@scenario("two programs at once carry out each task once")
def two_at_once(lab):
    titles = ["Task %d" % n for n in range(6)]
    for title in titles:
        lab.document(title)
    lab.commit()
    lab.import_documents()
    processes = [lab.start(*lab.run_arguments("--all"), plays=PLAYS) for _ in range(2)]
    ends = [lab.finish(process) for process in processes]
    equal([code for code, _, _ in ends], [DONE, DONE], "how they ended (%s)" % "".join(err for _, _, err in ends))
    equal(lab.statuses(), dict.fromkeys(titles, "completed"), "statuses")
    for title in titles:
        equal(lab.calls(title), 1, "the number of times that the agent was started for " + title)
        equal(lab.subjects("feature/" + title.lower().replace(" ", "-")), [title], "commits of the branch")
    done = [task["title"] for _, out, _ in ends for task in json.loads(out)]
    equal(sorted(done), titles, "what the two say that they did")


@scenario("a task that another program carries out")
def carried_out_elsewhere(lab):
    make_it(lab)
    process = lab.start(*lab.run_arguments("--all"), plays="wait_for_go; work; say Done.")
    lab.until_begun()
    lab.run("Make it", code=REFUSED)
    equal(lab.run(), {}, "what another run does")
    for command in (("approve", "Make it"), ("retry", "Make it"), ("edit", "Make it", "--level", "manual")):
        lab.call(*command, code=REFUSED)
    lab.go()
    equal(lab.finish(process)[0], DONE, "how it ended")
    check_committed(lab, lab.task())
    lab.run("Make it", code=REFUSED)
    equal(lab.calls(), 1, "the number of times that the agent was started")


@scenario("the agent kills Baton")
def agent_kills(lab):
    make_it(lab, max_attempts=1)
    plays = "work; kill_baton; say Done."
    equal(lab.finish(lab.start(*lab.run_arguments("--all"), plays=plays))[0], KILLED, "how it ended")
    lab.check_nothing_runs()
    lab.run(plays=plays)
    task = lab.task()
    check_committed(lab, task)
    equal(verdicts(task), ["confirmed"], "verdicts")
    equal(lab.calls(), 2, "the number of times that the agent was started")
    equal([lab.about(n)["attempt"] for n in (1, 2)], ["1", "1"], "attempts: a crash of Baton is none")


@scenario("a verification kills Baton")
def verification_kills(lab):
    make_it(lab, max_attempts=1)
    verify = 'mkdir "$AGENT_LEDGER/once" 2>/dev/null || exit 0; kill -KILL $PPID; sleep 600 & wait'
    arguments = lab.run_arguments("--all", "--verify", "true", "--verify", verify)
    equal(lab.finish(lab.start(*arguments))[0], KILLED, "how it ended")
    lab.check_nothing_runs()
    equal(lab.finish(lab.start(*arguments))[0], DONE, "how it ended")
    task = lab.task()
    check_committed(lab, task)
    equal(lab.calls(), 1, "the number of times that the agent was started")
    equal([(e["command"], e["passed"]) for e in log_of(task, "verify")], [("true", True), (verify, True)],
          "verifications")


@scenario("deployment that is interrupted is not run again")
def deployment_interrupted(lab):
    make_it(lab, type="deployment")
    lab.run(code=SUSPENDED)
    equal(lab.finish(lab.start("approve", "Make it", *lab.run_arguments()[1:], plays="work; kill_baton; say Done."))[0],
          KILLED, "how it ended")
    lab.run(code=FAULTED)
    task = lab.task()
    equal((task["status"], lab.calls()), ("failed", 1), "how it stands")
