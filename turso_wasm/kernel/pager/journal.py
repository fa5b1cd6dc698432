"""The rollback journal: its file format, writing originals before pages are overwritten, and playing them back.

Owns the "-journal" file, or the memory that replaces it. Does not decide when (commit.py, spill.py); journals left by a
crash are found by recovery.py.

The file is a row of segments, each beginning at a multiple of the sector size:
  OFFSET  SIZE  MEANING
  0       8     d9 d5 05 f9 20 a1 63 d7
  8       4     number of records in this segment; 0xffffffff: up to the end of the file
  12      4     nonce of the records' checksums
  16      4     pages in the database before the transaction
  20      4     sector size
  24      4     page size
then zeros up to the sector size, then the records:
  0       4     page number
  4       n     the page as it was before the transaction
  4+n     4     checksum: nonce + the bytes at n-200, n-400, … of the page

Source: https://sqlite.org/fileformat2.html section 3.

Order: the originals are durable before the file is written; the file is durable before the journal ends. The end of the
journal is the commit.

Invariants:
  J1  A segment is written with a record count of 0; when it is durable, the count is written and made durable too.
      The checksums would not notice every write that a power cut tears: they look at every 200th byte. (synchronous
      NORMAL and OFF write the count at once, as in SQLite.)
  J2  Every page of the file that existed before the transaction and is overwritten or cut off has a record whose
      segment is durable. `journal_at` of a private page is the offset of its original. Leaves of the freelist need
      none: only what a page held that went there in this transaction must come back.
  J3  Behind the last segment no header of an older journal can follow: its place is zeroed.
  J4  JOURNAL_OFF writes nothing; JOURNAL_MEMORY keeps records (without checksum) in memory, at the same offsets.
  J5  The file does not end in an older transaction's super-journal record: its transaction would not be undone.
  J6  A deleted journal may come back after a power cut, and undo the last transaction (not with synchronous EXTRA). It
      undoes no other: the sync of the next journal, which is a new file, makes the deletion durable before the file is
      written.
"""

from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    JOURNAL_DELETE,
    JOURNAL_MEMORY,
    JOURNAL_OFF,
    JOURNAL_PERSIST,
    JOURNAL_TRUNCATE,
    JOURNAL_WAL,
    OPEN_CREATE,
)
from turso_wasm.kernel.base.memory import malloc, mfree, mrealloc
from turso_wasm.kernel.base.vfs import (
    host_random,
    vfs_close,
    vfs_delete,
    vfs_open,
    vfs_read,
    vfs_size,
    vfs_sync,
    vfs_truncate,
    vfs_write,
)
from turso_wasm.kernel.pager.cache import cache_find
from turso_wasm.kernel.pager.database import JOURNAL_SUFFIX, name_with
from turso_wasm.kernel.pager.pageio import file_read_encoded, file_write, page_decode, page_encode, page_read
from turso_wasm.kernel.pager.storage import Journal, Page, SharedFile
from turso_wasm.kernel.pager.superjournal import super_record_ends, super_record_write
from turso_wasm.wasm.lang import be32, i32, i64, memory_copy, memory_fill, ptr, put_be32, scratch, u8, u32

__subset__ = True

JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
JOURNAL_HEADER_SIZE = 28
SECTOR_SIZE = 512
JOURNAL_CHUNK = 1 << 20
SYNC_FULL = 2
SYNC_EXTRA = 3
COUNT_UNKNOWN = 0xFFFFFFFF


def journal_mode_of(db: SharedFile) -> i32:
    """The mode a transaction that does not use the log journals in."""
    if db.capabilities & CAP_MEMORY:
        return JOURNAL_OFF if db.journal_mode == JOURNAL_OFF else JOURNAL_MEMORY
    if db.journal_mode == JOURNAL_WAL:
        return JOURNAL_DELETE
    # With exclusive locking the file is kept for the next transaction, as in SQLite, until the lock is given up.
    keeps: i32 = i32(db.settings.exclusive and not db.to_wal)
    return JOURNAL_PERSIST if keeps and db.journal_mode == JOURNAL_DELETE else db.journal_mode


def journal_checksum(nonce: u32, data: ptr[u8], page_size: i32) -> u32:
    """The checksum of a record."""
    total: u32 = nonce
    at: i32 = page_size - 200
    while at > 0:
        total += u32(data[at])
        at -= 200
    return total


