"""Seeking: from a key to a position.

Owns the binary searches. `table_find` and `index_find` leave the cursor in state GAP at the first entry that is not
less than the key (index: or, on request, the first that is greater), always on a leaf; the exported functions settle
it on an entry.

Invariants:
  G1  A search begins at the leaf the cursor is on when the key must be there: it lies between the leaf's first and last
      entry, or behind the last one of the right-most leaf. Otherwise it begins at the root.
  G2  It tries that only while it pays (`near`): a look at the leaf's ends is what costs.
  G3  Keys are guessed to be evenly spaced between those on both sides, which the page above tells. What pages say is
      never relied upon: a guess is one of the cells not yet compared, and wrong ones cost a comparison each.
"""

from turso_wasm.kernel.abi import SEEK_EQ, SEEK_GE, SEEK_GT, SEEK_LE, Cursor, KeyInfo, Value
from turso_wasm.kernel.base.memory import mrealloc
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.btree.cell import LEAF, get_rowid, local_size
from turso_wasm.kernel.btree.cursor.position import (
    STATE_GAP,
    STATE_VALID,
    cursor_no_entry,
    enter_child,
    enter_root,
    leaf_rowid,
    load_entry,
    on_last_leaf,
    settle_next,
    settle_prev,
    stack_page,
)
from turso_wasm.kernel.btree.cursor.watch import BACKWARD, FORWARD, POINT, watch_anchor, watch_key, watch_rowid
from turso_wasm.kernel.btree.overflow import overflow_pages, overflow_read
from turso_wasm.kernel.btree.page import PageHeader, cell_array, page_header, page_is_leaf, page_n_cells
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.kernel.values.compare import (
    NEED_MORE,
    QUICK_INTEGER,
    QUICK_NOT,
    compare_record,
    entry_word,
    probe_word,
    sign_of,
)
from turso_wasm.wasm.lang import be16, be32, export, f64, i32, i64, inline, memory_copy, ptr, select, u8, u32, u64

__subset__ = True

NEAR_TRIES = 4
GUESS_MIN = 8  # cells
GUESSES = 2  # of a search in an index page
ROWID_MAX = 0x7FFFFFFFFFFFFFFF
WORD_MIN = -0x8000000000000000
WORD_MAX = 0x7FFFFFFFFFFFFFFF


# --- table b-trees ---------------------------------------------------------------------------------------------------


@inline
def interior_key(page: Page, cells: ptr[u8], nth: i32) -> i64:
    """The key at a place in a table interior page."""
    key, _n = get_rowid(page.data + be16(cells + 2 * nth) + 4)
    return key


@inline
def leaf_key(page: Page, cells: ptr[u8], nth: i32) -> i64:
    """The rowid at a place in a table leaf."""
    p: ptr[u8] = page.data + be16(cells + 2 * nth)
    _size, n = get_varint(p)
    key, _m = get_rowid(p + n)
    return key


@inline
def guess_place(low: i32, high: i32, floor: i64, ceiling: i64, key: i64) -> i32:
    """Where key would be among the cells low..high-1 if keys were evenly spaced between floor, the key at low - 1, and
    ceiling, that at high. Whatever these are, one of the cells.
    """
    share: f64 = f64(key - floor) / f64(ceiling - floor)
    guess: i32 = low - 1 + i32(share * f64(high - low + 1))
    return within(guess, low, high)


@inline
def within(guess: i32, low: i32, high: i32) -> i32:
    """The cell nearest to a guess of low..high-1."""
    return low if guess < low else select(high - 1, guess, guess >= high)


def interior_search(page: Page, rowid: i64, floor: i64, ceiling: i64) -> i32:
    """First cell of a table interior page whose key is not less than rowid; the number of cells if there is none."""
    h: PageHeader = page_header(page)
    cells: ptr[u8] = cell_array(h)
    low: i32 = 0
    high: i32 = h.n_cells
    if high > GUESS_MIN:
        if ceiling == ROWID_MAX:
            ceiling = interior_key(page, cells, high - 1)
            if ceiling < rowid:
                return high
            high -= 1
        # A key that is not where evenly spaced keys would be costs two comparisons more.
        guess: i32 = guess_place(0, high, floor, ceiling, rowid)
        if interior_key(page, cells, guess) < rowid:
            low = guess + 1
            if low == high or interior_key(page, cells, low) >= rowid:
                return low
        else:
            if guess == 0 or interior_key(page, cells, guess - 1) < rowid:
                return guess
            high = guess - 1
    while low < high:
        middle: i32 = (low + high) >> 1
        if interior_key(page, cells, middle) < rowid:
            low = middle + 1
        else:
            high = middle
    return low


