"""What becomes of a task by what its agent does and says: scenarios of one task each.

SPDX-License-Identifier: Apache-2.0
"""
import datetime, json, os

from lab import FAULTED, REFUSED, SUSPENDED, equal, expect, log_of, scenario, verdicts, write


def make_it(lab, **context):
    """The task 'Make it', imported."""
    lab.document("Make it", **context)
    lab.commit()
    lab.import_documents()


def play(lab, plays, *arguments, status="completed", **context):
    """Carries out one task by an agent that plays this, and looks how it stands. Gives it."""
    make_it(lab, **context)
    lab.run("--all", *arguments, plays=plays, code={"completed": 0, "failed": FAULTED, "waiting": SUSPENDED}[status])
    task = lab.task()
    equal(task["status"], status, "status (%s)" % task["reason"])
    equal(lab.calls(), len(log_of(task, "work")), "the number of times that the agent was started")
    return task


def check_committed(lab, task, attempt=1, subjects=("Make it",)):
    equal(task["work"]["attempt"], attempt, "attempt")
    equal(lab.subjects("feature/make-it"), list(subjects), "commits of the branch")
    equal(task["work"]["commit"], lab.git("rev-parse", "feature/make-it"), "the commit that is told")
    equal(lab.worktrees(), 0, "worktrees")


def check_given_up(lab, task, attempts, reason):
    """Failed, nothing was committed, and what was made is still there."""
    equal(task["work"]["attempt"], attempts, "attempt")
    expect(reason in task["reason"], "the reason: " + task["reason"])
    expect("given up after %d attempt" % attempts in task["reason"], "the reason: " + task["reason"])
    equal(lab.subjects("feature/make-it"), [], "commits of the branch")
    expect(os.path.isdir(task["work"]["directory"]), "its worktree is gone")
    expect(task["reason"] in lab.shown(), "the report does not say why")


# ---- Confirmation ----

@scenario("success")
def success(lab):
    task = play(lab, "work; say All of it is done.")
    check_committed(lab, task)
    entry = log_of(task, "work")[0]
    equal((entry["verdict"], entry["keyword"], entry["code"]), ("confirmed", "done", 0), "the evidence")
    expect("All of it is done." in entry["message"], "the message that is kept: " + entry["message"])
    equal({k: task["work"]["changes"][k] for k in ("files", "insertions", "deletions", "commits")},
          {"files": 1, "insertions": 1, "deletions": 0, "commits": 1}, "what changed")
    equal(lab.file_of("feature/make-it", "made.txt"), "Make it", "the file")
    expect(task["started_at"] <= task["ended_at"], "its times")
    report = lab.shown()
    for said in ("completed", "feature/make-it", task["work"]["commit"], "1 of at most 3", "All of it is done.",
                 "1 file, +1 -0"):
        expect(said in report, "the report does not say '%s'" % said, report)
    equal(lab.about(1)["id"], task["id"], "BATON_TASK_ID")
    lab.run()
    equal(lab.calls(), 1, "the number of times that the agent was started, after another run")


@scenario("keyword without work")
def keyword_without_work(lab):
    task = play(lab, "say Done.", status="failed")
    check_given_up(lab, task, 3, 'the agent says "done", but 0 files changed')
    equal(verdicts(task), ["failed"] * 3, "verdicts")


@scenario("work without keyword")
def work_without_keyword(lab):
    task = play(lab, "work; say I made the file.")
    equal(verdicts(task), ["ask", "ask", "ask", "inferred"], "verdicts")
    check_committed(lab, task)
    for number in (2, 3, 4):
        expect("did not say clearly" in lab.told(number), "what it was asked: " + lab.told(number))
    equal([lab.about(n)["attempt"] for n in (1, 2, 3, 4)], ["1"] * 4, "attempts")


