"""Documents: those that change, types and their workflows, dependencies that are no tasks.

SPDX-License-Identifier: Apache-2.0
"""
import os

from agents import check_committed, make_it, play
from lab import DONE, NOT_FOUND, equal, expect, log_of, scenario, verdicts, write

PLAYS = 'work "$BATON_TASK_TITLE.txt"; say Done.'


@scenario("a document that changes while its task runs")
def changed_meanwhile(lab):
    lab.document("Make it", create=["made.txt"])
    lab.commit()
    lab.import_documents()
    process = lab.start(*lab.run_arguments("--all"), plays="wait_for_go; work; say not done\nwork; say Done.")
    lab.until_begun()
    lab.document("Make it", create=["made.txt", "second.txt"], max_attempts=7)
    lab.commit("another document")
    equal([d["result"] for d in lab.import_documents()], ["running"], "what the import says")
    expect("second.txt" not in lab.task()["source_content"], "the document was taken over")
    lab.go()
    equal(lab.finish(process)[0], DONE, "how it ended")
    task = lab.task()
    equal(task["work"]["settings"]["max_attempts"], 3, "the setting that counted")
    equal(log_of(task, "work")[-1]["declared"], 1, "the files that counted")
    expect("second.txt" not in lab.told(2), "the new document was told")
    check_committed(lab, task)
    equal([d["result"] for d in lab.import_documents()], ["updated"], "what the import says afterwards")
    task = lab.task()
    expect("second.txt" in task["source_content"], "the document was not taken over afterwards")
    equal(task["status"], "completed", "status")


@scenario("a document that changes while its task waits")
def changed_while_waiting(lab):
    make_it(lab, automation_level="assisted")
    lab.run(code=5)
    lab.document("Make it", automation_level="assisted", create=["second.txt"])
    lab.commit("another document")
    equal([d["result"] for d in lab.import_documents()], ["running"], "what the import says")
    lab.approve("Make it", code=5)
    expect("second.txt" not in lab.told(1), "another document was told than the one that was approved")


@scenario("a document that changes before its task runs")
def changed_before(lab):
    make_it(lab)
    lab.document("Make it", create=["second.txt"])
    lab.commit("another document")
    equal([d["result"] for d in lab.import_documents()], ["updated"], "what the import says")
    lab.run(plays="work second.txt; say Done.")
    expect("second.txt" in lab.told(1), "the old document was told")
    check_committed(lab, lab.task())


# ---- Dependencies ----

@scenario("a dependency that is no task blocks until it is satisfied")
def external(lab):
    lab.document("Make it", dependencies="Foundation 9Z (Something else)")
    lab.document("Other")
    lab.commit()
    lab.import_documents()
    lab.run(plays=PLAYS)
    equal(lab.statuses(), {"Make it": "pending", "Other": "completed"}, "statuses")
    equal([b["status"] for b in lab.task()["blocked_by"]], ["external"], "what it waits for")
    _, err = lab.call(*lab.run_arguments("Make it"), code=None)
    expect("Foundation 9Z" in err, "it does not say what it waits for: " + err)
    equal(lab.calls(), 0, "the number of times that the agent was started")
    lab.call("edit", "Make it", "--satisfied", "Foundation 9Z")
    lab.run()
    check_committed(lab, lab.task())


@scenario("what depends on a failed task waits")
def failed_dependency(lab):
    lab.document("Alpha", max_attempts=1)
    lab.document("Beta", dependencies="Alpha")
    lab.document("Gamma")
    lab.commit()
    lab.import_documents()
    lab.run(code=1, plays='test "$BATON_TASK_TITLE" != Alpha || fail it broke; ' + PLAYS)
    equal(lab.statuses(), {"Alpha": "failed", "Beta": "pending", "Gamma": "completed"}, "statuses")
    lab.call("retry", "Alpha")
    lab.run(plays=PLAYS)
    equal(lab.statuses(), dict.fromkeys(("Alpha", "Beta", "Gamma"), "completed"), "statuses")
    equal(lab.subjects("feature/beta"), ["Alpha", "Beta"], "commits of the branch")


# ---- Types ----

@scenario("a type without a workflow")
def unknown_type(lab):
    make_it(lab, type="juggling")
    _, err = lab.call(*lab.run_arguments("Make it"), code=NOT_FOUND)
    expect("juggling" in err, "it does not say which type: " + err)
    equal((lab.task()["status"], lab.calls()), ("pending", 0), "how it stands")
    lab.call("edit", "Make it", "--type", "feature")
    lab.run()
    check_committed(lab, lab.task())


@scenario("a type without a workflow does not hold up the others")
def unknown_type_alone(lab):
    lab.document("Alpha", type="juggling")
    lab.document("Beta")
    lab.commit()
    lab.import_documents()
    lab.run(code=NOT_FOUND, plays=PLAYS)
    equal(lab.statuses(), {"Alpha": "pending", "Beta": "completed"}, "statuses")


WORKFLOW = """document: {dsl: '1.0.3', namespace: own, name: juggling, version: '0.1.0'}
do:
  - prepare: {call: task.prepare}
  - balls:
      run: {shell: {command: 'echo three balls > "$AGENT_LEDGER/balls"; echo x', environment: {}}}
      input: {from: .}
      output: {as: $input}
  - work: {call: task.work}
  - commit: {call: task.commit}
  - finish: {call: task.finish}
"""


@scenario("a workflow of the user's own, by --workflows")
def own_workflow(lab):
    folder = lab.folder + "/flows"
    write(folder + "/juggling.yaml", WORKFLOW)
    make_it(lab, type="juggling")
    lab.run("Make it", "--workflows", folder)
    check_committed(lab, lab.task())
    expect(os.path.exists(lab.ledger_path("balls")), "its own step was not run")


@scenario("a workflow of the user's own, in place of one of Baton's")
def replaced_workflow(lab):
    write(lab.env["XDG_CONFIG_HOME"] + "/baton/workflows/feature.yaml", WORKFLOW.replace("juggling", "feature"))
    make_it(lab)
    lab.run("Make it")
    check_committed(lab, lab.task())
    expect(os.path.exists(lab.ledger_path("balls")), "its own step was not run")


@scenario("analysis needs no change")
def analysis(lab):
    task = play(lab, "say The cause is a loose wheel.; say; say Done.", type="analysis")
    equal(verdicts(task), ["confirmed"], "verdicts")
    expect("The cause is a loose wheel." in log_of(task, "work")[0]["message"], "the message is not kept")
    report = lab.call("show", "Make it", "--verbose")[0]
    expect("The cause is a loose wheel." in report, "the report does not have the message", report)
    equal(lab.subjects("feature/make-it"), [], "commits of the branch")
    expect("final message is the result" in lab.told(1), "the agent was not told: " + lab.told(1))


@scenario("every type has a workflow")
def every_type(lab):
    types = ("bugfix", "refactoring", "testing", "documentation", "optimization")
    for type in types:
        lab.document(type.title(), type=type)
    lab.commit()
    lab.import_documents()
    lab.run(plays=PLAYS)
    equal(lab.statuses(), dict.fromkeys(map(str.title, types), "completed"), "statuses")


@scenario("nothing to carry out")
def nothing(lab):
    lab.commit()
    out, err = lab.call("run", "--all", "--agent", "true")
    expect("nothing to carry out" in err, "it says: " + err)
    lab.call("run", code=2)
    lab.call("run", "nothing", code=NOT_FOUND)
