"""B-trees of a database file under test: the kernel's cursors driven from Python, SQLite as the judge.

    db = Trees.create("CREATE TABLE t(a, b)", page_size=512)      # a file made by SQLite, opened by our pager
    t = db.table("t")
    t.insert(1, record((1, "x")))
    assert t.scan() == [(1, record((1, "x")))]
    db.verify()                                                     # PRAGMA integrity_check of what the pages are now
    assert db.query("SELECT * FROM t") == [(1, "x")]

All work happens in one write transaction that `commit()` ends and begins anew (cursors are closed then). The file is
bytes in Python behind the kernel's vfs imports.
"""

from __future__ import annotations

import random
import struct
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from pathlib import Path
from typing import Any

import apsw
import wasmtime

from tests.harness import kernel as kernel_harness
from tests.harness.kernel import Kernel
from turso_wasm.kernel.abi import JOURNAL_EXISTS, KEY_DESC, Cursor
from turso_wasm.kernel.pager.storage import Page

MODULES = (
    "turso_wasm.kernel.btree.autovacuum",
    "turso_wasm.kernel.btree.tree",
    "turso_wasm.kernel.pager.cache",
    "turso_wasm.kernel.session.connection",
    "turso_wasm.kernel.btree.cursor.position",
    "turso_wasm.kernel.btree.cursor.move",
    "turso_wasm.kernel.btree.cursor.read",
    "turso_wasm.kernel.btree.cursor.save",
    "turso_wasm.kernel.btree.cursor.seek",
    "turso_wasm.kernel.btree.delete",
    "turso_wasm.kernel.base.errors",
    "turso_wasm.kernel.btree.insert",
    "turso_wasm.kernel.btree.check.file",
    "turso_wasm.kernel.base.memory",
    "turso_wasm.kernel.btree.ptrmap",
    "turso_wasm.kernel.session.statement",
)
SEEK_GE, SEEK_GT, SEEK_LE, SEEK_LT = range(4)
CAP_OWNED_MEMORY = 3
NAME = b"main.db"

Value = int | float | str | bytes | None


class Corrupt(Exception):
    """The kernel raised SQLITE_CORRUPT; the argument is the page number it noticed it on."""


class KernelError(Exception):
    """The kernel raised another SQL error: (code, message)."""


# --- records and their order, written independently of the kernel -----------------------------------------------------


def varint(value: int) -> bytes:
    """The shortest varint of a signed 64-bit integer."""
    value &= (1 << 64) - 1
    if value >> 56:
        low = value & 255
        groups = [value >> (8 + 7 * i) & 127 | 128 for i in range(8)]
        return bytes(reversed(groups)) + bytes([low])
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127 | 128)
    return bytes(reversed(groups))


def serial(value: Value) -> tuple[int, bytes]:
    """Serial type and body of a value."""
    if value is None:
        return 0, b""
    if isinstance(value, float):
        return 7, struct.pack(">d", value)
    if isinstance(value, int):
        if value in (0, 1):
            return 8 + value, b""
        for serial_type, size in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (6, 8)):
            if -(1 << (8 * size - 1)) <= value < 1 << (8 * size - 1):
                return serial_type, value.to_bytes(size, "big", signed=True)
    data = value.encode() if isinstance(value, str) else bytes(value)
    return (13 if isinstance(value, str) else 12) + 2 * len(data), data


def record(values: Iterable[Value]) -> bytes:
    """A record in SQLite's format."""
    parts = [serial(value) for value in values]
    types = b"".join(varint(serial_type) for serial_type, _ in parts)
    size = len(types) + 1
    while len(types) + len(varint(size)) != size:
        size += 1
    return varint(size) + types + b"".join(body for _, body in parts)


def _storage_class(value: Value) -> int:
    if value is None:
        return 0
    return 1 if isinstance(value, (int, float)) else 2 if isinstance(value, str) else 3


def compare_values(a: Any, b: Any, flags: int = 0) -> int:
    """Order of two values as fields of an index whose field has these flags."""
    if _storage_class(a) != _storage_class(b):
        order = _storage_class(a) - _storage_class(b)
    elif a is None:
        return 0
    else:
        if isinstance(a, str):
            if flags & 3 == 1:
                a, b = a.lower(), b.lower()
            if flags & 3 == 2:
                a, b = a.rstrip(" "), b.rstrip(" ")
            a, b = a.encode(), b.encode()
        order = (a > b) - (a < b)
    return -order if flags & KEY_DESC else order


def key_order(flags: Sequence[int]) -> Callable[[Sequence[Value]], Any]:
    """A sort key for rows whose first len(flags) fields are the key."""

    def compare(a: Sequence[Value], b: Sequence[Value]) -> int:
        for x, y, field in zip(a, b, flags, strict=False):
            if order := compare_values(x, y, field):
                return order
        return 0

    return cmp_to_key(compare)


