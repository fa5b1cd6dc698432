"""Journal modes, creation, and the fields that PRAGMAs read and set."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.harness.pager import Engine, Link, SqlFailure, page_bytes
from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    CAP_OWNED,
    DB_APPLICATION_ID,
    DB_AUTO_VACUUM,
    DB_CACHE_SIZE,
    DB_FREELIST_COUNT,
    DB_JOURNAL_MODE,
    DB_PAGE_COUNT,
    DB_PAGE_SIZE,
    DB_SCHEMA_COOKIE,
    DB_SCHEMA_FORMAT,
    DB_SYNCHRONOUS,
    DB_USER_VERSION,
    JOURNAL_DELETE,
    JOURNAL_MEMORY,
    JOURNAL_OFF,
    JOURNAL_PERSIST,
    JOURNAL_TRUNCATE,
    JOURNAL_WAL,
    OPEN_READONLY,
)
from turso_wasm.kernel.pager import storage
from turso_wasm.vfs.faulty import memory_vfs
from turso_wasm.vfs.memory import MemoryVfs


def connect(capabilities: int = 0, files: dict[str, bytes] | None = None) -> Link:
    vfs = memory_vfs(files or {})
    vfs.capabilities = capabilities
    return Engine(vfs).connect()


def fill(link: Link, numbers: range, value: int = 1) -> None:
    with link.write() as work:
        for pgno in numbers:
            work.put(pgno, page_bytes(pgno + value))


def stored(link: Link, name: str = "db") -> bytes:
    return bytes(link.engine.vfs.files[name].bytes)


def rollback_file() -> dict[str, bytes]:
    link = connect()
    fill(link, range(2, 5))
    return {"db": stored(link)}


# --- creation -------------------------------------------------------------------------------------------------


def test_a_database_exists_from_its_first_commit_on() -> None:
    link = connect()
    assert link.get(DB_PAGE_COUNT) == 0 and stored(link) == b""
    link.begin(1)
    assert link.get(DB_PAGE_COUNT) == 1 and stored(link) == b""
    link.rollback()
    assert link.get(DB_PAGE_COUNT) == 0 and stored(link) == b"" and "db-journal" not in link.engine.vfs.files
    link.begin(1)
    link.commit()
    assert len(stored(link)) == 4096


def test_an_empty_database_is_the_one_sqlite_makes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for page_size in (512, 4096, 65536):
        for auto_vacuum in (0, 1, 2):
            connection = apsw.Connection(str(path))
            for sql in (
                f"PRAGMA page_size={page_size}",
                f"PRAGMA auto_vacuum={auto_vacuum}",
                "BEGIN IMMEDIATE",
                "COMMIT",
            ):
                connection.execute(sql).fetchall()
            connection.close()
            link = connect()
            assert link.set(DB_PAGE_SIZE, page_size) == page_size
            assert link.set(DB_AUTO_VACUUM, auto_vacuum) == auto_vacuum
            link.begin(1)
            link.commit()
            theirs = bytearray(path.read_bytes())
            mine = bytearray(stored(link))
            for at in (24, 92):  # counters: they count the creation differently
                theirs[at : at + 4] = mine[at : at + 4]
            theirs[96:100] = mine[96:100]
            assert mine == theirs
            path.write_bytes(b"")


@pytest.mark.parametrize("size", [0, 1, 511, 513, 1000, 131072, -1])
def test_impossible_page_sizes_are_ignored(size: int) -> None:
    link = connect()
    assert link.set(DB_PAGE_SIZE, size) == 4096


def test_the_page_size_of_an_existing_database_stays() -> None:
    link = connect(files=rollback_file())
    assert link.set(DB_PAGE_SIZE, 8192) == 4096
    assert link.set(DB_AUTO_VACUUM, 1) == 0


def test_auto_vacuum_switches_between_full_and_incremental() -> None:
    link = connect()
    link.set(DB_AUTO_VACUUM, 1)
    fill(link, range(2, 4))
    assert [link.set(DB_AUTO_VACUUM, value) for value in (2, 1, 0, 5)] == [2, 1, 1, 1]


# --- modes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [JOURNAL_DELETE, JOURNAL_PERSIST, JOURNAL_OFF, JOURNAL_TRUNCATE, JOURNAL_MEMORY])
def test_every_rollback_mode_commits_and_rolls_back(mode: int) -> None:
    link = connect(files=rollback_file())
    assert link.journal_mode(mode) == mode == link.get(DB_JOURNAL_MODE)
    before = link.pages()
    link.begin()
    fill(link, range(2, 20), 7)
    link.rollback()
    assert link.pages() == before
    fill(link, range(2, 20), 8)
    assert link.page(19) == page_bytes(27)
    left = {JOURNAL_PERSIST: 512 + 4 * 4104, JOURNAL_TRUNCATE: 0}.get(mode)
    journal = link.engine.vfs.files.get("db-journal")
    assert (len(journal.bytes) if journal else None) == left
    assert link.journal_mode(JOURNAL_DELETE) == JOURNAL_DELETE
    assert "db-journal" not in link.engine.vfs.files


@pytest.mark.parametrize("mode", [JOURNAL_DELETE, JOURNAL_MEMORY, JOURNAL_WAL])
def test_what_is_read_ahead_is_never_what_a_writer_spilled(mode: int) -> None:
    source = connect()
    fill(source, range(2, 600))
    before = source.pages()
    link = connect(files={"db": stored(source)})
    link.journal_mode(mode)
    link.set(DB_CACHE_SIZE, 12)
    link.begin()
    with link.write() as work:
        for pgno in range(405, 600, 9):
            work.put(pgno, page_bytes(9000 + pgno))
            if pgno % 2:
                work.age()
        assert link.engine.field(storage.Pager, link.pager, "spilled")
        # Misses in ascending order: 414, which was overwritten, lies in what is read with 413.
        assert [work.get(pgno) for pgno in range(406, 414)] == [before[pgno] for pgno in range(406, 414)]
    link.rollback()
    assert link.page(414) == before[414]


def test_a_shorter_persistent_journal_does_not_lead_into_an_older_one() -> None:
    link = connect(files=rollback_file())
    link.journal_mode(JOURNAL_PERSIST)
    fill(link, range(2, 60))
    fill(link, range(2, 60), 2)
    long = len(stored(link, "db-journal"))
    link.begin()
    link.set(DB_CACHE_SIZE, 4)
    before = stored(link)
    work = link.start(write=1)
    for pgno in range(2, 22):
        work.put(pgno, page_bytes(77))
        if pgno % 10 == 0:
            work.age()
    assert stored(link) != before and len(stored(link, "db-journal")) == long
    crashed = connect(files={"db": stored(link), "db-journal": stored(link, "db-journal")})
    assert len(crashed.pages()) == 59
    assert stored(crashed) == before


def test_wal_begins_and_ends() -> None:
    link = connect(files=rollback_file())
    pages = link.pages()
    assert link.journal_mode(JOURNAL_WAL) == JOURNAL_WAL
    assert stored(link)[18:20] == b"\2\2" and "db-journal" not in link.engine.vfs.files
    fill(link, range(2, 9), 5)
    assert len(stored(link)) == 4 * 4096
    assert link.journal_mode(JOURNAL_PERSIST) == JOURNAL_PERSIST
    assert stored(link)[18:20] == b"\1\1" and "db-wal" not in link.engine.vfs.files
    assert link.page(8) == page_bytes(13) and pages[3] == page_bytes(4)


def test_wal_cannot_begin_or_end_inside_a_transaction() -> None:
    link = connect(files=rollback_file())
    link.begin()
    with pytest.raises(SqlFailure, match="1: cannot change into wal mode from within a transaction"):
        link.journal_mode(JOURNAL_WAL)
    link.commit()
    link.journal_mode(JOURNAL_WAL)
    reading = link.start()
    with pytest.raises(SqlFailure, match="1: cannot change out of wal mode from within a transaction"):
        link.journal_mode(JOURNAL_DELETE)
    reading.free()
    other = link.engine.connect()
    other.page(2)
    with pytest.raises(SqlFailure, match="5: database is locked"):
        link.journal_mode(JOURNAL_DELETE)
    other.close()
    unused = link.engine.connect()  # to which the database never was one with a log
    assert link.journal_mode(JOURNAL_DELETE) == JOURNAL_DELETE
    unused.close()


def test_an_owned_file_uses_a_log_by_default() -> None:
    link = connect(CAP_OWNED)
    assert link.get(DB_JOURNAL_MODE) == JOURNAL_WAL
    fill(link, range(2, 4))
    assert stored(link)[18:20] == b"\2\2"


def test_an_owned_rollback_file_is_converted_by_its_first_write() -> None:
    link = connect(CAP_OWNED, rollback_file())
    assert link.get(DB_JOURNAL_MODE) == JOURNAL_DELETE
    link.page(2)
    assert stored(link)[18:20] == b"\1\1"
    fill(link, range(2, 4), 9)
    assert stored(link)[18:20] == b"\2\2" and link.get(DB_JOURNAL_MODE) == JOURNAL_WAL
    assert link.page(2) == page_bytes(11)


def test_an_owned_file_keeps_the_mode_the_user_wants() -> None:
    for files in ({}, rollback_file()):
        link = connect(CAP_OWNED, files)
        assert link.journal_mode(JOURNAL_TRUNCATE) == JOURNAL_TRUNCATE
        fill(link, range(2, 4), 9)
        assert stored(link)[18:20] == b"\1\1" and "db-wal" not in link.engine.vfs.files


def test_a_database_in_memory_has_no_log() -> None:
    for link in (connect(CAP_MEMORY), Engine(MemoryVfs()).memory()):
        modes = [link.journal_mode(mode) for mode in (JOURNAL_WAL, JOURNAL_OFF, JOURNAL_DELETE, JOURNAL_MEMORY)]
        assert modes == [JOURNAL_MEMORY, JOURNAL_OFF, JOURNAL_OFF, JOURNAL_MEMORY]


def test_two_memory_databases_are_two() -> None:
    engine = Engine(MemoryVfs())
    first, second = engine.memory(), engine.memory()
    fill(first, range(2, 4))
    assert (len(first.pages()), len(second.pages())) == (3, 0)


# --- reading only ---------------------------------------------------------------------------------------------


def test_a_database_opened_for_reading_cannot_be_written() -> None:
    engine = Engine(memory_vfs(rollback_file()))
    link = engine.connect(flags=OPEN_READONLY)
    assert len(link.pages()) == 4
    with pytest.raises(SqlFailure, match="8: attempt to write a readonly database"):
        fill(link, range(2, 3))
    with pytest.raises(SqlFailure, match="8: attempt to write a readonly database"):
        link.journal_mode(JOURNAL_WAL)


def test_readers_and_writers_of_one_process_share_a_file() -> None:
    for capabilities in (0, CAP_OWNED):
        vfs = memory_vfs(rollback_file())
        vfs.capabilities = capabilities
        engine = Engine(vfs)
        reader = engine.connect(flags=OPEN_READONLY)
        assert len(reader.pages()) == 4
        writer = engine.connect()
        fill(writer, range(2, 9), 3)
        assert reader.page(8) == page_bytes(11)
        late = engine.connect(flags=OPEN_READONLY)
        assert late.page(8) == page_bytes(11)
        for link in (reader, late):
            with pytest.raises(SqlFailure, match="8: attempt to write a readonly database"):
                fill(link, range(2, 3))
            link.begin(1)
            link.commit()


def test_a_log_is_read_by_one_who_cannot_write() -> None:
    writer = connect(CAP_OWNED)
    fill(writer, range(2, 5))
    fill(writer, range(2, 9), 40)
    files = {name: stored(writer, name) for name in ("db", "db-wal")}
    vfs = memory_vfs(files)
    link = Engine(vfs).connect(flags=OPEN_READONLY)
    assert link.page(8) == page_bytes(48) and len(link.pages()) == 8
    link.close()
    assert {name: bytes(data.bytes) for name, data in vfs.files.items()} == files


# --- header fields --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [DB_USER_VERSION, DB_APPLICATION_ID, DB_SCHEMA_COOKIE, DB_SCHEMA_FORMAT])
@pytest.mark.parametrize("value", [1, 0, -1, 2**31 - 1, -(2**31)])
def test_header_fields_are_written_in_the_transaction(field: int, value: int) -> None:
    link = connect(CAP_OWNED)
    assert link.get(field) == 0
    assert link.set(field, value) == value
    assert link.get(field) == value
    link.begin()
    link.set(field, 5)
    assert link.get(field) == 5
    link.rollback()
    assert link.get(field) == value
    other = link.engine.connect()
    assert other.get(field) == value


def test_settings_are_kept_without_a_transaction() -> None:
    link = connect()
    link.engine.calls.clear()
    assert (link.get(DB_CACHE_SIZE), link.set(DB_CACHE_SIZE, -500), link.get(DB_CACHE_SIZE)) == (-65536, -500, -500)
    assert (link.get(DB_SYNCHRONOUS), link.set(DB_SYNCHRONOUS, 1), link.get(DB_SYNCHRONOUS)) == (2, 1, 1)
    assert link.engine.calls == []
    assert link.get(DB_FREELIST_COUNT) == 0 == link.set(DB_FREELIST_COUNT, 7)
