"""Looking for an entry of an index that may be damaged, by halving alone.

PRAGMA integrity_check asks whether each row has its entry. In a page whose entries are out of order it depends on the
way taken which of them are found; this is the way that SQLite takes, so that both say the same of the same file.
Seeking (seek.py) guesses, and begins where it was before.
"""

from turso_wasm.kernel.abi import BINARY, COLLATION_MASK, INTEGER, KEY_DESC, TEXT, Cursor, KeyInfo, Value
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.btree.cell import LEAF, local_size
from turso_wasm.kernel.btree.cursor.position import (
    STATE_GAP,
    STATE_VALID,
    cursor_no_entry,
    enter_child,
    enter_root,
    load_entry,
    on_last_leaf,
    stack_page,
)
from turso_wasm.kernel.btree.cursor.seek import compare_spilled
from turso_wasm.kernel.btree.cursor.watch import watch_all
from turso_wasm.kernel.btree.page import PageHeader, cell_array, page_child, page_header, page_is_leaf, page_n_cells
from turso_wasm.kernel.pager.storage import Page
from turso_wasm.kernel.values.collate import compare_bytes
from turso_wasm.kernel.values.compare import compare_record, sign_of
from turso_wasm.kernel.values.record import INTEGER_SHIFT, serial_size
from turso_wasm.wasm.lang import be16, be64, export, i32, i64, ptr, u8, u32, u64

__subset__ = True

UNDECIDED = 2


@export
def cursor_bisect_key(c: Cursor, probe: ptr[Value], n: i32) -> i32:
    """Go to an entry that equals the probe in its first n fields; 0: none is found. Errors: SQLITE_CORRUPT."""
    if c.watch:
        watch_all(c)
    page: Page = stay_on_last(c, probe, n)
    cursor_no_entry(c, STATE_GAP)
    if not page:
        page = enter_root(c)
    found: i32 = bisect_page(c, page, probe, n)
    while not found and not page_is_leaf(page):
        c.taken[c.depth] = c.nth
        page = enter_child(c, page_child(page, c.nth))
        found = bisect_page(c, page, probe, n)
    count: i32 = page_n_cells(page)
    if count == 0:
        return 0
    if c.nth >= count:
        c.nth = count - 1
    load_entry(c)
    return found


def stay_on_last(c: Cursor, probe: ptr[Value], n: i32) -> Page:
    """The right-most leaf, if the cursor is on one of its entries and its first entry is not greater; or null."""
    if c.state != STATE_VALID or c.depth < 1:
        return Page(0)
    page: Page = stack_page(c, c.depth)
    if not page_is_leaf(page) or not on_last_leaf(c) or page_compare(c, page, 0, probe, n) > 0:
        return Page(0)
    return page


def bisect_page(c: Cursor, page: Page, probe: ptr[Value], n: i32) -> i32:
    """Set `nth` to the cell that is equal, or to the first behind those that are less; 1 if it is equal."""
    low: i32 = 0
    high: i32 = page_n_cells(page) - 1
    while low <= high:
        c.nth = (low + high) >> 1
        order: i32 = page_compare(c, page, c.nth, probe, n)
        if order == 0:
            return 1
        if order < 0:
            low = c.nth + 1
        else:
            high = c.nth - 1
    c.nth = low
    return 0


def page_compare(c: Cursor, page: Page, nth: i32, probe: ptr[Value], n: i32) -> i32:
    """Order of a cell and the probe; of one with overflow pages all are read, whether they decide or not."""
    h: PageHeader = page_header(page)
    cell: ptr[u8] = page.data + be16(cell_array(h) + 2 * nth) + (0 if h.kind & LEAF else 4)
    if cell - page.data >= c.layout.usable:  # a stub (patched.py)
        raise_corrupt(page.pgno)
    size, width = get_varint(cell)
    total: i32 = i32(size)
    if local_size(c.layout, total) < total:
        return compare_spilled(c, cell + width, total, probe, n)
    flags: i32 = KeyInfo(c.keyinfo).flags
    order: i32 = hasty_order(cell + width, total, probe[0], flags)
    if order == UNDECIDED:
        return compare_record(c, cell + width, total, total, probe, n)
    return -order if flags & KEY_DESC else order


def hasty_order(p: ptr[u8], size: i32, field: Value, flags: i32) -> i32:
    """Order of the first field of a record and a value if that decides, or UNDECIDED. Errors: SQLITE_CORRUPT.

    Of integers and plain texts SQLite looks at no more, and so passes by records that are damaged elsewhere.
    """
    if field.tag == INTEGER:
        st: i32 = p[1]
        order: i32 = 0
        if u32(st - 1) < 6:
            order = sign_of(be64(p + (p[0] & 63)) >> i64(INTEGER_SHIFT[st]), field.payload)
        elif st == 8 or st == 9:
            order = sign_of(i64(st - 8), field.payload)
        return order if order else UNDECIDED
    if field.tag != TEXT or flags & COLLATION_MASK != BINARY:
        return UNDECIDED
    serial, _width = get_varint(p + 1)
    if u64(serial) < 12:
        return -1
    if serial & 1 == 0:
        return 1
    length: i32 = serial_size(serial)
    if length < 0 or p[0] + length > size:
        raise_corrupt(u32(0))
    order = compare_bytes(p + p[0], length, ptr[u8](i32(field.payload)), i32(field.payload >> 32))
    return order if order else UNDECIDED
