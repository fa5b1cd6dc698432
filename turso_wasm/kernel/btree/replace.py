"""Changing the record of the entry a cursor is on, in a table b-tree: the key stays, so nothing is sought.

Owns cursor_replace and cursor_patch. The latter overwrites single fields where they lie; it is for updates of which
most rows keep the sizes of their fields.

Invariants:
  K1  Fields are patched only if every one of them keeps its serial type, so the record is the one that record_encode
      would have made.
  K2  Their new bytes are gathered before the first is written: they may come from the record itself.
  K3  A record that stays as it is writes no page (as in SQLite, for such as have no overflow pages). Blobs that are
      open on its row end all the same.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, REAL, TEXT, Cursor, Value
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.btree.balance import write_level
from turso_wasm.kernel.btree.cursor.position import load_entry
from turso_wasm.kernel.btree.cursor.save import cursor_ready, cursors_save_for
from turso_wasm.kernel.btree.cursor.watch import watch_write_row
from turso_wasm.kernel.btree.insert import cell_buffer, replace_on_leaf
from turso_wasm.kernel.pager.header import bytes_equal
from turso_wasm.kernel.pager.storage import Page
from turso_wasm.kernel.values.record import SERIAL_SIZES, header_end, integer_serial, serial_long
from turso_wasm.wasm.lang import export, i32, i64, memory_copy, ptr, scratch, u8, u64

__subset__ = True

MAX_PATCHED = 64  # fields


@export
def cursor_replace(c: Cursor, p: ptr[u8], size: i32) -> None:
    """Give the entry of a table b-tree that the cursor is on the record of `size` bytes at p.

    The record lies in no page of the tree. Afterwards cursor_next goes to the entry behind it. Errors: SQLITE_CORRUPT,
    SQLITE_FULL.
    """
    if cursor_ready(c) == 0:
        raise_corrupt(c.root)
    if c.watch:
        watch_write_row(c, c.rowid)
    cursors_save_for(c, c.rowid, c.rowid)
    if size == c.payload_size and size == c.local_size and bytes_equal(c.payload, p, size):
        return
    replace_on_leaf(c, c.rowid, p, size)


@export
def cursor_patch(c: Cursor, values: ptr[Value], mask: i64) -> i32:
    """Overwrite the fields whose bit is set in `mask` of the record under the cursor, if their serial types stay (K1).

    values: the new ones, those of `mask` alone, in its order. Returns 0 if nothing was done: the record has to be made
    anew. Errors: SQLITE_CORRUPT.
    """
    if c.valid == 0 or c.local_size < c.payload_size:
        return 0
    places: ptr[i32] = ptr[i32](scratch(MAX_PATCHED * 8))
    n: i32 = find_places(c, values, mask, places)
    if n == 0:
        return 0
    if c.watch:
        watch_write_row(c, c.rowid)
    cursors_save_for(c, c.rowid, c.rowid)
    if fields_equal(c.payload, places, n):
        return 1
    offset: i32 = c.payload - c.leaf
    page: Page = write_level(c, c.depth)
    if page.data != c.leaf:
        load_entry(c)
    p: ptr[u8] = page.data + offset
    new: ptr[u8] = cell_buffer()
    for i in range(n):
        size: i32 = places[2 * i + 1]
        memory_copy(p + places[2 * i], new, size)
        new += size
    return 1


def fields_equal(p: ptr[u8], places: ptr[i32], n: i32) -> i32:
    """Whether the fields of the record at p have the bytes in cell_buffer() already."""
    new: ptr[u8] = cell_buffer()
    for i in range(n):
        size: i32 = places[2 * i + 1]
        if not bytes_equal(p + places[2 * i], new, size):
            return 0
        new += size
    return 1


def find_places(c: Cursor, values: ptr[Value], mask: i64, places: ptr[i32]) -> i32:
    """Where the masked fields lie: (offset, size) of each in `places`, their new bytes in cell_buffer() (K2).

    Returns how many there are; 0 if one of them would get another serial type, or is behind the end of the record.
    """
    p: ptr[u8] = c.payload
    size: i32 = c.payload_size
    new: ptr[u8] = cell_buffer()
    at, end = header_end(p, size)
    body: i32 = end
    n: i32 = 0
    while mask != 0:
        if at >= end:
            return 0
        st: i64 = i64(p[at])
        width: i32 = 1
        room: i32 = SERIAL_SIZES[i32(st) & 127]
        if st >= 128:
            st, width, room = serial_long(p + at, end - at, size - body)
        if i32(mask) & 1:
            if room > size - body:
                raise_corrupt(c.root)
            if serial_of(values[n]) != st:
                return 0
            places[2 * n] = body
            places[2 * n + 1] = room
            put_field(new, values[n], room)
            new += room
            n += 1
        at += width
        body += room
        mask = i64(u64(mask) >> 1)
    return n


def serial_of(v: Value) -> i64:
    """The serial type of a value."""
    if v.tag == INTEGER:
        return i64(integer_serial(v.payload))
    if v.tag >= TEXT:
        return (v.payload >> 32) * 2 + i64(16 - v.tag)
    return i64(7 if v.tag == REAL else NULL)


def put_field(out: ptr[u8], v: Value, size: i32) -> None:
    """Write the body part of a value that takes `size` bytes."""
    if v.tag >= TEXT:
        memory_copy(out, ptr[u8](i32(v.payload)), size)
        return
    left: i64 = v.payload
    i: i32 = size
    while i > 0:
        i -= 1
        out[i] = i32(left) & 255
        left = left >> 8
