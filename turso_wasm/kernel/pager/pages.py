"""The pager: how b-trees get pages and change them.

Owns which version of a page a pager sees, reading it, and making pages private. Transactions are begun in
kernel/pager/modes.py and ended in kernel/pager/commit.py.

A page of a view is, in this order: the private page of the pager; the newest frame of the log up to its snapshot,
unless the file has it already (W3); the page of the file.

Invariants:
  G1  pager_write returns the only version that may be changed; the page it was given is stale if it was another one.
  G2  Every change of a private page that existed before the innermost savepoint is preceded by page_capture.
  G3  The lock-byte page is never handed out.
  G4  Sequential misses read ahead: each window is twice as large as the one before, between READ_AHEAD_MIN and
      READ_AHEAD_MAX bytes. Pages of the file that the log replaces, or that the writer may have overwritten already
      (L2), are not put into the cache.
"""

from turso_wasm.kernel.abi import KernelConnection
from turso_wasm.kernel.base.errors import SQLITE_ABORT, SQLITE_FULL, raise_corrupt, raise_error
from turso_wasm.kernel.base.memory import malloc, mfree, mzalloc
from turso_wasm.kernel.base.vfs import check_io
from turso_wasm.kernel.pager.cache import (
    MOVE_AFTER,
    cache_add,
    cache_find,
    cache_insert,
    cache_move,
    cache_reserve,
    cache_room,
    count_miss,
    list_append,
    page_age,
    page_copy,
    page_free,
    page_keep,
    page_new,
    page_touch,
)
from turso_wasm.kernel.pager.database import file_moved
from turso_wasm.kernel.pager.journal import lock_byte_page
from turso_wasm.kernel.pager.log_index import wal_find
from turso_wasm.kernel.pager.pageio import file_read, page_decode
from turso_wasm.kernel.pager.savepoint import page_capture
from turso_wasm.kernel.pager.spill import private_load, spill
from turso_wasm.kernel.pager.storage import (
    NO_ORIGINAL,
    PAGE_DIRTY,
    PAGER_NONE,
    PAGER_WRITE,
    Page,
    Pager,
    SharedFile,
    Wal,
)
from turso_wasm.kernel.pager.wal import wal_read_frame
from turso_wasm.wasm.lang import export, i32, i64, inline, lit, memory_copy, memory_fill, ptr, u8, u32

__subset__ = True

READ_AHEAD_MIN = 1 << 16
READ_AHEAD_MAX = 1 << 18
READ_AHEAD_GAP = 4  # a miss that far behind the last window still continues it
PAGE_COUNT_MAX = 4294967294
READONLY_DBMOVED = 1032


@export
def pager_of(c: KernelConnection, slot: i32) -> Pager:
    """The pager of a database slot: 0 main, 1 temp, 2.. attached; null if nothing is attached there."""
    return Pager(c.pagers[slot])


@export
def pager_page_count(p: Pager) -> u32:
    """The number of pages in this view."""
    return p.page_count


@export
def pager_usable_size(p: Pager) -> i32:
    """Bytes of a page that b-trees use."""
    return p.usable_size


@export
def pager_version(p: Pager) -> i32:
    """A number that changes whenever the view changes otherwise than by this pager's own pager_write."""
    return p.version


# --- reading --------------------------------------------------------------------------------------------------


@export
def pager_get(p: Pager, pgno: u32) -> Page:
    """The page, valid until 256 others were got or longer (S3).

    Errors: SQLITE_CORRUPT for page 0 and pages behind the end; I/O errors.
    """
    page: Page = page_find(p, pgno)
    page_touch(page)
    return page


def pager_peek(p: Pager, pgno: u32) -> Page:
    """The page, valid until the next call of a pager function, pager_write of this page excepted; raises as pager_get.

    For walks over any number of pages: what their callers hold grows no older (S3).
    """
    return page_find(p, pgno)


@inline
def page_find(p: Pager, pgno: u32) -> Page:
    """The version of a page that this pager sees, in memory. Raises."""
    if pgno - 1 >= p.page_count:
        raise_unreadable(p, pgno)
    if p.private.n_pages:
        private: Page = cache_find(i32(p), pgno)
        if private:
            if not private.data:
                private_load(p, private)
            return private
    owner: i32 = i32(p.database)
    number: u32 = pgno
    if p.snapshot:
        w: Wal = p.database.wal
        frame: u32 = wal_find(w, pgno, p.snapshot)
        if frame > w.backfilled:
            owner += 1
            number = frame
    page: Page = cache_find(owner, number)
    if not page:
        page = page_load(p, pgno, number, owner != i32(p.database))
    elif page_age(page) > MOVE_AFTER:
        cache_move(page)
    return page


