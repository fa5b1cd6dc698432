"""VACUUM: the database is built anew without gaps, in a temporary file, which then replaces all of its pages.

Owns copying the b-trees and the schema, changes of page size and auto-vacuum, and VACUUM INTO, whose copy is a file
that stays. The Program knows which objects there are, in the order in which SQLite writes them; the rest is the same
for all schemas.

A run is many short steps, so that a long one can be interrupted: first the entries of one b-tree after the other are
appended to the copy, then the copy's pages become the transaction's. The commit is an ordinary one.

Invariants:
  V1  The copy is in no slot: the statement's Vacuum owns its pager, and closes it whatever happens.
  V2  Records are copied as they are; only the root page numbers in sqlite_schema change, and some rowids.
  V3  The database changes in the second half of a run, all of it in one transaction. With another page size the image
      is cut into pages of the old one: those are journalled and written (Pager.replaced).
"""

from turso_wasm.kernel.abi import (
    CAP_MEMORY,
    INDEX_BTREE,
    JOURNAL_OFF,
    JOURNAL_WAL,
    OPEN_CREATE,
    TABLE_BTREE,
    TEXT,
    Cursor,
    KernelConnection,
    KeyInfo,
    Resource,
    Run,
    Value,
)
from turso_wasm.kernel.base.errors import SQLITE_CANTOPEN, SQLITE_ERROR, raise_corrupt, raise_error
from turso_wasm.kernel.base.memory import arena_mark, arena_release, mfree
from turso_wasm.kernel.base.resources import KIND_VACUUM, keep_alloc, resource_add
from turso_wasm.kernel.base.tempfile import temp_flags
from turso_wasm.kernel.base.vfs import check_io, vfs_size, vfs_sync
from turso_wasm.kernel.btree.cell import LEAF, TABLE_LEAF
from turso_wasm.kernel.btree.cursor.move import cursor_first, cursor_next
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_invalidate, cursor_new
from turso_wasm.kernel.btree.cursor.read import cursor_payload
from turso_wasm.kernel.btree.insert import entry_append
from turso_wasm.kernel.btree.page import page_header
from turso_wasm.kernel.btree.tree import tree_create
from turso_wasm.kernel.pager.commit import pager_rollback
from turso_wasm.kernel.pager.database import database_open, pager_free, pager_new
from turso_wasm.kernel.pager.encryption import TAIL, UNASKED, Secret, cipher_copy, cipher_give, key_set
from turso_wasm.kernel.pager.header import (
    AT_APPLICATION_ID,
    AT_CHANGE_COUNTER,
    AT_DEFAULT_CACHE_SIZE,
    AT_ENCODING,
    AT_INCREMENTAL,
    AT_LARGEST_ROOT,
    AT_PAGE_COUNT,
    AT_SCHEMA_COOKIE,
    AT_SCHEMA_FORMAT,
    AT_USER_VERSION,
    USABLE_MIN,
)
from turso_wasm.kernel.pager.journal import lock_byte_page
from turso_wasm.kernel.pager.modes import pager_begin_write, writer_commit
from turso_wasm.kernel.pager.pages import (
    pager_get,
    pager_new_page,
    pager_of,
    pager_truncate,
    pager_write,
    pager_write_blank,
)
from turso_wasm.kernel.pager.snapshot import pager_end_read
from turso_wasm.kernel.pager.storage import Cipher, Page, Pager, SharedFile
from turso_wasm.kernel.session.attach import file_locate, raise_about, secret_of
from turso_wasm.kernel.session.connection import database_close, readers_running, schema_change
from turso_wasm.kernel.session.statement import statement_begin
from turso_wasm.kernel.values.record import record_column, record_columns, record_encode
from turso_wasm.wasm.lang import (
    Struct,
    be32,
    export,
    funcref,
    i32,
    i64,
    lit,
    memory_copy,
    ptr,
    put_be32,
    scratch,
    sizeof,
    u8,
    u32,
)

__subset__ = True

