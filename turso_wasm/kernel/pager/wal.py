"""The write-ahead log: opening, beginning anew, appending, syncing and reading frames.

Owns the "-wal" file, except that kernel/pager/checkpoint.py moves its content into the database. Its format is that of
kernel/pager/log_format.py; kernel/pager/log_index.py knows where pages are in it (W2), and what a log that is there
holds is found out by kernel/pager/log_recovery.py.

Invariants:
  W1  Frames 1..committed are valid and end with a commit frame; committed+1..end are those of the running transaction.
      Readers see a prefix of the committed ones (Pager.snapshot).
  W3  Every page of the file equals its newest frame <= backfilled. So a frame <= backfilled is read from the file.
  W4  A reader begins with snapshot 0 when backfilled = committed: it needs no frame, and the log may be restarted.
  W5  What lies behind `end` in the file cannot be taken for frames: salts or the running checksum differ; a commit
      mark whose transaction failed is cut off (wal_retract).
  W6  Before frames overwrite those of an older log, the new header is durable. A write may arrive without its
      beginning: the old header and what is left of the old frames would pass for the log.
  W7  `seen` is the file's header; log_changed asks whether another process has written the log since, or put another
      file in its place.
  W8  What is written behind the last frame, so that the file grows less often than frames come (CAP_STEPS), is zeros:
      no frame of a log has salts of 0. Where frames may be written, what lies behind them is nobody's.
"""

from turso_wasm.kernel.abi import (
    CAP_STEPS,
    JOURNAL_EXISTS,
    LOCK_EXCLUSIVE,
    LOG_HEAD_SIZE,
    LOG_NEXT_SIZE,
    OPEN_CREATE,
    OPEN_READONLY,
)
from turso_wasm.kernel.base.errors import SQLITE_FULL
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import (
    check_io,
    host_random,
    vfs_begin_log,
    vfs_close,
    vfs_delete,
    vfs_exists,
    vfs_moved,
    vfs_open,
    vfs_read,
    vfs_size,
    vfs_sync,
    vfs_truncate,
    vfs_write,
)
from turso_wasm.kernel.pager.database import JOURNAL_SUFFIX, file_moved, name_with
from turso_wasm.kernel.pager.header import bytes_equal
from turso_wasm.kernel.pager.log_format import (
    FRAME_HEADER_SIZE,
    HEADER_SIZE,
    frame_data_offset,
    frame_encode,
    frame_offset,
    header_encode,
)
from turso_wasm.kernel.pager.log_index import index_append, index_reserve, index_truncate
from turso_wasm.kernel.pager.pageio import SHORT, page_read
from turso_wasm.kernel.pager.storage import PAGER_NONE, Page, Pager, SharedFile, Wal
from turso_wasm.wasm.lang import (
    be32,
    i32,
    i64,
    memory_copy,
    memory_fill,
    ptr,
    scratch,
    u8,
    u32,
)

__subset__ = True

SUFFIX = b"-wal"
CHUNK_BYTES = 4 << 20  # a commit larger than this takes several writes
STEP_LEAST = 1 << 15  # by how much a log grows that does in steps: as much as it has, within these limits
STEP_MOST = 1 << 18


# --- the file -------------------------------------------------------------------------------------------------


def wal_open(db: SharedFile) -> i32:
    """Open the log file, creating it if need be; 0 or a negative result code."""
    w: Wal = db.wal
    if w.fd:
        return 0
    name: ptr[u8] = name_with(db, SUFFIX, len(SUFFIX))
    fd: i32 = vfs_open(name, db.name_size + len(SUFFIX), OPEN_READONLY if db.read_only else OPEN_CREATE)
    if fd < 0:
        return fd
    w.fd = fd + 1
    return 0


def wal_exists(db: SharedFile) -> i32:
    """1 if there is a log file; raises."""
    rc: i32 = vfs_exists(name_with(db, SUFFIX, len(SUFFIX)), db.name_size + len(SUFFIX))
    check_io(rc)
    return rc


