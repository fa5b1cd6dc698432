"""B-tree pages: header, cell pointers, free space.

Owns everything inside one b-tree page: validating it, inserting and dropping cells, freeblocks, fragments,
defragmentation, writing a page from a list of cells. Does not know other pages.

A b-tree page, from offset 0 (page 1: from offset 100, behind the file header; offsets stay relative to the page):

  OFFSET  SIZE  MEANING
  0       1     kind: 2 index interior, 5 table interior, 10 index leaf, 13 table leaf
  1       2     offset of the first freeblock, 0 if there is none
  3       2     number of cells
  5       2     start of the cell content area; 0 means 65536
  7       1     fragmented free bytes in the cell content area
  8       4     interior pages only: the right-most child
  8, 12   2*n   cell pointer array, in key order; then unused bytes up to the cell content area

A freeblock is: offset of the next freeblock or 0 (2), its size (2), unused bytes. Blocks are in ascending order.
Source: https://sqlite.org/fileformat2.html section 1.6.

Invariants of a checked page (Page.checked is not 0; of one that is only read page_readable is enough):
  P1  The kind belongs to the b-tree; the cell pointer array ends at or before the cell content area, which ends at
      `usable`.
  P2  Each cell lies in the cell content area; together they are not larger than it.
  P3  Freeblocks are *not* checked in advance: whoever walks them checks each one (ascending, inside the page).
  P4  fragments <= FRAGMENTS_MAX on pages written here.
  P5  Page.free is 0 (not counted) or one more than what page_free_space counts.
"""

from turso_wasm.kernel.abi import TABLE_BTREE, Layout
from turso_wasm.kernel.base.copy import copy_words
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.base.memory import malloc
from turso_wasm.kernel.btree.cell import INDEX_LEAF, LEAF, TABLE_LEAF, cell_size, interior_kind, small_cell_size
from turso_wasm.kernel.pager.storage import Page, SharedFile
from turso_wasm.wasm.lang import (
    Struct,
    be16,
    be32,
    i32,
    inline,
    memory_copy,
    memory_fill,
    ptr,
    put_be16,
    put_be32,
    u8,
    u32,
)

__subset__ = True

FRAGMENTS_MAX = 60
PAGE_SIZE_MAX = 65536


class PageHeader(Struct, packed=True):
    """The header of a b-tree page; `right_child` exists on interior pages only."""

    kind: u8
    first_freeblock: be16
    n_cells: be16
    content: be16
    fragments: u8
    right_child: be32


defragment_space: i32 = 0  # ptr[u8]: one page, for defragmentation


# --- header ----------------------------------------------------------------------------------------------------------


@inline
def header_offset(pgno: u32) -> i32:
    """Where the b-tree page header begins."""
    return 100 if pgno == 1 else 0


@inline
def page_header(page: Page) -> PageHeader:
    """The header of a b-tree page."""
    return PageHeader(page.data + header_offset(page.pgno))


@inline
def page_is_leaf(page: Page) -> i32:
    """Nonzero for a leaf."""
    return page_header(page).kind & LEAF


@inline
def page_n_cells(page: Page) -> i32:
    """Number of cells."""
    return page_header(page).n_cells


@inline
def cell_array(h: PageHeader) -> ptr[u8]:
    """Address of the cell pointer array."""
    return ptr[u8](h) + (12 - ((h.kind & LEAF) >> 1))


def page_cells(page: Page) -> ptr[u8]:
    """Address of the cell pointer array."""
    return cell_array(page_header(page))


@inline
def page_cell(page: Page, nth: i32) -> ptr[u8]:
    """Address of a cell of a checked page; 0 <= nth < n_cells."""
    return page.data + be16(cell_array(page_header(page)) + 2 * nth)


@inline
def page_child(page: Page, nth: i32) -> u32:
    """Child page number left of a cell of an interior page; nth == n_cells: the right-most child."""
    h: PageHeader = page_header(page)
    if nth < h.n_cells:
        return be32(page.data + be16(cell_array(h) + 2 * nth))
    return h.right_child


def page_set_child(page: Page, nth: i32, pgno: u32) -> None:
    """Replace a child page number of a writable interior page."""
    h: PageHeader = page_header(page)
    if nth < h.n_cells:
        put_be32(page.data + be16(cell_array(h) + 2 * nth), pgno)
    else:
        h.right_child = pgno


