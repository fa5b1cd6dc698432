"""Files of the operating system, locked as SQLite locks them (os_locks.py): both can take turns on one database.

Invariants:
  F1  All handles of this process on one inode share one `Inode`: the lock table, and the descriptor the locks are on.
      POSIX drops all of a process's locks on an inode when *any* descriptor of it is closed, so while locks are held
      descriptors are parked, not closed. Where the system has them, open-file-description locks are used; those
      conflict with POSIX locks of others but have no such trap.
  F2  A new file's directory is synced with the file's first sync, and when a file is deleted durably.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable
from functools import lru_cache

from turso_wasm.vfs.base import (
    CANTOPEN,
    CAP_MEMORY,
    CAP_READONLY,
    CAP_SHARED,
    CAP_STEPS,
    IOERR,
    LOCK_NONE,
    OPEN_CREATE,
    OPEN_MEMORY,
    OPEN_READONLY,
    OPEN_TEMP,
    READONLY,
    READONLY_DIRECTORY,
    File,
    VfsError,
)
from turso_wasm.vfs.memory import MemoryVfs
from turso_wasm.vfs.os_locks import OsLocks
from turso_wasm.vfs.shm import CAN_SHARE, LogIndex, open_index

_BINARY = getattr(os, "O_BINARY", 0)
_HAS_PREADV = hasattr(os, "preadv")  # Emscripten has pread only
_NO_INHERIT = getattr(os, "O_CLOEXEC", 0)


class Inode(OsLocks):
    """What this process knows of one file: its lock table, and the descriptors open on it (F1)."""

    def __init__(self, key: tuple[int, int]) -> None:
        super().__init__()
        self.key = key
        self.fds: dict[int, bool] = {}  # descriptor -> writable
        self.users: dict[int, int] = {}  # descriptor -> handles using it

    def adopt(self, fd: int, writable: bool) -> None:
        """Add a descriptor; locks move to a writable one as long as none is held."""
        self.fds[fd] = writable
        self.users[fd] = 0
        if self.fd < 0 or (writable and not self.held and not self.fds[self.fd]):
            self.fd = fd

    def find(self, writable: bool) -> int:
        """A descriptor to share, or -1."""
        return next((fd for fd, can_write in self.fds.items() if can_write or not writable), -1)

    def sweep(self) -> bool:
        """Close unused descriptors if no lock is held; True when the inode is no longer in use."""
        if not self.held:
            for fd, users in [*self.users.items()]:
                if users == 0:
                    del self.fds[fd], self.users[fd]
                    os.close(fd)
            if self.fd not in self.fds:
                self.fd = next(iter(self.fds), -1)
        return not self.fds


_inodes: dict[tuple[int, int], Inode] = {}
_inodes_lock = threading.RLock()


def _forget_after_fork() -> None:
    """A child shares its parent's open files, and with them the locks: it closes all of them, which leaves the parent's
    as they are. (Whoever has a handle of them must not use it any more: runtime/files.py.)
    """
    for inode in _inodes.values():
        for fd in inode.fds:
            os.close(fd)
    _inodes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


_directory_of = lru_cache(maxsize=64)(os.path.dirname)  # of databases and their journals: a few


def _sync_directory(path: str) -> None:
    """Make the directory entry of `path` durable, where directories can be synced."""
    if sys.platform == "win32":
        return
    fd = os.open(_directory_of(path) or ".", os.O_RDONLY | _NO_INHERIT)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot sync directories
            raise
    finally:
        os.close(fd)


def _sync(fd: int) -> None:
    """The platform's strongest sync of a file's data: macOS needs F_FULLFSYNC for the drive's own cache."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        _fdatasync(fd)


_fdatasync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class SystemFile:
    """A file whose descriptor a forked child would share."""


