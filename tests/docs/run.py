#!/usr/bin/python3
"""Runs what README.md and docs/*.md show.

A fenced block that begins with a line `# file: NAME` (or `/* file: NAME */`, `<!-- file: NAME -->`) is written to that file; a
`console` block is run: each line `$ command` in one shell, and the lines after it are what it must print on
stdout and stderr (ids, times and durations may differ; `...` stands for any lines). The shell starts in a
folder with a copy of examples/; `baton` is on the PATH.

SPDX-License-Identifier: Apache-2.0
"""
import glob, os, re, shutil, subprocess, sys, tempfile

ROOT = os.environ.get("BATON_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests"))
from normalise import normalise


def trim(text):
    return "\n".join(line.rstrip() for line in normalise(text).strip().splitlines())


def matches(want, got):
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + "\n"
                      for line in want.splitlines())
    return re.fullmatch(pattern, got + "\n" if got else "") is not None


def blocks(path):
    language, body = None, []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        m = re.match(r"```(\w*)\s*$", line)
        if m and language is None:
            language, body, begin = m[1], [], number
        elif line.startswith("```") and language is not None:
            yield language, "".join(body), begin
            language = None
        elif language is not None:
            body.append(line)


def run_console(text, folder):
    """Gives the first thing that is wrong, or None."""
    commands = re.findall(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n?)*)", text, re.M)
    for command, want in commands:
        env = dict(os.environ, XDG_STATE_HOME=os.path.join(folder, "state"))
        env.pop("BATON_STORE", None)
        run = subprocess.run(["sh", "-c", command], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, timeout=120)
        want, got = trim(want), trim(run.stdout)
        if want and not matches(want, got):
            return "$ %s\nprints\n%s\nbut the text says\n%s" % (command, got, want)
        if not want and run.returncode:
            return "$ %s\nends with %d\n%s" % (command, run.returncode, got)
    return None


def main():
    bad = done = 0
    for path in [os.path.join(ROOT, "README.md")] + sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(os.path.join(ROOT, "examples"), os.path.join(folder, "examples"))
            for language, text, line in blocks(path):
                m = re.match(r"(?:#|/\*|<!--) file: (\S+)", text)
                if m:
                    os.makedirs(os.path.join(folder, os.path.dirname(m[1])), exist_ok=True)
                    open(os.path.join(folder, m[1]), "w", encoding="utf-8").write(text)
                elif language == "console":
                    done += 1
                    wrong = run_console(text, folder)
                    if wrong:
                        bad += 1
                        print("%s:%d: %s" % (os.path.relpath(path, ROOT), line, wrong))
    print("%d blocks, %d wrong" % (done, bad))
    return 1 if bad or not done else 0


sys.exit(main())
