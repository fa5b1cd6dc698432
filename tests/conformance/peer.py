"""A process of its own that executes statements for a test, with SQLite or with us.

    peer = Peer("sqlite", path)          # or "ours", or "node": ours in Node
    peer.run("BEGIN IMMEDIATE")          # [] or rows, or Refused with SQLite's primary code and message

The process reads a line of JSON for each statement and answers with one. `start` and `finish` let a statement run
while the test does something else.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]


class Refused(Exception):
    """A statement failed."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class Peer:
    """See the module docstring. Connections have names; each is opened when it is first used."""

    def __init__(self, engine: str, path: Path, timeout_ms: int = 0) -> None:
        command = [sys.executable, "-m", "tests.conformance.peer", engine]
        if engine == "node":
            command = ["node", str(Path(__file__).with_suffix(".mjs"))]
        self.process = subprocess.Popen(
            [*command, str(path), str(timeout_ms)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.finish()  # it is ready

    def start(self, sql: str, connection: str = "main") -> None:
        """Let it begin a statement."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([connection, sql]) + "\n")
        self.process.stdin.flush()

    def finish(self) -> list[list[Any]]:
        """What the statement gave. Errors: Refused."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process died"
        answer = json.loads(line)
        if "code" in answer:
            raise Refused(answer["code"], answer["message"])
        rows: list[list[Any]] = answer["rows"]
        return rows

    def run(self, sql: str, connection: str = "main") -> list[list[Any]]:
        """Execute a statement. Errors: Refused."""
        self.start(sql, connection)
        return self.finish()

    def close(self) -> None:
        """Close its connections and end the process."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def kill(self) -> None:
        """End the process as it is, in the middle of whatever it has open."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.kill()
        self.process.wait(30)
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.close()


# --- in the process -----------------------------------------------------------------------------------------------


def _sqlite(path: str, timeout_ms: int) -> tuple[Callable[[str], list[Any]], Callable[[], None]]:
    import apsw

    connection = apsw.Connection(path)
    connection.set_busy_timeout(timeout_ms)

    def run(sql: str) -> list[Any]:
        try:
            return list(connection.execute(sql))
        except apsw.Error as error:
            raise Refused(error.result, str(error)) from None

    return run, connection.close


def _ours(path: str, timeout_ms: int) -> tuple[Callable[[str], list[Any]], Callable[[], None]]:
    import turso_wasm

    connection = turso_wasm.connect(path, timeout=timeout_ms / 1000, isolation_level=None)

    def run(sql: str) -> list[Any]:
        try:
            return connection.execute(sql).fetchall()
        except turso_wasm.Error as error:
            raise Refused((error.sqlite_errorcode or 0) & 0xFF, str(error)) from None

    return run, connection.close


def main(arguments: list[str]) -> None:
    """Answer statements until the input ends."""
    open_one = {"sqlite": _sqlite, "ours": _ours}[arguments[0]]
    path = arguments[1]
    connections: dict[str, tuple[Callable[[str], list[Any]], Callable[[], None]]] = {}
    if arguments[0] == "ours":
        open_one(":memory:", 0)[0]("SELECT 1")  # the engine is loaded before the clock of a test runs
    print(json.dumps({"rows": []}), flush=True)
    for line in sys.stdin:
        name, sql = json.loads(line)
        try:
            if sql.startswith("OPEN "):  # another file, when no connection is open
                path, sql = sql[5:], "SELECT 1"
            if name not in connections:
                connections[name] = open_one(path, int(arguments[2]))
            if sql == "CLOSE":
                connections.pop(name)[1]()
                answer: dict[str, Any] = {"rows": []}
            else:
                answer = {"rows": connections[name][0](sql)}
        except Refused as error:
            answer = {"code": error.code, "message": error.message}
        print(json.dumps(answer), flush=True)
    for _, close in connections.values():
        close()


if __name__ == "__main__":
    main(sys.argv[1:])
