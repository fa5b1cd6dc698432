"""Queues of a recursive common table: rows come out first in, first out, or by their normalized keys.

Owns the rows that wait. Those without keys lie in chunks: a list of them in front, which is read; behind it, once
memory is used up, a part in a temporary file; behind that a second list, which is written. Those with keys are a heap;
once memory is used up, all of them are written as a sorted run (kernel/values/sorted_runs.py), and the next row is the
least of the heap's first and the runs' first rows.

A chunk, and the row in it (rows begin at multiples of 8):

  OFFSET  SIZE  MEANING                          OFFSET  SIZE  MEANING
  0       4     the next chunk                   0       4     size
  4       4     bytes of rows in it              8       size  the row
  8       4     bytes that it has room for
  16            the rows

A row of the heap: the first word of the key, then as in a run: sizes of row and key (4 bytes each), key, row. The key
ends in the row's number.

Invariants:
  U1  The row that queue_next went to is valid until the next queue_next.
  U2  Rows are appended to the front list while there is nothing behind it.
  U3  Of equal keys the row that came first comes first.
"""

from turso_wasm.kernel.abi import KernelConnection, Run
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import SQLITE_IOERR, raise_too_big
from turso_wasm.kernel.base.limits import work_memory
from turso_wasm.kernel.base.memory import grown, malloc, mfree, mrealloc, mzalloc
from turso_wasm.kernel.base.resources import resource_add
from turso_wasm.kernel.base.sort import compare_keys, key_word
from turso_wasm.kernel.base.tempfile import temp_flags, temp_open, temp_read, temp_rewind, temp_write
from turso_wasm.kernel.base.vfs import raise_io
from turso_wasm.kernel.values.key import key_room
from turso_wasm.kernel.values.sorted_runs import (
    SLACK,
    Reader,
    SortedRuns,
    reader_next,
    run_begin,
    run_end,
    runs_buffer,
    runs_release,
    runs_write,
)
from turso_wasm.kernel.values.sorted_runs import Run as SpilledRun
from turso_wasm.wasm.lang import (
    Struct,
    export,
    funcref,
    i32,
    i64,
    inline,
    ptr,
    put_be64,
    scratch,
    sizeof,
    u8,
    u32,
    u64,
)

__subset__ = True

KIND_QUEUE = 17
CHUNK = 1 << 16
ROW_MAX = 0x7FFE0000


class Chunk(Struct):
    """Rows in the order in which they came."""

    next: "Chunk"
    used: i32
    capacity: i32
    unused: i32


class Waiting(Struct):
    """A row of the heap; key and row follow."""

    prefix: u64
    row_size: i32
    key_size: i32


class Queue(SortedRuns):
    """A queue; kernel/values/sorted_runs.py owns the first fields. `row` is the current one: address | size << 32."""

    statement: Run
    row: i64
    at: i32  # offset in `front` of the next row
    front: Chunk  # being read
    front_last: Chunk
    back: Chunk  # behind the file
    back_last: Chunk
    bytes: i64  # of all chunks, or of the heap's rows
    bytes_max: i64
    read_at: i64  # the part of the file that holds chunks
    write_at: i64
    waiting: ptr[i32]  # the heap: of Waiting
    count: i32
    capacity: i32
    added: i64
    current: i32  # the Waiting that is the current row
    sources: ptr[i32]  # a Reader for each run that has rows left
    n_sources: i32
    moved: i32  # the index of the Reader whose row is the current one, -1: none


@export
def queue_new(stmt: Run) -> Queue:
    """An empty queue. Errors: SQLITE_NOMEM."""
    q: Queue = Queue(i32(resource_add(stmt, sizeof(Queue), KIND_QUEUE, funcref(queue_release))))
    q.statement = stmt
    q.fd = -1
    q.target = -1
    q.moved = -1
    q.bytes_max = i64(work_memory())
    q.buffer_size = runs_buffer()
    return q


