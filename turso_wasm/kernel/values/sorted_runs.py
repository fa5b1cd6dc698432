"""Sorted runs in a temporary file: writing them, reading them back, merging them.

Owns the file format of a run and the merge. The rows in memory, and when they are spilled, belong to sorter.py.

A run is a sequence of rows in key order; a row is what the sorter keeps in memory:

  OFFSET    SIZE      MEANING
  0         4         row_size, little-endian
  4         4         key_size, little-endian
  8         key_size  the normalized key
  8 + k     row_size  the row

Invariants:
  P1  Runs are numbered in the order in which their rows came: of equal keys the lower run's comes first (stability).
  P2  At most FAN_IN runs are merged at once; more are first merged, in order, into longer ones.
  P3  A Reader's row lies whole in its buffer and is valid until the reader moves on.
  P4  The file is private and anonymous, so its content is trusted; a short read is SQLITE_IOERR.
"""

from turso_wasm.kernel.abi import Resource
from turso_wasm.kernel.base.errors import SQLITE_IOERR
from turso_wasm.kernel.base.limits import work_memory
from turso_wasm.kernel.base.memory import malloc, mfree, mrealloc
from turso_wasm.kernel.base.sort import Item, compare_keys, key_word
from turso_wasm.kernel.base.tempfile import temp_open, temp_read, temp_write
from turso_wasm.kernel.base.vfs import raise_io, vfs_close
from turso_wasm.wasm.lang import Struct, i32, i64, le32, memory_copy, memory_fill, ptr, sizeof, u8

__subset__ = True

FAN_IN = 64
BUFFER_MIN = 4096
BUFFER_MAX = 256 * 1024
SLACK = 16  # readable behind a row


class Run(Struct):
    """Where a run lies in the file."""

    start: i64
    end: i64


class Reader(Item):
    """A place in a run: the Item (prefix, key, size) and row it stands at."""

    row_size: i32
    run: i32  # number of the run (P1)
    buffer: ptr[u8]
    capacity: i32
    at: i32  # offset in the buffer of the next row
    filled: i32
    offset: i64  # in the file, of what comes behind the buffer
    end: i64


class SortedRuns(Resource):
    """The runs of a sorter; the Sorter goes on behind these fields. All zero but the first two: there are none."""

    fd: i32  # -1: no file yet
    open_flags: i32  # of its files
    target: i32  # the file that a merge pass writes, -1 otherwise
    runs: ptr[Run]
    n_runs: i32
    runs_capacity: i32
    out: ptr[u8]  # write buffer
    out_used: i32
    buffer_size: i32  # of the write buffer and of each reader
    written: i64  # file offset behind the write buffer
    readers: ptr[Reader]
    n_readers: i32
    heap: ptr[i32]  # readers that have a row, as a heap; the first has the least key
    n_heap: i32
    advance: i32  # 1: the first reader's row has been returned, it must move on


def runs_buffer() -> i32:
    """The size of buffers: a part of what an operator may hold."""
    size: i32 = work_memory() // 64
    return BUFFER_MIN if size < BUFFER_MIN else BUFFER_MAX if size > BUFFER_MAX else size


# --- writing -------------------------------------------------------------------------------------------------


def runs_flush(s: SortedRuns, fd: i32) -> None:
    """Write the buffer out."""
    if s.out_used:
        temp_write(fd, s.out, s.out_used, s.written)
        s.written += i64(s.out_used)
        s.out_used = 0


def runs_write(s: SortedRuns, fd: i32, p: ptr[u8], n: i32) -> None:
    """Append n bytes to the run being written."""
    if n > s.buffer_size - s.out_used:
        runs_flush(s, fd)
        if n > s.buffer_size:
            temp_write(fd, p, n, s.written)
            s.written += i64(n)
            return
    memory_copy(s.out + s.out_used, p, n)
    s.out_used += n


def run_begin(s: SortedRuns) -> None:
    """Begin a run at the end of the file."""
    if not s.out:
        s.out = malloc(s.buffer_size)
    if s.n_runs == s.runs_capacity:
        capacity: i32 = s.runs_capacity * 2 + 16
        s.runs = ptr[Run](mrealloc(ptr[u8](s.runs), capacity * sizeof(Run)))
        s.runs_capacity = capacity
    s.runs[s.n_runs].start = s.written


def run_end(s: SortedRuns, fd: i32) -> None:
    """End the run."""
    runs_flush(s, fd)
    s.runs[s.n_runs].end = s.written
    s.n_runs += 1


# --- reading -------------------------------------------------------------------------------------------------


def reader_fill(r: Reader, fd: i32, need: i32) -> bool:
    """Have `need` bytes from `at` on in the buffer; False at the end of the run."""
    left: i32 = r.filled - r.at
    if need > r.capacity:
        bigger: ptr[u8] = malloc(need + SLACK)
        memory_copy(bigger, r.buffer + r.at, left)
        mfree(r.buffer)
        r.buffer = bigger
        r.capacity = need
    else:
        memory_copy(r.buffer, r.buffer + r.at, left)
    r.at = 0
    r.filled = left
    want: i64 = i64(r.capacity - left)
    if want > r.end - r.offset:
        want = r.end - r.offset
    if want > 0:
        got: i32 = temp_read(fd, r.buffer + left, i32(want), r.offset)
        r.offset += i64(got)
        r.filled = left + got
    if r.filled >= need:
        return True
    if r.filled:
        raise_io(-SQLITE_IOERR)
    return False


