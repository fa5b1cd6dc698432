"""Read transactions: taking a file, learning what it holds, and fixing what a pager sees.

Owns the beginning and end of a pager's view, and the lock of the one writer. Does not change files, except that a hot
journal is rolled back first.

Beginning to read, when no pager is active:
  1  LOCK_SHARED, unless the lock is kept;
  2  a hot journal is rolled back (recovery);
  3  unless nobody else could write: has the file changed since it was last seen? Then all pages in memory are dropped;
  4  if memory does not know the file (S7), it is loaded: header, number of pages, the log.

Invariants:
  T1  A pager's snapshot and page count are fixed from pager_begin_read to pager_end_read, but for its own commits.
  T2  Loading raises with nothing half known: `loaded` is set last.
  T3  A small file is read with one call, which also fills the cache.
"""

from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    CAP_OWNED,
    JOURNAL_MEMORY,
    JOURNAL_OFF,
    JOURNAL_WAL,
    LOCK_EXCLUSIVE,
    LOCK_NONE,
    LOCK_RESERVED,
    LOCK_SHARED,
    KernelConnection,
)
from turso_wasm.kernel.base.errors import SQLITE_BUSY, SQLITE_CORRUPT, SQLITE_IOERR, raise_corrupt, raise_error
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import check_io, raise_busy, vfs_begin, vfs_read, vfs_size
from turso_wasm.kernel.pager.cache import cache_add, cache_free_all, cache_room, cache_set_limit, page_new
from turso_wasm.kernel.pager.database import (
    JOURNAL_SUFFIX,
    busy_wait,
    database_relax,
    file_lock,
    held_by_others,
    lock_hold,
    lock_kept,
    log_used_by_others,
    name_with,
)
from turso_wasm.kernel.pager.encryption import (
    FORMAT_TURSO,
    Secret,
    cipher_create,
    cipher_find,
    pager_admit,
    raise_key_wrong,
    reserved_new,
)
from turso_wasm.kernel.pager.header import (
    AT_READ_VERSION,
    AT_RESERVED,
    AT_WRITE_VERSION,
    VERSION_WAL,
    bytes_equal,
    file_page_count,
    header_check,
    header_page_size,
    log_page_count,
)
from turso_wasm.kernel.pager.header import HEADER_SIZE as FILE_HEADER_SIZE
from turso_wasm.kernel.pager.journal import journal_close
from turso_wasm.kernel.pager.log_index import wal_find
from turso_wasm.kernel.pager.log_recovery import wal_recover
from turso_wasm.kernel.pager.pageio import VERSION_AT, VERSION_SIZE, page_decode, version_note
from turso_wasm.kernel.pager.recovery import recover
from turso_wasm.kernel.pager.share import (
    BUSY_SNAPSHOT,
    share_begin,
    share_begin_write,
    share_close,
    share_end,
    share_leave,
    share_open,
    share_wanted,
)
from turso_wasm.kernel.pager.share_index import share_forget
from turso_wasm.kernel.pager.storage import (
    LOG_ALONE,
    LOG_SHARED,
    PAGER_NONE,
    PAGER_READ,
    PAGER_WRITE,
    Page,
    Pager,
    Settings,
    SharedFile,
    Wal,
)
from turso_wasm.kernel.pager.wal import log_changed, log_look, wal_exists, wal_forget, wal_read_frame, wal_remove
from turso_wasm.wasm.lang import addr, i32, i64, lit, memory_copy, memory_fill, ptr, scratch, sizeof, u8, u32

__subset__ = True

WHOLE_FILE = 1 << 20  # T3
FIRST_READ = 1 << 16  # bytes of a larger file that are read with the header
PAGE_SIZE_MAX = 65536
PRIVATE_MIN = 16  # pages a writer may keep in memory whatever the cache size is


# --- loading --------------------------------------------------------------------------------------------------


def database_load(db: SharedFile) -> None:
    """Learn what the file and its log hold; LOCK_SHARED is held, no pager is active. Raises."""
    db.loaded = 0
    cache_free_all(db)
    wal_forget(db)
    share_forget(db)
    db.to_wal = 0
    db.ahead = 0
    size: i64 = vfs_size(db.fd)
    check_io(i32(size) if size < 0 else 0)
    if size <= 1:  # SQLite's unix VFS takes a file of one byte for an empty one
        load_empty(db)
        return
    n: i32 = i32(size) if size <= WHOLE_FILE else FIRST_READ
    mfree(db.head)  # left over when loading raised
    db.head = ptr[u8](0)
    db.head = malloc(n + PAGE_SIZE_MAX)
    n = load_head(db, n)
    if n < FILE_HEADER_SIZE:
        memory_fill(db.head + n, 0, FILE_HEADER_SIZE - n)
    version_note(db, db.head)
    cipher_find(db, db.head)
    load_header(db, n, size)
    load_pages(db, n)
    mfree(db.head)
    db.head = ptr[u8](0)
    db.loaded = 1