def queue_release(resource: i32) -> None:
    """Free a Queue."""
    q: Queue = Queue(resource)
    chunks_free(q.front)
    chunks_free(q.back)
    for i in range(q.count):
        mfree(ptr[u8](q.waiting[i]))
    mfree(ptr[u8](q.waiting))
    mfree(ptr[u8](q.current))
    for i in range(q.n_sources):
        source_free(Reader(q.sources[i]))
    mfree(ptr[u8](q.sources))
    runs_release(SortedRuns(resource))
    mfree(ptr[u8](resource))


def chunks_free(chunk: Chunk) -> None:
    """Free a list of chunks."""
    while chunk is not None:
        following: Chunk = chunk.next
        mfree(ptr[u8](chunk))
        chunk = following


# --- first in, first out -------------------------------------------------------------------------------------


@export
def queue_add(q: Queue, row: i64) -> None:
    """Append a row (address | size << 32), which is copied. Errors: SQLITE_TOOBIG, SQLITE_NOMEM, SQLITE_FULL,
    SQLITE_IOERR.
    """
    size: i32 = i32(row >> 32)
    if size > ROW_MAX:
        raise_too_big()
    need: i32 = 8 + ((size + 7) & ~7)
    last: Chunk = q.front_last
    if q.back is not None or q.read_at < q.write_at:  # U2
        last = q.back_last
    if last is None or last.capacity - last.used < need:
        last = chunk_new(q, need)
    p: ptr[u8] = ptr[u8](last) + (sizeof(Chunk) + last.used)
    ptr[i32](p)[0] = size
    copy_bytes(p + 8, ptr[u8](i32(row)), size)
    last.used += need


def chunk_new(q: Queue, need: i32) -> Chunk:
    """A new last chunk with room for `need` bytes; makes room in memory."""
    if q.bytes >= q.bytes_max:
        queue_spill(q)
    capacity: i32 = CHUNK if need < CHUNK else need
    chunk: Chunk = Chunk(malloc(sizeof(Chunk) + capacity + 16))
    chunk.next = Chunk(None)
    chunk.used = 0
    chunk.capacity = capacity
    q.bytes += i64(capacity)
    if q.back is None and q.read_at == q.write_at:
        if q.front is None:
            q.front = chunk
        else:
            q.front_last.next = chunk
        q.front_last = chunk
    else:
        if q.back is None:
            q.back = chunk
        else:
            q.back_last.next = chunk
        q.back_last = chunk
    return chunk


def file_open(q: Queue) -> None:
    """Have a file."""
    if q.fd < 0:
        q.fd = temp_open(temp_flags(KernelConnection(q.statement.connection)))


def queue_spill(q: Queue) -> None:
    """Write all rows to the file but those of the first chunk, which is being read."""
    file_open(q)
    if q.back is not None:
        chunks_write(q, q.back)
        q.back = Chunk(None)
        q.back_last = Chunk(None)
    elif q.read_at == q.write_at and q.front is not None:
        chunks_write(q, q.front.next)
        q.front.next = Chunk(None)
        q.front_last = q.front


def chunks_write(q: Queue, chunk: Chunk) -> None:
    """Append a list of chunks to the file and free it."""
    while chunk is not None:
        following: Chunk = chunk.next
        size: i32 = sizeof(Chunk) + chunk.used
        temp_write(q.fd, ptr[u8](chunk), size, q.write_at)
        q.write_at += i64(size)
        q.bytes -= i64(chunk.capacity)
        mfree(ptr[u8](chunk))
        chunk = following


def chunk_read(q: Queue) -> None:
    """Read the next chunk of the file: it is the front."""
    head: Chunk = Chunk(scratch(sizeof(Chunk)))
    file_read(q, ptr[u8](head), sizeof(Chunk))
    used: i32 = head.used
    chunk: Chunk = Chunk(malloc(sizeof(Chunk) + used + 16))
    chunk.next = Chunk(None)
    chunk.used = used
    chunk.capacity = used
    q.bytes += i64(used)
    q.front = chunk
    q.front_last = chunk
    file_read(q, ptr[u8](chunk) + sizeof(Chunk), used)
    if q.read_at == q.write_at:
        q.read_at = i64(0)
        q.write_at = i64(0)
        temp_rewind(q.fd)


