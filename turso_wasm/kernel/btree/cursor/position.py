"""Cursors: positions in a b-tree, and stepping from one entry to the next.

Owns opening and closing cursors, the stack of pages from the root to the current entry, and the two raw steps
`settle_next` and `settle_prev`. Seeking is seek.py's, keeping a place while the tree changes save.py's, the exported
moves are move.py's, reading entries is read.py's.

Invariants:
  U1  state INVALID: depth is -1. SAVED: depth is -1, the key is kept (kernel/btree/cursor/save.py).
      VALID: on an entry: cell `nth` of page pages[depth]. GAP: between entries: pages[depth] is a leaf and the next
      entry is the one at `nth` (0..number of cells), wherever that is.
  U2  pages[0..depth] is a path from the root, each checked for this tree, or a readable copy (cursor/patched.py);
      taken[i] is the child taken at level i.
  U3  `n_cells` is the leaf's cell count in state VALID on a leaf, 0 otherwise; so whoever steps inside a page need not
      look at `state`.
  U4  Entries of a table b-tree are on leaves. Entries of an index b-tree are on interior pages too.
  U5  `visits` never exceeds the number of pages: a tree whose children form a graph with more paths than pages ends in
      SQLITE_CORRUPT, as does one deeper than MAX_DEPTH.
"""

from turso_wasm.kernel.abi import INDEX_BTREE, TABLE_BTREE, Cursor, KernelConnection, KeyInfo, Run, Value
from turso_wasm.kernel.base.errors import SQLITE_LOCKED, raise_corrupt, raise_error
from turso_wasm.kernel.base.memory import mfree, mzalloc
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.btree.cell import LEAF, get_rowid, layout_init, local_size
from turso_wasm.kernel.btree.cursor.patched import page_patched, patched_free
from turso_wasm.kernel.btree.cursor.watch import watch_close, watch_open
from turso_wasm.kernel.btree.page import (
    PAGE_SIZE_MAX,
    PageHeader,
    cell_array,
    page_cell,
    page_child,
    page_header,
    page_init_empty,
    page_is_leaf,
    page_n_cells,
    page_readable,
    page_validate,
)
from turso_wasm.kernel.pager.pages import pager_get, pager_of, pager_page_count
from turso_wasm.kernel.pager.storage import WATCHED, Page, Pager
from turso_wasm.wasm.lang import be16, export, i32, i64, inline, lit, ptr, sizeof, u8, u32

__subset__ = True

STATE_INVALID = 0
STATE_VALID = 1
STATE_GAP = 2
STATE_SAVED = 3
MAX_DEPTH = 20
MARK_SOUND = 1
PATIENCE = 3  # entries after a seek that are compared with the end of a range one by one

empty_page: i32 = 0  # Page


# --- open, close -----------------------------------------------------------------------------------------------------


@export
def cursor_open(stmt: Run, slot: i32, root: u32, keyinfo: KeyInfo, write: i32) -> Cursor:
    """A cursor on the b-tree whose root page is `root` of the database in that slot; no position yet.

    keyinfo: null for a table b-tree. It must live as long as the cursor.
    Errors: SQLITE_LOCKED, somebody who writes it has called the user's code that asks for it (callback.py U3).
    """
    p: Pager = pager_of(KernelConnection(stmt.connection), slot)
    if write:
        check_not_calling(p, root)
    return cursor_new(p, stmt, root, keyinfo, write)


def check_not_calling(p: Pager, root: u32) -> None:
    """Raise SQLITE_LOCKED if a run that writes this b-tree is in a call of the user's code."""
    at: i32 = p.cursors
    while at:
        c: Cursor = Cursor(at)
        if c.write and c.root == root and c.statement and Run(c.statement).calling:
            raise_error(SQLITE_LOCKED, *lit(b"database table is locked"))
        at = c.next_in_pager


def cursor_new(p: Pager, stmt: Run, root: u32, keyinfo: KeyInfo, write: i32) -> Cursor:
    """cursor_open on a pager; `stmt` may be null, then only the pager knows the cursor."""
    n_fields: i32 = keyinfo.n_fields if keyinfo else 0
    c: Cursor = Cursor(mzalloc(sizeof(Cursor) + n_fields * sizeof(Value)))
    layout_init(c.layout, INDEX_BTREE if keyinfo else TABLE_BTREE, p.usable_size)
    c.root = root
    c.mark = i32(root << 2) | (2 if keyinfo else 0) | MARK_SOUND
    c.lenient = 0 if write else MARK_SOUND
    c.keyinfo = i32(keyinfo)
    c.probe = ptr[Value](i32(c) + sizeof(Cursor))
    c.write = write
    c.depth = -1
    c.pager = i32(p)
    c.next_in_pager = p.cursors
    p.cursors = i32(c)
    c.statement = i32(stmt)
    if stmt:
        c.next = stmt.cursors
        stmt.cursors = i32(c)
    if p.watched == WATCHED:
        watch_open(c)
    return c