STEP_BYTES = 1 << 16  # that one step copies
STEP_ENTRIES = 1 << 10
COMMIT_PAGES = 1 << 11  # private pages of the copy that go to its file
N_SCHEMA_COLUMNS = 5
ROOTPAGE = 3
KEPT_FIELDS = bytes(  # of the header
    (
        AT_CHANGE_COUNTER,
        AT_SCHEMA_FORMAT,
        AT_DEFAULT_CACHE_SIZE,
        AT_ENCODING,
        AT_USER_VERSION,
        AT_APPLICATION_ID,
    )
)
NO_HEADER = bytes(100)  # of a database that does not exist yet
RENUMBER = 1  # CopiedObject.flags: rowids count from 1


class CopiedObject(Struct):
    """A row of sqlite_schema, in the Program's data; they are in the order they will have."""

    row: i32  # which row it is now, from 0
    flags: i32


class SchemaRow(Struct):
    """A row of sqlite_schema as it was, and the root page that it has now."""

    record: ptr[u8]
    size: i32
    root: u32


class Vacuum(Resource):
    """A VACUUM in progress."""

    statement: Run
    source: Pager
    copy: Pager
    objects: ptr[CopiedObject]
    n: i32
    rows: ptr[SchemaRow]
    roots: ptr[u32]  # of the objects in the copy
    at: i32  # the object whose entries are copied; n: all are
    reader: Cursor  # on its b-tree; null between objects
    writer: Cursor
    into: i32  # 1: the copy is a file that stays, and the database is only read
    rowid: i64  # the last one, if they are renumbered
    pgno: u32  # the last page of the database that was replaced
    fields: KeyInfo.embed  # of index cursors, which compare nothing


# --- beginning ------------------------------------------------------------------------------------------------


@export
def vacuum_begin(s: Run, slot: i32, objects: ptr[CopiedObject], n: i32) -> Vacuum:
    """Begin a VACUUM of the database in a slot, which has n objects.

    Errors: SQLITE_ERROR in a transaction or beside other statements; as statement_begin.
    """
    c: KernelConnection = KernelConnection(s.connection)
    check_alone(c)
    statement_begin(s, slot, 1, -1)
    v: Vacuum = vacuum_new(s, slot, objects, n)
    copy_open(v, v.source.database.cipher)
    copy_begin(v)
    return v


def copy_open(v: Vacuum, cipher: Cipher) -> None:
    """Open the temporary file that the copy is, encrypted like this. Raises."""
    c: KernelConnection = KernelConnection(v.statement.connection)
    rc, db = database_open(ptr[u8](0), 0, temp_flags(c) | OPEN_CREATE)
    check_io(rc)
    v.copy = pager_new(db, c, 0)
    cipher_give(v.copy, cipher_copy(cipher))


@export
def vacuum_into(
    s: Run, slot: i32, objects: ptr[CopiedObject], n: i32, tag: i32, payload: i64, keyed: i32, key_tag: i32, key: i64
) -> Vacuum:
    """Begin a VACUUM INTO the file that the user calls so; the statement reads the database already.

    keyed: 1 if the copy has another key than the database. Errors: SQLITE_ERROR as vacuum_begin, if the name is no
    text, and if there is something in the file; SQLITE_CANTOPEN.
    """
    check_alone(KernelConnection(s.connection))
    if tag != TEXT:
        raise_error(SQLITE_ERROR, *lit(b"non-text filename"))
    v: Vacuum = vacuum_new(s, slot, objects, n)
    v.into = 1
    secret: Secret = secret_of(s, key_tag, key) if keyed else Secret(0)
    file_open(v, ptr[u8](u32(payload)), i32(payload >> 32), secret)
    if v.copy.admitted != UNASKED:
        cipher_give(v.copy, Cipher(0) if keyed else cipher_copy(v.source.database.cipher))
    v.copy.settings.synchronous = 0
    copy_begin(v)
    return v


def vacuum_new(s: Run, slot: i32, objects: ptr[CopiedObject], n: i32) -> Vacuum:
    """A VACUUM that has no copy yet."""
    v: Vacuum = Vacuum(i32(resource_add(s, sizeof(Vacuum), KIND_VACUUM, funcref(vacuum_release))))
    v.statement = s
    v.source = pager_of(KernelConnection(s.connection), slot)
    v.objects = objects
    v.n = n
    return v


