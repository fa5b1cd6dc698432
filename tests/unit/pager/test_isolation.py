"""Who sees what, and who must wait: connections of one process, and of two."""

from __future__ import annotations

from random import Random

import pytest

from tests.harness.pager import Engine, Link, SqlFailure, page_bytes
from turso_wasm.kernel.abi import (
    CAP_OWNED,
    DB_DATA_VERSION,
    DB_JOURNAL_MODE,
    DB_LOCKING_MODE,
    DB_WAL_AUTOCHECKPOINT,
    JOURNAL_DELETE,
    JOURNAL_WAL,
    Run,
)
from turso_wasm.vfs.memory import MemoryVfs

BUSY, BUSY_SNAPSHOT = 5, 517


def one_process(mode: int) -> tuple[Link, Link]:
    engine = Engine(MemoryVfs())
    first, second = engine.connect(), engine.connect()
    first.journal_mode(mode)
    put(first, 2, 1)
    return first, second


def two_processes(can_sleep: bool = False) -> tuple[Link, Link]:
    vfs = MemoryVfs()
    first, second = Engine(vfs, can_sleep).connect(), Engine(vfs, can_sleep).connect()
    put(first, 2, 1)
    return first, second


def put(link: Link, pgno: int, value: int) -> None:
    with link.write() as work:
        work.put(pgno, page_bytes(value))


def value_at(link: Link, pgno: int = 2) -> int:
    return int.from_bytes(link.page(pgno)[:4], "little")


def busy(action: object, code: int = BUSY) -> None:
    with pytest.raises(SqlFailure) as failure:
        action()  # type: ignore[operator]
    assert (failure.value.code, failure.value.message) == (code, "database is locked")


# --- one process ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [JOURNAL_DELETE, JOURNAL_WAL])
def test_uncommitted_changes_are_seen_by_their_connection_only(mode: int) -> None:
    first, second = one_process(mode)
    first.begin()
    put(first, 2, 5)
    assert (value_at(first), value_at(second)) == (5, 1)
    first.commit()
    assert (value_at(first), value_at(second)) == (5, 5)


@pytest.mark.parametrize("mode", [JOURNAL_DELETE, JOURNAL_WAL])
def test_there_is_one_writer(mode: int) -> None:
    first, second = one_process(mode)
    first.begin(1)
    busy(lambda: second.begin(1))
    busy(lambda: put(second, 2, 9))
    assert second.autocommit == 1
    first.rollback()
    put(second, 2, 9)
    assert value_at(first) == 9


def test_with_a_journal_a_commit_waits_for_readers_and_keeps_new_ones_out() -> None:
    first, second = one_process(JOURNAL_DELETE)
    third = first.engine.connect()
    second.begin()
    assert value_at(second) == 1
    first.begin()
    put(first, 2, 7)
    busy(first.commit)
    assert first.autocommit == 0
    busy(lambda: value_at(third))
    assert value_at(second) == 1
    second.commit()
    first.commit()
    assert value_at(third) == 7


def test_with_a_journal_an_autocommit_write_that_finds_readers_is_undone() -> None:
    first, second = one_process(JOURNAL_DELETE)
    second.begin()
    assert value_at(second) == 1
    busy(lambda: put(first, 2, 7))
    assert value_at(second) == 1 and value_at(first) == 1
    second.commit()
    put(first, 2, 8)
    assert value_at(second) == 8


def test_with_a_log_readers_keep_their_snapshot() -> None:
    first, second = one_process(JOURNAL_WAL)
    second.begin()
    assert value_at(second) == 1
    for value in range(10, 15):
        put(first, 2, value)
        put(first, 3, value)
    assert (value_at(first), value_at(second)) == (14, 1)
    with second.read() as work:
        assert work.count() == 2
    second.commit()
    assert value_at(second) == 14 and len(second.pages()) == 3


def test_with_a_log_a_stale_reader_cannot_write() -> None:
    first, second = one_process(JOURNAL_WAL)
    second.begin()
    assert value_at(second) == 1
    put(first, 2, 5)
    busy(lambda: put(second, 2, 6), BUSY_SNAPSHOT)
    assert second.autocommit == 0 and value_at(second) == 1
    second.rollback()
    put(second, 2, 6)
    assert value_at(first) == 6


def test_a_checkpoint_moves_no_frame_that_a_reader_must_not_see() -> None:
    first, second = one_process(JOURNAL_WAL)
    first.checkpoint(3)
    put(first, 2, 2)
    second.begin()
    assert value_at(second) == 2
    put(first, 2, 3)
    put(first, 2, 4)
    assert first.checkpoint(0) == [0, 3, 1]
    assert first.checkpoint(2) == [1, 3, 1]
    assert (value_at(second), value_at(first)) == (2, 4)
    second.commit()
    assert first.checkpoint(2) == [0, 3, 3]
    assert value_at(second) == 4