@export
def cursor_close(c: Cursor) -> None:
    """Free a cursor and everything it owns."""
    if c.watch:
        watch_close(c)
    p: Pager = Pager(c.pager)
    if p.cursors == i32(c):
        p.cursors = c.next_in_pager
    else:
        at: Cursor = Cursor(p.cursors)
        while at.next_in_pager != i32(c):
            at = Cursor(at.next_in_pager)
        at.next_in_pager = c.next_in_pager
    stmt: Run = Run(c.statement)
    if stmt:
        if stmt.cursors == i32(c):
            stmt.cursors = c.next
        else:
            before: Cursor = Cursor(stmt.cursors)
            while before.next != i32(c):
                before = Cursor(before.next)
            before.next = c.next
    patched_free(c, 0)
    mfree(c.saved_key)
    mfree(c.overflow)
    mfree(ptr[u8](c.doomed_places))
    mfree(ptr[u8](c))


def cursor_no_entry(c: Cursor, state: i32) -> None:
    """The cursor is on no entry; what inlined readers see is an empty record."""
    c.valid = 0
    c.state = state
    c.n_cells = 0
    c.payload_size = 0
    c.local_size = 0
    c.overflow_size = 0
    c.sure = -PATIENCE


def cursor_invalidate(c: Cursor) -> None:
    """The cursor has no position."""
    cursor_no_entry(c, STATE_INVALID)
    c.depth = -1


# --- the stack -------------------------------------------------------------------------------------------------------


@inline
def stack_page(c: Cursor, level: i32) -> Page:
    """The page at a level of the stack."""
    return Page(c.pages[level])


def check_page(c: Cursor, page: Page, level: i32) -> Page:
    """Validate a page as one of this cursor's tree and mark it; the page, or a copy that can be read.

    Errors: SQLITE_CORRUPT, also when a cursor of another tree is on the page.
    """
    if page.checked:
        at: Cursor = Cursor(Pager(c.pager).cursors)
        while at:
            for level in range(at.depth + 1):
                if at.pages[level] == i32(page) and at.mark != c.mark:
                    raise_corrupt(page.pgno)
            at = Cursor(at.next_in_pager)
    # Only a root may be empty, and a leaf then; that of sqlite_schema may lie in its only child.
    if page_n_cells(page) == 0 and page.pgno != 1 and (page.pgno != c.root or page_is_leaf(page) == 0):
        raise_corrupt(page.pgno)
    if page_validate(page, c.layout):
        page.checked = c.mark
    elif c.lenient and page_readable(page, c.layout):
        page.checked = c.mark & ~MARK_SOUND
    elif c.lenient:
        return page_patched(c, page, level, c.mark & ~MARK_SOUND)
    else:
        raise_corrupt(page.pgno)
    return page


@inline
def tree_page(c: Cursor, pgno: u32, level: i32) -> Page:
    """A checked page of the cursor's tree, for a level of the stack. Errors: SQLITE_CORRUPT."""
    page: Page = pager_get(Pager(c.pager), pgno)
    if page.checked | c.lenient != c.mark:
        page = check_page(c, page, level)
    return page


def empty_root(c: Cursor) -> Page:
    """An empty leaf to stand for page 1 of a database that has no pages yet, for reading."""
    global empty_page
    page: Page = Page(empty_page)
    if not page:
        page = Page(mzalloc(sizeof(Page)))
        page.pgno = u32(1)
        page.data = mzalloc(PAGE_SIZE_MAX)
        empty_page = i32(page)
    page_init_empty(page, TABLE_BTREE, c.layout.usable)
    page.checked = c.mark
    return page


def enter_root(c: Cursor) -> Page:
    """Make the stack the root page alone."""
    c.visits = 0
    page: Page = Page(0)
    if c.root == 1 and c.keyinfo == 0 and pager_page_count(Pager(c.pager)) == 0:
        page = empty_root(c)
    else:
        page = tree_page(c, c.root, 0)
    c.pages[0] = i32(page)
    c.depth = 0
    return page


def enter_child(c: Cursor, pgno: u32) -> Page:
    """Push a child page. Errors: SQLITE_CORRUPT (U5)."""
    if c.depth >= MAX_DEPTH - 1:
        raise_corrupt(pgno)
    page: Page = tree_page(c, pgno, c.depth + 1)
    c.depth += 1
    c.pages[c.depth] = i32(page)
    return page


def descend_left(c: Cursor) -> None:
    """Go down from the current page to the first leaf below it; cell 0."""
    page: Page = stack_page(c, c.depth)
    while page_is_leaf(page) == 0:
        c.taken[c.depth] = 0
        page = enter_child(c, page_child(page, 0))
    c.nth = 0


