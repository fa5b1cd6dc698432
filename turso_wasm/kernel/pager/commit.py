"""The end of a write transaction: commit in two steps, and rollback.

Owns the order of writes and syncs that makes a transaction atomic, and what becomes of private pages.

Commit, WAL mode:                          Commit, rollback journal modes:
  prepare  header stamped if needed          prepare  the writer becomes exclusive, header stamped
           dirty pages -> frames, one write           originals -> journal, one write; sync
           sync (synchronous FULL)                    pages -> file, neighbours together; size; sync
  finish   private pages become cached       finish   the journal ends: the transaction is committed
           frames                                     private pages become cached pages of the file

A transaction over several databases prepares all of them before it finishes any.

Invariants:
  X1  commit_prepare and commit_finish return what failed; the caller then rolls back (or, busy, may try again later).
  X2  Publishing moves pages between lists and cannot fail: no page is copied or allocated.
  X3  pager_rollback never raises. If it cannot restore the files, the database is not `loaded` any more, and the next
      reader recovers it; originals that are only in memory keep the file locked until then.
"""

from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    JOURNAL_MEMORY,
    JOURNAL_WAL,
    LOCK_EXCLUSIVE,
    LOCK_NONE,
    LOCK_RESERVED,
    KernelConnection,
)
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.vfs import vfs_size, vfs_sync, vfs_truncate
from turso_wasm.kernel.pager.cache import (
    cache_add,
    cache_evict,
    cache_forget_at,
    cache_remove,
    limbo_trim,
    list_remove,
    page_retire,
)
from turso_wasm.kernel.pager.checkpoint import checkpoint_run
from turso_wasm.kernel.pager.concurrent import views_free
from turso_wasm.kernel.pager.database import exclusive_lock_waiting, lock_hold, lock_kept, writer_relax
from turso_wasm.kernel.pager.encryption import TAIL, rekey_end
from turso_wasm.kernel.pager.header import (
    AT_PAGE_COUNT,
    AT_READ_VERSION,
    AT_RESERVED,
    AT_WRITE_VERSION,
    VERSION_ROLLBACK,
    VERSION_WAL,
    header_check,
    header_page_size,
    header_stamp,
    raise_not_a_database,
)
from turso_wasm.kernel.pager.journal import (
    SYNC_FULL,
    journal_close,
    journal_finish,
    journal_forget,
    journal_name_super,
    journal_play_back_own,
    journal_sync,
)
from turso_wasm.kernel.pager.pageio import file_cipher
from turso_wasm.kernel.pager.pages import pager_get, pager_truncate, pager_write
from turso_wasm.kernel.pager.runs import pages_sort, pages_write
from turso_wasm.kernel.pager.savepoint import savepoints_free
from turso_wasm.kernel.pager.share import log_append, share_commit, share_prepare
from turso_wasm.kernel.pager.spill import pages_journal
from turso_wasm.kernel.pager.storage import PAGE_DIRTY, PAGER_READ, PAGER_WRITE, Page, Pager, SharedFile, Wal
from turso_wasm.kernel.pager.wal import wal_committed, wal_retract, wal_sync
from turso_wasm.wasm.lang import be32, i32, i64, lit, ptr, u8, u32

__subset__ = True

# --- commit ---------------------------------------------------------------------------------------------------


def nothing_to_commit(p: Pager) -> i32:
    """1 if the pager changed nothing."""
    return i32(p.private.n_pages == 0 and p.page_count == p.original_count and p.cut == 0)


def uses_log(db: SharedFile) -> i32:
    """1 if transactions go to the log. (The one that creates or converts the database does not yet.)"""
    return i32(db.journal_mode == JOURNAL_WAL)


def commit_prepare(p: Pager) -> i32:
    """Make the transaction durable, ready to be committed; 0 or a negative result code (X1). Page 1 may raise."""
    if p.state != PAGER_WRITE or nothing_to_commit(p):
        return 0
    if p.cut:
        pager_truncate(p, p.cut - 1)
        p.cut = u32(0)
    if uses_log(p.database):
        return prepare_log(p)
    return prepare_file(p)


def dirty_pages(p: Pager, pages: ptr[i32]) -> i32:
    """Collect the private pages that must be written, sorted; how many."""
    n: i32 = 0
    page: Page = p.private.oldest
    while page:
        if page.flags & PAGE_DIRTY and page.pgno <= p.page_count:
            pages[n] = i32(page)
            n += 1
        page = page.newer
    pages_sort(pages, n)
    return n


