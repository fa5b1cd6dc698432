"""Files that are used without locks, because the user says so: `file:…?nolock=1` and `file:…?immutable=1`
(https://sqlite.org/uri.html).
"""

from __future__ import annotations

from turso_wasm.vfs.base import CANTOPEN, CAP_OWNED, CAP_READONLY, CAP_SHARED, OPEN_READONLY, File, Vfs, VfsError


class TrustingFile:
    """A handle without locks. Everything else is asked of `inner`."""

    def __init__(self, inner: File, capabilities: int) -> None:
        self.inner = inner
        self.capabilities = capabilities
        self.read, self.write, self.truncate = inner.read, inner.write, inner.truncate
        self.sync, self.size, self.moved, self.close = inner.sync, inner.size, inner.moved, inner.close

    def lock(self, level: int) -> bool:
        """Nobody is asked."""
        return True

    def unlock(self, level: int) -> None:
        """Nobody is told."""

    def check_reserved(self) -> bool:
        """Nobody else is there."""
        return False


class UnlockedVfs:
    """Files that the user keeps others from, who are not locked out. There are no logs: they need locks."""

    def __init__(self, inner: Vfs) -> None:
        self.inner = inner

    def open(self, name: str, flags: int) -> File:
        """Open without locks."""
        if name.endswith("-wal"):
            raise VfsError(CANTOPEN)
        file = self.inner.open(name, flags)
        return TrustingFile(file, file.capabilities & ~CAP_SHARED)

    def delete(self, name: str, *, durable: bool) -> None:
        """Delete."""
        self.inner.delete(name, durable=durable)

    def exists(self, name: str) -> bool:
        """Whether the file is there."""
        return self.inner.exists(name)


class ImmutableVfs:
    """Files that nobody changes: they are read as they are, without a look at journals and logs beside them."""

    def __init__(self, inner: Vfs) -> None:
        self.inner = inner

    def open(self, name: str, flags: int) -> File:
        """Open for reading."""
        return TrustingFile(self.inner.open(name, OPEN_READONLY), CAP_OWNED | CAP_READONLY)

    def delete(self, name: str, *, durable: bool) -> None:
        """Nothing is changed."""

    def exists(self, name: str) -> bool:
        """There is nothing beside the file."""
        return False
