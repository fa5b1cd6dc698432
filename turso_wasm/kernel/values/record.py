"""Records: encoding values into SQLite's record format and decoding columns from it.

Owns the record format; works on a contiguous record in memory. Does not assemble payloads from overflow pages
(kernel/btree/cursor/position.py) and does not compare records (kernel/values/compare.py).

A record is a header and a body. The header is a varint with the header's size (itself included) and one varint, the
serial type, for each column; the body is the columns' bytes in the same order.

  SERIAL TYPE   SIZE      MEANING
  0             0         NULL
  1 2 3 4 5 6   1 2 3 4 6 8  big-endian two's complement integer
  7             8         big-endian IEEE double (a NaN reads as NULL)
  8 9           0         the integers 0 and 1
  10 11         -         reserved, never in a well-formed file; read as NULL
  even >= 12    (n-12)/2  BLOB
  odd >= 13     (n-13)/2  TEXT

Source: https://sqlite.org/fileformat2.html section 2.1.

Invariants:
  R1  The header size is within the record, a serial type within the header, a decoded column within the record;
      anything else is SQLITE_CORRUPT. Columns that are only skipped need not be inside the record. A header of size 0
      has no columns.
  R2  Where the header ends exactly, the body must end at the end of the record: looked at when the last column is.
  R3  Up to 15 bytes behind a record are read, and masked away.
  R4  Integers are stored in the shortest serial type; a record written here has at most MAX_LENGTH bytes.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT, Run, Value
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import raise_corrupt, raise_too_big
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.base.varint import get_varint, put_varint, varint_size
from turso_wasm.wasm.lang import (
    be64,
    clz,
    export,
    f64,
    float_from_bits,
    i32,
    i64,
    inline,
    ptr,
    put_be64,
    u8,
    u32,
    u64,
)

__subset__ = True

MAX_LENGTH = 1_000_000_000  # SQLite's default SQLITE_MAX_LENGTH

# Size of the body part of serial types 0..127.
SERIAL_SIZES = bytes([0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0] + [(st - 12) // 2 for st in range(12, 128)])
# 64 - 8 * size of integer serial types: how far eight bytes read at the integer must be shifted right.
INTEGER_SHIFT = bytes([0, 56, 48, 40, 32, 16, 0, 0])
# Serial type by the leading zero bits of v ^ (v >> 63), which is v's magnitude without its sign bit.
INTEGER_SERIAL = bytes(
    next(serial for serial, bits in ((1, 7), (2, 15), (3, 23), (4, 31), (5, 47), (6, 63)) if 64 - zeros <= bits)
    for zeros in range(1, 65)
)


# --- decoding ------------------------------------------------------------------------------------------------


@export
@inline
def serial_size(st: i64) -> i32:
    """Bytes of the body part of serial type st; -1 if that is more than a record can have, or st is negative."""
    if u64(st) < 128:
        return SERIAL_SIZES[i32(st)]
    if u64(st) > 0x7FFFFFFF:
        return -1
    return i32(st - 12) >> 1


@export
@inline
def serial_value(st: i32, q: ptr[u8]) -> tuple[i32, i64]:
    """The value of serial type st (at most 0x7FFFFFFF) whose bytes lie at q. Errors: SQLITE_CORRUPT."""
    if st >= 12:
        return BLOB - (st & 1), i64(u32(q)) | i64((st - 12) >> 1) << 32
    if u32(st - 1) < 6:
        return INTEGER, be64(q) >> i64(INTEGER_SHIFT[st])
    return serial_value_rare(st, q)


def serial_value_rare(st: i32, q: ptr[u8]) -> tuple[i32, i64]:
    """serial_value of NULL, REAL, 0 and 1, and the reserved types."""
    if st == 0:
        return NULL, i64(0)
    if st == 7:
        real: i64 = be64(q)
        x: f64 = float_from_bits(real)
        if x != x:
            return NULL, i64(0)
        return REAL, real
    if st >= 10:
        return NULL, i64(0)  # reserved types: SQLite reads them as NULL
    if st < 0:
        raise_corrupt(u32(0))
    return INTEGER, i64(st - 8)


@inline
def header_end(p: ptr[u8], size: i32) -> tuple[i32, i32]:
    """Offset of the first serial type, and of the end of the header (R1)."""
    at: i32 = 1
    end: i32 = p[0]
    if end >= 128:
        end, at = header_end_long(p)
    if (end > size or at > end) and end:
        raise_corrupt(u32(0))
    return at, end


def header_end_long(p: ptr[u8]) -> tuple[i32, i32]:
    """The header size of a header of 128 bytes or more, and the size of its varint."""
    end, n = get_varint(p)
    if end < 0 or end > 0x7FFFFFF0:
        raise_corrupt(u32(0))
    return i32(end), n


def serial_long(p: ptr[u8], left: i32, room: i32) -> tuple[i64, i32, i32]:
    """A serial type of two bytes or more with `left` bytes of header left: (type, its varint's size, body bytes).

    room: bytes of the record behind the body's current offset; a larger column is SQLITE_CORRUPT.
    """
    st, n = get_varint(p)
    size: i32 = serial_size(st)
    if n > left or size < 0 or size > room:
        raise_corrupt(u32(0))
    return st, n, size


@export
def record_locate(p: ptr[u8], local: i32, size: i32, column: i32) -> tuple[i64, i32]:
    """Where a column lies: its serial type, and its offset from p. (0, -1) when the record has fewer columns.

    local: how many bytes of the record are at p, of its `size`; the column itself may lie beyond them. When the header
    does too the serial type is -1: assemble the payload. Errors: SQLITE_CORRUPT (R1, R2).
    """
    if local < 9 and local < size:
        return i64(-1), 0
    at, end = header_end(p, size)
    if end > local:
        return i64(-1), 0
    body: i32 = end
    while at < end:
        st: i64 = i64(p[at])
        n: i32 = 1
        width: i32 = 0
        if st < 128:
            width = SERIAL_SIZES[i32(st)]
        else:
            st, n, width = serial_long(p + at, end - at, size - body)
        if column == 0:
            if width > size - body or (at + n >= end and body + width != size):
                raise_corrupt(u32(0))
            return st, body
        at += n
        body += width
        column -= 1
    if body != size and end:
        raise_corrupt(u32(0))
    return i64(0), -1


@export
def record_column(p: ptr[u8], size: i32, column: i32) -> tuple[i32, i64]:
    """The value of one column of the record of `size` bytes at p; NULL past its last column.

    Text and blobs point into the record. Errors: SQLITE_CORRUPT.
    """
    st, offset = record_locate(p, size, size, column)
    return serial_value(i32(st), p + offset)


@export
@inline
def record_columns(p: ptr[u8], size: i32, mask: i64, out: ptr[Value]) -> None:
    """Write the columns whose bit is set in `mask` to out[column], in one pass; NULL past the last column.

    Text and blobs point into the record. Errors: SQLITE_CORRUPT.
    """
    at, end = header_end(p, size)
    body: i32 = end
    field: ptr[u8] = ptr[u8](out)
    while mask != 0:
        if at >= end:
            record_rest(field, mask, size - body if end else 0)
            return
        st: i32 = p[at]
        width: i32 = SERIAL_SIZES[st & 127]
        at += 1
        if st >= 128:
            long, n, width = serial_long(p + (at - 1), end - at + 1, size - body)
            st = i32(long)
            at += n - 1
        if i32(mask) & 1:
            if width > size - body:
                raise_corrupt(u32(0))
            tag, payload = serial_value(st, p + body)
            Value(field).tag = tag
            Value(field).payload = payload
        body += width
        field += 16
        mask = i64(u64(mask) >> 1)
    if at >= end and body != size and end:
        raise_corrupt(u32(0))


def record_rest(field: ptr[u8], mask: i64, rest: i32) -> None:
    """Columns past the end of the record are NULL; the record must end here (R2)."""
    if rest != 0:
        raise_corrupt(u32(0))
    while mask != 0:
        if i32(mask) & 1:
            Value(field).tag = NULL
            Value(field).payload = i64(0)
        field += 16
        mask = i64(u64(mask) >> 1)


@export
def record_field_count(p: ptr[u8], size: i32) -> i32:
    """How many columns the record has. Errors: SQLITE_CORRUPT (R1, R2)."""
    at, end = header_end(p, size)
    body: i32 = end
    count: i32 = 0
    while at < end:
        n: i32 = 1
        width: i32 = SERIAL_SIZES[p[at] & 127]
        if p[at] >= 128:
            _, n, width = serial_long(p + at, end - at, size - body)
        at += n
        body += width
        count += 1
    if body != size and end:
        raise_corrupt(u32(0))
    return count


# --- encoding ------------------------------------------------------------------------------------------------


@inline
def integer_serial(v: i64) -> i32:
    """The serial type of an integer (R4)."""
    if u64(v) <= 1:
        return 8 + i32(v)
    return INTEGER_SERIAL[i32(clz(v ^ (v >> 63))) - 1]


@inline
def record_sizes(values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """Bytes of the header, with its own size varint, and of the body."""
    header: i32 = n + 1
    body: i64 = 0
    for i in range(n):
        v: Value = values[i]
        tag: i32 = v.tag
        if tag == INTEGER:
            body += i64(SERIAL_SIZES[integer_serial(v.payload)])
        elif tag >= TEXT:
            length: i64 = v.payload >> 32
            body += length
            if length >= 58:
                header += varint_size(length * 2 + 13) - 1
        elif tag == REAL:
            body += 8
    if header >= 128:
        header += 1
    if header >= 16384:
        header += 1
    return header, body


@export
def record_encode(stmt: Run, values: ptr[Value], n: i32) -> i64:
    """The record of n values, in the statement's arena: address | size << 32.

    Errors: SQLITE_TOOBIG when it would be longer than MAX_LENGTH.
    """
    header, body = record_sizes(values, n)
    size: i64 = body + i64(header)
    if size > MAX_LENGTH:
        raise_too_big()
    # Whole words are written, whose last bytes are overwritten by what follows.
    start: ptr[u8] = alloc(stmt, i32(size) + 8)
    start[0] = header
    p: ptr[u8] = start + 1
    if header >= 128:
        p = start + put_varint(start, i64(header))
    q: ptr[u8] = start + header
    for i in range(n):
        v: Value = values[i]
        tag: i32 = v.tag
        payload: i64 = v.payload
        if tag == INTEGER:
            st: i32 = integer_serial(payload)
            width: i32 = SERIAL_SIZES[st]
            p[0] = st
            p += 1
            if width:
                put_be64(q, payload << i64(INTEGER_SHIFT[st]))
                q += width
        elif tag >= TEXT:
            length: i32 = i32(payload >> 32)
            if length < 58:
                p[0] = length * 2 + 16 - tag
                p += 1
            else:
                p += put_varint(p, i64(length) * 2 + i64(16 - tag))
            copy_bytes(q, ptr[u8](i32(payload)), length)
            q += length
        else:
            p[0] = 7 if tag == REAL else 0
            p += 1
            if tag == REAL:
                put_be64(q, payload)
                q += 8
    return i64(u32(start)) | size << 32
