"""Statements: their memory, the transactions they run in, and how they end, well or not.

Owns the life of a `Run`: new, begin, (savepoint,) done, reset, abort, free; and poll.

Invariants:
  Q1  While `slots_read` has a slot's bit, the statement counts in that pager's `readers`; likewise `wrote`, `writers`.
  Q2  statement_abort leaves nothing of the statement behind: its changes are undone (ON_ERROR_FAIL keeps them), or, if
      that is impossible or the error demands it, the transaction is rolled back. If it traps itself, calling it again
      rolls back without reading anything.
  Q3  Outside BEGIN … COMMIT a write is committed when no other statement of the connection writes any more.
"""

from turso_wasm.kernel.abi import (
    JOURNAL_WAL,
    ON_ERROR_FAIL,
    ON_ERROR_ROLLBACK,
    PREPARE,
    RAISE,
    SETTING_QUERY_ONLY,
    STATEMENT_TRIPPED,
    Cursor,
    KernelConnection,
    Run,
    Value,
)
from turso_wasm.kernel.base.errors import (
    SQLITE_ABORT_ROLLBACK,
    SQLITE_BUSY,
    SQLITE_CONSTRAINT,
    SQLITE_CORRUPT,
    SQLITE_CORRUPT_VTAB,
    SQLITE_ERROR,
    SQLITE_FULL,
    SQLITE_INTERRUPT,
    SQLITE_IOERR,
    SQLITE_NOMEM,
    SQLITE_READONLY,
    SQLITE_SCHEMA,
    error_clear,
    error_record,
    raise_error,
)
from turso_wasm.kernel.base.memory import arena_free, arena_release, mfree, mzalloc
from turso_wasm.kernel.base.pending import pending_drop, pending_flush
from turso_wasm.kernel.base.resources import resources_free
from turso_wasm.kernel.base.vfs import check_io, host_poll
from turso_wasm.kernel.btree.cursor.position import cursor_close
from turso_wasm.kernel.pager.database import busy_delay
from turso_wasm.kernel.pager.header import AT_SCHEMA_COOKIE
from turso_wasm.kernel.pager.modes import pager_begin_write
from turso_wasm.kernel.pager.pages import pager_get, pager_of
from turso_wasm.kernel.pager.snapshot import pager_begin_read, pager_end_read
from turso_wasm.kernel.pager.storage import LOG_ALONE, LOG_SHARED, PAGER_NONE, PAGER_READ, Pager
from turso_wasm.kernel.session.connection import (
    N_SLOTS,
    STATEMENT_ABORTING,
    STATEMENT_BEGAN,
    STATEMENT_COUNTS,
    STATEMENT_FINISHING,
    STATEMENT_NO_RETRY,
    STATEMENT_PATIENT,
    STATEMENT_PEEKS,
    STATEMENT_ROLLBACK,
    attach_undo,
    check_not_comparing,
    commit_all,
    depth_open,
    depth_release,
    depth_undo,
    readers_running,
    rollback_all,
    savepoint_names_free,
    settle,
    slot_pager,
    slots_close,
    writers_running,
)
from turso_wasm.kernel.session.foreign_keys import (
    check_deferred,
    deferred_keep,
    deferred_restore,
    foreign_keys_check,
)
from turso_wasm.kernel.session.triggers import triggers_abandon
from turso_wasm.kernel.values.rows import buffers_free, buffers_trim, key_trim
from turso_wasm.wasm.lang import be32, export, i32, i64, lit, memory_fill, ptr, sizeof, u8, u32

__subset__ = True

BUDGET = 100_000  # ticks between two polls
SQLITE_INTERNAL = 2

poll_yields: i32 = 0


# --- life -----------------------------------------------------------------------------------------------------


@export
def statement_new(c: KernelConnection, frame_size: i32, n_params: i32, n_columns: i32) -> Run:
    """A statement that was not started. Its frame and parameters are zeroed blocks of their own."""
    s: Run = Run(mzalloc(sizeof(Run)))
    s.frame_size = frame_size
    if frame_size:
        s.frame = mzalloc(frame_size)
    s.n_params = n_params
    if n_params:
        s.params = mzalloc(n_params * sizeof(Value))
    s.n_columns = n_columns
    s.connection = i32(c)
    s.budget = BUDGET
    s.scope = i32(s.root)
    s.next = c.statements
    c.statements = i32(s)
    return s


@export
def statement_peeks(s: Run) -> None:
    """The statement reads the schema for the compiler: inside BEGIN it leaves no snapshot behind."""
    s.flags |= STATEMENT_PEEKS


@export
def statement_free(s: Run) -> None:
    """Reset and free a statement."""
    statement_reset(s)
    c: KernelConnection = KernelConnection(s.connection)
    if c.statements == i32(s):
        c.statements = s.next
    else:
        before: Run = Run(c.statements)
        while before.next != i32(s):
            before = Run(before.next)
        before.next = s.next
    arena_free(s.arena)
    buffers_free(s)
    mfree(s.frame)
    mfree(s.params)
    mfree(ptr[u8](i32(s)))


@export
def statement_reset(s: Run) -> None:
    """Make a statement ready to be started again; a write that was not finished is undone as by an error."""
    if s.slots_read:
        if s.wrote:
            statement_undo(s, SQLITE_ERROR, 0)
        statement_leave(s)
        settle(KernelConnection(s.connection))
    s.attempts = 0
    statement_clean(s)


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


