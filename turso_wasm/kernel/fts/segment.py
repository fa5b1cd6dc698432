"""Reading one segment: from term to term, and through the rows of a term.

Owns the format of leaves (rows of %_data):

  2 bytes   offset of the first rowid of the doclist that goes on here, 0: none     2 bytes   offset of the page index
  content: of each term
    the first of a page: varint size, bytes; the others: varint bytes shared with the term before, varint size, bytes
    its doclist, of each row
      varint  rowid: itself where it is the first of the doclist or of the page, else the distance from the last
      detail=none: 00 behind a rowid that is deleted, 00 00 behind one that is deleted and inserted again
      else: varint  size << 1 | deleted, and the position list
  page index: varints, the offset of the first term, then distances to the next ones

A doclist goes on over pages; position lists are cut between varints.

Invariants:
  L1  A leaf is copied into memory of the reader, with zeros behind it, so nothing else moves it and varints end.
  L2  Every offset is checked against the page before it is used; pages only go up, so every loop ends.
  L3  `at` is behind the rowid and size that were read, `limit` where the doclist ends on this page; `more` is 1 when it
      may go on on the next one.
  L4  Rows that read_rows has given stay where they are until the reader is moved: it gives no more than a page has,
      and leaves the reader `behind` them, on no row.
"""

from turso_wasm.kernel.abi import BLOB, SEEK_LE, Arena, Cursor, Value
from turso_wasm.kernel.abi_modules import DETAIL_NONE
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_key, cursor_seek_rowid
from turso_wasm.kernel.fts.bytes import Bytes, bytes_add, bytes_new, bytes_room, compare_terms
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.structure import Segment, leaf_row
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_integer
from turso_wasm.wasm.lang import (
    Struct,
    be16,
    i32,
    i64,
    inline,
    le16,
    memory_copy,
    memory_fill,
    ptr,
    scratch,
    select,
    sizeof,
    u8,
    u64,
)

__subset__ = True

LEAF_SLACK = 24


class Entry(Struct):
    """A row of a term, in memory."""

    rowid: i64
    positions: ptr[u8]
    size: i32


class SegmentReader(Struct):
    """A place in a segment."""

    segment: Segment
    data: Cursor  # %_data
    index: Cursor  # %_idx
    detail: i32
    page: i32
    leaf: ptr[u8]  # L1
    capacity: i32
    leaf_size: i32
    index_at: i32  # where the page index begins
    next_entry: i32  # of the page index: the varint behind that of the current term
    term_offset: i32  # the last offset the page index gave
    term: Bytes
    at: i32
    limit: i32
    more: i32
    ended: i32  # 1: no more rows of this term
    behind: i32  # L4: 1: the row was taken, the next one is due
    exhausted: i32  # 1: no more terms
    deleted: i32
    size: i32  # of the position list
    reinserted: i32  # detail=none: deleted and inserted again
    positions: ptr[u8]
    spanning: Bytes  # a position list that lay on several pages
    rowid: i64
    base: i64  # what the next rowid is the distance from


def reader_new(arena: Arena, segment: Segment, data: Cursor, index: Cursor, detail: i32) -> SegmentReader:
    """A reader of a segment, nowhere yet."""
    r: SegmentReader = SegmentReader(arena_alloc(arena, sizeof(SegmentReader)))
    memory_fill(r, 0, sizeof(SegmentReader))
    r.segment = segment
    r.data = data
    r.index = index
    r.detail = detail
    r.term = bytes_new(arena)
    r.spanning = bytes_new(arena)
    return r


# --- pages ---------------------------------------------------------------------------------------------------


