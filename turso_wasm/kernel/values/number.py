"""Text to numbers: the scanner of numeric text and the decimal-to-binary conversion.

Owns the powers of ten and what SQLite accepts as a number. `number_text` goes the other way.

Numeric text: spaces, sign, digits with at most one point (at least one digit), an exponent if digits follow its `e`,
spaces. What fits an i64 and has neither point nor exponent is an INTEGER, everything else a REAL.

POWERS holds 10^q for q in POWER_MIN..POWER_MAX, 16 bytes each:

  OFFSET  SIZE  MEANING
  0       8     high 64 bits of the significand, normalized (bit 63 set), little-endian
  8       8     low 64 bits

Invariants:
  N1  The 128 bits are 10^q scaled by a power of two, rounded down for q >= 0 and up for q < 0. So w * 10^q, w < 2^64,
      is rounded correctly from the top 128 bits of the product (Mushtaq and Lemire, "Fast number parsing without
      fallback", 2023, prove that the second half of the power settles every case).
  N2  The binary exponent of 10^q is floor(q * log2(10)) = (q * 217706) >> 16 for every q of the table.
  N3  Of a longer significand the digits that do not fit 64 bits are dropped, as SQLite does.
"""

from turso_wasm.kernel.abi import INTEGER, REAL
from turso_wasm.wasm.lang import (
    at_import,
    bits,
    clz,
    export,
    f64,
    float_from_bits,
    i32,
    i64,
    inline,
    mul_hi_u,
    ptr,
    u8,
    u64,
)

__subset__ = True

POWER_MIN = -343
POWER_MAX = 341


@at_import
def _power_bits(q: int) -> int:
    """The 128-bit significand of 10^q (invariant N1)."""
    if q >= 0:
        power = 10**q
        shift = power.bit_length() - 128
        return power >> shift if shift > 0 else power << -shift
    divisor = 10**-q
    shift = 127 + divisor.bit_length()
    return (1 << shift) // divisor + 1


POWERS = b"".join(
    (_power_bits(q) >> 64).to_bytes(8, "little") + (_power_bits(q) & (2**64 - 1)).to_bytes(8, "little")
    for q in range(POWER_MIN, POWER_MAX + 1)
)

NUMBER_NONE = 0
NUMBER_PREFIX = 1
NUMBER_WHOLE = 2

FORM_NEGATIVE = 1
FORM_INTEGER = 2

INFINITY_BITS = 0x7FF0000000000000


@inline
def power_high(q: i32) -> u64:
    """The high 64 bits of the significand of 10^q, rounded down."""
    return ptr[u64](POWERS)[(q - POWER_MIN) << 1]


@inline
def power_low(q: i32) -> u64:
    """The low 64 bits of the significand of 10^q."""
    return ptr[u64](POWERS)[((q - POWER_MIN) << 1) + 1]


@inline
def power_exponent(q: i32) -> i32:
    """floor(log2(10^q)) (invariant N2)."""
    return (q * 217706) >> 16


@inline
def is_space(c: i32) -> bool:
    """SQLite's white space: space and \\t \\n \\v \\f \\r."""
    return c == 32 or (c >= 9 and c <= 13)


@inline
def is_digit(c: i32) -> bool:
    """An ASCII digit."""
    return c >= 48 and c <= 57


def decimal_to_real(w: u64, q: i64) -> f64:
    """`w` * 10^q, correctly rounded; infinity when too large.

    Source: D. Lemire, "Number parsing at a gigabyte per second", 2021, and the paper of invariant N1.
    """
    if w == 0 or q < POWER_MIN:
        return 0.0
    if q == 0:
        return f64(w)
    if q > 308:
        return float_from_bits(i64(INFINITY_BITS))
    power: i32 = i32(q)
    zeros: u64 = clz(w)
    w = w << zeros
    high: u64 = mul_hi_u(w, power_high(power))
    low: u64 = w * power_high(power)
    if (high & 0x1FF) == 0x1FF:
        more: u64 = mul_hi_u(w, power_low(power))
        low = low + more
        if low < more:
            high += 1
    top: u64 = high >> 63
    drop: u64 = top + 9
    mantissa: u64 = high >> drop
    exponent: i32 = power_exponent(power) + 63 + i32(top) - i32(zeros) + 1023
    if exponent <= 0:
        return subnormal(mantissa, exponent)
    if low <= 1 and power >= -4 and power <= 23 and (mantissa & 3) == 1 and (mantissa << drop) == high:
        mantissa -= 1  # exactly between two doubles: to even
    mantissa = (mantissa + (mantissa & 1)) >> 1
    if mantissa >= u64(1) << 53:
        mantissa = u64(1) << 52
        exponent += 1
    if exponent >= 0x7FF:
        return float_from_bits(i64(INFINITY_BITS))
    return float_from_bits(i64(mantissa - (u64(1) << 52)) | i64(exponent) << 52)


def subnormal(mantissa: u64, exponent: i32) -> f64:
    """The double of a 54-bit mantissa whose biased exponent is <= 0."""
    if exponent < -62:
        return 0.0
    mantissa = mantissa >> u64(1 - exponent)
    mantissa = (mantissa + (mantissa & 1)) >> 1
    # A mantissa that reached 2^52 is the smallest normal number: the exponent's bit is that bit.
    return float_from_bits(i64(mantissa))


