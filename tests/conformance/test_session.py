"""Both session cores, Python's (runtime/) and JavaScript's (web/), give the same answers to session.json.

A case is a list of steps [connection, what, arguments…, what it gives (absent: null)]: `a` and `b` are connections to
one file, `c` is one to another. A string in the place of rows is the message of an error. `compiles` gives how many
texts were compiled since it was last asked (null: any number); `iterate` the number of rows and the error that ends
them.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import apsw
import pytest

from turso_wasm.base.errors import SqlError
from turso_wasm.runtime import compiler, engine
from turso_wasm.runtime import schema as schema_module
from turso_wasm.runtime.connection import HostConnection
from turso_wasm.runtime.uri import Location

HERE = Path(__file__).parent
DIST = HERE.parents[1] / "dist"
CASES: list[dict[str, Any]] = json.loads((HERE / "session.json").read_text("utf-8"))
ARGUMENTS = {"exec": 1, "prepare": 2, "all": 2, "iterate": 2, "query": 1, "names": 1, "file": 0, "compiles": 0}
ROWS = "CREATE TABLE t(a); CREATE INDEX i ON t(a DESC); INSERT INTO t VALUES (1), (3), (2);"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files that SQLite has made, by the name that cases have for them."""
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for name, legacy, sql in (
        ("old", 1, ROWS),
        ("new", 0, ROWS),
        ("copy", 0, ROWS),
        ("statistics", 0, f"{ROWS} ANALYZE"),
    ):
        oracle = apsw.Connection(str(folder / name))
        oracle.config(apsw.SQLITE_DBCONFIG_LEGACY_FILE_FORMAT, legacy)
        oracle.execute(sql)
        oracle.close()
        made[name] = (folder / name).read_bytes()
    return made


def given(steps: list[list[Any]]) -> list[Any]:
    """What the steps ask for, without what they should give."""
    return [step[: 2 + ARGUMENTS[step[1]]] for step in steps]


def expected(steps: list[list[Any]]) -> list[Any]:
    return [step[2 + ARGUMENTS[step[1]] :][0] if len(step) > 2 + ARGUMENTS[step[1]] else None for step in steps]


def compare(name: str, steps: list[list[Any]], found: list[Any]) -> None:
    for step, wanted, got in zip(steps, expected(steps), found, strict=True):
        if step[1] != "compiles" or wanted is not None:
            assert got == wanted, f"{name}: {step}"


# --- Python ---------------------------------------------------------------------------------------------------------


class Session:
    """The steps on runtime.connection."""

    def __init__(self, folder: Path, content: bytes | None, texts: list[str]) -> None:
        self.paths = {"a": folder / "case.db", "b": folder / "case.db", "c": folder / "other.db"}
        self.texts = texts
        self.connections: dict[str, HostConnection] = {}
        self.statements: dict[str, Any] = {}
        for path in self.paths.values() if content is not None else ():
            path.write_bytes(content or b"")

    def step(self, who: str, what: str, *args: Any) -> Any:
        if what == "compiles":
            n = len(self.texts)
            self.texts.clear()
            return n
        if who not in self.connections:
            self.connections[who] = HostConnection(engine.host(), Location(str(self.paths[who])))
        try:
            return getattr(self, what)(self.connections[who], *args)
        except SqlError as error:
            return error.message

    def exec(self, db: HostConnection, sql: str) -> None:
        at = 0
        while (prepared := db.prepare(sql, at)) is not None:
            self._rows(db, prepared, ())
            at = prepared.end

    def prepare(self, db: HostConnection, name: str, sql: str) -> None:
        self.statements[name] = db.prepare(sql)

    def all(self, db: HostConnection, name: str, values: list[Any]) -> list[list[Any]]:
        return self._rows(db, self.statements[name], values)

    def iterate(self, db: HostConnection, name: str, values: list[Any]) -> list[Any]:
        """How many rows come, and the message of the error that ends them."""
        n = 0
        try:
            statement, rows = db.execute(self.statements[name], values)
        except SqlError as error:
            return [n, error.message]
        try:
            n += len(rows or ())
            while not statement.finished:
                n += len(statement.step() or ())
        except SqlError as error:
            return [n, error.message]
        finally:
            db.release(statement)
        return [n, None]

    def query(self, db: HostConnection, sql: str) -> list[list[Any]]:
        return self._rows(db, db.prepare(sql), ())

    def names(self, db: HostConnection, sql: str) -> list[str]:
        prepared = db.prepare(sql)
        assert prepared is not None
        return [column.name for column in prepared.program.columns]

    def file(self, db: HostConnection) -> str | None:
        ((_, _, file),) = self.query(db, "PRAGMA database_list")
        (path,) = (self.paths[who] for who, connection in self.connections.items() if connection is db)
        return None if file == os.path.realpath(path) else "another file"

    def _rows(self, db: HostConnection, prepared: Any, values: Any) -> list[list[Any]]:
        statement, rows = db.execute(prepared, values)
        try:
            found = list(map(list, rows or ()))
            while not statement.finished:
                found += map(list, statement.step() or ())
            return found
        finally:
            db.release(statement)

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_python(case: dict[str, Any], files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    compile_statement = compiler.compile_statement

    def spy(tokens: Any, *environment: Any) -> Any:
        texts.append(tokens.sql)
        return compile_statement(tokens, *environment)

    monkeypatch.setattr(compiler, "compile_statement", spy)
    monkeypatch.setattr(schema_module, "_libraries", WeakKeyDictionary())
    session = Session(tmp_path, files[case["file"]] if "file" in case else None, texts)
    try:
        compare(case["name"], case["steps"], [session.step(*step) for step in given(case["steps"])])
    finally:
        session.close()


# --- JavaScript -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers(files: dict[str, bytes]) -> list[list[Any]]:
    """What the steps gave in Node."""
    node = shutil.which("node")
    if node is None or not (DIST / "kernel.wasm").exists():
        pytest.skip("needs Node and dist/")
    encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
    cases = [{**case, "steps": given(case["steps"])} for case in CASES]
    done = subprocess.run(
        [node, str(HERE / "session.mjs")],
        input=json.dumps([cases, encoded]),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: list[list[Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: CASES[number]["name"])
def test_javascript(number: int, answers: list[list[Any]]) -> None:
    case = CASES[number]
    compare(case["name"], case["steps"], answers[number])