def file_open(v: Vacuum, name: ptr[u8], size: i32, secret: Secret) -> None:
    """Open the file that the copy is to be; one without a name is temporary. secret: its key, or null. Raises."""
    s: Run = v.statement
    c: KernelConnection = KernelConnection(s.connection)
    rc, full, full_size, flags, given = file_locate(s, name, size)
    db: SharedFile = SharedFile(0)
    if rc == 0:
        rc, db = database_open(full, full_size, flags | OPEN_CREATE)
    if rc == -SQLITE_CANTOPEN:
        raise_about(s, SQLITE_CANTOPEN, *lit(b"unable to open database: "), name, size, *lit(b""))
    check_io(rc)
    taken: i32 = i32(db.pagers)
    v.copy = pager_new(db, c, 0)
    key_set(v.copy, given)
    if secret:
        key_set(v.copy, secret)
    if taken or (db.fd >= 0 and vfs_size(db.fd) > 0):
        raise_error(SQLITE_ERROR, *lit(b"output file already exists"))


def check_alone(c: KernelConnection) -> None:
    """Errors: SQLITE_ERROR in a transaction, or while other statements of the connection run."""
    if not c.autocommit:
        raise_error(SQLITE_ERROR, *lit(b"cannot VACUUM from within a transaction"))
    if readers_running(c) > 1:
        raise_error(SQLITE_ERROR, *lit(b"cannot VACUUM - SQL statements in progress"))


def copy_begin(v: Vacuum) -> None:
    """Begin the copy: the header, schema and roots that it will have. Raises."""
    p: Pager = v.source
    db: SharedFile = v.copy.database
    header: ptr[u8] = pager_get(p, u32(1)).data if p.page_count else NO_HEADER
    v.copy.settings.journal_mode = JOURNAL_OFF
    db.log_wanted = 0
    db.new_page_size = page_size_wanted(p, v.into)
    db.new_reserved = p.database.page_size - p.usable_size
    if p.database.cipher and not db.cipher and v.copy.admitted != UNASKED:
        db.new_reserved -= TAIL
    db.new_auto_vacuum = auto_vacuum_wanted(p, header)
    pager_begin_write(v.copy)
    first: ptr[u8] = pager_write(v.copy, pager_get(v.copy, u32(1))).data
    for i in range(len(KEPT_FIELDS)):
        at: i32 = KEPT_FIELDS[i]
        put_be32(first + at, be32(header + at))
    put_be32(first + AT_SCHEMA_COOKIE, be32(header + AT_SCHEMA_COOKIE) + 1)
    rows_read(v)
    trees_create(v)
    rows_write(v)


def page_size_wanted(p: Pager, into: i32) -> i32:
    """The page size after VACUUM: it stays if there is a log or no file, and where pages are encoded."""
    db: SharedFile = p.database
    stays: i32 = i32(not into and db.journal_mode == JOURNAL_WAL)
    is_encoded: i32 = i32(not into and (db.cipher or db.is_rekeyed))
    if p.vacuum_page_size == 0 or stays or db.capabilities & CAP_MEMORY or is_encoded:
        return db.page_size
    reserved: i32 = db.page_size - p.usable_size
    return p.vacuum_page_size if p.vacuum_page_size - reserved >= USABLE_MIN else db.page_size


def auto_vacuum_wanted(p: Pager, header: ptr[u8]) -> i32:
    """Auto-vacuum after VACUUM: 0 none, 1 full, 2 incremental."""
    if p.vacuum_auto_vacuum:
        return p.vacuum_auto_vacuum - 1
    if be32(header + AT_LARGEST_ROOT) == 0:
        return 0
    return 2 if be32(header + AT_INCREMENTAL) else 1


