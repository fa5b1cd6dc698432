"""Redistributing the cells of sibling pages.

Owns one step of balancing: take up to three neighbouring children of one parent apart, write their cells evenly to as
many pages as they need, and put the new dividers into the parent.

What happens to the parent's dividers: on table leaves they are only keys and vanish; index dividers are entries and
come down as leaf cells; dividers between interior pages come down with the left page's right-most child as their
child. Afterwards a table leaf page gives its last rowid as divider; elsewhere the cell between two pages goes up.

Invariants:
  D1  Cells are read from copies of the pages made before anything is written.
  D2  The new pages use the old page numbers, in ascending order, and freshly allocated ones.
  D3  The sibling pages, their parent and its ancestors are different pages of one tree: SQLITE_CORRUPT otherwise.
  D4  No more than MAX_PAGES pages result: the cells come from three pages, two dividers and a few pending cells.
"""

from turso_wasm.kernel.abi import Cursor, Layout
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.base.varint import put_varint
from turso_wasm.kernel.btree.cell import (
    INDEX_LEAF,
    LEAF,
    TABLE_LEAF,
    cell_overflow,
    cell_rowid,
    cell_size,
    small_cell_size,
)
from turso_wasm.kernel.btree.cursor.position import stack_page, tree_page
from turso_wasm.kernel.btree.freelist import page_allocate, page_put_free
from turso_wasm.kernel.btree.page import (
    PageHeader,
    cell_array,
    header_offset,
    page_build,
    page_cell,
    page_child,
    page_drop,
    page_header,
    page_insert,
    page_n_cells,
    page_set_child,
)
from turso_wasm.kernel.btree.ptrmap import (
    PTRMAP_BTREE,
    PTRMAP_OVERFLOW_FIRST,
    auto_vacuum_root,
    ptrmap_put,
    ptrmap_put_page,
)
from turso_wasm.kernel.pager.pages import pager_get, pager_write
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.wasm.lang import Struct, array, be16, be32, i32, memory_copy, ptr, put_be32, sizeof, u8, u32

__subset__ = True

SIBLINGS = 3
MAX_PAGES = 8
SPREAD = 95  # percent
PENDING_MAX = 8


class Pending(Struct):
    """Cells that did not fit on a page."""

    n: i32
    nth: i32  # where the first of them belongs
    space: ptr[u8]  # memory for cells made for it; two pages
    used: i32
    cells: array[i32, PENDING_MAX]
    sizes: array[i32, PENDING_MAX]


class Workspace(Struct):
    """Memory for balancing, kept between uses. One balance runs at a time."""

    usable: i32
    cells: ptr[i32]  # addresses of all cells of the siblings, in order
    sizes: ptr[i32]
    n: i32
    kind: i32  # of the siblings
    parent: u32
    first: i32  # child index of the first sibling
    n_old: i32
    n_new: i32
    last_child: u32  # interior siblings: right-most child of the last one
    copies: ptr[u8]  # the sibling pages
    dividers: ptr[u8]  # the parent's dividers between them, usable / 2 bytes each
    old: array[u32, SIBLINGS]
    pages: array[u32, MAX_PAGES]
    ends: array[i32, MAX_PAGES]  # page i holds the cells up to ends[i]
    used: array[i32, MAX_PAGES]  # bytes of them with their pointers
    pending0: Pending.embed
    pending1: Pending.embed


the_workspace: i32 = 0  # Workspace


def workspace(p: Pager) -> Workspace:
    """The workspace, large enough for the pager's pages, with no pending cells."""
    global the_workspace
    usable: i32 = p.usable_size
    w: Workspace = Workspace(the_workspace)
    if not w or w.usable < usable:
        # A cell takes at least 6 bytes of a page, so 3 pages have at most usable / 2 cells.
        n_cells: i32 = usable // 2 + 2 * PENDING_MAX
        at: ptr[u8] = malloc(sizeof(Workspace) + 8 * n_cells + 8 * (usable + 16))
        if w:
            mfree(ptr[u8](w))
        w = Workspace(at)
        w.cells = ptr[i32](at + sizeof(Workspace))
        w.sizes = w.cells + n_cells
        w.copies = ptr[u8](w.sizes + n_cells)
        w.dividers = w.copies + 3 * (usable + 16)
        w.pending0.space = w.dividers + (usable + 16)
        w.pending1.space = w.pending0.space + 2 * (usable + 16)
        w.usable = usable
        the_workspace = i32(w)
    w.pending0.n = 0
    w.pending0.used = 0
    w.pending1.n = 0
    w.pending1.used = 0
    return w


