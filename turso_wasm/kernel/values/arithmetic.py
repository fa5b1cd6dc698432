"""Operators: + - * / % || & | << >> ~ and unary minus on values.

Owns SQLite's rules for operands of any storage class: NULL gives NULL, text and blobs count as the number they begin
with, integers that overflow become REAL, NaN becomes NULL.

Source: https://sqlite.org/lang_expr.html section 2, and observed behaviour of SQLite 3.54; turso_wasm.values.arithmetic
is the reference.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, REAL, TEXT, Run
from turso_wasm.kernel.values.number_text import REAL_TEXT_SIZE, int_to_text, real_to_text
from turso_wasm.kernel.values.value import (
    alloc_text,
    bytes_of,
    pack,
    real_value,
    size_of,
    to_integer,
    to_number,
    to_real,
)
from turso_wasm.wasm.lang import (
    bits,
    export,
    f64,
    float_from_bits,
    i32,
    i64,
    memory_copy,
    mul_hi_u,
    ptr,
    scratch,
    u8,
    u64,
)

__subset__ = True

INTEGER_MIN = -0x8000000000000000


@export
def add_overflows(a: i64, b: i64) -> bool:
    """Whether a + b needs more than 64 bits."""
    c: i64 = a + b
    return ((a ^ c) & (b ^ c)) < 0


def magnitude(a: i64) -> u64:
    """|a|."""
    return u64(0) - u64(a) if a < 0 else u64(a)


@export
def mul_overflows(a: i64, b: i64) -> bool:
    """Whether a * b needs more than 64 bits."""
    if i64(i32(a)) == a and i64(i32(b)) == b:
        return False
    high: u64 = mul_hi_u(magnitude(a), magnitude(b))
    low: u64 = magnitude(a) * magnitude(b)
    limit: u64 = u64(0x8000000000000000) if (a ^ b) < 0 else u64(0x7FFFFFFFFFFFFFFF)
    return high != 0 or low > limit


@export
def value_add(tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """`a` + b."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    kind, a = to_number(tag, payload)
    kind2, b = to_number(tag2, payload2)
    if kind == INTEGER and kind2 == INTEGER and not add_overflows(a, b):
        return INTEGER, a + b
    return real_value(to_real(tag, payload) + to_real(tag2, payload2))


@export
def value_sub(tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """`a` - b."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    kind, a = to_number(tag, payload)
    kind2, b = to_number(tag2, payload2)
    if kind == INTEGER and kind2 == INTEGER:
        c: i64 = a - b
        if ((a ^ b) & (a ^ c)) >= 0:
            return INTEGER, c
    return real_value(to_real(tag, payload) - to_real(tag2, payload2))


@export
def value_mul(tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """`a` * b."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    kind, a = to_number(tag, payload)
    kind2, b = to_number(tag2, payload2)
    if kind == INTEGER and kind2 == INTEGER and not mul_overflows(a, b):
        return INTEGER, a * b
    return real_value(to_real(tag, payload) * to_real(tag2, payload2))


@export
def value_div(tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """`a` / b: truncating on integers, NULL when b is 0."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    kind, a = to_number(tag, payload)
    kind2, b = to_number(tag2, payload2)
    if kind == INTEGER and kind2 == INTEGER:
        if b == 0:
            return NULL, 0
        if b != -1 or a != INTEGER_MIN:
            return INTEGER, a // b
    divisor: f64 = to_real(tag2, payload2)
    if divisor == 0.0:
        return NULL, 0
    return real_value(to_real(tag, payload) / divisor)


@export
def value_rem(tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """`a` % b of the operands as integers, NULL when b is 0; REAL if one operand is a REAL."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    kind, _ = to_number(tag, payload)
    kind2, _ = to_number(tag2, payload2)
    b: i64 = to_integer(tag2, payload2)
    if b == 0:
        return NULL, 0
    # INTEGER_MIN % -1 would trap.
    rest: i64 = 0 if b == -1 else to_integer(tag, payload) % b
    if kind == REAL or kind2 == REAL:
        return REAL, bits(f64(rest))
    return INTEGER, rest


@export
def value_negate(tag: i32, payload: i64) -> tuple[i32, i64]:
    """-a, which is 0 - a."""
    return value_sub(INTEGER, 0, tag, payload)


# --- bits ---------------------------------------------------------------------------------------------------


@export
def value_bitand(tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """`a` & b."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    return INTEGER, to_integer(tag, payload) & to_integer(tag2, payload2)


@export
def value_bitor(tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """`a` | b."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    return INTEGER, to_integer(tag, payload) | to_integer(tag2, payload2)


@export
def value_bitnot(tag: i32, payload: i64) -> tuple[i32, i64]:
    """~a."""
    if tag == NULL:
        return NULL, 0
    return INTEGER, ~to_integer(tag, payload)


def shift(a: i64, n: i64) -> i64:
    """`a` shifted left by n bits, or arithmetically right by -n bits."""
    if n >= 64:
        return 0
    if n >= 0:
        return a << n
    if n <= -64:
        return a >> 63
    return a >> (0 - n)


@export
def value_shl(tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """`a` << b."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    return INTEGER, shift(to_integer(tag, payload), to_integer(tag2, payload2))


@export
def value_shr(tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """`a` >> b, arithmetic."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    n: i64 = to_integer(tag2, payload2)
    # The negative of INTEGER_MIN is itself: a right shift, where a huge left shift is meant.
    return INTEGER, 0 if n == INTEGER_MIN else shift(to_integer(tag, payload), 0 - n)


# --- concatenation ------------------------------------------------------------------------------------------


def text_or_scratch(tag: i32, payload: i64, room: ptr[u8]) -> i64:
    """The payload of the value as text; a number is written at `room` (REAL_TEXT_SIZE bytes)."""
    if tag >= TEXT:
        return payload
    if tag == INTEGER:
        return pack(room, int_to_text(payload, room))
    return pack(room, real_to_text(float_from_bits(payload), room))


@export
def value_concat(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """`a` || b. Raises SQLITE_TOOBIG."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    a: i64 = text_or_scratch(tag, payload, scratch(REAL_TEXT_SIZE))
    b: i64 = text_or_scratch(tag2, payload2, scratch(REAL_TEXT_SIZE))
    n: i32 = size_of(a)
    out: ptr[u8] = alloc_text(stmt, i64(n) + i64(size_of(b)))
    memory_copy(out, bytes_of(a), n)
    memory_copy(out + n, bytes_of(b), size_of(b))
    return TEXT, pack(out, n + size_of(b))
