"""rtreecheck: is every cell within its parent's, and do the shadow tables say of every cell where it is?

Source: https://sqlite.org/rtree.html#integrity_check, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, NULL, TEXT, Cursor, Run
from turso_wasm.kernel.abi_modules import Rtree
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.btree.cursor.read import cursor_column
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_rowid
from turso_wasm.kernel.btree.tree import btree_count
from turso_wasm.kernel.rtree.node import HEADER, MAX_DEPTH, ROOT, cell_at, coord, n_cells, node_blob, read_depth
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put, buffer_value
from turso_wasm.kernel.values.number_text import INT_TEXT_SIZE, int_to_text
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import Struct, be16, be64, export, i32, i64, lit, memory_copy, ptr, scratch, sizeof, u8

__subset__ = True

MOST = 100  # messages


class Faults(Struct):
    """What was found so far."""

    text: Buffer.embed
    count: i32
    leaf_cells: i64
    other_cells: i64


def begin(f: Faults) -> i32:
    """Begin a message; 0 if there are enough."""
    f.count += 1
    if f.count > MOST:
        return 0
    if f.count > 1:
        buffer_put(f.text, 10)
    return 1


def say(f: Faults, text: ptr[u8], size: i32, v: i64) -> None:
    """A text and a number."""
    buffer_add(f.text, text, size)
    number: ptr[u8] = scratch(INT_TEXT_SIZE)
    buffer_add(f.text, number, int_to_text(v, number))


def check_mapping(t: Rtree, f: Faults, is_leaf: i32, key: i64, value: i64) -> None:
    """The row of t_rowid or t_parent that belongs to a cell."""
    c: Cursor = Cursor(t.rowids if is_leaf else t.parents)
    actual: i64 = i64(0)
    found: i32 = cursor_seek_rowid(c, key)
    if found:
        _tag, actual = cursor_column(c, 1)
        if actual == value:
            return
    if begin(f) == 0:
        return
    if found:
        say(f, *lit(b"Found ("), key)
        say(f, *lit(b" -> "), actual)
        buffer_add(f.text, *lit(b") in "))
    else:
        say(f, *lit(b"Mapping ("), key)
        say(f, *lit(b" -> "), value)
        buffer_add(f.text, *lit(b") missing from "))
    if is_leaf:
        buffer_add(f.text, *lit(b"%_rowid table"))
    else:
        buffer_add(f.text, *lit(b"%_parent table"))
    if found:
        say(f, *lit(b", expected ("), key)
        say(f, *lit(b" -> "), value)
        buffer_put(f.text, 41)


def check_coords(t: Rtree, f: Faults, i: i32, number: i64, cell: ptr[u8], parent: ptr[u8]) -> None:
    """Minima and maxima of a cell, and those of the cell above it (null: it is in the root)."""
    for d in range(t.n_coords // 2):
        low: i32 = 2 * d
        if coord(t, cell, low) > coord(t, cell, low + 1) and begin(f):
            say_dimension(f, d, i, number)
        if not parent:
            continue
        if coord(t, cell, low) >= coord(t, parent, low) and coord(t, cell, low + 1) <= coord(t, parent, low + 1):
            continue
        if begin(f):
            say_dimension(f, d, i, number)
            buffer_add(f.text, *lit(b" relative to parent"))


def say_dimension(f: Faults, dimension: i32, i: i32, number: i64) -> None:
    """The words about a dimension of a cell."""
    say(f, *lit(b"Dimension "), i64(dimension))
    say(f, *lit(b" of cell "), i64(i))
    say(f, *lit(b" on node "), number)
    buffer_add(f.text, *lit(b" is corrupt"))


def node_copy(t: Rtree, f: Faults, number: i64) -> tuple[ptr[u8], i32]:
    """A copy of a node with its size; null, and a message, if it is not there or too small."""
    c: Cursor = Cursor(t.nodes)
    if cursor_seek_rowid(c, number) == 0:
        if begin(f):
            say(f, *lit(b"Node "), number)
            buffer_add(f.text, *lit(b" missing from database"))
        return ptr[u8](0), 0
    tag, payload = cursor_column(c, 1)
    size: i32 = size_of(payload) if tag == BLOB or tag == TEXT else 0  # noqa: SIM109
    if size < HEADER:
        if begin(f):
            say(f, *lit(b"Node "), number)
            say(f, *lit(b" is too small ("), i64(size))
            buffer_add(f.text, *lit(b" bytes)"))
        return ptr[u8](0), 0
    data: ptr[u8] = alloc(Run(t.stmt), size)
    memory_copy(data, bytes_of(payload), size)
    return data, size


def check_node(t: Rtree, f: Faults, depth: i32, parent: ptr[u8], number: i64) -> None:
    """A node and all that is below it. depth: how far it is from the leaves, -1: the root says it."""
    if f.count >= MOST:
        return
    data, size = node_copy(t, f, number)
    if not data:
        return
    if depth < 0:
        depth = be16(data)
        if depth > MAX_DEPTH:
            if begin(f):
                say(f, *lit(b"Rtree depth out of range ("), i64(depth))
                buffer_put(f.text, 41)
            return
    n: i32 = n_cells(data)
    if HEADER + n * t.cell_size > size:
        if begin(f):
            say(f, *lit(b"Node "), number)
            say(f, *lit(b" is too small for cell count of "), i64(n))
            say(f, *lit(b" ("), i64(size))
            buffer_add(f.text, *lit(b" bytes)"))
        return
    for i in range(n):
        cell: ptr[u8] = cell_at(t, data, i)
        check_coords(t, f, i, number, cell, parent)
        check_mapping(t, f, i32(depth == 0), be64(cell), number)
        if depth:
            f.other_cells += 1
            check_node(t, f, depth - 1, cell, be64(cell))
        else:
            f.leaf_cells += 1


def check_count(f: Faults, c: Cursor, text: ptr[u8], size: i32, expected: i64) -> None:
    """The number of rows of a shadow table."""
    actual: i64 = btree_count(c)
    if actual != expected and begin(f):
        buffer_add(f.text, *lit(b"Wrong number of entries in %"))
        buffer_add(f.text, text, size)
        say(f, *lit(b" table - expected "), expected)
        say(f, *lit(b", actual "), actual)


def read_first(t: Rtree) -> None:
    """SQLite reads an entry before it checks the tree: the first nodes must be there. Raises SQLITE_CORRUPT_VTAB."""
    data: ptr[u8] = node_blob(t, i64(ROOT))
    for _level in range(read_depth(data)):
        if n_cells(data) == 0:
            return
        data = node_blob(t, be64(cell_at(t, data, 0)))


@export
def rtree_check(t: Rtree) -> tuple[i32, i64]:
    """What is wrong with a tree, NULL: nothing. Raises SQLITE_CORRUPT_VTAB, SQLITE_NOMEM."""
    read_first(t)
    f: Faults = Faults(alloc(Run(t.stmt), sizeof(Faults)))
    buffer_init(f.text, Run(t.stmt))
    f.count = 0
    f.leaf_cells = i64(0)
    f.other_cells = i64(0)
    check_node(t, f, -1, ptr[u8](0), i64(ROOT))
    check_count(f, Cursor(t.rowids), *lit(b"_rowid"), f.leaf_cells)
    check_count(f, Cursor(t.parents), *lit(b"_parent"), f.other_cells)
    if f.count == 0:
        return NULL, i64(0)
    tag, payload = buffer_value(f.text)
    return tag, payload
