"""Deleting entries.

Owns cursor_delete, index_delete and index_change. An entry on a leaf is dropped, and the page balanced when it became
rather empty. An entry on an interior page of an index is replaced by the entry before it, the last one of a leaf.

Invariants:
  X1  Other cursors on the tree are saved before anything changes.
  X2  Afterwards the cursor is between the neighbours of the deleted entry: GAP, or SAVED with the deleted key.
"""

from turso_wasm.kernel.abi import Cursor, KeyInfo, Value
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.btree.balance import balance, is_underfull, map_overflow, write_level
from turso_wasm.kernel.btree.cell import cell_size, small_cell_size
from turso_wasm.kernel.btree.cursor.position import (
    STATE_GAP,
    cursor_no_entry,
    descend_right,
    enter_child,
    settle_next,
    settle_prev,
    stack_page,
)
from turso_wasm.kernel.btree.cursor.save import (
    SKIP_NONE,
    cursor_ready,
    cursor_save_entry,
    cursor_set_saved,
    cursors_save_for,
    cursors_save_others,
    find_saved,
)
from turso_wasm.kernel.btree.cursor.seek import index_find, index_find_onward
from turso_wasm.kernel.btree.cursor.watch import (
    key_of_record,
    watch_anchor,
    watch_leave,
    watch_write_here,
    watch_write_key,
)
from turso_wasm.kernel.btree.insert import cell_buffer, free_cell_overflow, insert_found, replace_interior_cell
from turso_wasm.kernel.btree.page import (
    page_cell,
    page_child,
    page_drop,
    page_free_space,
    page_header,
    page_is_leaf,
)
from turso_wasm.kernel.btree.siblings import workspace, workspace_pending
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.kernel.values.compare import record_fields
from turso_wasm.wasm.lang import export, i32, memory_copy, ptr, u8

__subset__ = True


def drop_leaves_underfull(c: Cursor, page: Page, nth: i32) -> i32:
    """1 if more than two thirds of the page will be unused once the cell is gone."""
    usable: i32 = c.layout.usable
    size: i32 = small_cell_size(c.layout, page_header(page).kind, page_cell(page, nth))
    return i32((page_free_space(page, usable) + size + 2) * 3 > usable * 2)


def balance_leaf(c: Cursor) -> None:
    """Balance from the leaf at the end of the stack upwards."""
    balance(c, workspace_pending(workspace(Pager(c.pager)), 0))


def delete_on_leaf(c: Cursor) -> None:
    """Delete the entry of a VALID cursor on a leaf."""
    page: Page = write_level(c, c.depth)
    if c.local_size < c.payload_size:
        # Assembled before its overflow pages go.
        cursor_save_entry(c)
        free_cell_overflow(c, page, c.nth)
        page = write_level(c, c.depth)
    elif c.keyinfo and c.depth > 0 and drop_leaves_underfull(c, page, c.nth):
        cursor_save_entry(c)
    page_drop(page, c.layout, c.nth)
    if c.depth > 0 and is_underfull(c, page):
        balance_leaf(c)
        cursor_set_saved(c, SKIP_NONE)
    else:
        cursor_no_entry(c, STATE_GAP)


def take_predecessor(c: Cursor) -> None:
    """From an interior entry to the leaf before it: copy its last cell to cell_buffer() and drop it there."""
    _ = enter_child(c, page_child(stack_page(c, c.depth), c.nth))
    descend_right(c)
    if c.nth == 0:
        raise_corrupt(stack_page(c, c.depth).pgno)
    leaf: Page = write_level(c, c.depth)
    cell: ptr[u8] = page_cell(leaf, c.nth - 1)
    memory_copy(cell_buffer(), cell, cell_size(c.layout, page_header(leaf).kind, cell))
    page_drop(leaf, c.layout, c.nth - 1)


def return_to_leaf(c: Cursor) -> None:
    """Find the leaf again that take_predecessor took a cell from, after an ancestor was balanced.

    The saved key is that of the deleted entry; the entry before it is the one that was moved up.
    """
    _ = find_saved(c)
    if settle_prev(c) == 0 or page_is_leaf(stack_page(c, c.depth)):
        raise_corrupt(c.root)
    _ = enter_child(c, page_child(stack_page(c, c.depth), c.nth))
    descend_right(c)


def delete_on_interior(c: Cursor) -> None:
    """Delete the entry of a VALID cursor on an interior page of an index."""
    cursor_save_entry(c)
    page: Page = write_level(c, c.depth)
    free_cell_overflow(c, page, c.nth)
    level: i32 = c.depth
    nth: i32 = c.nth
    take_predecessor(c)
    leaf_depth: i32 = c.depth
    c.depth = level
    c.nth = nth
    if replace_interior_cell(c, cell_buffer()):
        # The path down is still the one that take_predecessor went.
        map_overflow(c, stack_page(c, c.depth), c.nth)
        c.depth = leaf_depth
    else:
        return_to_leaf(c)
    if is_underfull(c, stack_page(c, c.depth)):
        balance_leaf(c)
    cursor_set_saved(c, SKIP_NONE)


@export
def cursor_delete(c: Cursor) -> None:
    """Delete the entry the cursor is on, if any. cursor_next and cursor_prev go to its neighbours then (X2).

    Errors: SQLITE_CORRUPT.
    """
    if cursor_ready(c) == 0:
        return
    if c.watch:
        watch_write_here(c)
    cursors_save_for(c, c.rowid, c.rowid)
    if page_is_leaf(stack_page(c, c.depth)):
        delete_on_leaf(c)
    else:
        delete_on_interior(c)
    if c.watch:
        watch_anchor(c)


@export
def index_delete(c: Cursor, probe: ptr[Value], n: i32) -> i32:
    """Delete the first entry whose first n fields equal the probe; 1 if there was one. Errors: SQLITE_CORRUPT."""
    if c.watch:
        watch_leave(c)
    if index_find(c, probe, n, 0) == 0:
        return 0
    _ = settle_next(c)
    cursor_delete(c)
    return 1


@export
def index_change(c: Cursor, p: ptr[u8], size: i32) -> None:
    """Insert or delete the entry whose record is the `size` bytes at p but the last, which is 1 or 0 accordingly.

    Changes come in the order of the entries. The record lies in no page of the tree. Errors: SQLITE_CORRUPT,
    SQLITE_FULL.
    """
    size -= 1
    if c.watch:
        watch_write_key(c, key_of_record(c, p, size))
    n: i32 = record_fields(p, size, c.probe, KeyInfo(c.keyinfo).n_fields)
    found: i32 = index_find_onward(c, c.probe, n)
    if p[size]:
        cursors_save_others(c)
        insert_found(c, found, p, size)
    elif found:
        _ = settle_next(c)
        cursor_delete(c)
