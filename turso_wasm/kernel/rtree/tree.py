"""Inserting and deleting entries of an R*Tree.

An operation loads the nodes it touches, changes them in memory and writes them at its end (node.py). A node that is
full is split (split.py); one that is left with too few cells is taken out of the tree and its cells are inserted anew.
"""

from turso_wasm.kernel.abi import BLOB, Cursor, KernelConnection, Run, Value
from turso_wasm.kernel.abi_modules import Rtree
from turso_wasm.kernel.base.errors import raise_error
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.pager.storage import Pager
from turso_wasm.kernel.rtree.node import (
    BOX,
    HEADER,
    ROOT,
    Node,
    append_cell,
    begin,
    cell_at,
    coord,
    corrupt,
    cut_cell,
    find_cell,
    finish,
    forget_row,
    leaf_of,
    load_path,
    n_cells,
    node_create,
    node_get,
    note_place,
    put_cell_number,
    put_place,
    put_row,
    union,
)
from turso_wasm.kernel.rtree.split import Split, choose_split
from turso_wasm.kernel.values.value import pack
from turso_wasm.wasm.lang import (
    be64,
    export,
    f64,
    fmax,
    fmin,
    i32,
    i64,
    lit,
    memory_copy,
    memory_fill,
    ptr,
    put_be16,
    scratch,
    sizeof,
    u8,
)

__subset__ = True

MAX_CELLS = 51
PAGE_OVERHEAD = 64
LOCKED_VTAB = 518  # SQLITE_LOCKED | 2 << 8


# --- inserting -------------------------------------------------------------------------------------------------------


def growth(t: Rtree, box: ptr[u8], cell: ptr[u8]) -> tuple[f64, f64]:
    """(by how much a box's area grows if it covers a cell too, its area)."""
    before: f64 = 1.0
    after: f64 = 1.0
    i: i32 = 0
    while i < t.n_coords:
        low: f64 = coord(t, box, i)
        high: f64 = coord(t, box, i + 1)
        before *= high - low
        after *= fmax(high, coord(t, cell, i + 1)) - fmin(low, coord(t, cell, i))
        i += 2
    return after - before, before


def choose_node(t: Rtree, cell: ptr[u8], height: i32) -> Node:
    """The node of a height that a cell belongs into: always down to the child whose box grows least, then is least."""
    node: Node = node_get(t, i64(ROOT), Node(0))
    level: i32 = t.depth
    if level < height:
        corrupt()
    while level > height:
        n: i32 = n_cells(node.data)
        if n == 0:
            corrupt()
        best: i32 = 0
        best_growth: f64 = 0.0
        best_area: f64 = 0.0
        for i in range(n):
            grown, size = growth(t, cell_at(t, node.data, i), cell)
            if i == 0 or grown < best_growth or (grown == best_growth and size < best_area):
                best = i
                best_growth = grown
                best_area = size
        node = node_get(t, be64(cell_at(t, node.data, best)), node)
        level -= 1
    return node


def grow_path(t: Rtree, node: Node, cell: ptr[u8]) -> None:
    """A cell was put into a node: the boxes above cover it (R2)."""
    while node.number != ROOT:
        parent: Node = Node(node.parent)
        box: ptr[u8] = cell_at(t, parent.data, find_cell(t, parent.data, node.number))
        if union(t, box, cell) == 0:
            return
        parent.dirty = 1
        node = parent


def insert_cell(t: Rtree, node: Node, cell: ptr[u8], height: i32) -> None:
    """Put a cell into a node of that height, and note where it is."""
    if n_cells(node.data) >= t.capacity:
        split_node(t, node, cell, height)
        return
    append_cell(t, node, cell)
    load_path(t, node)
    grow_path(t, node, cell)
    note_place(t, height, be64(cell), node)


def split_node(t: Rtree, node: Node, cell: ptr[u8], height: i32) -> None:
    """Share the cells of a full node, and one more, with a new node. The root's go to two new ones, below it."""
    n: i32 = t.capacity + 1
    copies: ptr[u8] = alloc(Run(t.stmt), n * t.cell_size)
    memory_copy(copies, node.data + HEADER, t.capacity * t.cell_size)
    memory_copy(copies + t.capacity * t.cell_size, cell, t.cell_size)
    cells: ptr[ptr[u8]] = ptr[ptr[u8]](i32(alloc(Run(t.stmt), n * 4)))
    for i in range(n):
        cells[i] = copies + i * t.cell_size
    s: Split = Split(scratch(sizeof(Split)))
    choose_split(t, cells, n, s)
    is_root: i32 = i32(node.number == ROOT)
    load_path(t, node)
    left: Node = node_create(t) if is_root else node
    right: Node = node_create(t)
    put_be16(node.data + 2, 0)
    node.dirty = 1
    left_box: ptr[u8] = fill(t, left, cells, s, 0, s.cut)
    right_box: ptr[u8] = fill(t, right, cells, s, s.cut, n)
    for i in range(n):
        if i >= s.cut or is_root or s.best[i] == n - 1:  # the others are where they were
            note_place(t, height, be64(cells[s.best[i]]), left if i < s.cut else right)
    if is_root:
        t.depth += 1
        put_be16(node.data, t.depth)
        insert_cell(t, node, left_box, height + 1)
    else:
        parent: Node = Node(node.parent)
        memory_copy(cell_at(t, parent.data, find_cell(t, parent.data, left.number)), left_box, t.cell_size)
        parent.dirty = 1
        grow_path(t, parent, left_box)
        node = parent
    insert_cell(t, node, right_box, height + 1)


