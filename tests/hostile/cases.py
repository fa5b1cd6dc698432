"""Databases broken at random, and what a process must survive that opens them.

A case is a number: the same number makes the same files. `check_case` runs every kind of statement on them; each must
end with rows or with an error SQLite has a code for. What the files mean to SQLite is the measure: where it finds a
database sound, we must too, and read the same from it.

`python -m tests.hostile.cases first n` runs cases and prints a line for each as soon as it is done: who watches can
tell a case that hangs.
"""

from __future__ import annotations

import functools
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import apsw

import turso_wasm
from tests.crash.history import Ours, content
from turso_wasm.runtime import engine
from turso_wasm.vfs.faulty import memory_vfs

Image = dict[str, bytes]
Mutation = Callable[[Random, bytearray], None]

SCHEMA = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL)",
    "CREATE INDEX t_a ON t(a)",
    "CREATE UNIQUE INDEX t_ca ON t(c DESC, a)",
    "CREATE TABLE w(k TEXT, n INT, PRIMARY KEY(k, n)) WITHOUT ROWID",
    "CREATE TABLE u(x UNIQUE, y)",
    "CREATE VIEW v AS SELECT a FROM t",
    "CREATE TABLE gone(a)",
)
STATEMENTS = (
    "SELECT * FROM sqlite_schema",
    "SELECT * FROM t",
    "SELECT count(*), sum(length(b)) FROM t",
    "SELECT id FROM t WHERE a = 'name 17'",
    "SELECT id FROM t WHERE a > 'name 3' ORDER BY a",
    "SELECT c FROM t WHERE c BETWEEN 3 AND 20",
    "SELECT b FROM t WHERE id = 40",
    "SELECT max(id), min(id) FROM t",
    "SELECT * FROM w",
    "SELECT n FROM w WHERE k = 'key 9'",
    "SELECT * FROM u WHERE x = 5",
    "SELECT count(*) FROM v",
    "SELECT t.id, u.y FROM t JOIN u ON u.x = t.id",
    "SELECT DISTINCT a FROM t ORDER BY c",
    "PRAGMA integrity_check",
    "PRAGMA freelist_count",
    "INSERT INTO t(a, b, c) VALUES ('new', zeroblob(3000), 1e9)",
    "INSERT INTO w VALUES ('new', 1), ('key 5', 100)",
    "INSERT OR REPLACE INTO u VALUES (5, 'again'), (1000, 'new')",
    "UPDATE t SET a = a || '!' WHERE id % 3 = 0",
    "UPDATE t SET b = zeroblob(10) WHERE id > 30",
    "UPDATE w SET n = n + 1000",
    "CREATE INDEX t_b ON t(b)",
    "CREATE TABLE another(a, b, UNIQUE(a, b))",
    "INSERT INTO another SELECT id, a FROM t",
    "BEGIN",
    "DELETE FROM t WHERE id % 2 = 0",
    "SAVEPOINT s",
    "DELETE FROM w",
    "ROLLBACK TO s",
    "INSERT INTO u SELECT id + 5000, b FROM t",
    "COMMIT",
    "DROP INDEX t_a",
    "DELETE FROM t WHERE a LIKE 'name 1%'",
    "DELETE FROM t",
    "DROP TABLE u",
    "PRAGMA incremental_vacuum",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA journal_mode=DELETE",
    "DROP TABLE t",
    "DROP TABLE w",
    "PRAGMA integrity_check",
)
QUERIES = tuple(sql for sql in STATEMENTS[: STATEMENTS.index("PRAGMA integrity_check")])

# What SQLite says of broken files: https://sqlite.org/rescode.html
CLEAN = {1, 5, 8, 10, 11, 13, 14, 18, 19, 20, 26}


# --- sound databases -----------------------------------------------------------------------------------------------


