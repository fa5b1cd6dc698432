"""executemany, whose sets run in batches where nobody can tell: as the `sqlite3` module runs them one by one."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import turso_wasm

N = 700  # sets: more than two batches


def outcome(module: ModuleType, work: Callable[[Any], Any]) -> list[Any]:
    """What `work` with a cursor gives or raises, and what is told and stored afterwards."""
    db = module.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b, c TEXT UNIQUE)")
    db.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i, i * 1.5, f"text {i}") for i in range(N)])
    cursor = db.cursor()
    try:
        given: Any = work(cursor)
    except Exception as error:
        given = type(error).__name__, str(error)
    told = given, cursor.rowcount, db.in_transaction, db.total_changes
    rows = db.execute("SELECT a, b, typeof(b), c FROM t ORDER BY a").fetchall()
    db.close()
    return [told, rows]


UPDATE = "UPDATE t SET b = ? WHERE a = ?"
VALUES = ["x", "ä" * 300, 7, -(1 << 63), 2.5, math.inf, math.nan, None, b"\0y", ""]

CASES: dict[str, Callable[[Any], Any]] = {
    "each set once": lambda c: c.executemany(UPDATE, [(i * 2, i) for i in range(N)]).rowcount,
    "in a transaction": lambda c: (c.execute("BEGIN"), c.executemany(UPDATE, [(i, 5) for i in range(N)]).rowcount)[1],
    "values of all types": lambda c: c.executemany(UPDATE, [(VALUES[i % 10], i) for i in range(N)]).rowcount,
    "columns of one type": lambda c: c.executemany(UPDATE, [(f"{i}é", i) for i in range(N)]).rowcount,
    "some that are no plain values": lambda c: c.executemany(
        UPDATE, [(True if i == 300 else bytearray(b"z") if i == 301 else i, i) for i in range(N)]
    ).rowcount,
    "lists": lambda c: c.executemany(UPDATE, [[i, i] for i in range(N)]).rowcount,
    "sets that come from elsewhere": lambda c: c.executemany(UPDATE, ((i, i) for i in range(N))).rowcount,
    "literals beside them": lambda c: c.executemany(
        "UPDATE t SET b = 'lit' || ? || 7 WHERE a = ? AND a > 3", [(i, i) for i in range(N)]
    ).rowcount,
    "rows deleted": lambda c: c.executemany(
        "DELETE FROM t WHERE a > ? AND a < ?", [(i, i + 3) for i in range(N)]
    ).rowcount,
    "a constraint amid them": lambda c: c.executemany(
        "UPDATE t SET c = ? WHERE a = ?", [(f"text {-i % 500}", i + 1) for i in range(N)]
    ),
    "one with too few values": lambda c: c.executemany(UPDATE, [(i, i) if i != 400 else (i,) for i in range(N)]),
    "one that is too large": lambda c: c.executemany(UPDATE, [(1 << 63 if i == 400 else i, i) for i in range(N)]),
    "one of no type": lambda c: c.executemany(UPDATE, [(object() if i == 400 else i, i) for i in range(N)]),
    "one that is no text": lambda c: c.executemany(UPDATE, [("\ud800" if i == 400 else "a", i) for i in range(N)]),
    "an upsert": lambda c: c.executemany(
        "INSERT INTO t VALUES (?, ?, ?) ON CONFLICT (a) DO UPDATE SET b = b + excluded.b",
        [(i % 5, i, f"new {i}") for i in range(N)],
    ).rowcount,
    "rows that go when they break a constraint": lambda c: c.executemany(
        "INSERT OR REPLACE INTO t VALUES (?, 1, ?)", [(i + N, f"text {i // 2}") for i in range(N)]
    ).rowcount,
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_sets_in_batches_do_what_they_do_one_by_one(name: str) -> None:
    assert outcome(turso_wasm, CASES[name]) == outcome(sqlite3, CASES[name])


@pytest.mark.parametrize("name", ["each set once", "a constraint amid them"])
def test_sets_are_run_again_when_the_code_is_optimized(name: str) -> None:
    """A Program is compiled again after 500 runs, in the middle of the second batch."""
    again = [outcome(turso_wasm, CASES[name]) for _ in range(3)]
    assert again == [outcome(sqlite3, CASES[name])] * 3


def test_a_function_amid_a_batch_runs_batches_of_its_own() -> None:
    def nested(module: ModuleType) -> Any:
        db, other = module.connect(":memory:"), module.connect(":memory:")
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        other.execute("CREATE TABLE o(a)")
        other.execute("INSERT INTO o VALUES (0)")
        db.executemany("INSERT INTO t VALUES (?, 0)", [(i,) for i in range(20)])

        def nest(n: int) -> int:
            other.executemany("UPDATE o SET a = a + ?", [(n,)] * 50)
            return int(other.execute("SELECT a FROM o").fetchone()[0])

        db.create_function("nest", 1, nest)
        db.executemany("UPDATE t SET b = nest(?) WHERE a = ?", [(i, i) for i in range(20)])
        return db.execute("SELECT a, b FROM t").fetchall()

    assert nested(turso_wasm) == nested(sqlite3)


def test_an_error_of_a_function_ends_the_batch_where_it_is() -> None:
    def failing(module: ModuleType) -> Any:
        db = module.connect(":memory:")
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        db.executemany("INSERT INTO t VALUES (?, 0)", [(i,) for i in range(100)])
        db.create_function("f", 1, lambda n: n if n != 60 else 1 / 0)
        with pytest.raises(module.OperationalError, match="user-defined function raised exception"):
            db.executemany("UPDATE t SET b = f(?) WHERE a = ?", [(i, i) for i in range(100)])
        return db.execute("SELECT sum(b), count(*) FROM t").fetchone(), db.total_changes

    assert failing(turso_wasm) == failing(sqlite3)


def test_a_schema_that_changed_elsewhere_is_seen_before_a_batch(tmp_path: Path) -> None:
    db = turso_wasm.connect(tmp_path / "a.db", isolation_level=None)
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
    db.executemany("INSERT INTO t VALUES (?, 0)", [(i,) for i in range(N)])
    sets = [(1, i) for i in range(N)]
    assert db.executemany(UPDATE, sets).rowcount == N
    with sqlite3.connect(tmp_path / "a.db") as other:
        other.execute("ALTER TABLE t ADD COLUMN c DEFAULT 5")
    other.close()
    assert db.executemany(UPDATE, sets).rowcount == N
    assert db.execute("SELECT sum(b), sum(c) FROM t").fetchone() == (N, 5 * N)
    db.close()


def test_a_batch_waits_for_a_lock(tmp_path: Path) -> None:
    db = turso_wasm.connect(tmp_path / "a.db", isolation_level=None)
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
    db.executemany("INSERT INTO t VALUES (?, 0)", [(i,) for i in range(20)])
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    unlock = threading.Timer(0.02, lambda: other.execute("COMMIT"))
    unlock.start()
    assert db.executemany(UPDATE, [(i, i) for i in range(20)]).rowcount == 20
    unlock.join()
    assert db.execute("SELECT sum(b) FROM t").fetchone() == (190,)
    other.close()
    db.close()


def test_hooks_and_triggers_are_told_of_every_set() -> None:
    def watched(module: ModuleType) -> Any:
        db = module.connect(":memory:", isolation_level=None)
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        db.execute("CREATE TABLE log(a, b)")
        db.execute("CREATE TRIGGER g AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.a, new.b); END")
        db.executemany("INSERT INTO t VALUES (?, 0)", [(i,) for i in range(100)])
        db.executemany(UPDATE, [(i * 3, i % 7) for i in range(100)])
        last = db.execute("SELECT last_insert_rowid(), changes(), total_changes()").fetchone()
        return last, db.execute("SELECT a, b FROM log ORDER BY rowid").fetchall()

    assert watched(turso_wasm) == watched(sqlite3)
