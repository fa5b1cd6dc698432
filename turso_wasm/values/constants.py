"""Mathematical constants to 60 digits, cut into doubles: what the tables of the kernel's mathematical functions are
made of.

Used when the kernel is built, never at run time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from decimal import Context, Decimal

CONTEXT = Context(prec=60)


def ratio(a: int, b: int) -> Decimal:
    """`a` / b."""
    return CONTEXT.divide(Decimal(a), Decimal(b))


def ln(x: int | Decimal) -> Constant:
    """The natural logarithm."""
    return Constant(CONTEXT.ln(Decimal(x)))


def power(base: int, exponent: Decimal) -> Decimal:
    """`base` ** exponent."""
    return CONTEXT.power(Decimal(base), exponent)


def arctangent(x: Decimal) -> Decimal:
    """The inverse tangent for 0 <= x <= 1, by its series after halving the angle five times."""
    with_one = Decimal(1)
    for _ in range(5):
        root = CONTEXT.sqrt(CONTEXT.add(with_one, CONTEXT.multiply(x, x)))
        x = CONTEXT.divide(x, CONTEXT.add(with_one, root))
    square = CONTEXT.multiply(x, x)
    total, term, n = Decimal(0), x, 1
    while abs(term) > Decimal(10) ** -70:
        total = CONTEXT.add(total, CONTEXT.divide(term, Decimal(n)))
        term = -CONTEXT.multiply(term, square)
        n += 2
    return CONTEXT.multiply(total, Decimal(32))


def pi() -> Constant:
    """Pi."""
    return Constant(CONTEXT.multiply(arctangent(Decimal(1)), Decimal(4)))


class Constant(Decimal):
    """A Decimal whose arithmetic keeps 60 digits."""

    def __truediv__(self, other: object) -> Constant:
        return Constant(CONTEXT.divide(self, Decimal(other)))  # type: ignore[arg-type]

    def __rtruediv__(self, other: object) -> Constant:
        return Constant(CONTEXT.divide(Decimal(other), self))  # type: ignore[arg-type]


def pair(x: Decimal) -> tuple[float, float]:
    """The doubles (high, low) whose sum is next to x."""
    high = float(x)
    return high, float(CONTEXT.subtract(x, Decimal(high)))


def parts(x: Decimal, bits: int) -> tuple[float, float, float]:
    """Three doubles whose sum is next to x, the first two truncated to that many bits."""
    found = []
    for _ in range(2):
        mantissa, exponent = float(x), 0
        while abs(mantissa) < 2.0**bits:
            mantissa, exponent = mantissa * 2, exponent - 1
        part = float(int(mantissa / 2)) * 2.0 ** (exponent + 1)
        found.append(part)
        x = CONTEXT.subtract(x, Decimal(part))
    return found[0], found[1], float(x)


def pairs(values: Iterable[Decimal]) -> bytes:
    """A table of pairs, little-endian."""
    return b"".join(struct.pack("<2d", *pair(value)) for value in values)


def two_over_pi(n: int) -> int:
    """The first n bits of 2/pi as an integer, from Machin's formula for pi: 16 atan(1/5) - 4 atan(1/239)."""
    one = 1 << (n + 64)
    quarter = 4 * _inverse_arctangent(5, one) - _inverse_arctangent(239, one)
    return (one * one // (2 * quarter)) >> 64


def _inverse_arctangent(x: int, one: int) -> int:
    """atan(1/x) * one."""
    total, term, n = 0, one // x, 1
    while term:
        total += term // n if n % 4 == 1 else -(term // n)
        term //= x * x
        n += 2
    return total
