"""exp, log, pow and the hyperbolic functions, as pairs of doubles (kernel/functions/doubles.py).

Owns the tables of 2^(j/64) and of logarithms.

  exp   x = (64 k + j) * ln(2)/64 + r, |r| < 0.0055: exp(x) = 2^k * 2^(j/64) * exp(r), exp(r) by its series
  log   x = 2^k * m, c = j/128 nearest to m: log(x) = k ln(2) + log(c) + 2 atanh(s), s = (m - c)/(m + c), |s| < 0.0028

Invariants:
  X1  exp_pair has a relative error, log_pair an absolute error relative to max(|result|, 2^-53) below 2^-95 or so; what
      is made of them is rounded correctly unless the exact result is that close to the middle of two doubles.
"""

from turso_wasm.kernel.functions.doubles import (
    pair_add,
    pair_div,
    pair_mul,
    pair_sqrt,
    quick_sum,
    two_product,
    two_sum,
)
from turso_wasm.values.constants import ln, pair, pairs, parts, power, ratio
from turso_wasm.wasm.lang import bits, f64, fabs, float_from_bits, i32, i64, nearest, ptr, trunc

__subset__ = True

INFINITY_BITS = 0x7FF0000000000000
LOG_FIRST = 90
LOG_LAST = 182

LN2_64_A, LN2_64_B, LN2_64_C = parts(ln(2) / 64, 34)
INVERSE_LN2_64 = float(64 / ln(2))
LN2_A, LN2_B, LN2_C = parts(ln(2), 40)
LN2, LN2_LOW = pair(ln(2))
INVERSE_LN2, INVERSE_LN2_LOW = pair(1 / ln(2))
INVERSE_LN10, INVERSE_LN10_LOW = pair(1 / ln(10))
THIRD, THIRD_LOW = pair(ratio(1, 3))
FIFTH, FIFTH_LOW = pair(ratio(1, 5))
SIXTH, SIXTH_LOW = pair(ratio(1, 6))
TWENTYFOURTH, TWENTYFOURTH_LOW = pair(ratio(1, 24))
HUNDREDTWENTIETH, HUNDREDTWENTIETH_LOW = pair(ratio(1, 120))

POWERS_OF_TWO = pairs(power(2, ratio(j, 64)) for j in range(64))  # 2^(j/64)
LOGARITHMS = pairs(ln(ratio(j, 128)) for j in range(LOG_FIRST, LOG_LAST + 1))  # log(j/128)

TINY = 2.0**-20  # below this two terms of a series are all that shows
HUGE = 2.0**500
NEGLIGIBLE = 2.0**-60
SMALLEST_NORMAL = 2.0**-1022
SUBNORMAL_SCALE = 2.0**54
INTEGERS_END = 2.0**53  # doubles from here on are even


def infinity() -> f64:
    """Infinity."""
    return float_from_bits(INFINITY_BITS)


def not_a_number() -> f64:
    """NaN."""
    return float_from_bits(0x7FF8000000000000)


def scale(x: f64, k: i32) -> f64:
    """`x` * 2^k, rounded once where it is exact otherwise; -1022 <= k <= 1023."""
    return x * float_from_bits(i64(k + 1023) << 52)


def round_scaled(h: f64, low: f64, k: i32) -> f64:
    """(h + low) * 2^k rounded to a double, for 1/4 <= |h| < 8; overflow gives infinity, underflow subnormals or 0."""
    if k > 1025:
        return h * infinity()
    if k > 1000:
        return scale(scale(h + low, k - 200), 200)
    if k >= -1018:
        return scale(h + low, k)
    if k < -1080:
        return scale(h, -1022) * 0.0
    # The sum is rounded where the subnormal result ends: behind 2^-1074, that is 2^(-1074 - k) here.
    big: f64 = scale(1.5, 52 - 1074 - k)
    s, e = two_sum(big, h)
    rounded: f64 = (s + (e + low)) - big
    return scale(scale(rounded, k + 200), -200)


