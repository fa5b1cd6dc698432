"""Encrypted databases: keys and their errors, what damage does, and that nothing readable is ever written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

import turso_wasm
from tests.harness.effort import HEAVY
from turso_wasm.runtime.files import FileTable

RAW = bytes(range(32))
OTHER = bytes(range(1, 33))
NEEDED = "file is encrypted: a key is needed"
WRONG = "file is encrypted with another key"
PLAIN = "file is not encrypted"
MALFORMED = "database disk image is malformed"
MARK = "a mark that can be found"
ROWS = [(1, MARK), (2, "x")]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.db")


def make(path: str, key: Any = RAW, *before: str) -> None:
    db = turso_wasm.connect(path, key=key)
    for sql in before:
        db.execute(sql)
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
    db.executemany("INSERT INTO t VALUES (?, ?)", ROWS)
    db.commit()
    db.close()


def rows(path: str, key: Any = None, **more: Any) -> list[tuple[Any, ...]]:
    db = turso_wasm.connect(path, key=key, **more)
    try:
        return db.execute("SELECT * FROM t").fetchall()
    finally:
        db.close()


def failure(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(turso_wasm.Error) as caught:
        call()
    return caught.value.sqlite_errorcode, str(caught.value)


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["correct horse", RAW, f"x'{RAW.hex()}'", "ключ", "a" * 200, "it's"])
def test_a_key(path: str, key: str | bytes) -> None:
    make(path, key)
    assert rows(path, key) == ROWS
    assert failure(lambda: rows(path)) == (26, NEEDED)
    assert failure(lambda: rows(path, OTHER)) == (26, WRONG)
    assert failure(lambda: rows(path, "other")) == (26, WRONG)
    assert MARK.encode() not in Path(path).read_bytes()


def test_bytes_and_digits_are_the_same_key(path: str) -> None:
    make(path, RAW)
    assert rows(path, f"X'{RAW.hex().upper()}'") == rows(path, bytearray(RAW)) == ROWS
    assert rows(f"file:{path}?hexkey={RAW.hex()}", uri=True) == ROWS
    assert rows(f"file:{path}?key=x'{RAW.hex()}'", uri=True) == ROWS


def test_a_plain_file_has_no_key(path: str) -> None:
    make(path, None)
    assert failure(lambda: rows(path, RAW)) == (26, PLAIN)
    assert rows(path) == ROWS


@pytest.mark.parametrize("key", [b"short", RAW + b"x"])
def test_bytes_are_32(path: str, key: bytes) -> None:
    with pytest.raises(ValueError, match="a key has 32 bytes"):
        turso_wasm.connect(path, key=key)
    with pytest.raises(TypeError, match="a key is str, bytes or None, not int"):
        turso_wasm.connect(path, key=5)  # type: ignore[arg-type]
    assert failure(lambda: turso_wasm.connect(path, key="x'12'")) == (1, "a key is 64 hexadecimal digits")


@pytest.mark.parametrize("rekey", [False, True])
def test_texts_that_are_no_passphrase(rekey: bool) -> None:
    db = turso_wasm.connect(":memory:")
    take: Callable[[str], object] = db.rekey if rekey else lambda key: turso_wasm.connect(":memory:", key=key)
    with pytest.raises(ValueError, match="a passphrase has no null character"):
        take("a\0b")
    with pytest.raises(UnicodeEncodeError, match="in position 1"):
        take("a\ud800")


PRAGMAS = (
    "PRAGMA key = 'secret'",
    'PRAGMA key = "secret"',
    "PRAGMA key(secret)",
    "/* a */ PRAGMA -- b\n main . key = secret ;",
    "pragma KEY='secret'",
)


@pytest.mark.parametrize("sql", PRAGMAS)
def test_pragma_key(path: str, sql: str) -> None:
    make(path, "secret")
    db = turso_wasm.connect(path)
    told: list[str] = []
    db.set_trace_callback(told.append)
    assert db.execute(sql).fetchall() == []
    assert db.execute("SELECT * FROM t").fetchall() == ROWS
    assert told[0] == "PRAGMA key"
    assert not [text for (text,) in db.execute("SELECT sql FROM sqlite_stmt") if "secret" in text]
    db.close()


def test_a_script_begins_with_the_key(path: str) -> None:
    db = turso_wasm.connect(path)
    db.executescript(f"PRAGMA hexkey = '{RAW.hex()}'; CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2); PRAGMA key;")
    db.close()
    assert rows(path, RAW) == [(1, 2)]


def test_another_key_may_be_tried(path: str) -> None:
    make(path, "secret")
    db = turso_wasm.connect(path, key="wrong")
    assert failure(lambda: db.execute("SELECT * FROM t")) == (26, WRONG)
    db.execute("PRAGMA key = ''")
    assert failure(lambda: db.execute("SELECT * FROM t")) == (26, NEEDED)
    db.execute("PRAGMA key = 'secret'")
    assert db.execute("SELECT * FROM t").fetchall() == ROWS
    db.close()


def test_every_connection_shows_that_it_knows_the_key(path: str) -> None:
    make(path, "secret")
    first = turso_wasm.connect(path, key="secret")
    assert first.execute("SELECT * FROM t").fetchall() == ROWS
    assert failure(lambda: rows(path)) == (26, NEEDED)
    assert failure(lambda: rows(path, "wrong")) == (26, WRONG)
    assert failure(lambda: rows(path, RAW)) == (26, WRONG)
    assert rows(path, "secret") == ROWS
    first.close()


def test_an_empty_file_is_whoevers_comes_first(path: str) -> None:
    plain = turso_wasm.connect(path)
    assert plain.execute("SELECT * FROM sqlite_schema").fetchall() == []
    make(path)
    assert failure(lambda: plain.execute("SELECT * FROM t")) == (26, NEEDED)
    plain.close()
    assert rows(path, RAW) == ROWS


# --- other databases --------------------------------------------------------------------------------------------------


def test_attach(path: str) -> None:
    make(path)
    db = turso_wasm.connect(":memory:")
    assert failure(lambda: db.execute("ATTACH ? AS o", (path,))) == (26, NEEDED)
    assert failure(lambda: db.execute("ATTACH ? AS o KEY 'no'", (path,))) == (26, WRONG)
    db.execute("ATTACH ? AS o KEY ?", (path, RAW))
    assert db.execute("SELECT * FROM o.t").fetchall() == ROWS
    db.execute("DETACH o")
    told: list[str] = []
    db.set_trace_callback(told.append)
    db.execute(f"ATTACH '{path}' AS o KEY \"x'{RAW.hex()}'\"")
    assert db.execute("SELECT * FROM o.t").fetchall() == ROWS
    assert told[0] == f"ATTACH '{path}' AS o KEY …"
    assert not [text for (text,) in db.execute("SELECT sql FROM sqlite_stmt") if RAW.hex() in text]
    db.close()


def test_keys_in_uris(path: str) -> None:
    db = turso_wasm.connect(f"file:{path}?key=a%20b", uri=True)
    db.execute(f"ATTACH 'file:{path}2?hexkey={RAW.hex()}' AS o")
    db.execute("CREATE TABLE o.t AS SELECT 1 AS a")
    db.execute(f"VACUUM o INTO 'file:{path}3?key=other'")
    db.execute(f"VACUUM o INTO 'file:{path}4?key=other' KEY 'the clause'")
    db.execute(f"VACUUM o INTO 'file:{path}5?cipher=aegis256&hexkey={RAW.hex()}'")
    assert failure(lambda: db.execute(f"ATTACH 'file:{path}6?cipher=rot13' AS p")) == (1, "no such cipher: rot13")
    assert failure(lambda: db.execute(f"ATTACH 'file:{path}6?hexkey=12' AS p")) == (1, "a key is 64 hexadecimal digits")
    db.close()
    assert rows(path + "2", RAW) == rows(path + "3", "other") == rows(path + "4", "the clause") == [(1,)]
    assert rows(path + "5", RAW) == [(1,)]
    assert Path(path + "5").read_bytes()[:16] == b"Turso\0\3" + bytes(9)
    assert failure(lambda: rows(path + "5", OTHER)) == (26, WRONG)


TURSO = Path(__file__).with_name("turso.db")


def test_a_file_of_tursos(path: str) -> None:
    """Made by pyturso 0.8.3, with aegis256 and RAW."""
    Path(path).write_bytes(TURSO.read_bytes())
    assert rows(path, RAW) == [(n, f"row {n}") for n in range(20)]
    db = turso_wasm.connect(path, key=RAW)
    db.execute("UPDATE t SET b = 'ours' WHERE a = 3")
    db.commit()
    db.rekey("a passphrase")
    assert db.execute("SELECT b FROM t WHERE a = 3").fetchall() == [("ours",)]
    db.close()
    assert Path(path).read_bytes()[:5] == b"TWasm"


@pytest.mark.parametrize("key", [None, RAW])
def test_vacuum_into(path: str, key: bytes | None) -> None:
    make(path, key)
    db = turso_wasm.connect(path, key=key)
    for number, clause in enumerate(("", " KEY 'third'", " KEY ''", " KEY NULL")):
        db.execute(f"VACUUM INTO '{path}{number}'{clause}")
    assert failure(lambda: db.execute(f"VACUUM INTO '{path}0' KEY 'x'")) == (1, "output file already exists")
    db.close()
    assert rows(path + "0", key) == rows(path + "1", "third") == rows(path + "2") == rows(path + "3") == ROWS
    assert Path(path + "2").read_bytes()[20] == 0  # no bytes are reserved


def test_images(path: str) -> None:
    """serialize() gives the content; a plain database's pages have no room for what an encrypted one adds."""
    make(path)
    db = turso_wasm.connect(path, key=RAW)
    image = db.serialize()
    copy = turso_wasm.connect(":memory:")
    copy.deserialize(image)
    assert copy.execute("SELECT * FROM t").fetchall() == ROWS
    other = turso_wasm.connect(path + "2", key=OTHER)
    db.backup(other)
    assert other.execute("SELECT * FROM t").fetchall() == ROWS
    plain = turso_wasm.connect(":memory:")
    plain.execute("CREATE TABLE u(a)")
    with pytest.raises(turso_wasm.OperationalError, match="its pages have no room"):
        plain.backup(other)
    for each in (db, copy, other, plain):
        each.close()
    assert rows(path + "2", OTHER) == ROWS