def load_empty(db: SharedFile) -> None:
    """The file is empty: a database that does not exist yet. A log without its database is of no use."""
    if not (db.capabilities & CAP_MEMORY) and not db.read_only and wal_exists(db):
        check_io(wal_remove(db))
    share_close(db, 0)
    db.page_count = 0
    if not db.cipher:
        db.cipher = cipher_create(Secret(db.secret))
        db.secret = 0
    db.page_size = db.new_page_size
    db.usable_size = db.new_page_size - reserved_new(db)
    db.journal_mode = mode_without_log(db)
    db.header_read_only = 0
    cache_set_limit(db)
    db.loaded = 1


def mode_without_log(db: SharedFile) -> i32:
    """The rollback journal mode this database uses when it does not use a log."""
    if db.capabilities & CAP_MEMORY:
        return JOURNAL_OFF if db.settings.journal_mode == JOURNAL_OFF else JOURNAL_MEMORY
    return db.settings.journal_mode


def load_head(db: SharedFile, n: i32) -> i32:
    """Read the first n bytes of the file; if there is a log, share it, or lock it (D3) and recover it. The bytes read;
    raises.
    """
    got: i32 = vfs_read(db.fd, db.head, n, i64(0))
    check_io(got)
    if db.capabilities & CAP_MEMORY or db.share.on:
        return got
    says_log: i32 = i32(got > AT_READ_VERSION and db.head[AT_READ_VERSION] == VERSION_WAL)
    if says_log and db.lock == LOCK_SHARED and share_wanted(db):
        shared: i32 = share_open(db)
        check_io(shared)
        if shared:
            return got
    log_file: i32 = wal_exists(db)
    if not log_file and not says_log:
        return got
    if not db.read_only and db.lock < LOCK_EXCLUSIVE:
        check_io(file_lock(db, LOCK_EXCLUSIVE))
        # Somebody may have written between the two locks.
        got = vfs_read(db.fd, db.head, n, i64(0))
        check_io(got)
    if log_file:
        wal_recover(db)
    return got


def head_decode(db: SharedFile, n: i32) -> i32:
    """Decode page 1, the first of the n bytes read from the file; 0 or a negative result code."""
    page_size: i32 = header_page_size(db.head)
    if page_size == 0 or n < page_size:
        return -SQLITE_CORRUPT
    return page_decode(db, u32(1), db.head, page_size)


def load_header(db: SharedFile, n: i32, size: i64) -> None:
    """Take geometry and journal mode from page 1, in the log or the n bytes of the file. Raises."""
    w: Wal = db.wal
    first: ptr[u8] = db.head
    frame: u32 = wal_find(w, u32(1), w.committed)
    rc: i32 = 0
    if frame:
        first = db.head + n
        rc = wal_read_frame(db, frame, first)
    elif db.cipher:
        rc = head_decode(db, n)
    if rc == -SQLITE_CORRUPT and db.cipher and db.cipher.format == FORMAT_TURSO:
        raise_key_wrong()  # or page 1 is damaged: nothing tells
    check_io(rc)
    header_check(first)
    page_size: i32 = header_page_size(first)
    if w.committed and w.page_size != page_size:
        raise_corrupt(u32(1))
    db.page_size = page_size
    db.new_page_size = page_size
    db.usable_size = page_size - first[AT_RESERVED]
    db.header_read_only = i32(first[AT_WRITE_VERSION] > VERSION_WAL)
    db.journal_mode = mode_without_log(db)
    # A log that nobody can write any more is one only if it is there.
    empty: i32 = i32(first[AT_READ_VERSION] == VERSION_WAL and not (db.read_only and db.capabilities & CAP_OWNED))
    if (w.committed or empty) and not (db.capabilities & CAP_MEMORY):
        db.journal_mode = JOURNAL_WAL
        w.page_size = page_size
    if not db.share.on:
        db.page_count = log_page_count(w, size) if w.committed else file_page_count(first, page_size, size)
    cache_set_limit(db)


