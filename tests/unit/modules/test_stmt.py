"""sqlite_stmt, which the oracle does not have: beside Python's own sqlite3 where that has it."""

from __future__ import annotations

import gc
import sqlite3
import weakref

import pytest

import turso_wasm

SHOWN = "SELECT sql, ncol, ro, busy, nsort, naidx, reprep, run FROM sqlite_stmt"
STATEMENTS = (
    "CREATE TABLE t(a)",
    "INSERT INTO t VALUES (1), (2), (3)",
    "SELECT a FROM t ORDER BY -a",
    "SELECT a, 7 FROM t ORDER BY -a",
    "SELECT a FROM t ORDER BY -a",
    "SELECT 'constant'",
    "SELECT 'constant'",
    "PRAGMA user_version",
    "UPDATE t SET a = a + 1",
    " SELECT count(*) FROM t;",
    SHOWN,
)


def rows(db: turso_wasm.Connection | sqlite3.Connection, sql: str) -> list[tuple[object, ...]]:
    return db.execute(sql).fetchall()


@pytest.fixture
def db() -> turso_wasm.Connection:
    return turso_wasm.connect(":memory:", isolation_level=None)


def test_as_sqlite_shows_them(db: turso_wasm.Connection) -> None:
    other = sqlite3.connect(":memory:", isolation_level=None)
    if not rows(other, "SELECT 1 FROM pragma_module_list WHERE name = 'sqlite_stmt'"):
        pytest.skip("this sqlite3 has no sqlite_stmt")
    for each in (db, other):
        for sql in STATEMENTS:
            last = rows(each, sql)
        assert last[0] == (SHOWN, 8, 1, 1, 0, 0, 0, 1)
    theirs, ours = ({row[0]: row[1:] for row in rows(each, SHOWN)} for each in (other, db))
    assert theirs.pop("SELECT 1 FROM pragma_module_list WHERE name = 'sqlite_stmt'")
    assert ours == theirs


def test_figures(db: turso_wasm.Connection) -> None:
    db.executescript("CREATE TABLE t(a); CREATE TABLE u(b)")
    db.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100)])
    db.execute("INSERT INTO u SELECT a FROM t")
    joined = "SELECT count(*) FROM t JOIN u ON a + 1 = b"
    assert rows(db, joined) == [(99,)]
    assert rows(db, f"SELECT naidx, run FROM sqlite_stmt WHERE sql = '{joined}'") == [(100, 1)]
    inserted = "SELECT sum(run) FROM sqlite_stmt WHERE sql = 'INSERT INTO t VALUES (?)'"
    assert rows(db, inserted) == [(100,)]  # also if the schema was another one and it was prepared twice
    assert rows(db, "SELECT min(mem) > 0, count(nscan), count(nstep) FROM sqlite_stmt") == [(1, 0, 0)]
    other = db.execute("SELECT t.a FROM t, u")
    next(other)
    assert rows(db, "SELECT sql FROM sqlite_stmt WHERE busy AND sql NOT LIKE '%stmt%'") == [("SELECT t.a FROM t, u",)]
    other.close()
    assert rows(db, "SELECT count(*) FROM sqlite_stmt WHERE busy") == [(1,)]


def test_of_this_connection_alone(db: turso_wasm.Connection) -> None:
    other = turso_wasm.connect(":memory:", isolation_level=None)
    rows(db, "SELECT 'mine'")
    assert "SELECT 'mine'" not in {sql for (sql,) in rows(other, "SELECT sql FROM sqlite_stmt")}
    assert rows(db, "SELECT sql FROM sqlite_stmt WHERE rowid = 2") == [("SELECT 'mine'",)]


def test_a_connection_is_freed_at_once(db: turso_wasm.Connection) -> None:
    other = turso_wasm.connect(":memory:")
    rows(other, "SELECT * FROM sqlite_stmt")
    seen = weakref.ref(other)
    gc.disable()
    try:
        del other
        assert seen() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("INSERT INTO sqlite_stmt(sql) VALUES (1)", "table sqlite_stmt may not be modified"),
        ("CREATE VIRTUAL TABLE x USING sqlite_stmt", "no such module: sqlite_stmt"),
        ("SELECT * FROM sqlite_stmt(1)", "too many arguments on sqlite_stmt() - max 0"),
        ("DROP TABLE sqlite_stmt", "table sqlite_stmt may not be dropped"),
    ],
)
def test_what_is_refused(db: turso_wasm.Connection, sql: str, message: str) -> None:
    with pytest.raises(turso_wasm.Error) as caught:
        db.execute(sql)
    assert str(caught.value) == message