def free_bytes(page: bytes, header: int) -> int:
    """Unused bytes of a b-tree page: gap, freeblocks, fragments."""
    kind, freeblock, n, content, fragments = struct.unpack(">BHHHB", page[header : header + 8])
    free: int = (content or 65536) - header - (8 if kind & 8 else 12) - 2 * n + fragments
    while freeblock:
        freeblock, size = struct.unpack(">HH", page[freeblock : freeblock + 4])
        free += size
    return free


def unasked(*_: int) -> int:
    """A call that only files with CAP_SHARED are asked."""
    raise AssertionError("the log of this file is not shared")


# --- the file ---------------------------------------------------------------------------------------------------------


class MemoryFiles:
    """The vfs imports over one file of bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = bytearray(content)
        self.kernel: Kernel | None = None
        self.reads = 0

    def imports(self) -> dict[str, Callable[..., Any]]:
        """All functions of the module "vfs"."""
        return {
            "vfs_open": lambda name, size, flags: 1,
            "vfs_close": lambda fd: None,
            "vfs_delete": lambda name, size, durable: 0,
            "vfs_exists": lambda name, size: 0,
            "vfs_read": self.read,
            "vfs_write": self.write,
            "vfs_truncate": self.truncate,
            "vfs_sync": lambda fd: 0,
            "vfs_size": lambda fd: len(self.content),
            "vfs_lock": lambda fd, level: 0,
            "vfs_unlock": lambda fd, level: None,
            "vfs_begin": lambda fd, name, size, p, n, offset: self.read(fd, p, n, offset),
            "vfs_begin_log": lambda fd, log, name, size, p, offset: JOURNAL_EXISTS,
            "vfs_check_reserved": lambda fd: 0,
            "vfs_moved": lambda fd: 0,
            **{f"vfs_shm_{call}": unasked for call in ("open", "close", "lock", "begin", "read", "write")},
            "vfs_capabilities": lambda fd: CAP_OWNED_MEMORY,
            "host_now": lambda: 0.0,
            "host_random": self.random,
            "host_sleep": lambda ms: 0,
        }

    def read(self, fd: int, p: int, n: int, offset: int) -> int:
        self.reads += 1
        data = bytes(self.content[offset : offset + n])
        assert self.kernel is not None
        self.kernel.write(p, data)
        return len(data)

    def write(self, fd: int, p: int, n: int, offset: int) -> int:
        assert self.kernel is not None
        if len(self.content) < offset:
            self.content.extend(bytes(offset - len(self.content)))
        self.content[offset : offset + n] = self.kernel.read(p, n)
        return 0

    def truncate(self, fd: int, size: int) -> int:
        del self.content[size:]
        self.content.extend(bytes(size - len(self.content)))
        return 0

    def random(self, p: int, n: int) -> None:
        assert self.kernel is not None
        self.kernel.write(p, random.randbytes(n))


def make_file(sql: str, page_size: int = 4096, auto_vacuum: int = 0, reserved: int = 0) -> bytes:
    """A database file made by SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "made.db")
        connection = apsw.Connection(path)
        connection.execute(f"PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = {auto_vacuum}")
        connection.execute(sql)
        if reserved:
            connection.reserve_bytes("main", reserved)
            connection.execute("VACUUM")
        connection.close()
        return Path(path).read_bytes()


