"""sin, cos, tan and their inverses, computed as pairs of doubles (kernel/functions/doubles.py).

Owns the reduction of an angle modulo pi/2 (Payne and Hanek's method, with integers) and the table of arctangents.

  angle   x * 2/pi = quadrant + f, |f| <= 1/2, from the 192 bits of 2/pi that matter for x's exponent; r = f * pi/2
  atan    c = j/32 nearest to x in [0, 1]: atan(x) = atan(c) + atan(t), t = (x - c) / (1 + x c), |t| <= 1/64, by its
  series

Invariants:
  G1  The reduced angle has a relative error below 2^-65 for every double: no double is closer than 2^-62 to a multiple
      of pi/2, relative to pi/2, and 128 bits of f are kept.

Source: M. Payne and R. Hanek, "Radian reduction for trigonometric functions", 1983.
"""

from turso_wasm.kernel.functions.doubles import pair_add, pair_div, pair_mul, pair_sqrt, quick_sum, two_sum
from turso_wasm.kernel.functions.exponential import (
    FIFTH,
    FIFTH_LOW,
    SIXTH,
    SIXTH_LOW,
    THIRD,
    THIRD_LOW,
    infinity,
    not_a_number,
)
from turso_wasm.values.constants import arctangent, pair, pairs, pi, ratio, two_over_pi
from turso_wasm.wasm.lang import (
    bits,
    clz,
    copysign,
    f64,
    fabs,
    float_from_bits,
    i32,
    i64,
    mul_hi_u,
    nearest,
    ptr,
    scratch,
    u64,
)

__subset__ = True

WORDS = 20  # 1280 bits of 2/pi: the largest exponent needs 1024 + 192
TWO_OVER_PI = b"".join(
    ((two_over_pi(WORDS * 64) >> (64 * (WORDS - 1 - i))) & (2**64 - 1)).to_bytes(8, "little") for i in range(WORDS)
)
ARCTANGENTS = pairs(arctangent(ratio(j, 32)) for j in range(33))

PI, PI_LOW = pair(pi())
HALF_PI, HALF_PI_LOW = pair(pi() / 2)
QUARTER_PI = float(pi() / 4)
INVERSE_120, INVERSE_120_LOW = pair(ratio(1, 120))
INVERSE_5040, INVERSE_5040_LOW = pair(ratio(1, 5040))
INVERSE_24, INVERSE_24_LOW = pair(ratio(1, 24))
INVERSE_720, INVERSE_720_LOW = pair(ratio(1, 720))

SMALL = 2.0**-27
NEGLIGIBLE = 2.0**-60
EXPONENT_GAP = 2.0**70
SCALE_DOWN = 2.0**-128
SCALE_UP = 2.0**128
TOO_SMALL = 2.0**-900
TOO_LARGE = 2.0**900


# --- reduction ----------------------------------------------------------------------------------------------


def window(first: i32) -> tuple[u64, u64, u64]:
    """192 bits of 2/pi from bit `first` (0: the one worth 1/2) on, as three words."""
    word: i32 = first >> 6
    shift: u64 = u64(first & 63)
    t: ptr[u64] = ptr[u64](TWO_OVER_PI)
    if shift == 0:
        return t[word], t[word + 1], t[word + 2]
    back: u64 = 64 - shift
    return (
        (t[word] << shift) | (t[word + 1] >> back),
        (t[word + 1] << shift) | (t[word + 2] >> back),
        (t[word + 2] << shift) | (t[word + 3] >> back),
    )


def times_window(m: u64, first: i32, out: ptr[u64]) -> None:
    """`m` times the 192 bits from `first` on: 256 bits, as four words at `out`, the highest first."""
    a, b, c = window(first)
    low: u64 = m * b
    carry: u64 = mul_hi_u(m, c)
    out[3] = m * c
    out[2] = low + carry
    up: u64 = mul_hi_u(m, b) + u64(out[2] < low)
    low = m * a
    out[1] = low + up
    out[0] = mul_hi_u(m, a) + u64(out[1] < low)


