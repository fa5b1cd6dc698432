"""Functions on text and blobs give what SQLite gives, on values of every storage class and on broken UTF-8."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import apsw
import pytest

from tests.harness.effort import HEAVY
from tests.harness.values import STMT, ValuesKernel
from tests.harness.values_samples import (
    Oracle,
    identical,
    random_broken_text,
    random_integer,
    random_real,
    random_value,
)
from turso_wasm.base.errors import SqlError
from turso_wasm.values.types import SqlValue, bytes_text

ROUNDS = 50_000 if HEAVY else 100

oracle = Oracle()
Sample = Callable[[random.Random], SqlValue]


@pytest.fixture(scope="module")
def kernel() -> ValuesKernel:
    modules = [f"turso_wasm.kernel.functions.{part}" for part in ("text", "bytes", "unistr")]
    return ValuesKernel(modules, {"host_random": lambda p, n: None})


def any_value(rng: random.Random) -> SqlValue:
    return random_broken_text(rng) if rng.random() < 0.2 else random_value(rng)


def place(rng: random.Random) -> SqlValue:
    """A start or a count."""
    return (
        rng.randint(-9, 9)
        if rng.random() < 0.8
        else rng.choice([random_integer(rng), random_real(rng), None, "2x", b"1"])
    )


def few(rng: random.Random) -> SqlValue:
    """A text of few different characters, so that searches succeed."""
    text = "".join(rng.choice("aab é") for _ in range(rng.randint(0, 3)))
    if rng.random() < 0.3:
        return rng.choice([text.encode(), None, 1, 1.5, "\0", "a\0", random_broken_text(rng), b"\xa9", b"\xc3"])
    return text


def many(rng: random.Random) -> SqlValue:
    """A text to search in."""
    text = "".join(rng.choice("aab é\0") for _ in range(rng.randint(0, 12)))
    return rng.choice([text, text, text, text.encode(), random_broken_text(rng), 1121, 1.51])


def hexes(rng: random.Random) -> SqlValue:
    pieces = ["61", "fF", "0", " ", "-", "é", "g", "\0", "00", "7f"]
    text = "".join(rng.choice(pieces) for _ in range(rng.randint(0, 5)))
    return rng.choice([text, text, text.replace("g", ""), text.encode(), random_integer(rng), None])


CALLS: list[tuple[str, str, list[Sample]]] = [
    ("length(?1)", "fn_length", [any_value]),
    ("octet_length(?1)", "fn_octet_length", [any_value]),
    ("unicode(?1)", "fn_unicode", [any_value]),
    ("lower(?1)", "fn_lower", [any_value]),
    ("upper(?1)", "fn_upper", [any_value]),
    ("substr(?1, ?2)", "fn_substr_2", [any_value, place]),
    ("substr(?1, ?2, ?3)", "fn_substr_3", [any_value, place, place]),
    ("instr(?1, ?2)", "fn_instr", [many, few]),
    ("replace(?1, ?2, ?3)", "fn_replace", [many, few, few]),
    ("trim(?1)", "fn_trim_1", [any_value]),
    ("ltrim(?1)", "fn_ltrim_1", [any_value]),
    ("rtrim(?1)", "fn_rtrim_1", [any_value]),
    ("trim(?1, ?2)", "fn_trim_2", [many, few]),
    ("ltrim(?1, ?2)", "fn_ltrim_2", [many, few]),
    ("rtrim(?1, ?2)", "fn_rtrim_2", [many, few]),
    ("hex(?1)", "fn_hex", [any_value]),
    ("unhex(?1)", "fn_unhex_1", [hexes]),
    ("unhex(?1, ?2)", "fn_unhex_2", [hexes, few]),
    ("unhex(?1, ?2)", "fn_unhex_2", [hexes, lambda rng: rng.choice([" ", "- ", "é", "6", "\0", ""])]),
]


@pytest.mark.parametrize(("expression", "routine", "samples"), CALLS, ids=[expression for expression, _, _ in CALLS])
def test_function(kernel: ValuesKernel, expression: str, routine: str, samples: list[Sample]) -> None:
    rng = random.Random(expression)
    wrong = []
    for _ in range(ROUNDS):
        values = [sample(rng) for sample in samples]
        expected = oracle.value(expression, *values)
        got = kernel.value(routine, STMT, *values)
        if not identical(got, expected):
            wrong.append((values, got, expected))
    assert not wrong, (len(wrong), wrong[:6])


@pytest.mark.parametrize("separator", ["", ", ", None, 1, b"-"], ids=repr)
def test_concat(kernel: ValuesKernel, separator: SqlValue) -> None:
    rng = random.Random(1)
    for _ in range(ROUNDS // 5):
        values = [any_value(rng) for _ in range(rng.randint(1, 5))]
        marks = ", ".join(f"?{i + 1}" for i in range(len(values)))
        assert identical(kernel.variadic("fn_concat", values), oracle.value(f"concat({marks})", *values)), values
        joined = oracle.value(f"concat_ws(?{len(values) + 1}, {marks})", *values, separator)
        assert identical(kernel.variadic("fn_concat_ws", [separator, *values]), joined), values


def test_char(kernel: ValuesKernel) -> None:
    rng = random.Random(2)
    codes: list[SqlValue] = [
        0,
        65,
        0x7F,
        0x80,
        0x7FF,
        0x800,
        0xD800,
        0xDFFF,
        0xFFFE,
        0xFFFF,
        0x10000,
        0x10FFFF,
        0x110000,
    ]
    for _ in range(ROUNDS // 5):
        values = [
            rng.choice([rng.choice(codes), random_value(rng), rng.randrange(0x110000)])
            for _ in range(rng.randint(0, 5))
        ]
        marks = ", ".join(f"?{i + 1}" for i in range(len(values)))
        expected = bytes_text(oracle.row(f"CAST(char({marks}) AS BLOB)", *values)[0] or b"")
        assert identical(kernel.variadic("fn_char", values), expected), values


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Robert", "R163"),
        ("Rupert", "R163"),
        ("Ashcraft", "A226"),
        ("Tymczak", "T522"),
        ("Pfister", "P236"),
        ("Honeyman", "H555"),
        ("a", "A000"),
        ("  'bb", "B000"),
        ("", "?000"),
        ("123", "?000"),
        (None, "?000"),
    ],
)
def test_soundex(kernel: ValuesKernel, name: str | None, code: str) -> None:
    """Vowels, h, w and other characters separate equal codes."""
    assert kernel.value("fn_soundex", STMT, name) == code


def test_zeroblob(kernel: ValuesKernel) -> None:
    for n in [0, 1, 5, -1, None, "3x", 2.9, b"4"]:
        assert kernel.value("fn_zeroblob", STMT, n) == oracle.value("zeroblob(?1)", n)


@pytest.mark.parametrize("routine", ["fn_zeroblob", "fn_randomblob"])
@pytest.mark.parametrize("n", [1_000_000_001, 2**31, 2**63 - 1])
def test_too_big(kernel: ValuesKernel, routine: str, n: int) -> None:
    with pytest.raises(apsw.TooBigError):
        oracle.value(f"{routine[3:]}(?1)", n)
    with pytest.raises(SqlError, match=r"^string or blob too big$") as caught:
        kernel.value(routine, STMT, n)
    assert caught.value.code == 18


def test_randomness_comes_from_the_host() -> None:
    seen: list[int] = []

    def host_random(p: int, n: int) -> None:
        seen.append(n)
        kernel.write(p, os.urandom(n))

    kernel = ValuesKernel(["turso_wasm.kernel.functions.bytes"], {"host_random": host_random})
    assert len({kernel.value("fn_random_0", STMT) for _ in range(20)}) == 20
    for wanted, n in [(0, 1), (-5, 1), (None, 1), (1, 1), ("7", 7), (300, 300)]:
        blob = kernel.value("fn_randomblob", STMT, wanted)
        assert isinstance(blob, bytes) and len(blob) == n
    assert seen[:20] == [8] * 20


def test_random_is_never_the_smallest_integer() -> None:
    def host_random(p: int, n: int) -> None:
        kernel.write(p, (2**63).to_bytes(8, "little"))

    kernel = ValuesKernel(["turso_wasm.kernel.functions.bytes"], {"host_random": host_random})
    assert kernel.value("fn_random_0", STMT) == 0


ESCAPES = [
    "a",
    "é",
    "\\0041",
    "\\u00e9",
    "\\+01F600",
    "\\U0001F600",
    "\\\\",
    "\\",
    "\\u12",
    "\\D800",
    "\\0000",
    "\\FFFFx",
    "\\+110000",
    "\0",
]


def test_unistr(kernel: ValuesKernel) -> None:
    rng = random.Random(3)
    for _ in range(ROUNDS):
        value = rng.choice(
            ["".join(rng.choice(ESCAPES) for _ in range(rng.randint(0, 4))), random_value(rng), "\\UFFFFFFFF"]
        )
        try:
            expected = oracle.value("unistr(?1)", value)
        except apsw.SQLError as error:
            assert str(error) == "invalid Unicode escape"
            with pytest.raises(SqlError, match=r"^invalid Unicode escape$"):
                kernel.value("fn_unistr", STMT, value)
        else:
            assert identical(kernel.value("fn_unistr", STMT, value), expected), value


def test_unistr_quote(kernel: ValuesKernel) -> None:
    rng = random.Random(4)
    for _ in range(ROUNDS):
        text = "".join(rng.choice("ab'\\\n\x01\x7fé\0") for _ in range(rng.randint(0, 5)))
        value = rng.choice([text, text, any_value(rng)])
        assert identical(kernel.value("fn_unistr_quote", STMT, value), oracle.value("unistr_quote(?1)", value)), value
