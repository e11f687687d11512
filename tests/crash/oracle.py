"""What must hold of executions that were killed and resumed: the journal, the ledger that their steps wrote
and the events file tell the same story.

A *line* is what a step left behind outside of Baton: a line of the ledger, or a request that the server saw.

SPDX-License-Identifier: Apache-2.0
"""
import collections, json, os, re, sqlite3

BEGINS = ("step_started", "rollback_started")
ENDS = ("step_completed", "step_faulted", "step_cancelled", "rollback_completed", "rollback_faulted")
WAITS_MS = {"pause": 30, "rest": 10, "nap": 1100, "leftPause": 20}  # of mixed.yaml; others may be longer
AT_MOST_ONCE = ("once",)
MAY_DIFFER = ("mend", "slow")  # run only, or not, when something was interrupted
HEAD = "io.serverlessworkflow."
EVENTS = {"started": ["workflow.started"], "completed": ["workflow.completed"], "faulted": ["workflow.faulted"],
          "cancelled": ["workflow.cancelled"], "suspended": ["workflow.suspended"], "resumed": ["workflow.resumed"],
          "step_started": ["task.created", "task.started"], "step_completed": ["task.completed"],
          "step_faulted": ["task.faulted"], "step_cancelled": ["task.cancelled"], "step_retried": ["task.retried"]}

Line = collections.namedtuple("Line", "key name time_ns source")


def read_ledger(path):
    """KEY COUNTER NAME TIME, a line."""
    for text in open(path, encoding="utf-8"):
        words = text.split()
        assert len(words) == 4 and text.endswith("\n"), "a torn line in the ledger: %r" % text
        yield Line(words[0], words[2], int(words[3]), "ledger")


class Execution:
    """One execution as its store has it."""

    def __init__(self, db, id):
        self.id = id
        db.row_factory = sqlite3.Row
        rows = db.execute("SELECT * FROM executions WHERE id = ?", (id,)).fetchall()
        self.row = rows[0] if rows else None
        self.records = []
        if not rows:
            return
        key = self.row["key"]
        at = self.row["last"]
        while at is not None:
            record = db.execute("SELECT * FROM journal WHERE seq = ?", (at,)).fetchone()
            if record is None or record["execution"] != key:
                break
            self.records.insert(0, record)
            at = record["previous"]
        self.chain_end = at
        self.total = db.execute("SELECT count(*) FROM journal WHERE execution = ?", (key,)).fetchone()[0]
        self.output = self.row["output"]
        if isinstance(self.output, int):
            self.output = db.execute("SELECT text FROM data WHERE execution = ? AND number = ?",
                                     (key, self.output)).fetchone()[0]

    def name(self, record):
        name = record["reference"].rsplit("/", 1)[1]
        return "undo-" + name if record["kind"].startswith("rollback") else name

    def occurrences(self):
        """How many keys each reference has had."""
        keys = {(self.name(r), r["key"]) for r in self.records if r["kind"] in BEGINS}
        return collections.Counter(name for name, _ in keys if name not in MAY_DIFFER)


def is_interrupted(record):
    return isinstance(record["data"], str) and json.loads(record["data"]) == {"interrupted": True}


def check_chain(x):
    if x.chain_end is not None:
        yield "the chain of records ends at seq %s, which is none of its own" % x.chain_end
    if len(x.records) != x.total:
        yield "%d of its %d records are in the chain" % (len(x.records), x.total)
    numbers = [r["number"] for r in x.records]
    if numbers != list(range(1, len(numbers) + 1)):
        yield "numbers are not 1..n: %s" % numbers
    if x.row["number"] != len(numbers):
        yield "the row says that the last number is %s" % x.row["number"]
    for earlier, later in zip(x.records, x.records[1:]):
        if later["seq"] <= earlier["seq"]:
            yield "seq %d comes after %d" % (later["seq"], earlier["seq"])


def check_end(x, status):
    if x.row["status"] != status:
        yield "it is %s (%s)" % (x.row["status"], x.row["reason"])
    for column in ("owner", "cursor", "request"):
        if x.row[column] is not None:
            yield "it has ended, and has a %s" % column