def journal_begin(db: SharedFile) -> i32:
    """Prepare the journal of a transaction; 0 or a negative result code."""
    j: Journal = db.journal
    if j.begun:
        return 0
    j.mode = journal_mode_of(db)
    j.size = i64(0)
    j.stale_size = i64(0)
    j.uncounted = u32(0)
    j.file_modified = 0
    if j.mode == JOURNAL_MEMORY or j.mode == JOURNAL_OFF:
        j.begun = 1
        return 0
    if j.fd == 0:
        fd: i32 = vfs_open(name_with(db, JOURNAL_SUFFIX, 8), db.name_size + 8, OPEN_CREATE)
        if fd < 0:
            return fd
        j.fd = fd + 1
    j.stale_size = vfs_size(j.fd - 1)
    if j.stale_size < 0:
        return i32(j.stale_size)
    if super_record_ends(j.fd - 1, j.stale_size):
        rc: i32 = vfs_truncate(j.fd - 1, i64(0))
        if rc < 0:
            return rc
        j.stale_size = i64(0)
    nonce_next(j)
    j.begun = 1
    return 0


def nonce_next(j: Journal) -> None:
    """Another nonce than those of the journals before, whose records may still lie in the file."""
    if j.nonce == 0:
        random: ptr[u8] = scratch(4)
        host_random(random, 4)
        j.nonce = be32(random)
    j.nonce = j.nonce * u32(1664525) + u32(1013904223)  # comes back after 2**32 journals


def original_encode(db: SharedFile, pgno: u32, out: ptr[u8]) -> i32:
    """The encoded committed form of a page of the file; 0 or a negative result code. A page behind its end is zeros."""
    page: Page = cache_find(i32(db), pgno)
    if page:
        page_encode(db, pgno, page.data, out, db.page_size)
        return 0
    return file_read_encoded(db, pgno, out)


def segment_header(db: SharedFile, p: ptr[u8], count: u32, page_count: u32) -> None:
    """Write a segment's header, padded to the sector size."""
    memory_fill(p, 0, SECTOR_SIZE)
    memory_copy(p, JOURNAL_MAGIC, 8)
    put_be32(p + 8, count)
    put_be32(p + 12, db.journal.nonce)
    put_be32(p + 16, page_count)
    put_be32(p + 20, SECTOR_SIZE)
    put_be32(p + 24, db.page_size)


def journal_add(db: SharedFile, pages: ptr[u32], n: i32, page_count: u32) -> i32:
    """Write a segment with the originals of n pages (J1); 0 or a negative result code.

    page_count: of the database before the transaction. The record of pages[i] lies at journal_record_at(db, i).
    """
    j: Journal = db.journal
    j.page_count = page_count
    j.records_at = segment_start(j) + i64(SECTOR_SIZE)
    if (n == 0 and j.size > 0) or j.mode == JOURNAL_OFF:
        return 0
    if j.mode == JOURNAL_MEMORY:
        return memory_add(db, pages, n)
    start: i64 = segment_start(j)
    record_size: i32 = db.page_size + 8
    chunk: i32 = JOURNAL_CHUNK // record_size
    if chunk > n:
        chunk = n
    buffer: ptr[u8] = malloc(SECTOR_SIZE + chunk * record_size + SECTOR_SIZE + JOURNAL_HEADER_SIZE)
    segment_header(db, buffer, u32(n), page_count)
    if start == 0:
        memory_copy(j.header, buffer, JOURNAL_HEADER_SIZE)
    if db.settings.synchronous >= SYNC_FULL:
        j.uncounted = u32(n)
        j.uncounted_at = start
        put_be32(buffer + 8, u32(0))
    filled: i32 = SECTOR_SIZE
    done: i32 = 0
    rc: i32 = 0
    offset: i64 = start
    while rc == 0 and (done < n or filled):
        length: i32 = n - done if n - done < chunk else chunk
        for i in range(length):
            if rc == 0:
                rc = record_encode_original(db, buffer + filled, pages[done + i])
            filled += record_size
        done += length
        if done >= n:
            filled += segment_end(j, buffer + filled, offset + i64(filled))
        if rc == 0:
            rc = vfs_write(j.fd - 1, buffer, filled, offset)
        offset += i64(filled)
        filled = 0
    mfree(buffer)
    if rc == 0:
        j.size = start + i64(SECTOR_SIZE) + i64(n) * i64(record_size)
    return rc


