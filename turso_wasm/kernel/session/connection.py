"""Connections: the databases they have open, and the transactions over all of them.

Owns `KernelConnection` and its slots, and the steps that a commit or rollback takes over several pagers. The SQL of
transactions is kernel/session/transaction.py's; statements are kernel/session/statement.py's.

Invariants:
  N1  `pagers[slot]` is a pager of the slot's database, 0 where nothing is attached.
  N2  A pager is in a transaction while statements use it (Pager.readers), or the connection is inside BEGIN … COMMIT.
      `settle` ends the others.
  N3  Every pager that writes has `savepoint_depth` savepoints. A statement savepoint's number is kept in
      Run.savepoint; when an outer one is released first, it becomes 0.
  N4  `schema_epoch` is never again what it was before a change of the schema by this connection, or before such a
      change was taken back. The schema cookie is no substitute: after a rollback it counts the same numbers again.
"""

from turso_wasm.kernel.abi import (
    JOURNAL_WAL,
    LOCK_EXCLUSIVE,
    LOCK_SHARED,
    N_SLOTS,
    OPEN_CREATE,
    OPEN_READONLY,
    OPEN_URI,
    SETTING_DEFER_FOREIGN_KEYS,
    STATEMENT_HANDLE_WRITES,
    STATEMENT_TRIPPED,
    TEMP_SLOT,
    KernelConnection,
    Run,
)
from turso_wasm.kernel.base.errors import SQLITE_ERROR, SQLITE_LOCKED, raise_error
from turso_wasm.kernel.base.memory import mfree, mzalloc
from turso_wasm.kernel.base.pending import pending_drop
from turso_wasm.kernel.base.tempfile import temp_flags, temp_is_encrypted
from turso_wasm.kernel.base.vfs import check_io, vfs_moved, vfs_size
from turso_wasm.kernel.btree.cursor.save import cursors_forget_all, cursors_save_all
from turso_wasm.kernel.pager.checkpoint import checkpoint_run
from turso_wasm.kernel.pager.commit import (
    pager_rollback,
)
from turso_wasm.kernel.pager.database import (
    database_free,
    database_open,
    database_relax,
    file_lock,
    file_moved,
    kept_journal_delete,
    pager_free,
    pager_new,
)
from turso_wasm.kernel.pager.encryption import cipher_give, cipher_random
from turso_wasm.kernel.pager.journal import journal_close
from turso_wasm.kernel.pager.savepoint import savepoint_push, savepoint_release_to, savepoint_undo_to
from turso_wasm.kernel.pager.share import share_alone, share_close, share_end
from turso_wasm.kernel.pager.snapshot import pager_end_read
from turso_wasm.kernel.pager.storage import PAGER_NONE, PAGER_READ, PAGER_WRITE, Pager, SharedFile
from turso_wasm.kernel.pager.wal import log_changed, wal_free, wal_remove
from turso_wasm.kernel.session.commit import checkpoint_all, commit_pagers, super_undone
from turso_wasm.kernel.session.watched import pager_unwatch, watch_stop
from turso_wasm.wasm.lang import Struct, export, i32, i64, lit, ptr, sizeof, u8, u32

__subset__ = True

STATEMENT_COUNTS = 1  # Run.flags: its changes are the connection's changes()
STATEMENT_NO_RETRY = 2  # SQLITE_BUSY will not go away while the connection keeps its read transaction
STATEMENT_ABORTING = 8  # statement_abort was entered
STATEMENT_ROLLBACK = 16  # it is a ROLLBACK, which must succeed
STATEMENT_PATIENT = 64  # set by a host that can wait in the middle of a commit
STATEMENT_PEEKS = 128  # it reads for the compiler, and begins no transaction of the user's
STATEMENT_BEGAN = 256  # while it runs nothing else reads: it peeks, and no transaction had begun
STATEMENT_CLOSES = 512  # it has seen to what a commit leaves in the table of captured changes
STATEMENT_FINISHING = 32  # it has done everything, but its commit met SQLITE_BUSY: statement_done may be called again
PREPARE_FILES = 0
PREPARE_LOGS = 1


# --- opening and closing --------------------------------------------------------------------------------------


@export
def connection_new() -> KernelConnection:
    """A connection without databases."""
    c: KernelConnection = KernelConnection(mzalloc(sizeof(KernelConnection)))
    c.autocommit = 1
    return c