def check_attempts(x):
    """Of each occurrence: one key, attempts that follow one another, a reason for each but the first."""
    state, attempts, retried = {}, {}, {}
    for r in x.records:
        key, kind, number = r["key"], r["kind"], r["number"]
        if kind == "step_retried":
            retried[r["reference"]] = number
        elif kind in BEGINS:
            again = [n for reference, n in retried.items()
                     if r["reference"].startswith(reference + "/") and n > state.get(key, (0, number))[1]]
            if key == number:
                if r["attempt"] != 1 or is_interrupted(r):
                    yield "record %d begins an occurrence as attempt %s" % (number, r["attempt"])
            elif key not in state:
                yield "record %d has a key that nothing began with" % number
            elif is_interrupted(r):
                if state[key][0] != "begun" and not again:
                    yield "record %d: interrupted, but had ended" % number
                if r["attempt"] != attempts[key] + 1:
                    yield "record %d: attempt %s after %s" % (number, r["attempt"], attempts[key])
            elif not again:
                yield "record %d begins again, and nothing says why" % number
            state[key] = ("begun", number)
            attempts[key] = r["attempt"]
        elif kind in ENDS:
            if state.get(key, ("", 0))[0] != "begun":
                yield "record %d ends what was not under way" % number
            state[key] = ("ended", number)
    for key, (what, number) in state.items():
        if what != "ended":
            yield "occurrence %s, begun by record %d, has no end" % (key, number)


def check_lines(x, lines, noting):
    """Each line is explained by an attempt, and no step left one after its end was journaled."""
    of_key = collections.defaultdict(list)
    for line in lines:
        if line.key.rsplit("/", 1)[0] == x.id:
            of_key[int(line.key.rsplit("/", 1)[1])].append(line)
    for key, found in of_key.items():
        records = [r for r in x.records if r["key"] == key]
        if not records:
            yield "%s: the journal knows no such key" % (found[0],)
            continue
        if {line.name for line in found} != {x.name(records[0])}:
            yield "the key %d belongs to %s; the lines: %s" % (key, x.name(records[0]), found)
        for count, line in enumerate(sorted(found, key=lambda line: line.time_ns), 1):
            before = [r for r in records if r["time"] * 1000 <= line.time_ns]
            if sum(r["kind"] in BEGINS for r in before) < count:
                yield "%s: line %d of that key, and fewer attempts until then" % (line, count)
            ends = [r["kind"] for r in before if r["kind"] in BEGINS + ENDS]
            if ends and ends[-1] in ENDS and ends[-1] != "step_cancelled":
                yield "%s: the step had ended when it ran" % (line,)
    for key in {r["key"] for r in x.records}:
        records = [r for r in x.records if r["key"] == key and r["kind"] in BEGINS + ENDS]
        if not records or x.name(records[0]) not in noting:
            continue
        ended = sum(r["kind"] in ENDS and r["kind"] != "step_cancelled" and
                    "was interrupted" not in str(r["data"]) for r in records)
        if len(of_key[key]) < ended:
            yield "key %d (%s): %d ends and %d lines" % (key, x.name(records[0]), ended, len(of_key[key]))
        if x.name(records[0]) in AT_MOST_ONCE and len(of_key[key]) > 1:
            yield "key %d (%s) must run once at most: %s" % (key, x.name(records[0]), of_key[key])


def check_waits(x):
    begun = {}
    for r in x.records:
        if r["kind"] == "step_started":
            begun.setdefault(r["key"], r["time"])
        name = x.name(r) if r["reference"] else ""
        if r["kind"] == "step_completed" and name in WAITS_MS and x.row["workflow_name"] == "mixed":
            waited_ms = (r["time"] - begun[r["key"]]) / 1000
            if waited_ms < WAITS_MS[name]:
                yield "record %d: %s waited for %g ms only" % (r["number"], name, waited_ms)


