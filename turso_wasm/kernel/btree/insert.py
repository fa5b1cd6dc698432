"""Inserting entries.

Owns table_insert and index_insert: finding the place, building the cell with its overflow pages, replacing an entry
that has the same key.

Invariants:
  N1  Other cursors on the tree are saved before anything changes.
  N2  The inserted record lies in no page of the tree that is changed.
  N3  Afterwards the cursor is on the inserted entry (or SAVED with its key, when pages were balanced).
"""

from turso_wasm.kernel.abi import Cursor, KeyInfo
from turso_wasm.kernel.base.copy import copy_words
from turso_wasm.kernel.base.errors import SQLITE_FULL, raise_error
from turso_wasm.kernel.base.memory import malloc
from turso_wasm.kernel.base.varint import put_varint, varint_size
from turso_wasm.kernel.base.vfs import host_random
from turso_wasm.kernel.btree.balance import append_page, balance, can_append, deepen_root, map_overflow, write_level
from turso_wasm.kernel.btree.cell import cell_payload, cell_size, local_size
from turso_wasm.kernel.btree.counters import counter_next
from turso_wasm.kernel.btree.cursor.position import (
    STATE_GAP,
    descend_right,
    enter_root,
    load_entry,
    on_entry,
    on_last_leaf,
    settle_next,
    settle_prev,
    stack_page,
)
from turso_wasm.kernel.btree.cursor.save import (
    SKIP_NONE,
    cursor_set_saved,
    cursors_save_for,
    cursors_save_others,
    save_key,
)
from turso_wasm.kernel.btree.cursor.seek import index_find, table_find
from turso_wasm.kernel.btree.cursor.watch import key_of_record, watch_leave, watch_write_key, watch_write_row
from turso_wasm.kernel.btree.overflow import overflow_free, overflow_write
from turso_wasm.kernel.btree.page import (
    PAGE_SIZE_MAX,
    PageHeader,
    page_cell,
    page_drop,
    page_header,
    page_insert,
    page_link,
    page_n_cells,
    page_take,
)
from turso_wasm.kernel.btree.siblings import Pending, pending_point, workspace, workspace_pending
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.kernel.values.compare import record_fields
from turso_wasm.wasm.lang import be32, export, i32, i64, le64, lit, memory_copy, ptr, put_be32, scratch, u8, u32

__subset__ = True

LARGEST_ROWID = 0x7FFFFFFFFFFFFFFF
RANDOM_TRIES = 100
NO_ROOM = 0
DONE = 1

cell_space: i32 = 0  # ptr[u8]: one cell being built, with room for a child page number before it


def cell_buffer() -> ptr[u8]:
    """Memory for one cell; 4 bytes before it are usable too."""
    global cell_space
    if cell_space == 0:
        cell_space = i32(malloc(PAGE_SIZE_MAX + 64))
    return ptr[u8](cell_space + 16)


# --- building cells --------------------------------------------------------------------------------------------------


def free_cell_overflow(c: Cursor, page: Page, nth: i32) -> None:
    """Put the overflow pages of a cell on the freelist."""
    cell: ptr[u8] = page_cell(page, nth)
    at, size = cell_payload(page_header(page).kind, cell)
    local: i32 = local_size(c.layout, i32(size))
    if local < i32(size):
        overflow_free(Pager(c.pager), be32(cell + at + local), i32(size) - local)


def build_leaf_cell(c: Cursor, rowid: i64, p: ptr[u8], size: i32, owner: u32) -> i32:
    """Write a leaf cell to cell_buffer() and its overflow pages; its size on the page."""
    cell: ptr[u8] = cell_buffer()
    put_be32(cell, u32(0))
    at: i32 = put_varint(cell, i64(size))
    if c.keyinfo == 0:
        at += put_varint(cell + at, rowid)
    local: i32 = local_size(c.layout, size)
    memory_copy(cell + at, p, local)
    at += local
    if local < size:
        put_be32(cell + at, overflow_write(Pager(c.pager), owner, p + local, size - local))
        at += 4
    return at if at > 4 else 4


