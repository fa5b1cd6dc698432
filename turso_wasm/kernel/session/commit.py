"""Commit and rollback of all databases of a connection.

Owns the order of the steps over several pagers; what each does is kernel/pager/commit.py's.

  lock      every file with a rollback journal: what is busy is found before anything was written
  prepare   two or more such files: their super-journal is made (kernel/pager/superjournal.py)
            files with rollback journals; then those with logs, each of which is committed from here on
  commit    the super-journal is deleted; without one the first `finish` does it
  finish    journals go away, private pages are published

Invariants:
  M1  Until its super-journal is gone a transaction can be rolled back in all files; after that what fails is only that
      a journal stays behind, which nobody takes for a hot one.
  M2  `super_name` of a connection outlives a commit that failed: the super-journal is deleted when every journal that
      names it is rolled back, and stays if one could not be.
  M3  Files with logs, in memory and without synchronous writes commit each by itself, as in SQLite.
"""

from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    CAP_OWNED,
    JOURNAL_MEMORY,
    JOURNAL_OFF,
    JOURNAL_WAL,
    N_SLOTS,
    KernelConnection,
    Run,
)
from turso_wasm.kernel.base.callback import commit_refused
from turso_wasm.kernel.base.errors import SQLITE_CANTOPEN, SQLITE_CONSTRAINT_COMMITHOOK, raise_error
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import vfs_delete
from turso_wasm.kernel.btree.autovacuum import auto_vacuum_commit
from turso_wasm.kernel.pager.commit import checkpoint_automatically, commit_finish, commit_prepare, nothing_to_commit
from turso_wasm.kernel.pager.database import JOURNAL_SUFFIX, exclusive_lock_waiting
from turso_wasm.kernel.pager.journal import journal_mode_of
from turso_wasm.kernel.pager.storage import PAGER_NONE, PAGER_WRITE, Pager, SharedFile
from turso_wasm.kernel.pager.superjournal import SUPER_NAME_MAX, super_name_new, super_write
from turso_wasm.wasm.lang import i32, lit, memory_copy, ptr, u8

__subset__ = True

PREPARE_FILES = 0
PREPARE_LOGS = 1


def hook_ask(s: Run, c: KernelConnection) -> None:
    """Let the host's hook, if there is one, see that something is about to be committed.

    Errors: SQLITE_CONSTRAINT_COMMITHOOK, after which the transaction must be rolled back; the hook's own.
    """
    if c.commit_hook == 0:
        return
    writes: i32 = 0
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE:
            writes = 1
    if writes and commit_refused(s):
        raise_error(SQLITE_CONSTRAINT_COMMITHOOK, *lit(b"constraint failed"))


def commit_pagers(c: KernelConnection, ends: i32) -> i32:
    """Commit every database the connection writes; 0 or a negative result code, then nothing is committed (M1)."""
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE and not nothing_to_commit(p):
            auto_vacuum_commit(p)
    rc: i32 = locks_take(c)
    if rc == 0 and n_named(c) > 1:
        rc = super_begin(c)
    if rc == 0:
        rc = prepare_all(c, PREPARE_FILES)
    if rc == 0:
        rc = prepare_all(c, PREPARE_LOGS)
    if rc == 0:
        rc = super_end(c)
    if rc == 0:
        rc = finish_all(c, ends)
    if rc == 0:
        super_forget(c)
    return rc


def locks_take(c: KernelConnection) -> i32:
    """Become alone on every file that will be written in place; 0 or a negative result code."""
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE and p.database.journal_mode != JOURNAL_WAL and not nothing_to_commit(p):
            rc: i32 = exclusive_lock_waiting(p.database, c)
            if rc < 0:
                return rc
    return 0


def prepare_all(c: KernelConnection, kind: i32) -> i32:
    """commit_prepare of the databases with or without a log; 0 or a negative result code."""
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE and (p.database.journal_mode == JOURNAL_WAL) == (kind == PREPARE_LOGS):
            rc: i32 = commit_prepare(p)
            if rc < 0:
                return rc
    return 0


def finish_all(c: KernelConnection, ends: i32) -> i32:
    """commit_finish of all databases (ends: as there); 0 or a negative result code."""
    committed: i32 = i32(c.super_size > 0)
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state == PAGER_WRITE:
            rc: i32 = commit_finish(p, committed, ends)
            if rc < 0:
                return rc
    return 0


def checkpoint_all(c: KernelConnection) -> None:
    """Move long logs into their files."""
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.state != PAGER_NONE:
            checkpoint_automatically(p.database)


# --- the super-journal ----------------------------------------------------------------------------------------


def is_named(p: Pager) -> i32:
    """1 if the pager's transaction ends with that of others: it has a durable journal in a file (M3)."""
    if not p or p.state != PAGER_WRITE or nothing_to_commit(p):
        return 0
    db: SharedFile = p.database
    if db.journal_mode == JOURNAL_WAL or db.capabilities & CAP_MEMORY or not db.settings.synchronous:
        return 0
    mode: i32 = journal_mode_of(db)
    return i32(mode != JOURNAL_MEMORY and mode != JOURNAL_OFF)


def n_named(c: KernelConnection) -> i32:
    """The number of files that must be committed together."""
    n: i32 = 0
    for slot in range(N_SLOTS):
        n += is_named(Pager(c.pagers[slot]))
    return n


def super_begin(c: KernelConnection) -> i32:
    """Make the super-journal, and have the journals name it; 0 or a negative result code."""
    first: SharedFile = SharedFile(0)
    length: i32 = 0
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if is_named(p):
            first = first if first else p.database
            length += p.database.name_size + len(JOURNAL_SUFFIX) + 1
    name: ptr[u8] = malloc(SUPER_NAME_MAX)
    size: i32 = super_name_new(first, name)
    rc: i32 = size
    if size > 0:
        journals: ptr[u8] = malloc(length)
        journals_list(c, journals)
        rc = super_write(name, size, journals, length)
        mfree(journals)
    if rc < 0:
        mfree(name)
        # A store of a page has a database's own files only, which have logs unless they are told otherwise.
        return 0 if rc == -SQLITE_CANTOPEN and first.capabilities & CAP_OWNED else rc
    c.super_name = name
    c.super_size = size
    for slot in range(N_SLOTS):
        p = Pager(c.pagers[slot])
        if is_named(p):
            p.database.journal.super_name = name
            p.database.journal.super_size = size
    return 0


def journals_list(c: KernelConnection, out: ptr[u8]) -> None:
    """Write the names of the journals, each with a zero byte behind it."""
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if is_named(p):
            db: SharedFile = p.database
            memory_copy(out, db.name, db.name_size)
            memory_copy(out + db.name_size, JOURNAL_SUFFIX, len(JOURNAL_SUFFIX))
            out += db.name_size + len(JOURNAL_SUFFIX)
            out[0] = 0
            out += 1


def super_end(c: KernelConnection) -> i32:
    """Delete the super-journal, which commits; 0 or a negative result code."""
    return vfs_delete(c.super_name, c.super_size, 1) if c.super_size else 0


def super_forget(c: KernelConnection) -> None:
    """The transaction is over; there is no super-journal any more, or it is left to who recovers (M2)."""
    if not c.super_size:
        return
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p:
            p.database.journal.super_size = 0
    mfree(c.super_name)
    c.super_name = ptr[u8](0)
    c.super_size = 0


def super_undone(c: KernelConnection, rc: i32) -> None:
    """All databases were rolled back; rc: 0, or what failed meanwhile (M2)."""
    if c.super_size and rc == 0:
        _ = vfs_delete(c.super_name, c.super_size, 0)
    super_forget(c)
