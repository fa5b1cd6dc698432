"""Loops over the kernel's per-row routines, in the typed subset: what benchmarks/records.py times."""

from turso_wasm.kernel.abi import INTEGER, TEXT, Run, Value
from turso_wasm.kernel.base.memory import arena_mark, arena_release, malloc, mzalloc
from turso_wasm.kernel.base.resources import resources_free
from turso_wasm.kernel.values.aggregate import SumState, sum_step_int
from turso_wasm.kernel.values.hashtable import Hash, hash_add, hash_add_int, hash_new, hash_next, hash_sort
from turso_wasm.kernel.values.key import key_add, key_add_int, key_reset
from turso_wasm.kernel.values.number_text import int_to_text
from turso_wasm.kernel.values.record import record_column, record_columns, record_encode
from turso_wasm.kernel.values.rows import row_begin, row_end, row_set
from turso_wasm.kernel.values.sorter import (
    Sorter,
    sorter_add,
    sorter_new,
    sorter_next,
    sorter_row,
    sorter_set_memory_limit,
    sorter_sort,
)
from turso_wasm.wasm.lang import export, i32, i64, inline, memory_copy, ptr, u8, u32

__subset__ = True

RECORD_ROOM = 64


@inline
def scramble(i: i32) -> i32:
    """A pseudo-random number of 31 bits for i."""
    x: u32 = u32(i) * u32(0x9E3779B1)
    x ^= x >> 15
    x *= u32(0x85EBCA77)
    x ^= x >> 13
    return i32(x >> 1)


@export
def new_statement() -> Run:
    return Run(mzalloc(Run.size))


def text_of(i: i32, out: ptr[u8]) -> i64:
    """Name number i: "customer 123"."""
    memory_copy(out, b"customer ", 9)
    return i64(u32(out)) | i64(9 + int_to_text(i64(i), out + 9)) << 32


@export
def make_records(stmt: Run, n: i32) -> ptr[u8]:
    """n records (i, random below a million, text, real), each in RECORD_ROOM bytes behind its size."""
    all: ptr[u8] = malloc(n * RECORD_ROOM + 64)
    values: ptr[Value] = ptr[Value](malloc(64))
    name: ptr[u8] = malloc(64)
    for i in range(n):
        mark: i32 = arena_mark(stmt.arena)
        values[0].tag = INTEGER
        values[0].payload = i64(i)
        values[1].tag = INTEGER
        values[1].payload = i64(scramble(i) % 1000000)
        values[2].tag = TEXT
        values[2].payload = text_of(scramble(i) % 100, name)
        values[3].tag = INTEGER
        values[3].payload = i64(i & 1)
        record: i64 = record_encode(stmt, values, 4)
        at: ptr[u8] = all + i * RECORD_ROOM
        ptr[i32](at)[0] = i32(record >> 32)
        memory_copy(at + 4, ptr[u8](i32(record)), i32(record >> 32))
        arena_release(stmt.arena, mark)
    return all


@export
def scan_columns(records: ptr[u8], n: i32, mask: i64) -> i64:
    """record_columns of each record."""
    values: ptr[Value] = ptr[Value](malloc(64 * 16))
    total: i64 = 0
    for i in range(n):
        at: ptr[u8] = records + i * RECORD_ROOM
        record_columns(at + 4, ptr[i32](at)[0], mask, values)
        total += values[1].payload
    return total


@export
def scan_column(records: ptr[u8], n: i32, column: i32) -> i64:
    """record_column of each record."""
    total: i64 = 0
    for i in range(n):
        at: ptr[u8] = records + i * RECORD_ROOM
        _, payload = record_column(at + 4, ptr[i32](at)[0], column)
        total += payload
    return total


@export
def encode_records(stmt: Run, n: i32) -> i64:
    """record_encode of 5 values."""
    values: ptr[Value] = ptr[Value](mzalloc(16 * 5))
    total: i64 = 0
    name: ptr[u8] = malloc(64)
    values[1].tag = TEXT
    values[1].payload = text_of(1234, name)
    for i in range(n):
        mark: i32 = arena_mark(stmt.arena)
        values[0].tag = INTEGER
        values[0].payload = i64(i)
        values[2].tag = INTEGER
        values[2].payload = i64(scramble(i) % 1000000)
        values[4].tag = INTEGER
        values[4].payload = i64(i & 1)
        total += record_encode(stmt, values, 5) >> 32
        arena_release(stmt.arena, mark)
    return total


