"""The pages of a b-tree with what is on them, in the order of their paths: what dbstat shows.

A path is `/` for the root, `/003/` for the child at its fourth cell (the right child is behind all cells), and
`/003/00a+000001` for the second overflow page of the eleventh cell of that child.

Invariants:
  T1  No more pages are visited than the file has: a tree whose children form a cycle is SQLITE_CORRUPT.

Source: https://sqlite.org/dbstat.html
"""

from turso_wasm.kernel.abi import INDEX_BTREE, INTEGER, NULL, TABLE_BTREE, TEXT, KernelConnection, Run
from turso_wasm.kernel.abi_modules import BtreeStat, StatLevel
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.btree.cell import INDEX_LEAF, LEAF, TABLE_INTERIOR, cell_payload, layout_init, local_size
from turso_wasm.kernel.btree.page import page_cell, page_check, page_child, page_free_space, page_header, page_n_cells
from turso_wasm.kernel.pager.pages import pager_get, pager_of, pager_page_count
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.kernel.values.value import pack
from turso_wasm.wasm.lang import be32, export, i32, i64, lit, ptr, u8, u32

__subset__ = True

MOST_LEVELS = 20
INTERNAL, LEAF_PAGE, OVERFLOW = range(3)
MAX_PAYLOAD = 0x7FFFFFFF


def put_hex(w: BtreeStat, v: i32, digits: i32) -> None:
    """Append a number in so many hexadecimal digits to the path."""
    shift: i32 = 4 * (digits - 1)
    while shift >= 0:
        digit: i32 = v >> shift & 15
        w.path[w.path_size] = digit + 48 if digit < 10 else digit + 87
        w.path_size += 1
        shift -= 4


def put_char(w: BtreeStat, c: i32) -> None:
    """Append a character to the path."""
    w.path[w.path_size] = c
    w.path_size += 1


def count_page(w: BtreeStat, pgno: u32) -> None:
    """The row is about that page (T1)."""
    w.visited += u32(1)
    if w.visited > pager_page_count(Pager(w.pager)):
        raise_corrupt(pgno)
    w.pgno = pgno


def push(w: BtreeStat, pgno: u32) -> None:
    """Go down to a page: the row is about it. Raises SQLITE_CORRUPT."""
    if w.depth == MOST_LEVELS:
        raise_corrupt(pgno)
    count_page(w, pgno)
    page: Page = pager_get(Pager(w.pager), pgno)
    page_check(page, w.layout)
    level: StatLevel = w.levels[w.depth]
    level.pgno = pgno
    level.cell = 0
    level.child = u32(0)
    level.rest = 0
    level.path_size = w.path_size
    w.depth += 1
    kind: i32 = page_header(page).kind
    w.kind = LEAF_PAGE if kind & LEAF else INTERNAL
    w.n_cells = page_n_cells(page)
    w.unused = i64(page_free_space(page, w.layout.usable))
    w.payload = i64(0)
    w.most = i64(0)
    if kind == TABLE_INTERIOR:
        return
    for nth in range(w.n_cells):
        _at, size = cell_payload(kind, page_cell(page, nth))
        w.payload += i64(local_size(w.layout, i32(size)))
        if size > w.most:
            w.most = size


def overflow_row(w: BtreeStat, level: StatLevel) -> None:
    """The row is about the next overflow page of a cell."""
    pgno: u32 = level.overflow
    count_page(w, pgno)
    if pgno < u32(2):
        raise_corrupt(pgno)
    room: i32 = w.layout.usable - 4
    part: i32 = level.rest if level.rest < room else room
    level.overflow = be32(pager_get(Pager(w.pager), pgno).data)
    level.rest -= part
    w.kind = OVERFLOW
    w.n_cells = 0
    w.payload = i64(part)
    w.unused = i64(room - part)
    w.most = i64(0)
    w.path_size = level.path_size
    put_hex(w, level.cell - 1, 3)
    put_char(w, 43)
    put_hex(w, level.n_overflow, 6)
    level.n_overflow += 1


