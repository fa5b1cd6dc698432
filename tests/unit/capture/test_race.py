"""A change that is committed while changes are read is neither gone nor read twice."""

from __future__ import annotations

from typing import Any

import turso_wasm
from turso_wasm.dbapi import ChangeReader


def test_what_is_committed_between_two_questions_is_not_gone(monkeypatch: Any) -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.executescript("CREATE TABLE t(a); PRAGMA capture_data_changes_conn('after')")
    reader = ChangeReader(db, 0, None)
    ask = reader._query
    rows: list[int] = []

    def asks(sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        found = ask(sql, values)
        if sql.startswith("SELECT change_id, change_time"):
            db.execute("INSERT INTO t VALUES (1)")
        return found

    monkeypatch.setattr(reader, "_query", asks)
    for _ in range(4):
        rows += [change.id for change in reader.batch()]
    assert rows == list(range(1, 7))
