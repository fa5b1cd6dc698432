"""What a concurrent transaction reads and writes: ranges of keys, noted where its cursors are positioned.

Owns Tree and Note, and the Watch of a cursor, which only cursors on a pager that is watched have. At COMMIT the notes
say where to look (kernel/session/concurrent.py); what they say of too much costs time or a conflict that is none, what
they miss would be lost. docs/decisions/0092.

Invariants:
  R1  A range that is read begins where the cursor is sought, and is noted when the cursor leaves its place for another
      one: up to the entry that it is on then, or to what it was asked to be compared with (`until`), or to the end of
      the tree. Steps in between are not seen.
  R2  An entry is noted before it is written; entries in the range of such a note need not have been written.
  R3  Keys of notes are copies: neither pages nor Programs are needed for them later. KeyInfo is copied once a tree.
  R4  What would need the overflow pages of a key is noted as the end of the tree: leaving a place reads nothing.
"""

from turso_wasm.kernel.abi import TEXT, Cursor, KeyInfo, Value
from turso_wasm.kernel.base.memory import malloc, mfree, mzalloc
from turso_wasm.kernel.pager.storage import Pager
from turso_wasm.kernel.values.compare import compare_record, record_fields
from turso_wasm.wasm.lang import Struct, i32, i64, memory_copy, ptr, sizeof, u8, u32

__subset__ = True

STATE_VALID = 1  # of position.py, which imports this
STATE_GAP = 2
STATE_SAVED = 3
SKIP_NONE = 0  # of save.py
SKIP_BEFORE = 1

IDLE = 0  # Watch.state: nothing is read that was not noted
POINT = 1  # one rowid was looked for
FORWARD = 2
BACKWARD = 3

READ = 0
WRITTEN = 1

ROWID_MIN = -0x8000000000000000
ROWID_MAX = 0x7FFFFFFFFFFFFFFF
NOTES_MAX = 1 << 17  # of a tree: with more, all of it counts as read and written
NEIGHBOURS = 4  # so many of the last notes are tried for one that the new one continues


class Key(Struct):
    """The first fields of an index entry. Values follow, then the bytes of texts and blobs."""

    n: i32


class Note(Struct):
    """A range of keys, both ends included."""

    next: "Note"
    low: i64  # table b-trees: rowids
    high: i64
    low_key: Key  # index b-trees; null: from the first entry
    high_key: Key  # null: to the last


class Tree(Struct):
    """What a transaction has read and written of one b-tree."""

    next: "Tree"
    root: u32
    keyed: i32  # an index b-tree
    keyinfo: KeyInfo  # a copy; null while no cursor was opened on an index b-tree
    reads: Note
    writes: Note
    n_notes: i32
    all_read: i32
    all_written: i32


class Watch(Struct):
    """Where a cursor began to read."""

    tree: Tree
    state: i32
    rowid: i64
    until: i64
    key: Key  # null: the end of the tree
    until_key: Key  # FORWARD: entries behind it are not read; null: not known
    anchor: i32  # Page: a GAP there, at anchor_nth, is where the cursor was put
    anchor_nth: i32


# --- trees and notes --------------------------------------------------------------------------------------------------


def tree_of(p: Pager, root: u32, keyed: i32) -> Tree:
    """What is known of a b-tree."""
    t: Tree = Tree(p.trees)
    while t and t.root != root:
        t = t.next
    if not t:
        t = Tree(mzalloc(sizeof(Tree)))
        t.root = root
        t.keyed = keyed
        t.next = Tree(p.trees)
        p.trees = i32(t)
    return t


def watch_open(c: Cursor) -> None:
    """Watch a new cursor."""
    w: Watch = Watch(mzalloc(sizeof(Watch)))
    t: Tree = tree_of(Pager(c.pager), c.root, i32(c.keyinfo != 0))
    given: KeyInfo = KeyInfo(c.keyinfo)
    if given and given.n_fields and not t.keyinfo:
        size: i32 = sizeof(KeyInfo) + 4 * given.n_fields
        t.keyinfo = KeyInfo(malloc(size))
        memory_copy(ptr[u8](i32(t.keyinfo)), ptr[u8](i32(given)), size - 4)
    w.tree = t
    c.watch = i32(w)


