"""Locks of the operating system on ranges of bytes, as SQLite takes them, so that both can take turns on one database.

BYTE                  MEANING (https://sqlite.org/lockingv3.html, "os_unix.c byte ranges")
0x40000000            PENDING: write-locked by a writer waiting for readers; readers take it for a moment
0x40000001            RESERVED: write-locked by the one connection that prepares changes
0x40000002 (510)      SHARED: read-locked by every reader, write-locked for EXCLUSIVE
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Callable
from typing import Any

from turso_wasm.vfs.base import Locks

PENDING_BYTE = 0x40000000
RESERVED_BYTE = PENDING_BYTE + 1
SHARED_FIRST = PENDING_BYTE + 2
SHARED_SIZE = 510


if sys.platform == "win32":
    import msvcrt

    class OsLocks(Locks):
        """Windows: the first lock takes the file for this process alone; other programs are told it is busy."""

        def __init__(self) -> None:
            super().__init__()
            self.fd = -1

        def os_shared(self) -> bool:
            """Lock the PENDING byte exclusively."""
            os.lseek(self.fd, PENDING_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(self.fd, msvcrt.LK_NBLCK, 1)
            except OSError:
                return False
            return True

        def os_release(self) -> None:
            """Unlock the PENDING byte."""
            os.lseek(self.fd, PENDING_BYTE, os.SEEK_SET)
            msvcrt.locking(self.fd, msvcrt.LK_UNLCK, 1)

elif sys.platform == "emscripten":  # one process; JupyterLite has a fcntl there that is empty

    class OsLocks(Locks):
        """Nobody else can have the file."""

        def __init__(self) -> None:
            super().__init__()
            self.fd = -1

else:
    import fcntl

    _FLOCK = struct.Struct("@hhqqi4x")  # type, whence, start, length, pid: 64-bit struct flock
    _SET_LOCK: int = getattr(fcntl, "F_OFD_SETLK", fcntl.F_SETLK)
    _GET_LOCK: int = getattr(fcntl, "F_OFD_GETLK", fcntl.F_GETLK)
    _IS_LINUX = sys.platform.startswith("linux")

    def _span(kind: int, start: int, length: int) -> Any:
        """A range of bytes to lock or unlock, as `_set_lock` takes it."""
        return _FLOCK.pack(kind, os.SEEK_SET, start, length, 0) if _IS_LINUX else (kind, start, length)

    _PENDING_READ = _span(fcntl.F_RDLCK, PENDING_BYTE, 1)
    _PENDING_WRITE = _span(fcntl.F_WRLCK, PENDING_BYTE, 1)
    _PENDING_FREE = _span(fcntl.F_UNLCK, PENDING_BYTE, 1)
    _RESERVED_WRITE = _span(fcntl.F_WRLCK, RESERVED_BYTE, 1)
    _RESERVED_FREE = _span(fcntl.F_UNLCK, RESERVED_BYTE, 1)
    _BOTH_FREE = _span(fcntl.F_UNLCK, PENDING_BYTE, 2)
    _SHARED_READ = _span(fcntl.F_RDLCK, SHARED_FIRST, SHARED_SIZE)
    _SHARED_WRITE = _span(fcntl.F_WRLCK, SHARED_FIRST, SHARED_SIZE)
    _ALL_WRITE = _span(fcntl.F_WRLCK, PENDING_BYTE, 2 + SHARED_SIZE)
    _ALL_FREE = _span(fcntl.F_UNLCK, PENDING_BYTE, 2 + SHARED_SIZE)

    def _lockf(fd: int, _: int, span: Any) -> object:
        kind, start, length = span
        return fcntl.lockf(fd, fcntl.LOCK_UN if kind == fcntl.F_UNLCK else _LOCKF[kind], length, start)

    _set_lock: Callable[[int, int, Any], object] = fcntl.fcntl if _IS_LINUX else _lockf

    def _is_taken(error: OSError) -> bool:
        """False when another process is in the way. Errors: any other."""
        if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EBADF):
            raise error
        return False  # EBADF: a write lock on a descriptor that can only read

    class OsLocks(Locks):
        """Byte-range locks on `fd` as SQLite's unix VFS takes them."""

        def __init__(self) -> None:
            super().__init__()
            self.fd = -1

        def _set(self, span: Any) -> bool:
            """Set or clear one lock without waiting; False when another process is in the way."""
            try:
                _set_lock(self.fd, _SET_LOCK, span)
            except OSError as error:
                return _is_taken(error)
            return True

        def os_shared(self) -> bool:
            """Read-lock SHARED, holding PENDING for the moment so that a waiting writer goes first."""
            fd = self.fd
            try:
                _set_lock(fd, _SET_LOCK, _PENDING_READ)
                try:
                    _set_lock(fd, _SET_LOCK, _SHARED_READ)
                finally:
                    _set_lock(fd, _SET_LOCK, _PENDING_FREE)
            except OSError as error:
                return _is_taken(error)
            return True

        def os_reserved(self) -> bool:
            """Write-lock RESERVED."""
            return self._set(_RESERVED_WRITE)

        def os_pending(self) -> bool:
            """Write-lock PENDING."""
            return self._set(_PENDING_WRITE)

        def os_exclusive(self) -> bool:
            """Write-lock SHARED: no reader is left."""
            return self._set(_SHARED_WRITE)

        def os_alone(self) -> bool:
            """Write-lock all three at once."""
            return self._set(_ALL_WRITE)

        def os_downgrade(self) -> None:
            """Back to a read lock on SHARED only."""
            self._set(_SHARED_READ)
            self._set(_BOTH_FREE)

        def os_release(self) -> None:
            """Unlock everything."""
            try:
                _set_lock(self.fd, _SET_LOCK, _ALL_FREE)
            except OSError as error:
                _is_taken(error)

        def os_check_reserved(self) -> bool:
            """Ask whether another process could not let us have RESERVED."""
            if not _IS_LINUX:
                if not self._set(_RESERVED_WRITE):
                    return True
                self._set(_RESERVED_FREE)
                return False
            asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, RESERVED_BYTE, 1, 0)
            kind: int = _FLOCK.unpack(fcntl.fcntl(self.fd, _GET_LOCK, asked))[0]
            return kind != fcntl.F_UNLCK

    _LOCKF = {fcntl.F_RDLCK: fcntl.LOCK_SH | fcntl.LOCK_NB, fcntl.F_WRLCK: fcntl.LOCK_EX | fcntl.LOCK_NB}
