"""What PRAGMAs read and set: header fields, cache size, synchronous, journal mode, checkpoints.

Owns the meaning of the DB_* fields of kernel/abi.py. Page 1 is changed like any page; everything else takes effect at
once and belongs to the connection's use of the database (Settings), but for what a file is created with.
"""

from turso_wasm.kernel.abi import (
    ALL_SLOTS,
    DB_APPLICATION_ID,
    DB_AUTO_VACUUM,
    DB_CACHE_SIZE,
    DB_CACHE_SPILL,
    DB_COMMITS,
    DB_DATA_VERSION,
    DB_DEFAULT_CACHE_SIZE,
    DB_ENCODING,
    DB_FREELIST_COUNT,
    DB_JOURNAL_MODE,
    DB_JOURNAL_SIZE_LIMIT,
    DB_LOCKING_MODE,
    DB_MAX_PAGE_COUNT,
    DB_PAGE_COUNT,
    DB_PAGE_SIZE,
    DB_SCHEMA_COOKIE,
    DB_SCHEMA_FORMAT,
    DB_SECURE_DELETE,
    DB_SYNCHRONOUS,
    DB_USER_VERSION,
    DB_WAL_AUTOCHECKPOINT,
    JOURNAL_MVCC,
    JOURNAL_WAL,
    N_SLOTS,
    SETTING_DEFER_FOREIGN_KEYS,
    SETTING_FOREIGN_KEYS,
    SETTING_WRITABLE_SCHEMA,
    SETTINGS_COMPILED,
    TEMP_SLOT,
    UTF8,
    KernelConnection,
    Run,
)
from turso_wasm.kernel.base.errors import SQLITE_ERROR, SQLITE_LOCKED, raise_error
from turso_wasm.kernel.base.vfs import check_io, raise_busy
from turso_wasm.kernel.pager.cache import cache_set_limit, pages_of_cache
from turso_wasm.kernel.pager.checkpoint import CHECKPOINT_PASSIVE, checkpoint
from turso_wasm.kernel.pager.concurrent import refuse_concurrent
from turso_wasm.kernel.pager.database import busy_delay
from turso_wasm.kernel.pager.encryption import reserved_new
from turso_wasm.kernel.pager.header import (
    AT_APPLICATION_ID,
    AT_DEFAULT_CACHE_SIZE,
    AT_ENCODING,
    AT_FREELIST_COUNT,
    AT_INCREMENTAL,
    AT_LARGEST_ROOT,
    AT_SCHEMA_COOKIE,
    AT_SCHEMA_FORMAT,
    AT_USER_VERSION,
    SCHEMA_FORMAT,
    USABLE_MIN,
    page_size_valid,
)
from turso_wasm.kernel.pager.modes import journal_mode_now, mode_change, refuse_read_only
from turso_wasm.kernel.pager.pages import PAGE_COUNT_MAX, pager_get, pager_write
from turso_wasm.kernel.pager.snapshot import pager_begin_read, pager_end_read, settings_take
from turso_wasm.kernel.pager.storage import (
    LOG_ALONE,
    PAGER_NONE,
    PAGER_READ,
    PAGER_WRITE,
    Page,
    Pager,
    Settings,
    SharedFile,
)
from turso_wasm.kernel.session.connection import (
    readers_running,
    relax_all,
    schema_change,
    settle,
    slot_pager,
    violations_forget,
)
from turso_wasm.kernel.session.statement import statement_begin
from turso_wasm.wasm.lang import be32, export, i32, i64, lit, ptr, put_be32, u8, u32

__subset__ = True

# --- of the connection ----------------------------------------------------------------------------------------


@export
def setting_get(s: Run, bit: i32) -> i32:
    """1 if a setting (SETTING_*) of the connection is on."""
    return i32(KernelConnection(s.connection).settings & bit != 0)


@export
def setting_set(s: Run, bit: i32, on: i32) -> i32:
    """Turn a setting on or off; whether it is on now. Enforcement of foreign keys does not change in a transaction.

    What is compiled for another one is refused from now on, as after a change of the schema.
    """
    c: KernelConnection = KernelConnection(s.connection)
    before: i32 = c.settings
    if bit != SETTING_FOREIGN_KEYS or c.autocommit:
        c.settings = before | bit if on else before & ~bit
    if bit == SETTING_DEFER_FOREIGN_KEYS and not on:
        violations_forget(c)
    if (before ^ c.settings) & SETTINGS_COMPILED or (bit == SETTING_WRITABLE_SCHEMA and not on):
        c.schema_epoch += 1
    return setting_get(s, bit)


