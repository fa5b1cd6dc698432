"""Writing a segment of FTS3: terms in ascending order, and of each its rows (segment.py beside it has the format).

Leaves are written as they fill. What stands above them is made at the end, a level at a time: of each two neighbours a
level hands the shortest term that parts them to the one above.
"""

from turso_wasm.kernel.abi_modules import FORMAT_DESCENDING
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.kernel.btree.insert import table_new_rowid
from turso_wasm.kernel.fts.bytes import Bytes, bytes_add, bytes_init, bytes_new, bytes_put
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.fts3.varint import add_fts3_varint, fts3_count
from turso_wasm.kernel.fts.postings import Index
from turso_wasm.kernel.fts.structure import Segment
from turso_wasm.kernel.fts.writer import store_blob
from turso_wasm.kernel.pager.pages import pager_usable_size
from turso_wasm.kernel.pager.storage import Pager
from turso_wasm.wasm.lang import Struct, i32, i64, memory_fill, ptr, scratch, sizeof, u8

__subset__ = True

ROW_OVERHEAD = 35  # of a row of %_segments: a node of a page's size less this fits on a page
ENTRY_OVERHEAD = 6


class TreeWriter(Struct):
    """A segment in the making."""

    index: Index
    segment: Segment
    node_size: i32
    block: i32  # the next one; 0: none is written
    leaf: Bytes
    term: Bytes  # the last one on the leaf, without the byte of its index
    doclist: Bytes  # of the term that is next
    next: Bytes  # that term
    rowid: i64  # of the doclist's last row
    separators: Bytes  # between the leaves: a number and as many bytes
    bytes: i64  # of all leaves


def tree_new(x: Index, language: i64, index: i32, level: i32, id: i32) -> TreeWriter:
    """A writer for an empty segment."""
    w: TreeWriter = TreeWriter(arena_alloc(x.arena, sizeof(TreeWriter)))
    memory_fill(w, 0, sizeof(TreeWriter))
    w.index = x
    w.segment = Segment(arena_alloc(x.arena, sizeof(Segment)))
    memory_fill(w.segment, 0, sizeof(Segment))
    w.segment.language = language
    w.segment.index = index
    w.segment.level = level
    w.segment.id = id
    w.node_size = pager_usable_size(Pager(x.data.pager)) - ROW_OVERHEAD
    w.leaf = bytes_new(x.arena)
    bytes_put(w.leaf, 0)
    w.term = bytes_new(x.arena)
    w.doclist = bytes_new(x.arena)
    w.next = bytes_new(x.arena)
    w.separators = bytes_new(x.arena)
    return w


def tree_term(w: TreeWriter, term: ptr[u8], n: i32) -> None:
    """Begin with a term, the byte of its index included."""
    w.next.size = 0
    bytes_add(w.next, term + 1, n - 1)
    w.doclist.size = 0


def tree_row(w: TreeWriter, rowid: i64, positions: ptr[u8], n: i32) -> None:
    """Add a row to the term, in the order of the index; n: 0: it is deleted."""
    if w.doclist.size:
        add_fts3_varint(w.doclist, rowid - w.rowid)
    else:
        add_fts3_varint(w.doclist, ~rowid if w.index.format == FORMAT_DESCENDING else rowid)
    w.rowid = rowid
    all: i32 = 0
    for i in range(n):
        all |= i32(positions[i])
    if all & 128:
        at: i32 = 0
        while at < n:
            value, width = get_varint(positions + at)
            add_fts3_varint(w.doclist, value)
            at += width
    else:
        bytes_add(w.doclist, positions, n)
    bytes_put(w.doclist, 0)


