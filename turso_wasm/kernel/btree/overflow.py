"""Overflow chains: payload that does not fit on a b-tree page.

Owns reading, writing and freeing chains. An overflow page, from offset 0:

  OFFSET  SIZE        MEANING
  0       4           next overflow page, 0: the last one
  4       usable - 4  payload

Source: https://sqlite.org/fileformat2.html section 1.7.

Invariants:
  O1  A chain is followed for exactly as many pages as the payload size asks for, never further, so that loops end.
  O2  A payload that would need more pages than the file has is SQLITE_CORRUPT before memory is allocated for it.
  O3  A page written here is unmarked as a b-tree page (Page.checked = 0).
  O4  Walking a chain makes no other page older (S3), however long it is.
"""

from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.btree.freelist import page_allocate, page_put_free
from turso_wasm.kernel.btree.ptrmap import PTRMAP_OVERFLOW_FIRST, PTRMAP_OVERFLOW_NEXT, auto_vacuum_root, ptrmap_put
from turso_wasm.kernel.pager.cache import page_let_go
from turso_wasm.kernel.pager.pages import pager_page_count, pager_peek
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.wasm.lang import be32, i32, memory_copy, ptr, put_be32, u8, u32

__subset__ = True


def overflow_pages(p: Pager, n: i32) -> i32:
    """Pages of a chain of n bytes (O2)."""
    room: i32 = p.usable_size - 4
    pages: i32 = n // room + i32(n % room != 0)
    if u32(pages) >= pager_page_count(p):
        raise_corrupt(u32(0))
    return pages


def overflow_read(p: Pager, pgno: u32, out: ptr[u8], n: i32) -> u32:
    """Read n bytes (> 0) from the chain that begins at pgno, whole pages except the last; the next page of the chain.

    Errors: SQLITE_CORRUPT when the chain ends early or leaves the file.
    """
    room: i32 = p.usable_size - 4
    while n > 0:
        if pgno < 2:
            raise_corrupt(pgno)
        page: Page = pager_peek(p, pgno)
        part: i32 = n if n < room else room
        memory_copy(out, page.data + 4, part)
        out += part
        n -= part
        pgno = be32(page.data)
    return pgno


def overflow_write(p: Pager, owner: u32, data: ptr[u8], n: i32) -> u32:
    """Write n bytes (> 0) to a new chain; its first page.

    owner: the b-tree page of the cell. data: not on a page that this transaction changes.
    """
    room: i32 = p.usable_size - 4
    mapped: u32 = auto_vacuum_root(p)
    first: u32 = u32(0)
    before: Page = Page(0)
    while n > 0:
        page: Page = page_allocate(p)
        if mapped:
            # The pages before are not needed any more, except the last.
            kind: i32 = PTRMAP_OVERFLOW_NEXT if first else PTRMAP_OVERFLOW_FIRST
            ptrmap_put(p, page.pgno, kind, before.pgno if first else owner)
        part: i32 = n if n < room else room
        put_be32(page.data, u32(0))
        memory_copy(page.data + 4, data, part)
        if first:
            put_be32(before.data, page.pgno)
            page_let_go(before)
        else:
            first = page.pgno
        before = page
        data += part
        n -= part
    page_let_go(before)
    return first


def overflow_free(p: Pager, pgno: u32, n: i32) -> None:
    """Put the pages of a chain of n bytes on the freelist. Errors: SQLITE_CORRUPT."""
    left: i32 = overflow_pages(p, n)
    while left > 0:
        if pgno < 2:
            raise_corrupt(pgno)
        after: u32 = be32(pager_peek(p, pgno).data)
        page_put_free(p, pgno)
        pgno = after
        left -= 1