def shift_left(p: ptr[u64], n: i32) -> None:
    """Shift 256 bits, four words, the highest first, left by n (0..255) bits."""
    words: i32 = n >> 6
    shift: u64 = u64(n & 63)
    for i in range(4):
        high: u64 = p[i + words] if i + words < 4 else u64(0)
        next_: u64 = p[i + words + 1] if i + words + 1 < 4 else u64(0)
        p[i] = (high << shift) | (next_ >> (64 - shift)) if shift else high


def fraction_pair(high: u64, low: u64) -> tuple[f64, f64]:
    """high, low: 128 bits behind a binary point, as a pair of doubles."""
    if high == 0 and low == 0:
        return 0.0, 0.0
    zeros: i32 = 0
    if high == 0:
        high = low
        low = 0
        zeros = 64
    n: u64 = clz(high)
    if n:
        high = (high << n) | (low >> (64 - n))
        low = low << n
    zeros += i32(n)
    # 53 bits, the next 53, and the rest is lost.
    unit: f64 = float_from_bits(i64(1023 - 53 - zeros) << 52)
    a: f64 = f64(high >> 11) * unit
    rest: u64 = ((high & 0x7FF) << 42) | (low >> 22)
    b: f64 = f64(rest) * (unit * float_from_bits(i64(1023 - 53) << 52))
    return quick_sum(a, b)


def reduce_angle(x: f64) -> tuple[i32, f64, f64]:
    """A finite x as (quadrant modulo 4, r as a pair): x = quadrant * pi/2 + r modulo 2 pi, |r| <= pi/4."""
    a: f64 = fabs(x)
    if a <= QUARTER_PI:
        return 0, x, 0.0
    raw: u64 = u64(bits(a))
    exponent: i32 = i32(raw >> 52) - 1075  # of the mantissa's last bit
    m: u64 = (raw & 0xFFFFFFFFFFFFF) | 0x10000000000000
    # Bits of 2/pi whose product with m is a multiple of 4 do not matter.
    first: i32 = exponent - 2 if exponent > 2 else 0
    p: ptr[u64] = ptr[u64](scratch(32))
    times_window(m, first, p)
    # The binary point is `point` bits from the right: m has weight 2^exponent, the window 2^-(first + 192).
    point: i32 = first + 192 - exponent
    # Two bits of the quadrant to the very left.
    shift_left(p, 254 - point)
    quadrant: i32 = i32(p[0] >> 62)
    high: u64 = (p[0] << 2) | (p[1] >> 62)
    low: u64 = (p[1] << 2) | (p[2] >> 62)
    negative: bool = (high >> 63) != 0
    if negative:
        quadrant += 1
        low = u64(0) - low
        high = ~high + u64(low == 0)
    f, f_low = fraction_pair(high, low)
    r, r_low = pair_mul(f, f_low, HALF_PI, HALF_PI_LOW)
    if negative:
        r = -r
        r_low = -r_low
    if x < 0.0:
        return (0 - quadrant) & 3, -r, -r_low
    return quadrant & 3, r, r_low


# --- sin, cos, tan ------------------------------------------------------------------------------------------


def sin_series(r: f64, r_low: f64) -> tuple[f64, f64]:
    """sin(r) for |r| <= pi/4."""
    q, q_low = pair_mul(r, r_low, r, r_low)
    tail: f64 = 1.0 / 355687428096000.0 - q / 121645100408832000.0
    tail = -1.0 / 1307674368000.0 + q * tail
    tail = 1.0 / 362880.0 + q * (-1.0 / 39916800.0 + q * (1.0 / 6227020800.0 + q * tail))
    h, low = pair_add(-INVERSE_5040, -INVERSE_5040_LOW, q * tail, 0.0)
    h, low = pair_mul(h, low, q, q_low)
    h, low = pair_add(h, low, INVERSE_120, INVERSE_120_LOW)
    h, low = pair_mul(h, low, q, q_low)
    h, low = pair_add(h, low, -SIXTH, -SIXTH_LOW)
    h, low = pair_mul(h, low, q, q_low)
    h, low = pair_mul(h, low, r, r_low)
    return pair_add(r, r_low, h, low)


