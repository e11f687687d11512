#!/usr/bin/python3
"""Loads what `baton task export --sql` writes into SQLite and PostgreSQL, and looks whether it is all there.

usage: tests/tasks/load.py BATON

Imports task documents (those of $BATON_SHARED, and two of its own that hold what databases and their shells
stumble over) from a temporary git repository into a store, exports them, and compares every column that each
database then has with `baton task export --json`. PostgreSQL is a server of its own in a temporary folder,
where alone it listens. Prints one line for each check: "ok NAME", "not ok NAME" with what is known of it, or
"skipped NAME: WHY" when something is not installed.

SPDX-License-Identifier: Apache-2.0
"""
import glob, json, os, pwd, shutil, signal, sqlite3, subprocess, sys, tempfile, time

COLUMNS = ("id", "project_id", "title", "description", "type", "category", "priority", "status", "source_type",
           "source_path", "source_content", "metadata", "estimated_hours")
TYPES = {"id": "UUID PRIMARY KEY", "metadata": "JSONB", "estimated_hours": "NUMERIC"}
# How the table was made that the statements find; without one they make their own.
TABLES = {
    "typed": "CREATE TABLE tasks (%s);" % ", ".join("%s %s" % (c, TYPES.get(c, "TEXT")) for c in COLUMNS),
    "texts": "CREATE TABLE tasks (%s);" % ", ".join(c + " TEXT" for c in COLUMNS),
    "own": "",
}

NASTY = """it's ''quoted'' and "double" and `back`
\\
\\n \\' \\\\ \\x41 and at the end \\
\\q
\\! false
\\.
.quit
.exit 3
.read /nowhere
/
go
#
;
';
--';
-- a comment
/* one without an end
*/
COPY tasks FROM stdin;
quit
exit
$$ $1 $body$
:x :'x' :"x" @x ?1
%s %(x)s {0}
~1 ~0 ~
\u00e9 \U0001f600 \u2028 \u00a0 \ufeff
\t \x0b \x0c \x01 \x1b \x7f


""" + "long'\\" * 50000

DOCUMENT = """# TITLE

## 1. Project Overview
- **Feature/Component Name**: TITLE
- **Priority**: High
- **Estimated Time**: 2.5 hours
- **Dependencies**: None

## 2. Technical Requirements
- **Tech Stack**: C, \\ 'SQL'
- **Backend Changes**: it's all of it

## 4. Implementation Phases
#### Phase 1: it's \\ (2.5 hours)
- [ ] `';` \\q

```text
NASTY
```

## Database Task Creation Instructions
```sql
INSERT INTO tasks (id, title, type, category) VALUES (uuid(), 'QUOTED', 'feature', 'backend');
```
"""


class Wrong(Exception):
    pass


class Missing(Exception):
    """What is not installed."""


def call(argv, **more):
    more.setdefault("stdin", subprocess.DEVNULL)
    run = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **more)
    if run.returncode:
        raise Wrong("'%s' ended with %d\n%s" % (" ".join(argv)[:200], run.returncode,
                                                (run.stdout + run.stderr)[-2000:].decode(errors="replace")))
    return run.stdout


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


# ---- What is loaded ----

def make_documents(folder):
    """Writes two documents; the second has the line ends of DOS."""
    for name, end in (("unix", "\n"), ("dos", "\r\n")):
        title = "It's a \"nasty\" \\ task; -- /* $$ :'x' \U0001f600 of " + name
        text = DOCUMENT.replace("QUOTED", title.replace("'", "''")).replace("TITLE", title).replace("NASTY", NASTY)
        write(os.path.join(folder, name + ".md"), text.replace("\n", end))


def copy_documents(folder):
    shared = os.environ.get("BATON_SHARED")
    if not shared or not os.path.isdir(os.path.join(shared, "taskdocs")):
        raise Missing("the documents are not there (BATON_SHARED)")
    paths = glob.glob(os.path.join(shared, "taskdocs", "*.md")) + [os.path.join(shared, "seed.md")]
    for path in paths:
        shutil.copy(path, folder)
    return "%d documents" % len(paths)


def export(baton, repository, store, sql):
    """Imports the documents and exports them again; the SQL goes into a file. Gives the tasks."""
    environment = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
    call(["git", "init", "-q", repository], env=environment)
    call([baton, "task", "import", "docs", "--store", store], cwd=repository, env=environment)
    with open(sql, "wb") as file:
        file.write(call([baton, "task", "export", "--sql", "--store", store], cwd=repository))
    return json.loads(call([baton, "task", "export", "--json", "--store", store], cwd=repository))


