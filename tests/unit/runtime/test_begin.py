"""What a transaction begins with is one call of storage (kernel/base/vfs.py vfs_begin)."""

from __future__ import annotations

from pathlib import Path

import pytest

import turso_wasm
from turso_wasm.kernel.abi import (
    JOURNAL_EXISTS,
    LOCK_EXCLUSIVE,
    LOCK_NONE,
    LOCK_SHARED,
    LOG_HEAD_SIZE,
    LOG_NEXT_SIZE,
    OPEN_CREATE,
)
from turso_wasm.runtime import files
from turso_wasm.runtime.files import FileTable
from turso_wasm.vfs.base import BUSY, VfsError
from turso_wasm.vfs.memory import MemoryVfs
from turso_wasm.vfs.shm import CAN_SHARE


class Unreadable(MemoryVfs):
    """A disk whose files cannot be looked for, or not be read."""

    broken = ""

    def exists(self, name: str) -> bool:
        if self.broken == "exists":
            raise OSError
        return super().exists(name)


@pytest.fixture
def vfs() -> Unreadable:
    return Unreadable()


def table_with(vfs: MemoryVfs, monkeypatch: pytest.MonkeyPatch) -> tuple[FileTable, int]:
    table = FileTable()
    monkeypatch.setattr(table, "default", vfs)
    fd = table.open(memoryview(b"db"), OPEN_CREATE)
    table.write(fd, memoryview(b"0123456789"), 0)
    return table, fd


def test_it_locks_and_reads(vfs: Unreadable, monkeypatch: pytest.MonkeyPatch) -> None:
    table, fd = table_with(vfs, monkeypatch)
    other = table.open(memoryview(b"db"), 0)
    buffer = bytearray(4)
    assert table.begin(fd, lambda: memoryview(b"db-journal"), memoryview(buffer), 2) == 4
    assert bytes(buffer) == b"2345"
    assert table.lock(other, LOCK_SHARED) == 0
    assert table.lock(other, LOCK_EXCLUSIVE) == -BUSY
    table.unlock(fd, LOCK_NONE)
    assert table.lock(other, LOCK_EXCLUSIVE) == 0
    assert table.begin(fd, lambda: memoryview(b"db-journal"), memoryview(buffer), 2) == -BUSY


def test_it_tells_of_a_journal(vfs: Unreadable, monkeypatch: pytest.MonkeyPatch) -> None:
    table, fd = table_with(vfs, monkeypatch)
    table.open(memoryview(b"db-journal"), OPEN_CREATE)
    buffer = bytearray(4)
    assert table.begin(fd, lambda: memoryview(b"db-journal"), memoryview(buffer), 2) == JOURNAL_EXISTS
    assert bytes(buffer) == bytes(4)


@pytest.mark.parametrize("broken", ["exists", "read"])
def test_a_failure_leaves_no_lock(broken: str, vfs: Unreadable, monkeypatch: pytest.MonkeyPatch) -> None:
    table, fd = table_with(vfs, monkeypatch)
    other = table.open(memoryview(b"db"), 0)
    vfs.broken = broken

    def read(buffer: memoryview, offset: int) -> int:
        raise VfsError(10)

    if broken == "read":
        monkeypatch.setattr(table.files[fd], "read", read)
    assert table.begin(fd, lambda: memoryview(b"db-journal"), memoryview(bytearray(4)), 2) < -BUSY
    assert table.lock(other, LOCK_SHARED) == 0
    assert table.lock(other, LOCK_EXCLUSIVE) == 0


WITH_LOG = ["shm_begin", "shm_lock"] if CAN_SHARE else ["begin_log", "unlock"]


