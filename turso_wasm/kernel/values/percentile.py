"""Percentiles: the states of median, percentile, percentile_cont and percentile_disc.

Owns what they accept, and how the value at a fraction is found: by radix selection, eight passes over the doubles,
whatever their order. A state is a zeroed struct in memory of the caller; its doubles are a Buffer of the statement.

Invariants:
  F1  `values` are finite doubles; `fraction` is that of the first row, as a part of 1.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, REAL, TEXT, Run
from turso_wasm.kernel.abi_states import PercentileState
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error, raise_too_big
from turso_wasm.kernel.base.resources import Buffer, buffer_grow, buffer_new
from turso_wasm.kernel.values.number import text_to_number
from turso_wasm.kernel.values.value import real_value
from turso_wasm.wasm.lang import (
    bits,
    export,
    f64,
    fabs,
    float_from_bits,
    i32,
    i64,
    inline,
    lit,
    memory_copy,
    memory_fill,
    ptr,
    scratch,
    u8,
    u32,
    u64,
)

__subset__ = True

MEDIAN, PERCENTILE, CONT, DISC = 0, 1, 2, 3
TOLERANCE = 0.001
SIGN = 0x8000000000000000
COUNT_MAX = 1 << 27


# --- messages ------------------------------------------------------------------------------------------------


def append(to: ptr[u8], at: i32, text: ptr[u8], size: i32) -> i32:
    """Copy a piece of a message; where the next one goes."""
    memory_copy(to + at, text, size)
    return at + size


def append_name(to: ptr[u8], at: i32, kind: i32) -> i32:
    """The function's name and parentheses."""
    if kind == MEDIAN:
        return append(to, at, *lit(b"median()"))
    if kind == PERCENTILE:
        return append(to, at, *lit(b"percentile()"))
    if kind == CONT:
        return append(to, at, *lit(b"percentile_cont()"))
    return append(to, at, *lit(b"percentile_disc()"))


def fail_fraction(kind: i32, differs: i32) -> None:
    """The fraction is none, or another one than before."""
    text: ptr[u8] = scratch(128)
    at: i32 = append_name(text, append(text, 0, *lit(b"the fraction argument to ")), kind)
    if differs:
        at = append(text, at, *lit(b" is not the same for all input rows"))
    elif kind == PERCENTILE:
        at = append(text, at, *lit(b" is not between 0.0 and 100.0"))
    else:
        at = append(text, at, *lit(b" is not between 0.0 and 1.0"))
    raise_error(SQLITE_ERROR, text, at)


def fail_input(kind: i32, infinite: i32) -> None:
    """A value that is no number, or not a finite one."""
    text: ptr[u8] = scratch(64)
    if infinite:
        raise_error(SQLITE_ERROR, text, append_name(text, append(text, 0, *lit(b"Inf input to ")), kind))
    at: i32 = append_name(text, append(text, 0, *lit(b"input to ")), kind)
    raise_error(SQLITE_ERROR, text, append(text, at, *lit(b" is not numeric")))


# --- rows ----------------------------------------------------------------------------------------------------


def take_fraction(state: PercentileState, tag: i32, payload: i64, kind: i32) -> None:
    """Check the second argument. Errors: SQLITE_ERROR."""
    number: f64 = float_from_bits(payload)
    if tag == TEXT:
        found: i32 = 0
        tag, payload, found = text_to_number(ptr[u8](i32(payload)), i32(payload >> 32))
        number = float_from_bits(payload)
        if found != 2:
            tag = NULL
    if tag == INTEGER:
        number = f64(payload)
    elif tag != REAL:
        fail_fraction(kind, 0)
    if kind == PERCENTILE:
        number = number / 100.0
    if not (number >= 0.0 and number <= 1.0):
        fail_fraction(kind, 0)
    if state.has_fraction == 0:
        state.has_fraction = 1
        state.fraction = number
    elif fabs(state.fraction - number) > TOLERANCE:
        fail_fraction(kind, 1)


@export
def median_step(stmt: Run, state: PercentileState, tag: i32, payload: i64) -> None:
    """Take a value in; NULL is none. Errors: SQLITE_ERROR, SQLITE_NOMEM."""
    state.fraction = 0.5
    percentile_add(stmt, state, tag, payload, MEDIAN)


@export
def percentile_step(
    stmt: Run, state: PercentileState, tag: i32, payload: i64, fraction_tag: i32, fraction: i64, kind: i32
) -> None:
    """Take a value and the fraction in; NULL is no value. Errors: SQLITE_ERROR, SQLITE_NOMEM."""
    take_fraction(state, fraction_tag, fraction, kind)
    percentile_add(stmt, state, tag, payload, kind)


def percentile_add(stmt: Run, state: PercentileState, tag: i32, payload: i64, kind: i32) -> None:
    """Add a value that is not NULL (F1)."""
    if tag == NULL:
        return
    if tag >= TEXT:
        fail_input(kind, 0)
    number: f64 = f64(payload) if tag == INTEGER else float_from_bits(payload)
    if number - number != 0.0:
        fail_input(kind, 1)
    if state.count >= COUNT_MAX:
        raise_too_big()
    if state.buffer == 0:
        state.buffer = i32(buffer_new(stmt))
    buffer_grow(Buffer(state.buffer), i64(state.count) * 8 + 8)
    ptr[f64](Buffer(state.buffer).data)[state.count] = number
    state.count += 1


@export
def percentile_inverse(state: PercentileState, tag: i32) -> None:
    """Take out the value, of that storage class, that was taken in first."""
    if tag == NULL:
        return
    state.count -= 1
    values: ptr[u8] = Buffer(state.buffer).data
    memory_copy(values, values + 8, state.count * 8)


# --- the value -----------------------------------------------------------------------------------------------


@inline
def rank_word(number: f64) -> u64:
    """The double as a word whose unsigned order is that of the doubles."""
    raw: i64 = bits(number)
    return ~u64(raw) if raw < 0 else u64(raw) | u64(SIGN)


def select_nth(values: ptr[f64], count: i32, n: i32) -> f64:
    """The n-th least of the values, from 0."""
    counts: ptr[i32] = ptr[i32](scratch(1024))
    known: u64 = u64(0)
    shift: i32 = 56
    while shift >= 0:
        memory_fill(ptr[u8](counts), 0, 1024)
        for i in range(count):
            word: u64 = rank_word(values[i])
            if shift == 56 or (word >> u64(shift + 8)) == (known >> u64(shift + 8)):
                counts[i32(word >> u64(shift)) & 255] += 1
        digit: i32 = 0
        while n >= counts[digit]:
            n -= counts[digit]
            digit += 1
        known = known | u64(u32(digit)) << u64(shift)
        shift -= 8
    raw: i64 = i64(known)
    return float_from_bits(raw ^ i64(SIGN)) if raw < 0 else float_from_bits(~raw)


@export
def percentile_final(state: PercentileState, kind: i32) -> tuple[i32, i64]:
    """The value at the fraction, between its two neighbours unless `kind` is DISC; NULL without input."""
    if state.count == 0:
        return NULL, i64(0)
    values: ptr[f64] = ptr[f64](Buffer(state.buffer).data)
    place: f64 = state.fraction * f64(state.count - 1)
    first: i32 = i32(place)
    low: f64 = select_nth(values, state.count, first)
    if kind == DISC:
        return real_value(low)
    high: f64 = low
    if place != f64(first) and first + 1 < state.count:
        high = select_nth(values, state.count, first + 1)
    return real_value(low + (high - low) * (place - f64(first)))
