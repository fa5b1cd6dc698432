"""Statements: their memory, the transactions they run in, and how they end well.

Owns the life of a `Run`: new, begin, (savepoint,) done, reset, free; and poll. Those that fail are failure.py's.

Invariants:
  Q3  Outside BEGIN … COMMIT a write is committed when no other statement of the connection writes any more.
"""

from turso_wasm.kernel.abi import (
    SETTING_QUERY_ONLY,
    KernelConnection,
    Run,
    Value,
)
from turso_wasm.kernel.base.errors import (
    SQLITE_BUSY,
    SQLITE_ERROR,
    SQLITE_INTERRUPT,
    SQLITE_READONLY,
    SQLITE_SCHEMA,
    raise_error,
)
from turso_wasm.kernel.base.memory import arena_free, mfree, mzalloc
from turso_wasm.kernel.base.pending import pending_drop, pending_flush
from turso_wasm.kernel.base.vfs import check_io, host_poll
from turso_wasm.kernel.btree.sweep import cursors_sweep
from turso_wasm.kernel.pager.header import AT_SCHEMA_COOKIE
from turso_wasm.kernel.pager.modes import pager_begin_write
from turso_wasm.kernel.pager.pages import pager_get
from turso_wasm.kernel.pager.snapshot import pager_begin_read
from turso_wasm.kernel.pager.storage import PAGER_NONE, Pager
from turso_wasm.kernel.session.commit import hook_ask
from turso_wasm.kernel.session.concurrent import refuse_second
from turso_wasm.kernel.session.connection import (
    STATEMENT_BEGAN,
    STATEMENT_FINISHING,
    STATEMENT_NO_RETRY,
    STATEMENT_PATIENT,
    STATEMENT_PEEKS,
    STATEMENT_ROLLBACK,
    check_not_comparing,
    commit_all,
    depth_open,
    depth_release,
    readers_running,
    savepoint_names_free,
    settle,
    slot_pager,
    slots_close,
    writers_running,
)
from turso_wasm.kernel.session.failure import statement_undo
from turso_wasm.kernel.session.foreign_keys import (
    check_deferred,
    deferred_keep,
    foreign_keys_check,
)
from turso_wasm.kernel.session.run import (
    BUDGET,
    changes_count,
    check_tripped,
    cursors_close,
    run_end,
    statement_clean,
    statement_leave,
    writers_of,
)
from turso_wasm.kernel.values.rows import buffers_free
from turso_wasm.wasm.lang import be32, export, i32, lit, ptr, sizeof, u8, u32

__subset__ = True

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
def statement_memory(s: Run) -> i32:
    """Bytes that the statement has in memory: its frame, its parameters, what is kept for its rows."""
    return sizeof(Run) + s.frame_size + s.n_params * sizeof(Value) + s.rows_capacity + s.heap_capacity


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


@export
def connection_free(c: KernelConnection) -> None:
    """Roll back, free all statements, close all databases, free the connection."""
    while c.statements:
        statement_free(Run(c.statements))
    savepoint_names_free(c, 0)
    pending_drop(c)
    slots_close(c)
    mfree(c.capture)
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
        if c.concurrent and p.watched:
            refuse_second(c, slot)
        pager_begin_write(p)
    else:
        pager_begin_read(p)
    is_first: i32 = i32(s.slots_read == 0)
    statement_enter(s, p, slot, write)
    if cookie != -1 and (schema_cookie(p) != cookie or s.schema_epoch != c.schema_epoch):
        raise_schema()
    s.runs += is_first


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
    if s.slots_read == 0:
        s.runs += 1
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
        s.flags |= STATEMENT_ROLLBACK
        hook_ask(s, c)
        s.flags &= ~STATEMENT_ROLLBACK
        rc: i32 = commit_all(c, 1)
        if rc == -SQLITE_BUSY and s.flags & STATEMENT_PATIENT:
            s.flags |= STATEMENT_FINISHING
        check_io(rc)
    statement_leave(s)
    settle(c)
    changes_count(s, c)
    s.attempts = 0
    run_end(s)


@export
def poll(s: Run) -> i32:
    """Called when `budget` is used up: 1 if the program should suspend. Errors: SQLITE_INTERRUPT, _ABORT_ROLLBACK."""
    s.budget = BUDGET
    check_tripped(s)
    cursors_sweep(s)
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
