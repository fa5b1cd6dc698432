"""Reading a segment, whichever way it is written (Segment.format)."""

from turso_wasm.kernel.fts.fts3.segment import fts3_next_row, fts3_next_term, fts3_seek_term
from turso_wasm.kernel.fts.segment import SegmentReader, leaf_next_row, leaf_next_term, leaf_seek_row, leaf_seek_term
from turso_wasm.wasm.lang import i32, i64, inline, ptr, u8

__subset__ = True


def next_term(r: SegmentReader) -> None:
    """Go to the next term."""
    if r.segment.format:
        fts3_next_term(r)
    else:
        leaf_next_term(r)


def seek_term(r: SegmentReader, term: ptr[u8], n: i32) -> i32:
    """Go to the first term that is not less; 1: it is equal."""
    return fts3_seek_term(r, term, n) if r.segment.format else leaf_seek_term(r, term, n)


def next_row(r: SegmentReader) -> i32:
    """The next row of the term; 0: there is none."""
    return fts3_next_row(r) if r.segment.format else leaf_next_row(r)


@inline
def seek_row(r: SegmentReader, rowid: i64) -> None:
    """Go to the first row of the term from `rowid` on, not backward."""
    if r.segment.format == 0:
        leaf_seek_row(r, rowid)
        return
    while r.ended == 0 and r.rowid < rowid:
        _ = fts3_next_row(r)