def watch_close(c: Cursor) -> None:
    """The cursor is closed."""
    watch_leave(c)
    mfree(ptr[u8](c.watch))
    c.watch = 0


def trees_free(p: Pager) -> None:
    """Forget everything that was noted; no cursor of the transaction is open."""
    while p.trees:
        t: Tree = Tree(p.trees)
        p.trees = i32(t.next)
        notes_free(t.reads)
        notes_free(t.writes)
        mfree(ptr[u8](i32(t.keyinfo)))
        mfree(ptr[u8](i32(t)))


def notes_free(note: Note) -> None:
    """Free a list of notes."""
    while note:
        after: Note = note.next
        if note.high_key != note.low_key:
            mfree(ptr[u8](i32(note.high_key)))
        mfree(ptr[u8](i32(note.low_key)))
        mfree(ptr[u8](i32(note)))
        note = after


def note_rows(t: Tree, kind: i32, low: i64, high: i64) -> None:
    """Note the rows from one rowid to another."""
    if t.all_written if kind else t.all_read:
        return
    note: Note = t.writes if kind else t.reads
    tries: i32 = NEIGHBOURS
    while note and tries:
        below: i32 = i32(low <= note.high or low - 1 == note.high)
        above: i32 = i32(high >= note.low or high + 1 == note.low)
        if below and above:
            note.low = low if low < note.low else note.low
            note.high = high if high > note.high else note.high
            return
        note = note.next
        tries -= 1
    note = note_new(t, kind)
    note.low = low
    note.high = high
    notes_limit(t)


def note_keys(t: Tree, kind: i32, low: Key, high: Key) -> None:
    """Note the entries from one key to another. The keys are the note's from now on; they may be the same one."""
    if t.all_written if kind else t.all_read:
        if high != low:
            mfree(ptr[u8](i32(high)))
        mfree(ptr[u8](i32(low)))
        return
    note: Note = note_new(t, kind)
    note.low_key = low
    note.high_key = high
    notes_limit(t)


def note_new(t: Tree, kind: i32) -> Note:
    """A note that stands first in its list."""
    note: Note = Note(mzalloc(sizeof(Note)))
    if kind:
        note.next = t.writes
        t.writes = note
    else:
        note.next = t.reads
        t.reads = note
    t.n_notes += 1
    return note


def notes_limit(t: Tree) -> None:
    """Of a tree of which too much was noted everything was read, and may have been written."""
    if t.n_notes > NOTES_MAX:
        note_all(t, READ)
        if t.writes:
            note_all(t, WRITTEN)


def note_all(t: Tree, kind: i32) -> None:
    """Note the whole tree."""
    if kind:
        notes_free(t.writes)
        t.writes = Note(0)
        t.all_written = 1
    else:
        notes_free(t.reads)
        t.reads = Note(0)
        t.all_read = 1
    note: Note = note_new(t, kind)
    note.low = ROWID_MIN
    note.high = ROWID_MAX
    t.n_notes = 0


# --- keys -------------------------------------------------------------------------------------------------------------


def key_values(key: Key) -> ptr[Value]:
    """The fields of a key."""
    return ptr[Value](i32(key) + sizeof(Key) + 4)


def key_copy(values: ptr[Value], n: i32) -> Key:
    """A key of the first n values."""
    size: i32 = sizeof(Key) + 4 + n * sizeof(Value)
    for i in range(n):
        if values[i].tag >= TEXT:
            size += i32(values[i].payload >> 32)
    key: Key = Key(malloc(size + 16))  # records and texts are compared a word at a time
    key.n = n
    out: ptr[Value] = key_values(key)
    to: ptr[u8] = ptr[u8](out) + n * sizeof(Value)
    for i in range(n):
        out[i].tag = values[i].tag
        out[i].payload = values[i].payload
        if values[i].tag >= TEXT:
            width: i32 = i32(values[i].payload >> 32)
            memory_copy(to, ptr[u8](i32(values[i].payload)), width)
            out[i].payload = i64(u32(i32(to))) | i64(width) << 32
            to += width
    return key


