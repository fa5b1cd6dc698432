"""The rows of one term, or of all terms with a prefix, over all segments of an index.

Owns putting segments together: the newest entry of a row is the one that counts, and tombstones hide rows.

Invariants:
  P1  Rows come in ascending order, each once, with a position list that is not empty (detail=none: without one).
  P2  Rows are taken from segments some at a time, all from one of them as long as no other has a row between.
      A prefix that has no index of its own is collected into memory as a whole.
"""

from turso_wasm.kernel.abi import BLOB, Arena, Cursor, Run
from turso_wasm.kernel.abi_modules import DETAIL_NONE
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.fts.bytes import Bytes, bytes_new, bytes_room, bytes_varint
from turso_wasm.kernel.fts.positions import (
    COLUMN_SHIFT,
    NO_POSITION,
    PositionReader,
    column_of,
    position_next,
    positions_start,
)
from turso_wasm.kernel.fts.readers import next_row, next_term, seek_row, seek_term
from turso_wasm.kernel.fts.segment import Entry, SegmentReader, read_rows, reader_new
from turso_wasm.kernel.fts.structure import MAIN_INDEX, Segment, Structure, tombstone_row
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import (
    Struct,
    be32,
    be64,
    i32,
    i64,
    inline,
    memory_copy,
    memory_fill,
    ptr,
    select,
    sizeof,
    u8,
    u64,
)

__subset__ = True


FIRST_ROW = -0x8000000000000000
LAST_ROW = 0x7FFFFFFFFFFFFFFF
ENTRIES = 128  # that are taken at once
DIGIT_BITS = 10
DIGITS = 1 << DIGIT_BITS


class Index(Struct):
    """An index that is being read."""

    stmt: Run
    arena: Arena  # lives as long as what reads
    data: Cursor
    terms: Cursor  # %_idx
    structure: Structure
    detail: i32
    n_columns: i32
    prefixes: ptr[i32]  # characters of the prefixes that have an index
    n_prefixes: i32
    format: i32  # FORMAT_*
    directory: Cursor  # FTS3: %_segdir; `data` is %_segments, `terms` the index of %_segdir
    encoding: i32
    language: i64  # whose terms are looked for
    tokendata: i32  # 1: terms go on behind a NUL, which does not matter
    rows: Cursor  # %_docsize, which has all rows


class Postings(Struct):
    """A place in the rows of a term."""

    index: Index
    n_readers: i32
    readers: ptr[i32]  # SegmentReaders, of the newest segment first
    n_entries: i32  # P2: rows that were taken
    entry: i32  # the one it is on
    entries: ptr[Entry]
    rowid: i64
    positions: ptr[u8]
    size: i32
    ended: i32


# --- tombstones ----------------------------------------------------------------------------------------------


