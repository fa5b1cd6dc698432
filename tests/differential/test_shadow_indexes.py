"""Indexes that users make on shadow tables are kept, whatever changes the virtual table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

import turso_wasm
from tests.harness.pieces import run_in_pieces

FTS3 = ("content(c0a)", "content(c1b COLLATE NOCASE, docid) WHERE c0a IS NOT NULL", "segdir(root)", "segments(block)")
# No index on %_data: SQLite 3.54 crashes when it writes there.
FTS5 = ("content(c0)", "content(c1 DESC, c0) WHERE c1 > 1", "idx(pgno)", "docsize(sz)")
RTREE = ("rowid(nodeno)", "node(length(data))", "parent(parentnode)")
KINDS = {
    "fts3(a, b)": FTS3,
    "fts4(a, b)": (*FTS3, "docsize(size)", "stat(length(value))"),
    "fts4(a, b, content=texts)": ("segdir(root)", "docsize(size)"),
    "fts5(a, b)": FTS5,
    "fts5(a, b, content='', contentless_delete=1)": ("docsize(sz, origin)",),
    "fts5(a, b, content=texts)": ("docsize(sz)", "config(v)"),
    "rtree(a, c, b)": RTREE,
    "rtree_i32(a, c, b, +d)": (*RTREE, "rowid(a0)"),
}


def changes(random: Random) -> Iterator[str]:
    """Statements; some fail, in both engines alike."""
    for _ in range(60):
        n = random.randrange(30)
        yield random.choice((
            f"INSERT INTO t(rowid, a, b) VALUES ({n}, {n}, 40)",
            f"INSERT INTO t(a, b) VALUES ({n + 40}, 90), ({n}, 91)",
            "INSERT INTO t(a, b) SELECT x, x + 100 FROM "
            "(WITH RECURSIVE n(x) AS (SELECT 100 UNION ALL SELECT x + 3 FROM n WHERE x < 300) SELECT x FROM n)",
            f"INSERT OR REPLACE INTO t(rowid, a, b) VALUES ({n}, {n}, 41), ({n + 1}, {n + 1}, 42)",
            f"INSERT OR IGNORE INTO t(rowid, a, b) VALUES ({n}, {n}, 43), ({n + 1}, {n + 1}, 44)",
            f"INSERT OR FAIL INTO t(rowid, a, b) VALUES ({n + 50}, {n + 50}, 45), ({n}, {n}, 46), ({n}, {n}, 47)",
            f"UPDATE t SET b = b + 1 WHERE rowid < {n}",
            f"UPDATE t SET rowid = {n + 60} WHERE rowid = {n}",
            f"DELETE FROM t WHERE rowid = {n}",
            f"DELETE FROM t WHERE rowid > {n + 40}",
            "INSERT INTO t(t) VALUES ('optimize')",
            "INSERT INTO t(t) VALUES ('rebuild')",
            f"INSERT INTO l VALUES ({n}), ({n + 1})",  # by a trigger
            "BEGIN", "COMMIT", "SAVEPOINT s", "RELEASE s", "ROLLBACK TO s", "ROLLBACK", "VACUUM",
        ))  # fmt: skip
    yield "COMMIT"


def answers(connection: Any, statements: list[str]) -> list[Any]:
    """Rows, or that there was an error: its wording is compared elsewhere."""
    found: list[Any] = []
    for statement in statements:
        try:
            found.append([tuple(row) for row in connection.execute(statement).fetchall()])
        except (apsw.Error, turso_wasm.Error):
            found.append("error")
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_they_have_an_entry_for_each_row(kind: str, seed: int, tmp_path: Path) -> None:
    """SQLite finds our file sound, as its own; where a row is looked up by an index, it is found."""
    tables = [
        "CREATE TABLE texts(a, b)",
        f"CREATE VIRTUAL TABLE t USING {kind}",
        *(f"CREATE INDEX i{at} ON t_{shadow}" for at, shadow in enumerate(KINDS[kind])),
        "CREATE TABLE l(x)",
        "CREATE TRIGGER r AFTER INSERT ON l BEGIN INSERT INTO t(a, b) VALUES (new.x, 60); "
        "DELETE FROM t WHERE rowid = new.x; END",
    ]
    statements = [*tables, *changes(Random(seed)), "SELECT rowid, a, b FROM t ORDER BY 1", "PRAGMA integrity_check"]
    theirs = apsw.Connection(str(tmp_path / "theirs.db"))
    ours = turso_wasm.connect(str(tmp_path / "ours.db"), isolation_level=None)
    expected, given = answers(theirs, statements), answers(ours, statements)
    ours.close()
    assert expected[: len(tables)] == [[]] * len(tables)
    for at, statement in enumerate(statements):
        assert given[at] == expected[at], (statement, statements[len(tables) : at + 1])
    check = apsw.Connection(str(tmp_path / "ours.db"))
    assert check.execute("PRAGMA integrity_check").fetchall() == expected[-1]


@pytest.mark.parametrize("kind", ["fts4(a, b)", "fts5(a, b)", "rtree(a, c, b)"])
def test_they_are_kept_in_pieces(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement is suspended amid making them anew."""
    run_in_pieces(monkeypatch)
    test_they_have_an_entry_for_each_row(kind, 7, tmp_path)
