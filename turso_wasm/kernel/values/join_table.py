"""The rows of a hash join's build side, found by their keys.

In memory they are chained by key, in the order in which they came, from the entries of a hash table. Beyond the memory
limit all of them become one sorted run in which keys can be looked up (kernel/values/indexed_runs.py).

A join that shows the rows nothing matched needs all rows in order: in memory another list goes through them; otherwise
they are in a second file (kernel/values/kept_rows.py), and a bit for each says whether it was matched.

Invariants:
  J1  A row begins with a KeptRow, a ListedRow if the table is listed. One that is in a file is valid until the next
      look-up or step.
  J2  All rows are added, then join_end, then they are looked for.
"""

from turso_wasm.kernel.abi import KernelConnection, Resource, Run
from turso_wasm.kernel.abi_states import IN_FILE, Hash, KeptRow, ListedRow
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import raise_too_big
from turso_wasm.kernel.base.memory import grown, mfree, mrealloc, mzalloc
from turso_wasm.kernel.base.resources import resource_add, resource_free
from turso_wasm.kernel.base.tempfile import temp_flags
from turso_wasm.kernel.values.hashtable import (
    hash_add,
    hash_add_int,
    hash_alloc,
    hash_clear,
    hash_find,
    hash_find_int,
    hash_key,
    hash_new,
)
from turso_wasm.kernel.values.indexed_runs import (
    IndexedRuns,
    indexed_begin,
    indexed_end,
    indexed_find,
    indexed_free,
    indexed_new,
    indexed_next,
    indexed_row,
    indexed_write,
)
from turso_wasm.kernel.values.kept_rows import (
    ROW_MAX,
    KeptReader,
    KeptRows,
    kept_rows_end,
    kept_rows_new,
    kept_rows_next,
    kept_rows_open,
    kept_rows_reader,
    kept_rows_write,
    reader_rewind,
)
from turso_wasm.kernel.values.key import key_put_int, key_room
from turso_wasm.kernel.values.sorter import Sorter, sorter_add, sorter_head, sorter_new, sorter_next, sorter_sort
from turso_wasm.wasm.lang import (
    Struct,
    export,
    funcref,
    i32,
    i64,
    inline,
    le64,
    memory_fill,
    ptr,
    scratch,
    sizeof,
    u8,
    u32,
)

__subset__ = True

KIND_JOIN_TABLE = 22


class Chain(Struct):
    """The entry of a key: its first and its last row."""

    first: i32
    last: i32


class JoinTable(Resource):
    """`room`: where a row is put together that goes to a file. matched: bits, of the visit that goes on."""

    statement: Run
    hash: Hash
    listed: i32
    head: i32
    n_rows: i32
    visit: i32
    first: i32  # all rows
    last: i32
    rest: i32  # where join_rest goes on
    sorter: Sorter  # while rows are added to what does not fit
    runs: IndexedRuns
    rows: KeptRows
    reader: KeptReader
    matched: ptr[u8]
    room: ptr[u8]
    room_size: i32


@export
def join_new(stmt: Run, listed: i32) -> JoinTable:
    """An empty table. listed: join_rest will be asked for. Errors: SQLITE_NOMEM."""
    t: JoinTable = JoinTable(i32(resource_add(stmt, sizeof(JoinTable), KIND_JOIN_TABLE, funcref(join_release))))
    t.statement = stmt
    t.listed = listed
    t.head = sizeof(ListedRow) if listed else sizeof(KeptRow)
    t.hash = hash_new(stmt, sizeof(Chain))
    return t


def join_release(resource: i32) -> None:
    """Free what is the JoinTable's own; hash table, sorter and rows are resources themselves."""
    t: JoinTable = JoinTable(resource)
    if t.runs:
        indexed_free(t.runs)
    mfree(t.matched)
    mfree(t.room)
    mfree(ptr[u8](resource))


@export
def join_free(stmt: Run, t: JoinTable) -> None:
    """Free a table of the frame in scope before the activation ends."""
    for part in range(4):
        own: i32 = i32(t.hash) if part == 0 else i32(t.rows) if part == 1 else i32(t.reader) if part == 2 else i32(t)
        if own:
            resource_free(stmt, own)


