"""PRAGMA integrity_check, the structural part: every page of the file is used exactly once, for what it should be.

Owns the walk over freelist, b-trees, overflow chains and pointer map, and its messages (SQLite's words). It raises
nothing but I/O errors and SQLITE_NOMEM: what is wrong is written down. What needs the schema (index entries for rows,
order of index keys) is done by generated code, with `index_check_order` for the latter.

Invariants:
  I1  A page is entered at most once: a second reference is an error, and is not followed. So the walk ends.
  I2  Nothing is believed: every number is checked here again, whatever other modules checked before.
  I3  No more than `left` messages are written.
"""

from turso_wasm.kernel.abi import INDEX_BTREE, TABLE_BTREE, Cursor, KernelConnection, KeyInfo, Layout, Run
from turso_wasm.kernel.base.memory import alloc, malloc, mfree, mrealloc, mzalloc
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
from turso_wasm.kernel.btree.cursor.move import cursor_first, cursor_next
from turso_wasm.kernel.btree.cursor.read import cursor_compare_key
from turso_wasm.kernel.btree.cursor.save import cursor_save_entry
from turso_wasm.kernel.btree.page import PAGE_SIZE_MAX, PageHeader, array_end, cell_array, content_start, page_header
from turso_wasm.kernel.btree.ptrmap import (
    INCREMENTAL,
    LARGEST_ROOT,
    PTRMAP_BTREE,
    PTRMAP_FREE,
    PTRMAP_OVERFLOW_FIRST,
    PTRMAP_OVERFLOW_NEXT,
    PTRMAP_ROOT,
    is_ptrmap_page,
    lock_page,
    ptrmap_page_of,
)
from turso_wasm.kernel.pager.pages import pager_get, pager_of, pager_page_count
from turso_wasm.kernel.pager.storage import Page, Pager
from turso_wasm.kernel.values.compare import record_fields
from turso_wasm.kernel.values.number_text import int_to_text
from turso_wasm.wasm.lang import (
    Struct,
    be16,
    be32,
    export,
    i32,
    i64,
    lit,
    memory_copy,
    memory_fill,
    ptr,
    sizeof,
    u8,
    u32,
)

__subset__ = True

DEPTH_MAX = 20
WHERE_NOWHERE = -4
WHERE_FREELIST = -3
WHERE_PAGE = -2
WHERE_RIGHT_CHILD = -1


class Check(Struct):
    """A running check."""

    pager: Pager
    pages: u32
    mapped: i32  # the file has pointer maps
    left: i32  # messages that may still be written
    used: ptr[u8]  # a bit for each page
    bytes: ptr[u8]  # how often each byte of a page is used
    layout: Layout
    root: u32  # where we are, for messages
    page: u32
    where: i32  # a slot, or WHERE_*
    least: i64  # smallest rowid of the subtree checked last
    entries: i32  # of the tree checked last
    text: ptr[u8]
    size: i32
    capacity: i32


class CheckedTree(Struct):
    """A tree to be checked."""

    root: i32
    table: i32  # for an index that has an entry for each row: the number of its table in the list; otherwise -1
    name: i32  # of the index: offset from the list
    name_size: i32


# --- messages --------------------------------------------------------------------------------------------------------


def put_bytes(k: Check, p: ptr[u8], size: i32) -> None:
    """Append text."""
    if k.size + size > k.capacity:
        k.capacity = 2 * (k.size + size)
        k.text = mrealloc(k.text, k.capacity)
    memory_copy(k.text + k.size, p, size)
    k.size += size


def put_number(k: Check, text: ptr[u8], size: i32, number: i64) -> None:
    """Append text and a number."""
    put_bytes(k, text, size)
    if k.size + 20 > k.capacity:
        k.capacity = 2 * k.size + 40
        k.text = mrealloc(k.text, k.capacity)
    k.size += int_to_text(number, k.text + k.size)