def is_buried(x: Index, segment: Segment, rowid: i64) -> bool:
    """Whether a tombstone hides the row's entries in a segment.

    Page rowid % pages of the segment's is a hash table: a byte with the size of its keys, a byte that says whether
    rowid 0 is in it, 4 bytes with the number of keys at 4, and from 8 on the buckets, 0 where free.
    """
    pages: u64 = u64(segment.tombstone_pages)
    if cursor_seek_rowid(x.data, tombstone_row(segment, i32(u64(rowid) % pages))) == 0:
        return False
    tag, payload = cursor_column(x.data, 1)
    size: i32 = size_of(payload)
    p: ptr[u8] = bytes_of(payload)
    if tag != BLOB or size < 16:
        return False
    if rowid == 0:
        return p[1] != 0
    width: i32 = 4 if p[0] == 4 else 8
    buckets: i32 = (size - 8) // width
    bucket: i32 = i32(u64(rowid) // pages % u64(buckets))
    for _ in range(buckets):
        at: ptr[u8] = p + (8 + bucket * width)
        key: i64 = i64(be32(at)) if width == 4 else be64(at)
        if key == 0:
            return False
        if key == rowid:
            return True
        bucket = bucket + 1 if bucket + 1 < buckets else 0
    return False


# --- one term --------------------------------------------------------------------------------------------------


def postings_new(x: Index) -> Postings:
    """Postings without rows."""
    t: Postings = Postings(arena_alloc(x.arena, sizeof(Postings)))
    memory_fill(t, 0, sizeof(Postings))
    t.index = x
    return t


def postings_open(x: Index, term: ptr[u8], n: i32) -> Postings:
    """The rows of a term (its first byte says of which index), on the first one."""
    t: Postings = postings_new(x)
    count: i32 = x.structure.n_segments
    t.readers = ptr[i32](arena_alloc(x.arena, 4 * count + 4))
    for i in range(count):
        segment: Segment = x.structure.segments[i]
        if not is_asked(x, segment, i32(term[0])):
            continue
        r: SegmentReader = reader_new(x.arena, segment, x.data, x.terms, x.detail)
        if seek_term(r, term, n) and next_row(r):
            t.readers[t.n_readers] = i32(r)
            t.n_readers += 1
    if t.n_readers:
        t.entries = ptr[Entry](arena_alloc(x.arena, ENTRIES * sizeof(Entry)))
    take_rows(t, i64(FIRST_ROW))
    return t


def is_asked(x: Index, segment: Segment, index: i32) -> bool:
    """Whether a segment has terms of an index (the first byte of those)."""
    if segment.format:
        return segment.index == index - MAIN_INDEX and segment.language == x.language
    return segment.last != 0


def settle(t: Postings) -> None:
    """Take the row that is due, or pass over it when it is deleted, until there is one."""
    while True:
        # The newest of those with the least rowid.
        best: i32 = -1
        for i in range(t.n_readers):
            r: SegmentReader = SegmentReader(t.readers[i])
            if r.ended == 0 and (best < 0 or r.rowid < t.rowid):
                best = i
                t.rowid = r.rowid
        if best < 0:
            t.ended = 1
            return
        r = SegmentReader(t.readers[best])
        t.positions = r.positions
        t.size = r.size
        if is_alive(t, r):
            return
        step(t)


@inline
def is_alive(t: Postings, r: SegmentReader) -> bool:
    """Whether the reader's row is one that has the term."""
    if t.index.detail == DETAIL_NONE:
        if r.deleted and r.reinserted == 0:
            return False
    elif r.size == 0:
        return False
    return r.segment.tombstone_pages == 0 or not is_buried(t.index, r.segment, r.rowid)


def step(t: Postings) -> None:
    """Take all readers beyond the row."""
    for i in range(t.n_readers):
        r: SegmentReader = SegmentReader(t.readers[i])
        if r.ended == 0 and r.rowid == t.rowid:
            _ = next_row(r)


@inline
def postings_seek(t: Postings, rowid: i64) -> None:
    """Go to the first row from `rowid` on, not backward."""
    at: i32 = t.entry
    while at < t.n_entries and t.entries[at].rowid < rowid:
        at += 1
    t.entry = at
    if at < t.n_entries:
        show_entry(t)
    else:
        take_rows(t, rowid)


@inline
def show_entry(t: Postings) -> None:
    """Be on the entry."""
    e: Entry = t.entries[t.entry]
    t.rowid = e.rowid
    t.positions = e.positions
    t.size = e.size


def meet(a: Postings, b: Postings, rowid: i64) -> bool:
    """Take both, not backward, to the first row from `rowid` on that both have; False: there is none, one has ended."""
    while True:
        i: i32 = a.entry
        j: i32 = b.entry
        while i < a.n_entries and j < b.n_entries:
            left: i64 = a.entries[i].rowid
            right: i64 = b.entries[j].rowid
            if left == right and left >= rowid:
                a.entry = i
                b.entry = j
                show_entry(a)
                show_entry(b)
                return True
            i += i32(left <= right)
            j += i32(right <= left)
        a.entry = i
        b.entry = j
        postings_seek(a, rowid)
        if a.ended:
            return False
        postings_seek(b, a.rowid)
        if b.ended:
            return False
        rowid = b.rowid


def take_rows(t: Postings, rowid: i64) -> None:
    """Take the next rows from `rowid` on out of the segments (P2), and go to the first one."""
    t.entry = 0
    t.n_entries = 0
    while t.n_entries == 0:
        # The newest of those with the least rowid, and the least that any other has.
        lead: SegmentReader = None
        bound: i64 = LAST_ROW
        for i in range(t.n_readers):
            r: SegmentReader = SegmentReader(t.readers[i])
            if r.behind:
                r.behind = 0
                _ = next_row(r)
            seek_row(r, rowid)
            if r.ended == 0:
                if lead == None or r.rowid < lead.rowid:  # noqa: E711
                    bound = lead.rowid if lead else bound
                    lead = r
                elif r.rowid < bound:
                    bound = r.rowid
        if lead == None:  # noqa: E711
            t.ended = 1
            return
        if lead.rowid < bound and lead.segment.format == 0 and t.index.detail != DETAIL_NONE:
            t.n_entries = read_rows(lead, bound, t.entries, ENTRIES)
            if lead.segment.tombstone_pages:
                keep_unburied(t, lead.segment)
        else:
            take_row(t, lead)
    show_entry(t)


def keep_unburied(t: Postings, segment: Segment) -> None:
    """Drop entries of a segment that tombstones hide."""
    kept: i32 = 0
    for i in range(t.n_entries):
        if not is_buried(t.index, segment, t.entries[i].rowid):
            copy_entry(t.entries[kept], t.entries[i])
            kept += 1
    t.n_entries = kept


def take_row(t: Postings, lead: SegmentReader) -> None:
    """Take the row of one reader, if it is alive; others that are on it are behind it, too."""
    if is_alive(t, lead):
        t.entries[0].rowid = lead.rowid
        t.entries[0].positions = lead.positions
        t.entries[0].size = lead.size
        t.n_entries = 1
    for i in range(t.n_readers):
        r: SegmentReader = SegmentReader(t.readers[i])
        if r.ended == 0 and r.rowid == lead.rowid:
            r.behind = 1


# --- prefixes ----------------------------------------------------------------------------------------------------


def has_prefix(r: SegmentReader, prefix: ptr[u8], n: i32, whole: i32) -> bool:
    """Whether the reader's term begins so; whole: with nothing, or a NUL, behind it."""
    if r.term.size < n or (whole and r.term.size > n and r.term.data[n] != 0):
        return False
    i: i32 = 0
    while i < n and r.term.data[i] == prefix[i]:
        i += 1
    return i == n


def postings_prefix(x: Index, prefix: ptr[u8], n: i32, whole: i32) -> Postings:
    """The rows of all terms of an index with a prefix (P2), on the first one. whole: see has_prefix."""
    all: Postings = postings_new(x)
    heads: Postings = postings_new(x)
    count: i32 = x.structure.n_segments
    readers: ptr[i32] = ptr[i32](arena_alloc(x.arena, 4 * count + 4))
    heads.readers = ptr[i32](arena_alloc(x.arena, 4 * count + 4))
    heads.entries = ptr[Entry](arena_alloc(x.arena, ENTRIES * sizeof(Entry)))
    live: i32 = 0
    for i in range(count):
        segment: Segment = x.structure.segments[i]
        if is_asked(x, segment, i32(prefix[0])):
            r: SegmentReader = reader_new(x.arena, segment, x.data, x.terms, x.detail)
            _ = seek_term(r, prefix, n)
            if r.exhausted == 0 and has_prefix(r, prefix, n, whole):
                readers[live] = i32(r)
                live += 1
    found: Bytes = bytes_new(x.arena)  # Entries
    while live:
        least_term(heads, readers, live)
        collect(heads, found)
        live = pass_terms(heads, readers, live, prefix, n, whole)
    sort_entries(x, all, found)
    if all.n_entries:
        show_entry(all)
    else:
        all.ended = 1
    return all


def least_term(heads: Postings, readers: ptr[i32], live: i32) -> None:
    """Make `heads` the rows of the least of the readers' terms."""
    heads.n_readers = 0
    heads.ended = 0
    for i in range(live):
        r: SegmentReader = SegmentReader(readers[i])
        order: i32 = 0
        if heads.n_readers:
            order = compare_readers(r, SegmentReader(heads.readers[0]))
        if order < 0:
            heads.n_readers = 0
        if order <= 0:
            heads.readers[heads.n_readers] = i32(r)
            heads.n_readers += 1


def compare_readers(r: SegmentReader, s: SegmentReader) -> i32:
    """Order of the readers' terms."""
    i: i32 = 0
    while i < r.term.size and i < s.term.size and r.term.data[i] == s.term.data[i]:
        i += 1
    if i < r.term.size and i < s.term.size:
        return i32(r.term.data[i]) - i32(s.term.data[i])
    return r.term.size - s.term.size


def pass_terms(heads: Postings, readers: ptr[i32], live: i32, prefix: ptr[u8], n: i32, whole: i32) -> i32:
    """Take the readers of `heads` to their next terms; those whose terms are over drop out. How many are left."""
    for i in range(heads.n_readers):
        next_term(SegmentReader(heads.readers[i]))
    left: i32 = 0
    for i in range(live):
        r: SegmentReader = SegmentReader(readers[i])
        if r.exhausted == 0 and has_prefix(r, prefix, n, whole):
            readers[left] = i32(r)
            left += 1
    return left


def collect(heads: Postings, found: Bytes) -> None:
    """Add the rows of one term to the entries."""
    for i in range(heads.n_readers):
        _ = next_row(SegmentReader(heads.readers[i]))
    take_rows(heads, i64(FIRST_ROW))
    while heads.ended == 0:
        n: i32 = heads.n_entries
        room: ptr[u8] = bytes_room(found, n * sizeof(Entry))
        size: i32 = 0
        for i in range(n):
            size += heads.entries[i].size
        # Behind a list sixteen bytes can be read.
        positions: ptr[u8] = arena_alloc(found.arena, size + 16)
        for i in range(n):
            e: Entry = heads.entries[i]
            copy_bytes(positions, e.positions, e.size)
            e.positions = positions
            positions += e.size
        memory_copy(room, heads.entries[0], n * sizeof(Entry))
        found.size += n * sizeof(Entry)
        take_rows(heads, heads.rowid)
    heads.n_entries = 0


def sort_entries(x: Index, t: Postings, found: Bytes) -> None:
    """Make the list of rows from entries of several terms: by rowid, each row once."""
    n: i32 = found.size // sizeof(Entry)
    t.entries = sort_by_rowid(x.arena, ptr[Entry](found.data), n)
    made: i32 = 0
    at: i32 = 0
    while at < n:
        end: i32 = at + 1
        while end < n and t.entries[end].rowid == t.entries[at].rowid:
            end += 1
        copy_entry(t.entries[made], t.entries[at])
        if end - at > 1 and x.detail != DETAIL_NONE:
            unite(x, ptr[Entry](i32(t.entries) + at * sizeof(Entry)), end - at, t.entries[made])
        made += 1
        at = end
    t.n_entries = made


@inline
def copy_entry(to: Entry, source: Entry) -> None:
    """Copy an entry."""
    to.rowid = source.rowid
    to.positions = source.positions
    to.size = source.size


def sort_by_rowid(arena: Arena, entries: ptr[Entry], n: i32) -> ptr[Entry]:
    """The entries sorted by rowid, those of equal ones as they were: digit by digit, from the lowest on."""
    least: i64 = LAST_ROW
    most: i64 = FIRST_ROW
    for i in range(n):
        rowid: i64 = entries[i].rowid
        least = select(rowid, least, rowid < least)
        most = select(rowid, most, rowid > most)
    other: ptr[Entry] = ptr[Entry](arena_alloc(arena, n * sizeof(Entry) + 8))
    starts: ptr[i32] = ptr[i32](arena_alloc(arena, 4 * DIGITS))
    shift: u64 = 0
    while n and shift < 64 and u64(most - least) >> shift:
        memory_fill(starts, 0, 4 * DIGITS)
        for i in range(n):
            starts[digit_of(entries[i].rowid - least, shift)] += 1
        at: i32 = 0
        for i in range(DIGITS):
            count: i32 = starts[i]
            starts[i] = at
            at += count
        for i in range(n):
            place: ptr[i32] = starts + digit_of(entries[i].rowid - least, shift)
            copy_entry(other[place[0]], entries[i])
            place[0] += 1
        swap: ptr[Entry] = entries
        entries = other
        other = swap
        shift += DIGIT_BITS
    return entries


@inline
def digit_of(distance: i64, shift: u64) -> i32:
    """The digit of a number."""
    return i32(u64(distance) >> shift) & (DIGITS - 1)


def unite(x: Index, entries: ptr[Entry], n: i32, out: Entry) -> None:
    """Make one position list of those of n entries."""
    readers: ptr[PositionReader] = ptr[PositionReader](arena_alloc(x.arena, n * sizeof(PositionReader)))
    for i in range(n):
        positions_start(readers[i], entries[i].positions, entries[i].size)
        _ = position_next(readers[i])
    b: Bytes = bytes_new(x.arena)
    last: i64 = -1
    while True:
        least: i64 = i64(NO_POSITION)
        for i in range(n):
            if readers[i].position < least:
                least = readers[i].position
        if least == NO_POSITION:
            break
        write_position(b, last, least)
        last = least
        for i in range(n):
            if readers[i].position == least:
                _ = position_next(readers[i])
    out.positions = b.data
    out.size = b.size


def write_position(b: Bytes, last: i64, position: i64) -> None:
    """Append a position to a list whose last one is `last`, -1: it is empty."""
    before: i64 = i64(0) if last < 0 else last
    if column_of(position) != column_of(before):
        bytes_varint(b, i64(1))
        bytes_varint(b, i64(column_of(position)))
        before = position >> COLUMN_SHIFT << COLUMN_SHIFT
    bytes_varint(b, position - before + 2)
