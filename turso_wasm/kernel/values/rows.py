"""Result rows: what a statement hands to its host.

Owns the row buffer and the heap behind it (fields rows… and heap… of abi.Run), and frees them and the key
buffer with the statement. Hosts reset rows_used, row_count and heap_used before they call step again.

A row of n columns, at a multiple of 8:

  OFFSET  SIZE    MEANING
  0       n       tags, padded with zeros to a multiple of 8
  pad     8 * n   payloads, little-endian; a TEXT or BLOB is its offset in the heap | size << 32

Invariants:
  W1  The address of a row is valid until the next row_begin; offsets in the heap stay valid when the heap moves.
  W2  heap_not_ascii is set once a TEXT with a byte >= 0x80 was written; the host clears it.
  W3  A text or blob has at most MAX_LENGTH bytes. Every row is written whole, however large it is.
  W4  In the heap texts and blobs lie in the order of rows and columns (codegen.output), a zero behind each.
"""

from turso_wasm.kernel.abi import TEXT, Run
from turso_wasm.kernel.base.errors import raise_too_big
from turso_wasm.kernel.base.memory import grown, mfree, mrealloc
from turso_wasm.kernel.values.record import MAX_LENGTH
from turso_wasm.wasm.lang import export, i32, i64, inline, le64, memory_copy, ptr, put_le64, u8, u64

__subset__ = True

ROWS_FULL = 128 * 1024  # bytes of rows, and
HEAP_FULL = 1024 * 1024  # bytes of texts and blobs, at which step hands over
ROWS_MIN = 1024
HEAP_MIN = 1024
HEAP_KEEP = 4 * 1024 * 1024  # a larger heap is given back when the statement is reset


@inline
def tag_bytes(n_columns: i32) -> i32:
    """Bytes of a row's tags with their padding."""
    return (n_columns + 7) & ~7


def rows_grow(stmt: Run, size: i32) -> None:
    """Make room for another row of `size` bytes; doubles."""
    capacity: i32 = stmt.rows_capacity * 2
    if capacity < ROWS_MIN:
        capacity = ROWS_MIN
    if capacity > ROWS_FULL + size:
        capacity = ROWS_FULL + size
    if capacity < stmt.rows_used + size:
        capacity = stmt.rows_used + size
    stmt.rows = mrealloc(stmt.rows, capacity)
    stmt.rows_capacity = capacity


@export
@inline
def row_begin(stmt: Run) -> ptr[u8]:
    """The address of a new row whose tags are all NULL; payloads are not initialised. Errors: SQLITE_NOMEM."""
    tags: i32 = tag_bytes(stmt.n_columns)
    if stmt.rows_used + tags + stmt.n_columns * 8 > stmt.rows_capacity:
        rows_grow(stmt, tags + stmt.n_columns * 8)
    row: ptr[u8] = stmt.rows + stmt.rows_used
    at: i32 = 0
    while at < tags:
        put_le64(row + at, i64(0))
        at += 8
    return row


@export
@inline
def row_set(stmt: Run, row: ptr[u8], column: i32, tag: i32, payload: i64) -> None:
    """Set one column; a text or blob is copied to the heap. Errors: SQLITE_TOOBIG, SQLITE_NOMEM."""
    row[column] = tag
    if tag >= TEXT:
        payload = row_text(stmt, payload, i32(tag == TEXT))
    put_le64(row + tag_bytes(stmt.n_columns) + column * 8, payload)


@export
@inline
def row_end(stmt: Run) -> i32:
    """Count the row; 1 when step must return ROWS."""
    stmt.rows_used += tag_bytes(stmt.n_columns) + stmt.n_columns * 8
    stmt.row_count += 1
    return i32(
        stmt.rows_used >= ROWS_FULL or stmt.heap_used >= HEAP_FULL or stmt.row_count == stmt.row_limit,
    )


@export
def row_text(stmt: Run, payload: i64, is_text: i32) -> i64:
    """Copy a text or blob to the heap; its offset there | size << 32. Errors: SQLITE_TOOBIG, SQLITE_NOMEM."""
    size: i32 = i32(payload >> 32)
    source: ptr[u8] = ptr[u8](i32(payload))
    used: i32 = stmt.heap_used
    if size > MAX_LENGTH or size < 0:
        raise_too_big()
    if size + 8 > stmt.heap_capacity - used:
        heap_grow(stmt, size)
    to: ptr[u8] = stmt.heap + used
    if size > 256:
        memory_copy(to, source, size)
        if is_text and stmt.heap_not_ascii == 0:
            stmt.heap_not_ascii = i32(not_ascii(source, size))
    else:
        high: u64 = copy_words(to, source, size)
        if is_text and high & 0x8080808080808080:
            stmt.heap_not_ascii = 1
    to[size] = 0
    stmt.heap_used = used + size + 1
    return i64(used) | i64(size) << 32


@inline
def copy_words(to: ptr[u8], source: ptr[u8], n: i32) -> u64:
    """Copy n bytes as whole words (up to 7 bytes more are written); the n bytes or'ed together."""
    high: u64 = 0
    at: i32 = 0
    while at + 8 <= n:
        word: u64 = u64(le64(source + at))
        put_le64(to + at, i64(word))
        high |= word
        at += 8
    if at < n:
        word = u64(le64(source + at))
        put_le64(to + at, i64(word))
        high |= word & ~(~u64(0) << u64((n - at) << 3))
    return high


def not_ascii(p: ptr[u8], n: i32) -> bool:
    """Whether one of n bytes is >= 0x80."""
    high: u64 = 0
    at: i32 = 0
    while at + 8 <= n:
        high |= u64(le64(p + at))
        at += 8
    if at < n:
        high |= u64(le64(p + at)) & ~(~u64(0) << u64((n - at) << 3))
    return high & 0x8080808080808080 != 0


def heap_grow(stmt: Run, size: i32) -> None:
    """Make room for `size` bytes and a word more; at least doubles. Errors: SQLITE_NOMEM."""
    need: i64 = i64(stmt.heap_used) + i64(size) + 8
    capacity: i32 = grown(stmt.heap_capacity, need, HEAP_MIN)
    stmt.heap = mrealloc(stmt.heap, capacity)
    stmt.heap_capacity = capacity


@export
def buffers_trim(stmt: Run) -> None:
    """Empty the row buffer and give back a heap that has grown out of proportion: for statement_reset."""
    stmt.rows_used = 0
    stmt.row_count = 0
    stmt.heap_used = 0
    stmt.heap_not_ascii = 0
    if stmt.heap_capacity > HEAP_KEEP:
        mfree(stmt.heap)
        stmt.heap = ptr[u8](0)
        stmt.heap_capacity = 0


def key_trim(stmt: Run) -> None:
    """Empty the key buffer, and give it back if it has grown out of proportion."""
    stmt.key_used = 0
    if stmt.key_capacity > HEAP_KEEP:
        mfree(stmt.key)
        stmt.key = ptr[u8](0)
        stmt.key_capacity = 0


@export
def buffers_free(stmt: Run) -> None:
    """Free the row buffer, the heap and the key buffer: for statement_free."""
    mfree(stmt.rows)
    mfree(stmt.heap)
    mfree(stmt.key)
    stmt.rows = ptr[u8](0)
    stmt.heap = ptr[u8](0)
    stmt.key = ptr[u8](0)
    stmt.rows_capacity = 0
    stmt.heap_capacity = 0
    stmt.key_capacity = 0
    stmt.rows_used = 0
    stmt.heap_used = 0
    stmt.row_count = 0
    stmt.key_used = 0
