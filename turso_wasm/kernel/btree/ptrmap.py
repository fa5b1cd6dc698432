"""Pointer map: which page refers to a page, in auto-vacuum databases.

Owns the pointer-map pages and where they are. Page 2 is the first one; each holds an entry of 5 bytes for each of the
usable/5 pages that follow it, and the next pointer-map page follows those. One that would fall on the lock-byte page
lies behind it instead.

  OFFSET  SIZE  MEANING OF AN ENTRY
  0       1     type: 1 b-tree root, 2 free page, 3 first overflow page, 4 later overflow page, 5 other b-tree page
  1       4     3: page of the cell; 4: overflow page before it; 5: parent page; 1, 2: 0

Source: https://sqlite.org/fileformat2.html section 1.8.

Invariants:
  M1  A database is auto-vacuum iff the u32 at offset 52 of page 1, its largest root page, is not 0.
  M2  A page changed here is not in the stack of an open cursor (SQLITE_CORRUPT), and is unmarked as a b-tree page
      (Page.checked = 0).
"""

from turso_wasm.kernel.abi import Cursor, Layout
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.btree.cell import TABLE_INTERIOR, cell_overflow
from turso_wasm.kernel.btree.page import PageHeader, page_cell, page_child, page_header, page_is_leaf
from turso_wasm.kernel.pager.pages import pager_get, pager_page_count, pager_peek, pager_write
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.wasm.lang import be32, i32, ptr, put_be32, u8, u32

__subset__ = True

PTRMAP_ROOT = 1
PTRMAP_FREE = 2
PTRMAP_OVERFLOW_FIRST = 3
PTRMAP_OVERFLOW_NEXT = 4
PTRMAP_BTREE = 5

LOCK_BYTE = 0x40000000
LARGEST_ROOT = 52  # offsets in page 1
INCREMENTAL = 64


def check_unused(p: Pager, pgno: u32) -> None:
    """SQLITE_CORRUPT if a page that is no b-tree page, or will not stay one, is in the stack of an open cursor (M2)."""
    at: i32 = p.cursors
    while at:
        c: Cursor = Cursor(at)
        for level in range(c.depth + 1):
            if Page(c.pages[level]).pgno == pgno:
                raise_corrupt(pgno)
        at = c.next_in_pager


def auto_vacuum_root(p: Pager) -> u32:
    """The largest root page of an auto-vacuum database, 0 in other databases (M1)."""
    return be32(pager_peek(p, u32(1)).data + LARGEST_ROOT)


def lock_page(p: Pager) -> u32:
    """The page that is never used because the lock bytes lie in it."""
    return u32(LOCK_BYTE) // u32(p.database.page_size) + 1


def ptrmap_page_of(p: Pager, pgno: u32) -> u32:
    """The pointer-map page that has the entry of page `pgno` >= 2; `pgno` itself if that is a pointer-map page."""
    group: u32 = u32(p.usable_size // 5) + 1
    first: u32 = (pgno - 2) // group * group + 2
    lock: u32 = lock_page(p)
    if first == lock:
        # The map page of this group is moved up by one.
        first += 1
        if pgno < first:
            return first
    return first


def is_ptrmap_page(p: Pager, pgno: u32) -> i32:
    """1 for a pointer-map page, in an auto-vacuum database."""
    return i32(pgno >= 2 and ptrmap_page_of(p, pgno) == pgno)


def ptrmap_offset(p: Pager, map_page: u32, pgno: u32) -> i32:
    """Offset of an entry in its page. Errors: SQLITE_CORRUPT for pages that have none."""
    at: u32 = 5 * (pgno - map_page - 1)
    if pgno <= map_page or pgno < 3 or at > u32(p.usable_size - 5):
        raise_corrupt(pgno)
    return i32(at)


def ptrmap_get(p: Pager, pgno: u32) -> tuple[i32, u32]:
    """Type and parent of a page. Errors: SQLITE_CORRUPT if its entry makes no sense."""
    map_page: u32 = ptrmap_page_of(p, pgno)
    at: ptr[u8] = pager_peek(p, map_page).data + ptrmap_offset(p, map_page, pgno)
    kind: i32 = at[0]
    if kind < PTRMAP_ROOT or kind > PTRMAP_BTREE:
        raise_corrupt(map_page)
    return kind, be32(at + 1)


def ptrmap_put(p: Pager, pgno: u32, kind: i32, parent: u32) -> None:
    """Set the entry of a page, if it is not right already. Errors: SQLITE_CORRUPT for pages that have none."""
    if pgno > pager_page_count(p):
        raise_corrupt(pgno)
    map_page: u32 = ptrmap_page_of(p, pgno)
    offset: i32 = ptrmap_offset(p, map_page, pgno)
    page: Page = pager_peek(p, map_page)
    at: ptr[u8] = page.data + offset
    if at[0] == kind and be32(at + 1) == parent:
        return
    check_unused(p, map_page)
    page = pager_write(p, page)
    page.checked = 0
    at = page.data + offset
    at[0] = kind
    put_be32(at + 1, parent)


def ptrmap_put_page(p: Pager, layout: Layout, pgno: u32) -> None:
    """Set the entries of everything a checked b-tree page refers to: children and first overflow pages."""
    page: Page = pager_get(p, pgno)
    h: PageHeader = page_header(page)
    leaf: i32 = page_is_leaf(page)
    n: i32 = h.n_cells
    kind: i32 = h.kind
    for nth in range(n):
        if leaf == 0:
            ptrmap_put(p, page_child(page, nth), PTRMAP_BTREE, pgno)
        if kind != TABLE_INTERIOR:
            overflow: u32 = cell_overflow(layout, kind, page_cell(page, nth))
            if overflow:
                ptrmap_put(p, overflow, PTRMAP_OVERFLOW_FIRST, pgno)
    if leaf == 0:
        ptrmap_put(p, page_child(page, n), PTRMAP_BTREE, pgno)


def ptrmap_count(p: Pager, n: u32) -> u32:
    """How many of the pages 1..n are pointer-map pages."""
    if n < 2:
        return u32(0)
    group: u32 = u32(p.usable_size // 5) + 1
    count: u32 = (n - 2) // group + 1
    if ptrmap_page_of(p, n) > n:
        count -= 1
    return count