def rows_read(v: Vacuum) -> None:
    """Keep a copy of the rows of sqlite_schema that are wanted. Errors: SQLITE_CORRUPT if there are fewer."""
    s: Run = v.statement
    n: i32 = 0
    for k in range(v.n):
        n = v.objects[k].row + 1 if v.objects[k].row >= n else n
    v.rows = ptr[SchemaRow](i32(keep_alloc(s, n * sizeof(SchemaRow) + 1)))
    c: Cursor = cursor_new(v.source, s, u32(1), KeyInfo(0), 0)
    more: i32 = cursor_first(c)
    for i in range(n):
        if not more:
            raise_corrupt(u32(1))
        row: SchemaRow = v.rows[i]
        row.size = c.payload_size
        row.record = keep_alloc(s, row.size)
        memory_copy(row.record, cursor_payload(c), row.size)
        _tag, root = record_column(row.record, row.size, ROOTPAGE)
        row.root = u32(i32(root))
        more = cursor_next(c)
    cursor_close(c)


def trees_create(v: Vacuum) -> None:
    """Make the root pages of the copy: those of an auto-vacuum database come before all other pages."""
    v.roots = ptr[u32](i32(keep_alloc(v.statement, v.n * 4 + 4)))
    for i in range(v.n):
        root: u32 = object_row(v, i).root
        v.roots[i] = tree_create(v.copy, tree_kind(v.source, root)) if root else u32(0)


def object_row(v: Vacuum, i: i32) -> SchemaRow:
    """The row of sqlite_schema of an object."""
    return v.rows[v.objects[i].row]


def tree_kind(p: Pager, root: u32) -> i32:
    """TABLE_BTREE or INDEX_BTREE, as the root page says."""
    kind: i32 = page_header(pager_get(p, root)).kind | LEAF
    return TABLE_BTREE if kind == TABLE_LEAF else INDEX_BTREE


def rows_write(v: Vacuum) -> None:
    """Write sqlite_schema of the copy. Raises."""
    s: Run = v.statement
    c: Cursor = cursor_new(v.copy, Run(0), u32(1), KeyInfo(0), 1)
    values: ptr[Value] = ptr[Value](i32(scratch(N_SCHEMA_COLUMNS * 16)))
    mark: i32 = arena_mark(s.arena)
    for i in range(v.n):
        row: SchemaRow = object_row(v, i)
        record_columns(row.record, row.size, i64((1 << N_SCHEMA_COLUMNS) - 1), values)
        if v.roots[i]:
            values[ROOTPAGE].payload = i64(v.roots[i])
        record: i64 = record_encode(s, values, N_SCHEMA_COLUMNS)
        entry_append(c, i64(i) + 1, ptr[u8](i32(record)), i32(record >> 32))
        arena_release(s.arena, mark)
    cursor_close(c)


# --- going on -------------------------------------------------------------------------------------------------


@export
def vacuum_step(v: Vacuum) -> i32:
    """Do the next part; 0 when nothing is left but the commit. Raises, also SQLITE_CORRUPT."""
    if v.at < v.n:
        entries_copy(v)
        return 1
    if v.into:
        file_finish(v)
        return 0
    return pages_copy(v)


def file_finish(v: Vacuum) -> None:
    """Make the file of VACUUM INTO durable, if the database is. Raises."""
    db: SharedFile = v.copy.database
    writer_commit(v.copy)
    if v.source.settings.synchronous and not (db.capabilities & CAP_MEMORY):
        check_io(vfs_sync(db.fd))


def entries_copy(v: Vacuum) -> None:
    """Append some of the entries of the current object to its copy, and go on to the next one at the end."""
    if not v.reader and not object_open(v):
        v.at += 1
        return
    renumber: i32 = v.objects[v.at].flags & RENUMBER
    more: i32 = v.reader.valid
    entries: i32 = 0
    copied: i32 = 0
    while more and entries < STEP_ENTRIES and copied < STEP_BYTES:
        v.rowid = v.rowid + 1 if renumber else v.reader.rowid
        entry_append(v.writer, v.rowid, cursor_payload(v.reader), v.reader.payload_size)
        entries += 1
        copied += v.reader.payload_size
        more = cursor_next(v.reader)
    if v.copy.private.n_pages > COMMIT_PAGES:
        cursor_invalidate(v.writer)
        writer_commit(v.copy)
        pager_begin_write(v.copy)
    if not more:
        object_close(v)
        v.at += 1


