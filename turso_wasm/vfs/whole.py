"""Files of a drive that gives and takes whole files only, as JupyterLite's does: beside the notebook, shown in its file
browser, kept by the browser.

Invariants:
  W1  The drive is given what a `sync` left: a database's is made when a transaction's pages are all in the file, and
      before its journal ends. A file is put as a whole, so no crash leaves half a transaction; journals stay in memory.
      Where the drive knows of a moment soon to come (the end of a notebook's cell), many commits wait for it together:
      putting takes a tenth of the time at most. No file is put amid a transaction that has written to it.
  W2  Handles on one file share its content. What others put into the drive is seen when the first lock is taken.
  W3  Of a database with a log, both are put whenever they are synced: their order is what makes it safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from turso_wasm.vfs.base import (
    CANTOPEN,
    CAP_READONLY,
    LOCK_EXCLUSIVE,
    OPEN_CREATE,
    OPEN_MEMORY,
    OPEN_READONLY,
    OPEN_TEMP,
    File,
    Vfs,
    VfsError,
)
from turso_wasm.vfs.memory import MemoryData, MemoryFile, MemoryVfs

WRITE_VERSION = 18  # in the header: 1 with a rollback journal
JOURNAL, LOG = "-journal", "-wal"


class Drive(Protocol):
    """What keeps whole files, by absolute paths. Raises VfsError."""

    def get(self, path: str) -> bytes | None:
        """The content of a file; None where there is none."""

    def put(self, path: str, content: bytearray) -> None:
        """Make or replace a file; a crash leaves the old one or the new one."""

    def stamp(self, path: str) -> object:
        """Something else after each change; None where there is no file."""

    def delete(self, path: str) -> None:
        """Delete a file."""

    def later(self, save: Callable[[], None]) -> bool:
        """Promise to call `save` soon, once for however many promises; False: there is no such moment."""


class WholeData(MemoryData):
    """A file's content while it is open."""

    def __init__(self, drive: Drive, path: str) -> None:
        super().__init__(drive.get(path) or b"", transient=True)
        self.drive = drive
        self.path = path
        self.stamp = drive.stamp(path)
        self.journal = drive.get(path + JOURNAL)  # of a transaction that somebody else could not end
        self.dirty = self.stamp is None
        self.rests_until = 0.0

    def refresh(self) -> None:
        """Take what somebody else has put (W2). What was deleted goes on as it is, as an open file does."""
        stamp = self.drive.stamp(self.path)
        if stamp is None or stamp == self.stamp or self.dirty:
            return
        self.bytes[:] = self.drive.get(self.path) or b""
        self.stamp = stamp

    def committed(self) -> None:
        """Put the file into the drive, now or soon (W1)."""
        can_wait = self.bytes[WRITE_VERSION : WRITE_VERSION + 1] == b"\1" and not self.path.endswith(LOG)  # W3
        if not can_wait or time.monotonic() >= self.rests_until or not self.drive.later(self.save_between):
            self.save()

    def save_between(self) -> None:
        """Put what was promised; if a transaction has begun to write, it does so when it commits."""
        if all(level < LOCK_EXCLUSIVE for level in self.locks.held.values()):
            self.save()

    def save(self) -> None:
        """Put the file into the drive."""
        if not self.dirty:
            return
        began = time.monotonic()
        self.drive.put(self.path, self.bytes)
        self.dirty = False
        self.stamp = self.drive.stamp(self.path)
        if self.journal is not None:  # it was rolled back
            self.drive.delete(self.path + JOURNAL)
            self.journal = None
        now = time.monotonic()
        self.rests_until = now + 9 * (now - began)


class WholeFile(MemoryFile):
    """A handle on WholeData."""

    data: WholeData

    def lock(self, level: int) -> bool:
        """Raise this handle's lock; whoever comes first looks into the drive."""
        if not self.locks.held:
            self.data.refresh()
        return super().lock(level)

    def write(self, data: memoryview, offset: int) -> None:
        """Into memory."""
        if self.capabilities & CAP_READONLY:
            raise VfsError(CANTOPEN)
        self.data.dirty = True
        super().write(data, offset)

    def truncate(self, size: int) -> None:
        """In memory."""
        self.data.dirty = True
        super().truncate(size)

    def sync(self) -> None:
        """Put the file."""
        self.data.committed()

    def close(self) -> None:
        """What was never synced is put by the last handle."""
        try:
            if self.data.handles == 1:
                self.data.save()
        finally:
            super().close()


class WholeFileVfs:
    """Files of drives, beside those of `inner`."""

    def __init__(self, inner: Vfs, find: Callable[[str], Drive | None]) -> None:
        """find: the drive a path lies in, or None."""
        self.inner = inner
        self.find = find
        self.files: dict[str, MemoryData] = {}  # those that are open
        self.journals = MemoryVfs()

    def open(self, name: str, flags: int) -> File:
        """Open a file: a database, or its journal."""
        drive = None if flags & (OPEN_MEMORY | OPEN_TEMP) else self.find(name)
        if drive is None:
            return self.inner.open(name, flags)
        if name.endswith(JOURNAL):
            return self.journals.open(name, flags)
        if name not in self.files:
            if not flags & OPEN_CREATE and drive.stamp(name) is None:
                raise VfsError(CANTOPEN)
            self.files[name] = data = WholeData(drive, name)
            if data.journal:
                self.journals.files[name + JOURNAL] = MemoryData(data.journal)
        return WholeFile(self.files[name], CAP_READONLY if flags & OPEN_READONLY else 0, name, self.files)

    def delete(self, name: str, *, durable: bool) -> None:
        """Delete a file."""
        drive = self.find(name)
        if drive is None:
            self.inner.delete(name, durable=durable)
            return
        if name.endswith(JOURNAL):
            self.journals.delete(name, durable=durable)
            return
        self.files.pop(name, None)
        drive.delete(name)

    def exists(self, name: str) -> bool:
        """Whether a file is there; a journal: in memory."""
        drive = self.find(name)
        if drive is None:
            return self.inner.exists(name)
        if name.endswith(JOURNAL):
            return self.journals.exists(name)
        return name in self.files or drive.stamp(name) is not None