def descend_right(c: Cursor) -> None:
    """Go down from the current page to the last leaf below it; `nth` behind its last entry."""
    page: Page = stack_page(c, c.depth)
    while page_is_leaf(page) == 0:
        n: i32 = page_n_cells(page)
        c.taken[c.depth] = n
        page = enter_child(c, page_child(page, n))
    c.nth = page_n_cells(page)


def on_last_leaf(c: Cursor) -> i32:
    """1 if the stack is the path to the right-most leaf."""
    for level in range(c.depth):
        if c.taken[level] < page_n_cells(stack_page(c, level)):
            return 0
    return 1


# --- entries ---------------------------------------------------------------------------------------------------------


@inline
def load_table_cell(c: Cursor, p: ptr[u8]) -> None:
    """Take payload, sizes and rowid from the table leaf cell at p."""
    size, n = get_varint(p)
    p += n
    rowid, m = get_rowid(p)
    c.rowid = rowid
    c.payload = p + m
    total: i32 = i32(size)
    c.payload_size = total
    c.local_size = local_size(c.layout, total)


@inline
def load_index_cell(c: Cursor, p: ptr[u8]) -> None:
    """Take payload and sizes from the index cell at p (behind the child of an interior cell)."""
    size, n = get_varint(p)
    c.payload = p + n
    total: i32 = i32(size)
    c.payload_size = total
    c.local_size = local_size(c.layout, total)


@inline
def on_entry(c: Cursor, page: Page, h: PageHeader) -> None:
    """Become VALID on a page; which of its entries it is remains to be said."""
    c.leaf = page.data
    c.cells = cell_array(h)
    c.valid = 1
    c.state = STATE_VALID
    c.overflow_size = 0
    if c.sure > 0:
        c.sure = 0


def load_entry(c: Cursor) -> None:
    """Become VALID on the entry at `nth` of the current page."""
    page: Page = stack_page(c, c.depth)
    h: PageHeader = page_header(page)
    on_entry(c, page, h)
    cell: ptr[u8] = page.data + be16(c.cells + 2 * c.nth)
    if h.kind & LEAF == 0:
        c.n_cells = 0
        c.taken[c.depth] = c.nth
        load_index_cell(c, cell + 4)
        return
    c.n_cells = h.n_cells
    if c.keyinfo:
        load_index_cell(c, cell)
    else:
        load_table_cell(c, cell)


def leaf_rowid(page: Page, nth: i32) -> i64:
    """The rowid at a place in a checked table leaf."""
    p: ptr[u8] = page_cell(page, nth)
    _size, n = get_varint(p)
    rowid, _m = get_rowid(p + n)
    return rowid


# --- steps -----------------------------------------------------------------------------------------------------------


def count_visit(c: Cursor, step: i32) -> None:
    """One more leaf forward (1) or backward (-1). Errors: SQLITE_CORRUPT (U5)."""
    c.visits += step
    seen: i32 = c.visits if c.visits >= 0 else -c.visits
    if u32(seen) > pager_page_count(Pager(c.pager)):
        raise_corrupt(c.root)


def settle_next(c: Cursor) -> i32:
    """From a leaf and a place (0..number of cells) to the first entry at or behind it; 0: there is none (GAP)."""
    while c.nth >= page_n_cells(stack_page(c, c.depth)):
        level: i32 = c.depth - 1
        while level >= 0 and c.taken[level] >= page_n_cells(stack_page(c, level)):
            level -= 1
        if level < 0:
            cursor_no_entry(c, STATE_GAP)
            return 0
        c.depth = level
        c.nth = c.taken[level]
        if c.keyinfo:
            break
        step_into_next(c)
    load_entry(c)
    return 1


def step_into_next(c: Cursor) -> None:
    """From cell `nth` of an interior page to the first leaf of the child behind that cell; cell 0."""
    count_visit(c, 1)
    at: i32 = c.nth + 1
    c.taken[c.depth] = at
    _ = enter_child(c, page_child(stack_page(c, c.depth), at))
    descend_left(c)


def settle_prev(c: Cursor) -> i32:
    """From a leaf and a place (0..number of cells) to the last entry before it; 0: there is none (GAP)."""
    while c.nth == 0:
        level: i32 = c.depth - 1
        while level >= 0 and c.taken[level] == 0:
            level -= 1
        if level < 0:
            cursor_no_entry(c, STATE_GAP)
            return 0
        c.depth = level
        c.nth = c.taken[level]
        if c.keyinfo:
            break
        count_visit(c, -1)
        c.taken[level] = c.nth - 1
        _ = enter_child(c, page_child(stack_page(c, level), c.nth - 1))
        descend_right(c)
    c.nth -= 1
    load_entry(c)
    return 1


def step_into_prev(c: Cursor) -> None:
    """From an entry on an interior page to the last leaf of the child before it; `nth` behind its last entry."""
    count_visit(c, -1)
    _ = enter_child(c, page_child(stack_page(c, c.depth), c.nth))
    descend_right(c)