class OsFile(SystemFile):
    """A handle on an Inode."""

    def __init__(self, inode: Inode, fd: int, path: str, created: bool, readonly: bool) -> None:
        self.inode = inode
        self.fd = fd
        self.path = path
        self.created = created
        self.readonly = readonly
        self.capabilities = (CAP_READONLY if readonly else 0) | (CAP_SHARED if CAN_SHARE else 0) | CAP_STEPS
        self.index: LogIndex | None = None
        inode.users[fd] += 1

    def read(self, buffer: memoryview, offset: int) -> int:
        """Read until the buffer is full or the file ends."""
        done = _read_at(self.fd, buffer, offset)
        while 0 < done < len(buffer):
            n = _read_at(self.fd, buffer[done:], offset + done)
            if n == 0:
                break
            done += n
        return done

    def write(self, data: memoryview, offset: int) -> None:
        """Write all of `data`."""
        if self.readonly:
            raise VfsError(READONLY)
        done = 0
        while done < len(data):
            done += _write_at(self.fd, data[done:], offset + done)

    def truncate(self, size: int) -> None:
        """Set the file's length."""
        if self.readonly:
            raise VfsError(READONLY)
        os.ftruncate(self.fd, size)

    def sync(self) -> None:
        """Sync the data, and once the directory when this handle created the file (F2)."""
        _sync(self.fd)
        if self.created:
            self.created = False
            _sync_directory(self.path)

    def size(self) -> int:
        """Length in bytes."""
        return os.fstat(self.fd).st_size

    def lock(self, level: int) -> bool:
        """Raise the lock, in this process and against others."""
        with _inodes_lock:
            return self.inode.lock(self, level)

    def unlock(self, level: int) -> None:
        """Lower the lock."""
        with _inodes_lock:
            self.inode.unlock(self, level)

    def check_reserved(self) -> bool:
        """True when anyone prepares changes."""
        with _inodes_lock:
            return self.inode.check_reserved()

    def moved(self) -> bool:
        """Compare device and inode of the path with the descriptor's."""
        try:
            status = os.stat(self.path)
        except OSError:
            return True
        return (status.st_dev, status.st_ino) != self.inode.key

    def shm_open(self) -> bool:
        """Open the index of the log beside the file, with its permissions."""
        if self.moved():
            raise VfsError(CANTOPEN)
        if self.index is None:
            self.index = open_index(self.path, os.fstat(self.fd).st_mode & 0o777)
        return self.index is not None

    def shm_close(self, *, delete: bool) -> None:
        """Close it; if nobody else has it, delete it first."""
        index, self.index = self.index, None
        if index is not None:
            if delete:
                index.delete()
            index.close()

    def _log_index(self) -> LogIndex:
        if self.index is None:
            raise VfsError(IOERR)
        return self.index

    def shm_lock(self, first: int, n: int, how: int) -> bool:
        """See LogIndex."""
        return self._log_index().lock(first, n, how)

    def shm_begin(self, which: int, how: int, buffer: memoryview) -> bool:
        """See LogIndex."""
        return self._log_index().begin(which, how, buffer)

    def shm_read(self, buffer: memoryview, offset: int) -> None:
        """See LogIndex."""
        self._log_index().read(buffer, offset)

    def shm_write(self, data: memoryview, offset: int) -> None:
        """See LogIndex."""
        self._log_index().write(data, offset)

    def close(self) -> None:
        """Give up the locks; close or park the descriptor (F1)."""
        if self.index is not None:
            self.shm_close(delete=False)
        with _inodes_lock:
            self.inode.unlock(self, LOCK_NONE)
            self.inode.users[self.fd] -= 1
            if self.inode.sweep():
                _inodes.pop(self.inode.key, None)


