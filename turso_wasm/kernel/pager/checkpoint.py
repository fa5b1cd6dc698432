"""Checkpoints: moving committed frames of the log into the database file.

Owns the order of those writes. Does not decide when (kernel/pager/commit.py, kernel/pager/modes.py).

Order: the log is durable, pages are written, the file gets its size, the file is durable; only then does memory believe
that the file has the frames (W3), and only then may the log be overwritten. A crash in between repeats it.

Invariants:
  K1  No frame behind the oldest reader's snapshot is moved; a reader that needs only the file (snapshot 0) stops all.
  K2  A cached page that was moved changes its identity from its frame to the page of the file; what the file had
      before is forgotten, and so are the frames it replaces.
"""

from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import vfs_size, vfs_sync, vfs_truncate
from turso_wasm.kernel.pager.cache import cache_find, cache_forget, cache_forget_at, cache_insert, cache_remove
from turso_wasm.kernel.pager.log_format import HEADER_SIZE
from turso_wasm.kernel.pager.log_index import wal_find
from turso_wasm.kernel.pager.pageio import file_write, page_encode
from turso_wasm.kernel.pager.runs import RUN_BYTES
from turso_wasm.kernel.pager.storage import PAGER_NONE, Page, Pager, SharedFile, Wal
from turso_wasm.kernel.pager.wal import wal_read_encoded, wal_start, wal_sync
from turso_wasm.wasm.lang import i32, i64, memory_fill, ptr, u8, u32

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
    """Move as many frames as readers allow; 0 or a negative result code. No transaction is being committed."""
    w: Wal = db.wal
    target: u32 = checkpoint_target(db)
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


def frames_to_move(w: Wal, frames: ptr[u32], target: u32) -> i32:
    """Collect the newest frame of each page in (backfilled, target], sorted by page; how many."""
    n: i32 = 0
    frame: u32 = w.backfilled + 1
    while frame <= target:
        pgno: u32 = w.pgnos[frame]
        if page_is_moved(w, pgno, target) and wal_find(w, pgno, target) == frame:
            frames[n] = frame
            n += 1
        frame += 1
    frames_sort(w, frames, n)
    return n


def page_is_moved(w: Wal, pgno: u32, target: u32) -> i32:
    """1 unless the database shrank below the page; a reader of an older state may still see it."""
    return i32(target < w.committed or pgno <= w.page_count)


def frames_sort(w: Wal, frames: ptr[u32], n: i32) -> None:
    """Sort frames by their page numbers (Shell sort)."""
    gap: i32 = 1
    while gap < n // 3:
        gap = gap * 3 + 1
    while gap > 0:
        for i in range(gap, n):
            frame: u32 = frames[i]
            at: i32 = i
            while at >= gap and w.pgnos[frames[at - gap]] > w.pgnos[frame]:
                frames[at] = frames[at - gap]
                at -= gap
            frames[at] = frame
        gap = gap // 3


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


def frames_moved(db: SharedFile, frames: ptr[u32], n: i32, target: u32) -> None:
    """The file has the frames up to `target`: rename the cached pages (K2)."""
    w: Wal = db.wal
    frame: u32 = w.backfilled + 1
    for i in range(n):
        cache_forget_at(i32(db), w.pgnos[frames[i]])
    while frame <= target:
        page: Page = cache_find(i32(db) + 1, frame)
        if page:
            if wal_find(w, page.pgno, target) == frame and page_is_moved(w, page.pgno, target):
                cache_remove(page)
                cache_insert(page, i32(db), page.pgno)
            else:
                cache_forget(page)
        frame += 1
    w.backfilled = target


def checkpoint(db: SharedFile, mode: i32) -> tuple[i32, i32, i32]:
    """PRAGMA wal_checkpoint: (0, 1 if it could not finish, or a negative result code; frames in the log; frames moved).

    mode: CHECKPOINT_*. FULL, RESTART and TRUNCATE report busy when a reader or writer stands in the way; waiting for
    connections of this process would not help (D4). RESTART is FULL here: a writer restarts a log whenever it can (W4).
    """
    w: Wal = db.wal
    if mode != CHECKPOINT_PASSIVE and db.writer:
        return 1, i32(w.committed), i32(w.backfilled)
    rc: i32 = checkpoint_run(db)
    if rc == 0 and mode != CHECKPOINT_PASSIVE and w.backfilled < w.committed:
        rc = 1
    if rc == 0 and mode == CHECKPOINT_TRUNCATE:
        rc = wal_empty(db)
    return rc, i32(w.committed), i32(w.backfilled)


def wal_empty(db: SharedFile) -> i32:
    """Truncate a log that was moved completely; 0 or a negative result code."""
    w: Wal = db.wal
    if w.committed:
        wal_start(db)
    if w.fd == 0:
        return 0
    rc: i32 = vfs_truncate(w.fd - 1, i64(0))
    if rc == 0:
        memory_fill(w.seen, 0, HEADER_SIZE)
    return rc
