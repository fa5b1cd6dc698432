"""The structs of the storage level: pages, the pager of a connection, a database file, its log and its journal.

Owns the data model and its invariants; the functions live in cache, database, header, wal, checkpoint, journal,
snapshot, spill, savepoint, commit and pager.

One `SharedFile` exists per file and process; each connection that uses it has a `Pager` on it, which is that
connection's view: a snapshot, and while it writes, private pages. A `Page` is one version of one page.

Invariants:
  S1  A page is found by (owner, number): (SharedFile, pgno) is the page of the file, (SharedFile + 1, frame) a frame of
      the log, (Pager, pgno) the private page of a writer. Owner 0: replaced or dropped, waiting in limbo.
  S2  The bytes of a page whose owner is not a Pager never change.
  S3  A page that was got stays until 256 other pages were got, and while in the stack of an open cursor
      (pages[0..depth]). There are no pin counts. Whoever goes through any number of pages (overflow chains, the
      freelist, the pointer map) peeks: that makes no other page older, and promises nothing beyond the next call.
      Limbo keeps the promise for pages that were replaced.
  S4  A private page is DIRTY (its bytes are only in memory) or equals its place in the log or the file; then `data`
      may be null. Its bytes at the last commit are in the file or the log, or journal_at says where in the journal.
  S5  The private pages of a pager are a list ordered by `born`; n_resident of them have data.
  S6  At most one pager of a database writes (`SharedFile.writer`). In a rollback mode the others read the last
      committed state until the writer needs `exclusive`, which it gets when it is the only active pager.
  S7  `loaded` is 0 whenever memory may not tell what the file holds: after a failed rollback, or when another
      process may have written. Then the next read transaction starts from the files.
  S8  `concurrent` pagers are in state PAGER_WRITE without being the writer: they have private pages of a snapshot, in
      memory alone, and no effect on the files. They become the writer when they are committed (pager/concurrent.py).
"""

from turso_wasm.wasm.lang import Struct, array, i32, i64, ptr, u8, u32

__subset__ = True

PAGE_DIRTY = 1  # its bytes are only in memory
PAGE_WRITTEN = 2  # its place in the file was overwritten in this transaction (rollback journal modes)
NO_ORIGINAL = -1  # Page.journal_at of what was a leaf of the freelist: its committed bytes mean nothing

PAGER_NONE = 0
PAGER_READ = 1
PAGER_WRITE = 2

WATCHED = 1  # Pager.watched: what its cursors read and write is noted, in `trees`
WATCHED_BEFORE = 2  # it was, until the transaction was about to be committed

LOG_SHARED = 1  # Pager.log_use
LOG_ALONE = 2


class Page(Struct):
    """One version of one page. B-trees use the first three fields."""

    data: ptr[u8]
    pgno: u32
    checked: i32  # owned by b-trees: 0 after loading, copied when a page becomes private
    free: i32  # owned by b-trees: unused bytes + 1, 0: not counted; valid while `checked` is not 0
    owner: i32  # S1
    number: u32  # pgno or frame
    chain: "Page"  # next page in the hash bucket
    older: "Page"  # of the list it is in: the cache of its database, limbo, or the private pages
    newer: "Page"
    database: i32
    stamp: u32  # value of `gets` when it was last got
    moved: u32  # value of `gets` when it last went to the front of the list
    flags: i32
    # private pages only
    born: i32  # orders private pages by when they became private
    savepoint: i32  # id of the savepoint that was innermost when it became private or was last captured
    frame: u32  # the log frame that holds it, if it was spilled there
    journal_at: i64  # offset of its committed bytes in the journal; 0: not journalled; NO_ORIGINAL


class PageList(Struct):
    """A list of pages, least recently used first."""

    oldest: Page
    newest: Page
    n_pages: i32
    limit: i32


class Image(Struct):
    """The state of a private page when a savepoint was opened, kept when the page changed afterwards."""

    next: "Image"
    data: ptr[u8]  # null: in the temporary file at `temp_at`
    temp_at: i64
    pgno: u32
    savepoint: i32  # Page.savepoint before the image was taken


class Savepoint(Struct):
    """A savepoint of one pager. See kernel/pager/savepoint.py."""

    outer: "Savepoint"
    images: Image
    id: i32
    born: i32  # pages born later did not exist (privately) when it was opened
    page_count: u32
    log_end: u32
    log_sum1: u32
    log_sum2: u32


