"""sqlite_dbpage: the pages of a database as blobs, read and written as they are.

What is written is seen at once. How many pages there are is what page 1 says: pages behind it can be written, and are
part of the database if a page 1 that counts them is written in the same transaction. NULL for a page drops it and all
behind it with the commit, unless a page is written after that.

Source: https://sqlite.org/dbpage.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, KernelConnection, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.btree.cursor.save import cursors_save_all
from turso_wasm.kernel.fts.structure import structure_changed
from turso_wasm.kernel.pager.concurrent import refuse_concurrent
from turso_wasm.kernel.pager.header import AT_PAGE_COUNT, AT_READ_VERSION, AT_WRITE_VERSION
from turso_wasm.kernel.pager.pages import PAGE_COUNT_MAX, page_blank, pager_get, pager_of, pager_page_count
from turso_wasm.kernel.pager.storage import PAGER_WRITE, Page, Pager
from turso_wasm.kernel.session.attach import slot_named, text_of
from turso_wasm.kernel.session.connection import schema_change
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_integer
from turso_wasm.wasm.lang import be32, export, i32, i64, lit, memory_copy, ptr, u8, u32

__subset__ = True


@export
def fn_database_pages(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """The number of pages of the database in a slot."""
    return INTEGER, i64(pager_page_count(pager_of(KernelConnection(stmt.connection), i32(payload))))


@export
def fn_database_page(stmt: Run, tag: i32, payload: i64, number_tag: i32, number: i64) -> tuple[i32, i64]:
    """A page of the database in a slot, as a blob; NULL if it has no such page."""
    p: Pager = pager_of(KernelConnection(stmt.connection), i32(payload))
    if number < i64(1) or number > i64(pager_page_count(p)):
        return NULL, i64(0)
    size: i32 = p.database.page_size
    copy: ptr[u8] = alloc(stmt, size)
    memory_copy(copy, pager_get(p, u32(number)).data, size)
    return BLOB, pack(copy, size)


@export
def dbpage_write(stmt: Run, schema_tag: i32, schema: i64, number_tag: i32, number: i64, tag: i32, payload: i64) -> None:
    """Write a page of the database of that name (NULL: main), which the statement has begun to write.

    Errors: "no such schema"; "bad page number"; "bad page value" for what is no blob of the size of a page.
    """
    c: KernelConnection = KernelConnection(stmt.connection)
    slot: i32 = 0
    if schema_tag != NULL:
        name, size = text_of(stmt, schema_tag, schema)
        slot = slot_named(c, name, size)
    if slot < 0:
        raise_error(SQLITE_ERROR, *lit(b"no such schema"))
    p: Pager = pager_of(c, slot)
    pgno: i64 = to_integer(number_tag, number)
    if not p or p.state != PAGER_WRITE or pgno < i64(1) or pgno > i64(PAGE_COUNT_MAX):
        raise_error(SQLITE_ERROR, *lit(b"bad page number"))
    if tag == NULL and pgno > i64(1):
        p.cut = u32(pgno)
        return
    if tag != BLOB or size_of(payload) != p.database.page_size:
        raise_error(SQLITE_ERROR, *lit(b"bad page value"))
    refuse_concurrent(p)
    cursors_save_all(p)
    p.cut = u32(0)
    page_put(p, u32(pgno), bytes_of(payload))
    structure_changed()
    schema_change(c)


def page_put(p: Pager, pgno: u32, data: ptr[u8]) -> None:
    """Make these the bytes of a page. The header keeps its journal mode; the commit raises if it is none."""
    if pgno > u32(1):
        memory_copy(page_blank(p, pgno).data, data, p.database.page_size)
        return
    before: ptr[u8] = pager_get(p, pgno).data
    write_version: i32 = i32(before[AT_WRITE_VERSION])
    read_version: i32 = i32(before[AT_READ_VERSION])
    page: Page = page_blank(p, pgno)
    memory_copy(page.data, data, p.database.page_size)
    page.data[AT_WRITE_VERSION] = write_version
    page.data[AT_READ_VERSION] = read_version
    if be32(data + AT_PAGE_COUNT):
        p.page_count = be32(data + AT_PAGE_COUNT)
    p.replaced = p.database.page_size