def file_read(q: Queue, p: ptr[u8], n: i32) -> None:
    """Read the next n bytes of the file."""
    if temp_read(q.fd, p, n, q.read_at) < n:
        raise_io(-SQLITE_IOERR)
    q.read_at += i64(n)


@export
def queue_next(q: Queue) -> i32:
    """Take the first row out: it is the current one. 0: there is none. Errors: SQLITE_NOMEM, SQLITE_IOERR."""
    while q.front is None or q.at >= q.front.used:
        if not queue_turn(q):
            return 0
    p: ptr[u8] = ptr[u8](q.front) + (sizeof(Chunk) + q.at)
    size: i32 = ptr[i32](p)[0]
    q.row = i64(u32(p + 8)) | i64(size) << 32
    q.at += 8 + ((size + 7) & ~7)
    return 1


def queue_turn(q: Queue) -> bool:
    """Go on to the next chunk; False if there is none."""
    done: Chunk = q.front
    q.at = 0
    if done is not None:
        if done.next is None and q.back is None and q.read_at == q.write_at:
            done.used = 0
            return False
        q.front = done.next
        q.bytes -= i64(done.capacity)
        mfree(ptr[u8](done))
    if q.front is None:
        if q.read_at < q.write_at:
            chunk_read(q)
        else:
            q.front = q.back
            q.front_last = q.back_last
            q.back = Chunk(None)
            q.back_last = Chunk(None)
    return q.front is not None


# --- by keys -------------------------------------------------------------------------------------------------


@inline
def comes_before(a: Waiting, b: Waiting) -> bool:
    """Whether row a comes out before row b (U3)."""
    if a.prefix != b.prefix:
        return a.prefix < b.prefix
    at: i32 = sizeof(Waiting)
    return compare_keys(ptr[u8](a) + at, a.key_size, ptr[u8](b) + at, b.key_size, 8) < 0


@export
def queue_add_ordered(q: Queue, row: i64) -> None:
    """Add a row (address | size << 32) under the statement's current key; both are copied. Errors: SQLITE_TOOBIG,
    SQLITE_NOMEM, SQLITE_FULL, SQLITE_IOERR.
    """
    stmt: Run = q.statement
    key: ptr[u8] = key_room(stmt, 8)
    put_be64(key, q.added)
    key_size: i32 = stmt.key_used + 8
    row_size: i32 = i32(row >> 32)
    total: i64 = i64(row_size) + i64(key_size) + i64(sizeof(Waiting) + 16)
    if total > ROW_MAX:
        raise_too_big()
    if q.count and q.bytes >= q.bytes_max:
        heap_spill(q)
    if q.count == q.capacity:
        size: i32 = grown(q.capacity * 4, i64(q.count) * 4 + 4, 256)
        q.waiting = ptr[i32](mrealloc(ptr[u8](q.waiting), size))
        q.capacity = size >> 2
    p: ptr[u8] = malloc(i32(total))
    new: Waiting = Waiting(p)
    new.row_size = row_size
    new.key_size = key_size
    new.prefix = key_word(stmt.key, key_size, 0)
    copy_bytes(p + sizeof(Waiting), stmt.key, key_size)
    copy_bytes(p + sizeof(Waiting) + key_size, ptr[u8](i32(row)), row_size)
    q.added += 1
    q.bytes += total
    at: i32 = q.count
    q.count += 1
    while at > 0:
        parent: i32 = (at - 1) >> 1
        if not comes_before(new, Waiting(q.waiting[parent])):
            break
        q.waiting[at] = q.waiting[parent]
        at = parent
    q.waiting[at] = i32(new)


def heap_take(q: Queue) -> Waiting:
    """Take the first row out of the heap, which is not empty."""
    first: Waiting = Waiting(q.waiting[0])
    q.count -= 1
    heap_sink(q, q.waiting[q.count])
    return first