@inline
def content_start(h: PageHeader) -> i32:
    """Offset of the cell content area: 1..65536."""
    return ((h.content - 1) & 0xFFFF) + 1


@inline
def array_end(page: Page, h: PageHeader) -> i32:
    """Offset behind the cell pointer array."""
    return (cell_array(h) - page.data) + 2 * h.n_cells


def page_init(page: Page, kind: i32, usable: i32) -> None:
    """Make a writable page an empty b-tree page; the caller marks it checked."""
    h: PageHeader = page_header(page)
    h.kind = kind
    h.first_freeblock = 0
    h.n_cells = 0
    h.content = usable
    h.fragments = 0
    if kind & LEAF == 0:
        h.right_child = u32(0)
    page.free = usable - array_end(page, h) + 1
    if overwrites(page):
        memory_fill(page.data + array_end(page, h), 0, usable - array_end(page, h))


def overwrites(page: Page) -> i32:
    """1 if what is deleted from a page must not stay there (PRAGMA secure_delete)."""
    return i32(page.database != 0 and SharedFile(page.database).settings.secure_delete != 0)


# --- validation ------------------------------------------------------------------------------------------------------


def page_validate(page: Page, layout: Layout) -> i32:
    """1 if the page is a page of a b-tree of this layout and satisfies P1 and P2."""
    page.free = 0
    h: PageHeader = page_header(page)
    kind: i32 = h.kind
    if kind & ~LEAF != interior_kind(layout):
        return 0
    usable: i32 = layout.usable
    content: i32 = content_start(h)
    if array_end(page, h) > content or content > usable:
        return 0
    left: i32 = usable - content
    at: ptr[u8] = cell_array(h)
    end: ptr[u8] = at + 2 * h.n_cells
    while at < end:
        offset: i32 = be16(at)
        if offset < content or offset > usable - 4:
            return 0
        size: i32 = small_cell_size(layout, kind, page.data + offset)
        if size > usable - offset or size > left:
            return 0
        left -= size
        at += 2
    return 1


def page_readable(page: Page, layout: Layout) -> i32:
    """1 if the page is a page of a b-tree of this layout and each of its cells ends within it, wherever it lies.

    All that a reader needs: a damaged page's rows are read as far as they can be.
    """
    h: PageHeader = page_header(page)
    usable: i32 = layout.usable
    if h.kind & ~LEAF != interior_kind(layout) or array_end(page, h) > usable:
        return 0
    for nth in range(h.n_cells):
        offset: i32 = be16(cell_array(h) + 2 * nth)
        if offset > usable - 4 or cell_size(layout, h.kind, page.data + offset) > usable - offset:
            return 0
    return 1


def page_check(page: Page, layout: Layout) -> None:
    """page_validate, or SQLITE_CORRUPT."""
    if page_validate(page, layout) == 0:
        raise_corrupt(page.pgno)


# --- free space ------------------------------------------------------------------------------------------------------


@inline
def page_free_space(page: Page, usable: i32) -> i32:
    """Unused bytes of a checked page: the gap, freeblocks and fragments. Errors: SQLITE_CORRUPT (P3)."""
    if page.free:
        return page.free - 1
    return count_free_space(page, usable)


def count_free_space(page: Page, usable: i32) -> i32:
    """page_free_space, when it was not counted yet (P5)."""
    h: PageHeader = page_header(page)
    floor: i32 = content_start(h)
    total: i32 = floor - array_end(page, h) + h.fragments
    at: i32 = h.first_freeblock
    while at:
        if at < floor or at > usable - 4:
            raise_corrupt(page.pgno)
        size: i32 = be16(page.data + at + 2)
        if size < 4 or size > usable - at:
            raise_corrupt(page.pgno)
        total += size
        floor = at + size
        at = be16(page.data + at)
    if total > usable - 8:
        raise_corrupt(page.pgno)
    page.free = total + 1
    return total


@inline
def page_free_changed(page: Page, by: i32) -> None:
    """Keep Page.free right (P5)."""
    if page.free:
        page.free += by


