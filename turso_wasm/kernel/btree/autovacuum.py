"""Auto-vacuum: moving pages so that the file can be shortened.

Owns relocation of pages with the pointer map, keeping root pages at the front, the shortening at commit (full) and on
request (incremental).

Invariants:
  Z1  Cursors are saved before any page moves.
  Z2  A page that moves: its pointer-map entry goes along; what it refers to gets its new number as parent; the one
      reference to it, which its entry names, is changed. If that reference is not there: SQLITE_CORRUPT.
  Z3  Root pages are never moved by shortening: they are at the front of the file.
"""

from turso_wasm.kernel.abi import INDEX_BTREE, TABLE_BTREE, KernelConnection, Layout, Run
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.btree.cell import LEAF, TABLE_LEAF, cell_overflow, cell_size, layout_init
from turso_wasm.kernel.btree.cursor.save import cursors_save_all
from turso_wasm.kernel.btree.freelist import (
    FIRST_TRUNK,
    freelist_count,
    freelist_set,
    freelist_take,
    page_allocate,
    page_put_free,
    page_reuse,
    trunk_get,
)
from turso_wasm.kernel.btree.page import page_cell, page_check, page_child, page_header, page_n_cells, page_set_child
from turso_wasm.kernel.btree.ptrmap import (
    INCREMENTAL,
    LARGEST_ROOT,
    PTRMAP_BTREE,
    PTRMAP_FREE,
    PTRMAP_OVERFLOW_NEXT,
    PTRMAP_ROOT,
    auto_vacuum_root,
    is_ptrmap_page,
    lock_page,
    ptrmap_count,
    ptrmap_get,
    ptrmap_put,
    ptrmap_put_page,
)
from turso_wasm.kernel.pager.pages import (
    pager_get,
    pager_new_page,
    pager_of,
    pager_page_count,
    pager_truncate,
    pager_write,
    pager_write_blank,
)
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.wasm.lang import be32, export, i32, memory_copy, ptr, put_be32, sizeof, u8, u32

__subset__ = True


def is_reserved_page(p: Pager, pgno: u32) -> i32:
    """1 for the lock page and pointer-map pages."""
    return i32(pgno == lock_page(p)) | is_ptrmap_page(p, pgno)


# --- moving a page ---------------------------------------------------------------------------------------------------


def page_layout(p: Pager, page: Page) -> Layout:
    """The layout of a b-tree page's tree, in memory of malloc. Validates the page. Errors: SQLITE_CORRUPT."""
    layout: Layout = Layout(malloc(sizeof(Layout)))
    kind: i32 = page_header(page).kind | LEAF
    layout_init(layout, TABLE_BTREE if kind == TABLE_LEAF else INDEX_BTREE, p.usable_size)
    page_check(page, layout)
    return layout


def change_child(page: Page, old: u32, new: u32) -> i32:
    """Replace a child number of a writable interior page; 0 if it has no such child."""
    if page_header(page).kind & LEAF:
        return 0
    for nth in range(page_n_cells(page) + 1):
        if page_child(page, nth) == old:
            page_set_child(page, nth, new)
            return 1
    return 0


def change_overflow(page: Page, layout: Layout, old: u32, new: u32) -> i32:
    """Replace the first overflow page of a cell of a writable page; 0 if there is none."""
    kind: i32 = page_header(page).kind
    for nth in range(page_n_cells(page)):
        cell: ptr[u8] = page_cell(page, nth)
        if cell_overflow(layout, kind, cell) == old:
            put_be32(cell + cell_size(layout, kind, cell) - 4, new)
            return 1
    return 0


def change_reference(p: Pager, kind: i32, parent: u32, old: u32, new: u32) -> None:
    """Make what refers to page `old`, by its pointer-map entry, refer to `new`. Errors: SQLITE_CORRUPT (Z2)."""
    page: Page = pager_write(p, pager_get(p, parent))
    if kind == PTRMAP_OVERFLOW_NEXT:
        if be32(page.data) != old:
            raise_corrupt(parent)
        put_be32(page.data, new)
        return
    layout: Layout = page_layout(p, page)
    found: i32 = 0
    if kind == PTRMAP_BTREE:
        found = change_child(page, old, new)
    else:
        found = change_overflow(page, layout, old, new)
    mfree(ptr[u8](layout))
    if found == 0:
        raise_corrupt(parent)


