"""Balancing: keeping the pages of a b-tree full enough, and cells where they fit.

Owns what happens when a cell does not fit on its page, or a page became rather empty. Up to three sibling pages are
taken apart into one list of cells, which is distributed evenly over as many pages as it needs
(siblings.py); the parent's dividers are replaced, which may overfill the parent, and so on up to the root. The root
never moves: a root that is too full hands its content to a new child, a root with a single child takes the child's
content.

Cells that do not fit on a page wait in a `Pending`: they belong at `nth` of that page, next to each other.

Invariants:
  B1  Only the page at the level being balanced has pending cells; levels below are done, levels above are well-formed.
  B2  The bytes of pending cells lie in no page.
  B3  After `balance` the stack is meaningless: the caller saved the key it wants to come back to.
  B4  Pages are addressed by number here; a Page is used only until the next one is got from the pager, except the few
      of one step.
"""

from turso_wasm.kernel.abi import Cursor
from turso_wasm.kernel.base.varint import put_varint
from turso_wasm.kernel.btree.cell import INDEX_INTERIOR, INDEX_LEAF, LEAF, cell_overflow, cell_size
from turso_wasm.kernel.btree.cursor.position import cursor_invalidate, leaf_rowid, on_last_leaf, stack_page
from turso_wasm.kernel.btree.freelist import page_allocate
from turso_wasm.kernel.btree.page import (
    PageHeader,
    page_cell,
    page_copy_content,
    page_drop,
    page_free_space,
    page_header,
    page_init,
    page_insert,
    page_n_cells,
)
from turso_wasm.kernel.btree.ptrmap import (
    PTRMAP_BTREE,
    PTRMAP_OVERFLOW_FIRST,
    auto_vacuum_root,
    ptrmap_put,
    ptrmap_put_page,
)
from turso_wasm.kernel.btree.siblings import Pending, balance_siblings, pending_point, workspace, workspace_pending
from turso_wasm.kernel.pager.pages import pager_get, pager_write
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.wasm.lang import i32, memory_copy, ptr, put_be32, u8, u32

__subset__ = True


def write_level(c: Cursor, level: i32) -> Page:
    """The page at a level of the stack, writable. Page 1 may have changed under the stack: the freelist is on it."""
    p: Pager = Pager(c.pager)
    page: Page = stack_page(c, level)
    if page.owner == c.pager and page.data:
        return pager_write(p, page)
    page = pager_write(p, pager_get(p, page.pgno))
    c.pages[level] = i32(page)
    return page


def is_underfull(c: Cursor, page: Page) -> i32:
    """1 if more than two thirds of the page are unused."""
    return i32(page_free_space(page, c.layout.usable) * 3 > c.layout.usable * 2)


def deepen_root(c: Cursor) -> None:
    """Move the root's content to a new child; the stack becomes root, child."""
    p: Pager = Pager(c.pager)
    child: Page = page_allocate(p)
    root: Page = write_level(c, 0)
    kind: i32 = page_header(root).kind
    page_copy_content(child, root, c.layout.usable)
    child.checked = c.mark
    page_init(root, kind & ~LEAF, c.layout.usable)
    page_header(root).right_child = child.pgno
    c.pages[1] = i32(child)
    c.taken[0] = 0
    c.depth = 1
    if auto_vacuum_root(p):
        ptrmap_put(p, child.pgno, PTRMAP_BTREE, root.pgno)
        ptrmap_put_page(p, c.layout, child.pgno)


def balance(c: Cursor, pending: Pending) -> None:
    """Balance the page at the end of the stack, which has these pending cells, and then its ancestors."""
    while True:
        level: i32 = c.depth
        if level == 0:
            if pending.n == 0:
                break
            deepen_root(c)
            level = 1
        elif pending.n == 0 and is_underfull(c, stack_page(c, level)) == 0:
            break
        pending = balance_siblings(c, level, pending)
    cursor_invalidate(c)


def take_divider(c: Cursor, out: ptr[u8]) -> i32:
    """Write the parent's cell behind the current leaf, to which nothing will be added, to `out`; its size.

    The divider of index leaves is an entry: the leaf's last cell moves there.
    """
    leaf: Page = stack_page(c, c.depth)
    last: i32 = page_n_cells(leaf) - 1
    put_be32(out, leaf.pgno)
    if c.keyinfo == 0:
        return 4 + put_varint(out + 4, leaf_rowid(leaf, last))
    cell: ptr[u8] = page_cell(leaf, last)
    memory_copy(out + 4, cell, cell_size(c.layout, INDEX_LEAF, cell))
    page_drop(write_level(c, c.depth), c.layout, last)
    return cell_size(c.layout, INDEX_INTERIOR, out)


def append_page(c: Cursor, cell: ptr[u8], size: i32) -> i32:
    """Give a cell that belongs behind the last one of a leaf, where it does not fit, a page of its own (can_append).

    So ascending keys fill their pages. Returns 1 with the stack on the new leaf; 0 if the parent had to be balanced
    and the position is lost.
    """
    p: Pager = Pager(c.pager)
    level: i32 = c.depth
    pending: Pending = workspace_pending(workspace(p), 0)
    fresh: Page = page_allocate(p)
    page_init(fresh, page_header(stack_page(c, level)).kind, c.layout.usable)
    fresh.checked = c.mark
    _ = page_insert(fresh, c.layout, 0, cell, size)
    divider: ptr[u8] = pending.space
    divider_size: i32 = take_divider(c, divider)
    parent: Page = write_level(c, level - 1)
    h: PageHeader = page_header(parent)
    n: i32 = h.n_cells
    h.right_child = fresh.pgno
    if auto_vacuum_root(p):
        ptrmap_put(p, fresh.pgno, PTRMAP_BTREE, parent.pgno)
        ptrmap_put_page(p, c.layout, fresh.pgno)
    if page_insert(parent, c.layout, n, divider, divider_size):
        map_overflow(c, parent, n)
        c.taken[level - 1] = n + 1
        c.pages[level] = i32(fresh)
        return 1
    pending.nth = n
    pending_point(pending, divider, divider_size)
    c.depth = level - 1
    balance(c, pending)
    return 0


def map_overflow(c: Cursor, page: Page, nth: i32) -> None:
    """The overflow pages of the cell at a place in a page belong to that page now."""
    p: Pager = Pager(c.pager)
    overflow: u32 = cell_overflow(c.layout, page_header(page).kind, page_cell(page, nth))
    if overflow and auto_vacuum_root(p):
        ptrmap_put(p, overflow, PTRMAP_OVERFLOW_FIRST, page.pgno)


def can_append(c: Cursor) -> i32:
    """1 if append_page may be used for a cell that belongs at `nth` of the current leaf.

    Table leaves: the last child of their parent, as in SQLite. Index leaves: the last of the tree.
    """
    level: i32 = c.depth
    n: i32 = page_n_cells(stack_page(c, level))
    if level == 0 or c.nth < n or n == 0:
        return 0
    if c.keyinfo:
        # The divider is taken from the leaf.
        return 0 if n < 2 else on_last_leaf(c)
    return i32(c.taken[level - 1] == page_n_cells(stack_page(c, level - 1)))
