"""Progress handlers, limits, settings, blobs and adapters of plain types: what test_wrong_use.py and CPython's own
tests (tests/cpython) leave open.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from typing import Any

import apsw
import pytest

import turso_wasm
from turso_wasm.dbapi import types

LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT count(*) FROM n"


@pytest.fixture
def db() -> Iterator[turso_wasm.Connection]:
    with turso_wasm.connect(":memory:") as connection:
        yield connection
    connection.close()


# --- progress -----------------------------------------------------------------------------------------------------


def test_progress_is_told_in_proportion(db: turso_wasm.Connection) -> None:
    counts = []
    for n in (1000, 10_000, 100_000):
        calls: list[None] = []
        db.set_progress_handler(lambda calls=calls: calls.append(None), n)
        assert db.execute(LONG).fetchone() == (300_000,)
        counts.append(len(calls))
    assert counts[0] > 5 * counts[1] > 25 * counts[2] > 0


def test_progress_ends_a_statement_and_nothing_else(db: turso_wasm.Connection) -> None:
    calls: list[None] = []

    def handler() -> bool:
        calls.append(None)
        return len(calls) == 3

    db.set_progress_handler(handler, 1000)
    with pytest.raises(turso_wasm.OperationalError, match="interrupted"):
        db.execute(LONG)
    assert len(calls) == 3
    assert db.execute("SELECT 1").fetchone() == (1,)
    db.set_progress_handler(None, 1000)
    assert db.execute(LONG).fetchone() == (300_000,)
    assert len(calls) == 3


def test_a_write_that_is_ended_is_undone(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE t(a)")
    db.commit()
    db.set_progress_handler(lambda: True, 5000)
    with pytest.raises(turso_wasm.OperationalError, match="interrupted"):
        db.execute(f"INSERT INTO t {LONG.replace('count(*)', 'i')}")
    db.set_progress_handler(None, 0)
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)


# --- limits and settings ------------------------------------------------------------------------------------------


def test_limits_are_what_sqlite_says(db: turso_wasm.Connection) -> None:
    for category in range(11):
        theirs = sqlite3.connect(":memory:").getlimit(category)
        if category not in (2, 9):  # as the system's SQLite was built
            assert db.getlimit(category) == theirs, category


def test_a_limit_holds_for_executemany(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE t(a)")
    assert db.setlimit(turso_wasm.SQLITE_LIMIT_LENGTH, 5) == 1_000_000_000  # type: ignore[attr-defined]
    with pytest.raises(turso_wasm.DataError, match="string or blob too big"):
        db.executemany("INSERT INTO t VALUES (?)", [("12345",), ("123456",)])
    assert db.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_what_cannot_be_limited_says_so(db: turso_wasm.Connection) -> None:
    with pytest.raises(turso_wasm.NotSupportedError):
        db.setlimit(turso_wasm.SQLITE_LIMIT_COLUMN, 5)  # type: ignore[attr-defined]


def test_settings(db: turso_wasm.Connection) -> None:
    foreign_keys = turso_wasm.SQLITE_DBCONFIG_ENABLE_FKEY  # type: ignore[attr-defined]
    assert db.getconfig(foreign_keys) is False
    db.setconfig(foreign_keys)
    assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)
    with pytest.raises(turso_wasm.NotSupportedError):
        db.setconfig(turso_wasm.SQLITE_DBCONFIG_DEFENSIVE, True)  # type: ignore[attr-defined]


def _rows_or_error(db: Any, sql: str) -> object:
    try:
        return db.execute(sql).fetchall()
    except (apsw.Error, turso_wasm.Error) as error:
        return str(error)


def test_triggers_and_views_can_be_switched_off(db: turso_wasm.Connection) -> None:
    """But for those of temp, which the schema of a file cannot have."""
    oracle = apsw.Connection(":memory:")
    setup = """
        CREATE TABLE t(a); CREATE TABLE log(x);
        CREATE TRIGGER own AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END;
        CREATE TEMP TRIGGER other AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('temp'); END;
        CREATE VIEW v AS SELECT * FROM t; CREATE TEMP VIEW w AS SELECT 1; CREATE TEMP VIEW x AS SELECT * FROM v;
        CREATE TRIGGER instead INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.a); END;
    """
    statements = """
        INSERT INTO t VALUES (1); SELECT * FROM log; INSERT INTO v VALUES (2); SELECT * FROM v; SELECT * FROM w;
        SELECT * FROM x; CREATE TABLE u AS SELECT * FROM v; SELECT (SELECT a FROM v); UPDATE v SET a = 1;
        WITH v AS (SELECT 7) SELECT * FROM v; SELECT name FROM pragma_table_info('v'); SELECT count(*) FROM t
    """
    trigger, view = turso_wasm.SQLITE_DBCONFIG_ENABLE_TRIGGER, turso_wasm.SQLITE_DBCONFIG_ENABLE_VIEW  # type: ignore[attr-defined]
    oracle.execute(setup)
    db.executescript(setup)
    db.isolation_level = None
    for switched, is_on in ((trigger, False), (view, False), (view, True), (trigger, True)):
        oracle.config(switched, int(is_on))
        db.setconfig(switched, is_on)
        assert db.getconfig(switched) is is_on
        for sql in statements.split(";"):
            assert _rows_or_error(db, sql) == _rows_or_error(oracle, sql), sql


# --- blobs --------------------------------------------------------------------------------------------------------

BLOBS = """
    CREATE TABLE t(a INTEGER PRIMARY KEY, b, c UNIQUE, d REFERENCES t(a));
    INSERT INTO t VALUES (1, x'0102', 'text', NULL), (2, 5, 'x', 1), (3, NULL, 2.5, 1);
    CREATE TABLE w(a PRIMARY KEY, b) WITHOUT ROWID;
    INSERT INTO w VALUES (1, 'x');
    CREATE VIEW v AS SELECT * FROM t;
