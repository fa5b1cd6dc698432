"""BEGIN CONCURRENT: how a transaction that has written beside others is committed.

Owns its beginning, the check whether it may be committed, and the writing of its changes onto the newest state. What it
has read and written is in the notes of its pagers (kernel/btree/cursor/watch.py), what becomes of its pages in
kernel/pager/concurrent.py. Nobody else leaves anything behind for it: what others have committed since is what differs
between the transaction's snapshot and the newest state.

Invariants:
  C1  A range that was read holds the same entries now as at the snapshot, byte for byte: so the transaction would do
      the same if it ran now. Otherwise SQLITE_BUSY_SNAPSHOT, which names the first entry that differs.
  C2  An entry that the transaction has changed (it differs between the snapshot and its own view) is the same now as at
      the snapshot, and becomes what it is in its own view.
  C3  Everything is checked before anything is written, and the writer's lock is held from before the check.
"""

from turso_wasm.kernel.abi import CAP_MEMORY, JOURNAL_WAL, N_SLOTS, TEMP_SLOT, Cursor, KernelConnection, KeyInfo, Run
from turso_wasm.kernel.base.errors import SQLITE_BUSY, SQLITE_ERROR, raise_error
from turso_wasm.kernel.btree.cursor.move import cursor_first, cursor_next
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_new, stack_page
from turso_wasm.kernel.btree.cursor.read import cursor_compare_key, cursor_payload
from turso_wasm.kernel.btree.cursor.save import cursors_save_all
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_key, cursor_seek_rowid, cursor_seek_rowid_op
from turso_wasm.kernel.btree.cursor.watch import ROWID_MAX, Note, Tree, key_values
from turso_wasm.kernel.btree.delete import cursor_delete
from turso_wasm.kernel.btree.insert import index_insert, table_insert
from turso_wasm.kernel.btree.page import page_is_leaf
from turso_wasm.kernel.btree.tree import clear_root
from turso_wasm.kernel.pager.commit import nothing_to_commit
from turso_wasm.kernel.pager.concurrent import (
    CHANGED,
    concurrent_join,
    raise_no_log,
    refuse_concurrent,
    view_free,
    view_new,
)
from turso_wasm.kernel.pager.header import AT_SCHEMA_COOKIE, bytes_equal
from turso_wasm.kernel.pager.pages import pager_get
from turso_wasm.kernel.pager.snapshot import pager_begin_read
from turso_wasm.kernel.pager.storage import WATCHED_BEFORE, Pager
from turso_wasm.kernel.session.conflict import raise_conflict, raise_schema_conflict
from turso_wasm.kernel.session.connection import readers_running, slot_pager
from turso_wasm.kernel.session.watched import pager_watch
from turso_wasm.kernel.values.compare import compare_record, record_fields
from turso_wasm.wasm.lang import be32, export, i32, lit, ptr, u8, u32

__subset__ = True

CHECK = 0
WRITE = 1


# --- beginning --------------------------------------------------------------------------------------------------------


def concurrent_start(s: Run, c: KernelConnection) -> None:
    """BEGIN CONCURRENT: fix the snapshots, and note what is read and written from now on. Databases in memory, which
    nobody else can see, are written as by BEGIN.

    Errors: SQLITE_ERROR inside a transaction, and without a log; SQLITE_BUSY while statements of the connection run.
    """
    if not c.autocommit:
        return
    if readers_running(c):
        raise_error(SQLITE_BUSY, *lit(b"cannot start a concurrent transaction - SQL statements in progress"))
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and slot != TEMP_SLOT and not p.database.capabilities & CAP_MEMORY:
            pager_begin_read(p)
            if p.database.journal_mode != JOURNAL_WAL and p.page_count and slot == 0:
                raise_no_log()
            pager_watch(p)
            c.concurrent = 1


@export
def concurrent_refuse(s: Run, slot: i32) -> None:
    """Raise SQLITE_ERROR if the statement, which changes the schema of the database in that slot, is inside BEGIN
    CONCURRENT.
    """
    refuse_concurrent(slot_pager(KernelConnection(s.connection), slot))


def refuse_second(c: KernelConnection, slot: i32) -> None:
    """Raise SQLITE_ERROR if the concurrent transaction has written another database."""
    for other in range(N_SLOTS):
        p: Pager = Pager(c.pagers[other])
        if p and other != slot and p.concurrent:
            raise_error(SQLITE_ERROR, *lit(b"a concurrent transaction writes one database only"))


# --- committing -------------------------------------------------------------------------------------------------------


