"""The end of a range of an index: which entries of a leaf lie within it, found once a leaf and not once an entry.

Invariants:
  N1  c.sure > 0: the entries before that cell, from that on which the cursor was when it was set, are within the end
      last asked for. It falls to 0 with every other page and below with every seek and whenever the place is given up
      (position.py), so whoever steps inside a leaf need only compare cells.
  N2  c.sure < 0: as many entries more are compared by themselves: most look-ups find few.
"""

from turso_wasm.kernel.abi import Cursor, Value
from turso_wasm.kernel.btree.cursor.position import load_index_cell, stack_page
from turso_wasm.kernel.btree.cursor.read import cursor_compare_key
from turso_wasm.kernel.btree.cursor.seek import compare_cell, forget_bounds, index_search
from turso_wasm.kernel.btree.cursor.watch import watch_until
from turso_wasm.wasm.lang import be16, export, i32, ptr

__subset__ = True


def find_end(c: Cursor, probe: ptr[Value], n: i32, inclusive: i32) -> None:
    """Set `sure` on a leaf whose current entry is within the range."""
    last: i32 = c.n_cells - 1
    order: i32 = compare_cell(c, c.leaf + be16(c.cells + 2 * last), probe, n)
    if order < inclusive:
        c.sure = last + 1
        return
    nth: i32 = c.nth
    forget_bounds(c)
    _ = index_search(c, stack_page(c, c.depth), probe, n, inclusive, nth + 1)
    c.sure = c.nth
    c.nth = nth


@export
def cursor_past(c: Cursor, probe: ptr[Value], n: i32, inclusive: i32) -> i32:
    """1 if the entry lies behind the end of a range: its first n fields are greater than the probe (inclusive: 1), or
    not less (0). To be asked where `nth` is not below `sure`. Errors: SQLITE_CORRUPT.
    """
    if c.watch:
        watch_until(c, probe, n)
    if cursor_compare_key(c, probe, n) >= inclusive:
        return 1
    if c.sure < 0:
        c.sure += 1
    elif c.nth + 1 < c.n_cells:
        find_end(c, probe, n, inclusive)
    return 0


@export
def cursor_run(c: Cursor, probe: ptr[Value], n: i32, inclusive: i32) -> i32:
    """How many entries of this page, from the current one on, are not past the end; the cursor is on the last of them
    then. 0: none. Errors: SQLITE_CORRUPT.
    """
    if c.watch:
        watch_until(c, probe, n)
    if cursor_compare_key(c, probe, n) >= inclusive:
        return 0
    if c.nth + 1 >= c.n_cells:
        return 1
    find_end(c, probe, n, inclusive)
    run: i32 = c.sure - c.nth
    c.nth = c.sure - 1
    load_index_cell(c, c.leaf + be16(c.cells + 2 * c.nth))
    return run
