"""printf prints what SQLite prints, for every conversion, flag, width and precision, on values of every class."""

from __future__ import annotations

import random

import apsw
import pytest

from tests.harness.effort import HEAVY
from tests.harness.values import ValuesKernel
from tests.harness.values_samples import (
    INTEGERS,
    REALS,
    Oracle,
    identical,
    random_broken_text,
    random_integer,
    random_real,
    random_text,
    random_value,
)
from turso_wasm.base.errors import SqlError
from turso_wasm.values.types import SqlValue

ROUNDS = 200_000 if HEAVY else 200

oracle = Oracle()


@pytest.fixture(scope="module")
def kernel() -> ValuesKernel:
    return ValuesKernel(["turso_wasm.kernel.functions.printf"])


def check(kernel: ValuesKernel, *values: SqlValue) -> None:
    marks = ", ".join(f"?{i + 1}" for i in range(len(values)))
    expected = oracle.value(f"printf({marks})", *values)
    got = kernel.variadic("fn_printf", list(values))
    assert identical(got, expected), (values, got, expected)


def random_spec(rng: random.Random, conversions: str, longest: int) -> str:
    flags = "".join(rng.choice("-+ 0#!,") for _ in range(rng.choice([0, 0, 1, 1, 2, 3])))
    width = rng.choice(["", "", str(rng.randint(1, longest))])
    precision = rng.choice(["", "", ".", f".{rng.randint(0, longest)}"])
    return f"%{flags}{width}{precision}{rng.choice(['', '', 'l', 'll'])}{rng.choice(conversions)}"


def test_integers(kernel: ValuesKernel) -> None:
    rng = random.Random(1)
    for _ in range(ROUNDS):
        check(kernel, f"<{random_spec(rng, 'diuxXopr', 25)}>", rng.choice([random_integer(rng), *INTEGERS]))


def test_reals(kernel: ValuesKernel) -> None:
    rng = random.Random(2)
    for _ in range(ROUNDS * 3):
        check(kernel, f"<{random_spec(rng, 'eEfgG', 30)}>", random_real(rng))


def ties(rng: random.Random) -> float:
    """Numbers that end in 5 behind the digits that will be kept, exactly or nearly."""
    digits = rng.randint(1, 16)
    return float(
        f"{rng.randrange(10 ** (digits - 1), 10**digits)}5e{rng.choice([0, 0, 1, 2, -1, -2, -5, -digits, 20])}"
    )


def test_rounding_of_ties(kernel: ValuesKernel) -> None:
    rng = random.Random(3)
    for _ in range(ROUNDS):
        x = ties(rng)
        digits = len(f"{x:.17g}".replace(".", "").partition("e")[0].strip("0"))
        check(kernel, f"%{rng.choice(['', '!'])}.{max(digits - rng.randint(1, 3), 0)}{rng.choice('eg')}", x)
        check(kernel, f"%{rng.choice(['', '!'])}.{rng.randint(0, 17)}f", x)


def test_text(kernel: ValuesKernel) -> None:
    rng = random.Random(4)
    for _ in range(ROUNDS):
        text = rng.choice([random_text(rng), random_broken_text(rng), 'it\'s "so"\n\\\x01é', None, random_value(rng)])
        check(kernel, f"<{random_spec(rng, 'szcqQwjJ', 12)}>", text)


def test_any_value_under_any_conversion(kernel: ValuesKernel) -> None:
    rng = random.Random(5)
    for _ in range(ROUNDS):
        formats = "".join(rng.choice(["", "a", "é", "%%"]) + random_spec(rng, "dxfgsqQc%n", 12) for _ in range(3))
        check(kernel, formats, *(random_value(rng) for _ in range(rng.randint(0, 4))))


def test_width_and_precision_from_arguments(kernel: ValuesKernel) -> None:
    rng = random.Random(6)
    sizes = [0, 1, 5, 12, -5, -12, 2**32 + 5, -(2**31), "7", 3.9, None]
    for _ in range(ROUNDS // 4):
        flags, conversion = rng.choice(["", "-", "0", "!"]), rng.choice("dfgsxqc")
        for form in (f"%{flags}*{conversion}|", f"%{flags}.*{conversion}|", f"%{flags}*.*{conversion}|"):
            values = [rng.choice(sizes) for _ in range(form.count("*"))]
            check(kernel, form, *values, rng.choice([42, -1.5, "héllo", None]))


@pytest.mark.parametrize("letter", [chr(c) for c in range(1, 128)], ids=repr)
def test_every_letter(kernel: ValuesKernel, letter: str) -> None:
    for value in [65, 255, -3.25, "x'y\"z", None]:
        check(kernel, f"<%{letter}|%d>", value, 7)
        check(kernel, f"<%12{letter}|%-12{letter}|%#{letter}|%.2{letter}|%d>", value, value, value, value, 7)


ODD = [
    "%",
    "a%",
    "%5",
    "%-",
    "%.",
    "%5.",
    "%l",
    "%lld",
    "%llld",
    "%hd",
    "%015,d",
    "%5-d",
    "%%%",
    "%5%|",
    "%-5%|",
    "",
    "é",
    "%d%",
]


@pytest.mark.parametrize(
    "odd", [*ODD, None, 12, 1.5, b"%d|", "a\0%d", "%99999999999s|", "%4294967301d|", "%.4294967301d|"]
)
def test_odd_formats(kernel: ValuesKernel, odd: SqlValue) -> None:
    for values in [(), (5,), ("x", 2)]:
        if odd == "%99999999999s|":
            with pytest.raises(SqlError, match=r"^string or blob too big$"):
                check_error(kernel, odd, *values)
        else:
            check(kernel, odd, *values)


def check_error(kernel: ValuesKernel, *values: SqlValue) -> None:
    marks = ", ".join(f"?{i + 1}" for i in range(len(values)))
    with pytest.raises(apsw.TooBigError, match=r"^string or blob too big$"):
        oracle.value(f"printf({marks})", *values)
    kernel.variadic("fn_printf", list(values))


@pytest.mark.parametrize("huge", ["%2147483647d", "%.2147483647d", "%2147483647s", "%2000000000f", "%.2000000000c"])
def test_too_big(kernel: ValuesKernel, huge: str) -> None:
    with pytest.raises(SqlError, match=r"^string or blob too big$"):
        check_error(kernel, huge, 1)


@pytest.mark.parametrize("x", REALS)
def test_special_reals(kernel: ValuesKernel, x: float) -> None:
    for spec in [
        "f",
        "e",
        "g",
        "!g",
        "#g",
        "010f",
        "-010e",
        "+.2f",
        " .3g",
        "020.3f",
        "#f",
        "#+f",
        "# f",
        ",f",
        ",.0f",
        "!.20f",
    ]:
        check(kernel, f"%{spec}", x)
        check(kernel, f"%{spec}", -x)
