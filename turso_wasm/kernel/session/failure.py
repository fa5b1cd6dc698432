"""Statements that fail: what is undone, and what the host is told to do then.

Owns the end of a run by an error. docs/decisions/0001 says how an error comes here.

Invariants:
  Q2  statement_abort leaves nothing of the statement behind: its changes are undone (ON_ERROR_FAIL keeps them), or, if
      that is impossible or the error demands it, the transaction is rolled back. If it traps itself, calling it again
      rolls back without reading anything.
"""

from turso_wasm.kernel.abi import (
    ON_ERROR_FAIL,
    ON_ERROR_ROLLBACK,
    PREPARE,
    RAISE,
    STATEMENT_TRIPPED,
    KernelConnection,
    Run,
)
from turso_wasm.kernel.base.errors import (
    SQLITE_BUSY,
    SQLITE_CONSTRAINT,
    SQLITE_CORRUPT,
    SQLITE_CORRUPT_VTAB,
    SQLITE_FULL,
    SQLITE_INTERRUPT,
    SQLITE_IOERR,
    SQLITE_NOMEM,
    SQLITE_SCHEMA,
    error_clear,
    error_record,
)
from turso_wasm.kernel.base.pending import pending_flush
from turso_wasm.kernel.pager.database import busy_delay
from turso_wasm.kernel.pager.pages import pager_of
from turso_wasm.kernel.session.connection import (
    N_SLOTS,
    STATEMENT_ABORTING,
    STATEMENT_COUNTS,
    STATEMENT_FINISHING,
    STATEMENT_NO_RETRY,
    STATEMENT_ROLLBACK,
    attach_undo,
    commit_all,
    depth_release,
    depth_undo,
    rollback_all,
    settle,
    writers_running,
)
from turso_wasm.kernel.session.foreign_keys import (
    deferred_restore,
)
from turso_wasm.kernel.session.run import (
    changes_count,
    cursors_close,
    run_end,
    statement_clean,
    statement_leave,
    writers_of,
)
from turso_wasm.kernel.session.triggers import triggers_abandon
from turso_wasm.kernel.values.rows import buffers_trim
from turso_wasm.wasm.lang import export, i32, i64

__subset__ = True

SQLITE_INTERNAL = 2


@export
def statement_abort(s: Run) -> None:
    """After a trap in the statement, with the error still recorded: undo what must be undone, then reset (Q2)."""
    abort_run(s)
    statement_clean(s)


def abort_run(s: Run) -> None:
    """statement_abort but for the result rows."""
    c: KernelConnection = KernelConnection(s.connection)
    code: i32 = error_record().code
    again: i32 = s.flags & STATEMENT_ABORTING
    s.flags |= STATEMENT_ABORTING
    triggers_abandon(s)
    attach_undo(c)
    if s.flags & STATEMENT_COUNTS:
        c.changes = i64(0)
    if again or s.flags & STATEMENT_ROLLBACK:
        cursors_close(s)
        statement_leave(s)
        _ = rollback_all(c, 0)
    elif s.wrote:
        statement_undo(s, code, s.on_error)
    statement_leave(s)
    settle(c)
    s.changes = i64(0)
    run_end(s)


@export
def statement_failed(s: Run) -> i32:
    """After a trap in a step whose error the host has read: abort the statement, forget the error, and say what now.

    RAISE: report the error, after the rows that are still in the buffer: those that were complete, unless it wrote.
    PREPARE: nothing was done, the schema is another one. n > 0: nothing was done, run it again after n milliseconds;
    its parameters are still bound. With STATEMENT_FINISHING everything is done but the commit,
    which keeps its place in front of new readers (LOCK_PENDING): after n milliseconds call statement_done instead.
    It may trap itself: as statement_abort, call it again then.
    """
    code: i32 = error_record().code
    if s.flags & STATEMENT_FINISHING and not s.flags & STATEMENT_ABORTING:
        left: i32 = busy_delay(KernelConnection(s.connection), s.attempts)
        s.attempts += 1
        if left:
            error_clear()
            return left
    fresh: i32 = i32(s.state == 0 and not s.flags & STATEMENT_ABORTING)
    patient: i32 = i32(fresh and not s.flags & STATEMENT_NO_RETRY)
    rows_hold: i32 = i32(not s.wrote and not s.flags & STATEMENT_ABORTING)
    abort_run(s)
    error_clear()
    answer: i32 = RAISE
    if fresh and code == SQLITE_SCHEMA:
        answer = PREPARE
    elif patient and code == SQLITE_BUSY:
        delay: i32 = busy_delay(KernelConnection(s.connection), s.attempts)
        s.attempts += 1
        answer = delay if delay else RAISE
    if answer != RAISE or not rows_hold:
        buffers_trim(s)
    return answer


def statement_undo(s: Run, code: i32, on_error: i32) -> None:
    """Undo a writing statement that failed with `code`."""
    if s.flags & STATEMENT_TRIPPED:  # what it did is undone
        cursors_close(s)
        return
    c: KernelConnection = KernelConnection(s.connection)
    changed: i32 = statement_changed(s, c)
    alone: i32 = i32(c.autocommit and writers_running(c) == writers_of(s))
    cursors_close(s)
    if ends_transaction(code):
        transaction_undo(s, 0)
    elif is_constraint(code) and on_error == ON_ERROR_FAIL:
        undo_nothing(s, alone)
    elif alone or (is_constraint(code) and on_error == ON_ERROR_ROLLBACK) or (changed and s.savepoint == 0):
        transaction_undo(s, 1)
    elif s.savepoint:
        if depth_undo(c, s.savepoint) < 0:
            transaction_undo(s, 0)
        else:
            deferred_restore(s)
            depth_release(c, s.savepoint)


def ends_transaction(code: i32) -> i32:
    """1 if an error with this code rolls the transaction back whatever the statement wants."""
    low: i32 = code & 0xFF
    if code == SQLITE_CORRUPT_VTAB:  # what a module keeps, not the file
        return 0
    if low == SQLITE_FULL or low == SQLITE_IOERR or low == SQLITE_NOMEM or low == SQLITE_INTERRUPT:  # noqa: SIM109
        return 1
    return i32(low == SQLITE_CORRUPT or low == SQLITE_INTERNAL or low == 0)  # noqa: SIM109


def is_constraint(code: i32) -> i32:
    """1 for the SQLITE_CONSTRAINT family, which obeys the statement's conflict clause."""
    return i32((code & 0xFF) == SQLITE_CONSTRAINT)


def statement_changed(s: Run, c: KernelConnection) -> i32:
    """1 if a database the statement writes was changed since it began."""
    for slot in range(N_SLOTS):
        if (s.wrote >> slot) & 1 and pager_of(c, slot).changes != s.changed_at[slot]:
            return 1
    return 0


def transaction_undo(s: Run, save: i32) -> None:
    """Roll everything back for the sake of the statement."""
    statement_leave(s)
    _ = rollback_all(KernelConnection(s.connection), save)


def undo_nothing(s: Run, alone: i32) -> None:
    """ON_ERROR_FAIL: keep what was done; outside BEGIN … COMMIT that is committed."""
    c: KernelConnection = KernelConnection(s.connection)
    if s.savepoint:
        depth_release(c, s.savepoint)
    if alone:
        pending_flush(s)
        cursors_close(s)
    if alone and commit_all(c, 0) < 0:
        transaction_undo(s, 0)
    else:
        changes_count(s, c)
