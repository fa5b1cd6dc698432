"""What URIs of databases mean, and how those that mean nothing are refused: as SQLite does."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm

FLAGS = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
STATEMENTS = ("SELECT * FROM t", "INSERT INTO t VALUES (2)", "PRAGMA journal_mode", "SELECT count(*) FROM t")
URIS = (
    "a.db?mode=ro", "a.db?mode=rw", "a.db?mode=rwc", "a.db?mode=memory", "b.db?mode=ro", "b.db?mode=rw",
    "b.db?mode=rwc", "a.db?mode=xx", "a.db?mode=", "a.db?mode", "a.db?mode=RO", "a.db?%6dode=ro",
    "a.db?mode=ro&mode=rw", "a.db?mode=rw&mode=ro", "a.db?mode=rw&mode=memory", "a.db?cache=xx", "a.db?cache=",
    "a.db?cache=shared", "a.db?cache=private", "a.db?immutable=1", "a.db?immutable=0", "a.db?immutable=yes",
    "a.db?immutable=x", "a.db?immutable=1&mode=rw", "w.db?immutable=1", "w.db?mode=ro", "a.db?nolock=1",
    "a.db?vfs=nope", "a.db?vfs=", "a.db?vfs=nope&mode=ro", "a%2edb", "a.db#x?mode=ro", "a.db?mode=ro%00x",
    "a.db?mode%00x=ro", "a.db%00x?mode=ro", "a.db?unknown=1&mode=ro",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, mode in (("a.db", "delete"), ("w.db", "wal")):
        connection = apsw.Connection(str(tmp_path / name))
        for sql in (f"PRAGMA journal_mode = {mode}", "CREATE TABLE t(a)", "INSERT INTO t VALUES (1)"):
            connection.execute(sql).fetchall()
        connection.close()
    return tmp_path


def answers(engine: str, uri: str) -> list[Any]:
    """What opening it and the statements give."""
    found: list[Any] = []
    try:
        connection: Any = (
            apsw.Connection(uri, flags=FLAGS)
            if engine == "sqlite"
            else turso_wasm.connect(uri, uri=True, isolation_level=None, timeout=0)
        )
    except (apsw.Error, turso_wasm.Error) as error:
        return [failure(error)]
    for sql in STATEMENTS:
        try:
            found.append(connection.execute(sql).fetchall())
        except (apsw.Error, turso_wasm.Error) as error:
            found.append(failure(error))
    connection.close()
    return found


def failure(error: Exception) -> tuple[int, str]:
    """The primary code and the message."""
    code = error.result if isinstance(error, apsw.Error) else getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF, str(error)


@pytest.mark.parametrize("uri", URIS)
def test_a_uri_means_what_it_means_to_sqlite(uri: str, folder: Path) -> None:
    found = []
    for engine in ("sqlite", "ours"):
        place = folder / engine
        place.mkdir()
        for name in ("a.db", "w.db"):
            shutil.copy(folder / name, place / name)
        found.append(answers(engine, f"file:{place}/{uri}"))
    assert found[0] == found[1]


def test_a_log_beside_an_immutable_file_is_not_looked_at(folder: Path) -> None:
    writer = apsw.Connection(str(folder / "w.db"))
    writer.execute("INSERT INTO t VALUES (2)")
    counts = []
    for engine in ("sqlite", "ours"):
        counts.append(answers(engine, f"file:{folder}/w.db?immutable=1"))
    assert counts[0] == counts[1]
    assert counts[0][0] == [(1,)]
    writer.close()


def test_the_systems_file_system_has_sqlites_name(folder: Path) -> None:
    for engine in ("sqlite", "ours"):
        assert answers(engine, f"file:{folder}/a.db?vfs=unix")[0][0] == (1,)