@scenario("work without keyword, and no fallback detection")
def without_fallback(lab):
    task = play(lab, "work; say I made the file.", status="failed", fallback_detection=False, max_attempts=1)
    equal(verdicts(task), ["ask", "ask", "ask", "failed"], "verdicts")
    check_given_up(lab, task, 1, "the agent did not say that it is done; 1 file changed")
    expect(os.path.exists(os.path.join(task["work"]["directory"], "made.txt")), "its work is lost")


@scenario("neither work nor keyword")
def nothing(lab):
    task = play(lab, "say I looked at it.", status="failed", max_attempts=1)
    check_given_up(lab, task, 1, "0 files changed")


@scenario("negated keyword")
def negated(lab):
    task = play(lab, "work; say The task is not done.", status="failed", max_attempts=1)
    equal(verdicts(task), ["ask", "ask", "ask", "failed"], "verdicts")
    check_given_up(lab, task, 1, "says that it is not done")


@scenario("negated keyword, then a true one")
def negated_then_done(lab):
    task = play(lab, "work; say It is only partially complete.\nwork more.txt; say It is complete.")
    equal(verdicts(task), ["ask", "confirmed"], "verdicts")
    check_committed(lab, task)
    expect("partially complete" in log_of(task, "work")[0]["sentence"], "the evidence")


@scenario("keyword only in the echo")
def echo(lab):
    task = play(lab, "work; echoes", status="failed", fallback_detection=False, max_confirmation_attempts=1,
                max_attempts=1)
    expect("done" in lab.told(1), "the prompt names no keyword")
    equal(verdicts(task), ["ask", "failed"], "verdicts")


@scenario("keyword before the echo, and in a report of what comes")
def echo_and_done(lab):
    task = play(lab, "work; echoes; say; say It will be done.\necho; echoes; say; say Done.")
    equal(verdicts(task), ["ask", "confirmed"], "verdicts")


@scenario("keywords of the document")
def own_keywords(lab):
    task = play(lab, "work; say Done.\nsay The core engine is here: engine ready.",
                confirmation_keywords=["engine ready"])
    equal(verdicts(task), ["ask", "confirmed"], "verdicts")
    equal(log_of(task, "work")[1]["keyword"], "engine ready", "the keyword")


@scenario("declared files that are missing")
def declared(lab):
    task = play(lab, "work a.txt; say I did what I could.\nwork b.txt", create=["a.txt", "b.txt"], max_attempts=2,
                max_confirmation_attempts=0)
    equal(verdicts(task), ["failed", "inferred"], "verdicts")
    first, second = log_of(task, "work")
    equal((first["declared"], first["present"], first["missing"]), (2, 1, ["b.txt"]), "what is missing")
    equal((second["present"], second.get("missing")), (2, None), "what is missing in the end")
    check_committed(lab, task, attempt=2)


@scenario("confirmation_required false")
def not_required(lab):
    task = play(lab, "work", confirmation_required=False)
    equal(verdicts(task), ["inferred"], "verdicts")
    check_committed(lab, task)


@scenario("confirmation_required false, nothing done")
def not_required_nothing(lab):
    task = play(lab, "say nothing", status="failed", confirmation_required=False, max_attempts=2)
    equal(verdicts(task), ["failed", "failed"], "verdicts")


@scenario("max_confirmation_attempts 0")
def never_asked(lab):
    task = play(lab, "work", max_confirmation_attempts=0)
    equal(verdicts(task), ["inferred"], "verdicts")


@scenario("max_confirmation_attempts 0, and no fallback detection")
def never_asked_without_fallback(lab):
    task = play(lab, "work\nsay Done.", max_confirmation_attempts=0, fallback_detection=False)
    equal(verdicts(task), ["failed", "confirmed"], "verdicts")
    check_committed(lab, task, attempt=2)


# ---- How it ends ----

@scenario("hang, until timeout_seconds")
def hang(lab):
    task = play(lab, "work; hang", status="failed", timeout_seconds=1, max_attempts=1)
    equal(log_of(task, "work")[0]["ended"], "timeout", "how it ended")
    check_given_up(lab, task, 1, "ran out of time")