def leaf_search(c: Cursor, page: Page, rowid: i64, floor: i64, ceiling: i64) -> i32:
    """Set `nth` to the first place of a table leaf whose rowid is not less than `rowid`; 1 if it is equal."""
    h: PageHeader = page_header(page)
    cells: ptr[u8] = cell_array(h)
    low: i32 = 0
    high: i32 = h.n_cells
    guess: i64 = rowid - floor - 1  # its place if no rowid is missing
    if ceiling - floor != i64(high) and ceiling != ROWID_MAX:
        guess = i64(guess_place(0, high, floor, ceiling, rowid))
    if u64(guess) < u64(i64(high)):
        middle: i32 = i32(guess)
        key: i64 = leaf_key(page, cells, middle)
        if key == rowid:
            c.nth = middle
            return 1
        if key < rowid:
            low = middle + 1
        else:
            high = middle
    while low < high:
        middle = (low + high) >> 1
        key = leaf_key(page, cells, middle)
        if key < rowid:
            low = middle + 1
        elif key > rowid:
            high = middle
        else:
            c.nth = middle
            return 1
    c.nth = low
    return 0


def near_rowid(c: Cursor, rowid: i64) -> i32:
    """Try the current leaf (G1): 1 found, 0 it belongs there but is absent, -1 it belongs elsewhere."""
    page: Page = stack_page(c, c.depth)
    n: i32 = page_n_cells(page)
    if n == 0:
        return -1
    following: i32 = c.nth + 1
    if c.valid and following == c.n_cells and rowid > c.rowid:  # behind the last entry, which the cursor is on
        if on_last_leaf(c):
            c.nth = n
            return 0
        return -1
    if c.valid:
        place: i64 = i64(c.nth) + rowid - c.rowid  # if no rowid is missing between
        if u64(place) < u64(i64(n)) and leaf_rowid(page, i32(place)) == rowid:
            c.nth = i32(place)
            return 1
    if following > 0 and following < n and leaf_rowid(page, following) == rowid:
        c.nth = following
        return 1
    last: i64 = leaf_rowid(page, n - 1)
    if rowid > last:
        if on_last_leaf(c):
            c.nth = n
            return 0
        return -1
    first: i64 = leaf_rowid(page, 0)
    if rowid < first:
        return -1
    return leaf_search(c, page, rowid, first - 1, last)


def table_find(c: Cursor, rowid: i64) -> i32:
    """Go to the leaf and place of the first entry whose rowid is not less (GAP); 1 if it is equal."""
    before: i32 = 0
    if c.depth >= 0:
        if c.near > 0:
            near: i32 = near_rowid(c, rowid)
            if near >= 0:
                c.near = NEAR_TRIES
                cursor_no_entry(c, STATE_GAP)
                return near
            c.near -= 1
        before = c.pages[c.depth]
    cursor_no_entry(c, STATE_GAP)
    page: Page = enter_root(c)
    floor: i64 = 0
    ceiling: i64 = ROWID_MAX
    while page_is_leaf(page) == 0:
        at: i32 = interior_search(page, rowid, floor, ceiling)
        c.taken[c.depth] = at
        h: PageHeader = page_header(page)
        cells: ptr[u8] = cell_array(h)
        child: u32 = h.right_child
        if at > 0:
            floor = interior_key(page, cells, at - 1)
        if at < h.n_cells:
            ceiling = interior_key(page, cells, at)
            child = be32(page.data + be16(cells + 2 * at))
        page = enter_child(c, child)
    if i32(page) == before:
        c.near = NEAR_TRIES
    return leaf_search(c, page, rowid, floor, ceiling)


@export
def cursor_seek_rowid(c: Cursor, rowid: i64) -> i32:
    """Go to the entry with that rowid; 0 (between entries) if there is none."""
    if c.state == STATE_VALID and c.rowid == rowid:
        return 1
    if c.watch:
        watch_rowid(c, POINT, rowid, ROWID_MAX)
    if table_find(c, rowid):
        load_entry(c)
        return 1
    if c.watch:
        watch_anchor(c)
    return 0


@export
def cursor_seek_rowid_op(c: Cursor, rowid: i64, op: i32, until: i64) -> i32:
    """Go to the first entry >= (SEEK_GE) or > (SEEK_GT), or the last <= (SEEK_LE) or < (SEEK_LT) rowid; 0: none.

    until: the last rowid that the caller wants in that direction. It does not matter to where the cursor goes.
    """
    if c.watch:
        watch_rowid(c, FORWARD if op <= SEEK_GT else BACKWARD, rowid, until)
    found: i32 = table_find(c, rowid)
    if op == SEEK_GE:
        return settle_next(c)
    if op == SEEK_GT:
        c.nth += found
        return settle_next(c)
    if op == SEEK_LE:
        c.nth += found
    return settle_prev(c)


