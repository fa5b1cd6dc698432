"""Beginning to write, and journal modes: creating a database, bringing a log into use and doing without it again.

Owns every change of a database's journal mode, and of bytes 18 and 19 of its header.

Invariants:
  J1  A database is created, and brought from a rollback journal to a log, by a transaction with a rollback journal
      that also sets the header's versions: it happens wholly or not at all.
  J2  Doing without the log begins with moving all of it into the file; between that and the header's change the
      database is one with an empty log.
  J3  The mode changes between transactions only.
  J4  A file that nobody else can touch uses a log unless the user wants otherwise: from its first write on.
"""

from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    CAP_OWNED,
    JOURNAL_DELETE,
    JOURNAL_MEMORY,
    JOURNAL_OFF,
    JOURNAL_PERSIST,
    JOURNAL_TRUNCATE,
    JOURNAL_WAL,
    LOCK_RESERVED,
    LOCK_SHARED,
    KernelConnection,
)
from turso_wasm.kernel.base.errors import SQLITE_BUSY, SQLITE_READONLY, raise_error
from turso_wasm.kernel.base.vfs import check_io, raise_busy, vfs_delete
from turso_wasm.kernel.pager.checkpoint import checkpoint_run
from turso_wasm.kernel.pager.commit import commit_finish, commit_prepare, pager_rollback
from turso_wasm.kernel.pager.concurrent import concurrent_begin
from turso_wasm.kernel.pager.database import (
    JOURNAL_SUFFIX,
    busy_wait,
    exclusive_lock_waiting,
    file_lock,
    file_unlock,
    log_used_by_others,
    name_with,
)
from turso_wasm.kernel.pager.header import (
    AT_READ_VERSION,
    AT_WRITE_VERSION,
    VERSION_ROLLBACK,
    VERSION_WAL,
    header_create,
)
from turso_wasm.kernel.pager.pages import pager_get, pager_new_page, pager_write
from turso_wasm.kernel.pager.savepoint import savepoint_push
from turso_wasm.kernel.pager.share import BUSY_SNAPSHOT, share_alone, share_leave
from turso_wasm.kernel.pager.snapshot import (
    kept_from_writing,
    pager_begin_read,
    pager_end_read,
    settings_take,
    writer_lock,
)
from turso_wasm.kernel.pager.storage import PAGER_NONE, PAGER_WRITE, Page, Pager, SharedFile
from turso_wasm.kernel.pager.wal import wal_begin_write, wal_remove
from turso_wasm.wasm.lang import i32, lit, ptr, u8, u32

__subset__ = True


def wants_log(db: SharedFile) -> i32:
    """1 if the database should use a log once it is written (J4)."""
    if db.capabilities & CAP_MEMORY:
        return 0
    return i32((db.capabilities & CAP_OWNED) != 0) if db.log_wanted < 0 else db.log_wanted


def journal_mode_now(p: Pager) -> i32:
    """The mode in force for a pager; of a database that does not exist yet, the one it will have."""
    db: SharedFile = p.database
    if (db.page_count == 0 and wants_log(db)) or db.journal_mode == JOURNAL_WAL:
        return JOURNAL_WAL
    if db.capabilities & CAP_MEMORY and not db.temporary:
        return JOURNAL_OFF if p.settings.journal_mode == JOURNAL_OFF else JOURNAL_MEMORY
    return p.settings.journal_mode


# --- beginning to write ---------------------------------------------------------------------------------------


def pager_begin_write(p: Pager) -> None:
    """Make the pager the writer of its database, with as many savepoints open as its connection has.

    Errors: SQLITE_READONLY; SQLITE_BUSY; SQLITE_BUSY_SNAPSHOT if the pager reads a state that is not the latest. Waits
    for other processes only if the pager was not reading: two readers that wait for each other would wait for ever.
    """
    if p.state == PAGER_WRITE:
        return
    was_reading: i32 = i32(p.state != PAGER_NONE)
    pager_begin_read(p)
    refuse_read_only(p)
    if p.watched:
        concurrent_begin(p)
        return
    rc: i32 = writer_lock(p)
    while rc == -BUSY_SNAPSHOT and not was_reading and p.database.share.on:
        # Another process has committed between the two locks.
        pager_end_read(p)
        pager_begin_read(p)
        rc = writer_lock(p)
    if rc == -SQLITE_BUSY and not was_reading and not kept_from_writing(p):
        rc = lock_waiting(p)
    if rc == -BUSY_SNAPSHOT:
        raise_error(BUSY_SNAPSHOT, *lit(b"database is locked"))
    if rc < 0 and not was_reading:
        pager_end_read(p)
    check_io(rc)
    writer_begin(p)


