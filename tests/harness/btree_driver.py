"""Loops over b-trees in the typed subset, compiled with the kernel for tests and benchmarks: thousands of operations a
call. Not part of the kernel."""

from turso_wasm.kernel.abi import Cursor, Value
from turso_wasm.kernel.btree.cursor.move import (
    cursor_first,
    cursor_last,
    cursor_next,
    cursor_prev,
    index_next,
    table_next,
)
from turso_wasm.kernel.btree.cursor.read import cursor_columns, cursor_payload
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_key, cursor_seek_rowid, cursor_seek_rowid_op
from turso_wasm.kernel.btree.delete import cursor_delete, index_delete
from turso_wasm.kernel.btree.insert import index_insert, table_insert, table_new_rowid
from turso_wasm.wasm.lang import (
    be32,
    export,
    i32,
    i64,
    memory_fill,
    ptr,
    put_be16,
    put_be32,
    put_be64,
    scratch,
    u8,
    u32,
)

__subset__ = True

random_state: i64 = 1


@export
def drive_seed(seed: i64) -> None:
    """Start the random numbers."""
    global random_state
    random_state = seed


def draw(n: i32) -> i32:
    """A random number 0..n-1."""
    global random_state
    random_state = random_state * 6364136223846793005 + 1442695040888963407
    return i32((random_state >> 33) & 0x7FFFFFFF) % n


# --- for hostile files: everything is touched, nothing is expected -------------------------------------------------


@export
def drive_read(c: Cursor, backward: i32) -> i64:
    """Scan a tree, reading all payloads and columns; a number that depends on all of them."""
    out: ptr[Value] = ptr[Value](scratch(16 * 8))
    total: i64 = i64(0)
    on: i32 = cursor_last(c) if backward else cursor_first(c)
    while on:
        cursor_columns(c, i64(0x85), out)
        p: ptr[u8] = cursor_payload(c)
        total = total * 31 + c.rowid + i64(out[0].tag + out[2].tag)
        for i in range(c.payload_size):
            total += i64(p[i])
        on = cursor_prev(c) if backward else cursor_next(c)
    return total


def random_record(p: ptr[u8]) -> i32:
    """A record (blob, integer) like those of the files under test; its size. p: 2048 bytes."""
    n: i32 = draw(12) if draw(4) else draw(1900)
    header: i32 = 4 if n >= 58 else 3
    p[0] = header
    if n >= 58:
        put_be16(p + 1, (((2 * n + 12) & 0x3F80) << 1) | ((2 * n + 12) & 127) | 0x8000)
    else:
        p[1] = 2 * n + 12
    p[header - 1] = 2
    memory_fill(p + header, draw(256), n)
    put_be16(p + header + n, draw(1000))
    return header + n + 2


def table_step(c: Cursor, record: ptr[u8]) -> None:
    """One random operation on a table."""
    rowid: i64 = i64(draw(2000))
    action: i32 = draw(10)
    if action < 5:
        table_insert(c, table_new_rowid(c) if action == 0 else rowid, record, random_record(record))
    elif cursor_seek_rowid_op(c, rowid, draw(4), rowid):
        if action < 8:
            cursor_delete(c)
        else:
            _ = cursor_payload(c)


def index_step(c: Cursor, record: ptr[u8]) -> None:
    """One random operation on an index whose first field is a blob."""
    size: i32 = random_record(record)
    action: i32 = draw(10)
    if action < 5:
        index_insert(c, record, size)
        return
    probe: Value = Value(record + 1024)
    probe.tag = 4
    probe.payload = i64(u32(record)) | i64(draw(4)) << 32
    if cursor_seek_key(c, ptr[Value](record + 1024), 1, draw(4)):
        if action < 8:
            cursor_delete(c)
        else:
            _ = cursor_payload(c)


@export
def drive_change(c: Cursor, other: Cursor, n: i32) -> None:
    """n random operations on a tree while another cursor on it moves along."""
    record: ptr[u8] = scratch(2048)
    for _ in range(n):
        if c.keyinfo:
            index_step(c, record)
        else:
            table_step(c, record)
        if draw(2) and (cursor_next(other) if draw(2) else cursor_prev(other)) == 0:
            _ = cursor_first(other)


