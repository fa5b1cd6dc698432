"""The seam between the engine and storage: what a file system offers, and how its errors become result codes.

A `Vfs` opens files by name; a `File` is one open handle. Hosts call them for the kernel's `vfs_*` imports
(docs/kernel-abi.md); nothing here knows pages, journals or SQL. Every implementation passes
tests/conformance/test_vfs.py.

Invariants:
  V1  `read` fills the buffer it is given and returns how many bytes there were: fewer only at the end of the file.
  V2  `write` writes everything or raises; it may extend the file, and a hole reads as zeros.
  V3  What was written before a `sync` that returned survives a crash, and so does the name of a file that was created
      and synced. A durable deletion survives when it returns; any other does so once a file of that name was created
      anew and synced, and until then a crash may leave what was durable of the deleted file.
  V4  Locks are SQLite's five levels (https://sqlite.org/lockingv3.html): any number of SHARED; one RESERVED besides
      them; PENDING keeps new readers out; EXCLUSIVE is alone. A handle that asks for EXCLUSIVE and cannot have it
      because of readers keeps PENDING, unless it held nothing before.
  V5  Closing a handle gives up its locks, and no other handle's.
"""

from __future__ import annotations

import errno
from typing import Protocol

from turso_wasm.base.errors import RESULT_CODES
from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    CAP_OWNED,
    CAP_READONLY,
    CAP_SHARED,
    CAP_STEPS,
    LOCK_EXCLUSIVE,
    LOCK_NONE,
    LOCK_PENDING,
    LOCK_RESERVED,
    LOCK_SHARED,
    OPEN_CREATE,
    OPEN_MEMORY,
    OPEN_READONLY,
    OPEN_TEMP,
)

__all__ = [
    "BUSY",
    "CANTOPEN",
    "CAP_MEMORY",
    "CAP_OWNED",
    "CAP_READONLY",
    "CAP_SHARED",
    "CAP_STEPS",
    "FULL",
    "IOERR",
    "LOCK_EXCLUSIVE",
    "LOCK_NONE",
    "LOCK_PENDING",
    "LOCK_RESERVED",
    "LOCK_SHARED",
    "OPEN_CREATE",
    "OPEN_MEMORY",
    "OPEN_READONLY",
    "OPEN_TEMP",
    "READONLY",
    "READONLY_DIRECTORY",
    "File",
    "Locks",
    "SharingFile",
    "Vfs",
    "VfsError",
    "code_of",
]

# SQLite result codes a file system can cause, https://sqlite.org/rescode.html
BUSY = 5
READONLY = 8
IOERR = 10
FULL = 13
CANTOPEN = 14
READONLY_DIRECTORY = RESULT_CODES["SQLITE_READONLY_DIRECTORY"]


class VfsError(Exception):
    """A storage operation failed; `code` is the SQLite result code the kernel is told."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message or f"storage error {code}")
        self.code = code


_IO_ERRORS = {"sync": "FSYNC", "size": "FSTAT", "exists": "ACCESS", "check_reserved": "CHECKRESERVEDLOCK"}
"""What SQLite's codes call the operations, where it is another word."""


def code_of(error: BaseException, operation: str) -> int:
    """The result code of an error that a method of a VFS or a file raised: its own for VfsError, FULL for a full disk,
    else the IOERR of that operation. operation: the method's name.
    """
    if isinstance(error, VfsError) and error.code != IOERR:
        return error.code
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FULL
    return RESULT_CODES.get(f"SQLITE_IOERR_{_IO_ERRORS.get(operation, operation.upper())}", IOERR)


class File(Protocol):
    """One open handle. Offsets and sizes are in bytes. Raises VfsError or OSError."""

    capabilities: int

    def read(self, buffer: memoryview, offset: int) -> int:
        """Fill `buffer` from `offset`; return the number of bytes read (V1)."""

    def write(self, data: memoryview, offset: int) -> None:
        """Write all of `data` at `offset` (V2). `data` is only valid during the call."""

    def truncate(self, size: int) -> None:
        """Make the file `size` bytes long."""

    def sync(self) -> None:
        """Return once everything written is durable (V3)."""

    def size(self) -> int:
        """The length of the file."""

    def lock(self, level: int) -> bool:
        """Raise this handle's lock to `level` (V4); False when others hold conflicting locks. Never waits."""

    def unlock(self, level: int) -> None:
        """Lower this handle's lock to LOCK_SHARED or LOCK_NONE."""

    def check_reserved(self) -> bool:
        """True when any handle, of any process, holds RESERVED or more."""

    def moved(self) -> bool:
        """True when the name it was opened by leads to it no more: it was deleted, or another file took its place."""

    def close(self) -> None:
        """Give up the handle and its locks (V5)."""