def tree_term_end(w: TreeWriter) -> None:
    """The term has all its rows; with none it is left out."""
    if w.doclist.size == 0:
        return
    shared: i32 = 0
    while shared < w.term.size and shared < w.next.size and w.term.data[shared] == w.next.data[shared]:
        shared += 1
    if w.leaf.size > 1 and w.leaf.size + w.next.size - shared + w.doclist.size + ENTRY_OVERHEAD > w.node_size:
        leaf_end(w)
        add_fts3_varint(w.separators, i64(shared + 1))
        bytes_add(w.separators, w.next.data, shared + 1)
        shared = 0
    if w.leaf.size > 1:
        add_fts3_varint(w.leaf, i64(shared))
    else:
        shared = 0
    add_fts3_varint(w.leaf, i64(w.next.size - shared))
    bytes_add(w.leaf, w.next.data + shared, w.next.size - shared)
    add_fts3_varint(w.leaf, i64(w.doclist.size))
    bytes_add(w.leaf, w.doclist.data, w.doclist.size)
    last: Bytes = w.term
    w.term = w.next
    w.next = last


def leaf_end(w: TreeWriter) -> None:
    """Write the leaf and begin the next one."""
    if w.block == 0:
        w.segment.first = new_block(w.index)
        w.block = w.segment.first
    w.bytes += i64(w.leaf.size)
    write_block(w, w.leaf)
    w.leaf.size = 1


def new_block(x: Index) -> i32:
    """The number of a block behind all others."""
    block: i64 = table_new_rowid(x.data)
    if block < 1 or block > 0x70000000:
        fts_corrupt()
    return i32(block)


def write_block(w: TreeWriter, b: Bytes) -> None:
    """Write a node as the next block."""
    store_blob(w.index.stmt, w.index.data, i64(w.block), b.data, b.size)
    w.block += 1


def tree_end(w: TreeWriter) -> bool:
    """Write what is left; w.segment says where all is. Whether there are any terms."""
    root: Bytes = w.leaf
    if w.block:
        leaf_end(w)
        w.segment.last = w.block - 1
        root = write_interior(w)
        w.segment.end = w.block - 1
    else:
        w.bytes = i64(w.leaf.size)
    w.segment.root = root.data
    w.segment.root_size = root.size
    return root.size > 1


def write_interior(w: TreeWriter) -> Bytes:
    """Write all levels above the leaves but the root, which is given back."""
    child: i32 = w.segment.first
    parting: Bytes = w.separators
    height: i64 = i64(1)
    while True:
        above: Bytes = bytes_new(w.index.arena)
        first: i32 = w.block
        node: Bytes = write_level(w, height, child, parting, above)
        if above.size == 0:
            return node
        write_block(w, node)
        child = first
        parting = above
        height += 1


def write_level(w: TreeWriter, height: i64, child: i32, parting: Bytes, above: Bytes) -> Bytes:
    """Write the nodes of a level but the last, which is given back; above: takes what parts them."""
    node: Bytes = bytes_new(w.index.arena)
    add_fts3_varint(node, height)
    add_fts3_varint(node, i64(child))
    empty: i32 = node.size
    last: Bytes = Bytes(scratch(sizeof(Bytes)))
    bytes_init(last, w.index.arena)
    at: i32 = 0
    while at < parting.size:
        size, width = fts3_count(parting.data + at, parting.size)
        term: ptr[u8] = parting.data + (at + width)
        child += 1
        if node.size > empty and node.size + size + 2 * ENTRY_OVERHEAD > w.node_size:
            write_block(w, node)
            bytes_add(above, parting.data + at, width + size)
            node.size = 0
            add_fts3_varint(node, height)
            add_fts3_varint(node, i64(child))
            empty = node.size
        else:
            add_separator(node, last, term, size, node.size == empty)
        at += width + size
    return node


def add_separator(node: Bytes, last: Bytes, term: ptr[u8], n: i32, is_first: bool) -> None:
    """Add a term that parts two children. last: the one before."""
    shared: i32 = 0
    if not is_first:
        while shared < last.size and shared < n and last.data[shared] == term[shared]:
            shared += 1
        add_fts3_varint(node, i64(shared))
    add_fts3_varint(node, i64(n - shared))
    bytes_add(node, term + shared, n - shared)
    last.size = 0
    bytes_add(last, term, n)
