"""How much memory a kernel takes, and that a large query leaves it for the next one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import turso_wasm
from turso_wasm.runtime.hosts import wasmtime as host_module
from turso_wasm.runtime.hosts.wasmtime import WasmtimeHost

MEGABYTE, GIGABYTE, PAGE = 1 << 20, 1 << 30, 4096
LARGE = {
    "sort": "SELECT count(c) FROM (SELECT c FROM t ORDER BY c, a LIMIT -1 OFFSET 1)",
    "groups": "SELECT count(*) FROM (SELECT c, sum(a) FROM t GROUP BY c)",
    "join": "SELECT count(*) FROM t JOIN t AS u ON +u.c = t.c",
    "window": "SELECT sum(x) FROM (SELECT row_number() OVER (PARTITION BY a % 7 ORDER BY c) AS x FROM t)",
    "text": "SELECT length(group_concat(c)) FROM t",
}
NUMBERS = "WITH RECURSIVE q(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 200000)"


@pytest.fixture(autouse=True)
def own_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else's memory is counted."""
    monkeypatch.setattr(host_module, "_host", None)


@pytest.fixture
def large() -> Iterator[turso_wasm.Connection]:
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, c TEXT)")
    db.execute(f"INSERT INTO t {NUMBERS} SELECT i, printf('text %08d', i * 7919 % 200003) FROM q")
    db.commit()
    yield db
    db.close()


def host_of(db: turso_wasm.Connection) -> WasmtimeHost:
    host = db._runtime.host
    assert isinstance(host, WasmtimeHost)
    return host


def taken(db: turso_wasm.Connection) -> int:
    """Bytes of linear memory, which never shrinks: the peak."""
    store = host_of(db)._store
    store.cover(0)
    return store.size


def used(db: turso_wasm.Connection) -> int:
    return int(host_of(db).function("memory_used")())


def run(db: turso_wasm.Connection, sql: str) -> list[tuple[object, ...]]:
    return db.execute(sql).fetchall()


def gigabyte(path: Path) -> None:
    """A file of 1 GiB with a table at its beginning, and pages of which nobody knows behind them."""
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB)")
    db.execute("CREATE INDEX t_b ON t(b)")
    db.execute(f"INSERT INTO t {NUMBERS} SELECT i, 'name ' || i, zeroblob(400) FROM q")
    db.commit()
    db.close()
    with path.open("r+b") as file:
        file.truncate(GIGABYTE)
        file.seek(28)
        file.write((GIGABYTE // PAGE).to_bytes(4, "big"))


def test_ten_rows_of_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "large.db"
    gigabyte(path)
    assert os.path.getsize(path) == GIGABYTE
    first = turso_wasm.connect(":memory:")
    before = taken(first)
    db = turso_wasm.connect(path)
    assert len(run(db, "SELECT a, b, length(c) FROM t LIMIT 10")) == 10
    for a in range(1, 200_000, 20_000):
        assert run(db, f"SELECT a, b FROM t WHERE b = 'name {a}'") == [(a, f"name {a}")]
    assert host_of(db) is host_of(first)
    assert taken(db) - before <= 8 * MEGABYTE
    assert taken(db) <= 16 * MEGABYTE
    db.close()
    first.close()


@pytest.mark.parametrize("kind", LARGE)
def test_what_a_large_query_took_is_taken_again(large: turso_wasm.Connection, kind: str) -> None:
    run(large, "SELECT count(*) FROM t")
    before = used(large)
    answer = run(large, LARGE[kind])
    assert used(large) - before < MEGABYTE
    peak = taken(large)
    for _ in range(3):
        assert run(large, LARGE[kind]) == answer
    assert taken(large) == peak
    assert used(large) - before < MEGABYTE


def test_large_queries_of_all_kinds_share_what_the_largest_took(large: turso_wasm.Connection) -> None:
    for _ in range(2):
        for query in LARGE.values():
            run(large, query)
    peak = taken(large)
    for query in reversed(LARGE.values()):
        run(large, query)
    assert taken(large) <= peak + MEGABYTE
