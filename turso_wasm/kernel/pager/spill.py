"""Spilling: a writer with more private pages than fit into memory puts some where they will be committed.

Owns the choice of pages, and the order of the writes. In WAL mode they become frames without a commit mark; otherwise
their originals are journalled and synced, the writer becomes exclusive, and they overwrite the file.

Invariants:
  L1  Only idle pages are spilled (C2); they keep their Page, which remembers where they are, but lose their buffer.
  L2  A spilled page that was written to the file is marked PAGE_WRITTEN, and journal_at leads to its original.
  L3  In-memory databases never spill. A rollback-journal writer that cannot become exclusive keeps its pages.
"""

from turso_wasm.kernel.abi import CAP_MEMORY, JOURNAL_OFF, JOURNAL_WAL
from turso_wasm.kernel.base.errors import SQLITE_BUSY
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import check_io
from turso_wasm.kernel.pager.cache import cache_find, page_buffer_free, page_buffer_new, page_is_idle
from turso_wasm.kernel.pager.database import exclusive_lock, is_alone
from turso_wasm.kernel.pager.journal import (
    journal_add,
    journal_begin,
    journal_original,
    journal_record_at,
    journal_sync,
)
from turso_wasm.kernel.pager.pageio import file_read_own
from turso_wasm.kernel.pager.runs import pages_sort, pages_write
from turso_wasm.kernel.pager.share import log_append
from turso_wasm.kernel.pager.storage import PAGE_DIRTY, PAGE_WRITTEN, Page, Pager, SharedFile
from turso_wasm.kernel.pager.wal import wal_read_frame
from turso_wasm.wasm.lang import i32, ptr, u8, u32

__subset__ = True

SPILL_MIN = 8  # fewer are not worth a write


def spill(p: Pager) -> None:
    """Give up the buffers of some private pages. Raises on I/O errors: the transaction must be rolled back then."""
    db: SharedFile = p.database
    if db.capabilities & CAP_MEMORY or db.settings.no_spill:
        p.private.limit = 0x7FFFFFFF
        return
    pages: ptr[i32] = ptr[i32](malloc(p.n_resident * 4))
    n: i32 = pages_to_spill(p, pages)
    if n < SPILL_MIN:
        mfree(ptr[u8](i32(pages)))
        p.private.limit += p.private.limit >> 2
        return
    dirty: ptr[i32] = ptr[i32](malloc(n * 4))
    n_dirty: i32 = 0
    for i in range(n):
        if Page(pages[i]).flags & PAGE_DIRTY:
            dirty[n_dirty] = pages[i]
            n_dirty += 1
    pages_sort(dirty, n_dirty)
    rc: i32 = write_early(p, dirty, n_dirty) if n_dirty else 0
    if rc == 0:
        for i in range(n):
            buffer_drop(p, Page(pages[i]))
    mfree(ptr[u8](i32(pages)))
    mfree(ptr[u8](i32(dirty)))
    if rc == -SQLITE_BUSY:
        p.private.limit = p.n_resident * 2
        return
    check_io(rc)


def pages_to_spill(p: Pager, pages: ptr[i32]) -> i32:
    """Collect up to half of the resident private pages, the oldest idle ones; how many."""
    wanted: i32 = (p.n_resident + 1) >> 1
    n: i32 = 0
    page: Page = p.private.oldest
    while page and n < wanted:
        if page.data and page_is_idle(page):
            pages[n] = i32(page)
            n += 1
        page = page.newer
    return n


def buffer_drop(p: Pager, page: Page) -> None:
    """The page's bytes are safe elsewhere: free its buffer."""
    page.flags &= ~PAGE_DIRTY
    page_buffer_free(page.data, p.database.page_size)
    page.data = ptr[u8](0)
    p.n_resident -= 1


def write_early(p: Pager, pages: ptr[i32], n: i32) -> i32:
    """Write sorted private pages before the transaction commits; 0 or a negative result code."""
    db: SharedFile = p.database
    p.spilled = 1
    if db.journal_mode == JOURNAL_WAL:
        return log_append(db, pages, n, u32(0))
    # With readers in this process there is no point in keeping new ones out already now.
    rc: i32 = exclusive_lock(db) if is_alone(db) else -SQLITE_BUSY
    if rc == 0:
        rc = pages_journal(p, pages, n, p.original_count + 1)
    if rc == 0:
        rc = journal_sync(db)
    if rc == 0:
        db.journal.file_modified = 1
        rc = pages_write(db, pages, n)
    if rc == 0:
        for i in range(n):
            Page(pages[i]).flags |= PAGE_WRITTEN
    return rc


def pages_journal(p: Pager, pages: ptr[i32], n: i32, cut_from: u32) -> i32:
    """Journal the originals of those private pages that need it, and of all pages from cut_from on (J2).

    Returns 0 or a negative result code.
    """
    db: SharedFile = p.database
    rc: i32 = journal_begin(db)
    if rc < 0:
        return rc
    n_cut: i32 = i32(p.original_count - cut_from) + 1 if cut_from <= p.original_count else 0
    numbers: ptr[u32] = ptr[u32](malloc((n + n_cut) * 4 + 4))
    n_numbers: i32 = 0
    for i in range(n):
        page: Page = Page(pages[i])
        if page.pgno <= p.original_count and page.journal_at == 0:
            numbers[n_numbers] = page.pgno
            n_numbers += 1
    for k in range(n_cut):
        cut: Page = cache_find(i32(p), cut_from + u32(k))
        if not cut or cut.journal_at == 0:
            numbers[n_numbers] = cut_from + u32(k)
            n_numbers += 1
    rc = journal_add(db, numbers, n_numbers, p.original_count)
    mfree(ptr[u8](i32(numbers)))
    if rc == 0 and db.journal.mode != JOURNAL_OFF:
        originals_placed(p, pages, n)
    return rc


def originals_placed(p: Pager, pages: ptr[i32], n: i32) -> None:
    """Note where the segment that was just added has the pages' originals."""
    at: i32 = 0
    for i in range(n):
        page: Page = Page(pages[i])
        if page.pgno <= p.original_count and page.journal_at == 0:
            page.journal_at = journal_record_at(p.database, at)
            at += 1


def private_load(p: Pager, page: Page) -> None:
    """Read a spilled page back. Raises on I/O errors."""
    db: SharedFile = p.database
    data: ptr[u8] = page_buffer_new(db.page_size)
    rc: i32 = private_read(db, page, data)
    if rc < 0:
        page_buffer_free(data, db.page_size)
        check_io(rc)
    page.data = data
    p.n_resident += 1


def private_read(db: SharedFile, page: Page, data: ptr[u8]) -> i32:
    """Read a spilled page from its frame or its place in the file; 0 or a negative result code."""
    if page.frame:
        return wal_read_frame(db, page.frame, data)
    return file_read_own(db, page.pgno, data)


def original_restore(p: Pager, page: Page) -> i32:
    """Replace the page by its committed bytes, from the journal; 0 or a negative result code."""
    if not page.data:
        page.data = page_buffer_new(p.database.page_size)
        p.n_resident += 1
    return journal_original(p.database, page.journal_at, page.pgno, page.data)
