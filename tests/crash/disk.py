"""A file system that writes down what it is asked, and what a power cut at any moment of that record leaves.

A workload runs once on a `RecordingVfs`. Its `events` are the calls that change storage, in order; a crash before a
call that changes nothing leaves what a crash before the next change leaves. A `Disk` repeats events, one at a time,
and tells the files after a power cut now (faulty.py: unsynced writes are lost, kept, or torn).
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.harness.sharing import Sharing
from turso_wasm.vfs.base import CANTOPEN, OPEN_CREATE, OPEN_MEMORY, OPEN_TEMP, File, VfsError
from turso_wasm.vfs.faulty import Change, FaultyDisk
from turso_wasm.vfs.memory import MemoryData, MemoryFile, MemoryVfs

Image = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Event:
    """`kind`: create, change, sync, delete, delete durably."""

    kind: str
    name: str
    change: Change | None = None


class RecordingFile(Sharing, MemoryFile):
    """A file whose changes are written down."""

    def __init__(self, owner: RecordingVfs, name: str, data: MemoryData) -> None:
        super().__init__(data, owner.capabilities)
        self.owner = owner
        self.name = name

    def write(self, data: memoryview, offset: int) -> None:
        self.owner.events.append(Event("change", self.name, Change(offset, bytes(data))))
        super().write(data, offset)

    def truncate(self, size: int) -> None:
        self.owner.events.append(Event("change", self.name, Change(size, None)))
        super().truncate(size)

    def sync(self) -> None:
        self.owner.events.append(Event("sync", self.name))


class RecordingVfs(MemoryVfs):
    """See the module docstring."""

    def __init__(self, files: Image | None = None, capabilities: int = 0) -> None:
        super().__init__(capabilities)
        self.files = {name: MemoryData(data) for name, data in (files or {}).items()}
        self.events: list[Event] = []

    def open(self, name: str, flags: int) -> File:
        if flags & (OPEN_MEMORY | OPEN_TEMP):
            return super().open(name, flags)
        if name not in self.files:
            if not flags & OPEN_CREATE:
                raise VfsError(CANTOPEN)
            self.files[name] = MemoryData()
            self.events.append(Event("create", name))
        return RecordingFile(self, name, self.files[name])

    def delete(self, name: str, *, durable: bool) -> None:
        if name in self.files or durable:
            self.events.append(Event("delete durably" if durable else "delete", name))
        super().delete(name, durable=durable)


class Disk(FaultyDisk):
    """What is on the disk after the events repeated so far."""

    def repeat(self, event: Event) -> None:
        """Do one event."""
        if event.kind == "create":
            self.create(event.name)
        elif event.kind in ("delete", "delete durably"):
            self.delete(event.name, durable=event.kind == "delete durably")
        elif event.kind == "sync":
            self.files[event.name].sync()
        else:
            assert event.change is not None
            self.files[event.name].change(event.change)