def check_export(tasks, folder):
    """What is compared with later must itself be right: each task has the bytes of its document."""
    texts = {}
    for path in glob.glob(os.path.join(folder, "*.md")):
        with open(path, encoding="utf-8", newline="") as file:
            texts[file.read()] = os.path.basename(path)
    for task in tasks:
        if sorted(task) != sorted(COLUMNS):
            raise Wrong("a task has the columns %s" % ", ".join(sorted(task)))
        if not isinstance(task["metadata"], dict):
            raise Wrong("the metadata of '%s' are %.80r" % (task["title"], task["metadata"]))
        if task["source_content"] not in texts:
            raise Wrong("the source_content of '%s' is no document's" % task["title"])
    # The seed is one of the other documents, too.
    missing = set(texts.values()) - {texts[task["source_content"]] for task in tasks} - {"seed.md"}
    missing = {name for name in missing if "seed.md" not in texts.values() or "3a1-core" not in name}
    if missing:
        raise Wrong("no task came from " + ", ".join(sorted(missing)))
    return "%d tasks" % len(tasks)


# ---- Comparing ----

def value_of(column, value):
    """A column's value as the export has it: how a database shows JSON and numbers is its own affair."""
    if column == "metadata" and isinstance(value, str):
        return json.loads(value)
    if column == "estimated_hours" and value is not None:
        return float(value)
    return value


def first_difference(wanted, got):
    if not (isinstance(wanted, str) and isinstance(got, str)):
        return "%.200r, not %.200r" % (got, wanted)
    at = len(os.path.commonprefix([wanted, got]))
    return "%r from byte %d on, not %r" % (got[at:at + 60], at, wanted[at:at + 60])


def compare(tasks, rows):
    """rows: a list of {column: value}."""
    got = {row["id"]: row for row in rows}
    if len(got) != len(rows) or set(got) != {task["id"] for task in tasks}:
        raise Wrong("%d rows with %d ids are there, not those of the %d tasks" % (len(rows), len(got), len(tasks)))
    for task in tasks:
        row = got[task["id"]]
        if sorted(row) != sorted(COLUMNS):
            raise Wrong("the table has the columns %s" % ", ".join(row))
        for column in COLUMNS:
            wanted, value = value_of(column, task[column]), value_of(column, row[column])
            if value != wanted:
                raise Wrong("%s of '%s' is %s" % (column, task["title"], first_difference(wanted, value)))
    return "%d rows" % len(rows)


# ---- SQLite ----

def sqlite_rows(database):
    database.row_factory = sqlite3.Row
    rows = [dict(row) for row in database.execute("SELECT * FROM tasks")]
    database.close()
    return rows


def sqlite_module(table, sql, folder):
    database = sqlite3.connect(":memory:")
    with open(sql, encoding="utf-8", newline="") as file:
        database.executescript(TABLES[table] + file.read())
    return sqlite_rows(database)


def sqlite_shell(table, sql, folder):
    path = os.path.join(folder, table + ".db")
    argv = ["sqlite3", "-batch", "-bail", "-init", "/dev/null", path]
    if not shutil.which(argv[0]):
        raise Missing("there is no sqlite3")
    call(argv + [TABLES[table]])
    with open(sql, "rb") as file:
        told = call(argv, stdin=file)
    if told:
        raise Wrong("it printed %r" % told[:200])
    return sqlite_rows(sqlite3.connect(path))


# ---- PostgreSQL ----

def postgresql_programs():
    """The folder of the newest one's programs, which Debian has off the PATH."""
    folders = glob.glob("/usr/lib/postgresql/*/bin")
    folders.sort(key=lambda folder: int(folder.split("/")[4].split(".")[0]), reverse=True)
    for folder in folders + os.environ.get("PATH", "").split(":"):
        if all(os.access(os.path.join(folder, name), os.X_OK) for name in ("initdb", "postgres", "psql")):
            return folder
    raise Missing("there is no PostgreSQL")


def server_user():
    """It refuses to run as root. What sets another user, and that user's number (None: ours)."""
    if os.getuid() != 0:
        return [], None
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"], user.pw_uid
    raise Missing("PostgreSQL does not run as root, and there is no other user")