"""


@pytest.mark.parametrize(
    "where",
    [
        ("t", "b", 1), ("T", "B", 1), ("t", "c", 1), ("t", "b", 2), ("t", "b", 3), ("t", "c", 3), ("t", "d", 1),
        ("w", "b", 1), ("v", "b", 1), ("t", "z", 1), ("t", "b", 9), ("x", "b", 1), ("t", "rowid", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("readonly", [False, True])
def test_what_can_be_opened(where: tuple[str, str, int], readonly: bool) -> None:
    outcomes = []
    for module in (turso_wasm, sqlite3):
        connection: Any = module.connect(":memory:")
        connection.executescript(BLOBS)
        try:
            outcomes.append(connection.blobopen(*where, readonly=readonly).read())
        except Exception as error:
            outcomes.append((type(error).__name__, str(error)))
    assert outcomes[0] == outcomes[1]


def test_a_write_counts_no_change_and_keeps_the_type(db: turso_wasm.Connection) -> None:
    db.executescript(BLOBS)
    db.execute("UPDATE t SET b = 'twelve' WHERE a = 1")
    before = db.total_changes
    with db.blobopen("t", "b", 1) as blob:
        blob.seek(2)
        blob.write(b"EL")
        blob[-1] = ord("E")
    assert db.total_changes == before
    assert db.execute("SELECT b, changes() FROM t WHERE a = 1").fetchone() == ("twELvE", 1)


def test_another_rows_change_does_not_matter(db: turso_wasm.Connection) -> None:
    db.executescript(BLOBS)
    with db.blobopen("t", "b", 1) as blob:
        db.execute("UPDATE t SET b = 1 WHERE a = 2")
        assert blob.read() == b"\x01\x02"
        db.execute("DELETE FROM t WHERE a = 1")
        with pytest.raises(turso_wasm.OperationalError, match="query aborted"):
            blob[0]


# --- adapters -----------------------------------------------------------------------------------------------------


def test_plain_types_can_be_adapted(db: turso_wasm.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(types, "adapters", dict(types.adapters))
    db.execute("CREATE TABLE t(a)")
    try:
        turso_wasm.register_adapter(int, lambda value: value * 10)
        db.execute("INSERT INTO t VALUES (?)", (1,))
        db.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(2, 30)])
        db.execute("INSERT INTO t VALUES (:n)", {"n": 30})
    finally:
        types.adapted_plain.discard(int)
    assert db.execute("SELECT a FROM t").fetchall() == [(10 * n,) for n in range(1, 31)]


def test_the_module_has_the_constants_of_its_model() -> None:
    missing = [name for name in dir(sqlite3) if name.startswith("SQLITE_") and not hasattr(turso_wasm, name)]
    assert not missing
    assert all(getattr(turso_wasm, name) == getattr(sqlite3, name) for name in dir(sqlite3) if name[:7] == "SQLITE_")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python 3.12 warns")
def test_the_version_of_the_interface() -> None:
    assert (turso_wasm.version, turso_wasm.version_info) == ("2.6.0", (2, 6, 0))  # type: ignore[attr-defined]
