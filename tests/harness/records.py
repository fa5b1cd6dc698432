"""Calling the kernel's record, key, sorter, hash table and row routines from tests with Python values.

    kernel = RecordsKernel(["turso_wasm.kernel.values.sorter"])
    kernel.key((1, "a"), [NOCASE | KEY_DESC, 0])     # builds the statement's current key, returns its bytes

The `vfs_*` imports are a file system of temporary files in Python: `kernel.temporary.files` are the open ones, `.calls`
what was called, and `.fail_at = n` makes the n-th call from now fail with `.fail_code`.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from tests.harness.values import STMT, ValuesKernel
from turso_wasm.kernel.abi import Run
from turso_wasm.kernel.build import check_build
from turso_wasm.values.types import SqlValue

SQLITE_IOERR = 10


class TemporaryFiles:
    """vfs_open … for OPEN_TEMP files, held in memory."""

    def __init__(self) -> None:
        self.kernel: RecordsKernel | None = None
        self.files: dict[int, bytearray] = {}
        self.calls: list[str] = []
        self.fail_at = -1
        self.fail_code = SQLITE_IOERR
        self.next_fd = 3

    def _fails(self, name: str) -> bool:
        self.calls.append(name)
        self.fail_at -= 1
        return self.fail_at == 0

    def open(self, name: int, size: int, flags: int) -> int:
        assert (name, size, flags) == (0, 0, 4), "only OPEN_TEMP files"
        if self._fails("open"):
            return -self.fail_code
        self.next_fd += 1
        self.files[self.next_fd] = bytearray()
        return self.next_fd

    def close(self, fd: int) -> None:
        del self.files[fd]

    def read(self, fd: int, p: int, n: int, offset: int) -> int:
        if self._fails("read"):
            return -self.fail_code
        data = bytes(self.files[fd][offset : offset + n])
        assert self.kernel is not None
        self.kernel.write(p, data)
        return len(data)

    def write(self, fd: int, p: int, n: int, offset: int) -> int:
        if self._fails("write"):
            return -self.fail_code
        assert self.kernel is not None
        file = self.files[fd]
        assert offset <= len(file), "no holes"
        file[offset : offset + n] = self.kernel.read(p, n)
        return 0

    def imports(self) -> dict[str, Any]:
        return {"vfs_open": self.open, "vfs_close": self.close, "vfs_read": self.read, "vfs_write": self.write}


class RecordsKernel(ValuesKernel):
    """A kernel with one statement and temporary files."""

    def __init__(self, modules: Iterable[str]) -> None:
        self.temporary = TemporaryFiles()
        every = {**self.temporary.imports(), "host_random": self._random}
        modules = ["turso_wasm.kernel.values.rows", "turso_wasm.kernel.values.key", *modules]
        needed = {item["name"] for item in check_build(modules)[1]["imports"]}
        super().__init__(modules, {name: function for name, function in every.items() if name in needed})
        self.temporary.kernel = self
        self._key_fields = self.statement + Run.offset("key")
        self._place, self._place_size = 0, 0

    def _random(self, p: int, n: int) -> None:
        self.write(p, random.Random(n).randbytes(n))

    # --- the statement ---------------------------------------------------------------------------------------

    def field(self, name: str) -> int:
        """A 32-bit field of the statement."""
        return int(struct.unpack("<i", self.read(self.statement + Run.offset(name), 4))[0])

    def set_field(self, name: str, value: int) -> None:
        self.write(self.statement + Run.offset(name), struct.pack("<i", value))

    def end_statement(self) -> None:
        """What statement_free does with what is ours."""
        if "resources_free" in self.symbols["functions"]:
            self.call("resources_free", self.statement)
        self.call("buffers_free", self.statement)
        self.call("arena_free", self.arena)

    # --- records, keys, rows -----------------------------------------------------------------------------------

    def blob(self, data: bytes) -> int:
        """A B (address | size << 32) of a copy of `data`."""
        return (self.bytes_in(data) & 0xFFFFFFFF) | len(data) << 32

    def at(self, where: int) -> bytes:
        """The bytes of a B."""
        return self.read(where & 0xFFFFFFFF, where >> 32)

    def blob_in_place(self, data: bytes) -> int:
        """A B of `data`, valid until the next call of this."""
        if len(data) > self._place_size:
            self._place_size = 2 * len(data) + 64
            self._place = self.call("malloc", self._place_size)
        self.write(self._place, data)
        return (self._place & 0xFFFFFFFF) | len(data) << 32

    def set_key(self, key: bytes) -> None:
        """Make these bytes the statement's key."""
        buffer, _used, capacity = struct.unpack("<3i", self.read(self._key_fields, 12))
        if len(key) + 16 > capacity:
            self.call("key_reset", self.statement)
            buffer = self.call("key_room", self.statement, len(key))
        self.write(buffer, key)
        self.set_field("key_used", len(key))

    def record(self, values: Sequence[SqlValue]) -> bytes:
        """record_encode."""
        self.reset()
        address, n = self.array(values)
        return self.at(self.checked("record_encode", self.statement, address, n))

    def key(self, values: Sequence[SqlValue], flags: Sequence[int] | int = 0) -> bytes:
        """Make the statement's key of some values."""
        self.reset()
        each = [flags] * len(values) if isinstance(flags, int) else flags
        self.call("key_reset", self.statement)
        for value, flag in zip(values, each, strict=True):
            self.raw("key_add", STMT, value, [flag])
        return self.read(self.field("key"), self.field("key_used"))
