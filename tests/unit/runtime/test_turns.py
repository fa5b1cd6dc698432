"""Threads share the kernel: long statements give way between time slices, and what is dropped is given back."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import turso_wasm
from turso_wasm.base.errors import SqlError
from turso_wasm.runtime.hosts.lock import KernelLock

LONG = "SELECT count(*) FROM t x, t y WHERE x.a + y.a = 7"  # about 4,000,000 pairs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "shared.db"
    connection = turso_wasm.connect(made, isolation_level=None)
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO t(a) VALUES (?)", [(i,) for i in range(2000)])
    connection.execute("COMMIT")
    connection.close()
    return made


def opened(path: Path | str) -> turso_wasm.Connection:
    return turso_wasm.connect(path, isolation_level=None, check_same_thread=False)


class Worker(threading.Thread):
    """Does `work` once and remembers what came of it."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self.work = work
        self.result: object = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.work()
        except BaseException as error:
            self.error = error

    def finish(self) -> object:
        self.join(60)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


# --- turns ------------------------------------------------------------------------------------------------------


def test_a_short_statement_does_not_wait_for_a_long_one(path: Path) -> None:
    one, two = opened(path), opened(path)
    two.execute("SELECT 1").fetchall()
    one.execute(LONG).fetchall()
    started = time.perf_counter()
    one.execute(LONG).fetchall()
    alone = time.perf_counter() - started
    worker = Worker(lambda: one.execute(LONG).fetchall())
    waits = []
    while worker.is_alive():
        started = time.perf_counter()
        assert two.execute("SELECT 1").fetchone() == (1,)
        waits.append(time.perf_counter() - started)
        time.sleep(0.001)
    assert worker.finish() == [(8,)]
    assert len(waits) > 5
    assert sorted(waits)[len(waits) // 2] < max(alone / 3, 0.02)
    one.close()
    two.close()


def test_long_statements_share_the_kernel_fairly(path: Path) -> None:
    """Each of several threads gets its share of the turns."""
    counts = {}
    over = time.monotonic() + 2

    def work(name: int) -> None:
        db = opened(path)
        counts[name] = 0
        while time.monotonic() < over:
            db.execute("SELECT count(*) FROM t x, t y WHERE x.a + y.a = 7 AND y.a < 100").fetchall()
            counts[name] += 1
        db.close()

    workers = [Worker(lambda name=name: work(name)) for name in range(4)]  # type: ignore[misc]
    for worker in workers:
        worker.finish()
    assert min(counts.values()) >= 1
    assert max(counts.values()) <= 5 * min(counts.values()) + 5


def test_a_long_write_does_not_keep_readers_out(path: Path) -> None:
    one, two = opened(path), opened(path)
    one.execute("PRAGMA journal_mode = wal")
    worker = Worker(lambda: one.execute("INSERT INTO t(a) SELECT x.a FROM t x, t y WHERE y.a < 100"))
    seen = set()
    while worker.is_alive():
        seen.add(two.execute("SELECT count(*) FROM t").fetchone()[0])
    worker.finish()
    assert seen <= {2000, 202_000}
    assert two.execute("SELECT count(*) FROM t").fetchone() == (202_000,)
    one.close()
    two.close()


def test_one_connection_does_one_thing_at_a_time(path: Path) -> None:
    """Another thread's statement on the same connection waits for the step to end, as in SQLite."""
    db = opened(path)
    worker = Worker(lambda: db.execute("INSERT INTO t(a) SELECT x.a FROM t x, t y WHERE y.a < 50").rowcount)
    seen = set()
    while worker.is_alive():
        seen.add(db.execute("SELECT count(*) FROM t").fetchone()[0])
    assert worker.finish() == 100_000
    assert seen <= {2000, 102_000}
    db.close()


def test_closing_waits_for_the_step_of_another_thread(path: Path) -> None:
    db = opened(path)
    started = threading.Event()

    def work() -> object:
        started.set()
        return db.execute(LONG).fetchall()

    worker = Worker(work)
    started.wait()
    time.sleep(0.02)
    db.close()
    try:
        assert worker.finish() == [(8,)]
    except turso_wasm.ProgrammingError as error:
        assert "closed database" in str(error)


def test_interrupt_from_another_thread(path: Path) -> None:
    db, other = opened(path), opened(path)
    worker = Worker(lambda: db.execute("SELECT count(*) FROM t x, t y, t z WHERE x.a + y.a + z.a = 7").fetchall())
    time.sleep(0.2)
    assert other.execute("SELECT 1").fetchone() == (1,)
    db.interrupt()
    started = time.perf_counter()
    with pytest.raises(turso_wasm.OperationalError, match="interrupted"):
        worker.finish()
    assert time.perf_counter() - started < 2
    db.close()
    other.close()


def test_executemany_lets_others_in(path: Path) -> None:
    one, two = opened(path), opened(path)
    one.execute("BEGIN")
    worker = Worker(lambda: one.executemany("INSERT INTO t(a) VALUES (?)", [(i,) for i in range(100_000)]).rowcount)
    n = 0
    try:
        while worker.is_alive():
            assert two.execute("SELECT 1").fetchone() == (1,)
            n += 1
    finally:
        changed = worker.finish()
        one.close()
        two.close()
    assert changed == 100_000 and n > 0


# --- the lock by itself -----------------------------------------------------------------------------------------


def test_giving_way_lets_the_one_who_waits_in_first() -> None:
    lock = KernelLock()
    order: list[str] = []

    def other() -> None:
        with lock:
            order.append("other")

    with lock, lock:
        worker = Worker(other)
        while not lock._gate.locked():
            time.sleep(0.001)
        order.append("holder")
        lock.give_way()
        order.append("holder")
    worker.finish()
    assert order == ["holder", "other", "holder"]


def test_what_is_left_for_later_runs_when_the_lock_is_left() -> None:
    lock = KernelLock()
    done: list[int] = []

    def failing() -> None:
        raise SqlError(10, "disk I/O error")

    lock.later(lambda: done.append(1))
    assert done == [1]
    with lock:
        with lock:
            lock.later(failing)
            lock.later(lambda: done.append(2))
        assert done == [1]
    assert done == [1, 2]
    with lock:
        Worker(lambda: lock.later(lambda: done.append(3))).finish()
        assert done == [1, 2]
    assert done == [1, 2, 3]


# --- what is dropped --------------------------------------------------------------------------------------------


@pytest.fixture(params=["delete", "wal"])
def pair(path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[turso_wasm.Connection, turso_wasm.Connection]]:
    one, two = opened(path), opened(path)
    one.execute(f"PRAGMA journal_mode = {request.param}")
    for connection in (one, two):
        connection.execute("PRAGMA busy_timeout = 50")
    yield one, two
    one.close()
    two.close()


Pair = tuple[turso_wasm.Connection, turso_wasm.Connection]


def half_read(db: turso_wasm.Connection, sql: str = "SELECT id FROM t") -> turso_wasm.Cursor:
    cursor = db.execute(sql)
    assert cursor.fetchone() is not None
    return cursor


def test_a_dropped_cursor_holds_no_lock(pair: Pair) -> None:
    one, two = pair
    half_read(one)
    two.execute("INSERT INTO t(a) VALUES (1)")
    two.execute("CREATE TABLE u(a)")
    assert one.execute("SELECT count(*) FROM t").fetchone() == (2001,)
    one.execute("INSERT INTO u VALUES (1)")


def test_a_cursor_in_a_loop_that_is_left(pair: Pair) -> None:
    one, two = pair
    for _ in one.execute("SELECT id FROM t"):
        break
    for _ in one.execute("SELECT id FROM t ORDER BY a DESC"):
        break
    two.execute("DELETE FROM t")
    assert one.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_cursor_that_is_used_again_or_closed(pair: Pair) -> None:
    one, two = pair
    cursor = half_read(one)
    cursor.execute("SELECT 1")
    cursor.close()
    closed = half_read(one)
    closed.close()
    two.execute("DROP TABLE t")


def test_a_cursor_in_a_garbage_cycle(pair: Pair) -> None:
    one, two = pair
    cursor = half_read(one)
    cycle: list[object] = [cursor]
    cycle.append(cycle)
    del cursor, cycle
    gc.collect()
    two.execute("DROP TABLE t")


def test_a_cursor_dropped_by_another_thread(pair: Pair) -> None:
    one, two = pair
    held = [half_read(one)]
    Worker(held.clear).finish()
    two.execute("DROP TABLE t")


def test_a_cursor_dropped_while_another_thread_is_in_the_kernel(pair: Pair, path: Path) -> None:
    one, two = pair
    third = opened(path)
    held = [half_read(one)]
    worker = Worker(lambda: third.execute(LONG).fetchall())
    held.clear()
    worker.finish()
    two.execute("DROP TABLE t")
    third.close()


def test_a_dropped_cursor_sees_no_old_snapshot(pair: Pair) -> None:
    one, two = pair
    if one.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        pytest.skip("one mode is enough")
    half_read(one)
    two.execute("UPDATE t SET a = -1")
    assert one.execute("SELECT DISTINCT a FROM t").fetchall() == [(-1,)]
    busy, log, done = two.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (busy, log, done) == (0, 0, 0)


def test_a_dropped_writing_statement(pair: Pair) -> None:
    one, two = pair
    half_read(one, "INSERT INTO t(a) SELECT a FROM t RETURNING id")
    two.execute("INSERT INTO t(a) VALUES (1)")
    assert one.execute("SELECT count(*) FROM t").fetchone() == (4001,)


def test_a_connection_dropped_with_its_cursor(path: Path) -> None:
    one, two = opened(path), opened(path)
    two.execute("PRAGMA busy_timeout = 50")
    cursor = half_read(one)
    del one
    two.execute("SELECT 1")
    del cursor
    two.execute("DROP TABLE t")
    three = opened(path)
    three.execute("CREATE TABLE t(a)")
    three.execute("BEGIN IMMEDIATE")
    cycle: list[object] = [three, half_read(three, "SELECT 1 UNION ALL SELECT 2"), opened(path)]
    cycle.append(cycle)
    del three, cycle
    gc.collect()
    two.execute("DROP TABLE t")
    two.close()
