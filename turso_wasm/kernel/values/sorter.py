"""Sorters: rows in the order of their normalized keys, all of them or the first N.

Owns the rows in memory, the limit on that memory, and the choice between sorting there and spilling. The algorithms
are in kernel/base/sort.py, the files in kernel/values/sorted_runs.py.

A row in memory: as in a run (kernel/values/sorted_runs.py): sizes, key, row; its Item points to the key.

Invariants:
  T1  Rows with equal keys come out in the order in which they were added.
  T2  With a limit N, at most max(2N, PRUNE_MIN) rows are held; `cut` is then the N-th key of some N rows added so far,
      and a row whose key is not less is dropped: it cannot be among the first N, nor can a later one with that key.
  T3  Once `bytes` (rows, and two Items each) reaches the memory limit, the rows are sorted and spilled as a run.
  T4  sorter_row is valid until the next sorter_next.
"""

from turso_wasm.kernel.abi import Arena, KernelConnection, Run
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import raise_too_big
from turso_wasm.kernel.base.limits import work_memory
from turso_wasm.kernel.base.memory import arena_alloc, arena_free, malloc, mfree, mrealloc
from turso_wasm.kernel.base.resources import KIND_SORTER, resource_add
from turso_wasm.kernel.base.sort import Item, compare_keys, key_word, sort_items
from turso_wasm.kernel.base.tempfile import temp_flags, temp_open
from turso_wasm.kernel.values.key import first_int, key_room
from turso_wasm.kernel.values.sorted_runs import (
    Reader,
    SortedRuns,
    merge_close,
    merge_next,
    run_begin,
    run_end,
    runs_buffer,
    runs_merge,
    runs_release,
    runs_write,
)
from turso_wasm.wasm.lang import (
    export,
    funcref,
    i32,
    i64,
    inline,
    le32,
    memory_copy,
    ptr,
    put_le32,
    sizeof,
    u8,
    u32,
    u64,
)

__subset__ = True

PRUNE_MIN = 256
ITEMS_MIN = 16
ITEMS_MAX = 1 << 26
TOP_MAX = 1 << 24  # a greater limit only ends the output
ROW_MAX = 0x7FFE0000
TOUCHED = 16
NO_LIMIT = 0x7FFFFFFFFFFFFFFF


class Sorter(SortedRuns):
    """A sorter; kernel/values/sorted_runs.py owns the first fields."""

    statement: Run
    limit: i64  # rows to return at most
    returned: i64
    top: i32  # limit, if it is small enough to drop rows by; else -1
    has_cut: i32
    is_sorted: i32
    cut_prefix: u64
    cut: ptr[u8]
    cut_size: i32
    cut_int: i64  # the integer that it begins with, inverted if it descends; the largest, if with none
    count: i32
    capacity: i32
    items: ptr[Item]
    bytes: i64
    bytes_max: i64
    arena: Arena.embed
    spare_arena: Arena.embed
    row: i64
    touched: u32  # of no meaning: what is written must have been read


# --- making and freeing --------------------------------------------------------------------------------------


@export
def sorter_new(stmt: Run, limit: i64) -> Sorter:
    """An empty sorter that returns the first `limit` rows; all of them if it is negative. Errors: SQLITE_NOMEM."""
    s: Sorter = Sorter(i32(resource_add(stmt, sizeof(Sorter), KIND_SORTER, funcref(sorter_release))))
    s.fd = -1
    s.open_flags = temp_flags(KernelConnection(stmt.connection))
    s.target = -1
    s.statement = stmt
    s.limit = i64(NO_LIMIT) if limit < 0 else limit
    s.top = i32(limit) if limit >= 0 and limit <= TOP_MAX else -1
    s.has_cut = i32(limit == 0)
    s.cut_int = i64(NO_LIMIT)
    s.bytes_max = i64(work_memory())
    s.buffer_size = runs_buffer()
    return s


def sorter_release(resource: i32) -> None:
    """Free a Sorter."""
    s: Sorter = Sorter(resource)
    runs_release(SortedRuns(resource))
    mfree(s.cut)
    mfree(ptr[u8](s.items))
    arena_free(s.arena)
    arena_free(s.spare_arena)
    mfree(ptr[u8](resource))


