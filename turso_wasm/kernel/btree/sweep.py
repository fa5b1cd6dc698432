"""Deleting entries of a table b-tree in the course of a scan: those of a leaf go together, when the scan leaves it.

Owns cursor_doom, cursor_sweep and sweep_next. One at a time, each entry would move the cell pointers behind it, look
for its neighbours among the free blocks and have the cursor find its place again.

Invariants:
  D1  `doomed` entries of the cursor's leaf are to go, at the places in `doomed_places`, which ascend up to `nth`. Until
      then they are there for everybody: whoever dooms has them swept before anything else can look at the tree. `poll`
      does that, too.
"""

from turso_wasm.kernel.abi import Cursor, Run
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.base.memory import malloc
from turso_wasm.kernel.btree.balance import is_underfull, write_level
from turso_wasm.kernel.btree.cursor.move import cursor_next_page
from turso_wasm.kernel.btree.cursor.position import (
    STATE_GAP,
    cursor_no_entry,
    load_entry,
    load_table_cell,
    stack_page,
)
from turso_wasm.kernel.btree.cursor.save import SKIP_NONE, cursor_ready, cursor_set_saved, cursors_save_for
from turso_wasm.kernel.btree.cursor.watch import watch_write_row
from turso_wasm.kernel.btree.delete import balance_leaf
from turso_wasm.kernel.btree.insert import free_cell_overflow
from turso_wasm.kernel.btree.page import PageHeader, cell_array, page_defragment, page_drop, page_header
from turso_wasm.kernel.pager.storage import Page
from turso_wasm.wasm.lang import be16, export, i32, inline, ptr, u16

__subset__ = True

MANY = 8  # one in so many entries of a leaf: it is written anew


@export
def cursor_doom(c: Cursor) -> None:
    """Delete the entry of a table b-tree that a scan by sweep_next is on, when the scan leaves its leaf (D1)."""
    if c.valid == 0:
        return
    if c.watch:
        watch_write_row(c, c.rowid)
    cursors_save_for(c, c.rowid, c.rowid)
    if not c.doomed_places:
        c.doomed_places = ptr[u16](malloc(c.layout.usable))
    c.doomed_places[c.doomed] = c.nth
    c.doomed += 1
    c.doomed_spilled |= i32(c.local_size < c.payload_size)


@export
@inline
def sweep_next(c: Cursor) -> i32:
    """table_next of a scan that dooms. Errors: SQLITE_CORRUPT, SQLITE_FULL."""
    nth: i32 = c.nth + 1
    if nth >= c.n_cells:
        return sweep_next_page(c)
    c.nth = nth
    load_table_cell(c, c.leaf + be16(c.cells + 2 * nth))
    return 1


@export
def sweep_next_page(c: Cursor) -> i32:
    """sweep_next when the next entry is not the next cell of the current leaf."""
    cursor_sweep(c)
    return cursor_next_page(c)


@export
def cursor_sweep(c: Cursor) -> None:
    """Delete what is doomed. The cursor stays where it is, or where its entry was.

    Errors: SQLITE_CORRUPT, SQLITE_FULL.
    """
    n: i32 = c.doomed
    if n == 0:
        return
    c.doomed = 0
    if c.doomed_spilled:
        c.doomed_spilled = 0
        for i in range(n):
            free_cell_overflow(c, stack_page(c, c.depth), c.doomed_places[i])
    page: Page = write_level(c, c.depth)
    drop_places(c, page, n)
    gone: i32 = i32(c.doomed_places[n - 1] == c.nth)
    c.nth -= n - gone
    if c.depth > 0 and is_underfull(c, page):
        balance_leaf(c)
        cursor_set_saved(c, SKIP_NONE)
    elif gone:
        cursor_no_entry(c, STATE_GAP)
    else:
        load_entry(c)


def drop_places(c: Cursor, page: Page, n: i32) -> None:
    """Remove the cells at the first n doomed places from a writable leaf. Errors: SQLITE_CORRUPT."""
    h: PageHeader = page_header(page)
    count: i32 = h.n_cells
    if c.doomed_places[n - 1] >= count:
        raise_corrupt(page.pgno)  # the page is one of another b-tree, too
    if n * MANY < count or n == count:
        for i in range(n - 1, -1, -1):
            page_drop(page, c.layout, c.doomed_places[i])
        return
    cells: ptr[u16] = ptr[u16](cell_array(h))
    kept: i32 = c.doomed_places[0]
    nth: i32 = kept
    for i in range(n):
        place: i32 = c.doomed_places[i]
        while nth < place:
            cells[kept] = cells[nth]
            kept += 1
            nth += 1
        nth += 1
    while nth < count:
        cells[kept] = cells[nth]
        kept += 1
        nth += 1
    h.n_cells = kept
    page.free = 0
    page_defragment(page, c.layout)


@export
def cursors_sweep(s: Run) -> None:
    """cursor_sweep for the cursors of a statement, which are where they were then."""
    at: Cursor = Cursor(s.cursors)
    while at:
        if at.doomed:
            cursor_sweep(at)
            _ = cursor_ready(at)
        at = Cursor(at.next)
