"""Files that are no databases, or broken ones: the same errors as SQLite's, and never anything worse."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Literal

import apsw
import pytest

from tests.harness.pager import Engine, SqlFailure
from turso_wasm.kernel.abi import CAP_OWNED
from turso_wasm.vfs.faulty import memory_vfs


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("hostile") / "a.db"
    connection = apsw.Connection(str(path))
    for sql in ("CREATE TABLE t(a)", "INSERT INTO t VALUES (zeroblob(20000))"):
        connection.execute(sql).fetchall()
    connection.close()
    return path.read_bytes()


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def ours(files: dict[str, bytes], capabilities: int = 0) -> tuple[int, str] | int:
    """The error of reading every page, or the number of pages."""
    vfs = memory_vfs(files)
    vfs.capabilities = capabilities
    link = Engine(vfs).connect()
    try:
        return len(link.pages())
    except SqlFailure as error:
        return error.code, error.message
    finally:
        link.close()


def sqlites(data: bytes, path: Path) -> tuple[int, str] | int:
    """The error of SQLite for reading the schema, or the number of pages."""
    path.write_bytes(data)
    connection = apsw.Connection(str(path))
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        pages = connection.execute("PRAGMA page_count").fetchall()
        return int(pages[0][0])
    except apsw.Error as error:
        return error.extendedresult, str(error)
    finally:
        connection.close()


NOT_DATABASES = {
    "zeros": lambda b: bytes(10),
    "a page of zeros": lambda b: bytes(4096),
    "garbage": lambda b: b"g" * 5000,
    "only the magic": lambda b: b[:16],
    "a header alone": lambda b: b[:100],
    "part of a page": lambda b: b[:1000],
    "a missing page": lambda b: b[:-4096],
    "a missing byte": lambda b: b[:-1],
    "page size 3841": lambda b: patched(b, 16, b"\x0f\x01"),
    "page size 256": lambda b: patched(b, 16, b"\x01\x00"),
    "page size 0": lambda b: patched(b, 16, b"\x00\x00"),
    "read version 3": lambda b: patched(b, 19, b"\x03"),
    "write version 3": lambda b: patched(b, 18, b"\x03"),
    "versions 0": lambda b: patched(b, 18, b"\x00\x00"),
    "payload fraction": lambda b: patched(b, 21, b"\x41"),
    "leaf fraction": lambda b: patched(b, 23, b"\x21"),
    "more pages than the file has": lambda b: patched(b, 28, b"\x00\x00\x01\x00"),
    "page count 0": lambda b: patched(b, 28, b"\x00\x00\x00\x00"),
    "page count not valid": lambda b: patched(b, 92, b"\x00\x00\x01\x00"),
    "trailing bytes": lambda b: b + b"x" * 100,
    "reserved 255": lambda b: patched(b, 20, b"\xff"),
}


@pytest.mark.parametrize("name", NOT_DATABASES)
@pytest.mark.parametrize("capabilities", [0, CAP_OWNED])
def test_the_error_is_sqlites(name: str, capabilities: int, sound: bytes, tmp_path: Path) -> None:
    data = NOT_DATABASES[name](sound)
    assert ours({"db": data}, capabilities) == sqlites(data, tmp_path / "a.db")


def test_too_many_reserved_bytes_in_a_small_page_are_no_database(sound: bytes) -> None:
    small = patched(patched(sound, 16, b"\x02\x00"), 20, b"\x21")
    assert ours({"db": small}) == (26, "file is not a database")


def test_a_write_version_of_the_future_can_be_read_but_not_written(sound: bytes) -> None:
    link = Engine(memory_vfs({"db": patched(sound, 18, b"\x03")})).connect()
    assert len(link.pages()) == 6
    with pytest.raises(SqlFailure, match="8: attempt to write a readonly database"), link.write():
        pass


def test_pages_outside_the_database_are_corrupt(sound: bytes) -> None:
    link = Engine(memory_vfs({"db": sound})).connect()
    for pgno in (0, 7, 2**31, 2**32 - 1):
        with pytest.raises(SqlFailure, match="11: database disk image is malformed"), link.read() as work:
            work.get(pgno - 2**32 if pgno >= 2**31 else pgno)


def test_half_a_header_is_a_page_that_btrees_will_reject(sound: bytes) -> None:
    link = Engine(memory_vfs({"db": sound[:60]})).connect()
    assert link.pages() == {1: sound[:60] + bytes(4096 - 60)}


def test_a_log_that_has_page_one_decides_the_page_size(sound: bytes, tmp_path: Path) -> None:
    assert ours({"db": sound, "db-wal": log_of(tmp_path, 512)}) == 2


def test_a_log_of_another_page_size_without_page_one_is_corrupt(sound: bytes, tmp_path: Path) -> None:
    log = log_of(tmp_path, 512, "PRAGMA wal_checkpoint(TRUNCATE)", "INSERT INTO t VALUES (1)")
    assert ours({"db": sound, "db-wal": log}) == (11, "database disk image is malformed")


def test_a_log_of_another_version_cannot_be_opened(sound: bytes, tmp_path: Path) -> None:
    log = bytearray(log_of(tmp_path, 4096))
    log[7] ^= 1
    log[24:32] = checksum(bytes(log[:24]))
    assert ours({"db": sound, "db-wal": bytes(log)}) == (14, "unable to open database file")


def log_of(tmp_path: Path, page_size: int, *more: str) -> bytes:
    """A log with a commit, of a database of that page size."""
    path = tmp_path / f"log{page_size}.db"
    connection = apsw.Connection(str(path))
    for sql in (f"PRAGMA page_size={page_size}", "PRAGMA journal_mode=wal", "CREATE TABLE t(a)", *more):
        connection.execute(sql).fetchall()
    log = Path(f"{path}-wal").read_bytes()
    connection.close()
    return log


def checksum(data: bytes) -> bytes:
    """The checksum of a log's header, over little-endian words."""
    first = second = 0
    for at in range(0, len(data), 8):
        first = (first + int.from_bytes(data[at : at + 4], "little") + second) & 0xFFFFFFFF
        second = (second + int.from_bytes(data[at + 4 : at + 8], "little") + first) & 0xFFFFFFFF
    return first.to_bytes(4, "big") + second.to_bytes(4, "big")