def put_local_cell(c: Cursor, page: Page, rowid: i64, p: ptr[u8], size: i32) -> i32:
    """Write a leaf cell without overflow pages at `nth` of a writable page and go there; NO_ROOM if it does not fit."""
    total: i32 = size + (1 if size < 128 else varint_size(i64(size)))
    if c.keyinfo == 0:
        total += varint_size(rowid)
    if total < 4:
        total = 4
    offset: i32 = page_take(page, c.layout, total)
    if offset < 0:
        return NO_ROOM
    cell: ptr[u8] = page.data + offset
    put_be32(cell, u32(0))
    cell += put_varint(cell, i64(size))
    if c.keyinfo == 0:
        cell += put_varint(cell, rowid)
        c.rowid = rowid
    copy_words(cell, p, size)
    page_link(page, c.nth, offset)
    # What load_entry would read where it was just written.
    h: PageHeader = page_header(page)
    on_entry(c, page, h)
    c.n_cells = h.n_cells
    c.payload = cell
    c.payload_size = size
    c.local_size = size
    return DONE


# --- into a leaf -----------------------------------------------------------------------------------------------------


def save_inserted(c: Cursor, rowid: i64, p: ptr[u8], size: i32) -> None:
    """Keep the key of the entry being inserted, before pages are balanced."""
    c.rowid = rowid
    if c.keyinfo:
        save_key(c, p, size)


def insert_by_balancing(c: Cursor, cell: ptr[u8], cell_bytes: i32) -> None:
    """Insert a cell that does not fit at `nth` of the current page, whose key was saved; the cursor is SAVED."""
    w_pending: Pending = workspace_pending(workspace(Pager(c.pager)), 0)
    w_pending.nth = c.nth
    pending_point(w_pending, cell, cell_bytes)
    balance(c, w_pending)
    cursor_set_saved(c, SKIP_NONE)


def insert_into_leaf(c: Cursor, rowid: i64, p: ptr[u8], size: i32) -> None:
    """Insert an entry at `nth` of the current leaf, the place of a key that the tree does not have."""
    page: Page = write_level(c, c.depth)
    if size <= c.layout.max_local and put_local_cell(c, page, rowid, p, size):
        return
    cell_bytes: i32 = build_leaf_cell(c, rowid, p, size, page.pgno)
    # Overflow pages may come from the freelist on page 1, when that is the page.
    page = write_level(c, c.depth)
    if page_insert(page, c.layout, c.nth, cell_buffer(), cell_bytes):
        load_entry(c)
        return
    save_inserted(c, rowid, p, size)
    if c.depth == 0:
        deepen_root(c)
        # The root may have been page 1, which has less room.
        if page_insert(stack_page(c, 1), c.layout, c.nth, cell_buffer(), cell_bytes):
            map_overflow(c, stack_page(c, 1), c.nth)
            load_entry(c)
            return
    if can_append(c) == 0:
        insert_by_balancing(c, cell_buffer(), cell_bytes)
    elif append_page(c, cell_buffer(), cell_bytes):
        c.nth = 0
        load_entry(c)
    else:
        cursor_set_saved(c, SKIP_NONE)


def replace_on_leaf(c: Cursor, rowid: i64, p: ptr[u8], size: i32) -> None:
    """Replace the entry at `nth` of the current leaf by one with the same key."""
    page: Page = write_level(c, c.depth)
    cell: ptr[u8] = page_cell(page, c.nth)
    at, old_size = cell_payload(page_header(page).kind, cell)
    if old_size == i64(size) and size <= c.layout.max_local:
        memory_copy(cell + at, p, size)
        load_entry(c)
        return
    free_cell_overflow(c, page, c.nth)
    page = write_level(c, c.depth)
    page_drop(page, c.layout, c.nth)
    insert_into_leaf(c, rowid, p, size)


# --- into interior pages of an index ---------------------------------------------------------------------------------


def replace_interior_cell(c: Cursor, cell: ptr[u8]) -> i32:
    """Put a leaf cell (4 bytes before it are usable) in the place of the interior entry at `nth`, keeping its child.

    Returns 0 if the page had to be balanced: then the position is lost.
    """
    page: Page = write_level(c, c.depth)
    child: u32 = be32(page_cell(page, c.nth))
    page_drop(page, c.layout, c.nth)
    put_be32(cell - 4, child)
    # A leaf cell is padded to 4 bytes, an interior cell never needs that.
    total: i32 = cell_size(c.layout, page_header(page).kind, cell - 4)
    if page_insert(page, c.layout, c.nth, cell - 4, total):
        return 1
    pending: Pending = workspace_pending(workspace(Pager(c.pager)), 0)
    pending.nth = c.nth
    pending_point(pending, cell - 4, total)
    balance(c, pending)
    return 0


def replace_on_interior(c: Cursor, p: ptr[u8], size: i32) -> None:
    """Replace the interior entry at `nth` by one with the same key."""
    page: Page = write_level(c, c.depth)
    free_cell_overflow(c, page, c.nth)
    _ = build_leaf_cell(c, i64(0), p, size, page.pgno)
    save_inserted(c, i64(0), p, size)
    if replace_interior_cell(c, cell_buffer()):
        load_entry(c)
    else:
        cursor_set_saved(c, SKIP_NONE)


