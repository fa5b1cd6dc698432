"""What a run of a statement holds, and how it lets go of it: cursors, memory, its place among those who use a pager.

Owns the counts of invariant Q1, which end with the run however that ends: well (kernel/session/statement.py) or not
(kernel/session/failure.py).

Invariants:
  Q1  While `slots_read` has a slot's bit, the statement counts in that pager's `readers`; likewise `wrote`, `writers`.
"""

from turso_wasm.kernel.abi import (
    STATEMENT_TRIPPED,
    Cursor,
    KernelConnection,
    Run,
)
from turso_wasm.kernel.base.errors import (
    SQLITE_ABORT_ROLLBACK,
    raise_error,
)
from turso_wasm.kernel.base.memory import arena_release
from turso_wasm.kernel.base.resources import resources_free
from turso_wasm.kernel.btree.cursor.position import cursor_close
from turso_wasm.kernel.pager.pages import pager_of
from turso_wasm.kernel.pager.snapshot import pager_end_read
from turso_wasm.kernel.pager.storage import PAGER_READ, Pager
from turso_wasm.kernel.session.connection import (
    N_SLOTS,
    STATEMENT_BEGAN,
    STATEMENT_COUNTS,
    STATEMENT_NO_RETRY,
    STATEMENT_PATIENT,
    STATEMENT_PEEKS,
)
from turso_wasm.kernel.values.rows import buffers_trim, key_trim
from turso_wasm.wasm.lang import i32, i64, lit, memory_fill

__subset__ = True

BUDGET = 100_000  # ticks between two polls


def statement_clean(s: Run) -> None:
    """Free what a run used and forget its rows and changes; the statement holds no locks any more."""
    buffers_trim(s)
    s.changes = i64(0)
    run_end(s)


def run_end(s: Run) -> None:
    """Free what a run used but for its rows, which the host may not have taken yet, and the count of its changes.

    Stepped again, the statement begins anew.
    """
    cursors_close(s)
    resources_free(s)
    arena_release(s.arena, 0)
    key_trim(s)
    if s.frame_size:
        memory_fill(s.frame, 0, s.frame_size)
    s.state = 0
    s.on_error = 0
    s.savepoint = 0
    s.trigger = 0
    s.trigger_depth = 0
    s.segment = 0
    s.in_one_piece = 0
    s.violations = i64(0)
    s.now = 0.0
    s.budget = BUDGET
    s.flags &= STATEMENT_COUNTS | STATEMENT_NO_RETRY | STATEMENT_PATIENT | STATEMENT_PEEKS


def cursors_close(s: Run) -> None:
    """Close the statement's cursors."""
    while s.cursors:
        cursor_close(Cursor(s.cursors))


def statement_leave(s: Run) -> None:
    """The statement uses no pager any more (Q1)."""
    c: KernelConnection = KernelConnection(s.connection)
    for slot in range(N_SLOTS):
        bit: i32 = 1 << slot
        if s.slots_read & bit:
            p: Pager = pager_of(c, slot)
            p.readers -= 1
            if s.wrote & bit:
                p.writers -= 1
            if s.flags & STATEMENT_BEGAN and p.readers == 0 and p.state == PAGER_READ:
                pager_end_read(p)
    s.flags &= ~STATEMENT_BEGAN
    s.slots_read = 0
    s.wrote = 0


def writers_of(s: Run) -> i32:
    """The number of databases the statement writes."""
    n: i32 = 0
    for slot in range(N_SLOTS):
        n += (s.wrote >> slot) & 1
    return n


def changes_count(s: Run, c: KernelConnection) -> None:
    """Make the statement's changes those of the connection."""
    if s.flags & STATEMENT_COUNTS:
        c.changes = s.changes
        c.total_changes += s.changes


def check_tripped(s: Run) -> None:
    """Raise SQLITE_ABORT_ROLLBACK if a rollback took the statement's transaction away."""
    if s.flags & STATEMENT_TRIPPED:
        raise_error(SQLITE_ABORT_ROLLBACK, *lit(b"abort due to ROLLBACK"))