def ask_sqlite(content: bytes, *queries: str) -> list[list[tuple[Any, ...]]]:
    """The rows of queries on a database file, from SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "asked.db"
        path.write_bytes(content)
        connection = apsw.Connection(str(path))
        try:
            return [list(connection.execute(query)) for query in queries]
        finally:
            connection.close()


class Trees:
    """A database file whose b-trees are driven through the kernel."""

    def __init__(self, content: bytes, modules: Sequence[str] = (), write: bool = True) -> None:
        self.files = MemoryFiles(content)
        names = (*MODULES, *modules)
        _, symbols = kernel_harness._compiled(names)
        wanted = {item["name"] for item in symbols["imports"]}
        imports = {name: function for name, function in self.files.imports().items() if name in wanted}
        self.kernel = self.files.kernel = Kernel(names, imports)
        self._buffer, self._capacity = 0, 0
        self.connection = self.call("connection_new")
        self.call("connection_open", self.connection, 0, self.copy(NAME), len(NAME), 0)
        self.write = write
        self.begin()

    @classmethod
    def create(
        cls, sql: str, page_size: int = 4096, auto_vacuum: int = 0, reserved: int = 0, modules: Sequence[str] = ()
    ) -> Trees:
        """A file made by SQLite with this schema. modules: further ones whose functions can be called."""
        return cls(make_file(sql, page_size, auto_vacuum, reserved), modules)

    def close(self) -> None:
        """Free the instance's memory: instances and their imports refer to each other."""
        self.kernel.store.close()

    def begin(self) -> None:
        """Begin a transaction."""
        self.statement = self.call("statement_new", self.connection, 0, 0, 0)
        self.call("statement_begin", self.statement, 0, int(self.write), -1)
        self.pager = self.call("pager_of", self.connection, 0)

    def commit(self) -> None:
        """Commit (auto-vacuum shortens the file) and begin anew; all cursors are closed."""
        self.call("statement_done", self.statement)
        self.call("statement_free", self.statement)
        self.begin()

    def rollback(self) -> None:
        """Roll back and begin anew; all cursors are closed."""
        self.call("statement_free", self.statement)
        self.begin()

    def call(self, name: str, *args: int) -> Any:
        """Call the kernel. Errors: Corrupt, KernelError; a trap without an SQL error passes through."""
        try:
            return self.kernel.call(name, *args)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
            at = self.kernel.call("error_record")
            code, size, text = struct.unpack("<iiI", self.kernel.read(at, 12))
            message = self.kernel.read(text, size).decode() if code else ""
            self.kernel.call("error_clear")
            if code == 11:
                raise Corrupt(self.kernel.call("error_corrupt_pgno")) from trap
            if code:
                raise KernelError(code, message) from trap
            raise

    def copy(self, data: bytes) -> int:
        """The address of a copy of some bytes, until the next call of this."""
        if len(data) > self._capacity:
            self._capacity = max(4096, 2 * len(data))
            self._buffer = self.call("malloc", self._capacity)
        self.kernel.write(self._buffer, data)
        return self._buffer

    def keep(self, data: bytes) -> int:
        """The address of a copy of some bytes that stays."""
        p: int = self.call("malloc", len(data) or 1)
        self.kernel.write(p, data)
        return p

    @property
    def page_count(self) -> int:
        count: int = self.call("pager_page_count", self.pager)
        return count

    def page(self, pgno: int) -> bytes:
        """The bytes of a page as the transaction sees it."""
        at = self.call("pager_get", self.pager, pgno)
        data = struct.unpack("<I", self.kernel.read(at + Page.offset("data"), 4))[0]
        return self.kernel.read(data, self.page_size)

    @property
    def page_size(self) -> int:
        size = struct.unpack(">H", self.files.content[16:18])[0]
        return 65536 if size == 1 else size

    def content(self) -> bytes:
        """The file as it would be after a commit without auto-vacuum."""
        pages = bytearray(b"".join(self.page(pgno + 1) for pgno in range(self.page_count)))
        change = struct.unpack(">I", pages[24:28])[0] + 1
        pages[24:32] = struct.pack(">II", change, self.page_count)
        pages[92:96] = struct.pack(">I", change)
        return bytes(pages)

    def query(self, *queries: str) -> Any:
        """The rows SQLite reads from the pages as they are now; of several queries a list."""
        answers = ask_sqlite(self.content(), *queries)
        return answers[0] if len(answers) == 1 else answers

    def verify(self) -> None:
        """SQLite finds nothing wrong."""
        assert self.query("PRAGMA integrity_check") == [("ok",)]

    def integrity(self, roots: Sequence[int], most: int = 100) -> str:
        """What our integrity_check says about these trees; roots[0] == 0: only about them."""
        at = self.copy(struct.pack(f"<{len(roots)}i", *roots) + b"main")
        check = self.call("check_new", self.statement, most)
        self.call("check_database", check, 0, at, len(roots), at + 4 * len(roots), 4)
        answer = self.call("check_next", check)
        text: str = self.kernel.read(answer & 0xFFFFFFFF, answer >> 32).decode()
        self.call("resource_free", self.statement, check)
        return "" if text == "ok" else text.removeprefix("*** in database main ***\n")

    def free_counts_are_right(self) -> None:
        """Page.free of every b-tree page in memory says what its bytes say."""
        for pgno in range(1, self.page_count + 1):
            at = self.call("pager_get", self.pager, pgno)
            checked, free = struct.unpack("<ii", self.kernel.read(at + Page.offset("checked"), 8))
            if checked and free:
                assert free - 1 == free_bytes(self.page(pgno), 100 if pgno == 1 else 0)

    def verify_structure(self) -> None:
        """Our integrity_check finds nothing wrong with the whole file."""
        assert self.integrity(sorted({1, *self.roots().values()})) == ""
        self.free_counts_are_right()

    def roots(self) -> dict[str, int]:
        """Root pages by name."""
        return dict(self.query("SELECT name, rootpage FROM sqlite_schema"))

    def table(self, name: str | int) -> Tree:
        """A cursor on a rowid table."""
        return Tree(self, self.roots()[name] if isinstance(name, str) else name, ())

    def index(self, name: str | int, *flags: int) -> Tree:
        """A cursor on an index or WITHOUT ROWID table whose key fields have these flags."""
        return Tree(self, self.roots()[name] if isinstance(name, str) else name, flags)


