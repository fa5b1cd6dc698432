"""Whole b-trees: creating, dropping, clearing, counting.

Owns what concerns a tree as a whole. Moving pages of auto-vacuum databases is kernel/btree/autovacuum.py.

Invariants:
  T1  A tree is taken down bottom-up with a cursor's stack, each page once; more pages than the file has are
      SQLITE_CORRUPT.
  T2  Cursors on a tree that is cleared keep their place: what was in it may come back with a rollback. A tree is only
      dropped when no other statement of the connection reads anything; its cursors become invalid.
"""

from turso_wasm.kernel.abi import INDEX_BTREE, Cursor, KernelConnection, KeyInfo, Run
from turso_wasm.kernel.base.errors import SQLITE_LOCKED, raise_corrupt, raise_error
from turso_wasm.kernel.base.pending import pending_drop, pending_flush
from turso_wasm.kernel.btree.autovacuum import allocate_root, release_root
from turso_wasm.kernel.btree.cell import INDEX_INTERIOR, INDEX_LEAF, LEAF, TABLE_INTERIOR, TABLE_LEAF, interior_kind
from turso_wasm.kernel.btree.cursor.position import (
    check_not_calling,
    cursor_close,
    cursor_invalidate,
    cursor_new,
    enter_child,
    enter_root,
    stack_page,
)
from turso_wasm.kernel.btree.cursor.save import cursors_save_for
from turso_wasm.kernel.btree.cursor.watch import watch_all, watch_clear
from turso_wasm.kernel.btree.freelist import page_allocate, page_put_free
from turso_wasm.kernel.btree.insert import free_cell_overflow
from turso_wasm.kernel.btree.page import (
    PageHeader,
    array_end,
    content_start,
    page_child,
    page_header,
    page_init,
    page_is_leaf,
    page_n_cells,
)
from turso_wasm.kernel.btree.ptrmap import auto_vacuum_root
from turso_wasm.kernel.pager.pages import pager_get, pager_of, pager_page_count, pager_write
from turso_wasm.kernel.pager.storage import WATCHED, Page, Pager
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, put_be32, scratch, u8, u32

__subset__ = True


@export
def btree_create(stmt: Run, slot: i32, kind: i32) -> u32:
    """Create an empty b-tree (TABLE_BTREE, INDEX_BTREE) in the database of that slot; its root page.

    Errors: SQLITE_LOCKED, an index while a statement that writes is in a call of the user's code.
    """
    if kind == INDEX_BTREE:
        check_no_call(stmt)
    return tree_create(pager_of(KernelConnection(stmt.connection), slot), kind)


def tree_create(p: Pager, kind: i32) -> u32:
    """btree_create in the database of a pager."""
    page: Page = allocate_root(p) if auto_vacuum_root(p) else page_allocate(p)
    page_init(page, INDEX_LEAF if kind == INDEX_BTREE else TABLE_LEAF, p.usable_size)
    page.checked = 0
    return page.pgno


# --- taking down -----------------------------------------------------------------------------------------------------


def forget_cursors(p: Pager, root: u32) -> None:
    """Make the cursors on a tree invalid (T2)."""
    at: Cursor = Cursor(p.cursors)
    while at:
        if at.root == root:
            cursor_invalidate(at)
        at = Cursor(at.next_in_pager)


def check_no_call(stmt: Run) -> None:
    """Raise SQLITE_LOCKED while a statement of the connection that writes is in a call of the user's code: it would not
    know of the new b-tree.
    """
    s: Run = Run(KernelConnection(stmt.connection).statements)
    while s:
        if s.calling and s.wrote:
            raise_error(SQLITE_LOCKED, *lit(b"database table is locked"))
        s = Run(s.next)


def check_alone(stmt: Run) -> None:
    """Raise SQLITE_LOCKED if another statement of the connection is reading (T2)."""
    other: Run = Run(KernelConnection(stmt.connection).statements)
    while other:
        if other != stmt and other.slots_read:
            raise_error(SQLITE_LOCKED, *lit(b"database table is locked"))
        other = Run(other.next)


def clear_cells(c: Cursor) -> i64:
    """Free the overflow pages of all cells of the current page; the number of entries."""
    page: Page = stack_page(c, c.depth)
    kind: i32 = page_header(page).kind
    if kind == TABLE_INTERIOR:
        return i64(0)
    n: i32 = page_n_cells(page)
    for nth in range(n):
        free_cell_overflow(c, page, nth)
    return i64(n)


def clear_tree(c: Cursor) -> i64:
    """Free all pages of a tree except its root, and the overflow pages of all cells; the number of entries."""
    pages: u32 = u32(0)
    entries: i64 = i64(0)
    limit: u32 = pager_page_count(Pager(c.pager))
    page: Page = enter_root(c)
    c.taken[0] = 0
    while True:
        level: i32 = c.depth
        if page_is_leaf(page) == 0 and c.taken[level] <= page_n_cells(page):
            # Children first.
            at: i32 = c.taken[level]
            c.taken[level] = at + 1
            page = enter_child(c, page_child(page, at))
            c.taken[level + 1] = 0
            continue
        entries += clear_cells(c)
        if level == 0:
            return entries
        pages += 1
        if pages > limit:
            raise_corrupt(c.root)
        pgno: u32 = stack_page(c, level).pgno
        c.depth = level - 1
        page_put_free(Pager(c.pager), pgno)
        page = stack_page(c, level - 1)


