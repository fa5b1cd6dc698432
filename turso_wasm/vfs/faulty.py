"""A file system that fails on purpose, and remembers what a crash would leave.

Files live in memory. Each keeps the bytes that are durable and the list of operations since its last sync. A *fault* is
armed with `fail_at(n)`: the n-th operation that changes or reads storage from now on fails, once or from then on.
`crash_image()` gives the file system after a power cut at this moment.

What a power cut does to operations that were not synced is chosen by `survivors`:
  "none"    they are all lost
  "all"     they all arrived
  a Random  each arrives or not, and a write may be torn at a 512-byte sector
A name created and never synced may be lost with its content. A file deleted, but not durably, may come back as it was,
until another of its name was synced (vfs/base.py V3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from turso_wasm.vfs.base import (
    CANTOPEN,
    FULL,
    IOERR,
    OPEN_CREATE,
    OPEN_MEMORY,
    OPEN_TEMP,
    File,
    Locks,
    VfsError,
)
from turso_wasm.vfs.memory import LockedFile, MemoryData, MemoryVfs

SECTOR = 512


@dataclass(slots=True)
class Change:
    """A write of `data` at `offset`, or (data None) a truncation to `offset` bytes."""

    offset: int
    data: bytes | None


def apply_change(stored: bytearray, change: Change) -> None:
    """Do `change` to `stored`."""
    if change.data is None:
        if change.offset < len(stored):
            del stored[change.offset :]
        else:
            stored.extend(bytes(change.offset - len(stored)))
        return
    if change.offset > len(stored):
        stored.extend(bytes(change.offset - len(stored)))
    stored[change.offset : change.offset + len(change.data)] = change.data


class FaultyData:
    """One file: what is durable, what was done since, and what readers see. older: a deleted file of its name that may
    come back as long as this one is new.
    """

    def __init__(self, durable: bytes = b"", is_new: bool = True, older: FaultyData | None = None) -> None:
        self.durable = bytearray(durable)
        self.current = bytearray(durable)
        self.pending: list[Change] = []
        self.is_new = is_new
        self.older = older
        self.locks = Locks()

    def change(self, change: Change) -> None:
        """Do it for readers, note it for the next sync."""
        apply_change(self.current, change)
        self.pending.append(change)

    def sync(self) -> None:
        """Everything so far is durable."""
        self.durable[:] = self.current
        self.pending.clear()
        self.is_new = False
        self.older = None

    def after_crash(self, survivors: str | Random) -> bytes | None:
        """The content after a power cut, None when even the name is gone."""
        if survivors == "all":
            return bytes(self.current)
        if self.is_new and not _arrives(survivors):
            return self.older.after_crash(survivors) if self.older else None
        if survivors == "none":
            return bytes(self.durable)
        assert isinstance(survivors, Random)
        left = bytearray(self.durable)
        for change in self.pending:
            for piece in _torn(change, survivors):
                apply_change(left, piece)
        return bytes(left)


class FaultyDisk:
    """Files by name, and what a power cut would leave of them. deleted: those that may come back."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = {name: FaultyData(data, is_new=False) for name, data in (files or {}).items()}
        self.deleted: dict[str, FaultyData] = {}

    def create(self, name: str) -> FaultyData:
        """A new file."""
        data = self.files[name] = FaultyData(older=self.deleted.pop(name, None))
        return data

    def delete(self, name: str, durable: bool) -> None:
        """Delete; what does not exist may be what was deleted before, not durably."""
        if (data := self.files.pop(name, None)) is not None:
            self.deleted[name] = data
        if durable:
            self.deleted.pop(name, None)

    def after_power_cut(self, survivors: str | Random) -> dict[str, bytes]:
        """The files a power cut leaves now."""
        left = {name: data.after_crash(survivors) for name, data in self.files.items()}
        left |= {name: data.after_crash(survivors) for name, data in self.deleted.items() if not _arrives(survivors)}
        return {name: data for name, data in left.items() if data is not None}


def _arrives(survivors: str | Random) -> bool:
    """Whether what happens to a name arrives."""
    return survivors.random() < 0.5 if isinstance(survivors, Random) else survivors == "all"


def _torn(change: Change, random: Random) -> list[Change]:
    """The part of `change` that arrives: nothing, everything, or some sectors of a write."""
    luck = random.random()
    if change.data is None or luck < 0.4:
        return [change] if luck < 0.4 else []
    if luck < 0.7:
        return []
    pieces = []
    at = 0
    while at < len(change.data):
        end = min(len(change.data), at + SECTOR - (change.offset + at) % SECTOR)
        if random.random() < 0.5:
            pieces.append(Change(change.offset + at, change.data[at:end]))
        at = end
    return pieces


