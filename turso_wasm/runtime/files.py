"""The kernel's files: descriptors, the named file systems they come from, and failures as negative result codes.

What the kernel's `vfs_*` imports (turso_wasm/kernel/base/vfs.py, V1-V5) mean when storage is Python (turso_wasm/vfs).
A host calls the methods of `FileTable` with memoryviews of linear memory.

Names the kernel sees are `path`, or `vfs:NAME:path` for a file system other than the default one; a journal or WAL
name is the database's plus a suffix, so it goes the same way.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, cast

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.kernel.abi import JOURNAL_EXISTS, LOG_HEAD_SIZE, OPEN_MEMORY, OPEN_READONLY, OPEN_TEMP, OPEN_URI
from turso_wasm.runtime.uri import Location, parse_location
from turso_wasm.vfs.base import (
    BUSY,
    CANTOPEN,
    CAP_MEMORY,
    CAP_OWNED,
    IOERR,
    LOCK_EXCLUSIVE,
    LOCK_NONE,
    LOCK_SHARED,
    OPEN_CREATE,
    File,
    SharingFile,
    Vfs,
    VfsError,
    code_of,
)
from turso_wasm.vfs.file import FileVfs, SystemFile
from turso_wasm.vfs.memory import MemoryVfs
from turso_wasm.vfs.trusting import ImmutableVfs, UnlockedVfs

PREFIX = "vfs:"
MEMORY = "memory"  # the file system of in-memory databases that have a name

IMMUTABLE, NOLOCK = " immutable", " nolock"  # of files that a URI says this of: no names that it could say
SYSTEM = "win32" if sys.platform == "win32" else "unix"  # what SQLite calls the default one

_registered: dict[str, Vfs] = {
    MEMORY: MemoryVfs(CAP_MEMORY | CAP_OWNED, transient=True),
    IMMUTABLE: ImmutableVfs(FileVfs()),
    NOLOCK: UnlockedVfs(FileVfs()),
}


def register_vfs(name: str, vfs: Vfs) -> None:
    """Make `vfs` available as `file:…?vfs=name`, from now on. `name` must not contain a colon."""
    if not name or ":" in name:
        raise ValueError(f"not a name for a VFS: {name!r}")
    _registered[name] = vfs


def unregister_vfs(name: str) -> None:
    """Forget a file system; open files stay open."""
    _registered.pop(name, None)


def has_vfs(name: str) -> bool:
    """True when `name` was registered."""
    return name in _registered


def qualified(vfs: str | None, path: str) -> str:
    """The name the kernel is given for `path` on the file system `vfs` (None: the default)."""
    return f"{PREFIX}{vfs}:{path}" if vfs else path


def shown(name: str) -> str:
    """A kernel's name as PRAGMA database_list shows it."""
    if not name.startswith(PREFIX):
        return name
    vfs, _, path = name[len(PREFIX) :].partition(":")
    return "" if vfs == MEMORY else path


def kernel_name(location: Location, near: str = "") -> tuple[str, int]:
    """The name and the OPEN_* flags the kernel is given. near: the name of a database in whose file system it is,
    unless the location has one of its own. Errors: SqlError for a file system that nobody has registered.
    """
    flags = OPEN_READONLY if location.readonly else (OPEN_CREATE if location.create else 0)
    if location.shared_memory is not None:
        return qualified(MEMORY, location.shared_memory), OPEN_CREATE
    if location.path == ":memory:":
        return location.path, OPEN_MEMORY | OPEN_CREATE | (flags & OPEN_READONLY)
    if location.path == "":
        return location.path, OPEN_TEMP | OPEN_CREATE | (flags & OPEN_READONLY)
    vfs = None if location.vfs == SYSTEM else location.vfs
    if vfs is not None and not has_vfs(vfs):
        raise SqlError(SQLITE_ERROR, f"no such vfs: {vfs}")
    if location.vfs is None and near.startswith(PREFIX):
        vfs = near[len(PREFIX) :].partition(":")[0]
        vfs = None if vfs in (MEMORY, IMMUTABLE, NOLOCK) else vfs
    if vfs is None and (location.immutable or location.nolock):
        vfs = IMMUTABLE if location.immutable else NOLOCK
        return qualified(vfs, os.path.realpath(location.path)), flags
    return (qualified(vfs, location.path) if vfs else os.path.realpath(location.path)), flags


def locate(name: str, near: str, flags: int) -> tuple[str, int]:
    """What the kernel calls a database that the user calls `name`, and the OPEN_* flags to open it with; or a message
    and a negative result code; behind the name its key (kernel/base/vfs.py vfs_locate).
    """
    try:
        if "\0" in name:
            return "", -CANTOPEN
        location = parse_location(name, bool(flags & OPEN_URI), flags)
        found, how = kernel_name(location, near)
        return (f"{found}\0{int(bool(location.cipher))}{location.key}" if location.key else found), how
    except SqlError as error:
        return error.message, -error.code