# --- adding --------------------------------------------------------------------------------------------------


@export
def join_add(t: JoinTable, record: i64, keyed: i32) -> None:
    """Add a row with this record (address | size << 32) under the statement's current key, or, if it is not keyed,
    where it is found by no key. Errors: SQLITE_TOOBIG, SQLITE_NOMEM, SQLITE_FULL, SQLITE_IOERR.
    """
    size: i32 = i32(record >> 32)
    if size > ROW_MAX:
        raise_too_big()
    if t.sorter:
        add_to_files(t, ptr[u8](i32(record)), size, keyed)
    else:
        row: ptr[u8] = keep_row(t, ptr[u8](i32(record)), size)
        if keyed:
            chain_row(Chain(hash_add(t.hash)), row)
        if t.hash.bytes >= t.hash.bytes_max:
            join_spill(t)
    t.n_rows += 1


def join_add_int(t: JoinTable, record: i64, key: i64) -> None:
    """join_add under an integer key, for a row that has been found to fit into memory. Errors: SQLITE_NOMEM."""
    row: ptr[u8] = keep_row(t, ptr[u8](i32(record)), i32(record >> 32))
    chain_row(Chain(hash_add_int(t.hash, key)), row)
    t.n_rows += 1


@inline
def keep_row(t: JoinTable, record: ptr[u8], size: i32) -> ptr[u8]:
    """Copy a row to the table's memory; under no key yet."""
    row: ptr[u8] = hash_alloc(t.hash, t.head + size)
    KeptRow(row).next = 0
    KeptRow(row).size = size
    copy_bytes(row + t.head, record, size)
    if t.listed:
        list_row(t, ListedRow(row))
    return row


def list_row(t: JoinTable, row: ListedRow) -> None:
    """Put a row at the end of the list of all rows."""
    row.listed = 0
    row.matched = 0
    if t.last:
        ListedRow(t.last).listed = i32(row)
    else:
        t.first = i32(row)
    t.last = i32(row)


def chain_row(chain: Chain, row: ptr[u8]) -> None:
    """Put a row at the end of its chain."""
    if chain.last:
        KeptRow(chain.last).next = i32(row)
    else:
        chain.first = i32(row)
    chain.last = i32(row)


def add_to_files(t: JoinTable, record: ptr[u8], size: i32, keyed: i32) -> None:
    """Add a row to what is in files."""
    total: i32 = t.head + size
    if total > t.room_size:
        room_size: i32 = grown(t.room_size, i64(total), 256)
        t.room = mrealloc(t.room, room_size)
        t.room_size = room_size
    KeptRow(t.room).size = size
    if t.listed:
        ListedRow(t.room).matched = 0
    copy_bytes(t.room + t.head, record, size)
    put_in_files(t, t.room, t.n_rows, keyed)


def put_in_files(t: JoinTable, row: ptr[u8], number: i32, keyed: i32) -> None:
    """Write a row, under the statement's current key if it is keyed."""
    KeptRow(row).next = IN_FILE
    size: i32 = KeptRow(row).size
    if t.listed:
        ListedRow(row).listed = number
        kept_rows_write(t.rows, row, t.head, row + t.head, size)
    if keyed:
        sorter_add(t.sorter, i64(u32(row)) | i64(t.head + size) << 32)


def join_spill(t: JoinTable) -> None:
    """Move all rows to files."""
    stmt: Run = t.statement
    t.sorter = sorter_new(stmt, i64(-1))
    if t.listed:
        t.rows = kept_rows_new(stmt)
        kept_rows_open(t.rows)
        number_rows(t)
    h: Hash = t.hash
    for i in range(h.count):
        entry: ptr[u8] = ptr[u8](h.order[i] & ~1)
        entry_key(t, entry, h.order[i] & 1)
        at: i32 = Chain(entry).first
        while at:
            row: KeptRow = KeptRow(at)
            at = row.next
            row.next = IN_FILE
            sorter_add(t.sorter, i64(u32(row)) | i64(t.head + row.size) << 32)
    hash_clear(h)
    t.first = IN_FILE


