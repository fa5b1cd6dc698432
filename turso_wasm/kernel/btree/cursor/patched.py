"""Copies of damaged pages that can be read: what SQLite reads of a page whose cells do not all lie in it.

SQLite looks at a cell when somebody asks for it. Here a page is looked at as a whole when it is entered; one that
cannot be read as it is gets a copy, for the cursor that entered it alone, in which every cell can.

Owns these copies. Does not change pages: whoever writes finds them as damaged as they are.

Invariants:
  K1  Cell pointers lie within the copy: SQLite takes them modulo the page size.
  K2  Behind the page are cells that stand for those that go on there: with their child and rowid, and a payload of one
      byte, the size of a header that is longer, so that whoever wants a column finds SQLITE_CORRUPT.
  K3  A cursor's copies are of different levels of its stack (Page.born); they live until it enters another one at
      their level, or closes.
"""

from turso_wasm.kernel.abi import Cursor
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.base.memory import mfree, mzalloc
from turso_wasm.kernel.base.varint import get_varint, put_varint
from turso_wasm.kernel.btree.cell import LEAF, TABLE_INTERIOR, TABLE_LEAF, cell_size, interior_kind
from turso_wasm.kernel.btree.page import PageHeader, cell_array, page_header
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.wasm.lang import be16, i32, memory_copy, ptr, put_be16, sizeof, u8

__subset__ = True

SIZE_MAX = 65536  # what a cell pointer can address
CELL_MAX = 16  # child, payload size, rowid, payload
SLACK = 64
CUT, BEYOND = 0x7E, 0x7F  # the payload of a cell that goes on behind the page, or begins there


def page_patched(c: Cursor, page: Page, level: i32, mark: i32) -> Page:
    """A readable copy of a page that a cursor enters at a level of its stack. Errors: SQLITE_CORRUPT."""
    kind: i32 = page_header(page).kind
    n: i32 = page_header(page).n_cells
    size: i32 = Pager(c.pager).database.page_size
    if kind & ~LEAF != interior_kind(c.layout) or n > (size - 8) // 6:
        raise_corrupt(page.pgno)
    patched_free(c, level)
    copy: Page = Page(mzalloc(sizeof(Page)))
    copy.chain = Page(c.patched)
    c.patched = i32(copy)
    copy.born = level
    copy.pgno = page.pgno
    copy.checked = mark
    copy.data = mzalloc(SIZE_MAX + SLACK)
    memory_copy(copy.data, page.data, size)
    h: PageHeader = page_header(copy)
    end: i32 = size
    for nth in range(n):
        at: ptr[u8] = cell_array(h) + 2 * nth
        offset: i32 = be16(at) & (size - 1)
        if cell_size(c.layout, kind, copy.data + offset) > c.layout.usable - offset:
            if end > SIZE_MAX - CELL_MAX:
                raise_corrupt(page.pgno)
            put_stub(copy.data, kind, offset, copy.data + end, c.layout.usable)
            offset = end
            end += CELL_MAX
        put_be16(at, offset)
    return copy


def put_stub(data: ptr[u8], kind: i32, offset: i32, p: ptr[u8], usable: i32) -> None:
    """Write at p what stands for a cell of a page (K2)."""
    cell: ptr[u8] = data + offset
    if kind & LEAF == 0:
        memory_copy(p, cell, 4)
        p += 4
        cell += 4
    if kind != TABLE_INTERIOR:
        _size, width = get_varint(cell)
        cell += width
        p[0] = 1
        p += 1
    if kind == TABLE_LEAF or kind == TABLE_INTERIOR:  # noqa: SIM109
        rowid, width = get_varint(cell)
        cell += width
        p += put_varint(p, rowid)
    p[0] = CUT if cell - data < usable else BEYOND


def is_cut(c: Cursor) -> i32:
    """1 if the payload of the entry a cursor is on goes on behind its page."""
    size: i32 = Pager(c.pager).database.page_size
    return i32(c.valid != 0 and c.payload - c.leaf >= size and c.payload[0] == CUT)


def patched_free(c: Cursor, level: i32) -> None:
    """Free a cursor's copies from that level of its stack on (K3)."""
    link: Page = Page(c.patched)
    kept: Page = Page(0)
    while link:
        after: Page = link.chain
        if link.born >= level:
            mfree(link.data)
            mfree(ptr[u8](i32(link)))
        else:
            link.chain = kept
            kept = link
        link = after
    c.patched = i32(kept)
