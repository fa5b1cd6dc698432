"""Tables of rows for look-ups by equal keys that are made often: a b-tree read once is cheaper than as many descents.

Owns when a table is made, and its making: in batches amid the look-ups, so that none takes long and little is lost when
they end. How often is often: docs/decisions/0033-lookup-tables.md.

Invariants:
  O1  `ready` is set when all rows are in the table, in the order of their rowids; it never spills.
  O2  What is given up stays so for the run.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, Cursor, KeyInfo, Lookup, LookupPlan, Run, Value
from turso_wasm.kernel.abi_states import KeptRow
from turso_wasm.kernel.base.memory import arena_mark, arena_release
from turso_wasm.kernel.btree.cursor.move import cursor_first, index_next, table_next
from turso_wasm.kernel.btree.cursor.position import cursor_close, cursor_open, settle_next
from turso_wasm.kernel.btree.cursor.range import cursor_past
from turso_wasm.kernel.btree.cursor.read import cursor_columns
from turso_wasm.kernel.btree.cursor.seek import index_find
from turso_wasm.kernel.btree.cursor.watch import POINT, watch_key
from turso_wasm.kernel.btree.tree import btree_estimate
from turso_wasm.kernel.values.join_table import (
    JoinTable,
    join_add,
    join_add_int,
    join_find,
    join_find_int,
    join_free,
    join_new,
)
from turso_wasm.kernel.values.key import key_add, key_reset
from turso_wasm.kernel.values.record import record_encode
from turso_wasm.wasm.lang import addr, export, i32, i64, inline, ptr, scratch, sizeof, u8

__subset__ = True

GIVEN_UP = 1
MOST = 2 << 20  # rows
EVERY = 512  # so many look-ups, the table is thought of
OFTEN = 4  # it is begun after a 16th as many look-ups as there are rows
BATCH = 8192  # rows
COLUMNS_MAX = 64
ROW_OVERHEAD = 64  # bytes of a row and its entry in a JoinTable, at most
IN_INDEX = 1


@export
def lookup_seek(stmt: Run, k: Lookup, c: Cursor, probe: ptr[Value], plan: LookupPlan) -> i32:
    """The first row whose key is that of the probe: IN_INDEX, c is on its entry; or the address of a KeptRow. 0: none.

    Errors: SQLITE_CORRUPT, SQLITE_NOMEM, I/O errors.
    """
    n: i32 = plan.n_keys
    if k.ready:
        if n == 1 and probe[0].tag == INTEGER:
            return join_find_int(JoinTable(k.ready), probe[0].payload)
        field: ptr[i32] = plan_fields(plan)
        key_reset(stmt)
        for i in range(n):
            key_add(stmt, probe[i].tag, probe[i].payload, field[2 * i + 1])
        return join_find(JoinTable(k.ready))
    k.asked += 1
    if k.asked & (EVERY - 1) == 0 and k.state != GIVEN_UP:
        scope: i32 = stmt.scope
        stmt.scope = i32(addr(stmt.root))
        make_table(stmt, k, plan)
        stmt.scope = scope
    if c.watch:
        watch_key(c, POINT, probe, n)
    return settle_next(c) if index_find(c, probe, n, 0) else 0


@export
def lookup_next(row: i32, c: Cursor, probe: ptr[Value], plan: LookupPlan) -> i32:
    """The row behind one that lookup_seek or this gave, with the same key; 0: there is none. Errors: as lookup_seek."""
    if row != IN_INDEX:
        return KeptRow(row).next
    if index_next(c) == 0:
        return 0
    return i32(c.nth < c.sure or cursor_past(c, probe, plan.n_keys, 1) == 0)


@inline
def plan_fields(plan: LookupPlan) -> ptr[i32]:
    """What stands behind a LookupPlan."""
    return ptr[i32](ptr[u8](plan) + sizeof(LookupPlan))


def make_table(stmt: Run, k: Lookup, plan: LookupPlan) -> None:
    """Begin the table if there were many look-ups beside the rows there are; go on with it if it was begun."""
    if k.cursor == 0:
        c: Cursor = cursor_open(stmt, plan.slot, plan.root, KeyInfo(0), 0)
        rows: i32 = btree_estimate(c)
        if rows > MOST or k.asked < rows >> OFTEN:
            cursor_close(c)
            if rows > MOST:
                k.state = GIVEN_UP
            return
        k.cursor = i32(c)
        k.table = i32(join_new(stmt, 0))
        k.more = cursor_first(c)
    read_batch(stmt, k, plan)


def read_batch(stmt: Run, k: Lookup, plan: LookupPlan) -> None:
    """Put the next rows of the b-tree into the table; give it up if they do not fit."""
    c: Cursor = Cursor(k.cursor)
    left: i32 = BATCH
    while left and k.more:
        mark: i32 = arena_mark(stmt.arena)
        fits: bool = add_row(stmt, c, JoinTable(k.table), plan)
        arena_release(stmt.arena, mark)
        if not fits:
            join_free(stmt, JoinTable(k.table))
            k.state = GIVEN_UP
            cursor_close(c)
            return
        k.more = table_next(c)
        left -= 1
    if k.more == 0:
        k.ready = k.table
        stmt.indexed += JoinTable(k.table).n_rows
        cursor_close(c)


def add_row(stmt: Run, c: Cursor, table: JoinTable, plan: LookupPlan) -> bool:
    """Put the row under the cursor into the table, unless a part of its key is NULL, which equals nothing. False: it
    does not fit (O1).
    """
    found: ptr[Value] = ptr[Value](scratch(COLUMNS_MAX * sizeof(Value)))
    cursor_columns(c, plan.mask, found)
    field: ptr[i32] = plan_fields(plan)
    first: Value = found[field[0]]
    plain: bool = plan.n_keys == 1 and first.tag == INTEGER
    key: i64 = first.payload
    key_reset(stmt)
    for _i in range(plan.n_keys):
        part: Value = found[field[0]]
        if part.tag == NULL:
            return True
        if not plain:
            key_add(stmt, part.tag, part.payload, field[1])
        field += 2
    values: ptr[Value] = ptr[Value](scratch((COLUMNS_MAX + 1) * sizeof(Value)))
    n: i32 = plan.n_columns
    for i in range(n):
        values[i].tag = found[field[i]].tag
        values[i].payload = found[field[i]].payload
    values[n].tag = INTEGER
    values[n].payload = c.rowid
    record: i64 = record_encode(stmt, values, n + 1)
    if table.hash.bytes + (record >> 32) + i64(stmt.key_used + ROW_OVERHEAD) > table.hash.bytes_max:
        return False
    if plain:
        join_add_int(table, record, key)
    else:
        join_add(table, record, 1)
    return True