def raise_unreadable(p: Pager, pgno: u32) -> None:
    """Raise the error of a page number that is not in the view."""
    if p.state == PAGER_NONE:
        raise_error(SQLITE_ABORT, *lit(b"abort due to ROLLBACK"))
    raise_corrupt(pgno)


def page_load(p: Pager, pgno: u32, number: u32, in_log: i32) -> Page:
    """Read a committed page into the cache. Raises."""
    db: SharedFile = p.database
    count_miss()
    if not in_log:
        return file_load(p, pgno)
    cache_room(db)
    page: Page = page_new(db, pgno)
    rc: i32 = wal_read_frame(db, number, page.data)
    if rc < 0:
        page_free(page)
        check_io(rc)
    cache_add(page, i32(db) + 1, number)
    return page


def file_load(p: Pager, pgno: u32) -> Page:
    """Read a page of the file, and those behind it if reading is sequential (G4). Raises."""
    db: SharedFile = p.database
    n: i32 = window_size(p, pgno)
    if n > 1:
        return window_load(p, pgno, n)
    cache_room(db)
    page: Page = page_new(db, pgno)
    got: i32 = file_read(db, pgno, 1, page.data)
    rc: i32 = page_decode(db, pgno, page.data, db.page_size) if got > 0 else got
    if got <= 0 or rc < 0:
        page_free(page)
        check_io(rc)
        raise_corrupt(pgno)
    cache_add(page, i32(db), pgno)
    return page


def window_size(p: Pager, pgno: u32) -> i32:
    """How many pages a miss reads; notes where a sequential reader would continue."""
    db: SharedFile = p.database
    n: i32 = 1
    if db.ahead and pgno >= db.ahead and pgno - db.ahead < READ_AHEAD_GAP:
        n = db.window * 2
        if n < READ_AHEAD_MIN // db.page_size:
            n = READ_AHEAD_MIN // db.page_size
        if n > READ_AHEAD_MAX // db.page_size:
            n = READ_AHEAD_MAX // db.page_size
        if n > db.cache.limit >> 2:
            n = db.cache.limit >> 2
        if u32(n) > p.page_count - pgno + 1:
            n = i32(p.page_count - pgno + 1)
        if n < 1:
            n = 1
    db.window = n
    db.ahead = pgno + u32(n)
    return n


def window_load(p: Pager, pgno: u32, n: i32) -> Page:
    """Read n pages of the file with one call; the first. Raises."""
    db: SharedFile = p.database
    size: i32 = db.page_size
    buffer: ptr[u8] = malloc(n * size)
    got: i32 = file_read(db, pgno, n, buffer)
    rc: i32 = page_decode(db, pgno, buffer, size) if got > 0 else got
    if got <= 0 or rc < 0:
        mfree(buffer)
        check_io(rc)
        raise_corrupt(pgno)
    # From the last to the first: the first is the newest, and is not evicted to make room for the others.
    i: i32 = (got - 1) // size
    while i > 0:
        data: ptr[u8] = buffer + i * size
        if window_wants(db, pgno + u32(i)) and page_decode(db, pgno + u32(i), data, size) == 0:
            _ = window_page(db, pgno + u32(i), data)
        i -= 1
    page: Page = window_page(db, pgno, buffer)
    mfree(buffer)
    return page


def window_wants(db: SharedFile, pgno: u32) -> i32:
    """1 if what the file has is the committed version of a page, and not in memory (G4)."""
    if cache_find(i32(db), pgno) or (db.writer and cache_find(db.writer, pgno)):
        return 0
    return i32(wal_find(db.wal, pgno, db.wal.committed) == 0)


def window_page(db: SharedFile, pgno: u32, data: ptr[u8]) -> Page:
    """Put a page that was just read into the cache."""
    cache_room(db)
    page: Page = page_new(db, pgno)
    memory_copy(page.data, data, db.page_size)
    cache_add(page, i32(db), pgno)
    return page


# --- changing -------------------------------------------------------------------------------------------------


