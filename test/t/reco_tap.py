"""Sessions with a server, and TAP, for the tests beside it.

Purpose: one psql process per session, statement by statement, with the
         outcome of each; results as text or JSON.
Never:   write into the checkout; wait on a clock.
"""
import json
import os
import queue
import subprocess
import sys
import threading
import time

_count = 0
_failed = 0


def ok(good, name, *details):
    """Prints one TAP line; details only when it failed."""
    global _count, _failed
    _count += 1
    if not good:
        _failed += 1
    print(("ok" if good else "not ok") + f" {_count} - {name}")
    if not good:
        for detail in details:
            for line in str(detail).splitlines() or [""]:
                print("# " + line[:2000])
    sys.stdout.flush()
    return bool(good)


def same(got, expected, name):
    return ok(got == expected, name, f"got:      {got!r}", f"expected: {expected!r}")


def skip(name, why):
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {why}")


def done():
    print(f"1..{_count}")
    sys.exit(1 if _failed else 0)


def literal(value):
    """A value as an SQL literal."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (dict, list)):
        value = json.dumps(value)
    return "'" + value.replace("'", "''") + "'"


class SqlError(Exception):
    def __init__(self, sqlstate, message):
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate = sqlstate
        self.message = message


class Lost(Exception):
    """The connection is gone."""


class Session:
    """One connection: a psql that reads statements from a pipe."""

    def __init__(self, database=None, encoding="UTF8", user=None):
        environment = dict(os.environ, PGCLIENTENCODING=encoding,
                           PGOPTIONS="-c client_min_messages=warning "
                           + os.environ.get("PGOPTIONS", ""))
        command = ["psql", "-XqAt", "-F", "\x1f", "-v", "ON_ERROR_STOP=0", "-v", "VERBOSITY=terse"]
        if database:
            command += ["-d", database]
        if user:
            command += ["-U", user]
        self.psql = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, env=environment)
        self.lines = queue.Queue()
        self.errors = []
        self.mark = 0
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._complain, daemon=True).start()
        self.pid = int(self.value("SELECT pg_backend_pid()"))

    def _read(self):
        for line in self.psql.stdout:
            self.lines.put(line.rstrip(b"\n"))
        self.lines.put(None)

    def _complain(self):
        for line in self.psql.stderr:
            self.errors.append(line.decode("utf-8", "replace").rstrip())

    def send(self, sql):
        """Starts a statement; its outcome is what wait() tells."""
        self.mark += 1
        if isinstance(sql, str):
            sql = sql.encode()
        try:
            self.psql.stdin.write(sql + b"\n;\n\\echo \x02" + str(self.mark).encode()
                                  + b" :ERROR :SQLSTATE :LAST_ERROR_MESSAGE\n\\echo \x03\n")
            self.psql.stdin.flush()
        except BrokenPipeError:
            raise Lost("\n".join(self.errors[-5:]))

    def wait(self, seconds=120):
        """The rows of what was sent, as lists of strings."""
        rows = []
        limit = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, limit - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"no answer in {seconds} s")
            if line is None:
                raise Lost("\n".join(self.errors[-5:]))
            if line.startswith(b"\x02"):
                break
            rows.append(line)
        end = [line]
        while end[-1] != b"\x03":
            end.append(self.lines.get(timeout=60))
        text = b" ".join(end[:-1]).decode("utf-8", "replace")[1:]
        number, failed, state, message = (text.split(" ", 3) + [""])[:4]
        if int(number) != self.mark:
            raise RuntimeError("answers are out of step")
        if failed == "true":
            raise SqlError(state, message)
        return [row.decode("utf-8", "replace").split("\x1f") for row in rows]

    def query(self, sql, seconds=120):
        self.send(sql)
        return self.wait(seconds)

    def value(self, sql, seconds=120):
        rows = self.query(sql, seconds)
        return rows[0][0] if rows else None

    def json(self, sql, seconds=120):
        """The value of a statement that returns one json(b)."""
        text = self.value(sql, seconds)
        return json.loads(text) if text else None

    def error(self, sql, seconds=120):
        """The SQLSTATE of a statement; None when it did not fail."""
        try:
            self.query(sql, seconds)
        except SqlError as error:
            return error.sqlstate
        return None

    def close(self):
        try:
            self.psql.stdin.close()
        except BrokenPipeError:
            pass
        self.psql.wait(30)


class Listener(Session):
    """A session that reads what it is notified of."""

    def heard(self):
        """The payloads that came."""
        self.errors.clear()
        found = []
        for row in self.query("SELECT 1"):
            text = "\x1f".join(row)
            if text.startswith("Asynchronous notification"):
                found.append(json.loads(text[text.index("{"):text.rindex("}") + 1]))
        return found


def until(condition, seconds=60):
    """Waits for a condition; false when it did not come."""
    limit = time.monotonic() + seconds
    while True:
        late = time.monotonic() >= limit
        if condition():
            return True
        if late:
            return False
        time.sleep(0.01)


def call(user, prompt, size=20, options=None, deadline=None, function="reco_generate_json"):
    """A call of reco_generate or reco_generate_json as SQL text."""
    return (f"{function}({literal(user)}, {literal(prompt)}, {size}, "
            f"{literal(deadline)}{'::interval' if deadline else ''}, "
            f"{literal(options or {})}::jsonb)")


def list_of(session, user, prompt, size=20, options=None, deadline=None, seconds=120):
    """[[rank, track_id, score], ...]"""
    return [[int(r), t, float(s)] for r, t, s in session.query(
        "SELECT rank, track_id, score FROM "
        + call(user, prompt, size, options, deadline, "reco_generate"), seconds)]
