"""BEGIN, COMMIT, ROLLBACK and savepoints, as programs call them.

Owns the rules of explicit transactions and their error messages; kernel/session/connection.py does the work.

Invariants:
  B1  A failed COMMIT leaves the transaction open if the database was only busy; else the statement's abort rolls back.
  B2  ROLLBACK always ends the transaction: if something fails on the way, the abort of its statement finishes the job.
  B3  Names of savepoints compare without regard to ASCII case; the innermost one of a name counts.
  B4  While statements write, or handles of blobs may, there is no COMMIT, SAVEPOINT or RELEASE: SQLITE_BUSY.
"""

from turso_wasm.kernel.abi import (
    BEGIN_CONCURRENT,
    BEGIN_DEFERRED,
    BEGIN_EXCLUSIVE,
    SETTING_QUERY_ONLY,
    KernelConnection,
    Run,
)
from turso_wasm.kernel.base.errors import SQLITE_BUSY, SQLITE_ERROR, SQLITE_READONLY, raise_error
from turso_wasm.kernel.base.memory import alloc, malloc, mzalloc
from turso_wasm.kernel.base.pending import pending_flush
from turso_wasm.kernel.base.vfs import check_io, raise_busy
from turso_wasm.kernel.pager.database import same_name
from turso_wasm.kernel.pager.modes import pager_begin_exclusive, pager_begin_write
from turso_wasm.kernel.pager.pages import pager_of
from turso_wasm.kernel.pager.snapshot import pager_begin_read
from turso_wasm.kernel.pager.storage import PAGER_WRITE, Pager
from turso_wasm.kernel.session.commit import hook_ask
from turso_wasm.kernel.session.concurrent import concurrent_commit, concurrent_start
from turso_wasm.kernel.session.connection import (
    N_SLOTS,
    STATEMENT_CLOSES,
    STATEMENT_NO_RETRY,
    STATEMENT_ROLLBACK,
    Name,
    check_not_comparing,
    commit_all,
    depth_open,
    depth_release,
    depth_undo,
    handles_trip,
    readers_trip,
    rollback_all,
    settle,
    statements_trip,
    writes_open,
)
from turso_wasm.kernel.session.foreign_keys import check_deferred
from turso_wasm.kernel.session.run import cursors_close, statement_leave, writers_of
from turso_wasm.kernel.session.statement import raise_schema
from turso_wasm.wasm.lang import export, i32, lit, memory_copy, ptr, sizeof, u8

__subset__ = True

NO_SAVEPOINT = b"no such savepoint: "


# --- BEGIN, COMMIT, ROLLBACK ----------------------------------------------------------------------------------


@export
def transaction_begin(s: Run, mode: i32) -> None:
    """BEGIN; mode: BEGIN_*. DEFERRED is CONCURRENT on a connection of which that was asked.

    IMMEDIATE and EXCLUSIVE become the writer of every attached database at once (a reader of those that cannot be
    written), even inside a transaction, which then keeps its locks.

    Errors: SQLITE_BUSY, SQLITE_ERROR inside a transaction.
    """
    c: KernelConnection = KernelConnection(s.connection)
    if mode == BEGIN_CONCURRENT or (mode == BEGIN_DEFERRED and c.begins_concurrent):
        concurrent_start(s, c)
    elif mode != BEGIN_DEFERRED:
        if c.settings & SETTING_QUERY_ONLY:
            raise_error(SQLITE_READONLY, *lit(b"attempt to write a readonly database"))
        for slot in range(N_SLOTS):
            p: Pager = pager_of(c, slot)
            if p and (p.read_only or p.database.read_only):
                pager_begin_read(p)
            elif p and mode == BEGIN_EXCLUSIVE and p.state != PAGER_WRITE:
                pager_begin_exclusive(p)
            elif p:
                pager_begin_write(p)
    if not c.autocommit:
        raise_error(SQLITE_ERROR, *lit(b"cannot start a transaction within a transaction"))
    c.autocommit = 0


@export
def transaction_commit(s: Run) -> None:
    """COMMIT. Errors: SQLITE_ERROR outside a transaction; SQLITE_BUSY (B1, B4); I/O errors."""
    c: KernelConnection = KernelConnection(s.connection)
    check_not_comparing(c)
    if c.autocommit:
        raise_error(SQLITE_ERROR, *lit(b"cannot commit - no transaction is active"))
    if writes_open(c, writers_of(s)):
        s.flags |= STATEMENT_NO_RETRY
        raise_error(SQLITE_BUSY, *lit(b"cannot commit transaction - SQL statements in progress"))
    transaction_end(s, c)


