"""Merging segments.

Owns making one segment of several, newest first, and which are merged when: those of a level once there are as many as
the option automerge says; together they become the youngest of the next level. So a row is rewritten about as often as
there are levels.

Invariants:
  G1  The input is a run of Structure.segments: the output takes its place, so newer entries stay newer.
  G2  What is deleted is forgotten only if nothing older is left that could hold it.
"""

from turso_wasm.kernel.abi import INTEGER, SEEK_GE, Cursor, Value
from turso_wasm.kernel.abi_modules import DETAIL_NONE
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.btree.cursor.move import cursor_next
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_key, cursor_seek_rowid_op
from turso_wasm.kernel.btree.delete import cursor_delete
from turso_wasm.kernel.fts.bytes import Bytes, bytes_put
from turso_wasm.kernel.fts.postings import Index, Postings, is_buried, least_term, postings_new, step
from turso_wasm.kernel.fts.readers import next_row, next_term, seek_term
from turso_wasm.kernel.fts.segment import SegmentReader, reader_new
from turso_wasm.kernel.fts.structure import (
    MAX_LEVELS,
    SEGMENT_SHIFT,
    STRUCTURE_ROW,
    TOMBSTONES,
    Segment,
    Structure,
    structure_bytes,
    structure_changed,
)
from turso_wasm.kernel.fts.writer import (
    SegmentWriter,
    store_blob,
    write_positions,
    write_rowid,
    write_term,
    writer_end,
    writer_init,
)
from turso_wasm.kernel.values.value import to_integer
from turso_wasm.wasm.lang import i32, i64, memory_copy, memory_fill, ptr, scratch, sizeof

__subset__ = True


def structure_write(x: Index) -> None:
    """Write the structure record."""
    structure_changed()
    b: Bytes = Bytes(scratch(sizeof(Bytes)))
    structure_bytes(x.structure, b, x.arena)
    store_blob(x.stmt, x.data, i64(STRUCTURE_ROW), b.data, b.size)


def free_id(s: Structure) -> i32:
    """The smallest id that no segment has."""
    id: i32 = 1
    at: i32 = 0
    while at < s.n_segments:
        if s.segments[at].id == id:
            id += 1
            at = 0
        else:
            at += 1
    return id


def delete_rows(c: Cursor, first: i64, last: i64) -> None:
    """Delete the rows of %_data from `first` to `last`."""
    on: i32 = cursor_seek_rowid_op(c, first, SEEK_GE, last)
    while on and c.rowid <= last:
        cursor_delete(c)
        on = cursor_next(c)


def delete_segment(x: Index, id: i32) -> None:
    """Delete all that belongs to a segment."""
    delete_rows(x.data, i64(id) << SEGMENT_SHIFT, (i64(id + 1) << SEGMENT_SHIFT) - 1)
    delete_rows(x.data, i64(id + TOMBSTONES) << SEGMENT_SHIFT, (i64(id + TOMBSTONES + 1) << SEGMENT_SHIFT) - 1)
    probe: ptr[Value] = ptr[Value](scratch(16))
    probe[0].tag = INTEGER
    probe[0].payload = i64(id)
    on: i32 = cursor_seek_key(x.terms, probe, 1, SEEK_GE)
    while on:
        tag, payload = cursor_column(x.terms, 0)
        if to_integer(tag, payload) != i64(id):
            return
        cursor_delete(x.terms)
        on = cursor_next(x.terms)


def structure_insert(x: Index, at: i32, level: i32) -> Segment:
    """A new segment before those from `at` on, all zero but for its level and id."""
    s: Structure = x.structure
    id: i32 = free_id(s)
    segments: ptr[Segment] = ptr[Segment](arena_alloc(x.arena, (s.n_segments + 1) * sizeof(Segment)))
    size: i32 = sizeof(Segment)
    memory_copy(segments, s.segments, at * size)
    memory_copy(segments[at + 1], s.segments[at], (s.n_segments - at) * size)
    memory_fill(segments[at], 0, size)
    s.segments = segments
    s.n_segments += 1
    if level >= s.n_levels:
        s.n_levels = level + 1
    segments[at].level = level
    segments[at].id = id
    return segments[at]


def structure_remove(x: Index, first: i32, n: i32) -> None:
    """Take n segments out of the list."""
    s: Structure = x.structure
    left: i32 = s.n_segments - first - n
    if left:
        memory_copy(s.segments[first], s.segments[first + n], left * sizeof(Segment))
    s.n_segments -= n
    s.n_levels = s.segments[s.n_segments - 1].level + 1 if s.n_segments else 0


# --- one merge -------------------------------------------------------------------------------------------------


