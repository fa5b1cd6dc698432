"""What each task of the benchmarks costs: storage calls, bytes, compilations. Times differ from machine to machine,
these do not. The file is owned and in WAL mode, as in OPFS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import wasmtime

import turso_wasm
from turso_wasm.kernel.abi import CAP_OWNED
from turso_wasm.runtime.files import register_vfs, unregister_vfs
from turso_wasm.vfs.counting import CountingVfs
from turso_wasm.vfs.memory import MemoryVfs

ROWS = 20_000
PAGE, FRAME, READ = 4096, 4096 + 24, 1 << 18
NUMBERS = f"WITH RECURSIVE q(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < {ROWS})"
COLUMNS = "(a INTEGER PRIMARY KEY, b INTEGER, c TEXT, d REAL, e INTEGER)"
SELECT_M = "SELECT i, i * 7919 % 100003, 'text ' || i, i / 7.0, i % 100 FROM q"

READS = {
    "point query": "SELECT b, c FROM m WHERE a = 4711",
    "point query by index": "SELECT a, c FROM m WHERE b = 7919",
    "range aggregate by index": "SELECT count(*), sum(e) FROM m WHERE b >= 500 AND b < 1500",
    "filtered aggregate": "SELECT count(*), sum(b) FROM m WHERE b < 50000",
    "GROUP BY, 100 groups": "SELECT e, count(*), sum(b) FROM m GROUP BY e",
    "GROUP BY, many groups": "SELECT b % 10000 AS g, sum(a) FROM m GROUP BY g",
    "LIKE": "SELECT count(*) FROM m WHERE c LIKE '%99%'",
    "ORDER BY … LIMIT 10": "SELECT a, c FROM m ORDER BY c DESC, a LIMIT 10",
    "join by index": "SELECT count(*), sum(m.a) FROM n CROSS JOIN m ON m.b = n.k",
    "all rows": "SELECT a, b, c, d, e FROM m",
}
LOOK_UPS = {"point query": 3, "point query by index": 6, "range aggregate by index": 200}  # pages read, at most


@dataclass
class Cost:
    """Of one call."""

    calls: dict[str, int]
    read: int
    written: int
    compiled: list[int] = field(default_factory=list)  # bytes of the modules


class Costs:
    """A connection whose storage and engine are watched."""

    def __init__(self, vfs: CountingVfs, monkeypatch: pytest.MonkeyPatch) -> None:
        self.vfs = vfs
        self.compiled: list[int] = []
        self.db = self.connect()
        module = wasmtime.Module

        def compile_(engine: wasmtime.Engine, wasm: bytes) -> wasmtime.Module:
            self.compiled.append(len(wasm))
            return module(engine, wasm)

        compile_.deserialize = module.deserialize  # type: ignore[attr-defined]
        monkeypatch.setattr(wasmtime, "Module", compile_)

    def connect(self) -> turso_wasm.Connection:
        return turso_wasm.connect("file:costs.db?vfs=costs", uri=True, isolation_level=None)

    def of(self, sql: str, many: list[tuple[Any, ...]] | None = None) -> Cost:
        """What a statement costs, all its rows fetched."""
        self.vfs.reset()
        self.compiled.clear()
        if many is None:
            self.db.execute(sql).fetchall()
        else:
            self.db.executemany(sql, many)
        return Cost(dict(self.vfs.counts), self.vfs.bytes_read, self.vfs.bytes_written, list(self.compiled))


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Costs]:
    vfs = CountingVfs(MemoryVfs(CAP_OWNED))
    register_vfs("costs", vfs)
    costs = Costs(vfs, monkeypatch)
    for sql in (
        f"CREATE TABLE m{COLUMNS}",
        f"INSERT INTO m {NUMBERS} {SELECT_M}",
        "CREATE INDEX m_b ON m(b)",
        "CREATE TABLE n(k INTEGER)",
        f"INSERT INTO n {NUMBERS} SELECT i * 7919 % 100003 FROM q",
        "CREATE TABLE log(a INTEGER PRIMARY KEY, b TEXT)",
        "INSERT INTO log(b) VALUES ('x')",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    ):
        costs.db.execute(sql).fetchall()
    yield costs
    costs.db.close()
    unregister_vfs("costs")


@pytest.mark.parametrize("task", READS)
def test_a_warm_query_asks_storage_nothing_and_is_compiled_once(costs: Costs, task: str) -> None:
    """Twice at most: a long one goes on with better code."""
    first, again = costs.of(READS[task]), costs.of(READS[task])
    assert first.calls == again.calls == {}
    assert len(first.compiled) <= 2 and max(first.compiled) < 5000
    assert again.compiled == []


@pytest.mark.parametrize("task", READS)
def test_a_cold_query_reads_large_pieces_or_the_pages_it_needs(costs: Costs, task: str) -> None:
    costs.db.close()
    costs.db = costs.connect()
    found = costs.of(READS[task])
    (pages,) = costs.db.execute("PRAGMA page_count").fetchone()
    calls = dict(found.calls)
    reads = calls.pop("read")
    assert calls == {"exists": 2, "size": 1}, "a journal, a log?"
    if task in LOOK_UPS:
        assert reads <= LOOK_UPS[task]
    else:
        everything = pages * PAGE
        assert reads <= everything // READ + 20
        assert found.read <= everything + 2 * READ


@pytest.mark.parametrize(
    "sql", ["INSERT INTO log(b) VALUES ('y')", "UPDATE m SET e = e + 1 WHERE a = 500", "DELETE FROM log WHERE a = 1"]
)
def test_a_commit_of_one_row_is_one_write_of_one_page_and_one_sync(costs: Costs, sql: str) -> None:
    costs.of("INSERT INTO log(b) VALUES ('the log has its header')")
    again = costs.of(sql)
    assert again.calls == {"write": 1, "sync": 1}
    assert again.written == FRAME
    many = costs.of("INSERT INTO log(b) VALUES (?)", [(str(i),) for i in range(10)])
    assert many.calls == {"write": 10, "sync": 10}
    assert len(many.compiled) <= 1


BULK = {
    "INSERT … SELECT": (f"INSERT INTO w {NUMBERS} {SELECT_M}", 1.05),
    "INSERT … SELECT of a table": ("INSERT INTO w SELECT a + 100000, b, c, d, e FROM m", 1.05),
    "CREATE INDEX": ("CREATE INDEX m_e ON m(e, b)", 1.05),
    "update": ("UPDATE m SET e = e + 1", 1.01),
    "update of an indexed column": ("UPDATE m SET b = b + 1", 1.1),
    "deletion of every second row": ("DELETE FROM m WHERE a % 2 = 0", 1.1),
    "deletion of a range": ("DELETE FROM m WHERE a BETWEEN 5000 AND 15000", 0.6),
}


@pytest.mark.parametrize("task", BULK)
def test_a_large_change_is_one_write_of_each_page(costs: Costs, task: str) -> None:
    """The pages of what it changes, as they are afterwards, and few others."""
    costs.db.execute(f"CREATE TABLE w{COLUMNS}")
    sql, share = BULK[task]
    costs.db.execute("SELECT count(*), sum(length(c)) FROM m NOT INDEXED").fetchall()
    found = costs.of(sql)
    changed = {"INSERT": ("w",), "CREATE": ("m_e",)}.get(sql.split()[0], ("m",))
    if task in ("update of an indexed column", "deletion of every second row", "deletion of a range"):
        changed = ("m", "m_b")
    names = ", ".join(f"'{name}'" for name in changed)
    (pages,) = costs.db.execute(f"SELECT count(*) FROM dbstat WHERE name IN ({names})").fetchone()
    calls = {name: n for name, n in found.calls.items() if name not in ("read", "size")}
    assert calls == {"write": 1, "sync": 1}
    assert found.written <= (pages * share + 4) * FRAME
    assert len(found.compiled) <= 2


def test_prepared_inserts_in_a_transaction_are_written_at_its_end(costs: Costs) -> None:
    costs.db.execute(f"CREATE TABLE w{COLUMNS}")
    costs.of("INSERT INTO log(b) VALUES ('z')")
    costs.db.execute("BEGIN")
    rows = [(i, i * 7919 % 100003, f"text {i}", i / 7, i % 100) for i in range(ROWS)]
    assert costs.of("INSERT INTO w VALUES (?, ?, ?, ?, ?)", rows).calls == {}
    end = costs.of("COMMIT")
    (pages,) = costs.db.execute("SELECT count(*) FROM dbstat WHERE name = 'w'").fetchone()
    assert end.calls == {"write": 1, "sync": 1}
    assert end.written <= (pages + 2) * FRAME


def test_after_200_different_statements_a_statement_costs_what_it_did(costs: Costs) -> None:
    """What is done over and over among them stays prepared."""
    query, insert = READS["point query"], "INSERT INTO log(b) VALUES ('y')"
    for sql in (query, insert):
        costs.of(sql)
    fresh = {sql: costs.of(sql) for sql in (query, insert)}
    for number in range(200):
        columns = ", ".join("abcde"[int(digit)] for digit in f"{number:03}" if digit < "5") or "a"
        costs.db.execute(f"SELECT {columns} AS n{number} FROM m WHERE a = {number}").fetchall()
        if number % 20 == 0:
            costs.db.execute(query).fetchall()
            costs.db.execute(insert)
    for sql, before in fresh.items():
        assert costs.of(sql) == before
