"""Scalar functions on any value: typeof, abs, sign, round, quote, min, max, and the mathematics that needs no library.

Source: https://sqlite.org/lang_corefunc.html, https://sqlite.org/lang_mathfunc.html, and observed behaviour of SQLite
3.54.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT, Run, Value
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.functions.bytes import write_hex
from turso_wasm.kernel.values.arithmetic import INTEGER_MIN
from turso_wasm.kernel.values.collate import compare_values
from turso_wasm.kernel.values.number import decimal_to_real
from turso_wasm.kernel.values.number_text import real_decimal
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.kernel.values.value import (
    alloc_text,
    apply_numeric,
    bytes_of,
    number_text,
    pack,
    size_of,
    to_integer,
    to_real,
)
from turso_wasm.wasm.lang import (
    bits,
    copysign,
    export,
    f64,
    fabs,
    float_from_bits,
    i32,
    i64,
    lit,
    ptr,
    u8,
)

__subset__ = True

MAX_PLACES = 30  # round never looks at more decimal places
NO_FRACTION = 4503599627370496.0  # 2^52: from here on a double is an integer


# --- kinds --------------------------------------------------------------------------------------------------


@export
def fn_typeof(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """typeof(X)."""
    if tag == INTEGER:
        return TEXT, pack(b"integer", 7)
    if tag == REAL:
        return TEXT, pack(b"real", 4)
    if tag == TEXT:
        return TEXT, pack(b"text", 4)
    if tag == BLOB:
        return TEXT, pack(b"blob", 4)
    return TEXT, pack(b"null", 4)


@export
def fn_abs(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """abs(X): of the number a text or blob begins with, as a REAL. Raises "integer overflow" (smallest integer)."""
    if tag == NULL:
        return NULL, 0
    if tag == INTEGER:
        if payload == INTEGER_MIN:
            raise_error(SQLITE_ERROR, *lit(b"integer overflow"))
        return INTEGER, 0 - payload if payload < 0 else payload
    v: f64 = to_real(tag, payload)
    return REAL, bits(0.0 - v if v < 0.0 else v)


@export
def fn_sign(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """sign(X): -1, 0 or 1; NULL for what is not wholly a number."""
    kind, value = apply_numeric(tag, payload)
    if kind != INTEGER and kind != REAL:
        return NULL, 0
    v: f64 = to_real(kind, value)
    return INTEGER, i64(i32(v > 0.0) - i32(v < 0.0))


# --- round --------------------------------------------------------------------------------------------------


def round_real(v: f64, places: i32) -> f64:
    """`v` rounded to decimal places as %!.*f prints it."""
    x: f64 = fabs(v)
    if x >= NO_FRACTION:
        return v
    if x == 0.0:
        return 0.0
    if places == 0:
        return f64(i64(v - 0.5 if v < 0.0 else v + 0.5))
    n, exponent = real_decimal(x, 0 - places, 26)
    return copysign(decimal_to_real(n, i64(exponent)), v)


@export
def fn_round_1(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """round(X)."""
    if tag == NULL:
        return NULL, 0
    return REAL, bits(round_real(to_real(tag, payload), 0))


@export
def fn_round_2(stmt: Run, tag: i32, payload: i64, places_tag: i32, places: i64) -> tuple[i32, i64]:
    """round(X, places): places below 0 count as 0, those above MAX_PLACES as that."""
    if tag == NULL or places_tag == NULL:
        return NULL, 0
    n: i64 = to_integer(places_tag, places)
    if n < 0:
        n = 0
    if n > MAX_PLACES:
        n = MAX_PLACES
    return REAL, bits(round_real(to_real(tag, payload), i32(n)))


# --- quote --------------------------------------------------------------------------------------------------


def quote_text(stmt: Run, p: ptr[u8], n: i32) -> i64:
    """A text as an SQL literal; it ends at its first NUL."""
    n = terminated_size(p, n)
    quotes: i32 = 0
    for i in range(n):
        quotes += i32(p[i] == 39)
    out: ptr[u8] = alloc_text(stmt, i64(n) + i64(quotes) + 2)
    at: i32 = 1
    out[0] = 39
    for i in range(n):
        out[at] = p[i]
        at += 1
        if p[i] == 39:
            out[at] = 39
            at += 1
    out[at] = 39
    return pack(out, at + 1)


def quote_blob(stmt: Run, p: ptr[u8], n: i32) -> i64:
    """A blob as an SQL literal."""
    out: ptr[u8] = alloc_text(stmt, i64(n) * 2 + 3)
    out[0] = 88
    out[1] = 39
    write_hex(p, n, out + 2)
    out[n * 2 + 2] = 39
    return pack(out, n * 2 + 3)


@export
def fn_quote(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """quote(X): an SQL literal of the value. Raises SQLITE_TOOBIG."""
    if tag == NULL:
        return TEXT, pack(b"NULL", 4)
    if tag == TEXT:
        return TEXT, quote_text(stmt, bytes_of(payload), size_of(payload))
    if tag == BLOB:
        return TEXT, quote_blob(stmt, bytes_of(payload), size_of(payload))
    if tag == REAL:
        v: f64 = float_from_bits(payload)
        if v == float_from_bits(0x7FF0000000000000):
            return TEXT, pack(b"9.0e+999", 8)
        if v == float_from_bits(-0x10000000000000):
            return TEXT, pack(b"-9.0e+999", 9)
    return TEXT, number_text(stmt, tag, payload)


# --- extremes -----------------------------------------------------------------------------------------------


@export
def fn_min(stmt: Run, values: ptr[Value], n: i32, collation: i32) -> tuple[i32, i64]:
    """min(X, Y, …): NULL if any is NULL; the last of equal ones."""
    best: Value = values[0]
    for i in range(n):
        v: Value = values[i]
        if v.tag == NULL:
            return NULL, 0
        if compare_values(stmt, best.tag, best.payload, v.tag, v.payload, collation) >= 0:
            best = v
    return best.tag, best.payload


@export
def fn_max(stmt: Run, values: ptr[Value], n: i32, collation: i32) -> tuple[i32, i64]:
    """max(X, Y, …): NULL if any is NULL; the first of equal ones."""
    best: Value = values[0]
    for i in range(n):
        v: Value = values[i]
        if v.tag == NULL:
            return NULL, 0
        if compare_values(stmt, best.tag, best.payload, v.tag, v.payload, collation) < 0:
            best = v
    return best.tag, best.payload
