"""REINDEX repairs an index that has other entries than its definition says, or finds the duplicates in it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

import turso_wasm

SCHEMA = """
CREATE TABLE t(a, b, c);
CREATE INDEX i ON t(a);
INSERT INTO t WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 500)
    SELECT x % 7, 500 - x, hex(x) FROM n;
"""


def stale(path: Path, definition: str) -> None:
    """A file whose index i holds the entries of another definition."""
    connection = apsw.Connection(str(path))
    connection.execute(SCHEMA)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'i'", (definition,))
    connection.close()


def verdict(path: Path) -> list[tuple[object, ...]]:
    """What SQLite finds."""
    connection = apsw.Connection(str(path))
    found = connection.execute("PRAGMA integrity_check(1)").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize(
    "definition",
    [
        "CREATE INDEX i ON t(b DESC)",
        "CREATE INDEX i ON t(c COLLATE NOCASE, a)",
        "CREATE UNIQUE INDEX i ON t(b)",
        "CREATE INDEX i ON t(a + b, c) WHERE a > 3",
    ],
)
@pytest.mark.parametrize("name", ["", "t", "i"])
def test_an_index_is_built_anew(definition: str, name: str, tmp_path: Path) -> None:
    """Whatever was in it."""
    path = tmp_path / "x.db"
    stale(path, definition)
    assert verdict(path) != [("ok",)]
    ours = turso_wasm.connect(str(path), isolation_level=None)
    ours.execute(f"REINDEX {name}")
    ours.close()
    assert verdict(path) == [("ok",)]


def test_duplicates_leave_the_index_as_it_was(tmp_path: Path) -> None:
    """A unique index that cannot be: SQLite's error, and nothing is changed."""
    path = tmp_path / "x.db"
    stale(path, "CREATE UNIQUE INDEX i ON t(a)")
    ours = turso_wasm.connect(str(path), isolation_level=None)
    with pytest.raises(turso_wasm.IntegrityError) as ours_raised:
        ours.execute("REINDEX")
    ours.close()
    before = path.read_bytes()
    theirs = apsw.Connection(str(path))
    with pytest.raises(apsw.ConstraintError) as theirs_raised:
        theirs.execute("REINDEX")
    theirs.close()
    assert str(ours_raised.value) == str(theirs_raised.value)
    assert ours_raised.value.sqlite_errorcode == theirs_raised.value.extendedresult
    assert path.read_bytes() == before