# --- exp ----------------------------------------------------------------------------------------------------


def exp_series(r: f64, r_low: f64) -> tuple[f64, f64]:
    """exp(r) - 1 for |r| < 0.0055."""
    tail: f64 = 1.0 / 720.0 + r * (1.0 / 5040.0 + r * (1.0 / 40320.0 + r * (1.0 / 362880.0 + r / 3628800.0)))
    h, low = pair_add(HUNDREDTWENTIETH, HUNDREDTWENTIETH_LOW, r * tail, 0.0)
    h, low = pair_mul(h, low, r, r_low)
    h, low = pair_add(h, low, TWENTYFOURTH, TWENTYFOURTH_LOW)
    h, low = pair_mul(h, low, r, r_low)
    h, low = pair_add(h, low, SIXTH, SIXTH_LOW)
    h, low = pair_mul(h, low, r, r_low)
    h, low = pair_add(h, low, 0.5, 0.0)
    h, low = pair_mul(h, low, r, r_low)
    h, low = pair_add(h, low, 1.0, 0.0)
    return pair_mul(h, low, r, r_low)


def exp_pair(x: f64, x_low: f64) -> tuple[f64, f64, i32]:
    """`exp` of a pair, |x| < 1100: (h, low, k) with exp = (h + low) * 2^k and 1/2 < h < 4."""
    n: f64 = nearest(x * INVERSE_LN2_64)
    # n has at most 17 bits, so its products with the first two parts are exact.
    r, r_low = pair_add(x - n * LN2_64_A, 0.0, x_low, 0.0)
    r, r_low = pair_add(r, r_low, -(n * LN2_64_B), 0.0)
    r, r_low = pair_add(r, r_low, -(n * LN2_64_C), 0.0)
    e, e_low = exp_series(r, r_low)
    whole: i32 = i32(n)
    j: i32 = whole & 63
    t: f64 = ptr[f64](POWERS_OF_TWO)[2 * j]
    t_low: f64 = ptr[f64](POWERS_OF_TWO)[2 * j + 1]
    p, p_low = pair_mul(t, t_low, e, e_low)
    h, low = pair_add(t, t_low, p, p_low)
    return h, low, whole >> 6


def real_exp(x: f64) -> f64:
    """exp(x)."""
    if x != x:
        return x
    if x > 710.0:
        return infinity()
    if x < -746.0:
        return 0.0
    if fabs(x) < NEGLIGIBLE:
        return 1.0 + x
    h, low, k = exp_pair(x, 0.0)
    return round_scaled(h, low, k)


# --- log ----------------------------------------------------------------------------------------------------


def log_parts(x: f64) -> tuple[i32, f64, f64]:
    """A finite x > 0 as 2^k * m: (k, log(m) as a pair), m in about [0.7, 1.42]."""
    k: i32 = 0
    if x < SMALLEST_NORMAL:
        x = x * SUBNORMAL_SCALE
        k = -54
    raw: i64 = bits(x)
    k += i32(raw >> 52) - 1023
    m: f64 = float_from_bits((raw & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000)
    if m > 1.4140625:
        m = m * 0.5
        k += 1
    j: i32 = i32(nearest(m * 128.0))
    c: f64 = f64(j) * 0.0078125
    sum_high, sum_low = two_sum(m, c)
    s, s_low = pair_div(m - c, 0.0, sum_high, sum_low)
    q, q_low = pair_mul(s, s_low, s, s_low)
    tail: f64 = q * (1.0 / 7.0 + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q / 13.0)))
    h, low = pair_add(FIFTH, FIFTH_LOW, tail, 0.0)
    h, low = pair_mul(h, low, q, q_low)
    h, low = pair_add(h, low, THIRD, THIRD_LOW)
    h, low = pair_mul(h, low, q, q_low)
    h, low = pair_mul(h, low, s, s_low)
    h, low = pair_add(s, s_low, h, low)
    at: i32 = 2 * (j - LOG_FIRST)
    h, low = pair_add(ptr[f64](LOGARITHMS)[at], ptr[f64](LOGARITHMS)[at + 1], 2.0 * h, 2.0 * low)
    return k, h, low