def prepare_log(p: Pager) -> i32:
    """Append the dirty pages to the log with a commit mark; 0 or a negative result code."""
    db: SharedFile = p.database
    first: Page = pager_get(p, u32(1))
    if first.owner == i32(p) or be32(first.data + AT_PAGE_COUNT) != p.page_count:
        first = page_one_stamp(p)
    pages: ptr[i32] = ptr[i32](malloc(p.private.n_pages * 4 + 4))
    n: i32 = dirty_pages(p, pages)
    if n == 0:
        # Everything was spilled; some frame must carry the commit mark.
        pages[0] = i32(pager_write(p, first))
        n = 1
    rc: i32 = log_append(db, pages, n, p.page_count)
    mfree(ptr[u8](i32(pages)))
    if rc == 0 and db.settings.synchronous >= SYNC_FULL:
        rc = wal_sync(db.wal)
    if rc == 0:
        rc = share_prepare(db)
    return rc


def prepare_file(p: Pager) -> i32:
    """Journal the originals and write the dirty pages to the file; 0 or a negative result code."""
    db: SharedFile = p.database
    rc: i32 = exclusive_lock_waiting(db, KernelConnection(p.connection))
    if rc < 0:
        return rc
    if not db.counted or p.page_count != p.original_count or p.replaced:
        _ = page_one_stamp(p)
    pages: ptr[i32] = ptr[i32](malloc(p.private.n_pages * 4 + 4))
    n: i32 = dirty_pages(p, pages)
    rc = pages_journal(p, pages, n, p.page_count + 1)
    if rc == 0:
        rc = journal_name_super(db)
    if rc == 0:
        rc = journal_sync(db)
    if rc == 0:
        db.journal.file_modified = 1
        rc = pages_write(db, pages, n)
    mfree(ptr[u8](i32(pages)))
    if rc == 0 and (p.spilled or p.replaced or p.page_count < p.original_count):
        rc = file_cut(p)
    if rc == 0 and db.settings.synchronous and not (db.capabilities & CAP_MEMORY):
        rc = vfs_sync(db.fd)
    return rc


def page_one_stamp(p: Pager) -> Page:
    """Note the transaction in the header; the private page 1. Raises, also when a replaced header is not one."""
    db: SharedFile = p.database
    first: Page = pager_write(p, pager_get(p, u32(1)))
    if p.replaced:
        header_check(first.data)
        if file_cipher(db) and first.data[AT_RESERVED] < TAIL:
            raise_error(SQLITE_ERROR, *lit(b"its pages have no room for what an encrypted database adds"))
        if header_page_size(first.data) != p.replaced:
            raise_not_a_database()
        version: i32 = VERSION_WAL if uses_log(db) or db.to_wal else VERSION_ROLLBACK
        first.data[AT_WRITE_VERSION] = version
        first.data[AT_READ_VERSION] = version
    header_stamp(first.data, image_count(first.data) if is_resized(p) else p.page_count)
    return first


def image_count(header: ptr[u8]) -> u32:
    """The number of pages that the header of an image states which replaces a database of another page size."""
    return be32(header + AT_PAGE_COUNT)


def file_cut(p: Pager) -> i32:
    """Cut off what the file has behind the last page; 0 or a negative result code."""
    size: i64 = i64(p.page_count) * i64(p.database.page_size)
    if is_resized(p):
        size = i64(image_count(pager_get(p, u32(1)).data)) * i64(p.replaced)
    now: i64 = vfs_size(p.database.fd)
    if now < 0:
        return i32(now)
    if now <= size:
        return 0
    return vfs_truncate(p.database.fd, size)


def commit_finish(p: Pager, committed: i32, ends: i32) -> i32:
    """Commit what was prepared; the pager reads on, seeing its own changes. 0 or a negative result code (X1).

    committed: its super-journal is gone, so it is committed already. ends: the statement that commits is about to end.
    """
    if p.state != PAGER_WRITE:
        return 0
    db: SharedFile = p.database
    if nothing_to_commit(p):
        writer_end(p, ends)
        return 0
    if uses_log(db):
        wal_committed(db, p.page_count)
        share_commit(db)
        publish_frames(p)
        p.snapshot = db.wal.committed
    else:
        rc: i32 = journal_finish(db)
        if rc < 0 and not committed:
            return rc
        if rc < 0:
            # It stays behind, and means nothing.
            journal_close(db)
            journal_forget(db)
        publish_file(p)
    rekey_end(db, 1)
    if is_resized(p):
        database_unload(p)
    elif p.replaced:
        p.usable_size = db.page_size - pager_get(p, u32(1)).data[AT_RESERVED]
        db.usable_size = p.usable_size
    db.page_count = p.page_count
    db.commits += 1
    p.own_commits += 1
    p.seen_commits = db.commits
    writer_end(p, ends)
    while db.cache.n_pages > db.cache.limit:
        if not cache_evict(db.cache):
            break
    return 0


def is_resized(p: Pager) -> i32:
    """1 if the transaction gives the database another page size."""
    return i32(p.replaced != 0 and p.replaced != p.database.page_size)


def database_unload(p: Pager) -> None:
    """What memory knows of the file holds no more; the pager sees nothing until it begins to read again."""
    p.database.loaded = 0
    p.database.counted = 0
    p.page_count = 0


