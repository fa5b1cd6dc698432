"""Rows kept in the order in which they came, to be read any number of times: common tables, sides of outer joins.

A kept row, wherever it is, begins with a KeptRow (kernel/abi_states.py), whose list it is in while it is in memory.
Beyond the memory limit all rows are in a temporary file, a run of rows without keys (kernel/values/sorted_runs.py).

Invariants:
  Q1  A row of the file is valid until its reader goes on. Nothing is added once rows are read.
"""

from turso_wasm.kernel.abi import Arena, KernelConnection, Resource, Run
from turso_wasm.kernel.abi_states import IN_FILE, KeptRow
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import raise_too_big
from turso_wasm.kernel.base.limits import work_memory
from turso_wasm.kernel.base.memory import arena_alloc, arena_free, malloc, mfree
from turso_wasm.kernel.base.resources import resource_add
from turso_wasm.kernel.base.tempfile import temp_flags, temp_open
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
from turso_wasm.wasm.lang import export, funcref, i32, i64, ptr, scratch, sizeof, u8

__subset__ = True

KIND_KEPT_ROWS = 20
KIND_KEPT_READER = 21
ROW_MAX = 0x7FFE0000


class KeptRows(SortedRuns):
    """The rows. kernel/values/sorted_runs.py owns the first fields."""

    statement: Run
    first: i32  # the list in memory
    last: i32
    bytes: i64
    bytes_max: i64
    arena: Arena.embed


class KeptReader(Resource):
    """A place in the file of some rows."""

    rows: KeptRows
    run: Reader.embed


@export
def kept_rows_new(stmt: Run) -> KeptRows:
    """No rows. Errors: SQLITE_NOMEM."""
    k: KeptRows = KeptRows(i32(resource_add(stmt, sizeof(KeptRows), KIND_KEPT_ROWS, funcref(kept_rows_release))))
    k.statement = stmt
    k.fd = -1
    k.target = -1
    k.open_flags = temp_flags(KernelConnection(stmt.connection))
    k.bytes_max = i64(work_memory())
    k.buffer_size = runs_buffer()
    return k


def kept_rows_release(resource: i32) -> None:
    """Free a KeptRows."""
    k: KeptRows = KeptRows(resource)
    arena_free(k.arena)
    runs_release(SortedRuns(resource))
    mfree(ptr[u8](resource))


# --- adding --------------------------------------------------------------------------------------------------


@export
def kept_rows_add(k: KeptRows, record: i64) -> None:
    """Append a row, of which only the record (address | size << 32) is given. Errors: SQLITE_TOOBIG, SQLITE_NOMEM,
    SQLITE_FULL, SQLITE_IOERR.
    """
    size: i32 = i32(record >> 32)
    if size > ROW_MAX:
        raise_too_big()
    if k.bytes >= k.bytes_max:
        kept_rows_spill(k)
    if k.fd >= 0:
        head: ptr[u8] = scratch(sizeof(KeptRow))
        KeptRow(head).next = IN_FILE
        KeptRow(head).size = size
        kept_rows_write(k, head, sizeof(KeptRow), ptr[u8](i32(record)), size)
        return
    row: KeptRow = KeptRow(arena_alloc(k.arena, sizeof(KeptRow) + size))
    row.next = 0
    row.size = size
    copy_bytes(ptr[u8](row) + sizeof(KeptRow), ptr[u8](i32(record)), size)
    k.bytes += i64(sizeof(KeptRow) + size)
    if k.last:
        KeptRow(k.last).next = i32(row)
    else:
        k.first = i32(row)
    k.last = i32(row)


def kept_rows_open(k: KeptRows) -> None:
    """Let the rows be in a file from now on."""
    k.fd = temp_open(k.open_flags)
    run_begin(SortedRuns(i32(k)))


def kept_rows_write(k: KeptRows, head: ptr[u8], head_size: i32, record: ptr[u8], size: i32) -> None:
    """Append a row to the file."""
    runs: SortedRuns = SortedRuns(i32(k))
    sizes: ptr[i32] = ptr[i32](scratch(8))
    sizes[0] = head_size + size
    sizes[1] = 0
    runs_write(runs, k.fd, ptr[u8](sizes), 8)
    runs_write(runs, k.fd, head, head_size)
    runs_write(runs, k.fd, record, size)


def kept_rows_spill(k: KeptRows) -> None:
    """Write the rows in memory to a file."""
    kept_rows_open(k)
    at: i32 = k.first
    while at:
        row: KeptRow = KeptRow(at)
        at = row.next
        row.next = IN_FILE
        kept_rows_write(k, ptr[u8](row), sizeof(KeptRow), ptr[u8](row) + sizeof(KeptRow), row.size)
    arena_free(k.arena)
    k.first = IN_FILE
    k.bytes = 0


@export
def kept_rows_end(k: KeptRows) -> None:
    """All rows have been added."""
    if k.fd >= 0:
        run_end(SortedRuns(i32(k)), k.fd)


# --- reading -------------------------------------------------------------------------------------------------


@export
def kept_rows_first(k: KeptRows) -> i32:
    """The first row, 0 if there is none; IN_FILE: a KeptReader finds it."""
    return k.first


@export
def kept_rows_reader(stmt: Run, k: KeptRows) -> KeptReader:
    """A reader of rows in a file, in front of the first. Errors: SQLITE_NOMEM."""
    r: KeptReader = KeptReader(i32(resource_add(stmt, sizeof(KeptReader), KIND_KEPT_READER, funcref(reader_release))))
    r.rows = k
    run: Reader = r.run
    run.buffer = malloc(k.buffer_size + SLACK)
    run.capacity = k.buffer_size
    reader_rewind(r)
    return r


def reader_rewind(r: KeptReader) -> None:
    """Go back in front of the first row."""
    run: Reader = r.run
    run.at = 0
    run.filled = 0
    run.offset = r.rows.runs[0].start
    run.end = r.rows.runs[0].end


def reader_release(resource: i32) -> None:
    """Free a KeptReader."""
    run: Reader = KeptReader(resource).run
    mfree(run.buffer)
    mfree(ptr[u8](resource))


@export
def kept_rows_next(r: KeptReader) -> i32:
    """The next row (Q1), 0 at the end. Errors: SQLITE_NOMEM, SQLITE_IOERR."""
    run: Reader = r.run
    if not reader_next(run, r.rows.fd):
        return 0
    return i32(run.key)