# --- rekey ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["delete", "wal", "persist", "truncate", "memory"])
@pytest.mark.parametrize(("old", "new"), [(RAW, OTHER), (None, RAW), (RAW, None), (RAW, "passphrase"), (None, None)])
def test_rekey(path: str, old: Any, new: Any, mode: str) -> None:
    make(path, old, f"PRAGMA journal_mode = {mode}")
    db = turso_wasm.connect(path, key=old)
    second = turso_wasm.connect(path, key=old)
    assert second.execute("SELECT count(*) FROM t").fetchall() == [(2,)]
    if mode == "wal":
        assert failure(lambda: db.rekey(new))[0] == 5  # it has used the log
        second.close()
    db.rekey(new)
    if mode == "wal":
        assert db.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        second = turso_wasm.connect(path, key=new)
    db.execute("INSERT INTO t VALUES (3, 'z')")
    db.commit()
    assert second.execute("SELECT count(*) FROM t").fetchall() == [(3,)]  # who was connected goes on
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()
    second.close()
    assert rows(path, new) == [*ROWS, (3, "z")]
    if old != new:
        assert failure(lambda: rows(path, old))[0] == 26
    assert (MARK.encode() in Path(path).read_bytes()) == (new is None)


def test_rekey_fails_whole(path: str) -> None:
    make(path)
    db = turso_wasm.connect(path, key=RAW)
    db.execute("BEGIN")
    assert failure(lambda: db.rekey(OTHER)) == (1, "cannot VACUUM from within a transaction")
    db.rollback()
    assert failure(lambda: db.rekey("x'1'")) == (1, "a key is 64 hexadecimal digits")
    reader = turso_wasm.connect(path, key=RAW)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    db.execute("PRAGMA busy_timeout = 0")
    assert failure(lambda: db.rekey(OTHER))[0] == 5
    reader.close()
    assert rows(path, RAW) == ROWS
    db.rekey(OTHER)
    db.close()
    assert rows(path, OTHER) == ROWS