def test_a_log_with_big_endian_checksums_is_read(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "big.db"
    connection = apsw.Connection(str(path))
    for sql in ("PRAGMA journal_mode=wal", "CREATE TABLE t(a)", "INSERT INTO t VALUES (1)", "CREATE TABLE u(a)"):
        connection.execute(sql).fetchall()
    files = {"db": path.read_bytes(), "db-wal": big_endian(Path(f"{path}-wal").read_bytes())}
    connection.close()
    assert ours(files) == 3


def big_endian(log: bytes) -> bytes:
    """The same log with the other checksums."""
    return resealed(log[:3] + b"\x83" + log[4:], "big")


def resealed(log: bytes, order: Literal["little", "big"]) -> bytes:
    """The log with right checksums, over words in that order."""
    out = bytearray(log)
    first = second = 0

    def add(data: bytes) -> bytes:
        nonlocal first, second
        for at in range(0, len(data), 8):
            first = (first + int.from_bytes(data[at : at + 4], order) + second) & 0xFFFFFFFF
            second = (second + int.from_bytes(data[at + 4 : at + 8], order) + first) & 0xFFFFFFFF
        return first.to_bytes(4, "big") + second.to_bytes(4, "big")

    out[24:32] = add(bytes(out[:24]))
    for at in range(32, len(out), 4120):
        add(bytes(out[at : at + 8]))
        out[at + 16 : at + 24] = add(bytes(out[at + 24 : at + 4120]))
    return bytes(out)


@pytest.mark.parametrize("pages", [5000, 1 << 24, 0x7FFFFFFF, 0xFFFFFFFE])
def test_a_log_that_states_more_pages_than_there_can_be_is_corrupt(pages: int, sound: bytes, tmp_path: Path) -> None:
    """Before anything is allocated by that number."""
    log = bytearray(log_of(tmp_path, 4096))
    commits = [at for at in range(32, len(log), 4120) if any(log[at + 4 : at + 8])]
    log[commits[-1] + 4 : commits[-1] + 8] = pages.to_bytes(4, "big")
    assert ours({"db": sound, "db-wal": resealed(bytes(log), "little")}) == (11, "database disk image is malformed")


@pytest.mark.parametrize("seed", range(4))
def test_random_damage_is_an_error_or_survived(seed: int, sound: bytes, tmp_path: Path) -> None:
    """Damaged databases, logs and journals: an answer or an SQL error, within reasonable time and memory."""
    random = Random(seed)
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    for sql in (
        "CREATE TABLE t(a, b)",
        "INSERT INTO t VALUES (1, zeroblob(50000))",
        "PRAGMA cache_size=5",
        "BEGIN",
        "UPDATE t SET b = randomblob(50000)",
    ):
        connection.execute(sql).fetchall()
    journal = Path(f"{path}-journal").read_bytes()
    changed = path.read_bytes()
    connection.close()
    log = log_of(tmp_path, 4096)
    for _ in range(30):
        files = {"db": damaged(random, changed)}
        kind = random.randrange(3)
        if kind == 0:
            files["db-journal"] = damaged(random, journal)
        if kind == 1:
            files["db-wal"] = damaged(random, log)
        result = ours(files, random.choice([0, CAP_OWNED]))
        assert isinstance(result, int) or result[0] in (1, 7, 8, 10, 11, 13, 14, 26), result


def damaged(random: Random, data: bytes) -> bytes:
    """A few bytes changed, most of them in headers; sometimes cut or with something appended."""
    out = bytearray(data)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(min(len(out), random.choice([32, 100, 600, len(out)])))
        out[at] = random.choice([0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)])
    if random.random() < 0.3:
        del out[random.randrange(len(out)) :]
    if random.random() < 0.1:
        out += random.randbytes(random.randrange(5000))
    return bytes(out)
