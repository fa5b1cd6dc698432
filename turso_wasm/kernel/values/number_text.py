"""Numbers to text: integers, and doubles as SQLite 3.54 prints them.

Owns `int_to_text`, `real_to_text` and the decimal digits of a double, from which printf works too.

A double x becomes digits in three steps (found by experiment, and checked against SQLite on millions of doubles):

  1  N = x * 10^p rounded to an integer, with p = 17 - floor(e * log10(2)) for x in [2^e, 2^(e+1)); 10^p is taken as
     64 bits rounded down. N has 18 or 19 digits, which are not all correct: they are SQLite's.
  2  If digits 15 and 16 of N are 99, or 14, 15 and 16 are 000, N is rounded up or down to its first 14 digits,
     provided that this still denotes x. Where p < 0 (x >= 2^60 or so), 00 at digits 14 and 15 suffices: half an ulp
     of x may reach digit 16 when x is just above a power of two that begins with 9, as 9.5e21 is.
  3  Otherwise N is rounded, half up, to 17 digits.

Then it is written like C's %.17g, but always with a point and a digit after it.
"""

from turso_wasm.kernel.values.number import decimal_to_real, power_exponent, power_high
from turso_wasm.wasm.lang import (
    bits,
    clz,
    export,
    f64,
    fabs,
    float_from_bits,
    i32,
    i64,
    inline,
    memory_copy,
    memory_fill,
    mul_hi_u,
    ptr,
    scratch,
    trunc,
    u8,
    u16,
    u32,
    u64,
)

__subset__ = True

PAIRS = b"".join(b"%02d" % i for i in range(100))

INT_TEXT_SIZE = 20
REAL_TEXT_SIZE = 32


def put_digits(out: ptr[u8], v: u32, n: i32) -> None:
    """Write v as exactly n digits, zero-padded. v < 10^n, n <= 10."""
    while n >= 2:
        n -= 2
        rest: u32 = v // 100
        ptr[u16](out + n)[0] = ptr[u16](PAIRS)[v - rest * 100]
        v = rest
    if n:
        out[0] = 48 + i32(v)


def digit_count(v: u32) -> i32:
    """Number of decimal digits of v, at least 1."""
    if v < 10000:
        if v < 100:
            return 1 if v < 10 else 2
        return 3 if v < 1000 else 4
    if v < 100000000:
        if v < 1000000:
            return 5 if v < 100000 else 6
        return 7 if v < 10000000 else 8
    return 9 if v < 1000000000 else 10


@export
def uint_to_text(v: u64, out: ptr[u8]) -> i32:
    """Write v in decimal at `out` (at most 20 bytes); the number of bytes."""
    if v < 1000000000:
        n: i32 = digit_count(u32(v))
        put_digits(out, u32(v), n)
        return n
    high: u64 = v // 1000000000
    n = uint_to_text(high, out)
    put_digits(out + n, u32(v - high * 1000000000), 9)
    return n + 9


@export
def int_to_text(v: i64, out: ptr[u8]) -> i32:
    """Write v in decimal at `out` (at most INT_TEXT_SIZE bytes); the number of bytes."""
    if v >= 0:
        return uint_to_text(u64(v), out)
    out[0] = 45
    return uint_to_text(u64(0) - u64(v), out + 1) + 1


@inline
def ten_exponent(exponent: i32) -> i32:
    """floor(exponent * log10(2)), for every exponent of a double."""
    return (exponent * 78913) >> 18


def real_scale(x: f64, digits: i32) -> tuple[u64, i32, u64]:
    """Scale a finite x > 0 by a power of ten to `digits` (1..18) digits before the point, or one more.

    (high, p, drop): x * 10^p is about high / 2^drop, 10^p taken as 64 bits rounded down.
    """
    raw: u64 = u64(bits(x))
    exponent: i32 = i32(raw >> 52)
    mantissa: u64 = raw << 12
    if exponent:
        mantissa = (mantissa >> 1) | (u64(1) << 63)
        exponent -= 1023
    else:
        zeros: u64 = clz(mantissa)
        mantissa = mantissa << zeros
        exponent = -1023 - i32(zeros)
    p: i32 = digits - 1 - ten_exponent(exponent)
    # mantissa = x * 2^(63 - exponent); the power is 10^p * 2^(63 - its exponent).
    return mul_hi_u(mantissa, power_high(p)), p, u64(62 - exponent - power_exponent(p))


def real_digits(x: f64) -> tuple[u64, i32]:
    """Step 1 for a finite x > 0: (N, exponent of ten), with x about N * 10^exponent and 10^17 <= N < 2 * 10^18."""
    high, p, drop = real_scale(x, 18)
    return (high >> drop) + ((high >> (drop - 1)) & 1), -p


def shorten(x: f64, n: u64, exponent: i32) -> tuple[u64, i32]:
    """Steps 2 and 3 on the digits of x: (at most 17 digits, exponent of ten)."""
    hundreds: u64 = u64(10000) if n >= 1000000000000000000 else u64(1000)
    first: u64 = n // (hundreds * 10)
    tail: u64 = n - first * (hundreds * 10)
    # `first` are the first 14 digits, `tail` the 4 or 5 others, which begin with digits 15 and 16.
    middle: u64 = tail // (hundreds // 10)
    places: i32 = 5 if hundreds == 10000 else 4
    zeros: bool = first % 10 == 0 and (middle == 0 or (middle < 10 and exponent > 0))
    if middle == 99:
        if decimal_to_real(first + 1, i64(exponent + places)) == x:
            return first + 1, exponent + places
    elif zeros and decimal_to_real(first, i64(exponent + places)) == x:
        return first, exponent + places
    if places == 5:
        return (n + 50) // 100, exponent + 2
    return (n + 5) // 10, exponent + 1