def workspace_pending(w: Workspace, which: i32) -> Pending:
    """One of the two lists of pending cells: 0, 1."""
    return w.pending1 if which else w.pending0


def pending_point(pending: Pending, cell: ptr[u8], size: i32) -> None:
    """Add a cell that lies in memory that stays."""
    if pending.n >= PENDING_MAX:
        raise_corrupt(u32(0))
    pending.cells[pending.n] = i32(cell)
    pending.sizes[pending.n] = size
    pending.n += 1


# --- taking apart ----------------------------------------------------------------------------------------------------


def add_cell(w: Workspace, cell: ptr[u8], size: i32) -> None:
    """Append a cell to the list."""
    w.cells[w.n] = i32(cell)
    w.sizes[w.n] = size
    w.n += 1


def add_pending(w: Workspace, pending: Pending) -> None:
    """Append the pending cells to the list."""
    for i in range(pending.n):
        add_cell(w, ptr[u8](pending.cells[i]), pending.sizes[i])


def choose_siblings(c: Cursor, w: Workspace, level: i32) -> None:
    """Set first and n_old: the page at `level` and its neighbours, three pages if the parent has as many."""
    children: i32 = page_n_cells(stack_page(c, level - 1)) + 1
    at: i32 = c.taken[level - 1]
    w.n_old = children if children < SIBLINGS else SIBLINGS
    first: i32 = at - 1 if at > 0 else 0
    if first > children - w.n_old:
        first = children - w.n_old
    w.first = first


def check_different(c: Cursor, w: Workspace, level: i32, i: i32) -> None:
    """SQLITE_CORRUPT unless sibling i differs from those before it and from the ancestors (D3)."""
    pgno: u32 = w.old[i]
    for j in range(i):
        if w.old[j] == pgno:
            raise_corrupt(pgno)
    for above in range(level):
        if stack_page(c, above).pgno == pgno:
            raise_corrupt(pgno)


def gather_page(w: Workspace, layout: Layout, copy: ptr[u8], pgno: u32, pending: Pending) -> None:
    """Append the cells of the copy of a page, and the pending cells (n == 0: none) in their place."""
    h: PageHeader = PageHeader(copy + header_offset(pgno))
    n: i32 = h.n_cells
    split: i32 = pending.nth if pending.n and pending.nth < n else n
    gather_range(w, layout, copy, cell_array(h), split)
    add_pending(w, pending)
    gather_range(w, layout, copy, cell_array(h) + 2 * split, n - split)


def gather_range(w: Workspace, layout: Layout, copy: ptr[u8], pointers: ptr[u8], n: i32) -> None:
    """Append n cells of the copy of a page, given their cell pointers."""
    kind: i32 = w.kind
    cells: ptr[i32] = w.cells + w.n
    sizes: ptr[i32] = w.sizes + w.n
    for i in range(n):
        cell: ptr[u8] = copy + be16(pointers + 2 * i)
        cells[i] = i32(cell)
        sizes[i] = small_cell_size(layout, kind, cell)
    w.n += n