def heap_sink(q: Queue, moving: i32) -> None:
    """Put a row in the place of the first and restore the heap."""
    at: i32 = 0
    while at * 2 + 1 < q.count:
        child: i32 = at * 2 + 1
        if child + 1 < q.count and comes_before(Waiting(q.waiting[child + 1]), Waiting(q.waiting[child])):
            child += 1
        if not comes_before(Waiting(q.waiting[child]), Waiting(moving)):
            break
        q.waiting[at] = q.waiting[child]
        at = child
    q.waiting[at] = moving


def heap_spill(q: Queue) -> None:
    """Write the rows of the heap to the file as a run, and begin to read it."""
    file_open(q)
    runs: SortedRuns = SortedRuns(i32(q))
    run_begin(runs)
    while q.count:
        first: Waiting = heap_take(q)
        runs_write(runs, q.fd, ptr[u8](first) + 8, sizeof(Waiting) - 8 + first.key_size + first.row_size)
        mfree(ptr[u8](first))
    run_end(runs, q.fd)
    q.bytes = i64(0)
    q.sources = ptr[i32](mrealloc(ptr[u8](q.sources), 4 * q.n_runs))
    r: Reader = Reader(mzalloc(sizeof(Reader)))
    q.sources[q.n_sources] = i32(r)
    q.n_sources += 1
    run: SpilledRun = q.runs[q.n_runs - 1]
    r.offset = run.start
    r.end = run.end
    r.buffer = malloc(q.buffer_size + SLACK)
    r.capacity = q.buffer_size
    _ = reader_next(r, q.fd)


def source_free(r: Reader) -> None:
    """Free a Reader."""
    mfree(r.buffer)
    mfree(ptr[u8](r))


def source_advance(q: Queue) -> None:
    """The run whose row was the current one goes on to its next; at its end it goes."""
    r: Reader = Reader(q.sources[q.moved])
    if not reader_next(r, q.fd):
        source_free(r)
        q.n_sources -= 1
        q.sources[q.moved] = q.sources[q.n_sources]
    q.moved = -1


def least_source(q: Queue) -> i32:
    """The index of the Reader that stands at the row that comes first, -1 if there is none."""
    least: i32 = -1
    for i in range(q.n_sources):
        if least < 0 or source_before(Reader(q.sources[i]), Reader(q.sources[least])):
            least = i
    return least


def source_before(a: Reader, b: Reader) -> bool:
    """Whether a's row comes before b's."""
    return a.prefix < b.prefix or (a.prefix == b.prefix and compare_keys(a.key, a.size, b.key, b.size, 8) < 0)


def is_first(first: Waiting, r: Reader) -> bool:
    """Whether the heap's row comes before the reader's."""
    if first.prefix != r.prefix:
        return first.prefix < r.prefix
    return compare_keys(ptr[u8](first) + sizeof(Waiting), first.key_size, r.key, r.size, 8) < 0


@export
def queue_next_ordered(q: Queue) -> i32:
    """Take the first row out: it is the current one. 0: there is none. Errors: SQLITE_NOMEM, SQLITE_IOERR."""
    mfree(ptr[u8](q.current))
    q.current = 0
    if q.moved >= 0:
        source_advance(q)
    least: i32 = least_source(q)
    if q.count and (least < 0 or is_first(Waiting(q.waiting[0]), Reader(q.sources[least]))):
        first: Waiting = heap_take(q)
        q.current = i32(first)
        q.bytes -= i64(sizeof(Waiting) + 16 + first.key_size + first.row_size)
        q.row = i64(u32(ptr[u8](first) + sizeof(Waiting) + first.key_size)) | i64(first.row_size) << 32
        return 1
    if least < 0:
        return 0
    r: Reader = Reader(q.sources[least])
    q.moved = least
    q.row = i64(u32(r.key + r.size)) | i64(r.row_size) << 32
    return 1


@export
@inline
def queue_row(q: Queue) -> i64:
    """The current row: address | size << 32 (U1)."""
    return q.row
