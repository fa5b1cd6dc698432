"""Programs get better code once they run often or long (hosts/wasmtime.py W4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import turso_wasm
from turso_wasm.runtime import engine
from turso_wasm.runtime.hosts import wasmtime as host_module
from turso_wasm.runtime.hosts.wasmtime import WasmtimeInstance


@pytest.fixture
def db() -> Iterator[turso_wasm.Connection]:
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    connection.executemany("INSERT INTO t(a) VALUES (?)", [(i,) for i in range(20_000)])
    yield connection
    connection.close()


def instance_of(db: turso_wasm.Connection, sql: str) -> WasmtimeInstance:
    prepared = db._runtime.prepare(sql)
    assert prepared is not None
    assert isinstance(prepared.instance, WasmtimeInstance)
    return prepared.instance


def test_a_program_that_runs_often(db: turso_wasm.Connection) -> None:
    sql = "SELECT a, 'often' FROM t WHERE id = ?"
    instance = instance_of(db, sql)
    baseline = instance.step
    assert instance.heat == host_module.WARM_AFTER
    for i in range(1, host_module.WARM_AFTER):
        assert db.execute(sql, (i,)).fetchone() == (i - 1, "often")
    assert instance.step is baseline
    assert db.execute(sql, (5,)).fetchone() == (4, "often")
    assert instance.step is not baseline
    assert instance.heat == -1
    assert db.execute(sql, (6,)).fetchone() == (5, "often")


def test_executemany_counts_its_rows(db: turso_wasm.Connection) -> None:
    sql = "UPDATE t SET a = a + 0.5 WHERE id = ?"
    instance = instance_of(db, sql)
    db.executemany(sql, [(i,) for i in range(1, host_module.WARM_AFTER + 100)])
    assert instance.heat == -1
    assert db.execute("SELECT count(*) FROM t WHERE a > CAST(a AS INTEGER)").fetchone() == (
        host_module.WARM_AFTER + 99,
    )


def test_a_long_query_changes_its_code_while_it_runs(db: turso_wasm.Connection) -> None:
    sql = "SELECT id, a, a * 3 FROM t WHERE a % 2 = 0"
    instance = instance_of(db, sql)
    baseline = instance.step
    rows = db.execute(sql).fetchall()
    assert rows == [(i + 1, i, 3 * i) for i in range(0, 20_000, 2)]
    assert instance.step is not baseline


def test_a_short_query_keeps_the_code_it_has(db: turso_wasm.Connection) -> None:
    sql = "SELECT id FROM t WHERE id BETWEEN 10 AND 20 AND a > 12"
    instance = instance_of(db, sql)
    baseline = instance.step
    assert len(db.execute(sql).fetchall()) == 7
    assert instance.step is baseline


def test_what_reads_everything_for_one_row_is_compiled_well_at_once(db: turso_wasm.Connection) -> None:
    assert instance_of(db, "SELECT sum(a) FROM t WHERE a % 7 = 3").heat == -1
    assert instance_of(db, "UPDATE t SET a = a + 1 WHERE a % 7 = 3").heat > 0


def test_a_schema_change_costs_no_native_code(db: turso_wasm.Connection) -> None:
    def all_of_it() -> None:
        db.execute("CREATE INDEX i ON t(a)")
        db.execute("SELECT count(*) FROM t WHERE a > 5").fetchone()
        db.execute("UPDATE t SET a = a + 1 WHERE id = 3")
        db.execute("DROP INDEX i")
        db.execute("SELECT count(*) FROM t WHERE a > 5").fetchone()

    all_of_it()
    instances = set(engine.host()._instances)
    for _ in range(5):
        all_of_it()
    assert set(engine.host()._instances) == instances