def page_move(p: Pager, old: u32, kind: i32, parent: u32, new: u32) -> None:
    """Move a page of this pointer-map type to page `new`, which is unused and not in the freelist (Z2)."""
    if kind == PTRMAP_FREE or new == old:
        raise_corrupt(old)
    target: Page = pager_write_blank(p, new)
    memory_copy(target.data, pager_get(p, old).data, p.database.page_size)
    target.checked = 0
    if kind == PTRMAP_ROOT or kind == PTRMAP_BTREE:  # noqa: SIM109
        layout: Layout = page_layout(p, target)
        ptrmap_put_page(p, layout, new)
        mfree(ptr[u8](layout))
    else:
        after: u32 = be32(target.data)
        if after:
            ptrmap_put(p, after, PTRMAP_OVERFLOW_NEXT, new)
    if kind != PTRMAP_ROOT:
        change_reference(p, kind, parent, old, new)
    ptrmap_put(p, new, kind, parent)


# --- root pages ------------------------------------------------------------------------------------------------------


def set_largest_root(p: Pager, root: u32) -> None:
    """Write the largest root page to page 1."""
    page: Page = pager_write(p, pager_get(p, u32(1)))
    put_be32(page.data + LARGEST_ROOT, root)


def allocate_root(p: Pager) -> Page:
    """A page behind the largest root page for a new root; what was there moves. Zeroed, writable."""
    cursors_save_all(p)
    root: u32 = auto_vacuum_root(p) + 1
    while is_reserved_page(p, root):
        root += 1
    if root > pager_page_count(p) + 2:
        raise_corrupt(u32(1))
    while pager_page_count(p) < root:
        # Only a pointer-map page may come between.
        _ = pager_new_page(p)
        if pager_page_count(p) == root:
            set_largest_root(p, root)
            ptrmap_put(p, root, PTRMAP_ROOT, u32(0))
            return pager_write(p, pager_get(p, root))
    kind, parent = ptrmap_get(p, root)
    if kind == PTRMAP_ROOT:
        raise_corrupt(root)
    if kind == PTRMAP_FREE:
        if freelist_take(p, root, root) == 0:
            raise_corrupt(root)
    else:
        page_move(p, root, kind, parent, page_allocate(p).pgno)
    set_largest_root(p, root)
    ptrmap_put(p, root, PTRMAP_ROOT, u32(0))
    return page_reuse(p, root, 0)


def release_root(p: Pager, root: u32) -> u32:
    """Free a root page; the largest root page takes its place. The number that one had, 0 if it was `root`."""
    cursors_save_all(p)
    largest: u32 = auto_vacuum_root(p)
    moved: u32 = u32(0)
    if root > largest:
        raise_corrupt(root)
    if root < largest:
        kind, _parent = ptrmap_get(p, largest)
        if kind != PTRMAP_ROOT:
            raise_corrupt(largest)
        page_move(p, largest, PTRMAP_ROOT, u32(0), root)
        moved = largest
    page_put_free(p, largest)
    largest -= 1
    while largest > 1 and is_reserved_page(p, largest):
        largest -= 1
    set_largest_root(p, largest)
    return moved


# --- shortening ------------------------------------------------------------------------------------------------------


def content_pages(p: Pager, n: u32) -> u32:
    """How many of the pages 1..n are neither the lock page nor pointer-map pages."""
    return n - ptrmap_count(p, n) - u32(i32(n >= lock_page(p)))


def pages_for(p: Pager, content: u32) -> u32:
    """The smallest file that has room for so many content pages."""
    low: u32 = u32(1)
    high: u32 = pager_page_count(p)
    while low < high:
        middle: u32 = low + (high - low) // 2
        if content_pages(p, middle) < content:
            low = middle + 1
        else:
            high = middle
    return low