def transaction_end(s: Run, c: KernelConnection) -> None:
    """Commit and leave the transaction. Raises."""
    if c.capture_txn != 0 and not s.flags & STATEMENT_CLOSES:
        raise_schema()
    check_deferred(s)
    s.flags |= STATEMENT_ROLLBACK
    pending_flush(s)
    cursors_close(s)
    rc: i32 = concurrent_commit(s, c) if c.concurrent else 0
    if rc == 0:
        hook_ask(s, c)
        rc = commit_all(c, 0)
    if rc == -SQLITE_BUSY:
        s.flags &= ~(STATEMENT_ROLLBACK | STATEMENT_NO_RETRY)
        raise_busy()
    check_io(rc)
    s.flags &= ~STATEMENT_ROLLBACK
    c.autocommit = 1
    statement_leave(s)
    settle(c)


@export
def transaction_rollback(s: Run) -> None:
    """ROLLBACK. Errors: SQLITE_ERROR outside a transaction; I/O errors when files cannot be restored (B2)."""
    c: KernelConnection = KernelConnection(s.connection)
    check_not_comparing(c)
    if c.autocommit:
        raise_error(SQLITE_ERROR, *lit(b"cannot rollback - no transaction is active"))
    s.flags |= STATEMENT_ROLLBACK
    rc: i32 = rollback_all(c, 1)
    s.flags &= ~STATEMENT_ROLLBACK
    settle(c)
    check_io(rc)


# --- savepoints -----------------------------------------------------------------------------------------------


@export
def savepoint_open(s: Run, text: ptr[u8], size: i32) -> None:
    """SAVEPOINT: outside a transaction it begins one. Errors: SQLITE_BUSY (B4)."""
    c: KernelConnection = KernelConnection(s.connection)
    if writes_open(c, writers_of(s)):
        s.flags |= STATEMENT_NO_RETRY
        raise_error(SQLITE_BUSY, *lit(b"cannot open savepoint - SQL statements in progress"))
    pending_flush(s)
    copy: ptr[u8] = malloc(size)
    memory_copy(copy, text, size)
    name: Name = Name(mzalloc(sizeof(Name)))
    name.text = copy
    name.size = size
    name.is_transaction = c.autocommit
    c.autocommit = 0
    name.depth = depth_open(c)
    name.deferred = c.deferred
    name.deferred_immediate = c.deferred_immediate
    name.next = Name(c.savepoints)
    c.savepoints = i32(name)


@export
def savepoint_release(s: Run, text: ptr[u8], size: i32) -> None:
    """RELEASE: of the savepoint that began the transaction, commits. Errors: SQLITE_ERROR, SQLITE_BUSY."""
    c: KernelConnection = KernelConnection(s.connection)
    check_not_comparing(c)
    name: Name = must_find(s, text, size)
    if writes_open(c, writers_of(s)):
        s.flags |= STATEMENT_NO_RETRY
        raise_error(SQLITE_BUSY, *lit(b"cannot release savepoint - SQL statements in progress"))
    if name.is_transaction:
        transaction_end(s, c)
    else:
        depth_release(c, name.depth)


@export
def savepoint_rollback(s: Run, text: ptr[u8], size: i32) -> None:
    """ROLLBACK TO: the savepoint stays open; statements that write are tripped, and those that read if the transaction
    has changed the schema.

    Errors: SQLITE_ERROR; I/O errors roll the transaction back.
    """
    c: KernelConnection = KernelConnection(s.connection)
    check_not_comparing(c)
    name: Name = must_find(s, text, size)
    if depth_undo(c, name.depth) < 0:
        s.flags |= STATEMENT_ROLLBACK
        check_io(-10)
    statements_trip(c, -1, 1)
    handles_trip(c)
    if c.schema_changed:
        readers_trip(c)
    c.deferred = name.deferred
    c.deferred_immediate = name.deferred_immediate


def must_find(s: Run, text: ptr[u8], size: i32) -> Name:
    """The innermost savepoint of that name (B3). Errors: SQLITE_ERROR "no such savepoint: …"."""
    name: Name = Name(KernelConnection(s.connection).savepoints)
    while name and not same_name(name.text, name.size, text, size):
        name = name.next
    if not name:
        message: ptr[u8] = alloc(s, len(NO_SAVEPOINT) + size)
        memory_copy(message, NO_SAVEPOINT, len(NO_SAVEPOINT))
        memory_copy(message + len(NO_SAVEPOINT), text, size)
        raise_error(SQLITE_ERROR, message, len(NO_SAVEPOINT) + size)
    return name