@export
def sorter_clear(s: Sorter) -> None:
    """Make the sorter empty again, for another round with the same limit."""
    merge_close(SortedRuns(i32(s)))
    arena_free(s.arena)
    s.count = 0
    s.bytes = 0
    s.n_runs = 0
    s.written = 0
    s.is_sorted = 0
    s.has_cut = i32(s.limit == 0)
    s.cut_int = i64(NO_LIMIT)


# --- adding --------------------------------------------------------------------------------------------------


@inline
def is_cut(s: Sorter, prefix: u64, key: ptr[u8], size: i32) -> bool:
    """Whether a row with this key cannot be among the first N (T2)."""
    if s.has_cut == 0 or prefix < s.cut_prefix:
        return False
    return prefix > s.cut_prefix or compare_keys(key, size, s.cut, s.cut_size, 8) >= 0


@inline
def current_prefix(s: Sorter) -> u64:
    """The first word of the statement's current key."""
    stmt: Run = s.statement
    if not stmt.key:
        _ = key_room(stmt, 0)
    return key_word(stmt.key, stmt.key_used, 0)


@export
def sorter_wants(s: Sorter) -> i32:
    """0 if a row with the statement's current key would be dropped, so that it need not be made."""
    prefix: u64 = current_prefix(s)
    return i32(not is_cut(s, prefix, s.statement.key, s.statement.key_used))


@export
@inline
def sorter_drops_int(s: Sorter, first: i64) -> i32:
    """1 if a row whose key begins with this integer, inverted if it descends, would be dropped whatever follows."""
    return i32(first > s.cut_int)


@export
def sorter_add(s: Sorter, row: i64) -> None:
    """Add a row (address | size << 32) under the statement's current key; both are copied. Not after sorter_sort.

    Errors: SQLITE_TOOBIG, SQLITE_NOMEM, SQLITE_FULL, SQLITE_IOERR.
    """
    prefix: u64 = current_prefix(s)
    key: ptr[u8] = s.statement.key
    size: i32 = s.statement.key_used
    if is_cut(s, prefix, key, size):
        return
    row_size: i32 = i32(row >> 32)
    total: i64 = i64(size) + i64(row_size) + 16
    if total > ROW_MAX:
        raise_too_big()
    if s.count == s.capacity or s.bytes >= s.bytes_max:
        sorter_full(s)
    p: ptr[u8] = arena_alloc(s.arena, i32(total)) + 8
    put_le32(p - 8, u32(row_size))
    put_le32(p - 4, u32(size))
    copy_bytes(p, key, size)
    copy_bytes(p + size, ptr[u8](i32(row)), row_size)
    item: Item = s.items[s.count]
    item.prefix = prefix
    item.key = p
    item.size = size
    s.count += 1
    s.bytes += total + 2 * sizeof(Item)


def sorter_full(s: Sorter) -> None:
    """Make room for another row: drop rows behind the first N, spill, or grow."""
    hold: i32 = 2 * s.top if 2 * s.top > PRUNE_MIN else PRUNE_MIN
    most: i64 = s.bytes_max
    if s.top >= 0 and s.count > s.top and (s.count >= hold or s.bytes >= most):
        sorter_prune(s)
        # What is left must leave room for many rows, or pruning would be all we do.
        most = most >> 1
    if s.bytes >= most or s.count >= ITEMS_MAX:
        sorter_spill(s)
    if s.count < s.capacity:
        return
    capacity: i32 = s.capacity * 2
    if capacity < ITEMS_MIN:
        capacity = ITEMS_MIN
    if s.top >= 0 and capacity > hold:
        capacity = hold
    s.items = ptr[Item](mrealloc(ptr[u8](s.items), capacity * sizeof(Item)))
    s.capacity = capacity


def sort_run(s: Sorter) -> None:
    """Sort the rows in memory; keep and cut at the first N (T2)."""
    if s.count > 1:
        spare: ptr[Item] = ptr[Item](malloc(s.count * sizeof(Item)))
        sort_items(s.items, spare, s.count, 0)
        mfree(ptr[u8](spare))
    if s.top > 0 and s.count >= s.top:
        s.count = s.top
        last: Item = s.items[s.top - 1]
        s.cut = mrealloc(s.cut, last.size + 16)
        memory_copy(s.cut, last.key, last.size)
        s.cut_size = last.size
        s.cut_prefix = key_word(last.key, last.size, 0)
        s.has_cut = 1
        is_int, first = first_int(last.key, last.size)
        s.cut_int = first if is_int else i64(NO_LIMIT)


