"""PRAGMA integrity_check notices indexes that do not have an entry for each row, as SQLite's does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm

SCHEMA = """
CREATE TABLE t(a, b); CREATE INDEX t_a ON t(a); CREATE INDEX t_some ON t(b) WHERE b > 5; CREATE INDEX t_b ON t(b);
CREATE TABLE w(k PRIMARY KEY, v UNIQUE) WITHOUT ROWID; CREATE INDEX w_v ON w(v DESC);
"""


def behind_the_back(connection: apsw.Connection, index: str, change: str) -> None:
    """Change a table while the schema does not tell of an index."""
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = ?", (index,))
    connection.execute("DELETE FROM sqlite_schema WHERE name = ?; PRAGMA writable_schema = RESET", (index,))
    connection.execute(change)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("INSERT INTO sqlite_schema SELECT * FROM kept; DROP TABLE kept; PRAGMA writable_schema = RESET")


def counts(rows: list[Any]) -> list[str]:
    """The lines about numbers of entries; SQLite also names each row that is missing."""
    return sorted(line for (line,) in rows if line.startswith("wrong # of entries"))


@pytest.mark.parametrize(
    ("index", "change"),
    [
        ("t_a", "INSERT INTO t VALUES (100, 100)"),
        ("t_a", "DELETE FROM t WHERE a = 7"),
        ("t_some", "INSERT INTO t VALUES (1, 1)"),
        ("w_v", "INSERT INTO w VALUES (1000, 1000), (1001, 1001)"),
        ("t_b", "SELECT 1"),
    ],
)
def test_wrong_numbers_of_entries(index: str, change: str, tmp_path: Path) -> None:
    them = apsw.Connection(str(tmp_path / "x.db"))
    them.execute(SCHEMA)
    for table in "tw":
        them.execute(
            f"INSERT INTO {table} WITH n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299) "
            "SELECT i, i FROM n"
        )
    behind_the_back(them, index, change)
    expected = them.execute("PRAGMA integrity_check").fetchall()
    them.close()
    us = turso_wasm.connect(tmp_path / "x.db")
    found = us.execute("PRAGMA integrity_check").fetchall()
    assert counts(found) == counts(expected)
    assert (found == [("ok",)]) == (expected == [("ok",)])
    assert us.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    table = index[0]
    assert us.execute(f"PRAGMA integrity_check({table})").fetchall() == found
    assert us.execute(f"PRAGMA integrity_check({'tw'.replace(table, '')})").fetchall() == [("ok",)]