def put_page(k: Check, text: ptr[u8], size: i32, pgno: u32) -> None:
    """Append text and a page number."""
    put_number(k, text, size, i64(pgno))


def begin(k: Check) -> i32:
    """Begin a message with the place; 0 if there were enough messages (I3)."""
    if k.left <= 0:
        return 0
    k.left -= 1
    if k.size:
        put_bytes(k, *lit(b"\n"))
    if k.where == WHERE_FREELIST:
        put_bytes(k, *lit(b"Freelist: "))
    if k.where <= WHERE_FREELIST:
        return 1
    put_page(k, *lit(b"Tree "), k.root)
    put_page(k, *lit(b" page "), k.page)
    if k.where >= 0:
        put_number(k, *lit(b" cell "), i64(k.where))
    elif k.where == WHERE_RIGHT_CHILD:
        put_bytes(k, *lit(b" right child"))
    put_bytes(k, *lit(b": "))
    return 1


def report(k: Check, text: ptr[u8], size: i32) -> None:
    """A message without numbers."""
    if begin(k):
        put_bytes(k, text, size)


def report_page(k: Check, text: ptr[u8], size: i32, pgno: u32) -> None:
    """A message that ends with a page number."""
    if begin(k):
        put_page(k, text, size, pgno)


def report_pair(k: Check, text: ptr[u8], size: i32, a: u32, then: ptr[u8], then_size: i32, b: u32) -> None:
    """A message with two numbers."""
    if begin(k):
        put_page(k, text, size, a)
        put_page(k, then, then_size, b)


# --- pages and their pointer-map entries -----------------------------------------------------------------------------


def refer(k: Check, pgno: u32) -> i32:
    """Note a reference to a page; 0 if it must not be followed (I1)."""
    if pgno == 0 or pgno > k.pages:
        report_page(k, *lit(b"invalid page number "), pgno)
        return 0
    at: ptr[u8] = k.used + (pgno >> 3)
    bit: i32 = 1 << i32(pgno & 7)
    if at[0] & bit:
        report_page(k, *lit(b"2nd reference to page "), pgno)
        return 0
    at[0] = at[0] | bit
    return 1


def is_used(k: Check, pgno: u32) -> i32:
    """1 if the page was referred to."""
    return (k.used[pgno >> 3] >> i32(pgno & 7)) & 1


def check_map(k: Check, pgno: u32, kind: i32, parent: u32) -> None:
    """Check a page's pointer-map entry."""
    if k.mapped == 0:
        return
    p: Pager = k.pager
    got: i32 = 0
    got_parent: u32 = u32(0)
    map_page: u32 = ptrmap_page_of(p, pgno) if pgno > 2 else u32(0)
    if map_page and map_page < pgno and map_page <= k.pages and pgno <= k.pages:
        at: ptr[u8] = pager_get(p, map_page).data + 5 * (pgno - map_page - 1)
        got = at[0]
        got_parent = be32(at + 1)
    if got < PTRMAP_ROOT or got > PTRMAP_BTREE:
        report_page(k, *lit(b"Failed to read ptrmap key="), pgno)
    elif (got != kind or got_parent != parent) and begin(k):
        put_page(k, *lit(b"Bad ptr map entry key="), pgno)
        put_number(k, *lit(b" expected=("), i64(kind))
        put_page(k, *lit(b","), parent)
        put_number(k, *lit(b") got=("), i64(got))
        put_page(k, *lit(b","), got_parent)
        put_bytes(k, *lit(b")"))


# --- lists -----------------------------------------------------------------------------------------------------------


def check_trunk(k: Check, pgno: u32) -> u32:
    """Check a trunk page of the freelist; how many pages it stands for."""
    check_map(k, pgno, PTRMAP_FREE, u32(0))
    data: ptr[u8] = pager_get(k.pager, pgno).data
    n: u32 = be32(data + 4)
    if n > u32((k.pager.usable_size >> 2) - 2):
        report_page(k, *lit(b"freelist leaf count too big on page "), pgno)
        return u32(1)
    for i in range(i32(n)):
        # Pointer-map pages are got in between.
        leaf: u32 = be32(pager_get(k.pager, pgno).data + 8 + 4 * i)
        check_map(k, leaf, PTRMAP_FREE, u32(0))
        _ = refer(k, leaf)
    return n + 1


