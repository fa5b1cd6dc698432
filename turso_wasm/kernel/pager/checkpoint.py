"""Checkpoints: moving committed frames of the log into the database file.

Owns the order of those writes. Does not decide when (kernel/pager/commit.py, kernel/pager/modes.py).

Order: the log is durable, pages are written, the file gets its size, the file is durable; only then does memory believe
that the file has the frames (W3), and only then may the log be overwritten. A crash in between repeats it.

Invariants:
  K1  No frame behind the oldest reader's snapshot is moved; a reader that needs only the file (snapshot 0) stops all.
  K3  Of a shared log no frame behind a read mark is moved while its lock is held, and none at all while read lock 0 is:
      it is taken for the time that the file is written.
"""

from turso_wasm.kernel.abi import SHM_HEAD_SIZE
from turso_wasm.kernel.base.errors import SQLITE_BUSY
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import vfs_shm_read, vfs_size, vfs_sync, vfs_truncate
from turso_wasm.kernel.pager.cache import cache_find
from turso_wasm.kernel.pager.log_format import HEADER_SIZE
from turso_wasm.kernel.pager.moved import frames_moved, frames_to_move
from turso_wasm.kernel.pager.pageio import file_write, page_encode
from turso_wasm.kernel.pager.runs import RUN_BYTES
from turso_wasm.kernel.pager.share import log_is_read, share_look, share_restart
from turso_wasm.kernel.pager.share_format import (
    AT_ATTEMPTED,
    AT_BACKFILLED,
    AT_MARKS,
    LOCK_CHECKPOINT,
    LOCK_READ,
    LOCK_WRITE,
    MARK_UNUSED,
    N_READ,
    mark,
    share_lock,
    share_unlock,
    slot_restore,
    word_write,
    write_unlock,
)
from turso_wasm.kernel.pager.storage import PAGER_NONE, Page, Pager, SharedFile, Wal
from turso_wasm.kernel.pager.wal import wal_read_encoded, wal_start, wal_sync
from turso_wasm.wasm.lang import i32, i64, memory_fill, ptr, scratch, u8, u32

__subset__ = True

CHECKPOINT_PASSIVE = 0
CHECKPOINT_FULL = 1
CHECKPOINT_RESTART = 2
CHECKPOINT_TRUNCATE = 3


def checkpoint_target(db: SharedFile) -> u32:
    """The last frame that may be moved (K1)."""
    target: u32 = db.wal.committed
    p: Pager = db.pagers
    while p:
        if p.state != PAGER_NONE and p.snapshot < target:
            target = p.snapshot
        p = p.next
    return target


def checkpoint_run(db: SharedFile) -> i32:
    """Move as many frames as readers allow; 0, -SQLITE_BUSY while another process does it, or another negative result
    code. No transaction is being committed.
    """
    if not db.share.on:
        return backfill(db, checkpoint_target(db))
    rc: i32 = share_lock(db, LOCK_CHECKPOINT, 1)
    if rc < 0:
        return rc
    rc = share_look(db)
    if rc == 0:
        rc = backfill_shared(db, marks_raise(db, checkpoint_target(db)))
    share_unlock(db, LOCK_CHECKPOINT, 1)
    return rc


def marks_raise(db: SharedFile, target: u32) -> u32:
    """How far readers of other processes allow frames up to `target` to be moved (K3)."""
    head: ptr[u8] = scratch(SHM_HEAD_SIZE)
    if vfs_shm_read(db.fd, head, SHM_HEAD_SIZE, i64(0)) < 0:
        return db.share.backfilled
    for slot in range(1, N_READ):
        if mark(head, slot) < target:
            if share_lock(db, LOCK_READ + slot, 1) < 0:
                target = mark(head, slot)
            else:
                kept: i32 = i32(slot == 1 or db.share.users[slot] > 0)
                _ = word_write(db, AT_MARKS + slot * 4, target if kept else u32(MARK_UNUSED))
                slot_restore(db, slot)
    return target


def backfill_shared(db: SharedFile, target: u32) -> i32:
    """backfill, while nobody reads only the file; 0 or a negative result code. LOCK_CHECKPOINT is held."""
    if target <= db.share.backfilled:
        return 0
    rc: i32 = share_lock(db, LOCK_READ, 1)
    if rc < 0:
        return 0 if rc == -SQLITE_BUSY else rc
    rc = word_write(db, AT_ATTEMPTED, target)
    if rc == 0:
        rc = backfill(db, target)
    if rc == 0:
        rc = word_write(db, AT_BACKFILLED, target)
    if rc == 0:
        db.share.backfilled = target
    slot_restore(db, 0)
    return rc