def freeblock_take(page: Page, usable: i32, size: i32) -> i32:
    """Take `size` bytes from the first freeblock that has them; 0 if none does. Errors: SQLITE_CORRUPT (P3)."""
    h: PageHeader = page_header(page)
    data: ptr[u8] = page.data
    link: ptr[u8] = ptr[u8](h) + 1
    floor: i32 = content_start(h)
    at: i32 = be16(link)
    while at:
        if at < floor or at > usable - 4 or be16(data + at + 2) > usable - at:
            raise_corrupt(page.pgno)
        floor = at + 4
        rest: i32 = be16(data + at + 2) - size
        if rest >= 4:
            put_be16(data + at + 2, rest)
            return at + rest
        if rest >= 0 and h.fragments + rest <= FRAGMENTS_MAX:
            memory_copy(link, data + at, 2)
            h.fragments = h.fragments + rest
            return at
        link = data + at
        at = be16(link)
    return 0


def page_defragment(page: Page, layout: Layout) -> None:
    """Move all cells to the end of a writable page: no freeblocks, no fragments. Errors: SQLITE_CORRUPT."""
    global defragment_space
    if defragment_space == 0:
        defragment_space = i32(malloc(PAGE_SIZE_MAX + 32))
    copy: ptr[u8] = ptr[u8](defragment_space)
    h: PageHeader = page_header(page)
    usable: i32 = layout.usable
    floor: i32 = array_end(page, h)
    memory_copy(copy, page.data, usable)
    at: ptr[u8] = cell_array(h)
    end: ptr[u8] = at + 2 * h.n_cells
    top: i32 = usable
    while at < end:
        offset: i32 = be16(at)
        size: i32 = small_cell_size(layout, h.kind, copy + offset)
        # The cells may have been overwritten through a page that two b-trees share.
        if size > usable - offset or size > top - floor:
            raise_corrupt(page.pgno)
        top -= size
        copy_words(page.data + top, copy + offset, size)
        put_be16(at, top)
        at += 2
    h.first_freeblock = 0
    h.content = top
    h.fragments = 0
    if overwrites(page):
        memory_fill(page.data + floor, 0, top - floor)


def page_take(page: Page, layout: Layout, size: i32) -> i32:
    """Offset of `size` bytes (>= 4) for a cell of a writable page, -1 if it has no room for them and a cell pointer.

    The caller writes the cell and calls page_link. Errors: SQLITE_CORRUPT (P3).
    """
    h: PageHeader = page_header(page)
    end: i32 = array_end(page, h) + 2
    top: i32 = content_start(h) - size
    if h.first_freeblock == 0 and top >= end:
        h.content = top
        page_free_changed(page, -size - 2)
        return top
    if page_free_space(page, layout.usable) < size + 2:
        return -1
    if h.first_freeblock and end <= top + size:
        at: i32 = freeblock_take(page, layout.usable, size)
        if at:
            page_free_changed(page, -size - 2)
            return at
    if top < end:
        page_defragment(page, layout)
        top = content_start(h) - size
        if top < end:
            raise_corrupt(page.pgno)
    h.content = top
    page_free_changed(page, -size - 2)
    return top


@inline
def page_link(page: Page, nth: i32, offset: i32) -> None:
    """Insert a pointer to the cell at `offset`, for which page_take made room, at `nth`."""
    h: PageHeader = page_header(page)
    n: i32 = h.n_cells
    at: ptr[u8] = cell_array(h) + 2 * nth
    if nth < n:
        memory_copy(at + 2, at, 2 * (n - nth))
    elif nth > n:
        raise_corrupt(page.pgno)  # a page that two b-trees share shrank through the other one
    put_be16(at, offset)
    h.n_cells = n + 1


def page_insert(page: Page, layout: Layout, nth: i32, cell: ptr[u8], size: i32) -> i32:
    """Insert a cell into a writable page; 0 if it does not fit. `cell` does not lie in the page."""
    offset: i32 = page_take(page, layout, size)
    if offset < 0:
        return 0
    memory_copy(page.data + offset, cell, size)
    page_link(page, nth, offset)
    return 1