@export
def connection_open(c: KernelConnection, slot: i32, name: ptr[u8], size: i32, flags: i32) -> i32:
    """Open a database, or share the one of that name, in a free slot; 0. flags: OPEN_*.

    Nothing is read yet. Errors: SQLITE_CANTOPEN, or another failure of vfs_open.
    """
    assert slot >= 0 and slot < N_SLOTS and c.pagers[slot] == 0, "connection N1: the slot is taken"
    if slot == 0:
        c.open_flags = flags
    check_io(slot_open(c, slot, name, size, flags & ~OPEN_URI))
    return 0


def slot_open(c: KernelConnection, slot: i32, name: ptr[u8], size: i32, flags: i32) -> i32:
    """connection_open; 0 or a negative result code."""
    rc, db = database_open(name, size, flags)
    if rc == 0:
        c.pagers[slot] = i32(pager_new(db, c, flags & OPEN_READONLY))
    return rc


@export
def database_name(c: KernelConnection, slot: i32) -> i64:
    """The name of the file in a slot: address | size << 32; 0 for a private database, and where there is none."""
    p: Pager = Pager(c.pagers[slot])
    if not p or not p.database.name:
        return i64(0)
    return i64(u32(i32(p.database.name))) | i64(p.database.name_size) << 32


def slot_pager(c: KernelConnection, slot: i32) -> Pager:
    """The pager of a slot. The temp database is made when it is first asked for. Errors: SQLITE_CANTOPEN, …"""
    if slot == TEMP_SLOT and not c.pagers[slot]:
        _ = connection_open(c, slot, ptr[u8](0), 0, temp_flags(c) | OPEN_CREATE)
        p: Pager = Pager(c.pagers[slot])
        p.settings.synchronous = 0
        if temp_is_encrypted():
            cipher_give(p, cipher_random())
    return Pager(c.pagers[slot])


def attach_undo(c: KernelConnection) -> None:
    """Close what an ATTACH that failed has opened."""
    if c.attaching:
        slot_close(c, c.attaching)
        c.attaching = 0


@export
def temp_store_set(s: Run, where: i32) -> None:
    """PRAGMA temp_store: TEMP_STORE_*. Another place for the temp database means losing what is in it.

    Errors: SQLITE_ERROR inside a transaction that has begun.
    """
    c: KernelConnection = KernelConnection(s.connection)
    if where == c.temp_store:
        return
    p: Pager = Pager(c.pagers[TEMP_SLOT])
    if p:
        if not c.autocommit or p.state != PAGER_NONE:
            raise_error(SQLITE_ERROR, *lit(b"temporary storage cannot be changed from within a transaction"))
        slot_close(c, TEMP_SLOT)
        c.schema_epoch += 1
    c.temp_store = where


@export
def temp_store_get(s: Run) -> i32:
    """TEMP_STORE_*."""
    return KernelConnection(s.connection).temp_store


@export
def connection_close_slot(c: KernelConnection, slot: i32) -> None:
    """Close the database in a slot, as DETACH does. Errors: SQLITE_ERROR "database is locked" while it is in use."""
    p: Pager = Pager(c.pagers[slot])
    if not p:
        return
    if p.state == PAGER_WRITE or p.readers or (p.state == PAGER_READ and not c.autocommit):
        raise_error(SQLITE_ERROR, *lit(b"database is locked"))
    slot_close(c, slot)


def slot_close(c: KernelConnection, slot: i32) -> None:
    """Roll back and close what is in a slot."""
    p: Pager = Pager(c.pagers[slot])
    if not p:
        return
    c.pagers[slot] = 0
    mfree(ptr[u8](c.names[slot]))
    c.names[slot] = 0
    cursors_forget_all(p)
    _ = pager_rollback(p)
    pager_unwatch(p)
    pager_end_read(p)
    share_end(p)
    db: SharedFile = p.database
    pager_free(p)
    if not db.pagers:
        database_close(db)


def database_close(db: SharedFile) -> None:
    """The last connection is gone: move the log into the file and delete it, if that is possible."""
    done: i32 = log_is_done(db)
    share_close(db, done)
    if done:
        _ = wal_remove(db)
    wal_free(db)
    kept_journal_delete(db)
    journal_close(db)
    mfree(db.head)
    database_free(db)