@export
def pager_write(p: Pager, page: Page) -> Page:
    """The private version of a page that was got, to be changed instead of it (G1). Raises."""
    if page.owner == i32(p):
        if page.savepoint < p.savepoint_id:
            page_capture(p, page)
        page.flags |= PAGE_DIRTY
        p.changes += 1
        return page
    return page_privatize(p, page)


def page_privatize(p: Pager, page: Page) -> Page:
    """pager_write for a page that is not this pager's own."""
    writer_room(p)
    private: Page = cache_find(i32(p), page.pgno)
    if private:
        # The caller held an older version.
        return pager_write(p, pager_get(p, page.pgno))
    return private_add(p, page_copy(page, i32(p)))


def writer_room(p: Pager) -> None:
    """Check that the pager may write, and spill if it has too many pages in memory. Raises.

    What is written to a file that was deleted or replaced would be lost: SQLITE_READONLY_DBMOVED.
    """
    if p.state != PAGER_WRITE:
        raise_error(SQLITE_ABORT, *lit(b"abort due to ROLLBACK"))
    if p.private.n_pages == 0 and p.original_count and file_moved(p.database):
        raise_error(READONLY_DBMOVED, *lit(b"attempt to write a readonly database"))
    if p.n_resident >= p.private.limit:
        spill(p)


def private_add(p: Pager, page: Page) -> Page:
    """Enter a page that is already hashed as the pager's own into its list (S5)."""
    p.next_born += 1
    p.changes += 1
    p.n_resident += 1
    page.born = p.next_born
    page.savepoint = p.savepoint_id
    page.flags = PAGE_DIRTY
    list_append(p.private, page)
    page_keep(page)
    return page


@export
def pager_write_blank(p: Pager, pgno: u32) -> Page:
    """Like pager_write(pager_get(pgno)) for a page whose old content does not matter: zeroed, and not read. Raises."""
    if pgno - 1 >= p.page_count:
        raise_unreadable(p, pgno)
    return page_blank(p, pgno)


def page_blank(p: Pager, pgno: u32) -> Page:
    """A zeroed private page with this number."""
    writer_room(p)
    page: Page = cache_find(i32(p), pgno)
    if page:
        if not page.data:
            private_load(p, page)
        page = pager_write(p, page)
        page_keep(page)
    else:
        cache_reserve()
        page = page_new(p.database, pgno)
        cache_insert(page, i32(p), pgno)
        _ = private_add(p, page)
    page.checked = 0
    memory_fill(page.data, 0, p.database.page_size)
    return page


def pager_write_free(p: Pager, pgno: u32) -> Page:
    """pager_write_blank for a leaf of the freelist; its committed bytes are journalled only if they matter (J2)."""
    page: Page = pager_write_blank(p, pgno)
    if page.journal_at == 0 and pgno <= p.original_count and not was_freed(p, pgno):
        page.journal_at = i64(NO_ORIGINAL)
    return page


def pager_note_freed(p: Pager, pgno: u32) -> None:
    """A page goes to the freelist: if it was used when the transaction began, its bytes matter until it ends (J2)."""
    if pgno > p.original_count:
        return
    if not p.freed:
        p.freed = mzalloc(i32(p.original_count >> 3) + 1)
    at: ptr[u8] = p.freed + (pgno >> 3)
    at[0] = at[0] | 1 << i32(pgno & 7)


def was_freed(p: Pager, pgno: u32) -> i32:
    """Nonzero if the page went to the freelist in this transaction."""
    return p.freed[pgno >> 3] & 1 << i32(pgno & 7) if p.freed else 0


@export
def pager_new_page(p: Pager) -> Page:
    """Append a page: zeroed and writable. Errors: SQLITE_FULL when the database has as many pages as it can have."""
    pgno: u32 = p.page_count + 1
    if pgno == lock_byte_page(p.database.page_size):
        pgno += 1
    if pgno > (p.max_page_count if p.max_page_count else PAGE_COUNT_MAX):
        raise_error(SQLITE_FULL, *lit(b"database or disk is full"))
    page: Page = page_blank(p, pgno)
    p.page_count = pgno
    return page


@export
def pager_truncate(p: Pager, n: u32) -> None:
    """Cut the pages behind n off."""
    if p.state != PAGER_WRITE:
        raise_error(SQLITE_ABORT, *lit(b"abort due to ROLLBACK"))
    if n < p.page_count:
        p.page_count = n
        p.changes += 1