def wal_forget(db: SharedFile) -> None:
    """Close the log file and forget the index; the file stays."""
    w: Wal = db.wal
    if w.fd:
        fd: i32 = w.fd - 1
        w.fd = 0  # before: a host may be interrupted when it has closed it
        vfs_close(fd)
    index_truncate(w, u32(0))
    w.committed = 0
    w.backfilled = 0
    w.synced = 0
    w.page_count = 0
    w.reserved = i64(0)
    w.salt1 = 0
    w.header_due = 0
    w.used = 0
    w.commit_due = 0
    memory_fill(w.seen, 0, HEADER_SIZE)


def wal_free(db: SharedFile) -> None:
    """wal_forget, and free the index."""
    w: Wal = db.wal
    wal_forget(db)
    mfree(ptr[u8](w.pgnos))
    mfree(ptr[u8](w.previous))
    mfree(ptr[u8](w.chain))
    mfree(ptr[u8](w.buckets))
    w.pgnos = ptr[u32](0)
    w.previous = ptr[u32](0)
    w.chain = ptr[u32](0)
    w.buckets = ptr[u32](0)
    w.capacity = 0


def wal_remove(db: SharedFile) -> i32:
    """Close and delete the log, all of which the database file has; 0 or a negative result code."""
    wal_forget(db)
    return vfs_delete(name_with(db, SUFFIX, len(SUFFIX)), db.name_size + len(SUFFIX), i32(db.settings.synchronous > 0))


def wal_start(db: SharedFile) -> None:
    """Begin a new log: the next append writes a header with new salts. No frame of the old one is needed any more."""
    w: Wal = db.wal
    if not w.header_due:
        w.seen_end = w.committed
    random: ptr[u8] = scratch(8)
    host_random(random, 8)
    if w.salt1:
        w.sequence += 1
        w.salt1 += 1
        w.used = 1
    else:
        w.sequence = 0
        w.salt1 = be32(random) | 1
    w.salt2 = be32(random + 4)
    index_truncate(w, u32(0))
    w.big_endian = 0
    w.page_size = db.page_size
    w.committed = 0
    w.backfilled = 0
    w.synced = 0
    w.header_due = 1
    w.cut_due = 1
    p: Pager = db.pagers
    while p:
        if p.state != PAGER_NONE:
            p.snapshot = 0
        p = p.next


def wal_begin_write(db: SharedFile) -> None:
    """A writer begins: if the file has everything, so that every reader can read the file, the log begins anew (W4)."""
    w: Wal = db.wal
    if w.backfilled == w.committed and (w.committed or not w.header_due):
        wal_start(db)


def wal_append(db: SharedFile, pages: ptr[i32], n: i32, page_count: u32) -> i32:
    """Append n pages as frames; page_count: not 0 marks the last as a commit. 0 or a negative result code.

    Sets the `frame` of each page. On failure the log is as before.
    """
    w: Wal = db.wal
    rc: i32 = wal_open(db)
    if rc == 0 and w.end == 0 and w.header_due and w.used and db.settings.synchronous:
        rc = header_replace(w)
    if rc < 0:
        return rc
    index_reserve(w, n)
    first: u32 = w.end
    sum1: u32 = w.sum1
    sum2: u32 = w.sum2
    frame_size: i32 = w.page_size + FRAME_HEADER_SIZE
    chunk: i32 = CHUNK_BYTES // frame_size
    if chunk > n:
        chunk = n
    room: i32 = step_after(db, n)
    buffer: ptr[u8] = malloc(HEADER_SIZE + chunk * frame_size + room)
    w.commit_due = i32(page_count != 0)
    done: i32 = 0
    while done < n and rc == 0:
        last: i32 = i32(done + chunk >= n)
        rc = append_chunk(db, buffer, pages + done, n - done if last else chunk, last, page_count, room if last else 0)
        done += chunk
    mfree(buffer)
    if rc < 0:
        index_truncate(w, first)
        w.sum1 = sum1
        w.sum2 = sum2
        return rc
    w.header_due = 0
    return 0


