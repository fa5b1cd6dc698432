"""Joins are planned for the sizes that their tables have, and again when these have become others by far."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import pytest

import turso_wasm
from turso_wasm.runtime import schema as schema_module

ROWS = "WITH RECURSIVE r(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM r LIMIT {n})"
SCHEMA = """
CREATE TABLE small(id INTEGER PRIMARY KEY, x INT, v INT);
CREATE TABLE big(id INTEGER PRIMARY KEY, x INT, v INT);
CREATE TABLE keyed(k TEXT PRIMARY KEY, x) WITHOUT ROWID;
CREATE INDEX big_v ON big(v);
"""


@pytest.fixture
def db(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(schema_module, "_libraries", WeakKeyDictionary())  # nothing that another test has compiled
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    connection.execute(f"INSERT INTO small {ROWS.format(n=40)} SELECT i, i, i FROM r")
    return connection


def fill(db: Any, n: int) -> None:
    db.execute("DELETE FROM big")
    db.execute(f"INSERT INTO big {ROWS.format(n=n)} SELECT i, i % 500, i FROM r")


def plan(db: Any, sql: str) -> list[str]:
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]


CASES = {
    "hash": "SELECT count(*) FROM small s JOIN big b ON s.x = b.x",
    "index": "SELECT count(*) FROM big b JOIN small s ON b.v = s.id WHERE s.v = 5",
    "nested": "SELECT (SELECT count(*) FROM small s JOIN big b ON s.x = b.x)",
    "table": "SELECT n FROM (SELECT count(*) AS n FROM small s JOIN big b ON s.x = b.x)",
}


@pytest.mark.parametrize("sql", CASES.values(), ids=CASES)
def test_the_plan_follows_the_sizes(db: Any, sql: str) -> None:
    before, empty = plan(db, sql), db.execute(sql).fetchall()
    fill(db, 40_000)
    db.execute(sql)
    after = plan(db, sql)
    assert after != before
    rows = db.execute(sql).fetchall()
    db._runtime.sizes = None  # plans do not depend on them
    assert db.execute(f"{sql} -- {sql}").fetchall() == rows != empty
    db._runtime.sizes = {}
    db.execute("DELETE FROM big")
    assert db.execute(sql).fetchall() == empty
    assert plan(db, sql) == before


def test_a_growing_table_is_seldom_planned_for(db: Any, compiled: list[str]) -> None:
    sql = CASES["hash"]
    for n in range(0, 60_000, 2_500):
        db.execute(f"INSERT INTO big {ROWS.format(n=2_500)} SELECT i + {n}, i % 500, i FROM r")
        db.execute(sql)
    assert 2 <= compiled.count(sql) <= 3


def test_tables_of_one_size_are_joined_as_ever(db: Any, compiled: list[str]) -> None:
    sql = "SELECT count(*) FROM big a JOIN big b ON a.x = b.x WHERE a.id < 10"
    before = plan(db, sql)
    fill(db, 40_000)
    db.execute(sql)
    assert plan(db, sql) == before


def test_one_table_has_no_size(db: Any, compiled: list[str]) -> None:
    sql = "SELECT count(*) FROM big WHERE v = 3"
    db.execute(sql)
    fill(db, 40_000)
    db.execute(sql)
    assert compiled.count(sql) == 1


def test_a_table_that_joins_known_ones(db: Any) -> None:
    sql = "SELECT count(*) FROM big b CROSS JOIN more m ON m.id = b.x"
    fill(db, 40_000)
    db.execute(CASES["hash"])
    db.execute("CREATE TABLE more(id INTEGER PRIMARY KEY)")
    db.execute(f"INSERT INTO more {ROWS.format(n=1_000)} SELECT i FROM r")
    assert db.execute(sql).fetchall() == [(39_920,)]
    assert plan(db, sql)[1].startswith("SEARCH m")


def test_a_table_of_records(db: Any) -> None:
    sql = "SELECT count(*) FROM small s JOIN keyed k ON k.x = s.x"
    before = plan(db, sql)
    db.execute(f"INSERT INTO keyed {ROWS.format(n=40_000)} SELECT 'key' || i, i FROM r")
    assert db.execute(sql).fetchall() == [(40,)]
    assert plan(db, sql) != before


def test_another_table_at_the_same_place(db: Any) -> None:
    fill(db, 40_000)
    assert db.execute(CASES["hash"]).fetchall() == [(3200,)]
    db.execute("DROP TABLE big")
    db.execute("CREATE TABLE big(id INTEGER PRIMARY KEY, x, v)")
    db.execute("INSERT INTO big VALUES (1, 1, 1)")
    assert db.execute(CASES["hash"]).fetchall() == [(1,)]


@pytest.mark.parametrize("transaction", [False, True])
def test_a_write_that_joins(db: Any, transaction: bool) -> None:
    sql = "UPDATE small SET v = b.v FROM big b WHERE b.x = small.x AND small.id = ?"
    db.executemany(sql, [(1,), (2,)])
    fill(db, 40_000)
    if transaction:
        db.execute("BEGIN")
        db.execute("INSERT INTO small VALUES (1000, 0, 0)")
    assert db.executemany(sql, [(1,), (2,), (3,)]).rowcount == 3
    assert db.execute("SELECT count(*) FROM small WHERE v > 40").fetchall() == [(3,)]
    if transaction:
        db.execute("ROLLBACK")
        assert db.execute("SELECT count(*) FROM small WHERE v > 40").fetchall() == [(0,)]


def test_a_trigger_that_joins(db: Any) -> None:
    db.execute("CREATE TABLE log(n)")
    db.execute(f"CREATE TRIGGER t AFTER UPDATE ON small BEGIN INSERT INTO log {CASES['hash']}; END")
    db.execute("UPDATE small SET v = 0 WHERE id = 1")
    fill(db, 40_000)
    db.execute("UPDATE small SET v = 0 WHERE id = 1")
    assert db.execute("SELECT n FROM log").fetchall() == [(0,), (3200,)]


def test_statistics_are_better(db: Any, compiled: list[str]) -> None:
    fill(db, 40_000)
    db.execute("ANALYZE")
    sql = CASES["hash"]
    db.execute(sql)
    fill(db, 4)
    db.execute(sql)
    assert compiled.count(sql) == 1
