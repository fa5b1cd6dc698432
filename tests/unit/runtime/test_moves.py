"""Native code is given back: the kernel moves to a fresh store when much was linked in the old one (wasmtime.py W3)."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

import turso_wasm
from tests.harness.effort import HEAVY
from turso_wasm.base.errors import SqlError
from turso_wasm.runtime import engine
from turso_wasm.runtime import schema as schema_module
from turso_wasm.runtime.connection import HostConnection
from turso_wasm.runtime.hosts import wasmtime as host_module
from turso_wasm.runtime.hosts.wasmtime import WasmtimeHost
from turso_wasm.runtime.uri import Location

ROOT = Path(__file__).parents[3]
SHAPES, LINKED = (100_000, host_module.MAX_LINKED) if HEAVY else (2_000, 200)


@pytest.fixture
def host() -> WasmtimeHost:
    found = engine.host()
    assert isinstance(found, WasmtimeHost)
    return found


@pytest.fixture
def db() -> Iterator[turso_wasm.Connection]:
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    connection.executemany("INSERT INTO t(a) VALUES (?)", [(i,) for i in range(3000)])
    yield connection
    connection.close()


def shape(i: int) -> str:
    """The i-th statement; no two share a Program."""
    return f"SELECT a {' '.join('+-'[i >> bit & 1] + ' id' for bit in range(17))} FROM t WHERE id = 1"


def answer(i: int) -> tuple[int]:
    """Its answer."""
    return (17 - 2 * i.bit_count(),)


def run(db: HostConnection, sql: str) -> None:
    prepared = db.prepare(sql)
    assert prepared is not None
    db.release(db.execute(prepared)[0])


def test_what_is_suspended_goes_on(host: WasmtimeHost, db: turso_wasm.Connection) -> None:
    rows = db.execute("SELECT id, a FROM t ORDER BY id")
    sorted_rows = db.execute("SELECT a FROM t ORDER BY -a")
    assert rows.fetchone() == (1, 0)
    assert sorted_rows.fetchone() == (2999,)
    db.execute("BEGIN")
    db.execute("UPDATE t SET a = a + 1 WHERE id > 2000")
    host.move()
    db.execute("SAVEPOINT s")
    db.execute("DELETE FROM t WHERE id = 3000")
    host.move()
    db.execute("ROLLBACK TO s")
    assert len(rows.fetchall()) == 2999
    assert sorted_rows.fetchone() == (2998,)
    db.execute("ROLLBACK")
    assert db.execute("SELECT count(*), sum(a) FROM t").fetchone() == (3000, 3000 * 2999 // 2)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_was_optimized_between_two_moves_is_linked_again(host: WasmtimeHost, db: turso_wasm.Connection) -> None:
    """Optimized code that took over before the Program was linked in the fresh store lay in one that was freed."""
    sql = "SELECT a FROM t WHERE id = ? AND 1 = 1"
    assert db.execute(sql, (3,)).fetchone() == (2,)
    for instance in host._instances.values():
        instance.heat = min(instance.heat, 1)
    host.move()
    assert db.execute(sql, (4,)).fetchone() == (3,)
    first = weakref.ref(host._store)
    host.move()
    gc.collect()
    assert first() is None
    assert db.execute(sql, (5,)).fetchone() == (4,)


def test_the_old_store_is_freed_at_once(host: WasmtimeHost, db: turso_wasm.Connection) -> None:
    old = weakref.ref(host._store.store)
    gc.disable()
    try:
        host.move()
        assert old() is None
    finally:
        gc.enable()


def test_a_view_outlives_the_move(host: WasmtimeHost) -> None:
    view = host.view(0, 64)
    host.move()
    assert len(view.tobytes()) == 64


def test_linked_instances_stay_few(
    host: WasmtimeHost, db: turso_wasm.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "MAX_LINKED", 20)
    monkeypatch.setattr(host_module, "KEPT", 30)
    most = 0
    for i in range(150):
        assert db.execute(shape(i)).fetchone() == answer(i)
        most = max(most, host._store.n_linked)
    assert most <= 21
    assert len(host._instances) <= 1000
    for i in (0, 75, 149):
        assert db.execute(shape(i)).fetchone() == answer(i), "linked again"


def test_the_data_of_programs_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "KEPT", 10)
    host = WasmtimeHost(host_module.kernel_bytes())  # nobody else's memory is counted

    def used_after(name: str) -> int:
        db = HostConnection(host, Location(":memory:"))
        for i in range(30):
            run(db, f"SAVEPOINT {name}{i:0>2000}")
            run(db, f"RELEASE {name}{i:0>2000}")
        db.close()
        del db
        del schema_module._libraries[host]  # it keeps the last Programs for the next connection
        gc.collect()
        return int(host.function("memory_used")())

    before = used_after("a")
    assert abs(used_after("b") - before) < 5_000


def test_an_interrupt_from_another_thread_finds_the_kernel(host: WasmtimeHost, db: turso_wasm.Connection) -> None:
    """Moves and interrupts, many of them at once."""
    over = threading.Event()

    def interrupt() -> None:
        while not over.is_set():
            db.interrupt()
            time.sleep(0.001)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        for _ in range(10):
            with host.lock:
                host.move()
            with pytest.raises(turso_wasm.OperationalError, match="interrupted"):
                while True:
                    db.execute("SELECT count(*) FROM t x, t y WHERE x.a + y.a = 7").fetchall()
    finally:
        over.set()
        thread.join()
    assert db.execute("SELECT 1").fetchone() == (1,)


def test_without_room_for_code_it_is_out_of_memory() -> None:
    """A limit that is reached is an error of the database, and the next statement may find room."""
    host = WasmtimeHost(host_module.kernel_bytes())
    db = HostConnection(host, Location(":memory:"))
    host._store.store.set_limits(instances=20)
    with pytest.raises(SqlError, match="out of memory") as caught:
        for i in range(40):
            run(db, f"SAVEPOINT s{i}")
    assert caught.value.code == 7
    host.move()
    for i in range(40, 80):
        run(db, f"SAVEPOINT s{i}")
    assert len(host._modules) < 10, "the names are data, the code is the same"
    db.close()


def resident() -> int:
    """Bytes of memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_many_shapes_in_bounded_memory(db: turso_wasm.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "MAX_LINKED", LINKED)
    monkeypatch.setattr(host_module, "KEPT", LINKED // 2)
    peaks = []
    for part in range(10):
        peak = 0
        for i in range(part * SHAPES // 10, (part + 1) * SHAPES // 10):
            assert db.execute(shape(i)).fetchone() == answer(i)
            if i % 100 == 0:
                peak = max(peak, resident())
        peaks.append(peak >> 20)
    print(f"peak MiB of each {SHAPES // 10} shapes:", peaks)
    assert peaks[-1] < max(peaks[:4]) * 1.1 + 20


GIVEN_BACK = """
import turso_wasm
from tests.unit.runtime.test_moves import resident

turso_wasm.connect(":memory:").execute("SELECT 1").fetchall()
before = resident()
for _ in range(2):
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(a)")
    for _ in range(40):
        db.execute("INSERT INTO t VALUES (zeroblob(4000000))")
    db.commit()
    assert resident() - before > 150 << 20, "in use"
    other = turso_wasm.connect(":memory:")
    other.execute("CREATE TABLE u(a)")
    other.execute("INSERT INTO u VALUES (hex(zeroblob(1000000)))")
    db.close()
    assert resident() - before < 80 << 20, "given back"
    assert other.execute("SELECT length(a), trim(a, '0') FROM u").fetchone() == (2_000_000, "")
    assert db._runtime.host.function("heap_check")() > 0
    other.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory stays with the process")
def test_memory_of_a_closed_database_is_given_back() -> None:
    """In a process of its own: here, what earlier tests have freed is used first."""
    done = subprocess.run([sys.executable, "-c", GIVEN_BACK], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
