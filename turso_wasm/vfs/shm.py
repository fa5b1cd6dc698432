"""The index of a write-ahead log that processes share: the file "-shm", mapped into memory, and its locks.

  BYTE        MEANING (https://sqlite.org/walformat.html section 2.3)
  120 to 127  the locks of the protocol
  128         read-locked by everybody who has the index open; who gets it for himself alone empties the file

Invariants:
  M1  Locks are open-file-description locks, on a descriptor of this index only: closing any other descriptor does not
      drop them, and two indexes of one process exclude each other. Systems without them do not share logs.
  M2  Two rounds through a lock order what is written before and after (`_fence`): what the processor may move into one
      round it may not move over the other.
  M3  A file grows by REGION bytes at once, which the disk has: writing to a mapping that it has no room for would
      end the process.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
import time
import weakref
from contextlib import suppress

from turso_wasm.kernel.abi import SHM_EXCLUSIVE, SHM_SHARED, SHM_UNLOCK
from turso_wasm.vfs.base import CANTOPEN, VfsError

FIRST_LOCK = 120
OPEN_LOCK = 128
REGION = 32768
HEADER = 48
WAIT = 0.001  # seconds

if sys.platform == "linux":
    import fcntl

    CAN_SHARE = sys.byteorder == "little" and hasattr(fcntl, "F_OFD_SETLK")
    _FLOCK = struct.Struct("@hhqqi4x")  # type, whence, start, length, pid: 64-bit struct flock
    _KINDS = {SHM_UNLOCK: fcntl.F_UNLCK, SHM_SHARED: fcntl.F_RDLCK, SHM_EXCLUSIVE: fcntl.F_WRLCK}

    def _flock(kind: int, first: int, n: int) -> bytes:
        return _FLOCK.pack(kind, os.SEEK_SET, first, n, 0)

    _LOCKS = {
        (first, n, how): _flock(kind, FIRST_LOCK + first, n)
        for how, kind in _KINDS.items()
        for first in range(8)
        for n in range(1, 9 - first)
    }

    def _lock(fd: int, packed: bytes) -> bool:
        """Set or clear locks without waiting; False when somebody else is in the way."""
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, packed)
        except (BlockingIOError, PermissionError):
            return False
        return True

else:
    CAN_SHARE = False
    _LOCKS: dict[tuple[int, int, int], bytes] = {}

    def _flock(kind: int, first: int, n: int) -> bytes:
        raise NotImplementedError

    def _lock(fd: int, packed: bytes) -> bool:
        raise NotImplementedError


_fencing = threading.Lock()


def _fence() -> None:
    """What was read or written before is before what follows (M2)."""
    with _fencing:
        pass
    with _fencing:
        pass


_open: weakref.WeakSet[LogIndex] = weakref.WeakSet()


def _forget_after_fork() -> None:
    """As vfs/file.py does with its descriptors."""
    for index in _open:
        index.close()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


class LogIndex:
    """An open index."""

    def __init__(self, path: str, mode: int) -> None:
        """Open or create it, with the permissions `mode`. Raises OSError; BlockingIOError while somebody empties it."""
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        self.map: mmap.mmap | None = None
        self.view = memoryview(b"")
        _open.add(self)
        try:
            if _lock(self.fd, _flock(fcntl.F_WRLCK, OPEN_LOCK, 1)):
                os.ftruncate(self.fd, 0)
            if not _lock(self.fd, _flock(fcntl.F_RDLCK, OPEN_LOCK, 1)):
                raise BlockingIOError
            self._reach(REGION)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give up everything."""
        _open.discard(self)
        self.view.release()
        if self.map is not None:
            self.map.close()
        os.close(self.fd)

    def delete(self) -> None:
        """Delete the file."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)

    def lock(self, first: int, n: int, how: int) -> bool:
        """See SharingFile."""
        if n == 0:
            time.sleep(WAIT)
            return True
        return _lock(self.fd, _LOCKS[first, n, how])

    def begin(self, which: int, how: int, buffer: memoryview) -> bool:
        """`lock`, and when it is had `read` from the beginning."""
        try:
            fcntl.fcntl(self.fd, fcntl.F_OFD_SETLK, _LOCKS[which, 1, how])
        except (BlockingIOError, PermissionError):
            return False
        buffer[:HEADER] = self.view[:HEADER]
        _fence()
        buffer[HEADER:] = self.view[HEADER : len(buffer)]
        return True

    def read(self, buffer: memoryview, offset: int) -> None:
        """See SharingFile."""
        end = offset + len(buffer)
        if end > len(self.view):
            self._reach(end)
        _fence()
        if offset == 0 and end > HEADER:
            buffer[:HEADER] = self.view[:HEADER]
            _fence()
            buffer[HEADER:] = self.view[HEADER:end]
        else:
            buffer[:] = self.view[offset:end]

    def write(self, data: memoryview, offset: int) -> None:
        """See SharingFile."""
        end = offset + len(data)
        if end > len(self.view):
            self._reach(end)
        _fence()
        self.view[offset:end] = data
        _fence()

    def _reach(self, size: int) -> None:
        """Map the file as far as `size`, in whole regions (M3)."""
        size = -(-size // REGION) * REGION
        now = os.fstat(self.fd).st_size
        if now < size:
            os.posix_fallocate(self.fd, now, size - now)
        self.view.release()
        if self.map is not None:
            self.map.close()
        self.map = mmap.mmap(self.fd, size)
        self.view = memoryview(self.map)


def open_index(database: str, mode: int) -> LogIndex | None:
    """The index of a database's log; None while somebody empties it. Raises VfsError, OSError."""
    if not CAN_SHARE:
        raise VfsError(CANTOPEN)
    try:
        return LogIndex(f"{database}-shm", mode)
    except BlockingIOError:
        return None