def page_release(page: Page, usable: i32, at: i32, size: i32) -> None:
    """Give the bytes [at, at + size) of a writable page back, merged with free neighbours. Errors: SQLITE_CORRUPT."""
    h: PageHeader = page_header(page)
    data: ptr[u8] = page.data
    top: i32 = content_start(h)
    end: i32 = at + size
    before: i32 = 0  # the freeblock before `at`
    after: i32 = h.first_freeblock
    while after and after < at:
        if after <= before or after < top:
            raise_corrupt(page.pgno)
        before = after
        after = be16(data + after)
    fragments: i32 = 0
    if after and after <= end + 3:
        if after < end or after > usable - 4:
            raise_corrupt(page.pgno)
        fragments = after - end
        end = after + be16(data + after + 2)
        after = be16(data + after)
        if end > usable or (after and after < end):
            raise_corrupt(page.pgno)
    link: ptr[u8] = ptr[u8](h) + 1
    if before:
        before_end: i32 = before + be16(data + before + 2)
        if before_end > at:
            raise_corrupt(page.pgno)
        link = data + before
        if before_end + 3 >= at:
            fragments += at - before_end
            at = before
    if fragments:
        if fragments > h.fragments:
            raise_corrupt(page.pgno)
        h.fragments = h.fragments - fragments
    if at <= top:
        # The block is the start of the content area: it joins the gap.
        if at < top or (before and before != at):
            raise_corrupt(page.pgno)
        h.first_freeblock = after
        h.content = end
        return
    if before != at:
        put_be16(link, at)
    put_be16(data + at, after)
    put_be16(data + at + 2, end - at)


def page_drop(page: Page, layout: Layout, nth: i32) -> None:
    """Remove a cell from a writable page; its overflow pages and child are not touched. Errors: SQLITE_CORRUPT."""
    h: PageHeader = page_header(page)
    at: ptr[u8] = cell_array(h) + 2 * nth
    offset: i32 = be16(at)
    n: i32 = h.n_cells - 1
    if nth > n:
        raise_corrupt(page.pgno)  # as in page_link
    size: i32 = small_cell_size(layout, h.kind, page.data + offset)
    if size > layout.usable - offset:
        raise_corrupt(page.pgno)
    if overwrites(page):
        memory_fill(page.data + offset, 0, size)
    h.n_cells = n
    if n == 0:
        h.first_freeblock = 0
        h.content = layout.usable
        h.fragments = 0
        page.free = layout.usable - array_end(page, h) + 1
        return
    page_free_changed(page, size + 2)
    memory_copy(at, at + 2, 2 * (n - nth))
    page_release(page, layout.usable, offset, size)


# --- writing whole pages ---------------------------------------------------------------------------------------------


def page_build(page: Page, layout: Layout, kind: i32, cells: ptr[i32], sizes: ptr[i32], n: i32) -> None:
    """Write a page from n cells (addresses outside the page, sizes >= 4). right_child stays to be set.

    Errors: SQLITE_CORRUPT if they do not fit, which only overlapping cells of the old pages can cause.
    """
    page_init(page, kind, layout.usable)
    h: PageHeader = page_header(page)
    at: ptr[u8] = cell_array(h)
    data: ptr[u8] = page.data
    floor: i32 = array_end(page, h) + 2 * n
    top: i32 = layout.usable
    # Cells that lay next to each other, as the last build left them, are copied together.
    run: i32 = 0
    run_size: i32 = 0
    for i in range(n):
        cell: i32 = cells[i]
        size: i32 = sizes[i]
        if cell + size != run:
            memory_copy(data + top, ptr[u8](run), run_size)
            run_size = 0
        run = cell
        run_size += size
        if size > top - floor:
            raise_corrupt(page.pgno)
        top -= size
        put_be16(at, top)
        at += 2
    memory_copy(data + top, ptr[u8](run), run_size)
    h.n_cells = n
    h.content = top
    page.free = top - floor + 1


def page_copy_content(target: Page, source: Page, usable: i32) -> None:
    """Make `target` (writable, another page) hold the b-tree page `source`; one of them may be page 1."""
    from_h: PageHeader = page_header(source)
    to_h: PageHeader = page_header(target)
    n: i32 = array_end(source, from_h) - header_offset(source.pgno)
    content: i32 = content_start(from_h)
    if header_offset(target.pgno) + n > content:
        raise_corrupt(target.pgno)
    memory_copy(ptr[u8](to_h), ptr[u8](from_h), n)
    memory_copy(target.data + content, source.data + content, usable - content)
    target.free = 0


def page_init_empty(page: Page, kind: i32, usable: i32) -> None:
    """Make a writable page the empty root of a b-tree of this kind (TABLE_BTREE, INDEX_BTREE)."""
    memory_fill(page.data + header_offset(page.pgno), 0, usable - header_offset(page.pgno))
    page_init(page, TABLE_LEAF if kind == TABLE_BTREE else INDEX_LEAF, usable)
    page.checked = 0