def enter_cell(w: BtreeStat, level: StatLevel) -> i32:
    """Note what hangs on the next cell of a page, overflow pages and a child; 0: there is no cell any more."""
    page: Page = pager_get(Pager(w.pager), level.pgno)
    kind: i32 = page_header(page).kind
    n: i32 = page_n_cells(page)
    nth: i32 = level.cell
    if nth > n or (nth == n and kind & LEAF):
        return 0
    level.cell = nth + 1
    level.child = u32(0) if kind & LEAF else page_child(page, nth)
    if nth == n or kind == TABLE_INTERIOR:
        return 1
    cell: ptr[u8] = page_cell(page, nth)
    at, size = cell_payload(kind, cell)
    local: i32 = local_size(w.layout, i32(size))
    if i64(local) < size:
        level.rest = i32(size) - local
        level.n_overflow = 0
        level.overflow = be32(cell + at + local)
    return 1


def next_page(w: BtreeStat) -> i32:
    """Go to the next page; 0 if there is none. Raises SQLITE_CORRUPT."""
    while w.depth:
        level: StatLevel = w.levels[w.depth - 1]
        if level.rest:
            overflow_row(w, level)
            return 1
        if level.child:
            child: u32 = level.child
            level.child = u32(0)
            w.path_size = level.path_size
            put_hex(w, level.cell - 1, 3)
            put_char(w, 47)
            push(w, child)
            return 1
        if enter_cell(w, level) == 0:
            w.depth -= 1
    return 0


def gather(w: BtreeStat) -> None:
    """One row about all pages of the tree."""
    cells: i32 = 0
    payload: i64 = i64(0)
    unused: i64 = i64(0)
    most: i64 = i64(0)
    more: i32 = 1
    while more:
        cells += w.n_cells
        payload += w.payload
        unused += w.unused
        if w.most > most:
            most = w.most
        more = next_page(w)
    w.n_cells = cells
    w.payload = payload
    w.unused = unused
    w.most = most
    w.pgno = w.visited


@export
def btree_stat_first(stmt: Run, w: BtreeStat, slot: i32, root: u32, aggregate: i32) -> i32:
    """Go to the root of a b-tree; 0 if the file is empty. aggregate: there is one row, for all pages.

    Raises SQLITE_CORRUPT.
    """
    p: Pager = pager_of(KernelConnection(stmt.connection), slot)
    w.pager = i32(p)
    w.depth = 0
    w.visited = u32(0)
    w.aggregate = aggregate
    if pager_page_count(p) == u32(0):
        return 0
    kind: i32 = page_header(pager_get(p, root)).kind
    layout_init(w.layout, INDEX_BTREE if (kind | LEAF) == INDEX_LEAF else TABLE_BTREE, p.usable_size)
    w.path_size = 0
    put_char(w, 47)
    push(w, root)
    if aggregate:
        gather(w)
    return 1


@export
def btree_stat_next(w: BtreeStat) -> i32:
    """Go to the next page; 0 if there is none. Raises SQLITE_CORRUPT."""
    return 0 if w.aggregate else next_page(w)


@export
def btree_stat_column(w: BtreeStat, column: i32) -> tuple[i32, i64]:
    """A column of the row: path, pageno, pagetype, ncell, payload, unused, mx_payload, pgoffset, pgsize."""
    size: i32 = Pager(w.pager).database.page_size
    if w.aggregate and (column == 0 or column == 2 or column == 7):
        return NULL, i64(0)
    if column == 0:
        return TEXT, pack(w.path, w.path_size)
    if column == 2:
        if w.kind == OVERFLOW:
            return TEXT, pack(*lit(b"overflow"))
        if w.kind == INTERNAL:
            return TEXT, pack(*lit(b"internal"))
        return TEXT, pack(*lit(b"leaf"))
    v: i64 = i64(w.n_cells)
    if column == 1:
        v = i64(w.pgno)
    elif column == 4:
        v = w.payload
    elif column == 5:
        v = w.unused
    elif column == 6:
        v = w.most
    elif column == 7:
        v = (i64(w.pgno) - 1) * i64(size)
    elif column == 8:
        v = i64(w.pgno if w.aggregate else u32(1)) * i64(size)
    return INTEGER, v
