"""A log that processes use at the same time: what others have done, and telling them what was done here.

Owns the protocol of the shared index (kernel/pager/share_format.py has its layout). Memory keeps an index of its own
(log_index.py), to which the frames that others have committed are added when a pager begins to read (share_index.py).
Checkpoints are kernel/pager/checkpoint.py's.

Beginning to read (share_begin): a read lock is taken whose mark is the last committed frame, lock 0 if the file has all
frames; only then is the header believed, if it is still the same. Nothing behind the mark is moved to the file while
the lock is held, and the log is not begun anew while anybody holds one of the locks 1 to 4.

Invariants:
  Z1  While the index is open LOCK_SHARED is held on the file: nobody does without the log, or deletes it.
  Z2  A pager that reads holds read lock `slot` - 1, counted in `users`; the lock on it is the process's. Its mark is at
      most the pager's snapshot. With lock 0 the snapshot is 0, or frames that the pager has committed since.
  Z3  `head` is the header to which the index in memory belongs. A header is written last, so frames that it states
      have been entered.
  Z4  What memory has of the file is what the file has at `wal.backfilled`, or the log has a newer frame (share_adopt).
  Z5  A header that is damaged, or not there, is made from the log (share_recover), under WRITE, CHECKPOINT and RECOVER.
"""

from turso_wasm.kernel.abi import (
    CAP_SHARED,
    LOCK_EXCLUSIVE,
    LOCK_SHARED,
    SHM_EXCLUSIVE,
    SHM_HEAD_SIZE,
    SHM_SHARED,
)
from turso_wasm.kernel.base.errors import SQLITE_BUSY
from turso_wasm.kernel.base.vfs import (
    vfs_shm_begin,
    vfs_shm_close,
    vfs_shm_lock,
    vfs_shm_open,
    vfs_shm_read,
    vfs_unlock,
)
from turso_wasm.kernel.pager.database import file_lock
from turso_wasm.kernel.pager.header import bytes_equal
from turso_wasm.kernel.pager.share_format import (
    AT_ATTEMPTED,
    AT_BACKFILLED,
    AT_FRAMES,
    AT_MARKS,
    HEADER_SIZE,
    LOCK_READ,
    LOCK_WRITE,
    MARK_UNUSED,
    N_READ,
    frames_enter,
    head_known,
    head_valid,
    head_write,
    mark,
    share_lock,
    share_unlock,
    slot_restore,
    word_write,
    write_unlock,
)
from turso_wasm.kernel.pager.share_index import (
    AGAIN,
    is_same_log,
    share_adopt,
    share_forget,
    share_recover,
    share_wait,
)
from turso_wasm.kernel.pager.storage import Pager, Savepoint, Share, SharedFile, Wal
from turso_wasm.kernel.pager.wal import wal_append, wal_start
from turso_wasm.wasm.lang import i32, i64, le32, ptr, put_le32, scratch, u8, u32

__subset__ = True

ATTEMPTS = 100  # the last ones take a millisecond each (vfs_shm_lock)
BUSY_SNAPSHOT = 517


# --- opening --------------------------------------------------------------------------------------------------


def share_wanted(db: SharedFile) -> i32:
    """1 if a log of this file is to be shared with other processes, and is not yet."""
    s: Share = db.share
    return i32(db.capabilities & CAP_SHARED and not s.on and not s.refused and not db.settings.exclusive)


def share_open(db: SharedFile) -> i32:
    """Open the index, LOCK_SHARED is held (Z1); 1, 0 if the log cannot be shared, or -SQLITE_BUSY."""
    rc: i32 = vfs_shm_open(db.fd)
    if rc == -SQLITE_BUSY:
        return rc
    if rc < 0:
        db.share.refused = 1
        return 0
    db.share.on = 1
    db.share.slot = 0
    share_forget(db)
    return 1


def share_close(db: SharedFile, delete: i32) -> None:
    """Close the index; no pager but one that leaves it with share_leave reads. delete: nobody else has it open."""
    if not db.share.on:
        return
    vfs_shm_close(db.fd, delete)
    db.share.on = 0
    db.share.alone = 0
    for slot in range(N_READ):
        db.share.users[slot] = 0
    share_forget(db)


def share_leave(db: SharedFile) -> i32:
    """Use the log alone from now on; 0, -SQLITE_BUSY while others have it open, or another negative result code.

    The pagers that read are the caller's own, and see the last commit.
    """
    rc: i32 = share_alone(db)
    if rc < 0:
        return rc
    share_close(db, 1)
    p: Pager = db.pagers
    while p:
        p.slot = 0
        p = p.next
    return 0


