"""The index in memory and the one that processes share: bringing the first to the state of the second, and making the
second from the log.

Part of kernel/pager/share.py, whose invariants it keeps (Z3 to Z5).
"""

from turso_wasm.kernel.abi import SHM_HEAD_SIZE, SHM_SHARED
from turso_wasm.kernel.base.errors import SQLITE_BUSY, SQLITE_CORRUPT
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import check_io, vfs_read, vfs_shm_lock, vfs_shm_read, vfs_size
from turso_wasm.kernel.pager.cache import cache_free_all
from turso_wasm.kernel.pager.header import HEADER_SIZE as FILE_HEADER_SIZE
from turso_wasm.kernel.pager.header import bytes_equal, file_page_count, log_page_count
from turso_wasm.kernel.pager.log_format import FRAME_HEADER_SIZE
from turso_wasm.kernel.pager.log_index import index_append, index_reserve, index_truncate
from turso_wasm.kernel.pager.log_recovery import wal_recover
from turso_wasm.kernel.pager.moved import frames_moved, frames_to_move
from turso_wasm.kernel.pager.share_format import (
    AT_ATTEMPTED,
    AT_BACKFILLED,
    AT_FRAMES,
    AT_MARKS,
    AT_PAGES,
    AT_SALTS,
    AT_SUMS,
    BLOCK_FRAMES,
    HEADER_SIZE,
    LOCK_CHECKPOINT,
    LOCK_READ,
    LOCK_WRITE,
    MARK_UNUSED,
    N_READ,
    block_left,
    frames_enter,
    head_known,
    head_page_size,
    head_valid,
    head_write,
    page_number_at,
    share_lock,
    share_unlock,
    word_write,
)
from turso_wasm.kernel.pager.storage import SharedFile, Wal
from turso_wasm.kernel.pager.wal import wal_exists, wal_open
from turso_wasm.wasm.lang import be32, i32, i64, le32, memory_copy, memory_fill, ptr, scratch, u8, u32

__subset__ = True

AGAIN = 1
WAIT_AFTER = 10  # attempts


def share_forget(db: SharedFile) -> None:
    """Nothing is known of the index any more."""
    memory_fill(db.share.head, 0, HEADER_SIZE)


def share_adopt(db: SharedFile, head: ptr[u8]) -> i32:
    """Bring the index in memory to the state of a header that stays meanwhile (Z3, Z4); 0 or a negative code."""
    w: Wal = db.wal
    if not head_known(db, head):
        rc: i32 = wal_open(db) if le32(head + AT_FRAMES) else 0
        if rc == 0:
            rc = frames_adopt(db, head)
        if rc < 0:
            share_forget(db)
            return rc
        db.page_count = share_page_count(db, le32(head + AT_PAGES))
        db.commits += 1
        memory_copy(db.share.head, head, HEADER_SIZE)
    moved: u32 = le32(head + AT_BACKFILLED)
    db.share.backfilled = moved
    if moved > w.backfilled and moved <= w.committed:
        frames: ptr[u32] = ptr[u32](malloc(i32(moved - w.backfilled) * 4))
        frames_moved(db, frames, frames_to_move(w, frames, moved), moved)
        mfree(ptr[u8](frames))
    return 0


def frames_adopt(db: SharedFile, head: ptr[u8]) -> i32:
    """Index the frames that others have committed; 0 or a negative result code."""
    w: Wal = db.wal
    if w.end > w.committed:
        return -SQLITE_BUSY  # frames of a writer of this process, who keeps the header as it is: something has failed
    frames: u32 = le32(head + AT_FRAMES)
    same: i32 = i32(w.committed > 0 and bytes_equal(head + AT_SALTS, ptr[u8](db.share.head) + AT_SALTS, 8))
    if not same or frames < w.committed:
        log_drop(db)
    if frames > w.committed + BLOCK_FRAMES:
        length: i64 = vfs_size(w.fd - 1)
        if length < 0:
            return i32(length)
        if length // i64(head_page_size(head) + FRAME_HEADER_SIZE) < i64(frames):
            return -SQLITE_CORRUPT
    index_truncate(w, w.committed)
    index_reserve(w, i32(frames - w.committed))
    rc: i32 = page_numbers_read(db, frames)
    if rc < 0:
        return rc
    w.committed = frames
    w.committed_sum1 = le32(head + AT_SUMS)
    w.committed_sum2 = le32(head + AT_SUMS + 4)
    w.sum1 = w.committed_sum1
    w.sum2 = w.committed_sum2
    w.big_endian = head[13]
    w.salt1 = be32(head + AT_SALTS)
    w.salt2 = be32(head + AT_SALTS + 4)
    w.page_count = le32(head + AT_PAGES)
    w.header_due = 0
    if frames:
        w.page_size = head_page_size(head)
        if db.loaded and w.page_size != db.page_size:
            return -SQLITE_CORRUPT
    return 0