# --- reading --------------------------------------------------------------------------------------------------


@export
def database_get(c: KernelConnection, slot: i32, field: i32) -> i64:
    """The value of a DB_* field (ALL_SLOTS: of main, or what databases get that are still to be opened), read under a
    short read lock if no transaction is open. Raises what reading raises.
    """
    if field == DB_ENCODING:
        return i64(connection_encoding(c))
    if slot == ALL_SLOTS:
        if field == DB_LOCKING_MODE:
            return i64(c.locking_mode)
        slot = 0
    p: Pager = slot_pager(c, slot)
    if field == DB_COMMITS:
        return i64(p.own_commits)
    if field == DB_CACHE_SIZE:
        return i64(p.settings.cache_size)
    if field == DB_SYNCHRONOUS:
        return i64(p.settings.synchronous)
    if field == DB_WAL_AUTOCHECKPOINT:
        return i64(p.settings.autocheckpoint)
    if field == DB_LOCKING_MODE:
        return i64(p.settings.exclusive or not p.database.name)
    if field == DB_JOURNAL_SIZE_LIMIT:
        return p.settings.journal_size_limit
    if field == DB_SECURE_DELETE:
        return i64(p.settings.secure_delete)
    if field == DB_CACHE_SPILL:
        return spill_limit(p)
    if field == DB_MAX_PAGE_COUNT:
        return i64(p.max_page_count if p.max_page_count else PAGE_COUNT_MAX)
    value: i64 = field_look(p, field)
    relax_all(c)
    return value


def field_look(p: Pager, field: i32) -> i64:
    """field_read, under a short read lock if no transaction is open. Raises."""
    began: i32 = i32(p.state == PAGER_NONE)
    pager_begin_read(p)
    value: i64 = field_read(p, field)
    if began:
        pager_end_read(p)
    return value


@export
def connection_encoding(c: KernelConnection) -> i32:
    """UTF8, …: the encoding of all databases of a connection, which is that of main if that has one yet.

    Errors: SQLITE_ERROR when another database has another one; what reading a file raises.
    """
    encoding: i32 = i32(field_look(Pager(c.pagers[0]), DB_ENCODING))
    if encoding == 0:
        encoding = c.encoding if c.encoding else UTF8
    for slot in range(1, N_SLOTS):
        if c.pagers[slot]:
            other: i32 = i32(field_look(Pager(c.pagers[slot]), DB_ENCODING))
            if other != 0 and other != encoding:
                raise_error(SQLITE_ERROR, *lit(b"attached databases must use the same text encoding as main database"))
    relax_all(c)
    return encoding


@export
def encoding_set(s: Run, encoding: i32) -> None:
    """PRAGMA encoding: of databases that are still to be created; nothing changes once one has an encoding. Raises."""
    c: KernelConnection = KernelConnection(s.connection)
    for slot in range(N_SLOTS):
        if c.pagers[slot] and field_look(Pager(c.pagers[slot]), DB_ENCODING) != 0:
            return
    c.encoding = encoding
    c.schema_epoch += 1


def spill_limit(p: Pager) -> i64:
    """DB_CACHE_SPILL."""
    if p.settings.no_spill:
        return i64(0)
    limit: i32 = pages_of_cache(p.database, p.settings.cache_size)
    return i64(limit if limit > p.settings.spill_size else p.settings.spill_size)


