"""Values: packing, conversion between storage classes, affinity, CAST, truth.

Owns what SQLite makes of a value when another storage class is wanted. `arithmetic` computes, `collate` orders.

A value is (tag, payload), see abi A1. A routine that takes a statement puts new text and blobs into its arena.

Invariants:
  V1  No value is NaN: a computation that gives NaN gives NULL.
  V2  No text or blob is longer than MAX_LENGTH.

Source: https://sqlite.org/datatype3.html, and observed behaviour of SQLite 3.54; turso_wasm.values is the reference.
"""

from turso_wasm.kernel.abi import (
    AFFINITY_BLOB,
    AFFINITY_INTEGER,
    AFFINITY_NUMERIC,
    AFFINITY_REAL,
    AFFINITY_TEXT,
    BLOB,
    INTEGER,
    NULL,
    REAL,
    TEXT,
    Run,
)
from turso_wasm.kernel.base.errors import raise_too_big
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.values.number import NUMBER_WHOLE, text_to_integer, text_to_number, text_to_real
from turso_wasm.kernel.values.number_text import INT_TEXT_SIZE, REAL_TEXT_SIZE, int_to_text, real_to_text
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.wasm.lang import bits, export, f64, float_from_bits, i32, i64, inline, memory_copy, ptr, u8, u32

__subset__ = True

MAX_LENGTH = 1_000_000_000  # SQLITE_MAX_LENGTH
CAST_INTEGER_LIMIT = float(2**51)  # CAST AS NUMERIC leaves an integral REAL alone from here on
INTEGER_LIMIT = float(2**63)


# --- packing ------------------------------------------------------------------------------------------------


@inline
def bytes_of(payload: i64) -> ptr[u8]:
    """Address of a text or blob."""
    return ptr[u8](i32(payload))


@inline
def size_of(payload: i64) -> i32:
    """Bytes of a text or blob."""
    return i32(payload >> 32)


@inline
def pack(p: ptr[u8], n: i32) -> i64:
    """The payload of a text or blob."""
    return i64(u32(p)) | i64(n) << 32


def real_value(v: f64) -> tuple[i32, i64]:
    """A REAL, or NULL for NaN (invariant V1)."""
    if v != v:
        return NULL, 0
    return REAL, bits(v)


def alloc_text(stmt: Run, n: i64) -> ptr[u8]:
    """Arena memory for n bytes of text or blob; raises SQLITE_TOOBIG (invariant V2)."""
    if n > MAX_LENGTH:
        raise_too_big()
    return alloc(stmt, i32(n))


def text_value(stmt: Run, p: ptr[u8], n: i32) -> tuple[i32, i64]:
    """A TEXT with a copy of these bytes."""
    out: ptr[u8] = alloc_text(stmt, i64(n))
    memory_copy(out, p, n)
    return TEXT, pack(out, n)


# --- to numbers ---------------------------------------------------------------------------------------------


@export
def real_to_integer(v: f64) -> i64:
    """`v` truncated toward zero and saturated."""
    return i64(v)


@export
def to_integer(tag: i32, payload: i64) -> i64:
    """The value as CAST AS INTEGER takes it; 0 for NULL."""
    if tag == INTEGER:
        return payload
    if tag == REAL:
        return real_to_integer(float_from_bits(payload))
    if tag == NULL:
        return 0
    return text_to_integer(bytes_of(payload), size_of(payload))


@export
def to_real(tag: i32, payload: i64) -> f64:
    """The value as CAST AS REAL takes it; 0.0 for NULL."""
    if tag == REAL:
        return float_from_bits(payload)
    if tag == INTEGER:
        return f64(payload)
    if tag == NULL:
        return 0.0
    v, _ = text_to_real(bytes_of(payload), size_of(payload))
    return v


def to_number(tag: i32, payload: i64) -> tuple[i32, i64]:
    """The value as an operand of arithmetic: a text or blob counts as the number it begins with; NULL stays."""
    if tag < TEXT:
        return tag, payload
    number, value, _ = text_to_number(bytes_of(payload), size_of(payload))
    return number, value


@export
def apply_numeric(tag: i32, payload: i64) -> tuple[i32, i64]:
    """A text that is wholly a number becomes that number; every other value stays."""
    if tag == TEXT:
        number, value, kind = text_to_number(bytes_of(payload), size_of(payload))
        if kind == NUMBER_WHOLE:
            return number, value
    return tag, payload