def load_page(r: SegmentReader, page: i32) -> None:
    """Get a leaf. Errors: SQLITE_CORRUPT."""
    if cursor_seek_rowid(r.data, leaf_row(r.segment, page)) == 0:
        fts_corrupt()
    tag, payload = cursor_column(r.data, 1)
    size: i32 = size_of(payload)
    if tag != BLOB or size < 4:
        fts_corrupt()
    if size > r.capacity:
        r.leaf = arena_alloc(r.term.arena, size + size // 4 + LEAF_SLACK)
        r.capacity = size + size // 4
    memory_copy(r.leaf, bytes_of(payload), size)
    memory_fill(r.leaf + size, 0, LEAF_SLACK)
    r.page = page
    r.leaf_size = size
    r.index_at = be16(r.leaf + 2)
    if r.index_at < 4 or r.index_at > size:
        fts_corrupt()
    r.next_entry = r.index_at
    r.term_offset = 0


def next_term_offset(r: SegmentReader) -> i32:
    """Where the next term of the page begins; index_at: there is none."""
    if r.next_entry >= r.leaf_size:
        return r.index_at
    step, _ = get_varint(r.leaf + r.next_entry)
    offset: i64 = i64(r.term_offset) + step
    if step <= 0 or offset < 4 or offset >= i64(r.index_at):
        fts_corrupt()
    return i32(offset)


# --- terms ---------------------------------------------------------------------------------------------------


def read_term(r: SegmentReader, offset: i32) -> None:
    """The term at an offset that next_term_offset gave; its doclist is next."""
    first: bool = r.next_entry == r.index_at
    _, width = get_varint(r.leaf + r.next_entry)
    r.next_entry += width
    r.term_offset = offset
    at: i32 = offset
    keep: i64 = i64(0)
    if not first:
        keep, n = get_varint(r.leaf + at)
        at += n
    size, n = get_varint(r.leaf + at)
    at += n
    if keep < 0 or keep > i64(r.term.size) or size < 0 or size > i64(r.index_at - at):
        fts_corrupt()
    r.term.size = i32(keep)
    bytes_add(r.term, r.leaf + at, i32(size))
    r.at = at + i32(size)
    r.limit = next_term_offset(r)
    if r.limit < r.at:
        fts_corrupt()
    r.more = 1 if r.limit == r.index_at else 0
    r.ended = 0
    r.base = 0


def leaf_next_term(r: SegmentReader) -> None:
    """Go to the next term."""
    while True:
        offset: i32 = next_term_offset(r)
        if offset < r.index_at:
            read_term(r, offset)
            return
        if r.page >= r.segment.last:
            r.exhausted = 1
            r.ended = 1
            return
        load_page(r, r.page + 1)


def page_for(r: SegmentReader, term: ptr[u8], n: i32) -> i32:
    """The leaf on which a term must be if it is in the segment (%_idx)."""
    probe: ptr[Value] = ptr[Value](scratch(32))
    probe[0].tag = 1
    probe[0].payload = i64(r.segment.id)
    probe[1].tag = BLOB
    probe[1].payload = pack(term, n)
    if cursor_seek_key(r.index, probe, 2, SEEK_LE) == 0:
        return r.segment.first
    tag, payload = cursor_column(r.index, 0)
    if to_integer(tag, payload) != i64(r.segment.id):
        return r.segment.first
    tag, payload = cursor_column(r.index, 2)
    page: i64 = to_integer(tag, payload) >> 1
    if page > i64(r.segment.last):
        fts_corrupt()
    # Leaves that a merge under way has taken are still in %_idx.
    return i32(page) if page > i64(r.segment.first) else r.segment.first


def leaf_seek_term(r: SegmentReader, term: ptr[u8], n: i32) -> i32:
    """Go to the first term that is not less; 1: it is equal."""
    r.exhausted = 0
    load_page(r, page_for(r, term, n))
    while True:
        leaf_next_term(r)
        if r.exhausted:
            return 0
        order: i32 = compare_terms(r.term.data, r.term.size, term, n)
        if order >= 0:
            return 1 if order == 0 else 0


# --- rows ----------------------------------------------------------------------------------------------------


def continue_doclist(r: SegmentReader) -> i32:
    """Go on with the doclist on the next page that has any of it; 0: it has ended."""
    while r.at >= r.limit:
        if r.more == 0 or r.page >= r.segment.last:
            return 0
        load_page(r, r.page + 1)
        r.at = 4
        r.limit = next_term_offset(r)
        r.more = 1 if r.limit == r.index_at else 0
        r.base = 0
    return 1


def leaf_next_row(r: SegmentReader) -> i32:
    """The next row of the term; 0: there is none."""
    if r.at >= r.limit and continue_doclist(r) == 0:
        r.ended = 1
        return 0
    at: i32 = r.at
    distance, n = get_varint(r.leaf + at)
    at += n
    rowid: i64 = r.base + distance
    r.rowid = rowid
    r.base = rowid
    if r.detail == DETAIL_NONE:
        r.at = at
        read_marks(r)
        return 1
    if at >= r.limit:
        r.at = at
        if at > r.limit or continue_doclist(r) == 0:
            fts_corrupt()
        at = r.at
    head, m = get_varint(r.leaf + at)
    at += m
    left: i32 = r.limit - at
    if u64(head) > 0xFFFFFFFF or left < 0:
        fts_corrupt()
    size: i32 = i32(head >> 1)
    r.deleted = i32(head) & 1
    r.size = size
    if size <= left:
        r.positions = r.leaf + at
        r.at = at + size
    else:
        r.at = at
        collect_positions(r)
    return 1


@inline
def leaf_seek_row(r: SegmentReader, rowid: i64) -> None:
    """Go to the first row of the term from `rowid` on, not backward: row by row where lists are cut, else at once."""
    while r.ended == 0 and r.rowid < rowid:
        if (r.detail == DETAIL_NONE or pass_rows(r, rowid) == 0) and leaf_next_row(r) == 0:
            return


@inline
def read_head(leaf: ptr[u8], at: i32) -> tuple[i64, i64, i32]:
    """(the distance of a row's rowid, twice its positions' size, + 1: deleted, where they begin)."""
    word: i32 = le16(leaf + at)
    if word & 0x8080 == 0:  # two varints of a byte each are what there mostly is
        return i64(word & 127), i64(word >> 8), at + 2
    distance, n = get_varint(leaf + at)
    head, m = get_varint(leaf + (at + n))
    return distance, head, at + n + m


def pass_rows(r: SegmentReader, rowid: i64) -> i32:
    """Pass over rows that are whole on this page; 1: the reader is on the first from `rowid` on, 0: it is not here."""
    leaf: ptr[u8] = r.leaf
    limit: i32 = r.limit
    at: i32 = r.at
    base: i64 = r.base
    found: i32 = 0
    while found == 0 and at < limit:
        distance, head, positions = read_head(leaf, at)
        if positions > limit or u64(head) >> 1 > u64(limit - positions):
            break
        base += distance
        at = positions + i32(head >> 1)
        if base >= rowid:
            r.rowid = base
            r.deleted = i32(head) & 1
            r.size = at - positions
            r.positions = leaf + positions
            found = 1
    r.at = at
    r.base = base
    return found


def read_rows(r: SegmentReader, bound: i64, entries: ptr[Entry], room: i32) -> i32:
    """Take rows below `bound` that have positions, as many as are whole on this page and have room: from the one the
    reader is on (L4). How many. The reader is then on the first from `bound` on, if it has come there.
    """
    n: i32 = 0
    if r.size:
        entries[0].rowid = r.rowid
        entries[0].positions = r.positions
        entries[0].size = r.size
        n = 1
    leaf: ptr[u8] = r.leaf
    limit: i32 = r.limit
    at: i32 = r.at
    base: i64 = r.base
    r.behind = 1
    while n < room and at < limit:
        distance, head, positions = read_head(leaf, at)
        if positions > limit or u64(head) >> 1 > u64(limit - positions):
            break
        base += distance
        at = positions + i32(head >> 1)
        if base >= bound:
            r.behind = 0
            r.rowid = base
            r.deleted = i32(head) & 1
            r.size = at - positions
            r.positions = leaf + positions
            break
        e: Entry = entries[n]
        e.rowid = base
        e.positions = leaf + positions
        e.size = at - positions
        n += select(1, 0, at != positions)
    r.at = at
    r.base = base
    return n


def read_marks(r: SegmentReader) -> None:
    """detail=none: what follows the rowid."""
    if r.at > r.limit:
        fts_corrupt()
    r.deleted = 0
    r.size = 0
    r.reinserted = 0
    if r.at < r.limit and r.leaf[r.at] == 0:
        r.at += 1
        r.deleted = 1
        if r.at < r.limit and r.leaf[r.at] == 0:
            r.at += 1
            r.reinserted = 1


def collect_positions(r: SegmentReader) -> None:
    """A position list that goes on on the next page."""
    left: i32 = r.size
    r.spanning.size = 0
    while True:
        here: i32 = r.limit - r.at
        if here > left:
            here = left
        memory_copy(bytes_room(r.spanning, here), r.leaf + r.at, here)
        r.spanning.size += here
        r.at += here
        left -= here
        if left == 0:
            break
        if continue_doclist(r) == 0:
            fts_corrupt()
    memory_fill(r.spanning.data + r.size, 0, LEAF_SLACK)
    r.positions = r.spanning.data