class Postgresql:
    """A server in a folder that goes with it."""

    def __init__(self):
        self.programs = postgresql_programs()
        self.switch, user = server_user()
        if not shutil.which("setpriv"):
            raise Missing("there is no setpriv")
        self.server = None
        self.folder = tempfile.mkdtemp(prefix="baton-pg-")  # its path must fit a socket's
        if user is not None:
            os.chown(self.folder, user, -1)
        # Nobody's settings: where psql would connect to, and as whom.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.server:
            self.server.send_signal(signal.SIGINT)
            try:
                self.server.wait(10)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def argv(self, program, *more):
        # The server ends when this process does, however that happens.
        return ["setpriv", "--pdeathsig", "INT"] + self.switch + [os.path.join(self.programs, program)] + list(more)

    def start(self):
        data, log = os.path.join(self.folder, "data"), os.path.join(self.folder, "log")
        call(self.argv("initdb", "-D", data, "-N", "-A", "trust", "-U", "baton", "-E", "UTF8", "--locale=C"),
             env=self.environment, cwd=self.folder)
        with open(log, "wb") as file:
            self.server = subprocess.Popen(
                self.argv("postgres", "-D", data, "-k", self.folder, "-h", "", "-F", "-c", "shared_buffers=16MB"),
                env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        patience_s = time.monotonic() + 20
        while True:
            try:
                return "version " + self.ask("SHOW server_version").split()[0]
            except Wrong as wrong:
                if self.server.poll() is not None or time.monotonic() > patience_s:
                    with open(log, errors="replace") as file:
                        raise Wrong("%s\n%s" % (wrong, file.read()[-2000:]))
            time.sleep(0.05)

    def psql(self, *more, schema="public"):
        argv = [os.path.join(self.programs, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "baton",
                "-d", "postgres"] + list(more)
        options = "-c search_path=%s -c client_min_messages=warning" % schema
        return call(argv, env=dict(self.environment, PGOPTIONS=options)).decode()

    def ask(self, query, **more):
        return self.psql("-A", "-t", "-c", query, **more)

    def load(self, table, sql, folder):
        if not self.server:
            raise Wrong("it does not run")
        self.ask("CREATE SCHEMA %s; SET search_path = %s; %s" % (table, table, TABLES[table]))
        told = self.psql("-f", sql, schema=table)
        if told:
            raise Wrong("it printed %r" % told[:200])
        return json.loads(self.ask("SELECT coalesce(json_agg(t), '[]') FROM tasks t", schema=table))


# ---- Running ----

class Checks:
    def __init__(self):
        self.failed = 0

    def run(self, name, function):
        """function gives a remark. Whether it went well."""
        begin_s = time.monotonic()
        try:
            remark = function()
        except Missing as missing:
            print("skipped %s: %s" % (name, missing), flush=True)
            return False
        except (Wrong, OSError, ValueError, sqlite3.Error, subprocess.TimeoutExpired) as wrong:
            self.failed += 1
            print("not ok %s\n    %s" % (name, str(wrong).replace("\n", "\n    ")), flush=True)
            return False
        print("ok %s (%s, %.1f s)" % (name, remark, time.monotonic() - begin_s), flush=True)
        return True

    def load(self, name, loader, tasks, sql, folder):
        for table in TABLES:
            self.run("%s, %s" % (name, table), lambda: compare(tasks, loader(table, sql, folder)))


def check_postgresql(checks, tasks, sql, folder):
    try:
        server = Postgresql()
    except Missing as missing:
        print("skipped postgresql: %s" % missing, flush=True)
        return
    with server:
        if checks.run("postgresql starts", server.start):
            checks.load("postgresql", server.load, tasks, sql, folder)


def main():
    baton, checks = os.path.abspath(sys.argv[1]), Checks()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that folders go and the server ends
    with tempfile.TemporaryDirectory(prefix="baton-load-") as folder:
        repository, sql = os.path.join(folder, "it's a repository"), os.path.join(folder, "export.sql")
        documents, tasks = os.path.join(repository, "docs"), []
        os.makedirs(documents)
        make_documents(documents)
        checks.run("the seed's documents", lambda: copy_documents(documents))

        def exported():
            tasks.extend(export(baton, repository, os.path.join(folder, "store.db"), sql))
            return check_export(tasks, documents)

        if checks.run("import and export", exported):
            checks.load("sqlite module", sqlite_module, tasks, sql, folder)
            checks.load("sqlite3", sqlite_shell, tasks, sql, folder)
            check_postgresql(checks, tasks, sql, folder)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
