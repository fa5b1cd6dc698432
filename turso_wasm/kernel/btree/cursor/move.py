"""Moving a cursor: first, last, next, previous.

Owns the exported moves. Inside a leaf `cursor_next` only decodes the next cell; all else is in cursor_next_page.
"""

from turso_wasm.kernel.abi import Cursor
from turso_wasm.kernel.btree.cursor.position import (
    STATE_GAP,
    STATE_SAVED,
    STATE_VALID,
    descend_left,
    descend_right,
    enter_root,
    load_index_cell,
    load_table_cell,
    settle_next,
    settle_prev,
    stack_page,
    step_into_next,
    step_into_prev,
)
from turso_wasm.kernel.btree.cursor.save import cursor_restore
from turso_wasm.kernel.btree.cursor.watch import BACKWARD, FORWARD, watch_end
from turso_wasm.kernel.btree.page import page_is_leaf
from turso_wasm.wasm.lang import be16, export, i32, inline, ptr, u8

__subset__ = True


@export
def cursor_first(c: Cursor) -> i32:
    """Go to the first entry; 0: the tree is empty. Errors: SQLITE_CORRUPT."""
    if c.watch:
        watch_end(c, FORWARD)
    _ = enter_root(c)
    descend_left(c)
    return settle_next(c)


@export
def cursor_last(c: Cursor) -> i32:
    """Go to the last entry; 0: the tree is empty. Errors: SQLITE_CORRUPT."""
    if c.watch:
        watch_end(c, BACKWARD)
    _ = enter_root(c)
    descend_right(c)
    return settle_prev(c)


@export
def cursor_next_page(c: Cursor) -> i32:
    """cursor_next when the next entry is not the next cell of the current leaf."""
    if c.state == STATE_SAVED:
        cursor_restore(c)
    if c.state == STATE_VALID:
        if page_is_leaf(stack_page(c, c.depth)):
            c.nth += 1
        else:
            step_into_next(c)
    elif c.state != STATE_GAP:
        return 0
    return settle_next(c)


@export
@inline
def table_next(c: Cursor) -> i32:
    """cursor_next for a table b-tree."""
    nth: i32 = c.nth + 1
    if nth >= c.n_cells:
        return cursor_next_page(c)
    c.nth = nth
    load_table_cell(c, c.leaf + be16(c.cells + 2 * nth))
    return 1


@export
@inline
def index_next(c: Cursor) -> i32:
    """cursor_next for an index b-tree."""
    nth: i32 = c.nth + 1
    if nth >= c.n_cells:
        return cursor_next_page(c)
    c.nth = nth
    p: ptr[u8] = c.leaf + be16(c.cells + 2 * nth)
    load_index_cell(c, p)
    return 1


@export
@inline
def cursor_next(c: Cursor) -> i32:
    """Go to the next entry; 0: there is none. Errors: SQLITE_CORRUPT."""
    nth: i32 = c.nth + 1
    if nth >= c.n_cells:
        return cursor_next_page(c)
    c.nth = nth
    p: ptr[u8] = c.leaf + be16(c.cells + 2 * nth)
    if c.keyinfo:
        load_index_cell(c, p)
    else:
        load_table_cell(c, p)
    return 1


@export
def cursor_prev(c: Cursor) -> i32:
    """Go to the previous entry; 0: there is none. Errors: SQLITE_CORRUPT."""
    if c.state == STATE_SAVED:
        cursor_restore(c)
    if c.state == STATE_VALID:
        if page_is_leaf(stack_page(c, c.depth)) == 0:
            step_into_prev(c)
    elif c.state != STATE_GAP:
        return 0
    return settle_prev(c)