def events_of(x):
    """The events that the journal stands for: (id, type)."""
    for r in x.records:
        types = EVENTS.get(r["kind"], [])
        if r["kind"] == "step_started" and r["attempt"] > 1:
            types = ["task.retried"] if is_interrupted(r) else []
        for k, name in enumerate(types, 1):
            yield "%s/%d/%d" % (x.id, r["number"], k), HEAD + name + ".v1"


def check_events(x, path):
    text = open(path, encoding="utf-8").read()
    if text and not text.endswith("\n"):
        yield "the last event is torn"
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            event = json.loads(line)
        except ValueError:
            yield "line %d of the events is none: %s" % (number, line[:200])
            continue
        if event["subject"] == x.id:
            found.append((event["id"], event["type"]))
    wanted = list(events_of(x))
    for at in range(max(len(found), len(wanted))):
        one, other = found[at:at + 1], wanted[at:at + 1]
        if one != other:
            yield "event %d of %d is %s, and should be %s" % (at + 1, len(wanted), one, other)
            return


def check(store, id, status, lines, noting, events=None, model=None):
    """All that is wrong with an execution that has ended; and the execution, to show it. `model` is one that
    nothing disturbed."""
    db = sqlite3.connect(store)
    try:
        x = Execution(db, id)
        if not x.row:
            return ["it is not in the store"], x
        x.row = dict(x.row, workflow_name=db.execute("SELECT name FROM workflows WHERE id = ?",
                                                     (x.row["workflow"],)).fetchone()[0])
        wrong = []
        for part in (check_chain(x), check_end(x, status), check_attempts(x), check_lines(x, lines, noting),
                     check_waits(x)):
            wrong += part
        if events:
            wrong += check_events(x, events)
        if model and x.output != model.output:
            wrong.append("its output is not that of an undisturbed run: %s" % x.output)
        if model and x.occurrences() != model.occurrences():
            wrong.append("its occurrences are %s, and those of an undisturbed run %s"
                         % (x.occurrences(), model.occurrences()))
        return wrong, x
    finally:
        db.close()


def check_store(store, dead_may_be_left):
    """All that is wrong with a store that nobody uses any more. Who died without leaving anything to be taken
    up is an owner until somebody takes something up the next time."""
    db = sqlite3.connect(store)
    try:
        wrong = [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        wrong += ["an owner is left: %s" % (row,) for row in db.execute("SELECT pid, kind, number FROM owners")
                  if not dead_may_be_left or os.path.exists("/proc/%d" % row[0])]
        wrong += ["it has an owner: %s" % (row,) for row in db.execute(
            "SELECT id, status, owner FROM executions WHERE owner IS NOT NULL")]
        wrong += ["a record of no execution: %s" % (row,) for row in db.execute(
            "SELECT seq FROM journal WHERE execution NOT IN (SELECT key FROM executions)")]
        return wrong
    finally:
        db.close()


def left_running(id):
    """The processes, {pid: command}, that have a key of the execution (or of all whose id ends so) in their
    environment."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = open("/proc/%s/environ" % pid, "rb").read()
            if re.search(rb"BATON_IDEMPOTENCY_KEY=[^/\0]*%s/" % re.escape(id.encode()), environment):
                found[int(pid)] = open("/proc/%s/cmdline" % pid).read().replace("\0", " ")
        except OSError:
            continue
    return found


def describe(x, lines):
    """The execution's row, records and lines, as text."""
    text = ["execution %s" % ({k: x.row[k] for k in x.row.keys() if k != "output"} if x.row else x.id)]
    for r in x.records:
        text.append("  %5d %4d %-18s key %-4s attempt %-4s %.6f %s %s"
                    % (r["seq"], r["number"], r["kind"], r["key"], r["attempt"], r["time"] / 1e6,
                       r["reference"] or "", str(r["data"] or "")[:80]))
    text += ["  line %.6f %s %s (%s)" % (line.time_ns / 1e9, line.key, line.name, line.source)
             for line in lines if line.key.rsplit("/", 1)[0] == x.id]
    return "\n".join(text)
