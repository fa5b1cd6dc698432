"""The contract of modules of virtual tables: the structs that generated code makes room for, and their constants.

As kernel/abi.py, which has the contract of all else.
"""

from turso_wasm.wasm.lang import Struct, f64, i32, i64, ptr, u8

__subset__ = True

# --- R*Trees (kernel/rtree) -----------------------------------------------------------------------------------

RTREE_EQUAL, RTREE_LESS, RTREE_LESS_OR_EQUAL, RTREE_GREATER, RTREE_GREATER_OR_EQUAL, RTREE_NEVER = range(6)


class Rtree(Struct):
    """A tree that a statement reads or writes."""

    stmt: i32  # Run
    nodes: i32  # Cursor on t_node
    rowids: i32  # Cursor on t_rowid
    parents: i32  # Cursor on t_parent; readers do not need it
    n_coords: i32
    is_int: i32
    n_aux: i32
    cell_size: i32
    node_size: i32  # 0: not known yet
    capacity: i32  # cells of a node
    least: i32
    depth: i32
    loaded: i32  # Node
    removed: i32  # Node: taken out of the tree, its cells still to be put back
    new_node: i64  # the highest number that this operation has given to a node


class RtreeLimit(Struct):
    """A condition: coordinate `at` compared with a value. op: RTREE_*."""

    at: i32
    op: i32
    value: f64


class RtreeScan(Struct):
    """A search. cell: of the current entry."""

    tree: Rtree.embed
    n_limits: i32
    depth: i32  # of the path
    limits: ptr[RtreeLimit]
    cell: ptr[u8]
    impossible: i32  # a condition that is never true
    path: i32  # Levels, from the root on; 0 when an activation begins