def log_pair(x: f64, x_low: f64) -> tuple[f64, f64]:
    """`log` of a finite pair > 0."""
    k, h, low = log_parts(x)
    n: f64 = f64(k)
    # n has at most 11 bits, so its products with the first two parts are exact.
    a, a_low = two_sum(n * LN2_A, n * LN2_B)
    a, a_low = pair_add(a, a_low, n * LN2_C, 0.0)
    h, low = pair_add(a, a_low, h, low)
    if x_low != 0.0:
        return pair_add(h, low, x_low / x, 0.0)
    return h, low


def log_special(x: f64) -> bool:
    """Whether log(x) is no finite number of a positive finite x."""
    return not (x > 0.0 and x < infinity())


def log_of_special(x: f64) -> f64:
    """log(x) where log_special(x)."""
    if x == 0.0:
        return -infinity()
    return x if x == infinity() else not_a_number()


def real_log(x: f64) -> f64:
    """Natural logarithm."""
    if log_special(x):
        return log_of_special(x)
    h, _ = log_pair(x, 0.0)
    return h


def real_log10(x: f64) -> f64:
    """Logarithm to base 10; exact for powers of 10."""
    if log_special(x):
        return log_of_special(x)
    h, low = log_pair(x, 0.0)
    h, _ = pair_mul(h, low, INVERSE_LN10, INVERSE_LN10_LOW)
    return h


def real_log2(x: f64) -> f64:
    """Logarithm to base 2; exact for powers of 2."""
    if log_special(x):
        return log_of_special(x)
    k, h, low = log_parts(x)
    h, low = pair_mul(h, low, INVERSE_LN2, INVERSE_LN2_LOW)
    h, _ = pair_add(f64(k), 0.0, h, low)
    return h


# --- pow ----------------------------------------------------------------------------------------------------


def is_odd(y: f64) -> bool:
    """Whether a finite y is an odd integer."""
    return trunc(y) == y and fabs(y) < INTEGERS_END and (i64(y) & 1) == 1


def pow_special(x: f64, y: f64) -> f64:
    """x^y for x of 0, infinity or NaN, or y of infinity or NaN, and not x = 1 or y = 0. Source: C99 annex F.9.4.4."""
    if x != x or y != y:
        return not_a_number()
    a: f64 = fabs(x)
    if fabs(y) == infinity():
        if a == 1.0:
            return 1.0
        return infinity() if (a > 1.0) == (y > 0.0) else 0.0
    result: f64 = 0.0 if (a == 0.0) == (y > 0.0) else infinity()
    return -result if bits(x) < 0 and is_odd(y) else result


def real_pow(x: f64, y: f64) -> f64:
    """x^y; NaN for a negative x unless y is an integer."""
    if y == 0.0 or x == 1.0:
        return 1.0
    a: f64 = fabs(x)
    if x != x or y != y or a == 0.0 or a == infinity() or fabs(y) == infinity():
        return pow_special(x, y)
    if x < 0.0 and trunc(y) != y:
        return not_a_number()
    negative: bool = x < 0.0 and is_odd(y)
    result: f64 = pow_positive(a, y)
    return -result if negative else result


def pow_positive(a: f64, y: f64) -> f64:
    """a^y for finite a > 0 and y."""
    h, low = log_pair(a, 0.0)
    estimate: f64 = h * y
    if estimate > 720.0:
        return infinity()
    if estimate < -760.0:
        return 0.0
    if a == 1.0:
        return 1.0
    if fabs(y) > HUGE or fabs(estimate) < NEGLIGIBLE:
        # a is 1 up to rounding, or y is next to nothing.
        return 1.0 + estimate
    p, e = two_product(h, y)
    p, e = quick_sum(p, e + low * y)
    r, r_low, k = exp_pair(p, e)
    return round_scaled(r, r_low, k)