@pytest.mark.parametrize(("mode", "calls"), [("delete", ["begin", "unlock"]), ("wal", WITH_LOG)])
def test_a_point_query_asks_storage_twice(
    mode: str, calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Asked:
        def __init__(self) -> None:
            self.calls: list[str] = []

    asked = Asked()
    for name in (
        "open",
        "begin",
        "begin_log",
        "moved",
        "lock",
        "unlock",
        "read",
        "write",
        "exists",
        "size",
        "check_reserved",
        "shm_open",
        "shm_begin",
        "shm_lock",
        "shm_read",
        "shm_write",
    ):
        inner = getattr(files.FileTable, name)

        def counted(self: FileTable, *args: object, _inner: object = inner, _name: str = name) -> object:
            asked.calls.append(_name)
            return _inner(self, *args)  # type: ignore[operator]

        monkeypatch.setattr(files.FileTable, name, counted)
    from turso_wasm.runtime.hosts import wasmtime

    monkeypatch.setattr(wasmtime, "_host", None)
    with turso_wasm.connect(tmp_path / "a.db", isolation_level=None) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        connection.execute("INSERT INTO t VALUES (1, 2)")
        query = "SELECT b FROM t WHERE a = ?"
        assert connection.execute(query, (1,)).fetchone() == (2,)
        asked.calls.clear()
        assert connection.execute(query, (1,)).fetchone() == (2,)
        assert asked.calls == calls
    connection.close()


# --- with a log ---------------------------------------------------------------------------------------------------


def begin_log(table: FileTable, fd: int, log: int, offset: int = 40) -> tuple[int, bytes]:
    """What is answered, and what was read."""
    buffer = bytearray(LOG_HEAD_SIZE + LOG_NEXT_SIZE)
    return table.begin_log(fd, log, lambda: memoryview(b"db-journal"), memoryview(buffer), offset), bytes(buffer)


@pytest.mark.parametrize(("size", "read"), [(0, 0), (31, 31), (32, 32), (40, 32), (50, 42), (64, 56), (100, 56)])
def test_it_locks_all_and_reads_both_ends_of_the_log(
    size: int, read: int, vfs: Unreadable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, fd = table_with(vfs, monkeypatch)
    other, log = table.open(memoryview(b"db"), 0), table.open(memoryview(b"db-wal"), OPEN_CREATE)
    content = bytes(range(size))
    table.write(log, memoryview(content), 0)
    expected = content[:32] + content[40:64]
    assert begin_log(table, fd, log) == (read, expected.ljust(LOG_HEAD_SIZE + LOG_NEXT_SIZE, b"\0"))
    assert table.lock(other, LOCK_SHARED) == -BUSY
    table.unlock(fd, LOCK_NONE)
    assert table.lock(other, LOCK_SHARED) == 0
    assert begin_log(table, fd, log)[0] == -BUSY
    assert table.lock(other, LOCK_EXCLUSIVE) == 0, "nothing was kept"


@pytest.mark.parametrize("name", ["db", "db-wal"])
def test_it_tells_when_a_name_leads_elsewhere(name: str, vfs: Unreadable, monkeypatch: pytest.MonkeyPatch) -> None:
    table, fd = table_with(vfs, monkeypatch)
    log = table.open(memoryview(b"db-wal"), OPEN_CREATE)
    vfs.delete(name, durable=False)
    assert begin_log(table, fd, log)[0] == JOURNAL_EXISTS
    table.unlock(fd, LOCK_NONE)
    table.open(memoryview(b"db-journal"), OPEN_CREATE)
    assert begin_log(table, fd, log)[0] == JOURNAL_EXISTS


def test_statements_on_a_log_begin_with_one_call(tmp_path: Path) -> None:
    """And see what another process has written, or moved into the file."""
    apsw = pytest.importorskip("apsw")
    path = tmp_path / "x.db"
    ours = turso_wasm.connect(path, isolation_level=None)
    ours.execute("PRAGMA journal_mode = WAL").fetchall()
    ours.execute("CREATE TABLE t(a)")
    for number in range(6):
        them = apsw.Connection(str(path))
        them.execute("INSERT INTO t VALUES (?)", (number,))
        if number % 3 == 1:
            them.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        them.close()
        assert ours.execute("SELECT count(*), max(a) FROM t").fetchall() == [(number + 1, number)]
        ours.execute("UPDATE t SET a = a")
    ours.close()
