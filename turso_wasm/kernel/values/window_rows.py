"""The rows of a window's partition: added in order, read by number, in memory or in a temporary file.

A row is a record, of which a copy is made, so that rows that are read in order lie in order. Beyond the memory limit a
row that outlives the partition where it is (in a sorter's memory) is only referred to; copies of others go to a file,
all at once. Sixteen bytes a row stay.

Invariants:
  R1  A row's `at` is its address, or ~offset in the file. Rows are not read while others are added.
  R2  A row that was read from the file is copied to the run's arena: valid as long as what else is computed for a row.
"""

from turso_wasm.kernel.abi import Arena, KernelConnection, Resource, Run
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import SQLITE_IOERR
from turso_wasm.kernel.base.limits import work_memory
from turso_wasm.kernel.base.memory import (
    arena_alloc,
    arena_free,
    arena_mark,
    arena_release,
    grown,
    malloc,
    mfree,
    mrealloc,
)
from turso_wasm.kernel.base.resources import resource_add
from turso_wasm.kernel.base.tempfile import temp_flags, temp_open, temp_read, temp_rewind, temp_write
from turso_wasm.kernel.base.vfs import raise_io, vfs_close
from turso_wasm.wasm.lang import (
    Struct,
    export,
    funcref,
    i32,
    i64,
    inline,
    memory_copy,
    ptr,
    sizeof,
    u8,
    u32,
)

__subset__ = True

KIND_WINDOW_ROWS = 18
BLOCK = 32 * 1024
N_BLOCKS = 8  # of the file that are held in memory


class WindowRow(Struct):
    """Where a row is (R1), and the number of its peer group in the partition."""

    at: i64
    size: i32
    group: i32


class Block(Struct):
    """A part of the file. number: the part, -1: none. used: when it was last needed."""

    number: i32
    used: i32
    filled: i32
    data: ptr[u8]


class WindowRows(Resource):
    """`in_memory`: the first row that is not in the file."""

    statement: Run
    rows: ptr[WindowRow]
    count: i32
    capacity: i32
    in_memory: i32
    start: i32  # mark of the empty arena
    bytes: i64
    bytes_max: i64
    arena: Arena.embed
    fd: i32  # -1: no file yet
    clock: i32
    written: i64
    blocks: ptr[Block]


@export
def window_rows_new(stmt: Run) -> WindowRows:
    """An empty list of rows. Errors: SQLITE_NOMEM."""
    w: WindowRows = WindowRows(
        i32(resource_add(stmt, sizeof(WindowRows), KIND_WINDOW_ROWS, funcref(window_rows_release)))
    )
    w.fd = -1
    w.statement = stmt
    w.bytes_max = i64(work_memory())
    return w


def window_rows_release(resource: i32) -> None:
    """Free a WindowRows."""
    w: WindowRows = WindowRows(resource)
    blocks_free(w)
    if w.fd >= 0:
        vfs_close(w.fd)
    arena_free(w.arena)
    mfree(ptr[u8](w.rows))
    mfree(ptr[u8](resource))


@export
def window_rows_clear(w: WindowRows) -> None:
    """Forget all rows."""
    w.count = 0
    w.in_memory = 0
    w.bytes = 0
    if w.written:
        w.written = 0
        temp_rewind(w.fd)
        blocks_free(w)
    arena_release(w.arena, w.start)


# --- adding --------------------------------------------------------------------------------------------------


@export
def window_rows_add(w: WindowRows, row: i64, group: i32, stays: i32) -> None:
    """Append a row (address | size << 32). stays: it need not be copied. Errors: SQLITE_NOMEM, SQLITE_FULL, …"""
    if w.count == w.capacity:
        size: i32 = grown(w.capacity * sizeof(WindowRow), i64(w.count + 1) * sizeof(WindowRow), 1024)
        w.rows = ptr[WindowRow](mrealloc(ptr[u8](w.rows), size))
        w.capacity = size // sizeof(WindowRow)
    address: i32 = i32(row)
    size = i32(row >> 32)
    if stays == 0 or w.bytes < w.bytes_max:
        if w.bytes >= w.bytes_max:
            window_rows_spill(w)
        if w.arena.chunk == 0:
            _ = arena_alloc(w.arena, 8)
            w.start = arena_mark(w.arena)
        copy: ptr[u8] = arena_alloc(w.arena, size + 8)
        copy_bytes(copy, ptr[u8](address), size)
        address = i32(copy)
        w.bytes += i64(size)
    entry: WindowRow = w.rows[w.count]
    entry.at = i64(u32(address))
    entry.size = size
    entry.group = group
    w.count += 1


