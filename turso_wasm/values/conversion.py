"""Conversions between storage classes: affinity, CAST, truth.

Source: https://sqlite.org/datatype3.html sections 3 and 4, https://sqlite.org/lang_expr.html#castexpr
"""

from __future__ import annotations

import math

from turso_wasm.values.numbers import NumberKind, real_to_text, text_to_integer, text_to_number, text_to_real
from turso_wasm.values.types import INTEGER_MAX, INTEGER_MIN, Affinity, SqlValue, bytes_text, text_bytes

CAST_INTEGER_LIMIT = 2.0**51  # CAST AS NUMERIC keeps an integral REAL as it is from here on


def to_text(value: int | float | str | bytes) -> str:
    """The value as text; a blob's bytes are taken as UTF-8."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return bytes_text(value)
    return real_to_text(value) if isinstance(value, float) else str(value)


def to_number(value: SqlValue) -> int | float:
    """The value as an operand of arithmetic (NULL: 0): the number that text or blob begins with."""
    if value is None:
        return 0
    if isinstance(value, int | float):
        return value
    return text_to_number(to_text(value))[0]


def to_real(value: SqlValue) -> float:
    """The value as CAST AS REAL takes it (NULL: 0.0)."""
    if isinstance(value, str | bytes):
        return text_to_real(to_text(value))
    return 0.0 if value is None else float(value)


def real_to_integer(x: float) -> int:
    """`x` truncated toward zero, saturated; NaN gives 0."""
    if math.isnan(x):
        return 0
    if x >= 2.0**63:
        return INTEGER_MAX
    return INTEGER_MIN if x <= -(2.0**63) else int(x)


def to_integer(value: SqlValue) -> int:
    """The value as CAST AS INTEGER takes it (NULL: 0)."""
    if isinstance(value, float):
        return real_to_integer(value)
    if isinstance(value, str | bytes):
        return text_to_integer(to_text(value))
    return value or 0


def _integral(x: float, limit: float) -> int | float:
    """`x` as an integer if it is one, and lies within (-limit, limit)."""
    return int(x) if -limit < x < limit and x == int(x) else x


def apply_numeric(value: SqlValue) -> SqlValue:
    """Text that is wholly a number becomes that number; everything else stays."""
    if isinstance(value, str):
        number, kind = text_to_number(value)
        if kind == NumberKind.WHOLE:
            return number
    return value


def apply_affinity(value: SqlValue, affinity: Affinity) -> SqlValue:
    """What a column of that affinity makes of a value.

    Source: https://sqlite.org/datatype3.html section 3.
    """
    if affinity == Affinity.TEXT:
        return to_text(value) if isinstance(value, int | float) else value
    if not affinity.is_numeric:
        return value
    value = apply_numeric(value)
    if affinity == Affinity.REAL:
        return float(value) if isinstance(value, int) else value
    return _integral(value, 2.0**63) if isinstance(value, float) else value


def cast(value: SqlValue, affinity: Affinity) -> SqlValue:
    """CAST(value AS a type of that affinity)."""
    if value is None:
        return None
    if affinity == Affinity.TEXT:
        return to_text(value)
    if affinity == Affinity.BLOB:
        return value if isinstance(value, bytes) else text_bytes(to_text(value))
    if affinity == Affinity.INTEGER:
        return to_integer(value)
    if affinity == Affinity.REAL:
        return to_real(value)
    if isinstance(value, int | float):
        return value
    # Here, unlike in arithmetic, an integer that a NUL ends is an integer.
    number = to_number(to_text(value).partition("\0")[0])
    return _integral(number, CAST_INTEGER_LIMIT) if isinstance(number, float) else number


def store_real(value: SqlValue) -> SqlValue:
    """A value as the record of a REAL column holds it: a REAL that is an integer of at most 48 bits as INTEGER."""
    if isinstance(value, float) and -(2.0**47) <= value < 2.0**47:
        return _integral(value, 2.0**63)
    return value


def truth(value: SqlValue) -> bool | None:
    """The value as a condition; None for NULL."""
    if value is None:
        return None
    return to_number(value) != 0
