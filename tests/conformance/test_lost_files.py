"""A file that is deleted or replaced underneath an open connection: reading goes on in the old one, writing fails as in
SQLite, and whoever opens the name gets what it means now."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm


def loose(path: Path, how: str) -> None:
    """Take the name away from the open file."""
    if how == "replaced":
        other = apsw.Connection(f"{path}.new")
        other.execute("CREATE TABLE u(x, y)").fetchall()
        other.close()
        os.rename(f"{path}.new", path)
    elif how == "renamed":
        os.rename(path, f"{path}.old")
    else:
        path.unlink()


def answer(connection: Any, sql: str) -> object:
    """Rows, or what went wrong."""
    try:
        return connection.execute(sql).fetchall()
    except (apsw.Error, turso_wasm.Error) as error:
        code = error.extendedresult if isinstance(error, apsw.Error) else error.sqlite_errorcode
        return code, str(error)


STATEMENTS = (
    "SELECT * FROM t",
    "INSERT INTO t VALUES (2)",
    "SELECT count(*) FROM t",
    "UPDATE t SET a = 7",
    "CREATE TABLE v(a)",
    "DROP TABLE t",
    "PRAGMA user_version = 5",
    "BEGIN",
    "SELECT * FROM t",
    "INSERT INTO t VALUES (3)",
    "COMMIT",
    "SELECT * FROM t",
)


@pytest.mark.parametrize("how", ["deleted", "replaced", "renamed"])
def test_what_is_answered_is_sqlites(how: str, tmp_path: Path) -> None:
    answers = []
    for engine in ("sqlite", "ours"):
        path = tmp_path / f"{engine}.db"
        connection: Any = (
            apsw.Connection(str(path)) if engine == "sqlite" else turso_wasm.connect(str(path), isolation_level=None)
        )
        for sql in ("CREATE TABLE t(a)", "INSERT INTO t VALUES (1)", "SELECT * FROM t"):
            connection.execute(sql).fetchall()
        loose(path, how)
        answers.append([answer(connection, sql) for sql in STATEMENTS])
        left = {name.name for name in tmp_path.iterdir() if name.name.startswith(engine)}
        assert left == {"deleted": set(), "replaced": {path.name}, "renamed": {f"{path.name}.old"}}[how]
        connection.close()
    assert answers[1] == answers[0]


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_the_name_means_the_new_file(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    old = turso_wasm.connect(str(path), isolation_level=None)
    for sql in (
        f"PRAGMA journal_mode={mode}",
        "CREATE TABLE t(x, y)",
        "INSERT INTO t VALUES (1, 2)",
        "SELECT * FROM t",
    ):
        old.execute(sql).fetchall()
    path.unlink()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE t(y UNIQUE, x)").fetchall()
    other.close()
    new = turso_wasm.connect(str(path), isolation_level=None)
    new.execute("INSERT INTO t(x, y) VALUES ('x', 'y')")
    assert new.execute("SELECT x, y FROM t").fetchall() == [("x", "y")]
    assert old.execute("SELECT * FROM t").fetchall() == [(1, 2)]
    with pytest.raises(turso_wasm.OperationalError, match="attempt to write a readonly database"):
        old.execute("INSERT INTO t VALUES (3, 4)")
    old.close()
    new.close()
    judge = apsw.Connection(str(path))
    assert judge.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert judge.execute("SELECT y, x FROM t").fetchall() == [("y", "x")]
