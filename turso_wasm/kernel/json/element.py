"""JSONB elements: the header codec.

  OFFSET  SIZE         MEANING
  0       1            low 4 bits: kind; high 4 bits: payload size 0..11, or 12, 13, 14, 15: the size follows
  1       0 1 2 4 8    the payload size, big-endian
  …       payload      of an array: its elements; of an object: labels and values in turn; else text

Invariants:
  E1  What this kernel writes has the shortest header that holds its size; but a value that replaces one a little longer
      gets a header that fills the gap, as in SQLite, so that nothing behind it moves.
  E2  A document from outside may be damaged anywhere: `element` is the only reader of headers, and every element it
      accepts ends within its container.

Source: https://sqlite.org/jsonb.html
"""

from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.values.buffer import Buffer, buffer_put, buffer_room
from turso_wasm.wasm.lang import (
    be16,
    be32,
    i32,
    i64,
    le32,
    le64,
    lit,
    memory_copy,
    memory_fill,
    ptr,
    put_be16,
    put_be32,
    put_le32,
    put_le64,
    u8,
)

__subset__ = True

NULL_ELEMENT = 0
TRUE_ELEMENT = 1
FALSE_ELEMENT = 2
INT = 3
INT5 = 4  # as JSON5 writes it: hexadecimal
FLOAT = 5
FLOAT5 = 6  # as JSON5 writes it: no digits before or behind the point
TEXT_PLAIN = 7  # the same in SQL and JSON
TEXT_J = 8  # with escapes of JSON
TEXT_5 = 9  # with escapes of JSON5
TEXT_RAW = 10  # an SQL text, whatever is in it
ARRAY = 11
OBJECT = 12

MAX_DEPTH = 1000


def raise_malformed() -> None:
    """Raise "malformed JSON"."""
    raise_error(SQLITE_ERROR, *lit(b"malformed JSON"))


def is_text(kind: i32) -> bool:
    """A string, in any spelling."""
    return kind >= TEXT_PLAIN and kind <= TEXT_RAW


def is_container(kind: i32) -> bool:
    """An array or an object. (Three kinds are reserved: they can be stepped over, and are shown as nothing.)"""
    return kind >= ARRAY and kind <= OBJECT


def element(p: ptr[u8], at: i32, end: i32) -> tuple[i32, i32, i32]:
    """The element at `at`, which must end by `end`: (kind, index of its payload, index behind it); kind -1 if bad."""
    if at >= end:
        return -1, at, at
    first: i32 = p[at]
    kind: i32 = first & 15
    code: i32 = first >> 4
    size: i64 = i64(code)
    head: i32 = 1
    if code > 11:
        head = 1 + (1 << (code - 12))
        if at + head > end:
            return -1, at, at
        if code == 12:
            size = i64(p[at + 1])
        elif code == 13:
            size = i64(be16(p + at + 1))
        elif code == 14:
            size = i64(be32(p + at + 1))
        else:
            size = i64(be32(p + at + 5)) if be32(p + at + 1) == 0 else i64(0x7FFFFFFF)
    if i64(at) + i64(head) + size > i64(end):
        return -1, at, at
    start: i32 = at + head
    return kind, start, start + i32(size)


def child(p: ptr[u8], at: i32, end: i32) -> tuple[i32, i32, i32]:
    """As `element`; raises "malformed JSON" instead of giving -1."""
    kind, start, behind = element(p, at, end)
    if kind < 0:
        raise_malformed()
    return kind, start, behind


def head_size(size: i32) -> i32:
    """Bytes of the shortest header (E1)."""
    if size <= 11:
        return 1
    if size <= 0xFF:
        return 2
    if size <= 0xFFFF:
        return 3
    return 5


def write_head(out: ptr[u8], kind: i32, size: i32) -> None:
    """Write the shortest header."""
    if size <= 11:
        out[0] = kind | size << 4
    elif size <= 0xFF:
        out[0] = kind | 0xC0
        out[1] = size
    elif size <= 0xFFFF:
        out[0] = kind | 0xD0
        put_be16(out + 1, size)
    else:
        out[0] = kind | 0xE0
        put_be32(out + 1, size)


def put_head(b: Buffer, kind: i32, size: i32) -> None:
    """Append a header."""
    if size <= 11:
        buffer_put(b, kind | size << 4)
    else:
        write_head(buffer_room(b, i64(head_size(size))), kind, size)


def put_element(b: Buffer, kind: i32, p: ptr[u8], size: i32) -> None:
    """Append an element with that payload."""
    if size <= 11 and b.size + 12 < b.capacity:
        short: ptr[u8] = b.data + b.size
        short[0] = kind | size << 4
        put_le64(short + 1, le64(p))
        put_le32(short + 9, le32(p + 8))
        b.size += 1 + size
    else:
        at: ptr[u8] = buffer_room(b, i64(head_size(size)) + i64(size))
        write_head(at, kind, size)
        copy_bytes(at + head_size(size), p, size)


def close_container(b: Buffer, at: i32, head: i32, kind: i32) -> None:
    """Everything behind the `head` bytes at `at` is the payload of a container: write its header there."""
    size: i32 = b.size - at - head
    wanted: i32 = head_size(size)
    if wanted < head:
        copy_bytes(b.data + at + wanted, b.data + at + head, size)
    elif wanted > head:
        _ = buffer_room(b, i64(wanted - head))
        memory_copy(b.data + at + wanted, b.data + at + head, size)
    b.size = at + wanted + size
    write_head(b.data + at, kind, size)


def resize(b: Buffer, at: i32, size: i32) -> i32:
    """The payload of the element at `at` has now `size` bytes: rewrite its header; by how much that grew."""
    code: i32 = b.data[at] >> 4
    head: i32 = 1 if code <= 11 else 1 + (1 << (code - 12))
    wanted: i32 = head_size(size)
    rest: i32 = b.size - at - head
    if wanted > head:
        _ = buffer_room(b, i64(wanted - head))
    if wanted != head:
        memory_copy(b.data + at + wanted, b.data + at + head, rest)
        b.size = at + wanted + rest
    write_head(b.data + at, b.data[at] & 15, size)
    return wanted - head


def widen(b: Buffer, at: i32, spare: i32) -> bool:
    """Make the header of the element at `at` longer by the `spare` bytes free behind it; False if it cannot be."""
    _, start, behind = element(b.data, at, b.size)
    size: i32 = behind - start
    head: i32 = start - at + spare
    if (head != 2 and head != 3 and head != 5 and head != 9) or b.data[at] & 15 <= FALSE_ELEMENT:
        return False
    memory_copy(b.data + at + head, b.data + start, size)
    kind: i32 = b.data[at] & 15
    memory_fill(b.data + at, 0, head)
    if head == 2:
        b.data[at] = kind | 0xC0
        b.data[at + 1] = size
    elif head == 3:
        b.data[at] = kind | 0xD0
        put_be16(b.data + at + 1, size)
    else:
        b.data[at] = kind | (0xE0 if head == 5 else 0xF0)
        put_be32(b.data + at + head - 4, size)
    return True


def splice(b: Buffer, at: i32, removed: i32, p: ptr[u8], added: i32) -> None:
    """Put `added` bytes in the place of the `removed` bytes at `at`; p is not in the buffer."""
    rest: i32 = b.size - at - removed
    if added > removed:
        _ = buffer_room(b, i64(added - removed))
    memory_copy(b.data + at + added, b.data + at + removed, rest)
    memory_copy(b.data + at, p, added)
    b.size = at + added + rest