def check_free(p: Pager, pgno: u32) -> None:
    """SQLITE_CORRUPT unless a page of the freelist is a free page in the pointer map: it may be listed twice."""
    kind, _parent = ptrmap_get(p, pgno)
    if kind != PTRMAP_FREE:
        raise_corrupt(pgno)


def vacuum_last_page(p: Pager) -> i32:
    """Make the file one content page shorter; 0 when there is no free page. For incremental vacuum."""
    if freelist_count(p) == 0:
        return 0
    last: u32 = pager_page_count(p)
    while last > 1 and is_reserved_page(p, last):
        last -= 1
    kind, parent = ptrmap_get(p, last)
    if kind == PTRMAP_ROOT:
        raise_corrupt(last)
    if kind == PTRMAP_FREE:
        if freelist_take(p, last, last) == 0:
            raise_corrupt(last)
    else:
        target: u32 = freelist_take(p, u32(2), last - 1)
        if target == 0:
            raise_corrupt(last)
        check_free(p, target)
        page_move(p, last, kind, parent, target)
    last -= 1
    while last > 1 and is_reserved_page(p, last):
        last -= 1
    pager_truncate(p, last)
    return 1


@export
def incremental_vacuum(stmt: Run, slot: i32, n: i32) -> None:
    """Give up to n free pages (n <= 0: all) at the end of the file back; nothing unless auto-vacuum is incremental."""
    p: Pager = pager_of(KernelConnection(stmt.connection), slot)
    if auto_vacuum_root(p) == 0:
        return
    cursors_save_all(p)
    left: i32 = n if n > 0 else 0x7FFFFFFF
    while left > 0 and vacuum_last_page(p):
        left -= 1


def collect_free(p: Pager, out: ptr[u32], capacity: u32, limit: u32) -> i32:
    """Write the numbers of the free pages up to `limit` to `out`; how many. Errors: SQLITE_CORRUPT."""
    n: u32 = u32(0)
    seen: u32 = u32(0)
    pgno: u32 = be32(pager_get(p, u32(1)).data + FIRST_TRUNK)
    while pgno:
        trunk: Page = trunk_get(p, pgno)
        leaves: u32 = be32(trunk.data + 4)
        seen += leaves + 1
        if seen > capacity:
            raise_corrupt(pgno)
        for i in range(i32(leaves)):
            leaf: u32 = be32(trunk.data + 8 + 4 * i)
            if leaf >= 2 and leaf <= limit:
                out[n] = leaf
                n += 1
        if pgno <= limit:
            out[n] = pgno
            n += 1
        pgno = be32(trunk.data)
    if seen != capacity:
        raise_corrupt(u32(1))
    return i32(n)


def move_tail(p: Pager, free: ptr[u32], n_free: i32, keep: u32) -> None:
    """Move every used page behind `keep` to one of the free pages."""
    left: i32 = n_free
    last: u32 = pager_page_count(p)
    while last > keep:
        if is_reserved_page(p, last) == 0:
            kind, parent = ptrmap_get(p, last)
            if kind == PTRMAP_ROOT:
                raise_corrupt(last)
            if kind != PTRMAP_FREE:
                if left == 0:
                    raise_corrupt(last)
                left -= 1
                check_free(p, free[left])
                page_move(p, last, kind, parent, free[left])
        last -= 1


@export
def auto_vacuum_commit(p: Pager) -> None:
    """Before a commit: if auto-vacuum is full, move used pages into all free ones and shorten the file.

    Errors: SQLITE_CORRUPT.
    """
    root: u32 = auto_vacuum_root(p)
    if root == 0 or be32(pager_get(p, u32(1)).data + INCREMENTAL):
        return
    n: u32 = freelist_count(p)
    if n == 0:
        return
    cursors_save_all(p)
    keep: u32 = pages_for(p, content_pages(p, pager_page_count(p)) - n)
    if keep < root:
        raise_corrupt(u32(1))
    free: ptr[u32] = ptr[u32](malloc(i32(n) * 4))
    n_free: i32 = collect_free(p, free, n, keep)
    move_tail(p, free, n_free, keep)
    mfree(ptr[u8](free))
    freelist_set(p, u32(0), u32(0))
    pager_truncate(p, keep)