def tree_cursor(p: Pager, root: u32) -> Cursor:
    """A cursor on a tree whose kind is read from its root page. Errors: SQLITE_CORRUPT."""
    page: Page = pager_get(p, root)
    kind: i32 = page_header(page).kind & ~LEAF
    if kind != INDEX_INTERIOR and kind != TABLE_INTERIOR:
        raise_corrupt(root)
    keyinfo: ptr[u8] = scratch(8)
    put_be32(keyinfo, u32(0))
    # The cursor is never compared with anything: no key fields.
    return cursor_new(p, Run(0), root, KeyInfo(keyinfo) if kind == INDEX_INTERIOR else KeyInfo(0), 1)


def clear_root(p: Pager, root: u32) -> i64:
    """Empty a tree; its entries."""
    c: Cursor = tree_cursor(p, root)
    cursors_save_for(c, i64(-1) << 63, ~(i64(-1) << 63))
    if p.watched == WATCHED:
        watch_clear(p, root, i32(c.keyinfo != 0))
    entries: i64 = clear_tree(c)
    page: Page = pager_write(p, pager_get(p, root))
    page_init(page, page_header(page).kind | LEAF, p.usable_size)
    cursor_close(c)
    return entries


@export
def btree_clear(stmt: Run, slot: i32, root: u32) -> i64:
    """Delete all entries of a b-tree; how many there were. Its cursors keep their place. Errors: SQLITE_CORRUPT."""
    p: Pager = pager_of(KernelConnection(stmt.connection), slot)
    check_not_calling(p, root)
    return clear_root(p, root)


@export
def btree_drop(stmt: Run, slot: i32, root: u32) -> u32:
    """Delete a b-tree and free its root page.

    Returns, in auto-vacuum databases, the number of the root page that was moved to `root` to keep roots together:
    whatever refers to it must now refer to `root`. Otherwise 0. Errors: SQLITE_CORRUPT, also for root 1;
    SQLITE_LOCKED while other statements of the connection read; what writing the modules' pending changes raises.
    """
    p: Pager = pager_of(KernelConnection(stmt.connection), slot)
    if root < 2:
        raise_corrupt(root)
    check_alone(stmt)
    # What modules keep knows trees by their root pages: this one goes, another may get its number.
    pending_flush(stmt)
    pending_drop(KernelConnection(stmt.connection))
    _ = clear_root(p, root)
    forget_cursors(p, root)
    if auto_vacuum_root(p):
        return release_root(p, root)
    page_put_free(p, root)
    return u32(0)


# --- counting --------------------------------------------------------------------------------------------------------


def unread_leaf_count(c: Cursor, pgno: u32) -> i32:
    """Cells of a leaf that was not validated yet, by its header alone; -1 if the page is no such leaf.

    Errors: SQLITE_CORRUPT if a page cannot have so many cells.
    """
    page: Page = pager_get(Pager(c.pager), pgno)
    h: PageHeader = page_header(page)
    if page.checked or h.kind != interior_kind(c.layout) | LEAF:
        return -1
    content: i32 = content_start(h)
    if array_end(page, h) > content or content > c.layout.usable:
        raise_corrupt(pgno)
    return h.n_cells


@export
def btree_estimate(c: Cursor) -> i32:
    """About how many entries there are, from the pages on the way to one of them; the cursor has no position
    afterwards. Errors: SQLITE_CORRUPT.
    """
    entries: i64 = i64(1)
    page: Page = enter_root(c)
    while not page_is_leaf(page):
        n: i32 = page_n_cells(page)
        if entries < 1 << 40:
            entries *= i64(n) + 1
        page = enter_child(c, page_child(page, n >> 1))
    entries *= i64(page_n_cells(page))
    cursor_invalidate(c)
    return i32(entries) if entries < 0x7FFFFFFF else 0x7FFFFFFF


@export
def btree_count(c: Cursor) -> i64:
    """Number of entries; the cursor has no position afterwards. Errors: SQLITE_CORRUPT.

    Leaves are not validated for this: their headers tell.
    """
    if c.watch:
        watch_all(c)
    entries: i64 = i64(0)
    visits: u32 = u32(0)
    limit: u32 = pager_page_count(Pager(c.pager))
    page: Page = enter_root(c)
    c.taken[0] = 0
    while True:
        level: i32 = c.depth
        if page_is_leaf(page) or c.taken[level] > page_n_cells(page):
            if c.keyinfo or page_is_leaf(page):
                entries += i64(page_n_cells(page))
            if level == 0:
                break
            c.depth = level - 1
            page = stack_page(c, level - 1)
            continue
        at: i32 = c.taken[level]
        c.taken[level] = at + 1
        visits += 1
        if visits > limit:
            raise_corrupt(c.root)
        child: u32 = page_child(page, at)
        count: i32 = unread_leaf_count(c, child)
        if count >= 0:
            entries += i64(count)
            continue
        page = enter_child(c, child)
        c.taken[level + 1] = 0
    cursor_invalidate(c)
    return entries