def gather_divider(w: Workspace, layout: Layout, parent: Page, i: i32, left_right_child: u32) -> None:
    """Append the parent's divider behind sibling i, in the form that cells of the siblings have."""
    if w.kind == TABLE_LEAF:
        return
    cell: ptr[u8] = page_cell(parent, w.first + i)
    size: i32 = cell_size(layout, page_header(parent).kind, cell)
    copy: ptr[u8] = w.dividers + i * (w.usable // 2)
    if size > w.usable // 2 or i > 1:
        raise_corrupt(parent.pgno)
    memory_copy(copy, cell, size)
    if w.kind == INDEX_LEAF:
        size = size - 4 if size > 8 else 4
        add_cell(w, copy + 4, size)
    else:
        put_be32(copy, left_right_child)
        add_cell(w, copy, size)


def gather(c: Cursor, w: Workspace, level: i32, pending: Pending, none: Pending) -> None:
    """Make the list of all cells of the siblings, their dividers and the pending cells (D1). none: an empty list."""
    layout: Layout = c.layout
    parent: Page = stack_page(c, level - 1)
    current: i32 = c.taken[level - 1] - w.first
    w.parent = parent.pgno
    w.kind = page_header(stack_page(c, level)).kind
    w.n = 0
    for i in range(w.n_old):
        pgno: u32 = page_child(parent, w.first + i)
        w.old[i] = pgno
        check_different(c, w, level, i)
        page: Page = tree_page(c, pgno, c.depth)
        if page_header(page).kind != w.kind:
            raise_corrupt(pgno)
        copy: ptr[u8] = w.copies + i * (w.usable + 16)
        memory_copy(copy, page.data, layout.usable)
        gather_page(w, layout, copy, pgno, pending if i == current else none)
        h: PageHeader = PageHeader(copy + header_offset(pgno))
        if i < w.n_old - 1:
            gather_divider(w, layout, parent, i, h.right_child)
        elif w.kind & LEAF == 0:
            w.last_child = h.right_child


# --- distribution ----------------------------------------------------------------------------------------------------


def pack(w: Workspace, room: i32) -> None:
    """Decide which cells go to which page, filling pages of `room` bytes from the left."""
    promote: i32 = i32(w.kind != TABLE_LEAF)
    sizes: ptr[i32] = w.sizes
    n: i32 = w.n
    k: i32 = 0
    used: i32 = 0
    i: i32 = 0
    while i < n:
        cost: i32 = sizes[i] + 2
        if used + cost > room:
            if k >= MAX_PAGES - 1 or used == 0:
                raise_corrupt(w.parent)
            w.ends[k] = i
            w.used[k] = used
            k += 1
            used = 0
            if promote:
                # This cell becomes the divider.
                i += 1
                continue
        used += cost
        i += 1
    w.ends[k] = n
    w.used[k] = used
    w.n_new = k + 1


def spread(w: Workspace, room: i32, pending: Pending) -> None:
    """Use one page more when a cell was inserted and the pages would be nearly full: they would overflow again soon."""
    if pending.n == 0 or w.n_new != w.n_old:
        return
    total: i32 = 0
    largest: i32 = 0
    for i in range(w.n_new):
        total += w.used[i]
    if total * 100 < w.n_new * room * SPREAD:
        return
    for i in range(w.n):
        if w.sizes[i] > largest:
            largest = w.sizes[i]
    share: i32 = total // (w.n_new + 1) + largest + 2
    if share < room:
        pack(w, share)


def even_out(w: Workspace, room: i32) -> None:
    """Shift cells to the right, from the last page to the first, while that makes neighbours more alike.

    A page always keeps a cell, and none stays empty.
    """
    promote: i32 = i32(w.kind != TABLE_LEAF)
    for right in range(w.n_new - 1, 0, -1):
        left: i32 = right - 1
        start: i32 = w.ends[left - 1] + promote if left else 0
        while w.ends[left] - 1 > start:
            last: i32 = w.ends[left] - 1
            enters: i32 = w.ends[left] if promote else last
            grown: i32 = w.used[right] + w.sizes[enters] + 2
            shrunk: i32 = w.used[left] - w.sizes[last] - 2
            if grown > room or (w.used[right] > 0 and grown > shrunk):
                break
            w.ends[left] = last
            w.used[left] = shrunk
            w.used[right] = grown
        if w.used[right] == 0:
            raise_corrupt(w.parent)


# --- writing ---------------------------------------------------------------------------------------------------------


def choose_pages(c: Cursor, w: Workspace) -> None:
    """Set `pages`: numbers for the new pages in ascending order (D2)."""
    p: Pager = Pager(c.pager)
    for i in range(w.n_new):
        pgno: u32 = u32(0)
        if i < w.n_old:
            pgno = w.old[i]
        else:
            pgno = page_allocate(p).pgno
            for j in range(i):
                if w.pages[j] == pgno:
                    raise_corrupt(pgno)
        at: i32 = i
        while at > 0 and w.pages[at - 1] > pgno:
            w.pages[at] = w.pages[at - 1]
            at -= 1
        w.pages[at] = pgno


def free_surplus(c: Cursor, w: Workspace, kept: i32) -> None:
    """Free the old pages that are not among the first `kept` of `pages`."""
    for i in range(w.n_old):
        used: i32 = 0
        for j in range(kept):
            used |= i32(w.pages[j] == w.old[i])
        if used == 0:
            page_put_free(Pager(c.pager), w.old[i])


def write_pages(c: Cursor, w: Workspace) -> None:
    """Write the new pages."""
    p: Pager = Pager(c.pager)
    promote: i32 = i32(w.kind != TABLE_LEAF)
    start: i32 = 0
    for i in range(w.n_new):
        page: Page = pager_write(p, pager_get(p, w.pages[i]))
        page_build(page, c.layout, w.kind, w.cells + start, w.sizes + start, w.ends[i] - start)
        page.checked = c.mark
        if w.kind & LEAF == 0:
            # The cell between two interior pages leaves its child behind as the left page's right-most.
            last: i32 = i32(i == w.n_new - 1)
            page_header(page).right_child = w.last_child if last else be32(ptr[u8](w.cells[w.ends[i]]))
        start = w.ends[i] + promote


def make_divider(w: Workspace, layout: Layout, i: i32, out: ptr[u8]) -> i32:
    """Write the parent's cell behind new page i; its size."""
    put_be32(out, w.pages[i])
    if w.kind == TABLE_LEAF:
        return 4 + put_varint(out + 4, cell_rowid(w.kind, ptr[u8](w.cells[w.ends[i] - 1])))
    cell: ptr[u8] = ptr[u8](w.cells[w.ends[i]])
    size: i32 = w.sizes[w.ends[i]]
    if w.kind & LEAF:
        memory_copy(out + 4, cell, size)
    else:
        memory_copy(out + 4, cell + 4, size - 4)
    return cell_size(layout, w.kind & ~LEAF, out)


def write_dividers(c: Cursor, w: Workspace, parent: Page, out: Pending) -> None:
    """Replace the parent's dividers between the siblings; those that do not fit go to `out`."""
    p: Pager = Pager(c.pager)
    layout: Layout = c.layout
    mapped: u32 = auto_vacuum_root(p)
    kind: i32 = page_header(parent).kind
    for _ in range(w.n_old - 1):
        page_drop(parent, layout, w.first)
    page_set_child(parent, w.first, w.pages[w.n_new - 1])
    for i in range(w.n_new - 1):
        divider: ptr[u8] = out.space + out.used
        size: i32 = make_divider(w, layout, i, divider)
        if out.n == 0:
            if page_insert(parent, layout, w.first + i, divider, size):
                overflow: u32 = cell_overflow(layout, kind, divider) if mapped else u32(0)
                if overflow:
                    ptrmap_put(p, overflow, PTRMAP_OVERFLOW_FIRST, w.parent)
                continue
            out.nth = w.first + i
        out.used += size
        pending_point(out, divider, size)


def collapse_root(c: Cursor, w: Workspace) -> i32:
    """If everything fits on the root, which would have a single child, write it there; 0 if not."""
    root: Page = stack_page(c, 0)
    header: i32 = header_offset(root.pgno) + (8 if w.kind & LEAF else 12)
    if w.n_new > 1 or page_n_cells(root) != w.n_old - 1 or w.used[0] > c.layout.usable - header:
        return 0
    page_build(root, c.layout, w.kind, w.cells, w.sizes, w.n)
    if w.kind & LEAF == 0:
        page_header(root).right_child = w.last_child
    free_surplus(c, w, 0)
    if auto_vacuum_root(Pager(c.pager)):
        ptrmap_put_page(Pager(c.pager), c.layout, root.pgno)
    return 1


def map_pages(c: Cursor, w: Workspace) -> None:
    """Write the pointer-map entries of the new pages and of what they refer to."""
    p: Pager = Pager(c.pager)
    if auto_vacuum_root(p) == 0:
        return
    for i in range(w.n_new):
        ptrmap_put(p, w.pages[i], PTRMAP_BTREE, w.parent)
        ptrmap_put_page(p, c.layout, w.pages[i])


def balance_siblings(c: Cursor, level: i32, pending: Pending) -> Pending:
    """Redistribute the page at `level` >= 1, its pending cells and its neighbours; the parent's pending cells.

    The parent is made writable. Errors: SQLITE_CORRUPT.
    """
    p: Pager = Pager(c.pager)
    w: Workspace = Workspace(the_workspace)
    out: Pending = workspace_pending(w, 1) if pending == w.pending0 else workspace_pending(w, 0)
    out.n = 0
    out.used = 0
    parent: Page = pager_write(p, pager_get(p, stack_page(c, level - 1).pgno))
    c.pages[level - 1] = i32(parent)
    choose_siblings(c, w, level)
    gather(c, w, level, pending, out)
    # The siblings are no longer pages of the stack: some will be free pages.
    c.depth = level - 1
    room: i32 = c.layout.usable - (8 if w.kind & LEAF else 12)
    pack(w, room)
    spread(w, room, pending)
    if level == 1 and collapse_root(c, w):
        return out
    even_out(w, room)
    choose_pages(c, w)
    write_pages(c, w)
    # Allocating may have changed page 1, which is a parent when the schema table is balanced.
    parent = pager_write(p, pager_get(p, w.parent))
    c.pages[level - 1] = i32(parent)
    write_dividers(c, w, parent, out)
    free_surplus(c, w, w.n_new)
    map_pages(c, w)
    return out