def fill(t: Rtree, node: Node, cells: ptr[ptr[u8]], s: Split, first: i32, end: i32) -> ptr[u8]:
    """Put a part of the cells into an empty node; the cell that it gets in its parent."""
    box: ptr[u8] = alloc(Run(t.stmt), t.cell_size)
    memory_copy(box, cells[s.best[first]], t.cell_size)
    for i in range(first, end):
        append_cell(t, node, cells[s.best[i]])
        _ = union(t, box, cells[s.best[i]])
    put_cell_number(box, node.number)
    return box


@export
def rtree_insert(t: Rtree, rowid: i64, box: ptr[u8], aux: ptr[Value]) -> None:
    """Insert an entry that is not there. box: its coordinates as cells have them. aux: its auxiliary columns.

    Raises SQLITE_CORRUPT_VTAB, and what writing raises.
    """
    _ = begin(t)
    cell: ptr[u8] = alloc(Run(t.stmt), t.cell_size)
    put_cell_number(cell, rowid)
    memory_copy(cell + BOX, box, t.cell_size - BOX)
    if t.n_aux:  # where it is, is noted below
        put_place(t, rowid, i64(0), aux)
    insert_cell(t, choose_node(t, cell, 0), cell, 0)
    finish(t)


# --- deleting --------------------------------------------------------------------------------------------------------


def shrink_path(t: Rtree, node: Node) -> None:
    """The boxes above a node are no larger than they must be."""
    box: ptr[u8] = alloc(Run(t.stmt), t.cell_size)
    while node.number != ROOT:
        parent: Node = Node(node.parent)
        memory_copy(box, cell_at(t, node.data, 0), t.cell_size)
        for i in range(1, n_cells(node.data)):
            _ = union(t, box, cell_at(t, node.data, i))
        put_cell_number(box, node.number)
        memory_copy(cell_at(t, parent.data, find_cell(t, parent.data, node.number)), box, t.cell_size)
        parent.dirty = 1
        node = parent


def delete_cell(t: Rtree, node: Node, i: i32, height: i32) -> None:
    """Take a cell out of a node whose path is loaded. With too few left the node goes (R1)."""
    cut_cell(t, node, i)
    if node.number == ROOT:
        return
    if n_cells(node.data) >= t.least and n_cells(node.data):
        shrink_path(t, node)
        return
    parent: Node = Node(node.parent)
    unlink(t, node)
    node.height = height
    node.next = t.removed
    t.removed = i32(node)
    delete_cell(t, parent, find_cell(t, parent.data, node.number), height + 1)


def unlink(t: Rtree, node: Node) -> None:
    """A node is no longer one of the tree; its memory stays."""
    forget_row(Cursor(t.parents), node.number)
    forget_row(Cursor(t.nodes), node.number)
    if t.loaded == i32(node):
        t.loaded = node.next
        return
    before: Node = Node(t.loaded)
    while before.next != i32(node):
        before = Node(before.next)
    before.next = node.next


def lower_root(t: Rtree, root: Node) -> None:
    """A root with one child takes its place."""
    child: Node = node_get(t, be64(cell_at(t, root.data, 0)), root)
    t.depth -= 1
    memory_copy(root.data, child.data, t.node_size)
    put_be16(root.data, t.depth)
    root.dirty = 1
    unlink(t, child)
    for i in range(n_cells(root.data)):
        note_place(t, t.depth, be64(cell_at(t, root.data, i)), root)


@export
def rtree_delete(t: Rtree, rowid: i64) -> i32:
    """Delete an entry; 0: there is none. Raises SQLITE_CORRUPT_VTAB, and what writing raises."""
    number: i64 = leaf_of(t, rowid)
    if number == 0:
        return 0
    root: Node = begin(t)
    leaf: Node = node_get(t, number, Node(0))
    load_path(t, leaf)
    delete_cell(t, leaf, find_cell(t, leaf.data, rowid), 0)
    forget_row(Cursor(t.rowids), rowid)
    if t.depth and n_cells(root.data) == 1:
        lower_root(t, root)
    while t.removed:
        gone: Node = Node(t.removed)
        t.removed = gone.next
        for i in range(n_cells(gone.data)):
            cell: ptr[u8] = cell_at(t, gone.data, i)
            insert_cell(t, choose_node(t, cell, gone.height), cell, gone.height)
    finish(t)
    return 1


# --- a new tree ------------------------------------------------------------------------------------------------------


@export
def rtree_create(t: Rtree) -> None:
    """A new tree begins with an empty root. A node fits into a page and has at most MAX_CELLS cells."""
    page: i32 = Pager(Cursor(t.nodes).pager).database.page_size
    size: i32 = HEADER + t.cell_size * MAX_CELLS
    t.node_size = page - PAGE_OVERHEAD if page - PAGE_OVERHEAD < size else size
    data: ptr[u8] = alloc(Run(t.stmt), t.node_size)
    memory_fill(data, 0, t.node_size)
    put_row(t, Cursor(t.nodes), i64(ROOT), BLOB, pack(data, t.node_size))


@export
def rtree_set_aux(t: Rtree, rowid: i64, aux: ptr[Value]) -> None:
    """Change the auxiliary columns of an entry that there is. SQLite would write its leaf, too, as the last row."""
    leaf: i64 = leaf_of(t, rowid)
    put_place(t, rowid, leaf, aux)
    KernelConnection(Run(t.stmt).connection).last_insert_rowid = leaf


@export
def rtree_check_not_read(t: Rtree) -> None:
    """Raise SQLITE_LOCKED_VTAB while another statement reads the tree: changes might move what it is at."""
    own: Cursor = Cursor(t.nodes)
    at: i32 = Pager(own.pager).cursors
    while at:
        c: Cursor = Cursor(at)
        if c.root == own.root and c.statement != own.statement and not c.write:
            raise_error(LOCKED_VTAB, *lit(b"database table is locked"))
        at = c.next_in_pager