def share_alone(db: SharedFile) -> i32:
    """LOCK_EXCLUSIVE on a file whose log is shared; 0 or a negative result code, and LOCK_SHARED is held as before."""
    rc: i32 = file_lock(db, LOCK_EXCLUSIVE)
    if rc < 0:
        vfs_unlock(db.fd, LOCK_SHARED)
    return rc


# --- reading --------------------------------------------------------------------------------------------------


def share_begin(p: Pager) -> i32:
    """Fix what a pager sees (Z2); 0 or a negative result code. Raises what the files are damaged by."""
    db: SharedFile = p.database
    s: Share = db.share
    share_end(p)
    head: ptr[u8] = scratch(SHM_HEAD_SIZE)
    rc: i32 = vfs_shm_begin(db.fd, LOCK_READ + s.slot, SHM_SHARED, head)
    if rc == 0:
        if head_known(db, head) and slot_fits(db, head, s.slot):
            slot_use(p, s.slot)
            return 0
        slot_restore(db, s.slot)
    elif rc != -SQLITE_BUSY:
        return rc
    attempt: i32 = 0
    rc = AGAIN
    while rc == AGAIN and attempt < ATTEMPTS:
        rc = share_try(p, head, attempt)
        attempt += 1
    return -SQLITE_BUSY if rc == AGAIN else rc


def slot_fits(db: SharedFile, head: ptr[u8], slot: i32) -> i32:
    """1 if a read lock that is held keeps the last commit of a header that memory knows, and does not keep checkpoints
    from going on.
    """
    w: Wal = db.wal
    moved: i32 = i32(le32(head + AT_BACKFILLED) == w.committed)
    if slot == 0:
        return i32(moved and w.backfilled == w.committed)
    return i32(not moved and mark(head, slot) == w.committed)


def slot_use(p: Pager, slot: i32) -> None:
    """The pager reads under this lock, which is held."""
    s: Share = p.database.share
    s.users[slot] = s.users[slot] + 1
    s.slot = slot
    p.slot = slot + 1


def share_end(p: Pager) -> None:
    """The pager reads no more."""
    if p.slot:
        slot: i32 = p.slot - 1
        p.slot = 0
        users: ptr[i32] = p.database.share.users
        users[slot] = users[slot] - 1
        if users[slot] == 0:
            slot_restore(p.database, slot)


def share_try(p: Pager, head: ptr[u8], attempt: i32) -> i32:
    """One attempt at beginning to read: 0, AGAIN or a negative result code."""
    db: SharedFile = p.database
    rc: i32 = vfs_shm_read(db.fd, head, SHM_HEAD_SIZE, i64(0))
    if rc < 0:
        return rc
    if not head_valid(head):
        return share_recover(db, head, attempt)
    slot: i32 = slot_take(db, head, attempt)
    if slot < 0:
        return AGAIN if slot == -SQLITE_BUSY else slot
    slot_use(p, slot)
    kept: u32 = mark(head, slot)
    now: ptr[u8] = scratch(SHM_HEAD_SIZE)
    rc = vfs_shm_read(db.fd, now, SHM_HEAD_SIZE, i64(0))
    if rc == 0 and (not bytes_equal(head, now, 2 * HEADER_SIZE) or (slot and mark(now, slot) != kept)):
        rc = AGAIN
    if rc == 0:
        rc = share_adopt(db, now)
    if rc == 0 and slot == 0 and not is_same_log(db, now):
        rc = AGAIN
    if rc != 0:
        share_end(p)
    return rc


def slot_take(db: SharedFile, head: ptr[u8], attempt: i32) -> i32:
    """Take a read lock for the last commit of a header, and note its mark there; which, or a negative result code."""
    frames: u32 = le32(head + AT_FRAMES)
    if le32(head + AT_BACKFILLED) == frames:
        rc: i32 = vfs_shm_lock(db.fd, LOCK_READ, 1, SHM_SHARED)
        if rc == 0:
            return 0
        if rc != -SQLITE_BUSY:
            return rc
    best: i32 = slot_best(head, frames)
    if best == 0 or mark(head, best) < frames:
        for slot in range(1, N_READ):
            if db.share.users[slot] == 0 and share_lock(db, LOCK_READ + slot, 1) == 0:
                return slot_mark(db, head, slot, frames)
    if best == 0:
        return share_wait(db, attempt)
    rc = vfs_shm_lock(db.fd, LOCK_READ + best, 1, SHM_SHARED)
    if rc == -SQLITE_BUSY:
        return share_wait(db, attempt)
    return best if rc == 0 else rc


def slot_best(head: ptr[u8], frames: u32) -> i32:
    """The read lock with the latest mark that is not behind `frames`; 0: none."""
    best: i32 = 0
    for slot in range(1, N_READ):
        if mark(head, slot) <= frames and (best == 0 or mark(head, slot) > mark(head, best)):
            best = slot
    return best