def test_pages_of_512_bytes_are_too_small(path: str) -> None:
    make(path, None, "PRAGMA page_size = 512")
    db = turso_wasm.connect(path)
    assert failure(lambda: db.rekey(RAW)) == (1, "pages of 512 bytes are too small to be encrypted")
    db.close()
    other = turso_wasm.connect(path + "2", key=RAW)
    other.execute("PRAGMA page_size = 512")
    assert other.execute("PRAGMA page_size").fetchall() == [(4096,)]
    other.close()


def test_the_key_of_pragma_rekey_is_not_told(path: str) -> None:
    make(path)
    db = turso_wasm.connect(path, key=RAW)
    told: list[str] = []
    db.set_trace_callback(told.append)
    db.execute("PRAGMA rekey = 'secret'")
    db.rekey("secret as well")
    assert told == ["PRAGMA rekey", "PRAGMA rekey"]
    db.close()


# --- damage -----------------------------------------------------------------------------------------------------------


def read_all(path: str, key: Any) -> list[tuple[Any, ...]] | str:
    """All that a database has, or the error."""
    db = turso_wasm.connect(path, key=key)
    try:
        return db.execute("SELECT * FROM t UNION ALL SELECT * FROM u").fetchall()
    except turso_wasm.Error as error:
        return str(error)
    finally:
        db.close()