def scan_exponent(p: ptr[u8], n: i32, at: i32) -> tuple[i64, i32]:
    """The exponent whose `e` is at `at`: (its value, index after it); (0, at) when no digits follow."""
    i: i32 = at + 1
    negative: bool = False
    if i < n and (p[i] == 45 or p[i] == 43):
        negative = p[i] == 45
        i += 1
    if i >= n or not is_digit(p[i]):
        return 0, at
    value: i64 = 0
    while i < n and is_digit(p[i]):
        if value < 1000000000000:
            value = value * 10 + i64(p[i] - 48)
        i += 1
    if negative:
        value = 0 - value
    return value, i


def scan_digits(p: ptr[u8], n: i32, i: i32, w: u64) -> tuple[u64, i32, i32]:
    """Append decimal digits from `i` on to w: (new w, index after the digits, how many did not fit)."""
    dropped: i32 = 0
    while i < n and is_digit(p[i]):
        digit: u64 = u64(p[i] - 48)
        if dropped == 0 and (w < 1844674407370955161 or (w == 1844674407370955161 and digit <= 5)):
            w = w * 10 + digit
        else:
            dropped += 1
        i += 1
    return w, i, dropped


def scan_number(p: ptr[u8], n: i32) -> tuple[u64, i64, i32, i32]:
    """Scan numeric text: (significand w, exponent of ten q, kind, form): the number is w * 10^q.

    form: FORM_NEGATIVE | FORM_INTEGER, the latter when it is to be an INTEGER: then q is 0.
    """
    i: i32 = 0
    while i < n and is_space(p[i]):
        i += 1
    form: i32 = FORM_INTEGER
    if i < n and (p[i] == 45 or p[i] == 43):
        if p[i] == 45:
            form |= FORM_NEGATIVE
        i += 1
    start: i32 = i
    w: u64 = 0
    dropped: i32 = 0
    w, i, dropped = scan_digits(p, n, i, w)
    digits: i32 = i - start
    if dropped or w > (u64(0x8000000000000000) if form & FORM_NEGATIVE else u64(0x7FFFFFFFFFFFFFFF)):
        form &= ~FORM_INTEGER
    q: i64 = i64(dropped)
    if i < n and p[i] == 46:
        point: i32 = i + 1
        lost: i32 = 0
        w, i, lost = fraction_digits(p, n, point, w, dropped)
        digits += i - point
        q -= i64(i - point - lost)
        form &= ~FORM_INTEGER
    if digits == 0:
        return u64(0), 0, NUMBER_NONE, FORM_INTEGER
    if i < n and (p[i] | 32) == 101:
        exponent, after = scan_exponent(p, n, i)
        if after > i:
            q += exponent
            i = after
            form &= ~FORM_INTEGER
    while i < n and is_space(p[i]):
        i += 1
    if i >= n:
        return w, q, NUMBER_WHOLE, form
    if p[i] == 0:
        # What a NUL ends is whole, but never an INTEGER.
        return w, q, NUMBER_WHOLE, form & ~FORM_INTEGER
    return w, q, NUMBER_PREFIX, form


@export
def text_to_number(p: ptr[u8], n: i32) -> tuple[i32, i64, i32]:
    """The number at the start of a text: (tag, payload, kind). Kind NUMBER_NONE has the value INTEGER 0.

    kind: NUMBER_WHOLE when the whole text is a number, NUMBER_PREFIX when something follows it.
    """
    w, q, kind, form = scan_number(p, n)
    if form & FORM_INTEGER:
        return INTEGER, (0 - i64(w)) if form & FORM_NEGATIVE else i64(w), kind
    v: f64 = decimal_to_real(w, q)
    return REAL, bits(-v if form & FORM_NEGATIVE else v), kind


@export
def text_to_real(p: ptr[u8], n: i32) -> tuple[f64, i32]:
    """The number at the start of a text as a double (0.0 when none; "-0" gives -0.0), and its kind."""
    w, q, kind, form = scan_number(p, n)
    v: f64 = decimal_to_real(w, q)
    return -v if form & FORM_NEGATIVE else v, kind


def fraction_digits(p: ptr[u8], n: i32, i: i32, w: u64, dropped: i32) -> tuple[u64, i32, i32]:
    """Like scan_digits, for the digits behind a point; none fit when some before the point did not."""
    if dropped == 0:
        return scan_digits(p, n, i, w)
    start: i32 = i
    while i < n and is_digit(p[i]):
        i += 1
    return w, i, i - start


@export
def text_to_integer(p: ptr[u8], n: i32) -> i64:
    """The integer at the start of a text, as CAST AS INTEGER takes it: saturated; 0 when there is none."""
    i: i32 = 0
    while i < n and is_space(p[i]):
        i += 1
    negative: bool = False
    if i < n and (p[i] == 45 or p[i] == 43):
        negative = p[i] == 45
        i += 1
    w: u64 = 0
    dropped: i32 = 0
    w, i, dropped = scan_digits(p, n, i, w)
    if negative:
        if dropped or w > 0x8000000000000000:
            return i64(-0x8000000000000000)
        return 0 - i64(w)
    if dropped or w > 0x7FFFFFFFFFFFFFFF:
        return i64(0x7FFFFFFFFFFFFFFF)
    return i64(w)