def slot_mark(db: SharedFile, head: ptr[u8], slot: i32, frames: u32) -> i32:
    """Set the mark of a read lock that is held exclusively, and share it; it, or a negative result code."""
    rc: i32 = word_write(db, AT_MARKS + slot * 4, frames)
    if rc == 0:
        rc = vfs_shm_lock(db.fd, LOCK_READ + slot, 1, SHM_SHARED)
    if rc < 0:
        slot_restore(db, slot)
        return rc
    db.share.alone &= ~(1 << (LOCK_READ + slot))
    put_le32(head + AT_MARKS + slot * 4, frames)
    return slot


def share_look(db: SharedFile) -> i32:
    """See what others have committed, for a checkpoint: LOCK_CHECKPOINT is held, so that a log is not begun anew while
    it holds anything to be moved. 0 or a negative result code.
    """
    head: ptr[u8] = scratch(SHM_HEAD_SIZE)
    for attempt in range(ATTEMPTS):
        rc: i32 = vfs_shm_read(db.fd, head, SHM_HEAD_SIZE, i64(0))
        if rc < 0:
            return rc
        if head_valid(head):
            rc = share_adopt(db, head)
            if rc < 0 or is_same_log(db, head):
                return rc
        else:
            _ = share_wait(db, attempt)
    return -SQLITE_BUSY


# --- writing --------------------------------------------------------------------------------------------------


def share_begin_write(p: Pager) -> i32:
    """Become the one writer of all processes; 0, -SQLITE_BUSY, -BUSY_SNAPSHOT or another negative result code."""
    db: SharedFile = p.database
    head: ptr[u8] = scratch(SHM_HEAD_SIZE)
    rc: i32 = vfs_shm_begin(db.fd, LOCK_WRITE, SHM_EXCLUSIVE, head)
    if rc < 0:
        return rc
    db.share.alone |= 1 << LOCK_WRITE
    rc = 0 if head_known(db, head) else -BUSY_SNAPSHOT
    if rc == 0 and p.settings.exclusive:
        rc = share_leave(db) if db.active == 1 else -SQLITE_BUSY
    if rc < 0 and db.share.on:
        write_unlock(db)
    return rc


def log_append(db: SharedFile, pages: ptr[i32], n: i32, page_count: u32) -> i32:
    """wal_append. A shared log begins anew with the first frames of a transaction, and not before: of one that writes
    nothing others must not see anything. (Otherwise it has begun anew when the transaction began.)
    """
    if db.share.on and db.wal.end == db.wal.committed:
        share_begin_log(db)
    return wal_append(db, pages, n, page_count)


def share_begin_log(db: SharedFile) -> None:
    """Begin the log anew if the file has all of it, and nobody reads it. The writer has no frames yet."""
    w: Wal = db.wal
    if w.committed == 0:
        w.page_size = db.page_size
        w.big_endian = 0
        w.used = 1
        w.header_due = 1
        if w.salt1 == 0:
            wal_start(db)
    elif w.backfilled == w.committed and not log_is_read(db) and share_lock(db, LOCK_READ + 1, N_READ - 1) == 0:
        if share_restart(db) < 0:
            share_forget(db)  # the next who comes makes it from the log
        share_unlock(db, LOCK_READ + 1, N_READ - 1)
        sp: Savepoint = Pager(db.writer).savepoints
        while sp:
            sp.log_end = 0
            sp = sp.outer


def log_is_read(db: SharedFile) -> i32:
    """1 if a pager of this process needs the log as it is."""
    for slot in range(1, N_READ):
        if db.share.users[slot]:
            return 1
    return 0


def share_restart(db: SharedFile) -> i32:
    """Begin the log anew; 0 or a negative result code. WRITE and READ 1 to 4 are held."""
    wal_start(db)
    rc: i32 = head_write(db)
    if rc == 0:
        rc = word_write(db, AT_BACKFILLED, u32(0))
    db.share.backfilled = 0
    for slot in range(1, N_READ):
        if rc == 0:
            rc = word_write(db, AT_MARKS + slot * 4, u32(0) if slot == 1 else u32(MARK_UNUSED))
    if rc == 0:
        rc = word_write(db, AT_ATTEMPTED, u32(0))
    return rc


def share_prepare(db: SharedFile) -> i32:
    """Enter the frames of the running transaction, which the header does not state yet; 0 or a negative result code."""
    return frames_enter(db, db.wal.committed + 1, db.wal.end) if db.share.on else 0


def share_commit(db: SharedFile) -> None:
    """The running transaction is committed: tell the others. Its place in the index was written before."""
    if db.share.on and head_write(db) < 0:
        share_forget(db)
