"""A store with all that surrounds it: the events file, the ledger, an HTTP server, and the programs that are
started and killed on it.

SPDX-License-Identifier: Apache-2.0
"""
import http.server, json, os, select, shutil, signal, subprocess, tempfile, threading, time

import oracle

HERE = os.path.dirname(os.path.abspath(__file__))
NOTING = ("first", "work", "ask", "leftOne", "leftTwo", "right", "tell", "quick", "sound", "shaky", "once", "mend",
          "finish", "last", "one", "two", "three", "undo-one", "undo-two")
DONE, FAULTED, NOT_FOUND, SUSPENDED, CONFLICT, KILLED = 0, 1, 3, 5, 7, -9


class Wrong(Exception):
    """Something that must hold does not."""


class Server:
    """Notes each request by its Idempotency-Key, and answers after a moment with more than a kilobyte."""

    def __init__(self):
        lines = self.lines = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                key = self.headers["Idempotency-Key"] or "none/0"
                lines.append(oracle.Line(key, self.path[1:], time.time_ns(), "server"))
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                time.sleep(0.005)
                body = json.dumps({"path": self.path, "text": "y" * 2000}).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked was killed

            def log_message(self, *args):
                pass

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, address):
                pass

        self.server = Threads(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Lab:
    def __init__(self, build):
        self.baton = os.path.join(build, "baton")
        self.folder = tempfile.mkdtemp(prefix="baton-crash-")
        self.store, self.events, self.ledger, self.count = (
            os.path.join(self.folder, "s", name) for name in ("store.db", "events", "ledger", "count"))
        self.tag = os.path.basename(self.folder).rsplit("-", 1)[1]  # in all ids, so that no other run has the same
        self.server = Server()
        self.kept = False
        self.history = []  # what was started and how it ended, for people
        self.clear()
        self.env = {**{k: v for k, v in os.environ.items() if not k.startswith(("BATON_", "CRASH_"))},
                    "PATH": HERE + ":" + os.environ["PATH"], "CRASH_LEDGER": self.ledger, "NO_COLOR": "1"}

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.server.close()
        for pid in oracle.left_running(self.tag):
            os.kill(pid, signal.SIGKILL)
        if not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- Files ----

    def clear(self):
        shutil.rmtree(os.path.dirname(self.store), ignore_errors=True)
        os.mkdir(os.path.dirname(self.store))
        open(self.ledger, "w").close()
        del self.server.lines[:], self.history[:]

    def save(self):
        """Everything as it is now, to be restored."""
        shutil.rmtree(os.path.join(self.folder, "saved"), ignore_errors=True)
        shutil.copytree(os.path.dirname(self.store), os.path.join(self.folder, "saved"))
        return list(self.server.lines), list(self.history)

    def restore(self, saved):
        self.clear()
        shutil.copytree(os.path.join(self.folder, "saved"), os.path.dirname(self.store), dirs_exist_ok=True)
        self.server.lines += saved[0]
        self.history += saved[1]

    def lines(self):
        return list(oracle.read_ledger(self.ledger)) + list(self.server.lines)

    # ---- Programs ----

    def command(self, verb, *rest):
        argv = [self.baton, verb, "--store", self.store]
        if verb in ("run", "resume"):
            argv += ["--quiet"]
        if verb in ("run", "resume", "worker"):
            argv += ["--events", self.events]
        return argv + list(rest)

    def run_command(self, file, id, long=False, verb="run"):
        return self.command(verb, os.path.join(HERE, file), "--id", id, "--input",
                            json.dumps({"url": self.server.url, "long": long}))

    def start(self, argv, **env):
        return subprocess.Popen(argv, env={**self.env, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, cwd=self.folder, start_new_session=True)

    def finish(self, process, timeout_s=60, note=""):
        """Waits for the end: (exit code, stdout, stderr). One that does not end is killed, and that is wrong."""
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Wrong("'%s' did not end within %d s" % (" ".join(process.args), timeout_s))
        out, err = out.decode(errors="replace"), err.decode(errors="replace")
        self.history.append("%s %s: %d %s" % (process.args[1], note, process.returncode, err.strip()))
        if "locked" in err or "anitizer" in err or process.returncode in (9, -6, -11):
            raise Wrong("'%s' ended with %d: %s" % (" ".join(process.args), process.returncode, err))
        return process.returncode, out, err

    def call(self, argv, timeout_s=60, note="", **env):
        return self.finish(self.start(argv, **env), timeout_s, note)

    def kill_after(self, process, delay_s, guardian_too=False):
        """Kills the program after a while, unless it ends before. With its guardian nobody ends its steps."""
        handle = os.pidfd_open(process.pid)
        ended = select.select([handle], [], [], delay_s)[0]
        os.close(handle)
        if not ended:
            if guardian_too:
                process.send_signal(signal.SIGSTOP)
                for pid in guardians_of(process.pid):
                    os.kill(pid, signal.SIGKILL)
            process.kill()

    # ---- Checks ----

    def check(self, id, status="completed", events=True, model=None):
        """Everything that must hold of an execution that has ended. Gives the execution."""
        lines = self.lines()
        wrong, x = oracle.check(self.store, id, status, lines, NOTING, self.events if events else None, model)
        end_s = time.monotonic() + 2
        while (left := oracle.left_running(id)) and time.monotonic() < end_s:
            time.sleep(0.01)
        wrong += ["left running: %d: %s" % one for one in left.items()]
        if wrong:
            raise Wrong("\n".join(wrong) + "\n" + oracle.describe(x, lines))
        return x

    def check_store(self, dead_may_be_left=True):
        wrong = oracle.check_store(self.store, dead_may_be_left)
        if wrong:
            raise Wrong("\n".join(wrong))


def guardians_of(pid):
    try:
        for child in open("/proc/%d/task/%d/children" % (pid, pid)).read().split():
            if open("/proc/%s/comm" % child).read().strip() == "baton-guardian":
                yield int(child)
    except OSError:
        pass  # one of them has ended meanwhile