class Settings(Struct):
    """What PRAGMAs say about how a connection uses a database."""

    journal_mode: i32  # JOURNAL_* of transactions that do not use a log
    exclusive: i32  # locking_mode: locks are kept between transactions
    synchronous: i32
    autocheckpoint: i32
    cache_size: i32  # as PRAGMA cache_size
    journal_size_limit: i64  # DB_JOURNAL_SIZE_LIMIT
    secure_delete: i32  # DB_SECURE_DELETE
    no_spill: i32  # 1: private pages stay in memory
    spill_size: i32  # pages that a writer may hold even if the cache is smaller


class Pager(Struct):
    """The view that one connection has of a database. Outside a transaction all is zero but for links and settings."""

    database: "SharedFile"
    connection: i32
    next: "Pager"  # of the same database
    read_only: i32  # the connection opened it for reading
    settings: Settings.embed
    secret: i32  # the key that the connection came with, a Secret, until it is known to be right; 0: none
    admitted: i32  # kernel/pager/encryption.py E5
    held: i32  # LOCK_* that settings.exclusive keeps between transactions, from the other connections too
    log_use: i32  # the log has been used: LOG_SHARED, or LOG_ALONE since its first use
    cursors: i32  # owned by b-trees: open cursors, linked by next_in_pager
    state: i32  # PAGER_*
    page_count: u32  # pages in this view
    usable_size: i32
    snapshot: u32  # last frame of the log that this view sees; 0: only the file
    slot: i32  # the read lock of the shared index that keeps the snapshot, + 1; 0: none
    version: i32  # changes whenever the content of the view changes otherwise than by this pager's own writes
    seen_commits: i32  # SharedFile.commits at the snapshot
    own_commits: i32
    vacuum_page_size: i32  # what VACUUM is to change the page size to; 0: nothing. Outlives transactions
    vacuum_auto_vacuum: i32  # likewise auto-vacuum, + 1
    max_page_count: u32  # PRAGMA max_page_count; 0: as many as there can be. Outlives transactions
    readers: i32  # running statements that use this pager
    writers: i32  # those of them that write
    changes: i32  # counts pager_write, pager_new_page, pager_truncate
    # writing
    private: PageList.embed  # limit: how many may be resident before some are spilled
    n_resident: i32
    next_born: i32
    original_count: u32  # pages when the transaction began
    freed: ptr[u8]  # a bit for each of these that went to the freelist since; null: none did
    spilled: i32
    replaced: i32  # all of the database is being replaced, its header too: the page size from then on; 0: it is not
    cut: u32  # from this page on the commit drops all; 0: nothing
    savepoints: Savepoint  # innermost first
    savepoint_id: i32  # of the innermost
    next_savepoint_id: i32
    depth: i32  # number of savepoints
    image_fd: i32  # temporary file for images + 1; 0: none
    image_size: i64  # its bytes
    n_images: i32  # images in memory
    # BEGIN CONCURRENT
    watched: i32  # WATCHED_*
    trees: i32  # owned by b-trees (kernel/btree/cursor/watch.py)
    concurrent: i32  # S8
    base: "Pager"  # while it is committed: what it saw when it began,
    mine: "Pager"  # and what it has made of it


class Wal(Struct):
    """The write-ahead log of a database and its index. See kernel/pager/wal.py."""

    fd: i32  # + 1; 0: not open
    big_endian: i32
    sequence: u32  # checkpoint sequence number in the header
    salt1: u32
    salt2: u32
    end: u32  # frames appended, committed or not
    committed: u32  # last committed frame
    backfilled: u32  # frames whose content the file has
    synced: u32  # frames known to be durable
    sum1: u32  # running checksum behind frame `end`
    sum2: u32
    committed_sum1: u32
    committed_sum2: u32
    header_due: i32  # the next append starts the file anew
    reserved: i64  # the file is at least so long, unless others have cut it
    seen: array[u8, 32]  # header of the file as it was last read or written; zeros: none
    seen_end: u32  # header_due: the last frame of the log that the file holds under that header
    cut_due: i32  # the file may be longer than it is allowed to be: cut it after the next commit
    used: i32  # the file may hold frames of an older log (or had, before a truncation that may be undone)
    page_size: i32  # of the frames
    page_count: u32  # of the database at the last commit
    commit_due: i32  # a commit mark was written, but the transaction is not finished
    capacity: i32  # of the three arrays; element f belongs to frame f
    pgnos: ptr[u32]
    previous: ptr[u32]  # the frame before this one with the same page
    chain: ptr[u32]  # next frame in the bucket, of another page
    buckets: ptr[u32]  # latest frames by page number
    bucket_mask: u32


