"""How large tables are, roughly: what the order of a join depends on (docs/decisions/0062).

The class of a table is the number of digits, to base four, that its number of rows has, at least 1. A Program that
joins tables says for which classes it was planned, and asks when it starts whether they still hold.

Invariant:
  Z1  The class that was found is one that holds: a Program that is planned for it is not refused.
"""

from turso_wasm.kernel.abi import SMALL_TABLE, Cursor, KernelConnection, KeyInfo, Run, TableSize
from turso_wasm.kernel.base.errors import SQLITE_SCHEMA, raise_error
from turso_wasm.kernel.base.memory import mfree, mzalloc
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open
from turso_wasm.kernel.btree.tree import btree_estimate
from turso_wasm.wasm.lang import clz, export, i32, lit, ptr, sizeof, u8, u32

__subset__ = True

MARGIN = 2  # bits that a number of rows may be longer or shorter than its class says


@export
def sizes_check(s: Run, sizes: ptr[TableSize], n: i32) -> None:
    """Compare tables with the classes that they were planned to be of; the statement is in a transaction on their
    databases. Errors: SQLITE_SCHEMA, one is another by far: the statement must be prepared again. The connection then
    says where the classes are that were found.
    """
    holds: i32 = 1
    for at in range(n):
        size: TableSize = sizes[at]
        n_bits: i32 = 32 - i32(clz(table_estimate(s, size)))
        size.found = (n_bits + 1) >> 1 if n_bits else 1
        planned: i32 = size.planned if size.planned else SMALL_TABLE
        if n_bits > (planned << 1) + MARGIN or (size.planned and n_bits + MARGIN < (planned << 1) - 1):
            holds = 0
    if holds == 0:
        c: KernelConnection = KernelConnection(s.connection)
        c.sizes = i32(sizes)
        c.n_sizes = n
        raise_error(SQLITE_SCHEMA, *lit(b"database schema has changed"))


def table_estimate(s: Run, size: TableSize) -> u32:
    """About how many rows there are."""
    keyinfo: KeyInfo = KeyInfo(mzalloc(sizeof(KeyInfo))) if size.keyed else KeyInfo(0)
    c: Cursor = cursor_open(s, size.slot, size.root, keyinfo, 0)
    rows: i32 = btree_estimate(c)
    cursor_close(c)
    if size.keyed:
        mfree(ptr[u8](i32(keyinfo)))
    return u32(rows)
