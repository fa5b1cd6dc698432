"""executemany beyond the runs after which code is optimized, which are one entry of the host each: as sqlite3 does."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import turso_wasm

Facts = list[Any]


def filled(module: Any, where: Any = ":memory:") -> Any:
    db = module.connect(where)
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b INT CHECK (b <> 1500), c TEXT UNIQUE)")
    db.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i, i if i != 1500 else 0, str(i)) for i in range(2000)])
    return db


def tried(module: Any, db: Any, sql: str, sets: Any) -> Facts:
    cursor = db.cursor()
    try:
        cursor.executemany(sql, sets)
        error: Any = None
    except (module.Error, KeyError) as failure:
        error = type(failure).__name__, str(failure)
    sums = db.execute("SELECT count(*), sum(b), max(c) FROM t").fetchall()
    return [error, cursor.rowcount, db.in_transaction, db.total_changes, sums]


def constraints(module: Any) -> Facts:
    db = filled(module)
    found = tried(module, db, "UPDATE t SET b = ? WHERE a = ?", [(i, 7) for i in range(2000)])
    found += tried(module, db, "UPDATE t SET c = ? WHERE a = 8", [(str(i),) for i in range(9, 900)])
    found += tried(module, db, "UPDATE OR IGNORE t SET c = ? WHERE a = 8", [(str(i),) for i in range(9, 900)])
    found += tried(module, db, "DELETE FROM t WHERE a >= ? AND a < ?", [(i, i + 2) for i in range(0, 1500, 2)])
    return found + tried(module, db, "INSERT INTO t(a, b) SELECT ?, ?", [(i + 5000, i) for i in range(1000, 1600)])


def values(module: Any) -> Facts:
    db = filled(module)
    mixed = [(None,)] * 600 + [("x" * 5000,), (2.5,), (b"zz",), ("x",)] * 50
    found = tried(module, db, "UPDATE t SET c = ? WHERE a = 3", mixed)
    return found + tried(module, db, "UPDATE t SET c = ? WHERE a = ?", [("q", 4)] * 700 + [(1,)])


def raising(module: Any) -> Facts:
    db, calls = filled(module), iter(range(10_000))

    def f(x: str) -> str:
        if next(calls) == 900:
            raise ValueError(x)
        return x

    def sets() -> Iterator[Any]:
        yield from ((i, 9) for i in range(2000, 2900))
        raise KeyError("sets")

    db.create_function("f", 1, f)
    found = tried(module, db, "UPDATE t SET c = f(?) WHERE a = 5", [(str(100_000 + i),) for i in range(2000)])
    return found + tried(module, db, "UPDATE t SET b = ? WHERE a = ?", sets())


def many_slices(module: Any) -> Facts:
    return tried(module, filled(module), "UPDATE t SET b = b + ?", [(2000,)] * 600)


@pytest.mark.parametrize("facts", [constraints, values, raising, many_slices], ids=lambda facts: facts.__name__)
def test_many_runs(facts: Callable[[Any], Facts]) -> None:
    assert facts(turso_wasm) == facts(sqlite3)


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    db = filled(turso_wasm, tmp_path / "a.db")
    db.commit()
    db.isolation_level = None
    sets = [(i,) for i in range(600)]
    db.executemany("UPDATE t SET b = b + 2000 WHERE a = ?", sets)
    other = turso_wasm.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.1, lambda: other.execute("COMMIT"))
    timer.start()
    assert db.executemany("UPDATE t SET b = b + 2000 WHERE a = ?", sets[:20]).rowcount == 20
    timer.join()
    db.close()
    other.close()
