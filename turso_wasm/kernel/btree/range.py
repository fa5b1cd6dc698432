"""Deleting all entries of a table b-tree between two rowids, whole leaves at a time.

Owns table_delete_range. A leaf whose entries all go is cut off its parent unread by anybody else; entries of leaves
that stay are deleted one by one, and so is the last but one child of a page: what becomes of its parent is balance's.
"""

from turso_wasm.kernel.abi import Cursor
from turso_wasm.kernel.btree.balance import is_underfull, write_level
from turso_wasm.kernel.btree.cursor.position import cursor_invalidate, leaf_rowid, settle_next, stack_page
from turso_wasm.kernel.btree.cursor.save import cursors_save_for
from turso_wasm.kernel.btree.cursor.seek import table_find
from turso_wasm.kernel.btree.delete import balance_leaf, cursor_delete
from turso_wasm.kernel.btree.freelist import page_put_free
from turso_wasm.kernel.btree.page import page_child, page_drop, page_header, page_n_cells
from turso_wasm.kernel.btree.tree import clear_cells
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.wasm.lang import export, i32, i64, u32

__subset__ = True


@export
def table_delete_range(c: Cursor, first: i64, last: i64) -> i64:
    """Delete some of the entries with rowids from `first` to `last`; how many, 0 when there are none.

    The cursor's position is lost. Errors: SQLITE_CORRUPT.
    """
    _ = table_find(c, first)
    if settle_next(c) == 0 or c.rowid > last:
        return i64(0)
    cursors_save_for(c, first, last)
    if c.nth == 0 and can_drop(c, last):
        return drop_leaf(c)
    cursor_delete(c)
    return i64(1)


def can_drop(c: Cursor, last: i64) -> i32:
    """1 if no entry of the current leaf is behind `last`, and its parent keeps two children without it."""
    leaf: Page = stack_page(c, c.depth)
    if c.depth == 0 or page_n_cells(stack_page(c, c.depth - 1)) < 2:
        return 0
    return i32(leaf_rowid(leaf, page_n_cells(leaf) - 1) <= last)


def drop_leaf(c: Cursor) -> i64:
    """Free the current leaf; how many entries it had."""
    entries: i64 = clear_cells(c)
    pgno: u32 = stack_page(c, c.depth).pgno
    c.depth -= 1
    parent: Page = write_level(c, c.depth)
    at: i32 = c.taken[c.depth]
    if at == page_n_cells(parent):
        at -= 1
        page_header(parent).right_child = page_child(parent, at)
    page_drop(parent, c.layout, at)
    page_put_free(Pager(c.pager), pgno)
    if is_underfull(c, stack_page(c, c.depth)):
        balance_leaf(c)
    cursor_invalidate(c)
    return entries
