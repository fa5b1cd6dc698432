"""Pages: b-tree pages and their cells, overflow pages, freelist trunks, pointer maps, the lock-byte page.

Owns their layouts. `describe(PageHeader)` prints the header's table. A b-tree page is

  OFFSET        SIZE       MEANING
  0             8 or 12    PageHeader (at 100 on page 1); interior pages have right_child
  header        2 * cells  cell pointers: offsets of the cells, in key order
  cell_content  -          cells, freeblocks and fragments up to the usable size

and its cells are

  PAGE            CELL
  table leaf      payload size varint, rowid varint, local payload, overflow page (4) if there is more
  table interior  left child (4), rowid varint
  index leaf      payload size varint, local payload, overflow page (4) if there is more
  index interior  left child (4), then as in an index leaf

Source: https://sqlite.org/fileformat2.html sections 1.3 to 1.8.

Invariants:
  B1  Cell pointers point behind the pointer array; a cell ends within the usable size.
  B2  A payload of P bytes is whole in its cell if P <= X; otherwise K bytes are if K <= X, else M bytes
      (local_size). The rest is in a chain of overflow pages of usable - 4 bytes each.
  B3  cell_content 0 stands for 65536.
  B4  Pointer map pages are page 2 and every (usable // 5 + 1) pages after; the lock-byte page is never used.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from tests.format.layout import Layout, at
from tests.format.varint import decode_varint
from turso_wasm.base.errors import Corrupt

INDEX_INTERIOR, TABLE_INTERIOR, INDEX_LEAF, TABLE_LEAF = 2, 5, 10, 13
PAGE_KINDS = (INDEX_INTERIOR, TABLE_INTERIOR, INDEX_LEAF, TABLE_LEAF)
LOCK_BYTE = 0x40000000
PTRMAP_ROOT, PTRMAP_FREE, PTRMAP_OVERFLOW_FIRST, PTRMAP_OVERFLOW, PTRMAP_CHILD = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class PageHeader(Layout):
    """The b-tree page header without the right child."""

    kind: int = at(0, 1, "2 index interior, 5 table interior, 10 index leaf, 13 table leaf", TABLE_LEAF)
    first_freeblock: int = at(1, 2, "offset of the first freeblock, 0: none")
    n_cells: int = at(3, 2, "cells on the page")
    cell_content_field: int = at(5, 2, "where the cell content area starts (B3)")
    fragmented_bytes: int = at(7, 1, "bytes in fragments of 1 to 3 bytes")

    @property
    def is_leaf(self) -> bool:
        """Whether the page has no children."""
        return self.kind in (INDEX_LEAF, TABLE_LEAF)

    @property
    def is_table(self) -> bool:
        """Whether keys are rowids."""
        return self.kind in (TABLE_INTERIOR, TABLE_LEAF)

    @property
    def header_size(self) -> int:
        """Bytes before the cell pointers."""
        return 8 if self.is_leaf else 12

    @property
    def cell_content(self) -> int:
        """Where the cell content area starts."""
        return self.cell_content_field or 65536


@dataclass(frozen=True)
class TrunkHeader(Layout):
    """A freelist trunk page; n_leaves page numbers of 4 bytes follow."""

    next_trunk: int = at(0, 4, "next trunk page, 0: none")
    n_leaves: int = at(4, 4, "page numbers that follow")


@dataclass(frozen=True)
class PointerMapEntry(Layout):
    """One entry of a pointer map page."""

    kind: int = at(0, 1, "1 root, 2 free, 3 first overflow page, 4 later overflow page, 5 other b-tree page")
    parent: int = at(1, 4, "0 (1, 2); page with the cell (3); previous page (4); parent page (5)")


@dataclass(frozen=True)
class Cell:
    """A decoded cell. What its kind of page does not have is 0 or empty."""

    left_child: int = 0
    rowid: int = 0
    payload_size: int = 0
    local: bytes = b""
    overflow: int = 0


@dataclass(frozen=True)
class BTreePage:
    """A decoded b-tree page."""

    header: PageHeader
    right_child: int
    cells: tuple[Cell, ...]


def local_size(kind: int, usable: int, payload_size: int) -> int:
    """How many bytes of a payload are stored in its cell (B2)."""
    most = usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    if payload_size <= most:
        return payload_size
    least = (usable - 12) * 32 // 255 - 23
    surplus = least + (payload_size - least) % (usable - 4)
    return surplus if surplus <= most else least


def decode_cell(page: bytes, start: int, kind: int, usable: int) -> Cell:
    """The cell at page[start]. Errors: Corrupt if it goes beyond the usable size."""
    left_child = rowid = payload_size = overflow = 0
    local = b""
    where = start
    if kind in (TABLE_INTERIOR, INDEX_INTERIOR):
        left_child = int.from_bytes(page[where : where + 4], "big")
        where += 4
    if kind != TABLE_INTERIOR:
        payload_size, where = decode_varint(page, where)
    if kind in (TABLE_INTERIOR, TABLE_LEAF):
        rowid, where = decode_varint(page, where)
    if kind != TABLE_INTERIOR:
        if payload_size < 0:
            raise Corrupt(0, start, "negative payload size")
        size = local_size(kind, usable, payload_size)
        local = page[where : where + size]
        where += size
        if size < payload_size:
            overflow = int.from_bytes(page[where : where + 4], "big")
            where += 4
    if where > usable:
        raise Corrupt(0, start, "a cell goes beyond the page (B1)")
    return Cell(left_child, rowid, payload_size, local, overflow)


def decode_page(page: bytes, usable: int, pgno: int) -> BTreePage:
    """A b-tree page. Errors: Corrupt (B1)."""
    start = 100 if pgno == 1 else 0
    header = PageHeader.decode(page, start)
    if header.kind not in PAGE_KINDS:
        raise Corrupt(pgno, start, f"page kind {header.kind}")
    pointers = start + header.header_size
    end = pointers + 2 * header.n_cells
    if end > usable:
        raise Corrupt(pgno, start, "more cells than fit")
    right_child = 0 if header.is_leaf else int.from_bytes(page[start + 8 : start + 12], "big")
    offsets = struct.unpack(f">{header.n_cells}H", page[pointers:end])
    if any(offset < end for offset in offsets):
        raise Corrupt(pgno, pointers, "a cell pointer points into the header (B1)")
    return BTreePage(header, right_child, tuple(decode_cell(page, offset, header.kind, usable) for offset in offsets))


def read_payload(cell: Cell, read_page: Callable[[int], bytes], usable: int) -> bytes:
    """The whole payload of a cell, from its overflow pages too. Errors: Corrupt if the chain is too short."""
    parts = [cell.local]
    missing = cell.payload_size - len(cell.local)
    pgno = cell.overflow
    while missing > 0:
        if pgno == 0:
            raise Corrupt(0, -1, "an overflow chain is too short")
        page = read_page(pgno)
        parts.append(page[4 : 4 + min(missing, usable - 4)])
        missing -= usable - 4
        pgno = int.from_bytes(page[:4], "big")
    return b"".join(parts)


def decode_trunk(page: bytes, usable: int) -> tuple[int, tuple[int, ...]]:
    """A freelist trunk page: (next trunk, leaf pages). Errors: Corrupt if it lists more than fit."""
    trunk = TrunkHeader.decode(page)
    if trunk.n_leaves > usable // 4 - 2:
        raise Corrupt(0, 4, "a freelist trunk lists more pages than fit")
    return trunk.next_trunk, struct.unpack(f">{trunk.n_leaves}I", page[8 : 8 + 4 * trunk.n_leaves])


def lock_byte_page(page_size: int) -> int:
    """The page that contains the lock byte, which is never used (B4)."""
    return LOCK_BYTE // page_size + 1


def pointer_map_place(pgno: int, page_size: int, usable: int) -> tuple[int, int]:
    """Where the entry of a page lies: (pointer map page, offset) (B4). `pgno` > 2 must not be such a page itself."""
    per_page = usable // 5
    map_page = (pgno - 2) // (per_page + 1) * (per_page + 1) + 2
    first_covered = map_page + 1
    if map_page == lock_byte_page(page_size):
        map_page += 1
    return map_page, (pgno - first_covered) * 5