class Tree:
    """A cursor."""

    def __init__(self, db: Trees, root: int, flags: Sequence[int]) -> None:
        self.db, self.root, self.flags = db, root, flags
        info = db.keep(struct.pack(f"<{1 + len(flags)}i", len(flags), *flags)) if flags else 0
        self.at = db.call("cursor_open", db.statement, 0, root, info, 1)

    def call(self, name: str, *args: int) -> Any:
        """Call a kernel routine with this cursor."""
        return self.db.call(name, self.at, *args)

    def field(self, name: str) -> int:
        """A field of the Cursor struct."""
        value: int = struct.unpack("<i", self.db.kernel.read(self.at + Cursor.offset(name), 4))[0]
        return value

    def probe(self, values: Sequence[Value]) -> int:
        """The address of an array of values."""
        blobs = [v.encode() if isinstance(v, str) else v if isinstance(v, bytes) else b"" for v in values]
        base = self.db.copy(bytes(16 * len(values) + sum(map(len, blobs))))
        at = base + 16 * len(values)
        block = b""
        for value, blob in zip(values, blobs, strict=True):
            if value is None:
                block += struct.pack("<iiq", 0, 0, 0)
            elif isinstance(value, int):
                block += struct.pack("<iiq", 1, 0, value)
            elif isinstance(value, float):
                block += struct.pack("<iid", 2, 0, value)
            else:
                block += struct.pack("<iiII", 3 if isinstance(value, str) else 4, 0, at, len(blob))
                at += len(blob)
        self.db.kernel.write(base, block + b"".join(blobs))
        return base

    # moving
    def first(self) -> bool:
        return bool(self.call("cursor_first"))

    def last(self) -> bool:
        return bool(self.call("cursor_last"))

    def next(self) -> bool:
        return bool(self.call("cursor_next"))

    def prev(self) -> bool:
        return bool(self.call("cursor_prev"))

    def seek(self, key: int | Sequence[Value], op: int | None = None) -> bool:
        """Seek a rowid (op None: exactly) or a key."""
        if isinstance(key, int):
            if op is None:
                return bool(self.call("cursor_seek_rowid", key))
            return bool(self.call("cursor_seek_rowid_op", key, op, key))
        return bool(self.call("cursor_seek_key", self.probe(key), len(key), SEEK_GE if op is None else op))

    # reading
    @property
    def rowid(self) -> int:
        rowid: int = self.call("cursor_rowid")
        return rowid

    def payload(self) -> bytes:
        p = self.call("cursor_payload")
        return self.db.kernel.read(p, self.field("payload_size"))

    def value(self, tag: int, payload: int) -> Value:
        """A value in flight as a Python value."""
        if tag == 0:
            return None
        if tag == 1:
            return payload
        if tag == 2:
            real: float = struct.unpack("<d", struct.pack("<q", payload))[0]
            return real
        data = self.db.kernel.read(payload & 0xFFFFFFFF, payload >> 32)
        return data.decode() if tag == 3 else data

    def column(self, number: int) -> Value:
        return self.value(*self.call("cursor_column", number))

    def columns(self, mask: int) -> dict[int, Value]:
        """The columns whose bit is set."""
        out = self.db.keep(bytes(16 * 64))
        self.call("cursor_columns", mask, out)
        values = {}
        for i in range(64):
            if mask >> i & 1:
                tag, _, payload = struct.unpack("<iiq", self.db.kernel.read(out + 16 * i, 16))
                values[i] = self.value(tag, payload)
        self.db.call("mfree", out)
        return values

    def entry(self) -> Any:
        """(rowid, record) of a table, the record of an index."""
        return self.payload() if self.flags else (self.rowid, self.payload())

    def scan(self, backward: bool = False) -> list[Any]:
        """All entries."""
        entries = []
        on = self.last() if backward else self.first()
        while on:
            entries.append(self.entry())
            on = self.prev() if backward else self.next()
        return entries

    def count(self) -> int:
        count: int = self.call("btree_count")
        return count

    # writing
    def insert(self, *args: Any) -> None:
        """insert(rowid, record) into a table, insert(record) into an index."""
        data = args[-1]
        if self.flags:
            self.call("index_insert", self.db.copy(data), len(data))
        else:
            self.call("table_insert", args[0], self.db.copy(data), len(data))

    def delete(self) -> None:
        self.call("cursor_delete")

    def delete_key(self, key: Sequence[Value]) -> bool:
        return bool(self.call("index_delete", self.probe(key), len(key)))

    def clear(self) -> int:
        entries: int = self.db.call("btree_clear", self.db.statement, 0, self.root)
        return entries

    def close(self) -> None:
        self.call("cursor_close")