@scenario("hang, until --idle-timeout")
def idle(lab):
    task = play(lab, "hang\nwork; say Done.", "--idle-timeout", "2s")
    equal([e.get("ended") for e in log_of(task, "work")], ["idle", None], "how it ended")
    check_committed(lab, task, attempt=2)
    expect("nothing for too long" in lab.told(2), "what it was told: " + lab.told(2))


@scenario("endless output")
def endless(lab):
    task = play(lab, "work; flood", status="failed", max_attempts=1)
    equal(log_of(task, "work")[0]["ended"], "output", "how it ended")
    check_given_up(lab, task, 1, "wrote too much")
    expect(len(json.dumps(task)) < 100000, "the output is kept whole")


@scenario("crash")
def crash(lab):
    task = play(lab, "work; crash the wheel came off", status="failed", max_attempts=2)
    equal([e["code"] for e in log_of(task, "work")], [139, 139], "exit codes")
    check_given_up(lab, task, 2, "ended with code 139")
    expect("the wheel came off" in log_of(task, "work")[0]["stderr"], "its messages are not kept")
    expect("the wheel came off" in lab.told(2), "the next attempt was not told: " + lab.told(2))


@scenario("output that is no text")
def no_text(lab):
    plays = r"work; printf 'D\377\000 \033[1mIt is \033[32mdone.\033[0m\n'; printf 'a\000b\377' >&2"
    task = play(lab, plays, "--verify", r"printf 'c\000d\377'")
    equal(verdicts(task), ["confirmed"], "verdicts")
    expect("It is done." in log_of(task, "work")[0]["message"], "the message: %r" % log_of(task, "work")[0]["message"])
    equal(log_of(task, "work")[0]["stderr"], "a b\ufffd", "its messages")
    equal(log_of(task, "verify")[0]["stdout"], "c d\ufffd", "what the verification wrote")


@scenario("exit code, whatever it says")
def exit_code(lab):
    task = play(lab, "work; say Done.; fail no disk left", status="failed", max_attempts=1)
    check_given_up(lab, task, 1, "ended with code 3")


@scenario("success at the third try")
def third_try(lab):
    task = play(lab, "crash the wheel came off\nsay Done.\nwork; say Done.")
    equal(verdicts(task), ["failed", "failed", "confirmed"], "verdicts")
    equal([lab.about(n)["attempt"] for n in (1, 2, 3)], ["1", "2", "3"], "attempts")
    expect("the wheel came off" in lab.told(2), "what attempt 2 was told: " + lab.told(2))
    expect("0 files changed" in lab.told(3), "what attempt 3 was told: " + lab.told(3))
    check_committed(lab, task, attempt=3)


@scenario("rate limit")
def rate_limit(lab):
    task = play(lab, "limit 1\nlimit 1\nwork; say Done.", max_attempts=1)
    equal(verdicts(task), ["limited", "limited", "confirmed"], "verdicts")
    check_committed(lab, task)
    equal(task["work"]["waits"], 2, "waits")
    at = [datetime.datetime.fromisoformat(e["at"].replace("Z", "+00:00")) for e in log_of(task, "work")]
    for before, after in zip(at, at[1:]):
        expect((after - before).total_seconds() >= 1, "it did not wait: %s" % (after - before))


@scenario("rate limit that never ends")
def rate_limit_for_ever(lab):
    config = os.path.join(lab.folder, "agent.yaml")
    write(config, "agent:\n  rate_limit: {delay: 10ms, most: 2}\n")
    task = play(lab, "fail error: too many requests", "--config", config, status="failed")
    equal(verdicts(task), ["limited"] * 3, "verdicts")
    check_given_up(lab, task, 1, "rate limit too often")


@scenario("an agent that is not there")
def no_agent(lab):
    make_it(lab, max_attempts=2)
    lab.run("Make it", "--agent", "/nowhere/agent", agent=False, code=REFUSED)
    task = lab.task()
    equal(task["status"], "pending", "status")  # nothing is wrong with the task
    expect("could not be run" in task["reason"], "the reason: " + task["reason"])
    lab.call("run", "Make it", code=2)
    equal(lab.task()["status"], "pending", "without --agent: status")


