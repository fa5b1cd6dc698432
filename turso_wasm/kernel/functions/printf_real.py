"""printf's %e, %f and %g.

Owns the layout of a double under a Spec; the digits come from number_text.real_decimal.

Source: https://sqlite.org/printf.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.functions.printf_spec import Spec
from turso_wasm.kernel.values.buffer import Buffer, buffer_fill, buffer_put, buffer_room
from turso_wasm.kernel.values.number_text import digits_to_text, put_digits, real_decimal
from turso_wasm.wasm.lang import (
    f64,
    fabs,
    float_from_bits,
    i32,
    i64,
    memory_copy,
    memory_fill,
    ptr,
    scratch,
    u8,
    u32,
)

__subset__ = True

DEFAULT_PRECISION = 6
PRECISION_LIMIT = 100_000_000  # SQLITE_FP_PRECISION_LIMIT
DIGITS = 16  # significant digits, without and with the ! flag
MORE_DIGITS = 26
INFINITE_POINT = 1000  # with the 0 flag infinity is 9e999


def sign_char(spec: Spec, negative: bool) -> i32:
    """The sign to print: '-', what the + and space flags ask for, or 0."""
    return 45 if negative else spec.prefix


def put_infinity(b: Buffer, spec: Spec, sign: i32) -> None:
    """Print Inf."""
    size: i32 = 4 if sign else 3
    if spec.left == 0:
        buffer_fill(b, 32, spec.width - size)
    if sign:
        buffer_put(b, sign)
    memory_copy(buffer_room(b, 3), b"Inf", 3)
    if spec.left:
        buffer_fill(b, 32, spec.width - size)


def put_real(b: Buffer, spec: Spec, v: f64) -> None:
    """Print v under a conversion e, f or g."""
    precision: i32 = spec.precision if spec.precision >= 0 else DEFAULT_PRECISION
    if precision > PRECISION_LIMIT:
        precision = PRECISION_LIMIT
    digits: ptr[u8] = scratch(24)
    digits[0] = 48
    count: i32 = 1
    point: i32 = 1
    x: f64 = fabs(v)
    sign: i32 = sign_char(spec, v < 0.0)
    if x == float_from_bits(0x7FF0000000000000):
        if spec.zero == 0:
            put_infinity(b, spec, sign)
            return
        digits[0] = 57
        point = INFINITE_POINT
    elif x > 0.0:
        places: i32 = 0 - precision
        if spec.conversion == 101:
            places = precision + 1
        elif spec.conversion == 103:
            places = precision if precision else 1
        n, exponent = real_decimal(x, places, MORE_DIGITS if spec.more else DIGITS)
        if n:
            kept, whole = digits_to_text(n, digits)
            count = kept
            point = whole + exponent
    lay_out(b, spec, sign, precision, digits, count, point)


def lay_out(b: Buffer, spec: Spec, sign: i32, precision: i32, digits: ptr[u8], count: i32, point: i32) -> None:
    """Print 0.digits * 10^point, `count` digits, none of the last being 0."""
    exponential: bool = spec.conversion == 101
    strip: bool = spec.more != 0
    if spec.conversion == 103:
        if precision > 0:
            precision -= 1
        strip = spec.alternate == 0
        exponential = point - 1 < -4 or point - 1 > precision
        if not exponential:
            precision -= point - 1
    if sign == 45 and spec.alternate and spec.prefix == 0 and shows_zero(digits, point, precision, exponential):
        sign = 0
    whole: i32 = 1 if exponential else point
    start: i32 = b.size
    if sign:
        buffer_put(b, sign)
    put_whole(b, spec, digits, count, whole)
    if precision > 0 or spec.alternate or spec.more:
        buffer_put(b, 46)
        put_fraction(b, digits, count, whole, precision)
        if strip:
            strip_zeros(b, spec)
    if exponential:
        put_exponent(b, spec, point - 1)
    pad(b, spec, start, sign)


def shows_zero(digits: ptr[u8], point: i32, precision: i32, exponential: bool) -> bool:
    """Whether only zeros will be printed."""
    return digits[0] == 48 or (not exponential and point + precision <= 0)


def put_whole(b: Buffer, spec: Spec, digits: ptr[u8], count: i32, whole: i32) -> None:
    """Print the `whole` digits before the point, with thousands separators when asked for; 0 when there are none."""
    if whole <= 0:
        buffer_put(b, 48)
        return
    for i in range(whole):
        buffer_put(b, digits[i] if i < count else 48)
        if spec.thousands and (whole - 1 - i) % 3 == 0 and i < whole - 1:
            buffer_put(b, 44)


def put_fraction(b: Buffer, digits: ptr[u8], count: i32, whole: i32, precision: i32) -> None:
    """Print `precision` digits behind the point."""
    if precision <= 0:
        return
    out: ptr[u8] = buffer_room(b, i64(precision))
    memory_fill(out, 48, precision)
    skip: i32 = 0 - whole if whole < 0 else 0  # zeros before the first digit
    used: i32 = whole if whole > 0 else 0  # digits already before the point
    n: i32 = count - used
    if n > precision - skip:
        n = precision - skip
    if n > 0:
        memory_copy(out + skip, digits + used, n)


def strip_zeros(b: Buffer, spec: Spec) -> None:
    """Drop zeros at the end of the fraction, and the point when nothing follows it: with the ! flag .0 stays."""
    while b.data[b.size - 1] == 48:
        b.size -= 1
    if b.data[b.size - 1] == 46:
        if spec.more:
            buffer_put(b, 48)
        else:
            b.size -= 1


def put_exponent(b: Buffer, spec: Spec, exponent: i32) -> None:
    """Print e+XX."""
    buffer_put(b, 69 if spec.upper else 101)
    buffer_put(b, 45 if exponent < 0 else 43)
    if exponent < 0:
        exponent = 0 - exponent
    width: i32 = 3 if exponent >= 100 else 2
    put_digits(buffer_room(b, i64(width)), u32(exponent), width)


def pad(b: Buffer, spec: Spec, start: i32, sign: i32) -> None:
    """Widen what was printed from `start` on to the width: spaces, or zeros behind the sign."""
    size: i32 = b.size - start
    lacking: i32 = spec.width - size
    if lacking <= 0:
        return
    _ = buffer_room(b, i64(lacking))
    p: ptr[u8] = b.data + start
    if spec.left:
        memory_fill(p + size, 32, lacking)
        return
    if spec.zero:
        if sign:
            p = p + 1
            size -= 1
        memory_copy(p + lacking, p, size)
        memory_fill(p, 48, lacking)
        return
    memory_copy(p + lacking, p, size)
    memory_fill(p, 32, lacking)
