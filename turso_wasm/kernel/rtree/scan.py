"""Searching an R*Tree: all entries whose coordinates satisfy conditions, or one by its rowid.

Owns the path from the root to the current entry. The nodes on it are copies: what happens to the tree meanwhile does
not disturb the search.

Source: https://sqlite.org/rtree.html#using_the_r_tree_module
"""

from turso_wasm.kernel.abi import INTEGER, NULL, REAL, Cursor, Run
from turso_wasm.kernel.abi_modules import (
    RTREE_EQUAL,
    RTREE_GREATER,
    RTREE_GREATER_OR_EQUAL,
    RTREE_LESS,
    RTREE_LESS_OR_EQUAL,
    RTREE_NEVER,
    Rtree,
    RtreeLimit,
    RtreeScan,
)
from turso_wasm.kernel.base.resources import keep_alloc
from turso_wasm.kernel.rtree.node import (
    BOX,
    HEADER,
    MAX_DEPTH,
    ROOT,
    cell_at,
    coord,
    corrupt,
    leaf_of,
    n_cells,
    node_blob,
    raw_coord,
    read_depth,
)
from turso_wasm.wasm.lang import (
    Struct,
    be64,
    bits,
    export,
    f64,
    float_from_bits,
    i32,
    i64,
    memory_copy,
    memory_fill,
    ptr,
    sizeof,
    u8,
)

__subset__ = True


class Level(Struct):
    """A node on the path."""

    data: ptr[u8]  # a copy of it
    nth: i32  # the cell that is looked at next


@export
def rtree_open(t: Rtree, stmt: Run, nodes: Cursor, rowids: Cursor, parents: Cursor, n_coords: i32, kind: i32) -> None:
    """A tree whose shadow tables the cursors are on. kind: number of auxiliary columns * 2, + 1 for integers."""
    t.stmt = i32(stmt)
    t.nodes = i32(nodes)
    t.rowids = i32(rowids)
    t.parents = i32(parents)
    t.n_coords = n_coords
    t.is_int = kind & 1
    t.n_aux = kind >> 1
    t.cell_size = BOX + 4 * n_coords
    t.node_size = 0


@export
def rtree_scan_restart(s: RtreeScan) -> None:
    """Forget the conditions of the search before. The limits lie behind the RtreeScan."""
    s.limits = ptr[RtreeLimit](i32(s) + sizeof(RtreeScan))
    s.n_limits = 0
    s.impossible = 0


@export
def rtree_limit(s: RtreeScan, at: i32, op: i32, tag: i32, payload: i64) -> None:
    """Add a condition. Numbers are less than texts, and these than blobs; nothing compares with NULL."""
    limit: RtreeLimit = s.limits[s.n_limits]
    limit.at = at
    limit.op = op
    if tag == REAL:
        limit.value = float_from_bits(payload)
    elif tag == INTEGER:
        limit.value = f64(payload)
        exact(limit, payload)
    elif tag == NULL or op == RTREE_EQUAL or op >= RTREE_GREATER:
        limit.op = RTREE_NEVER
    else:
        return
    if limit.op == RTREE_NEVER:
        s.impossible = 1
    s.n_limits += 1


def exact(limit: RtreeLimit, v: i64) -> None:
    """The double is not quite the integer: no coordinate lies between them. <= and >= mean the double: so it is in
    SQLite.
    """
    back: i64 = i64(limit.value)
    if back == v and limit.value < 9.2e18:
        return
    below: i32 = i32(back < v and limit.value < 9.2e18)  # the double is less than the integer
    if limit.op == RTREE_EQUAL:
        limit.op = RTREE_NEVER
    elif limit.op == RTREE_LESS and below:
        limit.op = RTREE_LESS_OR_EQUAL
    elif limit.op == RTREE_GREATER and not below:
        limit.op = RTREE_GREATER_OR_EQUAL


def holds(limit: RtreeLimit, v: f64) -> i32:
    """The condition is true of a coordinate."""
    op: i32 = limit.op
    if op == RTREE_LESS_OR_EQUAL:
        return i32(v <= limit.value)
    if op == RTREE_GREATER_OR_EQUAL:
        return i32(v >= limit.value)
    if op == RTREE_LESS:
        return i32(v < limit.value)
    if op == RTREE_GREATER:
        return i32(v > limit.value)
    return i32(v == limit.value)