def number_rows(t: JoinTable) -> None:
    """Write all rows in their order; from now on `listed` is their number."""
    at: i32 = t.first
    number: i32 = 0
    while at:
        row: ListedRow = ListedRow(at)
        at = row.listed
        chained: i32 = row.next
        put_in_files(t, ptr[u8](row), number, 0)
        row.next = chained
        number += 1


def entry_key(t: JoinTable, entry: ptr[u8], by_int: i32) -> None:
    """Make an entry's key the statement's current one."""
    stmt: Run = t.statement
    head: i64 = le64(entry - 8)
    stmt.key_used = 0
    if by_int:
        stmt.key_used = key_put_int(key_room(stmt, 16), head, i64(0))
        return
    size: i32 = i32(head)
    copy_bytes(key_room(stmt, size), entry + t.hash.key_at, size)
    stmt.key_used = size


@export
def join_end(t: JoinTable) -> None:
    """All rows have been added. Errors: SQLITE_NOMEM, SQLITE_FULL, SQLITE_IOERR."""
    stmt: Run = t.statement
    stmt.indexed += t.n_rows
    if not t.sorter:
        return
    t.runs = indexed_new(temp_flags(KernelConnection(stmt.connection)))
    sorter_sort(t.sorter)
    indexed_begin(t.runs, i64(t.n_rows))
    while sorter_next(t.sorter):
        indexed_write(t.runs, t.runs.fd, sorter_head(t.sorter))
    indexed_end(t.runs, t.runs.fd)
    resource_free(stmt, i32(t.sorter))
    if t.listed:
        kept_rows_end(t.rows)
        t.reader = kept_rows_reader(stmt, t.rows)
        t.matched = mzalloc((t.n_rows >> 3) + 1)


# --- looking up ----------------------------------------------------------------------------------------------


@export
def join_find(t: JoinTable) -> i32:
    """The first row with the statement's current key, 0 if there is none. Errors: SQLITE_NOMEM, SQLITE_IOERR."""
    if t.runs:
        key, size = hash_key(t.hash)
        return find_in_file(t, key, size)
    entry: ptr[u8] = hash_find(t.hash)
    return Chain(entry).first if entry else 0


@export
def join_find_int(t: JoinTable, key: i64) -> i32:
    """The first row with an integer key, 0 if there is none. Errors: SQLITE_NOMEM, SQLITE_IOERR."""
    if t.runs:
        room: ptr[u8] = scratch(32)
        return find_in_file(t, room, key_put_int(room, key, i64(0)))
    entry: ptr[u8] = hash_find_int(t.hash, key)
    return Chain(entry).first if entry else 0


def find_in_file(t: JoinTable, key: ptr[u8], size: i32) -> i32:
    """The first row with a key, which is in a file."""
    return i32(indexed_row(t.runs)) if indexed_find(t.runs, key, size) else 0


@export
def join_next(t: JoinTable) -> i32:
    """The row behind the current one, which is in a file, with the same key; 0: there is none."""
    return i32(indexed_row(t.runs)) if indexed_next(t.runs) else 0


# --- rows that nothing matched -------------------------------------------------------------------------------


@export
def join_begin(t: JoinTable) -> i32:
    """The join is entered: nothing is matched yet. The number of the visit, for rows in memory."""
    t.visit += 1
    if t.runs:
        memory_fill(t.matched, 0, (t.n_rows >> 3) + 1)
        reader_rewind(t.reader)
        t.rest = 0
    else:
        t.rest = t.first
    return t.visit


@export
def join_match(t: JoinTable, row: ListedRow) -> None:
    """A row that is in a file has been matched."""
    place: ptr[u8] = t.matched + (row.listed >> 3)
    place[0] = place[0] | 1 << (row.listed & 7)


@export
def join_rest(t: JoinTable) -> i32:
    """The next row, in order, that nothing matched in this visit; 0 at the end. Errors: SQLITE_NOMEM, SQLITE_IOERR."""
    if t.runs:
        at: i32 = kept_rows_next(t.reader)
        while at and t.matched[t.rest >> 3] >> (t.rest & 7) & 1:
            t.rest += 1
            at = kept_rows_next(t.reader)
        t.rest += 1
        return at
    row: i32 = t.rest
    while row and ListedRow(row).matched == t.visit:
        row = ListedRow(row).listed
    t.rest = ListedRow(row).listed if row else 0
    return row