def journal_name_super(db: SharedFile) -> i32:
    """Write the name of the transaction's super-journal, if it has one, behind the segments; 0 or a negative code."""
    j: Journal = db.journal
    if not j.super_size or j.fd == 0 or j.mode == JOURNAL_MEMORY or j.mode == JOURNAL_OFF:
        return 0
    return super_record_write(j, segment_start(j), lock_byte_page(db.page_size), JOURNAL_MAGIC)


def segment_start(j: Journal) -> i64:
    """Where the next segment begins."""
    return (j.size + i64(SECTOR_SIZE - 1)) & ~i64(SECTOR_SIZE - 1)


def journal_record_at(db: SharedFile, i: i32) -> i64:
    """The offset of the i-th record of the segment that was added last."""
    return db.journal.records_at + i64(i) * i64(db.page_size + 8)


def segment_end(j: Journal, p: ptr[u8], at: i64) -> i32:
    """If the file is longer than what is written now, append zeros where a header could follow (J3); how many bytes."""
    next_header: i64 = (at + i64(SECTOR_SIZE - 1)) & ~i64(SECTOR_SIZE - 1)
    if j.stale_size <= next_header:
        return 0
    n: i32 = i32(next_header - at) + JOURNAL_HEADER_SIZE
    memory_fill(p, 0, n)
    return n


def record_encode_original(db: SharedFile, p: ptr[u8], pgno: u32) -> i32:
    """Write the record of a page; 0 or a negative result code."""
    put_be32(p, pgno)
    rc: i32 = original_encode(db, pgno, p + 4)
    put_be32(p + 4 + db.page_size, journal_checksum(db.journal.nonce, p + 4, db.page_size))
    return rc


def memory_add(db: SharedFile, pages: ptr[u32], n: i32) -> i32:
    """Append records to a journal in memory (J4); 0 or a negative result code."""
    j: Journal = db.journal
    record_size: i32 = db.page_size + 8
    if j.size == 0:
        j.size = i64(SECTOR_SIZE)  # no record is at offset 0
    j.records_at = j.size
    need: i64 = j.size + i64(n) * i64(record_size)
    if need > j.memory_capacity:
        capacity: i64 = need * i64(2) if j.memory_capacity else need
        if capacity > i64(0x40000000):
            capacity = need
        if capacity > i64(0x7FFF0000):
            return -7
        j.memory = mrealloc(j.memory, i32(capacity))
        j.memory_capacity = capacity
    at: i64 = j.size
    for i in range(n):
        rc: i32 = record_encode_original(db, j.memory + i32(at), pages[i])
        if rc < 0:
            return rc
        at += i64(record_size)
        j.size = at
    return 0


def journal_sync(db: SharedFile) -> i32:
    """Make the journal durable (J1); 0 or a negative result code."""
    j: Journal = db.journal
    if db.settings.synchronous == 0 or j.fd == 0 or j.mode == JOURNAL_MEMORY or j.mode == JOURNAL_OFF:
        return 0
    rc: i32 = vfs_sync(j.fd - 1)
    if rc == 0 and j.uncounted:
        count: ptr[u8] = scratch(4)
        put_be32(count, j.uncounted)
        rc = vfs_write(j.fd - 1, count, 4, j.uncounted_at + i64(8))
        j.uncounted = u32(0)
        if rc == 0:
            rc = vfs_sync(j.fd - 1)
    return rc


def journal_original(db: SharedFile, at: i64, pgno: u32, data: ptr[u8]) -> i32:
    """Read the original of a page back from its record; 0 or a negative result code."""
    j: Journal = db.journal
    if j.mode == JOURNAL_MEMORY:
        memory_copy(data, j.memory + i32(at) + 4, db.page_size)
        return page_decode(db, pgno, data, db.page_size)
    return page_read(db, j.fd - 1, at + i64(4), pgno, data, db.page_size)