def writer_end(p: Pager, ends: i32) -> None:
    """The pager only reads from now on; ends: and that not for long, if it is for the statement alone that commits."""
    db: SharedFile = p.database
    savepoints_free(p)
    mfree(p.freed)
    p.freed = ptr[u8](0)
    p.state = PAGER_READ
    p.n_resident = 0
    p.next_born = 0
    p.next_savepoint_id = 0
    p.spilled = 0
    p.replaced = 0
    p.cut = u32(0)
    limbo_trim()
    if p.concurrent:
        p.concurrent = 0
        return
    if p.base or p.mine:
        views_free(p)
    db.to_wal = 0
    if uses_log(db):
        lock_hold(p, LOCK_NONE)
    else:
        lock_hold(p, LOCK_EXCLUSIVE if db.exclusive else LOCK_RESERVED)
    writer_relax(db, ends and p.readers == 1 and p.writers == 1 and db.active == 1)


def private_take(p: Pager) -> Page:
    """Take the oldest private page out of its list and the hash; null if there is none."""
    page: Page = p.private.oldest
    if page:
        list_remove(p.private, page)
        cache_remove(page)
    return page


def page_publish(p: Pager, page: Page, owner: i32, number: u32) -> None:
    """Give a private page that was taken out a committed identity; one without bytes is only dropped."""
    if not page.data or page.pgno > p.page_count:
        page_retire(page)
        return
    page.flags = 0
    page.savepoint = 0
    page.frame = 0
    page.journal_at = i64(0)
    cache_add(page, owner, number)


def publish_frames(p: Pager) -> None:
    """The private pages are committed frames of the log now (X2)."""
    db: SharedFile = p.database
    w: Wal = db.wal
    page: Page = private_take(p)
    while page:
        if db.active == 1:
            # No reader needs the version before.
            older: u32 = w.previous[page.frame]
            if older > w.backfilled:
                cache_forget_at(i32(db) + 1, older)
            else:
                cache_forget_at(i32(db), page.pgno)
        page_publish(p, page, i32(db) + 1, page.frame)
        page = private_take(p)


def publish_file(p: Pager) -> None:
    """The private pages are committed pages of the file now (X2)."""
    db: SharedFile = p.database
    page: Page = private_take(p)
    while page:
        cache_forget_at(i32(db), page.pgno)
        page_publish(p, page, i32(db), page.pgno)
        page = private_take(p)
    pgno: u32 = p.page_count + 1
    while pgno <= p.original_count:
        cache_forget_at(i32(db), pgno)
        pgno += 1
    if lock_kept(db):
        db.counted = 1
    if db.to_wal:
        db.journal_mode = JOURNAL_WAL
        db.wal.page_size = db.page_size


def checkpoint_automatically(db: SharedFile) -> None:
    """After a commit: move frames to the file when there are many. What fails is tried again after the next commit."""
    if not uses_log(db) or db.settings.autocheckpoint == 0 or db.writer:
        return
    if db.wal.committed - db.wal.backfilled >= u32(db.settings.autocheckpoint):
        _ = checkpoint_run(db)


# --- rollback -------------------------------------------------------------------------------------------------


def pager_rollback(p: Pager) -> i32:
    """Undo the transaction; the pager reads on. Cursors were saved or forgotten. 0 or a negative result code (X3)."""
    if p.state != PAGER_WRITE:
        return 0
    db: SharedFile = p.database
    rc: i32 = 0
    count: u32 = db.page_count
    if p.concurrent:
        count = p.original_count
        views_free(p)
    elif uses_log(db):
        rc = wal_retract(db)
    else:
        rc = file_restore(db)
    page: Page = private_take(p)
    while page:
        page_retire(page)
        page = private_take(p)
    p.version += 1
    p.page_count = count
    if rc < 0:
        # Readers of this process must not go on with a file that is half changed.
        p.page_count = 0
        db.loaded = 0
        db.recovery_due = 1
    if not p.concurrent:
        rekey_end(db, 0)
    writer_end(p, 0)
    return rc


def file_restore(db: SharedFile) -> i32:
    """Undo what was written to the file, and end the journal; 0 or a negative result code."""
    rc: i32 = 0
    if not db.journal.begun:
        return 0
    mode: i32 = db.journal.mode
    if db.journal.file_modified:
        rc = journal_play_back_own(db)
        if rc == 0 and db.settings.synchronous and not (db.capabilities & CAP_MEMORY):
            rc = vfs_sync(db.fd)
    if rc == 0:
        rc = journal_finish(db)
    if rc < 0 and mode != JOURNAL_MEMORY:
        # The journal is in a file: whoever reads next, here or elsewhere, finds it hot. (JOURNAL_OFF: there is none.)
        journal_close(db)
        journal_forget(db)
    return rc