# --- hyperbolic functions -----------------------------------------------------------------------------------


def exp_two(x: f64) -> tuple[f64, f64, f64, f64]:
    """exp(x) and exp(-x) as pairs, |x| < 50."""
    h, low, k = exp_pair(x, 0.0)
    h = scale(h, k)
    low = scale(low, k)
    q, q_low = pair_div(1.0, 0.0, h, low)
    return h, low, q, q_low


def real_sinh(x: f64) -> f64:
    """Hyperbolic sine."""
    a: f64 = fabs(x)
    if a < TINY:
        return x + x * (x * x * SIXTH)
    if a > 720.0 or x != x:
        return x * infinity()
    if a >= 40.0:
        h, low, k = exp_pair(a, 0.0)
        result: f64 = round_scaled(h, low, k - 1)
        return result if x > 0.0 else -result
    h, low, q, q_low = exp_two(x)
    h, _ = pair_add(h, low, -q, -q_low)
    return 0.5 * h


def real_cosh(x: f64) -> f64:
    """Hyperbolic cosine."""
    a: f64 = fabs(x)
    if x != x:
        return x
    if a > 720.0:
        return infinity()
    if a >= 40.0:
        h, low, k = exp_pair(a, 0.0)
        return round_scaled(h, low, k - 1)
    h, low, q, q_low = exp_two(x)
    h, _ = pair_add(h, low, q, q_low)
    return 0.5 * h


def real_tanh(x: f64) -> f64:
    """Hyperbolic tangent."""
    if x != x:
        return x
    if fabs(x) < TINY:
        return x - x * (x * x * THIRD)
    if fabs(x) >= 22.0:
        return 1.0 if x > 0.0 else -1.0
    h, low, q, q_low = exp_two(x)
    s, s_low = pair_add(h, low, -q, -q_low)
    c, c_low = pair_add(h, low, q, q_low)
    h, _ = pair_div(s, s_low, c, c_low)
    return h


def real_asinh(x: f64) -> f64:
    """Inverse hyperbolic sine."""
    a: f64 = fabs(x)
    if a < TINY:
        return x - x * (x * x * SIXTH)
    if x != x or a == infinity():
        return x
    h: f64 = a
    low: f64 = 0.0
    if a > HUGE:
        h, low = log_pair(a, 0.0)
        h, low = pair_add(h, low, LN2, LN2_LOW)
    else:
        q, q_low = two_product(a, a)
        q, q_low = pair_add(q, q_low, 1.0, 0.0)
        q, q_low = pair_sqrt(q, q_low)
        q, q_low = pair_add(q, q_low, a, 0.0)
        h, low = log_pair(q, q_low)
    return h if x > 0.0 else -h


def real_acosh(x: f64) -> f64:
    """Inverse hyperbolic cosine; NaN for x < 1."""
    if not (x >= 1.0):
        return not_a_number()
    if x == infinity():
        return x
    if x > HUGE:
        h, low = log_pair(x, 0.0)
        h, _ = pair_add(h, low, LN2, LN2_LOW)
        return h
    q, q_low = two_product(x, x)
    q, q_low = pair_add(q, q_low, -1.0, 0.0)
    q, q_low = pair_sqrt(q, q_low)
    q, q_low = pair_add(q, q_low, x, 0.0)
    h, _ = log_pair(q, q_low)
    return h


def real_atanh(x: f64) -> f64:
    """Inverse hyperbolic tangent; NaN for |x| > 1."""
    a: f64 = fabs(x)
    if not (a <= 1.0):
        return not_a_number()
    if a == 1.0:
        return x * infinity()
    if a < TINY:
        return x + x * (x * x * THIRD)
    p, p_low = two_sum(1.0, x)
    q, q_low = two_sum(1.0, -x)
    p, p_low = pair_div(p, p_low, q, q_low)
    h, _ = log_pair(p, p_low)
    return 0.5 * h
