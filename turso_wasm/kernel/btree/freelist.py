"""The freelist: unused pages of the file, and where new pages come from.

Owns the trunk pages and the two freelist fields of page 1. A trunk page, from offset 0:

  OFFSET  SIZE  MEANING
  0       4     next trunk page, 0: the last one
  4       4     number n of leaf pages
  8       4*n   page numbers of the leaf pages, whose content has no meaning

  32      4     page 1: first trunk page, 0: none
  36      4     page 1: number of free pages, trunks included

Source: https://sqlite.org/fileformat2.html section 1.5.

Invariants:
  F1  A trunk written here has at most usable/4 - 8 leaves (old readers expect that); up to usable/4 - 2 are read.
  F2  A page taken from the list, or written as a trunk, is not in the stack of any open cursor: SQLITE_CORRUPT.
  F3  A page taken or freed is unmarked as a b-tree page (Page.checked = 0).
"""

from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.btree.ptrmap import PTRMAP_FREE, auto_vacuum_root, check_unused, is_ptrmap_page, ptrmap_put
from turso_wasm.kernel.pager.pages import (
    pager_new_page,
    pager_note_freed,
    pager_page_count,
    pager_peek,
    pager_write,
    pager_write_blank,
    pager_write_free,
)
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.wasm.lang import be32, i32, memory_copy, ptr, put_be32, u8, u32

__subset__ = True

FIRST_TRUNK = 32
FREE_COUNT = 36


def freelist_count(p: Pager) -> u32:
    """Free pages according to page 1. Errors: SQLITE_CORRUPT if that is more than there are pages."""
    count: u32 = be32(pager_peek(p, u32(1)).data + FREE_COUNT)
    if count >= pager_page_count(p) and count:
        raise_corrupt(u32(1))
    return count


def freelist_set(p: Pager, trunk: u32, count: u32) -> None:
    """Write the freelist fields of page 1."""
    page: Page = pager_write(p, pager_peek(p, u32(1)))
    put_be32(page.data + FIRST_TRUNK, trunk)
    put_be32(page.data + FREE_COUNT, count)


def trunk_get(p: Pager, pgno: u32) -> Page:
    """A trunk page whose leaf count is sane. Errors: SQLITE_CORRUPT."""
    if pgno < 2:
        raise_corrupt(pgno)
    page: Page = pager_peek(p, pgno)
    if be32(page.data + 4) > u32((p.usable_size >> 2) - 2):
        raise_corrupt(pgno)
    return page


def trunk_write(p: Pager, trunk: Page) -> Page:
    """A trunk page, writable (F2, F3)."""
    check_unused(p, trunk.pgno)
    page: Page = pager_write(p, trunk)
    page.checked = 0
    return page


def page_reuse(p: Pager, pgno: u32, is_leaf: i32) -> Page:
    """A page of the freelist, one of its leaves or a trunk, as a zeroed writable page (F2, F3)."""
    if pgno < 2 or pgno > pager_page_count(p):
        raise_corrupt(pgno)
    check_unused(p, pgno)
    page: Page = pager_write_free(p, pgno) if is_leaf else pager_write_blank(p, pgno)
    page.checked = 0
    return page


def page_append(p: Pager) -> Page:
    """A new page at the end of the file, not a pointer-map page."""
    page: Page = pager_new_page(p)
    if auto_vacuum_root(p):
        while is_ptrmap_page(p, page.pgno):
            page = pager_new_page(p)
    return page


def page_allocate(p: Pager) -> Page:
    """A zeroed writable page from the freelist, or else behind the end. Errors: SQLITE_CORRUPT, SQLITE_FULL."""
    count: u32 = freelist_count(p)
    if count == 0:
        return page_append(p)
    first: u32 = be32(pager_peek(p, u32(1)).data + FIRST_TRUNK)
    trunk: Page = trunk_get(p, first)
    n: u32 = be32(trunk.data + 4)
    if n == 0:
        freelist_set(p, be32(trunk.data), count - 1)
        return page_reuse(p, first, 0)
    trunk = trunk_write(p, trunk)
    pgno: u32 = be32(trunk.data + 4 + 4 * n)
    put_be32(trunk.data + 4, n - 1)
    freelist_set(p, first, count - 1)
    return page_reuse(p, pgno, 1)


