"""What else statements have beyond SQLite's: DEFAULT among values, json_object(*), RAISE outside of triggers."""

from __future__ import annotations

from typing import Any

import pytest

import turso_wasm


@pytest.fixture(scope="module")
def db() -> turso_wasm.Connection:
    return turso_wasm.connect(":memory:", isolation_level=None)


def rows(db: turso_wasm.Connection, sql: str) -> list[Any]:
    return db.execute(sql).fetchall()


def test_default_among_values(db: turso_wasm.Connection) -> None:
    db.executescript(
        """
        CREATE TYPE cents BASE integer ENCODE value * 100 DECODE value / 100;
        CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT DEFAULT 'x', b cents DEFAULT 7, c INT) STRICT;
        INSERT INTO t VALUES (DEFAULT, DEFAULT, DEFAULT, DEFAULT);
        INSERT INTO t(b, a) VALUES (1, DEFAULT), (DEFAULT, 'y'), (3, upper('z'));
        """
    )
    assert rows(db, "SELECT * FROM t") == [(1, "x", 7, None), (2, "x", 1, None), (3, "y", 7, None), (4, "Z", 3, None)]
    for statement in ("SELECT DEFAULT", "INSERT INTO t(a) VALUES (DEFAULT || 'x')", "VALUES (DEFAULT)"):
        with pytest.raises(turso_wasm.OperationalError, match="syntax error"):
            db.execute(statement)
    with pytest.raises(turso_wasm.OperationalError, match='near "DEFAULT": syntax error'):
        db.execute("INSERT INTO t(a) VALUES ((SELECT * FROM (VALUES (DEFAULT))))")


def test_an_object_of_all_columns(db: turso_wasm.Connection) -> None:
    db.executescript("CREATE TABLE o(a INT, \"b c\" TEXT); INSERT INTO o VALUES (1, 'x')")
    assert rows(db, "SELECT json_object(*) FROM o") == [('{"a":1,"b c":"x"}',)]
    assert rows(db, "SELECT json_group_array(json_object(*)) FROM o AS p, (SELECT 2 AS d)") == [
        ('[{"a":1,"b c":"x","d":2}]',)
    ]
    assert rows(db, "SELECT json_object(*)") == [("{}",)]


def test_raise_outside_of_a_trigger(db: turso_wasm.Connection) -> None:
    sql = "SELECT CASE WHEN column1 < 3 THEN column1 ELSE RAISE(ABORT, 'too much') END FROM (VALUES (1), (2), (3))"
    with pytest.raises(turso_wasm.IntegrityError, match="too much"):
        rows(db, sql)
    with pytest.raises(turso_wasm.OperationalError, match="only be used within a trigger-program"):
        rows(db, "SELECT RAISE(IGNORE)")
    with pytest.raises(turso_wasm.OperationalError, match="not supported yet: CREATE TYPE AS STRUCT"):
        rows(db, "CREATE TYPE p AS STRUCT (x INT, y INT)")
