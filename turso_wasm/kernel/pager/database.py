"""Databases of this process and their locks.

Owns the list of databases, opening and closing them, their pagers, and the lock protocol towards other processes and
between the connections of this one. Does not read the file (kernel/pager/snapshot.py).

Invariants:
  D1  A file that is shared by name has one SharedFile; private ones (":memory:", temporary) have no name. When another
      file took the place of one that is open, the name means the new one.
  D2  `lock` is at least LOCK_SHARED while a pager is active; an owned or in-memory file counts as LOCK_EXCLUSIVE.
  D3  A log whose index is not shared (share.py) is used by one process at a time: whoever reads or writes the database
      holds LOCK_EXCLUSIVE (LOCK_SHARED if it can only be read) until no pager is active; whoever comes next looks
      whether the log is still the one that memory knows. With locking_mode EXCLUSIVE the lock is kept.
  D4  A conflict with another connection of this process is SQLITE_BUSY at once: it cannot end while this one waits.
  D5  With locking_mode EXCLUSIVE a pager holds what its transactions needed until a transaction in locking_mode NORMAL
      ends. The others are kept out by it as by a transaction that does not end.
"""

from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    CAP_OWNED,
    CAP_READONLY,
    JOURNAL_DELETE,
    JOURNAL_WAL,
    LOCK_EXCLUSIVE,
    LOCK_NONE,
    LOCK_SHARED,
    OPEN_MEMORY,
    OPEN_READONLY,
    OPEN_TEMP,
    KernelConnection,
)
from turso_wasm.kernel.base.errors import SQLITE_BUSY
from turso_wasm.kernel.base.memory import malloc, mfree, mzalloc
from turso_wasm.kernel.base.vfs import (
    check_io,
    host_sleep,
    vfs_capabilities,
    vfs_close,
    vfs_delete,
    vfs_lock,
    vfs_moved,
    vfs_open,
    vfs_unlock,
)
from turso_wasm.kernel.pager.cache import DEFAULT_CACHE_SIZE, cache_free_all, cache_set_limit, cache_start
from turso_wasm.kernel.pager.encryption import Secret, cipher_free, key_set
from turso_wasm.kernel.pager.header import bytes_equal
from turso_wasm.kernel.pager.share_format import locks_drop, write_unlock
from turso_wasm.kernel.pager.storage import PAGER_NONE, Journal, Pager, Share, SharedFile
from turso_wasm.wasm.lang import export, i32, i64, memory_copy, memory_fill, ptr, sizeof, u8

__subset__ = True

DEFAULT_PAGE_SIZE = 4096
DEFAULT_AUTOCHECKPOINT = 1000
SYNCHRONOUS_FULL = 2
BUSY_DELAYS = bytes([1, 2, 5, 10])  # ms; the last one repeats: a busy writer lets go for a moment only
JOURNAL_SUFFIX = b"-journal"
SUFFIX_MAX = 8

databases: i32 = 0  # list of SharedFile


# --- opening and closing --------------------------------------------------------------------------------------


def database_find(name: ptr[u8], size: i32) -> SharedFile:
    """The shared database of that name, or null."""
    db: SharedFile = SharedFile(databases)
    while db:
        if db.name and db.name_size == size and bytes_equal(db.name, name, size) and not file_moved(db):
            return db
        db = db.next
    return db


def same_name(a: ptr[u8], a_size: i32, b: ptr[u8], b_size: i32) -> i32:
    """1 if two names are the same but for ASCII case."""
    if a_size != b_size:
        return 0
    for i in range(a_size):
        if lower(a[i]) != lower(b[i]):
            return 0
    return 1


def lower(byte: i32) -> i32:
    """An ASCII letter in lower case."""
    return byte | 32 if byte >= 65 and byte <= 90 else byte


def file_moved(db: SharedFile) -> i32:
    """1 if the database's name does not lead to its file any more."""
    if db.capabilities & (CAP_OWNED | CAP_MEMORY):
        return 0
    return vfs_moved(db.fd)


