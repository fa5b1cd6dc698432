"""A file of a model file system whose log can be shared (vfs/base.py SharingFile).

The index is memory, which no power cut leaves, and every handle is like a process of its own.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from turso_wasm.kernel.abi import SHM_EXCLUSIVE, SHM_UNLOCK

N_LOCKS = 8


class Index:
    """The bytes and locks of an index; `users` have it open."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.users: set[object] = set()
        self.locks: list[dict[object, int]] = [{} for _ in range(N_LOCKS)]


_indexes: WeakKeyDictionary[object, Index] = WeakKeyDictionary()


class Sharing:
    """What a handle on `data` does with the index of its log."""

    data: object

    def _index(self) -> Index:
        return _indexes.setdefault(self.data, Index())

    def shm_open(self) -> bool:
        """The first finds it empty."""
        index = self._index()
        if not index.users:
            index.bytes.clear()
        index.users.add(self)
        return True

    def shm_close(self, *, delete: bool) -> None:
        """Give up its locks."""
        index = self._index()
        index.users.discard(self)
        for holders in index.locks:
            holders.pop(self, None)

    def shm_lock(self, first: int, n: int, how: int) -> bool:
        """All of them or none."""
        assert self in self._index().users
        spans = self._index().locks[first : first + n]
        others = [level for holders in spans for holder, level in holders.items() if holder is not self]
        if (how == SHM_EXCLUSIVE and others) or (how != SHM_UNLOCK and SHM_EXCLUSIVE in others):
            return False
        for holders in spans:
            if how == SHM_UNLOCK:
                holders.pop(self, None)
            else:
                holders[self] = how
        return True

    def shm_begin(self, which: int, how: int, buffer: memoryview) -> bool:
        """Lock and read."""
        if not self.shm_lock(which, 1, how):
            return False
        self.shm_read(buffer, 0)
        return True

    def shm_read(self, buffer: memoryview, offset: int) -> None:
        """Zeros where nothing was written."""
        piece = self._index().bytes[offset : offset + len(buffer)]
        buffer[:] = piece.ljust(len(buffer), b"\0")

    def shm_write(self, data: memoryview, offset: int) -> None:
        """Extend and write."""
        stored = self._index().bytes
        stored.extend(bytes(max(0, offset + len(data) - len(stored))))
        stored[offset : offset + len(data)] = data

    def close(self) -> None:
        """Close the index with the file."""
        self.shm_close(delete=False)
        super().close()  # type: ignore[misc]
