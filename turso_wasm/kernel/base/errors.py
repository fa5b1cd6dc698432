"""Errors of the kernel: a record in memory, then a trap.

Owns the error record that hosts read after a trap, and the only functions that raise. Does not undo anything:
`statement_abort` does.

The record and its text buffer are the first bytes of the heap, so that running out of memory can be reported:

  OFFSET  SIZE  MEANING
  0       16    ErrorRecord (code, size, text)
  16      1008  copy of the message

Invariants:
  E1  A message of at most ERROR_TEXT_SIZE bytes is copied; a longer one stays where it is (a statement's arena), which
      is why a host reads the record before it calls statement_abort.
  E2  Nothing here allocates.
"""

from turso_wasm.kernel.abi import ON_ERROR_ABORT, ON_ERROR_FAIL, ErrorRecord, KernelConnection, Run
from turso_wasm.wasm.lang import (
    export,
    heap_base,
    i32,
    i64,
    lit,
    memory_copy,
    memory_grow,
    memory_size,
    ptr,
    u8,
    u32,
    unreachable,
)

__subset__ = True

# SQLite result codes, https://sqlite.org/rescode.html
SQLITE_ERROR = 1
SQLITE_ABORT = 4
SQLITE_BUSY = 5
SQLITE_LOCKED = 6
SQLITE_NOMEM = 7
SQLITE_READONLY = 8
SQLITE_INTERRUPT = 9
SQLITE_IOERR = 10
SQLITE_CORRUPT = 11
SQLITE_CORRUPT_VTAB = SQLITE_CORRUPT | 1 << 8
SQLITE_FULL = 13
SQLITE_CANTOPEN = 14
SQLITE_SCHEMA = 17
SQLITE_TOOBIG = 18
SQLITE_CONSTRAINT = 19
SQLITE_MISMATCH = 20
SQLITE_RANGE = 25
SQLITE_NOTADB = 26
SQLITE_CONSTRAINT_CHECK = 275
SQLITE_ABORT_ROLLBACK = 516
SQLITE_READONLY_ROLLBACK = 776
SQLITE_CONSTRAINT_COMMITHOOK = 531
SQLITE_CONSTRAINT_FOREIGNKEY = 787
SQLITE_CONSTRAINT_NOTNULL = 1299
SQLITE_CONSTRAINT_PRIMARYKEY = 1555
SQLITE_CONSTRAINT_UNIQUE = 2067
SQLITE_CONSTRAINT_ROWID = 2579
SQLITE_CONSTRAINT_DATATYPE = 3091

ERROR_TEXT_SIZE = 1008
ERROR_AREA_SIZE = 16 + ERROR_TEXT_SIZE

corrupt_pgno: u32 = 0


@export
def error_record() -> ErrorRecord:
    """The record of the last error; code 0 when there was none since error_clear."""
    base: i32 = (heap_base() + 15) & ~15
    if u32(base + ERROR_AREA_SIZE) > u32(memory_size()) << 16:
        _ = memory_grow(1)
    return ErrorRecord(base)


@export
def raise_error(code: i32, text: ptr[u8], size: i32) -> None:
    """Record the error (invariant E1) and trap. Never returns.

    text: UTF-8, `size` bytes.
    """
    error_note(code, text, size)
    unreachable()


def error_note(code: i32, text: ptr[u8], size: i32) -> None:
    """Record an error: also one that a trap of the engine's own, should it come next, is to be reported as."""
    record: ErrorRecord = error_record()
    record.code = code
    record.size = size
    record.text = text
    if size <= ERROR_TEXT_SIZE:
        record.text = ptr[u8](i32(record) + 16)
        memory_copy(record.text, text, size)


@export
def raise_corrupt(pgno: u32) -> None:
    """Raise SQLITE_CORRUPT. pgno: the page it was detected on, for `error_corrupt_pgno`; 0 when unknown."""
    global corrupt_pgno
    corrupt_pgno = pgno
    raise_error(SQLITE_CORRUPT, *lit(b"database disk image is malformed"))


@export
def raise_constraint(stmt: Run, on_error: i32, code: i32, text: ptr[u8], size: i32) -> None:
    """Raise a constraint violation that takes with it what `on_error` (ON_ERROR_*) says.

    What ON_ERROR_FAIL keeps must not violate foreign keys: then it is that error, and nothing is kept.
    """
    c: KernelConnection = KernelConnection(stmt.connection)
    late: i64 = c.deferred + c.deferred_immediate if c.autocommit else i64(0)
    if on_error == ON_ERROR_FAIL and (stmt.violations > 0 or late > 0):
        stmt.on_error = ON_ERROR_ABORT
        raise_error(SQLITE_CONSTRAINT_FOREIGNKEY, *lit(b"FOREIGN KEY constraint failed"))
    stmt.on_error = on_error
    raise_error(code, text, size)


@export
def raise_nomem() -> None:
    """Raise SQLITE_NOMEM."""
    raise_error(SQLITE_NOMEM, *lit(b"out of memory"))


@export
def raise_too_big() -> None:
    """Raise SQLITE_TOOBIG: a text or blob longer than MAX_LENGTH."""
    raise_error(SQLITE_TOOBIG, *lit(b"string or blob too big"))


@export
def error_corrupt_pgno() -> u32:
    """The page of the last raise_corrupt."""
    return corrupt_pgno


@export
def error_clear() -> None:
    """Forget the recorded error."""
    error_record().code = 0
