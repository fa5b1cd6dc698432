"""EXPLAIN CODE shows the plan and the compiled statement as text."""

from __future__ import annotations

import pytest

import turso_wasm


def test_the_plan_and_the_code_are_shown() -> None:
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    cursor = db.execute("EXPLAIN CODE SELECT a FROM t WHERE id = ?")
    assert [column[0] for column in cursor.description or ()] == ["code"]
    text = "\n".join(row[0] for row in cursor)
    plan, _, code = text.partition("\n\n")
    assert "RowidSeek" in plan
    assert "table=t" in plan
    assert "def step(stmt: i32) -> i32:" in code
    assert "cursor_seek_rowid" in code
    db.close()


def test_explaining_does_not_execute() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(a)")
    assert db.execute("EXPLAIN CODE INSERT INTO t VALUES (1)").fetchall()
    assert db.execute("EXPLAIN QUERY PLAN DELETE FROM t").fetchall() is not None
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    with pytest.raises(turso_wasm.OperationalError, match="no such table: nope"):
        db.execute("EXPLAIN CODE SELECT * FROM nope")
    db.close()
