"""A text that grows: bytes appended to memory of the statement's arena.

Owns the growing. The final text is `data[:size]`; outgrown memory stays in the arena until its mark is released.
"""

from turso_wasm.kernel.abi import TEXT, Run
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import raise_too_big
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.values.value import MAX_LENGTH, pack
from turso_wasm.wasm.lang import Struct, i32, i64, memory_copy, memory_fill, ptr, u8

__subset__ = True

FIRST_CAPACITY = 64
SLACK = 8  # bytes behind the capacity, so that whole words can be written


class Buffer(Struct):
    """A growing text; make one in scratch(sizeof(Buffer)) with buffer_init."""

    data: ptr[u8]
    size: i32
    capacity: i32
    stmt: Run


def buffer_init(b: Buffer, stmt: Run) -> None:
    """An empty buffer that takes memory from the statement's arena."""
    b.data = alloc(stmt, FIRST_CAPACITY + SLACK)
    b.size = 0
    b.capacity = FIRST_CAPACITY
    b.stmt = stmt


def buffer_grow(b: Buffer, need: i64) -> None:
    """Make room for `need` bytes in all; raises SQLITE_TOOBIG."""
    if need > MAX_LENGTH:
        raise_too_big()
    capacity: i64 = i64(b.capacity) * 2
    if capacity > MAX_LENGTH:
        capacity = i64(MAX_LENGTH)
    if capacity < need:
        capacity = need
    data: ptr[u8] = alloc(b.stmt, i32(capacity) + SLACK)
    memory_copy(data, b.data, b.size)
    b.data = data
    b.capacity = i32(capacity)


def buffer_room(b: Buffer, n: i64) -> ptr[u8]:
    """Append n bytes that the caller fills: their address. Raises SQLITE_TOOBIG."""
    end: i64 = i64(b.size) + n
    if end > i64(b.capacity):
        buffer_grow(b, end)
    at: ptr[u8] = b.data + b.size
    b.size = i32(end)
    return at


def buffer_put(b: Buffer, c: i32) -> None:
    """Append a byte."""
    if b.size == b.capacity:
        buffer_grow(b, i64(b.size) + 1)
    b.data[b.size] = c
    b.size += 1


def buffer_add(b: Buffer, p: ptr[u8], n: i32) -> None:
    """Append n bytes."""
    copy_bytes(buffer_room(b, i64(n)), p, n)


def buffer_fill(b: Buffer, c: i32, n: i32) -> None:
    """Append n times a byte; nothing when n <= 0."""
    if n > 0:
        memory_fill(buffer_room(b, i64(n)), c, n)


def buffer_value(b: Buffer) -> tuple[i32, i64]:
    """The text as a value."""
    return TEXT, pack(b.data, b.size)
