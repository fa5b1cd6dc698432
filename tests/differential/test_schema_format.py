"""The schema format of a file decides whether its indexes honour DESC: files made by either engine mean the same to
both.
"""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

import turso_wasm

SCHEMA = (
    "CREATE TABLE t(a, b, UNIQUE(b DESC))",
    "CREATE INDEX i ON t(a DESC)",
    "CREATE TABLE w(a, PRIMARY KEY(a DESC)) WITHOUT ROWID",
    "INSERT INTO t VALUES (1, 1), (5, 5), (3, 3)",
    "INSERT INTO w VALUES (1), (3), (2)",
)
CHANGES = (
    "CREATE INDEX j ON t(b DESC, a)",
    "INSERT INTO t VALUES (2, 2), (7, 7)",
    "INSERT INTO w VALUES (4), (0)",
    "DELETE FROM t WHERE a = 3",
    "CREATE TABLE z(a PRIMARY KEY DESC)",
    "INSERT INTO z VALUES (1), (2)",
)
QUERIES = (
    "SELECT a FROM t ORDER BY a DESC",
    "SELECT b FROM t WHERE b > 1 ORDER BY b",
    "SELECT a FROM w WHERE a <= 2 ORDER BY a",
    "SELECT a FROM w ORDER BY a DESC",
)


def schema_format(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[44:48], "big")


def check(path: Path) -> None:
    """SQLite finds the file sound, and both read the same."""
    oracle = apsw.Connection(str(path))
    assert list(oracle.execute("PRAGMA integrity_check")) == [("ok",)]
    expected = [list(oracle.execute(sql)) for sql in QUERIES]
    oracle.close()
    ours = turso_wasm.connect(path, isolation_level=None)
    assert [ours.execute(sql).fetchall() for sql in QUERIES] == expected
    ours.close()


@pytest.mark.parametrize("legacy", [0, 1])
def test_a_file_of_sqlite_keeps_its_format(legacy: int, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    oracle = apsw.Connection(str(path))
    oracle.config(apsw.SQLITE_DBCONFIG_LEGACY_FILE_FORMAT, legacy)
    for sql in SCHEMA:
        oracle.execute(sql)
    oracle.close()
    expected = 1 if legacy else 4
    assert schema_format(path) == expected
    check(path)
    ours = turso_wasm.connect(path, isolation_level=None)
    for sql in CHANGES:
        ours.execute(sql)
    ours.close()
    assert schema_format(path) == expected
    check(path)


def test_a_file_of_ours_has_the_format_and_encoding_its_schema_depends_on(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    ours = turso_wasm.connect(path, isolation_level=None)
    ours.execute("PRAGMA user_version=1")
    for sql in (*SCHEMA, *CHANGES):
        ours.execute(sql)
    ours.close()
    assert schema_format(path) == 4
    assert int.from_bytes(path.read_bytes()[56:60], "big") == 1
    check(path)
