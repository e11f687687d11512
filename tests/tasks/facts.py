#!/usr/bin/python3
"""Compares what `baton task import --dry-run` reads in real task documents with what is known of them.

usage: tests/tasks/facts.py BATON

The documents are those of $BATON_SHARED; without it this is skipped (77). For each there is a file in
tests/tasks/facts/: the columns, what it depends on and which tasks those are, how many files, phases, steps
and criteria it has, and how it is to be carried out. With BATON_ACCEPT=1 the files are written anew.

SPDX-License-Identifier: Apache-2.0
"""
import difflib, json, os, subprocess, sys, tempfile

FACTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "facts")
COLUMNS = ("project_id", "title", "type", "category", "priority", "status", "source_type", "source_path",
           "estimated_hours")


def read(baton, paths, work):
    """What an import of these would do, outside of any repository. The store is not there, and is not made."""
    store = os.path.join(work, "none.db")
    run = subprocess.run([baton, "task", "import", "--dry-run", "--json", "--store", store] + paths, cwd=work,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if run.returncode:
        sys.exit("baton ended with %d\n%s" % (run.returncode, run.stderr))
    if os.path.exists(store):
        sys.exit("a dry run made a store")
    return json.loads(run.stdout)


def whole_text(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def facts_of(entry, titles):
    """titles: of all tasks, by id."""
    task, metadata = entry["task"], entry["task"]["metadata"]
    facts = {column: task[column] for column in COLUMNS}
    facts["whole"] = task["source_content"] == task["description"] == whole_text(entry["file"])
    facts["depends_on"] = {d["text"]: titles.get(d["depends_on"]) for d in task["dependencies"]}
    facts["files"] = {kind: len(files) for kind, files in metadata.get("files", {}).items()}
    facts["phases"] = [{"hours": p.get("hours"), "steps": len(p["steps"])} for p in metadata.get("phases", [])]
    facts["boxes"] = metadata.get("boxes")
    facts["technical_requirements"] = sorted(metadata.get("technical_requirements", {}))
    facts["success_criteria"] = len(metadata.get("success_criteria", []))
    facts["success_indicators"] = len(metadata.get("success_indicators", []))
    facts["task_fields"] = metadata.get("task_fields")
    facts["execution_context"] = metadata.get("execution_context")
    facts["problems"] = ["%d %s" % (p["line"], p["severity"]) for p in entry["problems"]]
    return facts


def compare(name, facts):
    """Whether they are as they are known; says so."""
    path = os.path.join(FACTS, name + ".json")
    got = json.dumps(facts, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("BATON_ACCEPT"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(got)
    wanted = whole_text(path) if os.path.exists(path) else ""
    if got == wanted:
        print("ok " + name)
        return True
    print("not ok %s\n%s" % (name, "\n".join(difflib.unified_diff(
        wanted.splitlines(), got.splitlines(), "known", "read", lineterm=""))))
    return False


def main():
    baton, shared = os.path.abspath(sys.argv[1]), os.path.abspath(os.environ.get("BATON_SHARED") or "none")
    folder, seed = os.path.join(shared, "taskdocs"), os.path.join(shared, "seed.md")
    if not os.path.isdir(folder) or not os.path.exists(seed):
        print("the documents are not there (BATON_SHARED)")
        return 77
    good, names = True, set()
    with tempfile.TemporaryDirectory() as work:
        for paths in ([folder], [seed]):
            entries = read(baton, paths, work)
            titles = {entry["id"]: entry["title"] for entry in entries}
            for entry in entries:
                name = os.path.basename(entry["file"])[:-len(".md")]
                names.add(name)
                good &= compare(name, facts_of(entry, titles))
    for name in sorted({file[:-len(".json")] for file in os.listdir(FACTS)} - names):
        print("not ok %s: it was not read" % name)
        good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
