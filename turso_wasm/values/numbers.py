"""Numbers and text: what SQLite reads as a number, and how it prints one.

The reference for number.py and number_text.py of kernel/values/, with Python's big integers instead of 64-bit tricks.
"""

from __future__ import annotations

import math
import re
from enum import IntEnum
from fractions import Fraction
from functools import cache

from turso_wasm.values.types import INTEGER_MAX, INTEGER_MIN

SPACES = " \t\n\v\f\r"
_NUMBER = re.compile(r"[ \t-\r]*([+-]?)([0-9]*)(?:(\.)([0-9]*))?([eE]([+-]?[0-9]+))?", re.ASCII)
_INTEGER = re.compile(r"[ \t-\r]*([+-]?[0-9]+)", re.ASCII)


class NumberKind(IntEnum):
    """How much of a text is a number."""

    NONE = 0
    PREFIX = 1
    WHOLE = 2


def text_to_number(text: str) -> tuple[int | float, NumberKind]:
    """The number a text begins with (0 when none), and how much of the text it is. Spaces around it are allowed.

    A NUL ends the text, but what it ends is never an integer.
    """
    match = _NUMBER.match(text)
    assert match is not None
    sign, whole, point, fraction, _, exponent = match.groups()
    if not whole and not fraction:
        return 0, NumberKind.NONE
    rest = text[match.end() :].lstrip(SPACES)
    kind = NumberKind.PREFIX if rest and rest[0] != "\0" else NumberKind.WHOLE
    if point is None and exponent is None and not (rest and kind == NumberKind.WHOLE):
        value = int(sign + whole)
        if INTEGER_MIN <= value <= INTEGER_MAX:
            return value, kind
    magnitude = digits_to_real(whole, fraction or "", int(exponent or 0))
    return (-magnitude if sign == "-" else magnitude), kind


def text_to_real(text: str) -> float:
    """The number a text begins with as a double (0.0 when none; "-0" gives -0.0)."""
    match = _NUMBER.match(text)
    assert match is not None
    sign, whole, _, fraction, _, exponent = match.groups()
    if not whole and not fraction:
        return 0.0
    magnitude = digits_to_real(whole, fraction or "", int(exponent or 0))
    return -magnitude if sign == "-" else magnitude


def digits_to_real(whole: str, fraction: str, exponent: int) -> float:
    """whole.fraction * 10^exponent, correctly rounded from the leading digits that fit 64 bits, as SQLite does."""
    digits = (whole + fraction).lstrip("0")
    exponent -= len(fraction)
    kept = len(digits)
    while kept > 19 and (kept > 20 or int(digits[:kept]) >= 2**64):
        kept -= 1
    exponent += len(digits) - kept
    significand = int(digits[:kept] or 0)
    if significand == 0 or exponent < -400:
        return 0.0
    return float(f"{significand}e{min(exponent, 400)}")


def text_to_integer(text: str) -> int:
    """The integer a text begins with, saturated; 0 when none: CAST(text AS INTEGER)."""
    match = _INTEGER.match(text)
    return min(max(int(match[1]), INTEGER_MIN), INTEGER_MAX) if match else 0


@cache
def _power_of_ten(q: int) -> tuple[int, int]:
    """10^q as (64 bits rounded down, binary exponent)."""
    power = Fraction(10) ** q
    exponent = math.floor(q * math.log2(10)) - 63
    significand = math.floor(power / Fraction(2) ** exponent)
    assert 2**63 <= significand < 2**64
    return significand, exponent


def real_digits(x: float) -> tuple[int, int]:
    """SQLite's first approximation of x > 0: (18 or 19 digits, exponent of ten)."""
    fraction, exponent = math.frexp(x)
    mantissa = int(fraction * 2**53)
    p = 17 - math.floor((exponent - 1) * math.log10(2))
    power, power_exponent = _power_of_ten(p)
    drop = -(exponent - 53 + power_exponent)
    return (mantissa * power + (1 << drop - 1)) >> drop, -p


def real_to_text(x: float) -> str:
    """`x` as SQLite 3.54 prints a REAL."""
    if x == 0 or math.isnan(x):
        return "0.0"
    sign = "-" if x < 0 else ""
    if math.isinf(x):
        return sign + "Inf"
    digits, exponent = _shorten(abs(x), *real_digits(abs(x)))
    text = str(digits)
    exponent += len(text) - 1
    text = text.rstrip("0")
    if not -4 <= exponent <= 16:
        return f"{sign}{text[0]}.{text[1:] or '0'}e{exponent:+03d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-1 - exponent)}{text}"
    text = text.ljust(exponent + 1, "0")
    return f"{sign}{text[: exponent + 1]}.{text[exponent + 1 :] or '0'}"


def _shorten(x: float, n: int, exponent: int) -> tuple[int, int]:
    """Round SQLite's 18 or 19 digits to 17, or to 14 when the digits behind look like noise and x is not lost.

    Noise is 99 at digits 15 and 16, or 000 at 14 to 16; of a large x (exponent > 0) already 00 at 14 and 15.
    """
    text = str(n)
    short: int | None = None
    if text[14:16] == "99":
        short = int(text[:14]) + 1
    elif text[13:15] == "00" and (text[15] == "0" or exponent > 0):
        short = int(text[:14])
    lost = len(text) - 14
    if short is not None and float(f"{short}e{exponent + lost}") == x:
        return short, exponent + lost
    lost = len(text) - 17
    return (n + 10**lost // 2) // 10**lost, exponent + lost