def refuse_read_only(p: Pager) -> None:
    """Raise SQLITE_READONLY if the pager can only read."""
    if p.read_only or p.database.read_only or p.database.header_read_only:
        raise_error(SQLITE_READONLY, *lit(b"attempt to write a readonly database"))


def lock_waiting(p: Pager) -> i32:
    """Try to become the writer as long as the connection allows, reading anew each time; 0 or a negative code."""
    c: KernelConnection = KernelConnection(p.connection)
    attempt: i32 = 0
    rc: i32 = -SQLITE_BUSY
    while (rc == -SQLITE_BUSY or rc == -BUSY_SNAPSHOT) and not kept_from_writing(p) and busy_wait(c, attempt):
        pager_end_read(p)
        pager_begin_read(p)
        rc = writer_lock(p)
        attempt += 1
    return rc


def writer_begin(p: Pager) -> None:
    """What a transaction does before its first change: create, convert, restart the log, open savepoints. Raises."""
    db: SharedFile = p.database
    if p.page_count == 0:
        page_one_create(p, wants_log(db))
    elif wants_log(db) and db.journal_mode != JOURNAL_WAL and db.active == 1:
        versions_set(p, VERSION_WAL)
        check_io(writer_lock(p))
    if db.journal_mode == JOURNAL_WAL and not db.share.on:
        wal_begin_write(db)
    for _ in range(KernelConnection(p.connection).savepoint_depth):
        savepoint_push(p)


def page_one_create(p: Pager, log: i32) -> None:
    """Begin a new database, with a log or without."""
    page: Page = pager_new_page(p)
    header_create(p.database, page.data, VERSION_WAL if log else VERSION_ROLLBACK)
    p.database.to_wal = log


def versions_set(p: Pager, version: i32) -> None:
    """Set the header's versions in a transaction of its own; the pager reads afterwards. Raises."""
    page: Page = pager_write(p, pager_get(p, u32(1)))
    page.data[AT_WRITE_VERSION] = version
    page.data[AT_READ_VERSION] = version
    p.database.to_wal = i32(version == VERSION_WAL)
    writer_commit(p)


def writer_commit(p: Pager) -> None:
    """Commit, or roll back and raise."""
    rc: i32 = commit_prepare(p)
    if rc == 0:
        rc = commit_finish(p, 0, 0)
    if rc < 0:
        _ = pager_rollback(p)
        check_io(rc)


def pager_begin_exclusive(p: Pager) -> None:
    """pager_begin_write, and without a log keep readers out from now on. Raises."""
    pager_begin_write(p)
    db: SharedFile = p.database
    if db.journal_mode != JOURNAL_WAL:
        check_io(exclusive_lock_waiting(db, KernelConnection(p.connection)))


# --- changing the mode ----------------------------------------------------------------------------------------


def mode_change(p: Pager, mode: i32, busy: i32) -> i32:
    """Change the journal mode of a database that the pager reads; the mode now in force.

    busy: the connection is in a transaction, or other statements of it run. Raises SQLITE_BUSY, SQLITE_ERROR,
    SQLITE_READONLY.
    """
    db: SharedFile = p.database
    now: i32 = journal_mode_now(p)
    if db.capabilities & CAP_MEMORY:
        known: i32 = i32(mode == JOURNAL_OFF or mode == JOURNAL_MEMORY or db.temporary != 0)  # noqa: SIM109
        if known and mode != JOURNAL_WAL and not has_written(p):
            p.settings.journal_mode = mode
        return journal_mode_now(p)
    if has_written(p):
        return now
    if mode == JOURNAL_WAL and now != JOURNAL_WAL:
        if busy:
            raise_error(1, *lit(b"cannot change into wal mode from within a transaction"))
        return log_begin(p)
    if mode != JOURNAL_WAL and db.journal_mode == JOURNAL_WAL:
        if busy:
            raise_error(1, *lit(b"cannot change out of wal mode from within a transaction"))
        return log_end(p, mode)
    if mode != JOURNAL_WAL:
        db.log_wanted = 0
        journal_switch(p, mode)
    return journal_mode_now(p)