@functools.cache
def seed_images() -> dict[str, Image]:
    """Sound databases by SQLite: at rest, with a log, with a hot journal; several page sizes and kinds."""
    images = {}
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        for size, vacuum, mode in (
            (512, "none", "delete"), (1024, "full", "delete"), (4096, "none", "delete"), (1024, "none", "wal"),
            (512, "incremental", "wal"), (1024, "none", "persist"), (65536, "none", "delete"),
        ):  # fmt: skip
            name = f"{size}-{vacuum}-{mode}"
            images[name] = _seed(Path(folder) / f"{name}.db", size, vacuum, mode)
    return images


def _seed(path: Path, size: int, vacuum: str, mode: str) -> Image:
    connection = apsw.Connection(str(path))
    for sql in (f"PRAGMA page_size={size}", f"PRAGMA auto_vacuum={vacuum}", f"PRAGMA journal_mode={mode}", *SCHEMA):
        connection.execute(sql).fetchall()
    random = Random(size)
    with connection:
        for i in range(60):
            blob = random.randbytes(random.choice((3, 20, 100, 2 * size if size < 5000 else 9000)))
            connection.execute("INSERT INTO t VALUES (?, ?, ?, ?)", (i, f"name {i}", blob, i / 2))
            connection.execute("INSERT INTO w VALUES (?, ?)", (f"key {i % 20}", i))
            connection.execute("INSERT INTO u VALUES (?, ?)", (i, "y" * (i % 30)))
            connection.execute("INSERT INTO gone VALUES (zeroblob(?))", (size,))
    connection.execute("PRAGMA wal_checkpoint")
    connection.execute("DROP TABLE gone")
    if mode == "persist":  # leave a hot journal
        connection.execute("PRAGMA cache_size=2")
        connection.execute("BEGIN")
        connection.execute("UPDATE t SET a = 'changed ' || a")
        connection.execute("UPDATE w SET n = n + 100")
    connection.execute("SELECT 1").fetchall()
    suffixes = ("", "-wal", "-journal")
    image = {f"db{s}": Path(f"{path}{s}").read_bytes() for s in suffixes if Path(f"{path}{s}").exists()}
    connection.close()
    return image


# --- mutations -----------------------------------------------------------------------------------------------


def _page_size(data: bytearray) -> int:
    size = int.from_bytes(data[16:18], "big")
    size = 65536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else 1024


def _one_byte(random: Random, data: bytearray) -> None:
    if data:
        data[random.randrange(len(data))] = random.choice((0, 1, 2, 5, 10, 13, 127, 128, 255, random.randrange(256)))


def _several_bytes(random: Random, data: bytearray) -> None:
    for _ in range(random.randint(2, 30)):
        _one_byte(random, data)


def _header(random: Random, data: bytearray) -> None:
    for _ in range(random.randint(1, 3)):
        data[random.randrange(16, min(108, len(data)))] = random.choice((0, 1, 2, 255, random.randrange(256)))