def key_of_record(c: Cursor, p: ptr[u8], size: i32) -> Key:
    """The key of the index entry whose record is at p; null if it is not known what its key is."""
    given: KeyInfo = KeyInfo(c.keyinfo)
    if given.n_fields == 0:
        return Key(0)
    return key_copy(c.probe, record_fields(p, size, c.probe, given.n_fields))


def key_here(c: Cursor) -> Key:
    """The key of the entry of an index b-tree that a VALID cursor is on; null: the end of the tree (R4)."""
    if c.local_size < c.payload_size:
        return Key(0)
    return key_of_record(c, c.payload, c.payload_size)


# --- reading ----------------------------------------------------------------------------------------------------------


def watch_rowid(c: Cursor, state: i32, rowid: i64, until: i64) -> None:
    """The cursor of a table b-tree is going to be put to a rowid, from where on it reads, to `until` at most."""
    w: Watch = Watch(c.watch)
    watch_leave(c)
    w.state = state
    w.rowid = rowid
    w.until = until


def watch_key(c: Cursor, state: i32, probe: ptr[Value], n: i32) -> None:
    """The cursor of an index b-tree is going to be put to a key, from where on it reads. POINT: only entries whose
    first n fields equal the probe.
    """
    w: Watch = Watch(c.watch)
    key: Key = key_copy(probe, n)
    watch_leave(c)
    if state == POINT:
        note_keys(w.tree, READ, key, key)
        return
    w.state = state
    w.key = key


def watch_end(c: Cursor, state: i32) -> None:
    """The cursor is going to be put to the first entry (FORWARD) or the last (BACKWARD), from where on it reads."""
    w: Watch = Watch(c.watch)
    watch_leave(c)
    w.state = state
    w.rowid = ROWID_MAX if state == BACKWARD else ROWID_MIN
    w.until = ROWID_MIN if state == BACKWARD else ROWID_MAX


def watch_anchor(c: Cursor) -> None:
    """If the cursor is in a gap now it has read nothing beyond."""
    w: Watch = Watch(c.watch)
    if c.state == STATE_GAP:
        w.anchor = c.pages[c.depth]
        w.anchor_nth = c.nth


def watch_until(c: Cursor, probe: ptr[Value], n: i32) -> None:
    """Entries of an index b-tree behind the probe are not wanted."""
    w: Watch = Watch(c.watch)
    if w.state == FORWARD and not w.until_key:
        w.until_key = key_copy(probe, n)


def watch_all(c: Cursor) -> None:
    """All of the tree is read."""
    w: Watch = Watch(c.watch)
    watch_leave(c)
    if not w.tree.all_read:
        note_all(w.tree, READ)


def watch_leave(c: Cursor) -> None:
    """The cursor gives up its place: note what it has read (R1)."""
    w: Watch = Watch(c.watch)
    state: i32 = w.state
    if state == IDLE:
        return
    w.state = IDLE  # before: what is read of a damaged page may raise
    if c.keyinfo:
        leave_index(c, w, state)
    else:
        leave_table(c, w, state)
    w.anchor = 0


def has_entry(c: Cursor, state: i32) -> i32:
    """1 if the cursor is on an entry, or has kept the key of one that is not short of its place."""
    if c.state == STATE_SAVED:
        return i32(c.skip == SKIP_NONE or (c.skip == SKIP_BEFORE and state != BACKWARD))
    return i32(c.state == STATE_VALID)


