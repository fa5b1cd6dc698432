"""Double-double arithmetic: a number as the unevaluated sum of two doubles, about 106 bits.

Owns the error-free transformations and the operations on pairs. A pair (h, l) is normalized: h is h + l rounded. The
mathematical functions compute in pairs, so that their results are rounded correctly but in very few cases.

Invariants:
  F1  two_sum and two_product are exact as long as nothing overflows or falls below 2^-1022 in the process; |a| < 2^995
      for two_product. Callers scale.
  F2  A result of pair_add, pair_mul, pair_div, pair_sqrt has a relative error below 2^-100.

Source: T. J. Dekker, "A floating-point technique for extending the available precision", 1971; J. R. Shewchuk, 1997.
"""

from turso_wasm.wasm.lang import f64, sqrt

__subset__ = True

SPLITTER = 134217729.0  # 2^27 + 1


def two_sum(a: f64, b: f64) -> tuple[f64, f64]:
    """`a` + b exactly."""
    s: f64 = a + b
    t: f64 = s - a
    return s, (a - (s - t)) + (b - t)


def quick_sum(a: f64, b: f64) -> tuple[f64, f64]:
    """`a` + b exactly, for |a| >= |b| or a = 0."""
    s: f64 = a + b
    return s, b - (s - a)


def two_product(a: f64, b: f64) -> tuple[f64, f64]:
    """`a` * b exactly."""
    p: f64 = a * b
    c: f64 = SPLITTER * a
    a_high: f64 = c - (c - a)
    a_low: f64 = a - a_high
    d: f64 = SPLITTER * b
    b_high: f64 = d - (d - b)
    b_low: f64 = b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def pair_add(a: f64, a_low: f64, b: f64, b_low: f64) -> tuple[f64, f64]:
    """`a` + b."""
    s, e = two_sum(a, b)
    t, f = two_sum(a_low, b_low)
    s, e = quick_sum(s, e + t)
    return quick_sum(s, e + f)


def pair_mul(a: f64, a_low: f64, b: f64, b_low: f64) -> tuple[f64, f64]:
    """`a` * b."""
    p, e = two_product(a, b)
    return quick_sum(p, e + (a * b_low + a_low * b))


def pair_div(a: f64, a_low: f64, b: f64, b_low: f64) -> tuple[f64, f64]:
    """`a` / b."""
    q: f64 = a / b
    p, e = pair_mul(q, 0.0, b, b_low)
    r, r_low = pair_add(a, a_low, -p, -e)
    second: f64 = r / b
    p, e = pair_mul(second, 0.0, b, b_low)
    r, r_low = pair_add(r, r_low, -p, -e)
    q, second = quick_sum(q, second)
    return pair_add(q, second, r / b, 0.0)


def pair_sqrt(a: f64, a_low: f64) -> tuple[f64, f64]:
    """The square root of a >= 0."""
    if a == 0.0:
        return 0.0, 0.0
    s: f64 = sqrt(a)
    p, e = two_product(s, s)
    r, _ = pair_add(a, a_low, -p, -e)
    return quick_sum(s, r / (2.0 * s))
