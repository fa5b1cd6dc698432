"""Reading the entry a cursor is on.

Owns the exported readers. A cursor that was saved is brought back first; one that is on no entry (its entry was
deleted) reads as an empty record: every column is NULL.

Invariants:
  E1  Overflow pages are read only as far as the wanted columns reach.
  E2  The addresses in values stay valid until the cursor moves or its tree is changed: what is assembled from overflow
      pages is not moved when more of it is needed.
"""

from turso_wasm.kernel.abi import NULL, Cursor, Value
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.btree.cursor.save import cursor_ready
from turso_wasm.kernel.btree.cursor.seek import cursor_assemble
from turso_wasm.kernel.values.compare import NEED_MORE, compare_record, record_rowid
from turso_wasm.kernel.values.record import record_columns, record_locate, serial_size, serial_value
from turso_wasm.wasm.lang import export, i32, i64, inline, ptr, u8, u32, u64

__subset__ = True


def spilled_bytes(c: Cursor, want: i32) -> ptr[u8]:
    """The payload of an entry with overflow pages, at least `want` bytes (at most all) of it contiguous."""
    if want <= c.local_size:
        return c.payload
    return cursor_assemble(c, c.payload, c.payload_size, c.local_size, want)


@export
def cursor_payload_spilled(c: Cursor) -> ptr[u8]:
    """cursor_payload when the payload may not be contiguous, or the cursor was saved."""
    if cursor_ready(c) == 0:
        return c.payload
    return spilled_bytes(c, c.payload_size)


@export
@inline
def cursor_payload(c: Cursor) -> ptr[u8]:
    """The whole payload of the entry (payload_size bytes), contiguous. Errors: SQLITE_CORRUPT."""
    if c.valid and c.local_size == c.payload_size:
        return c.payload
    return cursor_payload_spilled(c)


def spilled_header(c: Cursor) -> ptr[u8]:
    """The payload with its record header contiguous."""
    end, _n = get_varint(c.payload)
    if u64(end) > u64(i64(c.payload_size)):
        raise_corrupt(u32(0))
    return spilled_bytes(c, i32(end))


def spilled_column(c: Cursor, column: i32) -> tuple[i32, i32, i64]:
    """A column of an entry with overflow pages: (1, value), or (0, NULL) past the last column."""
    p: ptr[u8] = spilled_header(c)
    available: i32 = c.local_size if p == c.payload else c.overflow_size
    st, offset = record_locate(p, available, c.payload_size, column)
    if offset < 0:
        return 0, NULL, i64(0)
    p = spilled_bytes(c, offset + serial_size(st))
    tag, payload = serial_value(i32(st), p + offset)
    return 1, tag, payload


def spilled_columns(c: Cursor, mask: i64, out: ptr[Value]) -> None:
    """cursor_columns of an entry with overflow pages: find out how far the wanted columns reach, then decode."""
    p: ptr[u8] = spilled_header(c)
    long_end, at = get_varint(p)
    end: i32 = i32(long_end)
    body: i32 = end
    reach: i32 = end
    left: u64 = u64(mask)
    while left and at < end:
        st, n = get_varint(p + at)
        width: i32 = serial_size(st)
        at += n
        if at > end or width < 0 or width > c.payload_size - body:
            raise_corrupt(u32(0))
        body += width
        if left & 1:
            reach = body
        left >>= 1
    record_columns(spilled_bytes(c, reach), c.payload_size, mask, out)


def no_columns(mask: i64, out: ptr[Value]) -> None:
    """All wanted columns are NULL."""
    left: u64 = u64(mask)
    at: i32 = 0
    while left:
        if left & 1:
            out[at].tag = NULL
            out[at].payload = i64(0)
        at += 1
        left >>= 1


@export
def cursor_columns(c: Cursor, mask: i64, out: ptr[Value]) -> None:
    """Write the columns whose bit is set in `mask` to out[column]; NULL past the last one. Errors: SQLITE_CORRUPT."""
    if c.valid == 0 and cursor_ready(c) == 0:
        no_columns(mask, out)
    elif c.local_size == c.payload_size:
        record_columns(c.payload, c.payload_size, mask, out)
    else:
        spilled_columns(c, mask, out)


@export
def cursor_column_or(c: Cursor, column: i32, tag: i32, payload: i64) -> tuple[i32, i64]:
    """The value of a column; (tag, payload) when the record is shorter. Errors: SQLITE_CORRUPT."""
    if c.valid == 0 and cursor_ready(c) == 0:
        return NULL, i64(0)
    if c.local_size < c.payload_size:
        found, spilled_tag, spilled = spilled_column(c, column)
        if found:
            return spilled_tag, spilled
        return tag, payload
    st, offset = record_locate(c.payload, c.payload_size, c.payload_size, column)
    if offset < 0:
        return tag, payload
    return serial_value(i32(st), c.payload + offset)


@export
def cursor_column(c: Cursor, column: i32) -> tuple[i32, i64]:
    """The value of a column; NULL past the last column. Errors: SQLITE_CORRUPT."""
    return cursor_column_or(c, column, NULL, i64(0))


@export
def cursor_rowid(c: Cursor) -> i64:
    """The rowid of the entry of a table b-tree."""
    _ = cursor_ready(c)
    return c.rowid


@export
def cursor_index_rowid(c: Cursor) -> i64:
    """The last field of the entry of an index b-tree, an integer; 0 when there is no entry. Errors: SQLITE_CORRUPT."""
    if c.valid == 0 and cursor_ready(c) == 0:
        return i64(0)
    found, rowid = record_rowid(c.payload, c.payload_size, c.local_size)
    if found == 0:
        found, rowid = record_rowid(cursor_payload(c), c.payload_size, c.payload_size)
    return rowid


@export
def cursor_compare_key(c: Cursor, probe: ptr[Value], n: i32) -> i32:
    """Sign of entry - probe in index order, first n fields; -1 when there is no entry. Errors: SQLITE_CORRUPT."""
    if c.valid == 0 and cursor_ready(c) == 0:
        return -1
    if c.payload_size == 0:
        raise_corrupt(u32(0))
    order: i32 = compare_record(c, c.payload, c.local_size, c.payload_size, probe, n)
    if order == NEED_MORE:
        order = compare_record(c, cursor_payload(c), c.payload_size, c.payload_size, probe, n)
    return order