def cos_series(r: f64, r_low: f64) -> tuple[f64, f64]:
    """cos(r) for |r| <= pi/4."""
    q, q_low = pair_mul(r, r_low, r, r_low)
    tail: f64 = 1.0 / 20922789888000.0 - q / 6402373705728000.0
    tail = -1.0 / 87178291200.0 + q * tail
    tail = 1.0 / 40320.0 + q * (-1.0 / 3628800.0 + q * (1.0 / 479001600.0 + q * tail))
    h, low = pair_add(-INVERSE_720, -INVERSE_720_LOW, q * tail, 0.0)
    h, low = pair_mul(h, low, q, q_low)
    h, low = pair_add(h, low, INVERSE_24, INVERSE_24_LOW)
    h, low = pair_mul(h, low, q, q_low)
    h, low = pair_add(h, low, -0.5, 0.0)
    h, low = pair_mul(h, low, q, q_low)
    return pair_add(1.0, 0.0, h, low)


def not_finite(x: f64) -> bool:
    """Infinity or NaN."""
    return not (fabs(x) < infinity())


def real_sin(x: f64) -> f64:
    """Sine; NaN for infinity."""
    if not_finite(x):
        return not_a_number()
    if fabs(x) < SMALL:
        return x - x * (x * x * SIXTH)
    quadrant, r, r_low = reduce_angle(x)
    h: f64 = 0.0
    if quadrant & 1:
        h, _ = cos_series(r, r_low)
    else:
        h, _ = sin_series(r, r_low)
    return -h if quadrant & 2 else h


def real_cos(x: f64) -> f64:
    """Cosine; NaN for infinity."""
    if not_finite(x):
        return not_a_number()
    quadrant, r, r_low = reduce_angle(x)
    h: f64 = 0.0
    if quadrant & 1:
        h, _ = sin_series(r, r_low)
    else:
        h, _ = cos_series(r, r_low)
    return -h if quadrant == 1 or quadrant == 2 else h


def real_tan(x: f64) -> f64:
    """Tangent; NaN for infinity."""
    if not_finite(x):
        return not_a_number()
    if fabs(x) < SMALL:
        return x + x * (x * x * THIRD)
    quadrant, r, r_low = reduce_angle(x)
    s, s_low = sin_series(r, r_low)
    c, c_low = cos_series(r, r_low)
    h: f64 = 0.0
    if quadrant & 1:
        h, _ = pair_div(-c, -c_low, s, s_low)
    else:
        h, _ = pair_div(s, s_low, c, c_low)
    return h


# --- inverses -----------------------------------------------------------------------------------------------


def atan_pair(x: f64, x_low: f64) -> tuple[f64, f64]:
    """`atan` of a pair in [0, 1]."""
    j: i32 = i32(nearest(x * 32.0))
    c: f64 = f64(j) * 0.03125
    n, n_low = pair_add(x, x_low, -c, 0.0)
    d, d_low = pair_mul(x, x_low, c, 0.0)
    d, d_low = pair_add(1.0, 0.0, d, d_low)
    t, t_low = pair_div(n, n_low, d, d_low)
    q, q_low = pair_mul(t, t_low, t, t_low)
    tail: f64 = -1.0 / 7.0 + q * (1.0 / 9.0 + q * (-1.0 / 11.0 + q * (1.0 / 13.0 - q / 15.0)))
    h, low = pair_add(FIFTH, FIFTH_LOW, q * tail, 0.0)
    h, low = pair_mul(h, low, q, q_low)
    h, low = pair_add(h, low, -THIRD, -THIRD_LOW)
    h, low = pair_mul(h, low, q, q_low)
    h, low = pair_mul(h, low, t, t_low)
    h, low = pair_add(t, t_low, h, low)
    return pair_add(ptr[f64](ARCTANGENTS)[2 * j], ptr[f64](ARCTANGENTS)[2 * j + 1], h, low)


