"""The index of a log that processes share: its layout, and its locks.

The file "-shm" that SQLite's processes map, in their machine's byte order (little-endian: others do not share).

  OFFSET  SIZE  MEANING
  0       48    header
  48      48    the header once more; written first, read last
  96      4     frames whose content the database file has
  100     20    read marks: a reader under read lock i may need frames behind mark i; that of lock 0 is 0
  120     8     locks, as byte ranges: WRITE, CHECKPOINT, RECOVER, READ 0 to 4
  128     4     frames that a checkpoint has begun to move
  132     4     zero
  136           page numbers of frames 1 to 4062
  16384   16384 hash table of these frames
  32768         blocks of 4096 page numbers and a hash table

Header:
  0       4     format version 3007000          20  4  pages in the database after the last commit
  4       4     zero                            24  8  checksum of the last frame
  8       4     counter of changes              32  8  the log's salts, as in the log
  12      1     1: it was initialized           40  8  checksum of the bytes before
  13      1     1: big-endian checksums
  14      2     page size, 1: 65536
  16      4     the last committed frame

A hash table has 8192 entries of 2 bytes: the number of a frame in its block, from 1, in the first free entry from
page number * 383 on; 0: free.

Source: https://sqlite.org/walformat.html section 2.
"""

from turso_wasm.kernel.abi import SHM_EXCLUSIVE, SHM_SHARED, SHM_UNLOCK
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import vfs_shm_lock, vfs_shm_read, vfs_shm_write
from turso_wasm.kernel.pager.header import bytes_equal
from turso_wasm.kernel.pager.log_format import VERSION, wal_checksum
from turso_wasm.kernel.pager.storage import Share, SharedFile, Wal
from turso_wasm.wasm.lang import (
    i32,
    i64,
    le32,
    memory_copy,
    memory_fill,
    ptr,
    put_be32,
    put_le16,
    put_le32,
    scratch,
    u8,
    u16,
    u32,
)

__subset__ = True

HEADER_SIZE = 48
AT_FRAMES = 16
AT_PAGES = 20
AT_SUMS = 24
AT_SALTS = 32
AT_CHECKSUM = 40
AT_BACKFILLED = 96
AT_MARKS = 100
AT_ATTEMPTED = 128
MARK_UNUSED = 0xFFFFFFFF

LOCK_WRITE = 0
LOCK_CHECKPOINT = 1
LOCK_READ = 3  # to 7; between: RECOVER
N_READ = 5

BLOCK_SIZE = 32768
BLOCK_FRAMES = 4096
HEAD_FRAMES = 34  # page numbers for which the first block has a header instead
HASH_SIZE = 16384
HASH_MASK = 8191
HASH_FACTOR = 383


# --- locks ----------------------------------------------------------------------------------------------------


def share_lock(db: SharedFile, first: i32, n: i32) -> i32:
    """Lock for this process alone, read locks of its own pagers notwithstanding; 0 or a negative result code."""
    rc: i32 = vfs_shm_lock(db.fd, first, n, SHM_EXCLUSIVE)
    if rc == 0:
        db.share.alone |= ((1 << n) - 1) << first
    return rc


def share_unlock(db: SharedFile, first: i32, n: i32) -> None:
    """Undo share_lock of locks that no pager reads under."""
    _ = vfs_shm_lock(db.fd, first, n, SHM_UNLOCK)
    db.share.alone &= ~(((1 << n) - 1) << first)


def slot_restore(db: SharedFile, slot: i32) -> None:
    """Undo share_lock of a read lock, or a pager's use of it: it is shared while pagers use it."""
    _ = vfs_shm_lock(db.fd, LOCK_READ + slot, 1, SHM_SHARED if db.share.users[slot] else SHM_UNLOCK)
    db.share.alone &= ~(1 << (LOCK_READ + slot))


def write_unlock(db: SharedFile) -> None:
    """The writer is done."""
    if db.share.alone & 1 << LOCK_WRITE:
        share_unlock(db, LOCK_WRITE, 1)


def locks_drop(db: SharedFile) -> None:
    """Give up the locks that an error has left behind."""
    if db.share.alone & (1 << LOCK_READ) - 1:
        share_unlock(db, LOCK_WRITE, LOCK_READ)
    for slot in range(N_READ):
        if db.share.alone & 1 << (LOCK_READ + slot):
            slot_restore(db, slot)


# --- the header -----------------------------------------------------------------------------------------------


def head_valid(head: ptr[u8]) -> i32:
    """1 if the two headers that an index begins with are the same, and one."""
    if not bytes_equal(head, head + HEADER_SIZE, HEADER_SIZE) or head[12] != 1 or le32(head) != VERSION:
        return 0
    sum1: u32 = 0
    sum2: u32 = 0
    sum1, sum2 = wal_checksum(head, AT_CHECKSUM, sum1, sum2, 0)
    return i32(sum1 == le32(head + AT_CHECKSUM) and sum2 == le32(head + AT_CHECKSUM + 4))


def head_known(db: SharedFile, head: ptr[u8]) -> i32:
    """1 if both headers are the one that memory knows."""
    known: ptr[u8] = db.share.head
    if known[12] == 0:
        return 0
    return i32(bytes_equal(head, known, HEADER_SIZE) and bytes_equal(head + HEADER_SIZE, known, HEADER_SIZE))


def head_page_size(head: ptr[u8]) -> i32:
    """The page size a header states."""
    size: i32 = head[14] | head[15] << 8
    return 65536 if size == 1 else size


def mark(head: ptr[u8], slot: i32) -> u32:
    """The read mark of a lock."""
    return le32(head + AT_MARKS + slot * 4)