@dataclass(slots=True)
class Fault:
    """Fail operation number `at` (counted from 1), and all later ones when `sticky`; `short`: write half of the data
    first.
    """

    at: int
    code: int = IOERR
    sticky: bool = False
    short: bool = False
    operations: frozenset[str] = field(
        default_factory=lambda: frozenset(("read", "write", "truncate", "sync", "delete", "open", "size"))
    )


class FaultyFile(LockedFile):
    """A handle on FaultyData."""

    def __init__(self, owner: FaultyVfs, name: str, data: FaultyData) -> None:
        super().__init__(data.locks)
        self.owner = owner
        self.name = name
        self.data = data
        self.capabilities = 0

    def read(self, buffer: memoryview, offset: int) -> int:
        """Read what was written, durable or not."""
        self.owner.step("read", self.name)
        piece = self.data.current[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    def write(self, data: memoryview, offset: int) -> None:
        """Write; a short fault stores the first half and then fails."""
        try:
            self.owner.step("write", self.name)
        except VfsError:
            fault = self.owner.fault
            if fault and fault.short and len(data) > 1:
                self.data.change(Change(offset, bytes(data[: len(data) // 2])))
            raise
        self.data.change(Change(offset, bytes(data)))

    def truncate(self, size: int) -> None:
        """Truncate."""
        self.owner.step("truncate", self.name)
        self.data.change(Change(size, None))

    def sync(self) -> None:
        """Make durable; a failing sync makes nothing durable."""
        self.owner.step("sync", self.name)
        self.data.sync()

    def size(self) -> int:
        """Length in bytes."""
        self.owner.step("size", self.name)
        return len(self.data.current)

    def moved(self) -> bool:
        """True when the name was deleted, or means another file."""
        return self.owner.files.get(self.name) is not self.data


class FaultyVfs:
    """See the module docstring. `operations` counts what was asked since the last `fail_at` (or the beginning).
    `file_type`: what handles are.
    """

    file_type: type[FaultyFile] = FaultyFile

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.disk = FaultyDisk(files)
        self.files = self.disk.files
        self.scratch = MemoryVfs()
        self.fault: Fault | None = None
        self.operations = 0
        self.fired = 0

    def fail_at(self, at: int, code: int = IOERR, *, sticky: bool = False, short: bool = False) -> None:
        """Arm a fault at the `at`-th operation from now; `at` 0 disarms."""
        self.fault = Fault(at, code, sticky, short) if at else None
        self.operations = 0
        self.fired = 0

    def disk_full_at(self, at: int) -> None:
        """From the `at`-th write on, the disk is full."""
        self.fault = Fault(at, FULL, sticky=True, short=True, operations=frozenset(("write",)))
        self.operations = 0
        self.fired = 0

    def step(self, operation: str, name: str) -> None:
        """Count an operation and fail if the fault says so."""
        fault = self.fault
        if fault is not None and operation not in fault.operations:
            return
        self.operations += 1
        if fault and (self.operations == fault.at or (fault.sticky and self.operations > fault.at)):
            self.fired += 1
            raise VfsError(fault.code, f"injected fault: {operation} {name}")

    def crash_image(self, survivors: str | Random = "none") -> dict[str, bytes]:
        """The files after a power cut now."""
        return self.disk.after_power_cut(survivors)

    def open(self, name: str, flags: int) -> File:
        """Open or create; scratch files never fail."""
        if flags & (OPEN_MEMORY | OPEN_TEMP):
            return self.scratch.open(name, flags)
        self.step("open", name)
        if name not in self.files:
            if not flags & OPEN_CREATE:
                raise VfsError(CANTOPEN)
            self.disk.create(name)
        return self.file_type(self, name, self.files[name])

    def delete(self, name: str, *, durable: bool) -> None:
        """Delete."""
        self.step("delete", name)
        self.disk.delete(name, durable)

    def exists(self, name: str) -> bool:
        """True when the name is known."""
        return name in self.files


def memory_vfs(image: dict[str, bytes]) -> MemoryVfs:
    """A plain memory file system with the files of a crash image."""
    vfs = MemoryVfs()
    for name, data in image.items():
        vfs.files[name] = MemoryData(data)
    return vfs
