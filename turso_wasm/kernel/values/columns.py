"""Result rows turned into columns, for hosts that want arrays.

Owns no memory. `rows_turn` leaves in the row buffer and the heap (kernel/values/rows.py), of n rows of w columns:

  OFFSET         SIZE   MEANING
  8 * n * c      8 * n  payloads of column c, little-endian; of a TEXT or BLOB its size, of NULL 0
  8 * n * w + n * c  n  tags of column c
The heap has the bytes of the texts and blobs of column 0 in the order of the rows, then those of column 1, …
"""

from turso_wasm.kernel.abi import NULL, TEXT, Run
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.values.rows import copy_words, tag_bytes
from turso_wasm.wasm.lang import export, i32, i64, le64, memory_copy, ptr, put_le64, u8, u64

__subset__ = True


@export
def rows_turn(stmt: Run) -> None:
    """Turn the rows that step has left in the buffer. Errors: SQLITE_NOMEM, and they are as they were."""
    n: i32 = stmt.row_count
    if n == 0:
        return
    to: ptr[u8] = malloc(stmt.rows_capacity)
    heap: ptr[u8] = malloc(stmt.heap_capacity + 8)
    width: i32 = stmt.n_columns
    used: i32 = 0
    for column in range(width):
        used = column_turn(stmt, column, to, heap, used)
    mfree(stmt.rows)
    mfree(stmt.heap)
    stmt.rows = to
    stmt.heap = heap
    stmt.rows_used = 9 * width * n
    stmt.heap_used = used
    stmt.heap_capacity += 8


def column_turn(stmt: Run, column: i32, to: ptr[u8], heap: ptr[u8], used: i32) -> i32:
    """Write one column behind those before it; how much of the heap is used then."""
    n: i32 = stmt.row_count
    width: i32 = stmt.n_columns
    size: i32 = tag_bytes(width) + width * 8
    tag_at: ptr[u8] = stmt.rows + column
    payload_at: ptr[u8] = stmt.rows + tag_bytes(width) + column * 8
    tags: ptr[u8] = to + width * n * 8 + column * n
    payloads: ptr[u8] = to + column * n * 8
    i: i32 = 0
    while i < n:
        tag: i32 = tag_at[0]
        payload: i64 = le64(payload_at)
        if tag >= TEXT:
            payload = heap_turn(stmt, payload, heap + used)
            used += i32(payload)
        elif tag == NULL:
            payload = 0
        put_le64(payloads + i * 8, payload)
        tags[i] = tag
        tag_at += size
        payload_at += size
        i += 1
    return used


def heap_turn(stmt: Run, payload: i64, to: ptr[u8]) -> i64:
    """Copy a text or blob of the heap to its new place; its size."""
    size: i32 = i32(payload >> 32)
    source: ptr[u8] = stmt.heap + i32(payload)
    if size > 256:
        memory_copy(to, source, size)
    else:
        _high: u64 = copy_words(to, source, size)
    return i64(size)
