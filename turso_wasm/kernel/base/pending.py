"""What a connection keeps in memory for a virtual table until it must be in pages.

A module that would write the same pages for every row may keep what it has to write, and do it when somebody could
tell the difference: `pending_flush` is called before a savepoint (a statement's, too) and before a commit, and
`pending_drop` when a transaction, or what was done since a savepoint, is undone, and after a commit. Both are called
before a b-tree is dropped.

Invariants:
  P1  What is kept belongs to the connection's transaction: nothing of it is older than the innermost savepoint.
      So undoing to a savepoint drops all of it.
  P2  The root pages in what is kept are those of now.
  P3  A module's readers see what it keeps, or flush first.
"""

from turso_wasm.kernel.abi import KernelConnection, Run
from turso_wasm.kernel.base.memory import mfree, mzalloc
from turso_wasm.wasm.lang import Struct, export, fn, i32, ptr, sizeof, u8, u32

__subset__ = True


class Pending(Struct):
    """Kept for the virtual table whose shadow table has the root page `root` in `slot`; the module's data follow."""

    next: i32
    slot: i32
    root: u32
    unused: i32
    flush: fn[[Run, ptr[u8]], None]  # given the data
    drop: fn[[ptr[u8]], None]  # given the data: it frees what they own


def pending_data(p: Pending) -> ptr[u8]:
    """The module's data."""
    return ptr[u8](i32(p) + sizeof(Pending))


def pending_find(stmt: Run, slot: i32, root: u32) -> ptr[u8]:
    """The data kept for a table, or null."""
    p: Pending = Pending(KernelConnection(stmt.connection).pending)
    while p and (p.slot != slot or p.root != root):
        p = Pending(p.next)
    return pending_data(p) if p else ptr[u8](0)


def pending_new(
    stmt: Run, slot: i32, root: u32, size: i32, flush: fn[[Run, ptr[u8]], None], drop: fn[[ptr[u8]], None]
) -> ptr[u8]:
    """Keep `size` bytes, zeroed, for a table for which nothing is kept. Raises SQLITE_NOMEM.

    flush: writes what is kept, with cursors of the statement; it may be called again, and raise. drop: frees.
    """
    c: KernelConnection = KernelConnection(stmt.connection)
    p: Pending = Pending(mzalloc(sizeof(Pending) + size))
    p.slot = slot
    p.root = root
    p.flush = flush
    p.drop = drop
    p.next = c.pending
    c.pending = i32(p)
    return pending_data(p)


@export
def pending_flush(stmt: Run) -> None:
    """Everything kept is written. Raises what writing raises."""
    p: Pending = Pending(KernelConnection(stmt.connection).pending)
    while p:
        p.flush(stmt, pending_data(p))
        p = Pending(p.next)


def pending_drop(c: KernelConnection) -> None:
    """Everything kept is forgotten."""
    while c.pending:
        p: Pending = Pending(c.pending)
        c.pending = p.next
        p.drop(pending_data(p))
        mfree(ptr[u8](i32(p)))