def at_anchor(c: Cursor, w: Watch) -> i32:
    """1 if the cursor is still where it was put."""
    if c.state != STATE_GAP or w.anchor == 0:
        return 0
    return i32(c.pages[c.depth] == w.anchor and c.nth == w.anchor_nth)


def leave_table(c: Cursor, w: Watch, state: i32) -> None:
    """watch_leave of a table b-tree."""
    if w.tree.all_read:
        return
    at: i64 = ROWID_MIN if state == BACKWARD else ROWID_MAX
    if has_entry(c, state):
        at = c.rowid
    elif at_anchor(c, w):
        at = w.rowid
    if state == BACKWARD:
        at = w.until if at < w.until else at
        note_rows(w.tree, READ, at if at < w.rowid else w.rowid, w.rowid)
    else:
        at = w.until if at > w.until else at
        note_rows(w.tree, READ, w.rowid, at if at > w.rowid else w.rowid)


def leave_index(c: Cursor, w: Watch, state: i32) -> None:
    """watch_leave of an index b-tree."""
    start: Key = w.key
    end: Key = w.until_key
    w.key = Key(0)
    w.until_key = Key(0)
    at: Key = start
    if not at_anchor(c, w):
        at = place_key(c, state)
        if end and (not at or past(c, at, end)):
            mfree(ptr[u8](i32(at)))
            at = end
            end = Key(0)
    mfree(ptr[u8](i32(end)))
    if state == BACKWARD:
        note_keys(w.tree, READ, at, start)
    else:
        note_keys(w.tree, READ, start, at)


def place_key(c: Cursor, state: i32) -> Key:
    """The key of the entry the cursor is on or has kept; null: the end of the tree."""
    if has_entry(c, state) == 0:
        return Key(0)
    if c.state == STATE_SAVED:
        return key_of_record(c, c.saved_key, c.saved_size)
    return key_here(c)


def past(c: Cursor, at: Key, end: Key) -> i32:
    """1 if the entry of the cursor, whose key is given, lies behind `end`."""
    p: ptr[u8] = c.payload
    size: i32 = c.payload_size
    if c.state == STATE_SAVED:
        p = c.saved_key
        size = c.saved_size
    return i32(compare_record(c, p, size, size, key_values(end), end.n) > 0)


# --- writing ----------------------------------------------------------------------------------------------------------


def watch_write_row(c: Cursor, rowid: i64) -> None:
    """The row is going to be written by a cursor that is on it afterwards (R2)."""
    w: Watch = Watch(c.watch)
    state: i32 = w.state
    until: i64 = w.until
    watch_leave(c)
    note_rows(w.tree, WRITTEN, rowid, rowid)
    if state != IDLE:
        w.state = state
        w.rowid = rowid
        w.until = until


def watch_write_key(c: Cursor, key: Key) -> None:
    """The entry of an index b-tree is going to be written by a cursor that is on it afterwards; null: any entry."""
    w: Watch = Watch(c.watch)
    state: i32 = w.state
    until: Key = copy_of(w.until_key)
    watch_leave(c)
    if state != IDLE:
        w.state = state
        w.until_key = until
        w.key = copy_of(key)
    if key:
        note_keys(w.tree, WRITTEN, key, key)
        return
    if not w.tree.all_written:
        note_all(w.tree, WRITTEN)
    if state != IDLE and not w.tree.all_read:
        note_all(w.tree, READ)


def copy_of(key: Key) -> Key:
    """A copy of a key, or null."""
    return key_copy(key_values(key), key.n) if key else Key(0)


def watch_write_here(c: Cursor) -> None:
    """The entry that the cursor is on is going to be changed or deleted."""
    if c.keyinfo:
        watch_write_key(c, key_here(c))
    else:
        watch_write_row(c, c.rowid)


def watch_clear(p: Pager, root: u32, keyed: i32) -> None:
    """All of a tree is read, and deleted."""
    t: Tree = tree_of(p, root, keyed)
    if not t.all_read:
        note_all(t, READ)
    if not t.all_written:
        note_all(t, WRITTEN)
