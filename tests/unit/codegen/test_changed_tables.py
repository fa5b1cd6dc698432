"""Program.changes: which tables a statement changes, for who wants to know of commits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import turso_wasm
from turso_wasm.codegen.program import Program

SCHEMA = """
    CREATE TABLE parent(a PRIMARY KEY);
    CREATE TABLE child(b REFERENCES parent ON DELETE CASCADE);
    CREATE TABLE log(c);
    CREATE TRIGGER noted AFTER DELETE ON child BEGIN INSERT INTO log VALUES (old.b); END;
    CREATE VIEW shown AS SELECT a FROM parent;
    CREATE TRIGGER put INSTEAD OF INSERT ON shown BEGIN INSERT INTO parent VALUES (new.a); END;
    CREATE VIRTUAL TABLE words USING fts5(text);
    CREATE VIRTUAL TABLE boxes USING rtree(id, low, high);
    CREATE TEMP TABLE own(d);
    CREATE TABLE dropped(e);
    PRAGMA foreign_keys = ON;
"""


@pytest.fixture(scope="module")
def connection() -> Iterator[turso_wasm.Connection]:
    opened = turso_wasm.connect(":memory:", isolation_level=None)
    opened.executescript(SCHEMA)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("sql", "changes"),
    [
        ("INSERT INTO child VALUES (1)", ["child"]),
        ("DELETE FROM parent", ["child", "log", "parent"]),
        ("DELETE FROM parent WHERE a = 1", ["child", "log", "parent"]),
        ("REPLACE INTO parent VALUES (1)", ["child", "log", "parent"]),
        ("UPDATE log SET c = 1", ["log"]),
        ("DELETE FROM log", ["log"]),
        ("INSERT INTO shown VALUES (1)", ["parent"]),
        ("INSERT INTO words VALUES ('a')", ["words"]),
        ("INSERT INTO words(words) VALUES ('optimize')", ["words"]),
        ("INSERT INTO boxes VALUES (1, 2, 3)", ["boxes"]),
        ("WITH a AS (SELECT 1) INSERT INTO log SELECT * FROM a RETURNING c", ["log"]),
        ("SELECT * FROM log", []),
        ("DROP TABLE dropped", []),
        ("PRAGMA user_version = 1", []),
    ],
)
def test_tables(connection: turso_wasm.Connection, sql: str, changes: list[str]) -> None:
    prepared = connection._runtime.prepare(sql)
    assert prepared is not None
    program = prepared.program
    assert program.changes == tuple((0, name) for name in changes)
    assert Program.from_bytes(program.to_bytes()).changes == program.changes


def test_a_temporary_table_has_another_slot(connection: turso_wasm.Connection) -> None:
    prepared = connection._runtime.prepare("INSERT INTO own VALUES (1)")
    assert prepared is not None and prepared.program.changes == ((1, "own"),)