def journal_finish(db: SharedFile) -> i32:
    """End the journal, which commits the transaction (or ends its rollback); 0 or a negative result code."""
    j: Journal = db.journal
    if not j.begun:
        return 0
    rc: i32 = 0
    if j.mode == JOURNAL_DELETE:
        journal_file_close(j)
        rc = journal_delete(db)
    elif j.mode == JOURNAL_TRUNCATE or j.mode == JOURNAL_PERSIST:
        rc = journal_zero(db)
        if rc == 0 and (j.mode == JOURNAL_TRUNCATE or j.super_size):
            # Whether this succeeds does not matter any more (J5).
            _ = vfs_truncate(j.fd - 1, i64(0))
        elif rc == 0 and db.settings.journal_size_limit >= 0 and vfs_size(j.fd - 1) > db.settings.journal_size_limit:
            _ = vfs_truncate(j.fd - 1, db.settings.journal_size_limit)
    if rc == 0:
        journal_forget(db)
    return rc


def journal_file_close(j: Journal) -> None:
    """Close the file. It is forgotten before, since a host may be interrupted when it has closed it."""
    fd: i32 = j.fd - 1
    j.fd = 0
    vfs_close(fd)


def journal_delete(db: SharedFile) -> i32:
    """Delete the file (J6); 0 or a negative result code."""
    # A log that comes into use writes the file without a journal: none may come back.
    durable: i32 = i32(db.settings.synchronous >= SYNC_EXTRA or db.to_wal)
    return vfs_delete(name_with(db, JOURNAL_SUFFIX, 8), db.name_size + 8, durable)


def journal_zero(db: SharedFile) -> i32:
    """End a journal by zeroing its header; 0 or a negative result code, then the journal is as it was."""
    j: Journal = db.journal
    zeros: ptr[u8] = scratch(JOURNAL_HEADER_SIZE)
    memory_fill(zeros, 0, JOURNAL_HEADER_SIZE)
    rc: i32 = vfs_write(j.fd - 1, zeros, JOURNAL_HEADER_SIZE, i64(0))
    if rc == 0 and db.settings.synchronous >= SYNC_FULL:
        rc = vfs_sync(j.fd - 1)
    if rc < 0 and j.size > 0:
        # Nobody knows which of the two a crash would leave, but as long as we run the transaction can be undone.
        _ = vfs_write(j.fd - 1, j.header, JOURNAL_HEADER_SIZE, i64(0))
    return rc


def journal_forget(db: SharedFile) -> None:
    """The journal is not in use any more; memory is given back if it is much."""
    j: Journal = db.journal
    j.begun = 0
    j.file_modified = 0
    j.size = i64(0)
    if j.memory_capacity > i64(JOURNAL_CHUNK):
        mfree(j.memory)
        j.memory = ptr[u8](0)
        j.memory_capacity = i64(0)


def journal_play_back_own(db: SharedFile) -> i32:
    """Restore the file that the running transaction modified; 0 or a negative result code."""
    j: Journal = db.journal
    if j.mode == JOURNAL_OFF:
        return -10
    if j.mode == JOURNAL_MEMORY:
        return memory_play_back(db)
    if j.fd == 0:
        # Deleting it failed after it was closed, or the host was interrupted meanwhile.
        fd: i32 = vfs_open(name_with(db, JOURNAL_SUFFIX, 8), db.name_size + 8, 0)
        if fd < 0:
            return fd
        j.fd = fd + 1
    return journal_play_back(db, j.fd - 1, j.size)


def journal_close(db: SharedFile) -> None:
    """Close the file, which stays: without a lock it may be another process's journal by now."""
    j: Journal = db.journal
    if j.fd:
        journal_file_close(j)
    mfree(j.memory)
    j.memory = ptr[u8](0)
    j.memory_capacity = i64(0)


# --- playing back ---------------------------------------------------------------------------------------------


def file_shrink(db: SharedFile, size: i64) -> i32:
    """Cut off what the file has behind `size`; 0 or a negative result code."""
    now: i64 = vfs_size(db.fd)
    if now < 0:
        return i32(now)
    if now <= size:
        return 0
    return vfs_truncate(db.fd, size)


def file_fit(db: SharedFile, size: i64, most: i64) -> i32:
    """Give the file `size` bytes; 0 or a negative result code. Pages it lacks may be free, and in no journal.

    It grows by `most` bytes at most: what a damaged header asks for could be terabytes.
    """
    now: i64 = vfs_size(db.fd)
    if now < 0:
        return i32(now)
    if now == size or size - now > most:
        return 0
    return vfs_truncate(db.fd, size)