def field_read(p: Pager, field: i32) -> i64:
    """The value of a field that depends on the view of an active pager. DB_ENCODING: 0 while it has none."""
    db: SharedFile = p.database
    if field == DB_PAGE_SIZE:
        return i64(db.page_size)
    if field == DB_PAGE_COUNT:
        return i64(p.page_count)
    if field == DB_JOURNAL_MODE:
        return i64(journal_mode_now(p))
    if field == DB_DATA_VERSION:
        return i64(p.seen_commits - p.own_commits) + 1
    if p.page_count == 0:
        if field == DB_AUTO_VACUUM:
            return i64(db.new_auto_vacuum)
        return i64(0)
    header: ptr[u8] = pager_get(p, u32(1)).data
    if field == DB_AUTO_VACUUM:
        return auto_vacuum_of(header)
    if field == DB_ENCODING:
        return i64(be32(header + AT_ENCODING) & 3)
    at: i32 = field_offset(field)
    return i64(i32(be32(header + at))) if at else i64(0)


def auto_vacuum_of(header: ptr[u8]) -> i64:
    """0 none, 1 full, 2 incremental."""
    if be32(header + AT_LARGEST_ROOT) == 0:
        return i64(0)
    return i64(2) if be32(header + AT_INCREMENTAL) else i64(1)


def field_offset(field: i32) -> i32:
    """Where the header has a field, as 4 bytes; 0: nowhere."""
    if field == DB_FREELIST_COUNT:
        return AT_FREELIST_COUNT
    if field == DB_SCHEMA_COOKIE:
        return AT_SCHEMA_COOKIE
    if field == DB_SCHEMA_FORMAT:
        return AT_SCHEMA_FORMAT
    if field == DB_DEFAULT_CACHE_SIZE:
        return AT_DEFAULT_CACHE_SIZE
    if field == DB_USER_VERSION:
        return AT_USER_VERSION
    if field == DB_APPLICATION_ID:
        return AT_APPLICATION_ID
    return 0


# --- setting --------------------------------------------------------------------------------------------------


@export
def database_set(s: Run, slot: i32, field: i32, value: i64) -> i64:
    """Set a DB_* field; the value now in force (ALL_SLOTS: in all databases, that of main). Fields of the header become
    part of the transaction (begun if need be).

    page_size and auto_vacuum are for databases that do not exist yet; others change with their next VACUUM (but
    auto_vacuum switches between full and incremental at once). Errors: as statement_begin.
    """
    c: KernelConnection = KernelConnection(s.connection)
    if slot == ALL_SLOTS:
        field_set_others(c, field, i32(value))
        slot = 0
    p: Pager = slot_pager(c, slot)
    if field == DB_JOURNAL_SIZE_LIMIT:
        p.settings.journal_size_limit = value if value >= 0 else i64(-1)
        settings_use(p)
        return p.settings.journal_size_limit
    if field == DB_MAX_PAGE_COUNT:
        return max_page_count_set(c, p, slot, value)
    if field == DB_SYNCHRONOUS:
        return synchronous_set(c, p, slot, i32(value))
    if field_set(p, field, i32(value)):
        return database_get(c, slot, field)
    if field == DB_PAGE_SIZE or field == DB_AUTO_VACUUM:  # noqa: SIM109
        return creation_set(s, p, slot, field, i32(value))
    at: i32 = field_offset(field)
    if at == 0 or field == DB_FREELIST_COUNT:
        return database_get(KernelConnection(s.connection), slot, field)
    statement_begin(s, slot, 1, -1)
    refuse_concurrent(p)
    page: Page = pager_write(p, pager_get(p, u32(1)))
    put_be32(page.data + at, u32(i32(value)))
    if field == DB_SCHEMA_COOKIE:
        schema_begin(page.data, c)
        schema_change(KernelConnection(s.connection))
    return value


def synchronous_set(c: KernelConnection, p: Pager, slot: i32, value: i32) -> i64:
    """How much is synced from now on; temp never syncs. Errors: "Safety level may not be changed …"."""
    if not c.autocommit:
        raise_error(SQLITE_ERROR, *lit(b"Safety level may not be changed inside a transaction"))
    if slot != TEMP_SLOT:
        p.settings.synchronous = value
    return i64(p.settings.synchronous)


def max_page_count_set(c: KernelConnection, p: Pager, slot: i32, value: i64) -> i64:
    """Let the database grow to so many pages; no fewer than it has. Nothing changes for 0 and less."""
    if value > 0:
        n: i64 = database_get(c, slot, DB_PAGE_COUNT)
        value = value if value > n else n
        p.max_page_count = u32(value) if value < i64(PAGE_COUNT_MAX) else PAGE_COUNT_MAX
    return database_get(c, slot, DB_MAX_PAGE_COUNT)


