#!/usr/bin/python3
"""Carries tasks out by a fake agent and looks at what became of them, of the repository and of the store.

usage: tests/tasks/run.py BATON [--only WORD] [--kills N] [--every] [--jobs N]

  --only WORD  only the scenarios whose name contains it
  --kills N    so many kills at random moments (20)
  --every      kills at every call of git, not at three of each kind
  --jobs N     scenarios at once (4)

Each scenario has a temporary folder of its own, with a repository, a store and a home. Prints one line for
each, "ok NAME" or "not ok NAME" with what is known of it, and the seed of all choices; BATON_SEED=N makes the
same choices again (when a program is killed, it is somewhere else each time).

SPDX-License-Identifier: Apache-2.0
"""
import argparse, concurrent.futures, os, random, shutil, signal, subprocess, sys, time

sys.dont_write_bytecode = True
import agents, control, documents, kills, repository
from lab import SCENARIOS, Lab, Wrong


def perform(baton, function, git):
    """The line that tells of it, without the name."""
    begin_s = time.monotonic()
    try:
        with Lab(baton, git) as lab:
            function(lab)
        return "ok", "(%.1f s)" % (time.monotonic() - begin_s)
    except (Wrong, OSError, ValueError, KeyError, IndexError, TypeError, subprocess.SubprocessError) as wrong:
        text = str(wrong) if isinstance(wrong, Wrong) else describe(wrong)
        return "not ok", "\n    " + text.replace("\n", "\n    ")


def describe(failure):
    """Of a test that stumbled over what it found."""
    trace, place = failure.__traceback__, ""
    while trace:
        place += " %s:%d" % (os.path.basename(trace.tb_frame.f_code.co_filename), trace.tb_lineno)
        trace = trace.tb_next
    return "%s: %s at%s" % (type(failure).__name__, failure, place)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("baton")
    parser.add_argument("--only", default="")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--jobs", type=int, default=4)
    args = parser.parse_args()
    if not shutil.which("git"):
        print("skipped tasks: there is no git")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that folders go
    seed = os.environ.get("BATON_SEED") or str(random.randrange(10 ** 8))
    print("seed %s" % seed, flush=True)
    baton, failed = os.path.abspath(args.baton), 0
    kills.add_scenarios(baton, seed, args.kills, args.every)
    chosen = [one for one in SCENARIOS if args.only in one[0]]
    pool = concurrent.futures.ThreadPoolExecutor(args.jobs)
    try:
        ends = [(name, pool.submit(perform, baton, function, git)) for name, function, git in chosen]
        for name, end in ends:
            word, rest = end.result()
            failed += word != "ok"
            print(word, name, rest, flush=True)
    finally:
        pool.shutdown(cancel_futures=True)
        for folder in kills.FOLDERS:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
