"""Nodes and cells: what lies in the blobs of t_node, and where the shadow tables say that a cell is.

A node (t_node.data), all numbers big-endian:

  OFFSET  SIZE  MEANING
  0       2     depth of the tree, in the root (node 1); 0: the root is a leaf
  2       2     n: number of cells
  4       n*c   cells, in any order
                  0  8  rowid of the entry (in a leaf), or number of the child
                  8  4  each: minimum and maximum of every dimension, as 32-bit floats or integers

t_rowid says in which leaf an entry is (and keeps its auxiliary columns), t_parent which node is above a node.

Invariants:
  R1  A node but the root, as long as we are the writer, has at least `least` cells.
  R2  Every cell of a node lies within the box of the node's cell in its parent.
  R3  Nodes of `loaded` belong to one operation on the tree; their memory is the row's.

Source: https://sqlite.org/rtree.html
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, Cursor, KernelConnection, Run, Value
from turso_wasm.kernel.abi_modules import Rtree
from turso_wasm.kernel.base.errors import SQLITE_CORRUPT_VTAB, raise_error
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.btree.cursor.read import cursor_column, cursor_columns
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.btree.delete import cursor_delete
from turso_wasm.kernel.btree.insert import table_insert, table_new_rowid
from turso_wasm.kernel.values.record import record_encode
from turso_wasm.kernel.values.value import bytes_of, pack, size_of
from turso_wasm.wasm.lang import (
    Struct,
    be16,
    be32,
    be64,
    f32,
    f64,
    i32,
    i64,
    inline,
    lit,
    memory_copy,
    memory_fill,
    ptr,
    put_be16,
    put_be64,
    scratch,
    sizeof,
    u8,
    u32,
)

__subset__ = True

ROOT = 1
MAX_DEPTH = 40
HEADER = 4
BOX = 8  # where a cell's coordinates begin


class Node(Struct):
    """A node in memory."""

    next: i32
    parent: i32  # Node, 0: not known, or the root
    number: i64
    dirty: i32
    height: i32  # of a removed node: 0 for a leaf
    data: ptr[u8]


def corrupt() -> None:
    """Raise SQLITE_CORRUPT_VTAB."""
    raise_error(SQLITE_CORRUPT_VTAB, *lit(b"database disk image is malformed"))


# --- cells -----------------------------------------------------------------------------------------------------------


@inline
def n_cells(data: ptr[u8]) -> i32:
    """The number of cells of a node."""
    return be16(data + 2)


@inline
def cell_at(t: Rtree, data: ptr[u8], i: i32) -> ptr[u8]:
    """The i-th cell."""
    return data + HEADER + i * t.cell_size


def raw_coord(p: ptr[u8], is_int: i32) -> f64:
    """A coordinate at p."""
    if is_int:
        return f64(i32(be32(p)))
    word: ptr[u8] = scratch(4)
    ptr[u32](i32(word))[0] = be32(p)
    return ptr[f32](i32(word))[0]


def coord(t: Rtree, cell: ptr[u8], i: i32) -> f64:
    """The i-th coordinate of a cell."""
    return raw_coord(cell + BOX + i * 4, t.is_int)


def find_cell(t: Rtree, data: ptr[u8], number: i64) -> i32:
    """Which cell is that of an entry or child. Raises SQLITE_CORRUPT_VTAB."""
    for i in range(n_cells(data)):
        if be64(cell_at(t, data, i)) == number:
            return i
    corrupt()
    return 0


def union(t: Rtree, box: ptr[u8], cell: ptr[u8]) -> i32:
    """Make a cell's box cover another's too; 1 if it did not yet."""
    grown: i32 = 0
    for i in range(t.n_coords):
        a: f64 = coord(t, box, i)
        b: f64 = coord(t, cell, i)
        if (b > a) if i & 1 else (b < a):
            memory_copy(box + BOX + i * 4, cell + BOX + i * 4, 4)
            grown = 1
    return grown


def append_cell(t: Rtree, n: Node, cell: ptr[u8]) -> None:
    """Put a cell behind the others of a node that has room."""
    at: i32 = n_cells(n.data)
    memory_copy(cell_at(t, n.data, at), cell, t.cell_size)
    put_be16(n.data + 2, at + 1)
    n.dirty = 1


def cut_cell(t: Rtree, n: Node, i: i32) -> None:
    """Take a cell out of a node."""
    left: i32 = n_cells(n.data) - 1
    memory_copy(cell_at(t, n.data, i), cell_at(t, n.data, i + 1), (left - i) * t.cell_size)
    put_be16(n.data + 2, left)
    n.dirty = 1


# --- nodes -----------------------------------------------------------------------------------------------------------


def node_blob(t: Rtree, number: i64) -> ptr[u8]:
    """The blob of a node, in its page or in memory of the cursor. Raises SQLITE_CORRUPT_VTAB."""
    c: Cursor = Cursor(t.nodes)
    if cursor_seek_rowid(c, number) == 0:
        corrupt()
    tag, payload = cursor_column(c, 1)
    if tag != BLOB:
        corrupt()
    if t.node_size == 0:
        set_node_size(t, size_of(payload))
    p: ptr[u8] = bytes_of(payload)
    if size_of(payload) != t.node_size or n_cells(p) > t.capacity:
        corrupt()
    return p


def set_node_size(t: Rtree, size: i32) -> None:
    """All nodes are as large as the root."""
    if size < 512 - 64:
        corrupt()
    t.node_size = size
    t.capacity = (size - HEADER) // t.cell_size
    t.least = t.capacity // 3


def read_depth(data: ptr[u8]) -> i32:
    """The depth that a root has in its header. Raises SQLITE_CORRUPT_VTAB."""
    depth: i32 = be16(data)
    if depth > MAX_DEPTH:
        corrupt()
    return depth


def node_new_in_memory(t: Rtree, number: i64) -> Node:
    """A node among the loaded ones; its data are not set."""
    n: Node = Node(i32(alloc(Run(t.stmt), sizeof(Node))))
    n.data = alloc(Run(t.stmt), t.node_size)
    n.number = number
    n.parent = 0
    n.dirty = 0
    n.height = 0
    n.next = t.loaded
    t.loaded = i32(n)
    return n


def node_loaded(t: Rtree, number: i64) -> Node:
    """The node if it is loaded, or null."""
    n: Node = Node(t.loaded)
    while n and n.number != number:
        n = Node(n.next)
    return n


def node_get(t: Rtree, number: i64, parent: Node) -> Node:
    """A node, loaded at most once an operation. parent: the node above it, if that is known."""
    n: Node = node_loaded(t, number)
    if not n:
        data: ptr[u8] = node_blob(t, number)
        n = node_new_in_memory(t, number)
        memory_copy(n.data, data, t.node_size)
    if parent and not n.parent and number != ROOT:
        n.parent = i32(parent)
    return n


def node_create(t: Rtree) -> Node:
    """A new node without cells."""
    number: i64 = table_new_rowid(Cursor(t.nodes))
    if number <= t.new_node:
        number = t.new_node + 1
    t.new_node = number
    n: Node = node_new_in_memory(t, number)
    memory_fill(n.data, 0, t.node_size)
    n.dirty = 1
    return n


def begin(t: Rtree) -> Node:
    """Begin an operation; the root."""
    t.loaded = 0
    t.removed = 0
    t.new_node = i64(0)
    root: Node = node_get(t, i64(ROOT), Node(0))
    t.depth = read_depth(root.data)
    return root


def finish(t: Rtree) -> None:
    """End an operation: what it changed is written."""
    n: Node = Node(t.loaded)
    while n:
        if n.dirty:
            put_row(t, Cursor(t.nodes), n.number, BLOB, pack(n.data, t.node_size))
        n = Node(n.next)


# --- shadow tables ---------------------------------------------------------------------------------------------------


def put_row(t: Rtree, c: Cursor, key: i64, tag: i32, payload: i64) -> None:
    """Write the row (key, value) of a shadow table with two columns."""
    values: ptr[Value] = ptr[Value](i32(scratch(2 * sizeof(Value))))
    values[0].tag = NULL
    values[1].tag = tag
    values[1].payload = payload
    put_record(t, c, key, record_encode(Run(t.stmt), values, 2))


def put_record(t: Rtree, c: Cursor, key: i64, record: i64) -> None:
    """Write a row of a shadow table. As in SQLite, last_insert_rowid() tells of it, until a row of the tree is."""
    table_insert(c, key, bytes_of(record), size_of(record))
    KernelConnection(Run(t.stmt).connection).last_insert_rowid = key


def put_place(t: Rtree, rowid: i64, leaf: i64, aux: ptr[Value]) -> None:
    """Write the row of t_rowid: in which leaf an entry is, and its auxiliary columns."""
    n: i32 = 2 + t.n_aux
    values: ptr[Value] = ptr[Value](i32(alloc(Run(t.stmt), n * sizeof(Value))))
    memory_copy(ptr[u8](i32(values + 2)), ptr[u8](i32(aux)), t.n_aux * sizeof(Value))
    values[0].tag = NULL
    values[1].tag = INTEGER
    values[1].payload = leaf
    put_record(t, Cursor(t.rowids), rowid, record_encode(Run(t.stmt), values, n))


def move_place(t: Rtree, rowid: i64, leaf: i64) -> None:
    """An entry is in another leaf now; its auxiliary columns stay."""
    c: Cursor = Cursor(t.rowids)
    aux: ptr[Value] = ptr[Value](0)
    if t.n_aux and cursor_seek_rowid(c, rowid):
        n: i32 = 2 + t.n_aux
        aux = ptr[Value](i32(alloc(Run(t.stmt), n * sizeof(Value))))
        if n <= 62:
            cursor_columns(c, (i64(1) << i64(n)) - 1, aux)
        else:
            for i in range(n):
                tag, payload = cursor_column(c, i)
                aux[i].tag = tag
                aux[i].payload = payload
        aux = aux + 2
    elif t.n_aux:
        corrupt()
    put_place(t, rowid, leaf, aux)


def leaf_of(t: Rtree, rowid: i64) -> i64:
    """The number of the leaf in which an entry is; 0: there is no such entry."""
    return lookup(Cursor(t.rowids), rowid)


def parent_of(t: Rtree, number: i64) -> i64:
    """The number of the node above a node; 0 if none is known."""
    return lookup(Cursor(t.parents), number)


def lookup(c: Cursor, key: i64) -> i64:
    """The second column of a shadow table; 0 without such a row."""
    if cursor_seek_rowid(c, key) == 0:
        return i64(0)
    tag, payload = cursor_column(c, 1)
    return payload if tag == INTEGER else i64(0)


def forget_row(c: Cursor, key: i64) -> None:
    """Delete a row of a shadow table."""
    if cursor_seek_rowid(c, key):
        cursor_delete(c)


def note_place(t: Rtree, height: i32, number: i64, node: Node) -> None:
    """A cell of the height is in that node now: of an entry (height 0) or a child."""
    if height == 0:
        move_place(t, number, node.number)
        return
    put_row(t, Cursor(t.parents), number, INTEGER, node.number)
    child: Node = node_loaded(t, number)
    if child:
        child.parent = i32(node)


def load_path(t: Rtree, node: Node) -> None:
    """Load all that is above a node. Raises SQLITE_CORRUPT_VTAB if that does not lead to the root."""
    n: Node = node
    steps: i32 = 0
    while n.number != ROOT:
        if not n.parent:
            above: i64 = parent_of(t, n.number)
            if above == 0 or steps > MAX_DEPTH:
                corrupt()
            n.parent = i32(node_get(t, above, Node(0)))
        n = Node(n.parent)
        steps += 1
        if steps > MAX_DEPTH + 1:
            corrupt()


def put_cell_number(cell: ptr[u8], number: i64) -> None:
    """Set the rowid or child of a cell."""
    put_be64(cell, number)