def merge_run(x: Index, page_size: i32, first: i32, n: i32, level: i32) -> i32:
    """Make one segment, of `level`, of the n segments from `first` on (G1): the number of its leaves."""
    s: Structure = x.structure
    is_last: bool = first + n == s.n_segments
    readers: ptr[i32] = ptr[i32](arena_alloc(x.arena, 4 * n + 4))
    live: i32 = 0
    for i in range(n):
        if s.segments[first + i].last:
            copy: Segment = Segment(arena_alloc(x.arena, sizeof(Segment)))
            memory_copy(copy, s.segments[first + i], sizeof(Segment))
            r: SegmentReader = reader_new(x.arena, copy, x.data, x.terms, x.detail)
            _ = seek_term(r, b"", 0)
            if r.exhausted == 0:
                readers[live] = i32(r)
                live += 1
    # The new one stands behind those it is made of until they go.
    out: Segment = structure_insert(x, first + n, level)
    inherit(s, first, n, out)
    w: SegmentWriter = SegmentWriter(arena_alloc(x.arena, sizeof(SegmentWriter)))
    writer_init(w, x, out.id, page_size)
    heads: Postings = postings_new(x)
    heads.readers = ptr[i32](arena_alloc(x.arena, 4 * n + 4))
    while live:
        least_term(heads, readers, live)
        merge_term(x, w, heads, is_last)
        live = pass_heads(heads, readers, live)
    out.last = writer_end(w)
    out.first = 1 if out.last else 0
    leaves: i32 = out.last
    for i in range(n):
        delete_segment(x, s.segments[first + i].id)
    structure_remove(x, first, n + (1 if leaves == 0 else 0))
    return leaves


def inherit(s: Structure, first: i32, n: i32, out: Segment) -> None:
    """What a segment has from those it is made of, besides terms."""
    for i in range(n):
        segment: Segment = s.segments[first + i]
        if i == 0 or segment.origin_first < out.origin_first:
            out.origin_first = segment.origin_first
        if segment.origin_last > out.origin_last:
            out.origin_last = segment.origin_last
        out.rows += segment.rows - segment.tombstones


def pass_heads(heads: Postings, readers: ptr[i32], live: i32) -> i32:
    """Take the readers of `heads` to their next terms: how many readers have any."""
    for i in range(heads.n_readers):
        next_term(SegmentReader(heads.readers[i]))
    left: i32 = 0
    for i in range(live):
        if SegmentReader(readers[i]).exhausted == 0:
            readers[left] = readers[i]
            left += 1
    return left


def merge_term(x: Index, w: SegmentWriter, heads: Postings, is_last: bool) -> None:
    """Write the rows of a term, newest entries only; deleted ones too unless nothing is older (G2)."""
    begun: bool = False
    for i in range(heads.n_readers):
        _ = next_row(SegmentReader(heads.readers[i]))
    while True:
        best: SegmentReader = None
        for i in range(heads.n_readers):
            r: SegmentReader = SegmentReader(heads.readers[i])
            if r.ended == 0 and (best == None or r.rowid < best.rowid):  # noqa: E711
                best = r
        if best == None:  # noqa: E711
            return
        alive: bool = best.deleted == 0 or best.reinserted != 0 if x.detail == DETAIL_NONE else best.size > 0
        buried: bool = best.segment.tombstone_pages != 0 and is_buried(x, best.segment, best.rowid)
        if not buried and (alive or not is_last):
            if not begun:
                term: Bytes = SegmentReader(heads.readers[0]).term
                write_term(w, term.data, term.size)
                begun = True
            write_row(x, w, best, is_last)
        heads.rowid = best.rowid
        step(heads)


def write_row(x: Index, w: SegmentWriter, r: SegmentReader, is_last: bool) -> None:
    """Write a reader's row; that an older row is deleted matters while there may be one."""
    write_rowid(w, r.rowid)
    deleted: i32 = 0 if is_last else r.deleted
    if x.detail != DETAIL_NONE:
        write_positions(w, i64(r.size) * 2 + i64(deleted), r.positions, r.size)
        return
    if deleted:
        bytes_put(w.leaf, 0)
        if r.reinserted:
            bytes_put(w.leaf, 0)


# --- when ------------------------------------------------------------------------------------------------------


def level_range(s: Structure, level: i32) -> tuple[i32, i32]:
    """The segments of a level: the first, and how many."""
    first: i32 = 0
    while first < s.n_segments and s.segments[first].level < level:
        first += 1
    n: i32 = 0
    while first + n < s.n_segments and s.segments[first + n].level == level:
        n += 1
    return first, n


def merge_levels(x: Index, page_size: i32, least: i32) -> i32:
    """Merge levels that have `least` segments or more, from level 0 up: the number of leaves written."""
    leaves: i32 = 0
    level: i32 = 0
    while level < x.structure.n_levels:
        first, n = level_range(x.structure, level)
        if n >= least and level < MAX_LEVELS - 1:
            leaves += merge_run(x, page_size, first, n, level + 1)
        level += 1
    return leaves


def merge_buried(x: Index, page_size: i32, percent: i32) -> None:
    """Merge levels of whose rows that many are under tombstones."""
    level: i32 = 0
    while level < x.structure.n_levels:
        first, n = level_range(x.structure, level)
        rows: i64 = 0
        tombstones: i64 = 0
        for i in range(first, first + n):
            rows += x.structure.segments[i].rows
            tombstones += x.structure.segments[i].tombstones
        if tombstones > 0 and tombstones * 100 >= rows * i64(percent):
            _ = merge_run(x, page_size, first, n, level if first + n == x.structure.n_segments else level + 1)
        level += 1


def merge_all(x: Index, page_size: i32) -> i32:
    """Make one segment of all: the number of leaves written."""
    s: Structure = x.structure
    if s.n_segments:
        level: i32 = s.segments[s.n_segments - 1].level
        return merge_run(x, page_size, 0, s.n_segments, level) + 1
    return 0
