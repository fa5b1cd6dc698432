"""What operations cost in storage calls: on OPFS that is what they cost."""

from __future__ import annotations

import pytest

from tests.harness.pager import Engine, Link, page_bytes
from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    CAP_OWNED,
    CAP_STEPS,
    DB_CACHE_SIZE,
    DB_JOURNAL_SIZE_LIMIT,
    DB_SYNCHRONOUS,
    DB_WAL_AUTOCHECKPOINT,
    JOURNAL_DELETE,
    JOURNAL_WAL,
)
from turso_wasm.vfs.base import FULL, File, VfsError
from turso_wasm.vfs.faulty import memory_vfs
from turso_wasm.vfs.memory import MemoryVfs


def owned(pages: int = 8) -> Link:
    """A connection on an owned file with some pages, nothing logged."""
    link = Engine(MemoryVfs(CAP_OWNED)).connect()
    fill(link, range(2, pages + 1))
    link.engine.calls.clear()
    return link


def fill(link: Link, numbers: range) -> None:
    with link.write() as work:
        for pgno in numbers:
            work.put(pgno, page_bytes(pgno))


def names(link: Link) -> list[str]:
    """The operations since the last look, with their files."""
    calls = [f"{call[0]} {call[1]}" for call in link.engine.calls]
    link.engine.calls.clear()
    return calls


def test_a_commit_is_one_write_and_one_sync() -> None:
    link = owned()
    fill(link, range(2, 4))
    names(link)
    for pages in (1, 5, 100):
        fill(link, range(2, 2 + pages))
        assert names(link) == ["write db-wal", "sync db-wal"]


class RoomVfs(MemoryVfs):
    """Files that cannot become longer than `room`."""

    room = 1 << 40

    def open(self, name: str, flags: int) -> File:
        file = super().open(name, flags)
        write = file.write

        def limited(data: memoryview, offset: int) -> None:
            if offset + len(data) > self.room:
                raise VfsError(FULL)
            write(data, offset)

        file.write = limited  # type: ignore[method-assign]
        return file


def sizes_of_the_log(vfs: MemoryVfs, commits: int, limit: int = -1) -> list[int]:
    """After each of so many commits of a page."""
    link = Engine(vfs).connect()
    link.set(DB_WAL_AUTOCHECKPOINT, 0)
    link.set(DB_JOURNAL_SIZE_LIMIT, limit)
    for _ in range(2):  # the transaction that makes the database needs no log, the next opens it
        fill(link, range(2, 4))
    sizes = []
    for _ in range(commits):
        link.engine.calls.clear()
        fill(link, range(2, 3))
        assert names(link) == ["write db-wal", "sync db-wal"]
        sizes.append(len(vfs.files["db-wal"].bytes))
    return sizes


def test_a_log_grows_in_steps_where_syncing_a_file_that_grows_is_dearer() -> None:
    assert len(set(sizes_of_the_log(MemoryVfs(CAP_OWNED), 300))) == 300
    assert len(set(sizes_of_the_log(MemoryVfs(CAP_OWNED | CAP_STEPS), 300))) < 10
    assert len(set(sizes_of_the_log(MemoryVfs(CAP_OWNED | CAP_STEPS), 300, limit=0))) == 300


def test_a_log_that_cannot_grow_by_a_step_grows_by_its_frames() -> None:
    vfs = RoomVfs(CAP_OWNED | CAP_STEPS)
    link = Engine(vfs).connect()
    fill(link, range(2, 4))
    vfs.room = 10 * 4096
    fill(link, range(2, 6))
    assert len(vfs.files["db-wal"].bytes) == 32 + 5 * 4120  # page 1, too


@pytest.mark.parametrize(("synchronous", "syncs"), [(0, 0), (1, 0), (2, 1), (3, 1)])
def test_only_synchronous_full_syncs_a_commit(synchronous: int, syncs: int) -> None:
    link = owned()
    link.set(DB_SYNCHRONOUS, synchronous)
    fill(link, range(2, 4))
    assert names(link).count("sync db-wal") == syncs


def test_a_read_only_transaction_and_one_without_changes_write_nothing() -> None:
    link = owned()
    link.begin(1)
    link.page(2)
    link.commit()
    with link.write():
        pass
    assert names(link) == []


def test_a_warm_read_calls_nothing() -> None:
    link = owned()
    for _ in range(3):
        link.pages()
    assert names(link) == []


def test_a_small_database_is_read_with_one_call() -> None:
    source = owned(200)
    source.checkpoint(3)
    image = bytes(source.engine.vfs.files["db"].bytes)
    vfs = memory_vfs({"db": image})
    vfs.capabilities = CAP_OWNED
    link = Engine(vfs).connect()
    assert len(link.pages()) == 200
    assert names(link) == ["open db", "exists db-journal", "size db", "read db", "exists db-wal"]


def test_a_large_database_is_scanned_in_large_reads() -> None:
    source = owned(600)
    source.checkpoint(3)
    vfs = memory_vfs({"db": bytes(source.engine.vfs.files["db"].bytes)})
    vfs.capabilities = CAP_OWNED
    link = Engine(vfs).connect()
    pages = link.pages()
    assert all(pages[pgno] == page_bytes(pgno) for pgno in range(2, 601))
    reads = [call[3] for call in link.engine.calls if call[0] == "read"]
    assert sum(reads) <= 600 * 4096 + 65536 and len(reads) < 20
    assert max(reads) == 1 << 18