def may_hold(t: Rtree, limit: RtreeLimit, cell: ptr[u8]) -> i32:
    """The condition can be true of an entry within a box: its minimum and its maximum lie between the box's."""
    low: i32 = limit.at & ~1
    op: i32 = limit.op
    if op == RTREE_EQUAL:
        return i32(coord(t, cell, low) <= limit.value and limit.value <= coord(t, cell, low + 1))
    return holds(limit, coord(t, cell, low if op <= RTREE_LESS_OR_EQUAL else low + 1))


def accepts(s: RtreeScan, cell: ptr[u8], is_leaf: i32) -> i32:
    """An entry satisfies the conditions, or entries below a cell can."""
    for i in range(s.n_limits):
        limit: RtreeLimit = s.limits[i]
        if is_leaf:
            if not holds(limit, raw_coord(cell + BOX + limit.at * 4, s.tree.is_int)):
                return 0
        elif not may_hold(s.tree, limit, cell):
            return 0
    return 1


def enter(s: RtreeScan, level: i32, number: i64) -> None:
    """The node at a level of the path is that one; none of its cells was looked at."""
    data: ptr[u8] = node_blob(s.tree, number)
    if s.path == 0:
        size: i32 = (MAX_DEPTH + 2) * sizeof(Level)
        s.path = i32(keep_alloc(Run(s.tree.stmt), size))
        memory_fill(ptr[u8](s.path), 0, size)
    at: Level = ptr[Level](s.path)[level]
    if not at.data:
        at.data = keep_alloc(Run(s.tree.stmt), s.tree.node_size)
    memory_copy(at.data, data, HEADER + n_cells(data) * s.tree.cell_size)
    at.nth = 0


@export
def rtree_scan_next(s: RtreeScan) -> i32:
    """Go to the next entry: 0 if there is none. Raises SQLITE_CORRUPT_VTAB."""
    leaf: i32 = s.tree.depth
    while s.depth >= 0:
        level: i32 = s.depth
        at: Level = ptr[Level](s.path)[level]
        if at.nth >= n_cells(at.data):
            s.depth -= 1
            continue
        cell: ptr[u8] = cell_at(s.tree, at.data, at.nth)
        at.nth += 1
        if not accepts(s, cell, i32(level == leaf)):
            continue
        if level == leaf:
            s.cell = cell
            return 1
        enter(s, level + 1, be64(cell))
        s.depth = level + 1
    return 0


@export
def rtree_scan_first(s: RtreeScan) -> i32:
    """Go to the first entry that satisfies the conditions: 0 if there is none. Raises SQLITE_CORRUPT_VTAB."""
    enter(s, 0, i64(ROOT))
    s.tree.depth = read_depth(ptr[Level](s.path)[0].data)
    s.depth = -1 if s.impossible else 0
    return rtree_scan_next(s)


@export
def rtree_scan_find(s: RtreeScan, rowid: i64) -> i32:
    """Go to the entry with a rowid: 0 if there is none, or if it does not satisfy the conditions. There is no next one.

    Raises SQLITE_CORRUPT_VTAB.
    """
    number: i64 = leaf_of(s.tree, rowid)
    if number == 0 or s.impossible:
        return 0
    enter(s, 0, i64(ROOT))  # which says how large nodes are
    enter(s, 0, number)
    data: ptr[u8] = ptr[Level](s.path)[0].data
    for i in range(n_cells(data)):
        s.cell = cell_at(s.tree, data, i)
        if be64(s.cell) == rowid:
            return accepts(s, s.cell, 1)
    corrupt()
    return 0


@export
def rtree_scan_rowid(s: RtreeScan) -> i64:
    """The rowid of the entry."""
    return be64(s.cell)


@export
def rtree_scan_coord(s: RtreeScan, i: i32) -> tuple[i32, i64]:
    """A coordinate of the entry, as a value."""
    v: f64 = raw_coord(s.cell + BOX + i * 4, s.tree.is_int)
    if s.tree.is_int:
        return INTEGER, i64(v)
    return REAL, bits(v)
