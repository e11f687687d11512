"""A git repository with task documents, a store, a fake agent, and the programs that are started on them: each
lab in a temporary folder of its own.

SPDX-License-Identifier: Apache-2.0
"""
import json, os, shutil, signal, subprocess, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
AGENT = os.path.join(HERE, "agent")
DONE, FAULTED, USAGE, NOT_FOUND, NOT_ALLOWED, SUSPENDED, REFUSED, INVALID, INTERRUPTED = 0, 1, 2, 3, 4, 5, 7, 8, 130
KILLED = -signal.SIGKILL
PATIENCE_S = 60  # what takes longer has gone wrong; nothing depends on how long anything takes otherwise

DOCUMENT = """# %(title)s

## 1. Project Overview
- **Feature/Component Name**: %(title)s
- **Priority**: High
- **Type**: %(type)s
- **Category**: backend
- **Estimated Time**: 2 hours
- **Dependencies**: %(dependencies)s

## 3. Implementation Files
#### Files to Create:
%(create)s

#### AI Execution Context:
```json
%(context)s
```
"""


class Wrong(Exception):
    """Something that must hold does not."""


def expect(holds, what, *details):
    if not holds:
        raise Wrong("\n".join([what] + ["%s" % (d,) for d in details]))


def equal(got, wanted, what):
    expect(got == wanted, "%s: %r, not %r" % (what, got, wanted))


def until(holds, what, pause_s=0.005):
    """Waits for something that another process does."""
    end_s = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        expect(time.monotonic() < end_s, "it did not come: " + what)
        time.sleep(pause_s)
    return found


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