@pytest.mark.parametrize("key", [RAW, "passphrase"])
def test_a_flipped_bit(path: str, key: Any) -> None:
    """Nothing that is read of a file with one bit changed is wrong: it fails, or the byte was not of what was read."""
    make(path, key, "PRAGMA page_size = 1024", "CREATE TABLE u(a, b)", "CREATE TABLE unread(a)")
    good = Path(path).read_bytes()
    expected = read_all(path, key)
    rng = Random(7)
    step = 1 if HEAVY and key is RAW else 7 if key is RAW else 997
    places = {*range(0, len(good), step), *range(0, 100, 1 if key is RAW else 9)}
    seen: dict[str, int] = {}
    for at in sorted(places):
        damaged = bytearray(good)
        damaged[at] ^= 1 << rng.randrange(8)
        Path(path).write_bytes(damaged)
        found = read_all(path, key)
        if found != expected:
            assert isinstance(found, str), at
            seen[found] = seen.get(found, 0) + 1
            # What tells that it is a database, and of which page size, no key protects; nor the salt of a passphrase.
            assert found == MALFORMED or at < 24, (at, found)
        else:
            assert 2048 <= at < 3072, at  # the page of a table that was not read
    assert seen[MALFORMED] > 0.8 * sum(seen.values())


def swapped(data: bytes, size: int, one: int, two: int) -> bytes:
    """Two pages (from 1) change places."""
    pages = [data[at : at + size] for at in range(0, len(data), size)]
    pages[one - 1], pages[two - 1] = pages[two - 1], pages[one - 1]
    return b"".join(pages)


def test_pages_belong_to_their_places(path: str) -> None:
    make(path, RAW, "CREATE TABLE u(a, b)")
    good = Path(path).read_bytes()
    assert len(good) == 3 * 4096
    Path(path).write_bytes(swapped(good, 4096, 2, 3))
    assert read_all(path, RAW) == MALFORMED


def test_pages_belong_to_their_file(path: str) -> None:
    make(path, RAW, "CREATE TABLE u(a, b)")
    make(path + "2", RAW, "CREATE TABLE u(a, b)")
    good, other = Path(path).read_bytes(), Path(path + "2").read_bytes()
    Path(path).write_bytes(good[:8192] + other[8192:])
    assert read_all(path, RAW) == MALFORMED


def test_an_old_page_in_its_place_is_not_noticed(path: str) -> None:
    """What docs/encryption.md says cannot be noticed."""
    make(path, RAW, "CREATE TABLE u(a, b)")
    old = Path(path).read_bytes()
    db = turso_wasm.connect(path, key=RAW)
    db.execute("UPDATE t SET b = 'new'")
    db.commit()
    db.close()
    new = Path(path).read_bytes()
    Path(path).write_bytes(new[:8192] + old[8192:])
    assert read_all(path, RAW) == ROWS


# --- what is written ------------------------------------------------------------------------------------------------


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> bytearray:
    """All bytes that the kernel writes from now on."""
    every = bytearray()
    write = FileTable.write

    def watched(table: FileTable, fd: int, data: memoryview, offset: int) -> int:
        every.extend(data)
        return write(table, fd, data, offset)

    monkeypatch.setattr(FileTable, "write", watched)
    return every


@pytest.mark.parametrize("mode", ["wal", "delete", "persist", "memory"])
def test_nothing_readable_is_written(path: str, mode: str, written: bytearray) -> None:
    db = turso_wasm.connect(path, key=RAW, isolation_level=None)
    db.execute(f"PRAGMA journal_mode = {mode}")
    db.execute("PRAGMA cache_size = 20")
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
    db.execute("BEGIN")
    values = ((i, f"{MARK} {i * 7919 % 20011}") for i in range(60_000))
    db.executemany("INSERT INTO t VALUES (?, ?)", values)
    db.execute("SAVEPOINT s")
    db.execute("UPDATE t SET b = b || ' and more'")
    db.execute("ROLLBACK TO s")
    db.execute("COMMIT")
    before = len(written)
    db.execute("PRAGMA temp_store = file")
    db.execute("PRAGMA soft_heap_limit = 1000000")
    db.execute("CREATE INDEX i ON t(b)")
    db.execute("CREATE TEMP TABLE copy AS SELECT * FROM t ORDER BY b DESC")
    found = db.execute("SELECT count(*), max(n) FROM (SELECT b, row_number() OVER (ORDER BY b DESC) AS n FROM t)")
    assert found.fetchall() == [(60_000, 60_000)]
    assert len(db.execute("SELECT b, count(*) FROM t GROUP BY b").fetchall()) == 20_011
    assert db.execute("SELECT count(DISTINCT b) FROM copy").fetchall() == [(20_011,)]
    db.execute("UPDATE copy SET b = b || '!'")
    db.execute("VACUUM")
    db.execute("PRAGMA soft_heap_limit = 0")
    assert len(written) - before > 5_000_000
    db.close()
    assert MARK.encode() not in written