# --- for benchmarks --------------------------------------------------------------------------------------------------


@export
def drive_append(c: Cursor, first: i64, n: i32, record: ptr[u8], size: i32) -> None:
    """Insert n rows with ascending rowids; the last four bytes of the record vary."""
    for i in range(n):
        put_be32(record + size - 4, u32(i))
        table_insert(c, first + i64(i), record, size)


@export
def drive_append_new(c: Cursor, n: i32, record: ptr[u8], size: i32) -> None:
    """Insert n rows with the next rowid each."""
    for i in range(n):
        put_be32(record + size - 4, u32(i))
        table_insert(c, table_new_rowid(c), record, size)


@export
def drive_sum(c: Cursor) -> i64:
    """Scan with cursor_next: the sum of rowids and of the last four bytes of each record."""
    total: i64 = i64(0)
    on: i32 = cursor_first(c)
    while on:
        total += c.rowid + i64(be32(c.payload + c.payload_size - 4))
        on = cursor_next(c)
    return total


@export
def drive_sum_table(c: Cursor) -> i64:
    """drive_sum with table_next."""
    total: i64 = i64(0)
    on: i32 = cursor_first(c)
    while on:
        total += c.rowid + i64(be32(c.payload + c.payload_size - 4))
        on = table_next(c)
    return total


@export
def drive_sum_index(c: Cursor) -> i64:
    """The sum of the last four bytes of each record, with index_next."""
    total: i64 = i64(0)
    on: i32 = cursor_first(c)
    while on:
        total += i64(be32(c.payload + c.payload_size - 4))
        on = index_next(c)
    return total


@export
def drive_seek(c: Cursor, n: i32, most: i32) -> i32:
    """n random exact seeks of rowids 1..most; how many were found."""
    found: i32 = 0
    for _ in range(n):
        found += cursor_seek_rowid(c, i64(draw(most)) + 1)
    return found


@export
def drive_index_insert(c: Cursor, n: i32, is_random: i32) -> None:
    """Insert n records (64-bit integer, 32-bit rowid)."""
    record: ptr[u8] = scratch(16)
    record[0] = 3
    record[1] = 6
    record[2] = 4
    for i in range(n):
        _ = draw(2)
        put_be64(record + 3, random_state if is_random else i64(i))
        put_be32(record + 11, u32(i))
        index_insert(c, record, 15)


@export
def drive_index_seek(c: Cursor, n: i32) -> i32:
    """n seeks of the keys drive_index_insert drew from the same seed; how many were found."""
    probe: ptr[Value] = ptr[Value](scratch(16))
    found: i32 = 0
    for _ in range(n):
        _ = draw(2)
        probe[0].tag = 1
        probe[0].payload = random_state
        found += cursor_seek_key(c, probe, 1, 0)
    return found


@export
def drive_index_delete(c: Cursor, n: i32) -> i32:
    """index_delete of the keys drive_index_insert drew from the same seed; how many were found."""
    probe: ptr[Value] = ptr[Value](scratch(16))
    found: i32 = 0
    for _ in range(n):
        _ = draw(2)
        probe[0].tag = 1
        probe[0].payload = random_state
        found += index_delete(c, probe, 1)
    return found


@export
def drive_text_insert(c: Cursor, n: i32) -> None:
    """Insert n records (text of 12 random letters, 32-bit rowid)."""
    record: ptr[u8] = scratch(32)
    record[0] = 3
    record[1] = 13 + 24
    record[2] = 4
    for i in range(n):
        for k in range(12):
            record[3 + k] = 97 + draw(16)
        put_be32(record + 15, u32(i))
        index_insert(c, record, 19)


@export
def drive_delete_all(c: Cursor) -> i32:
    """Delete every entry from the first on; how many."""
    n: i32 = 0
    on: i32 = cursor_first(c)
    while on:
        cursor_delete(c)
        n += 1
        on = cursor_next(c)
    return n
