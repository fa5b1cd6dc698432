"""Triggers that users make on the shadow table of a virtual table's rows are fired as by SQLite's modules."""

from __future__ import annotations

from pathlib import Path
from random import Random

import apsw
import pytest

import turso_wasm
from tests.differential.test_shadow_indexes import answers, changes
from tests.harness.pieces import run_in_pieces

KINDS = {
    "fts3(a, b)": ("content", "docid", "c1b"),
    "fts4(a, b)": ("content", "docid", "c1b"),
    "fts5(a, b)": ("content", "id", "c1"),
    "rtree(a, c, b)": ("rowid", "rowid", "rowid"),
}


def triggers(kind: str) -> list[str]:
    suffix, key, column = KINDS[kind]
    return [
        f"CREATE TRIGGER {time}_{event} {time} {event} ON t_{suffix} WHEN {row}.{key} % 5 <> 2 "
        f"BEGIN INSERT INTO noted VALUES ('{time} {event}', {row}.{key}, {row}.{column}); END"
        for time in ("BEFORE", "AFTER")
        for event, row in (("INSERT", "new"), ("DELETE", "old"))
    ]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", KINDS)
def test_they_are_fired(kind: str, seed: int, tmp_path: Path) -> None:
    """For the same rows. Where a rowid changes, one may come before the other goes; of a row that moves to another node
    of an R-Tree SQLite tells that it comes, again.
    """
    distinct = "DISTINCT" if kind.startswith("rtree") else "ALL"
    statements = [
        f"CREATE VIRTUAL TABLE t USING {kind}",
        "CREATE TABLE noted(what, key, value)",
        *triggers(kind),
        "CREATE TABLE l(x)",
        "CREATE TRIGGER r AFTER INSERT ON l BEGIN INSERT INTO t(a, b) VALUES (new.x, 60); "
        "DELETE FROM t WHERE rowid = new.x; END",
        *changes(Random(seed)),
        "SELECT rowid, a, b FROM t ORDER BY 1",
        f"SELECT {distinct} * FROM noted ORDER BY 1, 2, 3",
        "PRAGMA integrity_check",
    ]
    theirs = apsw.Connection(str(tmp_path / "theirs.db"))
    ours = turso_wasm.connect(str(tmp_path / "ours.db"), isolation_level=None)
    expected, given = answers(theirs, statements), answers(ours, statements)
    ours.close()
    assert len(expected[-2]) > 20
    for at, statement in enumerate(statements):
        assert given[at] == expected[at], (statement, statements[: at + 1])


@pytest.mark.parametrize("kind", ["fts5(a, b)", "rtree(a, c, b)"])
def test_they_are_fired_in_pieces(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement is suspended amid them."""
    run_in_pieces(monkeypatch)
    test_they_are_fired(kind, 7, tmp_path)