def database_open(name: ptr[u8], size: i32, flags: i32) -> tuple[i32, SharedFile]:
    """(0 or a negative result code, the database of that name, opened if this process has not yet); flags: OPEN_*."""
    global databases
    cache_start()
    private: i32 = flags & (OPEN_MEMORY | OPEN_TEMP)
    if not private:
        shared: SharedFile = database_find(name, size)
        if shared:
            if shared.read_only and not flags & OPEN_READONLY and shared.active == 0:
                database_reopen(shared, flags)
            return 0, shared
    db: SharedFile = SharedFile(mzalloc(sizeof(SharedFile)))
    if not private:
        db.name = malloc(size + SUFFIX_MAX)
        memory_copy(db.name, name, size)
        db.name_size = size
    fd: i32 = vfs_open(name, size, flags)
    if fd < 0:
        mfree(db.name)
        mfree(ptr[u8](i32(db)))
        return fd, SharedFile(0)
    db.fd = fd
    db.capabilities = vfs_capabilities(fd)
    if private:
        db.capabilities |= CAP_MEMORY | CAP_OWNED
        db.temporary = i32((flags & OPEN_TEMP) != 0)
    db.read_only = i32((flags & OPEN_READONLY) != 0 or (db.capabilities & CAP_READONLY) != 0)
    if db.capabilities & (CAP_OWNED | CAP_MEMORY):
        db.lock = LOCK_EXCLUSIVE
    db.recovery_due = 1
    db.log_wanted = -1
    db.new_page_size = DEFAULT_PAGE_SIZE
    db.page_size = DEFAULT_PAGE_SIZE
    db.usable_size = DEFAULT_PAGE_SIZE
    db.next = SharedFile(databases)
    databases = i32(db)
    return 0, db


def database_reopen(db: SharedFile, flags: i32) -> None:
    """A database that was opened for reading gets a connection that may write. Errors: SQLITE_CANTOPEN, …"""
    fd: i32 = vfs_open(db.name, db.name_size, flags)
    check_io(fd)
    vfs_close(db.fd)
    memory_fill(ptr[u8](i32(db.share)), 0, sizeof(Share))
    db.fd = fd
    db.capabilities = vfs_capabilities(fd)
    db.read_only = i32((db.capabilities & CAP_READONLY) != 0)
    db.lock = LOCK_EXCLUSIVE if db.capabilities & (CAP_OWNED | CAP_MEMORY) else LOCK_NONE
    db.recovery_due = 1
    db.loaded = 0


def database_free(db: SharedFile) -> None:
    """Forget a database that no pager uses; its log and journal are closed already."""
    global databases
    cache_free_all(db)
    cipher_free(db.cipher)
    vfs_close(db.fd)
    if databases == i32(db):
        databases = i32(db.next)
    else:
        before: SharedFile = SharedFile(databases)
        while before.next != db:
            before = before.next
        before.next = db.next
    mfree(db.name)
    mfree(ptr[u8](i32(db)))


def pager_new(db: SharedFile, c: KernelConnection, read_only: i32) -> Pager:
    """A pager of the connection on the database."""
    p: Pager = Pager(mzalloc(sizeof(Pager)))
    p.database = db
    p.connection = i32(c)
    p.read_only = read_only
    p.settings.journal_mode = JOURNAL_DELETE
    p.settings.exclusive = c.locking_mode
    p.settings.synchronous = SYNCHRONOUS_FULL
    p.settings.autocheckpoint = DEFAULT_AUTOCHECKPOINT
    p.settings.cache_size = DEFAULT_CACHE_SIZE
    p.settings.journal_size_limit = i64(-1)
    p.next = db.pagers
    db.pagers = p
    cache_set_limit(db)
    return p


def pager_free(p: Pager) -> None:
    """Take a pager that is outside a transaction from its database and free it."""
    db: SharedFile = p.database
    assert p.state == PAGER_NONE, "database: a pager is freed inside a transaction"
    if db.pagers == p:
        db.pagers = p.next
    else:
        before: Pager = db.pagers
        while before.next != p:
            before = before.next
        before.next = p.next
    if db.pagers:
        cache_set_limit(db)
    database_relax(db)
    key_set(p, Secret(0))
    mfree(ptr[u8](i32(p)))


def name_with(db: SharedFile, suffix: ptr[u8], size: i32) -> ptr[u8]:
    """The database's name with a suffix: db.name_size + size bytes behind it, valid until the next call."""
    memory_copy(db.name + db.name_size, suffix, size)
    return db.name


# --- locks ----------------------------------------------------------------------------------------------------


def lock_kept(db: SharedFile) -> i32:
    """LOCK_*: how far the file lock outlives transactions (D2, D3)."""
    if db.capabilities & (CAP_OWNED | CAP_MEMORY):
        return LOCK_EXCLUSIVE
    if db.share.on:
        return LOCK_SHARED  # share.py Z1
    if db.journal.begun and not db.writer:
        # A rollback failed, and only this process has the originals.
        return LOCK_EXCLUSIVE
    held: i32 = held_by_others(db, Pager(0))
    return LOCK_EXCLUSIVE if held and db.journal_mode == JOURNAL_WAL else held


def held_by_others(db: SharedFile, p: Pager) -> i32:
    """LOCK_*: what connections keep between transactions (D5), all but one."""
    held: i32 = LOCK_NONE
    q: Pager = db.pagers
    while q:
        if q != p and q.held > held:
            held = q.held
        q = q.next
    return held


def log_used_by_others(p: Pager) -> i32:
    """1 if another connection has used the log and is still there: to it the database is one with a log."""
    q: Pager = p.database.pagers
    while q and (q == p or not q.log_use):
        q = q.next
    return i32(q != Pager(0))


