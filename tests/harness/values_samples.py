"""Random SQL values with a taste for trouble, and the same expression evaluated by SQLite."""

from __future__ import annotations

import math
import random
import re
import struct
from typing import Any

import apsw

from turso_wasm.values.types import SqlValue, bytes_text, text_bytes

INTEGERS = [0, 1, -1, 2, 10, 63, 64, 65, -63, -64, 2**31, 2**32, 2**47, 2**51, 2**53, 2**53 + 1, -(2**53) - 1, 2**62]
INTEGERS += [2**63 - 1, -(2**63), -(2**63) + 1, 10**18, 10**15, 999_999_999, 3037000500, 4294967296]
REALS = [0.0, -0.0, math.inf, -math.inf, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 0.5, 1.5, 2.5]
REALS += [1e15, 1e16, 1e17, 1e22, 1e23, 2.0**47, 2.0**51, 2.0**53, 2.0**62, 2.0**63, -(2.0**63), 9.95, 1e-4, 1e-5, 0.3]
PIECES = [
    "0",
    "1",
    "9",
    "5",
    "123",
    ".",
    "e",
    "E",
    "+",
    "-",
    " ",
    "\t",
    "\n",
    "x",
    "0x",
    "e5",
    "e-3",
    "e+10",
    "\0",
    "inf",
]
PIECES += [
    "99999999999999999999",
    "9223372036854775807",
    "9223372036854775808",
    "e400",
    "e-400",
    "00",
    "1e1",
    ".5",
    "5.",
]
WORDS = [
    "",
    "a",
    "A",
    "abc",
    "aBc ",
    "ABC",
    "é",
    "É",
    "日本語",
    "😀",
    "a%b_c",
    "100%",
    " x ",
    "'",
    "a\0b",
    "ß",
    "x" * 200,
]


def random_real(rng: random.Random) -> float:
    """Any double but NaN: random bits, short decimals, neighbours of round numbers, subnormals."""
    kind = rng.random()
    if kind < 0.3:
        while math.isnan(x := struct.unpack("<d", rng.randbytes(8))[0]):
            pass
        return float(x)
    if kind < 0.55:
        return float(f"{rng.randint(-(10 ** rng.randint(1, 17)), 10 ** rng.randint(1, 17))}e{rng.randint(-30, 20)}")
    if kind < 0.7:
        return math.nextafter(rng.choice(REALS), rng.choice([math.inf, -math.inf]))
    if kind < 0.85:
        return rng.randint(-1000, 1000) / rng.choice([1, 2, 4, 8, 10, 100])
    return math.ldexp(rng.random(), -1060) if kind < 0.9 else rng.choice(REALS)


def random_integer(rng: random.Random) -> int:
    """Any integer of 64 bits, small and extreme ones often."""
    kind = rng.random()
    if kind < 0.3:
        return rng.randint(-10, 10)
    if kind < 0.5:
        return rng.getrandbits(64) - 2**63
    return rng.choice(INTEGERS) if kind < 0.8 else rng.randint(-(10 ** rng.randint(1, 18)), 10 ** rng.randint(1, 18))


def random_numeric_text(rng: random.Random) -> str:
    """Text that is, or nearly is, a number."""
    kind = rng.random()
    if kind < 0.2:
        return str(random_integer(rng))
    if kind < 0.4:
        return repr(random_real(rng))
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(0, 6)))


def random_text(rng: random.Random) -> str:
    """Words, numeric text, and random characters of one to four bytes."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(WORDS)
    if kind < 0.7:
        return random_numeric_text(rng)
    return "".join(rng.choice("aAbBcC %_xyzé日😀\u00ff") for _ in range(rng.randint(0, 12)))


BROKEN = [
    b"a",
    b"b",
    b" ",
    b"\xff",
    b"\x80",
    b"\xc3",
    b"\xa9",
    b"\xe2\x82",
    b"\xf0\x9f\x98\x80",
    b"\xc1\xa1",
    b"\xed\xa0\x80",
]


def random_broken_text(rng: random.Random) -> str:
    """Text that need not be UTF-8, as surrogates."""
    return bytes_text(b"".join(rng.choice(BROKEN) for _ in range(rng.randint(0, 6))))


def random_value(rng: random.Random) -> SqlValue:
    """A value of any storage class."""
    kind = rng.random()
    if kind < 0.06:
        return None
    if kind < 0.33:
        return random_integer(rng)
    if kind < 0.6:
        return random_real(rng)
    if kind < 0.88:
        return random_text(rng)
    return rng.choice([random_numeric_text(rng).encode(), random_text(rng).encode(), rng.randbytes(rng.randint(0, 6))])


def identical(a: SqlValue, b: SqlValue) -> bool:
    """The same value of the same type; -0.0 differs from 0.0."""
    if type(a) is not type(b):
        return False
    return a == b and (not isinstance(a, float) or math.copysign(1, a) == math.copysign(1, b))  # type: ignore[arg-type]


class Oracle:
    """SQLite, evaluating expressions on parameters ?1, ?2, …"""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")

    def row(self, expressions: str, *parameters: SqlValue) -> tuple[Any, ...]:
        """The values of the expressions. Errors: apsw.Error, UnicodeDecodeError when a text is not UTF-8."""
        bound: list[SqlValue] = []
        for number, parameter in enumerate(parameters, 1):
            if isinstance(parameter, str) and not parameter.isascii():
                data = text_bytes(parameter)
                if bytes_text(data) != parameter or any("\ud800" <= c <= "\udfff" for c in parameter):
                    # Text that is not UTF-8 cannot be bound.
                    expressions = re.sub(rf"\?{number}\b", f"CAST(?{number} AS TEXT)", expressions)
                    parameter = data
            bound.append(parameter)
        return next(iter(self.connection.execute(f"SELECT {expressions}", bound)))

    def value(self, expression: str, *parameters: SqlValue) -> Any:
        """The value of one expression; a text that is not UTF-8 comes with surrogates, as in turso_wasm.values."""
        try:
            return self.row(expression, *parameters)[0]
        except UnicodeDecodeError:
            return bytes_text(self.row(f"CAST({expression} AS BLOB)", *parameters)[0])
