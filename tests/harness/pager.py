"""Driving the pager from tests: a kernel over any VFS, connections, statements and raw pages.

    engine = Engine(MemoryVfs())
    link = engine.connect("a.db")
    with link.write() as t:                 # one autocommit statement
        t.put(2, b"..."), t.get(1), t.new_page()
    link.begin(); ...; link.commit()

A failing call runs statement_abort, as hosts do, and raises SqlFailure(code, message).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import wasmtime

from tests.harness.kernel import Kernel, KernelAssertion
from turso_wasm.kernel.abi import (
    JOURNAL_EXISTS,
    LOCK_EXCLUSIVE,
    LOCK_SHARED,
    LOG_HEAD_SIZE,
    LOG_NEXT_SIZE,
    OPEN_CREATE,
    OPEN_MEMORY,
    SHM_HEAD_SIZE,
    KernelConnection,
    Run,
)
from turso_wasm.kernel.pager import storage
from turso_wasm.vfs.base import BUSY, VfsError, code_of

MODULES = [
    "turso_wasm.kernel.session.settings",
    "turso_wasm.kernel.session.transaction",
    "turso_wasm.kernel.session.rekey",
]


class SqlFailure(Exception):
    """The kernel raised an SQL error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Engine:
    """One process: a kernel instance whose files are those of `vfs`. key: of all databases that are opened."""

    key: str | None = None

    def __init__(self, vfs: Any, can_sleep: bool = False) -> None:
        self.vfs = vfs
        self.files: dict[int, Any] = {}
        self.next_fd = 0
        self.calls: list[tuple[Any, ...]] = []
        self.slept = 0
        self.polled = 0
        self.on_sleep: Any = None
        self.can_sleep = can_sleep
        names = [name for name in dir(self) if name.startswith(("vfs_", "host_"))]
        self.kernel = Kernel(MODULES, imports={name: self._logged(name) for name in names})
        self.stack_pointer = self.kernel.get_global("stack_pointer")
        self.functions: dict[str, Any] = {}

    def _logged(self, name: str) -> Any:
        method = getattr(self, name)

        def call(*args: Any) -> Any:
            try:
                return method(*args)
            except (VfsError, OSError) as error:
                return -code_of(error, name.removeprefix("vfs_"))

        return call

    # --- the host's side ---------------------------------------------------------------------------------------

    def _name(self, p: int, n: int) -> str:
        return self.kernel.read(p, n).decode()

    def vfs_open(self, p: int, n: int, flags: int) -> int:
        name = self._name(p, n) if n else ""
        self.calls.append(("open", name))
        file = self.vfs.open(name, flags)
        self.next_fd += 1
        self.files[self.next_fd] = (file, name)
        return self.next_fd

    def vfs_close(self, fd: int) -> None:
        file, name = self.files.pop(fd)
        self.calls.append(("close", name))
        file.close()

    def vfs_delete(self, p: int, n: int, durable: int) -> int:
        self.calls.append(("delete durably" if durable else "delete", self._name(p, n)))
        self.vfs.delete(self._name(p, n), durable=bool(durable))
        return 0

    def vfs_exists(self, p: int, n: int) -> int:
        self.calls.append(("exists", self._name(p, n)))
        return int(self.vfs.exists(self._name(p, n)))

    def vfs_read(self, fd: int, p: int, n: int, offset: int) -> int:
        file, name = self.files[fd]
        self.calls.append(("read", name, offset, n))
        buffer = bytearray(n)
        got: int = file.read(memoryview(buffer), offset)
        self.kernel.write(p, bytes(buffer[:got]))
        return got

    def vfs_write(self, fd: int, p: int, n: int, offset: int) -> int:
        file, name = self.files[fd]
        self.calls.append(("write", name, offset, n))
        file.write(memoryview(self.kernel.read(p, n)), offset)
        return 0

    def vfs_truncate(self, fd: int, size: int) -> int:
        file, name = self.files[fd]
        self.calls.append(("truncate", name, size))
        file.truncate(size)
        return 0

    def vfs_sync(self, fd: int) -> int:
        file, name = self.files[fd]
        self.calls.append(("sync", name))
        file.sync()
        return 0

    def vfs_size(self, fd: int) -> int:
        file, name = self.files[fd]
        self.calls.append(("size", name))
        return int(file.size())

    def vfs_lock(self, fd: int, level: int) -> int:
        file, name = self.files[fd]
        self.calls.append(("lock", name, level))
        return 0 if file.lock(level) else -5

    def vfs_unlock(self, fd: int, level: int) -> None:
        file, name = self.files[fd]
        self.calls.append(("unlock", name, level))
        file.unlock(level)

    def vfs_begin(self, fd: int, name: int, size: int, p: int, n: int, offset: int) -> int:
        rc = self.vfs_lock(fd, LOCK_SHARED)
        if rc:
            return rc
        return JOURNAL_EXISTS if self.vfs_exists(name, size) else self.vfs_read(fd, p, n, offset)

    def vfs_begin_log(self, fd: int, log: int, name: int, size: int, p: int, offset: int) -> int:
        rc = self.vfs_lock(fd, LOCK_EXCLUSIVE)
        if rc:
            return rc
        if self.vfs_exists(name, size) or self.vfs_moved(fd) or self.vfs_moved(log):
            return JOURNAL_EXISTS
        n = self.vfs_read(log, p, LOG_HEAD_SIZE, 0)
        return n + self.vfs_read(log, p + n, LOG_NEXT_SIZE, offset) if n == LOG_HEAD_SIZE else n

    def vfs_check_reserved(self, fd: int) -> int:
        file, name = self.files[fd]
        self.calls.append(("check_reserved", name))
        return int(file.check_reserved())

    def vfs_moved(self, fd: int) -> int:
        return int(self.files[fd][0].moved())

    def vfs_shm_open(self, fd: int) -> int:
        return 0 if self.files[fd][0].shm_open() else -BUSY

    def vfs_shm_close(self, fd: int, delete: int) -> None:
        self.files[fd][0].shm_close(delete=bool(delete))

    def vfs_shm_lock(self, fd: int, first: int, n: int, how: int) -> int:
        return 0 if self.files[fd][0].shm_lock(first, n, how) else -BUSY

    def vfs_shm_begin(self, fd: int, which: int, how: int, p: int) -> int:
        return self.vfs_shm_lock(fd, which, 1, how) or self.vfs_shm_read(fd, p, SHM_HEAD_SIZE, 0)

    def vfs_shm_read(self, fd: int, p: int, n: int, offset: int) -> int:
        buffer = bytearray(n)
        self.files[fd][0].shm_read(memoryview(buffer), offset)
        self.kernel.write(p, bytes(buffer))
        return 0

    def vfs_shm_write(self, fd: int, p: int, n: int, offset: int) -> int:
        self.files[fd][0].shm_write(memoryview(self.kernel.read(p, n)), offset)
        return 0

    def vfs_capabilities(self, fd: int) -> int:
        return int(self.files[fd][0].capabilities)

    def host_random(self, p: int, n: int) -> None:
        self.kernel.write(p, os.urandom(n))

    def host_poll(self) -> int:
        return self.polled

    def host_sleep(self, ms: int) -> int:
        if not self.can_sleep:
            return 0
        self.slept += ms
        if self.on_sleep:
            self.on_sleep(self.slept)
        return 1

    # --- the caller's side -------------------------------------------------------------------------------------

    def call(self, name: str, *args: int, statement: int = 0) -> Any:
        """Call the kernel. Errors: SqlFailure, after statement_abort of `statement`."""
        function = self.functions.get(name)
        if function is None:
            function = self.functions[name] = self.kernel.exports[name]
        try:
            return function(self.kernel.store, *args)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            self._check_assertion(error)
            record = self.kernel.call("error_record")
            code, size, text = struct.unpack("<iiI", self.kernel.read(record, 12))
            if code == 0:
                raise
            message = self.kernel.read(text, size).decode()
            self.kernel.set_global("stack_pointer", self.stack_pointer)
            if statement:
                self.kernel.call("statement_abort", statement)
            self.kernel.call("error_clear")
            raise SqlFailure(code, message) from error

    def _check_assertion(self, error: Exception) -> None:
        size = self.kernel.get_global("assert_size")
        if size:
            text = self.kernel.read(self.kernel.get_global("assert_text"), size).decode()
            raise KernelAssertion(text) from error

    def put(self, data: bytes) -> int:
        """Bytes in malloc'ed memory."""
        p: int = self.kernel.call("malloc", max(1, len(data)))
        self.kernel.write(p, data)
        return p

    def field(self, struct_class: Any, at: int, name: str) -> int:
        """A 4-byte field of a kernel struct."""
        return int.from_bytes(self.kernel.read(at + struct_class.offset(name), 4), "little", signed=True)

    def set_field(self, struct_class: Any, at: int, name: str, value: int) -> None:
        self.kernel.write(at + struct_class.offset(name), value.to_bytes(4, "little", signed=True))

    def connect(self, name: str = "db", flags: int = OPEN_CREATE) -> Link:
        """A new connection with the database in slot 0."""
        return Link(self, name, flags)

    def memory(self) -> Link:
        """A connection on a private in-memory database."""
        return Link(self, ":memory:", OPEN_MEMORY | OPEN_CREATE)