# --- exported --------------------------------------------------------------------------------------------------------


@export
def table_insert(c: Cursor, rowid: i64, p: ptr[u8], size: i32) -> None:
    """Insert the record of `size` bytes at p under `rowid`, replacing an entry that has this rowid (N2, N3).

    Errors: SQLITE_CORRUPT, SQLITE_FULL.
    """
    if c.watch:
        watch_write_row(c, rowid)
    cursors_save_for(c, rowid, rowid)
    if table_find(c, rowid):
        replace_on_leaf(c, rowid, p, size)
    else:
        insert_into_leaf(c, rowid, p, size)


@export
def table_insert_absent(c: Cursor, rowid: i64, p: ptr[u8], size: i32) -> None:
    """table_insert of a rowid that the cursor was last asked for, in vain."""
    if c.state == STATE_GAP:
        if c.watch:
            watch_write_row(c, rowid)
        cursors_save_others(c)
        insert_into_leaf(c, rowid, p, size)
    else:
        table_insert(c, rowid, p, size)


@export
def index_insert(c: Cursor, p: ptr[u8], size: i32) -> None:
    """Insert the record of `size` bytes at p into an index b-tree, replacing an entry with equal key fields (N2, N3).

    Errors: SQLITE_CORRUPT, SQLITE_FULL.
    """
    if c.watch:
        watch_write_key(c, key_of_record(c, p, size))
    cursors_save_others(c)
    n: i32 = record_fields(p, size, c.probe, KeyInfo(c.keyinfo).n_fields)
    insert_found(c, index_find(c, c.probe, n, 0), p, size)


def insert_found(c: Cursor, found: i32, p: ptr[u8], size: i32) -> None:
    """index_insert where index_find has `found` the place."""
    if found == 0:
        insert_into_leaf(c, i64(0), p, size)
    elif found == 1:
        replace_on_leaf(c, i64(0), p, size)
    else:
        _ = settle_next(c)
        replace_on_interior(c, p, size)


def entry_append(c: Cursor, rowid: i64, p: ptr[u8], size: i32) -> None:
    """Insert the record of `size` bytes at p behind all other entries of the tree (N2, N3). rowid: of table b-trees.

    Errors: SQLITE_CORRUPT, SQLITE_FULL.
    """
    if c.watch:
        if c.keyinfo:
            watch_write_key(c, key_of_record(c, p, size))
        else:
            watch_write_row(c, rowid)
    cursors_save_others(c)
    if c.depth < 0 or on_last_leaf(c) == 0:
        _ = enter_root(c)
        descend_right(c)
    c.nth = page_n_cells(stack_page(c, c.depth))
    insert_into_leaf(c, rowid, p, size)


@export
def index_append(c: Cursor, p: ptr[u8], size: i32) -> None:
    """Insert the record of `size` bytes at p into an index b-tree whose entries are all less (N2, N3).

    Errors: SQLITE_CORRUPT, SQLITE_FULL.
    """
    entry_append(c, i64(0), p, size)


def random_rowid(c: Cursor) -> i64:
    """An unused positive rowid, when the largest is taken. Errors: SQLITE_FULL when none was found."""
    bytes8: ptr[u8] = scratch(8)
    for _ in range(RANDOM_TRIES):
        host_random(bytes8, 8)
        # SQLite keeps to the lower half, so that later ones are likely to be found at random too.
        rowid: i64 = (le64(bytes8) & (LARGEST_ROWID >> 1)) + 1
        if table_find(c, rowid) == 0:
            return rowid
    raise_error(SQLITE_FULL, *lit(b"database or disk is full"))
    return i64(0)


@export
def table_new_rowid(c: Cursor) -> i64:
    """A rowid that the table does not have: one more than the largest, 1 for an empty table. Errors: SQLITE_FULL.

    While there are concurrent transactions, one that was not given before, either (docs/decisions/0092).
    """
    if c.watch:
        watch_leave(c)
    if c.depth < 0 or on_last_leaf(c) == 0:
        _ = enter_root(c)
        descend_right(c)
    c.nth = page_n_cells(stack_page(c, c.depth))
    largest: i64 = c.rowid if settle_prev(c) else i64(0)
    if Pager(c.pager).database.watched:
        largest = counter_next(Pager(c.pager).database, c.root, largest)
    if largest == LARGEST_ROWID:
        return random_rowid(c)
    return largest + 1