def page_put_free(p: Pager, pgno: u32) -> None:
    """Put a page on the freelist. Errors: SQLITE_CORRUPT for page 1 and pages that do not exist."""
    if pgno < 2 or pgno > pager_page_count(p):
        raise_corrupt(pgno)
    pager_note_freed(p, pgno)
    if auto_vacuum_root(p):
        ptrmap_put(p, pgno, PTRMAP_FREE, u32(0))
    count: u32 = freelist_count(p)
    first: u32 = be32(pager_peek(p, u32(1)).data + FIRST_TRUNK)
    if count != 0:
        trunk: Page = trunk_get(p, first)
        n: u32 = be32(trunk.data + 4)
        if n < u32((p.usable_size >> 2) - 8):
            trunk = trunk_write(p, trunk)
            put_be32(trunk.data + 8 + 4 * n, pgno)
            put_be32(trunk.data + 4, n + 1)
            freelist_set(p, first, count + 1)
            if p.database.settings.secure_delete == 1:
                pager_write_blank(p, pgno).checked = 0
            return
    page: Page = pager_write_blank(p, pgno)
    page.checked = 0
    put_be32(page.data, first if count else u32(0))
    freelist_set(p, pgno, count + 1)


# --- taking a certain page -------------------------------------------------------------------------------------------


def trunk_replace(p: Pager, before: u32, pgno: u32) -> None:
    """Make the link that comes before a trunk (0: page 1) point to another trunk."""
    if before == 0:
        freelist_set(p, pgno, freelist_count(p))
        return
    put_be32(trunk_write(p, pager_peek(p, before)).data, pgno)


def trunk_take_leaf(p: Pager, trunk: Page, at: u32) -> u32:
    """Remove leaf `at` of a trunk; its page number."""
    trunk = trunk_write(p, trunk)
    n: u32 = be32(trunk.data + 4) - 1
    entry: ptr[u8] = trunk.data + 8 + 4 * at
    pgno: u32 = be32(entry)
    memory_copy(entry, trunk.data + 8 + 4 * n, 4)
    put_be32(trunk.data + 4, n)
    return pgno


def trunk_take(p: Pager, before: u32, pgno: u32) -> u32:
    """Remove a trunk page itself: its first leaf becomes the trunk for the others; its page number."""
    trunk: Page = trunk_get(p, pgno)
    after: u32 = be32(trunk.data)
    n: u32 = be32(trunk.data + 4)
    if n:
        heir: Page = page_reuse(p, be32(trunk.data + 8), 1)
        trunk = trunk_get(p, pgno)
        put_be32(heir.data, after)
        put_be32(heir.data + 4, n - 1)
        memory_copy(heir.data + 8, trunk.data + 12, 4 * i32(n - 1))
        after = heir.pgno
    trunk_replace(p, before, after)
    return pgno


def freelist_take(p: Pager, low: u32, high: u32) -> u32:
    """Remove a free page with low <= number <= high from the freelist; 0 if there is none. Errors: SQLITE_CORRUPT."""
    count: u32 = freelist_count(p)
    before: u32 = u32(0)
    pgno: u32 = be32(pager_peek(p, u32(1)).data + FIRST_TRUNK)
    seen: u32 = u32(0)
    found: u32 = u32(0)
    while pgno and seen < count and found == 0:
        trunk: Page = trunk_get(p, pgno)
        n: u32 = be32(trunk.data + 4)
        for i in range(i32(n)):
            leaf: u32 = be32(trunk.data + 8 + 4 * i)
            if leaf >= low and leaf <= high:
                found = trunk_take_leaf(p, trunk, u32(i))
                break
        if found == 0 and pgno >= low and pgno <= high:
            found = trunk_take(p, before, pgno)
        before = pgno
        pgno = be32(pager_peek(p, pgno).data)
        seen += n + 1
    if found == 0:
        return u32(0)
    page: Page = pager_write(p, pager_peek(p, u32(1)))
    put_be32(page.data + FREE_COUNT, count - 1)
    return found