class Link:
    """One connection, slot 0."""

    def __init__(self, engine: Engine, name: str, flags: int) -> None:
        self.engine = engine
        self.name = name
        self.c = engine.call("connection_new")
        self.open(0, name, flags)
        self.script = engine.call("statement_new", self.c, 0, 0, 0)

    def open(self, slot: int, name: str, flags: int = OPEN_CREATE) -> None:
        encoded = name.encode()
        p = self.engine.put(encoded)
        self.engine.call("connection_open", self.c, slot, p, len(encoded), flags)
        self.engine.call("mfree", p)
        if self.engine.key is not None:
            self.give_key(slot, self.engine.key)

    def give_key(self, slot: int, key: str) -> None:
        p = self.engine.put(key.encode())
        self.engine.call("connection_key", self.c, slot, p, len(key), 0)
        self.engine.call("mfree", p)

    def close(self) -> None:
        self.engine.call("connection_free", self.c)

    @property
    def pager(self) -> int:
        return self.engine.field(KernelConnection, self.c, "pagers")

    @property
    def database(self) -> int:
        return self.engine.field(storage.Pager, self.pager, "database")

    @property
    def autocommit(self) -> int:
        return self.engine.field(KernelConnection, self.c, "autocommit")

    def set_timeout(self, ms: int) -> None:
        self.engine.set_field(KernelConnection, self.c, "busy_timeout_ms", ms)

    # --- statements ----------------------------------------------------------------------------------------------

    def run(self, name: str, *args: int) -> Any:
        """A program of one kernel call, like BEGIN or a PRAGMA."""
        s = self.script
        try:
            result = self.engine.call(name, s, *args, statement=s)
            self.engine.call("statement_done", s, statement=s)
        finally:
            self.engine.call("statement_reset", s)
        return result

    def begin(self, mode: int = 0) -> None:
        self.run("transaction_begin", mode)

    def commit(self) -> None:
        self.run("transaction_commit")

    def rollback(self) -> None:
        self.run("transaction_rollback")

    def _named(self, function: str, name: str) -> None:
        p = self.engine.put(name.encode())
        try:
            self.run(function, p, len(name.encode()))
        finally:
            self.engine.call("mfree", p)

    def savepoint(self, name: str) -> None:
        self._named("savepoint_open", name)

    def release(self, name: str) -> None:
        self._named("savepoint_release", name)

    def rollback_to(self, name: str) -> None:
        self._named("savepoint_rollback", name)

    def get(self, field: int) -> int:
        return int(self.engine.call("database_get", self.c, 0, field))

    def set(self, field: int, value: int) -> int:
        return int(self.run("database_set", 0, field, value))

    def journal_mode(self, mode: int) -> int:
        return int(self.run("journal_mode_set", 0, mode))

    def checkpoint(self, mode: int = 0) -> list[int]:
        return list(self.run("wal_checkpoint", 0, mode))

    @contextmanager
    def write(self, savepoint: bool = False) -> Iterator[Work]:
        """A statement that writes."""
        with self.statement(1) as work:
            if savepoint:
                work.savepoint()
            yield work

    @contextmanager
    def read(self) -> Iterator[Work]:
        """A statement that reads."""
        with self.statement(0) as work:
            yield work

    @contextmanager
    def statement(self, write: int, cookie: int = -1, epoch: int | None = None) -> Iterator[Work]:
        """A statement prepared for this cookie (-1: any) and schema epoch (None: the one of now)."""
        work = Work(self, write, cookie, self.epoch if epoch is None else epoch)
        try:
            yield work
            work.done()
        finally:
            work.free()

    def start(self, write: int = 0) -> Work:
        """A statement that stays open until `done`, `reset` or `free`."""
        return Work(self, write, -1, 0)

    @property
    def epoch(self) -> int:
        """The connection's schema epoch."""
        return self.engine.field(KernelConnection, self.c, "schema_epoch")

    def page(self, pgno: int) -> bytes:
        """One page, in a statement of its own."""
        with self.read() as work:
            return work.get(pgno)

    def pages(self) -> dict[int, bytes]:
        """The whole database as this connection sees it."""
        with self.read() as work:
            return work.pages()


