"""B-tree pages as PRAGMA integrity_check looks at them: cells, order of rowids, free space, depth, records.

Owns the walk over one tree. Nothing is believed: every number is checked here again, whatever other modules checked
before. Nothing raises but I/O errors.
"""

from turso_wasm.kernel.abi import INDEX_BTREE, TABLE_BTREE
from turso_wasm.kernel.btree.cell import (
    INDEX_INTERIOR,
    LEAF,
    TABLE_INTERIOR,
    TABLE_LEAF,
    cell_payload,
    cell_rowid,
    cell_size,
    layout_init,
    local_size,
)
from turso_wasm.kernel.btree.check.lists import check_map, check_overflow, refer
from turso_wasm.kernel.btree.check.report import (
    WHERE_CELL,
    WHERE_NOWHERE,
    WHERE_PAGE,
    WHERE_RIGHT_CHILD,
    Check,
    Uses,
    begin,
    put_bytes,
    put_number,
    put_page,
    report,
    report_pair,
)
from turso_wasm.kernel.btree.page import PageHeader, array_end, cell_array, content_start, page_header
from turso_wasm.kernel.btree.ptrmap import PTRMAP_BTREE, PTRMAP_ROOT
from turso_wasm.kernel.pager.pages import pager_get
from turso_wasm.kernel.pager.storage import Page
from turso_wasm.wasm.lang import be16, be32, i32, i64, lit, memory_fill, ptr, sizeof, u8, u32

__subset__ = True

DEPTH_MAX = 20


# --- cells -----------------------------------------------------------------------------------------------------------


