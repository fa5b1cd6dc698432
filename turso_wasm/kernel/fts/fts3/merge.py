"""The segments of FTS3 tables: what a transaction adds, and merging.

A level that has as many segments as the option automerge says, or SEGMENTS_MOST, is merged into one of the next level.

Invariants: G1 and G2 of kernel/fts/merge.py.
"""

from turso_wasm.kernel.abi_modules import FORMAT_DESCENDING
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.fts3.directory import (
    LEVEL_MAX,
    directory_delete,
    directory_insert,
    directory_read,
    is_same_level,
)
from turso_wasm.kernel.fts.fts3.writer import (
    TreeWriter,
    new_block,
    tree_end,
    tree_new,
    tree_row,
    tree_term,
    tree_term_end,
)
from turso_wasm.kernel.fts.merge import pass_heads
from turso_wasm.kernel.fts.postings import Index, Postings, least_term, postings_new, step
from turso_wasm.kernel.fts.readers import next_row, seek_term
from turso_wasm.kernel.fts.segment import SegmentReader, reader_new
from turso_wasm.kernel.fts.structure import MAIN_INDEX, Segment, Structure, structure_changed
from turso_wasm.kernel.fts.terms import Term, Terms, terms_sorted
from turso_wasm.wasm.lang import Struct, i32, i64, ptr, u8

__subset__ = True

SEGMENTS_MOST = 16


class Row(Struct):
    """A row of a doclist in memory."""

    rowid: i64
    positions: ptr[u8]
    size: i32


# --- what is new ---------------------------------------------------------------------------------------------------


def fts3_write(x: Index, terms: Terms, language: i64, least: i32) -> i32:
    """Make segments of gathered terms, one for each index; merge levels that have `least` segments then, 0: as many as
    may be: how many were.
    """
    sorted: ptr[i32] = terms_sorted(terms)
    at: i32 = 0
    while at < terms.count:
        index: i32 = i32(Term(sorted[at]).text[0])
        w: TreeWriter = tree_new(x, language, index - MAIN_INDEX, 0, next_id(x, language, index - MAIN_INDEX, 0))
        while at < terms.count and Term(sorted[at]).text[0] == index:
            t: Term = Term(sorted[at])
            tree_term(w, t.text, t.size)
            write_doclist(x, w, t.doclist.data, t.doclist.size)
            tree_term_end(w)
            at += 1
        if tree_end(w):
            directory_insert(x, w.segment, w.bytes)
    changed(x)
    return fts3_merge_levels(x, least if least > 1 and least < SEGMENTS_MOST else SEGMENTS_MOST)


def changed(x: Index) -> None:
    """The directory is another one."""
    structure_changed()
    x.structure = directory_read(x)


def write_doclist(x: Index, w: TreeWriter, p: ptr[u8], n: i32) -> None:
    """Write the rows of a doclist as kernel/fts/terms.py makes them, ascending, in the order of the index."""
    count: i32 = 0
    capacity: i32 = 0
    rows: ptr[Row] = None
    if x.format == FORMAT_DESCENDING:
        capacity = n // 2 + 1
        rows = ptr[Row](arena_alloc(x.arena, capacity * 16))
    at: i32 = 0
    rowid: i64 = 0
    while at < n:
        distance, width = get_varint(p + at)
        at += width
        head, width = get_varint(p + at)
        at += width
        size: i32 = i32(head >> 1)
        rowid += distance
        if rows:
            rows[count].rowid = rowid
            rows[count].positions = p + at
            rows[count].size = size
            count += 1
        else:
            tree_row(w, rowid, p + at, size)
        at += size
    while count:
        count -= 1
        tree_row(w, ~rows[count].rowid, rows[count].positions, rows[count].size)


def next_id(x: Index, language: i64, index: i32, level: i32) -> i32:
    """The idx of a new segment of a level."""
    s: Structure = x.structure
    for i in range(s.n_segments):
        segment: Segment = s.segments[i]
        if segment.language == language and segment.index == index and segment.level == level:
            return segment.id + 1
    return 0


