"""PRAGMA secure_delete and journal_size_limit do to the files what SQLite's do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm

ENGINES: dict[str, Callable[[Path], Any]] = {
    "ours": lambda path: turso_wasm.connect(path, isolation_level=None),
    "sqlite": lambda path: apsw.Connection(str(path)),
}
SECRET = b"nobody may read this"


def run(connection: Any, *statements: str) -> None:
    for sql in statements:
        connection.execute(sql).fetchall()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_what_is_deleted_is_overwritten(engine: str, mode: str, tmp_path: Path) -> None:
    """Rows on pages and in overflow chains, index entries, whole tables; with secure_delete off some of it stays."""
    for setting, expected in (("ON", 0), ("OFF", 1)):
        path = tmp_path / f"{setting}.db"
        connection = ENGINES[engine](path)
        run(connection, f"PRAGMA journal_mode = {mode}", f"PRAGMA secure_delete = {setting}")
        run(connection, "CREATE TABLE t(a, b)", "CREATE INDEX i ON t(b)", "CREATE TABLE u(c)")
        text = SECRET.decode()
        run(connection, "BEGIN")
        for number in range(300):
            long = f"zeroblob(9000) || '{text}'" if number % 50 == 0 else f"'{text} {number}'"
            run(connection, f"INSERT INTO t VALUES ({number}, {long})", f"INSERT INTO u VALUES ('{text} {number}')")
        run(connection, "COMMIT", "DELETE FROM t WHERE a % 3", "UPDATE t SET b = a", "DROP TABLE u", "DELETE FROM t")
        connection.close()
        assert (SECRET in path.read_bytes()) == expected, setting
        checked = apsw.Connection(str(path))
        assert checked.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("mode", "suffix"), [("persist", "-journal"), ("wal", "-wal")])
@pytest.mark.parametrize("limit", [-1, 0, 20_000])
def test_journals_are_cut(engine: str, mode: str, suffix: str, limit: int, tmp_path: Path) -> None:
    """A large transaction, then small ones."""
    path = tmp_path / "x.db"
    connection = ENGINES[engine](path)
    run(connection, f"PRAGMA journal_mode = {mode}", f"PRAGMA journal_size_limit = {limit}")
    run(connection, "CREATE TABLE t(a, b)", "CREATE TABLE small(a)", "INSERT INTO small VALUES (1)")
    run(connection, "INSERT INTO t VALUES (1, zeroblob(400000))", "UPDATE t SET b = randomblob(400000)")
    run(connection, "PRAGMA wal_checkpoint(RESTART)", "UPDATE small SET a = 2", "UPDATE small SET a = 3")
    size = path.with_name(f"x.db{suffix}").stat().st_size
    assert size > 300_000 if limit < 0 else size <= 25_000
    connection.close()