def log_is_done(db: SharedFile) -> i32:
    """1 if the database has a log that nobody needs any more: its content is in the file now."""
    if not db.loaded or db.journal_mode != JOURNAL_WAL or db.read_only or file_moved(db):
        return 0
    if db.share.on:
        return i32(share_alone(db) == 0 and checkpoint_run(db) == 0 and db.wal.backfilled == db.wal.committed)
    if not db.wal.fd:
        return 0
    if db.lock < LOCK_EXCLUSIVE:
        if file_lock(db, LOCK_SHARED) < 0 or file_lock(db, LOCK_EXCLUSIVE) < 0:
            return 0
        if vfs_size(db.wal.fd - 1) == 0 and not vfs_moved(db.wal.fd - 1):
            return 1
        if log_changed(db):
            return 0
    return i32(checkpoint_run(db) == 0 and db.wal.backfilled == db.wal.committed)


def slots_close(c: KernelConnection) -> None:
    """Close all databases of a connection."""
    for slot in range(N_SLOTS):
        slot_close(c, slot)


# --- what runs ------------------------------------------------------------------------------------------------


def readers_running(c: KernelConnection) -> i32:
    """The number of (statement, database) pairs in use."""
    n: i32 = 0
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p:
            n += p.readers
    return n


def writers_running(c: KernelConnection) -> i32:
    """The number of (statement, database) pairs being written."""
    n: i32 = 0
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p:
            n += p.writers
    return n


def settle(c: KernelConnection) -> None:
    """End the transactions that nothing needs any more (N2); unfinished writes are rolled back."""
    if not c.autocommit:
        relax_all(c)
        return
    undone: i32 = 0
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.readers == 0 and p.state != PAGER_NONE:
            if p.state == PAGER_WRITE:
                cursors_forget_all(p)
                _ = pager_rollback(p)
                schema_undone(c)
                undone = 1
            pager_end_read(p)
    c.rollbacks += undone
    relax_all(c)


def relax_all(c: KernelConnection) -> None:
    """Give up file locks that an error left behind."""
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_NONE:
            share_end(p)
            database_relax(p.database)


# --- commit and rollback of all databases ---------------------------------------------------------------------


def commit_all(c: KernelConnection, ends: i32) -> i32:
    """Commit every database the connection writes; 0 or a negative result code, then nothing is committed.

    ends: it is a statement that commits, and is about to end.
    """
    rc: i32 = commit_pagers(c, ends)
    if rc == 0:
        savepoint_names_free(c, 0)
        c.savepoint_depth = 0
        savepoints_lose(c, 0)
        violations_forget(c)
        c.capture_txn = i64(0)
        c.schema_changed = 0
        watch_stop(c)
        checkpoint_all(c)
        pending_drop(c)
    return rc


def rollback_all(c: KernelConnection, save: i32) -> i32:
    """Roll back every database and end BEGIN … COMMIT; 0 or the first negative result code.

    save: other statements keep their places if they only read and the schema stays; reading their keys may raise.
    Otherwise they are tripped: they fail with SQLITE_ABORT_ROLLBACK.
    """
    pending_drop(c)
    if not c.autocommit:
        handles_trip(c)
    if c.schema_changed:
        save = 0
    if save:
        cursors_save_every(c)
    rc: i32 = 0
    undone: i32 = i32(c.autocommit == 0)
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE:
            undone = 1
            statements_trip(c, 1 << slot, save)
            if not save:
                cursors_forget_all(p)
            failed: i32 = pager_rollback(p)
            if rc == 0:
                rc = failed
    super_undone(c, rc)
    savepoint_names_free(c, 0)
    c.savepoint_depth = 0
    savepoints_lose(c, 0)
    violations_forget(c)
    c.capture_txn = i64(0)
    schema_undone(c)
    c.schema_changed = 0
    watch_stop(c)
    c.autocommit = 1
    c.rollbacks += undone
    return rc


def violations_forget(c: KernelConnection) -> None:
    """The transaction is over, or PRAGMA defer_foreign_keys turned off: nothing is deferred any more."""
    c.deferred = i64(0)
    c.deferred_immediate = i64(0)
    c.settings &= ~SETTING_DEFER_FOREIGN_KEYS


def schema_change(c: KernelConnection) -> None:
    """The transaction changes the schema (N4)."""
    c.schema_epoch += 1
    c.schema_changed = 1