# ---- How it is told, and how its answer is read ----

@scenario("prompt by stdin, argument and file")
def prompts(lab):
    for title in ("One", "Two", "Three"):
        lab.document(title)
    lab.commit()
    lab.import_documents()
    lab.run("One", "--prompt", "stdin")
    lab.run("Two", "--prompt", "argument")
    task = lab.run_one("Three", "--prompt", "file")
    expect("Feature/Component Name" in lab.told(1, "stdin", "One"), "stdin: " + lab.told(1, "stdin", "One"))
    equal(lab.told(1, "arguments", "One"), "", "its arguments")
    equal(lab.told(1, "stdin", "Two"), "", "stdin of one that is told by an argument")
    expect("Feature/Component Name" in lab.told(1, "arguments", "Two"), "argument")
    equal(lab.told(1, "stdin", "Three"), "", "stdin of one that is told by a file")
    expect("Feature/Component Name" in lab.told(1, "file", "Three"), "file")
    path = lab.told(1, "arguments", "Three").strip()
    expect(not os.path.exists(path), "the prompt's file is left: " + path)
    expect(not path.startswith(task["work"]["directory"]), "the prompt's file stood in the worktree")


def lines_config(lab):
    """The user's own configuration: an agent that speaks JSON lines and can go on with a session."""
    write(lab.env["XDG_CONFIG_HOME"] + "/baton/tasks.yaml", json.dumps({"agent": {
        "command": [os.path.join(os.path.dirname(os.path.abspath(__file__)), "agent")], "result": "json-lines",
        "session": ".session_id", "resume": ["--resume", "{session}"]}}))


ANSWER = """work; say '{"type": "system", "session_id": "s-%d"}'; say '{"type": "result", "result": "%s"}'"""


@scenario("JSON lines, session and resume")
def json_lines(lab):
    lines_config(lab)
    make_it(lab)
    lab.run("--all", agent=False, plays="\n".join((ANSWER % (1, "I am not done"), ANSWER % (1, "Now it is done."))))
    task = lab.task()
    equal((task["status"], verdicts(task)), ("completed", ["ask", "confirmed"]), "how it ended")
    equal(log_of(task, "work")[1]["message"], "Now it is done.", "the message")
    equal(task["work"]["session"], "s-1", "the session")
    equal(lab.told(1, "arguments"), "", "the first arguments")
    equal(lab.told(2, "arguments"), "--resume\ns-1\n", "the second arguments")
    expect("Feature/Component Name" in lab.told(1), "the first prompt has not the document")
    expect("Feature/Component Name" not in lab.told(2), "the second prompt repeats the document")


@scenario("new_chat_required")
def new_chat(lab):
    lines_config(lab)
    for title, new in (("One", True), ("Two", False), ("Three", True)):
        lab.document(title, new_chat_required=new, requires_new_chat=None)
    lab.commit()
    lab.import_documents()
    tasks = lab.run("One", "Two", "Three", agent=False, plays=ANSWER % (7, "Done."))
    equal([t["status"] for t in tasks.values()], ["completed"] * 3, "statuses")
    equal([lab.told(1, "arguments", title) for title in tasks], ["", "--resume\ns-7\n", ""], "arguments")


@scenario("a session of another task has not heard of this one")
def other_session(lab):
    lines_config(lab)
    lab.document("One")
    lab.document("Two", new_chat_required=False, requires_new_chat=None)
    lab.commit()
    lab.import_documents()
    plays = 'test "$BATON_TASK_TITLE$BATON_ATTEMPT" != Two1 || fail it broke; ' + ANSWER % (7, "Done.")
    lab.run("One", "Two", agent=False, plays=plays)
    equal(lab.task("Two")["status"], "completed", "status")
    for number in (1, 2):
        expect("Feature/Component Name" in lab.told(number, title="Two"), "start %d was not told the document" % number)