def test_a_reader_of_the_file_alone_survives_a_new_log_and_stops_its_checkpoint() -> None:
    first, second = one_process(JOURNAL_WAL)
    put(first, 3, 3)
    first.checkpoint(0)
    second.begin()
    assert value_at(second) == 1
    put(first, 2, 50)
    put(first, 5, 51)
    assert first.checkpoint(0) == [0, 4, 0]
    assert value_at(second) == 1 and len(second.pages()) == 3
    second.commit()
    assert first.checkpoint(0) == [0, 4, 4]
    assert value_at(second) == 50 and len(second.pages()) == 5


def test_a_reader_that_began_before_the_checkpoint_reads_on_when_the_log_restarts() -> None:
    first, second = one_process(JOURNAL_WAL)
    put(first, 2, 20)
    second.begin()
    assert value_at(second) == 20
    assert first.checkpoint(2) == [0, 3, 3]
    for value in range(21, 25):
        put(first, 2, value)
    assert (value_at(second), value_at(first)) == (20, 24)
    second.commit()
    assert value_at(second) == 24


def test_a_log_that_shrank_the_database_is_right_for_older_readers() -> None:
    first, second = one_process(JOURNAL_WAL)
    put(first, 6, 6)
    second.begin()
    assert value_at(second, 6) == 6
    with first.write() as work:
        work.truncate(3)
    put(first, 2, 9)
    assert first.checkpoint(0) == [0, 9, 7]
    assert value_at(second, 6) == 6 and len(second.pages()) == 6
    second.commit()
    first.checkpoint(3)
    assert len(second.pages()) == 3
    assert len(first.engine.vfs.files["db"].bytes) == 3 * 4096


def test_data_version_tells_of_others_commits_only() -> None:
    first, second = one_process(JOURNAL_DELETE)
    before = first.get(DB_DATA_VERSION), second.get(DB_DATA_VERSION)
    put(first, 2, 3)
    assert first.get(DB_DATA_VERSION) == before[0] and second.get(DB_DATA_VERSION) == before[1] + 1
    first.begin(1)
    first.rollback()
    assert second.get(DB_DATA_VERSION) == before[1] + 1


def test_an_exclusive_transaction_keeps_readers_out_without_a_log_only() -> None:
    first, second = one_process(JOURNAL_DELETE)
    first.begin(2)
    busy(lambda: value_at(second))
    first.rollback()
    first, second = one_process(JOURNAL_WAL)
    first.begin(2)
    assert value_at(second) == 1


def test_a_statement_that_reads_holds_off_commits_until_it_ends() -> None:
    first, second = one_process(JOURNAL_DELETE)
    reading = second.start()
    reading.get(2)
    busy(lambda: put(first, 2, 4))
    reading.done()
    put(first, 2, 4)
    reading.free()


def test_commit_leaves_a_running_reader_of_the_same_connection_its_lock() -> None:
    first, second = one_process(JOURNAL_DELETE)
    reading = first.start()
    put(first, 2, 4)
    assert int.from_bytes(reading.get(2)[:4], "little") == 4
    busy(lambda: put(second, 2, 5))
    reading.free()
    put(second, 2, 5)


def test_busy_after_an_earlier_read_says_that_waiting_is_pointless() -> None:
    first, second = one_process(JOURNAL_DELETE)
    first.begin(1)
    for reads_first, flag in ((False, 0), (True, 2)):
        if reads_first:
            second.begin()
            value_at(second)
        s = second.engine.call("statement_new", second.c, 0, 0, 0)
        busy(lambda s=s: second.engine.call("statement_begin", s, 0, 1, -1, statement=s))
        assert second.engine.field(Run, s, "flags") & 2 == flag


# --- two processes --------------------------------------------------------------------------------------------


def test_another_process_sees_commits_and_waits_for_locks() -> None:
    first, second = two_processes()
    assert value_at(second) == 1
    first.begin()
    put(first, 2, 2)
    assert value_at(second) == 1
    busy(lambda: put(second, 2, 3))
    first.commit()
    assert value_at(second) == 2
    put(second, 2, 3)
    assert value_at(first) == 3


def test_another_process_reading_delays_a_commit() -> None:
    first, second = two_processes()
    second.begin()
    value_at(second)
    first.begin()
    put(first, 2, 2)
    busy(first.commit)
    second.commit()
    first.commit()
    assert value_at(second) == 2