def check_freelist(k: Check) -> None:
    """Walk the freelist."""
    first: ptr[u8] = pager_get(k.pager, u32(1)).data + 32
    pgno: u32 = be32(first)
    count: u32 = be32(first + 4)
    seen: u32 = u32(0)
    left: i32 = k.left
    k.where = WHERE_FREELIST
    while pgno and k.left > 0:
        if refer(k, pgno) == 0:
            break
        seen += check_trunk(k, pgno)
        pgno = be32(pager_get(k.pager, pgno).data)
    if seen != count and k.left == left:
        report_pair(k, *lit(b"size is "), seen, *lit(b" but should be "), count)


def check_overflow(k: Check, pgno: u32, n: i32) -> None:
    """Walk an overflow chain that should have n pages."""
    seen: i32 = 0
    left: i32 = k.left
    check_map(k, pgno, PTRMAP_OVERFLOW_FIRST, k.page)
    while pgno and k.left > 0:
        if refer(k, pgno) == 0:
            break
        seen += 1
        after: u32 = be32(pager_get(k.pager, pgno).data)
        if seen != n:
            check_map(k, after, PTRMAP_OVERFLOW_NEXT, pgno)
        pgno = after
    if seen != n and k.left == left:
        report_pair(k, *lit(b"overflow list length is "), u32(seen), *lit(b" but should be "), u32(n))


# --- b-tree pages ----------------------------------------------------------------------------------------------------