# --- index b-trees ---------------------------------------------------------------------------------------------------


def cursor_assemble(c: Cursor, p: ptr[u8], size: i32, local: i32, want: i32) -> ptr[u8]:
    """The first `want` bytes (local < want <= size) of a payload whose local part is at p, contiguous in `overflow`.

    What is already assembled (overflow_size) is kept where it is. Errors: SQLITE_CORRUPT.
    """
    pager: Pager = Pager(c.pager)
    if c.overflow_size == 0 or c.overflow_for != p:
        _ = overflow_pages(pager, size - local)
        if c.overflow_capacity < size:
            # All of it, so that it need not move while values point into it; records are read a word at a time.
            c.overflow_capacity = 0
            c.overflow_size = 0
            c.overflow = mrealloc(c.overflow, size + 16)
            c.overflow_capacity = size
        memory_copy(c.overflow, p, local)
        c.overflow_size = local
        c.overflow_for = p
        c.overflow_next = be32(p + local)
    if c.overflow_size < want:
        room: i32 = pager.usable_size - 4
        # Whole pages, or to the end of the payload.
        n: i32 = (want - c.overflow_size + room - 1) // room * room
        if n > size - c.overflow_size:
            n = size - c.overflow_size
        c.overflow_next = overflow_read(pager, c.overflow_next, c.overflow + c.overflow_size, n)
        c.overflow_size += n
    return c.overflow


def compare_spilled(c: Cursor, p: ptr[u8], size: i32, probe: ptr[Value], n: i32) -> i32:
    """compare_record of a payload that has overflow pages; `overflow` is used as scratch memory."""
    c.overflow_size = 0
    whole: ptr[u8] = cursor_assemble(c, p, size, local_size(c.layout, size), size)
    c.overflow_size = 0
    return compare_record(c, whole, size, size, probe, n)


@inline
def compare_cell(c: Cursor, p: ptr[u8], probe: ptr[Value], n: i32) -> i32:
    """Order of the index cell at p (behind the child of an interior cell) and the probe."""
    size, width = get_varint(p)
    total: i32 = i32(size)
    order: i32 = compare_record(c, p + width, local_size(c.layout, total), total, probe, n)
    if order == NEED_MORE:
        order = compare_spilled(c, p + width, total, probe, n)
    return order


def index_search(c: Cursor, page: Page, probe: ptr[Value], n: i32, beyond: i32, low: i32) -> i32:
    """Set `nth` to the first place from `low` on whose entry is not less than the probe; 1 if it is equal.

    beyond: 1: the first place whose entry is greater; then the result is 0. `floor` and `ceiling` become those of the
    child at that place (G3).
    """
    h: PageHeader = page_header(page)
    cells: ptr[u8] = cell_array(h)
    skip: i32 = 0 if h.kind & LEAF else 4
    mode, target = probe_word(probe[0], KeyInfo(c.keyinfo).flags)
    if n == 0:
        mode = QUICK_NOT
    decides: bool = n == 1 and mode & QUICK_INTEGER != 0
    high: i32 = h.n_cells
    floor: i64 = c.floor
    ceiling: i64 = c.ceiling
    guesses: i32 = 0
    if mode != QUICK_NOT and high - low > GUESS_MIN:
        guesses = GUESSES
        if floor == WORD_MIN:
            _known, floor = cell_word(c, page.data + be16(cells + 2 * low) + skip, mode)
        if ceiling == WORD_MAX:
            _known, ceiling = cell_word(c, page.data + be16(cells + 2 * high - 2) + skip, mode)
    lean: i32 = 0
    equal: i32 = 0
    while low < high:
        middle: i32 = (low + high) >> 1
        if guesses:
            guesses -= 1
            middle = guess_place(low, high, floor, ceiling, target)
            # The second guess is to end up on the other side of the probe.
            if lean > 0:
                middle = within(middle + 2 + ((middle - low) >> 2), low, high)
            elif lean < 0:
                middle = within(middle - 2 - ((high - middle) >> 2), low, high)
        p: ptr[u8] = page.data + be16(cells + 2 * middle) + skip
        known, word = cell_word(c, p, mode)
        order: i32 = sign_of(word, target) if known else 0
        if order == 0 and not (known and decides):
            order = compare_cell(c, p, probe, n)
        if order < beyond:
            low = middle + 1
            floor = word
            c.floor = word
            lean = 1
        else:
            high = middle
            ceiling = word
            c.ceiling = word
            lean = -1
            equal |= i32(order == 0)
    c.nth = low
    return equal