def sorter_prune(s: Sorter) -> None:
    """Drop all rows but the first N, and pack these."""
    sort_run(s)
    s.bytes = 0
    for i in range(s.count):
        item: Item = s.items[i]
        total: i32 = item.size + i32(le32(item.key - 8)) + 16
        p: ptr[u8] = arena_alloc(s.spare_arena, total) + 8
        copy_bytes(p - 8, item.key - 8, total - 8)
        item.key = p
        item.prefix = key_word(p, item.size, 0)
        s.bytes += i64(total + 2 * sizeof(Item))
    arena_free(s.arena)
    arena: Arena = s.arena
    packed: Arena = s.spare_arena
    arena.chunk, packed.chunk = packed.chunk, arena.chunk
    arena.top, packed.top = packed.top, arena.top
    arena.limit, packed.limit = packed.limit, arena.limit


def sorter_spill(s: Sorter) -> None:
    """Write the rows in memory to the file as a run."""
    sort_run(s)
    runs: SortedRuns = SortedRuns(i32(s))
    if s.fd < 0:
        s.fd = temp_open(s.open_flags)
    run_begin(runs)
    for i in range(s.count):
        key: ptr[u8] = s.items[i].key
        runs_write(runs, s.fd, key - 8, 8 + s.items[i].size + i32(le32(key - 8)))
    run_end(runs, s.fd)
    arena_free(s.arena)
    s.count = 0
    s.bytes = 0


# --- reading -------------------------------------------------------------------------------------------------


@export
def sorter_sort(s: Sorter) -> None:
    """Sort; sorter_next then goes to the first row. Called again, it only goes back to the beginning.

    Errors: SQLITE_NOMEM, SQLITE_FULL, SQLITE_IOERR.
    """
    s.returned = 0
    s.statement.sorts += 1 - s.is_sorted
    if s.n_runs == 0:
        if s.is_sorted == 0:
            sort_run(s)
    else:
        if s.count:
            sorter_spill(s)
        runs_merge(SortedRuns(i32(s)), s.limit)
    s.is_sorted = 1


def sorter_touch(s: Sorter, first: i32) -> None:
    """Read a byte of each of the next rows, which lie anywhere: so that the processor waits for all of them at once."""
    end: i32 = first + TOUCHED if first + TOUCHED < s.count else s.count
    seen: u32 = u32(0)
    for i in range(first, end):
        seen = seen | le32(s.items[i].key - 8)
    s.touched = seen


@export
def sorter_next(s: Sorter) -> i32:
    """Go to the next row; 0 at the end. Errors: SQLITE_NOMEM, SQLITE_IOERR."""
    if s.returned >= s.limit:
        return 0
    if s.n_runs == 0:
        if s.returned >= i64(s.count):
            return 0
        number: i32 = i32(s.returned)
        if number % TOUCHED == 0:
            sorter_touch(s, number)
        item: Item = s.items[number]
        s.row = i64(u32(item.key + item.size)) | i64(le32(item.key - 8)) << 32
    else:
        at: i32 = merge_next(SortedRuns(i32(s)))
        if at == 0:
            return 0
        r: Reader = Reader(at)
        s.row = i64(u32(r.key + r.size)) | i64(r.row_size) << 32
    s.returned += 1
    return 1


def sorter_head(s: Sorter) -> ptr[u8]:
    """The current row, as in a run: sizes, key, row (T4)."""
    if s.n_runs == 0:
        return s.items[i32(s.returned) - 1].key - 8
    return Reader(s.heap[0]).key - 8


@export
def sorter_is_in_memory(s: Sorter) -> i32:
    """1 if all rows stay where they are as long as the sorter does; asked after sorter_sort."""
    return i32(s.n_runs == 0)


@export
@inline
def sorter_row(s: Sorter) -> i64:
    """The current row: address | size << 32 (T4)."""
    return s.row
