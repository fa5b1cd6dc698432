"""Aggregates: the states of sum, total, avg, min, max and group_concat, and their steps.

Owns how aggregates add up. States are zeroed structs in memory of the caller (an entry of a hash table, the
statement's frame); what they own besides lives until the statement is reset. count() needs no more than an integer.

Invariants:
  G1  A zeroed state is the state before the first row. NULLs are not counted (but group_concat's separator may be one).
  G2  sum is exact while all inputs are integers. The first other input, or an overflow, makes it a double to which
      inputs are added with the Kahan-Babuska-Neumaier correction; integers without loss.
  G3  Only sum_final raises "integer overflow", and only if every input was an integer.
  G4  Of equal extremes the first one is kept.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, TEXT, Run
from turso_wasm.kernel.abi_states import ConcatState, ExtremeState, SumState
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error, raise_too_big
from turso_wasm.kernel.base.memory import arena_mark, arena_release
from turso_wasm.kernel.base.resources import Buffer, buffer_grow, buffer_new, keep_alloc
from turso_wasm.kernel.values.collate import compare_values
from turso_wasm.kernel.values.record import MAX_LENGTH
from turso_wasm.kernel.values.value import apply_numeric, real_value, to_real, to_text
from turso_wasm.wasm.lang import (
    export,
    f64,
    fabs,
    i32,
    i64,
    inline,
    lit,
    memory_copy,
    ptr,
    u8,
    u32,
)

__subset__ = True

LARGEST = 0x7FFFFFFFFFFFFFFF
SMALLEST = -LARGEST - 1
CONCAT_SMALL = 4096  # a longer concatenation gets a Buffer of its own


# --- sum, total, avg -----------------------------------------------------------------------------------------


@inline
def add_real(state: SumState, r: f64) -> None:
    """Add to an approximate sum."""
    before: f64 = state.real
    after: f64 = before + r
    if fabs(before) > fabs(r):
        state.error = state.error + ((before - after) + r)
    else:
        state.error = state.error + ((r - after) + before)
    state.real = after


def add_int(state: SumState, v: i64) -> None:
    """Add an integer to an approximate sum, in two parts that are exact as doubles."""
    low: i64 = v & 0xFFFFF
    add_real(state, f64(v - low))
    add_real(state, f64(low))


def make_approximate(state: SumState) -> None:
    """Turn the sum of integers into a double."""
    if state.approximate == 0:
        state.approximate = 1
        add_int(state, state.sum)


def sum_step_int_slow(state: SumState, v: i64) -> None:
    """Add an integer that overflows, or that meets an approximate sum."""
    if state.approximate == 0:
        make_approximate(state)
        state.overflow = 1
    add_int(state, v)


@export
@inline
def sum_step_int(state: SumState, v: i64) -> None:
    """Add an integer."""
    state.count += 1
    before: i64 = state.sum
    after: i64 = before + v
    if state.approximate != 0 or ((before ^ after) & (v ^ after)) < 0:
        sum_step_int_slow(state, v)
    else:
        state.sum = after


@export
@inline
def sum_weigh_int(state: SumState, v: i64, taken: i64) -> None:
    """Add an integer if `taken` is 1, nothing if it is 0; what it is decides no jump."""
    state.count += taken
    v = v & (i64(0) - taken)
    before: i64 = state.sum
    after: i64 = before + v
    if state.approximate != 0 or ((before ^ after) & (v ^ after)) < 0:
        if taken != 0:
            sum_step_int_slow(state, v)
    else:
        state.sum = after


@export
@inline
def sum_step_real(state: SumState, r: f64) -> None:
    """Add a double."""
    state.count += 1
    if state.approximate == 0:
        make_approximate(state)
    state.overflow = 0
    add_real(state, r)


@export
def sum_step(state: SumState, tag: i32, payload: i64) -> None:
    """Add a value: text that is wholly an integer counts as one, other text and blobs as the double they begin with."""
    if tag == TEXT:
        tag, payload = apply_numeric(tag, payload)
    if tag == INTEGER:
        sum_step_int(state, payload)
    elif tag != NULL:
        sum_step_real(state, to_real(tag, payload))


@export
def sum_inverse(state: SumState, tag: i32, payload: i64) -> None:
    """Take out a value that was added: what was approximate stays so."""
    if tag == TEXT:
        tag, payload = apply_numeric(tag, payload)
    if tag == NULL:
        return
    state.count -= 1
    if tag != INTEGER:
        add_real(state, -to_real(tag, payload))
    elif state.approximate == 0:
        state.sum = state.sum - payload
    elif payload == SMALLEST:
        add_int(state, LARGEST)
        add_int(state, i64(1))
    else:
        add_int(state, -payload)


@export
def sum_merge(state: SumState, part: SumState) -> i32:
    """Add the rows of another state; 1: only adding the rows one by one gives what they give in their order."""
    if part.approximate | part.overflow | state.approximate | state.overflow:
        return 1
    state.sum += part.sum
    state.count += part.count
    return far_from_zero(part.sum) | far_from_zero(state.sum)


def far_from_zero(v: i64) -> i32:
    """1 if a sum with some more such numbers may overflow."""
    return i32(v > 1 << 61 or v < -(1 << 61))


@inline
def sum_real(state: SumState) -> f64:
    """The sum as a double."""
    if state.approximate == 0:
        return f64(state.sum)
    # Once the sum is infinite the correction is infinite or NaN, and means nothing.
    if state.error - state.error != 0.0:
        return state.real
    return state.real + state.error


@export
def sum_final(state: SumState) -> tuple[i32, i64]:
    """sum(): NULL without input. Errors: SQLITE_ERROR "integer overflow" (G3)."""
    if state.count == 0:
        return NULL, i64(0)
    if state.approximate == 0:
        return INTEGER, state.sum
    if state.overflow:
        raise_error(SQLITE_ERROR, *lit(b"integer overflow"))
    return real_value(sum_real(state))


@export
def total_final(state: SumState) -> tuple[i32, i64]:
    """total(): always a double, 0.0 without input."""
    return real_value(sum_real(state))


@export
def avg_final(state: SumState) -> tuple[i32, i64]:
    """avg(): a double, NULL without input."""
    if state.count == 0:
        return NULL, i64(0)
    return real_value(sum_real(state) / f64(state.count))


# --- min, max ------------------------------------------------------------------------------------------------


@export
def extreme_set(stmt: Run, state: ExtremeState, tag: i32, payload: i64) -> None:
    """Make a value the extreme."""
    state.tag = tag
    state.payload = payload
    if tag >= TEXT:
        size: i32 = i32(payload >> 32)
        if size > state.capacity:
            capacity: i32 = state.capacity * 2
            if capacity < size:
                capacity = (size + 15) & ~15
            state.data = keep_alloc(stmt, capacity)
            state.capacity = capacity
        memory_copy(state.data, ptr[u8](i32(payload)), size)
        state.payload = i64(u32(state.data)) | i64(size) << 32


@inline
def extreme_order(stmt: Run, state: ExtremeState, tag: i32, payload: i64, collation: i32) -> i32:
    """Order of a value that is not NULL against the extreme that there is."""
    if tag == INTEGER and state.tag == INTEGER:
        return i32(payload > state.payload) - i32(payload < state.payload)
    return compare_values(stmt, tag, payload, state.tag, state.payload, collation)


@export
def min_step(stmt: Run, state: ExtremeState, tag: i32, payload: i64, collation: i32) -> i32:
    """1 if the row is the one to show: its value is the least so far, or all were NULL. Errors: SQLITE_NOMEM."""
    if tag == NULL:
        return i32(state.tag == NULL)
    if state.tag != NULL and extreme_order(stmt, state, tag, payload, collation) >= 0:
        return 0
    extreme_set(stmt, state, tag, payload)
    return 1


@export
def max_step(stmt: Run, state: ExtremeState, tag: i32, payload: i64, collation: i32) -> i32:
    """1 if the row is the one to show: its value is the greatest so far, or all were NULL. Errors: SQLITE_NOMEM."""
    if tag == NULL:
        return i32(state.tag == NULL)
    if state.tag != NULL and extreme_order(stmt, state, tag, payload, collation) <= 0:
        return 0
    extreme_set(stmt, state, tag, payload)
    return 1


@export
@inline
def extreme_final(state: ExtremeState) -> tuple[i32, i64]:
    """min() or max(): NULL without input."""
    return state.tag, state.payload


# --- group_concat --------------------------------------------------------------------------------------------


def concat_grow(stmt: Run, state: ConcatState, n: i32) -> None:
    """Make room for n more bytes; at least doubles. Errors: SQLITE_TOOBIG, SQLITE_NOMEM."""
    need: i64 = i64(state.used) + i64(n)
    if need > MAX_LENGTH:
        raise_too_big()
    if need <= i64(state.capacity):
        return
    if need <= CONCAT_SMALL:
        capacity: i32 = state.capacity * 2
        if capacity < i32(need):
            capacity = i32(need) + 16
        fresh: ptr[u8] = keep_alloc(stmt, capacity)
        memory_copy(fresh, state.data, state.used)
        state.data = fresh
        state.capacity = capacity
        return
    if state.buffer == 0:
        state.buffer = i32(buffer_new(stmt))
        buffer_grow(Buffer(state.buffer), need * 2 if need * 2 < MAX_LENGTH else need)
        memory_copy(Buffer(state.buffer).data, state.data, state.used)
    else:
        buffer_grow(Buffer(state.buffer), need)
    state.data = Buffer(state.buffer).data
    state.capacity = Buffer(state.buffer).capacity


def concat_add(stmt: Run, state: ConcatState, tag: i32, payload: i64) -> None:
    """Append a value as text; NULL is empty, the bytes of a blob are taken as they are."""
    if tag == NULL:
        return
    mark: i32 = arena_mark(stmt.arena)
    text: i64 = to_text(stmt, tag, payload)
    size: i32 = i32(text >> 32)
    concat_grow(stmt, state, size)
    memory_copy(state.data + state.used, ptr[u8](i32(text)), size)
    state.used += size
    arena_release(stmt.arena, mark)


@export
def concat_step(stmt: Run, state: ConcatState, tag: i32, payload: i64, separator_tag: i32, separator: i64) -> None:
    """Append a value, with the separator before it unless it is the first. Errors: SQLITE_TOOBIG, SQLITE_NOMEM."""
    if tag == NULL:
        return
    if state.begun:
        concat_add(stmt, state, separator_tag, separator)
    concat_add(stmt, state, tag, payload)
    state.begun = 1
    state.count += 1


@export
def concat_inverse(stmt: Run, state: ConcatState, tag: i32, payload: i64, separator_tag: i32, separator: i64) -> None:
    """Take out the value that was appended first, and the separator behind it, of which all are equal. When no bytes
    are left the next value is the first one, even if empty ones are there: as in SQLite.
    """
    if tag == NULL:
        return
    left: i32 = state.count - 1
    mark: i32 = arena_mark(stmt.arena)
    state.start += i32(to_text(stmt, tag, payload) >> 32)
    if separator_tag != NULL:
        state.start += i32(to_text(stmt, separator_tag, separator) >> 32)
    arena_release(stmt.arena, mark)
    concat_compact(state)
    state.begun = state.count
    state.count = left


def concat_compact(state: ConcatState) -> None:
    """Values were taken out in front: their room is used again, now and then."""
    if state.start >= state.used:
        state.count = 0
        state.start = 0
        state.used = 0
    elif state.start > state.used >> 1:
        state.used -= state.start
        memory_copy(state.data, state.data + state.start, state.used)
        state.start = 0


@export
def concat_final(state: ConcatState) -> tuple[i32, i64]:
    """group_concat(): NULL without input."""
    if state.count == 0:
        return NULL, i64(0)
    return TEXT, i64(u32(state.data + state.start)) | i64(state.used - state.start) << 32