def integral(v: f64, limit: f64) -> tuple[i32, i64]:
    """`v` as an INTEGER if it is one and lies within (-limit, limit), limit <= 2^63; else as a REAL."""
    if v < limit and v > -limit:
        i: i64 = i64(v)
        if f64(i) == v:
            return INTEGER, i
    return REAL, bits(v)


# --- affinity -----------------------------------------------------------------------------------------------


@export
def apply_real(tag: i32, payload: i64) -> tuple[i32, i64]:
    """What a column of REAL affinity makes of a value."""
    if tag == TEXT:
        tag, payload = apply_numeric(tag, payload)
    if tag == INTEGER:
        return REAL, bits(f64(payload))
    return tag, payload


@export
def apply_text(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """What a column of TEXT affinity makes of a value: numbers become text."""
    if tag != NULL and tag < TEXT:
        return TEXT, number_text(stmt, tag, payload)
    return tag, payload


def apply_integer(tag: i32, payload: i64) -> tuple[i32, i64]:
    """What a column of NUMERIC or INTEGER affinity makes of a value."""
    if tag == TEXT:
        tag, payload = apply_numeric(tag, payload)
    if tag == REAL:
        return integral(float_from_bits(payload), INTEGER_LIMIT)
    return tag, payload


@export
def apply_affinity(stmt: Run, tag: i32, payload: i64, affinity: i32) -> tuple[i32, i64]:
    """What a column of that affinity (AFFINITY_*) makes of a value."""
    if affinity >= AFFINITY_NUMERIC and affinity <= AFFINITY_INTEGER:
        return apply_integer(tag, payload)
    if affinity == AFFINITY_TEXT:
        return apply_text(stmt, tag, payload)
    if affinity == AFFINITY_REAL:
        return apply_real(tag, payload)
    return tag, payload


@export
def store_real(tag: i32, payload: i64) -> tuple[i32, i64]:
    """A value of a REAL column as its record holds it: a REAL that is an integer of at most 48 bits as INTEGER."""
    if tag == REAL:
        v: f64 = float_from_bits(payload)
        if v >= -140737488355328.0 and v <= 140737488355327.0:
            return integral(v, INTEGER_LIMIT)
    return tag, payload


# --- to text ------------------------------------------------------------------------------------------------


def number_text(stmt: Run, tag: i32, payload: i64) -> i64:
    """The payload of an INTEGER's or REAL's text."""
    if tag == INTEGER:
        out: ptr[u8] = alloc(stmt, INT_TEXT_SIZE)
        return pack(out, int_to_text(payload, out))
    out = alloc(stmt, REAL_TEXT_SIZE)
    return pack(out, real_to_text(float_from_bits(payload), out))


@export
def to_text(stmt: Run, tag: i32, payload: i64) -> i64:
    """The payload of the value as text; a blob's bytes are taken as they are. Not for NULL."""
    if tag >= TEXT:
        return payload
    return number_text(stmt, tag, payload)


@export
def cast_value(stmt: Run, tag: i32, payload: i64, affinity: i32) -> tuple[i32, i64]:
    """CAST to a type of that affinity (AFFINITY_*)."""
    if tag == NULL:
        return NULL, 0
    if affinity == AFFINITY_TEXT:
        return TEXT, to_text(stmt, tag, payload)
    if affinity == AFFINITY_BLOB:
        return BLOB, to_text(stmt, tag, payload)
    if affinity == AFFINITY_INTEGER:
        return INTEGER, to_integer(tag, payload)
    if affinity == AFFINITY_REAL:
        return REAL, bits(to_real(tag, payload))
    return cast_numeric(tag, payload)


def cast_numeric(tag: i32, payload: i64) -> tuple[i32, i64]:
    """CAST AS NUMERIC of a value that is not NULL."""
    if tag < TEXT:
        return tag, payload
    p: ptr[u8] = bytes_of(payload)
    # Here, unlike in arithmetic, an integer that a NUL ends is an integer.
    number, value, _ = text_to_number(p, terminated_size(p, size_of(payload)))
    if number == REAL:
        return integral(float_from_bits(value), CAST_INTEGER_LIMIT)
    return number, value


# --- truth --------------------------------------------------------------------------------------------------


@export
def truth(tag: i32, payload: i64) -> i32:
    """The value as a condition: 1, 0, or -1 for NULL."""
    if tag == INTEGER:
        return 1 if payload != 0 else 0
    if tag == NULL:
        return -1
    return 1 if to_real(tag, payload) != 0.0 else 0