def word_write(db: SharedFile, at: i32, value: u32) -> i32:
    """Write four bytes of the index; 0 or a negative result code."""
    word: ptr[u8] = scratch(4)
    put_le32(word, value)
    return vfs_shm_write(db.fd, word, 4, i64(at))


def head_write(db: SharedFile) -> i32:
    """State in the header what memory knows of the committed log; 0 or a negative result code."""
    w: Wal = db.wal
    s: Share = db.share
    p: ptr[u8] = scratch(HEADER_SIZE)
    put_le32(p, VERSION)
    put_le32(p + 4, 0)
    put_le32(p + 8, le32(ptr[u8](s.head) + 8) + 1)
    p[12] = 1
    p[13] = w.big_endian
    put_le16(p + 14, 1 if w.page_size == 65536 else w.page_size)
    put_le32(p + AT_FRAMES, w.committed)
    put_le32(p + AT_PAGES, w.page_count)
    put_le32(p + AT_SUMS, w.committed_sum1)
    put_le32(p + AT_SUMS + 4, w.committed_sum2)
    put_be32(p + AT_SALTS, w.salt1)
    put_be32(p + AT_SALTS + 4, w.salt2)
    sum1: u32 = 0
    sum2: u32 = 0
    sum1, sum2 = wal_checksum(p, AT_CHECKSUM, sum1, sum2, 0)
    put_le32(p + AT_CHECKSUM, sum1)
    put_le32(p + AT_CHECKSUM + 4, sum2)
    rc: i32 = vfs_shm_write(db.fd, p, HEADER_SIZE, i64(HEADER_SIZE))
    if rc == 0:
        rc = vfs_shm_write(db.fd, p, HEADER_SIZE, i64(0))
    if rc == 0:
        memory_copy(s.head, p, HEADER_SIZE)
    return rc


# --- page numbers of frames -----------------------------------------------------------------------------------


def page_number_at(frame: u32) -> i64:
    """Where the page number of a frame is."""
    place: u32 = frame - 1 + HEAD_FRAMES
    return i64(place // BLOCK_FRAMES) * i64(BLOCK_SIZE) + i64(place % BLOCK_FRAMES) * i64(4)


def block_left(frame: u32) -> i32:
    """How many frames from this one on are in the same block."""
    return BLOCK_FRAMES - i32((frame - 1 + HEAD_FRAMES) % BLOCK_FRAMES)


def block_before(frame: u32) -> u32:
    """The last frame of the block before."""
    block: u32 = (frame - 1 + HEAD_FRAMES) // BLOCK_FRAMES
    return block * BLOCK_FRAMES - HEAD_FRAMES if block else u32(0)


def frames_enter(db: SharedFile, first: u32, last: u32) -> i32:
    """Enter frames that memory has indexed, behind those that are; 0 or a negative result code. LOCK_WRITE is held."""
    w: Wal = db.wal
    block: ptr[u8] = malloc(BLOCK_SIZE)
    rc: i32 = 0
    while first <= last and rc == 0:
        n: i32 = block_left(first)
        if u32(n) > last - first + 1:
            n = i32(last - first + 1)
        if first - 1 == block_before(first):
            rc = block_begin(db, block, w.pgnos + first, n, first)
        else:
            rc = block_add(db, block, w.pgnos + first, n, first)
        first += u32(n)
    mfree(block)
    return rc


def block_begin(db: SharedFile, block: ptr[u8], pgnos: ptr[u32], n: i32, first: u32) -> i32:
    """Fill a block anew with its first n frames; 0 or a negative result code."""
    size: i32 = block_left(first) * 4
    memory_fill(block, 0, size + HASH_SIZE)
    memory_copy(block, ptr[u8](pgnos), n * 4)
    hash_add(ptr[u16](block + size), pgnos, n, 0)
    return vfs_shm_write(db.fd, block, size + HASH_SIZE, page_number_at(first))


def block_add(db: SharedFile, block: ptr[u8], pgnos: ptr[u32], n: i32, first: u32) -> i32:
    """Add n frames to a block that has some; 0 or a negative result code."""
    at: i64 = page_number_at(first)
    hash_at: i64 = (at & ~i64(BLOCK_SIZE - 1)) + i64(BLOCK_SIZE - HASH_SIZE)
    before: i32 = i32(first - 1 - block_before(first))
    stale: ptr[u8] = scratch(4)
    rc: i32 = vfs_shm_read(db.fd, stale, 4, at)
    if rc == 0:
        rc = vfs_shm_read(db.fd, block, HASH_SIZE, hash_at)
    if rc < 0:
        return rc
    if le32(stale):
        hash_forget(ptr[u16](block), before)
    hash_add(ptr[u16](block), pgnos, n, before)
    rc = vfs_shm_write(db.fd, ptr[u8](pgnos), n * 4, at)
    return vfs_shm_write(db.fd, block, HASH_SIZE, hash_at) if rc == 0 else rc


def hash_forget(table: ptr[u16], last: i32) -> None:
    """Remove frames of a transaction that was not committed: those behind `last` in the block."""
    for i in range(HASH_MASK + 1):
        if table[i] > last:
            table[i] = 0


def hash_add(table: ptr[u16], pgnos: ptr[u32], n: i32, before: i32) -> None:
    """Add n frames, the first of which is that behind `before` in the block."""
    for i in range(n):
        at: i32 = i32(pgnos[i] * HASH_FACTOR) & HASH_MASK
        end: i32 = at + HASH_MASK  # a table that others have damaged may be full
        while table[at & HASH_MASK] and at < end:
            at += 1
        table[at & HASH_MASK] = before + 1 + i