def reader_next(r: Reader, fd: i32) -> bool:
    """Go to the next row of the run; False at its end."""
    if r.filled - r.at < 8 and not reader_fill(r, fd, 8):
        return False
    head: ptr[u8] = r.buffer + r.at
    row_size: i32 = i32(le32(head))
    size: i32 = i32(le32(head + 4))
    if r.filled - r.at < 8 + size + row_size and not reader_fill(r, fd, 8 + size + row_size):
        raise_io(-SQLITE_IOERR)
    r.key = r.buffer + r.at + 8
    r.size = size
    r.row_size = row_size
    r.prefix = key_word(r.key, size, 0)
    r.at += 8 + size + row_size
    return True


# --- merging -------------------------------------------------------------------------------------------------


def reader_less(a: Reader, b: Reader) -> bool:
    """Whether a's row comes before b's (P1)."""
    if a.prefix != b.prefix:
        return a.prefix < b.prefix
    order: i32 = compare_keys(a.key, a.size, b.key, b.size, 8)
    return a.run < b.run if order == 0 else order < 0


def heap_sink(s: SortedRuns, at: i32) -> None:
    """Restore the heap after the reader at `at` got a greater key."""
    n: i32 = s.n_heap
    moving: i32 = s.heap[at]
    while at * 2 + 1 < n:
        child: i32 = at * 2 + 1
        if child + 1 < n and reader_less(Reader(s.heap[child + 1]), Reader(s.heap[child])):
            child += 1
        if not reader_less(Reader(s.heap[child]), Reader(moving)):
            break
        s.heap[at] = s.heap[child]
        at = child
    s.heap[at] = moving


def merge_open(s: SortedRuns, first: i32, n: i32) -> None:
    """Begin to merge n runs from number `first` on."""
    merge_close(s)
    s.readers = ptr[Reader](malloc(n * sizeof(Reader)))
    memory_fill(s.readers, 0, n * sizeof(Reader))
    s.n_readers = n
    s.heap = ptr[i32](malloc(n * 4))
    for i in range(n):
        r: Reader = s.readers[i]
        run: Run = s.runs[first + i]
        r.run = i
        r.offset = run.start
        r.end = run.end
        r.buffer = malloc(s.buffer_size + SLACK)
        r.capacity = s.buffer_size
        if reader_next(r, s.fd):
            s.heap[s.n_heap] = i32(r)
            s.n_heap += 1
    at: i32 = s.n_heap >> 1
    while at > 0:
        at -= 1
        heap_sink(s, at)


def merge_next(s: SortedRuns) -> i32:
    """The Reader that stands at the next row, 0 at the end."""
    if s.advance:
        if not reader_next(Reader(s.heap[0]), s.fd):
            s.n_heap -= 1
            s.heap[0] = s.heap[s.n_heap]
        if s.n_heap:
            heap_sink(s, 0)
        s.advance = 0
    if s.n_heap == 0:
        return 0
    s.advance = 1
    return s.heap[0]


def merge_close(s: SortedRuns) -> None:
    """Free the readers."""
    for i in range(s.n_readers):
        mfree(s.readers[i].buffer)
    mfree(ptr[u8](s.readers))
    mfree(ptr[u8](s.heap))
    s.readers = ptr[Reader](0)
    s.heap = ptr[i32](0)
    s.n_readers = 0
    s.n_heap = 0
    s.advance = 0


def merge_pass(s: SortedRuns, limit: i64) -> None:
    """Merge groups of FAN_IN runs into longer runs, at most `limit` rows each, in a new file (P2)."""
    s.target = temp_open(s.open_flags)
    s.written = 0
    runs: i32 = s.n_runs
    s.n_runs = 0
    first: i32 = 0
    while first < runs:
        count: i32 = runs - first if runs - first < FAN_IN else FAN_IN
        merge_open(s, first, count)
        # The runs of this group have been taken, so the new run may take the place of one of them.
        run_begin(s)
        rows: i64 = 0
        while rows < limit:
            at: i32 = merge_next(s)
            if at == 0:
                break
            r: Reader = Reader(at)
            runs_write(s, s.target, r.key - 8, 8 + r.size + r.row_size)
            rows += 1
        run_end(s, s.target)
        merge_close(s)
        first += count
    vfs_close(s.fd)
    s.fd = s.target
    s.target = -1


def runs_merge(s: SortedRuns, limit: i64) -> None:
    """Begin to read all runs in key order."""
    while s.n_runs > FAN_IN:
        merge_pass(s, limit)
    merge_open(s, 0, s.n_runs)


def runs_release(s: SortedRuns) -> None:
    """Free what the runs own."""
    merge_close(s)
    mfree(s.out)
    mfree(ptr[u8](s.runs))
    if s.fd >= 0:
        vfs_close(s.fd)
    if s.target >= 0:
        vfs_close(s.target)