@scenario("JSON lines that are none")
def broken_lines(lab):
    task = play(lab, """work; say '{"result": "Done."'; say Done.""", "--result", "json-lines", max_attempts=1,
                fallback_detection=False, status="failed")
    equal(verdicts(task)[-1], "failed", "the verdict")


# ---- Verification ----

VERIFY = "test -f second.txt || { echo there is no second file >&2; exit 4; }"


@scenario("verification fails, then passes")
def verify(lab):
    task = play(lab, "work; say Done.\nwork second.txt; say Done.", "--verify", "test -f made.txt", "--verify", VERIFY)
    equal([(e["attempt"], e["passed"]) for e in log_of(task, "verify")], [(1, True), (1, False), (2, True), (2, True)],
          "verifications")
    expect("there is no second file" in log_of(task, "verify")[1]["stderr"], "its output is not kept")
    expect("there is no second file" in lab.told(2), "the next attempt was not told: " + lab.told(2))
    check_committed(lab, task, attempt=2)
    expect("there is no second file" in lab.shown(), "the report does not have it")


@scenario("verification that never passes")
def verify_fails(lab):
    task = play(lab, "work; say Done.", "--verify", VERIFY, max_attempts=2, status="failed")
    check_given_up(lab, task, 2, "ended with code 4")


@scenario("verification that hangs")
def verify_hangs(lab):
    task = play(lab, "work; say Done.", "--verify", "sleep 600 & wait", max_attempts=1, timeout_seconds=4,
                status="failed")
    check_given_up(lab, task, 1, "was ended: timeout")


MARK = "touch \"$AGENT_LEDGER/ran\""


@scenario("commands of a document wait for a person")
def untrusted(lab):
    task = play(lab, "work; say Done.", verify=[MARK], status="waiting")
    equal((task["gate"]["name"], task["gate"]["commands"]), ("begin", [MARK]), "what it waits for")
    expect(MARK in lab.shown(), "the report does not show the commands")
    equal(lab.calls(), 0, "the number of times that the agent was started")
    equal(lab.run("--all"), {}, "another run")
    tasks = lab.approve("Make it", "--note", "I read it")
    equal(tasks["Make it"]["status"], "completed", "status after approval")
    expect(os.path.exists(lab.ledger_path("ran")), "the command was not run")
    equal(log_of(lab.task(), "approval")[0]["note"], "I read it", "the note")


@scenario("commands of a document, with --trust")
def trusted(lab):
    task = play(lab, "work; say Done.", "--trust", verify=[MARK])
    equal([e["command"] for e in log_of(task, "verify")], [MARK], "what was run")


@scenario("commands that a person set")
def edited_verify(lab):
    make_it(lab, verify=["touch %s" % lab.ledger_path("stranger")])
    lab.call("edit", "Make it", "--verify", MARK)
    lab.run()
    equal(lab.task()["status"], "completed", "status")
    expect(os.path.exists(lab.ledger_path("ran")), "the person's command was not run")
    expect(not os.path.exists(lab.ledger_path("stranger")), "the document's command was run")


@scenario("an approval in advance is for the document as it was")
def approved_before(lab):
    make_it(lab, verify=[MARK])
    lab.call("approve", "Make it")
    lab.document("Make it", verify=[MARK, "touch %s" % lab.ledger_path("stranger")])
    lab.commit("another document")
    lab.import_documents()
    lab.run(code=SUSPENDED)
    equal(lab.task()["status"], "waiting", "status")
    equal(lab.approve("Make it")["Make it"]["status"], "completed", "status")
    expect(os.path.exists(lab.ledger_path("stranger")), "the new command was not run")


@scenario("an approval in advance")
def approved_before_and_run(lab):
    make_it(lab, verify=[MARK])
    lab.call("approve", "Make it")
    lab.run()
    equal(lab.task()["status"], "completed", "status")