def atan_quotient(y: f64, y_low: f64, x: f64, x_low: f64) -> tuple[f64, f64]:
    """atan(y / x) of pairs >= 0, not both 0, within a factor of 2^70 of each other."""
    if y <= x:
        q, q_low = pair_div(y, y_low, x, x_low)
        return atan_pair(q, q_low)
    q, q_low = pair_div(x, x_low, y, y_low)
    h, low = atan_pair(q, q_low)
    return pair_add(HALF_PI, HALF_PI_LOW, -h, -low)


def real_atan(x: f64) -> f64:
    """Inverse tangent."""
    a: f64 = fabs(x)
    if x != x or a < SMALL:
        return x - x * (x * x * THIRD)
    h: f64 = HALF_PI
    if a < EXPONENT_GAP:
        h, _ = atan_quotient(a, 0.0, 1.0, 0.0)
    return copysign(h, x)


def real_asin(x: f64) -> f64:
    """Inverse sine; NaN for |x| > 1."""
    a: f64 = fabs(x)
    if not (a <= 1.0):
        return not_a_number()
    if a < SMALL:
        return x + x * (x * x * SIXTH)
    c, c_low = cosine_of_sine(a)
    h, _ = atan_quotient(a, 0.0, c, c_low)
    return copysign(h, x)


def cosine_of_sine(a: f64) -> tuple[f64, f64]:
    """sqrt(1 - a^2) = sqrt((1 - a) (1 + a)) for 0 <= a <= 1."""
    p, p_low = two_sum(1.0, -a)
    q, q_low = two_sum(1.0, a)
    p, p_low = pair_mul(p, p_low, q, q_low)
    return pair_sqrt(p, p_low)


def real_acos(x: f64) -> f64:
    """Inverse cosine; NaN for |x| > 1."""
    a: f64 = fabs(x)
    if not (a <= 1.0):
        return not_a_number()
    if a < NEGLIGIBLE:
        return HALF_PI - x
    c, c_low = cosine_of_sine(a)
    h, low = atan_quotient(c, c_low, a, 0.0)
    if x < 0.0:
        h, low = pair_add(PI, PI_LOW, -h, -low)
    return h


def atan2_special(y: f64, x: f64) -> f64:
    """The angle for infinite or zero coordinates. Source: C99 annex F.9.1.4."""
    angle: f64 = 0.0
    if x == 0.0 and y != 0.0:
        angle = HALF_PI
    elif y == 0.0:
        angle = PI if bits(x) < 0 else 0.0
    elif fabs(y) == infinity():
        angle = HALF_PI
        if fabs(x) == infinity():
            angle = 3.0 * QUARTER_PI if x < 0.0 else QUARTER_PI
    elif x < 0.0:
        angle = PI
    return copysign(angle, y)


def real_atan2(y: f64, x: f64) -> f64:
    """The angle of the point (x, y), in (-pi, pi]."""
    if x != x or y != y:
        return not_a_number()
    a: f64 = fabs(y)
    c: f64 = fabs(x)
    if a == 0.0 or c == 0.0 or a == infinity() or c == infinity():
        return atan2_special(y, x)
    if a > TOO_LARGE or c > TOO_LARGE:
        a = a * SCALE_DOWN
        c = c * SCALE_DOWN
    elif a < TOO_SMALL or c < TOO_SMALL:
        a = a * SCALE_UP
        c = c * SCALE_UP
    if a > c * EXPONENT_GAP:
        return copysign(HALF_PI, y)
    if c > a * EXPONENT_GAP:
        # A quotient this small is its own arctangent.
        return copysign(PI, y) if x < 0.0 else y / x
    h, low = atan_quotient(a, 0.0, c, 0.0)
    if x < 0.0:
        h, low = pair_add(PI, PI_LOW, -h, -low)
    return copysign(h, y)
