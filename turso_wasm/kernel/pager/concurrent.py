"""Transactions that write beside others: their private pages, and how they become those of the writer.

Owns how a pager comes to have private pages without being the writer, and what its view is while it is committed. What
is checked and written then, row by row, is kernel/session/concurrent.py's.

When nobody has committed since its snapshot the pager becomes the writer as it is. Otherwise

  mine   takes its private pages and its snapshot,
  base   the snapshot alone: what the transaction saw when it began,
  p      becomes the writer, on the newest state, with no private pages yet.

Invariants:
  V1  Until it is the writer a concurrent pager has no effect on files, log or locks, but that it keeps its snapshot.
  V2  `base` and `mine` only read. They go with the writer's transaction, however that ends (commit.py writer_end).
"""

from turso_wasm.kernel.abi import JOURNAL_WAL, KernelConnection
from turso_wasm.kernel.base.errors import SQLITE_BUSY, SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import mfree
from turso_wasm.kernel.pager.cache import cache_insert, cache_remove, list_append, list_remove, page_retire
from turso_wasm.kernel.pager.database import pager_free, pager_new
from turso_wasm.kernel.pager.savepoint import savepoint_push, savepoints_free
from turso_wasm.kernel.pager.share import BUSY_SNAPSHOT
from turso_wasm.kernel.pager.snapshot import kept_from_writing, pager_begin_read, pager_end_read, writer_lock
from turso_wasm.kernel.pager.storage import PAGER_READ, PAGER_WRITE, Page, Pager, Settings, SharedFile
from turso_wasm.kernel.pager.wal import wal_begin_write
from turso_wasm.wasm.lang import i32, lit, memory_copy, ptr, sizeof, u8, u32

__subset__ = True

UNLIMITED = 0x7FFFFFFF
JOINED = 0
CHANGED = 1


def concurrent_begin(p: Pager) -> None:
    """Let a reading pager have private pages (V1). Raises SQLITE_ERROR without a log."""
    if p.database.journal_mode != JOURNAL_WAL:
        raise_no_log()
    p.state = PAGER_WRITE
    p.concurrent = 1
    p.original_count = p.page_count
    p.private.limit = UNLIMITED
    p.spilled = 0
    savepoints_open(p)


def raise_no_log() -> None:
    """Raise SQLITE_ERROR: there is no log."""
    raise_error(SQLITE_ERROR, *lit(b"BEGIN CONCURRENT needs a write-ahead log: PRAGMA journal_mode = wal"))


def refuse_concurrent(p: Pager) -> None:
    """Raise SQLITE_ERROR if the pager is in a concurrent transaction: what is to be changed is no row."""
    if p.watched:
        raise_error(
            SQLITE_ERROR,
            *lit(b"DDL statements require an exclusive transaction (use BEGIN instead of BEGIN CONCURRENT)"),
        )


def savepoints_open(p: Pager) -> None:
    """Open as many savepoints as the connection has."""
    for _ in range(KernelConnection(p.connection).savepoint_depth):
        savepoint_push(p)


def concurrent_join(p: Pager) -> i32:
    """Make a concurrent pager the writer: JOINED, with its private pages; CHANGED, on the newest state, with `base` and
    `mine`, since somebody has committed; or a negative result code: nothing was done. Raises as pager_begin_read.
    """
    original: u32 = p.original_count
    rc: i32 = writer_lock(p)
    if rc == 0:
        p.original_count = original
        writer_start(p)
        return JOINED
    if rc != -BUSY_SNAPSHOT:
        return rc
    new: Pager = view_new(p)
    p.mine = new  # should beginning to read raise, it goes with the transaction
    pager_begin_read(new)
    rc = -SQLITE_BUSY if kept_from_writing(new) else writer_lock(new)
    if rc < 0:
        p.mine = Pager(0)
        pager_end_read(new)
        pager_free(new)
        return -SQLITE_BUSY if rc == -BUSY_SNAPSHOT else rc
    views_part(p, new)
    return CHANGED


def writer_start(p: Pager) -> None:
    """The pager is the writer now."""
    p.concurrent = 0
    if not p.database.share.on:
        wal_begin_write(p.database)


def view_new(p: Pager) -> Pager:
    """A pager of the same connection, outside a transaction."""
    v: Pager = pager_new(p.database, KernelConnection(p.connection), p.read_only)
    memory_copy(ptr[u8](i32(v.settings)), ptr[u8](i32(p.settings)), sizeof(Settings))
    v.log_use = p.log_use
    v.admitted = p.admitted
    return v


def views_part(p: Pager, new: Pager) -> None:
    """`new` is the writer on the newest state: exchange what p and it see, and make what p saw without changes a view,
    too.
    """
    db: SharedFile = p.database
    savepoints_free(p)
    mfree(p.freed)
    p.freed = ptr[u8](0)
    base: Pager = view_new(p)
    p.base = base
    base.state = PAGER_READ
    db.active += 1
    base.snapshot = p.snapshot
    base.page_count = p.original_count
    base.usable_size = p.usable_size
    base.seen_commits = p.seen_commits
    if p.slot:
        base.slot = p.slot
        users: ptr[i32] = db.share.users
        users[p.slot - 1] = users[p.slot - 1] + 1
    view_exchange(p, new)
    private_move(p, new)
    new.state = PAGER_READ
    p.concurrent = 0
    p.version += 1
    db.writer = i32(p)
    writer_start(p)
    savepoints_open(p)


def view_exchange(p: Pager, new: Pager) -> None:
    """Exchange the snapshots of two pagers."""
    p.page_count, new.page_count = new.page_count, p.page_count
    p.snapshot, new.snapshot = new.snapshot, p.snapshot
    p.slot, new.slot = new.slot, p.slot
    p.seen_commits, new.seen_commits = new.seen_commits, p.seen_commits
    p.usable_size, new.usable_size = new.usable_size, p.usable_size
    p.original_count = new.original_count
    p.private.limit = new.private.limit


def private_move(p: Pager, to: Pager) -> None:
    """Give all private pages to another pager."""
    page: Page = p.private.oldest
    while page:
        list_remove(p.private, page)
        cache_remove(page)
        cache_insert(page, i32(to), page.pgno)
        list_append(to.private, page)
        page = p.private.oldest
    p.n_resident = 0
    p.next_born = 0


def views_free(p: Pager) -> None:
    """Let go of what a writer has kept of its snapshot (V2)."""
    if p.mine:
        view_free(p.mine)
        p.mine = Pager(0)
    if p.base:
        view_free(p.base)
        p.base = Pager(0)


def view_free(v: Pager) -> None:
    """Free a view and its private pages."""
    page: Page = v.private.oldest
    while page:
        list_remove(v.private, page)
        cache_remove(page)
        page_retire(page)
        page = v.private.oldest
    pager_end_read(v)
    v.held = 0
    pager_free(v)