def has_written(p: Pager) -> i32:
    """1 if the open transaction has changed something, undone since or not: its journal stays what it is."""
    return i32(p.state == PAGER_WRITE and (p.next_born > 0 or p.database.journal.begun))


def log_begin(p: Pager) -> i32:
    """Bring a log into use; the mode now in force."""
    db: SharedFile = p.database
    refuse_read_only(p)
    if db.active > 1:
        raise_busy()
    journal_switch(p, JOURNAL_DELETE)
    rc: i32 = writer_lock(p)
    if rc == 0:
        rc = exclusive_lock_waiting(db, KernelConnection(p.connection))
    if rc < 0:
        _ = pager_rollback(p)
        check_io(rc)
    if p.page_count == 0:
        page_one_create(p, 1)
        writer_commit(p)
    else:
        versions_set(p, VERSION_WAL)
    db.log_wanted = 1  # only now that nothing has failed
    return db.journal_mode


def log_end(p: Pager, mode: i32) -> i32:
    """Do without the log (J2); the mode now in force."""
    db: SharedFile = p.database
    refuse_read_only(p)
    if db.active > 1 or log_used_by_others(p):
        raise_busy()
    if db.share.on:
        check_io(share_alone(db))
    check_io(checkpoint_run(db))
    if db.wal.backfilled < db.wal.committed:
        raise_busy()
    if db.share.on:
        if p.seen_commits != db.commits:
            raise_busy()
        check_io(share_leave(db))
    p.snapshot = 0
    db.loaded = 0  # should anything fail from here on, the next reader looks what the files are
    check_io(wal_remove(db))
    db.log_wanted = 0
    modes_reset(p, mode)
    db.journal_mode = mode
    check_io(writer_lock(p))
    versions_set(p, VERSION_ROLLBACK)
    db.loaded = 1
    return mode


def modes_reset(p: Pager, mode: i32) -> None:
    """After a time with a log all connections use a rollback journal as by default, this one as it says."""
    q: Pager = p.database.pagers
    while q:
        q.settings.journal_mode = mode if q == p else JOURNAL_DELETE
        q.log_use = 0
        q = q.next
    settings_take(p)


def journal_switch(p: Pager, mode: i32) -> None:
    """Use another rollback journal mode from the next transaction on.

    An ended journal file is not left behind; and if there will be no other none may come back after a power cut
    (journal.py J6): it would undo a transaction that others have followed.
    """
    db: SharedFile = p.database
    before: i32 = p.settings.journal_mode
    p.settings.journal_mode = mode
    if before == mode or kept_from_writing(p):
        return
    settings_take(p)
    last: i32 = i32(mode == JOURNAL_MEMORY or mode == JOURNAL_OFF)  # noqa: SIM109
    if (last or (is_kept(before) and not is_kept(mode))) and db.lock >= LOCK_SHARED and not db.writer:
        level: i32 = db.lock
        if file_lock(db, LOCK_RESERVED) == 0:
            name: ptr[u8] = name_with(db, JOURNAL_SUFFIX, len(JOURNAL_SUFFIX))
            _ = vfs_delete(name, db.name_size + len(JOURNAL_SUFFIX), i32(last and db.settings.synchronous))
            if level < LOCK_RESERVED:
                file_unlock(db, LOCK_SHARED)


def is_kept(mode: i32) -> i32:
    """1 if the journal's file stays when a transaction has ended."""
    return i32(mode == JOURNAL_PERSIST or mode == JOURNAL_TRUNCATE)  # noqa: SIM109