def memory_play_back(db: SharedFile) -> i32:
    """Restore the file from a journal in memory; 0 or a negative result code."""
    j: Journal = db.journal
    at: i64 = i64(SECTOR_SIZE)
    rc: i32 = file_shrink(db, i64(j.page_count) * i64(db.page_size))
    while rc == 0 and at < j.size:
        record: ptr[u8] = j.memory + i32(at)
        rc = file_write(db, be32(record), record + 4, 1, db.page_size)
        at += i64(db.page_size + 8)
    return rc


def journal_play_back(db: SharedFile, fd: i32, size: i64) -> i32:
    """Restore the file from the segments of a journal of `size` bytes; 0 or a negative result code.

    A journal that ends or breaks off somewhere holds what was durable by then: the rest never reached the database.
    """
    head: ptr[u8] = scratch(JOURNAL_HEADER_SIZE)
    at: i64 = i64(0)
    page_size: i32 = 0
    page_count: u32 = 0  # the first header's counts for all segments
    sector: i64 = i64(0)
    rc: i32 = 1
    while rc == 1 and at + i64(JOURNAL_HEADER_SIZE) <= size:
        n: i32 = vfs_read(fd, head, JOURNAL_HEADER_SIZE, at)
        if n < 0:
            return n
        if n < JOURNAL_HEADER_SIZE or not journal_header_valid(head):
            return 0
        if page_size == 0:
            page_size = i32(be32(head + 24))
            sector = i64(be32(head + 20))
            page_count = be32(head + 16)
            rc = file_fit(db, i64(page_count) * i64(page_size), size)
            if rc < 0:
                return rc
        rc, at = segment_play_back(db, fd, head, at + sector, size, page_size, page_count)
        at = (at + sector - i64(1)) & ~(sector - i64(1))
    return 0 if rc > 0 else rc


def journal_header_valid(p: ptr[u8]) -> i32:
    """1 if this is a segment's header whose sizes are possible."""
    for i in range(8):
        if p[i] != JOURNAL_MAGIC[i]:
            return 0
    sector: u32 = be32(p + 20)
    page_size: u32 = be32(p + 24)
    if sector < 32 or sector > 65536 or sector & (sector - 1):
        return 0
    return i32(page_size >= 512 and page_size <= 65536 and (page_size & (page_size - 1)) == 0)


def segment_play_back(
    db: SharedFile, fd: i32, head: ptr[u8], at: i64, size: i64, page_size: i32, page_count: u32
) -> tuple[i32, i64]:
    """Restore from the records at `at`; (1 if a segment may follow, 0 at the end, or a negative code; behind it)."""
    record_size: i64 = i64(page_size + 8)
    count: i64 = i64(be32(head + 8))
    nonce: u32 = be32(head + 12)
    if count == i64(COUNT_UNKNOWN) or count > (size - at) // record_size:
        count = (size - at) // record_size
    record: ptr[u8] = malloc(page_size + 8)
    rc: i32 = 1
    while rc == 1 and count > 0:
        n: i32 = vfs_read(fd, record, page_size + 8, at)
        if n < 0:
            rc = n
        elif n < page_size + 8:
            rc = 0
        else:
            rc = record_play_back(db, record, nonce, page_count, page_size)
        at += record_size
        count -= i64(1)
    mfree(record)
    return rc, at


def record_play_back(db: SharedFile, record: ptr[u8], nonce: u32, page_count: u32, page_size: i32) -> i32:
    """Restore one page; 1, 0 if the record is not valid (the journal ends here), or a negative result code."""
    pgno: u32 = be32(record)
    if pgno == 0 or pgno == lock_byte_page(page_size):
        return 0
    if be32(record + 4 + page_size) != journal_checksum(nonce, record + 4, page_size):
        return 0
    if pgno > page_count:
        return 1
    rc: i32 = file_write(db, pgno, record + 4, 1, page_size)
    return 1 if rc == 0 else rc


def lock_byte_page(page_size: i32) -> u32:
    """The page that is never used because lock bytes are in it."""
    return 0x40000000 // u32(page_size) + 1