def test_random_reads_read_single_pages() -> None:
    source = owned(600)
    source.checkpoint(3)
    vfs = memory_vfs({"db": bytes(source.engine.vfs.files["db"].bytes)})
    vfs.capabilities = CAP_OWNED
    link = Engine(vfs).connect()
    link.page(1)
    names(link)
    with link.read() as work:
        for pgno in (500, 100, 300, 200, 400, 501 + 50):
            assert work.get(pgno) == page_bytes(pgno)
    assert [call[3] for call in link.engine.calls if call[0] == "read"] == [4096] * 6


def test_a_checkpoint_writes_neighbouring_pages_together() -> None:
    link = owned(50)
    fill(link, range(2, 40))
    fill(link, range(45, 50))
    fill(link, range(5, 10))
    names(link)
    link.checkpoint(0)
    writes = [call[2:] for call in link.engine.calls if call[:2] == ("write", "db")]
    assert writes == [(4096, 38 * 4096), (44 * 4096, 5 * 4096)]
    assert names(link).count("sync db") == 1


def test_a_log_is_moved_when_it_has_many_frames() -> None:
    link = owned()
    link.set(DB_WAL_AUTOCHECKPOINT, 20)
    for _ in range(30):
        fill(link, range(2, 3))
    calls = names(link)
    assert calls.count("sync db") == 1
    assert link.engine.vfs.files["db-wal"].bytes.__len__() == 32 + 20 * 4120


@pytest.mark.parametrize(("synchronous", "deletion"), [(2, "delete"), (3, "delete durably")])
def test_a_commit_with_a_journal_writes_three_times_and_syncs_thrice(synchronous: int, deletion: str) -> None:
    """With synchronous EXTRA a power cut cannot undo it any more."""
    link = Engine(MemoryVfs()).connect()
    link.set(DB_SYNCHRONOUS, synchronous)
    fill(link, range(2, 60))
    names(link)
    fill(link, range(2, 30))
    assert names(link) == [
        "lock db", "exists db-journal", "read db", "lock db", "lock db",
        "open db-journal", "size db-journal", "write db-journal", "sync db-journal",
        "write db-journal", "sync db-journal",  # the number of records, once they are durable
        "write db", "sync db", "close db-journal", f"{deletion} db-journal", "unlock db",
    ]  # fmt: skip


def test_in_memory_a_commit_writes_changed_pages_only_and_never_syncs() -> None:
    for link in (Engine(MemoryVfs()).memory(), Engine(MemoryVfs(CAP_MEMORY | CAP_OWNED)).connect()):
        fill(link, range(2, 20))
        names(link)
        fill(link, range(3, 6))
        assert [(call[0], *call[2:]) for call in link.engine.calls] == [("write", 2 * 4096, 3 * 4096)]


def test_closing_the_last_connection_moves_the_log_and_deletes_it() -> None:
    link = owned()
    other = link.engine.connect()
    fill(link, range(2, 4))
    link.close()
    assert "db-wal" in other.engine.vfs.files
    other.engine.calls.clear()
    other.close()
    assert "db-wal" not in other.engine.vfs.files
    assert [call[0] for call in other.engine.calls] == ["write", "size", "sync", "close", "delete durably", "close"]


def test_memory_for_pages_is_bounded() -> None:
    source = owned(3000)
    source.checkpoint(3)
    vfs = memory_vfs({"db": bytes(source.engine.vfs.files["db"].bytes)})
    vfs.capabilities = CAP_OWNED
    link = Engine(vfs).connect()
    link.page(1)
    link.set(DB_CACHE_SIZE, 300)
    pages = link.pages()
    assert all(pages[pgno] == page_bytes(pgno) for pgno in range(2, 3001))
    assert link.engine.call("cache_pages", link.database) <= 310
    assert link.engine.call("memory_used") < 310 * 4300 + (2 << 20)


def test_a_writer_with_little_memory_spills_and_stays_small() -> None:
    link = owned()
    link.set(DB_CACHE_SIZE, 50)
    with link.write() as work:
        for pgno in range(2, 3000):
            work.put(pgno, page_bytes(pgno * 3))
        assert link.engine.call("memory_used") < 12 << 20
        assert all(work.get(pgno) == page_bytes(pgno * 3) for pgno in range(2, 3000, 97))
    assert all(link.page(pgno) == page_bytes(pgno * 3) for pgno in range(2, 3000, 89))


@pytest.mark.parametrize("mode", [JOURNAL_DELETE, JOURNAL_WAL])
def test_closing_frees_all_memory(mode: int) -> None:
    engine = Engine(MemoryVfs())
    engine.connect("warm").close()
    before = engine.call("memory_used")
    for _ in range(3):
        link = engine.connect()
        link.journal_mode(mode)
        link.set(DB_CACHE_SIZE, 20)
        link.begin()
        link.savepoint("a")
        fill(link, range(2, 90))
        link.savepoint("b")
        fill(link, range(2, 90))
        link.rollback_to("a")
        link.commit()
        link.close()
        assert not engine.files
        # What is kept: the tables of the cache, and 64 buffers for pages to come.
        assert engine.call("memory_used") - before < 64 * 4200 + 10000
    assert engine.call("heap_check") >= 0


@pytest.mark.parametrize("mode", [JOURNAL_DELETE, JOURNAL_WAL])
def test_a_large_transaction_leaves_no_memory_behind_for_a_database_that_stays_open(mode: int) -> None:
    engine = Engine(MemoryVfs())
    link, other = engine.connect(), engine.connect()
    link.journal_mode(mode)
    fill(link, range(2, 4))
    other.page(2)
    before = engine.call("memory_used")
    link.begin()
    fill(link, range(2, 5000))
    link.rollback()
    other.page(2)
    assert engine.call("memory_used") - before < 2 << 20