def check_payload(k: Check, kind: i32, data: ptr[u8], offset: i32) -> None:
    """Check the overflow chain of a cell that lies within its page."""
    at, size = cell_payload(kind, data + offset)
    total: i32 = i32(size)
    local: i32 = local_size(k.layout, total)
    if local < total:
        room: i32 = k.layout.usable - 4
        check_overflow(k, be32(data + offset + at + local), (total - local + room - 1) // room)


def check_cell(k: Check, pgno: u32, h: PageHeader, data: ptr[u8], slot: i32) -> i32:
    """Check that a cell lies within its page, and that its record has a header; its offset, or 0."""
    usable: i32 = k.layout.usable
    offset: i32 = be16(cell_array(h) + 2 * slot)
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
        at, _total = cell_payload(h.kind, data + offset)
        if data[offset + at] <= 1:
            report(k, *lit(b"Bad cell header size"))
            return 0
    return offset


def free_space_sane(page: Page, h: PageHeader, usable: i32) -> i32:
    """0 if the cell content area or the freeblocks are out of order or out of the page."""
    data: ptr[u8] = page.data
    floor: i32 = content_start(h)
    if array_end(page, h) > floor or floor > usable:
        return 0
    at: i32 = h.first_freeblock
    while at:
        if at < floor or at > usable - 4:
            return 0
        size: i32 = be16(data + at + 2)
        if size < 4 or size > usable - at:
            return 0
        floor = at + size
        at = be16(data + at)
    return 1


def use_bytes(k: Check, offset: i32, size: i32) -> None:
    """Count a use of these bytes of the page."""
    for i in range(offset, offset + size):
        if k.bytes[i] < 2:
            k.bytes[i] = k.bytes[i] + 1


def check_coverage(k: Check, page: Page, h: PageHeader) -> None:
    """Every byte of the cell content area belongs to one cell, one freeblock, or the fragments."""
    usable: i32 = k.layout.usable
    data: ptr[u8] = page.data
    low: i32 = content_start(h)
    memory_fill(k.bytes, 0, usable)
    for slot in range(h.n_cells):
        offset: i32 = be16(cell_array(h) + 2 * slot)
        use_bytes(k, offset, cell_size(k.layout, h.kind, data + offset))
    at: i32 = h.first_freeblock
    while at:
        use_bytes(k, at, be16(data + at + 2))
        at = be16(data + at)
    fragments: i32 = 0
    k.where = WHERE_NOWHERE
    for i in range(low, usable):
        if k.bytes[i] > 1:
            report_pair(k, *lit(b"Multiple uses for byte "), u32(i), *lit(b" of page "), page.pgno)
            return
        fragments += 1 - k.bytes[i]
    if fragments != h.fragments and begin(k):
        put_number(k, *lit(b"Fragmentation of "), i64(fragments))
        put_number(k, *lit(b" bytes reported as "), i64(h.fragments))
        put_page(k, *lit(b" on page "), page.pgno)


def header_sane(k: Check, page: Page) -> i32:
    """1 if the page is of this tree's kind and has no more cells than a page can have."""
    h: PageHeader = page_header(page)
    wanted: i32 = TABLE_INTERIOR if k.layout.kind == TABLE_BTREE else INDEX_INTERIOR
    return i32(h.kind & ~LEAF == wanted and h.n_cells <= (k.pager.database.page_size - 8) // 6)


def check_child(k: Check, parent: u32, child: u32, most: i64, level: i32, depth: i32) -> i32:
    """Check a child page and what is below it; the depth below the parent, which should be `depth` (-1: any)."""
    where: i32 = k.where
    check_map(k, child, PTRMAP_BTREE, parent)
    below: i32 = check_page(k, child, most, level + 1)
    k.page = parent
    k.where = where
    if below >= 0 and depth >= 0 and below != depth:
        report(k, *lit(b"Child page depth differs"))
    return below if depth < 0 else depth


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
    if kind & LEAF == 0:
        k.where = WHERE_RIGHT_CHILD
        k.least = most
        depth = check_child(k, pgno, page_header(page).right_child, most, level, depth)
        most = k.least
        may_equal = 0
    slot: i32 = n
    while slot > 0 and k.left > 0:
        slot -= 1
        k.where = slot
        # Other pages were got since.
        page = pager_get(k.pager, pgno)
        offset: i32 = check_cell(k, pgno, page_header(page), page.data, slot)
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


def check_page(k: Check, pgno: u32, most: i64, level: i32) -> i32:
    """Check a b-tree page and everything below it; its height, -1 if unknown. Sets `least`."""
    if k.left <= 0 or refer(k, pgno) == 0:
        return -1
    k.page = pgno
    k.where = WHERE_PAGE
    page: Page = pager_get(k.pager, pgno)
    if header_sane(k, page) == 0:
        report(k, *lit(b"btreeInitPage() returns error code 11"))
        return -1
    if level >= DEPTH_MAX:
        report(k, *lit(b"too deep"))
        return -1
    if free_space_sane(page, page_header(page), k.layout.usable) == 0:
        report(k, *lit(b"free space corruption"))
        return -1
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
    if root <= k.pages:
        kind: i32 = page_header(pager_get(k.pager, root)).kind | LEAF
        layout_init(k.layout, TABLE_BTREE if kind == TABLE_LEAF else INDEX_BTREE, k.pager.usable_size)
    _ = check_page(k, root, i64(0x7FFFFFFFFFFFFFFF), 0)


# --- the whole file --------------------------------------------------------------------------------------------------


def check_largest_root(k: Check, trees: ptr[CheckedTree], n: i32) -> None:
    """Compare the largest root page with the header of an auto-vacuum database."""
    data: ptr[u8] = pager_get(k.pager, u32(1)).data
    k.where = WHERE_NOWHERE
    largest: u32 = u32(1)
    for i in range(n):
        if u32(trees[i].root) > largest:
            largest = u32(trees[i].root)
    if k.mapped:
        if largest != be32(data + LARGEST_ROOT) and begin(k):
            put_page(k, *lit(b"max rootpage ("), largest)
            put_page(k, *lit(b") disagrees with header ("), be32(data + LARGEST_ROOT))
            put_bytes(k, *lit(b")"))
    elif be32(data + INCREMENTAL):
        report(k, *lit(b"incremental_vacuum enabled with a max rootpage of zero"))


def check_unused(k: Check) -> None:
    """Report pages that nothing refers to, and pointer-map pages that something refers to."""
    k.where = WHERE_NOWHERE
    lock: u32 = lock_page(k.pager)
    pgno: u32 = u32(1)
    while pgno <= k.pages and k.left > 0:
        used: i32 = is_used(k, pgno)
        is_map: i32 = is_ptrmap_page(k.pager, pgno) if k.mapped else 0
        if used == 0 and is_map == 0 and pgno != lock and begin(k):
            put_page(k, *lit(b"Page "), pgno)
            put_bytes(k, *lit(b": never used"))
        if used and is_map and begin(k):
            put_page(k, *lit(b"Page "), pgno)
            put_bytes(k, *lit(b": pointer map referenced"))
        pgno += 1


def check_trees(k: Check, trees: ptr[CheckedTree], n: i32) -> None:
    """Check the trees, and that indexes have as many entries as their tables."""
    counts: ptr[i32] = ptr[i32](malloc(n * 4 + 4))
    for i in range(n):
        if trees[i].root:
            check_tree(k, u32(trees[i].root))
        counts[i] = k.entries
    k.where = WHERE_NOWHERE
    for i in range(n):
        tree: CheckedTree = trees[i]
        if tree.table >= 0 and counts[i] != counts[tree.table] and begin(k):
            put_bytes(k, *lit(b"wrong # of entries in index "))
            put_bytes(k, ptr[u8](trees) + tree.name, tree.name_size)
    mfree(ptr[u8](counts))


@export
def integrity_check(stmt: Run, slot: i32, trees: ptr[CheckedTree], n: i32, most: i32) -> i64:
    """Check freelist, pointer map and these b-trees (page 1 among them, each once).

    Returns lines of text in the statement's arena, without a final newline: address | size << 32; size 0: all is well.
    At most `most` messages are written. trees[0].root == 0: check only the other trees, not what belongs to none.
    """
    p: Pager = pager_of(KernelConnection(stmt.connection), slot)
    k: Check = Check(mzalloc(sizeof(Check) + sizeof(Layout)))
    k.layout = Layout(i32(k) + sizeof(Check))
    k.pager = p
    k.pages = pager_page_count(p)
    k.left = most
    whole: i32 = i32(n == 0 or trees[0].root != 0)
    if k.pages:
        k.mapped = i32(be32(pager_get(p, u32(1)).data + LARGEST_ROOT) != 0)
        k.used = mzalloc(i32(k.pages >> 3) + 1)
        k.bytes = malloc(PAGE_SIZE_MAX)
        if whole:
            check_freelist(k)
            check_largest_root(k, trees, n)
        check_trees(k, trees, n)
        if whole:
            check_unused(k)
    text: ptr[u8] = alloc(stmt, k.size)
    memory_copy(text, k.text, k.size)
    answer: i64 = i64(u32(text)) | i64(k.size) << 32
    mfree(k.used)
    mfree(k.bytes)
    mfree(k.text)
    mfree(ptr[u8](k))
    return answer


@export
def index_check_order(c: Cursor) -> i64:
    """The number (from 1) of the first entry of an index b-tree that is not greater than the one before it; 0: none.

    The cursor has walked up to there. Errors: SQLITE_CORRUPT.
    """
    number: i64 = i64(1)
    if cursor_first(c) == 0:
        return i64(0)
    while True:
        cursor_save_entry(c)
        n: i32 = record_fields(c.saved_key, c.saved_size, c.probe, KeyInfo(c.keyinfo).n_fields)
        if cursor_next(c) == 0:
            return i64(0)
        number += 1
        if cursor_compare_key(c, c.probe, n) <= 0:
            return number