# --- merging -------------------------------------------------------------------------------------------------------


def is_same_index(a: Segment, b: Segment) -> bool:
    """Whether two segments are of the same index."""
    return a.index == b.index and a.language == b.language


def merge_run(x: Index, first: i32, n: i32, level: i32) -> None:
    """Make one segment, of `level`, of the n segments of an index from `first` on (G1)."""
    s: Structure = x.structure
    free: i32 = new_block(x)
    for i in range(n):
        if s.segments[first + i].first and s.segments[first + i].end >= free:
            fts_corrupt()  # what is written would be read
    if level > LEVEL_MAX:
        fts_corrupt()
    is_last: bool = first + n == s.n_segments or not is_same_index(s.segments[first + n], s.segments[first])
    readers: ptr[i32] = ptr[i32](arena_alloc(x.arena, 4 * n + 4))
    live: i32 = 0
    for i in range(n):
        r: SegmentReader = reader_new(x.arena, s.segments[first + i], x.data, x.terms, x.detail)
        _ = seek_term(r, b"", 0)
        if r.exhausted == 0:
            readers[live] = i32(r)
            live += 1
    heads: Postings = postings_new(x)
    heads.readers = ptr[i32](arena_alloc(x.arena, 4 * n + 4))
    head: Segment = s.segments[first]
    w: TreeWriter = tree_new(x, head.language, head.index, level, 0)
    while live:
        least_term(heads, readers, live)
        merge_term(w, heads, is_last)
        live = pass_heads(heads, readers, live)
    any: bool = tree_end(w)
    for i in range(n):
        directory_delete(x, s.segments[first + i])
    x.structure = directory_read(x)
    if any:
        w.segment.id = next_id(x, w.segment.language, w.segment.index, level)
        directory_insert(x, w.segment, w.bytes)
    changed(x)


def merge_term(w: TreeWriter, heads: Postings, is_last: bool) -> None:
    """Write the rows of a term, newest entries only; deleted ones too unless nothing is older (G2)."""
    for i in range(heads.n_readers):
        _ = next_row(SegmentReader(heads.readers[i]))
    term: SegmentReader = SegmentReader(heads.readers[0])
    tree_term(w, term.term.data, term.term.size)
    while True:
        best: SegmentReader = None
        for i in range(heads.n_readers):
            r: SegmentReader = SegmentReader(heads.readers[i])
            if r.ended == 0 and (best == None or r.rowid < best.rowid):  # noqa: E711
                best = r
        if best == None:  # noqa: E711
            tree_term_end(w)
            return
        if best.size or not is_last:
            tree_row(w, best.rowid, best.positions, best.size)
        heads.rowid = best.rowid
        step(heads)


def level_size(s: Structure, first: i32) -> i32:
    """How many segments the level has whose youngest is `first`."""
    n: i32 = 1
    while first + n < s.n_segments and is_same_level(s.segments[first], s.segments[first + n]):
        n += 1
    return n


def fts3_merge_levels(x: Index, least: i32) -> i32:
    """Merge levels that have `least` segments or more: how many were."""
    merged: i32 = 0
    first: i32 = 0
    while first < x.structure.n_segments:
        n: i32 = level_size(x.structure, first)
        if n >= least:
            merge_run(x, first, n, x.structure.segments[first].level + 1)
            merged += 1
            first = 0
        else:
            first += n
    return merged


def fts3_merge_all(x: Index) -> i32:
    """Make one segment of all that an index has: how many indexes had more."""
    merged: i32 = 0
    first: i32 = 0
    while first < x.structure.n_segments:
        s: Structure = x.structure
        n: i32 = 1
        while first + n < s.n_segments and is_same_index(s.segments[first], s.segments[first + n]):
            n += 1
        if n > 1:
            merge_run(x, first, n, s.segments[first + n - 1].level)
            merged += 1
            first = 0  # of it one segment is left, or none
        else:
            first += 1
    return merged