def _page_header(random: Random, data: bytearray) -> None:
    """The kind, counts, and cell pointers of some pages."""
    size = _page_size(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(max(1, len(data) // size)) * size
        at += (100 if at == 0 else 0) + random.randrange(40)
        if at < len(data):
            data[at] = random.choice((0, 1, 2, 5, 10, 13, 128, 255, random.randrange(256)))


def _page_number(random: Random, data: bytearray) -> None:
    """A 4-byte number that looks like a page number becomes that of another page: cycles, and pages used twice."""
    size = _page_size(data)
    n = max(1, len(data) // size)
    for _ in range(random.randint(1, 3)):
        spots = [at for at in (random.randrange(0, max(1, len(data) - 4)) for _ in range(400))
                 if 0 < int.from_bytes(data[at : at + 4], "big") <= n]  # fmt: skip
        at = random.choice(spots) if spots else 0
        data[at : at + 4] = struct.pack(">I", random.choice((0, 1, random.randint(1, n), n, n + 1, 2**31, 2**32 - 1)))


def _first_number(random: Random, data: bytearray) -> None:
    """The first 4 bytes of a page, where overflow chains and freelist trunks go on; they may lead back to it."""
    size = _page_size(data)
    n = max(1, len(data) // size)
    page = random.randrange(n)
    at = page * size if page else 32
    data[at : at + 4] = struct.pack(">I", random.choice((page + 1, random.randint(1, n), n + 7, page)))


def _freelist(random: Random, data: bytearray) -> None:
    """The freelist's beginning, its count, and its first trunk."""
    size = _page_size(data)
    n = max(1, len(data) // size)
    trunk = int.from_bytes(data[32:36], "big")
    at = random.choice((32, 36, (trunk - 1) * size, (trunk - 1) * size + 4, (trunk - 1) * size + 8))
    if 0 < at < len(data) - 4:
        data[at : at + 4] = struct.pack(">I", random.choice((0, 1, 2, trunk, random.randint(1, n), n + 1, 2**32 - 1)))


def _schema_text(random: Random, data: bytearray) -> None:
    """Bytes inside the SQL of the schema."""
    found = [i for i in range(len(data) - 6) if data[i : i + 6] == b"CREATE"]
    if found:
        at = random.choice(found) + random.randrange(60)
        if at < len(data):
            data[at] = random.choice(b"(),'\"x0 ;\x00\xff-")


def _swap_pages(random: Random, data: bytearray) -> None:
    size = _page_size(data)
    n = len(data) // size
    if n > 2:
        a, b = random.randrange(1, n) * size, random.randrange(1, n) * size
        data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def _truncate(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data) + 1) :]


def _cut_pages(random: Random, data: bytearray) -> None:
    size = _page_size(data)
    del data[random.randint(1, max(1, len(data) // size)) * size :]


def _page_of(random: Random, data: bytearray) -> None:
    """A page of zeros, ones, or noise."""
    size = _page_size(data)
    at = random.randrange(max(1, len(data) // size)) * size
    fill = random.choice((bytes(size), b"\xff" * size, random.randbytes(size), b"\x05" * size, b"\x0d" * size))
    data[at : at + size] = fill[: len(data) - at]


def _all_noise(random: Random, data: bytearray) -> None:
    n = random.choice((0, 1, 15, 99, 100, 511, 512, 1024, 4096, 10000))
    magic = b"SQLite format 3\0" if random.random() < 0.5 else b""
    data[:] = (magic + (random.randbytes(n) if random.random() < 0.7 else bytes(n)))[: max(n, len(magic))]


MUTATIONS: tuple[Mutation, ...] = (
    _one_byte, _several_bytes, _header, _page_header, _page_header, _page_number, _page_number, _first_number,
    _freelist, _schema_text, _swap_pages, _truncate, _cut_pages, _page_of, _all_noise,
)  # fmt: skip


def make_case(number: int) -> tuple[str, Image]:
    """(what was done, the files)."""
    random = Random(number)
    images = seed_images()
    name = random.choice(sorted(images))
    image = dict(images[name])
    mutation = random.choice(MUTATIONS)
    file = random.choice(sorted(image)) if random.random() < 0.7 else "db"
    data = bytearray(image[file])
    if file == "db":
        mutation(random, data)
    else:
        mutation = random.choice((_one_byte, _several_bytes, _truncate, _log_field))
        mutation(random, data)
    image[file] = bytes(data)
    return f"{name} {file} {mutation.__name__}", image


def _log_field(random: Random, data: bytearray) -> None:
    """A field of the header of a log or journal, or of its first record."""
    at = random.randrange(0, 60, 4)
    data[at : at + 4] = struct.pack(">I", random.choice((0, 1, 2, 512, 65536, 2**31, 2**32 - 1)))


# --- checking -----------------------------------------------------------------------------------------------


class Wrong(Exception):
    """A case that did not end as it must; the message says how."""


def check_case(number: int, folder: Path) -> dict[str, int]:
    """Run a case; how its statements ended. Raises Wrong."""
    what, image = make_case(number)
    ends: dict[str, int] = {}
    try:
        sound = content_by_sqlite(image, folder)
        vfs = memory_vfs(image)
        try:
            ours = Ours(vfs)
        except turso_wasm.Error as error:
            _check_error(error, "open")
            if sound is not None:
                raise Wrong(f"SQLite reads it, but opening fails: {error}") from error
            return {"open": 1}
        try:
            if sound is not None:
                _check_sound(ours, sound)
            for sql in STATEMENTS:
                end = _run(ours, sql)
                ends[end] = ends.get(end, 0) + 1
        finally:
            with suppress(turso_wasm.Error):
                ours.connection.close()
            ours.close()
        _check_alive()
    except Wrong as error:
        raise Wrong(f"case {number} ({what}): {error}") from error
    return ends


def _run(ours: Ours, sql: str) -> str:
    try:
        ours.query(sql)
        return "ok"
    except turso_wasm.Error as error:
        if str(error).startswith("Could not decode to UTF-8"):
            return "ok"
        _check_error(error, sql)
        return str(error.sqlite_errorcode and error.sqlite_errorcode & 0xFF)
    except MemoryError:
        return "7"
    except Exception as error:
        raise Wrong(f"{sql}: {type(error).__name__}: {error}") from error


def _check_error(error: turso_wasm.Error, sql: str) -> None:
    code = error.sqlite_errorcode
    if code is None or code & 0xFF not in CLEAN:
        raise Wrong(f"{sql}: code {code}: {error}")


def _check_sound(ours: Ours, expected: tuple[object, ...]) -> None:
    """SQLite finds nothing wrong with it."""
    try:
        found = content(ours.query)
        verdict = ours.query("PRAGMA integrity_check")
    except turso_wasm.Error as error:
        if str(error).startswith(("not supported yet", "Could not decode")):
            return
        raise Wrong(f"SQLite reads it, we say {error}") from error
    if found != expected:
        raise Wrong("SQLite reads something else")
    if verdict != [("ok",)]:
        raise Wrong(f"SQLite finds it sound, we say {verdict[:3]}")


def content_by_sqlite(image: Image, folder: Path) -> tuple[object, ...] | None:
    """What SQLite reads from the files, if it has nothing to object to."""
    for old in folder.iterdir():
        old.unlink()
    for name, data in image.items():
        (folder / name).write_bytes(data)
    connection = apsw.Connection(str(folder / "db"))
    try:
        if list(connection.execute("PRAGMA integrity_check")) != [("ok",)]:
            return None
        return content(lambda sql: list(connection.execute(sql)))
    except (apsw.Error, UnicodeDecodeError):
        return None
    finally:
        connection.close()


def _check_alive() -> None:
    """The engine goes on with another database."""
    try:
        other = turso_wasm.connect(":memory:", isolation_level=None)
        other.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE)")
        other.execute("INSERT INTO t(b) VALUES ('x'), (zeroblob(9000)), (3)")
        rows = other.execute("SELECT a, length(b) FROM t ORDER BY b").fetchall()
        other.close()
    except Exception as error:
        raise Wrong(f"the engine is dead: {type(error).__name__}: {error}") from error
    if rows != [(3, 1), (1, 1), (2, 9000)]:
        raise Wrong(f"another database answers {rows}")


def run_cases(first: int, n: int) -> Iterator[str]:
    """A line for each case: its number, "ok" or what went wrong, how the statements ended."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        for number in range(first, first + n):
            begun = time.monotonic()
            try:
                ends = check_case(number, Path(folder))
                summary = " ".join(f"{code}:{count}" for code, count in sorted(ends.items()))
                yield f"{number} ok {time.monotonic() - begun:.2f}s {summary}"
            except Wrong as error:
                yield f"{number} WRONG {error}"


def memory_used() -> int:
    """Bytes of kernel memory in use."""
    return int(engine.host().function("memory_used")())


def main(arguments: list[str]) -> int:
    """Run n cases from `first` on."""
    failures = 0
    for line in run_cases(int(arguments[0]), int(arguments[1])):
        failures += " WRONG " in line
        print(line, flush=True)
    print(f"done {memory_used()}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
