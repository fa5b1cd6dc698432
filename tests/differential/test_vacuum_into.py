"""VACUUM INTO: the file is one that SQLite takes for its own, and has everything in it; what is refused leaves nothing
open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm

SCHEMA = (
    "CREATE TABLE t(a, b UNIQUE)",
    "CREATE INDEX i ON t(b DESC) WHERE a > 1",
    "CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID",
    "CREATE TABLE plain(x)",
    "CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT)",
    "CREATE VIEW v AS SELECT * FROM t",
    "INSERT INTO t(rowid, a, b) VALUES (5, 1, 'x'), (9, 2, zeroblob(30000)), (-4, 3, NULL)",
    "INSERT INTO plain(rowid, x) VALUES (7, 1), (8, 2)",
    "INSERT INTO w VALUES ('k', 1)",
    "INSERT INTO counted VALUES (10)",
    "DELETE FROM t WHERE a = 1",
    "PRAGMA user_version = 12",
)
CONTENT = (
    "SELECT rowid, * FROM sqlite_schema",
    "SELECT rowid, * FROM t",
    "SELECT rowid, * FROM plain",
    "SELECT * FROM w",
    "SELECT * FROM sqlite_sequence",
    "PRAGMA user_version",
    "PRAGMA schema_version",
    "PRAGMA page_size",
    "PRAGMA auto_vacuum",
    "PRAGMA freelist_count",
    "PRAGMA journal_mode",
    "PRAGMA integrity_check",
)


def rows(connection: Any, sql: str, *parameters: object) -> list[Any]:
    return list(connection.execute(sql, parameters))


def connections(folder: Path) -> tuple[Any, Any]:
    """Ours, and SQLite's."""
    ours = turso_wasm.connect(folder / "ours.db", isolation_level=None, uri=True)
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
    return ours, apsw.Connection(str(folder / "theirs.db"), flags=flags)


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("pragmas", [(), ("PRAGMA page_size = 1024", "PRAGMA auto_vacuum = 1")])
def test_both_write_the_same_database(mode: str, pragmas: tuple[str, ...], tmp_path: Path) -> None:
    both = connections(tmp_path)
    for connection, name in zip(both, ("ours.copy", "theirs.copy"), strict=True):
        for sql in (f"PRAGMA journal_mode = {mode}", *SCHEMA, *pragmas):
            rows(connection, sql)
        before = [rows(connection, sql) for sql in CONTENT]
        rows(connection, "VACUUM INTO ?", str(tmp_path / name))
        assert [rows(connection, sql) for sql in CONTENT] == before
    found, expected = (apsw.Connection(str(tmp_path / name)) for name in ("ours.copy", "theirs.copy"))
    for sql in CONTENT:
        assert rows(found, sql) == rows(expected, sql), sql
    again = turso_wasm.connect(tmp_path / "ours.copy")
    assert rows(again, "SELECT rowid, * FROM t") == rows(expected, "SELECT rowid, * FROM t")


@pytest.mark.parametrize(
    "sql",
    [
        "VACUUM INTO 5",
        "VACUUM INTO NULL",
        "VACUUM INTO x'00'",
        "VACUUM INTO nosuch",
        "VACUUM INTO t.a",
        "VACUUM nope INTO 'x'",
        "VACUUM INTO 'FOLDER/there.db'",
        "VACUUM INTO 'FOLDER/no/such/folder/x.db'",
        "VACUUM INTO ''",
        "VACUUM INTO ':memory:'",
        "VACUUM temp INTO 'FOLDER/never'",
        "VACUUM main INTO (SELECT 'FOLDER/' || 'made')",
        "VACUUM INTO 'file:FOLDER/uri.db?mode=rwc'",
    ],
)
def test_names_and_errors(sql: str, tmp_path: Path) -> None:
    """What SQLite says, and the same files afterwards."""
    answers = []
    for number, connection in enumerate(connections(tmp_path)):
        rows(connection, SCHEMA[0])
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "there.db").write_bytes((tmp_path / "ours.db").read_bytes())
        (folder / "empty.db").write_bytes(b"")
        try:
            rows(connection, sql.replace("FOLDER", str(folder)))
            said = ""
        except (apsw.Error, turso_wasm.Error) as error:
            said = str(error).replace(str(folder), "")
        answers.append((said, sorted(path.name for path in folder.iterdir())))
        assert rows(connection, "PRAGMA integrity_check") == [("ok",)]
        rows(connection, "VACUUM INTO ?", str(folder / "empty.db"))
        with pytest.raises((apsw.SQLError, turso_wasm.OperationalError), match="output file already exists"):
            rows(connection, "VACUUM INTO ?", str(folder / "empty.db"))
    assert answers[0] == answers[1]


def test_it_is_refused_in_a_transaction_and_beside_others(tmp_path: Path) -> None:
    for connection in connections(tmp_path):
        rows(connection, SCHEMA[0])
        rows(connection, "INSERT INTO t VALUES (1, 1), (2, 2)")
        rows(connection, "BEGIN")
        with pytest.raises((apsw.SQLError, turso_wasm.OperationalError), match="from within a transaction"):
            rows(connection, "VACUUM INTO 'x'")
        rows(connection, "ROLLBACK")
    assert not Path("x").exists()