class Work:
    """A running statement that reads and writes raw pages."""

    def __init__(self, link: Link, write: int, cookie: int, epoch: int) -> None:
        self.link = link
        self.engine = link.engine
        self.s = self.engine.call("statement_new", link.c, 0, 0, 0)
        self.engine.set_field(Run, self.s, "schema_epoch", epoch)
        try:
            self.call("statement_begin", self.s, 0, write, cookie)
        except SqlFailure:
            self.free()
            raise
        self.size = self.engine.field(storage.SharedFile, link.database, "page_size")

    def call(self, name: str, *args: int) -> Any:
        return self.engine.call(name, *args, statement=self.s)

    def _data(self, page: int) -> int:
        return self.engine.field(storage.Page, page, "data")

    def get(self, pgno: int) -> bytes:
        page = self.call("pager_get", self.link.pager, pgno)
        return self.engine.kernel.read(self._data(page), self.size)

    def put(self, pgno: int, data: bytes) -> None:
        """Change a page, appending it (and those before it) if it is behind the end."""
        for _ in range(pgno - self.count()):
            self.call("pager_new_page", self.link.pager)
        page = self.call("pager_write", self.link.pager, self.call("pager_get", self.link.pager, pgno))
        self.engine.kernel.write(self._data(page), data)

    def blank(self, pgno: int) -> None:
        self.call("pager_write_blank", self.link.pager, pgno)

    def new_page(self) -> int:
        page = self.call("pager_new_page", self.link.pager)
        return self.engine.field(storage.Page, page, "pgno")

    def truncate(self, n: int) -> None:
        self.call("pager_truncate", self.link.pager, n)

    def count(self) -> int:
        return self.engine.field(storage.Pager, self.link.pager, "page_count")

    def age(self) -> None:
        """As if a thousand other pages had been got: pages that no cursor holds are idle."""
        kernel = self.engine.kernel
        kernel.set_global("gets", kernel.get_global("gets") + 1000)

    def pages(self) -> dict[int, bytes]:
        return {pgno: self.get(pgno) for pgno in range(1, self.count() + 1)}

    def savepoint(self) -> None:
        self.call("statement_savepoint", self.s)

    def fail(self, code: int = 19, on_error: int = 0) -> None:
        """Fail as a program does, with `code`."""
        text = self.engine.put(b"constraint failed")
        self.engine.set_field(Run, self.s, "on_error", on_error)
        try:
            self.call("raise_error", code, text, 17)
        except SqlFailure as error:
            assert error.code == code
        finally:
            self.engine.call("mfree", text)

    def done(self) -> None:
        if self.s:
            self.call("statement_done", self.s)

    def reset(self) -> None:
        self.engine.call("statement_reset", self.s)

    def free(self) -> None:
        if self.s:
            s, self.s = self.s, 0
            self.engine.call("statement_free", s)


def page_bytes(seed: int, size: int = 4096) -> bytes:
    """A page's worth of bytes that depend on the seed, but for those that an encrypted database reserves."""
    return struct.pack("<I", seed) * (size // 4 - 12) + bytes(48)