def field_set_others(c: KernelConnection, field: i32, value: i32) -> None:
    """Set a field that is not part of the file in every database but main, and for those that are still to come."""
    if field == DB_LOCKING_MODE:
        c.locking_mode = i32(value == 1)
    for slot in range(1, N_SLOTS):
        if c.pagers[slot]:
            _ = field_set(Pager(c.pagers[slot]), field, value)


def schema_begin(header: ptr[u8], c: KernelConnection) -> None:
    """With the first change of its schema a database gets what the schema's meaning depends on: format and encoding.

    SQLite ignores DESC in the indexes of formats before 4, so a file that leaves it at 0 has those in another order.
    """
    if be32(header + AT_SCHEMA_FORMAT) == 0:
        put_be32(header + AT_SCHEMA_FORMAT, u32(SCHEMA_FORMAT))
    if be32(header + AT_ENCODING) == 0:
        put_be32(header + AT_ENCODING, u32(connection_encoding(c)))


def field_set(p: Pager, field: i32, value: i32) -> i32:
    """Set a field that is not part of the file; 0 if it is none of those."""
    own: Settings = p.settings
    if field == DB_CACHE_SIZE:
        own.cache_size = value
        cache_set_limit(p.database)
    elif field == DB_WAL_AUTOCHECKPOINT:
        own.autocheckpoint = value if value > 0 else 0
    elif field == DB_LOCKING_MODE:
        own.exclusive = i32(value == 1 or (own.exclusive != 0 and p.log_use == LOG_ALONE))
    elif field == DB_SECURE_DELETE:
        own.secure_delete = value
    elif field == DB_CACHE_SPILL:
        own.no_spill = i32(value == 0)
        if value != 0 and value != 1:  # neither is a size: off and on
            own.spill_size = pages_of_cache(p.database, value)
    else:
        return 0
    settings_use(p)
    return 1


def settings_use(p: Pager) -> None:
    """Use the settings at once, unless another connection is writing."""
    if p.database.writer == 0 or p.database.writer == i32(p):
        settings_take(p)


def creation_set(s: Run, p: Pager, slot: i32, field: i32, value: i32) -> i64:
    """Set what is fixed when a database is created, if it is not yet; the value in force. Auto-vacuum creates it."""
    statement_begin(s, slot, 0, -1)
    db: SharedFile = p.database
    if p.page_count == 0 and p.state != PAGER_WRITE:
        if field == DB_AUTO_VACUUM and value >= 0 and value <= 2:
            db.new_auto_vacuum = value
            if value:
                statement_begin(s, slot, 1, -1)
        if field == DB_PAGE_SIZE and page_size_valid(u32(value)) and value - reserved_new(db) >= USABLE_MIN:
            db.new_page_size = value
            db.page_size = value
            db.usable_size = value - reserved_new(db)
            p.usable_size = db.usable_size
            cache_set_limit(db)
    elif field == DB_AUTO_VACUUM:
        auto_vacuum_switch(s, p, slot, value)
    elif page_size_valid(u32(value)):
        p.vacuum_page_size = value
    return field_read(p, field)


def auto_vacuum_switch(s: Run, p: Pager, slot: i32, value: i32) -> None:
    """Switch an auto-vacuum database between full and incremental; everything else waits for VACUUM."""
    now: i64 = auto_vacuum_of(pager_get(p, u32(1)).data)
    p.vacuum_auto_vacuum = value + 1
    if now == 0 or value == 0 or value == i32(now):
        return
    statement_begin(s, slot, 1, -1)
    refuse_concurrent(p)
    page: Page = pager_write(p, pager_get(p, u32(1)))
    put_be32(page.data + AT_INCREMENTAL, u32(value == 2))


# --- journal mode and checkpoints -----------------------------------------------------------------------------