def lock_hold(p: Pager, level: i32) -> None:
    """A transaction that had this lock ends: with locking_mode EXCLUSIVE it is kept, otherwise none is (D5)."""
    if not p.settings.exclusive:
        p.held = LOCK_NONE
    elif p.held < level:
        p.held = level


def is_alone(db: SharedFile) -> i32:
    """1 if no connection but the writer uses the database or holds a lock on it."""
    return i32(db.active <= 1 and held_by_others(db, Pager(db.writer)) == LOCK_NONE)


def file_lock(db: SharedFile, level: i32) -> i32:
    """Raise the lock on the file; 0 or a negative result code."""
    if db.lock >= level:
        return 0
    rc: i32 = vfs_lock(db.fd, level)
    if rc == 0:
        db.lock = level
    return rc


def file_unlock(db: SharedFile, level: i32) -> None:
    """Lower the lock on the file, unless it is kept."""
    if db.share.on:
        if db.share.alone and not db.writer:
            locks_drop(db)
        if db.lock > LOCK_SHARED:
            vfs_unlock(db.fd, LOCK_SHARED)
            db.lock = LOCK_SHARED
        return
    kept: i32 = lock_kept(db)
    if kept > level:
        level = kept
    if level == LOCK_EXCLUSIVE or (db.journal_mode == JOURNAL_WAL and level != LOCK_NONE):
        return
    if level == LOCK_NONE:
        kept_journal_delete(db)
    # Not only when `lock` is higher: a failed request for LOCK_EXCLUSIVE may have left LOCK_PENDING.
    vfs_unlock(db.fd, level)
    if db.lock > level:
        db.lock = level
    if level == LOCK_NONE:
        db.counted = 0


def kept_journal_delete(db: SharedFile) -> None:
    """Delete the ended journal that exclusive locking has kept, before the lock goes."""
    j: Journal = db.journal
    if db.lock < LOCK_EXCLUSIVE and not db.capabilities & CAP_OWNED:
        return
    if j.fd and not j.begun and db.journal_mode == JOURNAL_DELETE:
        vfs_close(j.fd - 1)
        j.fd = 0
        _ = vfs_delete(name_with(db, JOURNAL_SUFFIX, len(JOURNAL_SUFFIX)), db.name_size + len(JOURNAL_SUFFIX), 0)


def database_relax(db: SharedFile) -> None:
    """Give the file up when no pager is active, also after an error in the middle of taking it."""
    if db.active == 0 and db.lock > LOCK_NONE:
        file_unlock(db, LOCK_NONE)


def writer_relax(db: SharedFile, ends: i32) -> None:
    """The writer is done: readers may come, and other processes write. ends: nobody reads any more in a moment, when
    the lock goes as a whole.
    """
    db.writer = 0
    db.pending = 0
    db.exclusive = 0
    if db.share.on:
        write_unlock(db)
    if db.share.on or db.journal_mode == JOURNAL_WAL or not ends:
        file_unlock(db, LOCK_SHARED)


def exclusive_lock(db: SharedFile) -> i32:
    """Make the writer alone on the database; 0, -SQLITE_BUSY or another negative result code."""
    if not is_alone(db):
        db.pending = 1
        return -SQLITE_BUSY
    rc: i32 = file_lock(db, LOCK_EXCLUSIVE)
    if rc < 0:
        return rc
    db.exclusive = 1
    return 0


@export
def busy_delay(c: KernelConnection, attempt: i32) -> i32:
    """Milliseconds to wait before another attempt at a lock; 0 when busy_timeout_ms was waited already.

    attempt: how often this was called before. What counts is the time waited, as in SQLite.
    """
    last: i32 = len(BUSY_DELAYS) - 1
    slept: i64 = i64(0)
    for i in range(attempt if attempt < last else last):
        slept += i64(BUSY_DELAYS[i])
    if attempt > last:
        slept += i64(attempt - last) * i64(BUSY_DELAYS[last])
    if slept >= i64(c.busy_timeout_ms):
        return 0
    left: i32 = c.busy_timeout_ms - i32(slept)
    delay: i32 = BUSY_DELAYS[attempt if attempt < last else last]
    return delay if delay < left else left


def busy_wait(c: KernelConnection, attempt: i32) -> i32:
    """Sleep before another attempt at a lock that another process holds; 0 when the host cannot, or it is too late."""
    delay: i32 = busy_delay(c, attempt)
    return host_sleep(delay) if delay else 0


def exclusive_lock_waiting(db: SharedFile, c: KernelConnection) -> i32:
    """exclusive_lock, waiting for other processes as long as the connection allows."""
    attempt: i32 = 0
    rc: i32 = exclusive_lock(db)
    while rc == -SQLITE_BUSY and is_alone(db) and busy_wait(c, attempt):
        attempt += 1
        rc = exclusive_lock(db)
    return rc