class Journal(Struct):
    """The rollback journal while a transaction uses it. See kernel/pager/journal.py."""

    fd: i32  # + 1; 0: not open
    mode: i32  # JOURNAL_* of this transaction
    begun: i32  # a header was written, or memory holds images
    file_modified: i32  # the database file was written under this journal
    size: i64  # bytes written
    records_at: i64  # where the last segment's records begin
    uncounted: u32  # records of the last segment, whose header says 0 until they are durable
    uncounted_at: i64  # that segment
    stale_size: i64  # bytes of an older journal that are still in the file
    nonce: u32
    page_count: u32  # of the database before the transaction
    header: array[u8, 28]  # of the first segment
    memory: ptr[u8]  # JOURNAL_MEMORY: the records
    memory_capacity: i64
    super_name: ptr[u8]  # of the super-journal of the commit that is under way
    super_size: i32  # 0: there is none


class Share(Struct):
    """The index of the log that other processes use at the same time. See kernel/pager/share.py."""

    on: i32  # it is open
    refused: i32  # it could not be opened: the log is used by one process at a time
    alone: i32  # bits of the locks that are held exclusively
    slot: i32  # the read lock that was taken last
    backfilled: u32  # as it stated when it was last read
    users: array[i32, 5]  # pagers that hold a read lock
    head: array[u8, 48]  # its header when it was last read or written, to which Wal belongs; zeros: none


class Cipher(Struct):
    """How the pages of a database are encrypted. See kernel/pager/encryption.py."""

    format: i32
    derivation: i32  # of the key
    iterations: i32
    salt: array[u8, 16]
    key: array[u8, 32]
    head: array[u8, 16]  # what the file begins with


class SharedFile(Struct):
    """A database file in use by this process."""

    next: "SharedFile"
    name: ptr[u8]  # null: private, not shared
    name_size: i32
    fd: i32
    capabilities: i32
    temporary: i32  # of CAP_MEMORY: SQLite would have a file, which goes with its connection
    read_only: i32
    header_read_only: i32  # the header's write version is one this library does not know
    pagers: Pager
    writer: i32  # Pager (S6), or 0
    active: i32  # pagers inside a transaction
    watched: i32  # pagers that are watched
    counters: i32  # owned by b-trees: the rowids given while some are
    pending: i32  # the writer waits for the readers to go
    exclusive: i32  # the writer is alone
    lock: i32  # LOCK_* held on the file
    loaded: i32  # S7
    recovery_due: i32  # look for a hot journal even if the file is owned
    page_size: i32
    usable_size: i32
    page_count: u32  # committed
    commits: i32
    cipher: Cipher  # null: pages are stored as they are
    next_cipher: Cipher  # while is_rekeyed: how the running transaction writes pages to the file
    is_rekeyed: i32  # the running transaction changes the key
    secret: i32  # Secret of the pager that begins to read, until the cipher was made of it
    file_version: array[u8, 16]  # kernel/pager/pageio.py I4
    counted: i32  # the change counter was incremented since the lock was taken
    to_wal: i32  # when the transaction commits, the log comes into use
    head: ptr[u8]  # what is read when the database is loaded
    ahead: u32  # pgno that would continue a sequential read
    window: i32  # pages the next sequential miss reads
    journal_mode: i32  # in force
    log_wanted: i32  # whether the user wants a log, -1: the default
    settings: Settings.embed  # of the pager that writes, or was the first to come
    new_page_size: i32  # for a database that does not exist yet
    new_reserved: i32  # likewise bytes at the end of each page that are not the b-trees'
    new_auto_vacuum: i32
    cache: PageList.embed
    wal: Wal.embed
    share: Share.embed
    journal: Journal.embed