@export
def connection_free(c: KernelConnection) -> None:
    """Roll back, free all statements, close all databases, free the connection."""
    while c.statements:
        statement_free(Run(c.statements))
    savepoint_names_free(c, 0)
    pending_drop(c)
    slots_close(c)
    mfree(ptr[u8](i32(c)))


# --- running --------------------------------------------------------------------------------------------------


@export
def statement_begin(s: Run, slot: i32, write: i32, cookie: i32) -> None:
    """Start or join the transaction on a slot.

    write: 1 to become its writer. cookie: the schema cookie the program was compiled for, -1: do not check.
    Errors: SQLITE_BUSY, SQLITE_BUSY_SNAPSHOT, SQLITE_SCHEMA, SQLITE_READONLY, SQLITE_INTERRUPT, what reading raises.
    """
    c: KernelConnection = KernelConnection(s.connection)
    p: Pager = slot_pager(c, slot)
    if not p:
        raise_schema()
    if c.interrupted:
        if readers_running(c) == 0:
            c.interrupted = 0
        else:
            raise_interrupt()
    if write:
        check_not_comparing(c)
        c.writes += 1
    s.flags &= ~STATEMENT_NO_RETRY
    if p.state != PAGER_NONE:
        s.flags |= STATEMENT_NO_RETRY
    elif s.flags & STATEMENT_PEEKS:
        s.flags |= STATEMENT_BEGAN
    if write and c.settings & SETTING_QUERY_ONLY:
        raise_error(SQLITE_READONLY, *lit(b"attempt to write a readonly database"))
    if write:
        pager_begin_write(p)
    else:
        pager_begin_read(p)
    if p.database.journal_mode == JOURNAL_WAL and not p.log_use:
        p.log_use = LOG_ALONE if p.settings.exclusive else LOG_SHARED
    statement_enter(s, p, slot, write)
    if cookie != -1 and (schema_cookie(p) != cookie or s.schema_epoch != c.schema_epoch):
        raise_schema()


@export
def schema_check(s: Run) -> None:
    """What the program was compiled for is still attached. Errors: SQLITE_SCHEMA."""
    if s.schema_epoch != KernelConnection(s.connection).schema_epoch:
        raise_schema()


def raise_schema() -> None:
    """Raise SQLITE_SCHEMA: the statement must be prepared again."""
    raise_error(SQLITE_SCHEMA, *lit(b"database schema has changed"))


def statement_enter(s: Run, p: Pager, slot: i32, write: i32) -> None:
    """Count the statement as a user of the pager (Q1)."""
    bit: i32 = 1 << slot
    if not s.slots_read & bit:
        s.slots_read |= bit
        p.readers += 1
    if write and not s.wrote & bit:
        s.wrote |= bit
        p.writers += 1
        if p.writers == 1:
            p.changes = 0
        s.changed_at[slot] = p.changes


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


def schema_cookie(p: Pager) -> i32:
    """The schema cookie in the view of an active pager."""
    if p.page_count == 0:
        return 0
    return i32(be32(pager_get(p, u32(1)).data + AT_SCHEMA_COOKIE))


@export
def statement_savepoint(s: Run) -> None:
    """Open the statement's savepoint: what it does from now on can be undone alone."""
    if s.savepoint == 0:
        pending_flush(s)
        s.savepoint = depth_open(KernelConnection(s.connection))
        deferred_keep(s)


@export
def statement_done(s: Run) -> None:
    """The program is at its end: close cursors, and commit if nothing else keeps the transaction open (Q3).

    Errors: SQLITE_BUSY of the commit (STATEMENT_FINISHING: call this again) and I/O errors; SQLITE_ABORT_ROLLBACK if it
    was rolled back meanwhile.
    """
    c: KernelConnection = KernelConnection(s.connection)
    check_tripped(s)
    foreign_keys_check(s)
    cursors_close(s)
    if s.savepoint:
        depth_release(c, s.savepoint)
    s.flags &= ~STATEMENT_FINISHING
    if s.wrote and c.autocommit and writers_running(c) == writers_of(s):
        check_deferred(s)
        pending_flush(s)
        cursors_close(s)
        rc: i32 = commit_all(c)
        if rc == -SQLITE_BUSY and s.flags & STATEMENT_PATIENT:
            s.flags |= STATEMENT_FINISHING
        check_io(rc)
    statement_leave(s)
    settle(c)
    changes_count(s, c)
    s.attempts = 0
    run_end(s)


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


@export
def poll(s: Run) -> i32:
    """Called when `budget` is used up: 1 if the program should suspend. Errors: SQLITE_INTERRUPT, _ABORT_ROLLBACK."""
    s.budget = BUDGET
    check_tripped(s)
    if host_poll() or KernelConnection(s.connection).interrupted:
        raise_interrupt()
    return poll_yields


@export
def poll_set_yields(on: i32) -> None:
    """Whether poll asks programs to suspend: set by hosts that have other things to do between time slices."""
    global poll_yields
    poll_yields = on


def raise_interrupt() -> None:
    """Raise SQLITE_INTERRUPT."""
    raise_error(SQLITE_INTERRUPT, *lit(b"interrupted"))


# --- failing --------------------------------------------------------------------------------------------------


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
    if alone and commit_all(c) < 0:
        transaction_undo(s, 0)
    else:
        changes_count(s, c)
