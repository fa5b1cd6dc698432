"""A wrapper that counts what a VFS is asked: the storage cost of an operation is its number of calls and syncs.

`CountingVfs(inner).counts` maps operation names (open read write truncate sync size lock unlock delete exists close)
to the number of calls; `bytes_read` and `bytes_written` sum the sizes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from turso_wasm.vfs.base import File, Vfs


class CountingFile:
    """A handle that reports to its CountingVfs."""

    def __init__(self, owner: CountingVfs, inner: File) -> None:
        self.owner = owner
        self.inner = inner
        self.capabilities = inner.capabilities

    def read(self, buffer: memoryview, offset: int) -> int:
        """Count and read."""
        self.owner.counts["read"] += 1
        n = self.inner.read(buffer, offset)
        self.owner.bytes_read += n
        return n

    def write(self, data: memoryview, offset: int) -> None:
        """Count and write."""
        self.owner.counts["write"] += 1
        self.owner.bytes_written += len(data)
        self.inner.write(data, offset)

    def truncate(self, size: int) -> None:
        """Count and truncate."""
        self.owner.counts["truncate"] += 1
        self.inner.truncate(size)

    def sync(self) -> None:
        """Count and sync."""
        self.owner.counts["sync"] += 1
        self.inner.sync()

    def size(self) -> int:
        """Count and ask."""
        self.owner.counts["size"] += 1
        return self.inner.size()

    def lock(self, level: int) -> bool:
        """Count and lock."""
        self.owner.counts["lock"] += 1
        return self.inner.lock(level)

    def unlock(self, level: int) -> None:
        """Count and unlock."""
        self.owner.counts["unlock"] += 1
        self.inner.unlock(level)

    def check_reserved(self) -> bool:
        """Count and ask."""
        self.owner.counts["check_reserved"] += 1
        return self.inner.check_reserved()

    def moved(self) -> bool:
        """Pass on."""
        return self.inner.moved()

    def __getattr__(self, name: str) -> Any:
        """Pass on: the index of a shared log (base.py SharingFile), which is memory and costs no storage call."""
        return getattr(self.inner, name)

    def close(self) -> None:
        """Count and close."""
        self.owner.counts["close"] += 1
        self.inner.close()


class CountingVfs:
    """Counts every call on its way to `inner`."""

    def __init__(self, inner: Vfs) -> None:
        self.inner = inner
        self.counts: Counter[str] = Counter()
        self.bytes_read = 0
        self.bytes_written = 0

    def reset(self) -> None:
        """Start counting from zero."""
        self.counts.clear()
        self.bytes_read = self.bytes_written = 0

    def open(self, name: str, flags: int) -> CountingFile:
        """Count and open."""
        self.counts["open"] += 1
        return CountingFile(self, self.inner.open(name, flags))

    def delete(self, name: str, *, durable: bool) -> None:
        """Count and delete."""
        self.counts["delete"] += 1
        self.inner.delete(name, durable=durable)

    def exists(self, name: str) -> bool:
        """Count and ask."""
        self.counts["exists"] += 1
        return self.inner.exists(name)
