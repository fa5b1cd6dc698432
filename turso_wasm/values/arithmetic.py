"""Operators on SQL values, with NULL, text operands and integer overflow as in SQLite.

Source: https://sqlite.org/lang_expr.html section 2, and observed behaviour of SQLite 3.54.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from turso_wasm.values.conversion import to_integer, to_number, to_real, to_text
from turso_wasm.values.types import INTEGER_MAX, INTEGER_MIN, SqlValue, bytes_text, text_bytes


def _real(x: float) -> float | None:
    """A REAL result: NaN is NULL."""
    return None if math.isnan(x) else x


def _binary(a: SqlValue, b: SqlValue, f: Callable[[float, float], float]) -> SqlValue:
    """+, - or *: exact on integers unless the result needs more than 64 bits."""
    if a is None or b is None:
        return None
    x, y = to_number(a), to_number(b)
    if isinstance(x, int) and isinstance(y, int):
        exact = f(x, y)
        if INTEGER_MIN <= exact <= INTEGER_MAX:
            return exact
    return _real(f(to_real(a), to_real(b)))


def add(a: SqlValue, b: SqlValue) -> SqlValue:
    """`a` + b."""
    return _binary(a, b, operator.add)


def subtract(a: SqlValue, b: SqlValue) -> SqlValue:
    """`a` - b."""
    return _binary(a, b, operator.sub)


def multiply(a: SqlValue, b: SqlValue) -> SqlValue:
    """`a` * b."""
    return _binary(a, b, operator.mul)


def divide(a: SqlValue, b: SqlValue) -> SqlValue:
    """`a` / b: truncating on integers; NULL when b is 0."""
    if a is None or b is None:
        return None
    x, y = to_number(a), to_number(b)
    if y == 0:
        return None
    if isinstance(x, int) and isinstance(y, int):
        quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        if quotient <= INTEGER_MAX:
            return quotient
    return _real(to_real(a) / to_real(b))


def remainder(a: SqlValue, b: SqlValue) -> SqlValue:
    """`a` % b of both operands as integers; REAL if one of them was REAL; NULL when b is 0."""
    if a is None or b is None:
        return None
    real = isinstance(to_number(a), float) or isinstance(to_number(b), float)
    m, n = to_integer(a), to_integer(b)
    if n == 0:
        return None
    rest = int(math.copysign(1, m)) * (abs(m) % abs(n)) if m else 0
    return float(rest) if real else rest


def negate(a: SqlValue) -> SqlValue:
    """-a, which is 0 - a."""
    return subtract(0, a)


def concat(a: SqlValue, b: SqlValue) -> SqlValue:
    """`a` || b."""
    if a is None or b is None:
        return None
    # Through bytes: a character may be split between two blobs.
    return bytes_text(text_bytes(to_text(a)) + text_bytes(to_text(b)))


def _wrap(x: int) -> int:
    """`x` modulo 2^64, as a signed integer."""
    return (x - INTEGER_MIN) % 2**64 + INTEGER_MIN


def bit_and(a: SqlValue, b: SqlValue) -> SqlValue:
    """`a` & b."""
    return None if a is None or b is None else to_integer(a) & to_integer(b)


def bit_or(a: SqlValue, b: SqlValue) -> SqlValue:
    """`a` | b."""
    return None if a is None or b is None else to_integer(a) | to_integer(b)


def bit_not(a: SqlValue) -> SqlValue:
    """~a."""
    return None if a is None else ~to_integer(a)


def shift_left(a: SqlValue, b: SqlValue) -> SqlValue:
    """`a` << b; a negative b shifts right, arithmetically."""
    if a is None or b is None:
        return None
    return _shift(to_integer(a), to_integer(b))


def shift_right(a: SqlValue, b: SqlValue) -> SqlValue:
    """`a` >> b, arithmetic; a negative b shifts left."""
    if a is None or b is None:
        return None
    return _shift(to_integer(a), -to_integer(b))


def _shift(x: int, n: int) -> int:
    """`x` shifted left by n bits, right for negative n."""
    if n >= 64:
        return 0
    if n < 0:
        return x >> min(-n, 64)
    return _wrap(x << n)
