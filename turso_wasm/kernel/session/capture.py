"""Capturing changes: what a connection captures, and which transaction its changes are numbered by.

The rows of the table of changes are written by Programs (plan/capture.py). Nothing here costs anything while no changes
are captured.

Invariants:
  T1  `capture_txn` is the change_id of the first change that the transaction under way has captured, 0 before that. The
      transaction's end makes it 0 again; a rollback to a savepoint does not, since the numbers of changes are rolled
      back with it and come again.
  T2  A transaction with captured changes is only committed by a Program that has seen to its commit row (`closes`).
"""

from turso_wasm.kernel.abi import KernelConnection, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import host_now
from turso_wasm.kernel.session.connection import STATEMENT_CLOSES, Name, writers_running
from turso_wasm.kernel.session.run import writers_of
from turso_wasm.kernel.session.transaction import must_find
from turso_wasm.wasm.lang import export, i32, i64, lit, memory_copy, ptr, u8

__subset__ = True


@export
def capture_set(s: Run, text: ptr[u8], size: i32) -> None:
    """Capture what the text says from the next statement on (catalog/capture.py Capture.text).

    Errors: SQLITE_ERROR in a transaction.
    """
    c: KernelConnection = KernelConnection(s.connection)
    if not c.autocommit or c.capture_txn != 0:
        raise_error(SQLITE_ERROR, *lit(b"what is captured may not be changed inside a transaction"))
    mfree(c.capture)
    c.capture = ptr[u8](0)
    c.capture_size = size
    if size:
        c.capture = malloc(size)
        memory_copy(c.capture, text, size)
    c.schema_epoch += 1


@export
def capture_number(s: Run, n: i64) -> i64:
    """change_txn_id of a change whose change_id is to be n (T1)."""
    c: KernelConnection = KernelConnection(s.connection)
    if c.capture_txn == 0:
        c.capture_txn = n
    return c.capture_txn


@export
def capture_seconds(s: Run) -> i64:
    """Seconds since 1970."""
    return i64(host_now() / 1000.0)


@export
def capture_ends(s: Run) -> i32:
    """1 if the statement, which is at its end, will commit changes that were captured."""
    c: KernelConnection = KernelConnection(s.connection)
    if c.capture_txn == 0 or not c.autocommit or not s.wrote:
        return 0
    return i32(writers_running(c) == writers_of(s))


@export
def capture_commits(s: Run, text: ptr[u8], size: i32) -> i32:
    """1 if COMMIT (size 0), or RELEASE of this savepoint, would commit changes that were captured."""
    c: KernelConnection = KernelConnection(s.connection)
    if c.capture_txn == 0 or c.autocommit or writers_running(c):
        return 0
    if not size:
        return 1
    name: Name = must_find(s, text, size)
    return name.is_transaction


@export
def capture_closes(s: Run) -> None:
    """The statement, which will commit, has seen to the commit row (T2)."""
    s.flags |= STATEMENT_CLOSES
