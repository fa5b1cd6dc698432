"""Files are exchanged with SQLite in every state: at rest, with a log, with a hot journal."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import pytest

from tests.harness.pager import Engine, Link, Work
from turso_wasm.kernel.abi import (
    CAP_OWNED,
    DB_CACHE_SIZE,
    DB_JOURNAL_MODE,
    JOURNAL_DELETE,
    JOURNAL_PERSIST,
    JOURNAL_TRUNCATE,
    JOURNAL_WAL,
)
from turso_wasm.vfs.faulty import memory_vfs
from turso_wasm.vfs.memory import MemoryVfs

Pages = dict[int, bytes]
SUFFIXES = ("", "-wal", "-journal")
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"


def run(connection: apsw.Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(statement).fetchall()


def snapshot(path: Path) -> dict[str, bytes]:
    """The files of a database, by the names our tests use."""
    return {f"db{s}": Path(f"{path}{s}").read_bytes() for s in SUFFIXES if Path(f"{path}{s}").exists()}


def place(files: dict[str, bytes], path: Path) -> None:
    for name, data in files.items():
        Path(f"{path}{name[2:]}").write_bytes(data)


def as_pages(data: bytes) -> Pages:
    size = int.from_bytes(data[16:18], "big")
    size = 65536 if size == 1 else size
    return {i + 1: data[i * size : (i + 1) * size] for i in range(len(data) // size)}


def sqlite_recovers(files: dict[str, bytes], tmp_path: Path) -> Pages:
    """What SQLite makes of the files: the pages after it has recovered and cleaned up."""
    path = tmp_path / "recovered.db"
    for suffix in (*SUFFIXES, "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    place(files, path)
    connection = apsw.Connection(str(path))
    run(connection, "SELECT count(*) FROM sqlite_schema")
    connection.close()
    return as_pages(path.read_bytes())


def ours(files: dict[str, bytes], capabilities: int = 0) -> Pages:
    """What our engine reads."""
    vfs = memory_vfs(files)
    vfs.capabilities = capabilities
    link = Engine(vfs).connect()
    pages = link.pages()
    link.close()
    return pages


def images(page_size: int, tmp_path: Path, journal_mode: str = "delete") -> list[bytes]:
    """A database in successive states, of one page size, growing and shrinking."""
    path = tmp_path / f"images-{page_size}.db"
    connection = apsw.Connection(str(path))
    run(connection, f"PRAGMA page_size={page_size}", f"PRAGMA journal_mode={journal_mode}")
    states = []
    for statements in (
        ("CREATE TABLE t(a INTEGER PRIMARY KEY, b)", "CREATE INDEX i ON t(b)"),
        (f"{NUMBERS} INSERT INTO t SELECT i, 'row ' || i FROM n",),
        ("UPDATE t SET b = upper(b) WHERE a % 7 = 0", "INSERT INTO t(b) VALUES (zeroblob(20000))"),
        ("DELETE FROM t WHERE a > 50", "VACUUM"),
    ):
        run(connection, *statements)
        if journal_mode == "wal":
            run(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
        states.append(path.read_bytes())
    connection.close()
    return states


def write_image(work: Work, image: bytes) -> None:
    """Make the database equal to the image, changing only pages that differ."""
    pages = as_pages(image)
    for pgno, data in pages.items():
        if pgno > work.count() or work.get(pgno) != data:
            work.put(pgno, data)
    work.truncate(len(pages))


def check_with_sqlite(files: dict[str, bytes], image: bytes, tmp_path: Path) -> None:
    """SQLite finds the files sound, and the same rows as in the image."""
    place(files, tmp_path / "a.db")
    (tmp_path / "b.db").write_bytes(image)
    rows = []
    for name in ("a.db", "b.db"):
        connection = apsw.Connection(str(tmp_path / name))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows.append(connection.execute("SELECT * FROM t ORDER BY a").fetchall())
        connection.close()
    assert rows[0] == rows[1]
    for suffix in (*SUFFIXES, "-shm"):
        Path(f"{tmp_path}/a.db{suffix}").unlink(missing_ok=True)


# --- SQLite writes, we read -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [512, 1024, 4096, 65536])
@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_database_at_rest_is_read_page_for_page(page_size: int, journal_mode: str, tmp_path: Path) -> None:
    for image in images(page_size, tmp_path, journal_mode):
        assert ours({"db": image}) == as_pages(image)


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_a_log_that_sqlite_left_behind_is_recovered(page_size: int, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    run(connection, f"PRAGMA page_size={page_size}", "PRAGMA journal_mode=wal", "PRAGMA wal_autocheckpoint=0")
    run(connection, "CREATE TABLE t(a, b)")
    for i in range(30):
        run(connection, f"INSERT INTO t VALUES ({i}, zeroblob({i * 100}))")
        if i == 20:
            run(connection, "PRAGMA wal_checkpoint", "DELETE FROM t WHERE a < 5")
        files = snapshot(path)
        assert ours(files) == sqlite_recovers(files, tmp_path)
    connection.close()


def test_frames_of_a_transaction_that_did_not_commit_are_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    run(connection, "PRAGMA journal_mode=wal", "CREATE TABLE t(a)", "INSERT INTO t VALUES ('committed')")
    run(connection, "PRAGMA cache_size=5", "BEGIN")
    for i in range(40):
        run(connection, f"INSERT INTO t VALUES (randomblob({4000 + i}))")
    files = snapshot(path)
    assert len(files["db-wal"]) > 32 + 20 * 4120
    assert ours(files) == sqlite_recovers(files, tmp_path)
    connection.close()


@pytest.mark.parametrize("cut", [0, 31, 32, 33, 55, 4152, 4153, 8271, 8272, 10000])
def test_a_truncated_log_is_used_up_to_its_last_whole_commit(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    run(
        connection,
        "PRAGMA journal_mode=wal",
        "CREATE TABLE t(a)",
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (2)",
    )
    files = snapshot(path)
    connection.close()
    files["db-wal"] = files["db-wal"][:cut]
    assert ours(files) == sqlite_recovers(files, tmp_path)


@pytest.mark.parametrize("at", [0, 4, 8, 16, 20, 24, 33, 40, 50, 100, 4151, 4152, 4160, 8000])
def test_a_damaged_byte_in_the_log_ends_it(at: int, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    run(
        connection,
        "PRAGMA journal_mode=wal",
        "CREATE TABLE t(a)",
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (2)",
    )
    files = snapshot(path)
    connection.close()
    log = bytearray(files["db-wal"])
    log[at] ^= 0x40
    files["db-wal"] = bytes(log)
    assert ours(files) == sqlite_recovers(files, tmp_path)


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize("capabilities", [0, CAP_OWNED])
def test_a_hot_journal_of_sqlite_is_rolled_back(page_size: int, capabilities: int, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    run(connection, f"PRAGMA page_size={page_size}", "CREATE TABLE t(a, b)")
    run(
        connection,
        f"{NUMBERS} INSERT INTO t SELECT i, hex(randomblob(200)) FROM n",
    )
    before = path.read_bytes()
    # A tiny cache makes SQLite write pages, and several journal segments, before the commit.
    run(connection, "PRAGMA cache_size=5", "BEGIN", "UPDATE t SET b = 'changed' || b")
    run(connection, "INSERT INTO t SELECT a, b || b FROM t")
    files = snapshot(path)
    assert files["db"] != before and files["db-journal"]
    connection.close()
    assert ours(files, capabilities) == as_pages(before)


def test_a_hot_journal_with_garbage_behind_its_records_is_rolled_back_as_far_as_it_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    run(connection, "CREATE TABLE t(a, b)", "INSERT INTO t VALUES (1, zeroblob(50000))")
    run(connection, "PRAGMA cache_size=5", "BEGIN", "UPDATE t SET b = randomblob(50000)")
    files = snapshot(path)
    connection.close()
    journal = files["db-journal"]
    for damaged in (
        journal + bytes(5000),
        journal[:-1],
        journal[: len(journal) // 2],
        journal[:100],
        journal[:512],
        b"\xd9" * 600,
    ):
        files["db-journal"] = damaged
        assert ours(files) == sqlite_recovers(files, tmp_path)


@pytest.mark.parametrize("ending", ["-mj0123AB9CD", "-mj0123AB8CD", "-mj0", "-xx0123AB9CD"])
def test_a_journal_whose_super_journal_is_gone_is_not_played_back(ending: str, tmp_path: Path) -> None:
    files = super_journal_files(tmp_path, ending)
    found = ours(files)
    assert found == sqlite_recovers(files, tmp_path)
    assert (found == as_pages(files["db"])) == (ending == "-mj0123AB9CD")


def super_journal_files(tmp_path: Path, ending: str) -> dict[str, bytes]:
    """A database with a hot journal that names a super-journal which does not exist."""
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    run(connection, "CREATE TABLE t(a, b)", "INSERT INTO t VALUES (1, zeroblob(50000))")
    run(connection, "PRAGMA cache_size=5", "BEGIN", "UPDATE t SET b = randomblob(50000)")
    files = snapshot(path)
    connection.close()
    name = str(tmp_path).encode() + b"/gone.db" + ending.encode()
    lock_page = (0x40000000 // 4096 + 1).to_bytes(4, "big")
    journal = files["db-journal"]
    padded = journal + bytes(-len(journal) % 512)
    tail = name + len(name).to_bytes(4, "big") + sum(name).to_bytes(4, "big") + journal[:8]
    files["db-journal"] = padded + lock_page + tail
    return files


def test_a_log_without_its_database_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    run(connection, "PRAGMA journal_mode=wal", "CREATE TABLE t(a)")
    files = snapshot(path)
    connection.close()
    files["db"] = b""
    assert ours(files) == {}


# --- we write, SQLite reads -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize("mode", [JOURNAL_DELETE, JOURNAL_TRUNCATE, JOURNAL_PERSIST, JOURNAL_WAL])
def test_what_we_commit_sqlite_reads(page_size: int, mode: int, tmp_path: Path) -> None:
    states = images(page_size, tmp_path)
    vfs = MemoryVfs()
    vfs.files = memory_vfs({"db": states[0]}).files
    link = Engine(vfs).connect()
    assert link.journal_mode(mode) == mode
    for image in states[1:]:
        with link.write() as work:
            write_image(work, image)
            if mode == JOURNAL_WAL:
                work.put(1, work.get(1)[:18] + b"\2\2" + work.get(1)[20:])
        check_with_sqlite(left_behind(vfs), image, tmp_path)
    link.close()
    check_with_sqlite(left_behind(vfs), states[-1], tmp_path)


def left_behind(vfs: MemoryVfs) -> dict[str, bytes]:
    """The files as another process would find them now."""
    return {name: bytes(data.bytes) for name, data in vfs.files.items()}


def test_a_log_we_left_behind_is_recovered_by_sqlite_also_after_restarts(tmp_path: Path) -> None:
    states = images(1024, tmp_path)
    vfs = MemoryVfs()
    vfs.files = memory_vfs({"db": states[0]}).files
    link = Engine(vfs).connect()
    link.journal_mode(JOURNAL_WAL)
    for round_ in range(3):
        for image in states[1:]:
            with link.write() as work:
                write_image(work, image)
                work.put(1, work.get(1)[:18] + b"\2\2" + work.get(1)[20:])
            check_with_sqlite(left_behind(vfs), image, tmp_path)
        link.checkpoint(round_)
        check_with_sqlite(left_behind(vfs), states[-1], tmp_path)


def test_a_hot_journal_we_left_behind_is_rolled_back_by_sqlite(tmp_path: Path) -> None:
    states = images(4096, tmp_path)
    vfs = MemoryVfs()
    vfs.files = memory_vfs({"db": states[1]}).files
    link = Engine(vfs).connect()
    link.set(DB_CACHE_SIZE, 5)
    work = link.start(write=1)
    for turn in range(3):
        for pgno in range(1, 60):
            work.put(pgno, bytes([pgno + turn]) * 4096)
            if pgno % 10 == 9:
                work.age()
    files = left_behind(vfs)
    assert files["db"] != states[1] and len(files["db-journal"]) > 4096
    assert sqlite_recovers(files, tmp_path) == as_pages(states[1])
    work.reset()
    assert left_behind(vfs)["db"] == states[1]
    link.close()


def test_sqlite_and_we_take_turns_on_one_file(tmp_path: Path) -> None:
    from turso_wasm.vfs.file import FileVfs

    path = tmp_path / "shared.db"
    connection = apsw.Connection(str(path))
    run(connection, "CREATE TABLE t(a)", "INSERT INTO t VALUES (1)")
    link = Engine(FileVfs()).connect(str(path))
    first = link.pages()
    run(connection, "INSERT INTO t VALUES (2)", "CREATE TABLE u(b)")
    second = link.pages()
    assert len(second) == len(first) + 1 and second == as_pages(path.read_bytes())
    version = link.get(13)
    with link.write() as work:
        work.put(2, first[2])
    assert link.get(13) == version
    assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    link.close()
    shutil.copy(path, tmp_path / "copy.db")


def test_a_database_sqlite_keeps_in_wal_mode_can_leave_it(tmp_path: Path) -> None:
    image = images(4096, tmp_path, "wal")[1]
    vfs = memory_vfs({"db": image})
    link: Link = Engine(vfs).connect()
    assert link.get(DB_JOURNAL_MODE) == JOURNAL_WAL
    assert link.journal_mode(JOURNAL_DELETE) == JOURNAL_DELETE
    assert vfs.files["db"].bytes[18:20] == b"\1\1" and "db-wal" not in vfs.files
    check_with_sqlite(left_behind(vfs), image, tmp_path)
