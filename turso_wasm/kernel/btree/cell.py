"""B-tree cells: how big they are and what they hold.

Owns the four cell formats. Does not know where on a page a cell lies (kernel/btree/page.py) nor follow overflow chains
(kernel/btree/overflow.py).

  PAGE KIND        BYTES OF A CELL
  table leaf       varint payload size, varint rowid, local payload, [overflow page number]
  table interior   left child page number (4), varint rowid
  index leaf       varint payload size, local payload, [overflow page number]
  index interior   left child page number (4), varint payload size, local payload, [overflow page number]

Source: https://sqlite.org/fileformat2.html section 1.6.

Invariants:
  L1  A payload of at most layout.max_local bytes is local. Of a larger one, K bytes are local where
      K = min_local + (size - min_local) % (usable - 4), or min_local when K would exceed max_local.
  L2  A cell takes at least 4 bytes of its page, so that it can become a freeblock.
  L3  Functions here read at most 29 bytes at a cell and may be called on unchecked bytes of a page.
"""

from turso_wasm.kernel.abi import INDEX_BTREE, TABLE_BTREE, Layout
from turso_wasm.kernel.base.varint import get_varint
from turso_wasm.wasm.lang import be32, i32, i64, inline, ptr, u8, u32, u64

__subset__ = True

LEAF = 8  # bit of a page's kind
INDEX_INTERIOR = 2
TABLE_INTERIOR = 5
INDEX_LEAF = 10
TABLE_LEAF = 13

MAX_PAYLOAD = 0x7FFE0000
MALFORMED = 0x7FFFFFFF  # a size that fits on no page


def layout_init(layout: Layout, kind: i32, usable: i32) -> None:
    """Set the payload limits of a b-tree of this kind (TABLE_BTREE, INDEX_BTREE)."""
    layout.kind = kind
    layout.usable = usable
    layout.min_local = (usable - 12) * 32 // 255 - 23
    layout.max_local = (usable - 12) * 64 // 255 - 23
    if kind == TABLE_BTREE:
        layout.max_local = usable - 35


def interior_kind(layout: Layout) -> i32:
    """The page kind of interior pages; with LEAF set, of leaves."""
    return INDEX_INTERIOR if layout.kind == INDEX_BTREE else TABLE_INTERIOR


def spilled_local(layout: Layout, size: i32) -> i32:
    """Local bytes of a payload that is larger than max_local (L1)."""
    k: i32 = layout.min_local + (size - layout.min_local) % (layout.usable - 4)
    return k if k <= layout.max_local else layout.min_local


@inline
def local_size(layout: Layout, size: i32) -> i32:
    """Local bytes of a payload of `size` bytes (L1)."""
    return size if size <= layout.max_local else spilled_local(layout, size)


def cell_payload(kind: i32, p: ptr[u8]) -> tuple[i32, i64]:
    """Offset of the payload in the cell, and its size: not yet known to be sane. Not for table interior cells."""
    at: i32 = 0 if kind & LEAF else 4
    size, n = get_varint(p + at)
    at += n
    if kind == TABLE_LEAF:
        _rowid, m = get_rowid(p + at)
        at += m
    return at, size


def cell_size(layout: Layout, kind: i32, p: ptr[u8]) -> i32:
    """Bytes the cell takes on its page (L2); MALFORMED if its payload is larger than any can be."""
    if kind == TABLE_INTERIOR:
        _key, n = get_varint(p + 4)
        return 4 + n
    at, size = cell_payload(kind, p)
    if u64(size) > MAX_PAYLOAD:
        return MALFORMED
    total: i32 = i32(size)
    if total > layout.max_local:
        total = spilled_local(layout, total) + 4
    total += at
    return total if total > 4 else 4


@inline
def get_rowid(p: ptr[u8]) -> tuple[i64, i32]:
    """get_varint, faster for the rowids of tables with up to two million rows."""
    word: u32 = be32(p)
    if word < 0x80000000:
        return i64(word >> 24), 1
    if word & 0x800000 == 0:
        return i64((word >> 17 & 0x3F80) | (word >> 16 & 0x7F)), 2
    if word & 0x8000 == 0:
        return i64((word >> 10 & 0x1FC000) | (word >> 9 & 0x3F80) | (word >> 8 & 0x7F)), 3
    return get_varint(p)


def cell_rowid(kind: i32, p: ptr[u8]) -> i64:
    """The key of a table b-tree's cell."""
    at: i32 = 4
    if kind & LEAF:
        _size, at = get_varint(p)
    rowid, _n = get_varint(p + at)
    return rowid


@inline
def small_cell_size(layout: Layout, kind: i32, cell: ptr[u8]) -> i32:
    """cell_size, faster for leaf cells with a payload of 3..127 bytes."""
    size: i32 = cell[0]
    if kind & LEAF and size - 3 < 125 and size >= 3 and size <= layout.max_local:
        if kind == INDEX_LEAF:
            return size + 1
        _rowid, n = get_rowid(cell + 1)
        return size + 1 + n
    return cell_size(layout, kind, cell)


def cell_overflow(layout: Layout, kind: i32, p: ptr[u8]) -> u32:
    """The first overflow page of a checked cell; 0 if its payload is local."""
    if kind == TABLE_INTERIOR:
        return u32(0)
    at, size = cell_payload(kind, p)
    total: i32 = i32(size)
    if total <= layout.max_local:
        return u32(0)
    return be32(p + at + spilled_local(layout, total))
