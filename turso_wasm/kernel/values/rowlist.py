"""A list of rowids: what a two-phase UPDATE or DELETE collected before it writes. A resource of the statement.

Memory is one growing block; 8 bytes a rowid.
"""

from turso_wasm.kernel.abi import Resource, Run
from turso_wasm.kernel.base.memory import grown, mfree, mrealloc
from turso_wasm.kernel.base.resources import resource_add
from turso_wasm.wasm.lang import export, funcref, i32, i64, ptr, sizeof, u8

__subset__ = True

KIND_ROWLIST = 16


class RowList(Resource):
    """`at` is the index of the next rowid to read."""

    items: ptr[i64]
    count: i32
    capacity: i32
    at: i32


def rowlist_release(resource: i32) -> None:
    """Free a RowList."""
    mfree(ptr[u8](RowList(resource).items))
    mfree(ptr[u8](resource))


@export
def rowlist_new(stmt: Run) -> RowList:
    """An empty list, freed with the statement."""
    return RowList(i32(resource_add(stmt, sizeof(RowList), KIND_ROWLIST, funcref(rowlist_release))))


@export
def rowlist_add(rows: RowList, rowid: i64) -> None:
    """Append. Errors: SQLITE_NOMEM."""
    if rows.count == rows.capacity:
        size: i32 = grown(rows.capacity * 8, i64(rows.count) * 8 + 8, 512)
        rows.items = ptr[i64](mrealloc(ptr[u8](rows.items), size))
        rows.capacity = size >> 3
    rows.items[rows.count] = rowid
    rows.count += 1


@export
def rowlist_next(rows: RowList) -> tuple[i32, i64]:
    """(1, the next rowid in order of insertion), or (0, 0) at the end."""
    if rows.at >= rows.count:
        return 0, 0
    rows.at += 1
    return 1, rows.items[rows.at - 1]