@inline
def cell_word(c: Cursor, p: ptr[u8], mode: i32) -> tuple[bool, i64]:
    """Whether the first field of the index cell at p (behind its child) has a word of that mode, and the word."""
    size: i32 = p[0]
    if mode == QUICK_NOT or size >= 128 or size > c.layout.max_local:
        return False, i64(0)
    return entry_word(p + 1, size, mode)


@inline
def forget_bounds(c: Cursor) -> None:
    """Of the next page to be searched no more is known than what it says itself (G3)."""
    c.floor = WORD_MIN
    c.ceiling = WORD_MAX


def near_key(c: Cursor, probe: ptr[Value], n: i32, beyond: i32) -> i32:
    """Try the current leaf (G1): 1 found, 0 it belongs there but is absent, -1 it belongs elsewhere."""
    page: Page = stack_page(c, c.depth)
    h: PageHeader = page_header(page)
    count: i32 = h.n_cells
    if count == 0 or h.kind & LEAF == 0:
        return -1
    cells: ptr[u8] = cell_array(h)
    order: i32 = compare_cell(c, page.data + be16(cells + 2 * (count - 1)), probe, n)
    if order < beyond:
        if on_last_leaf(c):
            c.nth = count
            return 0
        return -1
    forget_bounds(c)
    # A first entry that equals the probe may follow another one on the leaf before.
    if compare_cell(c, page.data + be16(cells), probe, n) >= beyond:
        return -1
    return index_search(c, page, probe, n, beyond, 0)


def index_find(c: Cursor, probe: ptr[Value], n: i32, beyond: i32) -> i32:
    """Go to the leaf and place of the first entry that is not less than the probe in its first n fields (GAP).

    Returns 1 if that entry is on the leaf and equal, 2 if it is on an interior page and equal, else 0.
    beyond: 1: the first entry that is greater; the result is 0.
    """
    before: i32 = 0
    if c.depth >= 0:
        if c.near > 0:
            near: i32 = near_key(c, probe, n, beyond)
            if near >= 0:
                c.near = NEAR_TRIES
                cursor_no_entry(c, STATE_GAP)
                return near
            c.near -= 1
        before = c.pages[c.depth]
    cursor_no_entry(c, STATE_GAP)
    above: i32 = 0
    page: Page = enter_root(c)
    forget_bounds(c)
    while page_is_leaf(page) == 0:
        above |= index_search(c, page, probe, n, beyond, 0)
        at: i32 = c.nth
        c.taken[c.depth] = at
        h: PageHeader = page_header(page)
        child: u32 = h.right_child
        if at < h.n_cells:
            child = be32(page.data + be16(cell_array(h) + 2 * at))
        page = enter_child(c, child)
    if i32(page) == before:
        c.near = NEAR_TRIES
    if index_search(c, page, probe, n, beyond, 0):
        return 1
    return 2 * above if c.nth == page_n_cells(page) else 0


def index_find_onward(c: Cursor, probe: ptr[Value], n: i32) -> i32:
    """index_find for a probe that is not less than the one before."""
    if c.depth >= 0:
        page: Page = stack_page(c, c.depth)
        count: i32 = page_n_cells(page)
        if page_is_leaf(page) and c.nth < count:
            forget_bounds(c)
            found: i32 = index_search(c, page, probe, n, 0, c.nth)
            if c.nth < count or on_last_leaf(c):
                cursor_no_entry(c, STATE_GAP)
                return found
        c.near = 0
    return index_find(c, probe, n, 0)


@export
def cursor_seek_key(c: Cursor, probe: ptr[Value], n: i32, op: i32) -> i32:
    """Go to the first entry >= (SEEK_GE) or > (SEEK_GT), or the last <= (SEEK_LE) or < (SEEK_LT) the probe; 0: none.

    SEEK_EQ: as SEEK_GE; the caller wants none but entries that are equal. Compares the first n fields in index order.
    n <= keyinfo.n_fields. Errors: SQLITE_CORRUPT.
    """
    if c.watch:
        watch_key(c, POINT if op == SEEK_EQ else FORWARD if op <= SEEK_GT else BACKWARD, probe, n)
    beyond: i32 = i32(op == SEEK_GT) | i32(op == SEEK_LE)
    _ = index_find(c, probe, n, beyond)
    if op <= SEEK_GT:
        return settle_next(c)
    return settle_prev(c)
