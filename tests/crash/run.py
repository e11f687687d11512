#!/usr/bin/python3
"""Kills Baton, lets it go on, and looks at what became of it.

usage: tests/crash/run.py BUILD_DIR [--kills N] [--seconds S] [--every] [--only WORD]

  --kills N    so many kills of runs at random moments (40); of workers a quarter of that
  --seconds S  how long two shells work on one store (3)
  --every      kills at every call of each critical point, not at one of each
  --only WORD  only the checks whose name contains it

BUILD_DIR holds the program and the static library, built without sanitizers. Prints one line for each check,
"ok NAME" or "not ok NAME" with what is known of it, and the seed of all choices; BATON_SEED=N makes the same
choices again (when a program is killed, it is somewhere else each time).

SPDX-License-Identifier: Apache-2.0
"""
import argparse, json, os, random, subprocess, sys, tempfile, threading, time

sys.dont_write_bytecode = True
import oracle
from lab import CONFLICT, DONE, FAULTED, HERE, KILLED, NOT_FOUND, SUSPENDED, Lab, Wrong

ROOT = os.path.dirname(os.path.dirname(HERE))
PATIENCE = 200  # resumes until an execution must have ended


# ---- Random moments ----

class Kills:
    """When to kill: often just after a start, where most of the work is done, and sometimes much later."""

    def __init__(self, rng, count):
        self.rng, self.left, self.done = rng, count, 0

    def delay_s(self):
        return self.rng.uniform(0, self.rng.choice((0.02, 0.06, 0.3, 0.3, 0.6)))

    def start(self, lab, argv):
        """Starts a program and perhaps kills it. Gives how it ended."""
        process = lab.start(argv)
        note = ""
        if self.left > 0:
            delay_s, guardian_too = self.delay_s(), self.rng.random() < 0.2
            note = "(kill after %.0f ms%s)" % (delay_s * 1000, ", with its guardian" if guardian_too else "")
            lab.kill_after(process, delay_s, guardian_too)
        code, out, err = lab.finish(process, note=note)
        if code == KILLED:
            self.left -= 1
            self.done += 1
        return code, out, err


def until_ended(lab, id, begin, go_on, start):
    """Begins an execution and resumes it until it has ended. Gives the last output, None when that was lost."""
    argv = begin
    for _ in range(PATIENCE):
        code, out, err = start(argv)
        if code in (DONE, FAULTED):
            return out
        if code == CONFLICT and "has ended" in err:
            return None
        if code not in (KILLED, NOT_FOUND, SUSPENDED) or (code == NOT_FOUND and argv == begin):
            raise Wrong("'%s' ended with %d: %s" % (" ".join(argv), code, err))
        argv = begin if code == NOT_FOUND else go_on
    raise Wrong("'%s' has not ended after %d resumes" % (id, PATIENCE))


def undisturbed(lab, file, **how):
    """What everything else is compared with."""
    id = "model-" + lab.tag
    code, out, err = lab.call(lab.run_command(file, id, **how))
    if code != DONE:
        raise Wrong("the undisturbed run ended with %d: %s" % (code, err))
    model = lab.check(id)
    if any(oracle.is_interrupted(r) for r in model.records):
        raise Wrong("something was interrupted in the undisturbed run\n" + oracle.describe(model, lab.lines()))
    return model


def compare_output(out, model):
    if out is not None and (not out or json.loads(out) != json.loads(model.output)):
        raise Wrong("it printed another output than an undisturbed run: %s" % out)


def random_kills(build, rng, args):
    """One execution after the other in one store, killed at random moments."""
    with Lab(build) as lab, showing(lab):
        model = undisturbed(lab, "mixed.yaml")
        kills, number = Kills(rng, args.kills), 0
        while kills.left > 0:
            number += 1
            if number % 20 == 0:
                lab.check_store()
                lab.clear()
            id = "x%d-%s" % (number, lab.tag)
            del lab.history[:]
            out = until_ended(lab, id, lab.run_command("mixed.yaml", id), lab.command("resume", id),
                              lambda argv: kills.start(lab, argv))
            lab.call(lab.command("resume", id))  # it has ended: events that were not told are told now
            lab.check(id, model=model)
            compare_output(out, model)
        lab.check_store()
        return "%d kills, %d executions" % (kills.done, number)


