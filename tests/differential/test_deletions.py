"""DELETE beside SQLite: rows that a scan deletes go a leaf at a time, which nobody may notice."""

from __future__ import annotations

import random
from pathlib import Path

import apsw
import pytest

import turso_wasm

CONDITIONS = (
    "a % 2 = 0",
    "a % 101 = 0",
    "a % 101 <> 0",
    "a > 0 AND b >= 0",
    "a BETWEEN 300 AND 2000 AND b % 3",
    "length(c) > 4000",
    "b = 3 OR length(c) > 4000",
    "a > 5 AND b",
)
SETTINGS = (
    "",
    "PRAGMA secure_delete = 1",
    "PRAGMA page_size = 512",
    "PRAGMA page_size = 65536",
    "PRAGMA auto_vacuum = 1",
)
FILL = """INSERT INTO t WITH RECURSIVE q(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < {n})
    SELECT i * 3, i % 17, substr(hex(zeroblob(3000)), 1, CASE WHEN i % 50 = 0 THEN 5000 ELSE i % 90 END) FROM q"""


def both(path: Path, setting: str, n: int, indexes: str = "") -> tuple[turso_wasm.Connection, apsw.Connection]:
    ours, theirs = turso_wasm.connect(path / "ours.db", isolation_level=None), apsw.Connection(str(path / "theirs.db"))
    for sql in (setting, "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)", indexes, FILL.format(n=n)):
        ours.execute(sql)
        theirs.execute(sql)
    return ours, theirs


def check(ours: turso_wasm.Connection, theirs: apsw.Connection, path: Path) -> None:
    query = "SELECT count(*), sum(a), sum(b), sum(length(c)), sum(a * length(c)) FROM t"
    assert ours.execute(query).fetchall() == theirs.execute(query).fetchall()
    file = apsw.Connection(str(path / "ours.db"))
    assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    file.close()


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("indexes", ["", "CREATE INDEX t_b ON t(b, c)"])
def test_rows_that_go_are_those_that_sqlite_deletes(tmp_path: Path, setting: str, indexes: str) -> None:
    ours, theirs = both(tmp_path, setting, 1500, indexes)
    for condition in CONDITIONS:
        for connection in (ours, theirs):
            connection.execute("BEGIN")
        statement = f"DELETE FROM t WHERE {condition}"
        assert ours.execute(statement).rowcount == _changes(theirs, statement), condition
        query = "SELECT a, b, length(c) FROM t"
        assert ours.execute(query).fetchall() == theirs.execute(query).fetchall(), condition
        for connection in (ours, theirs):
            connection.execute("ROLLBACK")
    for condition in random.Random(setting).sample(CONDITIONS, 3):
        for connection in (ours, theirs):
            connection.execute(f"DELETE FROM t WHERE {condition}")
    check(ours, theirs, tmp_path)


def _changes(connection: apsw.Connection, statement: str) -> int:
    connection.execute(statement)
    return connection.changes()


def test_a_deletion_that_is_interrupted_amid_leaves(tmp_path: Path) -> None:
    """More rows than between two polls, each of which has what is doomed deleted."""
    ours, theirs = both(tmp_path, "", 0)
    numbers = "WITH RECURSIVE q(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 350000)"
    fill = f"INSERT INTO t(b) {numbers} SELECT i FROM q"
    for connection in (ours, theirs):
        connection.execute(fill)
        connection.execute("DELETE FROM t WHERE b % 3 <> 1")
    check(ours, theirs, tmp_path)
    query = "SELECT a FROM t WHERE a BETWEEN 99900 AND 100100 OR a BETWEEN 199900 AND 200100"
    assert ours.execute(query).fetchall() == theirs.execute(query).fetchall()


def test_a_deletion_that_fails_is_undone(tmp_path: Path) -> None:
    ours, theirs = both(tmp_path, "", 1500)
    with pytest.raises(turso_wasm.OperationalError, match="integer overflow"):
        ours.execute("DELETE FROM t WHERE abs(CASE a WHEN 3000 THEN -9223372036854775808 ELSE b END) < 9")
    check(ours, theirs, tmp_path)


def test_functions_of_the_users_see_rows_go_one_by_one(tmp_path: Path) -> None:
    ours, theirs = both(tmp_path, "", 300)
    counts: list[int] = []

    def left(row: int) -> int:
        counts.append(ours.execute("SELECT count(*) FROM t").fetchone()[0])
        return row % 2

    ours.create_function("chosen", 1, left)
    ours.execute("DELETE FROM t WHERE chosen(a)")
    theirs.execute("DELETE FROM t WHERE a % 2")
    check(ours, theirs, tmp_path)
    assert counts == [300 - n // 2 for n in range(1, 301)]


def test_open_blobs_and_queries_of_the_table(tmp_path: Path) -> None:
    ours, _ = both(tmp_path, "", 300)
    ours.execute("UPDATE t SET c = zeroblob(10)")
    gone, kept = (ours.blobopen("t", "c", row) for row in (300, 303))
    reader = ours.execute("SELECT a FROM t WHERE b >= 0")
    assert reader.fetchone() == (3,)
    ours.execute("DELETE FROM t WHERE a % 2 = 0")
    with pytest.raises(turso_wasm.Error):
        gone.read()
    assert kept.read() == bytes(10)