@export
def journal_mode_set(s: Run, slot: i32, mode: i32) -> i32:
    """Change the journal mode, of all databases with ALL_SLOTS; the mode now in force, of main then. mode: JOURNAL_*.
    JOURNAL_MVCC has BEGIN mean BEGIN CONCURRENT from now on, any other mode has it no longer.

    Errors: SQLITE_ERROR when WAL would begin or end inside a transaction; SQLITE_BUSY while others use the database.
    """
    c: KernelConnection = KernelConnection(s.connection)
    begins_concurrent: i32 = i32(mode == JOURNAL_MVCC)
    if begins_concurrent:
        mode = JOURNAL_WAL
    at: i32 = N_SLOTS - 1
    while slot == ALL_SLOTS and at > 0:
        if c.pagers[at]:
            _ = slot_mode_set(c, at, mode)
        at -= 1
    now: i32 = slot_mode_set(c, 0 if slot == ALL_SLOTS else slot, mode)
    c.begins_concurrent = begins_concurrent
    return now


def slot_mode_set(c: KernelConnection, slot: i32, mode: i32) -> i32:
    """Change the journal mode of one database; the mode now in force. Raises."""
    p: Pager = slot_pager(c, slot)
    busy: i32 = i32(not c.autocommit or readers_running(c) > 0)
    began: i32 = i32(p.state == PAGER_NONE)
    pager_begin_read(p)
    now: i32 = mode_change(p, mode, busy)
    if began and p.state == PAGER_READ:  # also inside a transaction, which has not read yet
        pager_end_read(p)
    settle(c)
    return now


@export
def wal_checkpoint(s: Run, slot: i32, mode: i32) -> tuple[i32, i32, i32]:
    """Move the log into the file, with ALL_SLOTS of every database; mode 0 PASSIVE 1 FULL 2 RESTART 3 TRUNCATE.

    Returns (1 if readers or a writer stood in the way, frames in the log, frames moved; the last two of main's with
    ALL_SLOTS); without a log (0, -1, -1). Errors: SQLITE_LOCKED where this connection is reading or writing;
    SQLITE_READONLY; I/O errors.
    """
    c: KernelConnection = KernelConnection(s.connection)
    first: i32 = slot if slot != ALL_SLOTS else 0
    busy, frames, moved = slot_checkpoint(c, first, mode)
    if slot == ALL_SLOTS:
        for at in range(1, N_SLOTS):
            if c.pagers[at]:
                others, _, _ = slot_checkpoint(c, at, mode)
                busy |= others
    if busy and mode != CHECKPOINT_PASSIVE and slot_pager(c, first).database.share.on and busy_delay(c, s.attempts):
        raise_busy()  # the statement waits for other processes, and runs again
    return busy, frames, moved


def slot_checkpoint(c: KernelConnection, slot: i32, mode: i32) -> tuple[i32, i32, i32]:
    """wal_checkpoint of one database. Raises."""
    p: Pager = slot_pager(c, slot)
    if p.state != PAGER_NONE:
        raise_error(SQLITE_LOCKED, *lit(b"database table is locked"))
    pager_begin_read(p)
    settings_use(p)
    db: SharedFile = p.database
    busy: i32 = 0
    frames: i32 = -1
    moved: i32 = -1
    if db.journal_mode == JOURNAL_WAL:
        if db.wal.committed:
            refuse_read_only(p)
        if p.read_only or db.read_only:
            frames, moved = 0, 0
        else:
            if db.share.on:
                pager_end_read(p)  # or it would be a reader that stands in the way
            busy, frames, moved = checkpoint(db, mode)
    settle(c)
    check_io(busy)
    return busy, frames, moved


@export
def busy_timeout_set(s: Run, ms: i32) -> i32:
    """PRAGMA busy_timeout: how long a lock of another process or connection is waited for; the value in force."""
    c: KernelConnection = KernelConnection(s.connection)
    c.busy_timeout_ms = ms if ms > 0 else 0
    return c.busy_timeout_ms


@export
def analysis_limit_set(s: Run, n: i64) -> i32:
    """PRAGMA analysis_limit: how many entries of an index ANALYZE looks at, 0: all, below 0: as before; in force."""
    c: KernelConnection = KernelConnection(s.connection)
    if n >= 0:
        c.analysis_limit = i32(n) if n < 0x7FFFFFFF else 0x7FFFFFFF
    return c.analysis_limit


@export
def busy_timeout_get(s: Run) -> i32:
    """The busy timeout in ms."""
    return KernelConnection(s.connection).busy_timeout_ms
