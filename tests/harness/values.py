"""Calling the kernel's value routines from tests with Python values.

    kernel = ValuesKernel(["turso_wasm.kernel.values.value"])
    kernel.value("value_add", 1, "2") == 3
    kernel.value("fn_substr_3", STMT, "hello", 2, 3) == "ell"      # STMT stands for the statement

Text goes in and comes out as UTF-8 (`surrogateescape`, as in turso_wasm.values). A raise_error arrives as KernelError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import wasmtime

from tests.harness.kernel import Kernel, KernelAssertion
from turso_wasm.base.errors import SqlError
from turso_wasm.kernel.abi import Run
from turso_wasm.values.types import SqlValue, bytes_text, text_bytes

STMT = object()


class Raw(bytes):
    """Bytes passed as a pointer and a size."""


class ValuesKernel(Kernel):
    """A kernel with one statement, whose arena is emptied before each call."""

    def __init__(self, modules: Iterable[str], imports: Any = None) -> None:
        super().__init__(["turso_wasm.kernel.base.memory", *modules], imports)
        self.statement = self.call("mzalloc", Run.size)
        self.arena = self.statement + Run.offset("arena")
        self.buffer = self.call("mzalloc", 1024)
        self.stack = self.get_global("stack_pointer")

    def bytes_in(self, data: bytes) -> int:
        """The address of a copy of `data`, valid until the next call."""
        address: int = self.call("arena_alloc", self.arena, max(len(data), 1))
        self.write(address, data)
        return address

    def encode(self, value: SqlValue) -> tuple[int, int]:
        """(tag, payload)."""
        if value is None:
            return 0, 0
        if isinstance(value, int):
            return 1, value
        if isinstance(value, float):
            return 2, struct.unpack("<q", struct.pack("<d", value))[0]
        data = value if isinstance(value, bytes) else text_bytes(value)
        return 4 if isinstance(value, bytes) else 3, (self.bytes_in(data) & 0xFFFFFFFF) | len(data) << 32

    def decode(self, tag: int, payload: int) -> SqlValue:
        """The Python value."""
        if tag == 0:
            assert payload == 0, "abi A1: the payload of NULL is 0"
            return None
        if tag == 1:
            return payload
        if tag == 2:
            return float(struct.unpack("<d", struct.pack("<q", payload))[0])
        data = self.read(payload & 0xFFFFFFFF, payload >> 32)
        return data if tag == 4 else bytes_text(data)

    def raw(self, name: str, *args: Any) -> Any:
        """Call with Python values: Raw as (pointer, size), STMT as the statement, `int` in a list as a plain i32."""
        flat: list[int | float] = []
        for arg in args:
            if arg is STMT:
                flat.append(self.statement)
            elif isinstance(arg, Raw):
                flat += [self.bytes_in(bytes(arg)), len(arg)]
            elif isinstance(arg, list):
                flat += arg
            else:
                flat += self.encode(arg)
        return self.checked(name, *flat)

    def checked(self, name: str, *args: int | float) -> Any:
        """Call with plain numbers. Errors: SqlError when the kernel raised one."""
        try:
            return self.call(name, *args)
        except KernelAssertion:
            raise
        except (wasmtime.Trap, wasmtime.WasmtimeError):
            self.set_global("stack_pointer", self.stack)
            code, size, text = struct.unpack("<iiI", self.read(self.call("error_record"), 12))
            if code == 0:
                raise
            message = self.read(text, size).decode()
            self.call("error_clear")
            raise SqlError(code, message) from None

    def reset(self) -> None:
        """Forget everything the arena holds."""
        self.call("arena_release", self.arena, 0)

    def value(self, name: str, *args: Any) -> SqlValue:
        """Call a routine that returns a value; the arena is emptied first."""
        self.reset()
        tag, payload = self.raw(name, *args)
        return self.decode(tag, payload)

    def array(self, values: Iterable[SqlValue]) -> list[int]:
        """[address, n] of an array of Value, for the variadic functions; after reset(), before the call."""
        data = b"".join(struct.pack("<iiq", tag, 0, payload) for tag, payload in map(self.encode, values))
        return [self.bytes_in(data), len(data) // 16]

    def variadic(self, name: str, values: list[SqlValue], *more: Any) -> SqlValue:
        """Call fn_name(stmt, values, n, …)."""
        self.reset()
        tag, payload = self.raw(name, STMT, self.array(values), *more)
        return self.decode(tag, payload)
