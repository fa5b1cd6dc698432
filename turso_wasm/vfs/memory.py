"""Files in memory: `:memory:` databases, scratch files, and the model file system of tests.

A named file lives in its MemoryVfs until it is deleted and behaves like one on disk (locks, journals). A file
opened with OPEN_MEMORY is private to its handle and says CAP_MEMORY: not durable, so the kernel keeps no journal for
it.
"""

from __future__ import annotations

from turso_wasm.vfs.base import CANTOPEN, CAP_MEMORY, LOCK_NONE, OPEN_CREATE, OPEN_MEMORY, OPEN_TEMP, Locks, VfsError


class MemoryData:
    """The bytes and the lock table of one file."""

    def __init__(self, data: bytes = b"", transient: bool = False) -> None:
        self.bytes = bytearray(data)
        self.locks = Locks()
        self.transient = transient
        self.handles = 0


class LockedFile:
    """What a handle does with the lock table of its file."""

    def __init__(self, locks: Locks) -> None:
        self.locks = locks

    def lock(self, level: int) -> bool:
        """Raise this handle's lock."""
        return self.locks.lock(self, level)

    def unlock(self, level: int) -> None:
        """Lower this handle's lock."""
        self.locks.unlock(self, level)

    def check_reserved(self) -> bool:
        """True when some handle holds RESERVED or more."""
        return self.locks.check_reserved()

    def close(self) -> None:
        """Give up the locks; the data stay with the VFS."""
        self.locks.unlock(self, LOCK_NONE)


class MemoryFile(LockedFile):
    """A handle on MemoryData."""

    def __init__(
        self, data: MemoryData, capabilities: int, name: str = "", names: dict[str, MemoryData] | None = None
    ) -> None:
        super().__init__(data.locks)
        self.data = data
        self.data.handles += 1
        self.capabilities = capabilities
        self.name = name
        self.names = names

    def close(self) -> None:
        """Give up the locks; with the last handle on a transient file its name goes, too."""
        super().close()
        self.data.handles -= 1
        if self.data.transient and not self.data.handles and not self.moved() and self.names is not None:
            del self.names[self.name]

    def read(self, buffer: memoryview, offset: int) -> int:
        """Copy from `offset` into `buffer`; fewer bytes than asked only at the end."""
        piece = self.data.bytes[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    def write(self, data: memoryview, offset: int) -> None:
        """Store `data` at `offset`, filling a gap with zeros."""
        stored = self.data.bytes
        if offset > len(stored):
            stored.extend(bytes(offset - len(stored)))
        stored[offset : offset + len(data)] = data

    def truncate(self, size: int) -> None:
        """Cut or extend with zeros."""
        stored = self.data.bytes
        if size < len(stored):
            del stored[size:]
        else:
            stored.extend(bytes(size - len(stored)))

    def sync(self) -> None:
        """Nothing: memory is as durable as it gets."""

    def size(self) -> int:
        """Length in bytes."""
        return len(self.data.bytes)

    def moved(self) -> bool:
        """True when the name was deleted, or means another file."""
        return self.names is not None and self.names.get(self.name) is not self.data


class MemoryVfs:
    """A flat dictionary of files. `capabilities` are reported by every named file. transient: files go with their last
    handle.
    """

    def __init__(self, capabilities: int = 0, *, transient: bool = False) -> None:
        self.files: dict[str, MemoryData] = {}
        self.capabilities = capabilities
        self.transient = transient

    def open(self, name: str, flags: int) -> MemoryFile:
        """Open or create; OPEN_MEMORY and OPEN_TEMP files have no name and no other handle."""
        if flags & (OPEN_MEMORY | OPEN_TEMP):
            return MemoryFile(MemoryData(), CAP_MEMORY)
        if name not in self.files:
            if not flags & OPEN_CREATE:
                raise VfsError(CANTOPEN)
            self.files[name] = MemoryData(transient=self.transient)
        return MemoryFile(self.files[name], self.capabilities, name, self.files)

    def delete(self, name: str, *, durable: bool) -> None:
        """Forget the name; open handles keep their bytes. Memory is as durable as it gets."""
        self.files.pop(name, None)

    def exists(self, name: str) -> bool:
        """True when the name is known."""
        return name in self.files