def log_drop(db: SharedFile) -> None:
    """Others have begun the log anew: nothing in memory tells what is in it, or in the file, unless somebody reads the
    file (then nothing was moved to it, and the log had been).
    """
    w: Wal = db.wal
    index_truncate(w, u32(0))
    w.committed = 0
    w.backfilled = 0
    w.synced = 0
    if db.active == 0:
        cache_free_all(db)


def page_numbers_read(db: SharedFile, last: u32) -> i32:
    """Index the frames behind w.end up to `last`, for which there is room; 0 or a negative result code."""
    w: Wal = db.wal
    while w.end < last:
        first: u32 = w.end + 1
        n: i32 = block_left(first)
        if u32(n) > last - first + 1:
            n = i32(last - first + 1)
        # Where the index in memory keeps them: index_append then finds each in its place.
        rc: i32 = vfs_shm_read(db.fd, ptr[u8](w.pgnos + first), n * 4, page_number_at(first))
        if rc < 0:
            return rc
        for _ in range(n):
            pgno: u32 = w.pgnos[w.end + 1]
            if pgno == 0:
                return -SQLITE_CORRUPT
            index_append(w, pgno)
    return 0


def share_page_count(db: SharedFile, stated: u32) -> u32:
    """The number of pages of the database, which a header states unless the log is new. Raises."""
    size: i64 = vfs_size(db.fd)
    check_io(i32(size) if size < 0 else 0)
    if stated and db.wal.committed:
        return log_page_count(db.wal, size)
    header: ptr[u8] = scratch(FILE_HEADER_SIZE)
    n: i32 = vfs_read(db.fd, header, FILE_HEADER_SIZE, i64(0))
    check_io(n)
    return file_page_count(header, db.page_size, size) if n == FILE_HEADER_SIZE else u32(0)


def is_same_log(db: SharedFile, head: ptr[u8]) -> i32:
    """1 if the log was not begun anew while it was looked at; if it was, nothing is known of it."""
    now: ptr[u8] = scratch(HEADER_SIZE)
    if vfs_shm_read(db.fd, now, HEADER_SIZE, i64(0)) == 0 and bytes_equal(head + AT_SALTS, now + AT_SALTS, 8):
        return 1
    share_forget(db)
    return 0


# --- recovery -------------------------------------------------------------------------------------------------


def share_recover(db: SharedFile, head: ptr[u8], attempt: i32) -> i32:
    """Make an index from the log if there is none (Z5): AGAIN, or a negative result code."""
    rc: i32 = share_lock(db, LOCK_WRITE, 1)
    if rc == -SQLITE_BUSY:
        _ = share_wait(db, attempt)
        return AGAIN
    if rc < 0:
        return rc
    rc = vfs_shm_read(db.fd, head, SHM_HEAD_SIZE, i64(0))
    if rc == 0 and not head_valid(head):
        rc = share_lock(db, LOCK_CHECKPOINT, 2)
        if rc == 0:
            rc = index_make(db)
            share_unlock(db, LOCK_CHECKPOINT, 2)
    share_unlock(db, LOCK_WRITE, 1)
    if rc == -SQLITE_BUSY:
        _ = share_wait(db, attempt)
    return AGAIN if rc == 0 or rc == -SQLITE_BUSY else rc


def index_make(db: SharedFile) -> i32:
    """Write the index of the log that is there; 0 or a negative result code. Raises."""
    w: Wal = db.wal
    log_drop(db)
    w.page_count = 0
    w.salt1 = 0
    w.salt2 = 0
    if wal_exists(db):
        wal_recover(db)
    rc: i32 = frames_enter(db, u32(1), w.committed)
    if rc == 0:
        rc = checkpoint_state_write(db, u32(0), w.committed)
    if rc == 0:
        rc = head_write(db)
    share_forget(db)
    return rc


def checkpoint_state_write(db: SharedFile, moved: u32, frames: u32) -> i32:
    """Begin the state of checkpoints: nothing is kept but by readers; 0 or a negative result code."""
    rc: i32 = word_write(db, AT_BACKFILLED, moved)
    if rc == 0:
        rc = word_write(db, AT_ATTEMPTED, frames)
    if rc == 0:
        rc = word_write(db, AT_MARKS, u32(0))
    for slot in range(1, N_READ):
        if rc == 0 and db.share.users[slot] == 0 and share_lock(db, LOCK_READ + slot, 1) == 0:
            rc = word_write(db, AT_MARKS + slot * 4, frames if slot == 1 and frames else u32(MARK_UNUSED))
            share_unlock(db, LOCK_READ + slot, 1)
    return rc


def share_wait(db: SharedFile, attempt: i32) -> i32:
    """Somebody holds a lock for a moment: wait for that, after a few attempts; -SQLITE_BUSY."""
    if attempt >= WAIT_AFTER:
        _ = vfs_shm_lock(db.fd, LOCK_WRITE, 0, SHM_SHARED)
    return -SQLITE_BUSY
