"""Authorizers are asked what SQLite's are, and their answers hold."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

import turso_wasm

SETUP = """
    CREATE TABLE t(a INTEGER PRIMARY KEY, b, c);
    CREATE TABLE u(x, y);
    CREATE VIEW v AS SELECT b FROM t;
    CREATE INDEX i ON t(b);
    CREATE TEMP TABLE tt(q);
    CREATE TRIGGER tr AFTER INSERT ON u BEGIN SELECT 1; END;
    INSERT INTO t VALUES (1, 2, 3);
"""
ASKED = """
    SELECT 1 | SELECT a, b FROM t | SELECT * FROM t WHERE c > 1 | SELECT count(*) FROM t | SELECT rowid FROM u
    SELECT (SELECT x FROM u WHERE y = b) FROM t | SELECT abs(a), lower(b) FROM t | SELECT q FROM tt
    INSERT INTO t VALUES (7, 2, 3) | UPDATE t SET b = c + 1, c = 2 WHERE a = 1 | DELETE FROM t WHERE b = 2
    DELETE FROM t
    PRAGMA user_version | PRAGMA main.cache_size = 5 | BEGIN | SAVEPOINT s | SELECT max(a) FROM t GROUP BY b
    SELECT a FROM t ORDER BY c | SELECT a FROM t UNION SELECT x FROM u | SELECT 1 FROM t JOIN u ON t.a = u.x
    ALTER TABLE t ADD COLUMN d | DROP TABLE u | DROP INDEX i | DROP TRIGGER tr | DROP VIEW v | CREATE TABLE n(z)
    CREATE TEMP TABLE n(z) | CREATE INDEX n ON u(x) | CREATE VIEW n AS SELECT 1 | SELECT sum(a) OVER () FROM t
"""
FOLLOWING = ("sqlite_master", "sqlite_temp_master")  # what a change of the schema does to them is not asked about


def made(module: Any) -> Any:
    connection = module.connect(":memory:", isolation_level=None)
    connection.executescript(SETUP)
    return connection


def asked(module: Any, sql: str) -> set[tuple[Any, ...]]:
    connection = made(module)
    found: list[tuple[Any, ...]] = []

    def authorizer(*facts: Any) -> int:
        found.append(facts)
        return 0

    connection.set_authorizer(authorizer)
    connection.execute(sql).fetchall()
    return {facts for facts in found if facts[1] not in FOLLOWING or facts[0] in (9, 18)}


@pytest.mark.parametrize("sql", [sql.strip() for line in ASKED.strip().splitlines() for sql in line.split("|")])
def test_what_is_asked(sql: str) -> None:
    ours, theirs = asked(turso_wasm, sql), asked(sqlite3, sql)
    assert not ours - theirs - {facts for facts in ours if facts[2] == ""}
    left = {facts for facts in theirs - ours if facts[2] != "" and facts[0] not in (27, 31)}
    if sql.startswith(("CREATE", "ALTER", "DROP")):
        left = {facts for facts in left if facts[0] not in (16, 20, 23)}
    assert not left


def outcome(module: Any, sql: str, action: str, answer: int) -> Any:
    connection = made(module)
    code = getattr(sqlite3, action)
    connection.set_authorizer(lambda got, *facts: answer if got == code else 0)
    try:
        return connection.execute(sql).fetchall()
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize(
    ("sql", "action"),
    [
        ("SELECT a, b FROM t", "SQLITE_READ"),
        ("SELECT * FROM t", "SQLITE_READ"),
        ("SELECT 1", "SQLITE_SELECT"),
        ("SELECT abs(-1)", "SQLITE_FUNCTION"),
        ("INSERT INTO u VALUES (1, 2)", "SQLITE_INSERT"),
        ("DELETE FROM t", "SQLITE_DELETE"),
        ("UPDATE t SET b = 1", "SQLITE_UPDATE"),
        ("DROP TABLE t", "SQLITE_DROP_TABLE"),
        ("PRAGMA user_version", "SQLITE_PRAGMA"),
        ("BEGIN", "SQLITE_TRANSACTION"),
        ("ATTACH ':memory:' AS o", "SQLITE_ATTACH"),
    ],
)
def test_what_is_denied(sql: str, action: str) -> None:
    assert outcome(turso_wasm, sql, action, 1) == outcome(sqlite3, sql, action, 1)


@pytest.mark.parametrize("sql", ["SELECT a, b FROM t", "SELECT * FROM t", "SELECT b + 1 FROM t WHERE c IS NULL"])
def test_columns_that_are_ignored_are_null(sql: str) -> None:
    assert outcome(turso_wasm, sql, "SQLITE_READ", 2) == outcome(sqlite3, sql, "SQLITE_READ", 2)


def test_a_known_statement_is_asked_about() -> None:
    connection = made(turso_wasm)
    assert connection.execute("SELECT b FROM t").fetchall() == [(2,)]
    connection.set_authorizer(lambda action, *facts: int(action == 20))
    with pytest.raises(turso_wasm.DatabaseError, match=r"access to t\.b is prohibited"):
        connection.execute("SELECT b FROM t")
    connection.set_authorizer(None)
    assert connection.execute("SELECT b FROM t").fetchall() == [(2,)]


def test_others_are_not_concerned() -> None:
    guarded, free = made(turso_wasm), made(turso_wasm)
    guarded.set_authorizer(lambda *facts: 2 if facts[0] == 20 else 0)
    assert guarded.execute("SELECT b FROM t WHERE a = 1").fetchall() == []
    assert free.execute("SELECT b FROM t WHERE a = 1").fetchall() == [(2,)]


def test_what_is_no_answer() -> None:
    connection = made(turso_wasm)
    connection.set_authorizer(lambda *facts: 7)
    with pytest.raises(turso_wasm.OperationalError, match="authorizer malfunction"):
        connection.execute("SELECT 1")