def test_pages_in_memory_are_dropped_when_another_process_wrote() -> None:
    first, second = two_processes()
    for value in range(2, 6):
        put(first, 2, value)
        put(first, 2 + value, value)
        assert second.pages() == first.pages()


def test_a_busy_lock_is_waited_for_as_long_as_the_timeout_says() -> None:
    first, second = two_processes(can_sleep=True)
    first.begin(1)
    second.set_timeout(60)
    busy(lambda: put(second, 2, 3))
    assert 60 <= second.engine.slept <= 62

    def release(slept: int) -> None:
        if slept > 100 and not first.autocommit:
            first.commit()

    second.set_timeout(1000)
    second.engine.on_sleep = release
    put(second, 2, 3)
    assert 100 < second.engine.slept < 200 and value_at(first) == 3


def test_a_log_belongs_to_one_process_at_a_time() -> None:
    first, second = two_processes()
    first.journal_mode(JOURNAL_WAL)
    put(first, 2, 2)
    assert value_at(second) == 2 and second.get(DB_JOURNAL_MODE) == JOURNAL_WAL
    first.begin()
    put(first, 2, 3)
    busy(lambda: value_at(second))
    first.commit()
    assert value_at(second) == 3
    put(second, 2, 4)
    assert value_at(first) == 4
    reader = second.start()
    busy(lambda: value_at(first))
    reader.free()
    first.close()
    assert value_at(second) == 4
    second.close()


@pytest.mark.parametrize("seed", range(30))
def test_processes_take_turns_with_a_log(seed: int) -> None:
    """Writing, moving the log into the file, emptying it, removing it: whatever one did, the other sees."""
    random = Random(seed)
    vfs = MemoryVfs()
    links = [Engine(vfs).connect() for _ in range(2)]
    links[0].journal_mode(JOURNAL_WAL)
    expected: dict[int, int] = {}
    for step in range(120):
        at = random.randrange(2)
        link = links[at]
        match random.randrange(12):
            case 0:
                link.checkpoint(random.randrange(4))
            case 1:
                link.close()
                links[at] = Engine(vfs).connect()
            case 2:
                link.set(DB_WAL_AUTOCHECKPOINT, random.choice((0, 1, 3, 10)))
            case 3:
                with link.write() as work:
                    work.put(2, page_bytes(9999))
                    work.fail()
            case 4 | 5 | 6 | 7:
                with link.write() as work:
                    for pgno in random.sample(range(2, 9), random.randrange(1, 4)):
                        work.put(pgno, page_bytes(step * 10 + pgno))
                        expected[pgno] = step * 10 + pgno
            case _:
                pages = link.pages()
                assert {n: pages[n] for n in expected} == {n: page_bytes(v) for n, v in expected.items()}, step
    for link in links:
        link.close()
    last = Engine(vfs).connect()
    pages = last.pages()
    assert {n: pages[n] for n in expected} == {n: page_bytes(v) for n, v in expected.items()}
    last.close()
    assert set(vfs.files) == {"db"}


def test_locking_mode_exclusive_keeps_the_file() -> None:
    first, second = two_processes()
    first.set(DB_LOCKING_MODE, 1)
    put(first, 2, 2)
    busy(lambda: value_at(second))
    first.set(DB_LOCKING_MODE, 0)
    value_at(first)
    assert value_at(second) == 2


def test_a_journal_another_process_died_with_is_rolled_back_by_the_next_reader() -> None:
    vfs = MemoryVfs()
    first = Engine(vfs).connect()
    for pgno in range(2, 40):
        put(first, pgno, pgno)
    first.set(11, 4)
    before = bytes(vfs.files["db"].bytes)
    work = first.start(write=1)
    for pgno in range(2, 40):
        work.put(pgno, page_bytes(99))
        if pgno % 10 == 0:
            work.age()
    assert bytes(vfs.files["db"].bytes) != before and vfs.files["db-journal"]
    dead = MemoryVfs()
    for name in vfs.files:
        dead.files[name] = type(vfs.files[name])(bytes(vfs.files[name].bytes))
    busy(lambda: value_at(Engine(vfs).connect()))
    assert value_at(Engine(dead).connect(), 30) == 30
    assert bytes(dead.files["db"].bytes) == before and "db-journal" not in dead.files


def test_an_owned_file_is_never_locked_or_looked_at_again() -> None:
    engine = Engine(MemoryVfs(CAP_OWNED))
    first, second = engine.connect(), engine.connect()
    put(first, 2, 2)
    assert value_at(second) == 2
    engine.calls.clear()
    assert value_at(second) == 2
    assert engine.calls == []
    put(second, 2, 3)
    assert not [call for call in engine.calls if call[0] in ("lock", "unlock", "check_reserved", "read", "size")]
