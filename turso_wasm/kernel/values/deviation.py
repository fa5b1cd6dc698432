"""How numbers spread: the states of variance, stddev and their kin, and of mode.

Owns what they take in: numbers, and texts that are numbers; for mode every value but NULL. A state is a zeroed struct
in memory of the caller. Whoever only adds keeps a mean and the sum of squares around it (Welford); a frame that moves
keeps its values, in a Buffer of the statement, since squares that are taken out again would leave their errors behind.

Invariants:
  V1  `values` of a KeptState has `count` doubles (deviation) or cells of 16 bytes, tag and payload (mode).
"""

from turso_wasm.kernel.abi import INTEGER, NULL, REAL, TEXT, Run
from turso_wasm.kernel.abi_states import DeviationState, KeptState
from turso_wasm.kernel.base.errors import raise_too_big
from turso_wasm.kernel.base.memory import arena_alloc, arena_mark, arena_release
from turso_wasm.kernel.base.resources import Buffer, buffer_grow, buffer_new, keep_alloc
from turso_wasm.kernel.values.collate import compare_values
from turso_wasm.kernel.values.number import text_to_number
from turso_wasm.kernel.values.value import real_value
from turso_wasm.wasm.lang import (
    export,
    f64,
    float_from_bits,
    i32,
    i64,
    memory_copy,
    memory_fill,
    ptr,
    scratch,
    sqrt,
    u8,
    u32,
)

__subset__ = True

SAMPLE, ROOT = 1, 2  # of the kinds: divided by one less than the count; the square root of it
COUNT_MAX = 1 << 26
CELL = 16
BINARY = 0  # the collation


def as_number(tag: i32, payload: i64) -> tuple[f64, i32]:
    """The number that a value is, and 1; 0 if it is none."""
    if tag == TEXT:
        found: i32 = 0
        tag, payload, found = text_to_number(ptr[u8](i32(payload)), i32(payload >> 32))
        if found != 2:
            return 0.0, 0
    if tag == INTEGER:
        return f64(payload), 1
    return float_from_bits(payload), i32(tag == REAL)


def spread(count: f64, squares: f64, kind: i32) -> tuple[i32, i64]:
    """The variance or its root; NULL of too few numbers."""
    n: f64 = count - 1.0 if kind & SAMPLE else count
    if n <= 0.0:
        return NULL, i64(0)
    return real_value(sqrt(squares / n) if kind & ROOT else squares / n)


@export
def deviation_step(state: DeviationState, tag: i32, payload: i64) -> None:
    """Take a value in; what is no number does not count."""
    number, counts = as_number(tag, payload)
    if counts == 0:
        return
    state.count += 1.0
    distance: f64 = number - state.mean
    state.mean += distance / state.count
    state.squares += distance * (number - state.mean)


@export
def deviation_final(state: DeviationState, kind: i32) -> tuple[i32, i64]:
    """The variance of what was taken in, or its root."""
    return spread(state.count, state.squares, kind)


# --- frames that move, and mode ------------------------------------------------------------------------------


def kept_place(stmt: Run, state: KeptState, size: i32) -> ptr[u8]:
    """Room for one value more. Errors: SQLITE_TOOBIG, SQLITE_NOMEM."""
    if state.count >= COUNT_MAX:
        raise_too_big()
    if state.buffer == 0:
        state.buffer = i32(buffer_new(stmt))
    buffer_grow(Buffer(state.buffer), i64((state.count + 1) * size))
    state.count += 1
    return Buffer(state.buffer).data + (state.count - 1) * size


def kept_drop(state: KeptState, size: i32) -> None:
    """Forget the value that was kept first."""
    state.count -= 1
    values: ptr[u8] = Buffer(state.buffer).data
    memory_copy(values, values + size, state.count * size)


@export
def deviation_enter(stmt: Run, state: KeptState, tag: i32, payload: i64) -> None:
    """Take a value in, of a frame that moves. Errors: SQLITE_TOOBIG, SQLITE_NOMEM."""
    number, counts = as_number(tag, payload)
    if counts:
        ptr[f64](kept_place(stmt, state, 8))[0] = number


