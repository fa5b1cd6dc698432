"""Numbers to text: integers, and doubles as SQLite 3.54 prints them.

Owns `int_to_text`, `real_to_text` and the decimal digits of a double, from which printf works too.

A double x becomes digits in three steps (found by experiment, and checked against SQLite on millions of doubles):

  1  N = x * 10^p rounded to an integer, with p = 17 - floor(e * log10(2)) for x in [2^e, 2^(e+1)); 10^p is taken as
     64 bits rounded down. N has 18 or 19 digits, which are not all correct: they are SQLite's.
  2  If digits 15 and 16 of N are 99, or 14, 15 and 16 are 000, N is rounded up or down to its first 14 digits,
     provided that this still denotes x.
  3  Otherwise N is rounded, half up, to 17 digits.

Then it is written like C's %.17g, but always with a point and a digit after it.
"""

from turso_wasm.kernel.number import decimal_to_real, power_exponent, power_high
from turso_wasm.wasm.lang import (
    bits,
    clz,
    export,
    f64,
    fabs,
    float_from_bits,
    i32,
    i64,
    lit,
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


def real_digits(x: f64) -> tuple[u64, i32]:
    """Step 1 for a finite x > 0: (N, exponent of ten), with x about N * 10^exponent and 10^17 <= N < 2 * 10^18."""
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
    # 78913 / 2^18 is log10(2), close enough for every exponent of a double.
    p: i32 = 17 - ((exponent * 78913) >> 18)
    high: u64 = mul_hi_u(mantissa, power_high(p))
    # mantissa = x * 2^(63 - exponent); the power is 10^p * 2^(63 - its exponent).
    drop: u64 = u64(62 - exponent - power_exponent(p))
    return (high >> drop) + ((high >> (drop - 1)) & 1), -p


def real_round(x: f64) -> tuple[u64, i32]:
    """Steps 1 to 3 for a finite x > 0: (at most 17 digits, exponent of ten)."""
    n, exponent = real_digits(x)
    hundreds: u64 = u64(10000) if n >= 1000000000000000000 else u64(1000)
    first: u64 = n // (hundreds * 10)
    tail: u64 = n - first * (hundreds * 10)
    # `first` are the first 14 digits, `tail` the 4 or 5 others; digits 15 and 16 are tail // (hundreds / 10).
    middle: u64 = tail // (hundreds // 10)
    places: i32 = 5 if hundreds == 10000 else 4
    if middle == 99:
        if decimal_to_real(first + 1, i64(exponent + places)) == x:
            return first + 1, exponent + places
    elif middle == 0 and first % 10 == 0 and decimal_to_real(first, i64(exponent + places)) == x:
        return first, exponent + places
    if places == 5:
        return (n + 50) // 100, exponent + 2
    return (n + 5) // 10, exponent + 1


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