def object_open(v: Vacuum) -> i32:
    """Open cursors on the current object, the first one on its first entry; 0 if it has no b-tree."""
    row: SchemaRow = object_row(v, v.at)
    if row.root == 0:
        return 0
    fields: KeyInfo = KeyInfo(0)
    if tree_kind(v.source, row.root) == INDEX_BTREE:
        fields = v.fields
    v.writer = cursor_new(v.copy, Run(0), v.roots[v.at], fields, 1)
    v.reader = cursor_new(v.source, Run(0), row.root, fields, 0)
    v.rowid = i64(0)
    _ = cursor_first(v.reader)
    return 1


def object_close(v: Vacuum) -> None:
    """Close the cursors on an object."""
    if v.reader:
        cursor_close(v.reader)
    if v.writer:
        cursor_close(v.writer)
    v.reader = Cursor(0)
    v.writer = Cursor(0)


def pages_copy(v: Vacuum) -> i32:
    """Replace some pages of the database by what the copy has there; 0 when they are all replaced."""
    p: Pager = v.source
    size: i32 = p.database.page_size
    if v.pgno == 0:
        pages_begin(v)
    total: u32 = u32((copy_size(v) + i64(size - 1)) // i64(size))
    last: u32 = v.pgno + u32(STEP_BYTES // size)
    while v.pgno < last:
        if v.pgno >= total:
            pages_end(v, total)
            return 0
        v.pgno += 1
        if v.pgno != lock_byte_page(size):
            page: Page = pager_write_blank(p, v.pgno) if v.pgno <= p.page_count else pager_new_page(p)
            image_copy(v.copy, i64(v.pgno - 1) * i64(size), page.data, size)
    return 1


def copy_size(v: Vacuum) -> i64:
    """The bytes of the copy."""
    return i64(v.copy.page_count) * i64(v.copy.database.page_size)


def pages_begin(v: Vacuum) -> None:
    """Complete the header of the copy. Errors: SQLITE_ERROR for a change that cannot be made (V3)."""
    size: i32 = v.copy.database.page_size
    if size < v.source.database.page_size and v.copy.page_count >= lock_byte_page(size):
        # The page of the old size that covers the lock bytes covers pages of the new size as well.
        raise_error(SQLITE_ERROR, *lit(b"not supported yet: smaller pages for more than 1 GiB"))
    first: Page = pager_write(v.copy, pager_get(v.copy, u32(1)))
    put_be32(first.data + AT_PAGE_COUNT, v.copy.page_count)


def pages_end(v: Vacuum, total: u32) -> None:
    """The database has so many pages now."""
    p: Pager = v.source
    pager_truncate(p, total)
    p.replaced = v.copy.database.page_size
    p.vacuum_page_size = 0
    p.vacuum_auto_vacuum = 0
    schema_change(KernelConnection(v.statement.connection))


def image_copy(p: Pager, at: i64, out: ptr[u8], n: i32) -> None:
    """Copy n bytes at an offset of a database of which a pager sees all pages; the lock-byte page is left out."""
    size: i32 = p.database.page_size
    done: i32 = 0
    while done < n:
        pgno: u32 = u32((at + i64(done)) // i64(size)) + 1
        start: i32 = i32((at + i64(done)) % i64(size))
        length: i32 = size - start if size - start < n - done else n - done
        if pgno <= p.page_count and pgno != lock_byte_page(size):
            memory_copy(out + done, pager_get(p, pgno).data + start, length)
        done += length


# --- the end --------------------------------------------------------------------------------------------------


def vacuum_release(resource: i32) -> None:
    """Close the copy (V1)."""
    v: Vacuum = Vacuum(resource)
    object_close(v)
    p: Pager = v.copy
    if p:
        _ = pager_rollback(p)
        pager_end_read(p)
        db: SharedFile = p.database
        pager_free(p)
        if not db.pagers:
            database_close(db)
    mfree(ptr[u8](resource))