class LostFile:
    """A file that was open when the process was forked. The parent goes on with it, and the child must not touch it:
    they share its locks, and the child's end of a transaction would be that of the parent's.
    """

    capabilities = 0

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        """Any operation."""
        return self._refuse

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise VfsError(IOERR, "the connection belongs to the parent process")

    def moved(self) -> bool:
        """Whatever it is called now."""
        return True

    def close(self) -> None:
        """It was closed when the process began."""


class FileTable:
    """Open files by descriptor. Each method answers as the kernel expects: a count, 0, or minus a result code.

    Errors other than VfsError and OSError are bugs (or KeyboardInterrupt) and pass through.
    """

    def __init__(self) -> None:
        self.default: Vfs = FileVfs()
        self.files: dict[int, File] = {}
        self.next_fd = 0
        _tables.add(self)
        self._journals: dict[int, tuple[Vfs, str]] = {}  # of databases, by descriptor

    def lose(self) -> None:
        """The process is a child that was forked: what is in files of the system belongs to its parent."""
        lost = cast("File", LostFile())
        self.files = {fd: lost if isinstance(file, SystemFile) else file for fd, file in self.files.items()}
        if any(file is lost for file in self.files.values()):
            self.default = cast("Vfs", lost)

    def _resolve(self, name: str) -> tuple[Vfs, str]:
        if not name.startswith(PREFIX):
            return self.default, name
        vfs, _, path = name[len(PREFIX) :].partition(":")
        if vfs not in _registered:
            raise VfsError(CANTOPEN, f"no such vfs: {vfs}")
        return _registered[vfs], path

    def open(self, name: memoryview, flags: int) -> int:
        """Open a file; its descriptor."""
        try:
            vfs, path = self._resolve(str(name, "utf-8", "surrogateescape"))
            file = vfs.open(path, flags)
        except VfsError as error:
            return -error.code
        except OSError:
            return -CANTOPEN
        fd = self.next_fd
        self.next_fd += 1
        self.files[fd] = file
        return fd

    def locate(self, name: memoryview, near: memoryview, flags: int, out: memoryview) -> int:
        """Write what the kernel calls a database that the user calls `name`; size << 8 | OPEN_*."""
        found, how = locate(str(name, "utf-8", "surrogateescape"), str(near, "utf-8", "surrogateescape"), flags)
        raw = found.encode("utf-8", "surrogateescape")
        if len(raw) >= len(out):
            return -CANTOPEN
        out[: len(raw)] = raw
        size = len(raw.partition(b"\0")[0])
        return size << 8 | how if how >= 0 else -(size << 8 | -how)

    def close(self, fd: int) -> None:
        """Close a descriptor; errors have nobody left to tell."""
        self._journals.pop(fd, None)
        try:  # noqa: SIM105  called once a commit, and suppress() costs as much as all else here
            self.files.pop(fd).close()
        except (VfsError, OSError):
            pass

    def delete(self, name: memoryview, durable: int) -> int:
        """Delete a file, if durable is 1 so that it survives a crash."""
        try:
            vfs, path = self._resolve(str(name, "utf-8", "surrogateescape"))
            vfs.delete(path, durable=bool(durable))
        except (VfsError, OSError) as error:
            return -code_of(error, "delete")
        return 0

    def exists(self, name: memoryview) -> int:
        """1 or 0."""
        try:
            vfs, path = self._resolve(str(name, "utf-8", "surrogateescape"))
            return int(vfs.exists(path))
        except (VfsError, OSError) as error:
            return -code_of(error, "exists")

    def read(self, fd: int, buffer: memoryview, offset: int) -> int:
        """Fill `buffer`; the number of bytes there were."""
        try:
            return self.files[fd].read(buffer, offset)
        except (VfsError, OSError) as error:
            return -code_of(error, "read")

    def write(self, fd: int, data: memoryview, offset: int) -> int:
        """Write `data`."""
        try:
            self.files[fd].write(data, offset)
        except (VfsError, OSError) as error:
            return -code_of(error, "write")
        return 0

    def truncate(self, fd: int, size: int) -> int:
        """Set the length."""
        try:
            self.files[fd].truncate(size)
        except (VfsError, OSError) as error:
            return -code_of(error, "truncate")
        return 0

    def sync(self, fd: int) -> int:
        """Make durable."""
        try:
            self.files[fd].sync()
        except (VfsError, OSError) as error:
            return -code_of(error, "sync")
        return 0

    def size(self, fd: int) -> int:
        """Length in bytes."""
        try:
            return self.files[fd].size()
        except (VfsError, OSError) as error:
            return -code_of(error, "size")

    def lock(self, fd: int, level: int) -> int:
        """0, or busy."""
        try:
            return 0 if self.files[fd].lock(level) else -BUSY
        except (VfsError, OSError) as error:
            return -code_of(error, "lock")

    def unlock(self, fd: int, level: int) -> None:
        """Lower a lock; errors have nobody left to tell."""
        try:  # noqa: SIM105  called once a transaction, and suppress() costs as much as the call
            self.files[fd].unlock(level)
        except (VfsError, OSError):
            pass

    def begin(self, fd: int, journal: Callable[[], memoryview], buffer: memoryview, offset: int) -> int:
        """Lock SHARED; then JOURNAL_EXISTS, or what `read` gives. The lock is given up on failure.

        journal: the name of the journal, always the same for a descriptor.
        """
        file, doing = self.files[fd], "lock"
        try:
            if not file.lock(LOCK_SHARED):
                return -BUSY
            doing = "exists"
            vfs, path = self._journals.get(fd) or self._journal_of(fd, journal)
            if vfs.exists(path):
                return JOURNAL_EXISTS
            doing = "read"
            return file.read(buffer, offset)
        except (VfsError, OSError) as error:
            if doing != "lock":
                self.unlock(fd, LOCK_NONE)
            return -code_of(error, doing)

    def begin_log(self, fd: int, log: int, journal: Callable[[], memoryview], buffer: memoryview, offset: int) -> int:
        """Lock EXCLUSIVE; then JOURNAL_EXISTS if there is a journal or a name leads elsewhere, or how many bytes were
        read: those the log begins with, and those at `offset`. The lock is given up on failure. journal: see `begin`.
        """
        file, log_file, doing = self.files[fd], self.files[log], "lock"
        try:
            if not file.lock(LOCK_EXCLUSIVE):
                return -BUSY
            doing = "exists"
            vfs, path = self._journals.get(fd) or self._journal_of(fd, journal)
            if vfs.exists(path) or file.moved() or log_file.moved():
                return JOURNAL_EXISTS
            doing = "read"
            n = log_file.read(buffer[:LOG_HEAD_SIZE], 0)
            return n + log_file.read(buffer[LOG_HEAD_SIZE:], offset) if n == LOG_HEAD_SIZE else n
        except (VfsError, OSError) as error:
            if doing != "lock":
                self.unlock(fd, LOCK_NONE)
            return -code_of(error, doing)

    def _journal_of(self, fd: int, journal: Callable[[], memoryview]) -> tuple[Vfs, str]:
        """Find out where the journal of a file is, and remember it."""
        found = self._journals[fd] = self._resolve(str(journal(), "utf-8", "surrogateescape"))
        return found

    # --- the shared index of a log: only of files with CAP_SHARED, which have these methods (vfs/base.py SharingFile)

    def shm_open(self, fd: int) -> int:
        """Open the index; 0."""
        try:
            return 0 if self._sharing(fd).shm_open() else -BUSY
        except (VfsError, OSError) as error:
            return -code_of(error, "shmopen")

    def shm_close(self, fd: int, delete: int) -> None:
        """Close the index; errors have nobody left to tell."""
        with suppress(VfsError, OSError):
            self._sharing(fd).shm_close(delete=bool(delete))

    def shm_lock(self, fd: int, first: int, n: int, how: int) -> int:
        """0, or busy."""
        try:
            return 0 if self._sharing(fd).shm_lock(first, n, how) else -BUSY
        except (VfsError, OSError) as error:
            return -code_of(error, "shmlock")

    def shm_begin(self, fd: int, which: int, how: int, buffer: memoryview) -> int:
        """Take one lock, then fill `buffer` from the beginning of the index; 0, or busy."""
        try:
            return 0 if self._sharing(fd).shm_begin(which, how, buffer) else -BUSY
        except (VfsError, OSError) as error:
            return -code_of(error, "shmlock")

    def shm_read(self, fd: int, buffer: memoryview, offset: int) -> int:
        """Fill `buffer`; 0."""
        try:
            self._sharing(fd).shm_read(buffer, offset)
        except (VfsError, OSError) as error:
            return -code_of(error, "shmmap")
        return 0

    def shm_write(self, fd: int, data: memoryview, offset: int) -> int:
        """Write `data`; 0."""
        try:
            self._sharing(fd).shm_write(data, offset)
        except (VfsError, OSError) as error:
            return -code_of(error, "shmmap")
        return 0

    def _sharing(self, fd: int) -> SharingFile:
        """A file whose log can be shared."""
        return self.files[fd]  # type: ignore[return-value]

    def check_reserved(self, fd: int) -> int:
        """1 or 0."""
        try:
            return int(self.files[fd].check_reserved())
        except (VfsError, OSError) as error:
            return -code_of(error, "check_reserved")

    def moved(self, fd: int) -> int:
        """1 or 0."""
        return int(self.files[fd].moved())

    def capabilities(self, fd: int) -> int:
        """CAP_* bits."""
        return self.files[fd].capabilities


_tables: weakref.WeakSet[FileTable] = weakref.WeakSet()


def _lose_files() -> None:
    for table in _tables:
        table.lose()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_lose_files)