def check_payload(k: Check, kind: i32, data: ptr[u8], offset: i32) -> None:
    """Check the overflow chain of a cell that lies within its page."""
    at, size = cell_payload(kind, data + offset)
    total: i32 = i32(size)
    local: i32 = local_size(k.layout, total)
    if local < total:
        room: i32 = k.layout.usable - 4
        check_overflow(k, be32(data + offset + at + local), (total - local + room - 1) // room)


def check_cell(k: Check, pgno: u32, h: PageHeader, data: ptr[u8], nth: i32) -> i32:
    """Check that a cell lies within its page, and that its record, if it has one, has a header; its offset, or 0."""
    usable: i32 = k.layout.usable
    offset: i32 = be16(cell_array(h) + 2 * nth)
    low: i32 = content_start(h)
    if offset < low or offset > usable - 4:
        if begin(k):
            put_number(k, *lit(b"Offset "), i64(offset))
            put_number(k, *lit(b" out of range "), i64(low))
            put_number(k, *lit(b".."), i64(usable - 4))
        return 0
    size: i32 = cell_size(k.layout, h.kind, data + offset)
    if size > usable - offset:
        report(k, *lit(b"Extends off end of page"))
        return 0
    if h.kind != TABLE_INTERIOR:
        at, total = cell_payload(h.kind, data + offset)
        if total > 0 and data[offset + at] <= 1:
            report(k, *lit(b"Bad cell header size"))
            return 0
    return offset


def free_space_sane(page: Page, h: PageHeader, usable: i32) -> i32:
    """0 if the freeblocks are out of order or out of the page, or the free space cannot be as much as it says."""
    data: ptr[u8] = page.data
    top: i32 = content_start(h)
    free: i32 = h.fragments + top
    at: i32 = h.first_freeblock
    if at and at < top:
        return 0
    while at:
        if at > usable - 4:
            return 0
        size: i32 = be16(data + at + 2)
        after: i32 = be16(data + at)
        free += size
        if size < 4 or at + size > usable or (after and after <= at + size + 3):
            return 0
        at = after
    return i32(free <= usable and free >= array_end(page, h))


def use_bytes(k: Check, offset: i32, size: i32) -> None:
    """Count a use of these bytes of the page."""
    uses: Uses = k.uses[offset]
    if uses.n == 0 or offset + size < uses.end:
        uses.end = offset + size
    uses.n += 1


def count_uses(k: Check, page: Page, h: PageHeader) -> i32:
    """Take in the cells and freeblocks of a page; how many there are."""
    data: ptr[u8] = page.data
    n: i32 = h.n_cells
    memory_fill(ptr[u8](k.uses), 0, k.layout.usable * sizeof(Uses))
    for nth in range(n):
        offset: i32 = be16(cell_array(h) + 2 * nth)
        use_bytes(k, offset, cell_size(k.layout, h.kind, data + offset))
    at: i32 = h.first_freeblock
    while at:
        use_bytes(k, at, be16(data + at + 2))
        at = be16(data + at)
        n += 1
    return n


def check_coverage(k: Check, page: Page, h: PageHeader) -> None:
    """Every byte of the cell content area belongs to one cell, one freeblock, or the fragments."""
    left: i32 = count_uses(k, page, h)
    end: i32 = content_start(h)
    fragments: i32 = k.layout.usable - end
    k.where = WHERE_NOWHERE
    for at in range(end, k.layout.usable):
        uses: Uses = k.uses[at]
        if uses.n and at >= end:
            fragments -= uses.end - at
            end = uses.end
            left -= 1
            uses.n -= 1
        if uses.n:
            report_pair(k, *lit(b"Multiple uses for byte "), u32(at), *lit(b" of page "), page.pgno)
            if left > 1:  # with one left SQLite takes it for the last one that was in order
                return
            break
    if fragments != h.fragments and begin(k):
        put_number(k, *lit(b"Fragmentation of "), i64(fragments))
        put_number(k, *lit(b" bytes reported as "), i64(h.fragments))
        put_page(k, *lit(b" on page "), page.pgno)


def header_sane(k: Check, page: Page) -> i32:
    """1 if the page is one of a b-tree and has no more cells than a page can have."""
    h: PageHeader = page_header(page)
    kind: i32 = h.kind & ~LEAF
    is_btree: i32 = i32(kind == TABLE_INTERIOR or kind == INDEX_INTERIOR)  # noqa: SIM109
    return i32(is_btree and h.n_cells <= (k.pager.database.page_size - 8) // 6)


def layout_take(k: Check, page: Page) -> None:
    """The cells looked at from now on are those of a page; of another tree, perhaps."""
    kind: i32 = page_header(page).kind | LEAF
    layout_init(k.layout, TABLE_BTREE if kind == TABLE_LEAF else INDEX_BTREE, k.pager.usable_size)


def check_child(k: Check, parent: u32, child: u32, most: i64, level: i32, depth: i32) -> i32:
    """Check a child page and what is below it; the depth below the parent, which should be `depth` (-1: any)."""
    where: i32 = k.where
    cell: i32 = k.cell
    check_map(k, child, PTRMAP_BTREE, parent)
    below: i32 = check_page(k, child, most, level + 1)
    layout_take(k, pager_get(k.pager, parent))
    k.page = parent
    k.where = where
    k.cell = cell
    if depth >= 0 and below != depth:
        report(k, *lit(b"Child page depth differs"))
    return below


def check_rowid(k: Check, rowid: i64, most: i64, may_equal: i32) -> None:
    """Check that a rowid is less than (or equal to) `most`."""
    if (rowid > most or (rowid == most and may_equal == 0)) and begin(k):
        put_number(k, *lit(b"Rowid "), rowid)
        put_bytes(k, *lit(b" out of order"))


def check_cells(k: Check, pgno: u32, most: i64, level: i32) -> tuple[i32, i32]:
    """Check cells from the last to the first, and the pages below them: (1 if all lie well, depth below)."""
    page: Page = pager_get(k.pager, pgno)
    kind: i32 = page_header(page).kind
    n: i32 = page_header(page).n_cells
    if kind != TABLE_INTERIOR:
        k.entries += n
    well: i32 = 1
    depth: i32 = -1
    may_equal: i32 = 1
    k.where = WHERE_CELL
    if kind & LEAF == 0:
        if k.mapped:
            k.where = WHERE_RIGHT_CHILD  # SQLite's words for all cells of such a page
        k.least = most
        depth = check_child(k, pgno, page_header(page).right_child, most, level, depth)
        most = k.least
        may_equal = 0
    nth: i32 = n
    while nth > 0 and k.left > 0:
        nth -= 1
        k.cell = nth
        # Other pages were got since.
        page = pager_get(k.pager, pgno)
        offset: i32 = check_cell(k, pgno, page_header(page), page.data, nth)
        if offset == 0:
            well = 0
            continue
        if k.layout.kind == TABLE_BTREE:
            rowid: i64 = cell_rowid(kind, page.data + offset)
            check_rowid(k, rowid, most, may_equal)
            most = rowid
            may_equal = 0
        if kind != TABLE_INTERIOR:
            check_payload(k, kind, page.data, offset)
        if kind & LEAF == 0:
            k.least = most
            child: u32 = be32(pager_get(k.pager, pgno).data + offset)
            depth = check_child(k, pgno, child, most, level, depth)
            most = k.least
    k.least = most
    return well, depth


def page_sane(k: Check, pgno: u32, level: i32) -> i32:
    """1 if a page can be one of the tree, at this level."""
    k.page = pgno
    k.where = WHERE_PAGE
    page: Page = pager_get(k.pager, pgno)
    if header_sane(k, page) == 0:
        report(k, *lit(b"btreeInitPage() returns error code 11"))
        return 0
    if level >= DEPTH_MAX:
        report(k, *lit(b"too deep"))
        return 0
    if free_space_sane(page, page_header(page), k.pager.usable_size) == 0:
        report(k, *lit(b"free space corruption"))
        return 0
    return 1


def check_page(k: Check, pgno: u32, most: i64, level: i32) -> i32:
    """Check a b-tree page and everything below it; its height, 0 if unknown. Sets `least`."""
    if k.left <= 0 or pgno == 0 or refer(k, pgno) == 0 or page_sane(k, pgno, level) == 0:
        return 0
    layout_take(k, pager_get(k.pager, pgno))
    well, depth = check_cells(k, pgno, most, level)
    if well:
        page = pager_get(k.pager, pgno)
        check_coverage(k, page, page_header(page))
    return depth + 1


def check_tree(k: Check, root: u32) -> None:
    """Check a whole tree."""
    k.root = root
    k.where = WHERE_NOWHERE
    k.entries = 0
    if root > 1:
        check_map(k, root, PTRMAP_ROOT, u32(0))
    k.cell = 0
    _ = check_page(k, root, i64(0x7FFFFFFFFFFFFFFF), 0)
