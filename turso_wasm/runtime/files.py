"""The kernel's files: descriptors, the named file systems they come from, and failures as negative result codes.

What the kernel's `vfs_*` imports (turso_wasm/kernel/base/vfs.py, V1-V5) mean when storage is Python (turso_wasm/vfs).
A host calls the methods of `FileTable` with memoryviews of linear memory.

Names the kernel sees are `path`, or `vfs:NAME:path` for a file system other than the default one; a journal or WAL
name is the database's plus a suffix, so it goes the same way.
"""

from __future__ import annotations

from contextlib import suppress

from turso_wasm.vfs.base import BUSY, CANTOPEN, CAP_MEMORY, CAP_OWNED, OPEN_CREATE, File, Vfs, VfsError, code_of
from turso_wasm.vfs.file import FileVfs
from turso_wasm.vfs.memory import MemoryVfs

PREFIX = "vfs:"
MEMORY = "memory"  # the file system of in-memory databases that have a name

_registered: dict[str, Vfs] = {MEMORY: MemoryVfs(CAP_MEMORY | CAP_OWNED)}


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


def forget_memory(name: str) -> None:
    """Drop a named in-memory database and its journal."""
    for suffix in ("", "-journal", "-wal"):
        _registered[MEMORY].delete(name + suffix)


def put_memory(name: str, data: bytes) -> None:
    """Make `data` the content of a named in-memory database that nobody has open yet."""
    vfs = _registered[MEMORY]
    file = vfs.open(name, OPEN_CREATE)
    file.write(memoryview(data), 0)
    file.close()


def qualified(vfs: str | None, path: str) -> str:
    """The name the kernel is given for `path` on the file system `vfs` (None: the default)."""
    return f"{PREFIX}{vfs}:{path}" if vfs else path


class FileTable:
    """Open files by descriptor. Each method answers as the kernel expects: a count, 0, or minus a result code.

    Errors other than VfsError and OSError are bugs (or KeyboardInterrupt) and pass through.
    """

    def __init__(self) -> None:
        self.default: Vfs = FileVfs()
        self.files: dict[int, File] = {}
        self.next_fd = 0

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

    def close(self, fd: int) -> None:
        """Close a descriptor; errors have nobody left to tell."""
        with suppress(VfsError, OSError):
            self.files.pop(fd).close()

    def delete(self, name: memoryview) -> int:
        """Delete a file."""
        try:
            vfs, path = self._resolve(str(name, "utf-8", "surrogateescape"))
            vfs.delete(path)
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
        with suppress(VfsError, OSError):
            self.files[fd].unlock(level)

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