if sys.platform == "win32":
    _position_lock = threading.Lock()

    def _read_at(fd: int, buffer: memoryview, offset: int) -> int:
        with _position_lock:
            os.lseek(fd, offset, os.SEEK_SET)
            data = os.read(fd, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _write_at(fd: int, data: memoryview, offset: int) -> int:
        with _position_lock:
            os.lseek(fd, offset, os.SEEK_SET)
            return os.write(fd, data)

else:

    def _read_at(fd: int, buffer: memoryview, offset: int) -> int:
        if not _HAS_PREADV:
            data = os.pread(fd, len(buffer), offset)
            buffer[: len(data)] = data
            return len(data)
        return os.preadv(fd, [buffer], offset)

    def _write_at(fd: int, data: memoryview, offset: int) -> int:
        return os.pwrite(fd, data, offset)


class FileVfs:
    """The operating system's files; names are paths."""

    def open(self, name: str, flags: int) -> File:
        """Open a path; without write permission an existing file is opened with CAP_READONLY."""
        if flags & OPEN_MEMORY:
            return MemoryVfs().open("", flags)
        if flags & OPEN_TEMP:
            return _open_temporary()
        with _inodes_lock:
            return self._open(name, flags)

    def _open(self, name: str, flags: int) -> OsFile:
        readonly = bool(flags & OPEN_READONLY)
        existed = _exists(name)
        if existed:
            status = os.stat(name)
            inode = _inodes.get((status.st_dev, status.st_ino))
            shared = inode.find(not readonly) if inode else -1
            if inode and shared >= 0:
                return OsFile(inode, shared, name, False, readonly or not inode.fds[shared])
        fd, readonly = _open_descriptor(name, flags, readonly, existed)
        status = os.fstat(fd)
        key = (status.st_dev, status.st_ino)
        inode = _inodes.get(key) or _inodes.setdefault(key, Inode(key))
        inode.adopt(fd, not readonly)
        return OsFile(inode, fd, name, not existed, readonly)

    def delete(self, name: str, *, durable: bool) -> None:
        """Delete the file, if durable with its directory synced (F2)."""
        try:  # noqa: SIM105  called once a commit, and suppress() costs as much as all else here
            os.unlink(name)
        except FileNotFoundError:
            pass
        if durable:
            _sync_directory(name)

    def exists(self, name: str) -> bool:
        """True for an existing file that is not empty of meaning: any regular file."""
        return os.access(name, os.F_OK) and os.path.isfile(name)  # what is not there costs no exception


def _exists(name: str) -> bool:
    """As os.path.exists; what is not there, as nearly every journal, costs no exception."""
    try:
        return os.access(name, os.F_OK)
    except ValueError:  # a NUL in the path
        return False


def _open_descriptor(name: str, flags: int, readonly: bool, existed: bool) -> tuple[int, bool]:
    """Open `name`; return (descriptor, whether it can only read).

    Raises VfsError: READONLY_DIRECTORY for a journal or log that cannot be created there, else CANTOPEN.
    """
    if existed and os.path.isdir(name):
        raise VfsError(CANTOPEN)
    create = os.O_CREAT if flags & OPEN_CREATE and not readonly else 0
    common = _BINARY | _NO_INHERIT
    try:
        if not readonly:
            try:
                return os.open(name, os.O_RDWR | create | common, 0o644), False
            except OSError as error:
                if not existed or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                    raise
        return os.open(name, os.O_RDONLY | common), True
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        refused = isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS)
        companion = name.endswith(("-journal", "-wal")) and os.path.isdir(os.path.dirname(name) or ".")
        code = READONLY_DIRECTORY if refused and create and companion and not existed else CANTOPEN
        raise VfsError(code, str(error)) from error


class TemporaryFile(SystemFile):
    """An anonymous scratch file: no locks, no durability."""

    def __init__(self) -> None:
        import tempfile

        self.file = tempfile.TemporaryFile(prefix="turso-wasm-", buffering=0)  # noqa: SIM115 — closed by close()
        self.fd = self.file.fileno()
        self.capabilities = CAP_MEMORY

    def read(self, buffer: memoryview, offset: int) -> int:
        """Read until the buffer is full or the file ends."""
        done = 0
        while done < len(buffer) and (n := _read_at(self.fd, buffer[done:], offset + done)):
            done += n
        return done

    def write(self, data: memoryview, offset: int) -> None:
        """Write all of `data`."""
        done = 0
        while done < len(data):
            done += _write_at(self.fd, data[done:], offset + done)

    def truncate(self, size: int) -> None:
        """Set the length."""
        os.ftruncate(self.fd, size)

    def sync(self) -> None:
        """Nothing: the file is gone after a crash."""

    def size(self) -> int:
        """Length in bytes."""
        return os.fstat(self.fd).st_size

    def lock(self, level: int) -> bool:
        """Nobody else can see the file."""
        return True

    def unlock(self, level: int) -> None:
        """Nobody else can see the file."""

    def check_reserved(self) -> bool:
        """Nobody else can see the file."""
        return False

    def moved(self) -> bool:
        """It has no name."""
        return False

    def close(self) -> None:
        """Close, which deletes it."""
        self.file.close()


def _open_temporary() -> TemporaryFile:
    try:
        return TemporaryFile()
    except OSError as error:
        raise VfsError(CANTOPEN, str(error)) from error