class SharingFile(File, Protocol):
    """A file with CAP_SHARED: the log it has may be used by processes at the same time, through an index in memory that
    they share (kernel/base/vfs.py V6). Its locks are those of https://sqlite.org/walformat.html.
    """

    def shm_open(self) -> bool:
        """Open the index; False while another process is about to empty it."""

    def shm_close(self, *, delete: bool) -> None:
        """Close it and give up its locks; delete: nobody else has it open."""

    def shm_lock(self, first: int, n: int, how: int) -> bool:
        """Make `how` (SHM_*) of n locks, whatever they are; False when others hold conflicting ones. n = 0: wait a
        millisecond for somebody who holds one for a moment.
        """

    def shm_begin(self, which: int, how: int, buffer: memoryview) -> bool:
        """shm_lock of one lock, and when it is had shm_read from the beginning."""

    def shm_read(self, buffer: memoryview, offset: int) -> None:
        """Fill `buffer`, with zeros where nothing was written: the first header before what is behind it."""

    def shm_write(self, data: memoryview, offset: int) -> None:
        """Write, after everything written before."""


class Vfs(Protocol):
    """A flat name space of files."""

    def open(self, name: str, flags: int) -> File:
        """Open `name`; `flags` are OPEN_*.

        Without OPEN_CREATE a missing file raises VfsError(CANTOPEN). OPEN_TEMP: an anonymous file gone on close. A
        file that can only be read is opened with CAP_READONLY unless it would have to be created.
        """

    def delete(self, name: str, *, durable: bool) -> None:
        """Delete `name`, if durable so that it survives a crash (V3); no error when it does not exist."""

    def exists(self, name: str) -> bool:
        """True when a file of that name exists."""


class Locks:
    """The lock table of one file, shared by the handles this process has on it (V4).

    A subclass that must also keep other processes out overrides the `os_*` methods, which are called when what the
    process as a whole holds must grow or shrink.
    """

    def __init__(self) -> None:
        self.held: dict[object, int] = {}

    def level_of(self, handle: object) -> int:
        """The level `handle` holds."""
        return self.held.get(handle, LOCK_NONE)

    def others(self, handle: object) -> int:
        """The strongest level any other handle of this process holds."""
        held = self.held
        if not held or (len(held) == 1 and handle in held):  # nearly always
            return LOCK_NONE
        return max((level for owner, level in held.items() if owner is not handle), default=LOCK_NONE)

    def lock(self, handle: object, level: int) -> bool:
        """Raise `handle` to `level`; False when that conflicts, the handle then keeps what it had (or PENDING)."""
        if level == LOCK_SHARED and not self.held:  # nearly always
            if not self.os_shared():
                return False
            self.held[handle] = LOCK_SHARED
            return True
        if level == LOCK_EXCLUSIVE and handle not in self.held:
            if self.held or not self.os_alone():
                return False
            self.held[handle] = LOCK_EXCLUSIVE
            return True
        held = self.level_of(handle)
        if held >= level:
            return True
        others = self.others(handle)
        if level == LOCK_SHARED:
            return self._lock_shared(handle, others)
        if held < LOCK_SHARED:
            raise VfsError(IOERR, "a write lock needs a shared lock first")
        if others >= LOCK_RESERVED:
            return False
        if level == LOCK_RESERVED:
            if not self.os_reserved():
                return False
            self.held[handle] = LOCK_RESERVED
            return True
        return self._lock_exclusive(handle, held, level, others)

    def _lock_shared(self, handle: object, others: int) -> bool:
        if others >= LOCK_PENDING or (others < LOCK_SHARED and not self.os_shared()):
            return False
        self.held[handle] = LOCK_SHARED
        return True

    def _lock_exclusive(self, handle: object, held: int, level: int, others: int) -> bool:
        if held < LOCK_PENDING:
            if not self.os_pending():
                return False
            self.held[handle] = LOCK_PENDING
        if level == LOCK_PENDING:
            return True
        if others >= LOCK_SHARED or not self.os_exclusive():
            return False
        self.held[handle] = LOCK_EXCLUSIVE
        return True

    def unlock(self, handle: object, level: int) -> None:
        """Lower `handle` to SHARED or NONE."""
        held = self.held.get(handle, LOCK_NONE)
        if held <= level:
            return
        if held > LOCK_SHARED and (level == LOCK_SHARED or len(self.held) > 1):
            self.os_downgrade()
        if level == LOCK_NONE:
            del self.held[handle]
            if not self.held:
                self.os_release()
        else:
            self.held[handle] = LOCK_SHARED

    def check_reserved(self) -> bool:
        """True when any handle of any process holds RESERVED or more."""
        return any(level >= LOCK_RESERVED for level in self.held.values()) or self.os_check_reserved()

    def os_shared(self) -> bool:
        """Take the process's SHARED lock."""
        return True

    def os_reserved(self) -> bool:
        """Take RESERVED; SHARED is held."""
        return True

    def os_pending(self) -> bool:
        """Take PENDING; SHARED is held, RESERVED may be (not when a hot journal is rolled back)."""
        return True

    def os_exclusive(self) -> bool:
        """Take EXCLUSIVE; PENDING is held."""
        return True

    def os_alone(self) -> bool:
        """Take EXCLUSIVE; nothing is held, nor is anything when it cannot be had."""
        if self.os_shared():
            if self.os_pending() and self.os_exclusive():
                return True
            self.os_release()
        return False

    def os_downgrade(self) -> None:
        """Give up everything above SHARED, keeping SHARED."""

    def os_release(self) -> None:
        """Give up everything."""

    def os_check_reserved(self) -> bool:
        """True when another process holds RESERVED or more."""
        return False