def random_workers(build, rng, args):
    """Several executions at once in two workers, one of which is killed again and again."""
    with Lab(build) as lab, showing(lab):
        model = undisturbed(lab, "mixed.yaml", long=True)
        kills, rounds, count = Kills(rng, max(args.kills // 4, 10)), 0, 5
        while kills.left > 0:
            rounds += 1
            ids = ["w%d.%d-%s" % (rounds, i, lab.tag) for i in range(count)]
            del lab.history[:]
            for id in ids:
                code, out, err = lab.call(lab.run_command("mixed.yaml", id, True, "submit"))
                if code != DONE or out.strip() != id:
                    raise Wrong("submit ended with %d: %s%s" % (code, out, err))
            run_workers(lab, kills)
            for id in ids:
                lab.call(lab.command("resume", id))  # as above
                lab.check(id, model=model)
            lab.check_store()
        return "%d kills, %d executions" % (kills.done, rounds * count)


def run_workers(lab, kills):
    """Keeps two workers running until all the executions have ended."""
    workers = [lab.start(lab.command("worker")) for _ in range(2)]
    try:
        end_s = time.monotonic() + 120
        while (left := statuses(lab)):
            if time.monotonic() > end_s:
                raise Wrong("still not ended: %s" % left)
            for id, status in left.items():
                if status == "suspended":  # taken up three times without progress; now it is ours, not a worker's
                    while kills.start(lab, lab.command("resume", id))[0] in (KILLED, SUSPENDED):
                        pass
            if kills.left > 0:
                victim = kills.rng.randrange(2)
                time.sleep(kills.delay_s())
                lab.kill_after(workers[victim], 0, kills.rng.random() < 0.2)
                if lab.finish(workers[victim], note="(kill)")[0] == KILLED:
                    kills.left -= 1
                    kills.done += 1
                workers[victim] = lab.start(lab.command("worker"))
            else:
                time.sleep(0.1)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            lab.finish(worker, note="(TERM)")


def statuses(lab, ended=False):
    """Of those that have ended, or those that have not. Asks Baton: whoever opens a store otherwise is its last
    user when all others were killed, and would tidy up behind them."""
    code, out, err = lab.call(lab.command("list", "--json", "--all"))
    if code != DONE:
        raise Wrong("list ended with %d: %s" % (code, err))
    lab.history.pop()
    return {row["id"]: row["status"] for row in json.loads(out)
            if (row["status"] in ("completed", "faulted", "cancelled")) == ended}


# ---- Critical points ----

MOMENTS = {"log": ("before", "half", "after"), "database": ("before", "half", "after"),
           "event": ("before", "half", "after"), "ledger": ("before", "after"), "exec": ("before",)}
WHAT = {"log": "a write to the log", "database": "a write to the database", "sync": "a commit's sync",
        "cut": "a file is cut", "unlink": "a file is removed", "pipe": "a process starts",
        "exec": "a process executes its program", "started": "a process is watched", "end": "a process is reaped",
        "send": "a request is sent", "event": "an event is written", "ledger": "a step does its work"}


class WorkflowFile:
    """What the critical points are looked for in: a workflow file run by the program."""
    status, events = "completed", True

    def __init__(self, lab, tools):
        self.id = "critical-" + lab.tag
        self.begin = lab.run_command("critical.yaml", self.id)
        self.go_on = lab.command("resume", self.id)
        self.ends = DONE


class Rollback:
    """And a workflow in C that is rolled back."""
    status, events = "faulted", False

    def __init__(self, lab, tools):
        self.id = "rollback-" + lab.tag
        self.begin = self.go_on = [os.path.join(tools, "rollback"), lab.store, self.id, lab.ledger]
        self.ends = FAULTED


def build_tools(build, folder):
    """The shim, and the program that embeds the library."""
    cc = os.environ.get("CC", "cc").split()
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-fno-lto", "-Wall", "-Wextra", "-Werror"]
    for argv in (["-shared", "-fPIC", os.path.join(HERE, "kill.c"), "-o", os.path.join(folder, "kill.so"), "-ldl"],
                 [os.path.join(HERE, "rollback.c"), "-I" + os.path.join(ROOT, "include"),
                  os.path.join(build, "src", "libbaton.a"), "-o", os.path.join(folder, "rollback"), "-ljq", "-lonig",
                  "-lsqlite3", "-luv", "-lfyaml", "-lm", "-pthread", "-ldl"]):
        made = subprocess.run(cc + flags + argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode:
            raise Wrong("cannot be built: %s" % made.stdout)


def count_points(lab, shim, argv, code):
    """How often an undisturbed run passes each critical point."""
    got, _, err = lab.call(argv, LD_PRELOAD=shim, CRASH_COUNT=lab.count)
    if got != code:
        raise Wrong("'%s' ended with %d under the shim: %s" % (" ".join(argv), got, err))
    return {name: int(number) for name, number in map(str.split, open(lab.count, encoding="utf-8"))}


def kill_at(lab, shim, what, argv, at, model):
    """Kills one program at one point, and lets the execution end. False when it did not come by there."""
    codes = []

    def start(argv):
        shimmed = {} if codes else dict(LD_PRELOAD=shim, CRASH_AT=at)
        ended = lab.call(argv, note="" if codes else "(kill at %s)" % at, **shimmed)
        codes.append(ended[0])
        return ended

    out = until_ended(lab, what.id, argv, what.go_on, start)
    if what.events:
        lab.call(what.go_on)
    lab.check(what.id, what.status, what.events, model)
    if what.events:
        compare_output(out, model)
    lab.check_store(dead_may_be_left=out is None)
    return codes[0] == KILLED


def critical_points(build, rng, args, tools, program, during_resume):
    """Kills before, during and after calls of each critical point; gives a check for each."""
    shim = os.path.join(tools, "kill.so")
    lab = Lab(build)
    with lab:
        with showing(lab):
            what = program(lab, tools)
            code, _, err = lab.call(what.begin)
            if code != what.ends:
                raise Wrong("the undisturbed run ended with %d: %s" % (code, err))
            model = lab.check(what.id, what.status, what.events)
            lab.clear()
            argv = what.begin
            if during_resume:  # of an execution that was left in the middle of a step
                at = "exec:before:1" if what.events else "ledger:after:%d" % rng.randint(1, 4)
                lab.call(argv, LD_PRELOAD=shim, CRASH_AT=at)
                saved, argv = lab.save(), what.go_on
            counts = count_points(lab, shim, argv, what.ends)
        for point, count in counts.items():
            for moment in MOMENTS.get(point, ("before", "after")):
                # How many of a kind there are varies a little: where a late one is missed, earlier ones are tried.
                one = rng.randint(1, count)
                numbers = range(1, count + 1) if args.every else [one, one // 2 + 1, 1]
                yield "%s %s" % (moment, WHAT[point]), lambda: places(
                    lab, shim, what, argv, saved if during_resume else None, model, "%s:%s" % (point, moment),
                    numbers, args.every)


def places(lab, shim, what, argv, saved, model, at, numbers, every):
    with showing(lab):
        reached = []
        for number in numbers:
            lab.restore(saved) if saved else lab.clear()
            if kill_at(lab, shim, what, argv, "%s:%d" % (at, number), model):
                reached.append(number)
                if not every:
                    break
        if not reached:
            raise Wrong("no call of %s was reached" % at)
        return "%d calls" % len(reached) if every else "call %d" % reached[0]


# ---- Several at once ----

def resumes_at_once(build, rng, args):
    """Of several that resume one execution at once, one gets it."""
    with Lab(build) as lab, showing(lab):
        model = undisturbed(lab, "mixed.yaml")
        done = 0
        for number in range(min(args.kills // 4, 50)):
            id = "r%d-%s" % (number, lab.tag)
            process = lab.start(lab.run_command("mixed.yaml", id))
            lab.kill_after(process, rng.uniform(0.02, 0.2))
            if lab.finish(process)[0] != KILLED:
                continue
            resumes = [lab.start(lab.command("resume", id)) for _ in range(3)]
            codes = sorted(lab.finish(process)[0] for process in resumes)
            if codes == [NOT_FOUND] * 3:  # it was killed before it was durable
                continue
            if codes != [DONE, CONFLICT, CONFLICT]:
                raise Wrong("three resumes at once ended with %s" % codes)
            lab.check(id, model=model)
            done += 1
        lab.check_store()
        return "%d times" % done



def two_shells(build, rng, args):
    """Two shells run, list, cancel, suspend and resume on one store."""
    with Lab(build) as lab, showing(lab):
        end_s = time.monotonic() + args.seconds
        wrong, counts = [], {}
        shells = [threading.Thread(target=shell, args=(lab, random.Random(rng.random()), "shell%d" % i, end_s,
                                                       wrong, counts)) for i in range(2)]
        for thread in shells:
            thread.start()
        for thread in shells:
            thread.join()
        if wrong:
            raise Wrong("\n".join(wrong))
        for id, status in statuses(lab).items():
            code, _, err = lab.call(lab.command("resume", id))
            if code != DONE:
                raise Wrong("resume of '%s', which was %s, ended with %d: %s" % (id, status, code, err))
        for id, status in statuses(lab, ended=True).items():
            lab.check(id, status, events=False)
        lab.check_store()
        return ", ".join("%d %s" % (count, verb) for verb, count in sorted(counts.items()))


def shell(lab, rng, name, end_s, wrong, counts):
    """What a person might do, some of it to the executions of the other shell. `allowed` are the exit codes
    that may come of it, since the other shell may have been faster."""
    allowed = {"list": (DONE,), "cancel": (DONE, CONFLICT, NOT_FOUND), "suspend": (DONE, CONFLICT, 4, NOT_FOUND),
               "resume": (DONE, FAULTED, SUSPENDED, CONFLICT, NOT_FOUND), "run": (DONE, FAULTED, SUSPENDED, KILLED)}
    number, running = 0, []
    try:
        while time.monotonic() < end_s and not wrong:
            number += 1
            id = "%s.%d-%s" % (name, number, lab.tag)
            running.append(lab.start(lab.run_command("critical.yaml", id)))
            for _ in range(rng.randint(1, 3)):
                verb = rng.choice(("list", "cancel", "suspend", "resume"))
                at = "%s.%d-%s" % (rng.choice(("shell0", "shell1")), rng.randint(max(1, number - 2), number), lab.tag)
                argv = lab.command("list", "--json") if verb == "list" else lab.command(verb, at)
                code, out, err = lab.call(argv)
                if code not in allowed[verb]:
                    raise Wrong("'%s' ended with %d: %s" % (" ".join(argv), code, err))
                if verb == "list":
                    json.loads(out)
                counts[verb] = counts.get(verb, 0) + 1
            if rng.random() < 0.2:
                running[-1].kill()
            while len(running) > 2:
                code, _, err = lab.finish(running.pop(0))
                counts["run"] = counts.get("run", 0) + 1
                if code not in allowed["run"]:
                    raise Wrong("run ended with %d: %s" % (code, err))
        while running:
            lab.finish(running.pop())
    except Exception as failure:
        wrong.append("%s: %s" % (name, failure))
        for process in running:
            process.kill()


# ---- All checks ----

class showing:
    """After a failure: says what was done, and where the files are."""

    def __init__(self, lab):
        self.lab = lab

    def __enter__(self):
        pass

    def __exit__(self, kind, failure, trace):
        if isinstance(failure, Wrong):
            self.lab.kept = True
            raise Wrong("%s\nstarted:\n  %s\nfiles: %s" % (failure, "\n  ".join(self.lab.history[-60:]),
                                                          self.lab.folder)) from None


def all_checks(build, seed, args, tools):
    """(name, function of no arguments that gives a remark). Each has its own random numbers."""
    def rng(name):
        return random.Random("%s %s" % (seed, name))

    for name, function in (("random kills of run and resume", random_kills),
                           ("random kills of workers", random_workers), ("resumes at once", resumes_at_once),
                           ("two shells", two_shells)):
        yield name, lambda: function(build, rng(name), args)
    for program, title in ((WorkflowFile, "a workflow file"), (Rollback, "a rollback in C")):
        for during_resume, place in ((False, "when it runs"), (True, "when it is taken up")):
            name = "killed %s, %s" % (place, title)
            try:
                for check, function in critical_points(build, rng(name), args, tools, program, during_resume):
                    yield "%s: %s" % (name, check), function
            except Wrong as wrong:
                yield name + ": undisturbed", lambda wrong=wrong: fail(wrong)


def fail(wrong):
    raise wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    seed = os.environ.get("BATON_SEED") or str(random.randrange(10 ** 8))
    print("seed %s" % seed, flush=True)
    failed = 0
    with tempfile.TemporaryDirectory() as tools:
        build_tools(os.path.abspath(args.build), tools)
        for name, function in all_checks(os.path.abspath(args.build), seed, args, tools):
            if args.only not in name:
                continue
            begin_s = time.monotonic()
            try:
                print("ok %s (%s, %.1f s)" % (name, function(), time.monotonic() - begin_s), flush=True)
            except Wrong as wrong:
                failed += 1
                print("not ok %s (seed %s)\n    %s" % (name, seed, str(wrong).replace("\n", "\n    ")), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