def window_rows_spill(w: WindowRows) -> None:
    """Write the copies to the file."""
    if w.fd < 0:
        w.fd = temp_open(temp_flags(KernelConnection(w.statement.connection)))
    buffer: ptr[u8] = malloc(BLOCK)
    used: i32 = 0
    offset: i64 = w.written  # of the buffer
    for i in range(w.in_memory, w.count):
        entry: WindowRow = w.rows[i]
        if used + entry.size > BLOCK:
            temp_write(w.fd, buffer, used, offset)
            offset += i64(used)
            used = 0
        source: ptr[u8] = ptr[u8](i32(entry.at))
        entry.at = ~(offset + i64(used))
        if entry.size > BLOCK:
            temp_write(w.fd, source, entry.size, offset)
            offset += i64(entry.size)
        else:
            memory_copy(buffer + used, source, entry.size)
            used += entry.size
    temp_write(w.fd, buffer, used, offset)
    mfree(buffer)
    w.written = offset + i64(used)
    w.in_memory = w.count
    w.bytes = 0
    arena_release(w.arena, w.start)
    blocks_free(w)


# --- reading -------------------------------------------------------------------------------------------------


@export
@inline
def window_rows_get(w: WindowRows, i: i32) -> i64:
    """Row number i: address | size << 32 (R2). Errors: SQLITE_IOERR."""
    entry: WindowRow = w.rows[i]
    return (entry.at | i64(entry.size) << 32) if entry.at >= 0 else window_rows_read(w, i)


@export
@inline
def window_rows_group(w: WindowRows, i: i32) -> i32:
    """The number of row i's peer group."""
    return w.rows[i].group


@export
def window_rows_read(w: WindowRows, i: i32) -> i64:
    """Row number i, which is in the file."""
    entry: WindowRow = w.rows[i]
    size: i32 = entry.size
    out: ptr[u8] = arena_alloc(w.statement.arena, size)
    done: i32 = 0
    while done < size:
        offset: i64 = ~entry.at + i64(done)
        block: Block = block_get(w, i32(offset // BLOCK))
        at: i32 = i32(offset % BLOCK)
        n: i32 = block.filled - at if block.filled - at < size - done else size - done
        if n <= 0:
            raise_io(-SQLITE_IOERR)
        memory_copy(out + done, block.data + at, n)
        done += n
    return i64(u32(out)) | i64(size) << 32


def block_get(w: WindowRows, number: i32) -> Block:
    """A part of the file; it takes the place of the one that was not needed for the longest time."""
    if not w.blocks:
        w.blocks = ptr[Block](malloc(N_BLOCKS * sizeof(Block)))
        for i in range(N_BLOCKS):
            w.blocks[i].number = -1
            w.blocks[i].used = 0
            w.blocks[i].data = ptr[u8](0)
    w.clock += 1
    oldest: Block = w.blocks[0]
    for i in range(N_BLOCKS):
        block: Block = w.blocks[i]
        if block.number == number:
            block.used = w.clock
            return block
        if block.used < oldest.used:
            oldest = block
    if not oldest.data:
        oldest.data = malloc(BLOCK)
    oldest.number = -1
    oldest.filled = temp_read(w.fd, oldest.data, BLOCK, i64(number) * BLOCK)
    oldest.number = number
    oldest.used = w.clock
    return oldest


def blocks_free(w: WindowRows) -> None:
    """Forget what was read of the file."""
    if w.blocks:
        for i in range(N_BLOCKS):
            mfree(w.blocks[i].data)
        mfree(ptr[u8](w.blocks))
        w.blocks = ptr[Block](0)