@export
def deviation_leave(state: KeptState, tag: i32, payload: i64) -> None:
    """Take out the value that was taken in first."""
    _, counts = as_number(tag, payload)
    if counts:
        kept_drop(state, 8)


@export
def deviation_value(state: KeptState, kind: i32) -> tuple[i32, i64]:
    """The variance of the values in the frame, or its root."""
    one: DeviationState = DeviationState(scratch(24))
    memory_fill(ptr[u8](one), 0, 24)
    for i in range(state.count):
        deviation_step(one, REAL, ptr[i64](Buffer(state.buffer).data)[i])
    return deviation_final(one, kind)


@export
def mode_step(stmt: Run, state: KeptState, tag: i32, payload: i64) -> None:
    """Take a value in; NULL is none. Errors: SQLITE_TOOBIG, SQLITE_NOMEM."""
    if tag == NULL:
        return
    if tag >= TEXT:
        size: i32 = i32(payload >> 32)
        data: ptr[u8] = keep_alloc(stmt, size)
        memory_copy(data, ptr[u8](i32(payload)), size)
        payload = i64(size) << 32 | i64(u32(i32(data)))
    cell: ptr[i64] = ptr[i64](kept_place(stmt, state, CELL))
    cell[0] = i64(tag)
    cell[1] = payload


@export
def mode_inverse(state: KeptState, tag: i32) -> None:
    """Take out the value, of that storage class, that was taken in first."""
    if tag != NULL:
        kept_drop(state, CELL)


def cell_order(stmt: Run, cells: ptr[i64], a: i32, b: i32) -> i32:
    """-1, 0 or 1 of two cells."""
    p: ptr[i64] = cells + 2 * a
    q: ptr[i64] = cells + 2 * b
    return compare_values(stmt, i32(p[0]), p[1], i32(q[0]), q[1], BINARY)


def cell_swap(cells: ptr[i64], a: i32, b: i32) -> None:
    """Change places."""
    p: ptr[i64] = cells + 2 * a
    q: ptr[i64] = cells + 2 * b
    tag: i64 = p[0]
    payload: i64 = p[1]
    p[0] = q[0]
    p[1] = q[1]
    q[0] = tag
    q[1] = payload


def cell_sink(stmt: Run, cells: ptr[i64], at: i32, count: i32) -> None:
    """Let a cell of a heap, the greatest first, down to its place."""
    while 2 * at + 1 < count:
        child: i32 = 2 * at + 1
        if child + 1 < count and cell_order(stmt, cells, child, child + 1) < 0:
            child += 1
        if cell_order(stmt, cells, at, child) >= 0:
            return
        cell_swap(cells, at, child)
        at = child


@export
def mode_value(stmt: Run, state: KeptState) -> tuple[i32, i64]:
    """The value that came most often, of several the least; NULL without one. Errors: SQLITE_NOMEM."""
    count: i32 = state.count
    if count == 0:
        return NULL, i64(0)
    mark: i32 = arena_mark(stmt.arena)
    cells: ptr[i64] = ptr[i64](arena_alloc(stmt.arena, count * CELL))
    memory_copy(ptr[u8](cells), Buffer(state.buffer).data, count * CELL)
    for i in range(count // 2):
        cell_sink(stmt, cells, count // 2 - 1 - i, count)
    last: i32 = count - 1
    while last > 0:
        cell_swap(cells, 0, last)
        cell_sink(stmt, cells, 0, last)
        last -= 1
    best: i32 = 0
    most: i32 = 0
    first: i32 = 0
    for i in range(count):
        if cell_order(stmt, cells, first, i) != 0:
            first = i
        if i + 1 - first > most:
            most = i + 1 - first
            best = first
    tag: i32 = i32(cells[2 * best])
    payload: i64 = cells[2 * best + 1]
    arena_release(stmt.arena, mark)
    return tag, payload
