"""Hot journals: rolling back what a crash, or a failed rollback, left behind.

Owns the decision whether a journal is hot. Playing it back is kernel/pager/journal.py's.

A journal is hot when it exists, is not empty or zeroed, nobody holds LOCK_RESERVED, and, if it names a super-journal
(a transaction over several files, kernel/pager/superjournal.py), that still exists.

Invariants:
  R1  A hot journal is played back under LOCK_EXCLUSIVE, and looked for again once that is held.
  R2  The journal ends only after the database is durable; until then `recovery_due` stays set.
"""

from turso_wasm.kernel.abi import CAP_MEMORY, LOCK_EXCLUSIVE, LOCK_RESERVED, LOCK_SHARED
from turso_wasm.kernel.base.errors import SQLITE_READONLY_ROLLBACK
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import (
    vfs_check_reserved,
    vfs_close,
    vfs_exists,
    vfs_open,
    vfs_read,
    vfs_size,
    vfs_sync,
    vfs_unlock,
)
from turso_wasm.kernel.pager.database import file_lock, name_with
from turso_wasm.kernel.pager.journal import (
    JOURNAL_SUFFIX,
    journal_delete,
    journal_finish,
    journal_play_back,
    journal_play_back_own,
)
from turso_wasm.kernel.pager.storage import SharedFile
from turso_wasm.kernel.pager.superjournal import SUPER_NAME_MAX, super_delete_unnamed, super_record_read
from turso_wasm.wasm.lang import i32, i64, ptr, scratch, u8

__subset__ = True


def recover(db: SharedFile) -> i32:
    """Roll back a hot journal if there is one. LOCK_SHARED is held. 0 or a negative result code."""
    if db.journal.begun:
        return recover_own(db)
    if db.capabilities & CAP_MEMORY:
        db.recovery_due = 0
        return 0
    hot: i32 = journal_is_hot(db)
    if hot > 0 and db.read_only:
        return -SQLITE_READONLY_ROLLBACK
    if hot > 0:
        level: i32 = db.lock
        hot = file_lock(db, LOCK_EXCLUSIVE)
        if hot == 0:
            hot = journal_is_hot(db)
        if hot > 0:
            db.loaded = 0
            hot = hot_play_back(db)
        if level < LOCK_EXCLUSIVE:
            vfs_unlock(db.fd, LOCK_SHARED)
            db.lock = LOCK_SHARED
    if hot == 0:
        db.recovery_due = 0
    return hot


def recover_own(db: SharedFile) -> i32:
    """Repeat a rollback of this process that failed; 0 or a negative result code."""
    rc: i32 = 0
    if db.journal.file_modified:
        rc = journal_play_back_own(db)
        if rc == 0 and db.settings.synchronous:
            rc = vfs_sync(db.fd)
    if rc == 0:
        rc = journal_finish(db)
    if rc == 0:
        db.recovery_due = 0
    return rc


def journal_is_hot(db: SharedFile) -> i32:
    """1 if a journal must be played back, 0 if not, or a negative result code."""
    rc: i32 = vfs_exists(name_with(db, JOURNAL_SUFFIX, 8), db.name_size + 8)
    if rc <= 0:
        return rc
    if db.lock < LOCK_RESERVED:
        rc = vfs_check_reserved(db.fd)
        if rc != 0:
            return rc if rc < 0 else 0
    size: i64 = vfs_size(db.fd)
    if size <= 1:
        # Nothing to restore. (A journal is not removed here: a writer may just be creating it.)
        return i32(size) if size < 0 else 0
    fd: i32 = vfs_open(name_with(db, JOURNAL_SUFFIX, 8), db.name_size + 8, 0)
    if fd < 0:
        return fd
    first: ptr[u8] = scratch(8)
    n: i32 = vfs_read(fd, first, 1, i64(0))
    vfs_close(fd)
    if n < 0:
        return n
    return i32(n == 1 and first[0] != 0)


def hot_play_back(db: SharedFile) -> i32:
    """Play a hot journal back and delete it; 0 or a negative result code."""
    fd: i32 = vfs_open(name_with(db, JOURNAL_SUFFIX, 8), db.name_size + 8, 0)
    if fd < 0:
        return fd
    size: i64 = vfs_size(fd)
    name: ptr[u8] = malloc(SUPER_NAME_MAX)
    n: i32 = i32(size) if size < 0 else super_record_read(fd, size, name)
    there: i32 = vfs_exists(name, n) if n > 0 else n
    rc: i32 = there if there < 0 else i32(n > 0 and there == 0)
    if rc == 0:
        # What is left of a crashed process may not be durable yet.
        rc = vfs_sync(fd)
        if rc == 0:
            rc = journal_play_back(db, fd, size)
    vfs_close(fd)
    if rc == 0:
        rc = vfs_sync(db.fd)
    if rc >= 0:
        rc = journal_delete(db)
    if rc == 0 and n > 0 and there > 0:
        super_delete_unnamed(name, n)
    mfree(name)
    return rc
