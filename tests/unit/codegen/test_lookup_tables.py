"""Many look-ups by an index: the table they turn to is made, and only where it may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import turso_wasm
from tests.harness.planning import without
from turso_wasm.kernel.base.limits import WORK_MAX
from turso_wasm.runtime import engine

ROWS = 20_000
LOOK_UP = "SELECT l.id, r.x FROM l CROSS JOIN r ON r.k = l.k"
TABLE = ROWS * 30  # bytes that it takes at least


@pytest.fixture
def db() -> Iterator[Any]:
    with turso_wasm.connect(":memory:") as connection:
        connection.executescript(f"""
            CREATE TABLE r(id INTEGER PRIMARY KEY, k INTEGER, x, y);
            INSERT INTO r SELECT value, value * 7919 % {ROWS}, value, 'text' FROM generate_series(1, {ROWS});
            CREATE INDEX r_k ON r(k);
            CREATE INDEX r_xy ON r(x, y);
            CREATE TABLE l(id INTEGER PRIMARY KEY, k INTEGER);
            INSERT INTO l SELECT value, value * 31 % {ROWS} FROM generate_series(1, {ROWS});
        """)
        yield connection


def grown_by(db: Any, sql: str, rows: int = ROWS // 2) -> int:
    """Bytes that a statement holds when it has given so many rows and goes on."""
    used = engine.host().function("memory_used")
    cursor = db.execute(sql)
    cursor.fetchone()
    before = used()
    for _ in range(rows):
        cursor.fetchone()
    after = used()
    cursor.close()
    return int(after - before)


def test_many_look_ups_make_a_table(db: Any) -> None:
    found = db.execute(LOOK_UP).fetchall()
    assert grown_by(db, LOOK_UP) > TABLE
    with without(["lookup_tables"]):
        assert grown_by(db, LOOK_UP) < TABLE
        assert db.execute(LOOK_UP).fetchall() == found


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT l.id, r.x FROM l CROSS JOIN r ON r.k >= l.k AND r.k <= l.k",
        "SELECT l.id, r.y FROM l CROSS JOIN r INDEXED BY r_xy ON r.x = l.k",  # not all columns
        "SELECT l.id, r.x FROM l CROSS JOIN r ON r.k = l.k AND l.id % 100 = 0",  # few
    ],
)
def test_other_look_ups_do_not(db: Any, sql: str) -> None:
    assert grown_by(db, sql, 150) < TABLE


def test_it_is_given_up_beyond_the_limit(db: Any) -> None:
    with without(["lookup_tables"]):
        found = db.execute(LOOK_UP).fetchall()
    engine.host().function("work_memory_set")(100_000)
    try:
        assert grown_by(db, LOOK_UP) < TABLE
        assert db.execute(LOOK_UP).fetchall() == found
    finally:
        engine.host().function("work_memory_set")(WORK_MAX)


def test_a_statement_that_changes_the_table_sees_its_changes(db: Any) -> None:
    with without(["lookup_tables"]):
        expected = db.execute(LOOK_UP).fetchall()
    db.execute("BEGIN")
    db.execute("INSERT INTO r(k, x) SELECT r.k + 1, r.x FROM l CROSS JOIN r ON r.k = l.k")
    db.execute("ROLLBACK")
    assert db.execute(LOOK_UP).fetchall() == expected


def test_it_is_made_anew_for_each_run(db: Any) -> None:
    total = "SELECT sum(r.x) FROM l CROSS JOIN r ON r.k = l.k"
    (before,) = db.execute(total).fetchone()
    db.execute("UPDATE r SET x = x + 1")
    assert db.execute(total).fetchone() == (before + ROWS,)