@export
def group_ints(stmt: Run, n: i32, groups: i32) -> i64:
    """GROUP BY an integer: count(*), sum(i)."""
    h: Hash = hash_new(stmt, 8 + SumState.size)
    for i in range(n):
        entry: ptr[u8] = hash_add_int(h, i64(scramble(i) % groups))
        ptr[i64](entry)[0] = ptr[i64](entry)[0] + 1
        sum_step_int(SumState(entry + 8), i64(i))
    return finish_groups(stmt, h)


@export
def group_nothing(n: i32, groups: i32) -> i64:
    """The loop of group_ints without its table."""
    total: i64 = 0
    for i in range(n):
        total += i64(scramble(i) % groups)
    return total


def finish_groups(stmt: Run, h: Hash) -> i64:
    hash_sort(h)
    total: i64 = 0
    n: i64 = 0
    entry: ptr[u8] = hash_next(h)
    while entry:
        n += 1
        total = total * 31 + ptr[i64](entry)[0] * n
        entry = hash_next(h)
    resources_free(stmt)
    return total


@export
def group_texts(stmt: Run, n: i32, groups: i32) -> i64:
    """GROUP BY a text: count(*)."""
    h: Hash = hash_new(stmt, 8)
    names: ptr[u8] = malloc(groups * 32)
    payloads: ptr[i64] = ptr[i64](malloc(groups * 8))
    for k in range(groups):
        payloads[k] = text_of(k, names + k * 32)
    for i in range(n):
        key_reset(stmt)
        key_add(stmt, TEXT, payloads[scramble(i) % groups], 0)
        entry: ptr[u8] = hash_add(h)
        ptr[i64](entry)[0] = ptr[i64](entry)[0] + 1
    return finish_groups(stmt, h)


@export
def sort_ints(stmt: Run, n: i32, distinct: i32, limit: i64, memory: i32) -> i64:
    """ORDER BY an integer, one integer a row."""
    sorter_set_memory_limit(memory)
    s: Sorter = sorter_new(stmt, limit)
    row: ptr[i64] = ptr[i64](malloc(8))
    for i in range(n):
        v: i64 = i64(scramble(i) % distinct)
        key_reset(stmt)
        key_add_int(stmt, v, 0)
        row[0] = v
        sorter_add(s, i64(u32(row)) | i64(8) << 32)
    sorter_sort(s)
    return finish_sort(stmt, s)


def finish_sort(stmt: Run, s: Sorter) -> i64:
    total: i64 = 0
    n: i64 = 0
    while sorter_next(s):
        n += 1
        total += ptr[i64](i32(sorter_row(s)))[0] * n
    resources_free(stmt)
    return total


@export
def sort_texts(stmt: Run, n: i32, distinct: i32, limit: i64, memory: i32) -> i64:
    """ORDER BY a text, one integer a row."""
    sorter_set_memory_limit(memory)
    s: Sorter = sorter_new(stmt, limit)
    row: ptr[i64] = ptr[i64](malloc(8))
    name: ptr[u8] = malloc(64)
    for i in range(n):
        row[0] = i64(i)
        key_reset(stmt)
        key_add(stmt, TEXT, text_of(scramble(i) % distinct, name), 0)
        sorter_add(s, i64(u32(row)) | i64(8) << 32)
    sorter_sort(s)
    return finish_sort(stmt, s)


@export
def write_rows(stmt: Run, n: i32) -> i32:
    """Rows of two integers and a text, emptied when they are full."""
    stmt.n_columns = 3
    name: ptr[u8] = malloc(64)
    text: i64 = text_of(77, name)
    full: i32 = 0
    for i in range(n):
        row: ptr[u8] = row_begin(stmt)
        row_set(stmt, row, 0, INTEGER, i64(i))
        row_set(stmt, row, 1, INTEGER, i64(i * 3))
        row_set(stmt, row, 2, TEXT, text)
        if row_end(stmt):
            full += 1
            stmt.rows_used = 0
            stmt.row_count = 0
            stmt.heap_used = 0
    return full
