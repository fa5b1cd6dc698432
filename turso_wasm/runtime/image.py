"""Whole databases as bytes: for serialize, deserialize and backup.

Pages are read and written through the kernel's pager in one transaction, so an image is a consistent snapshot whatever
the journal mode, and replacing a database is as atomic as any commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from turso_wasm.base.errors import SQLITE_NOTADB, InternalError, SqlError
from turso_wasm.kernel.abi import (
    DB_PAGE_COUNT,
    DB_PAGE_SIZE,
    DB_SCHEMA_COOKIE,
    OPEN_CREATE,
    OPEN_MEMORY,
    PAGE_DATA_AT,
)
from turso_wasm.runtime import layout
from turso_wasm.runtime.hosts.base import address

if TYPE_CHECKING:
    from turso_wasm.runtime.connection import HostConnection

MAGIC = b"SQLite format 3\0"
LOCK_BYTE = 0x40000000  # the page that holds it is never part of the database
READ, WRITE, UNCHECKED = 0, 1, -1

Progress = Callable[[int, int], None]


@contextmanager
def _bare_statement(connection: HostConnection) -> Iterator[int]:
    """A kernel Run without a Program; what is done with it is committed, or undone when it raises."""
    call = connection.host.function
    statement = address(call("statement_new")(connection.address, 0, 0, 0))
    try:
        try:
            yield statement
            call("statement_done")(statement)
        except BaseException:
            try:
                call("statement_abort")(statement)
            except (SqlError, InternalError):
                call("statement_abort")(statement)
            raise
    finally:
        call("statement_free")(statement)


def _skips(pgno: int, page_size: int) -> bool:
    return pgno == LOCK_BYTE // page_size + 1


def read_image(connection: HostConnection, slot: int = 0) -> bytes:
    """A database as the connection sees it now. Errors: as any reading statement."""
    host = connection.host
    with host.lock, _bare_statement(connection) as statement:
        host.function("statement_begin")(statement, slot, READ, UNCHECKED)
        pager = host.function("pager_of")(connection.address, slot)
        size = int(host.function("database_get")(connection.address, slot, DB_PAGE_SIZE))
        get, empty = host.function("pager_get"), bytes(size)
        pages = []
        for pgno in range(1, host.function("pager_page_count")(pager) + 1):
            if _skips(pgno, size):
                pages.append(empty)
                continue
            (data,) = host.unpack(layout.U32, address(get(pager, pgno)) + PAGE_DATA_AT)
            pages.append(host.read(data, size))
        return b"".join(pages)


def write_image(connection: HostConnection, image: bytes, progress: Progress | None = None) -> None:
    """Make `image` the content of the main database, in one transaction. Where there was one, the schema cookie goes on
    from its own, so that other connections read the schema again.

    progress(pages left, pages in all) is called now and then. Errors: SQLITE_NOTADB; as any writing statement.
    """
    if image[:16] != MAGIC or len(image) < 512:
        raise SqlError(SQLITE_NOTADB, "file is not a database")
    size = int.from_bytes(image[16:18], "big")
    size = 65536 if size == 1 else size
    total = len(image) // size if size else 0
    if total == 0 or len(image) % size:
        raise SqlError(SQLITE_NOTADB, "file is not a database")
    host = connection.host
    with host.lock, _bare_statement(connection) as statement:
        get_field = host.function("database_get")
        had_pages = get_field(connection.address, 0, DB_PAGE_COUNT) > 0
        cookie = get_field(connection.address, 0, DB_SCHEMA_COOKIE)
        host.function("database_replace")(statement, 0, size, total)
        pager = host.function("pager_of")(connection.address, 0)
        for pgno in range(1, total + 1):
            if _skips(pgno, size):
                continue
            # Looked up for each page: what `progress` runs may move the kernel.
            page = address(host.function("pager_write")(pager, host.function("pager_get")(pager, pgno)))
            (data,) = host.unpack(layout.U32, page + PAGE_DATA_AT)
            host.write(data, image[(pgno - 1) * size : pgno * size])
        if had_pages:
            host.function("database_set")(statement, 0, DB_SCHEMA_COOKIE, cookie + 1)
    if progress is not None:
        progress(0, total)


def replace_by_memory(connection: HostConnection, image: bytes) -> None:
    """Disconnect from the main database and go on with a private one in memory that holds `image`."""
    connection.reopen(":memory:", OPEN_MEMORY | OPEN_CREATE)
    if image:
        write_image(connection, image)
