"""A connection that nobody refers to any more is closed at once, without a garbage collection."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import turso_wasm


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def idle(connection: turso_wasm.Connection) -> None:
    connection.execute("SELECT count(*) FROM t").fetchall()


def in_a_transaction(connection: turso_wasm.Connection) -> None:
    connection.execute("INSERT INTO t VALUES (-1)")


def amid_a_query(connection: turso_wasm.Connection) -> None:
    connection.execute("SELECT * FROM t").fetchone()


def after_an_error(connection: turso_wasm.Connection) -> None:
    with pytest.raises(turso_wasm.OperationalError):
        connection.execute("SELECT nosuch")


def with_functions(connection: turso_wasm.Connection) -> None:
    connection.create_function("f", 1, lambda value: value)
    connection.execute("SELECT f(a) FROM t").fetchall()


USES = (idle, in_a_transaction, amid_a_query, after_an_error, with_functions)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_dropped_connection_leaves_no_lock_and_no_file(
    use: Callable[[turso_wasm.Connection], None], mode: str, tmp_path: Path, no_collection: None
) -> None:
    path = tmp_path / "x.db"
    connection = turso_wasm.connect(path)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("CREATE TABLE t(a)")
    connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(3000)])
    connection.commit()
    use(connection)
    del connection
    assert [each.name for each in tmp_path.iterdir()] == ["x.db"]
    other = sqlite3.connect(path, timeout=0)
    other.execute("BEGIN EXCLUSIVE")
    assert other.execute("SELECT count(*) FROM t").fetchone() == (3000,)
    other.close()


def test_a_cursor_keeps_its_connection(tmp_path: Path, no_collection: None) -> None:
    cursor = turso_wasm.connect(":memory:").execute("VALUES (1), (2)")
    assert cursor.fetchall() == [(1,), (2,)]
    assert cursor.execute("SELECT 3").fetchone() == (3,)


AT_THE_END = """
import builtins
import turso_wasm, turso_wasm.runtime.connection as runtime, turso_wasm.dbapi.connection as face

class Last:
    def __init__(self):
        self.db = turso_wasm.connect(":memory:")
        self.cursor = self.db.execute("VALUES (1), (2)")

    def __del__(self, modules=(runtime, face)):
        for module in modules:
            vars(module).update({name: None for name in vars(module) if not name.startswith("_")})
        self.cursor.__del__()
        self.db.__del__()
        print("gone")

builtins.last = Last()
"""


def test_names_of_modules_may_be_gone_at_the_end_of_a_process() -> None:
    done = subprocess.run([sys.executable, "-c", AT_THE_END], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("gone\n", "")