def step_after(db: SharedFile, n: i32) -> i32:
    """Bytes to write behind n more frames (W8)."""
    w: Wal = db.wal
    end: i64 = frame_offset(w, w.end + u32(n) + 1)
    if not db.capabilities & CAP_STEPS or db.settings.journal_size_limit >= 0 or end <= w.reserved:
        return 0
    if end <= i64(STEP_LEAST):
        return STEP_LEAST
    return i32(end) if end < i64(STEP_MOST) else STEP_MOST


def header_replace(w: Wal) -> i32:
    """Make the header durable where the file may hold frames of an older log (W6); 0 or a negative result code.

    A new file needs none of this: its header comes with the first frames, and a commit is one write and one sync.
    """
    head: ptr[u8] = scratch(HEADER_SIZE)
    header_encode(w, head)
    rc: i32 = vfs_write(w.fd - 1, head, HEADER_SIZE, i64(0))
    if rc == 0:
        memory_copy(w.seen, head, HEADER_SIZE)
        w.seen_end = u32(0)
        rc = vfs_sync(w.fd - 1)
    if rc == 0:
        w.used = 0
    return rc


def append_chunk(
    db: SharedFile, buffer: ptr[u8], pages: ptr[i32], n: i32, last: i32, page_count: u32, room: i32
) -> i32:
    """Encode and write n frames with one write, and so many zeros behind them if there is room for them."""
    w: Wal = db.wal
    at: ptr[u8] = buffer
    offset: i64 = frame_offset(w, w.end + 1)
    if w.end == 0 and w.header_due:
        header_encode(w, buffer)
        at = buffer + HEADER_SIZE
        offset = i64(0)
    for i in range(n):
        page: Page = Page(pages[i])
        frame_encode(db, at, page, page_count if last and i == n - 1 else u32(0))
        at += FRAME_HEADER_SIZE + w.page_size
        index_append(w, page.pgno)
        page.frame = w.end
    size: i32 = at - buffer
    memory_fill(at, 0, room)
    rc: i32 = vfs_write(w.fd - 1, buffer, size + room, offset)
    if rc == -SQLITE_FULL and room:
        room = 0
        rc = vfs_write(w.fd - 1, buffer, size, offset)
    if rc == 0 and offset + i64(size + room) > w.reserved:
        w.reserved = offset + i64(size + room)
    if rc == 0 and offset == 0:
        memory_copy(w.seen, buffer, HEADER_SIZE)
        w.seen_end = u32(0)
    return rc


def wal_sync(w: Wal) -> i32:
    """Make all frames durable; 0 or a negative result code."""
    if w.synced == w.end:
        return 0
    rc: i32 = vfs_sync(w.fd - 1)
    if rc == 0:
        w.synced = w.end
    return rc


def wal_committed(db: SharedFile, page_count: u32) -> None:
    """The frames up to `end` are a committed transaction."""
    w: Wal = db.wal
    w.committed = w.end
    w.committed_sum1 = w.sum1
    w.committed_sum2 = w.sum2
    w.page_count = page_count
    w.commit_due = 0
    if w.cut_due and db.settings.journal_size_limit >= 0:
        wal_cut(db)
    w.cut_due = 0


def wal_cut(db: SharedFile) -> None:
    """Cut the file of a log that has begun anew to the size it may have. Whether this succeeds does not matter."""
    w: Wal = db.wal
    size: i64 = frame_offset(w, w.end + 1)
    if size < db.settings.journal_size_limit:
        size = db.settings.journal_size_limit
    if vfs_size(w.fd - 1) > size:
        w.reserved = i64(0)
        _ = vfs_truncate(w.fd - 1, size)