def concurrent_commit(s: Run, c: KernelConnection) -> i32:
    """Make the concurrent transaction one of the writer, with all of its changes; 0, or a negative result code: nothing
    was done, and it may be tried again. Errors: SQLITE_BUSY_SNAPSHOT (C1, C2); what reading and writing raise.
    """
    writer: Pager = Pager(0)
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p and p.concurrent and not nothing_to_commit(p):
            writer = p
    if not writer:
        return 0
    cursors_save_all(writer)
    rc: i32 = concurrent_join(writer)
    if rc < 0:
        return rc
    c.concurrent = 0
    writer.watched = WATCHED_BEFORE
    for slot in range(N_SLOTS):
        other: Pager = Pager(c.pagers[slot])
        if other and other.watched and other != writer:
            check_reader(s, other)
    if rc == CHANGED:
        check_schema(writer.base, writer)
        for keyed in range(2):
            trees_check(s, writer, keyed)
        trees_write(s, writer)
    return 0


def check_reader(s: Run, p: Pager) -> None:
    """Check what was read of a database that is not written (C1)."""
    p.watched = WATCHED_BEFORE
    if not p.trees:
        return
    new: Pager = view_new(p)
    p.mine = new
    pager_begin_read(new)
    if new.seen_commits != p.seen_commits:
        check_schema(p, new)
        t: Tree = Tree(p.trees)
        while t:
            reads_check(s, t, p, new)
            t = t.next
    p.mine = Pager(0)
    view_free(new)


def check_schema(old: Pager, new: Pager) -> None:
    """Raise SQLITE_BUSY_SNAPSHOT if the schema is another one."""
    if schema_cookie_of(old) != schema_cookie_of(new) or old.usable_size != new.usable_size:
        raise_schema_conflict()


def schema_cookie_of(p: Pager) -> u32:
    """The schema cookie in a view."""
    return be32(pager_get(p, u32(1)).data + AT_SCHEMA_COOKIE) if p.page_count else u32(0)


def trees_check(s: Run, p: Pager, keyed: i32) -> None:
    """Check what was read and written of tables, or of indexes: rows say more of what is wrong."""
    t: Tree = Tree(p.trees)
    while t:
        if t.keyed == keyed:
            reads_check(s, t, p.base, p)
            writes_visit(s, t, p, CHECK)
        t = t.next


def trees_write(s: Run, p: Pager) -> None:
    """Write everything that the transaction has changed (C2)."""
    t: Tree = Tree(p.trees)
    while t:
        writes_visit(s, t, p, WRITE)
        t = t.next


def tree_cursor(s: Run, t: Tree, p: Pager, write: i32) -> Cursor:
    """A cursor on the tree in some view. keyinfo of a tree that no cursor was opened on: nothing is compared."""
    return cursor_new(p, s, t.root, t.keyinfo, write)


def reads_check(s: Run, t: Tree, old: Pager, new: Pager) -> None:
    """Raise SQLITE_BUSY_SNAPSHOT if something that was read differs (C1)."""
    if not t.reads or (t.keyed and not t.keyinfo):
        return  # of a tree that was only cleared its table's notes tell
    before: Cursor = tree_cursor(s, t, old, 0)
    now: Cursor = tree_cursor(s, t, new, 0)
    note: Note = t.reads
    while note:
        range_check(s, t, note, before, now)
        note = note.next
    cursor_close(now)
    cursor_close(before)


def range_check(s: Run, t: Tree, note: Note, before: Cursor, now: Cursor) -> None:
    """C1 for one range."""
    x: i32 = range_first(before, note)
    y: i32 = range_first(now, note)
    while x or y:
        if x == 0 or y == 0:
            raise_conflict(s, t.root, before if x else now)
        if same_place(before, now):
            leaf_skip(before)
            leaf_skip(now)
        else:
            order: i32 = entries_order(before, now)
            if order or not same_record(before, now):
                raise_conflict(s, t.root, now if order > 0 else before)
        x = range_next(before, note)
        y = range_next(now, note)


def range_first(c: Cursor, note: Note) -> i32:
    """Go to the first entry of a range; 0: there is none."""
    on: i32 = 0
    if c.keyinfo == 0:
        on = cursor_seek_rowid_op(c, note.low, 0, ROWID_MAX)
    elif note.low_key:
        on = cursor_seek_key(c, key_values(note.low_key), note.low_key.n, 0)
    else:
        on = cursor_first(c)
    return i32(on and in_range(c, note))


def range_next(c: Cursor, note: Note) -> i32:
    """Go to the next entry of a range; 0: there is none."""
    return i32(cursor_next(c) and in_range(c, note))