def real_round(x: f64) -> tuple[u64, i32]:
    """Steps 1 to 3 for a finite x > 0: (at most 17 digits, exponent of ten)."""
    n, exponent = real_digits(x)
    return shorten(x, n, exponent)


def power_of_ten(n: i32) -> u64:
    """10^n, 0 <= n <= 19."""
    value: u64 = 1
    while n > 0:
        value = value * 10
        n -= 1
    return value


def digit_count_64(n: u64) -> i32:
    """Number of decimal digits of n, at least 1."""
    if n < 1000000000:
        return digit_count(u32(n))
    high: u64 = n // 1000000000
    if high < 1000000000:
        return 9 + digit_count(u32(high))
    return 18 + digit_count(u32(high // 1000000000))


def round_digits(n: u64, count: i32, keep: i32) -> u64:
    """The first `keep` of n's `count` digits, rounded half up."""
    unit: u64 = power_of_ten(count - keep)
    return (n + (unit >> 1)) // unit


def real_decimal(x: f64, places: i32, limit: i32) -> tuple[u64, i32]:
    """The digits of a finite x > 0 as printf wants them: (digits, exponent of ten).

    places: > 0: that many significant digits; <= 0: -places digits behind the point. limit: most significant digits.
    Source: observed behaviour of SQLite 3.54, which scales to the digits asked for when these are less than 17, and
    from all 18 or 19 digits of step 1 otherwise.
    """
    if places > 0 and places < 17:
        high, p, drop = real_scale(x, places + 1)
        n: u64 = high >> drop
        exponent: i32 = -p
        count: i32 = digit_count_64(n)
        keep: i32 = places
    else:
        n, exponent = real_digits(x)
        count = digit_count_64(n)
        keep = places
        if places <= 0:
            keep = count + exponent - places
            if keep == 0 and n // power_of_ten(count - 1) >= 5:
                return u64(1), count + exponent
            if keep <= 0:
                return u64(0), 0
        if keep >= count and count <= limit:
            return n, exponent
        keep = keep if keep < limit else limit
        if keep == 17:
            return shorten(x, n, exponent)
    if keep >= count:
        return n, exponent
    return round_digits(n, count, keep), exponent + count - keep


def digits_to_text(n: u64, out: ptr[u8]) -> tuple[i32, i32]:
    """Write n > 0 in decimal without its trailing zeros: (digits written, digits of n)."""
    all_digits: i32 = uint_to_text(n, out)
    kept: i32 = all_digits
    while out[kept - 1] == 48:
        kept -= 1
    return kept, all_digits


@export
def real_to_text(v: f64, out: ptr[u8]) -> i32:
    """Write v as SQLite prints a REAL, at `out` (at most REAL_TEXT_SIZE bytes); the number of bytes."""
    at: i32 = 0
    x: f64 = fabs(v)
    if x == 0.0 or x != x:
        memory_copy(out, b"0.0", 3)
        return 3
    if v < 0.0:
        out[0] = 45
        at = 1
    if x == float_from_bits(0x7FF0000000000000):
        memory_copy(out + at, b"Inf", 3)
        return at + 3
    if x < 9007199254740992.0 and trunc(x) == x:
        at += uint_to_text(u64(x), out + at)
        out[at] = 46
        out[at + 1] = 48
        return at + 2
    n, exponent = real_round(x)
    digits: ptr[u8] = scratch(24)
    kept, count = digits_to_text(n, digits)
    return at + place_point(digits, kept, exponent + count - 1, out + at)


def place_point(digits: ptr[u8], n: i32, exponent: i32, out: ptr[u8]) -> i32:
    """Write d.ddd * 10^exponent, n digits, plainly or with an exponent; the number of bytes."""
    if exponent < -4 or exponent > 16:
        return write_exponential(digits, n, exponent, out)
    if exponent < 0:
        memory_copy(out, b"0.000", 5)
        memory_copy(out + 1 - exponent, digits, n)
        return 1 - exponent + n
    whole: i32 = exponent + 1
    if n > whole:
        memory_copy(out, digits, whole)
        out[whole] = 46
        memory_copy(out + whole + 1, digits + whole, n - whole)
        return n + 1
    memory_copy(out, digits, n)
    memory_fill(out + n, 48, whole - n)
    out[whole] = 46
    out[whole + 1] = 48
    return whole + 2


def write_exponential(digits: ptr[u8], n: i32, exponent: i32, out: ptr[u8]) -> i32:
    """Write d.ddde+XX; the number of bytes."""
    out[0] = digits[0]
    out[1] = 46
    at: i32 = 2
    if n == 1:
        out[2] = 48
        at = 3
    else:
        memory_copy(out + 2, digits + 1, n - 1)
        at = n + 1
    out[at] = 101
    out[at + 1] = 43
    if exponent < 0:
        out[at + 1] = 45
        exponent = 0 - exponent
    width: i32 = 3 if exponent >= 100 else 2
    put_digits(out + at + 2, u32(exponent), width)
    return at + 2 + width
