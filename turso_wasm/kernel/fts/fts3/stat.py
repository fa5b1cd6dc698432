"""%_stat and %_docsize of FTS4.

Owns the rows of %_stat: 0, a blob of numbers: rows, tokens of each column, bytes of all texts; 1, SQLite's notes on a
merge under way; 2, the option automerge.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, Cursor, Run, Value
from turso_wasm.kernel.abi_modules import FtsConfig
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.btree.delete import cursor_delete
from turso_wasm.kernel.btree.insert import table_insert
from turso_wasm.kernel.fts.bytes import Bytes, bytes_init, bytes_room
from turso_wasm.kernel.fts.fts3.varint import add_fts3_varint, fts3_varint
from turso_wasm.kernel.fts.writer import store_blob
from turso_wasm.kernel.values.record import record_encode
from turso_wasm.kernel.values.value import bytes_of, size_of, to_integer
from turso_wasm.wasm.lang import i32, i64, memory_copy, memory_fill, ptr, scratch, sizeof, u8

__subset__ = True

SUMS_ROW = 0
MERGE_ROW = 1
AUTOMERGE_ROW = 2


def read_numbers(stmt: Run, c: Cursor, rowid: i64, out: ptr[i64], n: i32) -> i32:
    """Read n numbers of the blob in column 1 of a row; what is not there is 0. Whether there is such a row."""
    memory_fill(out, 0, 8 * n)
    if cursor_seek_rowid(c, rowid) == 0:
        return 0
    tag, payload = cursor_column(c, 1)
    size: i32 = size_of(payload) if tag == BLOB else 0
    b: Bytes = Bytes(scratch(sizeof(Bytes)))
    bytes_init(b, stmt.arena)
    p: ptr[u8] = bytes_room(b, size + 1)
    memory_copy(p, bytes_of(payload), size)
    memory_fill(p + size, 0, 16)
    at: i32 = 0
    for i in range(n):
        if at < size:
            value, width = fts3_varint(p + at)
            out[i] = value
            at += width
    return 1


def write_numbers(stmt: Run, c: Cursor, rowid: i64, numbers: ptr[i64], n: i32) -> None:
    """Put a row with a blob of numbers."""
    b: Bytes = Bytes(scratch(sizeof(Bytes)))
    bytes_init(b, stmt.arena)
    for i in range(n):
        add_fts3_varint(b, numbers[i])
    store_blob(stmt, c, rowid, b.data, b.size)


def read_automerge(stmt: Run, config: FtsConfig) -> i32:
    """The option, 0: it is off."""
    if config.options == 0:
        return 0
    c: Cursor = cursor_open(stmt, config.slot, config.options, None, 0)
    value: i64 = i64(0)
    if cursor_seek_rowid(c, i64(AUTOMERGE_ROW)):
        tag, payload = cursor_column(c, 1)
        value = to_integer(tag, payload)
    cursor_close(c)
    return i32(value) if value > 1 and value <= 16 else 0


def write_automerge(stmt: Run, config: FtsConfig, value: i32) -> None:
    """Set the option."""
    values: ptr[Value] = ptr[Value](scratch(32))
    values[0].tag = 0
    values[0].payload = 0
    values[1].tag = INTEGER
    values[1].payload = i64(value)
    record: i64 = record_encode(stmt, values, 2)
    c: Cursor = cursor_open(stmt, config.slot, config.options, None, 1)
    table_insert(c, i64(AUTOMERGE_ROW), bytes_of(record), size_of(record))
    cursor_close(c)


def delete_row(stmt: Run, config: FtsConfig, rowid: i64) -> None:
    """Delete a row if it is there."""
    if config.options:
        c: Cursor = cursor_open(stmt, config.slot, config.options, None, 1)
        if cursor_seek_rowid(c, rowid):
            cursor_delete(c)
        cursor_close(c)


def forget_merge(stmt: Run, config: FtsConfig) -> None:
    """No merge is under way: the segments that SQLite took notes about may be gone."""
    delete_row(stmt, config, i64(MERGE_ROW))


def delete_sums(stmt: Run, config: FtsConfig) -> None:
    """The table is empty."""
    delete_row(stmt, config, i64(SUMS_ROW))
    delete_row(stmt, config, i64(MERGE_ROW))
