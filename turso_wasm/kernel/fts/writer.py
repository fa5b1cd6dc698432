"""Writing a segment: terms in ascending order, and of each its rows.

Owns cutting what is written into leaves (kernel/fts/segment.py has their format), and the rows of %_idx: of each leaf
on which a term begins the id of the segment, the shortest prefix of its first term that is larger than all before it,
and the leaf << 1.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, Cursor, Run, Value
from turso_wasm.kernel.abi_modules import DETAIL_NONE
from turso_wasm.kernel.base.memory import arena_mark, arena_release
from turso_wasm.kernel.base.varint import get_varint, put_varint
from turso_wasm.kernel.btree.insert import index_insert, table_insert
from turso_wasm.kernel.fts.bytes import Bytes, bytes_add, bytes_new, bytes_room, bytes_varint
from turso_wasm.kernel.fts.postings import Index
from turso_wasm.kernel.fts.structure import SEGMENT_SHIFT
from turso_wasm.kernel.values.record import record_encode
from turso_wasm.kernel.values.value import pack
from turso_wasm.wasm.lang import Struct, i32, i64, memory_fill, ptr, put_be16, scratch, u8

__subset__ = True

HEAD = 4  # bytes before a leaf's content


class SegmentWriter(Struct):
    """A segment in the making."""

    stmt: Run
    data: Cursor
    index: Cursor
    id: i32
    page_size: i32
    page: i32  # the leaf that is being filled
    written: i32  # leaves
    leaf: Bytes
    entries: Bytes  # the page index
    last_entry: i32  # the last term's offset
    term: Bytes  # the last term, of this leaf or one before
    has_terms: i32  # on this leaf
    has_rows: i32  # the next rowid is not the first of a leaf on which a doclist goes on
    first_row: i32  # of a doclist: 1: the next rowid stands for itself
    rowid: i64


def writer_init(w: SegmentWriter, x: Index, id: i32, page_size: i32) -> None:
    """A writer for an empty segment."""
    w.stmt = x.stmt
    w.data = x.data
    w.index = x.terms
    w.id = id
    w.page_size = page_size
    w.page = 1
    w.written = 0
    w.leaf = bytes_new(x.arena)
    w.entries = bytes_new(x.arena)
    w.term = bytes_new(x.arena)
    leaf_begin(w)


def leaf_begin(w: SegmentWriter) -> None:
    """An empty leaf."""
    w.leaf.size = 0
    memory_fill(bytes_room(w.leaf, HEAD), 0, HEAD)
    w.leaf.size = HEAD
    w.entries.size = 0
    w.last_entry = 0
    w.has_terms = 0
    w.has_rows = 0


def store_blob(stmt: Run, c: Cursor, row: i64, p: ptr[u8], n: i32) -> None:
    """Put a blob into %_data."""
    mark: i32 = arena_mark(stmt.arena)
    values: ptr[Value] = ptr[Value](scratch(32))
    values[0].tag = 0
    values[0].payload = i64(0)
    values[1].tag = BLOB
    values[1].payload = pack(p, n)
    record: i64 = record_encode(stmt, values, 2)
    table_insert(c, row, ptr[u8](i32(record)), i32(record >> 32))
    arena_release(stmt.arena, mark)


def leaf_end(w: SegmentWriter) -> None:
    """Write the leaf and begin the next one."""
    put_be16(w.leaf.data + 2, w.leaf.size)
    bytes_add(w.leaf, w.entries.data, w.entries.size)
    store_blob(w.stmt, w.data, (i64(w.id) << SEGMENT_SHIFT) + i64(w.page), w.leaf.data, w.leaf.size)
    w.written += 1
    w.page += 1
    leaf_begin(w)


def index_entry(w: SegmentWriter, term: ptr[u8], n: i32) -> None:
    """The leaf's row of %_idx."""
    mark: i32 = arena_mark(w.stmt.arena)
    values: ptr[Value] = ptr[Value](scratch(48))
    values[0].tag = INTEGER
    values[0].payload = i64(w.id)
    values[1].tag = BLOB
    values[1].payload = pack(term, n)
    values[2].tag = INTEGER
    values[2].payload = i64(w.page) << 1
    record: i64 = record_encode(w.stmt, values, 3)
    index_insert(w.index, ptr[u8](i32(record)), i32(record >> 32))
    arena_release(w.stmt.arena, mark)


def shared_prefix(w: SegmentWriter, term: ptr[u8], n: i32) -> i32:
    """How many bytes a term has in common with the one before."""
    i: i32 = 0
    while i < n and i < w.term.size and w.term.data[i] == term[i]:
        i += 1
    return i


def write_term(w: SegmentWriter, term: ptr[u8], n: i32) -> None:
    """Begin with a term."""
    if w.leaf.size > HEAD and w.leaf.size + w.entries.size + n + 2 >= w.page_size:
        leaf_end(w)
    shared: i32 = shared_prefix(w, term, n)
    bytes_varint(w.entries, i64(w.leaf.size - w.last_entry))
    w.last_entry = w.leaf.size
    if w.has_terms:
        bytes_varint(w.leaf, i64(shared))
    else:
        index_entry(w, term, shared + 1 if w.term.size else 0)
        shared = 0
    bytes_varint(w.leaf, i64(n - shared))
    bytes_add(w.leaf, term + shared, n - shared)
    w.has_terms = 1
    w.has_rows = 1
    w.term.size = 0
    bytes_add(w.term, term, n)
    w.first_row = 1


def write_rowid(w: SegmentWriter, rowid: i64) -> None:
    """Begin with a row of the term."""
    if w.leaf.size + w.entries.size >= w.page_size:
        leaf_end(w)
    if w.has_rows == 0:
        put_be16(w.leaf.data, w.leaf.size)
        w.has_rows = 1
        w.first_row = 1
    bytes_varint(w.leaf, rowid if w.first_row else rowid - w.rowid)
    w.first_row = 0
    w.rowid = rowid


def write_positions(w: SegmentWriter, head: i64, p: ptr[u8], n: i32) -> None:
    """The row's position list; head: what stands before it, n << 1 | deleted."""
    bytes_varint(w.leaf, head)
    while n > 0:
        space: i32 = w.page_size - w.leaf.size - w.entries.size
        take: i32 = n
        if n > space:
            # As many whole varints as there is room for.
            take = 0
            while True:
                _, width = get_varint(p + take)
                if take + width > space:
                    break
                take += width
        bytes_add(w.leaf, p, take)
        p += take
        n -= take
        if n > 0:
            leaf_end(w)


def write_doclist(w: SegmentWriter, detail: i32, p: ptr[u8], n: i32) -> None:
    """All rows of the term, from a doclist in memory behind which 16 bytes can be read."""
    if w.leaf.size + w.entries.size + n <= w.page_size:
        # It begins with a rowid that stands for itself.
        bytes_add(w.leaf, p, n)
        return
    at: i32 = 0
    rowid: i64 = 0
    while at < n:
        distance, width = get_varint(p + at)
        at += width
        rowid += distance
        write_rowid(w, rowid)
        if detail == DETAIL_NONE:
            while at < n and p[at] == 0:
                w.leaf.size += put_varint(bytes_room(w.leaf, 1), i64(0))
                at += 1
        else:
            head, width = get_varint(p + at)
            at += width
            size: i32 = i32(head >> 1)
            write_positions(w, head, p + at, size)
            at += size


def writer_end(w: SegmentWriter) -> i32:
    """Write what is left: the number of leaves."""
    if w.leaf.size > HEAD:
        leaf_end(w)
    return w.written
