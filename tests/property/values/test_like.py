"""LIKE and GLOB match exactly what SQLite matches, on any bytes."""

from __future__ import annotations

import random

import apsw
import pytest

from tests.harness.effort import HEAVY
from tests.harness.values import STMT, ValuesKernel
from tests.harness.values_samples import Oracle, identical, random_value
from turso_wasm.base.errors import SqlError
from turso_wasm.values.types import SqlValue

ROUNDS = 200_000 if HEAVY else 600

oracle = Oracle()


@pytest.fixture(scope="module")
def kernel() -> ValuesKernel:
    return ValuesKernel(["turso_wasm.kernel.functions.like"])


def like(kernel: ValuesKernel, pattern: SqlValue, text: SqlValue, *escape: SqlValue) -> SqlValue:
    return kernel.value("like", STMT, pattern, text, escape[0] if escape else None, [len(escape)])


def random_bytes(rng: random.Random, alphabet: list[bytes], longest: int) -> bytes:
    return b"".join(rng.choice(alphabet) for _ in range(rng.randint(0, longest)))


PLAIN = [b"a", b"A", b"b", b"B", b"%", b"_", b"%", b"\\", "é".encode(), "É".encode()]
WILD = [
    *PLAIN,
    b"\xff",
    b"\x80",
    b"\xc3",
    b"\xa9",
    b"\xe2\x82",
    b"\xf0\x9f\x98\x80",
    b"\xc1\xa1",
    b"\0",
    b"\xed\xa0\x80",
]
SETS = [
    b"a",
    b"b",
    b"c",
    b"z",
    b"*",
    b"?",
    b"[",
    b"]",
    b"^",
    b"-",
    b"[a-c]",
    b"[^b]",
    b"[]a]",
    b"[a-",
    "[é-ü]".encode(),
]


def as_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


# Text that is not UTF-8 cannot be bound, so it is cast from a blob.
LIKE = "like(CAST(?1 AS TEXT), CAST(?2 AS TEXT))"
LIKE_ESCAPE = "like(CAST(?1 AS TEXT), CAST(?2 AS TEXT), '\\')"
GLOB = "glob(CAST(?1 AS TEXT), CAST(?2 AS TEXT))"


@pytest.mark.parametrize("alphabet", [PLAIN, WILD], ids=["valid", "invalid"])
def test_like(kernel: ValuesKernel, alphabet: list[bytes]) -> None:
    rng = random.Random(len(alphabet))
    matches = 0
    for _ in range(ROUNDS):
        pattern, text = random_bytes(rng, alphabet, 6), random_bytes(rng, alphabet, 9)
        plain, escaped = oracle.row(f"{LIKE}, {LIKE_ESCAPE}", pattern, text)
        assert like(kernel, as_text(pattern), as_text(text)) == plain, (pattern, text)
        assert like(kernel, as_text(pattern), as_text(text), "\\") == escaped, (pattern, text)
        matches += plain
    assert matches > ROUNDS // 50


def test_glob(kernel: ValuesKernel) -> None:
    rng = random.Random(3)
    matches = 0
    for _ in range(ROUNDS):
        pattern, text = random_bytes(rng, SETS, 5), random_bytes(rng, [*SETS[:10], "é".encode(), b"\xff", b"x"], 6)
        expected = oracle.row(GLOB, pattern, text)[0]
        assert kernel.value("glob", STMT, as_text(pattern), as_text(text)) == expected, (pattern, text)
        matches += expected
    assert matches > ROUNDS // 100


def test_operands_of_every_class(kernel: ValuesKernel) -> None:
    rng = random.Random(4)
    for _ in range(ROUNDS // 4):
        pattern = rng.choice([random_value(rng), "%", "%a%", "1%", "_"])
        text = random_value(rng)
        expected_like, expected_glob = oracle.row("like(?1, ?2), glob(?1, ?2)", pattern, text)
        assert identical(like(kernel, pattern, text), expected_like), (pattern, text)
        assert identical(kernel.value("glob", STMT, pattern, text), expected_glob), (pattern, text)


def test_case_sensitive_like(kernel: ValuesKernel) -> None:
    strict = Oracle()
    strict.connection.execute("PRAGMA case_sensitive_like = 1")
    rng = random.Random(5)
    for _ in range(ROUNDS // 4):
        pattern, text = as_text(random_bytes(rng, PLAIN, 5)), as_text(random_bytes(rng, PLAIN, 7))
        got = kernel.value("like_case", STMT, pattern, text, None, [0], [1])
        assert got == strict.value("?2 LIKE ?1", pattern, text)


ESCAPES: list[SqlValue] = [
    "",
    "xy",
    "é",
    "\\",
    b"\xff",
    b"ab",
    12,
    1,
    None,
    "\0",
    "a\0",
    "%",
    "_",
    "a",
    "A",
    "日本",
    1.5,
]


@pytest.mark.parametrize("escape", ESCAPES, ids=repr)
@pytest.mark.parametrize("pattern", ["a%c", "a%%c", "a__c", "a", "xa", "é%", "1a", "Aa", None, b"a"], ids=repr)
def test_escape(kernel: ValuesKernel, pattern: SqlValue, escape: SqlValue) -> None:
    for text in ["a%c", "abc", "a_c", "a", "%", "x", None]:
        try:
            expected = oracle.value("like(?1, ?2, ?3)", pattern, text, escape)
        except apsw.SQLError as error:
            with pytest.raises(SqlError) as caught:
                like(kernel, pattern, text, escape)
            assert (caught.value.code, caught.value.message) == (error.result, str(error))
        else:
            assert identical(like(kernel, pattern, text, escape), expected), text


def test_long_patterns_are_refused(kernel: ValuesKernel) -> None:
    assert like(kernel, "x" * 50_000, "x") == 0
    with pytest.raises(SqlError, match=r"^LIKE or GLOB pattern too complex$"):
        like(kernel, "x" * 50_001, "x")
    with pytest.raises(SqlError, match=r"^LIKE or GLOB pattern too complex$"):
        kernel.value("glob", STMT, "x" * 50_001, None)


def test_many_wildcards_take_no_exponential_time(kernel: ValuesKernel) -> None:
    assert like(kernel, "%a" * 40 + "b", "a" * 2000) == 0
    assert kernel.value("glob", STMT, "*a" * 40 + "b", "a" * 2000) == 0
