"""Bytes that grow, in memory of an arena.

Owns the growing. Outgrown memory stays in the arena until all of it is freed. SLACK bytes follow the content, so that
varints and whole words may be read and written at its end.
"""

from turso_wasm.kernel.abi import Arena
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import raise_too_big
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.base.varint import put_varint
from turso_wasm.kernel.values.value import MAX_LENGTH
from turso_wasm.wasm.lang import Struct, i32, i64, inline, memory_copy, ptr, sizeof, u8, u64

__subset__ = True

SLACK = 24
FIRST_CAPACITY = 40


class Bytes(Struct):
    """A growing string of bytes."""

    data: ptr[u8]
    size: i32
    capacity: i32
    arena: Arena


def bytes_new(arena: Arena) -> Bytes:
    """An empty string in the arena."""
    b: Bytes = Bytes(arena_alloc(arena, sizeof(Bytes)))
    bytes_init(b, arena)
    return b


def bytes_init(b: Bytes, arena: Arena) -> None:
    """Make it an empty string."""
    b.data = None
    b.size = 0
    b.capacity = 0
    b.arena = arena


def bytes_grow(b: Bytes, need: i64) -> None:
    """Make room for `need` bytes in all. Raises SQLITE_TOOBIG."""
    if need > MAX_LENGTH:
        raise_too_big()
    capacity: i32 = i32(need) + (i32(need) >> 1)
    if capacity < FIRST_CAPACITY:
        capacity = FIRST_CAPACITY
    data: ptr[u8] = arena_alloc(b.arena, capacity + SLACK)
    memory_copy(data, b.data, b.size)
    b.data = data
    b.capacity = capacity


@inline
def bytes_room(b: Bytes, n: i32) -> ptr[u8]:
    """Where the next n bytes go; the caller adds them to `size`."""
    if n > b.capacity - b.size:
        bytes_grow(b, i64(b.size) + i64(n))
    return b.data + b.size


def bytes_add(b: Bytes, p: ptr[u8], n: i32) -> None:
    """Append n bytes, behind which 7 more can be read."""
    copy_bytes(bytes_room(b, n), p, n)
    b.size += n


def bytes_put(b: Bytes, c: i32) -> None:
    """Append a byte."""
    bytes_room(b, 1)[0] = c
    b.size += 1


def bytes_varint(b: Bytes, v: i64) -> None:
    """Append a varint."""
    p: ptr[u8] = bytes_room(b, 9)
    if u64(v) < 128:
        p[0] = i32(v)
        b.size += 1
    else:
        b.size += put_varint(p, v)


def compare_terms(p: ptr[u8], n: i32, q: ptr[u8], m: i32) -> i32:
    """Order of two terms, as memcmp does it: negative, 0, positive."""
    i: i32 = 0
    while i < n and i < m and p[i] == q[i]:
        i += 1
    if i < n and i < m:
        return i32(p[i]) - i32(q[i])
    return n - m
