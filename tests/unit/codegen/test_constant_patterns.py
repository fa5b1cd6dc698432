"""LIKE and GLOB remember a constant pattern where it stands: for one run."""

from __future__ import annotations

import pytest

import turso_wasm


@pytest.mark.parametrize(
    ("operator", "one", "other"),
    [("LIKE", "%a%", "%b%"), ("GLOB", "*a*", "*b*"), ("LIKE", "a", "b"), ("LIKE", "_", "b")],
)
def test_another_run_has_another_pattern(operator: str, one: str, other: str) -> None:
    with turso_wasm.connect(":memory:") as db:
        db.execute("CREATE TABLE t(c)")
        db.executemany("INSERT INTO t VALUES (?)", [("a",), ("b",), ("b",)])
        sql = f"SELECT count(*) FROM t WHERE c {operator} ?"
        counts = [db.execute(sql, (pattern,)).fetchone()[0] for pattern in (one, other, one, "c", other)]
    assert counts == [3 if one == "_" else 1, 2, 3 if one == "_" else 1, 0, 2]


def test_two_patterns_of_a_row_and_a_subquery_entered_again() -> None:
    with turso_wasm.connect(":memory:") as db:
        db.execute("CREATE TABLE t(c)")
        db.executemany("INSERT INTO t VALUES (?)", [("ab",), ("bc",), ("ca",)])
        both = "SELECT c FROM t AS o WHERE c LIKE ? AND (SELECT count(*) FROM t WHERE c LIKE ? AND c <> o.c) = 1"
        assert db.execute(both, ("%a%", "%b%")).fetchall() == [("ab",)]
        assert db.execute(both, ("%c%", "%a%")).fetchall() == [("ca",)]
