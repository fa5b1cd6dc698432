"""Vectors as texts: '[1, 2.5, -3e4]', read, and written with as few digits as tell a component from its neighbours."""

from turso_wasm.kernel.abi import Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_fill, buffer_put
from turso_wasm.kernel.values.number import NUMBER_WHOLE, decimal_to_real, is_space, text_to_real
from turso_wasm.kernel.values.number_text import digits_to_text, int_to_text, real_digits, round_digits
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.kernel.values.value import alloc_text, bytes_of, size_of
from turso_wasm.wasm.lang import f32, f64, fabs, i32, i64, lit, ptr, scratch, u8, u64

__subset__ = True

OPEN = 91
CLOSE = 93
COMMA = 44
PLAIN_BELOW = 21  # exponents of ten from here on, and below PLAIN_FROM, are written as such
PLAIN_FROM = -7


def components_of_text(stmt: Run, payload: i64) -> tuple[ptr[f64], i32]:
    """(the components, how many) of a text. Raises "invalid vector: …"."""
    p: ptr[u8] = bytes_of(payload)
    n: i32 = terminated_size(p, size_of(payload))
    most: i32 = 1
    for i in range(n):
        most += i32(p[i] == COMMA)
    out: ptr[f64] = ptr[f64](alloc_text(stmt, i64(most) * 8))
    at: i32 = skip_spaces(p, n, 0)
    if at == n or p[at] != OPEN:
        raise_error(SQLITE_ERROR, *lit(b"invalid vector: expected '[' at its beginning"))
    at = skip_spaces(p, n, at + 1)
    count: i32 = 0
    if at < n and p[at] == CLOSE:
        at += 1
    else:
        more: bool = True
        while more:
            end: i32 = at
            while end < n and p[end] != COMMA and p[end] != CLOSE:
                end += 1
            if end == n:
                raise_error(SQLITE_ERROR, *lit(b"invalid vector: expected ']' at its end"))
            value, kind = text_to_real(p + at, end - at)
            if kind != NUMBER_WHOLE or fabs(value) > 1.7976931348623157e308:
                raise_error(SQLITE_ERROR, *lit(b"invalid vector: a component is not a number"))
            out[count] = value
            count += 1
            more = p[end] == COMMA
            at = end + 1
    if skip_spaces(p, n, at) != n:
        raise_error(SQLITE_ERROR, *lit(b"invalid vector: text behind the closing ']'"))
    return out, count


def skip_spaces(p: ptr[u8], n: i32, at: i32) -> i32:
    """The place of what is no space."""
    while at < n and is_space(p[at]):
        at += 1
    return at


def put_component(b: Buffer, value: f64, wide: bool) -> None:
    """Write a component; wide: it is one of 64 bits, not of 32."""
    if value != value:
        buffer_add(b, *lit(b"NaN"))
        return
    if value < 0.0 or (value == 0.0 and 1.0 / value < 0.0):
        buffer_put(b, 45)
        value = -value
    if value == 0.0:
        buffer_put(b, 48)
    elif value > 1.7976931348623157e308:
        buffer_add(b, *lit(b"Infinity"))
    else:
        put_positive(b, value, wide)


def put_positive(b: Buffer, value: f64, wide: bool) -> None:
    """Write a finite number above 0."""
    number, exponent = shortest(value, wide)
    digits: ptr[u8] = scratch(24)
    n, whole = digits_to_text(number, digits)
    point: i32 = exponent + whole  # digits before the point
    if point > PLAIN_BELOW or point <= PLAIN_FROM + 1:
        put_exponential(b, digits, n, point - 1)
    elif point <= 0:
        buffer_add(b, *lit(b"0."))
        buffer_fill(b, 48, 0 - point)
        buffer_add(b, digits, n)
    elif n <= point:
        buffer_add(b, digits, n)
        buffer_fill(b, 48, point - n)
    else:
        buffer_add(b, digits, point)
        buffer_put(b, 46)
        buffer_add(b, digits + point, n - point)


def put_exponential(b: Buffer, digits: ptr[u8], n: i32, exponent: i32) -> None:
    """Write d.ddde±x."""
    buffer_put(b, digits[0])
    if n > 1:
        buffer_put(b, 46)
        buffer_add(b, digits + 1, n - 1)
    buffer_put(b, 101)
    text: ptr[u8] = scratch(24)
    buffer_add(b, text, int_to_text(i64(exponent), text))


def shortest(value: f64, wide: bool) -> tuple[u64, i32]:
    """The least number of digits that denote a value above 0: (they, exponent of ten)."""
    all_digits, exponent = real_digits(value)
    count: i32 = 18 if all_digits < u64(1000000000000000000) else 19
    keep: i32 = 1
    while keep < 17:
        number: u64 = round_digits(all_digits, count, keep)
        if denotes(decimal_to_real(number, i64(exponent + count - keep)), value, wide):
            return number, exponent + count - keep
        keep += 1
    return round_digits(all_digits, count, 17), exponent + count - 17


def denotes(read: f64, value: f64, wide: bool) -> bool:
    """Whether what has been read is the value."""
    if wide:
        return read == value
    place: ptr[f32] = ptr[f32](scratch(8))
    place[0] = read
    return place[0] == value