def wal_retract(db: SharedFile) -> i32:
    """Forget the frames of the running transaction; 0 or a negative result code if a commit mark may survive (W5)."""
    w: Wal = db.wal
    rc: i32 = 0
    if w.committed == 0 and w.end > 0:
        w.header_due = 1
    index_truncate(w, w.committed)
    w.sum1 = w.committed_sum1
    w.sum2 = w.committed_sum2
    if w.synced > w.committed:
        w.synced = w.committed
    if w.commit_due:
        w.commit_due = 0
        w.reserved = i64(0)
        rc = vfs_truncate(w.fd - 1, frame_offset(w, w.committed + 1) if w.committed else i64(0))
    return rc


def wal_read_frame(db: SharedFile, frame: u32, data: ptr[u8]) -> i32:
    """Read the page in a frame; 0 or a negative result code (-SQLITE_IOERR if the file ends before)."""
    w: Wal = db.wal
    return page_read(db, w.fd - 1, frame_data_offset(w, frame), w.pgnos[frame], data, w.page_size)


def wal_read_encoded(w: Wal, frame: u32, data: ptr[u8]) -> i32:
    """wal_read_frame without decoding."""
    got: i32 = vfs_read(w.fd - 1, data, w.page_size, frame_data_offset(w, frame))
    if got < 0:
        return got
    return 0 if got == w.page_size else SHORT


def log_changed(db: SharedFile) -> i32:
    """1 if the log file is not what it was when the lock was given up (W7), or a negative result code.

    Another process that only moved frames into the file has changed nothing that matters. Without a log on disk nobody
    can know: what others wrote may be in the file already, whose header need not tell.
    """
    w: Wal = db.wal
    if w.fd and file_moved(db):
        return 0  # the names lead elsewhere: nobody can find these files
    if w.fd == 0 or vfs_moved(w.fd - 1):
        return 1
    head: ptr[u8] = scratch(HEADER_SIZE + FRAME_HEADER_SIZE)
    n: i32 = vfs_read(w.fd - 1, head, HEADER_SIZE, i64(0))
    if n == HEADER_SIZE:
        more: i32 = vfs_read(w.fd - 1, head + HEADER_SIZE, FRAME_HEADER_SIZE, seen_end_offset(w))
        n = more if more < 0 else n + more
    return n if n < 0 else log_differs(w, head, n)


def seen_end_offset(w: Wal) -> i64:
    """Where whoever went on with the log as it was last seen wrote a frame."""
    return frame_offset(w, (w.seen_end if w.header_due else w.committed) + 1)


def log_differs(w: Wal, head: ptr[u8], n: i32) -> i32:
    """1 if the n bytes that a log begins with, and has at seen_end_offset, are not those of the log last seen."""
    if n < HEADER_SIZE or not bytes_equal(head, w.seen, HEADER_SIZE):
        return 1
    return i32(n == HEADER_SIZE + FRAME_HEADER_SIZE and bytes_equal(head + HEADER_SIZE + 8, w.seen + 16, 8))


def log_look(db: SharedFile) -> i32:
    """Lock a file whose log is known and see whether that is what it was, by one call of the host.

    0, a negative code; 1: more must be looked at.
    """
    w: Wal = db.wal
    head: ptr[u8] = scratch(LOG_HEAD_SIZE + LOG_NEXT_SIZE)
    journal: ptr[u8] = name_with(db, JOURNAL_SUFFIX, len(JOURNAL_SUFFIX))
    size: i32 = db.name_size + len(JOURNAL_SUFFIX)
    rc: i32 = vfs_begin_log(db.fd, w.fd - 1, journal, size, head, seen_end_offset(w))
    if rc < 0:
        return rc
    db.lock = LOCK_EXCLUSIVE
    if rc == JOURNAL_EXISTS or log_differs(w, head, rc):
        return 1
    db.recovery_due = 0
    return 0