@export
def statistics_changed(s: Run) -> None:
    """The statement has changed what ANALYZE leaves, which is read along with the schema."""
    schema_change(KernelConnection(s.connection))


def schema_undone(c: KernelConnection) -> None:
    """Something was rolled back, and the schema with it if it was changed (N4)."""
    c.schema_epoch += c.schema_changed


def cursors_save_every(c: KernelConnection) -> None:
    """Save all cursors on databases the connection writes. Raises."""
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE and p.cursors:
            cursors_save_all(p)


def statements_trip(c: KernelConnection, slots: i32, writers_only: i32) -> None:
    """Make running statements on these slots fail when they go on: the state they work on is gone."""
    s: Run = Run(c.statements)
    while s:
        if s.wrote & slots or (s.slots_read & slots and not writers_only):
            s.flags |= STATEMENT_TRIPPED
        s = Run(s.next)


def writes_open(c: KernelConnection, own: i32) -> i32:
    """1 while others write than the statement that asks, which writes `own` databases, or handles of blobs may."""
    s: Run = Run(c.statements)
    while s:
        if s.flags & STATEMENT_HANDLE_WRITES:
            return 1
        s = Run(s.next)
    return i32(writers_running(c) > own)


def handles_trip(c: KernelConnection) -> None:
    """Trip the handles of blobs that were opened to be written: it is as if each had been."""
    s: Run = Run(c.statements)
    while s:
        if s.flags & STATEMENT_HANDLE_WRITES:
            s.flags |= STATEMENT_TRIPPED
        s = Run(s.next)


def readers_trip(c: KernelConnection) -> None:
    """Trip all statements on databases that the connection writes: what they read may never have been."""
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE:
            statements_trip(c, 1 << slot, 0)
            cursors_forget_all(p)


def check_not_comparing(c: KernelConnection) -> None:
    """Raise SQLITE_LOCKED while a collation of the user's is asked: a b-tree is searched (base/callback.py U3)."""
    if c.comparing:
        raise_error(SQLITE_LOCKED, *lit(b"database table is locked"))


# --- savepoints of all databases ------------------------------------------------------------------------------


class Name(Struct):
    """A named savepoint of a connection, innermost first."""

    next: "Name"
    depth: i32  # its number: 1 is the outermost of all savepoints
    is_transaction: i32  # it began the transaction, so releasing it commits
    deferred: i64  # KernelConnection.deferred, deferred_immediate when it was opened
    deferred_immediate: i64
    text: ptr[u8]
    size: i32


def depth_open(c: KernelConnection) -> i32:
    """Open a savepoint on every pager that writes; its number."""
    c.savepoint_depth += 1
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE:
            savepoint_push(p)
    return c.savepoint_depth


def depth_release(c: KernelConnection, depth: i32) -> None:
    """Release the savepoint with this number and all inner ones."""
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE:
            savepoint_release_to(p, depth - 1)
    c.savepoint_depth = depth - 1
    savepoints_lose(c, depth - 1)
    savepoint_names_free(c, depth - 1)


def depth_undo(c: KernelConnection, depth: i32) -> i32:
    """Restore the state at the savepoint with this number, and release the inner ones; 0 or a negative result code.

    Saves the places of all cursors, which may raise. After a failure the transaction must be rolled back.
    """
    pending_drop(c)
    cursors_save_every(c)
    rc: i32 = 0
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE and rc == 0:
            rc = savepoint_undo_to(p, depth)
    schema_undone(c)
    if rc == 0:
        c.savepoint_depth = depth
        savepoints_lose(c, depth)
        savepoint_names_free(c, depth)
    return rc


def savepoints_lose(c: KernelConnection, depth: i32) -> None:
    """Statements whose savepoint is deeper than this have none any more (N3)."""
    s: Run = Run(c.statements)
    while s:
        if s.savepoint > depth:
            s.savepoint = 0
        s = Run(s.next)


def savepoint_names_free(c: KernelConnection, depth: i32) -> None:
    """Forget the names of savepoints that are deeper than this."""
    while c.savepoints and Name(c.savepoints).depth > depth:
        name: Name = Name(c.savepoints)
        c.savepoints = i32(name.next)
        mfree(name.text)
        mfree(ptr[u8](i32(name)))
