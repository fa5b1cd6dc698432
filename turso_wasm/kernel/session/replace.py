"""Replacing a whole database by an image: for backup and deserialize.

Owns `database_replace`. The host writes the pages; the commit checks the new header and keeps this database's journal
mode in it.
"""

from turso_wasm.kernel.abi import CAP_MEMORY, KernelConnection, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, SQLITE_READONLY, raise_error
from turso_wasm.kernel.base.vfs import check_io, vfs_truncate
from turso_wasm.kernel.pager.header import page_size_valid
from turso_wasm.kernel.pager.pages import pager_new_page, pager_of, pager_truncate
from turso_wasm.kernel.pager.snapshot import database_load
from turso_wasm.kernel.pager.storage import PAGER_READ, Pager, SharedFile
from turso_wasm.kernel.session.connection import schema_change
from turso_wasm.kernel.session.statement import statement_begin
from turso_wasm.wasm.lang import export, i32, i64, lit, u32

__subset__ = True


@export
def database_replace(s: Run, slot: i32, page_size: i32, n_pages: u32) -> None:
    """Begin a write transaction in which the database has n_pages pages of page_size bytes, to be written one by one.

    Another page size than the database has is possible while it is empty; and in memory, where a database that only
    this statement uses is emptied at once, which a rollback does not undo. Errors: SQLITE_READONLY for another page
    size otherwise; as statement_begin; the commit raises SQLITE_NOTADB if page 1 is not the first page of a database.
    """
    c: KernelConnection = KernelConnection(s.connection)
    p: Pager = pager_of(c, slot)
    if not page_size_valid(u32(page_size)) or n_pages == 0:
        raise_error(SQLITE_ERROR, *lit(b"not an image of a database"))
    statement_begin(s, slot, 0, -1)
    if p.database.page_size != page_size:
        page_size_change(p, page_size, c.autocommit)
    statement_begin(s, slot, 1, -1)
    while p.page_count < n_pages:
        _ = pager_new_page(p)
    pager_truncate(p, n_pages)
    p.replaced = page_size
    schema_change(c)


def page_size_change(p: Pager, page_size: i32, autocommit: i32) -> None:
    """Give an empty database, or one in memory that nobody else uses, another page size. Errors: SQLITE_READONLY."""
    db: SharedFile = p.database
    db.new_page_size = page_size
    if p.page_count:
        alone: i32 = i32(db.active == 1 and p.readers == 1 and p.state == PAGER_READ and autocommit)
        if not (db.capabilities & CAP_MEMORY) or not alone:
            db.new_page_size = db.page_size
            raise_error(SQLITE_READONLY, *lit(b"attempt to write a readonly database"))
        check_io(vfs_truncate(db.fd, i64(0)))
        db.commits += 1
    database_load(db)
    p.page_count = 0
    p.usable_size = db.usable_size
    p.seen_commits = db.commits
    p.version += 1
