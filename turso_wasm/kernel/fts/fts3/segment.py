"""Reading one segment of FTS3: a b-tree of blobs, from term to term, and through the rows of a term.

Owns the format of its nodes. The root is in the segment's row of %_segdir, the others are rows of %_segments: leaves
from start_block to leaves_end_block, what stands above them behind. All numbers are kernel/fts/fts3/varint.py's:

  leaf      0; of each term: bytes shared with the term before (not of the first), size, bytes; size, doclist
  interior  height; leftmost child; of each separator: as a term. Terms from it on are in the children behind it.
  doclist   of each row: its docid, or the distance from the one before (order=desc: down); position list; 0
  position list: that of kernel/fts/positions.py, but for the numbers. Empty: the row is deleted.

In memory a term has the byte of its index before it, and of order=desc a rowid is its complement, so that rows ascend.

Invariants as those of kernel/fts/segment.py: a node is copied, every offset checked, leaves only go up.
"""

from turso_wasm.kernel.abi import BLOB
from turso_wasm.kernel.abi_modules import FORMAT_DESCENDING
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.fts.bytes import Bytes, bytes_add, bytes_init, bytes_put, bytes_varint, compare_terms
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.fts3.varint import fts3_count, fts3_varint
from turso_wasm.kernel.fts.segment import LEAF_SLACK, SegmentReader
from turso_wasm.kernel.fts.structure import MAIN_INDEX
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import i32, i64, memory_copy, memory_fill, ptr, scratch, sizeof, u8

__subset__ = True

HEIGHT_MAX = 64


# --- nodes -----------------------------------------------------------------------------------------------------


def load_node(r: SegmentReader, block: i32) -> None:
    """Get a node; 0: the root. Errors: SQLITE_CORRUPT_VTAB."""
    p: ptr[u8] = r.segment.root
    size: i32 = r.segment.root_size
    if block:
        if cursor_seek_rowid(r.data, i64(block)) == 0:
            fts_corrupt()
        tag, payload = cursor_column(r.data, 1)
        if tag != BLOB:
            fts_corrupt()
        p = bytes_of(payload)
        size = size_of(payload)
    if size < 1:
        fts_corrupt()
    if size > r.capacity:
        r.leaf = arena_alloc(r.term.arena, size + size // 4 + LEAF_SLACK)
        r.capacity = size + size // 4
    memory_copy(r.leaf, p, size)
    memory_fill(r.leaf + size, 0, LEAF_SLACK)
    r.page = block
    r.leaf_size = size


def load_leaf(r: SegmentReader, block: i32) -> None:
    """Get a leaf; its first term is next."""
    load_node(r, block)
    begin_leaf(r)


def begin_leaf(r: SegmentReader) -> None:
    """The node is a leaf: its first term is next."""
    if r.leaf[0]:
        fts_corrupt()
    r.next_entry = 1
    r.term_offset = 0
    r.term.size = 0
    bytes_put(r.term, MAIN_INDEX + r.segment.index)


def child_for(r: SegmentReader, term: ptr[u8], n: i32) -> i32:
    """The child of the interior node that has the terms from a term on."""
    _, at = fts3_varint(r.leaf)
    child, width = fts3_count(r.leaf + at, 0x7FFFFFFF)
    at += width
    b: Bytes = Bytes(scratch(sizeof(Bytes)))
    bytes_init(b, r.term.arena)
    while at < r.leaf_size:
        keep: i32 = 0
        if b.size:
            keep, width = fts3_count(r.leaf + at, b.size)
            at += width
        size, width = fts3_count(r.leaf + at, r.leaf_size)
        at += width
        if size > r.leaf_size - at or keep + size == 0:
            fts_corrupt()
        b.size = keep
        bytes_add(b, r.leaf + at, size)
        at += size
        if compare_terms(b.data, b.size, term, n) > 0:
            break
        child += 1
    return child


def descend(r: SegmentReader, term: ptr[u8], n: i32) -> None:
    """Go to the leaf on which a term (without the byte of its index) must be if it is in the segment."""
    load_node(r, 0)
    height, _ = fts3_count(r.leaf, HEIGHT_MAX)
    while height:
        child: i32 = child_for(r, term, n)
        if child < r.segment.first:
            fts_corrupt()
        load_node(r, child)
        below, _ = fts3_count(r.leaf, HEIGHT_MAX)
        if below != height - 1:
            fts_corrupt()
        height = below
    begin_leaf(r)


# --- terms -----------------------------------------------------------------------------------------------------


def fts3_next_term(r: SegmentReader) -> None:
    """Go to the next term."""
    while r.next_entry >= r.leaf_size:
        if r.page == 0 or r.page >= r.segment.last:
            r.exhausted = 1
            r.ended = 1
            return
        load_leaf(r, r.page + 1)
    at: i32 = r.next_entry
    keep: i32 = 0
    if r.term_offset:
        keep, width = fts3_count(r.leaf + at, r.term.size - 1)
        at += width
    size, width = fts3_count(r.leaf + at, r.leaf_size)
    at += width
    if size > r.leaf_size - at:
        fts_corrupt()
    r.term.size = 1 + keep
    bytes_add(r.term, r.leaf + at, size)
    at += size
    if at >= r.leaf_size:
        fts_corrupt()
    size, width = fts3_count(r.leaf + at, r.leaf_size)
    at += width
    if size > r.leaf_size - at:
        fts_corrupt()
    r.term_offset = r.next_entry
    r.at = at
    r.limit = at + size
    r.next_entry = r.limit
    r.more = 0
    r.ended = 0


def fts3_seek_term(r: SegmentReader, term: ptr[u8], n: i32) -> i32:
    """Go to the first term that is not less, of no bytes: to the first; 1: it is equal."""
    r.exhausted = 0
    descend(r, term + 1, n - 1 if n else 0)
    while True:
        fts3_next_term(r)
        if r.exhausted:
            return 0
        order: i32 = compare_terms(r.term.data, r.term.size, term, n)
        if order >= 0:
            return 1 if order == 0 else 0


# --- rows ------------------------------------------------------------------------------------------------------


def fts3_next_row(r: SegmentReader) -> i32:
    """The next row of the term; 0: there is none."""
    if r.at >= r.limit:
        r.ended = 1
        return 0
    distance, n = fts3_varint(r.leaf + r.at)
    if r.more:
        r.rowid += distance
    else:
        r.rowid = ~distance if r.segment.format == FORMAT_DESCENDING else distance
    r.more = 1
    start: i32 = r.at + n
    at: i32 = start
    before: i32 = 0
    all: i32 = 0
    limit: i32 = r.limit
    while at < limit:
        c: i32 = r.leaf[at]
        if (c | (before & 128)) == 0:
            break
        all |= c
        before = c
        at += 1
    if at >= limit:
        fts_corrupt()
    r.at = at + 1
    r.positions = r.leaf + start
    r.size = at - start
    if all & 128:
        convert_positions(r)
    return 1


def convert_positions(r: SegmentReader) -> None:
    """Make the numbers of the position list those of kernel/fts/positions.py."""
    b: Bytes = r.spanning
    b.size = 0
    at: i32 = 0
    while at < r.size:
        value, n = fts3_varint(r.positions + at)
        bytes_varint(b, value)
        at += n
    r.positions = b.data
    r.size = b.size
