"""Keeping a cursor's place while its tree changes.

Owns state SAVED: a cursor whose tree is about to be changed by somebody else gives up its pages and keeps a key
instead; it seeks again on its next use. Changes go through `cursors_save_others` first.

Invariants:
  W1  skip is what the saved key means: SKIP_NONE, the cursor was on that entry (if it is gone, it is between its
      neighbours now); SKIP_BEFORE, it was in the gap before that entry; SKIP_END, behind the last entry (no key).
      So neither cursor_next nor cursor_prev repeats or omits an entry.
  W2  The key of a table b-tree is `rowid`, that of an index b-tree the whole record in saved_key.
  W3  The handle of a blob expires when the entry it is on, or was on when it was saved, is written or deleted; so all
      who do that to a table's entries call `cursors_save_for`.
"""

from turso_wasm.kernel.abi import STATEMENT_EXPIRED, STATEMENT_HANDLE, Cursor, KernelConnection, KeyInfo, Run
from turso_wasm.kernel.base.memory import mrealloc
from turso_wasm.kernel.btree.cursor.position import (
    STATE_GAP,
    STATE_SAVED,
    STATE_VALID,
    cursor_invalidate,
    cursor_no_entry,
    descend_right,
    enter_root,
    settle_next,
)
from turso_wasm.kernel.btree.cursor.seek import cursor_assemble, index_find, table_find
from turso_wasm.kernel.pager.storage import Pager
from turso_wasm.kernel.values.compare import record_fields
from turso_wasm.wasm.lang import export, i32, i64, memory_copy, ptr, u8

__subset__ = True

SKIP_NONE = 0
SKIP_BEFORE = 1
SKIP_END = 2


def save_key(c: Cursor, p: ptr[u8], size: i32) -> None:
    """Copy a record to saved_key."""
    if c.saved_capacity < size:
        c.saved_capacity = 0
        c.saved_key = mrealloc(c.saved_key, size + 16)
        c.saved_capacity = size
    memory_copy(c.saved_key, p, size)
    c.saved_size = size


def cursor_save_entry(c: Cursor) -> None:
    """Keep the key of the entry that a VALID cursor is on, in `rowid` or saved_key; the position stays."""
    if c.keyinfo == 0:
        return
    p: ptr[u8] = c.payload
    if c.local_size < c.payload_size:
        p = cursor_assemble(c, p, c.payload_size, c.local_size, c.payload_size)
    save_key(c, p, c.payload_size)


def cursor_set_saved(c: Cursor, skip: i32) -> None:
    """Give up the pages; the key was kept."""
    cursor_no_entry(c, STATE_SAVED)
    c.depth = -1
    c.skip = skip


@export
def cursor_save(c: Cursor) -> None:
    """Replace a position by a key (W1). Errors: SQLITE_CORRUPT when a gap's next entry must be found for that."""
    if c.state != STATE_VALID and c.state != STATE_GAP:
        return
    skip: i32 = SKIP_NONE
    if c.state == STATE_GAP:
        skip = SKIP_BEFORE if settle_next(c) else SKIP_END
    if skip != SKIP_END:
        cursor_save_entry(c)
    cursor_set_saved(c, skip)


def cursors_save_others(c: Cursor) -> None:
    """Save every other cursor on the tree that c is about to change."""
    at: Cursor = Cursor(Pager(c.pager).cursors)
    while at:
        if at.root == c.root and at != c and at.depth >= 0:
            cursor_save(at)
        at = Cursor(at.next_in_pager)


def cursors_save_for(c: Cursor, first: i64, last: i64) -> None:
    """cursors_save_others before entries of a table with rowids from `first` to `last` are written: the handles of
    blobs in them expire.
    """
    at: Cursor = Cursor(Pager(c.pager).cursors)
    while at:
        if at.root == c.root and at != c:
            if at.statement and first <= at.rowid and at.rowid <= last:
                handle_expire(Run(at.statement))
            if at.depth >= 0:
                cursor_save(at)
        at = Cursor(at.next_in_pager)


def handle_expire(s: Run) -> None:
    """The row the statement is on is going to be written."""
    if s.flags & STATEMENT_HANDLE and not KernelConnection(s.connection).in_blob:
        s.flags |= STATEMENT_EXPIRED


@export
def cursors_save_all(p: Pager) -> None:
    """Save every cursor of a pager: pages are about to be moved or rolled back."""
    at: Cursor = Cursor(p.cursors)
    while at:
        cursor_save(at)
        at = Cursor(at.next_in_pager)


@export
def cursors_forget_all(p: Pager) -> None:
    """Make every cursor of a pager invalid, reading nothing."""
    at: Cursor = Cursor(p.cursors)
    while at:
        cursor_invalidate(at)
        at = Cursor(at.next_in_pager)


def saved_probe(c: Cursor) -> i32:
    """Decode saved_key to c.probe; the number of fields."""
    return record_fields(c.saved_key, c.saved_size, c.probe, KeyInfo(c.keyinfo).n_fields)


def find_saved(c: Cursor) -> i32:
    """Seek the saved key: nonzero if its entry still exists; the state is GAP at the key's place."""
    if c.keyinfo:
        return index_find(c, c.probe, saved_probe(c), 0)
    return table_find(c, c.rowid)


def cursor_restore(c: Cursor) -> None:
    """Bring a SAVED cursor back: VALID on its entry, or GAP where it was. Errors: SQLITE_CORRUPT."""
    if c.skip == SKIP_END:
        _ = enter_root(c)
        descend_right(c)
        cursor_no_entry(c, STATE_GAP)
        return
    found: i32 = find_saved(c)
    if found and c.skip == SKIP_NONE:
        _ = settle_next(c)


def cursor_ready(c: Cursor) -> i32:
    """1 if the cursor is on an entry, after bringing it back if it was saved."""
    if c.state == STATE_SAVED:
        cursor_restore(c)
    return c.valid