def in_range(c: Cursor, note: Note) -> i32:
    """1 if the entry is not behind the end of the range."""
    if c.keyinfo == 0:
        return i32(c.rowid <= note.high)
    if not note.high_key:
        return 1
    return i32(cursor_compare_key(c, key_values(note.high_key), note.high_key.n) <= 0)


def same_place(a: Cursor, b: Cursor) -> i32:
    """1 if two views have the same leaf here: what follows on it is the same in both."""
    if a.depth < 0 or b.depth < 0 or a.nth != b.nth:
        return 0
    return i32(stack_page(a, a.depth) == stack_page(b, b.depth) and page_is_leaf(stack_page(a, a.depth)))


def leaf_skip(c: Cursor) -> None:
    """Go on behind the leaf next."""
    if c.n_cells:
        c.nth = c.n_cells - 1


def entries_order(a: Cursor, b: Cursor) -> i32:
    """Order of the keys of the entries that two cursors are on."""
    if a.keyinfo == 0:
        return i32(a.rowid > b.rowid) - i32(a.rowid < b.rowid)
    p: ptr[u8] = cursor_payload(a)
    n: i32 = record_fields(p, a.payload_size, a.probe, KeyInfo(a.keyinfo).n_fields)
    q: ptr[u8] = cursor_payload(b)
    return 0 - compare_record(b, q, b.payload_size, b.payload_size, a.probe, n)


def same_record(a: Cursor, b: Cursor) -> i32:
    """1 if two entries have the same bytes."""
    if a.payload_size != b.payload_size:
        return 0
    return i32(bytes_equal(cursor_payload(a), cursor_payload(b), a.payload_size))


# --- changes ----------------------------------------------------------------------------------------------------------


def writes_visit(s: Run, t: Tree, p: Pager, how: i32) -> None:
    """Check or write what the transaction has changed of a tree."""
    if not t.writes:
        return
    if t.keyed and not t.keyinfo:
        # It was cleared, and nobody has looked at it since. Its table was cleared, too, and is checked.
        if how == WRITE:
            _ = clear_root(p, t.root)
        return
    before: Cursor = tree_cursor(s, t, p.base, 0)
    mine: Cursor = tree_cursor(s, t, p.mine, 0)
    now: Cursor = tree_cursor(s, t, p, how)
    note: Note = t.writes
    while note:
        range_visit(s, t, note, before, mine, now, how)
        note = note.next
    cursor_close(now)
    cursor_close(mine)
    cursor_close(before)


def range_visit(s: Run, t: Tree, note: Note, before: Cursor, mine: Cursor, now: Cursor, how: i32) -> None:
    """writes_visit for one range: merge what was there with what the transaction has made of it."""
    x: i32 = range_first(before, note)
    y: i32 = range_first(mine, note)
    while x or y:
        order: i32 = 1
        if x and y:
            if same_place(before, mine):
                leaf_skip(before)
                leaf_skip(mine)
                x = range_next(before, note)
                y = range_next(mine, note)
                continue
            order = entries_order(before, mine)
        elif x:
            order = -1
        if order < 0:  # deleted
            change_visit(s, t, before, Cursor(0), now, how)
        elif order > 0:  # inserted
            change_visit(s, t, Cursor(0), mine, now, how)
        elif not same_record(before, mine):
            change_visit(s, t, before, mine, now, how)
        if order <= 0:
            x = range_next(before, note)
        if order >= 0:
            y = range_next(mine, note)


def change_visit(s: Run, t: Tree, before: Cursor, mine: Cursor, now: Cursor, how: i32) -> None:
    """Check or write one change: the entry before it and after it, null if there is none."""
    if how == WRITE and mine:
        p: ptr[u8] = cursor_payload(mine)
        if mine.keyinfo:
            index_insert(now, p, mine.payload_size)
        else:
            table_insert(now, mine.rowid, p, mine.payload_size)
        return
    found: i32 = entry_find(now, before if before else mine)
    if how == WRITE:
        if found:
            cursor_delete(now)
    elif found != i32(before != Cursor(0)) or (found and not same_record(before, now)):
        raise_conflict(s, t.root, before if before else mine)


def entry_find(c: Cursor, entry: Cursor) -> i32:
    """Go to the entry with the key of that which another cursor is on; 0: there is none."""
    if c.keyinfo == 0:
        return cursor_seek_rowid(c, entry.rowid)
    p: ptr[u8] = cursor_payload(entry)
    n: i32 = record_fields(p, entry.payload_size, entry.probe, KeyInfo(c.keyinfo).n_fields)
    if cursor_seek_key(c, entry.probe, n, 0) == 0:
        return 0
    return i32(cursor_compare_key(c, entry.probe, n) == 0)