def load_pages(db: SharedFile, n: i32) -> None:
    """Put the whole pages among the first n bytes of the file, already read, into the cache.

    Not of a file to which others may be moving pages of a log.
    """
    w: Wal = db.wal
    if db.share.on:
        return
    count: u32 = u32(n // db.page_size)
    if count > db.page_count:
        count = db.page_count
    pgno: u32 = 1
    while pgno <= count and db.cache.n_pages < db.cache.limit:
        data: ptr[u8] = db.head + i32(pgno - 1) * db.page_size
        # Of page 1 load_header has decoded what lies here.
        if not wal_find(w, pgno, w.committed) and (pgno == 1 or page_decode(db, pgno, data, db.page_size) == 0):
            _ = file_page_add(db, pgno, data)
        pgno += 1


def file_page_add(db: SharedFile, pgno: u32, data: ptr[u8]) -> Page:
    """Put a page of the file that was just read into the cache."""
    cache_room(db)
    page: Page = page_new(db, pgno)
    memory_copy(page.data, data, db.page_size)
    cache_add(page, i32(db), pgno)
    return page


# --- reading --------------------------------------------------------------------------------------------------


def database_changed(db: SharedFile) -> i32:
    """1 if another process may have written since the file was last seen, or a negative result code."""
    if not db.loaded:
        return 1
    if lock_kept(db) >= LOCK_EXCLUSIVE and db.lock >= LOCK_EXCLUSIVE:
        return 0
    if db.journal_mode == JOURNAL_WAL:
        if db.read_only or share_wanted(db):
            # Without LOCK_EXCLUSIVE another process may be writing the log; so may it when the index is shared.
            return 1
        rc: i32 = file_lock(db, LOCK_EXCLUSIVE)
        return log_changed(db) if rc == 0 else rc
    now: ptr[u8] = scratch(VERSION_SIZE)
    n: i32 = vfs_read(db.fd, now, VERSION_SIZE, i64(VERSION_AT))
    if n < 0:
        return n
    if db.page_count == 0:
        return i32(n > 0)
    return i32(n < VERSION_SIZE or not bytes_equal(now, addr(db.file_version), VERSION_SIZE))


def database_look(db: SharedFile) -> i32:
    """Steps 1 to 3 where nothing has changed, by one call of the host: 0, a negative code; 1: go on by step 2."""
    now: ptr[u8] = scratch(VERSION_SIZE)
    journal: ptr[u8] = name_with(db, JOURNAL_SUFFIX, 8)
    rc: i32 = vfs_begin(db.fd, journal, db.name_size + 8, now, VERSION_SIZE, i64(VERSION_AT))
    if rc < 0:
        return rc
    db.lock = LOCK_SHARED
    if rc != VERSION_SIZE or not bytes_equal(now, addr(db.file_version), VERSION_SIZE):
        return 1
    db.recovery_due = 0
    return 0


def may_look(db: SharedFile) -> i32:
    """1 unless the file has a log that is not known, or is not locked as usual."""
    if db.journal_mode != JOURNAL_WAL:
        return 1
    return i32(db.wal.fd and not db.read_only and lock_kept(db) < LOCK_EXCLUSIVE and not share_wanted(db))


def database_take(db: SharedFile) -> i32:
    """Steps 1 to 4 for the first active pager; 0 or a negative result code. Loading raises."""
    rc: i32 = 0
    if db.share.on:
        # Others may not even have a journal (Z1). What has changed share_begin finds out.
        db.recovery_due = 0
        if not db.loaded:
            database_load(db)
        return 0
    fresh: i32 = i32(db.lock == LOCK_NONE)
    if fresh and db.loaded and db.page_count and not db.journal.begun and may_look(db):
        rc = log_look(db) if db.journal_mode == JOURNAL_WAL else database_look(db)
        if rc <= 0:
            return rc
    elif fresh:
        rc = file_lock(db, LOCK_SHARED)
        if rc < 0:
            return rc
    if fresh or db.recovery_due:
        rc = recover(db)
        if rc < 0:
            return rc
    rc = database_changed(db)
    if rc > 0:
        # A log that another process brought into use may be here as well.
        if db.loaded:
            db.commits += 1
        database_load(db)
        rc = 0
    return rc


def pager_begin_read(p: Pager) -> None:
    """Fix the pager's view (T1). Raises SQLITE_BUSY; SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB, …"""
    if p.state != PAGER_NONE:
        return
    db: SharedFile = p.database
    if db.pending or db.exclusive or held_by_others(db, p) == LOCK_EXCLUSIVE:
        raise_busy()
    if p.settings.exclusive and not p.log_use and db.loaded and db.journal_mode == JOURNAL_WAL:
        log_take(p)
    db.secret = p.secret
    if db.active == 0:
        if p.secret and not db.cipher:
            db.loaded = 0  # it may have been read without the key
        settings_take(p)
        database_relax(db)
        take_waiting(db, KernelConnection(p.connection))
    elif not db.loaded:
        raise_error(SQLITE_IOERR, *lit(b"disk I/O error"))
    if p.admitted != i32(db.cipher):
        pager_admit(p)
    if db.share.on:
        share_waiting(p)
    if db.journal_mode == JOURNAL_WAL and not p.log_use:
        p.log_use = LOG_ALONE if p.settings.exclusive else LOG_SHARED
    p.state = PAGER_READ
    db.active += 1
    p.page_count = db.page_count
    p.usable_size = db.usable_size
    p.snapshot = 0
    if db.wal.backfilled < db.wal.committed or p.slot > 1:
        p.snapshot = db.wal.committed
    if p.seen_commits != db.commits:
        p.version += 1
    p.seen_commits = db.commits


def log_take(p: Pager) -> None:
    """A connection that has locking_mode EXCLUSIVE before its first use of a log shares it with nobody, of this
    process or another. Raises SQLITE_BUSY.
    """
    db: SharedFile = p.database
    if log_used_by_others(p):
        raise_busy()
    if db.share.on:  # somebody has used it who is gone
        check_io(share_leave(db))
        db.loaded = 0


def take_waiting(db: SharedFile, c: KernelConnection) -> None:
    """database_take, waiting for other processes as long as the connection allows."""
    attempt: i32 = 0
    rc: i32 = database_take(db)
    while rc < 0:
        database_relax(db)
        if rc != -SQLITE_BUSY or not busy_wait(c, attempt):
            check_io(rc)
        attempt += 1
        rc = database_take(db)


def share_waiting(p: Pager) -> None:
    """share_begin, waiting for other processes as long as the connection allows. Raises."""
    attempt: i32 = 0
    rc: i32 = share_begin(p)
    while rc == -SQLITE_BUSY and busy_wait(KernelConnection(p.connection), attempt):
        attempt += 1
        rc = share_begin(p)
    if rc == -SQLITE_CORRUPT:
        raise_corrupt(u32(0))
    check_io(rc)


def pager_end_read(p: Pager) -> None:
    """End the view of a pager that does not write."""
    if p.state != PAGER_READ:
        return
    assert p.private.n_pages == 0, "snapshot: private pages outside a write transaction"
    db: SharedFile = p.database
    p.state = PAGER_NONE
    p.snapshot = 0
    share_end(p)
    lock_hold(p, LOCK_EXCLUSIVE if p.log_use == LOG_ALONE and db.journal_mode == JOURNAL_WAL else LOCK_SHARED)
    db.active -= 1
    if db.active == 0:
        db.pending = 0
        database_relax(db)


# --- the writer -----------------------------------------------------------------------------------------------


def kept_from_writing(p: Pager) -> i32:
    """1 if another connection of this process writes, or keeps the others from it."""
    db: SharedFile = p.database
    return i32((db.writer != 0 and db.writer != i32(p)) or held_by_others(db, p) >= LOCK_RESERVED)


def settings_take(p: Pager) -> None:
    """From now on the database is used as this pager's connection wants it."""
    db: SharedFile = p.database
    memory_copy(ptr[u8](i32(db.settings)), ptr[u8](i32(p.settings)), sizeof(Settings))
    if db.journal_mode != JOURNAL_WAL and not db.journal.begun and db.journal_mode != mode_without_log(db):
        journal_close(db)
        db.journal_mode = mode_without_log(db)


def writer_lock(p: Pager) -> i32:
    """Make a reading pager the writer (S6); 0, -SQLITE_BUSY, -SQLITE_BUSY_SNAPSHOT or another negative result code."""
    db: SharedFile = p.database
    if db.pending or kept_from_writing(p):
        return -SQLITE_BUSY
    if db.journal_mode == JOURNAL_WAL:
        if p.seen_commits != db.commits:
            return -BUSY_SNAPSHOT
        if p.settings.exclusive and log_used_by_others(p):
            return -SQLITE_BUSY
        shared: i32 = share_begin_write(p) if db.share.on else 0
        if shared < 0:
            return shared
        lock_hold(p, LOCK_EXCLUSIVE)
    else:
        rc: i32 = file_lock(db, LOCK_RESERVED)
        if rc < 0:
            return rc
    db.writer = i32(p)
    settings_take(p)
    p.state = PAGER_WRITE
    p.original_count = p.page_count
    p.private.limit = db.cache.limit if db.cache.limit > p.settings.spill_size else p.settings.spill_size
    if p.private.limit < PRIVATE_MIN:
        p.private.limit = PRIVATE_MIN
    p.spilled = 0
    return 0