def backfill(db: SharedFile, target: u32) -> i32:
    """Move the frames up to `target`; 0 or a negative result code."""
    w: Wal = db.wal
    if target <= w.backfilled:
        return 0
    if db.settings.synchronous:
        rc: i32 = wal_sync(w)
        if rc < 0:
            return rc
    n: i32 = i32(target - w.backfilled)
    frames: ptr[u32] = ptr[u32](malloc(n * 4))
    n = frames_to_move(w, frames, target)
    failed: i32 = frames_write(db, frames, n)
    if failed == 0 and target == w.committed:
        failed = file_resize(db)
    if failed == 0 and db.settings.synchronous:
        failed = vfs_sync(db.fd)
    if failed == 0:
        frames_moved(db, frames, n, target)
    mfree(ptr[u8](frames))
    return failed


def frames_write(db: SharedFile, frames: ptr[u32], n: i32) -> i32:
    """Write the frames' pages to the file, neighbours together; 0 or a negative result code."""
    w: Wal = db.wal
    size: i32 = w.page_size
    limit: i32 = RUN_BYTES // size
    if limit > n:
        limit = n
    buffer: ptr[u8] = malloc(limit * size)
    done: i32 = 0
    rc: i32 = 0
    while done < n and rc == 0:
        first: u32 = w.pgnos[frames[done]]
        length: i32 = 0
        while (
            rc == 0 and length < limit and done + length < n and w.pgnos[frames[done + length]] == first + u32(length)
        ):
            rc = frame_content(db, frames[done + length], buffer + length * size)
            length += 1
        if rc == 0:
            rc = file_write(db, first, buffer, length, size)
        done += length
    mfree(buffer)
    return rc


def frame_content(db: SharedFile, frame: u32, data: ptr[u8]) -> i32:
    """The encoded page in a frame, from memory if it is there; 0 or a negative result code."""
    page: Page = cache_find(i32(db) + 1, frame)
    if page:
        page_encode(db, page.pgno, page.data, data, db.wal.page_size)
        return 0
    return wal_read_encoded(db.wal, frame, data)


def file_resize(db: SharedFile) -> i32:
    """Give the file the size of the committed database; 0 or a negative result code."""
    size: i64 = i64(db.wal.page_count) * i64(db.wal.page_size)
    now: i64 = vfs_size(db.fd)
    if now < 0:
        return i32(now)
    if now == size:
        return 0
    return vfs_truncate(db.fd, size)


def checkpoint(db: SharedFile, mode: i32) -> tuple[i32, i32, i32]:
    """PRAGMA wal_checkpoint: (0, 1 if it could not finish, or a negative result code; frames in the log; frames moved).

    mode: CHECKPOINT_*. FULL, RESTART and TRUNCATE report busy when a reader or writer stands in the way; waiting for
    connections of this process would not help (D4). RESTART is FULL here, unless the log is shared: a writer restarts a
    log whenever it can (W4).
    """
    w: Wal = db.wal
    if mode != CHECKPOINT_PASSIVE and db.writer:
        return 1, i32(w.committed), i32(w.backfilled)
    rc: i32 = 0
    if mode != CHECKPOINT_PASSIVE and db.share.on:
        rc = share_lock(db, LOCK_WRITE, 1)
    if rc == 0:
        rc = checkpoint_alone(db, mode)
    elif rc == -SQLITE_BUSY:
        # Another process writes: what can be moved is.
        rc = checkpoint_alone(db, CHECKPOINT_PASSIVE)
        if rc == 0:
            rc = 1
    if mode != CHECKPOINT_PASSIVE and db.share.on:
        write_unlock(db)
    if rc == -SQLITE_BUSY:
        return 1, -1, -1
    return rc, i32(w.committed), i32(w.backfilled)


def checkpoint_alone(db: SharedFile, mode: i32) -> i32:
    """`checkpoint`, unless the mode is PASSIVE while nobody else writes; -SQLITE_BUSY: another process moves frames."""
    rc: i32 = checkpoint_run(db)
    if rc < 0 or mode == CHECKPOINT_PASSIVE:
        return rc
    if db.wal.backfilled < db.wal.committed:
        return 1
    if mode >= CHECKPOINT_RESTART and db.share.on:
        rc = readers_gone(db)
    if rc == 0 and mode == CHECKPOINT_TRUNCATE:
        rc = wal_empty(db)
    if db.share.alone & 1 << (LOCK_READ + 1):
        share_unlock(db, LOCK_READ + 1, N_READ - 1)
    return rc


def readers_gone(db: SharedFile) -> i32:
    """Lock the log against readers; 0, 1 if there are any, or a negative result code."""
    if log_is_read(db):
        return 1
    rc: i32 = share_lock(db, LOCK_READ + 1, N_READ - 1)
    return 1 if rc == -SQLITE_BUSY else rc


def wal_empty(db: SharedFile) -> i32:
    """Truncate a log that was moved completely; 0 or a negative result code."""
    w: Wal = db.wal
    rc: i32 = 0
    if db.share.on:
        rc = share_restart(db)
    elif w.committed:
        wal_start(db)
    if w.fd == 0 or rc < 0:
        return rc
    w.reserved = i64(0)
    rc = vfs_truncate(w.fd - 1, i64(0))
    if rc == 0:
        memory_fill(w.seen, 0, HEADER_SIZE)
    return rc