class Lab:
    def __init__(self, baton, git=True):
        self.baton = baton
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="baton-tasks-"))
        self.repository, self.store, self.ledger, self.events = (
            os.path.join(self.folder, name) for name in ("shop", "state/store.db", "ledger", "events"))
        self.history = []  # what was started and how it ended, for people
        home = os.path.join(self.folder, "home")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BATON_", "AGENT_", "GIT_", "XDG_"))}
        self.env = {**kept, "HOME": home, "AGENT_LEDGER": self.ledger, "NO_COLOR": "1", "LC_ALL": "C.UTF-8",
                    "XDG_CONFIG_HOME": home + "/config", "XDG_STATE_HOME": home + "/state",
                    "XDG_DATA_HOME": home + "/data", "XDG_CACHE_HOME": home + "/cache",
                    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Tester",
                    "GIT_AUTHOR_EMAIL": "tester@localhost", "GIT_COMMITTER_NAME": "Tester",
                    "GIT_COMMITTER_EMAIL": "tester@localhost"}
        if "BATON_WORKFLOWS" in os.environ:
            self.env["BATON_WORKFLOWS"] = os.environ["BATON_WORKFLOWS"]
        for folder in (home, self.ledger, os.path.dirname(self.store), os.path.join(self.repository, "docs")):
            os.makedirs(folder)
        self.before = None
        if git:
            self.git("init", "-q", "-b", "main", "--template=")
            write(os.path.join(self.repository, "code.txt"), "one\n")

    def copy(self):
        """Another lab that begins as this one is now."""
        other = Lab.__new__(Lab)
        other.__dict__.update(self.__dict__, history=[])
        other.folder = os.path.realpath(tempfile.mkdtemp(prefix="baton-tasks-"))
        for name in ("repository", "store", "ledger", "events"):
            setattr(other, name, getattr(self, name).replace(self.folder, other.folder, 1))
        other.env = {k: v.replace(self.folder, other.folder) for k, v in self.env.items()}
        shutil.copytree(self.folder, other.folder, dirs_exist_ok=True, symlinks=True)
        config = os.path.join(other.repository, ".git/config")
        write(config, read(config).replace(self.folder, other.folder))
        return other

    def __enter__(self):
        return self

    def __exit__(self, kind, failure, trace):
        """At the end of a scenario nothing runs any more, and what is the user's is as it was."""
        try:
            if not kind:
                self.check_nothing_runs()
                self.check_base()
        except Wrong as wrong:
            failure = wrong
        for pid in self.running():
            end_process(pid)
        shutil.rmtree(self.folder, ignore_errors=True)
        if isinstance(failure, Wrong):
            raise Wrong("%s\nstarted:\n  %s" % (failure, "\n  ".join(self.history[-40:]))) from None

    # ---- Documents and git ----

    def document(self, title, type="feature", dependencies="None", create=(), **context):
        """Writes docs/TITLE.md. It is carried out without a person, unless the context says otherwise."""
        context = {"automation_level": "full_auto", "git_branch_name": branch_of(title), **context}
        context = {key: value for key, value in context.items() if value is not None}
        text = DOCUMENT % {"title": title, "type": type, "dependencies": dependencies,
                           "create": "\n".join("- [ ] `%s` - a file" % path for path in create) or "None",
                           "context": json.dumps(context, indent=2)}
        write(os.path.join(self.repository, "docs", title.lower().replace(" ", "-") + ".md"), text)

    def git(self, *arguments, at=None, fails=False):
        run = subprocess.run(["git", *arguments], cwd=at or self.repository, env=self.env, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        expect(fails or run.returncode == 0, "git %s: %s" % (" ".join(arguments), run.stdout))
        return run.stdout.strip()

    def commit(self, message="base"):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        self.settle()

    def settle(self):
        """From here on nothing of what is the user's may change."""
        self.before = self.base()

    def base(self):
        """All that a run must leave alone: what is checked out and where it stands, the index, the files."""
        if not os.path.isdir(os.path.join(self.repository, ".git")):
            return None
        files = {}
        for folder, folders, names in os.walk(self.repository):
            if ".git" in folders:
                folders.remove(".git")
            paths = [os.path.join(folder, name) for name in names]
            files.update({os.path.relpath(path, self.repository): read(path) for path in paths})
        return {"checkout and status": self.git("status", "--porcelain=v2", "--branch"),
                "index": self.git("ls-files", "-s"), "files": files}

    def check_base(self):
        now = self.base()
        for key in self.before or ():
            equal(now[key], self.before[key], "the user's " + key)

    def check_nothing_runs(self):
        """The guardian ends what a killed Baton left, which takes it a moment."""
        until(lambda: not self.running(), "that nothing runs any more of\n%s" % "\n".join(self.running().values()))

    def running(self):
        """{pid: command line} of what an agent or Baton left running."""
        found, mark = {}, ("AGENT_LEDGER=" + self.ledger).encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/environ" % pid, "rb") as file:
                    if mark in file.read().split(b"\0"):
                        found[int(pid)] = read("/proc/%s/cmdline" % pid).replace("\0", " ")
            except OSError:
                pass  # it has ended, or is not ours
        return found

    def branches(self):
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split("\n")

    def subjects(self, branch, since="main"):
        """Of the commits that a branch has beyond another, the oldest first."""
        return self.git("log", "--reverse", "--format=%s", since + ".." + branch).splitlines()

    def file_of(self, branch, path):
        return self.git("show", "%s:%s" % (branch, path))

    def worktrees(self):
        return self.git("worktree", "list", "--porcelain").count("worktree ") - 1

    # ---- Baton ----

    def start(self, *arguments, plays=None, path=None, at=None, errors=subprocess.PIPE):
        argv = [self.baton, "task", *arguments, "--store", self.store]
        env = dict(self.env, **({"AGENT_PLAYS": plays} if plays else {}))
        if path:
            env["PATH"] = path + ":" + env["PATH"]
        return subprocess.Popen(argv, cwd=at or self.repository, env=env, text=True, errors="replace",
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)

    def finish(self, process):
        """(exit code, stdout, stderr); one that ends by a fault of its own is wrong."""
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise Wrong("'%s' did not end within %d s\n%s%s" % (" ".join(process.args[1:]), PATIENCE_S, out, err))
        code, err = process.returncode, err or ""
        self.history.append("%s: %d %s" % (" ".join(process.args[1:-2]), code, err.strip()[:300]))
        if "anitizer" in err or "runtime error" in err or "locked" in err or code in (-signal.SIGABRT, -signal.SIGSEGV):
            raise Wrong("'%s' ended with %d\n%s" % (" ".join(process.args[1:]), code, err[:2000]))
        return code, out, err

    def call(self, *arguments, code=DONE, **how):
        """Gives (stdout, stderr). code None: any but 0."""
        got, out, err = self.finish(self.start(*arguments, **how))
        expect(got == code or (code is None and got),
               "'task %s' ended with %d, not %s" % (" ".join(arguments), got, code), out, err)
        return out, err

    def run_arguments(self, *arguments, agent=True):
        return ["run", *arguments, "--json", "--quiet", *(["--agent", "exec '%s'" % AGENT] if agent else [])]

    def run(self, *arguments, code=DONE, agent=True, verb=None, **how):
        """task run; all tasks when none is named. Gives the tasks that were run, by their titles."""
        argv = self.run_arguments(*(arguments or ("--all",)), agent=agent)
        if verb:
            argv[0] = verb
        out = self.call(*argv, code=code, **how)[0]
        return {task["title"]: task for task in json.loads(out)} if out else {}

    def approve(self, *arguments, **how):
        return self.run(*arguments, verb="approve", **how)

    def run_one(self, title="Make it", *arguments, **how):
        return self.run(title, *arguments, **how)[title]

    def import_documents(self, **how):
        return json.loads(self.call("import", "docs", "--json", **how)[0])

    def task(self, title="Make it"):
        return json.loads(self.call("show", title, "--json")[0])

    def shown(self, title="Make it"):
        return self.call("show", title)[0]

    def statuses(self):
        return {task["title"]: task["status"] for task in json.loads(self.call("list", "--json")[0])}

    # ---- What the agent was told ----

    def ledger_path(self, *names):
        return os.path.join(self.ledger, *names)

    def go(self):
        """The agents that wait for it go on."""
        write(self.ledger_path("go"), "")

    def calls(self, title="Make it"):
        """How often the agent was started for a task, or is about to be."""
        folder = self.ledger_path(title)
        if not os.path.isdir(folder):
            return 0
        return sum(os.path.isdir(os.path.join(folder, name)) for name in os.listdir(folder))

    def told(self, number, what="stdin", title="Make it"):
        return read(self.ledger_path(title, "%d.%s" % (number, what)))

    def about(self, number, title="Make it"):
        return dict(line.split("=", 1) for line in self.told(number, "about", title).splitlines())

    def until_begun(self, number=1, title="Make it"):
        path = self.ledger_path(title, "%d.about" % number)
        until(lambda: os.path.exists(path), "the agent's start %d for '%s'" % (number, title))


def branch_of(title):
    return "feature/" + title.lower().replace(" ", "-")


def log_of(task, kind):
    return [entry for entry in (task["work"] or {}).get("log", []) if entry["kind"] == kind]


def verdicts(task):
    return [entry["verdict"] for entry in log_of(task, "work")]


def end_process(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


# ---- Scenarios ----

SCENARIOS = []  # (name, function, whether in a git repository)


def scenario(name, git=True):
    """A function that gets a lab of its own."""
    def add(function):
        SCENARIOS.append((name, function, git))
        return function
    return add
