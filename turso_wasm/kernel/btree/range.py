"""Deleting all entries of a table b-tree between two rowids, a leaf at a time.

Owns table_delete_range. A leaf whose entries all go is cut off its parent; of the leaves at both ends entries go at
once, too. These are balanced when nothing is left between them: before, that would fill them with what goes next. Of a
page's last two children one entry stays for cursor_delete: what becomes of their parent is balance's.
"""

from turso_wasm.kernel.abi import Cursor
from turso_wasm.kernel.btree.balance import is_underfull, write_level
from turso_wasm.kernel.btree.cursor.position import cursor_invalidate, leaf_rowid, settle_next, stack_page
from turso_wasm.kernel.btree.cursor.save import cursors_save_for
from turso_wasm.kernel.btree.cursor.seek import table_find
from turso_wasm.kernel.btree.cursor.watch import READ, WRITTEN, Watch, note_rows, watch_leave
from turso_wasm.kernel.btree.delete import balance_leaf, cursor_delete
from turso_wasm.kernel.btree.freelist import page_put_free
from turso_wasm.kernel.btree.insert import free_cell_overflow
from turso_wasm.kernel.btree.page import page_child, page_drop, page_header, page_n_cells
from turso_wasm.kernel.btree.tree import clear_cells
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.wasm.lang import export, i32, i64, u32

__subset__ = True


@export
def table_delete_range(c: Cursor, first: i64, last: i64, removed: i64) -> i64:
    """Delete some of the entries with rowids from `first` to `last`; how many, 0 when there are none.

    removed: what the last call for this range returned, 0 in the first one. The cursor's position is lost.
    Errors: SQLITE_CORRUPT.
    """
    if c.watch:
        watch_leave(c)
        note_rows(Watch(c.watch).tree, READ, first, last)
        note_rows(Watch(c.watch).tree, WRITTEN, first, last)
    _ = table_find(c, first)
    if settle_next(c) == 0 or c.rowid > last:
        if removed:
            balance_ends(c, first)
        return i64(0)
    cursors_save_for(c, first, last)
    leaf: Page = stack_page(c, c.depth)
    n: i32 = page_n_cells(leaf)
    end: i32 = place_behind(leaf, c.nth, last)
    if end - c.nth == n and c.depth:
        if page_n_cells(stack_page(c, c.depth - 1)) >= 2:
            return drop_leaf(c)
        end -= 1
    if end == c.nth:
        cursor_delete(c)
        return i64(1)
    return drop_entries(c, end)


def place_behind(leaf: Page, nth: i32, last: i64) -> i32:
    """The place behind the entries of a leaf from `nth` on whose rowids are not above `last`."""
    end: i32 = page_n_cells(leaf)
    if leaf_rowid(leaf, end - 1) <= last:
        return end
    end = nth
    while leaf_rowid(leaf, end) <= last:
        end += 1
    return end


def drop_leaf(c: Cursor) -> i64:
    """Free the current leaf, whose parent keeps two children without it; how many entries it had."""
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


def drop_entries(c: Cursor, end: i32) -> i64:
    """Delete the entries from the current one to the one before `end`, not all of a leaf; how many."""
    for nth in range(c.nth, end):
        free_cell_overflow(c, stack_page(c, c.depth), nth)
    leaf: Page = write_level(c, c.depth)
    for nth in range(end - 1, c.nth - 1, -1):
        page_drop(leaf, c.layout, nth)
    entries: i64 = i64(end - c.nth)
    cursor_invalidate(c)
    return entries


def balance_ends(c: Cursor, first: i64) -> None:
    """Balance the leaves before and behind the range from `first` on, which is empty now."""
    _ = table_find(c, first)
    balance_if_underfull(c)
    _ = table_find(c, first)
    if settle_next(c):
        balance_if_underfull(c)
    cursor_invalidate(c)


def balance_if_underfull(c: Cursor) -> None:
    """Balance the current leaf if it became rather empty."""
    if c.depth > 0 and is_underfull(c, stack_page(c, c.depth)):
        balance_leaf(c)
